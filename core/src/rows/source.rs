//! Rows that can be read again: what the algorithms iterate over.

use alloc::vec::Vec;
use core::ops::Range;

use ndarray::ArrayView2;

use super::element::with_type;
use super::{Element, ElementType, RowElement, Rows, with_view};
use crate::arrays;
use crate::check;
use crate::error::{Error, Result};
use crate::memory::{area, try_collect, try_grow};

/// A reusable buffer into which a [`RowSource`] may put the rows that it reads.
#[derive(Debug, Default)]
pub struct Scratch {
    words: Vec<u64>,
}

impl Scratch {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// Room for `len` elements, uninitialized in meaning: whatever earlier use left there.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn elements<T: bytemuck::Pod>(&mut self, len: usize) -> Result<&mut [T]> {
        let bytes = len.checked_mul(size_of::<T>()).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        let words = bytes.div_ceil(size_of::<u64>());
        if self.words.len() < words {
            let more = words - self.words.len();
            try_grow(&mut self.words, more)?;
            self.words.resize(words, 0);
        }
        let all: &mut [T] = bytemuck::try_cast_slice_mut(&mut self.words[..words]).map_err(|_| {
            Error::TooLarge { what: "alignment of an element", size: align_of::<T>(), limit: 8 }
        })?;
        Ok(&mut all[..len])
    }
}

/// Rows that can be read again and again, in ranges and by index: an array in memory ([`Rows`]), a
/// file or a memory map ([`RawRows`](crate::RawRows)), several of them ([`Shards`](crate::Shards)). A
/// source that can be read only once is first written to a raw file.
///
/// All ranges and indices are local (`0..n_rows`); [`row_id`](RowSource::row_id) gives the
/// global id that seeds randomness and names a row in errors.
///
/// # When it is read
/// The passes of k-means do not read rows that lie in memory in full
/// ([`resident`](RowSource::resident)).
///
/// [`read`](RowSource::read) and [`gather`](RowSource::gather) are called one at a time, never two at
/// once. A pass reads each row once, in ranges of [`block_rows`](RowSource::block_rows) that ascend.
/// Both are called on the calling thread, except that with a rayon pool the next block of a pass may
/// be read on a thread of that pool while the current block is worked on: a source needs no lock, but
/// must not count on one thread. `row_id` alone may be called from several threads at once.
///
/// | what is done | passes | gathers |
/// |---|---|---|
/// | [`KMeans`](crate::KMeans), seeding: given, random, k-means++ | 0, 0, 1; spherical 0, 1, 2 | the seeds; for k-means++ rows that may be the next seed, 256 at once |
/// | ... assigning | iterations + 1 | |
/// | ... an iteration that found a cluster empty | 1 more | the rows that fill it |
/// | ... the final distances | 1 | |
/// | [`SemDedup`](crate::SemDedup) | 1; with Euclidean clusters and an order by distance 2 | a row once for every pair of blocks that its block is in; rows of equal hash, 1,024 at once |
/// | [`SemDedupAgainst`](crate::SemDedupAgainst) | 2 over the new rows, 1 over the reference | a new row once for every block of reference rows of its cluster, a reference row once; rows of equal hash, 1,024 at once |
/// | [`D4`](crate::D4) | those of k-means, SemDedup, k-means | the passes of the second k-means: only the kept rows, ascending |
///
/// These are the most: a backend that keeps blocks, within its budget of memory, asks for fewer.
///
/// # Example
/// A source of one's own: rows that are computed.
/// ```
/// use pauca::{Context, Cpu, KMeans, Result, RowSource, Rows, Scratch};
/// struct Waves;
/// impl RowSource for Waves {
///     fn n_rows(&self) -> usize { 1000 }
///     fn dim(&self) -> usize { 2 }
///     fn read<'a>(&'a self, range: std::ops::Range<usize>, scratch: &'a mut Scratch) -> Result<Rows<'a>> {
///         self.gather(&range.collect::<Vec<_>>(), scratch)
///     }
///     fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
///         let out = scratch.elements::<f32>(rows.len() * 2)?;
///         for (row, &i) in out.chunks_exact_mut(2).zip(rows) {
///             row.copy_from_slice(&[(i as f32 / 100.0).sin(), (i % 7) as f32]);
///         }
///         pauca::IntoRows::into_rows((&*out, rows.len(), 2))
///     }
/// }
/// let clusters = KMeans::new(7).fit_on(&Cpu::new()?, &Waves, None, &Context::default())?;
/// assert_eq!(clusters.labels.len(), 1000);
/// # Ok::<(), pauca::Error>(())
/// ```
pub trait RowSource: Sync {
    /// Number of rows.
    fn n_rows(&self) -> usize;

