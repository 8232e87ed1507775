//! What a training step finds, forward and backward, and what it is given from above.

use ndarray::{Array1, Array2, ArrayView2};

use super::entropy::Saved;
use super::loss::Losses;
use crate::backend::{SearchStats, equal_but_for_search};
use crate::check;
use crate::error::Result;

/// What one forward step found; also all that [`backward`](super::VectorQuantizer::backward) needs of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Quantized<T> {
    /// `[n, d]`: the code of each row, bit for bit; zeros where masked. `[0, d]` where the rows were written into
    /// a buffer of the caller's.
    pub quantized: Array2<T>,
    /// `[n]`: index of the code; [`MASKED`](super::MASKED) where masked.
    pub ids: Array1<u32>,
    /// `[n]`: squared Euclidean distance, or 1 - cosine, of z to its code; NaN where masked.
    pub distances: Array1<f64>,
    /// The losses.
    pub losses: Losses,
    /// Rows that are not masked.
    pub valid: usize,
    /// How the rows were settled. Depends on the SIMD level.
    pub search: SearchStats,
    pub(super) entropy: Option<Saved>,
}

equal_but_for_search!(Quantized<T>: quantized, ids, distances, losses, valid, entropy);

/// What comes from above into [`backward`](super::VectorQuantizer::backward).
#[derive(Clone, Copy, Debug)]
pub struct Upstream<'a, T> {
    /// Gradient with respect to the quantized output, `[n, d]`; `None` for zeros.
    pub quantized: Option<ArrayView2<'a, T>>,
    /// Gradient with respect to the total loss: 1 where it is added to the objective as it is.
    pub loss: f64,
}

impl<T> Default for Upstream<'_, T> {
    /// The loss alone, with weight 1.
    fn default() -> Self {
        Self { quantized: None, loss: 1.0 }
    }
}

impl<'a, T> Upstream<'a, T> {
    /// A gradient of the output, and the loss with weight 1.
    pub fn of(quantized: ArrayView2<'a, T>) -> Self {
        Self { quantized: Some(quantized), loss: 1.0 }
    }

    /// A gradient of the output must have its shape.
    pub(super) fn check(&self, (n, d): (usize, usize)) -> Result<()> {
        let (rows, columns) = self.quantized.as_ref().map_or((n, d), |g| g.dim());
        check::same_length("gradient of the output", n, rows)?;
        check::same_length("gradient of the output", d, columns)
    }
}

/// Gradients of one step. Tier C.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct QuantizerGradients<T> {
    /// `[n, d]`: with respect to z; zeros where masked.
    pub latents: Array2<T>,
    /// `[k, d]`: with respect to the codes; exactly 0 for a code without rows, unless an entropy loss moves it.
    /// `None` for EMA codes.
    pub codes: Option<Array2<T>>,
    /// Rows for which the rotation was undefined, and which were passed straight through.
    pub fallbacks: u64,
}
