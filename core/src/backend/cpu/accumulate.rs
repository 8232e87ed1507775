//! Exact sums of rows per cluster.
//!
//! ```text
//! for rows enough to be worth it (SIDES_BYTES)
//!     group the sides of their moves (row i leaves a cluster, row i joins one) by cluster: a counting sort
//!     for each task: for each of its clusters: add its rows, while later ones are asked for
//! ```
//!
//! A task owns a few clusters: their digits stay in its nearest cache, and it reads the rows of its own clusters only. No
//! two tasks write one number, and no thread needs a copy of the sums. Where few clusters hold most rows, as with
//! k = 1, their rows are cut into pieces, each summed apart and then merged.
//!
//! All rows of a cluster at once would touch each of the digits once, but every row would lie on pages of its own: the
//! machine then waits for its page table. Some thousand rows at a time took a quarter less.

use alloc::vec::Vec;
use core::ops::Range;

use super::block::CpuBlock;
use super::machine::Cpu;
use crate::check::same_length;
use crate::control::{Context, Job};
use crate::error::{Error, Result};
use crate::exact::float::{positive, widen};
use crate::exact::sums::{Chunk, UNWEIGHTED};
use crate::exact::{Metric, Sums};
use crate::memory::{try_capacity, try_vec};
use crate::simd::PlaneKernel;

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

impl Moves<'_> {
    /// Calls `f` with (side, row) for every side of a move of `rows`: 2c for a row that joins cluster c below `k`,
    /// 2c + 1 for one that leaves it. Rows of weight 0 are in no sum.
    fn sides(&self, rows: Range<usize>, k: usize, mut f: impl FnMut(usize, usize)) {
        for i in rows {
            let (old, new) = (self.from.map(|from| from[i]), self.to[i]);
            if old == Some(new) || self.weights.is_some_and(|w| !positive(w[i])) {
                continue;
            }
            if (new as usize) < k {
                f(2 * new as usize, i);
            }
            if let Some(old) = old.filter(|old| (*old as usize) < k) {
                f(2 * old as usize + 1, i);
            }
        }
    }

    /// Rows from `first` on that have about so many sides, or all that are left.
    fn some(&self, first: usize, sides: usize) -> Range<usize> {
        let moves = |i: &usize| self.from.is_none_or(|from| from[*i] != self.to[*i]);
        let last = (first..self.to.len()).filter(moves).nth(sides / 2);
        first..last.map_or(self.to.len(), |last| last + 1)
    }
}

/// The sides of the moves, grouped by cluster.
struct Sides {
    /// Where the rows of each side begin; one number more than there are sides.
    starts: Vec<usize>,
    rows: Vec<u32>,
}

impl Sides {
    fn of(moves: &Moves<'_>, rows: Range<usize>, k: usize) -> Result<Self> {
        // Counted two places ahead, begun one place ahead: after all rows are placed, each side begins at its place.
        let mut starts = try_vec(2 * k + 2, 0usize)?;
        moves.sides(rows.clone(), k, |side, _| starts[side + 2] += 1);
        for side in 2..starts.len() {
            starts[side] += starts[side - 1];
        }
        let mut sorted = try_vec(starts.last().copied().unwrap_or(0), 0u32)?;
        moves.sides(rows, k, |side, i| {
            sorted[starts[side + 1]] = i as u32;
            starts[side + 1] += 1;
        });
        Ok(Self { starts, rows: sorted })
    }

    fn range(&self, side: usize) -> Range<usize> {
        self.starts[side]..self.starts[side + 1]
    }

    /// The places of the rows of some clusters.
    fn of_clusters(&self, clusters: Range<usize>) -> Range<usize> {
        self.starts[2 * clusters.start]..self.starts[2 * clusters.end]
    }
}

/// What a task adds to.
enum Part<'s> {
    Own(&'s mut Chunk),
    /// A chunk that is merged into the one of this number.
    Piece(usize, Chunk),
    Weights(&'s mut Chunk),
}

struct Task<'s> {
    part: Part<'s>,
    /// Which of the sorted sides.
    sides: Range<usize>,
}

/// What every task needs to know.
struct Work<'w, 'r> {
    block: &'w CpuBlock<'r>,
    weights: Option<&'w [f32]>,
    sides: &'w Sides,
    kernel: PlaneKernel,
}

/// Rows that are asked for ahead of the one that is added.
const AHEAD: usize = 4;

