//! Losses over ranks: blocks without pairs, single rows, extremes, differences; SigLIP.

use ndarray::{Array2, Axis, array, concatenate, s};
use pauca::Error;
use pauca::alignment::{Directions, InfoNce, LossGradients, LossReduction, Matches, PairWeighting, SigLip};
use pauca_tests::data::Rng;

use super::blocks::{Ranks, Whole, add, ranges};
use super::distributed::{U, all_targets, same_bits};
use super::losses::{normal, unit};

/// Five pairs on two ranks.
pub fn small() -> (Array2<f64>, Array2<f64>, Whole<f64>) {
    let mut rng = Rng(41);
    (normal(5, 3, 1.0, &mut rng), normal(5, 3, 1.0, &mut rng), Whole::diagonal(5, 5))
}

#[test]
fn blocks_without_a_positive_pair_are_as_good_as_any() {
    let (x, y, targets) = small();
    let (a, b) = (x.slice(s![..2, ..]), y.slice(s![2.., ..]));
    let none = targets.cut(&(0..2), &(2..5));
    for &directions in Directions::ALL {
        let loss = InfoNce::new().directions(directions);
        let alone = loss.gradients(a, b, 2.0, none.targets());
        assert!(matches!(alone, Err(Error::Empty { what: "positive pairs" })), "the whole must have one");
        let found = loss.block_statistics(a, b, 2.0, none.targets()).unwrap();
        let totals = loss.totals(&found.rows, &found.columns).unwrap();
        assert!(matches!(totals.value(), Err(Error::Empty { what: "positive pairs" })));
        let found = totals.block_gradients(a, b, none.targets(), (&found.rows, &found.columns));
        assert!(matches!(found, Err(Error::Empty { what: "positive pairs" })));
    }
    // One pair in the whole, and all but one block without.
    let one = Whole::Pairs(vec![[3, 1]]);
    let ends: Vec<usize> = (1..=5).collect();
    let (x_ranges, y_ranges) = (ranges(&ends), ranges(&ends));
    let ranks = Ranks { x: &x, y: &y, scale: 2.0, targets: &one, x_ranges, y_ranges };
    let loss = InfoNce::new().reduction(LossReduction::Sum);
    let complete = ranks.complete(&loss, &mut Rng(2)).unwrap();
    let found = ranks.gradients(&complete, &mut Rng(3), |_, _, _| ()).unwrap();
    let whole = loss.gradients(x.view(), y.view(), 2.0, Matches::Pairs(&[[3, 1]])).unwrap();
    close(&found, &whole);
    let sig = SigLip::new().mean_over(5);
    let zeros = Array2::<f64>::zeros((2, 3));
    let found = sig.gradients(a, b, 2.0, -1.0, none.targets()).unwrap();
    assert_eq!(found, sig.gradients(a, b, 2.0, -1.0, zeros.view()).unwrap());
    assert!(found.value > 0.0 && found.bias > 0.0);
    let found = SigLip::new().mean_over(0).value(a, b, 2.0, -1.0, none.targets());
    assert!(matches!(found, Err(Error::InvalidParameter { name: "rows of the mean", value: 0.0, .. })));
}

/// Sums of a few terms of these small problems in another order, relative to the largest entry.
const ORDER: f64 = 1e-13;

fn close(found: &LossGradients<f64>, whole: &LossGradients<f64>) {
    let check = |a: f64, b: f64, size: f64| assert!((a - b).abs() <= ORDER * size, "{a:e} {b:e} {size:e}");
    check(found.value, whole.value, whole.value);
    for (a, b) in [(&found.x, &whole.x), (&found.y, &whole.y)] {
        let size = b.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        a.iter().zip(b).for_each(|(a, b)| check(*a, *b, size));
    }
    check(found.log_scale, whole.log_scale, whole.log_scale.abs().max(whole.value));
}

