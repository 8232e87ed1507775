//! Sums of clusters as they leave the process: a flat buffer for all-reduce, and bytes.

use alloc::vec::Vec;

use super::canonical;
use super::chunk::{DIGITS, WEIGHTED_DIGITS};
use super::clusters::Sums;
use crate::bytes::{Reader, Writer};
use crate::check;
use crate::error::{Error, Result};
use crate::memory::try_vec;

const MAGIC: &[u8; 8] = b"paucaES\0";
const VERSION: u32 = 1;
const WHAT: &str = "sums of clusters";

impl Sums {
    fn n_digits(&self) -> usize {
        if self.is_weighted() { WEIGHTED_DIGITS } else { DIGITS }
    }

    /// Values of a cluster: its columns, and its weight where there are weights.
    fn n_values(&self) -> usize {
        self.d + usize::from(self.is_weighted())
    }

    /// Canonical digits of one value, lowest first.
    fn digits_into(&self, cluster: usize, value: usize, out: &mut [i64]) {
        if let Some((chunk, column)) = self.chunk_of(cluster, value) {
            chunk.digits(cluster, column, out);
            canonical(out);
        }
    }

    /// Sets one value, 0 so far, from any digits. False when they are out of range.
    fn set_digits(&mut self, cluster: usize, value: usize, digits: &mut [i64]) -> Result<bool> {
        let fits = canonical(digits) && digits.last().is_none_or(|top| top.unsigned_abs() < 1 << 62);
        if fits && digits.iter().any(|digit| *digit != 0) {
            let Some((chunk, column)) = self.chunk_of_mut(cluster, value) else { return Ok(false) };
            chunk.set(cluster, column, digits)?;
        }
        Ok(fits)
    }

    /// The state as one flat buffer of integers, in canonical form: the row counts `[k]`, then for
    /// each plane, lowest first, `[k][d]` digits (with weights `[k][d + 1]`, the last of each
    /// cluster being its weight). All 9 planes (weighted: 18), whatever was allocated.
    ///
    /// The elementwise i64 sum of such buffers, from up to 2^30 ranks, is a buffer of the total:
    /// one all-reduce adds the sums of a cluster of machines exactly.
    ///
    /// # Errors
    /// `OutOfMemory`: for k = 11,000 and d = 768 the buffer takes 608 MB.
    pub fn planes(&self) -> Result<Vec<i64>> {
        let (values, digits) = (self.n_values(), self.n_digits());
        let mut out = try_vec(self.k + self.k * values * digits, 0)?;
        let (counts, planes) = out.split_at_mut(self.k);
        for (to, from) in counts.iter_mut().zip(&self.rows) {
            *to = *from as i64;
        }
        let mut buffer = [0; WEIGHTED_DIGITS];
        for cluster in 0..self.k {
            for value in 0..values {
                let buffer = &mut buffer[..digits];
                self.digits_into(cluster, value, buffer);
                let at = cluster * values + value;
                for (plane, digit) in planes.chunks_exact_mut(self.k * values).zip(buffer) {
                    plane[at] = *digit;
                }
            }
        }
        Ok(out)
    }

    /// The sums of a buffer made by [`planes`](Sums::planes), or of a sum of such buffers.
    ///
    /// # Errors
    /// As [`Sums::new`], `ShapeMismatch` for a buffer of the wrong length, `Corrupt` for digits or
    /// counts that no sums have.
    pub fn from_planes(k: usize, d: usize, weighted: bool, buffer: &[i64]) -> Result<Self> {
        let mut sums = Self::build(k, d, weighted)?;
        let (values, digits) = (sums.n_values(), sums.n_digits());
        let (expected, found) = (k + k * values * digits, buffer.len());
        check::same_length("planes", expected, found)?;
        let corrupt = |at, why| Error::Corrupt { what: WHAT, offset: 8 * at, why };
        let (counts, planes) = buffer.split_at(k);
        for (cluster, count) in counts.iter().enumerate() {
            let count = u64::try_from(*count);
            sums.rows[cluster] = count.map_err(|_| corrupt(cluster, "a count is negative"))?;
        }
        if !countable(&sums.rows) {
            return Err(corrupt(0, "the counts exceed all integers together"));
        }
        let mut buffer = [0; WEIGHTED_DIGITS];
        for cluster in 0..k {
            for value in 0..values {
                let at = cluster * values + value;
                for (digit, plane) in buffer.iter_mut().zip(planes.chunks_exact(k * values)) {
                    *digit = plane[at];
                }
                if !sums.set_digits(cluster, value, &mut buffer[..digits])? {
                    return Err(corrupt(k + at, "a digit is out of range"));
                }
            }
        }
        Ok(sums)
    }

