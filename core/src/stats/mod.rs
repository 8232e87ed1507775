//! Counting rules (how a fraction becomes a number of rows, how a number is shared out), and the
//! statistics that reports are made of.
//!
//! | question | item | tier |
//! |---|---|---|
//! | how many rows a fraction is | [`round_half_even`], [`largest_remainder`] | A |
//! | where a distribution lies | [`quantile`] | A |
//! | whether two scores order rows alike | [`average_ranks`], [`spearman`], [`kendall`] | A |
//! | whether a score tells two groups apart | [`auc`] | A |
//! | how unevenly a total is spread | [`gini`] | A |
//! | how far chance moves any of these | [`bootstrap`], [`Interval`] | A, as the statistic |
//!
//! Rank statistics are ratios of integers: ranks are counted twice over, so that averaged ranks
//! are whole, and all sums are exact. The only roundings are those of the last formula, so the
//! order of the rows never changes a bit.

mod bootstrap;
mod ranks;
mod spread;

pub use bootstrap::{Interval, bootstrap};
pub use ranks::{auc, average_ranks, kendall, spearman};
pub use spread::{gini, quantile};

use alloc::vec::Vec;

use crate::error::Result;
use crate::memory::try_capacity;

/// The nearest integer, ties to even; the one rule by which a fraction of n becomes a count.
///
/// ```
/// use pauca::stats::round_half_even;
/// assert_eq!(round_half_even(2.5), 2.0);
/// assert_eq!(round_half_even(3.5), 4.0);
/// assert_eq!(round_half_even(0.5), 0.0);
/// ```
pub fn round_half_even(x: f64) -> f64 {
    libm::rint(x)
}

/// Shares `total` out over parts in proportion to `sizes`, by largest remainder: part j gets the
/// floor of its exact share total sizes_j / sum(sizes), and the parts with the largest
/// remainders one more, equal remainders to the lower index. Shares sum to `total` exactly and
/// never exceed their size while `total` <= sum(sizes). O(k log k).
///
/// # Errors
/// [`OutOfMemory`](crate::Error::OutOfMemory).
///
/// ```
/// assert_eq!(pauca::stats::largest_remainder(5, &[4, 4, 2])?, [2, 2, 1]);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn largest_remainder(total: u64, sizes: &[u64]) -> Result<Vec<u64>> {
    let sum: u128 = sizes.iter().map(|&s| s as u128).sum();
    let mut shares = try_capacity(sizes.len())?;
    let mut remainders: Vec<(u128, usize)> = try_capacity(sizes.len())?;
    for (j, &size) in sizes.iter().enumerate() {
        let product = total as u128 * size as u128;
        shares.push((product / sum.max(1)) as u64);
        remainders.push((product % sum.max(1), j));
    }
    let given: u64 = shares.iter().sum();
    remainders.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    if sum > 0 {
        for &(_, j) in remainders.iter().take((total - given) as usize) {
            shares[j] += 1;
        }
    }
    Ok(shares)
}
