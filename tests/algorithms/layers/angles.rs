//! The angle between two rows.

use pauca::exact::elementary::half_turns;
use pauca::layers::{angular_distance, cosine_distance};
use pauca_reference::fsum::ExactSum;
use pauca_reference::{half_turns as reference_turns, layers as reference};
use pauca_tests::agree::some_bits as bits;
use pauca_tests::data::{Kind, Rng};
use proptest::prelude::*;
use std::f64::consts::PI;

/// A dot product as two doubles, without rounding (products of f32 are exact in f64).
fn exact_dot(x: &[f32], y: &[f32]) -> [f64; 2] {
    let mut sum = ExactSum::default();
    x.iter().zip(y).for_each(|(x, y)| sum.add(*x as f64 * *y as f64));
    let high = sum.value();
    sum.add(-high);
    [high, sum.value()]
}

/// The angle in radians and its supplement: atan2 of sqrt(xx yy - xy²) and xy, with the difference
/// taken of numbers of 106 bits.
fn exact_angle(x: &[f32], y: &[f32]) -> (f64, f64) {
    let (xx, yy, xy) = (exact_dot(x, x), exact_dot(y, y), exact_dot(x, y));
    let mut sine = ExactSum::default();
    for i in 0..2 {
        for j in 0..2 {
            sine.add_product(xx[i], yy[j]);
            sine.add_product(-xy[i], xy[j]);
        }
    }
    let sine = sine.value().sqrt();
    (sine.atan2(xy[0]), sine.atan2(-xy[0]))
}

/// A row of `d` values and another at about `angle` from it.
fn at_angle(d: usize, angle: f64, rng: &mut Rng) -> (Vec<f32>, Vec<f32>) {
    let x: Vec<f64> = (0..d).map(|_| rng.normal()).collect();
    let z: Vec<f64> = (0..d).map(|_| rng.normal()).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let along = dot(&x, &z) / dot(&x, &x);
    let z: Vec<f64> = z.iter().zip(&x).map(|(z, x)| z - along * x).collect();
    let scale = (dot(&x, &x) / dot(&z, &z)).sqrt();
    let y = x.iter().zip(&z).map(|(x, z)| (3.0 * (angle.cos() * x + angle.sin() * scale * z)) as f32);
    let y: Vec<f32> = y.collect();
    (x.iter().map(|v| *v as f32).collect(), y)
}

/// What is asked: the relative error of the angle in f32 rows.
const ASKED: f64 = 1e-5;
/// What the documentation derives for d = 8192: 1e-9 (d / 16 + 8) / 500.
const DERIVED: f64 = 1.1e-9;

/// The smallest angle asked for; rows of f32 keep at least half of it.
const SMALLEST: f64 = 1e-6;
/// 1 - angle in f64, times pi, is right to half a unit of pi: in the place of a supplement that is smaller still.
const SUPPLEMENT: f64 = 1e-7;

#[test]
fn angle_is_the_exact_one_from_1e_minus_6_to_pi_minus_1e_minus_6() {
    let mut worst = 0f64;
    for d in [64, 128, 256, 512, 1024, 2048, 4096, 8192] {
        let mut rng = Rng(d as u64);
        for k in 0..=40 {
            // SMALLEST to pi / 2 in equal steps of the logarithm, and the supplements.
            let small = SMALLEST * (PI / 2.0 / SMALLEST).powf(k as f64 / 40.0);
            for angle in [small, PI - small] {
                let (x, y) = at_angle(d, angle, &mut rng);
                let found = angular_distance(&x, &y).unwrap();
                let (theta, rest) = exact_angle(&x, &y);
                assert!(theta > SMALLEST / 2.0 && rest > SMALLEST / 2.0, "the rows are at {theta:e}");
                let error = (found * PI / theta - 1.0).abs();
                assert!(error < ASKED, "d {d}, angle {angle:e}: {error:e}");
                // Of the supplement too, as far as 1 - angle can carry it.
                let other = ((1.0 - found) * PI - rest).abs() / (rest + SUPPLEMENT);
                worst = worst.max(error).max(other);
            }
        }
    }
    assert!(worst < DERIVED, "{worst:e}");
}

#[test]
fn cosine_distance_keeps_its_relative_precision() {
    for d in [3, 64, 8192] {
        let mut rng = Rng(7 + d as u64);
        for angle in [1e-5, 1e-3, 0.1, 1.0, 3.0] {
            let (x, y) = at_angle(d, angle, &mut rng);
            let (theta, _) = exact_angle(&x, &y);
            let expected = 2.0 * (theta / 2.0).sin().powi(2);
            let found = cosine_distance(&x, &y).unwrap();
            assert!((found / expected - 1.0).abs() < 2.0 * DERIVED, "d {d}, angle {angle:e}");
        }
    }
}

/// One bit of one value turns the row by at most 2^-23 of a half turn, here by less than ten of them.
const ONE_BIT: f64 = 1e-6;

