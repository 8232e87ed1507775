//! The ladder: one driver of tiers of arithmetic for every search.
//!
//! ```text
//! a task owns some rows of the block, and their question
//! start     each row says which targets it looks at, and beyond which score none matters (what
//!           an earlier answer told)
//! tier      looks at the rows that are still open, and leaves of each the few targets that its
//!           bound cannot exclude, or says that there are too many
//! settle    one target left: certified; a few: the definition decides among them;
//!           too many: the row stays open for the next tier
//! ```
//!
//! A tier is a file with a bound derived in [`bounds`](crate::exact::bounds) and an entry in
//! [`climb`]. A tier that leaves sparse sets (a screen) and one that sweeps all targets (a tile) are
//! used alike: the next tier is told the sparse set, and may look at more than it.
//!
//! | part | what it is |
//! |---|---|
//! | `narrow`, `wide` | the tiers: the `f32` tile and the `f64` tile |
//! | `nearest`, `earlier`, `above`, `ranks` | the questions |
//!
//! Two kinds of questions. [`Wanted::Least`]: the target of the least score; a tier follows the
//! least score of each row by itself. [`Wanted::Every`]: all targets up to a limit; a tier offers each to the
//! question at once, because they may be many.

use alloc::vec::Vec;
use core::ops::Range;

use super::narrow::Narrow;
use super::wide::Wide;
use super::{Cpu, CpuTargets};
use crate::backend::SearchStats;
use crate::control::{Context, Job};
use crate::error::Result;
use crate::memory::{try_capacity, try_grow, try_vec};
use crate::rows::Rows;

/// Targets among which the definition decides at once; rows with more go to the next tier.
pub(super) const FEW: usize = 8;

/// One search: rows of a block against targets.
#[derive(Clone, Copy)]
pub(super) struct Search<'s> {
    pub cpu: &'s Cpu,
    pub rows: Rows<'s>,
    /// dot(x, x) of every row; none for Euclidean rows.
    pub squares: &'s [f64],
    pub targets: &'s CpuTargets,
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
}

/// A target whose score a tier knows: the true one lies within `error` of `z`.
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

    /// Settles row `i`, whose answer is among `left`, ascending. Returns whether the definition
    /// decided. `buffer` has room for a row.
    fn settle(&mut self, i: usize, left: &[u32], buffer: &mut [f32]) -> Result<bool>;
}

/// What a tier leaves of the rows of a task.
#[derive(Default)]
pub(super) struct Left {
    targets: Vec<u32>,
    rows: Vec<Open>,
}

/// What is left of one row.
#[derive(Clone)]
struct Open {
    row: u32,
    /// None: everything.
    left: Option<Range<u32>>,
}

impl Left {
    /// Of row `row`: these targets, ascending.
    pub fn some(&mut self, row: u32, targets: impl Iterator<Item = u32>) -> Result<()> {
        let from = self.targets.len() as u32;
        for target in targets {
            try_grow(&mut self.targets, 1)?;
            self.targets.push(target);
        }
        self.push(row, Some(from..self.targets.len() as u32))
    }

    /// Of row `row`: too many to be told.
    pub fn all(&mut self, row: u32) -> Result<()> {
        self.push(row, None)
    }

    fn push(&mut self, row: u32, left: Option<Range<u32>>) -> Result<()> {
        try_grow(&mut self.rows, 1)?;
        self.rows.push(Open { row, left });
        Ok(())
    }

    /// The open rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.rows.iter().map(|open| open.row)
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn targets(&self, open: &Open) -> Option<&[u32]> {
        open.left.as_ref().map(|range| &self.targets[range.start as usize..range.end as usize])
    }
}

/// A tier of arithmetic: proposes, and certifies what it can.
pub(super) trait Tier: Sync {
    /// The rows that it settled.
    fn count<'c>(&self, stats: &'c mut SearchStats) -> &'c mut u64;

    /// Says of every row of `open` which targets may still be its answer. `first` is the block's
    /// number of the task's row 0.
    fn pass<Q: Question>(
        &self,
        search: &Search<'_>,
        first: usize,
        question: &mut Q,
        open: &Left,
        left: &mut Left,
    ) -> Result<()>;
}

