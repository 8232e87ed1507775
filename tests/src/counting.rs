//! Any backend, with the calls of its operations counted. A new operation needs its line below:
//! without the line its default body is taken, and no compiler says so.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use pauca::backend::{
    Above, Backend, Best, Copies, Levels, Pair, Pairs, Rank, Reassigned, SearchStats, Work,
};
use pauca::exact::{Metric, Sums};
use pauca::{Context, Result, Rows};

/// A backend whose every call is counted and handed on, also of the operations that the trait has
/// a body for: what the inner backend does better is done so.
#[derive(Debug, Default)]
pub struct Counting<B> {
    /// The backend that does the work.
    pub inner: B,
    counters: Counters,
}

impl<B> Counting<B> {
    /// No call yet.
    pub fn new(inner: B) -> Self {
        Self { inner, counters: Counters::default() }
    }
}

macro_rules! counted {
    ($(fn $name:ident $(<$life:lifetime>)? ($($arg:ident: $type:ty),*) -> $result:ty;)*) => {
        #[derive(Debug, Default)]
        struct Counters { $($name: AtomicUsize),* }

        /// How often each operation was called from outside.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Calls { $(#[doc = concat!("Of `", stringify!($name), "`.")] pub $name: usize),* }

        impl<B> Counting<B> {
            /// The calls since the last question.
            pub fn take(&self) -> Calls {
                Calls { $($name: self.counters.$name.swap(0, Relaxed)),* }
            }
        }

        impl<B: Backend> Backend for Counting<B> {
            type Block<'a> = B::Block<'a>;
            type Targets<'t> = B::Targets<'t>;
            type Sums = B::Sums;
            type Carry = B::Carry;
            type Kept = B::Kept;

            $(fn $name $(<$life>)? (&self, $($arg: $type),*) -> $result {
                self.counters.$name.fetch_add(1, Relaxed);
                self.inner.$name($($arg),*)
            })*
        }
    };
}

#[rustfmt::skip]
counted! {
    fn load<'a>(rows: Rows<'a>, metric: Metric, cx: &Context) -> Result<Self::Block<'a>>;
    fn pack<'t>(block: &'t Self::Block<'_>, copies: Copies, cx: &Context) -> Result<Self::Targets<'t>>;
    fn pack_pairs<'t>(block: &'t Self::Block<'_>, pairs: u64, least: Option<f64>,
            cx: &Context) -> Result<Self::Targets<'t>>;
    fn targets(rows: Rows<'_>, metric: Metric, copies: Copies, cx: &Context) -> Result<Self::Targets<'static>>;
    fn next_targets(before: Self::Targets<'static>, rows: Rows<'_>, metric: Metric, copies: Copies, cx: &Context) -> Result<Self::Targets<'static>>;
    fn squares(block: &Self::Block<'_>, out: &mut [f64], cx: &Context) -> Result<()>;
    fn gathers() -> bool;
    fn gather<'a>(block: &Self::Block<'a>, rows: &[u32], cx: &Context) -> Result<Option<Self::Block<'a>>>;
    fn nearest(block: &Self::Block<'_>, targets: &Self::Targets<'_>, before: Option<&[u32]>, out: &mut [u32],
        cx: &Context) -> Result<SearchStats>;
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
        labels: &mut [u32], carry: &mut Self::Carry, sums: &mut Self::Sums, cx: &Context) -> Result<Reassigned>;
    fn earlier_max(later: &Self::Block<'_>, earlier: &Self::Targets<'_>, pairs: Pairs<'_>, first: u64,
        best: &mut [Best], cx: &Context) -> Result<SearchStats>;
    fn pairs_above(later: &Self::Block<'_>, earlier: &Self::Targets<'_>, pairs: Pairs<'_>, above: Above<'_>,
        out: &mut Vec<Pair>, cx: &Context) -> Result<SearchStats>;
    fn ranks(block: &Self::Block<'_>, targets: &Self::Targets<'_>, levels: Levels<'_>, ranks: &mut [Rank],
        cx: &Context) -> Result<SearchStats>;
    fn rows_at_once(dim: usize, work: Work) -> usize;
    fn keep(block: &Self::Block<'_>, held: usize, cx: &Context) -> Result<Option<Self::Kept>>;
    fn kept<'k>(kept: &'k Self::Kept) -> Self::Block<'k>;
}
