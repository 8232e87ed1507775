//! Statistics of ranks, in exact integers.

use alloc::vec::Vec;

use crate::check;
use crate::error::Result;
use crate::memory::{try_collect, try_vec};
use crate::select;

/// Rows in ascending order of `values`, equal ones by row; -0.0 equals 0.0.
fn ascending(values: &[f64]) -> Result<Vec<usize>> {
    select::ranked(values.len(), |a, b| select::ascending(values[a], values[b]))
}

/// Twice the average rank of every value: with `below` smaller values and `equal` equal ones
/// (itself among them) 2 below + equal + 1.
fn doubled_ranks(values: &[f64]) -> Result<Vec<u64>> {
    let order = ascending(values)?;
    let mut ranks = try_vec(values.len(), 0u64)?;
    let mut below = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let doubled = 2 * below as u64 + tied.len() as u64 + 1;
        tied.iter().for_each(|&i| ranks[i] = doubled);
        below += tied.len();
    }
    Ok(ranks)
}

/// Rank of every value, 1 for the smallest; equal values share the average of their places.
///
/// # Shapes
/// values: \[n\]; ranks: \[n\], multiples of 1/2 that sum to n (n + 1) / 2.
/// # Ties, NaN
/// -0.0 equals 0.0, infinities have their places, a NaN is an error; tier A.
/// # Errors
/// [`NonFinite`](crate::Error::NonFinite) names the first NaN; [`OutOfMemory`](crate::Error::OutOfMemory).
/// # Cost
/// O(n log n), 24 n bytes.
/// # Example
/// ```
/// assert_eq!(pauca::stats::average_ranks(&[0.3, 0.1, 0.3, 9.0])?, [2.5, 1.0, 2.5, 4.0]);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn average_ranks(values: &[f64]) -> Result<Vec<f64>> {
    check::not_nan("values", values)?;
    let doubled = doubled_ranks(values)?;
    try_collect(doubled.into_iter().map(|rank| rank as f64 / 2.0))
}

/// Spearman's rank correlation: Pearson's correlation of the average ranks, in \[-1, 1\].
///
/// With r, s the ranks, R = 2 r - (n + 1), S = 2 s - (n + 1) (whole numbers):
/// rho = sum R S / sqrt(sum R² sum S²). *Source*: Spearman 1904. The sums are exact integers,
/// rounded once; rho of a score with itself is exactly 1. `None` where it is undefined: fewer
/// than two rows, or one of the two constant.
///
/// # Shapes
/// x: \[n\], y: \[n\].
/// # Ties, NaN
/// Equal values share their average rank; a NaN is an error; tier A.
/// # Errors
/// [`ShapeMismatch`](crate::Error::ShapeMismatch), [`NonFinite`](crate::Error::NonFinite), [`OutOfMemory`](crate::Error::OutOfMemory).
/// # Cost
/// O(n log n), 32 n bytes.
/// # Example
/// ```
/// use pauca::stats::spearman;
/// assert_eq!(spearman(&[1.0, 2.0, 3.0], &[10.0, 100.0, 1e9])?, Some(1.0));
/// assert_eq!(spearman(&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 4.0, 3.0])?, Some(0.6));
/// assert_eq!(spearman(&[1.0, 2.0], &[7.0, 7.0])?, None);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn spearman(x: &[f64], y: &[f64]) -> Result<Option<f64>> {
    check::same_length("y", x.len(), y.len())?;
    check::not_nan("x", x)?;
    check::not_nan("y", y)?;
    let (r, s) = (doubled_ranks(x)?, doubled_ranks(y)?);
    let middle = x.len() as i128 + 1;
    // |R| < n, so the sums stay below n³ < 2^127 for every n that fits into memory.
    let (mut rr, mut rs, mut ss) = (0i128, 0i128, 0i128);
    for (&r, &s) in r.iter().zip(&s) {
        let (r, s) = (r as i128 - middle, s as i128 - middle);
        rr += r * r;
        rs += r * s;
        ss += s * s;
    }
    if rr == 0 || ss == 0 {
        return Ok(None);
    }
    Ok(Some((rs as f64 / libm::sqrt(rr as f64 * ss as f64)).clamp(-1.0, 1.0)))
}

