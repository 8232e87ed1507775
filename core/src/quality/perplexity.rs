//! Perplexities of all lines and of the lines that pass each predicate.

use alloc::vec::Vec;

use crate::check;
use crate::error::{Error, Result};
use crate::exact::F64Sum;
use crate::memory::{try_capacity, try_collect, try_copy};
use crate::params::choices;
use crate::select::total;

/// How the perplexity of a set of lines is formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pooling {
    /// exp(sum of the lines' negative log-likelihoods / sum of their tokens): the perplexity of
    /// the text that they make together. Long lines count for more.
    Tokens,
    /// The mean over lines of exp(negative log-likelihood / tokens): every line counts the same,
    /// and a few very unlikely short lines can decide.
    Lines,
}

choices!(Pooling: Tokens, Lines);

/// PPL_all and PPL_i; `None` for a predicate that no line passes.
#[derive(Clone, Debug, PartialEq)]
pub struct Perplexities {
    all: f64,
    subsets: Vec<Option<f64>>,
}

impl Perplexities {
    /// Perplexities that the caller knows.
    ///
    /// # Errors
    /// [`Error::NonFinite`] for a NaN or an infinity: row 0 for `all`, row i + 1 for predicate i.
    /// [`Error::InvalidParameter`] for one below 2^-1022, the least normal `f64`: smaller ones are 0
    /// to machines that flush them. [`Error::OutOfMemory`].
    pub fn given(all: f64, subsets: &[Option<f64>]) -> Result<Self> {
        let known = subsets.iter().map(|p| p.unwrap_or(1.0));
        for (row, value) in core::iter::once(all).chain(known).enumerate() {
            check::finite_row("perplexities", row as u64, [value])?;
            check::parameter("perplexity", value, "above 0 (at least 2^-1022)", value >= f64::MIN_POSITIVE)?;
        }
        Ok(Self { all, subsets: try_copy(subsets)? })
    }

    /// The perplexity of all lines.
    pub fn all(&self) -> f64 {
        self.all
    }

    /// The perplexity of the lines that pass each predicate; none where no line passes.
    pub fn subsets(&self) -> &[Option<f64>] {
        &self.subsets
    }
}

/// One set of lines: sums without rounding.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pool {
    pub lines: u64,
    pub tokens: u64,
    pub sum: F64Sum,
}

impl Pool {
    fn value(&self, pooling: Pooling) -> Option<f64> {
        (self.lines > 0).then(|| match pooling {
            Pooling::Tokens => libm::exp(self.sum.value() / self.tokens as f64),
            Pooling::Lines => self.sum.value() / self.lines as f64,
        })
    }
}

/// Perplexities, a line at a time: push, merge shards, finish.
///
/// A language model of the caller's gives each line a negative log-likelihood in nats, summed
/// over the tokens that it predicts. Whether it reads a line alone or in its document is the
/// caller's choice, and matters: say it with the result.
///
/// # Tier
/// A: the sums are exact, so any order and any split give the same bits on every machine. The
/// exponential is libm's, within 1 ulp of the exact one.
/// # Cost
/// O(F) a line, about 1 kB a predicate in all.
/// # Example
/// ```
/// use pauca::quality::{Pooling, SubsetPerplexity};
/// let mut here = SubsetPerplexity::new(1, Pooling::Tokens)?;
/// let mut there = here.clone();
/// here.push(&[true], 2, 2.0)?;
/// there.push(&[false], 2, 6.0)?;
/// here.merge(&there)?;
/// let ppl = here.finish()?;
/// assert!((ppl.all() - 2.0f64.exp()).abs() < 1e-14); // 8 nats over 4 tokens
/// assert!(ppl.subsets()[0].is_some_and(|ppl| (ppl - 1.0f64.exp()).abs() < 1e-14));
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SubsetPerplexity {
    pub(super) pooling: Pooling,
    /// All lines, then the subset of each predicate.
    pub(super) pools: Vec<Pool>,
}

impl SubsetPerplexity {
    /// The state before the first line, for `predicates` predicates.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(predicates: usize, pooling: Pooling) -> Result<Self> {
        let mut pools = try_capacity(predicates.saturating_add(1))?;
        pools.resize(predicates.saturating_add(1), Pool::default());
        Ok(Self { pooling, pools })
    }

    /// Adds a line: which predicates it passes, how many of its tokens the model predicted, and
    /// the sum of their negative log-likelihoods in nats. A line without tokens changes nothing.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], [`Error::NonFinite`] (the number of lines so far as the row),
    /// [`Error::InvalidParameter`] for a negative likelihood, [`Error::TooLarge`] for 2^64
    /// tokens and more. On error nothing is added.
    pub fn push(&mut self, passes: &[bool], tokens: u64, nll: f64) -> Result<()> {
        check::same_length("passes", self.pools.len() - 1, passes.len())?;
        check::finite_row("log-likelihoods", self.lines(), [nll])?;
        check::parameter("nll", nll, "at least 0 (a negative log-likelihood)", nll >= 0.0)?;
        if tokens == 0 {
            return Ok(());
        }
        self.room(tokens)?;
        let addend = match self.pooling {
            Pooling::Tokens => nll,
            Pooling::Lines => libm::exp(nll / tokens as f64),
        };
        check::finite_row("the perplexity of a line", self.lines(), [addend])?;
        let chosen = core::iter::once(true).chain(passes.iter().copied());
        for (pool, _) in self.pools.iter_mut().zip(chosen).filter(|(_, passes)| *passes) {
            pool.lines += 1;
            pool.tokens += tokens;
            pool.sum.add(addend);
        }
        Ok(())
    }

    /// Adds the lines of another shard.
    ///
    /// # Errors
    /// [`Error::Mismatch`] when it counts other predicates or pools otherwise, and as in
    /// [`push`](Self::push).
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        check::same("the number of predicates", self.pools.len() == other.pools.len())?;
        check::same("the pooling of perplexities", self.pooling == other.pooling)?;
        self.room(other.tokens())?;
        for (pool, theirs) in self.pools.iter_mut().zip(&other.pools) {
            pool.lines += theirs.lines;
            pool.tokens += theirs.tokens;
            pool.sum.merge(&theirs.sum);
        }
        Ok(())
    }

    /// Lines so far, those without tokens not counted.
    pub fn lines(&self) -> u64 {
        self.pools.first().map_or(0, |pool| pool.lines)
    }

    /// Tokens so far.
    pub fn tokens(&self) -> u64 {
        self.pools.first().map_or(0, |pool| pool.tokens)
    }

    /// Lines that pass each predicate.
    pub fn passing(&self) -> impl Iterator<Item = u64> + '_ {
        self.pools.iter().skip(1).map(|pool| pool.lines)
    }

    /// Whether `tokens` more (and as many lines at most) can be counted.
    fn room(&self, tokens: u64) -> Result<()> {
        total([self.tokens(), tokens]).map(drop)
    }

    /// The perplexities.
    ///
    /// # Errors
    /// [`Error::Empty`] when no line had tokens, [`Error::NonFinite`] when a perplexity is beyond
    /// the range of `f64`, [`Error::OutOfMemory`].
    pub fn finish(&self) -> Result<Perplexities> {
        let mut values = self.pools.iter().map(|pool| pool.value(self.pooling));
        let Some(all) = values.next().flatten() else {
            return Err(Error::Empty { what: "the set of lines with a perplexity" });
        };
        let subsets = try_collect(values)?;
        Perplexities::given(all, &subsets)
    }
}
