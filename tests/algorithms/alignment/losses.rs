//! InfoNCE and SigLIP: known values, the reference, invariants. (Gradients against differences: gradients.rs.)

use ndarray::{Array2, ArrayView2, Axis, concatenate, s};
use pauca::alignment::{
    Directions, InfoNce, LogSumExp, LossGradients, LossReduction, Matches, PairWeighting, SigLip, Targets,
};
use pauca_reference::contrastive as reference;
use pauca_tests::data::Rng;
use proptest::prelude::*;

use super::{bits, serial, threads};

pub fn normal(n: usize, d: usize, size: f64, rng: &mut Rng) -> Array2<f64> {
    Array2::from_shape_simple_fn((n, d), || size * rng.normal())
}

pub fn unit(mut x: Array2<f64>) -> Array2<f64> {
    x.outer_iter_mut().for_each(|mut row| {
        let norm = row.dot(&row).sqrt();
        row /= norm;
    });
    x
}

pub fn rows(x: ArrayView2<'_, f64>) -> Vec<Vec<f64>> {
    x.outer_iter().map(|row| row.to_vec()).collect()
}

/// ln 4 in two roundings: log1p(3), and the mean of four equal numbers.
const TWO_ULP: f64 = 2.0 * 2.0 * f64::EPSILON / 2.0;

/// Torture 60.
#[test]
fn info_nce_known_values() {
    let same = Array2::from_elem((4, 3), 0.7f64);
    for &directions in Directions::ALL {
        let loss = InfoNce::new().directions(directions);
        let found = loss.value(same.view(), same.view(), 10.0, Matches::Diagonal).unwrap();
        assert!((found - 1.3862943611198906).abs() <= TWO_ULP, "{found:e}");
        let eye = Array2::<f64>::eye(2);
        let found = loss.value(eye.view(), eye.view(), 1.0 / 0.07, Matches::Diagonal).unwrap();
        let expected = 6.248747557120388e-7;
        // Four ulp.
        assert!((found - expected).abs() <= 4.0 * f64::EPSILON * expected, "{found:e}");
    }
}

/// B = 1: nothing to tell apart.
#[test]
fn info_nce_of_one_pair_is_zero() {
    for &directions in Directions::ALL {
        for &reduction in LossReduction::ALL {
            let loss = InfoNce::new().directions(directions).reduction(reduction);
            for (x, y) in [(1.0, 1.0), (1e6, -1e6), (0.0, 3.0)] {
                let (x, y) = (Array2::from_elem((1, 2), x), Array2::from_elem((1, 2), y));
                let found = loss.gradients(x.view(), y.view(), 1e4, Matches::Diagonal).unwrap();
                assert_eq!((found.value, found.log_scale), (0.0, 0.0));
                assert!(found.x.iter().chain(&found.y).all(|g| *g == 0.0));
            }
        }
    }
}

#[test]
fn siglip_known_values() {
    let zero = Array2::<f64>::zeros((1, 2));
    let found = SigLip::new().gradients(zero.view(), zero.view(), 1.0, 0.0, Matches::Diagonal).unwrap();
    assert_eq!((found.value, found.bias, found.log_scale), (core::f64::consts::LN_2, -0.5, 0.0));
    /// exp of an exact number, and the system's: a few units.
    const UNITS: f64 = 5.0 * f64::EPSILON;
    // A certain pair costs exp(-l), not 0 and not noise: softplus(-50).
    let one = Array2::<f64>::ones((1, 1));
    let found = SigLip::new().gradients(one.view(), one.view(), 50.0, 0.0, Matches::Diagonal).unwrap();
    assert!((found.value / (-50f64).exp() - 1.0).abs() < UNITS, "{:e}", found.value);
    assert!((found.bias / -(-50f64).exp() - 1.0).abs() < UNITS);
}

#[test]
fn logits_of_1e4_and_more_are_finite_and_right() {
    let x = ndarray::array![[1.0f64, 0.0], [0.0, 1.0], [-1.0, 0.0]];
    for scale in [1e4, 1e8, 1e300] {
        let found = InfoNce::new().gradients(x.view(), x.view(), scale, Matches::Diagonal).unwrap();
        assert_eq!(found.value, 0.0, "separated beyond measure");
        // Row 0 called row 2: as wrong as can be. Columns and rows lose 2 s.
        let wrong = Matches::Pairs(&[[0, 2], [1, 1], [2, 0]]);
        let found = InfoNce::new().gradients(x.view(), x.view(), scale, wrong).unwrap();
        assert_eq!(found.value, (2.0 * scale + 2.0 * scale) / 3.0);
        assert!(found.x.iter().all(|g| g.is_finite()));
        let found = SigLip::new().gradients(x.view(), x.view(), scale, -scale, wrong).unwrap();
        assert!(found.value.is_finite() && found.bias.is_finite());
        assert!(found.x.iter().chain(&found.y).all(|g| g.is_finite()));
    }
}

