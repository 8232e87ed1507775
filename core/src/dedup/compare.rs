//! The comparisons of one deduplication: distinct rows, in blocks.

use alloc::vec::Vec;
use core::ops::Range;

use crate::backend::{Backend, Best, Boundary, Copies, NO_ROW, Pair, Pairs};
use crate::control::Context;
use crate::error::{Error, Result};
use crate::exact::float::{finite, widen};
use crate::exact::{Metric, SearchStats};
use crate::memory::{try_capacity, try_grow, try_vec};
use crate::rows::copies::{first_occurrences, hash_row, same_row};
use crate::rows::{RowSource, Rows, Scratch, row_of, with_view};

/// Rows compared at once. Larger blocks read less often, smaller ones need less memory.
const BLOCK: usize = 4096;
/// The same for GreedyCover, whose blocks list their passing pairs.
const GREEDY_BLOCK: usize = 1024;

/// Where the findings go, by row.
pub(super) struct Found<'f> {
    pub similarity: &'f mut [f64],
    pub witness: &'f mut [u64],
}

/// A stretch of comparisons.
enum Part {
    /// Whole clusters that share a block.
    Clusters(Range<usize>),
    /// One cluster larger than a block.
    Large(usize),
}

/// Which rows have to be compared with which.
pub(super) struct Plan<'a, B: Backend, S: RowSource + ?Sized> {
    backend: &'a B,
    source: &'a S,
    /// Distinct rows with a direction, in keep-order.
    rows: Vec<usize>,
    /// Where each cluster begins in `rows`.
    offsets: Vec<usize>,
    /// (copy, first of its kind), in keep-order.
    copies: Vec<(usize, usize)>,
}

impl<'a, B: Backend, S: RowSource + ?Sized> Plan<'a, B, S> {
    /// Sets copies and rows without direction aside.
    pub fn new(
        backend: &'a B,
        source: &'a S,
        order: &[usize],
        offsets: &[usize],
        cx: &Context,
    ) -> Result<Self> {
        let n = source.n_rows();
        let mut hashes = try_vec(n, 0u64)?;
        let mut zero = try_vec(n, false)?;
        let mut scratch = Scratch::new();
        let step = source.block_rows().max(1);
        for start in (0..n).step_by(step) {
            let range = start..n.min(start + step);
            let rows = source.read(range.clone(), &mut scratch)?;
            with_view!(&rows, view => {
                let mut buffer = try_vec(view.ncols(), 0.0f32)?;
                for (i, at) in range.enumerate() {
                    let row = row_of(view, i, &mut buffer);
                    if let Some(col) = row.iter().position(|x| !finite(*x)) {
                        return Err(Error::NonFinite { what: "x", row: source.row_id(at), col });
                    }
                    hashes[at] = hash_row(row);
                    zero[at] = row.iter().all(|x| widen(*x) == 0.0);
                }
            });
            cx.control.poll("copies", start as u64, n as u64)?;
        }
        let mut plan = Self {
            backend,
            source,
            rows: try_capacity(n)?,
            offsets: try_capacity(offsets.len())?,
            copies: Vec::new(),
        };
        plan.offsets.push(0);
        let mut pair = try_vec(2 * source.dim(), 0.0f32)?;
        for bounds in offsets.windows(2) {
            let members = &order[bounds[0]..bounds[1]];
            let mut keys = try_capacity(members.len())?;
            keys.extend(members.iter().map(|&i| hashes[i]));
            let first = first_occurrences(&keys, |a, b| {
                let rows = source.gather(&[members[a], members[b]], &mut scratch)?;
                let (left, right) = pair.split_at_mut(rows.dim());
                Ok(with_view!(&rows, view => same_row(row_of(view, 0, left), row_of(view, 1, right))))
            })?;
            for (at, &i) in members.iter().enumerate() {
                if zero[i] {
                    continue;
                }
                if first[at] == at {
                    plan.rows.push(i);
                } else {
                    try_grow(&mut plan.copies, 1)?;
                    plan.copies.push((i, members[first[at]]));
                }
            }
            plan.offsets.push(plan.rows.len());
        }
        Ok(plan)
    }

    pub fn exact_copies(&self) -> u64 {
        self.copies.len() as u64
    }

