//! Pruning by length.

use ndarray::Array1;

use super::{Length, widened};
use crate::check;
use crate::error::Result;
use crate::params::{choices, setters};
use crate::select::{count, floor_of_share, marked, ranked, total, within};

/// How far to prune.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Cut {
    /// A share f of the documents: round_half_even(f n) of them go.
    Documents(f64),
    /// Everything beyond a length: longer than it, on the short side shorter than it.
    At(u64),
    /// A share of all tokens: documents go in order while what is removed stays at or below the
    /// share of the total.
    Tokens(f64),
}

/// Which documents go first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Side {
    /// The longest documents go first.
    #[default]
    Longest,
    /// The shortest documents go first.
    Shortest,
}

choices!(Side: Longest, Shortest);

/// Pruning by length: parameters.
///
/// Documents are ranked by length, the longest first (or the shortest), equal lengths by index;
/// a prefix of the ranking goes. [`Cut::Tokens`] takes documents while
/// removed + next <= share * total, compared exactly, so that afterwards
/// removed <= share * total < removed + next. No knapsack: the first document that does not fit
/// ends it. A document of no tokens always fits.
///
/// *Source*: Singh et al. 2024, as reported; default: 0.1 of the tokens, longest first.
///
/// # Shapes
/// lengths: \[n\].
/// # Ties, NaN
/// Equal lengths: the lower index goes first.
/// # Tier
/// A.
/// # Cost
/// O(n log n), 16 n bytes.
/// # Example
/// ```
/// use pauca::length::{Cut, LengthPruning};
/// let pruned = LengthPruning::new(Cut::Tokens(0.5)).select(&[10u32, 40, 30, 20])?;
/// // 40 of 100 tokens go; 40 + 30 would exceed 50.
/// assert_eq!(pruned.keep.to_vec(), [true, false, true, true]);
/// assert_eq!((pruned.removed_documents, pruned.removed_tokens), (1, 40));
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LengthPruning {
    cut: Cut,
    side: Side,
}

impl Default for LengthPruning {
    fn default() -> Self {
        Self::new(Cut::Tokens(0.1))
    }
}

/// What pruning by length leaves.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LengthPruned {
    /// `[n]`: whether the document stays.
    pub keep: Array1<bool>,
    /// Documents that go.
    pub removed_documents: u64,
    /// Tokens of the documents that go.
    pub removed_tokens: u64,
    /// All tokens.
    pub total_tokens: u64,
    /// The length where the cut fell: the last one that went; none when nothing did.
    pub cut: Option<u64>,
}

impl LengthPruned {
    /// Documents that stay.
    pub fn kept_documents(&self) -> u64 {
        (self.keep.len() as u64).saturating_sub(self.removed_documents)
    }

    /// Tokens that stay.
    pub fn kept_tokens(&self) -> u64 {
        self.total_tokens.saturating_sub(self.removed_tokens)
    }
}

impl LengthPruning {
    /// Pruning to this cut, longest documents first.
    pub fn new(cut: Cut) -> Self {
        Self { cut, side: Side::Longest }
    }

    setters! {
        /// Which documents go first.
        side: Side;
    }

    /// Which documents stay.
    ///
    /// # Errors
    /// [`InvalidParameter`](crate::Error::InvalidParameter) for a share outside \[0, 1\],
    /// [`TooLarge`](crate::Error::TooLarge) for 2^64 tokens and more,
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn select<L: Length>(&self, lengths: &[L]) -> Result<LengthPruned> {
        let lengths = widened(lengths)?;
        let n = lengths.len();
        let total_tokens = total(lengths.iter().copied())?;
        let order = ranked(n, |a, b| match self.side {
            Side::Longest => lengths[b].cmp(&lengths[a]),
            Side::Shortest => lengths[a].cmp(&lengths[b]),
        })?;
        let gone = match self.cut {
            Cut::Documents(share) => count("share", share, n)?,
            Cut::Tokens(share) => {
                check::fraction("share", share)?;
                within(&order, &lengths, floor_of_share(share, total_tokens))
            }
            Cut::At(cut) => order.partition_point(|&i| match self.side {
                Side::Longest => lengths[i] > cut,
                Side::Shortest => lengths[i] < cut,
            }),
        };
        let gone = &order[..gone];
        Ok(LengthPruned {
            keep: marked(n, gone, false)?,
            removed_documents: gone.len() as u64,
            removed_tokens: gone.iter().map(|&i| lengths[i]).sum(),
            total_tokens,
            cut: gone.last().map(|&i| lengths[i]),
        })
    }
}