/// Sizes around the tile's 128, several tiles, sides of different length.
#[test]
fn losses_equal_the_reference_around_the_borders_of_tiles() {
    /// Sums of up to 300 terms in another order, logits right to about 1e-14.
    const ORDER: f64 = 1e-12;
    let mut rng = Rng(1);
    for (n, m) in [(1, 1), (2, 300), (127, 127), (128, 128), (129, 129), (257, 130), (130, 257)] {
        let (x, y) = (unit(normal(n, 6, 1.0, &mut rng)), unit(normal(m, 6, 1.0, &mut rng)));
        let t: Vec<Vec<f64>> = (0..n)
            .map(|_| {
                (0..m)
                    .map(|_| if rng.chance(0.02) { rng.unit() } else { f64::from(rng.chance(0.01)) })
                    .collect()
            })
            .collect();
        let mut t = t;
        (0..n.min(m)).for_each(|i| t[i][i] = 1.0);
        let soft = super::array(&t);
        for (directions, flags) in [
            (Directions::XToY, [true, false]),
            (Directions::YToX, [false, true]),
            (Directions::Both, [true; 2]),
        ] {
            for (reduction, mean) in [(LossReduction::Sum, false), (LossReduction::Mean, true)] {
                for (weighting, per_row) in [(PairWeighting::Pairs, false), (PairWeighting::Rows, true)] {
                    let loss =
                        InfoNce::new().directions(directions).reduction(reduction).weighting(weighting);
                    let found = loss.gradients(x.view(), y.view(), 7.0, soft.view()).unwrap();
                    let expected =
                        reference::info_nce(&rows(x.view()), &rows(y.view()), 7.0, &t, flags, mean, per_row);
                    assert_close(&found, &expected, ORDER);
                    assert_eq!(loss.value(x.view(), y.view(), 7.0, soft.view()).unwrap(), found.value);
                }
            }
        }
        for (reduction, mean) in [(LossReduction::Sum, false), (LossReduction::Mean, true)] {
            let loss = SigLip::new().reduction(reduction);
            let found = loss.gradients(x.view(), y.view(), 7.0, -2.0, soft.view()).unwrap();
            assert_close(
                &found,
                &reference::siglip(&rows(x.view()), &rows(y.view()), 7.0, -2.0, &t, mean),
                ORDER,
            );
            assert_eq!(loss.value(x.view(), y.view(), 7.0, -2.0, soft.view()).unwrap(), found.value);
        }
    }
}

/// In the place of a largest entry of 0.
const TINY: f64 = 1e-300;

/// Relative to the largest entry.
pub fn assert_close(found: &LossGradients<f64>, expected: &reference::Gradients, tolerance: f64) {
    let close = |a: f64, b: f64, size: f64| {
        assert!((a - b).abs() <= tolerance * size.max(TINY), "{a:e} is not {b:e} (size {size:e})");
    };
    close(found.value, expected.value, expected.value);
    let mut most = 0.0f64;
    for (found, expected) in [(&found.x, &expected.x), (&found.y, &expected.y)] {
        let size = expected.iter().flatten().fold(0.0, |a: f64, b| a.max(b.abs()));
        found.iter().zip(expected.iter().flatten()).for_each(|(a, b)| close(*a, *b, size));
        most = most.max(size * found.nrows() as f64);
    }
    close(found.log_scale, expected.log_scale, most.max(expected.log_scale.abs()));
    close(found.bias, expected.bias, most.max(expected.bias.abs()));
}

fn same<T: PartialEq + core::fmt::Debug>(a: &LossGradients<T>, b: &LossGradients<T>) {
    assert_eq!(bits([a.value, a.log_scale, a.bias]), bits([b.value, b.log_scale, b.bias]));
    assert_eq!((&a.x, &a.y), (&b.x, &b.y));
}

