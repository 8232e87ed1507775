//! The distances of all pairs of states, and what follows from them.

use alloc::vec::Vec;
use core::ops::Range;

use ndarray::{Array1, Array2};

use crate::arrays::matrix;
use crate::error::{Error, Result};
use crate::memory::{try_capacity, try_copy, try_vec};
use crate::select::ranked;

use super::moments::{Moments, Spread, pair};
use super::params::LayerDistances;
use super::plan::{Block, Choice, Keep};
use super::{LayerMetric, Quantiles};

/// Distances between the L + 1 hidden states of a network of L layers. All arrays are [L + 1,
/// L + 1], symmetric, indexed by state; state 0 is the embedding output. Tier A.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LayerTable {
    /// What was measured.
    pub metric: LayerMetric,
    /// L.
    pub n_layers: usize,
    /// Samples seen.
    pub samples: u64,
    /// Samples that count for a pair: those where neither state is all zeros. The rest,
    /// `samples - count`, was skipped.
    pub count: Array2<u64>,
    /// The exact sum of the distances, rounded, over the count; NaN where the count is 0. The paper
    /// sums in its section 3.2 and averages in 4.3.
    pub mean: Array2<f64>,
    /// The exact sum of (distance - mean)², rounded, over count - 1; NaN where the count is
    /// below 2.
    pub variance: Array2<f64>,
    /// Smallest distance; NaN where the count is 0.
    pub min: Array2<f64>,
    /// Largest distance; NaN where the count is 0.
    pub max: Array2<f64>,
    /// Spreads, in the order of [`pair`], values sorted.
    moments: Vec<Moments>,
}

fn square<T: Clone>(n: usize, value: T) -> Result<Array2<T>> {
    matrix(n, n, try_vec(n * n, value)?)
}

impl LayerTable {
    /// The table of `samples` samples, from the moments of all pairs of states.
    pub(crate) fn new(asked: &LayerDistances, samples: u64, found: &[Moments]) -> Result<Self> {
        let LayerDistances { n_layers, metric, .. } = *asked;
        let n = n_layers + 1;
        let (mut count, mut mean) = (square(n, samples)?, square(n, 0.0)?);
        let (mut variance, mut min, mut max) = (square(n, 0.0)?, square(n, 0.0)?, square(n, 0.0)?);
        let mut moments = try_capacity(found.len())?;
        for l in 0..n {
            for m in l + 1..n {
                let from = &found[pair(n_layers, l, m)];
                let some = |value: f64| if from.count == 0 { f64::NAN } else { value };
                let (average, spread) = (from.mean(), from.variance());
                for at in [[l, m], [m, l]] {
                    count[at] = from.count;
                    mean[at] = average;
                    variance[at] = spread;
                    min[at] = some(from.min);
                    max[at] = some(from.max);
                }
                let mut own = Moments::new(Quantiles::Exact)?;
                own.spread = match &from.spread {
                    Spread::Values(values) => Spread::Values(try_copy(values)?),
                    Spread::Counts(counts) => Spread::Counts(try_copy(counts)?),
                };
                (own.count, own.min, own.max) = (from.count, from.min, from.max);
                own.sort();
                moments.push(own);
            }
        }
        Ok(Self { metric, n_layers, samples, count, mean, variance, min, max, moments })
    }

    /// Mean distance d(l, n) between states `l` and `l + n`: between the input of layer l + 1 and
    /// the output of layer l + n (layers counted from 1). `None` out of range, or where no sample
    /// counts.
    pub fn distance(&self, l: usize, n: usize) -> Option<f64> {
        let mean = *self.mean.get([l, l.checked_add(n)?])?;
        (!mean.is_nan()).then_some(mean)
    }

    /// The q-quantile of the distances between states `l` and `m`, interpolated linearly between
    /// neighbouring ranks (exact, or to 2^-7: see [`Quantiles`]). `None` out of range, or
    /// where no sample counts.
    pub fn quantile(&self, l: usize, m: usize, q: f64) -> Option<f64> {
        if l > self.n_layers || m > self.n_layers || !(0.0..=1.0).contains(&q) {
            return None;
        }
        if l == m {
            return Some(0.0);
        }
        self.moments[pair(self.n_layers, l.min(m), l.max(m))].quantile(q)
    }

