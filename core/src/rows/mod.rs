//! Rows: the checked view through which every algorithm sees data.
//!
//! [`Rows`] erases the element type at the door: `f32`, and with the feature `f16` also
//! `half::f16` and `half::bf16`, in any strides. Values are widened where they are used, so a
//! set of `f16` rows never becomes a full `f32` copy. [`RowSource`] is the same for data that
//! may not fit into memory: rows that can be read again, in ranges and by index. [`RawRows`] reads
//! them from bytes, a file's for one; [`Shards`] makes one source of several.

use core::ops::Range;

use ndarray::{ArrayBase, ArrayView2, Data, Ix2, ShapeBuilder};

use crate::arrays::view;
use crate::check;
use crate::error::{Error, Result};
use crate::exact::float::widen;

pub mod copies;
mod element;
mod raw;
mod read_at;
mod shards;
mod source;

pub use element::ElementType;
pub use raw::RawRows;
pub use read_at::ReadAt;
pub use shards::Shards;
pub use source::{Blocked, RowSource, Scratch, Subset};
pub(crate) use source::{StoredRows, delivered, gather_from, read_from};

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

impl<'a> Rows<'a> {
    /// The rows of `[n, d]` values in a buffer: value j of row i is `values[i * strides[0] + j * strides[1]]`.
    /// Strides count elements; one of 0 repeats a value. A column-major array of n rows has the strides
    /// `[1, n]`, a window of an array the strides of that array and the buffer from its first value on.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a stride below 0, [`Error::ShapeMismatch`] when a value would lie
    /// outside of the buffer, [`Error::TooLarge`] when no buffer could hold it.
    /// # Example
    /// ```
    /// use pauca::Rows;
    /// // Two rows of three values, column after column, as Fortran and R store them.
    /// let rows = Rows::strided(&[1.0f32, 4.0, 2.0, 5.0, 3.0, 6.0], [2, 3], [1, 2])?;
    /// assert_eq!(rows.row(1, &mut [0.0; 3])?, [4.0, 5.0, 6.0]);
    /// # Ok::<(), pauca::Error>(())
    /// ```
    pub fn strided<T: RowElement>(values: &'a [T], shape: [usize; 2], strides: [isize; 2]) -> Result<Self> {
        let mut last = 0usize;
        for (size, stride) in shape.into_iter().zip(strides) {
            check::parameter("stride", stride as f64, "at least 0", stride >= 0)?;
            let reach = size.saturating_sub(1).checked_mul(stride.unsigned_abs());
            let (what, limit) = ("reach of the strides", isize::MAX as usize);
            last = reach.and_then(|reach| last.checked_add(reach)).unwrap_or(usize::MAX);
            check::at_most(what, last, limit)?;
        }
        let needed = if shape.contains(&0) { 0 } else { last + 1 };
        let (what, found) = ("values that the strides reach", values.len());
        check::shape(what, needed, found, needed <= found)?;
        let view = match needed {
            0 => ArrayView2::from_shape(shape, &values[..0]),
            _ => ArrayView2::from_shape(shape.strides(strides.map(isize::unsigned_abs)), values),
        };
        view.map(T::rows).map_err(|_| Error::ShapeMismatch { what, expected: needed, found })
    }
}

