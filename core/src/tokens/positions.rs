//! Counts of n-grams at each position of an item.
//!
//! Codes specialize by position: each position may use a few of many codes. Entropies over all positions together then
//! say what a coder pays who does not know the position; here every position has its own counts.

use alloc::vec::Vec;

use super::ngrams::{ConditionalEntropy, NGrams, PENDING};
use crate::check;
use crate::error::*;
use crate::memory::try_capacity;
use crate::vq::check_ids;

/// Exact counts of the n-grams that end at each position of an item. Position i has min(i, context) tokens of context.
///
/// # Cost
/// As [`NGrams`], for each position.
/// # Example
/// ```
/// use pauca::tokens::PositionNGrams;
/// let mut grams = PositionNGrams::new(2, 2, 1)?;
/// grams.add(&[0, 0, 0, 1])?; // two items of two positions
/// assert_eq!(grams.bits_per_item()?, 1.0); // nothing, then one bit
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PositionNGrams {
    pub(super) k: usize,
    pub(super) context: usize,
    /// Position by position.
    pub(super) at: Vec<NGrams>,
}

impl PositionNGrams {
    /// The counts of no item of `positions` tokens below `k`, with up to `context` tokens before each.
    ///
    /// # Errors
    /// The errors of [`NGrams::new`]; [`Error::InvalidParameter`] for no positions, [`Error::OutOfMemory`].
    pub fn new(positions: usize, k: usize, context: usize) -> Result<Self> {
        check::at_least_one("positions", positions)?;
        NGrams::new(k, context.min(positions - 1))?;
        let mut at = try_capacity(positions)?;
        for i in 0..positions {
            at.push(NGrams::new(k, i.min(context))?.patient(PENDING / positions));
        }
        Ok(Self { k, context, at })
    }

    /// Positions of an item.
    pub fn positions(&self) -> usize {
        self.at.len()
    }

    /// The longest context.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Counts whole items, one after the other. [`MASKED`](crate::vq::MASKED) tokens are counted neither by themselves
    /// nor in contexts.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] unless `ids` holds whole items, [`Error::LabelOutOfRange`]; then nothing was counted.
    /// [`Error::OutOfMemory`]: then the item is counted at some positions only, and the counts are to be given up.
    pub fn add(&mut self, ids: &[u32]) -> Result<()> {
        let positions = self.positions();
        check::same_length("ids of whole items", ids.len().div_ceil(positions) * positions, ids.len())?;
        check_ids(ids, self.k)?;
        for item in ids.chunks_exact(positions) {
            for (i, grams) in self.at.iter_mut().enumerate() {
                grams.add(&item[i - grams.context()..=i])?;
            }
        }
        Ok(())
    }

    /// Adds the counts of `other`.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when positions differ, the errors of [`NGrams::merge`]; the counts are then as they were.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        check::same_length("positions", self.positions(), other.positions())?;
        let same = (self.k, self.context) == (other.k, other.context);
        check::same("number of tokens or context of the n-grams", same)?;
        let mut at = try_capacity(self.at.len())?;
        for (a, b) in self.at.iter().zip(&other.at) {
            let mut sum = a.copied()?;
            sum.merge(b)?;
            at.push(sum);
        }
        self.at = at;
        Ok(())
    }

    /// H(x_i given x_(i-1) .. x_(i-n)) at position i, n = min(`n`, i, context); zeros where nothing was counted.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] for a position outside, [`Error::OutOfMemory`].
    pub fn conditional_entropy(&self, position: usize, n: usize) -> Result<ConditionalEntropy> {
        check::place("position", position, self.positions())?;
        let grams = &self.at[position];
        grams.conditional_entropy(n.min(grams.context()))
    }

    /// H(x_i given up to `n` tokens before) at every position, plug-in, nats.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn entropies(&self, n: usize) -> Result<Vec<f64>> {
        let mut out = try_capacity(self.positions())?;
        for i in 0..self.positions() {
            out.push(self.conditional_entropy(i, n)?.plug_in);
        }
        Ok(out)
    }

    /// Bits that an item costs a coder who knows position and up to `context` tokens before: sum over i of
    /// H(x_i given min(i, context) tokens), plug-in.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn bits_per_item(&self) -> Result<f64> {
        let nats: f64 = self.entropies(self.context)?.iter().sum();
        Ok(nats / core::f64::consts::LN_2)
    }
}
