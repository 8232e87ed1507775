//! AdamW: Adam with weight decay kept apart from the gradient.

use alloc::vec::Vec;

use crate::check;
use crate::error::Result;
use crate::memory::try_vec;
use crate::params::setters;
use crate::real::Real;

/// AdamW over a flat vector of parameters.
///
/// At step t, from 1: m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g²;
/// p = p - rate decay p - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon).
///
/// *Source*: Loshchilov and Hutter 2019 (Decoupled weight decay regularization), algorithm 2 with
/// the rate in front of the decay, as frameworks have it. Defaults: rate 1e-3, betas 0.9 and 0.999,
/// epsilon 1e-8, decay 0.01. The CRT paper gives its predictor an AdamW of its own and no numbers.
///
/// # Tier
/// A: every parameter by itself, every operation rounded in the order above (rate times decay first; b^t by one
/// multiplication a step, in `f64`; constants rounded to the type of the parameters), the root correctly.
/// # Example
/// ```
/// use pauca::causal::AdamW;
/// let mut p = [1.0f64];
/// let mut adam = AdamW::new(1).rate(0.1).decay(0.0);
/// adam.step(&mut p, &[2.0])?; // the first step has the size of the rate
/// assert!((p[0] - 0.9).abs() < 1e-9);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AdamW<T> {
    pub(super) rate: f64,
    pub(super) betas: [f64; 2],
    pub(super) epsilon: f64,
    pub(super) decay: f64,
    pub(super) len: usize,
    /// Betas to the power of the steps taken.
    pub(super) powers: [f64; 2],
    pub(super) steps: u64,
    pub(super) mean: Vec<T>,
    pub(super) square: Vec<T>,
}

impl<T: Real> AdamW<T> {
    /// An optimizer of `len` parameters that has taken no step.
    pub fn new(len: usize) -> Self {
        let (mean, square) = (Vec::new(), Vec::new());
        let (betas, powers) = ([0.9, 0.999], [1.0; 2]);
        Self { rate: 1e-3, betas, epsilon: 1e-8, decay: 0.01, len, powers, steps: 0, mean, square }
    }

    setters! {
        /// Learning rate, finite and at least 0; may change between steps.
        rate: f64;
        /// Shares kept of the two moments, in [0, 1).
        betas(first: f64, second: f64) { betas = [first, second] }
        /// The positive number that the root is kept above.
        epsilon: f64;
        /// Weight decay, finite and at least 0; every parameter decays.
        decay: f64;
    }

    /// Changes the learning rate between steps, for a schedule.
    pub fn set_rate(&mut self, rate: f64) {
        self.rate = rate;
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Whether a step may be taken with these settings.
    pub(super) fn check(&self) -> Result<()> {
        check::not_negative("rate", self.rate)?;
        check::not_negative("decay", self.decay)?;
        for beta in self.betas {
            check::parameter("beta", beta, "within [0, 1)", (0.0..1.0).contains(&beta))?;
        }
        check::positive("epsilon", self.epsilon)
    }

    /// Moves `params` one step against `gradient`. On error nothing has changed.
    ///
    /// # Errors
    /// [`InvalidParameter`](crate::Error::InvalidParameter),
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch), [`NonFinite`](crate::Error::NonFinite) for a gradient
    /// that is not finite, [`OutOfMemory`](crate::Error::OutOfMemory) at the first step.
    pub fn step(&mut self, params: &mut [T], gradient: &[T]) -> Result<()> {
        self.check()?;
        check::same_length("params", self.len, params.len())?;
        check::same_length("gradient", self.len, gradient.len())?;
        check::finite_row("gradient", 0, gradient.iter().map(|g| g.to_f64()))?;
        if self.mean.len() != self.len {
            let square = try_vec(self.len, T::zero())?;
            self.mean = try_vec(self.len, T::zero())?;
            self.square = square;
        }
        self.steps += 1;
        let number = T::from_f64;
        let [b1, b2] = self.betas;
        self.powers = [self.powers[0] * b1, self.powers[1] * b2];
        let (first, second) = (number(1.0 - self.powers[0]), number(1.0 - self.powers[1]));
        let (b1, c1, b2, c2) = (number(b1), number(1.0 - b1), number(b2), number(1.0 - b2));
        let (rate, decay, epsilon) =
            (number(self.rate), number(self.rate * self.decay), number(self.epsilon));
        let moments = self.mean.iter_mut().zip(self.square.iter_mut());
        for ((p, &g), (m, v)) in params.iter_mut().zip(gradient).zip(moments) {
            *m = b1 * *m + c1 * g;
            *v = b2 * *v + c2 * (g * g);
            *p = *p - decay * *p - rate * (*m / first) / ((*v / second).sqrt() + epsilon);
        }
        Ok(())
    }
}
