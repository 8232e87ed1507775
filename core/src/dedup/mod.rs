//! SemDeDup: semantic deduplication inside clusters.
//!
//! ```text
//! for each cluster
//!     put its rows in the keep-order (hardest first, say)
//!     EarlierMax:  remove row j iff its largest similarity to ANY earlier row passes 1 - epsilon
//!     GreedyCover: remove row j iff its similarity to some KEPT earlier row passes 1 - epsilon
//! ```
//!
//! *Source*: Abbas, Tirumala, Simig, Ganguli, Morcos 2023 (SemDeDup), section 3 and the pseudo-code
//! A7. Its prose and its pseudo-code disagree; EarlierMax is the pseudo-code, GreedyCover is what
//! the prose promises: every removed row has a kept witness. For one order and threshold
//! EarlierMax keeps a subset of what GreedyCover keeps.
//!
//! The code differs from this in three ways:
//! 1. Exact copies are found by hashing and removed from the comparison: they have similarity 1
//!    and what holds of the first holds of all.
//! 2. Rows are compared in blocks, so memory does not grow with the square of a cluster, and
//!    small clusters share blocks.
//! 3. EarlierMax computes every row's maximum, whatever epsilon is. One pass so gives the kept
//!    set of every epsilon and of every target size ([`KeepCurve`]).

mod compare;
mod curve;
mod order;

use alloc::vec::Vec;

use ndarray::Array1;

pub use self::curve::KeepCurve;
pub use self::order::Order;
pub use crate::backend::Boundary;
use crate::backend::cpu::Cpu;
use crate::backend::{Backend, NO_ROW};
use crate::control::Context;
use crate::error::{Error, Result};
use crate::exact::SearchStats;
use crate::kmeans::Clusters;
use crate::memory::try_vec;
use crate::rows::{IntoRows, RowSource};
use crate::stats::round_half_even;

/// Which earlier rows can remove a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Any earlier row, itself removed or not: the pseudo-code of the paper. Kept sets are nested
    /// in epsilon, and a target size is met exactly.
    EarlierMax,
    /// Only kept ones: kept rows are pairwise below the threshold, every removed row has a kept
    /// witness. Recommended where a removed row must be represented by a kept one.
    GreedyCover,
}

/// What is asked of the result.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Target {
    Epsilon(f64),
    KeepFraction(f64),
}

/// Semantic deduplication: parameters.
///
/// A pair in one cluster is a duplicate iff its cosine similarity S passes t = 1 - epsilon
/// (S > t or S >= t by [`Boundary`]); the [`Rule`] says which rows that removes.
///
/// # Shapes
/// x: `[n, d]`, clusters over the same n rows; keep, witness, similarity: `[n]`.
/// # Ties, NaN
/// Equal keys of the order go by row index; the witness of EarlierMax is the most similar earlier
/// row, the first in the order on ties. Exact copies (-0.0 counts as 0.0) have similarity 1, and
/// their witness is the first of them in the order. Rows of zeros have no direction: they are
/// never removed and remove nothing.
/// # Tier
/// A.
/// # Cost
/// d n_c² flops for a cluster of n_c distinct rows; memory O(n + block d).
/// # Example
/// ```
/// use pauca::{KMeans, Rule, SemDedup};
/// let x = ndarray::array![[1.0f32, 0.0], [0.0, 1.0], [1.0, 0.001], [1.0, 0.0]];
/// let clusters = KMeans::new(1).spherical(true).fit(&x)?;
/// let dups = SemDedup::new(Rule::GreedyCover).epsilon(0.01).fit(&x, &clusters)?;
/// assert_eq!(dups.kept(), 2);
/// let removed = (0..4).find(|&i| !dups.keep[i]).unwrap();
/// assert!(dups.keep[dups.witness[removed] as usize]);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SemDedup {
    rule: Rule,
    target: Target,
    boundary: Boundary,
    order: Order,
    published: bool,
}

impl SemDedup {
    /// Epsilon 0.05, boundary Gt, order Hard.
    pub fn new(rule: Rule) -> Self {
        Self {
            rule,
            target: Target::Epsilon(0.05),
            boundary: Boundary::Gt,
            order: Order::Hard,
            published: false,
        }
    }

