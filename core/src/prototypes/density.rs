//! Density-based pruning: clusters that are wide and lie apart keep more of their rows.

use alloc::vec::Vec;

use ndarray::Array1;

use super::Prune;
use crate::check;
use crate::control::{Context, Job, Stage};
use crate::error::*;
use crate::exact::elementary::exp;
use crate::exact::{self, F64Sum, dot64};
use crate::kmeans::Partition;
use crate::memory::{area, try_capacity, try_collect, try_copy, try_up_to, try_vec};
use crate::params::{default_is_new, setters};
use crate::select::{LIMIT, ONE, Shares, count, marked, ranked, take_quotas};

/// Density-based pruning (DBP): parameters.
///
/// With N the rows to keep, n_j the rows of cluster j, k the number of clusters that have rows:
///
/// 1. complexity C_j = intra_j inter_j: the mean distance of its rows to its centroid, times the
///    mean distance of its centroid to the `neighbours` nearest others (all, where there are fewer).
/// 2. share p_j = exp(C_j / T) / sum exp(C / T).
/// 3. quotas: the whole numbers q that minimize sum (q_j - p_j N)² with sum q = N and
///    lo_j <= q_j <= n_j, lo_j = min(floor(least (N / k)), n_j - 1) (quotient and product rounded to
///    `f64`), equal remainders to the lower index.
/// 4. of every cluster the q_j rows farthest from its centroid are kept ([`Prune::Nearest`]).
///
/// *Source*: Abbas, Rusak, Tirumala et al. 2024, Effective pruning of web-scale datasets based on
/// complexity of concept clusters, section 3. There the quotas are a quadratic programme solved
/// iteratively and rounded, so that they miss N; here the programme in whole numbers is solved
/// exactly. The paper clusters by cosine ([`spherical`](crate::KMeans::spherical)), after semantic
/// deduplication; of a Euclidean clustering both distances are squared. Defaults: keep half,
/// T = 0.5, 20 neighbours, least = 0.5.
///
/// exp((C_j - max C) / T), difference and quotient rounded to `f64`, is rounded to a multiple of
/// 2^-52: the quotas are the exact ones of shares that differ by less than k 2^-52 from those of the
/// formula. Nothing after that is rounded.
///
/// # Units
/// Quotas are rows. T has the unit of a complexity: of cosine distances a number between 0 and 4, for
/// which T = 0.5 is meant; of squared Euclidean ones the fourth power of the rows' unit, where no
/// default can serve.
/// # Ties, NaN
/// The lower index of equally distant rows is kept. A NaN, infinite or negative complexity of a
/// cluster that has rows is an error (or the mean, see [`nan_as_mean`](DensityPruning::nan_as_mean)); clusters
/// without rows take no part.
/// # Tier
/// A.
/// # Cost
/// O(n log n + k² d): the distances between centroids in `f64`, on all threads; at most
/// 16 n + 4 k d + 660 k bytes, and 8 k a thread.
/// # Example
/// ```
/// use pauca::{DensityPruning, KMeans};
/// // Three rows in almost one direction, three spread over a quarter turn.
/// let angles = [0.0f32, 0.01, 0.02, 2.0, 2.7, 3.5];
/// let x = ndarray::Array2::from_shape_fn((6, 2), |(i, j)| {
///     if j == 0 { angles[i].cos() } else { angles[i].sin() }
/// });
/// let clusters = KMeans::new(2).spherical(true).fit(&x)?;
/// let kept = DensityPruning::new().temperature(0.05).select(&clusters)?;
/// assert_eq!(kept.keep.to_vec(), [false, false, false, true, true, true]);
/// let kept = DensityPruning::new().temperature(0.05).least(1.0).select(&clusters)?;
/// assert_eq!(kept.keep.iter().take(3).filter(|kept| **kept).count(), 1);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DensityPruning {
    keep_fraction: f64,
    temperature: f64,
    neighbours: usize,
    least: f64,
    prune: Prune,
    nan_as_mean: bool,
}

default_is_new!(DensityPruning);

/// What density-based pruning keeps.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DensityPruned {
    /// `[n]`: whether each row is kept.
    pub keep: Array1<bool>,
    /// `[k]`: rows kept of each cluster.
    pub quotas: Array1<u64>,
    /// `[k]`: mean distance of a cluster's rows to its centroid; NaN without rows.
    pub intra: Array1<f64>,
    /// `[k]`: mean distance of a centroid to its nearest neighbours; NaN without rows, 0 where it
    /// is the only one.
    pub inter: Array1<f64>,
}

