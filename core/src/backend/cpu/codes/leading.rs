//! What leading dimensions say of a row or target.

use super::super::basis::Basis;
use crate::exact::bounds::Lead;
use crate::simd::{CodeKernel, relative};

/// The terms of `values` in the kernel, which are `leading` in the basis; none where they are not finite.
pub(super) fn lead(kernel: &CodeKernel, basis: &Basis, values: &[f32], leading: &[f32]) -> Option<Lead> {
    let ends = |row: &[f32]| {
        let (square, d) = (kernel.measure(row).squares as f64, row.len() as f64);
        let (relative, flushed) = (relative(row.len()) as f64, d * f32::MIN_POSITIVE as f64);
        ((square * (1.0 - relative) - flushed).max(0.0), square * (1.0 + 2.0 * relative) + flushed)
    };
    let ((_, whole), (least, most)) = (ends(values), ends(leading));
    let [whole, least, most] = [whole, least, most].map(libm::sqrt);
    Some(basis.bound.of(whole, least, most)).filter(|lead| lead.norm.is_finite() && lead.rho.is_finite())
}
