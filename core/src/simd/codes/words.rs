//! Listed rows against one panel in leading dimensions, in sums of 16 bits: for levels whose products are short.
//!
//! Short products are sums of 16 bits already. [`scan`](super::scan::scan) widens them after each four steps at most, and makes a
//! score of each; both take as long again as the products of few dimensions. Here nothing is widened and no score is made: a sum of
//! 16 bits is compared with a limit of 16 bits, twice as many at once.
//!
//! **Sums.** The codes of a row have a norm of at most [`NORM`], and so have those of a column, hence |p| <= 202² = 40,804 by
//! Cauchy-Schwarz. Sums are kept modulo 2^16, less [`BIAS`]: exact for p from -24,576 to 40,959. A smaller p looks like one that is
//! larger by 2^16: one hit too many, and none lost.
//!
//! **Test.** All columns of a panel have one scale s. With u = 1 / (s_r s), h_0 the least h and rho_0 the largest rho of the panel,
//! z = (h_c - residue_r rho_c) - s_r s p <= threshold_r if and only if
//!
//! ```text
//! p - u (h_c - h_0) - u residue_r (rho_0 - rho_c)  >=  u (h_0 - threshold_r - residue_r rho_0)
//! ```
//!
//! Each subtrahend is a number of the row times a number of the column: (u range) (h_c - h_0) / range. Both factors are brought to whole
//! numbers of at most 2^15 - 1 and rounded down, and their product, divided by 2^15 and rounded, is at most half a unit too large. A factor
//! of a row that is larger stays 2^15 - 1. So a subtrahend exceeds its real number by less than 0.51: what is rounded otherwise lets in
//! hits too many. The limit on the right errs by at most 8 u_32 of the sum of its magnitudes (u_32 = 2^-24), is lessened by [`GROWN`] of it,
//! by [`SLACK`] units for both subtrahends and for its own truncation, and is brought into the numbers of 16 bits. Sums that saturate
//! downwards are below every limit but the least, with which all columns are hits. That is the limit, too, where the formula gives a NaN
//! because a row or a panel is all zeros.
//!
//! One unit of p is small: what a row and a column lose by their codes is hundreds of units.

use core::sync::atomic::{Ordering, compiler_fence};

use super::coding::{Coding, WIDTH};
use super::hits::Hit;
use super::scan::each_row;

/// The largest norm of the codes of a row and of a column.
pub(super) const NORM: f32 = 202.0;
/// What is taken from each sum.
const BIAS: i32 = 8_192;
const _: () = assert!(NORM * NORM <= (BIAS + 32_767) as f32);
/// Units by which a limit is lessened.
const SLACK: f32 = 3.0;
/// The share of its magnitudes by which a limit is lessened.
const GROWN: f32 = f32::from_bits((127 - 20) << 23);
/// The largest number of 16 bits.
const MOST: f32 = 32_767.0;

/// Sums of a register.
const LANES: usize = 16;
const GROUPS: usize = WIDTH / LANES;
/// Rows of a tile.
const ROWS: usize = 4;

/// The columns of a panel, besides their codes.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct WordPanel {
    /// What the sums begin with: minus the offset of the rows times the sum of the column, and minus the bias.
    start: [i16; WIDTH],
    /// (h_c - h_0) / range of h, and (rho_0 - rho_c) / range of rho, as parts of 32,767.
    h: [i16; WIDTH],
    rho: [i16; WIDTH],
    /// Bit 2 l of group g is set where column 16 g + l is no padding.
    columns: [u32; GROUPS],
    scale: f32,
    least_h: f32,
    range_h: f32,
    most_rho: f32,
    range_rho: f32,
    #[cfg(test)]
    of: [WordColumn; WIDTH],
}

/// What a panel is told of a column: its offset and its residue.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WordColumn {
    pub h: f32,
    pub rho: f32,
}

