//! Listed rows against one panel, for machines that multiply whole tiles of bytes: the body.
//!
//! The products of 16 rows with all columns of a panel are summed at once and then left in memory, from where the scores are
//! made as in every other [`scan`](super::scan). The unit that multiplies needs few instructions and much time, so the scores of
//! the tile before are made meanwhile, a few rows after each step.

use core::array;

use super::super::vector::Vector;
use super::coding::WIDTH;
use super::scan::{OfRow, Scan, tell};
use super::sums::Sums;

/// Rows of a tile.
pub(super) const ROWS: usize = 16;
/// Codes of a row that are multiplied at once, and bytes of a register's row.
const TOGETHER: usize = 64;

/// The sums of a tile, row by row.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Products([[i32; WIDTH]; ROWS]);

/// A unit that multiplies tiles of unsigned rows and signed columns, and keeps the sums of one. Threads have units of their own.
pub(super) trait Matrix: Sized {
    /// Makes the unit ready for rows whose last codes, beyond the last 64, are `rest`.
    ///
    /// # Safety
    /// The machine has the unit; `rest` is a multiple of four below 64.
    unsafe fn ready(rest: usize) -> Self;
    /// The unit is not needed any more.
    ///
    /// # Safety
    /// As [`ready`](Self::ready).
    unsafe fn done(self);
    /// Begins the sums of each row with those of `start`.
    ///
    /// # Safety
    /// As [`ready`](Self::ready), whose thread calls.
    unsafe fn begin(&mut self, start: &[i32; WIDTH]);
    /// Adds the products of 64 codes of each row, or of the rest: row r has its codes from `rows + r stride` on; those of the
    /// columns are packed in groups of [`WIDTH`]. Sums are added modulo 2^32.
    ///
    /// # Safety
    /// As [`begin`](Self::begin); a rest is added only if there is one; the pointers are valid for that many codes of each row and
    /// column.
    unsafe fn add(&mut self, whole: bool, rows: *const u8, stride: usize, codes: *const i8);
    /// The sums.
    ///
    /// # Safety
    /// As [`begin`](Self::begin).
    unsafe fn end(&mut self, out: &mut Products);
}

/// The body of a scan; returns the number of hits.
///
/// # Safety
/// As [`scan`](super::scan::scan), with columns in groups of [`WIDTH`]; the machine has the unit.
#[inline(always)]
pub(super) unsafe fn scan<M: Matrix, V: Sums>(scan: &Scan<'_>) -> usize {
    let more = !(scan.scores.is_null() && scan.least.is_null());
    // SAFETY: the caller's contract is the same.
    unsafe {
        match (scan.residue.is_null(), more) {
            (true, false) => body::<M, V, false, false>(scan),
            (false, false) => body::<M, V, true, false>(scan),
            (true, true) => body::<M, V, false, true>(scan),
            (false, true) => body::<M, V, true, true>(scan),
        }
    }
}

