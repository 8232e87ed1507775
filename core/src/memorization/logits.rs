//! Scores of tokens from logits that arrive in tiles of the vocabulary.

use alloc::vec::Vec;

use ndarray::{Array1, ArrayView2, s};

use super::exponentials::{CHUNK, LIMIT, Window, power, powers};
use super::hits::{Hits, IGNORED, Memorized, check_ids};
use crate::check;
use crate::control::{Context, Job};
use crate::error::{Error, Result};
use crate::exact::float::widen;
use crate::memory::{try_capacity, try_collect, try_copy, try_grow, try_vec};
use crate::rows::{Element, IntoRows, Rows, with_view};

/// Tokens of one piece of parallel work.
const BLOCK: usize = 8;
/// Multiply-adds that one exponential and its addition are worth.
const COST: u64 = 40;

/// What is known of one token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Token {
    pub max: f64,
    pub argmax: u32,
    /// Logit of the target, minus infinity until it was seen.
    pub target: f64,
    /// Sum of e^logit over all other tokens.
    pub rest: Window,
}

/// One pass over logits `[tokens, vocabulary]`, in tiles of the vocabulary: argmax, log-sum-exp and
/// log-probability of the target, for every token.
///
/// Tiles may have any width and come in any order, each id once. Scans of different tiles of the
/// same tokens (a vocabulary split over machines) merge. The state is 80 bytes a token, whatever
/// the vocabulary.
///
/// With x_y the target's logit and R the sum of e^x over all other tokens, the log-probability is
/// -ln(1 + R / e^(x_y)): the target is not in the sum, so nothing cancels when p is near 1.
///
/// # Shapes
/// targets: \[t\], [`IGNORED`] where a token is not counted; a tile: [t, w], columns are the ids
/// first..first + w.
/// # Ties, NaN
/// The argmax is the lowest id of the largest logit. A NaN or +infinity is an error and leaves the
/// scan as it was; minus infinity is probability 0, and so is, for the sums, any logit below -2^20
/// (the fillers -1e9 and -3.4e38 of masked vocabularies). Ignored tokens are not read.
/// # Tier
/// A for argmax and hits. B for log-probabilities (relative error below 2^-49 where not
/// underflowing) and log-sum-exp (absolute error below 2^-50 (1 + |lse|)); the same bits for every
/// tiling, order, merging and number of threads.
/// # Cost
/// O(t v), about 8 ns a logit; 80 t bytes.
/// # Example
/// ```
/// use pauca::memorization::LogitScan;
/// let logits = ndarray::array![[1.0f32, 3.0, 3.0], [0.0, -1.0, 2.0]];
/// let mut scan = LogitScan::new(&[1, 0], 3)?;
/// scan.push(0, &logits.slice(ndarray::s![.., ..2]))?;
/// scan.push(2, &logits.slice(ndarray::s![.., 2..]))?;
/// let scores = scan.finish()?;
/// assert_eq!(scores.argmax.to_vec(), [1, 2]); // of equal logits the lower id
/// assert_eq!(scores.memorized().fraction()?, 0.5);
/// assert!((scores.log_prob[0] - -0.758_62).abs() < 1e-5); // -ln(2 + e^-2)
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LogitScan {
    pub(super) targets: Vec<u32>,
    pub(super) vocabulary: usize,
    pub(super) tokens: Vec<Token>,
    /// Ids seen, as disjoint ascending ranges that do not touch.
    pub(super) seen: Vec<(usize, usize)>,
}

/// Scores of every token; a plain record.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TokenScores {
    /// The target ids, [`IGNORED`] where not counted.
    pub targets: Array1<u32>,
    /// The most probable id, the lowest of equal ones; [`IGNORED`] where not counted.
    pub argmax: Array1<u32>,
    /// Log-probability of the target, nats; NaN where not counted.
    pub log_prob: Array1<f64>,
    /// Logarithm of the sum of all e^logit, nats; NaN where not counted.
    pub log_sum_exp: Array1<f64>,
    /// The largest logit; NaN where not counted.
    pub max_logit: Array1<f64>,
    /// The target's logit; NaN where not counted.
    pub target_logit: Array1<f64>,
    /// Ids in the vocabulary.
    pub vocabulary: usize,
}

