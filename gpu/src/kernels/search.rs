//! Searches. The matrix of scores never exists.
//!
//! The score of row i against target j is z = h_j - X_i . C_j, smallest for the nearest (h is half the squared norm of
//! a target, 0 for unit rows, where -z is the cosine). E bounds how far z lies from what the definition says
//! (`pauca::exact::bounds`), so every target that the definition may prefer scores at most best + 2 E: the *margin*, with
//! what the comparison itself may lose. One target within the margin is the answer, certified. Up to [`LISTED`] are listed, and
//! the definition decides among them, on the host or by [`settle`](super::definition::settle). More are counted only.
//!
//! Where targets lie in several buffers, each is a launch, which goes on with the lists of those before ([`Start::Lists`]).
//!
//! A unit keeps the two best targets of a row and the *score* of the third: when that lies within the margin, too, the
//! list is known to be incomplete. Nothing is lost silently, and nothing depends on the order in which units run.
//!
//! **Rows may see a range of the targets.** `windows` holds, for each cube, the first step of targets and the last + 1, then
//! for each row its first target and its last + 1. So groups of any sizes share one launch: under cosine the earlier rows
//! of row i in its group are the targets offset(group) .. i. Without `ranged`, every row sees all targets.

use cubecl::prelude::*;

use super::tile::{Tile, products};

/// Targets that are listed for a row.
pub(crate) const LISTED: usize = 4;
/// Words of a row in `found`: the count, then the listed targets.
pub(crate) const WORDS: usize = 1 + LISTED;
/// What a launch of [`nearest`] begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// Nothing.
    Nothing,
    /// Scores in `best` that limit what matters; no target is listed yet.
    Limits,
    /// Scores in `best` and lists in `found`, of launches for other targets.
    Lists,
}

/// The count of a list that the definition has reduced to one target.
pub(crate) const DECIDED: u32 = LISTED as u32 + 2;
/// The score of nothing. No infinity: WGSL lets a compiler assume that there is none.
pub(crate) const NOTHING: f32 = 3.0e38;
/// Rows of a cube of `norms`, and the units of each.
pub(crate) const NORM_ROWS: usize = 16;
/// See [`NORM_ROWS`].
pub(crate) const NORM_LANES: usize = 8;

