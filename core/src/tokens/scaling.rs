//! Scaling laws: L(C) = L_min + e^lambda C^alpha.
//!
//! For a fixed exponent the other two parameters are a straight-line regression of L on C^alpha, so the least squares
//! problem has one dimension (variable projection; Golub and Pereyra 1973): the exponent is searched on a logarithmic
//! grid and refined by golden section. No starting values, no iteration that could fail to converge.
//!
//! The floor is free: noise puts some losses below it, and a floor held under the smallest of them would bend the
//! exponent, the more so the more runs there are.

use alloc::vec::Vec;

use crate::check;
use crate::error::Result;
use crate::memory::{try_collect, try_copy};
use crate::stats::student_t;

/// Parameters of L(C) = floor + e^log_scale C^exponent. Tier C.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScalingFit {
    /// L_min: what no compute gets below. Noise may put single losses below it.
    pub floor: f64,
    /// alpha, below 0.
    pub exponent: f64,
    /// lambda.
    pub log_scale: f64,
    /// Root of the mean squared residual, in the units of the loss.
    pub residual: f64,
    /// Whether the best exponent lies inside the searched range. False where its bound is active, because the data
    /// do not say: a straight line in ln C (floor far below), or a step.
    pub identified: bool,
}

impl ScalingFit {
    /// The fitted loss at compute `c`.
    pub fn predict(&self, c: f64) -> f64 {
        self.floor + libm::exp(self.log_scale + self.exponent * libm::log(c))
    }
}

/// Which parameters the data do not rule out: lower and upper ends. Tier C.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScalingInterval {
    /// The best fit.
    pub fit: ScalingFit,
    /// alpha. The lower end is -infinity where a step is not ruled out, the upper end 0 where a straight line in ln C
    /// is not.
    pub exponent: [f64; 2],
    /// L_min; the lower end is -infinity where the upper end of the exponent is 0.
    pub floor: [f64; 2],
    /// The level of both intervals, each by itself.
    pub level: f64,
}

/// Exponents searched, times the span of ln C.
const SLOWEST: f64 = 1e-3;
const FASTEST: f64 = 60.0;
const GRID: usize = 256;
/// Halvings of an interval: beyond what `f64` can tell apart.
const HALVINGS: usize = 120;

struct Data {
    /// ln C about its mean.
    x: Vec<f64>,
    loss: Vec<f64>,
    centre: f64,
    span: f64,
}

/// The regression for one exponent.
#[derive(Clone, Copy)]
struct Line {
    /// Sum of squared residuals.
    squares: f64,
    floor: f64,
    scale: f64,
    /// Variance of the floor, in units of that of the noise.
    spread: f64,
}

/// Where `f` is least on a grid of `n` places, refined by golden section, and which place of the grid that was; `None` where
/// `f` is infinite everywhere.
fn lowest(n: usize, place: impl Fn(usize) -> f64, f: impl Fn(f64) -> f64) -> Option<(f64, usize)> {
    let values = (0..n).map(|i| (f(place(i)), i));
    let best = values.fold((f64::INFINITY, 0), |best, this| if this.0 < best.0 { this } else { best });
    if best.0 == f64::INFINITY {
        return None;
    }
    let (mut a, mut b) = (place(best.1.saturating_sub(1)), place((best.1 + 1).min(n - 1)));
    let golden = 0.5 * (libm::sqrt(5.0) - 1.0);
    for _ in 0..HALVINGS {
        let (c, d) = (b - golden * (b - a), a + golden * (b - a));
        if f(c) <= f(d) {
            b = d;
        } else {
            a = c;
        }
    }
    let refined = 0.5 * (a + b);
    Some((if f(refined) <= best.0 { refined } else { place(best.1) }, best.1))
}

impl Data {
    fn new(compute: &[f64], loss: &[f64]) -> Result<Self> {
        check::same_length("losses", compute.len(), loss.len())?;
        for (what, values) in [("compute", compute), ("loss", loss)] {
            check::finite(what, values.iter().copied())?;
        }
        compute.iter().try_for_each(|c| check::positive("compute", *c))?;
        let mut sorted = try_copy(compute)?;
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.dedup();
        let different = sorted.len();
        check::parameter(
            "number of different amounts of compute",
            different as f64,
            "at least 3",
            different >= 3,
        )?;
        let mut x = try_collect(compute.iter().map(|c| libm::log(*c)))?;
        let centre = x.iter().sum::<f64>() / x.len() as f64;
        x.iter_mut().for_each(|x| *x -= centre);
        let span = libm::log(sorted[different - 1]) - libm::log(sorted[0]);
        Ok(Self { x, loss: try_copy(loss)?, centre, span })
    }

