//! The screen: all targets of a row by their 8-bit codes, and the few that their bound cannot exclude.
//!
//! ```text
//! for the open rows whose codes together fit the second-level cache
//!     codes of the rows: kept from the last assignment, or made here
//!     upper end of each row: the limit of its question, lowered to the score of the target that was nearest before, or
//!         to the least score of the first panel
//!     for each panel of targets, in leading dimensions where they serve; where nothing is known of the rows, the first panels
//!     are read at full depth
//!         threshold[row] = upper end of the row + largest error in the panel
//!         each hit lowers the upper end to z + error, and is kept while z - error reaches it
//!         of a question for all targets up to a limit, each such hit is offered at once, and nothing is kept
//!     one target left: certified
//!     several, of targets without second codes (those of pairs above a threshold): the definition
//!     several: codes of what the targets' codes left (two bytes know a target to 16 bits), then
//!         j is excluded by the best b where z_j - z_b > e |C_j - C_b| + ...: the error of the row meets the
//!         difference of two targets only
//!     what is still left: the definition, or the next tier
//! ```
//!
//! Bounds: "Codes" in [`bounds`](crate::exact::bounds). After the first assignment of k-means on real embeddings a row has 1.4 to
//! 2.6 targets left before the second step, and one row in twenty has more than one after it.
//!
//! | part | what it does |
//! |---|---|
//! | `tier` | the tier, and whether it is worth its time |
//! | `block` | the rows of a block, from their codes to the targets that are left |
//! | `coding` | rows of a search to codes |
//! | `tests` | near-ties against the bounds |

mod block;
mod coding;
#[cfg(test)]
mod tests;
mod tier;

pub(super) use self::coding::{AllCodes, BLOCK, RowsInCodes, code_rows};
pub(super) use self::tier::Screen;
