//! Codebooks at the size of a real tokenizer: 32,768 latents, 16,384 codes. Memory of every step in little; on
//! request (not in CI: five minutes of one core), memory at full size, and every id against the definition:
//!
//! `cargo test --release -p pauca-tests --test large -- --ignored --nocapture --test-threads=1`
#![allow(clippy::print_stderr, reason = "the measurements are the point of the run on request")]

use std::time::Instant;

use ndarray::{Array2, s};
use pauca::exact::{cosine, squared_distance};
use pauca::vq::{CodeStats, Ema, EntropyLoss, Training, Upstream, VectorQuantizer};
use pauca::{Cpu, Metric};
use pauca_tests::data::Rng;
use pauca_tests::memory::{Counting, alone, peak_of_process};
use pauca_tests::run::threads;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Peak of `f` beyond what was in use before and what its result holds, in MiB; and the result.
fn beyond<T>(f: impl FnOnce() -> T) -> (f64, T) {
    let (result, bytes) = peak_of_process(f);
    (bytes as f64 / f64::from(1 << 20), result)
}

const CODES: usize = 16_384;
/// MiB beyond input and output.
const LIMIT: f64 = 64.0;

fn normal(n: usize, d: usize, mean: f32, seed: u64) -> Array2<f32> {
    let mut rng = Rng(seed);
    Array2::from_shape_simple_fn((n, d), || mean + rng.normal() as f32)
}

/// Memory of a whole step with two threads.
fn memory(n: usize, d: usize, metric: Metric) {
    let _turn = alone();
    let (z, codes, g) = (normal(n, d, 0.0, 1), normal(CODES, d, 0.0, 2), normal(n, d, 0.0, 3));
    let (cpu, cx) = (Cpu::new().unwrap(), threads(2));
    let vq = VectorQuantizer::new().metric(metric);
    let run = || vq.forward_on(&cpu, z.view(), codes.view(), None, &cx).unwrap();
    let (forward, step) = beyond(run);
    let (backward, _) =
        beyond(|| vq.backward_in(z.view(), codes.view(), &step, Upstream::of(g.view()), &cx).unwrap());
    let ids = step.ids.to_vec();
    let (collect, stats) = beyond(|| {
        let mut stats = CodeStats::new(CODES, d, metric).unwrap();
        stats.collect_on(&cpu, z.view(), &ids, &cx).unwrap();
        stats
    });
    let mut book = Ema::new(metric).start(codes.view()).unwrap();
    let (update, ()) = beyond(|| book.update(&stats).unwrap());
    eprintln!(
        "{n} x {d}, {metric:?}: MiB beyond input and output: forward {forward:.1}, backward {backward:.1}, collect {collect:.1}, update {update:.1}"
    );
    for (step, peak) in
        [("forward", forward), ("backward", backward), ("collect", collect), ("update", update)]
    {
        assert!(peak < LIMIT, "{step}: {peak:.1} MiB");
    }
}

#[test]
fn memory_of_a_step_stays_below_64_mb() {
    memory(4096, 8, Metric::SqEuclidean);
    memory(512, 256, Metric::SqEuclidean);
    memory(512, 256, Metric::Cosine);
}

#[test]
#[ignore = "memory of full steps, 32,768 latents and 16,384 codes, d = 8 and 256: a minute; \
            cargo test --release -p pauca-tests --test large -- --ignored --nocapture --test-threads=1"]
fn memory_of_a_full_step_stays_below_64_mb() {
    for metric in [Metric::SqEuclidean, Metric::Cosine] {
        memory(32_768, 8, metric);
        memory(32_768, 256, metric);
    }
}

/// Rows whose oracle is held against the definition on every pair.
const CHECKED: usize = 64;

/// The definition's value, the smaller the nearer.
fn definition(metric: Metric, row: &[f32], code: &[f32]) -> f64 {
    match metric {
        Metric::SqEuclidean => squared_distance(row, code),
        Metric::Cosine => -cosine(row, code),
    }
}

/// The code of least value among `of`, the lowest of equals.
fn least(metric: Metric, row: &[f32], codes: &Array2<f32>, of: impl Iterator<Item = usize>) -> u32 {
    let value = |j: usize| definition(metric, row, codes.row(j).to_slice().unwrap());
    of.fold((f64::INFINITY, 0), |best, j| if value(j) < best.0 { (value(j), j as u32) } else { best }).1
}

/// Rows in `f64` about `centre` (an exact difference of `f32` values of one magnitude), or of unit length.
fn centred(x: &Array2<f32>, metric: Metric, centre: f32) -> Array2<f64> {
    let mut x = x.mapv(|v| f64::from(v) - f64::from(centre));
    if metric == Metric::Cosine {
        x.rows_mut().into_iter().for_each(|mut row| row /= row.dot(&row).sqrt());
    }
    x
}

