//! One k-means run of pauca in its own process, for `kmeans.py`.
//!
//! `peer-kmeans --x X.npy --init C.npy --out DIR [--rows N] [--iters T] [--threads T] [--spherical 1]`
//! writes DIR/centroids.npy and DIR/labels.npy and prints one line of JSON.
#![allow(clippy::print_stdout, reason = "the line of JSON is the program's result")]

use std::path::Path;

use pauca::{Context, Control, Cpu, Exec, Init, KMeans};
use pauca_benches::{Failure, Matrix, Options, measure, write_npy};

fn main() -> Result<(), Failure> {
    let options = Options::read(&["x", "init", "out", "rows", "iters", "threads", "spherical"])?;
    let out = Path::new(options.text("out")?);
    let x = Matrix::read(Path::new(options.text("x")?), options.number("rows", usize::MAX)?)?;
    let init = Matrix::read(Path::new(options.text("init")?), usize::MAX)?.widened();
    let (iterations, threads) = (options.number("iters", 10)?, options.number("threads", 1)?);
    let exec = if threads == 1 { Exec::serial() } else { Exec::threads(threads)? };
    let (cpu, cx) = (Cpu::new()?, Context::new(exec, Control::new()));
    let rows = x.rows()?;
    let kmeans = KMeans::new(init.nrows())
        .spherical(options.number("spherical", 0)? != 0)
        .max_iter(iterations)
        .init(Init::Given(init));
    let (result, cost) = measure(|| kmeans.fit_on(&cpu, &rows, None, &cx));
    let clusters = result?;
    let labels: Vec<u8> = clusters.labels.iter().flat_map(|l| l.to_le_bytes()).collect();
    let centroids: Vec<u8> = clusters.centroids.iter().flat_map(|c| c.to_le_bytes()).collect();
    write_npy(&out.join("labels.npy"), "<u4", &[clusters.labels.len()], &labels)?;
    write_npy(&out.join("centroids.npy"), "<f4", clusters.centroids.shape(), &centroids)?;
    let search = &clusters.search;
    println!(
        "{{\"wall\": {:.4}, \"cpu\": {:.2}, \"extra_mb\": {:.0}, \"n_iter\": {}, \"level\": \"{}\", \
         \"inertia\": {:?}, \"relocated\": {}, \"rows\": {}, \"int8\": {}, \"f32\": {}, \"f64\": {}, \"truth\": {}, \
         \"version\": \"pauca {}\"}}",
        cost.wall,
        cost.cpu,
        cost.extra_mb,
        clusters.n_iter,
        cpu.level().name(),
        clusters.inertia,
        clusters.relocated,
        search.rows,
        search.int8,
        search.f32,
        search.f64,
        search.truth,
        env!("CARGO_PKG_VERSION"),
    );
    Ok(())
}
