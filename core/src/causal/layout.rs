//! The parameters of a predictor: one flat vector, cut into named matrices.

use alloc::vec::Vec;

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::arrays::{view, view_mut};
use crate::check;
use crate::error::Result;
use crate::memory::{try_all, try_capacity, try_grow};
use crate::random::{Stream, streams};
use crate::real::Real;

/// A matrix among the parameters, row-major at `start` of the flat vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParamBlock {
    /// What it is, as the predictor's documentation calls it.
    pub name: &'static str,
    /// Layer of a transformer that it belongs to, from 0.
    pub layer: Option<usize>,
    /// The first entry of the block in the flat vector.
    pub start: usize,
    /// Rows (inputs of a map; 1 for shifts and gains).
    pub rows: usize,
    /// Columns (outputs).
    pub cols: usize,
    /// What it is filled with at first.
    pub(super) fill: Fill,
}

impl ParamBlock {
    /// The entries of the block in the flat vector.
    pub fn range(&self) -> core::ops::Range<usize> {
        self.start..self.start + self.rows * self.cols
    }
}

/// How a block begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    Zeros,
    Ones,
    /// Uniform with mean 0 and variance 1 / inputs.
    Uniform {
        inputs: usize,
    },
}

/// Collects blocks one behind the other.
pub(super) struct Layout {
    pub blocks: Vec<ParamBlock>,
    pub len: usize,
    layer: Option<usize>,
}

impl Layout {
    pub fn new() -> Self {
        Self { blocks: Vec::new(), len: 0, layer: None }
    }

    /// The layer of the blocks that follow.
    pub fn layer(&mut self, layer: Option<usize>) {
        self.layer = layer;
    }

    pub fn block(&mut self, name: &'static str, rows: usize, cols: usize, fill: Fill) -> Result<()> {
        let start = self.len;
        let len = start.saturating_add(rows.saturating_mul(cols));
        check::at_most("the number of parameters", len, LARGEST)?;
        self.len = len;
        try_grow(&mut self.blocks, 1)?;
        self.blocks.push(ParamBlock { name, layer: self.layer, start, rows, cols, fill });
        Ok(())
    }

    /// First values. Draws are addressed by the index of the parameter.
    pub fn fill<T: Real>(&self, seed: u64) -> Result<Vec<T>> {
        let stream = Stream::new(seed, streams::PREDICTOR);
        let mut values = try_capacity(self.len)?;
        for block in &self.blocks {
            let width = match block.fill {
                Fill::Uniform { inputs } => 2.0 * libm::sqrt(3.0 / inputs.max(1) as f64),
                Fill::Zeros | Fill::Ones => 0.0,
            };
            let centre = if block.fill == Fill::Ones { 1.0 } else { 0.0 };
            let value = |i: usize| centre + width * (stream.uniform(i as u64, 0) - 0.5);
            values.extend(block.range().map(|i| T::from_f64(value(i))));
        }
        Ok(values)
    }
}

/// No more parameters than this: their number stays exact in an f64 and far from overflow.
const LARGEST: usize = 1 << (usize::BITS / 2 + 4);

/// A predictor's parameters, and where each sequence of the rows it is shown ends.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a, T> {
    pub blocks: &'a [ParamBlock],
    pub params: &'a [T],
    pub ends: &'a [usize],
}

impl<'a, T: Real> Pass<'a, T> {
    /// The blocks as matrices.
    pub fn weights(&self) -> Result<Vec<ArrayView2<'a, T>>> {
        try_all(self.blocks.iter().map(|block| view(&self.params[block.range()], block.rows, block.cols)))
    }
}

/// Where the backward pass of a predictor adds what it finds.
pub(super) struct Sink<'a, T> {
    pub dparams: &'a mut [T],
    /// The gradient with respect to the rows that were shown.
    pub dx: &'a mut [T],
}

/// The blocks as matrices to write to.
pub(super) fn views_mut<'a, T: Real>(
    blocks: &[ParamBlock],
    mut values: &'a mut [T],
) -> Result<Vec<ArrayViewMut2<'a, T>>> {
    let mut all = try_capacity(blocks.len())?;
    for block in blocks {
        let (head, rest) = values.split_at_mut(block.rows * block.cols);
        all.push(view_mut(head, block.rows, block.cols)?);
        values = rest;
    }
    Ok(all)
}
