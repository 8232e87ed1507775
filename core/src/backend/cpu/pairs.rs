//! Later rows against earlier rows: the most similar one, and all above a threshold.

use alloc::vec::Vec;
use core::ops::Range;

use ndarray::ArrayView2;

use super::pack::wide_panels;
use super::search::{Candidates, PackedRows, WideError, sweep, wide_candidates, wide_scores};
use super::{Cpu, CpuTargets, same_length};
use crate::backend::{Best, Boundary, Pair, Pairs};
use crate::control::{Context, Job};
use crate::error::{Error, Result};
use crate::exact::SearchStats;
use crate::exact::bounds::{Precision, cosine_error};
use crate::exact::float::narrow_up;
use crate::memory::{try_capacity, try_grow, try_vec};
use crate::rows::{Element, row_of};
use crate::simd::Tile;

/// What [`Backend::pairs_above`](crate::backend::Backend::pairs_above) asks of a pair.
#[derive(Clone, Copy)]
pub(super) struct Test {
    pub threshold: f64,
    pub boundary: Boundary,
    pub first_only: bool,
}

/// The earlier rows of each later row, as a range of targets.
#[derive(Clone, Copy)]
struct Allowed<'a> {
    pairs: Pairs<'a>,
    count: usize,
}

impl<'a> Allowed<'a> {
    fn new(pairs: Pairs<'a>, n: usize, targets: &CpuTargets) -> Result<Self> {
        let count = targets.panels.count;
        same_length("targets that were not collapsed", targets.n(), count)?;
        if let Pairs::Within(offsets) = pairs {
            same_length("targets of pairs within one block", n, count)?;
            let rising = offsets.windows(2).all(|w| w[0] <= w[1]);
            if !rising || offsets.first() != Some(&0) || offsets.last() != Some(&n) {
                return Err(Error::ShapeMismatch {
                    what: "last group offset (offsets rise from 0)",
                    expected: n,
                    found: offsets.last().copied().unwrap_or(0),
                });
            }
        }
        Ok(Self { pairs, count })
    }

    fn of(&self, row: usize) -> Range<usize> {
        match self.pairs {
            Pairs::Across => 0..self.count,
            Pairs::Within(offsets) => {
                let group = offsets.partition_point(|&o| o <= row);
                offsets[group.saturating_sub(1)]..row
            }
        }
    }

    /// The panels that some row of `rows` looks at.
    fn panels(&self, rows: Range<usize>, nr: usize) -> Range<usize> {
        match self.pairs {
            Pairs::Across => 0..self.count.div_ceil(nr),
            Pairs::Within(_) => self.of(rows.start).start / nr..rows.end.saturating_sub(1).div_ceil(nr),
        }
    }
}

/// One task of a sweep over later rows.
struct Task<'t> {
    rows: Range<usize>,
    best: &'t mut [Best],
    found: Vec<Pair>,
    doubtful: Vec<usize>,
    stats: SearchStats,
}

/// Cuts `n` later rows into tasks of one or more cache blocks.
fn tasks_of<'t>(
    cpu: &Cpu,
    n: usize,
    d: usize,
    mut best: &'t mut [Best],
) -> Result<(Vec<Job<Task<'t>>>, usize)> {
    let rows = PackedRows::new(&cpu.narrow, d, f32::NEG_INFINITY, n)?.capacity;
    let mut tasks = try_capacity(n.div_ceil(rows))?;
    for first in (0..n).step_by(rows) {
        let rows = first..n.min(first + rows);
        let (mine, rest) = best.split_at_mut(rows.len().min(best.len()));
        best = rest;
        tasks.push(Job::new(Task {
            rows,
            best: mine,
            found: Vec::new(),
            doubtful: Vec::new(),
            stats: SearchStats::default(),
        }));
    }
    Ok((tasks, rows))
}

/// See [`Backend::earlier_max`](crate::backend::Backend::earlier_max).
pub(super) fn earlier_max<T: Element>(
    cpu: &Cpu,
    view: &ArrayView2<'_, T>,
    squares: &[f64],
    targets: &CpuTargets,
    pairs: Pairs<'_>,
    best: &mut [Best],
    cx: &Context,
) -> Result<SearchStats> {
    let (n, d) = view.dim();
    let allowed = Allowed::new(pairs, n, targets)?;
    let error = cosine_error(Precision::F32, d);
    let (mut tasks, rows) = tasks_of(cpu, n, d, best)?;
    cx.in_waves(&mut tasks, (rows * targets.panels.count * d) as u64, |task| {
        max_task(cpu, view, squares, targets, allowed, error, task)
    })?;
    let mut stats = SearchStats::default();
    let mut doubtful = Vec::new();
    for Job { work: task, .. } in tasks {
        stats.merge(&task.stats);
        try_grow(&mut doubtful, task.doubtful.len())?;
        doubtful.extend(task.doubtful);
    }
    if !doubtful.is_empty() {
        wide_max(cpu, view, squares, targets, allowed, &doubtful, best, &mut stats, cx)?;
    }
    Ok(stats)
}

