//! Every level's kernel body at its own shape, on any machine: registers as plain arrays.

use super::level::Level;
use super::vector::Vector;

/// A register of `N` scalars in memory.
#[derive(Clone, Copy)]
pub(super) struct Portable<T, const N: usize>(pub(super) [T; N]);

macro_rules! portable {
    ($scalar:ty, $fma:path) => {
        // No method needs an instruction set: the pointers are the only conditions.
        impl<const N: usize> Vector for Portable<$scalar, N> {
            type Scalar = $scalar;
            const LANES: usize = N;
            unsafe fn splat(x: $scalar) -> Self {
                Self([x; N])
            }
            unsafe fn load(from: *const $scalar) -> Self {
                // SAFETY: the caller's pointer is valid for LANES values.
                Self(unsafe { from.cast::<[$scalar; N]>().read_unaligned() })
            }
            unsafe fn store(self, to: *mut $scalar) {
                // SAFETY: the caller's pointer is valid for LANES values.
                unsafe { to.cast::<[$scalar; N]>().write_unaligned(self.0) }
            }
            unsafe fn add_product(self, a: Self, b: Self) -> Self {
                Self(core::array::from_fn(|l| $fma(a.0[l], b.0[l], self.0[l])))
            }
            unsafe fn add(self, other: Self) -> Self {
                Self(core::array::from_fn(|l| self.0[l] + other.0[l]))
            }
            unsafe fn sub(self, other: Self) -> Self {
                Self(core::array::from_fn(|l| self.0[l] - other.0[l]))
            }
            unsafe fn at_most(self, other: Self) -> u64 {
                (0..N).fold(0, |mask, l| mask | u64::from(self.0[l] <= other.0[l]) << l)
            }
        }
    };
}
portable!(f32, libm::fmaf);
portable!(f64, libm::fma);

/// Says past the capture of the test runner that this machine cannot run a level's own instructions.
pub(super) fn skipped(level: Level, what: &str) {
    #[cfg(feature = "std")]
    {
        use std::io::Write;
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: this machine lacks {}: {what} ran on plain arrays only",
            level.name()
        );
    }
    #[cfg(not(feature = "std"))]
    let _ = (level, what);
}
