//! One iteration of k-means over shards, as ranks of a training cluster would make it: each assigns
//! its own rows and sums them exactly; the sums travel as integers and add up to the same bits,
//! however the rows are split.
#![allow(clippy::print_stdout, reason = "it shows what it found")]

use ndarray::{Array2, ArrayView2, Axis};
use pauca::backend::{Backend, Copies};
use pauca::exact::Sums;
use pauca::{Context, Cpu, Error, Metric, Rows};

/// What one rank does: labels of its rows, then the flat integer buffer to all-reduce.
fn rank(x: ArrayView2<f32>, centroids: &Array2<f32>) -> Result<Vec<i64>, Error> {
    let (cpu, cx) = (Cpu::new()?, Context::default());
    let (k, d) = centroids.dim();
    let block = cpu.load(Rows::F32(x), 0, Metric::SqEuclidean, &cx)?;
    let targets = cpu.targets(Rows::F32(centroids.view()), 0, Metric::SqEuclidean, Copies::Collapse, &cx)?;
    let mut labels = vec![0; x.nrows()];
    cpu.nearest(&block, &targets, &mut labels, &cx)?;
    let mut sums = Sums::new(k, d)?;
    cpu.accumulate(&block, None, &labels, None, &mut sums, &cx)?;
    sums.planes()
}

/// All-reduce by integer addition, then the means.
fn reduce(buffers: &[Vec<i64>], k: usize, d: usize) -> Result<Array2<f32>, Error> {
    let mut total = vec![0i64; buffers[0].len()];
    for buffer in buffers {
        total.iter_mut().zip(buffer).for_each(|(t, b)| *t += b);
    }
    let sums = Sums::from_planes(k, d, false, &total)?;
    let mut centroid = vec![0.0; d];
    let mut centroids = Array2::zeros((k, d));
    for j in 0..k {
        if sums.mean_into(j, &mut centroid) {
            centroids.row_mut(j).assign(&ndarray::ArrayView1::from(&centroid));
        }
    }
    Ok(centroids)
}

fn main() -> Result<(), Error> {
    let x = Array2::from_shape_fn((999, 8), |(i, j)| ((i * 7919 + j * 104_729) % 1009) as f32 / 7.0);
    let start = x.slice(ndarray::s![..20, ..]).to_owned();
    let whole = reduce(&[rank(x.view(), &start)?], 20, 8)?;

    let (first, rest) = x.view().split_at(Axis(0), 100);
    let (second, third) = rest.split_at(Axis(0), 1);
    let shards = [rank(first, &start)?, rank(second, &start)?, rank(third, &start)?];
    let merged = reduce(&shards, 20, 8)?;

    let same = whole.iter().zip(&merged).all(|(a, b)| a.to_bits() == b.to_bits());
    println!("shards of 100, 1 and 898 rows give the bits of the whole: {same}");
    assert!(same);
    Ok(())
}
