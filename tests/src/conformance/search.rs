//! The operations of a backend against the definitions.

use crate::agree::bits;
use crate::data::Rng;
use crate::layout::array;
use crate::problem::Problem;
use crate::subject::Subject;
use ndarray::Array2;
use pauca::backend::{
    Above, Backend, Best, Boundary, Copies, Levels, NO_ROW, Pair, Pairs, Rank, Threshold, Work,
};
use pauca::{Metric, Rows};
use pauca_reference::truth;

pub(super) fn metric(p: &Problem) -> Metric {
    if p.spherical { Metric::Cosine } else { Metric::SqEuclidean }
}

/// Rows as a block.
pub(super) fn load<'a, B: Backend>(s: &Subject<B>, x: &'a Array2<f32>, metric: Metric) -> B::Block<'a> {
    s.backend.load(Rows::F32(x.view()), metric, &s.cx).unwrap()
}

/// Rows as targets.
pub(super) fn targets<B: Backend>(
    s: &Subject<B>,
    c: &Array2<f32>,
    metric: Metric,
    copies: Copies,
) -> B::Targets<'static> {
    s.backend.targets(Rows::F32(c.view()), metric, copies, &s.cx).unwrap()
}

/// Later rows, `n` of them, as earlier ones, too.
pub(super) fn itself<'t, B: Backend>(s: &Subject<B>, block: &'t B::Block<'_>, n: usize) -> B::Targets<'t> {
    // Both say the same.
    let targets = match n % 2 {
        0 => s.backend.pack(block, Copies::Keep, &s.cx),
        _ => s.backend.pack_pairs(block, u64::MAX, Some(0.9), &s.cx),
    };
    targets.unwrap()
}

/// Labels and distances by the backend.
fn nearest<B: Backend>(
    s: &Subject<B>,
    x: &[Vec<f32>],
    c: &[Vec<f32>],
    metric: Metric,
) -> (Vec<u32>, Vec<f64>) {
    let (x, c) = (array(x), array(c));
    let block = load(s, &x, metric);
    let targets = targets(s, &c, metric, Copies::Collapse);
    let mut labels = vec![u32::MAX; x.nrows()];
    let stats = s.backend.nearest(&block, &targets, None, &mut labels, &s.cx).unwrap();
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

/// `count` rows of the problem, or near them.
pub(super) fn rows_nearby(p: &mut Problem, count: usize) -> Vec<Vec<f32>> {
    let d = p.x[0].len();
    let mut c: Vec<Vec<f32>> = (0..count).map(|_| p.x[p.rng.below(p.x.len())].clone()).collect();
    for row in &mut c {
        match p.rng.below(3) {
            0 => {}
            1 => row[p.rng.below(d)] *= 0.75,
            _ => row
                .iter_mut()
                .for_each(|v| *v = (*v * (1.0 + 0.3 * p.rng.normal() as f32)).clamp(-3e38, 3e38)),
        }
    }
    c
}

pub fn nearest_is_the_definition<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let count = 1 + p.rng.below(70);
    let c = rows_nearby(p, count);
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

/// Rows halfway between two targets, by distance or by angle, as nearly as f32 can: the rounding of
/// the row decides, far below what the fast kernels can see.
pub fn nearest_settles_midpoints<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    p.x.iter_mut().flatten().for_each(|v| *v = v.clamp(-1e30, 1e30));
    let c = p.x.clone();
    let length = |row: &[f32]| truth::dot(row, row).sqrt();
    let rows: Vec<Vec<f32>> = (0..400)
        .map(|_| {
            let (a, b) = (&c[p.rng.below(c.len())], &c[p.rng.below(c.len())]);
            // By angle: the sum of the unit rows, of any length.
            let stretch = p.rng.pick(&[1.0, 1e3, 1e-3]);
            let weigh = |row: &[f32]| if p.spherical { stretch / length(row).max(1e-300) } else { 0.5 };
            let (wa, wb) = (weigh(a), weigh(b));
            let middle = |(a, b): (&f32, &f32)| (*a as f64 * wa + *b as f64 * wb) as f32;
            a.iter().zip(b).map(middle).map(|v| nudge(v, &mut p.rng)).collect()
        })
        .collect();
    assert_nearest(s, &rows, &c, p);
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

/// The first of equal targets wins, whether the others take part or not.
pub fn nearest_is_the_same_with_copies<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let count = 1 + p.rng.below(10);
    let c = rows_nearby(p, count);
    let c = array(&[c.clone(), c].concat());
    let x = array(&p.x);
    let block = load(s, &x, metric(p));
    let [a, b] = [Copies::Collapse, Copies::Keep].map(|copies| {
        let mut labels = vec![u32::MAX; p.x.len()];
        s.backend.nearest(&block, &targets(s, &c, metric(p), copies), None, &mut labels, &s.cx).unwrap();
        labels
    });
    assert_eq!(a, b);
    assert!(a.iter().all(|label| (*label as usize) < count));
}

