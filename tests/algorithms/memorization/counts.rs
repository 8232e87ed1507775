//! M(f) and what is counted from hits.

use pauca::Error;
use pauca::memorization::{
    Curve, Forgetting, Hits, IGNORED, LogitScan, Memorized, TagCounts, UnitLengths, overfit_onset,
};
use pauca_reference::memorization as reference;
use pauca_tests::data::Rng;
use pauca_tests::layout::array;
use proptest::prelude::*;

use super::some_logits;

fn ids() -> impl Strategy<Value = (Vec<u32>, Vec<u32>, Vec<bool>)> {
    (1usize..200).prop_flat_map(|n| {
        let id = prop::collection::vec(0u32..4, n);
        (id.clone(), id, prop::collection::vec(any::<bool>(), n))
    })
}

fn ends(n: usize, rng: &mut Rng) -> Vec<usize> {
    let mut ends: Vec<usize> = (0..rng.below(5)).map(|_| rng.below(n + 1)).collect();
    ends.push(n);
    ends.sort_unstable();
    ends
}

fn of_flags(flags: &[bool]) -> Hits {
    let ones = vec![1; flags.len()];
    let predicted: Vec<u32> = flags.iter().map(|f| u32::from(*f)).collect();
    Hits::from_ids(&predicted, &ones, None, 2).unwrap()
}

