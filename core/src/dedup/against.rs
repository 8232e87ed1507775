//! Deduplication against rows that are there already and stay.
//!
//! ```text
//! for each new row j
//!     c = the centroid nearest to j
//!     S = the largest similarity of j to a reference row of cluster c, the first of them on ties
//!     remove j iff S passes 1 - epsilon
//! ```
//!
//! Copies within either side are compared once, as in [`SemDedup`](crate::SemDedup). That changes no answer: copies have
//! the same similarities, and the first of several copies wins their tie.

use ndarray::{Array1, ArrayView1};

use super::compare::{Found, Plan, named};
use super::params::check_epsilon;
use super::result::bytes_of;
use crate::backend::cpu::Cpu;
use crate::backend::{Backend, Best, Blocks, NO_ROW, SearchStats, Work};
use crate::check;
use crate::control::{Context, Stage};
use crate::error::Result;
use crate::exact::Metric;
use crate::kmeans::{Clusters, Partition};
use crate::memory::{try_collect, try_up_to, try_vec};
use crate::params::{default_is_new, setters};
use crate::rows::{IntoRows, RowSource};
use crate::select::{Boundary, ranked};

/// Semantic deduplication of new rows against reference rows, which all stay: parameters.
///
/// A new row is removed iff its largest cosine similarity S to a reference row of its cluster passes t = 1 - epsilon
/// (S > t or S >= t by [`Boundary`]). The cluster of a new row is that of the nearest centroid; the clusters of the
/// reference rows are given. With one cluster every new row meets every reference row.
///
/// New rows do not remove each other: semhash's `deduplicate` does the same, and rows that leak from a test set are found
/// so. For a set that grows, [`SemDedup`](crate::SemDedup) on what is kept removes duplicates inside the new rows (the
/// example shows it). With [`Rule::GreedyCover`](crate::Rule::GreedyCover) both steps together keep of the new
/// rows what one deduplication of all rows would, with reference rows that are no duplicates of each other and come first.
///
/// *Source*: Abbas, Tirumala, Simig, Ganguli, Morcos 2023 (SemDeDup), section 3, for duplicates; the paper has no rows
/// that stay.
/// # Shapes
/// x: `[n, d]`, reference: `[m, d]`, clusters over the m rows of the reference, with centroids `[k, d]`; n and m may be 0.
/// # Ties, NaN
/// The witness is the lowest of the most similar reference rows; a row as near to several centroids belongs to the lowest.
/// Rows of zeros have no direction: a new one is kept, one of the reference removes nothing. NaN or infinity is an error.
/// # Tier
/// A.
/// # Cost
/// d n_c m_c multiplications for each cluster of n_c new and m_c reference rows, besides k n d to find the clusters of new
/// rows; memory O(n + m + block d). Threads share the new rows of one cluster.
/// # Example
/// ```
/// use ndarray::{Axis, array};
/// use pauca::{KMeans, Metric, Partition, Rule, SemDedup, SemDedupAgainst};
/// let stays = array![[1.0f32, 0.0], [0.0, 1.0]];
/// let new = array![[2.0f32, 0.001], [0.7, 0.7], [0.7, 0.701]];
/// let clusters = KMeans::new(1).spherical(true).fit(&stays)?;
/// let found = SemDedupAgainst::new().epsilon(0.01).fit(&new, &stays, &clusters)?;
/// assert_eq!(found.keep.to_vec(), [false, true, true]);
/// assert_eq!(found.witness[0], 0);
///
/// // Then duplicates inside of what is kept.
/// let rows: Vec<usize> = (0..3).filter(|&i| found.keep[i]).collect();
/// let labels: Vec<u32> = rows.iter().map(|&i| found.labels[i]).collect();
/// let part = Partition::new(&labels, &clusters.centroids, Metric::Cosine)?;
/// let inside = SemDedup::new(Rule::GreedyCover).epsilon(0.01).fit(&new.select(Axis(0), &rows), part)?;
/// assert_eq!(inside.kept(), 1);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SemDedupAgainst {
    epsilon: f64,
    boundary: Boundary,
}

