//! Residual quantization: each codebook quantizes what the ones before it left over.

use alloc::vec::Vec;

use ndarray::{Array2, ArrayView2};

use super::estimator::{Estimator, turn};
use super::ids::MASKED;
use super::loss::Losses;
use super::params::VectorQuantizer;
use super::result::{Quantized, Upstream};
use super::rows::{row_of, same_shape};
use crate::arrays::{copy, zeros};
use crate::backend::Backend;
use crate::backend::cpu::Cpu;
use crate::check;
use crate::control::{Context, with_and_without_context};
use crate::error::*;
use crate::exact::Metric;
use crate::memory::{try_capacity, try_vec};
use crate::real::Real;

/// Residual vector quantization: r_1 = z, q_s = code of r_s, r_(s+1) = r_s - q_s, output q_1 + q_2 + ...
///
/// Losses are the sums over the stages, each against its own residual (codes held constant in later
/// residuals). The gradient of the output passes once, from the sum to z: passing it stage by stage
/// would count it once per stage.
///
/// *Source*: Zeghidour et al. 2021 (SoundStream), algorithm 1. Stages are Euclidean.
///
/// # Tier, cost
/// As [`VectorQuantizer`], times the number of stages; one copy of z.
/// # Example
/// ```
/// use pauca::vq::{ResidualQuantizer, VectorQuantizer};
/// let z = ndarray::array![[1.3f32], [-0.8]];
/// let (coarse, fine) = (ndarray::array![[-1.0f32], [1.0]], ndarray::array![[-0.25f32], [0.25]]);
/// let rvq = ResidualQuantizer::new(VectorQuantizer::new());
/// let step = rvq.forward(z.view(), &[coarse.view(), fine.view()], None)?;
/// assert_eq!(step.quantized, ndarray::array![[1.25], [-0.75]]);
/// assert_eq!(step.stages[1].ids.to_vec(), [1, 1]);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResidualQuantizer {
    stage: VectorQuantizer,
}

/// What a forward step of a residual quantizer found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ResidualQuantized<T> {
    /// `[n, d]`: the sum of the codes, in the order of the stages; zeros where masked.
    pub quantized: Array2<T>,
    /// The stages; their `quantized` is left empty (the codes of their ids say it).
    pub stages: Vec<Quantized<T>>,
    /// Sums over the stages; `entropy` is none (see the stages).
    pub losses: Losses,
}

/// Gradients of a composite quantizer. Tier C.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CompositeGradients<T> {
    /// `[n, d]`: with respect to z.
    pub latents: Array2<T>,
    /// The gradient with respect to each codebook; `None` for EMA codes.
    pub codes: Vec<Option<Array2<T>>>,
    /// Rows (of groups) for which the rotation was undefined.
    pub fallbacks: u64,
}

impl ResidualQuantizer {
    /// Every stage as `stage` says.
    pub fn new(stage: VectorQuantizer) -> Self {
        Self { stage }
    }

    fn check<T>(&self, codebooks: &[ArrayView2<'_, T>]) -> Result<()> {
        let why = "unit codes do not add up to the latent";
        check::conflict(self.stage.metric != Metric::Cosine, "residual quantization", "cosine", why)?;
        check::not_empty("codebooks", codebooks.len())
    }

    with_and_without_context! {
        /// Ids, sum of codes, losses.
        ///
        /// # Errors
        /// As [`VectorQuantizer::forward`]; [`Error::Empty`] without codebooks, [`Error::Conflict`] under cosine.
        forward, forward_on[T: Real] on backend(
            &self, z: ArrayView2<'_, T>, codebooks: &[ArrayView2<'_, T>], mask: Option<&[bool]>; cx
        ) -> ResidualQuantized<T> {
            self.check(codebooks)?;
            let (n, d) = z.dim();
            let mut residual = copy(&z)?;
            let (mut sum, mut taken) = (zeros::<T>(n, d)?, zeros::<T>(n, d)?);
            let mut stages = try_capacity(codebooks.len())?;
            let mut losses = Losses::default();
            for codes in codebooks {
                let (left, into) = (residual.view(), taken.view_mut());
                let step = self.stage.forward_into(backend, left, codes.view(), mask, into, cx)?;
                combine(&mut residual, &taken, |r, q| r - q);
                combine(&mut sum, &taken, |s, q| s + q);
                losses.add(&step.losses, 1.0);
                stages.push(step);
            }
            Ok(ResidualQuantized { quantized: sum, stages, losses })
        }
    }