#[test]
fn losses_are_the_same_for_any_threads_and_layout() {
    let mut rng = Rng(2);
    let (x, y) = (unit(normal(2200, 5, 1.0, &mut rng)), unit(normal(2200, 5, 1.0, &mut rng)));
    let info = InfoNce::new().gradients_in(x.view(), y.view(), 20.0, Matches::Diagonal, &serial()).unwrap();
    let sig =
        SigLip::new().gradients_in(x.view(), y.view(), 20.0, -5.0, Matches::Diagonal, &serial()).unwrap();
    for n in [1, 2, 3, 8] {
        let cx = threads(n);
        same(&InfoNce::new().gradients_in(x.view(), y.view(), 20.0, Matches::Diagonal, &cx).unwrap(), &info);
        same(
            &SigLip::new().gradients_in(x.view(), y.view(), 20.0, -5.0, Matches::Diagonal, &cx).unwrap(),
            &sig,
        );
    }
    let fortran = x.t().as_standard_layout().into_owned();
    let wide = Array2::from_shape_fn((4400, 5), |(i, k)| if i % 2 == 0 { y[[i / 2, k]] } else { f64::NAN });
    let found =
        InfoNce::new().gradients(fortran.t(), wide.slice(s![..;2, ..]), 20.0, Matches::Diagonal).unwrap();
    same(&found, &info);
}

#[test]
fn gradients_into_arrays_have_the_bits_of_those_that_allocate() {
    let mut rng = Rng(12);
    let (x, y) = (normal(150, 3, 0.5, &mut rng), normal(170, 3, 0.5, &mut rng));
    let every = s![..;2, ..];
    let (info, sig) = (InfoNce::new(), SigLip::new());
    for sigmoid in [false, true] {
        let (mut dx, mut dy) = (Array2::from_elem((300, 3), f64::NAN), Array2::from_elem((340, 3), f64::NAN));
        let into = (dx.slice_mut(every), dy.slice_mut(every));
        let (x, y, pairs) = (x.view(), y.view(), Matches::Diagonal);
        let (found, owned) = match sigmoid {
            false => {
                (info.gradients_into(x, y, 3.0, pairs, into, &serial()), info.gradients(x, y, 3.0, pairs))
            }
            true => (
                sig.gradients_into(x, y, 3.0, -1.0, pairs, into, &serial()),
                sig.gradients(x, y, 3.0, -1.0, pairs),
            ),
        };
        let (found, owned) = (found.unwrap(), owned.unwrap());
        let (value, log_scale, bias) = (found.value, found.log_scale, found.bias);
        let (inside, of_y) = (dx.slice(every).to_owned(), dy.slice(every).to_owned());
        same(&LossGradients { value, x: inside, y: of_y, log_scale, bias }, &owned);
        assert!(dx.slice(s![1..;2, ..]).iter().all(|v| v.is_nan()), "between the rows");
        // Of another shape.
        for (n, m, d) in [(149, 170, 3), (150, 171, 3), (150, 170, 2)] {
            let (mut dx, mut dy) = (Array2::zeros((n, d)), Array2::zeros((m, d)));
            let into = (dx.view_mut(), dy.view_mut());
            let found = match sigmoid {
                false => info.gradients_into(x, y, 3.0, pairs, into, &serial()),
                true => sig.gradients_into(x, y, 3.0, -1.0, pairs, into, &serial()),
            };
            assert!(matches!(found, Err(pauca::Error::ShapeMismatch { .. })), "{n} {m} {d}");
        }
    }
}

