//! The statistics that reports are made of, and two counting rules of every pruning rule.
//!
//! | question | item | tier |
//! |---|---|---|
//! | how many rows a fraction is | [`round_half_even`], [`largest_remainder`] | A |
//! | where a distribution lies | [`quantile`] | A |
//! | whether two scores order rows alike | [`average_ranks`], [`spearman`], [`kendall`] | A |
//! | whether a score tells two groups apart | [`auc`] | A |
//! | how unevenly a total is spread | [`gini`] | A |
//! | how far chance moves any of these | [`bootstrap`], [`Interval`] | A, as the statistic |
//! | how many standard errors an interval is wide | [`student_t`] | C |
//!
//! Rank statistics are ratios of integers: ranks are counted twice over, so that averaged ranks
//! are whole, and all sums are exact. The only roundings are those of the last formula, so the
//! order of the rows never changes a bit.

mod bootstrap;
mod ranks;
mod spread;
mod student;

pub use bootstrap::{Interval, bootstrap};
pub use ranks::{auc, average_ranks, kendall, spearman};
pub use spread::{gini, quantile};
pub use student::student_t;

pub use crate::select::{largest_remainder, round_half_even};
