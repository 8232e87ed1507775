//! Forgetting: what remains of a batch that is never seen again.

use alloc::vec::Vec;

use crate::check;
use crate::error::{Error, Result};
use crate::exact;
use crate::exact::elementary::ln;
use crate::memory::{try_capacity, try_collect};

/// A forgetting curve and what follows from it.
///
/// *Source*: Tirumala et al. 2022, section 5. A special batch is trained on once, then training
/// goes on without it. The curve is M on the special batch from the moment after its update, once
/// an epoch; its minimum is the forgetting baseline; its differences shrink about exponentially.
///
/// # Ties, NaN
/// The first of equal minima counts. A NaN or infinity is an error.
/// # Tier
/// A (the logarithms of the fit are correctly rounded, its sums exact).
/// # Cost
/// O(points).
/// # Example
/// ```
/// use pauca::memorization::Forgetting;
/// let f = Forgetting::of(&[0.75, 0.5, 0.375, 0.3125, 0.3125])?;
/// assert_eq!((f.baseline, f.at), (0.3125, 3));
/// assert_eq!(f.differences[0], -0.25);
/// let decay = f.decay.unwrap();
/// assert!((decay.half_life().unwrap() - 1.0).abs() < 1e-12); // each fall is half the one before
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Forgetting {
    /// The forgetting baseline: the least M.
    pub baseline: f64,
    /// Index of the first point at which it is reached.
    pub at: usize,
    /// `curve[i + 1] - curve[i]`.
    pub differences: Vec<f64>,
    /// Fit of the falls up to the baseline; none with fewer than two.
    pub decay: Option<Decay>,
}

/// Least-squares line through the logarithms of the falls: -(M_i - M_(i-1)) = a e^(-rate i).
///
/// Only steps that fall take part; the share of steps that did not is `1 - points / steps`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decay {
    /// Rate, per step.
    pub rate: f64,
    /// Logarithm of a.
    pub log_scale: f64,
    /// Falls that took part.
    pub points: usize,
    /// Steps up to the baseline.
    pub steps: usize,
    /// Share of the variance of the logarithms that the line explains; 1 where they do not vary.
    pub r_squared: f64,
}

impl Decay {
    /// Steps after which a fall is half as large; none unless the falls shrink.
    pub fn half_life(&self) -> Option<f64> {
        (self.rate > 0.0).then(|| core::f64::consts::LN_2 / self.rate)
    }
}

impl Forgetting {
    /// The curve taken apart.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::NonFinite`], [`Error::OutOfMemory`].
    pub fn of(curve: &[f64]) -> Result<Self> {
        let Some(&first) = curve.first() else {
            return Err(Error::Empty { what: "the forgetting curve" });
        };
        check::finite("the forgetting curve", curve.iter().copied())?;
        let (mut at, mut baseline) = (0, first);
        for (i, &m) in curve.iter().enumerate() {
            if m < baseline {
                (at, baseline) = (i, m);
            }
        }
        let differences = try_collect(curve.windows(2).map(|pair| pair[1] - pair[0]))?;
        let decay = fit(&differences[..at])?;
        Ok(Self { baseline, at, differences, decay })
    }
}

/// The line through (i, ln -differences[i - 1]) over the falls.
fn fit(differences: &[f64]) -> Result<Option<Decay>> {
    let mut points: Vec<(f64, f64)> = try_capacity(differences.len())?;
    let falls = differences.iter().enumerate().filter(|(_, d)| **d < 0.0);
    points.extend(falls.map(|(i, d)| ((i + 1) as f64, ln(-d))));
    if points.len() < 2 {
        return Ok(None);
    }
    let n = points.len() as f64;
    let sum = |f: &dyn Fn(&(f64, f64)) -> f64| exact::sum(points.iter().map(f));
    let (mean_x, mean_y) = (sum(&|p| p.0) / n, sum(&|p| p.1) / n);
    let xx = sum(&|p| (p.0 - mean_x) * (p.0 - mean_x));
    let xy = sum(&|p| (p.0 - mean_x) * (p.1 - mean_y));
    let yy = sum(&|p| (p.1 - mean_y) * (p.1 - mean_y));
    let slope = xy / xx;
    let r_squared = if yy > 0.0 { xy / xx * (xy / yy) } else { 1.0 };
    let log_scale = mean_y - slope * mean_x;
    Ok(Some(Decay { rate: -slope, log_scale, points: points.len(), steps: differences.len(), r_squared }))
}
