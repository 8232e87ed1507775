//! Metrics of paired rows, originals and their corrupted versions.

use pauca::backend::Backend;
use pauca::corruption::{CorruptionMetrics, PairedReport};
use pauca::{Blocked, Clusters, Context, Control, Rows};
use pauca_reference::scip as reference;

use super::kmeans::EXECUTORS;
use super::search::rows_nearby;
use crate::agree::{assert_same_report, nan_bits};
use crate::layout::{array, rows_of};
use crate::problem::Problem;
use crate::subject::Subject;

/// Clusters of the rows, and corrupted rows: the same, others, or ones nearby.
fn some_pairs<B: Backend>(s: &Subject<B>, p: &mut Problem) -> (Clusters, Vec<Vec<f32>>) {
    // Shifts of larger values leave f64 when they are squared twice.
    p.x.iter_mut().flatten().for_each(|v| *v = v.clamp(-1e30, 1e30));
    (p.k, p.max_iter, p.weights) = (p.k.min(6), 2, None);
    p.start = crate::problem::Start::Random;
    let clusters = s.kmeans(&p.config(), &p.x, None).unwrap();
    let others = rows_nearby(p, p.x.len());
    let y = (0..p.x.len()).map(|i| if p.rng.chance(0.3) { p.x[i].clone() } else { others[i].clone() });
    let y = y.collect();
    (clusters, y)
}

fn measured<B: Backend>(s: &Subject<B>, clusters: &Clusters, p: &Problem, y: &[Vec<f32>]) -> PairedReport {
    let (x, y) = (array(&p.x), array(y));
    let (x, y) = (Rows::F32(x.view()), Rows::F32(y.view()));
    CorruptionMetrics::of(clusters).measure_on(&s.backend, &x, &y, &s.cx).unwrap()
}

pub fn pairs_equal_the_reference<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (clusters, y) = some_pairs(s, p);
    let found = measured(s, &clusters, p, &y);
    let (centroids, sizes) = (rows_of(&clusters.centroids), clusters.counts.to_vec());
    for (i, e) in reference::pairs(&p.x, &y, &centroids, &sizes, p.metric()).iter().enumerate() {
        assert_eq!((found.labels[i], found.corrupted_labels[i]), (e.label, e.corrupted_label), "row {i}");
        let row = [
            found.distances[i],
            found.corrupted_distances[i],
            found.distances_to_original[i],
            found.log_size_change(i),
            found.similarities[i],
            found.squared_shifts[i],
        ];
        let expected = [
            e.distance,
            e.corrupted_distance,
            e.distance_to_original,
            e.log_size_change,
            e.similarity,
            e.squared_shift,
        ];
        assert_eq!(nan_bits(row), nan_bits(expected), "row {i}");
    }
}

pub fn direction_equals_the_reference<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (clusters, y) = some_pairs(s, p);
    let found = measured(s, &clusters, p, &y);
    match (&found.direction, reference::direction(&p.x, &y)) {
        (None, None) => {}
        (Some(a), Some((length, unit, mean, explained))) => {
            assert_eq!(a.length.to_bits(), length.to_bits());
            assert_eq!(nan_bits(a.unit.to_vec()), nan_bits(unit.clone()));
            assert_eq!(nan_bits(a.origin.to_vec()), nan_bits(mean.clone()));
            assert_eq!(found.explained_share, Some(explained));
            let scores = a.score(&array(&y)).unwrap();
            for i in 0..p.x.len() {
                assert_eq!(scores[i].to_bits(), reference::score(&y[i], &mean, &unit).to_bits());
                let aligned = reference::alignment(&p.x[i], &y[i], &unit).unwrap_or(f64::NAN);
                assert_eq!(nan_bits([found.alignments[i]]), nan_bits([aligned]), "row {i}");
            }
        }
        (a, b) => panic!("{a:?} {}", b.is_some()),
    }
}

pub fn block_sizes_and_executors_do_not_matter<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (clusters, y) = some_pairs(s, p);
    let expected = measured(s, &clusters, p, &y);
    let metrics = CorruptionMetrics::of(&clusters);
    let (x, y) = (array(&p.x), array(&y));
    let (x, y) = (Rows::F32(x.view()), Rows::F32(y.view()));
    for exec in EXECUTORS.iter() {
        let cx = Context::new(exec.clone(), Control::new());
        assert_same_report(&metrics.measure_on(&s.backend, &x, &y, &cx).unwrap(), &expected);
        let (a, b) = (Blocked::new(x, 7).unwrap(), Blocked::new(y, 3).unwrap());
        assert_same_report(&metrics.measure_on(&s.backend, &a, &b, &cx).unwrap(), &expected);
    }
}
