//! The best linear predictor in closed form, from sums over any number of batches.
//!
//! The regularizer of a linear predictor is quadratic in its weights, so the best ones need no
//! training: W = (A + ridge)^-1 C with A the covariance of what is seen, C its covariance with what
//! is predicted. A value that every implementation reaches, to compare tokenizers by.
//!
//! **Its gradient** in z needs no derivative of W: at the optimum the loss does not change with W to
//! first order (the envelope theorem), and the ridge term does not depend on z. So
//! [`Crt::gradients`](super::Crt::gradients) with the fitted predictor, lambda 1, the squared norm
//! and the mean over rows is the gradient of [`RidgeFit::objective`] with the solution inside.
//!
//! **Why it merges.** The products of one sequence are formed in `f64`; those of different sequences
//! are added without rounding. So blocks, workers and threads may share the sequences in any way, and
//! the sums have the same bits.

use alloc::vec::Vec;

use ndarray::{Array1, Array2, ArrayViewMut2};

use super::batch::Batch;
use super::predictor::Predictor;
use super::solve::{cholesky, least_norm};
use super::window::Window;
use crate::arrays::{copy, zeros};
use crate::check;
use crate::error::{Error, Result};
use crate::exact::F64Sum;
use crate::memory::{area, try_collect, try_up_to, try_vec};
use crate::products::{Multiplier, product};
use crate::real::Real;

/// Sums from which the best AR(k) predictor of latents follows.
///
/// Over all steps t >= 1, with x_t = [1 | z_{t-1} | ... | z_{t-k}] (zeros before the first): the
/// sums of x x', x z' and |z|².
///
/// # Tier
/// C; for given products of a sequence exact, so on one machine the same bits for any split of the
/// sequences over batches and workers.
/// # Cost
/// O(rows (k d)²) operations; 624 bytes for each of about (k d)² / 2 + k d² sums.
/// # Example
/// ```
/// use pauca::causal::{Batch, RidgeGram};
/// let mut gram = RidgeGram::new(1, 1)?;
/// let z = ndarray::array![[[8.0f32], [5.0], [3.5], [2.75]]]; // z_t = z_{t-1} / 2 + 1
/// gram.push(&Batch::new(z.view()))?;
/// let fit = gram.fit(0.0)?;
/// assert!((fit.weights[[0, 0]] - 0.5).abs() < 1e-12 && (fit.bias[0] - 1.0).abs() < 1e-12);
/// assert!(fit.mse < 1e-12);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone)]
pub struct RidgeGram {
    pub(super) lags: usize,
    pub(super) dim: usize,
    pub(super) rows: u64,
    /// Lower triangle of the sum of x x', row by row.
    pub(super) seen: Vec<F64Sum>,
    /// Sum of x z', row by row.
    pub(super) cross: Vec<F64Sum>,
    pub(super) target: F64Sum,
}

/// The best linear predictor of the latents pushed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RidgeFit {
    /// W [k d, d]: rows (j - 1) d .. j d multiply z_{t-j}.
    pub weights: Array2<f64>,
    /// b \[d\].
    pub bias: Array1<f64>,
    /// Mean of |z_t - x_t W - b|² over all steps from 1 on.
    pub mse: f64,
    /// 1 - mse / (mean of |z - mean|²); `None` when the latents do not vary.
    pub r2: Option<f64>,
    /// The minimized sum: mse + ridge |W|².
    pub objective: f64,
    /// Directions of x that vary; less than k d when W is the solution of least norm among many.
    pub rank: usize,
    /// Steps predicted.
    pub rows: u64,
    lags: usize,
}

impl core::fmt::Debug for RidgeGram {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "RidgeGram(lags {}, dim {}, rows {})", self.lags, self.dim, self.rows)
    }
}

impl RidgeGram {
    /// Empty sums for latents of `dim` components, seen `lags` steps back.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for 0, [`Error::TooLarge`], [`Error::OutOfMemory`].
    pub fn new(lags: usize, dim: usize) -> Result<Self> {
        let (seen, cross) = Self::sizes(lags, dim)?;
        let (seen, cross) = (try_vec(seen, F64Sum::new())?, try_vec(cross, F64Sum::new())?);
        Ok(Self { lags, dim, rows: 0, seen, cross, target: F64Sum::new() })
    }

