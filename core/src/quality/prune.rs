//! Scores of many documents, gathered over shards, and which of them stay.

use alloc::vec::Vec;

use ndarray::Array1;

use crate::check;
use crate::error::{Error, Result};
use crate::memory::{try_capacity, try_grow};
use crate::params::{choices, default_is_new, setters};
use crate::select::{count, descending, floor_of_share, marked, ranked, total, within};

/// What the fraction is a share of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Share {
    /// A share of the documents: exactly round_half_even(fraction n) stay.
    Documents,
    /// A share of the tokens: the best documents stay, as long as their tokens together are at most
    /// floor(fraction total), of the exact product.
    Tokens,
}

choices!(Share: Documents, Tokens);

/// What happens to documents whose score equals that of the last one that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ties {
    /// The lower ids stay, so that the share is met.
    LowerId,
    /// All of them stay, as with a percentile as the threshold: more than the share may stay.
    Together,
}

choices!(Ties: LowerId, Together);

/// Scores of documents by id: push, merge shards, finish.
///
/// # Tier
/// A: what [`finish`](Scores::finish) gives depends on the set of (id, score, tokens) alone, not on
/// the order of pushes or on shards.
/// # Cost
/// 24 bytes a document; O(n log n) to finish.
/// # Example
/// ```
/// use pauca::quality::{QualityPruning, Scores};
/// let mut here = Scores::new();
/// here.push(7, Some(0.9), 120)?;
/// here.push(3, None, 0)?;
/// let mut there = Scores::new();
/// there.push(5, Some(0.4), 80)?;
/// there.merge(&here)?;
/// let pruned = there.finish(&QualityPruning::new().keep_fraction(0.34))?;
/// assert_eq!(pruned.ids.to_vec(), [3, 5, 7]);
/// assert_eq!(pruned.keep.to_vec(), [false, false, true]);
/// assert_eq!(pruned.threshold, 0.9);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Scores {
    /// Id, score (NaN for none), tokens.
    pub(super) rows: Vec<(u64, f64, u64)>,
}

impl Scores {
    /// The scores of no document.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a document. Its id must be its own over all shards.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a score outside [0, 1] or NaN, [`Error::OutOfMemory`].
    pub fn push(&mut self, id: u64, score: Option<f64>, tokens: u64) -> Result<()> {
        score.map_or(Ok(()), |score| check::fraction("score", score))?;
        try_grow(&mut self.rows, 1)?;
        // Adding +0.0 makes a -0.0 positive.
        self.rows.push((id, score.map_or(f64::NAN, |s| s + 0.0), tokens));
        Ok(())
    }

    /// Adds the documents of another shard.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        try_grow(&mut self.rows, other.rows.len())?;
        self.rows.extend_from_slice(&other.rows);
        Ok(())
    }

    /// Documents so far.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All documents by ascending id, and which of them stay.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a fraction outside [0, 1], [`Error::DuplicateId`],
    /// [`Error::TooLarge`] for 2^64 tokens and more, [`Error::OutOfMemory`].
    pub fn finish(mut self, prune: &QualityPruning) -> Result<QualityPruned> {
        let n = self.rows.len();
        let documents = count("keep_fraction", prune.keep_fraction, n)?;
        self.rows.sort_unstable_by_key(|row| row.0);
        if let Some(pair) = self.rows.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Error::DuplicateId { id: pair[0].0 });
        }
        let (mut ids, mut scores, mut tokens) = (try_capacity(n)?, try_capacity(n)?, try_capacity(n)?);
        for row in &self.rows {
            ids.push(row.0);
            scores.push(row.1);
            tokens.push(row.2);
        }
        let total = total(tokens.iter().copied())?;
        // Those without a score come last.
        let score = |i: usize| if scores[i].is_nan() { f64::NEG_INFINITY } else { scores[i] };
        let order = ranked(n, |a, b| descending(score(a), score(b)))?;
        let mut kept = match prune.share {
            Share::Documents => documents,
            Share::Tokens => within(&order, &tokens, floor_of_share(prune.keep_fraction, total)),
        };
        let last = kept.checked_sub(1).map(|last| order[last]);
        if let (Ties::Together, Some(last)) = (prune.ties, last) {
            kept = order.partition_point(|&i| score(i) >= score(last));
        }
        let threshold = last.map_or(f64::NAN, |last| scores[last]);
        Ok(QualityPruned {
            keep: marked(n, &order[..kept], true)?,
            ids: Array1::from_vec(ids),
            scores: Array1::from_vec(scores),
            tokens: Array1::from_vec(tokens),
            threshold,
        })
    }
}

/// Which documents stay: parameters.
///
/// *Source*: Sharma et al. 2024 keep the documents above a percentile of the score (their best
/// results: 40 % of OpenWebText and 20 % of Wikipedia removed).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QualityPruning {
    keep_fraction: f64,
    share: Share,
    ties: Ties,
}

default_is_new!(QualityPruning);

impl QualityPruning {
    /// Keeps 0.6 of the documents; of equal ones the lower ids.
    pub fn new() -> Self {
        Self { keep_fraction: 0.6, share: Share::Documents, ties: Ties::LowerId }
    }

    setters! {
        /// The share to keep, in [0, 1].
        keep_fraction: f64;
        /// What the fraction is a share of.
        share: Share;
        /// What happens to equal scores at the cut.
        ties: Ties;
    }
}

/// All documents by ascending id, and which of them stay.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct QualityPruned {
    /// Ids, ascending.
    pub ids: Array1<u64>,
    /// Scores; NaN for a document without tokens.
    pub scores: Array1<f64>,
    /// Tokens.
    pub tokens: Array1<u64>,
    /// Whether a document stays.
    pub keep: Array1<bool>,
    /// The lowest score that stays; NaN where nothing stays, or something without a score does.
    pub threshold: f64,
}

impl QualityPruned {
    /// How many documents stay.
    pub fn kept(&self) -> usize {
        self.keep.iter().filter(|keep| **keep).count()
    }

    /// How many tokens stay.
    pub fn kept_tokens(&self) -> u64 {
        let kept = self.tokens.iter().zip(&self.keep).filter(|(_, keep)| **keep);
        kept.fold(0, |sum: u64, (tokens, _)| sum.saturating_add(*tokens))
    }
}
