//! The numbered hard cases. Each runs on every level; cases 10-15, 17 and 22 are in
//! [`bad_input`](crate::bad_input), 27 in the conformance suite (every tail of every tile).

use ndarray::{Array2, arr2, array};
use pauca::backend::Backend;
use pauca::{
    Boundary, Clusters, Context, Control, Cpu, D4, Dedup, Exec, Init, IntoRows, KMeans, Level, Metric, Order,
    Prototypes, Prune, Rows, Rule, Scope, SemDedup,
};
use pauca_reference::truth;
use pauca_tests::agree::{array_bits, assert_same};
use pauca_tests::conformance::kmeans::EXECUTORS;
use pauca_tests::data::{Kind, Rng};
use pauca_tests::layout::array;

/// NeMo's figures are printed to six decimals.
const PRINTED: f64 = 1e-6;

/// Fits on every level and on 1, 2, 3 and 8 threads: one result.
fn fit(config: &KMeans, x: &Array2<f32>, weights: Option<&[f32]>) -> Clusters {
    let before = x.clone();
    let mut first: Option<Clusters> = None;
    for level in Level::available() {
        for exec in EXECUTORS.iter() {
            let cx = Context::new(exec.clone(), Control::new());
            let backend = Cpu::with_level(level).unwrap();
            let found = config.fit_on(&backend, &x.into_rows().unwrap(), weights, &cx).unwrap();
            if let Some(first) = &first {
                assert_same(&found, first);
            }
            first.get_or_insert(found);
        }
    }
    assert_eq!(array_bits(x), array_bits(&before), "the input was changed");
    first.unwrap()
}

fn from(centroids: Array2<f32>) -> KMeans {
    KMeans::new(centroids.nrows()).init(Init::Given(centroids))
}

fn column(values: &[f32]) -> Array2<f32> {
    Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap()
}