    /// Clusters in parts: runs of small ones that fill about a block, and large ones.
    fn parts(&self, block: usize) -> Result<Vec<Part>> {
        let mut parts = Vec::new();
        let k = self.offsets.len() - 1;
        let size = |j: usize| self.offsets[j + 1] - self.offsets[j];
        let mut start = 0;
        while start < k {
            try_grow(&mut parts, 1)?;
            if size(start) > block {
                parts.push(Part::Large(start));
                start += 1;
                continue;
            }
            let mut end = start + 1;
            while end < k && self.offsets[end + 1] - self.offsets[start] <= 2 * block && size(end) <= block {
                end += 1;
            }
            parts.push(Part::Clusters(start..end));
            start = end;
        }
        Ok(parts)
    }

    /// Fills in every row's most similar earlier row.
    pub fn earlier_max(&self, found: &mut Found<'_>, search: &mut SearchStats, cx: &Context) -> Result<()> {
        let total = self.rows.len() as u64;
        for part in self.parts(BLOCK)? {
            let (range, best) = match part {
                Part::Clusters(clusters) => {
                    let range = self.offsets[clusters.start]..self.offsets[clusters.end];
                    let mut groups = try_capacity(clusters.len() + 1)?;
                    groups
                        .extend(self.offsets[clusters.start..=clusters.end].iter().map(|o| o - range.start));
                    let mut best = try_vec(range.len(), Best::NONE)?;
                    self.max_within(range.clone(), &groups, &mut best, search, cx)?;
                    (range, best)
                }
                Part::Large(j) => {
                    let range = self.offsets[j]..self.offsets[j + 1];
                    let mut best = try_vec(range.len(), Best::NONE)?;
                    for start in range.clone().step_by(BLOCK) {
                        let later = start..range.end.min(start + BLOCK);
                        let best = &mut best[later.start - range.start..later.end - range.start];
                        for start in (range.start..later.start).step_by(BLOCK) {
                            let earlier = start..later.start.min(start + BLOCK);
                            self.max_across(later.clone(), earlier, best, search, cx)?;
                        }
                        self.max_within(later.clone(), &[0, later.len()], best, search, cx)?;
                        cx.control.poll("compare", later.end as u64, total)?;
                    }
                    (range, best)
                }
            };
            for (at, best) in range.clone().zip(best) {
                let i = self.rows[at];
                if best.row != NO_ROW {
                    found.similarity[i] = best.similarity;
                    found.witness[i] = self.rows[best.row as usize] as u64;
                }
            }
            cx.control.poll("compare", range.end as u64, total)?;
        }
        for &(copy, first) in &self.copies {
            found.similarity[copy] = 1.0;
            found.witness[copy] = first as u64;
        }
        Ok(())
    }

