//! Tensor cores, tried by whoever has a device: hard problems, each answer against the definition, and each best score against
//! the products that `f64` finds. No part of the API: it is here for `gpu-check --tensor`, and changes as it must.
//!
//! What it must show before [`Limits::tensor`](crate::Limits::tensor) may be true anywhere: no answer that is not listed, and no score
//! that lies further from its true value than `src/tensor.rs` assumes.

#![allow(missing_docs, reason = "no part of the API")]

use half::f16;
use pauca::Result;
use pauca::exact::{Metric, cosine, squared_distance};

use crate::device::Gpu;
use crate::kernels::search::{LISTED, WORDS};
use crate::kernels::tensor::{FACTS, Instruction};
use crate::launch::{self, HalfSides};
use crate::tensor::{HalfRows, HalfTargets, words};

/// Numbers in [-1, 1).
pub(crate) struct Draw(pub u64);

impl Draw {
    pub fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    pub fn rows(
        &mut self,
        n: usize,
        d: usize,
        mut value: impl FnMut(&mut Self, usize) -> f32,
    ) -> Vec<Vec<f32>> {
        (0..n).map(|_| (0..d).map(|column| value(self, column)).collect()).collect()
    }
}

/// How many kinds of problems there are.
pub(crate) const KINDS: usize = 14;

/// Rows and targets of a kind, on both machines.
pub(crate) struct Problem {
    pub metric: Metric,
    pub x: Vec<Vec<f32>>,
    pub c: Vec<Vec<f32>>,
    pub rows: HalfRows,
    pub targets: HalfTargets,
}

/// What a device, or what stands for one, made of a problem.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Verdict {
    pub rows: usize,
    /// Rows of which too much was listed, or nothing: the processor would search.
    pub left: usize,
    /// Those of them in which at most two targets lie within the margin, so that the kernel had to list them.
    pub needless: usize,
    /// Rows whose answer is not among what was listed.
    pub wrong: usize,
    /// The largest error of a best score, as a share of what is assumed; more than 1 breaks the assumption.
    pub worst: f64,
}

/// A problem, and what became of it.
#[derive(Clone, Debug)]
pub struct Trial {
    pub instruction: Instruction,
    pub metric: Metric,
    pub dim: usize,
    pub kind: usize,
    pub verdict: Verdict,
}

impl Verdict {
    /// Whether it speaks for the device.
    pub fn is_right(&self) -> bool {
        self.wrong == 0 && self.needless == 0 && self.worst <= 1.0
    }
}

impl Problem {
    pub fn new(
        metric: Metric,
        kind: usize,
        [n, k, dim]: [usize; 3],
        draw: &mut Draw,
    ) -> Result<Option<Self>> {
        let (center, x, c) = family(kind, [n, k, dim], draw);
        let rows = HalfRows::new(n, metric, &center, |i| &x[i])?;
        let targets = HalfTargets::new(k, metric, &center, |j| &c[j])?;
        let targets = targets.filter(|targets| targets.holds(&rows));
        Ok(targets.map(|targets| Self { metric, x, c, rows, targets }))
    }

    /// What the definition compares.
    pub fn truth(&self, i: usize, j: usize) -> f64 {
        match self.metric {
            Metric::SqEuclidean => squared_distance(&self.x[i], &self.c[j]),
            Metric::Cosine => 0.0 - 2.0 * cosine(&self.x[i], &self.c[j]),
        }
    }

    /// The weight, q and e of row `i`.
    pub fn facts(&self, i: usize) -> [f64; FACTS] {
        let scale = f64::from(self.targets.scale);
        std::array::from_fn(|fact| f64::from(self.rows.facts[i * FACTS + fact]) * scale)
    }

    /// The margin of row `i`.
    pub fn margin(&self, i: usize) -> f64 {
        let ([m0, m1, m2, m3], [_, q, e]) = (self.targets.margin.map(f64::from), self.facts(i));
        m0 + q * (m1 + q * m2) + e * m3
    }

    pub fn dim(&self) -> usize {
        self.c[0].len()
    }

