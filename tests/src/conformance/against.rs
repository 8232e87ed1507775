//! Properties of deduplication against rows that stay.

use half::f16;
use pauca::backend::Backend;
use pauca::{
    Blocked, Boundary, Clusters, Context, Control, DedupAgainst, Error, Metric, Order, Partition, Rows, Rule,
    SemDedup, SemDedupAgainst,
};
use pauca_reference::kmeans::predict;
use pauca_reference::semdedup as reference;

use super::dedup::{boundaries, clusters, some_epsilon};
use super::kmeans::EXECUTORS;
use crate::agree::bits;
use crate::layout::{Layout, Stored, array, rows_of};
use crate::problem::Problem;
use crate::subject::Subject;

/// The rows of a problem: those that stay, with their clusters, and new ones.
struct Sides {
    stays: Vec<Vec<f32>>,
    new: Vec<Vec<f32>>,
    clusters: Clusters,
}

/// Any number of rows stays, none and all included. Some rows are of zeros, and some labels are not those of the nearest
/// centroid.
fn sides<B: Backend>(s: &Subject<B>, p: &mut Problem) -> Sides {
    let n = p.x.len();
    for _ in 0..p.rng.below(4) {
        let i = p.rng.below(n);
        p.x[i].fill(0.0);
    }
    let c = clusters(s, p);
    let some = p.rng.below(n + 1);
    let m = p.rng.pick(&[0, n, some, some, some, n / 2]);
    let (stays, new) = p.x.split_at(m);
    let mut labels = c.labels.to_vec()[..m].to_vec();
    for label in &mut labels {
        if p.rng.chance(0.1) {
            *label = p.rng.below(c.centroids.nrows()) as u32;
        }
    }
    let clusters = Clusters::from_parts(c.metric, c.centroids, labels.into(), None).unwrap();
    Sides { stays: stays.to_vec(), new: new.to_vec(), clusters }
}

fn d_of(p: &Problem) -> usize {
    p.x[0].len()
}

/// Rows as an array, which no row of `d` values is, too.
fn stored(rows: &[Vec<f32>], d: usize) -> ndarray::Array2<f32> {
    if rows.is_empty() { ndarray::Array2::zeros((0, d)) } else { array(rows) }
}

fn run<B: Backend>(s: &Subject<B>, config: &SemDedupAgainst, sides: &Sides, d: usize) -> DedupAgainst {
    let (stays, new) = (stored(&sides.stays, d), stored(&sides.new, d));
    let (stays, new) = (Rows::F32(stays.view()), Rows::F32(new.view()));
    config.fit_on(&s.backend, &new, &stays, &sides.clusters, &s.cx).unwrap()
}

fn reference_metric(metric: Metric) -> pauca_reference::truth::Metric {
    match metric {
        Metric::Cosine => pauca_reference::truth::Metric::Cosine,
        Metric::SqEuclidean => pauca_reference::truth::Metric::SqEuclidean,
    }
}

pub fn equals_the_reference<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let sides = sides(s, p);
    let c = &sides.clusters;
    let labels = predict(&sides.new, &rows_of(&c.centroids), reference_metric(c.metric));
    let scores = reference::against(&sides.new, &labels, &sides.stays, &c.labels.to_vec());
    // Often a threshold that is exactly the similarity of a new row.
    let exact = sides.new.len().checked_sub(1).map(|last| 1.0 - scores.score[p.rng.below(last + 1)]);
    let epsilon = exact.filter(|e| e.is_finite() && p.rng.chance(0.7)).unwrap_or_else(|| some_epsilon(p));
    let reported = scores.score.iter().map(|s| if *s == f64::NEG_INFINITY { f64::NAN } else { *s });
    let witness: Vec<u64> =
        scores.witness.iter().map(|w| w.map_or(DedupAgainst::NONE, |i| i as u64)).collect();
    for (boundary, ref_boundary) in boundaries() {
        let config = SemDedupAgainst::new().epsilon(epsilon).boundary(boundary);
        let found = run(s, &config, &sides, d_of(p));
        assert_eq!((found.epsilon, found.boundary), (epsilon, boundary));
        assert_eq!(found.labels.to_vec(), labels, "labels");
        assert_eq!(found.witness.to_vec(), witness, "witness");
        assert_eq!(bits(&found.similarity), bits(reported.clone()), "similarity");
        let keep = reference::keep_by_epsilon(&scores.score, epsilon, ref_boundary);
        assert_eq!(found.keep.to_vec(), keep);
        let mut bytes = vec![7; keep.len()];
        found.keep_into(&mut bytes).unwrap();
        assert_eq!(bytes, keep.iter().map(|&keep| u8::from(keep)).collect::<Vec<_>>());
        assert_eq!(found.kept(), keep.iter().filter(|keep| **keep).count());
    }
}

