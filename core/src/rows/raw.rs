//! Rows that lie one after the other in bytes: a raw file, the data of a `.npy` or `.safetensors`
//! file, a region of memory.
//!
//! A range of rows is one read. Rows by index are sorted first, and neighbours that lie close are
//! read together: a read costs about as much as the bytes between them, and a disk prefers to go
//! forwards. The answer is in the order that was asked for.

use alloc::boxed::Box;
use core::ops::{Bound, Range, RangeBounds};

use ndarray::ArrayView2;

use super::element::with_type;
use super::{Element, ElementType, ReadAt, RowElement, RowSource, Rows, Scratch};
use crate::arrays::view;
use crate::check;
use crate::error::{Error, Result, SourceError};
use crate::memory::{area, try_collect};

/// A gap of at most so many bytes between two wanted rows is read and thrown away, to save a read.
const GAP: u64 = 16 * 1024;
/// One read for several rows of a gather takes at most so many bytes, unless a row is longer.
const RUN: u64 = 1024 * 1024;

/// Why rows could not be read; the storage's own error is the source.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("rows {rows:?} end at byte {end}, but only {len} bytes are left")]
    Truncated {
        rows: Range<usize>,
        end: u64,
        len: u64,
        #[source]
        source: SourceError,
    },
    #[error("rows {rows:?} at bytes {bytes:?} could not be read")]
    Failed {
        rows: Range<usize>,
        bytes: Range<u64>,
        #[source]
        source: SourceError,
    },
}

/// Rows of little-endian values that lie one after the other in a file or in memory, and are read
/// when they are needed.
///
/// Values are those of the bytes on hosts of either byte order. Rows that lie in memory in full and
/// aligned need no reading: [`Rows`] is the faster source for them.
///
/// # Shapes
/// `n` rows of `d` values, row after row, without gaps.
///
/// # Errors
/// Reading gives [`Error::Source`]: which rows, at which bytes, and below it the storage's own
/// error; a file that was cut after the check is named as such.
///
/// # Cost
/// [`read`](RowSource::read): one read of the storage into the scratch buffer.
/// [`gather`](RowSource::gather): rows that lie within 16 KiB of each other are read together, at
/// most 1 MiB (or one row) at once; besides the answer it needs that much memory, and a word a row.
///
/// # Example
/// ```
/// use pauca::{Context, Cpu, ElementType, KMeans, RawRows};
/// let x = ndarray::Array2::from_shape_fn((50, 3), |(i, j)| ((i * 7 + j * 3) % 11) as f32);
/// let mut file = b"header".to_vec(); // or an opened std::fs::File
/// file.extend(x.iter().flat_map(|v| v.to_le_bytes()));
///
/// let rows = RawRows::new(&file, 6.., ElementType::F32, 50, 3)?.block_rows(8)?;
/// let clusters = KMeans::new(4).fit_on(&Cpu::new()?, &rows, None, &Context::default())?;
/// assert_eq!(clusters.labels, KMeans::new(4).fit(&x)?.labels);
///
/// // 606 bytes are not 51 rows of 3 values after a header of 6.
/// let error = RawRows::new(&file, 6.., ElementType::F32, 51, 3).unwrap_err();
/// assert_eq!(error.to_string(), "byte range of the rows has length 600, expected 612");
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RawRows<R> {
    source: R,
    start: u64,
    element: ElementType,
    n: usize,
    d: usize,
    block_rows: usize,
    first_id: u64,
}

