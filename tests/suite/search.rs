//! The operations of a backend against the definitions.

use pauca::backend::{Backend, Best, Boundary, Copies, NO_ROW, Pair, Pairs};
use pauca::{Metric, Rows};
use pauca_reference::truth;
use pauca_tests::agree::bits;
use pauca_tests::data::Rng;
use pauca_tests::layout::array;
use pauca_tests::problem::Problem;
use pauca_tests::subject::Subject;

fn metric(p: &Problem) -> Metric {
    if p.spherical { Metric::Cosine } else { Metric::SqEuclidean }
}

/// Labels and distances by the backend.
fn nearest<B: Backend>(
    s: &Subject<B>,
    x: &[Vec<f32>],
    c: &[Vec<f32>],
    metric: Metric,
) -> (Vec<u32>, Vec<f64>) {
    let (x, c) = (array(x), array(c));
    let block = s.backend.load(Rows::F32(x.view()), 0, metric, &s.cx).unwrap();
    let targets = s.backend.targets(Rows::F32(c.view()), 0, metric, Copies::Collapse, &s.cx).unwrap();
    let mut labels = vec![u32::MAX; x.nrows()];
    let stats = s.backend.nearest(&block, &targets, &mut labels, &s.cx).unwrap();
    assert_eq!(stats.rows, x.nrows() as u64);
    let mut values = vec![f64::NAN; x.nrows()];
    s.backend.values(&block, &targets, &labels, &mut values, &s.cx).unwrap();
    (labels, values)
}

fn assert_nearest<B: Backend>(s: &Subject<B>, x: &[Vec<f32>], c: &[Vec<f32>], p: &Problem) {
    let (labels, values) = nearest(s, x, c, metric(p));
    for (i, row) in x.iter().enumerate() {
        let expected = p.metric().nearest(row, c);
        assert_eq!(labels[i], expected, "row {i}");
        let value = p.metric().distance(row, &c[expected as usize]);
        assert_eq!(values[i].to_bits(), value.to_bits(), "value {i}");
    }
}

pub fn nearest_is_the_definition<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let d = p.x[0].len();
    let mut c: Vec<Vec<f32>> =
        (0..1 + p.rng.below(70)).map(|_| p.x[p.rng.below(p.x.len())].clone()).collect();
    for row in &mut c {
        match p.rng.below(3) {
            0 => {}
            1 => row[p.rng.below(d)] *= 0.75,
            _ => row
                .iter_mut()
                .for_each(|v| *v = (*v * (1.0 + 0.3 * p.rng.normal() as f32)).clamp(-3e38, 3e38)),
        }
    }
    assert_nearest(s, &p.x, &c, p);
}

/// Moves `v` by a few units in the last place.
fn nudge(v: f32, rng: &mut Rng) -> f32 {
    let units = rng.below(5) as u32;
    let moved = f32::from_bits(v.to_bits().wrapping_add(units).wrapping_sub(2));
    if v != 0.0 && moved.is_finite() { moved } else { v }
}

/// Targets at x + t and x - t, or of one direction, each component of t changed in its last bits: the two distances
/// are equal, or differ in the last bits of their f64 values.
pub fn nearest_settles_near_ties<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    p.x.iter_mut().flatten().for_each(|v| *v = v.clamp(-1e30, 1e30));
    let mut c = Vec::new();
    for _ in 0..p.k.min(20) {
        let x = p.x[p.rng.below(p.x.len())].clone();
        let size = p.rng.pick(&[1e-3, 0.5, 10.0]) * x.iter().fold(1e-30f32, |m, v| m.max(v.abs()));
        let t: Vec<f32> = x.iter().map(|_| size * p.rng.normal() as f32).collect();
        for sign in [1.0f32, -1.0] {
            c.push(x.iter().zip(&t).map(|(x, t)| nudge(x + sign * t, &mut p.rng)).collect::<Vec<f32>>());
        }
        if p.spherical {
            // Nearly the same directions: only the last bits of the cosines differ, if any.
            let mut parallel =
                |factor: f32| c.push(t.iter().map(|v| nudge(v * factor, &mut p.rng)).collect());
            let _ = [1.0, 3.0, 0.1].map(&mut parallel);
        }
    }
    assert_nearest(s, &p.x, &c, p);
}

pub fn nearest_is_equivariant<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let c: Vec<Vec<f32>> = (0..p.k).map(|_| p.x[p.rng.below(p.x.len())].clone()).collect();
    let (labels, values) = nearest(s, &p.x, &c, metric(p));
    let order = p.rng.permutation(p.x.len());
    let moved: Vec<Vec<f32>> = order.iter().map(|&i| p.x[i].clone()).collect();
    let (moved_labels, moved_values) = nearest(s, &moved, &c, metric(p));
    for (to, &from) in order.iter().enumerate() {
        assert_eq!((moved_labels[to], moved_values[to].to_bits()), (labels[from], values[from].to_bits()));
    }
    // Row by row, as blocks of one.
    for (i, row) in p.x.iter().enumerate() {
        let (label, value) = nearest(s, std::slice::from_ref(row), &c, metric(p));
        assert_eq!((label[0], value[0].to_bits()), (labels[i], values[i].to_bits()));
    }
}

