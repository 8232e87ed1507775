//! Properties of semantic deduplication.

use crate::agree::{assert_same_dedup, bits};
use crate::layout::{Layout, Stored, array, rows_of};
use crate::problem::Problem;
use crate::subject::Subject;
use half::{bf16, f16};
use pauca::backend::Backend;
use pauca::{
    Blocked, Boundary, Clusters, Context, Control, Dedup, Order, RowSource, Rows, Rule, SemDedup, Subset,
};
use pauca_reference::semdedup::{self as reference, Boundary as RefBoundary};
use pauca_reference::truth::cosine;

use super::kmeans::EXECUTORS;

/// Clusters for `p`: few iterations are enough to get some.
pub fn clusters<B: Backend>(s: &Subject<B>, p: &mut Problem) -> Clusters {
    (p.k, p.max_iter, p.weights) = (p.k.min(6), 2, None);
    p.start = crate::problem::Start::Random;
    s.kmeans(&p.config(), &p.x, None).unwrap()
}

fn dedup<B: Backend>(s: &Subject<B>, config: &SemDedup, x: &[Vec<f32>], clusters: &Clusters) -> Dedup {
    let x = array(x);
    config.fit_on(&s.backend, &Rows::F32(x.view()), clusters, &s.cx).unwrap()
}

/// One of the orders, as the library and the reference call it.
pub fn some_order(p: &mut Problem) -> (Order, reference::Order) {
    match p.rng.below(4) {
        0 => (Order::Hard, reference::Order::Hard),
        1 => (Order::Easy, reference::Order::Easy),
        2 => (Order::Random { seed: p.seed }, reference::Order::Random(p.seed, 0)),
        _ => {
            // Ties, and both zeros.
            let keys: Vec<f64> = p.x.iter().map(|_| p.rng.pick(&[-1.0, -0.0, 0.0, 2.0])).collect();
            (Order::Custom(keys.clone()), reference::Order::Custom(keys))
        }
    }
}

pub fn boundaries() -> [(Boundary, RefBoundary); 2] {
    [(Boundary::Gt, RefBoundary::Gt), (Boundary::Ge, RefBoundary::Ge)]
}

/// An epsilon, often one whose threshold is exactly the similarity of a pair.
pub fn some_epsilon(p: &mut Problem) -> f64 {
    let (i, j) = (p.rng.below(p.x.len()), p.rng.below(p.x.len()));
    let exact = 1.0 - cosine(&p.x[i], &p.x[j]);
    let some = p.rng.unit() * 0.5;
    p.rng.pick(&[0.0, 1e-7, 0.05, 1.0, 2.0, some, exact, exact])
}

/// The rows of each cluster in the reference's order.
pub fn ordered(p: &Problem, c: &Clusters, order: &reference::Order) -> Vec<Vec<usize>> {
    reference::order(&p.x, &p.ids(), &c.labels.to_vec(), &rows_of(&c.centroids), order)
}

pub fn assert_order(found: &Dedup, expected: &[Vec<usize>]) {
    let rows: Vec<usize> = found.order.iter().map(|&i| i as usize).collect();
    assert_eq!(rows, expected.concat(), "order");
    let sizes: Vec<usize> = found.offsets.windows(2).map(|w| w[1] - w[0]).collect();
    assert_eq!(sizes, expected.iter().map(Vec::len).collect::<Vec<_>>(), "offsets");
}

fn assert_witness(found: &Dedup, expected: &[Option<usize>]) {
    let witness: Vec<u64> = expected.iter().map(|w| w.map_or(Dedup::NONE, |i| i as u64)).collect();
    assert_eq!(found.witness.to_vec(), witness, "witness");
}

/// -infinity, where there is none, is NaN in results.
fn reported(score: &[f64]) -> Vec<u64> {
    score.iter().map(|s| if *s == f64::NEG_INFINITY { f64::NAN } else { *s }.to_bits()).collect()
}

