//! Hits, ranks and their means, from counts and a policy for ties.

use alloc::vec::Vec;

use super::{RankTies, Retrieval};
use crate::error::Result;
use crate::exact;
use crate::memory::{try_capacity, try_up_to};

impl Retrieval {
    /// Queries with a right candidate: those that count.
    pub fn queries(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.right.len()).filter(|&i| self.right[i] > 0)
    }

    /// The rank (from 1) of the first right candidate of query `i`; None where there is none.
    ///
    /// With t wrong and p right candidates tied behind a others: a + 1, a + t + 1, or on average
    /// a + (t + p + 1) / (p + 1).
    pub fn rank(&self, i: usize, ties: RankTies) -> Option<f64> {
        let (a, t, p) = self.counts(i)?;
        Some(match ties {
            RankTies::Optimistic => a + 1.0,
            RankTies::Pessimistic => a + t + 1.0,
            RankTies::Expected => a + (t + p + 1.0) / (p + 1.0),
        })
    }

    /// Whether a right candidate of query `i` is among the first `k`: 0 or 1, or the probability
    /// over the orders of the tied; None where there is none.
    pub fn hit(&self, i: usize, k: u64, ties: RankTies) -> Option<f64> {
        let (a, t, p) = self.counts(i)?;
        let places = k as f64 - a;
        Some(match ties {
            _ if places <= 0.0 => 0.0,
            RankTies::Optimistic => 1.0,
            RankTies::Pessimistic => f64::from(places > t),
            // 1 - the probability that the places all go to wrong ones.
            RankTies::Expected => 1.0 - none_of(places, t, p),
        })
    }

    /// The [`hit`](Retrieval::hit) of every query that counts, in order: for intervals by bootstrap.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub fn hits(&self, k: u64, ties: RankTies) -> Result<Vec<f64>> {
        try_up_to(self.right.len(), (0..self.right.len()).filter_map(|i| self.hit(i, k, ties)))
    }

    /// R@k: the share of queries with a right candidate among their first k. None without queries.
    pub fn recall_at(&self, k: u64, ties: RankTies) -> Option<f64> {
        self.mean(|i| self.hit(i, k, ties))
    }

    /// R@k of a model that orders the candidates at random: the mean over queries of
    /// 1 - C(M - p, k) / C(M, k), p right candidates among M.
    pub fn chance(&self, k: u64) -> Option<f64> {
        let m = self.candidates as f64;
        self.mean(|i| {
            let p = self.right[i] as f64;
            (p > 0.0).then(|| 1.0 - none_of((k as f64).min(m), m - p, p))
        })
    }

    /// Mean reciprocal rank of the first right candidate (for [`RankTies::Expected`] the expectation of
    /// the reciprocal).
    pub fn mrr(&self, ties: RankTies) -> Option<f64> {
        self.mean(|i| match ties {
            RankTies::Expected => {
                let (a, t, p) = self.counts(i)?;
                // P(first right one at place r) = P(none before) p / (tied left).
                let (mut sum, mut none, mut wrong, mut place) = (0.0, 1.0, t, 1.0);
                while none > 0.0 {
                    sum += none * p / (wrong + p) / (a + place);
                    none *= wrong / (wrong + p);
                    wrong -= 1.0;
                    place += 1.0;
                }
                Some(sum)
            }
            _ => self.rank(i, ties).map(|rank| 1.0 / rank),
        })
    }

    /// Mean rank of the first right candidate.
    pub fn mean_rank(&self, ties: RankTies) -> Option<f64> {
        self.mean(|i| self.rank(i, ties))
    }

    /// Median rank: the middle one, the mean of the middle two for an even number of queries.
    pub fn median_rank(&self, ties: RankTies) -> Option<f64> {
        let mut ranks: Vec<f64> = try_capacity(self.right.len()).ok()?;
        ranks.extend((0..self.right.len()).filter_map(|i| self.rank(i, ties)));
        ranks.sort_unstable_by(f64::total_cmp);
        let half = ranks.len() / 2;
        match ranks.len() {
            0 => None,
            n if n % 2 == 1 => Some(ranks[half]),
            _ => Some((ranks[half - 1] + ranks[half]) / 2.0),
        }
    }

    /// (above, tied wrong ones, tied right ones) of a query that counts.
    fn counts(&self, i: usize) -> Option<(f64, f64, f64)> {
        let right = *self.right.get(i)?;
        (right > 0).then(|| (self.above[i] as f64, self.tied[i] as f64, self.best[i] as f64))
    }

    fn mean(&self, value: impl Fn(usize) -> Option<f64>) -> Option<f64> {
        exact::mean((0..self.right.len()).filter_map(value))
    }
}

/// The probability that the first `places` of wrong + right candidates in random order are all
/// wrong: C(wrong, places) / C(wrong + right, places).
fn none_of(places: f64, wrong: f64, right: f64) -> f64 {
    if places > wrong {
        return 0.0;
    }
    // The shorter of the two equal products: over places, or over the right ones.
    let (steps, (mut above, mut below)) = if places <= right {
        (places, (wrong, wrong + right))
    } else {
        (right, (wrong + right - places, wrong + right))
    };
    let (mut none, mut step) = (1.0, 0.0);
    while step < steps {
        none *= above / below;
        above -= 1.0;
        below -= 1.0;
        step += 1.0;
    }
    none
}