/// Every id against the definition: matrix products in `f64` leave out only codes that cannot be nearest, and the
/// definition decides among all others.
///
/// With rows a and codes b about a common centre, |a - b|² = |a|² + 2 s, s = |b|² / 2 - a.b. A product is right to
/// (d + 3) u (|a||b| + |b|²), u = 2^-53, the definition to (d / 16 + 8) u of itself; so the code that the definition
/// chooses has an s within 2 (d + 3) u (|a| + B)² + 1.5 (d / 16 + 8) u (|a| + B)² of the least, B the longest code.
/// The slack is far above; so it is for the cosine, with unit rows, half codes left out, and an error of the definition
/// below (d / 8 + 12) u.
fn every_id(metric: Metric, d: usize, mean: f32) {
    let slack = 4.0 * (2 * d + 64) as f64 * (f64::EPSILON / 2.0);
    let _turn = alone();
    let (z, codes) = (normal(32_768, d, mean, 4), normal(CODES, d, mean, 5));
    let begin = Instant::now();
    let found = VectorQuantizer::new().metric(metric).assign(z.view(), codes.view(), None).unwrap();
    let (seconds, begin) = (begin.elapsed().as_secs_f64(), Instant::now());
    let (a, b) = (centred(&z, metric, mean), centred(&codes, metric, mean));
    let squares: Vec<f64> = b.rows().into_iter().map(|b| b.dot(&b)).collect();
    let longest = squares.iter().copied().fold(0.0, f64::max).sqrt();
    let halves: Vec<f64> =
        squares.iter().map(|s| if metric == Metric::Cosine { 0.0 } else { s / 2.0 }).collect();
    let (mut wrong, mut looked_at) = (0, 0);
    for first in (0..z.nrows()).step_by(128) {
        let products = a.slice(s![first..first + 128, ..]).dot(&b.t());
        for (i, products) in (first..).zip(products.rows()) {
            let score = |j: usize| halves[j] - products[j];
            let length = a.row(i).dot(&a.row(i)).sqrt() + longest;
            let limit = (0..CODES).map(score).fold(f64::INFINITY, f64::min) + slack * length * length;
            let near: Vec<usize> = (0..CODES).filter(|&j| score(j) <= limit).collect();
            let row = z.row(i);
            let id = least(metric, row.as_slice().unwrap(), &codes, near.iter().copied());
            if i < CHECKED {
                assert_eq!(
                    id,
                    least(metric, row.as_slice().unwrap(), &codes, 0..CODES),
                    "the oracle, row {i}"
                );
            }
            looked_at += near.len();
            wrong += usize::from(id != found.ids[i]);
        }
    }
    let s = found.search;
    eprintln!(
        "{metric:?}, d {d}, mean {mean} sigma: {wrong} of 32768 wrong; {seconds:.2} s against {:.0} s ({looked_at} \
         candidates by the definition); rows settled by f32 {}, f64 {}, definition {}",
        begin.elapsed().as_secs_f64(),
        s.f32,
        s.f64,
        s.truth
    );
    assert_eq!(wrong, 0);
}

macro_rules! every_id {
    ($($name:ident: $metric:ident, $d:literal, $mean:literal;)*) => {$(
        #[test]
        #[ignore = "every id of 32,768 latents and 16,384 codes against the definition, half a billion pairs; \
                    cargo test --release -p pauca-tests --test large -- --ignored --nocapture --test-threads=1"]
        fn $name() {
            every_id(Metric::$metric, $d, $mean);
        }
    )*};
}
every_id! {
    every_id_at_the_origin_8: SqEuclidean, 8, 0.0;
    every_id_at_100_sigma_8: SqEuclidean, 8, 100.0;
    every_id_of_unit_codes_8: Cosine, 8, 0.0;
    every_id_at_the_origin_256: SqEuclidean, 256, 0.0;
    every_id_at_100_sigma_256: SqEuclidean, 256, 100.0;
}

#[test]
#[ignore = "time and memory of the entropy loss of 32,768 latents and 16,384 codes, 540 million exponentials a sweep; \
            cargo test --release -p pauca-tests --test large -- --ignored --nocapture --test-threads=1"]
fn entropy_of_a_real_tokenizer() {
    let _turn = alone();
    let (z, codes) = (normal(32_768, 8, 0.0, 6), normal(CODES, 8, 0.0, 7));
    let (cpu, cx) = (Cpu::new().unwrap(), threads(2));
    for training in [Training::Ema, Training::Gradient] {
        let vq =
            VectorQuantizer::new().metric(Metric::Cosine).training(training).entropy(EntropyLoss::new(0.1));
        let begin = Instant::now();
        let (forward, step) = beyond(|| vq.forward_on(&cpu, z.view(), codes.view(), None, &cx).unwrap());
        let (first, begin) = (begin.elapsed().as_secs_f64(), Instant::now());
        let (backward, _) =
            beyond(|| vq.backward_in(z.view(), codes.view(), &step, Upstream::default(), &cx).unwrap());
        let second = begin.elapsed().as_secs_f64();
        eprintln!(
            "entropy, {training:?}: forward {first:.1} s, {forward:.1} MiB; backward {second:.1} s, {backward:.1} MiB"
        );
        assert!(forward < LIMIT && backward < LIMIT);
    }
}
