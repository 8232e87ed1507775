//! The rows of a [`Matrix`] for the library: resident, or block by block.

use std::ops::Range;

use pauca::{Blocked, RowSource, Rows, Scratch};

use super::Matrix;
use crate::failure::{Failure, Result};

/// The rows of a [`Matrix`] as the library reads them: all at once, or block by block.
pub enum Source<'a> {
    /// All rows lie in memory (or are mapped as if they did).
    Resident(Rows<'a>),
    /// Rows are read in blocks; working memory is that of one block.
    Blocked(Blocked<'a>),
}

impl<'a> Source<'a> {
    /// The rows of `matrix`; in blocks when `block_rows` is given.
    ///
    /// # Errors
    /// [`Failure::Usage`] when `block_rows` is 0.
    pub fn new(matrix: &'a Matrix, block_rows: Option<usize>) -> Result<Self> {
        match block_rows {
            None => Ok(Self::Resident(matrix.rows())),
            Some(rows) => {
                let blocked = Blocked::new(matrix.rows(), rows);
                blocked.map(Self::Blocked).map_err(|e| Failure::library(matrix.path(), &e))
            }
        }
    }

    fn inner(&self) -> &dyn RowSource {
        match self {
            Self::Resident(rows) => rows,
            Self::Blocked(rows) => rows,
        }
    }
}

impl RowSource for Source<'_> {
    fn n_rows(&self) -> usize {
        self.inner().n_rows()
    }
    fn dim(&self) -> usize {
        self.inner().dim()
    }
    fn resident(&self) -> Option<Rows<'_>> {
        self.inner().resident()
    }
    fn block_rows(&self) -> usize {
        self.inner().block_rows()
    }
    fn read<'s>(&'s self, range: Range<usize>, scratch: &'s mut Scratch) -> pauca::Result<Rows<'s>> {
        self.inner().read(range, scratch)
    }
    fn gather<'s>(&'s self, rows: &[usize], scratch: &'s mut Scratch) -> pauca::Result<Rows<'s>> {
        self.inner().gather(rows, scratch)
    }
}
