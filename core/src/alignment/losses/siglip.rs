//! SigLIP: every pair a yes-or-no question.
//!
//! With targets t_ij in [0, 1] (1 for positive pairs) and l_ij = s x_i . y_j + b:
//! L_ij = t softplus(-l) + (1 - t) softplus(l), softplus(l) = max(l, 0) + ln(1 + exp(-|l|));
//! G_ij = sigma(l) - t, which for t = 1 is -sigma(-l), without cancellation. No normalizer couples
//! the pairs, so the value and the gradient of x come from one sweep.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::tiles::{Part, Problem, SoftTargets, Tile};
use super::{LossGradients, LossNumbers, LossReduction, Targets, checked_sides, owned};
use crate::check;
use crate::control::{Context, with_and_without_context};
use crate::error::Result;
use crate::params::{default_is_new, setters};
use crate::real::Real;

/// SigLIP: parameters.
///
/// L = sum_ij softplus(-z_ij l_ij), z = +1 for positive pairs, -1 for all others, with the logits
/// l_ij = s x_i . y_j + b; the mean divides by the rows of x. *Source*: Zhai et al. 2023, equation
/// 1 (they start with s = 10, b = -10). Soft targets are probabilities (binary cross entropy).
///
/// # Shapes
/// x: [B, d], y: [M, d], soft targets: [B, M]; gradients as their inputs.
/// # Units
/// Nats. Tier C, but the same for any number of threads: with e = (d + 8) 2^-53 s max|x||y| the
/// absolute error of a logit, each term is right to e + 8 2^-53 of itself; the terms of a tile (at
/// most 16,384) are added plainly, the tiles exactly.
/// # Ties, NaN
/// None occur; NaN and infinity, of the input or of an overflowing logit, are errors.
/// # Errors
/// `Empty`, `ShapeMismatch`, `NonFinite`, `InvalidParameter`, `TooLarge`, `OutOfMemory`,
/// `Cancelled`, `SimdLevel` (of `PAUCA_SIMD`).
/// # Cost
/// 2 B M d flops for the value, 8 B M d for the gradients; O(128 (d + 128)) words a thread.
/// # In blocks
/// No normalizer couples the pairs, so blocks of the logits (some rows of x against some rows of y,
/// with the matches of their own row numbers, of which there need not be any) are calls like any
/// other, and everything adds up: value, `log_scale` and `bias` over all blocks, dL/dx over the
/// blocks of the same rows of x, dL/dy over those of the same rows of y. Divide by the rows of the
/// whole with [`mean_over`](SigLip::mean_over): the plain mean divides by the rows of the block.
/// # Example
/// ```
/// use ndarray::array;
/// use pauca::alignment::{Matches, SigLip};
/// let x = array![[1.0f32, 0.0], [0.0, 1.0]];
/// let found = SigLip::new().gradients(x.view(), x.view(), 10.0, -10.0, Matches::Diagonal)?;
/// // Two positive pairs at logit 0, two negative ones at -10.
/// assert!((found.value - (0.5f64.ln() * -1.0 + (-10f64).exp().ln_1p())).abs() < 1e-15);
/// assert!(found.bias < 0.0, "a larger bias is better here");
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigLip {
    reduction: LossReduction,
    /// Divisor of the mean; the rows of x without one.
    rows: Option<u64>,
}

default_is_new!(SigLip);

impl SigLip {
    /// The loss as a mean over the rows of x.
    pub fn new() -> Self {
        Self { reduction: LossReduction::Mean, rows: None }
    }

    setters! {
        /// Sum, or mean over the rows of x.
        reduction: LossReduction;
        /// The mean over `rows` rows, at least 1: those of the whole x, for calls that see a block of it.
        mean_over(rows: u64) { reduction = LossReduction::Mean, rows = Some(rows) }
    }

