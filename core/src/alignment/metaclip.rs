//! MetaCLIP: texts matched against a list of entries, and thinned out so that no entry dominates.
//!
//! *Source*: Xu et al. 2023, section 3 and the published code.
//! 1. A text gets a space at both ends and around each of `, . ; : ? ! `` ` ``; tabs and line
//!    breaks become spaces. It matches an entry when " entry " is a substring (case and all). Neighbouring
//!    matches may share a space; an entry counts once a text ([`Matcher`], [`Counts`]).
//! 2. An entry with count texts keeps each with probability p = t / max(count, t) ([`Balance`]).
//! 3. A text stays when any of its entries keeps it: with probability 1 - prod(1 - p).
//!
//! The published loop draws once a (text, entry); here one draw a text decides step 3, keyed by
//! the text's global id, so that any split into shards and any order keeps the same texts. (The
//! published demo also appends a picture once for each kept text; keeping is a property of the
//! text here, and nothing is appended twice.)

use alloc::string::String;
use alloc::vec::Vec;

use aho_corasick::Anchored;
use aho_corasick::automaton::Automaton;
use aho_corasick::nfa::contiguous::NFA;

use crate::bytes::{Reader, State, Writer, to_and_from_bytes};
use crate::check;
use crate::error::{Error, Result};
use crate::memory::{try_collect, try_copy, try_grow, try_vec};
use crate::params::setters;
use crate::random::{Stream, streams};

/// Finds the entries of a text: one pass over its bytes, whatever the number of entries.
///
/// # Ties, NaN
/// Overlapping entries all match, equal entries too. An entry with one of the spaced-out
/// characters inside ("U.S.") never matches, as in the published code.
/// # Tier
/// A.
/// # Cost
/// O(bytes of the text + matches); some 10 to 100 bytes for each byte of the entries. Building the
/// automaton is the one place of this crate where memory that grows with the input is not asked
/// for fallibly: the library that builds it does not.
/// # Example
/// ```
/// use pauca::alignment::Matcher;
/// let matcher = Matcher::new(["red fox", "fox", "snow", "ox"])?;
/// assert_eq!(matcher.matches("A red fox, in snow.")?, [0, 1, 2]);
/// assert_eq!(matcher.matches("Snowfox")?, []);
/// # Ok::<(), pauca::Error>(())
/// ```
pub struct Matcher {
    automaton: NFA,
    entries: usize,
}

impl core::fmt::Debug for Matcher {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Matcher({} entries)", self.entries)
    }
}

impl Matcher {
    /// A matcher of these entries; entry i has id i.
    ///
    /// # Errors
    /// `Empty` without entries, `InvalidParameter` naming an entry without characters, `TooLarge`.
    pub fn new<S: AsRef<str>>(entries: impl IntoIterator<Item = S>) -> Result<Self> {
        let mut padded: Vec<String> = Vec::new();
        let mut bytes = 0usize;
        for (i, entry) in entries.into_iter().enumerate() {
            let entry = entry.as_ref();
            let name = "entry without characters";
            check::parameter(name, i as f64, "at least one character", !entry.is_empty())?;
            let mut pattern = String::new();
            let size = entry.len() + 2;
            pattern.try_reserve(size).map_err(|_| Error::OutOfMemory { bytes: size })?;
            pattern.push(' ');
            pattern.push_str(entry);
            pattern.push(' ');
            bytes = bytes.saturating_add(size);
            try_grow(&mut padded, 1)?;
            padded.push(pattern);
        }
        check::not_empty("entries", padded.len())?;
        let automaton = NFA::new(&padded).map_err(|_| Error::TooLarge {
            what: "bytes of the entries",
            size: bytes,
            limit: i32::MAX as usize,
        })?;
        Ok(Self { automaton, entries: padded.len() })
    }

    /// Number of entries.
    pub fn n_entries(&self) -> usize {
        self.entries
    }

