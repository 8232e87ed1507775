//! The program `curate`: from a file of embeddings to the rows worth training on, with reasons.
//!
//! | step | module |
//! |---|---|
//! | flags | [`args`] |
//! | what is decided before any work | [`settings`], [`plan`] |
//! | the run, step by step | [`engine`] |
//! | what it found | [`outcome`], [`evidence`], [`shown`], [`summary`] |
//! | what is written | [`files`], [`report`], [`record`] |
//!
//! Nothing is written over before the run is complete; see [`crate::output`].

pub mod args;
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

use std::collections::BTreeMap;

use clap::Parser;
use pauca::{Cpu, Exec};
use serde_json::{Value, json};

use self::args::Args;
use self::engine::{Engine, Keeper};
use self::outcome::{Fate, Outcome};
use self::settings::Settings;
use self::shown::Shown;
use crate::checkpoint;
use crate::failure::{Failure, Result};
use crate::input::{Matrix, Source, file_name};
use crate::interrupt;
use crate::output::{OutDir, REPORT};
use crate::plots;
use crate::progress::{Reporter, Style, duration, si};

/// Runs the program with the arguments of the process.
///
/// # Errors
/// The one line to print, and the exit code.
pub fn main() -> Result<()> {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(e) if !e.use_stderr() => {
            // --help and --version.
            let _ = e.print();
            return Ok(());
        }
        Err(e) => return Err(crate::failure::usage_of(&e)),
    };
    run(shipped::fill(args)?)
}

/// Runs the program with `args`, whose input is filled in.
///
/// # Errors
/// The one line to print, and the exit code.
pub fn run(args: Args) -> Result<()> {
    interrupt::install();
    let reporter = Reporter::new(args.progress);
    let input = args.input.as_deref().expect("shipped::fill() gives one");
    let matrix = Matrix::open(input, args.tensor.as_deref())?;
    let settings = Settings::resolve(&args, &matrix)?;
    let cpu = Cpu::new().map_err(|e| Failure::library(input, &e))?;
    let exec = match args.threads {
        Some(threads) => Exec::threads(threads).map_err(|e| Failure::library(input, &e))?,
        None => Exec::rayon(),
    };
    if args.plan {
        println!("{}", plan::plan(&args, &settings, &matrix, exec.width()));
        return Ok(());
    }
    let Some(dir) = &args.out else {
        return Err(Failure::usage("--out DIR is needed: a folder for the results"));
    };
    reporter.stage("read", matrix.layout().rows as u64, 0);
    let shown = Shown::open(&args, matrix.layout().rows)?;
    let configuration = configuration(&settings, &args, &matrix, &shown);
    let mut out = OutDir::open(dir)?;
    let resume = match admit(&out, &args, &configuration)? {
        Admitted::Fresh => None,
        Admitted::Resume(state) => Some(state),
        Admitted::Finished => {
            reporter.finish();
            reporter.note(&format!("{} holds this very run, finished", dir.display()));
            return Ok(());
        }
    };
    let resumed = resume.is_some();
    let source = Source::new(&matrix, args.block_rows)?;
    let threads = exec.width();
    let outcome = {
        let keeper =
            Keeper { out: &out, configuration: &configuration, every: args.checkpoint_every, resume };
        let engine = Engine { matrix: &matrix, source: &source, cpu: &cpu, exec, reporter: &reporter };
        engine.run(&settings, &keeper)?
    };
    reporter.stage("write", matrix.layout().rows as u64, 0);
    files::write(&mut out, &outcome, shown.ids.as_ref())?;
    if args.write_filtered {
        files::write_filtered(&mut out, &outcome, &matrix, &source)?;
    }
    let plots = draw(&outcome);
    for (name, svg) in &plots {
        out.write(name, |w| w.write_all(svg.as_bytes()))?;
    }
    let html = shown.report(&outcome, &settings, &matrix, &plots, &out, &configuration)?;
    out.write("report.html", |w| w.write_all(html.as_bytes()))?;
    let verdict = summary::verdict(&outcome, &settings);
    let run = record::Run {
        threads,
        simd: cpu.level().name(),
        block_rows: args.block_rows,
        resumed,
        seconds: reporter.finish(),
        total_seconds: reporter.elapsed(),
        peak_anonymous_bytes: reporter.peak_anonymous(),
    };
    let record = record::record(&outcome, &verdict, &configuration, out.written(), &run);
    out.write(REPORT, |w| writeln!(w, "{record:#}"))?;
    if interrupt::requested() && checkpoint::load(dir, &configuration)?.is_some() {
        return Err(engine::resumable(&out));
    }
    out.commit(&files::NAMES)?;
    out.remove(checkpoint::NAME)?;
    say(&args, &outcome, &settings, &verdict, &out, &run);
    Ok(())
}

