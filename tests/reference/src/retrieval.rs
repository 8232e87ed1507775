//! Retrieval metrics and hard negatives, from a whole matrix of similarities.
//!
//! R@k: the share of queries with a right candidate among their first k. Where wrong candidates tie
//! with the best right one, a policy says where it stands; `expected` averages over all orders
//! of the tied, here by walking down the places one by one.

/// One query: candidates above the best right one, wrong ones equal to it, right ones equal to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rank {
    /// Larger.
    pub above: u64,
    /// Equal and wrong.
    pub tied: u64,
    /// Equal and right.
    pub best: u64,
    /// Right in all; 0 leaves the others 0.
    pub right: u64,
}

/// The rank of one query.
pub fn rank(scores: &[f64], right: &[bool]) -> Rank {
    let all = 0..scores.len();
    let best = all.clone().filter(|&j| right[j]).map(|j| scores[j]).fold(f64::NEG_INFINITY, f64::max);
    let count = |f: &dyn Fn(usize) -> bool| all.clone().filter(|&j| f(j)).count() as u64;
    Rank {
        above: if best == f64::NEG_INFINITY { 0 } else { count(&|j| scores[j] > best) },
        tied: count(&|j| scores[j] == best && !right[j]),
        best: count(&|j| scores[j] == best && right[j]),
        right: count(&|j| right[j]),
    }
}

/// The probability that the first right candidate stands at each place, in random order of the tied:
/// place, probability.
pub fn places(r: &Rank) -> Vec<(u64, f64)> {
    let (mut wrong, mut none) = (r.tied as f64, 1.0);
    let right = r.best as f64;
    let mut places = Vec::new();
    for step in 0..=r.tied {
        places.push((r.above + 1 + step, none * right / (right + wrong)));
        none *= wrong / (right + wrong);
        wrong -= 1.0;
    }
    places
}

/// Expected hit at k.
pub fn hit(r: &Rank, k: u64) -> f64 {
    places(r).iter().filter(|(place, _)| *place <= k).map(|(_, p)| p).sum()
}

/// Expected reciprocal rank.
pub fn reciprocal(r: &Rank) -> f64 {
    places(r).iter().map(|(place, p)| p / *place as f64).sum()
}

/// nDCG over the first `k` places with binary gains (Järvelin and Kekäläinen 2002): the discounts
/// 1 / log2(place + 1) of the right candidates, as a share of those of the first places. Among equal
/// scores right ones stand first (`ties` < 0), last (> 0), or everywhere alike (0).
pub fn ndcg(scores: &[f64], right: &[bool], k: usize, ties: i8) -> Option<f64> {
    let discount = |place: usize| if place < k { 1.0 / (place as f64 + 2.0).log2() } else { 0.0 };
    let total = right.iter().filter(|r| **r).count();
    let mut gain = 0.0;
    for j in (0..scores.len()).filter(|&j| right[j]) {
        let count = |f: &dyn Fn(usize) -> bool| (0..scores.len()).filter(|&l| f(l)).count();
        let above = count(&|l| scores[l] > scores[j]);
        let equal = count(&|l| scores[l] == scores[j]);
        let peers = count(&|l| scores[l] == scores[j] && right[l]);
        let before = count(&|l| l < j && scores[l] == scores[j] && right[l]);
        gain += match ties {
            0 => (above..above + equal).map(discount).sum::<f64>() / equal as f64,
            ..0 => discount(above + before),
            _ => discount(above + equal - peers + before),
        };
    }
    let ideal: f64 = (0..total).map(discount).sum();
    (total > 0).then(|| gain / ideal)
}

/// The `count` most similar candidates that are not right, the lower index on ties.
pub fn hardest(scores: &[f64], right: &[bool], count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).filter(|&j| !right[j]).collect();
    order.sort_by(|&a, &b| (scores[b] + 0.0).total_cmp(&(scores[a] + 0.0)).then(a.cmp(&b)));
    order.truncate(count);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_scores_are_chance() {
        let right = [false, true, false, false];
        let r = rank(&[0.5; 4], &right);
        assert_eq!(r, Rank { above: 0, tied: 3, best: 1, right: 1 });
        for k in 0..=4 {
            assert!((hit(&r, k) - k as f64 / 4.0).abs() < 1e-15);
        }
        assert!((reciprocal(&r) - (1.0 + 0.5 + 1.0 / 3.0 + 0.25) / 4.0).abs() < 1e-15);
        assert_eq!(hardest(&[0.5; 4], &right, 2), [0, 2]);
    }
}
