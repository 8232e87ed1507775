//! The CPU backend: rows borrowed, tiles packed on the fly, work split over the executor.
//!
//! | part | what it does |
//! |---|---|
//! | `pack` | rows and targets in the coordinates of the kernel, with norm bounds |
//! | `search` | sweeps, candidates, the f64 tier |
//! | `nearest` | [`Backend::nearest`] |
//! | `pairs` | [`Backend::earlier_max`], [`Backend::pairs_above`] |
//! | `accumulate` | [`Backend::accumulate`] |
//! | `products` | products of `f64` matrices, tier C, for [`layers`](crate::layers) |
//! | `dots` | all pairs of the states of one sample, for [`layers`](crate::layers) |

mod accumulate;
mod dots;
mod nearest;
mod pack;
mod pairs;
mod products;
mod search;

use alloc::vec::Vec;
use core::ops::Range;

use ndarray::ArrayView2;

pub(crate) use self::dots::PairDots;
use self::pack::{Frame, Panels, narrow_panels, scale_for};
pub(crate) use self::products::Right;
use super::{Backend, Best, Boundary, Copies, Pair, Pairs};
use crate::control::{Context, Job};
use crate::error::{Error, Result};
use crate::exact::float::finite;
use crate::exact::{Metric, SearchStats, Sums, cosine_from, dot64, squared_distance};
use crate::memory::{try_capacity, try_vec};
use crate::rows::copies::{first_occurrences, hash_row, same_row};
use crate::rows::{Element, Rows, row_of, with_view};
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
}

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
        })
    }

    /// The level in use.
    pub fn level(&self) -> Level {
        self.level
    }
}

/// Rows that were checked, with their squared norms where the metric needs them.
#[derive(Debug)]
pub struct CpuBlock<'a> {
    rows: Rows<'a>,
    metric: Metric,
    /// dot(x, x) by the definition; empty for Euclidean blocks.
    squares: Vec<f64>,
}

/// Packed targets, with the originals for the definition.
#[derive(Debug)]
pub struct CpuTargets {
    metric: Metric,
    first: u64,
    dim: usize,
    values: Vec<f32>,
    squares: Vec<f64>,
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

/// Both sides of a search must agree in dimension and metric.
fn compatible(block: &CpuBlock<'_>, targets: &CpuTargets) -> Result<()> {
    same_length("dimension of the targets", block.rows.dim(), targets.dim)?;
    if block.metric != targets.metric {
        return Err(Error::Conflict { first: "rows", second: "targets", why: "their metrics differ" });
    }
    Ok(())
}

impl Backend for Cpu {
    type Block<'a> = CpuBlock<'a>;
    type Targets = CpuTargets;