/// Packs columns of `depth` codes and one scale, column c at `columns[c * stride..]`, in groups of 16. For each step, a group has two
/// registers: in lane l of the first the first two codes of an even column and the last two of an odd one, of the second
/// the other two of the neighbor.
pub(super) fn pack(
    coding: Coding,
    columns: &[i8],
    stride: usize,
    depth: usize,
    scale: f32,
    of: &[WordColumn],
    out: &mut [i8],
) -> WordPanel {
    out.fill(0);
    let fold = |least: bool, value: fn(&WordColumn) -> f32| {
        of.iter().map(value).reduce(|a, b| if (b < a) == least { b } else { a }).unwrap_or(0.0)
    };
    let (least_h, most_rho) = (fold(true, |c| c.h), fold(false, |c| c.rho));
    let (range_h, range_rho) = (fold(false, |c| c.h) - least_h, most_rho - fold(true, |c| c.rho));
    let mut panel = WordPanel {
        start: [0; WIDTH],
        h: [0; WIDTH],
        rho: [0; WIDTH],
        columns: [0; GROUPS],
        scale,
        least_h,
        range_h,
        most_rho,
        range_rho,
        #[cfg(test)]
        of: core::array::from_fn(|c| of.get(c).copied().unwrap_or_default()),
    };
    // Rounded down, but for roundings of f64.
    let part = |above: f64, range: f32| {
        if range > 0.0 {
            libm::floor(above / f64::from(range) * f64::from(MOST)).min(f64::from(MOST)) as i16
        } else {
            0
        }
    };
    for (c, column) in of.iter().enumerate() {
        let codes = &columns[c * stride..][..depth];
        let sum = codes.iter().map(|q| i32::from(*q)).sum();
        panel.start[c] = coding.start(sum).wrapping_sub(BIAS) as i16;
        panel.h[c] = part(f64::from(column.h) - f64::from(least_h), range_h);
        panel.rho[c] = part(f64::from(most_rho) - f64::from(column.rho), range_rho);
        let (group, lane) = (c / LANES, c % LANES);
        panel.columns[group] |= 1 << (2 * lane);
        for (step, four) in codes.as_chunks::<4>().0.iter().enumerate() {
            let at = (group * depth / 4 + step) * 4 * LANES;
            let halves = if lane % 2 == 0 {
                [at + 2 * lane, at + 2 * LANES + 2 * lane + 2]
            } else {
                [at + 2 * LANES + 2 * lane - 2, at + 2 * lane]
            };
            for (half, two) in halves.into_iter().zip(four.as_chunks::<2>().0) {
                out[half..half + 2].copy_from_slice(two);
            }
        }
    }
    panel
}

#[cfg(test)]
impl WordPanel {
    /// The scores of a row, by the formula in `f64`, and with them the exact products: of all columns that are no padding.
    pub fn scores(&self, codes: &[i8], row: &[i32], scale: f32, residue: f32) -> alloc::vec::Vec<(f64, i32)> {
        let columns = (0..WIDTH).filter(|c| self.columns[c / LANES] >> (2 * (c % LANES)) & 1 == 1);
        let column = |c: usize| {
            let (group, lane) = (c / LANES, c % LANES);
            let place = |t: usize| {
                let (step, half) = (t / 4, t % 4 / 2);
                let register = (lane + half) % 2;
                let at = if lane % 2 == half { lane } else { lane ^ 1 };
                ((group * row.len() / 4 + step) * 2 + register) * 2 * LANES + 2 * at + t % 2
            };
            let product = row.iter().enumerate().map(|(t, q)| q * i32::from(codes[place(t)])).sum();
            let moved = f64::from(residue) * f64::from(self.of[c].rho);
            (
                f64::from(self.of[c].h)
                    - moved
                    - f64::from(scale) * f64::from(self.scale) * f64::from(product),
                product,
            )
        };
        columns.map(column).collect()
    }
}

