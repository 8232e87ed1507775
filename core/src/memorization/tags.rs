//! Which parts of speech are memorized first.

use alloc::vec::Vec;

use super::hits::Hits;
use crate::check;
use crate::error::*;
use crate::memory::{try_collect, try_vec};

/// Counts by part of speech, streamed. Tags are the caller's: nothing here tags text.
///
/// *Source*: Tirumala et al. 2022, section 4 (parts of speech). For a tag p
/// - R(p) = positions of tag p whose predicted token has tag p, over positions of tag p;
/// - R_mem(p) = positions of tag p whose token is predicted exactly, over the same.
///
/// R_mem(p) <= R(p) as long as the tag given for an exact prediction is the true one.
///
/// # Tier
/// A.
/// # Cost
/// O(positions); 24 bytes a tag.
/// # Example
/// ```
/// use pauca::memorization::{Hits, TagCounts};
/// let hits = Hits::from_bits(&[0b1001_0000], 4)?;
/// let mut counts = TagCounts::new(2)?;
/// counts.push(&hits, &[0, 0, 0, 1], Some(&[0, 0, 1, 1]))?;
/// let ratios = counts.ratios()?;
/// assert_eq!((ratios[0].right, ratios[0].memorized), (Some(2.0 / 3.0), Some(1.0 / 3.0)));
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagCounts {
    /// For each tag: positions, of these with a prediction's tag given and right, memorized.
    pub(super) counts: Vec<[u64; 3]>,
    /// Whether tags of predictions were given: none, some, all of the pushes.
    pub(super) predicted: Option<bool>,
}

/// The two ratios of one tag.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct TagRatio {
    /// Positions with this tag.
    pub tokens: u64,
    /// R(p); none without such positions or without tags of the predictions.
    pub right: Option<f64>,
    /// R_mem(p); none without such positions.
    pub memorized: Option<f64>,
}

impl TagCounts {
    /// The counts of no text, for tags 0..n_tags.
    ///
    /// # Errors
    /// [`Error::Empty`] for no tags; [`Error::OutOfMemory`].
    pub fn new(n_tags: usize) -> Result<Self> {
        check::not_empty("the set of tags", n_tags)?;
        Ok(Self { counts: try_vec(n_tags, [0; 3])?, predicted: None })
    }

    /// Adds the counted positions of `hits`, with the tags of the true tokens and, for R(p), of the
    /// predicted ones.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`]; [`Error::LabelOutOfRange`] for a tag of a counted position beyond
    /// the set; [`Error::Conflict`] when predictions have tags in some pushes only. The state is
    /// then as it was.
    pub fn push(&mut self, hits: &Hits, tags: &[u8], predicted: Option<&[u8]>) -> Result<()> {
        self.agree(Some(predicted.is_some()))?;
        for tags in [Some(tags), predicted].into_iter().flatten() {
            let (expected, found, k) = (hits.len(), tags.len(), self.counts.len());
            check::same_length("tags", expected, found)?;
            let mut counted = (0..expected).filter(|&i| hits.counted()[i]);
            counted.try_for_each(|i| check::label(i, tags[i].into(), k))?;
        }
        self.predicted = Some(predicted.is_some());
        for i in (0..hits.len()).filter(|&i| hits.counted()[i]) {
            let [tokens, right, memorized] = &mut self.counts[tags[i] as usize];
            *tokens += 1;
            *right += u64::from(predicted.is_some_and(|predicted| predicted[i] == tags[i]));
            *memorized += u64::from(hits.hit()[i]);
        }
        Ok(())
    }

    /// Adds the counts of another shard.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for another number of tags; [`Error::Conflict`] as in
    /// [`push`](TagCounts::push); [`Error::TooLarge`] for 2^63 or more positions of a tag. The state is
    /// then as it was.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        check::same("number of tags", self.counts.len() == other.counts.len())?;
        self.agree(other.predicted)?;
        // No count of a tag exceeds its positions.
        for ([mine, ..], [theirs, ..]) in self.counts.iter().zip(&other.counts) {
            check::counted("positions of a tag", *mine, *theirs)?;
        }
        self.predicted = self.predicted.or(other.predicted);
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            mine.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine += theirs);
        }
        Ok(())
    }

    /// R and R_mem of every tag.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn ratios(&self) -> Result<Vec<TagRatio>> {
        try_collect(self.counts.iter().map(|&[tokens, right, memorized]| {
            let share = |n: u64| (tokens > 0).then(|| n as f64 / tokens as f64);
            let right = if self.predicted == Some(true) { share(right) } else { None };
            TagRatio { tokens, right, memorized: share(memorized) }
        }))
    }

    fn agree(&self, predicted: Option<bool>) -> Result<()> {
        let agree = self.predicted.zip(predicted).is_none_or(|(mine, theirs)| mine == theirs);
        let second = "their absence in another push";
        check::conflict(agree, "tags of predictions", second, "R(p) needs them everywhere")
    }
}
