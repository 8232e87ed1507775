//! Text quality scores.
//!
//! Sharma et al. 2024 (Text Quality-Based Pruning for Efficient Training of Language Models),
//! section 2:
//!   1. "weight": w_i = max(0, (PPL_all - PPL_i) / PPL_all) for filter i, from the perplexity on
//!      all lines and on those that the filter selects;
//!   2. "line score": sum_i w_i I_i(line) / sum_i w_i;
//!   3. "document score": sum over lines of (token count * line score) / sum of token counts;
//!   4. keep the documents above a percentile of the score.
//!
//! Quotients 2 and 3 are rounded once, from the exact sums ([`crate::rational`]).

use crate::length::at_most;
use crate::prototypes::count;
use crate::rational::weighted_mean;

/// Step 1. A filter that no line passes has no perplexity and weighs nothing.
pub fn weights(all: f64, subsets: &[Option<f64>]) -> Vec<f64> {
    subsets.iter().map(|subset| subset.map_or(0.0, |ppl| ((all - ppl) / all).max(0.0))).collect()
}

/// Step 2; `None` when every weight is 0.
pub fn line_score(passes: &[bool], weights: &[f64]) -> Option<f64> {
    let pairs: Vec<(f64, f64)> =
        passes.iter().zip(weights).map(|(passes, weight)| (*weight, f64::from(u8::from(*passes)))).collect();
    weighted_mean(&pairs)
}

/// Step 3; `None` without tokens. Token counts below 2^53.
pub fn doc_score(lines: &[(u64, f64)]) -> Option<f64> {
    let pairs: Vec<(f64, f64)> = lines.iter().map(|(tokens, score)| (*tokens as f64, *score)).collect();
    weighted_mean(&pairs)
}

/// Documents from the best to the worst, those without a score last, equal ones by index.
pub fn ranked(scores: &[Option<f64>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    let key = |i: &usize| scores[*i].unwrap_or(-1.0);
    order.sort_by(|a, b| key(b).total_cmp(&key(a)).then(a.cmp(b)));
    order
}

/// Step 4: the best `fraction` of the documents.
pub fn keep_documents(scores: &[Option<f64>], fraction: f64) -> Vec<bool> {
    let mut keep = vec![false; scores.len()];
    ranked(scores).into_iter().take(count(fraction, scores.len())).for_each(|i| keep[i] = true);
    keep
}

/// Step 4, counted in tokens: the best documents while kept + next <= fraction * total.
pub fn keep_tokens(scores: &[Option<f64>], tokens: &[u64], fraction: f64) -> Vec<bool> {
    let total = tokens.iter().map(|&t| t as u128).sum();
    let mut kept = 0;
    let mut keep = vec![false; scores.len()];
    for i in ranked(scores) {
        if !at_most(kept + tokens[i] as u128, fraction, total) {
            break;
        }
        kept += tokens[i] as u128;
        keep[i] = true;
    }
    keep
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_by_hand() {
        let w = weights(40.0, &[Some(30.0), Some(45.0), None, Some(20.0)]);
        assert_eq!(w, [0.25, 0.0, 0.0, 0.5]);
        assert_eq!(line_score(&[true, false, true, false], &w), Some(1.0 / 3.0));
        assert_eq!(line_score(&[true; 4], &[0.0; 4]), None);
        assert_eq!(doc_score(&[(3, 1.0), (1, 0.0)]), Some(0.75));
        assert_eq!(doc_score(&[(0, 1.0)]), None);
    }

    #[test]
    fn the_best_stay() {
        let scores = [Some(0.5), None, Some(0.9), Some(0.5)];
        assert_eq!(keep_documents(&scores, 0.5), [true, false, true, false]);
        assert_eq!(keep_tokens(&scores, &[4, 1, 2, 3], 0.75), [true, false, true, false]);
        // As an f64, 0.6 is a little less than six tenths: 6 of 10 tokens are more than that.
        assert_eq!(keep_tokens(&scores, &[4, 1, 2, 3], 0.6), [false, false, true, false]);
        assert_eq!(keep_tokens(&scores, &[4, 1, 2, 3], 1.0), [true; 4]);
    }
}