    /// Influence of each layer: the mean distance between its input and its output. With
    /// [`LayerMetric::Cosine`] over all tokens it is block influence.
    ///
    /// *Source*: Men et al. 2024 (ShortGPT), equation 1.
    pub fn influence(&self) -> Array1<f64> {
        Array1::from_shape_fn(self.n_layers, |l| self.mean[[l, l + 1]])
    }

    /// The layers, counted from 0, by ascending influence: what to drop first when blocks need not
    /// be contiguous. Equal influences by index; layers without a value come last.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn ranking(&self) -> Result<Vec<usize>> {
        // NaN is above every number in this order.
        let key = |l: usize| self.mean[[l, l + 1]].abs();
        ranked(self.n_layers, |a, b| key(a).total_cmp(&key(b)))
    }

    /// The `n` layers of least influence that may go, ascending. *Source*: Men et al. 2024.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] when `keep` does not leave `n` layers with a value,
    /// [`Error::OutOfMemory`].
    pub fn least_influential(&self, n: usize, keep: Keep) -> Result<Vec<usize>> {
        let free = keep.free(self.n_layers);
        let mut layers = self.ranking()?;
        layers.retain(|&l| free.contains(&l) && !self.mean[[l, l + 1]].is_nan());
        if n > layers.len() {
            return Err(too_many(n));
        }
        layers.truncate(n);
        layers.sort_unstable();
        Ok(layers)
    }

    /// Every block of `n` layers that `keep` lets go, nearest states first; equal distances by
    /// start. Blocks without a distance are left out.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] when `keep` does not leave `n` layers, [`Error::OutOfMemory`].
    pub fn blocks(&self, n: usize, keep: Keep) -> Result<Vec<Choice>> {
        let starts = self.starts(n, keep)?;
        let mut blocks = try_capacity(starts.len())?;
        blocks.extend(starts.filter_map(|start| {
            let distance = self.distance(start, n)?;
            Some(Choice { block: Block::new(start, start + n), distance })
        }));
        blocks.sort_unstable_by(|a: &Choice, b| {
            a.distance.total_cmp(&b.distance).then(a.block.start.cmp(&b.block.start))
        });
        Ok(blocks)
    }

    /// The block of `n` layers whose input and output are nearest: l*(n) of Gromov et al. 2024,
    /// step 2 of section 3.2. For n = 0 the empty block at the first layer that may go.
    ///
    /// # Ties
    /// Lowest start. The paper names no rule.
    /// # Errors
    /// [`Error::InvalidParameter`] when `keep` does not leave `n` layers (with the default `keep`:
    /// n > L - 1), [`Error::Empty`] when no such block has a distance.
    pub fn best_block(&self, n: usize, keep: Keep) -> Result<Choice> {
        let mut best: Option<Choice> = None;
        for start in self.starts(n, keep)? {
            if let Some(distance) = self.distance(start, n)
                && best.is_none_or(|best| distance < best.distance)
            {
                best = Some(Choice { block: Block::new(start, start + n), distance });
            }
        }
        best.ok_or(Error::Empty { what: "distances of the blocks of this size" })
    }

    /// The best block of every size from 1 to the largest that `keep` allows.
    ///
    /// # Errors
    /// As [`best_block`](LayerTable::best_block), [`Error::OutOfMemory`].
    pub fn plan(&self, keep: Keep) -> Result<Vec<Choice>> {
        let most = keep.free(self.n_layers).len();
        let mut plan = try_capacity(most)?;
        for n in 1..=most {
            plan.push(self.best_block(n, keep)?);
        }
        Ok(plan)
    }

    /// First layers of the blocks of `n` that may go.
    fn starts(&self, n: usize, keep: Keep) -> Result<Range<usize>> {
        let free = keep.free(self.n_layers);
        match free.len().checked_sub(n) {
            None => Err(too_many(n)),
            // There is one empty block.
            Some(_) if n == 0 => Ok(free.start..free.start + 1),
            Some(slack) => Ok(free.start..free.start + slack + 1),
        }
    }
}

fn too_many(n: usize) -> Error {
    Error::InvalidParameter {
        name: "n",
        value: n as f64,
        expected: "at most the layers that are not kept (by default all but the last)",
    }
}
