//! Where a ranking is cut: by a share of the rows, by a share of the tokens, at a threshold.

use crate::check;
use crate::error::{Error, Result};
use crate::params::choices;

/// The nearest integer, ties to even; the one rule by which a fraction of n becomes a count.
///
/// ```
/// use pauca::stats::round_half_even;
/// assert_eq!(round_half_even(2.5), 2.0);
/// assert_eq!(round_half_even(3.5), 4.0);
/// assert_eq!(round_half_even(0.5), 0.0);
/// ```
pub fn round_half_even(x: f64) -> f64 {
    libm::rint(x)
}

/// How many of `n` rows the parameter `fraction`, within [0, 1], is.
pub(crate) fn count(name: &'static str, fraction: f64, n: usize) -> Result<usize> {
    check::fraction(name, fraction)?;
    Ok((round_half_even(fraction * n as f64) as usize).min(n))
}

/// The sum of all tokens, which must be a `u64`.
pub(crate) fn total(tokens: impl IntoIterator<Item = u64>) -> Result<u64> {
    let sum = tokens.into_iter().try_fold(0u64, u64::checked_add);
    sum.ok_or(Error::TooLarge { what: "tokens", size: usize::MAX, limit: usize::MAX })
}

/// floor(share total) of the exact product, for a share within [0, 1].
pub(crate) fn floor_of_share(share: f64, total: u64) -> u64 {
    let (product, shift) = product(share, total);
    product.checked_shr(shift).unwrap_or(0) as u64
}

/// ceil(share total) of the exact product, for a share within [0, 1].
pub(crate) fn ceil_of_share(share: f64, total: u64) -> u64 {
    let (product, shift) = product(share, total);
    let whole = product.checked_shr(shift).unwrap_or(0);
    whole as u64 + u64::from(whole.checked_shl(shift).unwrap_or(0) != product)
}

/// share total as a product below 2^117 and the power of two that divides it, 52 or more.
fn product(share: f64, total: u64) -> (u128, u32) {
    let bits = share.to_bits();
    let field = bits >> 52 & 0x7ff;
    let fraction = bits & ((1 << 52) - 1);
    let (m, k) = if field == 0 { (fraction, 1074) } else { (fraction | 1 << 52, 1075 - field as u32) };
    (u128::from(m) * u128::from(total), k)
}

/// How many of the first rows of a ranking have at most `budget` tokens together. No knapsack: the
/// first row that does not fit ends it; a row of no tokens always fits.
pub(crate) fn within(ranked: &[usize], tokens: &[u64], budget: u64) -> usize {
    let mut left = budget;
    let fits = |row: &&usize| match left.checked_sub(tokens[**row]) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    ranked.iter().take_while(fits).count()
}

/// Which similarities S pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Boundary {
    /// S > threshold, as in the SemDeDup pseudo-code.
    Gt,
    /// S >= threshold, as in its prose and in most tools.
    Ge,
}

choices!([Boundary]: Gt "gt", Ge "ge");

impl Boundary {
    /// Whether `similarity` passes `threshold`.
    pub fn passes(self, similarity: f64, threshold: f64) -> bool {
        match self {
            Boundary::Gt => similarity > threshold,
            Boundary::Ge => similarity >= threshold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_a_total_are_exact() {
        for total in [0u64, 1, 2, 3, 10, 1 << 60, u64::MAX] {
            let both = |share| (floor_of_share(share, total), ceil_of_share(share, total));
            assert_eq!(both(0.0), (0, 0));
            assert_eq!(both(1.0), (total, total));
            assert_eq!(both(0.5), (total / 2, total.div_ceil(2)));
            let (whole, rest) = (total / 8 * 3, total % 8 * 3);
            assert_eq!(both(0.375), (whole + rest / 8, whole + rest.div_ceil(8)));
            assert_eq!(both(f64::from_bits(1)), (0, u64::from(total > 0)));
        }
        // 0.1 is a little more than a tenth, 0.3 a little less than three.
        assert_eq!((floor_of_share(0.1, 10), ceil_of_share(0.1, 10)), (1, 2));
        assert_eq!((floor_of_share(0.3, 10), ceil_of_share(0.3, 10)), (2, 3));
        // The double below 1 times 2^53 is 2^53 - 1.
        assert_eq!(floor_of_share(1.0 - f64::EPSILON / 2.0, 1 << 53), (1 << 53) - 1);
        assert_eq!(ceil_of_share(1.0 - f64::EPSILON / 2.0, (1 << 53) + 1), 1 << 53);
    }

    #[test]
    fn a_budget_ends_at_the_first_row_that_does_not_fit() {
        let tokens = [3, 0, 4, 1];
        assert_eq!(within(&[0, 1, 2, 3], &tokens, 6), 2);
        assert_eq!(within(&[2, 1, 3, 0], &tokens, 5), 3);
        assert_eq!(within(&[1], &tokens, 0), 1);
        assert_eq!(within(&[0], &[u64::MAX], u64::MAX), 1);
        assert!(matches!(total([u64::MAX, 1]), Err(Error::TooLarge { .. })));
    }
}
