//! Codebooks: steps, moving averages, composites, statistics of use and of tokens.

use ndarray::s;
use pauca::tokens::{
    NGrams, PositionNGrams, bd_rate, lower_hull, mutual_information, pareto, scaling_fit, scaling_interval,
};
use pauca::vq::{
    CodeStats, Ema, EmaCodebook, EntropyLoss, Estimator, FiniteScalar, Policy, PositionUsage,
    ProductQuantizer, ResidualQuantizer, Revival, Smoothing, Training, Upstream, Usage, VectorQuantizer,
    kmeans_codes_on, l2_normalize, l2_normalize_backward, pack_ids, rotate, rotate_backward,
};
use pauca::{Cpu, KMeans, Metric, Real};
use pauca_tests::memory::{every_refusal, every_refusal_few};
use pauca_tests::run::serial;

use crate::{digest, latents};

/// Rows, codes, columns: a byte a row, an id a code, and an f32 a column are each a large allocation.
const N: usize = 520;
const K: usize = 130;
const D: usize = 130;

fn masked() -> Vec<bool> {
    (0..N).map(|i| i % 5 != 4).collect()
}

fn one_step<T: Real>(name: &str, config: VectorQuantizer, mask: Option<&[bool]>) {
    let (z, codes) = (latents::<T>(N, D, 0), latents::<T>(K, D, 1));
    let (backend, cx) = (Cpu::new().unwrap(), serial());
    every_refusal(name, || {
        let step = config.forward_on(&backend, z.view(), codes.view(), mask, &cx)?;
        let back = config.backward_in(z.view(), codes.view(), &step, Upstream::of(z.view()), &cx)?;
        let decoded = config.decode(codes.view(), step.ids.as_slice().unwrap())?;
        let forward = (digest(&step.quantized), digest(&step.distances), digest(&decoded));
        Ok((forward, digest(&back.latents), back.codes.as_ref().map(|codes| digest(codes))))
    });
}

#[test]
fn refused_memory_is_an_error_for_steps_of_codebooks() {
    let mask = masked();
    let plain = VectorQuantizer::new();
    let unit = plain.metric(Metric::Cosine).estimator(Estimator::Rotation).refuse_zero_rows(true);
    one_step::<f32>("vq", plain, None);
    one_step::<f32>("vq, cosine, masked", unit, Some(&mask));
    one_step::<f64>("vq, f64", plain, Some(&mask));
    one_step::<f64>("vq, cosine, f64", unit, None);
    let loss = EntropyLoss::new(0.1);
    one_step::<f32>("vq, entropy", plain.entropy(loss), Some(&mask));
    one_step::<f32>("vq, entropy, ema", unit.entropy(loss).training(Training::Ema), None);
    one_step::<f64>("vq, entropy, f64", unit.entropy(loss), None);
}

fn averages<T: Real>(metric: Metric) {
    let (z, codes) = (latents::<T>(N, D, 0), latents::<T>(K, D, 1));
    let (backend, cx, mask) = (Cpu::new().unwrap(), serial(), masked());
    let found = VectorQuantizer::new().metric(metric).assign(z.view(), codes.view(), Some(&mask)).unwrap();
    let (ids, distances) = (found.ids.to_vec(), found.distances.to_vec());
    let collect = || {
        let mut stats = CodeStats::new(K, D, metric)?;
        stats.collect_on(&backend, z.view(), &ids, &cx)?;
        Ok(stats)
    };
    every_refusal("code stats", || {
        let (mut stats, other) = (collect()?, collect()?);
        stats.merge(&other)?;
        stats.planes()
    });
    let stats = collect().unwrap();
    let planes = stats.planes().unwrap();
    every_refusal("code stats, planes", || {
        CodeStats::from_planes(K, D, metric, &planes).map(|stats| (stats.total(), stats.sum(3, 3)))
    });
    let config = Ema::new(metric).decay(0.9).smoothing(Smoothing::Laplace(1e-5));
    for &policy in Policy::ALL {
        every_refusal("ema", || {
            let mut book = config.start(codes.view())?;
            book.update(&stats)?;
            // All codes are dead, so that every list is long.
            let revival = Revival::new(policy).threshold(1e6);
            let revived = book.revive(&revival, z.view(), &ids, &distances, 1)?;
            Ok((digest(book.codes()), digest(book.counts()), revived))
        });
    }
    let book = config.start(codes.view()).unwrap();
    every_refusal_few("ema, bytes", || book.to_bytes());
    let bytes = book.to_bytes().unwrap();
    every_refusal_few("ema, from bytes", || {
        EmaCodebook::<T>::from_bytes(&bytes).map(|book| digest(book.codes()))
    });
    // Few and narrow: what k-means itself asks for is refused elsewhere.
    let (k_means, narrow) = (KMeans::new(20).max_iter(1), z.slice(s![.., ..8]));
    every_refusal("first codes", || {
        kmeans_codes_on(&backend, &k_means, narrow, Some(&mask), &cx).map(|codes| digest(&codes))
    });
}

#[test]
fn refused_memory_is_an_error_for_moving_averages() {
    averages::<f32>(Metric::SqEuclidean);
    averages::<f32>(Metric::Cosine);
    averages::<f64>(Metric::Cosine);
}