/// Of any target, copies of others among them.
pub fn values_are_the_definition<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let count = 1 + p.rng.below(20);
    let c = rows_nearby(p, count);
    let pair: Vec<u32> = p.x.iter().map(|_| p.rng.below(count) as u32).collect();
    let expected: Vec<f64> =
        p.x.iter().zip(&pair).map(|(x, j)| p.metric().distance(x, &c[*j as usize])).collect();
    let (x, c) = (array(&p.x), array(&c));
    let block = load(s, &x, metric(p));
    for copies in [Copies::Collapse, Copies::Keep] {
        let mut values = vec![f64::NAN; p.x.len()];
        s.backend.values(&block, &targets(s, &c, metric(p), copies), &pair, &mut values, &s.cx).unwrap();
        assert_eq!(bits(&values), bits(&expected));
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
    assert_earlier_max(s, p, &offsets);
}

fn assert_earlier_max<B: Backend>(s: &Subject<B>, p: &Problem, offsets: &[usize]) {
    let x = array(&p.x);
    let block = load(s, &x, Metric::Cosine);
    let targets = itself(s, &block, x.nrows());
    let mut best = vec![Best::NONE; p.x.len()];
    let stats =
        s.backend.earlier_max(&block, &targets, Pairs::Within(offsets), 1000, &mut best, &s.cx).unwrap();
    assert_eq!(stats.rows, p.x.len() as u64);
    assert!(best.iter().all(|b| (b.row == NO_ROW) == (b.similarity == f64::NEG_INFINITY)));
    assert_best(&best, &earlier_max_by_definition(&p.x, offsets));
}

/// The rows before the block first, then the block within itself.
pub fn earlier_max_goes_in_pieces<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let n = p.x.len();
    let cut = p.rng.below(n + 1);
    if cut == 0 || cut == n {
        return;
    }
    let (early, late) = (array(&p.x[..cut]), array(&p.x[cut..]));
    let block = load(s, &late, Metric::Cosine);
    let mut best = vec![Best::NONE; n - cut];
    for (rows, first, pairs) in [(&early, 0, Pairs::Across), (&late, cut, Pairs::Within(&[0, n - cut]))] {
        let targets = targets(s, rows, Metric::Cosine, Copies::Keep);
        s.backend.earlier_max(&block, &targets, pairs, 1000 + first as u64, &mut best, &s.cx).unwrap();
    }
    assert_best(&best, &earlier_max_by_definition(&p.x, &[0, n])[cut..]);
}

/// Rows no more similar than what is known already leave it as it is.
pub fn earlier_max_keeps_what_is_as_similar<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let x = array(&p.x);
    let block = load(s, &x, Metric::Cosine);
    let known = p.rng.pick(&[Best { similarity: 1.0, row: 7 }, Best { similarity: 2.0, row: NO_ROW }]);
    let mut best = vec![known; p.x.len()];
    let mut found = vec![Best::NONE; p.x.len()];
    let targets = targets(s, &x, Metric::Cosine, Copies::Keep);
    for first in [1000, 5000] {
        for best in [&mut best, &mut found] {
            s.backend.earlier_max(&block, &targets, Pairs::Across, first, best, &s.cx).unwrap();
        }
    }
    assert_eq!(best, vec![known; p.x.len()]);
    assert!(found.iter().all(|best| (1000..5000).contains(&best.row)));
}

pub(super) fn above(threshold: f64, boundary: Boundary, first_only: bool) -> Above<'static> {
    Above { threshold: Threshold::One(threshold), boundary, first_only }
}

/// The pairs (later, earlier, similarity) of each group that pass.
fn pairs_by_definition(
    x: &[Vec<f32>],
    offsets: &[usize],
    threshold: f64,
    boundary: Boundary,
    first_only: bool,
) -> Vec<(u32, u32, u64)> {
    let mut found = Vec::new();
    for group in offsets.windows(2) {
        for j in group[0]..group[1] {
            let similarities = (group[0]..j).map(|i| (j as u32, i as u32, truth::cosine(&x[i], &x[j])));
            let above = similarities.filter(|&(_, _, v)| match boundary {
                Boundary::Gt => v > threshold,
                Boundary::Ge => v >= threshold,
            });
            let most = if first_only { 1 } else { x.len() };
            found.extend(above.take(most).map(|(later, earlier, v)| (later, earlier, v.to_bits())));
        }
    }
    found
}

