//! Counts of n-grams as bytes: shards of one corpus, counted on different machines, meet here.

use super::ngrams::{NGrams, PENDING};
use super::positions::PositionNGrams;
use crate::bytes::{Reader, State, Writer, to_and_from_bytes};
use crate::check::MOST_COUNTED;
use crate::error::Result;
use crate::memory::try_capacity;

to_and_from_bytes!(
    /// 24 bytes for every distinct gram; equal counts have equal bytes.
    impl[] NGrams
);
to_and_from_bytes!(
    /// As many as [`NGrams::to_bytes`] takes for each position.
    impl[] PositionNGrams
);

impl State for PositionNGrams {
    const MARK: &'static [u8; 8] = b"paucaTP\0";
    const WHAT: &'static str = "n-grams by position";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.sizes(&[self.at.len(), self.k, self.context]);
        self.at.iter().try_for_each(|grams| grams.write(to))
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let [positions, k, context] = from.sizes()?;
        // Each position takes 24 bytes at least.
        from.holds(positions > 0 && from.remaining() / 24 >= positions, "there are no such positions")?;
        let mut at = try_capacity(positions)?;
        for i in 0..positions {
            let grams = grams(from)?;
            let fits = (grams.k, grams.context) == (k as u64, i.min(context));
            from.holds(fits, "a position has other grams")?;
            at.push(grams.patient(PENDING / positions));
        }
        Ok(Self { k, context, at })
    }
}

impl State for NGrams {
    const MARK: &'static [u8; 8] = b"paucaTN\0";
    const WHAT: &'static str = "n-grams";

    fn write(&self, to: &mut Writer) -> Result<()> {
        let grams = self.merged()?;
        to.u64s(&[self.k, self.context as u64, grams.len() as u64]);
        to.reserve(grams.len().saturating_mul(24));
        grams.iter().for_each(|(gram, count)| to.u64s(&[*gram as u64, (gram >> 64) as u64, *count]));
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let grams = grams(from)?;
        from.expect(Some(0))?;
        Ok(grams)
    }
}

/// Counts that others may follow.
fn grams(from: &mut Reader<'_>) -> Result<NGrams> {
    let (k, context, n) = (from.size()?, from.size()?, from.size()?);
    let fits = n.checked_mul(24).is_some_and(|bytes| bytes <= from.remaining());
    from.holds(fits, "the length does not fit the shape")?;
    let mut grams = NGrams::new(k, context).map_err(|_| from.corrupt("no such grams can be counted"))?;
    grams.sorted = try_capacity(n)?;
    let (end, mut next, mut total) = (grams.grams(context), 0, 0u64);
    for _ in 0..n {
        let gram = from.u64()? as u128 | (from.u64()? as u128) << 64;
        let count = from.count()?;
        // The sum of two counts is below 2^64.
        total += count;
        let fits = (next..end).contains(&gram) && count > 0 && total <= MOST_COUNTED;
        from.holds(fits, "a gram is out of range")?;
        next = gram + 1;
        grams.sorted.push((gram, count));
    }
    Ok(grams)
}
