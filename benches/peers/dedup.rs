//! One deduplication of pauca in its own process, for `dedup.py`: all rows as one cluster, in the
//! order of the file.
//!
//! `peer-dedup --x X.npy --out DIR [--rule earlier-max] [--epsilon 0.05] [--rows N] [--threads T]` writes
//! DIR/similarity.npy (for EarlierMax the largest cosine to an earlier row; NaN for the first row), DIR/kept.npy, and
//! prints one line of JSON.
#![allow(clippy::print_stdout, reason = "the line of JSON is the program's result")]

use std::path::Path;

use pauca::{Context, Control, Cpu, Exec, Init, KMeans, Order, Rule, SemDedup};
use pauca_benches::{Failure, Matrix, Options, measure, write_npy};

fn main() -> Result<(), Failure> {
    let options = Options::read(&["x", "out", "rows", "threads", "rule", "epsilon"])?;
    let x = Matrix::read(Path::new(options.text("x")?), options.number("rows", usize::MAX)?)?;
    let threads = options.number("threads", 1)?;
    let exec = if threads == 1 { Exec::serial() } else { Exec::threads(threads)? };
    let (cpu, cx) = (Cpu::new()?, Context::new(exec, Control::new()));
    let rows = x.rows()?;
    let first = x.widened().slice_move(ndarray::s![..1, ..]).to_owned();
    let one =
        KMeans::new(1).spherical(true).max_iter(0).init(Init::Given(first)).fit_on(&cpu, &rows, None, &cx)?;
    let order = Order::Custom((0..rows.n_rows()).map(|i| i as f64).collect());
    let name = options.text("rule").unwrap_or("earlier-max");
    let rule = Rule::ALL.iter().copied().find(|rule| rule.name() == name);
    let rule = rule.ok_or_else(|| format!("{name}: no such rule"))?;
    let dedup = SemDedup::new(rule).order(order).epsilon(options.number("epsilon", 0.05)?);
    let (result, cost) = measure(|| dedup.fit_on(&cpu, &rows, &one, &cx));
    let dups = result?;
    let similarity: Vec<u8> = dups.similarity.iter().flat_map(|s| s.to_le_bytes()).collect();
    write_npy(&Path::new(options.text("out")?).join("similarity.npy"), "<f8", &[rows.n_rows()], &similarity)?;
    let kept: Vec<u8> = dups.keep.iter().map(|keep| u8::from(*keep)).collect();
    write_npy(&Path::new(options.text("out")?).join("kept.npy"), "|u1", &[rows.n_rows()], &kept)?;
    println!(
        "{{\"wall\": {:.4}, \"cpu\": {:.2}, \"extra_mb\": {:.0}, \"level\": \"{}\", \"exact_copies\": {}, \
         \"rows\": {}, \"f32\": {}, \"f64\": {}, \"truth\": {}, \"version\": \"pauca {}\"}}",
        cost.wall,
        cost.cpu,
        cost.extra_mb,
        cpu.level().name(),
        dups.exact_copies,
        dups.search.rows,
        dups.search.f32,
        dups.search.f64,
        dups.search.truth,
        env!("CARGO_PKG_VERSION"),
    );
    Ok(())
}
