//! Four kinds of codebooks on the same latents: what each costs in bits, how well it stands for them, and what the
//! entropy loss and the two estimators say of it.
//!
//! ```sh
//! cargo run --release -p pauca-examples --example kinds-of-codebooks
//! ```
//!
//! The latents are the quarters of the shipped digits, 16 pixels each.
#![allow(clippy::print_stdout, reason = "a program talks to its user")]

use std::error::Error;

use ndarray::{Array2, ArrayView2, s};
use pauca::KMeans;
use pauca::vq::{
    EntropyLoss, Estimator, FiniteScalar, ProductQuantizer, ResidualQuantizer, Upstream, VectorQuantizer,
    kmeans_codes,
};
use pauca_examples::shipped;
use pauca_examples::tokenize::pictures::Pictures;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Codes of a stage or of a group; two of them make 256 combinations.
const FEW: usize = 16;

fn main() -> Result<()> {
    let z = quarters()?;
    println!("{} latents of {} values", z.nrows(), z.ncols());
    let say = |kind: &str, bits: f64, codes: usize, output: &Array2<f32>| {
        println!("{kind:32} {bits:4.1} bits, {codes:3} codes stored, error {:.4}", error(&z, output));
    };

    let vq = VectorQuantizer::new().entropy(EntropyLoss::new(1.0).temperature(0.1));
    let one = codes(&z, FEW * FEW)?;
    let step = vq.forward(z.view(), one.view(), None)?;
    say("one codebook", 8.0, one.nrows(), &step.quantized);
    if let Some(entropy) = step.losses.entropy {
        println!(
            "  a latent is unsure by {:.2} nats of {:.2} that all latents use",
            entropy.sample, entropy.batch
        );
    }
    // What a decoder's gradient becomes on its way through the rounding: unchanged, or turned with the latent.
    let gradient = &step.quantized - &z;
    for estimator in [Estimator::StraightThrough, Estimator::Rotation] {
        let vq = VectorQuantizer::new().estimator(estimator).commitment(0.0);
        let step = vq.forward(z.view(), one.view(), None)?;
        let back = vq.backward(z.view(), one.view(), &step, Upstream::of(gradient.view()))?;
        let along = (&back.latents * &gradient).sum() / (&gradient * &gradient).sum();
        println!("  {estimator:?}: {along:.3} of the gradient arrives in its own direction");
    }

    let stages = residual_codes(&z)?;
    let step = ResidualQuantizer::new(VectorQuantizer::new()).forward(z.view(), &views(&stages), None)?;
    say("residual, two stages", 8.0, 2 * FEW, &step.quantized);

    let groups = product_codes(&z)?;
    let step = ProductQuantizer::new(VectorQuantizer::new()).forward(z.view(), &views(&groups), None)?;
    say("product, two groups", 8.0, 2 * FEW, &step.quantized);

    // No codes to learn: every value becomes one of two levels, -1 and 0, so a value is spread over both first.
    let fsq = FiniteScalar::new(&[2; 16])?;
    let spread = z.mapv(|v| 8.0 * (v - 0.5));
    let step = fsq.forward(spread.view(), None)?;
    say("finite scalar, two levels", 16.0, 0, &step.quantized.mapv(|level| level + 1.0));
    Ok(())
}

/// The quarters of the shipped digits, values in [0, 1].
fn quarters() -> Result<Array2<f32>> {
    let [sheet] = shipped::files("SHEET is", ["digits-sheet.png"])?;
    let pictures = Pictures::open(&sheet, 8, Some(1797))?;
    Ok(Array2::from_shape_fn((4 * pictures.len(), 16), |(i, j)| {
        let (top, left) = (i % 4 / 2 * 4, i % 2 * 4);
        pictures.picture(i / 4)[(top + j / 4) * 8 + left + j % 4]
    }))
}

fn codes(z: &Array2<f32>, k: usize) -> Result<Array2<f32>> {
    Ok(kmeans_codes(&KMeans::new(k).seed(1).max_iter(20), z.view(), None)?)
}

/// The second codebook is fitted to what the first leaves over.
fn residual_codes(z: &Array2<f32>) -> Result<Vec<Array2<f32>>> {
    let first = codes(z, FEW)?;
    let step = VectorQuantizer::new().forward(z.view(), first.view(), None)?;
    let second = codes(&(z - &step.quantized), FEW)?;
    Ok(vec![first, second])
}

