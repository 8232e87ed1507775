//! Statistics of reports, each by its definition: every pair is looked at.
//!
//! Spearman 1904, Kendall 1945, Mann and Whitney 1947, Gini 1912; quantiles by definition 7 of
//! Hyndman and Fan 1996; bootstrap intervals by Efron 1979.

use crate::{fsum::fsum, philox};

/// Twice the rank: a value is above half of every equal one, itself included, and above every
/// smaller one.
fn doubled_rank(values: &[f64], v: f64) -> i128 {
    let below = values.iter().filter(|w| **w < v).count() as i128;
    let equal = values.iter().filter(|w| **w == v).count() as i128;
    2 * below + equal + 1
}

/// Average ranks, 1 for the smallest.
pub fn average_ranks(values: &[f64]) -> Vec<f64> {
    values.iter().map(|&v| doubled_rank(values, v) as f64 / 2.0).collect()
}

/// Pearson's correlation of the ranks.
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    let centred = |values: &[f64]| -> Vec<i128> {
        values.iter().map(|&v| doubled_rank(values, v) - (values.len() as i128 + 1)).collect()
    };
    let (r, s) = (centred(x), centred(y));
    let sum = |a: &[i128], b: &[i128]| a.iter().zip(b).map(|(a, b)| a * b).sum::<i128>() as f64;
    let (rs, rr, ss) = (sum(&r, &s), sum(&r, &r), sum(&s, &s));
    if rr == 0.0 || ss == 0.0 { None } else { Some((rs / (rr * ss).sqrt()).clamp(-1.0, 1.0)) }
}

/// Concordant less discordant pairs over the geometric mean of the pairs untied in x and in y.
pub fn kendall(x: &[f64], y: &[f64]) -> Option<f64> {
    let (mut balance, mut untied_x, mut untied_y) = (0i64, 0i64, 0i64);
    for i in 0..x.len() {
        for j in 0..i {
            let sign = |a: f64, b: f64| i64::from(a > b) - i64::from(a < b);
            let (dx, dy) = (sign(x[i], x[j]), sign(y[i], y[j]));
            balance += dx * dy;
            untied_x += dx * dx;
            untied_y += dy * dy;
        }
    }
    let scale = untied_x as f64 * untied_y as f64;
    if scale == 0.0 { None } else { Some((balance as f64 / scale.sqrt()).clamp(-1.0, 1.0)) }
}

/// How often a positive row scores above a negative one, ties counting half.
pub fn auc(scores: &[f64], positive: &[bool]) -> Option<f64> {
    let (mut twice, mut pairs) = (0u64, 0u64);
    for i in (0..scores.len()).filter(|&i| positive[i]) {
        for j in (0..scores.len()).filter(|&j| !positive[j]) {
            twice += 2 * u64::from(scores[i] > scores[j]) + u64::from(scores[i] == scores[j]);
            pairs += 1;
        }
    }
    if pairs == 0 { None } else { Some(twice as f64 / (2 * pairs) as f64) }
}

/// sum (2 i - n - 1) x_(i) / (n sum x). A weight is taken as so many addends, so nothing is
/// rounded before the end.
pub fn gini(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let mut addends = Vec::new();
    for (i, &x) in sorted.iter().enumerate() {
        let weight = 2 * (i as i64 + 1) - n as i64 - 1;
        let signed = if weight < 0 { -x } else { x };
        addends.extend(std::iter::repeat_n(signed, weight.unsigned_abs() as usize));
    }
    let total = fsum(&sorted);
    if total == 0.0 { None } else { Some((fsum(&addends) / total / n as f64).clamp(0.0, 1.0)) }
}

/// Linear interpolation at (n - 1) q between ascending values; NaN of none.
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let h = (sorted.len() - 1) as f64 * q;
    let i = h.floor() as usize;
    if h == i as f64 || sorted[i] == sorted[i + 1] {
        return sorted[i];
    }
    (sorted[i] + (h - i as f64) * (sorted[i + 1] - sorted[i])).clamp(sorted[i], sorted[i + 1])
}

/// Ends of the percentile interval of `statistic` over `n` rows: place i of resample r is row
/// floor(bits n / 2^64), bits being draw r of row i of stream 4.
pub fn bootstrap(
    n: usize,
    resamples: u32,
    seed: u64,
    level: f64,
    statistic: impl Fn(&[usize]) -> Option<f64>,
) -> (f64, f64) {
    let draw = |i: usize, r: u32| {
        let bits = philox::draw(seed, i as u64, 4, r) as u128;
        ((bits * n as u128) >> 64) as usize
    };
    let resample = |r: u32| (0..n).map(|i| draw(i, r)).collect::<Vec<_>>();
    let mut values: Vec<f64> = (0..resamples).filter_map(|r| statistic(&resample(r))).collect();
    values.sort_by(f64::total_cmp);
    let tail = (1.0 - level) / 2.0;
    (quantile(&values, tail), quantile(&values, 1.0 - tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hand_worked_values() {
        assert_eq!(average_ranks(&[0.3, 0.1, 0.3, 9.0]), [2.5, 1.0, 2.5, 4.0]);
        assert_eq!(spearman(&[1.0, 2.0, 3.0, 4.0], &[2.0, 1.0, 4.0, 3.0]), Some(0.6));
        assert_eq!(kendall(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 4.0, 3.0]), Some(2.0 / 3.0));
        assert_eq!(auc(&[0.1, 0.4, 0.4, 0.8], &[false, false, true, true]), Some(0.875));
        assert_eq!(gini(&[0.0, 0.0, 0.0, 8.0]), Some(0.75));
        assert_eq!(quantile(&[1.0, 2.0, 4.0], 0.75), 3.0);
    }
}
