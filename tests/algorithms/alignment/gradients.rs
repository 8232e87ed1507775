//! Gradients of 200 random problems of each loss against central differences of the value, in f64, and
//! f32 against f64: one pair, equal logits and extreme scales among them.

use ndarray::{Array2, ArrayView2};
use pauca::alignment::{
    Directions, InfoNce, LossGradients, LossReduction, Matches, PairWeighting, SigLip, Targets,
};
use pauca_tests::data::Rng;

use super::bits;
use super::losses::{normal, unit};

/// Largest relative error of a gradient against differences.
const DIFFERENCES: f64 = 1e-6;
/// How far differences move a logit: (1e-3)^4 of truncation, eps |l| / 1e-3 of rounding.
const MOVE: f64 = 1e-3;
/// Where a gradient all but vanishes (equal logits), errors are measured against this share of what its
/// terms are.
const FLOOR: f64 = 1e-3;
const PROBLEMS: u64 = 200;

struct Case {
    x: Array2<f64>,
    y: Array2<f64>,
    scale: f64,
    bias: f64,
    groups: [Vec<u64>; 2],
    pairs: Vec<[u32; 2]>,
    soft: Array2<f64>,
    kind: usize,
    rng: Rng,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut rng = Rng(seed * 7919);
        let d = 1 + rng.below(5);
        let n = if seed.is_multiple_of(5) { 1 } else { 2 + rng.below(5) };
        let m = n + if rng.chance(0.4) { rng.below(4) } else { 0 };
        let (mut x, mut y) = (normal(n, d, 1.0, &mut rng), normal(m, d, 1.0, &mut rng));
        let mut scale = [1.0, 1.0 / 0.07, 100.0][rng.below(3)];
        match seed % 8 {
            // Equal logits.
            1 => {
                x = Array2::from_elem((n, d), 0.5);
                y = Array2::from_elem((m, d), 1.0);
            }
            // Logits of 1e4, by the scale and by the rows.
            2 => (x, y, scale) = (unit(x), unit(y), 1e4),
            3 => {
                x *= 1e3;
                scale = 10.0;
            }
            // Logits of 1e-6.
            4 => scale = 1e-6,
            // Rows of very different sizes.
            5 => x.outer_iter_mut().enumerate().for_each(|(i, mut row)| row *= 10f64.powi(i as i32 % 4 - 3)),
            _ => (x, y) = (unit(x), unit(y)),
        }
        let groups = |n: usize, rng: &mut Rng| (0..n).map(|_| rng.below(3) as u64).collect::<Vec<u64>>();
        let mut groups = [groups(n, &mut rng), groups(m, &mut rng)];
        groups[1][0] = groups[0][0];
        let mut pairs: Vec<[u32; 2]> = (0..n as u32).map(|i| [i, (i + 1) % m as u32]).collect();
        pairs.extend((0..m as u32).map(|j| [0, j]).filter(|p| *p != [0, 1 % m as u32] && rng.chance(0.5)));
        let soft = Array2::from_shape_simple_fn((n, m), || if rng.chance(0.4) { rng.unit() } else { 0.5 });
        let bias = 4.0 * rng.normal();
        Self { x, y, scale, bias, groups, pairs, soft, kind: rng.below(4), rng }
    }

    fn targets(&self) -> Targets<'_, f64> {
        match self.kind {
            0 => Matches::Diagonal.into(),
            1 => Matches::Groups { x: &self.groups[0], y: &self.groups[1] }.into(),
            2 => Matches::Pairs(&self.pairs).into(),
            _ => self.soft.view().into(),
        }
    }

    fn largest_logit(&self) -> f64 {
        self.x.dot(&self.y.t()).iter().fold(0.0, |m: f64, l| m.max(l.abs())) * self.scale
    }
}

/// (4 D(h) - D(2h)) / 3 with D the central difference: the h² term is gone.
fn difference(h: f64, f: impl Fn(f64) -> f64) -> f64 {
    let central = |h: f64| (f(h) - f(-h)) / (2.0 * h);
    (4.0 * central(h) - central(2.0 * h)) / 3.0
}