/// A codebook for the upper eight values, one for the lower eight.
fn product_codes(z: &Array2<f32>) -> Result<Vec<Array2<f32>>> {
    [s![.., ..8], s![.., 8..]].iter().map(|half| codes(&z.slice(half).to_owned(), FEW)).collect()
}

fn views(codebooks: &[Array2<f32>]) -> Vec<ArrayView2<'_, f32>> {
    codebooks.iter().map(|codes| codes.view()).collect()
}

/// Mean squared error of a value.
fn error(z: &Array2<f32>, output: &Array2<f32>) -> f64 {
    z.iter().zip(output).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / z.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lowest index of the least distance, by plain loops.
    fn nearest(row: &[f64], codes: &Array2<f32>) -> usize {
        let distance =
            |k: &usize| codes.row(*k).iter().zip(row).map(|(c, v)| (f64::from(*c) - v).powi(2)).sum::<f64>();
        (0..codes.nrows()).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap()
    }

    fn wide(row: ndarray::ArrayView1<'_, f32>) -> Vec<f64> {
        row.iter().map(|v| f64::from(*v)).collect()
    }

    #[test]
    fn stages_groups_and_levels_are_those_of_plain_loops() -> Result<()> {
        main()?;
        let z = quarters()?.slice(s![..400, ..]).to_owned();
        let (stages, groups) = (residual_codes(&z)?, product_codes(&z)?);
        let residual =
            ResidualQuantizer::new(VectorQuantizer::new()).forward(z.view(), &views(&stages), None)?;
        let product =
            ProductQuantizer::new(VectorQuantizer::new()).forward(z.view(), &views(&groups), None)?;
        let fsq = FiniteScalar::new(&[3, 2])?;
        let levels = fsq.forward(z.slice(s![.., ..2]), None)?;
        for (i, row) in z.outer_iter().enumerate() {
            let first = nearest(&wide(row), &stages[0]);
            let left = &row - &stages[0].row(first);
            assert_eq!(residual.stages[0].ids[i] as usize, first);
            assert_eq!(residual.stages[1].ids[i] as usize, nearest(&wide(left.view()), &stages[1]));
            for (g, half) in [s![..8], s![8..]].iter().enumerate() {
                let id = nearest(&wide(row.slice(half)), &groups[g]);
                assert_eq!(product.groups[g].ids[i] as usize, id);
                assert_eq!(product.quantized.row(i).slice(half), groups[g].row(id));
            }
            // Three levels: h = 1.001, no shift. Two: h = 0.5005, o = 1/2, 0 at the upper end of the rounding.
            let three = (1.001 * f64::from(row[0]).tanh()).round() as i64 + 1;
            let shift = (0.5f64 / 0.5005).atanh();
            let two = (0.5005 * (f64::from(row[1]) + shift).tanh() - 0.5).round() as i64 + 1;
            assert_eq!(i64::from(levels.ids[i]), three + 3 * two, "{row}");
        }
        Ok(())
    }

    #[test]
    fn a_turned_gradient_keeps_its_angle_to_the_code() -> Result<()> {
        let z = quarters()?.slice(s![..200, ..]).to_owned();
        let one = codes(&z, FEW)?;
        let vq = VectorQuantizer::new().estimator(Estimator::Rotation).commitment(0.0);
        let step = vq.forward(z.view(), one.view(), None)?;
        // The gradient of |q|²/2 is q: turned back and scaled it is (|q| / |z|)² z.
        let upstream = step.quantized.clone();
        let back = vq.backward(z.view(), one.view(), &step, Upstream::of(upstream.view()))?;
        /// A rotation in f64, rounded to f32.
        const ROUNDING: f64 = 1e-6;
        for i in 0..z.nrows() {
            let square = |row: Vec<f64>| row.iter().map(|v| v * v).sum::<f64>();
            let (q, own) = (square(wide(step.quantized.row(i))), square(wide(z.row(i))));
            for (g, v) in back.latents.row(i).iter().zip(wide(z.row(i))) {
                assert!((f64::from(*g) - q / own * v).abs() <= ROUNDING * q / own.sqrt(), "row {i}");
            }
        }
        Ok(())
    }
}