impl DensityPruned {
    /// Rows that stay.
    pub fn kept(&self) -> usize {
        self.keep.iter().filter(|k| **k).count()
    }
}

impl DensityPruning {
    /// Keep half, T = 0.5, 20 neighbours, half of an even share at least, the nearest rows go.
    pub fn new() -> Self {
        Self {
            keep_fraction: 0.5,
            temperature: 0.5,
            neighbours: 20,
            least: 0.5,
            prune: Prune::Nearest,
            nan_as_mean: false,
        }
    }

    setters! {
        /// Share of the rows to keep, in \[0, 1\]; N is round_half_even(fraction n).
        keep_fraction: f64;
        /// T, above 0: the smaller, the more the complex clusters get.
        temperature: f64;
        /// How many of the nearest centroids inter is a mean over, at least 1.
        neighbours: usize;
        /// Share of N / k that every cluster keeps, if it has more rows than that, in \[0, 1\].
        least: f64;
        /// Which rows of a cluster go.
        prune: Prune;
        /// Gives clusters of NaN complexity the mean of the others instead of an error, and lets those
        /// without rows weigh in the softmax, as the published code does.
        nan_as_mean: bool;
    }

    /// The rows to keep of these clusters.
    ///
    /// # Errors
    /// As [`quotas`](DensityPruning::quotas); [`Error::InvalidParameter`] for a fraction outside
    /// \[0, 1\] or no neighbours, those of [`Partition::new`], [`Error::Empty`] for a partition without
    /// distances ([`Partition::measure`] makes them).
    pub fn select<'p>(&self, clusters: impl Into<Partition<'p>>) -> Result<DensityPruned> {
        self.select_in(clusters, &Context::default())
    }

    /// [`select`](DensityPruning::select), watched and on chosen threads.
    ///
    /// # Errors
    /// As [`select`](DensityPruning::select), and [`Error::Cancelled`].
    pub fn select_in<'p>(&self, clusters: impl Into<Partition<'p>>, cx: &Context) -> Result<DensityPruned> {
        let clusters = clusters.into();
        let (n, k) = (clusters.n_rows(), clusters.n_clusters());
        let total = count("keep_fraction", self.keep_fraction, n)?;
        check::at_least_one("neighbours", self.neighbours)?;
        let (sizes, distances, labels) = (clusters.sizes()?, clusters.given_distances()?, clusters.labels());
        let mut sums = try_vec(k, F64Sum::new())?;
        labels.iter().zip(distances).for_each(|(label, distance)| sums[*label as usize].add(*distance));
        let mut intra = try_capacity(k)?;
        // The sign of 0 / 0 is the machine's.
        let mean = |sum: &F64Sum, size| if size > 0 { sum.value() / size as f64 } else { f64::NAN };
        intra.extend(sums.iter().zip(&sizes).map(|(sum, &size)| mean(sum, size)));
        drop(sums);
        let inter = self.inter(&clusters, &sizes, cx)?;
        let quotas = self.quotas(total as u64, &intra, &inter, &sizes)?;
        let mut rows = ranked(n, |a, b| self.prune.first_kept(distances[a], distances[b]))?;
        take_quotas(&mut rows, |i| labels[i], try_copy(&quotas)?);
        Ok(DensityPruned {
            keep: marked(n, &rows, true)?,
            quotas: Array1::from_vec(quotas),
            intra: Array1::from_vec(intra),
            inter: Array1::from_vec(inter),
        })
    }

    /// Mean distance of each centroid to its nearest others, clusters without rows left out.
    fn inter(&self, clusters: &Partition<'_>, sizes: &[u64], cx: &Context) -> Result<Vec<f64>> {
        let (k, d, centroids) = (sizes.len(), clusters.centroids().dim(), clusters.centroids());
        let (mut packed, mut buffer) = (try_capacity(area(k, d)?)?, try_vec(d, 0.0f32)?);
        (0..k).for_each(|j| packed.extend_from_slice(centroids.row_at(j, &mut buffer)));
        let row = |j: usize| &packed[j * d..(j + 1) * d];
        let squares = try_collect((0..k).map(|j| dot64(row(j), row(j))))?;
        let metric = clusters.metric();
        let distance = |i: usize, j: usize| metric.distance(row(i), row(j), squares[i], squares[j]);
        let mut inter = try_vec(k, f64::NAN)?;
        let mut jobs =
            try_up_to(k, inter.iter_mut().enumerate().filter(|(j, _)| sizes[*j] > 0).map(Job::new))?;
        cx.control.poll(Stage::Complexity, 0, k as u64)?;
        // Four multiply-adds of the kernels for one in the definition's order.
        cx.in_waves(&mut jobs, 4 * packed.len() as u64, |(i, mean)| {
            let mut near = try_up_to(k, (0..k).filter(|j| j != i && sizes[*j] > 0).map(|j| distance(*i, j)))?;
            let m = self.neighbours.min(near.len());
            if m < near.len() {
                near.select_nth_unstable_by(m, f64::total_cmp);
            }
            **mean = exact::sum(near[..m].iter().copied()) / m.max(1) as f64;
            Ok(())
        })?;
        Ok(inter)
    }

    /// How many rows each cluster keeps of `total`, by its two distances and its number of rows:
    /// steps 1 to 3.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for a total above the rows there are, for 2^42 rows or 2^32 clusters and
    /// more; [`Error::ShapeMismatch`]; [`Error::NonFinite`] with the cluster as row, for a complexity
    /// that takes part and is NaN or infinite, or becomes so as the mean of others;
    /// [`Error::InvalidParameter`] for a complexity below 0, a temperature that is not above 0 or a
    /// least share outside \[0, 1\]; [`Error::OutOfMemory`].
    /// # Units, ties, cost
    /// As the type has them; O(k log k) and 110 k bytes.
    /// # Example
    /// ```
    /// use pauca::DensityPruning;
    /// let dbp = DensityPruning::new().temperature(0.1);
    /// // The second cluster is as tight as the first, but far from the others; the third is small.
    /// let quotas = dbp.quotas(100, &[0.2, 0.2, 0.6], &[0.3, 0.9, 0.5], &[100, 100, 20])?;
    /// assert_eq!(quotas, [32, 48, 20]);
    /// # Ok::<(), pauca::Error>(())
    /// ```
    pub fn quotas(&self, total: u64, intra: &[f64], inter: &[f64], sizes: &[u64]) -> Result<Vec<u64>> {
        let k = sizes.len();
        check::same_length("intra", k, intra.len())?;
        check::same_length("inter", k, inter.len())?;
        check::positive("temperature", self.temperature)?;
        check::fraction("least", self.least)?;
        let rows = sizes.iter().fold(0u64, |sum, &size| sum.saturating_add(size));
        check::at_most("rows of all clusters", rows, LIMIT - 1)?;
        check::at_most("rows to keep", total, rows)?;
        check::at_most("clusters", k as u64, (1 << 32) - 1)?;
        let weights = self.weights(intra, inter, sizes)?;
        let clusters = sizes.iter().filter(|size| **size > 0).count();
        // total / clusters is no nearer than 1 / clusters to the next integer, which is more than its rounding.
        let even = libm::floor(self.least * (total as f64 / clusters.max(1) as f64)) as u64;
        let lows = try_collect(sizes.iter().map(|&size| even.min(size.saturating_sub(1))))?;
        if clusters == 0 {
            return Ok(lows);
        }
        Shares { total, weights: &weights, lows: &lows, highs: sizes }.quotas()
    }

    /// 2^52 exp((C_j - max C) / T), to the nearest integer; 0 for clusters that take no part.
    fn weights(&self, intra: &[f64], inter: &[f64], sizes: &[u64]) -> Result<Vec<u64>> {
        let takes_part = |j: usize| self.nan_as_mean || sizes[j] > 0;
        let mut complexities = try_capacity(sizes.len())?;
        let (mut sum, mut known) = (F64Sum::new(), 0u64);
        let what = "complexity of the clusters";
        for (j, (intra, inter)) in intra.iter().zip(inter).enumerate() {
            let complexity = intra * inter;
            if takes_part(j) && !(complexity.is_nan() && self.nan_as_mean) {
                check::finite_row(what, j as u64, [complexity])?;
                check::not_negative("complexity", complexity)?;
                sum.add(complexity);
                known += 1;
            }
            complexities.push(complexity);
        }
        if self.nan_as_mean {
            let mean = if known > 0 { sum.value() / known as f64 } else { 0.0 };
            for (j, complexity) in complexities.iter_mut().enumerate().filter(|(_, c)| c.is_nan()) {
                check::finite_row(what, j as u64, [mean])?;
                *complexity = mean;
            }
        }
        let parts = || complexities.iter().enumerate().filter(|(j, _)| takes_part(*j));
        let most = parts().fold(f64::NEG_INFINITY, |most, (_, c)| most.max(*c));
        let mut weights = try_vec(sizes.len(), 0u64)?;
        for (j, c) in parts() {
            weights[j] = libm::rint(ONE as f64 * exp((c - most) / self.temperature)) as u64;
        }
        Ok(weights)
    }
}
