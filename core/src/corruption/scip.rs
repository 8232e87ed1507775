//! Embedding-guided weighted pruning: SCIP's algorithm 1 after the clustering.

use ndarray::Array1;

use crate::check;
use crate::error::Result;
use crate::kmeans::Partition;
use crate::memory::try_copy;
use crate::params::{default_is_new, setters};
use crate::select::{count, descending, marked, rank, ranked};

/// SCIP pruning: parameters.
///
/// With p the share to prune, alpha the weight, n_p = round_half_even(p n),
/// n_s = round_half_even(alpha n_p):
///
/// 1. (steps 1 to 6 are the clustering: cluster of each row, its size, distance to its centroid)
/// 2. step 7: rank all rows by size of their cluster, ascending; ties by distance, descending,
///    then by row. Step 8: the first n_s are pruned by size.
/// 3. step 9: rank the others by distance, descending; ties by size, ascending, then by row.
///    Step 10: the first n_p - n_s are pruned by distance.
///
/// *Source*: Yang et al. 2023, algorithm 1; the ties are ours (the paper states none, and a public
/// reimplementation sorts unstably). alpha = 1 is SCIP by size, 0 SCIP by distance. Defaults:
/// p = 0.2, alpha = 0.8.
///
/// # Ties, NaN
/// As above; -0.0 equals 0.0; a NaN or infinite distance is an error.
/// # Tier
/// A.
/// # Cost
/// O(n log n), 10 n bytes.
/// # Example
/// ```
/// use pauca::corruption::Scip;
/// let labels = [0, 0, 0, 0, 0, 0, 1, 1];
/// let distances = [0.1, 0.2, 0.9, 0.1, 0.1, 0.1, 0.1, 0.3];
/// let pruned = Scip::new().prune_fraction(0.25).alpha(0.5).select(&labels, &distances, &[6, 2])?;
/// assert!(pruned.by_size[7], "the farther row of the smaller cluster");
/// assert!(pruned.by_distance[2], "the farthest of the others");
/// assert_eq!(pruned.kept(), 6);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scip {
    prune_fraction: f64,
    alpha: f64,
}

default_is_new!(Scip);

/// What SCIP prunes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ScipPruned {
    /// `[n]`: pruned for the size of its cluster.
    pub by_size: Array1<bool>,
    /// `[n]`: pruned for its distance; disjoint from `by_size`.
    pub by_distance: Array1<bool>,
    /// `[n]`: neither.
    pub keep: Array1<bool>,
}

impl ScipPruned {
    /// Rows that stay.
    pub fn kept(&self) -> usize {
        self.keep.iter().filter(|k| **k).count()
    }
}

impl Scip {
    /// Prune a fifth, four fifths of it by size.
    pub fn new() -> Self {
        Self { prune_fraction: 0.2, alpha: 0.8 }
    }

    setters! {
        /// Share of the rows to prune, p, in \[0, 1\].
        prune_fraction: f64;
        /// Share of the pruned rows that goes by size, alpha, in \[0, 1\].
        alpha: f64;
    }

    /// What goes, of rows with these labels and distances in clusters of these sizes.
    ///
    /// `sizes` are those of the whole clustering; they may count rows that are not among these.
    ///
    /// # Errors
    /// [`InvalidParameter`](crate::Error::InvalidParameter) for a fraction or alpha outside \[0, 1\],
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch), [`NonFinite`](crate::Error::NonFinite),
    /// [`LabelOutOfRange`](crate::Error::LabelOutOfRange), [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn select(&self, labels: &[u32], distances: &[f64], sizes: &[u64]) -> Result<ScipPruned> {
        let n = labels.len();
        let pruned = count("prune_fraction", self.prune_fraction, n)?;
        let n_size = count("alpha", self.alpha, pruned)?;
        check::same_length("distances", n, distances.len())?;
        check::finite("distances", distances.iter().copied())?;
        check::labels(labels, sizes.len())?;
        let smaller = |a: usize, b: usize| sizes[labels[a] as usize].cmp(&sizes[labels[b] as usize]);
        let farther = |a: usize, b: usize| descending(distances[a], distances[b]);
        let mut order = ranked(n, |a, b| smaller(a, b).then(farther(a, b)))?;
        rank(&mut order[n_size..], |a, b| farther(a, b).then(smaller(a, b)));
        Ok(ScipPruned {
            by_size: marked(n, &order[..n_size], true)?,
            by_distance: marked(n, &order[n_size..pruned], true)?,
            keep: marked(n, &order[..pruned], false)?,
        })
    }

    /// What goes of the rows of a clustering.
    ///
    /// The paper clusters by cosine ([`spherical`](crate::KMeans::spherical)); any clustering is taken. The sizes of the
    /// clusters are counted from the labels.
    ///
    /// # Errors
    /// As [`select`](Scip::select); `Error::Empty` for a partition without distances
    /// ([`Partition::measure`] makes them).
    pub fn select_from<'p>(&self, clusters: impl Into<Partition<'p>>) -> Result<ScipPruned> {
        let clusters = clusters.into();
        let (sizes, distances) = (clusters.sizes()?, clusters.given_distances()?);
        match (clusters.labels().to_slice(), distances.to_slice()) {
            (Some(labels), Some(distances)) => self.select(labels, distances, &sizes),
            // Arrays that somebody took apart and put together with a stride.
            _ => self.select(&try_copy(clusters.labels())?, &try_copy(distances)?, &sizes),
        }
    }
}
