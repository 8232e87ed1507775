//! The step: forward, backward.

use alloc::vec::Vec;

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, Axis};

use super::assign::{Assignment, assign, refuse_zero_rows};
use super::backward::Pull;
use super::entropy;
use super::ids::{MASKED, check_ids, valid_rows};
use super::latents::{Latents, Used};
use super::loss::Losses;
use super::params::{Training, VectorQuantizer};
use super::result::{Quantized, QuantizerGradients, Upstream};
use super::rows::{row_of, same_dim, same_shape, unit_into};
use crate::arrays::{copy, matrix, zero_values, zeros};
use crate::backend::cpu::Cpu;
use crate::backend::{Backend, SearchStats};
use crate::check;
use crate::control::{Context, Job, with_and_without_context};
use crate::error::{Error, Result};
use crate::exact::{F64Sum, Metric};
use crate::memory::{try_capacity, try_up_to, try_vec};
use crate::real::Real;

impl VectorQuantizer {
    with_and_without_context! {
        /// The nearest code of every row, without losses.
        ///
        /// # Errors
        /// [`Error::Empty`], [`Error::ShapeMismatch`], [`Error::NonFinite`], [`Error::ZeroRow`] on request,
        /// [`Error::TooLarge`], [`Error::OutOfMemory`].
        assign, assign_on[T: Real] on backend(
            &self, z: ArrayView2<'_, T>, codes: ArrayView2<'_, T>, mask: Option<&[bool]>; cx
        ) -> Assignment {
            let (mut ids, mut distances) = (try_vec(z.nrows(), MASKED)?, try_vec(z.nrows(), f64::NAN)?);
            let search = self.assign_into(backend, z, codes, mask, (&mut ids, &mut distances), cx)?;
            Ok(Assignment { ids: Array1::from_vec(ids), distances: Array1::from_vec(distances), search })
        }
    }

    /// [`assign_on`](VectorQuantizer::assign_on) into ids and distances `[n]` of the caller's: what
    /// [`Assignment`] holds.
    ///
    /// # Errors
    /// As [`assign_on`](VectorQuantizer::assign_on), after some of which the buffers hold anything.
    pub fn assign_into<B: Backend, T: Real>(
        &self,
        backend: &B,
        z: ArrayView2<'_, T>,
        codes: ArrayView2<'_, T>,
        mask: Option<&[bool]>,
        (ids, distances): (&mut [u32], &mut [f64]),
        cx: &Context,
    ) -> Result<SearchStats> {
        same_dim(&z, &codes)?;
        if self.refuse_zero_rows && self.metric == Metric::Cosine {
            refuse_zero_rows(&z, mask)?;
        }
        assign(backend, (&z, &codes, self.metric), mask, ids, distances, cx)
    }

    with_and_without_context! {
        /// Ids, codes, losses.
        ///
        /// # Errors
        /// As [`assign`](VectorQuantizer::assign); [`Error::InvalidParameter`] for a bad weight.
        forward, forward_on[T: Real] on backend(
            &self, z: ArrayView2<'_, T>, codes: ArrayView2<'_, T>, mask: Option<&[bool]>; cx
        ) -> Quantized<T> {
            let mut quantized = zeros(z.nrows(), z.ncols())?;
            let found = self.forward_into(backend, z, codes, mask, quantized.view_mut(), cx)?;
            Ok(Quantized { quantized, ..found })
        }
    }

    /// [`forward_on`](VectorQuantizer::forward_on) with the quantized rows, `[n, d]`, written into `quantized`; the
    /// array of that name in the result is left empty, which [`backward`](VectorQuantizer::backward) does not mind.
    ///
    /// # Errors
    /// As [`forward_on`](VectorQuantizer::forward_on), after some of which `quantized` holds anything;
    /// [`Error::ShapeMismatch`] for a buffer of another shape.
    /// # Example
    /// ```
    /// use pauca::vq::{Upstream, VectorQuantizer};
    /// use pauca::{Context, Cpu};
    /// let (z, codes) = (ndarray::array![[0.9f32], [0.2]], ndarray::array![[1.0f32], [0.0]]);
    /// let (mut quantized, mut latents, mut moves) = (z.clone(), z.clone(), codes.clone());
    /// let (vq, cx) = (VectorQuantizer::new(), Context::default());
    /// let step = vq.forward_into(&Cpu::new()?, z.view(), codes.view(), None, quantized.view_mut(), &cx)?;
    /// assert_eq!(quantized, ndarray::array![[1.0], [0.0]]);
    /// let into = (latents.view_mut(), Some(moves.view_mut()));
    /// vq.backward_into(z.view(), codes.view(), &step, Upstream::default(), into, &cx)?;
    /// assert!(latents[[0, 0]] < 0.0 && moves[[0, 0]] > 0.0);
    /// # Ok::<(), pauca::Error>(())
    /// ```
    pub fn forward_into<B: Backend, T: Real>(
        &self,
        backend: &B,
        z: ArrayView2<'_, T>,
        codes: ArrayView2<'_, T>,
        mask: Option<&[bool]>,
        quantized: ArrayViewMut2<'_, T>,
        cx: &Context,
    ) -> Result<Quantized<T>> {
        self.check()?;
        same_shape("rows of the buffer", &z, &quantized.view())?;
        let Assignment { ids, distances, search } =
            self.assign_on(backend, z.view(), codes.view(), mask, cx)?;
        let latents = Latents { z: z.view(), valid: valid_rows(z.nrows(), mask)?, unit: self.unit() };
        let used = self.used(&codes)?;
        let squares = self.output(&latents, &used.view(), &ids, &distances, quantized, cx)?;
        let (mut value, mut saved) = (None, None);
        if let Some(loss) = &self.entropy {
            let (v, s) = entropy::forward(loss, &latents, &used.view(), cx)?;
            (value, saved) = (Some(v), Some(s));
        }
        let valid = latents.n();
        let scale = self.reduction.scale(valid, z.ncols());
        let codebook = if self.training == Training::Gradient { self.codebook } else { 0.0 };
        let losses = Losses::new(&squares, scale, self.commitment, codebook, value);
        let quantized = matrix(0, z.ncols(), Vec::new())?;
        Ok(Quantized { quantized, ids, distances, losses, valid, search, entropy: saved })
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

    /// Writes the quantized rows; the exact sum of |t - q|².
    fn output<T: Real>(
        &self,
        latents: &Latents<'_, T>,
        used: &ArrayView2<'_, T>,
        ids: &Array1<u32>,
        distances: &Array1<f64>,
        mut out: ArrayViewMut2<'_, T>,
        cx: &Context,
    ) -> Result<F64Sum> {
        let (n, d) = latents.z.dim();
        struct Task<'t, T> {
            first: usize,
            out: ArrayViewMut2<'t, T>,
            squares: F64Sum,
        }
        let step = (64 * 1024 / d).max(1);
        let mut jobs = try_capacity(n.div_ceil(step))?;
        for (i, out) in out.axis_chunks_iter_mut(Axis(0), step).enumerate() {
            jobs.push(Job::new(Task { first: i * step, out, squares: F64Sum::new() }));
        }
        cx.in_waves(&mut jobs, (4 * step * d) as u64, |task| {
            let mut buffers = [try_vec(d, T::default())?, try_vec(d, T::default())?];
            let mut buffer = try_vec(d, T::default())?;
            for (r, mut out) in task.out.rows_mut().into_iter().enumerate() {
                let i = task.first + r;
                if ids[i] == MASKED {
                    out.fill(T::default());
                    continue;
                }
                let code = row_of(used, ids[i] as usize, &mut buffer);
                out.iter_mut().zip(code).for_each(|(o, x)| *o = *x);
                task.squares.add(match self.unit() {
                    false => distances[i],
                    true => T::distance(latents.of_row(i, &mut buffers), code),
                });
            }
            Ok(())
        })?;
        let mut squares = F64Sum::new();
        jobs.iter().for_each(|job| squares.merge(&job.work.squares));
        Ok(squares)
    }

