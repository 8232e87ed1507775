//! How alike the hidden states of a model are, by four measures that need more than an angle.
//!
//! ```sh
//! cargo run --release -p pauca-examples --features svd --example similar-layers
//! ```
//!
//! The states are those of SmolLM2-135M at the last token of 100 texts, as shipped. With fewer samples than values
//! canonical correlations are all 1 (the program says so), so states are looked at through their first values.
#![allow(clippy::print_stdout, reason = "a program talks to its user")]

use std::error::Error;

use half::f16;
use ndarray::{Array2, Array3, s};
use pauca::layers::canonical::{procrustes, pwcca, svcca};
use pauca::layers::{CkaPath, LayerCka, Tokens};
use pauca::{Context, IntoRows};
use pauca_examples::input::npy::array;
use pauca_examples::shipped;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Values of a state that are looked at.
const VALUES: usize = 24;
/// Samples of a batch.
const BATCH: usize = 16;
/// Share of the variance that SVCCA keeps, as in its paper.
const KEEP: f64 = 0.99;

fn main() -> Result<()> {
    let states = states()?;
    let (n, layers, d) = states.dim();
    println!("{n} samples, {layers} states, the first {VALUES} of {d} values");
    println!("states      CKA    SVCCA  PWCCA  Procrustes");
    for (a, b) in [(1, 2), (10, 11), (14, 20), (1, 29), (0, 30)] {
        let (x, y) = (of(&states, a), of(&states, b));
        let svcca = svcca(&x, &y, KEEP)?.ok_or("a state does not vary")?;
        let pwcca = pwcca(&x, &y)?.ok_or("a state does not vary")?;
        let rest = procrustes(&x, &y)?.ok_or("a state does not vary")?;
        println!("{a:2} and {b:2}  {:.3}  {:.3}  {:.3}  {rest:.3}", cka(&x, &y)?, svcca.value, pwcca.value);
    }
    let whole = |layer| states.slice(s![.., layer, ..]).to_owned();
    if svcca(&whole(1), &whole(29), 1.0)?.is_some_and(|found| found.saturated) {
        println!("with all {d} values of {n} samples every canonical correlation is 1");
    }
    Ok(())
}

/// The shipped states, [samples, layers + 1, values].
fn states() -> Result<Array3<f32>> {
    let [path] = shipped::files("STATES are", ["smollm2-states.f16.npy"])?;
    let (bytes, shape) = array(&path, "<f2")?;
    let values = bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32());
    let [n, layers, d] = shape[..] else { return Err("states have three dimensions".into()) };
    Ok(Array3::from_shape_vec((n, layers, d), values.collect())?)
}

fn of(states: &Array3<f32>, layer: usize) -> Array2<f32> {
    states.slice(s![.., layer, ..VALUES]).to_owned()
}

/// Unbiased linear CKA, from a stream of batches: sums that merge, so the samples are not held.
fn cka(x: &Array2<f32>, y: &Array2<f32>) -> Result<f64> {
    let cx = Context::default();
    let mut stream = LayerCka::new(&[x.ncols(), y.ncols()])?.path(CkaPath::Features).start()?;
    for rows in 0..x.nrows().div_ceil(BATCH) {
        let part = s![rows * BATCH..x.nrows().min((rows + 1) * BATCH), ..];
        stream.push(&[(&x.slice(part)).into_rows()?, (&y.slice(part)).into_rows()?], Tokens::Rows, &cx)?;
    }
    stream.finish(&cx)?.unbiased(0, 1).value().ok_or_else(|| "a state does not vary".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_know_what_they_are_blind_to() -> Result<()> {
        main()?;
        let states = states()?;
        let x = of(&states, 10);
        // A turn of two columns, a scale, a shift; then a map that is no turn.
        let (sin, cos) = 0.7f32.sin_cos();
        let mut turned = x.clone();
        for mut row in turned.rows_mut() {
            (row[0], row[1]) = (cos * row[0] - sin * row[1], sin * row[0] + cos * row[1]);
        }
        turned.mapv_inplace(|v| 3.0 * v + 1.0);
        let mut sheared = x.clone();
        sheared.column_mut(0).mapv_inplace(|v| 100.0 * v);
        /// States of f32, canonical correlations by singular value decompositions.
        const ROUNDING: f64 = 1e-5;
        let one = |value: f64| (value - 1.0).abs() < ROUNDING;
        assert!(procrustes(&x, &turned)?.ok_or("varies")? < ROUNDING && one(cka(&x, &turned)?));
        assert!(procrustes(&x, &sheared)?.ok_or("varies")? > 0.1 && !one(cka(&x, &sheared)?));
        assert!(one(pwcca(&x, &sheared)?.ok_or("varies")?.value), "any invertible map leaves it");
        assert!(one(svcca(&x, &sheared, 1.0)?.ok_or("varies")?.value));
        // CKA by the Grams, in plain loops.
        let (n, y) = (x.nrows(), of(&states, 20));
        let gram = |x: &Array2<f32>, i: usize, j: usize| -> f64 {
            x.row(i).iter().zip(x.row(j)).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        let hsic = |a: &Array2<f32>, b: &Array2<f32>| {
            let (mut trace, mut sums) = (0.0, vec![[0.0; 2]; n]);
            for (i, sums) in sums.iter_mut().enumerate() {
                for j in (0..n).filter(|j| *j != i) {
                    let (k, l) = (gram(a, i, j), gram(b, i, j));
                    trace += k * l;
                    *sums = [sums[0] + k, sums[1] + l];
                }
            }
            let total = |side: usize| sums.iter().map(|s| s[side]).sum::<f64>();
            let both = sums.iter().map(|s| s[0] * s[1]).sum::<f64>();
            let n = n as f64;
            (trace + total(0) * total(1) / ((n - 1.0) * (n - 2.0)) - 2.0 * both / (n - 2.0)) / (n * (n - 3.0))
        };
        let plain = hsic(&x, &y) / (hsic(&x, &x) * hsic(&y, &y)).sqrt();
        assert!((cka(&x, &y)? - plain).abs() < ROUNDING, "{plain}");
        Ok(())
    }
}
