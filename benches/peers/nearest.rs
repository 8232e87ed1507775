//! Nearest codes by pauca in its own process, for `nearest.py`.
//!
//! `peer-nearest --x X.npy --codes C.npy --out DIR [--threads T]` writes DIR/labels.npy and prints one line of JSON.
#![allow(clippy::print_stdout, reason = "the line of JSON is the program's result")]

use std::path::Path;

use pauca::backend::{Backend, Copies};
use pauca::{Context, Control, Cpu, Exec, Metric};
use pauca_benches::{Failure, Matrix, Options, measure, write_npy};

fn main() -> Result<(), Failure> {
    let options = Options::read(&["x", "codes", "out", "threads"])?;
    let read = |name| Matrix::read(Path::new(options.text(name)?), usize::MAX);
    let (x, codes) = (read("x")?, read("codes")?);
    let threads = options.number("threads", 1)?;
    let exec = if threads == 1 { Exec::serial() } else { Exec::threads(threads)? };
    let (cpu, cx) = (Cpu::new()?, Context::new(exec, Control::new()));
    let (x, codes) = (x.rows()?, codes.rows()?);
    let mut ids = vec![0; x.n_rows()];
    let (search, cost) = measure(|| {
        let block = cpu.load(x, Metric::SqEuclidean, &cx)?;
        let targets = cpu.targets(codes, Metric::SqEuclidean, Copies::Collapse, &cx)?;
        cpu.nearest(&block, &targets, None, &mut ids, &cx)
    });
    search?;
    let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    write_npy(&Path::new(options.text("out")?).join("labels.npy"), "<u4", &[ids.len()], &bytes)?;
    println!(
        "{{\"wall\": {:.4}, \"cpu\": {:.2}, \"extra_mb\": {:.0}, \"level\": \"{}\", \"version\": \"pauca {}\"}}",
        cost.wall,
        cost.cpu,
        cost.extra_mb,
        cpu.level().name(),
        env!("CARGO_PKG_VERSION"),
    );
    Ok(())
}
