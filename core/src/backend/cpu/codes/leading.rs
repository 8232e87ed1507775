//! What leading dimensions say of a row or target.

use super::super::basis::Basis;
use crate::exact::bounds::Lead;
use crate::simd::{CodeKernel, Measure, relative};

/// The terms of a row of `d` values in the kernel that were measured, and that are `leading` in the basis; with them the largest magnitude
/// there. None where codes cannot serve.
pub(in super::super) fn lead_terms(
    kernel: &CodeKernel,
    basis: &Basis,
    d: usize,
    values: Measure,
    leading: &[f32],
) -> Option<(Lead, f32)> {
    let ends = |measure: Measure, d: usize| {
        let (square, flushed) = (measure.squares as f64, d as f64 * f32::MIN_POSITIVE as f64);
        let off = 2.0 * relative(d) as f64;
        ((square * (1.0 - off) - flushed).max(0.0), square * (1.0 + off) + flushed)
    };
    let measure = kernel.measure(leading);
    let (_, whole) = ends(values, d);
    let (least, most) = ends(measure, leading.len());
    let [whole, least, most] = [whole, least, most].map(libm::sqrt);
    let lead = basis.bound.of(whole, least, most);
    let serves = measure.servable() && lead.norm.is_finite() && lead.rho.is_finite();
    serves.then_some((lead, measure.largest))
}
