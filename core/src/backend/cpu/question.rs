//! What a search asks of the tiers, and what a tier leaves.
//!
//! Two kinds of questions. [`Wanted::Least`]: the target of the least score; a tier follows the
//! least score of each row by itself. [`Wanted::Every`]: all targets up to a limit; a tier offers each to the
//! question at once, because they may be many.
//!
//! A tier calls `start` for each open row (again in each tier), `offer` for [`Wanted::Every`], whose rows it
//! must settle, since what was offered is not offered again; then `settle`. Scores are followed downwards only. The `f32` tile
//! settles every row of a [`Wanted::Every`]; a row whose bound is infinite is offered all its targets.

use alloc::vec::Vec;
use core::ops::Range;

use super::machine::Cpu;
use super::targets::CpuTargets;
use crate::backend::SearchStats;
use crate::control::Context;
use crate::error::Result;
use crate::memory::{try_copy, try_grow};
use crate::rows::Rows;

/// Targets among which the definition decides at once. Rows with more go to the next tier, unless a tier asks the definition all the same.
pub(super) const FEW: usize = 8;

/// One search: rows of a block against targets.
#[derive(Clone, Copy)]
pub(super) struct Search<'s> {
    pub cpu: &'s Cpu,
    pub rows: Rows<'s>,
    /// dot(x, x) of every row; none for Euclidean rows.
    pub squares: &'s [f64],
    pub targets: &'s CpuTargets<'s>,
}

impl<'s> Search<'s> {
    /// Row `i` of the block.
    #[inline]
    pub fn row<'b>(&'b self, i: usize, buffer: &'b mut [f32]) -> &'b [f32] {
        self.rows.row_at(i, buffer)
    }

    /// dot(x, x) of row `i`; Euclidean blocks have none and need none.
    #[inline]
    pub fn square(&self, i: usize) -> f64 {
        self.squares.get(i).copied().unwrap_or(0.0)
    }

    pub fn dim(&self) -> usize {
        self.targets.dim
    }
}

/// What a question wants of the targets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The one of the least score (smallest distance, largest similarity), the first of equals.
    Least,
    /// All up to a limit.
    Every,
}

/// Where a row starts.
pub(super) struct Start {
    /// The packed targets that it looks at.
    pub targets: Range<usize>,
    /// Targets of a score beyond this are of no interest: -S under cosine. Euclidean scores of
    /// different tiers have different origins, so there it is infinite.
    pub limit: f64,
    /// A packed target that is likely near: where a screen starts.
    pub near: Option<u32>,
}

/// A packed target ([`CpuTargets`]' `order` has its index, the same where copies are kept) whose score a
/// tier knows: the true one lies within `error` of `z`.
pub(super) struct Hit {
    pub target: u32,
    pub z: f64,
    pub error: f64,
}

/// The rows of a task and what they ask. Rows are numbered within the task.
pub(super) trait Question: Send {
    const WANTED: Wanted;

    /// Where row `i` starts. A row that looks at no target is settled with none.
    fn start(&mut self, i: usize) -> Start;

    /// A target of row `i` that may lie within its limit; returns the limit from now on. For
    /// [`Wanted::Every`] only. `buffer` has room for a row.
    fn offer(&mut self, i: usize, hit: Hit, buffer: &mut [f32]) -> f64 {
        let _ = (i, hit, buffer);
        f64::NEG_INFINITY
    }

    /// Settles row `i`, whose answer is among `left`, packed targets, ascending; none for
    /// [`Wanted::Every`], whose targets were offered. Returns whether the definition decided. `buffer` has room for a row.
    fn settle(&mut self, i: usize, left: &[u32], buffer: &mut [f32]) -> Result<bool>;
}

/// The rows that a tier looks at, and what became of them.
#[derive(Clone, Debug)]
pub(super) enum Open {
    /// All rows of the task, and all their targets.
    All(u32),
    /// The rows of this list.
    Some(Vec<Left>),
}