/// The targets of rows `first .. first + n` that may be nearest.
///
/// - `x` `[., d]`, `c` `[k, d]`, `aux` `[d + k]`: the center, then h.
/// - `norms` `[.]`: a bound of each row's norm a; the margin is m0 + m1 a + m2 a².
/// - `windows`: see above.
/// - `best` `[n]`: scores above best + margin do not matter. Afterwards the smallest score.
/// - `found` `[n, WORDS]`: target j is listed as `base` + j.
/// - `start`: whether `best` and `found` are read: see [`Start`].
#[cube(launch_unchecked, create_dummy_kernel)]
#[allow(clippy::too_many_arguments, reason = "a kernel has no other way in")]
pub(crate) fn nearest(
    x: &[f32],
    c: &[f32],
    aux: &[f32],
    norms: &[f32],
    windows: &[u32],
    best: &mut [f32],
    found: &mut [u32],
    scale: f32,
    m0: f32,
    m1: f32,
    m2: f32,
    first: u32,
    n: u32,
    k: u32,
    base: u32,
    d: u32,
    cubes: u32,
    ranged: u32,
    start: u32,
    #[comptime] tile: Tile,
) {
    let high = comptime!(tile.high);
    let wide = comptime!(tile.wide);
    let across = comptime!(tile.across());
    let n = n as usize;
    let k = k as usize;
    let d = d as usize;
    let unit = UNIT_POS as usize;
    let tx = unit % across;
    let ty = unit / across;
    let cube = CUBE_POS_X as usize;
    let local0 = cube * comptime!(tile.rows);

    let mut tile_x = Shared::<[f32]>::new_slice(comptime!(tile.depth * tile.rows));
    let mut tile_c = Shared::<[f32]>::new_slice(comptime!(tile.depth * tile.targets));
    let mut margin = Array::<f32>::new(high);
    // What exceeds the gate cannot matter: one comparison a score, hardly ever true after the first steps.
    let mut gate = Array::<f32>::new(high);
    let mut low = Array::<u32>::new(high);
    let mut end = Array::<u32>::new(high);
    let mut v0 = Array::<f32>::new(high);
    let mut v1 = Array::<f32>::new(high);
    let mut v2 = Array::<f32>::new(high);
    let mut i0 = Array::<u32>::new(high);
    let mut i1 = Array::<u32>::new(high);
    #[unroll]
    for r in 0..high {
        let row = local0 + ty * high + r;
        margin[r] = 0.0f32;
        gate[r] = 0.0f32 - NOTHING;
        low[r] = 0u32;
        end[r] = 0u32;
        if row < n {
            let a = norms[first as usize + row];
            margin[r] = m0 + a * (m1 + a * m2);
            gate[r] = NOTHING;
            end[r] = k as u32;
            if start != comptime!(Start::Nothing as u32) {
                gate[r] = best[row] + margin[r];
            }
            if ranged != 0u32 {
                let at = 2 * (cubes as usize + row);
                low[r] = windows[at];
                end[r] = windows[at + 1];
            }
        }
        v0[r] = NOTHING;
        v1[r] = NOTHING;
        v2[r] = NOTHING;
        i0[r] = 0u32;
        i1[r] = 0u32;
    }

    let mut step = 0u32;
    let mut steps = (k as u32).div_ceil(comptime!(tile.targets as u32));
    if ranged != 0u32 {
        step = windows[2 * cube];
        steps = windows[2 * cube + 1];
    }
    while step < steps {
        let target0 = step as usize * comptime!(tile.targets);
        let row0 = first as usize + local0;
        let row_end = first as usize + n;
        let mut sum = Array::<f32>::new(comptime!(tile.high * tile.wide));
        products(x, c, aux, &mut tile_x, &mut tile_c, &mut sum, scale, row0, row_end, target0, k, d, tile);
        #[unroll]
        for s in 0..wide {
            let target = target0 + s * across + tx;
            if target < k {
                let half = aux[d + target];
                let target = target as u32;
                #[unroll]
                for r in 0..high {
                    let z = half - sum[r * wide + s];
                    if z <= gate[r] {
                        if target >= low[r] {
                            if target < end[r] {
                                if z < v0[r] {
                                    v2[r] = v1[r];
                                    v1[r] = v0[r];
                                    i1[r] = i0[r];
                                    v0[r] = z;
                                    i0[r] = target;
                                } else if z < v1[r] {
                                    v2[r] = v1[r];
                                    v1[r] = z;
                                    i1[r] = target;
                                } else if z < v2[r] {
                                    v2[r] = z;
                                }
                                gate[r] = min(gate[r], min(v2[r], v0[r] + margin[r]));
                            }
                        }
                    }
                }
            }
        }
        step += 1u32;
    }

    // What the units of a row have kept, side by side.
    let mut s0 = Shared::<[f32]>::new_slice(comptime!(tile.rows * tile.across()));
    let mut s1 = Shared::<[f32]>::new_slice(comptime!(tile.rows * tile.across()));
    let mut s2 = Shared::<[f32]>::new_slice(comptime!(tile.rows * tile.across()));
    let mut j0 = Shared::<[u32]>::new_slice(comptime!(tile.rows * tile.across()));
    let mut j1 = Shared::<[u32]>::new_slice(comptime!(tile.rows * tile.across()));
    #[unroll]
    for r in 0..high {
        let at = (ty * high + r) * across + tx;
        s0[at] = v0[r];
        s1[at] = v1[r];
        s2[at] = v2[r];
        j0[at] = i0[r];
        j1[at] = i1[r];
    }
    sync_cube();
    if unit < comptime!(tile.rows) {
        let row = local0 + unit;
        if row < n {
            let at0 = unit * across;
            let mut smallest = s0[at0];
            for t in 1..across {
                smallest = min(smallest, s0[at0 + t]);
            }
            let a = norms[first as usize + row];
            let mut bound = smallest + (m0 + a * (m1 + a * m2));
            let list = row * WORDS + 1;
            let mut count = 0u32;
            if start == comptime!(Start::Lists as u32) {
                // A best so far that exceeds the bound excludes all that was listed with it.
                if best[row] <= bound {
                    count = found[row * WORDS];
                }
            }
            if smallest >= NOTHING {
                // Nothing was found; what the units have kept must not be listed.
                bound = 0.0f32 - NOTHING;
            }
            if start != comptime!(Start::Nothing as u32) {
                smallest = min(smallest, best[row]);
            }
            for t in 0..across {
                let at = at0 + t;
                if s0[at] <= bound {
                    if count < comptime!(LISTED as u32) {
                        found[list + count as usize] = base + j0[at];
                    }
                    count += 1u32;
                    if s1[at] <= bound {
                        if count < comptime!(LISTED as u32) {
                            found[list + count as usize] = base + j1[at];
                        }
                        count += 1u32;
                        if s2[at] <= bound {
                            count += comptime!(LISTED as u32);
                        }
                    }
                }
            }
            best[row] = smallest;
            // LISTED + 1 stands for all counts that are larger.
            found[row * WORDS] = min(count, comptime!(LISTED as u32 + 1));
        }
    }
}

