//! The CPU backend: rows borrowed, tiles packed on the fly, work split over the executor.
//!
//! | part | what it does |
//! |---|---|
//! | `pack` | rows and targets in the coordinates of the kernel, with norm bounds |
//! | `sweep` | rows in tiles, swept over panels of targets |
//! | `ladder` | the driver of tiers, for every search |
//! | `narrow`, `wide` | the tiers: the `f32` tile, the `f64` tile |
//! | `nearest`, `earlier`, `above`, `ranks` | the questions of [`Backend`]'s searches |
//! | `accumulate` | exact sums |
//! | `products` | products of `f64` matrices, tier C, for [`layers`](crate::layers) |
//! | `dots` | all pairs of the states of one sample, for [`layers`](crate::layers) |

mod above;
mod accumulate;
mod dots;
mod earlier;
mod ladder;
mod narrow;
mod nearest;
mod pack;
mod products;
mod ranks;
mod sweep;
mod wide;

use alloc::vec::Vec;
use core::ops::Range;

use ndarray::ArrayView2;

pub use self::accumulate::CpuSums;
use self::accumulate::{Moves, accumulate};
pub(crate) use self::dots::PairDots;
use self::ladder::Search;
use self::pack::{Frame, Panels, narrow_panels, scale_for};
pub(crate) use self::products::Right;
use super::copies::{first_occurrences, hash_row, same_row};
use super::{Above, Backend, Best, Copies, Levels, Pair, Pairs, Rank, SearchStats};
use crate::control::{Context, Job};
use crate::error::{Error, Result};
use crate::exact::float::finite;
use crate::exact::{self, Metric, cosine_from, dot64, squared_distance};
use crate::memory::{try_capacity, try_copy, try_vec};
use crate::rows::{Rows, StoredRows};
use crate::simd::{DotKernel, Kernel, KernelScalar, Level};

/// The CPU backend at one SIMD level.
///
/// # Example
/// ```
/// use pauca::{Cpu, Level};
/// assert_eq!(Cpu::with_level(Level::Scalar)?.level(), Level::Scalar);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    level: Level,
    narrow: Kernel<f32>,
    wide: Kernel<f64>,
    dots: DotKernel,
    keep_bytes: usize,
}

/// Rows of a source that a pass keeps for the next ones, unless [`Cpu::keep_bytes`] says otherwise.
const KEEP_BYTES: usize = 64 << 20;

impl Cpu {
    /// At the level that the environment variable `PAUCA_SIMD` names, else at the best one.
    ///
    /// # Errors
    /// [`Error::SimdLevel`] when the variable names a level that is unknown or not available.
    #[cfg(feature = "std")]
    pub fn new() -> Result<Self> {
        Self::with_level(Level::from_environment()?)
    }

    /// At the best level known at compile time.
    ///
    /// # Errors
    /// None today; the signature is that of the function with `std`.
    #[cfg(not(feature = "std"))]
    pub fn new() -> Result<Self> {
        Self::with_level(Level::detect())
    }

    /// At the given level.
    ///
    /// # Errors
    /// [`Error::SimdLevel`] when this machine lacks it.
    pub fn with_level(level: Level) -> Result<Self> {
        Ok(Self {
            level,
            narrow: f32::kernel(level)?,
            wide: f64::kernel(level)?,
            dots: DotKernel::new(level)?,
            keep_bytes: KEEP_BYTES,
        })
    }

    /// The level in use.
    pub fn level(&self) -> Level {
        self.level
    }

    /// How many bytes of the rows of a source that does not lie in memory an algorithm may keep
    /// from one pass to the next, so that it need not read them again; 64 MiB unless set. Changes
    /// no result.
    pub fn keep_bytes(mut self, bytes: usize) -> Self {
        self.keep_bytes = bytes;
        self
    }
}

/// Rows that were checked, with their squared norms where the metric needs them.
#[derive(Debug)]
pub struct CpuBlock<'a> {
    rows: Rows<'a>,
    metric: Metric,
    /// dot(x, x) by the definition; empty for Euclidean blocks.
    squares: Squares<'a>,
}

