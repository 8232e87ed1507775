//! The bound of tensor cores, attacked: copies as the host makes them, multiplied as a kernel does, by cores that lose as
//! much as they may, and compared with the definition. No device is needed.

use half::f16;
use pauca::exact::{Metric, cosine, squared_distance};

use crate::coordinates::DEVICE;
use crate::kernels::tensor::{DEPTH, FACTS, ROWS, TARGETS};
use crate::tensor::{HalfRows, HalfTargets, STEP, words};

/// How a device loses.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Core {
    /// Cuts every sum off towards 0: below 23 bits in the path, below 24 bits after.
    Cuts,
    /// Loses all that it may in every operation, upwards for targets of even numbers and downwards for the others.
    Loses,
}

/// `x` with `bits` bits, cut off towards 0.
fn cut(x: f64, bits: u32) -> f64 {
    f64::from_bits(x.to_bits() & (u64::MAX << (53 - bits)))
}

/// The score of a kernel.
fn score(x: &[f64], c: &[f64], weight: f64, half: f64, core: Core, up: bool) -> f64 {
    let sign = if up { 1.0 } else { -1.0 };
    let rounded = |v: f64| match core {
        Core::Cuts => cut(v, 24),
        Core::Loses => v + sign * DEVICE.unit * v.abs(),
    };
    let mut total = 0.0;
    for (x, c) in x.chunks(DEPTH).zip(c.chunks(DEPTH)) {
        let (mut part, mut magnitude) = (0.0f64, 0.0f64);
        for (x, c) in x.iter().zip(c) {
            let product = x * c;
            magnitude += product.abs();
            part += product;
            match core {
                Core::Cuts => part = cut(part, 23),
                // What is subtracted at the end must be low for a score that is high.
                Core::Loses => {
                    part -= sign * STEP * magnitude;
                    magnitude += STEP * magnitude;
                }
            }
        }
        // The same: the total is subtracted.
        total = match core {
            Core::Cuts => cut(total + part, 24),
            Core::Loses if total == 0.0 => part,
            Core::Loses => (total + part) - sign * DEVICE.unit * (total + part).abs(),
        };
    }
    rounded(half - weight * total)
}

fn unpacked(values: &[u32], dim: usize, i: usize) -> Vec<f64> {
    let row = &values[i * words(dim)..][..words(dim)];
    let both = row.iter().flat_map(|word| [*word as u16, (*word >> 16) as u16]);
    both.map(|bits| f16::from_bits(bits).to_f64()).collect()
}

/// What an attack saw.
#[derive(Default)]
struct Seen {
    pairs: usize,
    /// Pairs of targets whose scores differ by more than the definition and twice the bound allow.
    outside: usize,
    /// Answers that the margin would not have listed.
    missed: usize,
    /// The largest error as a share of the bound.
    worst: f64,
    /// For each term, pairs that would be outside without it.
    without: [usize; 8],
}

