//! Memory unit length: how long the pieces are that a model knows by heart.

use alloc::vec::Vec;

use super::hits::Hits;
use crate::check;
use crate::error::*;
use crate::memory::{try_copy, try_grow};

/// Lengths of the maximal runs of consecutive memorized tokens, streamed over documents.
///
/// *Source*: Tirumala et al. 2022, appendix A.3: a memorized unigram has unit length 1, a bigram 2,
/// and so on; the average over the data is followed through training. The paper does not say how
/// overlapping pieces count; here a unit is a maximal run. Runs never cross a document's end, and a
/// position that is not counted ends a run.
///
/// # Tier
/// A: counts are integers, shards of whole documents merge by addition.
/// # Cost
/// O(positions); 8 bytes for each length up to the longest run.
/// # Example
/// ```
/// use pauca::memorization::{Hits, UnitLengths};
/// // Two documents, 1101 and 11: runs of 2, 1 and 2.
/// let hits = Hits::from_bits(&[0b1101_1100], 6)?;
/// let mut units = UnitLengths::new();
/// units.push(&hits, &[4, 6])?;
/// let found = units.finish()?;
/// assert_eq!((found.runs, found.longest), (3, 2));
/// assert_eq!(found.mean, Some(5.0 / 3.0));
/// assert_eq!(found.token_weighted, Some(9.0 / 5.0)); // (2² + 1² + 2²) / 5
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitLengths {
    /// Runs of length i + 1 at i; the last entry is not 0.
    pub(super) runs: Vec<u64>,
}

/// What [`UnitLengths`] found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RunLengths {
    /// Runs of length i + 1 at i, up to the longest.
    pub histogram: Vec<u64>,
    /// Number of runs.
    pub runs: u64,
    /// Memorized tokens: the sum of all lengths.
    pub hits: u64,
    /// The longest run.
    pub longest: u64,
    /// Mean length over runs; none without a run.
    pub mean: Option<f64>,
    /// Mean length over memorized tokens, sum L² / sum L; none without a run.
    pub token_weighted: Option<f64>,
}

impl UnitLengths {
    /// The lengths of no text: nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds whole documents; document j ends before position `ends[j]`.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] unless `ends` ascends and ends at the number of positions;
    /// [`Error::OutOfMemory`]. The state is then as it was.
    pub fn push(&mut self, hits: &Hits, ends: &[usize]) -> Result<()> {
        let expected = hits.len();
        let mut start = 0;
        for &end in ends {
            check::shape("a document's end", expected, end, (start..=expected).contains(&end))?;
            start = end;
        }
        check::same_length("the last document's end", expected, start)?;
        let mut start = 0;
        let longest = ends.iter().map(|&end| {
            let document = &hits.hit()[core::mem::replace(&mut start, end)..end];
            runs(document).max().unwrap_or(0)
        });
        self.reach(longest.max().unwrap_or(0))?;
        start = 0;
        for &end in ends {
            let document = &hits.hit()[core::mem::replace(&mut start, end)..end];
            runs(document).for_each(|length| self.runs[length - 1] += 1);
        }
        Ok(())
    }

    /// Adds the documents of another shard.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; [`Error::TooLarge`] for 2^63 or more memorized tokens. The state is then
    /// as it was.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        check::counted("memorized tokens", self.hits() as u64, other.hits() as u64)?;
        self.reach(other.runs.len())?;
        self.runs.iter_mut().zip(&other.runs).for_each(|(mine, theirs)| *mine += theirs);
        Ok(())
    }

    /// Memorized tokens: the sum of all lengths.
    pub(super) fn hits(&self) -> u128 {
        self.runs.iter().zip(1..).map(|(count, length)| *count as u128 * length).sum()
    }

    /// The lengths found so far.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn finish(&self) -> Result<RunLengths> {
        let histogram = try_copy(&self.runs)?;
        let hits = self.hits();
        let squares = self.runs.iter().zip(1..).map(|(count, length)| *count as u128 * length * length).sum();
        let runs: u64 = self.runs.iter().sum();
        let over = |sum: u128, by: u128| (by > 0).then(|| sum as f64 / by as f64);
        Ok(RunLengths {
            histogram,
            runs,
            hits: hits as u64,
            longest: self.runs.len() as u64,
            mean: over(hits, runs as u128),
            token_weighted: over(squares, hits),
        })
    }

    fn reach(&mut self, longest: usize) -> Result<()> {
        if let Some(more) = longest.checked_sub(self.runs.len()) {
            try_grow(&mut self.runs, more)?;
            self.runs.resize(longest, 0);
        }
        Ok(())
    }
}

/// Lengths of the maximal runs of `true`.
fn runs(hits: &[bool]) -> impl Iterator<Item = usize> {
    hits.split(|hit| !hit).map(<[bool]>::len).filter(|length| *length > 0)
}
