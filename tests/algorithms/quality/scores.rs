//! Properties of lines and documents, and the reference to the bit.

use ndarray::Array2;
use pauca::quality::{
    NoWeight, Perplexities, Pooling, QualityPruning, Scores, Share, SubsetPerplexity, Weighting, Weights,
    doc_scores, line_scores,
};
use pauca_reference::quality as reference;
use pauca_tests::agree::nan_bits as bits;
use pauca_tests::data::Rng;

super::properties!(
    weights_equal_the_reference,
    line_scores_equal_the_reference,
    doc_scores_equal_the_reference,
    kept_sets_equal_the_reference,
    line_scores_lie_in_zero_to_one,
    a_line_that_passes_all_scores_1_and_none_0,
    a_predicate_of_weight_0_does_not_matter,
    line_scores_are_monotone_in_the_indicators,
    scaling_all_weights_by_a_power_of_two_leaves_the_bits,
    scaling_all_weights_leaves_line_scores_but_for_rounding,
    the_order_of_predicates_does_not_matter,
    doc_scores_lie_between_their_lines,
    splitting_a_line_leaves_the_document_score,
    the_order_of_lines_does_not_matter,
    kept_documents_score_no_less_than_others,
    perplexities_equal_plain_sums,
);

/// Weights with zeros, equal ones and, at times, wild magnitudes.
fn some_weights(rng: &mut Rng) -> Vec<f64> {
    let wild = rng.chance(0.3);
    let n = 1 + rng.below(14);
    (0..n)
        .map(|_| match rng.below(5) {
            0 => 0.0,
            1 => 0.25,
            _ if wild => rng.unit().max(1e-9) * 2f64.powi(rng.below(330) as i32 - 165),
            _ => rng.unit(),
        })
        .collect()
}

fn some_lines(rng: &mut Rng, predicates: usize) -> Array2<bool> {
    let share = rng.unit();
    Array2::from_shape_simple_fn((1 + rng.below(20), predicates), || rng.chance(share))
}

/// Line scores with zeros, ones and equal values; tokens with zeros and huge counts.
fn some_document(rng: &mut Rng) -> (Vec<f64>, Vec<u64>) {
    let n = 1 + rng.below(12);
    let (same, huge) = (rng.unit(), rng.chance(0.2));
    let score = |rng: &mut Rng| match rng.below(5) {
        0 => 0.0,
        1 => 1.0,
        2 => same,
        _ => rng.unit(),
    };
    let scores = (0..n).map(|_| score(rng)).collect();
    let most = if huge { 1 << 50 } else { 40 };
    let tokens = (0..n).map(|_| if rng.chance(0.2) { 0 } else { rng.below(most) as u64 }).collect();
    (scores, tokens)
}

fn scored(passes: &Array2<bool>, weights: &[f64]) -> Vec<f64> {
    line_scores(passes.view(), &Weights::given(weights).unwrap(), NoWeight::Ones).unwrap().to_vec()
}

fn document(scores: &[f64], tokens: &[u64]) -> f64 {
    doc_scores(scores, tokens, &[0, scores.len()]).unwrap()[0]
}

fn weights_equal_the_reference(rng: &mut Rng) {
    let all = 1.0 + 100.0 * rng.unit();
    let subset = |rng: &mut Rng| {
        (!rng.chance(0.1)).then(|| if rng.chance(0.1) { all } else { 200.0 * rng.unit() + 1e-3 })
    };
    let subsets: Vec<Option<f64>> = (0..rng.below(12)).map(|_| subset(rng)).collect();
    let found = Weighting::new().weights(&Perplexities::given(all, &subsets).unwrap()).unwrap();
    let expected = reference::weights(all, &subsets);
    assert_eq!(bits(found.values().to_vec()), bits(&expected));
    assert!(found.values().iter().all(|w| (0.0..1.0).contains(w)));
}

fn line_scores_equal_the_reference(rng: &mut Rng) {
    let weights = some_weights(rng);
    let passes = some_lines(rng, weights.len());
    let expected: Vec<f64> = passes
        .rows()
        .into_iter()
        .map(|line| reference::line_score(&line.to_vec(), &weights).unwrap_or(1.0))
        .collect();
    assert_eq!(bits(scored(&passes, &weights)), bits(&expected), "{weights:?}");
}

fn doc_scores_equal_the_reference(rng: &mut Rng) {
    let (scores, tokens) = some_document(rng);
    let lines: Vec<(u64, f64)> = tokens.iter().copied().zip(scores.iter().copied()).collect();
    let expected = reference::doc_score(&lines).unwrap_or(f64::NAN);
    assert_eq!(bits([document(&scores, &tokens)]), bits([expected]), "{lines:?}");
}

