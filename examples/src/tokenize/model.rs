//! Stage 2: an autoregressive model of tokens.
//!
//! The library's causal transformer with embeddings of codes for latents and logits for predictions; the
//! loss is the cross-entropy of the next code. Every model gets the same number of operations, so a small
//! one sees more pictures.

use ndarray::Array3;
use pauca::causal::{AdamW, Batch, Predictor, Transformer};
use pauca::random::Stream;

use super::library;
use super::tokenizer::{BATCH, rate, serial};
use crate::failure::Result;

/// Streams of the first embeddings, of the order of pictures, and of samples.
const EMBEDDINGS: u32 = 80;
const ORDER: u32 = 81;
const SAMPLES: u32 = 82;
const RATE: f64 = 4e-3;
/// Points of the loss curve.
const POINTS: usize = 8;

/// Sizes of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// The name of the size.
    pub name: &'static str,
    /// Layers.
    pub layers: usize,
    /// Width.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
}

/// The two sizes compared.
pub const SIZES: [Size; 2] = [
    Size { name: "small", layers: 1, width: 32, heads: 2 },
    Size { name: "large", layers: 2, width: 64, heads: 4 },
];

impl Size {
    /// Operations of training on one token: six for every weight of a map, and those of attention.
    pub fn flops_per_token(&self, tokens: usize, codes: usize) -> f64 {
        let (w, layers) = (self.width as f64, self.layers as f64);
        let maps = layers * 12.0 * w * w + w * w + w * codes as f64;
        let attention = layers * w * (tokens + 1) as f64;
        6.0 * (maps + attention)
    }

    /// Training steps that the budget pays for, at least one.
    pub fn steps(&self, budget: f64, tokens: usize, codes: usize) -> usize {
        let step = self.flops_per_token(tokens, codes) * (BATCH * tokens) as f64;
        ((budget / step) as usize).max(1)
    }
}

/// A model of tokens.
pub struct Model {
    predictor: Predictor<f32>,
    table: Vec<f32>,
    width: usize,
    tokens: usize,
    codes: usize,
}

/// How a model learned.
pub struct Learned {
    /// Operations spent and validation loss in nats a token, along the way.
    pub curve: Vec<(f64, f64)>,
    /// Validation loss of each position in the end.
    pub per_position: Vec<f64>,
    /// The mean of those losses.
    pub loss: f64,
}

impl Model {
    /// Trains a model on whole pictures of ids; `valid` judges it.
    ///
    /// # Errors
    /// What the library reports, and what `poll` returns.
    #[allow(clippy::too_many_arguments, reason = "one call site")]
    pub fn train(
        size: Size,
        train: &[u32],
        valid: &[u32],
        tokens: usize,
        codes: usize,
        budget: f64,
        seed: u64,
        poll: &dyn Fn() -> Result<()>,
    ) -> Result<(Self, Learned)> {
        let transformer = Transformer::new(tokens).layers(size.layers).width(size.width).heads(size.heads);
        let predictor = Predictor::new(transformer, size.width, codes, seed).map_err(|e| library(&e))?;
        let stream = Stream::new(seed, EMBEDDINGS);
        // Uniform numbers of variance 1.
        let draw = |i: usize| (12f64.sqrt() * (stream.uniform(i as u64, 0) - 0.5)) as f32;
        let table: Vec<f32> = (0..codes * size.width).map(draw).collect();
        let mut this = Self { predictor, table, width: size.width, tokens, codes };
        let mut adam = AdamW::new(this.predictor.params().len()).betas(0.9, 0.95);
        let mut table_adam = AdamW::new(this.table.len()).betas(0.9, 0.95);
        let steps = size.steps(budget, tokens, codes);
        let order = Stream::new(seed, ORDER);
        let pictures = train.len() / tokens;
        let step_flops = size.flops_per_token(tokens, codes) * (BATCH * tokens) as f64;
        let mut curve = Vec::new();
        for step in 0..steps {
            poll()?;
            let mut ids = Vec::with_capacity(BATCH * tokens);
            for i in 0..BATCH {
                let row = (order.uniform((step * BATCH + i) as u64, 0) * pictures as f64) as usize;
                ids.extend(&train[row * tokens..(row + 1) * tokens]);
            }
            let (dparams, dtable) = this.gradients(&ids)?;
            let rate = rate(RATE, step, steps);
            adam.set_rate(rate);
            table_adam.set_rate(rate);
            adam.step(this.predictor.params_mut(), &dparams).map_err(|e| library(&e))?;
            table_adam.step(&mut this.table, &dtable).map_err(|e| library(&e))?;
            let done = step + 1;
            if done < steps && done * POINTS / steps > step * POINTS / steps {
                curve.push((done as f64 * step_flops, mean(&this.losses(valid)?)));
            }
        }
        let per_position = this.losses(valid)?;
        let loss = mean(&per_position);
        curve.push((steps as f64 * step_flops, loss));
        Ok((this, Learned { curve, per_position, loss }))
    }

