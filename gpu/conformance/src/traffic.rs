//! What passes between host and device: rows are sent once.

use ndarray::Array2;
use pauca::backend::Backend;
use pauca::exact::Metric;
use pauca::{Context, D4, KMeans, Rows};
use pauca_gpu::{Limits, Traffic};
use pauca_tests::conformance::harness::say;
use pauca_tests::data::Rng;

use super::open;

fn points(n: usize, d: usize) -> Array2<f32> {
    let mut rng = Rng(3);
    Array2::from_shape_fn((n, d), |_| rng.unit() as f32 - 0.5)
}

/// The most bytes that an iteration may send and fetch.
fn iteration(n: usize, k: usize, d: usize) -> (usize, usize) {
    // Centroids, center and half norms; at most two entries a row and three words a run; two counts.
    let up = 4 * (k * d + d + k) + 8 * n + 12 * 2 * (k + n.div_ceil(256));
    // The label of a row, count and four candidates of one in a hundred that is open, four words of a sum.
    (up + 8, 4 * n + 24 * n / 100 + 16 * k * d)
}

/// An iteration moves centroids down and labels, candidates, moves and sums, never the rows.
#[test]
fn kmeans_sends_its_rows_once() {
    let Some(gpu) = open() else { return };
    let gpu = gpu.clone().with_limits(Limits { memory: 1 << 30, ..gpu.limits() });
    let (n, k, d, cx) = (2000usize, 7usize, 64usize, Context::default());
    let x = points(n, d);
    let fit = |rounds: usize| {
        let before = gpu.traffic();
        let kmeans = KMeans::new(k).seed(1).max_iter(rounds);
        let clusters = kmeans.fit_on(&gpu, &Rows::F32(x.view()), None, &cx).unwrap();
        assert_eq!(clusters, kmeans.fit(&x).unwrap());
        assert_eq!(clusters.n_iter, rounds, "it converged too early to tell");
        gpu.traffic().since(&before)
    };
    let (few, many) = (fit(2), fit(6));
    let rows = 4 * (n * d) as u64;
    assert!(few.bytes_up >= rows && few.bytes_up < 2 * rows, "{few:?}");
    let each = |f: fn(&Traffic) -> u64| (f(&many) - f(&few)) as f64 / 4.0;
    say(&format!("k-means, 2 iterations: {few:?}"));
    say(&format!("k-means, 6 iterations: {many:?}"));
    let (up, down) = iteration(n, k, d);
    assert!(each(|t| t.bytes_up) <= up as f64, "{few:?} {many:?}");
    assert!(each(|t| t.bytes_down) <= down as f64, "{few:?} {many:?}");
    // The search and its report, zeros, the sums, and those of clusters that changed.
    assert!(each(|t| t.launches) <= 5.0, "{few:?} {many:?}");
}

/// D4 sends its rows once: the deduplication and the second clustering gather theirs on the device.
#[test]
fn d4_sends_its_rows_once() {
    let Some(gpu) = open() else { return };
    let gpu = gpu.clone().with_limits(Limits { memory: 1 << 30, ..gpu.limits() });
    let (n, k, d, cx) = (2000usize, 7usize, 64usize, Context::default());
    let x = points(n, d);
    let run = |rounds: usize| {
        let before = gpu.traffic();
        let d4 = D4::new().clusters(k).seed(1).max_iter(rounds).dedup_keep_fraction(0.75).keep_fraction(0.5);
        let curated = d4.fit_on(&gpu, &Rows::F32(x.view()), &cx).unwrap();
        assert_eq!(curated, d4.fit(&x).unwrap());
        assert_eq!(
            (curated.clusters.n_iter, curated.reclustered.n_iter),
            (rounds, rounds),
            "too early to tell"
        );
        gpu.traffic().since(&before)
    };
    let (few, many) = (run(2), run(6));
    say(&format!("D4, 2 iterations a stage: {few:?}"));
    say(&format!("D4, 6 iterations a stage: {many:?}"));
    let rows = 4 * (n * d) as u64;
    // The rows, two numbers for each that is gathered, and what iterations and groups send.
    let gathered = 8 * (n + 3 * n / 4) as u64;
    assert!(few.bytes_up >= rows + gathered && few.bytes_up < 6 * rows / 5 + gathered, "{few:?}");
    let each = |f: fn(&Traffic) -> u64| (f(&many) - f(&few)) as f64 / 8.0;
    let (up, down) = iteration(n, k, d);
    assert!(each(|t| t.bytes_up) <= up as f64, "{few:?} {many:?}");
    assert!(each(|t| t.bytes_down) <= down as f64, "{few:?} {many:?}");
    assert!(each(|t| t.launches) <= 5.0, "{few:?} {many:?}");
}

/// Sums are fetched of the clusters that changed.
#[test]
fn sums_that_did_not_change_stay_on_the_device() {
    let Some(gpu) = open() else { return };
    let (n, k, d, cx) = (200usize, 50usize, 64usize, Context::default());
    let x = points(n, d);
    let block = gpu.load(Rows::F32(x.view()), Metric::SqEuclidean, &cx).unwrap();
    let mut sums = gpu.sums(k, d, false, &cx).unwrap();
    let mut centroids = vec![0.0f32; k * d];
    // The rows of two clusters change places.
    let from: Vec<u32> = (0..n as u32).map(|i| i % k as u32).collect();
    let to: Vec<u32> = from.iter().map(|j| if [3, 49].contains(j) { 52 - j } else { *j }).collect();
    let mut down = |from: Option<&[u32]>, to: &[u32]| {
        let before = gpu.traffic();
        gpu.accumulate(&block, from, to, None, &mut sums, &cx).unwrap();
        gpu.centroids(&mut sums, Metric::SqEuclidean, &mut centroids, &cx).unwrap();
        (gpu.traffic().since(&before).bytes_down, centroids.clone())
    };
    let (all, mut expected) = down(None, &from);
    let (two, found) = down(Some(&from), &to);
    assert_eq!((all, two), (16 * (k * d) as u64, 16 * 2 * d as u64));
    (0..d).for_each(|j| expected.swap(3 * d + j, 49 * d + j));
    assert!(found == expected);
}

/// Blocks give their room back.
#[test]
fn room_is_given_back() {
    let Some(gpu) = open() else { return };
    let x = points(100, 8);
    let gpu = gpu.clone().with_limits(Limits { memory: 4 * 100 * 9, ..gpu.limits() });
    let cx = Context::default();
    let sent = |gpu: &pauca_gpu::Gpu| {
        let before = gpu.traffic();
        KMeans::new(3).seed(1).fit_on(gpu, &Rows::F32(x.view()), None, &cx).unwrap();
        gpu.traffic().since(&before).bytes_up
    };
    let first = sent(&gpu);
    assert_eq!(sent(&gpu), first);
    let less = gpu.clone().with_limits(Limits { memory: 4 * 100 * 9 - 1, ..gpu.limits() });
    assert!(sent(&less) > 2 * first, "without room the rows are sent in every call");
}
