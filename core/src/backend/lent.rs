//! Backends behind a pointer, so that a run can hold a borrowed one, one of its own, or a shared one.

use alloc::vec::Vec;

use super::{Above, Backend, Best, Copies, Levels, Pair, Pairs, Rank, Reassigned, SearchStats, Work};
use crate::control::Context;
use crate::error::Result;
use crate::exact::{Metric, Sums};
use crate::rows::Rows;

/// Hands every operation on, also those with a body: what the backend does better is done so.
macro_rules! lent {
    ($(#[$attribute:meta])* $pointer:ty $(where $bound:ident)?:
        $(fn $name:ident $(<$life:lifetime>)? ($($arg:ident: $type:ty),*) -> $result:ty;)*) => {
        $(#[$attribute])*
        impl<B: Backend $(+ $bound)?> Backend for $pointer {
            type Block<'a> = B::Block<'a>;
            type Targets<'t> = B::Targets<'t>;
            type Sums = B::Sums;
            type Carry = B::Carry;
            type Kept = B::Kept;

            $(fn $name $(<$life>)? (&self, $($arg: $type),*) -> $result {
                (**self).$name($($arg),*)
            })*
        }
    };
    ($($(#[$attribute:meta])* $pointer:ty $(where $bound:ident)?),*) => {$(lent! {
        $(#[$attribute])* $pointer $(where $bound)?:
        fn load<'a>(rows: Rows<'a>, metric: Metric, cx: &Context) -> Result<Self::Block<'a>>;
        fn pack<'t>(block: &'t Self::Block<'_>, copies: Copies, cx: &Context) -> Result<Self::Targets<'t>>;
        fn pack_pairs<'t>(block: &'t Self::Block<'_>, pairs: u64, least: Option<f64>,
            cx: &Context) -> Result<Self::Targets<'t>>;
        fn targets(rows: Rows<'_>, metric: Metric, copies: Copies, cx: &Context) -> Result<Self::Targets<'static>>;
        fn next_targets(before: Self::Targets<'static>, rows: Rows<'_>, metric: Metric, copies: Copies,
            cx: &Context) -> Result<Self::Targets<'static>>;
        fn squares(block: &Self::Block<'_>, out: &mut [f64], cx: &Context) -> Result<()>;
        fn gathers() -> bool;
        fn gather<'a>(block: &Self::Block<'a>, rows: &[u32], cx: &Context) -> Result<Option<Self::Block<'a>>>;
        fn nearest(block: &Self::Block<'_>, targets: &Self::Targets<'_>, before: Option<&[u32]>,
            out: &mut [u32], cx: &Context) -> Result<SearchStats>;
        fn values(block: &Self::Block<'_>, targets: &Self::Targets<'_>, pair: &[u32], out: &mut [f64],
            cx: &Context) -> Result<()>;
        fn sums(k: usize, d: usize, weighted: bool, cx: &Context) -> Result<Self::Sums>;
        fn accumulate(block: &Self::Block<'_>, from: Option<&[u32]>, to: &[u32], weights: Option<&[f32]>,
            sums: &mut Self::Sums, cx: &Context) -> Result<()>;
        fn centroids(sums: &mut Self::Sums, metric: Metric, out: &mut [f32], cx: &Context) -> Result<()>;
        fn counts(sums: &Self::Sums, out: &mut [u64], cx: &Context) -> Result<()>;
        fn add_to(sums: &Self::Sums, host: &mut Sums, cx: &Context) -> Result<()>;
        fn collect(block: &Self::Block<'_>, to: &[u32], host: &mut Sums, cx: &Context) -> Result<()>;
        fn reassign(block: &Self::Block<'_>, targets: &Self::Targets<'_>, weights: Option<&[f32]>,
            labels: &mut [u32], carry: &mut Self::Carry, sums: &mut Self::Sums,
            cx: &Context) -> Result<Reassigned>;
        fn earlier_max(later: &Self::Block<'_>, earlier: &Self::Targets<'_>, pairs: Pairs<'_>, first: u64,
            best: &mut [Best], cx: &Context) -> Result<SearchStats>;
        fn pairs_above(later: &Self::Block<'_>, earlier: &Self::Targets<'_>, pairs: Pairs<'_>, above: Above<'_>,
            out: &mut Vec<Pair>, cx: &Context) -> Result<SearchStats>;
        fn ranks(block: &Self::Block<'_>, targets: &Self::Targets<'_>, levels: Levels<'_>, ranks: &mut [Rank],
            cx: &Context) -> Result<SearchStats>;
        fn rows_at_once(dim: usize, work: Work) -> usize;
        fn keep(block: &Self::Block<'_>, held: usize, cx: &Context) -> Result<Option<Self::Kept>>;
        fn kept<'k>(kept: &'k Self::Kept) -> Self::Block<'k>;
    })*};
}

lent!(
    /// A backend that is lent.
    &B,
    /// A backend that is shared.
    #[cfg(feature = "std")]
    alloc::sync::Arc<B> where Send
);
