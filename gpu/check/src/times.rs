//! How long the device and the processor take, beside each other, on the same rows.

use std::time::Instant;

use ndarray::Array2;
use pauca::backend::{Backend, Best, Copies, Pairs};
use pauca::exact::Metric;
use pauca::{Context, Result, Rows};
use pauca_gpu::Gpu;
use serde_json::{Value, json};

use crate::Found;
use crate::truth::said;

/// Rows of a group whose pairs are compared.
const GROUP: usize = 1000;

/// Gaussian rows around centers, as embeddings are: a function of its arguments alone.
pub fn rows(n: usize, d: usize, seed: u64) -> Array2<f32> {
    let mut rng = pauca_tests::data::Rng(seed);
    let mut normal = move || (0..4).map(|_| rng.unit()).sum::<f64>() as f32 - 2.0;
    let centers = Array2::from_shape_fn((64, d), |_| normal());
    Array2::from_shape_fn((n, d), |(i, j)| centers[[i * 7919 % 64, j]] + normal())
}

/// Seconds of each operation, the median of some runs.
struct Seconds {
    assignment: f64,
    update: f64,
    iteration: f64,
    pairs: f64,
    labels: Vec<u32>,
}

fn median(repetitions: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut seconds = Vec::new();
    for _ in 0..repetitions.max(1) {
        let begun = Instant::now();
        work()?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    Ok(seconds[seconds.len() / 2])
}

fn time<B: Backend>(backend: &B, x: &Array2<f32>, k: usize, repetitions: usize) -> Result<Seconds> {
    let (cx, n, d) = (Context::default(), x.nrows(), x.ncols());
    let first = x.slice(ndarray::s![..k, ..]);
    let (metric, view) = (Metric::SqEuclidean, Rows::F32(x.view()));
    let block = backend.load(view.view(), metric, &cx)?;
    let targets = || backend.targets(Rows::F32(first), metric, Copies::Collapse, &cx);
    let (mut labels, packed) = (vec![0u32; n], targets()?);
    // The first call sends the rows and compiles.
    backend.nearest(&block, &packed, None, &mut labels, &cx)?;
    let assignment =
        median(repetitions, || backend.nearest(&block, &packed, None, &mut labels, &cx).map(drop))?;
    let mut centroids = vec![0.0f32; k * d];
    let update = |centroids: &mut [f32]| {
        let mut sums = backend.sums(k, d, false, &cx)?;
        backend.accumulate(&block, None, &labels, None, &mut sums, &cx)?;
        backend.centroids(&mut sums, metric, centroids, &cx)
    };
    let updated = median(repetitions, || update(&mut centroids))?;
    let mut other = vec![0u32; n];
    let iteration = median(repetitions, || {
        let packed = targets()?;
        backend.nearest(&block, &packed, None, &mut other, &cx)?;
        update(&mut centroids)
    })?;
    let unit = backend.load(view, Metric::Cosine, &cx)?;
    let both = backend.pack(&unit, Copies::Keep, &cx)?;
    let offsets: Vec<usize> = (0..n).step_by(GROUP).chain([n]).collect();
    let mut best = vec![Best::NONE; n];
    let pairs = median(repetitions, || {
        best.fill(Best::NONE);
        backend.earlier_max(&unit, &both, Pairs::Within(&offsets), 0, &mut best, &cx).map(drop)
    })?;
    Ok(Seconds { assignment, update: updated, iteration, pairs, labels })
}

/// Times every shape.
pub fn run(gpu: &Gpu, n: usize, dims: &[usize], clusters: &[usize], repetitions: usize) -> Found {
    let (mut table, mut right): (Vec<Value>, bool) = (Vec::new(), true);
    for &d in dims {
        let x = rows(n, d, 3);
        for &k in clusters.iter().filter(|k| **k <= n) {
            let before = gpu.traffic();
            let device = time(gpu, &x, k, repetitions);
            let traffic = gpu.traffic().since(&before);
            let row = match (device, time(gpu.host(), &x, k, 1)) {
                (Ok(device), Ok(host)) => {
                    let same = device.labels == host.labels;
                    right &= same;
                    let of = |s: &Seconds| json!({"assignment": s.assignment, "update": s.update, "iteration": s.iteration, "pairs": s.pairs});
                    let flops = 2.0 * n as f64 * k as f64 * d as f64 / device.assignment;
                    json!({
                        "device_s": of(&device), "processor_s": of(&host), "assignment_tflops": flops / 1e12,
                        "same_labels": same, "launches": traffic.launches, "bytes_up": traffic.bytes_up,
                        "bytes_down": traffic.bytes_down,
                    })
                }
                (Err(error), _) | (_, Err(error)) => {
                    right = false;
                    json!({"error": said(&error)})
                }
            };
            let mut shape = json!({"rows": n, "values": d, "clusters": k});
            if let (Some(to), Value::Object(from)) = (shape.as_object_mut(), row) {
                to.extend(from);
            }
            table.push(shape);
        }
    }
    (right, json!({"device": gpu.name(), "repetitions": repetitions, "group": GROUP, "times": table}))
}
