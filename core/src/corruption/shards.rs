//! SCIP over shards: rows collected anywhere, merged in any order, decided once.

use alloc::vec::Vec;

use super::scip::{Scip, ScipPruned};
use crate::bytes::{Reader, Writer};
use crate::check;
use crate::error::{Error, Result};
use crate::memory::{try_capacity, try_grow, try_vec};

const MAGIC: &[u8; 8] = b"PAUCASCI";
const VERSION: u32 = 1;

/// Rows of one or many shards, by global row id, ready for [`Scip`].
///
/// SCIP ranks all rows together, so shards are not decided one by one: each collects the label
/// and distance of its rows (against the same centroids), the collections are merged in any
/// order, and one decision covers all. Sizes are counted over everything merged; ties go by row
/// id, so the decision does not depend on the split. 20 bytes a row.
///
/// # Example
/// ```
/// use pauca::corruption::{Scip, ScipRows};
/// let mut all = ScipRows::new(2);
/// all.push(3, &[1], &[0.5])?;                     // row 3, from the second shard
/// let mut first = ScipRows::new(2);
/// first.push(0, &[0, 0, 0], &[0.1, 0.9, 0.2])?;    // rows 0 to 2
/// all.merge(&ScipRows::from_bytes(&first.to_bytes()?)?)?;
/// let (rows, pruned) = all.finish(&Scip::new().prune_fraction(0.5).alpha(0.5))?;
/// assert_eq!(rows, [0, 1, 2, 3]);
/// assert!(pruned.by_size[3] && pruned.by_distance[1]);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ScipRows {
    n_clusters: usize,
    ids: Vec<u64>,
    labels: Vec<u32>,
    distances: Vec<f64>,
}

impl ScipRows {
    /// A collection without rows, for a clustering into `n_clusters`.
    pub fn new(n_clusters: usize) -> Self {
        Self { n_clusters, ids: Vec::new(), labels: Vec::new(), distances: Vec::new() }
    }

    /// Number of rows collected.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Adds rows with the global ids `first_row`, `first_row` + 1, ...
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], [`Error::NonFinite`] and [`Error::LabelOutOfRange`] with the row in
    /// this call, [`Error::TooLarge`] for ids beyond 2^64, [`Error::OutOfMemory`]; on an error
    /// nothing is added.
    pub fn push(&mut self, first_row: u64, labels: &[u32], distances: &[f64]) -> Result<()> {
        let n = labels.len();
        check::same_length("distances", n, distances.len())?;
        if first_row.checked_add(n as u64).is_none() {
            return Err(Error::TooLarge { what: "last row id", size: usize::MAX, limit: usize::MAX - 1 });
        }
        if let Some(row) = distances.iter().position(|d| !d.is_finite()) {
            return Err(Error::NonFinite { what: "distances", row: first_row + row as u64, col: 0 });
        }
        if let Some(row) = labels.iter().position(|&l| l as usize >= self.n_clusters) {
            return Err(Error::LabelOutOfRange { row, label: labels[row], k: self.n_clusters });
        }
        self.reserve(n)?;
        self.ids.extend((0..n as u64).map(|i| first_row + i));
        self.labels.extend_from_slice(labels);
        self.distances.extend_from_slice(distances);
        Ok(())
    }

    /// Adds the rows of `other`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for another number of clusters, [`Error::OutOfMemory`].
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        if other.n_clusters != self.n_clusters {
            return Err(Error::Mismatch { what: "number of clusters" });
        }
        self.reserve(other.len())?;
        self.ids.extend_from_slice(&other.ids);
        self.labels.extend_from_slice(&other.labels);
        self.distances.extend_from_slice(&other.distances);
        Ok(())
    }

    /// The row ids, ascending, and in the same order which of these rows go.
    ///
    /// # Errors
    /// [`Error::Conflict`] where a row came twice; those of [`Scip::select`].
    pub fn finish(&self, scip: &Scip) -> Result<(Vec<u64>, ScipPruned)> {
        let n = self.len();
        let mut order: Vec<usize> = try_capacity(n)?;
        order.extend(0..n);
        order.sort_unstable_by_key(|&i| self.ids[i]);
        let (mut ids, mut labels, mut distances) = (try_capacity(n)?, try_capacity(n)?, try_capacity(n)?);
        let mut sizes = try_vec(self.n_clusters, 0u64)?;
        for i in order {
            if ids.last() == Some(&self.ids[i]) {
                let why = "their ranges of row ids overlap";
                return Err(Error::Conflict { first: "rows of one shard", second: "rows of another", why });
            }
            ids.push(self.ids[i]);
            labels.push(self.labels[i]);
            distances.push(self.distances[i]);
            sizes[self.labels[i] as usize] += 1;
        }
        Ok((ids, scip.select(&labels, &distances, &sizes)?))
    }

    /// The state as versioned, checksummed, little-endian bytes.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut w = Writer::new(MAGIC, VERSION);
        w.reserve(self.len().saturating_mul(20).saturating_add(32));
        w.u64(self.n_clusters as u64);
        w.u64(self.len() as u64);
        w.u64s(&self.ids);
        self.labels.iter().for_each(|&l| w.u32(l));
        self.distances.iter().for_each(|d| w.u64(d.to_bits()));
        w.finish()
    }

    /// The state from its bytes.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for bytes that are not such a state, [`Error::OutOfMemory`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::open(bytes, "rows for SCIP", MAGIC, VERSION)?;
        let (n_clusters, n) = (r.size()?, r.size()?);
        if n.checked_mul(20) != Some(r.remaining()) {
            return Err(r.corrupt("the number of rows does not fit the length"));
        }
        let ids = r.u64s(n)?;
        let mut labels = try_capacity(n)?;
        for _ in 0..n {
            labels.push(r.u32()?);
        }
        let mut distances = try_capacity(n)?;
        for _ in 0..n {
            distances.push(f64::from_bits(r.u64()?));
        }
        if labels.iter().any(|&l| l as usize >= n_clusters) || distances.iter().any(|d| !d.is_finite()) {
            return Err(r.corrupt("a label or a distance is out of range"));
        }
        r.end()?;
        Ok(Self { n_clusters, ids, labels, distances })
    }

    fn reserve(&mut self, n: usize) -> Result<()> {
        try_grow(&mut self.ids, n)?;
        try_grow(&mut self.labels, n)?;
        try_grow(&mut self.distances, n)
    }
}
