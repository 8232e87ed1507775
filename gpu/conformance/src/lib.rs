//! What needs a device, on the first that wgpu finds, lavapipe where there is no GPU: the conformance suite, shapes of every
//! kind beside the CPU, and what passes between host and device.
//!
//! `PAUCA_TEST_CASES=16` problems of each property are enough for a day. With `PAUCA_GPU_CUT` nothing fits at once: rows come
//! in chunks, targets in pieces, launches are of one cube, and no rows stay on the device. `gpu/check.sh` runs the suite in both ways. A
//! package of its own, so that the tests of `pauca-gpu` need no more than that crate does.
#![cfg(test)]

mod doors;
mod shapes;
mod traffic;

use std::sync::OnceLock;

use pauca::Exec;
use pauca_gpu::{Gpu, Limits};
use pauca_tests::conformance::harness::say;
use pauca_tests::subject::Subject;

/// The device, opened anew, with counters of its own; none, loudly, where this machine has none. `PAUCA_GPU_REQUIRED` makes
/// that a failure.
fn open() -> Option<Gpu> {
    let opened = Gpu::wgpu(0);
    let line = match &opened {
        Ok(gpu) => format!("device: {} {}", gpu.found(), gpu.name()),
        Err(error) => format!("SKIPPED: {error}"),
    };
    say(&line);
    assert!(opened.is_ok() || std::env::var_os("PAUCA_GPU_REQUIRED").is_none(), "{line}");
    opened.ok()
}

/// The device, opened once.
fn device() -> Option<Gpu> {
    static DEVICE: OnceLock<Option<Gpu>> = OnceLock::new();
    DEVICE.get_or_init(open).clone()
}

/// Limits at which nothing fits at once: rows in chunks, targets in pieces, launches of one cube, and no rows that stay.
fn pieces(gpu: &Gpu) -> Gpu {
    let limits = Limits { buffer: 4 * 1500, memory: 0, cubes: 2, work: 1 << 14, ..gpu.limits() };
    gpu.clone().with_limits(limits)
}

/// The subject of the suite.
fn on_device() -> Option<Subject<Gpu>> {
    let cut = std::env::var_os("PAUCA_GPU_CUT").is_some();
    device().map(|gpu| Subject::new(if cut { pieces(&gpu) } else { gpu }, Exec::serial()))
}

pauca_tests::conformance!(suite, on_device());
