//! Counts of n-grams and the entropies that follow from them.
//!
//! Only grams of the longest length are counted, at the positions that have that many tokens before them;
//! shorter ones are their marginals. So all orders look at the same positions (matched contexts), and
//! the plug-in entropy cannot rise with the length of the context. A gram is one integer in base k;
//! counts are exact, kept sorted, and merge by addition.

use alloc::vec::Vec;

use ndarray::ArrayView2;

use crate::check;
use crate::error::*;
use crate::exact::F64Sum;
use crate::exact::elementary::ln;
use crate::memory::{try_capacity, try_collect, try_grow, try_up_to};
use crate::vq::{MASKED, check_ids};

/// Grams that wait before they are sorted in.
pub(super) const PENDING: usize = 1 << 16;

/// Exact counts of n-grams in items of tokens.
///
/// # Cost
/// 32 bytes for every distinct gram; sorting, O(log) an added token.
/// # Example
/// ```
/// use pauca::tokens::NGrams;
/// let mut grams = NGrams::new(3, 2)?;
/// for _ in 0..4 {
///     grams.add(&[0, 1, 2, 0, 1, 2, 0])?; // a cycle: the token before tells all
/// }
/// let alone = grams.conditional_entropy(0)?.plug_in;
/// assert!((alone - (0.4 * (1.0f64 / 0.4).ln() + 0.4 * (1.0f64 / 0.4).ln() + 0.2 * 5f64.ln())).abs() < 1e-15);
/// assert_eq!(grams.conditional_entropy(1)?.plug_in, 0.0);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct NGrams {
    pub(super) k: u64,
    pub(super) context: usize,
    /// Sorted by gram.
    pub(super) sorted: Vec<(u128, u64)>,
    pending: Vec<u128>,
    /// Grams that wait before they are sorted in, where fewer are there.
    patience: usize,
}

/// An entropy of a token given the tokens before it, in nats.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConditionalEntropy {
    /// The entropy of the frequencies as they are; too low where contexts are rare. Tier B.
    pub plug_in: f64,
    /// The entropy with the Miller-Madow correction (grams seen - contexts seen) / (2 tokens).
    pub miller_madow: f64,
    /// Distinct contexts with their token.
    pub grams: u64,
    /// Distinct contexts.
    pub contexts: u64,
    /// Tokens counted.
    pub tokens: u64,
}

impl NGrams {
    /// The counts of no sequence, for tokens below `k` with up to `context` tokens before them.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for no tokens, [`Error::TooLarge`] when k^(context + 1) exceeds 2^127.
    pub fn new(k: usize, context: usize) -> Result<Self> {
        check::at_least_one("k", k)?;
        let mut room = 1u128 << 127;
        for used in 0..=context {
            room /= k as u128;
            if room == 0 {
                check::at_most("tokens of context", context, used.saturating_sub(1))?;
            }
            if k == 1 || room == 0 {
                break;
            }
        }
        Ok(Self { k: k as u64, context, sorted: Vec::new(), pending: Vec::new(), patience: PENDING })
    }

    /// Fewer grams wait: for many counts side by side.
    pub(super) fn patient(mut self, patience: usize) -> Self {
        self.patience = patience.max(1);
        self
    }

    /// The longest context.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Counts the tokens of one item that have a full context in it. [`MASKED`] tokens are counted neither by
    /// themselves nor in contexts.
    ///
    /// # Errors
    /// [`Error::LabelOutOfRange`], and then nothing was counted; [`Error::OutOfMemory`].
    pub fn add(&mut self, item: &[u32]) -> Result<()> {
        check_ids(item, self.k as usize)?;
        if item.len() <= self.context {
            return Ok(());
        }
        try_grow(&mut self.pending, item.len() - self.context)?;
        for window in item.windows(self.context + 1).filter(|w| !w.contains(&MASKED)) {
            self.pending.push(window.iter().fold(0, |gram, &id| gram * self.k as u128 + id as u128));
        }
        if self.pending.len() >= self.patience.max(self.sorted.len()) {
            self.sorted = self.merged()?;
            self.pending.clear();
        }
        Ok(())
    }

