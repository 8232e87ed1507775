//! Rows of latents: where they lie, unit length, that both sides agree.

use ndarray::ArrayView2;

use crate::check;
use crate::error::Result;
use crate::real::Real;

/// Row `i` of `view`: in place where its values lie side by side, else in `buffer`.
#[inline]
pub(super) fn row_of<'b, T: Real>(view: &'b ArrayView2<'_, T>, i: usize, buffer: &'b mut [T]) -> &'b [T] {
    let row = view.row(i);
    match row.to_slice() {
        Some(slice) => slice,
        None => {
            for (b, x) in buffer.iter_mut().zip(row) {
                *b = *x;
            }
            buffer
        }
    }
}

/// The power of two by which a row is scaled before its norm is taken: 1 unless squares of its
/// values, or products of two squares, could leave the range of `f64`.
pub(super) fn safe_scale<T: Real>(row: &[T]) -> f64 {
    let largest = row.iter().fold(0.0f64, |m, x| m.max(x.to_f64().abs()));
    let exponent = (largest.to_bits() >> 52) as i64 - 1023;
    if largest == 0.0 || (-200..=200).contains(&exponent) {
        return 1.0;
    }
    f64::from_bits(((1023 - exponent).clamp(1, 2046) as u64) << 52)
}

/// The unit row x / sqrt(dot(x, x)), rounded once more to `T`; zeros for a row of zeros. Tier A.
pub(super) fn unit_into<T: Real>(row: &[T], out: &mut [T]) {
    let scale = safe_scale(row);
    if scale != 1.0 {
        for (o, x) in out.iter_mut().zip(row) {
            *o = T::from_f64(x.to_f64() * scale);
        }
    } else {
        out.copy_from_slice(row);
    }
    let square = T::square(out);
    if square == 0.0 {
        out.fill(T::default());
        return;
    }
    let norm = libm::sqrt(square);
    for o in out.iter_mut() {
        *o = T::from_f64(o.to_f64() / norm);
    }
}

/// Both views must have the same shape.
pub(super) fn same_shape<T>(
    what: &'static str,
    like: &ArrayView2<'_, T>,
    view: &ArrayView2<'_, T>,
) -> Result<()> {
    check::same_length(what, like.nrows(), view.nrows())?;
    check::same_length(what, like.ncols(), view.ncols())
}

/// Both views must have as many columns.
pub(super) fn same_dim<T>(z: &ArrayView2<'_, T>, codes: &ArrayView2<'_, T>) -> Result<()> {
    check::same_length("columns of the codes", z.ncols(), codes.ncols())?;
    for (what, view) in [("z", z), ("codes", codes)] {
        check::not_empty(what, view.len())?;
    }
    Ok(())
}
