//! Where values lie, and how unevenly a total is spread over them.

use crate::check;
use crate::error::*;
use crate::exact::F64Sum;
use crate::memory::try_copy;

/// The q-quantile of ascending values, by linear interpolation between neighbours.
///
/// With h = (n - 1) q, i = floor h, t = h - i: x_i + t (x_(i+1) - x_i). *Source*: Hyndman and Fan
/// 1996, definition 7 (the default of NumPy and R). q = 0 is the smallest, 1 the largest value; a
/// `q` outside \[0, 1\] is taken for the nearer end. NaN for no values or a NaN `q`.
///
/// # Shapes
/// sorted: \[n\], ascending (not checked).
/// # Ties, NaN
/// Equal neighbours give their value exactly, infinite ones too; the result never
/// leaves the interval of its neighbours; tier A.
/// # Cost
/// O(1).
/// # Example
/// ```
/// use pauca::stats::quantile;
/// assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.5), 2.0);
/// assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0);
/// assert!(quantile(&[], 0.5).is_nan());
/// ```
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    if q.is_nan() {
        return f64::NAN;
    }
    let h = last as f64 * q.clamp(0.0, 1.0);
    let i = (libm::floor(h) as usize).min(last);
    let (low, high, t) = (sorted[i], sorted[(i + 1).min(last)], h - i as f64);
    if t == 0.0 || low == high {
        return low;
    }
    let step = high - low;
    // Two values of opposite signs near the largest f64 are farther apart than it.
    let between = if step.is_finite() { low + t * step } else { low * (1.0 - t) + high * t };
    between.clamp(low, high)
}

/// Gini coefficient: 0 where all values are equal, towards 1 where one holds everything.
///
/// sum_i (2 i - n - 1) x_(i) / (n sum x) over the ascending values, i = 1..n: half the mean
/// absolute difference of two values over their mean. *Source*: Gini 1912. Both sums are exact,
/// rounded once. `None` for no values or a sum of 0, where it is undefined.
///
/// # Shapes
/// values: \[n\], none negative.
/// # Ties, NaN
/// Order of the rows does not matter; tier A.
/// # Errors
/// [`Error::NonFinite`] for a NaN or an infinity, [`Error::InvalidParameter`] with the
/// first negative value, [`Error::OutOfMemory`].
/// # Cost
/// O(n log n), 8 n bytes.
/// # Example
/// ```
/// use pauca::stats::gini;
/// assert_eq!(gini(&[5.0, 5.0, 5.0])?, Some(0.0));
/// assert_eq!(gini(&[0.0, 0.0, 0.0, 8.0])?, Some(0.75));
/// assert_eq!(gini(&[0.0, 0.0])?, None);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn gini(values: &[f64]) -> Result<Option<f64>> {
    check::finite("values", values.iter().copied())?;
    values.iter().try_for_each(|&v| check::parameter("values", v, "0 or more each", v >= 0.0))?;
    let mut sorted = try_copy(values)?;
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len() as i64;
    let (mut weighted, mut total) = (F64Sum::new(), F64Sum::new());
    for (i, &x) in sorted.iter().enumerate() {
        total.add(x);
        let weight = 2 * (i as i64 + 1) - n - 1;
        weighted.add_times(weight.unsigned_abs(), if weight < 0 { -x } else { x });
    }
    let total = total.value();
    if total == 0.0 {
        return Ok(None);
    }
    let weighted = weighted.value();
    if total.is_finite() && weighted.is_finite() {
        return Ok(Some((weighted / total / n as f64).clamp(0.0, 1.0)));
    }
    // A sum left f64. Up there 2^-64 of every value is exact; what underflows is 2^-1000 of the rest.
    sorted.iter_mut().for_each(|x| *x *= f64::from_bits((1023 - 64) << 52));
    gini(&sorted)
}
