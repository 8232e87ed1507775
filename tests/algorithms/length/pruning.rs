//! Cuts by documents, tokens and length; how much the longest hold; the edges by name.

use pauca::Error;
use pauca::length::{
    Concentration, Cut, LengthBins, LengthConfound, LengthControlled, LengthPruning, Side,
    length_of_selection, perplexity_by_length,
};
use proptest::prelude::*;

use super::{EXP_ULP, RATIO, prune};

proptest! {
    /// removed <= share * total < removed + the next longest, in exact integers.
    #[test]
    fn token_share_is_the_largest_below_the_target(lengths in prop::collection::vec(0u64..500, 1..60), part in 0u128..=1 << 32) {
        let whole = 1u128 << 32;
        let pruned = prune(Cut::Tokens(part as f64 / whole as f64), Side::Longest, &lengths);
        let target = part * pruned.total_tokens as u128;
        let removed = pruned.removed_tokens as u128;
        prop_assert!(whole * removed <= target);
        let next = lengths.iter().zip(&pruned.keep).filter(|(_, k)| **k).map(|(l, _)| *l).max();
        if let Some(next) = next {
            prop_assert!(target < whole * (removed + next as u128));
        }
    }

    #[test]
    fn longest_go_first_and_ties_by_index(lengths in prop::collection::vec(0u64..9, 0..60), share in 0.0..=1.0f64) {
        for cut in [Cut::Documents(share), Cut::Tokens(share), Cut::At(4)] {
            for &side in Side::ALL {
                let pruned = prune(cut, side, &lengths);
                let removed = lengths.iter().zip(&pruned.keep).filter(|(_, k)| !**k);
                prop_assert_eq!(removed.clone().count() as u64, pruned.removed_documents);
                prop_assert_eq!(removed.map(|(l, _)| *l).sum::<u64>(), pruned.removed_tokens);
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
    fn shares_are_nested(lengths in prop::collection::vec(0u64..99, 0..50), a in 0.0..=1.0f64, b in 0.0..=1.0f64) {
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

/// No sum overflows: 2^64 - 1 tokens are counted, more are refused.
#[test]
fn case_45_sums_of_the_longest_lengths_do_not_overflow() {
    let lengths = [1u64 << 63, (1 << 63) - 2, 1];
    let pruned = prune(Cut::Tokens(0.75), Side::Longest, &lengths);
    assert_eq!((pruned.total_tokens, pruned.removed_tokens), (u64::MAX, 1 << 63));
    assert_eq!(pruned.keep.to_vec(), [false, true, true]);
    let all = Concentration::of(&lengths).unwrap();
    assert_eq!((all.tokens, all.documents_that_hold(0.5).unwrap()), (u64::MAX, 1));
    let more = [u64::MAX, 1];
    let bins = LengthBins::edges(&more, &[]).unwrap();
    for refused in [
        LengthPruning::default().select(&more).map(drop),
        Concentration::of(&more).map(drop),
        length_of_selection(&[true; 2], &more).map(drop),
        perplexity_by_length(&[1.0; 2], &more, &bins).map(drop),
    ] {
        assert!(matches!(refused, Err(Error::TooLarge { what: "tokens", .. })), "{refused:?}");
    }
}

/// A share outside [0, 1] or NaN.
#[test]
fn case_46_shares_out_of_range_are_refused() {
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
fn documents_that_hold_a_share_hold_it_exactly() {
    let held =
        |lengths: &[u64], share| Concentration::of(lengths).unwrap().documents_that_hold(share).unwrap();
    assert_eq!(held(&[1, 1, 1, 1], 0.5), 2);
    assert_eq!(held(&[5, 3, 2], 0.5), 1);
    assert_eq!(held(&[6, 1, 1], 0.75), 1);
    // As f64 0.8 is a little more than four fifths, 0.3 a little less than three tenths.
    assert_eq!((held(&[5, 3, 2], 0.8), held(&[3, 3, 3, 1], 0.3)), (3, 1));
    // The quotient 2^60 / (2^60 + 1) rounds to 1.
    assert_eq!(held(&[1 << 60, 1], 1.0), 2);
    assert_eq!((held(&[1 << 63, 1 << 62, 1], 0.5), held(&[1 << 62, 1 << 62, 1], 0.5)), (1, 2));
    assert_eq!((held(&[5, 3, 2], 0.0), held(&[5, 3, 2], 1.0)), (0, 3));
}
