//! AdamW against the reference, and its errors.

use pauca::Error;
use pauca::causal::AdamW;
use pauca_reference::causal as reference;
use pauca_tests::data::Rng;

#[test]
fn adamw_equals_the_reference() {
    let mut rng = Rng(3);
    for case in 0..50 {
        let (rate, decay) = (1e-3 + rng.unit(), if case % 2 == 0 { 0.0 } else { 0.1 * rng.unit() });
        let betas = [0.99 * rng.unit(), 0.9 + 0.0999 * rng.unit()];
        let mut adam = AdamW::<f64>::new(3).rate(rate).decay(decay).betas(betas[0], betas[1]).epsilon(1e-6);
        let start: [f64; 3] = std::array::from_fn(|_| rng.normal());
        let gradients: Vec<[f64; 3]> = (0..100).map(|_| std::array::from_fn(|_| rng.normal())).collect();
        let mut params = start;
        gradients.iter().for_each(|g| adam.step(&mut params, g).unwrap());
        for j in 0..3 {
            let own: Vec<f64> = gradients.iter().map(|g| g[j]).collect();
            let truth = reference::adamw(start[j], &own, rate, betas, 1e-6, decay);
            assert_eq!(params[j].to_bits(), truth.to_bits(), "case {case}");
        }
        assert_eq!(adam.steps(), 100);
    }
}

#[test]
fn adamw_decay_is_decoupled_from_the_gradient() {
    let mut params = [8.0f64];
    AdamW::new(1).rate(0.5).decay(0.25).step(&mut params, &[0.0]).unwrap();
    assert_eq!(params[0], 8.0 - 0.5 * 0.25 * 8.0);
}

#[test]
fn adamw_changes_nothing_on_error() {
    let mut adam = AdamW::<f32>::new(2);
    adam.step(&mut [1.0, 2.0], &[0.5, 0.5]).unwrap();
    let before = adam.clone();
    let mut params = [1.0f32, 2.0];
    assert!(matches!(adam.step(&mut params, &[0.1, f32::NAN]), Err(Error::NonFinite { col: 1, .. })));
    assert!(matches!(
        adam.step(&mut params, &[0.1]),
        Err(Error::ShapeMismatch { expected: 2, found: 1, .. })
    ));
    assert!(matches!(adam.step(&mut params[..1], &[0.1, 0.1]), Err(Error::ShapeMismatch { .. })));
    assert_eq!((params, &adam), ([1.0, 2.0], &before));
    for bad in [
        AdamW::<f32>::new(1).rate(-1.0),
        AdamW::new(1).rate(f64::NAN),
        AdamW::new(1).betas(1.0, 0.5),
        AdamW::new(1).betas(0.5, -0.1),
        AdamW::new(1).epsilon(0.0),
        AdamW::new(1).decay(f64::INFINITY),
    ] {
        let found = bad.clone().step(&mut [1.0], &[1.0]);
        assert!(matches!(found, Err(Error::InvalidParameter { .. })), "{bad:?}");
    }
}
