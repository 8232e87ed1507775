//! Choices by seed and row id: pairs that do not belong together, and caps on groups.

use alloc::vec::Vec;

use ndarray::Array1;

use crate::check;
use crate::error::Result;
use crate::memory::{try_collect, try_up_to, try_vec};
use crate::random::{Stream, streams};

/// `partner[i]` != i for every row: the texts to set against pictures i as *wrong* pairs.
///
/// Rows are ordered by (random bits of row i, i) and each gets the next one, the last the first:
/// a uniformly random cycle, so every row is a partner exactly once and nobody's own.
///
/// # Tier
/// A: a function of the seed and n.
/// # Errors
/// `InvalidParameter` for fewer than 2 rows, `OutOfMemory`.
/// # Cost
/// O(n log n), 24 n bytes.
/// # Example
/// ```
/// let partner = pauca::alignment::mismatched(5, 7)?;
/// assert!((0..5).all(|i| partner[i] != i));
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn mismatched(n: usize, seed: u64) -> Result<Vec<usize>> {
    check::parameter("rows", n as f64, "at least 2", n >= 2)?;
    let stream = Stream::new(seed, streams::MISMATCHED);
    let mut order = try_collect((0..n).map(|i| (stream.bits(i as u64, 0), i)))?;
    order.sort_unstable();
    let mut partner = try_vec(n, 0)?;
    for (k, &(_, i)) in order.iter().enumerate() {
        partner[i] = order[(k + 1) % n].1;
    }
    Ok(partner)
}

/// Whether row i is among the `cap` rows of its group that are kept: those with the smallest
/// (random bits of the row's id, id).
///
/// The choice depends on the seed and the row ids alone: a group spread over shards is capped by
/// capping each shard, then the union of what was left, with the same answer.
///
/// # Shapes
/// groups, row_ids: `[n]`. Equal ids in one group tie, and the lower index is kept.
/// # Tier
/// A.
/// # Errors
/// `ShapeMismatch`, `OutOfMemory`.
/// # Cost
/// O(n log n), 32 n bytes.
/// # Example
/// ```
/// let keep = pauca::alignment::balanced_sample(&[7, 7, 7, 9], &[0, 1, 2, 3], 2, 1)?;
/// assert_eq!(keep.iter().filter(|k| **k).count(), 3);
/// assert!(keep[3]);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn balanced_sample(groups: &[u64], row_ids: &[u64], cap: usize, seed: u64) -> Result<Array1<bool>> {
    let n = groups.len();
    check::same_length("row ids", n, row_ids.len())?;
    let stream = Stream::new(seed, streams::BALANCED_SAMPLE);
    let mut order = try_up_to(n, (0..n).map(|i| (groups[i], stream.bits(row_ids[i], 0), row_ids[i], i)))?;
    order.sort_unstable();
    let mut keep = try_vec(n, false)?;
    for group in order.chunk_by(|a, b| a.0 == b.0) {
        group.iter().take(cap).for_each(|row| keep[row.3] = true);
    }
    Ok(Array1::from_vec(keep))
}
