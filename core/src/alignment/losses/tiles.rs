//! Tiles of logits and of targets, and the sweep that turns them into gradients.

use alloc::vec::Vec;
use core::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut2, Axis, s};

use super::{LossNumbers, Outputs, Targets, checked_sides};
use crate::alignment::matches::Table;
use crate::arrays::{view, view_mut};
use crate::check;
use crate::control::{Context, Job, Stage};
use crate::error::{Error, Result};
use crate::exact::F64Sum;
use crate::memory::{area, try_capacity, try_vec};
use crate::products::Multiplier;
use crate::real::{Real, check_finite};

/// Rows and columns of a tile. A tile of logits (128 KiB) stays in a core's cache beside its rows.
pub(super) const TILE: usize = 128;

/// The tiles of 0..n.
pub(super) fn tiles(n: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
    (0..n.div_ceil(TILE)).map(move |t| t * TILE..n.min((t + 1) * TILE))
}

/// The two sides and their targets, checked.
pub(super) struct Problem<'a, T> {
    x: ArrayView2<'a, T>,
    y: ArrayView2<'a, T>,
    scale: f64,
    targets: Resolved<'a, T>,
    /// One for all passes, whose logits must have the same bits.
    multiplier: Multiplier<f64>,
}

enum Resolved<'a, T> {
    Hard(Table<'a>),
    Soft(ArrayView2<'a, T>),
}

/// What soft targets may be.
#[derive(Clone, Copy)]
pub(super) enum SoftTargets {
    Weights,
    Probabilities,
}

impl SoftTargets {
    fn check<T: Real>(self, soft: &ArrayView2<'_, T>) -> Result<()> {
        let (most, expected) = match self {
            Self::Weights => (f64::INFINITY, "at least 0"),
            Self::Probabilities => (1.0, "within [0, 1]"),
        };
        let mut weights = soft.iter().map(|t| t.to_f64());
        weights.try_for_each(|t| check::parameter("targets", t, expected, (0.0..=most).contains(&t)))
    }
}

/// Which side's gradient a sweep makes.
enum Side {
    X,
    Y,
}

/// One tile: rows of x, columns (rows of y), s x.y, and the weight of each pair.
pub(super) struct Tile {
    pub rows: Range<usize>,
    pub cols: Range<usize>,
    x: Vec<f64>,
    y: Vec<f64>,
    /// [rows, cols], row by row: first s x_i . y_j, after a turn dL/dl_ij.
    pub logits: Vec<f64>,
    /// [rows, cols]: the targets.
    pub weights: Vec<f64>,
}

impl Tile {
    fn new(d: usize) -> Result<Self> {
        let side = area(TILE, d)?;
        Ok(Self {
            rows: 0..0,
            cols: 0..0,
            x: try_vec(side, 0.0)?,
            y: try_vec(side, 0.0)?,
            logits: try_vec(TILE * TILE, 0.0)?,
            weights: try_vec(TILE * TILE, 0.0)?,
        })
    }

    /// Calls `f(row, column, logit, weight)` on every pair, row by row, by numbers in the tile.
    pub(super) fn for_each(&mut self, mut f: impl FnMut(usize, usize, &mut f64, f64)) {
        let width = self.cols.len();
        let size = self.rows.len() * width;
        let (logits, weights) = (&mut self.logits[..size], &self.weights[..size]);
        for (r, (logits, weights)) in
            logits.chunks_exact_mut(width).zip(weights.chunks_exact(width)).enumerate()
        {
            for (c, (logit, weight)) in logits.iter_mut().zip(weights).enumerate() {
                f(r, c, logit, *weight);
            }
        }
    }
}

/// What a turn adds up over a tile.
#[derive(Clone, Copy, Default)]
pub(super) struct Part {
    pub value: f64,
    pub log_scale: f64,
    pub bias: f64,
}

impl<'a, T: Real> Problem<'a, T> {
    pub(super) fn new(
        x: ArrayView2<'a, T>,
        y: ArrayView2<'a, T>,
        scale: f64,
        targets: Targets<'a, T>,
        soft_targets: SoftTargets,
    ) -> Result<Self> {
        checked_sides(x, y, scale)?;
        let (n, m) = (x.nrows(), y.nrows());
        let targets = match targets {
            Targets::Hard(matches) => Resolved::Hard(Table::new(matches, n, m)?),
            Targets::Soft(soft) => {
                check::same_length("rows of the targets", n, soft.nrows())?;
                check::same_length("columns of the targets", m, soft.ncols())?;
                check_finite(&soft, "targets")?;
                soft_targets.check(&soft)?;
                Resolved::Soft(soft)
            }
        };
        Ok(Self { x, y, scale, targets, multiplier: Multiplier::new()? })
    }

    pub(super) fn n(&self) -> usize {
        self.x.nrows()
    }

    pub(super) fn m(&self) -> usize {
        self.y.nrows()
    }

    pub(super) fn dim(&self) -> usize {
        self.x.ncols()
    }

    pub(super) fn scale(&self) -> f64 {
        self.scale
    }

    /// By how much two computations of one logit can differ at most, as on two kinds of machines:
    /// 2 (d + 8) 2^-53 s sum_k |x_k y_k|.
    pub(super) fn slack(&self) -> f64 {
        let largest = |side: &ArrayView2<'_, T>| side.iter().fold(0.0, |m: f64, v| m.max(v.to_f64().abs()));
        let d = self.dim() as f64;
        d * (d + 8.0) * f64::EPSILON * self.scale * largest(&self.x) * largest(&self.y) + f64::MIN_POSITIVE
    }

    pub(super) fn tile(&self) -> Result<Tile> {
        Tile::new(self.dim())
    }

    /// Multiply-adds of one matrix product over `rows` rows of one side.
    pub(super) fn cost(&self, rows: usize, over: usize) -> u64 {
        // 30 for the exponentials of a pair.
        (rows as u64).saturating_mul(over as u64).saturating_mul(self.dim() as u64 + 30)
    }

    /// Loads rows of x; the next tiles of this job share them.
    pub(super) fn load_x(&self, tile: &mut Tile, rows: Range<usize>) {
        load(self.x, &rows, &mut tile.x);
        tile.rows = rows;
    }

    /// Loads rows of y.
    pub(super) fn load_y(&self, tile: &mut Tile, cols: Range<usize>) {
        load(self.y, &cols, &mut tile.y);
        tile.cols = cols;
    }

    /// Fills in logits and weights of the loaded rows and columns.
    pub(super) fn fill(&self, tile: &mut Tile) -> Result<()> {
        let (r, c, d) = (tile.rows.len(), tile.cols.len(), self.dim());
        let mut logits = view_mut(&mut tile.logits, r, c)?;
        logits.fill(0.0);
        let (x, y) = (view(&tile.x, r, d)?, view(&tile.y, c, d)?);
        self.multiplier.add_product(&mut logits, self.scale, &x, &y.t())?;
        let size = r * c;
        if let Some(at) = tile.logits[..size].iter().position(|l| !l.is_finite()) {
            let (row, col) = ((tile.rows.start + at / c) as u64, tile.cols.start + at % c);
            return Err(Error::NonFinite { what: "logits (scale times a dot product overflows)", row, col });
        }
        let weights = &mut tile.weights[..size];
        match &self.targets {
            Resolved::Hard(table) => {
                weights.fill(0.0);
                for (k, i) in tile.rows.clone().enumerate() {
                    for j in table.of(i).within(&tile.cols).iter() {
                        weights[k * c + j - tile.cols.start] = 1.0;
                    }
                }
            }
            Resolved::Soft(soft) => {
                let part = soft.slice(s![tile.rows.clone(), tile.cols.clone()]);
                for (weight, target) in weights.iter_mut().zip(part.iter()) {
                    *weight = target.to_f64();
                }
            }
        }
        Ok(())
    }

    /// Writes the gradients of both sides; the sums of what `turn` returns.
    pub(super) fn gradients(
        &self,
        (x, y): Outputs<'_, T>,
        cx: &Context,
        turn: impl Fn(&mut Tile) -> Result<Part> + Sync,
    ) -> Result<LossNumbers> {
        for (what, side, into) in [("gradient of x", &self.x, &x), ("gradient of y", &self.y, &y)] {
            check::same_length(what, side.nrows(), into.nrows())?;
            check::same_length(what, side.ncols(), into.ncols())?;
        }
        let numbers = self.sweep(Some((Side::X, x)), cx, Stage::GradientX, &turn)?;
        self.sweep(Some((Side::Y, y)), cx, Stage::GradientY, &turn)?;
        Ok(numbers)
    }

    /// The sum of the values that `turn` returns.
    pub(super) fn value(&self, cx: &Context, turn: impl Fn(&mut Tile) -> Result<Part> + Sync) -> Result<f64> {
        Ok(self.sweep(None, cx, Stage::Value, turn)?.value)
    }

    /// Visits every tile, row tile by row tile, with `turn`, and adds up what it returns. With a
    /// side to write, `turn` leaves dL/dl in the logits.
    fn sweep(
        &self,
        mut gradient: Option<(Side, ArrayViewMut2<'_, T>)>,
        cx: &Context,
        stage: Stage,
        turn: impl Fn(&mut Tile) -> Result<Part> + Sync,
    ) -> Result<LossNumbers> {
        let over_y = matches!(gradient, Some((Side::Y, _)));
        let (n, m) = if over_y { (self.m(), self.n()) } else { (self.n(), self.m()) };
        let d = self.dim();
        let mut outputs = gradient.as_mut().map(|(_, into)| into.axis_chunks_iter_mut(Axis(0), TILE));
        let mut jobs: Vec<Job<Sweep<'_, T>>> = try_capacity(n.div_ceil(TILE))?;
        for range in tiles(n) {
            let sums = [F64Sum::new(), F64Sum::new(), F64Sum::new()];
            jobs.push(Job::new(Sweep { range, out: outputs.as_mut().and_then(Iterator::next), sums }));
        }
        cx.control.poll(stage, 0, n as u64)?;
        cx.in_waves(&mut jobs, 2 * self.cost(TILE, m), |job| {
            let mut tile = self.tile()?;
            let mut sum = try_vec(if job.out.is_some() { job.range.len() * d } else { 0 }, 0.0f64)?;
            if over_y {
                self.load_y(&mut tile, job.range.clone())
            } else {
                self.load_x(&mut tile, job.range.clone())
            }
            for other in tiles(m) {
                if over_y {
                    self.load_x(&mut tile, other)
                } else {
                    self.load_y(&mut tile, other)
                }
                self.fill(&mut tile)?;
                let part = turn(&mut tile)?;
                for (sum, value) in job.sums.iter_mut().zip([part.value, part.log_scale, part.bias]) {
                    sum.add(value);
                }
                if job.out.is_some() {
                    let (r, c) = (tile.rows.len(), tile.cols.len());
                    let g = view(&tile.logits, r, c)?;
                    let mut sum = view_mut(&mut sum, job.range.len(), d)?;
                    if over_y {
                        self.multiplier.add_product(&mut sum, 1.0, &g.t(), &view(&tile.x, r, d)?)?;
                    } else {
                        self.multiplier.add_product(&mut sum, 1.0, &g, &view(&tile.y, c, d)?)?;
                    }
                }
            }
            if let Some(out) = &mut job.out {
                for (to, from) in out.iter_mut().zip(&sum) {
                    *to = T::from_f64(self.scale * from);
                }
            }
            Ok(())
        })?;
        let mut sums = [F64Sum::new(), F64Sum::new(), F64Sum::new()];
        for job in &jobs {
            sums.iter_mut().zip(&job.work.sums).for_each(|(all, part)| all.merge(part));
        }
        drop(jobs);
        cx.control.poll(stage, n as u64, n as u64)?;
        if let Some((_, gradient)) = &gradient {
            check_finite(&gradient.view(), stage.name())?;
        }
        let [value, log_scale, bias] = sums.map(|sum| sum.value());
        check::finite("loss", [value])?;
        check::finite("gradient of the scale", [log_scale])?;
        check::finite("gradient of the bias", [bias])?;
        Ok(LossNumbers { value, log_scale, bias })
    }
}

struct Sweep<'g, T> {
    range: Range<usize>,
    out: Option<ArrayViewMut2<'g, T>>,
    sums: [F64Sum; 3],
}

fn load<T: Real>(side: ArrayView2<'_, T>, range: &Range<usize>, out: &mut [f64]) {
    for (to, from) in out.iter_mut().zip(side.slice(s![range.clone(), ..]).iter()) {
        *to = from.to_f64();
    }
}