    fn embed(&self, ids: &[u32], tokens: usize) -> Array3<f32> {
        let row = |id: &u32| &self.table[*id as usize * self.width..(*id as usize + 1) * self.width];
        let values = ids.iter().flat_map(row).copied().collect();
        Array3::from_shape_vec((ids.len() / tokens, tokens, self.width), values).expect("whole pictures")
    }

    /// Gradients of the mean cross-entropy: of the transformer, of the embeddings.
    fn gradients(&self, ids: &[u32]) -> Result<(Vec<f32>, Vec<f32>)> {
        let z = self.embed(ids, self.tokens);
        let share = 1.0 / ids.len() as f32;
        let found = self.predictor.backpropagate(
            &Batch::new(z.view()),
            |mut part| {
                for (i, place) in part.places.iter().enumerate() {
                    let code = ids[place.sequence * self.tokens + place.position] as usize;
                    let mut slope = part.dout.row_mut(i);
                    slope.assign(&part.out.row(i));
                    let slope = slope.as_slice_mut().expect("rows lie together");
                    softmax(slope);
                    slope[code] -= 1.0;
                    slope.iter_mut().for_each(|v| *v *= share);
                }
                Ok(())
            },
            &serial(),
        );
        let found = found.map_err(|e| library(&e))?;
        let mut dtable = vec![0.0; self.table.len()];
        let rows = found.dz.as_slice().expect("fresh gradients").chunks_exact(self.width);
        for (&id, row) in ids.iter().zip(rows) {
            let into = &mut dtable[id as usize * self.width..][..self.width];
            into.iter_mut().zip(row).for_each(|(into, v)| *into += v);
        }
        Ok((found.dparams.to_vec(), dtable))
    }

    /// Mean cross-entropy of each position, in nats.
    ///
    /// # Errors
    /// What the library reports.
    pub fn losses(&self, ids: &[u32]) -> Result<Vec<f64>> {
        let mut sums = vec![0.0; self.tokens];
        for part in ids.chunks(64 * self.tokens) {
            let z = self.embed(part, self.tokens);
            let out = self.predictor.predict(&Batch::new(z.view()), &serial()).map_err(|e| library(&e))?;
            let logits = out.as_slice().expect("fresh predictions").chunks_exact(self.codes);
            for (i, (row, &id)) in logits.zip(part).enumerate() {
                let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f64 = row.iter().map(|v| f64::from(v - largest).exp()).sum();
                sums[i % self.tokens] += sum.ln() - f64::from(row[id as usize] - largest);
            }
        }
        let pictures = (ids.len() / self.tokens) as f64;
        Ok(sums.into_iter().map(|sum| sum / pictures).collect())
    }

    /// `count` pictures of ids, drawn token by token.
    ///
    /// # Errors
    /// What the library reports, and what `poll` returns.
    pub fn sample(&self, count: usize, seed: u64, poll: &dyn Fn() -> Result<()>) -> Result<Vec<u32>> {
        let stream = Stream::new(seed, SAMPLES);
        let mut ids = vec![0u32; count * self.tokens];
        for t in 0..self.tokens {
            poll()?;
            // The prefixes; what stands at the place to be drawn is not looked at.
            let prefixes: Vec<u32> =
                ids.chunks_exact(self.tokens).flat_map(|row| row[..=t].iter().copied()).collect();
            let z = self.embed(&prefixes, t + 1);
            let out = self.predictor.predict(&Batch::new(z.view()), &serial()).map_err(|e| library(&e))?;
            for i in 0..count {
                let mut shares = out.slice(ndarray::s![i, t, ..]).to_vec();
                softmax(&mut shares);
                let mut left = stream.uniform((i * self.tokens + t) as u64, 0) as f32;
                let drawn = shares.iter().position(|share| {
                    left -= share;
                    left <= 0.0
                });
                ids[i * self.tokens + t] = drawn.unwrap_or(self.codes - 1) as u32;
            }
        }
        Ok(ids)
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn softmax(row: &mut [f32]) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for v in row.iter_mut() {
        *v = (*v - largest).exp();
        sum += *v;
    }
    row.iter_mut().for_each(|v| *v /= sum);
}
