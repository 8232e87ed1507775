//! Seeding: which rows become the first centroids.
//!
//! **k-means++** (Arthur and Vassilvitskii 2007) draws each seed with probability proportional to
//! w D², D² being the distance to the nearest seed so far. The textbook draws from the prefix
//! sums of all D², which costs n distances a seed, and whose rounding depends on the order of the
//! rows. Here it is an exponential race (see [`race`]): the same distribution, no sums, each
//! row's randomness its own, and distances only for rows that may win.
//!
//! **Random** takes the k rows of positive weight with the smallest random keys.
//!
//! Under the cosine a row of zeros has no direction, is at distance 1 from everything, and would be drawn as
//! often as the rows that matter: such rows seed only when too few others can.
//!
//! Everything is a function of seed and row ids: no block size, thread count or order of
//! evaluation can change it. Rows of weight 0 never seed.

mod centres;
mod near;
mod race;
mod screen;
mod shares;

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;

use crate::backend::{Backend, Blocks};
use crate::check;
use crate::control::{Context, Job, Stage};
use crate::error::{Error, Result};
use crate::exact::elementary::ln;
use crate::memory::try_capacity;
use crate::random::{Stream, streams};
use crate::rows::RowSource;
use race::Race;
use shares::{Shares, weight};

/// The rows that become centroids.
#[derive(Debug, PartialEq)]
pub(crate) struct Seeds {
    /// Local indices, in the order in which they were chosen.
    pub rows: Vec<usize>,
    /// When fewer than k rows differ: how many do. The other seeds repeat some of them.
    pub distinct: Option<usize>,
    /// Pairs of a row and a seed that were looked at, by the definition or by a certified test.
    pub distances: u64,
}

/// Seeds by k-means++, in the arithmetic of the definitions: D² is the squared Euclidean distance,
/// or 1 - S for the cosine.
///
/// The first seed is drawn by weight, the others by w D². When all w D² are 0, the remaining seeds
/// are the unused rows of lowest index (and positive weight), and `distinct` says how many were
/// drawn: none, when all rows are zeros under the cosine. Equal times go to the lowest row. `stream_base` is 16 times the stage.
///
/// Cost: n distances, and for each seed one look at each row whose clock might fire before the next: mostly by a
/// certified test in `f32`, at the speed of a matrix product ([`screen`]). 48 bytes a row, 8 a value of a seed. One
/// pass over the rows, two under the cosine.
///
/// # Errors
/// `InvalidParameter` for k = 0, `ShapeMismatch` for weights of another length, `TooManyClusters`
/// for fewer rows of positive weight than k, `Cancelled`, `OutOfMemory`, the source's own.
pub(crate) fn plus_plus<B: Backend, S: RowSource>(
    blocks: &mut Blocks<'_, B, S>,
    weights: Option<&[f32]>,
    k: usize,
    seed: u64,
    stream_base: u32,
    cx: &Context,
) -> Result<Seeds> {
    let (n, eligible) = (blocks.source.n_rows(), eligible(&blocks.source, weights, k)?);
    let shares = Shares::new(blocks, weights, cx)?;
    let mut rows = try_capacity(k)?;
    let mut distances = 0;
    let first =
        first_seed(&blocks.source, &shares, Stream::new(seed, stream_base + streams::FIRST_SEED), cx)?;
    rows.extend(first);
    cx.control.poll(Stage::Seed, rows.len() as u64, k as u64)?;
    if let Some(first) = first
        && k > 1
    {
        let stream = Stream::new(seed, stream_base + streams::RACE);
        let mut race = Race::start(blocks, &shares, k, first, stream, cx)?;
        while rows.len() < k {
            match race.next(rows.len() as u64, cx)? {
                Some(row) => rows.push(row),
                None => break,
            }
            cx.control.poll(Stage::Seed, rows.len() as u64, k as u64)?;
        }
        distances = race.distances();
    }
    let distinct = (rows.len() < k).then_some(rows.len());
    if distinct.is_some() {
        fill(&mut rows, n, weights, k, eligible)?;
    }
    Ok(Seeds { rows, distinct, distances })
}

