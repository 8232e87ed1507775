//! Exact sums of rows per cluster. Tasks own ranges of columns, so no two write one number and
//! no thread needs a copy of the sums.

use alloc::vec::Vec;

use super::block::CpuBlock;
use crate::check::same_length;
use crate::control::{Context, Job};
use crate::error::Result;
use crate::exact::float::positive;
use crate::exact::{Metric, Sums, unit_row};
use crate::memory::{try_capacity, try_vec};

/// Exact sums, and which of them changed since centroids were last made of them.
#[derive(Debug)]
pub struct CpuSums {
    pub(super) sums: Sums,
    pub(super) changed: Vec<bool>,
}

/// The rows that an accumulation moves.
#[derive(Clone, Copy)]
pub(super) struct Moves<'m> {
    /// Labels that the rows leave.
    pub from: Option<&'m [u32]>,
    /// Labels that they join.
    pub to: &'m [u32],
    pub weights: Option<&'m [f32]>,
}

/// See [`Backend::accumulate`](crate::backend::Backend::accumulate). `touched` is told every cluster that
/// changes.
pub(super) fn accumulate(
    block: &CpuBlock<'_>,
    moves: Moves<'_>,
    sums: &mut Sums,
    mut touched: impl FnMut(usize),
    cx: &Context,
) -> Result<()> {
    let Moves { from, to, weights } = moves;
    let (n, d) = (block.rows.n_rows(), block.rows.dim());
    same_length("dimension of the sums", d, sums.dim())?;
    same_length("labels", n, to.len())?;
    from.map_or(Ok(()), |from| same_length("old labels", n, from.len()))?;
    weights.map_or(Ok(()), |w| same_length("weights", n, w.len()))?;
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
                touched(label as usize);
                sums.count(label as usize, weight, sign)?;
            }
        }
    }
    let mut jobs = try_capacity(sums.chunks_mut().len())?;
    jobs.extend(sums.chunks_mut().iter_mut().map(Job::new));
    let cost = 2 * (n * d / jobs.len().max(1)) as u64;
    cx.in_waves(&mut jobs, cost, |chunk| {
        let columns = chunk.columns();
        chunk.prepare()?;
        let mut buffer = try_vec(d, 0.0f32)?;
        let mut values = try_vec(columns.len(), 0.0f32)?;
        for i in 0..n {
            let Some((old, new)) = moved(i) else { continue };
            let row = &block.rows.row_at(i, &mut buffer)[columns.clone()];
            match block.metric {
                Metric::SqEuclidean => values.copy_from_slice(row),
                Metric::Cosine => unit_row(row, block.squares[i], &mut values),
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
