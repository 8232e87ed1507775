//! Pruning by a score that does not prefer a length.

use ndarray::Array1;

use super::{Length, LengthBins};
use crate::check;
use crate::error::Result;
use crate::params::{choices, default_is_new, setters};
use crate::select::{ascending, count, descending, largest_remainder, marked, ranked, take_quotas};

/// Which end of a score goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum End {
    /// Documents of the highest scores go.
    #[default]
    Highest,
    /// Documents of the lowest scores go.
    Lowest,
}

choices!(End: Highest, Lowest);

/// Pruning by score inside bins of length: parameters.
///
/// The documents are cut into bins of equal count by length ([`LengthBins::equal`]); the
/// round_half_even(f n) that go are shared out over the bins by their sizes, by largest
/// remainder; each bin loses its share by score. What remains has the input's lengths, so a gain
/// cannot come from length alone. *Source*: the control that Singh et al. 2024 suggest; ours.
/// Defaults: 10 bins, remove 0.2, the highest scores.
///
/// # Shapes
/// scores: \[n\], lengths: \[n\]; keep: \[n\].
/// # Ties, NaN
/// The lower index of equal scores goes first; -0.0 equals 0.0; a NaN or infinite
/// score is an error.
/// # Tier
/// A.
/// # Cost
/// O(n log n), 40 n bytes.
/// # Example
/// ```
/// use pauca::length::LengthControlled;
/// let lengths = [1u32, 2, 3, 4, 50, 60, 70, 80];
/// let score = [0.1, 0.4, 0.2, 0.3, 5.0, 8.0, 6.0, 7.0]; // longer scores higher
/// let keep = LengthControlled::new().bins(2).remove(0.25).select(&score, &lengths)?;
/// assert_eq!(keep.to_vec(), [true, false, true, true, true, false, true, true]);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LengthControlled {
    bins: usize,
    remove: f64,
    end: End,
}

default_is_new!(LengthControlled);

impl LengthControlled {
    /// The defaults.
    pub fn new() -> Self {
        Self { bins: 10, remove: 0.2, end: End::Highest }
    }

    setters! {
        /// Number of bins.
        bins: usize;
        /// Share of the documents to remove, in \[0, 1\].
        remove: f64;
        /// Which end of the score goes.
        end: End;
    }

    /// Which documents stay.
    ///
    /// # Errors
    /// [`InvalidParameter`](crate::Error::InvalidParameter) for a share or a number of bins out
    /// of range, [`ShapeMismatch`](crate::Error::ShapeMismatch),
    /// [`NonFinite`](crate::Error::NonFinite), [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn select<L: Length>(&self, scores: &[f64], lengths: &[L]) -> Result<Array1<bool>> {
        let n = scores.len();
        let removed = count("remove", self.remove, n)?;
        check::same_length("scores", lengths.len(), n)?;
        check::finite("scores", scores.iter().copied())?;
        let bins = LengthBins::equal(lengths, self.bins)?;
        let mut gone = ranked(n, |a, b| match self.end {
            End::Highest => descending(scores[a], scores[b]),
            End::Lowest => ascending(scores[a], scores[b]),
        })?;
        take_quotas(&mut gone, |i| bins.bin_of[i], largest_remainder(removed as u64, &bins.counts)?);
        marked(n, &gone, false)
    }
}
