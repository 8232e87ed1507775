//! What is asked of InfoNCE.

use super::{Directions, LossReduction, PairWeighting, SoftmaxRow};
use crate::params::{default_is_new, setters};

/// InfoNCE: parameters. The default is CLIP's: both directions, averaged.
///
/// L = sum over positive pairs (i, j) of -ln(exp(l_ij) / sum_k exp(l_ik)), l_ij = s x_i . y_j,
/// and the same over columns. *Source*: van den Oord et al. 2018, equation 4; Radford et al. 2021,
/// figure 3; Bordes et al. 2024, equation 2 ([`InfoNce::survey`]: one direction, summed over the
/// pairs). Rows are taken as given: the papers' cosines are those of rows of unit length. s = 1 /
/// temperature; clamping it (CLIP: at 100) is the caller's.
///
/// A row (or column) without a positive pair counts nothing in its direction.
///
/// # Shapes
/// x: [B, d], y: [M, d], soft targets: [B, M]; gradients as their inputs.
/// # Units
/// Nats. Tier C, but the same for any number of threads: with u = 2^-53 and e = (d + 8) u s
/// max|x||y|, the absolute error of a logit, the value of each row is right to W (4 e + 8 u |L|),
/// a softmax to a factor 1 + 4 e.
/// # Ties, NaN
/// Equal logits share the softmax equally. NaN and infinity, of the input or of an overflowing
/// logit, are errors.
/// # Errors
/// `Empty` (also when no pair is positive), `ShapeMismatch`, `NonFinite`, `InvalidParameter`,
/// `TooLarge`, `OutOfMemory`, `Cancelled`, `SimdLevel` (of `PAUCA_SIMD`).
/// # Cost
/// 2 B M d flops for the value, 10 B M d for the gradients; 64 (B + M) bytes, 0.5 KiB M for
/// columns, and O(128 (d + 128)) words a thread.
/// # Example
/// ```
/// use ndarray::array;
/// use pauca::alignment::{InfoNce, Matches};
/// let x = array![[1.0f64, 0.0], [0.0, 1.0]];
/// let found = InfoNce::new().gradients(x.view(), x.view(), 1.0 / 0.07, Matches::Diagonal)?;
/// assert!((found.value - 6.248747557120388e-7).abs() < 1e-20);
/// // Raising the scale lowers the loss.
/// assert!(found.log_scale < 0.0);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InfoNce {
    pub(super) reduction: LossReduction,
    pub(super) directions: Directions,
    pub(super) weighting: PairWeighting,
}

default_is_new!(InfoNce);

impl InfoNce {
    /// The loss of both directions, averaged; every pair counts 1.
    pub fn new() -> Self {
        Self { reduction: LossReduction::Mean, directions: Directions::Both, weighting: PairWeighting::Pairs }
    }

    /// The loss as the survey writes it: x to y only, summed over the positive pairs.
    pub fn survey() -> Self {
        Self { reduction: LossReduction::Sum, directions: Directions::XToY, weighting: PairWeighting::Pairs }
    }

    setters! {
        /// Sum or mean.
        reduction: LossReduction;
        /// One direction or both.
        directions: Directions;
        /// What a pair counts where a row has several.
        weighting: PairWeighting;
    }
}

/// How the parameters enter the sums.
impl InfoNce {
    /// Whether x to y, whether y to x.
    pub(super) fn wanted(&self) -> [bool; 2] {
        [self.directions != Directions::YToX, self.directions != Directions::XToY]
    }

    pub(super) fn is_mean(&self) -> bool {
        self.reduction == LossReduction::Mean
    }

    /// What each direction counts.
    pub(super) fn share(&self) -> f64 {
        if self.is_mean() && self.directions == Directions::Both { 0.5 } else { 1.0 }
    }

    /// What the pairs of a row count.
    pub(super) fn factor(&self, row: &SoftmaxRow) -> f64 {
        match self.weighting {
            PairWeighting::Pairs => 1.0,
            PairWeighting::Rows if row.weight > 0.0 => 1.0 / row.weight,
            PairWeighting::Rows => 0.0,
        }
    }
}