/// Raw arguments of [`factors`].
#[derive(Clone, Copy)]
pub(super) struct Factors<'a> {
    pub n: usize,
    pub scale: *const f32,
    /// Null: no row has a residue.
    pub residue: *const f32,
    pub threshold: *const f32,
    pub panel: &'a WordPanel,
    /// The factors of h and of rho, and the limits, each twice in a number.
    pub out: [*mut i32; 3],
}

/// The numbers of the rows that the test wants.
///
/// # Safety
/// `scale`, `threshold` and `residue`, unless null, are valid for `n` numbers, and the three of `out` may be written for as many.
#[inline(always)]
pub(super) unsafe fn factors(factors: &Factors<'_>) {
    let &Factors { n, scale, residue, threshold, panel, out: [h, rho, limit] } = factors;
    let &WordPanel { scale: column, least_h, range_h, most_rho, range_rho, .. } = panel;
    // Whatever a number is, it becomes one of 16 bits. Where a factor is a NaN, of a row or panel of zeros, the limit lets in all columns,
    // or none.
    let within = |x: f32, least: f32| {
        let x = if x > least { x } else { least };
        if x < MOST { x } else { MOST }
    };
    for i in 0..n {
        // SAFETY: i is below n, and the numbers are within those of 16 bits.
        unsafe {
            let residue = if residue.is_null() { 0.0 } else { *residue.add(i) };
            let (u, threshold) = (1.0 / (*scale.add(i) * column), *threshold.add(i));
            let limited = u * (least_h - threshold - residue * most_rho);
            let size = u * (least_h.abs() + threshold.abs() + residue * most_rho);
            let least = limited - size * GROWN - (SLACK + BIAS as f32);
            let least = within(least, -MOST - 1.0);
            let least = if threshold > f32::NEG_INFINITY { least } else { MOST };
            let numbers = [within(u * range_h, 0.0), within(u * residue * range_rho, 0.0), least];
            for (number, out) in numbers.into_iter().zip([h, rho, limit]) {
                let number: i32 = number.to_int_unchecked();
                *out.add(i) = number & 0xffff | number << 16;
            }
        }
    }
}

/// A register of sums of 16 bits.
pub(in crate::simd) trait Words: Copy {
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn zero() -> Self;
    /// The numbers from `from` on.
    ///
    /// # Safety
    /// The instruction set of the type is enabled; `from` may be read for 16 numbers, at any alignment.
    unsafe fn load(from: *const i16) -> Self;
    /// The four bytes at `from`, again and again.
    ///
    /// # Safety
    /// The instruction set of the type is enabled; `from` may be read for four bytes, at any alignment.
    unsafe fn spread(from: *const u8) -> Self;
    /// Adds to each lane the two products of its bytes, those of `row` unsigned, modulo 2^16. No two products together leave 16 bits.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn add_products(self, row: Self, column: Self) -> Self;
    /// `self + other`, lanes 2 i and 2 i + 1 of `other` exchanged, modulo 2^16.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn add_exchanged(self, other: Self) -> Self;
    /// `self` less the products, which are divided by 2^15 and rounded to the nearest, up in between; at least -2^15.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn sub_product(self, row: Self, column: Self) -> Self;
    /// Two bits for each lane that is less than that of `limit`.
    ///
    /// # Safety
    /// The instruction set of the type is enabled.
    unsafe fn below(self, limit: Self) -> u32;
}

/// Raw arguments of [`scan`].
#[derive(Clone, Copy)]
pub(super) struct WordScan<'a> {
    /// Codes of a row, in fours; a multiple of four.
    pub steps: usize,
    pub rows: *const u8,
    pub stride: usize,
    /// What [`factors`] has written.
    pub factors: [*const i32; 3],
    pub list: &'a [u16],
    pub panel: &'a WordPanel,
    pub codes: *const i8,
    pub first: u32,
    pub pairs: *mut u32,
}

