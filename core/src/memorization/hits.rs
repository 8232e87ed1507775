//! Which targets a model hit, and the share M(f).

use alloc::vec::Vec;

use crate::check;
use crate::error::{Error, Result};
use crate::memory::try_vec;

/// A target id that is not counted: padding, a prompt, an unmasked position.
pub const IGNORED: u32 = u32::MAX;

/// M(f) as its two counts. Shards merge by addition.
///
/// *Source*: Tirumala et al. 2022, section 3: M(f) = |{(s, y) in C : argmax f(s) = y}| / |C|.
///
/// ```
/// use pauca::memorization::Memorized;
/// let mut m = Memorized { hits: 3, total: 4 };
/// m.merge(&Memorized { hits: 0, total: 2 });
/// assert_eq!(m.fraction()?, 0.5);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Memorized {
    /// Contexts whose target is the most probable token.
    pub hits: u64,
    /// Contexts counted.
    pub total: u64,
}

impl Memorized {
    /// Adds the counts of another shard.
    pub fn merge(&mut self, other: &Self) {
        self.hits = self.hits.saturating_add(other.hits);
        self.total = self.total.saturating_add(other.total);
    }

    /// M(f) = hits / total, rounded once; exactly 1 when all are hit. Tier A.
    ///
    /// # Errors
    /// [`Error::Empty`] when no target was counted.
    pub fn fraction(&self) -> Result<f64> {
        check::not_empty("the set of counted targets", self.total)?;
        Ok(self.hits as f64 / self.total as f64)
    }
}

/// For every position whether it is counted, and whether its target was hit.
///
/// # Ties, NaN
/// Ties of the argmax went to the lowest id when it was taken ([`LogitScan`](super::LogitScan)).
/// # Tier
/// A.
/// # Example
/// ```
/// use pauca::memorization::{Hits, IGNORED};
/// // A masked model: only the masked positions count.
/// let mask = [true, false, true, true];
/// let hits = Hits::from_ids(&[5, 1, 7, 2], &[5, 1, 3, 2], Some(&mask), 10)?;
/// assert_eq!((hits.count().hits, hits.count().total), (2, 3));
/// // A causal model with a prompt that is not counted.
/// let hits = Hits::from_ids(&[5, 1], &[IGNORED, 1], None, 10)?;
/// assert_eq!(hits.count().fraction()?, 1.0);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hits {
    hit: Vec<bool>,
    counted: Vec<bool>,
}

/// The first target of `targets` that is neither ignored nor below `vocabulary`.
pub(super) fn check_ids(what: &'static str, ids: &[u32], vocabulary: usize) -> Result<()> {
    let mut counted = ids.iter().enumerate().filter(|(_, id)| **id != IGNORED);
    counted.try_for_each(|(position, &id)| check_id(what, position, id, vocabulary))
}

fn check_id(what: &'static str, position: usize, id: u32, vocabulary: usize) -> Result<()> {
    let (known, position) = ((id as usize) < vocabulary, position as u64);
    if known { Ok(()) } else { Err(Error::TokenOutOfRange { what, position, id, vocabulary }) }
}

/// A log-probability may be -infinity.
pub(super) fn check_log_prob(row: usize, value: f64) -> Result<()> {
    check::finite_at("log-probabilities", (row, 0), if value == f64::NEG_INFINITY { 0.0 } else { value })
}

impl Hits {
    /// From flags of equal lengths; what is not counted is not hit.
    pub(super) fn of_flags(hit: Vec<bool>, counted: Vec<bool>) -> Self {
        Self { hit, counted }
    }

