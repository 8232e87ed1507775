//! The work of a cube: scores of a tile of rows with a tile of targets.
//!
//! ```text
//! for each `depth` columns: the cube copies rows and targets to shared memory, column after column;
//!                           each unit adds `high` x `wide` products a column in registers
//! ```
//!
//! Units read neighbouring targets and the same rows, so that shared memory serves all of them at once.

use cubecl::prelude::*;

/// Shape of a cube's work, fixed when the kernel is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tile {
    /// Rows of a cube.
    pub rows: usize,
    /// Targets of a step.
    pub targets: usize,
    /// Columns of a step.
    pub depth: usize,
    /// Rows of a unit.
    pub high: usize,
    /// Targets of a unit and step.
    pub wide: usize,
}

impl Tile {
    /// Large: 256 units, 28 KiB of shared memory.
    pub const LARGE: Self = Self { rows: 64, targets: 64, depth: 16, high: 4, wide: 4 };
    /// Within the least that WebGPU promises: 64 units, 7 KiB.
    pub const SMALL: Self = Self { rows: 32, targets: 32, depth: 8, high: 4, wide: 4 };

    /// All that a search may use, the first that serves before the others.
    pub const ALL: [Self; 2] = [Self::LARGE, Self::SMALL];

    /// Units that share a row.
    pub const fn across(&self) -> usize {
        self.targets / self.wide
    }

    /// Units of a cube.
    pub const fn units(&self) -> usize {
        self.rows / self.high * self.across()
    }

    /// Bytes of shared memory: both tiles, and five words of each unit and row at the end.
    pub const fn shared(&self) -> usize {
        4 * (self.depth * (self.rows + self.targets) + 5 * self.rows * self.across())
    }
}

/// The sums of products of the cube's rows, from `row0` on, with the targets from `target0` on: those of this unit, into
/// `sum`. Rows are read in the coordinates (x - center) scale; targets have them already.
#[cube]
#[allow(clippy::too_many_arguments, reason = "the middle of two kernels")]
pub(crate) fn products(
    x: &[f32],
    c: &[f32],
    center: &[f32],
    tile_x: &mut Shared<[f32]>,
    tile_c: &mut Shared<[f32]>,
    sum: &mut Array<f32>,
    scale: f32,
    row0: usize,
    row_end: usize,
    target0: usize,
    k: usize,
    d: usize,
    #[comptime] tile: Tile,
) {
    let units = comptime!(tile.units());
    let across = comptime!(tile.across());
    let unit = UNIT_POS as usize;
    let tx = unit % across;
    let ty = unit / across;
    #[unroll]
    for e in 0..comptime!(tile.high * tile.wide) {
        sum[e] = 0.0f32;
    }
    for step in 0..d.div_ceil(comptime!(tile.depth)) {
        let column0 = step * comptime!(tile.depth);
        #[unroll]
        for e in 0..comptime!((tile.rows * tile.depth).div_ceil(tile.units())) {
            let at = e * units + unit;
            let column = at % comptime!(tile.depth);
            let row = at / comptime!(tile.depth);
            if row < comptime!(tile.rows) {
                let mut value = 0.0f32;
                if row0 + row < row_end {
                    if column0 + column < d {
                        let raw = x[(row0 + row) * d + column0 + column];
                        value = (raw - center[column0 + column]) * scale;
                    }
                }
                tile_x[column * comptime!(tile.rows) + row] = value;
            }
        }
        #[unroll]
        for e in 0..comptime!((tile.targets * tile.depth).div_ceil(tile.units())) {
            let at = e * units + unit;
            let column = at % comptime!(tile.depth);
            let target = at / comptime!(tile.depth);
            if target < comptime!(tile.targets) {
                let mut value = 0.0f32;
                if target0 + target < k {
                    if column0 + column < d {
                        value = c[(target0 + target) * d + column0 + column];
                    }
                }
                tile_c[column * comptime!(tile.targets) + target] = value;
            }
        }
        sync_cube();
        #[unroll]
        for t in 0..comptime!(tile.depth) {
            let mut a = Array::<f32>::new(comptime!(tile.high));
            #[unroll]
            for r in 0..comptime!(tile.high) {
                a[r] = tile_x[t * comptime!(tile.rows) + ty * comptime!(tile.high) + r];
            }
            #[unroll]
            for s in 0..comptime!(tile.wide) {
                let b = tile_c[t * comptime!(tile.targets) + s * across + tx];
                #[unroll]
                for r in 0..comptime!(tile.high) {
                    sum[r * comptime!(tile.wide) + s] = fma(a[r], b, sum[r * comptime!(tile.wide) + s]);
                }
            }
        }
        sync_cube();
    }
}
