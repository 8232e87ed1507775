//! The second pass over the logits: mean and spread of a token's log-probabilities.

use alloc::vec::Vec;

use ndarray::Array1;

use super::exponentials::{LIMIT, Window, power, scaled};
use super::hits::IGNORED;
use super::logits::{TokenScores, check_tile, in_chunks};
use crate::check;
use crate::control::{Context, Job};
use crate::error::*;
use crate::exact::float::widen;
use crate::memory::{try_capacity, try_collect, try_vec};
use crate::rows::{IntoRows, with_view};

const BLOCK: usize = 8;
const COST: u64 = 60;
/// e^-700 is a normal number; what is farther below the largest term does not count.
const FAR: f64 = -700.0;

/// Sums of e^d, e^d |d|, e^d d² over the vocabulary, d = logit - largest logit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moments(pub [Window; 3]);

/// The second pass over the same tiles: mu = sum p ln p and sigma² = sum p (ln p - mu)² of every
/// token, for Min-K%++.
///
/// Two passes, because the moments must be taken about the largest logit: one pass about any other
/// number cancels. About the largest, sigma² >= p_max (E d)², so sigma² loses at most a factor
/// 1 / p_max <= v of its precision, and sigma is 0 only where all probabilities above 0 are equal.
///
/// # Shapes, ties, NaN
/// As [`LogitScan`](super::LogitScan); the tiles must be those of the first pass, each id once.
/// # Tier
/// B: relative error of sigma² below v 2^-49; the same bits for every tiling, order, merging and
/// number of threads.
/// # Cost
/// O(t v); 164 t bytes.
/// # Example
/// ```
/// use pauca::memorization::{LogitScan, LogitSpread};
/// let logits = ndarray::array![[0.0f32, 0.0, 0.0, 0.0]];
/// let mut scan = LogitScan::new(&[2], 4)?;
/// scan.push(0, &logits)?;
/// let scores = scan.finish()?;
/// let mut second = LogitSpread::new(&scores)?;
/// second.push(0, &logits)?;
/// let spread = second.finish()?;
/// assert!((spread.entropy[0] - 4f64.ln()).abs() < 1e-15);
/// assert_eq!(spread.deviation[0], 0.0);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LogitSpread {
    pub(super) vocabulary: usize,
    pub(super) targets: Vec<u32>,
    /// The largest logit; NaN where not counted.
    pub(super) max: Vec<f64>,
    /// The target's logit less the largest, minus infinity where the target has no probability; NaN where
    /// not counted.
    pub(super) below: Vec<f64>,
    pub(super) sums: Vec<Moments>,
    pub(super) seen: usize,
}

impl PartialEq for LogitSpread {
    fn eq(&self, other: &Self) -> bool {
        self.same_tokens(other) && (self.seen, &self.sums) == (other.seen, &other.sums)
    }
}

/// Mean and spread of the log-probabilities of every token; NaN where not counted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Spread {
    /// -mu = -sum p ln p, nats: the entropy.
    pub entropy: Array1<f64>,
    /// sigma, nats.
    pub deviation: Array1<f64>,
    /// ln p_y - mu, nats, without the cancellation of that difference.
    pub excess: Array1<f64>,
}

impl LogitSpread {
    /// A second pass for the tokens of `scores`; what it needs of them is copied.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; [`Error::ShapeMismatch`], [`Error::TooLarge`], [`Error::Mismatch`] for scores that
    /// were changed.
    pub fn new(scores: &TokenScores) -> Result<Self> {
        let TokenScores { targets, log_prob, max_logit, target_logit, vocabulary, .. } = scores;
        check::at_most("vocabulary", *vocabulary, IGNORED as usize - 1)?;
        let mut spread = Self::empty(*vocabulary, targets.len())?;
        for values in [log_prob, max_logit, target_logit] {
            check::same_length("scores of the first pass", targets.len(), values.len())?;
        }
        for (i, &y) in targets.iter().enumerate() {
            let (max, below) = match (y, log_prob[i]) {
                (IGNORED, _) => (f64::NAN, f64::NAN),
                (_, f64::NEG_INFINITY) => (max_logit[i], f64::NEG_INFINITY),
                _ => (max_logit[i], target_logit[i] - max_logit[i]),
            };
            check::same("first pass", spread.note(y, max, below))?;
            spread.sums.push(Moments::default());
        }
        Ok(spread)
    }

    /// The moments of no token so far, with room for `n`.
    pub(super) fn empty(vocabulary: usize, n: usize) -> Result<Self> {
        let (targets, max) = (try_capacity(n)?, try_capacity(n)?);
        let (below, sums) = (try_capacity(n)?, try_capacity(n)?);
        Ok(Self { vocabulary, targets, max, below, sums, seen: 0 })
    }

