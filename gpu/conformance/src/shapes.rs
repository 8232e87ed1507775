//! Ragged shapes, ties, copies, offsets and extreme scales: the operations of the device against those of the CPU, bit by bit.

use ndarray::{Array2, ArrayView2};
use pauca::backend::{Above, Backend, Best, Boundary, Copies, Pair, Pairs, Threshold};
use pauca::exact::{Metric, Sums};
use pauca::{Context, Cpu, Rows};
use pauca_gpu::{Gpu, GpuBlock, Limits};
use pauca_tests::data::Rng;

use super::{device, open, pieces};

/// What rows look like.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Smooth,
    /// Halves of integers: ties everywhere.
    Grid,
    /// Far from the origin.
    Offset,
    /// Every third row is a copy of the one before, every seventh is 0.
    Copies,
    Tiny,
    Huge,
}

const KINDS: [Kind; 6] = [Kind::Smooth, Kind::Grid, Kind::Offset, Kind::Copies, Kind::Tiny, Kind::Huge];

fn rows(n: usize, d: usize, kind: Kind, seed: u64) -> Array2<f32> {
    let mut rng = Rng(seed);
    let mut x = Array2::from_shape_fn((n, d), |_| {
        let v = rng.unit() as f32 * 2.0 - 1.0;
        match kind {
            Kind::Smooth | Kind::Copies => v,
            Kind::Grid => (2.0 * v).round() / 2.0,
            Kind::Offset => v + 1000.0,
            Kind::Tiny => v * 1e-30,
            Kind::Huge => v * 1e20,
        }
    });
    if matches!(kind, Kind::Copies) {
        for i in 1..n {
            if i % 3 == 1 {
                let before = x.row(i - 1).to_owned();
                x.row_mut(i).assign(&before);
            }
            if i % 7 == 6 {
                x.row_mut(i).fill(0.0);
            }
        }
    }
    x
}

/// Labels, sums of the labels and of what they become, and distances.
fn answers<B: Backend>(
    backend: &B,
    x: Rows<'_>,
    c: ArrayView2<'_, f32>,
    metric: Metric,
) -> (Vec<u32>, Vec<u8>, Vec<u64>) {
    let n = x.n_rows();
    let block = backend.load(x, metric, &Context::default()).unwrap();
    answers_of(backend, &block, n, c, metric)
}

/// The same for a block.
fn answers_of<B: Backend>(
    backend: &B,
    block: &B::Block<'_>,
    n: usize,
    c: ArrayView2<'_, f32>,
    metric: Metric,
) -> (Vec<u32>, Vec<u8>, Vec<u64>) {
    let (cx, (k, d)) = (Context::default(), c.dim());
    let targets = backend.targets(Rows::F32(c), metric, Copies::Collapse, &cx).unwrap();
    let (mut labels, mut values) = (vec![9; n], vec![0.0; n]);
    backend.nearest(block, &targets, None, &mut labels, &cx).unwrap();
    backend.values(block, &targets, &labels, &mut values, &cx).unwrap();
    let moved: Vec<u32> =
        (0..n as u32).map(|i| if i % 2 == 0 { labels[i as usize] } else { i % k as u32 }).collect();
    let mut sums = backend.sums(k, d, false, &cx).unwrap();
    backend.accumulate(block, None, &labels, None, &mut sums, &cx).unwrap();
    let mut centroids = vec![0.0f32; k * d];
    backend.centroids(&mut sums, metric, &mut centroids, &cx).unwrap();
    backend.accumulate(block, Some(&labels), &moved, None, &mut sums, &cx).unwrap();
    let mut host = Sums::new(k, d).unwrap();
    backend.add_to(&sums, &mut host, &cx).unwrap();
    let mut bytes = host.to_bytes().unwrap();
    bytes.extend(centroids.iter().flat_map(|v| v.to_bits().to_le_bytes()));
    (labels, bytes, values.iter().map(|v| v.to_bits()).collect())
}

fn compare(gpu: &Gpu, x: Rows<'_>, c: ArrayView2<'_, f32>, case: &str) {
    for metric in [Metric::SqEuclidean, Metric::Cosine] {
        let expected = answers(&Cpu::new().unwrap(), x.view(), c, metric);
        let found = answers(gpu, x.view(), c, metric);
        assert_eq!(found.0, expected.0, "labels of {case} {metric:?}");
        assert!(found.1 == expected.1, "sums of {case} {metric:?}");
        assert!(found.2 == expected.2, "distances of {case} {metric:?}");
    }
}

