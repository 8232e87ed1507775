//! InfoNCE, the loss of CLIP, with hard, multi-positive or soft targets.
//!
//! One direction, over the rows of x, with weights w_ij of the pairs (1 for positive ones) and
//! W_i = sum_j w_ij:
//!
//! 1. lse_i = ln sum_j exp(l_ij), as (m_i, rest_i), see [`LogSumExp`].
//! 2. L_i = (W_i m_i - sum_j w_ij l_ij) + W_i ln(1 + rest_i): neither part is negative.
//! 3. G_ij = W_i p_ij - w_ij with p the softmax; where w_ij = W_i it is -W_i (1 - p_ij), and
//!    1 - p_ij = rest_i / (1 + rest_i) for the largest logit, so nothing cancels.
//! 4. dL/d(ln s) = sum_j G_ij (l_ij - m_i): G_i sums to 0, so any shift will do, and this one keeps
//!    the terms small.
//!
//! The other direction is the same by columns. Pass 1 makes lse of all rows and columns and the
//! sums over positive pairs; then one sweep each makes the gradients of x and of y. The logits of
//! a tile are made by the same product in each pass, so they have the same bits and the largest
//! one is recognised.

use alloc::vec::Vec;
use core::ops::Range;

use ndarray::ArrayView2;

use super::tiles::{Part, Problem, SoftTargets, TILE, Tile, tiles};
use super::{Directions, Gradients, LogSumExp, Reduction, Targets, Weighting};
use crate::control::{Context, Job};
use crate::error::{Error, Result, try_capacity, try_vec};
use crate::exact::F64Sum;
use crate::real::Real;

/// Row tiles whose column statistics are held at once.
const TILES_AT_ONCE: usize = 16;

/// InfoNCE: parameters. The default is CLIP's: both directions, averaged.
///
/// L = sum over positive pairs (i, j) of -ln(exp(l_ij) / sum_k exp(l_ik)), l_ij = s x_i . y_j,
/// and the same over columns. *Source*: van den Oord et al. 2018, equation 4; Radford et al. 2021,
/// figure 3; Bordes et al. 2024, equation 2 ([`InfoNce::survey`]: one direction, summed over the
/// pairs). Rows are taken as given: the papers' cosines are those of rows of unit length. s = 1 /
/// temperature; clamping it (CLIP: at 100) is the caller's.
///
/// A row (or column) without a positive pair counts nothing in its direction.
///
/// # Shapes
/// x: [B, d], y: [M, d], soft targets: [B, M]; gradients as their inputs.
/// # Units
/// Nats. Tier C, but the same for any number of threads: with u = 2^-53 and e = (d + 8) u s
/// max|x||y|, the absolute error of a logit, the value of each row is right to W (4 e + 8 u |L|),
/// a softmax to a factor 1 + 4 e.
/// # Ties, NaN
/// Equal logits share the softmax equally. NaN and infinity, of the input or of an overflowing
/// logit, are errors.
/// # Errors
/// `Empty` (also when no pair is positive), `ShapeMismatch`, `NonFinite`, `InvalidParameter`,
/// `TooLarge`, `OutOfMemory`, `Cancelled`.
/// # Cost
/// 2 B M d flops for the value, 10 B M d for the gradients; 64 (B + M) bytes, 0.5 KiB M for
/// columns, and O(128 (d + 128)) words a thread. The matrix products' own buffer (at most some
/// MiB, of fixed size) is not asked for fallibly.
/// # Example
/// ```
/// use ndarray::array;
/// use pauca::alignment::{InfoNce, Matches};
/// let x = array![[1.0f64, 0.0], [0.0, 1.0]];
/// let found = InfoNce::new().gradients(x.view(), x.view(), 1.0 / 0.07, Matches::Diagonal)?;
/// assert!((found.value - 6.248747557120388e-7).abs() < 1e-20);
/// // Raising the scale lowers the loss.
/// assert!(found.log_scale < 0.0);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InfoNce {
    reduction: Reduction,
    directions: Directions,
    weighting: Weighting,
}

impl Default for InfoNce {
    fn default() -> Self {
        Self { reduction: Reduction::Mean, directions: Directions::Both, weighting: Weighting::Pairs }
    }
}

/// Of a row of x, or of y in the other direction.
#[derive(Clone, Copy)]
struct Stat {
    lse: LogSumExp,
    /// sum of w l over its positive pairs.
    dot: f64,
    /// sum of w.
    weight: f64,
}

impl Stat {
    const NONE: Self = Self { lse: LogSumExp { max: f64::NEG_INFINITY, rest: 0.0 }, dot: 0.0, weight: 0.0 };

    fn merge(&mut self, other: &Self) {
        self.lse.merge(&other.lse);
        self.dot += other.dot;
        self.weight += other.weight;
    }

