//! Suffixes, sampling schemes, discoverability, exposure, counterfactual memorization.

use pauca::Error;
use pauca::memorization::{
    Discoverability, Queries, Sampling, counterfactual, exposure, sampled_exposure, suffix_match,
};
use pauca_reference::extraction as reference;
use pauca_tests::data::Rng;
use pauca_tests::layout::array;
use proptest::prelude::*;

use super::some_logits;

/// The reference's exponentials are the system's, which differ from ours by a unit.
const SYSTEM_EXP: f64 = 1e-13;

/// Shares below e^-700 are taken as 0, of 30 ids and more than once over.
const LEFT_OUT: f64 = 1e-302;

/// Twenty exponentials of rounded logarithms, added.
const TOTAL: f64 = 1e-12;
/// The reference multiplies as written: 1 - (1 - p_z)^n cancels to about 1e-16 absolute, n = 200 times.
const MULTIPLIED: f64 = 1e-13;
/// Few units of a partial sum of thirty exponentials.
const NEAR: f64 = 1e-13;
/// exp of a logarithm of size 800, known to a unit of 800.
const OF_800: f64 = 1e-12;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn suffixes_equal_the_reference(
        generated in prop::collection::vec(0u32..3, 0..12), suffix in prop::collection::vec(0u32..3, 1..10),
    ) {
        let found = suffix_match(&generated, &suffix).unwrap();
        prop_assert_eq!((found.exact, found.fraction, found.common_prefix), reference::suffix_match(&generated, &suffix));
        prop_assert_eq!(found.exact, found.fraction == 1.0);
        prop_assert!(found.fraction * suffix.len() as f64 >= found.common_prefix as f64);
        prop_assert!(suffix_match(&suffix, &suffix).unwrap().exact);
    }

    #[test]
    fn schemes_equal_the_reference(seed in any::<u64>()) {
        let mut rng = Rng(seed);
        let v = 1 + rng.below(30);
        let rows = some_logits(&mut rng, 3, v);
        let targets: Vec<u32> = (0..3).map(|_| rng.below(v) as u32).collect();
        let temperature = rng.pick(&[0.25, 0.7, 1.0, 1.5]);
        let top_k = 1 + rng.below(v + 3);
        let top_p = rng.pick(&[0.1, 0.5, 0.9, 1.0]);
        let scheme = Sampling::new().temperature(temperature).top_k(top_k).top_p(top_p);
        let found = scheme.log_prob(&array(&rows), &targets).unwrap();
        for (i, row) in rows.iter().enumerate() {
            let y = targets[i] as usize;
            let expected = reference::log_prob(row, y, temperature, top_k, top_p);
            let apart = (found[i] - expected).abs();
            // Where the sums of top_p meet their threshold within a unit the supports may differ.
            let edge = top_p < 1.0 && near_threshold(row, temperature, top_k, top_p);
            let bound = SYSTEM_EXP * expected.abs() + LEFT_OUT;
            prop_assert!(found[i] == expected || apart <= bound || edge, "{:e} {:e}", found[i], expected);
        }
        let sum: f64 = found.iter().sum();
        let log_pz = scheme.log_pz(&array(&rows), &targets).unwrap();
        prop_assert!(log_pz == sum || (log_pz - sum).abs() <= 4.0 * f64::EPSILON * sum.abs());
    }

    #[test]
    fn supports_hold_all_probability(seed in any::<u64>()) {
        let mut rng = Rng(seed);
        let v = 1 + rng.below(20);
        let row = some_logits(&mut rng, 1, v).remove(0);
        let scheme = Sampling::new().temperature(rng.pick(&[0.5, 1.0, 2.0])).top_k(1 + rng.below(v)).top_p(0.05 + 0.95 * rng.unit());
        let rows = vec![row; v];
        let targets: Vec<u32> = (0..v as u32).collect();
        let total: f64 = scheme.log_prob(&array(&rows), &targets).unwrap().iter().map(|l| l.exp()).sum();
        prop_assert!((total - 1.0).abs() < TOTAL, "{}", total);
    }

    #[test]
    fn discoverability_is_monotone_and_consistent(log_pz in -80.0..-1e-9f64, n in 1u64..5000, p in 0.001..0.999f64) {
        let z = Discoverability::new(log_pz).unwrap();
        prop_assert!(z.within(n) <= z.within(n + 1) && (0.0..=1.0).contains(&z.within(n)));
        if n <= 200 && log_pz > -30.0 {
            prop_assert!((z.within(n) - reference::within(log_pz.exp(), n as u32)).abs() < MULTIPLIED);
        }
        match z.queries_needed(p).unwrap() {
            Queries::Needed(needed) => {
                prop_assert!(z.discoverable(needed, p).unwrap());
                prop_assert!(needed == 1 || !z.discoverable(needed - 1, p).unwrap());
                prop_assert_eq!(z.discoverable(n, p).unwrap(), n >= needed);
            }
            Queries::Beyond => prop_assert!(log_pz < -36.0),
            Queries::Never => prop_assert!(false),
        }
        // n = 1: p_z >= p, exactly.
        let p_z = z.within(1);
        prop_assert!(z.discoverable(1, p_z).unwrap() && !z.discoverable(1, p_z.next_up()).unwrap_or(false));
    }

    #[test]
    fn counterfactuals_equal_the_reference(
        with in prop::collection::vec(0.0..1.0f64, 2..20), without in prop::collection::vec(0.0..1.0f64, 2..20),
    ) {
        let found = counterfactual(&with, &without).unwrap();
        let (value, error) = reference::counterfactual(&with, &without);
        prop_assert_eq!(found.value.to_bits(), value.to_bits());
        prop_assert_eq!(found.standard_error.map(f64::to_bits), Some(error.to_bits()));
        let swapped = counterfactual(&without, &with).unwrap();
        prop_assert_eq!((swapped.value, swapped.standard_error), (-found.value, found.standard_error));
    }
}

