//! Versioned, checksummed, little-endian states: sums and checkpoints.
//!
//! magic (8 bytes), version (u32), payload, checksum (u64 of all bytes before it). Values have no
//! tags and slices no lengths: the header that a state writes first implies them. The reader
//! checks the length before every allocation, so damaged or hostile bytes can neither make it
//! read outside nor ask for more memory than a small multiple of the bytes.
//!
//! A checksum is no proof: anybody can make a right one. So whoever reads a state checks every number
//! of it against what the state could have reached, and counts end far below overflow
//! ([`MOST_COUNTED`]).

use alloc::vec::Vec;

use crate::check::MOST_COUNTED;
use crate::error::{Error, Result};
use crate::memory::{try_collect, try_grow};

/// A checksum of eight bytes a step. For a fixed word each step is a bijection of the state, and
/// for a fixed state one of the word: damage within one word always shows.
fn checksum(bytes: &[u8]) -> u64 {
    let step = |h: u64, word: u64| (h ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    let (words, rest) = bytes.as_chunks::<8>();
    let mut h = step(0x7061_7563_6120_3031, bytes.len() as u64);
    for word in words {
        h = step(h, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    h = step(step(h, u64::from_le_bytes(last)), 0);
    h ^ h >> 32
}

/// A state that travels, alone or as a part of another one.
pub(crate) trait State: Sized {
    /// The first eight bytes.
    const MARK: &'static [u8; 8];
    /// Rises when the layout changes.
    const VERSION: u32 = 1;
    /// The name in errors.
    const WHAT: &'static str;

    /// Appends the state.
    fn write(&self, to: &mut Writer) -> Result<()>;

    /// Reads what [`write`](State::write) appended, and refuses numbers that no state has.
    fn read(from: &mut Reader<'_>) -> Result<Self>;

    /// The state as bytes of its own.
    fn save(&self) -> Result<Vec<u8>> {
        let mut writer = Writer::new(Self::MARK, Self::VERSION);
        self.write(&mut writer)?;
        writer.finish()
    }

    /// Reads what [`save`](State::save) wrote.
    fn load(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::open(bytes, Self::WHAT, Self::MARK, Self::VERSION)?;
        let state = Self::read(&mut reader)?;
        reader.end()?;
        Ok(state)
    }
}

/// Gives a [`State`] its two public functions. What stands before `impl` is added to the first one's
/// documentation, under its errors, and what stands behind to the second one's.
macro_rules! to_and_from_bytes {
    ($(#[$errors:meta])* impl [$($generics:tt)*] $state:ty $(; $(#[$read:meta])+)?) => {
        impl<$($generics)*> $state {
            /// The state as bytes: versioned, little-endian, checksummed, the same on every machine.
            ///
            /// # Errors
            /// [`OutOfMemory`](crate::Error::OutOfMemory).
            $(#[$errors])*
            pub fn to_bytes(&self) -> crate::error::Result<alloc::vec::Vec<u8>> {
                crate::bytes::State::save(self)
            }

            /// Reads what [`to_bytes`](Self::to_bytes) wrote.
            ///
            /// # Errors
            /// [`Corrupt`](crate::Error::Corrupt) for other, damaged or truncated bytes and for numbers
            /// that no such state has; [`OutOfMemory`](crate::Error::OutOfMemory).
            $($(#[$read])+)?
            pub fn from_bytes(bytes: &[u8]) -> crate::error::Result<Self> {
                crate::bytes::State::load(bytes)
            }
        }
    };
}
pub(crate) use to_and_from_bytes;

/// The place of a choice in the list of all.
pub(crate) fn place<C: PartialEq>(all: &[C], choice: C) -> u64 {
    all.iter().position(|other| *other == choice).unwrap_or(all.len()) as u64
}

/// Builds a state. An allocation that fails is remembered and reported by
/// [`finish`](Writer::finish).
pub(crate) struct Writer {
    bytes: Vec<u8>,
    refused: Option<Error>,
}

impl Writer {
    pub(crate) fn new(magic: &[u8; 8], version: u32) -> Self {
        let mut writer = Self { bytes: Vec::new(), refused: None };
        writer.put(magic);
        writer.u32(version);
        writer
    }

    /// Asks for room for `additional` bytes at once, for large states of known size.
    pub(crate) fn reserve(&mut self, additional: usize) {
        if self.refused.is_none() {
            self.refused = try_grow(&mut self.bytes, additional).err();
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        if self.refused.is_none() {
            self.bytes.extend_from_slice(bytes);
        }
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.put(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.put(&value.to_le_bytes());
    }

    pub(crate) fn i64(&mut self, value: i64) {
        self.put(&value.to_le_bytes());
    }

    pub(crate) fn f64(&mut self, value: f64) {
        self.u64(value.to_bits());
    }

    /// The place of a choice in the list of all.
    pub(crate) fn choice<C: PartialEq>(&mut self, all: &[C], choice: C) {
        self.u32(place(all, choice) as u32);
    }

    pub(crate) fn u32s(&mut self, values: impl ExactSizeIterator<Item = u32>) {
        self.reserve(values.len().saturating_mul(4));
        values.for_each(|v| self.u32(v));
    }

    pub(crate) fn u64s(&mut self, values: &[u64]) {
        self.reserve(values.len().saturating_mul(8));
        values.iter().for_each(|v| self.u64(*v));
    }

    pub(crate) fn sizes(&mut self, values: &[usize]) {
        values.iter().for_each(|v| self.u64(*v as u64));
    }

    pub(crate) fn f64s(&mut self, values: impl ExactSizeIterator<Item = f64>) {
        self.reserve(values.len().saturating_mul(8));
        values.for_each(|v| self.f64(v));
    }

    pub(crate) fn f32s(&mut self, values: &[f32]) {
        self.reserve(values.len().saturating_mul(4));
        values.iter().for_each(|v| self.u32(v.to_bits()));
    }

    /// The state with its checksum.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        self.u64(checksum(&self.bytes));
        match self.refused {
            Some(error) => Err(error),
            None => Ok(self.bytes),
        }
    }
}

/// Takes a state apart, in the order in which it was written.
pub(crate) struct Reader<'a> {
    /// All bytes but the checksum.
    bytes: &'a [u8],
    at: usize,
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Checks magic, version and checksum. `what` names the state in errors.
    pub(crate) fn open(bytes: &'a [u8], what: &'static str, magic: &[u8; 8], version: u32) -> Result<Self> {
        let corrupt = |offset, why| Error::Corrupt { what, offset, why };
        if !bytes.starts_with(magic) {
            return Err(corrupt(0, "it does not start with this state's mark"));
        }
        let Some((body, sum)) = bytes.split_last_chunk::<8>().filter(|(body, _)| body.len() >= 12) else {
            return Err(corrupt(bytes.len(), "it ends too early"));
        };
        let mut reader = Self { bytes: body, at: 8, what };
        if reader.u32()? != version {
            return Err(corrupt(8, "it is of a version that this one cannot read"));
        }
        if checksum(body) != u64::from_le_bytes(*sum) {
            return Err(corrupt(body.len(), "the checksum differs: bytes were changed or are missing"));
        }
        Ok(reader)
    }

    /// The error for a value that was just read and cannot be.
    pub(crate) fn corrupt(&self, why: &'static str) -> Error {
        Error::Corrupt { what: self.what, offset: self.at, why }
    }

    /// The error for values that `error` refuses; memory that was refused stays that.
    pub(crate) fn refused(&self, error: Error, why: &'static str) -> Error {
        if matches!(error, Error::OutOfMemory { .. }) { error } else { self.corrupt(why) }
    }

    /// Bytes not read yet.
    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Refuses what was just read, unless `holds`.
    pub(crate) fn holds(&self, holds: bool, why: &'static str) -> Result<()> {
        if holds { Ok(()) } else { Err(self.corrupt(why)) }
    }

    /// Refuses unless exactly so many bytes are left; none stands for more than memory holds.
    pub(crate) fn expect(&self, bytes: Option<usize>) -> Result<()> {
        self.holds(bytes == Some(self.remaining()), "the length does not fit the shape")
    }

    fn take(&mut self, len: Option<usize>) -> Result<&'a [u8]> {
        let end = len.and_then(|len| self.at.checked_add(len));
        match end.and_then(|end| self.bytes.get(self.at..end).map(|taken| (taken, end))) {
            Some((taken, end)) => {
                self.at = end;
                Ok(taken)
            }
            None => Err(self.corrupt("it ends too early")),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.take(Some(N))?.first_chunk::<N>() {
            Some(array) => Ok(*array),
            None => Err(self.corrupt("it ends too early")),
        }
    }

    fn many<const N: usize, T>(&mut self, len: usize, convert: impl Fn([u8; N]) -> T) -> Result<Vec<T>> {
        let (values, _) = self.take(len.checked_mul(N))?.as_chunks::<N>();
        try_collect(values.iter().map(|v| convert(*v)))
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// A u64 that must fit this machine's sizes.
    pub(crate) fn size(&mut self) -> Result<usize> {
        let value = self.u64()?;
        usize::try_from(value).map_err(|_| self.corrupt("a size exceeds this machine's"))
    }

    pub(crate) fn sizes<const N: usize>(&mut self) -> Result<[usize; N]> {
        let mut sizes = [0; N];
        sizes.iter_mut().try_for_each(|size| self.size().map(|value| *size = value))?;
        Ok(sizes)
    }

    /// One of the first `n` numbers: a kind, a flag.
    pub(crate) fn below(&mut self, n: u32) -> Result<u32> {
        let value = self.u32()?;
        self.holds(value < n, "a choice is unknown")?;
        Ok(value)
    }

    /// One of these choices.
    pub(crate) fn choice<C: Copy>(&mut self, all: &[C]) -> Result<C> {
        Ok(all[self.below(all.len() as u32)? as usize])
    }

    /// A count.
    pub(crate) fn count(&mut self) -> Result<u64> {
        let value = self.u64()?;
        self.holds(value <= MOST_COUNTED, "a count is out of range")?;
        Ok(value)
    }

    /// Counts whose sum is one, too.
    pub(crate) fn counts(&mut self, len: usize) -> Result<Vec<u64>> {
        let counts = self.u64s(len)?;
        let sum = counts.iter().try_fold(0, |sum: u64, n| sum.checked_add(*n));
        self.holds(sum.is_some_and(|sum| sum <= MOST_COUNTED), "a count is out of range")?;
        Ok(counts)
    }

    pub(crate) fn f64(&mut self) -> Result<f64> {
        self.u64().map(f64::from_bits)
    }

    /// A number that is finite.
    pub(crate) fn finite(&mut self) -> Result<f64> {
        let value = self.f64()?;
        self.holds(value.is_finite(), "a number is not finite")?;
        Ok(value)
    }

    /// Numbers that are finite.
    pub(crate) fn finites(&mut self, len: usize) -> Result<Vec<f64>> {
        let values = self.f64s(len)?;
        self.holds(values.iter().all(|value| value.is_finite()), "a number is not finite")?;
        Ok(values)
    }

    pub(crate) fn f64s(&mut self, len: usize) -> Result<Vec<f64>> {
        self.many(len, |b| f64::from_bits(u64::from_le_bytes(b)))
    }

    pub(crate) fn u32s(&mut self, len: usize) -> Result<Vec<u32>> {
        self.many(len, u32::from_le_bytes)
    }

    pub(crate) fn u64s(&mut self, len: usize) -> Result<Vec<u64>> {
        self.many(len, u64::from_le_bytes)
    }

    pub(crate) fn f32s(&mut self, len: usize) -> Result<Vec<f32>> {
        self.many(len, |b| f32::from_bits(u32::from_le_bytes(b)))
    }

    /// Everything must have been read.
    pub(crate) fn end(self) -> Result<()> {
        self.holds(self.remaining() == 0, "it goes on after its end")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAGIC: &[u8; 8] = b"paucaTST";

    fn state() -> Result<Vec<u8>> {
        let mut w = Writer::new(MAGIC, 3);
        w.u32(7);
        w.i64(-9);
        w.u64s(&[u64::MAX]);
        w.f32s(&[1.5]);
        w.finish()
    }

    fn read(bytes: &[u8]) -> Result<()> {
        let mut r = Reader::open(bytes, "test", MAGIC, 3)?;
        assert_eq!((r.u32()?, r.i64()?), (7, -9));
        assert_eq!((r.u64s(1)?, r.f32s(1)?), (vec![u64::MAX], vec![1.5]));
        r.end()
    }

    #[test]
    fn what_is_written_is_read() -> Result<()> {
        read(&state()?)
    }

    #[test]
    fn any_damage_is_an_error() -> Result<()> {
        let good = state()?;
        for i in 0..good.len() {
            assert!(read(&good[..i]).is_err(), "cut at {i}");
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[i] ^= 1 << bit;
                assert!(matches!(read(&bad), Err(Error::Corrupt { .. })), "byte {i}, bit {bit}");
            }
        }
        let mut long = good.clone();
        long.push(0);
        assert!(read(&long).is_err());
        let mut r = Reader::open(&good, "test", MAGIC, 3)?;
        assert!(r.u64s(usize::MAX).is_err() && r.u64s(1 << 60).is_err());
        Ok(())
    }
}
