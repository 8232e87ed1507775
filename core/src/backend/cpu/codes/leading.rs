//! What leading dimensions say of a row or target.

use super::super::basis::Basis;
use crate::exact::bounds::Lead;
use crate::simd::{CodeKernel, Measure, relative};

/// The terms of a row of `d` values, and its largest magnitude in the basis; none where codes cannot serve. `measure` is of the values in the
/// kernel, `leading` are the coordinates in the basis.
pub(in super::super) fn lead_terms(
    kernel: &CodeKernel,
    basis: &Basis,
    d: usize,
    measure: Measure,
    leading: &[f32],
) -> Option<(Lead, f32)> {
    let ends = |measure: Measure, d: usize| {
        let (square, flushed) = (measure.squares as f64, d as f64 * f32::MIN_POSITIVE as f64);
        let off = 2.0 * relative(d) as f64;
        ((square * (1.0 - off) - flushed).max(0.0), square * (1.0 + off) + flushed)
    };
    let of_leading = kernel.measure(leading);
    let (_, whole) = ends(measure, d);
    let (least, most) = ends(of_leading, leading.len());
    let [whole, least, most] = [whole, least, most].map(libm::sqrt);
    let lead = basis.bound.of(whole, least, most);
    let serves = of_leading.servable() && lead.norm.is_finite() && lead.rho.is_finite();
    serves.then_some((lead, of_leading.largest))
}
