//! The question of [`Backend::earlier_max`](crate::backend::Backend::earlier_max).

use super::ladder::{climb, pair_step, tasks};
use super::question::{Question, Search, Start, Wanted};
use super::screen::{RowsInCodes, Screen};
use crate::backend::{Best, Pairs, SearchStats};
use crate::control::Context;
use crate::error::Result;

struct EarlierMax<'t> {
    search: Search<'t>,
    pairs: Pairs<'t>,
    /// The number of the first earlier row.
    number: u64,
    first: usize,
    best: &'t mut [Best],
}

/// See [`Backend::earlier_max`](crate::backend::Backend::earlier_max).
pub(super) fn earlier_max<'t>(
    search: Search<'t>,
    codes: RowsInCodes<'t>,
    pairs: Pairs<'t>,
    number: u64,
    best: &'t mut [Best],
    cx: &Context,
) -> Result<SearchStats> {
    let n = best.len();
    pairs.check(n, search.targets.n())?;
    let screen = Screen::new(&search, codes);
    let mut rest = best;
    let mut tasks = tasks(n, pair_step(&search, screen.as_ref(), cx), |rows| {
        let (best, others) = core::mem::take(&mut rest).split_at_mut(rows.len());
        rest = others;
        Ok(EarlierMax { search, pairs, number, first: rows.start, best })
    })?;
    climb(&search, screen.as_ref(), &mut tasks, cx)
}

impl Question for EarlierMax<'_> {
    const WANTED: Wanted = Wanted::Least;

    fn start(&mut self, i: usize) -> Start {
        let targets = self.pairs.earlier_of(self.first + i, self.search.targets.n());
        // Only what could exceed the best so far is of interest.
        Start { targets, limit: -self.best[i].similarity, near: None }
    }

    /// Takes the most similar if it is more similar than the best so far, the first of equals.
    fn settle(&mut self, i: usize, left: &[u32], buffer: &mut [f32]) -> Result<bool> {
        let Self { search, number, first, best, .. } = self;
        let values = search.row(*first + i, buffer);
        let square = search.square(*first + i);
        for &target in left {
            let similarity = search.targets.similarity(values, square, target);
            if similarity > best[i].similarity {
                best[i] = Best { similarity, row: number.saturating_add(target as u64) };
            }
        }
        Ok(left.len() > 1)
    }
}
