//! Random problems: latents read in some way, a predictor, a rule; and their value by the reference.

use ndarray::{Array1, Array2, Array3};
use pauca::causal::{Batch, Crt, Kind, Norm, Predictor, Real, Start, Transformer, Window};
use pauca::vq::Reduction;
use pauca_reference::causal::{self as reference, Matrix, Rule, transformer::Shape};
use pauca_tests::data::Rng;

/// The four predictors.
pub const KINDS: [&str; 4] = ["linear", "low-rank", "mlp", "transformer"];

#[derive(Clone, Copy, Debug)]
enum Reference {
    Window(reference::Window, usize, bool),
    Transformer(Shape),
}

#[derive(Clone, Debug)]
pub struct Problem {
    pub z: Array3<f64>,
    pub lengths: Option<Vec<usize>>,
    pub order: Option<Vec<usize>>,
    pub projection: Option<(Array2<f64>, Array1<f64>)>,
    pub normalized: bool,
    pub kind: Kind,
    reference: Reference,
    pub dim: usize,
    pub outputs: usize,
    pub params: Vec<f64>,
    pub rule: Rule,
    pub lambda: f64,
}

/// Numbers of f32, so that both precisions see the same problem. Their size stays away from 0, where
/// directions and plain norms turn too fast for differences.
fn number(rng: &mut Rng) -> f64 {
    let size = 0.4 + rng.unit();
    (if rng.chance(0.5) { size } else { -size }) as f32 as f64
}

impl Problem {
    /// A problem with a predictor of the given kind.
    pub fn random(kind: &str, seed: u64) -> Self {
        let mut rng = Rng(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x5eed);
        let (sequences, steps) = (1 + rng.below(3), 1 + rng.below(5));
        let wide = 2 + rng.below(2);
        let projected = rng.chance(0.3);
        let dim = if projected { 2 + rng.below(2) } else { wide };
        let mut fill = |shape: (usize, usize)| Array2::from_shape_simple_fn(shape, || number(&mut rng));
        let projection = projected.then(|| (fill((wide, dim)), fill((1, dim)).row(0).to_owned()));
        let z = fill((sequences * steps, wide)).into_shape_with_order((sequences, steps, wide)).unwrap();
        let lengths = rng.chance(0.5).then(|| (0..sequences).map(|_| rng.below(steps + 1)).collect());
        let order = rng.chance(0.5).then(|| rng.permutation(steps));
        let (lags, inner, learned) = (1 + rng.below(3), 1 + rng.below(3), rng.chance(0.5));
        let heads = 1 + rng.below(2);
        let shape = Shape {
            steps: steps + rng.below(2),
            layers: rng.below(3),
            // Of two values layer normalization keeps little but their order.
            width: 4 * heads,
            heads,
            hidden: 1 + rng.below(5),
        };
        let start = if learned { Start::Learned } else { Start::Zero };
        let window =
            |window: Window, same| (Kind::from(window.start(start)), Reference::Window(same, lags, learned));
        let (kind, reference) = match kind {
            "linear" => window(Window::linear(lags), reference::Window::Linear),
            "low-rank" => window(Window::low_rank(lags, inner), reference::Window::LowRank(inner)),
            "mlp" => window(Window::mlp(lags, inner), reference::Window::Mlp(inner)),
            _ => {
                let transformer = Transformer::new(shape.steps).layers(shape.layers).width(shape.width);
                let transformer = transformer.heads(heads).hidden(shape.hidden);
                (Kind::from(transformer), Reference::Transformer(shape))
            }
        };
        let mut params = Predictor::<f32>::new(kind, dim, dim, seed).unwrap().params().to_vec();
        params.iter_mut().for_each(|p| *p += 0.5 * number(&mut rng) as f32);
        let rule = Rule { plain: rng.chance(0.3), reduction: rng.below(3), first: rng.chance(0.3) };
        Self {
            z,
            lengths,
            order,
            projection,
            normalized: rng.chance(0.3),
            kind,
            reference,
            dim,
            outputs: dim,
            params: params.into_iter().map(f64::from).collect(),
            rule,
            lambda: 0.5 + rng.unit(),
        }
    }

    pub fn crt(&self) -> Crt {
        let reduction = [Reduction::MeanRows, Reduction::MeanElements, Reduction::Sum][self.rule.reduction];
        let norm = if self.rule.plain { Norm::Plain } else { Norm::Squared };
        Crt::new().lambda(self.lambda).norm(norm).reduction(reduction).predict_first(self.rule.first)
    }

