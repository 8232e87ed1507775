//! Codes as exponential moving averages of the rows they are nearest to.
//!
//! *Source*: van den Oord et al. 2017, appendix A.1: N_k <- g N_k + (1 - g) n_k, S_k <- g S_k + (1 - g) s_k,
//! e_k = S_k / N_k, for the count n_k and sum s_k of the batch.
//!
//! **Why the code differs.** The state is count N and mean m = S / N, not N and S: with n = 0 both N and S
//! shrink alike, so the mean is *held*, to the bit, and nothing drifts, underflows or divides by 0. (Sums
//! that start at e with counts at 0, as in one widespread implementation, make every unused code
//! 1/(eps) too long after one step; smoothed counts over decayed sums, as in another, shrink unused codes
//! to the origin.)
//!
//! ```text
//! n = 0:    N <- g N, code unchanged
//! n > 0:    N' = g N + (1 - g) n;  m <- m + (1 - g) (s - n m) / N', or s / n where g N = 0;  N <- N'
//!           code = m, Euclidean; m / |m|, cosine (held where m = 0); times N / N^ with Laplace smoothing
//! ```
//!
//! In `f64`, in this order of operations, from exact statistics: tier A.

use alloc::vec::Vec;

use ndarray::{Array2, ArrayView2};

use super::code_stats::CodeStats;
use super::revive::{Revival, Revived};
use super::rows::{row_of, unit_into};
use crate::arrays::{copy, matrix};
use crate::bytes::{Reader, State, Writer, to_and_from_bytes};
use crate::check;
use crate::error::*;
use crate::exact::{self, Metric, dot_wide};
use crate::memory::{try_capacity, try_collect, try_up_to, try_vec};
use crate::params::setters;
use crate::real::{Real, check_finite};

/// What a count is replaced by where a mean is made of it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Smoothing {
    /// The count itself. The default: a code is the weighted mean of its rows.
    None,
    /// N^ = (N + eps) / (sum N + k eps) sum N, as in the VQ-VAE code: codes of small count are drawn towards
    /// the origin, those of large count pushed away from it. Only codes with rows in the batch are touched.
    Laplace(f64),
}

/// Moving averages: parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ema {
    metric: Metric,
    decay: f64,
    smoothing: Smoothing,
}

impl Ema {
    /// Decay 0.99, no smoothing.
    pub fn new(metric: Metric) -> Self {
        Self { metric, decay: 0.99, smoothing: Smoothing::None }
    }

    setters! {
        /// g, in [0, 1]. At 0 a code becomes the mean of its rows in the batch.
        decay: f64;
        /// What counts become before they divide.
        smoothing: Smoothing;
    }

    fn check(&self) -> Result<()> {
        check::fraction("decay", self.decay)?;
        match self.smoothing {
            Smoothing::None => Ok(()),
            Smoothing::Laplace(eps) => check::not_negative("smoothing", eps),
        }
    }

    /// A codebook that starts from `codes`, `[k, d]`, each counted as one row. Under cosine they are brought
    /// to unit length.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`], [`Error::Empty`], [`Error::NonFinite`], [`Error::ZeroRow`] for a zero code
    /// under cosine, [`Error::OutOfMemory`].
    pub fn start<T: Real>(&self, codes: ArrayView2<'_, T>) -> Result<EmaCodebook<T>> {
        self.check()?;
        check::not_empty("codes", codes.len())?;
        check_finite(&codes, "codes")?;
        let mut kept = copy(&codes)?;
        if self.metric == Metric::Cosine {
            let mut buffer = try_vec(codes.ncols(), T::default())?;
            for (i, mut out) in kept.rows_mut().into_iter().enumerate() {
                if let Some(out) = out.as_slice_mut() {
                    unit_into(row_of(&codes, i, &mut buffer), out);
                    check::direction(i as u64, out.iter().all(|x| x.to_f64() == 0.0))?;
                }
            }
        }
        let means = try_collect(kept.iter().map(|x| x.to_f64()))?;
        Ok(EmaCodebook { params: *self, counts: try_vec(kept.nrows(), 1.0)?, means, codes: kept })
    }
}

