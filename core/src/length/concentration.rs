//! How much the longest documents hold.

use alloc::vec::Vec;

use super::{Length, share, widened};
use crate::check;
use crate::error::Result;
use crate::memory::{try_capacity, try_vec};
use crate::select::{ceil_of_share, count, total};

/// How unevenly tokens are spread over documents: Lorenz curve, Gini coefficient, and the share of
/// the longest.
///
/// *Source*: Lorenz 1905, Gini 1912; the share of the longest 2 % is the figure 1 of Singh et
/// al. 2024, as reported. All counts are exact integers; a share is one division.
///
/// # Tier
/// A.
/// # Example
/// ```
/// use pauca::length::Concentration;
/// let c = Concentration::of(&[1u32, 1, 1, 1, 1, 1, 1, 1, 1, 11])?;
/// assert_eq!(c.share_of_longest(0.1)?, Some(0.55));
/// assert_eq!(c.documents_that_hold(0.5)?, 1);
/// assert_eq!(c.gini, Some(0.45));
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Concentration {
    /// Documents.
    pub documents: u64,
    /// Tokens of all of them.
    pub tokens: u64,
    /// Gini coefficient; none where there is no token.
    pub gini: Option<f64>,
    /// Length of the longest document.
    pub longest: u64,
    /// Tokens of the i longest documents, i = 0..=n.
    cumulative: Vec<u64>,
}

impl Concentration {
    /// The concentration of these lengths.
    ///
    /// # Errors
    /// [`TooLarge`](crate::Error::TooLarge) beyond 2^32 - 1 documents or 2^64 - 1 tokens,
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn of<L: Length>(lengths: &[L]) -> Result<Self> {
        let mut lengths = widened(lengths)?;
        let n = lengths.len();
        check::at_most("documents", n, u32::MAX as usize)?;
        let tokens = total(lengths.iter().copied())?;
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        let mut cumulative = try_capacity(n + 1)?;
        let (mut sum, mut weighted) = (0, 0i128);
        cumulative.push(0);
        for (i, &length) in lengths.iter().enumerate() {
            sum += length;
            cumulative.push(sum);
            // The i-th longest is the (n - i)-th shortest; n² 2^64 fits.
            weighted += (n as i128 - 1 - 2 * i as i128) * length as i128;
        }
        let gini = (tokens > 0).then(|| weighted as f64 / tokens as f64 / n as f64);
        let longest = lengths.first().copied().unwrap_or(0);
        Ok(Self { documents: n as u64, tokens, gini, longest, cumulative })
    }

    /// Share of the tokens that the longest round_half_even(`documents` n) documents hold; none
    /// where there is no token.
    ///
    /// # Errors
    /// [`InvalidParameter`](crate::Error::InvalidParameter) for a share outside \[0, 1\].
    pub fn share_of_longest(&self, documents: f64) -> Result<Option<f64>> {
        let m = count("documents", documents, self.cumulative.len() - 1)?;
        Ok(share(self.cumulative[m], self.tokens))
    }

    /// The smallest number of documents that hold at least this share of the tokens, compared
    /// exactly: 0.1 as an `f64` is a little more than a tenth, which one of ten equal documents does
    /// not hold.
    ///
    /// # Errors
    /// [`InvalidParameter`](crate::Error::InvalidParameter) for a share outside \[0, 1\].
    pub fn documents_that_hold(&self, tokens: f64) -> Result<u64> {
        check::fraction("tokens", tokens)?;
        let enough = ceil_of_share(tokens, self.tokens);
        Ok(self.cumulative.partition_point(|sum| *sum < enough) as u64)
    }

    /// `points` + 1 points of the Lorenz curve, from (0, 0) to (1, 1): share of the documents,
    /// shortest first, and the share of the tokens that they hold. Empty where there is no token.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn lorenz(&self, points: usize) -> Result<Vec<(f64, f64)>> {
        let n = self.cumulative.len() - 1;
        let tokens = self.cumulative[n];
        if tokens == 0 || points == 0 {
            return Ok(Vec::new());
        }
        let mut curve = try_vec(points.saturating_add(1), (0.0, 0.0))?;
        for (i, point) in curve.iter_mut().enumerate() {
            let shortest = (i as u128 * n as u128 / points as u128) as usize;
            let held = tokens - self.cumulative[n - shortest];
            *point = (shortest as f64 / n as f64, held as f64 / tokens as f64);
        }
        Ok(curve)
    }
}
