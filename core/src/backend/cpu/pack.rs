//! Rows in the coordinates of the kernel: shifted and scaled, or of unit length.

use alloc::vec::Vec;

use ndarray::ArrayView2;

use crate::control::{Context, Job};
use crate::error::Result;
use crate::exact::Metric;
use crate::exact::float::widen;
use crate::memory::try_vec;
use crate::rows::row_of;

/// The coordinates of one search (exact/bounds.rs: shift c0 and scale s, or unit rows).
#[derive(Clone, Debug)]
pub(super) enum Frame {
    /// (x - center) * scale, scale a power of two.
    Shifted { center: Vec<f32>, scale: f32 },
    /// x / |x|; zeros for a zero row.
    Unit,
}

/// Squared norms beyond this could overflow an `f32` score: such rows skip the `f32` kernel.
const LARGEST_SQUARE: f32 = f32::from_bits((127 + 80) << 23);
/// Squared norms of rows that may be scaled to unit length in `f32` (exact/bounds.rs, cosine, 1).
const PLAIN: core::ops::RangeInclusive<f64> =
    f64::from_bits((1023 - 60) << 52)..=f64::from_bits((1023 + 60) << 52);

/// Sum of squares in 16 lanes; the order does not matter, its error is in the bound.
fn squares(row: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 16];
    let (body, tail) = row.as_chunks::<16>();
    for x in body {
        for l in 0..16 {
            lanes[l] += x[l] * x[l];
        }
    }
    lanes.iter().sum::<f32>() + tail.iter().map(|x| x * x).sum::<f32>()
}

impl Frame {
    /// Whether these are coordinates of rows of `d` values under that metric.
    pub fn suits(&self, metric: Metric, d: usize) -> bool {
        match self {
            Frame::Shifted { center, .. } => metric == Metric::SqEuclidean && center.len() == d,
            Frame::Unit => metric == Metric::Cosine,
        }
    }

    /// Writes `row` in these coordinates and returns an upper bound of its norm there, or
    /// infinity where the `f32` kernel cannot serve it. `square` is dot(x, x) (unit frame only).
    pub fn narrow_row(&self, row: &[f32], square: f64, out: &mut [f32]) -> f64 {
        match self {
            Frame::Shifted { center, scale } => {
                out.copy_from_slice(row);
                for (o, c) in out.iter_mut().zip(center) {
                    *o = (*o - c) * scale;
                }
                norm_bound(out)
            }
            Frame::Unit if square == 0.0 => {
                out.fill(0.0);
                0.0
            }
            Frame::Unit => {
                let inverse = 1.0 / libm::sqrt(square);
                if PLAIN.contains(&square) {
                    out.copy_from_slice(row);
                    let inverse = inverse as f32;
                    out.iter_mut().for_each(|o| *o *= inverse);
                } else {
                    for (o, x) in out.iter_mut().zip(row) {
                        *o = (widen(*x) * inverse) as f32;
                    }
                }
                1.0
            }
        }
    }

    /// [`narrow_row`](Frame::narrow_row) in `f64`; every row can be served.
    pub fn wide_row(&self, row: &[f32], square: f64, out: &mut [f64]) -> f64 {
        match self {
            Frame::Shifted { center, .. } => {
                for ((o, x), c) in out.iter_mut().zip(row).zip(center) {
                    *o = widen(*x) - widen(*c);
                }
                let sum: f64 = out.iter().map(|x| x * x).sum();
                // Relative error of the sum of d squares, and of the root.
                libm::sqrt(sum * (1.0 + (out.len() + 4) as f64 * f64::EPSILON)) * (1.0 + 4.0 * f64::EPSILON)
            }
            Frame::Unit if square == 0.0 => {
                out.fill(0.0);
                0.0
            }
            Frame::Unit => {
                let inverse = 1.0 / libm::sqrt(square);
                for (o, x) in out.iter_mut().zip(row) {
                    *o = widen(*x) * inverse;
                }
                1.0
            }
        }
    }
}

