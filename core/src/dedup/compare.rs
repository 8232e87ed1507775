//! The comparisons of one deduplication: distinct rows, in blocks.

use alloc::vec::Vec;
use core::ops::Range;

use crate::backend::copies::{hash_row, same_row};
use crate::backend::{Backend, Best, Blocks, NO_ROW, Pairs, SearchStats, Work};
use crate::check;
use crate::control::{Context, Stage};
use crate::error::{Error, Result};
use crate::exact::float::{finite, widen};
use crate::memory::{try_capacity, try_collect, try_grow, try_up_to, try_vec};
use crate::rows::{RowSource, Scratch, gather_from, read_from};

/// Rows of equal hash that are read at once, to see whether they are copies.
const COPIES: usize = 1024;

/// Where the findings go: by row, and how rows were settled.
pub(super) struct Found<'f> {
    pub similarity: &'f mut [f64],
    pub witness: &'f mut [u64],
    pub search: SearchStats,
    /// Memory for a block of later rows. All blocks share it: fresh memory for each costs as much as a tenth of the comparisons.
    pub scratch: Scratch,
    /// Memory for the block of earlier rows, which stays while later ones meet it.
    earlier: Scratch,
}

impl<'f> Found<'f> {
    /// Nothing is found yet: witnesses are [`NO_ROW`]. Rows for which nothing is found stay as they are given.
    pub fn new(similarity: &'f mut [f64], witness: &'f mut [u64]) -> Self {
        let (scratch, earlier) = (Scratch::new(), Scratch::new());
        Self { similarity, witness, search: SearchStats::default(), scratch, earlier }
    }

    /// Whether no row removes row `i` so far.
    pub fn is_kept(&self, i: usize) -> bool {
        self.witness[i] == NO_ROW
    }

    /// Row `i` meets a row that passes: the first one that is kept removes row `i`.
    pub fn cover(&mut self, i: usize, similarity: f64, earlier: usize) {
        if self.is_kept(i) && self.is_kept(earlier) {
            self.set(i, similarity, earlier);
        }
    }

    /// Row `witness` is found to be so similar to row `i`.
    pub fn set(&mut self, i: usize, similarity: f64, witness: usize) {
        (self.similarity[i], self.witness[i]) = (similarity, witness as u64);
    }
}

/// A stretch of comparisons.
pub(super) enum Part {
    /// Whole clusters that share a block.
    Clusters(Range<usize>),
    /// One cluster larger than a block.
    Large(usize),
}

/// Which rows have to be compared with which.
pub(super) struct Plan<'r, 'a, B: Backend, S: RowSource + ?Sized> {
    pub blocks: Blocks<'r, &'a B, &'a S>,
    /// Distinct rows with a direction, in keep-order.
    pub rows: Vec<usize>,
    /// Where each cluster begins in `rows`.
    pub offsets: Vec<usize>,
    /// (copy, first of its kind), in keep-order.
    pub copies: Vec<(usize, usize)>,
}

