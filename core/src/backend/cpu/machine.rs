//! The kernels of one SIMD level.

use crate::error::Result;
use crate::simd::{DotKernel, Kernel, KernelScalar, Level};

/// The CPU backend at one SIMD level.
///
/// # Example
/// ```
/// use pauca::{Cpu, Level};
/// assert_eq!(Cpu::with_level(Level::Scalar)?.level(), Level::Scalar);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    level: Level,
    pub(super) narrow: Kernel<f32>,
    pub(super) wide: Kernel<f64>,
    pub(super) dots: DotKernel,
    pub(super) keep_bytes: usize,
}

/// Rows of a source that a pass keeps for the next ones, unless [`Cpu::keep_bytes`] says otherwise.
const KEEP_BYTES: usize = 64 << 20;

impl Cpu {
    /// The CPU at the level that the environment variable `PAUCA_SIMD` names, else at the best level.
    ///
    /// # Errors
    /// [`Error::SimdLevel`](crate::Error::SimdLevel) when the variable names a level that is unknown or not available.
    #[cfg(feature = "std")]
    pub fn new() -> Result<Self> {
        Self::with_level(Level::from_environment()?)
    }

    /// The CPU at the best level known at compile time.
    ///
    /// # Errors
    /// None today; the signature is that of the function with `std`.
    #[cfg(not(feature = "std"))]
    pub fn new() -> Result<Self> {
        Self::with_level(Level::detect())
    }

    /// The CPU at the given level.
    ///
    /// # Errors
    /// [`Error::SimdLevel`](crate::Error::SimdLevel) when this machine lacks it.
    pub fn with_level(level: Level) -> Result<Self> {
        Ok(Self {
            level,
            narrow: f32::kernel(level)?,
            wide: f64::kernel(level)?,
            dots: DotKernel::new(level)?,
            keep_bytes: KEEP_BYTES,
        })
    }

    /// The level in use.
    pub fn level(&self) -> Level {
        self.level
    }

    /// How many bytes of the rows of a source that does not lie in memory an algorithm may keep
    /// from one pass to the next, so that it need not read them again; 64 MiB unless set. Changes
    /// no result.
    pub fn keep_bytes(mut self, bytes: usize) -> Self {
        self.keep_bytes = bytes;
        self
    }
}