const SHAPES: [(usize, usize, usize); 14] = [
    (1, 1, 1),
    (1, 7, 3),
    (63, 1, 100),
    (63, 7, 1),
    (64, 7, 3),
    (64, 1000, 100),
    (65, 7, 385),
    (65, 64, 16),
    (65, 65, 17),
    (1003, 7, 3),
    (1003, 1000, 1),
    (1003, 7, 100),
    (130, 1000, 385),
    (1003, 33, 385),
];

/// Nearest targets, sums, centroids and distances, with every tile.
#[test]
fn labels_sums_and_distances_are_those_of_the_cpu() {
    let Some(gpu) = device() else { return };
    let small = gpu.clone().with_limits(Limits { shared: 16 << 10, ..gpu.limits() });
    let mut cases = 0;
    for (n, k, d) in SHAPES {
        for kind in KINDS {
            let (x, c) = (rows(n, d, kind, 17), rows(k, d, kind, 99));
            let tile = if cases % 2 == 0 { &gpu } else { &small };
            compare(tile, Rows::F32(x.view()), c.view(), &format!("{n} x {k} x {d} {kind:?}"));
            cases += 1;
        }
    }
    assert_eq!(cases, 84);
}

/// Rows of 16 bits, and rows in 1, 3 and 17 chunks, whether they stay on the device or stream.
#[test]
fn element_types_and_chunks_change_nothing() {
    let Some(gpu) = device() else { return };
    let (n, k, d) = (513, 40, 33);
    for kind in [Kind::Smooth, Kind::Grid, Kind::Copies, Kind::Offset] {
        let (x, c) = (rows(n, d, kind, 5), rows(k, d, kind, 6));
        let (f16, bf16) = (x.mapv(half::f16::from_f32), x.mapv(half::bf16::from_f32));
        for chunks in [1usize, 3, 17] {
            for memory in [0, 1 << 20] {
                let buffer = if chunks == 1 { u64::MAX } else { (n.div_ceil(chunks) * d * 4) as u64 };
                let cut = gpu.clone().with_limits(Limits { buffer, memory, ..gpu.limits() });
                let case = format!("{kind:?} in {chunks} chunks, {memory} bytes");
                compare(&cut, Rows::F32(x.view()), c.view(), &case);
                compare(&cut, Rows::F16(f16.view()), c.view(), &format!("f16 {case}"));
                compare(&cut, Rows::Bf16(bf16.view()), c.view(), &format!("bf16 {case}"));
            }
        }
    }
}

/// Rows that are gathered from a block on the device, in 1 and 3 chunks: kept there, and copied in every call.
#[test]
fn gathered_rows_are_those_of_the_cpu() {
    // With counters and room of its own.
    let Some(gpu) = open() else { return };
    let (cpu, cx) = (Cpu::new().unwrap(), Context::default());
    let (n, k, d) = (300, 7, 33);
    let some: Vec<u32> = (0..200).map(|i| i * i % n).collect();
    for kind in KINDS {
        let (mut x, c) = (rows(n as usize, d, kind, 41), rows(k, d, kind, 42));
        // Every fifth row is one that integers do not sum.
        (0..n as usize).step_by(5).for_each(|i| x[[i, 1]] = 1e-30);
        let picked = ndarray::Array2::from_shape_fn((some.len(), d), |(i, j)| x[[some[i] as usize, j]]);
        for metric in [Metric::SqEuclidean, Metric::Cosine] {
            let expected = answers(&cpu, Rows::F32(picked.view()), c.view(), metric);
            for chunk in [100, 300] {
                for memory in [4 * 300 * 34, 1 << 20] {
                    let limits = Limits { buffer: (4 * chunk * d) as u64, memory, ..gpu.limits() };
                    let gpu = gpu.clone().with_limits(limits);
                    let block = gpu.load(Rows::F32(x.view()), metric, &cx).unwrap();
                    let mut labels = vec![0; n as usize];
                    let targets = gpu.targets(Rows::F32(c.view()), metric, Copies::Collapse, &cx).unwrap();
                    gpu.nearest(&block, &targets, None, &mut labels, &cx).unwrap();
                    let case = format!("{kind:?} {metric:?}, chunks of {chunk}, {memory} bytes");
                    let sent = |block: GpuBlock<'_>| {
                        let before = gpu.traffic();
                        let found = answers_of(&gpu, &block, some.len(), c.view(), metric);
                        assert!(found == expected, "{case}");
                        gpu.traffic().since(&before).bytes_up
                    };
                    let gathered = sent(gpu.gather(&block, &some, &cx).unwrap().unwrap());
                    drop(block);
                    let loaded = sent(gpu.load(Rows::F32(picked.view()), metric, &cx).unwrap());
                    if memory == 1 << 20 {
                        // Two numbers a row, and not its values.
                        assert_eq!(gathered + (4 * some.len() * d) as u64, loaded + 8 * some.len() as u64);
                    }
                }
            }
        }
    }
}