default_is_new!(SemDedupAgainst);

/// What a deduplication against reference rows found. Two are equal when all fields but `search` are, similarities by
/// their bits.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DedupAgainst {
    /// The epsilon that was asked for.
    pub epsilon: f64,
    /// The boundary that was applied.
    pub boundary: Boundary,
    /// `[n]`: whether the new row is kept.
    pub keep: Array1<bool>,
    /// `[n]`: the most similar reference row of the cluster, of kept rows too;
    /// [`DedupAgainst::NONE`] where there is none: the cluster has no reference row with a direction, or the new row has none.
    pub witness: Array1<u64>,
    /// `[n]`: the similarity to the witness; NaN where there is none. Another epsilon needs no other run.
    pub similarity: Array1<f64>,
    /// `[n]`: the cluster of each new row.
    pub labels: Array1<u32>,
    /// How the comparisons were settled. Depends on the SIMD level.
    pub search: SearchStats,
}

impl SemDedupAgainst {
    /// Epsilon 0.05, boundary Gt.
    pub fn new() -> Self {
        Self { epsilon: 0.05, boundary: Boundary::Gt }
    }

    setters! {
        /// Duplicates are pairs whose cosine passes 1 - `epsilon`, in [0, 2].
        epsilon: f64;
        /// Whether a similarity of exactly 1 - epsilon makes a duplicate.
        boundary: Boundary;
    }

    /// Compares rows in memory on the CPU.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`](crate::Error::ShapeMismatch) when `clusters` are not over the rows of `reference`, or
    /// dimensions differ; [`Error::InvalidParameter`](crate::Error::InvalidParameter) for an epsilon outside \[0, 2\];
    /// [`Error::NonFinite`](crate::Error::NonFinite) with "x", "reference" or "centroids"; those of [`Partition::new`].
    pub fn fit<'x, 'r>(
        &self,
        x: impl IntoRows<'x>,
        reference: impl IntoRows<'r>,
        clusters: &Clusters,
    ) -> Result<DedupAgainst> {
        let (x, reference) = (x.into_rows()?, reference.into_rows()?);
        self.fit_on(&Cpu::new()?, &x, &reference, clusters, &Context::default())
    }

    /// Compares any two sources on any backend. Both are read, never together; their element types may differ.
    ///
    /// # Errors
    /// As [`fit`](SemDedupAgainst::fit); [`Error::Cancelled`](crate::Error::Cancelled),
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory), [`Error::Source`](crate::Error::Source).
    pub fn fit_on<B: Backend, S: RowSource + ?Sized, R: RowSource + ?Sized>(
        &self,
        backend: &B,
        source: &S,
        reference: &R,
        clusters: &Clusters,
        cx: &Context,
    ) -> Result<DedupAgainst> {
        check_epsilon(self.epsilon)?;
        let (m, d) = (reference.n_rows(), source.dim());
        Partition::from(clusters).check()?;
        check::same_length("row of the reference", d, reference.dim())?;
        check::same_length("centroid", d, clusters.centroids.ncols())?;
        check::same_length("labels of the reference", m, clusters.labels.len())?;
        let labels = clusters.predict_on(backend, source, cx)?;
        let mut similarity = try_vec(labels.len(), f64::NEG_INFINITY)?;
        let mut witness = try_vec(labels.len(), NO_ROW)?;
        let mut found = Found::new(&mut similarity, &mut witness);
        let k = clusters.centroids.nrows();
        let stays = by_cluster("reference", backend, reference, clusters.labels.view(), k, cx)?;
        let new = by_cluster("x", backend, source, labels.view(), k, cx)?;
        if let (Some(stays), Some(new)) = (stays, new) {
            new.max_against(&stays, &mut found, cx)?;
        }
        let search = found.search;
        let threshold = 1.0 - self.epsilon;
        let keep = try_collect(similarity.iter().map(|&s| !self.boundary.passes(s, threshold)))?;
        for (similarity, &witness) in similarity.iter_mut().zip(&witness) {
            if witness == NO_ROW {
                *similarity = f64::NAN;
            }
        }
        Ok(DedupAgainst {
            epsilon: self.epsilon,
            boundary: self.boundary,
            keep: Array1::from_vec(keep),
            witness: Array1::from_vec(witness),
            similarity: Array1::from_vec(similarity),
            labels,
            search,
        })
    }
}

