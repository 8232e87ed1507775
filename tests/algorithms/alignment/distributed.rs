//! InfoNCE over rows on several ranks: the single call's bits from one block, its numbers from any blocks.
//! (Bytes and errors: distributed_state.rs. Extremes and SigLIP: distributed_edges.rs.)

use ndarray::{Array2, s};
use pauca::alignment::{
    BlockStatistics, Directions, InfoNce, LossGradients, LossReduction, Matches, PairWeighting, Targets,
};
use pauca_reference::contrastive_blocks as reference;
use pauca_tests::data::Rng;

use super::blocks::{Ranks, Whole, random_ends, ranges};
use super::losses::{normal, rows, unit};
use super::{bits, serial, threads};

/// Every combination of options, with the reference's flags: directions, mean, per row.
fn all_losses() -> Vec<(InfoNce, [bool; 2], bool, bool)> {
    let mut all = Vec::new();
    for (directions, flags) in
        [(Directions::XToY, [true, false]), (Directions::YToX, [false, true]), (Directions::Both, [true; 2])]
    {
        for (reduction, mean) in [(LossReduction::Sum, false), (LossReduction::Mean, true)] {
            for (weighting, per_row) in [(PairWeighting::Pairs, false), (PairWeighting::Rows, true)] {
                let loss = InfoNce::new().directions(directions).reduction(reduction).weighting(weighting);
                all.push((loss, flags, mean, per_row));
            }
        }
    }
    all
}

/// Hard, multi-positive (as groups and as pairs) and soft targets; some rows without a positive pair.
pub fn all_targets(n: usize, m: usize, rng: &mut Rng) -> [Whole<f64>; 4] {
    let mut groups = |n: usize| (0..n).map(|_| rng.below(n / 2 + 1) as u64).collect::<Vec<u64>>();
    let mut groups = [groups(n), groups(m)];
    groups[1][0] = groups[0][0];
    let mut pairs: Vec<[u32; 2]> = (0..n as u32).map(|i| [i, (i * 7 + 1) % m as u32]).collect();
    pairs.extend((0..m as u32).step_by(3).map(|j| [0, j]).filter(|p| *p != [0, 1 % m as u32]));
    let mut soft = Array2::from_shape_simple_fn((n, m), || if rng.chance(0.1) { rng.unit() } else { 0.0 });
    soft[[0, 0]] = 1.0;
    [Whole::diagonal(n, m), Whole::Groups(groups), Whole::Pairs(pairs), Whole::Soft(soft)]
}

pub fn same_bits<T: PartialEq + core::fmt::Debug>(a: &LossGradients<T>, b: &LossGradients<T>) {
    assert_eq!(bits([a.value, a.log_scale, a.bias]), bits([b.value, b.log_scale, b.bias]));
    assert_eq!((&a.x, &a.y), (&b.x, &b.y));
}

#[test]
fn one_block_gives_the_bits_of_the_single_call() {
    let mut rng = Rng(31);
    let (n, m) = (130, 140);
    let (x, y) = (unit(normal(n, 5, 1.0, &mut rng)), unit(normal(m, 5, 1.0, &mut rng)));
    let wholes = all_targets(n, m, &mut rng);
    let cuts = wholes.each_ref().map(|whole| whole.cut(&(0..n), &(0..m)));
    let mut targets: Vec<Targets<'_, f64>> = cuts.iter().map(|cut| cut.targets()).collect();
    targets.push(Matches::Diagonal.into());
    for (loss, ..) in all_losses() {
        for targets in &targets {
            let whole = loss.gradients(x.view(), y.view(), 14.0, *targets).unwrap();
            let BlockStatistics { rows, columns } =
                loss.block_statistics(x.view(), y.view(), 14.0, *targets).unwrap();
            let totals = loss.totals(&rows, &columns).unwrap();
            assert_eq!(totals.value().unwrap().to_bits(), whole.value.to_bits());
            let single = loss.value(x.view(), y.view(), 14.0, *targets).unwrap();
            assert_eq!(single.to_bits(), whole.value.to_bits());
            let block = totals.block_gradients(x.view(), y.view(), *targets, (&rows, &columns)).unwrap();
            same_bits(&block, &whole);
        }
    }
}

#[test]
fn one_block_of_f32_gives_the_bits_of_the_single_call() {
    let mut rng = Rng(32);
    let x = unit(normal(131, 5, 1.0, &mut rng)).mapv(|v| v as f32);
    let y = unit(normal(131, 5, 1.0, &mut rng)).mapv(|v| v as f32);
    let loss = InfoNce::new();
    let whole = loss.gradients(x.view(), y.view(), 30.0, Matches::Diagonal).unwrap();
    let found = loss.block_statistics(x.view(), y.view(), 30.0, Matches::Diagonal).unwrap();
    let totals = loss.totals(&found.rows, &found.columns).unwrap();
    let both = (&found.rows, &found.columns);
    same_bits(&totals.block_gradients(x.view(), y.view(), Matches::Diagonal, both).unwrap(), &whole);
}

