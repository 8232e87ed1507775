//! Revival of dead codes: contract S6.

use std::collections::HashSet;

use ndarray::array;
use pauca::vq::{CodeStats, Ema, MASKED, Policy, Real, Revival, Revived, VectorQuantizer};
use pauca::{Error, Metric};
use pauca_reference::{codebook as reference, vq};
use pauca_tests::data::{Kind, Rng};

use super::problem::{Rows, array, bits, normal};

const POLICIES: [(Policy, reference::Policy); 3] = [
    (Policy::RandomRow, reference::Policy::Random),
    (Policy::FarthestRow, reference::Policy::Farthest),
    (Policy::SplitBusiest, reference::Policy::Busiest),
];

fn check<T: Real>(single: bool) {
    for seed in 0..80 {
        let mut rng = Rng(seed);
        let kind = rng.pick(&[Kind::Normal, Kind::Copies, Kind::Grid, Kind::Multiples, Kind::Zeros]);
        let (n, k, d) = (1 + rng.below(30), 1 + rng.below(12), 1 + rng.below(4));
        let z: Rows =
            kind.rows(n, d, &mut rng).iter().map(|r| r.iter().map(|&v| v as f64).collect()).collect();
        let mut codes = normal(k, d, &mut rng);
        // Some codes lie on rows.
        codes[0].clone_from(&z[0]);
        let mask: Vec<bool> = (0..n).map(|_| rng.chance(0.9)).collect();
        for metric in [Metric::SqEuclidean, Metric::Cosine] {
            let cosine = metric == Metric::Cosine;
            let quantizer = VectorQuantizer::new().metric(metric);
            let (za, ca) = (array::<T>(&z), array::<T>(&codes));
            let step = quantizer.assign(za.view(), ca.view(), Some(&mask)).unwrap();
            let (ids, distances) = (step.ids.to_vec(), step.distances.to_vec());
            let dead: Vec<u32> = (0..k as u32).filter(|j| !ids.contains(j)).collect();
            let as_codes = |rows: &Rows| -> Rows {
                rows.iter().map(|r| if cosine { vq::unit(r, single) } else { r.clone() }).collect()
            };
            for (policy, expected) in POLICIES {
                let revival = Revival::new(policy).seed(seed);
                let choose = |dead: &[u32], round| {
                    revival.choose(dead, ca.view(), metric, za.view(), &ids, &distances, round).unwrap()
                };
                let found = choose(&dead, 7);
                let rows = reference::revive(
                    dead.len(),
                    &as_codes(&z),
                    &as_codes(&codes),
                    &ids,
                    &distances,
                    expected,
                    seed,
                    7,
                    !cosine,
                );
                let wanted: Vec<Revived> =
                    dead.iter().zip(rows).map(|(&code, row)| Revived { code, row: row as u32 }).collect();
                assert_eq!(found, wanted, "seed {seed}, {kind:?}, {metric:?}, {policy:?}");
                assert_eq!(choose(&dead, 7), found, "the same again");
            }
        }
    }
}

#[test]
fn choices_equal_the_reference() {
    check::<f32>(true);
    check::<f64>(false);
}

