//! The step: forward, backward.

use alloc::vec::Vec;

use ndarray::{Array1, Array2, ArrayView2};

use super::assign::{Assignment, MASKED, assign, check_ids, refuse_zero_rows, valid_rows};
use super::entropy::{self, EntropyLoss, widened_row};
use super::estimator::{Estimator, rotate_back_into, unit_back_into};
use super::loss::{Losses, Reduction};
use super::real::{Real, copy, matrix, row_of, same_dim, unit_into, zeros};
use crate::backend::Backend;
use crate::backend::cpu::Cpu;
use crate::control::{Context, Job};
use crate::error::{Error, Result, try_capacity, try_vec};
use crate::exact::{F64Sum, Metric, SearchStats};

/// How the codes learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Training {
    /// By the codebook loss: [`backward`](VectorQuantizer::backward) returns their gradient for the caller's
    /// optimiser. Under cosine the codes used are the unit vectors of the stored ones.
    Gradient,
    /// As running means of their rows ([`EmaCodebook`](super::EmaCodebook)): no codebook loss, no gradient.
    /// Under cosine the stored codes are unit vectors and used as they are.
    Ema,
}

/// Vector quantization: parameters of a training step.
///
/// id_i = nearest code of z_i by the definition of the metric on the rows as given. With t = z and q = e
/// (cosine: t = z/|z|, q = e/|e|), q_i being the code of row i:
///
/// L = w mean |sg(t) - q|² + beta mean |t - sg(q)|² + entropy loss; beta multiplies the commitment
/// term only. The gradient of the output passes by the [`Estimator`]; under cosine, then, through the
/// projection to unit length.
///
/// *Source*: van den Oord et al. 2017, eq. 3; unit codes: Yu et al. 2022 (ViT-VQGAN).
///
/// # Shapes
/// z: `[n, d]`; codes: `[k, d]`; mask: `[n]`, false for rows to leave out; ids: `[n]`.
/// # Ties, NaN
/// A row equally near to several codes gets the lowest; a zero row under cosine gets code 0 (or is an error,
/// [`refuse_zero_rows`](VectorQuantizer::refuse_zero_rows)). NaN and infinities in valid rows are errors;
/// masked rows may hold anything, get id [`MASKED`], a row of zeros, no loss and no gradient.
/// # Tier
/// A: ids, distances, quantized, codebook and commitment losses. C: gradients, with relative error below
/// 1e-12 in `f64` and 1e-6 of the largest entry in `f32`; entropy loss. All are the same for any number of threads.
/// # Cost
/// 2 n k d flops for the ids, O(n d) for the rest; memory beyond the results: 8 k d bytes for `f32` (packed
/// codes), O(threads) tiles. `f64` rows are decided by the definition on every pair, which is slower.
/// # Example
/// ```
/// use pauca::vq::{Upstream, VectorQuantizer};
/// let z = ndarray::array![[0.9f32, 0.1], [0.2, 0.8]];
/// let codes = ndarray::array![[1.0f32, 0.0], [0.0, 1.0]];
/// let vq = VectorQuantizer::new().commitment(0.25);
/// let step = vq.forward(z.view(), codes.view(), None)?;
/// assert_eq!(step.ids.to_vec(), [0, 1]);
/// assert_eq!(step.quantized, codes);
/// assert!((step.losses.codebook - 0.025).abs() < 1e-8);
/// let gradients = vq.backward(z.view(), codes.view(), &step, Upstream::default())?;
/// assert!((gradients.latents[[0, 0]] - 2.0 * 0.25 * (0.9 - 1.0) / 4.0).abs() < 1e-7);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VectorQuantizer {
    pub(super) metric: Metric,
    pub(super) commitment: f64,
    pub(super) codebook: f64,
    pub(super) reduction: Reduction,
    pub(super) estimator: Estimator,
    pub(super) training: Training,
    pub(super) entropy: Option<EntropyLoss>,
    pub(super) refuse_zero_rows: bool,
}

