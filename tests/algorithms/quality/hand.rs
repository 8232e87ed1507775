//! Worked by hand, and the edge cases of the contract by name.

use ndarray::{Array2, array};
use pauca::Error;
use pauca::quality::{
    EmptySubset, NoWeight, Perplexities, Pooling, Predicate, QualityPruning, Rules, Scores, SubsetPerplexity,
    TextQuality, Ties, Unit, Weighting, Weights, doc_scores, line_scores,
};

macro_rules! fails {
    ($result:expr, $pattern:pat $(if $guard:expr)?) => {
        match $result {
            Err($pattern) $(if $guard)? => {}
            other => panic!("{:?} is not {}", other.err(), stringify!($pattern)),
        }
    };
}

/// PPL_all = 20, and of three predicates 15, 18, 24: weights 0.25, 0.1, 0 (24 is no gain).
fn weights() -> Weights {
    let ppl = Perplexities::given(20.0, &[Some(15.0), Some(18.0), Some(24.0)]).unwrap();
    let weights = Weighting::new().weights(&ppl).unwrap();
    assert_eq!(weights.values().to_vec(), [0.25, 0.1, 0.0]);
    assert_eq!(weights.informative(), 2);
    weights
}

const PREDICATES: [Predicate; 3] =
    [Predicate::TerminalPunctuation, Predicate::FirstLetterCapital, Predicate::NoJavascript];

/// Lines and words: "The cat sat." 3, passes both: 1. "a dog." 2, only the first: 0.25/0.35.
/// "Birds" 1, only the second: 0.1/0.35. "- - -" 0 words, neither: 0.
///
/// 0.25, 0.1 here are the f64 nearest to them: with a = 2^-2 and b = 3602879701896397 / 2^55 the
/// line scores are the f64 nearest to a / (a + b) and b / (a + b), 5/7 and 2/7 up to rounding, and
/// the document is the f64 nearest to (3 + 2 s + t) / 6 in those two numbers. Python:
///   from fractions import Fraction as F
///   a, b = F(0.25), F(0.1); s, t = float(a / (a + b)), float(b / (a + b))
///   float((3 + 2 * F(s) + F(t)) / 6).hex()
#[test]
fn first_document_by_hand() {
    let quality = TextQuality::new(weights()).predicates(&PREDICATES);
    assert_eq!(quality.line("The cat sat.").unwrap(), 1.0);
    assert_eq!(quality.line("a dog.").unwrap().to_bits(), S);
    assert_eq!(quality.line("Birds").unwrap().to_bits(), T);
    assert_eq!(quality.line("- - -").unwrap(), 0.0);
    let document = quality.document("The cat sat.\na dog.\n\n  Birds  \n- - -\n").unwrap();
    assert_eq!((document.tokens, document.lines), (6, 4));
    assert_eq!(document.score.unwrap().to_bits(), DOCUMENT);
}

const S: u64 = 0x3fe6_db6d_b6db_6db7; // 0.7142857142857143
const T: u64 = 0x3fd2_4924_9249_2492; // 0.2857142857142857
const DOCUMENT: u64 = 0x3fe9_2492_4924_9249; // 0.7857142857142857

/// Three lines of one word that score b / (a + b) = t each: the mean is t, to the bit (the
/// quotient of rounded sums, 3 t / 3, need not be). With a line of 5 words that scores 0 and one of
/// 2^40 words that scores 1 beside them, (3 t + 2^40) / (2^40 + 8).
#[test]
fn second_document_by_hand() {
    let t = f64::from_bits(T);
    let quality = TextQuality::new(weights()).predicates(&PREDICATES);
    assert_eq!(quality.document("One\nTwo\nThree").unwrap().score, Some(t));
    let scores = doc_scores(&[t, t, t, 0.0, 1.0], &[1, 1, 1, 5, 1 << 40], &[0, 5]).unwrap();
    assert_eq!(scores[0].to_bits(), 0x3fef_ffff_ffff_1b6e); // 0.9999999999935036
}

#[test]
fn case_47_weighted_lines_give_three_quarters_exactly() {
    assert_eq!(doc_scores(&[1.0, 0.0], &[3, 1], &[0, 2]).unwrap().to_vec(), [0.75]);
}

