//! Rows into the digits of exact sums.
//!
//! A value v of ordinary magnitude lies on the grid of the sums' digits q_1 > q_2 > ..., each 2^-32 of the one before.
//! v + 1.5 2^52 q_1 is v rounded to a multiple of q_1; the difference of the bits of that sum and of 1.5 2^52 q_1 is
//! the multiple. What is left of v, exactly, goes to the next digit in the same way. A row has two digits, a row times
//! a weight (48 bits a product) three. Which values are ordinary is said, and tested before anything is added, in
//! [`exact::sums`](crate::exact::Sums). Integers are added, so no level and no order changes a sum.
//!
//! The sums of a cluster lie in the nearest cache while its rows are added; what bounds the speed is the memory that the
//! rows come from. So a later row is asked for while one is added, a line of the cache for each sixteen values: all of
//! its lines at once are more than a core can wait for, and took half as long again.
//!
//! **Unit rows.** f32(RN64(x / r)) is made without a division. With i = RN64(1 / r), the product RN64(x i) is within
//! (3 + 2^-50) 2^-53 of RN64(x / r), relatively: the roundings of i, of the product and of the quotient. That is
//! less than 4 units of its last place. Both round to the same f32 unless a midpoint of two f32, whose last 29 bits
//! are 2^28, lies within 4 units; then, once in 6 10^7 values, the row is divided.

use super::ask::ask_for_line;
use super::level::{Level, unavailable};
use crate::error::Result;
use crate::exact::sums::{magic, ordinary, ordinary_products};
use crate::exact::unit_row;

/// Arguments of [`PlaneKernel::add`] and [`PlaneKernel::add_products`]; whether the row was added.
type Add<const N: usize> = unsafe fn(&[f32], f64, [&mut [i64]; N], &[u8]) -> bool;
type Unit = unsafe fn(&[f32], f64, &mut [f32]) -> bool;

/// The kernel of one level: holding one is the proof that the machine has the level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlaneKernel {
    add: Add<2>,
    add_products: Add<3>,
    unit: Unit,
}

impl PlaneKernel {
    pub fn new(level: Level) -> Result<Self> {
        if !level.is_available() {
            return Err(unavailable());
        }
        Ok(match level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 | Level::AvxVnni => AVX2,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 | Level::Avx512Vnni | Level::Amx => AVX512,
            #[cfg(target_arch = "aarch64")]
            Level::Neon => NEON,
            // No wildcard: a new level that took the scalar body would be right, and slow, unseen.
            Level::Scalar => SCALAR,
            #[cfg(not(target_arch = "x86_64"))]
            Level::Avx2 | Level::AvxVnni | Level::Avx512 | Level::Avx512Vnni | Level::Amx => SCALAR,
            #[cfg(not(target_arch = "aarch64"))]
            Level::Neon => SCALAR,
        })
    }

    /// Adds `row` to its digits (highest first; `sign` +1) or takes it away (-1). False, and nothing is changed, when
    /// a value is not ordinary. `later` are the bytes of a row that will be added soon: a hint, which may be empty.
    #[inline]
    pub fn add(&self, row: &[f32], sign: i64, digits: [&mut [i64]; 2], later: &[u8]) -> bool {
        assert!(digits.iter().all(|digits| digits.len() == row.len()));
        // SAFETY: the level was checked when the kernel was made.
        unsafe { (self.add)(row, sign as f64, digits, later) }
    }

    /// As [`add`](PlaneKernel::add), of `row` times `weight`, a widened f32 or the negative of one.
    #[inline]
    pub fn add_products(&self, row: &[f32], weight: f64, digits: [&mut [i64]; 3], later: &[u8]) -> bool {
        assert!(digits.iter().all(|digits| digits.len() == row.len()));
        // SAFETY: the level was checked when the kernel was made.
        unsafe { (self.add_products)(row, weight, digits, later) }
    }

    /// [`unit_row`], to the bit.
    #[inline]
    pub fn unit(&self, row: &[f32], square: f64, out: &mut [f32]) {
        // SAFETY: the level was checked when the kernel was made.
        let sure = square > 0.0 && unsafe { (self.unit)(row, libm::sqrt(square), out) };
        if !sure {
            unit_row(row, square, out);
        }
    }
}

