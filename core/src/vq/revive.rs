//! Dead codes become rows of the batch.
//!
//! A row is *fresh* if it equals no code and no earlier row (under cosine: as a unit row; zero rows never
//! are). Only fresh rows are taken, each once, so revived codes differ from each other and from all
//! codes. Where fresh rows run out, the remaining dead codes stay as they are: a copy could never win a
//! row. Dead codes are served in ascending order, rows in that of the policy:
//!
//! - random: ascending Philox key of (seed, round, row), equal keys by row;
//! - farthest: descending distance to the row's code, equal distances by row;
//! - busiest: the code with the largest count / (1 + rows it already gave), the lower code on ties, gives its
//!   farthest fresh row (d'Hondt's division of the dead codes over the busy ones).

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::{Ordering, Reverse};

use ndarray::{ArrayView2, ArrayViewMut2};

use super::ids::{MASKED, check_ids};
use super::latents::by_code;
use super::rows::{row_of, same_dim, unit_into};
use crate::check;
use crate::error::*;
use crate::exact::Metric;
use crate::memory::{try_capacity, try_collect, try_copy, try_grow, try_up_to, try_vec};
use crate::params::{choices, setters};
use crate::random::{Stream, streams};
use crate::real::Real;
use crate::rows::copies::first_occurrences;

/// Which rows dead codes take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Policy {
    /// Dead codes take random rows.
    RandomRow,
    /// Dead codes take the rows farthest from their codes.
    FarthestRow,
    /// Dead codes take the rows farthest from the most used codes.
    SplitBusiest,
}

choices!(Policy: RandomRow, FarthestRow, SplitBusiest);

/// A code and the row it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revived {
    /// Index of the code.
    pub code: u32,
    /// Index of the row of z.
    pub row: u32,
}

/// Revival of dead codes: parameters. Tier A: the same choice for any number of threads.
///
/// # Example
/// ```
/// use pauca::{Metric, vq::{Policy, Revival, Revived, VectorQuantizer}};
/// let z = ndarray::array![[0.0f32], [1.0], [1.0], [9.0]];
/// let mut codes = ndarray::array![[0.5f32], [100.0]];
/// let step = VectorQuantizer::new().forward(z.view(), codes.view(), None)?;
/// let revival = Revival::new(Policy::FarthestRow);
/// let (ids, distances) = (step.ids.to_vec(), step.distances.to_vec());
/// let metric = Metric::SqEuclidean;
/// let chosen = revival.choose(&[1], codes.view(), metric, z.view(), &ids, &distances, 0)?;
/// assert_eq!(chosen, [Revived { code: 1, row: 3 }]);
/// revival.apply(&chosen, metric, z.view(), codes.view_mut())?;
/// assert_eq!(codes[[1, 0]], 9.0);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Revival {
    policy: Policy,
    threshold: f64,
    reset_count: Option<f64>,
    seed: u64,
}

impl Revival {
    /// A revival by `policy`: codes of averaged count below 1 are dead; seed 0.
    pub fn new(policy: Policy) -> Self {
        Self { policy, threshold: 1.0, reset_count: None, seed: 0 }
    }

    setters! {
        /// Averaged count below which a code of an [`EmaCodebook`](super::EmaCodebook) is dead.
        threshold: f64;
        /// Averaged count of a revived code. Default: twice the threshold, so that a code revived with decay
        /// 0.5 or more is not dead again after one step without rows.
        reset_count(count: f64) { reset_count = Some(count) }
        /// Seed of random choices.
        seed: u64;
    }

    pub(super) fn threshold_of(&self) -> f64 {
        self.threshold
    }

    pub(super) fn count(&self) -> f64 {
        self.reset_count.unwrap_or(2.0 * self.threshold)
    }

