//! Rows and targets as 8-bit codes of their coordinates in the kernel, for the screens.
//!
//! Codes of pairs have the full reach of a byte at every level. Codes of tiles are the same where the level's tile takes them;
//! else (AVX2 without VNNI) they have 7 bits, and each side is coded twice.

//!
//! | part | what it holds |
//! |---|---|
//! | `leading` | what leading dimensions say of a row or target |
//! | `rows` | coded rows |
//! | `tiles` | coded targets in panels |
//! | `targets` | coded targets, for pairs and in panels |

mod leading;
mod rows;
mod targets;
mod tiles;

pub(super) use self::leading::lead_terms;
pub(super) use self::rows::{BlockCodes, CodesOf, LeadCodes, Measured, Side};
pub(super) use self::targets::{Source, Target, TargetCodes};
pub(super) use self::tiles::{Packed, Tiles};