fn assert_pairs_above<B: Backend>(s: &Subject<B>, p: &mut Problem, offsets: &[usize]) {
    let n = p.x.len();
    let x = array(&p.x);
    let block = load(s, &x, Metric::Cosine);
    let targets = itself(s, &block, x.nrows());
    let exact = truth::cosine(&p.x[p.rng.below(n)], &p.x[p.rng.below(n)]);
    let threshold = p.rng.pick(&[exact, exact.next_up(), exact.next_down(), 0.9, 0.0, -1.0, 1.0]);
    for boundary in [Boundary::Gt, Boundary::Ge] {
        for first_only in [false, true] {
            let mut found: Vec<Pair> = Vec::new();
            let pairs = Pairs::Within(offsets);
            let stats = s
                .backend
                .pairs_above(
                    &block,
                    &targets,
                    pairs,
                    above(threshold, boundary, first_only),
                    &mut found,
                    &s.cx,
                )
                .unwrap();
            assert_eq!(stats.rows, n as u64);
            let found: Vec<_> = found.iter().map(|f| (f.later, f.earlier, f.similarity.to_bits())).collect();
            assert_eq!(found, pairs_by_definition(&p.x, offsets, threshold, boundary, first_only));
        }
    }
}

/// Thresholds that some pair hits exactly, in both boundary modes.
pub fn pairs_above_is_the_definition<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let offsets = cuts(p.x.len(), &mut p.rng);
    assert_pairs_above(s, p, &offsets);
}

/// What was found before stays, first.
pub fn pairs_above_appends<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let x = array(&p.x);
    let block = load(s, &x, Metric::Cosine);
    let targets = itself(s, &block, x.nrows());
    let known = Pair { later: 7, earlier: 9, similarity: 0.5 };
    let [mut alone, mut after] = [vec![], vec![known]];
    for out in [&mut alone, &mut after] {
        let above = above(0.5, Boundary::Ge, false);
        s.backend.pairs_above(&block, &targets, Pairs::Across, above, out, &s.cx).unwrap();
    }
    assert_eq!((after[0], &after[1..]), (known, &alone[..]));
}

/// A threshold for each row: one that a pair of its own hits exactly, none (NaN), or everything.
pub fn pairs_above_asks_each_row_for_its_own<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let n = p.x.len();
    let x = array(&p.x);
    let block = load(s, &x, Metric::Cosine);
    let targets = itself(s, &block, x.nrows());
    let thresholds: Vec<f64> = (0..n)
        .map(|i| {
            let exact = truth::cosine(&p.x[i], &p.x[p.rng.below(n)]);
            p.rng.pick(&[exact, exact.next_up(), f64::NAN, f64::NEG_INFINITY, f64::INFINITY, 0.9])
        })
        .collect();
    for boundary in Boundary::ALL {
        let above = Above { threshold: Threshold::Each(&thresholds), boundary, first_only: false };
        let mut found = Vec::new();
        s.backend.pairs_above(&block, &targets, Pairs::Across, above, &mut found, &s.cx).unwrap();
        let found: Vec<_> = found.iter().map(|f| (f.later, f.earlier, f.similarity.to_bits())).collect();
        let mut expected = Vec::new();
        for (i, threshold) in thresholds.iter().enumerate() {
            let similarities = p.x.iter().map(|y| truth::cosine(&p.x[i], y)).enumerate();
            let passing = similarities.filter(|(_, v)| boundary.passes(*v, *threshold));
            expected.extend(passing.map(|(j, v)| (i as u32, j as u32, v.to_bits())));
        }
        assert_eq!(found, expected);
    }
}

