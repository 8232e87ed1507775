//! Quantiles of Student's t, for intervals of means and of fitted parameters.

use crate::check;
use crate::error::Result;

/// Halvings of a quarter circle: beyond what `f64` can tell apart.
const HALVINGS: usize = 64;

/// The t with P(|T| <= t) = `level` for Student's t with `freedom` degrees of freedom: half the width of an interval, in
/// standard errors.
///
/// With tan theta = t / sqrt(freedom) the probability is a finite sum of powers of cos theta. *Source*: Abramowitz and
/// Stegun 1964, 26.7.3 and 26.7.4. Tier C: relative error below 1e-12 for levels up to 0.999.
///
/// # Errors
/// [`InvalidParameter`](crate::Error::InvalidParameter) for a level outside (0, 1) or no degree of freedom.
/// # Cost
/// O(freedom).
/// # Example
/// ```
/// use pauca::stats::student_t;
/// assert!((student_t(0.95, 1)? - 12.706_204_736).abs() < 1e-9);
/// assert!((student_t(0.95, 10)? - 2.228_138_852).abs() < 1e-9);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn student_t(level: f64, freedom: usize) -> Result<f64> {
    check::parameter("level", level, "within (0, 1)", level > 0.0 && level < 1.0)?;
    check::at_least_one("degrees of freedom", freedom)?;
    let (mut low, mut high) = (0.0, core::f64::consts::FRAC_PI_2);
    for _ in 0..HALVINGS {
        let angle = 0.5 * (low + high);
        *(if probability(angle, freedom) < level { &mut low } else { &mut high }) = angle;
    }
    Ok(libm::sqrt(freedom as f64) * libm::tan(0.5 * (low + high)))
}

/// P(|T| <= sqrt(freedom) tan angle).
fn probability(angle: f64, freedom: usize) -> f64 {
    let (sin, cos) = (libm::sin(angle), libm::cos(angle));
    let odd = freedom % 2 == 1;
    // The first term, and the numerator of the ratio to the next: odd 1 and 2 of 2/3, even 1 and 1 of 1/2.
    let (mut term, mut sum, first) = if odd { (cos, 0.0, 2) } else { (1.0, 0.0, 1) };
    for i in 0..(freedom / 2) {
        sum += term;
        let above = (2 * i + first) as f64;
        term *= above / (above + 1.0) * cos * cos;
    }
    if odd { core::f64::consts::FRAC_2_PI * (angle + sin * sum) } else { sin * sum }
}