/// What to do in the output folder.
enum Admitted {
    Fresh,
    Resume(Vec<u8>),
    Finished,
}

/// Whether the run may write into `out`: nobody's results are replaced unasked.
fn admit(out: &OutDir, args: &Args, configuration: &Value) -> Result<Admitted> {
    if args.overwrite {
        return Ok(Admitted::Fresh);
    }
    let dir = out.path();
    let state = checkpoint::load(dir, configuration);
    if args.resume
        && let Some(state) = state?
    {
        return Ok(Admitted::Resume(state));
    } else if dir.join(checkpoint::NAME).exists() {
        return Err(Failure::usage(format!(
            "{} holds a stopped run; --resume continues it, --overwrite starts anew",
            dir.display()
        )));
    }
    match std::fs::read(dir.join(REPORT)) {
        Ok(bytes) => {
            let there: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            match checkpoint::difference(&there["configuration"], configuration) {
                None if args.resume => Ok(Admitted::Finished),
                None => Ok(Admitted::Fresh),
                Some(what) => Err(Failure::usage(format!(
                    "{} holds a finished run of other settings ({what}); --overwrite replaces it",
                    dir.display()
                ))),
            }
        }
        Err(_) => match files::NAMES.iter().find(|name| dir.join(name).exists()) {
            Some(name) => Err(Failure::usage(format!(
                "{} already exists and is of no finished run; --overwrite replaces it",
                dir.join(name).display()
            ))),
            None => Ok(Admitted::Fresh),
        },
    }
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
        value["meta"] = json!({
            "file": file_name(meta.path()), "sha256": meta.sha256(),
            "id_column": args.id_column, "text": args.text,
        });
    }
    if let Some((name, sha256)) = &shown.image_identity {
        value["images"] = json!({"from": name, "sha256": sha256, "image_size": args.image_size});
    }
    value
}

/// The plots of `outcome` by file name.
fn draw(outcome: &Outcome) -> BTreeMap<&'static str, String> {
    let mut plots = BTreeMap::new();
    if let Some(dedup) = &outcome.dedup
        && let Some(curve) = outcome.curve()
    {
        let used = Some((dedup.epsilon, dedup.kept()));
        plots.insert("keep_curve.svg", plots::keep_curve(&curve, outcome.rows(), used));
    }
    plots.insert("cluster_sizes.svg", plots::cluster_sizes(&outcome.clusters.counts.to_vec()));
    let distances = outcome.distances();
    let of = |fate: Fate| -> Vec<f64> {
        (0..outcome.rows()).filter(|&i| outcome.fate(i) == fate).map(|i| distances[i]).collect()
    };
    let pruned = if outcome.second.is_some() {
        of(Fate::Pruned)
    } else {
        [of(Fate::Pruned), of(Fate::Duplicate)].concat()
    };
    let name = summary::distance_name(outcome.pruning());
    plots.insert("distances.svg", plots::distances(&of(Fate::Kept), &pruned, name));
    plots
}

/// The last lines: the verdict's facts for a person on stderr, or one JSON object on stdout.
fn say(args: &Args, outcome: &Outcome, settings: &Settings, verdict: &str, out: &OutDir, run: &record::Run) {
    let page = out.path().join("report.html");
    match args.progress {
        Style::None => {}
        Style::Json => {
            let [kept, duplicates, pruned] = outcome.counts();
            let done = json!({
                "event": "done", "verdict": verdict, "rows": outcome.rows(), "kept": kept, "duplicates": duplicates,
                "pruned": pruned, "seconds": run.total_seconds, "out": out.path().display().to_string(),
            });
            println!("{done}");
        }
        Style::Auto => {
            for fact in summary::facts(outcome, settings) {
                eprintln!("{:<16} {}; {}", fact.about, fact.value, fact.detail);
            }
            let bytes: u64 = out.written().values().map(|file| file.bytes).sum();
            let memory = run
                .peak_anonymous_bytes
                .map_or(String::new(), |bytes| format!(", {}B of memory", si(bytes as f64)));
            eprintln!(
                "{:<16} {}; {} files, {}B, in {}{memory}",
                "open",
                page.display(),
                out.written().len(),
                si(bytes as f64),
                duration(run.total_seconds)
            );
        }
    }
}
