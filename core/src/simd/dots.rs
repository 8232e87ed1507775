//! Dot products of a few rows with a few others, in the order of the definition.
//!
//! The definition ([`dot64`](crate::exact::dot64)) adds element i to lane i mod 16. Lanes never
//! meet before the end, so a register can hold any few neighbouring lanes of a pair, and a tile of
//! MR x NC pairs keeps its registers busy with MR + NC loads for MR NC multiply-adds. Nothing is
//! proposed or certified here: products of two widened `f32` are exact in `f64`, so it makes no
//! difference whether the level fuses them into the addition, and every level gives the bits of
//! the definition. Single pairs are compiled for each level from the definition itself.

use super::level::{Level, unavailable};
use super::vector::{Plain, Vector};
use crate::error::Result;
use crate::exact::float::{finite, widen};
use crate::exact::{LANES, dot64_inline, squared_distance_inline};

/// One step of the definition: the values of its sixteen lanes.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Step(pub [f64; LANES]);

impl Step {
    pub const ZERO: Self = Self([0.0; LANES]);
}

type Pack = unsafe fn(&[f32], &mut [Step]) -> bool;
/// Raw arguments of [`DotKernel::add`].
type Run = unsafe fn(usize, *const f64, *const f64, usize, *mut f64);
/// The definition of one pair.
type Pair = unsafe fn(&[f32], &[f32]) -> f64;

/// The kernel of one level: holding one is the proof that the machine has the level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DotKernel {
    mr: usize,
    nc: usize,
    pack: Pack,
    run: Run,
    dot: Pair,
    squared: Pair,
}

impl DotKernel {
    pub fn new(level: Level) -> Result<Self> {
        if !level.is_available() {
            return Err(unavailable());
        }
        Ok(match level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 | Level::AvxVnni => AVX2,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 | Level::Avx512Vnni | Level::Amx => AVX512,
            #[cfg(target_arch = "aarch64")]
            Level::Neon => NEON,
            _ => SCALAR,
        })
    }

    /// [`dot64`](crate::exact::dot64).
    #[inline]
    pub fn dot(&self, a: &[f32], b: &[f32]) -> f64 {
        // SAFETY: the level was checked when the kernel was made.
        unsafe { (self.dot)(a, b) }
    }

    /// [`squared_distance`](crate::exact::squared_distance).
    #[inline]
    pub fn squared_distance(&self, a: &[f32], b: &[f32]) -> f64 {
        // SAFETY: the level was checked when the kernel was made.
        unsafe { (self.squared)(a, b) }
    }

    /// Rows of a tile.
    pub fn mr(&self) -> usize {
        self.mr
    }

    /// Columns of a tile: rows of the other side.
    pub fn nc(&self) -> usize {
        self.nc
    }

    /// Widens `row` into the first steps of `out`, with zeros after its end; whether all of it is
    /// finite.
    pub fn pack(&self, row: &[f32], out: &mut [Step]) -> bool {
        assert!(row.len() <= out.len() * LANES);
        // SAFETY: the level was checked when the kernel was made.
        unsafe { (self.pack)(row, out) }
    }

    /// Adds `steps` steps of the products of `mr` rows at `x` with `nc` rows at `y`, `stride` steps
    /// from one row to the next, to their `sums`: pair (r, c) at r nc + c.
    pub fn add(&self, steps: usize, x: &[Step], y: &[Step], stride: usize, sums: &mut [Step]) {
        assert!(x.len() >= (self.mr - 1) * stride + steps && y.len() >= (self.nc - 1) * stride + steps);
        assert!(sums.len() >= self.mr * self.nc);
        let (x, y, sums) = (x.as_ptr().cast(), y.as_ptr().cast(), sums.as_mut_ptr().cast());
        // SAFETY: the level was checked when the kernel was made; the lengths were checked above
        // and cover every access that `body` documents (a step is sixteen values, side by side).
        unsafe { (self.run)(steps, x, y, stride, sums) }
    }
}