/// Compares all gradients with differences of `value(x, y, scale, bias)`; returns the largest error.
fn compare(
    case: &Case,
    found: &LossGradients<f64>,
    value: impl Fn(&Array2<f64>, &Array2<f64>, f64, f64) -> f64,
) -> f64 {
    let largest = |a: &Array2<f64>| a.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let (x, y, scale, bias) = (&case.x, &case.y, case.scale, case.bias);
    let mut worst = 0.0f64;
    let mut check = |a: f64, b: f64, size: f64| {
        if a != b {
            worst = worst.max((a - b).abs() / size);
        }
    };
    // What dL/dl amounts to.
    let weight = found.value.min(1.0);
    for (side, other, gradient) in [(x, y, &found.x), (y, x, &found.y)] {
        let size = largest(gradient).max(FLOOR * weight * scale * largest(other));
        let h = MOVE / (scale * largest(other));
        for (index, g) in gradient.indexed_iter() {
            let by = difference(h, |h| {
                let mut moved = side.clone();
                moved[index] += h;
                if core::ptr::eq(side, x) {
                    value(&moved, y, scale, bias)
                } else {
                    value(x, &moved, scale, bias)
                }
            });
            check(by, *g, size);
        }
    }
    let l = case.largest_logit();
    // s dL/ds; the scale stays above 0.
    let by = difference((MOVE / l).min(0.25), |h| value(x, y, scale * (1.0 + h), bias));
    check(by, found.log_scale, found.log_scale.abs().max(FLOOR * weight * l));
    let by = difference(MOVE, |h| value(x, y, scale, bias + h));
    check(by, found.bias, found.bias.abs().max(FLOOR * weight));
    worst
}

/// Rounds the rows and soft targets of a case to f32: their gradients are those of the same numbers widened again,
/// rounded once.
fn assert_narrow(
    case: &mut Case,
    narrow: impl for<'a> Fn(ArrayView2<'a, f32>, ArrayView2<'a, f32>, Targets<'a, f32>) -> LossGradients<f32>,
    wide: impl for<'a> Fn(ArrayView2<'a, f64>, ArrayView2<'a, f64>, Targets<'a, f64>) -> LossGradients<f64>,
) {
    let [x, y, soft] = [&case.x, &case.y, &case.soft].map(|values| values.mapv(|v| v as f32));
    let [wx, wy, widened] = [&x, &y, &soft].map(|values| values.mapv(f64::from));
    case.soft = widened;
    let targets = match case.targets() {
        Targets::Hard(matches) => Targets::Hard(matches),
        _ => Targets::Soft(soft.view()),
    };
    let narrow = narrow(x.view(), y.view(), targets);
    let wide = wide(wx.view(), wy.view(), case.targets());
    assert_eq!(
        bits([narrow.value, narrow.log_scale, narrow.bias]),
        bits([wide.value, wide.log_scale, wide.bias])
    );
    for (narrow, wide) in [(&narrow.x, &wide.x), (&narrow.y, &wide.y)] {
        // Half a unit in the last place of f32, no more: the tolerance is one rounding.
        assert!(narrow.iter().zip(wide).all(|(n, w)| n.to_bits() == (*w as f32).to_bits()));
    }
}

#[test]
fn info_nce_gradients_equal_central_differences_and_f32_those_of_f64() {
    let mut worst = 0.0f64;
    for seed in 0..PROBLEMS {
        let mut case = Case::new(seed);
        let square = case.x.nrows() == case.y.nrows();
        let directions = case.rng.pick(Directions::ALL);
        let loss = InfoNce::new()
            .directions(directions)
            .reduction(case.rng.pick(LossReduction::ALL))
            .weighting(case.rng.pick(PairWeighting::ALL));
        let found = loss.gradients(case.x.view(), case.y.view(), case.scale, case.targets()).unwrap();
        let error =
            compare(&case, &found, |x, y, s, _| loss.value(x.view(), y.view(), s, case.targets()).unwrap());
        assert!(error <= DIFFERENCES, "problem {seed}, square {square}: {error:e}");
        worst = worst.max(error);
        let s = case.scale;
        assert_narrow(
            &mut case,
            |x, y, targets| loss.gradients(x, y, s, targets).unwrap(),
            |x, y, targets| loss.gradients(x, y, s, targets).unwrap(),
        );
    }
    println!("InfoNCE: largest relative error {worst:.1e} of {PROBLEMS} problems");
}

#[test]
fn siglip_gradients_equal_central_differences_and_f32_those_of_f64() {
    let mut worst = 0.0f64;
    for seed in 0..PROBLEMS {
        let mut case = Case::new(seed + 1000);
        let loss = SigLip::new().reduction(case.rng.pick(LossReduction::ALL));
        let (s, b) = (case.scale, case.bias);
        let found = loss.gradients(case.x.view(), case.y.view(), s, b, case.targets()).unwrap();
        let error = compare(&case, &found, |x, y, s, b| {
            loss.value(x.view(), y.view(), s, b, case.targets()).unwrap()
        });
        assert!(error <= DIFFERENCES, "problem {seed}: {error:e}");
        worst = worst.max(error);
        assert_narrow(
            &mut case,
            |x, y, targets| loss.gradients(x, y, s, b, targets).unwrap(),
            |x, y, targets| loss.gradients(x, y, s, b, targets).unwrap(),
        );
    }
    println!("SigLIP: largest relative error {worst:.1e} of {PROBLEMS} problems");
}