#[test]
fn kinds_of_targets_that_say_the_same_give_the_same_bits() {
    let mut rng = Rng(3);
    let (x, y) = (normal(150, 4, 0.5, &mut rng), normal(150, 4, 0.5, &mut rng));
    let ids: Vec<u64> = (0..150).map(|i| (i * 31 % 150) as u64).collect();
    let mut pairs: Vec<[u32; 2]> = (0..150).map(|i| [i, i]).collect();
    pairs.reverse();
    let eye = Array2::<f64>::eye(150);
    let info = InfoNce::new().gradients(x.view(), y.view(), 3.0, Matches::Diagonal).unwrap();
    let sig = SigLip::new().gradients(x.view(), y.view(), 3.0, 0.5, Matches::Diagonal).unwrap();
    let others: [Targets<'_, f64>; 3] =
        [Matches::Groups { x: &ids, y: &ids }.into(), Matches::Pairs(&pairs).into(), eye.view().into()];
    for targets in others {
        same(&InfoNce::new().gradients(x.view(), y.view(), 3.0, targets).unwrap(), &info);
        same(
            &InfoNce::new()
                .weighting(PairWeighting::Rows)
                .gradients(x.view(), y.view(), 3.0, targets)
                .unwrap(),
            &info,
        );
        same(&SigLip::new().gradients(x.view(), y.view(), 3.0, 0.5, targets).unwrap(), &sig);
    }
}

/// Logits of about 10, right to 1e-15 of themselves, over some hundred terms.
const ROUNDING: f64 = 1e-12;

fn relative(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    let size = b.iter().fold(TINY, |m: f64, v| m.max(v.abs()));
    a.iter().zip(b).fold(0.0, |m: f64, (a, b)| m.max((a - b).abs())) / size
}

#[test]
fn swapping_the_sides_swaps_the_gradients() {
    let mut rng = Rng(4);
    let (x, y) = (unit(normal(90, 7, 1.0, &mut rng)), unit(normal(140, 7, 1.0, &mut rng)));
    let pairs: Vec<[u32; 2]> = (0..200).map(|k| [k % 90, (k * 17 + k / 90) % 140]).collect();
    let swapped: Vec<[u32; 2]> = pairs.iter().map(|&[i, j]| [j, i]).collect();
    let (there, back) = (Matches::Pairs(&pairs), Matches::Pairs(&swapped));
    for (a, b) in [(Directions::XToY, Directions::YToX), (Directions::Both, Directions::Both)] {
        let a = InfoNce::new().directions(a).gradients(x.view(), y.view(), 9.0, there).unwrap();
        let b = InfoNce::new().directions(b).gradients(y.view(), x.view(), 9.0, back).unwrap();
        assert!((a.value - b.value).abs() < ROUNDING * a.value);
        assert!(relative(&a.x, &b.y) < ROUNDING && relative(&a.y, &b.x) < ROUNDING);
    }
    let sum = SigLip::new().reduction(LossReduction::Sum);
    let a = sum.gradients(x.view(), y.view(), 9.0, -3.0, there).unwrap();
    let b = sum.gradients(y.view(), x.view(), 9.0, -3.0, back).unwrap();
    assert!(
        (a.value - b.value).abs() < ROUNDING * a.value && (a.bias - b.bias).abs() < ROUNDING * a.bias.abs()
    );
    assert!(relative(&a.x, &b.y) < ROUNDING && relative(&a.y, &b.x) < ROUNDING);
}

#[test]
fn rotating_both_sides_changes_nothing_but_rotates_the_gradients() {
    let mut rng = Rng(5);
    let (x, y) = (unit(normal(60, 3, 1.0, &mut rng)), unit(normal(60, 3, 1.0, &mut rng)));
    let (a, b) = (0.3f64, 1.1f64);
    let turn = |t: f64, i: usize, j: usize| {
        let mut r = Array2::<f64>::eye(3);
        (r[[i, i]], r[[i, j]], r[[j, i]], r[[j, j]]) = (t.cos(), -t.sin(), t.sin(), t.cos());
        r
    };
    let r = turn(a, 0, 1).dot(&turn(b, 1, 2));
    let (rx, ry) = (x.dot(&r), y.dot(&r));
    let info = |x: &Array2<f64>, y: &Array2<f64>| {
        InfoNce::new().gradients(x.view(), y.view(), 12.0, Matches::Diagonal).unwrap()
    };
    let sig = |x: &Array2<f64>, y: &Array2<f64>| {
        SigLip::new().gradients(x.view(), y.view(), 12.0, -4.0, Matches::Diagonal).unwrap()
    };
    for (plain, turned) in [(info(&x, &y), info(&rx, &ry)), (sig(&x, &y), sig(&rx, &ry))] {
        assert!((plain.value - turned.value).abs() < ROUNDING * plain.value);
        assert!(relative(&turned.x, &plain.x.dot(&r)) < ROUNDING);
        assert!(relative(&turned.y, &plain.y.dot(&r)) < ROUNDING);
    }
}

/// A column of ones in y (against zeros in x) makes dL/dx of it the row sum of dL/dl; the other way round dL/dy
/// the column sum, which is 0 in the other direction.
#[test]
fn rows_of_the_logit_gradient_sum_to_zero() {
    let mut rng = Rng(6);
    let (a, b) = (normal(70, 4, 1.0, &mut rng), normal(80, 4, 1.0, &mut rng));
    let pairs: Vec<[u32; 2]> = (0..120).map(|k| [k % 70, k % 80]).collect();
    let loss = |directions| InfoNce::survey().directions(directions);
    let x = concatenate![Axis(1), a, Array2::zeros((70, 1))];
    let y = concatenate![Axis(1), b, Array2::ones((80, 1))];
    let found = loss(Directions::XToY).gradients(x.view(), y.view(), 2.0, Matches::Pairs(&pairs)).unwrap();
    assert!(found.x.column(4).iter().all(|g| g.abs() < ROUNDING));
    assert!(found.x.column(0).iter().any(|g| g.abs() > 0.1));
    let x = concatenate![Axis(1), a, Array2::ones((70, 1))];
    let y = concatenate![Axis(1), b, Array2::zeros((80, 1))];
    let found = loss(Directions::YToX).gradients(x.view(), y.view(), 2.0, Matches::Pairs(&pairs)).unwrap();
    assert!(found.y.column(4).iter().all(|g| g.abs() < ROUNDING));
    assert!(found.y.column(0).iter().any(|g| g.abs() > 0.1));
}

#[test]
fn gradients_of_scale_and_temperature_follow_from_that_of_the_logarithm() {
    /// Central differences with step 1e-5 of a smooth function of size 1.
    const DIFFERENCES: f64 = 1e-8;
    let mut rng = Rng(7);
    let (x, y) = (unit(normal(20, 4, 1.0, &mut rng)), unit(normal(20, 4, 1.0, &mut rng)));
    let at = |s: f64| InfoNce::new().value(x.view(), y.view(), s, Matches::Diagonal).unwrap();
    let found = InfoNce::new().gradients(x.view(), y.view(), 5.0, Matches::Diagonal).unwrap();
    let h = 1e-5;
    assert!((found.by_scale(5.0) - (at(5.0 + h) - at(5.0 - h)) / (2.0 * h)).abs() < DIFFERENCES);
    let tau = 0.2;
    let by_tau = (at(1.0 / (tau + h)) - at(1.0 / (tau - h))) / (2.0 * h);
    assert!((found.by_temperature(5.0) - by_tau).abs() < 1e4 * DIFFERENCES * h.sqrt(), "{by_tau}");
}

/// Rows without a positive pair count nothing, in value and gradient.
#[test]
fn rows_without_a_positive_pair_are_left_out() {
    let mut rng = Rng(8);
    let (x, y) = (normal(10, 3, 1.0, &mut rng), normal(12, 3, 1.0, &mut rng));
    let pairs: Vec<[u32; 2]> = (0..6).map(|i| [i, i + 2]).collect();
    let loss = InfoNce::new().directions(Directions::XToY);
    let all = loss.gradients(x.view(), y.view(), 2.0, Matches::Pairs(&pairs)).unwrap();
    let few = loss.gradients(x.slice(s![..6, ..]), y.view(), 2.0, Matches::Pairs(&pairs)).unwrap();
    assert_eq!(all.value, few.value);
    assert!(all.x.slice(s![6.., ..]).iter().all(|g| *g == 0.0));
    assert_eq!(all.x.slice(s![..6, ..]), few.x);
}

/// A sum of up to 40 exponentials and its logarithm, beside a logit of at most 1e4, of which a unit is 1.8e-12.
const OF_LOGITS: f64 = 1e-11;

proptest! {
    #[test]
    fn log_sum_exp_merges_in_any_grouping(logits in prop::collection::vec(-1e4..1e4f64, 1..40), cut in 0usize..40) {
        let of = |part: &[f64]| {
            let mut all = LogSumExp::new();
            part.iter().for_each(|l| all.add(*l));
            all
        };
        let cut = cut.min(logits.len());
        let (mut left, right, whole) = (of(&logits[..cut]), of(&logits[cut..]), of(&logits));
        left.merge(&right);
        prop_assert_eq!(left.max, whole.max);
        prop_assert!((left.rest - whole.rest).abs() <= 40.0 * f64::EPSILON * whole.rest);
        prop_assert!(whole.rest <= logits.len() as f64 - 1.0 && whole.rest >= 0.0);
        let top = logits.iter().copied().fold(f64::MIN, f64::max);
        let plain = top + logits.iter().map(|l| (l - top).exp()).sum::<f64>().ln();
        prop_assert!((whole.value() - plain).abs() <= OF_LOGITS);
    }
}

#[test]
fn log_sum_exp_of_nothing_is_minus_infinity() {
    let mut none = LogSumExp::new();
    none.merge(&LogSumExp::default());
    assert_eq!(none.value(), f64::NEG_INFINITY);
    none.add(-3.0);
    assert_eq!((none.value(), none.rest), (-3.0, 0.0));
}
