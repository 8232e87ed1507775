//! The edge cases of the contracts by name, and every error.

use ndarray::{Array1, Array2, Array3, array};
use pauca::causal::{
    Batch, Crt, Kind, Norm, Predictor, RidgeGram, Schedule, Shape, Start, Trainer, Transformer, Window,
};
use pauca::{Context, Error};

fn cx() -> Context<'static> {
    Context::default()
}

fn some(b: usize, t: usize, d: usize) -> Array3<f64> {
    Array3::from_shape_fn((b, t, d), |(b, t, j)| ((b * 31 + t * 7 + j * 3) as f64).sin())
}

/// A predictor whose parameters are all in use.
fn predictor(kind: impl Into<Kind>, d: usize) -> Predictor<f64> {
    let mut predictor = Predictor::new(kind, d, d, 1).unwrap();
    predictor.params_mut().iter_mut().enumerate().for_each(|(i, p)| *p += 0.3 * (i as f64).cos());
    predictor
}

fn all_kinds() -> [Kind; 4] {
    [
        Window::linear(2).into(),
        Window::low_rank(2, 1).start(Start::Learned).into(),
        Window::mlp(3, 4).into(),
        Transformer::new(6).width(4).heads(2).into(),
    ]
}

#[test]
fn crt_of_a_single_step_is_zero() {
    for kind in all_kinds() {
        let z = some(3, 1, 2);
        let found = Crt::new().gradients(&predictor(kind, 2), &Batch::new(z.view()), &cx()).unwrap();
        assert_eq!((found.value.loss, found.value.mse, found.value.predicted), (0.0, 0.0, 0));
        assert!(found.value.r2.is_none() && found.value.per_step[0].is_nan());
        assert!(found.dz.iter().chain(&found.dparams).all(|v| *v == 0.0));
        // Unless the first latent is predicted too: from nothing.
        let crt = Crt::new().predict_first(true);
        let found = crt.gradients(&predictor(kind, 2), &Batch::new(z.view()), &cx()).unwrap();
        assert_eq!(found.value.predicted, 3);
        assert!(found.value.loss > 0.0);
    }
}

#[test]
fn crt_of_sequences_that_do_not_exist_is_zero() {
    let z = Array3::from_elem((2, 3, 2), f64::NAN);
    for kind in all_kinds() {
        let batch = Batch::new(z.view()).lengths(&[0, 0]);
        let found = Crt::new().gradients(&predictor(kind, 2), &batch, &cx()).unwrap();
        assert_eq!((found.value.loss, found.value.predicted), (0.0, 0));
        assert!(found.dz.iter().chain(&found.dparams).all(|v| v.to_bits() == 0));
        assert!(predictor(kind, 2).predict(&batch, &cx()).unwrap().iter().all(|v| *v == 0.0));
    }
}

#[test]
fn crt_of_a_perfect_prediction_is_zero_with_either_norm() {
    // Each latent equals the one before: W = 1.
    let z = Array3::from_elem((2, 4, 3), 1.5);
    let mut copy = Predictor::<f64>::new(Window::linear(1), 3, 3, 0).unwrap();
    (0..3).for_each(|i| copy.params_mut()[i * 3 + i] = 1.0);
    for norm in [Norm::Squared, Norm::Plain] {
        let found = Crt::new().norm(norm).gradients(&copy, &Batch::new(z.view()), &cx()).unwrap();
        assert_eq!(found.value.loss, 0.0);
        assert!(found.dz.iter().chain(&found.dparams).all(|v| *v == 0.0));
        assert_eq!((found.value.r2, found.value.variance), (None, 0.0));
    }
}

#[test]
fn crt_shrunk_latents_lower_the_loss_but_not_r2() {
    const SHRINK: f64 = 1e-3;
    /// Loss and variance both shrink by SHRINK², so their ratio moves by the rounding of some hundred terms.
    const ROUNDING: f64 = 1e-12;
    let z = some(8, 5, 2);
    let mut gram = RidgeGram::new(1, 2).unwrap();
    gram.push(&Batch::new(z.view())).unwrap();
    let mut fitted = gram.fit(0.0).unwrap().predictor::<f64>().unwrap();
    let large = Crt::new().value(&fitted, &Batch::new(z.view()), &cx()).unwrap();
    let small = &z * SHRINK;
    let shift = fitted.params().len() - 2;
    fitted.params_mut()[shift..].iter_mut().for_each(|b| *b *= SHRINK);
    let shrunk = Crt::new().value(&fitted, &Batch::new(small.view()), &cx()).unwrap();
    assert!(shrunk.loss < 1.1 * SHRINK * SHRINK * large.loss);
    assert!((shrunk.r2.unwrap() - large.r2.unwrap()).abs() < ROUNDING);
}

