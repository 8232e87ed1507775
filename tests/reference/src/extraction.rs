//! Extraction of training text, exposure, counterfactual memorization, membership scores.
//!
//! - Carlini et al. 2022 (Quantifying memorization): a text is extractable if the greedy continuation
//!   of its prefix is its suffix.
//! - Hayes et al. 2024: (n, p)-discoverable iff 1 - (1 - p_z)^n >= p, p_z the probability of the
//!   suffix under the sampling scheme.
//! - Carlini et al. 2019 (The secret sharer): exposure = log2 |R| - log2 rank.
//! - Zhang et al. 2021: E[M | x in S] - E[M | x not in S].
//! - Shi et al. 2023 (Min-K%): the mean of the lowest k share of log-probabilities.
//!
//! Formulas as they stand, in `f64`.

use crate::fsum::fsum;

/// (all right, share right, right before the first wrong one).
pub fn suffix_match(generated: &[u32], suffix: &[u32]) -> (bool, f64, usize) {
    let right: Vec<bool> = (0..suffix.len()).map(|i| generated.get(i) == Some(&suffix[i])).collect();
    let hits = right.iter().filter(|r| **r).count();
    let prefix = right.iter().position(|r| !r).unwrap_or(suffix.len());
    (hits == suffix.len(), hits as f64 / suffix.len() as f64, prefix)
}

/// Tokens kept, most probable first, by temperature (above 0), top-k, top-p, in this order; equal logits rank by index.
pub fn support(x: &[f32], temperature: f64, top_k: usize, top_p: f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|&a, &b| x[b].total_cmp(&x[a]).then(a.cmp(&b)));
    order.truncate(top_k);
    let largest = x[order[0]] as f64;
    let weight = |j: usize| ((x[j] as f64 - largest) / temperature).exp();
    let total = fsum(&order.iter().map(|&j| weight(j)).collect::<Vec<_>>());
    if top_p == 1.0 {
        return order;
    }
    let (mut kept, mut weights) = (Vec::new(), Vec::new());
    for j in order {
        if fsum(&weights) >= top_p * total {
            break;
        }
        weights.push(weight(j));
        kept.push(j);
    }
    kept
}

/// ln of the probability of y under the scheme; minus infinity outside the support.
pub fn log_prob(x: &[f32], y: usize, temperature: f64, top_k: usize, top_p: f64) -> f64 {
    let kept = support(x, temperature, top_k, top_p);
    if !kept.contains(&y) || x[y] == f32::NEG_INFINITY {
        return f64::NEG_INFINITY;
    }
    let apart = |j: usize| (x[j] as f64 - x[kept[0]] as f64) / temperature;
    let sum = |without: Option<usize>| {
        let others = kept.iter().filter(|j| Some(**j) != without);
        fsum(&others.map(|&j| apart(j).exp()).collect::<Vec<_>>())
    };
    if y == kept[0] { -sum(Some(y)).ln_1p() } else { apart(y) - sum(None).ln() }
}

/// 1 - (1 - p_z)^n by repeated multiplication, for small n.
pub fn within(p_z: f64, n: u32) -> f64 {
    1.0 - (0..n).fold(1.0, |rest, _| rest * (1.0 - p_z))
}

/// Mean difference and standard error.
pub fn counterfactual(with: &[f64], without: &[f64]) -> (f64, f64) {
    let mean = |v: &[f64]| fsum(v) / v.len() as f64;
    let variance = |v: &[f64]| {
        let m = mean(v);
        fsum(&v.iter().map(|x| (x - m) * (x - m)).collect::<Vec<_>>()) / (v.len() - 1) as f64
    };
    let error = variance(with) / with.len() as f64 + variance(without) / without.len() as f64;
    (mean(with) - mean(without), error.sqrt())
}

/// The mean of the max(1, floor(k T)) lowest values, by sorting.
pub fn min_k(values: &[f64], k: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.truncate(((k * values.len() as f64).floor() as usize).max(1));
    fsum(&sorted) / sorted.len() as f64
}

/// The largest true-positive rate over all thresholds "score >= t" whose false-positive rate is at
/// most `fpr`.
pub fn tpr_at_fpr(scores: &[f64], member: &[bool], fpr: f64) -> f64 {
    let rate = |t: f64, side: bool| {
        let of: Vec<usize> = (0..scores.len()).filter(|&i| member[i] == side).collect();
        of.iter().filter(|&&i| scores[i] >= t).count() as f64 / of.len() as f64
    };
    scores.iter().filter(|t| rate(**t, false) <= fpr).map(|t| rate(*t, true)).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(suffix_match(&[1, 2], &[1, 2, 3]), (false, 2.0 / 3.0, 2));
        assert_eq!(support(&[0.0, 2.0, 2.0, 1.0], 1.0, 2, 1.0), [1, 2]);
        assert_eq!(support(&[3.0, 0.0, 0.0], 1.0, 9, 0.5), [0]);
        assert_eq!(within(0.5, 2), 0.75);
        assert_eq!(counterfactual(&[0.75, 1.0], &[0.25, 0.25]), (0.625, 0.125));
        assert_eq!(min_k(&[-3.0, -1.0, -2.0], 0.7), -2.5);
        assert_eq!(tpr_at_fpr(&[0.9, 0.8, 0.8, 0.3], &[true, true, false, false], 0.1), 0.5);
    }
}
