//! Layer normalization of rows, forward and backward.

use alloc::vec::Vec;

use ndarray::{Array2, ArrayView2, ArrayViewMut2};

use crate::arrays::zeros;
use crate::error::Result;
use crate::memory::try_capacity;
use crate::real::Real;

/// The number that is added to the variance.
const EPSILON: f64 = 1e-5;

/// Rows of mean 0 and variance 1, with what the backward pass needs.
pub(super) struct Normed<T> {
    unit: Array2<T>,
    /// 1 / sqrt(variance + epsilon) of every row.
    rates: Vec<T>,
}

/// (x - mean) / sqrt(variance + 1e-5) * gain + shift, row by row.
pub(super) fn forward<T: Real>(
    x: &ArrayView2<'_, T>,
    gain: &ArrayView2<'_, T>,
    shift: &ArrayView2<'_, T>,
) -> Result<(Array2<T>, Normed<T>)> {
    let (n, w) = x.dim();
    let share = T::from_f64(1.0 / w as f64);
    let (mut out, mut unit) = (zeros(n, w)?, zeros(n, w)?);
    let mut rates = try_capacity(n)?;
    for i in 0..n {
        let mean = x.row(i).sum() * share;
        let variance =
            x.row(i).iter().map(|&v| (v - mean) * (v - mean)).fold(T::zero(), |a, b| a + b) * share;
        let rate = T::one() / (variance + T::from_f64(EPSILON)).sqrt();
        for j in 0..w {
            unit[[i, j]] = (x[[i, j]] - mean) * rate;
            out[[i, j]] = unit[[i, j]] * gain[[0, j]] + shift[[0, j]];
        }
        rates.push(rate);
    }
    Ok((out, Normed { unit, rates }))
}

/// Adds the gradients of the inputs to `dx`, those of gain and shift to theirs.
pub(super) fn backward<T: Real>(
    saved: &Normed<T>,
    gain: &ArrayView2<'_, T>,
    d: &ArrayView2<'_, T>,
    dgain: &mut ArrayViewMut2<'_, T>,
    dshift: &mut ArrayViewMut2<'_, T>,
    dx: &mut Array2<T>,
) {
    let (n, w) = d.dim();
    let share = T::from_f64(1.0 / w as f64);
    for i in 0..n {
        let (mut sum, mut along) = (T::zero(), T::zero());
        for j in 0..w {
            let (u, g) = (saved.unit[[i, j]], d[[i, j]]);
            dgain[[0, j]] += g * u;
            dshift[[0, j]] += g;
            let g = g * gain[[0, j]];
            sum += g;
            along += g * u;
        }
        for j in 0..w {
            let g = d[[i, j]] * gain[[0, j]];
            dx[[i, j]] += (g - (sum + saved.unit[[i, j]] * along) * share) * saved.rates[i];
        }
    }
}
