//! Density-based pruning: the conditions its quotas meet, the reference, the edges of the contract.

use ndarray::array;
use pauca::exact::elementary::exp;
use pauca::{Clusters, Context, Control, DensityPruned, DensityPruning, Error, Exec, KMeans};
use pauca_reference::density as reference;
use pauca_tests::agree::bits;
use pauca_tests::conformance::kmeans::EXECUTORS;
use pauca_tests::data::Rng;
use pauca_tests::layout;
use pauca_tests::problem::Problem;
use proptest::prelude::*;

fn pruning(config: &reference::Density) -> DensityPruning {
    DensityPruning::new().temperature(config.temperature).neighbours(config.neighbours).least(config.least)
}

/// Clusters of a random problem, some with copies of centroids or without rows.
pub fn executors_do_not_matter(p: &mut Problem) {
    p.relocate = p.rng.chance(0.3);
    let clusters = p.config().fit(&layout::array(&p.x)).unwrap();
    let same = |a: &DensityPruned, b: &DensityPruned| {
        assert_eq!((&a.keep, &a.quotas), (&b.keep, &b.quotas));
        assert_eq!((bits(&a.intra), bits(&a.inter)), (bits(&b.intra), bits(&b.inter)));
    };
    let expected = DensityPruning::new().select(&clusters).unwrap();
    for exec in EXECUTORS.iter() {
        let cx = Context::new(exec.clone(), Control::new());
        same(&DensityPruning::new().select_in(&clusters, &cx).unwrap(), &expected);
    }
    // Centroids in Fortran order.
    let mut turned = clusters;
    turned.centroids = turned.centroids.t().as_standard_layout().into_owned().reversed_axes();
    same(&DensityPruning::new().select(&turned).unwrap(), &expected);
}

/// What `quotas` is asked.
#[derive(Clone, Debug)]
struct Case {
    total: u64,
    intra: Vec<f64>,
    inter: Vec<f64>,
    sizes: Vec<u64>,
    config: reference::Density,
}

fn cases() -> impl Strategy<Value = Case> {
    any::<u64>().prop_map(|seed| {
        let mut rng = Rng(seed);
        let k = 1 + rng.below(12);
        let (coarse, most) = (rng.chance(0.4), [2, 40, 400][rng.below(3)]);
        let value = |rng: &mut Rng| if coarse { rng.below(3) as f64 } else { 2.0 * rng.unit() };
        let intra: Vec<f64> = (0..k).map(|_| value(&mut rng)).collect();
        let inter: Vec<f64> = (0..k).map(|_| value(&mut rng)).collect();
        let sizes: Vec<u64> = (0..k).map(|_| rng.below(most) as u64).collect();
        let total = rng.below(sizes.iter().sum::<u64>() as usize + 1) as u64;
        let config = reference::Density {
            temperature: rng.pick(&[1e-3, 0.1, 0.5, 1e3]),
            neighbours: 20,
            least: rng.pick(&[0.0, 0.5, 1.0]),
        };
        Case { total, intra, inter, sizes, config }
    })
}

fn quotas(case: &Case) -> Vec<u64> {
    pruning(&case.config).quotas(case.total, &case.intra, &case.inter, &case.sizes).unwrap()
}

