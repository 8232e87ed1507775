//! Exact sums of an iteration of k-means beside the machine's limit, one thread: all rows, moved rows, and the
//! centroids made of them.
//!
//! `cargo bench -p pauca-benches --bench sums`; `PAUCA_SIMD=avx2` and the like choose the level. Throughput counts the
//! bytes of the rows that are read; "limit" reads the same rows once, in order, and does nothing else.
#![allow(missing_docs, reason = "criterion's macros make public items without documentation")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run should stop")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use half::f16;
use ndarray::Array2;
use pauca::backend::Backend;
use pauca::{Context, Control, Cpu, Exec, IntoRows, Metric, Rows};
use pauca_benches::random::Uniform;

const N: usize = 100_000;
const D: usize = 384;
const K: usize = 1000;
const MOVED: usize = 5_000;

fn sums(c: &mut Criterion) {
    let (cpu, cx) = (Cpu::new().unwrap(), Context::new(Exec::serial(), Control::new()));
    let mut random = Uniform::new(1);
    let x = Array2::from_shape_fn((N, D), |_| random.next_f32() - 0.5);
    let halves = x.mapv(f16::from_f32);
    let far = &x * 1e20f32;
    let from: Vec<u32> = (0..N).map(|_| random.below(K) as u32).collect();
    let mut to = from.clone();
    for _ in 0..MOVED {
        to[random.below(N)] = random.below(K) as u32;
    }
    let weights: Vec<f32> = (0..N).map(|_| random.next_f32() + 0.5).collect();

    let mut group = c.benchmark_group(format!("sums {N} x {D}, k {K}, {}", cpu.level().name()));
    group.sample_size(10).measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    let bytes = |size: usize| Throughput::Bytes((N * D * size) as u64);
    group.throughput(bytes(4));
    group.bench_function("limit: read every row", |b| {
        b.iter(|| {
            x.as_slice()
                .unwrap()
                .as_chunks::<16>()
                .0
                .iter()
                .fold([0u32; 16], |sum, x| std::array::from_fn(|l| sum[l] ^ x[l].to_bits()))
        });
    });
    let rows: [(&str, Rows<'_>, Metric, Option<&[f32]>); 5] = [
        ("f32", x.into_rows().unwrap(), Metric::SqEuclidean, None),
        ("f16", halves.into_rows().unwrap(), Metric::SqEuclidean, None),
        ("unit rows", x.into_rows().unwrap(), Metric::Cosine, None),
        ("weighted", x.into_rows().unwrap(), Metric::SqEuclidean, Some(&weights)),
        ("near 1e20", far.into_rows().unwrap(), Metric::SqEuclidean, None),
    ];
    for (name, rows, metric, weights) in rows {
        group.throughput(bytes(if name == "f16" { 2 } else { 4 }));
        let block = cpu.load(rows, metric, &cx).unwrap();
        let mut sums = cpu.sums(K, D, weights.is_some(), &cx).unwrap();
        cpu.accumulate(&block, None, &from, weights, &mut sums, &cx).unwrap();
        group.bench_function(BenchmarkId::new("all rows", name), |b| {
            let outside = vec![u32::MAX; N];
            b.iter(|| {
                cpu.accumulate(&block, Some(&outside), &from, weights, &mut sums, &cx).unwrap();
            });
        });
    }
    let block = cpu.load(x.into_rows().unwrap(), Metric::SqEuclidean, &cx).unwrap();
    let mut sums = cpu.sums(K, D, false, &cx).unwrap();
    cpu.accumulate(&block, None, &from, None, &mut sums, &cx).unwrap();
    group.throughput(Throughput::Bytes((2 * MOVED * D * 4) as u64));
    group.bench_function("moved rows, there and back", |b| {
        b.iter(|| {
            cpu.accumulate(&block, Some(&from), &to, None, &mut sums, &cx).unwrap();
            cpu.accumulate(&block, Some(&to), &from, None, &mut sums, &cx).unwrap();
        });
    });
    group.throughput(Throughput::Elements((K * D) as u64));
    let mut centroids = vec![0.0; K * D];
    for (name, metric) in [("means", Metric::SqEuclidean), ("directions", Metric::Cosine)] {
        group.bench_function(BenchmarkId::new("all centroids", name), |b| {
            b.iter_batched(
                || {
                    let mut sums = cpu.sums(K, D, false, &cx).unwrap();
                    cpu.accumulate(&block, None, &from, None, &mut sums, &cx).unwrap();
                    sums
                },
                |mut sums| {
                    cpu.centroids(&mut sums, metric, &mut centroids, &cx).unwrap();
                    black_box(sums)
                },
                criterion::BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, sums);
criterion_main!(benches);
