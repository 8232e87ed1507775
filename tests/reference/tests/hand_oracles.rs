//! Results that can be had with pencil and paper, so that the reference itself has a reference.

use pauca_reference::d4::{D4, d4};
use pauca_reference::fsum::ExactSum;
use pauca_reference::kmeans::{Clusters, Init, KMeans, kmeans, predict};
use pauca_reference::semdedup::{
    Boundary, Order, against, earlier_max, greedy_cover, keep_by_epsilon, keep_by_target, order,
};
use pauca_reference::truth::{Metric, cosine, unit};

/// NeMo's figures are printed to six decimals.
const PRINTED: f64 = 1e-6;

fn rows(values: &[&[f32]]) -> Vec<Vec<f32>> {
    values.iter().map(|v| v.to_vec()).collect()
}

fn column(values: &[f32]) -> Vec<Vec<f32>> {
    values.iter().map(|&v| vec![v]).collect()
}

fn fit(x: &[Vec<f32>], config: KMeans) -> Clusters {
    let ids: Vec<u64> = (0..x.len() as u64).collect();
    kmeans(x, &ids, &vec![1.0; x.len()], &config)
}

fn seeded(k: usize, seed: u64) -> KMeans {
    KMeans { k, seed, ..KMeans::default() }
}

fn from(init: Vec<Vec<f32>>) -> KMeans {
    KMeans { k: init.len(), init: Init::Given(init), ..KMeans::default() }
}

fn spherical(init: Vec<Vec<f32>>) -> KMeans {
    KMeans { metric: Metric::Cosine, ..from(init) }
}

fn toy() -> Vec<Vec<f32>> {
    rows(&[&[0.0, 0.0], &[0.5, 0.0], &[0.5, 1.0], &[1.0, 1.0]])
}

/// One cluster that holds everything, in the order 0, 1, 2, ...
fn in_order(n: usize) -> Vec<Vec<usize>> {
    vec![(0..n).collect()]
}

fn kept(witness: &[Option<usize>]) -> usize {
    witness.iter().filter(|w| w.is_none()).count()
}

#[test]
fn torture_01_weighted_toy_case() {
    let x = toy();
    let config = from(rows(&[&[0.0, 0.0], &[1.0, 1.0]]));
    let got = kmeans(&x, &[0, 1, 2, 3], &[3.0, 1.0, 1.0, 3.0], &config);
    assert_eq!(got.labels, [0, 0, 1, 1]);
    assert_eq!(got.centroids, rows(&[&[0.125, 0.0], &[0.875, 1.0]]));
    assert_eq!(got.inertia, 0.375);
    // One round of update and assignment; scikit-learn also counts the first assignment: 2.
    assert_eq!((got.n_iter, got.converged), (1, true));
    let mut copies = Vec::new();
    for (row, n) in x.iter().zip([3, 1, 1, 3]) {
        copies.extend(std::iter::repeat_n(row.clone(), n));
    }
    let by_copies = fit(&copies, config);
    assert_eq!(by_copies.centroids, got.centroids);
    assert_eq!(by_copies.inertia, got.inertia);
}

#[test]
fn torture_02_empty_cluster_takes_the_farthest_row() {
    let got = fit(&toy(), from(rows(&[&[0.5, 0.5], &[3.0, 3.0]])));
    // Rows 0 and 3 are equally far from the first centroid: row 0 moves.
    assert_eq!(got.labels, [1, 1, 0, 0]);
    assert_eq!(got.centroids, rows(&[&[0.75, 1.0], &[0.25, 0.0]]));
    assert_eq!((got.inertia, got.relocated), (0.25, 1));
    let kept = fit(&toy(), KMeans { relocate: false, ..from(rows(&[&[0.5, 0.5], &[3.0, 3.0]])) });
    assert_eq!((kept.counts, kept.relocated), (vec![4, 0], 0));
    assert_eq!(kept.centroids[1], [3.0, 3.0]);
}

#[test]
fn torture_03_two_groups_from_any_seed() {
    let x = column(&[1.0, 2.0, 3.0, 10.0, 11.0, 12.0]);
    for seed in 0..500 {
        for init in [Init::KMeansPlusPlus, Init::Random] {
            let got = fit(&x, KMeans { init, ..seeded(2, seed) });
            let mut centres: Vec<f32> = got.centroids.concat();
            centres.sort_by(f32::total_cmp);
            assert_eq!((centres, got.inertia), (vec![2.0, 11.0], 4.0));
        }
    }
}