impl Default for VectorQuantizer {
    fn default() -> Self {
        Self {
            metric: Metric::SqEuclidean,
            commitment: 0.25,
            codebook: 1.0,
            reduction: Reduction::MeanElements,
            estimator: Estimator::StraightThrough,
            training: Training::Gradient,
            entropy: None,
            refuse_zero_rows: false,
        }
    }
}

/// What one forward step found; also all that [`backward`](VectorQuantizer::backward) needs of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantized<T> {
    /// `[n, d]`: the code of each row, bit for bit; zeros where masked.
    pub quantized: Array2<T>,
    /// `[n]`: index of the code; [`MASKED`] where masked.
    pub ids: Array1<u32>,
    /// `[n]`: squared Euclidean distance, or 1 - cosine, of z to its code; NaN where masked.
    pub distances: Array1<f64>,
    /// The losses.
    pub losses: Losses,
    /// Rows that are not masked.
    pub valid: usize,
    /// How the rows were settled. Depends on the SIMD level.
    pub search: SearchStats,
    entropy: Option<entropy::Saved>,
}

/// What comes from above into [`backward`](VectorQuantizer::backward).
#[derive(Clone, Copy, Debug)]
pub struct Upstream<'a, T> {
    /// Gradient with respect to the quantized output, `[n, d]`; `None` for zeros.
    pub quantized: Option<ArrayView2<'a, T>>,
    /// Gradient with respect to the total loss: 1 where it is added to the objective as it is.
    pub loss: f64,
}

impl<T> Default for Upstream<'_, T> {
    /// The loss alone, with weight 1.
    fn default() -> Self {
        Self { quantized: None, loss: 1.0 }
    }
}

impl<'a, T> Upstream<'a, T> {
    /// A gradient of the output, and the loss with weight 1.
    pub fn of(quantized: ArrayView2<'a, T>) -> Self {
        Self { quantized: Some(quantized), loss: 1.0 }
    }
}

/// Gradients of one step. Tier C.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients<T> {
    /// `[n, d]`: with respect to z; zeros where masked.
    pub latents: Array2<T>,
    /// `[k, d]`: with respect to the codes; exactly 0 for a code without rows, unless an entropy loss moves it.
    /// `None` for EMA codes.
    pub codes: Option<Array2<T>>,
    /// Rows for which the rotation was undefined, and which were passed straight through.
    pub fallbacks: u64,
}

impl VectorQuantizer {
    /// Euclidean, learned codes, beta 0.25, codebook weight 1, means over elements, straight-through, no
    /// entropy loss.
    pub fn new() -> Self {
        Self::default()
    }