    with_and_without_context! {
        /// Gradients with respect to latents and codes. `z`, `codes` and the parameters must be those of the
        /// forward step.
        ///
        /// # Errors
        /// [`Error::ShapeMismatch`], [`Error::LabelOutOfRange`], [`Error::Mismatch`] when only one of the two steps
        /// had an entropy loss, [`Error::OutOfMemory`].
        backward, backward_in[T: Real](
            &self, z: ArrayView2<'_, T>, codes: ArrayView2<'_, T>, step: &Quantized<T>,
            upstream: Upstream<'_, T>; cx
        ) -> QuantizerGradients<T> {
            let mut latents = zeros(z.nrows(), z.ncols())?;
            let mut moves = self.moves(&codes)?;
            let into = (latents.view_mut(), moves.as_mut().map(|moves| moves.view_mut()));
            let fallbacks = self.backward_into(z, codes, step, upstream, into, cx)?;
            Ok(QuantizerGradients { latents, codes: moves, fallbacks })
        }
    }

    /// Room for the gradient of the codes, where they have one.
    pub(super) fn moves<T: Real>(&self, codes: &ArrayView2<'_, T>) -> Result<Option<Array2<T>>> {
        match self.training {
            Training::Ema => Ok(None),
            Training::Gradient => zeros(codes.nrows(), codes.ncols()).map(Some),
        }
    }

    /// [`backward_in`](VectorQuantizer::backward_in) with dL/dz, `[n, d]`, and dL/de, `[k, d]`, written into
    /// buffers of the caller's; without the second dL/de is not computed. Returns the fallbacks
    /// of [`QuantizerGradients`].
    ///
    /// # Errors
    /// As [`backward_in`](VectorQuantizer::backward_in), after some of which the buffers hold anything;
    /// [`Error::ShapeMismatch`] for a buffer of another shape, [`Error::Conflict`] for a gradient of EMA codes.
    pub fn backward_into<T: Real>(
        &self,
        z: ArrayView2<'_, T>,
        codes: ArrayView2<'_, T>,
        step: &Quantized<T>,
        upstream: Upstream<'_, T>,
        (into_latents, into_codes): (ArrayViewMut2<'_, T>, Option<ArrayViewMut2<'_, T>>),
        cx: &Context,
    ) -> Result<u64> {
        self.check()?;
        same_dim(&z, &codes)?;
        same_shape("gradient of the latents", &z, &into_latents.view())?;
        if let Some(into) = &into_codes {
            same_shape("gradient of the codes", &codes, &into.view())?;
            let (apart, why) = (self.training != Training::Ema, "they follow the means of their rows");
            check::conflict(apart, "EMA codes", "a gradient of the codes", why)?;
        }
        let n = z.nrows();
        check::same_length("ids", n, step.ids.len())?;
        upstream.check(z.dim())?;
        let ids = step.ids.as_slice().ok_or(Error::Mismatch { what: "order of the ids in memory" })?;
        check_ids(ids, codes.nrows())?;
        let valid = match ids.contains(&MASKED) {
            true => Some(try_up_to(n, (0..n as u32).filter(|&i| ids[i as usize] != MASKED))?),
            false => None,
        };
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
        let (means, fallbacks) = pull.latents(upstream.quantized.as_ref(), into_latents, cx)?;
        if let Some(into) = into_codes {
            pull.codes(&codes, &means, into, cx)?;
        }
        Ok(fallbacks)
    }
}
