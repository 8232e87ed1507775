//! One pass over a row that measures it, and one that codes it.

use super::coding::{Code, Coding, Measure, Scale, U, relative};
use super::lanes::Lanes;

/// 1.5 * 2^23: added to a number below 2^22 in magnitude, it leaves the nearest whole number in the low bits.
const WHOLE: f32 = 12_582_912.0;

/// Numbers that a body with `N` registers takes at once: at least 16, as [`relative`] needs, and at most 64.
const fn chunk<V: Lanes, const N: usize>() -> usize {
    let chunk = N * V::LANES;
    assert!(chunk >= 16 && chunk <= 64);
    chunk
}

/// The sum of all lanes of the `N` registers, by halves.
///
/// # Safety
/// `V`'s instruction set is enabled.
#[inline(always)]
unsafe fn total<V: Lanes, const N: usize>(mut lanes: [V; N]) -> f32 {
    let mut width = N / 2;
    // SAFETY: the caller has enabled the instruction set.
    unsafe {
        while width > 0 {
            for i in 0..width {
                lanes[i] = lanes[i].add(lanes[i + width]);
            }
            width /= 2;
        }
        lanes[0].sum()
    }
}

/// Adds a chunk from `from` on to the squares, and to the largest magnitudes.
///
/// # Safety
/// `V`'s instruction set is enabled; `from` may be read for a chunk.
#[inline(always)]
unsafe fn add<V: Lanes, const N: usize>(from: *const f32, squares: &mut [V; N], largest: &mut [V; N]) {
    // SAFETY: the caller's contract is the same.
    unsafe {
        for i in 0..N {
            let v = V::load(from.add(i * V::LANES));
            squares[i] = squares[i].add_product(v, v);
            largest[i] = largest[i].max_magnitude(v);
        }
    }
}

/// The body of [`CodeKernel::measure`](super::CodeKernel::measure) with `N` registers, a power of two.
///
/// # Safety
/// `V`'s instruction set is enabled.
#[inline(always)]
pub(super) unsafe fn measure<V: Lanes, const N: usize>(x: &[f32]) -> Measure {
    // SAFETY: whole chunks are read inside of `x`, and inside of the array of 64.
    unsafe {
        let zero = V::splat(0.0);
        let (mut squares, mut largest) = ([zero; N], [zero; N]);
        let (size, mut at) = (chunk::<V, N>(), 0);
        while at + size <= x.len() {
            add(x.as_ptr().add(at), &mut squares, &mut largest);
            at += size;
        }
        if at < x.len() {
            let mut last = [0.0; 64];
            last[..x.len() - at].copy_from_slice(&x[at..]);
            add(last.as_ptr(), &mut squares, &mut largest);
        }
        let mut magnitude = zero;
        for i in 0..N {
            magnitude = magnitude.max_magnitude(largest[i]);
        }
        Measure { squares: total(squares), largest: magnitude.greatest() }
    }
}

/// How a row is coded, and what its codes amount to so far.
struct Coder<V, const N: usize> {
    inverse: V,
    step: V,
    top: V,
    bottom: V,
    whole: V,
    offset: u8,
    errors: [V; N],
    norms: [V; N],
    sums: [V; N],
}

impl<V: Lanes, const N: usize> Coder<V, N> {
    /// Codes a chunk.
    ///
    /// # Safety
    /// `V`'s instruction set is enabled; `from` may be read and `to` written for a chunk.
    #[inline(always)]
    unsafe fn put(&mut self, from: *const f32, to: *mut u8) {
        // SAFETY: the caller's contract is the same.
        unsafe {
            for i in 0..N {
                let v = V::load(from.add(i * V::LANES));
                let code = v.mul(self.inverse).min(self.top).max(self.bottom).add(self.whole);
                code.store_low_bytes(self.offset, to.add(i * V::LANES));
                let number = code.sub(self.whole);
                let value = number.mul(self.step);
                let error = v.sub(value);
                self.errors[i] = self.errors[i].add_product(error, error);
                self.norms[i] = self.norms[i].add_product(value, value);
                self.sums[i] = self.sums[i].add(number);
            }
        }
    }
}

/// A bound of the root of a sum of `d` squares, given the sum that the body has computed.
///
/// # Safety
/// `V`'s instruction set is enabled.
#[inline(always)]
unsafe fn above<V: Lanes>(sum: f32, d: usize) -> f32 {
    let sum = sum * (1.0 + relative(d)) + d as f32 * (4.0 * f32::MIN_POSITIVE);
    // SAFETY: the caller has enabled the instruction set.
    unsafe { V::root(sum) * (1.0 + 8.0 * U) }
}

/// The body of [`CodeKernel::encode_row`](super::CodeKernel::encode_row) with `N` registers, a power of two.
///
/// **Bounds.** s q is exact: 17 significant bits times 7. e = x - s q rounds once (u of itself), and loses at most 2^-125
/// where operands or results below 2^-126 are flushed. So with S, the true sum of the squares of the computed e, |x - x^| <=
/// (1 + u) sqrt(S) + sqrt(d) 2^-125. The computed sum is S within [`relative`] and d 2^-126 (flushed squares and sums). Four
/// times that flush covers the 2^-125 too, but for a part below u of it. The evaluation rounds five times, twice of it under
/// the root; 8 u covers these and the (1 + u). The norm of x^ is bounded the same way, and its squares are never small.
///
/// # Safety
/// `V`'s instruction set is enabled; `out` may be written for `x.len()` bytes.
#[inline(always)]
pub(super) unsafe fn encode<V: Lanes, const N: usize>(
    coding: Coding,
    x: &[f32],
    Scale(scale): Scale,
    offset: u8,
    out: *mut u8,
) -> Code {
    // SAFETY: whole chunks are read inside of `x` and written inside of `out`, and inside of the arrays of 64.
    unsafe {
        let zero = V::splat(0.0);
        let reach = f32::from(coding.reach);
        let mut coder = Coder {
            inverse: V::splat(if scale > 0.0 { 1.0 / scale } else { 0.0 }),
            step: V::splat(scale),
            top: V::splat(reach),
            bottom: V::splat(-reach),
            whole: V::splat(WHOLE),
            offset,
            errors: [zero; N],
            norms: [zero; N],
            sums: [zero; N],
        };
        let (size, mut at) = (chunk::<V, N>(), 0);
        while at + size <= x.len() {
            coder.put(x.as_ptr().add(at), out.add(at));
            at += size;
        }
        if at < x.len() {
            let (mut last, mut bytes) = ([0.0; 64], [0; 64]);
            last[..x.len() - at].copy_from_slice(&x[at..]);
            coder.put(last.as_ptr(), bytes.as_mut_ptr());
            out.add(at).copy_from_nonoverlapping(bytes.as_ptr(), x.len() - at);
        }
        let (errors, norms) = (total(coder.errors), total(coder.norms));
        Code {
            scale,
            norm: above::<V>(norms, x.len()),
            error: above::<V>(errors, x.len()),
            // Whole numbers below 2^24, in any order: the sum of all magnitudes is at most 127 MAX_DEPTH.
            sum: total(coder.sums) as i32,
        }
    }
}