    fn max_within(
        &self,
        range: Range<usize>,
        groups: &[usize],
        best: &mut [Best],
        search: &mut SearchStats,
        cx: &Context,
    ) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        let mut scratch = Scratch::new();
        let rows = self.gather(range.clone(), &mut scratch)?;
        let block = self.backend.load(rows, 0, Metric::Cosine, cx)?;
        let targets = self.backend.targets(rows, range.start as u64, Metric::Cosine, Copies::Keep, cx)?;
        search.merge(&self.backend.earlier_max(&block, &targets, Pairs::Within(groups), best, cx)?);
        Ok(())
    }

    fn max_across(
        &self,
        later: Range<usize>,
        earlier: Range<usize>,
        best: &mut [Best],
        search: &mut SearchStats,
        cx: &Context,
    ) -> Result<()> {
        let (mut a, mut b) = (Scratch::new(), Scratch::new());
        let block = self.backend.load(self.gather(later, &mut a)?, 0, Metric::Cosine, cx)?;
        let rows = self.gather(earlier.clone(), &mut b)?;
        let targets = self.backend.targets(rows, earlier.start as u64, Metric::Cosine, Copies::Keep, cx)?;
        search.merge(&self.backend.earlier_max(&block, &targets, Pairs::Across, best, cx)?);
        Ok(())
    }

    fn gather<'s>(&'s self, range: Range<usize>, scratch: &'s mut Scratch) -> Result<Rows<'s>> {
        self.source.gather(&self.rows[range], scratch)
    }

    /// Fills in, for every row that a kept earlier row removes, the first such row.
    pub fn greedy_cover(
        &self,
        threshold: f64,
        boundary: Boundary,
        found: &mut Found<'_>,
        search: &mut SearchStats,
        cx: &Context,
    ) -> Result<()> {
        if !boundary.passes(1.0, threshold) {
            // Not even a copy passes.
            return Ok(());
        }
        let total = self.rows.len() as u64;
        for part in self.parts(GREEDY_BLOCK)? {
            let end = match part {
                Part::Clusters(clusters) => {
                    let range = self.offsets[clusters.start]..self.offsets[clusters.end];
                    let mut groups = try_capacity(clusters.len() + 1)?;
                    groups
                        .extend(self.offsets[clusters.start..=clusters.end].iter().map(|o| o - range.start));
                    let rows = &self.rows[range.clone()];
                    self.cover_within(rows, &groups, threshold, boundary, found, search, cx)?;
                    range.end
                }
                Part::Large(j) => {
                    let range = self.offsets[j]..self.offsets[j + 1];
                    let mut kept: Vec<usize> = Vec::new();
                    for start in range.clone().step_by(GREEDY_BLOCK) {
                        let end = range.end.min(start + GREEDY_BLOCK);
                        let mut alive: Vec<usize> = try_capacity(end - start)?;
                        alive.extend_from_slice(&self.rows[start..end]);
                        for earlier in kept.chunks(BLOCK) {
                            self.cover_across(&alive, earlier, threshold, boundary, found, search, cx)?;
                            alive.retain(|&i| found.witness[i] == NO_ROW);
                        }
                        let groups = [0, alive.len()];
                        self.cover_within(&alive, &groups, threshold, boundary, found, search, cx)?;
                        try_grow(&mut kept, alive.len())?;
                        kept.extend(alive.iter().copied().filter(|&i| found.witness[i] == NO_ROW));
                        cx.control.poll("compare", end as u64, total)?;
                    }
                    range.end
                }
            };
            cx.control.poll("compare", end as u64, total)?;
        }
        for &(copy, first) in &self.copies {
            // What removed the first of its kind removes the copy, with the same similarity.
            let removed = found.witness[first] != NO_ROW;
            found.witness[copy] = if removed { found.witness[first] } else { first as u64 };
            found.similarity[copy] = if removed { found.similarity[first] } else { 1.0 };
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "one step of one rule, called from one place")]
    fn cover_across(
        &self,
        later: &[usize],
        earlier: &[usize],
        threshold: f64,
        boundary: Boundary,
        found: &mut Found<'_>,
        search: &mut SearchStats,
        cx: &Context,
    ) -> Result<()> {
        if later.is_empty() {
            return Ok(());
        }
        let (mut a, mut b) = (Scratch::new(), Scratch::new());
        let block = self.backend.load(self.source.gather(later, &mut a)?, 0, Metric::Cosine, cx)?;
        let rows = self.source.gather(earlier, &mut b)?;
        let targets = self.backend.targets(rows, 0, Metric::Cosine, Copies::Keep, cx)?;
        let mut pairs: Vec<Pair> = Vec::new();
        let of = Pairs::Across;
        let stats =
            self.backend.pairs_above(&block, &targets, of, threshold, boundary, true, &mut pairs, cx)?;
        search.merge(&stats);
        for pair in pairs {
            found.similarity[later[pair.later as usize]] = pair.similarity;
            found.witness[later[pair.later as usize]] = earlier[pair.earlier as usize] as u64;
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "one step of one rule, called from one place")]
    fn cover_within(
        &self,
        rows: &[usize],
        groups: &[usize],
        threshold: f64,
        boundary: Boundary,
        found: &mut Found<'_>,
        search: &mut SearchStats,
        cx: &Context,
    ) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut scratch = Scratch::new();
        let gathered = self.source.gather(rows, &mut scratch)?;
        let block = self.backend.load(gathered, 0, Metric::Cosine, cx)?;
        let targets = self.backend.targets(gathered, 0, Metric::Cosine, Copies::Keep, cx)?;
        let mut pairs: Vec<Pair> = Vec::new();
        let of = Pairs::Within(groups);
        let stats =
            self.backend.pairs_above(&block, &targets, of, threshold, boundary, false, &mut pairs, cx)?;
        search.merge(&stats);
        // Pairs are ordered by later row, then earlier row: the first kept one is the witness.
        for pair in pairs {
            let (i, j) = (rows[pair.later as usize], rows[pair.earlier as usize]);
            if found.witness[i] == NO_ROW && found.witness[j] == NO_ROW {
                found.similarity[i] = pair.similarity;
                found.witness[i] = j as u64;
            }
        }
        Ok(())
    }
}
