//! Trainings that are saved and read again, and what C needs of a predictor.

use ndarray::Array3;
use pauca::causal::{
    AdamW, Batch, Crt, Flow, Kind, Norm, Predictor, Real, RidgeGram, Schedule, Shape, Start, Trainer,
    Transformer, Window,
};
use pauca::vq::Reduction;
use pauca::{Context, Error};
use pauca_tests::data::Rng;

fn latents<T: Real>(seed: u64) -> Array3<T> {
    let mut rng = Rng(seed);
    Array3::from_shape_simple_fn((3, 5, 2), || T::from_f64(rng.normal()))
}

fn kinds() -> Vec<Kind> {
    let transformer = Transformer::new(6).layers(2).width(4).heads(2);
    let mut kinds = vec![transformer.into(), transformer.hidden(3).into()];
    for &start in Start::ALL {
        let windows = [Window::linear(2), Window::low_rank(2, 1), Window::mlp(1, 3)];
        kinds.extend(windows.map(|window| Kind::from(window.start(start))));
    }
    kinds
}

fn steps<T: Real>(trainer: &mut Trainer<T>, from: u64, n: u64) {
    for step in from..from + n {
        let z = latents::<T>(step);
        trainer.step(&Batch::new(z.view()), &Context::default()).unwrap();
    }
}

/// Five steps, saved, read, five steps: the bits of ten steps.
fn resumes<T: Real>(kind: Kind, crt: Crt, shape: Shape) {
    let predictor = Predictor::<T>::new(kind, 2, 2, 11).unwrap();
    let mut whole = Trainer::new(predictor, crt, Schedule::new().max(2.0).warm(7).shape(shape));
    let n = whole.predictor().params().len();
    whole.set_optimizer(AdamW::new(n).rate(0.02).betas(0.8, 0.95).epsilon(1e-7).decay(0.1));
    let fresh = Trainer::<T>::from_bytes(&whole.to_bytes().unwrap()).unwrap();
    assert_eq!(fresh, whole, "before the first step");
    steps(&mut whole, 0, 5);
    let bytes = whole.to_bytes().unwrap();
    steps(&mut whole, 5, 5);
    let mut resumed = Trainer::<T>::from_bytes(&bytes).unwrap();
    assert!(resumed.to_bytes().unwrap() == bytes, "canonical");
    steps(&mut resumed, 5, 5);
    assert!(resumed.to_bytes().unwrap() == whole.to_bytes().unwrap(), "{kind:?}");
    assert_eq!((resumed.steps(), &resumed), (10, &whole));
}

#[test]
fn a_training_goes_on_from_its_bytes_to_the_same_bits() {
    for kind in kinds() {
        resumes::<f32>(kind, Crt::new(), Shape::Linear);
        resumes::<f64>(kind, Crt::new(), Shape::Linear);
    }
    let kind = kinds()[2];
    for &shape in Shape::ALL {
        for &norm in Norm::ALL {
            for &flow in Flow::ALL {
                for reduction in [Reduction::MeanElements, Reduction::MeanRows, Reduction::Sum] {
                    for first in [false, true] {
                        let crt = Crt::new().norm(norm).flow(flow).reduction(reduction).predict_first(first);
                        resumes::<f32>(kind, crt, shape);
                    }
                }
            }
        }
    }
}