/// An upper bound of the norm of `row`, or infinity.
fn norm_bound(row: &[f32]) -> f64 {
    let sum = squares(row);
    // A NaN (from an infinity less an infinity) must not pass either.
    if sum.is_nan() || sum > LARGEST_SQUARE {
        return f64::INFINITY;
    }
    let d = row.len() as f64;
    // Rounding of d squares and additions, each with u = 2^-24, and d flushed squares.
    let relative = 1.0 + (d + 4.0) * f64::from_bits((1023 - 23) << 52);
    let flushed = d * f64::from_bits((1023 - 125) << 52);
    libm::sqrt(sum as f64 * relative + flushed) * (1.0 + f64::from_bits((1023 - 40) << 52))
}

/// Targets packed for the kernel: panels of `nr` targets, step by step.
#[derive(Clone, Debug)]
pub(super) struct Panels<T> {
    pub nr: usize,
    pub depth: usize,
    pub count: usize,
    /// Panel p, step t, target c at `(p * depth + t) * nr + c`.
    data: Vec<T>,
    /// What the kernel subtracts products from; infinite for the padding of the last panel.
    offset: Vec<T>,
    /// Upper bound of the norm of each target.
    pub norms: Vec<f64>,
    /// The largest of them.
    pub largest: f64,
}

impl<T: Copy> Panels<T> {
    pub fn panel(&self, p: usize) -> (&[T], &[T]) {
        let size = self.depth * self.nr;
        (&self.data[p * size..(p + 1) * size], &self.offset[p * self.nr..(p + 1) * self.nr])
    }
}

macro_rules! panels {
    ($make:ident, $scalar:ty, $row:ident, $narrow:expr) => {
        /// Packs the targets `order[0], order[1], ...` of `view`.
        pub(super) fn $make(
            view: &ArrayView2<'_, f32>,
            order: &[u32],
            squares: &[f64],
            frame: &Frame,
            nr: usize,
            cx: &Context,
        ) -> Result<Panels<$scalar>> {
            let depth = view.ncols();
            let count = order.len();
            let panels = count.div_ceil(nr);
            let mut data = try_vec(panels * depth * nr, 0.0)?;
            let mut offset: Vec<$scalar> = try_vec(panels * nr, <$scalar>::INFINITY)?;
            let mut norms = try_vec(count, 0.0f64)?;
            struct Part<'a> {
                data: &'a mut [$scalar],
                offset: &'a mut [$scalar],
                norms: &'a mut [f64],
                order: &'a [u32],
            }
            let mut parts = crate::memory::try_capacity(panels)?;
            parts.extend(
                data.chunks_mut((depth * nr).max(1))
                    .zip(offset.chunks_mut(nr))
                    .zip(norms.chunks_mut(nr).zip(order.chunks(nr)))
                    .map(|((data, offset), (norms, order))| Job::new(Part { data, offset, norms, order })),
            );
            cx.in_waves(&mut parts, (4 * nr * depth) as u64, |part| {
                let mut buffer = try_vec(depth, 0.0f32)?;
                let mut row = try_vec(depth, 0.0)?;
                for (c, &target) in part.order.iter().enumerate() {
                    let source = row_of(view, target as usize, &mut buffer);
                    let square = squares.get(target as usize).copied().unwrap_or(0.0);
                    part.norms[c] = frame.$row(source, square, &mut row);
                    for (slot, x) in part.data.chunks_exact_mut(nr).zip(&row) {
                        slot[c] = *x;
                    }
                    part.offset[c] = match frame {
                        Frame::Unit => 0.0,
                        Frame::Shifted { .. } => {
                            let half = 0.5 * row.iter().map(|&x| x as f64 * x as f64).sum::<f64>();
                            $narrow(half)
                        }
                    };
                }
                Ok(())
            })?;
            let largest = norms.iter().fold(0.0f64, |a, &b| a.max(b));
            Ok(Panels { nr, depth, count, data, offset, norms, largest })
        }
    };
}
panels!(narrow_panels, f32, narrow_row, |half: f64| half as f32);
panels!(wide_panels, f64, wide_row, |half: f64| half);
