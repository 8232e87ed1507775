//! Whole problems against the reference: labels, centroids, distances, inertia, kept sets,
//! witnesses, similarities, all to the bit.

use half::f16;
use pauca::{Blocked, Clusters, Cpu, D4, Dedup, Level, RowSource, Rows, Rule, SemDedup};
use pauca_reference::semdedup as reference;
use pauca_tests::agree::{assert_clusters, assert_same, bits};
use pauca_tests::conformance::d4::some_d4;
use pauca_tests::conformance::dedup::{assert_order, boundaries, some_epsilon, some_order};
use pauca_tests::data::{Kind, Rng};
use pauca_tests::layout::{Layout, Stored, array, rows_of};
use pauca_tests::problem::{Problem, Recipe, Start};
use pauca_tests::subject::{Backwards, Subject};

/// How many.
pub const PROBLEMS: usize = 2000;
const SHARDS: usize = 4;

/// Problem number `i`: every kind of data, in turn, and the rest at random.
fn recipe(i: usize) -> Recipe {
    let mut rng = Rng(0x5eed + i as u64);
    let n = 1 + rng.below(if i.is_multiple_of(10) { 150 } else { 60 });
    let d = rng.pick(&[1, 2, 3, 4, 7, 8, 15, 16, 17, 24, 31, 32, 33, 48, 64, 65, 100, 129]);
    Recipe {
        kind: Kind::ALL[i % Kind::ALL.len()],
        n,
        d,
        k: rng.below(8),
        spherical: (i / Kind::ALL.len()).is_multiple_of(2),
        seed: rng.bits(),
    }
}

fn solve(i: usize) {
    let recipe = recipe(i);
    let mut p = recipe.problem();
    let levels = Level::available();
    let exec = match i % 3 {
        0 => pauca::Exec::serial(),
        1 => pauca::Exec::rayon(),
        _ => pauca::Exec::custom(&Backwards),
    };
    let s = Subject::new(Cpu::with_level(levels[i % levels.len()]).unwrap(), exec);
    let layout = Layout::ALL[p.rng.below(6)];
    let block_rows = 1 + p.rng.below(p.x.len() + 3);
    if i % 5 == 4 {
        // As f16, where the reference gets the widened values.
        let finite = |v: f32| if v.abs() < 6e4 { v } else { 1.0f32.copysign(v) };
        let short: Vec<Vec<f16>> =
            p.x.iter().map(|row| row.iter().map(|&v| f16::from_f32(finite(v))).collect()).collect();
        p.x = short.iter().map(|row| row.iter().map(|v| v.to_f32()).collect()).collect();
        let stored = Stored::new(&short, layout, f16::NAN);
        everything(&s, &mut p, &Rows::F16(stored.view()), block_rows);
    } else {
        let stored = Stored::new(&p.x, layout, f32::NAN);
        everything(&s, &mut p, &Rows::F32(stored.view()), block_rows);
    }
}

fn everything(s: &Subject<Cpu>, p: &mut Problem, rows: &Rows, block_rows: usize) {
    let expected = p.solve();
    let found = s.kmeans_of(&p.config(), rows, p.weights.as_deref()).unwrap();
    assert_clusters(&found, &expected);
    let blocked = Blocked::new(*rows, block_rows).unwrap();
    assert_same(&s.kmeans_of(&p.config(), &blocked, p.weights.as_deref()).unwrap(), &found);
    assert_eq!(found.predict_on(&s.backend, &blocked, &s.cx).unwrap(), found.labels);
    deduplicate(s, p, rows, &found);
    deduplicate(s, p, &blocked, &found);
    curate(s, p, rows);
}

fn deduplicate(s: &Subject<Cpu>, p: &mut Problem, rows: &impl RowSource, c: &Clusters) {
    let ((order, ref_order), epsilon) = (some_order(p), some_epsilon(p));
    let expected_order =
        reference::order(&p.x, &p.ids(), &c.labels.to_vec(), &rows_of(&c.centroids), &ref_order);
    let (boundary, ref_boundary) = p.rng.pick(&boundaries());
    let max = SemDedup::new(Rule::EarlierMax).epsilon(epsilon).boundary(boundary).order(order);

    let found = max.fit_on(&s.backend, rows, c, &s.cx).unwrap();
    let scores = reference::earlier_max(&p.x, &expected_order);
    assert_order(&found, &expected_order);
    assert_eq!(witnesses(&found), scores.witness, "EarlierMax witness");
    let similarity: Vec<f64> =
        scores.score.iter().map(|s| if s.is_finite() { *s } else { f64::NAN }).collect();
    assert_eq!(bits(&found.similarity), bits(&similarity), "EarlierMax similarity");
    let keep = reference::keep_by_epsilon(&scores.score, epsilon, ref_boundary);
    assert_eq!(found.keep.to_vec(), keep, "EarlierMax keep");

    let fraction = p.rng.unit();
    let found = max.clone().keep_fraction(fraction).fit_on(&s.backend, rows, c, &s.cx).unwrap();
    let m = pauca_reference::prototypes::count(fraction, p.x.len());
    let target = reference::keep_by_target(&scores.score, &expected_order, m, ref_boundary);
    assert_eq!((found.keep.to_vec(), found.reached), (target.keep, target.reached), "target");

    let config = SemDedup::new(Rule::GreedyCover).epsilon(epsilon).boundary(boundary);
    let expected_order =
        reference::order(&p.x, &p.ids(), &c.labels.to_vec(), &rows_of(&c.centroids), &reference::Order::Hard);
    let found = config.fit_on(&s.backend, rows, c, &s.cx).unwrap();
    let witness = reference::greedy_cover(&p.x, &expected_order, epsilon, ref_boundary);
    assert_order(&found, &expected_order);
    assert_eq!(witnesses(&found), witness, "GreedyCover witness");
}