    /// Values in a row.
    fn dim(&self) -> usize;

    /// Global id of row `i`. Results that depend on a seed depend on it through these ids only,
    /// so that a shard and the whole set draw the same numbers.
    fn row_id(&self, i: usize) -> u64 {
        i as u64
    }

    /// All rows at once, if they already lie in memory in full.
    fn resident(&self) -> Option<Rows<'_>> {
        None
    }

    /// All rows at once, if they lie in memory outside of this source, for as long as it may live: of
    /// [`Rows`], and of a reference to a source whose rows are [`resident`](RowSource::resident). A run
    /// that holds its source loads such rows once; rows that lie in the source itself it reads as if they
    /// came from a disk.
    fn lasting<'a>(&self) -> Option<Rows<'a>>
    where
        Self: 'a,
    {
        None
    }

    /// The most rows that the algorithms ask of [`read`](RowSource::read) at once.
    fn block_rows(&self) -> usize {
        8192
    }

    /// The rows of `range`, borrowed from the source or put into `scratch`.
    ///
    /// # Errors
    /// [`Error::Source`] with the source's own error.
    fn read<'a>(&'a self, range: Range<usize>, scratch: &'a mut Scratch) -> Result<Rows<'a>>;

    /// The rows named by `rows`, in that order (repeats allowed), put into `scratch`.
    ///
    /// # Errors
    /// [`Error::Source`] with the source's own error.
    fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>>;
}

/// The rows of `range`, whose shape is that of the source: a caller's source is not trusted to
/// deliver what was asked.
pub(crate) fn read_from<'a, S: RowSource + ?Sized>(
    source: &'a S,
    range: Range<usize>,
    scratch: &'a mut Scratch,
) -> Result<Rows<'a>> {
    let expected = range.len();
    delivered(source.read(range, scratch)?, expected, source.dim())
}

/// The rows `rows`, checked as by [`read_from`].
pub(crate) fn gather_from<'a, S: RowSource + ?Sized>(
    source: &'a S,
    rows: &[usize],
    scratch: &'a mut Scratch,
) -> Result<Rows<'a>> {
    delivered(source.gather(rows, scratch)?, rows.len(), source.dim())
}