impl<R: ReadAt> RawRows<R> {
    /// The `n` rows of `d` values that fill the byte range `bytes` of `source` exactly: `..` is all
    /// of it, `128..` what follows a header.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when the range does not lie in the source or is not as long as the
    /// rows; [`Error::InvalidParameter`] when `d` is 0; [`Error::TooLarge`] when no source could hold
    /// so many; [`Error::Source`] when the source cannot tell its length.
    pub fn new(
        source: R,
        bytes: impl RangeBounds<u64>,
        element: ElementType,
        n: usize,
        d: usize,
    ) -> Result<Self> {
        check::at_least_one("d", d)?;
        let row = check::product("columns of a row", d, element.size())? as u64;
        check::at_most("rows of so many columns", n as u64, u64::MAX / row)?;
        let needed = row * n as u64;

        let len = source.len().map_err(Error::Source)?;
        let start = match bytes.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match bytes.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => len.max(start),
        };
        check::shape("byte range up to its end", start, end, start <= end)?;
        check::shape("source of the rows, in bytes,", end, len, end <= len)?;
        check::same_length("byte range of the rows", needed, end - start)?;
        Ok(Self { source, start, element, n, d, block_rows: 8192, first_id: 0 })
    }

    /// The most rows that the algorithms read at once (default 8192): `block_rows` times `d` values
    /// are the memory of a block. No result depends on it.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] when it is 0.
    pub fn block_rows(mut self, block_rows: usize) -> Result<Self> {
        check::at_least_one("block_rows", block_rows)?;
        self.block_rows = block_rows;
        Ok(self)
    }

    /// The global id of the first row (default 0), where these rows are a part of a larger set: the
    /// ids of the others follow it.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] when the last id would not fit 64 bits.
    pub fn first_id(mut self, id: u64) -> Result<Self> {
        let (expected, last) = ("at most 2^64 - 1 less the number of rows", id.checked_add(self.n as u64));
        check::parameter("first_id", id as f64, expected, last.is_some())?;
        self.first_id = id;
        Ok(self)
    }

    /// The bytes.
    pub fn source(&self) -> &R {
        &self.source
    }

    /// The type of the values.
    pub fn element(&self) -> ElementType {
        self.element
    }

    /// Fills `out` with the rows from `first` on, in one read.
    fn fill<T: Element>(&self, first: usize, out: &mut [T]) -> Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        let rows = first..first + out.len() / self.d;
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(out);
        let offset = self.start + first as u64 * (self.d * size_of::<T>()) as u64;
        if let Err(source) = self.source.read_exact_at(offset, bytes) {
            let end = offset + bytes.len() as u64;
            return Err(Error::Source(Box::new(match self.source.len() {
                Ok(len) if len < end => ReadError::Truncated { rows, end, len, source },
                _ => ReadError::Failed { rows, bytes: offset..end, source },
            })));
        }
        if cfg!(target_endian = "big") {
            swap(bytes, size_of::<T>());
        }
        Ok(())
    }

    fn read_as<'a, T: Element>(
        &self,
        range: Range<usize>,
        scratch: &'a mut Scratch,
    ) -> Result<ArrayView2<'a, T>> {
        let out = scratch.elements(area(range.len(), self.d)?)?;
        self.fill(range.start, out)?;
        view(out, range.len(), self.d)
    }

    fn gather_as<'a, T: Element>(
        &self,
        rows: &[usize],
        scratch: &'a mut Scratch,
    ) -> Result<ArrayView2<'a, T>> {
        let d = self.d;
        let row_bytes = (d * size_of::<T>()) as u64;
        let mut order = try_collect(0..rows.len())?;
        order.sort_unstable_by_key(|&at| (rows[at], at));
        // Rows first to last of a run are read at once.
        let joins = |first: usize, last: usize, next: usize| {
            let (gap, run) = ((next - last) as u64 - u64::from(next > last), (next - first) as u64 + 1);
            gap.saturating_mul(row_bytes) <= GAP && run.saturating_mul(row_bytes) <= RUN.max(row_bytes)
        };
        let run_of = |from: usize| {
            let first = rows[order[from]];
            let mut to = from + 1;
            while to < order.len() && joins(first, rows[order[to - 1]], rows[order[to]]) {
                to += 1;
            }
            to
        };
        // In the order of the answer already: read in place.
        let in_place =
            |run: &[usize]| run.windows(2).all(|w| w[1] == w[0] + 1 && rows[w[1]] == rows[w[0]] + 1);
        let span = |run: &[usize]| rows[run[run.len() - 1]] - rows[run[0]] + 1;

        let (mut widest, mut from) = (0, 0);
        while from < order.len() {
            let run = &order[from..run_of(from)];
            from += run.len();
            if !in_place(run) {
                widest = widest.max(span(run));
            }
        }
        let len = area(rows.len(), d)?;
        let all = len.checked_add(area(widest, d)?).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        let (out, buffer) = scratch.elements::<T>(all)?.split_at_mut(len);
        let mut from = 0;
        while from < order.len() {
            let run = &order[from..run_of(from)];
            from += run.len();
            let first = rows[run[0]];
            if in_place(run) {
                self.fill(first, &mut out[run[0] * d..(run[0] + run.len()) * d])?;
                continue;
            }
            let buffer = &mut buffer[..span(run) * d];
            self.fill(first, buffer)?;
            for &at in run {
                let from = (rows[at] - first) * d;
                out[at * d..(at + 1) * d].copy_from_slice(&buffer[from..from + d]);
            }
        }
        view(out, rows.len(), d)
    }
}

impl<R: ReadAt> RowSource for RawRows<R> {
    fn n_rows(&self) -> usize {
        self.n
    }
    fn dim(&self) -> usize {
        self.d
    }
    fn row_id(&self, i: usize) -> u64 {
        self.first_id.saturating_add(i as u64)
    }
    fn block_rows(&self) -> usize {
        self.block_rows
    }
    fn read<'a>(&'a self, range: Range<usize>, scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        check::range(&range, self.n)?;
        with_type!(self.element, T => self.read_as::<T>(range, scratch).map(T::rows))
    }
    fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        check::indices(rows, self.n)?;
        with_type!(self.element, T => self.gather_as::<T>(rows, scratch).map(T::rows))
    }
}

