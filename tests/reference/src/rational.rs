//! The `f64` nearest to a weighted mean, by long division of whole numbers.
//!
//! Every finite `f64` is an integer times a power of two. On the grid 2^-2200 all products of two
//! of them are integers, so sum(a x) and sum(a) are two (long) integers, and their quotient is
//! found a bit at a time, as with pen and paper; the remainder tells how to round.

/// A natural number in base 2^32, lowest digit first.
type Natural = Vec<u32>;

const GRID: i32 = 2200;

/// `v = m 2^e` for v >= 0.
fn parts(v: f64) -> (u128, i32) {
    let (field, fraction) = ((v.to_bits() >> 52) as i32, v.to_bits() & ((1 << 52) - 1));
    if field == 0 { (fraction as u128, -1074) } else { ((fraction | 1 << 52) as u128, field - 1075) }
}

/// n += m 2^shift.
fn add(n: &mut Natural, m: u128, shift: usize) {
    // 106 bits and a shift below 32 take five digits.
    let low = m << (shift % 32);
    let high = m.checked_shr(128 - (shift % 32) as u32).unwrap_or(0);
    let digits = [low as u32, (low >> 32) as u32, (low >> 64) as u32, (low >> 96) as u32, high as u32];
    let mut carry = 0u64;
    let mut i = 0;
    while i < digits.len() || carry > 0 {
        let at = shift / 32 + i;
        if at >= n.len() {
            n.resize(at + 1, 0);
        }
        let sum = n[at] as u64 + digits.get(i).copied().unwrap_or(0) as u64 + carry;
        n[at] = sum as u32;
        carry = sum >> 32;
        i += 1;
    }
}

fn less(a: &Natural, b: &Natural) -> bool {
    let digit = |n: &Natural, i: usize| n.get(i).copied().unwrap_or(0);
    for i in (0..a.len().max(b.len())).rev() {
        if digit(a, i) != digit(b, i) {
            return digit(a, i) < digit(b, i);
        }
    }
    false
}

/// a -= b, for a >= b.
fn subtract(a: &mut Natural, b: &Natural) {
    let mut borrow = 0i64;
    for (i, digit) in a.iter_mut().enumerate() {
        let difference = *digit as i64 - b.get(i).copied().unwrap_or(0) as i64 - borrow;
        borrow = i64::from(difference < 0);
        *digit = (difference + (borrow << 32)) as u32;
    }
}

fn double(n: &mut Natural) {
    let mut carry = 0;
    for digit in n.iter_mut() {
        let doubled = (*digit as u64) << 1 | carry;
        *digit = doubled as u32;
        carry = doubled >> 32;
    }
    n.push(carry as u32);
}

/// sum(a x) / sum(a) for a >= 0 and 0 <= x <= 1, rounded once, ties to even; `None` for sum(a) = 0.
pub fn weighted_mean(pairs: &[(f64, f64)]) -> Option<f64> {
    let (mut n, mut d) = (Natural::new(), Natural::new());
    for &(a, x) in pairs {
        let ((ma, ea), (mx, ex)) = (parts(a), parts(x));
        add(&mut n, ma * mx, (ea + ex + GRID) as usize);
        add(&mut d, ma, (ea + GRID) as usize);
    }
    if d.iter().all(|digit| *digit == 0) {
        return None;
    }
    if n.iter().all(|digit| *digit == 0) {
        return Some(0.0);
    }
    // The quotient is below 2: double the numerator until it is at least 1.
    let mut exponent = 0;
    while less(&n, &d) {
        double(&mut n);
        exponent -= 1;
    }
    let mut bits = 0u64;
    for _ in 0..53 {
        let one = !less(&n, &d);
        if one {
            subtract(&mut n, &d);
        }
        bits = bits << 1 | u64::from(one);
        double(&mut n);
    }
    // n is now twice the remainder: round up when it is more than d, or as much and bits is odd.
    let tie = !less(&n, &d) && !less(&d, &n);
    bits += u64::from(less(&d, &n) || (tie && bits & 1 == 1));
    Some(bits as f64 * 2f64.powi(exponent - 52))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_by_hand() {
        assert_eq!(weighted_mean(&[(1.0, 1.0), (2.0, 0.0)]), Some(1.0 / 3.0));
        assert_eq!(weighted_mean(&[(3.0, 0.1)]), Some(0.1));
        assert_eq!(weighted_mean(&[(3.0, 1.0), (1.0, 0.0)]), Some(0.75));
        assert_eq!(weighted_mean(&[(0.0, 1.0)]), None);
        // A half ulp above 1/2 and above its odd successor: both go to the even neighbour.
        let ulp = f64::EPSILON / 2.0;
        assert_eq!(weighted_mean(&[(1.0, 0.5), (1.0, 0.5 + ulp)]), Some(0.5));
        assert_eq!(weighted_mean(&[(1.0, 0.5 + ulp), (1.0, 0.5 + 2.0 * ulp)]), Some(0.5 + 2.0 * ulp));
    }
}
