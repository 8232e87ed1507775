//! k-means++ of pauca alone in its own process, for `seeding.py`.
//!
//! `peer-seeding --x X.npy --out DIR --k K [--rows N] [--seed S] [--threads T]` writes the seeds as
//! DIR/centroids.npy and prints one line of JSON. The time ends with the report of the last seed: the assignment that
//! follows is not counted.
#![allow(clippy::print_stdout, reason = "the line of JSON is the program's result")]

use std::cell::Cell;
use std::path::Path;

use pauca::{Context, Control, Cpu, Exec, KMeans, Progress, Stage};
use pauca_benches::{Clock, Failure, Matrix, Options, write_npy};

fn main() -> Result<(), Failure> {
    let options = Options::read(&["x", "out", "rows", "k", "seed", "threads"])?;
    let x = Matrix::read(Path::new(options.text("x")?), options.number("rows", usize::MAX)?)?;
    let (k, seed, threads) =
        (options.number("k", 1000)?, options.number("seed", 0)?, options.number("threads", 1)?);
    let exec = if threads == 1 { Exec::serial() } else { Exec::threads(threads)? };
    let (cpu, rows) = (Cpu::new()?, x.rows()?);
    let clock = Clock::start();
    let cost = Cell::new(None);
    let heard = |progress: &Progress| {
        if progress.stage == Stage::Seed && progress.done == progress.total {
            cost.set(Some(clock.cost()));
        }
    };
    let cx = Context::new(exec, Control::new().report_to(&heard));
    let run = KMeans::new(k).seed(seed).max_iter(0).start_on(&cpu, &rows, None, &cx)?;
    let distances = run.seed_distances();
    // No iteration: the centroids are the seeds, the inertia is their potential.
    let seeds = run.finish(&cx)?;
    let cost = cost.get().ok_or("no report of the last seed")?;
    let centroids: Vec<u8> = seeds.centroids.iter().flat_map(|c| c.to_le_bytes()).collect();
    let out = Path::new(options.text("out")?).join("centroids.npy");
    write_npy(&out, "<f4", seeds.centroids.shape(), &centroids)?;
    println!(
        "{{\"wall\": {:.4}, \"cpu\": {:.2}, \"extra_mb\": {:.0}, \"level\": \"{}\", \"distances\": {distances}, \
         \"potential\": {:?}, \"version\": \"pauca {}\"}}",
        cost.wall,
        cost.cpu,
        cost.extra_mb,
        cpu.level().name(),
        seeds.inertia,
        env!("CARGO_PKG_VERSION"),
    );
    Ok(())
}