/// 2^-53.
pub const U: f64 = f64::EPSILON / 2.0;

/// By what factor two softmaxes of the same rows may differ, or those of the library and of the reference: the
/// documented (K + 5 R + 750) u of each for the order of additions, and 4 e for the logits, e = (d + 8) u s max|x||y|.
fn softmax_error(logits: usize, merges: usize, d: usize, largest_product: f64) -> f64 {
    2.0 * (logits + 5 * merges + 750) as f64 * U + 2.0 * 4.0 * (d + 8) as f64 * U * largest_product
}

/// What is compared, and with what tolerances: of every entry of the gradients the sum of the sizes of its terms.
struct Expected {
    whole: LossGradients<f64>,
    reference: reference::Whole,
    x: Vec<Vec<f64>>,
    y: Vec<Vec<f64>>,
    size: [Vec<Vec<f64>>; 2],
    error: f64,
}

impl Expected {
    fn new(ranks: &Ranks<'_, f64>, (loss, flags, mean, per_row): (InfoNce, [bool; 2], bool, bool)) -> Self {
        let (n, m) = (ranks.x.nrows(), ranks.y.nrows());
        let (x, y) = (rows(ranks.x.view()), rows(ranks.y.view()));
        let w = ranks.targets.weights(n, m);
        let reference = reference::whole(&x, &y, ranks.scale, &w, flags, mean, per_row);
        let absolute = |a: &[Vec<f64>]| {
            a.iter().map(|row| row.iter().map(|v| v.abs()).collect()).collect::<Vec<Vec<f64>>>()
        };
        let (ax, ay) = (absolute(&x), absolute(&y));
        let size = reference::block(&reference.size, &ax, &ay, ranks.scale, 0..n, 0..m);
        let cut = ranks.targets.cut(&(0..n), &(0..m));
        let whole = loss.gradients(ranks.x.view(), ranks.y.view(), ranks.scale, cut.targets()).unwrap();
        let norm = |a: &[Vec<f64>]| {
            a.iter().map(|row| row.iter().map(|v| v * v).sum::<f64>().sqrt()).fold(0.0, f64::max)
        };
        let merges = ranks.x_ranges.len().max(ranks.y_ranges.len()) + n.max(m).div_ceil(128);
        let product = ranks.scale * norm(&x) * norm(&y);
        // The terms of an entry are added in another order, too: n + m additions.
        let error = softmax_error(n.max(m), merges, ranks.x.ncols(), product) + 2.0 * (n + m) as f64 * U;
        Self { whole, reference, x, y, size, error }
    }

    /// Largest share of the tolerance that was used.
    fn compare(&self, found: &LossGradients<f64>) -> f64 {
        let mut worst = 0.0f64;
        let mut check = |a: f64, b: f64, tolerance: f64, what: &str| {
            assert!((a - b).abs() <= tolerance, "{what}: {a:e} is not {b:e} within {tolerance:e}");
            worst = worst.max((a - b).abs() / tolerance.max(f64::MIN_POSITIVE));
        };
        for (what, found, whole, size) in [
            ("dL/dx", &found.x, &self.whole.x, &self.size[0]),
            ("dL/dy", &found.y, &self.whole.y, &self.size[1]),
        ] {
            for ((a, b), size) in found.iter().zip(whole).zip(size.iter().flatten()) {
                check(*a, *b, self.error * size, what);
            }
        }
        // sum of size |l| bounds the terms of dL/d(ln s) by l and by the largest logit of their rows; the value is
        // sum of w (lse - l), and lse is at most the largest logit plus ln of their number.
        let most = self.reference.logits.iter().flatten().fold(0.0, |a: f64, l| a.max(l.abs()));
        let total: f64 = self.reference.size.iter().flatten().sum();
        check(found.log_scale, self.whole.log_scale, self.error * 2.0 * total * most, "dL/d(ln s)");
        let logarithm = (self.x.len().max(self.y.len()) as f64).ln();
        check(found.value, self.whole.value, self.error * total * (2.0 * most + logarithm), "value");
        worst
    }
}

