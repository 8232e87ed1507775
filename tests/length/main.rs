//! Length: the reference, the contract's edge cases, and what must hold whatever the lengths.

use pauca::Error;
use pauca::length::{
    Concentration, Cut, End, LengthBins, LengthConfound, LengthControlled, LengthPruned, LengthPruning, Side,
    length_of_selection, perplexity_by_length,
};
use pauca::stats::{gini, kendall, spearman};
use pauca_reference::{length as reference, statistics};
use pauca_tests::data::Rng;
use proptest::prelude::*;

/// Two roundings of a ratio of exact integers.
const RATIO: f64 = 4.0 * f64::EPSILON;
/// exp of an exact logarithm: the function is right within one unit, the argument within half of
/// one, which exp stretches by the argument's size (below 16 here).
const EXP_ULP: f64 = 16.0 * f64::EPSILON;

/// Lengths with ties, zeros, and some far above the others.
fn some_lengths(rng: &mut Rng) -> Vec<u64> {
    let n = rng.below(40);
    let kind = rng.below(4);
    (0..n)
        .map(|_| match kind {
            0 => rng.below(5) as u64,
            1 => rng.below(1000) as u64,
            2 => (rng.normal() * 2.0).exp() as u64,
            _ => u64::MAX >> rng.below(64),
        })
        .collect()
}

fn prune(cut: Cut, side: Side, lengths: &[u64]) -> LengthPruned {
    LengthPruning::new(cut).side(side).select(lengths).unwrap()
}

#[test]
fn pruning_equals_the_reference() {
    for seed in 0..3000 {
        let mut rng = Rng(seed);
        let lengths = some_lengths(&mut rng);
        let some = rng.unit();
        let share = rng.pick(&[0.0, 1.0, 0.5, 0.1, 1.0 / 3.0, some, 1.0 - f64::EPSILON / 2.0, 1e-300]);
        for (side, shortest) in [(Side::Longest, false), (Side::Shortest, true)] {
            let documents = prune(Cut::Documents(share), side, &lengths).keep.to_vec();
            assert_eq!(documents, reference::prune_documents(&lengths, share, shortest), "seed {seed}");
            let tokens = prune(Cut::Tokens(share), side, &lengths).keep.to_vec();
            assert_eq!(tokens, reference::prune_tokens(&lengths, share, shortest), "seed {seed}");
        }
    }
}

#[test]
fn concentration_equals_the_reference() {
    for seed in 0..1000 {
        let mut rng = Rng(seed);
        let lengths = some_lengths(&mut rng);
        let found = Concentration::of(&lengths).unwrap();
        for m in 0..=lengths.len() {
            let share = m as f64 / lengths.len().max(1) as f64;
            assert_eq!(
                found.share_of_longest(share).unwrap(),
                reference::share_of_longest(&lengths, m),
                "{seed}"
            );
        }
        let as_f64: Vec<f64> = lengths.iter().map(|&l| l as f64).collect();
        match (found.gini, gini(&as_f64).unwrap()) {
            (Some(a), Some(b)) => assert!((a - b).abs() <= 2.0 * RATIO, "{seed}: {a} {b}"),
            (a, b) => assert_eq!(a, b),
        }
    }
}

#[test]
fn controlled_pruning_equals_the_reference() {
    for seed in 0..1500 {
        let mut rng = Rng(seed);
        let lengths = some_lengths(&mut rng);
        let coarse = rng.chance(0.5);
        let score = |rng: &mut Rng| if coarse { rng.below(4) as f64 - 1.0 } else { rng.normal() };
        let scores: Vec<f64> = lengths.iter().map(|_| score(&mut rng)).collect();
        let (bins, remove) = (1 + rng.below(12), rng.unit());
        for (end, lowest) in [(End::Highest, false), (End::Lowest, true)] {
            let config = LengthControlled::new().bins(bins).remove(remove).end(end);
            let keep = config.select(&scores, &lengths).unwrap().to_vec();
            assert_eq!(keep, reference::controlled(&scores, &lengths, bins, remove, lowest), "seed {seed}");
        }
    }
}

