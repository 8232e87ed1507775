//! The definition on a device, with the multiplication that lavapipe has: its order is that of the host, bit by bit. That CUDA's
//! compiler keeps the roundings is what `gate/` shows.

use cubecl::prelude::*;
use pauca::Context;
use pauca::backend::{Backend, Copies};
use pauca::exact::{Metric, cosine, squared_distance};

use crate::device::Gpu;
use crate::faults::device;
use crate::kernels::definition::{Square, Value, score};
use crate::kernels::search::LISTED;
use crate::limits::Limits;
use crate::link::Buffer;
use crate::plan::rows_of_buffer;
use crate::selftest::{TARGETS, decides, last_bits};
use crate::targets::rows_of;

/// Values of the rows `i` of `x` and `i` of `c`, `[n, d]`.
#[cube(launch_unchecked)]
fn values(x: &[f32], c: &[f32], out: &mut [f64], n: u32, d: u32, #[comptime] value: Value) {
    let row = ABSOLUTE_POS;
    if row < n as usize {
        let start = row * d as usize;
        out[row] = score(x, c, start, start, d as usize, value);
    }
}

fn on_device(gpu: &Gpu, x: &[f32], c: &[f32], d: usize, value: Value) -> Vec<u64> {
    let (n, link) = (x.len() / d, gpu.link());
    let (x, c): (Buffer, Buffer) = (link.upload(x).unwrap(), link.upload(c).unwrap());
    let out = link.client.empty(8 * n);
    // SAFETY: the kernel reads x and c below n d, which are their lengths, and writes out below n.
    unsafe {
        let count = CubeCount::Static(n.div_ceil(64) as u32, 1, 1);
        let arg = BufferArg::from_raw_parts(out.clone(), n);
        let (n, d) = (n as u32, d as u32);
        values::launch_unchecked(
            &link.client,
            count,
            CubeDim::new_1d(64),
            x.arg(),
            c.arg(),
            arg,
            n,
            d,
            value,
        );
    }
    // Of a zero no comparison sees the sign, and devices may change it.
    f64::from_bytes(&link.client.read_one(out).unwrap()).iter().map(|v| (v + 0.0).to_bits()).collect()
}

#[test]
fn every_bit_is_the_definitions() {
    let Some(gpu) = device() else { return };
    let mut state = 5u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    let (mut cases, mut fused) = (0, 0);
    for d in [1, 15, 16, 17, 33, 100, 385] {
        for (scale, offset) in [(1.0, 0.0), (1.0, 1000.0), (1e-30, 0.0), (1e20, 0.0)] {
            let n = 67;
            let mut x: Vec<f32> = (0..n * d).map(|_| next() * scale + offset).collect();
            let mut c: Vec<f32> = (0..n * d).map(|_| next() * 1e-3 * scale + offset).collect();
            // A row of zeros on each side, a copy, and a multiple.
            x[..d].fill(0.0);
            c[d..2 * d].fill(0.0);
            c[2 * d..3 * d].copy_from_slice(&x[2 * d..3 * d]);
            (0..d).for_each(|j| c[3 * d + j] = -3.0 * x[3 * d + j]);
            let pairs = || x.chunks_exact(d).zip(c.chunks_exact(d));
            let expected: Vec<u64> = pairs().map(|(x, c)| squared_distance(x, c).to_bits()).collect();
            let found = on_device(&gpu, &x, &c, d, Value::Distance(Square::Plain));
            assert_eq!(found, expected, "distances {d} {scale} {offset}");
            let expected: Vec<u64> = pairs().map(|(x, c)| (0.0 - cosine(x, c)).to_bits()).collect();
            assert_eq!(on_device(&gpu, &x, &c, d, Value::Cosine), expected, "cosines {d} {scale} {offset}");
            fused += pairs().filter(|(x, c)| contracted(x, c) != squared_distance(x, c)).count();
            cases += n;
        }
    }
    // What contraction would have changed: the values tell it apart.
    assert!(fused > cases / 20, "{fused} of {cases}");
}

/// The squared distance with fused squares, as CUDA's compiler would have it.
fn contracted(x: &[f32], c: &[f32]) -> f64 {
    let mut lanes = [0.0f64; 16];
    for (j, (x, c)) in x.iter().zip(c).enumerate() {
        let e = f64::from(*x) - f64::from(*c);
        lanes[j % 16] = e.mul_add(e, lanes[j % 16]);
    }
    for w in [8, 4, 2, 1] {
        (0..w).for_each(|l| lanes[l] += lanes[l + w]);
    }
    lanes[0]
}

#[test]
fn a_device_that_decides_gives_the_labels_of_the_cpu() {
    let Some(gpu) = device() else { return };
    assert!(!gpu.limits().decides, "wgpu promises nothing of f64");
    assert!(decides(&gpu), "the trial that a device of CUDA must pass");
    let (n, d, cx) = (1003, 100, Context::default());
    let (x, c) = last_bits(n, d);
    let nearest = |by: &dyn Fn(&[f32], &[f32]) -> f64, i: usize, k: usize| {
        let distance = |t: usize| by(&x[i * d..][..d], &c[t * d..][..d]);
        (0..k).min_by(|a, b| distance(*a).total_cmp(&distance(*b))).unwrap() as u32
    };
    for k in [2, 3, 4, TARGETS] {
        let rows = || rows_of(&x, n, d).unwrap();
        let labels = |gpu: &Gpu| {
            let block = gpu.load(rows(), Metric::SqEuclidean, &cx).unwrap();
            let targets = rows_of(&c[..k * d], k, d).unwrap();
            let targets = gpu.targets(targets, Metric::SqEuclidean, Copies::Collapse, &cx).unwrap();
            let mut labels = vec![9; n];
            let stats = gpu.nearest(&block, &targets, None, &mut labels, &cx).unwrap();
            (labels, stats)
        };
        let expected: Vec<u32> = (0..n).map(|i| nearest(&squared_distance, i, k)).collect();
        let other = (0..n).filter(|i| nearest(&contracted, *i, k) != expected[*i]).count();
        assert!(other > n / 20, "contraction would change {other} labels only");
        let (host, by_host) = labels(&gpu);
        assert_eq!(host, expected);
        for cut in [false, true] {
            let mut deciding = gpu.clone();
            if cut {
                // Chunks of rows, and three targets a piece.
                deciding = deciding.with_limits(Limits { buffer: 4 * 300, memory: 0, ..gpu.limits() });
                assert_eq!(rows_of_buffer(&deciding.limits(), d), Some(3));
            }
            let before = gpu.traffic();
            let (found, stats) = labels(&deciding.trusted());
            assert_eq!(found, expected, "{k} targets, cut: {cut}");
            assert_eq!((stats.rows, by_host.rows), (n as u64, n as u64));
            if k <= LISTED {
                assert_eq!((stats.truth, by_host.truth), (n as u64, n as u64), "{k} targets, cut: {cut}");
            }
            if k <= LISTED && !cut {
                // A label a row, and the counts of each launch: no list.
                let down = gpu.traffic().since(&before);
                assert_eq!(down.bytes_down, 4 * n as u64 + 4 * down.reads, "{down:?}");
            }
        }
    }
    let off = gpu.clone().trusted().with_limits(Limits { decides: false, ..gpu.limits() });
    assert!(!off.limits().decides, "forced off");
}
