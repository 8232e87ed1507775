//! Leading dimensions: a basis in which targets lie almost within few coordinates.
//!
//! Of an inner product of a row and a target, the part outside of a subspace is at most the product of their distances from
//! the subspace. It is small as soon as one side lies near: so the basis is fitted to targets, not to rows. Two steps
//! of subspace iteration on the second moment of the targets find it; a random rotation within it spreads the coordinates,
//! so that a scale a row loses less.
//!
//! Nothing here is part of an answer: any basis gives bounds that hold ([`Leading`]), a bad one excludes less.

use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use crate::control::{Context, Job};
use crate::error::{Error, Result};
use crate::exact::bounds::Leading;
use crate::memory::{area, try_capacity, try_vec};
use crate::products::{Multiplier, Right};
use crate::random::Stream;
use crate::simd::{DotKernel, Level};

/// A basis of the leading dimensions.
#[derive(Debug)]
pub(super) struct Basis {
    /// Vectors of the basis.
    pub size: usize,
    pub bound: Leading,
    multiplier: Multiplier<f32>,
    /// The vectors as columns.
    columns: Right<f32>,
    dim: usize,
}

/// Vectors that are followed beside those that are kept, so that the last of these are good, too.
const MORE: usize = 32;
/// Products with the second moment: two turns of two.
const TURNS: usize = 2;
/// Rows that are brought into the basis together.
pub(super) const TOGETHER: usize = 48;

impl Basis {
    /// A basis of `size` vectors for targets `[n, d]`, in the coordinates of the kernel. None where rounding left
    /// no basis.
    pub fn new(level: Level, targets: &[f32], d: usize, size: usize, cx: &Context) -> Result<Option<Self>> {
        let n = targets.len() / d.max(1);
        let multiplier = Multiplier::at(level)?;
        let wide = (size + MORE).min(d);
        // Magnitudes that no product of two sends to infinity or to zero.
        let largest = targets.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
        let inverse = if largest > 0.0 { 1.0 / largest } else { 0.0 };
        let mut unit = try_vec(targets.len(), 0.0f32)?;
        unit.iter_mut().zip(targets).for_each(|(u, x)| *u = x * inverse);
        let view = shaped(&unit, n, d)?;
        let stream = Stream::new(0, 0);
        let mut vectors = try_vec(area(wide, d)?, 0.0f32)?;
        for (i, x) in vectors.iter_mut().enumerate() {
            *x = stream.uniform(i as u64, 0) as f32 - 0.5;
        }
        let moment = if moment_pays(n, d, wide) {
            let mut moment = try_vec(area(d, d)?, 0.0f32)?;
            product(&multiplier, &mut moment, &view.t(), &view, cx)?;
            Some(moment)
        } else {
            None
        };
        let directly = if moment.is_some() { 0 } else { n };
        let (mut along, mut next) = (try_vec(area(wide, directly)?, 0.0f32)?, try_vec(wide * d, 0.0f32)?);
        for _ in 0..TURNS {
            for _ in 0..2 {
                let each = shaped(&vectors, wide, d)?;
                if let Some(moment) = &moment {
                    product(&multiplier, &mut next, &each, &shaped(moment, d, d)?, cx)?;
                } else {
                    product(&multiplier, &mut along, &each, &view.t(), cx)?;
                    product(&multiplier, &mut next, &shaped(&along, wide, n)?, &view, cx)?;
                }
                core::mem::swap(&mut vectors, &mut next);
                // Powers of the moment grow fast.
                vectors.chunks_exact_mut(d).for_each(normalize);
            }
            orthonormalize(&mut vectors, d);
        }
        let mut turn = try_vec(area(size, size)?, 0.0f32)?;
        for (i, x) in turn.iter_mut().enumerate() {
            // The sum of three uniform numbers is normal enough.
            *x = (1..4).map(|draw| stream.uniform(i as u64, draw) as f32 - 0.5).sum();
        }
        orthonormalize(&mut turn, size);
        next.clear();
        next.resize(size * d, 0.0);
        let kept = shaped(&vectors[..size * d], size, d)?;
        product(&multiplier, &mut next, &shaped(&turn, size, size)?, &kept, cx)?;
        orthonormalize(&mut next, d);
        let squares = next.iter().map(|x| square(*x)).sum();
        let Some(bound) = Leading::new(d, size, defect(&DotKernel::new(level)?, &next, d), squares) else {
            return Ok(None);
        };
        let mut columns = multiplier.right();
        columns.pack(&shaped(&next, size, d)?.t())?;
        Ok(Some(Self { size, bound, multiplier, columns, dim: d }))
    }

    /// Brings `rows`, at most [`TOGETHER`] of them, into the basis: coordinate i of row r at `out[r * size + i]`.
    pub fn apply(&self, rows: &[f32], out: &mut [f32]) -> Result<()> {
        let n = rows.len() / self.dim;
        let mut left = self.multiplier.left();
        left.pack(&shaped(rows, n, self.dim)?)?;
        out[..n * self.size].fill(0.0);
        self.multiplier.add(&mut out[..n * self.size], 1.0, &left, &self.columns);
        Ok(())
    }
}

/// Whether it costs less to make the second moment of `n` targets and to multiply `wide` vectors with it than to multiply these with all
/// targets and back each time: where targets are many and values few. Then d is below 8 `wide`.
fn moment_pays(n: usize, d: usize, wide: usize) -> bool {
    let steps = 2 * TURNS;
    (n + steps * wide).saturating_mul(d) < 2 * steps * wide * n
}