#[test]
fn one_pair_on_one_rank_and_one_row_on_each_of_three() {
    let one = array![[0.3f64, -1e6]];
    let loss = InfoNce::new();
    let found = loss.block_statistics(one.view(), one.view(), 1e4, Matches::Diagonal).unwrap();
    let totals = loss.totals(&found.rows, &found.columns).unwrap();
    let both = (&found.rows, &found.columns);
    let found = totals.block_gradients(one.view(), one.view(), Matches::Diagonal, both).unwrap();
    assert_eq!((totals.value().unwrap(), found.value, found.log_scale), (0.0, 0.0, 0.0));
    assert!(found.x.iter().chain(&found.y).all(|g| *g == 0.0));
    let (x, y, _) = small();
    let (x, y) = (x.slice(s![..3, ..]).to_owned(), y.slice(s![..3, ..]).to_owned());
    let targets = Whole::diagonal(3, 3);
    let (x_ranges, y_ranges) = (ranges(&[1, 2, 3]), ranges(&[1, 2, 3]));
    let ranks = Ranks { x: &x, y: &y, scale: 2.0, targets: &targets, x_ranges, y_ranges };
    let complete = ranks.complete(&loss, &mut Rng(4)).unwrap();
    let found = ranks.gradients(&complete, &mut Rng(5), |_, _, _| ()).unwrap();
    close(&found, &loss.gradients(x.view(), y.view(), 2.0, Matches::Diagonal).unwrap());
}

#[test]
fn blocks_at_extreme_scales_equal_the_single_call() {
    let axes = array![[1.0f64, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]];
    let wrong = Whole::Pairs(vec![[0, 2], [1, 1], [2, 0], [3, 3]]);
    for targets in [Whole::diagonal(4, 4), wrong] {
        for scale in [1e-320, 1e-300, 1e-6, 1e4, 1e8, 1e300, 1e307] {
            let (x_ranges, y_ranges) = (ranges(&[1, 4]), ranges(&[2, 3, 4]));
            let ranks = Ranks { x: &axes, y: &axes, scale, targets: &targets, x_ranges, y_ranges };
            for loss in [InfoNce::new(), InfoNce::survey()] {
                let complete = ranks.complete(&loss, &mut Rng(6)).unwrap();
                let found = ranks.gradients(&complete, &mut Rng(7), |_, _, _| ()).unwrap();
                let cut = targets.cut(&(0..4), &(0..4));
                let whole = loss.gradients(axes.view(), axes.view(), scale, cut.targets()).unwrap();
                assert!(found.value.is_finite() && found.log_scale.is_finite());
                close(&found, &whole);
            }
        }
    }
    // Logits of 1e4 that differ by little, beside some of -1e4.
    let mut rng = Rng(42);
    let near = unit(concatenate![Axis(1), Array2::ones((12, 1)), normal(12, 3, 1e-4, &mut rng)]);
    let far = -&near.slice(s![..4, ..]);
    let y = concatenate![Axis(0), near, far];
    let targets = Whole::diagonal(12, 16);
    let (x_ranges, y_ranges) = (ranges(&[5, 12]), ranges(&[1, 9, 16]));
    let ranks = Ranks { x: &near, y: &y, scale: 1e4, targets: &targets, x_ranges, y_ranges };
    let complete = ranks.complete(&InfoNce::new(), &mut rng).unwrap();
    let found = ranks.gradients(&complete, &mut rng, |_, _, _| ()).unwrap();
    let whole = InfoNce::new().gradients(near.view(), y.view(), 1e4, Matches::Diagonal).unwrap();
    // Columns 12 to 15 have no pair and count nothing; the losses are of size 1, of logits right to 1e-12.
    assert!((found.value - whole.value).abs() < 1e4 * ORDER, "{} {}", found.value, whole.value);
    assert!(found.value > 0.1 && found.log_scale.is_finite());
}

