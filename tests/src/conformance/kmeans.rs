//! Properties of k-means.

use std::sync::LazyLock;

use crate::agree::{array_bits, assert_clusters, assert_same, bits, row_bits, unsigned};
use crate::layout::{Layout, Stored, array, rows_of};
use crate::problem::{Problem, Start};
use crate::subject::{Backwards, Subject};
use half::{bf16, f16};
use pauca::backend::Backend;
use pauca::{
    Blocked, Checkpoint, Clusters, Context, Control, EmptyClusters, Exec, Init, KMeans, RowSource, Rows,
    Subset,
};
use pauca_reference as reference;

/// Every way to run: 1, 2, 3 and 8 threads, and the caller's executor.
pub static EXECUTORS: LazyLock<Vec<Exec<'static>>> = LazyLock::new(|| {
    let mut all: Vec<_> = [1, 2, 3, 8].map(|n| Exec::threads(n).unwrap()).into();
    all.extend([Exec::serial(), Exec::custom(&Backwards)]);
    all
});

fn fit<B: Backend>(s: &Subject<B>, p: &Problem) -> Clusters {
    s.kmeans(&p.config(), &p.x, p.weights.as_deref()).unwrap()
}

/// Starts from given centroids: rows of the data where the problem has none.
fn given(p: &mut Problem) -> Vec<Vec<f32>> {
    if !matches!(p.start, Start::Given(_)) {
        p.start = Start::Given((0..p.k).map(|_| p.x[p.rng.below(p.x.len())].clone()).collect());
    }
    match &p.start {
        Start::Given(c) => c.clone(),
        _ => unreachable!(),
    }
}

fn with_start(p: &Problem, x: Vec<Vec<f32>>, centroids: Vec<Vec<f32>>) -> Problem {
    Problem { x, start: Start::Given(centroids), ..p.clone() }
}

pub fn equals_the_reference<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    assert_clusters(&fit(s, p), &p.solve());
}

pub fn labels_equal_predict<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let found = fit(s, p);
    let x = array(&p.x);
    let rows = Rows::F32(x.view());
    assert_eq!(found.predict_on(&s.backend, &rows, &s.cx).unwrap(), found.labels);
    // Rows that were not there.
    let other: Vec<Vec<f32>> = p.x.iter().map(|row| row.iter().map(|v| v * 0.75).collect()).collect();
    let expected = reference::kmeans::predict(&other, &rows_of(&found.centroids), p.metric());
    let other = array(&other);
    assert_eq!(found.predict_on(&s.backend, &Rows::F32(other.view()), &s.cx).unwrap().to_vec(), expected);
}

pub fn block_sizes_do_not_matter<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let whole = fit(s, p);
    for block_rows in [1, 7, p.x.len(), p.x.len() + 3] {
        let blocked = s.kmeans_blocked(&p.config(), &p.x, p.weights.as_deref(), block_rows).unwrap();
        assert_same(&blocked, &whole);
        let x = array(&p.x);
        let source = Blocked::new(Rows::F32(x.view()), block_rows).unwrap();
        assert_eq!(whole.predict_on(&s.backend, &source, &s.cx).unwrap(), whole.labels);
    }
}

pub fn executors_do_not_matter<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let expected = fit(s, p);
    let x = array(&p.x);
    for exec in EXECUTORS.iter() {
        let cx = Context::new(exec.clone(), Control::new());
        let rows = Rows::F32(x.view());
        let found = p.config().fit_on(&s.backend, &rows, p.weights.as_deref(), &cx).unwrap();
        assert_same(&found, &expected);
    }
}

pub fn layouts_do_not_matter<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let expected = fit(s, p);
    for layout in Layout::ALL {
        let stored = Stored::new(&p.x, layout, f32::NAN);
        let rows = Rows::F32(stored.view());
        let found = s.kmeans_of(&p.config(), &rows, p.weights.as_deref()).unwrap();
        assert_same(&found, &expected);
        let blocked = Blocked::new(rows, 5).unwrap();
        assert_same(&s.kmeans_of(&p.config(), &blocked, p.weights.as_deref()).unwrap(), &expected);
    }
}

