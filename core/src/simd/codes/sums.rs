//! Registers of `i32` sums, and the products of bytes that are added to them.
//!
//! No instruction stands in a closure here or in the bodies: a closure does not have the instruction set of the function
//! around it, and one that the compiler does not inline calls each instruction as a function.
//!
//! Rows are bytes of the level's [`Coding`](super::Coding), columns signed. A step is four codes. Three kinds of
//! instructions exist, and each is exact for the codes of its level:
//! - *unsigned times signed* (VNNI): four products are added in 32 bits, modulo 2^32;
//! - *short* (maddubs of AVX2 and AVX-512BW): two products are added in 16 bits, which would saturate; with rows of at most
//!   127 and columns of at most 127 they reach 2 * 127 * 127 = 32,258 and do not. Steps may further be added in 16 bits
//!   before they are widened: two with columns of at most 63 (4 * 127 * 63 = 32,004), four where the columns allow it
//!   ([`SHORT_SUM`]);
//! - *signed times signed* (NEON's dot product, AVX2 with the sign of the row moved to the column).

use super::super::vector::Plain;
use super::lanes::Lanes;

/// Four steps of a column may be added in 16 bits if the magnitudes of the codes that share a 16-bit lane, two of each
/// step, sum to at most this: 127 * 258 = 32,766.
pub(super) const SHORT_SUM: i32 = 32_767 / 127;

/// A register of `i32` sums.
pub(in crate::simd) trait Sums: Copy {
    type Floats: Lanes;
    const LANES: usize;
    /// The products are short: steps are added by twos or fours.
    const SHORT: bool = false;
    /// Rows are bytes with an offset, which a column's start takes away.
    const OFFSET: bool = true;

    /// The numbers from `from` on.
    ///
    /// # Safety
    /// The instruction set of the type is enabled; `from` may be read for LANES numbers, at any alignment.
    unsafe fn load(from: *const i32) -> Self;
    /// The bytes from `from` on.
    ///
    /// # Safety
    /// The instruction set of the type is enabled; `from` may be read for 4 LANES bytes, at any alignment.
    unsafe fn load_bytes(from: *const u8) -> Self;
    /// The first `count` bytes from `from` on, then zeros.
    ///
    /// # Safety
    /// The instruction set of the type is enabled; `from` may be read for `count` bytes, a multiple of 16 below 4 LANES.
    unsafe fn load_first(from: *const u8, count: usize) -> Self;
    /// The four bytes from `from` on, in every lane.
    ///
    /// # Safety
    /// The instruction set of the type is enabled; `from` may be read for four bytes, at any alignment.
    unsafe fn spread(from: *const u8) -> Self;
    /// Adds to lane l the products of its four bytes of `rows[w]` and `columns[w]`, for all `w`.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn add_steps<const W: usize>(self, rows: [Self; W], columns: [Self; W]) -> Self;
    /// Each sum rounded to the nearest `f32`.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn to_floats(self) -> Self::Floats;
    /// The sums of all lanes of each, modulo 2^32.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn totals(each: [Self; 4]) -> [i32; 4];
}

/// The kinds of products of [`Arrays`].
#[cfg(test)]
pub(super) const UNSIGNED: u8 = 0;
#[cfg(test)]
pub(super) const SHORT: u8 = 1;
pub(super) const SIGNED: u8 = 2;

/// The four products of one step, added as the instructions of that kind do.
#[inline(always)]
fn four<const KIND: u8>(row: [u8; 4], column: [i8; 4]) -> i32 {
    let product = |i: usize| match KIND {
        SIGNED => i32::from(row[i] as i8) * i32::from(column[i]),
        _ => i32::from(row[i]) * i32::from(column[i]),
    };
    product(0) + product(1) + product(2) + product(3)
}