#[test]
fn refused_memory_is_an_error_for_composite_codebooks() {
    let (z, codes) = (latents::<f32>(N, D, 0), latents::<f32>(K, D, 1));
    let (backend, cx) = (Cpu::new().unwrap(), serial());
    let books = [codes.view(), codes.view()];
    let above = Upstream::of(z.view());
    let residual = ResidualQuantizer::new(VectorQuantizer::new().estimator(Estimator::Rotation));
    every_refusal("residual", || {
        let step = residual.forward_on(&backend, z.view(), &books, None, &cx)?;
        let back = residual.backward_in(z.view(), &books, &step, above, &cx)?;
        let ids = [0, 1].map(|s: usize| step.stages[s].ids.as_slice().unwrap());
        Ok((digest(&step.quantized), digest(&residual.decode(&books, &ids)?), digest(&back.latents)))
    });
    let halves = [codes.slice(s![.., ..D / 2]), codes.slice(s![.., D / 2..])];
    let product = ProductQuantizer::new(VectorQuantizer::new().metric(Metric::Cosine));
    every_refusal("product", || {
        let step = product.forward_on(&backend, z.view(), &halves, None, &cx)?;
        let back = product.backward_in(z.view(), &halves, &step, above, &cx)?;
        let ids = [0, 1].map(|g: usize| step.groups[g].ids.as_slice().unwrap());
        Ok((digest(&step.quantized), digest(&product.decode(&halves, &ids)?), digest(&back.latents)))
    });
    let (narrow, mask, fsq) = (z.slice(s![.., ..4]), masked(), FiniteScalar::new(&[8, 5, 5, 5]).unwrap());
    every_refusal("finite scalar", || {
        let step = fsq.forward(narrow, Some(&mask))?;
        let ids = step.ids.as_slice().unwrap();
        let back = fsq.backward(narrow, Some(&mask), narrow)?;
        Ok((digest(&step.quantized), digest(&back), digest(&fsq.decode::<f32>(ids)?)))
    });
    let (a, b, x) = (z.row(0).to_vec(), z.row(1).to_vec(), z.row(2).to_vec());
    every_refusal("rotation", || {
        let (mut out, mut back) = ([0.0; D], [0.0; D]);
        rotate(&a, &b, &x, &mut out)?;
        rotate_backward(&a, &b, &x, &mut back)?;
        Ok((digest(&out), digest(&back)))
    });
    every_refusal_few("unit length", || {
        let (mut out, mut back) = ([0.0; D], [0.0; D]);
        l2_normalize(&a, &mut out)?;
        l2_normalize_backward(&a, &x, &mut back)?;
        Ok((digest(&out), digest(&back)))
    });
}

#[test]
fn refused_memory_is_an_error_for_statistics_of_codes() {
    let ids: Vec<u32> = (0..N as u32).map(|i| i * i % K as u32).collect();
    every_refusal_few("usage", || {
        let mut usage = Usage::new(2 * K)?;
        usage.add(&ids)?;
        Ok((usage.gini()?, usage.dead()?, usage.perplexity().to_bits()))
    });
    every_refusal("usage by position", || {
        let mut usage = PositionUsage::new(N / 5, K)?;
        usage.add(&ids)?;
        Ok((usage.entropies()?, usage.perplexities()?, usage.overall()?.dead()?))
    });
    every_refusal_few("ids", || pack_ids::<u8>(&ids, K));
    every_refusal("n-grams", || {
        let (mut grams, mut other) = (NGrams::new(K, 1)?, NGrams::new(K, 1)?);
        for item in ids.chunks(50) {
            grams.add(item)?;
            other.add(&item[1..])?;
        }
        grams.merge(&other)?;
        let entropy = grams.conditional_entropy(1)?;
        Ok((entropy, grams.held_out(1, &other, 0.5)?, grams.pooled_bits_per_item(50)?))
    });
    every_refusal("n-grams by position", || {
        let (mut grams, mut other) = (PositionNGrams::new(5, K, 1)?, PositionNGrams::new(5, K, 1)?);
        grams.add(&ids)?;
        other.add(&ids[..N / 2])?;
        grams.merge(&other)?;
        Ok((grams.entropies(1)?, grams.bits_per_item()?))
    });
    let items = ndarray::ArrayView2::from_shape((N / 2, 2), &ids).unwrap();
    every_refusal_few("mutual information", || mutual_information(items, 0, 1));
    let points: Vec<[f64; 2]> =
        (1..200).map(|i| [f64::from(i), 100.0 / f64::from(i) + f64::from(i % 3)]).collect();
    let (compute, loss): (Vec<f64>, Vec<f64>) = points.iter().map(|[c, l]| (*c, *l)).unzip();
    every_refusal_few("pareto front", || Ok((pareto(&points)?, lower_hull(&points)?)));
    every_refusal("rates", || bd_rate(&points, &points));
    every_refusal_few("scaling fit", || {
        Ok((scaling_fit(&compute, &loss)?, scaling_interval(&compute, &loss, 0.95)?))
    });
}
