//! The regularizer as a training loop holds it: predictor, schedule and optimizer together.

use super::adamw::AdamW;
use super::batch::Batch;
use super::crt::{Crt, CrtGradients};
use super::predictor::Predictor;
use super::schedule::Schedule;
use crate::control::Context;
use crate::error::Result;
use crate::real::Real;

/// A predictor that learns while its error is charged to the encoder.
///
/// A step computes the regularizer at the current lambda, hands out the gradient of the latents,
/// and moves the predictor by an AdamW of its own. The predictor learns from the loss without
/// lambda, so that it is ready when lambda rises from 0, and a run with lambda 0 throughout has a
/// predictor that measures (R²) without touching the encoder: `dz` is then exactly 0.
///
/// # Example
/// ```
/// use pauca::causal::{AdamW, Batch, Crt, Predictor, Schedule, Trainer, Window};
/// // Each latent is half of the one before: AR(1) learns it.
/// let z = ndarray::Array3::from_shape_fn((4, 6, 1), |(b, t, _)| (b + 1) as f64 / f64::powi(2.0, t as i32));
/// let predictor = Predictor::new(Window::linear(1), 1, 1, 0)?;
/// let mut trainer = Trainer::new(predictor, Crt::new(), Schedule::new().warm(10));
/// trainer.set_optimizer(AdamW::new(2).rate(0.02).decay(0.0));
/// for _ in 0..400 {
///     trainer.step(&Batch::new(z.view()), &Default::default())?;
/// }
/// let last = trainer.step(&Batch::new(z.view()), &Default::default())?;
/// assert!(last.value.r2.unwrap() > 0.999);
/// // Saved and read again, a training goes on to the same bits.
/// let mut again = Trainer::from_bytes(&trainer.to_bytes()?)?;
/// let next = trainer.step(&Batch::new(z.view()), &Default::default())?;
/// assert_eq!(again.step(&Batch::new(z.view()), &Default::default())?.dz, next.dz);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Trainer<T> {
    pub(super) predictor: Predictor<T>,
    pub(super) crt: Crt,
    pub(super) schedule: Schedule,
    pub(super) optimizer: AdamW<T>,
    pub(super) step: u64,
}

impl<T: Real> Trainer<T> {
    /// A trainer with the default AdamW; the lambda of `crt` is replaced by that of `schedule`.
    pub fn new(predictor: Predictor<T>, crt: Crt, schedule: Schedule) -> Self {
        let optimizer = AdamW::new(predictor.params().len());
        Self { predictor, crt, schedule, optimizer, step: 0 }
    }

    /// Replaces the optimizer; the new one must have as many parameters as the predictor.
    pub fn set_optimizer(&mut self, optimizer: AdamW<T>) {
        self.optimizer = optimizer;
    }

    /// The optimizer, for a schedule of its rate.
    pub fn optimizer_mut(&mut self) -> &mut AdamW<T> {
        &mut self.optimizer
    }

    /// The predictor.
    pub fn predictor(&self) -> &Predictor<T> {
        &self.predictor
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// One step: value and gradients (at the lambda of this step, before the predictor moves).
    /// On error nothing has changed.
    ///
    /// # Errors
    /// The errors of [`Crt::gradients`], [`Schedule::at`] and [`AdamW::step`].
    pub fn step(&mut self, batch: &Batch<'_, T>, cx: &Context<'_>) -> Result<CrtGradients<T>> {
        let lambda = self.schedule.at(self.step)?;
        let mut found = self.crt.lambda(1.0).gradients(&self.predictor, batch, cx)?;
        let unweighted = found.dparams.as_slice().unwrap_or(&[]);
        self.optimizer.step(self.predictor.params_mut(), unweighted)?;
        self.step += 1;
        let weight = T::from_f64(lambda);
        found.value.loss *= lambda;
        found.dz.iter_mut().for_each(|v| *v *= weight);
        found.dparams.iter_mut().for_each(|v| *v *= weight);
        if let Some((dw, db)) = &mut found.dprojection {
            dw.iter_mut().chain(db).for_each(|v| *v *= weight);
        }
        Ok(found)
    }
}