/// Whether a partial sum comes within a few units of top_p of the total.
fn near_threshold(row: &[f32], temperature: f64, top_k: usize, top_p: f64) -> bool {
    let order = reference::support(row, temperature, top_k, 1.0);
    let weight = |j: &usize| ((row[*j] as f64 - row[order[0]] as f64) / temperature).exp();
    let total: f64 = order.iter().map(weight).sum();
    let mut sum = 0.0;
    order.iter().any(|j| {
        sum += weight(j);
        (sum - top_p * total).abs() <= NEAR * total
    })
}

#[test]
fn greedy_is_the_exact_match() {
    let mut rng = Rng(5);
    for _ in 0..200 {
        let v = 1 + rng.below(9);
        let rows = some_logits(&mut rng, 6, v);
        let argmax: Vec<u32> = rows.iter().map(|r| pauca_reference::softmax::argmax(r) as u32).collect();
        let suffix: Vec<u32> =
            argmax.iter().map(|y| if rng.chance(0.9) { *y } else { rng.below(v) as u32 }).collect();
        let greedy = Sampling::new().temperature(0.0).log_pz(&array(&rows), &suffix).unwrap();
        let exact = suffix_match(&argmax, &suffix).unwrap().exact;
        assert_eq!(greedy, if exact { 0.0 } else { f64::NEG_INFINITY });
        assert_eq!(Sampling::new().top_k(1).log_pz(&array(&rows), &suffix).unwrap(), greedy);
        // The limit of a falling temperature, where the largest logit is unique.
        let unique = rows.iter().all(|r| {
            let best = r.iter().copied().fold(f32::MIN, f32::max);
            r.iter().filter(|x| **x > best - 0.01).count() == 1
        });
        if unique {
            let cold = Sampling::new().temperature(1e-6).log_pz(&array(&rows), &suffix).unwrap();
            assert!(if exact { cold == 0.0 } else { cold < -1e3 }, "{cold}");
        }
    }
}

#[test]
fn tokens_outside_the_support_have_probability_zero() {
    let rows = array(&[vec![3.0, 2.0, 2.0, 0.0]]);
    let prob = |scheme: Sampling, y: u32| scheme.log_prob(&rows, &[y]).unwrap()[0];
    // The k-th of equal logits is the lower id.
    assert!(prob(Sampling::new().top_k(2), 1).is_finite());
    assert_eq!(prob(Sampling::new().top_k(2), 2), f64::NEG_INFINITY);
    assert_eq!(prob(Sampling::new().top_p(0.5), 1), f64::NEG_INFINITY);
    // The token that reaches top_p is kept: p(0) = 0.560, p(1) = 0.206.
    assert!(prob(Sampling::new().top_p(0.6), 1).is_finite());
    assert_eq!(prob(Sampling::new().top_p(0.6), 2), f64::NEG_INFINITY);
    let both = array(&[vec![0.0, 1.0], vec![0.0, 1.0]]);
    assert!(Sampling::new().top_k(2).log_pz(&both, &[0, 1]).unwrap().is_finite());
    let masked = array(&[vec![f32::MIN, 0.0, -1e9]]);
    assert_eq!(Sampling::new().log_prob(&masked, &[2]).unwrap()[0], f64::NEG_INFINITY);
    // Too small for f64, but no zero.
    let low = Sampling::new().log_prob(&array(&[vec![0.0, -2000.0]]), &[1]).unwrap()[0];
    assert_eq!(low, -2000.0);
}

