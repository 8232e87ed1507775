//! Small benchmarks of the steps of the main job, one thread, for comparing two versions of this
//! library on one machine. Beside other libraries: `peers/`.
//!
//! `cargo bench -p pauca-benches`; `PAUCA_SIMD=avx2` and the like choose the level.
#![allow(missing_docs, reason = "criterion's macros make public items without documentation")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot run should stop")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::{Array2, s};
use pauca::{Context, Control, Cpu, Exec, Init, KMeans, Order, Rule, SemDedup};
use pauca_benches::random::Uniform;

/// Rows around 64 centres on the unit sphere, from a small generator of its own.
fn rows(n: usize, d: usize) -> Array2<f32> {
    let mut random = Uniform::new(1);
    let mut uniform = move || random.next_f32() - 0.5;
    let centres = Array2::from_shape_fn((64, d), |_| uniform());
    let mut x = Array2::from_shape_fn((n, d), |(i, j)| centres[[i % 64, j]] + 0.7 * uniform());
    for mut row in x.rows_mut() {
        let norm = row.dot(&row).sqrt();
        row /= norm;
    }
    x
}

fn serial() -> (Cpu, Context<'static>) {
    (Cpu::new().unwrap(), Context::new(Exec::serial(), Control::new()))
}

fn curation(c: &mut Criterion) {
    let (cpu, cx) = serial();
    let (n, d, k) = (8_192, 384, 512);
    let x = rows(n, d);
    let view = pauca::IntoRows::into_rows(&x).unwrap();
    let init = x.slice(s![..k, ..]).to_owned();
    let from = |init: &Array2<f32>| KMeans::new(k).init(Init::Given(init.clone()));

    let mut group = c.benchmark_group(format!("{n} x {d}, {}", cpu.level().name()));
    group.sample_size(10).measurement_time(Duration::from_secs(4)).warm_up_time(Duration::from_secs(1));
    group.throughput(Throughput::Elements((n * k) as u64));
    for spherical in [false, true] {
        let name = if spherical { "cosine" } else { "euclidean" };
        let zero = from(&init).spherical(spherical).max_iter(0).fit_on(&cpu, &view, None, &cx).unwrap();
        group.bench_function(BenchmarkId::new("assign", name), |b| {
            b.iter(|| black_box(zero.predict_on(&cpu, &view, &cx).unwrap()));
        });
    }
    group.bench_function("lloyd, 3 iterations", |b| {
        b.iter(|| black_box(from(&init).max_iter(3).fit_on(&cpu, &view, None, &cx).unwrap()));
    });
    group.throughput(Throughput::Elements(n as u64));
    for init in [Init::KMeansPlusPlus, Init::Random] {
        let name = format!("{init:?}");
        // Seeding and the assignment that follows it.
        group.bench_function(BenchmarkId::new("seeding", name), |b| {
            b.iter(|| {
                let kmeans = KMeans::new(k).init(init.clone()).max_iter(0);
                black_box(kmeans.fit_on(&cpu, &view, None, &cx).unwrap())
            });
        });
    }
    let one =
        KMeans::new(1).spherical(true).max_iter(0).init(Init::Random).fit_on(&cpu, &view, None, &cx).unwrap();
    for rule in Rule::ALL {
        let order = Order::Custom((0..n).map(|i| i as f64).collect());
        let dedup = SemDedup::new(rule).order(order).epsilon(0.05);
        group.throughput(Throughput::Elements((n * (n - 1) / 2) as u64));
        group.bench_function(BenchmarkId::new("dedup", format!("{rule:?}")), |b| {
            b.iter(|| black_box(dedup.fit_on(&cpu, &view, &one, &cx).unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, curation);
criterion_main!(benches);
