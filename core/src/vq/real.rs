//! The two element types of latents and codes, and how rows of them are read.

use ndarray::{Array2, ArrayView2};

use crate::backend::{Backend, Copies};
use crate::control::Context;
use crate::error::{Error, Result, try_capacity, try_vec};
use crate::exact::float::{narrow, widen};
use crate::exact::{Metric, SearchStats, Sums, dot_wide, dot64, squared_distance, squared_distance_wide};
use crate::rows::Rows;
use crate::vq::{stats, wide};

/// Element type of latents and codes: `f32` or `f64`; sealed.
///
/// `f64` is there so that gradient checkers work; it is decided by the definition on every pair.
pub trait Real:
    sealed::Search + Copy + Default + PartialOrd + Send + Sync + core::fmt::Debug + 'static
{
    /// The exact value.
    fn to_f64(self) -> f64;
    /// The nearest value, ties to even.
    fn from_f64(x: f64) -> Self;
}

impl Real for f32 {
    #[inline(always)]
    fn to_f64(self) -> f64 {
        widen(self)
    }
    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        narrow(x)
    }
}

impl Real for f64 {
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        x
    }
}

pub(super) mod sealed {
    use super::*;

    /// What differs between the two types.
    pub trait Search: Sized {
        /// Codes, ready to be searched.
        type Targets<B: Backend>;

        /// Checks and packs codes.
        fn targets<B: Backend>(
            backend: &B,
            codes: &ArrayView2<'_, Self>,
            metric: Metric,
            cx: &Context,
        ) -> Result<Self::Targets<B>>;

        /// Ids and distances of the nearest codes.
        fn search<B: Backend>(
            backend: &B,
            rows: ArrayView2<'_, Self>,
            targets: &Self::Targets<B>,
            metric: Metric,
            ids: &mut [u32],
            distances: &mut [f64],
            cx: &Context,
        ) -> Result<SearchStats>;

        /// Adds rows (unit rows under cosine) to the sums of their codes.
        fn accumulate<B: Backend>(
            backend: &B,
            rows: ArrayView2<'_, Self>,
            metric: Metric,
            ids: &[u32],
            sums: &mut Sums,
            cx: &Context,
        ) -> Result<()>;

        /// dot(x, x) in the fixed order.
        fn square(row: &[Self]) -> f64;

        /// Squared distance in the fixed order.
        fn distance(a: &[Self], b: &[Self]) -> f64;

        /// Bits of the value, the same for both zeros.
        fn key(self) -> u64;
    }
}

impl sealed::Search for f32 {
    type Targets<B: Backend> = B::Targets;

    fn targets<B: Backend>(
        backend: &B,
        codes: &ArrayView2<'_, f32>,
        metric: Metric,
        cx: &Context,
    ) -> Result<B::Targets> {
        backend.targets(Rows::F32(codes.view()), 0, metric, Copies::Collapse, cx)
    }

    fn search<B: Backend>(
        backend: &B,
        rows: ArrayView2<'_, f32>,
        targets: &B::Targets,
        metric: Metric,
        ids: &mut [u32],
        distances: &mut [f64],
        cx: &Context,
    ) -> Result<SearchStats> {
        let block = backend.load(Rows::F32(rows), 0, metric, cx)?;
        let stats = backend.nearest(&block, targets, ids, cx)?;
        backend.values(&block, targets, ids, distances, cx)?;
        Ok(stats)
    }

    fn accumulate<B: Backend>(
        backend: &B,
        rows: ArrayView2<'_, f32>,
        metric: Metric,
        ids: &[u32],
        sums: &mut Sums,
        cx: &Context,
    ) -> Result<()> {
        let block = backend.load(Rows::F32(rows), 0, metric, cx)?;
        backend.accumulate(&block, None, ids, None, sums, cx)
    }

    fn square(row: &[f32]) -> f64 {
        dot64(row, row)
    }

    fn distance(a: &[f32], b: &[f32]) -> f64 {
        squared_distance(a, b)
    }

    fn key(self) -> u64 {
        let bits = self.to_bits();
        if bits == 1 << 31 { 0 } else { bits as u64 }
    }
}

impl sealed::Search for f64 {
    type Targets<B: Backend> = wide::Codes;

    fn targets<B: Backend>(
        _: &B,
        codes: &ArrayView2<'_, f64>,
        metric: Metric,
        _: &Context,
    ) -> Result<wide::Codes> {
        wide::Codes::new(codes, metric)
    }

