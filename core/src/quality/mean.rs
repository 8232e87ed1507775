//! The weighted mean that scores lines and documents: rounded once.
//!
//! A quotient of two rounded sums may miss the nearest `f64` by an ulp, and then a document of
//! three lines that score 0.1 scores 0.10000000000000002. So the quotient of the rounded sums is
//! only a guess q. It is right when the exact mean lies between the midpoints to q's neighbours,
//! and the side on which it lies of a midpoint m is the sign of sum a (x - m), which an exact sum
//! tells.
//!
//! That costs four exact sums. Nearly always it is not needed: sums in twice the precision
//! (Dekker 1971), whose error is bounded, leave no doubt on which side of both midpoints the mean
//! lies. Only where they do, as at a midpoint itself, are the exact sums taken.

use crate::exact::F64Sum;
use crate::exact::twofold::{Pair, two_product, two_sum};

/// 2^exponent.
const fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

/// Weights of predicates are 0 or at least this, 2^-200,
pub(super) const LIGHT: f64 = power_of_two(-200);
/// and at most this, 2^200.
pub(super) const HEAVY: f64 = power_of_two(200);
/// Line scores are 0 or at least this, 2^-500: the lightest of many heavy weights gives more. The
/// bounds keep every product below far from the end of the range of `f64`, hence exact.
pub(super) const TINY: f64 = power_of_two(-500);

