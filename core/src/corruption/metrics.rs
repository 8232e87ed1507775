//! Where corruption moves embeddings: metrics of paired rows.

use alloc::vec::Vec;

use ndarray::Array1;

use crate::backend::cpu::Cpu;
use crate::backend::{Backend, Copies};
use crate::check;
use crate::control::{Context, Job, Stage};
use crate::error::Result;
use crate::exact::elementary::ln;
use crate::exact::{self, Metric, Sums, cosine_from, dot_wide};
use crate::kmeans::Partition;
use crate::memory::{try_capacity, try_collect, try_vec};
use crate::rows::{IntoRows, RowSource, Rows, Scratch, read_from};
use crate::stats::{Interval, bootstrap};

/// Rows of one task.
const TASK: usize = 128;

/// Metrics of paired embeddings, originals and their corrupted versions, in a clustering.
///
/// Row i of both inputs belongs to one document. Both are assigned to their nearest centroid; per
/// row: whether the cluster changed, the sizes of both clusters, the distances to both centroids
/// and of the corrupted row to the *original* one's centroid, cos(x, x'), |x' - x|². Over all rows,
/// with s_i = x'_i - x_i:
///
/// - **mean shift** m = sum s_i / n, from exact sums; its length |m|;
/// - **direction** v = m / |m|, and the alignment cos(s_i, v) of each row with it;
/// - **explained share** |m|² / mean |s_i|², in \[0, 1\]: how far one direction describes the
///   corruption;
/// - **score** `<x - mean, v>` of any rows ([`Direction::score`]): how far they lie that way.
///
/// *Source*: Yang et al. 2023 report that corrupted files move to smaller clusters and farther from
/// centroids; direction and score are our extension. Shifts are those of the rows as given: pass
/// rows of unit length to compare directions only.
///
/// # Shapes
/// x: \[n, d\], corrupted: \[n, d\], centroids: \[k, d\].
/// # Ties, NaN
/// A row between two centroids belongs to the lower; a NaN is an error; a document that
/// did not move has no alignment (NaN).
/// # Tier
/// A.
/// # Cost
/// 2 n k d multiply-adds of the fast arithmetic, 80 n bytes; deterministic for any threads.
/// # Example
/// ```
/// use pauca::{KMeans, corruption::CorruptionMetrics};
/// let x = ndarray::array![[0.0f32, 0.0], [3.0, 0.0], [9.0, 0.0], [9.0, 1.0], [9.0, 0.5]];
/// let clusters = KMeans::new(2).seed(1).fit(&x)?;
/// let corrupted = &x + &ndarray::array![3.0f32, 4.0];
/// let found = CorruptionMetrics::of(&clusters).measure(&x, &corrupted)?;
/// let direction = found.direction.as_ref().expect("rows moved");
/// assert_eq!((direction.length, found.explained_share), (5.0, Some(1.0)));
/// assert_eq!(found.switch_rate(), 0.2); // (3, 0) became (6, 4), nearer to the other centroid
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CorruptionMetrics<'c> {
    clusters: Partition<'c>,
}

/// What [`CorruptionMetrics`] found, per row and over all.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PairedReport {
    /// `[n]`: cluster of each original row.
    pub labels: Array1<u32>,
    /// `[n]`: cluster of each corrupted row.
    pub corrupted_labels: Array1<u32>,
    /// `[n]`: distance of each original row to its centroid, in the clustering's metric.
    pub distances: Array1<f64>,
    /// `[n]`: distance of each corrupted row to its own centroid.
    pub corrupted_distances: Array1<f64>,
    /// `[n]`: distance of each corrupted row to the centroid of the original one.
    pub distances_to_original: Array1<f64>,
    /// `[n]`: rows in the cluster of the original row.
    pub sizes: Array1<u64>,
    /// `[n]`: rows in the cluster of the corrupted row.
    pub corrupted_sizes: Array1<u64>,
    /// `[n]`: cos(x, x').
    pub similarities: Array1<f64>,
    /// `[n]`: |x' - x|².
    pub squared_shifts: Array1<f64>,
    /// `[n]`: cosine of each shift with the direction; NaN where the row did not move or there is
    /// no direction.
    pub alignments: Array1<f64>,
    /// The common shift; none where the shifts sum to zero.
    pub direction: Option<Direction>,
    /// |m|² / mean |s|²; none where no row moved.
    pub explained_share: Option<f64>,
}

/// The direction in which corruption moves rows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Direction {
    /// `[d]`: mean of the original rows.
    pub origin: Array1<f64>,
    /// `[d]`: the mean shift, divided by its length.
    pub unit: Array1<f64>,
    /// Length of the mean shift.
    pub length: f64,
}

