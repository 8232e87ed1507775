//! Length: the confounder of every score, and a pruning criterion of its own.
//!
//! *Source*: Singh et al. 2024 (Brevity is the soul of wit, arXiv 2407.00434): on code, scores
//! made of embeddings are confounded by the length of the files, and dropping the longest files
//! alone beats them where compute is scarce. In The Stack the longest 2 % of the Python files
//! hold about 20 % of the tokens. The paper's abstract is what could be read; the unit of the
//! cut, its levels and the form of the analysis are as reported by others, so all three readings
//! of the cut are offered ([`Cut`]).
//!
//! | question | item |
//! |---|---|
//! | prune the longest (or shortest) documents | [`LengthPruning`] |
//! | how much the longest hold | [`Concentration`] |
//! | is this score about length? | [`LengthConfound`] |
//! | what length does a selection prefer? | [`length_of_selection`] |
//! | prune by a score without preferring a length | [`LengthControlled`] |
//! | perplexity over length | [`perplexity_by_length`] |
//!
//! Lengths are counts (`u32` or `u64`) of whatever the caller counts: tokens, lines, bytes. A sum
//! beyond `u64` is refused, shares of a total are compared as exact integers, so no cut moves by
//! rounding.
//!
//! **Bins.** Bins of equal count are made of average ranks: with `b` lengths below and `e` equal
//! ones (its own among them) a length falls into bin floor((2 b + e) B / (2 n)) of B. Equal
//! lengths share a bin, and the order of the documents does not matter; the usual cut of a sorted
//! list would put copies of one length into two bins by their index. Bins of equal count are the
//! same for a length and its logarithm.

use alloc::vec::Vec;

use crate::error::Result;
use crate::memory::try_collect;

mod bins;
mod concentration;
mod confound;
mod controlled;
mod prune;

pub use bins::{LengthBins, LengthBucket, perplexity_by_length};
pub use concentration::Concentration;
pub use confound::{Confound, LengthConfound, SelectionLength, length_of_selection};
pub use controlled::{End, LengthControlled};
pub use prune::{Cut, LengthPruned, LengthPruning, Side};

/// A length: `u32` or `u64`.
pub trait Length: Copy + Into<u64> + Sync {}

impl<T: Copy + Into<u64> + Sync> Length for T {}

/// The lengths as `u64`.
fn widened<L: Length>(lengths: &[L]) -> Result<Vec<u64>> {
    try_collect(lengths.iter().map(|&l| l.into()))
}

/// The lengths as `f64`, for statistics of their ranks: rounding keeps the order and may only make
/// lengths above 2^53 tie.
fn rounded(lengths: &[u64]) -> Result<Vec<f64>> {
    try_collect(lengths.iter().map(|&l| l as f64))
}

/// a / b of two exact integers; `None` for 0 / 0 and the like.
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
