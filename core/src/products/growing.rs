//! A right side that grows by a column at a time, asked which scores of a few rows lie within a limit.

use alloc::vec::Vec;

use super::Multiplier;
use super::packed::LINE;
use crate::error::Result;
use crate::memory::{area, try_capacity};
use crate::real::Real;
use crate::simd::{Kernel, MAX_ROWS, Tile};

/// Columns in panels of the kernel's width, each with an offset.
///
/// The score of row r and column c is `offset[c] - sum_t r_t c_t`, summed as every product of this room is.
#[derive(Debug)]
pub(crate) struct Growing<T> {
    kernel: Kernel<T>,
    depth: usize,
    columns: usize,
    /// Panel p, step t, column c at `start + (p * depth + t) * nr + c`.
    values: Vec<T>,
    /// Above every limit behind the last column.
    offsets: Vec<T>,
    start: usize,
}

/// The scores of a few rows and one panel.
pub(crate) struct Scores<T>(Tile<T>);

impl<T: Real> Scores<T> {
    pub fn new() -> Self {
        Self(Tile::new())
    }

    /// Bit c: the score of row `r` and the panel's column c is at most the row's limit.
    pub fn within(&self, r: usize) -> u64 {
        self.0.hits[r]
    }
}

impl<T: Real> Multiplier<T> {
    /// No columns, and room for `columns` of `depth` values.
    pub fn growing(&self, depth: usize, columns: usize) -> Result<Growing<T>> {
        let (kernel, nr) = (self.0, self.0.nr());
        let line = LINE / size_of::<T>();
        let values: Vec<T> = try_capacity(area(columns.next_multiple_of(nr), depth)?.saturating_add(line))?;
        let offsets = try_capacity(columns.next_multiple_of(nr))?;
        let start = values.as_ptr().align_offset(LINE).min(line);
        Ok(Growing { kernel, depth, columns: 0, values, offsets, start })
    }
}

impl<T: Real> Growing<T> {
    /// The most rows that are looked at together.
    pub fn rows(&self) -> usize {
        self.kernel.mr()
    }

    /// Columns of a panel.
    pub fn width(&self) -> usize {
        self.kernel.nr()
    }

    /// Columns so far.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Appends a column. False, and nothing is appended, when there is no room for it.
    pub fn push(&mut self, column: &[T], offset: T) -> bool {
        let (nr, c) = (self.kernel.nr(), self.columns % self.kernel.nr());
        if c == 0 {
            let panels = self.columns / nr + 1;
            let size = self.start + panels * self.depth * nr;
            if size > self.values.capacity() || panels * nr > self.offsets.capacity() {
                return false;
            }
            self.values.resize(size, T::zero());
            // A score of infinity is within no limit but infinity.
            self.offsets.resize(panels * nr, T::one() / T::zero());
        }
        let from = self.start + (self.columns - c) * self.depth;
        for (slot, value) in self.values[from..].chunks_exact_mut(nr).zip(column) {
            slot[c] = *value;
        }
        self.offsets[self.columns] = offset;
        self.columns += 1;
        true
    }

    /// Looks at [`rows`](Growing::rows) rows, `stride` values apart, and the columns of a panel: whether any score is
    /// at most its row's limit. A limit of NaN is above no score, one of infinity is not below the places behind
    /// the last column.
    pub fn scan(
        &self,
        panel: usize,
        rows: &[T],
        stride: usize,
        limits: &[T; MAX_ROWS],
        out: &mut Scores<T>,
    ) -> bool {
        let nr = self.kernel.nr();
        let values = &self.values[self.start + panel * self.depth * nr..];
        self.kernel.scan(self.depth, rows, stride, values, &self.offsets[panel * nr..], limits, &mut out.0)
    }
}
