//! The seam between algorithms and machines.
//!
//! An algorithm is written once against [`Backend`], whose operations are *exact*: they return
//! what the `f64` definitions of [`exact`](crate::exact) give, to the bit. Proposals in fast
//! arithmetic, certificates and the settling of doubtful cases stay inside a backend, so no
//! algorithm repeats them. A new backend implements this trait from its documentation alone,
//! and adds one line to the conformance suite.

mod blocks;
pub mod cpu;

use alloc::vec::Vec;

pub(crate) use blocks::Blocks;

use crate::control::Context;
use crate::error::Result;
use crate::exact::{Metric, SearchStats, Sums};
use crate::rows::Rows;

/// Index of no row.
pub const NO_ROW: u64 = u64::MAX;

/// What targets that are bitwise equal (with -0.0 equal to 0.0) become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copies {
    /// Only the first takes part in a search; it wins every tie of theirs anyway.
    Collapse,
    /// All take part.
    Keep,
}

/// Which pairs (later row, earlier row) an operation looks at.
#[derive(Clone, Copy, Debug)]
pub enum Pairs<'a> {
    /// The later rows and the earlier rows are the same rows, in order, cut into groups at
    /// these offsets (first 0, last n): all (i, j) with j < i in the same group.
    Within(&'a [usize]),
    /// Every later row with every earlier row.
    Across,
}

/// The most similar earlier row seen so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    /// Its similarity by the definition; -inf while there is none.
    pub similarity: f64,
    /// Its number: `first` of the targets plus its position; [`NO_ROW`] while there is none.
    pub row: u64,
}

impl Best {
    /// No earlier row yet.
    pub const NONE: Self = Self { similarity: f64::NEG_INFINITY, row: NO_ROW };
}

/// Which similarities S pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Boundary {
    /// S > threshold, as in the SemDeDup pseudo-code.
    Gt,
    /// S >= threshold, as in its prose and in most tools.
    Ge,
}

impl Boundary {
    /// Whether `similarity` passes `threshold`.
    pub fn passes(self, similarity: f64, threshold: f64) -> bool {
        match self {
            Boundary::Gt => similarity > threshold,
            Boundary::Ge => similarity >= threshold,
        }
    }
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

/// A machine that carries out the exact operations on which every algorithm here is built.
///
/// Shapes: a block has b rows, targets are t rows, both of d values. All operations are tier A;
/// all may return [`OutOfMemory`](crate::Error::OutOfMemory) and
/// [`Cancelled`](crate::Error::Cancelled), and then leave their outputs unspecified.
pub trait Backend: Sync {
    /// Rows, ready to be searched. O(b) beyond the borrowed rows where rows can be borrowed.
    type Block<'a>: Sync;
    /// Rows to be searched for, packed. O(t d).
    type Targets: Sync;

    /// Checks and prepares rows. `first_row` is the global id of the first, for errors.
    ///
    /// # Errors
    /// [`NonFinite`](crate::Error::NonFinite) with the first such row and column.
    fn load<'a>(
        &self,
        rows: Rows<'a>,
        first_row: u64,
        metric: Metric,
        cx: &Context,
    ) -> Result<Self::Block<'a>>;

    /// Packs targets. `first` numbers them in [`Best`].
    ///
    /// # Errors
    /// [`NonFinite`](crate::Error::NonFinite) as for [`load`](Backend::load).
    fn targets(
        &self,
        rows: Rows<'_>,
        first: u64,
        metric: Metric,
        copies: Copies,
        cx: &Context,
    ) -> Result<Self::Targets>;

    /// `out[i]` = index of the nearest target of row i: the smallest squared distance, or the
    /// largest cosine; equal values go to the lowest index (so a zero row under cosine, similar 0
    /// to all, gets 0). About 2 b t d flops of the fast arithmetic.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) when lengths or dimensions differ.
    fn nearest(
        &self,
        block: &Self::Block<'_>,
        targets: &Self::Targets,
        out: &mut [u32],
        cx: &Context,
    ) -> Result<SearchStats>;

    /// `out[i]` = distance by the definition of row i to target `pair[i]`: squared Euclidean, or
    /// 1 - cosine. b d operations in `f64`.
    ///
    /// # Errors
    /// [`LabelOutOfRange`](crate::Error::LabelOutOfRange), `ShapeMismatch`.
    fn values(
        &self,
        block: &Self::Block<'_>,
        targets: &Self::Targets,
        pair: &[u32],
        out: &mut [f64],
        cx: &Context,
    ) -> Result<()>;

    /// Adds every row to the sum of its cluster `to[i]`; where `from` is given, only rows with
    /// `from[i] != to[i]`, which are also taken from the sum of `from[i]`. A label outside the
    /// sums stands for no cluster. Cosine blocks add their unit rows f32(x / sqrt(dot(x, x)))
    /// (zeros for a zero row), others the rows; times the weight where weights are given. Exact.
    ///
    /// # Errors
    /// `ShapeMismatch`.
    fn accumulate(
        &self,
        block: &Self::Block<'_>,
        from: Option<&[u32]>,
        to: &[u32],
        weights: Option<&[f32]>,
        sums: &mut Sums,
        cx: &Context,
    ) -> Result<()>;

    /// For every later row: the most similar of its earlier rows, if more similar than `best`
    /// says already; of equally similar ones the first. Called with the earlier rows in
    /// ascending order, it gives the maximum over all of them. Rows without direction (zeros) are
    /// similar 0 to everything. About 2 d flops a pair.
    ///
    /// # Errors
    /// `ShapeMismatch`.
    fn earlier_max(
        &self,
        later: &Self::Block<'_>,
        earlier: &Self::Targets,
        pairs: Pairs<'_>,
        best: &mut [Best],
        cx: &Context,
    ) -> Result<SearchStats>;

    /// Appends the pairs whose cosine passes the threshold, ordered by later row, then earlier
    /// row; with `first_only` at most the first of each later row. About 2 d flops a pair.
    ///
    /// # Errors
    /// `ShapeMismatch`.
    #[allow(
        clippy::too_many_arguments,
        reason = "one call of a device: everything it needs, nothing it keeps"
    )]
    fn pairs_above(
        &self,
        later: &Self::Block<'_>,
        earlier: &Self::Targets,
        pairs: Pairs<'_>,
        threshold: f64,
        boundary: Boundary,
        first_only: bool,
        out: &mut Vec<Pair>,
        cx: &Context,
    ) -> Result<SearchStats>;
}