pub fn earlier_max_equals_the_reference<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    let ((order, ref_order), epsilon) = (some_order(p), some_epsilon(p));
    let expected_order = ordered(p, &c, &ref_order);
    let scores = reference::earlier_max(&p.x, &expected_order);
    for (boundary, ref_boundary) in boundaries() {
        let config = SemDedup::new(Rule::EarlierMax).epsilon(epsilon).boundary(boundary).order(order.clone());
        let found = dedup(s, &config, &p.x, &c);
        assert_order(&found, &expected_order);
        assert_witness(&found, &scores.witness);
        assert_eq!(bits(&found.similarity), reported(&scores.score), "similarity");
        assert_eq!(found.keep.to_vec(), reference::keep_by_epsilon(&scores.score, epsilon, ref_boundary));
        assert_eq!((found.epsilon, found.reached), (epsilon, true));
    }
}

pub fn greedy_cover_equals_the_reference<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    let ((order, ref_order), epsilon) = (some_order(p), some_epsilon(p));
    let expected_order = ordered(p, &c, &ref_order);
    for (boundary, ref_boundary) in boundaries() {
        let config =
            SemDedup::new(Rule::GreedyCover).epsilon(epsilon).boundary(boundary).order(order.clone());
        let found = dedup(s, &config, &p.x, &c);
        let witness = reference::greedy_cover(&p.x, &expected_order, epsilon, ref_boundary);
        assert_order(&found, &expected_order);
        assert_witness(&found, &witness);
        assert_eq!(found.keep.to_vec(), witness.iter().map(Option::is_none).collect::<Vec<_>>());
        for (i, w) in witness.iter().enumerate() {
            let expected = w.map_or(f64::NAN, |w| cosine(&p.x[w], &p.x[i]));
            assert_eq!(found.similarity[i].to_bits(), expected.to_bits());
        }
    }
}

fn run<B: Backend>(
    s: &Subject<B>,
    p: &Problem,
    c: &Clusters,
    rule: Rule,
    epsilon: f64,
    boundary: Boundary,
    order: &Order,
) -> Dedup {
    dedup(s, &SemDedup::new(rule).epsilon(epsilon).boundary(boundary).order(order.clone()), &p.x, c)
}

pub fn kept_sets_are_nested_in_epsilon<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    let (order, _) = some_order(p);
    let mut epsilons = [some_epsilon(p), some_epsilon(p)];
    epsilons.sort_by(f64::total_cmp);
    for (boundary, _) in boundaries() {
        let [few, many] = epsilons.map(|e| run(s, p, &c, Rule::EarlierMax, e, boundary, &order).keep);
        assert!(few.iter().zip(&many).all(|(few, many)| *few || !*many));
    }
    // Ge removes what Gt removes.
    let [gt, ge] = boundaries().map(|(b, _)| run(s, p, &c, Rule::EarlierMax, epsilons[0], b, &order).keep);
    assert!(gt.iter().zip(&ge).all(|(gt, ge)| *gt || !*ge));
}

pub fn earlier_max_keeps_a_subset_of_greedy_cover<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    let ((order, _), epsilon) = (some_order(p), some_epsilon(p));
    for (boundary, _) in boundaries() {
        let [max, cover] =
            [Rule::EarlierMax, Rule::GreedyCover].map(|r| run(s, p, &c, r, epsilon, boundary, &order).keep);
        assert!(max.iter().zip(&cover).all(|(max, cover)| !*max || *cover));
    }
}

/// Rank of every row in the order.
fn ranks(found: &Dedup) -> Vec<usize> {
    let mut rank = vec![0; found.order.len()];
    found.order.iter().enumerate().for_each(|(r, &i)| rank[i as usize] = r);
    rank
}

pub fn greedy_cover_has_witnesses<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    let ((order, _), epsilon) = (some_order(p), some_epsilon(p));
    for (boundary, ref_boundary) in boundaries() {
        let found = run(s, p, &c, Rule::GreedyCover, epsilon, boundary, &order);
        let rank = ranks(&found);
        let directed = |i: usize| p.x[i].iter().any(|v| *v != 0.0);
        for j in 0..p.x.len() {
            if found.keep[j] {
                assert_eq!(found.witness[j], Dedup::NONE);
                for i in 0..j {
                    let pair = found.keep[i] && c.labels[i] == c.labels[j] && directed(i) && directed(j);
                    assert!(!(pair && ref_boundary.duplicate(cosine(&p.x[i], &p.x[j]), epsilon)));
                }
            } else {
                let w = found.witness[j] as usize;
                assert!(found.keep[w] && rank[w] < rank[j] && c.labels[w] == c.labels[j]);
                assert!(ref_boundary.duplicate(found.similarity[j], epsilon));
            }
        }
    }
}

