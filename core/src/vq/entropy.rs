//! Entropy loss: every row sure of its code, all codes used.
//!
//! p_i = softmax over codes of -|t_i - q_k|² / tau, t and q being latents and codes (unit ones under
//! cosine); L = w_s mean_i H(p_i) - w_b H(mean_i p_i). With equal weights L lies in [-w ln k, 0] (Jensen).
//!
//! ```text
//! dL/da_ik = p_ik (w_b (ln pbar_k - sum_j p_ij ln pbar_j) - w_s (ln p_ik + H_i)) / n,   a = -|t - q|² / tau
//! dL/dt_i = 2/tau sum_k G_ik q_k        dL/dq_k = 2/tau sum_i G_ik (t_i - q_k)         G = dL/da
//! ```
//!
//! Each row of G sums to 0. So |t_i|² drops out of the gradients, and the scores may be made about any origin:
//! the mean of the codes is taken.
//!
//! **Why the code differs.** p has n x k entries and is never stored. The first pass makes, tile by tile, the
//! log-sum-exp and entropy of each row and the mean p; the second makes the scores again and turns them into G
//! at once. Scores are matrix products in `f64` about the mean code, so data far from the origin lose
//! nothing. Entries whose score is 50 below the row's best count as 0 (e^-50 = 2e-22). Partial sums
//! belong to fixed ranges of rows, whatever the threads.

use alloc::vec::Vec;
use core::ops::Range;

use ndarray::{Array2, ArrayView2, s};

use super::latents::Latents;
use super::rows::row_of;
use crate::arrays::{matrix, zeros};
use crate::check;
use crate::control::{Context, Job};
use crate::error::Result;
use crate::memory::{try_capacity, try_vec};
use crate::params::setters;
use crate::products::Multiplier;
use crate::real::Real;

/// Entropy loss: parameters.
///
/// *Source*: LlamaGen's and MAGVIT-v2's code; without their 1e-5 inside the logarithm, which biases value
/// and gradient. Tier B on one build, tier C across machines (matrix products).
///
/// # Example
/// ```
/// use pauca::vq::{EntropyLoss, VectorQuantizer};
/// let codes = ndarray::array![[0.0f64, 0.0], [1.0, 0.0]];
/// let vq = VectorQuantizer::new().entropy(EntropyLoss::new(1.0).temperature(0.1));
/// // Rows between the codes are unsure; both codes are used alike.
/// let unsure = vq.forward(ndarray::array![[0.5, 0.0]].view(), codes.view(), None)?;
/// assert!(unsure.losses.entropy.is_some_and(|e| e.value.abs() < 1e-15));
/// // Rows on the codes are sure: -ln 2.
/// let sure = vq.forward(codes.view(), codes.view(), None)?;
/// assert!(sure.losses.entropy.is_some_and(|e| (e.value + 2f64.ln()).abs() < 1e-3));
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EntropyLoss {
    sample_weight: f64,
    batch_weight: f64,
    temperature: f64,
}

/// The entropy loss and its parts, in nats.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EntropyValue {
    /// mean H(p_i).
    pub sample: f64,
    /// H(mean p_i).
    pub batch: f64,
    /// sample_weight sample - batch_weight batch.
    pub value: f64,
}

impl EntropyLoss {
    /// Both parts of the loss with this weight; temperature 0.01.
    pub fn new(weight: f64) -> Self {
        Self { sample_weight: weight, batch_weight: weight, temperature: 0.01 }
    }

    setters! {
        /// tau, above 0: squared distances are divided by it.
        temperature: f64;
        /// Weight of the mean entropy of the rows.
        sample_weight: f64;
        /// Weight of the entropy of the mean.
        batch_weight: f64;
    }

    pub(super) fn check(&self) -> Result<()> {
        check::not_negative("sample_weight", self.sample_weight)?;
        check::not_negative("batch_weight", self.batch_weight)?;
        let holds = self.temperature.is_finite() && self.temperature >= 1e-100;
        check::parameter("temperature", self.temperature, "a number of at least 1e-100", holds)
    }
}

/// Scores this far below the best of their row count as probability 0.
const CUTOFF: f64 = -50.0;
/// Scores of a tile.
const TILE: usize = 1 << 17;