/// What no number holds is an error, in the single call as in blocks.
#[test]
fn sums_that_overflow_are_errors() {
    let axes = array![[1.0f64], [-1.0]];
    // The pairs at the largest logits, all others further below than any number: p = 0, and nothing is lost.
    let found = InfoNce::new().gradients(axes.view(), axes.view(), 1.7e308, Matches::Diagonal).unwrap();
    assert_eq!((found.value, found.log_scale), (0.0, 0.0));
    // The loss itself is 3.4e308.
    let wrong = Matches::Pairs(&[[0, 1], [1, 0]]);
    let found = InfoNce::new().gradients(axes.view(), axes.view(), 1.7e308, wrong);
    assert!(matches!(found, Err(Error::NonFinite { row: 0, .. })), "{found:?}");
    let found = SigLip::new().value(axes.view(), axes.view(), 1.7e308, -1e308, wrong);
    assert!(matches!(found, Err(Error::NonFinite { what: "loss", .. })), "{found:?}");
    // Weights times logits, and weights.
    let mut soft = array![[0.0f64, 0.0], [0.0, 1e308]];
    let loss = InfoNce::new();
    let found = loss.gradients(axes.view(), axes.view(), 10.0, soft.view());
    assert!(matches!(found, Err(Error::NonFinite { row: 1, .. })), "{found:?}");
    let found = loss.block_statistics(axes.view(), axes.view(), 10.0, soft.view());
    assert!(matches!(found, Err(Error::NonFinite { row: 1, .. })), "{found:?}");
    let found = loss.block_statistics(axes.view(), axes.view(), 0.5, soft.view()).unwrap();
    let mut merged = found.rows.clone();
    let before = merged.clone();
    let refused = merged.merge(&found.rows);
    assert!(matches!(refused, Err(Error::NonFinite { row: 1, .. })), "{refused:?}");
    assert_eq!(merged, before);
    // A weight whose inverse overflows.
    soft = array![[1e-310, 0.0], [0.0, 1.0]];
    let found = loss.weighting(PairWeighting::Rows).value(axes.view(), axes.view(), 0.5, soft.view());
    assert!(matches!(found, Err(Error::NonFinite { row: 0, .. })), "{found:?}");
}

#[test]
fn gradients_from_blocks_equal_central_differences_of_the_value_from_blocks() {
    /// (1e-3)^4 of truncation and eps / 1e-3 of rounding, relative to the largest entry.
    const DIFFERENCES: f64 = 1e-9;
    let mut rng = Rng(43);
    let (x, y) = (unit(normal(6, 3, 1.0, &mut rng)), unit(normal(7, 3, 1.0, &mut rng)));
    let targets = Whole::Groups([vec![1, 2, 3, 1, 5, 6], vec![3, 1, 9, 2, 6, 6, 1]]);
    for loss in [InfoNce::new().weighting(PairWeighting::Rows), InfoNce::new().reduction(LossReduction::Sum)]
    {
        let of = |x: &Array2<f64>, y: &Array2<f64>, scale: f64| {
            let (x_ranges, y_ranges) = (ranges(&[1, 4, 6]), ranges(&[3, 7]));
            let ranks = Ranks { x, y, scale, targets: &targets, x_ranges, y_ranges };
            let complete = ranks.complete(&loss, &mut Rng(8)).unwrap();
            ranks.gradients(&complete, &mut Rng(9), |_, _, _| ()).unwrap()
        };
        let found = of(&x, &y, 5.0);
        let difference = |f: &dyn Fn(f64) -> f64| {
            let central = |h: f64| (f(h) - f(-h)) / (2.0 * h);
            (4.0 * central(1e-3) - central(2e-3)) / 3.0
        };
        let size = found.x.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let moved = |a: &Array2<f64>, index: (usize, usize), h: f64| {
            let mut a = a.clone();
            a[index] += h;
            a
        };
        for (index, g) in found.x.indexed_iter() {
            let by = difference(&|h| of(&moved(&x, index, h), &y, 5.0).value);
            assert!((by - g).abs() < DIFFERENCES * size.max(1.0), "{by:e} {g:e}");
        }
        for (index, g) in found.y.indexed_iter() {
            let by = difference(&|h| of(&x, &moved(&y, index, h), 5.0).value);
            assert!((by - g).abs() < DIFFERENCES * size.max(1.0), "{by:e} {g:e}");
        }
        let by = difference(&|h| of(&x, &y, 5.0 * h.exp()).value);
        assert!((by - found.log_scale).abs() < DIFFERENCES * size.max(1.0), "{by:e}");
    }
}

