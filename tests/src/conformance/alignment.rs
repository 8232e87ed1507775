//! Retrieval, nDCG, hard negatives: decided by the definition.

use ndarray::Array2;
use pauca::alignment::{HardNegatives, Matches, Ndcg, Negatives, RankTies, Retrieval};
use pauca::backend::Backend;
use pauca::{Context, Control};
use pauca_reference::retrieval as reference;
use pauca_reference::truth::cosine;

use super::kmeans::EXECUTORS;
use super::search::rows_nearby;
use crate::agree::nan_bits;
use crate::layout::array;
use crate::problem::Problem;
use crate::subject::Subject;

/// Sums of a few dozen terms of at most 1, added in another order, and two libraries' log2.
const METRIC: f64 = 1e-13;

/// Queries, which are the rows of the problem, candidates, and the groups of both.
struct Pairs {
    x: Array2<f32>,
    y: Array2<f32>,
    groups: [Vec<u64>; 2],
    /// By the definition, query by candidate.
    scores: Vec<Vec<f64>>,
    right: Vec<Vec<bool>>,
}

impl Pairs {
    fn matches(&self) -> Matches<'_> {
        Matches::Groups { x: &self.groups[0], y: &self.groups[1] }
    }
}

fn some_pairs(p: &mut Problem) -> Pairs {
    let count = 1 + p.rng.below(40);
    let y = rows_nearby(p, count);
    let kinds = 1 + p.rng.below(7);
    let groups =
        [p.x.len(), count].map(|n| (0..n).map(|_| p.rng.below(kinds) as u64 * 1_000_003).collect::<Vec<_>>());
    let scores = p.x.iter().map(|x| y.iter().map(|y| cosine(x, y)).collect()).collect();
    let right = groups[0].iter().map(|g| groups[1].iter().map(|h| h == g).collect()).collect();
    Pairs { x: array(&p.x), y: array(&y), groups, scores, right }
}

pub fn ranks_equal_the_reference<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let pairs = some_pairs(p);
    let found = Retrieval::of_on(&s.backend, &pairs.x, &pairs.y, pairs.matches(), &s.cx).unwrap();
    for (i, (scores, right)) in pairs.scores.iter().zip(&pairs.right).enumerate() {
        let rank = reference::rank(scores, right);
        let counts = [found.above[i], found.tied[i], found.best[i], found.right[i]];
        assert_eq!(counts, [rank.above, rank.tied, rank.best, rank.right], "query {i}");
        let best = scores.iter().zip(right).filter(|(_, right)| **right).map(|(s, _)| *s);
        assert_eq!(nan_bits([found.similarity[i]]), nan_bits([best.fold(f64::NAN, f64::max)]), "query {i}");
    }
}

pub fn gains_equal_the_reference<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let pairs = some_pairs(p);
    let k = p.rng.pick(&[1, 2, 10, u64::MAX]);
    for (ties, policy) in [(RankTies::Optimistic, -1), (RankTies::Expected, 0), (RankTies::Pessimistic, 1)] {
        let ndcg = Ndcg::new().at(k).ties(ties);
        let found = ndcg.of_on(&s.backend, &pairs.x, &pairs.y, pairs.matches(), &s.cx).unwrap();
        for (i, (scores, right)) in pairs.scores.iter().zip(&pairs.right).enumerate() {
            let expected = reference::ndcg(scores, right, k.min(scores.len() as u64) as usize, policy);
            let value = found.values[i];
            assert!(
                expected.map_or(value.is_nan(), |e| (value - e).abs() < METRIC),
                "query {i}: {value} {expected:?}"
            );
        }
    }
}

pub fn hard_negatives_equal_the_reference<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let pairs = some_pairs(p);
    let count = p.rng.pick(&[1, 4, 50]);
    let config = HardNegatives::new(count);
    let found = config.find_on(&s.backend, &pairs.x, &pairs.y, pairs.matches(), &s.cx).unwrap();
    for (i, (scores, right)) in pairs.scores.iter().zip(&pairs.right).enumerate() {
        let expected = reference::hardest(scores, right, count);
        for place in 0..count {
            let row = expected.get(place).map_or(Negatives::NONE, |j| *j as u32);
            assert_eq!(found.rows[[i, place]], row, "row {i}, place {place}");
            let similarity = expected.get(place).map_or(f64::NAN, |j| scores[*j]);
            assert_eq!(nan_bits([found.similarities[[i, place]]]), nan_bits([similarity]), "row {i}");
        }
    }
}

pub fn executors_do_not_matter<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let pairs = some_pairs(p);
    let (x, y, matches) = (&pairs.x, &pairs.y, pairs.matches());
    let run = |cx: &Context| {
        let ranks = Retrieval::of_on(&s.backend, x, y, matches, cx).unwrap();
        let gains = Ndcg::new().of_on(&s.backend, x, y, matches, cx).unwrap();
        let hard = HardNegatives::new(3).find_on(&s.backend, x, y, matches, cx).unwrap();
        (
            [ranks.above, ranks.tied, ranks.best, ranks.right],
            nan_bits(ranks.similarity),
            nan_bits(gains.values),
            hard.rows,
            nan_bits(hard.similarities),
        )
    };
    let expected = run(&s.cx);
    for exec in EXECUTORS.iter() {
        assert_eq!(run(&Context::new(exec.clone(), Control::new())), expected);
    }
}