/// Codes that follow their rows.
///
/// # Cost
/// Memory 8 k (d + 1) bytes beside the codes; an update touches the codes with rows.
/// # Example
/// ```
/// use pauca::{Metric, vq::{CodeStats, Ema}};
/// let codes = ndarray::array![[0.0f32], [10.0]];
/// let mut book = Ema::new(Metric::SqEuclidean).decay(0.5).start(codes.view())?;
/// let mut stats = CodeStats::new(2, 1, Metric::SqEuclidean)?;
/// stats.collect(ndarray::array![[1.0f32], [3.0], [2.0]].view(), &[0, 0, 0])?;
/// book.update(&stats)?;
/// // N = 0.5 + 1.5, S = 0 + 3: a mean of 1.5; the other code had no rows and stays.
/// assert_eq!(book.codes(), ndarray::array![[1.5], [10.0]]);
/// assert_eq!(book.counts(), [2.0, 0.5]);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct EmaCodebook<T> {
    params: Ema,
    counts: Vec<f64>,
    means: Vec<f64>,
    codes: Array2<T>,
}

impl<T: Real> EmaCodebook<T> {
    /// `[k, d]`.
    pub fn codes(&self) -> ArrayView2<'_, T> {
        self.codes.view()
    }

    /// `[k]`: the averaged counts N.
    pub fn counts(&self) -> &[f64] {
        &self.counts
    }

    /// The metric by which codes are assigned.
    pub fn metric(&self) -> Metric {
        self.params.metric
    }

    /// One step of all averages. Nothing is changed on error.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], [`Error::Mismatch`] for statistics of another metric, [`Error::OutOfMemory`].
    pub fn update(&mut self, stats: &CodeStats) -> Result<()> {
        let (k, d) = self.codes.dim();
        check::same_length("codes of the statistics", k, stats.n_codes())?;
        check::same_length("columns of the statistics", d, stats.dim())?;
        check::same("metric of the statistics", stats.metric() == self.params.metric)?;
        let gain = 1.0 - self.params.decay;
        // This allocation may be refused, so it comes before any change. The total below needs all new counts.
        let mut counts = try_capacity(k)?;
        let updated = |(j, n): (usize, &f64)| self.params.decay * n + gain * stats.count(j) as f64;
        counts.extend(self.counts.iter().enumerate().map(updated));
        let total = match self.params.smoothing {
            Smoothing::None => 0.0,
            Smoothing::Laplace(_) => exact::sum(counts.iter().copied()),
        };
        for (j, &count) in counts.iter().enumerate() {
            let n = stats.count(j) as f64;
            // With decay 1 the old mean keeps its whole weight, and new rows change nothing.
            if n == 0.0 || gain == 0.0 {
                continue;
            }
            let mean = &mut self.means[j * d..(j + 1) * d];
            let old = self.params.decay * self.counts[j];
            for (column, m) in mean.iter_mut().enumerate() {
                let s = stats.sum(j, column);
                *m = if old == 0.0 { s / n } else { *m + gain * (s - n * *m) / count };
            }
            let factor = match self.params.smoothing {
                Smoothing::None => 1.0,
                Smoothing::Laplace(eps) => count / ((count + eps) / (total + k as f64 * eps) * total),
            };
            set_code(self.params.metric, mean, factor, self.codes.row_mut(j).iter_mut());
        }
        self.counts = counts;
        Ok(())
    }

    /// Codes whose count is below `threshold`, ascending.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn dead(&self, threshold: f64) -> Result<Vec<u32>> {
        try_up_to(
            self.counts.iter().filter(|&&c| c < threshold).count(),
            (0..self.counts.len() as u32).filter(|&j| self.counts[j as usize] < threshold),
        )
    }

    /// Gives dead codes rows of the batch; their averages start anew from there, so the next update
    /// does not undo it. `ids` and `distances` are those of the forward step; `round` is the number of
    /// the step. Returns which code took which row.
    ///
    /// # Errors
    /// As [`Revival::choose`]; nothing is changed on error.
    pub fn revive(
        &mut self,
        revival: &Revival,
        z: ArrayView2<'_, T>,
        ids: &[u32],
        distances: &[f64],
        round: u64,
    ) -> Result<Vec<Revived>> {
        let dead = self.dead(revival.threshold_of())?;
        let metric = self.params.metric;
        let chosen = revival.choose(&dead, self.codes.view(), metric, z.view(), ids, distances, round)?;
        revival.apply(&chosen, metric, z, self.codes.view_mut())?;
        let d = self.codes.ncols();
        for revived in &chosen {
            let j = revived.code as usize;
            self.counts[j] = revival.count();
            for (m, x) in self.means[j * d..(j + 1) * d].iter_mut().zip(self.codes.row(j)) {
                *m = x.to_f64();
            }
        }
        Ok(chosen)
    }
}