#[test]
fn confound_equals_the_reference() {
    for seed in 0..200 {
        let mut rng = Rng(seed);
        let mut lengths = some_lengths(&mut rng);
        lengths.push(3);
        let scores: Vec<f64> = lengths.iter().map(|_| rng.normal()).collect();
        let found = LengthConfound::new().bins(4).resamples(50).seed(seed).report(&scores, &lengths).unwrap();
        let l: Vec<f64> = lengths.iter().map(|&l| l as f64).collect();
        assert_eq!(found.spearman.map(|s| s.estimate), statistics::spearman(&scores, &l), "seed {seed}");
        assert_eq!(found.kendall, statistics::kendall(&scores, &l), "seed {seed}");
        let bins = reference::equal_bins(&lengths, 4);
        assert_eq!(found.eta_squared, reference::eta_squared(&scores, &bins, 4), "seed {seed}");
        if let Some(rho) = found.spearman {
            let (low, high) = statistics::bootstrap(lengths.len(), 50, seed, 0.95, |rows| {
                let take = |v: &[f64]| rows.iter().map(|&i| v[i]).collect::<Vec<_>>();
                statistics::spearman(&take(&scores), &take(&l))
            });
            assert_eq!((rho.low, rho.high), (low, high), "seed {seed}");
        }
    }
}

#[test]
fn perplexity_equals_the_reference() {
    for seed in 0..500 {
        let mut rng = Rng(seed);
        let n = 1 + rng.below(12);
        let lengths: Vec<u32> = (0..n).map(|_| rng.below(60) as u32).collect();
        let perplexities: Vec<f64> = (0..n).map(|_| rng.normal().exp() * 10.0).collect();
        let bins = LengthBins::equal(&lengths, 1 + rng.below(4)).unwrap();
        let found = perplexity_by_length(&perplexities, &lengths, &bins).unwrap();
        assert_eq!(found.iter().map(|b| b.documents).sum::<u64>(), n as u64);
        for (bin, bucket) in found.iter().enumerate() {
            let members: Vec<usize> = (0..n).filter(|&i| bins.bin_of[i] as usize == bin).collect();
            let p: Vec<f64> = members.iter().map(|&i| perplexities[i]).collect();
            let l: Vec<u64> = members.iter().map(|&i| u64::from(lengths[i])).collect();
            let expected = reference::log_perplexity(&p, &l).map(f64::exp);
            match (bucket.perplexity, expected) {
                (Some(a), Some(b)) => assert!((a - b).abs() <= EXP_ULP * b, "seed {seed}: {a} {b}"),
                (a, b) => assert_eq!(a, b, "seed {seed}"),
            }
        }
    }
}

