//! The seam between algorithms and machines.
//!
//! An algorithm is written once against [`Backend`], whose operations are *exact*: they return
//! what the `f64` definitions of [`exact`] give, to the bit. Proposals in fast
//! arithmetic, certificates and the settling of doubtful cases stay inside a backend, so no
//! algorithm repeats them. A new backend implements this trait from its documentation alone.
//! One line runs the conformance suite on it (`pauca_tests::conformance!`).
//!
//! | group | operations |
//! |---|---|
//! | rows | [`load`](Backend::load), [`pack`](Backend::pack), [`targets`](Backend::targets), [`next_targets`](Backend::next_targets), [`squares`](Backend::squares), [`gather`](Backend::gather) |
//! | search | [`nearest`](Backend::nearest), [`values`](Backend::values) |
//! | pairs | [`earlier_max`](Backend::earlier_max), [`pairs_above`](Backend::pairs_above), [`ranks`](Backend::ranks) |
//! | sums | [`sums`](Backend::sums), [`accumulate`](Backend::accumulate), [`centroids`](Backend::centroids), [`counts`](Backend::counts), [`add_to`](Backend::add_to), [`collect`](Backend::collect) |
//! | an iteration | [`reassign`](Backend::reassign) |
//! | sizes and memory | [`rows_at_once`](Backend::rows_at_once), [`keep`](Backend::keep), [`kept`](Backend::kept) |
//!
//! Operations that have a body are made of the others, so a backend that lacks them is complete,
//! and an operation that is added later breaks no backend. What only some algorithms need is in a small trait of its
//! own, all of it with a body: [`Products`].
//!
//! **What a backend of another crate may use.** The definitions: [`exact`]. Bounds
//! for any unit roundoff and any order of a sum: [`exact::bounds`]. Copies:
//! [`copies`]. The values of a row: [`Rows::row`]. The caller's threads and the question whether to stop:
//! [`Context::in_waves`]. Failures of a device: [`Error::Device`].

mod blocks;
pub mod cpu;
mod lent;
mod products;
mod stats;

use alloc::vec::Vec;
use core::ops::Range;

pub(crate) use blocks::Blocks;
pub use products::{Products, Samples};
pub use stats::SearchStats;
pub(crate) use stats::equal_but_for_search;

pub use crate::control::Job;
pub use crate::rows::copies;
pub use crate::select::Boundary;

use crate::check;
use crate::control::Context;
use crate::error::*;
use crate::exact::{self, Metric};
use crate::memory::{try_collect, try_vec};
use crate::rows::Rows;

/// Index of no row.
pub const NO_ROW: u64 = u64::MAX;

/// What targets that are bitwise equal (with -0.0 equal to 0.0) become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copies {
    /// Only the first copy takes part in a search; it wins every tie among copies anyway. Pair operations
    /// refuse such targets.
    Collapse,
    /// All take part.
    Keep,
}

/// Which pairs (later row, earlier row) an operation looks at.
#[derive(Clone, Copy, Debug)]
pub enum Pairs<'a> {
    /// The later rows and the earlier rows are the same rows, in order, cut into groups at
    /// these offsets (first 0, last n, never falling; groups of no row and of one row are allowed):
    /// all (i, j) with j < i in the same group.
    Within(&'a [usize]),
    /// Every later row with every earlier row.
    Across,
}

/// The most similar earlier row seen so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    /// The similarity of that row by the definition; -inf while there is no such row.
    pub similarity: f64,
    /// The number of that row: `first` of the call plus its position; [`NO_ROW`] while there is no such row.
    pub row: u64,
}

impl<'a> Pairs<'a> {
    /// Refuses offsets that are not those of `later` rows, and rows within themselves that are not as many
    /// on both sides.
    ///
    /// # Errors
    /// [`ShapeMismatch`](Error::ShapeMismatch).
    pub fn check(&self, later: usize, earlier: usize) -> Result<()> {
        match self {
            Pairs::Across => Ok(()),
            Pairs::Within(offsets) => {
                check::same_length("targets of pairs within one block", later, earlier)?;
                check_offsets(offsets, later)
            }
        }
    }

    /// The earlier rows, of `earlier` in all, of a later row, where the pairs were checked.
    pub fn earlier_of(&self, later: usize, earlier: usize) -> Range<usize> {
        match self {
            Pairs::Across => 0..earlier,
            Pairs::Within(offsets) => {
                let group = offsets.partition_point(|&o| o <= later).saturating_sub(1);
                offsets.get(group).copied().unwrap_or(later)..later
            }
        }
    }
}