/// Lower bounds and shares p N of a case, in `f64`.
fn bounds_and_shares(case: &Case) -> (Vec<u64>, Vec<f64>) {
    let full = case.sizes.iter().filter(|s| **s > 0).count().max(1);
    let even = (case.config.least * (case.total as f64 / full as f64)).floor() as u64;
    let lows = case.sizes.iter().map(|s| even.min(s.saturating_sub(1))).collect();
    let complexity: Vec<f64> = case.intra.iter().zip(&case.inter).map(|(a, b)| a * b).collect();
    let full = |j: &usize| case.sizes[*j] > 0;
    let most = (0..case.sizes.len()).filter(full).map(|j| complexity[j]).fold(f64::MIN, f64::max);
    let e = |j: usize| if full(&j) { ((complexity[j] - most) / case.config.temperature).exp() } else { 0.0 };
    let sum: f64 = (0..case.sizes.len()).map(e).sum();
    (lows, (0..case.sizes.len()).map(|j| case.total as f64 * e(j) / sum.max(1.0)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn quotas_equal_the_reference(case in cases()) {
        prop_assert_eq!(
            quotas(&case),
            reference::quotas(case.total, &case.intra, &case.inter, &case.sizes, &case.config)
        );
    }

    #[test]
    fn quotas_sum_to_the_total_exactly_within_their_bounds(case in cases()) {
        let (found, (lows, _)) = (quotas(&case), bounds_and_shares(&case));
        prop_assert_eq!(found.iter().sum::<u64>(), case.total);
        for j in 0..found.len() {
            prop_assert!(lows[j] <= found[j] && found[j] <= case.sizes[j]);
        }
    }

    /// The conditions of Karush, Kuhn and Tucker: there is one level v with q - pN = v where q lies
    /// between its bounds, at least v where it is at the lower and at most v where at the upper one;
    /// up to the one row that whole numbers cost.
    #[test]
    fn quotas_meet_the_conditions_of_the_programme(case in cases()) {
        /// The rounding of p N, N below 5000.
        const ROUNDING: f64 = 1e-9;
        let (found, (lows, shares)) = (quotas(&case), bounds_and_shares(&case));
        let gap = |j: usize| found[j] as f64 - shares[j];
        for up in (0..found.len()).filter(|&j| found[j] < case.sizes[j]) {
            for down in (0..found.len()).filter(|&j| found[j] > lows[j]) {
                // Moving a row from one to the other would not lower the sum of squares.
                prop_assert!(gap(up) - gap(down) >= -1.0 - ROUNDING, "{up} {down} {found:?} {shares:?}");
            }
        }
    }

    #[test]
    fn clusters_without_rows_take_no_part(case in cases()) {
        let mut more = case.clone();
        more.sizes.insert(1, 0);
        more.intra.insert(1, f64::NAN);
        more.inter.insert(1, 77.0);
        let mut expected = quotas(&case);
        expected.insert(1, 0);
        prop_assert_eq!(quotas(&more), expected);
    }

    #[test]
    fn all_rows_are_kept_when_all_are_asked(case in cases()) {
        let case = Case { total: case.sizes.iter().sum(), ..case };
        prop_assert_eq!(quotas(&case), case.sizes);
    }
}

#[test]
fn a_total_above_the_rows_is_refused_with_both_numbers() {
    let error = DensityPruning::new().quotas(8, &[1.0; 2], &[1.0; 2], &[3, 4]).unwrap_err();
    assert!(matches!(error, Error::TooLarge { what: "rows to keep", size: 8, limit: 7 }), "{error}");
    assert!(matches!(DensityPruning::new().quotas(1, &[], &[], &[]), Err(Error::TooLarge { limit: 0, .. })));
    assert_eq!(DensityPruning::new().quotas(0, &[], &[], &[]).unwrap(), [0u64; 0]);
    assert_eq!(DensityPruning::new().quotas(0, &[f64::NAN], &[1.0], &[0]).unwrap(), [0]);
}

#[test]
fn a_nan_complexity_is_an_error_or_by_request_the_mean() {
    let config = DensityPruning::new().least(0.0).temperature(1.0);
    let (intra, sizes) = ([0.2, f64::NAN, 0.4], [90, 90, 90]);
    let error = config.quotas(100, &intra, &[1.0; 3], &sizes).unwrap_err();
    assert!(matches!(error, Error::NonFinite { row: 1, .. }), "{error}");
    let as_mean = config.nan_as_mean(true);
    assert_eq!(
        as_mean.quotas(100, &intra, &[1.0; 3], &sizes).unwrap(),
        config.quotas(100, &[0.2, (0.2 + 0.4) / 2.0, 0.4], &[1.0; 3], &sizes).unwrap()
    );
    // The published softmax counts a cluster without rows; ours does not.
    let empty = [90, 0, 90];
    let apart = [0.0, f64::NAN, 2.0];
    assert_eq!(config.quotas(90, &apart, &[1.0; 3], &empty).unwrap(), [11, 0, 79]);
    assert_eq!(as_mean.quotas(90, &apart, &[1.0; 3], &empty).unwrap(), [19, 0, 71]);
    // A mean beyond all numbers.
    let error = as_mean.quotas(15, &[1.5e308, 1.5e308, f64::NAN], &[1.0; 3], &[9, 9, 9]).unwrap_err();
    assert!(matches!(error, Error::NonFinite { row: 2, .. }), "{error}");
    // All unknown: even shares.
    assert_eq!(as_mean.quotas(10, &[f64::NAN; 2], &[1.0; 2], &[9, 9]).unwrap(), [5, 5]);
    for bad in [f64::INFINITY, f64::NEG_INFINITY, 1e300] {
        let error = as_mean.quotas(1, &[0.1, bad], &[1.0, 1e10], &[9, 9]).unwrap_err();
        assert!(matches!(error, Error::NonFinite { row: 1, .. }), "{error}");
    }
}

#[test]
fn impossible_parameters_are_refused_with_their_value() {
    let quotas = |config: DensityPruning| config.quotas(1, &[0.1], &[0.1], &[3]);
    for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = quotas(DensityPruning::new().temperature(value)).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter { name: "temperature", .. }), "{error}");
    }
    for value in [-0.1, 1.1, f64::NAN] {
        let error = quotas(DensityPruning::new().least(value)).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter { name: "least", .. }), "{error}");
        let clusters = KMeans::new(1).fit(&array![[1.0f32], [2.0]]).unwrap();
        let error = DensityPruning::new().keep_fraction(value).select(&clusters).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter { name: "keep_fraction", .. }), "{error}");
        let error = DensityPruning::new().neighbours(0).select(&clusters).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter { name: "neighbours", .. }), "{error}");
    }
    for config in [DensityPruning::new(), DensityPruning::new().nan_as_mean(true)] {
        let error = config.quotas(1, &[0.1, -0.1], &[0.1; 2], &[3, 4]).unwrap_err();
        assert!(matches!(error, Error::InvalidParameter { name: "complexity", .. }), "{error}");
    }
    for (intra, inter) in [(&[0.1][..], &[0.1, 0.2][..]), (&[0.1, 0.2], &[0.1])] {
        assert!(matches!(
            DensityPruning::new().quotas(1, intra, inter, &[3, 4]),
            Err(Error::ShapeMismatch { .. })
        ));
    }
    let huge = DensityPruning::new().quotas(1, &[0.1, 0.1], &[0.1, 0.1], &[1 << 41, 1 << 41]);
    assert!(matches!(huge, Err(Error::TooLarge { what: "rows of all clusters", .. })));
    let huge = DensityPruning::new().quotas(1, &[0.1, 0.1], &[0.1, 0.1], &[u64::MAX, 9]);
    assert!(matches!(huge, Err(Error::TooLarge { what: "rows of all clusters", .. })));
}

