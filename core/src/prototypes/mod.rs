//! SSL prototypes: keep the rows that are far from (or near to) their cluster's centroid.
//!
//! *Source*: Sorscher et al. 2022 (Beyond neural scaling laws), section on self-supervised pruning:
//! the distance of a row to the nearest k-means centroid says how prototypical it is; with much
//! data the hard, far rows are worth keeping, with little data the near ones. Tirumala et al. 2023
//! (D4) drops the nearest. Both rank over all rows; ranking inside each cluster is the other
//! reading of the papers and is available by name. Abbas et al. 2024 give each cluster a quota by its
//! complexity ([`DensityPruning`]).

mod density;

pub use density::{DensityPruned, DensityPruning};

use core::cmp::Ordering;

use ndarray::Array1;

use crate::check;
use crate::error::Result;
use crate::memory::try_vec;
use crate::params::{choices, default_is_new, setters};
use crate::select::{ascending, count, descending, largest_remainder, marked, ranked, take_quotas};

/// Which rows go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Prune {
    /// The most prototypical rows go: the hard ones are kept.
    Nearest,
    /// The least prototypical rows go: the easy ones are kept.
    Farthest,
}

choices!(Prune: Nearest, Farthest);

impl Prune {
    /// The order of distances in which rows are kept.
    fn first_kept(self, a: f64, b: f64) -> Ordering {
        match self {
            Self::Nearest => descending(a, b),
            Self::Farthest => ascending(a, b),
        }
    }
}

/// The rows among which a row is ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// A row is ranked among all rows.
    Global,
    /// A row is ranked among those of its cluster, and each cluster keeps its share of the total by largest
    /// remainder ([`largest_remainder`](crate::stats::largest_remainder)).
    PerCluster,
}

choices!(Scope: Global, PerCluster);

/// Pruning by distance to the centroid: parameters.
///
/// Keeps exactly round_half_even(fraction n) rows: with [`Prune::Nearest`] those of the largest
/// distance, with [`Prune::Farthest`] those of the smallest.
///
/// # Ties, NaN
/// The lower index of equally distant rows is kept. A NaN or infinite distance is an error.
/// # Tier
/// A.
/// # Cost
/// O(n log n), 16 n bytes.
/// # Example
/// ```
/// use pauca::{Prune, Prototypes};
/// let keep = Prototypes::new().keep_fraction(0.5).prune(Prune::Nearest)
///     .select(&[0.1, 0.4, 0.3, 0.4], &[0, 0, 0, 0], 1)?;
/// assert_eq!(keep.to_vec(), [false, true, false, true]);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prototypes {
    keep_fraction: f64,
    prune: Prune,
    scope: Scope,
}

default_is_new!(Prototypes);

impl Prototypes {
    /// Keep half, drop the nearest, rank globally.
    pub fn new() -> Self {
        Self { keep_fraction: 0.5, prune: Prune::Nearest, scope: Scope::Global }
    }

    setters! {
        /// Share of the rows to keep, in [0, 1].
        keep_fraction: f64;
        /// Which rows go.
        prune: Prune;
        /// The rows among which a row is ranked.
        scope: Scope;
    }

    /// Whether each row is kept, given its distance to the centroid of its cluster.
    ///
    /// # Errors
    /// [`InvalidParameter`](crate::Error::InvalidParameter) for a fraction outside [0, 1],
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch), [`NonFinite`](crate::Error::NonFinite),
    /// [`LabelOutOfRange`](crate::Error::LabelOutOfRange) for a label of `n_clusters` or more.
    pub fn select(&self, distances: &[f64], labels: &[u32], n_clusters: usize) -> Result<Array1<bool>> {
        let kept = count("keep_fraction", self.keep_fraction, distances.len())?;
        self.select_count(kept, distances, labels, n_clusters)
    }

    /// Whether each row is kept, for a number of rows instead of a fraction; more than there are keep all.
    ///
    /// # Errors
    /// As [`select`](Self::select).
    pub fn select_count(
        &self,
        kept: usize,
        distances: &[f64],
        labels: &[u32],
        n_clusters: usize,
    ) -> Result<Array1<bool>> {
        let n = distances.len();
        check::same_length("labels", n, labels.len())?;
        check::finite("distances", distances.iter().copied())?;
        check::labels(labels, n_clusters)?;
        let mut rows = ranked(n, |a, b| self.prune.first_kept(distances[a], distances[b]))?;
        match self.scope {
            Scope::Global => rows.truncate(kept),
            Scope::PerCluster => {
                let mut sizes = try_vec(n_clusters, 0u64)?;
                labels.iter().for_each(|&l| sizes[l as usize] += 1);
                take_quotas(&mut rows, |i| labels[i], largest_remainder(kept as u64, &sizes)?);
            }
        }
        marked(n, &rows, true)
    }
}