/// Sums of up to thirty squares, in a quotient.
const FIT: f64 = 1e-12;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn m_equals_the_reference_and_lies_in_the_unit_interval((predicted, targets, mask) in ids()) {
        let hits = Hits::from_ids(&predicted, &targets, Some(&mask), 4).unwrap();
        let (expected, total) = reference::memorized(&predicted, &targets, &mask);
        prop_assert_eq!(hits.count(), Memorized { hits: expected, total });
        if total > 0 {
            let m = hits.count().fraction().unwrap();
            prop_assert!((0.0..=1.0).contains(&m));
            prop_assert_eq!(m, expected as f64 / total as f64);
        }
        prop_assert_eq!(hits.counted(), &mask[..]);
    }

    #[test]
    fn ids_pairs_bits_and_masks_agree((predicted, targets, mask) in ids()) {
        let hits = Hits::from_ids(&predicted, &targets, None, 4).unwrap();
        let pairs = Hits::from_pairs(&predicted, &vec![-0.5; targets.len()], &targets, None, 4).unwrap();
        prop_assert_eq!(&pairs, &hits);
        let bits = hits.to_bits().unwrap();
        prop_assert_eq!(&Hits::from_bits(&bits, targets.len()).unwrap(), &hits);
        let masked = Hits::from_bits(&bits, targets.len()).unwrap().masked(&mask).unwrap();
        prop_assert_eq!(&masked, &Hits::from_ids(&predicted, &targets, Some(&mask), 4).unwrap());
        // The ignored id does as the mask.
        let ignored: Vec<u32> = targets.iter().zip(&mask).map(|(y, m)| if *m { *y } else { IGNORED }).collect();
        prop_assert_eq!(Hits::from_ids(&predicted, &ignored, None, 4).unwrap(), masked);
    }

    #[test]
    fn hits_grow_with_contexts_and_shards_merge((predicted, targets, mask) in ids(), cut in 0.0..1.0f64) {
        let count = |range: std::ops::Range<usize>| {
            Hits::from_ids(&predicted[range.clone()], &targets[range.clone()], Some(&mask[range]), 4).unwrap().count()
        };
        let n = targets.len();
        let at = (cut * n as f64) as usize;
        let whole = count(0..n);
        let mut merged = count(0..at);
        prop_assert!(merged.hits <= whole.hits && merged.total <= whole.total);
        merged.merge(&count(at..n));
        prop_assert_eq!(merged, whole);
    }

    #[test]
    fn runs_equal_the_reference_and_shards_merge((predicted, targets, mask) in ids(), seed in any::<u64>()) {
        let mut rng = Rng(seed);
        let hits = Hits::from_ids(&predicted, &targets, Some(&mask), 4).unwrap();
        let ends = ends(targets.len(), &mut rng);
        let mut units = UnitLengths::new();
        units.push(&hits, &ends).unwrap();
        let found = units.finish().unwrap();
        let lengths = reference::runs(hits.hit(), &ends);
        // The sum of the runs is the number of hits.
        prop_assert_eq!(found.hits, hits.count().hits);
        prop_assert_eq!(found.hits as usize, lengths.iter().sum::<usize>());
        prop_assert_eq!(found.runs as usize, lengths.len());
        prop_assert_eq!(found.longest as usize, lengths.iter().copied().max().unwrap_or(0));
        for (i, count) in found.histogram.iter().enumerate() {
            prop_assert_eq!(*count as usize, lengths.iter().filter(|l| **l == i + 1).count());
        }
        if !lengths.is_empty() {
            let (sum, squares) = lengths.iter().fold((0, 0), |(s, q), l| (s + l, q + l * l));
            prop_assert_eq!(found.mean, Some(sum as f64 / lengths.len() as f64));
            prop_assert_eq!(found.token_weighted, Some(squares as f64 / sum as f64));
        }
        // Shards of whole documents.
        let (mut merged, mut start) = (UnitLengths::new(), 0);
        for &end in &ends {
            let mut one = UnitLengths::new();
            let range = start..end;
            let part = Hits::from_ids(&predicted[range.clone()], &targets[range.clone()], Some(&mask[range]), 4);
            one.push(&part.unwrap(), &[end - start]).unwrap();
            one.merge(&merged).unwrap();
            merged = one;
            start = end;
        }
        prop_assert_eq!(merged, units);
    }

    #[test]
    fn tags_equal_the_reference_and_exact_is_at_most_right((predicted, targets, mask) in ids()) {
        // The tag of a token is a function of its id, as with a tagger that sees no context.
        let tag = |ids: &[u32]| -> Vec<u8> { ids.iter().map(|id| (*id / 2) as u8).collect() };
        let (truth, guessed) = (tag(&targets), tag(&predicted));
        let hits = Hits::from_ids(&predicted, &targets, Some(&mask), 4).unwrap();
        let mut counts = TagCounts::new(3).unwrap();
        counts.push(&hits, &truth, Some(&guessed)).unwrap();
        let expected = reference::tags(hits.hit(), &mask, &truth, &guessed, 3);
        for (found, (tokens, right, exact)) in counts.ratios().unwrap().iter().zip(expected) {
            prop_assert_eq!(found.tokens, tokens);
            prop_assert_eq!(found.right, (tokens > 0).then(|| right as f64 / tokens as f64));
            prop_assert_eq!(found.memorized, (tokens > 0).then(|| exact as f64 / tokens as f64));
            prop_assert!(found.memorized <= found.right);
        }
        let mut half = [TagCounts::new(3).unwrap(), TagCounts::new(3).unwrap()];
        let at = targets.len() / 2;
        for (counts, range) in half.iter_mut().zip([0..at, at..targets.len()]) {
            let (p, y) = (&predicted[range.clone()], &targets[range.clone()]);
            let hits = Hits::from_ids(p, y, Some(&mask[range.clone()]), 4).unwrap();
            counts.push(&hits, &truth[range.clone()], Some(&guessed[range])).unwrap();
        }
        let [mut a, b] = half;
        a.merge(&b).unwrap();
        prop_assert_eq!(a, counts);
    }

    #[test]
    fn first_reach_equals_the_reference_and_is_monotone_in_tau(
        points in prop::collection::vec((1u64..5, 0u64..=8), 1..20), tau in 0.01..1.0f64, more in 0.0..1.0f64,
    ) {
        let (mut curve, mut other) = (Curve::new(), Curve::new());
        let (mut times, mut counts, mut time) = (Vec::new(), Vec::new(), 0);
        for (step, hits) in points {
            time += step;
            times.push(time);
            counts.push((hits, 8));
            curve.push(time, Memorized { hits: hits / 2, total: 4 }).unwrap();
            other.push(time, Memorized { hits: hits - hits / 2, total: 4 }).unwrap();
        }
        if other.times() == curve.times() {
            // Two shards of the data.
            curve.merge(&other).unwrap();
            let found = curve.first_reach(tau).unwrap();
            prop_assert_eq!(found, reference::first_reach(&times, &counts, tau));
            let later = curve.first_reach(tau + more * (1.0 - tau)).unwrap();
            prop_assert!(later.is_none() || found <= later);
        }
    }

    #[test]
    fn forgetting_equals_the_reference(curve in prop::collection::vec(0u32..9, 1..30)) {
        let curve: Vec<f64> = curve.into_iter().map(|m| m as f64 / 8.0).collect();
        let found = Forgetting::of(&curve).unwrap();
        prop_assert_eq!((found.baseline, found.at), reference::forgetting_baseline(&curve));
        // Differences add up to the whole fall, exactly for eighths.
        prop_assert_eq!(found.differences.iter().sum::<f64>(), curve[curve.len() - 1] - curve[0]);
        if let Some(decay) = found.decay {
            prop_assert!(decay.points <= decay.steps && decay.steps == found.at);
            prop_assert!((0.0..=1.0 + FIT).contains(&decay.r_squared));
        }
    }

    #[test]
    fn hits_do_not_change_under_monotone_transforms_of_the_logits(seed in any::<u64>()) {
        let mut rng = Rng(seed);
        let (t, v) = (1 + rng.below(6), 1 + rng.below(40));
        let x = some_logits(&mut rng, t, v);
        let targets: Vec<u32> = (0..t).map(|_| rng.below(v) as u32).collect();
        let score = |f: &dyn Fn(f32) -> f32| {
            let y: Vec<Vec<f32>> = x.iter().map(|row| row.iter().map(|x| f(*x)).collect()).collect();
            let mut scan = LogitScan::new(&targets, v).unwrap();
            scan.push(0, &array(&y)).unwrap();
            scan.finish().unwrap()
        };
        let plain = score(&|x| x);
        for f in [&(|x: f32| x * 4.0) as &dyn Fn(f32) -> f32, &|x| x * 0.125, &|x| (x * 0.5).clamp(-1e6, 1e6)] {
            let other = score(f);
            prop_assert_eq!(&other.argmax, &plain.argmax);
            prop_assert_eq!(other.memorized(), plain.memorized());
        }
    }
}