pub fn earlier_max_has_witnesses<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    let ((order, _), epsilon) = (some_order(p), some_epsilon(p));
    let found = run(s, p, &c, Rule::EarlierMax, epsilon, Boundary::Gt, &order);
    let rank = ranks(&found);
    for j in 0..p.x.len() {
        assert!(found.keep[j] || found.witness[j] != Dedup::NONE);
        if found.witness[j] != Dedup::NONE {
            let w = found.witness[j] as usize;
            assert!(rank[w] < rank[j] && c.labels[w] == c.labels[j]);
            assert_eq!(cosine(&p.x[w], &p.x[j]).to_bits(), found.similarity[j].to_bits());
        }
    }
}

/// `p` and `c` restricted to `rows`.
fn restrict(p: &Problem, c: &Clusters, rows: &[usize]) -> (Problem, Clusters) {
    let mut part = Problem { x: rows.iter().map(|&i| p.x[i].clone()).collect(), ..p.clone() };
    part.weights = None;
    let mut clusters = c.clone();
    clusters.labels = rows.iter().map(|&i| c.labels[i]).collect();
    clusters.distances = rows.iter().map(|&i| c.distances[i]).collect();
    (part, clusters)
}

/// Rerunning on what was kept removes nothing.
pub fn what_is_kept_stays<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    let epsilon = some_epsilon(p);
    for rule in Rule::ALL {
        for (boundary, _) in boundaries() {
            let found = run(s, p, &c, rule, epsilon, boundary, &Order::Hard);
            let rows: Vec<usize> = (0..p.x.len()).filter(|&i| found.keep[i]).collect();
            if !rows.is_empty() {
                let (rest, c) = restrict(p, &c, &rows);
                assert_eq!(run(s, &rest, &c, rule, epsilon, boundary, &Order::Hard).kept(), rows.len());
            }
        }
    }
}

/// The last row of the order decides nothing about the others.
pub fn rows_added_at_the_end_change_nothing<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    let n = p.x.len();
    if n == 1 {
        return;
    }
    let epsilon = some_epsilon(p);
    let order = |n: usize| Order::Custom((0..n).map(|i| i as f64).collect());
    let (part, part_c) = restrict(p, &c, &(0..n - 1).collect::<Vec<_>>());
    for rule in Rule::ALL {
        let all = run(s, p, &c, rule, epsilon, Boundary::Ge, &order(n));
        let less = run(s, &part, &part_c, rule, epsilon, Boundary::Ge, &order(n - 1));
        assert_eq!(all.keep.to_vec()[..n - 1], less.keep.to_vec());
        assert_eq!(all.witness.to_vec()[..n - 1], less.witness.to_vec());
        assert_eq!(bits(&all.similarity)[..n - 1], bits(&less.similarity));
    }
}

/// Each cluster alone gives the same.
pub fn clusters_do_not_meet<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    let epsilon = some_epsilon(p);
    for rule in Rule::ALL {
        let all = run(s, p, &c, rule, epsilon, Boundary::Gt, &Order::Easy);
        for j in 0..c.centroids.nrows() {
            let rows: Vec<usize> = (0..p.x.len()).filter(|&i| c.labels[i] as usize == j).collect();
            if rows.is_empty() {
                continue;
            }
            let (part, part_c) = restrict(p, &c, &rows);
            let alone = run(s, &part, &part_c, rule, epsilon, Boundary::Gt, &Order::Easy);
            for (i, &row) in rows.iter().enumerate() {
                assert_eq!(alone.keep[i], all.keep[row]);
                let witness = match alone.witness[i] {
                    Dedup::NONE => Dedup::NONE,
                    w => rows[w as usize] as u64,
                };
                assert_eq!(witness, all.witness[row]);
                assert_eq!(alone.similarity[i].to_bits(), all.similarity[row].to_bits());
            }
        }
    }
}

