//! Listed rows against one panel: the body.
//!
//! One call serves a whole list. Calls for a tile, with arguments made for each, cost half as much as the tile does; so does
//! a branch for each row that has a hit. Rows are taken by their addresses, so any rows are as fast as neighbors.

use core::sync::atomic::{Ordering, compiler_fence};

use super::super::vector::Vector;
use super::coding::WIDTH;
use super::hits::Hit;
use super::lanes::Lanes;
use super::panel::Panel;
use super::sums::Sums;

/// Raw arguments of a scan; see [`CodeKernel::scan`](super::CodeKernel::scan) for what they mean.
#[derive(Clone, Copy)]
pub(super) struct Scan<'a> {
    /// Codes of a row, in fours; a multiple of four.
    pub steps: usize,
    pub rows: *const u8,
    pub stride: usize,
    pub scale: *const f32,
    /// Null: no row has a residue.
    pub residue: *const f32,
    pub threshold: *const f32,
    pub list: &'a [u16],
    pub panel: &'a Panel,
    pub codes: *const i8,
    pub first: u32,
    pub pairs: *mut u32,
    /// Null: scores are not wanted.
    pub scores: *mut f32,
    /// Null: not wanted.
    pub least: *mut f32,
}

/// The body of a scan in tiles of `MR` rows and `NV` registers; returns the number of hits.
///
/// # Safety
/// `V`'s instruction set is enabled. With n above each number of the list: `rows` is valid for (n - 1) stride + 4 steps
/// codes, `scale`, `threshold` and `residue`, unless null, for n numbers. `codes` is valid for 4 steps WIDTH codes. `pairs`,
/// and `scores` unless null, may be written for WIDTH numbers for each entry of the list and LANES more, and `least`,
/// unless null, for one an entry. NV LANES divides WIDTH.
#[inline(always)]
pub(super) unsafe fn scan<V: Sums, const MR: usize, const NV: usize>(scan: &Scan<'_>) -> usize {
    // SAFETY: the caller's contract is the same.
    unsafe {
        match (V::SHORT, scan.panel.four) {
            (false, _) => choose::<V, MR, NV, 1>(scan),
            (true, false) => choose::<V, MR, NV, 2>(scan),
            (true, true) => choose::<V, MR, NV, 4>(scan),
        }
    }
}

/// # Safety
/// As [`scan`]; `W` steps may be added at once.
#[inline(always)]
unsafe fn choose<V: Sums, const MR: usize, const NV: usize, const W: usize>(scan: &Scan<'_>) -> usize {
    let more = !(scan.scores.is_null() && scan.least.is_null());
    // SAFETY: the caller's contract is the same.
    unsafe {
        match (scan.residue.is_null(), more) {
            (true, false) => body::<V, MR, NV, W, false, false>(scan),
            (false, false) => body::<V, MR, NV, W, true, false>(scan),
            (true, true) => body::<V, MR, NV, W, false, true>(scan),
            (false, true) => body::<V, MR, NV, W, true, true>(scan),
        }
    }
}

/// What the scores of a row are made of and compared with.
pub(super) struct OfRow<F> {
    scale: F,
    pub limit: F,
    residue: F,
}

impl<F: Lanes> OfRow<F> {
    /// # Safety
    /// As [`scan`]; `row` is below n.
    #[inline(always)]
    pub unsafe fn new<const RESIDUE: bool>(scan: &Scan<'_>, row: usize) -> Self {
        // SAFETY: the caller's contract is the same.
        unsafe {
            Self {
                scale: F::splat(*scan.scale.add(row)),
                limit: F::splat(*scan.threshold.add(row)),
                residue: F::splat(if RESIDUE { *scan.residue.add(row) } else { 0.0 }),
            }
        }
    }