/// Rows of that shape, or an error: see [`read_from`].
pub(crate) fn delivered(rows: Rows<'_>, n: usize, d: usize) -> Result<Rows<'_>> {
    check::same_length("number of rows that the source delivered", n, rows.n_rows())?;
    check::same_length("dimension of the rows that the source delivered", d, rows.dim())?;
    Ok(rows)
}

/// Sources behind a pointer, so that a run can hold a borrowed one, one of its own, or a shared one.
macro_rules! lent {
    ($($(#[$attribute:meta])* $pointer:ty $(where $bound:ident)?: $lasting:expr;)*) => {$(
        $(#[$attribute])*
        impl<'s, S: RowSource + ?Sized $(+ $bound)? + 's> RowSource for $pointer {
            fn n_rows(&self) -> usize {
                (**self).n_rows()
            }
            fn dim(&self) -> usize {
                (**self).dim()
            }
            fn row_id(&self, i: usize) -> u64 {
                (**self).row_id(i)
            }
            fn resident(&self) -> Option<Rows<'_>> {
                (**self).resident()
            }
            fn lasting<'a>(&self) -> Option<Rows<'a>>
            where
                Self: 'a,
            {
                let lasting: fn(&Self) -> Option<Rows<'a>> = $lasting;
                lasting(self)
            }
            fn block_rows(&self) -> usize {
                (**self).block_rows()
            }
            fn read<'a>(&'a self, range: Range<usize>, scratch: &'a mut Scratch) -> Result<Rows<'a>> {
                (**self).read(range, scratch)
            }
            fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
                (**self).gather(rows, scratch)
            }
        }
    )*};
}
lent! {
    /// A source that is lent: rows that lie in it last as long as the loan.
    &'s S: |source| {
        let source: &'s S = source;
        source.resident()
    };
    /// A source that is owned.
    alloc::boxed::Box<S>: |source| (**source).lasting();
    /// A source that is shared.
    #[cfg(feature = "std")]
    alloc::sync::Arc<S> where Send: |source| (**source).lasting();
}

impl RowSource for Rows<'_> {
    fn n_rows(&self) -> usize {
        Rows::n_rows(self)
    }

    fn dim(&self) -> usize {
        Rows::dim(self)
    }

    fn resident(&self) -> Option<Rows<'_>> {
        Some(self.view())
    }

    fn lasting<'a>(&self) -> Option<Rows<'a>>
    where
        Self: 'a,
    {
        Some(self.shortened())
    }

    fn read<'a>(&'a self, range: Range<usize>, _scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        self.slice(range)
    }

    fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        check::indices(rows, self.n_rows())?;
        let neighbors = rows.windows(2).all(|pair| pair[1] == pair[0] + 1);
        match rows.first() {
            // Neighbors are lent where they lie.
            Some(first) if neighbors && self.side_by_side() => self.slice(*first..*first + rows.len()),
            _ => with_view!(self, v => gather_into(v, rows, scratch).map(RowElement::rows)),
        }
    }
}

/// The rows of those indices, which are inside.
fn gather_into<'a, T: Element>(
    view: &ArrayView2<'_, T>,
    rows: &[usize],
    scratch: &'a mut Scratch,
) -> Result<ArrayView2<'a, T>> {
    let d = view.ncols();
    let len = area(rows.len(), d)?;
    let out = scratch.elements::<T>(len)?;
    for (target, &i) in out.chunks_exact_mut(d.max(1)).zip(rows) {
        for (o, x) in target.iter_mut().zip(view.row(i)) {
            *o = *x;
        }
    }
    arrays::view(out, rows.len(), d)
}

/// A copy of rows, of whatever element type.
#[derive(Debug)]
pub(crate) struct StoredRows {
    values: Scratch,
    element: ElementType,
    n: usize,
    d: usize,
}

impl StoredRows {
    /// Copies `rows`.
    pub fn of(rows: &Rows<'_>) -> Result<Self> {
        let mut values = Scratch::new();
        with_view!(rows, v => copy_into(v, &mut values))?;
        Ok(Self { values, element: ElementType::of(rows), n: rows.n_rows(), d: rows.dim() })
    }

    /// Copies some of the rows.
    pub fn gathered(rows: &Rows<'_>, some: &[u32]) -> Result<Self> {
        let some = try_collect(some.iter().map(|&i| i as usize))?;
        check::indices(&some, rows.n_rows())?;
        let mut values = Scratch::new();
        with_view!(rows, v => gather_into(v, &some, &mut values).map(drop))?;
        Ok(Self { values, element: ElementType::of(rows), n: some.len(), d: rows.dim() })
    }

    /// Bytes that a copy of `n` rows like these would take.
    pub fn bytes(rows: &Rows<'_>, n: usize) -> usize {
        n.saturating_mul(rows.dim()).saturating_mul(ElementType::of(rows).size())
    }