pub fn the_first_row_stays_and_epsilon_two_empties<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    let (order, _) = some_order(p);
    for rule in Rule::ALL {
        let found = run(s, p, &c, rule, 2.0, Boundary::Ge, &order);
        for w in found.offsets.windows(2) {
            let rows = &found.order.to_vec()[w[0]..w[1]];
            let directed = |i: &&u64| p.x[**i as usize].iter().any(|v| *v != 0.0);
            let kept = rows.iter().filter(directed).filter(|i| found.keep[**i as usize]).count();
            assert_eq!(kept, rows.iter().filter(directed).count().min(1));
            assert!(rows.first().is_none_or(|&i| found.keep[i as usize]));
        }
    }
}

pub fn targets_are_met<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    let (order, ref_order) = some_order(p);
    let n = p.x.len();
    let expected_order = ordered(p, &c, &ref_order);
    let scores = reference::earlier_max(&p.x, &expected_order);
    let mut last: Option<Vec<bool>> = None;
    let mut fractions = [0.0, 1.0, 0.5, p.rng.unit(), p.rng.unit()];
    fractions.sort_by(f64::total_cmp);
    let (boundary, ref_boundary) = p.rng.pick(&boundaries());
    for fraction in fractions {
        let config =
            SemDedup::new(Rule::EarlierMax).keep_fraction(fraction).order(order.clone()).boundary(boundary);
        let found = dedup(s, &config, &p.x, &c);
        let m = (fraction * n as f64).round_ties_even() as usize;
        let target = reference::keep_by_target(&scores.score, &expected_order, m, ref_boundary);
        assert_eq!(found.keep.to_vec(), target.keep);
        assert_eq!((found.epsilon.to_bits(), found.reached), (target.epsilon.to_bits(), target.reached));
        assert_eq!(found.reached, found.kept() == m);
        // The epsilon that is told makes the cut that is told, where any epsilon does.
        let again = reference::keep_by_epsilon(&scores.score, found.epsilon, ref_boundary);
        let keep = &target.keep;
        let of = |kept: bool| (0..n).filter(move |&i| keep[i] == kept).map(|i| scores.score[i]);
        let (stays, goes) = (of(true).fold(f64::NEG_INFINITY, f64::max), of(false).fold(2.0, f64::min));
        let apart = goes - stays > f64::EPSILON && goes > -1.0 && (stays < 1.0 || boundary == Boundary::Gt);
        if apart {
            assert_eq!(again, found.keep.to_vec(), "epsilon {}", found.epsilon);
        }
        // More rows kept: a superset.
        let keep = found.keep.to_vec();
        assert!(last.is_none_or(|less: Vec<bool>| less.iter().zip(&keep).all(|(l, k)| !*l || *k)));
        last = Some(keep);
    }
}

pub fn the_curve_tells_what_a_run_would_keep<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    let (order, _) = some_order(p);
    let curve = run(s, p, &c, Rule::EarlierMax, 0.05, Boundary::Gt, &order).curve.unwrap();
    assert!(curve.similarities().is_sorted() && curve.similarities().len() == p.x.len());
    for (boundary, _) in boundaries() {
        for _ in 0..4 {
            let epsilon = some_epsilon(p);
            let found = run(s, p, &c, Rule::EarlierMax, epsilon, boundary, &order);
            assert_eq!(curve.kept(epsilon, boundary), found.kept());
        }
    }
}

/// Rows times powers of two, each its own: cosine keeps every bit.
pub fn lengths_do_not_matter<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    if p.x.iter().flatten().any(|v| *v != 0.0 && !(1e-34..1e34).contains(&v.abs())) {
        return;
    }
    let ((order, _), epsilon) = (some_order(p), some_epsilon(p));
    let mut scaled = p.clone();
    for row in &mut scaled.x {
        let factor = 2f32.powi(p.rng.below(20) as i32 - 10);
        row.iter_mut().for_each(|v| *v *= factor);
    }
    // Scaled copies are no copies any more: without them, to the bit.
    let copies = |p: &Problem| (0..p.x.len()).any(|i| p.x[..i].contains(&p.x[i]));
    let (before, after) = (copies(p), copies(&scaled));
    for rule in Rule::ALL {
        let mut cosine_clusters = c.clone();
        cosine_clusters.metric = pauca::Metric::SqEuclidean;
        let a = run(s, p, &cosine_clusters, rule, epsilon, Boundary::Ge, &order);
        let b = run(s, &scaled, &cosine_clusters, rule, epsilon, Boundary::Ge, &order);
        assert_eq!((&a.order, &a.keep), (&b.order, &b.keep));
        assert_eq!(bits(&a.similarity), bits(&b.similarity));
        assert!(before || after || a.witness == b.witness);
    }
}

