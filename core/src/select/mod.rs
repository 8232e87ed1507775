//! Which rows stay: the one home of order, cut, ties and quotas under every pruning rule.
//!
//! A rule ranks its rows ([`ranked`]), says how many of the first are chosen, and marks them
//! ([`marked`]). Nothing here knows what a score means.
//!
//! | question | answer |
//! |---|---|
//! | which score is larger | [`ascending`], [`descending`]: one total order, in which -0.0 equals 0.0 |
//! | which of two equal ones comes first | the lower row, by [`rank`] and [`ranked`] |
//! | how many rows a fraction is | [`count`], by [`round_half_even`] |
//! | how many tokens a share is | [`floor_of_share`], [`ceil_of_share`]: exact in whole numbers |
//! | how many rows a token budget pays for | [`within`]: those before the first that does not fit |
//! | how many rows pass a threshold | [`Boundary::passes`], which the ranking makes a prefix |
//! | how many rows each group gives | [`largest_remainder`], or within bounds [`Shares`]; then [`take_quotas`] |

mod cut;
mod quotas;
mod rank;

pub use cut::{Boundary, round_half_even};
pub(crate) use cut::{ceil_of_share, count, floor_of_share, total, within};
pub use quotas::largest_remainder;
pub(crate) use quotas::{LIMIT, ONE, Shares, take_quotas};
pub(crate) use rank::{ascending, descending, marked, rank, ranked};
