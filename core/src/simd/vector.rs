//! The few vector operations that the kernels need, for each instruction set.

/// A register of `LANES` scalars.
pub(super) trait Vector: Copy {
    type Scalar: Copy;
    const LANES: usize;
    /// `x` in every lane.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn splat(x: Self::Scalar) -> Self;
    /// The values from `from` on.
    ///
    /// # Safety
    /// The instruction set of the type is enabled; `from` may be read for LANES values, at any alignment.
    unsafe fn load(from: *const Self::Scalar) -> Self;
    /// Writes the lanes from `to` on.
    ///
    /// # Safety
    /// The instruction set of the type is enabled; `to` may be written for LANES values, at any alignment.
    unsafe fn store(self, to: *mut Self::Scalar);
    /// `self + a * b`; one rounding where the level has fused multiply-add, else two.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
    /// `self + other`.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn add(self, other: Self) -> Self;
    /// `self - other`.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn sub(self, other: Self) -> Self;
    /// Bit `l` set iff lane `l` of `self` <= lane `l` of `other`; clear for NaN.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn at_most(self, other: Self) -> u64;
}

/// Plain arrays of 16 bytes: what the baseline of every target turns into its smallest vectors.
#[derive(Clone, Copy)]
pub(super) struct Plain<T, const N: usize>(pub(super) [T; N]);

macro_rules! plain {
    ($scalar:ty, $lanes:literal) => {
        impl Vector for Plain<$scalar, $lanes> {
            type Scalar = $scalar;
            const LANES: usize = $lanes;
            #[inline(always)]
            unsafe fn splat(x: $scalar) -> Self {
                Self([x; $lanes])
            }
            #[inline(always)]
            unsafe fn load(from: *const $scalar) -> Self {
                // SAFETY: the caller's pointer is valid for LANES values.
                Self(unsafe { from.cast::<[$scalar; $lanes]>().read_unaligned() })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $scalar) {
                // SAFETY: the caller's pointer is valid for LANES values.
                unsafe { to.cast::<[$scalar; $lanes]>().write_unaligned(self.0) }
            }
            #[inline(always)]
            unsafe fn add_product(self, a: Self, b: Self) -> Self {
                Self(core::array::from_fn(|l| self.0[l] + a.0[l] * b.0[l]))
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                Self(core::array::from_fn(|l| self.0[l] + other.0[l]))
            }
            #[inline(always)]
            unsafe fn sub(self, other: Self) -> Self {
                Self(core::array::from_fn(|l| self.0[l] - other.0[l]))
            }
            #[inline(always)]
            unsafe fn at_most(self, other: Self) -> u64 {
                (0..$lanes).fold(0, |mask, l| mask | ((self.0[l] <= other.0[l]) as u64) << l)
            }
        }
    };
}
plain!(f32, 4);
plain!(f64, 2);

/// Implements [`Vector`] for a newtype of an intrinsic register.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! intrinsic {
    ($name:ident, $register:ty, $scalar:ty, $lanes:literal,
     $splat:path, $load:path, $store:path, $fma:expr, $add:path, $sub:path, $at_most:expr) => {
        #[derive(Clone, Copy)]
        pub(in crate::simd) struct $name(pub(in crate::simd) $register);
        impl Vector for $name {
            type Scalar = $scalar;
            const LANES: usize = $lanes;
            #[inline(always)]
            unsafe fn splat(x: $scalar) -> Self {
                // SAFETY: the caller has enabled the instruction set.
                Self(unsafe { $splat(x) })
            }
            #[inline(always)]
            unsafe fn load(from: *const $scalar) -> Self {
                // SAFETY: the caller has enabled the instruction set; the load takes LANES values at any alignment.
                Self(unsafe { $load(from) })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $scalar) {
                // SAFETY: the caller has enabled the instruction set; the store takes LANES values at any alignment.
                unsafe { $store(to, self.0) }
            }
            #[inline(always)]
            unsafe fn add_product(self, a: Self, b: Self) -> Self {
                // SAFETY: the caller has enabled the instruction set.
                Self(unsafe { $fma(self.0, a.0, b.0) })
            }
            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                // SAFETY: the caller has enabled the instruction set.
                Self(unsafe { $add(self.0, other.0) })
            }
            #[inline(always)]
            unsafe fn sub(self, other: Self) -> Self {
                // SAFETY: the caller has enabled the instruction set.
                Self(unsafe { $sub(self.0, other.0) })
            }
            #[inline(always)]
            unsafe fn at_most(self, other: Self) -> u64 {
                // SAFETY: the caller has enabled the instruction set.
                unsafe { $at_most(self.0, other.0) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    use core::arch::x86_64::*;

    use super::Vector;

    intrinsic!(
        Avx2F32,
        __m256,
        f32,
        8,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        |acc, a, b| _mm256_fmadd_ps(a, b, acc),
        _mm256_add_ps,
        _mm256_sub_ps,
        |a, b| _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LE_OQ>(a, b)) as u8 as u64
    );
    intrinsic!(
        Avx2F64,
        __m256d,
        f64,
        4,
        _mm256_set1_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        |acc, a, b| _mm256_fmadd_pd(a, b, acc),
        _mm256_add_pd,
        _mm256_sub_pd,
        |a, b| _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_LE_OQ>(a, b)) as u8 as u64
    );
    intrinsic!(
        Avx512F32,
        __m512,
        f32,
        16,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        |acc, a, b| _mm512_fmadd_ps(a, b, acc),
        _mm512_add_ps,
        _mm512_sub_ps,
        |a, b| _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b) as u64
    );
    intrinsic!(
        Avx512F64,
        __m512d,
        f64,
        8,
        _mm512_set1_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        |acc, a, b| _mm512_fmadd_pd(a, b, acc),
        _mm512_add_pd,
        _mm512_sub_pd,
        |a, b| _mm512_cmp_pd_mask::<_CMP_LE_OQ>(a, b) as u64
    );
}

#[cfg(target_arch = "aarch64")]
pub(super) mod arm {
    use core::arch::aarch64::*;

    use super::Vector;

    /// One bit a lane, lane 0 lowest.
    #[inline(always)]
    unsafe fn bits32(mask: uint32x4_t) -> u64 {
        // SAFETY: NEON is enabled where the caller is.
        unsafe {
            let weights = vld1q_u32([1u32, 2, 4, 8].as_ptr());
            vaddvq_u32(vandq_u32(mask, weights)) as u64
        }
    }

    /// One bit a lane, lane 0 lowest.
    #[inline(always)]
    unsafe fn bits64(mask: uint64x2_t) -> u64 {
        // SAFETY: NEON is enabled where the caller is.
        unsafe {
            let weights = vld1q_u64([1u64, 2].as_ptr());
            vaddvq_u64(vandq_u64(mask, weights))
        }
    }

    intrinsic!(
        NeonF32,
        float32x4_t,
        f32,
        4,
        vdupq_n_f32,
        vld1q_f32,
        vst1q_f32,
        |acc, a, b| vfmaq_f32(acc, a, b),
        vaddq_f32,
        vsubq_f32,
        |a, b| bits32(vcleq_f32(a, b))
    );
    intrinsic!(
        NeonF64,
        float64x2_t,
        f64,
        2,
        vdupq_n_f64,
        vld1q_f64,
        vst1q_f64,
        |acc, a, b| vfmaq_f64(acc, a, b),
        vaddq_f64,
        vsubq_f64,
        |a, b| bits64(vcleq_f64(a, b))
    );
}
