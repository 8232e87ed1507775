//! Rows: the checked view through which every algorithm sees data.
//!
//! [`Rows`] erases the element type at the door: `f32`, and with the feature `f16` also
//! `half::f16` and `half::bf16`, in any strides. Values are widened where they are used, so a
//! set of `f16` rows never becomes a full `f32` copy. [`RowSource`] is the same for data that
//! may not fit into memory: rows that can be read again, in ranges and by index.

use alloc::vec::Vec;
use core::ops::Range;

use ndarray::{ArrayBase, ArrayView2, Data, Ix2};

use crate::error::{Error, Result, try_grow};
use crate::exact::float::widen;

mod blocks;
pub(crate) use blocks::Blocks;

/// A view of `n` rows of `d` values, of any element type and strides.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Rows<'a> {
    /// Rows of `f32`.
    F32(ArrayView2<'a, f32>),
    /// Rows of IEEE half precision.
    #[cfg(feature = "f16")]
    F16(ArrayView2<'a, half::f16>),
    /// Rows of bfloat16.
    #[cfg(feature = "f16")]
    Bf16(ArrayView2<'a, half::bf16>),
}

/// Runs `$body` with `$view` bound to the typed view inside a [`Rows`].
macro_rules! with_view {
    ($rows:expr, $view:ident => $body:expr) => {
        match $rows {
            $crate::rows::Rows::F32($view) => $body,
            #[cfg(feature = "f16")]
            $crate::rows::Rows::F16($view) => $body,
            #[cfg(feature = "f16")]
            $crate::rows::Rows::Bf16($view) => $body,
        }
    };
}
pub(crate) use with_view;

impl Rows<'_> {
    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        with_view!(self, v => v.nrows())
    }

    /// Number of values in a row.
    pub fn dim(&self) -> usize {
        with_view!(self, v => v.ncols())
    }

    /// The same rows for a shorter time.
    pub fn view(&self) -> Rows<'_> {
        match self {
            Rows::F32(v) => Rows::F32(v.view()),
            #[cfg(feature = "f16")]
            Rows::F16(v) => Rows::F16(v.view()),
            #[cfg(feature = "f16")]
            Rows::Bf16(v) => Rows::Bf16(v.view()),
        }
    }

    /// The rows of `range`, without a copy.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when `range` does not lie inside.
    pub fn slice(&self, range: Range<usize>) -> Result<Rows<'_>> {
        if range.start > range.end || range.end > self.n_rows() {
            return Err(Error::ShapeMismatch {
                what: "row range",
                expected: self.n_rows(),
                found: range.end.max(range.start),
            });
        }
        let step = ndarray::s![range, ..];
        Ok(match self {
            Rows::F32(v) => Rows::F32(v.slice(step)),
            #[cfg(feature = "f16")]
            Rows::F16(v) => Rows::F16(v.slice(step)),
            #[cfg(feature = "f16")]
            Rows::Bf16(v) => Rows::Bf16(v.slice(step)),
        })
    }

    /// Writes row `i`, widened to `f64`, into `out` (exact for every element type).
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when `i` or the length of `out` is wrong.
    pub fn read_row(&self, i: usize, out: &mut [f64]) -> Result<()> {
        if out.len() != self.dim() {
            return Err(Error::ShapeMismatch { what: "row buffer", expected: self.dim(), found: out.len() });
        }
        if i >= self.n_rows() {
            return Err(Error::ShapeMismatch { what: "row index", expected: self.n_rows(), found: i });
        }
        with_view!(self, v => {
            for (o, x) in out.iter_mut().zip(v.row(i)) {
                *o = x.to_f64();
            }
        });
        Ok(())
    }
}

/// An element type of [`Rows`]: widened exactly, whatever the host's denormal flags are.
pub(crate) trait Element: Copy + Send + Sync + bytemuck::Pod {
    /// The exact value.
    fn to_f64(self) -> f64;
    /// The exact value as `f32` bits.
    fn to_f32(self) -> f32;
    /// Widens `from` into the equally long `to`, at the speed of the machine.
    fn to_f32_slice(from: &[Self], to: &mut [f32]);
    /// Neither NaN nor infinite, by its bits.
    fn is_finite(self) -> bool;
}