/// Squares of rows that a block made, or that were kept with its rows.
#[derive(Debug)]
enum Squares<'a> {
    Made(Vec<f64>),
    Kept(&'a [f64]),
}

impl core::ops::Deref for Squares<'_> {
    type Target = [f64];
    fn deref(&self) -> &[f64] {
        match self {
            Squares::Made(squares) => squares,
            Squares::Kept(squares) => squares,
        }
    }
}

/// A block with rows of its own.
#[derive(Debug)]
pub struct CpuKept {
    rows: StoredRows,
    metric: Metric,
    squares: Vec<f64>,
}

/// Packed targets, with the originals for the definition.
#[derive(Debug)]
pub struct CpuTargets {
    metric: Metric,
    dim: usize,
    values: Vec<f32>,
    squares: Vec<f64>,
    copies: Copies,
    /// Index of each packed target; ascending.
    order: Vec<u32>,
    frame: Frame,
    panels: Panels<f32>,
}

impl CpuTargets {
    fn n(&self) -> usize {
        self.values.len() / self.dim.max(1)
    }

    fn row(&self, j: u32) -> &[f32] {
        &self.values[j as usize * self.dim..][..self.dim]
    }

    fn view(&self) -> Result<ArrayView2<'_, f32>> {
        ArrayView2::from_shape((self.n(), self.dim), &self.values).map_err(|_| Error::ShapeMismatch {
            what: "targets",
            expected: self.n() * self.dim,
            found: self.values.len(),
        })
    }

    fn square(&self, j: u32) -> f64 {
        self.squares.get(j as usize).copied().unwrap_or(0.0)
    }

    /// Distance by the definition: squared Euclidean or 1 - cosine; `square` is dot(x, x).
    fn distance(&self, row: &[f32], square: f64, j: u32) -> f64 {
        match self.metric {
            Metric::SqEuclidean => squared_distance(row, self.row(j)),
            Metric::Cosine => 1.0 - self.similarity(row, square, j),
        }
    }

    fn similarity(&self, row: &[f32], square: f64, j: u32) -> f64 {
        cosine_from(dot64(row, self.row(j)), square, self.square(j))
    }
}

fn same_length(what: &'static str, expected: usize, found: usize) -> Result<()> {
    if expected == found { Ok(()) } else { Err(Error::ShapeMismatch { what, expected, found }) }
}

/// The two sides of a search, which must agree in dimension and metric.
fn search<'s>(cpu: &'s Cpu, block: &'s CpuBlock<'_>, targets: &'s CpuTargets) -> Result<Search<'s>> {
    same_length("dimension of the targets", block.rows.dim(), targets.dim)?;
    if block.metric != targets.metric {
        return Err(Error::Conflict { first: "rows", second: "targets", why: "their metrics differ" });
    }
    Ok(Search { cpu, rows: block.rows.view(), squares: &block.squares, targets })
}

/// The two sides of an operation on pairs, which compares by cosine and numbers all targets.
fn pairing<'s>(cpu: &'s Cpu, later: &'s CpuBlock<'_>, earlier: &'s CpuTargets) -> Result<Search<'s>> {
    let search = search(cpu, later, earlier)?;
    let (first, second) = ("pairs of rows", "Euclidean rows");
    if later.metric != Metric::Cosine {
        return Err(Error::Conflict { first, second, why: "pairs are compared by cosine" });
    }
    if earlier.copies != Copies::Keep {
        return Err(Error::Conflict { first, second: "collapsed targets", why: "every target takes part" });
    }
    Ok(search)
}

impl Backend for Cpu {
    type Block<'a> = CpuBlock<'a>;
    type Targets = CpuTargets;
    type Sums = CpuSums;
    type Carry = ();
    type Kept = CpuKept;