#[test]
fn torture_04_to_07_magnitudes() {
    for seed in 0..50 {
        let huge = fit(&column(&[1e20, 1.0001e20, -1e20, -1.0001e20]), seeded(2, seed));
        // To the centroids as stored in f32; to the unrounded means it is 1.0002315666543261e32.
        assert_eq!(huge.inertia, 1.0002323403668507e32);
        assert!(huge.labels[0] == huge.labels[1] && huge.labels[2] == huge.labels[3]);
        assert_ne!(huge.labels[0], huge.labels[2]);

        let edge = fit(&column(&[3e38, 3.1e38, -3e38, -3.1e38]), seeded(2, seed));
        let mut centres = edge.centroids.concat();
        centres.sort_by(f32::total_cmp);
        assert_eq!(centres, [-3.049999998828582e38f64 as f32, 3.049999998828582e38f64 as f32]);
        assert!(edge.inertia.is_finite());

        let tiny = fit(&column(&[1e-30, 1.1e-30, -1e-30, -1.1e-30]), seeded(2, seed));
        assert_eq!(tiny.inertia, 9.999992540259083e-63);
        assert!(tiny.labels[0] == tiny.labels[1] && tiny.labels[0] != tiny.labels[2]);

        let subnormal = [1, 2, 100, 101].map(f32::from_bits);
        let got = fit(&column(&subnormal), seeded(2, seed));
        assert!(got.labels[0] == got.labels[1] && got.labels[2] == got.labels[3]);
        assert_ne!(got.labels[0], got.labels[2]);
        // Means 1.5 and 100.5 units: ties to even.
        let mut centres = got.centroids.concat();
        centres.sort_by(f32::total_cmp);
        assert_eq!(centres, [2, 100].map(f32::from_bits));
    }
}

#[test]
fn torture_09_a_sum_that_stalls_in_f32() {
    let mut sum = ExactSum::default();
    (0..1 << 25).for_each(|_| sum.add(1.0));
    assert_eq!(sum.value() / (1u64 << 25) as f64, 1.0);
}

#[test]
fn torture_16_18_19_as_many_clusters_as_rows_and_duplicates() {
    let x = toy();
    let got = fit(&x, seeded(4, 3));
    assert_eq!((got.inertia, got.counts), (0.0, vec![1; 4]));

    let same = fit(&vec![vec![0.3, 0.7]; 6], seeded(3, 0));
    assert_eq!((same.counts, same.inertia, same.n_iter), (vec![6, 0, 0], 0.0, 1));
    assert_eq!((same.distinct_rows, same.relocated), (Some(1), 0));
    assert_eq!(same.centroids, vec![vec![0.3, 0.7]; 3]);

    let x = rows(&[&[0.0, 0.0], &[1.0, 1.0], &[1.0, 1.0], &[1.0, 0.0], &[0.0, 1.0]]);
    let got = fit(&x, from(x.clone()));
    assert_eq!((got.labels, got.n_iter), (vec![0, 1, 1, 3, 4], 1));
}

#[test]
fn torture_20_21_ties_and_no_iteration() {
    for init in [[-1.0, 1.0], [1.0, -1.0]] {
        let got = fit(&column(&[0.0]), KMeans { max_iter: 0, ..from(column(&init)) });
        assert_eq!((got.labels, got.centroids), (vec![0], column(&init)));
        assert_eq!((got.n_iter, got.converged), (0, false));
    }
}

#[test]
fn torture_22_weights_scale_by_powers_of_two() {
    let x = toy();
    let weights = [3.0f32, 1.0, 0.7, 0.0];
    let big = weights.map(|w| w * 2f32.powi(60));
    for metric in [Metric::SqEuclidean, Metric::Cosine] {
        let config = KMeans { metric, ..from(rows(&[&[0.0, 0.1], &[1.0, 1.0]])) };
        let one = kmeans(&x, &[0, 1, 2, 3], &weights, &config);
        let other = kmeans(&x, &[0, 1, 2, 3], &big, &config);
        assert_eq!((one.labels, one.centroids), (other.labels, other.centroids));
        assert_eq!(one.inertia * 2f64.powi(60), other.inertia);
    }
}

#[test]
fn torture_23_24_fixed_point_and_cost() {
    let x: Vec<Vec<f32>> =
        (0..60u32).map(|i| vec![(i * i % 41) as f32, (i * 17 % 23) as f32 * 0.5]).collect();
    let mut cost = f64::INFINITY;
    for max_iter in 0..12 {
        let got = fit(&x, KMeans { max_iter, ..seeded(5, 9) });
        assert!(got.inertia <= cost);
        assert_eq!(got.labels, predict(&x, &got.centroids, Metric::SqEuclidean));
        cost = got.inertia;
    }
    let end = fit(&x, KMeans { max_iter: 300, ..seeded(5, 9) });
    let again = fit(&x, from(end.centroids.clone()));
    assert!(end.converged);
    assert_eq!((again.n_iter, again.centroids, again.labels), (1, end.centroids, end.labels));
}

