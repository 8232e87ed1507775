//! Contrastive losses with analytic gradients, in tiles.
//!
//! The logit of a pair is l_ij = s x_i . y_j (SigLIP: + b). With G = dL/dl the gradients are
//! dL/dx_i = s sum_j G_ij y_j, dL/dy_j = s sum_i G_ij x_i, dL/d(ln s) = sum_ij G_ij s x_i . y_j,
//! dL/db = sum_ij G_ij. Frameworks keep the B x M logits alive for the backward pass; here a tile
//! of 128 x 128 logits is made by a matrix product, turned into G in place, multiplied by the
//! other side and forgotten. The gradient of x and that of y are swept separately, each tile of
//! rows by one job that adds over the tiles of the other side in order: so no two jobs write one
//! number, nothing depends on the number of threads, and the working memory is
//! O(128 (d + 128)) words a thread.
//!
//! Rows spread over machines: [`BlockStatistics`] for InfoNCE; SigLIP is a sum over blocks.
//!
//! **Arithmetic.** All of it is `f64`, whatever the input: an `f32` tile is widened when it is
//! loaded, gradients are rounded to the input's type once, at the end. That costs a factor of two
//! against `f32` products and keeps logits of 1e4 right to 1e-11 instead of 1e-3. **Tier C**: the
//! matrix products fuse and order their additions as the processor likes, so the last bits differ
//! between processors. A relative error of a logit by (d + 8) 2^-53 |x||y| s / |l| is what remains;
//! see each loss for what it means for the gradients.

mod block_statistics;
mod info_nce;
mod logsumexp;
mod params;
mod passes;
mod siglip;
mod softmax_rows;
mod tiles;
mod totals;

use ndarray::{Array2, ArrayView2, ArrayViewMut2};

pub use block_statistics::BlockStatistics;
pub use logsumexp::LogSumExp;
pub use params::InfoNce;
pub use siglip::SigLip;
pub use softmax_rows::{SoftmaxRow, SoftmaxRows};
pub use totals::InfoNceTotals;

use super::matches::Matches;
use crate::arrays::zeros;
use crate::check;
use crate::error::Result;
use crate::params::choices;
use crate::real::{Real, check_finite};

/// How the terms of a loss become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LossReduction {
    /// The sum of the rows' losses, as the survey writes InfoNCE.
    Sum,
    /// Divided by the total weight of the targets (InfoNCE) or by the rows of x (SigLIP).
    Mean,
}

choices!(LossReduction: Sum, Mean);

/// Which softmax InfoNCE takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Directions {
    /// Each row of x over all rows of y, as the survey writes it.
    XToY,
    /// Each row of y over all rows of x.
    YToX,
    /// Both, as CLIP: summed under [`LossReduction::Sum`], averaged under [`LossReduction::Mean`].
    Both,
}

choices!(Directions: XToY, YToX, Both);

/// What a positive pair counts when a row has several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PairWeighting {
    /// Every pair 1: the survey's sum over the set of positive pairs.
    Pairs,
    /// The pairs of one row (of one column, in the other direction) 1 together, as the outer
    /// supervised contrastive loss of Khosla et al. 2020 has it.
    Rows,
}

choices!(PairWeighting: Pairs, Rows);

/// What the logits should say.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Targets<'a, T> {
    /// These pairs are positive, all others negative.
    Hard(Matches<'a>),
    /// `[B, M]`: the weight of each pair, at least 0; for SigLIP a probability in [0, 1].
    Soft(ArrayView2<'a, T>),
}

impl<'a, T> From<Matches<'a>> for Targets<'a, T> {
    fn from(matches: Matches<'a>) -> Self {
        Self::Hard(matches)
    }
}

impl<'a, T> From<ArrayView2<'a, T>> for Targets<'a, T> {
    fn from(soft: ArrayView2<'a, T>) -> Self {
        Self::Soft(soft)
    }
}

/// A loss and its gradients. Tier C.
#[derive(Clone, Debug, PartialEq)]
pub struct LossGradients<T> {
    /// The loss.
    pub value: f64,
    /// `[B, d]`: dL/dx.
    pub x: Array2<T>,
    /// `[M, d]`: dL/dy.
    pub y: Array2<T>,
    /// dL/d(ln s), with s the scale.
    pub log_scale: f64,
    /// dL/db; 0 for InfoNCE, which no bias changes.
    pub bias: f64,
}

/// What [`InfoNce::gradients_into`] and [`SigLip::gradients_into`] return beside the gradients of the rows: the
/// numbers of [`LossGradients`]. Tier C.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LossNumbers {
    /// The loss.
    pub value: f64,
    /// dL/d(ln s).
    pub log_scale: f64,
    /// dL/db; 0 for InfoNCE.
    pub bias: f64,
}

/// dL/dx and dL/dy in arrays of their own, filled in by `fill`.
fn owned<T: Real>(
    (n, m, d): (usize, usize, usize),
    fill: impl FnOnce(Outputs<'_, T>) -> Result<LossNumbers>,
) -> Result<LossGradients<T>> {
    let (mut x, mut y) = (zeros(n, d)?, zeros(m, d)?);
    let LossNumbers { value, log_scale, bias } = fill((x.view_mut(), y.view_mut()))?;
    Ok(LossGradients { value, x, y, log_scale, bias })
}

/// Where dL/dx and dL/dy go.
type Outputs<'o, T> = (ArrayViewMut2<'o, T>, ArrayViewMut2<'o, T>);

impl<T> LossGradients<T> {
    /// dL/ds = dL/d(ln s) / s.
    pub fn by_scale(&self, scale: f64) -> f64 {
        self.log_scale / scale
    }

    /// dL/d(tau) with tau = 1 / s the temperature: -s dL/d(ln s).
    pub fn by_temperature(&self, scale: f64) -> f64 {
        -self.log_scale * scale
    }
}

/// Everything that both losses ask of their input.
fn checked_sides<T: Real>(x: ArrayView2<'_, T>, y: ArrayView2<'_, T>, scale: f64) -> Result<()> {
    check::positive("scale", scale)?;
    for (what, side) in [("x", x), ("y", y)] {
        check::not_empty(what, side.len())?;
        check::at_most("rows of one call", side.nrows(), u32::MAX as usize - 1)?;
        check_finite(&side, what)?;
    }
    check::same_length("columns of y", x.ncols(), y.ncols())
}