/// The `f64` nearest to sum(a x) / sum(a), ties to even; `None` where the weights a sum to 0.
///
/// Weights are 0 or within [2^-200, 2^200], values 0 or within [2^-500, 1].
pub(super) fn weighted_mean(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> Option<f64> {
    surely_nearest(pairs.clone()).or_else(|| nearest(pairs))
}

/// That `f64`, where sums in twice the precision leave no doubt.
fn surely_nearest(pairs: impl Iterator<Item = (f64, f64)>) -> Option<f64> {
    let (mut numerator, mut denominator, mut terms) = ((0.0, 0.0), (0.0, 0.0), 0u32);
    for (a, x) in pairs {
        let (p, lost) = two_product(a, x);
        add(&mut numerator, p, lost);
        add(&mut denominator, a, 0.0);
        terms = terms.checked_add(1)?;
    }
    if denominator.0 == 0.0 || numerator.0 == 0.0 {
        return (denominator.0 > 0.0).then_some(0.0);
    }
    let guess = numerator.0 / denominator.0;
    let (product, lost) = two_product(guess, denominator.0);
    let rest = (numerator.0 - product) - lost;
    let correction = (rest + (numerator.1 - guess * denominator.1)) / denominator.0;
    let q = guess + correction;
    let beyond = correction - (q - guess);
    // No term is negative, so every addition is off by less than 2^-103 of its sum, the last steps
    // by less than 2^-100 of the mean.
    let doubt = q * (2.0 * f64::from(terms) * power_of_two(-103) + power_of_two(-99));
    let above = (q.next_up() - q) * 0.5 - beyond;
    let below = (q - q.next_down()) * 0.5 + beyond;
    (above > doubt && below > doubt).then_some(q)
}

/// Adds `v + w`, w far smaller, to the number of twice the precision.
fn add(sum: &mut Pair, v: f64, w: f64) {
    let (s, lost) = two_sum(sum.0, v);
    *sum = two_sum(s, sum.1 + (lost + w));
}

/// The nearest `f64` without doubt, by exact sums.
fn nearest(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> Option<f64> {
    let (mut numerator, mut denominator) = (F64Sum::new(), F64Sum::new());
    for (a, x) in pairs.clone() {
        numerator.add_wide_product(a, x);
        denominator.add(a);
    }
    if denominator.value() == 0.0 {
        return None;
    }
    let mut q = numerator.value() / denominator.value();
    // The guess is off by less than two ulp; each step goes one towards the exact mean.
    for _ in 0..3 {
        if q == 0.0 {
            break;
        }
        let odd = q.to_bits() & 1 == 1;
        let (up, down) = (q.next_up(), q.next_down());
        let above = side(pairs.clone(), q, (up - q) * 0.5);
        let below = side(pairs.clone(), q, (down - q) * 0.5);
        if above > 0.0 || (above == 0.0 && odd) {
            q = up;
        } else if below < 0.0 || (below == 0.0 && odd) {
            q = down;
        } else {
            break;
        }
    }
    Some(q)
}

/// A number of the sign of sum a (x - q - h), for |h| a power of two.
fn side(pairs: impl Iterator<Item = (f64, f64)>, q: f64, h: f64) -> f64 {
    let mut sum = F64Sum::new();
    for (a, x) in pairs {
        sum.add_wide_product(a, x);
        sum.add_wide_product(-a, q);
        sum.add(-a * h);
    }
    sum.value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    fn mean(pairs: &[(f64, f64)]) -> Option<f64> {
        weighted_mean(pairs.iter().copied())
    }

    #[test]
    fn a_mean_of_equal_values_is_the_value() {
        for i in 0..2000u64 {
            let x = Stream::new(1, 99).uniform(i, 0);
            let pairs: alloc::vec::Vec<_> = (0..1 + i % 9)
                .map(|j| ((1 + Stream::new(2, 99).bits(i, j as u32) % 1000) as f64, x))
                .collect();
            assert_eq!(mean(&pairs), Some(x), "{pairs:?}");
        }
        // The quotient of rounded sums is an ulp off.
        assert_eq!((3.0 * 0.1) / 3.0, 0.10000000000000002);
        assert_eq!(mean(&[(3.0, 0.1)]), Some(0.1));
    }

    #[test]
    fn what_is_sure_is_what_exact_sums_say() {
        let (mut sure, stream) = (0, Stream::new(3, 99));
        for i in 0..20_000u64 {
            let term = |j: u64| {
                let (u, v) = (stream.uniform(i, 3 * j as u32), stream.uniform(i, 3 * j as u32 + 1));
                match (stream.bits(i, 3 * j as u32 + 2) % 8, i % 3) {
                    (0, _) => (0.0, v),
                    (1, _) => (u, 0.0),
                    (2, _) => (u, 1.0),
                    (_, 0) => (libm::floor(u * 1000.0), v),
                    (k, 1) => (u * power_of_two(40 * k as i32 - 199), v * power_of_two(-70 * k as i32)),
                    (k, _) => (u, (k - 3) as f64 / 4.0),
                }
            };
            let pairs: alloc::vec::Vec<_> = (0..1 + i % 40).map(term).collect();
            let exact = nearest(pairs.iter().copied());
            if let Some(q) = surely_nearest(pairs.iter().copied()) {
                assert_eq!(Some(q), exact, "{pairs:?}");
                sure += 1;
            }
            assert_eq!(mean(&pairs), exact);
        }
        assert!((19_000..20_000).contains(&sure), "{sure}");
    }

    #[test]
    fn midpoints_go_to_the_even_neighbour() {
        let (one, ulp) = (0.5, f64::EPSILON / 2.0); // numbers near 0.5 are 2^-53 apart
        for k in 0..4 {
            let (x, y) = (one + k as f64 * ulp, one + (k + 1) as f64 * ulp);
            let even = if x.to_bits() & 1 == 0 { x } else { y };
            assert_eq!(mean(&[(1.0, x), (1.0, y)]), Some(even));
            // A hair off the midpoint decides.
            assert_eq!(mean(&[(1.0, x), (1.0, y), (LIGHT, 1.0)]), Some(y));
            assert_eq!(mean(&[(1.0, x), (1.0, y), (LIGHT, 0.0)]), Some(x));
        }
    }

    #[test]
    fn extremes_are_exact() {
        assert_eq!(mean(&[]), None);
        assert_eq!(mean(&[(0.0, 1.0)]), None);
        assert_eq!(mean(&[(HEAVY, 0.0), (LIGHT, 1.0)]), Some(LIGHT / HEAVY));
        assert_eq!(mean(&[(HEAVY, 1.0), (LIGHT, 0.0)]), Some(1.0));
        assert_eq!(mean(&[(HEAVY, 0.0), (LIGHT, 0.0)]), Some(0.0));
    }
}