/// Means over rows, with bootstrap intervals.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PairedSummary {
    /// Share of the rows whose cluster changed.
    pub switch_rate: Interval,
    /// Mean change of ln(size of the cluster): below 0 they land in smaller clusters.
    pub log_size_change: Interval,
    /// Mean change of the distance to the own centroid: above 0 they land farther out.
    pub distance_change: Interval,
    /// Mean change of the distance to the original row's centroid.
    pub distance_to_original_change: Interval,
    /// Mean cos(x, x').
    pub similarity: Interval,
}

impl<'c> CorruptionMetrics<'c> {
    /// In this clustering: a `&Clusters` or a [`Partition`], whose sizes are those of its labels.
    pub fn of(clusters: impl Into<Partition<'c>>) -> Self {
        Self { clusters: clusters.into() }
    }

    /// Measures pairs of rows in memory, on the CPU.
    ///
    /// # Errors
    /// As [`measure_on`](Self::measure_on).
    pub fn measure<'a, 'b>(
        &self,
        x: impl IntoRows<'a>,
        corrupted: impl IntoRows<'b>,
    ) -> Result<PairedReport> {
        self.measure_on(&Cpu::new()?, &x.into_rows()?, &corrupted.into_rows()?, &Context::default())
    }

    /// Measures pairs of rows of any sources on any backend.
    ///
    /// # Errors
    /// `Error::Empty` without rows, `Error::ShapeMismatch` where the two differ in rows or any
    /// of them and the centroids in columns, `Error::NonFinite` with "x" or "corrupted" and the row,
    /// `Error::Source`, `Error::OutOfMemory`, `Error::Cancelled`.
    pub fn measure_on<B: Backend, S: RowSource + ?Sized, T: RowSource + ?Sized>(
        &self,
        backend: &B,
        x: &S,
        corrupted: &T,
        cx: &Context,
    ) -> Result<PairedReport> {
        let (n, d) = (x.n_rows(), x.dim());
        self.check(n, d, corrupted.n_rows(), corrupted.dim())?;
        let (metric, sizes) = (self.clusters.metric(), self.clusters.sizes()?);
        let targets = backend.targets(self.clusters.centroids(), metric, Copies::Collapse, cx)?;
        let mut r = Columns::new(n)?;
        let (mut origin, mut shift) = (Sums::new(1, d)?, Sums::new(1, d)?);
        each_pair(n, x, corrupted, cx, Stage::Measure, |start, a, b| {
            let rows = start..start + a.n_rows();
            let block_a = backend.load(a.view(), metric, cx);
            let block_a = block_a.map_err(|error| error.at("x", |row| x.row_id(start + row)))?;
            let block_b = backend.load(b.view(), metric, cx);
            let block_b =
                block_b.map_err(|error| error.at("corrupted", |row| corrupted.row_id(start + row)))?;
            let labels = &mut r.labels[rows.clone()];
            backend.nearest(&block_a, &targets, None, labels, cx)?;
            backend.nearest(&block_b, &targets, Some(labels), &mut r.corrupted_labels[rows.clone()], cx)?;
            check::labels(&*labels, sizes.len())?;
            check::labels(&r.corrupted_labels[rows.clone()], sizes.len())?;
            backend.values(&block_a, &targets, labels, &mut r.distances[rows.clone()], cx)?;
            backend.values(&block_b, &targets, labels, &mut r.to_original[rows.clone()], cx)?;
            let own = &r.corrupted_labels[rows.clone()];
            backend.values(&block_b, &targets, own, &mut r.corrupted_distances[rows.clone()], cx)?;
            // Rows are summed as they are, whatever the metric of the clusters.
            let zeros = try_vec(rows.len(), 0u32)?;
            for (rows, sums) in [(a.view(), &mut origin), (b.view(), &mut shift)] {
                let block = backend.load(rows, Metric::SqEuclidean, cx)?;
                backend.collect(&block, &zeros, sums, cx)?;
            }
            let (similarities, squares) = (&mut r.similarities[rows.clone()], &mut r.squares[rows]);
            in_tasks(similarities, squares, d, cx, |i, x, y, similarity, square| {
                a.read_row(i, x)?;
                b.read_row(i, y)?;
                *similarity = cosine_from(dot_wide(x, y), dot_wide(x, x), dot_wide(y, y));
                y.iter_mut().zip(x.iter()).for_each(|(y, x)| *y -= x);
                *square = dot_wide(y, y);
                Ok(())
            })
        })?;
        // x' in the one sum, less x: the sum of the shifts.
        shift.remove(&origin)?;
        let direction = direction(&origin, &shift, n)?;
        if let Some(direction) = &direction {
            each_pair(n, x, corrupted, cx, Stage::Align, |start, a, b| {
                let rows = start..start + a.n_rows();
                let (alignments, squares) = (&mut r.alignments[rows.clone()], &mut r.squares[rows]);
                let v = direction.unit.as_slice().unwrap_or(&[]);
                in_tasks(alignments, squares, d, cx, |i, x, y, alignment, square| {
                    a.read_row(i, x)?;
                    b.read_row(i, y)?;
                    y.iter_mut().zip(x.iter()).for_each(|(y, x)| *y -= x);
                    if *square > 0.0 {
                        let along = dot_wide(y, v) / libm::sqrt(*square * dot_wide(v, v));
                        *alignment = along.clamp(-1.0, 1.0);
                    }
                    Ok(())
                })
            })?;
        }
        let mean = exact::sum(r.squares.iter().copied()) / n as f64;
        let length = direction.as_ref().map_or(0.0, |v| v.length);
        let explained_share = (mean > 0.0).then(|| (length * length / mean).clamp(0.0, 1.0));
        r.finish(&sizes, direction, explained_share)
    }