#[test]
fn torture_28_spherical_zero_rows_and_opposite_rows() {
    let got = fit(&rows(&[&[1.0, 2.0], &[-1.0, -2.0]]), spherical(rows(&[&[5.0, 0.0]])));
    assert_eq!(got.centroids, rows(&[&[5.0, 0.0]]));
    // A zero row has S = 0 to everything: label 0, distance 1, nothing in the sums.
    let x = rows(&[&[0.0, 0.0], &[0.0, 2.0], &[3.0, 0.0]]);
    let got = fit(&x, spherical(rows(&[&[1.0, 0.1], &[0.1, 1.0]])));
    assert_eq!(got.labels, [0, 1, 0]);
    assert_eq!(got.centroids, rows(&[&[1.0, 0.0], &[0.0, 1.0]]));
    assert_eq!(got.distances, [1.0, 0.0, 0.0]);
}

#[test]
fn nemo_hand_oracle() {
    let x: Vec<Vec<f32>> = [
        [1.0, 2.0, 3.0],
        [4.0, 5.0, 6.0],
        [7.0, 8.0, 9.0],
        [10.0, 11.0, 12.0],
        [1.0, 2.0, 3.0],
        [1.0, 2.0, 3.0],
    ]
    .iter()
    .map(|v| unit(v))
    .collect();
    let got = earlier_max(&x, &in_order(6));
    let expected = [f64::NEG_INFINITY, 0.974631, 0.998190, 0.999618, 1.0, 1.0];
    for (found, expected) in got.score.iter().zip(expected) {
        assert!(*found == expected || (found - expected).abs() < PRINTED, "{found} {expected}");
    }
    assert_eq!(got.score[4..], [1.0, 1.0]);
    assert_eq!(got.witness, [None, Some(0), Some(1), Some(2), Some(0), Some(0)]);
}

#[test]
fn torture_29_copies_reduce_to_the_first() {
    let x = vec![vec![0.1, -0.7, 0.3]; 1000];
    let scores = earlier_max(&x, &in_order(1000));
    assert!(scores.witness[1..].iter().all(|&w| w == Some(0)));
    assert_eq!(keep_by_epsilon(&scores.score, 0.0, Boundary::Ge).iter().filter(|k| **k).count(), 1);
    assert_eq!(keep_by_epsilon(&scores.score, 0.0, Boundary::Gt).iter().filter(|k| **k).count(), 1000);
    assert_eq!(kept(&greedy_cover(&x, &in_order(1000), 0.0, Boundary::Ge)), 1);
}

#[test]
fn torture_30_32_33_34_thresholds() {
    let x = rows(&[&[1.0, 0.0], &[0.0, 1.0], &[-1.0, 0.0], &[1.0, 1.0]]);
    let score = earlier_max(&x, &in_order(4)).score;
    assert_eq!(score[1..3], [0.0, 0.0]);
    let count = |epsilon, boundary| keep_by_epsilon(&score, epsilon, boundary).iter().filter(|k| **k).count();
    assert_eq!((count(1.0, Boundary::Gt), count(1.0, Boundary::Ge)), (3, 1));
    assert_eq!((count(2.0, Boundary::Gt), count(2.0, Boundary::Ge)), (1, 1));

    let x = rows(&[&[3.0, 4.0], &[4.0, 3.0]]);
    let score = earlier_max(&x, &in_order(2)).score;
    assert_eq!(score[1], 0.96);
    assert_eq!(keep_by_epsilon(&score, 0.04, Boundary::Gt), [true, true]);
    assert_eq!(keep_by_epsilon(&score, 0.04, Boundary::Ge), [true, false]);

    let opposite = rows(&[&[3.0, 4.0], &[-3.0, -4.0]]);
    assert_eq!(kept(&greedy_cover(&opposite, &in_order(2), 1.999, Boundary::Ge)), 2);
    let scaled = rows(&[&[3.0, 4.0], &[3e-20, 4e-20]]);
    assert_eq!(kept(&greedy_cover(&scaled, &in_order(2), 1e-6, Boundary::Gt)), 1);
}

#[test]
fn new_rows_meet_the_rows_that_stay_in_their_cluster() {
    let stays = rows(&[&[0.0, 0.0], &[6.0, 8.0], &[3.0, 4.0], &[4.0, 3.0]]);
    let new = rows(&[&[3.0, 4.0], &[3.0, 4.0], &[-3.0, -4.0], &[0.0, 0.0], &[4.0, 3.0]]);
    let got = against(&new, &[0, 1, 0, 0, 2], &stays, &[0, 0, 0, 1]);
    assert_eq!(got.score, [1.0, 0.96, -1.0, f64::NEG_INFINITY, f64::NEG_INFINITY]);
    assert_eq!(got.witness, [Some(1), Some(3), Some(1), None, None]);
}

