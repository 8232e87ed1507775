//! How evenly codes are used: histogram, entropy, perplexity, dead codes; overall and by position.

use alloc::vec::Vec;

use super::ids::{MASKED, check_ids};
use crate::check;
use crate::error::{Error, Result};
use crate::exact::F64Sum;
use crate::exact::elementary::ln;
use crate::memory::{area, try_capacity, try_vec};
use crate::stats::gini;

/// Entropy in nats of a histogram: sum of c/n ln(n/c), 0 ln 0 = 0; 0 for an empty one.
pub(super) fn entropy(counts: impl Iterator<Item = u64> + Clone) -> f64 {
    let n = counts.clone().sum::<u64>() as f64;
    let mut sum = F64Sum::new();
    for c in counts.filter(|&c| c > 0) {
        let c = c as f64;
        sum.add(c / n * ln(n / c));
    }
    sum.value()
}

/// A histogram of ids: what the codebook is used for.
///
/// Entropy H = sum p ln(1/p) over used codes (0 ln 0 = 0: no epsilon inside the logarithm, which would bias
/// it), perplexity exp(H). Terms are rounded to `f64` and summed exactly. Tier B: within 2 ulp for H, and
/// for the perplexity within 2 ulp times H.
///
/// # Example
/// ```
/// use pauca::vq::Usage;
/// let mut usage = Usage::new(4)?;
/// usage.add(&[0, 0, 0, 2])?;
/// assert!((usage.perplexity() - 1.7547653506033232).abs() < 4e-16);
/// assert_eq!((usage.used(), usage.dead()?), (2, vec![1, 3]));
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    counts: Vec<u64>,
}

impl Usage {
    /// The usage of no ids: every count is 0.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for no codes, [`Error::OutOfMemory`].
    pub fn new(k: usize) -> Result<Self> {
        check::at_least_one("codes", k)?;
        Ok(Self { counts: try_vec(k, 0)? })
    }

    /// Counts ids; [`MASKED`] ones do not count.
    ///
    /// # Errors
    /// [`Error::LabelOutOfRange`]; then nothing was counted.
    pub fn add(&mut self, ids: &[u32]) -> Result<()> {
        check_ids(ids, self.counts.len())?;
        for &id in ids.iter().filter(|&&id| id != MASKED) {
            self.counts[id as usize] += 1;
        }
        Ok(())
    }

    /// Adds the counts of `other`.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when the number of codes differs.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let (expected, found) = (self.counts.len(), other.counts.len());
        check::same_length("codes of the usage", expected, found)?;
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a += b);
        Ok(())
    }

    /// Forgets all ids.
    pub fn reset(&mut self) {
        self.counts.fill(0);
    }

    /// Times each code was used.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Ids counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Codes used at least once.
    pub fn used(&self) -> usize {
        self.counts.iter().filter(|&&c| c > 0).count()
    }

    /// Share of the codes that were used.
    pub fn fraction(&self) -> f64 {
        self.used() as f64 / self.counts.len() as f64
    }

    /// Entropy in nats; 0 of no ids.
    pub fn entropy(&self) -> f64 {
        entropy(self.counts.iter().copied())
    }

    /// Entropy in bits.
    pub fn bits(&self) -> f64 {
        self.entropy() / core::f64::consts::LN_2
    }

    /// exp(entropy): as many evenly used codes would be as uncertain. In [1, k].
    pub fn perplexity(&self) -> f64 {
        libm::exp(self.entropy()).clamp(1.0, self.counts.len() as f64)
    }

    /// Gini coefficient of the counts: 0 for even use, (k - 1) / k for one code; `None` of no ids. Tier A.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn gini(&self) -> Result<Option<f64>> {
        let mut counts = try_capacity(self.counts.len())?;
        counts.extend(self.counts.iter().map(|&c| c as f64));
        gini(&counts)
    }

    /// Codes never used, ascending.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn dead(&self) -> Result<Vec<u32>> {
        self.below(1)
    }

    /// Codes used fewer than `threshold` times, ascending.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn below(&self, threshold: u64) -> Result<Vec<u32>> {
        let mut dead = try_capacity(self.counts.iter().filter(|&&c| c < threshold).count())?;
        dead.extend((0..self.counts.len() as u32).filter(|&j| self.counts[j as usize] < threshold));
        Ok(dead)
    }
}

/// A histogram of ids for every position of an item (the tokens of an image, say): codes that
/// specialise by position leave the overall entropy high and the entropy at each position low.
///
/// 8 positions k bytes.
///
/// # Example
/// ```
/// use pauca::vq::PositionUsage;
/// let mut usage = PositionUsage::new(2, 4)?;
/// usage.add(&[0, 3, 0, 2, 0, 3, 0, 2])?; // four items of two positions
/// assert_eq!(usage.perplexities()?, [1.0, 2.0]);
/// assert_eq!(usage.overall()?.used(), 3);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionUsage {
    k: usize,
    /// Position by position.
    counts: Vec<u64>,
}

impl PositionUsage {
    /// The usage of no items: every count is 0.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for no positions or codes, [`Error::OutOfMemory`].
    pub fn new(positions: usize, k: usize) -> Result<Self> {
        for (name, value) in [("positions", positions), ("codes", k)] {
            check::at_least_one(name, value)?;
        }
        let len = area(positions, k)?;
        Ok(Self { k, counts: try_vec(len, 0)? })
    }

    /// Positions of an item.
    pub fn positions(&self) -> usize {
        self.counts.len() / self.k
    }

    /// Counts the ids of whole items, one item after the other; [`MASKED`] ones do not count.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] unless `ids` holds whole items, [`Error::LabelOutOfRange`]; then nothing was
    /// counted.
    pub fn add(&mut self, ids: &[u32]) -> Result<()> {
        let positions = self.positions();
        if !ids.len().is_multiple_of(positions) {
            let expected = ids.len().div_ceil(positions) * positions;
            return Err(Error::ShapeMismatch { what: "ids of whole items", expected, found: ids.len() });
        }
        check_ids(ids, self.k)?;
        for item in ids.chunks_exact(positions) {
            for (histogram, &id) in self.counts.chunks_exact_mut(self.k).zip(item) {
                if id != MASKED {
                    histogram[id as usize] += 1;
                }
            }
        }
        Ok(())
    }

    /// Adds the counts of `other`.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when positions or codes differ.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        for (what, expected, found) in
            [("codes of the usage", self.k, other.k), ("positions", self.positions(), other.positions())]
        {
            check::same_length(what, expected, found)?;
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(a, b)| *a += b);
        Ok(())
    }

    /// Entropy in nats at each position.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn entropies(&self) -> Result<Vec<f64>> {
        let mut out = try_capacity(self.positions())?;
        out.extend(self.counts.chunks_exact(self.k).map(|h| entropy(h.iter().copied())));
        Ok(out)
    }

    /// Perplexity at each position; 1 where nothing was counted.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn perplexities(&self) -> Result<Vec<f64>> {
        let mut out = self.entropies()?;
        out.iter_mut().for_each(|h| *h = libm::exp(*h).clamp(1.0, self.k as f64));
        Ok(out)
    }

    /// The usage over all positions.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn overall(&self) -> Result<Usage> {
        let mut usage = Usage::new(self.k)?;
        for histogram in self.counts.chunks_exact(self.k) {
            usage.counts.iter_mut().zip(histogram).for_each(|(a, b)| *a += b);
        }
        Ok(usage)
    }
}
