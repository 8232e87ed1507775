//! Exact sums of the rows of each cluster, and what is made of them.

use alloc::vec::Vec;
use core::fmt;

use super::chunk::{Chunk, UNWEIGHTED, WEIGHTED_DIGITS};
use crate::check;
use crate::error::{Error, Result};
use crate::exact::dot_wide;
use crate::exact::float::narrow;
use crate::memory::{try_capacity, try_vec};

/// Columns of a chunk: enough of a row to stream it at the memory's speed (64 took twice as long),
/// few enough for a task each.
pub(super) const CHUNK: usize = 128;

/// Exact sums of rows, and counts and weights, for each of `k` clusters. Tier A.
///
/// The state is made of integers: the same for any order of the additions and any split that is
/// [merged](Sums::merge) again, and a row taken away leaves no trace. A row of weight w, an
/// integer, is w copies of it, bit for bit.
///
/// **Memory.** 8 bytes a cluster and column for each plane that the magnitudes touch: two of
/// nine for ordinary rows, three of eighteen for [weighted](Sums::weighted) ones. Sums of
/// magnitude M stay exact while rows times M is below 2^159.
///
/// ```
/// use pauca::exact::Sums;
/// let mut sums = Sums::new(2, 3)?;
/// sums.add_row(0, &[1e20, 1.0, 0.5])?;
/// sums.add_row(0, &[-1e20, 2.0, 0.5])?;
/// assert_eq!(sums.column_sum(0, 1), 3.0);
/// let mut mean = [0.0; 3];
/// assert!(sums.mean_into(0, &mut mean));
/// assert_eq!(mean, [0.0, 1.5, 0.5]);
/// assert!(!sums.mean_into(1, &mut mean), "the other cluster is empty");
/// # Ok::<(), pauca::Error>(())
/// ```
pub struct Sums {
    pub(super) k: usize,
    pub(super) d: usize,
    pub(super) chunks: Vec<Chunk>,
    pub(super) rows: Vec<u64>,
    /// One column of weights, present for weighted sums.
    pub(super) weights: Option<Chunk>,
}

impl Sums {
    /// Empty sums for rows without weights.
    ///
    /// # Errors
    /// `Empty` when `k` or `d` is 0, `TooLarge`, `OutOfMemory`.
    pub fn new(k: usize, d: usize) -> Result<Self> {
        Self::build(k, d, false)
    }

    /// Empty sums for rows with weights.
    ///
    /// # Errors
    /// As [`Sums::new`].
    pub fn weighted(k: usize, d: usize) -> Result<Self> {
        Self::build(k, d, true)
    }

    pub(super) fn build(k: usize, d: usize, weighted: bool) -> Result<Self> {
        check::not_empty("sums of clusters", k.min(d))?;
        let limit = usize::MAX / 8 / WEIGHTED_DIGITS / k;
        if d >= limit {
            return Err(Error::TooLarge { what: "columns times clusters", size: d, limit });
        }
        let mut chunks = try_capacity(d.div_ceil(CHUNK))?;
        for start in (0..d).step_by(CHUNK) {
            chunks.push(Chunk::new(start..d.min(start + CHUNK), k, weighted)?);
        }
        let weights = if weighted { Some(Chunk::new(0..1, k, true)?) } else { None };
        Ok(Self { k, d, chunks, rows: try_vec(k, 0)?, weights })
    }

    /// Number of clusters.
    pub fn n_clusters(&self) -> usize {
        self.k
    }

    /// Values in a row.
    pub fn dim(&self) -> usize {
        self.d
    }

    /// Whether rows may carry weights.
    pub fn is_weighted(&self) -> bool {
        self.weights.is_some()
    }

    /// Ranges of columns, for tasks that run side by side. Each sums its columns of every row;
    /// the rows are [counted](Sums::count) once, apart.
    pub(crate) fn chunks_mut(&mut self) -> &mut [Chunk] {
        &mut self.chunks
    }

