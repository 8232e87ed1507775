//! The weight of the regularizer over the steps of training.

use crate::check;
use crate::error::Result;
use crate::params::{choices, default_is_new, setters};

/// How the weight rises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shape {
    /// The weight grows in proportion to the step.
    #[default]
    Linear,
    /// The weight grows as sin²: slowly, fast, slowly.
    Cosine,
}

choices!(Shape: Linear, Cosine);

/// Lambda at a step: 0 at step 0, rising for `warm` steps, then constant.
///
/// *Source*: Ramanujan et al. 2024 raise lambda from 0 to 4 over 1,000 steps; the shape is not
/// stated in what we could read. Linear: max s / warm; cosine: max sin²(pi s / (2 warm)).
///
/// # Example
/// ```
/// use pauca::causal::Schedule;
/// let schedule = Schedule::new();
/// assert_eq!([0, 500, 1000, 9999].map(|s| schedule.at(s).unwrap()), [0.0, 2.0, 4.0, 4.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    pub(super) max: f64,
    pub(super) warm: u64,
    pub(super) shape: Shape,
}

default_is_new!(Schedule);

impl Schedule {
    /// The weight rises to 4 in 1,000 steps, linearly.
    pub fn new() -> Self {
        Self { max: 4.0, warm: 1000, shape: Shape::Linear }
    }

    setters! {
        /// The weight in the end, finite and at least 0.
        max: f64;
        /// Steps until the weight is reached; with 0 it is reached at the first step.
        warm: u64;
        /// How the weight rises.
        shape: Shape;
    }

    /// Lambda at `step`, counted from 0. Never falls from one step to the next. Tier A (linear), B
    /// (cosine: within 4 ulp).
    ///
    /// # Errors
    /// [`InvalidParameter`](crate::Error::InvalidParameter) for a maximum that is negative or not finite.
    pub fn at(&self, step: u64) -> Result<f64> {
        check::not_negative("the largest lambda", self.max)?;
        if step >= self.warm {
            return Ok(self.max);
        }
        let share = step as f64 / self.warm as f64;
        Ok(match self.shape {
            Shape::Linear => self.max * share,
            Shape::Cosine => {
                let sine = libm::sin(core::f64::consts::FRAC_PI_2 * share);
                self.max * (sine * sine)
            }
        })
    }
}