/// Values that are added between two lines of the cache, of 64 bytes.
const STEP: usize = 16;

/// A register of `LANES` f64.
trait Register: Copy {
    const LANES: usize;
    /// `LANES` digits.
    type Digits: Copy;
    /// `x` in every lane.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn splat(x: f64) -> Self;
    /// The f32 from `from` on, none of them subnormal.
    ///
    /// # Safety
    /// The instruction set of the type is enabled; `from` may be read for LANES values, at any alignment.
    unsafe fn widen(from: *const f32) -> Self;
    /// `self * other`.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn times(self, other: Self) -> Self;
    /// `self + other`.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn plus(self, other: Self) -> Self;
    /// `self - other`.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn minus(self, other: Self) -> Self;
    /// The digits from `at` on, plus the bits of `self`, minus those of `other`.
    ///
    /// # Safety
    /// The instruction set of the type is enabled; `at` may be read for LANES values, at any alignment.
    unsafe fn counted(self, other: Self, at: *const i64) -> Self::Digits;
    /// Writes the digits from `at` on.
    ///
    /// # Safety
    /// The instruction set of the type is enabled; `at` may be written for LANES values, at any alignment.
    unsafe fn store(digits: Self::Digits, at: *mut i64);
}

/// Registers in memory: ends of rows, the scalar level, and the shape of every level in tests.
impl<const N: usize> Register for [f64; N] {
    const LANES: usize = N;
    type Digits = [i64; N];
    #[inline(always)]
    unsafe fn splat(x: f64) -> Self {
        [x; N]
    }
    #[inline(always)]
    unsafe fn widen(from: *const f32) -> Self {
        // SAFETY: the caller's pointer is valid for LANES values.
        unsafe { from.cast::<[f32; N]>().read_unaligned() }.map(f64::from)
    }
    #[inline(always)]
    unsafe fn times(self, other: Self) -> Self {
        core::array::from_fn(|l| self[l] * other[l])
    }
    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        core::array::from_fn(|l| self[l] + other[l])
    }
    #[inline(always)]
    unsafe fn minus(self, other: Self) -> Self {
        core::array::from_fn(|l| self[l] - other[l])
    }
    #[inline(always)]
    unsafe fn counted(self, other: Self, at: *const i64) -> [i64; N] {
        // SAFETY: the caller's pointer is valid for LANES values.
        let before = unsafe { at.cast::<[i64; N]>().read_unaligned() };
        core::array::from_fn(|l| {
            before[l].wrapping_add(self[l].to_bits().wrapping_sub(other[l].to_bits()) as i64)
        })
    }
    #[inline(always)]
    unsafe fn store(digits: [i64; N], at: *mut i64) {
        // SAFETY: the caller's pointer is valid for LANES values.
        unsafe { at.cast::<[i64; N]>().write_unaligned(digits) }
    }
}

