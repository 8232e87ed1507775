//! What is asked of a clustering.

use ndarray::Array2;

use crate::arrays::copy;
use crate::check;
use crate::error::{Error, Result};
use crate::exact::Metric;
use crate::exact::float::{positive, widen};
use crate::params::{choices, setters};

/// Where the first centroids come from.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// k-means++ (Arthur and Vassilvitskii 2007): each next centroid is a row drawn with
    /// probability proportional to its weight times its distance to the nearest centroid so far.
    /// No greedy local trials.
    KMeansPlusPlus,
    /// Distinct rows, uniformly.
    Random,
    /// The given centroids, `[k, d]`.
    Given(Array2<f32>),
}

impl Init {
    /// A copy, or [`Error::OutOfMemory`].
    pub(crate) fn try_clone(&self) -> Result<Self> {
        Ok(match self {
            Init::KMeansPlusPlus => Init::KMeansPlusPlus,
            Init::Random => Init::Random,
            Init::Given(given) => Init::Given(copy(&given.view())?),
        })
    }
}

/// What happens to a cluster that lost all its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EmptyClusters {
    /// The cluster gets the row that is farthest from its centroid in a cluster of more than one row. If that
    /// distance is 0, the cluster stays empty. Under the cosine a row of zeros fills no cluster.
    Relocate,
    /// The cluster keeps its centroid and may win rows again.
    Keep,
}

// Checkpoints write their positions: a new one comes last.
choices!(EmptyClusters: Relocate "relocate", Keep "keep");

/// k-means clustering: parameters.
///
/// Minimizes the inertia, the sum over rows of w_i times the distance to the nearest centroid:
/// squared Euclidean distance, or 1 - cosine for the spherical variant.
///
/// *Source*: Lloyd 1982; spherical: Dhillon and Modha 2001 (centroid = direction of the sum of the
/// unit rows); seeding: Arthur and Vassilvitskii 2007, sampled as an exponential race.
///
/// # Shapes
/// x: `[n, d]`; centroids: `[k, d]`; labels, distances: `[n]`.
/// # Ties, NaN
/// A row equally near to several centroids gets the lowest. NaN and infinities are errors that
/// name their place. Under cosine a row of zeros is similar 0 to everything and gets label 0.
/// # Tier
/// A: same bits for any number of threads, blocks, SIMD level.
/// # Cost
/// 2 n k d flops an iteration; memory 4 n + 24 k d bytes beyond x.
/// A source that does not lie in memory costs up to [`Cpu::keep_bytes`](crate::Cpu::keep_bytes) more, for
/// rows that are kept between passes.
/// # Example
/// ```
/// use pauca::KMeans;
/// let x = ndarray::array![[1.0f32], [2.0], [3.0], [10.0], [11.0], [12.0]];
/// let clusters = KMeans::new(2).seed(1).fit(&x)?;
/// let mut centres = clusters.centroids.column(0).to_vec();
/// centres.sort_by(f32::total_cmp);
/// assert_eq!(centres, [2.0, 11.0]);
/// assert_eq!(clusters.inertia, 4.0);
/// assert_eq!(clusters.predict(&x)?, clusters.labels);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct KMeans {
    pub(crate) n_clusters: usize,
    pub(crate) metric: Metric,
    pub(crate) seed: u64,
    pub(crate) stream_base: u32,
    pub(crate) max_iter: usize,
    pub(crate) shift_tolerance: f64,
    pub(crate) init: Init,
    pub(crate) empty: EmptyClusters,
}

impl KMeans {
    /// `n_clusters` clusters; Euclidean, k-means++, seed 0, at most 100 iterations.
    pub fn new(n_clusters: usize) -> Self {
        Self {
            n_clusters,
            metric: Metric::SqEuclidean,
            seed: 0,
            stream_base: 0,
            max_iter: 100,
            shift_tolerance: 0.0,
            init: Init::KMeansPlusPlus,
            empty: EmptyClusters::Relocate,
        }
    }

    setters! {
        /// Cosine instead of Euclidean: rows count by their direction only.
        spherical(spherical: bool) { metric = if spherical { Metric::Cosine } else { Metric::SqEuclidean } }
        /// Seed of the initial centroids.
        seed: u64;
        /// Stops after this many iterations; 0 only assigns to the initial centroids.
        max_iter: usize;
        /// Also stop when the squared distances that the centroids moved sum to at most this. 0 (the
        /// default) waits until no label changes. Unlike scikit-learn's `tol` it is not scaled by the
        /// variance of the data.
        shift_tolerance: f64;
        /// Where the first centroids come from.
        init: Init;
        /// What happens to clusters that lose all rows.
        empty_clusters(policy: EmptyClusters) { empty = policy }
    }

    /// The parameters but for the first centroids, which may be large.
    pub(crate) fn without_init(&self) -> Self {
        Self { init: Init::Random, ..*self }
    }

    /// Random streams of a later stage of a composition.
    pub(crate) fn stream_base(mut self, base: u32) -> Self {
        self.stream_base = base;
        self
    }

    /// Checks what can be checked without looking at the rows.
    pub(crate) fn check(&self, n: usize, d: usize, weights: Option<&[f32]>) -> Result<()> {
        check::at_least_one("n_clusters", self.n_clusters)?;
        let tolerance = self.shift_tolerance;
        check::parameter("shift_tolerance", tolerance, "a number of at least 0", tolerance >= 0.0)?;
        let mut founders = n;
        if let Some(weights) = weights {
            check::same_length("weights", n, weights.len())?;
            check::finite("weights", weights.iter().copied())?;
            let least = weights.iter().map(|w| widen(*w)).fold(0.0, f64::min);
            check::not_negative("weights", least)?;
            founders = weights.iter().filter(|&&w| positive(w)).count();
            check::parameter("weights", 0.0, "some above 0", founders > 0)?;
        }
        match &self.init {
            Init::Given(given) => {
                check::same_length("rows of the initial centroids", self.n_clusters, given.nrows())?;
                check::same_length("columns of the initial centroids", d, given.ncols())?;
                for (row, values) in given.rows().into_iter().enumerate() {
                    check::finite_row("initial centroids", row as u64, values.iter().copied())?;
                }
            }
            Init::KMeansPlusPlus | Init::Random => {}
        }
        if self.n_clusters > founders {
            return Err(Error::TooManyClusters { k: self.n_clusters, n: founders });
        }
        Ok(())
    }
}
