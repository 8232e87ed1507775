//! The step: forward, backward.

use alloc::vec::Vec;

use ndarray::{Array1, Array2, ArrayView2};

use super::assign::{Assignment, MASKED, assign, check_ids, refuse_zero_rows, valid_rows};
use super::backward::Pull;
use super::entropy::{self, EntropyLoss};
use super::estimator::Estimator;
use super::latents::{Latents, Used};
use super::loss::{Losses, Reduction};
use super::rows::{row_of, same_dim, unit_into};
use crate::arrays::{copy, matrix, zero_values};
use crate::backend::Backend;
use crate::backend::cpu::Cpu;
use crate::control::{Context, Job};
use crate::error::{Error, Result};
use crate::exact::{F64Sum, Metric, SearchStats};
use crate::memory::{try_capacity, try_vec};
use crate::real::Real;

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

impl<T> Quantized<T> {
    /// Takes the quantized rows out, for a composite that holds its own.
    pub(super) fn take_rows(&mut self) -> Result<Array2<T>> {
        let empty = matrix(0, self.quantized.ncols(), Vec::new())?;
        Ok(core::mem::replace(&mut self.quantized, empty))
    }
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

    /// A gradient of the output must have its shape.
    pub(super) fn check(&self, (n, d): (usize, usize)) -> Result<()> {
        match &self.quantized {
            Some(g) if g.dim() != (n, d) => {
                Err(Error::ShapeMismatch { what: "gradient of the output", expected: n * d, found: g.len() })
            }
            _ => Ok(()),
        }
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
        let mut out = zero_values(ids.len(), d)?;
        let mut buffer = try_vec(d, T::default())?;
        let unit = self.unit() && self.training == Training::Gradient;
        for (out, &id) in out.chunks_exact_mut(d.max(1)).zip(ids).filter(|(_, id)| **id != MASKED) {
            let code = row_of(&codes, id as usize, &mut buffer);
            if unit { unit_into(code, out) } else { out.copy_from_slice(code) }
        }
        matrix(ids.len(), d, out)
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
        let mut out = zero_values::<T>(n, d)?;
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
        Ok((matrix(n, d, out)?, squares))
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
        upstream.check(z.dim())?;
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
            (Some(loss), Some(saved)) => {
                Some(entropy::Backward::new(loss, &used, saved, latents.n(), upstream.loss)?)
            }
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
