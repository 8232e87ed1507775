//! Cases of causal regularization: AdamW, the weight over the steps, the loss of a linear AR(k) predictor.
//!
//! Everything is `f64`. The whole sequences of `steps` rows are the batch; a remainder is left out.

use ndarray::Array3;
use pauca::causal::{AdamW, Batch, Crt, Norm, Predictor, Schedule, Shape, Window};
use pauca::vq::Reduction;
use pauca::{Context, Control, Exec};
use pauca_reference::causal::{self as reference, Matrix, Rule};
use serde_json::{Value, json};

use super::input::hash;
use super::{choice, f64_bits, integers, within};

/// What the file is.
pub const DESCRIPTION: &str = "AdamW, the weight of the loss over the steps, the loss of linear predictors.";

/// sin² of half a turn's share is a product and a sine of one ulp each.
const LAMBDA_ULP: u64 = 4;
/// Sums of at most 300 products and 60 squares, in any order: below 1e-13 of the terms, which for R² may be
/// some hundred times the result.
const RELATIVE: f64 = 1e-10;

/// Parameters of the cases.
pub fn parameters() -> Vec<Value> {
    vec![
        json!({
            "steps": 8, "lags": 1, "norm": "squared", "reduction": "rows", "first": false, "lambda": 4.0,
            "lengths_seed": null, "reversed": false, "normalised": false, "weights_seed": 31,
            "max": 4.0, "warm": 1000, "rate": 0.001, "betas": [0.9, 0.999], "epsilon": 1e-8, "decay": 0.01,
        }),
        json!({
            "steps": 7, "lags": 3, "norm": "plain", "reduction": "elements", "first": true, "lambda": 0.5,
            "lengths_seed": 32, "reversed": true, "normalised": false, "weights_seed": 33,
            "max": 1.5, "warm": 7, "rate": 0.25, "betas": [0.5, 0.75], "epsilon": 0.0625, "decay": 0.0,
        }),
        json!({
            "steps": 5, "lags": 2, "norm": "squared", "reduction": "sum", "first": false, "lambda": 1.0,
            "lengths_seed": 34, "reversed": false, "normalised": true, "weights_seed": 35,
            "max": 3.0, "warm": 0, "rate": 0.1, "betas": [0.0, 0.9], "epsilon": 1e-6, "decay": 0.5,
        }),
    ]
}

fn integer(p: &Value, key: &str) -> u64 {
    p[key].as_u64().unwrap_or(0)
}

fn number(p: &Value, key: &str) -> f64 {
    p[key].as_f64().unwrap_or(0.0)
}

fn flag(p: &Value, key: &str) -> bool {
    p[key] == Value::Bool(true)
}

struct Case {
    /// Sequences of `steps` latents.
    z: Vec<Matrix>,
    lengths: Vec<usize>,
    /// The position read at each step.
    order: Vec<usize>,
    /// W [k d, d] row by row, then b.
    params: Vec<f64>,
    /// The first column: a parameter, then its gradients.
    column: Vec<f64>,
    lambda_steps: Vec<u64>,
}

impl Case {
    fn of(x: &[Vec<f32>], p: &Value) -> Self {
        let (steps, lags, d) = (integer(p, "steps") as usize, integer(p, "lags") as usize, x[0].len());
        let wide: Matrix = x.iter().map(|row| row.iter().map(|&v| f64::from(v)).collect()).collect();
        let z: Vec<Matrix> = wide.chunks_exact(steps).map(<[_]>::to_vec).collect();
        let length = |b: usize| match p["lengths_seed"].as_u64() {
            Some(seed) => 1 + (hash(seed, b as u64) % steps as u64) as usize,
            None => steps,
        };
        let mut order: Vec<usize> = (0..steps).collect();
        if flag(p, "reversed") {
            order.reverse();
        }
        let seed = integer(p, "weights_seed");
        let weight = |i: usize| ((hash(seed, i as u64) >> 40) as f64 - 8_388_608.0) / 67_108_864.0;
        let warm = integer(p, "warm");
        Self {
            lengths: (0..z.len()).map(length).collect(),
            order,
            params: (0..(lags * d + 1) * d).map(weight).collect(),
            column: wide.iter().map(|row| row[0]).collect(),
            lambda_steps: vec![0, 1, warm / 3, warm.saturating_sub(1), warm, warm + 5],
            z,
        }
    }
}

struct Outcome {
    adamw: Vec<f64>,
    linear: Vec<f64>,
    cosine: Vec<f64>,
    predicted: u64,
    loss: f64,
    mse: f64,
    r2: f64,
}

