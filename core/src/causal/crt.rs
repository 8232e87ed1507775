//! The causal regularizer: how far each latent lies from what its predecessors predict.

use alloc::vec::Vec;

use ndarray::{Array1, Array2, Array3, ArrayView2};

use super::batch::{Batch, Place};
use super::predictor::{Predicted, Predictor};
use crate::check;
use crate::control::Context;
use crate::error::Result;
use crate::exact::F64Sum;
use crate::memory::{try_capacity, try_collect, try_vec};
use crate::params::{choices, default_is_new, setters};
use crate::real::Real;
use crate::vq::Reduction;

/// How an error vector becomes a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Norm {
    /// The squared Euclidean norm |e|².
    #[default]
    Squared,
    /// The Euclidean norm |e|; its gradient at e = 0 is taken as 0.
    Plain,
}

choices!(Norm: Squared, Plain);

/// The role of a latent through which gradients flow back to z: as the target of its own prediction,
/// as an input of later predictions, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Flow {
    /// Both roles: the gradient of the loss as it is.
    #[default]
    Both,
    /// Inputs only: a stop-gradient on the targets.
    Inputs,
    /// Targets only: a stop-gradient on the predictions. Parameters keep their gradient.
    Targets,
}

choices!(Flow: Both, Inputs, Targets);

/// The causal regularizer: parameters.
///
/// loss = lambda R_{b, t >= 1} N(z_{b,t} - g(z_{b,0..t})), N by [`Norm`], R by [`Reduction`].
///
/// *Source*: Ramanujan et al. 2024 (When Worse is Better: navigating the compression-generation
/// trade-off in visual tokenization), causally regularized tokenization: an L2 next-token loss on
/// the latents before quantization, weight 4.0, gradient into the encoder. Norm, reduction, whether
/// targets pass gradients, whether the first latent is predicted, are not stated in what we could
/// read: named options, with our defaults (squared, mean over positions, both, no). The side of the
/// projection and normalization are options of the [`Batch`].
///
/// Shrinking z makes the loss small without making anything predictable. Hence R² beside every
/// loss ([`CrtValue::r2`]): it does not change when z is scaled.
///
/// # Tier
/// C. The value is the exact sum of the rows' errors, rounded: the same bits for any order of the
/// sequences.
/// # Example
/// ```
/// use pauca::causal::{Batch, Crt, Predictor, Window};
/// let predictor = Predictor::<f64>::new(Window::linear(1), 1, 1, 0)?; // predicts 0
/// let z = ndarray::array![[[9.0], [1.0], [3.0]]];
/// let found = Crt::new().gradients(&predictor, &Batch::new(z.view()), &Default::default())?;
/// assert_eq!(found.value.loss, 4.0 * (1.0 + 9.0) / 2.0);
/// assert_eq!(found.dz, ndarray::array![[[0.0], [4.0], [12.0]]]); // lambda 2 z / 2
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crt {
    pub(super) lambda: f64,
    pub(super) norm: Norm,
    pub(super) reduction: Reduction,
    pub(super) flow: Flow,
    pub(super) first: bool,
}

default_is_new!(Crt);

/// The value of the regularizer and what to read beside it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CrtValue {
    /// The loss with its weight; 0 when nothing was predicted.
    pub loss: f64,
    /// Mean squared error |e|² of a predicted position, whatever norm and reduction; 0 when nothing
    /// was predicted.
    pub mse: f64,
    /// 1 - (sum of |e|²) / (sum of |z - mean|²) over all predicted positions, the mean over them
    /// too: 1 is perfect, 0 no better than a constant. `None` when they do not vary.
    pub r2: Option<f64>,
    /// Mean of |z - mean|² over the predicted positions.
    pub variance: f64,
    /// Predicted positions.
    pub predicted: u64,
    /// Mean squared error of each step \[T\]; NaN where nothing was predicted.
    pub per_step: Array1<f64>,
    /// R² of each step \[T\], against the mean of that step over the sequences; NaN where undefined.
    pub r2_per_step: Array1<f64>,
}