/// Implements [`Register`] for a register of the machine. Expressions, no closures: a closure is a function without the
/// instruction set, and what it calls may stay a call.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! register {
    ($register:ty, $lanes:literal, $digits:ty, $splat:path, $times:path, $plus:path, $minus:path,
     |$from:ident| $widen:expr, |$x:ident, $other:ident, $before:ident| $counted:expr, |$at:ident, $sums:ident| $store:expr) => {
        impl Register for $register {
            const LANES: usize = $lanes;
            type Digits = $digits;
            #[inline(always)]
            unsafe fn splat(x: f64) -> Self {
                // SAFETY: the caller has enabled the instruction set.
                unsafe { $splat(x) }
            }
            #[inline(always)]
            unsafe fn widen($from: *const f32) -> Self {
                // SAFETY: the caller has enabled the instruction set; the load takes LANES values at any alignment.
                unsafe { $widen }
            }
            #[inline(always)]
            unsafe fn times(self, other: Self) -> Self {
                // SAFETY: the caller has enabled the instruction set.
                unsafe { $times(self, other) }
            }
            #[inline(always)]
            unsafe fn plus(self, other: Self) -> Self {
                // SAFETY: the caller has enabled the instruction set.
                unsafe { $plus(self, other) }
            }
            #[inline(always)]
            unsafe fn minus(self, other: Self) -> Self {
                // SAFETY: the caller has enabled the instruction set.
                unsafe { $minus(self, other) }
            }
            #[inline(always)]
            unsafe fn counted(self, $other: Self, $before: *const i64) -> $digits {
                let $x = self;
                // SAFETY: the caller has enabled the instruction set; the load takes LANES values at any alignment.
                unsafe { $counted }
            }
            #[inline(always)]
            unsafe fn store($sums: $digits, $at: *mut i64) {
                // SAFETY: the caller has enabled the instruction set; the store takes LANES values at any alignment.
                unsafe { $store }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::arch::x86_64::*;

    use super::Register;

    register!(
        __m256d,
        4,
        __m256i,
        _mm256_set1_pd,
        _mm256_mul_pd,
        _mm256_add_pd,
        _mm256_sub_pd,
        |from| _mm256_cvtps_pd(_mm_loadu_ps(from)),
        |x, other, before| _mm256_add_epi64(
            _mm256_loadu_si256(before.cast()),
            _mm256_sub_epi64(_mm256_castpd_si256(x), _mm256_castpd_si256(other)),
        ),
        |at, sums| _mm256_storeu_si256(at.cast(), sums)
    );
    register!(
        __m512d,
        8,
        __m512i,
        _mm512_set1_pd,
        _mm512_mul_pd,
        _mm512_add_pd,
        _mm512_sub_pd,
        |from| _mm512_cvtps_pd(_mm256_loadu_ps(from)),
        |x, other, before| _mm512_add_epi64(
            _mm512_loadu_epi64(before),
            _mm512_sub_epi64(_mm512_castpd_si512(x), _mm512_castpd_si512(other)),
        ),
        |at, sums| _mm512_storeu_epi64(at, sums)
    );
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use core::arch::aarch64::*;

    use super::Register;

    register!(
        float64x2_t,
        2,
        int64x2_t,
        vdupq_n_f64,
        vmulq_f64,
        vaddq_f64,
        vsubq_f64,
        |from| vcvt_f64_f32(vld1_f32(from)),
        |x, other, before| vaddq_s64(
            vld1q_s64(before),
            vsubq_s64(vreinterpretq_s64_f64(x), vreinterpretq_s64_f64(other)),
        ),
        |at, sums| vst1q_s64(at, sums)
    );
}

/// Adds `factor` times the values from `from` to `to` to their digits.
///
/// # Safety
/// `R`'s instruction set is enabled; `values` and each of `digits` are valid for `to` values, and R::LANES divides
/// `to - from`.
#[inline(always)]
unsafe fn stretch<R: Register, const N: usize>(
    values: *const f32,
    factor: f64,
    digits: [*mut i64; N],
    (from, to): (usize, usize),
) {
    // SAFETY: every index below is between `from` and `to`, a whole number of registers from the first; digits are integers,
    // of which 0 is one.
    unsafe {
        let factor = R::splat(factor);
        // Loops, not closures: what is not part of a function with the instruction set may stay a call.
        let mut grid = [R::splat(0.0); N];
        for b in 0..N {
            grid[b] = R::splat(magic(-32 * (b as i32 + 1)));
        }
        for j in (from..to).step_by(R::LANES) {
            let mut rest = R::widen(values.add(j)).times(factor);
            // All digits are read before any is written: planes a multiple of 4096 bytes apart would else
            // make each load wait for the store before it.
            let mut sums: [R::Digits; N] = core::mem::zeroed();
            for b in 0..N {
                let rounded = rest.plus(grid[b]);
                rest = rest.minus(rounded.minus(grid[b]));
                sums[b] = rounded.counted(grid[b], digits[b].add(j));
            }
            for b in 0..N {
                R::store(sums[b], digits[b].add(j));
            }
        }
    }
}

/// # Safety
/// `R`'s instruction set is enabled; each of `digits` is as long as `row`.
#[inline(always)]
unsafe fn body<R: Register, const N: usize>(
    row: &[f32],
    factor: f64,
    digits: [&mut [i64]; N],
    later: &[u8],
) -> bool {
    const { assert!(STEP.is_multiple_of(R::LANES)) };
    let fine = if N == 2 { ordinary(row) } else { ordinary_products(row, factor) };
    if fine {
        let (values, digits) = (row.as_ptr(), digits.map(|digits| digits.as_mut_ptr()));
        let (steps, whole) = (row.len() / STEP, row.len() - row.len() % R::LANES);
        // SAFETY: the pointers are those of slices as long as `row`.
        unsafe {
            for step in 0..steps {
                ask_for_line(later, step);
                stretch::<R, N>(values, factor, digits, (step * STEP, (step + 1) * STEP));
            }
            stretch::<R, N>(values, factor, digits, (steps * STEP, whole));
            stretch::<[f64; 1], N>(values, factor, digits, (whole, row.len()));
        }
    }
    fine
}

/// Writes f32(RN64(x / norm)) for every x; false when a value needs the division, or is subnormal before or after.
#[inline(always)]
fn unit(row: &[f32], norm: f64, out: &mut [f32]) -> bool {
    const MIDPOINT: u64 = 1 << 28;
    const NORMAL: u32 = 0x0080_0000;
    let inverse = 1.0 / norm;
    let one = |x: f32, out: &mut f32| {
        let product = x as f64 * inverse;
        let unit = product as f32;
        *out = unit;
        let close = (product.to_bits() & (2 * MIDPOINT - 1)).wrapping_sub(MIDPOINT - 4) <= 8;
        let magnitudes = (x.to_bits() & 0x7fff_ffff, unit.to_bits() & 0x7fff_ffff);
        let tiny = magnitudes.0 != 0 && (magnitudes.0 < NORMAL || magnitudes.1 < NORMAL);
        u32::from(close) | u32::from(tiny)
    };
    const WIDTH: usize = 16;
    let (body, tail) = row.as_chunks::<WIDTH>();
    let (out_body, out_tail) = out.as_chunks_mut::<WIDTH>();
    let mut unsure = [0; WIDTH];
    for (x, out) in body.iter().zip(out_body) {
        for l in 0..WIDTH {
            unsure[l] |= one(x[l], &mut out[l]);
        }
    }
    for (x, out) in tail.iter().zip(out_tail) {
        unsure[0] |= one(*x, out);
    }
    unsure == [0; WIDTH]
}

/// Declares the kernel of one level with its wrappers.
macro_rules! kernel {
    ($kernel:ident, $add:ident, $products:ident, $unit:ident, $register:ty $(, $feature:literal)?) => {
        const $kernel: PlaneKernel = PlaneKernel { add: $add, add_products: $products, unit: $unit };

        /// # Safety
        /// As [`body`]; the caller has checked that the machine has the level.
        $(#[target_feature(enable = $feature)])?
        unsafe fn $add(row: &[f32], factor: f64, digits: [&mut [i64]; 2], later: &[u8]) -> bool {
            // SAFETY: the caller's contract is the same.
            unsafe { body::<$register, 2>(row, factor, digits, later) }
        }

        /// # Safety
        /// As [`body`]; the caller has checked that the machine has the level.
        $(#[target_feature(enable = $feature)])?
        unsafe fn $products(row: &[f32], factor: f64, digits: [&mut [i64]; 3], later: &[u8]) -> bool {
            // SAFETY: the caller's contract is the same.
            unsafe { body::<$register, 3>(row, factor, digits, later) }
        }

        /// # Safety
        /// The caller has checked that the machine has the level.
        $(#[target_feature(enable = $feature)])?
        unsafe fn $unit(row: &[f32], norm: f64, out: &mut [f32]) -> bool {
            unit(row, norm, out)
        }
    };
}

kernel!(SCALAR, add_scalar, products_scalar, unit_scalar, [f64; 2]);
#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::{__m256d, __m512d};
#[cfg(target_arch = "x86_64")]
kernel!(AVX2, add_avx2, products_avx2, unit_avx2, __m256d, "avx2,fma");
#[cfg(target_arch = "x86_64")]
kernel!(AVX512, add_avx512, products_avx512, unit_avx512, __m512d, "avx512f,avx512vl,fma");
#[cfg(target_arch = "aarch64")]
use core::arch::aarch64::float64x2_t;
#[cfg(target_arch = "aarch64")]
kernel!(NEON, add_neon, products_neon, unit_neon, float64x2_t, "neon");

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::super::portable::skipped;
    use super::*;
    use crate::random::Stream;

    /// A level's body at its shape, on plain arrays.
    fn portable<const LANES: usize>() -> PlaneKernel {
        PlaneKernel { add: body::<[f64; LANES], 2>, add_products: body::<[f64; LANES], 3>, unit: unit_scalar }
    }

    fn kernels() -> Vec<(Level, PlaneKernel)> {
        let mut all = vec![
            (Level::Neon, portable::<2>()),
            (Level::Avx2, portable::<4>()),
            (Level::Avx512, portable::<8>()),
        ];
        for level in Level::ALL {
            match PlaneKernel::new(*level) {
                Ok(kernel) => all.push((*level, kernel)),
                Err(_) => skipped(*level, "the kernel of exact sums"),
            }
        }
        all
    }

    /// m 2^e from the bits of `word`: 24 bits, or 0, of an ordinary magnitude.
    fn value(word: u64) -> f32 {
        let exponent = 127 - 41 + (word >> 32) as u32 % 57;
        let bits = exponent << 23 | word as u32 & 0x807f_ffff;
        f32::from_bits(if word.is_multiple_of(11) { 0 } else { bits })
    }

    /// x as a multiple of 2^-96, by shifts of its significand.
    fn scaled(x: f64) -> i128 {
        let (bits, magnitude) = (x.to_bits(), x.to_bits() << 1 >> 1);
        if magnitude == 0 {
            return 0;
        }
        let significand = (bits & ((1 << 52) - 1) | 1 << 52) as i128;
        let shift = (magnitude >> 52) as i32 - 1075 + 96;
        let whole = if shift < 0 { significand >> -shift } else { significand << shift };
        assert!(shift >= 0 || whole << -shift == significand, "{x:e} is off the grid");
        if bits >> 63 == 1 { -whole } else { whole }
    }

    #[test]
    fn every_level_adds_what_integers_add() {
        let stream = Stream::new(21, 99);
        for (level, kernel) in kernels() {
            for d in [1usize, 2, 3, 7, 8, 9, 16, 100, 384] {
                let (mut two, mut three) = (vec![0i64; 2 * d], vec![0i64; 3 * d]);
                let (mut sums, mut products) = (vec![0i128; d], vec![0i128; d]);
                for i in 0..6u64 {
                    let row: Vec<f32> = (0..d as u32).map(|j| value(stream.bits(i, j))).collect();
                    let sign = if i % 3 == 2 { -1 } else { 1 };
                    // 24 bits; small enough that no product leaves the ordinary ones.
                    let weight =
                        f64::from(value(stream.bits(i, 1 << 20)).abs().clamp(0.25, 0.99)) * sign as f64;
                    let (high, low) = two.split_at_mut(d);
                    assert!(kernel.add(&row, sign, [high, low], &[]), "{level:?}, d {d}");
                    let small: Vec<f32> = row.iter().map(|x| if x.abs() < 1e-9 { 0.0 } else { *x }).collect();
                    let (high, rest) = three.split_at_mut(d);
                    let (middle, low) = rest.split_at_mut(d);
                    assert!(
                        kernel.add_products(&small, weight, [high, middle, low], &[7; 65]),
                        "{level:?}, d {d}"
                    );
                    for j in 0..d {
                        sums[j] += sign as i128 * scaled(row[j] as f64);
                        products[j] += scaled(small[j] as f64 * weight);
                    }
                }
                for j in 0..d {
                    let found = ((two[j] as i128) << 64) + ((two[d + j] as i128) << 32);
                    assert_eq!(found, sums[j], "{level:?}, d {d}, column {j}");
                    let [high, middle, low] = [three[j], three[d + j], three[2 * d + j]].map(i128::from);
                    assert_eq!(
                        (high << 64) + (middle << 32) + low,
                        products[j],
                        "{level:?}, d {d}, column {j}"
                    );
                }
            }
        }
    }

    #[test]
    fn values_that_are_not_ordinary_change_nothing() {
        // Too large, too small (for a row; for products), subnormal, or no number.
        let odd = [f32::NAN, f32::INFINITY, -65536.0, 1e20, f32::from_bits(1), f32::MIN_POSITIVE];
        for (level, kernel) in kernels() {
            for d in [1usize, 5, 33] {
                for (i, x) in odd.into_iter().chain([1e-13, 1e-16]).enumerate() {
                    let mut row = vec![0.5f32; d];
                    row[i * 7 % d] = x;
                    let mut digits = vec![3i64; 3 * d];
                    let (high, rest) = digits.split_at_mut(d);
                    let (middle, low) = rest.split_at_mut(d);
                    assert!(!kernel.add(&row, 1, [&mut *high, &mut *middle], &[]), "{level:?}, {x:e}");
                    // 48 bits below 2^-13 of a row's smallest value still fit on three digits.
                    if x != 1e-13 {
                        assert!(
                            !kernel.add_products(&row, 1.0, [high, middle, low], &[]),
                            "{level:?}, {x:e}"
                        );
                    }
                    assert!(digits.iter().all(|digit| *digit == 3));
                }
            }
        }
    }

    #[test]
    fn unit_rows_are_the_definition_even_beside_midpoints() {
        let stream = Stream::new(22, 99);
        let mut divided = 0;
        for (level, kernel) in kernels() {
            for case in 0..3000u64 {
                let d = 1 + case as usize % 40;
                let any = |j: u32| f32::from_bits(stream.bits(case, j) as u32 & 0xbfff_ffff);
                let mut row: Vec<f32> = (0..d as u32)
                    .map(|j| if case % 3 == 0 { any(j) } else { value(stream.bits(case, j)) })
                    .collect();
                // A norm for which a quotient lies next to a midpoint of f32.
                let mut square = crate::exact::dot64(&row, &row);
                if case % 2 == 0 {
                    row[0] = 1.0 + (stream.bits(case, 77) % 1000) as f32 / 1024.0;
                    let middle =
                        0.75 + f64::from(2 * (stream.bits(case, 78) as u32 % 4000) + 1) / f64::from(1 << 25);
                    let norm = row[0] as f64 / middle;
                    square = norm * norm;
                }
                let (mut found, mut expected) = (vec![7.0f32; d], vec![7.0f32; d]);
                kernel.unit(&row, square, &mut found);
                unit_row(&row, square, &mut expected);
                let bits = |row: &[f32]| row.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&found), bits(&expected), "{level:?}, case {case}");
                // SAFETY: the level of the kernel is available.
                let sure = square > 0.0 && unsafe { (kernel.unit)(&row, libm::sqrt(square), &mut found) };
                divided += u32::from(case % 3 > 0 && !sure);
            }
            let (mut found, row) = ([9.0f32; 2], [0.0f32, -0.0]);
            kernel.unit(&row, 0.0, &mut found);
            assert_eq!(found.map(f32::to_bits), [0, 0]);
        }
        assert!(divided > 500, "{divided} rows beside midpoints");
    }
}