/// Groups of 0 to 400 rows, and all pairs of two blocks.
#[test]
fn pairs_are_those_of_the_cpu() {
    let Some(gpu) = device() else { return };
    let (cpu, cx) = (Cpu::new().unwrap(), Context::default());
    for (n, d) in [(1, 3), (65, 17), (300, 33), (1003, 20)] {
        for kind in KINDS {
            let x = rows(n, d, kind, 31);
            let mut rng = Rng(n as u64);
            let mut offsets = vec![0];
            while offsets[offsets.len() - 1] < n {
                let size = if rng.unit() < 0.1 { 400 } else { 12 };
                offsets.push(n.min(offsets[offsets.len() - 1] + rng.below(size)));
            }
            for pairs in [Pairs::Within(&offsets), Pairs::Across] {
                // All pairs of the largest shape, and its groups in pieces, are more than a test needs.
                let (large, within) = (n > 1000, matches!(pairs, Pairs::Within(_)));
                if large && !within {
                    continue;
                }
                for cut in [gpu.clone(), pieces(&gpu)].into_iter().take(if large { 1 } else { 2 }) {
                    let case = format!("{n} x {d} {kind:?} {pairs:?}");
                    assert_eq!(best(&cut, &x, pairs, &cx), best(&cpu, &x, pairs, &cx), "{case}");
                    let threshold = if matches!(kind, Kind::Offset) { 0.9999999 } else { 0.6 };
                    let each: Vec<f64> =
                        (0..n).map(|i| if i % 9 == 8 { f64::NAN } else { threshold }).collect();
                    for (threshold, first_only) in
                        [(Threshold::One(threshold), true), (Threshold::Each(&each), false)]
                    {
                        let above = Above { threshold, boundary: Boundary::Ge, first_only };
                        let (found, expected) =
                            (passing(&cut, &x, pairs, above, &cx), passing(&cpu, &x, pairs, above, &cx));
                        assert_eq!(found, expected, "{case}");
                    }
                }
            }
        }
    }
}

fn best<B: Backend>(backend: &B, x: &Array2<f32>, pairs: Pairs<'_>, cx: &Context) -> Vec<Best> {
    let block = backend.load(Rows::F32(x.view()), Metric::Cosine, cx).unwrap();
    let targets = backend.pack(&block, Copies::Keep, cx).unwrap();
    // Some rows have found something before.
    let known = |i: usize| if i.is_multiple_of(5) { Best { similarity: 0.9, row: 3 } } else { Best::NONE };
    let mut best: Vec<Best> = (0..x.nrows()).map(known).collect();
    backend.earlier_max(&block, &targets, pairs, 1000, &mut best, cx).unwrap();
    best
}

fn passing<B: Backend>(
    backend: &B,
    x: &Array2<f32>,
    pairs: Pairs<'_>,
    above: Above<'_>,
    cx: &Context,
) -> Vec<Pair> {
    let block = backend.load(Rows::F32(x.view()), Metric::Cosine, cx).unwrap();
    let targets = backend.pack(&block, Copies::Keep, cx).unwrap();
    let mut out = vec![Pair { later: 7, earlier: 7, similarity: 0.5 }];
    backend.pairs_above(&block, &targets, pairs, above, &mut out, cx).unwrap();
    out
}
