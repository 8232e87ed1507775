//! What predictors compute with: affine maps, the Gaussian error linear unit.

use ndarray::{Array2, ArrayView2, ArrayViewMut2};

use crate::arrays::zeros;
use crate::error::Result;
use crate::products::add_product;
use crate::real::Real;

/// x w + b for every row of x; b is one row.
pub(super) fn affine<T: Real>(
    x: &ArrayView2<'_, T>,
    w: &ArrayView2<'_, T>,
    b: &ArrayView2<'_, T>,
) -> Result<Array2<T>> {
    let mut out = zeros(x.nrows(), w.ncols())?;
    out.rows_mut().into_iter().for_each(|mut row| row.assign(&b.row(0)));
    add_product(&mut out.view_mut(), T::one(), x, w)?;
    Ok(out)
}

/// The gradients of [`affine`]: adds x' d to `dw` and the column sums of d to `db`, returns d w'.
pub(super) fn affine_backward<T: Real>(
    x: &ArrayView2<'_, T>,
    w: &ArrayView2<'_, T>,
    d: &ArrayView2<'_, T>,
    dw: &mut ArrayViewMut2<'_, T>,
    db: Option<&mut ArrayViewMut2<'_, T>>,
) -> Result<Array2<T>> {
    add_product(dw, T::one(), &x.t(), d)?;
    if let Some(db) = db {
        let mut sums = db.row_mut(0);
        d.rows().into_iter().for_each(|row| sums += &row);
    }
    let mut dx = zeros(x.nrows(), x.ncols())?;
    add_product(&mut dx.view_mut(), T::one(), d, &w.t())?;
    Ok(dx)
}

/// The inner product, in eight lanes that are added as a tree.
pub(super) fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    let mut lanes = [T::zero(); 8];
    let ((a8, a_rest), (b8, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (x, y) in a8.iter().zip(b8) {
        for l in 0..8 {
            lanes[l] += x[l] * y[l];
        }
    }
    for (lane, (x, y)) in lanes.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *lane += *x * *y;
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// y += s x.
pub(super) fn add_scaled<T: Real>(y: &mut [T], s: T, x: &[T]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += s * *x);
}

/// The Gaussian error linear unit x Phi(x), in place; returns its slopes Phi(x) + x phi(x).
pub(super) fn gelu<T: Real>(x: &mut Array2<T>) -> Result<Array2<T>> {
    let mut slopes = zeros(x.nrows(), x.ncols())?;
    let [half, root_half, density] =
        [0.5, core::f64::consts::FRAC_1_SQRT_2, 0.398_942_280_401_432_7].map(T::from_f64);
    for (x, slope) in x.iter_mut().zip(slopes.iter_mut()) {
        let v = *x;
        let share = half * (T::one() + (v * root_half).erf());
        *slope = share + v * density * (-(half * v * v)).exp();
        *x = v * share;
    }
    Ok(slopes)
}