/// Blocks, threads and layouts.
pub fn runs_do_not_matter<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (sides, epsilon) = (sides(s, p), some_epsilon(p));
    let config = SemDedupAgainst::new().epsilon(epsilon);
    let expected = run(s, &config, &sides, d_of(p));
    let (stays, new) = (stored(&sides.stays, d_of(p)), stored(&sides.new, d_of(p)));
    let (stays, new) = (Rows::F32(stays.view()), Rows::F32(new.view()));
    let c = &sides.clusters;
    for block_rows in [1, 4, p.x.len() + 1] {
        let [stays, new] = [stays, new].map(|rows| Blocked::new(rows, block_rows).unwrap());
        assert_eq!(config.fit_on(&s.backend, &new, &stays, c, &s.cx).unwrap(), expected);
    }
    for exec in EXECUTORS.iter() {
        let cx = Context::new(exec.clone(), Control::new());
        assert_eq!(config.fit_on(&s.backend, &new, &stays, c, &cx).unwrap(), expected);
    }
    if sides.stays.is_empty() || sides.new.is_empty() {
        return;
    }
    for layout in Layout::ALL {
        let [stays, new] = [&sides.stays, &sides.new].map(|rows| Stored::new(rows, layout, f32::NAN));
        let (stays, new) = (Rows::F32(stays.view()), Rows::F32(new.view()));
        assert_eq!(config.fit_on(&s.backend, &new, &stays, c, &s.cx).unwrap(), expected);
    }
}

/// New rows of f16 against rows of f32.
pub fn element_types_may_differ<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let mut sides = sides(s, p);
    if sides.new.is_empty() {
        return;
    }
    let finite = |v: f32| if v.abs() < 6e4 { v } else { 1.0f32.copysign(v) };
    let half = |row: &Vec<f32>| -> Vec<f16> { row.iter().map(|&v| f16::from_f32(finite(v))).collect() };
    let short: Vec<Vec<f16>> = sides.new.iter().map(half).collect();
    sides.new = short.iter().map(|row| row.iter().map(|v| v.to_f32()).collect()).collect();
    let config = SemDedupAgainst::new().epsilon(some_epsilon(p));
    let expected = run(s, &config, &sides, d_of(p));
    let (stays, new) = (stored(&sides.stays, d_of(p)), Stored::new(&short, Layout::Strided, f16::NAN));
    let (stays, new) = (Rows::F32(stays.view()), Rows::F16(new.view()));
    assert_eq!(config.fit_on(&s.backend, &new, &stays, &sides.clusters, &s.cx).unwrap(), expected);
}

/// Copies of rows that stay, after all others, and zero rows on both sides: the other answers stay to the bit.
pub fn copies_and_zeros_change_no_other_row<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let mut sides = sides(s, p);
    let (d, n) = (d_of(p), sides.new.len());
    let config = SemDedupAgainst::new().epsilon(2.0).boundary(Boundary::Ge);
    let before = run(s, &config, &sides, d);
    let mut labels = sides.clusters.labels.to_vec();
    for _ in 0..sides.stays.len().min(8) {
        let i = p.rng.below(sides.stays.len());
        sides.stays.push(sides.stays[i].iter().map(|v| if *v == 0.0 { -*v } else { *v }).collect());
        labels.push(labels[i]);
    }
    for label in 0..sides.clusters.centroids.nrows() {
        sides.stays.push(vec![0.0; d]);
        labels.push(label as u32);
    }
    sides.clusters.labels = labels.into();
    for i in 0..n.min(8) {
        sides.new.push(sides.new[i].clone());
    }
    sides.new.push(vec![-0.0; d]);
    let after = run(s, &config, &sides, d);
    for i in 0..n + n.min(8) {
        // A copy of a new row has the answer of that row.
        let of = if i < n { i } else { i - n };
        assert_eq!((after.keep[i], after.witness[i]), (before.keep[of], before.witness[of]));
        assert_eq!(after.similarity[i].to_bits(), before.similarity[of].to_bits());
    }
    let zero = sides.new.len() - 1;
    assert!(after.keep[zero] && after.witness[zero] == DedupAgainst::NONE && after.similarity[zero].is_nan());
}

