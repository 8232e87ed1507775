//! Weights from perplexities: what holds for any, and the edges by name.

use pauca::Error;
use pauca::quality::{
    EmptySubset, NoWeight, Perplexities, Pooling, SubsetPerplexity, TextQuality, Weighting, Weights,
    line_scores,
};
use pauca_tests::data::Rng;

super::properties!(
    weights_fall_as_the_subset_grows_harder,
    weights_grow_with_the_perplexity_of_all,
    weights_sum_to_at_most_their_number,
    weights_are_those_of_perplexities_times_a_power_of_two,
    weights_follow_the_order_of_predicates,
    bad_perplexities_are_named_wherever_they_stand,
    a_predicate_and_its_opposite_do_not_both_weigh,
    equal_lines_weigh_nothing_but_rounding,
);

fn weights(all: f64, subsets: &[f64]) -> Vec<f64> {
    let subsets: Vec<Option<f64>> = subsets.iter().copied().map(Some).collect();
    Weighting::new().weights(&Perplexities::given(all, &subsets).unwrap()).unwrap().values().to_vec()
}

/// A perplexity between 1 and 2^60, often a small one.
fn perplexity(rng: &mut Rng) -> f64 {
    let most = rng.pick(&[4, 60]);
    (1.0 + rng.unit()) * 2f64.powi(rng.below(most) as i32)
}

fn weights_fall_as_the_subset_grows_harder(rng: &mut Rng) {
    let all = perplexity(rng);
    let mut subsets: Vec<f64> = (0..2 + rng.below(20)).map(|_| perplexity(rng)).collect();
    subsets.extend([all, all.next_down(), all.next_up(), subsets[0].next_up()]);
    subsets.sort_by(f64::total_cmp);
    let found = weights(all, &subsets);
    assert!(found.windows(2).all(|pair| pair[0] >= pair[1]), "{all}: {found:?}");
    // What is easier than everything weighs something, nothing else does.
    assert!(subsets.iter().zip(&found).all(|(subset, w)| (*w > 0.0) == (*subset < all)));
}

fn weights_grow_with_the_perplexity_of_all(rng: &mut Rng) {
    let subsets: Vec<f64> = (0..1 + rng.below(12)).map(|_| perplexity(rng)).collect();
    let (a, b) = (perplexity(rng), perplexity(rng));
    let (low, high) = (weights(a.min(b), &subsets), weights(a.max(b), &subsets));
    assert!(low.iter().zip(&high).all(|(low, high)| low <= high));
}

/// Each is below 1, or rounds to it where the subset is 2^53 times easier.
fn weights_sum_to_at_most_their_number(rng: &mut Rng) {
    let all = perplexity(rng);
    let subsets: Vec<f64> = (0..1 + rng.below(12)).map(|_| perplexity(rng)).collect();
    let found = weights(all, &subsets);
    let sum: f64 = found.iter().sum();
    assert!((0.0..=subsets.len() as f64).contains(&sum), "{sum}");
    let informative = Weights::given(&found).unwrap().informative();
    assert_eq!(informative, subsets.iter().filter(|subset| **subset < all).count());
    assert_eq!(informative > 0, sum > 0.0);
}

fn weights_are_those_of_perplexities_times_a_power_of_two(rng: &mut Rng) {
    let all = perplexity(rng);
    let subsets: Vec<f64> = (0..1 + rng.below(12)).map(|_| perplexity(rng)).collect();
    let scale = 2f64.powi(rng.below(600) as i32 - 300);
    let scaled: Vec<f64> = subsets.iter().map(|subset| subset * scale).collect();
    assert_eq!(weights(all * scale, &scaled), weights(all, &subsets));
}

fn weights_follow_the_order_of_predicates(rng: &mut Rng) {
    let all = perplexity(rng);
    let subsets: Vec<f64> = (0..1 + rng.below(12)).map(|_| perplexity(rng)).collect();
    let order = rng.permutation(subsets.len());
    let shuffled: Vec<f64> = order.iter().map(|&i| subsets[i]).collect();
    let found = weights(all, &subsets);
    assert_eq!(weights(all, &shuffled), order.iter().map(|&i| found[i]).collect::<Vec<_>>());
}

/// Row 0 is that of all lines, row i + 1 that of predicate i; the first bad one is named.
fn bad_perplexities_are_named_wherever_they_stand(rng: &mut Rng) {
    let mut values: Vec<f64> = (0..1 + rng.below(12)).map(|_| perplexity(rng)).collect();
    let (place, bad) =
        (rng.below(values.len()), rng.pick(&[f64::NAN, f64::INFINITY, -f64::INFINITY, 0.0, -2.0]));
    values[place] = bad;
    let subsets: Vec<Option<f64>> = values[1..].iter().copied().map(Some).collect();
    match Perplexities::given(values[0], &subsets) {
        Err(Error::NonFinite { row, .. }) => assert!(!bad.is_finite() && row == place as u64),
        Err(Error::InvalidParameter { name: "perplexity", value, .. }) => assert_eq!(value, bad),
        other => panic!("{bad} at {place}: {other:?}"),
    }
}

