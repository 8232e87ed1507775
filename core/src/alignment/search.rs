//! Cosines of a tile by one matrix product, and a bound on how far they are from the definition.
//!
//! Rows are divided by their norms in `f64`, then multiplied tile by tile. With u = 2^-53 and
//! a = ceil(d / 16) + 4 (roundings on the longest path of the definition's sum):
//!
//! - the squared norm is right to (1 + a u), so a component of a unit row to (1 + (a / 2 + 3) u),
//!   and the exact product of two unit rows to (a + 6) u, since sum |x_k y_k| <= |x||y|;
//! - the matrix product adds (d + 2) u, in whatever order and fused or not;
//! - the definition itself, dot / sqrt(dxx dyy), is right to (2 a + 4) u; clamping moves it no
//!   farther from the truth.
//!
//! Together below (d + 3 a + 12) u <= (1.2 d + 27) u. [`Cosines::bound`] is (2 d + 64) u, which
//! leaves room for the second-order terms (d u < 2^-20) and for the rounding of threshold +- bound.
//! Nothing overflows or is subnormal: squares of `f32` lie in [2^-298, 2^256].

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

use super::score::{check_sides, checked};
use crate::control::{Context, Job};
use crate::error::{Error, Result};
use crate::exact::float::widen;
use crate::exact::{SearchStats, cosine_from, dot64};
use crate::memory::{try_capacity, try_vec};
use crate::rows::{Rows, row_of, with_view};

/// Rows of one job, and rows of the other side that it looks at together.
pub(super) const TILE: usize = 128;

/// Two sides whose cosines are wanted, checked.
pub(super) struct Cosines<'a> {
    x: Rows<'a>,
    y: Rows<'a>,
    xx: Vec<f64>,
    yy: Vec<f64>,
}

/// The buffers of one job.
pub(super) struct Tile {
    x: Vec<f64>,
    y: Vec<f64>,
    cosines: Vec<f64>,
    a: Vec<f32>,
    b: Vec<f32>,
    pub(super) stats: SearchStats,
}

impl<'a> Cosines<'a> {
    pub(super) fn new(x: Rows<'a>, y: Rows<'a>) -> Result<Self> {
        check_sides(&x, &y)?;
        let xx = squares(&x, "x")?;
        let yy = squares(&y, "y")?;
        Ok(Self { x, y, xx, yy })
    }

    pub(super) fn n(&self) -> usize {
        self.xx.len()
    }

    pub(super) fn m(&self) -> usize {
        self.yy.len()
    }

    /// Multiply-adds of one job.
    fn cost(&self) -> u64 {
        (TILE as u64).saturating_mul(self.m() as u64).saturating_mul(self.x.dim() as u64)
    }

    /// How far a cosine of a tile may lie from the definition.
    fn bound(&self) -> f64 {
        (2 * self.x.dim() + 64) as f64 * (f64::EPSILON / 2.0)
    }

    fn tile(&self) -> Result<Tile> {
        let d = self.x.dim();
        let side = TILE.checked_mul(d).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        Ok(Tile {
            x: try_vec(side, 0.0)?,
            y: try_vec(side, 0.0)?,
            cosines: try_vec(TILE * TILE, 0.0)?,
            a: try_vec(d, 0.0)?,
            b: try_vec(d, 0.0)?,
            stats: SearchStats::default(),
        })
    }

    /// The definition.
    pub(super) fn truth(&self, i: usize, j: usize, tile: &mut Tile) -> f64 {
        let (x, y) = (row(&self.x, i, &mut tile.a), row(&self.y, j, &mut tile.b));
        cosine_from(dot64(x, y), self.xx[i], self.yy[j])
    }

    /// Shares the rows of x over the threads, [`TILE`] of them for each of `outs`, and calls
    /// `f(out, rows, tile)` with the buffers of a job. Returns what all of them counted.
    pub(super) fn in_tiles<W: Send>(
        &self,
        stage: &'static str,
        outs: impl Iterator<Item = W>,
        cx: &Context,
        f: impl Fn(&mut W, Range<usize>, &mut Tile) -> Result<()> + Sync + Send,
    ) -> Result<SearchStats> {
        let n = self.n();
        let mut jobs = try_capacity(n.div_ceil(TILE))?;
        for (out, first) in outs.zip((0..n).step_by(TILE)) {
            jobs.push(Job::new((out, first..n.min(first + TILE), SearchStats::default())));
        }
        cx.control.poll(stage, 0, n as u64)?;
        cx.in_waves(&mut jobs, self.cost(), |(out, rows, stats)| {
            let mut tile = self.tile()?;
            f(out, rows.clone(), &mut tile)?;
            *stats = tile.stats;
            Ok(())
        })?;
        let mut all = SearchStats::default();
        jobs.iter().for_each(|job| all.merge(&job.work.2));
        Ok(all)
    }