/// With the order mapped along.
pub fn rows_permute<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    let epsilon = some_epsilon(p);
    let n = p.x.len();
    let keys: Vec<f64> = p.rng.permutation(n).into_iter().map(|k| k as f64).collect();
    let order = p.rng.permutation(n);
    let (moved, moved_c) = restrict(p, &c, &order);
    let moved_keys = order.iter().map(|&i| keys[i]).collect();
    for rule in Rule::ALL {
        let a = run(s, p, &c, rule, epsilon, Boundary::Gt, &Order::Custom(keys.clone()));
        let b =
            run(s, &moved, &moved_c, rule, epsilon, Boundary::Gt, &Order::Custom(Vec::clone(&moved_keys)));
        for (to, &from) in order.iter().enumerate() {
            assert_eq!(b.keep[to], a.keep[from]);
            assert_eq!(b.similarity[to].to_bits(), a.similarity[from].to_bits());
            let witness =
                if b.witness[to] == Dedup::NONE { Dedup::NONE } else { order[b.witness[to] as usize] as u64 };
            assert_eq!(witness, a.witness[from]);
        }
    }
}

fn every_rule(p: &mut Problem) -> [SemDedup; Rule::ALL.len()] {
    let ((order, _), epsilon) = (some_order(p), some_epsilon(p));
    Rule::ALL.map(|r| SemDedup::new(r).epsilon(epsilon).order(order.clone()))
}

pub fn block_sizes_do_not_matter<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    for config in every_rule(p) {
        let whole = dedup(s, &config, &p.x, &c);
        let x = array(&p.x);
        for block_rows in [1, 4, p.x.len() + 1] {
            let source = Blocked::new(Rows::F32(x.view()), block_rows).unwrap();
            assert_same_dedup(&config.fit_on(&s.backend, &source, &c, &s.cx).unwrap(), &whole);
        }
    }
}

pub fn executors_do_not_matter<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    for config in every_rule(p) {
        let expected = dedup(s, &config, &p.x, &c);
        let x = array(&p.x);
        for exec in EXECUTORS.iter() {
            let cx = Context::new(exec.clone(), Control::new());
            let found = config.fit_on(&s.backend, &Rows::F32(x.view()), &c, &cx).unwrap();
            assert_same_dedup(&found, &expected);
        }
    }
}

pub fn layouts_do_not_matter<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    for config in every_rule(p) {
        let expected = dedup(s, &config, &p.x, &c);
        for layout in Layout::ALL {
            let stored = Stored::new(&p.x, layout, f32::NAN);
            let rows = Rows::F32(stored.view());
            assert_same_dedup(&config.fit_on(&s.backend, &rows, &c, &s.cx).unwrap(), &expected);
        }
    }
}

pub fn half_precision_equals_its_values<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let finite = |v: f32| if v.abs() < 6e4 { v } else { 1.0f32.copysign(v) };
    let short: Vec<Vec<f16>> =
        p.x.iter().map(|row| row.iter().map(|&v| f16::from_f32(finite(v))).collect()).collect();
    let brain: Vec<Vec<bf16>> =
        short.iter().map(|row| row.iter().map(|v| bf16::from_f32(v.to_f32())).collect()).collect();
    p.x = short.iter().map(|row| row.iter().map(|v| v.to_f32()).collect()).collect();
    let c = clusters(s, p);
    let stored = Stored::new(&short, Layout::Strided, f16::NAN);
    for config in every_rule(p) {
        let found = config.fit_on(&s.backend, &Rows::F16(stored.view()), &c, &s.cx).unwrap();
        assert_same_dedup(&found, &dedup(s, &config, &p.x, &c));
    }

    p.x = brain.iter().map(|row| row.iter().map(|v| v.to_f32()).collect()).collect();
    let c = clusters(s, p);
    let stored = Stored::new(&brain, Layout::Fortran, bf16::NAN);
    for config in every_rule(p) {
        let found = config.fit_on(&s.backend, &Rows::Bf16(stored.view()), &c, &s.cx).unwrap();
        assert_same_dedup(&found, &dedup(s, &config, &p.x, &c));
    }
}

