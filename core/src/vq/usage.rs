//! How evenly codes are used: histogram, entropy, perplexity, dead codes; overall and by position.

use alloc::vec::Vec;

use super::ids::{MASKED, check_ids};
use crate::bytes::{Reader, State, Writer, to_and_from_bytes};
use crate::check;
use crate::error::Result;
use crate::exact::F64Sum;
use crate::exact::elementary::ln;
use crate::memory::{area, try_collect, try_up_to, try_vec};
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

/// Adds the counts of another shard.
fn add_counts(mine: &mut [u64], theirs: &[u64]) -> Result<()> {
    check::counted("ids counted", mine.iter().sum(), theirs.iter().sum())?;
    mine.iter_mut().zip(theirs).for_each(|(a, b)| *a += b);
    Ok(())
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
    /// [`InvalidParameter`](crate::Error::InvalidParameter) for no codes,
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn new(k: usize) -> Result<Self> {
        check::at_least_one("codes", k)?;
        Ok(Self { counts: try_vec(k, 0)? })
    }

    /// Counts ids; [`MASKED`] ones do not count.
    ///
    /// # Errors
    /// [`LabelOutOfRange`](crate::Error::LabelOutOfRange); then nothing was counted.
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
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) when the number of codes differs,
    /// [`TooLarge`](crate::Error::TooLarge) for 2^63 or more ids in
    /// all; then nothing was added.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        check::same_length("codes of the usage", self.counts.len(), other.counts.len())?;
        add_counts(&mut self.counts, &other.counts)
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
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn gini(&self) -> Result<Option<f64>> {
        let counts = try_collect(self.counts.iter().map(|&c| c as f64))?;
        gini(&counts)
    }

    /// Codes never used, ascending.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn dead(&self) -> Result<Vec<u32>> {
        self.below(1)
    }

    /// Codes used fewer than `threshold` times, ascending.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn below(&self, threshold: u64) -> Result<Vec<u32>> {
        try_up_to(
            self.counts.iter().filter(|&&c| c < threshold).count(),
            (0..self.counts.len() as u32).filter(|&j| self.counts[j as usize] < threshold),
        )
    }
}

/// A histogram of ids for every position of an item (the tokens of an image, say): codes that
/// specialize by position leave the overall entropy high and the entropy at each position low.
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
    /// [`InvalidParameter`](crate::Error::InvalidParameter) for no positions or codes,
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn new(positions: usize, k: usize) -> Result<Self> {
        check::at_least_one("positions", positions)?;
        check::at_least_one("codes", k)?;
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
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless `ids` holds whole items,
    /// [`LabelOutOfRange`](crate::Error::LabelOutOfRange); then nothing was
    /// counted.
    pub fn add(&mut self, ids: &[u32]) -> Result<()> {
        let positions = self.positions();
        let whole_items = ids.len().div_ceil(positions) * positions;
        check::same_length("ids of whole items", whole_items, ids.len())?;
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
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) when positions or codes differ,
    /// [`TooLarge`](crate::Error::TooLarge) for 2^63 or more ids in all;
    /// then nothing was added.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        check::same_length("codes of the usage", self.k, other.k)?;
        check::same_length("positions", self.positions(), other.positions())?;
        add_counts(&mut self.counts, &other.counts)
    }

    /// Entropy in nats at each position.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn entropies(&self) -> Result<Vec<f64>> {
        try_collect(self.counts.chunks_exact(self.k).map(|h| entropy(h.iter().copied())))
    }

    /// Perplexity at each position; 1 where nothing was counted.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn perplexities(&self) -> Result<Vec<f64>> {
        let mut out = self.entropies()?;
        out.iter_mut().for_each(|h| *h = libm::exp(*h).clamp(1.0, self.k as f64));
        Ok(out)
    }

    /// The usage over all positions.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn overall(&self) -> Result<Usage> {
        let mut usage = Usage::new(self.k)?;
        for histogram in self.counts.chunks_exact(self.k) {
            usage.counts.iter_mut().zip(histogram).for_each(|(a, b)| *a += b);
        }
        Ok(usage)
    }
}

to_and_from_bytes!(impl[] Usage);
to_and_from_bytes!(impl[] PositionUsage);

impl State for Usage {
    const MARK: &'static [u8; 8] = b"paucaVU\0";
    const WHAT: &'static str = "usage of codes";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.u64(self.counts.len() as u64);
        to.u64s(&self.counts);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let k = from.size()?;
        from.expect(k.checked_mul(8).filter(|bytes| *bytes > 0))?;
        Ok(Self { counts: from.counts(k)? })
    }
}

impl State for PositionUsage {
    const MARK: &'static [u8; 8] = b"paucaVP\0";
    const WHAT: &'static str = "usage of codes by position";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.sizes(&[self.positions(), self.k]);
        to.u64s(&self.counts);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let [positions, k] = from.sizes()?;
        let len = positions.checked_mul(k).filter(|len| *len > 0);
        from.expect(len.and_then(|len| len.checked_mul(8)))?;
        Ok(Self { k, counts: from.counts(positions * k)? })
    }
}