    /// Calls `f(stage, r)` with the residual that each stage quantized: to collect the statistics of EMA codebooks.
    ///
    /// # Errors
    /// As [`VectorQuantizer::decode`], and the errors of `f`.
    pub fn for_each_residual<T: Real>(
        &self,
        z: ArrayView2<'_, T>,
        codebooks: &[ArrayView2<'_, T>],
        step: &ResidualQuantized<T>,
        mut f: impl FnMut(usize, ArrayView2<'_, T>) -> Result<()>,
    ) -> Result<()> {
        self.check(codebooks)?;
        check::same_length("stages", codebooks.len(), step.stages.len())?;
        let mut residual = copy(&z)?;
        for (s, (codes, stage)) in codebooks.iter().zip(&step.stages).enumerate() {
            f(s, residual.view())?;
            let ids = stage.ids.as_slice().unwrap_or(&[]);
            check::same_length("ids", z.nrows(), ids.len())?;
            check::same_length("columns of the codes", z.ncols(), codes.ncols())?;
            combine(&mut residual, &self.stage.decode(codes.view(), ids)?, |r, q| r - q);
        }
        Ok(())
    }

    /// The sum of the codes of the ids of each stage, to the bits of [`forward`](ResidualQuantizer::forward);
    /// fewer stages than codebooks give a coarser answer.
    ///
    /// # Errors
    /// As [`VectorQuantizer::decode`]; [`Error::ShapeMismatch`] when stages differ in length, [`Error::TooLarge`] for
    /// more stages than codebooks.
    pub fn decode<T: Real>(&self, codebooks: &[ArrayView2<'_, T>], ids: &[&[u32]]) -> Result<Array2<T>> {
        self.check(codebooks)?;
        check::at_most("stages of ids", ids.len(), codebooks.len())?;
        let (n, d) = (ids.first().map_or(0, |i| i.len()), codebooks.first().map_or(0, |c| c.ncols()));
        let mut sum = zeros::<T>(n, d)?;
        for (codes, ids) in codebooks.iter().zip(ids) {
            check::same_length("ids of a stage", n, ids.len())?;
            check::same_length("columns of the codes", d, codes.ncols())?;
            combine(&mut sum, &self.stage.decode(codes.view(), ids)?, |s, q| s + q);
        }
        Ok(sum)
    }

    /// Gradients of the losses of all stages and of the output.
    ///
    /// # Errors
    /// As [`VectorQuantizer::backward`].
    pub fn backward_in<T: Real>(
        &self,
        z: ArrayView2<'_, T>,
        codebooks: &[ArrayView2<'_, T>],
        step: &ResidualQuantized<T>,
        upstream: Upstream<'_, T>,
        cx: &Context,
    ) -> Result<CompositeGradients<T>> {
        let (n, d) = z.dim();
        let (mut latents, mut own) = (zeros::<T>(n, d)?, zeros::<T>(n, d)?);
        let mut codes = try_capacity(codebooks.len())?;
        self.for_each_residual(z.view(), codebooks, step, |s, residual| {
            let loss = Upstream { quantized: None, loss: upstream.loss };
            let mut moves = self.stage.moves(&codebooks[s])?;
            let into = (own.view_mut(), moves.as_mut().map(|moves| moves.view_mut()));
            self.stage.backward_into(residual, codebooks[s].view(), &step.stages[s], loss, into, cx)?;
            combine(&mut latents, &own, |sum, g| sum + g);
            codes.push(moves);
            Ok(())
        })?;
        let mut fallbacks = 0;
        if let Some(g) = upstream.quantized {
            upstream.check((n, d))?;
            same_shape("output of the step", &z, &step.quantized.view())?;
            let mut buffer = try_vec(d, T::default())?;
            let mut wide = [try_vec(d, 0.0)?, try_vec(d, 0.0)?, try_vec(d, 0.0)?, try_vec(d, 0.0)?];
            let widen = |view: &ArrayView2<'_, T>, i, buffer: &mut [T], out: &mut [f64]| {
                out.iter_mut().zip(row_of(view, i, buffer)).for_each(|(o, x)| *o = x.to_f64());
            };
            for i in (0..n).filter(|&i| step.stages[0].ids[i] != MASKED) {
                let [zw, qw, gw, out] = &mut wide;
                widen(&g, i, &mut buffer, gw);
                match self.stage.estimator {
                    Estimator::StraightThrough => out.copy_from_slice(gw),
                    Estimator::Rotation => {
                        widen(&z, i, &mut buffer, zw);
                        widen(&step.quantized.view(), i, &mut buffer, qw);
                        fallbacks += u64::from(!turn::<T>(zw, qw, gw, out, true));
                    }
                }
                for (sum, g) in latents.row_mut(i).iter_mut().zip(&*out) {
                    *sum = T::from_f64(sum.to_f64() + g);
                }
            }
        }
        Ok(CompositeGradients { latents, codes, fallbacks })
    }
}

/// Replaces every a by f(a, b), computed in `f64` and rounded once.
fn combine<T: Real>(all: &mut Array2<T>, with: &Array2<T>, f: impl Fn(f64, f64) -> f64) {
    for (a, b) in all.iter_mut().zip(with) {
        *a = T::from_f64(f(a.to_f64(), b.to_f64()));
    }
}
