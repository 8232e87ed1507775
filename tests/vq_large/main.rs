//! Codebooks at the size of a real tokenizer: 32,768 latents, 16,384 codes. Memory of every step; on request, every
//! id against the definition:
//!
//! `cargo test --release -p pauca-tests --test vq-large -- --ignored --nocapture --test-threads=1`
#![allow(unsafe_code, reason = "an allocator that counts")]
#![allow(clippy::print_stderr, reason = "the measurements are the point of the run on request")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use ndarray::Array2;
use pauca::exact::{cosine, squared_distance};
use pauca::vq::{CodeStats, Ema, EntropyLoss, Training, Upstream, VectorQuantizer};
use pauca::{Context, Control, Cpu, Exec, Metric};
use pauca_tests::data::Rng;

/// Counts bytes in use and their peak.
struct Counting;

static USED: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// One measurement at a time.
static TURN: Mutex<()> = Mutex::new(());

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let used = USED.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(used, Relaxed);
        // SAFETY: the caller's layout.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's block.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Peak of `f` beyond what was in use before and what its result holds, in MiB; and the result.
fn beyond<T>(f: impl FnOnce() -> T) -> (f64, T) {
    let before = USED.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = f();
    let held = USED.load(Relaxed) - before;
    let peak = PEAK.load(Relaxed) - before - held;
    (peak as f64 / (1 << 20) as f64, result)
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
    let _turn = TURN.lock();
    let (z, codes, g) = (normal(n, d, 0.0, 1), normal(CODES, d, 0.0, 2), normal(n, d, 0.0, 3));
    let (cpu, cx) = (Cpu::new().unwrap(), Context::new(Exec::threads(2).unwrap(), Control::new()));
    let vq = VectorQuantizer::new().metric(metric);
    let run = || vq.forward_on(&cpu, z.view(), codes.view(), None, &cx).unwrap();
    let (forward, step) = beyond(run);
    let (backward, _) =
        beyond(|| vq.backward_on(z.view(), codes.view(), &step, Upstream::of(g.view()), &cx).unwrap());
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
#[ignore = "a minute of work"]
fn memory_of_a_full_step_stays_below_64_mb() {
    for metric in [Metric::SqEuclidean, Metric::Cosine] {
        memory(32_768, 8, metric);
        memory(32_768, 256, metric);
    }
}

/// Every id against the definition on every pair.
fn every_id(metric: Metric, d: usize, mean: f32) {
    let _turn = TURN.lock();
    let (z, codes) = (normal(32_768, d, mean, 4), normal(CODES, d, mean, 5));
    let begin = Instant::now();
    let found = VectorQuantizer::new().metric(metric).assign(z.view(), codes.view(), None).unwrap();
    let (seconds, begin) = (begin.elapsed().as_secs_f64(), Instant::now());
    let mut wrong = 0;
    for (i, row) in z.rows().into_iter().enumerate() {
        let row = row.as_slice().unwrap();
        let mut best = (f64::INFINITY, 0);
        for (j, code) in codes.rows().into_iter().enumerate() {
            let code = code.as_slice().unwrap();
            let value = match metric {
                Metric::SqEuclidean => squared_distance(row, code),
                Metric::Cosine => -cosine(row, code),
            };
            if value < best.0 {
                best = (value, j as u32);
            }
        }
        wrong += usize::from(best.1 != found.ids[i]);
    }
    let s = found.search;
    eprintln!(
        "{metric:?}, d {d}, mean {mean} sigma: {wrong} of 32768 wrong; {seconds:.2} s against {:.0} s; rows settled by \
         f32 {}, f64 {}, definition {}",
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
        #[ignore = "evaluates the definition on half a billion pairs"]
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
#[ignore = "540 million exponentials a sweep"]
fn entropy_of_a_real_tokenizer() {
    let _turn = TURN.lock();
    let (z, codes) = (normal(32_768, 8, 0.0, 6), normal(CODES, 8, 0.0, 7));
    let (cpu, cx) = (Cpu::new().unwrap(), Context::new(Exec::threads(2).unwrap(), Control::new()));
    for training in [Training::Ema, Training::Gradient] {
        let vq =
            VectorQuantizer::new().metric(Metric::Cosine).training(training).entropy(EntropyLoss::new(0.1));
        let begin = Instant::now();
        let (forward, step) = beyond(|| vq.forward_on(&cpu, z.view(), codes.view(), None, &cx).unwrap());
        let (first, begin) = (begin.elapsed().as_secs_f64(), Instant::now());
        let (backward, _) =
            beyond(|| vq.backward_on(z.view(), codes.view(), &step, Upstream::default(), &cx).unwrap());
        let second = begin.elapsed().as_secs_f64();
        eprintln!(
            "entropy, {training:?}: forward {first:.1} s, {forward:.1} MiB; backward {second:.1} s, {backward:.1} MiB"
        );
        assert!(forward < LIMIT && backward < LIMIT);
    }
}
