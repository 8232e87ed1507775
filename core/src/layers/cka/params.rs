//! What is asked of CKA.

use alloc::vec::Vec;

use crate::check;
use crate::error::Result;
use crate::memory::try_copy;
use crate::params::{choices, setters};

/// Sizes beyond those of any network; products of them stay far from overflow.
const MAX_STATES: usize = 1 << 16;
const MAX_DIM: usize = 1 << 31;

/// Which way CKA is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CkaPath {
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
/// let table = LayerCka::new(&[2, 2])?.fit(&[Rows::F32(x.view()), Rows::F32(y.view())])?;
/// assert!(matches!(table.unbiased(0, 1), Cka::Value(v) if (v - 1.0).abs() < 1e-12));
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LayerCka {
    pub(super) dims: Vec<usize>,
    pub(super) path: CkaPath,
}

choices!(CkaPath: Auto, Gram, Features);

impl LayerCka {
    /// CKA of states of `dims` values a row each; the dimensions may differ.
    ///
    /// # Errors
    /// [`Empty`](crate::Error::Empty) without states or for a state without columns,
    /// [`TooLarge`](crate::Error::TooLarge) for more than 2^16 states or 2^31 columns,
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn new(dims: &[usize]) -> Result<Self> {
        check::not_empty("row of a state", dims.iter().copied().min().unwrap_or(0))?;
        check::at_most("number of states", dims.len(), MAX_STATES)?;
        check::at_most("row of a state", dims.iter().copied().max().unwrap_or(0), MAX_DIM)?;
        Ok(Self { dims: try_copy(dims)?, path: CkaPath::Auto })
    }

    setters! {
        /// Which way.
        path: CkaPath;
    }

    /// Whether this many rows are kept rather than summed.
    pub(super) fn keeps(&self, n: usize) -> bool {
        match self.path {
            CkaPath::Gram => true,
            CkaPath::Features => false,
            CkaPath::Auto => {
                let sum: u128 = self.dims.iter().map(|d| *d as u128).sum();
                let squares: u128 = self.dims.iter().map(|d| *d as u128 * *d as u128).sum();
                // Pairs l <= m: (sum² + sum of squares) / 2.
                2 * n as u128 * sum <= sum * sum + squares
            }
        }
    }

    pub(super) fn copy(&self) -> Result<Self> {
        Ok(Self { dims: try_copy(&self.dims)?, path: self.path })
    }
}
