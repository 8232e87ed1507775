//! Training steps of a codebook in their own process, for `vq.py`: forward, backward, statistics, moving averages.
//!
//! `peer-vq --x Z.npy --codes C.npy --grad G.npy --out DIR [--steps T] [--decay G] [--threads T] [--cosine 1]`
//! writes DIR/labels.npy (ids of the first step) and DIR/centroids.npy (codes after the last) and prints one line of JSON.
#![allow(clippy::print_stdout, reason = "the line of JSON is the program's result")]

use std::path::Path;

use pauca::vq::{CodeStats, Ema, Training, Upstream, VectorQuantizer};
use pauca::{Context, Control, Cpu, Exec, Metric};
use pauca_benches::{Failure, Matrix, Options, measure, write_npy};

fn main() -> Result<(), Failure> {
    let options = Options::read(&["x", "codes", "grad", "out", "steps", "decay", "threads", "cosine"])?;
    let read = |name| -> Result<_, Failure> {
        Ok(Matrix::read(Path::new(options.text(name)?), usize::MAX)?.widened())
    };
    let (z, codes, gradient) = (read("x")?, read("codes")?, read("grad")?);
    let (steps, threads) = (options.number("steps", 1)?, options.number("threads", 1)?);
    let decay: f64 = options.text("decay")?.parse()?;
    let metric = if options.number("cosine", 0)? == 0 { Metric::SqEuclidean } else { Metric::Cosine };
    let exec = if threads == 1 { Exec::serial() } else { Exec::threads(threads)? };
    let (cpu, cx) = (Cpu::new()?, Context::new(exec, Control::new()));
    let quantizer = VectorQuantizer::new().metric(metric).training(Training::Ema).commitment(1.0);
    let mut book = Ema::new(metric).decay(decay).start(codes.view())?;
    let (mut first, mut losses) = (None, 0.0);
    let (result, cost) = measure(|| -> pauca::Result<()> {
        for _ in 0..steps {
            let step = quantizer.forward_on(&cpu, z.view(), book.codes(), None, &cx)?;
            let upstream = Upstream::of(gradient.view());
            let gradients = quantizer.backward_in(z.view(), book.codes(), &step, upstream, &cx)?;
            let ids = step.ids.to_vec();
            let mut stats = CodeStats::new(codes.nrows(), codes.ncols(), metric)?;
            stats.collect_on(&cpu, z.view(), &ids, &cx)?;
            book.update(&stats)?;
            losses = step.losses.commitment;
            drop(gradients);
            first.get_or_insert(ids);
        }
        Ok(())
    });
    result?;
    let out = Path::new(options.text("out")?);
    let ids = first.unwrap_or_default();
    let labels: Vec<u8> = ids.iter().flat_map(|l| l.to_le_bytes()).collect();
    let centroids: Vec<u8> = book.codes().iter().flat_map(|c| c.to_le_bytes()).collect();
    write_npy(&out.join("labels.npy"), "<u4", &[ids.len()], &labels)?;
    write_npy(&out.join("centroids.npy"), "<f4", book.codes().shape(), &centroids)?;
    println!(
        "{{\"wall\": {:.4}, \"cpu\": {:.2}, \"extra_mb\": {:.0}, \"level\": \"{}\", \"loss\": {losses:?}, \
         \"version\": \"pauca {}\"}}",
        cost.wall,
        cost.cpu,
        cost.extra_mb,
        cpu.level().name(),
        env!("CARGO_PKG_VERSION"),
    );
    Ok(())
}
