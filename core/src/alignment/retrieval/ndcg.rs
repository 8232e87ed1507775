//! Normalized discounted cumulative gain: how early *all* right candidates stand.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

use ndarray::{Array1, ArrayView2};

use super::{RankTies, check_equal, checked_scores};
use crate::alignment::matches::{Columns, Matches, Table};
use crate::alignment::sides::Sides;
use crate::backend::cpu::Cpu;
use crate::backend::{Backend, SearchStats, Work};
use crate::check;
use crate::control::Context;
use crate::error::Result;
use crate::exact::{self, F64Sum};
use crate::memory::{try_capacity, try_collect, try_vec};
use crate::params::{default_is_new, setters};
use crate::rows::IntoRows;

/// nDCG: parameters. The default is over all places, ties averaged.
///
/// DCG = sum over the places r of right candidates, r <= k, of 1 / log2(r + 1); nDCG is that
/// divided by its largest value, all right candidates first. *Source*: Järvelin and Kekäläinen
/// 2002, with binary gains; [`RankTies::Expected`] is McSherry and Najork 2008.
///
/// # Shapes
/// queries: [B, d], candidates: [M, d]; [`Matches`] from queries (x) to candidates (y).
/// # Units
/// In [0, 1]; 1 where all right candidates stand first. Places are tier A, the value tier B (4 ulp
/// beside the error of log2).
/// # Ties, NaN
/// Among candidates of exactly one score right ones stand first, last, or anywhere with equal
/// probability, see [`RankTies`]. NaN is an error; a row of zeros has cosine 0 to everything.
/// # Errors
/// `Empty`, `ShapeMismatch`, `NonFinite`, `InvalidParameter` for k = 0, `OutOfMemory`, `Cancelled`.
/// # Cost
/// As [`Retrieval`](super::Retrieval); for a block of queries at once (4096 on the CPU) 56 bytes of each
/// right candidate, and 8 min(k, M) bytes.
/// # Example
/// ```
/// use pauca::alignment::{Matches, Ndcg};
/// let images = ndarray::array![[1.0f32, 0.0], [0.0, 1.0]];
/// let texts = ndarray::array![[1.0f32, 0.1], [0.9, 0.1], [0.0, 1.0], [1.0, 0.3]];
/// // Texts 0 and 3 belong to image 0: places 1 and 3 of its order 0, 1, 3, 2.
/// let found = Ndcg::new().of(&images, &texts, Matches::Pairs(&[[0, 0], [0, 3], [1, 2]]))?;
/// let expected = (1.0 + 0.5) / (1.0 + 1.0 / 3f64.log2());
/// assert!((found.values[0] - expected).abs() < 1e-15 && found.values[1] == 1.0);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ndcg {
    at: u64,
    ties: RankTies,
}

default_is_new!(Ndcg);

/// The nDCG of every query.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NdcgValues {
    /// `[B]`: NaN for a query without a right candidate.
    pub values: Array1<f64>,
    /// How the queries were settled, for each block of candidates.
    pub search: SearchStats,
}

impl PartialEq for NdcgValues {
    /// Compares the bits of the values (a query without a right candidate has a NaN).
    fn eq(&self, other: &Self) -> bool {
        self.values.len() == other.values.len()
            && self.values.iter().zip(&other.values).all(|(a, b)| a.to_bits() == b.to_bits())
    }
}

impl NdcgValues {
    /// The mean over the queries that have a right candidate; None without one.
    pub fn mean(&self) -> Option<f64> {
        exact::mean(self.values.iter().copied().filter(|value| !value.is_nan()))
    }
}

/// Right candidates of one query that share a score.
struct Group {
    score: f64,
    right: u64,
    /// All candidates of this score.
    equal: u64,
    /// Candidates with a smaller score than the group before and a larger one than this.
    above: u64,
}

impl Ndcg {
    /// All places, ties averaged.
    pub fn new() -> Self {
        Self { at: u64::MAX, ties: RankTies::Expected }
    }

    setters! {
        /// Only the first `k` places count, at least 1.
        at(k: u64) { at = k }
        /// Where right candidates stand among those of the same score.
        ties: RankTies;
    }

    /// Compares queries and candidates by cosine.
    ///
    /// # Errors
    /// The errors that [`Ndcg`] lists.
    pub fn of<'a, 'b>(
        &self,
        queries: impl IntoRows<'a>,
        candidates: impl IntoRows<'b>,
        matches: Matches<'_>,
    ) -> Result<NdcgValues> {
        self.of_on(&Cpu::new()?, queries, candidates, matches, &Context::default())
    }