    /// The copied rows.
    pub fn view(&self) -> Rows<'_> {
        with_type!(self.element, T => T::rows(self.typed()))
    }

    fn typed<T: Element>(&self) -> ArrayView2<'_, T> {
        let all: &[T] = bytemuck::try_cast_slice(&self.values.words).unwrap_or(&[]);
        // The copy was made with this type and shape, so neither fallback is ever taken.
        let values = all.get(..self.n * self.d).unwrap_or(&[]);
        ArrayView2::from_shape((self.n, self.d), values).unwrap_or_else(|_| ArrayView2::from(&[[]; 0]))
    }
}

fn copy_into<T: Element>(view: &ArrayView2<'_, T>, out: &mut Scratch) -> Result<()> {
    let d = view.ncols().max(1);
    let size = area(view.nrows(), d)?;
    for (out, row) in out.elements::<T>(size)?.chunks_exact_mut(d).zip(view.rows()) {
        out.iter_mut().zip(row).for_each(|(o, x)| *o = *x);
    }
    Ok(())
}

/// In-memory rows that the algorithms read in blocks of `block_rows`, as if they came from a
/// disk: the same bits as the rows themselves, in the working memory of one block.
///
/// # Example
/// ```
/// use pauca::{Blocked, Context, Cpu, KMeans, Rows};
/// let x = ndarray::Array2::from_shape_fn((50, 3), |(i, j)| ((i * 7 + j * 3) % 11) as f32);
/// let blocked = Blocked::new(Rows::F32(x.view()), 8)?;
/// let clusters = KMeans::new(4).fit_on(&Cpu::new()?, &blocked, None, &Context::default())?;
/// assert_eq!(clusters.labels, KMeans::new(4).fit(&x)?.labels);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Blocked<'a> {
    rows: Rows<'a>,
    block_rows: usize,
}

impl<'a> Blocked<'a> {
    /// `rows`, to be read `block_rows` at a time.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] when `block_rows` is 0.
    pub fn new(rows: Rows<'a>, block_rows: usize) -> Result<Self> {
        check::at_least_one("block_rows", block_rows)?;
        Ok(Self { rows, block_rows })
    }
}

impl RowSource for Blocked<'_> {
    fn n_rows(&self) -> usize {
        self.rows.n_rows()
    }
    fn dim(&self) -> usize {
        self.rows.dim()
    }
    fn block_rows(&self) -> usize {
        self.block_rows
    }
    fn read<'a>(&'a self, range: Range<usize>, _scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        self.rows.slice(range)
    }
    fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        self.rows.gather(rows, scratch)
    }
}

/// Some rows of another source, in a given order, under their own global ids.
#[derive(Debug)]
pub struct Subset<S: RowSource> {
    source: S,
    rows: Vec<usize>,
}

impl<S: RowSource> Subset<S> {
    /// The rows `rows` of `source`: of a borrowed source, or of one that the subset holds.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when an index lies outside.
    pub fn new(source: S, rows: Vec<usize>) -> Result<Self> {
        check::indices(&rows, source.n_rows())?;
        Ok(Self { source, rows })
    }

    /// Index in the underlying source of each row of the subset.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }
}

impl<S: RowSource> RowSource for Subset<S> {
    fn n_rows(&self) -> usize {
        self.rows.len()
    }
    fn dim(&self) -> usize {
        self.source.dim()
    }
    fn row_id(&self, i: usize) -> u64 {
        self.rows.get(i).map_or(u64::MAX, |&r| self.source.row_id(r))
    }
    fn block_rows(&self) -> usize {
        self.source.block_rows()
    }
    fn read<'a>(&'a self, range: Range<usize>, scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        check::range(&range, self.rows.len())?;
        self.source.gather(&self.rows[range], scratch)
    }
    fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        let mut inner = crate::memory::try_capacity(rows.len())?;
        check::indices(rows, self.rows.len())?;
        inner.extend(rows.iter().map(|&i| self.rows[i]));
        self.source.gather(&inner, scratch)
    }
}
