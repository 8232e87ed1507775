//! SCIP against the reference, over shards, and at its edges.

use pauca::corruption::{Scip, ScipPruned, ScipRows};
use pauca::{Error, KMeans};
use pauca_reference::scip as reference;
use pauca_tests::data::{Kind, Rng};
use pauca_tests::layout::array;
use pauca_tests::states::replaced;

struct Rows {
    labels: Vec<u32>,
    distances: Vec<f64>,
    sizes: Vec<u64>,
}

/// Labels in few clusters, some of equal size; distances with ties and zeros of either sign.
fn some_rows(rng: &mut Rng) -> Rows {
    let (n, k) = (rng.below(60), 1 + rng.below(8));
    let labels: Vec<u32> = (0..n).map(|_| rng.below(k) as u32).collect();
    let coarse = rng.chance(0.6);
    let distance = |rng: &mut Rng| if coarse { rng.pick(&[0.0, -0.0, 0.25, 0.5]) } else { rng.unit() };
    let distances = (0..n).map(|_| distance(rng)).collect();
    let sizes = (0..k as u32).map(|c| labels.iter().filter(|l| **l == c).count() as u64).collect();
    Rows { labels, distances, sizes }
}

fn select(scip: Scip, rows: &Rows) -> ScipPruned {
    scip.select(&rows.labels, &rows.distances, &rows.sizes).unwrap()
}

fn some_shares(rng: &mut Rng) -> (f64, f64) {
    let (a, b) = (rng.unit(), rng.unit());
    (rng.pick(&[0.0, 1.0, 0.2, 0.5, a]), rng.pick(&[0.0, 1.0, 0.8, 0.5, b]))
}

fn count(mask: &ndarray::Array1<bool>) -> usize {
    mask.iter().filter(|m| **m).count()
}

#[test]
fn scip_equals_the_reference() {
    for seed in 0..3000 {
        let mut rng = Rng(seed);
        let rows = some_rows(&mut rng);
        let (p, alpha) = some_shares(&mut rng);
        let found = select(Scip::new().prune_fraction(p).alpha(alpha), &rows);
        let [by_size, by_distance] = reference::prune(&rows.labels, &rows.distances, &rows.sizes, p, alpha);
        assert_eq!(found.by_size.to_vec(), by_size, "seed {seed}");
        assert_eq!(found.by_distance.to_vec(), by_distance, "seed {seed}");
    }
}

/// What a property of a thousand random selections looks at.
fn each_selection(check: impl Fn(&Rows, f64, f64, &ScipPruned)) {
    for seed in 0..1000 {
        let mut rng = Rng(seed);
        let rows = some_rows(&mut rng);
        let (p, alpha) = some_shares(&mut rng);
        check(&rows, p, alpha, &select(Scip::new().prune_fraction(p).alpha(alpha), &rows));
    }
}

/// n_p = round(p n) go, n_s = round(alpha n_p) of them by size.
#[test]
fn pruned_counts_are_exactly_those_of_p_and_alpha() {
    each_selection(|rows, p, alpha, found| {
        let pruned = (p * rows.labels.len() as f64).round_ties_even();
        let by_size = (alpha * pruned).round_ties_even();
        assert_eq!(count(&found.by_size) as f64, by_size);
        assert_eq!(count(&found.by_distance) as f64, pruned - by_size);
        assert_eq!(found.kept() as f64, rows.labels.len() as f64 - pruned);
    });
    // Halves go to the even number: 2.5 rows are 2, of which 1.5 would be by size: 2.
    let rows = Rows { labels: vec![0; 5], distances: vec![0.5; 5], sizes: vec![5] };
    let found = select(Scip::new().prune_fraction(0.5).alpha(0.75), &rows);
    assert_eq!((count(&found.by_size), count(&found.by_distance)), (2, 0));
}

#[test]
fn sets_by_size_and_by_distance_are_disjoint() {
    each_selection(|rows, _, _, found| {
        for i in 0..rows.labels.len() {
            assert!(!(found.by_size[i] && found.by_distance[i]));
            assert_eq!(found.keep[i], !found.by_size[i] && !found.by_distance[i]);
        }
    });
}

#[test]
fn what_goes_by_size_is_of_no_larger_cluster_than_what_does_not() {
    each_selection(|rows, _, _, found| {
        let size = |i: usize| rows.sizes[rows.labels[i] as usize];
        let of =
            |by_size: bool| (0..rows.labels.len()).filter(move |&i| found.by_size[i] == by_size).map(size);
        if let (Some(most), Some(least)) = (of(true).max(), of(false).min()) {
            assert!(most <= least, "pruned by size from the larger cluster");
        }
    });
}