/// Levels that targets hit exactly, and such as lie between; rows without any.
pub fn ranks_are_the_definition<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let (n, count) = (p.x.len(), 1 + p.rng.below(40));
    let y = rows_nearby(p, count);
    let (mut offsets, mut values) = (vec![0], Vec::new());
    for i in 0..n {
        let mut levels: Vec<f64> = (0..p.rng.below(4))
            .map(|_| {
                let exact = truth::cosine(&p.x[i], &y[p.rng.below(count)]) + 0.0;
                p.rng.pick(&[exact, exact, exact.next_up(), exact.next_down(), 2.0, -2.0])
            })
            .collect();
        levels.sort_by(|a, b| b.total_cmp(a));
        levels.dedup();
        values.extend(levels);
        offsets.push(values.len());
    }
    let known = Rank { above: 3, equal: 1 };
    let mut ranks = vec![known; values.len()];
    let (x, z) = (array(&p.x), array(&y));
    let (block, targets) = (load(s, &x, Metric::Cosine), targets(s, &z, Metric::Cosine, Copies::Keep));
    let levels = Levels { offsets: &offsets, values: &values };
    let stats = s.backend.ranks(&block, &targets, levels, &mut ranks, &s.cx).unwrap();
    assert_eq!(stats.rows, n as u64);
    for i in 0..n {
        let similarities: Vec<f64> = y.iter().map(|y| truth::cosine(&p.x[i], y)).collect();
        for l in offsets[i]..offsets[i + 1] {
            let above = similarities.iter().filter(|v| **v > values[l]).count() as u64;
            let equal = similarities.iter().filter(|v| **v == values[l]).count() as u64;
            assert_eq!(ranks[l], Rank { above: known.above + above, equal: known.equal + equal });
        }
    }
    // What is no list of falling levels is refused.
    for (offsets, values) in [(&[0, 1][..], &[0.5, 0.5][..]), (&[0, 2], &[0.5, 0.5]), (&[0, 1], &[f64::NAN])]
    {
        let offsets: Vec<usize> = (0..n).map(|_| 0).chain(offsets.iter().copied()).skip(1).collect();
        let mut ranks = vec![known; values.len()];
        let levels = Levels { offsets: &offsets, values };
        assert!(s.backend.ranks(&block, &targets, levels, &mut ranks, &s.cx).is_err());
    }
}

/// What was nearest before, true, false or no target at all, changes no answer.
pub fn nearest_ignores_what_was_before<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let count = 1 + p.rng.below(20);
    let c = array(&rows_nearby(p, count));
    let x = array(&p.x);
    let (block, targets) = (load(s, &x, metric(p)), targets(s, &c, metric(p), Copies::Collapse));
    let mut expected = vec![u32::MAX; p.x.len()];
    s.backend.nearest(&block, &targets, None, &mut expected, &s.cx).unwrap();
    let wild: Vec<u32> = p.x.iter().map(|_| p.rng.pick(&[0, 1, count as u32, u32::MAX])).collect();
    for before in [&expected, &wild] {
        let mut labels = vec![u32::MAX; p.x.len()];
        s.backend.nearest(&block, &targets, Some(before), &mut labels, &s.cx).unwrap();
        assert_eq!(labels, expected);
    }
}

/// Copies of blocks, and rows picked out of blocks, are the rows.
pub fn kept_and_gathered_rows_are_the_rows<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let count = 1 + p.rng.below(20);
    let c = array(&rows_nearby(p, count));
    let x = array(&p.x);
    let targets = targets(s, &c, metric(p), Copies::Keep);
    let search = |block: &B::Block<'_>, n: usize| {
        let (mut labels, mut squares) = (vec![u32::MAX; n], vec![f64::NAN; n]);
        s.backend.nearest(block, &targets, None, &mut labels, &s.cx).unwrap();
        s.backend.squares(block, &mut squares, &s.cx).unwrap();
        (labels, bits(&squares))
    };
    let block = load(s, &x, metric(p));
    let whole = search(&block, p.x.len());
    assert_eq!(whole.1, p.x.iter().map(|x| truth::dot(x, x).to_bits()).collect::<Vec<_>>());
    if let Some(kept) = s.backend.keep(&block, 0, &s.cx).unwrap() {
        assert_eq!(search(&s.backend.kept(&kept), p.x.len()), whole);
    }
    let rows: Vec<u32> = (0..p.rng.below(9)).map(|_| p.rng.below(p.x.len()) as u32).collect();
    let gathered = s.backend.gather(&block, &rows, &s.cx).unwrap();
    assert!(gathered.is_some() || !s.backend.gathers(), "a backend that gathers answers");
    if let Some(gathered) = gathered {
        let found = search(&gathered, rows.len());
        let picked = rows.iter().map(|&i| (whole.0[i as usize], whole.1[i as usize])).unzip();
        assert_eq!(found, picked);
        assert!(s.backend.gather(&block, &[p.x.len() as u32], &s.cx).is_err());
    }
    for work in [Work::Pass, Work::Pairs, Work::ListedPairs] {
        assert!(s.backend.rows_at_once(p.x[0].len(), work) > 0);
    }
}

/// Empty groups anywhere, and every row alone or nearly so.
pub fn groups_of_none_and_of_one<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let n = p.x.len();
    let repeats: Vec<usize> = (0..=n).map(|_| p.rng.below(3)).collect();
    let mut offsets: Vec<usize> =
        (0..=n).flat_map(|end| std::iter::repeat_n(end, repeats[end])).chain([0, n]).collect();
    offsets.sort_unstable();
    assert_earlier_max(s, p, &offsets);
    assert_pairs_above(s, p, &offsets);
}
