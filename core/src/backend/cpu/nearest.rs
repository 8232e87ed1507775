//! The question of [`Backend::nearest`](crate::backend::Backend::nearest).

use super::ladder::{climb, tasks};
use super::question::{Question, Search, Start, Wanted};
use super::screen::{BLOCK, RowsInCodes, Screen};
use super::sweep::capacity;
use super::targets::CpuTargets;
use crate::backend::SearchStats;
use crate::control::Context;
use crate::error::{Error, Result};
use crate::exact::Metric;

/// Cache blocks of one task: its buffers are worth their allocation, and a wave that ends with one thread still
/// at its last task wastes little of the others (8 cost 5 % of the time of two threads).
const BLOCKS_PER_TASK: usize = 2;
/// Products of a task of the screen, at most about: its blocks share the room that they need, and a run that is cancelled waits
/// for a few such tasks.
const PRODUCTS_PER_TASK: usize = 1 << 31;
/// Tasks of the screen for each thread, about, where there are rows enough: while the last tasks end, the other threads have
/// nothing to do.
const TASKS_PER_THREAD: usize = 64;

pub(super) struct Nearest<'t> {
    search: Search<'t>,
    /// The block's number of row 0.
    first: usize,
    /// What was nearest before, where something is known.
    before: Option<&'t [u32]>,
    out: &'t mut [u32],
}

/// See [`Backend::nearest`](crate::backend::Backend::nearest).
pub(super) fn nearest<'t>(
    search: Search<'t>,
    before: Option<&'t [u32]>,
    codes: RowsInCodes<'t>,
    out: &'t mut [u32],
    cx: &Context,
) -> Result<SearchStats> {
    let n = out.len();
    match search.targets.order.as_slice() {
        [] => return Err(Error::Empty { what: "targets" }),
        [only] => {
            out.fill(*only);
            return Ok(SearchStats { rows: n as u64, f32: n as u64, ..SearchStats::default() });
        }
        _ => {}
    }
    let screen = Screen::new(&search, codes);
    let step = match screen {
        Some(_) => {
            let blocks = PRODUCTS_PER_TASK / (BLOCK * search.targets.n()).saturating_mul(search.dim().max(1));
            let share = n.div_ceil(TASKS_PER_THREAD * cx.exec.width()).next_multiple_of(BLOCK);
            (blocks.clamp(1, 16) * BLOCK).min(share)
        }
        None => capacity(&search.cpu.narrow, search.dim(), n) * BLOCKS_PER_TASK,
    };
    let mut rest = out;
    let mut tasks = tasks(n, step, |rows| {
        let (out, others) = core::mem::take(&mut rest).split_at_mut(rows.len());
        rest = others;
        let before = before.map(|before| &before[rows.clone()]);
        Ok(Nearest::new(search, rows.start, before, out))
    })?;
    climb(&search, screen.as_ref(), &mut tasks, cx)
}

impl<'t> Nearest<'t> {
    pub fn new(search: Search<'t>, first: usize, before: Option<&'t [u32]>, out: &'t mut [u32]) -> Self {
        Self { search, first, before, out }
    }

    fn no_direction(&self, i: usize) -> bool {
        self.search.targets.metric == Metric::Cosine && self.search.square(self.first + i) == 0.0
    }
}

impl Question for Nearest<'_> {
    const WANTED: Wanted = Wanted::Least;

    fn start(&mut self, i: usize) -> Start {
        let all = if self.no_direction(i) { 0 } else { self.search.targets.order.len() };
        let near = self.before.and_then(|before| self.search.targets.slot(before[i]));
        Start { targets: 0..all, limit: f64::INFINITY, near }
    }

    #[inline(always)]
    fn settle(&mut self, i: usize, left: &[u32], buffer: &mut [f32]) -> Result<bool> {
        let targets = self.search.targets;
        let packed = match left {
            // Rows of zeros are similar 0 to every target and get the lowest index.
            [] => 0,
            [only] => *only,
            _ => decide(&self.search, self.first + i, left, buffer),
        };
        self.out[i] = targets.order[packed as usize];
        Ok(left.len() != 1)
    }
}

/// The definition's choice among packed targets in ascending order: the smallest distance (the
/// largest cosine), the first of equals.
#[inline(never)]
fn decide(search: &Search<'_>, row: usize, left: &[u32], buffer: &mut [f32]) -> u32 {
    let targets: &CpuTargets<'_> = search.targets;
    let values = search.row(row, buffer);
    let square = search.square(row);
    let mut best = (f64::INFINITY, 0);
    for &packed in left {
        let target = targets.order[packed as usize];
        let value = match targets.metric {
            Metric::SqEuclidean => targets.distance(values, square, target),
            // Not 1 - S: two similarities can differ where the two differences do not.
            Metric::Cosine => -targets.similarity(values, square, target),
        };
        if value < best.0 {
            best = (value, packed);
        }
    }
    best.1
}
