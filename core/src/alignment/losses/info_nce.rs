//! InfoNCE, the loss of CLIP, with hard, multi-positive or soft targets.
//!
//! One direction, over the rows of x, with weights w_ij of the pairs (1 for positive ones) and
//! W_i = sum_j w_ij:
//!
//! 1. lse_i = ln sum_j exp(l_ij), as (m_i, rest_i), see [`LogSumExp`].
//! 2. L_i = (W_i m_i - sum_j w_ij l_ij) + W_i ln(1 + rest_i): neither part is negative.
//! 3. G_ij = W_i p_ij - w_ij with p the softmax; where w_ij = W_i it is -W_i (1 - p_ij), and
//!    1 - p_ij = rest_i / (1 + rest_i) for the largest logit, so nothing cancels.
//! 4. dL/d(ln s) = sum_j G_ij (l_ij - m_i): G_i sums to 0, so any shift will do, and this one keeps
//!    the terms small.
//!
//! The other direction is the same by columns. Pass 1 makes lse of all rows and columns and the
//! sums over positive pairs ([`BlockStatistics`]); these are summed over rows
//! ([`InfoNceTotals`]); then one sweep each makes the gradients of x and of y. The logits of a tile
//! are made by the same product in each pass, so they have the same bits and the largest one is
//! recognised. A call with all rows is the case of one block.

use ndarray::ArrayView2;

use super::passes::statistics;
use super::tiles::{Problem, SoftTargets};
use super::{
    BlockStatistics, Directions, Gradients, InfoNceTotals, Reduction, SoftmaxRows, Targets, Weighting,
};
use crate::control::Context;
use crate::error::Result;
use crate::real::Real;

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
/// `TooLarge`, `OutOfMemory`, `Cancelled`.
/// # Cost
/// 2 B M d flops for the value, 10 B M d for the gradients; 64 (B + M) bytes, 0.5 KiB M for
/// columns, and O(128 (d + 128)) words a thread. The matrix products' own buffer (at most some
/// MiB, of fixed size) is not asked for fallibly.
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
    pub(super) reduction: Reduction,
    pub(super) directions: Directions,
    pub(super) weighting: Weighting,
}

impl Default for InfoNce {
    fn default() -> Self {
        Self { reduction: Reduction::Mean, directions: Directions::Both, weighting: Weighting::Pairs }
    }
}

impl InfoNce {
    /// Both directions, mean, every pair counts 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// As the survey writes it: x to y only, summed over the positive pairs.
    pub fn survey() -> Self {
        Self { reduction: Reduction::Sum, directions: Directions::XToY, weighting: Weighting::Pairs }
    }

    /// Sum or mean.
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// One direction or both.
    pub fn directions(mut self, directions: Directions) -> Self {
        self.directions = directions;
        self
    }

    /// What a pair counts where a row has several.
    pub fn weighting(mut self, weighting: Weighting) -> Self {
        self.weighting = weighting;
        self
    }

    /// The loss; see the type for shapes, errors and cost.
    ///
    /// # Errors
    /// See the type.
    pub fn value<'a, T: Real>(
        &self,
        x: ArrayView2<'a, T>,
        y: ArrayView2<'a, T>,
        scale: f64,
        targets: impl Into<Targets<'a, T>>,
    ) -> Result<f64> {
        self.value_on(x, y, scale, targets, &Context::default())
    }

    /// [`value`](InfoNce::value), watched and on chosen threads.
    ///
    /// # Errors
    /// See the type.
    pub fn value_on<'a, T: Real>(
        &self,
        x: ArrayView2<'a, T>,
        y: ArrayView2<'a, T>,
        scale: f64,
        targets: impl Into<Targets<'a, T>>,
        cx: &Context,
    ) -> Result<f64> {
        let problem = Problem::new(x, y, scale, targets.into(), SoftTargets::Weights)?;
        let found = statistics(&problem, self.wanted(), cx)?;
        self.totals(&found.rows, &found.columns)?.value()
    }

    /// The loss and its gradients; see the type for shapes, errors and cost.
    ///
    /// # Errors
    /// See the type.
    pub fn gradients<'a, T: Real>(
        &self,
        x: ArrayView2<'a, T>,
        y: ArrayView2<'a, T>,
        scale: f64,
        targets: impl Into<Targets<'a, T>>,
    ) -> Result<Gradients<T>> {
        self.gradients_on(x, y, scale, targets, &Context::default())
    }

    /// [`gradients`](InfoNce::gradients), watched and on chosen threads.
    ///
    /// # Errors
    /// See the type.
    pub fn gradients_on<'a, T: Real>(
        &self,
        x: ArrayView2<'a, T>,
        y: ArrayView2<'a, T>,
        scale: f64,
        targets: impl Into<Targets<'a, T>>,
        cx: &Context,
    ) -> Result<Gradients<T>> {
        let problem = Problem::new(x, y, scale, targets.into(), SoftTargets::Weights)?;
        let found = statistics(&problem, self.wanted(), cx)?;
        let totals = self.totals(&found.rows, &found.columns)?;
        totals.gradients(&problem, (&found.rows, &found.columns), cx)
    }

    /// The statistics of one block of the logits, some rows of x against some rows of y: pass 1 of
    /// the loss over several machines, see [`BlockStatistics`].
    ///
    /// The matches are those of the block's own row numbers; a block without a positive pair is
    /// as good as any.
    ///
    /// # Errors
    /// Those of the type but `Empty` for want of positive pairs.
    pub fn block_statistics<'a, T: Real>(
        &self,
        x: ArrayView2<'a, T>,
        y: ArrayView2<'a, T>,
        scale: f64,
        targets: impl Into<Targets<'a, T>>,
    ) -> Result<BlockStatistics> {
        self.block_statistics_on(x, y, scale, targets, &Context::default())
    }

    /// [`block_statistics`](InfoNce::block_statistics), watched and on chosen threads.
    ///
    /// # Errors
    /// See there.
    pub fn block_statistics_on<'a, T: Real>(
        &self,
        x: ArrayView2<'a, T>,
        y: ArrayView2<'a, T>,
        scale: f64,
        targets: impl Into<Targets<'a, T>>,
        cx: &Context,
    ) -> Result<BlockStatistics> {
        let problem = Problem::new(x, y, scale, targets.into(), SoftTargets::Weights)?;
        statistics(&problem, self.wanted(), cx)
    }

    /// The part of the loss of some rows of x and some rows of y, from their statistics over all
    /// rows of the other side; those of an unwanted direction are only counted.
    ///
    /// # Errors
    /// `NonFinite` with the row whose loss overflows, `InvalidParameter` where the two sides have
    /// different scales.
    pub fn totals(&self, rows: &SoftmaxRows, columns: &SoftmaxRows) -> Result<InfoNceTotals> {
        InfoNceTotals::new(*self, [rows, columns])
    }
}
