//! Sums without rounding.
//!
//! A sum of floating-point numbers depends on its order, so no two thread counts agree. Here every
//! addend is cut, by a pure function of its bits, into digits of an absolute grid: digit b counts
//! multiples of 2^(32 b) in an i64. Integer addition is associative, so any order and any split
//! give the same digits; an addend taken away again leaves no trace; and the only rounding is the
//! one at the end (to nearest, ties to even).
//!
//! The 31 spare bits of a digit take 2^30 addends before anything must be carried to the next
//! digit. In memory digits are carried lazily and balanced, into [-2^31, 2^31): a small negative
//! sum then touches no high digit, so planes that no addend reaches are never allocated. What
//! leaves the library is canonical instead: every digit in [0, 2^32), the sign in the top one.
//!
//! - [`F64Sum`]: one sum over all of f64, and of products of an f32 with an f64.
//! - [`Sums`]: sums of rows for each cluster, nine digits (f32 values) or eighteen (products of
//!   two f32) a value, stored as planes.
//!
//! Older work (Kulisch's long accumulator, Demmel and Nguyen's reproducible sums) chooses the
//! grid from the largest magnitude; one outlier then coarsens it for all, it costs a first pass,
//! and partial sums of different grids do not merge. Hence the absolute grid.

mod bytes;
mod chunk;
mod clusters;
mod scalar;
#[cfg(test)]
mod tests;

pub(crate) use chunk::{Chunk, UNWEIGHTED, magic, ordinary, ordinary_products};
pub use clusters::Sums;
pub use scalar::F64Sum;

/// An addend of a digit is below 2^32 and digits stay below 2^62 + 2^32: carry after so many.
const MAX_PENDING: u32 = 1 << 30;

/// `v` cut into a carry and a rest in [-2^31, 2^31), without overflow for any `v`.
#[inline(always)]
fn balanced(v: i64) -> (i64, i64) {
    let carry = (v >> 32) + (v >> 31 & 1);
    (carry, v.wrapping_sub(carry << 32))
}

/// Carries `digits` (lowest first) into canonical form: all but the top in [0, 2^32), the sign in
/// the top. False when the top does not hold the sum.
fn canonical(digits: &mut [i64]) -> bool {
    let Some((top, low)) = digits.split_last_mut() else {
        return true;
    };
    let mut carry = 0i128;
    for digit in low {
        let sum = *digit as i128 + carry;
        *digit = (sum & 0xffff_ffff) as i64;
        carry = sum >> 32;
    }
    match i64::try_from(*top as i128 + carry) {
        Ok(sum) => {
            *top = sum;
            true
        }
        Err(_) => false,
    }
}

/// The sum of `digits[i] * 2^(32 i + exponent)`, rounded to the nearest f64, ties to even; an
/// exact zero is +0.0. Made of integer operations, so right under any floating-point flags.
fn round(digits: &mut [i64], exponent: i32) -> f64 {
    canonical(digits);
    let negative = digits.last().is_some_and(|top| *top < 0);
    if negative {
        digits.iter_mut().for_each(|digit| *digit = digit.wrapping_neg());
        canonical(digits);
    }
    let Some(top) = digits.iter().rposition(|digit| *digit != 0) else {
        return 0.0;
    };
    // The top three digits hold at least 65 bits: 53, the rounding bit, and a part of the rest.
    let at = |below: usize| top.checked_sub(below).map_or(0, |i| digits[i] as u128);
    let window = (at(0) << 64) + (at(1) << 32) + at(2);
    let rest = digits[..top.saturating_sub(2)].iter().any(|digit| *digit != 0);
    let exponent = exponent + 32 * (top as i32 - 2);
    let length = 128 - window.leading_zeros() as i32;
    // Keep 53 bits, fewer where the last one would lie below 2^-1074.
    let drop = (length - 53).max(-1074 - exponent);
    let sign = u64::from(negative) << 63;
    if drop > length {
        return f64::from_bits(sign);
    }
    let kept = (window.checked_shr(drop as u32)).unwrap_or(0) as u64;
    let half = window >> (drop - 1) & 1 == 1;
    let rest = rest || window & ((1 << (drop - 1)) - 1) != 0;
    let kept = kept + u64::from(half && (rest || kept & 1 == 1));
    // kept is at most 2^53; as an addend to the exponent field a carry out of the significand
    // moves into the exponent by itself, and a subnormal has exponent field 0.
    let field = (drop + exponent + 1074) as u64;
    let bits = if field >= 2046 { f64::INFINITY.to_bits() } else { (field << 52) + kept };
    f64::from_bits(bits.min(f64::INFINITY.to_bits()) | sign)
}
