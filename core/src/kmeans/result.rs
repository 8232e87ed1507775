//! What a clustering found.

use alloc::vec::Vec;

use ndarray::{Array1, Array2};

use crate::backend::cpu::Cpu;
use crate::backend::{Backend, Blocks, Copies, SearchStats, equal_but_for_search};
use crate::control::Context;
use crate::error::{Error, Result};
use crate::exact::Metric;
use crate::memory::try_vec;
use crate::rows::{IntoRows, RowSource, Rows};

/// A clustering.
#[derive(Clone, Debug)]
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
        if source.n_rows() == 0 {
            return Ok(Array1::from_vec(Vec::new()));
        }
        let mut blocks = Blocks::of(backend, source, self.metric, cx)?;
        let mut labels = try_vec(blocks.n, 0u32)?;
        let rows = Rows::F32(self.centroids.view());
        let targets = backend.targets(rows, self.metric, Copies::Collapse, cx).map_err(named)?;
        blocks.for_each(cx, |range, block| {
            backend.nearest(block, &targets, None, &mut labels[range], cx).map(|_| ())
        })?;
        Ok(Array1::from_vec(labels))
    }
}

/// A bad value among the centroids.
fn named(error: Error) -> Error {
    error.at("centroids", |row| row as u64)
}
