//! Sums of the rows of each cluster: exact, and only of the rows that count.

use pauca::backend::{Backend, Copies};
use pauca::exact::Sums;
use pauca::{Error, Metric};
use pauca_reference::fsum::{fsum, weighted_fsum};
use pauca_reference::truth;

use super::search::{load, metric, rows_nearby, targets};
use crate::layout::array;
use crate::problem::Problem;
use crate::subject::Subject;

/// Labels of `k` clusters, and some outside.
fn some_labels(p: &mut Problem, k: usize) -> Vec<u32> {
    let label = |_| match p.rng.below(k + 3) {
        j if j == k + 2 => u32::MAX,
        j => j as u32,
    };
    p.x.iter().map(label).collect()
}

fn some_weights(p: &mut Problem) -> Vec<f32> {
    p.weights.clone().unwrap_or_else(|| p.x.iter().map(|_| p.rng.below(3) as f32 * 0.75).collect())
}

fn empty<B: Backend>(s: &Subject<B>, p: &Problem, weighted: bool) -> B::Sums {
    s.backend.sums(p.k, p.x[0].len(), weighted, &s.cx).unwrap()
}

/// The sums, on the host.
pub(super) fn host<B: Backend>(s: &Subject<B>, sums: &B::Sums, p: &Problem, weighted: bool) -> Sums {
    let d = p.x[0].len();
    let mut host = if weighted { Sums::weighted(p.k, d) } else { Sums::new(p.k, d) }.unwrap();
    s.backend.add_to(sums, &mut host, &s.cx).unwrap();
    host
}

/// Adds `x` to `sums`.
fn add<B: Backend>(
    s: &Subject<B>,
    metric: Metric,
    x: &[Vec<f32>],
    from: Option<&[u32]>,
    to: &[u32],
    weights: Option<&[f32]>,
    sums: &mut B::Sums,
) -> pauca::Result<()> {
    let x = array(x);
    s.backend.accumulate(&load(s, &x, metric), from, to, weights, sums, &s.cx)
}

/// The sums of all rows of `p`, as integers.
fn planes<B: Backend>(s: &Subject<B>, p: &Problem, to: &[u32], weights: Option<&[f32]>) -> Vec<i64> {
    let mut sums = empty(s, p, weights.is_some());
    add(s, metric(p), &p.x, None, to, weights, &mut sums).unwrap();
    host(s, &sums, p, weights.is_some()).planes().unwrap()
}

pub fn are_the_definition<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (labels, weights) = (some_labels(p, p.k), some_weights(p));
    for weights in [None, Some(&weights[..])] {
        let mut sums = empty(s, p, weights.is_some());
        add(s, metric(p), &p.x, None, &labels, weights, &mut sums).unwrap();
        let mut counts = vec![u64::MAX; p.k];
        s.backend.counts(&sums, &mut counts, &s.cx).unwrap();
        let sums = host(s, &sums, p, weights.is_some());
        assert!((0..p.k).all(|j| counts[j] == sums.rows(j)));
        for j in 0..p.k {
            let counts = |i: &usize| labels[*i] as usize == j && weights.is_none_or(|w| w[*i] > 0.0);
            let rows: Vec<usize> = (0..p.x.len()).filter(counts).collect();
            let heavy: Vec<f32> = rows.iter().map(|&i| weights.map_or(1.0, |w| w[i])).collect();
            let total = weighted_fsum(&heavy, &vec![1.0; rows.len()]);
            assert_eq!((sums.rows(j), sums.weight(j).to_bits()), (rows.len() as u64, total.to_bits()));
            let unit = |x: &Vec<f32>| if p.spherical { truth::unit(x) } else { x.clone() };
            let summed: Vec<Vec<f32>> = rows.iter().map(|&i| unit(&p.x[i])).collect();
            for column in 0..p.x[0].len() {
                let values: Vec<f64> = summed.iter().map(|row| row[column] as f64).collect();
                let sum = if weights.is_some() { weighted_fsum(&heavy, &values) } else { fsum(&values) };
                assert_eq!(sums.column_sum(j, column).to_bits(), sum.to_bits(), "cluster {j}, {column}");
            }
        }
    }
}

