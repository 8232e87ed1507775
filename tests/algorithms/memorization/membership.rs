//! Min-K%, Min-K%++, rates.

use pauca::Error;
use pauca::memorization::{
    IGNORED, LogitScan, LogitSpread, min_k, min_k_published, reference_difference, standardized, token_loss,
    tpr_at_fpr, zlib_ratio,
};
use pauca_reference::{extraction as reference, softmax};
use pauca_tests::data::Rng;
use pauca_tests::layout::array;
use proptest::prelude::*;

/// Two means of the same values, each rounded.
const MEANS: f64 = 1e-12;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn min_k_equals_the_reference_and_ignores_order(
        values in prop::collection::vec(-30.0..0.0f64, 1..60), k in 0.001..1.0f64, seed in any::<u64>(),
    ) {
        let found = min_k(&values, k).unwrap();
        prop_assert_eq!(found.to_bits(), reference::min_k(&values, k).to_bits());
        prop_assert!(found.is_finite());
        let order = Rng(seed).permutation(values.len());
        let permuted: Vec<f64> = order.into_iter().map(|i| values[i]).collect();
        prop_assert_eq!(min_k(&permuted, k).unwrap().to_bits(), found.to_bits());
        // k = 1 is the mean; the published count agrees where it is not 0.
        prop_assert_eq!(min_k(&values, 1.0).unwrap(), -token_loss(&values).unwrap());
        let published = min_k_published(&values, k).unwrap();
        if (k * values.len() as f64) < 1.0 {
            prop_assert_eq!(published, None);
        } else {
            prop_assert_eq!(published, Some(found));
        }
        prop_assert!(found <= min_k(&values, 1.0).unwrap() + MEANS);
    }

    #[test]
    fn the_area_under_the_curve_turns_over_with_the_scores(
        values in prop::collection::vec(prop::collection::vec(-9.0..0.0f64, 1..9), 2..20), k in 0.1..1.0f64,
    ) {
        let scores: Vec<f64> = values.iter().map(|text| (4.0 * min_k(text, k).unwrap()).round()).collect();
        let member: Vec<bool> = (0..scores.len()).map(|i| i % 2 == 0).collect();
        let turned: Vec<f64> = scores.iter().map(|s| -s).collect();
        let auc = |scores: &[f64]| pauca::stats::auc(scores, &member).unwrap().unwrap();
        prop_assert!((auc(&scores) + auc(&turned) - 1.0).abs() <= f64::EPSILON);
    }

    #[test]
    fn rates_equal_the_reference(
        scores in prop::collection::vec(0u8..12, 2..40), flags in prop::collection::vec(any::<bool>(), 40), fpr in 0.0..1.0f64,
    ) {
        let scores: Vec<f64> = scores.into_iter().map(|s| s as f64 / 3.0 - 2.0).collect();
        let mut member = flags[..scores.len()].to_vec();
        (member[0], member[1]) = (true, false);
        let found = tpr_at_fpr(&scores, &member, fpr).unwrap();
        prop_assert_eq!(found.true_positive, reference::tpr_at_fpr(&scores, &member, fpr));
        prop_assert!(found.false_positive <= fpr);
        let count = |side: bool| (0..scores.len()).filter(|&i| member[i] == side && scores[i] >= found.threshold).count();
        let of = |side: bool| member.iter().filter(|m| **m == side).count();
        prop_assert_eq!(found.true_positive, count(true) as f64 / of(true) as f64);
        prop_assert_eq!(found.false_positive, count(false) as f64 / of(false) as f64);
    }
}

fn z(rows: &[Vec<f32>], targets: &[u32], floor: f64) -> Vec<f64> {
    let x = array(rows);
    let mut scan = LogitScan::new(targets, x.ncols()).unwrap();
    scan.push(0, &x).unwrap();
    let scores = scan.finish().unwrap();
    let mut second = LogitSpread::new(&scores).unwrap();
    second.push(0, &x).unwrap();
    standardized(&second.finish().unwrap(), floor).unwrap().to_vec()
}

#[test]
fn min_k_plus_plus_does_not_cancel() {
    /// Of a quotient of sums of up to 64 terms; the published form keeps no digit.
    const KEPT: f64 = 1e-12;
    // The published form, sum p (ln p)² - mu² in f32, has no digit left in either case.
    for (name, row, y) in [
        (
            "far from zero, spread 0.01",
            (0..50).map(|i| 1000.0 + (i % 7) as f32 * 0.01).collect::<Vec<_>>(),
            3,
        ),
        ("a memorized token", vec![40.0, 0.0, 1.0, -2.0], 0),
        ("a rare token", vec![40.0, 0.0, 1.0, -2.0], 3),
        ("nearly uniform", (0..64).map(|i| i as f32 * 1e-6).collect(), 60),
    ] {
        let (_, sigma, excess) = softmax::moments(&row, y);
        let found = z(&[row.clone()], &[y as u32], 1e-30)[0];
        let expected = excess / sigma;
        assert!((found - expected).abs() <= KEPT * expected.abs(), "{name}: {found} {expected}");
    }
}