impl LogitScan {
    /// A scan that has seen no logit yet.
    ///
    /// # Errors
    /// [`Error::Empty`] without targets or vocabulary; [`Error::TokenOutOfRange`] for a target that
    /// is neither [`IGNORED`] nor below `vocabulary`; [`Error::TooLarge`] for 2^32 - 1 ids or more.
    pub fn new(targets: &[u32], vocabulary: usize) -> Result<Self> {
        check::not_empty("the set of targets", targets.len())?;
        check::not_empty("the vocabulary", vocabulary)?;
        let limit = IGNORED as usize - 1;
        check::at_most("vocabulary", vocabulary, limit)?;
        check_ids("target", targets, vocabulary)?;
        let tokens = try_vec(targets.len(), Token::default())?;
        Ok(Self { targets: try_copy(targets)?, vocabulary, tokens, seen: Vec::new() })
    }

    /// Takes the logits of the ids `first..first + w`, on the default executor.
    ///
    /// # Errors
    /// As [`push_in`](LogitScan::push_in).
    pub fn push<'r>(&mut self, first: usize, tile: impl IntoRows<'r>) -> Result<()> {
        self.push_in(first, tile, &Context::default())
    }

    /// Takes the logits of the ids `first..first + w`: `[tokens, w]`.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] for another number of rows or ids beyond the vocabulary,
    /// [`Error::Conflict`] for ids seen before, [`Error::NonFinite`] with token and id,
    /// [`Error::TooLarge`] for a logit above 2^20. The scan is then as it was. After
    /// [`Error::Cancelled`] it is not usable.
    pub fn push_in<'r>(&mut self, first: usize, tile: impl IntoRows<'r>, cx: &Context<'_>) -> Result<()> {
        let tile = tile.into_rows()?;
        let (n, width) = (tile.n_rows(), tile.dim());
        check::same_length("rows of the tile", self.targets.len(), n)?;
        if width == 0 {
            return Ok(());
        }
        let seen = with_range(&self.seen, first, width, self.vocabulary)?;
        check_tile(&tile, &self.targets, first, cx)?;
        let targets = &self.targets;
        let blocks = self.tokens.chunks_mut(BLOCK).enumerate();
        let mut jobs = try_collect(blocks.map(|(i, block)| Job::new((i * BLOCK, block))))?;
        cx.in_waves(&mut jobs, COST * (BLOCK * width) as u64, |(start, block)| {
            with_view!(&tile, view => {
                for (i, token) in block.iter_mut().enumerate() {
                    let target = targets[*start + i];
                    if target != IGNORED {
                        in_chunks(view, *start + i, |column, values| token.add(first + column, values, target));
                    }
                }
            });
            Ok(())
        })?;
        self.seen = seen;
        Ok(())
    }

    /// Adds a scan of other ids of the same tokens.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for other targets or another vocabulary, [`Error::Conflict`] for ids that
    /// both have seen; the scan is then as it was.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        check::same("vocabulary", self.vocabulary == other.vocabulary)?;
        check::same("list of targets", self.targets == other.targets)?;
        let mut seen = try_copy(&self.seen)?;
        for &(start, end) in &other.seen {
            seen = with_range(&seen, start, end - start, self.vocabulary)?;
        }
        for (token, theirs) in self.tokens.iter_mut().zip(&other.tokens) {
            token.rank(theirs.max, theirs.argmax);
            token.target = if theirs.target > token.target { theirs.target } else { token.target };
            token.rest.merge(&theirs.rest);
        }
        self.seen = seen;
        Ok(())
    }

    /// The scores, once every id was seen.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when ids are missing, [`Error::NonFinite`] for a token all of whose
    /// logits are minus infinity, [`Error::OutOfMemory`].
    pub fn finish(&self) -> Result<TokenScores> {
        let n = self.tokens.len();
        let (mut argmax, mut log_prob) = (try_vec(n, IGNORED)?, try_vec(n, f64::NAN)?);
        let (mut log_sum_exp, mut max_logit) = (try_vec(n, f64::NAN)?, try_vec(n, f64::NAN)?);
        let mut target_logit = try_vec(n, f64::NAN)?;
        self.finish_into(&mut argmax, &mut log_prob, &mut log_sum_exp, &mut max_logit, &mut target_logit)?;
        Ok(TokenScores {
            targets: Array1::from_vec(try_copy(&self.targets)?),
            argmax: Array1::from_vec(argmax),
            log_prob: Array1::from_vec(log_prob),
            log_sum_exp: Array1::from_vec(log_sum_exp),
            max_logit: Array1::from_vec(max_logit),
            target_logit: Array1::from_vec(target_logit),
            vocabulary: self.vocabulary,
        })
    }

    /// [`finish`](LogitScan::finish) into memory of the caller's, one value a token each, written only on
    /// success. What the slices mean: the fields of [`TokenScores`] of those names.
    ///
    /// # Errors
    /// The errors of [`finish`](LogitScan::finish); [`Error::ShapeMismatch`] for slices of another length.
    pub fn finish_into(
        &self,
        argmax: &mut [u32],
        log_prob: &mut [f64],
        log_sum_exp: &mut [f64],
        max_logit: &mut [f64],
        target_logit: &mut [f64],
    ) -> Result<()> {
        let found = self.seen.iter().map(|(start, end)| end - start).sum();
        check::same_length("the set of vocabulary ids seen", self.vocabulary, found)?;
        let lengths = [argmax.len(), log_prob.len(), log_sum_exp.len(), max_logit.len(), target_logit.len()];
        lengths.into_iter().try_for_each(|len| check::same_length("scores", self.tokens.len(), len))?;
        let counted = |i: usize| self.targets[i] != IGNORED;
        for (row, token) in self.tokens.iter().enumerate().filter(|(i, _)| counted(*i)) {
            some_probability(row, token.log_sum_exp().is_some())?;
        }
        for (i, token) in self.tokens.iter().enumerate() {
            let lse = if counted(i) { token.log_sum_exp() } else { None };
            let known = lse.map(|lse| (token.argmax, token.log_prob(), lse, token.max, token.target));
            let unknown = (IGNORED, f64::NAN, f64::NAN, f64::NAN, f64::NAN);
            (argmax[i], log_prob[i], log_sum_exp[i], max_logit[i], target_logit[i]) =
                known.unwrap_or(unknown);
        }
        Ok(())
    }
}