/// No overflow, whatever the counts.
#[test]
fn case_45_counts_near_two_to_the_64_do_not_overflow() {
    let scores = doc_scores(&[1.0, 0.0, 1.0], &[u64::MAX, u64::MAX, 0], &[0, 3]).unwrap();
    assert_eq!(scores.to_vec(), [0.5]);
    let mut gathered = Scores::new();
    gathered.push(0, Some(0.5), u64::MAX).unwrap();
    gathered.push(1, Some(0.25), 1).unwrap();
    fails!(gathered.finish(&QualityPruning::new()), Error::TooLarge { what: "tokens", .. });
}

/// A share of the tokens is a floor in whole numbers, as in `length`.
#[test]
fn token_shares_are_exact_floors() {
    let kept = |tokens: &[u64], fraction| {
        let mut scores = Scores::new();
        (0u32..).zip(tokens).for_each(|(id, t)| scores.push(id.into(), Some(0.5), *t).unwrap());
        let prune = QualityPruning::new().keep_fraction(fraction).share(pauca::quality::Share::Tokens);
        scores.finish(&prune).unwrap().kept_tokens()
    };
    // 1.5 and 2.5 tokens: no half is rounded up.
    assert_eq!((kept(&[1, 1, 1], 0.5), kept(&[1; 5], 0.5)), (1, 2));
    // 2^62 + 1 has no f64: all of the tokens are all the same, and the last one counts.
    assert_eq!(kept(&[1 << 62, 1], 1.0), (1 << 62) + 1);
    assert_eq!(kept(&[1 << 62, 1], 1.0 - f64::EPSILON), 0);
}

/// "a-b c1." holds three words, two pieces, six characters; "d" one of each.
#[test]
fn documents_are_weighted_in_the_chosen_unit() {
    for (unit, tokens) in [(Unit::Words, 3), (Unit::Whitespace, 2), (Unit::Characters, 6)] {
        let quality = TextQuality::new(weights()).predicates(&PREDICATES).unit(unit);
        let document = quality.document("a-b c1.\nd").unwrap();
        assert_eq!(document.tokens, tokens + 1, "{unit:?}");
        let expected = doc_scores(&[f64::from_bits(S), 0.0], &[tokens, 1], &[0, 2]).unwrap()[0];
        assert_eq!(document.score, Some(expected), "{unit:?}");
    }
}

#[test]
fn weights_lie_between_zero_and_one() {
    let ppl = Perplexities::given(1e300, &[Some(1.0), Some(1e300), Some(f64::MAX), Some(0.5)]).unwrap();
    assert_eq!(Weighting::new().weights(&ppl).unwrap().values().to_vec(), [1.0, 0.0, 0.0, 1.0]);
    // Just below PPL_all: the smallest weight there is.
    let ppl = Perplexities::given(16.0, &[Some(16.0f64.next_down())]).unwrap();
    assert_eq!(Weighting::new().weights(&ppl).unwrap().values()[0], f64::EPSILON / 2.0);
}

#[test]
fn perplexities_that_are_not_above_zero_and_finite_are_errors() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        fails!(Perplexities::given(bad, &[]), Error::NonFinite { row: 0, .. });
        fails!(Perplexities::given(1.0, &[None, Some(bad)]), Error::NonFinite { row: 2, .. });
    }
    assert!(Perplexities::given(f64::MIN_POSITIVE, &[Some(f64::MIN_POSITIVE)]).is_ok());
    for bad in [0.0, -0.0, -3.0, f64::from_bits(1), f64::MIN_POSITIVE.next_down()] {
        fails!(Perplexities::given(bad, &[]), Error::InvalidParameter { name: "perplexity", .. });
        fails!(Perplexities::given(1.0, &[Some(bad)]), Error::InvalidParameter { .. });
    }
    let mut sums = SubsetPerplexity::new(1, Pooling::Tokens).unwrap();
    fails!(sums.push(&[true], 3, f64::NAN), Error::NonFinite { row: 0, .. });
    fails!(sums.push(&[true], 3, -0.5), Error::InvalidParameter { name: "nll", .. });
    fails!(sums.push(&[true, false], 3, 0.5), Error::ShapeMismatch { expected: 1, found: 2, .. });
    // Nothing of that was added.
    assert_eq!(sums, SubsetPerplexity::new(1, Pooling::Tokens).unwrap());
}

