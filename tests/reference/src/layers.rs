//! Distances between the hidden states of a network, and the block of layers to drop.
//!
//! Gromov et al. 2024 (The Unreasonable Ineffectiveness of the Deeper Layers), section 3.2:
//!   0. pick a number n of layers to drop;
//!   1. compute the angular distance d(x(l), x(l + n)) between the input of layer l and the input of
//!      layer l + n, at the last token, averaged over a neutral corpus;
//!   2. find the l* that minimizes it;
//!   3. drop layers l* to l* + n - 1, joining the old input of l* to layer l* + n.
//!
//! Equation 7: d = (1 / pi) arccos(x . y / (|x| |y|)). The arccos is taken by half angles, so that it
//! keeps its relative precision: tan²(theta / 2) = a / b, where a and b are the squares of the chord of the
//! angle and of that of its supplement, to a common scale.
//!
//! Men et al. 2024 (ShortGPT), equation 1: block influence BI = 1 - E[x . y / (|x| |y|)] between the
//! input and the output of a layer, over all tokens; 1 - cos = 2 a / (a + b).

use crate::fsum::{ExactSum, fsum};
use crate::half_turns::half_turns;
use crate::truth::dot;
use crate::twofold::{two_product, two_sum};

/// (a, b); `None` where a row is all zeros.
pub fn chords(x: &[f32], y: &[f32]) -> Option<(f64, f64)> {
    let (xx, yy, xy) = (dot(x, x), dot(y, y), dot(x, y));
    if xx == 0.0 || yy == 0.0 {
        return None;
    }
    // |x| |y|
    let p = (xx * yy).sqrt();
    if p - xy.abs() >= p / 8192.0 {
        return Some((p - xy, p + xy));
    }
    // Nearly parallel: the smaller chord from differences, 4 |x|² |y|² being the sum of both.
    let side = if xy > 0.0 { -1.0 } else { 1.0 };
    let pairs = || x.iter().zip(y).map(|(x, y)| (*x as f64, *y as f64));
    let multiples = pairs().all(|(a, b)| pairs().all(|(c, d)| a * d == b * c));
    let mut lanes = [0.0; 16];
    if !multiples {
        for (i, (a, b)) in pairs().enumerate() {
            let e = xx.sqrt() * b + side * (yy.sqrt() * a);
            lanes[i % 16] += e * e;
        }
        for w in [8, 4, 2, 1] {
            for l in 0..w {
                lanes[l] += lanes[l + w];
            }
        }
    }
    let rest = 4.0 * (xx * yy) - lanes[0];
    Some(if xy > 0.0 { (lanes[0], rest) } else { (rest, lanes[0]) })
}

/// The angle in half turns, in [0, 1].
pub fn angular(x: &[f32], y: &[f32]) -> Option<f64> {
    chords(x, y).map(|(a, b)| half_turns((a / b).sqrt()))
}

/// 1 - cos, in [0, 2].
pub fn cosine(x: &[f32], y: &[f32]) -> Option<f64> {
    chords(x, y).map(|(a, b)| 2.0 * a / (a + b))
}

/// What is known of the distances between two states.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Samples with two directions.
    pub count: u64,
    /// The exact sum, rounded, over the count.
    pub mean: f64,
    /// The exact sum of the squared deviations from that mean, rounded, over the count less one.
    pub variance: f64,
    /// The values, ascending.
    pub values: Vec<f64>,
}

/// The distances of one pair of states; `x[i]` and `y[i]` are its rows for sample i.
pub fn pair(x: &[Vec<f32>], y: &[Vec<f32>], distance: fn(&[f32], &[f32]) -> Option<f64>) -> Pair {
    let mut values: Vec<f64> = x.iter().zip(y).filter_map(|(x, y)| distance(x, y)).collect();
    let n = values.len() as f64;
    let mean = fsum(&values) / n;
    let mut squares = ExactSum::default();
    for v in &values {
        // (high + low)² with high + low = v - mean exactly.
        let (high, low) = two_sum(*v, -mean);
        for (a, b) in [(high, high), (2.0 * high, low), (low, low)] {
            let (product, error) = two_product(a, b);
            squares.add(product);
            squares.add(error);
        }
    }
    values.sort_by(f64::total_cmp);
    let variance = if n < 2.0 { f64::NAN } else { squares.value() / (n - 1.0) };
    Pair { count: values.len() as u64, mean, variance, values }
}

/// Steps 1 and 2: the first layer, counted from 0, of the n to drop of L = mean.len() - 1, where
/// mean\[l\]\[m\] is the distance of states l and m. `first` and `last` layers at the ends stay.
/// Equal distances: the lowest (the paper has no rule).
pub fn best_start(mean: &[Vec<f64>], n: usize, first: usize, last: usize) -> Option<usize> {
    let layers = mean.len() - 1;
    let mut best: Option<usize> = None;
    for start in first..layers {
        if start + n > layers - last || mean[start][start + n].is_nan() {
            continue;
        }
        if best.is_none_or(|b| mean[start][start + n] < mean[b][b + n]) {
            best = Some(start);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn torture_48_to_51() {
        let x: Vec<f32> = (0..5000).map(|i| ((i * 37) % 101) as f32 / 7.0 - 6.5).collect();
        let opposite: Vec<f32> = x.iter().map(|v| -v).collect();
        assert_eq!((angular(&x, &x), angular(&x, &opposite)), (Some(0.0), Some(1.0)));
        assert_eq!(angular(&[1.0, 0.0], &[1.0, 1.0]), Some(0.25));
        let small = angular(&[1.0, 0.0], &[1.0, 1e-4]).unwrap();
        assert!((small - 3.183_098_851e-5).abs() < 1e-12, "{small:e}");
        assert_eq!(angular(&[0.0, -0.0], &[1.0, 1e-4]), None);
    }

    #[test]
    fn best_start_takes_the_lowest_of_equals() {
        let mean = |f: fn(usize, usize) -> f64| (0..5).map(|l| (0..5).map(|m| f(l, m)).collect()).collect();
        let equal: Vec<Vec<f64>> = mean(|_, _| 1.0);
        assert_eq!(best_start(&equal, 2, 0, 1), Some(0));
        let falling: Vec<Vec<f64>> = mean(|l, _| 9.0 - l as f64);
        assert_eq!((best_start(&falling, 2, 0, 1), best_start(&falling, 2, 0, 0)), (Some(1), Some(2)));
        assert_eq!(best_start(&falling, 4, 0, 1), None);
    }
}