#[test]
fn blocks_of_any_split_equal_the_single_call_and_the_reference() {
    let mut rng = Rng(33);
    let mut worst = 0.0f64;
    // Ranges inside a tile, of one row, across several tiles; square and not.
    let splits: [(usize, usize, Vec<usize>, Vec<usize>); 5] = [
        (7, 9, vec![7], vec![9]),
        (9, 9, vec![1, 5, 9], vec![2, 8, 9]),
        (140, 150, vec![1, 130, 140], vec![70, 71, 150]),
        (40, 46, random_ends(40, 8, &mut rng), random_ends(46, 8, &mut rng)),
        (300, 270, vec![129, 130, 300], vec![270]),
    ];
    for (n, m, x_ends, y_ends) in splits {
        let (x, y) = (unit(normal(n, 4, 1.0, &mut rng)), unit(normal(m, 4, 1.0, &mut rng)));
        for targets in &all_targets(n, m, &mut rng) {
            let (x_ranges, y_ranges) = (ranges(&x_ends), ranges(&y_ends));
            let ranks = Ranks { x: &x, y: &y, scale: 12.0, targets, x_ranges, y_ranges };
            for options in all_losses() {
                let expected = Expected::new(&ranks, options);
                let complete = ranks.complete(&options.0, &mut rng).unwrap();
                let found = ranks
                    .gradients(&complete, &mut rng, |r, c, found| {
                        // Each block by itself: errors of two blocks must not cancel.
                        let (g, s) = (&expected.reference.g, ranks.scale);
                        let parts = reference::block(g, &expected.x, &expected.y, s, r.clone(), c.clone());
                        for (found, (part, (size, start))) in [&found.x, &found.y]
                            .into_iter()
                            .zip(parts.iter().zip(expected.size.iter().zip([r.start, c.start])))
                        {
                            for ((i, k), a) in found.indexed_iter() {
                                let tolerance = expected.error * size[start + i][k];
                                assert!((a - part[i][k]).abs() <= tolerance, "{a:e} {:e}", part[i][k]);
                            }
                        }
                    })
                    .unwrap();
                worst = worst.max(expected.compare(&found));
            }
        }
    }
    println!("InfoNCE over blocks: at most {worst:.1e} of the tolerance");
}

#[test]
fn statistics_of_blocks_are_those_of_the_reference() {
    let mut rng = Rng(34);
    let (n, m) = (70, 150);
    let (x, y) = (unit(normal(n, 4, 1.0, &mut rng)), unit(normal(m, 4, 1.0, &mut rng)));
    let targets = &all_targets(n, m, &mut rng)[3];
    let w = targets.weights(n, m);
    let whole = reference::whole(&rows(x.view()), &rows(y.view()), 9.0, &w, [true; 2], true, false);
    let (x_ranges, y_ranges) = (ranges(&[3, 70]), ranges(&[1, 140, 150]));
    let ranks = Ranks { x: &x, y: &y, scale: 9.0, targets, x_ranges, y_ranges };
    let complete = ranks.complete(&InfoNce::new(), &mut rng).unwrap();
    let error = softmax_error(m, 5, 4, 9.0);
    let of_x = complete.rows.iter().flat_map(|rows| rows.as_slice()).enumerate().map(|(i, row)| {
        let column = reference::statistics(&whole.logits[i], &w[i]);
        (row, column)
    });
    let of_y = complete.columns.iter().flat_map(|rows| rows.as_slice()).enumerate().map(|(j, row)| {
        let column = |a: &[Vec<f64>]| a.iter().map(|line| line[j]).collect::<Vec<f64>>();
        (row, reference::statistics(&column(&whole.logits), &column(&w)))
    });
    let mut losses = 0.0;
    for (row, [max, rest, dot, weight]) in of_x.chain(of_y) {
        // |l| is at most 9.
        assert!((row.lse.max - max).abs() <= 9.0 * error, "{} {max}", row.lse.max);
        assert!((row.lse.rest - rest).abs() <= error * (1.0 + rest), "{} {rest}", row.lse.rest);
        assert!(
            (row.dot - dot).abs() <= error * 9.0 * weight && (row.weight - weight).abs() <= error * weight
        );
        let loss = weight * (max + rest.ln_1p()) - dot;
        assert!((row.loss() - loss).abs() <= error * (loss + 18.0 * weight), "{} {loss}", row.loss());
        losses += row.loss() / 2.0;
    }
    let weight: f64 = w.iter().flatten().sum();
    let value = complete.totals.value().unwrap();
    assert!((value - losses / weight).abs() <= error * (value + 18.0), "{value} {losses} {weight}");
    assert!(complete.rows.iter().all(|rows| rows.seen() == m as u64));
    assert!(complete.columns.iter().all(|rows| rows.seen() == n as u64));
}