#[test]
fn no_code_appears_twice_and_live_codes_are_untouched() {
    for seed in 0..60 {
        let mut rng = Rng(seed);
        // Many copies among the rows; more dead codes than distinct rows now and then.
        let z = pauca_tests::layout::array(&Kind::Copies.rows(40, 3, &mut rng));
        let first = array::<f32>(&normal(rng.pick(&[4, 12, 30]), 3, &mut rng));
        for metric in [Metric::SqEuclidean, Metric::Cosine] {
            for (policy, _) in POLICIES {
                let mut book = Ema::new(metric).decay(0.0).start((&first * 1e3).view()).unwrap();
                let step =
                    VectorQuantizer::new().metric(metric).assign(z.view(), book.codes(), None).unwrap();
                let (ids, distances) = (step.ids.to_vec(), step.distances.to_vec());
                let mut stats = CodeStats::new(first.nrows(), 3, metric).unwrap();
                stats.collect(z.view(), &ids).unwrap();
                book.update(&stats).unwrap();
                let before = book.codes().to_owned();
                let dead = book.dead(1.0).unwrap();
                let revived = book.revive(&Revival::new(policy), z.view(), &ids, &distances, seed).unwrap();
                let changed: HashSet<u32> = revived.iter().map(|r| r.code).collect();
                assert!(revived.len() == changed.len() && changed.iter().all(|j| dead.contains(j)));
                for j in (0..first.nrows()).filter(|j| !changed.contains(&(*j as u32))) {
                    assert_eq!(book.codes().row(j), before.row(j));
                }
                let all: HashSet<Vec<u64>> = book
                    .codes()
                    .rows()
                    .into_iter()
                    .map(|r| r.iter().map(|v| (*v as f64 + 0.0).to_bits()).collect())
                    .collect();
                let distinct: HashSet<Vec<u64>> = before
                    .rows()
                    .into_iter()
                    .map(|r| r.iter().map(|v| (*v as f64 + 0.0).to_bits()).collect())
                    .collect();
                assert!(first.nrows() - all.len() <= first.nrows() - distinct.len(), "a copy came in");
                if metric == Metric::SqEuclidean {
                    // All rows that could be taken were, or all dead codes were served.
                    let rows: HashSet<Vec<u64>> = z
                        .rows()
                        .into_iter()
                        .map(|r| r.iter().map(|v| (*v as f64 + 0.0).to_bits()).collect())
                        .collect();
                    let fresh = rows.iter().filter(|r| !distinct.contains(*r)).count();
                    assert_eq!(revived.len(), dead.len().min(fresh), "{policy:?}");
                }
            }
        }
    }
}

#[test]
fn a_revived_code_survives_the_next_update() {
    let mut rng = Rng(3);
    let z = array::<f32>(&normal(20, 3, &mut rng));
    for metric in [Metric::SqEuclidean, Metric::Cosine] {
        for decay in [0.0, 0.5, 0.8, 0.99] {
            let far = array::<f32>(&normal(6, 3, &mut rng)) * 50.0;
            let mut book = Ema::new(metric).decay(decay).start(far.view()).unwrap();
            // Long unused: the averages are at their smallest.
            for _ in 0..3000 {
                book.update(&CodeStats::new(6, 3, metric).unwrap()).unwrap();
            }
            let (ids, distances) = (vec![0; 20], vec![1.0; 20]);
            let revival = Revival::new(Policy::RandomRow).seed(5);
            let revived = book.revive(&revival, z.view(), &ids, &distances, 0).unwrap();
            assert_eq!(revived.len(), 6);
            let placed = bits(book.codes());
            // Without rows it stays where it is, and with decay 0.5 or more it is not dead at once.
            book.update(&CodeStats::new(6, 3, metric).unwrap()).unwrap();
            assert_eq!(bits(book.codes()), placed);
            assert_eq!(book.dead(1.0).unwrap().is_empty(), decay >= 0.5);
            // With its own row it stays as well; what was before does not pull it back.
            let mut stats = CodeStats::new(6, 3, metric).unwrap();
            for r in &revived {
                stats
                    .collect(z.slice(ndarray::s![r.row as usize..r.row as usize + 1, ..]), &[r.code])
                    .unwrap();
            }
            book.update(&stats).unwrap();
            for (a, b) in bits(book.codes()).iter().zip(&placed) {
                let (a, b) = (f64::from_bits(*a), f64::from_bits(*b));
                /// Under cosine the unit row of a unit row, in f32, may differ in its last bit.
                const LAST_BIT: f64 = 1e-6;
                assert!((a - b).abs() <= LAST_BIT * b.abs(), "{metric:?}, {decay}: {a} for {b}");
            }
        }
    }
}

