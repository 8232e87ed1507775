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
//! recognized. A call with all rows is the case of one block.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::passes::statistics;
use super::tiles::{Problem, SoftTargets};
use super::{
    BlockStatistics, InfoNce, InfoNceTotals, LossGradients, LossNumbers, SoftmaxRows, Targets, checked_sides,
    owned,
};
use crate::control::{Context, with_and_without_context};
use crate::error::Result;
use crate::real::Real;

impl InfoNce {
    with_and_without_context! {
        /// The loss; see the type for shapes, errors and cost.
        ///
        /// # Errors
        /// The errors that [`InfoNce`] lists.
        value, value_in['a, T: Real](
            &self, x: ArrayView2<'a, T>, y: ArrayView2<'a, T>, scale: f64,
            targets: impl Into<Targets<'a, T>>; cx
        ) -> f64 {
            let found = self.block_statistics_in(x, y, scale, targets, cx)?;
            self.totals(&found.rows, &found.columns)?.value()
        }

        /// The loss and its gradients; see the type for shapes, errors and cost.
        ///
        /// # Errors
        /// The errors that [`InfoNce`] lists.
        gradients, gradients_in['a, T: Real](
            &self, x: ArrayView2<'a, T>, y: ArrayView2<'a, T>, scale: f64,
            targets: impl Into<Targets<'a, T>>; cx
        ) -> LossGradients<T> {
            checked_sides(x, y, scale)?;
            let sizes = (x.nrows(), y.nrows(), x.ncols());
            owned(sizes, |into| self.gradients_into(x, y, scale, targets, into, cx))
        }
    }

    /// [`gradients_in`](InfoNce::gradients_in) with dL/dx and dL/dy written into arrays of the caller's, of the
    /// shapes of x and y.
    ///
    /// # Errors
    /// The errors that [`InfoNce`] lists; `ShapeMismatch` for an array of another shape. After some of them the arrays hold anything.
    /// # Example
    /// ```
    /// use pauca::Context;
    /// use pauca::alignment::{InfoNce, Matches};
    /// let x = ndarray::array![[1.0f64, 0.0], [0.0, 1.0]];
    /// let (mut dx, mut dy) = (x.clone(), x.clone());
    /// let into = (dx.view_mut(), dy.view_mut());
    /// let (loss, cx) = (InfoNce::new(), Context::default());
    /// let found = loss.gradients_into(x.view(), x.view(), 2.0, Matches::Diagonal, into, &cx)?;
    /// let owned = loss.gradients(x.view(), x.view(), 2.0, Matches::Diagonal)?;
    /// assert_eq!((found.value, dx, dy), (owned.value, owned.x, owned.y));
    /// # Ok::<(), pauca::Error>(())
    /// ```
    pub fn gradients_into<'a, T: Real>(
        &self,
        x: ArrayView2<'a, T>,
        y: ArrayView2<'a, T>,
        scale: f64,
        targets: impl Into<Targets<'a, T>>,
        into: (ArrayViewMut2<'_, T>, ArrayViewMut2<'_, T>),
        cx: &Context,
    ) -> Result<LossNumbers> {
        let problem = Problem::new(x, y, scale, targets.into(), SoftTargets::Weights)?;
        let found = statistics(&problem, self.wanted(), cx)?;
        let totals = self.totals(&found.rows, &found.columns)?;
        totals.gradients(&problem, (&found.rows, &found.columns), into, cx)
    }

    with_and_without_context! {
        /// The statistics of one block of the logits, some rows of x against some rows of y: pass 1 of
        /// the loss over several machines, see [`BlockStatistics`].
        ///
        /// The matches are those of the block's own row numbers; a block without a positive pair is
        /// as good as any.
        ///
        /// # Errors
        /// The errors that [`InfoNce`] lists, but no `Empty` for want of positive pairs.
        block_statistics, block_statistics_in['a, T: Real](
            &self, x: ArrayView2<'a, T>, y: ArrayView2<'a, T>, scale: f64,
            targets: impl Into<Targets<'a, T>>; cx
        ) -> BlockStatistics {
            let problem = Problem::new(x, y, scale, targets.into(), SoftTargets::Weights)?;
            statistics(&problem, self.wanted(), cx)
        }
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
