//! The arctangent in half turns, (2 / pi) atan t, correctly rounded.
//!
//! In double-double arithmetic (Dekker 1971: a number as the unevaluated sum of two `f64`, about 106
//! bits): u = min(t, 1/t); three times atan u = 2 atan(u / (1 + sqrt(1 + u²))), after which
//! u < 0.1; then Taylor's series. The error stays below 2^-98, so the sum of the two parts rounds to
//! the right number unless (2 / pi) atan t lies that close to a tie, which none of the tests'
//! arguments does.

use crate::twofold::{Pair, add, divide, multiply, negative, two_sum};

fn sqrt(a: Pair) -> Pair {
    let s = a.0.sqrt();
    // One step of Newton's iteration.
    let rest = add(a, multiply((-s, 0.0), (s, 0.0)));
    two_sum(s, rest.0 / (2.0 * s))
}

/// atan u for 0 < u < 0.1.
fn taylor(u: Pair) -> Pair {
    let square = multiply(u, u);
    let (mut power, mut sum, mut k) = (u, u, 1.0);
    loop {
        power = multiply(power, square);
        power = negative(power);
        k += 2.0;
        let term = divide(power, (k, 0.0));
        if term.0.abs() < 1e-36 * sum.0 {
            return sum;
        }
        sum = add(sum, term);
    }
}

/// (2 / pi) atan t for t >= 0.
pub fn half_turns(t: f64) -> f64 {
    if t == 0.0 || t == 1.0 || t == f64::INFINITY {
        return if t == 1.0 { 0.5 } else { t.min(1.0) };
    }
    // Linear down there; scaled, the errors of the products are no subnormals.
    if t < 2f64.powi(-400) {
        return half_turns(t * 2f64.powi(300)) * 2f64.powi(-300);
    }
    let one = (1.0, 0.0);
    let mut u = if t > 1.0 { divide(one, (t, 0.0)) } else { (t, 0.0) };
    for _ in 0..3 {
        u = divide(u, add(one, sqrt(add(one, multiply(u, u)))));
    }
    let two_over_pi = (std::f64::consts::FRAC_2_PI, -3.935_735_335_036_497e-17);
    let h = multiply(multiply(taylor(u), (8.0, 0.0)), two_over_pi);
    let h = if t > 1.0 { add(one, negative(h)) } else { h };
    h.0 + h.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_angles() {
        assert_eq!((half_turns(0.0), half_turns(1.0), half_turns(f64::INFINITY)), (0.0, 0.5, 1.0));
        // tan of 30 and of 60 degrees, rounded.
        assert!((half_turns(1.0 / 3f64.sqrt()) - 1.0 / 3.0).abs() < 2e-16);
        assert!((half_turns(3f64.sqrt()) - 2.0 / 3.0).abs() < 2e-16);
        // By 600-bit arithmetic.
        assert_eq!(half_turns(2.0).to_bits(), 0x3fe6_8dfd_7131_067c);
    }
}
