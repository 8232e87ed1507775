//! Length as criterion and as confounder.
//!
//! Singh, Yang, Tirumala, Elhoushi and Morcos 2024, "Brevity is the soul of wit" (2407.00434), by
//! what is known of it: rank documents by length, drop the longest until a share of the tokens is
//! gone; ask of every score whether it is about length.

use crate::fsum::fsum;
use crate::ln::ln;
use crate::statistics::average_ranks;

/// Documents from the longest (or the shortest) on, the lower index first among equals.
pub fn ranking(lengths: &[u64], shortest_first: bool) -> Vec<usize> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&i| if shortest_first { lengths[i] } else { u64::MAX - lengths[i] });
    order
}

/// Keeps all but the first round(share n) of the ranking.
pub fn prune_documents(lengths: &[u64], share: f64, shortest_first: bool) -> Vec<bool> {
    let removed = (share * lengths.len() as f64).round_ties_even() as usize;
    let mut keep = vec![true; lengths.len()];
    ranking(lengths, shortest_first).iter().take(removed).for_each(|&i| keep[i] = false);
    keep
}

/// Removes documents of the ranking while removed + next <= share * total. The share is taken
/// apart into bits: share * total is the sum of total / 2^b over its bits b, compared digit by
/// digit as numerators over 2^1074, so nothing is rounded.
pub fn prune_tokens(lengths: &[u64], share: f64, shortest_first: bool) -> Vec<bool> {
    let total: u128 = lengths.iter().map(|&l| l as u128).sum();
    let mut keep = vec![true; lengths.len()];
    let mut removed = 0u128;
    for i in ranking(lengths, shortest_first) {
        if !at_most(removed + lengths[i] as u128, share, total) {
            break;
        }
        removed += lengths[i] as u128;
        keep[i] = false;
    }
    keep
}

/// Whether x <= share * total, by long multiplication of the binary expansion of the share: at
/// every binary place the part of x not yet covered is doubled and one more total is taken off.
pub(crate) fn at_most(x: u128, share: f64, total: u128) -> bool {
    if share == 1.0 {
        return x <= total;
    }
    // need = (x - what the bits so far cover) in units of 2^-place.
    let (mut need, mut rest) = (x, share);
    for _ in 0..1080 {
        if need == 0 {
            return true;
        }
        if need > total {
            return false;
        }
        rest *= 2.0;
        need *= 2;
        if rest >= 1.0 {
            rest -= 1.0;
            need = need.saturating_sub(total);
        }
    }
    need == 0
}

/// Share of the tokens in the `count` longest documents.
pub fn share_of_longest(lengths: &[u64], count: usize) -> Option<f64> {
    let total: u128 = lengths.iter().map(|&l| l as u128).sum();
    let held: u128 = ranking(lengths, false).iter().take(count).map(|&i| lengths[i] as u128).sum();
    if total == 0 { None } else { Some(held as f64 / total as f64) }
}

/// Bin of every document: the part of 0..n in which its average place lies, of `bins` equal parts.
pub fn equal_bins(lengths: &[u64], bins: usize) -> Vec<usize> {
    let as_f64: Vec<f64> = lengths.iter().map(|&l| l as f64).collect();
    let place = |rank: f64| 2.0 * rank - 1.0; // twice the middle of the document's place
    let n = lengths.len();
    average_ranks(&as_f64).iter().map(|&r| place(r) as usize * bins / (2 * n)).collect()
}

/// Inside every bin the highest (or lowest) scores go; a bin loses its share by largest remainder.
pub fn controlled(scores: &[f64], lengths: &[u64], bins: usize, remove: f64, lowest: bool) -> Vec<bool> {
    let bin_of = equal_bins(lengths, bins);
    let sizes: Vec<usize> = (0..bins).map(|b| bin_of.iter().filter(|x| **x == b).count()).collect();
    let removed = (remove * scores.len() as f64).round_ties_even() as usize;
    let quotas = crate::prototypes::quotas(&sizes, removed);
    let mut keep = vec![true; scores.len()];
    for bin in 0..bins {
        let mut members: Vec<usize> = (0..scores.len()).filter(|&i| bin_of[i] == bin).collect();
        let sign = if lowest { 1.0 } else { -1.0 };
        members.sort_by(|&a, &b| (sign * scores[a]).partial_cmp(&(sign * scores[b])).unwrap());
        members.iter().take(quotas[bin]).for_each(|&i| keep[i] = false);
    }
    keep
}

/// Share of the score's variance that lies between the bins.
pub fn eta_squared(scores: &[f64], bin_of: &[usize], bins: usize) -> Option<f64> {
    let mean = |values: &[f64]| fsum(values) / values.len() as f64;
    let all = mean(scores);
    let mut between = Vec::new();
    for bin in 0..bins {
        let members: Vec<f64> = (0..scores.len()).filter(|&i| bin_of[i] == bin).map(|i| scores[i]).collect();
        if !members.is_empty() {
            let e = mean(&members) - all;
            between.push(members.len() as f64 * (e * e));
        }
    }
    let total = fsum(&scores.iter().map(|s| (s - all) * (s - all)).collect::<Vec<_>>());
    if total > 0.0 { Some((fsum(&between) / total).clamp(0.0, 1.0)) } else { None }
}

/// ln of the perplexity of a set of documents: sum l_i ln p_i / sum l_i, each document as many
/// addends as it has tokens.
pub fn log_perplexity(perplexities: &[f64], lengths: &[u64]) -> Option<f64> {
    let mut addends = Vec::new();
    for (&p, &l) in perplexities.iter().zip(lengths) {
        addends.extend(std::iter::repeat_n(ln(p), l as usize));
    }
    if addends.is_empty() { None } else { Some(fsum(&addends) / addends.len() as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_worked_values() {
        assert_eq!(prune_tokens(&[10, 40, 30, 20], 0.5, false), [true, false, true, true]);
        assert_eq!(prune_tokens(&[10, 40, 30, 20], 0.7, false), [true, false, true, true]);
        assert_eq!(prune_tokens(&[10, 40, 30, 20], 0.71, false), [true, false, false, true]);
        assert_eq!(share_of_longest(&[1, 1, 1, 7], 1), Some(0.7));
        assert!(at_most(1, 0.1, 10) && !at_most(2, 0.1, 10) && !at_most(3, 0.3, 10));
        assert_eq!(equal_bins(&[5, 9, 1, 7], 2), [0, 1, 0, 1]);
    }
}
