//! The two losses of VQ-VAE and how they are averaged.

use crate::exact::F64Sum;
use crate::params::choices;

/// How a sum over rows and columns becomes a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reduction {
    /// Mean over valid rows and columns, as in VQ-VAE's, taming's and LlamaGen's code. The default.
    MeanElements,
    /// Mean over valid rows of the squared norms.
    MeanRows,
    /// The sum.
    Sum,
}

choices!(Reduction: MeanElements, MeanRows, Sum);

impl Reduction {
    /// What the sum over `rows` valid rows of `columns` values is multiplied by; 0 without rows.
    pub(crate) fn scale(self, rows: usize, columns: usize) -> f64 {
        match self {
            _ if rows == 0 => 0.0,
            Reduction::MeanElements => 1.0 / (rows as f64 * columns as f64),
            Reduction::MeanRows => 1.0 / rows as f64,
            Reduction::Sum => 1.0,
        }
    }
}

/// Losses of one step. Sums are exact and divided once, so tier A; the entropy is tier B.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Losses {
    /// weight * mean |sg(z) - e|²: moves the codes. 0 for EMA codes.
    pub codebook: f64,
    /// beta * mean |z - sg(e)|²: moves the latents.
    pub commitment: f64,
    /// Value of the entropy loss, where there is one.
    pub entropy: Option<super::EntropyValue>,
    /// The sum of the above.
    pub total: f64,
}

impl Losses {
    /// The losses from the exact sum of squared distances.
    pub(super) fn new(
        squares: &F64Sum,
        scale: f64,
        commitment: f64,
        codebook: f64,
        entropy: Option<super::EntropyValue>,
    ) -> Self {
        let mean = squares.value() * scale;
        let (codebook, commitment) = (codebook * mean, commitment * mean);
        let total = codebook + commitment + entropy.map_or(0.0, |e| e.value);
        Self { codebook, commitment, entropy, total }
    }

    /// Adds `weight` times the losses of a part of a composite; the part keeps its entropy.
    pub(super) fn add(&mut self, part: &Self, weight: f64) {
        self.codebook += weight * part.codebook;
        self.commitment += weight * part.commitment;
        self.total += weight * part.total;
    }
}