impl Best {
    /// No earlier row yet.
    pub const NONE: Self = Self { similarity: f64::NEG_INFINITY, row: NO_ROW };
}

/// What the similarity of a pair has to pass.
#[derive(Clone, Copy, Debug)]
pub enum Threshold<'a> {
    /// One number for all rows.
    One(f64),
    /// A number for each later row.
    Each(&'a [f64]),
}

impl Threshold<'_> {
    /// The threshold of a later row; NaN outside.
    pub fn of(&self, row: usize) -> f64 {
        match self {
            Threshold::One(value) => *value,
            Threshold::Each(values) => values.get(row).copied().unwrap_or(f64::NAN),
        }
    }
}

/// Which pairs [`Backend::pairs_above`] lists.
#[derive(Clone, Copy, Debug)]
pub struct Above<'a> {
    /// What a similarity has to pass. No similarity passes a NaN.
    pub threshold: Threshold<'a>,
    /// Whether a similarity equal to the threshold passes.
    pub boundary: Boundary,
    /// Whether only the first pair of each later row is listed.
    pub first_only: bool,
}

/// A pair that passed: positions in the later block and in the earlier targets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Position of the later row in its block.
    pub later: u32,
    /// Position of the earlier row in its targets.
    pub earlier: u32,
    /// Similarity by the definition.
    pub similarity: f64,
}

/// Similarities of each row whose ranks are asked: those of row i are
/// `values[offsets[i]..offsets[i + 1]]`, strictly falling, none of them NaN.
#[derive(Clone, Copy, Debug)]
pub struct Levels<'a> {
    /// Where the levels of each row begin, `[b + 1]`.
    pub offsets: &'a [usize],
    /// The levels of all rows.
    pub values: &'a [f64],
}

/// How a level stands among the similarities of its row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rank {
    /// Targets that are more similar.
    pub above: u64,
    /// Targets of exactly this similarity.
    pub equal: u64,
}

impl<'a> Levels<'a> {
    /// The levels of row `i`; none outside.
    pub fn of(&self, i: usize) -> &'a [f64] {
        match (self.offsets.get(i), self.offsets.get(i.saturating_add(1))) {
            (Some(&from), Some(&to)) => self.values.get(from..to).unwrap_or(&[]),
            _ => &[],
        }
    }

    /// Refuses offsets that are not those of `rows` rows, and levels that do not fall.
    ///
    /// # Errors
    /// [`ShapeMismatch`](Error::ShapeMismatch), [`InvalidParameter`](Error::InvalidParameter).
    pub fn check(&self, rows: usize, ranks: usize) -> Result<()> {
        check::same_length("offsets of the levels", rows.saturating_add(1), self.offsets.len())?;
        check::same_length("ranks", self.values.len(), ranks)?;
        check_offsets(self.offsets, self.values.len())?;
        for i in 0..rows {
            let falls = |w: &&[f64]| !matches!(w[0].partial_cmp(&w[1]), Some(core::cmp::Ordering::Greater));
            let levels = self.of(i);
            let wrong = levels.windows(2).find(falls).map(|w| w[1]);
            if let Some(value) = wrong.or(levels.first().copied().filter(|v| v.is_nan())) {
                check::parameter("level", value, "strictly falling within a row", false)?;
            }
        }
        Ok(())
    }
}

/// Offsets of groups: from 0, never falling, to n.
fn check_offsets(offsets: &[usize], n: usize) -> Result<()> {
    let rising = offsets.windows(2).all(|w| w[0] <= w[1]);
    let fits = rising && offsets.first() == Some(&0) && offsets.last() == Some(&n);
    let found = offsets.last().copied().unwrap_or(0);
    check::shape("last group offset (offsets rise from 0)", n, found, fits)
}

/// What an algorithm does with the rows that it asks for at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Work {
    /// One pass: every row is searched once, and forgotten.
    Pass,
    /// All pairs of two blocks, of which a number a row is kept.
    Pairs,
    /// All pairs of two blocks, of which many may be listed.
    ListedPairs,
}

/// What [`Backend::reassign`] did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reassigned {
    /// Rows whose label changed.
    pub moved: u64,
    /// How the rows were settled.
    pub search: SearchStats,
}