impl TokenScores {
    /// The counts of M(f) over the counted tokens.
    pub fn memorized(&self) -> Memorized {
        let mut m = Memorized::default();
        for (&y, &best) in self.targets.iter().zip(&self.argmax).filter(|(y, _)| **y != IGNORED) {
            m.total += 1;
            m.hits += u64::from(y == best);
        }
        m
    }

    /// For each position whether it is counted and hit.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; as [`Hits::from_ids`] for arrays that were changed.
    pub fn hits(&self) -> Result<Hits> {
        Hits::from_ids(&try_copy(&self.argmax)?, &try_copy(&self.targets)?, None, self.vocabulary)
    }
}

impl Default for Token {
    /// A token of which no logit was seen.
    fn default() -> Self {
        let (max, target) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        Self { max, argmax: IGNORED, target, rest: Window::default() }
    }
}

impl Token {
    /// Takes the logits of consecutive ids.
    #[inline(always)]
    fn add(&mut self, first: usize, values: &[f32], target: u32) {
        let (mut m, mut k) = ([0.0; CHUNK], [0; CHUNK]);
        powers(values, &mut m, &mut k);
        for (i, &x) in values.iter().enumerate() {
            let (id, x) = ((first + i) as u32, widen(x));
            self.rank(x, id);
            if id == target {
                self.target = x;
            } else if x > -LIMIT {
                self.rest.add(m[i], k[i]);
            }
        }
    }

    /// Keeps the larger logit, of equal ones the lower id.
    #[inline(always)]
    fn rank(&mut self, x: f64, id: u32) {
        if x > self.max || (x == self.max && id < self.argmax) {
            (self.max, self.argmax) = (x, id);
        }
    }

