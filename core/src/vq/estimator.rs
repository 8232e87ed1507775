//! Gradients through the rounding to a code, and through the projection to unit length.
//!
//! **Straight-through**: q = e forwards, bit for bit (not z + (e - z), which rounds); dL/dz = dL/dq.
//!
//! **Rotation trick** (Fifty et al. 2024): q = s R z with s = |e| / |z| and R the rotation from z to e in
//! their plane, both held constant; so dL/dz = s R' dL/dq. With the unit vectors a = z/|z|, b = e/|e|
//! and w = (a + b)/|a + b|: R = I - 2 w w' + 2 b a', applied in O(d). The forward value is e itself.
//! Where z or e is zero, or a = -b (the plane is undefined), the gradient is straight-through.

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

/// s, and the vectors of the rotation.
struct Plane {
    scale: f64,
    /// 1 / |z|, 1 / |e|.
    inverse: [f64; 2],
    /// 1 / |a + b|.
    sum: f64,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

impl Plane {
    fn new(z: &[f64], e: &[f64]) -> Option<Self> {
        let norm = |v: &[f64]| {
            let scale = safe_scale(v);
            libm::sqrt(v.iter().map(|x| x * scale * (x * scale)).sum()) / scale
        };
        let (zn, en) = (norm(z), norm(e));
        let inverse = [1.0 / zn, 1.0 / en];
        if !inverse.iter().all(|x| x.is_finite() && *x > 0.0) {
            return None;
        }
        let sum = z.iter().zip(e).map(|(z, e)| z * inverse[0] + e * inverse[1]);
        let length = libm::sqrt(sum.map(|x| x * x).sum());
        (length >= OPPOSITE).then(|| Self { scale: en * inverse[0], inverse, sum: 1.0 / length })
    }

    /// w_j.
    fn w(&self, z: f64, e: f64) -> f64 {
        (z * self.inverse[0] + e * self.inverse[1]) * self.sum
    }
}

/// out = s R x for the rotation from `z` to `e`. False, and out = x, where there is none.
pub(super) fn rotate_into(z: &[f64], e: &[f64], x: &[f64], out: &mut [f64]) -> bool {
    let Some(plane) = Plane::new(z, e) else {
        out.copy_from_slice(x);
        return false;
    };
    let wx: f64 = z.iter().zip(e).zip(x).map(|((z, e), x)| plane.w(*z, *e) * x).sum();
    let ax = dot(z, x) * plane.inverse[0];
    for (((o, x), z), e) in out.iter_mut().zip(x).zip(z).zip(e) {
        *o = plane.scale * (x - 2.0 * wx * plane.w(*z, *e) + 2.0 * ax * e * plane.inverse[1]);
    }
    true
}

/// out = s R' g. False, and out = g, where there is no rotation.
pub(super) fn rotate_back_into(z: &[f64], e: &[f64], g: &[f64], out: &mut [f64]) -> bool {
    let Some(plane) = Plane::new(z, e) else {
        out.copy_from_slice(g);
        return false;
    };
    let wg: f64 = z.iter().zip(e).zip(g).map(|((z, e), g)| plane.w(*z, *e) * g).sum();
    let bg = dot(e, g) * plane.inverse[1];
    for (((o, g), z), e) in out.iter_mut().zip(g).zip(z).zip(e) {
        *o = plane.scale * (g - 2.0 * wg * plane.w(*z, *e) + 2.0 * bg * z * plane.inverse[0]);
    }
    true
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
/// defined. Returns false, and x, where z or e is zero or they point in opposite directions.
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
    let turned = rotate_into(&widened(z)?, &widened(e)?, &widened(x)?, &mut wide);
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
    let turned = rotate_back_into(&widened(z)?, &widened(e)?, &widened(g)?, &mut wide);
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