to_and_from_bytes!(
    /// 16 bytes a code and column.
    impl[T: Real] EmaCodebook<T>
);

impl<T: Real> State for EmaCodebook<T> {
    const MARK: &'static [u8; 8] = b"paucaVE\0";
    const WHAT: &'static str = "EMA codebook";

    fn write(&self, to: &mut Writer) -> Result<()> {
        let (k, d) = self.codes.dim();
        to.reserve(64 + 8 * k * (2 * d + 1));
        to.u32(size_of::<T>() as u32);
        to.choice(&Metric::ALL, self.params.metric);
        let (kind, eps) = match self.params.smoothing {
            Smoothing::None => (0, 0.0),
            Smoothing::Laplace(eps) => (1, eps),
        };
        to.u32(kind);
        to.sizes(&[k, d]);
        to.f64s([self.params.decay, eps].into_iter());
        to.f64s(self.counts.iter().copied());
        to.f64s(self.means.iter().copied());
        to.f64s(self.codes.iter().map(|x| x.to_f64()));
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let size = from.u32()? as usize;
        from.holds(size == size_of::<T>(), "its codes are of another type")?;
        let (metric, kind) = (from.choice(&Metric::ALL)?, from.below(2)?);
        let [k, d] = from.sizes()?;
        let (decay, eps) = (from.f64()?, from.f64()?);
        let smoothing = if kind == 0 { Smoothing::None } else { Smoothing::Laplace(eps) };
        let params = Ema { metric, decay, smoothing };
        from.holds(params.check().is_ok() && k > 0 && d > 0, "values out of range")?;
        from.expect(d.checked_mul(16).and_then(|row| row.checked_add(8)?.checked_mul(k)))?;
        let (counts, means, wide) = (from.finites(k)?, from.finites(k * d)?, from.finites(k * d)?);
        let codes = try_collect(wide.into_iter().map(T::from_f64))?;
        let good = counts.iter().all(|n| *n >= 0.0) && codes.iter().all(|x: &T| x.is_finite());
        from.holds(good, "values out of range")?;
        Ok(Self { params, counts, means, codes: matrix(k, d, codes)? })
    }
}

/// Writes the code of a mean; leaves it where a mean has no direction.
fn set_code<'c, T: Real>(metric: Metric, mean: &[f64], factor: f64, code: impl Iterator<Item = &'c mut T>) {
    match metric {
        Metric::SqEuclidean => code.zip(mean).for_each(|(c, m)| *c = T::from_f64(m * factor)),
        Metric::Cosine => {
            let norm = libm::sqrt(dot_wide(mean, mean));
            if norm > 0.0 {
                code.zip(mean).for_each(|(c, m)| *c = T::from_f64(m / norm));
            }
        }
    }
}