    /// Notes the next token, for which there is room; false for what no first pass finds.
    pub(super) fn note(&mut self, target: u32, max: f64, below: f64) -> bool {
        let good = match target {
            IGNORED => max.is_nan() && below.is_nan(),
            _ => (target as usize) < self.vocabulary && max.is_finite() && max <= LIMIT && below <= 0.0,
        };
        self.targets.push(target);
        self.max.push(max);
        self.below.push(below);
        good
    }

    /// Whether the first pass was the same.
    fn same_tokens(&self, other: &Self) -> bool {
        let bits = |a: &[f64], b: &[f64]| a.iter().map(|x| x.to_bits()).eq(b.iter().map(|x| x.to_bits()));
        self.vocabulary == other.vocabulary
            && self.targets == other.targets
            && bits(&self.max, &other.max)
            && bits(&self.below, &other.below)
    }

    /// Takes the logits of the ids `first..first + w`, on the default executor.
    ///
    /// # Errors
    /// As [`push_in`](LogitSpread::push_in).
    pub fn push<'r>(&mut self, first: usize, tile: impl IntoRows<'r>) -> Result<()> {
        self.push_in(first, tile, &Context::default())
    }

    /// Takes the logits of the ids `first..first + w`: `[tokens, w]`.
    ///
    /// # Errors
    /// As [`LogitScan::push_in`](super::LogitScan::push_in); [`Error::Mismatch`] for a logit above
    /// the largest of the first pass. Ids are counted, not remembered.
    pub fn push_in<'r>(&mut self, first: usize, tile: impl IntoRows<'r>, cx: &Context<'_>) -> Result<()> {
        let tile = tile.into_rows()?;
        let (n, width) = (tile.n_rows(), tile.dim());
        check::same_length("rows of the tile", self.sums.len(), n)?;
        let end = first.saturating_add(width).max(self.seen.saturating_add(width));
        check::shape("the end of the tile", self.vocabulary, end, end <= self.vocabulary)?;
        check_tile(&tile, &self.targets, first, cx)?;
        let (targets, max) = (&self.targets, &self.max);
        let mut made = try_vec(n, Moments::default())?;
        let mut jobs =
            try_collect(made.chunks_mut(BLOCK).enumerate().map(|(i, block)| Job::new((i * BLOCK, block))))?;
        cx.in_waves(&mut jobs, COST * (BLOCK * width) as u64, |(start, block)| {
            with_view!(&tile, view => {
                for (i, sums) in block.iter_mut().enumerate() {
                    let row = *start + i;
                    if targets[row] == IGNORED {
                        continue;
                    }
                    let mut above = false;
                    in_chunks(view, row, |_, values| {
                        values.iter().for_each(|x| above |= sums.add(widen(*x) - max[row]));
                    });
                    check::same("the largest logit of the first pass", !above)?;
                }
            });
            Ok(())
        })?;
        self.sums.iter_mut().zip(&made).for_each(|(sums, more)| sums.merge(more));
        self.seen += width;
        Ok(())
    }

    /// Adds a second pass over other ids of the same tokens.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for other first passes.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let fits = self.seen.saturating_add(other.seen) <= self.vocabulary;
        check::same("first pass", self.same_tokens(other) && fits)?;
        self.sums.iter_mut().zip(&other.sums).for_each(|(sums, more)| sums.merge(more));
        self.seen += other.seen;
        Ok(())
    }

    /// Mean and spread, once every id was seen.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when ids are missing; [`Error::OutOfMemory`].
    pub fn finish(&self) -> Result<Spread> {
        check::same_length("the set of vocabulary ids seen", self.vocabulary, self.seen)?;
        let n = self.sums.len();
        let mut out = [try_vec(n, f64::NAN)?, try_vec(n, f64::NAN)?, try_vec(n, f64::NAN)?];
        for (i, sums) in self.sums.iter().enumerate().filter(|(i, _)| self.targets[*i] != IGNORED) {
            let [e, first, second] = [0, 1, 2].map(|j| sums.0[j].number());
            let (mean, square) = (first / e, second / e);
            let variance = square - mean * mean;
            out[0][i] = libm::log(e) + mean;
            out[1][i] = libm::sqrt(if variance > 0.0 { variance } else { 0.0 });
            // d_y - E d; the mean of |d| is -E d.
            out[2][i] = self.below[i] + mean;
        }
        let [entropy, deviation, excess] = out.map(Array1::from_vec);
        Ok(Spread { entropy, deviation, excess })
    }
}

impl Moments {
    /// Adds the id whose logit is `d` above the largest; true where d is positive.
    #[inline(always)]
    fn add(&mut self, d: f64) -> bool {
        if d > FAR {
            let (m, k) = power(if d < 0.0 { d } else { 0.0 });
            let e = scaled(m, k);
            self.0[0].add(m, k);
            self.0[1].add_number(e * -d);
            self.0[2].add_number(e * (d * d));
        }
        d > 0.0
    }

    fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| mine.merge(theirs));
    }
}
