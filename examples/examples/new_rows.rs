//! New rows against rows that are there already: which of them to add.
//!
//! ```sh
//! cargo run --release -p pauca-examples --example new-rows                # on the shipped mails
//! cargo run --release -p pauca-examples --example new-rows -- x.npy 5000  # rows from 5000 on are new
//! ```
//!
//! The file holds f16 rows `[n, d]` in C order.
#![allow(clippy::print_stdout, reason = "a program talks to its user")]

use std::error::Error;
use std::path::{Path, PathBuf};

use pauca::{
    Clusters, Context, Cpu, DedupAgainst, ElementType, KMeans, Metric, Partition, RawRows, RowSource, Rule,
    SemDedup, SemDedupAgainst, Subset,
};
use pauca_examples::input::npy::array;
use pauca_examples::shipped;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Rows of one cluster with a cosine above 0.95 are duplicates.
const EPSILON: f64 = 0.05;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let file = match arguments.next() {
        Some(named) => PathBuf::from(named),
        None => shipped::files("X is", ["mail.f16.npy"])?[0].clone(),
    };
    let first_new = arguments.next().and_then(|n| n.to_str()?.parse().ok()).unwrap_or(5000);
    let x = rows(&file)?;
    let (clusters, found) = against(&x, first_new)?;
    let (n, dropped) = (found.keep.len(), found.keep.len() - found.kept());
    println!("{first_new} rows stay, {n} are new: {dropped} of them resemble a row that stays");
    let removed = (0..n).filter(|&i| !found.keep[i]);
    for i in removed.take(5) {
        println!(
            "row {} resembles row {}: cosine {:.4}",
            first_new + i,
            found.witness[i],
            found.similarity[i]
        );
    }
    println!("{} rows are added", added(&x, first_new, &clusters, &found)?.len());
    Ok(())
}

/// What rows from `first_new` on are beside the rows before.
fn against(x: &RawRows<Vec<u8>>, first_new: usize) -> Result<(Clusters, DedupAgainst)> {
    let (backend, cx) = (Cpu::new()?, Context::default());
    let stays = Subset::new(x, (0..first_new).collect())?;
    let new = Subset::new(x, (first_new..x.n_rows()).collect())?;
    let clusters =
        KMeans::new(50).spherical(true).seed(7).max_iter(20).fit_on(&backend, &stays, None, &cx)?;
    let found = SemDedupAgainst::new().epsilon(EPSILON).fit_on(&backend, &new, &stays, &clusters, &cx)?;
    Ok((clusters, found))
}

/// Of the new rows that resemble no row that stays, those that are no duplicates of each other.
fn added(
    x: &RawRows<Vec<u8>>,
    first_new: usize,
    clusters: &Clusters,
    found: &DedupAgainst,
) -> Result<Vec<usize>> {
    let kept: Vec<usize> = (0..found.keep.len()).filter(|&i| found.keep[i]).collect();
    let labels: Vec<u32> = kept.iter().map(|&i| found.labels[i]).collect();
    let rows = Subset::new(x, kept.iter().map(|i| first_new + i).collect())?;
    let part = Partition::new(&labels, &clusters.centroids, Metric::Cosine)?;
    let cover = SemDedup::new(Rule::GreedyCover).epsilon(EPSILON);
    let inside = cover.fit_on(&Cpu::new()?, &rows, part, &Context::default())?;
    Ok(rows.rows().iter().zip(&inside.keep).filter(|(_, keep)| **keep).map(|(&row, _)| row).collect())
}

/// The rows, read from their bytes as they are needed.
fn rows(path: &Path) -> Result<RawRows<Vec<u8>>> {
    let (values, shape) = array(path, "<f2")?;
    let [n, d] = shape[..] else { return Err("rows have two dimensions".into()) };
    Ok(RawRows::new(values, .., ElementType::F16, n, d)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pauca::Scratch;

    /// By plain loops: each new row beside all rows that stay in its cluster, and the added ones beside each other.
    #[test]
    fn added_rows_resemble_nothing_of_their_cluster() -> Result<()> {
        const FIRST_NEW: usize = 5000;
        // Two ways of rounding a cosine of f16 rows differ by less.
        const ROUNDING: f64 = 1e-12;
        let x = rows(&shipped::folder().join("mail.f16.npy"))?;
        let (clusters, found) = against(&x, FIRST_NEW)?;
        let added = added(&x, FIRST_NEW, &clusters, &found)?;
        let n = x.n_rows();
        let mut scratch = Scratch::new();
        let read = x.read(0..n, &mut scratch)?;
        let mut unit = vec![vec![0.0; x.dim()]; n];
        for (i, row) in unit.iter_mut().enumerate() {
            read.read_row(i, row)?;
            let length = row.iter().map(|v| v * v).sum::<f64>().sqrt();
            row.iter_mut().for_each(|v| *v /= length);
        }
        let cosine = |i: usize, j: usize| unit[i].iter().zip(&unit[j]).map(|(a, b)| a * b).sum::<f64>();
        let label = |i: usize| if i < FIRST_NEW { clusters.labels[i] } else { found.labels[i - FIRST_NEW] };
        for i in FIRST_NEW..n {
            let alike = (0..FIRST_NEW).filter(|&j| label(j) == label(i));
            let nearest = alike.map(|j| cosine(i, j)).fold(-1.0, f64::max);
            let row = i - FIRST_NEW;
            assert!((nearest - found.similarity[row]).abs() < ROUNDING, "row {i}: {nearest}");
            assert!((cosine(i, found.witness[row] as usize) - nearest).abs() < ROUNDING, "row {i}");
            assert_eq!(found.keep[row], found.similarity[row] <= 1.0 - EPSILON);
        }
        for (place, &i) in added.iter().enumerate() {
            assert!(found.keep[i - FIRST_NEW]);
            assert!(added[..place].iter().all(|&j| label(i) != label(j) || cosine(i, j) <= 0.95 + ROUNDING));
        }
        assert!((100..found.kept()).contains(&added.len()), "{} rows are added", added.len());
        Ok(())
    }
}
