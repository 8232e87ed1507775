//! The closed-form predictor: least squares, merging, singular latents, the envelope theorem.

use ndarray::{Array3, Axis, s};
use pauca::causal::{Batch, Crt, RidgeFit, RidgeGram};
use pauca::{Context, Error};
use pauca_reference::causal::{Matrix, ridge as reference};
use pauca_tests::data::Rng;
use proptest::prelude::*;

use super::problem::{difference, worst};

/// Elimination against Cholesky on covariances of condition below about 1e3.
const SOLVED: f64 = 1e-9;
/// As for all gradients.
const DIFFERENCE: f64 = 1e-6;

fn normal(rng: &mut Rng, shape: (usize, usize, usize)) -> Array3<f64> {
    Array3::from_shape_simple_fn(shape, || rng.normal() as f32 as f64)
}

fn fit(z: &Array3<f64>, lags: usize, ridge: f64) -> RidgeFit {
    let mut gram = RidgeGram::new(lags, z.dim().2).unwrap();
    gram.push(&Batch::new(z.view())).unwrap();
    gram.fit(ridge).unwrap()
}

fn rows(z: &Array3<f64>) -> Vec<Matrix> {
    z.outer_iter().map(|z| z.rows().into_iter().map(|row| row.to_vec()).collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ridge_equals_least_squares_on_the_rows(seed: u64, lags in 1..4usize, d in 1..4usize, penalty in 0..2usize) {
        let z = normal(&mut Rng(seed), (20, 6, d));
        let penalty = [0.0, 0.3][penalty];
        let (found, truth) = (fit(&z, lags, penalty), reference::ridge(&rows(&z), lags, penalty));
        prop_assert!((found.mse - truth.mse).abs() <= SOLVED * truth.mse);
        prop_assert!((found.r2.unwrap() - truth.r2).abs() <= SOLVED);
        for (row, truth) in found.weights.rows().into_iter().zip(&truth.weights) {
            prop_assert!(row.iter().zip(truth).all(|(a, b)| (a - b).abs() <= SOLVED));
        }
        prop_assert!(found.bias.iter().zip(&truth.bias).all(|(a, b)| (a - b).abs() <= SOLVED));
        prop_assert_eq!((found.rank, found.rows), (lags * d, 100));
        // Its predictor has the loss that the fit says.
        let predictor = found.predictor::<f64>().unwrap();
        let value = Crt::new().value(&predictor, &Batch::new(z.view()), &Context::default()).unwrap();
        prop_assert!((value.mse - found.mse).abs() <= SOLVED * found.mse);
        prop_assert!((value.r2.unwrap() - found.r2.unwrap()).abs() <= SOLVED);
    }

    #[test]
    fn ridge_error_never_rises_with_more_lags(seed: u64, d in 1..4usize) {
        let z = normal(&mut Rng(seed), (12, 7, d));
        let errors: Vec<f64> = (1..6).map(|lags| fit(&z, lags, 0.0).mse).collect();
        prop_assert!(errors.windows(2).all(|w| w[1] <= w[0] * (1.0 + SOLVED)), "{:?}", errors);
    }

    #[test]
    fn ridge_sums_have_the_same_bits_for_any_workers(seed: u64, lags in 1..3usize) {
        let mut rng = Rng(seed);
        let mut z = normal(&mut rng, (24, 5, 2));
        z.slice_mut(s![3, .., ..]).mapv_inplace(|v| v * 1e12);
        let lengths: Vec<usize> = (0..24).map(|_| rng.below(6)).collect();
        let all = {
            let mut gram = RidgeGram::new(lags, 2).unwrap();
            gram.push(&Batch::new(z.view()).lengths(&lengths)).unwrap();
            gram.fit(0.1).unwrap()
        };
        for workers in [1, 3, 8] {
            let mut grams: Vec<RidgeGram> = (0..workers).map(|_| RidgeGram::new(lags, 2).unwrap()).collect();
            for b in rng.permutation(24) {
                let one = z.select(Axis(0), &[b]);
                grams[rng.below(workers)].push(&Batch::new(one.view()).lengths(&[lengths[b]])).unwrap();
            }
            let mut sum = RidgeGram::new(lags, 2).unwrap();
            grams.iter().for_each(|gram| sum.merge(gram).unwrap());
            prop_assert_eq!(sum.fit(0.1).unwrap(), all.clone());
        }
    }
}

#[test]
fn ridge_gradient_at_the_optimum_is_that_of_the_solved_objective() {
    for seed in 0..20 {
        let mut rng = Rng(seed);
        let (lags, ridge) = (1 + rng.below(3), rng.pick(&[0.0, 0.2]));
        let z = normal(&mut rng, (6, 5, 2));
        let found = fit(&z, lags, ridge);
        let crt = Crt::new().lambda(1.0);
        let batch = Batch::new(z.view());
        let dz = crt.gradients(&found.predictor::<f64>().unwrap(), &batch, &Context::default()).unwrap().dz;
        let truth: Vec<f64> = z
            .indexed_iter()
            .map(|(at, _)| {
                difference(|h| {
                    let mut moved = z.clone();
                    moved[at] += h;
                    fit(&moved, lags, ridge).objective
                })
            })
            .collect();
        let error = worst(&dz.iter().copied().collect::<Vec<_>>(), &truth);
        assert!(error <= DIFFERENCE, "{seed}: {error:e}");
    }
}

#[test]
fn ridge_recovers_an_autoregression() {
    let mut rng = Rng(8);
    let (a, n) = ([[0.6, 0.2], [-0.3, 0.5]], 4000);
    let mut z = Array3::zeros((n, 8, 2));
    for b in 0..n {
        for t in 0..8 {
            for j in 0..2 {
                let mean: f64 =
                    if t > 0 { (0..2).map(|i| z[[b, t - 1, i]] * a[i][j]).sum::<f64>() } else { 0.0 };
                z[[b, t, j]] = mean + rng.normal();
            }
        }
    }
    let found = fit(&z, 1, 0.0);
    for i in 0..2 {
        for j in 0..2 {
            // Six standard errors of 28,000 rows of variance at least 1.
            assert!((found.weights[[i, j]] - a[i][j]).abs() < 6.0 / (28_000.0f64).sqrt());
        }
    }
    assert!((found.mse - 2.0).abs() < 6.0 * (4.0 / 28_000.0f64).sqrt());
}

#[test]
fn ridge_of_copied_components_shares_the_weight() {
    // Component 1 repeats component 0: of all least-squares solutions the shortest weighs both alike.
    let mut rng = Rng(4);
    let one = normal(&mut rng, (30, 6, 1));
    let z = Array3::from_shape_fn((30, 6, 2), |(b, t, _)| one[[b, t, 0]]);
    let (both, single) = (fit(&z, 1, 0.0), fit(&one, 1, 0.0));
    assert_eq!((both.rank, single.rank), (1, 1));
    let half = single.weights[[0, 0]] / 2.0;
    assert!(both.weights.iter().all(|w| (w - half).abs() < SOLVED), "{:?}", both.weights);
    assert!((both.mse - 2.0 * single.mse).abs() < SOLVED * both.mse);
    // A ridge makes it regular, and hardly different when small.
    const RIDGE: f64 = 1e-9;
    /// The ridge moves weights of at most 1 by its share of the Gram's least eigenvalue, which is above one half.
    const MOVED: f64 = 10.0 * RIDGE;
    let ridged = fit(&z, 1, RIDGE);
    assert!(ridged.weights.iter().all(|w| (w - half).abs() < MOVED) && ridged.rank == 2);
}

#[test]
fn ridge_of_constant_latents_predicts_the_constant() {
    let z = Array3::from_elem((3, 4, 2), 5.0);
    let found = fit(&z, 1, 0.0);
    assert_eq!((found.rank, found.r2), (0, None));
    assert!(found.weights.iter().all(|w| *w == 0.0) && found.mse == 0.0);
    assert!(found.bias.iter().all(|b| *b == 5.0));
}

#[test]
fn ridge_errors() {
    assert!(matches!(RidgeGram::new(0, 1), Err(Error::InvalidParameter { name: "lags", .. })));
    assert!(matches!(RidgeGram::new(1, 0), Err(Error::InvalidParameter { name: "dim", .. })));
    assert!(matches!(RidgeGram::new(usize::MAX, 2), Err(Error::TooLarge { .. })));
    let mut gram = RidgeGram::new(1, 2).unwrap();
    assert!(matches!(gram.fit(0.0), Err(Error::Empty { .. })));
    assert!(matches!(gram.fit(-1.0), Err(Error::InvalidParameter { .. })));
    assert!(matches!(gram.fit(f64::NAN), Err(Error::InvalidParameter { .. })));
    assert!(matches!(gram.merge(&RidgeGram::new(2, 2).unwrap()), Err(Error::Mismatch { .. })));
    let wide = Array3::<f64>::zeros((1, 2, 3));
    assert!(matches!(gram.push(&Batch::new(wide.view())), Err(Error::ShapeMismatch { .. })));
    // Only first steps: nothing to predict.
    let short = Array3::<f64>::zeros((4, 1, 2));
    gram.push(&Batch::new(short.view())).unwrap();
    assert!(matches!(gram.fit(0.0), Err(Error::Empty { .. })));
    // Sums beyond f64.
    let huge = Array3::from_shape_fn((2, 3, 2), |(b, t, _)| 1e200 * (1 + b + t) as f64);
    gram.push(&Batch::new(huge.view())).unwrap();
    assert!(matches!(gram.fit(0.0), Err(Error::NonFinite { .. })));
}