/// Nor are they counted.
pub fn rows_of_weight_zero_are_in_none<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (labels, mut weights) = (some_labels(p, p.k), some_weights(p));
    weights[p.rng.below(p.x.len())] = p.rng.pick(&[0.0, -0.0]);
    let all = planes(s, p, &labels, Some(&weights));
    let heavy = |i: &usize| weights[*i] > 0.0;
    let rows: Vec<usize> = (0..p.x.len()).filter(heavy).collect();
    let mut sums = empty(s, p, true);
    if !rows.is_empty() {
        let x: Vec<Vec<f32>> = rows.iter().map(|&i| p.x[i].clone()).collect();
        let labels: Vec<u32> = rows.iter().map(|&i| labels[i]).collect();
        let weights: Vec<f32> = rows.iter().map(|&i| weights[i]).collect();
        add(s, metric(p), &x, None, &labels, Some(&weights), &mut sums).unwrap();
    }
    assert_eq!(all, host(s, &sums, p, true).planes().unwrap());
    // Neither do they move.
    let mut moved = empty(s, p, true);
    let outside = vec![u32::MAX; p.x.len()];
    add(s, metric(p), &p.x, Some(&outside), &labels, Some(&weights), &mut moved).unwrap();
    assert_eq!(all, host(s, &moved, p, true).planes().unwrap());
}

pub fn labels_outside_stand_for_no_cluster<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let labels = some_labels(p, p.k);
    let inside: Vec<usize> = (0..p.x.len()).filter(|&i| (labels[i] as usize) < p.k).collect();
    let mut sums = empty(s, p, false);
    if !inside.is_empty() {
        let x: Vec<Vec<f32>> = inside.iter().map(|&i| p.x[i].clone()).collect();
        let labels: Vec<u32> = inside.iter().map(|&i| labels[i]).collect();
        add(s, metric(p), &x, None, &labels, None, &mut sums).unwrap();
    }
    assert_eq!(planes(s, p, &labels, None), host(s, &sums, p, false).planes().unwrap());
    // Out of every cluster, to none.
    let outside: Vec<u32> = p.x.iter().map(|_| p.rng.pick(&[p.k as u32, u32::MAX])).collect();
    add(s, metric(p), &p.x, Some(&labels), &outside, None, &mut sums).unwrap();
    let nothing = host(s, &empty(s, p, false), p, false);
    assert_eq!(host(s, &sums, p, false).planes().unwrap(), nothing.planes().unwrap());
}

/// Sums after rows changed their clusters are those of rows that were always there.
pub fn moves_leave_no_trace<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (from, mut to, weights) = (some_labels(p, p.k), some_labels(p, p.k), some_weights(p));
    for i in 0..to.len() {
        if p.rng.chance(0.5) {
            to[i] = from[i];
        }
    }
    for weights in [None, Some(&weights[..])] {
        let mut sums = empty(s, p, weights.is_some());
        add(s, metric(p), &p.x, None, &from, weights, &mut sums).unwrap();
        add(s, metric(p), &p.x, Some(&from), &to, weights, &mut sums).unwrap();
        assert_eq!(host(s, &sums, p, weights.is_some()).planes().unwrap(), planes(s, p, &to, weights));
    }
}

pub fn blocks_add_up<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (labels, weights) = (some_labels(p, p.k), some_weights(p));
    let cut = p.rng.below(p.x.len());
    for weights in [None, Some(&weights[..])] {
        let mut sums = empty(s, p, weights.is_some());
        for rows in [cut..p.x.len(), 0..cut] {
            if !rows.is_empty() {
                let weights = weights.map(|w| &w[rows.clone()]);
                add(s, metric(p), &p.x[rows.clone()], None, &labels[rows], weights, &mut sums).unwrap();
            }
        }
        assert_eq!(host(s, &sums, p, weights.is_some()).planes().unwrap(), planes(s, p, &labels, weights));
    }
}

/// In sums that were made for weights.
pub fn rows_without_weights_weigh_one<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let labels = some_labels(p, p.k);
    let mut sums = empty(s, p, true);
    add(s, metric(p), &p.x, None, &labels, None, &mut sums).unwrap();
    let ones = vec![1.0; p.x.len()];
    assert_eq!(host(s, &sums, p, true).planes().unwrap(), planes(s, p, &labels, Some(&ones)));
}