/// The distinct rows of one side in ascending order, cluster after cluster; None where there is no row at all.
fn by_cluster<'a, B: Backend, S: RowSource + ?Sized>(
    what: &'static str,
    backend: &'a B,
    source: &'a S,
    labels: ArrayView1<'_, u32>,
    k: usize,
    cx: &Context,
) -> Result<Option<Plan<'a, 'a, B, S>>> {
    if labels.is_empty() {
        return Ok(None);
    }
    let order = ranked(labels.len(), |a, b| labels[a].cmp(&labels[b]))?;
    let starts = (0..=k).map(|j| order.partition_point(|&i| (labels[i] as usize) < j));
    let offsets = try_up_to(k + 1, starts)?;
    let blocks = || Blocks::to_gather(backend, source, Metric::Cosine, cx);
    Plan::new(what, source, &order, &offsets, blocks, cx).map(Some)
}

impl<B: Backend, S: RowSource + ?Sized> Plan<'_, '_, B, S> {
    /// Fills in every row's most similar row of the same cluster of `stays`.
    fn max_against<R: RowSource + ?Sized>(
        &self,
        stays: &Plan<'_, '_, B, R>,
        found: &mut Found<'_>,
        cx: &Context,
    ) -> Result<()> {
        let total = self.rows.len() as u64;
        let block = self.rows_at_once(Work::Pairs);
        for (new, earlier) in self.offsets.windows(2).zip(stays.offsets.windows(2)) {
            let (rows, end) = (&self.rows[new[0]..new[1]], earlier[1]);
            if rows.is_empty() {
                continue;
            }
            let mut best = try_vec(rows.len(), Best::NONE)?;
            for first in (earlier[0]..end).step_by(block) {
                let part = &stays.rows[first..end.min(first + block)];
                let pairs = part.len() as u64 * rows.len() as u64;
                stays.with_targets(part, pairs, None, found, cx, |found, _, targets| {
                    for (rows, best) in rows.chunks(block).zip(best.chunks_mut(block)) {
                        self.max_across(rows, targets, first as u64, best, found, cx)?;
                        cx.control.check()?;
                    }
                    Ok(())
                })?;
            }
            for (&i, best) in rows.iter().zip(best) {
                if best.row != NO_ROW {
                    found.set(i, best.similarity, named(&stays.rows, best.row)?);
                }
            }
            cx.control.poll(Stage::Compare, new[1] as u64, total)?;
        }
        for &(copy, first) in &self.copies {
            found.similarity[copy] = found.similarity[first];
            found.witness[copy] = found.witness[first];
        }
        Ok(())
    }
}

impl PartialEq for DedupAgainst {
    fn eq(&self, other: &Self) -> bool {
        let Self { epsilon, boundary, keep, witness, similarity, labels, search: _ } = self;
        let bits = |s: &Array1<f64>| s.map(|s| s.to_bits());
        (epsilon.to_bits(), boundary) == (other.epsilon.to_bits(), &other.boundary)
            && (keep, witness, labels) == (&other.keep, &other.witness, &other.labels)
            && bits(similarity) == bits(&other.similarity)
    }
}

impl DedupAgainst {
    /// No row.
    pub const NONE: u64 = NO_ROW;

    /// Number of new rows kept.
    pub fn kept(&self) -> usize {
        self.keep.iter().filter(|&&k| k).count()
    }

    /// Writes 1 for every kept row and 0 for every other.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) for a buffer of another length.
    pub fn keep_into(&self, out: &mut [u8]) -> Result<()> {
        bytes_of(&self.keep, out)
    }
}
