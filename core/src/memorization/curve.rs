//! M(f) over time: when a share is first reached, when overfitting begins.

use alloc::vec::Vec;

use super::hits::Memorized;
use crate::check;
use crate::error::*;
use crate::memory::{try_all, try_grow};

/// M(f) at ascending times: epochs, or numbers of updates.
///
/// *Source*: Tirumala et al. 2022, section 3. T(N, tau) is the least number of times that each
/// training text was seen until M(f) >= tau: push M of the training set after every epoch.
/// T_update(N, tau) is the least U with M_update(f, U) >= tau, M_update being M on the batch of the
/// U-th update: push that, with U as the time.
///
/// Curves of shards of one data set at the same times merge.
///
/// # Tier
/// A.
/// # Example
/// ```
/// use pauca::memorization::{Curve, Memorized};
/// let mut curve = Curve::new();
/// for (epoch, hits) in [(1, 2), (2, 7), (3, 6), (4, 9)] {
///     curve.push(epoch, Memorized { hits, total: 10 })?;
/// }
/// assert_eq!(curve.first_reach(0.7)?, Some(2)); // that it fell again later does not matter
/// assert_eq!(curve.first_reach(0.95)?, None);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Curve {
    pub(super) times: Vec<u64>,
    pub(super) counts: Vec<Memorized>,
}

impl Curve {
    /// A curve without points.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a point.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a time that is not later than the last, or for more hits than
    /// contexts; [`Error::Empty`] for no contexts; [`Error::TooLarge`] for 2^63 or more; [`Error::OutOfMemory`].
    pub fn push(&mut self, time: u64, count: Memorized) -> Result<()> {
        count.fraction()?;
        let (expected, holds) = ("at most the contexts counted", count.hits <= count.total);
        check::parameter("hits", count.hits as f64, expected, holds)?;
        check::counted("contexts", count.total, 0)?;
        let (expected, holds) = ("later than the point before", self.times.last() < Some(&time));
        check::parameter("time", time as f64, expected, holds)?;
        try_grow(&mut self.times, 1)?;
        try_grow(&mut self.counts, 1)?;
        self.times.push(time);
        self.counts.push(count);
        Ok(())
    }

    /// Adds the curve of another shard of the data.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for other times; [`Error::TooLarge`] for 2^63 or more contexts. The curve is
    /// then as it was.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        check::same("list of times", self.times == other.times)?;
        for (mine, theirs) in self.counts.iter().zip(&other.counts) {
            check::counted("contexts", mine.total, theirs.total)?;
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(mine, theirs)| mine.merge(theirs));
        Ok(())
    }

    /// The times.
    pub fn times(&self) -> &[u64] {
        &self.times
    }

    /// The counts.
    pub fn counts(&self) -> &[Memorized] {
        &self.counts
    }

    /// M(f) at every time.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn fractions(&self) -> Result<Vec<f64>> {
        try_all(self.counts.iter().map(Memorized::fraction))
    }

    /// T(N, tau): the first time at which M(f) >= tau, compared in `f64`; none where it never is.
    /// It does not fall when tau grows.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] unless 0 < tau <= 1.
    pub fn first_reach(&self, tau: f64) -> Result<Option<u64>> {
        check::positive_fraction("tau", tau)?;
        for (&time, count) in self.times.iter().zip(&self.counts) {
            if count.fraction()? >= tau {
                return Ok(Some(time));
            }
        }
        Ok(None)
    }
}

/// The first index i >= 1 with `perplexity[i] > perplexity[i - 1]`; none where it never rises.
///
/// *Source*: Tirumala et al. 2022, section 4: overfitting begins at the first epoch at which the
/// perplexity of the validation set increases; M(f) there is the memorization before overfitting.
/// The loss in place of the perplexity gives the same index. Tier A.
///
/// # Errors
/// [`Error::NonFinite`] for a NaN or an infinity.
/// # Example
/// ```
/// use pauca::memorization::overfit_onset;
/// assert_eq!(overfit_onset(&[90.0, 60.0, 60.0, 61.0, 50.0])?, Some(3));
/// assert_eq!(overfit_onset(&[90.0])?, None);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn overfit_onset(perplexity: &[f64]) -> Result<Option<usize>> {
    check::finite("perplexities", perplexity.iter().copied())?;
    Ok(perplexity.windows(2).position(|pair| pair[1] > pair[0]).map(|i| i + 1))
}
