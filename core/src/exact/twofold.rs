//! Arithmetic in twice the precision: a number as the unevaluated sum of two `f64` (Dekker 1971).
//!
//! Only additions, multiplications and operations on bits; nothing is fused, so every machine
//! computes the same pairs. Errors of rounding are numbers themselves: [`two_sum`] and
//! [`two_product`] give them exactly, as long as nothing overflows or becomes subnormal.

/// A number as the sum of two, the second at most about half a unit of the first.
pub(crate) type Pair = (f64, f64);

/// The exact sum of two numbers as the rounded one and its error (Knuth).
#[inline(always)]
pub(crate) fn two_sum(a: f64, b: f64) -> Pair {
    let s = a + b;
    let v = s - a;
    (s, (a - (s - v)) + (b - v))
}

/// `x`, finite and below 2^1023, in two parts of at most 26 significant bits each, so that products of parts are exact.
#[inline(always)]
pub(crate) fn split(x: f64) -> Pair {
    let high = f64::from_bits(x.to_bits().wrapping_add(1 << 26) & !((1 << 27) - 1));
    (high, x - high)
}

/// The exact product of two numbers as the rounded one and its error.
#[inline(always)]
pub(crate) fn two_product(a: f64, b: f64) -> Pair {
    let ((ah, al), (bh, bl)) = (split(a), split(b));
    let p = a * b;
    (p, ((ah * bh - p) + ah * bl + al * bh) + al * bl)
}

/// a + b, to a relative 2^-104 where nothing cancels.
pub(crate) fn plus(a: Pair, b: Pair) -> Pair {
    let (s, e) = two_sum(a.0, b.0);
    let (t, f) = two_sum(a.1, b.1);
    let (s, e) = two_sum(s, e + t);
    two_sum(s, e + f)
}

/// a b, to a relative 2^-102.
pub(crate) fn times(a: Pair, b: Pair) -> Pair {
    let (p, e) = two_product(a.0, b.0);
    two_sum(p, e + (a.0 * b.1 + a.1 * b.0))
}

/// a / b, to a relative 2^-100.
pub(crate) fn over(a: Pair, b: Pair) -> Pair {
    let q = a.0 / b.0;
    let rest = plus(a, times((-q, 0.0), b));
    two_sum(q, rest.0 / b.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exact::F64Sum;
    use crate::random::Stream;

    #[test]
    fn what_rounding_lost_is_exact() {
        let stream = Stream::new(4, 99);
        for row in 0..20_000 {
            let value = |draw: u32| {
                let exponent = stream.bits(row, 2 * draw + 1) % 120;
                let size = f64::from_bits((1023 - 60 + exponent) << 52);
                (stream.uniform(row, 2 * draw) - 0.5) * size
            };
            let (a, b) = (value(0), value(1));
            let mut sum = F64Sum::new();
            let (s, e) = two_sum(a, b);
            sum.extend([a, b, -s, -e]);
            assert_eq!(sum, F64Sum::new(), "{a:e} + {b:e}");
            // 27 bits at a time, by the integer product of the exact sum.
            let head = f64::from_bits(a.to_bits() >> 29 << 29);
            let (p, e) = two_product(a, b);
            assert_eq!(p, a * b);
            sum.add_product(head as f32, b);
            let rest = a - head;
            let top = f64::from_bits(rest.to_bits() >> 29 << 29);
            sum.add_product(top as f32, b);
            sum.add_product((rest - top) as f32, b);
            sum.extend([-p, -e]);
            assert_eq!(sum, F64Sum::new(), "{a:e} * {b:e}");
            let mut product = F64Sum::new();
            product.add_wide_product(a, b);
            product.extend([-p, -e]);
            assert_eq!(product, F64Sum::new(), "{a:e} * {b:e}");
        }
    }
}
