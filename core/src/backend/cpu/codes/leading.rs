//! What leading dimensions say of a row or target.

use super::super::basis::Basis;
use crate::exact::bounds::Lead;
use crate::simd::{CodeKernel, Measure, relative};

/// The terms of `values` in the kernel, which are `leading` in the basis, and the largest magnitude there; none where codes
/// cannot serve.
pub(super) fn lead(
    kernel: &CodeKernel,
    basis: &Basis,
    values: &[f32],
    leading: &[f32],
) -> Option<(Lead, f32)> {
    let ends = |measure: Measure, d: usize| {
        let (square, flushed) = (measure.squares as f64, d as f64 * f32::MIN_POSITIVE as f64);
        let off = 2.0 * relative(d) as f64;
        ((square * (1.0 - off) - flushed).max(0.0), square * (1.0 + off) + flushed)
    };
    let measure = kernel.measure(leading);
    let (_, whole) = ends(kernel.measure(values), values.len());
    let (least, most) = ends(measure, leading.len());
    let [whole, least, most] = [whole, least, most].map(libm::sqrt);
    let lead = basis.bound.of(whole, least, most);
    let serves = measure.servable() && lead.norm.is_finite() && lead.rho.is_finite();
    serves.then_some((lead, measure.largest))
}