/// What the backward pass needs of the forward pass: three numbers a row and one a code.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Saved {
    /// Log-sum-exp of the scores of each valid row.
    log_sum: Vec<f64>,
    /// H_i.
    entropy: Vec<f64>,
    /// ln pbar_k; 0 where pbar is 0.
    mean_log: Vec<f64>,
}

/// Codes about their mean, ready for products.
pub(super) struct Scores {
    codes: Array2<f64>,
    centre: Vec<f64>,
    /// |q|² / tau.
    offset: Vec<f64>,
    temperature: f64,
    multiplier: Multiplier<f64>,
}

impl Scores {
    pub fn new<T: Real>(loss: &EntropyLoss, codes: &ArrayView2<'_, T>) -> Result<Self> {
        let (k, d) = codes.dim();
        let mut centre = try_vec(d, 0.0)?;
        for row in codes.rows() {
            centre.iter_mut().zip(row).for_each(|(c, x)| *c += x.to_f64() / k as f64);
        }
        let mut values = try_capacity(k * d)?;
        let mut offset = try_capacity(k)?;
        for row in codes.rows() {
            let start = values.len();
            values.extend(row.iter().zip(&centre).map(|(x, c)| x.to_f64() - c));
            offset.push(values[start..].iter().map(|x| x * x).sum::<f64>() / loss.temperature);
        }
        let multiplier = Multiplier::new()?;
        Ok(Self { codes: matrix(k, d, values)?, centre, offset, temperature: loss.temperature, multiplier })
    }

    fn dim(&self) -> usize {
        self.centre.len()
    }

    /// Rows of a tile of all codes.
    pub fn tile_rows(&self) -> usize {
        (TILE / self.offset.len()).clamp(4, 64)
    }

    /// The targets `rows` about the centre.
    fn targets<T: Real>(
        &self,
        latents: &Latents<'_, T>,
        rows: Range<usize>,
        buffers: &mut [Vec<T>; 2],
        out: &mut Array2<f64>,
    ) {
        for (r, i) in rows.enumerate() {
            let target = latents.target(i, buffers);
            for ((o, x), c) in out.row_mut(r).iter_mut().zip(target).zip(&self.centre) {
                *o = x.to_f64() - c;
            }
        }
    }

    /// Scores of targets against the codes `range`, up to a constant of each row.
    fn scores(&self, targets: ArrayView2<'_, f64>, range: Range<usize>, out: &mut Array2<f64>) -> Result<()> {
        let codes = self.codes.slice(s![range.clone(), ..]);
        let mut scores = out.slice_mut(s![..targets.nrows(), ..range.len()]);
        scores.fill(0.0);
        self.multiplier.add_product(&mut scores, 2.0 / self.temperature, &targets, &codes.t())?;
        for mut row in scores.rows_mut() {
            row.iter_mut().zip(&self.offset[range.clone()]).for_each(|(s, o)| *s -= o);
        }
        Ok(())
    }
}