    /// How many sums of x x' and of x z' there are.
    pub(super) fn sizes(lags: usize, dim: usize) -> Result<(usize, usize)> {
        check::at_least_one("lags", lags)?;
        check::at_least_one("dim", dim)?;
        let seen = lags.saturating_mul(dim);
        check::at_most("lags times components", seen, MOST_SEEN)?;
        Ok(((seen + 1) * (seen + 2) / 2, area(seen + 1, dim)?))
    }

    /// Adds the sequences of a batch. On error nothing has changed.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] for latents of another dimension, those of [`Batch::places`],
    /// [`Error::NonFinite`], [`Error::SimdLevel`] (of `PAUCA_SIMD`).
    pub fn push<T: Real>(&mut self, batch: &Batch<'_, T>) -> Result<()> {
        check::same_length("a latent", self.dim, batch.dim())?;
        let latents = batch.latents()?;
        let longest = latents.starts.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0);
        let (width, dim) = (1 + self.lags * self.dim, self.dim);
        // Everything that can be refused is asked for before the first sum changes.
        let steps = longest.saturating_sub(1);
        let (mut x, mut z) = (zeros::<f64>(steps, width)?, zeros::<f64>(steps, dim)?);
        let (mut seen, mut cross) = (try_vec(area(width, width)?, 0.0)?, try_vec(area(width, dim)?, 0.0)?);
        let multiplier = Multiplier::new()?;
        let (mut left, mut rights) = (multiplier.left(), [multiplier.right(), multiplier.right()]);
        left.reserve(width, steps)?;
        rights[0].reserve(steps, width)?;
        rights[1].reserve(steps, dim)?;
        for w in latents.starts.windows(2) {
            let steps = (w[1] - w[0]).saturating_sub(1);
            if steps == 0 {
                continue;
            }
            let rows = ndarray::s![..steps, ..];
            let (mut x, mut z) = (x.slice_mut(rows), z.slice_mut(rows));
            fill(&mut x, &mut z, &latents.x, w[0], self.lags);
            left.pack(&x.t())?;
            for (right, (from, to)) in rights.iter_mut().zip([(&x, &mut seen), (&z, &mut cross)]) {
                right.pack(&from.view())?;
                to.fill(0.0);
                multiplier.add(to, 1.0, &left, right);
            }
            let lower = (0..width).flat_map(|i| (0..=i).map(move |j| i * width + j));
            self.seen.iter_mut().zip(lower).for_each(|(sum, at)| sum.add(seen[at]));
            self.cross.iter_mut().zip(&cross).for_each(|(sum, &v)| sum.add(v));
            z.iter().for_each(|v| self.target.add(v * v));
            self.rows += steps as u64;
        }
        Ok(())
    }

    /// Adds the sums of `other`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when lags or dimension differ, [`Error::TooLarge`] for 2^63 or more steps in all; then
    /// nothing has changed.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        check::same("the number of lags or components", (self.lags, self.dim) == (other.lags, other.dim))?;
        self.rows = check::counted("steps", self.rows, other.rows)?;
        self.seen.iter_mut().zip(&other.seen).for_each(|(a, b)| a.merge(b));
        self.cross.iter_mut().zip(&other.cross).for_each(|(a, b)| a.merge(b));
        self.target.merge(&other.target);
        Ok(())
    }

    /// Steps that were added.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The weights that minimize mse + `ridge` |W|² (the shift is free). With ridge 0 and latents that
    /// do not vary in every direction, those of least norm.
    ///
    /// Covariances come from sums of products: latents far from 0 lose digits (of mean 1000 and
    /// deviation 0.01, ten of sixteen). Shift them first where that matters.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a ridge that is negative or not finite, [`Error::Empty`] when
    /// no step was added, [`Error::NonFinite`] when a sum overflowed, [`Error::OutOfMemory`], [`Error::SimdLevel`].
    /// # Cost
    /// O((k d)³).
    pub fn fit(&self, ridge: f64) -> Result<RidgeFit> {
        check::not_negative("ridge", ridge)?;
        check::not_empty("the sums of the ridge predictor", self.rows)?;
        let (n, p, d) = (self.rows as f64, self.lags * self.dim, self.dim);
        let seen = |i: usize, j: usize| self.seen[i * (i + 1) / 2 + j].value() / n;
        let cross = |i: usize, j: usize| self.cross[i * d + j].value() / n;
        // Row and column 0 belong to the constant: they hold the means.
        let means = try_up_to(p, (1..=p).map(|i| seen(i, 0)))?;
        let targets = try_collect((0..d).map(|j| cross(0, j)))?;
        let (mut a, mut c, mut floor) = (zeros::<f64>(p, p)?, zeros::<f64>(p, d)?, try_vec(p, 0.0)?);
        for i in 0..p {
            for j in 0..=i {
                a[[i, j]] = seen(i + 1, j + 1) - means[i] * means[j];
                a[[j, i]] = a[[i, j]];
            }
            // Below this a variance cannot be told from rounding errors of the sums.
            floor[i] = (p + 2) as f64 * f64::EPSILON * seen(i + 1, i + 1);
            (0..d).for_each(|j| c[[i, j]] = cross(i + 1, j) - means[i] * targets[j]);
        }
        let spread = self.target.value() / n - targets.iter().map(|m| m * m).sum::<f64>();
        let spread_floor = 2.0 * f64::EPSILON * self.target.value() / n;
        if let Some(at) = a.iter().chain(&c).chain([&spread]).position(|v| !v.is_finite()) {
            return Err(Error::NonFinite { what: "the sums of the ridge predictor", row: 0, col: at });
        }
        let mut ridged = copy(&a.view())?;
        (0..p).for_each(|i| ridged[[i, i]] += ridge);
        let (weights, rank) = match cholesky(&ridged, &c, &floor)? {
            Some(weights) => (weights, p),
            None => least_norm(copy(&a.view())?, ridge, &c, floor.iter().copied().fold(0.0, f64::max))?,
        };
        let bias = try_collect(
            (0..d).map(|j| targets[j] - (0..p).map(|i| means[i] * weights[[i, j]]).sum::<f64>()),
        )?;
        let mut aw = zeros::<f64>(p, d)?;
        product(&mut aw.view_mut(), 1.0, &a.view(), &weights.view())?;
        let explained: f64 = weights.iter().zip(&c).zip(&aw).map(|((w, c), aw)| w * (2.0 * c - aw)).sum();
        let mse = f64::max(spread - explained, 0.0);
        let r2 = (spread > spread_floor).then(|| 1.0 - mse / spread);
        let objective = mse + ridge * weights.iter().map(|w| w * w).sum::<f64>();
        let (bias, rows, lags) = (Array1::from_vec(bias), self.rows, self.lags);
        Ok(RidgeFit { weights, bias, mse, r2, objective, rank, rows, lags })
    }
}

