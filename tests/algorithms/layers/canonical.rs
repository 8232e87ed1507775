//! SVCCA, PWCCA, Procrustes.

use pauca::Error;
use pauca::layers::canonical::{procrustes, pwcca, svcca};
use pauca_reference::canonical as reference;
use pauca_tests::data::{Kind, Rng};
use pauca_tests::layout::array;

/// Two decompositions of the same matrix in f64, through one product each.
const DECOMPOSED: f64 = 1e-9;
/// The same where the rows were rounded to f32 after a map: 2^-24 of rows of size 1 to 10, over the smallest direction.
const MAPPED: f64 = 1e-6;
/// The same after a product that rounds extreme rows to f32, some of them subnormal.
const SCALED: f64 = 1e-5;

/// Rows that share some directions.
fn related(n: usize, rng: &mut Rng) -> [Vec<Vec<f32>>; 2] {
    let base = Kind::Normal.rows(n, 4, rng);
    [(); 2].map(|()| {
        let d = 2 + rng.below(6);
        let noise = 0.1 + rng.unit() as f32;
        base.iter().map(|row| (0..d).map(|j| row[j % 4] + noise * rng.normal() as f32).collect()).collect()
    })
}

#[test]
fn canonical_similarities_equal_the_reference() {
    for seed in 0..40 {
        let mut rng = Rng(seed);
        let [x, y] = related(30 + seed as usize, &mut rng);
        let (a, b) = (array(&x), array(&y));
        for keep in [0.5, 0.9, 0.99, 1.0] {
            let found = svcca(&a, &b, keep).unwrap().unwrap();
            assert!(
                (found.value - reference::svcca(&x, &y, keep)).abs() < DECOMPOSED,
                "seed {seed}, keep {keep}"
            );
            assert!(found.correlations.is_sorted_by(|a, b| a >= b) && !found.saturated);
            assert_eq!(found.correlations.len(), found.kept[0].min(found.kept[1]));
        }
        let found = pwcca(&a, &b).unwrap().unwrap();
        assert!((found.value - reference::pwcca(&x, &y)).abs() < DECOMPOSED, "seed {seed}");
        let found = procrustes(&a, &b).unwrap().unwrap();
        assert!((found - reference::procrustes(&x, &y)).abs() < DECOMPOSED, "seed {seed}");
    }
}

#[test]
fn canonical_similarity_of_a_state_with_itself_is_1() {
    for seed in 0..10 {
        let mut rng = Rng(seed);
        let [x, _] = related(40, &mut rng);
        let a = array(&x);
        // Any invertible map for CCA; a rotation, scale and shift for Procrustes.
        let turned =
            array(&x.iter().map(|r| r.iter().rev().map(|v| -2.0 * v + 5.0).collect()).collect::<Vec<_>>());
        for b in [&a, &turned] {
            assert!((svcca(&a, b, 0.99).unwrap().unwrap().value - 1.0).abs() < MAPPED);
            assert!((pwcca(&a, b).unwrap().unwrap().value - 1.0).abs() < MAPPED);
            assert!(procrustes(&a, b).unwrap().unwrap() < MAPPED);
        }
        let mut mixed = a.clone();
        let first = a.column(0).to_owned();
        mixed.column_mut(1).scaled_add(3.0, &first);
        assert!((svcca(&a, &mixed, 1.0).unwrap().unwrap().value - 1.0).abs() < MAPPED);
        assert!(procrustes(&a, &mixed).unwrap().unwrap() > 0.01);
    }
}

#[test]
fn canonical_correlations_of_too_few_samples_are_flagged() {
    let mut rng = Rng(3);
    let [x, y] = [(); 2].map(|()| array(&Kind::Normal.rows(10, 12, &mut rng)));
    let found = svcca(&x, &y, 1.0).unwrap().unwrap();
    // Independent data, and yet every correlation is 1.
    assert!(found.saturated && (found.value - 1.0).abs() < DECOMPOSED, "{found:?}");
    assert!(pwcca(&x, &y).unwrap().unwrap().saturated);
}

#[test]
fn canonical_correlations_are_saturated_from_one_direction_too_many_on() {
    // Ten samples have nine directions once they are centred.
    let mut rng = Rng(6);
    let x = array(&Kind::Normal.rows(10, 5, &mut rng));
    for (d, saturated) in [(3, false), (4, false), (5, true), (6, true)] {
        let y = array(&Kind::Normal.rows(10, d, &mut rng));
        for found in [svcca(&x, &y, 1.0), svcca(&y, &x, 1.0), pwcca(&x, &y)] {
            let found = found.unwrap().unwrap();
            assert_eq!((found.kept[0] + found.kept[1], found.saturated), (5 + d, saturated));
            // Subspaces that must meet have a correlation of 1; others need not.
            assert_eq!(found.correlations[0] > 1.0 - DECOMPOSED, saturated, "{d}: {:?}", found.correlations);
        }
    }
}

#[test]
fn svcca_keeps_the_direction_that_reaches_the_share() {
    // Variances 4 : 1 : 1 by construction; centred and orthogonal.
    let x = ndarray::Array2::from_shape_fn((8, 3), |(i, j)| {
        let sign = if i >> j & 1 == 0 { 1.0f32 } else { -1.0 };
        if j == 0 { 2.0 * sign } else { sign }
    });
    for (keep, kept) in [(0.5, 1), (0.66, 1), (0.67, 2), (0.83, 2), (0.84, 3), (1.0, 3)] {
        assert_eq!(svcca(&x, &x, keep).unwrap().unwrap().kept, [kept, kept], "{keep}");
    }
    for keep in [0.0, -1.0, 1.5, f64::NAN] {
        assert!(matches!(svcca(&x, &x, keep), Err(Error::InvalidParameter { name: "keep", .. })));
    }
}

#[test]
fn states_that_do_not_vary_have_no_canonical_similarity() {
    let constant = ndarray::Array2::from_elem((9, 3), 0.1f32);
    let x = array(&Kind::Normal.rows(9, 3, &mut Rng(4)));
    assert_eq!(svcca(&x, &constant, 0.99).unwrap(), None);
    assert_eq!(pwcca(&constant, &x).unwrap(), None);
    assert_eq!(procrustes(&constant, &constant).unwrap(), None);
}

#[test]
fn canonical_bad_input_is_an_error() {
    let x = array(&Kind::Normal.rows(9, 3, &mut Rng(5)));
    let short = x.slice(ndarray::s![..8, ..]).to_owned();
    assert!(matches!(procrustes(&x, &short), Err(Error::ShapeMismatch { expected: 9, found: 8, .. })));
    let mut bad = x.clone();
    bad[[4, 2]] = f32::NAN;
    assert!(matches!(pwcca(&x, &bad), Err(Error::NonFinite { row: 4, col: 2, .. })));
    let none = ndarray::Array2::<f32>::zeros((0, 3));
    assert!(matches!(procrustes(&none, &none), Err(Error::Empty { .. })));
    // Extreme values neither overflow nor vanish.
    for factor in [1e36f32, 1e-36] {
        let scaled = &x * factor;
        assert!(procrustes(&x, &scaled).unwrap().unwrap() < SCALED);
        assert!((svcca(&x, &scaled, 0.99).unwrap().unwrap().value - 1.0).abs() < SCALED);
    }
}