/// All pairs of rows `first .. first + n` with targets that score at most the row's limit, into `pairs` `[capacity, 2]`:
/// (row - first, target), in no particular order. `total` counts them, also those for which there was no room.
///
/// `x`, `c`, `windows` are as in [`nearest`], always ranged, with unit rows; `zeros` `[d]`.
#[cube(launch_unchecked, create_dummy_kernel)]
#[allow(clippy::too_many_arguments, reason = "a kernel has no other way in")]
pub(crate) fn above(
    x: &[f32],
    c: &[f32],
    zeros: &[f32],
    limit: &[f32],
    windows: &[u32],
    pairs: &mut [u32],
    total: &mut [Atomic<u32>],
    first: u32,
    n: u32,
    k: u32,
    d: u32,
    cubes: u32,
    capacity: u32,
    #[comptime] tile: Tile,
) {
    let across = comptime!(tile.across());
    let n = n as usize;
    let unit = UNIT_POS as usize;
    let tx = unit % across;
    let ty = unit / across;
    let cube = CUBE_POS_X as usize;
    let local0 = cube * comptime!(tile.rows);
    let mut tile_x = Shared::<[f32]>::new_slice(comptime!(tile.depth * tile.rows));
    let mut tile_c = Shared::<[f32]>::new_slice(comptime!(tile.depth * tile.targets));
    let mut step = windows[2 * cube];
    let steps = windows[2 * cube + 1];
    while step < steps {
        let target0 = step as usize * comptime!(tile.targets);
        let row0 = first as usize + local0;
        let row_end = first as usize + n;
        let mut sum = Array::<f32>::new(comptime!(tile.high * tile.wide));
        products(
            x,
            c,
            zeros,
            &mut tile_x,
            &mut tile_c,
            &mut sum,
            1.0f32,
            row0,
            row_end,
            target0,
            k as usize,
            d as usize,
            tile,
        );
        #[unroll]
        for r in 0..comptime!(tile.high) {
            let row = local0 + ty * comptime!(tile.high) + r;
            if row < n {
                let range = 2 * (cubes as usize + row);
                #[unroll]
                for s in 0..comptime!(tile.wide) {
                    let target = (target0 + s * across + tx) as u32;
                    if 0.0f32 - sum[r * comptime!(tile.wide) + s] <= limit[row] {
                        if target >= windows[range] {
                            if target < windows[range + 1] {
                                let at = total[0].fetch_add(1u32);
                                if at < capacity {
                                    pairs[2 * at as usize] = row as u32;
                                    pairs[2 * at as usize + 1] = target;
                                }
                            }
                        }
                    }
                }
            }
        }
        step += 1u32;
    }
}

/// Bounds of the norms of rows `first .. first + n` in the coordinates (x - center) scale: sqrt(sum of squares) times
/// `grow`, and `least`.
#[cube(launch_unchecked, create_dummy_kernel)]
pub(crate) fn norms(
    x: &[f32],
    center: &[f32],
    out: &mut [f32],
    scale: f32,
    grow: f32,
    least: f32,
    first: u32,
    n: u32,
    d: u32,
) {
    let d = d as usize;
    let unit = UNIT_POS as usize;
    let lane = unit % NORM_LANES;
    let local = CUBE_POS_X as usize * NORM_ROWS + unit / NORM_LANES;
    let mut part = Shared::<[f32]>::new_slice(comptime!(NORM_ROWS * NORM_LANES));
    let mut sum = 0.0f32;
    if local < n as usize {
        let start = (first as usize + local) * d;
        let mut column = lane;
        while column < d {
            let v = (x[start + column] - center[column]) * scale;
            sum += v * v;
            column += NORM_LANES;
        }
    }
    part[unit] = sum;
    sync_cube();
    if lane == 0 {
        if local < n as usize {
            let mut total = part[unit];
            for l in 1..NORM_LANES {
                total += part[unit + l];
            }
            out[first as usize + local] = total.sqrt() * grow + least;
        }
    }
}
