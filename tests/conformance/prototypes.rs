//! Properties of prototypes. No backend takes part.

use pauca::{Prototypes, Prune, Scope};
use pauca_reference::prototypes as reference;
use pauca_tests::data::Rng;
use pauca_tests::problem::Problem;

/// Distances with ties, labels, and a fraction that often lands on a tie of rounding.
fn some_distances(p: &mut Problem) -> (Vec<f64>, Vec<u32>, f64) {
    let n = p.x.len();
    let coarse = p.rng.chance(0.5);
    let distance = |rng: &mut Rng| if coarse { rng.below(4) as f64 } else { rng.unit() };
    let distances = (0..n).map(|_| distance(&mut p.rng)).collect();
    let labels = (0..n).map(|_| p.rng.below(p.k) as u32).collect();
    let some = p.rng.unit();
    let half = (p.rng.below(n) as f64 + 0.5) / n as f64;
    (distances, labels, p.rng.pick(&[0.0, 1.0, 0.5, 1.0 / 3.0, some, half]))
}

const DROPS: [(Prune, reference::Drop); 2] =
    [(Prune::Nearest, reference::Drop::Nearest), (Prune::Farthest, reference::Drop::Farthest)];

fn select(
    fraction: f64,
    drop: Prune,
    scope: Scope,
    distances: &[f64],
    labels: &[u32],
    k: usize,
) -> Vec<bool> {
    let config = Prototypes::new().keep_fraction(fraction).prune(drop).scope(scope);
    config.select(distances, labels, k).unwrap().to_vec()
}

fn kept(keep: &[bool]) -> usize {
    keep.iter().filter(|k| **k).count()
}

pub fn equal_the_reference(p: &mut Problem) {
    let (distances, labels, fraction) = some_distances(p);
    let m = reference::count(fraction, distances.len());
    for (drop, ref_drop) in DROPS {
        let global = select(fraction, drop, Scope::Global, &distances, &labels, p.k);
        assert_eq!(global, reference::global(&distances, m, ref_drop));
        let local = select(fraction, drop, Scope::PerCluster, &distances, &labels, p.k);
        assert_eq!(local, reference::per_cluster(&distances, &labels, p.k, m, ref_drop));
    }
}

pub fn cut_at_a_threshold(p: &mut Problem) {
    let (distances, labels, fraction) = some_distances(p);
    let keep = select(fraction, Prune::Nearest, Scope::Global, &distances, &labels, p.k);
    assert_eq!(kept(&keep), (fraction * keep.len() as f64).round_ties_even() as usize);
    for i in 0..keep.len() {
        for j in 0..keep.len() {
            if keep[i] && !keep[j] {
                assert!(distances[j] < distances[i] || (distances[j] == distances[i] && i < j));
            }
        }
    }
}

/// Without ties, the hardest m and the easiest n - m are all rows.
pub fn complement(p: &mut Problem) {
    let (_, labels, _) = some_distances(p);
    let n = labels.len();
    let distances: Vec<f64> = p.rng.permutation(n).into_iter().map(|v| v as f64).collect();
    let m = p.rng.below(n + 1);
    let hard = select(m as f64 / n as f64, Prune::Nearest, Scope::Global, &distances, &labels, p.k);
    let easy = select((n - m) as f64 / n as f64, Prune::Farthest, Scope::Global, &distances, &labels, p.k);
    assert!(hard.iter().zip(&easy).all(|(h, e)| h != e));
}

pub fn are_nested(p: &mut Problem) {
    let (distances, labels, a) = some_distances(p);
    let b = p.rng.unit();
    for (drop, _) in DROPS {
        let [few, many] =
            [a.min(b), a.max(b)].map(|f| select(f, drop, Scope::Global, &distances, &labels, p.k));
        assert!(few.iter().zip(&many).all(|(few, many)| !*few || *many));
    }
}

/// Of a share in f64 beside one in whole numbers.
const SHARE: f64 = 1e-9;

pub fn have_exact_quotas(p: &mut Problem) {
    let (distances, labels, fraction) = some_distances(p);
    let n = labels.len();
    let keep = select(fraction, Prune::Farthest, Scope::PerCluster, &distances, &labels, p.k);
    let total = (fraction * n as f64).round_ties_even();
    assert_eq!(kept(&keep) as f64, total);
    for j in 0..p.k {
        let members: Vec<usize> = (0..n).filter(|&i| labels[i] as usize == j).collect();
        let quota = members.iter().filter(|&&i| keep[i]).count() as f64;
        assert!((quota - total * members.len() as f64 / n as f64).abs() < 1.0 + SHARE);
    }
}