impl Seen {
    fn attack(&mut self, metric: Metric, center: &[f32], x: &[Vec<f32>], c: &[Vec<f32>], core: Core) {
        let dim = center.len();
        let rows = HalfRows::new(x.len(), metric, center, |i| &x[i]).unwrap();
        let targets = HalfTargets::new(c.len(), metric, center, |j| &c[j]).unwrap().unwrap();
        let scale = f64::from(targets.scale);
        let copies: Vec<Vec<f64>> = (0..c.len()).map(|j| unpacked(&targets.values, dim, j)).collect();
        let all = rows.values.iter().chain(&targets.values);
        assert!(all.flat_map(|w| [*w as u16, (*w >> 16) as u16]).all(|b| {
            let value = f16::from_bits(b);
            b & 0x7fff == 0 || (value.is_normal() && value.to_f64().abs() <= 32768.0)
        }));
        for (i, row) in x.iter().enumerate() {
            let facts: Vec<f64> = rows.facts[i * FACTS..][..FACTS].iter().map(|v| f64::from(*v)).collect();
            let (weight, q, e) = (facts[0] * scale, facts[1] * scale, facts[2] * scale);
            let copy = unpacked(&rows.values, dim, i);
            let truth = |target: &[f32]| match metric {
                Metric::SqEuclidean => squared_distance(row, target),
                Metric::Cosine => -2.0 * cosine(row, target),
            };
            let first = truth(&c[0]);
            let (mut errors, mut scores) = (Vec::new(), Vec::new());
            for (j, target) in c.iter().enumerate() {
                let half = f64::from(targets.halves[j]);
                let z = score(&copy, &copies[j], weight, half, core, j.is_multiple_of(2));
                scores.push(z);
                errors.push(z - 0.5 * scale * scale * (truth(target) - first));
            }
            let at = |[f0, f1, f2, f3]: [f64; 4]| f0 + q * (f1 + q * f2) + e * f3;
            let terms = targets.bound.terms().map(|(_, term)| at(term));
            let twice = 2.0 * terms.iter().sum::<f64>();
            for (j, a) in errors.iter().enumerate() {
                for b in &errors[..j] {
                    let error = (a - b).abs();
                    self.pairs += 1;
                    self.outside += usize::from(error > twice);
                    self.worst = self.worst.max(error / twice);
                    for (without, term) in self.without.iter_mut().zip(terms) {
                        *without += usize::from(error > twice - 2.0 * term);
                    }
                }
            }
            let margin = at(targets.margin.map(f64::from));
            let answer = (0..c.len()).min_by(|a, b| truth(&c[*a]).total_cmp(&truth(&c[*b]))).unwrap();
            let best = scores.iter().fold(f64::INFINITY, |a, b| a.min(*b));
            // As a kernel adds and compares.
            self.missed += usize::from(scores[answer] as f32 > best as f32 + margin as f32);
        }
    }
}

/// Numbers in [-1, 1).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    fn rows(
        &mut self,
        n: usize,
        dim: usize,
        mut value: impl FnMut(&mut Self, usize) -> f32,
    ) -> Vec<Vec<f32>> {
        (0..n).map(|_| (0..dim).map(|column| value(self, column)).collect()).collect()
    }
}

/// Rows and targets of a kind, with a center.
fn family(kind: usize, dim: usize, draw: &mut Draw) -> (Vec<f32>, Vec<Vec<f32>>, Vec<Vec<f32>>) {
    let (n, k) = (16, 16);
    let zero = vec![0.0; dim];
    // Both signs, so that what a row loses counts twice; any values of the lengths of powers of two.
    let signed = |draw: &mut Draw, value: f32| {
        let mut c = draw.rows(k, dim, |_, _| value);
        c.iter_mut().skip(1).step_by(2).flatten().for_each(|v| *v = -*v);
        c
    };
    match kind {
        0 => (zero, draw.rows(n, dim, |d, _| d.next()), draw.rows(k, dim, |d, _| d.next())),
        1 => (
            vec![1000.0; dim],
            draw.rows(n, dim, |d, _| 1000.0 + d.next()),
            draw.rows(k, dim, |d, _| 1000.0 + d.next()),
        ),
        // Far from a center that does not help.
        2 => (zero, draw.rows(n, dim, |d, _| 1000.0 + d.next()), draw.rows(k, dim, |d, _| 1000.0 + d.next())),
        // One sign; then products that cancel.
        3 => (zero, draw.rows(n, dim, |d, _| d.next().abs()), draw.rows(k, dim, |d, _| d.next().abs())),
        4 => {
            let sign = |column: usize| if column.is_multiple_of(2) { 1.0 } else { -1.0 };
            let x = draw.rows(n, dim, |d, _| 1.0 + 1e-3 * d.next());
            (zero, x, draw.rows(k, dim, |d, column| sign(column) + 1e-3 * d.next()))
        }
        // Halfway between two numbers of f16, all the same way: the rows, then the targets.
        5 => (zero, draw.rows(n, dim, |_, _| 1.0 + 1.0 / 2048.0), signed(draw, 1.0)),
        6 => (zero, draw.rows(n, dim, |_, _| 1.0), signed(draw, 1.0 + 1.0 / 2048.0)),
        // All in the first column, so that every step after it loses of the whole.
        7 => {
            let only = |_: &mut Draw, column: usize| f32::from(column == 0);
            let mut c = draw.rows(k, dim, only);
            c.iter_mut().skip(1).step_by(2).for_each(|c| c[0] = -1.0);
            (zero, draw.rows(n, dim, only), c)
        }
        // Subnormal in f16 beside a large value.
        8 => {
            let small =
                |d: &mut Draw, column: usize| if column == 0 { 1.0 } else { d.next() * 2f32.powi(-29) };
            (zero, draw.rows(n, dim, small), draw.rows(k, dim, small))
        }
        // So far that the definition itself is rough.
        9 => (zero, draw.rows(n, dim, |d, _| 2f32.powi(44) * (d.next() + 4.0)), signed(draw, 1.0)),
        // On the center, with targets on a sphere around it.
        10 => {
            let mut c = draw.rows(k, dim, |d, _| 1e-3 * d.next());
            c.iter_mut().for_each(|c| c[0] = 1.0);
            (zero.clone(), vec![zero; n], c)
        }
        11 => (zero, draw.rows(n, dim, |d, _| 1e-30 * d.next()), draw.rows(k, dim, |d, _| 1e-30 * d.next())),
        12 => (zero, draw.rows(n, dim, |d, _| 1e38 * d.next()), draw.rows(k, dim, |d, _| 1e38 * d.next())),
        // The nearest differ in their last bits.
        _ => {
            let near = |d: &mut Draw, column: usize| (column as f32).sin() + 1e-6 * d.next();
            (zero, draw.rows(n, dim, near), draw.rows(k, dim, near))
        }
    }
}

