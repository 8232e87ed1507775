//! Memory that grows with the input is asked for here: refused, it is an error and not the end of the program.

use alloc::vec::Vec;

use crate::error::{Error, Result};

/// A vector of `len` copies of `value`, or [`Error::OutOfMemory`].
pub(crate) fn try_vec<T: Clone>(len: usize, value: T) -> Result<Vec<T>> {
    let mut out = try_capacity(len)?;
    out.resize(len, value);
    Ok(out)
}

/// An empty vector with room for `capacity` items, or [`Error::OutOfMemory`].
pub(crate) fn try_capacity<T>(capacity: usize) -> Result<Vec<T>> {
    let mut out = Vec::new();
    try_grow(&mut out, capacity)?;
    Ok(out)
}

/// The values in a vector, or [`Error::OutOfMemory`].
pub(crate) fn try_collect<T>(
    values: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
) -> Result<Vec<T>> {
    let values = values.into_iter();
    try_up_to(values.len(), values)
}

/// The values, at most `most` or so, in a vector, or [`Error::OutOfMemory`].
pub(crate) fn try_up_to<T>(most: usize, values: impl IntoIterator<Item = T>) -> Result<Vec<T>> {
    let mut out = try_capacity(most)?;
    out.extend(values);
    Ok(out)
}

/// The values of the results in a vector, or the first error.
pub(crate) fn try_all<T>(
    results: impl IntoIterator<Item = Result<T>, IntoIter: ExactSizeIterator>,
) -> Result<Vec<T>> {
    let results = results.into_iter();
    let mut out = try_capacity(results.len())?;
    for result in results {
        out.push(result?);
    }
    Ok(out)
}

/// The values in a vector of their own, or [`Error::OutOfMemory`].
pub(crate) fn try_copy<'v, T: Copy + 'v>(
    values: impl IntoIterator<Item = &'v T, IntoIter: ExactSizeIterator>,
) -> Result<Vec<T>> {
    try_collect(values.into_iter().copied())
}

/// The number of values of `rows` rows of `columns` each; more than memory can hold is refused.
pub(crate) fn area(rows: usize, columns: usize) -> Result<usize> {
    rows.checked_mul(columns).ok_or(Error::OutOfMemory { bytes: usize::MAX })
}

/// Adds an item, with room for at least as many again when there is none.
pub(crate) fn try_push<T>(vec: &mut Vec<T>, item: T) -> Result<()> {
    if vec.len() == vec.capacity() {
        try_grow(vec, vec.len().max(64))?;
    }
    vec.push(item);
    Ok(())
}

/// At least `len` items in `vec`, new ones of the default, or [`Error::OutOfMemory`].
pub(crate) fn at_least<T: Clone + Default>(vec: &mut Vec<T>, len: usize) -> Result<()> {
    if let Some(more) = len.checked_sub(vec.len()) {
        try_grow(vec, more)?;
        vec.resize(len, T::default());
    }
    Ok(())
}

/// Room for `additional` more items in `vec`, or [`Error::OutOfMemory`].
pub(crate) fn try_grow<T>(vec: &mut Vec<T>, additional: usize) -> Result<()> {
    vec.try_reserve(additional)
        .map_err(|_| Error::OutOfMemory { bytes: additional.saturating_mul(size_of::<T>()) })
}