/// The body; returns the number of hits.
///
/// # Safety
/// `V`'s instruction set is enabled. With n above each number of the list: `rows` is valid for (n - 1) stride + 4 steps codes, and the
/// three of `factors` for n numbers. `codes` is valid for 4 steps WIDTH codes. `pairs` may be written for WIDTH numbers for each entry of the
/// list and 16 more.
#[inline(always)]
pub(super) unsafe fn scan<V: Words>(scan: &WordScan<'_>) -> usize {
    // SAFETY: the caller's contract is the same.
    unsafe { if scan.panel.range_h > 0.0 { body::<V, true>(scan) } else { body::<V, false>(scan) } }
}

/// # Safety
/// As [`scan`]; without `OFFSET`, h is the same for all columns.
#[inline(always)]
unsafe fn body<V: Words, const OFFSET: bool>(scan: &WordScan<'_>) -> usize {
    let &WordScan { steps, list, panel, factors: [h, rho, limit], .. } = scan;
    let mut count = 0;
    // SAFETY: entries of the list are below n, columns below WIDTH, and every index stays inside the lengths of the contract.
    unsafe {
        for at in (0..list.len()).step_by(ROWS) {
            let left = list.len() - at;
            let (mut row, mut x) = ([0; ROWS], [scan.rows; ROWS]);
            for r in 0..ROWS {
                row[r] = usize::from(*list.get_unchecked(at + r.min(left - 1)));
                x[r] = scan.rows.add(row[r] * scan.stride);
            }
            let (mut masks, mut any) = ([[0; GROUPS]; ROWS], 0u32);
            let mut codes = scan.codes.cast::<i16>();
            for g in 0..GROUPS {
                let (mut even, mut odd) =
                    ([V::load(panel.start.as_ptr().add(g * LANES)); ROWS], [V::zero(); ROWS]);
                for t in (0..steps).step_by(4) {
                    for step in t..t + 4 {
                        let (a, b) = (V::load(codes), V::load(codes.add(LANES)));
                        codes = codes.add(2 * LANES);
                        for r in 0..ROWS {
                            let x = V::spread(x[r].add(4 * step));
                            even[r] = even[r].add_products(x, a);
                            odd[r] = odd[r].add_products(x, b);
                        }
                    }
                }
                each_row!(ROWS, |r| {
                    let of_row = |numbers: *const i32| numbers.add(row[r]).cast::<u8>();
                    let mut sums = even[r].add_exchanged(odd[r]);
                    if OFFSET {
                        sums =
                            sums.sub_product(V::spread(of_row(h)), V::load(panel.h.as_ptr().add(g * LANES)));
                    }
                    sums =
                        sums.sub_product(V::spread(of_row(rho)), V::load(panel.rho.as_ptr().add(g * LANES)));
                    masks[r][g] = !sums.below(V::spread(of_row(limit))) & panel.columns[g];
                    any |= masks[r][g];
                    // Row after row: side by side, they need more registers than there are.
                    compiler_fence(Ordering::SeqCst);
                });
            }
            if any == 0 {
                continue;
            }
            // Which groups have a hit is hard to foresee, and few have more than two: so two places are written for each; those that
            // are not taken are written over, or lie behind the count. Rows that only fill the last tile are not reported.
            for r in 0..ROWS.min(left) {
                let of_row = (row[r] as u32) << Hit::SLOT_BITS | scan.first;
                for (g, mask) in masks[r].into_iter().enumerate() {
                    let (mut bits, to) = (mask, scan.pairs.add(count));
                    let mut next = || {
                        let lane = (bits | 1 << 31).trailing_zeros() / 2;
                        bits &= bits.wrapping_sub(1);
                        of_row + (g * LANES) as u32 + lane
                    };
                    let found = mask.count_ones() as usize;
                    (*to, *to.add(1)) = (next(), next());
                    for at in 2..found {
                        *to.add(at) = next();
                    }
                    count += found;
                }
            }
        }
    }
    count
}

/// Sums of 16 bits in an array, for tests.
#[cfg(test)]
#[derive(Clone, Copy)]
pub(super) struct Array([i16; LANES]);