    /// Which rows the codes `dead` should take. `ids` and `distances` are those of the forward step on `z`;
    /// [`MASKED`] rows are not taken. `round`, the number of the step, makes random choices differ between
    /// steps (its low 32 bits count).
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a threshold or count that is not positive and finite,
    /// [`Error::ShapeMismatch`], [`Error::LabelOutOfRange`], [`Error::OutOfMemory`].
    #[allow(clippy::too_many_arguments, reason = "the outcome of one step, none of it kept")]
    pub fn choose<T: Real>(
        &self,
        dead: &[u32],
        codes: ArrayView2<'_, T>,
        metric: Metric,
        z: ArrayView2<'_, T>,
        ids: &[u32],
        distances: &[f64],
        round: u64,
    ) -> Result<Vec<Revived>> {
        check::positive("threshold", self.threshold)?;
        check::positive("reset_count", self.count())?;
        same_dim(&z, &codes)?;
        check::same_length("ids", z.nrows(), ids.len())?;
        check::same_length("distances", z.nrows(), distances.len())?;
        check_ids(ids, codes.nrows())?;
        check_ids(dead, codes.nrows())?;
        if dead.is_empty() {
            return Ok(Vec::new());
        }
        let mut fresh = fresh_rows(&z, &codes, metric, ids)?;
        let mut dead_codes = try_up_to(dead.len(), dead.iter().copied().filter(|&j| j != MASKED))?;
        dead_codes.sort_unstable();
        dead_codes.dedup();
        let wanted = dead_codes.len();
        let rows = match self.policy {
            Policy::RandomRow => {
                let stream = Stream::new(self.seed, streams::REVIVAL);
                smallest(&fresh, wanted, |i| stream.bits(i as u64, round as u32))?
            }
            // Distances are at least 0, so their bits are in order.
            Policy::FarthestRow => smallest(&fresh, wanted, |i| !(distances[i] + 0.0).to_bits())?,
            Policy::SplitBusiest => busiest(&mut fresh, wanted, ids, distances, codes.nrows())?,
        };
        try_collect(dead_codes.iter().zip(rows).map(|(&code, row)| Revived { code, row }))
    }

    /// Writes the chosen rows (under cosine, unit rows) into `codes`.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], [`Error::LabelOutOfRange`], [`Error::OutOfMemory`]; then nothing was written.
    pub fn apply<T: Real>(
        &self,
        chosen: &[Revived],
        metric: Metric,
        z: ArrayView2<'_, T>,
        mut codes: ArrayViewMut2<'_, T>,
    ) -> Result<()> {
        same_dim(&z, &codes.view())?;
        for (at, revived) in chosen.iter().enumerate() {
            check::label(at, revived.code, codes.nrows())?;
            check::label(at, revived.row, z.nrows())?;
        }
        let mut buffers = [try_vec(z.ncols(), T::default())?, try_vec(z.ncols(), T::default())?];
        for revived in chosen {
            let row = code_of(&z, revived.row as usize, metric, &mut buffers);
            codes.row_mut(revived.code as usize).iter_mut().zip(row).for_each(|(c, x)| *c = *x);
        }
        Ok(())
    }
}

/// Row `i` of `view` as a code.
fn code_of<'b, T: Real>(
    view: &'b ArrayView2<'_, T>,
    i: usize,
    metric: Metric,
    buffers: &'b mut [Vec<T>; 2],
) -> &'b [T] {
    let [first, second] = buffers;
    let row = row_of(view, i, first);
    match metric {
        Metric::SqEuclidean => row,
        Metric::Cosine => {
            unit_into(row, second);
            second
        }
    }
}

fn hash<T: Real>(row: &[T]) -> u64 {
    row.iter().fold(row.len() as u64, |h, x| {
        (h.rotate_left(23) ^ x.key()).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ h >> 29
    })
}