/// What is left of one row.
#[derive(Clone, Debug)]
pub(super) struct Left {
    row: u32,
    /// The targets that are left; none means all targets of the task.
    targets: Option<Vec<u32>>,
}

impl Open {
    pub fn len(&self) -> usize {
        match self {
            Open::All(rows) => *rows as usize,
            Open::Some(rows) => rows.len(),
        }
    }

    /// Whether the open rows are the first of the task, side by side, and no tier has told of their targets.
    pub fn is_untold(&self) -> bool {
        match self {
            Open::All(_) => true,
            Open::Some(rows) => {
                rows.iter().enumerate().all(|(at, left)| left.row as usize == at && left.targets.is_none())
            }
        }
    }

    /// How many targets of open rows were told; none where those of some row were not.
    pub fn told(&self) -> Option<usize> {
        match self {
            Open::All(rows) => (*rows == 0).then_some(0),
            Open::Some(rows) => rows.iter().try_fold(0, |sum, left| Some(sum + left.targets.as_ref()?.len())),
        }
    }

    /// Row `at` of those that are open.
    pub fn row(&self, at: usize) -> u32 {
        match self {
            Open::All(_) => at as u32,
            Open::Some(rows) => rows[at].row,
        }
    }

    /// The targets of that row that an earlier tier could not exclude, where it told them.
    pub fn targets(&self, at: usize) -> Option<&[u32]> {
        match self {
            Open::All(_) => None,
            Open::Some(rows) => rows[at].targets.as_deref(),
        }
    }
}

/// Where a tier puts what it leaves of each row: few targets are settled at once, others wait for the next tier.
pub(super) struct Sieve {
    /// Whether there is no next tier.
    pub last: bool,
    /// The rows that stay open.
    pub open: Vec<Left>,
    /// Rows that the tier certified, and that the definition decided.
    pub certified: u64,
    pub decided: u64,
    /// Rows that were looked at in leading dimensions first.
    pub leading: u64,
    pub buffer: Vec<f32>,
}

impl Sieve {
    /// The answer of row `row` is among these targets, ascending.
    #[inline(always)]
    pub fn some<Q: Question>(&mut self, question: &mut Q, row: u32, targets: &[u32]) -> Result<()> {
        if self.last || targets.len() <= FEW {
            return self.settle(question, row, targets);
        }
        let targets = Some(try_copy(targets)?);
        try_grow(&mut self.open, 1)?;
        self.open.push(Left { row, targets });
        Ok(())
    }

    /// [`some`](Self::some) where the definition is to decide however many they are.
    #[inline(always)]
    pub fn settle<Q: Question>(&mut self, question: &mut Q, row: u32, targets: &[u32]) -> Result<()> {
        let decided = question.settle(row as usize, targets, &mut self.buffer)?;
        *(if decided { &mut self.decided } else { &mut self.certified }) += 1;
        Ok(())
    }

    /// Row `row` has too many to be told.
    pub fn all(&mut self, row: u32) -> Result<()> {
        try_grow(&mut self.open, 1)?;
        self.open.push(Left { row, targets: None });
        Ok(())
    }
}

/// A tier of arithmetic: proposes, and certifies what it can.
pub(super) trait Tier: Sync + Sized {
    /// The rows that it settled.
    fn count<'c>(&self, stats: &'c mut SearchStats) -> &'c mut u64;

    /// The tier again, with more of the targets at hand, where it gave up for lack of these.
    fn deeper(&self, search: &Search<'_>, cx: &Context) -> Result<Option<Self>> {
        let _ = (search, cx);
        Ok(None)
    }

    /// Says of every row of `open` which targets may still be its answer. `first` is the block's
    /// number of the task's row 0.
    fn pass<Q: Question>(
        &self,
        search: &Search<'_>,
        first: usize,
        question: &mut Q,
        open: &Open,
        sieve: &mut Sieve,
    ) -> Result<()>;
}
