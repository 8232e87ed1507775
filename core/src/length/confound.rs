//! How far a score, or a selection, is about length.

use alloc::vec::Vec;

use super::{Length, LengthBins, rounded, share, widened};
use crate::check;
use crate::error::Result;
use crate::exact::F64Sum;
use crate::memory::{try_collect, try_copy, try_vec};
use crate::params::{default_is_new, setters};
use crate::select::total;
use crate::stats::{Interval, auc, bootstrap, kendall, quantile, spearman};

/// Whether a score is confounded by length: parameters of the report.
///
/// | number | question it answers |
/// |---|---|
/// | Spearman's rho | do longer documents score higher, throughout? |
/// | Kendall's tau-b | the same over pairs |
/// | AUC | how often does a document above the median length outscore one at or below it? |
/// | eta² | how much of the score's variance is between length bins, in whatever shape? |
///
/// rho and tau see what rises or falls; eta² also what is high in the middle. The intervals are
/// percentile bootstrap intervals over documents ([`bootstrap`]); the median is taken
/// anew in every resample, so that they cover its choice too.
///
/// *Source*: Singh et al. 2024 state that embedding scores are confounded by length; in what form
/// they measure it is not known, these four are ours. Defaults: 10 bins, 1000 resamples, level
/// 0.95, seed 0.
///
/// # Ties, NaN
/// A constant score has no correlation (`None`); a NaN or infinite score is an error.
/// # Tier
/// A.
/// # Cost
/// O(resamples n log n), 60 n bytes.
/// # Example
/// ```
/// use pauca::length::LengthConfound;
/// let lengths: Vec<u32> = (1..=40).collect();
/// let score: Vec<f64> = lengths.iter().map(|&l| -f64::from(l)).collect();
/// let report = LengthConfound::new().report(&score, &lengths)?;
/// let rho = report.spearman.expect("the score varies");
/// assert_eq!((rho.estimate, rho.low, rho.high), (-1.0, -1.0, -1.0));
/// assert_eq!(report.auc.map(|auc| auc.estimate), Some(0.0));
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LengthConfound {
    bins: usize,
    resamples: usize,
    level: f64,
    seed: u64,
}

default_is_new!(LengthConfound);

/// What [`LengthConfound`] found. Where a number is undefined on the data (a constant score,
/// equal lengths) it is `None`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Confound {
    /// Spearman's rank correlation of score and length.
    pub spearman: Option<Interval>,
    /// Share of pairs (longer, shorter half) in which the longer scores higher, ties half.
    pub auc: Option<Interval>,
    /// Kendall's tau-b of score and length.
    pub kendall: Option<f64>,
    /// Share of the score's variance between bins of length.
    pub eta_squared: Option<f64>,
}

impl LengthConfound {
    /// The defaults.
    pub fn new() -> Self {
        Self { bins: 10, resamples: 1000, level: 0.95, seed: 0 }
    }

    setters! {
        /// Bins of length for eta².
        bins: usize;
        /// Resamples of the bootstrap.
        resamples: usize;
        /// Level of the intervals, in (0, 1).
        level: f64;
        /// Seed of the bootstrap.
        seed: u64;
    }

    /// The report of `scores` over documents of these `lengths`.
    ///
    /// # Errors
    /// [`Empty`](crate::Error::Empty) without a document, [`ShapeMismatch`](crate::Error::ShapeMismatch),
    /// [`NonFinite`](crate::Error::NonFinite), [`InvalidParameter`](crate::Error::InvalidParameter)
    /// for bins, resamples or level, [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn report<L: Length>(&self, scores: &[f64], lengths: &[L]) -> Result<Confound> {
        check::same_length("scores", lengths.len(), scores.len())?;
        check::finite("scores", scores.iter().copied())?;
        let bins = LengthBins::equal(lengths, self.bins)?;
        let lengths = rounded(&widened(lengths)?)?;
        let n = scores.len();
        let (mut s, mut l) = (try_vec(n, 0.0)?, try_vec(n, 0.0)?);
        let take = |rows: &[usize], s: &mut [f64], l: &mut [f64]| {
            for (&row, (s, l)) in rows.iter().zip(s.iter_mut().zip(l)) {
                (*s, *l) = (scores[row], lengths[row]);
            }
        };
        let spearman = bootstrap(n, self.resamples, self.seed, self.level, |rows| {
            take(rows, &mut s, &mut l);
            spearman(&s, &l)
        })?;
        let auc = bootstrap(n, self.resamples, self.seed, self.level, |rows| {
            take(rows, &mut s, &mut l);
            auc(&s, &above_median(&l)?)
        })?;
        let defined = |interval: Interval| (!interval.estimate.is_nan()).then_some(interval);
        Ok(Confound {
            spearman: defined(spearman),
            auc: defined(auc),
            kendall: kendall(scores, &lengths)?,
            eta_squared: eta_squared(scores, &bins)?,
        })
    }
}

