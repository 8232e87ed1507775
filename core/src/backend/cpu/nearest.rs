//! Nearest targets: the sweep, the candidates, the tiers.

use alloc::vec::Vec;

use ndarray::ArrayView2;

use super::pack::{Frame, wide_panels};
use super::search::{Candidates, PackedRows, WideError, sweep, wide_candidates, wide_scores};
use super::{Cpu, CpuTargets};
use crate::control::{Context, Job};
use crate::error::Result;
use crate::exact::bounds::{Euclidean, Precision, cosine_error};
use crate::exact::{Metric, SearchStats};
use crate::memory::{try_capacity, try_grow, try_vec};
use crate::rows::{Element, row_of};
use crate::simd::{MAX_ROWS, Tile};

/// Cache blocks of one task: its buffers are worth their allocation, and a wave that ends with one thread still
/// at its last task wastes little of the others (8 cost 5 % of the time of two threads).
const BLOCKS_PER_TASK: usize = 2;

struct Task<'t> {
    first: usize,
    out: &'t mut [u32],
    /// Rows that the `f32` kernel could not settle.
    doubtful: Vec<usize>,
    stats: SearchStats,
}

/// See [`Backend::nearest`](crate::backend::Backend::nearest).
pub(super) fn nearest<T: Element>(
    cpu: &Cpu,
    view: &ArrayView2<'_, T>,
    squares: &[f64],
    targets: &CpuTargets,
    out: &mut [u32],
    cx: &Context,
) -> Result<SearchStats> {
    let (n, d) = view.dim();
    let mut stats = SearchStats::default();
    match targets.order.as_slice() {
        [] => return Err(crate::error::Error::Empty { what: "targets" }),
        [only] => {
            out.fill(*only);
            stats.rows = n as u64;
            stats.f32 = n as u64;
            return Ok(stats);
        }
        _ => {}
    }
    let rows = PackedRows::new(&cpu.narrow, d, f32::NEG_INFINITY, n)?.capacity * BLOCKS_PER_TASK;
    let mut tasks = try_capacity(n.div_ceil(rows))?;
    tasks.extend(out.chunks_mut(rows).enumerate().map(|(i, out)| {
        Job::new(Task { first: i * rows, out, doubtful: Vec::new(), stats: SearchStats::default() })
    }));
    let cost = (rows * targets.order.len()) as u64 * d as u64;
    cx.in_waves(&mut tasks, cost, |task| narrow_task(cpu, view, squares, targets, task))?;
    let mut doubtful = Vec::new();
    for Job { work: task, .. } in tasks {
        stats.merge(&task.stats);
        try_grow(&mut doubtful, task.doubtful.len())?;
        doubtful.extend(task.doubtful);
    }
    if !doubtful.is_empty() {
        wide(cpu, view, squares, targets, &doubtful, out, &mut stats, cx)?;
    }
    Ok(stats)
}

fn narrow_task<T: Element>(
    cpu: &Cpu,
    view: &ArrayView2<'_, T>,
    squares: &[f64],
    targets: &CpuTargets,
    task: &mut Task<'_>,
) -> Result<()> {
    let d = view.ncols();
    let panels = &targets.panels;
    let mut packed = PackedRows::new(&cpu.narrow, d, f32::NEG_INFINITY, task.out.len())?;
    let mut candidates = try_vec(packed.capacity, Candidates::new(f64::INFINITY))?;
    let mut buffer = try_vec(d, 0.0f32)?;
    let mut tile = Tile::new();
    let bound = match &targets.frame {
        Frame::Shifted { scale, .. } => Some(Euclidean::new(Precision::F32, d, *scale as f64)),
        Frame::Unit => None,
    };
    let uniform = cosine_error(Precision::F32, d);
    let Task { first, out, doubtful, stats, .. } = task;
    for (block, out) in out.chunks_mut(packed.capacity).enumerate() {
        let start = *first + block * packed.capacity;
        for i in 0..out.len() {
            let row = row_of(view, start + i, &mut buffer);
            let square = square_of(squares, start + i);
            if no_direction(targets, square) {
                packed.threshold[i] = f32::NEG_INFINITY;
                continue;
            }
            let norm = targets.frame.narrow_row(row, square, packed.row_mut(i, d));
            let error = match &bound {
                Some(bound) => bound.error(norm, panels.largest),
                None => uniform,
            };
            candidates[i] = Candidates::new(2.0 * error);
            packed.threshold[i] = if candidates[i].doubtful { f32::NEG_INFINITY } else { f32::INFINITY };
        }
        packed.threshold[out.len()..].fill(f32::NEG_INFINITY);
        sweep(
            &cpu.narrow,
            &mut packed,
            out.len(),
            panels,
            0..panels.panels(),
            &mut tile,
            |row, j, z, limit| candidates[row].offer(j, z, limit),
        );
        for (i, label) in out.iter_mut().enumerate() {
            stats.rows += 1;
            let row = start + i;
            if no_direction(targets, square_of(squares, row)) {
                // Similar 0 to every target: the lowest index.
                stats.truth += 1;
                *label = targets.order[0];
                continue;
            }
            let mut left = candidates[i].left();
            match (candidates[i].doubtful, left.next(), left.next()) {
                (false, Some(only), None) => {
                    stats.f32 += 1;
                    *label = targets.order[only as usize];
                }
                (false, Some(_), Some(_)) => {
                    stats.truth += 1;
                    let values = row_of(view, row, &mut buffer);
                    *label = decide(values, squares, row, targets, candidates[i].left());
                }
                _ => {
                    try_grow(doubtful, 1)?;
                    doubtful.push(row);
                }
            }
        }
    }
    Ok(())
}

