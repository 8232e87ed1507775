//! Exact sums of the rows of each cluster, and what is made of them.

use alloc::vec::Vec;
use core::fmt;

use super::chunk::{Chunk, UNWEIGHTED, WEIGHTED_DIGITS};
use crate::check;
use crate::error::{Error, Result};
use crate::exact::dot_wide;
use crate::exact::float::narrow;
use crate::memory::{try_capacity, try_vec};

/// Most columns of a chunk: two digits of them, and a few rows, fit into the nearest cache.
const COLUMNS: usize = 768;
/// Most digits of a plane of a chunk, and how many ranges of clusters there are at least, where there are as many
/// clusters: enough tasks for every thread.
const DIGITS_OF_A_PLANE: usize = 8192;
const RANGES: usize = 64;
/// Columns that are rounded at once.
const ROUNDED: usize = 128;

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
    /// Clusters and columns of a chunk; fewer in the last ones.
    clusters: usize,
    columns: usize,
    /// Ranges of clusters; within each, ranges of columns.
    chunks: Vec<Chunk>,
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
        let columns = d.div_ceil(d.div_ceil(COLUMNS)).next_multiple_of(16).min(d);
        let clusters = (DIGITS_OF_A_PLANE / columns).clamp(1, k.div_ceil(RANGES));
        let mut chunks = try_capacity(k.div_ceil(clusters).saturating_mul(d.div_ceil(columns)))?;
        for first in (0..k).step_by(clusters) {
            for start in (0..d).step_by(columns) {
                let range = first..k.min(first + clusters);
                chunks.push(Chunk::new(range, start..d.min(start + columns), weighted)?);
            }
        }
        let weights = if weighted { Some(Chunk::new(0..k, 0..1, true)?) } else { None };
        Ok(Self { k, d, clusters, columns, chunks, rows: try_vec(k, 0)?, weights })
    }

    /// The chunk of a cluster and column inside the shape.
    fn at(&self, cluster: usize, column: usize) -> usize {
        cluster / self.clusters * self.d.div_ceil(self.columns) + column / self.columns
    }

    /// The digits of a value of a cluster: the chunk and its column; the weight behind the columns.
    pub(super) fn chunk_of(&self, cluster: usize, value: usize) -> Option<(&Chunk, usize)> {
        if value < self.d {
            return Some((self.chunks.get(self.at(cluster, value))?, value % self.columns));
        }
        self.weights.as_ref().map(|weights| (weights, 0))
    }

    /// As [`chunk_of`](Sums::chunk_of).
    pub(super) fn chunk_of_mut(&mut self, cluster: usize, value: usize) -> Option<(&mut Chunk, usize)> {
        if value < self.d {
            let at = self.at(cluster, value);
            return Some((self.chunks.get_mut(at)?, value % self.columns));
        }
        self.weights.as_mut().map(|weights| (weights, 0))
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

    /// Ranges of clusters and columns, for tasks that run side by side, and the weights. Each chunk sums its columns
    /// of the rows of its clusters; the rows are [counted](Sums::count) apart.
    pub(crate) fn parts_mut(&mut self) -> (&mut [Chunk], Option<&mut Chunk>) {
        (&mut self.chunks, self.weights.as_mut())
    }

    /// Counts rows into and out of `cluster`, but not their weights.
    ///
    /// # Errors
    /// `ShapeMismatch`, `Mismatch` when more go than there are, `TooLarge`.
    pub(crate) fn recount(&mut self, cluster: usize, joined: u64, left: u64) -> Result<()> {
        let (expected, found) = (self.k, cluster);
        let rows =
            self.rows.get_mut(cluster).ok_or(Error::ShapeMismatch { what: "cluster", expected, found })?;
        let more = check::counted("rows of a cluster", *rows, joined)?;
        let what = "row taken away from an empty cluster";
        *rows = more.checked_sub(left).ok_or(Error::Mismatch { what })?;
        Ok(())
    }

    /// Counts a row into `cluster` (`sign` +1) or out of it (-1); of weight 1 when it has none.
    pub(crate) fn count(&mut self, cluster: usize, weight: Option<f32>, sign: i64) -> Result<()> {
        let before = self.rows(cluster);
        self.recount(cluster, u64::from(sign > 0), u64::from(sign < 0))?;
        let weighed = match (&mut self.weights, weight) {
            (Some(weights), _) => weights.add(cluster, &[weight.unwrap_or(1.0)], sign),
            (None, None | Some(1.0)) => Ok(()),
            (None, Some(_)) => Err(Error::Mismatch { what: UNWEIGHTED }),
        };
        if weighed.is_err() {
            // Nothing is counted after an error.
            self.rows[cluster] = before;
        }
        weighed
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

    /// Counts rows of weight 1 into and out of `cluster`, but not their values: for a device that sums those apart,
    /// until [`add_units`](Sums::add_units).
    ///
    /// # Errors
    /// `ShapeMismatch` for a wrong cluster, `Mismatch` when more rows go than there are, `TooLarge`, `OutOfMemory`.
    pub fn count_rows(&mut self, cluster: usize, joined: u64, left: u64) -> Result<()> {
        self.recount(cluster, joined, left)?;
        match &mut self.weights {
            // Below 2^63 each, so their difference times 2^64 is below 2^127.
            Some(weights) => weights.add_units(cluster, &[(i128::from(joined) - i128::from(left)) << 64]),
            None => Ok(()),
        }
    }

    /// Adds `units[j]` times 2^-64 to the sum of column j of `cluster`: sums of rows of weight 1 that a device made of
    /// integers, and whose rows are [counted](Sums::count_rows) apart.
    ///
    /// # Errors
    /// `ShapeMismatch` for a wrong cluster or length, `OutOfMemory`; the sums must be discarded after the last.
    /// # Example
    /// ```
    /// use pauca::exact::Sums;
    /// let (mut device, mut host) = (Sums::new(1, 2)?, Sums::new(1, 2)?);
    /// device.count_rows(0, 1, 0)?;
    /// device.add_units(0, &[-3 << 63, 1 << 70])?;
    /// host.add_row(0, &[-1.5, 64.0])?;
    /// assert_eq!(device.to_bytes()?, host.to_bytes()?);
    /// # Ok::<(), pauca::Error>(())
    /// ```
    pub fn add_units(&mut self, cluster: usize, units: &[i128]) -> Result<()> {
        check::same_length("units", self.d, units.len())?;
        check::place("cluster", cluster, self.k)?;
        let (first, each) = (self.at(cluster, 0), self.d.div_ceil(self.columns));
        let mut chunks = self.chunks[first..first + each].iter_mut();
        chunks.try_for_each(|chunk| {
            let units = &units[chunk.columns()];
            chunk.add_units(cluster, units)
        })
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
        let (first, each) = (self.at(cluster, 0), self.d.div_ceil(self.columns));
        for chunk in &mut self.chunks[first..first + each] {
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
        match self.chunk_of(cluster, column) {
            Some((chunk, at)) if cluster < self.k && column < self.d => chunk.value(cluster, at),
            _ => 0.0,
        }
    }

    /// The rounded sums of a cluster inside the shape, from `column` on, to the end of their chunk at most; how many.
    fn sums_from(&self, cluster: usize, column: usize, out: &mut [f64]) -> usize {
        let Some((chunk, at)) = self.chunk_of(cluster, column) else { return 0 };
        let n = out.len().min(chunk.columns().end - column);
        chunk.values(cluster, at, &mut out[..n]);
        n
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
        let (mut sums, mut column) = ([0.0; ROUNDED], 0);
        while column < self.d {
            let n = self.sums_from(cluster, column, &mut sums[..ROUNDED.min(self.d - column)]);
            sums[..n].iter_mut().for_each(|sum| *sum /= weight);
            narrow_all(&sums[..n], &mut out[column..column + n]);
            column += n.max(1);
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
        if cluster >= self.k {
            return Ok(false);
        }
        let (mut sum, mut column) = (try_vec(self.d, 0.0)?, 0);
        while column < self.d {
            column += self.sums_from(cluster, column, &mut sum[column..]).max(1);
        }
        let norm = libm::sqrt(dot_wide(&sum, &sum));
        if norm == 0.0 {
            return Ok(false);
        }
        sum.iter_mut().for_each(|sum| *sum /= norm);
        narrow_all(&sum, out);
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

/// [`narrow`] of every value; at the speed of plain conversions where no result is subnormal.
fn narrow_all(values: &[f64], out: &mut [f32]) {
    // 2^-126, the smallest normal f32.
    const NORMAL: f64 = f64::from_bits((1023 - 126) << 52);
    if values.iter().fold(true, |all, x| all & (x.abs() >= NORMAL)) {
        out.iter_mut().zip(values).for_each(|(out, x)| *out = *x as f32);
    } else {
        out.iter_mut().zip(values).for_each(|(out, x)| *out = narrow(*x));
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