#[test]
fn random_choices_differ_by_round_and_seed_and_are_spread() {
    let z = array::<f32>(&normal(1000, 2, &mut Rng(4)));
    let codes = array![[1e6f32, 1e6]];
    let pick = |seed, round| {
        let revival = Revival::new(Policy::RandomRow).seed(seed);
        revival
            .choose(&[0], codes.view(), Metric::SqEuclidean, z.view(), &[0; 1000], &[1.0; 1000], round)
            .unwrap()[0]
            .row
    };
    let rows: HashSet<u32> = (0..200).map(|round| pick(1, round)).collect();
    assert!(rows.len() > 150, "200 draws of 1000 rows hit about 181");
    assert!((0..50).filter(|&round| pick(1, round) == pick(2, round)).count() < 5);
}

#[test]
fn masked_zero_and_missing_rows() {
    let z = array![[0.0f32, 0.0], [9.0, 9.0], [1.0, 1.0], [2.0, 2.0]];
    let codes = array![[1.0f32, 0.0], [0.0, 1.0], [-1.0, 0.0]];
    for (policy, _) in POLICIES {
        let revival = Revival::new(policy);
        let choose = |metric, ids: &[u32]| {
            revival.choose(&[1, 2], codes.view(), metric, z.view(), ids, &[1.0; 4], 0).unwrap()
        };
        // One direction only, and it is not that of a zero row.
        let found = choose(Metric::Cosine, &[0; 4]);
        assert_eq!(found.len(), 1);
        assert_ne!(found[0].row, 0);
        // More dead codes than rows.
        let found = choose(Metric::SqEuclidean, &[MASKED, 0, MASKED, MASKED]);
        assert_eq!(found, [Revived { code: 1, row: 1 }]);
        assert!(choose(Metric::SqEuclidean, &[MASKED; 4]).is_empty());
        let none = revival.choose(&[], codes.view(), Metric::Cosine, z.view(), &[0; 4], &[1.0; 4], 0);
        assert!(none.unwrap().is_empty());
    }
}

#[test]
fn the_busiest_code_gives_most() {
    let z = array![[0.0f32], [1.0], [2.0], [3.0], [4.0], [50.0], [51.0]];
    let codes = array![[2.1f32], [50.4], [-100.0], [-200.0], [-300.0]];
    let step = VectorQuantizer::new().assign(z.view(), codes.view(), None).unwrap();
    let revival = Revival::new(Policy::SplitBusiest);
    let (ids, distances) = (step.ids.to_vec(), step.distances.to_vec());
    let found = revival.choose(&[2, 3, 4], codes.view(), Metric::SqEuclidean, z.view(), &ids, &distances, 0);
    // Five rows against two: 5, then 5/2, then 2 > 5/3: the farthest rows of each.
    assert_eq!(found.unwrap().iter().map(|r| r.row).collect::<Vec<_>>(), [0, 4, 6]);
}

#[test]
fn bad_input_is_an_error() {
    let z = array![[0.0f32], [1.0]];
    let codes = array![[0.5f32], [9.0]];
    let revival = Revival::new(Policy::RandomRow);
    let metric = Metric::SqEuclidean;
    let choose = |r: Revival, dead: &[u32], ids: &[u32], distances: &[f64]| {
        r.choose(dead, codes.view(), metric, z.view(), ids, distances, 0)
    };
    assert!(matches!(
        choose(revival, &[2], &[0, 0], &[0.0, 0.0]),
        Err(Error::LabelOutOfRange { label: 2, .. })
    ));
    assert!(matches!(
        choose(revival, &[1], &[0, 5], &[0.0, 0.0]),
        Err(Error::LabelOutOfRange { label: 5, .. })
    ));
    assert!(matches!(choose(revival, &[1], &[0], &[0.0, 0.0]), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(choose(revival, &[1], &[0, 0], &[0.0]), Err(Error::ShapeMismatch { .. })));
    for bad in [revival.threshold(0.0), revival.threshold(f64::NAN), revival.reset_count(-1.0)] {
        assert!(matches!(choose(bad, &[1], &[0, 0], &[0.0, 0.0]), Err(Error::InvalidParameter { .. })));
    }
    let mut out = codes.clone();
    let wrong = revival.apply(&[Revived { code: 0, row: 9 }], metric, z.view(), out.view_mut());
    assert!(matches!(wrong, Err(Error::LabelOutOfRange { .. })));
    assert_eq!(out, codes);
}