fn kept_sets_equal_the_reference(rng: &mut Rng) {
    let n = rng.below(30);
    let coarse = |rng: &mut Rng| (!rng.chance(0.1)).then(|| rng.below(5) as f64 / 4.0);
    let scores: Vec<Option<f64>> = (0..n).map(|_| coarse(rng)).collect();
    let tokens: Vec<u64> = (0..n).map(|_| rng.below(9) as u64).collect();
    let fraction = rng.pick(&[0.0, 0.5, 0.6, 1.0, 1.0 / 3.0]);
    let mut gathered = Scores::new();
    for i in rng.permutation(n) {
        gathered.push(i as u64, scores[i], tokens[i]).unwrap();
    }
    let prune = QualityPruning::new().keep_fraction(fraction);
    let found = gathered.clone().finish(&prune).unwrap();
    assert_eq!(found.keep.to_vec(), reference::keep_documents(&scores, fraction));
    let found = gathered.finish(&prune.share(Share::Tokens)).unwrap();
    assert_eq!(found.keep.to_vec(), reference::keep_tokens(&scores, &tokens, fraction));
}

fn line_scores_lie_in_zero_to_one(rng: &mut Rng) {
    let weights = some_weights(rng);
    let passes = some_lines(rng, weights.len());
    assert!(scored(&passes, &weights).iter().all(|s| (0.0..=1.0).contains(s)));
}

fn a_line_that_passes_all_scores_1_and_none_0(rng: &mut Rng) {
    let mut weights = some_weights(rng);
    weights.push(rng.unit() + 0.1);
    assert_eq!(scored(&Array2::from_elem((1, weights.len()), true), &weights), [1.0]);
    assert_eq!(scored(&Array2::from_elem((1, weights.len()), false), &weights), [0.0]);
}

fn a_predicate_of_weight_0_does_not_matter(rng: &mut Rng) {
    let weights = some_weights(rng);
    let passes = some_lines(rng, weights.len());
    let scores = scored(&passes, &weights);
    let turned = Array2::from_shape_fn(passes.dim(), |(l, i)| passes[[l, i]] != (weights[i] == 0.0));
    assert_eq!(scored(&turned, &weights), scores);
}

fn line_scores_are_monotone_in_the_indicators(rng: &mut Rng) {
    let weights = some_weights(rng);
    let passes = some_lines(rng, weights.len());
    let more = passes.mapv(|p| p || rng.chance(0.3));
    assert!(scored(&passes, &weights).iter().zip(scored(&more, &weights)).all(|(few, many)| *few <= many));
}

/// Some weights, none of magnitudes that a scale could move out of range.
fn some_plain_weights(rng: &mut Rng) -> Vec<f64> {
    (0..1 + rng.below(12)).map(|_| rng.unit()).collect()
}

fn scaling_all_weights_by_a_power_of_two_leaves_the_bits(rng: &mut Rng) {
    let weights = some_plain_weights(rng);
    let passes = some_lines(rng, weights.len());
    let scale = 2f64.powi(rng.below(280) as i32 - 140);
    let scaled: Vec<f64> = weights.iter().map(|w| w * scale).collect();
    assert_eq!(scored(&passes, &scaled), scored(&passes, &weights));
}

fn the_order_of_predicates_does_not_matter(rng: &mut Rng) {
    let weights = some_plain_weights(rng);
    let passes = some_lines(rng, weights.len());
    let order = rng.permutation(weights.len());
    let shuffled = Array2::from_shape_fn(passes.dim(), |(l, i)| passes[[l, order[i]]]);
    let moved: Vec<f64> = order.iter().map(|&i| weights[i]).collect();
    assert_eq!(scored(&shuffled, &moved), scored(&passes, &weights));
}

/// Scaling rounds every weight by at most half an ulp: a relative error of 2^-53 in the numerator
/// and in the denominator, and one rounding of the quotient more on either side.
const SCALED: f64 = 2.0 * f64::EPSILON;

fn scaling_all_weights_leaves_line_scores_but_for_rounding(rng: &mut Rng) {
    let weights = some_plain_weights(rng);
    let passes = some_lines(rng, weights.len());
    let scale = 1e-3 + rng.unit();
    let scaled: Vec<f64> = weights.iter().map(|w| w * scale).collect();
    for (a, b) in scored(&passes, &weights).iter().zip(scored(&passes, &scaled)) {
        assert!((a - b).abs() <= SCALED * a, "{a} {b}");
    }
}