    /// The ids of the entries in `text`, ascending, each once.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub fn matches(&self, text: &str) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        self.matches_into(text, &mut ids)?;
        Ok(ids)
    }

    /// [`matches`](Matcher::matches) into a vector that is emptied first.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub fn matches_into(&self, text: &str, ids: &mut Vec<u32>) -> Result<()> {
        ids.clear();
        let no_start = |_| Error::Mismatch { what: "start of the automaton" };
        let mut state = self.automaton.start_state(Anchored::No).map_err(no_start)?;
        let mut step = |byte: u8| -> Result<()> {
            state = self.automaton.next_state(Anchored::No, state, byte);
            if self.automaton.is_match(state) {
                let count = self.automaton.match_len(state);
                try_grow(ids, count)?;
                ids.extend((0..count).map(|k| self.automaton.match_pattern(state, k).as_u32()));
            }
            Ok(())
        };
        step(b' ')?;
        for byte in text.bytes() {
            match byte {
                b',' | b'.' | b';' | b':' | b'?' | b'!' | b'`' => {
                    step(b' ')?;
                    step(byte)?;
                    step(b' ')?;
                }
                b'\t' | b'\n' | b'\r' => step(b' ')?,
                _ => step(byte)?,
            }
        }
        step(b' ')?;
        ids.sort_unstable();
        ids.dedup();
        Ok(())
    }
}

/// How many texts each entry matches. Tier A; shards are merged by addition.
///
/// ```
/// use pauca::alignment::Counts;
/// let mut counts = Counts::new(3)?;
/// counts.add(&[0, 2])?;
/// let mut other = Counts::new(3)?;
/// other.add(&[2])?;
/// counts.merge(&other)?;
/// assert_eq!(counts.as_slice(), [1, 0, 2]);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    counts: Vec<u64>,
}

impl Counts {
    /// Zeros for `entries` entries.
    ///
    /// # Errors
    /// `Empty` for none, `OutOfMemory`.
    pub fn new(entries: usize) -> Result<Self> {
        check::not_empty("entries", entries)?;
        Ok(Self { counts: try_vec(entries, 0)? })
    }

    /// Counts one text with these entries.
    ///
    /// # Errors
    /// `LabelOutOfRange` for an unknown id, `InvalidParameter` when the ids are not ascending (an
    /// entry counts once a text); nothing is counted then.
    pub fn add(&mut self, ids: &[u32]) -> Result<()> {
        check_ids(ids, self.counts.len())?;
        for &id in ids {
            let count = &mut self.counts[id as usize];
            *count = count.saturating_add(1);
        }
        Ok(())
    }

    /// Adds the counts of other texts.
    ///
    /// # Errors
    /// `ShapeMismatch`.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        check::same_length("entries of the other counts", self.counts.len(), other.counts.len())?;
        self.counts
            .iter_mut()
            .zip(&other.counts)
            .for_each(|(mine, theirs)| *mine = mine.saturating_add(*theirs));
        Ok(())
    }

    /// `[entries]`: the counts.
    pub fn as_slice(&self) -> &[u64] {
        &self.counts
    }
}

to_and_from_bytes!(
    /// 8 bytes an entry.
    impl[] Counts
);

impl State for Counts {
    const MARK: &'static [u8; 8] = b"paucaAC\0";
    const WHAT: &'static str = "counts of entries";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.u64(self.counts.len() as u64);
        to.u64s(&self.counts);
        Ok(())
    }

    /// Any count is taken: counts saturate, and a caller may have brought them.
    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let entries = from.size()?;
        Ok(Self { counts: from.u64s(entries)? })
    }
}

impl From<Vec<u64>> for Counts {
    /// Counts made elsewhere, such as by an all-reduce.
    fn from(counts: Vec<u64>) -> Self {
        Self { counts }
    }
}

fn check_ids(ids: &[u32], entries: usize) -> Result<()> {
    check::labels(ids, entries)?;
    let wrong = ids.windows(2).find(|w| w[0] >= w[1]);
    check::parameter("entry id", wrong.map_or(0.0, |w| w[1] as f64), "ascending, each once", wrong.is_none())
}