    fn load<'a>(&self, rows: Rows<'a>, metric: Metric, cx: &Context) -> Result<CpuBlock<'a>> {
        let (n, d) = (rows.n_rows(), rows.dim());
        let mut squares = try_vec(if metric == Metric::Cosine { n } else { 0 }, 0.0f64)?;
        let step = (32 * 1024 / d.max(1)).max(1);
        let mut jobs = try_capacity(n.div_ceil(step))?;
        let mut rest = &mut squares[..];
        for start in (0..n).step_by(step) {
            let rows = start..n.min(start + step);
            let (mine, others) = rest.split_at_mut(if metric == Metric::Cosine { rows.len() } else { 0 });
            rest = others;
            jobs.push(Job::new((rows, mine)));
        }
        cx.in_waves(&mut jobs, (step * d) as u64, |(range, squares)| {
            check_rows(&rows, range.clone(), squares)
        })?;
        Ok(CpuBlock { rows, metric, squares: Squares::Made(squares) })
    }

    fn pack(&self, block: &CpuBlock<'_>, copies: Copies, cx: &Context) -> Result<CpuTargets> {
        let (n, d, metric) = (block.rows.n_rows(), block.rows.dim(), block.metric);
        if n > u32::MAX as usize {
            return Err(Error::TooLarge { what: "number of targets", size: n, limit: u32::MAX as usize });
        }
        let size = n.checked_mul(d).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        let mut values = try_vec(size, 0.0f32)?;
        widen_all(&block.rows, &mut values)?;
        let order = distinct_order(&values, n, d, copies)?;
        let frame = match metric {
            Metric::Cosine => Frame::Unit,
            Metric::SqEuclidean => shifted_frame(&values, n, d)?,
        };
        let view = ArrayView2::from_shape((n, d), &values).map_err(|_| Error::ShapeMismatch {
            what: "targets",
            expected: size,
            found: values.len(),
        })?;
        let panels = narrow_panels(&view, &order, &block.squares, &frame, self.narrow.nr(), cx)?;
        let squares = try_copy(&*block.squares)?;
        Ok(CpuTargets { metric, copies, dim: d, values, squares, order, frame, panels })
    }

    fn squares(&self, block: &CpuBlock<'_>, out: &mut [f64], cx: &Context) -> Result<()> {
        same_length("squares", block.rows.n_rows(), out.len())?;
        if block.metric == Metric::Cosine {
            out.copy_from_slice(&block.squares);
            return Ok(());
        }
        by_row(&block.rows, out, cx, |_, row| dot64(row, row))
    }

    fn nearest(
        &self,
        block: &CpuBlock<'_>,
        targets: &CpuTargets,
        before: Option<&[u32]>,
        out: &mut [u32],
        cx: &Context,
    ) -> Result<SearchStats> {
        let search = search(self, block, targets)?;
        same_length("labels", block.rows.n_rows(), out.len())?;
        before.map_or(Ok(()), |before| same_length("earlier labels", out.len(), before.len()))?;
        nearest::nearest(search, out, cx)
    }

    fn values(
        &self,
        block: &CpuBlock<'_>,
        targets: &CpuTargets,
        pair: &[u32],
        out: &mut [f64],
        cx: &Context,
    ) -> Result<()> {
        let search = search(self, block, targets)?;
        let n = block.rows.n_rows();
        same_length("pairs", n, pair.len())?;
        same_length("values", n, out.len())?;
        let k = targets.n();
        if let Some((row, &label)) = pair.iter().enumerate().find(|&(_, &j)| j as usize >= k) {
            return Err(Error::LabelOutOfRange { row, label, k });
        }
        by_row(&block.rows, out, cx, |i, row| targets.distance(row, search.square(i), pair[i]))
    }

    fn sums(&self, k: usize, d: usize, weighted: bool, _: &Context) -> Result<CpuSums> {
        let sums = if weighted { exact::Sums::weighted(k, d)? } else { exact::Sums::new(k, d)? };
        Ok(CpuSums { sums, changed: try_vec(k, false)? })
    }

    fn accumulate(
        &self,
        block: &CpuBlock<'_>,
        from: Option<&[u32]>,
        to: &[u32],
        weights: Option<&[f32]>,
        sums: &mut CpuSums,
        cx: &Context,
    ) -> Result<()> {
        let CpuSums { sums, changed } = sums;
        accumulate(block, Moves { from, to, weights }, sums, |cluster| changed[cluster] = true, cx)
    }

    fn centroids(&self, sums: &mut CpuSums, metric: Metric, out: &mut [f32], cx: &Context) -> Result<()> {
        let CpuSums { sums, changed } = sums;
        let d = sums.dim();
        same_length("values of the centroids", sums.n_clusters() * d, out.len())?;
        let mut jobs = try_capacity(changed.iter().filter(|changed| **changed).count())?;
        let clusters = out.chunks_exact_mut(d).enumerate();
        jobs.extend(clusters.filter(|(cluster, _)| changed[*cluster]).map(Job::new));
        // A rounded quotient costs about as much as a hundred multiply-adds of the kernels.
        cx.in_waves(&mut jobs, 100 * d as u64, |(cluster, out)| match metric {
            Metric::SqEuclidean => {
                sums.mean_into(*cluster, out);
                Ok(())
            }
            Metric::Cosine => sums.direction_into(*cluster, out).map(drop),
        })?;
        changed.fill(false);
        Ok(())
    }

    fn counts(&self, sums: &CpuSums, out: &mut [u64], _: &Context) -> Result<()> {
        same_length("counts", sums.sums.n_clusters(), out.len())?;
        out.iter_mut().enumerate().for_each(|(cluster, out)| *out = sums.sums.rows(cluster));
        Ok(())
    }

    fn add_to(&self, sums: &CpuSums, host: &mut exact::Sums, _: &Context) -> Result<()> {
        host.merge(&sums.sums)
    }

    fn collect(&self, block: &CpuBlock<'_>, to: &[u32], host: &mut exact::Sums, cx: &Context) -> Result<()> {
        accumulate(block, Moves { from: None, to, weights: None }, host, |_| (), cx)
    }

    fn earlier_max(
        &self,
        later: &CpuBlock<'_>,
        earlier: &CpuTargets,
        pairs: Pairs<'_>,
        first: u64,
        best: &mut [Best],
        cx: &Context,
    ) -> Result<SearchStats> {
        let search = pairing(self, later, earlier)?;
        same_length("best", later.rows.n_rows(), best.len())?;
        earlier::earlier_max(search, pairs, first, best, cx)
    }

    fn pairs_above(
        &self,
        later: &CpuBlock<'_>,
        earlier: &CpuTargets,
        pairs: Pairs<'_>,
        above: Above<'_>,
        out: &mut Vec<Pair>,
        cx: &Context,
    ) -> Result<SearchStats> {
        let search = pairing(self, later, earlier)?;
        if let super::Threshold::Each(values) = above.threshold {
            same_length("thresholds", later.rows.n_rows(), values.len())?;
        }
        above::pairs_above(search, pairs, above, out, cx)
    }

    fn ranks(
        &self,
        block: &CpuBlock<'_>,
        targets: &CpuTargets,
        levels: Levels<'_>,
        ranks: &mut [Rank],
        cx: &Context,
    ) -> Result<SearchStats> {
        ranks::ranks(pairing(self, block, targets)?, levels, ranks, cx)
    }

    fn keep(&self, block: &CpuBlock<'_>, held: usize, _: &Context) -> Result<Option<CpuKept>> {
        let rows = held.saturating_add(block.rows.n_rows());
        if StoredRows::bytes(&block.rows, rows) > self.keep_bytes {
            return Ok(None);
        }
        let (rows, squares) = (StoredRows::of(&block.rows)?, try_copy(&*block.squares)?);
        Ok(Some(CpuKept { rows, metric: block.metric, squares }))
    }

    fn kept<'k>(&self, kept: &'k CpuKept) -> CpuBlock<'k> {
        CpuBlock { rows: kept.rows.view(), metric: kept.metric, squares: Squares::Kept(&kept.squares) }
    }
}

