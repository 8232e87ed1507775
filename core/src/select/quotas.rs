//! How many rows each group gives: in proportion, or as near to given shares as bounds allow.
//!
//! # Shares within bounds
//!
//! Wanted: the whole numbers q with lo_j <= q_j <= hi_j and sum q = N that minimize
//! sum (q_j - N w_j / W)², W = sum w.
//!
//! 1. Without "whole", x_j = min(max(N w_j / W + v, lo_j), hi_j) for the one water level v at which
//!    they sum to N (the Karush-Kuhn-Tucker conditions of a projection). The sum rises with v and
//!    bends where some x_j leaves lo_j or reaches hi_j: those 2 k levels are sorted and the bend at
//!    which the sum first reaches N is found by bisection. Between it and the bend before, the
//!    same f parts are free and share what the others leave.
//! 2. Every free part gets the whole part of x_j, and the parts with the largest remainders one
//!    more, equal ones by index. This is the best whole solution: one more unit for part j costs
//!    2 (q_j - N w_j / W) + 1, so the best solution takes the N - sum lo cheapest units; of a free
//!    part the unit from floor(x_j) on costs 2 (v - remainder_j) + 1, of a part at hi_j the last
//!    one at most 2 (v - 1) + 1, of a part at lo_j the next one at least 2 v + 1.
//!
//! Levels are integers, in units of 1 / W; the free parts' shares have the denominator f W. With
//! N, sum hi < 2^42, w <= 2^52 and fewer than 2^32 parts no product reaches 2^127: nothing is
//! rounded.

use alloc::vec::Vec;
use core::ops::Range;

use crate::error::Result;
use crate::memory::try_capacity;

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
    let mut remainders = try_capacity(sizes.len())?;
    let mut left = if sum > 0 { total } else { 0 };
    for (j, &size) in sizes.iter().enumerate() {
        let product = total as u128 * size as u128;
        let share = (product / sum.max(1)) as u64;
        shares.push(share);
        left -= share;
        remainders.push((product % sum.max(1), j));
    }
    round_up(&mut shares, remainders, left);
    Ok(shares)
}

/// One more for the `left` parts of the largest remainders, equal ones by index.
fn round_up<R: Ord>(shares: &mut [u64], mut remainders: Vec<(R, usize)>, left: u64) {
    remainders.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    remainders.iter().take(left as usize).for_each(|&(_, j)| shares[j] += 1);
}

/// Leaves of the ranked rows the first of each group, as many as its quota says.
pub(crate) fn take_quotas(ranked: &mut Vec<usize>, group: impl Fn(usize) -> u32, mut quotas: Vec<u64>) {
    ranked.retain(|&row| {
        let left = &mut quotas[group(row) as usize];
        let taken = *left > 0;
        *left -= u64::from(taken);
        taken
    });
}

/// Rows of all clusters together must be fewer.
pub(crate) const LIMIT: u64 = 1 << 42;
/// The largest weight.
pub(crate) const ONE: u64 = 1 << 52;

/// The problem: shares in proportion to `weights`, within `lows` and `highs`.
pub(crate) struct Shares<'a> {
    pub total: u64,
    /// At most [`ONE`]; one at least is positive.
    pub weights: &'a [u64],
    pub lows: &'a [u64],
    /// No sum of them reaches [`LIMIT`]; `total` lies between the sums of both bounds.
    pub highs: &'a [u64],
}

impl Shares<'_> {
    /// The quotas. O(k log k), 72 k bytes.
    pub(crate) fn quotas(&self) -> Result<Vec<u64>> {
        let k = self.weights.len();
        let weight: i128 = self.weights.iter().map(|&w| i128::from(w)).sum();
        let target = i128::from(self.total) * weight;
        let mut bends: Vec<i128> = try_capacity(2 * k)?;
        for j in 0..k {
            let range = self.range(j, weight);
            bends.extend([range.start, range.end]);
        }
        bends.sort_unstable();
        let at = bends.partition_point(|&level| self.filled(level, weight) < target);
        let (below, level) = match at.checked_sub(1) {
            // Even the lowest level is enough: every part is at its lower bound.
            None => (i128::MIN, i128::MIN),
            Some(before) => (bends[before], bends[at.min(2 * k - 1)]),
        };
        let free = |j: usize| {
            let range = self.range(j, weight);
            range.start <= below && level <= range.end && range.start < range.end
        };
        let (mut count, mut rest, mut free_weight) = (0i128, i128::from(self.total), 0i128);
        let mut quotas: Vec<u64> = try_capacity(k)?;
        for j in 0..k {
            if free(j) {
                count += 1;
                free_weight += i128::from(self.weights[j]);
                quotas.push(0);
            } else {
                let quota = if level <= self.range(j, weight).start { self.lows[j] } else { self.highs[j] };
                rest -= i128::from(quota);
                quotas.push(quota);
            }
        }
        if count == 0 {
            return Ok(quotas);
        }
        // x_j = (f N w_j + rest W - N sum over the free w) / (f W).
        let (common, denominator) = (rest * weight - i128::from(self.total) * free_weight, count * weight);
        let mut remainders: Vec<(i128, usize)> = try_capacity(count as usize)?;
        for j in (0..k).filter(|&j| free(j)) {
            let share = count * (i128::from(self.total) * i128::from(self.weights[j])) + common;
            quotas[j] = (share / denominator) as u64;
            rest -= share / denominator;
            remainders.push((share % denominator, j));
        }
        round_up(&mut quotas, remainders, rest as u64);
        Ok(quotas)
    }

    /// The levels between which part j moves from its lower to its upper bound.
    fn range(&self, j: usize, weight: i128) -> Range<i128> {
        let share = i128::from(self.total) * i128::from(self.weights[j]);
        i128::from(self.lows[j]) * weight - share..i128::from(self.highs[j]) * weight - share
    }

    /// W times the sum of all x_j at this level.
    fn filled(&self, level: i128, weight: i128) -> i128 {
        let part = |j: usize| {
            let range = self.range(j, weight);
            let share = i128::from(self.total) * i128::from(self.weights[j]);
            share + level.clamp(range.start, range.end)
        };
        (0..self.weights.len()).map(part).sum()
    }
}
