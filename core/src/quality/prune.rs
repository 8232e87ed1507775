//! Scores of many documents, gathered over shards, and which of them stay.

use alloc::vec::Vec;

use ndarray::Array1;

use crate::bytes::{Reader, Writer};
use crate::error::{Error, Result};
use crate::memory::{try_capacity, try_grow, try_vec};
use crate::stats::round_half_even;

const MAGIC: &[u8; 8] = b"PAUCAQSC";
const VERSION: u32 = 1;
const WHAT: &str = "quality scores";

/// What the fraction is a share of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Share {
    /// A share of the documents: exactly round_half_even(fraction n) stay.
    Documents,
    /// A share of the tokens: the best documents stay, as long as their tokens together are at most
    /// round_half_even(fraction total).
    Tokens,
}

/// What happens to documents whose score equals that of the last one that stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ties {
    /// The lower ids stay, so that the share is met.
    LowerId,
    /// All of them stay, as with a percentile as the threshold: more than the share may stay.
    Together,
}

/// Scores of documents by id: push, merge shards, finish.
///
/// # Tier
/// A: what [`finish`](Scores::finish) gives depends on the set of (id, score, tokens) alone, not on
/// the order of pushes or on shards.
/// # Cost
/// 24 bytes a document; O(n log n) to finish.
/// # Example
/// ```
/// use pauca::quality::{Prune, Scores};
/// let mut here = Scores::new();
/// here.push(7, Some(0.9), 120)?;
/// here.push(3, None, 0)?;
/// let mut there = Scores::new();
/// there.push(5, Some(0.4), 80)?;
/// there.merge(&here)?;
/// let pruned = there.finish(&Prune::new().keep_fraction(0.34))?;
/// assert_eq!(pruned.ids.to_vec(), [3, 5, 7]);
/// assert_eq!(pruned.keep.to_vec(), [false, false, true]);
/// assert_eq!(pruned.threshold, 0.9);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Scores {
    /// Id, score (NaN for none), tokens.
    rows: Vec<(u64, f64, u64)>,
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
        if let Some(value) = score.filter(|s| !(0.0..=1.0).contains(s)) {
            return Err(Error::InvalidParameter { name: "score", value, expected: "within [0, 1]" });
        }
        try_grow(&mut self.rows, 1)?;
        // Adding +0.0 makes -0.0 equal to 0.0.
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
    /// [`Error::OutOfMemory`].
    pub fn finish(mut self, prune: &Prune) -> Result<Pruned> {
        if !(0.0..=1.0).contains(&prune.keep_fraction) {
            let (name, value) = ("keep_fraction", prune.keep_fraction);
            return Err(Error::InvalidParameter { name, value, expected: "within [0, 1]" });
        }
        let n = self.rows.len();
        self.rows.sort_unstable_by_key(|row| row.0);
        if let Some(pair) = self.rows.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Error::DuplicateId { id: pair[0].0 });
        }
        // Best first; those without a score last; equal ones by id, which is their index now.
        let rank = |i: usize| if self.rows[i].1.is_nan() { f64::INFINITY } else { -self.rows[i].1 };
        let mut order: Vec<usize> = try_capacity(n)?;
        order.extend(0..n);
        order.sort_unstable_by(|&a, &b| rank(a).total_cmp(&rank(b)).then(a.cmp(&b)));
        let mut kept = match prune.share {
            Share::Documents => round_half_even(prune.keep_fraction * n as f64) as usize,
            Share::Tokens => {
                let total: u128 = self.rows.iter().map(|row| row.2 as u128).sum();
                // A total beyond 2^53 has no exact f64, but all of it is all of it.
                let most = match prune.keep_fraction {
                    1.0 => total,
                    fraction => round_half_even(fraction * total as f64) as u128,
                };
                let mut sum = 0u128;
                let fits = |i: &&usize| {
                    sum += self.rows[**i].2 as u128;
                    sum <= most
                };
                order.iter().take_while(fits).count()
            }
        }
        .min(n);
        let last = kept.checked_sub(1).map(|m| rank(order[m]));
        if let (Ties::Together, Some(last)) = (prune.ties, last) {
            kept += order.iter().skip(kept).take_while(|i| rank(**i) == last).count();
        }
        let mut keep = try_vec(n, false)?;
        order.iter().take(kept).for_each(|&i| keep[i] = true);
        let (mut ids, mut scores, mut tokens) = (try_capacity(n)?, try_capacity(n)?, try_capacity(n)?);
        for row in &self.rows {
            ids.push(row.0);
            scores.push(row.1);
            tokens.push(row.2);
        }
        Ok(Pruned {
            ids: Array1::from_vec(ids),
            scores: Array1::from_vec(scores),
            tokens: Array1::from_vec(tokens),
            keep: Array1::from_vec(keep),
            threshold: last.filter(|r| r.is_finite()).map_or(f64::NAN, |r| -r + 0.0),
        })
    }

    /// Versioned, little-endian, checksummed bytes.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut w = Writer::new(MAGIC, VERSION);
        w.reserve(self.rows.len().saturating_mul(24));
        w.u64(self.rows.len() as u64);
        for (id, score, tokens) in &self.rows {
            w.u64s(&[*id, score.to_bits(), *tokens]);
        }
        w.finish()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for other, damaged or truncated bytes; never a panic.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::open(bytes, WHAT, MAGIC, VERSION)?;
        let n = r.size()?;
        if n > r.remaining() / 24 {
            return Err(r.corrupt("it ends too early"));
        }
        let mut rows = try_capacity(n)?;
        for _ in 0..n {
            let (id, score, tokens) = (r.u64()?, f64::from_bits(r.u64()?), r.u64()?);
            if !(score.is_nan() || (0.0..=1.0).contains(&score)) {
                return Err(r.corrupt("a score is outside [0, 1]"));
            }
            rows.push((id, score, tokens));
        }
        r.end()?;
        Ok(Self { rows })
    }
}

/// Which documents stay: parameters.
///
/// *Source*: Sharma et al. 2024 keep the documents above a percentile of the score (their best
/// results: 40 % of OpenWebText and 20 % of Wikipedia removed).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prune {
    keep_fraction: f64,
    share: Share,
    ties: Ties,
}

impl Default for Prune {
    fn default() -> Self {
        Self { keep_fraction: 0.6, share: Share::Documents, ties: Ties::LowerId }
    }
}

impl Prune {
    /// Keeps 0.6 of the documents; of equal ones the lower ids.
    pub fn new() -> Self {
        Self::default()
    }

    /// The share to keep, in [0, 1].
    pub fn keep_fraction(mut self, fraction: f64) -> Self {
        self.keep_fraction = fraction;
        self
    }

    /// What the fraction is a share of.
    pub fn share(mut self, share: Share) -> Self {
        self.share = share;
        self
    }

    /// What happens to equal scores at the cut.
    pub fn ties(mut self, ties: Ties) -> Self {
        self.ties = ties;
        self
    }
}

/// All documents by ascending id, and which of them stay.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Pruned {
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

impl Pruned {
    /// How many documents stay.
    pub fn kept(&self) -> usize {
        self.keep.iter().filter(|keep| **keep).count()
    }

    /// How many tokens stay.
    pub fn kept_tokens(&self) -> u128 {
        self.tokens.iter().zip(&self.keep).filter(|(_, keep)| **keep).map(|(t, _)| *t as u128).sum()
    }
}