    /// Counts a row into `cluster` (`sign` +1) or out of it (-1); of weight 1 when it has none.
    pub(crate) fn count(&mut self, cluster: usize, weight: Option<f32>, sign: i64) -> Result<()> {
        let (expected, found) = (self.k, cluster);
        let rows =
            self.rows.get_mut(cluster).ok_or(Error::ShapeMismatch { what: "cluster", expected, found })?;
        let counted = match sign {
            ..0 => {
                rows.checked_sub(1).ok_or(Error::Mismatch { what: "row taken away from an empty cluster" })?
            }
            _ => check::counted("rows of a cluster", *rows, 1)?,
        };
        match (&mut self.weights, weight) {
            (Some(weights), _) => weights.add(cluster, &[weight.unwrap_or(1.0)], sign)?,
            (None, None | Some(1.0)) => {}
            (None, Some(_)) => return Err(Error::Mismatch { what: UNWEIGHTED }),
        }
        *rows = counted;
        Ok(())
    }

    /// Adds a row of weight 1 to `cluster`.
    ///
    /// # Errors
    /// `ShapeMismatch` for a wrong cluster or length, `InvalidParameter` for values that are not
    /// finite, `OutOfMemory`; the sums must be discarded after the last.
    pub fn add_row(&mut self, cluster: usize, row: &[f32]) -> Result<()> {
        self.change(cluster, row, 1.0, 1)
    }

    /// Takes a row of weight 1 away from `cluster`, which must hold it.
    ///
    /// # Errors
    /// As [`Sums::add_row`], and `Mismatch` when the cluster holds no row.
    pub fn remove_row(&mut self, cluster: usize, row: &[f32]) -> Result<()> {
        self.change(cluster, row, 1.0, -1)
    }

    /// Adds a row of weight `weight`, finite and not negative, to `cluster`.
    ///
    /// # Errors
    /// As [`Sums::add_row`], and `Mismatch` when these sums were not made for weights.
    pub fn add_weighted_row(&mut self, cluster: usize, row: &[f32], weight: f32) -> Result<()> {
        self.change(cluster, row, weight, 1)
    }

    /// Takes a row of weight `weight` away from `cluster`, which must hold it.
    ///
    /// # Errors
    /// As [`Sums::add_weighted_row`] and [`Sums::remove_row`].
    pub fn remove_weighted_row(&mut self, cluster: usize, row: &[f32], weight: f32) -> Result<()> {
        self.change(cluster, row, weight, -1)
    }

    fn change(&mut self, cluster: usize, row: &[f32], weight: f32, sign: i64) -> Result<()> {
        check::same_length("row", self.d, row.len())?;
        if let Some(x) = row.iter().find(|x| !x.is_finite()) {
            return Err(Error::InvalidParameter { name: "addend", value: *x as f64, expected: "finite" });
        }
        if !(weight.is_finite() && weight >= 0.0) {
            let expected = "finite and not negative";
            return Err(Error::InvalidParameter { name: "weight", value: weight as f64, expected });
        }
        self.count(cluster, Some(weight), sign)?;
        for chunk in &mut self.chunks {
            let values = &row[chunk.columns()];
            if self.weights.is_some() {
                chunk.add_weighted(cluster, values, weight, sign)?;
            } else {
                chunk.add(cluster, values, sign)?;
            }
        }
        Ok(())
    }

    /// The sum of one column over the rows of a cluster, rounded once to nearest, ties to even;
    /// 0 outside the shape.
    pub fn column_sum(&self, cluster: usize, column: usize) -> f64 {
        match self.chunks.get(column / CHUNK) {
            Some(chunk) if cluster < self.k && column < self.d => chunk.value(cluster, column % CHUNK),
            _ => 0.0,
        }
    }

    /// Number of rows in a cluster; 0 outside the shape.
    pub fn rows(&self, cluster: usize) -> u64 {
        self.rows.get(cluster).copied().unwrap_or(0)
    }

    /// Total weight of a cluster, rounded once; its number of rows where rows have no weights.
    pub fn weight(&self, cluster: usize) -> f64 {
        match &self.weights {
            Some(weights) if cluster < self.k => weights.value(cluster, 0),
            _ => self.rows(cluster) as f64,
        }
    }