impl RidgeFit {
    /// The fitted predictor.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn predictor<T: Real>(&self) -> Result<Predictor<T>> {
        let dim = self.bias.len();
        let mut predictor = Predictor::new(Window::linear(self.lags), dim, dim, 0)?;
        let values = self.weights.iter().chain(&self.bias);
        predictor.params_mut().iter_mut().zip(values).for_each(|(p, v)| *p = T::from_f64(*v));
        Ok(predictor)
    }
}

/// The sums of more inputs than this fit no memory.
const MOST_SEEN: usize = 1 << (usize::BITS / 4 + 4);

/// Rows x_t and z_t of one sequence, t from 1.
fn fill<T: Real>(
    x: &mut ArrayViewMut2<'_, f64>,
    z: &mut ArrayViewMut2<'_, f64>,
    rows: &Array2<T>,
    first: usize,
    lags: usize,
) {
    let (steps, dim) = z.dim();
    for t in 1..=steps {
        x[[t - 1, 0]] = 1.0;
        for j in 0..dim {
            z[[t - 1, j]] = rows[[first + t, j]].to_f64();
            for lag in 0..lags {
                let value = if lag < t { rows[[first + t - 1 - lag, j]].to_f64() } else { 0.0 };
                x[[t - 1, 1 + lag * dim + j]] = value;
            }
        }
    }
}