/// The k rows of positive weight with the smallest (random bits, index), in that order; rows without a
/// direction after all others.
///
/// # Errors
/// As [`plus_plus`].
pub(crate) fn random<B: Backend, S: RowSource>(
    blocks: &mut Blocks<'_, B, S>,
    weights: Option<&[f32]>,
    k: usize,
    seed: u64,
    stream_base: u32,
    cx: &Context,
) -> Result<Seeds> {
    eligible(&blocks.source, weights, k)?;
    let shares = Shares::new(blocks, weights, cx)?;
    let source = &blocks.source;
    let stream = Stream::new(seed, stream_base + streams::RANDOM_INIT);
    // The k smallest so far, the largest of them on top.
    let mut smallest: BinaryHeap<(bool, u64, usize)> = BinaryHeap::from(try_capacity(k)?);
    for i in 0..source.n_rows() {
        if i % POLL == 0 {
            cx.control.poll(Stage::Seed, 0, k as u64)?;
        }
        if weight(weights, i) > 0.0 {
            let key = (shares.undirected(i), stream.bits(source.row_id(i), 0), i);
            if smallest.len() < k {
                smallest.push(key);
            } else if let Some(mut top) = smallest.peek_mut()
                && key < *top
            {
                *top = key;
            }
        }
    }
    let mut rows = try_capacity(k)?;
    rows.extend(smallest.into_sorted_vec().into_iter().map(|(_, _, i)| i));
    cx.control.poll(Stage::Seed, k as u64, k as u64)?;
    Ok(Seeds { rows, distinct: None, distances: 0 })
}

/// Rows between two questions whether to stop: some milliseconds.
const POLL: usize = 1 << 16;

/// Number of rows that can seed; an error unless there are k.
fn eligible<S: RowSource + ?Sized>(source: &S, weights: Option<&[f32]>, k: usize) -> Result<usize> {
    check::at_least_one("clusters", k)?;
    let expected = source.n_rows();
    let n = match weights {
        Some(w) => {
            check::same_length("weights", expected, w.len())?;
            (0..expected).filter(|&i| weight(weights, i) > 0.0).count()
        }
        None => expected,
    };
    if k > n {
        return Err(Error::TooManyClusters { k, n });
    }
    check::at_most("clusters", k, u32::MAX as usize)?;
    Ok(n)
}

/// The row whose clock of rate w fires first: row i is drawn with probability w_i / sum w.
fn first_seed<S: RowSource + ?Sized>(
    source: &S,
    shares: &Shares,
    stream: Stream,
    cx: &Context,
) -> Result<Option<usize>> {
    let n = source.n_rows();
    let mut parts = try_capacity(n.div_ceil(POLL))?;
    parts.extend((0..n).step_by(POLL).map(|start| Job::new((start, None))));
    cx.in_waves(&mut parts, 64 * POLL as u64, |(start, best)| {
        for i in *start..n.min(*start + POLL) {
            let w = shares.of(i);
            if w > 0.0 {
                let time = -ln(stream.uniform(source.row_id(i), 0)) / w;
                // Times are positive: their bits are ordered as they are.
                let key = (time.to_bits(), i);
                *best = Some(best.map_or(key, |b: (u64, usize)| b.min(key)));
            }
        }
        Ok(())
    })?;
    Ok(parts.into_iter().filter_map(|part| part.work.1).min().map(|(_, i)| i))
}

/// Fills `rows` up to k with the unused rows of lowest index.
fn fill(rows: &mut Vec<usize>, n: usize, weights: Option<&[f32]>, k: usize, eligible: usize) -> Result<()> {
    debug_assert!(k <= eligible);
    let mut used = try_capacity(rows.len())?;
    used.extend_from_slice(rows);
    used.sort_unstable();
    let unused = (0..n).filter(|&i| weight(weights, i) > 0.0 && used.binary_search(&i).is_err());
    rows.extend(unused.take(k - used.len()));
    Ok(())
}

#[cfg(test)]
mod tests;