    /// Adds the counts of `other`.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when tokens or context differ, [`Error::TooLarge`] for 2^63 or more grams in all,
    /// [`Error::OutOfMemory`]. The counts are then as they were.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        check::same(
            "number of tokens or context of the n-grams",
            (self.k, self.context) == (other.k, other.context),
        )?;
        check::counted("grams", self.total(), other.total())?;
        let theirs = other.merged()?;
        let mut all = self.merged()?;
        try_grow(&mut all, theirs.len())?;
        all.extend(theirs);
        self.sorted = summed(all);
        self.pending.clear();
        Ok(())
    }

    /// The same counts in memory of their own.
    pub(super) fn copied(&self) -> Result<Self> {
        let sorted = self.merged()?;
        Ok(Self { sorted, pending: Vec::new(), ..*self })
    }

    /// Grams counted.
    fn total(&self) -> u64 {
        self.sorted.iter().map(|(_, count)| count).sum::<u64>() + self.pending.len() as u64
    }

    /// All counts, sorted by gram.
    pub(super) fn merged(&self) -> Result<Vec<(u128, u64)>> {
        let all = self.sorted.iter().copied().chain(self.pending.iter().map(|&gram| (gram, 1)));
        Ok(summed(try_up_to(self.sorted.len() + self.pending.len(), all)?))
    }

    /// How many different grams have n + 1 tokens, n up to the context.
    pub(super) fn grams(&self, n: usize) -> u128 {
        // With one token there is one gram of any length, else the exponent is at most 127.
        (self.k as u128).pow(u32::try_from(n.saturating_add(1)).unwrap_or(u32::MAX))
    }

    /// Counts of grams of n + 1 tokens, sorted: grams of one context lie side by side.
    fn counts(&self, n: usize) -> Result<Vec<(u128, u64)>> {
        check::at_most("tokens of context", n, self.context)?;
        let mut counts = self.merged()?;
        if n < self.context {
            let modulus = self.grams(n);
            counts.iter_mut().for_each(|(gram, _)| *gram %= modulus);
            counts = summed(counts);
        }
        Ok(counts)
    }

    /// H(x_i given x_(i-1) .. x_(i-n)) over all counted positions; zeros where nothing was counted.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when n exceeds the context, [`Error::OutOfMemory`].
    pub fn conditional_entropy(&self, n: usize) -> Result<ConditionalEntropy> {
        let counts = self.counts(n)?;
        let tokens: u64 = counts.iter().map(|c| c.1).sum();
        let mut sum = F64Sum::new();
        let mut contexts = 0;
        for group in counts.chunk_by(|a, b| a.0 / self.k as u128 == b.0 / self.k as u128) {
            contexts += 1;
            let total: u64 = group.iter().map(|c| c.1).sum();
            for (_, count) in group {
                let count = *count as f64;
                sum.add(count / tokens as f64 * ln(total as f64 / count));
            }
        }
        let grams = counts.len() as u64;
        let plug_in = sum.value();
        let correction = (grams - contexts) as f64 / (2.0 * tokens.max(1) as f64);
        Ok(ConditionalEntropy { plug_in, miller_madow: plug_in + correction, grams, contexts, tokens })
    }

    /// Mean of -ln p(x_i given the n tokens before) over the tokens of `other`, p being the counts here with
    /// `alpha` added to each of the k tokens of every context. An upper estimate of the entropy.
    ///
    /// # Errors
    /// As [`conditional_entropy`](NGrams::conditional_entropy); [`Error::Mismatch`] when the tokens differ,
    /// [`Error::InvalidParameter`] unless `alpha` is positive and finite, [`Error::Empty`] when `other` has none.
    pub fn held_out(&self, n: usize, other: &Self, alpha: f64) -> Result<f64> {
        check::same("number of tokens of the n-grams", self.k == other.k)?;
        check::positive("alpha", alpha)?;
        let (mine, theirs) = (self.counts(n)?, other.counts(n)?);
        let tokens: u64 = theirs.iter().map(|c| c.1).sum();
        check::not_empty("held-out tokens", tokens)?;
        let k = self.k as u128;
        let mut sum = F64Sum::new();
        for group in theirs.chunk_by(|a, b| a.0 / k == b.0 / k) {
            let context = group[0].0 / k;
            let start = mine.partition_point(|c| c.0 / k < context);
            let end = start + mine[start..].partition_point(|c| c.0 / k == context);
            let known = &mine[start..end];
            let total: u64 = known.iter().map(|c| c.1).sum();
            for (gram, count) in group {
                let seen = known.binary_search_by_key(gram, |c| c.0).map_or(0, |at| known[at].1);
                let p = (seen as f64 + alpha) / (total as f64 + alpha * self.k as f64);
                sum.add(-(*count as f64 / tokens as f64) * ln(p));
            }
        }
        Ok(sum.value())
    }

    /// Bits that an item of `positions` tokens costs a coder who knows up to `context` tokens before each, but not
    /// the position: sum over i of H(x_i given min(i, context) tokens), plug-in, each from the counts of all positions
    /// together. Codes that specialize by position cost less than this:
    /// [`PositionNGrams::bits_per_item`](super::PositionNGrams::bits_per_item). Without a model an item costs positions
    /// log2 k.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn pooled_bits_per_item(&self, positions: usize) -> Result<f64> {
        let mut nats = 0.0;
        for n in 0..=self.context.min(positions.saturating_sub(1)) {
            let times = if n == self.context { positions - n } else { 1 };
            nats += times as f64 * self.conditional_entropy(n)?.plug_in;
        }
        Ok(if positions == 0 { 0.0 } else { nats / core::f64::consts::LN_2 })
    }
}