#[test]
fn multiples_are_exactly_0_or_1() {
    for seed in 0..300 {
        let mut rng = Rng(seed);
        let d = 1 + rng.below(600);
        // Values of 12 bits: times 3, 7 or 1000 they are still exact.
        let x: Vec<f32> = (0..d).map(|_| rng.below(4096) as f32 - 2047.5).collect();
        for factor in [1.0f32, 2.0, 3.0, 7.0, 1000.0, 2f32.powi(-100), 3.0 * 2f32.powi(90)] {
            let same: Vec<f32> = x.iter().map(|v| v * factor).collect();
            let opposite: Vec<f32> = x.iter().map(|v| -v * factor).collect();
            assert_eq!(bits(angular_distance(&x, &same)), Some(0), "{factor}");
            assert_eq!(angular_distance(&x, &opposite), Some(1.0), "{factor}");
            assert_eq!(bits(cosine_distance(&x, &same)), Some(0), "{factor}");
            assert_eq!(cosine_distance(&opposite, &x), Some(2.0), "{factor}");
            // And nothing else is: one bit of one value is seen.
            let mut other = same.clone();
            let j = rng.below(d);
            other[j] = f32::from_bits(other[j].to_bits() ^ 1);
            let seen = angular_distance(&x, &other).unwrap();
            assert!(d == 1 || (0.0 < seen && seen < ONE_BIT), "{factor}: {seen:e}");
        }
    }
}

#[test]
fn rows_without_a_direction_have_no_distance() {
    for (x, y) in [
        ([0.0, -0.0], [1.0, 2.0]),
        ([1.0, 2.0], [0.0, 0.0]),
        ([f32::NAN, 1.0], [1.0, 1.0]),
        ([1.0, 1.0], [f32::INFINITY, 1.0]),
    ] {
        assert_eq!((angular_distance(&x, &y), cosine_distance(&x, &y)), (None, None));
    }
    assert_eq!(angular_distance(&[], &[]), None);
    // Subnormal rows have one.
    let tiny = f32::from_bits(1);
    assert_eq!(angular_distance(&[tiny, 0.0], &[tiny, tiny]), Some(0.25));
    assert_eq!(angular_distance(&[f32::MAX; 70], &[tiny; 70]), Some(0.0));
}

#[test]
fn every_kind_of_rows_equals_the_reference() {
    for seed in 0..4000 {
        let mut rng = Rng(seed);
        let (d, kind) = (1 + rng.below(70), rng.pick(&Kind::ALL));
        let rows = kind.rows(2, d, &mut rng);
        let (x, y) = (&rows[0], &rows[1]);
        assert_eq!(bits(angular_distance(x, y)), bits(reference::angular(x, y)), "seed {seed} {kind:?}");
        assert_eq!(bits(cosine_distance(x, y)), bits(reference::cosine(x, y)), "seed {seed} {kind:?}");
        let (x, y) = at_angle(d + 1, 10f64.powf(-9.0 * rng.unit()), &mut rng);
        assert_eq!(bits(angular_distance(&x, &y)), bits(reference::angular(&x, &y)), "seed {seed}");
    }
}

#[test]
fn half_turns_are_those_of_the_reference() {
    let mut rng = Rng(3);
    for _ in 0..20_000 {
        let t = rng.unit() * 2f64.powi(rng.below(120) as i32 - 60);
        assert_eq!(half_turns(t).to_bits(), reference_turns::half_turns(t).to_bits(), "{t:e}");
    }
}

/// Of an angle and its supplement, each at most 1.
const TWO_ROUNDINGS: f64 = 5.0 * f64::EPSILON;
/// Three angles of at most 1, each right to some roundings of d = 20 terms.
const THREE_ANGLES: f64 = 1e-12;

proptest! {
    #[test]
    fn angle_symmetries_hold_to_the_bit(seed in any::<u64>(), shift in -40i32..40) {
        let mut rng = Rng(seed);
        let (d, kind) = (1 + rng.below(50), rng.pick(&[Kind::Normal, Kind::Grid, Kind::Offset, Kind::LastBit]));
        let mut rows = kind.rows(2, d, &mut rng);
        let expected = angular_distance(&rows[0], &rows[1]);
        prop_assert_eq!(bits(expected), bits(angular_distance(&rows[1], &rows[0])));
        // A power of two; zeros at the end; signs of a column.
        rows[0].iter_mut().for_each(|v| *v *= 2f32.powi(shift));
        prop_assert_eq!(bits(expected), bits(angular_distance(&rows[0], &rows[1])));
        rows.iter_mut().for_each(|row| row.extend([0.0; 21]));
        prop_assert_eq!(bits(expected), bits(angular_distance(&rows[0], &rows[1])));
        let j = rng.below(d);
        rows.iter_mut().for_each(|row| row[j] = -row[j]);
        prop_assert_eq!(bits(expected), bits(angular_distance(&rows[0], &rows[1])));
        // The opposite row: the supplement.
        rows[1].iter_mut().for_each(|v| *v = -*v);
        let rest = angular_distance(&rows[0], &rows[1]);
        if let (Some(a), Some(b)) = (expected, rest) {
            prop_assert!((a + b - 1.0).abs() < TWO_ROUNDINGS);
        }
    }

    #[test]
    fn angle_obeys_the_triangle_inequality(seed in any::<u64>()) {
        let mut rng = Rng(seed);
        let d = 1 + rng.below(20);
        let rows = Kind::Normal.rows(3, d, &mut rng);
        let of = |i: usize, j: usize| angular_distance(&rows[i], &rows[j]).unwrap();
        prop_assert!(of(0, 2) <= of(0, 1) + of(1, 2) + THREE_ANGLES);
    }
}
