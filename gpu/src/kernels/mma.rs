//! The search of [`tensor`](super::tensor) by `mma.sync` (sm_80 and later): four planes of 32 units, of which each has 32 rows and 64
//! targets a step, as 2 x 8 tiles of 16 rows and 8 targets.

use cubecl::prelude::*;
use half::f16;

use super::tensor::{CHUNK, Chunk, DEPTH, Kept, ROWS};

/// Targets of a step.
const TARGETS: usize = 64;
/// Words of 32 bits, two values each, from row to row in shared memory: 4 more than a row has, so that the units of a plane
/// read from different banks.
const STRIDE: usize = 36;
/// Bytes of shared memory.
pub(crate) const SHARED: usize = 4 * STRIDE * (ROWS + TARGETS);

/// The targets of rows `first .. first + n` that may be nearest; `first` is a multiple of [`ROWS`].
///
/// - `x` `[., d]`, `c` `[., d]`: copies in f16, in chunks; `d` is padded.
/// - `halves` `[k]`: h.
/// - `facts` `[., 3]` of the rows, as [`FACTS`](super::tensor::FACTS) says; w is the weight times `scale`, and the margin m0 + m1 a + m2 a² + m3 e for norm a and residual
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