    /// Calls `f(tile, i, j, cosine)` on every pair of the rows with every row of y, j ascending
    /// for each i.
    pub(super) fn for_each(
        &self,
        rows: Range<usize>,
        tile: &mut Tile,
        mut f: impl FnMut(&mut Tile, usize, usize, f64),
    ) -> Result<()> {
        let (d, r) = (self.x.dim(), rows.len());
        unit_rows(&self.x, &self.xx, rows.clone(), &mut tile.a, &mut tile.x);
        for first in (0..self.m()).step_by(TILE) {
            let cols = first..self.m().min(first + TILE);
            let c = cols.len();
            unit_rows(&self.y, &self.yy, cols, &mut tile.b, &mut tile.y);
            let shape = |_| Error::ShapeMismatch { what: "tile", expected: r * c, found: 0 };
            let x = ArrayView2::from_shape((r, d), &tile.x[..r * d]).map_err(shape)?;
            let y = ArrayView2::from_shape((c, d), &tile.y[..c * d]).map_err(shape)?;
            let out = &mut tile.cosines[..r * c];
            let mut out = ArrayViewMut2::from_shape((r, c), out).map_err(shape)?;
            general_mat_mul(1.0, &x, &y.t(), 0.0, &mut out);
            for k in 0..r {
                for l in 0..c {
                    let cosine = tile.cosines[k * c + l];
                    f(tile, rows.start + k, first + l, cosine);
                }
            }
        }
        Ok(())
    }

    /// How the definition's cosine of (i, j) compares with `threshold`: by the tile's `cosine` where the
    /// bound allows it.
    #[inline(always)]
    pub(super) fn compare(
        &self,
        tile: &mut Tile,
        i: usize,
        j: usize,
        cosine: f64,
        threshold: f64,
    ) -> Ordering {
        tile.stats.rows += 1;
        let gap = cosine - threshold;
        if gap.abs() > self.bound() {
            tile.stats.f64 += 1;
            return if gap > 0.0 { Ordering::Greater } else { Ordering::Less };
        }
        tile.stats.truth += 1;
        // Neither is NaN; -0.0 equals 0.0.
        self.truth(i, j, tile).partial_cmp(&threshold).unwrap_or(Ordering::Less)
    }

    /// Whether the definition's cosine may exceed `threshold`.
    #[inline(always)]
    pub(super) fn may_exceed(&self, cosine: f64, threshold: f64) -> bool {
        cosine - threshold > -self.bound()
    }
}

fn row<'b>(rows: &'b Rows<'_>, i: usize, buffer: &'b mut [f32]) -> &'b [f32] {
    with_view!(rows, view => row_of(view, i, buffer))
}

/// The squared norms; every value is looked at and must be finite.
fn squares(rows: &Rows<'_>, what: &'static str) -> Result<Vec<f64>> {
    let mut buffer = try_vec(rows.dim(), 0.0f32)?;
    let mut squares = try_capacity(rows.n_rows())?;
    for i in 0..rows.n_rows() {
        let values = checked(row(rows, i, &mut buffer), what, i)?;
        squares.push(dot64(values, values));
    }
    Ok(squares)
}

fn unit_rows(rows: &Rows<'_>, squares: &[f64], range: Range<usize>, buffer: &mut [f32], out: &mut [f64]) {
    let d = rows.dim();
    for (i, out) in range.zip(out.chunks_exact_mut(d.max(1))) {
        let factor = if squares[i] == 0.0 { 0.0 } else { 1.0 / libm::sqrt(squares[i]) };
        for (out, x) in out.iter_mut().zip(row(rows, i, buffer)) {
            *out = widen(*x) * factor;
        }
    }
}