pub fn zero_rows_stay<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    for _ in 0..1 + p.rng.below(3) {
        let i = p.rng.below(p.x.len());
        p.x[i].iter_mut().for_each(|v| *v = 0.0f32.copysign(*v));
    }
    let c = clusters(s, p);
    for config in every_rule(p) {
        let found = dedup(s, &config.clone().epsilon(2.0).boundary(Boundary::Ge), &p.x, &c);
        for i in (0..p.x.len()).filter(|&i| p.x[i].iter().all(|v| *v == 0.0)) {
            assert!(found.keep[i] && found.witness[i] == Dedup::NONE && found.similarity[i].is_nan());
            assert!(found.witness.iter().all(|w| *w != i as u64));
        }
    }
}

/// In one cluster, epsilon 0: copies go (Ge) and only the first of each stays, or none goes (Gt).
pub fn copies_go_to_their_first<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    for _ in 0..p.x.len().min(8) {
        let row = p.x[p.rng.below(p.x.len())].clone();
        p.x.push(row.iter().map(|v| if *v == 0.0 { -*v } else { *v }).collect());
    }
    (p.k, p.spherical) = (1, true);
    let c = clusters(s, p);
    let keys = Order::Custom((0..p.x.len()).map(|i| i as f64).collect());
    let found = run(s, p, &c, Rule::EarlierMax, 0.0, Boundary::Ge, &keys);
    let mut copies = 0;
    for j in 0..p.x.len() {
        let directed = p.x[j].iter().any(|v| *v != 0.0);
        if let Some(first) = (0..j).find(|&i| directed && p.x[i] == p.x[j]) {
            assert_eq!((found.keep[j], found.witness[j], found.similarity[j]), (false, first as u64, 1.0));
            copies += 1;
        }
    }
    assert_eq!(found.exact_copies, copies);
    for rule in Rule::ALL {
        assert_eq!(run(s, p, &c, rule, 0.0, Boundary::Gt, &keys).kept(), p.x.len());
    }
}

pub fn signs_and_zero_columns_do_not_matter<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    let (more, signs): (usize, Vec<f32>) =
        (p.rng.below(20), p.x[0].iter().map(|_| p.rng.pick(&[1.0, -1.0])).collect());
    let change = |rows: &[Vec<f32>]| -> Vec<Vec<f32>> {
        let flip = |row: &Vec<f32>| -> Vec<f32> { row.iter().zip(&signs).map(|(v, s)| v * s).collect() };
        rows.iter().map(|row| [flip(row), vec![0.0; more]].concat()).collect()
    };
    let mut changed = c.clone();
    changed.centroids = array(&change(&rows_of(&c.centroids)));
    for config in every_rule(p) {
        let a = dedup(s, &config, &p.x, &c);
        assert_same_dedup(&a, &dedup(s, &config, &change(&p.x), &changed));
    }
}

pub fn random_order_is_by_row_id<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = clusters(s, p);
    let config = SemDedup::new(Rule::EarlierMax).order(Order::Random { seed: p.seed });
    let x = array(&p.x);
    let rows = Rows::F32(x.view());
    let whole = config.fit_on(&s.backend, &rows, &c, &s.cx).unwrap();
    // Some of the rows, in another order, under their own ids: the same relative order.
    let some: Vec<usize> = p.rng.permutation(p.x.len()).into_iter().take(1 + p.x.len() / 2).collect();
    let (_, part_c) = restrict(p, &c, &some);
    let subset = Subset::new(&rows, some).unwrap();
    let part = config.fit_on(&s.backend, &subset, &part_c, &s.cx).unwrap();
    let ids: Vec<u64> = part.order.iter().map(|&i| subset.row_id(i as usize)).collect();
    let expected: Vec<u64> = whole.order.iter().copied().filter(|i| ids.contains(i)).collect();
    assert_eq!(ids, expected);
}
