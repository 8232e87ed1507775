//! Pruning by length.

use alloc::vec::Vec;

use ndarray::Array1;

use super::{Length, widened, within_unit};
use crate::error::Result;
use crate::memory::{try_capacity, try_vec};
use crate::stats::round_half_even;

/// How far to prune.
#[derive(Clone, Copy, Debug, PartialEq)]
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
pub struct LengthPruned {
    /// `[n]`: whether the document stays.
    pub keep: Array1<bool>,
    /// Documents that go.
    pub removed_documents: u64,
    /// Tokens of the documents that go.
    pub removed_tokens: u128,
    /// All tokens.
    pub total_tokens: u128,
    /// The length where the cut fell: the last one that went; none when nothing did.
    pub cut: Option<u64>,
}

impl LengthPruned {
    /// Documents that stay.
    pub fn kept_documents(&self) -> u64 {
        self.keep.len() as u64 - self.removed_documents
    }

    /// Tokens that stay.
    pub fn kept_tokens(&self) -> u128 {
        self.total_tokens - self.removed_tokens
    }
}

impl LengthPruning {
    /// Pruning to this cut, longest documents first.
    pub fn new(cut: Cut) -> Self {
        Self { cut, side: Side::Longest }
    }

    /// Which documents go first.
    pub fn side(mut self, side: Side) -> Self {
        self.side = side;
        self
    }

    /// Which documents stay.
    ///
    /// # Errors
    /// [`InvalidParameter`](crate::Error::InvalidParameter) for a share outside \[0, 1\],
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn select<L: Length>(&self, lengths: &[L]) -> Result<LengthPruned> {
        if let Cut::Documents(share) | Cut::Tokens(share) = self.cut {
            within_unit("share", share)?;
        }
        let lengths = widened(lengths)?;
        let n = lengths.len();
        let total: u128 = lengths.iter().map(|&l| l as u128).sum();
        let mut order: Vec<usize> = try_capacity(n)?;
        order.extend(0..n);
        order.sort_unstable_by(|&a, &b| {
            let by_length = match self.side {
                Side::Longest => lengths[b].cmp(&lengths[a]),
                Side::Shortest => lengths[a].cmp(&lengths[b]),
            };
            by_length.then(a.cmp(&b))
        });
        let budget = match self.cut {
            Cut::Tokens(share) => floor_of_share(share, total),
            _ => total,
        };
        let documents = match self.cut {
            Cut::Documents(share) => round_half_even(share * n as f64) as usize,
            _ => n,
        };
        let beyond = |length: u64| match (self.cut, self.side) {
            (Cut::At(cut), Side::Longest) => length > cut,
            (Cut::At(cut), Side::Shortest) => length < cut,
            _ => true,
        };
        let mut pruned = LengthPruned {
            keep: Array1::from_vec(try_vec(n, true)?),
            removed_documents: 0,
            removed_tokens: 0,
            total_tokens: total,
            cut: None,
        };
        for &i in order.iter().take(documents) {
            let tokens = lengths[i] as u128;
            if !beyond(lengths[i]) || pruned.removed_tokens + tokens > budget {
                break;
            }
            pruned.keep[i] = false;
            pruned.removed_documents += 1;
            pruned.removed_tokens += tokens;
            pruned.cut = Some(lengths[i]);
        }
        Ok(pruned)
    }
}

/// floor(share * total) of the exact product, for a share in [0, 1] and a total below 2^127.
fn floor_of_share(share: f64, total: u128) -> u128 {
    // share = m 2^-k with m below 2^53.
    let bits = share.to_bits();
    let field = bits >> 52 & 0x7ff;
    let fraction = bits & ((1 << 52) - 1);
    let (m, k) = if field == 0 { (fraction, 1074) } else { (fraction | 1 << 52, 1075 - field as u32) };
    let low = m as u128 * (total & u64::MAX as u128);
    let high = m as u128 * (total >> 64) + (low >> 64);
    let low = low & u64::MAX as u128;
    // (high 2^64 + low) >> k, where k is 52 or more: a share of at most 1.
    if k >= 64 { high.checked_shr(k - 64).unwrap_or(0) } else { (high << (64 - k)) + (low >> k) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_of_shares_are_exact() {
        for total in [0u128, 1, 2, 3, 10, 1 << 64, (1 << 100) - 1] {
            assert_eq!(floor_of_share(0.0, total), 0);
            assert_eq!(floor_of_share(1.0, total), total);
            assert_eq!(floor_of_share(0.5, total), total / 2);
            assert_eq!(floor_of_share(0.375, total), total / 8 * 3 + total % 8 * 3 / 8);
            assert_eq!(floor_of_share(f64::from_bits(1), total), 0);
        }
        // 0.1 is a little more than a tenth, 0.3 a little less than three.
        assert_eq!(floor_of_share(0.1, 10), 1);
        assert_eq!(floor_of_share(0.3, 10), 2);
        // The double below 1 times 2^53 is 2^53 - 1.
        assert_eq!(floor_of_share(1.0 - f64::EPSILON / 2.0, 1 << 53), (1 << 53) - 1);
    }
}
