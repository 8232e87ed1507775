//! Gradients through the rounding to a code, and through the projection to unit length.
//!
//! **Straight-through**: q = e forwards, bit for bit (not z + (e - z), which rounds); dL/dz = dL/dq.
//!
//! **Rotation trick** (Fifty et al. 2024): q = s R z with s = |e| / |z| and R the rotation from z to e in
//! their plane, both held constant; so dL/dz = s R' dL/dq. With the unit vectors a = z/|z|, b = e/|e|
//! and w = (a + b)/|a + b|: R = I - 2 w w' + 2 b a', applied in O(d). The forward value is e itself.
//! Where z or e is zero, or a = -b (the plane is undefined), the gradient is straight-through; so it is where a value of
//! s R' dL/dq lies beyond the type (z 1e-30, e 1 and a gradient of 1e9 in `f32`). These fallbacks are counted.

use super::rows::{safe_scale, unit_into};
use crate::check;
use crate::error::Result;
use crate::memory::try_collect;
use crate::params::choices;
use crate::real::Real;

/// How gradients pass the rounding to a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Estimator {
    /// Gradients pass unchanged. The default.
    StraightThrough,
    /// Gradients are rotated and rescaled, as the code is against the latent.
    Rotation,
}

choices!(Estimator: StraightThrough, Rotation);

/// |a + b| below this counts as opposite directions: w would be rounding noise.
const OPPOSITE: f64 = f64::from_bits((1023 - 20) << 52);

/// The vectors of the rotation, each scaled by a power of two so that no product leaves `f64`.
struct Plane {
    /// |e| / |z| of the scaled vectors.
    scale: f64,
    /// Powers of two by which z and e are scaled.
    by: [f64; 2],
    /// 1 / |z|, 1 / |e| of the scaled vectors.
    inverse: [f64; 2],
    /// 1 / |a + b|.
    sum: f64,
}

fn dot(a: &[f64], by: f64, b: &[f64], by_b: f64) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * by * (y * by_b)).sum()
}

impl Plane {
    fn new(z: &[f64], e: &[f64]) -> Option<Self> {
        let by = [safe_scale(z), safe_scale(e)];
        let (zn, en) = (libm::sqrt(dot(z, by[0], z, by[0])), libm::sqrt(dot(e, by[1], e, by[1])));
        let inverse = [1.0 / zn, 1.0 / en];
        if !inverse.iter().all(|x| x.is_finite() && *x > 0.0) {
            return None;
        }
        let mut this = Self { scale: en * inverse[0], by, inverse, sum: 1.0 };
        let sum = z.iter().zip(e).map(|(z, e)| this.w(*z, *e));
        let length = libm::sqrt(sum.map(|x| x * x).sum());
        this.sum = 1.0 / length;
        (length >= OPPOSITE).then_some(this)
    }

    /// w_j.
    fn w(&self, z: f64, e: f64) -> f64 {
        (z * self.by[0] * self.inverse[0] + e * self.by[1] * self.inverse[1]) * self.sum
    }
}

/// The exponent of a power of two.
fn exponent(power: f64) -> i32 {
    (power.to_bits() >> 52) as i32 - 1023
}

/// out = s R x, or s R' x where `back`, for the rotation from `z` to `e`. False, and out = x, where there is none or
/// where a value is none of `T`.
pub(super) fn turn<T: Real>(z: &[f64], e: &[f64], x: &[f64], out: &mut [f64], back: bool) -> bool {
    let turned = Plane::new(z, e).is_some_and(|plane| {
        let by = safe_scale(x);
        let wx: f64 = z.iter().zip(e).zip(x).map(|((z, e), x)| plane.w(*z, *e) * (x * by)).sum();
        // R = I - 2 w w' + 2 b a': along a, then towards b; R' the other way round.
        let ((from, i), (to, j)) = if back { ((e, 1), (z, 0)) } else { ((z, 0), (e, 1)) };
        let along = dot(from, plane.by[i], x, by) * plane.inverse[i];
        let shift = exponent(plane.by[0]) - exponent(plane.by[1]) - exponent(by);
        for ((((o, x), z), e), to) in out.iter_mut().zip(x).zip(z).zip(e).zip(to) {
            let towards = 2.0 * along * (to * plane.by[j]) * plane.inverse[j];
            let turned = plane.scale * (x * by - 2.0 * wx * plane.w(*z, *e) + towards);
            *o = if shift == 0 { turned } else { libm::scalbn(turned, shift) };
        }
        out.iter().all(|o| T::from_f64(*o).is_finite())
    });
    if !turned {
        out.copy_from_slice(x);
    }
    turned
}