#[test]
fn torture_35_zero_rows_are_never_removed() {
    let x = rows(&[&[0.0, 0.0], &[1.0, 0.0], &[0.0, -0.0], &[1.0, 0.0]]);
    let scores = earlier_max(&x, &in_order(4));
    assert_eq!(scores.witness, [None, None, None, Some(1)]);
    assert_eq!(keep_by_epsilon(&scores.score, 2.0, Boundary::Ge), [true, true, true, false]);
    let target = keep_by_target(&scores.score, &in_order(4), 2, Boundary::Gt);
    assert_eq!((target.keep, target.reached), (vec![true, true, true, false], false));
}

#[test]
fn torture_36_clusters_hide_duplicates() {
    let x = rows(&[&[1.0, 0.0], &[1.0, 0.01]]);
    assert_eq!(kept(&greedy_cover(&x, &[vec![0], vec![1]], 0.1, Boundary::Gt)), 2);
    assert_eq!(kept(&greedy_cover(&x, &in_order(2), 0.1, Boundary::Gt)), 1);
}

#[test]
fn rules_differ_on_a_chain() {
    // 0 ~ 1 ~ 2 ~ 3 with neighbours 10 degrees apart: 0 and 2 are not duplicates.
    let x: Vec<Vec<f32>> =
        (0..4).map(|i| (i as f32 * 10f32.to_radians()).sin_cos()).map(|(s, c)| vec![c, s]).collect();
    let epsilon = 1.0 - 15f64.to_radians().cos();
    let scores = earlier_max(&x, &in_order(4));
    assert_eq!(keep_by_epsilon(&scores.score, epsilon, Boundary::Gt), [true, false, false, false]);
    assert_eq!(greedy_cover(&x, &in_order(4), epsilon, Boundary::Gt), [None, Some(0), None, Some(2)]);
}

#[test]
fn orders_break_ties_by_row() {
    let x = rows(&[&[1.0, 0.0], &[0.0, 1.0], &[1.0, 0.0], &[1.0, 1.0]]);
    let centroids = rows(&[&[1.0, 0.0]]);
    let ids = [0, 1, 2, 3];
    assert_eq!(order(&x, &ids, &[0; 4], &centroids, &Order::Hard), [[1, 3, 0, 2]]);
    assert_eq!(order(&x, &ids, &[0; 4], &centroids, &Order::Easy), [[0, 2, 3, 1]]);
    let random = order(&x, &ids, &[0; 4], &centroids, &Order::Random(1, 0));
    let mut sorted = random[0].clone();
    sorted.sort();
    assert_eq!(sorted, [0, 1, 2, 3]);
}

#[test]
fn targets_take_the_smallest_scores() {
    let score = [f64::NEG_INFINITY, 0.5, 0.2, 0.5];
    let got = keep_by_target(&score, &in_order(4), 3, Boundary::Gt);
    assert_eq!((got.keep, got.epsilon, got.reached), (vec![true, true, true, false], 0.5, true));
}

#[test]
fn torture_39_40_d4() {
    // Torture 39: every row its own cluster.
    let x: Vec<Vec<f32>> = (0..10u32).map(|i| vec![(i as f32).cos(), (i as f32).sin(), 0.1]).collect();
    let clustering = KMeans { k: 10, metric: Metric::Cosine, ..KMeans::default() };
    let config = D4 { clustering, recluster: 10, dedup_keep: 1.0, keep: 0.5 };
    let got = d4(&x, &config);
    assert!(got.reclustered.distances.iter().all(|&d| d == 0.0));
    assert_eq!(got.keep, [true, true, true, true, true, false, false, false, false, false]);

    // Torture 40: three directions, all else are copies; 3 of 12 survive, k2 is clipped to 3.
    let x: Vec<Vec<f32>> =
        (0..12).map(|i| [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]][i % 3].to_vec()).collect();
    let clustering = KMeans { k: 1, metric: Metric::Cosine, ..KMeans::default() };
    let got = d4(&x, &D4 { clustering, recluster: 8, dedup_keep: 0.25, keep: 0.25 });
    assert_eq!((got.survivors, got.dedup.reached), (vec![0, 1, 2], true));
    assert_eq!(got.reclustered.counts, [1, 1, 1]);
    assert_eq!(got.keep.iter().filter(|k| **k).count(), 3);
    // A row and its copies make one survivor at least, whatever is asked.
    assert_eq!(cosine(&x[0], &x[3]), 1.0);
}
