//! The order of scores, and what is done with the first rows of a ranking.

use alloc::vec::Vec;
use core::cmp::Ordering;

use ndarray::Array1;

use crate::error::Result;
use crate::memory::{try_collect, try_vec};

/// The order of scores, the smaller one first. -0.0 equals 0.0; callers have refused NaN.
pub(crate) fn ascending(a: f64, b: f64) -> Ordering {
    // Adding +0.0 makes -0.0 equal to 0.0.
    (a + 0.0).total_cmp(&(b + 0.0))
}

/// The order of scores, the larger one first.
pub(crate) fn descending(a: f64, b: f64) -> Ordering {
    ascending(b, a)
}

/// Sorts rows by `order`, equal ones by row.
pub(crate) fn rank(rows: &mut [usize], order: impl Fn(usize, usize) -> Ordering) {
    rows.sort_unstable_by(|&a, &b| order(a, b).then(a.cmp(&b)));
}

/// The rows 0 to `n` - 1 by `order`, equal ones by row. O(n log n), 8 n bytes.
pub(crate) fn ranked(n: usize, order: impl Fn(usize, usize) -> Ordering) -> Result<Vec<usize>> {
    let mut rows = try_collect(0..n)?;
    rank(&mut rows, order);
    Ok(rows)
}

/// `[n]`: `mark` at these rows, its opposite elsewhere.
pub(crate) fn marked(n: usize, rows: &[usize], mark: bool) -> Result<Array1<bool>> {
    let mut out = try_vec(n, !mark)?;
    rows.iter().for_each(|&row| out[row] = mark);
    Ok(Array1::from_vec(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_and_zeros_of_both_signs_go_by_row() -> Result<()> {
        let scores = [0.0, 1.0, -0.0, f64::MIN, 1.0, 5e-324];
        assert_eq!(ranked(6, |a, b| ascending(scores[a], scores[b]))?, [3, 0, 2, 5, 1, 4]);
        assert_eq!(ranked(6, |a, b| descending(scores[a], scores[b]))?, [1, 4, 5, 0, 2, 3]);
        Ok(())
    }
}