/// # Safety
/// As [`scan`]; `RESIDUE` only where that is not null; `MORE` where scores or the least of them are wanted.
#[inline(always)]
unsafe fn body<M: Matrix, V: Sums, const RESIDUE: bool, const MORE: bool>(scan: &Scan<'_>) -> usize {
    let &Scan { list, panel, stride, .. } = scan;
    let depth = 4 * scan.steps;
    // Rows of the tile before whose scores are made after each step.
    let together = ROWS.div_ceil(depth.div_ceil(TOGETHER));
    let mut products = Products([[0; WIDTH]; ROWS]);
    let mut z = [[0.0f32; WIDTH]; ROWS];
    let mut copies = Copies([[0; TOGETHER]; ROWS]);
    let (mut before, mut count) = ([0; ROWS], 0);
    // SAFETY: entries of the list are below n, columns below WIDTH, and every index stays inside the lengths of the contract.
    unsafe {
        let mut unit = M::ready(depth % TOGETHER);
        for at in (0..list.len() + ROWS).step_by(ROWS) {
            let tile = list.get(at..).filter(|list| !list.is_empty()).map(|list| match list.first_chunk() {
                Some(rows) => *rows,
                // The last row fills the last tile.
                None => array::from_fn(|r| list[r.min(list.len() - 1)]),
            });
            let (mut masks, mut hit, mut scored) = ([0; ROWS], 0, if at == 0 { ROWS } else { 0 });
            let side_by_side =
                tile.is_some_and(|rows| (0..ROWS).fold(true, |all, r| all & (rows[r] == rows[0] + r as u16)));
            if tile.is_some() {
                unit.begin(&panel.start);
            }
            for from in (0..depth).step_by(TOGETHER) {
                let codes = scan.codes.add(from * WIDTH);
                let whole = depth - from >= TOGETHER;
                if let Some(rows) = &tile {
                    if side_by_side {
                        unit.add(whole, scan.rows.add(usize::from(rows[0]) * stride + from), stride, codes);
                    } else {
                        // What stands behind the rest of a row is never read.
                        for (copy, row) in copies.0.iter_mut().zip(rows) {
                            let of_row = scan.rows.add(usize::from(*row) * stride + from);
                            copy.as_mut_ptr().copy_from_nonoverlapping(of_row, TOGETHER.min(depth - from));
                        }
                        unit.add(whole, copies.0.as_ptr().cast(), TOGETHER, codes);
                    }
                }
                while scored < ROWS.min((from / TOGETHER + 1) * together) {
                    let of_row = OfRow::<V::Floats>::new::<RESIDUE>(scan, before[scored].into());
                    let mut mask = 0;
                    for c in (0..WIDTH).step_by(V::LANES) {
                        let sums = V::load(products.0[scored].as_ptr().add(c));
                        let score = of_row.score::<V, RESIDUE>(panel, c, sums);
                        if MORE {
                            score.store(z[scored].as_mut_ptr().add(c));
                        }
                        mask |= score.at_most(of_row.limit) << c;
                    }
                    masks[scored] = mask;
                    hit |= u32::from(mask != 0) << scored;
                    scored += 1;
                }
            }
            if tile.is_some() {
                unit.end(&mut products);
            }
            if at > 0 {
                count = tell::<V::Floats, ROWS, MORE>(scan, at - ROWS, &before, &masks, hit, &z, count);
            }
            before = tile.unwrap_or_default();
        }
        unit.done();
    }
    count
}

/// Codes of rows that do not lie side by side.
#[repr(C, align(64))]
struct Copies([[u8; TOGETHER]; ROWS]);

/// A unit in plain loops.
#[cfg(test)]
pub(super) struct Plain {
    sums: Products,
    rest: usize,
}

#[cfg(test)]
impl Matrix for Plain {
    unsafe fn ready(rest: usize) -> Self {
        Self { sums: Products([[0; WIDTH]; ROWS]), rest }
    }
    unsafe fn done(self) {}
    unsafe fn begin(&mut self, start: &[i32; WIDTH]) {
        self.sums.0 = [*start; ROWS];
    }
    unsafe fn add(&mut self, whole: bool, rows: *const u8, stride: usize, codes: *const i8) {
        let depth = if whole { TOGETHER } else { self.rest };
        for (r, sums) in self.sums.0.iter_mut().enumerate() {
            for (c, sum) in sums.iter_mut().enumerate() {
                for t in 0..depth {
                    // SAFETY: the caller's pointers are valid for `depth` codes of each row and column.
                    let (x, q) =
                        unsafe { (*rows.add(r * stride + t), *codes.add((t / 4 * WIDTH + c) * 4 + t % 4)) };
                    *sum = sum.wrapping_add(i32::from(x) * i32::from(q));
                }
            }
        }
    }
    unsafe fn end(&mut self, out: &mut Products) {
        *out = self.sums;
    }
}