    /// The loss of the row.
    fn loss(&self) -> f64 {
        (self.weight * self.lse.max - self.dot).max(0.0) + self.weight * self.lse.excess()
    }
}

/// The statistics of one direction, and the factor of each row.
struct Direction {
    stats: Vec<Stat>,
    factors: Vec<f64>,
    value: f64,
}

impl InfoNce {
    /// Both directions, mean, every pair counts 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// As the survey writes it: x to y only, summed over the positive pairs.
    pub fn survey() -> Self {
        Self { reduction: Reduction::Sum, directions: Directions::XToY, weighting: Weighting::Pairs }
    }

    /// Sum or mean.
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// One direction or both.
    pub fn directions(mut self, directions: Directions) -> Self {
        self.directions = directions;
        self
    }

    /// What a pair counts where a row has several.
    pub fn weighting(mut self, weighting: Weighting) -> Self {
        self.weighting = weighting;
        self
    }

    /// The loss; see the type for shapes, errors and cost.
    ///
    /// # Errors
    /// See the type.
    pub fn value<'a, T: Real>(
        &self,
        x: ArrayView2<'a, T>,
        y: ArrayView2<'a, T>,
        scale: f64,
        targets: impl Into<Targets<'a, T>>,
    ) -> Result<f64> {
        self.value_on(x, y, scale, targets, &Context::default())
    }

    /// [`value`](InfoNce::value), watched and on chosen threads.
    ///
    /// # Errors
    /// See the type.
    pub fn value_on<'a, T: Real>(
        &self,
        x: ArrayView2<'a, T>,
        y: ArrayView2<'a, T>,
        scale: f64,
        targets: impl Into<Targets<'a, T>>,
        cx: &Context,
    ) -> Result<f64> {
        let problem = Problem::new(x, y, scale, targets.into(), SoftTargets::Weights)?;
        Ok(self.statistics(&problem, cx)?.iter().flatten().map(|d| d.value).sum())
    }

    /// The loss and its gradients; see the type for shapes, errors and cost.
    ///
    /// # Errors
    /// See the type.
    pub fn gradients<'a, T: Real>(
        &self,
        x: ArrayView2<'a, T>,
        y: ArrayView2<'a, T>,
        scale: f64,
        targets: impl Into<Targets<'a, T>>,
    ) -> Result<Gradients<T>> {
        self.gradients_on(x, y, scale, targets, &Context::default())
    }

    /// [`gradients`](InfoNce::gradients), watched and on chosen threads.
    ///
    /// # Errors
    /// See the type.
    pub fn gradients_on<'a, T: Real>(
        &self,
        x: ArrayView2<'a, T>,
        y: ArrayView2<'a, T>,
        scale: f64,
        targets: impl Into<Targets<'a, T>>,
        cx: &Context,
    ) -> Result<Gradients<T>> {
        let problem = Problem::new(x, y, scale, targets.into(), SoftTargets::Weights)?;
        let directions = self.statistics(&problem, cx)?;
        let found = problem.gradients(cx, |tile| turn(tile, &directions))?;
        Ok(Gradients { value: directions.iter().flatten().map(|d| d.value).sum(), ..found })
    }

    /// Pass 1. Jobs own row tiles; each also makes the column statistics of its rows, merged in
    /// the order of the row tiles.
    fn statistics<T: Real>(&self, problem: &Problem<'_, T>, cx: &Context) -> Result<[Option<Direction>; 2]> {
        let (n, m) = (problem.n(), problem.m());
        let by_row = self.directions != Directions::YToX;
        let by_col = self.directions != Directions::XToY;
        let mut rows = try_vec(n, Stat::NONE)?;
        let mut cols = try_vec(if by_col { m } else { 0 }, Stat::NONE)?;
        let mut parts = try_vec(cols.len().saturating_mul(TILES_AT_ONCE.min(n.div_ceil(TILE))), Stat::NONE)?;
        for (c, chunk) in rows.chunks_mut(TILES_AT_ONCE * TILE).enumerate() {
            let first = c * TILES_AT_ONCE * TILE;
            cx.control.poll("statistics", first as u64, n as u64)?;
            let mut jobs: Vec<Job<Scan<'_>>> = try_capacity(TILES_AT_ONCE)?;
            // Without columns each job gets an empty part.
            let mut columns = parts.chunks_mut(m.max(1));
            for (t, rows) in chunk.chunks_mut(TILE).enumerate() {
                let start = first + t * TILE;
                let cols = columns.next().unwrap_or_default();
                jobs.push(Job::new(Scan { range: start..start + rows.len(), rows, cols }));
            }
            cx.in_waves(&mut jobs, problem.cost(TILE, m), |job| {
                let mut tile = problem.tile()?;
                problem.load_x(&mut tile, job.range.clone());
                for range in tiles(m) {
                    problem.load_y(&mut tile, range.clone());
                    problem.fill(&mut tile)?;
                    if by_row {
                        scan_rows(&tile, job.rows);
                    }
                    if by_col {
                        scan_cols(&tile, &mut job.cols[range]);
                    }
                }
                Ok(())
            })?;
            for job in &jobs {
                cols.iter_mut().zip(job.work.cols.iter()).for_each(|(all, part)| all.merge(part));
            }
        }
        let halves = if by_row && by_col && self.reduction == Reduction::Mean { 0.5 } else { 1.0 };
        let rows = if by_row { Some(self.direction(rows, halves)?) } else { None };
        let cols = if by_col { Some(self.direction(cols, halves)?) } else { None };
        Ok([rows, cols])
    }

    /// What each row counts, and the loss of one direction.
    fn direction(&self, stats: Vec<Stat>, share: f64) -> Result<Direction> {
        let mut factors = try_capacity(stats.len())?;
        let mut total = F64Sum::new();
        for stat in &stats {
            let factor = match self.weighting {
                Weighting::Pairs => 1.0,
                Weighting::Rows if stat.weight > 0.0 => 1.0 / stat.weight,
                Weighting::Rows => 0.0,
            };
            total.add(factor * stat.weight);
            factors.push(factor);
        }
        let total = total.value();
        if total == 0.0 {
            return Err(Error::Empty { what: "positive pairs" });
        }
        let total = if self.reduction == Reduction::Mean { total } else { 1.0 };
        let mut value = F64Sum::new();
        stats.iter().zip(&factors).for_each(|(stat, factor)| value.add(factor * stat.loss()));
        factors.iter_mut().for_each(|factor| *factor *= share / total);
        Ok(Direction { stats, factors, value: share * value.value() / total })
    }
}

