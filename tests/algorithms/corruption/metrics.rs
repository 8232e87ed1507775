//! Paired metrics: their hard cases and the edges of the contract. The definitions are in the conformance suite.

use ndarray::{Array2, array};
use pauca::corruption::{CorruptionMetrics, PairedReport};
use pauca::{Clusters, Context, Control, Cpu, Error, Exec, Init, KMeans, Rows};
use pauca_tests::data::{Kind, Rng};
use pauca_tests::layout::array as stored;

struct Problem {
    x: Vec<Vec<f32>>,
    y: Vec<Vec<f32>>,
    clusters: Clusters,
}

/// Rows of any kind, corrupted in some places, in a clustering of their own.
fn some_problem(seed: u64) -> Problem {
    let mut rng = Rng(seed);
    // The very largest values leave f64 when shifts are squared and summed: a test of their own.
    let kind = Kind::ALL[seed as usize % Kind::ALL.len()];
    let kind = if kind == Kind::Extreme { Kind::Normal } else { kind };
    let (n, d) = (2 + rng.below(40), 1 + rng.below(40));
    let x = kind.rows(n, d, &mut rng);
    let other = kind.rows(n, d, &mut rng);
    let y = (0..n).map(|i| if rng.chance(0.3) { x[i].clone() } else { other[i].clone() }).collect();
    let k = 1 + rng.below(n.min(6));
    let init = Init::Given(stored(&x[..k]));
    let clusters =
        KMeans::new(k).spherical(seed.is_multiple_of(2)).init(init).max_iter(2).fit(&stored(&x)).unwrap();
    Problem { x, y, clusters }
}

fn measured(p: &Problem) -> PairedReport {
    CorruptionMetrics::of(&p.clusters).measure(&stored(&p.x), &stored(&p.y)).unwrap()
}

/// X' = X: nothing moved, no direction.
#[test]
fn unchanged_rows_have_no_shift_no_switch_and_no_direction() {
    let p = some_problem(4);
    let same = Problem { y: p.x.clone(), ..p };
    let found = measured(&same);
    assert_eq!(found.switch_rate(), 0.0);
    assert!(found.squared_shifts.iter().all(|s| *s == 0.0));
    assert!(found.alignments.iter().all(|a| a.is_nan()));
    assert_eq!((found.direction.clone(), found.explained_share), (None, None));
    for i in 0..found.len() {
        assert_eq!((found.log_size_change(i), found.distance_change(i)), (0.0, 0.0));
    }
    let summary = found.summary(50, 1, 0.95).unwrap();
    assert_eq!((summary.switch_rate.low, summary.switch_rate.high), (0.0, 0.0));
}

/// Every number of the summary is the mean of its rows, and lies in its interval.
#[test]
fn the_summary_is_the_mean_of_the_rows() {
    for seed in 0..60 {
        let found = measured(&some_problem(seed));
        let summary = found.summary(20, seed, 0.95).unwrap();
        let n = found.len();
        let mean = |value: &dyn Fn(usize) -> f64| {
            pauca_reference::fsum::fsum(&(0..n).map(value).collect::<Vec<_>>()) / n as f64
        };
        let rows: [(_, &dyn Fn(usize) -> f64); 5] = [
            (summary.switch_rate, &|i| f64::from(found.labels[i] != found.corrupted_labels[i])),
            (summary.log_size_change, &|i| found.log_size_change(i)),
            (summary.distance_change, &|i| found.distance_change(i)),
            (summary.distance_to_original_change, &|i| found.distance_to_original_change(i)),
            (summary.similarity, &|i| found.similarities[i]),
        ];
        for (interval, value) in rows {
            assert_eq!(interval.estimate.to_bits(), (mean(value) + 0.0).to_bits(), "seed {seed}");
            assert!(interval.low <= interval.high);
        }
        assert_eq!(summary.switch_rate.estimate, found.switch_rate());
    }
}

/// Every row moved by exactly (3, 4).
#[test]
fn case_43_a_common_shift_is_found_exactly() {
    let x = array![[0.0f32, 0.0], [1.0, 0.0], [9.0, 1.0]];
    let clusters = KMeans::new(1).fit(&x).unwrap();
    let found = CorruptionMetrics::of(&clusters).measure(&x, &(&x + &array![3.0f32, 4.0])).unwrap();
    let direction = found.direction.unwrap();
    assert_eq!((direction.length, direction.unit.to_vec()), (5.0, vec![0.6, 0.8]));
    assert_eq!(found.explained_share, Some(1.0));
    assert!(found.alignments.iter().all(|a| (a - 1.0).abs() <= f64::EPSILON));
}

