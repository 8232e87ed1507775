//! What the kernels of codes need of registers of `f32`, beyond [`Vector`].

use super::super::vector::{Plain, Vector};

/// A register of `f32` that can be coded, and whose hits can be listed.
pub(in crate::simd) trait Lanes: Vector<Scalar = f32> {
    /// `self * other`.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn mul(self, other: Self) -> Self;
    /// `self - a * b`; one rounding where [`Vector::add_product`] has one.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn sub_product(self, a: Self, b: Self) -> Self;
    /// The lesser of two; `other` where a lane of either is a NaN.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn min(self, other: Self) -> Self;
    /// The greater of two; `other` where a lane of either is a NaN.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn max(self, other: Self) -> Self;
    /// The greater of `self` and the magnitude of `other`, compared by their bits: infinities and NaN are the greatest.
    ///
    /// # Safety
    /// The instruction set of the type is enabled; no lane of `self` has its sign bit set.
    unsafe fn max_magnitude(self, other: Self) -> Self;
    /// Lanes that are not at most `limit`, infinity in the others.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn beyond(self, limit: Self) -> Self;
    /// The sum of all lanes: lane l and lane l + LANES / 2 first, then half as far, to the end.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn sum(self) -> f32;
    /// The least lane, of which none is a NaN.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn least(self) -> f32;
    /// The greatest lane by its bits.
    ///
    /// # Safety
    /// The instruction set of the type is enabled; no lane has its sign bit set.
    unsafe fn greatest(self) -> f32;
    /// The square root of one number, in the encoding of the type's instructions: on x86 a root in the older one costs hundreds of
    /// cycles after wide registers were written.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn root(x: f32) -> f32;
    /// Adds `offset` to the lowest byte of each lane, modulo 256, and writes it.
    ///
    /// # Safety
    /// The instruction set of the type is enabled; `to` may be written for LANES bytes.
    unsafe fn store_low_bytes(self, offset: u8, to: *mut u8);
    /// Writes `first + l` for each set bit l of `mask`, side by side in order, and anything into the rest of LANES places.
    ///
    /// # Safety
    /// The instruction set of the type is enabled; `to` may be written for LANES numbers; no bit from LANES on is set.
    unsafe fn store_places(mask: u64, first: u32, to: *mut u32);
    /// As [`store_places`](Lanes::store_places), the lanes themselves.
    ///
    /// # Safety
    /// As there.
    unsafe fn store_chosen(self, mask: u64, to: *mut f32);
}