#[test]
fn what_goes_by_distance_is_no_nearer_than_what_stays() {
    each_selection(|rows, _, _, found| {
        let of = |set: &ndarray::Array1<bool>| -> Vec<f64> {
            (0..rows.labels.len()).filter(|&i| set[i]).map(|i| rows.distances[i]).collect()
        };
        let farthest = of(&found.keep).into_iter().fold(0.0, f64::max);
        assert!(of(&found.by_distance).iter().all(|d| *d >= farthest));
    });
}

/// The rows 0..n in the order of `key`, ties by row; the first `count` are pruned.
fn first_by<K: PartialOrd>(n: usize, count: usize, key: impl Fn(usize) -> K) -> Vec<bool> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| key(a).partial_cmp(&key(b)).unwrap());
    (0..n).map(|i| order[..count].contains(&i)).collect()
}

#[test]
fn alpha_1_is_size_alone() {
    for seed in 0..300 {
        let mut rng = Rng(seed);
        let rows = some_rows(&mut rng);
        let found = select(Scip::new().prune_fraction(rng.unit()).alpha(1.0), &rows);
        assert_eq!(count(&found.by_distance), 0);
        let key = |i: usize| (rows.sizes[rows.labels[i] as usize], -rows.distances[i]);
        assert_eq!(found.by_size.to_vec(), first_by(rows.labels.len(), count(&found.by_size), key));
    }
}

#[test]
fn alpha_0_is_distance_alone() {
    for seed in 0..300 {
        let mut rng = Rng(seed);
        let rows = some_rows(&mut rng);
        let found = select(Scip::new().prune_fraction(rng.unit()).alpha(0.0), &rows);
        assert_eq!(count(&found.by_size), 0);
        let key = |i: usize| (-rows.distances[i], rows.sizes[rows.labels[i] as usize]);
        assert_eq!(found.by_distance.to_vec(), first_by(rows.labels.len(), count(&found.by_distance), key));
    }
}

#[test]
fn p_0_keeps_all_and_p_1_keeps_none() {
    let rows = Rows { labels: vec![0, 1, 1], distances: vec![0.1, 0.2, 0.3], sizes: vec![1, 2] };
    assert_eq!(select(Scip::new().prune_fraction(0.0), &rows).kept(), 3);
    assert_eq!(select(Scip::new().prune_fraction(1.0), &rows).kept(), 0);
    let none = Rows { labels: vec![], distances: vec![], sizes: vec![] };
    assert_eq!(select(Scip::new(), &none).kept(), 0);
}

#[test]
fn defaults_are_those_of_the_paper() {
    assert_eq!(Scip::new(), Scip::new().prune_fraction(0.2).alpha(0.8));
}

/// All the same, three of ten go, by row.
#[test]
fn case_44_ties_go_by_row() {
    let rows = Rows { labels: vec![0; 10], distances: vec![0.5; 10], sizes: vec![10] };
    for alpha in [0.0, 1.0] {
        let keep = select(Scip::new().prune_fraction(0.3).alpha(alpha), &rows).keep.to_vec();
        assert_eq!(keep, [&[false; 3][..], &[true; 7]].concat());
    }
}

/// Rows permuted with their ids: the same ids go, and ties go by id.
#[test]
fn selection_is_permutation_equivariant_by_id() {
    for seed in 0..300 {
        let mut rng = Rng(seed);
        let rows = some_rows(&mut rng);
        let (p, alpha) = some_shares(&mut rng);
        let scip = Scip::new().prune_fraction(p).alpha(alpha);
        let expected = select(scip, &rows);
        let mut collected = ScipRows::new(rows.sizes.len());
        for i in rng.permutation(rows.labels.len()) {
            collected.push(i as u64, &rows.labels[i..=i], &rows.distances[i..=i]).unwrap();
        }
        let (ids, found) = collected.finish(&scip).unwrap();
        assert_eq!(ids, (0..rows.labels.len() as u64).collect::<Vec<_>>());
        assert_eq!(found, expected);
    }
}

/// One, three and eight shards, merged in any order, through their bytes.
#[test]
fn shards_decide_together() {
    for seed in 0..200 {
        let mut rng = Rng(seed);
        let rows = some_rows(&mut rng);
        let n = rows.labels.len();
        let (p, alpha) = some_shares(&mut rng);
        let scip = Scip::new().prune_fraction(p).alpha(alpha);
        let expected = select(scip, &rows);
        for shards in [1, 3, 8] {
            let mut parts: Vec<ScipRows> = (0..shards)
                .map(|s| {
                    let range = s * n / shards..(s + 1) * n / shards;
                    let mut part = ScipRows::new(rows.sizes.len());
                    let start = range.start as u64;
                    part.push(start, &rows.labels[range.clone()], &rows.distances[range]).unwrap();
                    ScipRows::from_bytes(&part.to_bytes().unwrap()).unwrap()
                })
                .collect();
            let mut merged = ScipRows::new(rows.sizes.len());
            while !parts.is_empty() {
                merged.merge(&parts.swap_remove(rng.below(parts.len()))).unwrap();
            }
            assert_eq!(merged.finish(&scip).unwrap().1, expected, "seed {seed}, {shards} shards");
        }
    }
}