/// A machine that carries out the exact operations on which every algorithm here is built.
///
/// # Shapes
/// A block has b rows, targets are t rows, both of d values, d at least 1; b and t are below 2^32. A
/// block of no rows is served by every operation. Both sides of an operation have the same d and
/// the same metric.
/// # Metric
/// Pair operations ([`earlier_max`](Backend::earlier_max), [`pairs_above`](Backend::pairs_above),
/// [`ranks`](Backend::ranks)) compare by cosine: both sides are loaded with [`Metric::Cosine`], the
/// targets with [`Copies::Keep`].
/// # Tier
/// A. Nothing but the arguments named in an operation's definition changes an answer: not what was known
/// before, not the carry, not sizes of blocks, executor, or copies.
/// # Errors
/// Every operation returns [`ShapeMismatch`](Error::ShapeMismatch) where lengths or dimensions do
/// not fit, [`Conflict`](Error::Conflict) for metrics or copies that do not fit, and may return
/// [`OutOfMemory`](Error::OutOfMemory) (for a refused `try_reserve`), [`Cancelled`](Error::Cancelled)
/// and [`Device`](Error::Device). Of several errors, any; texts that are not named here are free.
/// After an error the outputs hold anything, and sums that were changed must be discarded. No
/// argument makes an operation panic. Operations that are not short ask at least once whether to
/// stop ([`Context::in_waves`] does).
/// # Implementing
/// Signatures have `Self::Block<'a>`: a concrete type in its place makes `'a` late-bound, which the
/// compiler refuses (E0195). [`Pairs::check`], [`Pairs::earlier_of`] and [`Levels::check`] are what
/// every backend needs. [`SearchStats`] starts from its default; a backend that proposes nothing
/// counts every row as `truth`. A backend that wraps another hands on the operations with a
/// body, too, as `&B` and, with `std`, `Arc<B>` do.
///
/// A body made of the other operations sees the lengths of slices only: there is no way to ask for the
/// metric, and t stands only in the error of [`values`](Backend::values) for a target that is none. `values`
/// gives 1 - S, whose ties S does not have; S itself comes from pair operations, or from
/// [`exact::cosine`] over gathered rows.
/// # Example
/// ```
/// use pauca::backend::{Backend, Copies};
/// use pauca::{Context, Cpu, Metric, Rows};
/// let (backend, cx) = (Cpu::new()?, Context::default());
/// let x = ndarray::array![[0.0f32, 1.0], [4.0, 4.0], [0.0, 2.0]];
/// let c = ndarray::array![[0.0f32, 0.0], [5.0, 5.0]];
/// let block = backend.load(Rows::F32(x.view()), Metric::SqEuclidean, &cx)?;
/// let targets = backend.targets(Rows::F32(c.view()), Metric::SqEuclidean, Copies::Collapse, &cx)?;
/// let (mut labels, mut distances) = ([0; 3], [0.0; 3]);
/// backend.nearest(&block, &targets, None, &mut labels, &cx)?;
/// backend.values(&block, &targets, &labels, &mut distances, &cx)?;
/// assert_eq!((labels, distances), ([0, 1, 0], [1.0, 2.0, 4.0]));
/// # Ok::<(), pauca::Error>(())
/// ```
pub trait Backend: Sync {
    /// Rows, ready to be searched.
    type Block<'a>: Send + Sync;
    /// Rows to be searched for, packed. O(t d). They may borrow the block of which they were made.
    type Targets<'t>: Send + Sync;
    /// Exact sums, counts and weights of the rows of clusters, where the backend wants them.
    type Sums: Send + Sync;
    /// What a backend remembers of a block between two calls of [`reassign`](Backend::reassign).
    /// Speed only: a fresh one, or one of other rows, gives the same answers. `()` for none.
    type Carry: Default + Send;
    /// A block that lasts: rows that the backend copied. [`core::convert::Infallible`] for a backend that
    /// keeps none, whose [`kept`](Backend::kept) is `match *kept {}`.
    type Kept: Send + Sync;