/// Value and gradients of the regularizer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CrtGradients<T> {
    /// The value.
    pub value: CrtValue,
    /// The gradient with respect to z [B, T, D]; exactly 0 where no position exists.
    pub dz: Array3<T>,
    /// The gradient with respect to the predictor's parameters, in their order.
    pub dparams: Array1<T>,
    /// The gradients with respect to the weight [D, d] and bias \[d\] of the projection, where there is one.
    pub dprojection: Option<(Array2<T>, Array1<T>)>,
}

impl Crt {
    /// Lambda 4, squared norm, mean over positions, gradients through both roles, the first latent
    /// not predicted.
    pub fn new() -> Self {
        let (norm, flow) = Default::default();
        Self { lambda: 4.0, norm, reduction: Reduction::MeanRows, flow, first: false }
    }

    setters! {
        /// Weight of the loss, finite and at least 0.
        lambda: f64;
        /// How an error vector becomes a number.
        norm: Norm;
        /// What errors are averaged over: the predicted positions (of all sequences together), also their
        /// components, or nothing.
        reduction: Reduction;
        /// The role of a latent through which gradients flow back.
        flow: Flow;
        /// Whether the first latent of a sequence is predicted too (from nothing).
        predict_first(first: bool) { first = first }
    }

    /// The value alone.
    ///
    /// # Errors
    /// [`InvalidParameter`](crate::Error::InvalidParameter) for lambda,
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) for a predictor whose
    /// outputs are not as many as its inputs, those of [`Predictor::predict`].
    pub fn value<T: Real>(
        &self,
        predictor: &Predictor<T>,
        batch: &Batch<'_, T>,
        cx: &Context<'_>,
    ) -> Result<CrtValue> {
        self.check(predictor)?;
        let latents = predictor.latents(batch)?;
        let out = predictor.outputs_of(&latents, cx)?;
        let mut errors = try_capacity(out.nrows())?;
        let (x, places) = (latents.x.view(), &latents.places);
        errors.extend((0..out.nrows()).map(|i| squared(&x, &out.view(), i)));
        self.sum_up(&errors, &x, places, batch.steps())
    }

    /// Value and gradients.
    ///
    /// # Errors
    /// The errors of [`value`](Self::value).
    /// # Cost
    /// That of [`Predictor::backpropagate`].
    pub fn gradients<T: Real>(
        &self,
        predictor: &Predictor<T>,
        batch: &Batch<'_, T>,
        cx: &Context<'_>,
    ) -> Result<CrtGradients<T>> {
        self.check(predictor)?;
        let latents = predictor.latents(batch)?;
        let x = latents.x.view();
        let predicted = latents.places.iter().filter(|place| self.predicts(place)).count();
        let weight = self.lambda * self.reduction.scale(predicted, x.ncols());
        let found = predictor.backpropagate_latents(
            batch,
            &latents,
            |part| {
                self.slopes(part, weight);
                Ok(())
            },
            self.flow != Flow::Targets,
            cx,
        )?;
        let errors = found.values.as_slice().unwrap_or(&[]);
        let value = self.sum_up(errors, &x, &latents.places, batch.steps())?;
        Ok(CrtGradients { value, dz: found.dz, dparams: found.dparams, dprojection: found.dprojection })
    }

    fn check<T: Real>(&self, predictor: &Predictor<T>) -> Result<()> {
        check::not_negative("lambda", self.lambda)?;
        check::same_length("a prediction", predictor.inputs(), predictor.outputs())
    }

    fn predicts(&self, place: &Place) -> bool {
        self.first || place.step > 0
    }

    /// The squared errors of a tile, and how the loss with that weight changes.
    fn slopes<T: Real>(&self, part: Predicted<'_, T>, weight: f64) {
        let Predicted { out, latents, places, mut dout, mut dlatents, values } = part;
        for i in (0..places.len()).filter(|&i| self.predicts(&places[i])) {
            values[i] = squared(&latents, &out, i);
            let slope = match self.norm {
                Norm::Squared => 2.0 * weight,
                Norm::Plain if values[i] > 0.0 => weight / libm::sqrt(values[i]),
                Norm::Plain => 0.0,
            };
            for j in 0..out.ncols() {
                let d = T::from_f64(slope * (latents[[i, j]].to_f64() - out[[i, j]].to_f64()));
                if self.flow != Flow::Inputs {
                    dlatents[[i, j]] = d;
                }
                dout[[i, j]] = -d;
            }
        }
    }

    fn sum_up<T: Real>(
        &self,
        errors: &[f64],
        x: &ArrayView2<'_, T>,
        places: &[Place],
        steps: usize,
    ) -> Result<CrtValue> {
        let rows = || (0..places.len()).filter(|&i| self.predicts(&places[i]));
        let mut per_step = try_vec(steps, F64Sum::new())?;
        let (mut all, mut loss, mut counts) = (F64Sum::new(), F64Sum::new(), try_vec(steps, 0u64)?);
        for i in rows() {
            per_step[places[i].step].add(errors[i]);
            counts[places[i].step] += 1;
            all.add(errors[i]);
            if self.norm == Norm::Plain {
                loss.add(libm::sqrt(errors[i]));
            }
        }
        let predicted: u64 = counts.iter().sum();
        let sum = if self.norm == Norm::Plain { loss.value() } else { all.value() };
        let mean = |sum: f64, n: u64| if n > 0 { sum / n as f64 } else { f64::NAN };
        let r2 = |error: f64, spread: f64| (spread > 0.0).then(|| 1.0 - error / spread);
        let (pooled, stepwise) = spread(x, places, rows, steps)?;
        let step_error = |t: usize| per_step[t].value();
        let by_step = |f: &dyn Fn(usize) -> f64| -> Result<Array1<f64>> {
            try_collect((0..steps).map(f)).map(Array1::from_vec)
        };
        Ok(CrtValue {
            loss: self.lambda * self.reduction.scale(predicted as usize, x.ncols()) * sum,
            mse: if predicted > 0 { mean(all.value(), predicted) } else { 0.0 },
            r2: r2(all.value(), pooled),
            variance: if predicted > 0 { mean(pooled, predicted) } else { 0.0 },
            predicted,
            per_step: by_step(&|t| mean(step_error(t), counts[t]))?,
            r2_per_step: by_step(&|t| r2(step_error(t), stepwise[t]).unwrap_or(f64::NAN))?,
        })
    }
}