    /// The scores of the columns from `c` on, given the sums of products.
    ///
    /// # Safety
    /// As [`scan`]; c + LANES is at most [`WIDTH`].
    #[inline(always)]
    pub unsafe fn score<V: Sums<Floats = F>, const RESIDUE: bool>(
        &self,
        panel: &Panel,
        c: usize,
        sums: V,
    ) -> F {
        // SAFETY: LANES columns from `c` on are inside of the panel.
        unsafe {
            let mut score = F::load(panel.h.as_ptr().add(c));
            if RESIDUE {
                score = score.sub_product(self.residue, F::load(panel.rho.as_ptr().add(c)));
            }
            let product = F::load(panel.scale.as_ptr().add(c)).mul(sums.to_floats());
            score.sub_product(self.scale, product)
        }
    }
}

/// Appends the hits of a tile, whose rows begin at entry `at` of the list, and tells the least scores, if wanted; returns
/// the number of hits with those before. Rows that only fill the last tile are not reported.
///
/// # Safety
/// As [`scan`]; `count` hits were written before; `row` names the rows of the tile; bit c of `masks[r]` tells whether column c
/// is a hit of row r, and bit r of `hit` whether any is; `z` holds the scores, if wanted.
#[inline(always)]
pub(super) unsafe fn tell<F: Lanes, const MR: usize, const MORE: bool>(
    scan: &Scan<'_>,
    at: usize,
    row: &[u16; MR],
    masks: &[u64; MR],
    mut hit: u32,
    z: &[[f32; WIDTH]; MR],
    mut count: usize,
) -> usize {
    let rows = MR.min(scan.list.len() - at);
    // SAFETY: every index stays inside the lengths of the contract.
    unsafe {
        if MORE && !scan.least.is_null() {
            for r in 0..rows {
                let limit = F::splat(*scan.threshold.add(row[r].into()));
                let mut least = F::splat(f32::INFINITY);
                for v in 0..WIDTH / F::LANES {
                    let score = F::load(z[r].as_ptr().add(v * F::LANES));
                    least = score.beyond(limit).min(least);
                }
                *scan.least.add(at + r) = least.least();
            }
        }
        // Few rows have a hit, and a branch for each row would be hard to foresee.
        hit &= (1 << rows) - 1;
        while hit != 0 {
            let r = hit.trailing_zeros() as usize % MR;
            hit &= hit - 1;
            if MORE && !scan.scores.is_null() {
                let mut to = scan.scores.add(count);
                for v in 0..WIDTH / F::LANES {
                    let mask = lanes_of::<F>(masks[r], v);
                    F::load(z[r].as_ptr().add(v * F::LANES)).store_chosen(mask, to);
                    to = to.add(mask.count_ones() as usize);
                }
            }
            let first = u32::from(row[r]) << Hit::SLOT_BITS | scan.first;
            count += store_hits::<F>(masks[r], first, scan.pairs.add(count));
        }
    }
    count
}

/// The bits of register `v` of a row.
#[inline(always)]
fn lanes_of<F: Lanes>(mask: u64, v: usize) -> u64 {
    mask >> (v * F::LANES) & ((1 << F::LANES) - 1)
}

/// Writes `first + c` for each set bit c of `mask`, in order; returns how many they are.
///
/// # Safety
/// `F`'s instruction set is enabled; no bit from WIDTH on is set; `to` may be written for as many numbers and LANES more.
#[inline(always)]
unsafe fn store_hits<F: Lanes>(mask: u64, first: u32, to: *mut u32) -> usize {
    let mut count = 0;
    for v in 0..WIDTH / F::LANES {
        let lanes = lanes_of::<F>(mask, v);
        // SAFETY: the caller's contract is the same.
        unsafe { F::store_places(lanes, first + (v * F::LANES) as u32, to.add(count)) };
        count += lanes.count_ones() as usize;
    }
    count
}

/// Runs a body once for each row of a tile, with the row as a constant. In a loop that the compiler leaves a loop, the sums of
/// a tile would lie in memory: their way there and back took a third of the time of a tile of 128 codes.
macro_rules! each_row {
    ($rows:expr, |$r:ident| $body:expr) => {
        each_row!($rows, $r, $body, 0 1 2 3 4 5 6 7 8 9 10 11)
    };
    ($rows:expr, $r:ident, $body:expr, $($row:literal)*) => {{
        const { assert!($rows <= 12) };
        $(if $row < $rows {
            let $r = $row;
            $body
        })*
    }};
}