fn doc_scores_lie_between_their_lines(rng: &mut Rng) {
    let (scores, tokens) = some_document(rng);
    let counted = scores.iter().zip(&tokens).filter(|(_, t)| **t > 0).map(|(s, _)| *s);
    let (low, high) = counted.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), s| (a.min(s), b.max(s)));
    let score = document(&scores, &tokens);
    assert!(score.is_nan() && low > high || low <= score && score <= high, "{score} of {low}..{high}");
}

fn splitting_a_line_leaves_the_document_score(rng: &mut Rng) {
    let (mut scores, mut tokens) = some_document(rng);
    let before = document(&scores, &tokens);
    for _ in 0..rng.below(5) {
        let i = rng.below(scores.len());
        let piece = rng.below(tokens[i] as usize + 1) as u64;
        tokens[i] -= piece;
        scores.insert(i, scores[i]);
        tokens.insert(i, piece);
    }
    assert_eq!(bits([document(&scores, &tokens)]), bits([before]));
}

fn the_order_of_lines_does_not_matter(rng: &mut Rng) {
    let (scores, tokens) = some_document(rng);
    let order = rng.permutation(scores.len());
    let (s, t): (Vec<f64>, Vec<u64>) = order.iter().map(|&i| (scores[i], tokens[i])).unzip();
    assert_eq!(bits([document(&s, &t)]), bits([document(&scores, &tokens)]));
}

fn kept_documents_score_no_less_than_others(rng: &mut Rng) {
    let mut gathered = Scores::new();
    let n = 1 + rng.below(40);
    for id in 0..n as u64 {
        let score = rng.below(8) as f64 / 7.0;
        gathered.push(id, (!rng.chance(0.1)).then_some(score), rng.below(50) as u64).unwrap();
    }
    let fraction = rng.unit();
    let share = rng.pick(Share::ALL);
    let found = gathered.finish(&QualityPruning::new().keep_fraction(fraction).share(share)).unwrap();
    let value = |i: usize| if found.scores[i].is_nan() { -1.0 } else { found.scores[i] };
    for i in (0..n).filter(|&i| found.keep[i]) {
        assert!(
            (0..n).filter(|&j| !found.keep[j]).all(|j| value(i) > value(j) || value(i) == value(j) && i < j)
        );
    }
    match share {
        Share::Documents => assert_eq!(found.kept() as f64, (fraction * n as f64).round_ties_even()),
        _ => {
            // fraction total is below 2^11, of a fraction of 53 bits: exact in units of 2^-53.
            let unit = (1u64 << 53) as f64;
            let target = (fraction * unit) as u128 * u128::from(found.tokens.sum());
            assert!(u128::from(found.kept_tokens()) << 53 <= target);
        }
    }
}

/// libm's exponential is within 1 ulp, and so may be the machine's: 2 together.
const EXP: f64 = 2.0 * f64::EPSILON;

fn perplexities_equal_plain_sums(rng: &mut Rng) {
    let (mut tokens, mut lines) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    let mut pooled =
        [Pooling::Tokens, Pooling::Lines].map(|pooling| SubsetPerplexity::new(1, pooling).unwrap());
    for _ in 0..1 + rng.below(30) {
        let (count, passes) = (rng.below(20) as u64, rng.chance(0.5));
        let nll = count as f64 * 5.0 * rng.unit();
        pooled.iter_mut().for_each(|sums| sums.push(&[passes], count, nll).unwrap());
        if count > 0 {
            for set in if passes { 0..2 } else { 0..1 } {
                tokens[set].push((nll, count as f64));
                lines[set].push((nll / count as f64).exp());
            }
        }
    }
    if tokens[0].is_empty() {
        return;
    }
    // A rounding of the sum and one of the quotient, magnified by the exponent (below 5).
    let near = |a: f64, b: f64| assert!((a - b).abs() <= (20.0 * f64::EPSILON + EXP) * b, "{a} {b}");
    let by_tokens = |set: &[(f64, f64)]| {
        let mut sum = pauca_reference::fsum::ExactSum::default();
        set.iter().for_each(|(nll, _)| sum.add(*nll));
        (sum.value() / set.iter().map(|(_, count)| count).sum::<f64>()).exp()
    };
    let by_lines = |set: &[f64]| pauca_reference::fsum::fsum(set) / set.len() as f64;
    let [a, b] = pooled.map(|sums| sums.finish().unwrap());
    near(a.all(), by_tokens(&tokens[0]));
    near(b.all(), by_lines(&lines[0]));
    assert_eq!(a.subsets()[0].is_some(), !tokens[1].is_empty());
    if let (Some(x), Some(y)) = (a.subsets()[0], b.subsets()[0]) {
        near(x, by_tokens(&tokens[1]));
        near(y, by_lines(&lines[1]));
    }
}
