//! What is asked of CKA.

use alloc::vec::Vec;

use crate::error::Result;
use crate::memory::try_copy;

/// Which way CKA is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Path {
    /// The shape decides: rows are kept while n sum(d_l) is at most the sum of d_l d_m over all pairs.
    #[default]
    Auto,
    /// Always by Gram matrices; keeps all rows.
    Gram,
    /// Always by sums over features; keeps no rows.
    Features,
}

/// Linear CKA between all pairs of states: parameters.
///
/// # Tier
/// C: the last bits depend on the SIMD level, within 1e-10 of the Gram formula; but not on threads,
/// nor on how one stream is cut into batches.
/// # Example
/// ```
/// use pauca::Rows;
/// use pauca::layers::{Cka, LayerCka};
/// let x = ndarray::array![[1.0f32, 2.0], [3.0, 4.0], [5.0, 9.0], [0.0, 1.0], [2.0, 2.0]];
/// let y = &x * 3.0 + 7.0;
/// let table = LayerCka::new(&[2, 2]).fit(&[Rows::F32(x.view()), Rows::F32(y.view())])?;
/// assert!(matches!(table.unbiased(0, 1), Cka::Value(v) if (v - 1.0).abs() < 1e-12));
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LayerCka {
    pub(super) dims: Vec<usize>,
    /// How many widths were given: more than `dims` where there was no memory for them.
    pub(super) states: usize,
    pub(super) path: Path,
}

impl LayerCka {
    /// CKA of states of `dims` values a row each; the dimensions may differ.
    pub fn new(dims: &[usize]) -> Self {
        Self { dims: try_copy(dims).unwrap_or_default(), states: dims.len(), path: Path::Auto }
    }

    /// Which way.
    pub fn path(mut self, path: Path) -> Self {
        self.path = path;
        self
    }

    /// Whether this many rows are kept rather than summed.
    pub(super) fn keeps(&self, n: usize) -> bool {
        match self.path {
            Path::Gram => true,
            Path::Features => false,
            Path::Auto => {
                let sum: u128 = self.dims.iter().map(|d| *d as u128).sum();
                let squares: u128 = self.dims.iter().map(|d| *d as u128 * *d as u128).sum();
                // Pairs l <= m: (sum² + sum of squares) / 2.
                2 * n as u128 * sum <= sum * sum + squares
            }
        }
    }

    pub(super) fn copy(&self) -> Result<Self> {
        Ok(Self { dims: try_copy(&self.dims)?, states: self.states, path: self.path })
    }
}
