//! A small causal transformer: pre-LN blocks of attention and a two-layer perceptron.
//!
//! With s the sequence shifted by one step (row t holds z_{t-1}, row 0 zeros):
//!
//! e = s E + P; for every layer: e += attention(LN(e) A + a) O + o, then
//! e += gelu(LN(e) F + f) G + g; prediction = LN(e) H + h.
//!
//! P [steps, w] is learned, so its first row alone is what the first step sees: it serves as the
//! symbol that begins a sequence, and as the shift of E. One row per step, not per position: with
//! an order of its own a batch is read as the order says.

use alloc::vec::Vec;

use ndarray::{Array2, ArrayView2};

use super::attention;
use super::batch::sequences;
use super::layer_norm::{self, Normed};
use super::layout::{Fill, Layout, Pass, Sink, views_mut};
use super::maps::{affine, affine_backward, gelu};
use crate::arrays::zeros;
use crate::check;
use crate::error::Result;
use crate::memory::try_capacity;
use crate::params::setters;
use crate::products::add_product;
use crate::real::Real;

/// A causal transformer: parameters.
///
/// *Source*: the paper says "a 2-layer causal transformer" and no more; width, heads and the shape of
/// a layer are ours. Defaults: 2 layers, width 64, 4 heads, a perceptron of 4 times the width.
///
/// Blocks: E [d, w], P [steps, w]; for every layer the gain and shift of its first normalization,
/// A [w, 3 w] and a (queries, keys, values), O [w, w] and o, gain and shift of the second, F [w, m]
/// and f, G [m, w] and g; gain and shift of the last, H [w, d'] and h. At the start maps are uniform
/// with variance 1 / inputs (of O and G that by twice the number of layers), P with variance 1 / 4; shifts
/// are 0, gains 1, H and h 0: the first prediction is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transformer {
    pub(super) steps: usize,
    pub(super) layers: usize,
    pub(super) width: usize,
    pub(super) heads: usize,
    pub(super) hidden: Option<usize>,
}

impl Transformer {
    /// A transformer for sequences of at most `steps` steps.
    pub fn new(steps: usize) -> Self {
        Self { steps, layers: 2, width: 64, heads: 4, hidden: None }
    }

    setters! {
        /// Number of layers, 0 allowed: then a step sees the one before.
        layers: usize;
        /// Width w; a multiple of the number of heads.
        width: usize;
        /// Attention heads.
        heads: usize;
        /// Hidden units m of the perceptrons.
        hidden(hidden: usize) { hidden = Some(hidden) }
    }

    pub(super) fn layout(&self, inputs: usize, outputs: usize) -> Result<Layout> {
        let w = self.width;
        let m = self.hidden.unwrap_or(w.saturating_mul(4));
        for (name, value) in [("steps", self.steps), ("width", w), ("heads", self.heads), ("hidden", m)] {
            check::at_least_one(name, value)?;
        }
        let whole = w.is_multiple_of(self.heads);
        check::parameter("width", w as f64, "a multiple of the number of heads", whole)?;
        check::at_most("layers", self.layers, MOST_LAYERS)?;
        let map = |inputs| Fill::Uniform { inputs };
        let back = |inputs: usize| Fill::Uniform { inputs: inputs.saturating_mul(2 * self.layers) };
        let mut layout = Layout::new();
        layout.block("E", inputs, w, map(inputs))?;
        // Half the size of a latent of variance 1 that came through E.
        layout.block("P", self.steps, w, map(4))?;
        for layer in 0..self.layers {
            layout.layer(Some(layer));
            layout.block("first gain", 1, w, Fill::Ones)?;
            layout.block("first shift", 1, w, Fill::Zeros)?;
            layout.block("A", w, w.saturating_mul(3), map(w))?;
            layout.block("a", 1, w.saturating_mul(3), Fill::Zeros)?;
            layout.block("O", w, w, back(w))?;
            layout.block("o", 1, w, Fill::Zeros)?;
            layout.block("second gain", 1, w, Fill::Ones)?;
            layout.block("second shift", 1, w, Fill::Zeros)?;
            layout.block("F", w, m, map(w))?;
            layout.block("f", 1, m, Fill::Zeros)?;
            layout.block("G", m, w, back(m))?;
            layout.block("g", 1, w, Fill::Zeros)?;
        }
        layout.layer(None);
        layout.block("last gain", 1, w, Fill::Ones)?;
        layout.block("last shift", 1, w, Fill::Zeros)?;
        layout.block("H", w, outputs, Fill::Zeros)?;
        layout.block("h", 1, outputs, Fill::Zeros)?;
        Ok(layout)
    }