impl Work<'_, '_> {
    /// Adds the sides `within` of the chunk's clusters to it.
    fn add(&self, chunk: &mut Chunk, within: &Range<usize>) -> Result<()> {
        let Self { block, weights, sides, kernel } = self;
        let (columns, rows) = (chunk.columns(), block.rows());
        chunk.prepare()?;
        let mut buffer = try_vec(rows.dim(), 0.0f32)?;
        let mut unit = try_vec(if block.metric == Metric::Cosine { columns.len() } else { 0 }, 0.0f32)?;
        for cluster in chunk.clusters() {
            for (side, sign) in [(2 * cluster, 1), (2 * cluster + 1, -1)] {
                let range = sides.range(side);
                for at in range.start.max(within.start)..range.end.min(within.end) {
                    let later = sides.rows[..within.end].get(at + AHEAD);
                    let later = later.map_or(&[][..], |row| rows.bytes_of(*row as usize, &columns));
                    let i = sides.rows[at] as usize;
                    let mut values = &rows.row_at(i, &mut buffer)[columns.clone()];
                    if block.metric == Metric::Cosine {
                        kernel.unit(values, block.squares[i], &mut unit);
                        values = &unit;
                    }
                    match weights {
                        None => {
                            let digits = chunk.for_one_more(cluster)?;
                            if !digits.is_some_and(|digits| kernel.add(values, sign, digits, later)) {
                                chunk.add(cluster, values, sign)?;
                            }
                        }
                        Some(w) => {
                            let signed = widen(w[i]) * sign as f64;
                            let digits = chunk.for_one_more(cluster)?;
                            if !digits
                                .is_some_and(|digits| kernel.add_products(values, signed, digits, later))
                            {
                                chunk.add_weighted(cluster, values, w[i], sign)?;
                            }
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds the weights of all sides.
    fn add_weights(&self, chunk: &mut Chunk) -> Result<()> {
        chunk.prepare()?;
        for cluster in chunk.clusters() {
            for (side, sign) in [(2 * cluster, 1), (2 * cluster + 1, -1)] {
                for &i in &self.sides.rows[self.sides.range(side)] {
                    chunk.add(cluster, &[self.weights.map_or(1.0, |w| w[i as usize])], sign)?;
                }
            }
        }
        Ok(())
    }
}

/// Bytes of the rows whose sides are sorted together: their part of the page table stays in the cache.
const SIDES_BYTES: usize = 16 << 20;
/// Sides of each cluster that are added together, at least, so that fetching its digits does not matter.
const SIDES_OF_A_CLUSTER: usize = 8;
/// Fewest sides of a piece: so many that merging does not matter.
const PIECE: usize = 1024;

/// See [`Backend::accumulate`](crate::backend::Backend::accumulate). `touched` is told every cluster that
/// changes.
pub(super) fn accumulate(
    cpu: &Cpu,
    block: &CpuBlock<'_>,
    moves: Moves<'_>,
    sums: &mut Sums,
    mut touched: impl FnMut(usize),
    cx: &Context,
) -> Result<()> {
    let Moves { from, to, weights } = moves;
    let (n, d) = (block.rows().n_rows(), block.rows().dim());
    same_length("dimension of the sums", d, sums.dim())?;
    same_length("labels", n, to.len())?;
    from.map_or(Ok(()), |from| same_length("old labels", n, from.len()))?;
    weights.map_or(Ok(()), |w| same_length("weights", n, w.len()))?;
    let k = sums.n_clusters();
    let mut counts = try_vec(2 * k, 0u64)?;
    moves.sides(0..n, k, |side, _| counts[side] += 1);
    for (cluster, count) in counts.as_chunks().0.iter().enumerate() {
        let [joined, left] = *count;
        if joined + left > 0 {
            touched(cluster);
            sums.recount(cluster, joined, left)?;
        }
    }
    if !sums.is_weighted()
        && let Some(w) = weights
    {
        // Sums that were made without weights take those of 1.
        let mut ones = true;
        moves.sides(0..n, k, |_, i| ones &= w[i] == 1.0);
        if !ones {
            return Err(Error::Mismatch { what: UNWEIGHTED });
        }
    }
    let weights = if sums.is_weighted() { weights } else { None };
    let kernel = PlaneKernel::new(cpu.level())?;
    let together = (SIDES_BYTES / (4 * d)).max(SIDES_OF_A_CLUSTER * k);
    let mut first = 0;
    while first < n {
        let rows = moves.some(first, together);
        first = rows.end;
        let sides = &Sides::of(&moves, rows, k)?;
        add_sides(&Work { block, weights, sides, kernel }, sums, cx)?;
    }
    Ok(())
}

/// Adds sorted sides to the sums.
fn add_sides(work: &Work<'_, '_>, sums: &mut Sums, cx: &Context) -> Result<()> {
    let (sides, d) = (work.sides, sums.dim());
    // The largest part of one task: with threads, so that all of them end together.
    let share = match cx.exec.width() {
        1 => usize::MAX,
        width => (sides.rows.len() / (4 * width)).max(PIECE),
    };
    let (chunks, weights) = sums.parts_mut();
    let pieces = |chunk: &Chunk| sides.of_clusters(chunk.clusters()).len().div_ceil(share);
    let mut jobs = try_capacity(chunks.iter().map(pieces).fold(1, usize::saturating_add))?;
    for (at, chunk) in chunks.iter_mut().enumerate() {
        let all = sides.of_clusters(chunk.clusters());
        let parts = pieces(chunk);
        let cut = |part: usize| all.start + all.len() * part / parts.max(1);
        for part in 1..parts {
            let piece = Part::Piece(at, chunk.alike()?);
            jobs.push(Job::new(Task { part: piece, sides: cut(part)..cut(part + 1) }));
        }
        if parts > 0 {
            jobs.push(Job::new(Task { part: Part::Own(chunk), sides: cut(0)..cut(1) }));
        }
    }
    jobs.extend(weights.map(|chunk| Job::new(Task { part: Part::Weights(chunk), sides: 0..0 })));
    let cost = 2 * (sides.rows.len() * d / jobs.len().max(1)) as u64;
    cx.in_waves(&mut jobs, cost, |Task { part, sides }| match part {
        Part::Own(chunk) => work.add(chunk, sides),
        Part::Piece(_, chunk) => work.add(chunk, sides),
        Part::Weights(chunk) => work.add_weights(chunk),
    })?;
    let merged = jobs.into_iter().filter_map(|job| match job.work.part {
        Part::Piece(at, piece) => Some((at, piece)),
        _ => None,
    });
    let mut pieces = try_capacity(merged.size_hint().1.unwrap_or(0))?;
    pieces.extend(merged);
    let (chunks, _) = sums.parts_mut();
    pieces.iter().try_for_each(|(at, piece)| chunks[*at].merge(piece, 1))
}

#[cfg(all(test, feature = "rayon"))]
mod tests {
    use super::*;
    use crate::control::Control;
    use crate::exec::Exec;
    use crate::rows::Rows;
    use crate::simd::Level;

    /// Few clusters, or one that holds most rows: with threads they are summed in pieces.
    #[test]
    fn pieces_add_up() -> Result<()> {
        let (n, d) = (6000, 5);
        // Ordinary magnitudes, and some that are not.
        let value = |(i, j): (usize, usize)| match (i * 31 + j * 7) % 101 {
            0 => 1e20,
            1 => -1e-30,
            m => (m as f32 - 50.0) / 64.0,
        };
        let x = ndarray::Array2::from_shape_fn((n, d), value);
        let weights: Vec<f32> = (0..n).map(|i| (i % 4) as f32 * 0.75).collect();
        let serial = Context::new(Exec::serial(), Control::new());
        let threads = Context::new(Exec::threads(2)?, Control::new());
        for level in Level::available() {
            let cpu = Cpu::with_level(level)?;
            for (k, metric) in [(1, Metric::SqEuclidean), (3, Metric::Cosine), (200, Metric::SqEuclidean)] {
                let block = CpuBlock::new(&cpu, Rows::F32(x.view()), metric, &serial)?;
                let old: Vec<u32> = (0..n).map(|i| (i * i % (k + 1)) as u32).collect();
                let new: Vec<u32> = (0..n).map(|i| if i % 10 < 9 { 0 } else { (i % k) as u32 }).collect();
                for weights in [None, Some(&weights[..])] {
                    let sum = |cx: &Context| {
                        let mut sums =
                            if weights.is_some() { Sums::weighted(k, d)? } else { Sums::new(k, d)? };
                        let mut changed = 0;
                        for (from, to) in [(None, &old[..]), (Some(&old[..]), &new[..])] {
                            let moves = Moves { from, to, weights };
                            accumulate(&cpu, &block, moves, &mut sums, |_| changed += 1, cx)?;
                        }
                        Ok((sums.to_bytes()?, changed))
                    };
                    let one: Result<(Vec<u8>, i32)> = sum(&serial);
                    assert!(one? == sum(&threads)?, "{level:?}, {k} clusters");
                }
            }
        }
        Ok(())
    }
}