#[test]
fn crt_of_zero_rows_normalized_is_finite() {
    let mut z = some(2, 4, 3);
    z.slice_mut(ndarray::s![0, 1.., ..]).fill(0.0);
    let batch = Batch::new(z.view()).normalized(true);
    for kind in all_kinds() {
        let found = Crt::new().gradients(&predictor(kind, 3), &batch, &cx()).unwrap();
        assert!(found.dz.iter().chain(&found.dparams).all(|v| v.is_finite()));
        assert!(found.dz.slice(ndarray::s![0, 1.., ..]).iter().all(|v| *v == 0.0));
    }
}

#[test]
fn crt_normalized_latents_survive_any_magnitude() {
    /// The unit rows agree up to a rounding or two of their entries.
    const ROUNDING: f64 = 1e-13;
    for scale in [1e-300, 1e-160, 1e160, 1e300] {
        let z = some(2, 4, 3);
        let (plain, scaled) = (z.clone(), &z * scale);
        let value = |z: &Array3<f64>| {
            let batch = Batch::new(z.view()).normalized(true);
            Crt::new().value(&predictor(Window::linear(1), 3), &batch, &cx()).unwrap().loss
        };
        assert!((value(&plain) - value(&scaled)).abs() < ROUNDING * value(&plain).abs(), "{scale:e}");
    }
}

#[test]
fn predictor_begins_with_a_prediction_of_zero() {
    let z = some(2, 5, 3);
    for kind in all_kinds() {
        let fresh = Predictor::<f64>::new(kind, 3, 3, 9).unwrap();
        assert!(fresh.predict(&Batch::new(z.view()), &cx()).unwrap().iter().all(|v| *v == 0.0));
        assert_eq!(fresh, Predictor::new(kind, 3, 3, 9).unwrap());
        let entries: usize = fresh.blocks().iter().map(|block| block.range().len()).sum();
        assert_eq!(entries, fresh.params().len());
    }
    let one = Predictor::<f64>::new(Window::mlp(2, 8), 3, 3, 1).unwrap();
    assert_ne!(one, Predictor::new(Window::mlp(2, 8), 3, 3, 2).unwrap());
}

#[test]
fn predictor_first_maps_have_the_documented_variance() {
    let inputs = 64;
    let transformer = Transformer::new(4).width(256).heads(4);
    let predictor = Predictor::<f64>::new(transformer, inputs, 1, 5).unwrap();
    let block = predictor.blocks()[0];
    assert_eq!((block.name, block.rows, block.cols), ("E", inputs, 256));
    let values = &predictor.params()[block.range()];
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64;
    // Six standard errors of 16,384 uniform numbers.
    assert!(mean.abs() < 6.0 / (64.0f64 * 16384.0).sqrt());
    assert!((variance * 64.0 - 1.0).abs() < 6.0 * (0.8f64 / 16384.0).sqrt());
}

#[test]
fn linear_window_sees_its_lags_in_the_documented_order() {
    let mut ar = Predictor::<f64>::new(Window::linear(2).start(Start::Learned), 1, 1, 0).unwrap();
    // S: one before the first is 100, two before 1000. W: 2 z_{t-1} + 3 z_{t-2}. b = 0.5.
    ar.params_mut().copy_from_slice(&[100.0, 1000.0, 2.0, 3.0, 0.5]);
    let names: Vec<_> = ar.blocks().iter().map(|block| (block.name, block.rows, block.cols)).collect();
    assert_eq!(names, [("S", 2, 1), ("W", 2, 1), ("b", 1, 1)]);
    let z = array![[[1.0], [10.0], [20.0]]];
    let out = ar.predict(&Batch::new(z.view()), &cx()).unwrap();
    assert_eq!(out, array![[[3200.5], [302.5], [23.5]]]);
}

