//! SemDeDup: semantic deduplication inside clusters.
//!
//! ```text
//! for each cluster
//!     put its rows in the keep-order (hardest first, say)
//!     EarlierMax:  remove row j iff its largest similarity to ANY earlier row passes 1 - epsilon
//!     GreedyCover: remove row j iff its similarity to some KEPT earlier row passes 1 - epsilon
//! ```
//!
//! *Source*: Abbas, Tirumala, Simig, Ganguli, Morcos 2023 (SemDeDup), section 3 and the pseudo-code
//! A7. Its prose and its pseudo-code disagree; EarlierMax is the pseudo-code, GreedyCover is what
//! the prose promises: every removed row has a kept witness. For one order and threshold
//! EarlierMax keeps a subset of what GreedyCover keeps.
//!
//! The code differs from this in three ways:
//! 1. Exact copies are found by hashing and removed from the comparison: they have similarity 1
//!    and what holds of the first holds of all.
//! 2. Rows are compared in blocks, so memory does not grow with the square of a cluster, and
//!    small clusters share blocks.
//! 3. EarlierMax computes every row's maximum, whatever epsilon is. One pass so gives the kept
//!    set of every epsilon and of every target size ([`KeepCurve`]).
//!
//! [`SemDedupAgainst`] asks the same of new rows and of rows that stay: only rows that stay remove others.

mod against;
mod bytes;
mod compare;
mod cover;
mod curve;
mod order;
mod params;
mod result;
mod run;

pub use self::against::{DedupAgainst, SemDedupAgainst};
pub use self::curve::KeepCurve;
pub use self::order::Order;
pub use self::params::{Rule, SemDedup};
pub use self::result::Dedup;
pub(crate) use self::result::bytes_of;
pub use crate::select::Boundary;
