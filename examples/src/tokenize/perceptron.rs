//! One hidden layer with hand-written gradients: encoder and decoder of the tokenizer.
//!
//! y = silu(x U + c) V + b, silu(v) = v / (1 + e^-v); all parameters in one flat vector for AdamW.

use ndarray::{Array2, ArrayView2};
use pauca::causal::AdamW;
use pauca::random::Stream;

use crate::failure::Result;
use crate::tokenize::library;

/// Stream of the first parameters.
const STREAM: u32 = 64;

/// The parameters of a perceptron and their optimizer.
pub struct Perceptron {
    sizes: [usize; 3],
    params: Vec<f32>,
    optimizer: AdamW<f32>,
}

/// What the backward pass needs.
pub struct Saved {
    hidden: Array2<f32>,
    slopes: Array2<f32>,
}

impl Perceptron {
    /// Maps of variance 1 / inputs, shifts 0.
    pub fn new(inputs: usize, hidden: usize, outputs: usize, seed: u64, which: u32) -> Self {
        let len = inputs * hidden + hidden + hidden * outputs + outputs;
        let stream = Stream::new(seed, STREAM + which);
        let mut params = vec![0.0; len];
        let mut fill = |range: std::ops::Range<usize>, inputs: usize| {
            let width = (12.0 / inputs as f64).sqrt();
            range.for_each(|i| params[i] = (width * (stream.uniform(i as u64, 0) - 0.5)) as f32);
        };
        fill(0..inputs * hidden, inputs);
        let second = inputs * hidden + hidden;
        fill(second..second + hidden * outputs, hidden);
        Self { sizes: [inputs, hidden, outputs], params, optimizer: AdamW::new(len).decay(0.0) }
    }

    fn parts(&self) -> [ArrayView2<'_, f32>; 4] {
        let [i, h, o] = self.sizes;
        let shapes = [(i, h), (1, h), (h, o), (1, o)];
        let mut start = 0;
        shapes.map(|shape| {
            let part = &self.params[start..start + shape.0 * shape.1];
            start += part.len();
            ArrayView2::from_shape(shape, part).expect("the sizes of new()")
        })
    }

    /// y for every row of x.
    pub fn forward(&self, x: &Array2<f32>) -> (Array2<f32>, Saved) {
        let [u, c, v, b] = self.parts();
        let mut hidden = x.dot(&u) + c;
        let mut slopes = hidden.clone();
        for (h, slope) in hidden.iter_mut().zip(slopes.iter_mut()) {
            let share = 1.0 / (1.0 + (-*h).exp());
            *slope = share * (1.0 + *h * (1.0 - share));
            *h *= share;
        }
        (hidden.dot(&v) + b, Saved { hidden, slopes })
    }

    /// Gradients of parameters and rows from that of y.
    pub fn backward(&self, x: &Array2<f32>, saved: &Saved, d: &Array2<f32>) -> (Vec<f32>, Array2<f32>) {
        let [u, _, v, _] = self.parts();
        let below = d.dot(&v.t()) * &saved.slopes;
        let mut gradient = Vec::with_capacity(self.params.len());
        gradient.extend(x.t().dot(&below).iter());
        gradient.extend(below.sum_axis(ndarray::Axis(0)).iter());
        gradient.extend(saved.hidden.t().dot(d).iter());
        gradient.extend(d.sum_axis(ndarray::Axis(0)).iter());
        (gradient, below.dot(&u.t()))
    }

    /// The parameters, little-endian, and the state of the optimizer.
    ///
    /// # Errors
    /// What the library reports.
    pub fn state(&self) -> Result<[Vec<u8>; 2]> {
        let params = self.params.iter().flat_map(|p| p.to_le_bytes()).collect();
        Ok([params, self.optimizer.to_bytes().map_err(|e| library(&e))?])
    }

    /// Goes on from a [`state`](Self::state); `None` when the bytes are of another perceptron.
    pub fn restore(&mut self, [params, optimizer]: [&[u8]; 2]) -> Option<()> {
        let (values, []) = params.as_chunks::<4>() else { return None };
        if values.len() != self.params.len() {
            return None;
        }
        self.params = values.iter().map(|v| f32::from_le_bytes(*v)).collect();
        self.optimizer = AdamW::from_bytes(optimizer).ok()?;
        Some(())
    }

    /// Moves the parameters.
    ///
    /// # Errors
    /// When the gradient is not finite.
    pub fn step(&mut self, gradient: &[f32], rate: f64) -> Result<()> {
        self.optimizer.set_rate(rate);
        self.optimizer.step(&mut self.params, gradient).map_err(|e| library(&e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perceptron_gradients_equal_differences() {
        let x = Array2::from_shape_fn((5, 3), |(i, j)| ((i * 3 + j) as f32 * 0.7).sin());
        let weight = Array2::from_shape_fn((5, 2), |(i, j)| ((i + 2 * j) as f32).cos());
        let mut net = Perceptron::new(3, 4, 2, 1, 0);
        let value = |net: &Perceptron, x: &Array2<f32>| f64::from((net.forward(x).0 * &weight).sum());
        let (_, saved) = net.forward(&x);
        let (gradient, dx) = net.backward(&x, &saved, &weight);
        // f32 values of size 1 and steps of 1e-2 leave about 1e-4.
        const TOLERANCE: f64 = 2e-3;
        const STEP: f32 = 1e-2;
        for i in 0..gradient.len() {
            let at = net.params[i];
            net.params[i] = at + STEP;
            let high = value(&net, &x);
            net.params[i] = at - STEP;
            let low = value(&net, &x);
            net.params[i] = at;
            let truth = (high - low) / (2.0 * f64::from(STEP));
            assert!((f64::from(gradient[i]) - truth).abs() < TOLERANCE, "parameter {i}");
        }
        for (at, d) in dx.indexed_iter() {
            let (mut high, mut low) = (x.clone(), x.clone());
            high[at] += STEP;
            low[at] -= STEP;
            let truth = (value(&net, &high) - value(&net, &low)) / (2.0 * f64::from(STEP));
            assert!((f64::from(*d) - truth).abs() < TOLERANCE, "{at:?}");
        }
    }
}