#[test]
fn all_hit_is_exactly_one_and_ties_go_to_the_lowest_id() {
    for total in [1, 3, 7, 1 << 53] {
        assert_eq!(Memorized { hits: total, total }.fraction().unwrap(), 1.0);
    }
    let mut scan = LogitScan::new(&[0, 1, 2], 3).unwrap();
    scan.push(0, &array(&[vec![1.0, 1.0, 1.0], vec![-0.0, 0.0, 0.0], vec![0.0, 2.0, 2.0]])).unwrap();
    assert_eq!(scan.finish().unwrap().argmax.to_vec(), [0, 0, 1]);
}

#[test]
fn no_counted_target_is_an_error() {
    let hits = Hits::from_ids(&[1, 2], &[IGNORED, IGNORED], None, 3).unwrap();
    assert!(matches!(hits.count().fraction(), Err(Error::Empty { .. })));
    let none = Hits::from_ids(&[], &[], None, 3).unwrap();
    assert!(none.is_empty() && matches!(none.count().fraction(), Err(Error::Empty { .. })));
    assert!(matches!(Curve::new().push(1, none.count()), Err(Error::Empty { .. })));
}

#[test]
fn ids_outside_the_vocabulary_name_the_first_place() {
    let found = Hits::from_ids(&[0, 0, 0], &[0, 7, 9], None, 5).unwrap_err();
    assert!(matches!(found, Error::TokenOutOfRange { what: "target", position: 1, id: 7, vocabulary: 5 }));
    let found = Hits::from_ids(&[0, 8, 8], &[0, IGNORED, 1], None, 5).unwrap_err();
    assert!(
        matches!(found, Error::TokenOutOfRange { what: "predicted id", position: 2, id: 8, .. }),
        "{found}"
    );
    assert_eq!(found.to_string(), "predicted id 8 at position 2 is outside the vocabulary 0..5");
    // What is not counted is not looked at: neither the target nor the prediction.
    let hits = Hits::from_ids(&[1, 70_000], &[1, 50_000], Some(&[true, false]), 10).unwrap();
    assert_eq!((hits.count().hits, hits.count().total), (1, 1));
    let found = Hits::from_ids(&[1, 0], &[1, 50_000], Some(&[false, true]), 10).unwrap_err();
    assert!(matches!(found, Error::TokenOutOfRange { what: "target", position: 1, id: 50_000, .. }));
    let pairs = Hits::from_pairs(&[1, 99], &[-1.0, f64::NAN], &[1, 99], Some(&[true, false]), 10).unwrap();
    assert_eq!(pairs, hits);
    assert!(matches!(LogitScan::new(&[5], 5), Err(Error::TokenOutOfRange { id: 5, .. })));
}

