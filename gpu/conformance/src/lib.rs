//! The conformance suite, on the first device that wgpu finds: lavapipe where there is no GPU.
//!
//! `PAUCA_TEST_CASES=16` problems of each property are enough for a day. With `PAUCA_GPU_CUT` nothing fits at once: rows come
//! in chunks, targets in pieces, launches are of one cube, and no rows stay on the device. `gpu/check.sh` runs both. A
//! package of its own, so that the tests of `pauca-gpu` need no more than that crate does.
#![cfg(test)]

use std::sync::OnceLock;

use pauca::Exec;
use pauca_gpu::{Gpu, Limits};
use pauca_tests::conformance::harness::say;
use pauca_tests::subject::Subject;

/// The device; none, loudly, where this machine has none. `PAUCA_GPU_REQUIRED` makes that a failure.
fn gpu() -> Option<Gpu> {
    static DEVICE: OnceLock<Option<Gpu>> = OnceLock::new();
    let cut = std::env::var_os("PAUCA_GPU_CUT").is_some();
    let open = || match Gpu::wgpu(0) {
        Ok(gpu) => {
            say(&format!("device: {} {}{}", gpu.found(), gpu.name(), if cut { ", in pieces" } else { "" }));
            let pieces = Limits { buffer: 4 * 1500, memory: 0, cubes: 2, work: 1 << 14, ..gpu.limits() };
            Some(if cut { gpu.with_limits(pieces) } else { gpu })
        }
        Err(error) => {
            assert!(std::env::var_os("PAUCA_GPU_REQUIRED").is_none(), "{error}");
            None
        }
    };
    DEVICE.get_or_init(open).clone()
}

pauca_tests::conformance!(device, gpu().map(|gpu| Subject::new(gpu, Exec::serial())));
