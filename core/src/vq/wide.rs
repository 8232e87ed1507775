//! Nearest codes of `f64` rows, the definition evaluated on every pair; and their exact sums.
//!
//! Rounding a row to `f32` can change its nearest code, and the seam's search tells the winner only,
//! not who else is near, so an `f32` proposal cannot be certified from outside. `f64` latents serve
//! gradient checkers and references, not training, so every pair is evaluated in the definition's
//! own arithmetic, tile by tile. The cost is 3 n k d `f64` operations and no memory.
//!
//! **Definition.** As for `f32` rows (16 strided lanes, fixed tree, ties to the lowest index), on `f64`
//! values, each product rounded. Under cosine, rows and codes whose largest value lies outside
//! [2^-200, 2^200] are first scaled by a power of two. Squared distances may overflow: values beyond
//! 2^500 are refused.

use alloc::vec::Vec;

use ndarray::ArrayView2;

use super::rows::{row_of, safe_scale, unit_into};
use crate::backend::SearchStats;
use crate::check;
use crate::control::{Context, Job};
use crate::error::{Error, Result};
use crate::exact::float::{narrow, widen};
use crate::exact::{Metric, Sums, cosine_from, dot_wide, squared_distance_wide};
use crate::memory::{try_capacity, try_collect, try_vec};

/// Values beyond this have squares that `f64` cannot sum.
const LARGEST: f64 = f64::from_bits((1023 + 500) << 52);
/// Values of codes that a tile holds: half of a first-level cache.
const TILE: usize = 2048;
/// Rows of one task.
const ROWS: usize = 64;

/// Codes, checked.
#[derive(Debug)]
pub struct Codes {
    metric: Metric,
    dim: usize,
    values: Vec<f64>,
    squares: Vec<f64>,
}

/// Rows in standard order, checked, scaled where the metric allows it; and their squares.
fn prepared(view: &ArrayView2<'_, f64>, metric: Metric) -> Result<(Vec<f64>, Vec<f64>)> {
    let mut values = try_capacity(view.len())?;
    let mut squares = try_capacity(if metric == Metric::Cosine { view.nrows() } else { 0 })?;
    for (i, row) in view.rows().into_iter().enumerate() {
        let start = values.len();
        for (col, &x) in row.iter().enumerate() {
            check::finite_at("x", (i, col), x)?;
            let fits = metric != Metric::SqEuclidean || x.abs() <= LARGEST;
            check::parameter("a value of x", x, "of magnitude at most 2^500", fits)?;
            values.push(x);
        }
        if metric == Metric::Cosine {
            let row = &mut values[start..];
            let scale = safe_scale(row);
            row.iter_mut().for_each(|x| *x *= scale);
            squares.push(dot_wide(row, row));
        }
    }
    Ok((values, squares))
}

impl Codes {
    pub(super) fn new(codes: &ArrayView2<'_, f64>, metric: Metric) -> Result<Self> {
        let (values, squares) = prepared(codes, metric)?;
        Ok(Self { metric, dim: codes.ncols(), values, squares })
    }
}

