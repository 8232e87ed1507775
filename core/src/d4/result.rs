//! What a run chose.

use ndarray::Array1;

use crate::dedup::{Dedup, bytes_of};
use crate::error::Result;
use crate::kmeans::Clusters;

/// What D4 chose.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Curated {
    /// `[n]`: whether the row is kept in the end.
    pub keep: Array1<bool>,
    /// The first clustering, of all rows.
    pub clusters: Clusters,
    /// The deduplication; its `keep` marks the survivors.
    pub dedup: Dedup,
    /// Rows of the second clustering, ascending.
    pub survivors: Array1<u64>,
    /// The second clustering; its rows are the survivors, in that order.
    pub reclustered: Clusters,
}

impl Curated {
    /// Number of rows kept.
    pub fn kept(&self) -> usize {
        self.keep.iter().filter(|&&k| k).count()
    }

    /// Writes 1 for every kept row and 0 for every other.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) for a buffer of another length.
    pub fn keep_into(&self, out: &mut [u8]) -> Result<()> {
        bytes_of(&self.keep, out)
    }
}
