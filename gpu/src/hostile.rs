//! The bound of tensor cores, attacked: copies as the host makes them, multiplied as a kernel does, by cores that lose as
//! much as they may, and compared with the definition. No device is needed.

use half::f16;
use pauca::exact::Metric;

use crate::coordinates::DEVICE;
use crate::kernels::search::{LISTED, WORDS};
#[cfg(feature = "wgpu")]
use crate::kernels::tensor::Instruction;
use crate::kernels::tensor::{DEPTH, FACTS, ROWS, TARGETS};
use crate::tensor::{HalfRows, HalfTargets, STEP, words};
#[cfg(feature = "wgpu")]
use crate::trial::launched;
use crate::trial::{Draw, KINDS, Problem, Verdict, unpacked};

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

/// What an attack saw.
#[derive(Default)]
struct Seen {
    pairs: usize,
    /// Pairs of targets whose scores differ by more than the definition and twice the bound allow.
    outside: usize,
    /// What became of what a kernel would have listed.
    judged: Verdict,
    /// Lists that were made wrong, and those of them that were seen.
    falsified: usize,
    caught: usize,
    /// Rows that a kernel which lists nothing should have listed.
    needless: usize,
    /// The largest error as a share of the bound.
    worst: f64,
    /// For each term, pairs that would be outside without it.
    without: [usize; 8],
}

impl Seen {
    fn attack(&mut self, problem: &Problem, core: Core) {
        let (dim, Problem { rows, targets, x, c, .. }) = (problem.dim(), problem);
        let scale = f64::from(targets.scale);
        let copies: Vec<Vec<f64>> = (0..c.len()).map(|j| unpacked(&targets.values, dim, j)).collect();
        let all = rows.values.iter().chain(&targets.values);
        assert!(all.flat_map(|w| [*w as u16, (*w >> 16) as u16]).all(|b| {
            let value = f16::from_bits(b);
            b & 0x7fff == 0 || (value.is_normal() && value.to_f64().abs() <= 32768.0)
        }));
        let (mut lowest, mut found) = (Vec::new(), Vec::new());
        for i in 0..x.len() {
            let ([weight, q, e], copy) = (problem.facts(i), unpacked(&rows.values, dim, i));
            let first = problem.truth(i, 0);
            let (mut errors, mut scores) = (Vec::new(), Vec::new());
            for j in 0..c.len() {
                let half = f64::from(targets.halves[j]);
                let z = score(&copy, &copies[j], weight, half, core, j.is_multiple_of(2));
                scores.push(z);
                errors.push(z - 0.5 * scale * scale * (problem.truth(i, j) - first));
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
            // As a kernel adds, compares and lists.
            let margin = problem.margin(i) as f32;
            let best = scores.iter().fold(f32::INFINITY, |a, b| a.min(*b as f32));
            let near: Vec<u32> =
                (0..c.len() as u32).filter(|j| scores[*j as usize] as f32 <= best + margin).collect();
            let mut words = [0; WORDS];
            words[0] = near.len().min(LISTED + 1) as u32;
            words[1..].iter_mut().zip(near).for_each(|(word, j)| *word = j);
            lowest.push(best);
            found.extend(words);
        }
        self.judged = problem.judge(&lowest, &found);
        // A kernel that lists nothing; a list that lacks the answer, and a score that is off, are seen.
        let none: Vec<u32> = found.iter().map(|_| LISTED as u32 + 1).collect();
        self.needless += problem.judge(&lowest, &none).needless;
        let truth = |j: &usize| problem.truth(0, *j);
        let farthest = (0..c.len()).max_by(|a, b| truth(a).total_cmp(&truth(b))).unwrap();
        if (0..c.len()).any(|j| truth(&j) < truth(&farthest)) {
            (found[0], found[1]) = (1, farthest as u32);
            lowest[1] += 2.5 * targets.bound.arithmetic(problem.facts(1)[1]) as f32;
            let Verdict { wrong, worst, .. } = problem.judge(&lowest, &found);
            self.caught += usize::from(wrong == 1 && worst > 1.0);
            self.falsified += 1;
        }
    }
}

#[test]
fn no_core_that_keeps_the_assumptions_leaves_the_bound() {
    let (mut draw, mut all) = (Draw(7), Seen::default());
    for metric in [Metric::SqEuclidean, Metric::Cosine] {
        for core in [Core::Cuts, Core::Loses] {
            for dim in [1, 3, 64, 100, 385, 1536] {
                for kind in 0..KINDS {
                    let problem = Problem::new(metric, kind, [16, 16, dim], &mut draw).unwrap().unwrap();
                    let mut seen = Seen::default();
                    seen.attack(&problem, core);
                    let what = format!("{metric:?} {core:?} {dim} {kind}: {:.3}", seen.worst);
                    assert!(seen.outside == 0 && seen.judged.is_right(), "{what}: {:?}", seen.judged);
                    all.falsified += seen.falsified;
                    all.caught += seen.caught;
                    all.needless += seen.needless;
                    all.pairs += seen.pairs;
                    all.worst = all.worst.max(seen.worst);
                    all.without.iter_mut().zip(seen.without).for_each(|(all, one)| *all += one);
                }
            }
        }
    }
    assert!(all.pairs >= 100_000, "{}", all.pairs);
    assert!(all.worst > 0.9, "the attack comes near: {}", all.worst);
    assert!(all.falsified > 100 && all.caught == all.falsified, "{} of {}", all.caught, all.falsified);
    assert!(all.needless > 100, "{}", all.needless);
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
    let of =
        |norm: f32| HalfRows::new(1, Metric::SqEuclidean, &[0.0], |_| std::slice::from_ref(&norm)).unwrap();
    let unit = HalfTargets::new(1, Metric::SqEuclidean, &[0.0], |_| &[1.0]).unwrap().unwrap();
    // No norm that f32 has.
    let huge = HalfRows::new(1, Metric::SqEuclidean, &[0.0; 9], |_| &[3e38; 9]).unwrap();
    assert!(!unit.holds(&huge));
    // The scale of the targets is 2^14.
    assert!(unit.holds(&of(2f32.powi(45))) && !unit.holds(&of(2f32.powi(47))));
}

#[cfg(feature = "wgpu")]
#[test]
fn no_device_launches_them_unless_it_is_tried() {
    let Some(gpu) = crate::faults::device() else { return };
    let problem = Problem::new(Metric::SqEuclidean, 0, [16, 16, 3], &mut Draw(1)).unwrap().unwrap();
    for gpu in [gpu.clone(), gpu.with_tensor()] {
        assert!(!gpu.limits().tensor, "neither allowed, nor of CUDA");
        for instruction in [Instruction::Mma, Instruction::Wgmma] {
            let before = gpu.traffic().launches;
            let error = launched(&gpu, instruction, &problem).unwrap_err();
            assert!(matches!(error, pauca::Error::Device(_)), "{error}");
            assert_eq!(gpu.traffic().launches, before);
        }
    }
}