#[test]
fn perplexity_beyond_the_range_is_an_error() {
    let mut sums = SubsetPerplexity::new(0, Pooling::Tokens).unwrap();
    sums.push(&[], 1, 800.0).unwrap();
    fails!(sums.finish(), Error::NonFinite { row: 0, .. });
    let mut sums = SubsetPerplexity::new(0, Pooling::Lines).unwrap();
    fails!(sums.push(&[], 1, 800.0), Error::NonFinite { .. });
}

#[test]
fn no_lines_have_no_perplexity() {
    let mut sums = SubsetPerplexity::new(2, Pooling::Tokens).unwrap();
    fails!(sums.finish(), Error::Empty { .. });
    sums.push(&[true, true], 0, 0.0).unwrap(); // no tokens: no line
    fails!(sums.finish(), Error::Empty { .. });
}

#[test]
fn a_predicate_that_no_line_passes_weighs_nothing_or_is_an_error() {
    let ppl = Perplexities::given(20.0, &[Some(10.0), None]).unwrap();
    assert_eq!(Weighting::new().weights(&ppl).unwrap().values().to_vec(), [0.5, 0.0]);
    fails!(Weighting::new().empty_subset(EmptySubset::Error).weights(&ppl), Error::Empty { .. });
}

#[test]
fn zero_weight_sum_is_an_error_or_one_by_flag() {
    let none = Weights::given(&[0.0, 0.0]).unwrap();
    let passes = array![[true, false]];
    fails!(line_scores(passes.view(), &none, NoWeight::Error), Error::NoInformativeFilter { filters: 2 });
    assert_eq!(line_scores(passes.view(), &none, NoWeight::Ones).unwrap().to_vec(), [1.0]);
    let quality = TextQuality::new(none).predicates(&PREDICATES[..2]);
    fails!(quality.document("A line."), Error::NoInformativeFilter { filters: 2 });
    fails!(quality.document(""), Error::NoInformativeFilter { .. });
    let quality = quality.no_weight(NoWeight::Ones);
    assert_eq!(quality.document("A line.").unwrap().score, Some(1.0));
    // No predicates at all are no weight, too.
    let nothing = Weights::given(&[]).unwrap();
    let lines = Array2::from_elem((1, 0), true);
    fails!(line_scores(lines.view(), &nothing, NoWeight::Error), Error::NoInformativeFilter { filters: 0 });
}

#[test]
fn weights_that_are_not_finite_or_out_of_range_are_errors() {
    fails!(Weights::given(&[0.5, f64::NAN]), Error::NonFinite { row: 1, .. });
    fails!(Weights::given(&[f64::INFINITY]), Error::NonFinite { row: 0, .. });
    for bad in [-0.1, 1e-61, 1e61, f64::from_bits(1)] {
        fails!(Weights::given(&[bad]), Error::InvalidParameter { name: "weight", .. });
    }
    assert!(Weights::given(&[0.0, -0.0, 1e-60, 1e60]).is_ok());
}

#[test]
fn an_empty_document_has_no_score_and_ranks_last() {
    let quality = TextQuality::new(weights()).predicates(&PREDICATES);
    for text in ["", "\n\n", " \t\r\n \u{a0}\n", "---\n***"] {
        let document = quality.document(text).unwrap();
        assert_eq!((document.score, document.tokens), (None, 0), "{text:?}");
    }
    let mut scores = Scores::new();
    scores.push(0, None, 0).unwrap();
    scores.push(1, Some(0.0), 5).unwrap();
    scores.push(2, None, 0).unwrap();
    let keep = |fraction| scores.clone().finish(&QualityPruning::new().keep_fraction(fraction)).unwrap();
    assert_eq!(keep(1.0 / 3.0).keep.to_vec(), [false, true, false]);
    assert_eq!(keep(2.0 / 3.0).keep.to_vec(), [true, true, false]);
    assert!(keep(2.0 / 3.0).threshold.is_nan());
    assert!(keep(0.0).threshold.is_nan());
    assert!(keep(1.0).scores[0].is_nan());
    let together =
        scores.finish(&QualityPruning::new().keep_fraction(2.0 / 3.0).ties(Ties::Together)).unwrap();
    assert_eq!(together.kept(), 3);
}

