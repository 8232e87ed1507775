//! Clusters of rows that lie in several files on a disk, read in blocks of a few rows, with the bits
//! of the same rows in memory. Then one iteration of k-means as ranks of a training cluster would make
//! it: each assigns and sums its own shard; the sums travel as integers and add up to the same bits.
#![allow(clippy::print_stdout, reason = "it shows what it found")]

use std::error::Error;
use std::fs::File;

use ndarray::{Array2, ArrayView1, s};
use pauca::backend::{Backend, Copies};
use pauca::exact::Sums;
use pauca::{Context, Cpu, ElementType, KMeans, Metric, RawRows, RowSource, Rows, Scratch, Shards};

const D: usize = 8;

/// What one rank does: labels of its rows, block by block, then the integers to all-reduce.
fn rank(shard: &impl RowSource, centroids: &Array2<f32>) -> Result<Vec<i64>, pauca::Error> {
    let (cpu, cx, metric) = (Cpu::new()?, Context::default(), Metric::SqEuclidean);
    let targets = cpu.targets(Rows::F32(centroids.view()), metric, Copies::Collapse, &cx)?;
    let (mut sums, mut scratch) = (Sums::new(centroids.nrows(), D)?, Scratch::new());
    for start in (0..shard.n_rows()).step_by(shard.block_rows()) {
        let range = start..shard.n_rows().min(start + shard.block_rows());
        let mut labels = vec![0; range.len()];
        let block = cpu.load(shard.read(range, &mut scratch)?, metric, &cx)?;
        cpu.nearest(&block, &targets, None, &mut labels, &cx)?;
        cpu.collect(&block, &labels, &mut sums, &cx)?;
    }
    sums.planes()
}

fn main() -> Result<(), Box<dyn Error>> {
    let x = Array2::from_shape_fn((999, D), |(i, j)| ((i * 7919 + j * 104_729) % 1009) as f32 / 7.0);
    let dir = std::env::temp_dir().join(format!("pauca-shards-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    // Three files of 100, 1 and 898 rows: little-endian f32, row after row.
    let mut shards = Vec::new();
    for (i, range) in [0..100, 100..101, 101..999].into_iter().enumerate() {
        let path = dir.join(format!("part-{i}.f32"));
        let bytes: Vec<u8> = x.slice(s![range.clone(), ..]).iter().flat_map(|v| v.to_le_bytes()).collect();
        std::fs::write(&path, bytes)?;
        let rows = RawRows::new(File::open(&path)?, .., ElementType::F32, range.len(), D)?;
        shards.push(rows.block_rows(64)?.first_id(range.start as u64)?);
    }
    let shards = Shards::new(shards)?;
    let kmeans = KMeans::new(20).seed(7);
    let clusters = kmeans.fit_on(&Cpu::new()?, &shards, None, &Context::default())?;
    let same = clusters == kmeans.fit(&x)?;
    println!("k-means over three files gives the bits of the rows in memory: {same}");

    let mut total = rank(&shards.shards()[0], &clusters.centroids)?;
    for shard in &shards.shards()[1..] {
        total.iter_mut().zip(rank(shard, &clusters.centroids)?).for_each(|(sum, part)| *sum += part);
    }
    let (sums, mut mean) = (Sums::from_planes(20, D, false, &total)?, [0.0; D]);
    let fixed = clusters.converged
        && (0..20)
            .all(|j| sums.mean_into(j, &mut mean) && clusters.centroids.row(j) == ArrayView1::from(&mean));
    println!("the sums of three ranks give the centroids again: {fixed}");
    std::fs::remove_dir_all(&dir)?;
    assert!(same && fixed);
    Ok(())
}