proptest! {
    #[test]
    fn token_shares_are_cut_where_they_say(lengths in prop::collection::vec(0u64..500, 1..60), share in 0.0..=1.0f64) {
        let pruned = prune(Cut::Tokens(share), Side::Longest, &lengths);
        // Below 2^53 the product of a share and the total is good enough to look at the rule.
        let budget = share * pruned.total_tokens as f64;
        prop_assert!(pruned.removed_tokens as f64 <= budget + 1e-9);
        let next = lengths.iter().zip(&pruned.keep).filter(|(_, k)| **k).map(|(l, _)| *l).max();
        if let Some(next) = next {
            prop_assert!((pruned.removed_tokens + next as u128) as f64 > budget - 1e-9);
        }
    }

    #[test]
    fn what_goes_is_longer_or_earlier(lengths in prop::collection::vec(0u64..9, 0..60), share in 0.0..=1.0f64) {
        for cut in [Cut::Documents(share), Cut::Tokens(share), Cut::At(4)] {
            for side in [Side::Longest, Side::Shortest] {
                let pruned = prune(cut, side, &lengths);
                let removed = lengths.iter().zip(&pruned.keep).filter(|(_, k)| !**k);
                prop_assert_eq!(removed.clone().count() as u64, pruned.removed_documents);
                prop_assert_eq!(removed.map(|(l, _)| *l as u128).sum::<u128>(), pruned.removed_tokens);
                for i in 0..lengths.len() {
                    for j in 0..lengths.len() {
                        if !pruned.keep[i] && pruned.keep[j] {
                            let before = match side {
                                Side::Longest => (u64::MAX - lengths[i], i) < (u64::MAX - lengths[j], j),
                                Side::Shortest => (lengths[i], i) < (lengths[j], j),
                            };
                            prop_assert!(before);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn larger_shares_remove_more(lengths in prop::collection::vec(0u64..99, 0..50), a in 0.0..=1.0f64, b in 0.0..=1.0f64) {
        for make in [Cut::Documents as fn(f64) -> Cut, Cut::Tokens] {
            let few = prune(make(a.min(b)), Side::Longest, &lengths);
            let many = prune(make(a.max(b)), Side::Longest, &lengths);
            prop_assert!(few.keep.iter().zip(&many.keep).all(|(few, many)| *few || !*many));
        }
    }

    #[test]
    fn u32_and_u64_lengths_agree(lengths in prop::collection::vec(any::<u32>(), 0..50), share in 0.0..=1.0f64) {
        let wide: Vec<u64> = lengths.iter().map(|&l| l.into()).collect();
        let narrow = LengthPruning::new(Cut::Tokens(share)).select(&lengths).unwrap();
        prop_assert_eq!(narrow, prune(Cut::Tokens(share), Side::Longest, &wide));
    }

    #[test]
    fn lorenz_curves_rise_below_the_diagonal(lengths in prop::collection::vec(0u64..99, 1..50), points in 1usize..30) {
        let curve = Concentration::of(&lengths).unwrap().lorenz(points).unwrap();
        for pair in curve.windows(2) {
            prop_assert!(pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1);
        }
        prop_assert!(curve.iter().all(|(documents, tokens)| tokens <= &(documents + RATIO)));
        if !curve.is_empty() {
            prop_assert_eq!((curve[0], curve[points]), ((0.0, 0.0), (1.0, 1.0)));
        }
    }

    /// Every bin loses the share, to within one document; so length says nothing about what went
    /// beyond rounding: the rank correlation of the keep bit with the bin is that of rounding.
    #[test]
    fn controlled_pruning_prefers_no_length(n in 40usize..200, bins in 1usize..8, remove in 0.0..=1.0f64, seed in any::<u64>()) {
        let mut rng = Rng(seed);
        let lengths: Vec<u64> = rng.permutation(n).into_iter().map(|l| l as u64).collect();
        // The worst case for an uncontrolled cut: the score is the length.
        let scores: Vec<f64> = lengths.iter().map(|&l| l as f64).collect();
        let keep = LengthControlled::new().bins(bins).remove(remove).select(&scores, &lengths).unwrap();
        let of = LengthBins::equal(&lengths, bins).unwrap();
        let total = (remove * n as f64).round_ties_even();
        prop_assert_eq!(keep.iter().filter(|k| !**k).count() as f64, total);
        for bin in 0..bins as u32 {
            let members = || (0..n).filter(|&i| of.bin_of[i] == bin);
            let gone = members().filter(|&i| !keep[i]).count() as f64;
            let size = members().count() as f64;
            prop_assert!((gone / size - total / n as f64).abs() <= 1.0 / size + RATIO);
        }
        let bit: Vec<f64> = keep.iter().map(|&k| if k { 1.0 } else { 0.0 }).collect();
        let bin: Vec<f64> = of.bin_of.iter().map(|&b| f64::from(b)).collect();
        if let (Some(rho), true) = (spearman(&bit, &bin).unwrap(), (0.1..=0.9).contains(&remove)) {
            // One document too many or too few in each of B bins of n / B moves rho by at most
            // about B / n over the standard deviation of the bit (at least 0.3).
            prop_assert!(rho.abs() <= bins as f64 / n as f64 / 0.3 * 1.5, "{rho}");
        }
    }

    #[test]
    fn bins_are_equal_and_ignore_the_order(lengths in prop::collection::vec(0u64..1000, 1..80), bins in 1usize..12, seed in any::<u64>()) {
        let found = LengthBins::equal(&lengths, bins).unwrap();
        prop_assert_eq!(found.bin_of.iter().map(|&b| b as usize).collect::<Vec<_>>(), reference::equal_bins(&lengths, bins));
        let order = Rng(seed).permutation(lengths.len());
        let moved: Vec<u64> = order.iter().map(|&i| lengths[i]).collect();
        let again = LengthBins::equal(&moved, bins).unwrap();
        prop_assert!(order.iter().enumerate().all(|(to, &from)| again.bin_of[to] == found.bin_of[from]));
        let mut distinct = lengths.clone();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() == lengths.len() {
            let (least, most) = (found.counts.iter().min(), found.counts.iter().max());
            prop_assert!(most.unwrap() - least.unwrap() <= 1);
        }
    }
}

#[test]
fn all_equal_lengths() {
    let lengths = [7u32; 10];
    let pruned = LengthPruning::new(Cut::Documents(0.3)).select(&lengths).unwrap();
    assert_eq!(pruned.keep.to_vec(), [&[false; 3][..], &[true; 7]].concat());
    assert_eq!(LengthPruning::new(Cut::Tokens(0.35)).select(&lengths).unwrap().removed_documents, 3);
    assert_eq!(LengthPruning::new(Cut::At(7)).select(&lengths).unwrap().removed_documents, 0);
    assert_eq!(LengthPruning::new(Cut::At(6)).select(&lengths).unwrap().removed_documents, 10);
    assert_eq!(Concentration::of(&lengths).unwrap().gini, Some(0.0));
    assert_eq!(LengthBins::equal(&lengths, 4).unwrap().counts, [0, 0, 10, 0]);
    let scores: Vec<f64> = (0..10).map(f64::from).collect();
    let confound = LengthConfound::new().resamples(10).report(&scores, &lengths).unwrap();
    assert_eq!((confound.spearman, confound.auc, confound.kendall), (None, None, None));
    assert_eq!(confound.eta_squared, Some(0.0));
}

#[test]
fn zero_lengths() {
    let lengths = [0u64, 5, 0, 3];
    assert_eq!(prune(Cut::Tokens(0.0), Side::Longest, &lengths).removed_documents, 0);
    // They cost nothing: on the short side they go within any share.
    let short = prune(Cut::Tokens(0.0), Side::Shortest, &lengths);
    assert_eq!((short.keep.to_vec(), short.cut), (vec![false, true, false, true], Some(0)));
    assert_eq!(prune(Cut::Tokens(1.0), Side::Longest, &lengths).kept_documents(), 0);
    let none = Concentration::of(&[0u32; 3]).unwrap();
    assert_eq!(
        (none.gini, none.share_of_longest(0.5).unwrap(), none.lorenz(4).unwrap()),
        (None, None, vec![])
    );
    let bins = LengthBins::edges(&lengths, &[1]).unwrap();
    let buckets = perplexity_by_length(&[9.0, 2.0, 9.0, 2.0], &lengths, &bins).unwrap();
    assert_eq!((buckets[0].documents, buckets[0].tokens, buckets[0].perplexity), (2, 0, None));
    assert!((buckets[1].perplexity.unwrap() - 2.0).abs() <= EXP_ULP * 2.0);
}

#[test]
fn no_documents() {
    let none: [u32; 0] = [];
    assert_eq!(LengthPruning::default().select(&none).unwrap().keep.len(), 0);
    let c = Concentration::of(&none).unwrap();
    assert_eq!((c.documents, c.gini, c.documents_that_hold(0.5).unwrap()), (0, None, 0));
    assert_eq!(LengthControlled::new().select(&[], &none).unwrap().len(), 0);
    assert!(matches!(LengthConfound::new().report(&[], &none), Err(Error::Empty { .. })));
    let s = length_of_selection(&[], &none).unwrap();
    assert_eq!((s.document_share, s.token_share, s.ratio, s.auc), (None, None, None, None));
}

/// Torture 45: no sum overflows.
#[test]
fn the_longest_lengths_do_not_overflow() {
    let lengths = [1u64 << 63, u64::MAX, u64::MAX, 1];
    let pruned = prune(Cut::Tokens(0.5), Side::Longest, &lengths);
    assert_eq!(pruned.total_tokens, (1u128 << 63) + 2 * u64::MAX as u128 + 1);
    assert_eq!(pruned.keep.to_vec(), [true, false, true, true]);
    assert_eq!(Concentration::of(&lengths).unwrap().tokens, pruned.total_tokens);
}

/// Torture 46: a share outside [0, 1] or NaN.
#[test]
fn shares_out_of_range_are_refused() {
    for share in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        for cut in [Cut::Documents(share), Cut::Tokens(share)] {
            let refused = LengthPruning::new(cut).select(&[1u32]);
            assert!(matches!(refused, Err(Error::InvalidParameter { name: "share", .. })), "{cut:?}");
        }
        assert!(LengthControlled::new().remove(share).select(&[1.0], &[1u32]).is_err());
        let c = Concentration::of(&[1u32]).unwrap();
        assert!(c.share_of_longest(share).is_err() && c.documents_that_hold(share).is_err());
    }
}

#[test]
fn constant_scores_have_no_correlation() {
    let lengths: Vec<u32> = (0..30).collect();
    let confound = LengthConfound::new().resamples(20).report(&[1.5; 30], &lengths).unwrap();
    assert_eq!((confound.spearman, confound.kendall, confound.eta_squared), (None, None, None));
    // Every pair ties: half of them count.
    assert_eq!(confound.auc.map(|auc| auc.estimate), Some(0.5));
}

/// Torture 44: all scores equal, three of ten go, by index.
#[test]
fn equal_scores_go_by_index() {
    let lengths = [1u32; 10];
    let keep = LengthControlled::new().bins(1).remove(0.3).select(&[0.5; 10], &lengths).unwrap();
    assert_eq!(keep.to_vec(), [&[false; 3][..], &[true; 7]].concat());
}

#[test]
fn bad_inputs_are_named() {
    let lengths = [1u32, 2];
    let nan = [0.0, f64::NAN];
    let bins = LengthBins::equal(&lengths, 1).unwrap();
    assert!(matches!(LengthConfound::new().report(&nan, &lengths), Err(Error::NonFinite { row: 1, .. })));
    assert!(matches!(LengthControlled::new().select(&nan, &lengths), Err(Error::NonFinite { row: 1, .. })));
    assert!(matches!(perplexity_by_length(&nan, &lengths, &bins), Err(Error::NonFinite { row: 1, .. })));
    let refused = perplexity_by_length(&[1.0, 0.0], &lengths, &bins);
    assert!(matches!(refused, Err(Error::InvalidParameter { name: "perplexity", .. })));
    assert!(matches!(LengthConfound::new().report(&[0.0], &lengths), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(length_of_selection(&[true], &lengths), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(perplexity_by_length(&[1.0; 3], &[1u32; 3], &bins), Err(Error::ShapeMismatch { .. })));
    for bins in [0, (1 << 20) + 1] {
        assert!(matches!(LengthBins::equal(&lengths, bins), Err(Error::InvalidParameter { .. })));
    }
    assert!(matches!(LengthBins::edges(&lengths, &[5, 5]), Err(Error::InvalidParameter { .. })));
}

#[test]
fn a_falling_score_is_seen_by_every_number() {
    let lengths: Vec<u32> = (1..=200).collect();
    let middle: Vec<f64> = lengths.iter().map(|&l| -(f64::from(l) - 100.5).abs()).collect();
    let found = LengthConfound::new().resamples(100).report(&middle, &lengths).unwrap();
    // High in the middle: no rank correlation, yet four fifths of the variance and more are length's.
    let rho = found.spearman.unwrap();
    assert!(rho.contains(0.0) && found.eta_squared.unwrap() > 0.9, "{found:?}");
    assert_eq!(kendall(&middle, &middle).unwrap(), Some(1.0));
}

#[test]
fn lengths_at_an_edge_belong_to_the_bin_above() {
    let bins = LengthBins::edges(&[9u64, 10, 11, 99, 100], &[10, 100]).unwrap();
    assert_eq!(bins.bin_of, [0, 1, 1, 1, 2]);
    assert_eq!(bins.counts, [1, 3, 1]);
}

#[test]
fn documents_that_hold_a_share_hold_it_exactly() {
    let held =
        |lengths: &[u64], share| Concentration::of(lengths).unwrap().documents_that_hold(share).unwrap();
    assert_eq!(held(&[1, 1, 1, 1], 0.5), 2);
    assert_eq!(held(&[5, 3, 2], 0.5), 1);
    assert_eq!(held(&[5, 3, 2], 0.8), 2);
    assert_eq!((held(&[5, 3, 2], 0.0), held(&[5, 3, 2], 1.0)), (0, 3));
}

/// Only what is longer than the median is long: of 1, 2, 2, 9 the last.
#[test]
fn the_median_itself_is_not_long() {
    let found = LengthConfound::new().resamples(1).report(&[1.0, 0.0, 0.0, 2.0], &[1u64, 2, 2, 9]).unwrap();
    assert_eq!(found.auc.unwrap().estimate, 1.0);
}

/// 2 and 4 of 1, 2, 3, 4 go: half of the documents, 6 of 10 tokens, longer in 3 of 4 pairs.
#[test]
fn a_selection_s_lengths_are_those_of_what_goes() {
    let found = length_of_selection(&[true, false, true, false], &[1u64, 2, 3, 4]).unwrap();
    assert_eq!((found.document_share, found.token_share, found.auc), (Some(0.5), Some(0.6), Some(0.75)));
    assert_eq!((found.ratio, found.kept_documents, found.kept_tokens), (Some(1.2), 2, 4));
    let all = length_of_selection(&[true, true], &[1u64, 2]).unwrap();
    assert_eq!((all.token_share, all.ratio, all.auc), (Some(0.0), None, None));
}