/// The nearest code of every row and its distance: squared Euclidean, or 1 - cosine.
pub(super) fn nearest(
    rows: ArrayView2<'_, f64>,
    codes: &Codes,
    ids: &mut [u32],
    distances: &mut [f64],
    cx: &Context,
) -> Result<SearchStats> {
    let d = codes.dim.max(1);
    struct Task<'t> {
        first: usize,
        ids: &'t mut [u32],
        distances: &'t mut [f64],
    }
    let n = ids.len();
    let mut tasks = try_capacity(n.div_ceil(ROWS))?;
    for (i, (ids, distances)) in ids.chunks_mut(ROWS).zip(distances.chunks_mut(ROWS)).enumerate() {
        tasks.push(Job::new(Task { first: i * ROWS, ids, distances }));
    }
    let cost = 4 * (ROWS * codes.values.len()) as u64;
    cx.in_waves(&mut tasks, cost, |task| {
        let m = task.ids.len();
        let block = rows.slice(ndarray::s![task.first..task.first + m, ..]);
        let located = |error: Error| error.at("x", |row| (row + task.first) as u64);
        let (block, squares) = prepared(&block, codes.metric).map_err(located)?;
        task.distances.fill(f64::INFINITY);
        task.ids.fill(0);
        let step = (TILE / d).max(1);
        for (tile, chunk) in codes.values.chunks(step * d).enumerate() {
            for (i, row) in block.chunks_exact(d).enumerate() {
                for (c, code) in chunk.chunks_exact(d).enumerate() {
                    let j = tile * step + c;
                    let value = match codes.metric {
                        Metric::SqEuclidean => squared_distance_wide(row, code),
                        // Not 1 - S: two similarities can differ where the two differences do not.
                        Metric::Cosine => -cosine_from(dot_wide(row, code), squares[i], codes.squares[j]),
                    };
                    if value < task.distances[i] {
                        task.distances[i] = value;
                        task.ids[i] = j as u32;
                    }
                }
            }
        }
        if codes.metric == Metric::Cosine {
            task.distances.iter_mut().for_each(|v| *v += 1.0);
        }
        Ok(())
    })?;
    Ok(SearchStats { rows: n as u64, truth: n as u64, ..SearchStats::default() })
}

/// Unit rows of `f64`, for sums.
fn unit(view: &ArrayView2<'_, f64>, i: usize, out: &mut [f64]) -> Result<()> {
    let mut buffer = try_vec(out.len(), 0.0)?;
    unit_into(row_of(view, i, &mut buffer), out);
    Ok(())
}

/// Cuts an `f64` into three `f32` that sum to it, but for what lies below 2^-149.
fn thirds(x: f64) -> [f32; 3] {
    let high = narrow(x);
    let rest = x - widen(high);
    let middle = narrow(rest);
    [high, middle, narrow(rest - widen(middle))]
}

/// `f64` rows into exact sums of `f32` values.
pub(super) fn accumulate(
    view: &ArrayView2<'_, f64>,
    metric: Metric,
    ids: &[u32],
    sums: &mut Sums,
    cx: &Context,
) -> Result<()> {
    let (n, d) = view.dim();
    // 2^127: what rounds to an infinite f32 must not come near.
    let limit = f64::from_bits((1023 + 127) << 52);
    for ((row, col), &x) in view.indexed_iter() {
        check::finite_at("x", (row, col), x)?;
        let fits = metric != Metric::SqEuclidean || x.abs() < limit;
        check::parameter("a value of z", x, "below 2^127 in magnitude, to be summed", fits)?;
    }
    for &id in ids {
        sums.count(id as usize, None, 1)?;
    }
    let (chunks, _) = sums.parts_mut();
    let mut jobs = try_collect(chunks.iter_mut().map(Job::new))?;
    let cost = 8 * (n * d / jobs.len().max(1)).max(n) as u64;
    cx.in_waves(&mut jobs, cost, |chunk| {
        let (clusters, columns) = (chunk.clusters(), chunk.columns());
        chunk.prepare()?;
        let mut buffer = try_vec(d, 0.0f64)?;
        let mut row = try_vec(d, 0.0f64)?;
        let mut parts = try_vec(3 * columns.len(), 0.0f32)?;
        for i in (0..n).filter(|i| clusters.contains(&(ids[*i] as usize))) {
            match metric {
                Metric::SqEuclidean => row.copy_from_slice(row_of(view, i, &mut buffer)),
                Metric::Cosine => unit(view, i, &mut row)?,
            }
            for (j, &x) in row[columns.clone()].iter().enumerate() {
                for (p, part) in thirds(x).into_iter().enumerate() {
                    parts[p * columns.len() + j] = part;
                }
            }
            for part in parts.chunks_exact(columns.len()) {
                chunk.add(ids[i] as usize, part, 1)?;
            }
        }
        Ok(())
    })
}
