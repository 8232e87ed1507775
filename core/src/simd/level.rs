//! SIMD levels: which exist, which this machine has, how one is forced.

use alloc::vec::Vec;

use crate::error::{Error, Result};

/// An instruction set for the kernels. All levels give the same results; they differ in speed.
///
/// # Example
/// ```
/// use pauca::{Cpu, Level};
/// let scalar = Cpu::with_level(Level::Scalar)?;
/// assert_eq!(scalar.level().name(), "scalar");
/// assert!(Level::available().contains(&Level::detect()));
/// assert!(Level::from_name("sse9").is_err());
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Level {
    /// What every machine of the target has (SSE2 on x86-64), without fused multiply-add.
    Scalar,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512F and AVX-512VL.
    Avx512,
    /// AArch64 with NEON.
    Neon,
}

impl Level {
    /// All levels, worst to best; [`Level::detect`] takes the last that is available.
    pub const ALL: &[Self] = &[Self::Scalar, Self::Neon, Self::Avx2, Self::Avx512];

    /// The best level of this machine. Without the feature `std` only what was enabled at
    /// compile time is known.
    pub fn detect() -> Self {
        Self::ALL.iter().copied().rev().find(|level| level.is_available()).unwrap_or(Level::Scalar)
    }

    /// The levels of this machine, worst first.
    pub fn available() -> Vec<Self> {
        Self::ALL.iter().copied().filter(|level| level.is_available()).collect()
    }

    /// Whether this machine has the level.
    pub fn is_available(self) -> bool {
        match self {
            Level::Scalar => true,
            Level::Avx2 => has_avx2(),
            Level::Avx512 => has_avx512(),
            Level::Neon => cfg!(all(target_arch = "aarch64", target_feature = "neon")),
        }
    }

    /// "scalar", "avx2", "avx512" or "neon".
    pub fn name(self) -> &'static str {
        match self {
            Level::Scalar => "scalar",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
            Level::Neon => "neon",
        }
    }

    /// The level of that name.
    ///
    /// # Errors
    /// [`Error::SimdLevel`] when there is no such level or this machine lacks it; never ignored.
    pub fn from_name(name: &str) -> Result<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|level| level.name() == name)
            .filter(|level| level.is_available())
            .ok_or_else(unavailable)
    }

    /// The level that the environment variable `PAUCA_SIMD` names, else the best one.
    ///
    /// # Errors
    /// [`Error::SimdLevel`] when the variable names no available level.
    #[cfg(feature = "std")]
    pub fn from_environment() -> Result<Self> {
        match std::env::var("PAUCA_SIMD") {
            Ok(name) => Self::from_name(&name),
            Err(std::env::VarError::NotPresent) => Ok(Self::detect()),
            Err(std::env::VarError::NotUnicode(_)) => Err(unavailable()),
        }
    }
}

/// The error that names what there is.
pub(crate) fn unavailable() -> Error {
    let available = match (has_avx2(), has_avx512(), Level::Neon.is_available()) {
        (_, true, _) => "scalar, avx2, avx512",
        (true, ..) => "scalar, avx2",
        (.., true) => "scalar, neon",
        _ => "scalar",
    };
    Error::SimdLevel { available }
}

#[cfg(all(feature = "std", target_arch = "x86_64"))]
fn has_avx2() -> bool {
    std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma")
}

#[cfg(all(feature = "std", target_arch = "x86_64"))]
fn has_avx512() -> bool {
    has_avx2() && std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512vl")
}

#[cfg(not(all(feature = "std", target_arch = "x86_64")))]
fn has_avx2() -> bool {
    cfg!(all(target_arch = "x86_64", target_feature = "avx2", target_feature = "fma"))
}

#[cfg(not(all(feature = "std", target_arch = "x86_64")))]
fn has_avx512() -> bool {
    has_avx2() && cfg!(all(target_feature = "avx512f", target_feature = "avx512vl"))
}
