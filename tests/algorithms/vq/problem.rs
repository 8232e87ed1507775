//! Random problems of quantization, and rows in both element types.

use ndarray::{Array2, ArrayView2};
use pauca::vq::Real;
use pauca_tests::data::Rng;

/// Rows of `f64`.
pub type Rows = Vec<Vec<f64>>;

/// `rows` as an array of `T`.
pub fn array<T: Real>(rows: &[Vec<f64>]) -> Array2<T> {
    let d = rows.first().map_or(0, Vec::len);
    Array2::from_shape_fn((rows.len(), d), |(i, j)| T::from_f64(rows[i][j]))
}

/// An array as rows.
pub fn rows<T: Real>(array: ArrayView2<'_, T>) -> Rows {
    array.rows().into_iter().map(|row| row.iter().map(|x| x.to_f64()).collect()).collect()
}

/// The bits of an array.
pub fn bits<T: Real>(array: ArrayView2<'_, T>) -> Vec<u64> {
    array.iter().map(|x| x.to_f64().to_bits()).collect()
}

/// `n` normal rows of `d` values, exact in `f32`.
pub fn normal(n: usize, d: usize, rng: &mut Rng) -> Rows {
    (0..n).map(|_| (0..d).map(|_| rng.normal() as f32 as f64).collect()).collect()
}

/// Latents, codes and a mask.
pub struct Problem {
    pub z: Rows,
    pub codes: Rows,
    pub mask: Option<Vec<bool>>,
    pub rng: Rng,
}

impl Problem {
    /// A small one, with a mask now and then.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng(seed);
        let (n, k, d) = (2 + rng.below(12), 1 + rng.below(9), 1 + rng.below(7));
        let z = normal(n, d, &mut rng);
        let codes = normal(k, d, &mut rng);
        let mask = rng.chance(0.4).then(|| (0..n).map(|i| i == 0 || rng.chance(0.7)).collect());
        Self { z, codes, mask, rng }
    }

    pub fn d(&self) -> usize {
        self.z[0].len()
    }

    pub fn mask(&self) -> Option<&[bool]> {
        self.mask.as_deref()
    }

    /// Rows that count.
    pub fn valid(&self) -> Vec<usize> {
        (0..self.z.len()).filter(|&i| self.mask.as_ref().is_none_or(|m| m[i])).collect()
    }
}