/// Value, and what the gradient needs.
pub(super) fn forward<T: Real>(
    loss: &EntropyLoss,
    latents: &Latents<'_, T>,
    codes: &ArrayView2<'_, T>,
    cx: &Context,
) -> Result<(EntropyValue, Saved)> {
    let (n, k, d) = (latents.n(), codes.nrows(), codes.ncols());
    let scores = Scores::new(loss, codes)?;
    let mut saved =
        Saved { log_sum: try_vec(n, 0.0)?, entropy: try_vec(n, 0.0)?, mean_log: try_vec(k, 0.0)? };
    if n == 0 {
        return Ok((EntropyValue::default(), saved));
    }
    // At most 16 MB of partial means, in a number that depends on the sizes only.
    let tasks = ((1 << 21) / k).clamp(1, 64);
    let step = n.div_ceil(tasks).next_multiple_of(scores.tile_rows());
    struct Task<'t> {
        first: usize,
        log_sum: &'t mut [f64],
        entropy: &'t mut [f64],
        mean: Vec<f64>,
    }
    let mut jobs = try_capacity(n.div_ceil(step))?;
    let parts = saved.log_sum.chunks_mut(step).zip(saved.entropy.chunks_mut(step));
    for (i, (log_sum, entropy)) in parts.enumerate() {
        jobs.push(Job::new(Task { first: i * step, log_sum, entropy, mean: try_vec(k, 0.0)? }));
    }
    cx.in_waves(&mut jobs, (step * k * (d + 16)) as u64, |task| {
        let rows = scores.tile_rows();
        let mut buffers = [try_vec(d, T::default())?, try_vec(d, T::default())?];
        let mut targets = zeros::<f64>(rows, d)?;
        let mut tile = zeros::<f64>(rows, k)?;
        for start in (0..task.log_sum.len()).step_by(rows) {
            let m = rows.min(task.log_sum.len() - start);
            let at = task.first + start;
            scores.targets(latents, at..at + m, &mut buffers, &mut targets);
            scores.scores(targets.slice(s![..m, ..]), 0..k, &mut tile)?;
            for (r, row) in tile.rows_mut().into_iter().take(m).enumerate() {
                let Some(row) = row.into_slice() else { continue };
                let best = row.iter().fold(f64::NEG_INFINITY, |b, &a| b.max(a));
                let (mut sum, mut product) = (0.0, 0.0);
                for a in row.iter_mut() {
                    let below = *a - best;
                    *a = if below < CUTOFF { 0.0 } else { libm::exp(below) };
                    sum += *a;
                    product += *a * below.max(CUTOFF);
                }
                let log = libm::log(sum);
                task.log_sum[start + r] = best + log;
                task.entropy[start + r] = (log - product / sum).max(0.0);
                task.mean.iter_mut().zip(row).for_each(|(m, p)| *m += *p / sum);
            }
        }
        Ok(())
    })?;
    let mut mean = try_vec(k, 0.0)?;
    for job in &jobs {
        mean.iter_mut().zip(&job.work.mean).for_each(|(a, b)| *a += b);
    }
    drop(jobs);
    let mut batch = 0.0;
    for (p, log) in mean.iter().zip(&mut saved.mean_log) {
        let p = p / n as f64;
        *log = if p > 0.0 { libm::log(p) } else { 0.0 };
        batch -= p * *log;
    }
    let sample = saved.entropy.iter().sum::<f64>() / n as f64;
    let value = loss.sample_weight * sample - loss.batch_weight * batch;
    Ok((EntropyValue { sample, batch, value }, saved))
}

/// The gradient, one tile at a time.
pub(super) struct Backward<'a> {
    pub scores: Scores,
    saved: &'a Saved,
    loss: EntropyLoss,
    /// The factor that arrives from above, divided by n.
    scale: f64,
}

/// Buffers of one task.
pub(super) struct Buffers<T> {
    rows: [Vec<T>; 2],
    targets: Array2<f64>,
    tile: Array2<f64>,
    pub gradient: Array2<f64>,
}

impl<T: Real> Buffers<T> {
    /// Buffers for tiles of `rows` rows and `codes` codes; the gradient has `gradient` rows.
    pub fn new(rows: usize, codes: usize, gradient: usize, d: usize) -> Result<Self> {
        Ok(Self {
            rows: [try_vec(d, T::default())?, try_vec(d, T::default())?],
            targets: zeros::<f64>(rows, d)?,
            tile: zeros::<f64>(rows, codes)?,
            gradient: zeros::<f64>(gradient, d)?,
        })
    }
}

impl<'a> Backward<'a> {
    pub fn new<T: Real>(
        loss: &EntropyLoss,
        codes: &ArrayView2<'_, T>,
        saved: &'a Saved,
        rows: usize,
        upstream: f64,
    ) -> Result<Self> {
        // The caller may have changed ids, and with them the number of rows.
        let same = (saved.log_sum.len(), saved.mean_log.len()) == (rows, codes.nrows());
        check::same("shape of the forward step", same)?;
        let scale = upstream / saved.log_sum.len().max(1) as f64;
        Ok(Self { scores: Scores::new(loss, codes)?, saved, loss: *loss, scale })
    }