/// Area under the ROC curve: how often a positive row scores above a negative one, ties counting
/// half; 0.5 is chance.
///
/// (#{(p, q): score_p > score_q} + #{(p, q): score_p = score_q} / 2) / (P Q) over the P positive
/// and Q negative rows. *Source*: Mann and Whitney 1947. Numerator and denominator are exact
/// integers, each rounded once. `None` where there is no positive or no negative row.
///
/// # Shapes
/// scores: \[n\], positive: \[n\].
/// # Ties, NaN
/// Equal scores count half; a NaN is an error; tier A.
/// # Errors
/// [`ShapeMismatch`](crate::Error::ShapeMismatch), [`NonFinite`](crate::Error::NonFinite), [`OutOfMemory`](crate::Error::OutOfMemory).
/// # Cost
/// O(n log n), 16 n bytes.
/// # Example
/// ```
/// use pauca::stats::auc;
/// assert_eq!(auc(&[0.1, 0.4, 0.4, 0.8], &[false, false, true, true])?, Some(0.875));
/// assert_eq!(auc(&[0.1, 0.4], &[true, true])?, None);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn auc(scores: &[f64], positive: &[bool]) -> Result<Option<f64>> {
    check::same_length("positive", scores.len(), positive.len())?;
    check::not_nan("scores", scores)?;
    let ranks = doubled_ranks(scores)?;
    let positives = positive.iter().filter(|p| **p).count() as u128;
    let negatives = scores.len() as u128 - positives;
    if positives == 0 || negatives == 0 {
        return Ok(None);
    }
    let sum: u128 = ranks.iter().zip(positive).filter(|(_, p)| **p).map(|(r, _)| *r as u128).sum();
    // Among themselves the positives hold twice the sum of 1..=P.
    let twice_above = sum - positives * (positives + 1);
    Ok(Some(twice_above as f64 / (2 * positives * negatives) as f64))
}

/// Kendall's tau-b: concordant less discordant pairs, with ties discounted, in \[-1, 1\].
///
/// (C - D) / sqrt((N - X) (N - Y)) with N = n (n - 1) / 2 pairs, of which X tie in x and Y in y.
/// *Source*: Kendall 1945; counted by Knight's merge sort (1966). All counts are exact integers.
/// `None` where one of the two is constant or n < 2.
///
/// # Shapes
/// x: \[n\], y: \[n\].
/// # Ties, NaN
/// As in the formula; a NaN is an error; tier A.
/// # Errors
/// [`ShapeMismatch`](crate::Error::ShapeMismatch), [`NonFinite`](crate::Error::NonFinite), [`OutOfMemory`](crate::Error::OutOfMemory).
/// # Cost
/// O(n log n), 40 n bytes.
/// # Example
/// ```
/// use pauca::stats::kendall;
/// assert_eq!(kendall(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 4.0, 3.0])?, Some(2.0 / 3.0));
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn kendall(x: &[f64], y: &[f64]) -> Result<Option<f64>> {
    check::same_length("y", x.len(), y.len())?;
    check::not_nan("x", x)?;
    check::not_nan("y", y)?;
    let (r, s) = (doubled_ranks(x)?, doubled_ranks(y)?);
    let mut pairs = try_collect(r.into_iter().zip(s))?;
    pairs.sort_unstable();
    let choose = |n: usize| n as i128 * (n as i128 - 1) / 2;
    let all = choose(x.len());
    let in_x: i128 = pairs.chunk_by(|a, b| a.0 == b.0).map(|t| choose(t.len())).sum();
    let in_both: i128 = pairs.chunk_by(|a, b| a == b).map(|t| choose(t.len())).sum();
    let mut s = try_collect(pairs.iter().map(|p| p.1))?;
    // Within a tie of x the pairs ascend in y, so every inversion is a discordant pair.
    let discordant = inversions(&mut s, &mut try_vec(x.len(), 0)?) as i128;
    let in_y: i128 = s.chunk_by(|a, b| a == b).map(|t| choose(t.len())).sum();
    if all == in_x || all == in_y {
        return Ok(None);
    }
    let concordant = all - in_x - in_y + in_both - discordant;
    let untied = (all - in_x) as f64 * (all - in_y) as f64;
    Ok(Some(((concordant - discordant) as f64 / libm::sqrt(untied)).clamp(-1.0, 1.0)))
}

/// Sorts `values` and counts the pairs that stood in falling order.
fn inversions(values: &mut [u64], spare: &mut [u64]) -> u128 {
    let (n, mut count, mut run) = (values.len(), 0u128, 1);
    while run < n {
        for start in (0..n).step_by(2 * run) {
            let (middle, end) = ((start + run).min(n), (start + 2 * run).min(n));
            let (mut left, mut right) = (start, middle);
            for slot in &mut spare[start..end] {
                let take_left = left < middle && (right == end || values[left] <= values[right]);
                *slot = if take_left {
                    left += 1;
                    values[left - 1]
                } else {
                    count += (middle - left) as u128;
                    right += 1;
                    values[right - 1]
                };
            }
        }
        values.copy_from_slice(spare);
        run *= 2;
    }
    count
}