#[test]
fn schemes_without_meaning_are_errors() {
    let rows = array(&[vec![0.0, 1.0]]);
    let refused =
        |scheme: Sampling| matches!(scheme.log_prob(&rows, &[0]), Err(Error::InvalidParameter { .. }));
    for t in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(refused(Sampling::new().temperature(t)));
    }
    for p in [0.0, -0.5, 1.5, f64::NAN] {
        assert!(refused(Sampling::new().top_p(p)));
    }
    assert!(refused(Sampling::new().top_k(0)));
    let s = Sampling::new();
    assert!(matches!(s.log_prob(&rows, &[0, 1]), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(s.log_prob(&rows, &[2]), Err(Error::TokenOutOfRange { id: 2, .. })));
    assert!(matches!(s.log_prob(&array(&[vec![0.0, f32::NAN]]), &[0]), Err(Error::NonFinite { col: 1, .. })));
    assert!(matches!(s.log_prob(&array(&[vec![f32::MIN; 2]]), &[0]), Err(Error::NonFinite { .. })));
    assert!(matches!(s.log_prob(&array::<f32>(&[]), &[]), Err(Error::Empty { .. })));
}

#[test]
fn very_small_and_very_large_probabilities_are_safe() {
    let small = Discoverability::new(-800.0).unwrap();
    assert_eq!(small.within(1), 0.0);
    // n p_z where the rest is far below a unit; p_z alone underflows.
    let n = u64::MAX;
    let expected = ((n as f64).ln() - 800.0).exp();
    assert!((small.within(n) - expected).abs() <= OF_800 * expected);
    assert_eq!(small.queries_needed(0.5).unwrap(), Queries::Beyond);
    let sure = Discoverability::new(-1e-20).unwrap();
    assert_eq!((sure.within(1), sure.within(n)), (1.0, 1.0));
    assert_eq!(sure.queries_needed(1.0).unwrap(), Queries::Needed(1));
    assert_eq!(Discoverability::new(0.0).unwrap().within(7), 1.0);
    let never = Discoverability::new(f64::NEG_INFINITY).unwrap();
    assert_eq!((never.within(n), never.queries_needed(0.1).unwrap()), (0.0, Queries::Never));
    assert_eq!(never.within(0), 0.0);
    // 1e-10 a query: about ln 2 1e10 queries for one half.
    let rare = Discoverability::new(1e-10f64.ln()).unwrap();
    let Queries::Needed(q) = rare.queries_needed(0.5).unwrap() else { panic!() };
    assert!((q as f64 - std::f64::consts::LN_2 * 1e10).abs() < 2.0, "{q}");
    assert!(matches!(Discoverability::new(f64::NAN), Err(Error::NonFinite { .. })));
    assert!(matches!(Discoverability::new(0.5), Err(Error::InvalidParameter { .. })));
    assert!(matches!(rare.discoverable(0, 0.5), Err(Error::InvalidParameter { name: "n", .. })));
    for p in [0.0, 1.5, f64::NAN] {
        assert!(matches!(rare.queries_needed(p), Err(Error::InvalidParameter { name: "p", .. })));
    }
}

#[test]
fn an_empty_suffix_is_an_error_and_a_short_continuation_a_miss() {
    assert!(matches!(suffix_match(&[1], &[]), Err(Error::Empty { .. })));
    let short = suffix_match(&[1, 2], &[1, 2, 3, 4]).unwrap();
    assert_eq!((short.exact, short.fraction, short.common_prefix), (false, 0.5, 2));
    assert!(suffix_match(&[1, 2, 9], &[1, 2]).unwrap().exact);
}

#[test]
fn exposure_runs_from_zero_to_the_size_of_the_space() {
    for space in [1u64, 2, 1000, 1 << 40, u64::MAX] {
        assert_eq!(exposure(1, space).unwrap(), (space as f64).log2());
        assert_eq!(exposure(space, space).unwrap(), 0.0);
        assert!(matches!(exposure(0, space), Err(Error::InvalidParameter { .. })));
    }
    assert!(matches!(exposure(3, 2), Err(Error::InvalidParameter { .. })));
    // Sampled: the secret counts itself, so beating all of 15 candidates is 4 bits, not infinity.
    assert_eq!(sampled_exposure(0.5, &[1.0; 15]).unwrap(), 4.0);
    assert_eq!(sampled_exposure(1.0, &[1.0; 15]).unwrap(), 0.0);
    assert!(matches!(sampled_exposure(1.0, &[]), Err(Error::Empty { .. })));
    assert!(matches!(sampled_exposure(1.0, &[0.0, f64::NAN]), Err(Error::NonFinite { row: 1, .. })));
    assert!(matches!(sampled_exposure(f64::NAN, &[0.0]), Err(Error::NonFinite { .. })));
}

#[test]
fn counterfactuals_need_models_on_both_sides() {
    assert!(matches!(counterfactual(&[], &[1.0]), Err(Error::Empty { .. })));
    assert!(matches!(counterfactual(&[1.0], &[]), Err(Error::Empty { .. })));
    assert!(matches!(counterfactual(&[1.0, f64::NAN], &[1.0]), Err(Error::NonFinite { row: 1, .. })));
    let one = counterfactual(&[0.75], &[0.25, 0.5]).unwrap();
    assert_eq!((one.value, one.standard_error), (0.375, None));
}
