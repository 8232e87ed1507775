//! SCIP over shards: rows collected anywhere, merged in any order, decided once.

use alloc::vec::Vec;

use super::scip::{Scip, ScipPruned};
use crate::bytes::{Reader, State, Writer, to_and_from_bytes};
use crate::check;
use crate::error::*;
use crate::memory::{try_all, try_capacity, try_collect, try_copy, try_grow, try_vec};

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
    /// [`Error::ShapeMismatch`]; [`Error::NonFinite`] with the global id as the row;
    /// [`Error::LabelOutOfRange`] with the row counted from 0 in this call; [`Error::TooLarge`] where
    /// an id would be 2^64 - 1, which stands for no row, or more; [`Error::OutOfMemory`]. On an error
    /// nothing is added.
    pub fn push(&mut self, first_row: u64, labels: &[u32], distances: &[f64]) -> Result<()> {
        let n = labels.len();
        check::same_length("distances", n, distances.len())?;
        let most = usize::try_from(u64::MAX - first_row).unwrap_or(usize::MAX);
        check::at_most("rows from the first id on", n, most)?;
        let finite = check::finite("distances", distances.iter().copied());
        finite.map_err(|error| error.at("distances", |row| first_row + row as u64))?;
        check::labels(labels, self.n_clusters)?;
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
        check::same("number of clusters", other.n_clusters == self.n_clusters)?;
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
        let mut order = try_collect(0..n)?;
        order.sort_unstable_by_key(|&i| self.ids[i]);
        // Clusters that have rows, by number: how many there are in all costs nothing.
        let mut present = try_copy(&self.labels)?;
        present.sort_unstable();
        present.dedup();
        let mut sizes = try_vec(present.len(), 0u64)?;
        let (mut ids, mut labels, mut distances) = (try_capacity(n)?, try_capacity(n)?, try_capacity(n)?);
        for i in order {
            let (new, why) = (ids.last() != Some(&self.ids[i]), "their ranges of row ids overlap");
            check::conflict(new, "rows of one shard", "rows of another", why)?;
            ids.push(self.ids[i]);
            let label = present.partition_point(|label| *label < self.labels[i]);
            labels.push(label as u32);
            distances.push(self.distances[i]);
            sizes[label] += 1;
        }
        Ok((ids, scip.select(&labels, &distances, &sizes)?))
    }

    fn reserve(&mut self, n: usize) -> Result<()> {
        try_grow(&mut self.ids, n)?;
        try_grow(&mut self.labels, n)?;
        try_grow(&mut self.distances, n)
    }
}

to_and_from_bytes!(
    /// 20 bytes a row.
    impl[] ScipRows
);

impl State for ScipRows {
    const MARK: &'static [u8; 8] = b"paucaSR\0";
    const WHAT: &'static str = "rows for SCIP";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.reserve(self.len().saturating_mul(20).saturating_add(32));
        to.sizes(&[self.n_clusters, self.len()]);
        to.u64s(&self.ids);
        self.labels.iter().for_each(|label| to.u32(*label));
        to.f64s(self.distances.iter().copied());
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let [n_clusters, n] = from.sizes()?;
        from.expect(n.checked_mul(20))?;
        let ids = from.u64s(n)?;
        from.holds(!ids.contains(&u64::MAX), "an id stands for no row")?;
        let labels = try_all((0..n).map(|_| from.u32()))?;
        let distances = from.f64s(n)?;
        let wrong = |_| from.corrupt("a label or a distance is out of range");
        check::labels(&labels, n_clusters).map_err(wrong)?;
        check::finite("distances", distances.iter().copied()).map_err(wrong)?;
        Ok(Self { n_clusters, ids, labels, distances })
    }
}