impl Rows<'_> {
    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        with_view!(self, v => v.nrows())
    }

    /// Number of values in a row.
    pub fn dim(&self) -> usize {
        with_view!(self, v => v.ncols())
    }

    /// Some columns of row `i` as they lie in memory; none where they do not lie side by side.
    pub(crate) fn bytes_of(&self, i: usize, columns: &Range<usize>) -> &[u8] {
        with_view!(self, view => match view.row(i).to_slice() {
            Some(row) => bytemuck::cast_slice(&row[columns.clone()]),
            None => &[],
        })
    }

    /// Lends the rows for a shorter time.
    pub fn view(&self) -> Rows<'_> {
        self.shortened()
    }

    /// Lends the rows for any shorter time: a view has one lifetime only.
    pub(crate) fn shortened<'s>(&self) -> Rows<'s>
    where
        Self: 's,
    {
        with_view!(*self, v => RowElement::rows(v.reborrow()))
    }

    /// The rows of `range`, without a copy.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when `range` does not lie inside.
    pub fn slice(&self, range: Range<usize>) -> Result<Rows<'_>> {
        check::range(&range, self.n_rows())?;
        Ok(with_view!(self, v => RowElement::rows(v.slice(ndarray::s![range, ..]))))
    }

    /// Whether the values of each row lie side by side.
    pub(crate) fn side_by_side(&self) -> bool {
        with_view!(self, view => view.row(0).to_slice().is_some())
    }

    /// Row `i` as `f32` (exact for every element type): in place where its values are `f32` side by side,
    /// else in `buffer`, which must have room for one row.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when `i` or the length of the buffer is wrong.
    /// # Example
    /// ```
    /// let x = ndarray::array![[1.0f32, 2.0], [3.0, 4.0]];
    /// let rows = pauca::Rows::F32(x.t());
    /// assert_eq!(rows.row(0, &mut [0.0; 2])?, [1.0, 3.0]);
    /// # Ok::<(), pauca::Error>(())
    /// ```
    pub fn row<'b>(&'b self, i: usize, buffer: &'b mut [f32]) -> Result<&'b [f32]> {
        let fits = buffer.len() >= self.dim();
        check::shape("row buffer", self.dim(), buffer.len(), fits)?;
        check::indices(&[i], self.n_rows())?;
        Ok(self.row_at(i, buffer))
    }

    /// [`row`](Rows::row) of an index and with a buffer that are known to be right.
    #[inline]
    pub(crate) fn row_at<'b>(&'b self, i: usize, buffer: &'b mut [f32]) -> &'b [f32] {
        with_view!(self, view => row_of(view, i, buffer))
    }

    /// Writes row `i`, widened to `f64`, into `out` (exact for every element type).
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when `i` or the length of `out` is wrong.
    pub fn read_row(&self, i: usize, out: &mut [f64]) -> Result<()> {
        check::same_length("row buffer", self.dim(), out.len())?;
        check::indices(&[i], self.n_rows())?;
        with_view!(self, v => {
            for (o, x) in out.iter_mut().zip(v.row(i)) {
                *o = widen(x.to_f32());
            }
        });
        Ok(())
    }
}

/// An element type of [`Rows`]; its values widen to `f32` exactly.
pub(crate) trait Element: Copy + Send + Sync + bytemuck::Pod {
    /// The exact value.
    fn to_f32(self) -> f32;
    /// Widens `from` into the equally long `to`, at the speed of the machine.
    fn to_f32_slice(from: &[Self], to: &mut [f32]);
    /// The row itself, where its values are `f32` already.
    fn as_f32(row: &[Self]) -> Option<&[f32]>;
}

impl Element for f32 {
    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }
    fn to_f32_slice(from: &[Self], to: &mut [f32]) {
        to.copy_from_slice(from);
    }
    #[inline(always)]
    fn as_f32(row: &[Self]) -> Option<&[f32]> {
        Some(row)
    }
}

#[cfg(feature = "f16")]
macro_rules! half_element {
    ($element:ty) => {
        impl Element for $element {
            fn to_f32(self) -> f32 {
                <$element>::to_f32(self)
            }
            fn to_f32_slice(from: &[Self], to: &mut [f32]) {
                half::slice::HalfFloatSliceExt::convert_to_f32_slice(from, to);
            }
            fn as_f32(_: &[Self]) -> Option<&[f32]> {
                None
            }
        }
    };
}
#[cfg(feature = "f16")]
half_element!(half::f16);
#[cfg(feature = "f16")]
half_element!(half::bf16);

/// Row `i` of `view` as `f32`: in place where its values are `f32` side by side, else in
/// `buffer`, which must have room for one row.
#[inline]
pub(crate) fn row_of<'b, T: Element>(
    view: &'b ArrayView2<'_, T>,
    i: usize,
    buffer: &'b mut [f32],
) -> &'b [f32] {
    let row = view.row(i);
    match row.to_slice() {
        Some(slice) => {
            if let Some(values) = T::as_f32(slice) {
                return values;
            }
            T::to_f32_slice(slice, &mut buffer[..slice.len()]);
        }
        None => {
            for (b, x) in buffer.iter_mut().zip(row) {
                *b = x.to_f32();
            }
        }
    }
    &buffer[..view.ncols()]
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
        check::same_length("x", check::product("rows * columns", n, d)?, values.len())?;
        view(values, n, d).map(T::rows)
    }
}

/// The element types of [`Rows`]; sealed.
pub trait RowElement: sealed::Sealed + Sized {
    /// The erased view.
    fn rows(view: ArrayView2<'_, Self>) -> Rows<'_>;
}

mod sealed {
    pub trait Sealed: Sized {
        /// The typed view of rows of this type.
        fn view_of<'r>(rows: &super::Rows<'r>) -> Option<ndarray::ArrayView2<'r, Self>>;
    }
}

macro_rules! row_element {
    ($element:ty, $variant:ident) => {
        impl sealed::Sealed for $element {
            fn view_of<'r>(rows: &Rows<'r>) -> Option<ArrayView2<'r, Self>> {
                match rows {
                    Rows::$variant(view) => Some(*view),
                    #[cfg(feature = "f16")]
                    _ => None,
                }
            }
        }
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
