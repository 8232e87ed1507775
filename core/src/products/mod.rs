//! Products of matrices for results of tiers B and C: losses, gradients, predictors, Grams.
//!
//! [`add_product`] and [`product`] take views of any strides, so that a transpose costs nothing but the
//! order in which its values are read. Both sides are packed into blocks of bounded size, in memory that
//! may be refused; products of packed sides ([`Multiplier::add`]) ask for none.
//!
//! **Order.** An entry is the sum over the inner index in its order, `KERNEL_DEPTH` steps at a time:
//! out + scale (a_1 b_1 + ... + a_512 b_512) + scale (a_513 b_513 + ...) + ..., each step fused where the level
//! fuses. So an entry depends on its row and on its column alone, whatever stands beside them, and all
//! levels that fuse (all but the scalar one) give the same bits. The scalar level rounds every product.
//!
//! **Error.** |found - scale sum a_t b_t| <= (n + 2) u |scale| sum |a_t b_t| to first order, with n the smaller of the
//! inner dimension and KERNEL_DEPTH plus the number of blocks, u half the spacing of numbers at 1.
//!
//! **Why not ndarray's.** Its product packs in memory that cannot be refused, and a program that turns on its
//! feature `blas` puts another library's order and threads in its place.

mod growing;
mod packed;

use ndarray::{ArrayView2, ArrayViewMut2, Axis, Slice};

pub(crate) use self::growing::{Growing, Scores};
pub(crate) use self::packed::{Left, Right};
use crate::arrays;
use crate::check::same_length;
use crate::error::Result;
use crate::exact::KERNEL_DEPTH;
use crate::real::Real;
pub(crate) use crate::simd::MAX_ROWS;
use crate::simd::{Kernel, Level, MAX_TILE};

/// Rows of the left block in memory at a time. Any number gives the same bits.
const ROWS: usize = 96;
/// Columns of the right block in memory at a time: whole panels of every level.
const COLUMNS: usize = 480;

/// out = scale a b, at the best level of the machine or that of `PAUCA_SIMD`.
pub(crate) fn product<T: Real>(
    out: &mut ArrayViewMut2<'_, T>,
    scale: T,
    a: &ArrayView2<'_, T>,
    b: &ArrayView2<'_, T>,
) -> Result<()> {
    out.fill(T::zero());
    add_product(out, scale, a, b)
}

/// out += scale a b.
pub(crate) fn add_product<T: Real>(
    out: &mut ArrayViewMut2<'_, T>,
    scale: T,
    a: &ArrayView2<'_, T>,
    b: &ArrayView2<'_, T>,
) -> Result<()> {
    Multiplier::new()?.add_product(out, scale, a, b)
}

/// The kernel of one level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Multiplier<T>(Kernel<T>);

impl<T: Real> Multiplier<T> {
    /// At the level that the environment variable `PAUCA_SIMD` names, else at the best one.
    #[cfg(feature = "std")]
    pub fn new() -> Result<Self> {
        Self::at(Level::from_environment()?)
    }

    /// At the best level known at compile time.
    #[cfg(not(feature = "std"))]
    pub fn new() -> Result<Self> {
        Self::at(Level::detect())
    }

    /// At that level.
    pub fn at(level: Level) -> Result<Self> {
        T::kernel(level).map(Self)
    }

    /// An empty left side.
    pub fn left(&self) -> Left<T> {
        Left::new(self.0.mr())
    }

    /// An empty right side.
    pub fn right(&self) -> Right<T> {
        Right::new(self.0.nr())
    }

    /// out += scale a b.
    pub fn add_product(
        &self,
        out: &mut ArrayViewMut2<'_, T>,
        scale: T,
        a: &ArrayView2<'_, T>,
        b: &ArrayView2<'_, T>,
    ) -> Result<()> {
        let ((m, depth), n) = (a.dim(), b.ncols());
        same_length("rows of the right factor", depth, b.nrows())?;
        same_length("rows of a product", m, out.nrows())?;
        same_length("columns of a product", n, out.ncols())?;
        let Some(values) = out.as_slice_mut() else {
            let mut copy = arrays::copy(&out.view())?;
            self.add_product(&mut copy.view_mut(), scale, a, b)?;
            out.assign(&copy);
            return Ok(());
        };
        let (mut left, mut right) = (self.left(), self.right());
        for steps in blocks(depth, KERNEL_DEPTH) {
            let (a, b) = (a.slice_axis(Axis(1), steps), b.slice_axis(Axis(0), steps));
            for columns in blocks(n, COLUMNS) {
                right.pack(&b.slice_axis(Axis(1), columns))?;
                for rows in blocks(m, ROWS) {
                    left.pack(&a.slice_axis(Axis(0), rows))?;
                    let first = rows.start as usize * n + columns.start as usize;
                    self.add_at(&mut values[first..], n, scale, &left, &right);
                }
            }
        }
        Ok(())
    }

    /// Adds `scale` times the product of two packed sides of one depth to `out`, row by row. Asks for no
    /// memory.
    pub fn add(&self, out: &mut [T], scale: T, left: &Left<T>, right: &Right<T>) {
        self.add_at(out, right.columns(), scale, left, right);
    }

    /// [`add`](Multiplier::add) for rows that begin `width` apart.
    fn add_at(&self, out: &mut [T], width: usize, scale: T, left: &Left<T>, right: &Right<T>) {
        let (kernel, mr, nr) = (&self.0, self.0.mr(), self.0.nr());
        let depth = left.depth().min(right.depth());
        debug_assert_eq!(left.depth(), right.depth(), "one depth");
        let mut tile = [T::zero(); MAX_TILE];
        for (p, panel) in right.panels().enumerate() {
            let columns = nr.min(right.columns() - p * nr);
            for first in (0..left.rows()).step_by(mr) {
                let (rows, stride) = left.tile(first);
                let out = &mut out[first * width + p * nr..];
                let count = mr.min(left.rows() - first);
                if (count, columns) == (mr, nr) {
                    kernel.add_product(depth, rows, stride, panel, nr, scale, out, width);
                    continue;
                }
                let part = |out: &mut [T], tile: &mut [T], copy: fn(&mut [T], &mut [T])| {
                    let rows = out.chunks_mut(width).zip(tile.chunks_mut(nr)).take(count);
                    rows.for_each(|(out, tile)| copy(&mut out[..columns], &mut tile[..columns]));
                };
                part(out, &mut tile, |out, tile| tile.copy_from_slice(out));
                kernel.add_product(depth, rows, stride, panel, columns, scale, &mut tile, nr);
                part(out, &mut tile, |out, tile| out.copy_from_slice(tile));
            }
        }
    }
}

/// 0..n in pieces of at most `size`.
fn blocks(n: usize, size: usize) -> impl Iterator<Item = Slice> {
    (0..n).step_by(size).map(move |first| Slice::from(first..n.min(first + size)))
}

#[cfg(test)]
mod tests;
