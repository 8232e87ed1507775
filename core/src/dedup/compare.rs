//! The comparisons of one deduplication: distinct rows, in blocks.

use alloc::vec::Vec;
use core::ops::Range;

use crate::backend::copies::{hash_row, same_row};
use crate::backend::{
    Above, Backend, Best, Blocks, Boundary, Copies, NO_ROW, Pair, Pairs, SearchStats, Threshold, Work,
};
use crate::check;
use crate::control::{Context, Stage};
use crate::error::{Error, Result};
use crate::exact::Metric;
use crate::exact::float::{finite, widen};
use crate::memory::{try_capacity, try_collect, try_copy, try_grow, try_up_to, try_vec};
use crate::rows::{RowSource, Scratch, gather_from, read_from};

/// Rows of equal hash that are read at once, to see whether they are copies.
const COPIES: usize = 1024;

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
    blocks: Blocks<'a, &'a B, &'a S>,
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
        let n = order.len();
        check::same_length("rows of the source", n, source.n_rows())?;
        let mut hashes = try_vec(n, 0u64)?;
        let mut zero = try_vec(n, false)?;
        let mut buffer = try_vec(source.dim(), 0.0f32)?;
        let mut scratch = Scratch::new();
        let step = source.block_rows().max(1);
        for start in (0..n).step_by(step) {
            let range = start..n.min(start + step);
            let rows = read_from(source, range.clone(), &mut scratch)?;
            for (i, at) in range.enumerate() {
                let row = rows.row_at(i, &mut buffer);
                if let Some(col) = row.iter().position(|x| !finite(*x)) {
                    return Err(Error::NonFinite { what: "x", row: source.row_id(at), col });
                }
                hashes[at] = hash_row(row);
                zero[at] = row.iter().all(|x| widen(*x) == 0.0);
            }
            cx.control.poll(Stage::Copies, start as u64, n as u64)?;
        }
        let first = first_copies(source, order, offsets, &hashes, &zero, cx)?;
        let mut plan = Self {
            blocks: Blocks::to_gather(backend, source, Metric::Cosine, cx)?,
            rows: try_capacity(n)?,
            offsets: try_capacity(offsets.len())?,
            copies: Vec::new(),
        };
        plan.offsets.push(0);
        for bounds in offsets.windows(2) {
            for at in bounds[0]..bounds[1] {
                let i = order[at];
                if zero[i] {
                    continue;
                }
                if first[at] == at {
                    plan.rows.push(i);
                } else {
                    try_grow(&mut plan.copies, 1)?;
                    plan.copies.push((i, order[first[at]]));
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
            while end < k
                && self.offsets[end + 1] - self.offsets[start] <= block.saturating_mul(2)
                && size(end) <= block
            {
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
        let block = self.rows_at_once(Work::Pairs);
        // One for all: fresh memory for each block costs as much as a tenth of the comparisons.
        let mut scratch = Scratch::new();
        for part in self.parts(block)? {
            let (range, best) = match part {
                Part::Clusters(clusters) => {
                    let range = self.offsets[clusters.start]..self.offsets[clusters.end];
                    let offsets = self.offsets[clusters.start..=clusters.end].iter();
                    let groups = try_collect(offsets.map(|o| o - range.start))?;
                    let mut best = try_vec(range.len(), Best::NONE)?;
                    self.max_within(range.clone(), &groups, &mut best, search, &mut scratch, cx)?;
                    (range, best)
                }
                Part::Large(j) => {
                    let range = self.offsets[j]..self.offsets[j + 1];
                    let mut best = try_vec(range.len(), Best::NONE)?;
                    for start in range.clone().step_by(block) {
                        let later = start..range.end.min(start + block);
                        let best = &mut best[later.start - range.start..later.end - range.start];
                        for start in (range.start..later.start).step_by(block) {
                            let earlier = start..later.start.min(start + block);
                            self.max_across(later.clone(), earlier, best, search, &mut scratch, cx)?;
                        }
                        self.max_within(later.clone(), &[0, later.len()], best, search, &mut scratch, cx)?;
                        cx.control.poll(Stage::Compare, later.end as u64, total)?;
                    }
                    (range, best)
                }
            };
            for (at, best) in range.clone().zip(best) {
                let i = self.rows[at];
                if best.row != NO_ROW {
                    found.similarity[i] = best.similarity;
                    found.witness[i] = named(&self.rows, best.row)? as u64;
                }
            }
            cx.control.poll(Stage::Compare, range.end as u64, total)?;
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
        scratch: &mut Scratch,
        cx: &Context,
    ) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        let (backend, first) = (self.blocks.backend, range.start as u64);
        self.blocks.with_rows(&self.rows[range], scratch, cx, |block| {
            let targets = backend.pack(block, Copies::Keep, cx)?;
            search.merge(&backend.earlier_max(block, &targets, Pairs::Within(groups), first, best, cx)?);
            Ok(())
        })
    }

    fn max_across(
        &self,
        later: Range<usize>,
        earlier: Range<usize>,
        best: &mut [Best],
        search: &mut SearchStats,
        scratch: &mut Scratch,
        cx: &Context,
    ) -> Result<()> {
        let (backend, first) = (self.blocks.backend, earlier.start as u64);
        let targets = self.targets(&self.rows[earlier], scratch, cx)?;
        self.blocks.with_rows(&self.rows[later], scratch, cx, |block| {
            search.merge(&backend.earlier_max(block, &targets, Pairs::Across, first, best, cx)?);
            Ok(())
        })
    }

    fn targets(&self, rows: &[usize], scratch: &mut Scratch, cx: &Context) -> Result<B::Targets> {
        let backend = self.blocks.backend;
        self.blocks.with_rows(rows, scratch, cx, |block| backend.pack(block, Copies::Keep, cx))
    }

    fn rows_at_once(&self, work: Work) -> usize {
        self.blocks.backend.rows_at_once(self.blocks.d, work).max(1)
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
        let cover = Cover { threshold, boundary, cx };
        let mut scratch = Scratch::new();
        let (block, kept_block) = (self.rows_at_once(Work::ListedPairs), self.rows_at_once(Work::Pairs));
        for part in self.parts(block)? {
            let end = match part {
                Part::Clusters(clusters) => {
                    let range = self.offsets[clusters.start]..self.offsets[clusters.end];
                    let offsets = self.offsets[clusters.start..=clusters.end].iter();
                    let groups = try_collect(offsets.map(|o| o - range.start))?;
                    let rows = &self.rows[range.clone()];
                    self.cover_within(rows, &groups, cover, found, search, &mut scratch)?;
                    range.end
                }
                Part::Large(j) => {
                    let range = self.offsets[j]..self.offsets[j + 1];
                    let mut kept: Vec<usize> = Vec::new();
                    for start in range.clone().step_by(block) {
                        let end = range.end.min(start + block);
                        let mut alive = try_copy(&self.rows[start..end])?;
                        for earlier in kept.chunks(kept_block) {
                            self.cover_across(&alive, earlier, cover, found, search, &mut scratch)?;
                            alive.retain(|&i| found.witness[i] == NO_ROW);
                        }
                        let groups = [0, alive.len()];
                        self.cover_within(&alive, &groups, cover, found, search, &mut scratch)?;
                        try_grow(&mut kept, alive.len())?;
                        kept.extend(alive.iter().copied().filter(|&i| found.witness[i] == NO_ROW));
                        cx.control.poll(Stage::Compare, end as u64, total)?;
                    }
                    range.end
                }
            };
            cx.control.poll(Stage::Compare, end as u64, total)?;
        }
        for &(copy, first) in &self.copies {
            // What removed the first of its kind removes the copy, with the same similarity.
            let removed = found.witness[first] != NO_ROW;
            found.witness[copy] = if removed { found.witness[first] } else { first as u64 };
            found.similarity[copy] = if removed { found.similarity[first] } else { 1.0 };
        }
        Ok(())
    }

    fn cover_across(
        &self,
        later: &[usize],
        earlier: &[usize],
        cover: Cover<'_>,
        found: &mut Found<'_>,
        search: &mut SearchStats,
        scratch: &mut Scratch,
    ) -> Result<()> {
        if later.is_empty() {
            return Ok(());
        }
        let (backend, cx) = (self.blocks.backend, cover.cx);
        let targets = self.targets(earlier, scratch, cx)?;
        let mut pairs: Vec<Pair> = Vec::new();
        self.blocks.with_rows(later, scratch, cx, |block| {
            let above = cover.above(true);
            search.merge(&backend.pairs_above(block, &targets, Pairs::Across, above, &mut pairs, cx)?);
            Ok(())
        })?;
        for pair in pairs {
            let i = named(later, pair.later.into())?;
            found.similarity[i] = pair.similarity;
            found.witness[i] = named(earlier, pair.earlier.into())? as u64;
        }
        Ok(())
    }

    fn cover_within(
        &self,
        rows: &[usize],
        groups: &[usize],
        cover: Cover<'_>,
        found: &mut Found<'_>,
        search: &mut SearchStats,
        scratch: &mut Scratch,
    ) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let (backend, cx) = (self.blocks.backend, cover.cx);
        let mut pairs: Vec<Pair> = Vec::new();
        self.blocks.with_rows(rows, scratch, cx, |block| {
            let targets = backend.pack(block, Copies::Keep, cx)?;
            let (of, above) = (Pairs::Within(groups), cover.above(false));
            search.merge(&backend.pairs_above(block, &targets, of, above, &mut pairs, cx)?);
            Ok(())
        })?;
        // Pairs are ordered by later row, then earlier row: the first kept one is the witness.
        for pair in pairs {
            let (i, j) = (named(rows, pair.later.into())?, named(rows, pair.earlier.into())?);
            if found.witness[i] == NO_ROW && found.witness[j] == NO_ROW {
                found.similarity[i] = pair.similarity;
                found.witness[i] = j as u64;
            }
        }
        Ok(())
    }
}

/// The row at a position that a backend gave.
fn named(rows: &[usize], at: u64) -> Result<usize> {
    let n = rows.len() as u64;
    check::shape("position of a row that the backend found", n, at, at < n)?;
    Ok(rows[at as usize])
}

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

/// For each position of the order: the first position of its cluster that holds the same row. Rows
/// of equal hash are read, many at once, and compared with one representative of each distinct
/// row; rows of zeros are left alone.
fn first_copies<S: RowSource + ?Sized>(
    source: &S,
    order: &[usize],
    offsets: &[usize],
    hashes: &[u64],
    zero: &[bool],
    cx: &Context,
) -> Result<Vec<usize>> {
    let mut first = try_collect(0..order.len())?;
    // (cluster, hash, position) of rows that share cluster and hash with another.
    let mut alike: Vec<(usize, u64, usize)> = Vec::new();
    for (cluster, bounds) in offsets.windows(2).enumerate() {
        let rows = bounds[0]..bounds[1];
        let keyed = rows.clone().filter(|&at| !zero[order[at]]).map(|at| (hashes[order[at]], at));
        let mut keys = try_up_to(rows.len(), keyed)?;
        keys.sort_unstable();
        for group in keys.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
            try_grow(&mut alike, group.len())?;
            alike.extend(group.iter().map(|&(hash, at)| (cluster, hash, at)));
        }
    }
    let d = source.dim();
    let (mut scratch, mut buffer) = (Scratch::new(), try_vec(d, 0.0f32)?);
    // One position and row of each kind of the present cluster and hash.
    let (mut kinds, mut values): (Vec<usize>, Vec<f32>) = (Vec::new(), Vec::new());
    let mut present = None;
    for part in alike.chunks(COPIES) {
        let rows = try_collect(part.iter().map(|&(_, _, at)| order[at]))?;
        let rows = gather_from(source, &rows, &mut scratch)?;
        for (i, &(cluster, hash, at)) in part.iter().enumerate() {
            if present != Some((cluster, hash)) {
                present = Some((cluster, hash));
                kinds.clear();
                values.clear();
            }
            let row = rows.row_at(i, &mut buffer);
            match values.chunks_exact(d.max(1)).position(|kind| same_row(kind, row)) {
                Some(kind) => first[at] = kinds[kind],
                None => {
                    try_grow(&mut kinds, 1)?;
                    try_grow(&mut values, d)?;
                    kinds.push(at);
                    values.extend_from_slice(row);
                }
            }
        }
        cx.control.check()?;
    }
    Ok(first)
}
