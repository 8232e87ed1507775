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
//! [`nearest_mma`] multiplies by `mma.sync` (sm_80 and later): four planes of 32 units, of which each has 32 rows and 64 targets a
//! step. It is made for CUDA only, and has run nowhere: nothing launches it yet.

use cubecl::prelude::*;
use half::f16;

use super::search::{LISTED, NOTHING, WORDS};

/// Rows of a copy come in multiples of this.
pub(crate) const ROWS: usize = 128;
/// Targets of a copy come in multiples of this.
pub(crate) const TARGETS: usize = 64;
/// Columns of a copy come in multiples of this: those of a step.
pub(crate) const DEPTH: usize = 64;
/// Values of f16 that are read at once.
pub(crate) const CHUNK: usize = 8;
/// What is known of each row: its weight in the units of the rows, its norm, and its residual.
pub(crate) const FACTS: usize = 3;
/// Units of a cube.
pub(crate) const UNITS: u32 = 128;
/// Bytes of shared memory of [`nearest_mma`].
pub(crate) const MMA_SHARED: usize = 4 * STRIDE * (ROWS + TARGETS);

/// Words of 32 bits, two values each, from row to row in shared memory: 4 more than a row has, so that the units of a plane
/// read from different banks.
const STRIDE: usize = 36;

/// [`CHUNK`] values of f16.
pub(crate) type Chunk = Vector<u32, Const<4>>;

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
                found[row * WORDS] = min(pair + others, 5u32);
            }
        }
    }
}

/// The targets of rows `first .. first + n` that may be nearest; `first` is a multiple of [`ROWS`].
///
/// - `x` `[., d]`, `c` `[., d]`: copies in f16, in chunks; `d` is padded.
/// - `halves` `[k]`: h.
/// - `facts` `[., FACTS]` of the rows; w is the weight times `scale`, and the margin m0 + m1 a + m2 a² + m3 e for norm a and residual
///   e times `scale`.
/// - `best` `[n]` and `found` `[n, WORDS]` are as in [`search::nearest`](super::search::nearest).
#[cube(launch_unchecked, create_dummy_kernel)]
#[allow(clippy::too_many_arguments, reason = "a kernel has no other way in")]
pub(crate) fn nearest_mma(
    x: &[Chunk],
    c: &[Chunk],
    halves: &[f32],
    facts: &[f32],
    best: &mut [f32],
    found: &mut [u32],
    scale: f32,
    m0: f32,
    m1: f32,
    m2: f32,
    m3: f32,
    first: u32,
    n: u32,
    k: u32,
    d: u32,
    fresh: u32,
) {
    let first = first as usize;
    let n = n as usize;
    let k = k as usize;
    let chunks = d as usize / CHUNK;
    let unit = UNIT_POS as usize;
    let lane = UNIT_POS % 32u32;
    let plane = unit / 32;
    let local0 = CUBE_POS_X as usize * ROWS;
    let mut tile_x = Shared::<[u32]>::new_slice(comptime!(ROWS * STRIDE));
    let mut tile_c = Shared::<[u32]>::new_slice(comptime!(TARGETS * STRIDE));
    let product = cmma::MmaDefinition::<f16, f16, f32>::new(16usize, 8usize, 16usize);

    // Four rows a unit: two of each of two tiles of 16.
    let mut kept = Kept::new(4usize);
    #[unroll]
    for r in 0..4usize {
        let row = local0 + plane * 32 + r / 2 * 16 + r % 2 * 8 + lane as usize / 4;
        kept.begin(r, row, facts, best, scale, m0, m1, m2, m3, first, n, fresh);
    }

    for step in 0..k.div_ceil(TARGETS) {
        let target0 = step * TARGETS;
        // Two tiles of rows, eight of targets, four results of each.
        let mut sum = Array::<f32>::new(64usize);
        #[unroll]
        for e in 0..64usize {
            sum[e] = 0.0f32;
        }
        for depth in 0..d as usize / DEPTH {
            #[unroll]
            for e in 0..8usize {
                let at = e * 128 + unit;
                let chunk = x[(first + local0 + at / 8) * chunks + depth * 8 + at % 8];
                #[unroll]
                for w in 0..4usize {
                    tile_x[at / 8 * STRIDE + at % 8 * 4 + w] = chunk.extract(w);
                }
            }
            #[unroll]
            for e in 0..4usize {
                let at = e * 128 + unit;
                let chunk = c[(target0 + at / 8) * chunks + depth * 8 + at % 8];
                #[unroll]
                for w in 0..4usize {
                    tile_c[at / 8 * STRIDE + at % 8 * 4 + w] = chunk.extract(w);
                }
            }
            sync_cube();
            #[unroll]
            for rows in 0..2usize {
                #[unroll]
                for targets in 0..8usize {
                    let mut part = Array::<Vector<f32, Const<2>>>::new(2usize);
                    part[0] = Vector::new(0.0f32);
                    part[1] = Vector::new(0.0f32);
                    #[unroll]
                    for columns in 0..4usize {
                        let mut a = Array::<Vector<f16, Const<2>>>::new(4usize);
                        #[unroll]
                        for i in 0..4usize {
                            let (row, column) =
                                product.position_of_nth(lane, comptime!(2 * i as u32), cmma::MatrixIdent::A);
                            let row = plane * 32 + rows * 16 + row as usize;
                            a[i] =
                                Vector::reinterpret(tile_x[row * STRIDE + columns * 8 + column as usize / 2]);
                        }
                        let mut b = Array::<Vector<f16, Const<2>>>::new(2usize);
                        #[unroll]
                        for i in 0..2usize {
                            let (column, target) =
                                product.position_of_nth(lane, comptime!(2 * i as u32), cmma::MatrixIdent::B);
                            let target = targets * 8 + target as usize;
                            b[i] = Vector::reinterpret(
                                tile_c[target * STRIDE + columns * 8 + column as usize / 2],
                            );
                        }
                        part = product.execute(&a, &b, &part);
                    }
                    #[unroll]
                    for e in 0..4usize {
                        sum[(rows * 8 + targets) * 4 + e] += part[e / 2].extract(e % 2);
                    }
                }
            }
            sync_cube();
        }
        #[unroll]
        for targets in 0..8usize {
            #[unroll]
            for side in 0..2usize {
                let target = target0 + targets * 8 + lane as usize % 4 * 2 + side;
                if target < k {
                    let half = halves[target];
                    #[unroll]
                    for r in 0..4usize {
                        let z = half - kept.weight[r] * sum[(r / 2 * 8 + targets) * 4 + r % 2 * 2 + side];
                        kept.take(r, z, target as u32);
                    }
                }
            }
        }
    }
    #[unroll]
    for r in 0..4usize {
        let row = local0 + plane * 32 + r / 2 * 16 + r % 2 * 8 + lane as usize / 4;
        kept.list(r, row, n, best, found, fresh);
    }
}