#[test]
fn a_clustering_is_taken_as_it_is() {
    let x = array(&Kind::Normal.rows(200, 8, &mut Rng(3)));
    let clusters = KMeans::new(7).spherical(true).fit(&x).unwrap();
    let found = Scip::new().select_from(&clusters).unwrap();
    let (labels, distances) = (clusters.labels.to_vec(), clusters.distances.to_vec());
    assert_eq!(found, Scip::new().select(&labels, &distances, &clusters.counts.to_vec()).unwrap());
    assert_eq!((count(&found.by_size), count(&found.by_distance)), (32, 8));
}

#[test]
fn bad_inputs_are_named() {
    for (p, alpha) in [(-0.1, 0.5), (1.5, 0.5), (f64::NAN, 0.5), (0.5, -1.0), (0.5, 2.0), (0.5, f64::NAN)] {
        let refused = Scip::new().prune_fraction(p).alpha(alpha).select(&[], &[], &[]);
        assert!(matches!(refused, Err(Error::InvalidParameter { .. })));
    }
    let scip = Scip::new();
    assert!(matches!(scip.select(&[0], &[], &[1]), Err(Error::ShapeMismatch { .. })));
    assert!(matches!(scip.select(&[0, 0], &[0.0, f64::NAN], &[2]), Err(Error::NonFinite { row: 1, .. })));
    let refused = scip.select(&[0, 2], &[0.0, 0.0], &[1, 1]);
    assert!(matches!(refused, Err(Error::LabelOutOfRange { row: 1, label: 2, k: 2 })));
}

#[test]
fn bad_shards_are_refused() {
    let mut rows = ScipRows::new(2);
    rows.push(5, &[0, 1], &[0.1, 0.2]).unwrap();
    // The row of a label is the one of the call, that of a number the global id.
    assert!(matches!(rows.push(9, &[0, 2], &[0.1; 2]), Err(Error::LabelOutOfRange { row: 1, .. })));
    assert!(matches!(rows.push(9, &[0; 2], &[0.1, f64::INFINITY]), Err(Error::NonFinite { row: 10, .. })));
    // The id 2^64 - 1 stands for no row.
    assert!(matches!(rows.push(u64::MAX, &[0], &[0.1]), Err(Error::TooLarge { .. })));
    assert!(matches!(rows.push(u64::MAX - 1, &[0; 2], &[0.1; 2]), Err(Error::TooLarge { .. })));
    assert_eq!(rows.len(), 2);
    let mut last = rows.clone();
    last.push(u64::MAX - 1, &[0], &[0.1]).unwrap();
    last.push(u64::MAX, &[], &[]).unwrap();
    assert_eq!(last.finish(&Scip::new()).unwrap().0, [5, 6, u64::MAX - 1]);
    assert!(matches!(rows.merge(&ScipRows::new(3)), Err(Error::Mismatch { .. })));
    let mut twice = rows.clone();
    twice.merge(&rows).unwrap();
    assert!(matches!(twice.finish(&Scip::new()), Err(Error::Conflict { .. })));
    let bytes = rows.to_bytes().unwrap();
    for i in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[i] ^= 1;
        assert!(ScipRows::from_bytes(&damaged).is_err(), "byte {i}");
        assert!(ScipRows::from_bytes(&bytes[..i]).is_err(), "cut at {i}");
    }
}

/// Bytes whose checksum is right.
#[test]
fn forged_rows_are_refused_or_cost_no_more_than_rows() {
    let mut rows = ScipRows::new(3);
    rows.push(5, &[0, 2], &[0.1, 0.2]).unwrap();
    let good = rows.to_bytes().unwrap();
    // Magic 8, version 4, clusters (u64), rows (u64), then ids, labels and distances of two rows.
    let (clusters, n, labels, distances) = (12, 20, 28 + 16, 28 + 16 + 8);
    let with = |at: usize, new: &[u8]| ScipRows::from_bytes(&replaced(&good, at, new));
    for (at, new) in [
        (clusters, 2u64.to_le_bytes().to_vec()),
        (n, 1u64.to_le_bytes().to_vec()),
        (n, u64::MAX.to_le_bytes().to_vec()),
        (labels, 3u32.to_le_bytes().to_vec()),
        (distances, f64::NAN.to_le_bytes().to_vec()),
    ] {
        let found = with(at, &new);
        assert!(matches!(found, Err(Error::Corrupt { .. })), "byte {at}: {new:?}");
    }
    // More clusters than memory has room for: only those with rows are looked at.
    let many = with(clusters, &(u64::MAX >> 1).to_le_bytes()).unwrap();
    let scip = Scip::new().prune_fraction(0.5);
    assert_eq!(many.finish(&scip).unwrap(), rows.finish(&scip).unwrap());
}