    fn search<B: Backend>(
        _: &B,
        rows: ArrayView2<'_, f64>,
        targets: &wide::Codes,
        _: Metric,
        ids: &mut [u32],
        distances: &mut [f64],
        cx: &Context,
    ) -> Result<SearchStats> {
        wide::nearest(rows, targets, ids, distances, cx)
    }

    fn accumulate<B: Backend>(
        _: &B,
        rows: ArrayView2<'_, f64>,
        metric: Metric,
        ids: &[u32],
        sums: &mut Sums,
        cx: &Context,
    ) -> Result<()> {
        stats::accumulate_wide(&rows, metric, ids, sums, cx)
    }

    fn square(row: &[f64]) -> f64 {
        dot_wide(row, row)
    }

    fn distance(a: &[f64], b: &[f64]) -> f64 {
        squared_distance_wide(a, b)
    }

    fn key(self) -> u64 {
        let bits = self.to_bits();
        if bits == 1 << 63 { 0 } else { bits }
    }
}

/// Row `i` of `view`: in place where its values lie side by side, else in `buffer`.
#[inline]
pub(super) fn row_of<'b, T: Real>(view: &'b ArrayView2<'_, T>, i: usize, buffer: &'b mut [T]) -> &'b [T] {
    let row = view.row(i);
    match row.to_slice() {
        Some(slice) => slice,
        None => {
            for (b, x) in buffer.iter_mut().zip(row) {
                *b = *x;
            }
            buffer
        }
    }
}

/// The power of two by which a row is scaled before its norm is taken: 1 unless squares of its
/// values, or products of two squares, could leave the range of `f64`.
pub(super) fn safe_scale<T: Real>(row: &[T]) -> f64 {
    let largest = row.iter().fold(0.0f64, |m, x| m.max(x.to_f64().abs()));
    let exponent = (largest.to_bits() >> 52) as i64 - 1023;
    if largest == 0.0 || (-200..=200).contains(&exponent) {
        return 1.0;
    }
    f64::from_bits(((1023 - exponent).clamp(1, 2046) as u64) << 52)
}

/// The unit row x / sqrt(dot(x, x)), rounded once more to `T`; zeros for a row of zeros. Tier A.
pub(super) fn unit_into<T: Real>(row: &[T], out: &mut [T]) {
    let scale = safe_scale(row);
    if scale != 1.0 {
        for (o, x) in out.iter_mut().zip(row) {
            *o = T::from_f64(x.to_f64() * scale);
        }
    } else {
        out.copy_from_slice(row);
    }
    let square = T::square(out);
    if square == 0.0 {
        out.fill(T::default());
        return;
    }
    let norm = libm::sqrt(square);
    for o in out.iter_mut() {
        *o = T::from_f64(o.to_f64() / norm);
    }
}

/// An array of `rows` rows from their values, which must be as many.
pub(super) fn matrix<T>(values: alloc::vec::Vec<T>, rows: usize, columns: usize) -> Result<Array2<T>> {
    let found = values.len();
    let wrong = Error::ShapeMismatch { what: "values of an array", expected: rows * columns, found };
    Array2::from_shape_vec((rows, columns), values).map_err(|_| wrong)
}

/// Zeros, `[rows, columns]`.
pub(super) fn zeros<T: Real>(rows: usize, columns: usize) -> Result<alloc::vec::Vec<T>> {
    let len = rows.checked_mul(columns).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
    try_vec(len, T::default())
}

/// A copy in standard order.
pub(super) fn copy<T: Real>(view: &ArrayView2<'_, T>) -> Result<Array2<T>> {
    let mut values = try_capacity(view.len())?;
    values.extend(view.iter().copied());
    matrix(values, view.nrows(), view.ncols())
}

/// Both views must have as many columns.
pub(super) fn same_dim<T>(z: &ArrayView2<'_, T>, codes: &ArrayView2<'_, T>) -> Result<()> {
    let (expected, found) = (z.ncols(), codes.ncols());
    if expected != found {
        return Err(Error::ShapeMismatch { what: "columns of the codes", expected, found });
    }
    for (what, view) in [("z", z), ("codes", codes)] {
        if view.is_empty() {
            return Err(Error::Empty { what });
        }
    }
    Ok(())
}

/// Names the first value that is not finite.
pub(super) fn check_finite<T: Real>(view: &ArrayView2<'_, T>, what: &'static str) -> Result<()> {
    match view.indexed_iter().find(|(_, x)| !x.to_f64().is_finite()) {
        Some(((row, col), _)) => Err(Error::NonFinite { what, row: row as u64, col }),
        None => Ok(()),
    }
}
