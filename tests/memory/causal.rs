//! Causal regularization: predictors, training steps, sums of the best linear predictor.

use ndarray::{Array1, Array2, Array3};
use pauca::Real;
use pauca::causal::{
    Batch, Crt, Kind, Norm, Predictor, RidgeGram, Schedule, Start, Trainer, Transformer, Window,
};
use pauca_tests::memory::{every_refusal, every_refusal_few};
use pauca_tests::run::serial;

use crate::digest;

fn sequences<T: Real>(count: usize, steps: usize, d: usize) -> Array3<T> {
    let value = |(b, t, j)| ((b * 13 + t * 31 + j * 17 + t * j) % 97) as f64 / 48.0 - 1.0;
    Array3::from_shape_fn((count, steps, d), |at| T::from_f64(value(at)))
}

/// A value, then a training step.
fn training<T: Real>(name: &str, kind: Kind, batch: Batch<'_, T>, crt: Crt) {
    let cx = serial();
    every_refusal(name, || {
        let predictor = Predictor::new(kind, batch.dim(), batch.dim(), 1)?;
        let predicted = predictor.predict(&batch, &cx)?;
        let value = crt.value(&predictor, &batch, &cx)?;
        let mut trainer = Trainer::new(predictor, crt, Schedule::new().warm(0));
        let found = trainer.step(&batch, &cx)?;
        let projection = found.dprojection.as_ref().map(|(w, b)| (digest(w), digest(b)));
        let values = (digest(&predicted), digest(&value.per_step), digest(&value.r2_per_step));
        let gradients = (digest(&found.dz), digest(&found.dparams), projection);
        Ok((values, gradients, digest(trainer.predictor().params())))
    });
}

#[test]
fn refused_memory_is_an_error_for_causal_training() {
    // A number a step and a number a component are each a large allocation.
    let z = sequences::<f64>(2, 70, 64);
    let weight = Array2::from_shape_fn((64, 64), |(i, j)| ((i * 7 + j * 3) % 11) as f64 / 40.0);
    let (bias, order) = (Array1::from_elem(64, 0.25), (0..70).rev().collect::<Vec<_>>());
    let lengths = [60, 70];
    let batch = Batch::new(z.view()).order(&order).lengths(&lengths).normalized(true);
    let batch = batch.projected(weight.view(), Some(bias.view()));
    let crt = Crt::new().norm(Norm::Plain).predict_first(true);
    training("perceptron", Window::mlp(1, 64).start(Start::Learned).into(), batch, crt);
    let z = sequences::<f32>(1, 140, 16);
    let transformer = Transformer::new(140).layers(1).width(16).heads(2);
    training("transformer", transformer.into(), Batch::new(z.view()), Crt::new());
    // Many short sequences: long lists of their ends, and many tiles.
    let z = sequences::<f64>(4000, 2, 4);
    training("linear", Window::linear(4).into(), Batch::new(z.view()), Crt::new());
    let z = sequences::<f64>(300, 2, 4);
    training("low rank", Window::low_rank(4, 8).into(), Batch::new(z.view()), Crt::new());
}

#[test]
fn refused_memory_is_an_error_for_ridge_sums() {
    // The last component never varies: without a ridge the solution is one of many.
    let mut z = sequences::<f64>(3, 50, 64);
    z.slice_mut(ndarray::s![.., .., 63]).fill(1.0);
    let batch = Batch::new(z.view());
    let collect = || {
        let mut gram = RidgeGram::new(1, 64)?;
        gram.push(&batch)?;
        Ok(gram)
    };
    every_refusal("ridge sums", || {
        let (mut gram, other) = (collect()?, collect()?);
        gram.merge(&other)?;
        Ok(gram.rows())
    });
    let gram = collect().unwrap();
    for ridge in [0.0, 0.5] {
        every_refusal("ridge", || {
            let fit = gram.fit(ridge)?;
            let predictor = fit.predictor::<f32>()?;
            Ok((digest(&fit.weights), digest(&fit.bias), fit.rank, digest(predictor.params())))
        });
    }
    // Parameters by the thousand.
    every_refusal_few("many layers", || {
        Predictor::<f32>::new(Transformer::new(4).layers(8).width(4).heads(2), 2, 2, 0)
            .map(|p| digest(p.params()))
    });
}