#[test]
fn lengths_that_differ_are_errors() {
    let shape = |r: pauca::Result<Hits>| assert!(matches!(r, Err(Error::ShapeMismatch { .. })));
    shape(Hits::from_ids(&[0], &[0, 1], None, 5));
    shape(Hits::from_ids(&[0, 1], &[0, 1], Some(&[true]), 5));
    shape(Hits::from_pairs(&[0, 1], &[-1.0], &[0, 1], None, 5));
    shape(Hits::from_bits(&[0], 9));
    shape(Hits::from_bits(&[0, 0], 8));
    shape(of_flags(&[true, false]).masked(&[true]));
    assert!(matches!(Hits::from_bits(&[0b0000_0001], 7), Err(Error::Corrupt { .. })));
}

#[test]
fn pairs_with_impossible_log_probabilities_are_errors() {
    let pairs = |l: f64| Hits::from_pairs(&[1, 1], &[-1.0, l], &[1, 1], None, 2);
    assert!(matches!(pairs(f64::NAN), Err(Error::NonFinite { row: 1, .. })));
    assert!(matches!(pairs(f64::INFINITY), Err(Error::NonFinite { .. })));
    assert!(matches!(pairs(0.1), Err(Error::InvalidParameter { .. })));
    assert!(pairs(f64::NEG_INFINITY).is_ok() && pairs(0.0).is_ok());
    // Where nothing is counted nothing is looked at.
    assert!(Hits::from_pairs(&[9], &[f64::NAN], &[IGNORED], None, 2).is_ok());
}

#[test]
fn runs_do_not_cross_documents_and_uncounted_positions_end_them() {
    let hits = of_flags(&[true; 6]);
    let mut units = UnitLengths::new();
    units.push(&hits, &[2, 2, 6]).unwrap();
    assert_eq!(units.finish().unwrap().histogram, [0, 1, 0, 1]);
    let mut units = UnitLengths::new();
    units.push(&hits.masked(&[true, true, false, true, true, true]).unwrap(), &[6]).unwrap();
    assert_eq!(units.finish().unwrap().histogram, [0, 1, 1]);
    // No hit: no mean.
    let mut none = UnitLengths::new();
    none.push(&of_flags(&[false; 3]), &[3]).unwrap();
    let found = none.finish().unwrap();
    assert_eq!((found.runs, found.longest, found.mean, found.token_weighted), (0, 0, None, None));
    for ends in [&[5][..], &[7], &[4, 3, 6], &[]] {
        let before = units.clone();
        assert!(matches!(units.push(&of_flags(&[true; 6]), ends), Err(Error::ShapeMismatch { .. })));
        assert_eq!(units, before);
    }
}

