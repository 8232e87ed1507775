//! Statistics of tokens.
//!
//! Shannon 1948, section 6: H(x | c) = - sum p(c, x) ln p(x | c), here with frequencies for probabilities, at the
//! positions that have `longest` tokens before them, whatever the context that is looked at.

use std::collections::BTreeMap;

/// Counts of (context of n tokens, token).
pub fn counts(items: &[Vec<u32>], n: usize, longest: usize) -> BTreeMap<(Vec<u32>, u32), u64> {
    let mut counts = BTreeMap::new();
    for item in items {
        for i in longest..item.len() {
            *counts.entry((item[i - n..i].to_vec(), item[i])).or_insert(0) += 1;
        }
    }
    counts
}

fn contexts(counts: &BTreeMap<(Vec<u32>, u32), u64>) -> BTreeMap<Vec<u32>, u64> {
    let mut contexts = BTreeMap::new();
    for ((context, _), c) in counts {
        *contexts.entry(context.clone()).or_insert(0) += c;
    }
    contexts
}

/// Plug-in conditional entropy in nats, and its Miller-Madow correction.
pub fn conditional_entropy(items: &[Vec<u32>], n: usize, longest: usize) -> (f64, f64) {
    let counts = counts(items, n, longest);
    let contexts = contexts(&counts);
    let total = counts.values().sum::<u64>() as f64;
    let terms = counts.iter().map(|((context, _), &c)| {
        let c = c as f64;
        -c / total * (c / contexts[context] as f64).ln()
    });
    let correction = (counts.len() - contexts.len()) as f64 / (2.0 * total.max(1.0));
    (terms.sum(), correction)
}

/// Mean of -ln p over the tokens of `test`, p being the frequencies in `train` with `alpha` added to each of k tokens.
pub fn held_out(
    train: &[Vec<u32>],
    test: &[Vec<u32>],
    n: usize,
    longest: usize,
    k: usize,
    alpha: f64,
) -> f64 {
    let known = counts(train, n, longest);
    let contexts = contexts(&known);
    let asked = counts(test, n, longest);
    let total = asked.values().sum::<u64>() as f64;
    let cost = |(gram, &c): (&(Vec<u32>, u32), &u64)| {
        let seen = known.get(gram).copied().unwrap_or(0) as f64;
        let all = contexts.get(&gram.0).copied().unwrap_or(0) as f64;
        -(c as f64) / total * ((seen + alpha) / (all + alpha * k as f64)).ln()
    };
    asked.iter().map(cost).sum()
}

/// Indices of the points (rate, distortion) that no other point beats, by rising rate.
pub fn pareto(points: &[[f64; 2]]) -> Vec<usize> {
    let beats = |a: usize, b: usize| {
        let ([ra, da], [rb, db]) = (points[a], points[b]);
        ra <= rb && da <= db && (ra < rb || da < db || a < b)
    };
    let mut front: Vec<usize> =
        (0..points.len()).filter(|&b| (0..points.len()).all(|a| a == b || !beats(a, b))).collect();
    front.sort_by(|&a, &b| points[a][0].total_cmp(&points[b][0]));
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_is_known_from_the_token_before() {
        let items = [vec![0, 1, 2, 0, 1, 2, 0]];
        assert_eq!(conditional_entropy(&items, 1, 2).0, 0.0);
        assert!(conditional_entropy(&items, 0, 2).0 > 1.0);
    }
}