fn max_task<T: Element>(
    cpu: &Cpu,
    view: &ArrayView2<'_, T>,
    squares: &[f64],
    targets: &CpuTargets,
    allowed: Allowed<'_>,
    error: f64,
    task: &mut Task<'_>,
) -> Result<()> {
    let d = view.ncols();
    let mut packed = PackedRows::new(&cpu.narrow, d, f32::NEG_INFINITY, task.rows.len())?;
    let mut candidates = try_vec(packed.capacity, Candidates::new(f64::INFINITY))?;
    let mut ranges = try_vec(packed.capacity, 0..0)?;
    let mut buffer = try_vec(d, 0.0f32)?;
    let start = task.rows.start;
    for i in 0..task.rows.len() {
        let row = start + i;
        let values = row_of(view, row, &mut buffer);
        targets.frame.narrow_row(values, squares[row], packed.row_mut(i, d));
        candidates[i] = Candidates::new(2.0 * error);
        ranges[i] = allowed.of(row);
        packed.threshold[i] = if ranges[i].is_empty() {
            f32::NEG_INFINITY
        } else {
            // Only what could exceed the best so far is of interest.
            narrow_up(error - task.best[i].similarity)
        };
    }
    let panels = allowed.panels(task.rows.clone(), targets.panels.nr);
    let n = task.rows.len();
    let mut tile = Tile::new();
    sweep(&cpu.narrow, &mut packed, n, &targets.panels, panels, &mut tile, |row, j, z, limit| {
        if ranges[row].contains(&(j as usize)) { candidates[row].offer(j, z, limit) } else { limit }
    });
    for i in 0..n {
        let row = start + i;
        task.stats.rows += 1;
        if candidates[i].doubtful {
            try_grow(&mut task.doubtful, 1)?;
            task.doubtful.push(row);
            continue;
        }
        match candidates[i].left().count() {
            0 | 1 => task.stats.f32 += 1,
            _ => task.stats.truth += 1,
        }
        let values = row_of(view, row, &mut buffer);
        improve(&mut task.best[i], values, squares[row], targets, candidates[i].left());
    }
    Ok(())
}

/// Takes the most similar of `candidates` (ascending) if it is more similar than `best`.
fn improve(
    best: &mut Best,
    values: &[f32],
    square: f64,
    targets: &CpuTargets,
    candidates: impl Iterator<Item = u32>,
) {
    for j in candidates {
        let similarity = targets.similarity(values, square, j);
        if similarity > best.similarity {
            *best = Best { similarity, row: targets.first + j as u64 };
        }
    }
}

/// The `f64` kernel for the rows in `doubtful`, the definition for what it leaves.
#[allow(clippy::too_many_arguments, reason = "one phase of one search, called from one place")]
fn wide_max<T: Element>(
    cpu: &Cpu,
    view: &ArrayView2<'_, T>,
    squares: &[f64],
    targets: &CpuTargets,
    allowed: Allowed<'_>,
    doubtful: &[usize],
    best: &mut [Best],
    stats: &mut SearchStats,
    cx: &Context,
) -> Result<()> {
    let d = view.ncols();
    let all = targets.view()?;
    let panels = wide_panels(&all, &targets.order, &targets.squares, &targets.frame, cpu.wide.nr(), cx)?;
    let error = WideError::Uniform(cosine_error(Precision::F64, d));
    struct Part<'a> {
        rows: &'a [usize],
        best: Vec<Best>,
        stats: SearchStats,
    }
    let mr = cpu.wide.mr();
    let step = 4 * mr;
    let mut parts = try_capacity(doubtful.len().div_ceil(step))?;
    for rows in doubtful.chunks(step) {
        let mut mine = try_capacity(rows.len())?;
        mine.extend(rows.iter().map(|&row| best[row]));
        parts.push(Job::new(Part { rows, best: mine, stats: SearchStats::default() }));
    }
    cx.in_waves(&mut parts, 2 * (step * panels.count * d) as u64, |part| {
        let mut packed = PackedRows::new(&cpu.wide, d, f64::INFINITY, mr)?;
        let mut scores = Vec::new();
        let mut buffer = try_vec(d, 0.0f32)?;
        let mut tile = Tile::new();
        let mut left = Vec::new();
        for (rows, best) in part.rows.chunks(mr).zip(part.best.chunks_mut(mr)) {
            let (Some(&low), Some(&high)) = (rows.first(), rows.last()) else { continue };
            let range = allowed.panels(low..high + 1, panels.nr);
            let width = wide_scores(
                &cpu.wide,
                |i, out| {
                    let Some(&row) = rows.get(i) else { return };
                    targets.frame.wide_row(row_of(view, row, &mut buffer), squares[row], out);
                },
                &mut packed,
                &panels,
                range.clone(),
                &mut tile,
                &mut scores,
            )?;
            for (i, (&row, best)) in rows.iter().zip(best).enumerate() {
                let z = &scores[i * width..(i + 1) * width];
                let base = range.start * panels.nr;
                wide_candidates(z, base, 1.0, &panels, &error, allowed.of(row), &mut left)?;
                match left.len() {
                    0 | 1 => part.stats.f64 += 1,
                    _ => part.stats.truth += 1,
                }
                let values = row_of(view, row, &mut buffer);
                improve(best, values, squares[row], targets, left.iter().copied());
            }
        }
        Ok(())
    })?;
    for Job { work: part, .. } in parts {
        stats.merge(&part.stats);
        for (&row, &found) in part.rows.iter().zip(&part.best) {
            best[row] = found;
        }
    }
    Ok(())
}

