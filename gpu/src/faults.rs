//! Every transfer and every launch of a small run fails once: the call says so, and the next one is right.

use std::sync::atomic::Ordering;

use ndarray::Array2;
use pauca::backend::{Above, Backend, Best, Boundary, Copies, Pairs, Threshold};
use pauca::exact::{Metric, Sums};
use pauca::{Context, Cpu, D4, Error, KMeans, Result, Rows, Rule, SemDedup};

use crate::device::Gpu;
use crate::error::GpuError;

pub(crate) fn device() -> Option<Gpu> {
    match Gpu::wgpu(0) {
        Ok(gpu) => Some(gpu),
        Err(error) => {
            assert!(std::env::var_os("PAUCA_GPU_REQUIRED").is_none(), "{error}");
            let _ = std::io::Write::write_all(&mut std::io::stderr(), b"SKIPPED: no device for tests\n");
            None
        }
    }
}

/// What a run answers, in numbers that can be compared.
type Answer = (Vec<u32>, Vec<f32>, Vec<u64>, Vec<(u32, u32)>, Vec<u8>, Vec<bool>);

fn run<B: Backend>(backend: &B, x: &Array2<f32>) -> Result<Answer> {
    let cx = Context::default();
    let kmeans = KMeans::new(3).seed(2).max_iter(2);
    let clusters = kmeans.fit_on(backend, &Rows::F32(x.view()), None, &cx)?;
    let block = backend.load(Rows::F32(x.view()), Metric::Cosine, &cx)?;
    let targets = backend.pack(&block, Copies::Keep, &cx)?;
    let offsets = [0, 9, 40];
    let mut best = vec![Best::NONE; 40];
    backend.earlier_max(&block, &targets, Pairs::Within(&offsets), 0, &mut best, &cx)?;
    let mut pairs = Vec::new();
    let above = Above { threshold: Threshold::One(0.2), boundary: Boundary::Ge, first_only: false };
    backend.pairs_above(&block, &targets, Pairs::Across, above, &mut pairs, &cx)?;
    let mut sums = Sums::new(2, 5)?;
    let to: Vec<u32> = (0..40).map(|i| i % 2).collect();
    backend.collect(&block, &to, &mut sums, &cx)?;
    let unique = SemDedup::new(Rule::GreedyCover).epsilon(0.3).fit_on(
        backend,
        &Rows::F32(x.view()),
        &clusters,
        &cx,
    )?;
    let d4 = D4::new().clusters(3).seed(4).max_iter(2).keep_fraction(0.5);
    let chosen = d4.fit_on(backend, &Rows::F32(x.view()), &cx)?;
    let rows = best.iter().map(|best| best.row).collect();
    let pairs = pairs.iter().map(|pair| (pair.later, pair.earlier)).collect();
    Ok((
        clusters.labels.to_vec(),
        clusters.centroids.iter().copied().collect(),
        rows,
        pairs,
        sums.to_bytes()?,
        unique.keep.iter().chain(&chosen.keep).copied().collect(),
    ))
}

fn rows() -> Array2<f32> {
    Array2::from_shape_fn((40, 5), |(i, j)| ((i * 7 + j * 5 + i * j) % 11) as f32 - 4.0)
}

/// The error is the device's.
fn is_of_the_device(outcome: Result<Answer>, step: u64) {
    match outcome {
        Err(Error::Device(source)) => {
            let source = source.downcast::<GpuError>().unwrap();
            assert!(matches!(*source, GpuError::Failed { .. }), "{source}");
        }
        other => panic!("step {step} failed unseen: {other:?}"),
    }
}

#[test]
fn every_step_can_fail_and_the_next_call_is_right() {
    let Some(gpu) = device() else { return };
    let x = rows();
    let expected = run(&Cpu::new().unwrap(), &x).unwrap();
    assert_eq!(run(&gpu, &x).unwrap(), expected);
    let steps = &gpu.link().fails_in;
    let mut failures = 0u64;
    loop {
        steps.store(failures + 1, Ordering::Relaxed);
        let outcome = run(&gpu, &x);
        if steps.swap(0, Ordering::Relaxed) > 0 {
            // The run has fewer steps than that.
            assert_eq!(outcome.unwrap(), expected);
            break;
        }
        is_of_the_device(outcome, failures + 1);
        assert_eq!(run(&gpu, &x).unwrap(), expected, "after a failure of step {}", failures + 1);
        failures += 1;
    }
    assert!(failures > 40, "{failures}");
}

/// A device that is lost at any step fails every call from then on, and is used again when it is there again.
#[test]
fn a_lost_device_fails_every_call() {
    let Some(gpu) = device() else { return };
    let (x, link) = (rows(), gpu.link());
    let (expected, never) = (run(&Cpu::new().unwrap(), &x).unwrap(), 1 << 40);
    link.fails_in.store(never, Ordering::Relaxed);
    assert_eq!(run(&gpu, &x).unwrap(), expected);
    let steps = never - link.fails_in.load(Ordering::Relaxed);
    link.lost.store(true, Ordering::Relaxed);
    let mut step = 1u64;
    while step <= steps {
        link.fails_in.store(step, Ordering::Relaxed);
        is_of_the_device(run(&gpu, &x), step);
        is_of_the_device(run(&gpu, &x), step);
        link.fails_in.store(0, Ordering::Relaxed);
        step += 1 + step / 8;
    }
    link.fails_in.store(0, Ordering::Relaxed);
    assert_eq!(run(&gpu, &x).unwrap(), expected);
    assert!(step > 40, "{step}");
}

/// Memory that no device has is refused when it is used, and the device goes on.
#[test]
fn memory_that_is_not_there_is_an_error() {
    let Some(gpu) = device() else { return };
    let link = gpu.link();
    let room = link.room(1 << 42).unwrap();
    crate::launch::fill(link, &room, 1).unwrap();
    assert!(matches!(link.read::<u32>(&room), Err(GpuError::Failed { .. })));
    let room = link.room(100).unwrap();
    crate::launch::fill(link, &room, 1).unwrap();
    assert_eq!(link.read::<u32>(&room).unwrap(), [1; 100]);
}
