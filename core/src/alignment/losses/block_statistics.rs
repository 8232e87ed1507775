//! InfoNCE of rows that lie on several machines.

use super::SoftmaxRows;

/// What one block of the logits, some rows of x against some rows of y, says about the softmaxes
/// of these rows: made by [`InfoNce::block_statistics`](super::InfoNce::block_statistics).
///
/// Ranks of a training run that each hold rows of x and rows of y compute the loss and the
/// gradients of all rows together from such blocks, in any order:
///
/// 1. Every pair of a range of rows of x and a range of rows of y is one block. `rows` is
///    [merged](SoftmaxRows::merge) over the blocks of the same rows of x, `columns` over those of
///    the same rows of y.
/// 2. Of rows that have seen the whole other side, [`InfoNce::totals`](super::InfoNce::totals)
///    makes the part of the loss; the parts of all ranks are
///    [merged](super::InfoNceTotals::merge), each row in exactly one part. Then
///    [`value`](super::InfoNceTotals::value) is the loss.
/// 3. [`InfoNceTotals::block_gradients`](super::InfoNceTotals::block_gradients) of every block:
///    dL/dx of a row is the sum over the blocks of its row range, dL/dy that over the blocks of its
///    column range, dL/d(ln s) that over all blocks. The value is that of the whole already.
///
/// Matches are those of the block's own row numbers. [`Matches::Groups`](super::super::Matches) of
/// ids that are unique over all ranks are right for every block as they are; pair i with pair i of
/// the whole, what [`Matches::Diagonal`](super::super::Matches) says in a single call, are the
/// groups whose id is the global row number.
///
/// **A ring of R ranks** passes each range of y once around in step 1 and once in step 3. Beside the
/// B_y d numbers of the rows there travel, in step 1, their `columns` (32 bytes a row); in step 3
/// those, complete, and the sum of dL/dy so far (B_y d numbers). Statistics of x stay at home. Of
/// the totals 1.3 KiB a rank are exchanged. With one direction x to y no statistics travel: those of
/// y remain [new](SoftmaxRows::new).
///
/// **How exact.** A single block gives the single call's bits, and the totals are exact sums. Else
/// tier C: with K logits in a row and R merges, 1 + rest of a row is right to a factor
/// 1 + (K + 5 R + 750) 2^-53 beside what the logits' own rounding makes of it. Gradients are
/// rounded to the input's type block by block: add those of `f32` up in `f64` to keep their digits.
/// Let one machine make both passes of a block: its logits then have the same bits twice, and
/// well separated pairs keep the digits of 1 - p; otherwise these are right to 4 e absolutely, with
/// e as [`InfoNce`](super::InfoNce) has it.
///
/// # Example
/// ```
/// use ndarray::{Array2, s};
/// use pauca::alignment::{InfoNce, Matches, SoftmaxRows};
/// // Five pairs on two ranks; rank 0 holds the first three.
/// let x = Array2::from_shape_fn((5, 2), |(i, k)| ((3 * i + 5 * k) % 7) as f64 / 7.0);
/// let y = Array2::from_shape_fn((5, 2), |(j, k)| ((4 * j + 3 * k) % 5) as f64 / 5.0);
/// let (ids, ranks) = ([0, 1, 2, 3, 4], [0..3, 3..5]);
/// let block = |a: usize, b: usize| {
///     let (a, b) = (ranks[a].clone(), ranks[b].clone());
///     let pairs = Matches::Groups { x: &ids[a.clone()], y: &ids[b.clone()] };
///     (x.slice(s![a, ..]), y.slice(s![b, ..]), pairs)
/// };
/// let (loss, scale) = (InfoNce::new(), 10.0);
/// let mut of_x = [SoftmaxRows::new(3)?, SoftmaxRows::new(2)?];
/// let mut of_y = of_x.clone();
/// for (a, b) in [(0, 0), (0, 1), (1, 1), (1, 0)] {
///     let (x, y, pairs) = block(a, b);
///     let found = loss.block_statistics(x, y, scale, pairs)?;
///     of_x[a].merge(&found.rows)?;
///     of_y[b].merge(&found.columns)?;
/// }
/// let mut totals = loss.totals(&of_x[0], &of_y[0])?;
/// totals.merge(&loss.totals(&of_x[1], &of_y[1])?)?;
///
/// let (mut dx, mut log_scale) = (Array2::<f64>::zeros((5, 2)), 0.0);
/// for (a, b) in [(0, 0), (0, 1), (1, 1), (1, 0)] {
///     let (x, y, pairs) = block(a, b);
///     let found = totals.block_gradients(x, y, pairs, (&of_x[a], &of_y[b]))?;
///     let mut sum = dx.slice_mut(s![ranks[a].clone(), ..]);
///     sum += &found.x;
///     log_scale += found.log_scale;
/// }
/// let whole = loss.gradients(x.view(), y.view(), scale, Matches::Diagonal)?;
/// assert!((totals.value()? - whole.value).abs() < 1e-14);
/// assert!((log_scale - whole.log_scale).abs() < 1e-14);
/// assert!(dx.iter().zip(&whole.x).all(|(a, b)| (a - b).abs() < 1e-14));
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BlockStatistics {
    /// The block's rows of x, over its rows of y.
    pub rows: SoftmaxRows,
    /// The block's rows of y, over its rows of x.
    pub columns: SoftmaxRows,
}
