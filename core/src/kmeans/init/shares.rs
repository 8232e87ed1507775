//! How often each row may be drawn.

use alloc::vec::Vec;

use crate::backend::{Backend, Blocks};
use crate::control::Context;
use crate::error::Result;
use crate::exact::Metric;
use crate::exact::float::widen;
use crate::memory::try_vec;
use crate::rows::RowSource;

/// Weight of row `i`, exactly.
#[inline(always)]
pub(super) fn weight(weights: Option<&[f32]>, i: usize) -> f64 {
    weights.map_or(1.0, |w| w.get(i).map_or(0.0, |w| widen(*w)))
}

/// How often each row may be drawn.
pub(super) struct Shares<'a> {
    weights: Option<&'a [f32]>,
    /// Rows of zeros under the cosine; empty when there are none.
    undirected: Vec<bool>,
}

impl<'a> Shares<'a> {
    pub(super) fn new<B: Backend, S: RowSource>(
        blocks: &mut Blocks<'_, B, S>,
        weights: Option<&'a [f32]>,
        cx: &Context,
    ) -> Result<Self> {
        let undirected = match blocks.metric {
            Metric::SqEuclidean => Vec::new(),
            Metric::Cosine => undirected(blocks, cx)?,
        };
        Ok(Self { weights, undirected })
    }

    /// The weight of row `i`, exactly; 0 without a direction.
    #[inline(always)]
    pub(super) fn of(&self, i: usize) -> f64 {
        if self.undirected(i) { 0.0 } else { weight(self.weights, i) }
    }

    #[inline(always)]
    pub(super) fn undirected(&self, i: usize) -> bool {
        self.undirected.get(i).is_some_and(|zeros| *zeros)
    }
}

/// Which rows are zeros; nothing where none is. One pass.
fn undirected<B: Backend, S: RowSource>(blocks: &mut Blocks<'_, B, S>, cx: &Context) -> Result<Vec<bool>> {
    let mut zeros = try_vec(blocks.n, false)?;
    let mut squares = Vec::new();
    blocks.for_each(cx, |backend, range, block| {
        if squares.len() < range.len() {
            squares = try_vec(range.len(), 0.0)?;
        }
        let squares = &mut squares[..range.len()];
        backend.squares(block, squares, cx)?;
        zeros[range].iter_mut().zip(squares).for_each(|(zero, square)| *zero = *square == 0.0);
        Ok(())
    })?;
    Ok(if zeros.contains(&true) { zeros } else { Vec::new() })
}
