//! Bytes that start at a cache line.

use alloc::alloc::{Layout, alloc_zeroed};
use alloc::vec::Vec;

use crate::error::{Error, Result};

const LINE: usize = 64;

/// Bytes whose first lies at a multiple of 64: a load of a whole register then touches one line.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// With room for the first line to begin anywhere.
    bytes: Vec<u8>,
    start: usize,
    len: usize,
}

impl Lines {
    /// `len` zeros, or [`Error::OutOfMemory`].
    ///
    /// Where the system gives zeros, as it does for large arrays, they are not written: the first thread that writes to a page
    /// pays for it.
    pub fn zeros(len: usize) -> Result<Self> {
        let full = Error::OutOfMemory { bytes: len };
        let Ok(layout) = Layout::array::<u8>(len.saturating_add(LINE)) else { return Err(full) };
        // SAFETY: the layout has a size of 64 at least. A pointer that is not null is valid for as many zeros, which are
        // initialized, was allocated with the layout of a vector of this capacity, and is owned by nobody else.
        let bytes = unsafe {
            let start = alloc_zeroed(layout);
            if start.is_null() {
                return Err(full);
            }
            Vec::from_raw_parts(start, layout.size(), layout.size())
        };
        let start = bytes.as_ptr().align_offset(LINE).min(LINE);
        Ok(Self { bytes, start, len })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..self.start + self.len]
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.start + self.len]
    }

    /// The bytes as signed codes.
    pub fn codes(&self) -> &[i8] {
        bytemuck::cast_slice(self.bytes())
    }

    pub fn codes_mut(&mut self) -> &mut [i8] {
        bytemuck::cast_slice_mut(self.bytes_mut())
    }
}