/// Random cuts of 0..n, first 0 and last n.
fn cuts(n: usize, rng: &mut Rng) -> Vec<usize> {
    let mut cuts: Vec<usize> = (0..rng.below(4)).map(|_| rng.below(n + 1)).chain([0, n]).collect();
    cuts.sort_unstable();
    cuts
}

fn earlier_max_by_definition(x: &[Vec<f32>], offsets: &[usize]) -> Vec<Best> {
    let mut best = vec![Best::NONE; x.len()];
    for group in offsets.windows(2) {
        for j in group[0]..group[1] {
            for i in group[0]..j {
                let similarity = truth::cosine(&x[i], &x[j]);
                if similarity > best[j].similarity {
                    best[j] = Best { similarity, row: 1000 + i as u64 };
                }
            }
        }
    }
    best
}

fn assert_best(found: &[Best], expected: &[Best]) {
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert_eq!((f.row, f.similarity.to_bits()), (e.row, e.similarity.to_bits()), "row {i}: {f:?} {e:?}");
    }
}

pub fn earlier_max_is_the_definition<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let offsets = cuts(p.x.len(), &mut p.rng);
    let x = array(&p.x);
    let rows = Rows::F32(x.view());
    let block = s.backend.load(rows, 0, Metric::Cosine, &s.cx).unwrap();
    let targets = s.backend.targets(rows, 1000, Metric::Cosine, Copies::Keep, &s.cx).unwrap();
    let mut best = vec![Best::NONE; p.x.len()];
    s.backend.earlier_max(&block, &targets, Pairs::Within(&offsets), &mut best, &s.cx).unwrap();
    assert!(best.iter().all(|b| (b.row == NO_ROW) == (b.similarity == f64::NEG_INFINITY)));
    assert_best(&best, &earlier_max_by_definition(&p.x, &offsets));
}

/// The rows before the block first, then the block within itself.
pub fn earlier_max_goes_in_pieces<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let n = p.x.len();
    let cut = p.rng.below(n + 1);
    if cut == 0 || cut == n {
        return;
    }
    let (early, late) = (array(&p.x[..cut]), array(&p.x[cut..]));
    let block = s.backend.load(Rows::F32(late.view()), 0, Metric::Cosine, &s.cx).unwrap();
    let mut best = vec![Best::NONE; n - cut];
    for (rows, first, pairs) in [(&early, 0, Pairs::Across), (&late, cut, Pairs::Within(&[0, n - cut]))] {
        let rows = Rows::F32(rows.view());
        let targets =
            s.backend.targets(rows, 1000 + first as u64, Metric::Cosine, Copies::Keep, &s.cx).unwrap();
        s.backend.earlier_max(&block, &targets, pairs, &mut best, &s.cx).unwrap();
    }
    assert_best(&best, &earlier_max_by_definition(&p.x, &[0, n])[cut..]);
}

/// Thresholds that some pair hits exactly, in both boundary modes.
pub fn pairs_above_is_the_definition<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let n = p.x.len();
    let offsets = cuts(n, &mut p.rng);
    let x = array(&p.x);
    let rows = Rows::F32(x.view());
    let block = s.backend.load(rows, 0, Metric::Cosine, &s.cx).unwrap();
    let targets = s.backend.targets(rows, 0, Metric::Cosine, Copies::Keep, &s.cx).unwrap();
    let exact = truth::cosine(&p.x[p.rng.below(n)], &p.x[p.rng.below(n)]);
    let threshold = p.rng.pick(&[exact, exact.next_up(), exact.next_down(), 0.9, 0.0, -1.0, 1.0]);
    for boundary in [Boundary::Gt, Boundary::Ge] {
        for first_only in [false, true] {
            let mut found: Vec<Pair> = Vec::new();
            let pairs = Pairs::Within(&offsets);
            s.backend
                .pairs_above(&block, &targets, pairs, threshold, boundary, first_only, &mut found, &s.cx)
                .unwrap();
            let mut expected = Vec::new();
            for group in offsets.windows(2) {
                for j in group[0]..group[1] {
                    let above =
                        (group[0]..j).map(|i| (j as u32, i as u32, truth::cosine(&p.x[i], &p.x[j]))).filter(
                            |&(_, _, v)| {
                                if boundary == Boundary::Gt { v > threshold } else { v >= threshold }
                            },
                        );
                    expected.extend(above.take(if first_only { 1 } else { n }));
                }
            }
            let pairs: Vec<_> = found.iter().map(|f| (f.later, f.earlier)).collect();
            assert_eq!(pairs, expected.iter().map(|e| (e.0, e.1)).collect::<Vec<_>>());
            let similarities: Vec<f64> = found.iter().map(|f| f.similarity).collect();
            assert_eq!(bits(&similarities), bits(expected.iter().map(|e| &e.2)));
        }
    }
}