    /// Checks and prepares rows. Borrows them where it can; a screening copy of O(b d) is allowed.
    ///
    /// # Errors
    /// [`NonFinite`](Error::NonFinite) with `what` "x" and the first such row and column, counted
    /// within `rows`.
    fn load<'a>(&self, rows: Rows<'a>, metric: Metric, cx: &Context) -> Result<Self::Block<'a>>;

    /// Makes targets of the rows of a block. `copies` changes no answer of [`nearest`](Backend::nearest) and
    /// [`values`](Backend::values).
    ///
    /// # Errors
    /// [`TooLarge`](Error::TooLarge) from 2^32 rows on.
    fn pack<'t>(&self, block: &'t Self::Block<'_>, copies: Copies, cx: &Context)
    -> Result<Self::Targets<'t>>;

    /// As [`pack`](Backend::pack) with [`Copies::Keep`], for [`earlier_max`](Backend::earlier_max),
    /// [`pairs_above`](Backend::pairs_above) and [`ranks`](Backend::ranks), which are going to look at about `pairs` pairs of these targets in all, and,
    /// where `least` is given, want none of a smaller similarity: hints for preparations that pay only where pairs are many,
    /// or thresholds high. Speed only; [`pack`](Backend::pack) unless the backend has something better.
    ///
    /// # Errors
    /// See [`pack`](Backend::pack).
    fn pack_pairs<'t>(
        &self,
        block: &'t Self::Block<'_>,
        pairs: u64,
        least: Option<f64>,
        cx: &Context,
    ) -> Result<Self::Targets<'t>> {
        let _ = (pairs, least);
        self.pack(block, Copies::Keep, cx)
    }

    /// Targets of rows that are needed on this side only: they borrow nothing.
    ///
    /// # Errors
    /// As [`load`](Backend::load) and [`pack`](Backend::pack).
    fn targets(
        &self,
        rows: Rows<'_>,
        metric: Metric,
        copies: Copies,
        cx: &Context,
    ) -> Result<Self::Targets<'static>>;

    /// Targets that take the place of `before`, in the next iteration of a run: the same as [`targets`](Backend::targets),
    /// but that a backend may go on in the coordinates of `before`, so that what it [remembers](Backend::Carry) of
    /// blocks stays useful. Speed only.
    ///
    /// # Errors
    /// As [`targets`](Backend::targets).
    fn next_targets(
        &self,
        before: Self::Targets<'static>,
        rows: Rows<'_>,
        metric: Metric,
        copies: Copies,
        cx: &Context,
    ) -> Result<Self::Targets<'static>> {
        drop(before);
        self.targets(rows, metric, copies, cx)
    }

    /// `out[i]` = dot(x_i, x_i) by the definition, whatever the metric of the block. 0 exactly for
    /// a row of zeros, which has no direction.
    ///
    /// # Errors
    /// See the trait.
    fn squares(&self, block: &Self::Block<'_>, out: &mut [f64], cx: &Context) -> Result<()>;

    /// Whether [`gather`](Backend::gather) always answers: then a source that lies in memory is loaded as a
    /// whole by algorithms that need its rows in another order. No, unless it says so.
    fn gathers(&self) -> bool {
        false
    }

    /// The rows `rows` of a block (repeats allowed) as a block of their own, where the backend can
    /// make it faster than the source of the rows: on a device that holds the block. None, the
    /// default, leaves it to the source.
    ///
    /// # Errors
    /// `ShapeMismatch` for a row outside the block.
    fn gather<'a>(
        &self,
        block: &Self::Block<'a>,
        rows: &[u32],
        cx: &Context,
    ) -> Result<Option<Self::Block<'a>>> {
        let _ = (block, rows, cx);
        Ok(None)
    }

    /// `out[i]` = index of the nearest target of row i: the smallest squared distance, or the
    /// largest cosine; equal values go to the lowest index (so a row of zeros under cosine, similar 0
    /// to all, gets 0). With one target that is 0 for every row. About 2 b t d flops of the fast
    /// arithmetic. `rows` of the result is b.
    ///
    /// `before`, `[b]`, may tell what was nearest before, to other targets, say. Any numbers are
    /// allowed; one that is no target means that nothing is known. Speed only.
    ///
    /// # Errors
    /// [`Empty`](Error::Empty) with `what` "targets" without targets, even for a block of no rows.
    fn nearest(
        &self,
        block: &Self::Block<'_>,
        targets: &Self::Targets<'_>,
        before: Option<&[u32]>,
        out: &mut [u32],
        cx: &Context,
    ) -> Result<SearchStats>;

    /// `out[i]` = distance by the definition of row i to target `pair[i]`: squared Euclidean, or
    /// 1 - cosine. Targets keep their index, collapsed or not. b d operations in `f64`.
    ///
    /// # Errors
    /// [`LabelOutOfRange`](Error::LabelOutOfRange) with the first row whose `pair` is no target.
    fn values(
        &self,
        block: &Self::Block<'_>,
        targets: &Self::Targets<'_>,
        pair: &[u32],
        out: &mut [f64],
        cx: &Context,
    ) -> Result<()>;

    /// Empty sums of `k` clusters of rows of `d` values; `weighted` for rows with weights.
    ///
    /// # Errors
    /// `Empty` when `k` or `d` is 0, `TooLarge`.
    fn sums(&self, k: usize, d: usize, weighted: bool, cx: &Context) -> Result<Self::Sums>;

    /// Adds every row to the sum of its cluster `to[i]` and counts it there; where `from` is given,
    /// only rows with `from[i] != to[i]`, which are also taken from the sum and the count of `from[i]`. A
    /// label outside the sums stands for no cluster. Cosine blocks add their unit rows
    /// f32(x / sqrt(dot(x, x))) (zeros for a row of zeros), others the rows; times the weight where
    /// weights are given. Rows of weight 0 are in no sum and no count. Without weights, weighted
    /// sums take every row with weight 1. Exact: any order gives the same sums.
    ///
    /// Weights are finite and not negative, and `from` is how the rows are counted in these sums;
    /// the caller has checked that.
    ///
    /// # Errors
    /// [`Mismatch`](Error::Mismatch) for weights with sums that were made without (unless each of the
    /// call is 0 or 1), and where a count would end below 0.
    fn accumulate(
        &self,
        block: &Self::Block<'_>,
        from: Option<&[u32]>,
        to: &[u32],
        weights: Option<&[f32]>,
        sums: &mut Self::Sums,
        cx: &Context,
    ) -> Result<()>;

    /// Writes the centroids `[k, d]` of sums: f32(RN64(sum) / RN64(weight)), under cosine the
    /// direction f32(S / sqrt(dot(S, S))) of S = RN64(sum). A cluster without weight or, under cosine, with a
    /// sum of 0 keeps what `out` has; so may a cluster to which no row came and from which none went
    /// since the last call on these sums, whose centroid `out` must therefore hold.
    ///
    /// # Errors
    /// See the trait.
    fn centroids(&self, sums: &mut Self::Sums, metric: Metric, out: &mut [f32], cx: &Context) -> Result<()>;

    /// Writes the number of rows of each cluster, `[k]`.
    ///
    /// # Errors
    /// See the trait.
    fn counts(&self, sums: &Self::Sums, out: &mut [u64], cx: &Context) -> Result<()>;

    /// Adds the sums, counts and weights to sums on the host, of the same shape.
    ///
    /// # Errors
    /// As [`exact::Sums::merge`].
    fn add_to(&self, sums: &Self::Sums, host: &mut exact::Sums, cx: &Context) -> Result<()>;

    /// Adds every row to the sum of `to[i]` on the host, as [`accumulate`](Backend::accumulate)
    /// does: for statistics that travel and are merged, not for iterations.
    ///
    /// # Errors
    /// As [`accumulate`](Backend::accumulate) and [`add_to`](Backend::add_to).
    fn collect(
        &self,
        block: &Self::Block<'_>,
        to: &[u32],
        host: &mut exact::Sums,
        cx: &Context,
    ) -> Result<()> {
        let mut sums = self.sums(host.n_clusters(), host.dim(), host.is_weighted(), cx)?;
        self.accumulate(block, None, to, None, &mut sums, cx)?;
        self.add_to(&sums, host, cx)
    }

    /// One assignment of an iteration: `labels` become the nearest targets, and rows whose label
    /// changed move from the sum of the old label to that of the new one. Equal to
    /// [`nearest`](Backend::nearest) and [`accumulate`](Backend::accumulate). An old label outside
    /// the sums (all of them, at first) stands for no cluster.
    ///
    /// # Errors
    /// As those two.
    #[allow(
        clippy::too_many_arguments,
        reason = "one call of a device: everything it needs, nothing it keeps"
    )]
    fn reassign(
        &self,
        block: &Self::Block<'_>,
        targets: &Self::Targets<'_>,
        weights: Option<&[f32]>,
        labels: &mut [u32],
        carry: &mut Self::Carry,
        sums: &mut Self::Sums,
        cx: &Context,
    ) -> Result<Reassigned> {
        let _ = carry;
        let mut next = try_vec(labels.len(), 0u32)?;
        let search = self.nearest(block, targets, Some(labels), &mut next, cx)?;
        self.accumulate(block, Some(labels), &next, weights, sums, cx)?;
        let moved = labels.iter().zip(&next).filter(|(a, b)| a != b).count() as u64;
        labels.copy_from_slice(&next);
        Ok(Reassigned { moved, search })
    }

    /// For every later row: the most similar of its earlier rows, if more similar than `best`
    /// says already; of equally similar ones the first. `first` numbers the earlier rows in
    /// [`Best`]. Called with the earlier rows in ascending order, it gives the maximum over all
    /// of them. Rows of zeros are similar 0 to everything. About 2 d flops a pair. `rows` of the
    /// result is b.
    ///
    /// Groups of any number and size come in one call. `best` holds no NaN, and `first + t` is below
    /// [`NO_ROW`].
    ///
    /// # Errors
    /// `ShapeMismatch` also for offsets that do not rise from 0 to b.
    fn earlier_max(
        &self,
        later: &Self::Block<'_>,
        earlier: &Self::Targets<'_>,
        pairs: Pairs<'_>,
        first: u64,
        best: &mut [Best],
        cx: &Context,
    ) -> Result<SearchStats>;

    /// Appends the pairs whose cosine passes, ordered by later row, then earlier row. About 2 d
    /// flops a pair, 16 bytes for each that passes. `rows` of the result is b.
    ///
    /// # Errors
    /// As [`earlier_max`](Backend::earlier_max).
    fn pairs_above(
        &self,
        later: &Self::Block<'_>,
        earlier: &Self::Targets<'_>,
        pairs: Pairs<'_>,
        above: Above<'_>,
        out: &mut Vec<Pair>,
        cx: &Context,
    ) -> Result<SearchStats>;

    /// Adds to `ranks[l]`, for every level l of a row: how many targets are more similar than
    /// the level, and how many exactly as similar. About 2 d flops a pair. The default lists all pairs from the
    /// lowest level of each row on.
    ///
    /// # Errors
    /// As [`Levels::check`].
    fn ranks(
        &self,
        block: &Self::Block<'_>,
        targets: &Self::Targets<'_>,
        levels: Levels<'_>,
        ranks: &mut [Rank],
        cx: &Context,
    ) -> Result<SearchStats> {
        let rows = levels.offsets.len().saturating_sub(1);
        levels.check(rows, ranks.len())?;
        let lowest = try_collect((0..rows).map(|i| levels.of(i).last().copied().unwrap_or(f64::NAN)))?;
        let threshold = Threshold::Each(&lowest);
        let above = Above { threshold, boundary: Boundary::Ge, first_only: false };
        let mut pairs = Vec::new();
        let stats = self.pairs_above(block, targets, Pairs::Across, above, &mut pairs, cx)?;
        for pair in pairs {
            let row = pair.later as usize;
            check::place("position of a row that the backend found", row, rows)?;
            let at = levels.of(row).partition_point(|level| *level > pair.similarity);
            let of_row = &mut ranks[levels.offsets[row]..levels.offsets[row + 1]];
            for (level, rank) in levels.of(row).iter().zip(of_row).skip(at) {
                if *level == pair.similarity {
                    rank.equal += 1;
                } else {
                    rank.above += 1;
                }
            }
        }
        Ok(stats)
    }

    /// How many rows of `dim` values the backend wants at once. A source may deliver fewer
    /// ([`RowSource::block_rows`](crate::RowSource::block_rows)). Rows that lie in memory are loaded as
    /// a whole for a pass, whatever this says. Never 0. Speed and memory only.
    fn rows_at_once(&self, dim: usize, work: Work) -> usize {
        let _ = dim;
        match work {
            Work::Pass => usize::MAX,
            Work::Pairs => 4096,
            Work::ListedPairs => 1024,
        }
    }

    /// A copy of the block that lasts, if the backend has room for it; `held` rows of the same
    /// source are kept already. Called block by block in the first pass over a source that does
    /// not lie in memory, until it first answers None, the default; the blocks from there on are
    /// read in every pass. Sources, and runs at the same time, are counted apart.
    ///
    /// # Errors
    /// See the trait.
    fn keep(&self, block: &Self::Block<'_>, held: usize, cx: &Context) -> Result<Option<Self::Kept>> {
        let _ = (block, held, cx);
        Ok(None)
    }

    /// The block of which a copy was kept.
    fn kept<'k>(&self, kept: &'k Self::Kept) -> Self::Block<'k>;
}