pub fn half_precision_equals_its_values<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let layout = p.rng.pick(&Layout::ALL);
    let finite = |v: f32| if v.abs() < 6e4 { v } else { 1.0f32.copysign(v) };
    let short: Vec<Vec<f16>> =
        p.x.iter().map(|row| row.iter().map(|&v| f16::from_f32(finite(v))).collect()).collect();
    p.x = short.iter().map(|row| row.iter().map(|v| v.to_f32()).collect()).collect();
    let stored = Stored::new(&short, layout, f16::NAN);
    let found = s.kmeans_of(&p.config(), &Rows::F16(stored.view()), p.weights.as_deref()).unwrap();
    assert_same(&found, &fit(s, p));

    let short: Vec<Vec<bf16>> =
        p.x.iter().map(|row| row.iter().map(|&v| bf16::from_f32(v)).collect()).collect();
    p.x = short.iter().map(|row| row.iter().map(|v| v.to_f32()).collect()).collect();
    let stored = Stored::new(&short, layout, bf16::NAN);
    let rows = Rows::Bf16(stored.view());
    assert_same(&s.kmeans_of(&p.config(), &rows, p.weights.as_deref()).unwrap(), &fit(s, p));
}

/// From given centroids and without repair (whose ties go by row).
pub fn rows_permute<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    given(p);
    p.relocate = false;
    let order = p.rng.permutation(p.x.len());
    let moved = Problem {
        x: order.iter().map(|&i| p.x[i].clone()).collect(),
        weights: p.weights.as_ref().map(|w| order.iter().map(|&i| w[i]).collect()),
        ..p.clone()
    };
    let (a, b) = (fit(s, p), fit(s, &moved));
    assert_eq!(array_bits(&a.centroids), array_bits(&b.centroids));
    assert_eq!((a.inertia.to_bits(), a.n_iter, a.counts), (b.inertia.to_bits(), b.n_iter, b.counts));
    for (to, &from) in order.iter().enumerate() {
        assert_eq!(b.labels[to], a.labels[from]);
        assert_eq!(b.distances[to].to_bits(), a.distances[from].to_bits());
    }
}

/// Another numbering of the centroids renames the clusters, unless rows tie between centroids.
pub fn clusters_permute<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = given(p);
    (p.relocate, p.max_iter) = (false, p.max_iter.min(1));
    let order = p.rng.permutation(c.len());
    let renamed = with_start(p, p.x.clone(), order.iter().map(|&j| c[j].clone()).collect());
    let (a, b) = (fit(s, p), fit(s, &Problem { max_iter: 0, ..renamed }));
    if p.max_iter == 0 {
        // The nearest centroid of a row is as near under any numbering.
        for i in 0..p.x.len() {
            let (own, other) = (a.labels[i] as usize, order[b.labels[i] as usize]);
            assert!(own <= other, "ties go to the lowest index");
            if p.spherical {
                let s = |j: usize| reference::truth::cosine(&p.x[i], &c[j]);
                assert_eq!(s(own).to_bits(), s(other).to_bits());
            } else {
                assert_eq!(a.distances[i].to_bits(), b.distances[i].to_bits());
            }
        }
    }
}

pub fn powers_of_two_scale<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = given(p);
    let all: Vec<f32> = p.x.iter().chain(&c).flatten().map(|v| v.abs()).filter(|v| *v > 0.0).collect();
    let (low, high) = (all.iter().copied().fold(f32::MAX, f32::min), all.iter().copied().fold(0.0, f32::max));
    // Weights far apart make means that are subnormal.
    p.weights.iter_mut().flatten().filter(|w| **w > 0.0).for_each(|w| *w = w.clamp(1e-3, 1e3));
    let (tiny, huge) = (low < 1e-15, high > 1e15);
    if low < 1e-36 || (tiny && huge) {
        return;
    }
    if tiny {
        // Means of tiny values may be subnormal, which do not scale.
        p.max_iter = 0;
    }
    let exponent = match (tiny, huge) {
        (true, _) => p.rng.below(60) as i32,
        (_, true) => -(p.rng.below(60) as i32),
        _ => p.rng.below(60) as i32 - 30,
    };
    let factor = 2f32.powi(exponent);
    let times = |rows: &[Vec<f32>]| -> Vec<Vec<f32>> {
        rows.iter().map(|row| row.iter().map(|v| v * factor).collect()).collect()
    };
    let scaled = with_start(p, times(&p.x), times(&c));
    let (a, b) = (fit(s, p), fit(s, &scaled));
    assert_eq!((&a.labels, a.n_iter), (&b.labels, b.n_iter));
    let square = if p.spherical { 1.0 } else { 2f64.powi(2 * exponent) };
    assert_eq!((a.inertia * square).to_bits(), b.inertia.to_bits());
    let distances: Vec<f64> = a.distances.iter().map(|v| v * square).collect();
    assert_eq!(bits(&distances), bits(&b.distances));
    if !p.spherical {
        assert_eq!(times(&rows_of(&a.centroids)), rows_of(&b.centroids));
    }
    // The race of k-means++ scales with the data as well.
    if !tiny {
        let seeds = |p: &Problem| fit(s, &Problem { start: Start::PlusPlus, max_iter: 0, ..p.clone() });
        let (a, b) = (seeds(p), seeds(&scaled));
        assert_eq!(times(&rows_of(&a.centroids)), rows_of(&b.centroids));
    }
}

