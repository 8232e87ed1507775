//! Exponentials and their sums, over any range and in any order.
//!
//! **The exponential.** e^x = m 2^k with k = rint(x log2 e), r = x - k ln 2 (ln 2 in two parts, the
//! product with the first exact for |k| < 2^21) and m = 1 + (r + (r² q(r) + c)), q the Taylor
//! polynomial of (e^r - 1 - r) / r² to degree 11 and c the rounding of r. Only additions and
//! multiplications, never fused: the same bits on every machine. |r| < 0.347, the remainder is
//! below 2^-57, and the relative error of m below 2^-52.
//!
//! **The sum.** A term is its 53-bit significand times a power of two: three digits on an absolute
//! grid of planes, plane b counting multiples of 2^(32 b). A [`Window`] holds the five planes below
//! the highest that any term has reached. When a higher term comes, the window moves up and drops
//! its low planes. Planes are never carried into each other while the sum grows (2^32 terms fit),
//! so each plane of the final window holds the sum of exactly that digit of all terms: it was
//! inside every earlier window, too, since windows only move up. Hence any order of the terms and
//! any merging of partial windows end in the same five integers.
//!
//! What is dropped: less than 2^32 terms, each less than one unit of the lowest plane; the largest
//! term is at least 2^116 such units. The sum is short by a relative 2^-84 at most.

use crate::exact::float::widen;

/// Logits beyond this are refused, below its negative taken as minus infinity.
pub(super) const LIMIT: f64 = (1u64 << 20) as f64;
/// The first 32 bits of ln 2, and the rest.
const LN2: (f64, f64) = (f64::from_bits(0x3fe6_2e42_fee0_0000), f64::from_bits(0x3dea_39ef_3579_3c76));
/// 1.5 2^52: adding it rounds to an integer, which then stands in the low bits.
const ROUND: f64 = f64::from_bits((1023 + 52) << 52 | 1 << 51);
/// Added to exponents so that they are positive.
const BIAS: i32 = 1 << 22;
const PLANES: usize = 5;
/// Exponentials computed side by side.
pub(super) const CHUNK: usize = 64;

/// 1 / (n + 2)! for n = 0..=11.
const TAYLOR: [f64; 12] = [
    1.0 / 2.0,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5040.0,
    1.0 / 40_320.0,
    1.0 / 362_880.0,
    1.0 / 3_628_800.0,
    1.0 / 39_916_800.0,
    1.0 / 479_001_600.0,
    1.0 / 6_227_020_800.0,
];

/// e^x as (m, k), m 2^k, for |x| <= [`LIMIT`]; relative error below 2^-52.
#[inline(always)]
pub(super) fn power(x: f64) -> (f64, i32) {
    let rounded = x * core::f64::consts::LOG2_E + ROUND;
    let k = rounded.to_bits() as i32;
    let n = rounded - ROUND;
    let high = x - n * LN2.0;
    let low = n * LN2.1;
    let r = high - low;
    let c = (high - r) - low;
    let mut q = TAYLOR[11];
    for i in (0..11).rev() {
        q = TAYLOR[i] + r * q;
    }
    (1.0 + (r + (r * r * q + c)), k)
}

/// [`power`] of each logit; those at or below -[`LIMIT`] are computed as if they were there.
#[inline(always)]
pub(super) fn powers(x: &[f32], m: &mut [f64; CHUNK], k: &mut [i32; CHUNK]) {
    for ((x, m), k) in x.iter().zip(m).zip(k) {
        let x = widen(*x);
        (*m, *k) = power(if x > -LIMIT { x } else { -LIMIT });
    }
}

/// m 2^k as an ordinary number, for k of the normal range.
pub(super) fn scaled(m: f64, k: i32) -> f64 {
    m * f64::from_bits(((1023 + k) as u64) << 52)
}

/// A sum of non-negative terms m 2^k. 48 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    /// Number of the highest plane; 0 before the first term.
    pub top: u32,
    /// The plane `top - i` at i.
    pub planes: [u64; PLANES],
}

impl Window {
    /// Adds m 2^k for a positive normal m.
    #[inline(always)]
    pub fn add(&mut self, m: f64, k: i32) {
        let bits = m.to_bits();
        let significand = bits & ((1 << 52) - 1) | 1 << 52;
        let position = ((bits >> 52) as i32 - 1075 + k + BIAS) as u32;
        let wide = (significand as u128) << (position % 32);
        let top = position / 32 + 2;
        if top > self.top {
            self.raise(top);
        }
        let digits = [(wide >> 64) as u64, (wide >> 32) as u32 as u64, wide as u32 as u64];
        let below = (self.top - top) as usize;
        for (plane, digit) in self.planes.iter_mut().skip(below).zip(digits) {
            *plane = plane.wrapping_add(digit);
        }
    }

    /// Adds a non-negative number; zeros and subnormals change nothing.
    #[inline(always)]
    pub fn add_number(&mut self, x: f64) {
        if x >= f64::MIN_POSITIVE {
            self.add(x, 0);
        }
    }

    /// Moves the window up, dropping its low planes.
    #[cold]
    fn raise(&mut self, top: u32) {
        let by = (top - self.top) as usize;
        for i in (0..PLANES).rev() {
            self.planes[i] = if i >= by { self.planes[i - by] } else { 0 };
        }
        self.top = top;
    }

