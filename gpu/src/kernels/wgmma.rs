//! The search of [`tensor`](super::tensor) by `wgmma` (sm_90a only): a group of four planes multiplies 64 rows by 128 targets a step, both
//! read from shared memory by the tensor core itself.
//!
//! **Shared memory** has both tiles in the swizzle of 128 bytes: a row of 64 columns is eight chunks, and chunk j of row r lies where
//! chunk j xor (r mod 8) would. The tensor core reads past the path of ordinary stores, so a fence stands before the barrier.
//!
//! **One block of assembly a step**: four instructions of 16 columns each, the first of which begins at zero, and the wait for
//! them. CubeCL has no such instruction, and its assembly hands out one result: a vector of 64.

use cubecl::prelude::*;

use super::tensor::{CHUNK, Chunk, DEPTH, Kept};

/// Rows of a cube.
pub(crate) const ROWS: usize = 64;
/// Targets of a step.
const TARGETS: usize = 128;
/// Chunks of a row of a tile.
const WIDE: usize = DEPTH / CHUNK;
/// Bytes of shared memory.
pub(crate) const SHARED: usize = 2 * DEPTH * (ROWS + TARGETS);
/// Bytes to whose multiples tiles are aligned: eight rows, after which the swizzle begins anew.
const ALIGNED: usize = 1024;

/// As [`nearest_mma`](super::mma::nearest_mma), for other shapes of cubes.
#[cube(launch_unchecked, create_dummy_kernel)]
#[allow(clippy::too_many_arguments, reason = "a kernel has no other way in")]
pub(crate) fn nearest_wgmma(
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
    let lane = unit % 32;
    let local0 = CUBE_POS_X as usize * ROWS;
    let mut tile_x = Shared::<[Chunk]>::new_aligned_slice(comptime!(ROWS * WIDE), ALIGNED);
    let mut tile_c = Shared::<[Chunk]>::new_aligned_slice(comptime!(TARGETS * WIDE), ALIGNED);

    // Two rows a unit, 8 apart.
    let upper = local0 + unit / 32 * 16 + lane / 4;
    let mut kept = Kept::new(2usize);
    #[unroll]
    for r in 0..2usize {
        kept.begin(r, upper + r * 8, facts, best, scale, m0, m1, m2, m3, first, n, fresh);
    }

    for step in 0..k.div_ceil(TARGETS) {
        let target0 = step * TARGETS;
        let mut sum = Array::<f32>::new(64usize);
        #[unroll]
        for e in 0..64usize {
            sum[e] = 0.0f32;
        }
        for depth in 0..d as usize / DEPTH {
            #[unroll]
            for e in 0..4usize {
                let at = e * 128 + unit;
                let row = at / WIDE;
                let chunk = at % WIDE;
                tile_x[row * WIDE + (chunk ^ (row % 8))] =
                    x[(first + local0 + row) * chunks + depth * WIDE + chunk];
            }
            #[unroll]
            for e in 0..8usize {
                let at = e * 128 + unit;
                let row = at / WIDE;
                let chunk = at % WIDE;
                tile_c[row * WIDE + (chunk ^ (row % 8))] = c[(target0 + row) * chunks + depth * WIDE + chunk];
            }
            gpu_asm!("fence.proxy.async.shared::cta;");
            sync_cube();
            let part = product(&tile_x, &tile_c);
            #[unroll]
            for e in 0..64usize {
                sum[e] += part.extract(e);
            }
            sync_cube();
        }
        // Sixteen blocks of eight targets, of which a unit has two neighbours in each of its rows.
        #[unroll]
        for block in 0..16usize {
            #[unroll]
            for side in 0..2usize {
                let target = target0 + block * 8 + lane % 4 * 2 + side;
                if target < k {
                    let half = halves[target];
                    #[unroll]
                    for r in 0..2usize {
                        let z = half - kept.weight[r] * sum[block * 4 + r * 2 + side];
                        kept.take(r, z, target as u32);
                    }
                }
            }
        }
    }
    #[unroll]
    for r in 0..2usize {
        kept.list(r, upper + r * 8, n, best, found, fresh);
    }
}

/// The products of both tiles, summed over their 64 columns from zero: the 64 results of a unit.
#[cube]
fn product(tile_x: &Shared<[Chunk]>, tile_c: &Shared<[Chunk]>) -> Vector<f32, Const<64>> {
    let px = tile_x.as_ptr();
    let pc = tile_c.as_ptr();
    let part: Vector<f32, Const<64>>;
    // A tile is told by its address in units of 16 bytes, the step of 1024 bytes from eight rows to the next, in the same units at bit
    // 32, and the swizzle at bit 62. The next 16 columns lie 32 bytes further on.
    gpu_asm!(
        "{{ .reg .b64 tx, tc; .reg .pred no, yes; setp.ne.u32 no, 0, 0; setp.eq.u32 yes, 0, 0; ",
        "cvta.to.shared.u64 tx, {px}; shr.u64 tx, tx, 4; or.b64 tx, tx, 0x4000004000010000; ",
        "cvta.to.shared.u64 tc, {pc}; shr.u64 tc, tc, 4; or.b64 tc, tc, 0x4000004000010000; ",
        "wgmma.fence.sync.aligned; ",
        "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 {part}, tx, tc, no, 1, 1, 0, 0; ",
        "add.u64 tx, tx, 2; add.u64 tc, tc, 2; ",
        "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 {part}, tx, tc, yes, 1, 1, 0, 0; ",
        "add.u64 tx, tx, 2; add.u64 tc, tc, 2; ",
        "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 {part}, tx, tc, yes, 1, 1, 0, 0; ",
        "add.u64 tx, tx, 2; add.u64 tc, tc, 2; ",
        "wgmma.mma_async.sync.aligned.m64n128k16.f32.f16.f16 {part}, tx, tc, yes, 1, 1, 0, 0; ",
        "wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0; }}",
        part = out(_) part, px = mem_in(_) px, pc = mem_in(_) pc, options(explicit_mem),
    );
    part
}