    /// The state as bytes: equal sums have equal bytes. Versioned, little-endian, checksummed; 40
    /// bytes a cluster and column (weighted: 76).
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut writer = Writer::new(MAGIC, VERSION);
        self.write(&mut writer);
        writer.finish()
    }

    /// Appends the state in canonical form: equal sums have equal bytes.
    pub(crate) fn write(&self, writer: &mut Writer) {
        let (values, digits) = (self.n_values(), self.n_digits());
        writer.reserve(32 + 8 * self.k + self.k * values * (4 * digits + 4));
        writer.u64(self.k as u64);
        writer.u64(self.d as u64);
        writer.u32(u32::from(self.is_weighted()));
        writer.u64s(&self.rows);
        let mut buffer = [0; WEIGHTED_DIGITS];
        for cluster in 0..self.k {
            for value in 0..values {
                let buffer = &mut buffer[..digits];
                self.digits_into(cluster, value, buffer);
                if let Some((top, low)) = buffer.split_last() {
                    low.iter().for_each(|digit| writer.u32(*digit as u32));
                    writer.i64(*top);
                }
            }
        }
    }

    /// The sums that [`to_bytes`](Sums::to_bytes) wrote.
    ///
    /// # Errors
    /// `Corrupt` with the offset for bytes that are not such a state, `OutOfMemory`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader::open(bytes, WHAT, MAGIC, VERSION)?;
        let sums = Self::read(&mut reader)?;
        reader.end()?;
        Ok(sums)
    }

    /// Reads what [`write`](Sums::write) appended; nothing may come after it.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self> {
        let (k, d) = (reader.size()?, reader.size()?);
        let weighted = match reader.u32()? {
            0 => false,
            1 => true,
            _ => return Err(reader.corrupt("a flag is unknown")),
        };
        // Before anything is allocated: the bytes must be there.
        let digits = if weighted { WEIGHTED_DIGITS } else { DIGITS };
        let size = d
            .checked_add(usize::from(weighted))
            .and_then(|values| values.checked_mul(4 * digits + 4)?.checked_add(8)?.checked_mul(k));
        if k == 0 || d == 0 || size != Some(reader.remaining()) {
            return Err(reader.corrupt("the length does not fit the shape"));
        }
        let mut sums = Self::build(k, d, weighted)?;
        sums.rows = reader.u64s(k)?;
        if !countable(&sums.rows) {
            return Err(reader.corrupt("the counts exceed all integers together"));
        }
        let mut buffer = [0; WEIGHTED_DIGITS];
        for cluster in 0..k {
            for value in 0..sums.n_values() {
                let buffer = &mut buffer[..digits];
                if let Some((top, low)) = buffer.split_last_mut() {
                    for digit in low {
                        *digit = reader.u32()? as i64;
                    }
                    *top = reader.i64()?;
                }
                if !sums.set_digits(cluster, value, buffer)? {
                    return Err(reader.corrupt("a digit is out of range"));
                }
            }
        }
        Ok(sums)
    }
}

/// Whether counts add up to an `i64`, which is what [`planes`](Sums::planes) hold.
fn countable(rows: &[u64]) -> bool {
    rows.iter().try_fold(0u64, |sum, n| sum.checked_add(*n)).is_some_and(|sum| i64::try_from(sum).is_ok())
}
