//! Retrieval: where the first right answer stands among all candidates.
//!
//! For query i let S* be the largest cosine of its right candidates. `above` counts the candidates
//! with a larger cosine, `tied` the wrong ones with exactly S*, both by the definition in `f64`.
//! Every metric is a function of these counts and of a named policy for ties, so nothing depends on
//! the order of the candidates: the first-index rule, under which a constant model scores 100 %
//! when right answers come first, does not exist here.

mod metrics;
mod ndcg;

pub use ndcg::{Ndcg, NdcgValues};

use ndarray::{Array1, ArrayView2};

use super::matches::{Matches, Table};
use super::sides::Sides;
use crate::backend::cpu::Cpu;
use crate::backend::{Backend, Rank, SearchStats, Work, equal_but_for_search};
use crate::check;
use crate::control::Context;
use crate::error::Result;
use crate::memory::{try_collect, try_vec};
use crate::params::choices;
use crate::rows::IntoRows;

/// Where wrong candidates stand that tie with the best right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RankTies {
    /// Wrong candidates stand behind the right one.
    Optimistic,
    /// Wrong candidates stand before the right one.
    Pessimistic,
    /// Every order of the tied candidates is as likely, and results are averaged over all orders: a
    /// constant model then has exactly the accuracy of chance.
    Expected,
}

choices!(RankTies: Optimistic, Pessimistic, Expected);

/// The ranks of the right answers, and the metrics made of them.
///
/// A hit at k is a query with at least one right candidate among its first k (the "recall" of
/// image-text retrieval). Queries without a right candidate take no part in any metric.
///
/// # Shapes
/// queries: [B, d], candidates: [M, d]; [`Matches`] from queries (x) to candidates (y).
/// # Units
/// Counts and cosines, tier A; metrics are made of them in `f64` (tier B, a few ulp).
/// # Ties, NaN
/// See [`RankTies`]. NaN is an error; a row of zeros has cosine 0 to everything.
/// # Errors
/// `Empty`, `ShapeMismatch`, `NonFinite`, `InvalidParameter`, `TooLarge`, `OutOfMemory`, `Cancelled`.
/// # Cost
/// 2 B M d flops of the backend's fast arithmetic, and the definition for right candidates and for the few pairs near
/// a tie; 48 B + 8 M bytes and a block of each side (4096 rows on the CPU): no B x M matrix.
/// # Example
/// ```
/// use pauca::alignment::{Matches, Retrieval, RankTies};
/// let images = ndarray::array![[1.0f32, 0.0], [0.0, 1.0], [1.0, 1.0]];
/// let texts = ndarray::array![[1.0f32, 0.1], [0.1, 1.0], [0.0, 1.0]];
/// let found = Retrieval::of(&images, &texts, Matches::Diagonal)?;
/// assert_eq!(found.above.to_vec(), [0, 1, 2]);
/// assert_eq!(found.recall_at(1, RankTies::Expected), Some(1.0 / 3.0));
/// assert_eq!(found.median_rank(RankTies::Expected), Some(2.0));
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Retrieval {
    /// `[B]`: candidates with a larger cosine than the best right one.
    pub above: Array1<u64>,
    /// `[B]`: wrong candidates with exactly its cosine.
    pub tied: Array1<u64>,
    /// `[B]`: right candidates with exactly its cosine, itself included; 0 where there is none.
    pub best: Array1<u64>,
    /// `[B]`: right candidates.
    pub right: Array1<u64>,
    /// `[B]`: the cosine (or score) of the best right candidate; NaN where there is none.
    pub similarity: Array1<f64>,
    /// M.
    pub candidates: u64,
    /// How the queries were settled, for each block of candidates.
    pub search: SearchStats,
}

equal_but_for_search!(Retrieval: above, tied, best, right, similarity, candidates);

/// One query's counts.
#[derive(Clone, Copy, Default)]
struct Counts {
    above: u64,
    equal: u64,
    best: u64,
    right: u64,
    similarity: f64,
}

impl Retrieval {
    /// Ranks by cosine.
    ///
    /// # Errors
    /// The errors that [`Retrieval`] lists.
    pub fn of<'a, 'b>(
        queries: impl IntoRows<'a>,
        candidates: impl IntoRows<'b>,
        matches: Matches<'_>,
    ) -> Result<Self> {
        Self::of_on(&Cpu::new()?, queries, candidates, matches, &Context::default())
    }