    /// Turns the scores of row i against the codes from `first` on into its row of G, 2/tau included.
    /// `mean` is sum_j p_ij ln pbar_j.
    fn gradient_row(&self, i: usize, first: usize, mean: f64, row: &mut [f64]) {
        let (log_sum, entropy) = (self.saved.log_sum[i], self.saved.entropy[i]);
        let scale = self.scale * 2.0 / self.scores.temperature;
        for (a, lp) in row.iter_mut().zip(&self.saved.mean_log[first..]) {
            let log = *a - log_sum;
            *a = if log < CUTOFF {
                0.0
            } else {
                let p = libm::exp(log);
                p * (self.loss.batch_weight * (lp - mean) - self.loss.sample_weight * (log + entropy)) * scale
            };
        }
    }

    fn mean_of(&self, i: usize, scores: &[f64]) -> f64 {
        let mut mean = 0.0;
        for (a, lp) in scores.iter().zip(&self.saved.mean_log) {
            let log = *a - self.saved.log_sum[i];
            if log >= CUTOFF {
                mean += libm::exp(log) * lp;
            }
        }
        mean
    }

    /// dL/dt of the rows, into the first rows of `buffers.gradient`; `means[r]` becomes sum_j p_rj ln pbar_j.
    pub fn rows<T: Real>(
        &self,
        latents: &Latents<'_, T>,
        rows: Range<usize>,
        means: &mut [f64],
        buffers: &mut Buffers<T>,
    ) -> Result<()> {
        let (m, k) = (rows.len(), self.scores.offset.len());
        self.scores.targets(latents, rows.clone(), &mut buffers.rows, &mut buffers.targets);
        self.scores.scores(buffers.targets.slice(s![..m, ..]), 0..k, &mut buffers.tile)?;
        for (r, row) in buffers.tile.rows_mut().into_iter().take(m).enumerate() {
            let Some(row) = row.into_slice() else { continue };
            let i = rows.start + r;
            means[r] = self.mean_of(i, row);
            self.gradient_row(i, 0, means[r], row);
        }
        let tile = buffers.tile.slice(s![..m, ..]);
        let mut out = buffers.gradient.slice_mut(s![..m, ..]);
        out.fill(0.0);
        self.scores.multiplier.add_product(&mut out, 1.0, &tile, &self.scores.codes.view())
    }

    /// Adds dL/dq of the codes `range` to the first rows of `buffers.gradient`.
    pub fn codes<T: Real>(
        &self,
        latents: &Latents<'_, T>,
        range: Range<usize>,
        means: &[f64],
        buffers: &mut Buffers<T>,
    ) -> Result<()> {
        let m = range.len();
        let mut totals = try_vec(m, 0.0)?;
        let step = buffers.tile.nrows();
        for start in (0..latents.n()).step_by(step) {
            let rows = start..latents.n().min(start + step);
            let count = rows.len();
            self.scores.targets(latents, rows.clone(), &mut buffers.rows, &mut buffers.targets);
            let targets = buffers.targets.slice(s![..count, ..]);
            self.scores.scores(targets.view(), range.clone(), &mut buffers.tile)?;
            for (r, mut row) in buffers.tile.rows_mut().into_iter().take(count).enumerate() {
                let Some(row) = row.as_slice_mut() else { continue };
                let row = &mut row[..m];
                self.gradient_row(start + r, range.start, means[start + r], row);
                totals.iter_mut().zip(&*row).for_each(|(t, g)| *t += g);
            }
            let tile = buffers.tile.slice(s![..count, ..m]);
            let mut out = buffers.gradient.slice_mut(s![..m, ..]);
            self.scores.multiplier.add_product(&mut out, 1.0, &tile.t(), &targets)?;
        }
        for (c, total) in totals.iter().enumerate() {
            let code = self.scores.codes.row(range.start + c);
            buffers.gradient.row_mut(c).iter_mut().zip(code).for_each(|(o, q)| *o -= total * q);
        }
        Ok(())
    }

    /// Multiply-adds of one row against all codes.
    pub fn cost(&self) -> u64 {
        (self.scores.offset.len() * (2 * self.scores.dim() + 24)) as u64
    }
}

/// Row `i` of `view` in `f64`.
pub(super) fn widened_row<T: Real>(view: &ArrayView2<'_, T>, i: usize, buffer: &mut [T], out: &mut [f64]) {
    for (o, x) in out.iter_mut().zip(row_of(view, i, buffer)) {
        *o = x.to_f64();
    }
}