#[test]
fn tags_without_positions_or_predictions_have_no_ratio() {
    let hits = of_flags(&[true, false]);
    let mut counts = TagCounts::new(2).unwrap();
    counts.push(&hits, &[1, 1], None).unwrap();
    let ratios = counts.ratios().unwrap();
    assert_eq!((ratios[0].tokens, ratios[0].right, ratios[0].memorized), (0, None, None));
    assert_eq!((ratios[1].right, ratios[1].memorized), (None, Some(0.5)));
    let before = counts.clone();
    assert!(matches!(
        counts.push(&hits, &[0, 2], None),
        Err(Error::LabelOutOfRange { row: 1, label: 2, k: 2 })
    ));
    assert!(matches!(counts.push(&hits, &[0], None), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(counts.push(&hits, &[0, 1], Some(&[0, 1])), Err(Error::Conflict { .. })));
    assert!(matches!(counts.merge(&TagCounts::new(3).unwrap()), Err(Error::Mismatch { .. })));
    assert_eq!(counts, before);
    // Tags of positions that do not count may be anything.
    let masked = hits.masked(&[true, false]).unwrap();
    assert!(counts.push(&masked, &[0, 255], None).is_ok());
    assert!(matches!(TagCounts::new(0), Err(Error::Empty { .. })));
}

#[test]
fn curves_ascend_in_time_and_refuse_impossible_points() {
    let half = Memorized { hits: 1, total: 2 };
    let mut curve = Curve::new();
    curve.push(3, half).unwrap();
    for time in [3, 2] {
        assert!(matches!(curve.push(time, half), Err(Error::InvalidParameter { name: "time", .. })));
    }
    assert!(matches!(curve.push(9, Memorized { hits: 3, total: 2 }), Err(Error::InvalidParameter { .. })));
    assert_eq!(curve.fractions().unwrap(), [0.5]);
    for tau in [0.0, -0.1, 1.1, f64::NAN] {
        assert!(matches!(curve.first_reach(tau), Err(Error::InvalidParameter { name: "tau", .. })));
    }
    assert_eq!((curve.first_reach(0.5).unwrap(), curve.first_reach(1.0).unwrap()), (Some(3), None));
    assert_eq!(Curve::new().first_reach(0.5).unwrap(), None);
    let mut other = Curve::new();
    other.push(4, half).unwrap();
    assert!(matches!(curve.merge(&other), Err(Error::Mismatch { .. })));
}

#[test]
fn overfitting_begins_at_the_first_rise() {
    for curve in [&[][..], &[5.0], &[5.0, 5.0, 4.0], &[5.0, 4.0, 4.5, 4.0, 9.0], &[1.0, 2.0]] {
        assert_eq!(overfit_onset(curve).unwrap(), reference::overfit_onset(curve));
    }
    assert_eq!(overfit_onset(&[5.0, 4.0, 4.5]).unwrap(), Some(2));
    assert!(matches!(overfit_onset(&[1.0, f64::NAN]), Err(Error::NonFinite { row: 1, .. })));
}

#[test]
fn forgetting_fits_an_exponential_and_says_when_it_cannot() {
    /// A line through twenty exact logarithms; its height is ten steps from their middle.
    const LINE: f64 = 1e-14;
    // Falls of 2^-i: rate ln 2 a step, to the last bits.
    let curve: Vec<f64> = (0..20).map(|i| 0.5 + 2f64.powi(-i)).collect();
    let decay = Forgetting::of(&curve).unwrap().decay.unwrap();
    assert!((decay.rate - std::f64::consts::LN_2).abs() < LINE && decay.log_scale.abs() < 10.0 * LINE);
    assert_eq!((decay.points, decay.steps), (19, 19));
    assert!((decay.r_squared - 1.0).abs() < LINE);
    // Rising, constant, one fall: no fit.
    for curve in [&[0.1, 0.2, 0.3][..], &[0.2; 4], &[0.3, 0.2, 0.2]] {
        assert_eq!(Forgetting::of(curve).unwrap().decay, None);
    }
    // Falls that grow have a fit but no half-life.
    let decay = Forgetting::of(&[0.9, 0.8, 0.5]).unwrap().decay.unwrap();
    assert!(decay.rate < 0.0 && decay.half_life().is_none());
    assert!(matches!(Forgetting::of(&[]), Err(Error::Empty { .. })));
    assert!(matches!(Forgetting::of(&[0.5, f64::NAN]), Err(Error::NonFinite { row: 1, .. })));
}