    /// Duplicates are pairs whose cosine passes 1 - `epsilon`, in [0, 2]. Replaces a fraction.
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.target = Target::Epsilon(epsilon);
        self
    }

    /// Keep this share of the rows, round_half_even(fraction n) of them, by the exact order
    /// statistic of the similarities (EarlierMax only). Replaces an epsilon.
    pub fn keep_fraction(mut self, fraction: f64) -> Self {
        self.target = Target::KeepFraction(fraction);
        self
    }

    /// Whether a similarity of exactly 1 - epsilon makes a duplicate.
    pub fn boundary(mut self, boundary: Boundary) -> Self {
        self.boundary = boundary;
        self
    }

    /// Which rows of a cluster come first, and so are preferred.
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// EarlierMax as in the published pseudo-code to the letter: similarities below 0 and that of
    /// the first row of a cluster count as 0, and equal keys of the order Easy go by descending row.
    pub fn published(mut self, published: bool) -> Self {
        self.published = published;
        self
    }

    /// Deduplicates rows in memory on the CPU.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when `clusters` are not over these rows,
    /// [`Error::InvalidParameter`] for an epsilon outside [0, 2] or a fraction outside [0, 1],
    /// [`Error::Conflict`] for a fraction with GreedyCover, [`Error::NonFinite`].
    pub fn fit<'a>(&self, x: impl IntoRows<'a>, clusters: &Clusters) -> Result<Dedup> {
        self.fit_on(&Cpu::new()?, &x.into_rows()?, clusters, &Context::default())
    }

    /// Deduplicates any source on any backend.
    ///
    /// # Errors
    /// As [`fit`](SemDedup::fit); [`Error::Cancelled`], [`Error::OutOfMemory`], [`Error::Source`].
    pub fn fit_on<B: Backend, S: RowSource + ?Sized>(
        &self,
        backend: &B,
        source: &S,
        clusters: &Clusters,
        cx: &Context,
    ) -> Result<Dedup> {
        self.check()?;
        let n = source.n_rows();
        let (order, offsets) = order::keep_order(&self.order, self.published, backend, source, clusters, cx)?;
        let plan = compare::Plan::new(backend, source, &order, &offsets, cx)?;
        let mut similarity = try_vec(n, f64::NEG_INFINITY)?;
        let mut witness = try_vec(n, NO_ROW)?;
        let mut keep = try_vec(n, true)?;
        let mut search = SearchStats::default();
        let mut found = compare::Found { similarity: &mut similarity, witness: &mut witness };
        let (curve, epsilon, reached);
        match self.rule {
            Rule::EarlierMax => {
                plan.earlier_max(&mut found, &mut search, cx)?;
                if self.published {
                    similarity.iter_mut().for_each(|s| *s = s.max(0.0));
                }
                (epsilon, reached) = self.select(&similarity, &order, &mut keep)?;
                curve = Some(KeepCurve::new(&similarity)?);
            }
            Rule::GreedyCover => {
                let Target::Epsilon(e) = self.target else {
                    return Err(Error::Conflict {
                        first: "keep_fraction",
                        second: "GreedyCover",
                        why: "its kept sets are not nested in epsilon; use EarlierMax or an epsilon",
                    });
                };
                plan.greedy_cover(1.0 - e, self.boundary, &mut found, &mut search, cx)?;
                keep.iter_mut().zip(&witness).for_each(|(keep, &w)| *keep = w == NO_ROW);
                (curve, epsilon, reached) = (None, e, true);
            }
        }
        let exact_copies = plan.exact_copies();
        similarity.iter_mut().for_each(|s| {
            if *s == f64::NEG_INFINITY {
                *s = f64::NAN;
            }
        });
        let mut rows: Vec<u64> = crate::memory::try_capacity(n)?;
        rows.extend(order.iter().map(|&i| i as u64));
        Ok(Dedup {
            rule: self.rule,
            boundary: self.boundary,
            epsilon,
            reached,
            keep: Array1::from_vec(keep),
            witness: Array1::from_vec(witness),
            similarity: Array1::from_vec(similarity),
            order: Array1::from_vec(rows),
            offsets,
            exact_copies,
            curve,
            search,
        })
    }

    fn check(&self) -> Result<()> {
        match self.target {
            Target::Epsilon(value) if !(0.0..=2.0).contains(&value) => {
                Err(Error::InvalidParameter { name: "epsilon", value, expected: "within [0, 2]" })
            }
            Target::KeepFraction(value) if !(0.0..=1.0).contains(&value) => {
                Err(Error::InvalidParameter { name: "keep_fraction", value, expected: "within [0, 1]" })
            }
            _ if self.published && self.rule != Rule::EarlierMax => Err(Error::Conflict {
                first: "published",
                second: "GreedyCover",
                why: "the published pseudo-code is EarlierMax",
            }),
            _ => Ok(()),
        }
    }

    /// Marks what EarlierMax removes. Returns the epsilon used and whether a target was reached.
    fn select(&self, similarity: &[f64], order: &[usize], keep: &mut [bool]) -> Result<(f64, bool)> {
        let n = similarity.len();
        match self.target {
            Target::Epsilon(epsilon) => {
                let threshold = 1.0 - epsilon;
                for (keep, &s) in keep.iter_mut().zip(similarity) {
                    *keep = !self.boundary.passes(s, threshold);
                }
                Ok((epsilon, true))
            }
            Target::KeepFraction(fraction) => {
                let wanted = round_half_even(fraction * n as f64) as usize;
                // Rows that no earlier row resembles at all cannot be removed as duplicates.
                let unremovable = similarity.iter().filter(|&&s| s == f64::NEG_INFINITY).count();
                let kept = wanted.max(unremovable);
                let mut ranked: Vec<(f64, usize)> = crate::memory::try_capacity(n)?;
                ranked.extend(order.iter().enumerate().map(|(rank, &i)| (similarity[i], rank)));
                ranked.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                for &(_, rank) in &ranked[kept..] {
                    keep[order[rank]] = false;
                }
                let largest = kept.checked_sub(1).map_or(f64::NEG_INFINITY, |last| ranked[last].0);
                Ok((1.0 - largest.max(-1.0), kept == wanted))
            }
        }
    }
}

