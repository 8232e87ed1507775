//! Rows in another order.

use cubecl::prelude::*;

/// Units of a cube.
pub(crate) const UNITS: u32 = 64;

/// Copies the words of rows of `x` to rows of `out`, both of `d` words, with `cubes` cubes of [`UNITS`] units.
///
/// - `pairs` `[n, 2]`: the row of `x`, and the row of `out`.
#[cube(launch_unchecked, create_dummy_kernel)]
pub(crate) fn gather(x: &[u32], pairs: &[u32], out: &mut [u32], n: u32, d: u32, cubes: u32) {
    let d = d as usize;
    let mut pair = CUBE_POS_X as usize;
    while pair < n as usize {
        let from = pairs[2 * pair] as usize * d;
        let to = pairs[2 * pair + 1] as usize * d;
        let mut column = UNIT_POS as usize;
        while column < d {
            out[to + column] = x[from + column];
            column += comptime!(UNITS as usize);
        }
        pair += cubes as usize;
    }
}
