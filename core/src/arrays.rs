//! Arrays, made without aborting where memory is refused.

use alloc::vec::Vec;

use ndarray::{Array2, ArrayView2, ArrayViewMut2};

use crate::error::{Error, Result};
use crate::memory::{area, try_collect, try_vec};

/// An array of `rows` rows from their values, which must be as many.
pub(crate) fn matrix<T>(rows: usize, columns: usize, values: Vec<T>) -> Result<Array2<T>> {
    let found = values.len();
    let wrong = Error::ShapeMismatch { what: "values of an array", expected: rows * columns, found };
    Array2::from_shape_vec((rows, columns), values).map_err(|_| wrong)
}

/// The first `rows` times `columns` values as a matrix; fewer are an error.
pub(crate) fn view<T>(values: &[T], rows: usize, columns: usize) -> Result<ArrayView2<'_, T>> {
    let (size, found) = (area(rows, columns)?, values.len());
    let view = values.get(..size).and_then(|values| ArrayView2::from_shape((rows, columns), values).ok());
    view.ok_or(Error::ShapeMismatch { what: "values of a matrix", expected: size, found })
}

/// [`view`], to be written.
pub(crate) fn view_mut<T>(values: &mut [T], rows: usize, columns: usize) -> Result<ArrayViewMut2<'_, T>> {
    let (size, found) = (area(rows, columns)?, values.len());
    let view =
        values.get_mut(..size).and_then(|values| ArrayViewMut2::from_shape((rows, columns), values).ok());
    view.ok_or(Error::ShapeMismatch { what: "values of a matrix", expected: size, found })
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
    let values = try_collect(view.iter().copied())?;
    matrix(view.nrows(), view.ncols(), values)
}
