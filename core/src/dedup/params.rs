//! What is asked of a deduplication, and the run.

use alloc::vec::Vec;

use ndarray::Array1;

use super::{Dedup, KeepCurve, Order, compare, order};
use crate::backend::cpu::Cpu;
use crate::backend::{Backend, Boundary, NO_ROW, SearchStats};
use crate::control::Context;
use crate::error::{Error, Result};
use crate::kmeans::Clusters;
use crate::memory::{try_capacity, try_vec};
use crate::rows::{IntoRows, RowSource};
use crate::stats::round_half_even;

/// Which earlier rows can remove a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// Any earlier row, itself removed or not: the pseudo-code of the paper. Kept sets are nested
    /// in epsilon, and a target size is met exactly.
    EarlierMax,
    /// Only kept ones: kept rows are pairwise below the threshold, every removed row has a kept
    /// witness. Recommended where a removed row must be represented by a kept one.
    GreedyCover,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 2] = [Self::EarlierMax, Self::GreedyCover];

    /// "earlier-max" or "greedy-cover": the name in programs, configurations and test vectors.
    pub fn name(self) -> &'static str {
        match self {
            Rule::EarlierMax => "earlier-max",
            Rule::GreedyCover => "greedy-cover",
        }
    }
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
        let mut rows: Vec<u64> = try_capacity(n)?;
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
                let mut ranked: Vec<(f64, usize)> = try_capacity(n)?;
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