fn witnesses(found: &Dedup) -> Vec<Option<usize>> {
    found.witness.iter().map(|&w| (w != Dedup::NONE).then_some(w as usize)).collect()
}

fn curate(s: &Subject<Cpu>, p: &mut Problem, rows: &Rows) {
    let (config, reference): (D4, _) = some_d4(p);
    let expected = pauca_reference::d4::d4(&p.x, &reference);
    let found = config.fit_on(&s.backend, rows, &s.cx).unwrap();
    assert_clusters(&found.clusters, &expected.clusters);
    assert_eq!(witnesses(&found.dedup), expected.scores.witness, "D4 witness");
    assert_eq!(found.dedup.keep.to_vec(), expected.dedup.keep, "D4 survivors");
    assert_clusters(&found.reclustered, &expected.reclustered);
    assert_eq!(found.keep.to_vec(), expected.keep, "D4 keep");
}

fn shard(shard: usize) {
    for i in (shard..PROBLEMS).step_by(SHARDS) {
        let outcome = std::panic::catch_unwind(|| solve(i));
        assert!(outcome.is_ok(), "problem {i}: {:?}", recipe(i));
    }
}

#[test]
fn random_problems_0() {
    shard(0);
}

#[test]
fn random_problems_1() {
    shard(1);
}

#[test]
fn random_problems_2() {
    shard(2);
}

#[test]
fn random_problems_3() {
    shard(3);
}

/// Larger than a tile, a panel and a block of the kernels in every direction.
#[test]
fn larger_problems() {
    for (i, (n, d, k)) in
        [(2100, 96, 150), (1500, 384, 60), (900, 33, 257), (700, 700, 20)].into_iter().enumerate()
    {
        for level in Level::available() {
            let s = Subject::new(Cpu::with_level(level).unwrap(), pauca::Exec::rayon());
            let kind = [Kind::Offset, Kind::Normal, Kind::Grid, Kind::Groups][i];
            let recipe = Recipe { kind, n, d, k: 2, spherical: i % 2 == 1, seed: i as u64 };
            let mut p = recipe.problem();
            (p.k, p.max_iter, p.start) = (k, 3, Start::PlusPlus);
            let x = array(&p.x);
            let found = s.kmeans_of(&p.config(), &Rows::F32(x.view()), p.weights.as_deref()).unwrap();
            if level == Level::available()[0] {
                assert_clusters(&found, &p.solve());
            }
            // All levels against the first.
            let first = Subject::new(Cpu::with_level(Level::Scalar).unwrap(), pauca::Exec::serial());
            assert_same(&found, &first.kmeans(&p.config(), &p.x, p.weights.as_deref()).unwrap());
        }
    }
}

/// One cluster larger than the blocks in which rows are compared, with copies across blocks.
#[test]
fn one_large_cluster() {
    let mut rng = Rng(77);
    let mut x = Kind::Normal.rows(4700, 6, &mut rng);
    for _ in 0..400 {
        let i = rng.below(x.len());
        x.push(x[i].clone());
    }
    let c = pauca::KMeans::new(1).spherical(true).max_iter(1).fit(&array(&x)).unwrap();
    let ids: Vec<u64> = (0..x.len() as u64).collect();
    let order =
        reference::order(&x, &ids, &c.labels.to_vec(), &rows_of(&c.centroids), &reference::Order::Hard);
    let scores = reference::earlier_max(&x, &order);
    let cover = reference::greedy_cover(&x, &order, 0.02, reference::Boundary::Gt);
    for level in Level::available() {
        let s = Subject::new(Cpu::with_level(level).unwrap(), pauca::Exec::rayon());
        let stored = array(&x);
        let rows = Rows::F32(stored.view());
        let found =
            SemDedup::new(Rule::EarlierMax).epsilon(0.02).fit_on(&s.backend, &rows, &c, &s.cx).unwrap();
        assert_eq!(witnesses(&found), scores.witness);
        assert_eq!(bits(&found.similarity)[..], {
            let reported = |v: &f64| if v.is_finite() { *v } else { f64::NAN };
            bits(scores.score.iter().map(reported))
        });
        let blocked = Blocked::new(rows, 1000).unwrap();
        let found =
            SemDedup::new(Rule::GreedyCover).epsilon(0.02).fit_on(&s.backend, &blocked, &c, &s.cx).unwrap();
        assert_eq!(witnesses(&found), cover);
    }
}