#[test]
fn totals_merge_to_the_same_bits_in_any_order_and_grouping() {
    let mut rng = Rng(35);
    let (x, y) = (normal(60, 3, 1.0, &mut rng), normal(60, 3, 1.0, &mut rng));
    let loss = InfoNce::new().weighting(PairWeighting::Rows);
    let ends = [1, 17, 18, 40, 60];
    // The rows of x of each range against all of y, and of y against all of x: complete at once.
    let part = |range: &core::ops::Range<usize>| {
        let all: Vec<u64> = (0..60).collect();
        let (ids, here) = (&all[range.clone()], range.clone());
        let rows = loss
            .block_statistics(
                x.slice(s![here.clone(), ..]),
                y.view(),
                3.0,
                Matches::Groups { x: ids, y: &all },
            )
            .unwrap()
            .rows;
        let columns = loss
            .block_statistics(x.view(), y.slice(s![here, ..]), 3.0, Matches::Groups { x: &all, y: ids })
            .unwrap()
            .columns;
        loss.totals(&rows, &columns).unwrap()
    };
    let parts: Vec<_> = ranges(&ends).iter().map(part).collect();
    let whole = part(&(0..60));
    for _ in 0..20 {
        let order = rng.permutation(parts.len());
        let mut left = parts[order[0]].clone();
        let mut right = parts[order[4]].clone();
        order[1..3].iter().for_each(|k| left.merge(&parts[*k]).unwrap());
        right.merge(&parts[order[3]]).unwrap();
        left.merge(&right).unwrap();
        assert_eq!(left, whole);
        assert_eq!(left.value().unwrap().to_bits(), whole.value().unwrap().to_bits());
        assert_eq!(left.to_bytes().unwrap(), whole.to_bytes().unwrap());
    }
}

#[test]
fn blocks_are_the_same_for_any_threads() {
    let mut rng = Rng(36);
    let (x, y) = (unit(normal(2200, 5, 1.0, &mut rng)), unit(normal(300, 5, 1.0, &mut rng)));
    let groups: Vec<u64> = (0..2200).map(|i| i % 1000).collect();
    let targets = Matches::Groups { x: &groups, y: &groups[..300] };
    let loss = InfoNce::new();
    let run = |cx: &pauca::Context| {
        let found = loss.block_statistics_in(x.view(), y.view(), 20.0, targets, cx).unwrap();
        let totals = loss.totals(&found.rows, &found.columns).unwrap();
        let both = (&found.rows, &found.columns);
        let gradients = totals.block_gradients_in(x.view(), y.view(), targets, both, cx).unwrap();
        (found.rows.to_bytes().unwrap(), found.columns.to_bytes().unwrap(), gradients)
    };
    let alone = run(&serial());
    for n in [1, 8] {
        let found = run(&threads(n));
        assert!(found.0 == alone.0 && found.1 == alone.1);
        same_bits(&found.2, &alone.2);
    }
}

/// Each block rounds to f32 once: the sums are right to half a unit of f32 for every block of the row.
#[test]
fn blocks_of_f32_equal_those_of_the_same_numbers_in_f64() {
    const HALF_ULP: f64 = f32::EPSILON as f64 / 2.0;
    let mut rng = Rng(37);
    let x = unit(normal(40, 4, 1.0, &mut rng)).mapv(|v| v as f32);
    let y = unit(normal(40, 4, 1.0, &mut rng)).mapv(|v| v as f32);
    let (wx, wy) = (x.mapv(f64::from), y.mapv(f64::from));
    let ends = [1, 11, 40];
    let (narrow, wide) = (Whole::<f32>::diagonal(40, 40), Whole::<f64>::diagonal(40, 40));
    let (x_ranges, y_ranges) = (ranges(&ends), ranges(&ends));
    let narrow = Ranks { x: &x, y: &y, scale: 20.0, targets: &narrow, x_ranges, y_ranges };
    let (x_ranges, y_ranges) = (ranges(&ends), ranges(&ends));
    let wide = Ranks { x: &wx, y: &wy, scale: 20.0, targets: &wide, x_ranges, y_ranges };
    let expected = Expected::new(&wide, (InfoNce::new(), [true; 2], true, false));
    let complete = narrow.complete(&InfoNce::new(), &mut rng).unwrap();
    let found = narrow.gradients(&complete, &mut rng, |_, _, _| ()).unwrap();
    for (side, found, whole) in [(0, &found.x, &expected.whole.x), (1, &found.y, &expected.whole.y)] {
        for ((a, b), size) in found.iter().zip(whole).zip(expected.size[side].iter().flatten()) {
            assert!((a - b).abs() <= (HALF_ULP + expected.error) * size, "{a:e} {b:e}");
        }
    }
    assert!((found.value - expected.whole.value).abs() <= expected.error * (found.value + 40.0));
}
