//! Deduplicates a clustering that scikit-learn made, read from `.npy` files.
//!
//! ```sh
//! cargo run --release -p pauca-examples --example foreign-clusters          # on the shipped data
//! cargo run --release -p pauca-examples --example foreign-clusters -- x.npy labels.npy centroids.npy
//! ```
//!
//! The files hold f16 rows `[n, d]`, int32 labels `[n]` and float32 centroids `[k, d]`: in Python
//! `np.save("labels.npy", fitted.labels_)` and `np.save("centroids.npy", fitted.cluster_centers_)`.
//! The shipped ones are made by `data/make/code_clusters.py`.
#![allow(clippy::print_stdout, reason = "a program talks to its user")]

use std::error::Error;
use std::path::{Path, PathBuf};

use pauca::{Context, Cpu, Dedup, ElementType, Metric, Partition, RawRows, RowSource, Rule, SemDedup};
use pauca_examples::input::npy::array;
use pauca_examples::shipped;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [x, labels, centroids] = match files.try_into() {
        Ok(named) => named,
        Err(_) => shipped::files(
            "X LABELS CENTROIDS are",
            ["code.f16.npy", "code-labels.npy", "code-centroids.npy"],
        )?,
    };
    let (x, labels) = (rows(&x)?, labels_of(&labels)?);
    let found = deduplicate(&x, &labels, &centroids)?;
    println!("{} of {} rows are kept, {} are copies", found.kept(), x.n_rows(), found.exact_copies);
    let removed = found.witness.iter().enumerate().filter(|(i, _)| !found.keep[*i]);
    for (row, witness) in removed.take(5) {
        println!("row {row} resembles row {witness}: cosine {:.4}", found.similarity[row]);
    }
    Ok(())
}

/// Rows of one cluster with a cosine above 0.95 are duplicates; a kept row stands for each removed one.
fn deduplicate(x: &impl RowSource, labels: &[u32], centroids: &Path) -> Result<Dedup> {
    let (values, shape) = array(centroids, "<f4")?;
    let centroids: Vec<f32> = values.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let [k, d] = shape[..] else { return Err("centroids have two dimensions".into()) };
    // Distances are not needed: pauca measures what it sorts by.
    let clusters = Partition::new(labels, (&centroids[..], k, d), Metric::SqEuclidean)?;
    let dedup = SemDedup::new(Rule::GreedyCover).epsilon(0.05);
    Ok(dedup.fit_on(&Cpu::new()?, x, clusters, &Context::default())?)
}

/// The rows, read from their bytes as they are needed.
fn rows(path: &Path) -> Result<RawRows<Vec<u8>>> {
    let (values, shape) = array(path, "<f2")?;
    let [n, d] = shape[..] else { return Err("rows have two dimensions".into()) };
    Ok(RawRows::new(values, .., ElementType::F16, n, d)?)
}

/// Labels as the library counts them. scikit-learn writes int32; faiss writes int64 (`<i8`).
fn labels_of(path: &Path) -> Result<Vec<u32>> {
    let (values, _) = array(path, "<i4")?;
    values.as_chunks().0.iter().map(|b| Ok(u32::try_from(i32::from_le_bytes(*b))?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pauca::Scratch;

    /// By plain loops: what is kept differs from all kept rows of its cluster, what is removed has a kept
    /// witness there.
    #[test]
    fn clusters_of_scikit_learn_are_deduplicated() -> Result<()> {
        let data = shipped::folder();
        let (x, labels) = (rows(&data.join("code.f16.npy"))?, labels_of(&data.join("code-labels.npy"))?);
        let found = deduplicate(&x, &labels, &data.join("code-centroids.npy"))?;
        let n = x.n_rows();
        assert_eq!((n, found.keep.len()), (1758, labels.len()));
        let mut scratch = Scratch::new();
        let read = x.read(0..n, &mut scratch)?;
        let mut unit = vec![vec![0.0; x.dim()]; n];
        for (i, row) in unit.iter_mut().enumerate() {
            read.read_row(i, row)?;
            let length = row.iter().map(|v| v * v).sum::<f64>().sqrt();
            row.iter_mut().for_each(|v| *v /= length);
        }
        let cosine = |i: usize, j: usize| unit[i].iter().zip(&unit[j]).map(|(a, b)| a * b).sum::<f64>();
        // Two ways of rounding a cosine of f16 rows differ by less.
        const ROUNDING: f64 = 1e-12;
        for i in 0..n {
            if found.keep[i] {
                let alike = |j: &usize| found.keep[*j] && labels[*j] == labels[i];
                let nearest = (0..i).filter(alike).map(|j| cosine(i, j)).fold(-1.0, f64::max);
                assert!(nearest <= 0.95 + ROUNDING, "row {i}: {nearest}");
            } else {
                let witness = found.witness[i] as usize;
                assert!(found.keep[witness] && labels[witness] == labels[i]);
                assert!((cosine(i, witness) - found.similarity[i]).abs() < ROUNDING);
                assert!(found.similarity[i] > 0.95);
            }
        }
        let removed = n - found.kept();
        assert!((20..n / 2).contains(&removed), "{removed} rows were removed");
        Ok(())
    }
}