/// SigLIP is a sum over blocks: of the parts, with the divisor of the whole.
#[test]
fn siglip_blocks_add_up() {
    let mut rng = Rng(38);
    let (n, m) = (140, 150);
    let (x, y) = (unit(normal(n, 4, 1.0, &mut rng)), unit(normal(m, 4, 1.0, &mut rng)));
    for targets in &all_targets(n, m, &mut rng) {
        let cut = targets.cut(&(0..n), &(0..m));
        for (whole, blocks) in [
            (SigLip::new(), SigLip::new().mean_over(n as u64)),
            (SigLip::new().reduction(LossReduction::Sum), SigLip::new().reduction(LossReduction::Sum)),
        ] {
            let whole = whole.gradients(x.view(), y.view(), 10.0, -3.0, cut.targets()).unwrap();
            let one = blocks.gradients(x.view(), y.view(), 10.0, -3.0, cut.targets()).unwrap();
            same_bits(&one, &whole);
            let (dx, dy) = (Array2::zeros(x.dim()), Array2::zeros(y.dim()));
            let mut sum = LossGradients { value: 0.0, x: dx, y: dy, log_scale: 0.0, bias: 0.0 };
            for r in ranges(&[1, 100, 140]) {
                for c in ranges(&[129, 150]) {
                    let cut = targets.cut(&r, &c);
                    let (x, y) = (x.slice(s![r.clone(), ..]), y.slice(s![c.clone(), ..]));
                    let found = blocks.gradients(x, y, 10.0, -3.0, cut.targets()).unwrap();
                    let value = blocks.value(x, y, 10.0, -3.0, cut.targets()).unwrap();
                    assert_eq!(found.value.to_bits(), value.to_bits());
                    sum.value += found.value;
                    add(&mut sum, &r, &c, &found);
                }
            }
            // softplus is at least sigma, so the terms of the bias add up to at most the value; those of ln s
            // and of the entries of x and y are at most 10 times as large.
            let order = (n * m) as f64 * U * whole.value;
            assert!((sum.value - whole.value).abs() <= order, "{} {}", sum.value, whole.value);
            assert!((sum.bias - whole.bias).abs() <= order);
            assert!((sum.log_scale - whole.log_scale).abs() <= 10.0 * order);
            for (a, b) in sum.x.iter().chain(&sum.y).zip(whole.x.iter().chain(&whole.y)) {
                assert!((a - b).abs() <= 10.0 * order, "{a:e} {b:e}");
            }
        }
    }
}

/// Off-diagonal blocks of SigLIP have no positive pair; the sum of all is the single call.
#[test]
fn siglip_over_a_ring_of_single_rows() {
    let (x, y, targets) = small();
    let sig = SigLip::new().mean_over(5);
    let whole = SigLip::new().gradients(x.view(), y.view(), 2.0, -1.0, Matches::Diagonal).unwrap();
    let mut sum = LossGradients {
        value: 0.0,
        x: Array2::zeros((5, 3)),
        y: Array2::zeros((5, 3)),
        log_scale: 0.0,
        bias: 0.0,
    };
    for i in 0..5 {
        for j in 0..5 {
            let (r, c) = (i..i + 1, j..j + 1);
            let cut = targets.cut(&r, &c);
            let (x, y) = (x.slice(s![r.clone(), ..]), y.slice(s![c.clone(), ..]));
            let found = sig.gradients(x, y, 2.0, -1.0, cut.targets()).unwrap();
            sum.value += found.value;
            add(&mut sum, &r, &c, &found);
        }
    }
    close(&sum, &whole);
    assert!((sum.bias - whole.bias).abs() <= ORDER);
}
