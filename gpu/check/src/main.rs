//! `gpu-check`: tries a device with all that pauca asks of it, and times it. Each step is written to a file as it ends, so
//! that a run which is cut short leaves what it saw.
//!
//! | step | file | what it says |
//! |---|---|---|
//! | devices | `1-devices.json` | every device that is found: opened with its limits, or refused with the reason |
//! | suite | `2-suite.json` | the properties of the conformance suite on the device: problems, and what failed |
//! | truth | `3-truth.json` | whole algorithms on rows of ordinary size, against the processor, bit by bit |
//! | times | `4-times.json` | assignment, update, iteration and pairs, on the device and on the processor |
//! | peers | `5-peers.json` | the same work by torch and by flash-kmeans, where Python has them and a CUDA device |
//! | | `6-tensor.json` | with `--tensor`: the kernels for tensor cores, which no search uses yet, against the definition |
//!
//! The exit code is 0 when every step that ran found nothing wrong.
#![allow(clippy::print_stdout, reason = "a program")]

mod peers;
mod suite;
mod tensor;
mod times;
mod truth;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use pauca_gpu::{Api, Gpu};
use serde_json::{Value, json};

/// Tries a device with all that pauca asks of it, and times it.
#[derive(Debug, Parser)]
#[command(name = "gpu-check", version, max_term_width = 100)]
struct Args {
    /// Device: wgpu, cuda or hip, with its number where there are several [default: the most capable one that is no
    /// software]
    #[arg(long, value_name = "wgpu[:I]|cuda[:I]|hip[:I]")]
    device: Option<String>,

    /// Folder for what the steps say
    #[arg(long, value_name = "DIR", default_value = "gpu-check")]
    out: PathBuf,

    /// Only these steps
    #[arg(long, value_enum, num_args = 1.., value_name = "STEP")]
    steps: Vec<Step>,

    /// Problems of each property of the suite
    #[arg(long, value_name = "N", default_value_t = 16)]
    cases: u32,

    /// Rows that are timed, and at most compared
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    rows: usize,

    /// Values in a row that is timed
    #[arg(long, value_name = "D", num_args = 1.., default_values_t = [128, 768])]
    dims: Vec<usize>,

    /// Clusters that are timed
    #[arg(long, value_name = "K", num_args = 1.., default_values_t = [1024, 4096, 16384])]
    clusters: Vec<usize>,

    /// Timed runs, of which the median is told
    #[arg(long, value_name = "N", default_value_t = 5)]
    repetitions: usize,

    /// Try the kernels for tensor cores, too: on a CUDA device of sm_80 or later
    #[arg(long)]
    tensor: bool,

    /// Python that has torch and flash-kmeans
    #[arg(long, value_name = "FILE", default_value = "python3")]
    python: String,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    Devices,
    Suite,
    Truth,
    Times,
    Peers,
}

/// What a step found: whether anything is wrong, and everything there is to say.
type Found = (bool, Value);

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln(&error);
            ExitCode::FAILURE
        }
    }
}

fn eprintln(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("gpu-check: {text}\n").as_bytes());
}

fn run(args: &Args) -> Result<bool, String> {
    std::fs::create_dir_all(&args.out).map_err(|e| format!("{}: {e}", args.out.display()))?;
    let wants = |step| args.steps.is_empty() || args.steps.contains(&step);
    let mut fine = true;
    let mut done = |step: &str, work: &mut dyn FnMut() -> Found| -> Result<(), String> {
        let begun = Instant::now();
        let (right, mut value) = work();
        value["seconds"] = json!(begun.elapsed().as_secs_f64());
        fine &= right;
        write(&args.out.join(format!("{step}.json")), &value)?;
        println!("{step}: {} in {:.1} s", if right { "ok" } else { "WRONG" }, begun.elapsed().as_secs_f64());
        Ok(())
    };
    if wants(Step::Devices) {
        done("1-devices", &mut || (true, devices()))?;
    }
    let gpu = open(args.device.as_deref())?;
    println!("device: {} {}", gpu.found(), gpu.name());
    if wants(Step::Suite) {
        done("2-suite", &mut || suite::run(&gpu, args.cases))?;
    }
    if wants(Step::Truth) {
        done("3-truth", &mut || truth::run(&gpu, args.rows))?;
    }
    if wants(Step::Times) {
        done("4-times", &mut || times::run(&gpu, args.rows, &args.dims, &args.clusters, args.repetitions))?;
    }
    if wants(Step::Peers) {
        done("5-peers", &mut || {
            peers::run(&args.python, args.rows, &args.dims, &args.clusters, args.repetitions)
        })?;
    }
    if args.tensor {
        done("6-tensor", &mut || tensor::run(&gpu))?;
    }
    Ok(fine)
}

/// Writes a file at once or not at all.
fn write(path: &Path, value: &Value) -> Result<(), String> {
    let text = format!("{value:#}\n");
    let part = path.with_extension("part");
    std::fs::write(&part, text)
        .and_then(|()| std::fs::rename(&part, path))
        .map_err(|e| format!("{}: {e}", path.display()))
}

/// Every device, opened or refused.
fn devices() -> Value {
    let of = |found: &pauca_gpu::Found| match Gpu::open(found) {
        Ok(gpu) => json!({"device": found.to_string(), "name": gpu.name(), "limits": limits(&gpu)}),
        Err(error) => json!({"device": found.to_string(), "refused": error.to_string()}),
    };
    json!({"version": env!("CARGO_PKG_VERSION"), "devices": Gpu::enumerate().iter().map(of).collect::<Vec<_>>()})
}

fn limits(gpu: &Gpu) -> Value {
    let limits = gpu.limits();
    json!({
        "buffer": limits.buffer, "shared": limits.shared, "units": limits.units, "cubes": limits.cubes, "decides": limits.decides,
        "tensor": limits.tensor,
        "memory": limits.memory, "work": limits.work,
    })
}

fn open(asked: Option<&str>) -> Result<Gpu, String> {
    let Some(asked) = asked else { return Gpu::auto().map_err(|e| e.to_string()) };
    let (name, index) = match asked.split_once(':') {
        Some((name, index)) => {
            (name, Some(index.parse().map_err(|_| format!("{index:?} is no number of a device"))?))
        }
        None => (asked, None),
    };
    let api = [Api::Wgpu, Api::Cuda, Api::Hip].into_iter().find(|api| api.name() == name);
    let api = api.ok_or_else(|| format!("{asked:?} is no device: wgpu, cuda or hip is needed"))?;
    Gpu::choose(api, index).map_err(|e| e.to_string())
}