impl Element for f32 {
    #[inline(always)]
    fn to_f64(self) -> f64 {
        widen(self)
    }
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }
    #[inline(always)]
    fn to_f32_slice(from: &[Self], to: &mut [f32]) {
        to.copy_from_slice(from);
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.to_bits() & 0x7f80_0000 != 0x7f80_0000
    }
}

#[cfg(feature = "f16")]
impl Element for half::f16 {
    #[inline(always)]
    fn to_f64(self) -> f64 {
        widen(self.to_f32())
    }
    #[inline(always)]
    fn to_f32(self) -> f32 {
        half::f16::to_f32(self)
    }
    fn to_f32_slice(from: &[Self], to: &mut [f32]) {
        half::slice::HalfFloatSliceExt::convert_to_f32_slice(from, to);
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.to_bits() & 0x7c00 != 0x7c00
    }
}

#[cfg(feature = "f16")]
impl Element for half::bf16 {
    #[inline(always)]
    fn to_f64(self) -> f64 {
        widen(self.to_f32())
    }
    #[inline(always)]
    fn to_f32(self) -> f32 {
        half::bf16::to_f32(self)
    }
    fn to_f32_slice(from: &[Self], to: &mut [f32]) {
        half::slice::HalfFloatSliceExt::convert_to_f32_slice(from, to);
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.to_bits() & 0x7f80 != 0x7f80
    }
}

/// Row `i` of `view` as a slice; copied into `buffer` when its values do not lie side by side.
/// `buffer` must have room for one row.
#[inline]
pub(crate) fn row_of<'b, T: Element>(view: &'b ArrayView2<'_, T>, i: usize, buffer: &'b mut [T]) -> &'b [T] {
    let row = view.row(i);
    match row.to_slice() {
        Some(slice) => slice,
        None => {
            for (b, x) in buffer.iter_mut().zip(row) {
                *b = *x;
            }
            &buffer[..view.ncols()]
        }
    }
}

/// What can be seen as [`Rows`]: ndarray views and arrays of any order, and `(&[f32], n, d)`.
///
/// # Example
/// ```
/// use pauca::{IntoRows, Rows};
/// let flat = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let rows: Rows = (&flat[..], 3, 2).into_rows()?;
/// assert_eq!((rows.n_rows(), rows.dim()), (3, 2));
/// assert!((&flat[..], 4, 2).into_rows().is_err());
/// # Ok::<(), pauca::Error>(())
/// ```
pub trait IntoRows<'a> {
    /// The checked view.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when the buffer does not hold exactly `n * d` values.
    fn into_rows(self) -> Result<Rows<'a>>;
}

impl<'a> IntoRows<'a> for Rows<'a> {
    fn into_rows(self) -> Result<Rows<'a>> {
        Ok(self)
    }
}

impl<'a, T: RowElement> IntoRows<'a> for ArrayView2<'a, T> {
    fn into_rows(self) -> Result<Rows<'a>> {
        Ok(T::rows(self))
    }
}

impl<'a, S: Data<Elem: RowElement>> IntoRows<'a> for &'a ArrayBase<S, Ix2> {
    fn into_rows(self) -> Result<Rows<'a>> {
        Ok(RowElement::rows(self.view()))
    }
}

impl<'a, T: RowElement> IntoRows<'a> for (&'a [T], usize, usize) {
    fn into_rows(self) -> Result<Rows<'a>> {
        let (values, n, d) = self;
        let found = values.len();
        let (what, size) = ("rows * columns", n);
        let expected =
            n.checked_mul(d).ok_or(Error::TooLarge { what, size, limit: usize::MAX / d.max(1) })?;
        let wrong = Error::ShapeMismatch { what: "x", expected, found };
        if found != expected {
            return Err(wrong);
        }
        ArrayView2::from_shape((n, d), values).map(T::rows).map_err(|_| wrong)
    }
}

