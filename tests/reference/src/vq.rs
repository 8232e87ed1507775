//! Vector quantization.
//!
//! van den Oord et al. 2017, section 3.1 and 3.2:
//!   1. k = argmin_j |z - e_j| (eq. 1), z_q = e_k;
//!   2. L = |sg(z) - e|^2 + beta |z - sg(e)|^2 (eq. 3, without the reconstruction);
//!   3. the gradient at z_q is copied to z.
//!
//! Appendix A.1 replaces the first term by moving averages:
//!   N_i <- N_i g + n_i (1 - g);   m_i <- m_i g + sum_j z_ij (1 - g);   e_i = m_i / N_i   (eq. 6-8).
//!
//! Values only, no gradients: those are checked against differences of these values. Rows are `f64`; rows of `f32`
//! come widened, which is exact, with `single` saying that unit rows are rounded to `f32`.

use crate::fsum::fsum;
use crate::truth::{dot_of_sums, sum_of_squares};

/// The unit row x / |x|, zeros for zeros.
pub fn unit(x: &[f64], single: bool) -> Vec<f64> {
    // Scaling by a power of two, where squares could leave the range of f64.
    let largest = x.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let scale = if largest == 0.0 || (2f64.powi(-200)..2f64.powi(201)).contains(&largest) {
        1.0
    } else {
        2f64.powi(-(largest.log2().floor() as i32).clamp(-1022, 1022))
    };
    let x: Vec<f64> = x.iter().map(|v| v * scale).collect();
    let norm = dot_of_sums(&x, &x).sqrt();
    if norm == 0.0 {
        return vec![0.0; x.len()];
    }
    x.iter().map(|v| if single { (v / norm) as f32 as f64 } else { v / norm }).collect()
}

/// Cosine of two rows of `f64`.
fn cosine(x: &[f64], y: &[f64]) -> f64 {
    let (xx, yy) = (dot_of_sums(x, x), dot_of_sums(y, y));
    if xx == 0.0 || yy == 0.0 {
        return 0.0;
    }
    (dot_of_sums(x, y) / (xx * yy).sqrt()).clamp(-1.0, 1.0)
}

/// Step 1: the nearest code, the lowest of equals, and its distance.
pub fn nearest(z: &[f64], codes: &[Vec<f64>], cosine_codes: bool) -> (u32, f64) {
    let mut best = (0, f64::INFINITY);
    for (j, e) in codes.iter().enumerate() {
        let value = if cosine_codes { -cosine(z, e) } else { squared(z, e) };
        if value < best.1 {
            best = (j as u32, value);
        }
    }
    (best.0, if cosine_codes { 1.0 + best.1 } else { best.1 })
}

/// Squared distance of two rows, in the order of the definition.
pub fn squared(a: &[f64], b: &[f64]) -> f64 {
    sum_of_squares(a.iter().zip(b).map(|(x, y)| x - y))
}

/// Step 2: mean over rows and columns (or rows, or the sum) of |t - q|^2, for one of the two terms.
pub fn mean_square(t: &[Vec<f64>], q: &[Vec<f64>], per: Per) -> f64 {
    let sum = fsum(&t.iter().zip(q).map(|(t, q)| squared(t, q)).collect::<Vec<_>>());
    match (per, t.len()) {
        (_, 0) => 0.0,
        (Per::Element, n) => sum * (1.0 / (n as f64 * t[0].len() as f64)),
        (Per::Row, n) => sum * (1.0 / n as f64),
        (Per::All, _) => sum,
    }
}

/// What a sum is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// Rows times columns.
    Element,
    /// Rows.
    Row,
    /// 1.
    All,
}

/// softmax over codes of -|t - q|^2 / tau, and the entropies: (mean over rows of H, H of the mean).
pub fn entropies(t: &[Vec<f64>], q: &[Vec<f64>], tau: f64) -> (f64, f64) {
    let n = t.len() as f64;
    let entropy = |p: &[f64]| -> f64 { p.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum() };
    let mut mean = vec![0.0; q.len()];
    let mut sample = 0.0;
    for t in t {
        let a: Vec<f64> = q.iter().map(|q| -squared(t, q) / tau).collect();
        let best = a.iter().fold(f64::NEG_INFINITY, |b, &v| b.max(v));
        let e: Vec<f64> = a.iter().map(|a| (a - best).exp()).collect();
        let sum: f64 = e.iter().sum();
        let p: Vec<f64> = e.iter().map(|e| e / sum).collect();
        sample += entropy(&p) / n;
        mean.iter_mut().zip(&p).for_each(|(m, p)| *m += p / n);
    }
    (sample, entropy(&mean))
}

/// The rotation trick (Fifty et al. 2024, section 4): q = s R z for s = |e| / |z| and
/// R = I - 2 w w' + 2 b a', a and b being the directions of z and e and w that of a + b. As a matrix s R, row by row.
pub fn rotation(z: &[f64], e: &[f64]) -> Vec<Vec<f64>> {
    let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    let (zn, en) = (norm(z), norm(e));
    let a: Vec<f64> = z.iter().map(|x| x / zn).collect();
    let b: Vec<f64> = e.iter().map(|x| x / en).collect();
    let sum: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
    let w: Vec<f64> = sum.iter().map(|x| x / norm(&sum)).collect();
    let entry = |i: usize, j: usize| {
        let identity = if i == j { 1.0 } else { 0.0 };
        en / zn * (identity - 2.0 * w[i] * w[j] + 2.0 * b[i] * a[j])
    };
    (0..z.len()).map(|i| (0..z.len()).map(|j| entry(i, j)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotation_maps_the_latent_to_its_code() {
        let (z, e) = ([1.0, 2.0, -0.5], [0.3, -1.0, 4.0]);
        for (row, e) in rotation(&z, &e).iter().zip(e) {
            let value: f64 = row.iter().zip(z).map(|(r, z)| r * z).sum();
            assert!((value - e).abs() < 1e-14);
        }
    }

    #[test]
    fn ties_go_to_the_lowest_code() {
        assert_eq!(nearest(&[0.0], &[vec![1.0], vec![-1.0]], false), (0, 1.0));
        assert_eq!(nearest(&[0.0], &[vec![1.0], vec![-1.0]], true), (0, 1.0));
    }
}
