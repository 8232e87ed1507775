//! The question of [`Backend::ranks`](crate::backend::Backend::ranks): targets are counted, by the
//! tier's bound where no level lies within it.

use alloc::vec::Vec;
use core::ops::Range;

use super::ladder::{climb, pair_step, tasks};
use super::question::{Hit, Question, Search, Start, Wanted};
use super::screen::{RowsInCodes, Screen};
use crate::backend::{Levels, Rank, SearchStats};
use crate::control::Context;
use crate::error::Result;
use crate::memory::try_vec;

struct Ranks<'t> {
    search: Search<'t>,
    levels: Levels<'t>,
    first: usize,
    /// The ranks of the levels of the task's rows.
    ranks: &'t mut [Rank],
    /// For each level, the targets above it that are not above the level before.
    between: Vec<u64>,
    /// For each row, whether the definition was asked.
    near: Vec<bool>,
}

/// See [`Backend::ranks`](crate::backend::Backend::ranks).
pub(super) fn ranks<'t>(
    search: Search<'t>,
    codes: RowsInCodes<'t>,
    levels: Levels<'t>,
    ranks: &'t mut [Rank],
    cx: &Context,
) -> Result<SearchStats> {
    let n = search.rows.n_rows();
    levels.check(n, ranks.len())?;
    let mut rest = ranks;
    // A screen doubts its worth by what lies near the limits of rows, their lowest levels: near others it asks as often.
    let single = (0..n).all(|i| levels.of(i).len() <= 1);
    let screen = if single { Screen::new(&search, codes) } else { None };
    let mut tasks = tasks(n, pair_step(&search, screen.as_ref(), cx), |rows| {
        let levels_of_rows = levels.offsets[rows.end] - levels.offsets[rows.start];
        let (ranks, others) = core::mem::take(&mut rest).split_at_mut(levels_of_rows);
        rest = others;
        let (near, between) = (try_vec(rows.len(), false)?, try_vec(levels_of_rows, 0u64)?);
        Ok(Ranks { search, levels, first: rows.start, ranks, between, near })
    })?;
    climb(&search, screen.as_ref(), &mut tasks, cx)
}

impl Ranks<'_> {
    /// The levels of row `i` among those of the task.
    fn range(&self, i: usize) -> Range<usize> {
        let offsets = &self.levels.offsets[self.first..];
        offsets[i] - offsets[0]..offsets[i + 1] - offsets[0]
    }

    /// Counts a target at `at`, the first level of row `i` that is not above it.
    fn count(&mut self, i: usize, at: usize, equal: bool) {
        let range = self.range(i);
        if equal {
            self.ranks[range.clone()][at].equal += 1;
        }
        if let Some(between) = self.between[range].get_mut(at + usize::from(equal)) {
            *between += 1;
        }
    }
}

impl Question for Ranks<'_> {
    const WANTED: Wanted = Wanted::Every;

    fn start(&mut self, i: usize) -> Start {
        let lowest = self.levels.of(self.first + i).last();
        let targets = if lowest.is_some() { 0..self.search.targets.n() } else { 0..0 };
        Start { targets, limit: -lowest.copied().unwrap_or(f64::INFINITY), near: None }
    }

    fn offer(&mut self, i: usize, hit: Hit, buffer: &mut [f32]) -> f64 {
        let row = self.first + i;
        let levels = self.levels.of(row);
        let limit = -levels.last().copied().unwrap_or(f64::INFINITY);
        // The similarity lies in [-z - error, -z + error].
        let (low, high) = ((-hit.z - hit.error).next_down(), (-hit.z + hit.error).next_up());
        let surely = levels.partition_point(|level| *level > high);
        let perhaps = levels.partition_point(|level| *level >= low);
        if surely == perhaps {
            if surely < levels.len() {
                self.count(i, surely, false);
            }
            return limit;
        }
        self.near[i] = true;
        let values = self.search.row(row, buffer);
        let similarity = self.search.targets.similarity(values, self.search.square(row), hit.target);
        let at = levels.partition_point(|level| *level > similarity);
        if let Some(level) = levels.get(at) {
            self.count(i, at, *level == similarity);
        }
        limit
    }

    fn settle(&mut self, i: usize, _: &[u32], _: &mut [f32]) -> Result<bool> {
        let (range, mut above) = (self.range(i), 0);
        for (rank, between) in self.ranks[range.clone()].iter_mut().zip(&self.between[range]) {
            above += between;
            rank.above += above;
        }
        Ok(self.near[i])
    }
}