/// Whether each row may become a code.
fn fresh_rows<T: Real>(
    z: &ArrayView2<'_, T>,
    codes: &ArrayView2<'_, T>,
    metric: Metric,
    ids: &[u32],
) -> Result<Vec<bool>> {
    let (k, n, d) = (codes.nrows(), z.nrows(), z.ncols());
    let buffers = || -> Result<[Vec<T>; 2]> { Ok([try_vec(d, T::default())?, try_vec(d, T::default())?]) };
    let (mut a, mut b) = (buffers()?, buffers()?);
    // Codes first, then the rows that are not masked.
    let mut places = try_up_to(k + n, (0..k).map(|j| (true, j)))?;
    places.extend((0..n).filter(|&i| ids[i] != MASKED).map(|i| (false, i)));
    let view = |of_codes: bool| if of_codes { codes } else { z };
    let hashes = try_collect(places.iter().map(|&(c, i)| hash(code_of(view(c), i, metric, &mut a))))?;
    let first = first_occurrences(&hashes, |p, q| {
        let ((c, i), (e, j)) = (places[p], places[q]);
        let (x, y) = (code_of(view(c), i, metric, &mut a), code_of(view(e), j, metric, &mut b));
        Ok(x.iter().zip(y).all(|(x, y)| x.key() == y.key()))
    })?;
    let mut fresh = try_vec(n, false)?;
    for (p, &(of_codes, i)) in places.iter().enumerate() {
        let directed = metric == Metric::SqEuclidean
            || of_codes
            || row_of(z, i, &mut a[0]).iter().any(|x| x.to_f64() != 0.0);
        if !of_codes && first[p] == p && directed {
            fresh[i] = true;
        }
    }
    Ok(fresh)
}

/// The `wanted` fresh rows of smallest (key, row), in that order.
fn smallest(fresh: &[bool], wanted: usize, key: impl Fn(usize) -> u64) -> Result<Vec<u32>> {
    let keyed = (0..fresh.len()).filter(|&i| fresh[i]).map(|i| (key(i), i as u32));
    let mut keys = try_up_to(fresh.iter().filter(|f| **f).count(), keyed)?;
    keys.sort_unstable();
    try_collect(keys.into_iter().take(wanted).map(|(_, i)| i))
}

/// A code that may give rows: count / (1 + given), larger first, then the lower code.
#[derive(PartialEq, Eq)]
struct Donor {
    count: u64,
    given: u64,
    code: Reverse<usize>,
}

impl PartialOrd for Donor {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Donor {
    fn cmp(&self, other: &Self) -> Ordering {
        let product = |a: u64, b: u64| a as u128 * (b as u128 + 1);
        product(self.count, other.given)
            .cmp(&product(other.count, self.given))
            .then(self.code.cmp(&other.code))
    }
}

fn busiest(fresh: &mut [bool], wanted: usize, ids: &[u32], distances: &[f64], k: usize) -> Result<Vec<u32>> {
    let (offsets, mut rows) = by_code(ids, k)?;
    let mut next = try_copy(&offsets[..k])?;
    let mut donors = try_capacity(k)?;
    for j in 0..k {
        let members = &mut rows[offsets[j]..offsets[j + 1]];
        let key = |&i: &u32| (!(distances[i as usize] + 0.0).to_bits(), i);
        members.sort_unstable_by_key(key);
        if !members.is_empty() {
            donors.push(Donor { count: members.len() as u64, given: 0, code: Reverse(j) });
        }
    }
    let mut donors = BinaryHeap::from(donors);
    let mut out = Vec::new();
    while out.len() < wanted {
        let Some(mut donor) = donors.pop() else { break };
        let j = donor.code.0;
        while next[j] < offsets[j + 1] && !fresh[rows[next[j]] as usize] {
            next[j] += 1;
        }
        if next[j] == offsets[j + 1] {
            continue;
        }
        try_grow(&mut out, 1)?;
        out.push(rows[next[j]]);
        next[j] += 1;
        donor.given += 1;
        donors.push(donor);
    }
    Ok(out)
}