#[inline(always)]
fn pack(row: &[f32], out: &mut [Step]) -> bool {
    let (body, tail) = row.as_chunks::<LANES>();
    let mut bad = 0u32;
    for (x, out) in body.iter().zip(&mut *out) {
        for l in 0..LANES {
            bad |= u32::from(!finite(x[l]));
            out.0[l] = widen(x[l]);
        }
    }
    if let Some(out) = out.get_mut(body.len()).filter(|_| !tail.is_empty()) {
        *out = Step::ZERO;
        for (x, out) in tail.iter().zip(&mut out.0) {
            bad |= u32::from(!finite(*x));
            *out = widen(*x);
        }
    }
    bad == 0
}

/// # Safety
/// `V`'s instruction set is enabled; `x` is valid for ((MR - 1) stride + steps) LANES values, `y` for
/// ((NC - 1) stride + steps) LANES, `sums` for MR NC LANES.
#[inline(always)]
unsafe fn body<V: Vector<Scalar = f64>, const MR: usize, const NC: usize>(
    steps: usize,
    x: *const f64,
    y: *const f64,
    stride: usize,
    sums: *mut f64,
) {
    // SAFETY: every index below stays inside the lengths of the contract.
    unsafe {
        for first in (0..LANES).step_by(V::LANES) {
            let mut acc: [[V; NC]; MR] = core::array::from_fn(|r| {
                core::array::from_fn(|c| V::load(sums.add((r * NC + c) * LANES + first)))
            });
            for t in 0..steps {
                let a: [V; MR] = core::array::from_fn(|r| V::load(x.add((r * stride + t) * LANES + first)));
                for c in 0..NC {
                    let b = V::load(y.add((c * stride + t) * LANES + first));
                    for r in 0..MR {
                        acc[r][c] = acc[r][c].add_product(a[r], b);
                    }
                }
            }
            for r in 0..MR {
                for c in 0..NC {
                    acc[r][c].store(sums.add((r * NC + c) * LANES + first));
                }
            }
        }
    }
}

