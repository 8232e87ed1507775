//! The few rows that the race looks at.

use alloc::vec::Vec;

use crate::error::Result;
use crate::memory::try_grow;
use crate::rows::{RowSource, Rows, Scratch, delivered, gather_from};

/// Rows of a source: all of them where they lie in memory, else those that were read last.
pub(super) struct Near<'a, S: RowSource> {
    source: &'a S,
    /// All rows, where they lie in memory.
    resident: Option<Rows<'a>>,
    d: usize,
    scratch: Scratch,
    /// Ascending; row i of `values` is `rows[i]`.
    rows: Vec<usize>,
    values: Vec<f32>,
    buffer: Vec<f32>,
}

impl<'a, S: RowSource> Near<'a, S> {
    pub fn new(source: &'a S, (n, d): (usize, usize), scratch: Scratch, buffer: Vec<f32>) -> Result<Self> {
        let resident = source.resident().map(|rows| delivered(rows, n, d)).transpose()?;
        Ok(Self { source, resident, d, scratch, rows: Vec::new(), values: Vec::new(), buffer })
    }

    pub fn has(&self, row: usize) -> bool {
        self.resident.is_some() || self.rows.binary_search(&row).is_ok()
    }

    /// Reads `rows`, ascending, in place of those read before.
    pub fn read(&mut self, rows: Vec<usize>) -> Result<()> {
        let d = self.d;
        let read = gather_from(self.source, &rows, &mut self.scratch)?;
        self.values.clear();
        try_grow(&mut self.values, rows.len() * d)?;
        for i in 0..rows.len() {
            self.values.extend_from_slice(read.row_at(i, &mut self.buffer));
        }
        self.rows = rows;
        Ok(())
    }

    /// Calls `f` with a row that is there.
    pub fn with<T>(&mut self, row: usize, f: impl FnOnce(&[f32]) -> T) -> Option<T> {
        if let Some(rows) = &self.resident {
            return Some(f(rows.row_at(row, &mut self.buffer)));
        }
        let (at, d) = (self.rows.binary_search(&row).ok()?, self.d);
        Some(f(&self.values[at * d..(at + 1) * d]))
    }
}
