//! The kernels of one SIMD level.

use crate::error::Result;
use crate::params::choices;
use crate::simd::{CodeKernel, DotKernel, Kernel, KernelScalar, Level};

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
    pub(super) codes: CodeKernel,
    pub(super) keep_bytes: usize,
    pub(super) code_bytes: usize,
    pub(super) screens: Screens,
}

/// Whether searches start with screens of 8-bit codes ([`Cpu::screens`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Screens {
    /// Where the number of values, targets and rows lets them save time (ARCHITECTURE.md has the rules).
    #[default]
    Auto,
    /// Wherever they can serve, and for all rows: for tests of them.
    Always,
    /// Never.
    Never,
}

choices!(Screens: Auto, Always, Never);

/// Rows of a source that a pass keeps for the next ones, unless [`Cpu::keep_bytes`] says otherwise.
const KEEP_BYTES: usize = 64 << 20;
/// Codes that a run keeps, unless [`Cpu::code_bytes`] says otherwise.
const CODE_BYTES: usize = 512 << 20;

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
            codes: CodeKernel::new(level)?,
            keep_bytes: KEEP_BYTES,
            code_bytes: CODE_BYTES,
            screens: Screens::Auto,
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

    /// How many bytes of codes of its rows a run of k-means may keep from one iteration to the next, beside
    /// the rows; 512 MiB unless set. A value takes about one byte and a third. Rows without room are coded anew in every
    /// iteration. Changes no result.
    pub fn code_bytes(mut self, bytes: usize) -> Self {
        self.code_bytes = bytes;
        self
    }

    /// Whether searches start with screens of 8-bit codes. Changes no result.
    ///
    /// # Example
    /// ```
    /// use pauca::{Context, Cpu, KMeans, Rows, Screens};
    /// let x = ndarray::Array2::from_shape_fn((60, 3), |(i, j)| ((i * 7 + j * 5) % 11) as f32);
    /// let (kmeans, cx) = (KMeans::new(4).seed(1), Context::default());
    /// let fit = |screens| kmeans.fit_on(&Cpu::new()?.screens(screens), &Rows::F32(x.view()), None, &cx);
    /// assert_eq!(fit(Screens::Always)?, fit(Screens::Never)?);
    /// # Ok::<(), pauca::Error>(())
    /// ```
    pub fn screens(mut self, screens: Screens) -> Self {
        self.screens = screens;
        self
    }
}
