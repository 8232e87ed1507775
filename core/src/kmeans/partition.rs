//! Clusters that are read, whoever made them.

use alloc::vec::Vec;

use ndarray::{Array1, Array2, ArrayView1};

use super::result::Clusters;
use crate::backend::cpu::Cpu;
use crate::backend::{Backend, Blocks, Copies, SearchStats};
use crate::check;
use crate::control::Context;
use crate::error::{Error, Result};
use crate::exact::{F64Sum, Metric};
use crate::memory::{try_copy, try_vec};
use crate::rows::{IntoRows, RowSource, Rows};

/// A clustering that is borrowed: labels and centroids, made by [`KMeans`](crate::KMeans), by faiss,
/// scikit-learn or anything else.
///
/// What prunes by clusters takes `impl Into<Partition>`: a `&Clusters` or a partition. Labels need
/// not name the nearest centroid. A partition of centroids alone is made by
/// [`KMeans`](crate::KMeans) with [`Init::Given`](crate::Init::Given) and no iterations.
///
/// # Shapes
/// labels, distances: `[n]`, centroids: `[k, d]`.
/// # Units
/// Distances are those of the metric, squared Euclidean or 1 - cosine. Given distances are taken as
/// they are; absent ones are computed by the definition, where the rows are at hand.
/// # Example
/// ```
/// use pauca::{Metric, Partition, Rule, SemDedup};
/// let x = ndarray::array![[1.0f32, 0.0], [0.0, 1.0], [1.0, 0.001], [0.9, 0.1]];
/// // As another program wrote them.
/// let (labels, centroids) = ([0, 1, 0, 0], [0.97f32, 0.03, 0.0, 1.0]);
/// let clusters = Partition::new(&labels, (&centroids[..], 2, 2), Metric::Cosine)?;
/// let dups = SemDedup::new(Rule::GreedyCover).epsilon(0.001).fit(&x, clusters)?;
/// assert_eq!(dups.kept(), 3);
/// assert!(Partition::new(&[0, 2], (&centroids[..], 2, 2), Metric::Cosine).is_err());
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Partition<'a> {
    labels: ArrayView1<'a, u32>,
    centroids: Rows<'a>,
    metric: Metric,
    distances: Option<ArrayView1<'a, f64>>,
}

impl Clusters {
    /// A clustering that another program made, to be kept, asked and saved like one of
    /// [`KMeans`](crate::KMeans). What is only read once is a [`Partition`].
    ///
    /// Its inertia is the exact sum of the distances, rounded once, or NaN where there are none. It made no
    /// iterations and is not converged. There may be no labels: centroids alone can be asked, too.
    ///
    /// # Shapes
    /// centroids: `[k, d]`; labels, distances: `[n]`.
    /// # Errors
    /// Those of [`Partition::new`] and [`Partition::with_distances`]; [`Error::OutOfMemory`].
    /// # Example
    /// ```
    /// use pauca::{Clusters, Metric};
    /// let (centroids, labels) = (ndarray::array![[0.0f32], [10.0]], ndarray::array![0, 1, 0]);
    /// let clusters = Clusters::from_parts(Metric::SqEuclidean, centroids, labels, None)?;
    /// assert_eq!(clusters.counts.to_vec(), [2, 1]);
    /// assert_eq!(clusters.predict(&ndarray::array![[9.0f32], [1.0]])?.to_vec(), [1, 0]);
    /// # Ok::<(), pauca::Error>(())
    /// ```
    pub fn from_parts(
        metric: Metric,
        centroids: Array2<f32>,
        labels: Array1<u32>,
        distances: Option<Array1<f64>>,
    ) -> Result<Self> {
        if let Some(distances) = &distances {
            check::same_length("distances", labels.len(), distances.len())?;
        }
        let mut inertia = F64Sum::new();
        inertia.extend(distances.iter().flatten().copied());
        let measured = distances.as_ref().is_some_and(|distances| !distances.is_empty());
        let mut clusters = Self {
            metric,
            counts: Array1::from_vec(try_vec(centroids.nrows(), 0)?),
            centroids,
            labels,
            inertia: if measured { inertia.value() } else { f64::NAN },
            distances: distances.unwrap_or_default(),
            n_iter: 0,
            converged: false,
            relocated: 0,
            distinct_rows: None,
            search: SearchStats::default(),
        };
        let sizes = Partition::from(&clusters).sizes()?;
        clusters.counts = Array1::from_vec(sizes);
        Ok(clusters)
    }
}

impl<'a> From<&'a Clusters> for Partition<'a> {
    fn from(clusters: &'a Clusters) -> Self {
        Self {
            labels: clusters.labels.view(),
            centroids: Rows::F32(clusters.centroids.view()),
            metric: clusters.metric,
            distances: (!clusters.distances.is_empty()).then(|| clusters.distances.view()),
        }
    }
}

