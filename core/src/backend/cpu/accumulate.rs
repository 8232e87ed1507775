//! Exact sums of rows per cluster. Tasks own ranges of columns, so no two write one number and
//! no thread needs a copy of the sums.

use ndarray::ArrayView2;

use crate::control::{Context, Job};
use crate::error::Result;
use crate::exact::float::{narrow, positive, widen};
use crate::exact::{Metric, Sums};
use crate::memory::{try_capacity, try_vec};
use crate::rows::{Element, row_of};

/// See [`Backend::accumulate`](crate::backend::Backend::accumulate).
#[allow(clippy::too_many_arguments, reason = "the arguments of the trait's method, unpacked")]
pub(super) fn accumulate<T: Element>(
    view: &ArrayView2<'_, T>,
    metric: Metric,
    squares: &[f64],
    from: Option<&[u32]>,
    to: &[u32],
    weights: Option<&[f32]>,
    sums: &mut Sums,
    cx: &Context,
) -> Result<()> {
    let k = sums.n_clusters();
    let cluster = |label: u32| (label as usize) < k;
    // The moves: (cluster left, cluster joined). Rows of weight 0 are in no sum and not counted.
    let moved = |i: usize| {
        let old = from.map(|from| from[i]);
        let moves = old != Some(to[i]) && weights.is_none_or(|w| positive(w[i]));
        moves.then_some((old.filter(|&o| cluster(o)), Some(to[i]).filter(|&t| cluster(t))))
    };
    for i in 0..to.len() {
        let Some((old, new)) = moved(i) else { continue };
        let weight = weights.map(|w| w[i]);
        for (label, sign) in [(old, -1), (new, 1)] {
            if let Some(label) = label {
                sums.count(label as usize, weight, sign)?;
            }
        }
    }
    let mut jobs = try_capacity(sums.chunks_mut().len())?;
    jobs.extend(sums.chunks_mut().iter_mut().map(Job::new));
    let (n, d) = view.dim();
    let cost = 2 * (n * d / jobs.len().max(1)) as u64;
    cx.in_waves(&mut jobs, cost, |chunk| {
        let columns = chunk.columns();
        chunk.prepare()?;
        let mut buffer = try_vec(d, 0.0f32)?;
        let mut values = try_vec(columns.len(), 0.0f32)?;
        for i in 0..n {
            let Some((old, new)) = moved(i) else { continue };
            let row = &row_of(view, i, &mut buffer)[columns.clone()];
            match metric {
                Metric::SqEuclidean => values.copy_from_slice(row),
                Metric::Cosine => unit(row, squares[i], &mut values),
            }
            for (label, sign) in [(old, -1), (new, 1)] {
                match (label, weights) {
                    (None, _) => {}
                    (Some(label), None) => chunk.add(label as usize, &values, sign)?,
                    (Some(label), Some(w)) => chunk.add_weighted(label as usize, &values, w[i], sign)?,
                }
            }
        }
        Ok(())
    })
}

/// The unit row of the definition, f32(x / sqrt(dot(x, x))); zeros for a zero row.
fn unit(row: &[f32], square: f64, out: &mut [f32]) {
    if square == 0.0 {
        out.fill(0.0);
        return;
    }
    let norm = libm::sqrt(square);
    for (o, x) in out.iter_mut().zip(row) {
        *o = narrow(widen(*x) / norm);
    }
}