fn above_median(lengths: &[f64]) -> Result<Vec<bool>> {
    let mut sorted = try_copy(lengths)?;
    sorted.sort_unstable_by(f64::total_cmp);
    let median = quantile(&sorted, 0.5);
    try_collect(lengths.iter().map(|&l| l > median))
}

/// sum_b n_b (mean_b - mean)² / sum_i (s_i - mean)²: means of exact sums, each deviation and
/// square rounded once, summed exactly.
fn eta_squared(scores: &[f64], bins: &LengthBins) -> Result<Option<f64>> {
    let mean_of = |sum: &F64Sum, n: u64| sum.value() / n as f64;
    let mut total = F64Sum::new();
    let mut sums = try_vec(bins.n_bins(), F64Sum::new())?;
    for (&s, &bin) in scores.iter().zip(&bins.bin_of) {
        total.add(s);
        sums[bin as usize].add(s);
    }
    let mean = mean_of(&total, scores.len() as u64);
    let (mut between, mut within_all) = (F64Sum::new(), F64Sum::new());
    for (sum, &n) in sums.iter().zip(&bins.counts).filter(|(_, n)| **n > 0) {
        let e = mean_of(sum, n) - mean;
        between.add(n as f64 * (e * e));
    }
    scores.iter().for_each(|s| within_all.add((s - mean) * (s - mean)));
    let (between, all) = (between.value(), within_all.value());
    Ok((all > 0.0 && all.is_finite()).then(|| (between / all).clamp(0.0, 1.0)))
}

/// The lengths that a selection prefers to remove, whatever made the selection.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SelectionLength {
    /// Documents removed, as a share.
    pub document_share: Option<f64>,
    /// Tokens removed, as a share.
    pub token_share: Option<f64>,
    /// Token share over document share: above 1 the removed documents are longer than the average.
    pub ratio: Option<f64>,
    /// How often a removed document is longer than a kept one, ties half; 0.5 is no preference.
    pub auc: Option<f64>,
    /// Documents kept.
    pub kept_documents: u64,
    /// Tokens kept.
    pub kept_tokens: u64,
}

/// The lengths of the documents that `keep` removes, beside those that it keeps.
///
/// A selection that keeps half of the documents does not keep half of the tokens; any comparison
/// at equal compute must know the second number. *Source*: Singh et al. 2024.
///
/// # Shapes
/// keep: \[n\], lengths: \[n\].
/// # Tier
/// A: ratios of exact integers.
/// # Errors
/// [`ShapeMismatch`](crate::Error::ShapeMismatch), [`TooLarge`](crate::Error::TooLarge)
/// for 2^64 tokens and more, [`OutOfMemory`](crate::Error::OutOfMemory).
/// # Cost
/// O(n log n).
/// # Example
/// ```
/// let found = pauca::length::length_of_selection(&[true, false, true, false], &[1u32, 7, 1, 1])?;
/// assert_eq!((found.document_share, found.token_share), (Some(0.5), Some(0.8)));
/// assert_eq!((found.ratio, found.auc), (Some(1.6), Some(0.75)));
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn length_of_selection<L: Length>(keep: &[bool], lengths: &[L]) -> Result<SelectionLength> {
    check::same_length("keep", lengths.len(), keep.len())?;
    let lengths = widened(lengths)?;
    let total = total(lengths.iter().copied())?;
    let kept_tokens = lengths.iter().zip(keep).filter(|(_, k)| **k).map(|(l, _)| l).sum();
    let kept_documents = keep.iter().filter(|k| **k).count() as u64;
    let removed = try_collect(keep.iter().map(|k| !k))?;
    let document_share = share(keep.len() as u64 - kept_documents, keep.len() as u64);
    let token_share = share(total - kept_tokens, total);
    let ratio = document_share.zip(token_share).and_then(|(d, t)| (d > 0.0).then(|| t / d));
    let auc = auc(&rounded(&lengths)?, &removed)?;
    Ok(SelectionLength { document_share, token_share, ratio, auc, kept_documents, kept_tokens })
}
