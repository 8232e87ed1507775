//! SSL prototypes: keep the rows that are far from (or near to) their cluster's centroid.
//!
//! *Source*: Sorscher et al. 2022 (Beyond neural scaling laws), section on self-supervised pruning:
//! the distance of a row to the nearest k-means centroid says how prototypical it is; with much
//! data the hard, far rows are worth keeping, with little data the near ones. Tirumala et al. 2023
//! (D4) drops the nearest. Both rank over all rows; ranking inside each cluster is the other
//! reading of the papers and is available by name. Abbas et al. 2024 give each cluster a quota by its
//! complexity ([`DensityPruning`]).

mod density;
mod quotas;

pub use density::{DensityPruned, DensityPruning};

use alloc::vec::Vec;

use ndarray::Array1;

use crate::check;
use crate::error::{Error, Result};
use crate::memory::{try_capacity, try_vec};
use crate::stats::{largest_remainder, round_half_even};

/// Which rows go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Drop {
    /// The most prototypical rows go: the hard ones are kept.
    Nearest,
    /// The least prototypical rows go: the easy ones are kept.
    Farthest,
}

/// The rows among which a row is ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// A row is ranked among all rows.
    Global,
    /// A row is ranked among those of its cluster, and each cluster keeps its share of the total by largest
    /// remainder ([`largest_remainder`]).
    PerCluster,
}

/// Pruning by distance to the centroid: parameters.
///
/// Keeps exactly round_half_even(fraction n) rows: with [`Drop::Nearest`] those of the largest
/// distance, with [`Drop::Farthest`] those of the smallest.
///
/// # Ties, NaN
/// The lower index of equally distant rows is kept. A NaN or infinite distance is an error.
/// # Tier
/// A.
/// # Cost
/// O(n log n), 16 n bytes.
/// # Example
/// ```
/// use pauca::{Drop, Prototypes};
/// let keep = Prototypes::new().keep_fraction(0.5).drop(Drop::Nearest)
///     .select(&[0.1, 0.4, 0.3, 0.4], &[0, 0, 0, 0], 1)?;
/// assert_eq!(keep.to_vec(), [false, true, false, true]);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prototypes {
    keep_fraction: f64,
    drop: Drop,
    scope: Scope,
}

impl Default for Prototypes {
    fn default() -> Self {
        Self { keep_fraction: 0.5, drop: Drop::Nearest, scope: Scope::Global }
    }
}

impl Prototypes {
    /// Keep half, drop the nearest, rank globally.
    pub fn new() -> Self {
        Self::default()
    }

    /// Share of the rows to keep, in [0, 1].
    pub fn keep_fraction(mut self, fraction: f64) -> Self {
        self.keep_fraction = fraction;
        self
    }

    /// Which rows go.
    pub fn drop(mut self, drop: Drop) -> Self {
        self.drop = drop;
        self
    }

    /// The rows among which a row is ranked.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Whether each row is kept, given its distance to the centroid of its cluster.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a fraction outside [0, 1], [`Error::ShapeMismatch`],
    /// [`Error::NonFinite`], [`Error::LabelOutOfRange`] for a label of `n_clusters` or more.
    pub fn select(&self, distances: &[f64], labels: &[u32], n_clusters: usize) -> Result<Array1<bool>> {
        let n = distances.len();
        if !(0.0..=1.0).contains(&self.keep_fraction) {
            let (name, value) = ("keep_fraction", self.keep_fraction);
            return Err(Error::InvalidParameter { name, value, expected: "within [0, 1]" });
        }
        self.select_count(
            round_half_even(self.keep_fraction * n as f64) as usize,
            distances,
            labels,
            n_clusters,
        )
    }

    /// Whether each row is kept, for a number of rows instead of a fraction.
    pub(crate) fn select_count(
        &self,
        kept: usize,
        distances: &[f64],
        labels: &[u32],
        n_clusters: usize,
    ) -> Result<Array1<bool>> {
        let n = distances.len();
        check::same_length("labels", n, labels.len())?;
        check::finite("distances", distances.iter().copied())?;
        if let Some(row) = labels.iter().position(|&l| l as usize >= n_clusters) {
            return Err(Error::LabelOutOfRange { row, label: labels[row], k: n_clusters });
        }
        let rows = ranked(distances, self.drop)?;
        let mut keep = try_vec(n, false)?;
        match self.scope {
            Scope::Global => rows.iter().take(kept).for_each(|&i| keep[i] = true),
            Scope::PerCluster => {
                let mut sizes = try_vec(n_clusters, 0u64)?;
                labels.iter().for_each(|&l| sizes[l as usize] += 1);
                fill(&rows, |i| labels[i], largest_remainder(kept as u64, &sizes)?, &mut keep);
            }
        }
        Ok(Array1::from_vec(keep))
    }
}

/// All rows, those to be kept first.
fn ranked(distances: &[f64], drop: Drop) -> Result<Vec<usize>> {
    // Adding +0.0 makes -0.0 equal to 0.0.
    let key = |i: usize| match drop {
        Drop::Nearest => -distances[i] + 0.0,
        Drop::Farthest => distances[i] + 0.0,
    };
    let mut rows: Vec<usize> = try_capacity(distances.len())?;
    rows.extend(0..distances.len());
    rows.sort_unstable_by(|&a, &b| key(a).total_cmp(&key(b)).then(a.cmp(&b)));
    Ok(rows)
}

/// Keeps the first rows of each cluster, as many as its quota says.
fn fill(ranked: &[usize], label: impl Fn(usize) -> u32, mut quotas: Vec<u64>, keep: &mut [bool]) {
    for &i in ranked {
        let left = &mut quotas[label(i) as usize];
        if *left > 0 {
            *left -= 1;
            keep[i] = true;
        }
    }
}
