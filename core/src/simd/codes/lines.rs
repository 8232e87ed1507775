//! Bytes that start at a cache line.

use alloc::vec::Vec;

use crate::error::{Error, Result};

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Bytes whose first lies at a multiple of 64: a load of a whole register then touches one line.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    lines: Vec<Line>,
    len: usize,
}

impl Lines {
    /// `len` zeros, or [`Error::OutOfMemory`].
    pub fn zeros(len: usize) -> Result<Self> {
        let (mut lines, count) = (Vec::new(), len.div_ceil(64));
        lines.try_reserve_exact(count).map_err(|_| Error::OutOfMemory { bytes: len })?;
        lines.resize(count, Line([0; 64]));
        Ok(Self { lines, len })
    }

    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the lines are that many initialized bytes, side by side (C layout without padding), and `len` is not more.
        unsafe { core::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; the borrow is unique, and any byte is a valid one.
        unsafe { core::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }

    /// The bytes as signed codes.
    pub fn codes(&self) -> &[i8] {
        bytemuck::cast_slice(self.bytes())
    }

    pub fn codes_mut(&mut self) -> &mut [i8] {
        bytemuck::cast_slice_mut(self.bytes_mut())
    }
}
