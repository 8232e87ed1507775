//! What a device must do before it is trusted: integers on known answers, scores against the bound, and a failure that it
//! must report.

use std::sync::Arc;

use pauca::exact::{Metric, Sums, dot64, squared_distance};
use pauca::{Error, Result};

use crate::coordinates::Framed;
use crate::device::Gpu;
use crate::error::GpuError;
use crate::kernels::definition::Value;
use crate::kernels::search::{DECIDED, LISTED, Start, WORDS};
use crate::kernels::sums::PLANES;
use crate::launch::{self, Scoring, Sides};
use crate::plan::{Move, Runs, Search};

/// Buffers that the kernels are given at most, with the one of their numbers.
pub(crate) const BINDINGS: u32 = 8;

/// Columns of the scores that are tried: many roundings a score.
const COLUMNS: usize = 1024;

/// Tries the device.
pub(crate) fn run(gpu: &Gpu) -> std::result::Result<(), GpuError> {
    let refused = |reason: &str| Err(GpuError::Refused { reason: reason.to_owned() });
    if gpu.limits().tile(1).is_none() {
        return refused("no tile fits its shared memory or its cubes");
    }
    let failed = |error: Error| match error {
        Error::Device(source) => match source.downcast::<GpuError>() {
            Ok(error) => *error,
            Err(error) => GpuError::Refused { reason: error.to_string() },
        },
        other => GpuError::Refused { reason: other.to_string() },
    };
    type Trial = (fn(&Gpu) -> Result<bool>, &'static str);
    let trials: [Trial; 5] = [
        (words, "words that it stored came back changed"),
        (sums, "its integers gave wrong sums"),
        (scores, "a score lay outside the bound of its error"),
        (failures, "a launch that cannot run was not reported"),
        (words, "words that it stored after a failed launch came back changed"),
    ];
    for (trial, wrong) in trials {
        if !trial(gpu).map_err(failed)? {
            return refused(wrong);
        }
    }
    Ok(())
}

/// Words that are subnormal, or no numbers, as floats.
fn words(gpu: &Gpu) -> Result<bool> {
    let link = gpu.link();
    let sent: Vec<u32> = (0..1000u32).map(|i| i.wrapping_mul(0x9e37_79b9) >> (i % 32)).collect();
    let same = link.read::<u32>(&link.upload(&sent)?)? == sent;
    let mut filled = true;
    for word in [0, 1, 0x7fc0_0001, 0xffff_ffff] {
        let out = link.room(1003)?;
        launch::fill(link, &out, word)?;
        filled &= link.read::<u32>(&out)?.iter().all(|found| *found == word);
    }
    Ok(same && filled)
}

/// Sums whose words carry, up and down, against the host's.
fn sums(gpu: &Gpu) -> Result<bool> {
    let (n, k, d, link) = (600usize, 2, 3, gpu.link());
    let value = |i: usize| match i % 6 {
        0 => f32::from_bits(0x477f_ffff),
        1 => -f32::from_bits(0x477f_ffff),
        2 => f32::from_bits(86 << 23),
        3 => -f32::from_bits(86 << 23 | 0x55_5555),
        4 => 0.0,
        _ => (i as f32 - 300.0) * 0.1,
    };
    let x: Vec<f32> = (0..n * d).map(|i| value(i / d * 5 + i % d * 7 + i / 97)).collect();
    let mut expected = Sums::new(k, d)?;
    let mut moves = Vec::new();
    for row in 0..n {
        let cluster = row / 301;
        expected.add_row(cluster, &x[row * d..][..d])?;
        moves.push(Move { row: row as u32, cluster: cluster as u32, leaves: false });
        if row % 3 == 0 {
            expected.remove_row(cluster, &x[row * d..][..d])?;
            moves.push(Move { row: row as u32, cluster: cluster as u32, leaves: true });
        }
    }
    let words = link.room(PLANES * k * d)?;
    launch::fill(link, &words, 0)?;
    let Runs { list, runs } = Runs::new(&moves, k)?;
    let (rows, list, all) = (link.upload(&x)?, link.upload(&list)?, link.upload(&runs)?);
    launch::add_runs(link, &rows, &list, &all, &words, 0, runs.len() / 3, d)?;
    let words = link.read::<u32>(&words)?;
    let word = |plane: usize, at: usize| u128::from(words[plane * k * d + at]) << (32 * plane);
    let sum = |at: usize| (0..PLANES).fold(0u128, |sum, plane| sum | word(plane, at)) as i128;
    let mut found = Sums::new(k, d)?;
    for cluster in 0..k {
        let units: Vec<i128> = (0..d).map(|column| sum(cluster * d + column)).collect();
        found.count_rows(cluster, expected.rows(cluster), 0)?;
        found.add_units(cluster, &units)?;
    }
    Ok(found.to_bytes()? == expected.to_bytes()?)
}

/// The best scores of some rows, with products that cancel, against f64.
fn scores(gpu: &Gpu) -> Result<bool> {
    let (n, k, d, link) = (33usize, 35usize, COLUMNS, gpu.link());
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    let x: Vec<f32> = (0..n * d).map(|_| next() + 3.0).collect();
    let c: Vec<f32> = (0..k * d).map(|_| next() + 3.0).collect();
    let framed = Framed::new(k, d, Metric::SqEuclidean, None, |i| &c[i * d..][..d])?;
    let (Some(framed), Some(plan)) = (framed, Search::new(&gpu.limits(), n, k, d)) else { return Ok(false) };
    let mut aux = framed.frame.center.clone();
    aux.extend(&framed.halves);
    let (sent, aux, targets) = (link.upload(&x)?, link.upload(&aux)?, link.upload(&framed.values)?);
    let (norms, best, found) = (link.room(n)?, link.room(n)?, link.room(n * WORDS)?);
    let frame = Arc::clone(&framed.frame);
    launch::norms(link, &sent, &aux, &norms, frame.scale, frame.growth(), 1.0, 0, n, d)?;
    let sides = Sides { x: &sent, c: &targets, aux: &aux, windows: None, first: 0, n, k, dim: d };
    let scoring = Scoring { scale: frame.scale, margin: framed.margin };
    launch::nearest(link, &plan, sides, scoring, &norms, &best, &found, 0, Start::Nothing)?;
    let (norms, best, found) =
        (link.read::<f32>(&norms)?, link.read::<f32>(&best)?, link.read::<u32>(&found)?);
    let mut right = true;
    for i in 0..n {
        let row: Vec<f64> = (0..d)
            .map(|j| (f64::from(x[i * d + j]) - f64::from(frame.center[j])) * f64::from(frame.scale))
            .collect();
        let norm = row.iter().map(|v| v * v).sum::<f64>().sqrt();
        let a = f64::from(norms[i]);
        let score = |j: usize| {
            let target = &framed.values[j * d..][..d];
            let dot: f64 = row.iter().zip(target).map(|(x, c)| x * f64::from(*c)).sum();
            0.5 * dot64(target, target) - dot
        };
        let all: Vec<f64> = (0..k).map(score).collect();
        let least = all.iter().copied().fold(f64::INFINITY, f64::min);
        let [m0, m1, m2] = framed.margin.map(f64::from);
        let margin = m0 + a * (m1 + a * m2);
        // Half of the margin is the error of a score.
        right &= norm <= a && a <= 1.1 * norm && (f64::from(best[i]) - least).abs() <= 0.5 * margin;
        let listed = &found[i * WORDS + 1..];
        let count = (found[i * WORDS] as usize).min(WORDS - 1);
        let nearest = all.iter().position(|z| *z == least).unwrap_or(0) as u32;
        right &= found[i * WORDS] as usize > count || listed[..count].contains(&nearest);
    }
    Ok(right)
}

/// A launch of more units than any device has must be an error when its output is read.
fn failures(gpu: &Gpu) -> Result<bool> {
    let link = gpu.link();
    let out = link.room(64)?;
    launch::fill(link, &out, 1)?;
    launch::fill_with(link, &out, 2, 1 << 20)?;
    Ok(link.read::<u32>(&out).is_err())
}

/// Whether the definition has its bits on the device: of lists whose targets are equally near but for the last bits, the host's
/// choice is left. A device that fails decides nothing, and is a device all the same.
pub(crate) fn decides(gpu: &Gpu) -> bool {
    // The lists are sent, not found: the search is none of this.
    let settled = || -> Result<bool> {
        let (n, d, link) = (256, 100, gpu.link());
        let (x, c) = last_bits(n, d);
        let lists: Vec<u32> = (0..n).flat_map(list).collect();
        let (x_there, c_there, found) = (link.upload(&x)?, link.upload(&c)?, link.upload(&lists)?);
        launch::settle(link, &x_there, &c_there, &found, 0, n, d, Value::Distance(gpu.square()))?;
        let found = link.read::<u32>(&found)?;
        let right = |i: usize| {
            let words = list(i);
            let count = words[0] as usize;
            let distance = |j: u32| squared_distance(&x[i * d..][..d], &c[j as usize * d..][..d]);
            let nearer = |a: &u32, b: &u32| distance(*a).total_cmp(&distance(*b)).then(a.cmp(b));
            let expected = words[1..=count.min(LISTED)].iter().copied().min_by(nearer);
            let settled = (2..=LISTED).contains(&count);
            let here = &found[i * WORDS..][..WORDS];
            if settled { here[0] == DECIDED && Some(here[1]) == expected } else { here == words }
        };
        Ok((0..n).all(right))
    };
    settled().unwrap_or(false)
}

/// The list of row `i` among the targets of [`last_bits`]: also of none, of one, and of too many.
fn list(i: usize) -> [u32; WORDS] {
    let mut words = [0; WORDS];
    words[0] = (i % (LISTED + 2)) as u32;
    words[1..].iter_mut().enumerate().for_each(|(j, word)| *word = (i * 7 + j * 5) as u32 % TARGETS as u32);
    words
}

/// Targets of [`last_bits`].
pub(crate) const TARGETS: usize = 8;

/// `n` rows, each of one value, and [`TARGETS`] targets that are rotations of one: the distances of a row are sums of the same
/// numbers in other orders. Only their last bits differ, and a square that is not rounded has others.
pub(crate) fn last_bits(n: usize, d: usize) -> (Vec<f32>, Vec<f32>) {
    let value = |i: usize, scale: f32| {
        let bits = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 41;
        (bits as f32 / (1u64 << 23) as f32 - 0.3) * scale
    };
    let x = (0..n * d).map(|at| value(at / d, 1000.0)).collect();
    let c = (0..TARGETS * d).map(|at| value(1000 + (at / d * 5 + at % d) % d, 1.0)).collect();
    (x, c)
}
