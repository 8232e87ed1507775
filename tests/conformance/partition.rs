//! Clusters of other makers: borrowed parts prune as the clustering itself does, and are checked.

use ndarray::{Array2, array};
use pauca::corruption::{CorruptionMetrics, Scip};
use pauca::{
    Clusters, Context, Cpu, DensityPruning, Error, KMeans, Metric, Order, Partition, Rows, Rule, SemDedup,
};

fn rows() -> Array2<f32> {
    Array2::from_shape_fn((120, 5), |(i, j)| ((i * 37 + j * 11 + i * i % 7) % 23) as f32 - 11.5)
}

/// What somebody else would hand over: plain slices.
fn parts(clusters: &Clusters) -> (Vec<u32>, Vec<f32>, Vec<f64>) {
    let centroids = clusters.centroids.iter().copied().collect();
    (clusters.labels.to_vec(), centroids, clusters.distances.to_vec())
}

#[test]
fn partition_prunes_as_the_clusters_that_it_was_taken_from() {
    let x = rows();
    for spherical in [false, true] {
        let clusters = KMeans::new(6).spherical(spherical).fit(&x).unwrap();
        let (labels, centroids, distances) = parts(&clusters);
        let bare = Partition::new(&labels, (&centroids[..], 6, 5), clusters.metric).unwrap();
        let full = bare.with_distances(&distances).unwrap();
        assert!(bare.distances().is_none());
        assert_eq!(bare.measure(&x).unwrap(), clusters.distances, "distances by the definition");
        assert_eq!(full.sizes().unwrap(), clusters.counts.to_vec());
        for order in [Order::Hard, Order::Easy, Order::Random { seed: 3 }] {
            for rule in Rule::ALL {
                let dedup = SemDedup::new(rule).epsilon(0.1).order(order.clone());
                let expected = dedup.fit(&x, &clusters).unwrap();
                assert_eq!(dedup.fit(&x, bare).unwrap(), expected, "{order:?}");
                assert_eq!(dedup.fit(&x, full).unwrap(), expected, "{order:?}");
            }
        }
        let density = DensityPruning::new().temperature(1e4);
        assert_eq!(density.select(full).unwrap(), density.select(&clusters).unwrap());
        assert_eq!(Scip::new().select_from(full).unwrap(), Scip::new().select_from(&clusters).unwrap());
        let y = &x + 0.5;
        let expected = CorruptionMetrics::of(&clusters).measure(&x, &y).unwrap();
        assert_eq!(CorruptionMetrics::of(bare).measure(&x, &y).unwrap().sizes, expected.sizes);
        // What needs distances and has no rows says so.
        assert!(matches!(density.select(bare), Err(Error::Empty { what: "distances" })));
        assert!(matches!(Scip::new().select_from(bare), Err(Error::Empty { what: "distances" })));
    }
}

/// Nothing says that labels name the nearest centroid: two far rows in one cluster are compared, two
/// copies in different clusters are not.
#[test]
fn partition_is_taken_as_it_is() {
    let x = array![[1.0f32, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]];
    let (labels, centroids) = ([0, 1, 1, 1], [5.0f32, 5.0, 7.0, 7.0]);
    let clusters = Partition::new(&labels, (&centroids[..], 2, 2), Metric::SqEuclidean).unwrap();
    let found = SemDedup::new(Rule::GreedyCover).epsilon(0.01).fit(&x, clusters).unwrap();
    assert_eq!(found.keep.to_vec(), [true, true, true, false]);
}

#[test]
fn partition_refuses_what_does_not_fit() {
    let centroids = [0.0f32, 1.0, 2.0, 3.0];
    let two = (&centroids[..], 2, 2);
    let new = |labels, centroids| Partition::new(labels, centroids, Metric::Cosine);
    assert!(matches!(new(&[0, 1, 2], two), Err(Error::LabelOutOfRange { row: 2, label: 2, k: 2 })));
    assert!(matches!(
        new(&[0, u32::MAX], two),
        Err(Error::LabelOutOfRange { row: 1, label: u32::MAX, k: 2 })
    ));
    assert!(matches!(new(&[0], (&centroids[..], 3, 2)), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(new(&[], (&[], 0, 2)), Err(Error::Empty { what: "centroids" })));
    assert!(matches!(new(&[], (&[], 2, 0)), Err(Error::Empty { what: "centroids" })));
    let bad = [0.0f32, 1.0, 2.0, f32::NAN];
    assert!(matches!(
        new(&[0], (&bad[..], 2, 2)),
        Err(Error::NonFinite { what: "centroids", row: 1, col: 1 })
    ));
    let clusters = new(&[0, 1, 1], two).unwrap();
    assert!(matches!(clusters.with_distances(&[0.0; 2]), Err(Error::ShapeMismatch { .. })));
    let bad = clusters.with_distances(&[0.0, 0.0, f64::INFINITY]);
    assert!(matches!(bad, Err(Error::NonFinite { what: "distances", row: 2, .. })));
    // Rows of another number or another width.
    for shape in [(2, 2), (3, 5)] {
        let x = Array2::<f32>::ones(shape);
        let (backend, cx) = (Cpu::new().unwrap(), Context::default());
        let found = clusters.measure_on(&backend, &Rows::F32(x.view()), &cx);
        assert!(matches!(found, Err(Error::ShapeMismatch { .. })));
        let found = SemDedup::new(Rule::EarlierMax).fit(&x, clusters);
        assert!(matches!(found, Err(Error::ShapeMismatch { .. })));
    }
}