/// Shifts that cancel: every row moved, in no common direction.
#[test]
fn shifts_that_cancel_have_no_direction() {
    let x = array![[1.0f32, 0.0], [1.0, 0.0]];
    let y = array![[2.0f32, 5.0], [0.0, -5.0]];
    let clusters = KMeans::new(1).fit(&x).unwrap();
    let found = CorruptionMetrics::of(&clusters).measure(&x, &y).unwrap();
    assert_eq!((found.direction, found.explained_share), (None, Some(0.0)));
    assert!(found.alignments.iter().all(|a| a.is_nan()));
}

/// The mean shift is a sum without rounding: a shift of one unit in the last place survives
/// rows of 1e6.
#[test]
fn small_shifts_of_large_rows_are_not_lost() {
    let x = Array2::from_shape_fn((1000, 3), |(i, j)| 1e6 + (i * 3 + j) as f32);
    let y = x.mapv(|v| v + 0.0625);
    let clusters = KMeans::new(1).fit(&x).unwrap();
    let found = CorruptionMetrics::of(&clusters).measure(&x, &y).unwrap();
    let length = found.direction.unwrap().length;
    assert_eq!(length, (3.0f64 * 0.0625 * 0.0625).sqrt());
}

#[test]
fn zero_rows_are_similar_to_nothing() {
    let x = array![[1.0f32, 0.0], [0.0, 1.0]];
    let y = array![[0.0f32, 0.0], [0.0, 1.0]];
    let clusters = KMeans::new(2).spherical(true).init(Init::Given(x.clone())).fit(&x).unwrap();
    let found = CorruptionMetrics::of(&clusters).measure(&x, &y).unwrap();
    assert_eq!(found.similarities.to_vec(), [0.0, 1.0]);
    assert_eq!(found.corrupted_distances.to_vec(), [1.0, 0.0]);
}

/// And the places of bad values.
#[test]
fn case_41_42_bad_pairs_are_named() {
    let x = array![[1.0f32, 0.0], [0.0, 1.0]];
    let clusters = KMeans::new(1).fit(&x).unwrap();
    let metrics = CorruptionMetrics::of(&clusters);
    let none = Array2::<f32>::zeros((0, 2));
    assert!(matches!(metrics.measure(&none, &none), Err(Error::Empty { what: "x" })));
    assert!(matches!(metrics.measure(&x, &none), Err(Error::Empty { what: "corrupted" })));
    let three = Array2::<f32>::zeros((3, 2));
    let refused = metrics.measure(&x, &three);
    assert!(matches!(refused, Err(Error::ShapeMismatch { expected: 2, found: 3, .. })));
    let wide = Array2::<f32>::zeros((2, 5));
    assert!(matches!(metrics.measure(&x, &wide), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(metrics.measure(&wide, &wide), Err(Error::ShapeMismatch { .. })));
    let nan = array![[1.0f32, 0.0], [0.0, f32::NAN]];
    let refused = metrics.measure(&x, &nan);
    assert!(matches!(refused, Err(Error::NonFinite { what: "corrupted", row: 1, col: 1 })), "{refused:?}");
    assert!(matches!(metrics.measure(&nan, &x), Err(Error::NonFinite { what: "x", row: 1, col: 1 })));
    let found = metrics.measure(&x, &(&x + 1.0)).unwrap().direction.unwrap();
    assert!(matches!(found.score(&wide), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(found.score(&nan), Err(Error::NonFinite { row: 1, col: 1, .. })));
}

#[test]
fn a_cancelled_measurement_stops() {
    let p = some_problem(0);
    let (x, y) = (stored(&p.x), stored(&p.y));
    let stop = || true;
    let cx = Context::new(Exec::serial(), Control::new().stop_when(&stop));
    let backend = Cpu::new().unwrap();
    let found = CorruptionMetrics::of(&p.clusters).measure_on(
        &backend,
        &Rows::F32(x.view()),
        &Rows::F32(y.view()),
        &cx,
    );
    assert!(matches!(found, Err(Error::Cancelled)));
}