    /// Distance by which codes are chosen; cosine also uses unit latents and codes throughout.
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metric = metric;
        self
    }

    /// beta, the weight of the commitment loss (and of nothing else).
    pub fn commitment(mut self, beta: f64) -> Self {
        self.commitment = beta;
        self
    }

    /// Weight of the codebook loss.
    pub fn codebook_weight(mut self, weight: f64) -> Self {
        self.codebook = weight;
        self
    }

    /// How sums become losses.
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// How gradients pass the rounding.
    pub fn estimator(mut self, estimator: Estimator) -> Self {
        self.estimator = estimator;
        self
    }

    /// How the codes learn.
    pub fn training(mut self, training: Training) -> Self {
        self.training = training;
        self
    }

    /// Adds an entropy loss.
    pub fn entropy(mut self, loss: EntropyLoss) -> Self {
        self.entropy = Some(loss);
        self
    }

    /// Whether a valid row of zeros under cosine is an error instead of code 0.
    pub fn refuse_zero_rows(mut self, refuse: bool) -> Self {
        self.refuse_zero_rows = refuse;
        self
    }

    fn check(&self) -> Result<()> {
        for (name, value) in [("commitment", self.commitment), ("codebook_weight", self.codebook)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::InvalidParameter { name, value, expected: "a number of at least 0" });
            }
        }
        self.entropy.map_or(Ok(()), |e| e.check())
    }

    /// The nearest code of every row, without losses.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::ShapeMismatch`], [`Error::NonFinite`], [`Error::ZeroRow`] on request,
    /// [`Error::TooLarge`], [`Error::OutOfMemory`].
    pub fn assign<T: Real>(
        &self,
        z: ArrayView2<'_, T>,
        codes: ArrayView2<'_, T>,
        mask: Option<&[bool]>,
    ) -> Result<Assignment> {
        self.assign_on(&Cpu::new()?, z, codes, mask, &Context::default())
    }

    /// [`assign`](VectorQuantizer::assign) on any backend.
    ///
    /// # Errors
    /// As [`assign`](VectorQuantizer::assign); [`Error::Cancelled`].
    pub fn assign_on<B: Backend, T: Real>(
        &self,
        backend: &B,
        z: ArrayView2<'_, T>,
        codes: ArrayView2<'_, T>,
        mask: Option<&[bool]>,
        cx: &Context,
    ) -> Result<Assignment> {
        same_dim(&z, &codes)?;
        if self.refuse_zero_rows && self.metric == Metric::Cosine {
            refuse_zero_rows(&z, mask)?;
        }
        assign(backend, &z, &codes, self.metric, mask, cx)
    }

    /// Ids, codes, losses.
    ///
    /// # Errors
    /// As [`assign`](VectorQuantizer::assign); [`Error::InvalidParameter`] for a bad weight.
    pub fn forward<T: Real>(
        &self,
        z: ArrayView2<'_, T>,
        codes: ArrayView2<'_, T>,
        mask: Option<&[bool]>,
    ) -> Result<Quantized<T>> {
        self.forward_on(&Cpu::new()?, z, codes, mask, &Context::default())
    }

    /// [`forward`](VectorQuantizer::forward) on any backend.
    ///
    /// # Errors
    /// As [`forward`](VectorQuantizer::forward); [`Error::Cancelled`].
    pub fn forward_on<B: Backend, T: Real>(
        &self,
        backend: &B,
        z: ArrayView2<'_, T>,
        codes: ArrayView2<'_, T>,
        mask: Option<&[bool]>,
        cx: &Context,
    ) -> Result<Quantized<T>> {
        self.check()?;
        let Assignment { ids, distances, search } =
            self.assign_on(backend, z.view(), codes.view(), mask, cx)?;
        let latents = Latents { z: z.view(), valid: valid_rows(z.nrows(), mask)?, unit: self.unit() };
        let used = self.used(&codes)?;
        let (quantized, squares) = self.output(&latents, &used.view(), &ids, &distances, cx)?;
        let (mut value, mut saved) = (None, None);
        if let Some(loss) = &self.entropy {
            let (v, s) = entropy::forward(loss, &latents, &used.view(), cx)?;
            (value, saved) = (Some(v), Some(s));
        }
        let valid = latents.n();
        let scale = self.reduction.scale(valid, z.ncols());
        let codebook = if self.training == Training::Gradient { self.codebook } else { 0.0 };
        let losses = Losses::new(&squares, scale, self.commitment, codebook, value);
        Ok(Quantized { quantized, ids, distances, losses, valid, search, entropy: saved })
    }

    /// Whether latents are projected to unit length.
    fn unit(&self) -> bool {
        self.metric == Metric::Cosine
    }

    /// The codes that stand for rows: the stored ones, or their unit vectors.
    fn used<'a, T: Real>(&self, codes: &'a ArrayView2<'_, T>) -> Result<Used<'a, T>> {
        if !(self.unit() && self.training == Training::Gradient) {
            return Ok(Used::Stored(codes.view()));
        }
        let mut unit = copy(codes)?;
        let mut buffer = try_vec(codes.ncols(), T::default())?;
        for (i, mut out) in unit.rows_mut().into_iter().enumerate() {
            if let Some(out) = out.as_slice_mut() {
                unit_into(row_of(codes, i, &mut buffer), out);
            }
        }
        Ok(Used::Unit(unit))
    }

    /// The code of every id, as [`forward`](VectorQuantizer::forward) gives it; zeros for [`MASKED`].
    ///
    /// # Errors
    /// [`Error::LabelOutOfRange`], [`Error::OutOfMemory`].
    pub fn decode<T: Real>(&self, codes: ArrayView2<'_, T>, ids: &[u32]) -> Result<Array2<T>> {
        check_ids(ids, codes.nrows())?;
        let d = codes.ncols();
        let mut out = zeros(ids.len(), d)?;
        let mut buffer = try_vec(d, T::default())?;
        let unit = self.unit() && self.training == Training::Gradient;
        for (out, &id) in out.chunks_exact_mut(d.max(1)).zip(ids).filter(|(_, id)| **id != MASKED) {
            let code = row_of(&codes, id as usize, &mut buffer);
            if unit { unit_into(code, out) } else { out.copy_from_slice(code) }
        }
        matrix(out, ids.len(), d)
    }

    /// The quantized rows, and the exact sum of |t - q|².
    fn output<T: Real>(
        &self,
        latents: &Latents<'_, T>,
        used: &ArrayView2<'_, T>,
        ids: &Array1<u32>,
        distances: &Array1<f64>,
        cx: &Context,
    ) -> Result<(Array2<T>, F64Sum)> {
        let (n, d) = latents.z.dim();
        let mut out = zeros::<T>(n, d)?;
        struct Task<'t, T> {
            first: usize,
            out: &'t mut [T],
            squares: F64Sum,
        }
        let step = (64 * 1024 / d).max(1);
        let mut jobs = try_capacity(n.div_ceil(step))?;
        for (i, out) in out.chunks_mut(step * d).enumerate() {
            jobs.push(Job::new(Task { first: i * step, out, squares: F64Sum::new() }));
        }
        cx.in_waves(&mut jobs, (4 * step * d) as u64, |task| {
            let mut buffers = [try_vec(d, T::default())?, try_vec(d, T::default())?];
            let mut buffer = try_vec(d, T::default())?;
            for (r, out) in task.out.chunks_exact_mut(d).enumerate() {
                let i = task.first + r;
                if ids[i] == MASKED {
                    continue;
                }
                out.copy_from_slice(row_of(used, ids[i] as usize, &mut buffer));
                task.squares.add(match self.unit() {
                    false => distances[i],
                    true => T::distance(latents.of_row(i, &mut buffers), out),
                });
            }
            Ok(())
        })?;
        let mut squares = F64Sum::new();
        jobs.iter().for_each(|job| squares.merge(&job.work.squares));
        drop(jobs);
        Ok((matrix(out, n, d)?, squares))
    }

    /// Gradients with respect to latents and codes. `z`, `codes` and the parameters must be those of the
    /// forward step.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], [`Error::LabelOutOfRange`], [`Error::Mismatch`] when only one of the two steps
    /// had an entropy loss, [`Error::OutOfMemory`].
    pub fn backward<T: Real>(
        &self,
        z: ArrayView2<'_, T>,
        codes: ArrayView2<'_, T>,
        step: &Quantized<T>,
        upstream: Upstream<'_, T>,
    ) -> Result<Gradients<T>> {
        self.backward_on(z, codes, step, upstream, &Context::default())
    }

    /// [`backward`](VectorQuantizer::backward) in a context.
    ///
    /// # Errors
    /// As [`backward`](VectorQuantizer::backward); [`Error::Cancelled`].
    pub fn backward_on<T: Real>(
        &self,
        z: ArrayView2<'_, T>,
        codes: ArrayView2<'_, T>,
        step: &Quantized<T>,
        upstream: Upstream<'_, T>,
        cx: &Context,
    ) -> Result<Gradients<T>> {
        self.check()?;
        same_dim(&z, &codes)?;
        let n = z.nrows();
        if step.ids.len() != n {
            return Err(Error::ShapeMismatch { what: "ids", expected: n, found: step.ids.len() });
        }
        if let Some(g) = &upstream.quantized
            && g.dim() != z.dim()
        {
            return Err(Error::ShapeMismatch {
                what: "gradient of the output",
                expected: z.len(),
                found: g.len(),
            });
        }
        let ids = step.ids.as_slice().ok_or(Error::Mismatch { what: "order of the ids in memory" })?;
        check_ids(ids, codes.nrows())?;
        let masked = ids.contains(&MASKED);
        let mut valid = None;
        if masked {
            let mut rows = try_capacity(n)?;
            rows.extend((0..n as u32).filter(|&i| ids[i as usize] != MASKED));
            valid = Some(rows);
        }
        let latents = Latents { z, valid, unit: self.unit() };
        let used = self.used(&codes)?;
        let used = used.view();
        let entropy = match (&self.entropy, &step.entropy) {
            (Some(loss), Some(saved)) => Some(entropy::Backward::new(loss, &used, saved, upstream.loss)?),
            (None, None) => None,
            _ => return Err(Error::Mismatch { what: "presence of an entropy loss" }),
        };
        let scale = 2.0 * upstream.loss * self.reduction.scale(latents.n(), latents.z.ncols());
        let pull = Pull { vq: self, latents: &latents, used, ids, entropy: entropy.as_ref(), scale };
        let (latent_gradient, means, fallbacks) = pull.latents(upstream.quantized.as_ref(), cx)?;
        let codes = match self.training {
            Training::Ema => None,
            Training::Gradient => Some(pull.codes(&codes, &means, cx)?),
        };
        Ok(Gradients { latents: latent_gradient, codes, fallbacks })
    }
}