    /// [`of`](Retrieval::of) on any backend.
    ///
    /// # Errors
    /// The errors that [`Retrieval`] lists.
    pub fn of_on<'a, 'b, B: Backend>(
        backend: &B,
        queries: impl IntoRows<'a>,
        candidates: impl IntoRows<'b>,
        matches: Matches<'_>,
        cx: &Context,
    ) -> Result<Self> {
        let (x, y) = (queries.into_rows()?, candidates.into_rows()?);
        let sides = Sides::new(backend, x.view(), y.view(), cx)?;
        let table = Table::new(matches, sides.n(), sides.m())?;
        let mut counts = try_vec(sides.n(), Counts::default())?;
        let mut search = SearchStats::default();
        for rows in sides.blocks(Work::Pairs) {
            let counts = &mut counts[rows.clone()];
            sides.each(rows.start, counts, 1, cx, |i, out, buffers| {
                best_right(out, &table, i, |j| sides.cosine(i, j, buffers));
                Ok(())
            })?;
            // A query's one level is the score of its best right candidate.
            let levels = counts.iter().map(|out| (out.right > 0).then_some(out.similarity));
            let ranks = sides.ranks(rows, levels, &mut search, cx)?;
            for (out, rank) in counts.iter_mut().filter(|out| out.right > 0).zip(ranks) {
                check_equal(rank, out.best)?;
                (out.above, out.equal) = (rank.above, rank.equal);
            }
        }
        Self::from_counts(&counts, sides.m() as u64, search)
    }

    /// Ranks by given scores, the larger the better: for models without embeddings.
    ///
    /// # Shapes
    /// scores: [B, M].
    /// # Errors
    /// The errors that [`Retrieval`] lists.
    pub fn of_scores(scores: ArrayView2<'_, f64>, matches: Matches<'_>) -> Result<Self> {
        let (n, m) = checked_scores(scores)?;
        let table = Table::new(matches, n, m)?;
        let mut counts = try_vec(n, Counts::default())?;
        for (i, out) in counts.iter_mut().enumerate() {
            let row = scores.row(i);
            best_right(out, &table, i, |j| row[j]);
            if out.right > 0 {
                out.above = row.iter().filter(|s| **s > out.similarity).count() as u64;
                out.equal = row.iter().filter(|s| **s == out.similarity).count() as u64;
            }
        }
        Self::from_counts(&counts, m as u64, SearchStats::default())
    }

    fn from_counts(counts: &[Counts], candidates: u64, search: SearchStats) -> Result<Self> {
        fn column<T>(counts: &[Counts], f: impl Fn(&Counts) -> T) -> Result<Array1<T>> {
            try_collect(counts.iter().map(f)).map(Array1::from_vec)
        }
        Ok(Self {
            above: column(counts, |c| c.above)?,
            tied: column(counts, |c| c.equal - c.best)?,
            best: column(counts, |c| c.best)?,
            right: column(counts, |c| c.right)?,
            similarity: column(counts, |c| if c.right > 0 { c.similarity } else { f64::NAN })?,
            candidates,
            search,
        })
    }
}

/// The right candidates of a score are among those of that score: a backend that counts fewer is not
/// believed.
fn check_equal(rank: Rank, right: u64) -> Result<()> {
    let what = "candidates of one score that the backend counted";
    check::shape(what, right, rank.equal, rank.equal >= right)
}

/// The best of the right candidates of query `i`, and how many share its score.
fn best_right(out: &mut Counts, table: &Table<'_>, i: usize, mut score: impl FnMut(usize) -> f64) {
    out.similarity = f64::NEG_INFINITY;
    for j in table.of(i).iter() {
        let s = score(j);
        if s > out.similarity {
            (out.similarity, out.best) = (s, 0);
        }
        out.best += u64::from(s == out.similarity);
        out.right += 1;
    }
}

/// The shape of given scores, all of which are finite.
fn checked_scores(scores: ArrayView2<'_, f64>) -> Result<(usize, usize)> {
    check::not_empty("scores", scores.len())?;
    scores.indexed_iter().try_for_each(|(at, score)| check::finite_at("scores", at, *score))?;
    Ok(scores.dim())
}
