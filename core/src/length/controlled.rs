//! Pruning by a score that does not prefer a length.

use alloc::vec::Vec;

use ndarray::Array1;

use super::{Length, LengthBins, all_finite, same_length, within_unit};
use crate::error::Result;
use crate::memory::{try_capacity, try_vec};
use crate::stats::{largest_remainder, round_half_even};

/// Which end of a score goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum End {
    /// Documents of the highest scores go.
    #[default]
    Highest,
    /// Documents of the lowest scores go.
    Lowest,
}

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

impl Default for LengthControlled {
    fn default() -> Self {
        Self { bins: 10, remove: 0.2, end: End::Highest }
    }
}

impl LengthControlled {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of bins.
    pub fn bins(mut self, bins: usize) -> Self {
        self.bins = bins;
        self
    }

    /// Share of the documents to remove, in \[0, 1\].
    pub fn remove(mut self, share: f64) -> Self {
        self.remove = share;
        self
    }

    /// Which end of the score goes.
    pub fn end(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    /// Which documents stay.
    ///
    /// # Errors
    /// [`InvalidParameter`](crate::Error::InvalidParameter) for a share or a number of bins out
    /// of range, [`ShapeMismatch`](crate::Error::ShapeMismatch),
    /// [`NonFinite`](crate::Error::NonFinite), [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn select<L: Length>(&self, scores: &[f64], lengths: &[L]) -> Result<Array1<bool>> {
        within_unit("remove", self.remove)?;
        same_length("scores", lengths.len(), scores.len())?;
        all_finite("scores", scores)?;
        let bins = LengthBins::equal(lengths, self.bins)?;
        let n = scores.len();
        let removed = round_half_even(self.remove * n as f64) as u64;
        let mut quota = largest_remainder(removed, &bins.counts)?;
        let key = |i: usize| match self.end {
            End::Highest => -scores[i] + 0.0,
            End::Lowest => scores[i] + 0.0,
        };
        let mut order: Vec<usize> = try_capacity(n)?;
        order.extend(0..n);
        order.sort_unstable_by(|&a, &b| key(a).total_cmp(&key(b)).then(a.cmp(&b)));
        let mut keep = try_vec(n, true)?;
        for i in order {
            let left = &mut quota[bins.bin_of[i] as usize];
            if *left > 0 {
                *left -= 1;
                keep[i] = false;
            }
        }
        Ok(Array1::from_vec(keep))
    }
}
