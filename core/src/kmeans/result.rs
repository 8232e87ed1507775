//! What a clustering found.

use ndarray::{Array1, Array2};

use crate::backend::cpu::Cpu;
use crate::backend::{Backend, Blocks, Copies, SearchStats, equal_but_for_search};
use crate::check;
use crate::control::Context;
use crate::error::{Error, Result};
use crate::exact::Metric;
use crate::memory::try_vec;
use crate::rows::{IntoRows, RowSource, Rows};

/// A clustering.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Clusters {
    /// The metric of [`distances`](Clusters::distances).
    pub metric: Metric,
    /// `[k, d]`.
    pub centroids: Array2<f32>,
    /// `[n]`: index of the nearest centroid.
    pub labels: Array1<u32>,
    /// `[n]`: distance to it, squared Euclidean or 1 - cosine.
    pub distances: Array1<f64>,
    /// `[k]`: rows of each cluster, those of weight 0 included.
    pub counts: Array1<u64>,
    /// Sum of weight times distance, exact but for one rounding at the end.
    pub inertia: f64,
    /// Iterations made.
    pub n_iter: usize,
    /// Whether the last iteration changed no label (or the centroids moved less than the tolerance).
    pub converged: bool,
    /// Rows that were moved into empty clusters.
    pub relocated: u64,
    /// How many distinct rows k-means++ found, when it found fewer than clusters; under the cosine
    /// rows of zeros do not count.
    pub distinct_rows: Option<u64>,
    /// How the rows of the last assignment were settled. Depends on the SIMD level.
    pub search: SearchStats,
}

equal_but_for_search!(Clusters:
    metric, centroids, labels, distances, counts, inertia, n_iter, converged, relocated, distinct_rows
);

impl Clusters {
    /// Clusters without a row.
    pub fn n_empty(&self) -> usize {
        self.counts.iter().filter(|&&c| c == 0).count()
    }

    /// Index of the nearest centroid of each row of `x`. Equals `labels` on the rows of the fit.
    ///
    /// # Errors
    /// [`Error::NonFinite`], [`Error::ShapeMismatch`] when the dimension differs.
    pub fn predict<'a>(&self, x: impl IntoRows<'a>) -> Result<Array1<u32>> {
        self.predict_on(&Cpu::new()?, &x.into_rows()?, &Context::default())
    }

    /// [`predict`](Clusters::predict) for any source on any backend.
    ///
    /// # Errors
    /// As [`predict`](Clusters::predict).
    pub fn predict_on<B: Backend, S: RowSource + ?Sized>(
        &self,
        backend: &B,
        source: &S,
        cx: &Context,
    ) -> Result<Array1<u32>> {
        let mut labels = try_vec(source.n_rows(), 0u32)?;
        self.predict_into(backend, source, &mut labels, cx)?;
        Ok(Array1::from_vec(labels))
    }

    /// [`predict_on`](Clusters::predict_on) into a buffer of one label a row, which after an error holds
    /// anything.
    ///
    /// # Errors
    /// As [`predict`](Clusters::predict); [`Error::ShapeMismatch`] for a buffer of another length.
    /// # Example
    /// ```
    /// use pauca::{Context, Cpu, KMeans, Rows};
    /// let x = ndarray::array![[1.0f32], [2.0], [10.0], [11.0]];
    /// let clusters = KMeans::new(2).fit(&x)?;
    /// let mut labels = [0; 4];
    /// clusters.predict_into(&Cpu::new()?, &Rows::F32(x.view()), &mut labels, &Context::default())?;
    /// assert_eq!(labels.to_vec(), clusters.labels.to_vec());
    /// # Ok::<(), pauca::Error>(())
    /// ```
    pub fn predict_into<B: Backend, S: RowSource + ?Sized>(
        &self,
        backend: &B,
        source: &S,
        labels: &mut [u32],
        cx: &Context,
    ) -> Result<()> {
        check::same_length("labels", source.n_rows(), labels.len())?;
        if labels.is_empty() {
            return Ok(());
        }
        let mut blocks = Blocks::of(backend, source, self.metric, cx)?;
        let rows = Rows::F32(self.centroids.view());
        let targets = backend.targets(rows, self.metric, Copies::Collapse, cx).map_err(named)?;
        blocks.for_each(cx, |backend, range, block| {
            backend.nearest(block, &targets, None, &mut labels[range], cx).map(|_| ())
        })
    }
}

/// A bad value among the centroids.
fn named(error: Error) -> Error {
    error.at("centroids", |row| row as u64)
}
