//! What is asked of a deduplication.

use super::order::Order;
use crate::check;
use crate::error::Result;
use crate::params::{choices, setters};
use crate::select::Boundary;

/// Which earlier rows can remove a row. Test vectors write `_` for the `-` of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// Any earlier row, itself removed or not: the pseudo-code of the paper. Kept sets are nested
    /// in epsilon, and a target size is met exactly.
    EarlierMax,
    /// A row is compared with kept rows only: kept rows are pairwise below the threshold, every removed row has
    /// a kept witness. Recommended where a removed row must be represented by a kept one.
    GreedyCover,
}

choices!([Rule]: EarlierMax "earlier-max", GreedyCover "greedy-cover");

/// What is asked of the result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
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
/// their witness is the first of them in the order; with GreedyCover, where that first one was removed, they
/// have its witness and its similarity. Rows of zeros have no direction: they are
/// never removed and remove nothing. [`published`](SemDedup::published) counts what has no earlier row as 0,
/// which an epsilon above 1 removes.
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
    pub(super) rule: Rule,
    pub(super) target: Target,
    pub(super) boundary: Boundary,
    pub(super) order: Order,
    pub(super) published: bool,
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

    setters! {
        /// Duplicates are pairs whose cosine passes 1 - `epsilon`, in [0, 2]. Replaces a fraction.
        epsilon(epsilon: f64) { target = Target::Epsilon(epsilon) }
        /// Keep this share of the rows, round_half_even(fraction n) of them, by the exact order
        /// statistic of the similarities (EarlierMax only). Replaces an epsilon.
        keep_fraction(fraction: f64) { target = Target::KeepFraction(fraction) }
        /// Whether a similarity of exactly 1 - epsilon makes a duplicate.
        boundary: Boundary;
        /// Which rows of a cluster come first, and so are preferred.
        order: Order;
        /// EarlierMax as in the published pseudo-code to the letter: similarities below 0 and that of
        /// the first row of a cluster count as 0, and equal keys of the order Easy go by descending row.
        published: bool;
    }

    pub(super) fn check(&self) -> Result<()> {
        match self.target {
            Target::Epsilon(value) => check_epsilon(value)?,
            Target::KeepFraction(value) => check::fraction("keep_fraction", value)?,
        }
        let agree = !self.published || self.rule == Rule::EarlierMax;
        let (second, why) = ("another rule than EarlierMax", "the published pseudo-code is EarlierMax");
        check::conflict(agree, "published", second, why)
    }
}

pub(super) fn check_epsilon(epsilon: f64) -> Result<()> {
    check::parameter("epsilon", epsilon, "within [0, 2]", (0.0..=2.0).contains(&epsilon))
}
