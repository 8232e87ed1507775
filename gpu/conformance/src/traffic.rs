//! What passes between host and device: rows are sent once.

use ndarray::Array2;
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
    // The search and its report, four planes of zeros, the sums.
    assert!(each(|t| t.launches) <= 7.0, "{few:?} {many:?}");
}

/// Each of the three stages of D4 sends its rows once: all rows, all rows by cluster, and the rows of the second clustering.
#[test]
fn d4_sends_its_rows_once_a_stage() {
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
    // 1 + 1 + 0.75 times the rows, and what iterations send.
    assert!(few.bytes_up >= 11 * rows / 4 && few.bytes_up < 13 * rows / 4, "{few:?}");
    let each = |f: fn(&Traffic) -> u64| (f(&many) - f(&few)) as f64 / 8.0;
    let (up, down) = iteration(n, k, d);
    assert!(each(|t| t.bytes_up) <= up as f64, "{few:?} {many:?}");
    assert!(each(|t| t.bytes_down) <= down as f64, "{few:?} {many:?}");
    assert!(each(|t| t.launches) <= 7.0, "{few:?} {many:?}");
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
