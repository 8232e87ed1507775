//! k-means++ by the race beside the textbook's D² sampling: potential and number of distances.
//!
//! `check-seeding --x X.npy [--rows 20000] [--k 500] [--seeds 10]`
//!
//! The textbook keeps D² of every row, draws from its prefix sums and looks at all rows after every draw:
//! n k distances. It has a generator and a distance loop of its own. Both draw from the same distribution, so
//! the means of their potentials have to agree within their standard errors.
#![allow(clippy::print_stdout, reason = "the table is the program's result")]

use std::path::Path;

use ndarray::{Array2, ArrayView1};
use pauca::{Context, Cpu, KMeans};
use pauca_benches::{Failure, Matrix, Options};

fn main() -> Result<(), Failure> {
    let options = Options::read(&["x", "rows", "k", "seeds"])?;
    let x = Matrix::read(Path::new(options.text("x")?), options.number("rows", 20_000)?)?.widened();
    let (k, seeds) = (options.number("k", 500)?, options.number("seeds", 10)? as u64);
    let (cpu, cx) = (Cpu::new()?, Context::default());
    let (mut race, mut textbook, mut distances) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 0..seeds {
        let rows = &x;
        let source = (rows.as_slice().ok_or("rows in C order")?, rows.nrows(), rows.ncols());
        let source = pauca::IntoRows::into_rows(source)?;
        let run = KMeans::new(k).seed(seed).max_iter(0).start_on(&cpu, &source, None, &cx)?;
        distances.push(run.seed_distances() as f64);
        // No iteration: the inertia is the potential of the seeds.
        race.push(run.finish(&cx)?.inertia);
        textbook.push(prefix_sums(&x, k, seed));
    }
    let n = x.nrows();
    println!("{n} x {}, k = {k}, {seeds} seeds each; mean (standard error)", x.ncols());
    println!("                  potential                    distances");
    let (mean, error) = summary(&race);
    println!("race              {mean:.3} ({error:.3})   {:.0}", summary(&distances).0);
    let (other, other_error) = summary(&textbook);
    println!("prefix sums       {other:.3} ({other_error:.3})   {}", n * k);
    let deviation = (mean - other) / error.hypot(other_error);
    println!("difference        {deviation:.2} standard errors");
    if deviation.abs() < 4.0 { Ok(()) } else { Err("the potentials differ".into()) }
}

/// Arthur and Vassilvitskii 2007, section 2.2, literally; returns the potential.
fn prefix_sums(x: &Array2<f32>, k: usize, seed: u64) -> f64 {
    let mut state = seed ^ 0x5dee_ce66;
    let mut uniform = || {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut nearest = vec![f64::INFINITY; x.nrows()];
    let mut seed = (uniform() * x.nrows() as f64) as usize;
    for drawn in 1.. {
        let centre = x.row(seed);
        for (d2, row) in nearest.iter_mut().zip(x.rows()) {
            *d2 = d2.min(squared_distance(row, centre));
        }
        if drawn == k {
            break;
        }
        let mut left = uniform() * nearest.iter().sum::<f64>();
        seed = nearest
            .iter()
            .position(|d2| {
                left -= d2;
                left < 0.0
            })
            .unwrap_or(x.nrows() - 1);
    }
    nearest.iter().sum()
}

fn squared_distance(a: ArrayView1<f32>, b: ArrayView1<f32>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
}

/// Mean and its standard error.
fn summary(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}