impl<'r, 'a, B: Backend, S: RowSource + ?Sized> Plan<'r, 'a, B, S> {
    /// Sets copies and rows without direction aside. Errors name the rows `what`.
    pub fn new(
        what: &'static str,
        source: &'a S,
        order: &[usize],
        offsets: &[usize],
        blocks: impl FnOnce() -> Result<Blocks<'r, &'a B, &'a S>>,
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
                // All values are looked at without a branch; only a bad row is searched for its column.
                if !row.iter().fold(true, |fine, x| fine & finite(*x)) {
                    let col = row.iter().position(|x| !finite(*x)).unwrap_or(0);
                    return Err(Error::NonFinite { what, row: source.row_id(at), col });
                }
                hashes[at] = hash_row(row);
                zero[at] = row.iter().all(|x| widen(*x) == 0.0);
            }
            cx.control.poll(Stage::Copies, start as u64, n as u64)?;
        }
        let first = first_copies(source, order, offsets, &hashes, &zero, cx)?;
        let mut plan = Self {
            blocks: blocks()?,
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
    pub fn parts(&self, block: usize) -> Result<Vec<Part>> {
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
    pub fn earlier_max(&self, found: &mut Found<'_>, cx: &Context) -> Result<()> {
        let (backend, total) = (self.blocks.backend, self.rows.len() as u64);
        let block = self.rows_at_once(Work::Pairs);
        for part in self.parts(block)? {
            let (range, best) = match part {
                Part::Clusters(clusters) => {
                    let range = self.offsets[clusters.start]..self.offsets[clusters.end];
                    let offsets = self.offsets[clusters.start..=clusters.end].iter();
                    let groups = try_collect(offsets.map(|o| o - range.start))?;
                    let mut best = try_vec(range.len(), Best::NONE)?;
                    if !range.is_empty() {
                        let (rows, first) = (&self.rows[range.clone()], range.start as u64);
                        self.with_targets(
                            rows,
                            pairs_of(&groups, 0),
                            None,
                            found,
                            cx,
                            |found, block, targets| {
                                let pairs = Pairs::Within(&groups);
                                found.search.merge(
                                    &backend.earlier_max(block, targets, pairs, first, &mut best, cx)?,
                                );
                                Ok(())
                            },
                        )?;
                    }
                    (range, best)
                }
                Part::Large(j) => {
                    let range = self.offsets[j]..self.offsets[j + 1];
                    let mut best = try_vec(range.len(), Best::NONE)?;
                    // Each block is packed once and meets all later ones: packing costs as much as some hundred pairs a row.
                    for start in range.clone().step_by(block) {
                        let earlier = start..range.end.min(start + block);
                        let later = earlier.end..range.end;
                        let (within, across) = best[start - range.start..].split_at_mut(earlier.len());
                        let (groups, first) = ([0, earlier.len()], start as u64);
                        let pairs = pairs_of(&groups, later.len());
                        self.with_targets(
                            &self.rows[earlier],
                            pairs,
                            None,
                            found,
                            cx,
                            |found, of, targets| {
                                let pairs = Pairs::Within(&groups);
                                found
                                    .search
                                    .merge(&backend.earlier_max(of, targets, pairs, first, within, cx)?);
                                for (start, best) in
                                    later.clone().step_by(block).zip(across.chunks_mut(block))
                                {
                                    let rows = &self.rows[start..start + best.len()];
                                    self.max_across(rows, targets, first, best, found, cx)?;
                                    cx.control.check()?;
                                }
                                Ok(())
                            },
                        )?;
                        // As many rows as have this share of the pairs.
                        let (all, left) = (range.len() as u64, later.len() as u64);
                        let done = range.start as u64 + all - left * left / all;
                        cx.control.poll(Stage::Compare, done, total)?;
                    }
                    (range, best)
                }
            };
            for (at, best) in range.clone().zip(best) {
                if best.row != NO_ROW {
                    found.set(self.rows[at], best.similarity, named(&self.rows, best.row)?);
                }
            }
            cx.control.poll(Stage::Compare, range.end as u64, total)?;
        }
        self.copies.iter().for_each(|&(copy, first)| found.set(copy, 1.0, first));
        Ok(())
    }

    /// Loads rows, packs them for about `pairs` pairs, of which none less similar than `least` is asked for, and calls `f` with the
    /// block and the targets.
    pub fn with_targets<T>(
        &self,
        rows: &[usize],
        pairs: u64,
        least: Option<f64>,
        found: &mut Found<'_>,
        cx: &Context,
        f: impl FnOnce(&mut Found<'_>, &B::Block<'_>, &B::Targets<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut scratch = core::mem::take(&mut found.earlier);
        let done = self.blocks.with_rows(rows, &mut scratch, cx, |block| {
            let targets = self.blocks.backend.pack_pairs(block, pairs, least, cx)?;
            f(found, block, &targets)
        });
        found.earlier = scratch;
        done
    }

    /// Lets `later` rows meet targets that are rows `first`, `first` + 1, ... of the earlier ones.
    pub fn max_across(
        &self,
        later: &[usize],
        earlier: &B::Targets<'_>,
        first: u64,
        best: &mut [Best],
        found: &mut Found<'_>,
        cx: &Context,
    ) -> Result<()> {
        let Found { search, scratch, .. } = found;
        let backend = self.blocks.backend;
        self.blocks.with_rows(later, scratch, cx, |block| {
            search.merge(&backend.earlier_max(block, earlier, Pairs::Across, first, best, cx)?);
            Ok(())
        })
    }

    pub fn rows_at_once(&self, work: Work) -> usize {
        self.blocks.backend.rows_at_once(self.blocks.d, work).max(1)
    }
}

/// How many pairs the rows of these groups make among themselves and with `later` rows.
pub(super) fn pairs_of(groups: &[usize], later: usize) -> u64 {
    let rows = groups.last().copied().unwrap_or(0) as u64;
    let within = groups.windows(2).map(|bounds| (bounds[1] - bounds[0]) as u64);
    within.map(|n| n * n / 2).fold(rows.saturating_mul(later as u64), u64::saturating_add)
}

/// The row at a position that a backend gave.
pub(super) fn named(rows: &[usize], at: u64) -> Result<usize> {
    let n = rows.len() as u64;
    check::shape("position of a row that the backend found", n, at, at < n)?;
    Ok(rows[at as usize])
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
