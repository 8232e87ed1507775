//! Intervals by resampling.

use alloc::vec::Vec;

use super::quantile;
use crate::check;
use crate::error::*;
use crate::memory::{try_capacity, try_vec};
use crate::random::{Stream, streams};

/// A statistic with its interval over resamples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The statistic of the rows themselves; NaN where it is undefined on them.
    pub estimate: f64,
    /// Lower end; NaN where no resample defined the statistic.
    pub low: f64,
    /// Upper end; NaN where no resample defined the statistic.
    pub high: f64,
    /// Share of the resamples between the two.
    pub level: f64,
    /// Resamples drawn.
    pub resamples: usize,
    /// Resamples on which the statistic was undefined; they are left out.
    pub undefined: usize,
}

impl Interval {
    /// Whether `value` lies within, ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// The percentile interval of a statistic over `n` rows, by drawing `resamples` times n rows with
/// replacement.
///
/// Place i of resample r takes row floor(bits n / 2^64), bits being draw r of row i of the
/// stream [`BOOTSTRAP`](streams::BOOTSTRAP). The ends are the (1 - level) / 2 and
/// (1 + level) / 2 quantiles ([`quantile`]) of the statistic over the resamples. *Source*: Efron 1979,
/// percentile method. It says how far the choice of rows moves the statistic; it knows nothing of
/// a bias of the rows themselves, and of a handful of rows it is too narrow.
///
/// `statistic` is given rows (indices below n, with repetitions) and answers `None` where it is
/// undefined on them; an error of its own ends the call, so that it may also ask whether to stop.
/// It is called once with 0..n in order, then for each resample in order.
///
/// # Ties, NaN
/// A NaN statistic counts as undefined; tier of the statistic.
/// # Errors
/// [`Error::Empty`] for n = 0, [`Error::InvalidParameter`] for no resample, more than
/// 2^32 - 1, or a level outside (0, 1), [`Error::OutOfMemory`], errors of `statistic`.
/// # Cost
/// `resamples` + 1 calls, 8 (n + resamples) bytes.
/// # Example
/// ```
/// use pauca::stats::bootstrap;
/// let x = [1.0, 2.0, 3.0, 4.0, 10.0];
/// let mean = |rows: &[usize]| Ok(Some(rows.iter().map(|&i| x[i]).sum::<f64>() / rows.len() as f64));
/// let interval = bootstrap(5, 1000, 7, 0.95, mean)?;
/// assert_eq!(interval.estimate, 4.0);
/// assert!(1.5 < interval.low && interval.low < 2.5 && 6.0 < interval.high && interval.high < 8.0);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn bootstrap(
    n: usize,
    resamples: usize,
    seed: u64,
    level: f64,
    mut statistic: impl FnMut(&[usize]) -> Result<Option<f64>>,
) -> Result<Interval> {
    check::not_empty("the bootstrapped sample", n)?;
    let countable = resamples > 0 && u32::try_from(resamples).is_ok();
    check::parameter("resamples", resamples as f64, "at least 1 and below 2^32", countable)?;
    check::parameter("level", level, "within (0, 1)", level > 0.0 && level < 1.0)?;
    let mut rows: Vec<usize> = try_vec(n, 0)?;
    rows.iter_mut().enumerate().for_each(|(i, row)| *row = i);
    let estimate = statistic(&rows)?.unwrap_or(f64::NAN);
    let mut values: Vec<f64> = try_capacity(resamples)?;
    let stream = Stream::new(seed, streams::BOOTSTRAP);
    for resample in 0..resamples as u32 {
        for (i, row) in rows.iter_mut().enumerate() {
            *row = ((stream.bits(i as u64, resample) as u128 * n as u128) >> 64) as usize;
        }
        values.extend(statistic(&rows)?.filter(|value| !value.is_nan()));
    }
    let undefined = resamples - values.len();
    values.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    Ok(Interval {
        estimate,
        low: quantile(&values, tail),
        high: quantile(&values, 1.0 - tail),
        level,
        resamples,
        undefined,
    })
}
