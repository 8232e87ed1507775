//! Equality to the bit between the library and the reference.

use ndarray::Array2;
use pauca::corruption::PairedReport;
use pauca_reference::kmeans::Clusters;

use crate::layout::rows_of;

/// An `f64`, or one that is borrowed.
pub trait Number {
    /// The number.
    fn number(self) -> f64;
}

impl Number for f64 {
    fn number(self) -> f64 {
        self
    }
}

impl Number for &f64 {
    fn number(self) -> f64 {
        *self
    }
}

/// The bits of `f64` values.
pub fn bits<N: Number>(values: impl IntoIterator<Item = N>) -> Vec<u64> {
    values.into_iter().map(|v| v.number().to_bits()).collect()
}

/// The bits of a value, if there is one.
pub fn some_bits(value: Option<f64>) -> Option<u64> {
    value.map(f64::to_bits)
}

/// The bits of `f64` values, where NaN is one value.
pub fn nan_bits<N: Number>(values: impl IntoIterator<Item = N>) -> Vec<u64> {
    values.into_iter().map(|v| v.number()).map(|v| if v.is_nan() { u64::MAX } else { v.to_bits() }).collect()
}

/// The bits of rows.
pub fn row_bits(rows: &[Vec<f32>]) -> Vec<Vec<u32>> {
    rows.iter().map(|row| row.iter().map(|v| v.to_bits()).collect()).collect()
}

/// The rows as centroids have them: a zero has no sign.
pub fn unsigned(rows: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let zero = |v: f32| v.to_bits() << 1 == 0;
    rows.iter().map(|row| row.iter().map(|v| if zero(*v) { 0.0 } else { *v }).collect()).collect()
}

/// The bits of an array.
pub fn array_bits(array: &Array2<f32>) -> Vec<Vec<u32>> {
    row_bits(&rows_of(array))
}

/// Panics at the first difference between what the library and the reference found.
pub fn assert_clusters(found: &pauca::Clusters, expected: &Clusters) {
    assert_eq!(found.labels.to_vec(), expected.labels, "labels");
    assert_eq!(array_bits(&found.centroids), row_bits(&expected.centroids), "centroids");
    assert_eq!(bits(&found.distances), bits(&expected.distances), "distances");
    assert_eq!(found.counts.to_vec(), expected.counts, "counts");
    assert_eq!(found.inertia.to_bits(), expected.inertia.to_bits(), "inertia");
    assert_eq!(found.n_iter, expected.n_iter, "n_iter");
    assert_eq!(found.converged, expected.converged, "converged");
    assert_eq!(found.relocated, expected.relocated, "relocated");
    assert_eq!(found.distinct_rows, expected.distinct_rows, "distinct_rows");
    assert_eq!(found.n_empty(), expected.counts.iter().filter(|&&c| c == 0).count(), "n_empty");
}

/// Panics at the first difference between two results of the library.
pub fn assert_same(a: &pauca::Clusters, b: &pauca::Clusters) {
    assert_eq!(a.labels, b.labels, "labels");
    assert_eq!(array_bits(&a.centroids), array_bits(&b.centroids), "centroids");
    assert_eq!(bits(&a.distances), bits(&b.distances), "distances");
    assert_eq!(a.counts, b.counts, "counts");
    assert_eq!(a.inertia.to_bits(), b.inertia.to_bits(), "inertia");
    assert_eq!((a.n_iter, a.converged, a.relocated), (b.n_iter, b.converged, b.relocated), "run");
    assert_eq!(a.distinct_rows, b.distinct_rows, "distinct_rows");
}

/// Panics at the first difference between two deduplications of the library.
pub fn assert_same_dedup(a: &pauca::Dedup, b: &pauca::Dedup) {
    assert_eq!(a.order, b.order, "order");
    assert_eq!(a.offsets, b.offsets, "offsets");
    assert_eq!(a.keep, b.keep, "keep");
    assert_eq!(a.witness, b.witness, "witness");
    assert_eq!(bits(&a.similarity), bits(&b.similarity), "similarity");
    assert_eq!(a.epsilon.to_bits(), b.epsilon.to_bits(), "epsilon");
    assert_eq!((a.reached, a.exact_copies), (b.reached, b.exact_copies), "reached, exact copies");
}

/// Panics at the first difference between two reports of paired rows.
pub fn assert_same_report(a: &PairedReport, b: &PairedReport) {
    assert_eq!((&a.labels, &a.corrupted_labels), (&b.labels, &b.corrupted_labels));
    assert_eq!((&a.sizes, &a.corrupted_sizes), (&b.sizes, &b.corrupted_sizes));
    for (a, b) in [
        (&a.distances, &b.distances),
        (&a.corrupted_distances, &b.corrupted_distances),
        (&a.distances_to_original, &b.distances_to_original),
        (&a.similarities, &b.similarities),
        (&a.squared_shifts, &b.squared_shifts),
        (&a.alignments, &b.alignments),
    ] {
        assert_eq!(nan_bits(a.to_vec()), nan_bits(b.to_vec()));
    }
    assert_eq!(a.direction, b.direction);
    assert_eq!(a.explained_share, b.explained_share);
}
