//! The two passes of InfoNCE over the tiles of a block: statistics, and dL/dl.

use alloc::vec::Vec;
use core::ops::Range;

use super::tiles::{Part, Problem, TILE, Tile, tiles};
use super::{BlockStatistics, LogSumExp, SoftmaxRow, SoftmaxRows};
use crate::check;
use crate::control::{Context, Job, Stage};
use crate::error::Result;
use crate::memory::{try_capacity, try_vec};
use crate::real::Real;

/// Row tiles whose column statistics are held at once.
const TILES_AT_ONCE: usize = 16;

struct Scan<'s> {
    range: Range<usize>,
    rows: &'s mut [SoftmaxRow],
    cols: &'s mut [SoftmaxRow],
}

/// Pass 1, of rows, of columns or of both. Jobs own row tiles; each also makes the column
/// statistics of its rows, merged in the order of the row tiles.
pub(super) fn statistics<T: Real>(
    problem: &Problem<'_, T>,
    [by_row, by_col]: [bool; 2],
    cx: &Context,
) -> Result<BlockStatistics> {
    let (n, m) = (problem.n(), problem.m());
    let (mut rows, mut columns) = (SoftmaxRows::new(n)?, SoftmaxRows::new(m)?);
    let held = if by_col { m } else { 0 };
    let parts = held.saturating_mul(TILES_AT_ONCE.min(n.div_ceil(TILE)));
    let mut parts = try_vec(parts, SoftmaxRow::NONE)?;
    for (c, chunk) in rows.rows.chunks_mut(TILES_AT_ONCE * TILE).enumerate() {
        let first = c * TILES_AT_ONCE * TILE;
        cx.control.poll(Stage::Statistics, first as u64, n as u64)?;
        let mut jobs: Vec<Job<Scan<'_>>> = try_capacity(TILES_AT_ONCE)?;
        // Without columns each job gets an empty part.
        let mut parts = parts.chunks_mut(m);
        for (t, rows) in chunk.chunks_mut(TILE).enumerate() {
            let start = first + t * TILE;
            let cols = parts.next().unwrap_or_default();
            jobs.push(Job::new(Scan { range: start..start + rows.len(), rows, cols }));
        }
        cx.in_waves(&mut jobs, problem.cost(TILE, m), |job| {
            let mut tile = problem.tile()?;
            problem.load_x(&mut tile, job.range.clone());
            for range in tiles(m) {
                problem.load_y(&mut tile, range.clone());
                problem.fill(&mut tile)?;
                if by_row {
                    scan_rows(&tile, job.rows);
                }
                if by_col {
                    scan_cols(&tile, &mut job.cols[range]);
                }
            }
            Ok(())
        })?;
        for job in &jobs {
            columns.rows.iter_mut().zip(job.work.cols.iter()).for_each(|(all, part)| all.merge(part));
        }
    }
    for (side, wanted, other, what) in [
        (&mut rows, by_row, m, "statistics of x (weights times logits overflow)"),
        (&mut columns, by_col, n, "statistics of y (weights times logits overflow)"),
    ] {
        if !wanted {
            continue;
        }
        (side.seen, side.scale) = (other as u64, problem.scale());
        for (i, row) in side.rows.iter().enumerate() {
            check::finite_at(what, (i, 0), row.dot)?;
            check::finite_at(what, (i, 0), row.weight)?;
        }
    }
    Ok(BlockStatistics { rows, columns })
}

/// Adds the rows of a tile to their statistics.
fn scan_rows(tile: &Tile, stats: &mut [SoftmaxRow]) {
    let width = tile.cols.len();
    for (r, stat) in stats.iter_mut().enumerate() {
        let line = r * width..(r + 1) * width;
        let (logits, weights) = (&tile.logits[line.clone()], &tile.weights[line]);
        let (at, max) = largest(logits.iter().copied());
        let mut part = SoftmaxRow { lse: LogSumExp { max, rest: 0.0 }, ..SoftmaxRow::NONE };
        for (c, (l, w)) in logits.iter().zip(weights).enumerate() {
            if c != at {
                part.lse.rest += libm::exp(l - max);
            }
            if *w != 0.0 {
                part.dot += w * l;
                part.weight += w;
            }
        }
        stat.merge(&part);
    }
}