/// Codes as they stand for rows.
enum Used<'a, T> {
    Stored(ArrayView2<'a, T>),
    Unit(Array2<T>),
}

impl<T> Used<'_, T> {
    fn view(&self) -> ArrayView2<'_, T> {
        match self {
            Used::Stored(view) => view.view(),
            Used::Unit(array) => array.view(),
        }
    }
}

/// Latents as they meet codes.
pub(super) struct Latents<'a, T> {
    pub z: ArrayView2<'a, T>,
    /// Rows that count; `None` for all.
    pub valid: Option<Vec<u32>>,
    pub unit: bool,
}

impl<T: Real> Latents<'_, T> {
    /// Rows that count.
    pub fn n(&self) -> usize {
        self.valid.as_ref().map_or(self.z.nrows(), Vec::len)
    }

    /// The row of the i-th that counts.
    fn row(&self, i: usize) -> usize {
        self.valid.as_ref().map_or(i, |v| v[i] as usize)
    }

    /// The i-th row that counts, projected where the metric asks for it.
    pub fn target<'b>(&'b self, i: usize, buffers: &'b mut [Vec<T>; 2]) -> &'b [T] {
        self.of_row(self.row(i), buffers)
    }

    /// Row `row`, projected where the metric asks for it.
    fn of_row<'b>(&'b self, row: usize, buffers: &'b mut [Vec<T>; 2]) -> &'b [T] {
        let [first, second] = buffers;
        let z = row_of(&self.z, row, first);
        if !self.unit {
            return z;
        }
        unit_into(z, second);
        second
    }
}