#[test]
fn predictors_and_optimizers_travel_alone_and_of_their_type() {
    for kind in kinds() {
        let predictor = Predictor::<f32>::new(kind, 2, 5, 1).unwrap();
        let bytes = predictor.to_bytes().unwrap();
        assert_eq!(Predictor::<f32>::from_bytes(&bytes).unwrap(), predictor);
        assert!(matches!(Predictor::<f64>::from_bytes(&bytes), Err(Error::Corrupt { .. })));
        assert!(matches!(AdamW::<f32>::from_bytes(&bytes), Err(Error::Corrupt { offset: 0, .. })));
    }
    let mut adam = AdamW::<f64>::new(2);
    adam.step(&mut [1.0, 2.0], &[0.5, 0.25]).unwrap();
    let mut again = AdamW::from_bytes(&adam.to_bytes().unwrap()).unwrap();
    assert_eq!(again, adam);
    let (mut a, mut b) = ([1.0, 2.0], [1.0, 2.0]);
    adam.step(&mut a, &[1.0, -1.0]).unwrap();
    again.step(&mut b, &[1.0, -1.0]).unwrap();
    assert_eq!(a.map(f64::to_bits), b.map(f64::to_bits));
    // What no step takes does not travel.
    let bad = AdamW::<f64>::new(1).rate(f64::NAN).to_bytes();
    assert!(matches!(bad, Err(Error::InvalidParameter { name: "rate", .. })));
    let mut predictor = Predictor::<f64>::new(Window::linear(1), 1, 1, 0).unwrap();
    predictor.params_mut()[1] = f64::NAN;
    assert!(matches!(predictor.to_bytes(), Err(Error::NonFinite { col: 1, .. })));
}

#[test]
fn sums_of_the_ridge_predictor_meet_from_their_bytes() {
    let parts = [latents::<f64>(1), latents(2), latents(3)];
    let mut whole = RidgeGram::new(2, 2).unwrap();
    let mut merged = RidgeGram::new(2, 2).unwrap();
    for z in parts.iter().rev() {
        let mut part = RidgeGram::new(2, 2).unwrap();
        part.push(&Batch::new(z.view())).unwrap();
        merged.merge(&RidgeGram::from_bytes(&part.to_bytes().unwrap()).unwrap()).unwrap();
    }
    parts.iter().for_each(|z| whole.push(&Batch::new(z.view())).unwrap());
    assert_eq!(merged.to_bytes().unwrap(), whole.to_bytes().unwrap());
    assert_eq!(merged.fit(0.1).unwrap(), whole.fit(0.1).unwrap());
}

#[test]
fn a_gradient_of_the_predictions_does_what_a_loss_does() {
    let (z, cx) = (latents::<f64>(4), Context::default());
    let (lengths, order) = ([5, 0, 3], [4, 2, 0, 1, 3]);
    let batch = Batch::new(z.view()).lengths(&lengths).order(&order);
    for kind in kinds() {
        let mut predictor = Predictor::<f64>::new(kind, 2, 3, 2).unwrap();
        let mut rng = Rng(6);
        predictor.params_mut().iter_mut().for_each(|p| *p = 0.3 * rng.normal());
        let out = predictor.predict(&batch, &cx).unwrap();
        let mut d = out.mapv(|v| v.sin());
        let from_loss = predictor
            .backpropagate(
                &batch,
                |mut part| {
                    let slopes = part.out.mapv(|v| v.sin());
                    part.dout.assign(&slopes);
                    Ok(())
                },
                &cx,
            )
            .unwrap();
        // Positions that do not exist are not read.
        d[[1, 0, 0]] = f64::NAN;
        d[[2, 3, 1]] = f64::INFINITY;
        assert_eq!(predictor.backpropagate_from(&batch, d.view(), &cx).unwrap(), from_loss);
        let mut memory = Array3::from_elem((3, 5, 3), 7.0);
        predictor.predict_into(&batch, memory.view_mut(), &cx).unwrap();
        assert_eq!(memory, out);
        d[[0, 1, 2]] = f64::NAN;
        let found = predictor.backpropagate_from(&batch, d.view(), &cx);
        assert!(matches!(found, Err(Error::NonFinite { row: 1, col: 2, .. })));
        let small = d.slice(ndarray::s![.., ..4, ..]);
        let found = predictor.backpropagate_from(&batch, small, &cx);
        assert!(matches!(found, Err(Error::ShapeMismatch { expected: 5, found: 4, .. })));
        let mut memory = Array3::from_elem((3, 5, 2), 7.0);
        assert!(predictor.predict_into(&batch, memory.view_mut(), &cx).is_err());
        assert!(memory.iter().all(|v| *v == 7.0));
    }
}