    /// Hits from predicted and true token ids.
    ///
    /// A position is counted where its target is not [`IGNORED`] and `mask`, if there is one, is
    /// true; ids elsewhere are not looked at.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`]; [`Error::TokenOutOfRange`] for a counted id of `vocabulary` or more.
    pub fn from_ids(
        predicted: &[u32],
        targets: &[u32],
        mask: Option<&[bool]>,
        vocabulary: usize,
    ) -> Result<Self> {
        let n = targets.len();
        check::same_length("predicted ids", n, predicted.len())?;
        mask.map_or(Ok(()), |mask| check::same_length("mask", n, mask.len()))?;
        let mut counted = try_vec(n, false)?;
        let mut hit = try_vec(n, false)?;
        for (i, &y) in targets.iter().enumerate() {
            counted[i] = y != IGNORED && mask.is_none_or(|mask| mask[i]);
            if !counted[i] {
                continue;
            }
            check_id("target", i, y, vocabulary)?;
            check_id("predicted id", i, predicted[i], vocabulary)?;
            hit[i] = predicted[i] == y;
        }
        Ok(Self { hit, counted })
    }

    /// Hits from pairs (argmax, log-probability of the target), as a training loop logs them.
    ///
    /// The log-probabilities are checked where they are counted; the argmax alone decides.
    ///
    /// # Errors
    /// As [`from_ids`](Hits::from_ids); [`Error::NonFinite`] for a NaN or +infinity,
    /// [`Error::InvalidParameter`] for a log-probability above 0.
    pub fn from_pairs(
        argmax: &[u32],
        log_prob: &[f64],
        targets: &[u32],
        mask: Option<&[bool]>,
        vocabulary: usize,
    ) -> Result<Self> {
        check::same_length("log-probabilities", targets.len(), log_prob.len())?;
        let hits = Self::from_ids(argmax, targets, mask, vocabulary)?;
        for (i, &value) in log_prob.iter().enumerate().filter(|(i, _)| hits.counted[*i]) {
            check_log_prob(i, value)?;
            check::parameter("log-probability", value, "at most 0", value <= 0.0)?;
        }
        Ok(hits)
    }

    /// Hits from bits, eight positions a byte, the first in the highest bit (as NumPy's `packbits`);
    /// every position is counted. Bits beyond `n` must be 0.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] unless there are ceil(n / 8) bytes; [`Error::Corrupt`] for a bit
    /// beyond the end; [`Error::OutOfMemory`].
    pub fn from_bits(bytes: &[u8], n: usize) -> Result<Self> {
        check::same_length("packed bits", n.div_ceil(8), bytes.len())?;
        let used = n % 8;
        if let Some(last) = bytes.last()
            && used > 0
            && last << used != 0
        {
            let why = "a bit beyond the last position is set";
            return Err(Error::Corrupt { what: "packed bits", offset: bytes.len() - 1, why });
        }
        let mut hit = try_vec(n, false)?;
        for (i, hit) in hit.iter_mut().enumerate() {
            *hit = bytes[i / 8] >> (7 - i % 8) & 1 == 1;
        }
        Ok(Self { hit, counted: try_vec(n, true)? })
    }

    /// The hits as bits; what [`from_bits`](Hits::from_bits) reads where all positions count.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn to_bits(&self) -> Result<Vec<u8>> {
        let mut bytes = try_vec(self.len().div_ceil(8), 0)?;
        for (i, _) in self.hit.iter().enumerate().filter(|(_, hit)| **hit) {
            bytes[i / 8] |= 0x80 >> (i % 8);
        }
        Ok(bytes)
    }

    /// Counts positions only where `mask` is true.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`].
    pub fn masked(mut self, mask: &[bool]) -> Result<Self> {
        check::same_length("mask", self.len(), mask.len())?;
        for (i, keep) in mask.iter().enumerate() {
            self.counted[i] &= keep;
            self.hit[i] &= keep;
        }
        Ok(self)
    }

    /// Positions.
    pub fn len(&self) -> usize {
        self.hit.len()
    }

    /// Whether there is no position.
    pub fn is_empty(&self) -> bool {
        self.hit.is_empty()
    }

    /// For each position whether it is counted and its target was hit.
    pub fn hit(&self) -> &[bool] {
        &self.hit
    }

    /// For each position whether it is counted.
    pub fn counted(&self) -> &[bool] {
        &self.counted
    }

    /// The counts of M(f).
    pub fn count(&self) -> Memorized {
        let count = |flags: &[bool]| flags.iter().filter(|flag| **flag).count() as u64;
        Memorized { hits: count(&self.hit), total: count(&self.counted) }
    }
}
