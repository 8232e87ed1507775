//! The device of the tests: the first that wgpu finds, which is lavapipe where there is no GPU.
#![allow(dead_code, reason = "not every test uses all")]

use std::io::Write;
use std::sync::OnceLock;

use pauca_gpu::{Gpu, Limits};

/// The device; none, loudly, where this machine has none. `PAUCA_GPU_REQUIRED` makes that a failure.
pub fn device() -> Option<Gpu> {
    static DEVICE: OnceLock<Option<Gpu>> = OnceLock::new();
    let open = || {
        let opened = Gpu::wgpu(0);
        let line = match &opened {
            Ok(gpu) => format!("device: {} {}", gpu.found(), gpu.name()),
            Err(error) => format!("SKIPPED: {error}"),
        };
        // Past the capture of the test runner.
        let _ = writeln!(std::io::stderr(), "{line}");
        let required = std::env::var_os("PAUCA_GPU_REQUIRED").is_some();
        assert!(opened.is_ok() || !required, "{line}");
        opened.ok()
    };
    DEVICE.get_or_init(open).clone()
}

/// Limits at which nothing fits at once: rows in chunks, targets in pieces, launches of one cube, and no rows that stay.
pub fn cut(gpu: &Gpu) -> Gpu {
    let limits = Limits { buffer: 4 * 1500, memory: 0, cubes: 2, work: 1 << 14, ..gpu.limits() };
    gpu.clone().with_limits(limits)
}

/// SplitMix64.
pub struct Rng(pub u64);

impl Rng {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An integer in 0..n.
    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n.max(1) as u64) as usize
    }

    /// A number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}