/// Finds the first value that is not finite; writes dot(x, x) where `squares` has room.
fn check_rows(rows: &Rows<'_>, range: Range<usize>, squares: &mut [f64]) -> Result<()> {
    let mut buffer = try_vec(rows.dim(), 0.0f32)?;
    for (i, r) in range.enumerate() {
        let row = rows.row_at(r, &mut buffer);
        // All bits are looked at without a branch; only a bad row is searched for its column.
        if !row.iter().fold(true, |ok, x| ok & finite(*x)) {
            let col = row.iter().position(|x| !finite(*x)).unwrap_or(0);
            return Err(Error::NonFinite { what: "x", row: r as u64, col });
        }
        if let Some(square) = squares.get_mut(i) {
            *square = dot64(row, row);
        }
    }
    Ok(())
}

/// `out[i] = f(i, row i)`.
fn by_row(
    rows: &Rows<'_>,
    out: &mut [f64],
    cx: &Context,
    f: impl Fn(usize, &[f32]) -> f64 + Sync + Send,
) -> Result<()> {
    let step = (64 * 1024 / rows.dim().max(1)).max(1);
    let mut jobs = try_capacity(out.len().div_ceil(step))?;
    jobs.extend(out.chunks_mut(step).enumerate().map(|(i, out)| Job::new((i * step, out))));
    cx.in_waves(&mut jobs, (8 * step * rows.dim()) as u64, |(first, out)| {
        let mut buffer = try_vec(rows.dim(), 0.0f32)?;
        for (i, out) in out.iter_mut().enumerate() {
            *out = f(*first + i, rows.row_at(*first + i, &mut buffer));
        }
        Ok(())
    })
}

