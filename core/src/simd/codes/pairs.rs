//! Inner products of single pairs, four at once: one reduction serves all four.

use super::super::ask::{LINE, ask_at};
use super::hits::Hit;
use super::sums::Sums;

/// Raw arguments of [`CodeKernel::pairs`](super::CodeKernel::pairs).
#[derive(Clone, Copy)]
pub(super) struct Pairs<'a> {
    pub rows: *const u8,
    pub columns: *const i8,
    pub start: *const i32,
    pub stride: usize,
    pub depth: usize,
    pub list: &'a [Hit],
    /// The columns of the list are hardly in the nearest cache.
    pub far: bool,
    pub out: *mut i32,
}

/// # Safety
/// `V`'s instruction set is enabled; for each pair of the list, `rows` is valid for row stride + depth codes, `columns` for
/// slot stride + depth and `start` for slot + 1; `out` may be written for one number an entry; `depth` is a multiple of 16.
#[inline(always)]
pub(super) unsafe fn pairs<V: Sums>(pairs: &Pairs<'_>) {
    // SAFETY: the caller's contract is the same.
    unsafe { if pairs.far { body::<V, true>(pairs) } else { body::<V, false>(pairs) } }
}

/// # Safety
/// As [`pairs`]. With `FAR`, the columns of four pairs are asked for while the four before are multiplied: of 768 codes in a random order, a
/// pair took 33 ns instead of 82; of columns that are in the nearest cache, it took a fifth longer.
#[inline(always)]
unsafe fn body<V: Sums, const FAR: bool>(pairs: &Pairs<'_>) {
    let &Pairs { stride, depth, list, .. } = pairs;
    // SAFETY: every index below stays inside the lengths of the contract.
    unsafe {
        for at in (0..list.len()).step_by(4) {
            let left = list.len() - at;
            let (mut slot, mut x, mut c) = ([0; 4], [pairs.rows; 4], [pairs.columns.cast::<u8>(); 4]);
            let mut next = c;
            for e in 0..4 {
                let hit: Hit = *list.get_unchecked(at + e.min(left - 1));
                slot[e] = hit.slot();
                x[e] = x[e].add(hit.row() * stride);
                c[e] = c[e].add(slot[e] * stride);
                if FAR {
                    let hit: Hit = *list.get_unchecked(at + (e + 4).min(left - 1));
                    next[e] = next[e].add(hit.slot() * stride);
                }
            }
            let totals = products::<V, FAR>(x, c, next, depth);
            for e in 0..left.min(4) {
                *pairs.out.add(at + e) = totals[e].wrapping_add(*pairs.start.add(slot[e]));
            }
        }
    }
}

/// The inner products of four pairs of `depth` codes. With `FAR`, the codes at `next` are asked for.
///
/// # Safety
/// `V`'s instruction set is enabled; every pointer is valid for `depth` codes, a multiple of 16.
#[inline(always)]
pub(super) unsafe fn products<V: Sums, const FAR: bool>(
    x: [*const u8; 4],
    c: [*const u8; 4],
    next: [*const u8; 4],
    depth: usize,
) -> [i32; 4] {
    let zeros = [0i32; 16];
    let (step, mut t) = (4 * V::LANES, 0);
    // SAFETY: a whole register is read only where that many codes are left.
    unsafe {
        let mut sums = [V::load(zeros.as_ptr()); 4];
        while t + step <= depth {
            for e in 0..4 {
                if FAR && t.is_multiple_of(LINE) {
                    ask_at(next[e].add(t));
                }
                sums[e] = sums[e].add_steps([V::load_bytes(x[e].add(t))], [V::load_bytes(c[e].add(t))]);
            }
            t += step;
        }
        if t < depth {
            for e in 0..4 {
                let (x, c) = (V::load_first(x[e].add(t), depth - t), V::load_first(c[e].add(t), depth - t));
                sums[e] = sums[e].add_steps([x], [c]);
            }
        }
        V::totals(sums)
    }
}