/// Turns the bytes of each value round.
fn swap(bytes: &mut [u8], size: usize) {
    bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
}

#[cfg(test)]
mod tests {
    use core::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Bytes that count how often and how much is read.
    struct Counted {
        bytes: Vec<u8>,
        reads: AtomicU64,
        read: AtomicU64,
    }

    impl ReadAt for Counted {
        fn len(&self) -> core::result::Result<u64, SourceError> {
            ReadAt::len(&self.bytes)
        }
        fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> core::result::Result<(), SourceError> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            self.read.fetch_add(out.len() as u64, Ordering::Relaxed);
            self.bytes.read_exact_at(offset, out)
        }
    }

    /// `n` rows of `d` values, each its own number.
    fn counted(n: usize, d: usize) -> Result<RawRows<Counted>> {
        let bytes = (0..n * d).flat_map(|v| (v as f32).to_le_bytes()).collect();
        let source = Counted { bytes, reads: AtomicU64::new(0), read: AtomicU64::new(0) };
        RawRows::new(source, .., ElementType::F32, n, d)
    }

    /// Reads and bytes of one gather, whose answer is checked.
    fn gather(rows: &RawRows<Counted>, wanted: &[usize]) -> Result<(u64, u64)> {
        let mut scratch = Scratch::new();
        let (reads, read) =
            (rows.source.reads.load(Ordering::Relaxed), rows.source.read.load(Ordering::Relaxed));
        #[allow(irrefutable_let_patterns, reason = "without the feature f16 there is one type")]
        let Rows::F32(found) = rows.gather(wanted, &mut scratch)? else { panic!("f32 asked for") };
        assert_eq!(found.dim(), (wanted.len(), rows.d));
        for (row, &i) in found.rows().into_iter().zip(wanted) {
            assert!(row.iter().enumerate().all(|(j, &v)| v == (i * rows.d + j) as f32), "row {i}: {row}");
        }
        Ok((
            rows.source.reads.load(Ordering::Relaxed) - reads,
            rows.source.read.load(Ordering::Relaxed) - read,
        ))
    }

    #[test]
    fn gather_reads_neighbours_together() -> Result<()> {
        let rows = counted(1000, 4)?; // 16 bytes a row
        assert_eq!(gather(&rows, &[])?, (0, 0));
        assert_eq!(gather(&rows, &[7, 8, 9])?, (1, 48));
        assert_eq!(gather(&rows, &[9, 7, 8, 7, 7])?, (1, 48));
        assert_eq!(gather(&rows, &[999, 0])?, (1, 16_000));
        let every: Vec<usize> = (0..1000).rev().collect();
        assert_eq!(gather(&rows, &every)?, (1, 16_000));
        Ok(())
    }

    #[test]
    fn gather_leaves_long_gaps_out() -> Result<()> {
        let rows = counted(200, 1024)?; // 4 KiB a row: gaps of up to 4 rows are read
        assert_eq!(gather(&rows, &[0, 5])?, (1, 6 * 4096));
        assert_eq!(gather(&rows, &[6, 0])?, (2, 2 * 4096));
        assert_eq!(gather(&rows, &[7, 0, 8, 1, 7])?, (2, 4 * 4096));
        // A run is at most 1 MiB, and what is read beside the wanted rows at most 16 KiB for each.
        let rows = counted(1024, 1024)?;
        let every: Vec<usize> = (0..1024).rev().collect();
        assert_eq!(gather(&rows, &every)?, (4, 4 << 20));
        // A row longer than a run.
        let rows = counted(3, 300_000)?;
        assert_eq!(gather(&rows, &[2, 0, 2])?, (2, 2 * 1_200_000));
        Ok(())
    }

    #[test]
    fn read_is_one_read() -> Result<()> {
        let rows = counted(100, 3)?;
        let mut scratch = Scratch::new();
        assert_eq!(RowSource::read(&rows, 5..95, &mut scratch)?.n_rows(), 90);
        assert_eq!(RowSource::read(&rows, 5..5, &mut scratch)?.n_rows(), 0);
        assert_eq!(rows.source.reads.load(Ordering::Relaxed), 1);
        assert_eq!(rows.source.read.load(Ordering::Relaxed), 90 * 12);
        Ok(())
    }

    #[test]
    fn swap_turns_each_value() {
        let mut bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        swap(&mut bytes, 4);
        assert_eq!(bytes, [4, 3, 2, 1, 8, 7, 6, 5]);
        swap(&mut bytes, 2);
        assert_eq!(bytes, [3, 4, 1, 2, 7, 8, 5, 6]);
    }
}
