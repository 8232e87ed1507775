//! The rows of a [`Matrix`] for the library: resident, or block by block.

use std::ops::Range;

use ndarray::{Array2, Axis};
use pauca::{Blocked, RowSource, Rows, Scratch, Shards, Subset};

use super::Matrix;
use super::chosen::Chosen;
use crate::failure::{Failure, Result};

/// The rows of a [`Matrix`] as the library reads them: all at once, or block by block.
pub enum Source<'a> {
    /// All rows lie in memory (or are mapped as if they did).
    Resident(Rows<'a>),
    /// Rows are read in blocks; working memory is that of one block.
    Blocked(Blocked<'a>),
    /// The rows of several files, one after the other.
    Shards(Shards<Rows<'a>>),
    /// The rows of several files, read in blocks.
    Blocks(Shards<Blocked<'a>>),
    /// Some rows of them.
    Some(Box<Subset<Source<'a>>>),
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

    /// The rows that `chosen` names, if it does.
    ///
    /// # Errors
    /// [`Failure::Data`] for a row that is not there.
    pub fn only(self, chosen: Option<&Chosen>) -> Result<Self> {
        let Some(chosen) = chosen else { return Ok(self) };
        let subset = Subset::new(self, chosen.rows.clone());
        subset.map(|rows| Self::Some(Box::new(rows))).map_err(|e| Failure::library(&chosen.path, &e))
    }

    fn inner(&self) -> &dyn RowSource {
        match self {
            Self::Resident(rows) => rows,
            Self::Blocked(rows) => rows,
            Self::Shards(rows) => rows,
            Self::Blocks(rows) => rows,
            Self::Some(rows) => &**rows,
        }
    }
}

/// Rows gathered at once.
const BLOCK: usize = 8192;

/// The rows `wanted` as f32, which holds every element type exactly.
///
/// # Errors
/// The library's.
pub fn gather(rows: &dyn RowSource, wanted: &[usize]) -> pauca::Result<Array2<f32>> {
    let mut out = Array2::zeros((wanted.len(), rows.dim()));
    let mut scratch = Scratch::new();
    for (mut rows_out, wanted) in out.axis_chunks_iter_mut(Axis(0), BLOCK).zip(wanted.chunks(BLOCK)) {
        match rows.gather(wanted, &mut scratch)? {
            Rows::F32(v) => rows_out.assign(&v),
            Rows::F16(v) => rows_out.zip_mut_with(&v, |o, v| *o = v.to_f32()),
            Rows::Bf16(v) => rows_out.zip_mut_with(&v, |o, v| *o = v.to_f32()),
            _ => return Err(pauca::Error::Source("rows of an unknown type".into())),
        }
    }
    Ok(out)
}

impl RowSource for Source<'_> {
    fn n_rows(&self) -> usize {
        self.inner().n_rows()
    }
    fn dim(&self) -> usize {
        self.inner().dim()
    }
    fn row_id(&self, i: usize) -> u64 {
        self.inner().row_id(i)
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