#[test]
fn no_core_that_keeps_the_assumptions_leaves_the_bound() {
    let (mut draw, mut all) = (Draw(7), Seen::default());
    for metric in [Metric::SqEuclidean, Metric::Cosine] {
        for core in [Core::Cuts, Core::Loses] {
            for dim in [1, 3, 64, 100, 385, 1536] {
                for kind in 0..14 {
                    let (center, x, c) = family(kind, dim, &mut draw);
                    let mut seen = Seen::default();
                    seen.attack(metric, &center, &x, &c, core);
                    let what = format!("{metric:?} {core:?} {dim} {kind}: {:.3}", seen.worst);
                    assert_eq!((seen.outside, seen.missed), (0, 0), "{what}");
                    all.pairs += seen.pairs;
                    all.worst = all.worst.max(seen.worst);
                    all.without.iter_mut().zip(seen.without).for_each(|(all, one)| *all += one);
                }
            }
        }
    }
    assert!(all.pairs >= 100_000, "{}", all.pairs);
    assert!(all.worst > 0.9, "the attack comes near: {}", all.worst);
    // Each term is needed: without it some pair is outside. Of what is flushed the coordinates here are far.
    assert!(all.without[..7].iter().all(|n| *n > 0), "{:?}", all.without);
}

#[test]
fn copies_come_in_whole_tiles_and_rows_too_far_are_told() {
    let mut draw = Draw(3);
    let (n, k, dim) = (ROWS + 1, TARGETS - 1, DEPTH + 1);
    let (x, c) = (draw.rows(n, dim, |d, _| d.next()), draw.rows(k, dim, |d, _| d.next()));
    let rows = HalfRows::new(n, Metric::SqEuclidean, &vec![0.0; dim], |i| &x[i]).unwrap();
    let targets = HalfTargets::new(k, Metric::SqEuclidean, &vec![0.0; dim], |j| &c[j]).unwrap().unwrap();
    assert_eq!((rows.values.len(), rows.facts.len()), (2 * ROWS * DEPTH, n * FACTS));
    assert_eq!((targets.values.len(), targets.halves.len()), (TARGETS * DEPTH, k));
    assert!(rows.values[n * words(dim)..].iter().all(|word| *word == 0));
    assert!(unpacked(&rows.values, dim, n - 1)[dim..].iter().all(|value| *value == 0.0));
    // Norms of some 5: 2^14 of the copies.
    assert!(targets.holds(2f64.powi(47)) && !targets.holds(2f64.powi(49)));
}