fn toy() -> Array2<f32> {
    array![[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [1.0, 1.0]]
}

fn sorted(c: &Clusters) -> Vec<f32> {
    let mut centres: Vec<f32> = c.centroids.iter().copied().collect();
    centres.sort_by(f32::total_cmp);
    centres
}

#[test]
fn case_01_weighted_toy_case_of_scikit_learn() {
    let config = from(array![[0.0, 0.0], [1.0, 1.0]]);
    let c = fit(&config, &toy(), Some(&[3.0, 1.0, 1.0, 3.0]));
    assert_eq!(c.labels.to_vec(), [0, 0, 1, 1]);
    assert_eq!(c.centroids, array![[0.125, 0.0], [0.875, 1.0]]);
    // scikit-learn also counts the first assignment and says 2.
    assert_eq!((c.inertia, c.n_iter, c.converged), (0.375, 1, true));
}

#[test]
fn case_02_empty_cluster_is_refilled() {
    let c = fit(&from(array![[0.5, 0.5], [3.0, 3.0]]), &toy(), None);
    assert_eq!(c.centroids, array![[0.75, 1.0], [0.25, 0.0]]);
    assert_eq!((c.inertia, c.relocated), (0.25, 1));
}

#[test]
fn case_03_two_groups_from_any_seed() {
    let x = column(&[1.0, 2.0, 3.0, 10.0, 11.0, 12.0]);
    for seed in 0..200 {
        for init in [Init::KMeansPlusPlus, Init::Random] {
            let c = KMeans::new(2).seed(seed).init(init).fit(&x).unwrap();
            assert_eq!((sorted(&c), c.inertia), (vec![2.0, 11.0], 4.0));
        }
    }
}

#[test]
fn case_04_1e20_does_not_overflow() {
    let x = column(&[1e20, 1.0001e20, -1e20, -1.0001e20]);
    for seed in 0..10 {
        let c = fit(&KMeans::new(2).seed(seed), &x, None);
        assert!(c.labels[0] == c.labels[1] && c.labels[2] == c.labels[3] && c.labels[0] != c.labels[2]);
        // To the centroids as stored in f32; to the unrounded means it is 1.0002315666543261e32.
        assert_eq!(c.inertia, 1.0002323403668507e32);
    }
}

#[test]
fn case_05_3e38_has_finite_centres() {
    let c = fit(&KMeans::new(2), &column(&[3e38, 3.1e38, -3e38, -3.1e38]), None);
    let mean = 3.049999998828582e38f64 as f32;
    assert_eq!(sorted(&c), [-mean, mean]);
    assert!(c.inertia.is_finite() && c.inertia > 0.0);
}

#[test]
fn case_06_1e_30_does_not_underflow() {
    let c = fit(&KMeans::new(2), &column(&[1e-30, 1.1e-30, -1e-30, -1.1e-30]), None);
    assert!(c.labels[0] == c.labels[1] && c.labels[2] == c.labels[3] && c.labels[0] != c.labels[2]);
    assert_eq!(c.inertia, 9.999992540259083e-63);
}

#[test]
fn case_07_subnormals() {
    let c = fit(&KMeans::new(2), &column(&[1, 2, 100, 101].map(f32::from_bits)), None);
    assert!(c.labels[0] == c.labels[1] && c.labels[2] == c.labels[3] && c.labels[0] != c.labels[2]);
    assert_eq!(sorted(&c), [2, 100].map(f32::from_bits));
}

#[test]
fn case_08_offset_data_labels_equal_predict_and_the_definition() {
    for (i, mean) in [10.0f32, 100.0, 1000.0, 1e6].into_iter().enumerate() {
        for d in [8, 64, 256] {
            let mut rng = Rng(i as u64 * 1000 + d as u64);
            let x = Array2::from_shape_fn((600, d), |_| mean + 0.01 * rng.normal() as f32);
            let c = KMeans::new(16).max_iter(5).fit(&x).unwrap();
            assert_eq!(c.predict(&x).unwrap(), c.labels);
            let centroids = pauca_tests::layout::rows_of(&c.centroids);
            for (row, label) in x.rows().into_iter().zip(&c.labels) {
                assert_eq!(truth::Metric::SqEuclidean.nearest(&row.to_vec(), &centroids), *label);
            }
        }
    }
}

/// Torture 9, in the sums alone: 2^25 times the same row, as 512 blocks of one row seen 65,536 times.
#[test]
fn case_09_a_sum_that_stalls_in_f32() {
    const ROWS: usize = 1 << 16;
    let (cpu, cx) = (Cpu::new().unwrap(), Context::default());
    let one = Array2::from_elem((1, 1), 1.0f32);
    let rows = Rows::F32(one.broadcast((ROWS, 1)).unwrap());
    let block = cpu.load(rows, Metric::SqEuclidean, &cx).unwrap();
    let (mut sums, labels) = (cpu.sums(1, 1, false, &cx).unwrap(), vec![0; ROWS]);
    (0..512).for_each(|_| cpu.accumulate(&block, None, &labels, None, &mut sums, &cx).unwrap());
    let (mut centroid, mut count) = ([0.0], [0]);
    cpu.counts(&sums, &mut count, &cx).unwrap();
    cpu.centroids(&mut sums, Metric::SqEuclidean, &mut centroid, &cx).unwrap();
    assert_eq!((centroid, count), ([1.0], [1 << 25]));
}

#[test]
fn case_16_as_many_clusters_as_rows() {
    let c = fit(&KMeans::new(4), &toy(), None);
    assert_eq!((c.inertia, c.counts.to_vec()), (0.0, vec![1; 4]));
}

#[test]
fn case_18_identical_rows() {
    let c = fit(&KMeans::new(3), &Array2::from_elem((6, 2), 0.3), None);
    assert_eq!((c.counts.to_vec(), c.inertia, c.n_iter), (vec![6, 0, 0], 0.0, 1));
    assert_eq!((c.n_empty(), c.distinct_rows, c.relocated), (2, Some(1), 0));
    assert!(c.centroids.iter().all(|v| *v == 0.3));
}

#[test]
fn case_19_a_copy_among_the_initial_centroids() {
    let x = array![[0.0, 0.0], [1.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]];
    let c = fit(&from(x.clone()), &x, None);
    assert_eq!((c.labels.to_vec(), c.n_iter, c.n_empty()), (vec![0, 1, 1, 3, 4], 1, 1));
}

#[test]
fn case_20_ties_go_to_the_lowest_index() {
    for centroids in [array![[-1.0], [1.0]], array![[1.0], [-1.0]]] {
        assert_eq!(fit(&from(centroids).max_iter(0), &column(&[0.0, 0.0]), None).labels.to_vec(), [0, 0]);
    }
}

#[test]
fn case_21_no_iteration() {
    let init = array![[0.1f32, -0.0], [3.0, 1e-40]];
    let c = fit(&from(init).max_iter(0), &toy(), None);
    // As they are, but that a zero has no sign.
    assert_eq!(array_bits(&c.centroids), array_bits(&array![[0.1f32, 0.0], [3.0, 1e-40]]));
    assert_eq!((c.labels.to_vec(), c.n_iter, c.converged), (vec![0, 0, 0, 0], 0, false));
}

#[test]
fn case_22_weights_scale_by_powers_of_two() {
    let weights = [3.0f32, 1.0, 0.7, 0.0];
    let config = from(array![[0.0, 0.1], [1.0, 1.0]]);
    let a = fit(&config, &toy(), Some(&weights));
    let b = fit(&config, &toy(), Some(&weights.map(|w| w * 2f32.powi(60))));
    assert_eq!((array_bits(&a.centroids), a.labels), (array_bits(&b.centroids), b.labels));
    assert_eq!(a.inertia * 2f64.powi(60), b.inertia);
}

#[test]
fn case_23_24_fixed_points_and_falling_cost() {
    let x = array(&Kind::Normal.rows(300, 5, &mut Rng(4)));
    let mut cost = f64::INFINITY;
    for max_iter in 0..15 {
        let c = KMeans::new(7).max_iter(max_iter).fit(&x).unwrap();
        assert!(c.inertia <= cost);
        cost = c.inertia;
    }
    let end = KMeans::new(7).max_iter(300).fit(&x).unwrap();
    let again = fit(&from(end.centroids.clone()), &x, None);
    assert!(end.converged && again.converged && again.n_iter == 1);
    assert_eq!(array_bits(&again.centroids), array_bits(&end.centroids));
    assert_eq!((again.labels, again.distances), (end.labels, end.distances));
}

/// Torture 25 has no second algorithm to compare here; see the reference.
#[test]
fn case_25_lloyd_equals_the_reference_in_labels_and_iterations() {
    for seed in 0..20 {
        let x = Kind::Normal.rows(120, 3, &mut Rng(seed));
        let config = pauca_reference::kmeans::KMeans { k: 9, seed, max_iter: 300, ..Default::default() };
        let ids: Vec<u64> = (0..120).collect();
        let expected = pauca_reference::kmeans::kmeans(&x, &ids, &[1.0; 120], &config);
        let found = KMeans::new(9).seed(seed).max_iter(300).fit(&array(&x)).unwrap();
        assert_eq!((found.labels.to_vec(), found.n_iter), (expected.labels, expected.n_iter));
    }
}

#[test]
fn case_26_absurd_numbers_of_threads() {
    assert!(Exec::threads(0).is_err());
    let many = Exec::threads(1_000_000);
    if let Ok(exec) = many {
        assert!(exec.width() <= 256);
        let cx = Context::new(exec, Control::new());
        let x = column(&[1.0, 2.0, 4.0]);
        let c = KMeans::new(2).fit_on(&Cpu::new().unwrap(), &Rows::F32(x.view()), None, &cx).unwrap();
        assert_same(&c, &fit(&KMeans::new(2), &x, None));
    }
}

#[test]
fn case_27_every_tail_of_every_dimension() {
    for d in 1..=70 {
        let mut rng = Rng(d as u64);
        let x = Kind::Normal.rows(37, d, &mut rng);
        let init: Vec<Vec<f32>> = x[..9].to_vec();
        for spherical in [false, true] {
            let config = from(array(&init)).spherical(spherical).max_iter(2);
            let found = fit_levels(&config, &array(&x));
            let metric = if spherical { truth::Metric::Cosine } else { truth::Metric::SqEuclidean };
            let reference = pauca_reference::kmeans::KMeans {
                k: 9,
                metric,
                init: pauca_reference::kmeans::Init::Given(init.clone()),
                max_iter: 2,
                ..Default::default()
            };
            let ids: Vec<u64> = (0..37).collect();
            let expected = pauca_reference::kmeans::kmeans(&x, &ids, &[1.0; 37], &reference);
            pauca_tests::agree::assert_clusters(&found, &expected);
        }
    }
}

fn fit_levels(config: &KMeans, x: &Array2<f32>) -> Clusters {
    let cx = Context::new(Exec::serial(), Control::new());
    let fits = Level::available().into_iter().map(|level| {
        config.fit_on(&Cpu::with_level(level).unwrap(), &Rows::F32(x.view()), None, &cx).unwrap()
    });
    let fits: Vec<Clusters> = fits.collect();
    fits.iter().for_each(|f| assert_same(f, &fits[0]));
    fits[0].clone()
}

#[test]
fn case_28_spherical_zero_rows_and_opposite_rows() {
    let c = fit(&from(array![[5.0, 0.0]]).spherical(true), &array![[1.0, 2.0], [-1.0, -2.0]], None);
    assert_eq!(c.centroids, array![[5.0, 0.0]]);
    let x = array![[0.0, 0.0], [0.0, 2.0], [3.0, 0.0]];
    let c = fit(&from(array![[1.0, 0.1], [0.1, 1.0]]).spherical(true), &x, None);
    assert_eq!((c.labels.to_vec(), c.distances.to_vec()), (vec![0, 1, 0], vec![1.0, 0.0, 0.0]));
    assert_eq!(c.centroids, array![[1.0, 0.0], [0.0, 1.0]]);
}

/// A row of zeros is at distance 1 from everything, the farthest of all here: put into the empty cluster it
/// would change nothing, leave it again, and be put there in every iteration.
#[test]
fn case_28_zero_rows_fill_no_cluster() {
    let x = array![[0.0, 0.0], [1.0, 0.0], [1.0, 0.1], [0.9, 0.0]];
    let c = fit(&from(array![[1.0, 0.0], [-1.0, 0.0]]).spherical(true).max_iter(10), &x, None);
    assert_eq!((c.relocated, c.labels.to_vec(), c.converged), (1, vec![0, 0, 1, 0], true));
    assert_eq!(c.n_iter, 1);
    let zeros = Array2::zeros((4, 2));
    let c = fit(&KMeans::new(2).spherical(true), &zeros, None);
    assert_eq!((c.distinct_rows, c.labels.to_vec(), c.inertia), (Some(0), vec![0; 4], 4.0));
}

fn one_cluster(x: &Array2<f32>) -> Clusters {
    KMeans::new(1).spherical(true).max_iter(1).fit(x).unwrap()
}

fn in_order(n: usize) -> Order {
    Order::Custom((0..n).map(|i| i as f64).collect())
}

fn dedup(x: &Array2<f32>, rule: Rule, epsilon: f64, boundary: Boundary) -> Dedup {
    let config = SemDedup::new(rule).epsilon(epsilon).boundary(boundary).order(in_order(x.nrows()));
    config.fit(x, &one_cluster(x)).unwrap()
}

#[test]
fn case_29_a_thousand_copies() {
    let x = Array2::from_shape_fn((1000, 3), |(_, j)| [0.1f32, -0.7, 0.3][j]);
    for rule in Rule::ALL {
        let found = dedup(&x, rule, 0.0, Boundary::Ge);
        assert!(found.keep[0] && found.kept() == 1 && found.exact_copies == 999);
        assert!(found.witness.iter().skip(1).all(|w| *w == 0));
        assert_eq!(dedup(&x, rule, 0.0, Boundary::Gt).kept(), 1000);
        // NaN similarities do not make a result differ from itself.
        assert_eq!(found, found.clone());
        let mut other = found.clone();
        other.similarity[999] = 0.5;
        assert_ne!(found, other);
    }
}

#[test]
fn case_29_copies_cost_linear_time() {
    // 20,000 identical rows of 64: comparing all pairs would take 2e8 dot products, minutes here.
    let x = Array2::from_elem((20_000, 64), 0.7f32);
    let clusters = one_cluster(&x);
    let start = std::time::Instant::now();
    for rule in Rule::ALL {
        let found = SemDedup::new(rule).epsilon(0.1).fit(&x, &clusters).unwrap();
        assert_eq!((found.kept(), found.search.rows), (1, found.search.rows.min(1)));
    }
    assert!(start.elapsed().as_secs() < 20);
}

#[test]
fn case_30_epsilon_1_and_2() {
    let x = array![[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [1.0, 1.0]];
    let kept = |epsilon, boundary| dedup(&x, Rule::EarlierMax, epsilon, boundary).kept();
    assert_eq!((kept(1.0, Boundary::Gt), kept(1.0, Boundary::Ge)), (3, 1));
    assert_eq!((kept(2.0, Boundary::Gt), kept(2.0, Boundary::Ge)), (1, 1));
}

#[test]
fn case_31_cosines_above_1_are_clamped() {
    for seed in 0..200 {
        let mut rng = Rng(seed);
        let row = Kind::Normal.rows(1, 384, &mut rng).remove(0);
        let three: Vec<f32> = row.iter().map(|v| v * 3.0).collect();
        let x = array(&[row.clone(), three, row]);
        let found = dedup(&x, Rule::EarlierMax, 1e-12, Boundary::Gt);
        assert!(found.similarity[1] <= 1.0 && found.similarity[2] == 1.0);
        assert_eq!((found.kept(), found.witness[2]), (1, 0));
        assert_eq!(dedup(&x, Rule::EarlierMax, 0.0, Boundary::Gt).kept(), 3);
    }
}

#[test]
fn case_32_exactly_at_the_threshold() {
    let x = array![[3.0, 4.0], [4.0, 3.0]];
    for rule in Rule::ALL {
        assert_eq!(dedup(&x, rule, 0.04, Boundary::Gt).kept(), 2);
        let found = dedup(&x, rule, 0.04, Boundary::Ge);
        assert_eq!((found.kept(), found.similarity[1]), (1, 0.96));
    }
}

#[test]
fn case_33_opposite_rows_are_no_duplicates() {
    let x = array![[3.0, 4.0], [-3.0, -4.0]];
    for rule in Rule::ALL {
        assert_eq!(dedup(&x, rule, 1.999, Boundary::Ge).kept(), 2);
    }
}

#[test]
fn case_34_scale_does_not_matter() {
    let x = array![[3.0, 4.0], [3e-20, 4e-20]];
    for rule in Rule::ALL {
        assert_eq!(dedup(&x, rule, 1e-6, Boundary::Gt).kept(), 1);
    }
}

#[test]
fn case_35_zero_rows_stay() {
    let x = array![[0.0, 0.0], [1.0, 0.0], [0.0, -0.0], [1.0, 0.0]];
    for rule in Rule::ALL {
        let found = dedup(&x, rule, 2.0, Boundary::Ge);
        assert_eq!(found.keep.to_vec(), [true, true, true, false]);
        assert_eq!(found.witness.to_vec(), [Dedup::NONE, Dedup::NONE, Dedup::NONE, 1]);
    }
    let target = SemDedup::new(Rule::EarlierMax).keep_fraction(0.5).order(in_order(4));
    let found = target.fit(&x, &one_cluster(&x)).unwrap();
    assert!(!found.reached && found.kept() == 3);
}

#[test]
fn case_36_clusters_hide_duplicates() {
    let x = array![[1.0, 0.0], [1.0, 0.01]];
    let c = from(x.clone()).spherical(true).max_iter(0).fit(&x).unwrap();
    for rule in Rule::ALL {
        assert_eq!(SemDedup::new(rule).epsilon(0.1).fit(&x, &c).unwrap().kept(), 2);
        assert_eq!(dedup(&x, rule, 0.1, Boundary::Gt).kept(), 1);
    }
}

#[test]
fn case_37_38_39_prototypes() {
    let select = |f, distances: &[f64]| {
        let keep =
            Prototypes::new().keep_fraction(f).select(distances, &vec![0; distances.len()], 1).unwrap();
        keep.iter().enumerate().filter(|(_, k)| **k).map(|(i, _)| i).collect::<Vec<_>>()
    };
    assert_eq!([0.0, 1.0, 1.0 / 3.0, 0.25, 0.35].map(|f| select(f, &[0.5; 10]).len()), [0, 10, 3, 2, 4]);
    assert_eq!(select(0.3, &[0.5; 10]), [0, 1, 2]);
    let config = Prototypes::new().keep_fraction(0.3).prune(Prune::Farthest);
    assert_eq!(config.select(&[0.5; 10], &[0; 10], 1).unwrap().to_vec()[..4], [true, true, true, false]);
    // Every row its own cluster.
    let x = array(&Kind::Normal.rows(10, 4, &mut Rng(2)));
    let c = from(x.clone()).fit(&x).unwrap();
    assert!(c.distances.iter().all(|d| *d == 0.0));
    let keep = Prototypes::new().keep_fraction(0.4).scope(Scope::Global);
    let keep = keep.select(&c.distances.to_vec(), &c.labels.to_vec(), 10).unwrap();
    assert_eq!(keep.to_vec(), (0..10).map(|i| i < 4).collect::<Vec<_>>());
}

#[test]
fn case_40_d4_when_deduplication_leaves_few() {
    let x = arr2(&[[1.0f32, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
    let x = Array2::from_shape_fn((12, 3), |(i, j)| x[[i % 3, j]]);
    let config = D4::new().clusters(1).recluster(8).dedup_keep_fraction(0.25).keep_fraction(0.25);
    let found = config.fit(&x).unwrap();
    assert_eq!((found.survivors.to_vec(), found.dedup.reached), (vec![0, 1, 2], true));
    assert_eq!((found.reclustered.counts.to_vec(), found.kept()), (vec![1, 1, 1], 3));
    // Less than one row of each cluster cannot be kept by deduplication.
    let found = config.clusters(3).dedup_keep_fraction(0.1).keep_fraction(0.1).fit(&x).unwrap();
    assert!(!found.dedup.reached && found.survivors.len() == 3 && found.kept() == 1);
}

#[test]
fn nemo_hand_oracle() {
    let x = [
        [1.0f32, 2.0, 3.0],
        [4.0, 5.0, 6.0],
        [7.0, 8.0, 9.0],
        [10.0, 11.0, 12.0],
        [1.0, 2.0, 3.0],
        [1.0, 2.0, 3.0],
    ];
    let x = array(&x.map(|row| truth::unit(&row)));
    let found = dedup(&x, Rule::EarlierMax, 0.05, Boundary::Ge);
    for (found, expected) in found.similarity.iter().zip([f64::NAN, 0.974631, 0.998190, 0.999618, 1.0, 1.0]) {
        assert!((expected.is_nan() && found.is_nan()) || (found - expected).abs() < PRINTED);
    }
    assert_eq!(found.witness.to_vec(), [Dedup::NONE, 0, 1, 2, 0, 0]);
}