pub fn bad_rows_are_named_by_side<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let sides = sides(s, p);
    let d = d_of(p);
    let config = SemDedupAgainst::new();
    for (what, rows) in [("x", &sides.new), ("reference", &sides.stays)] {
        if rows.is_empty() {
            continue;
        }
        let (row, col) = (p.rng.below(rows.len()), p.rng.below(d));
        let mut bad = stored(rows, d);
        bad[[row, col]] = p.rng.pick(&[f32::NAN, f32::INFINITY]);
        let good = stored(if what == "x" { &sides.stays } else { &sides.new }, d);
        let (bad, good) = (Rows::F32(bad.view()), Rows::F32(good.view()));
        let (new, stays) = if what == "x" { (bad, good) } else { (good, bad) };
        let found = config.fit_on(&s.backend, &new, &stays, &sides.clusters, &s.cx).unwrap_err();
        let expected = Error::NonFinite { what, row: row as u64, col };
        assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    }
}

/// Each new row, put after all rows that stay, has there the similarity that it has here, and goes or stays.
pub fn each_row_alone_is_earlier_max<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (sides, epsilon) = (sides(s, p), some_epsilon(p));
    for (boundary, _) in boundaries() {
        let found = run(s, &SemDedupAgainst::new().epsilon(epsilon).boundary(boundary), &sides, d_of(p));
        for (j, row) in sides.new.iter().enumerate().take(5) {
            let mut x = sides.stays.clone();
            x.push(row.clone());
            let (m, x) = (sides.stays.len(), array(&x));
            let mut labels = sides.clusters.labels.to_vec();
            labels.push(found.labels[j]);
            let part = Partition::new(&labels, &sides.clusters.centroids, Metric::Cosine).unwrap();
            let order = Order::Custom((0..=m).map(|i| i as f64).collect());
            let config = SemDedup::new(Rule::EarlierMax).epsilon(epsilon).boundary(boundary).order(order);
            let all = config.fit_on(&s.backend, &Rows::F32(x.view()), part, &s.cx).unwrap();
            assert_eq!(all.keep[m], found.keep[j]);
            assert_eq!(all.similarity[m].to_bits(), found.similarity[j].to_bits());
        }
    }
}

/// Where the rows that stay are no duplicates of each other.
pub fn a_cover_of_what_is_kept_is_the_cover_of_all<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    let (epsilon, m, d) = (some_epsilon(p), p.rng.below(p.x.len() + 1), d_of(p));
    let cover = |rows: &[usize], labels: &[u32]| {
        let rows: Vec<Vec<f32>> = rows.iter().map(|&i| p.x[i].clone()).collect();
        let order = Order::Custom((0..rows.len()).map(|i| i as f64).collect());
        let part = Partition::new(labels, &c.centroids, Metric::Cosine).unwrap();
        let config = SemDedup::new(Rule::GreedyCover).epsilon(epsilon).order(order);
        let x = array(&rows);
        config.fit_on(&s.backend, &Rows::F32(x.view()), part, &s.cx).unwrap().keep.to_vec()
    };
    let kept = |rows: &[usize], keep: &[bool]| -> Vec<usize> {
        rows.iter().zip(keep).filter(|(_, keep)| **keep).map(|(&i, _)| i).collect()
    };
    let labels_of = |rows: &[usize]| -> Vec<u32> { rows.iter().map(|&i| c.labels[i]).collect() };
    let first: Vec<usize> = (0..m).collect();
    let stay = if first.is_empty() { Vec::new() } else { kept(&first, &cover(&first, &labels_of(&first))) };
    let new: Vec<usize> = (m..p.x.len()).collect();
    if new.is_empty() {
        return;
    }
    let both = [stay.clone(), new.clone()].concat();
    let expected = kept(&both, &cover(&both, &labels_of(&both)))[stay.len()..].to_vec();

    let take = |rows: &[usize]| rows.iter().map(|&i| p.x[i].clone()).collect::<Vec<_>>();
    let clusters =
        Clusters::from_parts(c.metric, c.centroids.clone(), labels_of(&stay).into(), None).unwrap();
    let sides = Sides { stays: take(&stay), new: take(&new), clusters };
    let found = run(s, &SemDedupAgainst::new().epsilon(epsilon), &sides, d);
    assert_eq!(found.labels.to_vec(), labels_of(&new));
    let left = kept(&new, &found.keep.to_vec());
    let left = if left.is_empty() { left } else { kept(&left, &cover(&left, &labels_of(&left))) };
    assert_eq!(left, expected);
}