#[cfg(test)]
impl Words for Array {
    unsafe fn zero() -> Self {
        Self([0; LANES])
    }
    unsafe fn load(from: *const i16) -> Self {
        // SAFETY: the caller's pointer is valid for 16 numbers.
        Self(unsafe { from.cast::<[i16; LANES]>().read_unaligned() })
    }
    unsafe fn spread(from: *const u8) -> Self {
        // SAFETY: the caller's pointer is valid for four bytes.
        let two = unsafe { from.cast::<[i16; 2]>().read_unaligned() };
        Self(core::array::from_fn(|l| two[l % 2]))
    }
    unsafe fn add_products(self, row: Self, column: Self) -> Self {
        Self(core::array::from_fn(|l| {
            let (row, column) = (row.0[l].to_ne_bytes(), column.0[l].to_ne_bytes());
            let product = |i: usize| i32::from(row[i]) * i32::from(column[i] as i8);
            let both = product(0) + product(1);
            // As maddubs.
            self.0[l].wrapping_add(both.clamp(-32_768, 32_767) as i16)
        }))
    }
    unsafe fn add_exchanged(self, other: Self) -> Self {
        Self(core::array::from_fn(|l| self.0[l].wrapping_add(other.0[l ^ 1])))
    }
    unsafe fn sub_product(self, row: Self, column: Self) -> Self {
        Self(core::array::from_fn(|l| {
            let product = (i32::from(row.0[l]) * i32::from(column.0[l]) + (1 << 14)) >> 15;
            self.0[l].saturating_sub(product as i16)
        }))
    }
    unsafe fn below(self, limit: Self) -> u32 {
        (0..LANES).filter(|l| self.0[*l] < limit.0[*l]).fold(0, |bits, l| bits | 3 << (2 * l))
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    use core::arch::x86_64::*;

    use super::Words;

    /// AVX2.
    #[derive(Clone, Copy)]
    pub struct Words256(__m256i);

    impl Words for Words256 {
        #[inline(always)]
        unsafe fn zero() -> Self {
            // SAFETY: the caller has enabled the instruction set.
            Self(unsafe { _mm256_setzero_si256() })
        }
        #[inline(always)]
        unsafe fn load(from: *const i16) -> Self {
            // SAFETY: the caller has enabled the instruction set; the load takes 16 numbers at any alignment.
            Self(unsafe { _mm256_loadu_si256(from.cast()) })
        }
        #[inline(always)]
        unsafe fn spread(from: *const u8) -> Self {
            // SAFETY: the caller has enabled the instruction set; four bytes are read.
            Self(unsafe { _mm256_set1_epi32(from.cast::<i32>().read_unaligned()) })
        }
        #[inline(always)]
        unsafe fn add_products(self, row: Self, column: Self) -> Self {
            // SAFETY: the caller has enabled the instruction set.
            Self(unsafe { _mm256_add_epi16(self.0, _mm256_maddubs_epi16(row.0, column.0)) })
        }
        #[inline(always)]
        unsafe fn add_exchanged(self, other: Self) -> Self {
            // SAFETY: the caller has enabled the instruction set.
            unsafe {
                let exchange = _mm256_setr_epi8(
                    2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8,
                    9, 14, 15, 12, 13,
                );
                Self(_mm256_add_epi16(self.0, _mm256_shuffle_epi8(other.0, exchange)))
            }
        }
        #[inline(always)]
        unsafe fn sub_product(self, row: Self, column: Self) -> Self {
            // SAFETY: the caller has enabled the instruction set.
            Self(unsafe { _mm256_subs_epi16(self.0, _mm256_mulhrs_epi16(row.0, column.0)) })
        }
        #[inline(always)]
        unsafe fn below(self, limit: Self) -> u32 {
            // SAFETY: the caller has enabled the instruction set.
            unsafe { _mm256_movemask_epi8(_mm256_cmpgt_epi16(limit.0, self.0)) as u32 }
        }
    }
}