/// What deduplication found. Two are equal when all fields are, similarities by their bits (a row
/// without a witness has a NaN).
#[derive(Clone, Debug)]
pub struct Dedup {
    /// The rule that was applied.
    pub rule: Rule,
    /// The boundary that was applied.
    pub boundary: Boundary,
    /// The epsilon asked for, or with a target fraction 1 - the largest similarity kept.
    pub epsilon: f64,
    /// Whether a target fraction was reached; false when more rows than that have no earlier
    /// row in their cluster.
    pub reached: bool,
    /// `[n]`: whether the row is kept.
    pub keep: Array1<bool>,
    /// `[n]`: with EarlierMax the most similar earlier row of the cluster (which may itself be
    /// removed), with GreedyCover of removed rows the first kept row that reaches the threshold;
    /// [`Dedup::NONE`] where there is none.
    pub witness: Array1<u64>,
    /// `[n]`: similarity to the witness; NaN where there is none.
    pub similarity: Array1<f64>,
    /// `[n]`: the rows in keep-order, cluster after cluster.
    pub order: Array1<u64>,
    /// `[k + 1]`: where each cluster begins in `order`.
    pub offsets: Vec<usize>,
    /// Rows that are exact copies of an earlier row of their cluster.
    pub exact_copies: u64,
    /// Kept rows for every epsilon (EarlierMax).
    pub curve: Option<KeepCurve>,
    /// How the comparisons were settled. Depends on the SIMD level.
    pub search: SearchStats,
}

impl PartialEq for Dedup {
    fn eq(&self, other: &Self) -> bool {
        #[rustfmt::skip]
        let Self {
            rule, boundary, epsilon, reached, keep, witness, similarity, order, offsets, exact_copies, curve, search,
        } = self;
        let mut bits = similarity.iter().zip(&other.similarity).map(|(a, b)| (a.to_bits(), b.to_bits()));
        similarity.len() == other.similarity.len()
            && bits.all(|(a, b)| a == b)
            && (rule, boundary, reached) == (&other.rule, &other.boundary, &other.reached)
            && epsilon.to_bits() == other.epsilon.to_bits()
            && (keep, witness, order, offsets) == (&other.keep, &other.witness, &other.order, &other.offsets)
            && (exact_copies, curve, search) == (&other.exact_copies, &other.curve, &other.search)
    }
}

impl Dedup {
    /// No row.
    pub const NONE: u64 = NO_ROW;

    /// Number of rows kept.
    pub fn kept(&self) -> usize {
        self.keep.iter().filter(|&&k| k).count()
    }
}
