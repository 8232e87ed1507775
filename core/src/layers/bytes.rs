//! A stream as bytes: shards of one corpus, measured on different machines, meet here.

use alloc::vec::Vec;

use crate::backend::Products;
use crate::bytes::{Reader, Writer};
use crate::error::Result;
use crate::exact::F64Sum;
use crate::memory::try_collect;

use super::moments::{BINS, Moments, Spread, fresh};
use super::params::{LayerDistances, MAX_LAYERS};
use super::stream::LayerStream;
use super::{LayerMetric, Quantiles};

const MAGIC: &[u8; 8] = b"paucaLD\0";
const VERSION: u32 = 1;
const WHAT: &str = "layer distances";

impl<P: Products> LayerStream<P> {
    /// The state: versioned, little-endian, checksummed. Streams that counted the same samples
    /// have the same bytes, whatever the order. 650 bytes for each pair of states and its
    /// quantiles' share.
    ///
    /// # Errors
    /// [`Conflict`](crate::Error::Conflict) while a batch is open,
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.closed()?;
        let mut writer = Writer::new(MAGIC, VERSION);
        writer.sizes(&[self.config.n_layers, self.dim]);
        writer.choice(LayerMetric::ALL, self.config.metric);
        writer.choice(Quantiles::ALL, self.config.quantiles);
        writer.u64(self.samples);
        for moments in &self.moments {
            writer.u64s(&[moments.count, moments.skipped, moments.min.to_bits(), moments.max.to_bits()]);
            moments.sum.write(&mut writer);
            moments.squares.write(&mut writer);
            match &moments.spread {
                Spread::Counts(counts) => writer.u64s(counts),
                Spread::Values(values) => {
                    let mut sorted = try_collect(values.iter().map(|v| v.to_bits()))?;
                    // Values are not negative: their bits are in their order.
                    sorted.sort_unstable();
                    writer.u64s(&sorted);
                }
            }
        }
        writer.finish()
    }
}

impl LayerStream {
    /// The stream that [`to_bytes`](LayerStream::to_bytes) wrote, on the CPU. To go on elsewhere,
    /// merge it into a stream that was started there.
    ///
    /// # Errors
    /// [`Corrupt`](crate::Error::Corrupt) with the offset for bytes that are not such a state,
    /// [`OutOfMemory`](crate::Error::OutOfMemory); [`SimdLevel`](crate::Error::SimdLevel) where
    /// `PAUCA_SIMD` names a level that the machine has not.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::open(bytes, WHAT, MAGIC, VERSION)?;
        let [n_layers, dim] = reader.sizes()?;
        let (metric, quantiles) = (reader.choice(LayerMetric::ALL)?, reader.choice(Quantiles::ALL)?);
        let samples = reader.u64()?;
        // Before anything is allocated: the bytes must be there.
        let each = 32 + 2 * F64Sum::BYTES;
        let pairs = n_layers.checked_add(1).and_then(|n| Some(n.checked_mul(n_layers)? / 2));
        let fits = pairs.and_then(|pairs| pairs.checked_mul(each)).is_some_and(|n| n <= reader.remaining());
        let possible = (1..=MAX_LAYERS).contains(&n_layers) && dim > 0 && fits;
        reader.holds(possible, "the length does not fit the shape")?;
        let mut moments = fresh(n_layers, Quantiles::Exact)?;
        for moments in &mut moments {
            *moments = read(&mut reader, quantiles, samples)?;
        }
        reader.end()?;
        let config = LayerDistances::new(n_layers).metric(metric).quantiles(quantiles);
        Self::restore(config, dim, samples, moments)
    }
}

fn read(reader: &mut Reader<'_>, quantiles: Quantiles, samples: u64) -> Result<Moments> {
    let (count, skipped) = (reader.u64()?, reader.u64()?);
    let (min, max) = (reader.f64()?, reader.f64()?);
    let (sum, squares) = (F64Sum::read(reader)?, F64Sum::read(reader)?);
    reader.holds(count.checked_add(skipped) == Some(samples), "counts do not add up")?;
    // Every distance lies in [0, 2]; the loop of the variance ends for finite sums only.
    let within = |sum: &F64Sum, most: f64| (0.0..=most * count as f64).contains(&sum.value());
    let extremes = match count {
        0 => min == f64::INFINITY && max == f64::NEG_INFINITY,
        _ => 0.0 <= min && min <= max && max <= 2.0,
    };
    let possible = extremes && within(&sum, 2.0) && within(&squares, 4.0);
    reader.holds(possible, "a distance is out of range")?;
    let spread = match quantiles {
        Quantiles::Histogram => {
            let counts = reader.u64s(BINS)?;
            let sum = counts.iter().try_fold(0u64, |sum, n| sum.checked_add(*n));
            reader.holds(sum == Some(count), "the histogram does not add up")?;
            Spread::Counts(counts)
        }
        Quantiles::Exact => {
            let len = usize::try_from(count).map_err(|_| reader.corrupt("a size exceeds this machine's"))?;
            let values = reader.f64s(len)?;
            reader.holds(values.iter().all(|v| (0.0..=2.0).contains(v)), "a distance is out of range")?;
            Spread::Values(values)
        }
    };
    Ok(Moments { count, skipped, sum, squares, min, max, spread })
}
