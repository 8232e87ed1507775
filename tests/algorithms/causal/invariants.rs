//! Properties of the regularizer on random problems.

use ndarray::{Array3, Axis};
use pauca::Context;
use pauca::causal::{Batch, CrtGradients, Flow};
use pauca_reference::causal as reference;
use pauca_tests::data::Rng;
use proptest::prelude::*;

use super::problem::{KINDS, Problem, worst_of_largest};

/// Two orders of adding a few numbers of size 1.
const ROUNDING: f64 = 1e-12;

fn gradients(p: &Problem, flow: Flow) -> CrtGradients<f64> {
    let arrays = p.arrays::<f64>();
    p.crt().flow(flow).gradients(&p.predictor(), &p.batch(&arrays), &Context::default()).unwrap()
}

fn values(a: &Array3<f64>) -> Vec<f64> {
    a.iter().copied().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn value_and_r2_equal_the_reference(kind in 0..4usize, seed: u64) {
        let p = Problem::random(KINDS[kind], seed);
        let found = gradients(&p, Flow::Both).value;
        let value = p.value();
        prop_assert!((found.loss - value).abs() <= ROUNDING * value.abs().max(1.0));
        let (targets, guesses) = (p.sequences(), p.guesses());
        let rule = reference::Rule { plain: false, reduction: 0, first: p.rule.first };
        prop_assert!((found.mse - reference::loss(&targets, &guesses, rule)).abs() <= ROUNDING * found.mse.max(1.0));
        let skipped = usize::from(!p.rule.first);
        let predicted: usize = targets.iter().map(|z| z.len().saturating_sub(skipped)).sum();
        prop_assert_eq!(found.predicted, predicted as u64);
        if let Some(r2) = found.r2 {
            let truth = reference::r2(&targets, &guesses, p.rule.first);
            prop_assert!((r2 - truth).abs() <= ROUNDING * truth.abs().max(1.0), "{} {}", r2, truth);
        }
        // The steps' means are those of the pooled rows.
        let counts: Vec<f64> = (0..p.z.dim().1)
            .map(|t| targets.iter().filter(|z| z.len() > t && t >= skipped).count() as f64).collect();
        let sum: f64 = counts.iter().zip(&found.per_step).filter(|(n, _)| **n > 0.0).map(|(n, v)| n * v).sum();
        prop_assert!((sum - found.mse * predicted as f64).abs() <= ROUNDING * sum.max(1.0));
        prop_assert!(counts.iter().zip(&found.per_step).all(|(n, v)| (*n == 0.0) == v.is_nan()));
    }

    #[test]
    fn loss_and_gradients_are_proportional_to_lambda(kind in 0..4usize, seed: u64) {
        let mut p = Problem::random(KINDS[kind], seed);
        p.lambda = 1.0;
        let one = gradients(&p, Flow::Both);
        p.lambda = 8.0;
        let eight = gradients(&p, Flow::Both);
        // Powers of two: exact.
        prop_assert_eq!(eight.value.loss, 8.0 * one.value.loss);
        prop_assert_eq!(values(&eight.dz), values(&one.dz.mapv(|v| 8.0 * v)));
        prop_assert_eq!(eight.dparams, one.dparams.mapv(|v| 8.0 * v));
        p.lambda = 0.0;
        let none = gradients(&p, Flow::Both);
        prop_assert!(none.value.loss == 0.0 && none.dz.iter().chain(&none.dparams).all(|v| *v == 0.0));
        prop_assert_eq!(none.value.r2, one.value.r2);
    }

    #[test]
    fn flows_through_inputs_and_targets_add_up(kind in 0..4usize, seed: u64) {
        let mut p = Problem::random(KINDS[kind], seed);
        p.normalized = false;
        let [both, inputs, targets] = [Flow::Both, Flow::Inputs, Flow::Targets].map(|flow| gradients(&p, flow));
        let sum = values(&(&inputs.dz + &targets.dz));
        prop_assert!(worst_of_largest(&sum, &values(&both.dz)) <= ROUNDING);
        // Parameters do not feel which side is cut.
        prop_assert_eq!(&both.dparams, &inputs.dparams);
        prop_assert_eq!(&both.dparams, &targets.dparams);
    }

    #[test]
    fn sequences_may_come_in_any_order(kind in 0..4usize, seed: u64) {
        let p = Problem::random(KINDS[kind], seed);
        let order = Rng(seed).permutation(p.z.dim().0);
        let mut q = p.clone();
        q.z = p.z.select(Axis(0), &order);
        q.lengths = p.lengths.as_ref().map(|lengths| order.iter().map(|&b| lengths[b]).collect());
        let (a, b) = (gradients(&p, Flow::Both), gradients(&q, Flow::Both));
        prop_assert_eq!(a.value.loss.to_bits(), b.value.loss.to_bits());
        prop_assert_eq!(a.value.mse.to_bits(), b.value.mse.to_bits());
        prop_assert_eq!(values(&a.dz.select(Axis(0), &order)), values(&b.dz));
        let sums = worst_of_largest(b.dparams.as_slice().unwrap(), a.dparams.as_slice().unwrap());
        prop_assert!(sums <= ROUNDING || a.dparams.iter().all(|v| v.abs() < ROUNDING));
    }

    #[test]
    fn an_order_is_the_same_as_latents_lying_so(kind in 0..4usize, seed: u64) {
        let mut p = Problem::random(KINDS[kind], seed);
        p.lengths = None;
        let order = Rng(seed).permutation(p.z.dim().1);
        p.order = Some(order.clone());
        let mut q = p.clone();
        q.order = None;
        q.z = p.z.select(Axis(1), &order);
        let (a, b) = (gradients(&p, Flow::Both), gradients(&q, Flow::Both));
        prop_assert_eq!(format!("{:?}", a.value), format!("{:?}", b.value));
        prop_assert_eq!(a.dparams, b.dparams);
        prop_assert_eq!(values(&a.dz.select(Axis(1), &order)), values(&b.dz));
    }

    #[test]
    fn padding_is_never_read_and_gets_exact_zeros(kind in 0..4usize, seed: u64) {
        let p = Problem::random(KINDS[kind], seed);
        let (sequences, steps, _) = p.z.dim();
        let lengths: Vec<usize> = (0..sequences).map(|b| (seed as usize >> b) % (steps + 1)).collect();
        let mut padded = p.clone();
        padded.lengths = Some(lengths.clone());
        let clean = gradients(&padded, Flow::Both);
        for (b, &length) in lengths.iter().enumerate() {
            padded.z.slice_mut(ndarray::s![b, length.., ..]).fill(f64::NAN);
        }
        let found = gradients(&padded, Flow::Both);
        prop_assert_eq!(format!("{:?}", found), format!("{:?}", clean));
        for (b, &length) in lengths.iter().enumerate() {
            let part = found.dz.slice(ndarray::s![b, length.., ..]);
            prop_assert!(part.iter().all(|v| v.to_bits() == 0));
        }
    }

    #[test]
    fn full_lengths_are_no_lengths(kind in 0..4usize, seed: u64) {
        let mut p = Problem::random(KINDS[kind], seed);
        p.lengths = None;
        let without = gradients(&p, Flow::Both);
        p.lengths = Some(vec![p.z.dim().1; p.z.dim().0]);
        prop_assert_eq!(format!("{:?}", without), format!("{:?}", gradients(&p, Flow::Both)));
    }

    #[test]
    fn strides_do_not_matter(kind in 0..4usize, seed: u64) {
        let mut p = Problem::random(KINDS[kind], seed);
        (p.projection, p.dim) = (None, p.z.dim().2);
        p.outputs = p.dim;
        let fresh = pauca::causal::Predictor::<f64>::new(p.kind, p.dim, p.dim, seed).unwrap();
        p.params = fresh.params().to_vec();
        let turned = p.z.clone().reversed_axes().as_standard_layout().to_owned();
        let batch = Batch::new(turned.view().reversed_axes());
        let cx = Context::default();
        let straight = p.crt().gradients(&p.predictor(), &Batch::new(p.z.view()), &cx).unwrap();
        let strided = p.crt().gradients(&p.predictor(), &batch, &cx).unwrap();
        prop_assert_eq!(format!("{:?}", straight), format!("{:?}", strided));
    }
}