#[test]
fn bad_latents_name_their_place() {
    for bad in [f64::NAN, f64::INFINITY] {
        let mut z = some(3, 4, 2);
        z[[2, 1, 1]] = bad;
        for kind in all_kinds() {
            let found = Crt::new().gradients(&predictor(kind, 2), &Batch::new(z.view()), &cx());
            assert!(matches!(found, Err(Error::NonFinite { what: "z", row: 9, col: 1 })), "{found:?}");
        }
        let mut gram = RidgeGram::new(1, 2).unwrap();
        assert!(matches!(gram.push(&Batch::new(z.view())), Err(Error::NonFinite { row: 9, col: 1, .. })));
        assert_eq!(gram.rows(), 0);
    }
}

#[test]
fn bad_shapes_are_errors_with_their_numbers() {
    let z = some(2, 4, 3);
    let ar = predictor(Window::linear(1), 3);
    let value = |batch: &Batch<f64>| Crt::new().value(&ar, batch, &cx()).unwrap_err();
    let batch = || Batch::new(z.view());
    macro_rules! refused {
        ($found:expr, $error:pat) => {
            let found = $found;
            assert!(matches!(found, $error), "{found:?}");
        };
    }
    refused!(value(&batch().lengths(&[4])), Error::ShapeMismatch { what: "lengths", expected: 2, found: 1 });
    refused!(value(&batch().lengths(&[4, 5])), Error::TooLarge { size: 5, limit: 4, .. });
    refused!(
        value(&batch().order(&[0, 1, 2])),
        Error::ShapeMismatch { what: "order", expected: 4, found: 3 }
    );
    refused!(value(&batch().order(&[0, 1, 2, 2])), Error::InvalidParameter { name: "order", .. });
    refused!(value(&batch().order(&[0, 1, 2, 4])), Error::InvalidParameter { name: "order", .. });
    let (w, b) = (Array2::<f64>::zeros((2, 3)), Array1::<f64>::zeros(2));
    refused!(value(&batch().projected(w.view(), None)), Error::ShapeMismatch { what: "projection", .. });
    let w = Array2::<f64>::zeros((3, 3));
    refused!(
        value(&batch().projected(w.view(), Some(b.view()))),
        Error::ShapeMismatch { what: "projection bias", .. }
    );
    let mut broken = w.clone();
    broken[[1, 2]] = f64::NAN;
    refused!(
        value(&batch().projected(broken.view(), None)),
        Error::NonFinite { what: "projection", row: 1, col: 2 }
    );
    let wide = some(2, 4, 5);
    refused!(
        value(&Batch::new(wide.view())),
        Error::ShapeMismatch { what: "a latent", expected: 3, found: 5 }
    );
    for shape in [(0, 4, 3), (2, 0, 3)] {
        let none = Array3::<f64>::zeros(shape);
        refused!(value(&Batch::new(none.view())), Error::Empty { what: "z" });
    }
    let codes = Predictor::<f64>::new(Window::linear(1), 3, 7, 0).unwrap();
    refused!(
        Crt::new().value(&codes, &batch(), &cx()).unwrap_err(),
        Error::ShapeMismatch { what: "a prediction", expected: 3, found: 7 }
    );
    let short = predictor(Transformer::new(3).width(4).heads(1), 3);
    refused!(
        Crt::new().value(&short, &batch(), &cx()).unwrap_err(),
        Error::TooLarge { size: 4, limit: 3, .. }
    );
    let mut broken = ar.clone();
    broken.params_mut()[4] = f64::INFINITY;
    refused!(
        Crt::new().value(&broken, &batch(), &cx()).unwrap_err(),
        Error::NonFinite { what: "the parameters", col: 4, .. }
    );
    for lambda in [-1.0, f64::NAN, f64::INFINITY] {
        let found = Crt::new().lambda(lambda).value(&ar, &batch(), &cx()).unwrap_err();
        refused!(found, Error::InvalidParameter { name: "lambda", .. });
    }
}

#[test]
fn impossible_predictors_are_errors() {
    let new = |kind: Kind, d| Predictor::<f64>::new(kind, d, d, 0).unwrap_err();
    for kind in [
        Window::linear(0).into(),
        Window::low_rank(1, 0).into(),
        Window::mlp(2, 0).into(),
        Transformer::new(0).into(),
        Transformer::new(4).width(0).into(),
        Transformer::new(4).heads(0).into(),
        Transformer::new(4).hidden(0).into(),
        Transformer::new(4).width(6).heads(4).into(),
    ] {
        assert!(matches!(new(kind, 2), Error::InvalidParameter { .. }), "{kind:?}");
    }
    assert!(matches!(new(Window::linear(1).into(), 0), Error::InvalidParameter { name: "inputs", .. }));
    for kind in [
        Window::linear(usize::MAX).into(),
        Window::mlp(3, usize::MAX / 2).into(),
        Transformer::new(usize::MAX).into(),
        Transformer::new(4).layers(usize::MAX).into(),
        Transformer::new(4).width(usize::MAX - 3).heads(1).into(),
    ] {
        assert!(matches!(new(kind, 2), Error::TooLarge { .. } | Error::OutOfMemory { .. }), "{kind:?}");
    }
}

