//! Exact sums, rounded once at the end.
//!
//! Shewchuk 1997 ("Adaptive precision floating-point arithmetic", Grow-Expansion): the sum is
//! kept as a list of partial sums that do not overlap, smallest first, and whose exact total is
//! the exact total of everything added. Adding a number runs it through the list; each step is
//! exact (Dekker's two-sum), so nothing is ever lost. Python's `math.fsum` is this algorithm, so
//! a centroid can be checked by anyone with `numpy.float32(math.fsum(column) / n)`.

use crate::twofold::{two_product, two_sum};

/// A sum without rounding.
#[derive(Clone, Debug, Default)]
pub struct ExactSum {
    partials: Vec<f64>,
}

impl ExactSum {
    /// Adds `x`.
    pub fn add(&mut self, x: f64) {
        let mut x = x;
        let mut kept = 0;
        for i in 0..self.partials.len() {
            let (hi, lo) = two_sum(x, self.partials[i]);
            if lo != 0.0 {
                self.partials[kept] = lo;
                kept += 1;
            }
            x = hi;
        }
        self.partials.truncate(kept);
        if x != 0.0 {
            self.partials.push(x);
        }
    }

    /// Adds the exact product `a * b`.
    pub fn add_product(&mut self, a: f64, b: f64) {
        let (hi, lo) = two_product(a, b);
        self.add(hi);
        self.add(lo);
    }

    /// The sum rounded to the nearest `f64`, ties to even; an exact zero is +0.0.
    pub fn value(&self) -> f64 {
        let mut rest = self.partials.iter().rev();
        let Some(&first) = rest.next() else { return 0.0 };
        let (mut hi, mut lo) = (first, 0.0);
        // From the top until something no longer fits: hi is then the sum rounded once, except
        // that partials further down may decide a tie.
        for &y in rest.by_ref() {
            (hi, lo) = two_sum(hi, y);
            if lo != 0.0 {
                break;
            }
        }
        // If lo is exactly half a unit and what follows has its sign, the tie was not one.
        if let Some(&below) = rest.next()
            && ((lo < 0.0 && below < 0.0) || (lo > 0.0 && below > 0.0))
        {
            let twice = lo * 2.0;
            let other = hi + twice;
            if other - hi == twice {
                hi = other;
            }
        }
        hi
    }
}

/// The exact sum of `values`, rounded once.
pub fn fsum(values: &[f64]) -> f64 {
    let mut sum = ExactSum::default();
    for &v in values {
        sum.add(v);
    }
    sum.value()
}

/// The exact sum of `weights[i] * values[i]`, rounded once.
pub fn weighted_fsum(weights: &[f32], values: &[f64]) -> f64 {
    let mut sum = ExactSum::default();
    for (&w, &v) in weights.iter().zip(values) {
        sum.add_product(w as f64, v);
    }
    sum.value()
}

#[cfg(test)]
mod tests {
    use super::*;

    // The cases of CPython's own test of math.fsum (Lib/test/test_math.py).
    #[test]
    fn sums_of_cpythons_test() {
        let two = |e: i32| 2f64.powi(e);
        assert_eq!(fsum(&[]), 0.0);
        assert_eq!(fsum(&[0.0]), 0.0);
        assert_eq!(fsum(&[1e100, 1.0, -1e100, 1e-100, 1e50, -1.0, -1e50]), 1e-100);
        assert_eq!(fsum(&[two(53), -0.5, -two(-54)]), two(53) - 1.0);
        assert_eq!(fsum(&[two(53), 1.0, two(-100)]), two(53) + 2.0);
        assert_eq!(fsum(&[two(53) + 10.0, 1.0, two(-100)]), two(53) + 12.0);
        assert_eq!(fsum(&[two(53) - 4.0, 0.5, two(-54)]), two(53) - 3.0);
        let harmonic: Vec<f64> = (1..1001).map(|n| 1.0 / n as f64).collect();
        assert_eq!(fsum(&harmonic).to_bits(), 0x401d_f11f_45f4_e61a);
        let alternating: Vec<f64> =
            (1..1001).map(|n| if n % 2 == 0 { 1.0 } else { -1.0 } / n as f64).collect();
        assert_eq!(fsum(&alternating).to_bits(), 0xbfe6_2a2a_f1bd_3624);
        assert_eq!(fsum(&[1e16, 1.0, 1e-16]), 10_000_000_000_000_002.0);
        assert_eq!(fsum(&[1e16 - 2.0, 1.0 - two(-53), -(1e16 - 2.0), -(1.0 - two(-53))]), 0.0);
    }

    #[test]
    fn a_zero_sum_is_positive_zero() {
        assert!(fsum(&[-0.0, -0.0]).is_sign_positive());
        assert!(fsum(&[3.0, -3.0]).is_sign_positive());
    }

    #[test]
    fn order_and_magnitude_do_not_matter() {
        let values: Vec<f64> = (0..500).map(|i| (i as f64 - 250.5) * 10f64.powi(i % 60 - 30)).collect();
        let backwards: Vec<f64> = values.iter().rev().copied().collect();
        assert_eq!(fsum(&values).to_bits(), fsum(&backwards).to_bits());
    }

    #[test]
    fn a_weight_equals_copies() {
        let values = [0.1, 1e20, -0.3, 7.0];
        let copies: Vec<f64> = values.iter().flat_map(|&v| [v, v, v]).collect();
        assert_eq!(weighted_fsum(&[3.0; 4], &values).to_bits(), fsum(&copies).to_bits());
    }
}
