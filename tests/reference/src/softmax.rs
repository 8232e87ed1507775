//! Log-probabilities of a softmax, in numbers of twice the precision.
//!
//!   ln p_y = x_y - ln sum_j e^(x_j)
//!
//! evaluated as it stands in pairs of `f64` (Dekker 1971: the value is the exact sum of the two),
//! after subtracting the largest logit. The target's own term is left out of the sum and the
//! logarithm taken as ln(1 + s), since a memorized token has a log-probability near 0. Relative
//! errors are near 2^-90, so what is rounded here to `f64` is right to about half a unit.
//!
//! Moments are taken from their definitions: mu = sum p ln p, sigma² = sum p (ln p - mu)²
//! (Zhang et al. 2024, Min-K%++, equation 3).

use crate::twofold::{LN_2, Pair, add, divide, multiply, negative, two_sum};

/// e^x for x in about [-700, 0]: x = k ln 2 + r, e^r = (e^(r / 1024))^1024, the inner one by Taylor.
pub fn exp(x: Pair) -> Pair {
    let k = (x.0 / LN_2.0).round();
    let r = add(x, negative(multiply((k, 0.0), LN_2)));
    let r = (r.0 / 1024.0, r.1 / 1024.0);
    let mut series = (1.0, 0.0);
    for n in (1..=14).rev() {
        series = add((1.0, 0.0), divide(multiply(r, series), (n as f64, 0.0)));
    }
    for _ in 0..10 {
        series = multiply(series, series);
    }
    let scale = 2f64.powi(k as i32);
    (series.0 * scale, series.1 * scale)
}

/// ln a: the system's logarithm y, corrected by a e^(-y) - 1 = c: ln(1 + c) = c - c²/2.
fn ln(a: Pair) -> Pair {
    let y = a.0.ln();
    // e^(-y) for y of any sign, through the inverse where it would be large.
    let quotient = if y > 0.0 { multiply(a, exp((-y, 0.0))) } else { divide(a, exp((y, 0.0))) };
    let c = add(quotient, (-1.0, 0.0));
    add((y, 0.0), add(c, (-0.5 * c.0 * c.0, 0.0)))
}

/// ln(1 + s) for s >= 0.
fn ln_1p(s: Pair) -> Pair {
    if s.0 > 1e-4 {
        return ln(add((1.0, 0.0), s));
    }
    // s (1 - s/2 + s²/3 - ...): s^7 is below 2^-92.
    let mut series = (0.0, 0.0);
    for n in (1..=8).rev() {
        let term = divide((1.0, 0.0), (n as f64, 0.0));
        series = add(term, negative(multiply(s, series)));
    }
    multiply(s, series)
}

/// Lowest index of the largest logit.
pub fn argmax(x: &[f32]) -> usize {
    (0..x.len()).fold(0, |best, j| if x[j] > x[best] { j } else { best })
}

/// e^(x_j - x_max) of every logit.
fn shares(x: &[f32]) -> Vec<Pair> {
    let largest = x[argmax(x)] as f64;
    let share = |&v: &f32| {
        let d = two_sum(v as f64, -largest);
        if d.0 < -700.0 { (0.0, 0.0) } else { exp(d) }
    };
    x.iter().map(share).collect()
}

fn sum(terms: impl Iterator<Item = Pair>) -> Pair {
    terms.fold((0.0, 0.0), add)
}

fn log_prob_pair(x: &[f32], shares: &[Pair], y: usize) -> Pair {
    let best = argmax(x);
    if x[y] == f32::NEG_INFINITY {
        return (f64::NEG_INFINITY, 0.0);
    }
    if y == best {
        return negative(ln_1p(sum((0..x.len()).filter(|&j| j != y).map(|j| shares[j]))));
    }
    add(two_sum(x[y] as f64, -(x[best] as f64)), negative(ln(sum(shares.iter().copied()))))
}

/// ln p_y.
pub fn log_prob(x: &[f32], y: usize) -> f64 {
    log_prob_pair(x, &shares(x), y).0
}

/// ln sum e^x.
pub fn log_sum_exp(x: &[f32]) -> f64 {
    add((x[argmax(x)] as f64, 0.0), ln(sum(shares(x).into_iter()))).0
}

/// (-mu, sigma, ln p_y - mu).
pub fn moments(x: &[f32], y: usize) -> (f64, f64, f64) {
    let shares = shares(x);
    let total = sum(shares.iter().copied());
    let p: Vec<Pair> = shares.iter().map(|s| divide(*s, total)).collect();
    let log = |j: usize| log_prob_pair(x, &shares, j);
    let live: Vec<usize> = (0..x.len()).filter(|&j| p[j].0 > 0.0).collect();
    let mu = sum(live.iter().map(|&j| multiply(p[j], log(j))));
    let square = |j: usize| {
        let d = add(log(j), negative(mu));
        multiply(p[j], multiply(d, d))
    };
    let variance = sum(live.iter().map(|&j| square(j)));
    let excess = match x[y] {
        f32::NEG_INFINITY => f64::NEG_INFINITY,
        _ => add(log(y), negative(mu)).0,
    };
    (-mu.0, variance.0.max(0.0).sqrt(), excess)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made with Python's decimal module at 60 digits.
    #[test]
    fn equals_sixty_digits() {
        for (x, y, expected) in [
            (vec![0.0f32, 0.0, 0.0, 0.0], 2, -1.386_294_361_119_890_6),
            (vec![1.0, 2.0, 3.0], 0, -2.407_605_964_444_38),
            (vec![100.0, 0.0], 0, -3.720_075_976_020_836e-44),
            (vec![100.0, 0.0], 1, -100.0),
            (vec![1e4, -1e4], 1, -20000.0),
            (vec![0.5, -0.25, 7.0, 7.0], 3, -0.694_253_375_291_798_3),
        ] {
            let found = log_prob(&x, y);
            assert!((found - expected).abs() <= 1e-16 * expected.abs(), "{x:?}: {found:e}");
        }
    }
}
