//! What leaves the device of the lists of a search: a word a row, and the lists that leave their row open.

use cubecl::prelude::*;

use super::search::{DECIDED, WORDS};

/// Units of a cube, one row each.
pub(crate) const UNITS: u32 = 64;
/// The word of a row that its list leaves open.
pub(crate) const OPEN: u32 = u32::MAX;
/// Words of an open row: its number, then those of its list.
pub(crate) const OPEN_WORDS: usize = 1 + WORDS;

/// Sorts `n` lists by whether they name one target.
///
/// - `found` `[n, WORDS]`: as [`nearest`](super::search::nearest) and [`settle`](super::definition::settle) wrote it.
/// - `slots` `[n]`: the only target of a list, or [`OPEN`].
/// - `open` `[n, OPEN_WORDS]`: the other lists, in an order that may differ from run to run.
/// - `counts`: grow by the numbers of other lists, and of lists that `settle` reduced to one target.
#[cube(launch_unchecked, create_dummy_kernel)]
pub(crate) fn report(found: &[u32], slots: &mut [u32], open: &mut [u32], counts: &mut [Atomic<u32>], n: u32) {
    let row = ABSOLUTE_POS;
    if row < n as usize {
        let list = row * WORDS;
        let count = found[list];
        let mut slot = found[list + 1];
        if count == DECIDED {
            counts[1].fetch_add(1u32);
        } else if count != 1u32 {
            slot = OPEN;
            let at = counts[0].fetch_add(1u32) as usize * OPEN_WORDS;
            open[at] = row as u32;
            #[unroll]
            for word in 0..WORDS {
                open[at + 1 + word] = found[list + word];
            }
        }
        slots[row] = slot;
    }
}
