//! A stream as bytes: shards of one corpus meet on another machine, or a run goes on later.

use alloc::vec::Vec;

use super::features::{BLOCK, Features};
use super::params::{CkaPath, LayerCka};
use super::result::CkaTable;
use super::stream::{CkaStream, MAX_SAMPLES};
use crate::arrays::matrix;
use crate::bytes::{Reader, Writer};
use crate::error::Result;
use crate::memory::{try_capacity, try_collect};

const MAGIC: &[u8; 8] = b"PAUCACKA";
const VERSION: u32 = 1;

impl CkaStream {
    /// The state: versioned, little-endian, checksummed. Rows kept take 4 bytes a value, sums 8.
    ///
    /// # Errors
    /// [`Conflict`](crate::Error::Conflict) while a batch is open or after a call that was stopped,
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    /// # Example
    /// ```
    /// use pauca::layers::{CkaStream, LayerCka, Tokens};
    /// use pauca::{Context, Rows};
    /// let x = ndarray::array![[1.0f32], [3.0], [5.0], [0.0]];
    /// let cx = Context::default();
    /// let mut stream = LayerCka::new(&[1])?.start()?;
    /// stream.push(&[Rows::F32(x.view())], Tokens::Rows, &cx)?;
    /// let again = CkaStream::from_bytes(&stream.to_bytes()?)?;
    /// assert_eq!(again.finish(&cx)?, stream.finish(&cx)?);
    /// # Ok::<(), pauca::Error>(())
    /// ```
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.closed()?;
        let mut writer = Writer::new(MAGIC, VERSION);
        writer.u32(self.config.path as u32);
        writer.u32(self.features.is_some() as u32);
        writer.u64(self.config.dims.len() as u64);
        self.config.dims.iter().for_each(|dim| writer.u64(*dim as u64));
        writer.u64(self.held as u64);
        writer.u64(self.features.as_ref().map_or(0, |sums| sums.n));
        for values in self.first.iter().chain(self.features.iter().flat_map(Features::values)) {
            writer.reserve(values.len().saturating_mul(8));
            values.iter().for_each(|value| writer.u64(value.to_bits()));
        }
        self.rows.iter().for_each(|values| writer.f32s(values));
        writer.finish()
    }

    /// The stream that [`to_bytes`](CkaStream::to_bytes) wrote, on the CPU. A stream that goes on from its
    /// bytes has the bits of one that was never interrupted, at the same SIMD level.
    ///
    /// # Errors
    /// [`Corrupt`](crate::Error::Corrupt) with the offset for bytes that are not such a state,
    /// [`OutOfMemory`](crate::Error::OutOfMemory); [`SimdLevel`](crate::Error::SimdLevel) where
    /// `PAUCA_SIMD` names a level that the machine has not.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::open(bytes, "CKA of layers", MAGIC, VERSION)?;
        let code = reader.u32()?;
        let Some(path) = CkaPath::ALL.iter().copied().find(|path| *path as u32 == code) else {
            return Err(reader.corrupt("the path is unknown"));
        };
        let summed = match reader.u32()? {
            0 => false,
            1 => true,
            _ => return Err(reader.corrupt("a flag is unknown")),
        };
        let states = reader.size()?;
        if states > reader.remaining() / 8 {
            return Err(reader.corrupt("it ends too early"));
        }
        let mut dims = try_capacity(states)?;
        for _ in 0..states {
            dims.push(reader.size()?);
        }
        let (held, n) = (reader.size()?, reader.u64()?);
        let config = LayerCka::new(&dims).map(|config| config.path(path));
        let config = config.map_err(|error| reader.refused(error, "the widths are out of range"))?;
        // What a stream of this path can hold: whole blocks in the sums, less than a block beside them.
        let possible = if summed {
            path != CkaPath::Gram && held < BLOCK && n % BLOCK as u64 == 0 && n <= MAX_SAMPLES
        } else {
            n == 0 && config.keeps(held)
        };
        if !possible {
            return Err(reader.corrupt("the number of samples does not fit the path"));
        }
        // Before anything is allocated: the bytes must be there.
        let any = held > 0 || n > 0;
        let size = size(&dims, held, any, summed);
        if size != Some(reader.remaining() as u128) {
            return Err(reader.corrupt("the length does not fit the shape"));
        }
        let mut stream = config.start()?;
        if any {
            stream.first = try_capacity(states)?;
            for dim in &dims {
                stream.first.push(finite(&mut reader, *dim)?);
            }
        }
        if summed {
            let mut sums = match stream.features.take() {
                Some(sums) => sums,
                None => Features::new(&dims)?,
            };
            sums.n = n;
            for values in sums.values_mut() {
                *values = finite(&mut reader, values.len())?;
            }
            stream.features = Some(sums);
        }
        for (rows, dim) in stream.rows.iter_mut().zip(&dims) {
            *rows = reader.f32s(held * dim)?;
            if rows.iter().any(|value| !value.is_finite()) {
                return Err(reader.corrupt("a value is not finite"));
            }
        }
        reader.end()?;
        stream.held = held;
        Ok(stream)
    }
}