#[test]
fn schedule_rises_from_zero_and_stays() {
    /// Two libraries' sine, squared: a few units of 4.
    const SINES: f64 = 5.0 * 4.0 * f64::EPSILON;
    for shape in [Shape::Linear, Shape::Cosine] {
        for warm in [1, 2, 7, 1000, u64::MAX] {
            let schedule = Schedule::new().warm(warm).shape(shape);
            assert_eq!(schedule.at(0).unwrap(), 0.0);
            assert_eq!(schedule.at(warm).unwrap(), 4.0);
            assert_eq!(schedule.at(u64::MAX).unwrap(), 4.0);
            let steps: Vec<u64> =
                (0..2000u64).map(|i| (warm as u128 * i as u128 / 1900).min(u64::MAX.into()) as u64).collect();
            let values: Vec<f64> = steps.iter().map(|&s| schedule.at(s).unwrap()).collect();
            assert!(values.windows(2).all(|w| w[0] <= w[1]), "{shape:?} {warm}");
            for (&step, &value) in steps.iter().zip(&values) {
                let truth = pauca_reference::causal::lambda(step, warm, 4.0, shape == Shape::Cosine);
                assert!((value - truth).abs() <= SINES, "{shape:?} {step}");
            }
        }
        assert_eq!(Schedule::new().warm(0).shape(shape).at(0).unwrap(), 4.0);
    }
    assert_eq!(Schedule::new().max(0.0).at(500).unwrap(), 0.0);
    for max in [-1.0, f64::NAN, f64::INFINITY] {
        let found = Schedule::new().max(max).at(0);
        assert!(matches!(found, Err(Error::InvalidParameter { .. })));
    }
}

#[test]
fn trainer_without_lambda_measures_and_leaves_the_encoder_alone() {
    let z = Array3::from_shape_fn((6, 5, 2), |(b, t, j)| (b + j + 1) as f64 * 0.8f64.powi(t as i32));
    let fresh = Predictor::<f64>::new(Window::linear(1), 2, 2, 0).unwrap();
    let mut trainer = Trainer::new(fresh, Crt::new(), Schedule::new().max(0.0));
    let first = trainer.step(&Batch::new(z.view()), &cx()).unwrap();
    for _ in 0..200 {
        let found = trainer.step(&Batch::new(z.view()), &cx()).unwrap();
        assert!(found.value.loss == 0.0 && found.dz.iter().all(|v| *v == 0.0));
    }
    let last = trainer.step(&Batch::new(z.view()), &cx()).unwrap();
    assert!(last.value.mse < 0.5 * first.value.mse);
    assert_eq!(trainer.steps(), 202);
}

#[test]
fn trainer_step_hands_out_the_gradients_of_its_lambda() {
    let z = some(3, 4, 2);
    let start = predictor(Transformer::new(4).width(4).heads(2), 2);
    let mut trainer = Trainer::new(start.clone(), Crt::new(), Schedule::new().max(2.0).warm(4));
    for step in 0..6 {
        let before = trainer.predictor().clone();
        let found = trainer.step(&Batch::new(z.view()), &cx()).unwrap();
        // Powers of two: exact.
        let lambda = [0.0, 0.5, 1.0, 1.5, 2.0, 2.0][step];
        let crt = Crt::new().lambda(1.0);
        let truth = crt.gradients(&before, &Batch::new(z.view()), &cx()).unwrap();
        assert_eq!(found.dz, truth.dz.mapv(|v| lambda * v));
        assert_eq!(found.value.loss, lambda * truth.value.loss);
        assert_ne!(&before, trainer.predictor());
    }
    let mut bad = z.clone();
    bad[[0, 0, 0]] = f64::NAN;
    let before = trainer.clone();
    assert!(trainer.step(&Batch::new(bad.view()), &cx()).is_err());
    assert_eq!(before, trainer);
}