/// Sets the statistics of the columns of a tile, over its rows.
fn scan_cols(tile: &Tile, stats: &mut [SoftmaxRow]) {
    let width = tile.cols.len();
    let size = tile.rows.len() * width;
    for (c, stat) in stats.iter_mut().enumerate() {
        let (at, max) = largest(tile.logits[c..size].iter().step_by(width).copied());
        let mut part = SoftmaxRow { lse: LogSumExp { max, rest: 0.0 }, ..SoftmaxRow::NONE };
        for r in 0..tile.rows.len() {
            let (l, w) = (tile.logits[r * width + c], tile.weights[r * width + c]);
            if r != at {
                part.lse.rest += libm::exp(l - max);
            }
            if w != 0.0 {
                part.dot += w * l;
                part.weight += w;
            }
        }
        *stat = part;
    }
}

/// The first largest value and its place.
fn largest(values: impl Iterator<Item = f64>) -> (usize, f64) {
    let mut best = (0, f64::NEG_INFINITY);
    for (i, v) in values.enumerate() {
        if v > best.1 {
            best = (i, v);
        }
    }
    best
}

/// The softmaxes of one direction, complete, and what the loss of each counts.
pub(super) struct Direction<'s> {
    pub rows: &'s [SoftmaxRow],
    pub factors: Vec<f64>,
}

/// Pass 2: logits to dL/dl, and the tile's part of dL/d(ln s). A logit may exceed its row's
/// largest by `slack`, as one made by another machine may.
pub(super) fn turn(tile: &mut Tile, directions: &[Option<Direction<'_>>; 2], slack: f64) -> Result<Part> {
    let [rows, cols] = directions;
    let (first_row, first_col) = (tile.rows.start, tile.cols.start);
    if let Some((name, row)) = foreign(tile, directions, slack) {
        check::parameter(name, row as f64, "no such row: these are the statistics of other data", false)?;
    }
    let mut log_scale = 0.0;
    tile.for_each(|r, c, logit, weight| {
        let l = *logit;
        let mut sum = 0.0;
        for (direction, i) in [(rows, first_row + r), (cols, first_col + c)] {
            let Some(direction) = direction else { continue };
            let (row, factor) = (&direction.rows[i], direction.factors[i]);
            if row.weight == 0.0 {
                continue;
            }
            // A gap beyond all numbers comes with p = 0, and must not make a NaN of it.
            let gap = (l - row.lse.max).clamp(f64::MIN, 0.0);
            let (p, others) = row.lse.share(gap);
            let g = if weight == row.weight { -weight * others } else { row.weight * p - weight };
            sum += factor * g;
            log_scale += factor * g * gap;
        }
        *logit = sum;
    });
    Ok(Part { log_scale, ..Part::default() })
}

/// A row with a logit in the tile that its statistics, with `slack`, exclude.
fn foreign(
    tile: &Tile,
    [rows, cols]: &[Option<Direction<'_>>; 2],
    slack: f64,
) -> Option<(&'static str, usize)> {
    let width = tile.cols.len();
    let lines = tile.logits[..tile.rows.len() * width].chunks_exact(width);
    for (i, line) in tile.rows.clone().zip(lines) {
        if let Some(rows) = rows
            && line.iter().fold(f64::NEG_INFINITY, |most, l| most.max(*l)) - rows.rows[i].lse.max > slack
        {
            return Some(("row of x with a logit above the largest of its statistics", i));
        }
        if let Some(cols) = cols {
            let largest = cols.rows[tile.cols.clone()].iter().map(|row| row.lse.max);
            if let Some(c) = line.iter().zip(largest).position(|(l, largest)| l - largest > slack) {
                return Some((
                    "row of y with a logit above the largest of its statistics",
                    tile.cols.start + c,
                ));
            }
        }
    }
    None
}
