//! The question of [`Backend::pairs_above`](crate::backend::Backend::pairs_above).

use alloc::vec::Vec;

use super::ladder::{climb, pair_step, tasks};
use super::question::{Hit, Question, Search, Start, Wanted};
use super::screen::{RowsInCodes, Screen};
use crate::backend::{Above, Pair, Pairs, SearchStats};
use crate::control::Context;
use crate::error::Result;
use crate::memory::{try_grow, try_vec};

struct PairsAbove<'t> {
    search: Search<'t>,
    pairs: Pairs<'t>,
    above: Above<'t>,
    first: usize,
    found: Vec<Pair>,
    /// For each row, whether a pair lay so near the threshold that only the definition could decide.
    near: Vec<bool>,
    failed: Result<()>,
}

/// See [`Backend::pairs_above`](crate::backend::Backend::pairs_above).
pub(super) fn pairs_above<'t>(
    search: Search<'t>,
    codes: RowsInCodes<'t>,
    pairs: Pairs<'t>,
    above: Above<'t>,
    out: &mut Vec<Pair>,
    cx: &Context,
) -> Result<SearchStats> {
    let n = search.rows.n_rows();
    pairs.check(n, search.targets.n())?;
    let screen = Screen::new(&search, codes);
    let mut tasks = tasks(n, pair_step(&search, screen.as_ref(), cx), |rows| {
        let near = try_vec(rows.len(), false)?;
        Ok(PairsAbove { search, pairs, above, first: rows.start, found: Vec::new(), near, failed: Ok(()) })
    })?;
    let stats = climb(&search, screen.as_ref(), &mut tasks, cx)?;
    for task in tasks {
        let mut found = task.work.question.found;
        found.sort_unstable_by_key(|pair| (pair.later, pair.earlier));
        try_grow(out, found.len())?;
        out.append(&mut found);
    }
    Ok(stats)
}

impl Question for PairsAbove<'_> {
    const WANTED: Wanted = Wanted::Every;

    fn start(&mut self, i: usize) -> Start {
        let row = self.first + i;
        let targets = self.pairs.earlier_of(row, self.search.targets.n());
        Start { targets, limit: -self.above.threshold.of(row), near: None }
    }

    fn offer(&mut self, i: usize, hit: Hit, buffer: &mut [f32]) -> f64 {
        let row = self.first + i;
        let threshold = self.above.threshold.of(row);
        if self.failed.is_err() {
            return f64::NEG_INFINITY;
        }
        self.near[i] |= hit.z >= -hit.error - threshold;
        let values = self.search.row(row, buffer);
        let similarity = self.search.targets.similarity(values, self.search.square(row), hit.target);
        let passes = self.above.boundary.passes(similarity, threshold);
        if !passes {
            return -threshold;
        }
        self.failed = try_grow(&mut self.found, 1);
        if self.failed.is_err() {
            return f64::NEG_INFINITY;
        }
        self.found.push(Pair { later: row as u32, earlier: hit.target, similarity });
        if self.above.first_only { f64::NEG_INFINITY } else { -threshold }
    }

    fn settle(&mut self, i: usize, _: &[u32], _: &mut [f32]) -> Result<bool> {
        core::mem::replace(&mut self.failed, Ok(()))?;
        Ok(self.near[i])
    }
}