/// One backward step.
struct Pull<'a, T> {
    vq: &'a VectorQuantizer,
    latents: &'a Latents<'a, T>,
    used: ArrayView2<'a, T>,
    ids: &'a [u32],
    entropy: Option<&'a entropy::Backward<'a>>,
    /// 2 upstream / count: of a squared distance.
    scale: f64,
}

/// Codes of one task of the gradient of the codes.
const CODES: usize = 128;

impl<T: Real> Pull<'_, T> {
    /// dL/dz; of each valid row what the entropy loss needs for the codes; rows passed straight through.
    fn latents(
        &self,
        upstream: Option<&ArrayView2<'_, T>>,
        cx: &Context,
    ) -> Result<(Array2<T>, Vec<f64>, u64)> {
        let (n, d) = self.latents.z.dim();
        let valid = self.latents.n();
        let mut gradient = zeros::<T>(n, d)?;
        let mut means = try_vec(if self.entropy.is_some() { valid } else { 0 }, 0.0)?;
        let tile = self.entropy.map_or(64, |e| e.scores.tile_rows());
        let step = tile * if self.entropy.is_some() { 1 } else { (16 * 1024 / d / tile).max(1) };
        struct Task<'t, T> {
            /// Valid rows of the task.
            first: usize,
            count: usize,
            /// The gradient of the rows from this one on.
            row: usize,
            out: &'t mut [T],
            means: &'t mut [f64],
            fallbacks: u64,
        }
        let mut jobs = try_capacity(valid.div_ceil(step))?;
        let (mut rest, mut row, mut other) = (&mut gradient[..], 0, &mut means[..]);
        for first in (0..valid).step_by(step) {
            let count = step.min(valid - first);
            let end = if first + count < valid { self.latents.row(first + count) } else { n };
            let (out, after) = rest.split_at_mut((end - row) * d);
            let (mine, later) = other.split_at_mut(if self.entropy.is_some() { count } else { 0 });
            jobs.push(Job::new(Task { first, count, row, out, means: mine, fallbacks: 0 }));
            (rest, other, row) = (after, later, end);
        }
        let cost = step as u64 * (16 * d as u64 + self.entropy.map_or(0, |e| e.cost()));
        cx.in_waves(&mut jobs, cost, |task| {
            let mut buffers = [try_vec(d, T::default())?, try_vec(d, T::default())?];
            let mut wide = try_vec(5 * d, 0.0)?;
            let mut sweep = match self.entropy {
                Some(_) => Some(entropy::Buffers::new(tile, self.used.nrows(), tile, d)?),
                None => None,
            };
            if let (Some(entropy), Some(buffers)) = (self.entropy, &mut sweep) {
                entropy.rows(self.latents, task.first..task.first + task.count, task.means, buffers);
            }
            for r in 0..task.count {
                let row = self.latents.row(task.first + r);
                let at = (row - task.row) * d;
                let extra = sweep.as_ref().map(|s| s.gradient.row(r));
                task.fallbacks += u64::from(!self.one_row(row, upstream, extra, &mut buffers, &mut wide));
                for (o, x) in task.out[at..at + d].iter_mut().zip(&wide[4 * d..]) {
                    *o = T::from_f64(*x);
                }
            }
            Ok(())
        })?;
        let fallbacks = jobs.iter().map(|job| job.work.fallbacks).sum();
        drop(jobs);
        Ok((matrix(gradient, n, d)?, means, fallbacks))
    }

    /// dL/dz of one row into the last of the five parts of `wide`. False where a rotation was undefined.
    fn one_row(
        &self,
        row: usize,
        upstream: Option<&ArrayView2<'_, T>>,
        extra: Option<ndarray::ArrayView1<'_, f64>>,
        buffers: &mut [Vec<T>; 2],
        wide: &mut [f64],
    ) -> bool {
        let d = buffers[0].len();
        let (t, rest) = wide.split_at_mut(d);
        let (q, rest) = rest.split_at_mut(d);
        let (g, rest) = rest.split_at_mut(d);
        let (sum, out) = rest.split_at_mut(d);
        widened_row(&self.used, self.ids[row] as usize, &mut buffers[0], q);
        for (t, x) in t.iter_mut().zip(self.latents.of_row(row, buffers)) {
            *t = x.to_f64();
        }
        let mut turned = true;
        match (upstream, self.vq.estimator) {
            (None, _) => sum.fill(0.0),
            (Some(view), Estimator::StraightThrough) => widened_row(view, row, &mut buffers[0], sum),
            (Some(view), Estimator::Rotation) => {
                widened_row(view, row, &mut buffers[0], g);
                turned = rotate_back_into(t, q, g, sum);
            }
        }
        let pull = self.vq.commitment * self.scale;
        for ((s, t), q) in sum.iter_mut().zip(&*t).zip(&*q) {
            *s += pull * (t - q);
        }
        if let Some(extra) = extra {
            sum.iter_mut().zip(extra).for_each(|(s, x)| *s += x);
        }
        if self.latents.unit {
            widened_row(&self.latents.z, row, &mut buffers[0], t);
            unit_back_into(t, sum, out);
        } else {
            out.copy_from_slice(sum);
        }
        turned
    }

    /// dL/de: rows of a code are added in their order, each code by one task.
    fn codes(&self, stored: &ArrayView2<'_, T>, means: &[f64], cx: &Context) -> Result<Array2<T>> {
        let (k, d) = stored.dim();
        let (offsets, rows) = by_code(self.ids, k)?;
        let mut gradient = zeros::<T>(k, d)?;
        let mut jobs = try_capacity(k.div_ceil(CODES))?;
        jobs.extend(gradient.chunks_mut(CODES * d).enumerate().map(|(i, out)| Job::new((i * CODES, out))));
        let pull = self.vq.codebook * self.scale;
        let n = self.latents.n() as u64;
        let tiles = k.div_ceil(CODES) as u64;
        let cost =
            4 * d as u64 * (CODES as u64 + n / tiles) + self.entropy.map_or(0, |e| e.cost() * n / tiles);
        cx.in_waves(&mut jobs, cost, |(first, out)| {
            let m = out.len() / d;
            let tile = if self.entropy.is_some() { 256 } else { 1 };
            let mut sums = entropy::Buffers::<T>::new(tile, if tile > 1 { m } else { 1 }, m, d)?;
            if let Some(entropy) = self.entropy {
                entropy.codes(self.latents, *first..*first + m, means, &mut sums)?;
            }
            let mut buffers = [try_vec(d, T::default())?, try_vec(d, T::default())?];
            let mut code = try_vec(d, T::default())?;
            let (mut q, mut back) = (try_vec(d, 0.0)?, try_vec(d, 0.0)?);
            for (c, out) in out.chunks_exact_mut(d).enumerate() {
                let j = *first + c;
                widened_row(&self.used, j, &mut code, &mut q);
                let mut sum = sums.gradient.row_mut(c);
                let Some(sum) = sum.as_slice_mut() else { continue };
                for &row in &rows[offsets[j]..offsets[j + 1]] {
                    let target = self.latents.of_row(row as usize, &mut buffers);
                    for ((s, q), t) in sum.iter_mut().zip(&q).zip(target) {
                        *s += pull * (q - t.to_f64());
                    }
                }
                let total = if self.latents.unit {
                    widened_row(stored, j, &mut code, &mut q);
                    unit_back_into(&q, sum, &mut back);
                    &back[..]
                } else {
                    &sum[..]
                };
                for (o, x) in out.iter_mut().zip(total) {
                    *o = T::from_f64(*x);
                }
            }
            Ok(())
        })?;
        drop(jobs);
        matrix(gradient, k, d)
    }
}

/// Rows of every code, in their order: code j has `rows[offsets[j]..offsets[j + 1]]`.
pub(super) fn by_code(ids: &[u32], k: usize) -> Result<(Vec<usize>, Vec<u32>)> {
    let mut offsets = try_vec(k + 1, 0usize)?;
    for &id in ids.iter().filter(|&&id| id != MASKED) {
        offsets[id as usize + 1] += 1;
    }
    for j in 0..k {
        offsets[j + 1] += offsets[j];
    }
    let mut next = try_capacity(k)?;
    next.extend_from_slice(&offsets[..k]);
    let mut rows = try_vec(offsets[k], 0u32)?;
    for (i, &id) in ids.iter().enumerate().filter(|(_, id)| **id != MASKED) {
        let at = &mut next[id as usize];
        rows[*at] = i as u32;
        *at += 1;
    }
    Ok((offsets, rows))
}
