//! The two kinds of real numbers that losses, codebooks and predictors are written for.
//!
//! Rows that are only read may be of any element type ([`Rows`](crate::Rows)). What is computed
//! *with*, and handed back as a gradient, a code or a parameter, is `f32` or `f64`: `f32` for training,
//! `f64` so that gradient checkers work.

use core::ops::{AddAssign, MulAssign, Neg, SubAssign};

use ndarray::{ArrayView2, LinalgScalar};

use crate::check;
use crate::error::Result;
use crate::exact::float::{finite, narrow, widen};
use crate::exact::{dot_wide, dot64, squared_distance, squared_distance_wide};
use crate::simd::KernelScalar;

/// `f32` or `f64`, with arithmetic; sealed.
///
/// Conversions are exact or rounded to the nearest value, under any denormal flags of the host;
/// transcendental functions are libm's on every platform.
///
/// # Example
/// ```
/// use pauca::Real;
/// fn mean<T: Real>(values: &[T]) -> T {
///     T::from_f64(values.iter().map(|v| v.to_f64()).sum::<f64>() / values.len() as f64)
/// }
/// assert_eq!(mean(&[1.0f32, 2.0]), 1.5);
/// assert_eq!(mean(&[1.0f64, 2.0]), 1.5);
/// ```
pub trait Real:
    sealed::Sealed
    + LinalgScalar
    + Default
    + PartialOrd
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + Send
    + Sync
    + core::fmt::Debug
{
    /// The exact value.
    fn to_f64(self) -> f64;
    /// The nearest value, ties to even.
    fn from_f64(x: f64) -> Self;
    /// Neither NaN nor infinite.
    fn is_finite(self) -> bool;
    /// e to this power.
    fn exp(self) -> Self;
    /// The error function.
    fn erf(self) -> Self;
    /// The square root.
    fn sqrt(self) -> Self;
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
    #[inline(always)]
    fn is_finite(self) -> bool {
        finite(self)
    }
    fn exp(self) -> Self {
        libm::expf(self)
    }
    fn erf(self) -> Self {
        libm::erff(self)
    }
    fn sqrt(self) -> Self {
        libm::sqrtf(self)
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
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.is_finite()
    }
    fn exp(self) -> Self {
        libm::exp(self)
    }
    fn erf(self) -> Self {
        libm::erf(self)
    }
    fn sqrt(self) -> Self {
        libm::sqrt(self)
    }
}

pub(crate) use sealed::Typed;

mod sealed {
    use super::*;

    /// A view whose element type is known again.
    pub enum Typed<'a> {
        F32(ArrayView2<'a, f32>),
        F64(ArrayView2<'a, f64>),
    }

    /// What the library needs to know beyond what it shows.
    #[allow(private_bounds, reason = "sealed: nobody outside names it")]
    pub trait Sealed: Sized + KernelScalar {
        /// The view, by its element type.
        fn typed(view: ArrayView2<'_, Self>) -> Typed<'_>;
        /// dot(x, x) in the fixed order.
        fn square(row: &[Self]) -> f64;
        /// Squared distance in the fixed order.
        fn distance(a: &[Self], b: &[Self]) -> f64;
        /// Bits of the value, the same for both zeros.
        fn key(self) -> u64;
    }
}

impl sealed::Sealed for f32 {
    fn typed(view: ArrayView2<'_, f32>) -> Typed<'_> {
        Typed::F32(view)
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

impl sealed::Sealed for f64 {
    fn typed(view: ArrayView2<'_, f64>) -> Typed<'_> {
        Typed::F64(view)
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

/// Names the first value that is not finite.
pub(crate) fn check_finite<T: Real>(view: &ArrayView2<'_, T>, what: &'static str) -> Result<()> {
    let mut rows = view.outer_iter().zip(0..);
    rows.try_for_each(|(values, row)| check::finite_row(what, row, values.iter().map(|x| x.to_f64())))
}
