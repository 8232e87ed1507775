//! Arrays, made without aborting where memory is refused.

use alloc::vec::Vec;

use ndarray::{Array2, ArrayView2};

use crate::error::{Error, Result};
use crate::memory::{area, try_capacity, try_vec};

/// An array of `rows` rows from their values, which must be as many.
pub(crate) fn matrix<T>(rows: usize, columns: usize, values: Vec<T>) -> Result<Array2<T>> {
    let found = values.len();
    let wrong = Error::ShapeMismatch { what: "values of an array", expected: rows * columns, found };
    Array2::from_shape_vec((rows, columns), values).map_err(|_| wrong)
}

/// As many zeros as an array of that shape holds, or [`Error::OutOfMemory`].
pub(crate) fn zero_values<T: Copy + Default>(rows: usize, columns: usize) -> Result<Vec<T>> {
    let len = area(rows, columns)?;
    try_vec(len, T::default())
}

/// An array of zeros, or [`Error::OutOfMemory`].
pub(crate) fn zeros<T: Copy + Default>(rows: usize, columns: usize) -> Result<Array2<T>> {
    matrix(rows, columns, zero_values(rows, columns)?)
}

/// A copy in standard order.
pub(crate) fn copy<T: Copy>(view: &ArrayView2<'_, T>) -> Result<Array2<T>> {
    let mut values = try_capacity(view.len())?;
    values.extend(view.iter().copied());
    matrix(view.nrows(), view.ncols(), values)
}