    /// Adds the terms of `other`. At most 2^32 terms in all.
    pub fn merge(&mut self, other: &Self) {
        if other.top > self.top {
            self.raise(other.top);
        }
        let below = (self.top - other.top) as usize;
        for (plane, theirs) in self.planes.iter_mut().skip(below).zip(other.planes) {
            *plane = plane.saturating_add(theirs);
        }
    }

    /// The sum as (f, e), f 2^e with f in [1, 2]; none where no term was added. Rounded to nearest.
    pub fn value(&self) -> Option<(f64, i32)> {
        let mut digits = [0u32; PLANES + 2];
        let mut carry = 0u128;
        for (i, digit) in digits.iter_mut().enumerate() {
            carry += PLANES.checked_sub(i + 1).map_or(0, |at| self.planes[at] as u128);
            *digit = carry as u32;
            carry >>= 32;
        }
        let highest = digits.iter().rposition(|digit| *digit != 0)?;
        let at = |below: usize| highest.checked_sub(below).map_or(0, |i| digits[i] as u128);
        let window = at(0) << 96 | at(1) << 64 | at(2) << 32 | at(3);
        let rest = digits[..highest.saturating_sub(3)].iter().any(|digit| *digit != 0);
        // To 53 bits, ties to even.
        let drop = 128 - 53 - window.leading_zeros();
        let kept = (window >> drop) as u64;
        let half = window >> (drop - 1) & 1 == 1;
        let more = rest || window & ((1 << (drop - 1)) - 1) != 0;
        let kept = kept + u64::from(half && (more || kept & 1 == 1));
        let f = kept as f64 * f64::from_bits((1023 - 52) << 52);
        // The lowest bit of the window lies in plane `highest - 3` counted from the lowest one.
        let lowest = self.top as i32 + 1 - PLANES as i32 + highest as i32 - 3;
        Some((f, 32 * lowest + drop as i32 + 52 - BIAS))
    }

    /// The sum as an ordinary number; 0 where it is below the normal range.
    pub fn number(&self) -> f64 {
        self.value().map_or(0.0, |(f, e)| libm::scalbn(f, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::F64Sum;
    use crate::random::Stream;
    use alloc::vec::Vec;

    #[test]
    fn power_is_within_one_unit() {
        // libm's exp is within 1 ulp itself; the suite compares with 100 digits.
        let stream = Stream::new(9, 77);
        for i in 0..100_000 {
            let x = (stream.uniform(i, 0) - 0.5) * [1400.0, 20.0, 1.0, 1e-6][i as usize % 4];
            let (m, k) = power(x);
            assert!((0.70..1.42).contains(&m), "{x:e}");
            let expected = libm::exp(x);
            assert!((scaled(m, k) - expected).abs() <= 2.0 * f64::EPSILON * expected, "{x:e}");
        }
        assert_eq!(power(0.0), (1.0, 0));
        for x in [LIMIT, -LIMIT] {
            let (m, k) = power(x);
            assert!((k as f64 * core::f64::consts::LN_2 + libm::log(m) - x).abs() < 1e-9);
        }
    }

    /// Terms over a range that the window spans only in part.
    fn terms(case: u64) -> Vec<(f64, i32)> {
        let stream = Stream::new(case, 78);
        let spread = [3.0, 60.0, 400.0, 1e6][case as usize % 4];
        (0..1 + case % 300).map(|i| power((stream.uniform(i, 0) - 0.5) * spread)).collect()
    }

    #[test]
    fn any_order_and_any_split_give_the_same_integers() {
        for case in 0..400 {
            let terms = terms(case);
            let sum = |terms: &mut dyn Iterator<Item = &(f64, i32)>| {
                let mut window = Window::default();
                terms.for_each(|(m, k)| window.add(*m, *k));
                window
            };
            let whole = sum(&mut terms.iter());
            assert_eq!(sum(&mut terms.iter().rev()), whole);
            let mut sorted = terms.clone();
            sorted.sort_by_key(|(m, k)| (*k, m.to_bits()));
            assert_eq!(sum(&mut sorted.iter()), whole);
            for parts in [2, 3, 7] {
                let mut merged = Window::default();
                for part in 0..parts {
                    merged.merge(&sum(&mut terms.iter().skip(part).step_by(parts)));
                }
                assert_eq!(merged, whole);
            }
        }
    }

    #[test]
    fn value_is_the_exact_sum_but_for_what_is_dropped() {
        for case in 0..400 {
            let terms = terms(case);
            let top = terms.iter().map(|(_, k)| *k).max().unwrap_or(0);
            let (mut window, mut exact) = (Window::default(), F64Sum::new());
            for &(m, k) in &terms {
                window.add(m, k);
                if k - top > -1000 {
                    exact.add(scaled(m, k - top));
                }
            }
            let Some((f, e)) = window.value() else { panic!("terms were added") };
            let (found, exact) = (libm::scalbn(f, e - top), exact.value());
            assert!((found - exact).abs() <= f64::EPSILON * exact, "case {case}: {found} {exact}");
        }
    }

    #[test]
    fn four_thousand_million_equal_digits_do_not_overflow() {
        // Planes of 2^32 terms whose digits are all ones.
        let window = Window { top: 40, planes: [(u32::MAX as u64) << 32; 5] };
        let Some((f, e)) = window.value() else { panic!("not empty") };
        let unit = 32 * 41 - BIAS;
        assert_eq!(libm::scalbn(f, e - unit), libm::scalbn(1.0, 32));
    }
}