#[test]
fn documents_without_lines_or_tokens_are_nan_in_arrays() {
    let scores = doc_scores(&[1.0, 0.5], &[0, 0], &[0, 0, 1, 2, 2]).unwrap();
    assert!(scores.iter().all(|s| s.is_nan()));
    assert_eq!(doc_scores(&[], &[], &[0]).unwrap().len(), 0);
}

#[test]
fn bad_offsets_counts_and_line_scores_are_errors() {
    fails!(doc_scores(&[1.0], &[], &[0, 1]), Error::ShapeMismatch { what: "tokens", .. });
    fails!(doc_scores(&[1.0], &[1], &[]), Error::ShapeMismatch { .. });
    fails!(doc_scores(&[1.0], &[1], &[0, 2]), Error::ShapeMismatch { expected: 1, found: 2, .. });
    fails!(doc_scores(&[1.0], &[1], &[1, 1]), Error::ShapeMismatch { expected: 0, found: 1, .. });
    fails!(doc_scores(&[1.0; 3], &[1; 3], &[0, 2, 1, 3]), Error::InvalidParameter { name: "offsets", .. });
    fails!(doc_scores(&[1.0, f64::NAN], &[1; 2], &[0, 2]), Error::NonFinite { row: 1, .. });
    for bad in [1.5, -0.5, 1e-300] {
        fails!(doc_scores(&[bad], &[1], &[0, 1]), Error::InvalidParameter { name: "line score", .. });
    }
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let passes = Array2::from_elem((2, 4), true);
    fails!(
        line_scores(passes.view(), &weights(), NoWeight::Error),
        Error::ShapeMismatch { expected: 3, found: 4, .. }
    );
    let quality = TextQuality::new(weights());
    fails!(quality.line("x"), Error::ShapeMismatch { what: "weights", expected: 10, found: 3 });
    fails!(quality.document(""), Error::ShapeMismatch { .. });
}

#[test]
fn shares_outside_zero_to_one_scores_and_ids_are_checked() {
    for bad in [-0.1, 1.1, f64::NAN] {
        let prune = QualityPruning::new().keep_fraction(bad);
        fails!(Scores::new().finish(&prune), Error::InvalidParameter { name: "keep_fraction", .. });
        fails!(Scores::new().push(1, Some(bad), 1), Error::InvalidParameter { name: "score", .. });
    }
    let mut scores = Scores::new();
    [9, 7, 9, 7].iter().for_each(|id| scores.push(*id, Some(0.5), 1).unwrap());
    fails!(scores.finish(&QualityPruning::new()), Error::DuplicateId { id: 7 });
    let none = Scores::new().finish(&QualityPruning::new()).unwrap();
    assert_eq!((none.kept(), none.ids.len()), (0, 0));
}

/// Ten equal scores, 30 % go: exactly three, the highest ids.
#[test]
fn case_44_ties_at_the_cut_go_by_id_or_together() {
    let mut scores = Scores::new();
    (0..10).rev().for_each(|id| scores.push(id, Some(0.25), 3).unwrap());
    let kept = scores.clone().finish(&QualityPruning::new().keep_fraction(0.7)).unwrap();
    assert_eq!(kept.keep.to_vec(), [true, true, true, true, true, true, true, false, false, false]);
    assert_eq!(kept.threshold, 0.25);
    let all = scores.finish(&QualityPruning::new().keep_fraction(0.7).ties(Ties::Together)).unwrap();
    assert_eq!(all.kept(), 10);
}

#[test]
fn negative_zero_is_zero() {
    let mut scores = Scores::new();
    scores.push(1, Some(-0.0), 1).unwrap();
    scores.push(0, Some(0.0), 1).unwrap();
    let kept = scores.finish(&QualityPruning::new().keep_fraction(0.5)).unwrap();
    assert_eq!(kept.keep.to_vec(), [true, false]);
    assert_eq!(kept.threshold.to_bits(), 0);
    assert!(kept.scores.iter().all(|s| s.to_bits() == 0));
}

#[test]
fn an_empty_document_passes_no_rule_that_divides() {
    let verdict = Rules::gopher_quality().judge("").unwrap();
    assert!(!verdict.passes());
    assert!(verdict.values[1].is_nan() && !verdict.passed[1]);
    let verdict = Rules::fineweb().judge(" \n").unwrap();
    assert_eq!(verdict.passed, [false; 3]);
}
