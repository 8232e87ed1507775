//! One k-means run of linfa-clustering in its own process, for `kmeans.py`.
//!
//! `peer-linfa --x X.npy --init C.npy --out DIR [--iters T]` writes DIR/centroids.npy and DIR/labels.npy and prints one line of
//! JSON. Threads are those of rayon (`RAYON_NUM_THREADS`). linfa returns the centroids of its last update; the labels on
//! them are asked of `predict`, within the time. How many iterations it made it does not tell: as many as asked, or fewer.
#![allow(clippy::print_stdout, reason = "the line of JSON is the program's result")]

use std::path::Path;

use linfa::DatasetBase;
use linfa::traits::{Fit, Predict};
use linfa_clustering::{KMeans, KMeansInit};
use ndarray::Array2;
use pauca_benches::{Failure, Matrix, Options, measure, write_npy};

fn read(path: &str) -> Result<Array2<f32>, Failure> {
    let rows = Matrix::read(Path::new(path), usize::MAX)?.widened();
    let shape = rows.dim();
    Ok(Array2::from_shape_vec(shape, rows.into_raw_vec_and_offset().0)?)
}

fn main() -> Result<(), Failure> {
    let options = Options::read(&["x", "init", "out", "iters"])?;
    let out = Path::new(options.text("out")?);
    let (x, init) = (DatasetBase::from(read(options.text("x")?)?), read(options.text("init")?)?);
    let iterations = options.number("iters", 10)?;
    let random = <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(0);
    let kmeans = KMeans::params_with_rng(init.nrows(), random)
        .n_runs(1)
        .tolerance(f32::MIN_POSITIVE)
        .max_n_iterations(iterations)
        .init_method(KMeansInit::Precomputed(init));
    let (result, cost) = measure(|| {
        let model = kmeans.fit(&x)?;
        let labels = model.predict(x.records());
        Ok::<_, Failure>((model, labels))
    });
    let (model, labels) = result?;
    let ids: Vec<u8> = labels.iter().flat_map(|l| (*l as u32).to_le_bytes()).collect();
    let values: Vec<u8> = model.centroids().iter().flat_map(|c| c.to_le_bytes()).collect();
    write_npy(&out.join("labels.npy"), "<u4", &[labels.len()], &ids)?;
    write_npy(&out.join("centroids.npy"), "<f4", model.centroids().shape(), &values)?;
    println!(
        "{{\"wall\": {:.4}, \"cpu\": {:.2}, \"extra_mb\": {:.0}, \"n_iter\": {iterations}, \"version\": \"linfa-clustering 0.8.1\"}}",
        cost.wall, cost.cpu, cost.extra_mb,
    );
    Ok(())
}