/// The perplexity of all lies between those of two parts, so one part at most is easier than it,
/// but for rounding: of the exponent, below 2^5 and off by half an ulp, twice, and of the exponential.
const ROUNDING: f64 = 2.0 * 32.0 * f64::EPSILON;

fn a_predicate_and_its_opposite_do_not_both_weigh(rng: &mut Rng) {
    let pooling = rng.pick(Pooling::ALL);
    let mut sums = SubsetPerplexity::new(2, pooling).unwrap();
    for _ in 0..1 + rng.below(30) {
        let (passes, tokens) = (rng.chance(0.5), 1 + rng.below(20) as u64);
        sums.push(&[passes, !passes], tokens, tokens as f64 * 31.0 * rng.unit()).unwrap();
    }
    let found = Weighting::new().weights(&sums.finish().unwrap()).unwrap();
    assert!(found.values().iter().copied().fold(1.0, f64::min) <= ROUNDING, "{found:?}");
}

/// Lines that the model predicts alike say nothing about predicates, however many there are.
fn equal_lines_weigh_nothing_but_rounding(rng: &mut Rng) {
    let pooling = rng.pick(Pooling::ALL);
    let (tokens, nll) = (1 + rng.below(20) as u64, 40.0 * rng.unit());
    let mut sums = SubsetPerplexity::new(3, pooling).unwrap();
    for _ in 0..1 + rng.below(30) {
        sums.push(&[rng.chance(0.5), true, false], tokens, nll).unwrap();
    }
    let ppl = sums.finish().unwrap();
    let found = Weighting::new().weights(&ppl).unwrap();
    // What rounding leaves of nothing.
    assert!(found.values().iter().all(|w| *w <= ROUNDING), "{ppl:?}");
    // Nobody passes the third: no perplexity, which is no information either.
    assert_eq!((ppl.subsets()[1], ppl.subsets()[2]), (Some(ppl.all()), None));
    let refused = Weighting::new().empty_subset(EmptySubset::Error).weights(&ppl);
    assert!(matches!(refused, Err(Error::Empty { .. })));
}

#[test]
fn equal_perplexities_are_no_information() {
    assert_eq!(weights(20.0, &[20.0; 5]), [0.0; 5]);
    let quality = TextQuality::new(Weights::given(&weights(20.0, &[20.0; 10])).unwrap());
    assert!(matches!(quality.document("A line."), Err(Error::NoInformativeFilter { filters: 10 })));
    let ones = quality.no_weight(NoWeight::Ones);
    assert_eq!(ones.document("A line.").unwrap().score, Some(1.0));
}

/// One line is all there is: every subset is it or nothing.
#[test]
fn one_line_gives_no_weight() {
    for &pooling in Pooling::ALL {
        let mut sums = SubsetPerplexity::new(2, pooling).unwrap();
        sums.push(&[true, false], 7, 21.0).unwrap();
        let ppl = sums.finish().unwrap();
        assert_eq!(ppl.subsets(), [Some(ppl.all()), None]);
        assert_eq!(Weighting::new().weights(&ppl).unwrap().values().to_vec(), [0.0, 0.0]);
    }
}

/// One predicate that weighs anything at all decides alone: its lines score 1, the others 0.
#[test]
fn one_predicate_decides_alone() {
    for subset in [1.0, 19.999_999, 20.0f64.next_down()] {
        let weights = Weights::given(&weights(20.0, &[subset, 30.0])).unwrap();
        let passes = ndarray::array![[true, false], [true, true], [false, true], [false, false]];
        let scores = line_scores(passes.view(), &weights, NoWeight::Error).unwrap();
        assert_eq!(scores.to_vec(), [1.0, 1.0, 0.0, 0.0]);
    }
}

/// A likelihood of 1 for every token is perplexity 1, exactly; a sum of 0 over no tokens is no line.
#[test]
fn certain_lines_have_perplexity_one() {
    for &pooling in Pooling::ALL {
        let mut sums = SubsetPerplexity::new(1, pooling).unwrap();
        sums.push(&[true], 5, 0.0).unwrap();
        sums.push(&[true], 0, 0.0).unwrap();
        assert_eq!((sums.lines(), sums.tokens()), (1, 5));
        sums.push(&[false], 5, 5.0).unwrap();
        let ppl = sums.finish().unwrap();
        assert_eq!(ppl.subsets()[0], Some(1.0));
        assert!(ppl.all() > 1.0);
    }
}