    fn check(&self, n: usize, d: usize, n2: usize, d2: usize) -> Result<()> {
        let columns = self.clusters.centroids().dim();
        check::not_empty("x", n.min(d))?;
        check::not_empty("corrupted", n2)?;
        check::same_length("rows of corrupted", n, n2)?;
        check::same_length("columns of corrupted", d, d2)?;
        check::same_length("columns of x", columns, d)?;
        Ok(())
    }
}

/// Calls `f` on every pair of blocks, in order, with the first row.
fn each_pair<S: RowSource + ?Sized, T: RowSource + ?Sized>(
    n: usize,
    x: &S,
    y: &T,
    cx: &Context,
    stage: Stage,
    mut f: impl FnMut(usize, Rows<'_>, Rows<'_>) -> Result<()>,
) -> Result<()> {
    let step = x.block_rows().min(y.block_rows()).max(1);
    let (mut scratch_x, mut scratch_y) = (Scratch::new(), Scratch::new());
    for start in (0..n).step_by(step) {
        cx.control.poll(stage, start as u64, n as u64)?;
        let range = start..n.min(start + step);
        f(start, read_from(x, range.clone(), &mut scratch_x)?, read_from(y, range, &mut scratch_y)?)?;
    }
    cx.control.poll(stage, n as u64, n as u64)
}

/// Calls `f(i, buffer, buffer, &mut a[i], &mut b[i])` for every i, side by side.
fn in_tasks(
    a: &mut [f64],
    b: &mut [f64],
    d: usize,
    cx: &Context,
    f: impl Fn(usize, &mut [f64], &mut [f64], &mut f64, &mut f64) -> Result<()> + Sync + Send,
) -> Result<()> {
    let mut jobs = try_capacity(a.len().div_ceil(TASK))?;
    let parts = a.chunks_mut(TASK).zip(b.chunks_mut(TASK)).enumerate();
    jobs.extend(parts.map(|(task, (a, b))| Job::new((task * TASK, a, b))));
    cx.in_waves(&mut jobs, 8 * (TASK * d) as u64, |(start, a, b)| {
        let (mut x, mut y) = (try_vec(d, 0.0)?, try_vec(d, 0.0)?);
        for (i, (a, b)) in a.iter_mut().zip(b.iter_mut()).enumerate() {
            f(*start + i, &mut x, &mut y, a, b)?;
        }
        Ok(())
    })
}

/// Mean of the originals and direction of the mean shift, from their exact sums.
fn direction(origin: &Sums, shift: &Sums, n: usize) -> Result<Option<Direction>> {
    let d = shift.dim();
    let (mut mean, mut unit) = (try_capacity(d)?, try_capacity(d)?);
    mean.extend((0..d).map(|j| origin.column_sum(0, j) / n as f64));
    unit.extend((0..d).map(|j| shift.column_sum(0, j) / n as f64));
    let length = libm::sqrt(dot_wide(&unit, &unit));
    if length == 0.0 {
        return Ok(None);
    }
    unit.iter_mut().for_each(|m| *m /= length);
    Ok(Some(Direction { origin: Array1::from_vec(mean), unit: Array1::from_vec(unit), length }))
}

