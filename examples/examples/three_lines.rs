//! The library in three lines: clusters, duplicates, the rows worth training on.
#![allow(clippy::print_stdout, reason = "it shows what it found")]

use pauca::{D4, KMeans, Rule, SemDedup};

fn main() -> Result<(), pauca::Error> {
    // 1000 rows of 16 values: 250 directions, each with three near-duplicates.
    let x = ndarray::Array2::from_shape_fn((1000, 16), |(i, j)| {
        let noise = (i * 31 + j * 17) % 13;
        ((i / 4 + 1) * (j * j * j + 17 * j + 401) % 1009) as f32 - 504.0 + noise as f32
    });

    let clusters = KMeans::new(30).spherical(true).seed(7).fit(&x)?;
    let unique = SemDedup::new(Rule::GreedyCover).epsilon(0.01).fit(&x, &clusters)?;
    let chosen = D4::new().keep_fraction(0.2).seed(7).fit(&x)?;

    println!("{} clusters, inertia {:.4}", clusters.centroids.nrows(), clusters.inertia);
    println!("{} rows without near-duplicates", unique.kept());
    println!("{} rows chosen by D4", chosen.kept());
    Ok(())
}