    /// The regression for ln(u span) = t, u = -alpha; `None` where the loss does not fall.
    fn line(&self, t: f64) -> Option<Line> {
        let u = libm::exp(t) / self.span;
        let n = self.x.len() as f64;
        let power = |x: f64| libm::exp(-u * x);
        let mean_b = self.x.iter().map(|&x| power(x)).sum::<f64>() / n;
        let mean_l = self.loss.iter().sum::<f64>() / n;
        let (mut bb, mut bl) = (0.0, 0.0);
        for (&x, l) in self.x.iter().zip(&self.loss) {
            let b = power(x) - mean_b;
            bb += b * b;
            bl += b * (l - mean_l);
        }
        let scale = bl / bb;
        let residual = |(&x, l): (&f64, &f64)| {
            let r = (l - mean_l) - scale * (power(x) - mean_b);
            r * r
        };
        let squares: f64 = self.x.iter().zip(&self.loss).map(residual).sum();
        let spread = 1.0 / n + mean_b * mean_b / bb;
        let falls = scale > 0.0 && scale.is_finite() && squares.is_finite() && spread.is_finite();
        falls.then_some(Line { squares, floor: mean_l - scale * mean_b, scale, spread })
    }

    fn height(&self, t: f64) -> f64 {
        self.line(t).map_or(f64::INFINITY, |line| line.squares)
    }

    /// Place `i` of the grid.
    fn place(i: usize) -> f64 {
        let (low, high) = (libm::log(SLOWEST), libm::log(FASTEST));
        low + (high - low) / (GRID - 1) as f64 * i as f64
    }

    /// The best t, and whether it lies inside the range.
    fn best(&self) -> Option<(f64, bool)> {
        let (t, i) = lowest(GRID, Self::place, |t| self.height(t))?;
        Some((t, i != 0 && i != GRID - 1))
    }

    /// Where the sum of squares last stays within `limit` on the way from `middle` through the places, which come from
    /// the outermost on; and whether the outermost is still within.
    fn end(&self, limit: f64, middle: f64, places: &mut dyn Iterator<Item = f64>) -> (f64, bool) {
        let inside = |t: f64| self.height(t) <= limit;
        let (mut out, mut within) = (None, middle);
        for t in places {
            if inside(t) {
                within = t;
                break;
            }
            out = Some(t);
        }
        let Some(mut out) = out else { return (within, true) };
        for _ in 0..HALVINGS {
            let t = 0.5 * (out + within);
            *(if inside(t) { &mut within } else { &mut out }) = t;
        }
        (within, false)
    }

    fn fit(&self) -> Option<(ScalingFit, Line)> {
        let (t, identified) = self.best()?;
        let line = self.line(t)?;
        let u = libm::exp(t) / self.span;
        let fit = ScalingFit {
            floor: line.floor,
            exponent: -u,
            log_scale: libm::log(line.scale) + u * self.centre,
            residual: libm::sqrt(line.squares / self.x.len() as f64),
            identified,
        };
        Some((fit, line))
    }
}

/// Least squares fit of a power law with a floor to losses at amounts of compute; `None` when the losses do not fall
/// with compute, so that no negative exponent fits better than a constant.
///
/// *Source*: the form is that of Ramanujan et al. 2024 (CRT), after Kaplan et al. 2020; there by grid, here by variable
/// projection. Runs may repeat an amount of compute.
///
/// # Errors
/// [`ShapeMismatch`](crate::Error::ShapeMismatch), [`NonFinite`](crate::Error::NonFinite),
/// [`InvalidParameter`](crate::Error::InvalidParameter) for compute that is not positive or for
/// fewer than 3 different amounts of it, [`OutOfMemory`](crate::Error::OutOfMemory).
///
/// # Example
/// ```
/// use pauca::tokens::scaling_fit;
/// let compute = [1e15, 1e16, 1e17, 1e18];
/// let loss = compute.map(|c: f64| 2.5 + 1e3 * c.powf(-0.2));
/// let fit = scaling_fit(&compute, &loss)?.unwrap();
/// assert!((fit.floor - 2.5).abs() < 1e-6 && (fit.exponent + 0.2).abs() < 1e-6);
/// assert!((fit.predict(1e20) - (2.5 + 0.1)).abs() < 1e-6);
/// assert!(scaling_fit(&compute, &[1.0, 2.0, 3.0, 4.0])?.is_none());
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn scaling_fit(compute: &[f64], loss: &[f64]) -> Result<Option<ScalingFit>> {
    Ok(Data::new(compute, loss)?.fit().map(|(fit, _)| fit))
}