/// See [`Backend::pairs_above`](crate::backend::Backend::pairs_above).
#[allow(clippy::too_many_arguments, reason = "the arguments of the trait's method, unpacked")]
pub(super) fn pairs_above<T: Element>(
    cpu: &Cpu,
    view: &ArrayView2<'_, T>,
    squares: &[f64],
    targets: &CpuTargets,
    pairs: Pairs<'_>,
    test: Test,
    out: &mut Vec<Pair>,
    cx: &Context,
) -> Result<SearchStats> {
    let (n, d) = view.dim();
    let allowed = Allowed::new(pairs, n, targets)?;
    let error = cosine_error(Precision::F32, d);
    let (mut tasks, rows) = tasks_of(cpu, n, d, &mut [])?;
    cx.in_waves(&mut tasks, (rows * targets.panels.count * d) as u64, |task| {
        above_task(cpu, view, squares, targets, allowed, test, error, task)
    })?;
    let mut stats = SearchStats::default();
    for Job { work: mut task, .. } in tasks {
        stats.merge(&task.stats);
        task.found.sort_unstable_by_key(|pair| (pair.later, pair.earlier));
        try_grow(out, task.found.len())?;
        out.append(&mut task.found);
    }
    Ok(stats)
}

#[allow(clippy::too_many_arguments, reason = "one phase of one search, called from one place")]
fn above_task<T: Element>(
    cpu: &Cpu,
    view: &ArrayView2<'_, T>,
    squares: &[f64],
    targets: &CpuTargets,
    allowed: Allowed<'_>,
    test: Test,
    error: f64,
    task: &mut Task<'_>,
) -> Result<()> {
    let d = view.ncols();
    let n = task.rows.len();
    let mut packed = PackedRows::new(&cpu.narrow, d, f32::NEG_INFINITY, n)?;
    let mut ranges = try_vec(packed.capacity, 0..0)?;
    // Pairs near the threshold, which only the definition can decide.
    let mut near = try_vec(packed.capacity, false)?;
    let mut buffer = try_vec(d, 0.0f32)?;
    let start = task.rows.start;
    for i in 0..n {
        let row = start + i;
        targets.frame.narrow_row(row_of(view, row, &mut buffer), squares[row], packed.row_mut(i, d));
        ranges[i] = allowed.of(row);
        packed.threshold[i] =
            if ranges[i].is_empty() { f32::NEG_INFINITY } else { narrow_up(error - test.threshold) };
    }
    let panels = allowed.panels(task.rows.clone(), targets.panels.nr);
    let mut tile = Tile::new();
    let mut failed = Ok(());
    let found = &mut task.found;
    sweep(&cpu.narrow, &mut packed, n, &targets.panels, panels, &mut tile, |i, j, z, limit| {
        if failed.is_err() || !ranges[i].contains(&(j as usize)) {
            return limit;
        }
        near[i] |= z as f64 >= -error - test.threshold;
        let similarity = targets.similarity(row_of(view, start + i, &mut buffer), squares[start + i], j);
        if !test.boundary.passes(similarity, test.threshold) {
            return limit;
        }
        failed = try_grow(found, 1);
        if failed.is_ok() {
            found.push(Pair { later: (start + i) as u32, earlier: j, similarity });
        }
        if test.first_only { f32::NEG_INFINITY } else { limit }
    });
    failed?;
    task.stats.rows += n as u64;
    task.stats.truth += near[..n].iter().filter(|&&near| near).count() as u64;
    task.stats.f32 += near[..n].iter().filter(|&&near| !near).count() as u64;
    Ok(())
}