pub(super) use each_row;

/// # Safety
/// As [`scan`]; `W` steps may be added at once; `RESIDUE` only where that is not null; `MORE` where scores or the least of
/// them are wanted.
#[inline(always)]
unsafe fn body<
    V: Sums,
    const MR: usize,
    const NV: usize,
    const W: usize,
    const RESIDUE: bool,
    const MORE: bool,
>(
    scan: &Scan<'_>,
) -> usize {
    let &Scan { steps, list, panel, .. } = scan;
    let group = NV * V::LANES;
    let mut z = [[0.0f32; WIDTH]; MR];
    let mut count = 0;
    // SAFETY: entries of the list are below n, columns below WIDTH, and every index stays inside the lengths of the contract.
    unsafe {
        for at in (0..list.len()).step_by(MR) {
            let left = list.len() - at;
            let (mut row, mut x) = ([0; MR], [scan.rows; MR]);
            for r in 0..MR {
                row[r] = *list.get_unchecked(at + r.min(left - 1));
                x[r] = scan.rows.add(usize::from(row[r]) * scan.stride);
            }
            let (mut masks, mut hit) = ([0; MR], 0);
            for g in 0..WIDTH / group {
                let sums: [[V; NV]; MR] = tile::<V, MR, NV, W>(
                    steps,
                    &x,
                    scan.codes.add(g * group * 4 * steps).cast(),
                    panel.start.as_ptr().add(g * group),
                );
                each_row!(MR, |r| {
                    let of_row = OfRow::<V::Floats>::new::<RESIDUE>(scan, row[r].into());
                    for v in 0..NV {
                        let c = g * group + v * V::LANES;
                        let score = of_row.score::<V, RESIDUE>(panel, c, sums[r][v]);
                        if MORE {
                            score.store(z[r].as_mut_ptr().add(c));
                        }
                        masks[r] |= score.at_most(of_row.limit) << c;
                    }
                    hit |= u32::from(masks[r] != 0) << r;
                    // Row after row: side by side, they need more registers than there are.
                    compiler_fence(Ordering::SeqCst);
                });
            }
            count = tell::<V::Floats, MR, MORE>(scan, at, &row, &masks, hit, &z, count);
        }
    }
    count
}

/// The inner products of `MR` rows with a group of columns.
///
/// # Safety
/// `V`'s instruction set is enabled; each of `rows` is valid for 4 steps codes, `codes` for 4 steps NV LANES, `start` for NV
/// LANES numbers; `W` divides `steps`.
#[inline(always)]
unsafe fn tile<V: Sums, const MR: usize, const NV: usize, const W: usize>(
    steps: usize,
    rows: &[*const u8; MR],
    mut codes: *const u8,
    start: *const i32,
) -> [[V; NV]; MR] {
    // SAFETY: every index below stays inside the lengths of the contract.
    unsafe {
        let mut first = [V::load(start); NV];
        for v in 1..NV {
            first[v] = V::load(start.add(v * V::LANES));
        }
        let mut sums = [first; MR];
        let mut t = 0;
        while t < steps {
            let mut b = [[first[0]; W]; NV];
            for w in 0..W {
                for v in 0..NV {
                    b[v][w] = V::load_bytes(codes.add((w * NV + v) * 4 * V::LANES));
                }
            }
            codes = codes.add(W * NV * 4 * V::LANES);
            for r in 0..MR {
                let mut a = [first[0]; W];
                for w in 0..W {
                    a[w] = V::spread(rows[r].add(4 * (t + w)));
                }
                for v in 0..NV {
                    sums[r][v] = sums[r][v].add_steps(a, b[v]);
                }
            }
            t += W;
        }
        sums
    }
}
