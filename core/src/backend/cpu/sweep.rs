//! Rows in tiles, and sweeping them over panels of targets.

use alloc::vec::Vec;
use core::ops::Range;

use super::pack::Panels;
use crate::error::Result;
use crate::memory::try_vec;
use crate::simd::{Kernel, KernelScalar, Tile};

/// Rows of a block in the kernel's coordinates, in tiles.
pub(super) struct PackedRows<T> {
    pub data: Vec<T>,
    pub stride: usize,
    pub threshold: Vec<T>,
    /// The most rows it holds; a multiple of the tile.
    pub capacity: usize,
}

/// The most rows that a [`PackedRows`] of at most `most` holds: as many as fit the second-level cache.
pub(super) fn capacity<T: KernelScalar>(kernel: &Kernel<T>, depth: usize, most: usize) -> usize {
    let mr = kernel.mr();
    let fits = (160 * 1024 / (stride(depth) * size_of::<T>())).clamp(mr, 512);
    fits.min(most.max(1)).next_multiple_of(mr)
}

/// Steps from one packed row to the next. No multiple of a large power of two: rows of a tile must not share cache
/// sets.
fn stride(depth: usize) -> usize {
    depth.next_multiple_of(16) + 16
}

impl<T: KernelScalar> PackedRows<T> {
    /// Room for rows of `depth` values, [`capacity`] of them.
    pub fn new(kernel: &Kernel<T>, depth: usize, never: T, most: usize) -> Result<Self> {
        let capacity = capacity(kernel, depth, most);
        let stride = stride(depth);
        Ok(Self {
            data: try_vec(capacity * stride, T::default())?,
            stride,
            threshold: try_vec(capacity, never)?,
            capacity,
        })
    }

    pub fn row_mut(&mut self, i: usize, depth: usize) -> &mut [T] {
        &mut self.data[i * self.stride..][..depth]
    }
}

/// What the kernel says of one row and one panel.
pub(super) struct Hits<'z, T> {
    pub row: usize,
    /// The target of bit and score 0. Bits beyond the last target may be set.
    pub first: usize,
    /// The scores of the whole panel; those of no target are infinite.
    pub z: &'z [T],
    /// The scores that lay at or below the threshold before this panel.
    pub bits: u64,
}

/// Sweeps the first `n` packed rows over the panels `range` of targets, tile by tile: each row with a z at or
/// below its threshold is given to `visit(hits, threshold)`, which returns the row's new threshold. Panels come
/// in ascending order for each row.
#[inline(always)] // Where rows are short, a call for each hit shows.
pub(super) fn sweep<T: KernelScalar>(
    kernel: &Kernel<T>,
    rows: &mut PackedRows<T>,
    n: usize,
    panels: &Panels<T>,
    range: Range<usize>,
    tile: &mut Tile<T>,
    mut visit: impl FnMut(Hits<'_, T>, T) -> T,
) {
    let (mr, nr) = (kernel.mr(), kernel.nr());
    for p in range {
        let (panel, offset) = panels.panel(p);
        for first in (0..n).step_by(mr) {
            let threshold = &rows.threshold[first..first + mr];
            let data = &rows.data[first * rows.stride..];
            if !kernel.scan(panels.depth, data, rows.stride, panel, offset, threshold, tile) {
                continue;
            }
            for r in 0..mr {
                let bits = tile.hits[r];
                if bits != 0 {
                    let threshold = &mut rows.threshold[first + r];
                    let hits = Hits { row: first + r, first: p * nr, z: &tile.z[r * nr..][..nr], bits };
                    *threshold = visit(hits, *threshold);
                }
            }
        }
    }
}
