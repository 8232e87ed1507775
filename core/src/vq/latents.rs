//! Latents and codes as the losses see them: projected to unit length under cosine, masked rows left out.

use alloc::vec::Vec;

use ndarray::{Array2, ArrayView2};

use super::ids::MASKED;
use super::rows::{row_of, unit_into};
use crate::error::Result;
use crate::memory::{try_copy, try_vec};
use crate::real::Real;

/// Codes as they stand for rows.
pub(super) enum Used<'a, T> {
    Stored(ArrayView2<'a, T>),
    Unit(Array2<T>),
}

impl<T> Used<'_, T> {
    pub fn view(&self) -> ArrayView2<'_, T> {
        match self {
            Used::Stored(view) => view.view(),
            Used::Unit(array) => array.view(),
        }
    }
}

/// Latents as they meet codes.
pub(super) struct Latents<'a, T> {
    pub z: ArrayView2<'a, T>,
    /// Rows that count; `None` for all.
    pub valid: Option<Vec<u32>>,
    pub unit: bool,
}

impl<T: Real> Latents<'_, T> {
    /// Rows that count.
    pub fn n(&self) -> usize {
        self.valid.as_ref().map_or(self.z.nrows(), Vec::len)
    }

    /// The row of the i-th that counts.
    pub fn row(&self, i: usize) -> usize {
        self.valid.as_ref().map_or(i, |v| v[i] as usize)
    }

    /// The i-th row that counts, projected where the metric asks for it.
    pub fn target<'b>(&'b self, i: usize, buffers: &'b mut [Vec<T>; 2]) -> &'b [T] {
        self.of_row(self.row(i), buffers)
    }

    /// Row `row`, projected where the metric asks for it.
    pub fn of_row<'b>(&'b self, row: usize, buffers: &'b mut [Vec<T>; 2]) -> &'b [T] {
        let [first, second] = buffers;
        let z = row_of(&self.z, row, first);
        if !self.unit {
            return z;
        }
        unit_into(z, second);
        second
    }
}

/// Rows of every code, in their order: code j has `rows[offsets[j]..offsets[j + 1]]`.
pub(super) fn by_code(ids: &[u32], k: usize) -> Result<(Vec<usize>, Vec<u32>)> {
    let mut offsets = try_vec(k + 1, 0usize)?;
    for &id in ids.iter().filter(|&&id| id != MASKED) {
        offsets[id as usize + 1] += 1;
    }
    for j in 0..k {
        offsets[j + 1] += offsets[j];
    }
    let mut next = try_copy(&offsets[..k])?;
    let mut rows = try_vec(offsets[k], 0u32)?;
    for (i, &id) in ids.iter().enumerate().filter(|(_, id)| **id != MASKED) {
        let at = &mut next[id as usize];
        rows[*at] = i as u32;
        *at += 1;
    }
    Ok((offsets, rows))
}