/// Clusters that somebody put together wrongly.
#[test]
fn inconsistent_clusters_are_refused() {
    let x = array![[1.0f32, 0.0], [0.0, 1.0], [1.0, 1.0]];
    let good = || KMeans::new(2).spherical(true).fit(&x).unwrap();
    let select = |change: &dyn Fn(&mut Clusters)| {
        let mut clusters = good();
        change(&mut clusters);
        DensityPruning::new().select(&clusters)
    };
    assert!(select(&|_| {}).is_ok());
    assert!(matches!(select(&|c| c.labels[1] = 2), Err(Error::LabelOutOfRange { row: 1, label: 2, k: 2 })));
    assert!(matches!(select(&|c| c.distances[2] = f64::NAN), Err(Error::NonFinite { row: 2, .. })));
    assert!(matches!(
        select(&|c| c.centroids[[1, 0]] = f32::NAN),
        Err(Error::NonFinite { row: 1, col: 0, .. })
    ));
    assert!(matches!(select(&|c| c.distances = array![0.0]), Err(Error::ShapeMismatch { .. })));
}

/// As many rows as the integers allow, and weights as far apart as they come.
#[test]
fn the_largest_sizes_do_not_overflow() {
    let half = (1u64 << 41) - 1;
    for temperature in [1e-300, 1e-3, 1e300] {
        let config = DensityPruning::new().temperature(temperature).least(1.0);
        for total in [0, 1, half, 2 * half - 1, 2 * half] {
            let found = config.quotas(total, &[0.0, 2.0], &[1.0; 2], &[half, half]).unwrap();
            assert_eq!(found.iter().sum::<u64>(), total);
        }
    }
    let k = 100_000;
    let sizes = vec![(1u64 << 42) / k as u64 - 1; k];
    let intra: Vec<f64> = (0..k).map(|j| (j % 97) as f64 / 97.0).collect();
    let total = sizes.iter().sum::<u64>() / 3;
    let found = DensityPruning::new().temperature(0.05).quotas(total, &intra, &vec![1.0; k], &sizes).unwrap();
    assert_eq!(found.iter().sum::<u64>(), total);
    // Equal complexities, equal quotas up to one row.
    for j in 97..k {
        assert!(found[j].abs_diff(found[j - 97]) <= 1 && found[j] <= found[j - 97]);
    }
}

#[test]
fn one_cluster_and_one_row_each() {
    let x = array![[1.0f32, 0.0], [0.0, 1.0], [-1.0, 0.3], [0.4, -1.0]];
    let one = KMeans::new(1).spherical(true).fit(&x).unwrap();
    let found = DensityPruning::new().select(&one).unwrap();
    assert_eq!((found.inter[0], found.kept()), (0.0, 2));
    let each = KMeans::new(4).spherical(true).fit(&x).unwrap();
    let found = DensityPruning::new().select(&each).unwrap();
    assert_eq!((found.intra.sum(), found.kept()), (0.0, 2), "equal complexities: the first two clusters");
    assert_eq!(found.quotas.to_vec(), [1, 1, 0, 0]);
}

#[test]
fn a_cancelled_call_says_so() {
    let x = array![[1.0f32, 0.0], [0.0, 1.0], [1.0, 1.0]];
    let clusters = KMeans::new(2).fit(&x).unwrap();
    let stop = || true;
    let cx = Context::new(Exec::serial(), Control::new().stop_when(&stop));
    assert!(matches!(DensityPruning::new().select_in(&clusters, &cx), Err(Error::Cancelled)));
}

/// Between 2^-54 and the ends of the range, by twice the precision (which has 700 at most).
#[test]
fn exponentials_equal_the_reference() {
    let mut rng = Rng(8);
    for i in 0..20_000 {
        let x = -rng.unit() * [1.0, 40.0, 690.0, 1e-8][i % 4];
        let expected = pauca_reference::softmax::exp((x, 0.0)).0;
        assert_eq!(exp(x).to_bits(), expected.to_bits(), "exp {x:e}");
    }
}
