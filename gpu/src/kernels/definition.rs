//! The definition itself, in `f64`, for rows of which few targets are listed.
//!
//! The order of additions is that of `pauca::exact`: element i is added to lane i mod 16, and the lanes are added as a tree. A
//! product of two `f32` is exact in `f64`, so dot products have the same bits whether a compiler fuses or not. A square of
//! a difference is not exact: `lane + e * e` must round twice. CUDA's compiler fuses it, so there the square is an
//! instruction whose rounding is stated, which nothing may fuse ([`Square::Rounded`]; `gate/` looks at the machine code).
//!
//! Vulkan promises of `f64` nothing, and WGSL has none, so this decides on CUDA only: see
//! [`Limits::decides`](crate::Limits::decides). On other devices tests run it, to try its order.

use cubecl::prelude::*;

use super::search::{DECIDED, LISTED, WORDS};

/// Units of a cube, one row each.
pub(crate) const UNITS: u32 = 64;
const LANES: usize = 16;

/// What is smallest for the nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Value {
    /// The squared distance.
    Distance(Square),
    /// The cosine with its sign changed. No search launches it: under cosine the device holds unit rows only, and the
    /// definition wants the rows as they are.
    Cosine,
}

/// How e * e is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Square {
    /// As the compiler likes, which may fuse it with the addition.
    Plain,
    /// Rounded before it is added: CUDA only.
    Rounded,
}

/// Of the rows of `first .. first + n` for which 2 to 4 targets are listed, leaves the nearest, the lowest of equals, with
/// the count [`DECIDED`].
///
/// - `x` `[., d]`, `c` `[., d]`: rows and targets as they are.
/// - `found` `[n, WORDS]`: as [`nearest`](super::search::nearest) wrote it.
#[cube(launch_unchecked, create_dummy_kernel)]
#[allow(clippy::too_many_arguments, reason = "a kernel has no other way in")]
pub(crate) fn settle(
    x: &[f32],
    c: &[f32],
    found: &mut [u32],
    first: u32,
    n: u32,
    d: u32,
    #[comptime] value: Value,
) {
    let row = ABSOLUTE_POS;
    if row < n as usize {
        let list = row * WORDS;
        let count = found[list];
        if count >= 2u32 {
            if count <= comptime!(LISTED as u32) {
                let d = d as usize;
                let left = (first as usize + row) * d;
                let mut nearest = found[list + 1];
                let mut least = score(x, c, left, nearest as usize * d, d, value);
                for i in 2..count as usize + 1 {
                    let target = found[list + i];
                    let score = score(x, c, left, target as usize * d, d, value);
                    if score < least {
                        least = score;
                        nearest = target;
                    } else if score == least {
                        nearest = min(nearest, target);
                    }
                }
                found[list] = DECIDED;
                found[list + 1] = nearest;
            }
        }
    }
}

/// The value of the row of `x` that begins at `left` and the row of `c` that begins at `right`.
#[cube]
pub(crate) fn score(
    x: &[f32],
    c: &[f32],
    left: usize,
    right: usize,
    d: usize,
    #[comptime] value: Value,
) -> f64 {
    match comptime!(value) {
        Value::Distance(square) => strided(x, c, left, right, d, comptime!(Some(square))),
        Value::Cosine => {
            let xx = strided(x, x, left, left, d, comptime!(None));
            let cc = strided(c, c, right, right, d, comptime!(None));
            let mut cosine = strided(x, c, left, right, d, comptime!(None));
            if xx == 0.0f64 || cc == 0.0f64 {
                cosine = 0.0f64;
            } else {
                cosine = max(min(cosine / (xx * cc).sqrt(), 1.0f64), -1.0f64);
            }
            0.0f64 - cosine
        }
    }
}

/// The sum of squares of differences, or of products where there is no `square`, in the order of the definition.
#[cube]
fn strided(
    a: &[f32],
    b: &[f32],
    left: usize,
    right: usize,
    d: usize,
    #[comptime] square: Option<Square>,
) -> f64 {
    let mut lanes = Array::<f64>::new(LANES);
    #[unroll]
    for l in 0..LANES {
        lanes[l] = 0.0f64;
    }
    for step in 0..d.div_ceil(LANES) {
        #[unroll]
        for l in 0..LANES {
            let column = step * LANES + l;
            if column < d {
                let x = f64::cast_from(a[left + column]);
                let y = f64::cast_from(b[right + column]);
                lanes[l] += match comptime!(square) {
                    None => x * y,
                    Some(square) => squared(x - y, square),
                };
            }
        }
    }
    #[unroll]
    for l in 0..8usize {
        lanes[l] += lanes[l + 8];
    }
    #[unroll]
    for l in 0..4usize {
        lanes[l] += lanes[l + 4];
    }
    (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])
}

#[cube]
fn squared(e: f64, #[comptime] square: Square) -> f64 {
    match comptime!(square) {
        Square::Plain => e * e,
        Square::Rounded => {
            let out: f64;
            gpu_asm!("mul.rn.f64 {out}, {e}, {e};", out = out(_) out, e = in(_) e, options(pure, nomem));
            out
        }
    }
}
