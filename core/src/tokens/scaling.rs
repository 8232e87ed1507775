//! Scaling laws: L(C) = L_min + e^lambda C^alpha.
//!
//! For a fixed exponent the other two parameters are a straight-line regression of L on C^alpha, so the least squares
//! problem has one dimension (variable projection; Golub and Pereyra 1973): the exponent is searched on a logarithmic
//! grid and refined by golden section. No starting values, no iteration that could fail to converge.

use alloc::vec::Vec;

use crate::check;
use crate::error::Result;
use crate::memory::{try_collect, try_copy};

/// Parameters of L(C) = floor + e^log_scale C^exponent. Tier C.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScalingFit {
    /// L_min: what no compute gets below. Below the smallest loss.
    pub floor: f64,
    /// alpha, below 0.
    pub exponent: f64,
    /// lambda.
    pub log_scale: f64,
    /// Root of the mean squared residual, in the units of the loss.
    pub residual: f64,
    /// Whether the best exponent lies inside the searched range. False where the data do not say: a
    /// straight line in
    /// ln C (floor far below), or a step.
    pub identified: bool,
}

impl ScalingFit {
    /// The fitted loss at compute `c`.
    pub fn predict(&self, c: f64) -> f64 {
        self.floor + libm::exp(self.log_scale + self.exponent * libm::log(c))
    }
}

/// Exponents searched, times the span of ln C.
const SLOWEST: f64 = 1e-3;
const FASTEST: f64 = 60.0;
const GRID: usize = 256;

struct Data {
    /// ln C about its mean.
    x: Vec<f64>,
    loss: Vec<f64>,
    lowest: f64,
}

/// (sum of squared residuals, floor, scale) for a decay u = -alpha; `None` where the loss does not fall.
fn line(data: &Data, u: f64) -> Option<(f64, f64, f64)> {
    let n = data.x.len() as f64;
    let power = |x: f64| libm::exp(-u * x);
    let mean_b = data.x.iter().map(|&x| power(x)).sum::<f64>() / n;
    let mean_l = data.loss.iter().sum::<f64>() / n;
    let (mut bb, mut bl) = (0.0, 0.0);
    for (&x, l) in data.x.iter().zip(&data.loss) {
        let b = power(x) - mean_b;
        bb += b * b;
        bl += b * (l - mean_l);
    }
    let mut scale = bl / bb;
    let mut floor = mean_l - scale * mean_b;
    if !(scale > 0.0 && scale.is_finite()) {
        return None;
    }
    if floor >= data.lowest {
        floor = data.lowest.next_down();
        let products = data.x.iter().zip(&data.loss).map(|(&x, l)| power(x) * (l - floor));
        scale = products.sum::<f64>() / data.x.iter().map(|&x| power(x) * power(x)).sum::<f64>();
    }
    let residual = |(&x, l): (&f64, &f64)| {
        let r = l - floor - scale * power(x);
        r * r
    };
    let squares: f64 = data.x.iter().zip(&data.loss).map(residual).sum();
    (squares.is_finite() && scale > 0.0).then_some((squares, floor, scale))
}

/// Least squares fit of a power law with a floor to losses at amounts of compute; `None` when the losses
/// do not fall
/// with compute, so that no negative exponent fits better than a constant.
///
/// *Source*: the form is that of Ramanujan et al. 2024 (CRT), after Kaplan et al. 2020; there by grid,
/// here by variable
/// projection.
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
    let span = libm::log(sorted[sorted.len() - 1]) - libm::log(sorted[0]);
    let kept = try_copy(loss)?;
    let lowest = loss.iter().fold(f64::INFINITY, |a, &b| a.min(b));
    let data = Data { x, loss: kept, lowest };
    // The search runs over ln(u span).
    let (low, high) = (libm::log(SLOWEST), libm::log(FASTEST));
    let at = |t: f64| line(&data, libm::exp(t) / span);
    let height = |t: f64| at(t).map_or(f64::INFINITY, |l| l.0);
    let step = (high - low) / (GRID - 1) as f64;
    let mut best = (f64::INFINITY, 0usize);
    for i in 0..GRID {
        let h = height(low + step * i as f64);
        if h < best.0 {
            best = (h, i);
        }
    }
    if best.0 == f64::INFINITY {
        return Ok(None);
    }
    let middle = low + step * best.1 as f64;
    let golden = 0.5 * (libm::sqrt(5.0) - 1.0);
    let (mut a, mut b) = ((middle - step).max(low), (middle + step).min(high));
    for _ in 0..120 {
        let (c, d) = (b - golden * (b - a), a + golden * (b - a));
        if height(c) <= height(d) {
            b = d;
        } else {
            a = c;
        }
    }
    let refined = 0.5 * (a + b);
    let t = if height(refined) <= best.0 { refined } else { middle };
    let Some((squares, floor, scale)) = at(t) else { return Ok(None) };
    let u = libm::exp(t) / span;
    Ok(Some(ScalingFit {
        floor,
        exponent: -u,
        log_scale: libm::log(scale) + u * centre,
        residual: libm::sqrt(squares / data.x.len() as f64),
        identified: best.1 != 0 && best.1 != GRID - 1,
    }))
}
