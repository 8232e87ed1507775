//! The definitions that decide everything: dot product, squared distance, cosine.
//!
//! A sum of floating-point numbers depends on its order, so the order is part of the definition:
//! element `i` is added to lane `i mod 16`, all lanes start at +0.0, and at the end lane `l`
//! takes lane `l + w` for w = 8, 4, 2, 1. Every operation rounds to `f64`; none is fused.

/// How close two rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Squared Euclidean distance.
    SqEuclidean,
    /// 1 - cosine.
    Cosine,
}

impl Metric {
    /// The distance that is reported: squared Euclidean, or 1 - S.
    pub fn distance(self, x: &[f32], c: &[f32]) -> f64 {
        match self {
            Metric::SqEuclidean => squared_distance(x, c),
            Metric::Cosine => 1.0 - cosine(x, c),
        }
    }

    /// The centroid of `x`: least squared distance, or greatest cosine. Equal values: the lowest
    /// index. (For cosine the comparison is on S itself, since 1 - S rounds different S together.)
    pub fn nearest(self, x: &[f32], centroids: &[Vec<f32>]) -> u32 {
        let mut best = 0;
        let mut best_value = f64::INFINITY;
        for (j, c) in centroids.iter().enumerate() {
            let value = match self {
                Metric::SqEuclidean => squared_distance(x, c),
                Metric::Cosine => -cosine(x, c),
            };
            if value < best_value {
                best = j;
                best_value = value;
            }
        }
        best as u32
    }
}

/// Sum in the fixed order.
fn lanes_sum(terms: impl Iterator<Item = f64>) -> f64 {
    let mut lane = [0.0; 16];
    for (i, term) in terms.enumerate() {
        lane[i % 16] += term;
    }
    for w in [8, 4, 2, 1] {
        for l in 0..w {
            lane[l] += lane[l + w];
        }
    }
    lane[0]
}

/// Dot product of two `f32` rows. Each product is exact in `f64`.
pub fn dot(a: &[f32], b: &[f32]) -> f64 {
    lanes_sum(a.iter().zip(b).map(|(&x, &y)| x as f64 * y as f64))
}

/// Dot product of two `f64` rows, for the norm of an exact sum.
pub fn dot_of_sums(a: &[f64], b: &[f64]) -> f64 {
    lanes_sum(a.iter().zip(b).map(|(x, y)| x * y))
}

/// Sum of squares in the fixed order, of differences of `f64` rows.
pub fn sum_of_squares(e: impl Iterator<Item = f64>) -> f64 {
    lanes_sum(e.map(|e| e * e))
}

/// Squared Euclidean distance: differences first, never |a|² - 2ab + |b|², which cancels.
pub fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    lanes_sum(a.iter().zip(b).map(|(&x, &y)| {
        let e = x as f64 - y as f64;
        e * e
    }))
}

/// Cosine S(x, y) = dot(x, y) / sqrt(dot(x, x) dot(y, y)), clamped to [-1, 1]; 0 where either
/// row is all zeros. One root of the product, so that S(x, x) is exactly 1.
pub fn cosine(x: &[f32], y: &[f32]) -> f64 {
    let xx = dot(x, x);
    let yy = dot(y, y);
    if xx == 0.0 || yy == 0.0 {
        return 0.0;
    }
    (dot(x, y) / (xx * yy).sqrt()).clamp(-1.0, 1.0)
}

/// The unit row f32(x / sqrt(dot(x, x))); a row of zeros stays a row of zeros. It is used only
/// in the sums of spherical k-means, never to decide.
pub fn unit(x: &[f32]) -> Vec<f32> {
    let xx = dot(x, x);
    if xx == 0.0 {
        return vec![0.0; x.len()];
    }
    let norm = xx.sqrt();
    x.iter().map(|&v| (v as f64 / norm) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_go_by_lanes_and_not_from_left_to_right() {
        // 2^60 and -2^60 meet in lane 0; the ones are in lanes 1 to 15.
        let mut a = vec![1.0f32; 32];
        a[0] = 2f32.powi(60);
        a[16] = -a[0];
        assert_eq!(dot(&a, &[1.0; 32]), 30.0);
        // The tree: 2^54 swallows the 1 of lane 8 and the 2 of lane 4, then takes 4 and 8. From
        // left to right it would swallow them all.
        let mut b = vec![1.0f32; 16];
        b[0] = 2f32.powi(54);
        assert_eq!(dot(&b, &[1.0; 16]), 2f64.powi(54) + 12.0);
    }

    #[test]
    fn cosine_of_torture_31_to_34() {
        assert_eq!(cosine(&[3.0, 4.0], &[4.0, 3.0]), 0.96);
        assert_eq!(cosine(&[3.0, 4.0], &[-3.0, -4.0]), -1.0);
        assert_eq!(cosine(&[0.0, -0.0], &[3.0, 4.0]), 0.0);
        let x: Vec<f32> = (0..384).map(|i| ((i * 37) % 101) as f32 / 7.0 - 6.5).collect();
        let tiny: Vec<f32> = x.iter().map(|v| v * 2f32.powi(-66)).collect();
        assert_eq!(cosine(&x, &x), 1.0);
        assert_eq!(cosine(&x, &tiny), 1.0);
        let three: Vec<f32> = x.iter().map(|v| v * 3.0).collect();
        assert!(cosine(&x, &three) <= 1.0);
    }

    #[test]
    fn ties_go_to_the_lowest_index() {
        assert_eq!(Metric::SqEuclidean.nearest(&[0.0], &[vec![-1.0], vec![1.0]]), 0);
        assert_eq!(Metric::SqEuclidean.nearest(&[0.0], &[vec![1.0], vec![-1.0]]), 0);
        assert_eq!(Metric::Cosine.nearest(&[0.0, 0.0], &[vec![1.0, 0.0], vec![0.0, 1.0]]), 0);
    }
}