/// Sorted, equal grams added up.
fn summed(mut counts: Vec<(u128, u64)>) -> Vec<(u128, u64)> {
    counts.sort_unstable_by_key(|c| c.0);
    counts.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    counts
}

/// Mutual information in nats between positions `a` and `b` of items `[n, positions]`, plug-in; items with a
/// [`MASKED`] token at either are left out. Tier B.
///
/// # Errors
/// [`Error::ShapeMismatch`] for a position outside, [`Error::OutOfMemory`].
///
/// # Example
/// ```
/// use pauca::tokens::mutual_information;
/// let items = ndarray::array![[0, 5, 1], [1, 6, 1], [0, 5, 2], [1, 6, 2]];
/// assert!((mutual_information(items.view(), 0, 1)? - 2f64.ln()).abs() < 1e-15);
/// assert!(mutual_information(items.view(), 0, 2)?.abs() < 1e-15);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn mutual_information(items: ArrayView2<'_, u32>, a: usize, b: usize) -> Result<f64> {
    check::place("position", a, items.ncols())?;
    check::place("position", b, items.ncols())?;
    let mut joint = try_capacity(items.nrows())?;
    for item in items.rows() {
        if item[a] != MASKED && item[b] != MASKED {
            joint.push(((item[a] as u128) << 32 | item[b] as u128, 1));
        }
    }
    let margin = |shift: u32| -> Result<Vec<(u128, u64)>> {
        let of_one = try_collect(joint.iter().map(|&(pair, count)| (pair >> shift & 0xffff_ffff, count)))?;
        Ok(summed(of_one))
    };
    let (first, second) = (margin(32)?, margin(0)?);
    let n = joint.len() as f64;
    let count = |counts: &[(u128, u64)], id: u128| {
        counts.binary_search_by_key(&id, |c| c.0).map_or(0.0, |at| counts[at].1 as f64)
    };
    let mut sum = F64Sum::new();
    for (pair, c) in summed(joint) {
        let c = c as f64;
        let product = count(&first, pair >> 32) * count(&second, pair & 0xffff_ffff);
        sum.add(c / n * ln(c * n / product));
    }
    Ok(sum.value())
}
