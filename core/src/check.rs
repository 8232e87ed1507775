//! Errors about arguments, made in one place.

use crate::error::{Error, Result};

/// Refuses a length that is not the expected one.
pub(crate) fn same_length(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found { Ok(()) } else { Err(Error::ShapeMismatch { what, expected, found }) }
}