    pub(super) fn forward<T: Real>(
        &self,
        pass: &Pass<'_, T>,
        x: &ArrayView2<'_, T>,
    ) -> Result<(Array2<T>, Saved<T>)> {
        let p = pass.weights()?;
        let mut shifted = zeros(x.nrows(), x.ncols())?;
        let mut e = zeros(x.nrows(), self.width)?;
        for_each_step(pass.ends, |row, step| {
            e.row_mut(row).assign(&p[1].row(step));
            if step > 0 {
                shifted.row_mut(row).assign(&x.row(row - 1));
            }
        });
        add_product(&mut e.view_mut(), T::one(), &shifted.view(), &p[0])?;
        let mut layers = try_capacity(self.layers)?;
        for layer in 0..self.layers {
            let p = &p[FIRST + PER_LAYER * layer..];
            let (input, first) = layer_norm::forward(&e.view(), &p[GAIN1], &p[SHIFT1])?;
            let qkv = affine(&input.view(), &p[A], &p[A + 1])?;
            let (mixed, weights) = attention::forward(&qkv, pass.ends, self.heads)?;
            e += &affine(&mixed.view(), &p[O], &p[O + 1])?;
            let (middle, second) = layer_norm::forward(&e.view(), &p[GAIN2], &p[SHIFT2])?;
            let mut hidden = affine(&middle.view(), &p[F], &p[F + 1])?;
            let slopes = gelu(&mut hidden)?;
            e += &affine(&hidden.view(), &p[G], &p[G + 1])?;
            layers.push(Layer { first, input, qkv, weights, mixed, second, middle, hidden, slopes });
        }
        let p = &p[FIRST + PER_LAYER * self.layers..];
        let (top, last) = layer_norm::forward(&e.view(), &p[0], &p[1])?;
        let out = affine(&top.view(), &p[2], &p[3])?;
        Ok((out, Saved { shifted, layers, last, top }))
    }

    /// Adds to the sink what the gradient `d` of the predictions means.
    pub(super) fn backward<T: Real>(
        &self,
        pass: &Pass<'_, T>,
        saved: Saved<T>,
        d: &ArrayView2<'_, T>,
        to: Sink<'_, T>,
    ) -> Result<()> {
        let (p, mut g) = (pass.weights()?, views_mut(pass.blocks, to.dparams)?);
        let (n, w) = (d.nrows(), self.width);
        let top = FIRST + PER_LAYER * self.layers;
        let mut de = zeros(n, w)?;
        {
            let [dgain, dshift, dh, dbias, ..] = &mut g[top..] else { return Ok(()) };
            let below = affine_backward(&saved.top.view(), &p[top + 2], d, dh, Some(dbias))?;
            layer_norm::backward(&saved.last, &p[top], &below.view(), dgain, dshift, &mut de);
        }
        for (layer, saved) in saved.layers.iter().enumerate().rev() {
            let p = &p[FIRST + PER_LAYER * layer..];
            let [gain1, shift1, da, da1, do_, do1, gain2, shift2, df, df1, dg, dg1, ..] =
                &mut g[FIRST + PER_LAYER * layer..]
            else {
                return Ok(());
            };
            let mut dhidden = affine_backward(&saved.hidden.view(), &p[G], &de.view(), dg, Some(dg1))?;
            dhidden *= &saved.slopes;
            let below = affine_backward(&saved.middle.view(), &p[F], &dhidden.view(), df, Some(df1))?;
            layer_norm::backward(&saved.second, &p[GAIN2], &below.view(), gain2, shift2, &mut de);
            let dmixed = affine_backward(&saved.mixed.view(), &p[O], &de.view(), do_, Some(do1))?;
            let dqkv = attention::backward(&saved.qkv, pass.ends, self.heads, &saved.weights, &dmixed)?;
            let below = affine_backward(&saved.input.view(), &p[A], &dqkv.view(), da, Some(da1))?;
            layer_norm::backward(&saved.first, &p[GAIN1], &below.view(), gain1, shift1, &mut de);
        }
        add_product(&mut g[0], T::one(), &saved.shifted.t(), &de.view())?;
        for_each_step(pass.ends, |row, step| {
            let mut into = g[1].row_mut(step);
            into += &de.row(row);
        });
        let mut dshifted = zeros(n, saved.shifted.ncols())?;
        add_product(&mut dshifted.view_mut(), T::one(), &de.view(), &p[0].t())?;
        let cols = dshifted.ncols();
        for_each_step(pass.ends, |row, step| {
            if step > 0 {
                let into = &mut to.dx[(row - 1) * cols..row * cols];
                into.iter_mut().zip(dshifted.row(row)).for_each(|(into, v)| *into += *v);
            }
        });
        Ok(())
    }
}

/// More layers than this have no use here and would exhaust memory before an error could be given.
const MOST_LAYERS: usize = 1 << 10;

/// Indices of the blocks: E and P come first, then those of each layer.
const FIRST: usize = 2;
const PER_LAYER: usize = 12;
const GAIN1: usize = 0;
const SHIFT1: usize = 1;
const A: usize = 2;
const O: usize = 4;
const GAIN2: usize = 6;
const SHIFT2: usize = 7;
const F: usize = 8;
const G: usize = 10;

/// What the backward pass needs.
pub(super) struct Saved<T> {
    shifted: Array2<T>,
    layers: Vec<Layer<T>>,
    last: Normed<T>,
    top: Array2<T>,
}

struct Layer<T> {
    first: Normed<T>,
    input: Array2<T>,
    qkv: Array2<T>,
    weights: Vec<T>,
    mixed: Array2<T>,
    second: Normed<T>,
    middle: Array2<T>,
    hidden: Array2<T>,
    slopes: Array2<T>,
}

fn for_each_step(ends: &[usize], mut f: impl FnMut(usize, usize)) {
    sequences(ends).for_each(|rows| rows.enumerate().for_each(|(step, row)| f(row, step)));
}