pub fn zero_columns_do_not_matter<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = given(p);
    let more = 1 + p.rng.below(20);
    let pad = |rows: &[Vec<f32>]| -> Vec<Vec<f32>> {
        rows.iter().map(|row| row.iter().copied().chain(vec![0.0; more]).collect()).collect()
    };
    let (a, b) = (fit(s, p), fit(s, &with_start(p, pad(&p.x), pad(&c))));
    assert_eq!(row_bits(&pad(&rows_of(&a.centroids))), array_bits(&b.centroids));
    assert_eq!((a.labels, a.inertia.to_bits()), (b.labels, b.inertia.to_bits()));
    assert_eq!(bits(&a.distances), bits(&b.distances));
}

pub fn signs_flip<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c = given(p);
    let signs: Vec<f32> = p.x[0].iter().map(|_| p.rng.pick(&[1.0, -1.0])).collect();
    let flip = |rows: &[Vec<f32>]| -> Vec<Vec<f32>> {
        rows.iter().map(|row| row.iter().zip(&signs).map(|(v, s)| v * s).collect()).collect()
    };
    let (a, b) = (fit(s, p), fit(s, &with_start(p, flip(&p.x), flip(&c))));
    // By value: a mean of 0 is +0.0 on both sides.
    assert_eq!(flip(&rows_of(&a.centroids)), rows_of(&b.centroids));
    assert_eq!((a.labels, a.inertia.to_bits()), (b.labels, b.inertia.to_bits()));
}

pub fn weights_are_copies<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    given(p);
    p.relocate = false;
    let weights: Vec<f32> = p.x.iter().map(|_| p.rng.below(4) as f32).collect();
    let positive = weights.iter().filter(|w| **w > 0.0).count();
    if positive < p.k {
        return;
    }
    let x: Vec<Vec<f32>> =
        p.x.iter().zip(&weights).flat_map(|(row, &w)| std::iter::repeat_n(row.clone(), w as usize)).collect();
    let copies = Problem { x, weights: None, ..p.clone() };
    p.weights = Some(weights.clone());
    let (a, b) = (fit(s, p), fit(s, &copies));
    assert_eq!(array_bits(&a.centroids), array_bits(&b.centroids));
    assert_eq!(a.inertia.to_bits(), b.inertia.to_bits());
    let labels: Vec<u32> =
        a.labels.iter().zip(&weights).flat_map(|(&l, &w)| std::iter::repeat_n(l, w as usize)).collect();
    assert_eq!(labels, b.labels.to_vec());
}

pub fn weights_scale<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let weights: Vec<f32> = p.x.iter().map(|_| 1.0 + p.rng.below(1000) as f32).collect();
    let exponent = p.rng.below(120) as i32 - 60;
    let scaled =
        Problem { weights: Some(weights.iter().map(|w| w * 2f32.powi(exponent)).collect()), ..p.clone() };
    p.weights = Some(weights);
    let (a, b) = (fit(s, p), fit(s, &scaled));
    assert_eq!((array_bits(&a.centroids), &a.labels), (array_bits(&b.centroids), &b.labels));
    assert_eq!(a.inertia * 2f64.powi(exponent), b.inertia);
}