fn outputs(o: &Outcome) -> Value {
    let relative = |v: f64| within("C", json!({ "relative": RELATIVE }), f64_bits(&[v]));
    json!({
        "adamw": f64_bits(&o.adamw),
        "lambda_linear": f64_bits(&o.linear),
        "lambda_cosine": within("B", json!({ "ulp": LAMBDA_ULP }), f64_bits(&o.cosine)),
        "predicted": integers([Some(o.predicted)]),
        "loss": relative(o.loss),
        "mse": relative(o.mse),
        "r2": relative(o.r2),
    })
}

/// By the reference.
pub fn by_reference(x: &[Vec<f32>], p: &Value) -> Value {
    let c = Case::of(x, p);
    let read = |(z, &length): (&Matrix, &usize)| -> Matrix {
        let rows = reference::read(z, length, &c.order);
        rows.iter().map(|z| if flag(p, "normalised") { reference::normalize(z) } else { z.clone() }).collect()
    };
    let targets: Vec<Matrix> = c.z.iter().zip(&c.lengths).map(read).collect();
    let (lags, d) = (integer(p, "lags") as usize, x[0].len());
    let guess = |z: &Matrix| reference::window(reference::Window::Linear, lags, false, &c.params, z, d);
    let guesses: Vec<Matrix> = targets.iter().map(guess).collect();
    let reduction = ["rows", "elements", "sum"].iter().position(|r| p["reduction"] == *r).unwrap_or(0);
    let rule = Rule { plain: p["norm"] == "plain", reduction, first: flag(p, "first") };
    let skipped = usize::from(!rule.first);
    let lambda = |cosine| -> Vec<f64> {
        let (warm, max) = (integer(p, "warm"), number(p, "max"));
        c.lambda_steps.iter().map(|&step| reference::lambda(step, warm, max, cosine)).collect()
    };
    let betas = [0, 1].map(|i| p["betas"][i].as_f64().unwrap_or(0.0));
    let after = |n: usize| {
        let (rate, epsilon, decay) = (number(p, "rate"), number(p, "epsilon"), number(p, "decay"));
        reference::adamw(c.column[0], &c.column[1..=n], rate, betas, epsilon, decay)
    };
    outputs(&Outcome {
        adamw: (1..c.column.len()).map(after).collect(),
        linear: lambda(false),
        cosine: lambda(true),
        predicted: targets.iter().map(|z| z.len().saturating_sub(skipped) as u64).sum(),
        loss: number(p, "lambda") * reference::loss(&targets, &guesses, rule),
        mse: reference::loss(&targets, &guesses, Rule { plain: false, reduction: 0, ..rule }),
        r2: reference::r2(&targets, &guesses, rule.first),
    })
}

/// By the library.
///
/// # Errors
/// The library's.
pub fn by_library(x: &[Vec<f32>], p: &Value) -> pauca::Result<Value> {
    let c = Case::of(x, p);
    let (steps, lags, d) = (integer(p, "steps") as usize, integer(p, "lags") as usize, x[0].len());
    let z = Array3::from_shape_fn((c.z.len(), steps, d), |(b, t, j)| c.z[b][t][j]);
    let batch = Batch::new(z.view()).lengths(&c.lengths).order(&c.order).normalized(flag(p, "normalised"));
    let mut predictor = Predictor::new(Window::linear(lags), d, d, 0)?;
    predictor.params_mut().copy_from_slice(&c.params);
    let crt = Crt::new()
        .lambda(number(p, "lambda"))
        .norm(choice(p, "norm", &[("plain", Norm::Plain), ("squared", Norm::Squared)]))
        .reduction(choice(
            p,
            "reduction",
            &[("rows", Reduction::MeanRows), ("elements", Reduction::MeanElements), ("sum", Reduction::Sum)],
        ))
        .predict_first(flag(p, "first"));
    let value = crt.value(&predictor, &batch, &Context::new(Exec::serial(), Control::new()))?;
    let schedule = Schedule::new().max(number(p, "max")).warm(integer(p, "warm"));
    let lambda = |shape| -> pauca::Result<Vec<f64>> {
        c.lambda_steps.iter().map(|&step| schedule.shape(shape).at(step)).collect()
    };
    let betas = [0, 1].map(|i| p["betas"][i].as_f64().unwrap_or(0.0));
    let mut adam = AdamW::new(1)
        .rate(number(p, "rate"))
        .betas(betas[0], betas[1])
        .epsilon(number(p, "epsilon"))
        .decay(number(p, "decay"));
    let mut parameter = [c.column[0]];
    let mut adamw = Vec::new();
    for &gradient in &c.column[1..] {
        adam.step(&mut parameter, &[gradient])?;
        adamw.push(parameter[0]);
    }
    Ok(outputs(&Outcome {
        adamw,
        linear: lambda(Shape::Linear)?,
        cosine: lambda(Shape::Cosine)?,
        predicted: value.predicted,
        loss: value.loss,
        mse: value.mse,
        r2: value.r2.unwrap_or(f64::NAN),
    }))
}