/// dot(x, x) of a row; Euclidean blocks have none and need none.
fn square_of(squares: &[f64], row: usize) -> f64 {
    squares.get(row).copied().unwrap_or(0.0)
}

fn no_direction(targets: &CpuTargets, square: f64) -> bool {
    targets.metric == Metric::Cosine && square == 0.0
}

/// The definition's choice among packed targets in ascending order: the smallest distance (the
/// largest cosine), the first of equals.
fn decide(
    values: &[f32],
    squares: &[f64],
    row: usize,
    targets: &CpuTargets,
    candidates: impl Iterator<Item = u32>,
) -> u32 {
    let square = square_of(squares, row);
    let mut best = (f64::INFINITY, 0);
    for j in candidates {
        let target = targets.order[j as usize];
        let value = match targets.metric {
            Metric::SqEuclidean => targets.distance(values, square, target),
            // Not 1 - S: two similarities can differ where the two differences do not.
            Metric::Cosine => -targets.similarity(values, square, target),
        };
        if value < best.0 {
            best = (value, target);
        }
    }
    best.1
}

/// The `f64` kernel for the rows in `doubtful`, the definition for what it leaves.
#[allow(clippy::too_many_arguments, reason = "one phase of one search, called from one place")]
fn wide<T: Element>(
    cpu: &Cpu,
    view: &ArrayView2<'_, T>,
    squares: &[f64],
    targets: &CpuTargets,
    doubtful: &[usize],
    out: &mut [u32],
    stats: &mut SearchStats,
    cx: &Context,
) -> Result<()> {
    let d = view.ncols();
    let all = targets.view()?;
    let panels = wide_panels(&all, &targets.order, &targets.squares, &targets.frame, cpu.wide.nr(), cx)?;
    let error = match targets.frame {
        Frame::Shifted { .. } => WideError::Euclidean(Euclidean::new(Precision::F64, d, 1.0)),
        Frame::Unit => WideError::Uniform(cosine_error(Precision::F64, d)),
    };
    struct Part<'a> {
        rows: &'a [usize],
        labels: Vec<u32>,
        stats: SearchStats,
    }
    let mr = cpu.wide.mr();
    let step = 4 * mr;
    let mut parts = try_capacity(doubtful.len().div_ceil(step))?;
    for rows in doubtful.chunks(step) {
        parts.push(Job::new(Part { rows, labels: try_vec(rows.len(), 0)?, stats: SearchStats::default() }));
    }
    let cost = 2 * (step * panels.count * d) as u64;
    cx.in_waves(&mut parts, cost, |part| {
        let mut packed = PackedRows::new(&cpu.wide, d, f64::INFINITY, mr)?;
        let mut scores = Vec::new();
        let mut buffer = try_vec(d, 0.0f32)?;
        let mut tile = Tile::new();
        let mut left = Vec::new();
        for (rows, labels) in part.rows.chunks(mr).zip(part.labels.chunks_mut(mr)) {
            let mut norms = [0.0; MAX_ROWS];
            let width = wide_scores(
                &cpu.wide,
                |i, out| {
                    let Some(&row) = rows.get(i) else { return };
                    let square = square_of(squares, row);
                    norms[i] = targets.frame.wide_row(row_of(view, row, &mut buffer), square, out);
                },
                &mut packed,
                &panels,
                0..panels.panels(),
                &mut tile,
                &mut scores,
            )?;
            for (i, (&row, label)) in rows.iter().zip(labels).enumerate() {
                let z = &scores[i * width..(i + 1) * width];
                wide_candidates(z, 0, norms[i], &panels, &error, 0..panels.count, &mut left)?;
                if let [only] = left.as_slice() {
                    part.stats.f64 += 1;
                    *label = targets.order[*only as usize];
                } else {
                    part.stats.truth += 1;
                    let values = row_of(view, row, &mut buffer);
                    *label = decide(values, squares, row, targets, left.iter().copied());
                }
            }
        }
        Ok(())
    })?;
    for Job { work: part, .. } in parts {
        stats.merge(&part.stats);
        for (&row, &label) in part.rows.iter().zip(&part.labels) {
            out[row] = label;
        }
    }
    Ok(())
}