/// Implements [`Lanes`] for plain arrays, of any size `N` or of one.
macro_rules! arrays {
    ($type:ty, $lanes:expr, $fma:expr $(, $n:ident)?) => {
        // No method needs an instruction set: the pointers are the only conditions.
        impl $(<const $n: usize>)? Lanes for $type {
            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                Self(core::array::from_fn(|l| self.0[l] * other.0[l]))
            }
            #[inline(always)]
            unsafe fn sub_product(self, a: Self, b: Self) -> Self {
                Self(core::array::from_fn(|l| $fma(-a.0[l], b.0[l], self.0[l])))
            }
            #[inline(always)]
            unsafe fn min(self, other: Self) -> Self {
                Self(core::array::from_fn(|l| if self.0[l] < other.0[l] { self.0[l] } else { other.0[l] }))
            }
            #[inline(always)]
            unsafe fn max(self, other: Self) -> Self {
                Self(core::array::from_fn(|l| if self.0[l] > other.0[l] { self.0[l] } else { other.0[l] }))
            }
            #[inline(always)]
            unsafe fn max_magnitude(self, other: Self) -> Self {
                Self(core::array::from_fn(|l| {
                    f32::from_bits(self.0[l].to_bits().max(other.0[l].to_bits() & 0x7fff_ffff))
                }))
            }
            #[inline(always)]
            unsafe fn beyond(self, limit: Self) -> Self {
                Self(core::array::from_fn(|l| if self.0[l] <= limit.0[l] { f32::INFINITY } else { self.0[l] }))
            }
            #[inline(always)]
            unsafe fn sum(self) -> f32 {
                let (mut lanes, mut width) = (self.0, $lanes / 2);
                while width > 0 {
                    (0..width).for_each(|l| lanes[l] += lanes[l + width]);
                    width /= 2;
                }
                lanes[0]
            }
            #[inline(always)]
            unsafe fn least(self) -> f32 {
                self.0.iter().fold(f32::INFINITY, |a, &b| if b < a { b } else { a })
            }
            #[inline(always)]
            unsafe fn greatest(self) -> f32 {
                f32::from_bits(self.0.iter().fold(0, |a, b| a.max(b.to_bits())))
            }
            #[inline(always)]
            unsafe fn root(x: f32) -> f32 {
                libm::sqrtf(x)
            }
            #[inline(always)]
            unsafe fn store_low_bytes(self, offset: u8, to: *mut u8) {
                let bytes: [u8; $lanes] = self.0.map(|x| (x.to_bits() as u8).wrapping_add(offset));
                // SAFETY: the caller's pointer is valid for LANES bytes.
                unsafe { to.cast::<[u8; $lanes]>().write_unaligned(bytes) }
            }
            #[inline(always)]
            unsafe fn store_places(mut mask: u64, first: u32, mut to: *mut u32) {
                while mask != 0 {
                    // SAFETY: fewer places are written than the mask has bits, LANES at most.
                    unsafe {
                        to.write(first + mask.trailing_zeros());
                        to = to.add(1);
                    }
                    mask &= mask - 1;
                }
            }
            #[inline(always)]
            unsafe fn store_chosen(self, mut mask: u64, mut to: *mut f32) {
                while mask != 0 {
                    // SAFETY: fewer places are written than the mask has bits, LANES at most.
                    unsafe {
                        to.write(self.0[mask.trailing_zeros() as usize % $lanes]);
                        to = to.add(1);
                    }
                    mask &= mask - 1;
                }
            }
        }
    };
}
arrays!(Plain<f32, 4>, 4, |a: f32, b: f32, c: f32| a * b + c);
#[cfg(test)]
use super::super::portable::Portable;
#[cfg(test)]
arrays!(Portable<f32, N>, N, libm::fmaf, N);

#[cfg(target_arch = "x86_64")]
mod x86 {
    use core::arch::x86_64::*;

    use super::Lanes;
    use crate::simd::vector::x86::{Avx2F32, Avx512F32};

    /// For each mask of eight lanes, the places of its bits, side by side.
    const PLACES: [[u8; 8]; 256] = {
        let mut table = [[0; 8]; 256];
        let mut mask = 0;
        while mask < 256 {
            let (mut l, mut at) = (0, 0);
            while l < 8 {
                if mask >> l & 1 == 1 {
                    table[mask][at] = l as u8;
                    at += 1;
                }
                l += 1;
            }
            mask += 1;
        }
        table
    };

    /// # Safety
    /// AVX2 is enabled.
    #[inline(always)]
    unsafe fn places(mask: u64) -> __m256i {
        // SAFETY: the entry is eight bytes.
        unsafe { _mm256_cvtepu8_epi32(_mm_loadl_epi64(PLACES[mask as usize & 255].as_ptr().cast())) }
    }