/// Implements [`Sums`] for arrays of numbers.
macro_rules! arrays {
    ($type:ty, $floats:ty, $lanes:expr, $kind:expr $(, $n:ident, $k:ident)?) => {
        // No method needs an instruction set: the pointers are the only conditions.
        impl $(<const $n: usize, const $k: u8>)? Sums for $type {
            type Floats = $floats;
            const LANES: usize = $lanes;
            const SHORT: bool = $kind == 1;
            const OFFSET: bool = $kind != SIGNED;
            #[inline(always)]
            unsafe fn load(from: *const i32) -> Self {
                // SAFETY: the caller's pointer is valid for LANES numbers.
                Self(unsafe { from.cast::<[i32; $lanes]>().read_unaligned() })
            }
            #[inline(always)]
            unsafe fn load_bytes(from: *const u8) -> Self {
                // SAFETY: the caller's pointer is valid for 4 LANES bytes.
                Self(unsafe { from.cast::<[i32; $lanes]>().read_unaligned() })
            }
            #[inline(always)]
            unsafe fn load_first(from: *const u8, count: usize) -> Self {
                Self(core::array::from_fn(|l| {
                    if 4 * l >= count {
                        return 0;
                    }
                    // SAFETY: the caller's pointer is valid for `count` bytes, a multiple of 16.
                    unsafe { from.cast::<i32>().add(l).read_unaligned() }
                }))
            }
            #[inline(always)]
            unsafe fn spread(from: *const u8) -> Self {
                // SAFETY: the caller's pointer is valid for four bytes.
                Self([unsafe { from.cast::<i32>().read_unaligned() }; $lanes])
            }
            #[inline(always)]
            unsafe fn add_steps<const W: usize>(self, rows: [Self; W], columns: [Self; W]) -> Self {
                let bytes = |w: usize, l: usize| {
                    (rows[w].0[l].to_ne_bytes(), columns[w].0[l].to_ne_bytes().map(|q| q as i8))
                };
                Self(core::array::from_fn(|l| {
                    if $kind != 1 {
                        return (0..W).fold(self.0[l], |sum, w| {
                            let (row, column) = bytes(w, l);
                            sum.wrapping_add(four::<{ $kind }>(row, column))
                        });
                    }
                    // As maddubs: pairs saturate; as the additions of 16 bits: steps wrap.
                    let mut halves = [0i16; 2];
                    for w in 0..W {
                        let (row, column) = bytes(w, l);
                        for (h, half) in halves.iter_mut().enumerate() {
                            let product = |i: usize| i32::from(row[i]) * i32::from(column[i]);
                            let pair = product(2 * h) + product(2 * h + 1);
                            *half = half.wrapping_add(pair.clamp(-32_768, 32_767) as i16);
                        }
                    }
                    self.0[l].wrapping_add(i32::from(halves[0]) + i32::from(halves[1]))
                }))
            }
            #[inline(always)]
            unsafe fn to_floats(self) -> $floats {
                let mut floats = [0.0; $lanes];
                floats.iter_mut().zip(self.0).for_each(|(x, i)| *x = i as f32);
                // SAFETY: no instruction set is needed, and the array has LANES values.
                unsafe { super::super::vector::Vector::load(floats.as_ptr()) }
            }
            #[inline(always)]
            unsafe fn totals(each: [Self; 4]) -> [i32; 4] {
                each.map(|sums| sums.0.iter().fold(0i32, |sum, &i| sum.wrapping_add(i)))
            }
        }
    };
}

/// Signed sums of 16 bytes, for every machine.
#[derive(Clone, Copy)]
pub(in crate::simd) struct PlainSums([i32; 4]);
arrays!(PlainSums, Plain<f32, 4>, 4, SIGNED);

/// Sums of any size and kind, for tests of the levels' shapes.
#[cfg(test)]
#[derive(Clone, Copy)]
pub(super) struct Arrays<const N: usize, const KIND: u8>([i32; N]);
#[cfg(test)]
use super::super::portable::Portable;
#[cfg(test)]
arrays!(Arrays<N, KIND>, Portable<f32, N>, N, KIND, N, KIND);

#[cfg(target_arch = "x86_64")]
pub(in crate::simd) mod x86 {
    use core::arch::x86_64::*;

    use super::Sums;
    use crate::simd::vector::x86::{Avx2F32, Avx512F32};