    /// [`of`](Ndcg::of) on any backend.
    ///
    /// # Errors
    /// The errors that [`Ndcg`] lists.
    pub fn of_on<'a, 'b, B: Backend>(
        &self,
        backend: &B,
        queries: impl IntoRows<'a>,
        candidates: impl IntoRows<'b>,
        matches: Matches<'_>,
        cx: &Context,
    ) -> Result<NdcgValues> {
        let (x, y) = (queries.into_rows()?, candidates.into_rows()?);
        let sides = Sides::new(backend, x.view(), y.view(), cx)?;
        let table = Table::new(matches, sides.n(), sides.m())?;
        let discounts = self.discounts(sides.m())?;
        let mut values = try_vec(sides.n(), f64::NAN)?;
        let mut search = SearchStats::default();
        for rows in sides.blocks(Work::Pairs) {
            let mut queries: Vec<Vec<Group>> = try_capacity(rows.len())?;
            queries.resize_with(rows.len(), Vec::new);
            sides.each(rows.start, &mut queries, 1, cx, |i, out, buffers| {
                *out = groups(table.of(i), |j| sides.cosine(i, j, buffers))?;
                Ok(())
            })?;
            let levels = queries.iter().map(|groups| groups.iter().map(|group| group.score));
            let mut ranks = sides.ranks(rows.clone(), levels, &mut search, cx)?.into_iter();
            for (value, groups) in values[rows].iter_mut().zip(&mut queries) {
                let mut better = 0;
                for (group, rank) in groups.iter_mut().zip(&mut ranks) {
                    check_equal(rank, group.right)?;
                    (group.above, group.equal) = (rank.above.saturating_sub(better), rank.equal);
                    better = rank.above.saturating_add(rank.equal);
                }
                *value = self.value(groups, &discounts);
            }
        }
        Ok(NdcgValues { values: Array1::from_vec(values), search })
    }

    /// Ranks by given scores, the larger the better: for models without embeddings.
    ///
    /// # Shapes
    /// scores: [B, M].
    /// # Errors
    /// The errors that [`Ndcg`] lists.
    pub fn of_scores(&self, scores: ArrayView2<'_, f64>, matches: Matches<'_>) -> Result<NdcgValues> {
        let (n, m) = checked_scores(scores)?;
        let table = Table::new(matches, n, m)?;
        let discounts = self.discounts(m)?;
        let mut values = try_capacity(n)?;
        for (i, row) in scores.outer_iter().enumerate() {
            let mut groups = groups(table.of(i), |j| row[j])?;
            for score in row {
                // Neither is NaN; -0.0 equals 0.0.
                place(&mut groups, |than| score.partial_cmp(&than).unwrap_or(Ordering::Less));
            }
            values.push(self.value(&groups, &discounts));
        }
        Ok(NdcgValues { values: Array1::from_vec(values), search: SearchStats::default() })
    }

    /// 1 / log2(r + 1) of the places r = 1, 2, ... that count.
    fn discounts(&self, candidates: usize) -> Result<Vec<f64>> {
        check::at_least_one("k", self.at)?;
        let places = usize::try_from(self.at).map_or(candidates, |at| at.min(candidates));
        try_collect((0..places).map(|r| 1.0 / libm::log2(r as f64 + 2.0)))
    }

    fn value(&self, groups: &[Group], discounts: &[f64]) -> f64 {
        let last = discounts.len() as u64;
        let of =
            |places: Range<u64>| &discounts[places.start.min(last) as usize..places.end.min(last) as usize];
        let mut gain = F64Sum::new();
        let (mut place, mut right) = (0, 0);
        for group in groups {
            place += group.above;
            let end = place + group.equal;
            match self.ties {
                RankTies::Pessimistic => of(end - group.right..end).iter().for_each(|d| gain.add(*d)),
                RankTies::Expected if group.right < group.equal => {
                    let all = exact::sum(of(place..end).iter().copied());
                    gain.add(all * (group.right as f64 / group.equal as f64));
                }
                _ => of(place..place + group.right).iter().for_each(|d| gain.add(*d)),
            }
            (place, right) = (end, right + group.right);
        }
        if right == 0 {
            return f64::NAN;
        }
        (gain.value() / exact::sum(of(0..right).iter().copied())).min(1.0)
    }
}

/// The groups of a query, best first.
fn groups(right: Columns<'_>, mut score: impl FnMut(usize) -> f64) -> Result<Vec<Group>> {
    let mut scores: Vec<f64> = try_capacity(right.len())?;
    // Adding +0.0 makes -0.0 equal to 0.0.
    right.iter().for_each(|j| scores.push(score(j) + 0.0));
    scores.sort_unstable_by(|a, b| b.total_cmp(a));
    let mut groups: Vec<Group> = try_capacity(scores.len())?;
    for score in scores {
        match groups.last_mut() {
            Some(last) if last.score == score => last.right += 1,
            _ => groups.push(Group { score, right: 1, equal: 0, above: 0 }),
        }
    }
    Ok(groups)
}

/// Counts a candidate where it stands, `compare` saying how it compares with a score.
fn place(groups: &mut [Group], mut compare: impl FnMut(f64) -> Ordering) {
    let (mut low, mut high) = (0, groups.len());
    while low < high {
        let middle = low + (high - low) / 2;
        match compare(groups[middle].score) {
            Ordering::Equal => return groups[middle].equal += 1,
            Ordering::Greater => high = middle,
            Ordering::Less => low = middle + 1,
        }
    }
    if let Some(group) = groups.get_mut(low) {
        group.above += 1;
    }
}