pub fn weights_of_one_are_no_weights<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let ones = Problem { weights: Some(vec![1.0; p.x.len()]), ..p.clone() };
    p.weights = None;
    assert_same(&fit(s, p), &fit(s, &ones));
}

/// Rows of weight 0 get labels and distances, and change nothing for the others.
pub fn rows_of_weight_zero_do_not_pull<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    given(p);
    p.relocate = false;
    let zero = p.rng.below(p.x.len());
    let mut weights = p.all_weights();
    weights[zero] = 0.0;
    if weights.iter().filter(|w| **w > 0.0).count() < p.k {
        return;
    }
    let mut without = Problem { weights: Some(weights.clone()), ..p.clone() };
    p.weights = Some(weights);
    without.x.remove(zero);
    without.weights.as_mut().unwrap().remove(zero);
    let (a, b) = (fit(s, p), fit(s, &without));
    // The run may end later, for that row's label; so the same number of rounds is compared.
    if a.n_iter == b.n_iter {
        assert_eq!(array_bits(&a.centroids), array_bits(&b.centroids));
        assert_eq!(a.inertia.to_bits(), b.inertia.to_bits());
    }
}

/// What rounding a unit row and a unit centroid to f32 can change of a cosine: 2^-20, generously.
const ROUNDED_UNIT_ROW: f64 = 1e-6;
/// Relative error of distances, each of at most 70 terms rounded to f64.
const SUM_OF_ROUNDED: f64 = 1e-12;

/// Up to the rounding of centroids to f32, which the allowance bounds.
pub fn cost_never_grows<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    p.relocate = false;
    let weights = p.all_weights();
    let mut last = f64::INFINITY;
    for max_iter in 0..6 {
        p.max_iter = max_iter;
        let found = fit(s, p);
        let allowance: f64 = (0..p.x.len())
            .map(|i| {
                let half_units = |v: &f32| ((v.abs() - v.abs().next_down()).abs() as f64).powi(2);
                let centroid = found.centroids.row(found.labels[i] as usize);
                let moved =
                    if p.spherical { ROUNDED_UNIT_ROW } else { centroid.iter().map(half_units).sum() };
                weights[i] as f64 * moved
            })
            .sum();
        assert!(found.inertia <= last * (1.0 + SUM_OF_ROUNDED) + allowance, "{} after {last}", found.inertia);
        last = found.inertia;
    }
}

pub fn fixed_points_stay<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    p.max_iter = 100;
    let end = fit(s, p);
    if end.converged {
        p.start = Start::Given(rows_of(&end.centroids));
        let again = fit(s, p);
        assert_eq!((again.n_iter, again.converged, again.relocated), (1, true, 0));
        assert_eq!(array_bits(&again.centroids), array_bits(&end.centroids));
        assert_eq!((again.labels, again.inertia.to_bits()), (end.labels, end.inertia.to_bits()));
    }
}

/// max_iter = T stops a longer run after T rounds, and restarting from there goes on with it.
pub fn iterations_are_a_prefix<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    p.max_iter = 4;
    let long = fit(s, p);
    let short = fit(s, &Problem { max_iter: 2, ..p.clone() });
    assert!(short.n_iter <= 2 && short.n_iter <= long.n_iter);
    let start = Start::Given(rows_of(&short.centroids));
    let rest = fit(s, &Problem { start, max_iter: 2, ..p.clone() });
    assert_eq!(array_bits(&rest.centroids), array_bits(&long.centroids));
    assert_eq!(rest.labels, long.labels);
}