pub fn weights_need_weighted_sums<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let labels: Vec<u32> = p.x.iter().map(|_| p.rng.below(p.k) as u32).collect();
    let mut weights = some_weights(p);
    weights[p.rng.below(p.x.len())] = 2.0;
    let found = add(s, metric(p), &p.x, None, &labels, Some(&weights), &mut empty(s, p, false));
    assert!(matches!(found, Err(Error::Mismatch { .. })), "{found:?}");
}

/// Means and directions, of changed clusters and of all; clusters without either keep what is there.
pub fn centroids_are_the_definition<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (from, to, weights) = (some_labels(p, p.k), some_labels(p, p.k), some_weights(p));
    let d = p.x[0].len();
    for weights in [None, Some(&weights[..])] {
        let mut sums = empty(s, p, weights.is_some());
        let mut found = vec![-7.0f32; p.k * d];
        let mut expected = found.clone();
        // The second time some clusters changed and some did not.
        for step in [(None, &from), (Some(&from[..]), &to)] {
            add(s, metric(p), &p.x, step.0, step.1, weights, &mut sums).unwrap();
            s.backend.centroids(&mut sums, metric(p), &mut found, &s.cx).unwrap();
            let exact = host(s, &sums, p, weights.is_some());
            for (j, out) in expected.chunks_exact_mut(d).enumerate() {
                match metric(p) {
                    Metric::SqEuclidean => exact.mean_into(j, out),
                    Metric::Cosine => exact.direction_into(j, out).unwrap(),
                };
            }
            let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&found), bits(&expected));
        }
    }
    let mut sums = empty(s, p, false);
    let wrong = s.backend.centroids(&mut sums, metric(p), &mut vec![0.0; p.k * d + 1], &s.cx);
    assert!(matches!(wrong, Err(Error::ShapeMismatch { .. })), "{wrong:?}");
    let wrong = s.backend.counts(&sums, &mut vec![0; p.k + 1], &s.cx);
    assert!(matches!(wrong, Err(Error::ShapeMismatch { .. })), "{wrong:?}");
}

/// One assignment is a search and an accumulation, whatever is carried from another search.
pub fn reassignment_is_its_parts<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (old, weights) = (some_labels(p, p.k), some_weights(p));
    let x = array(&p.x);
    let block = load(s, &x, metric(p));
    let mut carry = B::Carry::default();
    for weights in [None, Some(&weights[..])] {
        let mut sums = empty(s, p, weights.is_some());
        add(s, metric(p), &p.x, None, &old, weights, &mut sums).unwrap();
        let mut labels = old.clone();
        for _ in 0..3 {
            let c = array(&rows_nearby(p, p.k));
            let targets = targets(s, &c, metric(p), Copies::Collapse);
            let mut expected = vec![0; labels.len()];
            s.backend.nearest(&block, &targets, None, &mut expected, &s.cx).unwrap();
            let moved = labels.iter().zip(&expected).filter(|(a, b)| a != b).count() as u64;
            let done = s
                .backend
                .reassign(&block, &targets, weights, &mut labels, &mut carry, &mut sums, &s.cx)
                .unwrap();
            assert_eq!((done.moved, done.search.rows, &labels), (moved, p.x.len() as u64, &expected));
            assert_eq!(
                host(s, &sums, p, weights.is_some()).planes().unwrap(),
                planes(s, p, &labels, weights)
            );
        }
    }
}

/// On the host, on top of what is there.
pub fn collecting_is_accumulating<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let labels = some_labels(p, p.k);
    let x = array(&p.x);
    let block = load(s, &x, metric(p));
    let mut found = Sums::new(p.k, p.x[0].len()).unwrap();
    for _ in 0..2 {
        s.backend.collect(&block, &labels, &mut found, &s.cx).unwrap();
    }
    let mut expected = empty(s, p, false);
    for _ in 0..2 {
        add(s, metric(p), &p.x, None, &labels, None, &mut expected).unwrap();
    }
    assert_eq!(found.planes().unwrap(), host(s, &expected, p, false).planes().unwrap());
}