    /// # Safety
    /// AVX2 is enabled.
    #[inline(always)]
    unsafe fn sum(x: __m256) -> f32 {
        // SAFETY: the caller has enabled the instruction set.
        unsafe {
            let x = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
            let x = _mm_add_ps(x, _mm_movehl_ps(x, x));
            _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps::<1>(x, x)))
        }
    }

    /// # Safety
    /// AVX2 is enabled.
    #[inline(always)]
    unsafe fn least(x: __m256) -> f32 {
        // SAFETY: the caller has enabled the instruction set.
        unsafe {
            let x = _mm_min_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
            let x = _mm_min_ps(x, _mm_movehl_ps(x, x));
            _mm_cvtss_f32(_mm_min_ss(x, _mm_shuffle_ps::<1>(x, x)))
        }
    }

    /// # Safety
    /// AVX2 is enabled.
    #[inline(always)]
    unsafe fn greatest(x: __m256i) -> f32 {
        // SAFETY: the caller has enabled the instruction set.
        unsafe {
            let x = _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256::<1>(x));
            let x = _mm_max_epi32(x, _mm_unpackhi_epi64(x, x));
            f32::from_bits(_mm_cvtsi128_si32(_mm_max_epi32(x, _mm_shuffle_epi32::<1>(x))) as u32)
        }
    }

    /// The upper half.
    ///
    /// # Safety
    /// AVX-512F is enabled.
    #[inline(always)]
    unsafe fn upper(x: __m512) -> __m256 {
        // SAFETY: the caller has enabled the instruction set.
        unsafe { _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(x))) }
    }

    impl Lanes for Avx2F32 {
        #[inline(always)]
        unsafe fn mul(self, other: Self) -> Self {
            // SAFETY: the caller has enabled the instruction set.
            Self(unsafe { _mm256_mul_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn sub_product(self, a: Self, b: Self) -> Self {
            // SAFETY: the caller has enabled the instruction set.
            Self(unsafe { _mm256_fnmadd_ps(a.0, b.0, self.0) })
        }
        #[inline(always)]
        unsafe fn min(self, other: Self) -> Self {
            // SAFETY: the caller has enabled the instruction set.
            Self(unsafe { _mm256_min_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn max(self, other: Self) -> Self {
            // SAFETY: the caller has enabled the instruction set.
            Self(unsafe { _mm256_max_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn max_magnitude(self, other: Self) -> Self {
            // SAFETY: the caller has enabled the instruction set.
            unsafe {
                let magnitude =
                    _mm256_and_si256(_mm256_castps_si256(other.0), _mm256_set1_epi32(0x7fff_ffff));
                Self(_mm256_castsi256_ps(_mm256_max_epi32(_mm256_castps_si256(self.0), magnitude)))
            }
        }
        #[inline(always)]
        unsafe fn beyond(self, limit: Self) -> Self {
            // SAFETY: the caller has enabled the instruction set.
            unsafe {
                let at_most = _mm256_cmp_ps::<_CMP_LE_OQ>(self.0, limit.0);
                Self(_mm256_blendv_ps(self.0, _mm256_set1_ps(f32::INFINITY), at_most))
            }
        }
        #[inline(always)]
        unsafe fn sum(self) -> f32 {
            // SAFETY: the caller has enabled the instruction set.
            unsafe { sum(self.0) }
        }
        #[inline(always)]
        unsafe fn least(self) -> f32 {
            // SAFETY: the caller has enabled the instruction set.
            unsafe { least(self.0) }
        }
        #[inline(always)]
        unsafe fn greatest(self) -> f32 {
            // SAFETY: the caller has enabled the instruction set.
            unsafe { greatest(_mm256_castps_si256(self.0)) }
        }
        #[inline(always)]
        unsafe fn root(x: f32) -> f32 {
            // SAFETY: the caller has enabled the instruction set.
            unsafe { _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))) }
        }
        #[inline(always)]
        unsafe fn store_low_bytes(self, offset: u8, to: *mut u8) {
            // SAFETY: the caller has enabled the instruction set, and the pointer is valid for eight bytes.
            unsafe {
                let low = _mm256_setr_epi8(
                    0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12, -1, -1, -1, -1,
                    -1, -1, -1, -1, -1, -1, -1, -1,
                );
                let fours = _mm256_shuffle_epi8(_mm256_castps_si256(self.0), low);
                let (a, b) = (_mm256_castsi256_si128(fours), _mm256_extracti128_si256::<1>(fours));
                let bytes = _mm_add_epi8(_mm_unpacklo_epi32(a, b), _mm_set1_epi8(offset as i8));
                _mm_storel_epi64(to.cast(), bytes);
            }
        }
        #[inline(always)]
        unsafe fn store_places(mask: u64, first: u32, to: *mut u32) {
            // SAFETY: the caller has enabled the instruction set, and the pointer is valid for eight numbers.
            unsafe {
                let ids = _mm256_add_epi32(places(mask), _mm256_set1_epi32(first as i32));
                _mm256_storeu_si256(to.cast(), ids);
            }
        }
        #[inline(always)]
        unsafe fn store_chosen(self, mask: u64, to: *mut f32) {
            // SAFETY: the caller has enabled the instruction set, and the pointer is valid for eight numbers.
            unsafe { _mm256_storeu_ps(to, _mm256_permutevar8x32_ps(self.0, places(mask))) }
        }
    }

    impl Lanes for Avx512F32 {
        #[inline(always)]
        unsafe fn mul(self, other: Self) -> Self {
            // SAFETY: the caller has enabled the instruction set.
            Self(unsafe { _mm512_mul_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn sub_product(self, a: Self, b: Self) -> Self {
            // SAFETY: the caller has enabled the instruction set.
            Self(unsafe { _mm512_fnmadd_ps(a.0, b.0, self.0) })
        }
        #[inline(always)]
        unsafe fn min(self, other: Self) -> Self {
            // SAFETY: the caller has enabled the instruction set.
            Self(unsafe { _mm512_min_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn max(self, other: Self) -> Self {
            // SAFETY: the caller has enabled the instruction set.
            Self(unsafe { _mm512_max_ps(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn max_magnitude(self, other: Self) -> Self {
            // SAFETY: the caller has enabled the instruction set.
            unsafe {
                let magnitude =
                    _mm512_and_si512(_mm512_castps_si512(other.0), _mm512_set1_epi32(0x7fff_ffff));
                Self(_mm512_castsi512_ps(_mm512_max_epi32(_mm512_castps_si512(self.0), magnitude)))
            }
        }
        #[inline(always)]
        unsafe fn beyond(self, limit: Self) -> Self {
            // SAFETY: the caller has enabled the instruction set.
            unsafe {
                let at_most = _mm512_cmp_ps_mask::<_CMP_LE_OQ>(self.0, limit.0);
                Self(_mm512_mask_blend_ps(at_most, self.0, _mm512_set1_ps(f32::INFINITY)))
            }
        }
        #[inline(always)]
        unsafe fn sum(self) -> f32 {
            // SAFETY: the caller has enabled the instruction set.
            unsafe { sum(_mm256_add_ps(_mm512_castps512_ps256(self.0), upper(self.0))) }
        }
        #[inline(always)]
        unsafe fn least(self) -> f32 {
            // SAFETY: the caller has enabled the instruction set.
            unsafe { least(_mm256_min_ps(_mm512_castps512_ps256(self.0), upper(self.0))) }
        }
        #[inline(always)]
        unsafe fn greatest(self) -> f32 {
            // SAFETY: the caller has enabled the instruction set.
            unsafe {
                let (a, b) = (_mm512_castps512_ps256(self.0), upper(self.0));
                greatest(_mm256_max_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)))
            }
        }
        #[inline(always)]
        unsafe fn root(x: f32) -> f32 {
            // SAFETY: the caller has enabled the instruction set.
            unsafe { _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(x))) }
        }
        #[inline(always)]
        unsafe fn store_low_bytes(self, offset: u8, to: *mut u8) {
            // SAFETY: the caller has enabled the instruction set, and the pointer is valid for sixteen bytes.
            unsafe {
                let bytes = _mm512_cvtepi32_epi8(_mm512_castps_si512(self.0));
                _mm_storeu_si128(to.cast(), _mm_add_epi8(bytes, _mm_set1_epi8(offset as i8)));
            }
        }
        #[inline(always)]
        unsafe fn store_places(mask: u64, first: u32, to: *mut u32) {
            // SAFETY: the caller has enabled the instruction set, and the pointer is valid for sixteen numbers.
            unsafe {
                let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
                let ids = _mm512_add_epi32(lanes, _mm512_set1_epi32(first as i32));
                _mm512_storeu_si512(to.cast(), _mm512_maskz_compress_epi32(mask as u16, ids));
            }
        }
        #[inline(always)]
        unsafe fn store_chosen(self, mask: u64, to: *mut f32) {
            // SAFETY: the caller has enabled the instruction set, and the pointer is valid for sixteen numbers.
            unsafe { _mm512_storeu_ps(to, _mm512_maskz_compress_ps(mask as u16, self.0)) }
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use core::arch::aarch64::*;

    use super::Lanes;
    use crate::simd::vector::arm::NeonF32;

    impl Lanes for NeonF32 {
        #[inline(always)]
        unsafe fn mul(self, other: Self) -> Self {
            // SAFETY: NEON is enabled where the caller is.
            Self(unsafe { vmulq_f32(self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn sub_product(self, a: Self, b: Self) -> Self {
            // SAFETY: NEON is enabled where the caller is.
            Self(unsafe { vfmsq_f32(self.0, a.0, b.0) })
        }
        #[inline(always)]
        unsafe fn min(self, other: Self) -> Self {
            // SAFETY: NEON is enabled where the caller is.
            Self(unsafe { vbslq_f32(vcltq_f32(self.0, other.0), self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn max(self, other: Self) -> Self {
            // SAFETY: NEON is enabled where the caller is.
            Self(unsafe { vbslq_f32(vcgtq_f32(self.0, other.0), self.0, other.0) })
        }
        #[inline(always)]
        unsafe fn max_magnitude(self, other: Self) -> Self {
            // SAFETY: NEON is enabled where the caller is.
            unsafe {
                let magnitude = vandq_u32(vreinterpretq_u32_f32(other.0), vdupq_n_u32(0x7fff_ffff));
                Self(vreinterpretq_f32_u32(vmaxq_u32(vreinterpretq_u32_f32(self.0), magnitude)))
            }
        }
        #[inline(always)]
        unsafe fn beyond(self, limit: Self) -> Self {
            // SAFETY: NEON is enabled where the caller is.
            unsafe { Self(vbslq_f32(vcleq_f32(self.0, limit.0), vdupq_n_f32(f32::INFINITY), self.0)) }
        }
        #[inline(always)]
        unsafe fn sum(self) -> f32 {
            // SAFETY: NEON is enabled where the caller is.
            unsafe {
                let pairs = vadd_f32(vget_low_f32(self.0), vget_high_f32(self.0));
                vget_lane_f32::<0>(pairs) + vget_lane_f32::<1>(pairs)
            }
        }
        #[inline(always)]
        unsafe fn least(self) -> f32 {
            // SAFETY: NEON is enabled where the caller is.
            unsafe { vminvq_f32(self.0) }
        }
        #[inline(always)]
        unsafe fn greatest(self) -> f32 {
            // SAFETY: NEON is enabled where the caller is.
            f32::from_bits(unsafe { vmaxvq_u32(vreinterpretq_u32_f32(self.0)) })
        }
        #[inline(always)]
        unsafe fn root(x: f32) -> f32 {
            // SAFETY: NEON is enabled where the caller is.
            unsafe { vget_lane_f32::<0>(vsqrt_f32(vdup_n_f32(x))) }
        }
        #[inline(always)]
        unsafe fn store_low_bytes(self, offset: u8, to: *mut u8) {
            // SAFETY: NEON is enabled where the caller is, and the pointer is valid for four bytes.
            unsafe {
                let words = vmovn_u32(vreinterpretq_u32_f32(self.0));
                let bytes = vadd_u8(vmovn_u16(vcombine_u16(words, words)), vdup_n_u8(offset));
                to.cast::<u32>().write_unaligned(vget_lane_u32::<0>(vreinterpret_u32_u8(bytes)));
            }
        }
        #[inline(always)]
        unsafe fn store_places(mut mask: u64, first: u32, mut to: *mut u32) {
            while mask != 0 {
                // SAFETY: fewer places are written than the mask has bits, LANES at most.
                unsafe {
                    to.write(first + mask.trailing_zeros());
                    to = to.add(1);
                }
                mask &= mask - 1;
            }
        }
        #[inline(always)]
        unsafe fn store_chosen(self, mut mask: u64, mut to: *mut f32) {
            let mut lanes = [0.0; 4];
            // SAFETY: NEON is enabled where the caller is; the array has four places; fewer are written than the mask has bits.
            unsafe {
                vst1q_f32(lanes.as_mut_ptr(), self.0);
                while mask != 0 {
                    to.write(lanes[mask.trailing_zeros() as usize % 4]);
                    to = to.add(1);
                    mask &= mask - 1;
                }
            }
        }
    }
}
