//! The training loop of a codebook: latents in, codes that follow them, none of them dead.
#![allow(clippy::print_stdout, reason = "it shows what it found")]

use ndarray::Array2;
use pauca::vq::{CodeStats, Ema, Policy, Revival, Training, Usage, VectorQuantizer, kmeans_codes};
use pauca::{KMeans, Metric};

/// What an encoder would give for a batch: 512 latents about 40 points of a circle.
fn latents(batch: usize) -> Array2<f32> {
    Array2::from_shape_fn((512, 2), |(i, j)| {
        let angle = ((i * 7 + batch * 3) % 40) as f32 / 40.0 * std::f32::consts::TAU;
        let noise = ((i * 31 + batch * 17 + j * 11) % 13) as f32 / 130.0;
        noise + if j == 0 { angle.cos() } else { angle.sin() }
    })
}

fn main() -> Result<(), pauca::Error> {
    let (k, d, metric) = (32, 2, Metric::SqEuclidean);
    let quantizer = VectorQuantizer::new().metric(metric).training(Training::Ema).commitment(0.25);
    let first = kmeans_codes(&KMeans::new(k).seed(7).max_iter(10), latents(0).view(), None)?;
    let mut codebook = Ema::new(metric).decay(0.9).start(first.view())?;
    let revival = Revival::new(Policy::RandomRow).threshold(0.5).seed(7);

    for batch in 0..50 {
        let z = latents(batch);
        let step = quantizer.forward(z.view(), codebook.codes(), None)?;
        // Decode step.quantized, and give the decoder's gradient to backward as Upstream::of(gradient).
        let gradients = quantizer.backward(z.view(), codebook.codes(), &step, Default::default())?;
        let (ids, distances) = (step.ids.to_vec(), step.distances.to_vec());
        let mut stats = CodeStats::new(k, d, metric)?;
        stats.collect(z.view(), &ids)?; // other workers' statistics would be merged here
        codebook.update(&stats)?;
        let revived = codebook.revive(&revival, z.view(), &ids, &distances, batch as u64)?;
        if batch % 10 == 0 {
            let mut usage = Usage::new(k)?;
            usage.add(&ids)?;
            let pull = gradients.latents.iter().map(|g| g * g).sum::<f32>().sqrt();
            println!(
                "batch {batch:2}: commitment {:.6}, perplexity {:.1} of {k}, {} revived, |dL/dz| {pull:.6}",
                step.losses.commitment,
                usage.perplexity(),
                revived.len()
            );
        }
    }
    Ok(())
}