/// The matrix unit of x86-64, AMX-INT8.
#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    use core::arch::asm;

    use super::{Matrix, Products, ROWS, TOGETHER, WIDTH};

    /// Registers 0 to 2 hold the sums, 3 and 4 rows and columns, 5 and 6 those of the rest. Each block names what it writes. That the
    /// sums and the shapes last from one block to the next rests on the compiler, which uses no such register of its own.
    pub struct Amx;

    /// What `ldtilecfg` reads.
    #[repr(C, align(64))]
    struct Shapes {
        palette: u8,
        start_row: u8,
        zeros: [u8; 14],
        bytes: [u16; 16],
        rows: [u8; 16],
    }

    /// From a row of sums to the next, and from four codes of all columns to the next four.
    const ROW: usize = 4 * WIDTH;

    /// Adds products to registers 0 to 2, by way of registers `x` and `y`.
    macro_rules! add {
        ($rows:expr, $stride:expr, $codes:expr, $x:literal, $y:literal) => {
            asm!(
                concat!("tileloadd tmm", $x, ", [{rows} + {stride}*1]"),
                concat!("tileloadd tmm", $y, ", [{codes} + {row}*1]"),
                concat!("tdpbusd tmm0, tmm", $x, ", tmm", $y),
                concat!("tileloadd tmm", $y, ", [{codes} + {row}*1 + 64]"),
                concat!("tdpbusd tmm1, tmm", $x, ", tmm", $y),
                concat!("tileloadd tmm", $y, ", [{codes} + {row}*1 + 128]"),
                concat!("tdpbusd tmm2, tmm", $x, ", tmm", $y),
                rows = in(reg) $rows,
                stride = in(reg) $stride,
                codes = in(reg) $codes,
                row = in(reg) ROW,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _, out("tmm4") _, out("tmm5") _, out("tmm6") _,
                options(nostack, preserves_flags, readonly),
            )
        };
    }

    impl Matrix for Amx {
        #[inline(always)]
        unsafe fn ready(rest: usize) -> Self {
            let mut of = Shapes { palette: 1, start_row: 0, zeros: [0; 14], bytes: [0; 16], rows: [0; 16] };
            of.bytes[..7].fill(TOGETHER as u16);
            of.rows[..7].fill(ROWS as u8);
            if rest > 0 {
                of.bytes[5] = rest as u16;
                of.rows[6] = rest as u8 / 4;
            }
            // SAFETY: the machine has the unit, and the shapes are ones that it takes.
            unsafe {
                asm!(
                    "ldtilecfg [{}]",
                    in(reg) &of,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack, preserves_flags, readonly),
                );
            }
            Self
        }

        #[inline(always)]
        unsafe fn done(self) {
            // SAFETY: the machine has the unit.
            unsafe {
                asm!(
                    "tilerelease",
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack, preserves_flags, nomem),
                );
            }
        }

        #[inline(always)]
        unsafe fn begin(&mut self, start: &[i32; WIDTH]) {
            // SAFETY: the unit is ready; every row reads the same 48 sums.
            unsafe {
                asm!(
                    "tileloadd tmm0, [{start} + {zero}*1]",
                    "tileloadd tmm1, [{start} + {zero}*1 + 64]",
                    "tileloadd tmm2, [{start} + {zero}*1 + 128]",
                    start = in(reg) start,
                    zero = in(reg) 0usize,
                    out("tmm0") _,
                    out("tmm1") _,
                    out("tmm2") _,
                    options(nostack, preserves_flags, readonly),
                );
            }
        }

        #[inline(always)]
        unsafe fn add(&mut self, whole: bool, rows: *const u8, stride: usize, codes: *const i8) {
            // SAFETY: the unit is ready; the caller's pointers are valid for what the shapes say.
            unsafe {
                if whole {
                    add!(rows, stride, codes, 3, 4);
                } else {
                    add!(rows, stride, codes, 5, 6);
                }
            }
        }

        #[inline(always)]
        unsafe fn end(&mut self, out: &mut Products) {
            // SAFETY: the unit is ready; `out` is as large as three registers.
            unsafe {
                asm!(
                    "tilestored [{out} + {row}*1], tmm0",
                    "tilestored [{out} + {row}*1 + 64], tmm1",
                    "tilestored [{out} + {row}*1 + 128], tmm2",
                    out = in(reg) out,
                    row = in(reg) ROW,
                    options(nostack, preserves_flags),
                );
            }
        }
    }
}
