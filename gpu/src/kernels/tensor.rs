//! Searches on tensor cores: copies of the rows in 16 bits propose, in the words of [`search`](super::search).
//!
//! The score of row i against target j is z = h_j - w_i (x_i . c_j), for copies x and c in f16, and a power of
//! two w_i, which undoes the scales of both. Everything else is as in [`search::nearest`](super::search::nearest): what
//! lies within the margin of the best is listed, up to four targets, and more are counted only.
//!
//! **A step is 64 columns.** Its products begin at zero, and their sum is added to the total in f32. So the path inside the
//! tensor core, whose roundings no one documents, is 64 products long, however many columns a row has.
//!
//! **Whole tiles.** Copies are padded by zeros: rows to multiples of [`ROWS`], targets to multiples of [`TARGETS`], columns
//! to multiples of [`DEPTH`]. Padded columns add nothing, padded targets are not looked at, and padded rows not written.
//!
//! [`mma`](super::mma) and [`wgmma`](super::wgmma) differ in the instruction that multiplies, and in what of the scores a unit has. What
//! a unit keeps of its rows, and how it is listed, is here. Both are made for CUDA only, and have run nowhere: nothing
//! launches them yet. The bound of their scores is that of `src/tensor.rs`.

use cubecl::prelude::*;

use super::search::{LISTED, NOTHING, WORDS};

/// Rows of a copy come in multiples of this.
pub(crate) const ROWS: usize = 128;
/// Targets of a copy come in multiples of this.
pub(crate) const TARGETS: usize = 128;
/// Columns of a copy come in multiples of this: those of a step.
pub(crate) const DEPTH: usize = 64;
/// Values of f16 that are read at once.
pub(crate) const CHUNK: usize = 8;
/// What is known of each row: its weight in the units of the rows, its norm, and its residual.
pub(crate) const FACTS: usize = 3;
/// Units of a cube.
pub(crate) const UNITS: u32 = 128;

/// [`CHUNK`] values of f16.
pub(crate) type Chunk = Vector<u32, Const<4>>;

/// Which kernel multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// [`nearest_mma`](super::mma::nearest_mma).
    Mma,
    /// [`nearest_wgmma`](super::wgmma::nearest_wgmma).
    Wgmma,
}

/// What a unit keeps of each of its rows: the two best targets, and the score of the third.
#[derive(CubeType)]
pub(crate) struct Kept {
    v0: Array<f32>,
    v1: Array<f32>,
    v2: Array<f32>,
    i0: Array<u32>,
    i1: Array<u32>,
    /// What exceeds the gate cannot matter.
    gate: Array<f32>,
    pub margin: Array<f32>,
    pub weight: Array<f32>,
}

#[cube]
impl Kept {
    /// Nothing yet, of `rows` rows.
    pub fn new(#[comptime] rows: usize) -> Kept {
        Kept {
            v0: Array::new(rows),
            v1: Array::new(rows),
            v2: Array::new(rows),
            i0: Array::new(rows),
            i1: Array::new(rows),
            gate: Array::new(rows),
            margin: Array::new(rows),
            weight: Array::new(rows),
        }
    }

    /// Begins with row `row` of the launch as the `r`-th of this unit.
    #[allow(clippy::too_many_arguments, reason = "what a kernel was given")]
    pub fn begin(
        &mut self,
        r: usize,
        row: usize,
        facts: &[f32],
        best: &mut [f32],
        scale: f32,
        m0: f32,
        m1: f32,
        m2: f32,
        m3: f32,
        first: usize,
        n: usize,
        fresh: u32,
    ) {
        self.v0[r] = NOTHING;
        self.v1[r] = NOTHING;
        self.v2[r] = NOTHING;
        self.i0[r] = 0u32;
        self.i1[r] = 0u32;
        self.gate[r] = 0.0f32 - NOTHING;
        self.margin[r] = 0.0f32;
        self.weight[r] = 0.0f32;
        if row < n {
            let at = (first + row) * FACTS;
            let a = facts[at + 1] * scale;
            self.weight[r] = facts[at] * scale;
            self.margin[r] = m0 + a * (m1 + a * m2) + facts[at + 2] * scale * m3;
            self.gate[r] = NOTHING;
            if fresh == 0u32 {
                self.gate[r] = best[row] + self.margin[r];
            }
        }
    }

    /// Takes a score of the `r`-th row, if it matters.
    pub fn take(&mut self, r: usize, z: f32, target: u32) {
        if z <= self.gate[r] {
            if z < self.v0[r] {
                self.v2[r] = self.v1[r];
                self.v1[r] = self.v0[r];
                self.i1[r] = self.i0[r];
                self.v0[r] = z;
                self.i0[r] = target;
            } else if z < self.v1[r] {
                self.v2[r] = self.v1[r];
                self.v1[r] = z;
                self.i1[r] = target;
            } else if z < self.v2[r] {
                self.v2[r] = z;
            }
            self.gate[r] = min(self.gate[r], min(self.v2[r], self.v0[r] + self.margin[r]));
        }
    }

    /// Writes what the four neighbouring units that share the `r`-th row have kept of it. All units of a plane call this together.
    pub fn list(&self, r: usize, row: usize, n: usize, best: &mut [f32], found: &mut [u32], fresh: u32) {
        let lane = UNIT_POS % 4u32;
        let mut smallest = self.v0[r];
        smallest = min(smallest, plane_shuffle_xor(smallest, 1u32));
        smallest = min(smallest, plane_shuffle_xor(smallest, 2u32));
        let mut bound = smallest + self.margin[r];
        if smallest >= NOTHING {
            // Nothing was found; what the units have kept must not be listed.
            bound = 0.0f32 - NOTHING;
        }
        let mut mine = 0u32;
        if self.v0[r] <= bound {
            mine += 1u32;
            if self.v1[r] <= bound {
                mine += 1u32;
                if self.v2[r] <= bound {
                    mine += 4u32;
                }
            }
        }
        // A unit lists after the units before it.
        let beside = plane_shuffle_xor(mine, 1u32);
        let pair = mine + beside;
        let others = plane_shuffle_xor(pair, 2u32);
        let mut at = 0u32;
        if lane % 2u32 == 1u32 {
            at += beside;
        }
        if lane >= 2u32 {
            at += others;
        }
        if row < n {
            let list = row * WORDS + 1;
            if mine > 0u32 {
                if at < comptime!(LISTED as u32) {
                    found[list + at as usize] = self.i0[r];
                }
                if mine > 1u32 {
                    if at + 1u32 < comptime!(LISTED as u32) {
                        found[list + at as usize + 1] = self.i1[r];
                    }
                }
            }
            if lane == 0u32 {
                if fresh == 0u32 {
                    smallest = min(smallest, best[row]);
                }
                best[row] = smallest;
                // LISTED + 1 stands for all counts that are larger.
                found[row * WORDS] = min(pair + others, comptime!(LISTED as u32 + 1));
            }
        }
    }
}
