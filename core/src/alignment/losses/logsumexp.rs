//! ln sum exp, in a form that merges and keeps small losses.

use crate::params::default_is_new;

/// The logarithm of a sum of exponentials: the largest exponent, and the sum of all the others
/// relative to it.
///
/// ln sum_j exp(l_j) = max + ln(1 + rest), rest = sum over all but one largest j of
/// exp(l_j - max). Nothing overflows. Leaving the largest term out of `rest` is what keeps the
/// loss of a well separated pair: ln(1 + 6e-7) by `log1p` is right to the last bits, where
/// ln(1.0000006) has lost nine digits. Parts of a row, such as the blocks that other machines hold,
/// are merged. Tier C (exp and log1p of libm; the order of merging matters in the last bits).
///
/// ```
/// use pauca::alignment::LogSumExp;
/// let mut all = LogSumExp::new();
/// for logit in [1e4, 1e4, -1e4] {
///     all.add(logit);
/// }
/// assert_eq!(all.value(), 1e4 + core::f64::consts::LN_2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogSumExp {
    /// The largest exponent; -infinity of none.
    pub max: f64,
    /// The sum of exp(l - max) over all others.
    pub rest: f64,
}

default_is_new!(LogSumExp);

impl LogSumExp {
    /// The sum of no exponents: its value is -infinity.
    pub fn new() -> Self {
        Self { max: f64::NEG_INFINITY, rest: 0.0 }
    }

    /// Takes one more exponent.
    pub fn add(&mut self, exponent: f64) {
        self.merge(&Self { max: exponent, rest: 0.0 });
    }

    /// Takes the exponents of `other`.
    pub fn merge(&mut self, other: &Self) {
        if other.max == f64::NEG_INFINITY {
            return;
        }
        let (mut high, mut low) = (*self, *other);
        if low.max > high.max {
            core::mem::swap(&mut high, &mut low);
        }
        if low.max > f64::NEG_INFINITY {
            high.rest += (1.0 + low.rest) * libm::exp(low.max - high.max);
        }
        *self = high;
    }

    /// ln(1 + rest): by how much the value exceeds the largest exponent.
    pub fn excess(&self) -> f64 {
        libm::log1p(self.rest)
    }

    /// The logarithm of the sum.
    pub fn value(&self) -> f64 {
        self.max + self.excess()
    }

    /// The share p of one exponent, `gap` = exponent - max at most 0, and 1 - p without
    /// cancellation.
    #[inline(always)]
    pub(super) fn share(&self, gap: f64) -> (f64, f64) {
        let total = 1.0 + self.rest;
        if gap == 0.0 {
            return (1.0 / total, self.rest / total);
        }
        // Another exponent is larger, so p is at most a half.
        let p = libm::exp(gap) / total;
        (p, 1.0 - p)
    }
}