/// The fit of [`scaling_fit`] with intervals for exponent and floor; `None` as there, and for fewer than 4 runs.
///
/// A parameter belongs to its interval when the best fit that has this value is not significantly worse:
/// S <= S_min (1 + t² / (n - 3)), S the sum of squares, t the (1 + level) / 2 quantile of Student's t with n - 3 degrees
/// of freedom. *Source*: Bates and Watts 1988 (Nonlinear regression analysis), section 6.1, profile likelihood. The
/// noise is taken to be alike at every amount of compute. For a handful of runs an interval by resampling them is too
/// narrow; of 200 draws with one run at each of six sizes, 191 intervals of level 0.95 held the true exponent, against
/// 172 by resampled residuals.
///
/// # Errors
/// The errors of [`scaling_fit`]; [`InvalidParameter`](crate::Error::InvalidParameter) for a level outside (0, 1).
/// # Cost
/// O(n) exponentials for each of about two thousand exponents.
/// # Example
/// ```
/// use pauca::tokens::scaling_interval;
/// let compute = [1e15, 1e16, 1e17, 1e18, 1e19];
/// let noise = [0.01, -0.01, 0.005, 0.01, -0.01];
/// let loss: Vec<f64> = compute.iter().zip(noise).map(|(c, e)| 2.5 + 1e3 * f64::powf(*c, -0.2) + e).collect();
/// let found = scaling_interval(&compute, &loss, 0.95)?.unwrap();
/// let [low, high] = found.exponent;
/// assert!(low < -0.2 && -0.2 < high && low < found.fit.exponent && found.fit.exponent < high);
/// assert!(found.floor[0] < 2.5 && 2.5 < found.floor[1]);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn scaling_interval(compute: &[f64], loss: &[f64], level: f64) -> Result<Option<ScalingInterval>> {
    check::parameter("level", level, "within (0, 1)", level > 0.0 && level < 1.0)?;
    let data = Data::new(compute, loss)?;
    let (Some((fit, best)), freedom) = (data.fit(), loss.len().saturating_sub(3)) else { return Ok(None) };
    if freedom == 0 {
        return Ok(None);
    }
    let t = student_t(level, freedom)?;
    let limit = best.squares * (1.0 + t * t / freedom as f64);
    let middle = libm::log(-fit.exponent * data.span);
    let places = || (0..GRID).map(Data::place);
    let (slow, slow_open) = data.end(limit, middle, &mut places().take_while(|t| *t < middle));
    let (fast, fast_open) = data.end(limit, middle, &mut places().rev().take_while(|t| *t > middle));
    let place = |i: usize| slow + (fast - slow) / GRID as f64 * i as f64;
    // For one exponent the sum of squares is a parabola in the floor: how far below or above it may lie.
    let reach = |t: f64, side: f64| {
        let line = data.line(t)?;
        Some(line.floor + side * libm::sqrt((limit - line.squares).max(0.0) * line.spread))
    };
    let floor_at = |side: f64| {
        let cost = |t: f64| reach(t, side).map_or(f64::INFINITY, |floor| -side * floor);
        lowest(GRID + 1, place, cost).and_then(|(t, _)| reach(t, side)).unwrap_or(best.floor)
    };
    let mut floor = [floor_at(-1.0).min(best.floor), floor_at(1.0).max(best.floor)];
    if slow_open {
        floor[0] = f64::NEG_INFINITY;
    }
    let exponent = |t: f64| -libm::exp(t) / data.span;
    let low = if fast_open { f64::NEG_INFINITY } else { exponent(fast) };
    let high = if slow_open { 0.0 } else { exponent(slow) };
    Ok(Some(ScalingInterval { fit, exponent: [low, high], floor, level }))
}