/// Declares the kernel of one level with its two wrappers: the sizes of the tile stand here alone.
macro_rules! kernel {
    ($kernel:ident, $dots:ident, $pack:ident, $dot:ident, $squared:ident, $vector:ty, $mr:literal x $nc:literal
     $(, $feature:literal)?) => {
        const $kernel: DotKernel =
            DotKernel { mr: $mr, nc: $nc, pack: $pack, run: $dots, dot: $dot, squared: $squared };

        /// # Safety
        /// The caller has checked that the machine has the level.
        $(#[target_feature(enable = $feature)])?
        unsafe fn $dot(a: &[f32], b: &[f32]) -> f64 {
            dot64_inline(a, b)
        }

        /// # Safety
        /// The caller has checked that the machine has the level.
        $(#[target_feature(enable = $feature)])?
        unsafe fn $squared(a: &[f32], b: &[f32]) -> f64 {
            squared_distance_inline(a, b)
        }

        /// # Safety
        /// As [`body`]; the caller has checked that the machine has the level.
        $(#[target_feature(enable = $feature)])?
        unsafe fn $dots(steps: usize, x: *const f64, y: *const f64, stride: usize, sums: *mut f64) {
            // SAFETY: the caller's contract is the same.
            unsafe { body::<$vector, $mr, $nc>(steps, x, y, stride, sums) }
        }

        /// # Safety
        /// The caller has checked that the machine has the level.
        $(#[target_feature(enable = $feature)])?
        unsafe fn $pack(row: &[f32], out: &mut [Step]) -> bool {
            pack(row, out)
        }
    };
}

kernel!(SCALAR, dots_scalar, pack_scalar, dot_scalar, squared_scalar, Plain<f64, 2>, 2 x 3);
#[cfg(target_arch = "x86_64")]
use super::vector::x86::{Avx2F64, Avx512F64};
#[cfg(target_arch = "x86_64")]
kernel!(AVX2, dots_avx2, pack_avx2, dot_avx2, squared_avx2, Avx2F64, 3 x 4, "avx2,fma");
#[cfg(target_arch = "x86_64")]
kernel!(AVX512, dots_avx512, pack_avx512, dot_avx512, squared_avx512, Avx512F64, 4 x 6, "avx512f,avx512vl,fma");
#[cfg(target_arch = "aarch64")]
use super::vector::arm::NeonF64;
#[cfg(target_arch = "aarch64")]
kernel!(NEON, dots_neon, pack_neon, dot_neon, squared_neon, NeonF64, 4 x 5, "neon");

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::super::portable::{Portable, skipped};
    use super::*;
    use crate::exact::{dot64, fold, squared_distance};
    use crate::random::Stream;

    /// The body of a level's kernel at its shape, on plain arrays.
    fn portable<const LANES: usize, const MR: usize, const NC: usize>() -> DotKernel
    where
        Portable<f64, LANES>: Vector<Scalar = f64>,
    {
        DotKernel {
            mr: MR,
            nc: NC,
            pack: pack_scalar,
            run: body::<Portable<f64, LANES>, MR, NC>,
            dot: dot_scalar,
            squared: squared_scalar,
        }
    }

    #[test]
    fn every_level_gives_the_bits_of_the_definition() {
        for level in Level::available() {
            let Ok(kernel) = DotKernel::new(level) else { panic!("{level:?} is listed but refused") };
            check(level, kernel);
        }
    }

    #[test]
    fn every_shape_gives_the_bits_of_the_definition() {
        for (level, kernel) in [
            (Level::Avx2, portable::<4, 3, 4>()),
            (Level::Avx512, portable::<8, 4, 6>()),
            (Level::Neon, portable::<2, 4, 5>()),
        ] {
            check(level, kernel);
            match DotKernel::new(level) {
                Ok(native) => assert_eq!((native.mr, native.nc), (kernel.mr, kernel.nc), "{level:?}"),
                Err(_) => skipped(level, "the kernel of dot products"),
            }
        }
    }

    fn check(level: Level, kernel: DotKernel) {
        let stream = Stream::new(8, 99);
        let (mr, nc) = (kernel.mr(), kernel.nc());
        for d in [1usize, 15, 16, 17, 160, 1000] {
            let (steps, rows) = (d.div_ceil(LANES), mr + nc);
            let stride = steps + 1;
            // Any finite f32: subnormals, extremes, zeros of both signs.
            let value = |i: usize| {
                let bits = stream.bits(i as u64, d as u32) as u32;
                f32::from_bits(if bits.is_multiple_of(13) { bits & 0x8000_00ff } else { bits & 0xbfff_ffff })
            };
            let values: Vec<f32> = (0..rows * d).map(value).collect();
            // What was there before is no part of the result.
            let mut packed = vec![Step([f64::NAN; LANES]); rows * stride];
            for (row, out) in values.chunks_exact(d).zip(packed.chunks_exact_mut(stride)) {
                assert!(kernel.pack(row, &mut out[..steps]));
            }
            let mut sums = vec![Step::ZERO; mr * nc];
            // In two goes, as the blocks of long rows are.
            let half = steps / 2;
            let (x, y) = packed.split_at(mr * stride);
            kernel.add(half, x, y, stride, &mut sums);
            kernel.add(steps - half, &x[half..], &y[half..], stride, &mut sums);
            let row = |r: usize| &values[r * d..(r + 1) * d];
            for r in 0..mr {
                for c in 0..nc {
                    let expected = dot64(row(r), row(mr + c));
                    let found = fold(sums[r * nc + c].0);
                    assert_eq!(found.to_bits(), expected.to_bits(), "{level:?}, d {d}, pair {r} {c}");
                    let (dot, square) =
                        (kernel.dot(row(r), row(mr + c)), kernel.squared_distance(row(r), row(mr + c)));
                    assert_eq!(dot.to_bits(), expected.to_bits(), "{level:?}, d {d}, pair {r} {c}");
                    let expected = squared_distance(row(r), row(mr + c));
                    assert_eq!(square.to_bits(), expected.to_bits(), "{level:?}, d {d}, pair {r} {c}");
                }
            }
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut row = row(0).to_vec();
                row[d - 1] = bad;
                assert!(!kernel.pack(&row, &mut packed[..steps]), "{level:?}, d {d}, {bad}");
            }
        }
    }
}