/// A run with a tolerance ends with the first round whose centroids move no farther, all squared
/// distances summed.
pub fn a_tolerance_stops_at_its_shift<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let mut rounds = Vec::new();
    for max_iter in 0..6 {
        rounds.push(fit(s, &Problem { max_iter, ..p.clone() }));
    }
    let shift = |a: &Clusters, b: &Clusters| {
        let (a, b) = (rows_of(&a.centroids), rows_of(&b.centroids));
        let squares: Vec<f64> =
            a.iter().zip(&b).map(|(a, b)| reference::truth::squared_distance(a, b)).collect();
        reference::fsum::fsum(&squares)
    };
    let shifts: Vec<f64> = rounds.windows(2).map(|w| shift(&w[0], &w[1])).collect();
    let tolerance = p.rng.pick(&shifts);
    if !tolerance.is_finite() || tolerance == 0.0 {
        return;
    }
    p.max_iter = 5;
    let found = s.kmeans(&p.config().shift_tolerance(tolerance), &p.x, p.weights.as_deref()).unwrap();
    let first = shifts.iter().position(|shift| *shift <= tolerance).unwrap_or(5);
    let end = rounds[5].n_iter.min(first + 1);
    assert_eq!((found.n_iter, found.converged), (end, true));
    assert_eq!(array_bits(&found.centroids), array_bits(&rounds[end].centroids));
    assert_eq!(found.labels, rounds[end].labels);
}

pub fn steps_and_checkpoints_equal_a_run<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let whole = fit(s, p);
    let (config, weights) = (p.config(), p.weights.as_deref());
    let x = array(&p.x);
    let rows = Rows::F32(x.view());
    let mut run = config.start_on(&s.backend, &rows, weights.map(Into::into), &s.cx).unwrap();
    loop {
        // Every state survives the way to a disk and back, into blocks of another size.
        let bytes = run.checkpoint().unwrap().to_bytes().unwrap();
        let checkpoint = Checkpoint::from_bytes(&bytes).unwrap();
        assert_eq!(checkpoint.to_bytes().unwrap(), bytes);
        let blocked = Blocked::new(rows, 3).unwrap();
        let mut resumed =
            config.resume_on(&s.backend, &blocked, weights.map(Into::into), &checkpoint, &s.cx).unwrap();
        while resumed.step(&s.cx).unwrap() {}
        assert!(resumed.is_done());
        assert_same(&resumed.finish(&s.cx).unwrap(), &whole);
        if !run.step(&s.cx).unwrap() {
            break;
        }
    }
    assert_same(&run.finish(&s.cx).unwrap(), &whole);
}

pub fn sums_are_exact<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let found = fit(s, p);
    let weights = p.all_weights();
    let distances = found.distances.to_vec();
    assert_eq!(found.inertia.to_bits(), reference::fsum::weighted_fsum(&weights, &distances).to_bits());
    assert_eq!(found.counts.iter().sum::<u64>(), p.x.len() as u64);
    for (j, &count) in found.counts.iter().enumerate() {
        assert_eq!(count, found.labels.iter().filter(|l| **l as usize == j).count() as u64);
    }
    // numpy.float32(math.fsum(column) / n), wherever the last round changed no label.
    if found.converged && !p.spherical && p.weights.is_none() {
        for j in (0..p.k).filter(|&j| found.counts[j] > 0) {
            for t in 0..p.x[0].len() {
                let column: Vec<f64> = (0..p.x.len())
                    .filter(|&i| found.labels[i] as usize == j)
                    .map(|i| p.x[i][t] as f64)
                    .collect();
                let mean = (reference::fsum::fsum(&column) / column.len() as f64) as f32;
                assert_eq!(found.centroids[[j, t]].to_bits(), mean.to_bits());
            }
        }
    }
}

pub fn copies_share_a_label<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    for _ in 0..p.x.len().min(5) {
        let row = p.x[p.rng.below(p.x.len())].clone();
        p.x.push(row);
    }
    p.weights = None;
    let found = fit(s, p);
    for i in 0..p.x.len() {
        for j in 0..i {
            if p.x[i] == p.x[j] {
                assert_eq!(found.labels[i], found.labels[j]);
                assert_eq!(found.distances[i].to_bits(), found.distances[j].to_bits());
            }
        }
    }
}

/// Of equal centroids only the first gets rows.
pub fn equal_centroids_collapse<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let mut c = given(p);
    let copies: Vec<Vec<f32>> =
        c.iter().map(|row| row.iter().map(|v| if *v == 0.0 { -*v } else { *v }).collect()).collect();
    c.extend(copies);
    let config = KMeans::new(c.len())
        .spherical(p.spherical)
        .max_iter(0)
        .empty_clusters(EmptyClusters::Keep)
        .init(Init::Given(array(&c)));
    if c.len() > p.x.len() {
        return;
    }
    let found = s.kmeans(&config, &p.x, None).unwrap();
    assert!(found.labels.iter().all(|l| (*l as usize) < p.k));
}

