//! What the scores of rows may err by, added to their upper ends: the thresholds of a panel.

use super::lanes::Lanes;

/// The terms of the error of a score of each row: `fixed + norm * e + error * n` against a column whose codes err by e and
/// whose norm is n.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ErrorTerms<'a> {
    pub fixed: &'a [f32],
    pub norm: &'a [f32],
    pub error: &'a [f32],
}

/// Raw arguments of [`CodeKernel::limits`](super::CodeKernel::limits).
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub n: usize,
    pub upper: *const f32,
    pub fixed: *const f32,
    pub norm: *const f32,
    pub error: *const f32,
    /// e, n, and what their sum is multiplied by.
    pub column: [f32; 2],
    pub grown: f32,
    pub out: *mut f32,
}

/// `out[i] = upper[i] + grown (fixed[i] + norm[i] e + error[i] n)`, with few roundings.
///
/// # Safety
/// `V`'s instruction set is enabled; every pointer is valid for `n` numbers, `out` to be written.
#[inline(always)]
pub(super) unsafe fn limits<V: Lanes>(limits: &Limits) {
    let &Limits { n, column, grown, .. } = limits;
    // SAFETY: whole registers are read and written below `n`, single numbers to `n`.
    unsafe {
        let (e, norm, grown) = (V::splat(column[0]), V::splat(column[1]), V::splat(grown));
        let whole = n / V::LANES * V::LANES;
        for i in (0..whole).step_by(V::LANES) {
            let terms = V::load(limits.fixed.add(i)).add_product(V::load(limits.norm.add(i)), e);
            let terms = terms.add_product(V::load(limits.error.add(i)), norm);
            V::load(limits.upper.add(i)).add_product(grown, terms).store(limits.out.add(i));
        }
        for i in whole..n {
            let terms =
                *limits.fixed.add(i) + *limits.norm.add(i) * column[0] + *limits.error.add(i) * column[1];
            *limits.out.add(i) = *limits.upper.add(i) + limits.grown * terms;
        }
    }
}