const TABLE: &[u8; 8] = b"PAUCACKT";

impl CkaTable {
    /// The state: versioned, little-endian, checksummed, so that tables of other machines can be
    /// [added](CkaTable::add). 16 bytes for each pair of states.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut writer = Writer::new(TABLE, VERSION);
        writer.u64(self.samples);
        writer.u64(self.scale.len() as u64);
        for value in self.biased_hsic.iter().chain(&self.unbiased_hsic).chain(&self.scale) {
            writer.u64(value.to_bits());
        }
        writer.finish()
    }

    /// The table that [`to_bytes`](CkaTable::to_bytes) wrote.
    ///
    /// # Errors
    /// [`Corrupt`](crate::Error::Corrupt) with the offset for bytes that are not such a state,
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::open(bytes, "table of CKA", TABLE, VERSION)?;
        let (samples, states) = (reader.u64()?, reader.size()?);
        let pairs = states.checked_mul(states);
        let size = pairs.and_then(|pairs| pairs.checked_mul(2)?.checked_add(states)?.checked_mul(8));
        let (Some(pairs), true) = (pairs, size == Some(reader.remaining()) && states > 0) else {
            return Err(reader.corrupt("the length does not fit the shape"));
        };
        let biased_hsic = matrix(states, states, finite(&mut reader, pairs)?)?;
        let unbiased_hsic = matrix(states, states, finite(&mut reader, pairs)?)?;
        let scale = finite(&mut reader, states)?;
        if scale.iter().any(|scale| *scale < 0.0) {
            return Err(reader.corrupt("a scale is negative"));
        }
        reader.end()?;
        Ok(Self { samples, biased_hsic, unbiased_hsic, scale })
    }
}

/// Bytes of the numbers of such a stream; none where they exceed all integers.
fn size(dims: &[usize], held: usize, any: bool, summed: bool) -> Option<u128> {
    let (states, mut width, mut squares) = (dims.len() as u128, 0u128, 0u128);
    for dim in dims {
        width += *dim as u128;
        squares += (*dim as u128).pow(2);
    }
    // The products of pairs l <= m, then weighted, squares, sums, norms.
    let sums = (width.pow(2) + squares) / 2 + width * states + states.pow(2) + width + states;
    let numbers = if any { width } else { 0 } + if summed { sums } else { 0 };
    (numbers * 8).checked_add(width.checked_mul(held as u128)?.checked_mul(4)?)
}

/// The next `len` numbers, all of them finite.
fn finite(reader: &mut Reader<'_>, len: usize) -> Result<Vec<f64>> {
    let bits = reader.u64s(len)?;
    let values = try_collect(bits.into_iter().map(f64::from_bits))?;
    match values.iter().all(|value: &f64| value.is_finite()) {
        true => Ok(values),
        false => Err(reader.corrupt("a value is not finite")),
    }
}
