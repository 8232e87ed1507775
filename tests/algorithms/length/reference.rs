//! Every result beside the reference.

use pauca::length::{
    Concentration, Cut, End, LengthBins, LengthConfound, LengthControlled, Side, perplexity_by_length,
};
use pauca::stats::gini;
use pauca_reference::{length as reference, statistics};
use pauca_tests::data::Rng;

use super::{EXP_ULP, RATIO, prune, some_lengths};

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