    pub fn predictor<T: Real>(&self) -> Predictor<T> {
        let mut predictor = Predictor::new(self.kind, self.dim, self.outputs, 0).unwrap();
        let params = self.params.iter().map(|&p| T::from_f64(p));
        predictor.params_mut().iter_mut().zip(params).for_each(|(to, p)| *to = p);
        predictor
    }

    /// The arrays in the precision of the test.
    pub fn arrays<T: Real>(&self) -> Arrays<T> {
        let projection = self.projection.as_ref().map(|(w, b)| (w.mapv(T::from_f64), b.mapv(T::from_f64)));
        Arrays { z: self.z.mapv(T::from_f64), projection }
    }

    pub fn batch<'a, T: Real>(&'a self, arrays: &'a Arrays<T>) -> Batch<'a, T> {
        let mut batch = Batch::new(arrays.z.view()).normalized(self.normalized);
        if let Some(lengths) = &self.lengths {
            batch = batch.lengths(lengths);
        }
        if let Some(order) = &self.order {
            batch = batch.order(order);
        }
        if let Some((w, b)) = &arrays.projection {
            batch = batch.projected(w.view(), Some(b.view()));
        }
        batch
    }

    /// The sequences as they are read, by the reference.
    pub fn sequences(&self) -> Vec<Matrix> {
        let steps = self.z.dim().1;
        let raster: Vec<usize> = (0..steps).collect();
        let order = self.order.as_ref().unwrap_or(&raster);
        let latent = |row: &Vec<f64>| {
            let mut row = row.clone();
            if let Some((w, b)) = &self.projection {
                let w: Matrix = w.rows().into_iter().map(|row| row.to_vec()).collect();
                row = reference::affine(&row, &w, &b.to_vec());
            }
            if self.normalized { reference::normalize(&row) } else { row }
        };
        let sequence = |(b, z): (usize, ndarray::ArrayView2<f64>)| {
            let rows: Matrix = z.rows().into_iter().map(|row| row.to_vec()).collect();
            let length = self.lengths.as_ref().map_or(steps, |lengths| lengths[b]);
            reference::read(&rows, length, order).iter().map(latent).collect()
        };
        self.z.outer_iter().enumerate().map(sequence).collect()
    }

    /// The guesses for them, by the reference.
    pub fn guesses(&self) -> Vec<Matrix> {
        let guess = |z: &Matrix| match self.reference {
            Reference::Window(kind, lags, learned) if !z.is_empty() => {
                reference::window(kind, lags, learned, &self.params, z, self.outputs)
            }
            Reference::Transformer(shape) if !z.is_empty() => {
                reference::transformer::transformer(shape, &self.params, z, self.outputs)
            }
            _ => Vec::new(),
        };
        self.sequences().iter().map(guess).collect()
    }

    /// The weighted loss, by the reference.
    pub fn value(&self) -> f64 {
        self.lambda * reference::loss(&self.sequences(), &self.guesses(), self.rule)
    }
}

#[derive(Clone, Debug)]
pub struct Arrays<T> {
    pub z: Array3<T>,
    pub projection: Option<(Array2<T>, Array1<T>)>,
}

/// Central difference of order 4 of f around 0.
pub fn difference(f: impl Fn(f64) -> f64) -> f64 {
    // Truncation below 1e-15 of the fifth derivative, rounding about 1e-12 of the value.
    const STEP: f64 = 2e-4;
    (8.0 * (f(STEP) - f(-STEP)) - (f(2.0 * STEP) - f(-2.0 * STEP))) / (12.0 * STEP)
}

/// The share of the largest value below which an error counts as one of that share: differences see no more.
const SHARE: f64 = 1e-3;

/// The largest error of `found`, each relative to its own true value or to [`SHARE`] of the largest.
pub fn worst(found: &[f64], truth: &[f64]) -> f64 {
    assert_eq!(found.len(), truth.len());
    let largest = truth.iter().map(|v| v.abs()).fold(0.0, f64::max);
    let error = |(a, b): (&f64, &f64)| (a - b).abs() / b.abs().max(SHARE * largest).max(f64::MIN_POSITIVE);
    found.iter().zip(truth).filter(|(a, b)| a != b).map(error).fold(0.0, f64::max)
}

/// The largest error relative to the largest value.
pub fn worst_of_largest(found: &[f64], truth: &[f64]) -> f64 {
    assert_eq!(found.len(), truth.len());
    let largest = truth.iter().map(|v| v.abs()).fold(f64::MIN_POSITIVE, f64::max);
    found.iter().zip(truth).map(|(a, b)| (a - b).abs() / largest).fold(0.0, f64::max)
}
