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
    /// x86-64 with AVX2, FMA and AVX-VNNI: products of bytes in one instruction; all else as [`Level::Avx2`].
    AvxVnni,
    /// x86-64 with AVX-512F, AVX-512VL and AVX-512BW.
    Avx512,
    /// x86-64 with AVX-512 as above and AVX-512 VNNI: products of bytes in one instruction; all else as [`Level::Avx512`].
    Avx512Vnni,
    /// x86-64 with AVX-512 VNNI as above and AMX-INT8, on Linux, with the feature `std`: products of whole tiles of bytes; all
    /// else as [`Level::Avx512Vnni`].
    ///
    /// Linux saves the large registers of AMX only for a process that has asked. [`detect`](Self::detect) and
    /// [`is_available`](Self::is_available) ask, once. From then on Linux refuses alternate signal stacks that are too small for
    /// the registers; `std` and `sysconf(_SC_SIGSTKSZ)` know the size. [`Cpu::with_level`](crate::Cpu::with_level) with another level
    /// that the machine has, or `PAUCA_SIMD=avx512vnni`, asks for nothing.
    Amx,
    /// AArch64 with NEON.
    Neon,
}

impl Level {
    /// All levels, worst to best; [`Level::detect`] takes the last that is available.
    pub const ALL: &[Self] =
        &[Self::Scalar, Self::Neon, Self::Avx2, Self::AvxVnni, Self::Avx512, Self::Avx512Vnni, Self::Amx];

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
            Level::AvxVnni => has_avx_vnni(),
            Level::Avx512 => has_avx512(),
            Level::Avx512Vnni => has_avx512_vnni(),
            Level::Amx => has_avx512_vnni() && has_amx(),
            Level::Neon => cfg!(all(target_arch = "aarch64", target_feature = "neon")),
        }
    }

    /// "scalar", "neon", "avx2", "avxvnni", "avx512", "avx512vnni" or "amx".
    pub fn name(self) -> &'static str {
        match self {
            Level::Scalar => "scalar",
            Level::Avx2 => "avx2",
            Level::AvxVnni => "avxvnni",
            Level::Avx512 => "avx512",
            Level::Avx512Vnni => "avx512vnni",
            Level::Amx => "amx",
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
    let [avx2, avx_vnni, avx512, avx512_vnni, amx] =
        [Level::Avx2, Level::AvxVnni, Level::Avx512, Level::Avx512Vnni, Level::Amx].map(Level::is_available);
    let available = match (avx2, avx_vnni, avx512, avx512_vnni, amx) {
        (false, ..) if Level::Neon.is_available() => "scalar, neon",
        (false, ..) => "scalar",
        (true, false, false, ..) => "scalar, avx2",
        (true, true, false, ..) => "scalar, avx2, avxvnni",
        (true, false, true, false, _) => "scalar, avx2, avx512",
        (true, true, true, false, _) => "scalar, avx2, avxvnni, avx512",
        (true, false, true, true, false) => "scalar, avx2, avx512, avx512vnni",
        (true, true, true, true, false) => "scalar, avx2, avxvnni, avx512, avx512vnni",
        (true, false, true, true, true) => "scalar, avx2, avx512, avx512vnni, amx",
        (true, true, true, true, true) => "scalar, avx2, avxvnni, avx512, avx512vnni, amx",
    };
    Error::SimdLevel { available }
}

/// Whether the machine has all of these features: found at run time with `std`, else what was enabled at compile time.
macro_rules! has {
    ($name:ident: $($feature:tt),+) => {
        #[cfg(all(feature = "std", target_arch = "x86_64"))]
        fn $name() -> bool {
            $(std::is_x86_feature_detected!($feature))&&+
        }

        #[cfg(not(all(feature = "std", target_arch = "x86_64")))]
        fn $name() -> bool {
            cfg!(all(target_arch = "x86_64", $(target_feature = $feature),+))
        }
    };
}
has!(has_avx2: "avx2", "fma", "popcnt");
has!(has_avx_vnni: "avx2", "fma", "popcnt", "avxvnni");
has!(has_avx512: "avx2", "fma", "popcnt", "avx512f", "avx512vl", "avx512bw");
has!(has_avx512_vnni: "avx2", "fma", "popcnt", "avx512f", "avx512vl", "avx512bw", "avx512vnni");

/// Whether the machine has AMX-INT8, and this process may use it. The first call asks Linux for the registers.
#[cfg(all(feature = "std", target_arch = "x86_64", target_os = "linux"))]
fn has_amx() -> bool {
    use core::arch::x86_64::{__cpuid, __cpuid_count};
    const TILE_AND_INT8: u32 = 1 << 24 | 1 << 25;
    static HAS: std::sync::LazyLock<bool> = std::sync::LazyLock::new(|| {
        #[allow(unused_unsafe, reason = "they are safe since Rust 1.94")]
        // SAFETY: every x86-64 has the instruction.
        let known =
            unsafe { __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & TILE_AND_INT8 == TILE_AND_INT8 };
        known && super::linux::ask_for_tiles()
    });
    *HAS
}

#[cfg(not(all(feature = "std", target_arch = "x86_64", target_os = "linux")))]
fn has_amx() -> bool {
    false
}