#[test]
fn a_spread_of_zero_gives_zero_not_nan() {
    assert_eq!(z(&[vec![2.5; 9], vec![0.0; 9]], &[4, IGNORED], 1e-6), [0.0]);
    // One id with a probability.
    assert_eq!(z(&[vec![1.0, f32::NEG_INFINITY]], &[0], 1e-6), [0.0]);
    // A floor above sigma takes its place.
    let plain = z(&[vec![0.0, 0.5]], &[0], 1e-12)[0];
    let floored = z(&[vec![0.0, 0.5]], &[0], 10.0)[0];
    assert!(plain < floored && floored < 0.0);
}

#[test]
fn floors_that_do_not_guard_are_errors() {
    let x = array(&[vec![0.0f32, 1.0]]);
    let mut scan = LogitScan::new(&[0], 2).unwrap();
    scan.push(0, &x).unwrap();
    let scores = scan.finish().unwrap();
    let mut second = LogitSpread::new(&scores).unwrap();
    second.push(0, &x).unwrap();
    let spread = second.finish().unwrap();
    for floor in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(standardized(&spread, floor), Err(Error::InvalidParameter { .. })));
    }
}

type Score = fn(&[f64]) -> pauca::Result<f64>;

#[test]
fn short_texts_have_a_score_and_empty_ones_an_error() {
    for t in 1..10 {
        let values: Vec<f64> = (0..t).map(|i| -(i as f64) - 1.0).collect();
        assert!(min_k(&values, 0.05).unwrap() == -(t as f64), "the lowest alone");
        assert_eq!(min_k_published(&values, 0.05).unwrap(), None);
    }
    let scores: [Score; 3] =
        [|v| min_k(v, 0.2), |v| min_k_published(v, 0.2).map(|found| found.unwrap_or(0.0)), token_loss];
    for f in scores {
        assert!(matches!(f(&[]), Err(Error::Empty { .. })));
        assert!(matches!(f(&[-1.0, f64::NAN]), Err(Error::NonFinite { row: 1, .. })));
        assert!(matches!(f(&[f64::INFINITY]), Err(Error::NonFinite { .. })));
        assert!(f(&[-1.0, f64::NEG_INFINITY]).is_ok());
    }
    assert_eq!(min_k(&[-1.0, f64::NEG_INFINITY], 0.2).unwrap(), f64::NEG_INFINITY);
    for k in [0.0, -0.1, 1.1, f64::NAN] {
        assert!(matches!(min_k(&[-1.0], k), Err(Error::InvalidParameter { name: "k", .. })));
    }
}

#[test]
fn rates_treat_ties_as_one_and_need_both_sides() {
    // Equal scores for all: nothing can be told apart below a rate of 1.
    let found = tpr_at_fpr(&[1.0; 6], &[true, true, true, false, false, false], 0.9).unwrap();
    assert_eq!((found.true_positive, found.threshold), (0.0, f64::INFINITY));
    let found = tpr_at_fpr(&[1.0; 6], &[true, true, true, false, false, false], 1.0).unwrap();
    assert_eq!((found.true_positive, found.false_positive), (1.0, 1.0));
    assert_eq!(tpr_at_fpr(&[-0.0, 0.0], &[true, false], 0.5).unwrap().true_positive, 0.0);
    assert!(matches!(tpr_at_fpr(&[1.0], &[true], 0.1), Err(Error::Empty { what: "the set of non-members" })));
    assert!(matches!(tpr_at_fpr(&[1.0], &[false], 0.1), Err(Error::Empty { what: "the set of members" })));
    assert!(matches!(tpr_at_fpr(&[1.0], &[], 0.1), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(tpr_at_fpr(&[f64::NAN, 1.0], &[true, false], 0.1), Err(Error::NonFinite { .. })));
    assert!(matches!(tpr_at_fpr(&[1.0, 2.0], &[true, false], 1.5), Err(Error::InvalidParameter { .. })));
}

#[test]
fn losses_against_a_reference_or_a_compressor() {
    assert_eq!(reference_difference(1.0, 3.0).unwrap(), -2.0);
    assert!(matches!(reference_difference(1.0, f64::NAN), Err(Error::NonFinite { row: 1, .. })));
    assert_eq!(zlib_ratio(4.0, 8).unwrap(), 0.5);
    assert!(matches!(zlib_ratio(4.0, 0), Err(Error::Empty { .. })));
    assert!(matches!(zlib_ratio(f64::INFINITY, 4), Err(Error::NonFinite { .. })));
}