struct Scan<'s> {
    range: Range<usize>,
    rows: &'s mut [Stat],
    cols: &'s mut [Stat],
}

/// Adds the rows of a tile to their statistics.
fn scan_rows(tile: &Tile, stats: &mut [Stat]) {
    let width = tile.cols.len();
    for (r, stat) in stats.iter_mut().enumerate() {
        let line = r * width..(r + 1) * width;
        let (logits, weights) = (&tile.logits[line.clone()], &tile.weights[line]);
        let (at, max) = largest(logits.iter().copied());
        let mut part = Stat { lse: LogSumExp { max, rest: 0.0 }, ..Stat::NONE };
        for (c, (l, w)) in logits.iter().zip(weights).enumerate() {
            if c != at {
                part.lse.rest += libm::exp(l - max);
            }
            if *w != 0.0 {
                part.dot += w * l;
                part.weight += w;
            }
        }
        stat.merge(&part);
    }
}

/// Sets the statistics of the columns of a tile, over its rows.
fn scan_cols(tile: &Tile, stats: &mut [Stat]) {
    let width = tile.cols.len();
    let size = tile.rows.len() * width;
    for (c, stat) in stats.iter_mut().enumerate() {
        let (at, max) = largest(tile.logits[c..size].iter().step_by(width).copied());
        let mut part = Stat { lse: LogSumExp { max, rest: 0.0 }, ..Stat::NONE };
        for r in 0..tile.rows.len() {
            let (l, w) = (tile.logits[r * width + c], tile.weights[r * width + c]);
            if r != at {
                part.lse.rest += libm::exp(l - max);
            }
            if w != 0.0 {
                part.dot += w * l;
                part.weight += w;
            }
        }
        *stat = part;
    }
}

/// The first largest value and its place.
fn largest(values: impl Iterator<Item = f64>) -> (usize, f64) {
    let mut best = (0, f64::NEG_INFINITY);
    for (i, v) in values.enumerate() {
        if v > best.1 {
            best = (i, v);
        }
    }
    best
}

/// Logits to dL/dl, and the tile's part of dL/d(ln s).
fn turn(tile: &mut Tile, [rows, cols]: &[Option<Direction>; 2]) -> Part {
    let (first_row, first_col) = (tile.rows.start, tile.cols.start);
    let mut log_scale = 0.0;
    tile.for_each(|r, c, logit, weight| {
        let l = *logit;
        let mut sum = 0.0;
        for (direction, i) in [(rows, first_row + r), (cols, first_col + c)] {
            let Some(direction) = direction else { continue };
            let (stat, factor) = (&direction.stats[i], direction.factors[i]);
            if stat.weight == 0.0 {
                continue;
            }
            let gap = l - stat.lse.max;
            let (p, others) = stat.lse.share(gap);
            let g = if weight == stat.weight { -weight * others } else { stat.weight * p - weight };
            sum += factor * g;
            log_scale += factor * g * gap;
        }
        *logit = sum;
    });
    Part { log_scale, ..Part::default() }
}