    fn load<'a>(&self, rows: Rows<'a>, first_row: u64, metric: Metric, cx: &Context) -> Result<CpuBlock<'a>> {
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
        with_view!(&rows, view => cx.in_waves(&mut jobs, (step * d) as u64, |(rows, squares)| {
            check_rows(view, rows.clone(), first_row, squares)
        }))?;
        Ok(CpuBlock { rows, metric, squares })
    }

    fn targets(
        &self,
        rows: Rows<'_>,
        first: u64,
        metric: Metric,
        copies: Copies,
        cx: &Context,
    ) -> Result<CpuTargets> {
        let (n, d) = (rows.n_rows(), rows.dim());
        if n > u32::MAX as usize {
            return Err(Error::TooLarge { what: "number of targets", size: n, limit: u32::MAX as usize });
        }
        let block = self.load(rows, first, metric, cx)?;
        let size = n.checked_mul(d).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        let mut values = try_vec(size, 0.0f32)?;
        with_view!(&rows, view => widen_all(view, &mut values)?);
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
        Ok(CpuTargets { metric, first, dim: d, values, squares: block.squares, order, frame, panels })
    }

    fn nearest(
        &self,
        block: &CpuBlock<'_>,
        targets: &CpuTargets,
        out: &mut [u32],
        cx: &Context,
    ) -> Result<SearchStats> {
        compatible(block, targets)?;
        same_length("labels", block.rows.n_rows(), out.len())?;
        with_view!(&block.rows, view => nearest::nearest(self, view, &block.squares, targets, out, cx))
    }

    fn values(
        &self,
        block: &CpuBlock<'_>,
        targets: &CpuTargets,
        pair: &[u32],
        out: &mut [f64],
        cx: &Context,
    ) -> Result<()> {
        compatible(block, targets)?;
        let n = block.rows.n_rows();
        same_length("pairs", n, pair.len())?;
        same_length("values", n, out.len())?;
        let k = targets.n();
        if let Some((row, &label)) = pair.iter().enumerate().find(|&(_, &j)| j as usize >= k) {
            return Err(Error::LabelOutOfRange { row, label, k });
        }
        let step = (64 * 1024 / targets.dim.max(1)).max(1);
        let mut jobs = try_capacity(n.div_ceil(step))?;
        jobs.extend(out.chunks_mut(step).enumerate().map(|(i, out)| Job::new((i * step, out))));
        with_view!(&block.rows, view => {
            cx.in_waves(&mut jobs, (8 * step * targets.dim) as u64, |(first, out)| {
                distances(view, &block.squares, targets, &pair[*first..], *first, out)
            })
        })
    }

    fn accumulate(
        &self,
        block: &CpuBlock<'_>,
        from: Option<&[u32]>,
        to: &[u32],
        weights: Option<&[f32]>,
        sums: &mut Sums,
        cx: &Context,
    ) -> Result<()> {
        let n = block.rows.n_rows();
        same_length("dimension of the sums", block.rows.dim(), sums.dim())?;
        same_length("labels", n, to.len())?;
        from.map_or(Ok(()), |from| same_length("old labels", n, from.len()))?;
        weights.map_or(Ok(()), |w| same_length("weights", n, w.len()))?;
        with_view!(&block.rows, view => {
            accumulate::accumulate(view, block.metric, &block.squares, from, to, weights, sums, cx)
        })
    }

    fn earlier_max(
        &self,
        later: &CpuBlock<'_>,
        earlier: &CpuTargets,
        pairs: Pairs<'_>,
        best: &mut [Best],
        cx: &Context,
    ) -> Result<SearchStats> {
        compatible(later, earlier)?;
        same_length("best", later.rows.n_rows(), best.len())?;
        with_view!(&later.rows, view => pairs::earlier_max(self, view, &later.squares, earlier, pairs, best, cx))
    }

    fn pairs_above(
        &self,
        later: &CpuBlock<'_>,
        earlier: &CpuTargets,
        pairs: Pairs<'_>,
        threshold: f64,
        boundary: Boundary,
        first_only: bool,
        out: &mut Vec<Pair>,
        cx: &Context,
    ) -> Result<SearchStats> {
        compatible(later, earlier)?;
        let test = pairs::Test { threshold, boundary, first_only };
        with_view!(&later.rows, view => pairs::pairs_above(self, view, &later.squares, earlier, pairs, test, out, cx))
    }
}

/// Finds the first value that is not finite; writes dot(x, x) where `squares` has room.
fn check_rows<T: Element>(
    view: &ArrayView2<'_, T>,
    rows: Range<usize>,
    first_row: u64,
    squares: &mut [f64],
) -> Result<()> {
    let mut buffer = try_vec(view.ncols(), 0.0f32)?;
    for (i, r) in rows.enumerate() {
        let row = row_of(view, r, &mut buffer);
        // All bits are looked at without a branch; only a bad row is searched for its column.
        if !row.iter().fold(true, |ok, x| ok & finite(*x)) {
            let col = row.iter().position(|x| !finite(*x)).unwrap_or(0);
            return Err(Error::NonFinite { what: "x", row: first_row + r as u64, col });
        }
        if let Some(square) = squares.get_mut(i) {
            *square = dot64(row, row);
        }
    }
    Ok(())
}

fn widen_all<T: Element>(view: &ArrayView2<'_, T>, out: &mut [f32]) -> Result<()> {
    let d = view.ncols();
    let mut buffer = try_vec(d, 0.0f32)?;
    for (i, out) in out.chunks_exact_mut(d.max(1)).enumerate() {
        out.copy_from_slice(row_of(view, i, &mut buffer));
    }
    Ok(())
}

fn distances<T: Element>(
    view: &ArrayView2<'_, T>,
    squares: &[f64],
    targets: &CpuTargets,
    pair: &[u32],
    first: usize,
    out: &mut [f64],
) -> Result<()> {
    let mut buffer = try_vec(view.ncols(), 0.0f32)?;
    for (i, (out, &j)) in out.iter_mut().zip(pair).enumerate() {
        let row = row_of(view, first + i, &mut buffer);
        *out = targets.distance(row, squares.get(first + i).copied().unwrap_or(0.0), j);
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
