//! Exact sums of rows per cluster, by integers: any order gives the same words.
//!
//! An *ordinary* value (0, or normal, below 2^16, and with its 24 bits a multiple of 2^-64) is an integer of fewer than 81
//! bits in units of 2^-64. Sums of 2^45 of them stay below 2^126, so four words of 32 bits in two's complement hold them.
//! A unit owns one column of a run of rows of one cluster, adds in registers, and at the end adds its words to those of
//! the cluster with atomics, carrying by hand: when word w wraps, in whatever order the units come, exactly one of
//! them sees it and hands 1 to word w + 1. So the words are the sum modulo 2^128. No 64-bit integers, no floats.
//!
//! Rows are bound as words, because WGSL may flush a subnormal number where a float is turned into its bits. The words
//! of the sums are bound as `&mut`: only then does a launch that failed show when they are read.

use cubecl::prelude::*;

/// Rows of a run: enough to make its atomics cheap, few enough to balance.
pub(crate) const RUN: usize = 256;
/// Columns of a cube.
pub(crate) const SLAB: usize = 64;
/// Words of a sum.
pub(crate) const PLANES: usize = 4;
/// The bit of an entry of the list that says: take away.
pub(crate) const MINUS: u32 = 1 << 31;

/// Whether all values are ordinary.
pub(crate) fn is_ordinary(row: &[f32]) -> bool {
    let odd = |x: &f32| {
        let magnitude = x.to_bits() & 0x7fff_ffff;
        magnitude != 0 && !(86 << 23..143 << 23).contains(&magnitude)
    };
    !row.iter().any(odd)
}

/// Adds runs of rows to the sums of their clusters.
///
/// - `x` `[., d]`: the bits of the rows.
/// - `list`: rows of `x`, by cluster, with [`MINUS`].
/// - `runs` `[., 3]`: the cluster, and first and last + 1 of `list`; this launch takes those from `first` on.
/// - `words` `[PLANES, k, d]`: the words of the sums, lowest first; `plane` is k d.
#[cube(launch_unchecked, create_dummy_kernel)]
#[allow(clippy::too_many_arguments, reason = "a kernel has no other way in")]
pub(crate) fn add_runs(
    x: &[u32],
    list: &[u32],
    runs: &[u32],
    words: &mut [Atomic<u32>],
    first: u32,
    plane: u32,
    d: u32,
) {
    let d = d as usize;
    let column = CUBE_POS_Y as usize * SLAB + UNIT_POS as usize;
    if column < d {
        let run = (first as usize + CUBE_POS_X as usize) * 3;
        let cluster = runs[run] as usize;
        let begin = runs[run + 1] as usize;
        let end = runs[run + 2] as usize;
        let mut a0 = 0u32;
        let mut a1 = 0u32;
        let mut a2 = 0u32;
        let mut a3 = 0u32;
        for at in begin..end {
            let entry = list[at];
            let row = (entry & 0x7fff_ffffu32) as usize;
            let bits = x[row * d + column];
            let magnitude = bits & 0x7fff_ffffu32;
            if magnitude != 0u32 {
                // All ones for what is taken away: v becomes !v + 1.
                let minus = 0u32 - ((bits ^ entry) >> 31u32);
                let position = (magnitude >> 23u32) - 86u32;
                let m = (magnitude & 0x007f_ffffu32) | 0x0080_0000u32;
                let shift = position & 31u32;
                let low = m << shift;
                // m >> (32 - shift), for shift 0, too.
                let high = (m >> 1u32) >> (31u32 - shift);
                let upper = position >= 32u32;
                let v0 = select(upper, 0u32, low) ^ minus;
                let v1 = select(upper, low, high) ^ minus;
                let v2 = select(upper, high, 0u32) ^ minus;
                let (s0, c0) = add_carry(a0, v0, minus & 1u32);
                let (s1, c1) = add_carry(a1, v1, c0);
                let (s2, c2) = add_carry(a2, v2, c1);
                a0 = s0;
                a1 = s1;
                a2 = s2;
                a3 = a3 + minus + c2;
            }
        }
        let plane = plane as usize;
        let at = cluster * d + column;
        let c0 = add_word(&words[at], a0, 0u32);
        let c1 = add_word(&words[at + plane], a1, c0);
        let c2 = add_word(&words[at + 2 * plane], a2, c1);
        words[at + 3 * plane].fetch_add(a3 + c2);
    }
}

/// a + b + carry, and the carry out of it.
#[cube]
fn add_carry(a: u32, b: u32, carry: u32) -> (u32, u32) {
    let s = a + b;
    let t = s + carry;
    (t, u32::cast_from(s < a) + u32::cast_from(t < s))
}

/// Adds `value + carry` to a word, and returns what wraps over.
#[cube]
fn add_word(word: &Atomic<u32>, value: u32, carry: u32) -> u32 {
    let sum = value + carry;
    let old = word.fetch_add(sum);
    u32::cast_from(sum < carry) + u32::cast_from(old + sum < old)
}
