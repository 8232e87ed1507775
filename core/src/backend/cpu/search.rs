//! Sweeping rows over panels, and settling what the sweep cannot certify.
//!
//! ```text
//! for a block of rows that fits the second-level cache
//!     bring the rows into the kernel's coordinates, bound their norms
//!     threshold[row] = +inf (or what is already known)
//!     for each panel of targets, for each tile of rows
//!         if the kernel reports hits: offer each (row, target, z) to the row's candidates
//!             a new smallest z lowers the threshold to z + 2 E
//!     one candidate left within 2 E of the smallest: certified
//!     a few left: the definition decides among them
//!     too many: the row goes to the f64 kernel, and only then to the definition
//! ```
//!
//! Candidates carry across panels only while they lie within 2 E of the best, so a row has few:
//! on real embeddings about one row in 500 keeps a second one to the end.

use alloc::vec::Vec;
use core::ops::Range;

use super::pack::Panels;
use crate::error::Result;
use crate::exact::bounds::Euclidean;
use crate::exact::float::narrow_up;
use crate::memory::{try_grow, try_vec};
use crate::simd::{Kernel, KernelScalar, Tile};

/// Candidates a row may hold in the `f32` sweep before it is handed to the `f64` kernel.
const CAPACITY: usize = 8;

/// The targets that may still win a row.
#[derive(Clone, Copy)]
pub(super) struct Candidates {
    items: [(u32, f32); CAPACITY],
    len: u8,
    /// More than `CAPACITY` within the bound, or not servable in `f32` at all.
    pub doubtful: bool,
    best: f32,
    /// 2 E of this row.
    slack: f64,
}

impl Candidates {
    pub fn new(slack: f64) -> Self {
        Self { items: [(0, 0.0); CAPACITY], len: 0, doubtful: !slack.is_finite(), best: f32::INFINITY, slack }
    }

    /// The targets that are left, in ascending order.
    pub fn left(&self) -> impl Iterator<Item = u32> + '_ {
        let limit = self.limit();
        self.items[..self.len as usize].iter().filter(move |&&(_, z)| z <= limit).map(|&(j, _)| j)
    }

    fn limit(&self) -> f32 {
        narrow_up(self.best as f64 + self.slack)
    }

    /// Takes a hit; returns the threshold from now on, never above `threshold`.
    pub fn offer(&mut self, target: u32, z: f32, threshold: f32) -> f32 {
        if self.doubtful {
            return f32::NEG_INFINITY;
        }
        let mut threshold = threshold;
        if z < self.best {
            self.best = z;
            threshold = threshold.min(self.limit());
        }
        if self.len as usize == CAPACITY {
            let mut kept = 0;
            for i in 0..CAPACITY {
                if self.items[i].1 <= threshold {
                    self.items[kept] = self.items[i];
                    kept += 1;
                }
            }
            self.len = kept as u8;
        }
        if self.len as usize == CAPACITY {
            self.doubtful = true;
            return f32::NEG_INFINITY;
        }
        self.items[self.len as usize] = (target, z);
        self.len += 1;
        threshold
    }
}

/// Rows of a block in the kernel's coordinates, in tiles.
pub(super) struct PackedRows<T> {
    pub data: Vec<T>,
    pub stride: usize,
    pub threshold: Vec<T>,
    /// The most rows it holds; a multiple of the tile.
    pub capacity: usize,
}

impl<T: KernelScalar> PackedRows<T> {
    /// Room for rows of `depth` values that together fit the second-level cache.
    pub fn new(kernel: &Kernel<T>, depth: usize, never: T, most: usize) -> Result<Self> {
        // Not a multiple of a large power of two: rows of a tile must not share cache sets.
        let stride = depth.next_multiple_of(16) + 16;
        let mr = kernel.mr();
        let fits = (160 * 1024 / (stride * size_of::<T>())).clamp(mr, 512);
        let capacity = fits.min(most.max(1)).next_multiple_of(mr);
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

/// Sweeps the first `n` packed rows over the panels `range(tile)` of targets: every z at or
/// below its row's threshold is given to `visit(row, target, z, threshold)`, which returns the
/// row's new threshold. Targets come in ascending order for each row.
pub(super) fn sweep<T: KernelScalar>(
    kernel: &Kernel<T>,
    rows: &mut PackedRows<T>,
    n: usize,
    panels: &Panels<T>,
    range: Range<usize>,
    tile: &mut Tile<T>,
    mut visit: impl FnMut(usize, u32, T, T) -> T,
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
                let mut hits = tile.hits[r];
                while hits != 0 {
                    let c = hits.trailing_zeros() as usize;
                    hits &= hits - 1;
                    let (target, z) = (p * nr + c, tile.z[r * nr + c]);
                    let threshold = &mut rows.threshold[first + r];
                    if target < panels.count && z <= *threshold {
                        *threshold = visit(first + r, target as u32, z, *threshold);
                    }
                }
            }
        }
    }
}

/// Bound of one search in the `f64` kernel: per pair for Euclidean, one number for cosine.
pub(super) enum WideError {
    Euclidean(Euclidean),
    Uniform(f64),
}

impl WideError {
    fn of(&self, a: f64, b: f64) -> f64 {
        match self {
            WideError::Euclidean(bound) => bound.error(a, b),
            WideError::Uniform(error) => *error,
        }
    }
}

/// The targets among `allowed` that may win a row of norm `norm` whose `f64` scores from target
/// `base` on are `z`: those whose lower end reaches the lowest upper end. Per-pair bounds, so
/// that one huge target does not blur the rest.
pub(super) fn wide_candidates(
    z: &[f64],
    base: usize,
    norm: f64,
    panels: &Panels<f64>,
    error: &WideError,
    allowed: Range<usize>,
    out: &mut Vec<u32>,
) -> Result<()> {
    out.clear();
    let mut lowest = f64::INFINITY;
    for j in allowed.clone() {
        lowest = lowest.min((z[j - base] + error.of(norm, panels.norms[j])).next_up());
    }
    for j in allowed {
        if (z[j - base] - error.of(norm, panels.norms[j])).next_down() <= lowest {
            try_grow(out, 1)?;
            out.push(j as u32);
        }
    }
    Ok(())
}

/// All scores of one tile of rows against the panels `range`, row after row; `fill(i, out)` puts
/// row i into the kernel's coordinates. Returns the scores per row, padding included.
pub(super) fn wide_scores(
    kernel: &Kernel<f64>,
    mut fill: impl FnMut(usize, &mut [f64]),
    rows: &mut PackedRows<f64>,
    panels: &Panels<f64>,
    range: Range<usize>,
    tile: &mut Tile<f64>,
    scores: &mut Vec<f64>,
) -> Result<usize> {
    let (mr, nr) = (kernel.mr(), kernel.nr());
    for i in 0..mr {
        fill(i, rows.row_mut(i, panels.depth));
    }
    let width = range.len() * nr;
    if scores.len() < mr * width {
        let more = mr * width - scores.len();
        try_grow(scores, more)?;
        scores.resize(mr * width, 0.0);
    }
    for (at, p) in range.enumerate() {
        let (panel, offset) = panels.panel(p);
        kernel.scan(panels.depth, &rows.data, rows.stride, panel, offset, &rows.threshold[..mr], tile);
        for r in 0..mr {
            scores[r * width + at * nr..][..nr].copy_from_slice(&tile.z[r * nr..][..nr]);
        }
    }
    Ok(width)
}