impl Direction {
    /// `<x - mean, v>` of every row: how far it lies in the direction of corruption, in the units
    /// of x. A score for pruning: high rows look corrupted.
    ///
    /// # Errors
    /// `Error::ShapeMismatch` for rows of another dimension, `Error::NonFinite`, `Error::OutOfMemory`.
    pub fn score<'a>(&self, x: impl IntoRows<'a>) -> Result<Array1<f64>> {
        let rows = x.into_rows()?;
        let d = self.unit.len();
        check::same_length("columns of x", d, rows.dim())?;
        let (mut scores, mut buffer) = (try_vec(rows.n_rows(), 0.0)?, try_vec(d, 0.0)?);
        let unit = self.unit.as_slice().unwrap_or(&[]);
        for (i, score) in scores.iter_mut().enumerate() {
            rows.read_row(i, &mut buffer)?;
            check::finite_row("x", i as u64, buffer.iter().copied())?;
            buffer.iter_mut().zip(&self.origin).for_each(|(v, o)| *v -= o);
            *score = dot_wide(&buffer, unit);
        }
        Ok(Array1::from_vec(scores))
    }
}

impl PairedReport {
    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no pair; never for a report that was measured.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Share of the rows whose cluster changed.
    pub fn switch_rate(&self) -> f64 {
        let pairs = self.labels.iter().zip(&self.corrupted_labels);
        pairs.filter(|(a, b)| a != b).count() as f64 / self.len().max(1) as f64
    }

    /// Change of ln(size of the cluster) of row i; an empty cluster counts as of one row.
    pub fn log_size_change(&self, i: usize) -> f64 {
        ln(self.corrupted_sizes[i].max(1) as f64) - ln(self.sizes[i].max(1) as f64)
    }

    /// Change of the distance of row i to its own centroid.
    pub fn distance_change(&self, i: usize) -> f64 {
        self.corrupted_distances[i] - self.distances[i]
    }

    /// Change of the distance of row i to the centroid of the original.
    pub fn distance_to_original_change(&self, i: usize) -> f64 {
        self.distances_to_original[i] - self.distances[i]
    }

    /// Means over the rows (exact sums), with percentile bootstrap intervals over rows.
    ///
    /// # Errors
    /// As [`bootstrap`].
    pub fn summary(&self, resamples: usize, seed: u64, level: f64) -> Result<PairedSummary> {
        let n = self.len();
        let mut values: Vec<f64> = try_vec(n, 0.0)?;
        let mut mean = |value: &dyn Fn(usize) -> f64| {
            values.iter_mut().enumerate().for_each(|(i, v)| *v = value(i));
            bootstrap(n, resamples, seed, level, |rows| {
                Ok(Some(exact::sum(rows.iter().map(|&i| values[i])) / n as f64))
            })
        };
        Ok(PairedSummary {
            switch_rate: mean(&|i| if self.labels[i] == self.corrupted_labels[i] { 0.0 } else { 1.0 })?,
            log_size_change: mean(&|i| self.log_size_change(i))?,
            distance_change: mean(&|i| self.distance_change(i))?,
            distance_to_original_change: mean(&|i| self.distance_to_original_change(i))?,
            similarity: mean(&|i| self.similarities[i])?,
        })
    }
}

/// The report while it is filled.
struct Columns {
    labels: Vec<u32>,
    corrupted_labels: Vec<u32>,
    distances: Vec<f64>,
    corrupted_distances: Vec<f64>,
    to_original: Vec<f64>,
    similarities: Vec<f64>,
    squares: Vec<f64>,
    alignments: Vec<f64>,
}

impl Columns {
    fn new(n: usize) -> Result<Self> {
        Ok(Self {
            labels: try_vec(n, 0)?,
            corrupted_labels: try_vec(n, 0)?,
            distances: try_vec(n, 0.0)?,
            corrupted_distances: try_vec(n, 0.0)?,
            to_original: try_vec(n, 0.0)?,
            similarities: try_vec(n, 0.0)?,
            squares: try_vec(n, 0.0)?,
            alignments: try_vec(n, f64::NAN)?,
        })
    }

    fn finish(
        self,
        counts: &[u64],
        direction: Option<Direction>,
        explained_share: Option<f64>,
    ) -> Result<PairedReport> {
        let sizes = |labels: &[u32]| -> Result<Array1<u64>> {
            try_collect(labels.iter().map(|&l| counts[l as usize])).map(Array1::from_vec)
        };
        Ok(PairedReport {
            sizes: sizes(&self.labels)?,
            corrupted_sizes: sizes(&self.corrupted_labels)?,
            labels: Array1::from_vec(self.labels),
            corrupted_labels: Array1::from_vec(self.corrupted_labels),
            distances: Array1::from_vec(self.distances),
            corrupted_distances: Array1::from_vec(self.corrupted_distances),
            distances_to_original: Array1::from_vec(self.to_original),
            similarities: Array1::from_vec(self.similarities),
            squared_shifts: Array1::from_vec(self.squares),
            alignments: Array1::from_vec(self.alignments),
            direction,
            explained_share,
        })
    }
}
