//! GreedyCover: a row is removed iff a kept earlier row of its cluster covers it.

use alloc::vec::Vec;

use super::compare::{Found, Part, Plan, named, pairs_of};
use crate::backend::{Above, Backend, Boundary, NO_ROW, Pair, Pairs, Threshold, Work};
use crate::control::{Context, Stage};
use crate::error::Result;
use crate::memory::{try_collect, try_copy, try_grow, try_up_to};
use crate::rows::RowSource;

/// One removed row of so many is few.
const FEW: usize = 16;

/// When a row covers another.
#[derive(Clone, Copy)]
struct Cover<'c> {
    threshold: f64,
    boundary: Boundary,
    cx: &'c Context<'c>,
}

impl Cover<'_> {
    fn above(&self, first_only: bool) -> Above<'static> {
        Above { threshold: Threshold::One(self.threshold), boundary: self.boundary, first_only }
    }
}

impl<B: Backend, S: RowSource + ?Sized> Plan<'_, '_, B, S> {
    /// Fills in, for every row that a kept earlier row removes, the first such row.
    pub fn greedy_cover(
        &self,
        threshold: f64,
        boundary: Boundary,
        found: &mut Found<'_>,
        cx: &Context,
    ) -> Result<()> {
        if !boundary.passes(1.0, threshold) {
            // Not even a copy passes.
            return Ok(());
        }
        let total = self.rows.len() as u64;
        let cover = Cover { threshold, boundary, cx };
        for part in self.parts(self.rows_at_once(Work::ListedPairs))? {
            let end = match part {
                Part::Clusters(clusters) => {
                    let range = self.offsets[clusters.start]..self.offsets[clusters.end];
                    let offsets = self.offsets[clusters.start..=clusters.end].iter();
                    let groups = try_collect(offsets.map(|o| o - range.start))?;
                    self.cover_clusters(&self.rows[range.clone()], &groups, cover, found)?;
                    range.end
                }
                Part::Large(j) => {
                    let range = self.offsets[j]..self.offsets[j + 1];
                    let mut done =
                        |rows: usize| cx.control.poll(Stage::Compare, (range.start + rows) as u64, total);
                    self.cover_large(&self.rows[range.clone()], cover, found, &mut done)?;
                    range.end
                }
            };
            cx.control.poll(Stage::Compare, end as u64, total)?;
        }
        for &(copy, first) in &self.copies {
            // What removed the first of its kind removes the copy, with the same similarity.
            match found.witness[first] {
                NO_ROW => found.set(copy, 1.0, first),
                witness => found.set(copy, found.similarity[first], witness as usize),
            }
        }
        Ok(())
    }