impl<'a> Partition<'a> {
    /// The cluster of each row, and the centroid of each cluster.
    ///
    /// # Errors
    /// [`LabelOutOfRange`](Error::LabelOutOfRange), [`NonFinite`](Error::NonFinite) with
    /// "centroids", [`ShapeMismatch`](Error::ShapeMismatch), [`Empty`](Error::Empty)
    /// without centroids.
    pub fn new(labels: &'a [u32], centroids: impl IntoRows<'a>, metric: Metric) -> Result<Self> {
        let centroids = centroids.into_rows()?;
        let partition = Self { labels: ArrayView1::from(labels), centroids, metric, distances: None };
        partition.check()?;
        Ok(partition)
    }

    /// With the distance of each row to the centroid of its cluster.
    ///
    /// # Errors
    /// [`ShapeMismatch`](Error::ShapeMismatch), [`NonFinite`](Error::NonFinite).
    pub fn with_distances(mut self, distances: &'a [f64]) -> Result<Self> {
        self.distances = Some(ArrayView1::from(distances));
        self.check()?;
        Ok(self)
    }

    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        self.labels.len()
    }

    /// Number of clusters.
    pub fn n_clusters(&self) -> usize {
        self.centroids.n_rows()
    }

    /// The cluster of each row, `[n]`.
    pub fn labels(&self) -> ArrayView1<'a, u32> {
        self.labels
    }

    /// The centroids, `[k, d]`.
    pub fn centroids(&self) -> Rows<'a> {
        self.centroids
    }

    /// What distances are.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// The distances that were given, `[n]`.
    pub fn distances(&self) -> Option<ArrayView1<'a, f64>> {
        self.distances
    }

    /// Number of rows of each cluster, `[k]`.
    ///
    /// # Errors
    /// [`OutOfMemory`](Error::OutOfMemory), [`LabelOutOfRange`](Error::LabelOutOfRange).
    pub fn sizes(&self) -> Result<Vec<u64>> {
        self.check()?;
        let mut sizes = try_vec(self.n_clusters(), 0u64)?;
        self.labels.iter().for_each(|label| sizes[*label as usize] += 1);
        Ok(sizes)
    }

    /// Distance of each row of `x` to the centroid of its cluster, by the definition, whatever
    /// distances were given.
    ///
    /// # Errors
    /// [`ShapeMismatch`](Error::ShapeMismatch) for other rows than those that were clustered,
    /// [`NonFinite`](Error::NonFinite).
    pub fn measure<'x>(&self, x: impl IntoRows<'x>) -> Result<Array1<f64>> {
        self.measure_on(&Cpu::new()?, &x.into_rows()?, &Context::default())
    }

    /// [`measure`](Partition::measure) for any source on any backend.
    ///
    /// # Errors
    /// As [`measure`](Partition::measure); [`Cancelled`](Error::Cancelled),
    /// [`OutOfMemory`](Error::OutOfMemory), [`Source`](Error::Source).
    pub fn measure_on<B: Backend, S: RowSource + ?Sized>(
        &self,
        backend: &B,
        source: &S,
        cx: &Context,
    ) -> Result<Array1<f64>> {
        self.check()?;
        Ok(Array1::from_vec(self.distances_by(self.metric, backend, source, cx)?))
    }

    /// Distances by a metric that need not be that of the clustering.
    pub(crate) fn distances_by<B: Backend, S: RowSource + ?Sized>(
        &self,
        metric: Metric,
        backend: &B,
        source: &S,
        cx: &Context,
    ) -> Result<Vec<f64>> {
        let mut blocks = Blocks::of(backend, source, metric, cx)?;
        check::same_length("labels", blocks.n, self.labels.len())?;
        let targets = backend.targets(self.centroids, metric, Copies::Collapse, cx);
        let targets = targets.map_err(|error| error.at("centroids", |row| row as u64))?;
        let labels = try_copy(self.labels)?;
        let mut out = try_vec(blocks.n, 0.0)?;
        blocks.for_each(cx, |backend, range, block| {
            backend.values(block, &targets, &labels[range.clone()], &mut out[range], cx)
        })?;
        Ok(out)
    }

    /// The distances, where they are needed and the rows are not at hand.
    pub(crate) fn given_distances(&self) -> Result<ArrayView1<'a, f64>> {
        self.distances.ok_or(Error::Empty { what: "distances" })
    }

    /// Refuses what does not fit together. What was made of [`Clusters`] is checked when it is used:
    /// their fields are the caller's to change.
    pub(crate) fn check(&self) -> Result<()> {
        check::not_empty("centroids", self.centroids.n_rows().min(self.centroids.dim()))?;
        let k = self.n_clusters();
        check::labels(self.labels, k)?;
        let mut row = try_vec(self.centroids.dim(), 0.0f32)?;
        for j in 0..k {
            let values = self.centroids.row_at(j, &mut row);
            check::finite_row("centroids", j as u64, values.iter().copied())?;
        }
        if let Some(distances) = self.distances {
            check::same_length("distances", self.labels.len(), distances.len())?;
            check::finite("distances", distances.iter().copied())?;
        }
        Ok(())
    }
}