    /// The sums of all lanes of each.
    ///
    /// # Safety
    /// AVX2 is enabled.
    #[inline(always)]
    unsafe fn totals(each: [__m256i; 4]) -> [i32; 4] {
        // SAFETY: the caller has enabled the instruction set; the array has room for four numbers.
        unsafe {
            let (a, b) = (_mm256_hadd_epi32(each[0], each[1]), _mm256_hadd_epi32(each[2], each[3]));
            let both = _mm256_hadd_epi32(a, b);
            let sums = _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256::<1>(both));
            let mut out = [0; 4];
            _mm_storeu_si128(out.as_mut_ptr().cast(), sums);
            out
        }
    }

    /// # Safety
    /// AVX-512F is enabled.
    #[inline(always)]
    unsafe fn halves(x: __m512i) -> __m256i {
        // SAFETY: the caller has enabled the instruction set.
        unsafe { _mm256_add_epi32(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64::<1>(x)) }
    }

    /// Declares [`Sums`] of one register type; `$add` adds the products of one or several steps.
    macro_rules! register {
        ($(#[$doc:meta])* $name:ident($register:ty) x $lanes:literal: $floats:ident, short $short:literal, offset $offset:literal,
         $load:path, $set:path, $float:path, |$from:ident, $count:ident| $first:expr, |$x:ident| $half:expr,
         |$sum:ident, $rows:ident, $columns:ident| $add:expr) => {
            $(#[$doc])*
            #[derive(Clone, Copy)]
            pub(in crate::simd) struct $name($register);
            impl Sums for $name {
                type Floats = $floats;
                const LANES: usize = $lanes;
                const SHORT: bool = $short;
                const OFFSET: bool = $offset;
                #[inline(always)]
                unsafe fn load(from: *const i32) -> Self {
                    // SAFETY: the caller has enabled the instruction set; the load takes LANES numbers at any alignment.
                    Self(unsafe { $load(from.cast()) })
                }
                #[inline(always)]
                unsafe fn load_bytes(from: *const u8) -> Self {
                    // SAFETY: the caller has enabled the instruction set; the load takes 4 LANES bytes at any alignment.
                    Self(unsafe { $load(from.cast()) })
                }
                #[inline(always)]
                unsafe fn load_first($from: *const u8, $count: usize) -> Self {
                    // SAFETY: the caller has enabled the instruction set; no more than `count` bytes are read.
                    Self(unsafe { $first })
                }
                #[inline(always)]
                unsafe fn spread(from: *const u8) -> Self {
                    // SAFETY: the caller has enabled the instruction set; four bytes are read.
                    Self(unsafe { $set(from.cast::<i32>().read_unaligned()) })
                }
                #[inline(always)]
                unsafe fn add_steps<const W: usize>(self, rows: [Self; W], columns: [Self; W]) -> Self {
                    #[allow(unused_mut, reason = "some kinds begin with a sum of their own")]
                    let (mut $sum, $rows, $columns) = (self.0, rows, columns);
                    // SAFETY: the caller has enabled the instruction set.
                    Self(unsafe { $add })
                }
                #[inline(always)]
                unsafe fn to_floats(self) -> $floats {
                    // SAFETY: the caller has enabled the instruction set.
                    $floats(unsafe { $float(self.0) })
                }
                #[inline(always)]
                unsafe fn totals(each: [Self; 4]) -> [i32; 4] {
                    // SAFETY: the caller has enabled the instruction set.
                    unsafe {
                        let mut parts = [_mm256_setzero_si256(); 4];
                        for e in 0..4 {
                            let $x = each[e].0;
                            parts[e] = $half;
                        }
                        totals(parts)
                    }
                }
            }
        };
    }
    /// [`register`] of 256 bits. Of the multiples of 16, only 16 is a count below 32.
    macro_rules! eight {
        ($(#[$doc:meta])* $name:ident, short $short:literal, offset $offset:literal, |$sum:ident, $rows:ident, $columns:ident| $add:expr) => {
            register!($(#[$doc])* $name(__m256i) x 8: Avx2F32, short $short, offset $offset, _mm256_loadu_si256,
                _mm256_set1_epi32, _mm256_cvtepi32_ps, |from, _count| _mm256_zextsi128_si256(_mm_loadu_si128(from.cast())),
                |x| x, |$sum, $rows, $columns| $add);
        };
    }
    /// [`register`] of 512 bits.
    macro_rules! sixteen {
        ($(#[$doc:meta])* $name:ident, short $short:literal, |$sum:ident, $rows:ident, $columns:ident| $add:expr) => {
            register!($(#[$doc])* $name(__m512i) x 16: Avx512F32, short $short, offset true, _mm512_loadu_si512,
                _mm512_set1_epi32, _mm512_cvtepi32_ps, |from, count| _mm512_maskz_loadu_epi8((1 << count) - 1, from.cast()),
                |x| halves(x), |$sum, $rows, $columns| $add);
        };
    }

    eight!(
        /// maddubs: pairs of products in 16 bits.
        Short256, short true, offset true, |sum, rows, columns| {
            let mut pairs = _mm256_maddubs_epi16(rows[0].0, columns[0].0);
            for w in 1..W {
                pairs = _mm256_add_epi16(pairs, _mm256_maddubs_epi16(rows[w].0, columns[w].0));
            }
            _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
        }
    );
    eight!(
        /// Signed by signed: the magnitude of the row times the column with the row's sign; 2 * 128 * 127 fits 16 bits.
        Signed256, short false, offset false, |sum, rows, columns| {
            for w in 0..W {
                let column = _mm256_sign_epi8(columns[w].0, rows[w].0);
                let pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(rows[w].0), column);
                sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
            }
            sum
        }
    );
    eight!(
        /// AVX-VNNI.
        Vnni256, short false, offset true, |sum, rows, columns| {
            for w in 0..W {
                sum = _mm256_dpbusd_avx_epi32(sum, rows[w].0, columns[w].0);
            }
            sum
        }
    );
    sixteen!(
        /// maddubs of AVX-512BW.
        Short512, short true, |sum, rows, columns| {
            let mut pairs = _mm512_maddubs_epi16(rows[0].0, columns[0].0);
            for w in 1..W {
                pairs = _mm512_add_epi16(pairs, _mm512_maddubs_epi16(rows[w].0, columns[w].0));
            }
            _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)))
        }
    );
    sixteen!(
        /// AVX-512 VNNI.
        Vnni512, short false, |sum, rows, columns| {
            for w in 0..W {
                sum = _mm512_dpbusd_epi32(sum, rows[w].0, columns[w].0);
            }
            sum
        }
    );
}

#[cfg(target_arch = "aarch64")]
pub(in crate::simd) mod arm {
    use core::arch::aarch64::*;

    use super::Sums;
    use crate::simd::vector::arm::NeonF32;

    /// NEON's dot product of signed bytes.
    #[derive(Clone, Copy)]
    pub(in crate::simd) struct Dot128(int32x4_t);

    /// # Safety
    /// NEON with `dotprod` is enabled.
    #[inline(always)]
    unsafe fn dot(sum: int32x4_t, row: int32x4_t, column: int32x4_t) -> int32x4_t {
        let mut out = sum;
        // SAFETY: the caller has enabled the instruction, which reads and writes registers alone. Its intrinsic is not stable.
        unsafe {
            core::arch::asm!(
                ".arch_extension dotprod",
                "sdot {out:v}.4s, {row:v}.16b, {column:v}.16b",
                out = inout(vreg) out,
                row = in(vreg) row,
                column = in(vreg) column,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        out
    }

    impl Sums for Dot128 {
        type Floats = NeonF32;
        const LANES: usize = 4;
        const OFFSET: bool = false;
        #[inline(always)]
        unsafe fn load(from: *const i32) -> Self {
            // SAFETY: NEON is enabled where the caller is; the load takes four numbers at any alignment.
            Self(unsafe { vld1q_s32(from) })
        }
        #[inline(always)]
        unsafe fn load_bytes(from: *const u8) -> Self {
            // SAFETY: NEON is enabled where the caller is; the load takes sixteen bytes at any alignment.
            Self(unsafe { vreinterpretq_s32_u8(vld1q_u8(from)) })
        }
        #[inline(always)]
        unsafe fn load_first(_: *const u8, _: usize) -> Self {
            // SAFETY: NEON is enabled where the caller is. No multiple of 16 lies below 16 but 0.
            Self(unsafe { vdupq_n_s32(0) })
        }
        #[inline(always)]
        unsafe fn spread(from: *const u8) -> Self {
            // SAFETY: NEON is enabled where the caller is; four bytes are read.
            Self(unsafe { vdupq_n_s32(from.cast::<i32>().read_unaligned()) })
        }
        #[inline(always)]
        unsafe fn add_steps<const W: usize>(self, rows: [Self; W], columns: [Self; W]) -> Self {
            let mut sum = self.0;
            for w in 0..W {
                // SAFETY: the caller has enabled the instruction set.
                sum = unsafe { dot(sum, rows[w].0, columns[w].0) };
            }
            Self(sum)
        }
        #[inline(always)]
        unsafe fn to_floats(self) -> NeonF32 {
            // SAFETY: NEON is enabled where the caller is.
            NeonF32(unsafe { vcvtq_f32_s32(self.0) })
        }
        #[inline(always)]
        unsafe fn totals(each: [Self; 4]) -> [i32; 4] {
            let mut totals = [0; 4];
            for e in 0..4 {
                // SAFETY: NEON is enabled where the caller is.
                totals[e] = unsafe { vaddvq_s32(each[e].0) };
            }
            totals
        }
    }
}
