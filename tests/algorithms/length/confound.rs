//! Whether a score, or a selection, is about length, and pruning by a score that does not prefer one.

use pauca::Error;
use pauca::length::{
    LengthBins, LengthConfound, LengthControlled, length_of_selection, perplexity_by_length,
};
use pauca::stats::{kendall, spearman};
use pauca_reference::length as reference;
use pauca_tests::data::Rng;
use proptest::prelude::*;

use super::RATIO;

/// What stays where the score is the length, the worst case for an uncontrolled cut; and the bins.
fn controlled(n: usize, bins: usize, remove: f64, seed: u64) -> (Vec<bool>, LengthBins) {
    let lengths: Vec<u64> = Rng(seed).permutation(n).into_iter().map(|l| l as u64).collect();
    let scores: Vec<f64> = lengths.iter().map(|&l| l as f64).collect();
    let keep = LengthControlled::new().bins(bins).remove(remove).select(&scores, &lengths).unwrap();
    (keep.to_vec(), LengthBins::equal(&lengths, bins).unwrap())
}

proptest! {
    /// Every bin loses the share, to within one document.
    #[test]
    fn controlled_pruning_removes_the_share_of_every_bin_within_one(n in 40usize..200, bins in 1usize..8, remove in 0.0..=1.0f64, seed in any::<u64>()) {
        let (keep, of) = controlled(n, bins, remove, seed);
        let total = (remove * n as f64).round_ties_even();
        prop_assert_eq!(keep.iter().filter(|k| !**k).count() as f64, total);
        for bin in 0..bins as u32 {
            let members = || (0..n).filter(|&i| of.bin_of[i] == bin);
            let gone = members().filter(|&i| !keep[i]).count() as f64;
            let size = members().count() as f64;
            prop_assert!((gone / size - total / n as f64).abs() <= 1.0 / size + RATIO);
        }
    }

    /// So length says nothing about what went beyond rounding: the rank correlation of the keep bit with
    /// the bin is that of rounding.
    #[test]
    fn controlled_pruning_leaves_the_keep_bit_uncorrelated_with_the_bin(n in 40usize..200, bins in 1usize..8, remove in 0.0..=1.0f64, seed in any::<u64>()) {
        let (keep, of) = controlled(n, bins, remove, seed);
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
fn constant_score_has_no_rho() {
    let lengths: Vec<u32> = (0..30).collect();
    let confound = LengthConfound::new().resamples(20).report(&[1.5; 30], &lengths).unwrap();
    assert_eq!((confound.spearman, confound.kendall, confound.eta_squared), (None, None, None));
    // Every pair ties: half of them count.
    assert_eq!(confound.auc.map(|auc| auc.estimate), Some(0.5));
}

/// Lengths 1, 2, 2, 3 rank 1, 2.5, 2.5, 4, scores 1, 2, 3, 4: rho is 4.5 / sqrt(4.5 * 5), not the 0.8 or 1 of
/// ranks by order.
#[test]
fn rho_uses_average_ranks() {
    let found = LengthConfound::new().resamples(1).report(&[1.0, 2.0, 3.0, 4.0], &[1u64, 2, 2, 3]).unwrap();
    let rho = found.spearman.unwrap().estimate;
    assert!((rho - 0.9f64.sqrt()).abs() <= RATIO, "{rho}");
}

/// All scores equal, three of ten go, by index.
#[test]
fn case_44_equal_scores_go_by_index() {
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