/// Rows of a product that are worth a job, which packs the right side anew.
const ROWS: usize = 32;

/// `out` becomes the product of `a`, row by row, and `b`: at least [`ROWS`] rows of it at a time, on as many threads as that gives.
fn product(
    multiplier: &Multiplier<f32>,
    out: &mut [f32],
    a: &ArrayView2<'_, f32>,
    b: &ArrayView2<'_, f32>,
    cx: &Context,
) -> Result<()> {
    let ((rows, depth), n) = (a.dim(), b.ncols());
    let step = rows.div_ceil(cx.exec.width()).next_multiple_of(ROWS);
    let mut jobs = try_capacity(rows.div_ceil(step.max(1)))?;
    let parts = out.chunks_mut((step * n).max(1)).zip(a.axis_chunks_iter(Axis(0), step.max(1)));
    jobs.extend(parts.map(Job::new));
    cx.in_waves(&mut jobs, (step * depth * n) as u64, |(out, a)| {
        out.fill(0.0);
        multiplier.add_product(&mut shaped_mut(out, a.nrows(), n)?, 1.0, a, b)
    })
}

fn square(x: f32) -> f64 {
    f64::from(x) * f64::from(x)
}

/// The Frobenius norm of P P' - I, for vectors of norm near 1 in the rows of P: products in `f64` are exact but for
/// sums of numbers below 2, so by less than 2^-40 each.
fn defect(dots: &DotKernel, vectors: &[f32], d: usize) -> f64 {
    let mut sum = 0.0;
    for (i, a) in vectors.chunks_exact(d).enumerate() {
        for (j, b) in vectors.chunks_exact(d).enumerate().take(i + 1) {
            let off =
                (dots.dot(a, b) - f64::from(u8::from(i == j))).abs() + f64::from_bits((1023 - 40) << 52);
            sum += off * off * if i == j { 1.0 } else { 2.0 };
        }
    }
    libm::sqrt(sum)
}

/// Sums in lanes, which the compiler keeps in registers.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 32];
    let ((a, rest), (b, others)) = (a.as_chunks::<32>(), b.as_chunks::<32>());
    for (a, b) in a.iter().zip(b) {
        for l in 0..32 {
            lanes[l] += a[l] * b[l];
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().zip(others).map(|(a, b)| a * b).sum::<f32>()
}

fn normalize(row: &mut [f32]) {
    let square = dot(row, row);
    let inverse = if square > 0.0 && square.is_finite() { 1.0 / libm::sqrtf(square) } else { 0.0 };
    row.iter_mut().for_each(|x| *x *= inverse);
}

/// Gram and Schmidt; a vector that depends on those before it becomes whatever rounding leaves, which the defect measures.
fn orthonormalize(vectors: &mut [f32], d: usize) {
    for i in 0..vectors.len() / d {
        let (before, rest) = vectors.split_at_mut(i * d);
        let row = &mut rest[..d];
        for b in before.chunks_exact(d) {
            let along = dot(b, row);
            row.iter_mut().zip(b).for_each(|(x, b)| *x -= along * b);
        }
        normalize(row);
    }
}

fn shaped(values: &[f32], n: usize, d: usize) -> Result<ArrayView2<'_, f32>> {
    let found = values.len();
    ArrayView2::from_shape((n, d), values).map_err(|_| Error::ShapeMismatch {
        what: "matrix",
        expected: n * d,
        found,
    })
}

fn shaped_mut(values: &mut [f32], n: usize, d: usize) -> Result<ArrayViewMut2<'_, f32>> {
    let found = values.len();
    let wrong = |_| Error::ShapeMismatch { what: "matrix", expected: n * d, found };
    ArrayViewMut2::from_shape((n, d), values).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    /// Targets of few values, whose second moment is made, and of many, for which that would cost more: both bases hold the few
    /// dimensions in which the targets lie.
    #[test]
    fn a_basis_holds_planted_dimensions() -> Result<()> {
        let (stream, planted) = (Stream::new(7, 3), 6);
        let normal = |i: usize, j: usize| stream.uniform(i as u64, j as u32) as f32 - 0.5;
        for (n, d) in [(600, 48), (60, 600)] {
            assert_eq!(moment_pays(n, d, 8 + MORE), n > d);
            let values: Vec<f32> = (0..n * d)
                .map(|at| {
                    let (i, j) = (at / d, at % d);
                    (0..planted).map(|p| normal(i, p) * normal(1_000 + p, 100 + j)).sum()
                })
                .collect();
            for level in Level::available() {
                let basis = Basis::new(level, &values, d, 8, &Context::default())?;
                let Some(basis) = basis else { panic!("no basis at {level:?}") };
                let mut leading = vec![0.0f32; TOGETHER * 8];
                for rows in values.chunks(TOGETHER * d) {
                    basis.apply(rows, &mut leading)?;
                    for (row, leading) in rows.chunks_exact(d).zip(leading.chunks_exact(8)) {
                        let [all, held] =
                            [row, leading].map(|of| libm::sqrt(of.iter().map(|x| square(*x)).sum()));
                        // Rounding of f32 sums of at most 600 values, generously.
                        assert!((all - held).abs() < 1e-4 * all, "{level:?} {n} x {d}: {held} of {all}");
                    }
                }
            }
        }
        Ok(())
    }
}
