//! What a deduplication found.

use alloc::vec::Vec;

use ndarray::Array1;

use super::curve::KeepCurve;
use super::params::Rule;
use crate::backend::{NO_ROW, SearchStats};
use crate::check;
use crate::error::Result;
use crate::select::Boundary;

/// What deduplication found. Two are equal when all fields but `search` are, similarities by
/// their bits (a row without a witness has a NaN).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Dedup {
    /// The rule that was applied.
    pub rule: Rule,
    /// The boundary that was applied.
    pub boundary: Boundary,
    /// The epsilon asked for; with a target fraction 1 - the largest similarity kept, or the number below where that
    /// would not keep it. Asked for with the same boundary, that epsilon makes the same cut, unless a removed row is
    /// as similar as a kept one or nearly so: 1 - epsilon is a multiple of 2^-53, below 0 of 2^-52.
    pub epsilon: f64,
    /// Whether a target fraction was reached; false when more rows than that have no earlier
    /// row in their cluster.
    pub reached: bool,
    /// `[n]`: whether the row is kept.
    pub keep: Array1<bool>,
    /// `[n]`: with EarlierMax the most similar earlier row of the cluster (which may itself be
    /// removed), with GreedyCover of removed rows the first kept row that reaches the threshold;
    /// [`Dedup::NONE`] where there is none. Under every rule a witness comes earlier in keep-order, so
    /// that chains of witnesses end.
    pub witness: Array1<u64>,
    /// `[n]`: similarity to the witness; NaN where there is none ([`published`](crate::SemDedup::published): what
    /// the pseudo-code has there, at least 0). That of a removed row passes the threshold; for a kept
    /// share it is at least that of every kept row.
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
            rule, boundary, epsilon, reached, keep, witness, similarity, order, offsets, exact_copies, curve, search: _,
        } = self;
        let mut bits = similarity.iter().zip(&other.similarity).map(|(a, b)| (a.to_bits(), b.to_bits()));
        similarity.len() == other.similarity.len()
            && bits.all(|(a, b)| a == b)
            && (rule, boundary, reached) == (&other.rule, &other.boundary, &other.reached)
            && epsilon.to_bits() == other.epsilon.to_bits()
            && (keep, witness, order, offsets) == (&other.keep, &other.witness, &other.order, &other.offsets)
            && (exact_copies, curve) == (&other.exact_copies, &other.curve)
    }
}

impl Dedup {
    /// No row.
    pub const NONE: u64 = NO_ROW;

    /// Number of rows kept.
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

/// A mask as bytes.
pub(crate) fn bytes_of(mask: &Array1<bool>, out: &mut [u8]) -> Result<()> {
    check::same_length("bytes of the mask", mask.len(), out.len())?;
    out.iter_mut().zip(mask).for_each(|(out, kept)| *out = (*kept).into());
    Ok(())
}