    /// Compares what a kernel wrote with the definition, and with the scores of the copies.
    pub fn judge(&self, best: &[f32], found: &[u32]) -> Verdict {
        let copies: Vec<Vec<f64>> =
            (0..self.c.len()).map(|j| unpacked(&self.targets.values, self.dim(), j)).collect();
        let mut verdict = Verdict { rows: self.x.len(), ..Verdict::default() };
        for (i, words) in found.chunks_exact(WORDS).take(self.x.len()).enumerate() {
            let nearest = (0..self.c.len()).min_by(|a, b| self.truth(i, *a).total_cmp(&self.truth(i, *b)));
            let listed = words[0] as usize;
            let is_listed = |j: usize| words[1..=listed].contains(&(j as u32));
            let ([weight, q, _], copy) = (self.facts(i), unpacked(&self.rows.values, self.dim(), i));
            let product = |c: &[f64]| copy.iter().zip(c).map(|(x, c)| x * c).sum::<f64>();
            let score = |(c, half): (&Vec<f64>, &f32)| f64::from(*half) - weight * product(c);
            let scores: Vec<f64> = copies.iter().zip(&self.targets.halves).map(score).collect();
            let smallest = scores.iter().copied().fold(f64::INFINITY, f64::min);
            let assumed = self.targets.bound.arithmetic(q);
            let within = smallest + self.margin(i) + 2.0 * assumed;
            match listed {
                1..=LISTED => verdict.wrong += usize::from(!nearest.is_some_and(is_listed)),
                _ => {
                    verdict.left += 1;
                    verdict.needless += usize::from(scores.iter().filter(|z| **z <= within).count() <= 2);
                }
            }
            let share = (smallest - f64::from(best[i])).abs() / assumed;
            // A score that is no number must not pass for a small error.
            verdict.worst = if share >= 0.0 { verdict.worst.max(share) } else { f64::INFINITY };
        }
        verdict
    }
}

/// A copied row of `dim` values, with what pads it.
pub(crate) fn unpacked(values: &[u32], dim: usize, i: usize) -> Vec<f64> {
    let row = &values[i * words(dim)..][..words(dim)];
    let both = row.iter().flat_map(|word| [*word as u16, (*word >> 16) as u16]);
    both.map(|bits| f16::from_bits(bits).to_f64()).collect()
}

/// Tries the kernels of a device: [`Gpu::with_tensor`] must have allowed them.
pub fn tensor(gpu: &Gpu) -> Result<Vec<Trial>> {
    let (mut all, mut draw) = (Vec::new(), Draw(11));
    for instruction in [Instruction::Mma, Instruction::Wgmma] {
        if instruction == Instruction::Wgmma && !gpu.names_wgmma() {
            continue;
        }
        for metric in [Metric::SqEuclidean, Metric::Cosine] {
            for shape in [[1, 2, 1], [200, 300, 100], [129, 127, 385], [64, 128, 4096]] {
                for kind in 0..KINDS {
                    let Some(problem) = Problem::new(metric, kind, shape, &mut draw)? else { continue };
                    let (best, found) = launched(gpu, instruction, &problem)?;
                    let verdict = problem.judge(&best, &found);
                    all.push(Trial { instruction, metric, dim: shape[2], kind, verdict });
                }
            }
        }
    }
    Ok(all)
}

/// What a kernel writes for a problem.
pub(crate) fn launched(
    gpu: &Gpu,
    instruction: Instruction,
    problem: &Problem,
) -> Result<(Vec<f32>, Vec<u32>)> {
    let (link, Problem { rows, targets, x, c, .. }) = (gpu.link(), problem);
    let (best, found) = (link.room(x.len())?, link.room(x.len() * WORDS)?);
    let sides = HalfSides {
        x: &link.upload(&rows.values)?,
        facts: &link.upload(&rows.facts)?,
        c: &link.upload(&targets.values)?,
        halves: &link.upload(&targets.halves)?,
        scale: targets.scale,
        margin: targets.margin,
        n: x.len(),
        k: c.len(),
        dim: problem.dim(),
    };
    launch::nearest_half(link, &gpu.limits(), instruction, &sides, &best, &found)?;
    Ok((link.read(&best)?, link.read(&found)?))
}

/// Rows and targets of a kind, with a center.
fn family(kind: usize, [n, k, dim]: [usize; 3], draw: &mut Draw) -> (Vec<f32>, Vec<Vec<f32>>, Vec<Vec<f32>>) {
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
        9 => (zero, draw.rows(n, dim, |d, _| 2f32.powi(42) * (d.next() + 4.0)), signed(draw, 1.0)),
        // On the center, with targets on a sphere around it.
        10 => {
            let mut c = draw.rows(k, dim, |d, _| 1e-3 * d.next());
            c.iter_mut().for_each(|c| c[0] = 1.0);
            (zero.clone(), vec![zero; n], c)
        }
        11 => (zero, draw.rows(n, dim, |d, _| 1e-30 * d.next()), draw.rows(k, dim, |d, _| 1e-30 * d.next())),
        12 => (zero, draw.rows(n, dim, |d, _| 1e37 * d.next()), draw.rows(k, dim, |d, _| 1e37 * d.next())),
        // The nearest differ in their last bits.
        _ => {
            let near = |d: &mut Draw, column: usize| (column as f32).sin() + 1e-6 * d.next();
            (zero, draw.rows(n, dim, near), draw.rows(k, dim, near))
        }
    }
}