pub fn spherical_ignores_lengths<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    given(p);
    p.spherical = true;
    let small = |v: &f32| *v != 0.0 && (v.abs() < 1e-30 || v.abs() > 1e30);
    if p.x.iter().flatten().any(small) {
        return;
    }
    let x: Vec<Vec<f32>> =
        p.x.iter()
            .map(|row| {
                let factor = 2f32.powi(p.rng.below(20) as i32 - 10);
                row.iter().map(|v| v * factor).collect()
            })
            .collect();
    assert_same(&fit(s, p), &fit(s, &Problem { x, ..p.clone() }));
}

pub fn seeds_are_rows_and_a_prefix<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    for start in [Start::PlusPlus, Start::Random] {
        (p.start, p.max_iter) = (start, 0);
        let all = fit(s, p);
        let less = 1 + p.rng.below(p.k);
        let fewer = fit(s, &Problem { k: less, ..p.clone() });
        assert_eq!(array_bits(&fewer.centroids), array_bits(&all.centroids)[..less]);
        // Each is a row of positive weight, and no row is used twice.
        let weights = p.all_weights();
        let mut unused: Vec<usize> = (0..p.x.len()).filter(|&i| weights[i] > 0.0).collect();
        let x = row_bits(&unsigned(&p.x));
        for seed in array_bits(&all.centroids) {
            let place = unused.iter().position(|&i| x[i] == seed);
            unused.remove(place.expect("a seed is an unused row"));
        }
    }
}

pub fn random_start_ignores_values<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    (p.start, p.max_iter) = (Start::Random, 0);
    let rows = reference::seeding::random_rows(&p.x, &p.ids(), &p.all_weights(), p.k, p.metric(), p.seed, 0);
    let expected: Vec<Vec<f32>> = rows.iter().map(|&i| p.x[i].clone()).collect();
    assert_eq!(array_bits(&fit(s, p).centroids), row_bits(&unsigned(&expected)));
}

/// A source in another order, with the same ids, draws the same seeds (where no rows coincide).
pub fn randomness_follows_row_ids<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    p.x.iter_mut().enumerate().for_each(|(i, row)| *row = vec![(i * i) as f32, i as f32, 1.0]);
    (p.weights, p.max_iter) = (None, 0);
    let x = array(&p.x);
    let rows = Rows::F32(x.view());
    let order = p.rng.permutation(p.x.len());
    let moved = Subset::new(&rows, order.clone()).unwrap();
    assert!(order.iter().enumerate().all(|(i, &id)| moved.row_id(i) == id as u64));
    for start in [Start::PlusPlus, Start::Random] {
        p.start = start;
        let (a, b) = (fit(s, p), s.kmeans_of(&p.config(), &moved, None).unwrap());
        assert_eq!(array_bits(&a.centroids), array_bits(&b.centroids));
    }
}

/// Under the cosine, rows of zeros seed only where too few others can, and fill no cluster.
pub fn rows_of_zeros_do_not_seed<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    (p.spherical, p.max_iter) = (true, 0);
    for _ in 0..1 + p.rng.below(p.x.len()) {
        let i = p.rng.below(p.x.len());
        p.x[i].iter_mut().for_each(|v| *v = 0.0f32.copysign(*v));
    }
    let weights = p.all_weights();
    let zeros = |row: &[f32]| row.iter().all(|v| *v == 0.0);
    let directed = (0..p.x.len()).filter(|&i| weights[i] > 0.0 && !zeros(&p.x[i])).count();
    for start in [Start::PlusPlus, Start::Random] {
        let drawn = matches!(start, Start::PlusPlus);
        p.start = start;
        let c = fit(s, p);
        let seeds = c.centroids.rows().into_iter().filter(|c| !zeros(&c.to_vec())).count();
        if !drawn {
            assert_eq!(seeds, directed.min(p.k));
        } else if c.distinct_rows.is_none() {
            assert_eq!(seeds, p.k);
        }
        assert!(c.distinct_rows.is_none_or(|found| found as usize <= directed));
    }
}
