//! Memory that grows with the input is asked for here: refused, it is an error and not the end of the program.

use pauca::{Error, Result};

/// A vector of `len` copies of `value`.
pub(crate) fn try_vec<T: Clone>(len: usize, value: T) -> Result<Vec<T>> {
    let mut out = try_capacity(len)?;
    out.resize(len, value);
    Ok(out)
}

/// An empty vector with room for `capacity` items.
pub(crate) fn try_capacity<T>(capacity: usize) -> Result<Vec<T>> {
    let mut out = Vec::new();
    try_grow(&mut out, capacity)?;
    Ok(out)
}

/// The values, at most `most` or so, in a vector.
pub(crate) fn try_collect<T>(most: usize, values: impl IntoIterator<Item = T>) -> Result<Vec<T>> {
    let mut out = try_capacity(most)?;
    out.extend(values);
    Ok(out)
}

/// Room for `additional` more items in `vec`.
pub(crate) fn try_grow<T>(vec: &mut Vec<T>, additional: usize) -> Result<()> {
    let bytes = additional.saturating_mul(size_of::<T>());
    vec.try_reserve(additional).map_err(|_| Error::OutOfMemory { bytes })
}