fn widen_all(rows: &Rows<'_>, out: &mut [f32]) -> Result<()> {
    let d = rows.dim();
    let mut buffer = try_vec(d, 0.0f32)?;
    for (i, out) in out.chunks_exact_mut(d.max(1)).enumerate() {
        out.copy_from_slice(rows.row_at(i, &mut buffer));
    }
    Ok(())
}

/// The targets that take part in a search, ascending.
fn distinct_order(values: &[f32], n: usize, d: usize, copies: Copies) -> Result<Vec<u32>> {
    let mut order = try_capacity(n)?;
    if copies == Copies::Keep {
        order.extend(0..n as u32);
        return Ok(order);
    }
    let row = |i: usize| &values[i * d..(i + 1) * d];
    let mut hashes = try_capacity(n)?;
    hashes.extend((0..n).map(|i| hash_row(row(i))));
    let first = first_occurrences(&hashes, |a, b| Ok(same_row(row(a), row(b))))?;
    order.extend(first.iter().enumerate().filter(|&(i, &f)| i == f).map(|(i, _)| i as u32));
    Ok(order)
}

/// Shift by the mean of the targets, scale by the largest target. The choice is about speed
/// only: any shift and scale give the same answers.
fn shifted_frame(values: &[f32], n: usize, d: usize) -> Result<Frame> {
    let mut mean = try_vec(d, 0.0f64)?;
    for row in values.chunks_exact(d.max(1)) {
        for (m, &x) in mean.iter_mut().zip(row) {
            *m += x as f64;
        }
    }
    let mut center = try_capacity(d)?;
    center.extend(mean.iter().map(|m| (m / n.max(1) as f64) as f32));
    let mut largest = 0.0f64;
    for row in values.chunks_exact(d.max(1)) {
        let square: f64 =
            row.iter().zip(&center).map(|(&x, &c)| (x as f64 - c as f64) * (x as f64 - c as f64)).sum();
        largest = largest.max(libm::sqrt(square));
    }
    Ok(Frame::Shifted { center, scale: scale_for(largest) })
}
