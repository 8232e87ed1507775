//! SigLIP: every pair a yes-or-no question.
//!
//! With targets t_ij in [0, 1] (1 for positive pairs) and l_ij = s x_i . y_j + b:
//! L_ij = t softplus(-l) + (1 - t) softplus(l), softplus(l) = max(l, 0) + ln(1 + exp(-|l|));
//! G_ij = sigma(l) - t, which for t = 1 is -sigma(-l), without cancellation. No normaliser couples
//! the pairs, so the value and the gradient of x come from one sweep.

use ndarray::ArrayView2;

use super::tiles::{Part, Problem, SoftTargets, Tile};
use super::{Gradients, Reduction, Targets};
use crate::control::Context;
use crate::error::{Error, Result};
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
/// `Cancelled`.
/// # Cost
/// 2 B M d flops for the value, 8 B M d for the gradients; O(128 (d + 128)) words a thread. The
/// matrix products' own buffer (at most some MiB, of fixed size) is not asked for fallibly.
/// # In blocks
/// No normaliser couples the pairs, so blocks of the logits (some rows of x against some rows of y,
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
    reduction: Reduction,
    /// Divisor of the mean; the rows of x without one.
    rows: Option<u64>,
}

impl Default for SigLip {
    fn default() -> Self {
        Self { reduction: Reduction::Mean, rows: None }
    }
}

impl SigLip {
    /// The loss as a mean over the rows of x.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sum, or mean over the rows of x.
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The mean over `rows` rows, at least 1: those of the whole x, for calls that see a block of it.
    pub fn mean_over(mut self, rows: u64) -> Self {
        (self.reduction, self.rows) = (Reduction::Mean, Some(rows));
        self
    }

    /// The loss; see the type for shapes, errors and cost.
    ///
    /// # Errors
    /// The errors that [`SigLip`] lists.
    pub fn value<'a, T: Real>(
        &self,
        x: ArrayView2<'a, T>,
        y: ArrayView2<'a, T>,
        scale: f64,
        bias: f64,
        targets: impl Into<Targets<'a, T>>,
    ) -> Result<f64> {
        self.value_on(x, y, scale, bias, targets, &Context::default())
    }

    /// [`value`](SigLip::value), watched and on chosen threads.
    ///
    /// # Errors
    /// The errors that [`SigLip`] lists.
    pub fn value_on<'a, T: Real>(
        &self,
        x: ArrayView2<'a, T>,
        y: ArrayView2<'a, T>,
        scale: f64,
        bias: f64,
        targets: impl Into<Targets<'a, T>>,
        cx: &Context,
    ) -> Result<f64> {
        let problem = problem(x, y, scale, bias, targets.into())?;
        let unit = self.unit(x.nrows())?;
        problem.value(cx, |tile| Ok(turn(tile, bias, unit)))
    }

    /// The loss and its gradients; see the type for shapes, errors and cost.
    ///
    /// # Errors
    /// The errors that [`SigLip`] lists.
    pub fn gradients<'a, T: Real>(
        &self,
        x: ArrayView2<'a, T>,
        y: ArrayView2<'a, T>,
        scale: f64,
        bias: f64,
        targets: impl Into<Targets<'a, T>>,
    ) -> Result<Gradients<T>> {
        self.gradients_on(x, y, scale, bias, targets, &Context::default())
    }

    /// [`gradients`](SigLip::gradients), watched and on chosen threads.
    ///
    /// # Errors
    /// The errors that [`SigLip`] lists.
    pub fn gradients_on<'a, T: Real>(
        &self,
        x: ArrayView2<'a, T>,
        y: ArrayView2<'a, T>,
        scale: f64,
        bias: f64,
        targets: impl Into<Targets<'a, T>>,
        cx: &Context,
    ) -> Result<Gradients<T>> {
        let problem = problem(x, y, scale, bias, targets.into())?;
        let unit = self.unit(x.nrows())?;
        problem.gradients(cx, |tile| Ok(turn(tile, bias, unit)))
    }

    /// What a term counts.
    fn unit(&self, rows: usize) -> Result<f64> {
        match (self.reduction, self.rows) {
            (Reduction::Sum, _) => Ok(1.0),
            (Reduction::Mean, None) => Ok(1.0 / rows as f64),
            (Reduction::Mean, Some(0)) => {
                let (name, expected) = ("rows of the mean", "at least 1");
                Err(Error::InvalidParameter { name, value: 0.0, expected })
            }
            (Reduction::Mean, Some(rows)) => Ok(1.0 / rows as f64),
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
    if !bias.is_finite() {
        return Err(Error::InvalidParameter { name: "bias", value: bias, expected: "finite" });
    }
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
