//! Bins of documents by length, and perplexity over them.

use alloc::vec::Vec;

use super::{Length, rounded, share, widened};
use crate::check;
use crate::error::*;
use crate::exact::F64Sum;
use crate::exact::elementary::ln;
use crate::memory::{try_capacity, try_collect, try_vec};
use crate::select::total;
use crate::stats::average_ranks;

/// A bin for every document, by its length.
///
/// ```
/// use pauca::length::LengthBins;
/// assert_eq!(LengthBins::equal(&[5u32, 9, 1, 7], 2)?.bin_of, [0, 1, 0, 1]);
/// assert_eq!(LengthBins::edges(&[5u32, 9, 1, 7], &[5, 8])?.bin_of, [1, 2, 0, 1]);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LengthBins {
    /// `[n]`: bin of each document, shorter documents in lower bins.
    pub bin_of: Vec<u32>,
    /// Documents in each bin.
    pub counts: Vec<u64>,
}

impl LengthBins {
    /// `bins` bins of equal count, as far as equal lengths, which share a bin, allow: see the
    /// [module](super).
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for no bin or more than 2^20, [`Error::OutOfMemory`].
    pub fn equal<L: Length>(lengths: &[L], bins: usize) -> Result<Self> {
        check::parameter("bins", bins as f64, "from 1 to 2^20", (1..=1 << 20).contains(&bins))?;
        let lengths = rounded(&widened(lengths)?)?;
        let n = lengths.len() as u128;
        let mut bin_of = try_capacity(lengths.len())?;
        for rank in average_ranks(&lengths)? {
            // Twice an average rank is whole.
            let doubled = (2.0 * rank) as u128;
            bin_of.push(((doubled - 1) * bins as u128 / (2 * n)) as u32);
        }
        Self::counted(bin_of, bins)
    }

    /// Bins between given lengths: bin i holds lengths from `edges[i - 1]` up to, but not at,
    /// `edges[i]`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] with the first edge that is not above the one before it;
    /// [`Error::OutOfMemory`].
    pub fn edges<L: Length>(lengths: &[L], edges: &[u64]) -> Result<Self> {
        for pair in edges.windows(2) {
            check::parameter("edges", pair[1] as f64, "above the edge before it", pair[0] < pair[1])?;
        }
        let bin_of =
            try_collect(lengths.iter().map(|&l| edges.partition_point(|&edge| edge <= l.into()) as u32))?;
        Self::counted(bin_of, edges.len() + 1)
    }

    fn counted(bin_of: Vec<u32>, bins: usize) -> Result<Self> {
        let mut counts = try_vec(bins, 0)?;
        bin_of.iter().for_each(|&b| counts[b as usize] += 1);
        Ok(Self { bin_of, counts })
    }

    /// Number of bins, empty ones included.
    pub fn n_bins(&self) -> usize {
        self.counts.len()
    }
}

/// The documents of one bin.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LengthBucket {
    /// Shortest length in it; 0 where it is empty.
    pub shortest: u64,
    /// Longest length in it; 0 where it is empty.
    pub longest: u64,
    /// Documents in it.
    pub documents: u64,
    /// Tokens of those documents.
    pub tokens: u64,
    /// Share of all tokens; none where there is none.
    pub token_share: Option<f64>,
    /// Perplexity over its tokens; none where it has none.
    pub perplexity: Option<f64>,
}

/// Perplexity by length: exp(sum l_i ln p_i / sum l_i) over the documents of each bin, of length
/// l_i and perplexity p_i.
///
/// That is the perplexity of the bin's tokens, if p_i is that of the document's l_i tokens: the
/// mean over tokens, not over documents. *Source*: Singh et al. 2024 report that pruning long
/// files may raise the perplexity of long files; the perplexities are the caller's. A document
/// of length 0 has no tokens and counts for nothing.
///
/// # Shapes
/// perplexities: \[n\], lengths: \[n\]; one bucket for each bin.
/// # Units
/// Perplexity; lengths in tokens.
/// # Tier
/// B: ln and the sum are exact to one rounding, the last exp within 1 ulp.
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::NonFinite`], [`Error::InvalidParameter`] with the
/// first perplexity that is not positive, [`Error::TooLarge`] for 2^64 tokens and more,
/// [`Error::OutOfMemory`].
/// # Cost
/// O(n).
/// # Example
/// ```
/// use pauca::length::{LengthBins, perplexity_by_length};
/// let lengths = [2u32, 6, 100, 300];
/// let bins = LengthBins::equal(&lengths, 2)?;
/// let buckets = perplexity_by_length(&[16.0, 1.0, 8.0, 8.0], &lengths, &bins)?;
/// // Two tokens at ln 16, six at 0: the fourth root of 16.
/// assert!(buckets[0].perplexity.is_some_and(|p| (p - 2.0).abs() <= 2.0 * f64::EPSILON));
/// assert_eq!((buckets[1].shortest, buckets[1].longest, buckets[1].tokens), (100, 300, 400));
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn perplexity_by_length<L: Length>(
    perplexities: &[f64],
    lengths: &[L],
    bins: &LengthBins,
) -> Result<Vec<LengthBucket>> {
    check::same_length("perplexities", lengths.len(), perplexities.len())?;
    check::same_length("bins", lengths.len(), bins.bin_of.len())?;
    check::finite("perplexities", perplexities.iter().copied())?;
    perplexities.iter().try_for_each(|p| check::positive("perplexity", *p))?;
    let empty = LengthBucket {
        shortest: u64::MAX,
        longest: 0,
        documents: 0,
        tokens: 0,
        token_share: None,
        perplexity: None,
    };
    let mut buckets = try_vec(bins.n_bins(), empty)?;
    let mut sums = try_vec(bins.n_bins(), F64Sum::new())?;
    let total = total(lengths.iter().map(|&l| l.into()))?;
    for (row, ((&bin, &p), &length)) in bins.bin_of.iter().zip(perplexities).zip(lengths).enumerate() {
        let length: u64 = length.into();
        check::label(row, bin, bins.n_bins())?;
        let (bucket, sum) = (&mut buckets[bin as usize], &mut sums[bin as usize]);
        bucket.documents += 1;
        bucket.tokens += length;
        bucket.shortest = bucket.shortest.min(length);
        bucket.longest = bucket.longest.max(length);
        sum.add_times(length, ln(p));
    }
    for (bucket, sum) in buckets.iter_mut().zip(&sums) {
        bucket.shortest = bucket.shortest.min(bucket.longest);
        bucket.token_share = share(bucket.tokens, total);
        bucket.perplexity = (bucket.tokens > 0).then(|| libm::exp(sum.value() / bucket.tokens as f64));
    }
    Ok(buckets)
}