/// |z - prediction|² of row i.
fn squared<T: Real>(x: &ArrayView2<'_, T>, out: &ArrayView2<'_, T>, i: usize) -> f64 {
    let errors = x.row(i).into_iter().zip(out.row(i)).map(|(z, p)| z.to_f64() - p.to_f64());
    errors.map(|e| e * e).sum()
}

/// Sums of |z - mean|² over the given rows: around one mean, and around that of each step.
fn spread<T: Real, I: Iterator<Item = usize>>(
    x: &ArrayView2<'_, T>,
    places: &[Place],
    rows: impl Fn() -> I,
    steps: usize,
) -> Result<(f64, Vec<f64>)> {
    let dim = x.ncols();
    let (mut sums, mut counts) = (try_vec(steps * dim, 0.0)?, try_vec(steps, 0.0)?);
    for i in rows() {
        let t = places[i].step;
        counts[t] += 1.0;
        for j in 0..dim {
            sums[t * dim + j] += x[[i, j]].to_f64();
        }
    }
    let total: f64 = counts.iter().sum();
    let mut means = try_vec(dim, 0.0)?;
    for t in 0..steps {
        for j in 0..dim {
            means[j] += sums[t * dim + j] / f64::max(total, 1.0);
            sums[t * dim + j] /= f64::max(counts[t], 1.0);
        }
    }
    let (mut pooled, mut stepwise) = (0.0, try_vec(steps, 0.0)?);
    for i in rows() {
        let t = places[i].step;
        for j in 0..dim {
            let v = x[[i, j]].to_f64();
            let (a, b) = (v - means[j], v - sums[t * dim + j]);
            pooled += a * a;
            stepwise[t] += b * b;
        }
    }
    Ok((pooled, stepwise))
}
