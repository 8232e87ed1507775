//! One pass over the hidden states of a model in its own process, for `layers.py`.
//!
//! `peer-layers --x X.npy --states S --out DIR [--threads T]`: X holds [samples S, d] rows, the S
//! states of a sample side by side; writes DIR/mean.npy [S, S] and prints one line of JSON.
#![allow(clippy::print_stdout, reason = "the line of JSON is the program's result")]

use std::path::Path;

use ndarray::s;
use pauca::layers::{LayerDistances, Tokens};
use pauca::{Context, Control, Exec, Rows};
use pauca_benches::{Failure, Matrix, Options, measure, write_npy};

fn main() -> Result<(), Failure> {
    let options = Options::read(&["x", "states", "out", "threads"])?;
    let x = Matrix::read(Path::new(options.text("x")?), usize::MAX)?;
    let (states, threads) = (options.number("states", 2)?, options.number("threads", 1)?);
    let exec = if threads == 1 { Exec::serial() } else { Exec::threads(threads)? };
    let cx = Context::new(exec, Control::new());
    let Rows::F32(all) = x.rows()? else { return Err("f32 rows are needed".into()) };
    let rows: Vec<Rows> = (0..states).map(|l| Rows::F32(all.slice(s![l..;states, ..]))).collect();
    let (table, cost) = measure(|| LayerDistances::new(states - 1).fit_in(&rows, Tokens::Rows, &cx));
    let table = table?;
    let means: Vec<u8> = table.mean.iter().flat_map(|v| v.to_le_bytes()).collect();
    write_npy(&Path::new(options.text("out")?).join("mean.npy"), "<f8", &[states, states], &means)?;
    println!(
        "{{\"wall\": {:.4}, \"cpu\": {:.2}, \"extra_mb\": {:.0}, \"version\": \"pauca {}\"}}",
        cost.wall,
        cost.cpu,
        cost.extra_mb,
        env!("CARGO_PKG_VERSION"),
    );
    Ok(())
}