    /// Lets rows of one cluster cover later ones. A block is settled by itself; then what is kept of it is packed, and meets
    /// all later rows. `done` is told how many rows are settled.
    ///
    /// Blocks are small while many rows are removed: the next block has the fewer rows. A trial, of a small block, decides on the
    /// first size.
    fn cover_large(
        &self,
        rows: &[usize],
        cover: Cover<'_>,
        found: &mut Found<'_>,
        done: &mut dyn FnMut(usize) -> Result<()>,
    ) -> Result<()> {
        let few_go = |block: &[usize], found: &Found<'_>| {
            FEW * block.iter().filter(|i| !found.is_kept(**i)).count() <= block.len()
        };
        let (small, large) = (self.rows_at_once(Work::ListedPairs), self.rows_at_once(Work::Pairs));
        let trial = &rows[..small.min(rows.len())];
        self.cover_block(trial, cover, found)?;
        let mut size = if few_go(trial, found) { large } else { small };
        let (mut alive, mut from) = (try_copy(rows)?, 0);
        while from < alive.len() {
            let (block, later) = alive[from..].split_at(size.min(alive.len() - from));
            if from > 0 || block.len() > trial.len() {
                self.cover_block(block, cover, found)?;
            }
            if few_go(block, found) {
                size = large.min(2 * size);
            }
            let kept = try_up_to(block.len(), block.iter().copied().filter(|&i| found.is_kept(i)))?;
            self.cover_across(later, &kept, cover, found)?;
            from += block.len();
            let mut end = from;
            for at in from..alive.len() {
                if found.is_kept(alive[at]) {
                    alive[end] = alive[at];
                    end += 1;
                }
            }
            alive.truncate(end);
            done(rows.len() - (end - from))?;
        }
        Ok(())
    }

    /// Lets rows of one cluster, a block of them, cover later ones.
    ///
    /// Of each row, only the first earlier row that passes is asked for. A row without one is kept; a row whose first one is kept
    /// is removed by that one. The others are open: so few, as a rule, that all their pairs may be listed.
    fn cover_block(&self, rows: &[usize], cover: Cover<'_>, found: &mut Found<'_>) -> Result<()> {
        self.pairs_within(rows, &[0, rows.len()], true, cover, found, |found, targets, mut pairs| {
            // Positions of open rows, ascending.
            let mut open: Vec<usize> = Vec::new();
            for pair in pairs.drain(..) {
                let (i, j) = (named(rows, pair.later.into())?, named(rows, pair.earlier.into())?);
                if found.is_kept(j) && open.binary_search(&(pair.earlier as usize)).is_err() {
                    found.set(i, pair.similarity, j);
                } else {
                    try_grow(&mut open, 1)?;
                    open.push(pair.later as usize);
                }
            }
            // So many at a time that their lists stay as short as those of a block of small clusters.
            let listed = self.rows_at_once(Work::ListedPairs);
            let step = (listed.saturating_mul(listed) / rows.len().max(1)).clamp(1, listed);
            for open in open.chunks(step) {
                let later = try_collect(open.iter().map(|&at| rows[at]))?;
                self.pairs_across(&later, targets, false, cover, found, &mut pairs)?;
                for pair in pairs.drain(..) {
                    let (i, j) = (named(&later, pair.later.into())?, named(rows, pair.earlier.into())?);
                    if (pair.earlier as usize) < open[pair.later as usize] {
                        found.cover(i, pair.similarity, j);
                    }
                }
                cover.cx.control.check()?;
            }
            Ok(())
        })
    }

    /// Lets `earlier` rows, all of them kept, cover `later` ones.
    fn cover_across(
        &self,
        later: &[usize],
        earlier: &[usize],
        cover: Cover<'_>,
        found: &mut Found<'_>,
    ) -> Result<()> {
        if later.is_empty() || earlier.is_empty() {
            return Ok(());
        }
        let (all, cx) = (later.len() as u64 * earlier.len() as u64, cover.cx);
        self.with_targets(earlier, all, Some(cover.threshold), found, cx, |found, _, targets| {
            let mut pairs: Vec<Pair> = Vec::new();
            for later in later.chunks(self.rows_at_once(Work::Pairs)) {
                self.pairs_across(later, targets, true, cover, found, &mut pairs)?;
                for pair in pairs.drain(..) {
                    let (i, j) = (named(later, pair.later.into())?, named(earlier, pair.earlier.into())?);
                    found.set(i, pair.similarity, j);
                }
                cx.control.check()?;
            }
            Ok(())
        })
    }

    /// Lets rows of small clusters cover later ones of their cluster.
    fn cover_clusters(
        &self,
        rows: &[usize],
        groups: &[usize],
        cover: Cover<'_>,
        found: &mut Found<'_>,
    ) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.pairs_within(rows, groups, false, cover, found, |found, _, pairs| {
            for pair in pairs {
                let (i, j) = (named(rows, pair.later.into())?, named(rows, pair.earlier.into())?);
                found.cover(i, pair.similarity, j);
            }
            Ok(())
        })
    }

    /// Gives `then` the pairs of rows of one group that pass, ordered by later row, then earlier row; and the rows as targets.
    fn pairs_within(
        &self,
        rows: &[usize],
        groups: &[usize],
        first_only: bool,
        cover: Cover<'_>,
        found: &mut Found<'_>,
        then: impl FnOnce(&mut Found<'_>, &B::Targets<'_>, Vec<Pair>) -> Result<()>,
    ) -> Result<()> {
        let (all, cx) = (pairs_of(groups, 0), cover.cx);
        self.with_targets(rows, all, Some(cover.threshold), found, cx, |found, block, targets| {
            let (mut pairs, above) = (Vec::new(), cover.above(first_only));
            let within = Pairs::Within(groups);
            let stats = self.blocks.backend.pairs_above(block, targets, within, above, &mut pairs, cx)?;
            found.search.merge(&stats);
            then(found, targets, pairs)
        })
    }

    /// Appends the pairs of `later` rows and targets that pass, ordered by later row, then target.
    fn pairs_across(
        &self,
        later: &[usize],
        targets: &B::Targets<'_>,
        first_only: bool,
        cover: Cover<'_>,
        found: &mut Found<'_>,
        pairs: &mut Vec<Pair>,
    ) -> Result<()> {
        let (backend, cx, Found { search, scratch, .. }) = (self.blocks.backend, cover.cx, found);
        self.blocks.with_rows(later, scratch, cx, |block| {
            let above = cover.above(first_only);
            search.merge(&backend.pairs_above(block, targets, Pairs::Across, above, pairs, cx)?);
            Ok(())
        })
    }
}