/// The element types of [`Rows`]; sealed.
pub trait RowElement: sealed::Sealed + Sized {
    /// The erased view.
    fn rows(view: ArrayView2<'_, Self>) -> Rows<'_>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! row_element {
    ($element:ty, $variant:ident) => {
        impl sealed::Sealed for $element {}
        impl RowElement for $element {
            fn rows(view: ArrayView2<'_, Self>) -> Rows<'_> {
                Rows::$variant(view)
            }
        }
    };
}
row_element!(f32, F32);
#[cfg(feature = "f16")]
row_element!(half::f16, F16);
#[cfg(feature = "f16")]
row_element!(half::bf16, Bf16);

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

    /// Room for `len` elements, uninitialised in meaning: whatever earlier use left there.
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

/// Rows that can be read again and again, in ranges and by index: an array in memory, a memory
/// map, a set of shards. A source that can be read only once is first written to a raw file.
///
/// All ranges and indices are local (`0..n_rows`); [`row_id`](RowSource::row_id) gives the
/// global id that seeds randomness and names a row in errors.
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

impl<S: RowSource + ?Sized> RowSource for &S {
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

    fn read<'a>(&'a self, range: Range<usize>, _scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        self.slice(range)
    }

    fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        match self {
            Rows::F32(v) => gather_into(v, rows, scratch).map(Rows::F32),
            #[cfg(feature = "f16")]
            Rows::F16(v) => gather_into(v, rows, scratch).map(Rows::F16),
            #[cfg(feature = "f16")]
            Rows::Bf16(v) => gather_into(v, rows, scratch).map(Rows::Bf16),
        }
    }
}

fn gather_into<'a, T: Element>(
    view: &ArrayView2<'_, T>,
    rows: &[usize],
    scratch: &'a mut Scratch,
) -> Result<ArrayView2<'a, T>> {
    let d = view.ncols();
    let len = rows.len().checked_mul(d).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
    let out = scratch.elements::<T>(len)?;
    for (target, &i) in out.chunks_exact_mut(d.max(1)).zip(rows) {
        if i >= view.nrows() {
            return Err(Error::ShapeMismatch { what: "row index", expected: view.nrows(), found: i });
        }
        for (o, x) in target.iter_mut().zip(view.row(i)) {
            *o = *x;
        }
    }
    ArrayView2::from_shape((rows.len(), d), &*out).map_err(|_| Error::ShapeMismatch {
        what: "gathered rows",
        expected: len,
        found: rows.len(),
    })
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
        if block_rows == 0 {
            return Err(Error::InvalidParameter { name: "block_rows", value: 0.0, expected: "at least 1" });
        }
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
pub struct Subset<'s, S: RowSource + ?Sized> {
    source: &'s S,
    rows: Vec<usize>,
}

impl<'s, S: RowSource + ?Sized> Subset<'s, S> {
    /// The rows `rows` of `source`.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when an index lies outside.
    pub fn new(source: &'s S, rows: Vec<usize>) -> Result<Self> {
        let n = source.n_rows();
        match rows.iter().find(|&&i| i >= n) {
            Some(&found) => Err(Error::ShapeMismatch { what: "row index", expected: n, found }),
            None => Ok(Self { source, rows }),
        }
    }

    /// Index in the underlying source of each row of the subset.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }
}

impl<S: RowSource + ?Sized> RowSource for Subset<'_, S> {
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
        let (expected, found) = (self.rows.len(), range.end);
        let rows = self.rows.get(range).ok_or(Error::ShapeMismatch { what: "row range", expected, found })?;
        self.source.gather(rows, scratch)
    }
    fn gather<'a>(&'a self, rows: &[usize], scratch: &'a mut Scratch) -> Result<Rows<'a>> {
        let mut inner = crate::error::try_capacity(rows.len())?;
        for &i in rows {
            let expected = self.rows.len();
            inner.push(*self.rows.get(i).ok_or(Error::ShapeMismatch {
                what: "row index",
                expected,
                found: i,
            })?);
        }
        self.source.gather(&inner, scratch)
    }
}