    fn log_prob(&self) -> f64 {
        let Some((f, e)) = self.rest.value() else {
            return 0.0;
        };
        if self.target <= -LIMIT {
            return f64::NEG_INFINITY;
        }
        let (m, k) = power(self.target);
        let (ratio, shift) = (f / m, e - k);
        match shift {
            // Beyond the range of f64, where the 1 is far below one unit.
            1000.. => -(libm::log(ratio) + shift as f64 * core::f64::consts::LN_2),
            // Adding +0.0 makes a -0.0 positive.
            _ => -libm::log1p(libm::scalbn(ratio, shift)) + 0.0,
        }
    }

    fn log_sum_exp(&self) -> Option<f64> {
        let mut all = self.rest;
        if self.target > -LIMIT {
            let (m, k) = power(self.target);
            all.add(m, k);
        }
        let (f, e) = all.value()?;
        Some(libm::log(f) + e as f64 * core::f64::consts::LN_2)
    }
}

/// A token of which no id has a probability is an error.
pub(super) fn some_probability(row: usize, some: bool) -> Result<()> {
    let what = "logits (no id has a probability): the largest";
    check::finite_at(what, (row, 0), if some { 0.0 } else { f64::NEG_INFINITY })
}

/// The ranges `seen` with first..first + width among them.
fn with_range(
    seen: &[(usize, usize)],
    first: usize,
    width: usize,
    vocabulary: usize,
) -> Result<Vec<(usize, usize)>> {
    let end = first.saturating_add(width);
    check::shape("the end of the tile", vocabulary, end, end <= vocabulary)?;
    let at = seen.partition_point(|(_, theirs)| *theirs < first);
    let mut ranges = try_capacity(seen.len() + 1)?;
    ranges.extend_from_slice(&seen[..at]);
    let mut new = (first, end);
    let mut rest = &seen[at..];
    while let Some((&(start, stop), others)) = rest.split_first() {
        if start > new.1 {
            break;
        }
        let (apart, why) = (start >= end || stop <= first, "both hold the same vocabulary ids");
        check::conflict(apart, "this tile", "an earlier one", why)?;
        new = (new.0.min(start), new.1.max(stop));
        rest = others;
    }
    try_grow(&mut ranges, rest.len() + 1)?;
    ranges.push(new);
    ranges.extend_from_slice(rest);
    Ok(ranges)
}

/// The first NaN, infinity or too large a logit of the counted rows is an error.
pub(super) fn check_tile(tile: &Rows<'_>, targets: &[u32], first: usize, cx: &Context<'_>) -> Result<()> {
    let blocks = targets.chunks(BLOCK).enumerate();
    let mut jobs = try_collect(blocks.map(|(i, block)| Job::new((i * BLOCK, block))))?;
    cx.in_waves(&mut jobs, (BLOCK * tile.dim()) as u64, |(start, block)| {
        with_view!(tile, view => {
            for (i, _) in block.iter().enumerate().filter(|(_, y)| **y != IGNORED) {
                let mut bad = None;
                in_chunks(view, *start + i, |column, values| {
                    let wrong = |x: &f32| x.is_nan() || widen(*x) > LIMIT;
                    if bad.is_none() && let Some(at) = values.iter().position(wrong) {
                        bad = Some((column + at, values[at]));
                    }
                });
                if let Some((column, x)) = bad {
                    let (row, col) = ((*start + i) as u64, first + column);
                    return Err(if x.is_finite() {
                        Error::TooLarge { what: "logit", size: x as usize, limit: LIMIT as usize }
                    } else {
                        Error::NonFinite { what: "logits", row, col }
                    });
                }
            }
        });
        Ok(())
    })
}

/// Calls `f` with (column, values) for row `i`, at most [`CHUNK`] values at a time.
#[inline(always)]
pub(super) fn in_chunks<T: Element>(view: &ArrayView2<'_, T>, i: usize, mut f: impl FnMut(usize, &[f32])) {
    let row = view.row(i);
    if let Some(values) = row.to_slice().and_then(T::as_f32) {
        return values.chunks(CHUNK).enumerate().for_each(|(c, values)| f(c * CHUNK, values));
    }
    let mut buffer = [0.0; CHUNK];
    for start in (0..row.len()).step_by(CHUNK) {
        let part = row.slice(s![start..(start + CHUNK).min(row.len())]);
        for (to, x) in buffer.iter_mut().zip(&part) {
            *to = x.to_f32();
        }
        f(start, &buffer[..part.len()]);
    }
}