/// dL/dx from the gradient `g` of u = x / |x|: (g - u (u.g)) / |x|; zeros where x is zero.
pub(super) fn unit_back_into(x: &[f64], g: &[f64], out: &mut [f64]) {
    let scale = safe_scale(x);
    let norm = libm::sqrt(x.iter().map(|x| x * scale * (x * scale)).sum());
    if norm == 0.0 {
        out.fill(0.0);
        return;
    }
    let ug = x.iter().zip(g).map(|(x, g)| x * scale / norm * g).sum::<f64>();
    for ((o, x), g) in out.iter_mut().zip(x).zip(g) {
        *o = (g - x * scale / norm * ug) / norm * scale;
    }
}

fn widened<T: Real>(x: &[T]) -> Result<alloc::vec::Vec<f64>> {
    try_collect(x.iter().map(|x| x.to_f64()))
}

fn narrowed<T: Real>(from: &[f64], to: &mut [T]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = T::from_f64(*from);
    }
}

/// The forward direction of the rotation trick: s R x, which maps `z` to `e`. Tier C: |s R z - e| is at most
/// 4 (d + 8) 2^-53 |e| / (1 + cos(z, e)) in `f64`, and one rounding more in `f32`: each of the four sums of d products (two
/// norms, two dot products) is off by at most d roundings, and near-opposite vectors leave the plane of rotation ill
/// defined. Returns false, and x, where z or e is zero, where they point in
/// opposite directions, and where a value of the result lies beyond the type.
///
/// # Errors
/// [`ShapeMismatch`](crate::Error::ShapeMismatch) unless all slices are equally long, [`OutOfMemory`](crate::Error::OutOfMemory).
///
/// # Example
/// ```
/// let (z, e, mut q) = ([3.0f64, 4.0], [0.0, 2.0], [0.0; 2]);
/// assert!(pauca::vq::rotate(&z, &e, &z, &mut q)?);
/// let bound = 4.0 * 10.0 * 2f64.powi(-53) * 2.0 / (1.0 + 0.8); // d = 2, |e| = 2, cos(z, e) = 0.8
/// assert!((q[0] - e[0]).hypot(q[1] - e[1]) <= bound);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn rotate<T: Real>(z: &[T], e: &[T], x: &[T], out: &mut [T]) -> Result<bool> {
    check::same_length("e", z.len(), e.len())?;
    check::same_length("x", z.len(), x.len())?;
    check::same_length("out", z.len(), out.len())?;
    let mut wide = widened(out)?;
    let turned = turn::<T>(&widened(z)?, &widened(e)?, &widened(x)?, &mut wide, false);
    narrowed(&wide, out);
    Ok(turned)
}

/// The gradient of the rotation trick: dL/dz = s R' g for g = dL/dq. Tier C. Returns false, and g, where
/// [`rotate`] returns false.
///
/// # Errors
/// As [`rotate`].
pub fn rotate_backward<T: Real>(z: &[T], e: &[T], g: &[T], out: &mut [T]) -> Result<bool> {
    check::same_length("e", z.len(), e.len())?;
    check::same_length("g", z.len(), g.len())?;
    check::same_length("out", z.len(), out.len())?;
    let mut wide = widened(out)?;
    let turned = turn::<T>(&widened(z)?, &widened(e)?, &widened(g)?, &mut wide, true);
    narrowed(&wide, out);
    Ok(turned)
}

/// u = x / |x|, by dot(x, x) in the fixed order of [`exact`](crate::exact), each value rounded once more to
/// its type; zeros for a row of zeros. Never overflows. Tier A.
///
/// # Errors
/// [`ShapeMismatch`](crate::Error::ShapeMismatch) when the lengths differ.
///
/// # Example
/// ```
/// let mut u = [0.0f64; 2];
/// pauca::vq::l2_normalize(&[3e300, 4e300], &mut u)?;
/// assert_eq!(u, [0.6, 0.8]);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn l2_normalize<T: Real>(x: &[T], out: &mut [T]) -> Result<()> {
    check::same_length("out", x.len(), out.len())?;
    unit_into(x, out);
    Ok(())
}

/// dL/dx = (g - u (u.g)) / |x| for g = dL/du, u = x / |x|; zeros for a row of zeros. Tier C.
///
/// # Errors
/// [`ShapeMismatch`](crate::Error::ShapeMismatch) when the lengths differ, [`OutOfMemory`](crate::Error::OutOfMemory).
pub fn l2_normalize_backward<T: Real>(x: &[T], g: &[T], out: &mut [T]) -> Result<()> {
    check::same_length("g", x.len(), g.len())?;
    check::same_length("out", x.len(), out.len())?;
    let mut wide = widened(out)?;
    unit_back_into(&widened(x)?, &widened(g)?, &mut wide);
    narrowed(&wide, out);
    Ok(())
}
