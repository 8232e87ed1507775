//! The same word everywhere.

use cubecl::prelude::*;

/// Units of a cube.
pub(crate) const UNITS: u32 = 64;

/// Writes `word` to all words of `out`, with `cubes` cubes of [`UNITS`] units.
#[cube(launch_unchecked, create_dummy_kernel)]
pub(crate) fn fill(out: &mut [u32], word: u32, len: u32, cubes: u32) {
    let stride = (cubes * 64u32) as usize;
    let len = len as usize;
    let mut at = CUBE_POS_X as usize * 64 + UNIT_POS as usize;
    while at < len {
        out[at] = word;
        at += stride;
    }
}