    with_and_without_context! {
        /// The loss; see the type for shapes, errors and cost.
        ///
        /// # Errors
        /// The errors that [`SigLip`] lists.
        value, value_in['a, T: Real](
            &self, x: ArrayView2<'a, T>, y: ArrayView2<'a, T>, scale: f64, bias: f64,
            targets: impl Into<Targets<'a, T>>; cx
        ) -> f64 {
            let problem = problem(x, y, scale, bias, targets.into())?;
            let unit = self.unit(x.nrows())?;
            problem.value(cx, |tile| Ok(turn(tile, bias, unit)))
        }

        /// The loss and its gradients; see the type for shapes, errors and cost.
        ///
        /// # Errors
        /// The errors that [`SigLip`] lists.
        gradients, gradients_in['a, T: Real](
            &self, x: ArrayView2<'a, T>, y: ArrayView2<'a, T>, scale: f64, bias: f64,
            targets: impl Into<Targets<'a, T>>; cx
        ) -> LossGradients<T> {
            checked_sides(x, y, scale)?;
            let sizes = (x.nrows(), y.nrows(), x.ncols());
            owned(sizes, |into| self.gradients_into(x, y, scale, bias, targets, into, cx))
        }
    }

    /// [`gradients_in`](SigLip::gradients_in) with dL/dx and dL/dy written into arrays of the caller's, of the
    /// shapes of x and y.
    ///
    /// # Errors
    /// The errors that [`SigLip`] lists; `ShapeMismatch` for an array of another shape. After some of them the arrays hold anything.
    /// # Example
    /// ```
    /// use pauca::Context;
    /// use pauca::alignment::{Matches, SigLip};
    /// let x = ndarray::array![[1.0f64, 0.0], [0.0, 1.0]];
    /// let (mut dx, mut dy) = (x.clone(), x.clone());
    /// let (pairs, cx) = (Matches::Diagonal, Context::default());
    /// let into = (dx.view_mut(), dy.view_mut());
    /// let found = SigLip::new().gradients_into(x.view(), x.view(), 10.0, -10.0, pairs, into, &cx)?;
    /// assert!(found.bias < 0.0 && dx[[0, 0]] < 0.0 && dy[[1, 1]] < 0.0);
    /// # Ok::<(), pauca::Error>(())
    /// ```
    #[allow(clippy::too_many_arguments, reason = "two sides, two parameters that are learned, two gradients")]
    pub fn gradients_into<'a, T: Real>(
        &self,
        x: ArrayView2<'a, T>,
        y: ArrayView2<'a, T>,
        scale: f64,
        bias: f64,
        targets: impl Into<Targets<'a, T>>,
        into: (ArrayViewMut2<'_, T>, ArrayViewMut2<'_, T>),
        cx: &Context,
    ) -> Result<LossNumbers> {
        let problem = problem(x, y, scale, bias, targets.into())?;
        let unit = self.unit(x.nrows())?;
        problem.gradients(into, cx, |tile| Ok(turn(tile, bias, unit)))
    }

    /// What a term counts.
    fn unit(&self, rows: usize) -> Result<f64> {
        match (self.reduction, self.rows) {
            (LossReduction::Sum, _) => Ok(1.0),
            (LossReduction::Mean, given) => {
                let rows = given.unwrap_or(rows as u64);
                check::at_least_one("rows of the mean", rows)?;
                Ok(1.0 / rows as f64)
            }
        }
    }
}

fn problem<'a, T: Real>(
    x: ArrayView2<'a, T>,
    y: ArrayView2<'a, T>,
    scale: f64,
    bias: f64,
    targets: Targets<'a, T>,
) -> Result<Problem<'a, T>> {
    check::parameter("bias", bias, "finite", bias.is_finite())?;
    Problem::new(x, y, scale, targets, SoftTargets::Probabilities)
}

/// s x.y to dL/dl, and the tile's parts of the value and of the gradients of ln s and b.
fn turn(tile: &mut Tile, bias: f64, unit: f64) -> Part {
    let mut part = Part::default();
    tile.for_each(|_, _, logit, target| {
        let raw = *logit;
        let l = raw + bias;
        // exp(-|l|) serves softplus and sigma of both signs.
        let small = libm::exp(-l.abs());
        let (towards, away) = (1.0 / (1.0 + small), small / (1.0 + small));
        let (sigma, sigma_of_minus) = if l >= 0.0 { (towards, away) } else { (away, towards) };
        let log = libm::log1p(small);
        let (positive, negative) = ((-l).max(0.0) + log, l.max(0.0) + log);
        let (loss, g) = if target == 1.0 {
            (positive, -sigma_of_minus)
        } else if target == 0.0 {
            (negative, sigma)
        } else {
            (target * positive + (1.0 - target) * negative, sigma - target)
        };
        part.value += unit * loss;
        part.bias += unit * g;
        part.log_scale += unit * g * raw;
        *logit = unit * g;
    });
    part
}