    /// Writes the centroid `f32(RN64(sum) / RN64(weight))`. False, and nothing is written, when the
    /// weight is 0 or the shape is wrong.
    ///
    /// Anyone can check it: `numpy.float32(math.fsum(column) / n)`.
    pub fn mean_into(&self, cluster: usize, out: &mut [f32]) -> bool {
        let weight = self.weight(cluster);
        // A weight is never negative; written so that nothing but a positive one passes.
        if out.len() != self.d || !matches!(weight.partial_cmp(&0.0), Some(core::cmp::Ordering::Greater)) {
            return false;
        }
        for (column, out) in out.iter_mut().enumerate() {
            *out = narrow(self.column_sum(cluster, column) / weight);
        }
        true
    }

    /// Writes the direction `f32(S_j / sqrt(dot64(S, S)))` of S = RN64(sum). False, and nothing is
    /// written, when the sum is 0 or the shape is wrong.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub fn direction_into(&self, cluster: usize, out: &mut [f32]) -> Result<bool> {
        if out.len() != self.d {
            return Ok(false);
        }
        let mut sum = try_capacity(self.d)?;
        sum.extend((0..self.d).map(|column| self.column_sum(cluster, column)));
        let norm = libm::sqrt(dot_wide(&sum, &sum));
        if norm == 0.0 {
            return Ok(false);
        }
        for (out, s) in out.iter_mut().zip(&sum) {
            *out = narrow(s / norm);
        }
        Ok(true)
    }

    /// Adds the sums, counts and weights of `other`.
    ///
    /// # Errors
    /// `ShapeMismatch`, `Mismatch` when only one of them is weighted, `TooLarge` for 2^63 or more rows
    /// in all, `OutOfMemory` (after which these sums must be discarded).
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.combine(other, 1)
    }

    /// Takes the sums, counts and weights of `other` away: its rows are no longer among these.
    ///
    /// # Errors
    /// As [`merge`](Sums::merge), and `Mismatch` when a cluster of `other` has more rows than here.
    /// # Example
    /// ```
    /// use pauca::exact::Sums;
    /// let (mut all, mut part) = (Sums::new(1, 1)?, Sums::new(1, 1)?);
    /// all.add_row(0, &[1e30])?;
    /// all.add_row(0, &[2.0])?;
    /// part.add_row(0, &[1e30])?;
    /// all.remove(&part)?;
    /// assert_eq!((all.rows(0), all.column_sum(0, 0)), (1, 2.0));
    /// # Ok::<(), pauca::Error>(())
    /// ```
    pub fn remove(&mut self, other: &Self) -> Result<()> {
        self.combine(other, -1)
    }

    fn combine(&mut self, other: &Self, sign: i64) -> Result<()> {
        for (what, expected, found) in [("clusters", self.k, other.k), ("columns", self.d, other.d)] {
            check::same_length(what, expected, found)?;
        }
        if self.is_weighted() != other.is_weighted() {
            return Err(Error::Mismatch { what: "presence of weights in the sums" });
        }
        if sign < 0 && self.rows.iter().zip(&other.rows).any(|(mine, theirs)| mine < theirs) {
            return Err(Error::Mismatch { what: "number of rows taken away from a cluster" });
        }
        if sign > 0 {
            let total = |rows: &[u64]| rows.iter().fold(0u64, |sum, n| sum.saturating_add(*n));
            check::counted("rows of the sums", total(&self.rows), total(&other.rows))?;
        }
        if let (Some(mine), Some(theirs)) = (&mut self.weights, &other.weights) {
            mine.merge(theirs, sign)?;
        }
        for (mine, theirs) in self.chunks.iter_mut().zip(&other.chunks) {
            mine.merge(theirs, sign)?;
        }
        for (mine, theirs) in self.rows.iter_mut().zip(&other.rows) {
            *mine = if sign < 0 { *mine - theirs } else { *mine + theirs };
        }
        Ok(())
    }
}

impl fmt::Debug for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sums")
            .field("k", &self.k)
            .field("d", &self.d)
            .field("weighted", &self.is_weighted())
            .field("rows", &self.rows.iter().fold(0, |sum: u64, n| sum.saturating_add(*n)))
            .finish()
    }
}
