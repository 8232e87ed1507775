//! The program `curate`: from a file of embeddings to the rows worth training on, with reasons.
//!
//! | step | module |
//! |---|---|
//! | flags | [`args`] |
//! | what is decided before any work | [`settings`], [`plan`] |
//! | the run, step by step | [`engine`] |
//! | what it found | [`outcome`], [`evidence`], [`shown`], [`summary`] |
//! | what is written | [`files`], [`charts`], [`report`], [`record`] |
//!
//! Nothing is written over before the run is complete; see [`crate::output`].

pub mod args;
pub mod charts;
pub mod engine;
pub mod evidence;
pub mod files;
pub mod outcome;
pub mod plan;
pub mod record;
pub mod report;
pub mod settings;
pub mod shipped;
pub mod shown;
pub mod summary;

use std::path::Path;

use pauca::Cpu;
use serde_json::{Value, json};

use self::args::Args;
use self::settings::Settings;
use self::shown::Shown;
use crate::console;
use crate::failure::{Failure, Result};
use crate::input::{Matrix, Source};
use crate::run::{Run, Start};
use crate::stepping::Stepping;

/// Runs the program with `args`; on the shipped data where no input is named.
///
/// # Errors
/// The one line to print, and the exit code.
pub fn run(args: Args) -> Result<()> {
    let args = shipped::fill(args)?;
    let run = Run::begin(&args.running, &files::NAMES)?;
    let reporter = run.reporter();
    let input = args.input.as_deref().expect("shipped::fill() gives one");
    let matrix = Matrix::open(input, args.tensor.as_deref())?;
    let settings = Settings::resolve(&args, &matrix)?;
    let cpu = Cpu::new().map_err(|e| Failure::library(input, &e))?;
    if args.plan {
        let text = plan::plan(&args, &settings, &matrix, run.threads());
        return console::result(&text).map_err(|e| Failure::io(Path::new("stdout"), "written", &e));
    }
    run.folder()?;
    reporter.stage("read", matrix.layout().rows as u64, 0);
    let shown = Shown::open(&args, matrix.layout().rows)?;
    let configuration = configuration(&settings, &args, &matrix, &shown);
    let (mut out, start) = run.resume(&configuration, args.resuming.resume)?;
    let resume = match start {
        Start::Fresh => None,
        Start::From(state) => Some(state),
        Start::Finished => return run.finished(),
    };
    let resumed = resume.is_some();
    let source = Source::new(&matrix, args.block_rows)?;
    let outcome = {
        let (every, out, configuration) = (args.saving.checkpoint_every, &out, &configuration);
        let (matrix, source, cpu) = (&matrix, &source, &cpu);
        let with = Stepping { matrix, source, cpu, reporter, out, configuration, every, resume };
        run.work(|cx| engine::run(&settings, &with, cx))?
    };
    reporter.stage("write", matrix.layout().rows as u64, 0);
    files::write(&mut out, &outcome, shown.ids.as_ref())?;
    if args.write_filtered {
        files::write_filtered(&mut out, &outcome, &matrix, &source)?;
    }
    let plots = charts::draw(&outcome);
    for (name, svg) in &plots {
        out.text(name, svg)?;
    }
    let html = shown.report(&outcome, &settings, &matrix, &plots, &out, &configuration)?;
    out.text("report.html", &html)?;
    let verdict = summary::verdict(&outcome, &settings);
    let record = record::record(&outcome, &verdict, &configuration);
    let machine = json!({
        "simd": cpu.level().name(), "block_rows": args.block_rows, "resumed": resumed,
        "settled": record::settled(&outcome),
    });
    run.finish(&mut out, record, machine)?;
    let [kept, duplicates, pruned] = outcome.counts();
    let done = json!({
        "verdict": verdict, "rows": outcome.rows(), "kept": kept, "duplicates": duplicates, "pruned": pruned,
    });
    run.say(&out, done, &summary::facts(&outcome, &settings));
    Ok(())
}

/// What names the run: whatever decides the bytes of its outputs.
fn configuration(settings: &Settings, args: &Args, matrix: &Matrix, shown: &Shown) -> Value {
    let layout = matrix.layout();
    let mut value = settings.describe();
    value["write_filtered"] = json!(args.write_filtered);
    value["input"] = json!({
        "file": matrix.file_name(), "tensor": layout.tensor, "dtype": layout.dtype.name(),
        "rows": layout.rows, "dim": layout.dim, "bytes": matrix.file_size(), "sha256": matrix.sha256(),
    });
    if let Some(meta) = &shown.meta {
        value["meta"] = meta.describe();
        value["meta"]["id_column"] = json!(args.id_column);
        value["meta"]["text"] = json!(args.text);
    }
    if let Some((name, sha256)) = &shown.image_identity {
        value["images"] = json!({"from": name, "sha256": sha256, "image_size": args.image_size});
    }
    value
}
