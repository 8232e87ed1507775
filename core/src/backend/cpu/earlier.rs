//! The question of [`Backend::earlier_max`](crate::backend::Backend::earlier_max), and which earlier
//! rows a later row looks at.

use core::ops::Range;

use super::ladder::{climb, tasks};
use super::question::{Question, Search, Start, Wanted};
use super::sweep::capacity;
use crate::backend::{Best, Pairs, SearchStats, check_offsets};
use crate::control::Context;
use crate::error::Result;

/// The earlier rows of each later row, as a range of targets.
#[derive(Clone, Copy)]
pub(super) struct Allowed<'a> {
    pairs: Pairs<'a>,
    count: usize,
}

impl<'a> Allowed<'a> {
    pub fn new(pairs: Pairs<'a>, n: usize, count: usize) -> Result<Self> {
        if let Pairs::Within(offsets) = pairs {
            crate::check::same_length("targets of pairs within one block", n, count)?;
            check_offsets(offsets, n)?;
        }
        Ok(Self { pairs, count })
    }

    pub fn of(&self, row: usize) -> Range<usize> {
        match self.pairs {
            Pairs::Across => 0..self.count,
            Pairs::Within(offsets) => {
                let group = offsets.partition_point(|&o| o <= row);
                offsets[group.saturating_sub(1)]..row
            }
        }
    }
}

struct EarlierMax<'t> {
    search: Search<'t>,
    allowed: Allowed<'t>,
    /// The number of the first earlier row.
    number: u64,
    first: usize,
    best: &'t mut [Best],
}

/// See [`Backend::earlier_max`](crate::backend::Backend::earlier_max).
pub(super) fn earlier_max<'t>(
    search: Search<'t>,
    pairs: Pairs<'t>,
    number: u64,
    best: &'t mut [Best],
    cx: &Context,
) -> Result<SearchStats> {
    let n = best.len();
    let allowed = Allowed::new(pairs, n, search.targets.n())?;
    let mut rest = best;
    let mut tasks = tasks(n, capacity(&search.cpu.narrow, search.dim(), n), |rows| {
        let (best, others) = core::mem::take(&mut rest).split_at_mut(rows.len());
        rest = others;
        Ok(EarlierMax { search, allowed, number, first: rows.start, best })
    })?;
    climb(&search, &mut tasks, cx)
}

impl Question for EarlierMax<'_> {
    const WANTED: Wanted = Wanted::Least;

    fn start(&mut self, i: usize) -> Start {
        // Only what could exceed the best so far is of interest.
        Start { targets: self.allowed.of(self.first + i), limit: -self.best[i].similarity }
    }

    /// Takes the most similar if it is more similar than the best so far, the first of equals.
    fn settle(&mut self, i: usize, left: &[u32], buffer: &mut [f32]) -> Result<bool> {
        let Self { search, number, first, best, .. } = self;
        let values = search.row(*first + i, buffer);
        let square = search.square(*first + i);
        for &target in left {
            let similarity = search.targets.similarity(values, square, target);
            if similarity > best[i].similarity {
                best[i] = Best { similarity, row: *number + target as u64 };
            }
        }
        Ok(left.len() > 1)
    }
}
