//! How many rows each epsilon keeps.

use alloc::vec::Vec;

use crate::error::Result;
use crate::memory::try_copy;
use crate::select::Boundary;

/// The number of rows that EarlierMax keeps, for every epsilon at once: the sorted maxima. Exact,
/// because the maxima do not depend on epsilon.
///
/// # Example
/// ```
/// use pauca::{Boundary, KMeans, Rule, SemDedup};
/// let x = ndarray::array![[1.0f32, 0.0], [0.0, 1.0], [1.0, 0.0]];
/// let clusters = KMeans::new(1).spherical(true).fit(&x)?;
/// let dups = SemDedup::new(Rule::EarlierMax).fit(&x, &clusters)?;
/// let curve = dups.curve.unwrap();
/// assert_eq!(curve.kept(0.0, Boundary::Ge), 2);
/// assert_eq!(curve.kept(0.0, Boundary::Gt), 3);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct KeepCurve {
    /// Every row's largest similarity to an earlier row, ascending; -inf where there is none.
    similarities: Vec<f64>,
}

impl KeepCurve {
    pub(super) fn new(similarity: &[f64]) -> Result<Self> {
        let mut similarities = try_copy(similarity)?;
        similarities.sort_unstable_by(f64::total_cmp);
        Ok(Self { similarities })
    }

    /// The sorted maxima.
    pub fn similarities(&self) -> &[f64] {
        &self.similarities
    }

    /// Rows kept at `epsilon`. O(log n).
    pub fn kept(&self, epsilon: f64, boundary: Boundary) -> usize {
        let threshold = 1.0 - epsilon;
        self.similarities.partition_point(|&s| !boundary.passes(s, threshold))
    }

    /// Epsilon and rows kept at `count` epsilons, at most 2^20, spread evenly over [0, `largest`].
    pub fn points(&self, count: usize, largest: f64, boundary: Boundary) -> Vec<(f64, usize)> {
        (0..count.min(1 << 20))
            .map(|i| {
                let epsilon = largest * i as f64 / (count.max(2) - 1) as f64;
                (epsilon, self.kept(epsilon, boundary))
            })
            .collect()
    }
}