/// Rows that are searched together, from `first` on.
pub(super) struct Task<Q> {
    pub question: Q,
    first: usize,
    rows: usize,
    open: Left,
    stats: SearchStats,
}

impl<Q: Question> Task<Q> {
    pub fn new(first: usize, rows: usize, question: Q) -> Job<Self> {
        let (open, stats) = (Left::default(), SearchStats::default());
        Job::new(Self { question, first, rows, open, stats })
    }

    /// Opens all rows.
    fn begin(&mut self) -> Result<()> {
        self.stats.rows += self.rows as u64;
        (0..self.rows as u32).try_for_each(|row| self.open.all(row))
    }

    /// Lets a tier look at the open rows, and settles those that it leaves few targets; all that it leaves
    /// some, when it is the last.
    fn step<T: Tier>(&mut self, search: &Search<'_>, tier: &T, last: bool) -> Result<()> {
        if self.open.is_empty() {
            return Ok(());
        }
        let mut left = Left::default();
        tier.pass(search, self.first, &mut self.question, &self.open, &mut left)?;
        let mut buffer = try_vec(search.dim(), 0.0f32)?;
        let mut rows = core::mem::take(&mut left.rows);
        let mut kept = 0;
        for at in 0..rows.len() {
            let open = rows[at].clone();
            match left.targets(&open) {
                Some(targets) if last || targets.len() <= FEW => {
                    let asked = self.question.settle(open.row as usize, targets, &mut buffer)?;
                    *(if asked { &mut self.stats.truth } else { tier.count(&mut self.stats) }) += 1;
                }
                _ => {
                    rows[kept] = open;
                    kept += 1;
                }
            }
        }
        rows.truncate(kept);
        left.rows = rows;
        self.open = left;
        Ok(())
    }
}

/// Cuts `n` rows into tasks of at most `step` and gives each a question of its own.
pub(super) fn tasks<Q: Question>(
    n: usize,
    step: usize,
    mut question: impl FnMut(Range<usize>) -> Result<Q>,
) -> Result<Vec<Job<Task<Q>>>> {
    let mut tasks = try_capacity(n.div_ceil(step.max(1)))?;
    for first in (0..n).step_by(step.max(1)) {
        let rows = first..n.min(first + step);
        tasks.push(Task::new(first, rows.len(), question(rows)?));
    }
    Ok(tasks)
}

/// Settles every row of the tasks.
pub(super) fn climb<Q: Question>(
    search: &Search<'_>,
    tasks: &mut [Job<Task<Q>>],
    cx: &Context,
) -> Result<SearchStats> {
    climb_from(search, None::<&Narrow>, tasks, cx)
}

/// The tiers, cheapest first. Those whose targets are packed already (`screen`, the `f32` tile) take
/// each task in turn, while its rows are in the cache; the `f64` tile packs its targets only when
/// some row of some task is still open.
fn climb_from<Q: Question, S: Tier>(
    search: &Search<'_>,
    screen: Option<&S>,
    tasks: &mut [Job<Task<Q>>],
    cx: &Context,
) -> Result<SearchStats> {
    let narrow = Narrow::new(search);
    let most = tasks.iter().map(|task| task.work.rows).max().unwrap_or(0);
    let cost = (most * search.targets.order.len()) as u64 * search.dim() as u64;
    cx.in_waves(tasks, cost, |task| {
        task.begin()?;
        if let Some(screen) = screen {
            task.step(search, screen, false)?;
        }
        task.step(search, &narrow, false)
    })?;
    if tasks.iter().any(|task| !task.work.open.is_empty()) {
        let wide = Wide::new(search, cx)?;
        cx.in_waves(tasks, 2 * cost, |task| task.step(search, &wide, true))?;
    }
    let mut stats = SearchStats::default();
    tasks.iter().for_each(|task| stats.merge(&task.work.stats));
    Ok(stats)
}