/// Which texts stay.
///
/// p_e = t / max(count_e, t); a text of entries E stays with probability 1 - prod over E of
/// (1 - p_e), the product taken in ascending order of the ids. It stays when the uniform number of
/// (seed, row id) lies below that: decisions are a function of counts, t, seed and row id alone. A
/// text without entries never stays; one with an entry of count <= t always does. Tier A.
///
/// ```
/// use pauca::alignment::{Balance, Counts};
/// let counts = Counts::from(vec![10, 800, 400]);
/// let balance = Balance::new(&counts, 100)?.seed(7);
/// assert_eq!(balance.probability(&[1])?, 0.125);
/// assert_eq!(balance.probability(&[1, 2])?, 1.0 - 0.875 * 0.75);
/// assert_eq!(balance.probability(&[0, 1])?, 1.0);
/// assert!(!balance.keep(&[], 0)?);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Balance {
    shares: Vec<f64>,
    seed: u64,
}

impl Balance {
    /// Keeps at most about `most` (t) texts an entry: 20,000 for the size of OpenAI's set, 170,000 for the
    /// larger sets of the paper.
    ///
    /// # Errors
    /// `InvalidParameter` for 0, `OutOfMemory`.
    pub fn new(counts: &Counts, most: u64) -> Result<Self> {
        check::at_least_one("texts an entry", most)?;
        let shares = try_collect(counts.counts.iter().map(|&count| most as f64 / count.max(most) as f64))?;
        Ok(Self { shares, seed: 0 })
    }

    setters! {
        /// The seed of the draws.
        seed: u64;
    }

    /// `[entries]`: p_e.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// The probability with which a text of these entries (ascending) stays.
    ///
    /// # Errors
    /// As [`Counts::add`].
    pub fn probability(&self, ids: &[u32]) -> Result<f64> {
        check_ids(ids, self.shares.len())?;
        Ok(1.0 - ids.iter().fold(1.0, |none, &id| none * (1.0 - self.shares[id as usize])))
    }

    /// Whether the text with global id `row` and these entries stays.
    ///
    /// # Errors
    /// As [`Counts::add`].
    pub fn keep(&self, ids: &[u32], row: u64) -> Result<bool> {
        Ok(Stream::new(self.seed, streams::METACLIP).uniform(row, 0) < self.probability(ids)?)
    }
}

/// The share of all matches that fall to entries of fewer than `most` texts: the tail that
/// balancing leaves whole. 0 without matches. Exact integers, one division.
///
/// ```
/// assert_eq!(pauca::alignment::tail_share(&[1, 3, 6], 6), 0.4);
/// ```
pub fn tail_share(counts: &[u64], most: u64) -> f64 {
    let sum =
        |pick: &dyn Fn(u64) -> bool| counts.iter().filter(|c| pick(**c)).map(|c| *c as u128).sum::<u128>();
    let all = sum(&|_| true);
    if all == 0 { 0.0 } else { sum(&|c| c < most) as f64 / all as f64 }
}

/// The t whose tail share comes nearest to `share`: of the counts in ascending order, the one at
/// which cumulated count / sum is nearest (the first of equals). *Source*: the multilingual
/// MetaCLIP code, which carries the tail share of one language over to others.
///
/// # Errors
/// `Empty` when no entry matches, `InvalidParameter` for a share outside [0, 1], `OutOfMemory`.
///
/// ```
/// assert_eq!(pauca::alignment::threshold_for_tail(&[6, 1, 3], 0.4)?, 3);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn threshold_for_tail(counts: &[u64], share: f64) -> Result<u64> {
    check::fraction("share", share)?;
    let mut sorted = try_copy(counts)?;
    sorted.sort_unstable();
    let all: u128 = sorted.iter().map(|c| *c as u128).sum();
    check::not_empty("matches of the entries", all)?;
    let (mut sum, mut best) = (0u128, (f64::INFINITY, 0));
    for count in sorted {
        sum += count as u128;
        let gap = (sum as f64 / all as f64 - share).abs();
        if gap < best.0 {
            best = (gap, count);
        }
    }
    Ok(best.1)
}
