//! The program `prune-code`: length, corruption and pruning of code files by their embeddings.
//!
//! | step | module |
//! |---|---|
//! | flags | [`args`] |
//! | texts in, corrupted texts out | [`corrupt`] |
//! | reading and checking | [`inputs`] |
//! | the numbers | [`mod@study`] |
//! | the result in words, plots and a page | [`charts`], [`report`] |
//! | files | [`files`] |
//!
//! Nothing is written over before the run is complete; see [`crate::output`].

pub mod args;
pub mod charts;
pub mod corrupt;
pub mod files;
pub mod inputs;
pub mod report;
pub mod study;

use std::path::{Path, PathBuf};

use clap::Parser;
use pauca::{Context, Control, Cpu, Exec};
use serde_json::{Value, json};

use self::args::{Args, Command, StudyArgs};
use self::inputs::Inputs;
use self::study::Settings;
use crate::checkpoint;
use crate::failure::{Failure, Result};
use crate::input::meta::{Meta, digest};
use crate::input::{Matrix, Source, file_name};
use crate::interrupt;
use crate::output::{OutDir, REPORT};
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
        Err(e) => {
            // What is wrong, and clap's tips, without the usage that follows: one line.
            let text = e.render().to_string();
            let text = text
                .split("\nUsage:")
                .next()
                .unwrap_or(&text)
                .replace("For more information, try '--help'.", "");
            return Err(Failure::usage(text.trim_start_matches("error: ")));
        }
    };
    match args.command {
        Some(Command::Corrupt(args)) => corrupt::run(&args),
        None => study(shipped(args.study)?),
    }
}

/// `args` with the shipped files where no input is named.
fn shipped(mut args: StudyArgs) -> Result<StudyArgs> {
    if args.input.is_some() {
        return Ok(args);
    }
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
    let rows = data.join("code.f16.npy");
    if !rows.is_file() {
        let place = data.display();
        return Err(Failure::usage(format!("INPUT is needed: the shipped data is not at {place}")));
    }
    if args.meta.is_some() || args.corrupted.is_some() {
        return Err(Failure::usage("--meta and --corrupted describe an INPUT, and none is named"));
    }
    let beside = |name: &str| Some(data.join(name)).filter(|path| path.is_file());
    args.input = Some(rows);
    args.meta = beside("code.csv");
    args.corrupted = beside("code-corrupted.f16.npy");
    args.corrupted_meta = beside("code-corrupted.csv");
    args.texts = args.texts.or_else(|| beside("code-texts.jsonl"));
    args.out = args.out.or_else(|| Some(PathBuf::from("out/code")));
    Ok(args)
}

/// Runs the study with `args`, whose input is filled in.
///
/// # Errors
/// The one line to print, and the exit code.
pub fn study(args: StudyArgs) -> Result<()> {
    interrupt::install();
    let reporter = Reporter::new(args.progress);
    let input = args.input.as_deref().expect("shipped() gives one");
    let matrix = Matrix::open(input, None)?;
    let n = matrix.layout().rows;
    let Some(meta) = &args.meta else {
        return Err(Failure::usage("--meta FILE is needed: names and lengths of the files"));
    };
    let Some(dir) = &args.out else {
        return Err(Failure::usage("--out DIR is needed: a folder for the results"));
    };
    let settings = settings(&args, n, input)?;
    let cpu = Cpu::new().map_err(|e| Failure::library(input, &e))?;
    let exec = match args.threads {
        Some(threads) => Exec::threads(threads).map_err(|e| Failure::library(input, &e))?,
        None => Exec::rayon(),
    };
    let threads = exec.width();
    reporter.stage("read", n as u64, 0);
    let columns: Vec<&str> = [Some(&args.id_column), Some(&args.tokens), args.perplexity.as_ref()]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let meta = Meta::open(meta, n, &columns)?;
    let corrupted = match (&args.corrupted, &args.corrupted_meta) {
        (Some(rows), Some(table)) => {
            let rows = Matrix::open(rows, None)?;
            let table = Meta::open(table, rows.layout().rows, &[&args.id_column, "kind"])?;
            Some((rows, table))
        }
        _ => None,
    };
    let source = Source::new(&matrix, None)?;
    let inputs = Inputs::read(&args, &matrix, &source, &meta, corrupted.as_ref())?;
    let texts = args.texts.as_deref().map(corrupt::texts).transpose()?;
    let configuration = configuration(&args, &settings, &matrix, &meta, corrupted.as_ref())?;
    let mut out = OutDir::open(dir)?;
    admit(&out, &args, &configuration)?;
    let study = {
        let report = |progress: &pauca::Progress| reporter.library(progress);
        let control = Control::new().stop_when(&interrupt::requested).report_to(&report);
        let cx = Context::new(exec, control);
        study::run(&inputs, &settings, &cpu, &cx, &reporter).map_err(|e| match e {
            pauca::Error::Cancelled => Failure::Cancelled("stopped; nothing was written".into()),
            other => Failure::library(input, &other),
        })?
    };
    reporter.stage("write", n as u64, 0);
    files::write(&mut out, &study, &inputs)?;
    let plots = report::draw(&study).map_err(|e| Failure::library(input, &e))?;
    for (name, svg) in &plots {
        out.write(name, |w| w.write_all(svg.as_bytes()))?;
    }
    let page = report::Page {
        study: &study,
        settings: &settings,
        inputs: &inputs,
        input: matrix.file_name(),
        dim: matrix.layout().dim,
        plots: &plots,
        texts: texts.as_deref().unwrap_or(&[]),
        configuration: &configuration,
    };
    let html = page.html(out.written()).map_err(|e| Failure::library(input, &e))?;
    out.write("report.html", |w| w.write_all(html.as_bytes()))?;
    let verdict = report::verdict(&study, &settings).map_err(|e| Failure::library(input, &e))?;
    let seconds: serde_json::Map<String, Value> =
        reporter.finish().into_iter().map(|(name, seconds)| (name, json!(seconds))).collect();
    let mut record = files::record(&study, &verdict, &configuration, out.written())
        .map_err(|e| Failure::library(input, &e))?;
    record["run"] = json!({
        "threads": threads, "simd": cpu.level().name(), "seconds": seconds, "total_seconds": reporter.elapsed(),
        "peak_anonymous_bytes": reporter.peak_anonymous(),
    });
    out.write(REPORT, |w| writeln!(w, "{record:#}"))?;
    if interrupt::requested() {
        return Err(Failure::Cancelled("stopped; nothing was written".into()));
    }
    out.commit(&files::NAMES)?;
    match args.progress {
        Style::None => {}
        Style::Json => println!(
            "{}",
            json!({"event": "done", "verdict": verdict, "rows": n, "kept": study.kept.kept_documents,
                   "seconds": reporter.elapsed(), "out": dir.display().to_string()})
        ),
        Style::Auto => {
            for fact in report::facts(&study, &settings).map_err(|e| Failure::library(input, &e))? {
                eprintln!("{:<16} {}; {}", fact.about, fact.value, fact.detail);
            }
            let bytes: u64 = out.written().values().map(|file| file.bytes).sum();
            let place = dir.join("report.html");
            eprintln!(
                "{:<16} {}; {} files, {}B, in {}",
                "open",
                place.display(),
                out.written().len(),
                si(bytes as f64),
                duration(reporter.elapsed())
            );
        }
    }
    Ok(())
}

fn settings(args: &StudyArgs, n: usize, input: &Path) -> Result<Settings> {
    let clusters = args.clusters.unwrap_or_else(|| ((n as f64).sqrt().round() as usize).max(1));
    if clusters > n {
        let place = input.display();
        return Err(Failure::usage(format!("{clusters} clusters asked of {n} rows in {place}")));
    }
    Ok(Settings {
        method: args.method,
        keep: args.keep,
        alpha: args.alpha,
        clusters,
        max_iter: args.max_iter,
        resamples: args.resamples,
        level: args.level,
        seed: args.seed,
    })
}

/// What names the run: whatever decides the bytes of its outputs.
fn configuration(
    args: &StudyArgs,
    settings: &Settings,
    matrix: &Matrix,
    meta: &Meta,
    corrupted: Option<&(Matrix, Meta)>,
) -> Result<Value> {
    let array = |matrix: &Matrix| {
        let layout = matrix.layout();
        json!({
            "file": matrix.file_name(), "dtype": layout.dtype.name(), "rows": layout.rows, "dim": layout.dim,
            "sha256": matrix.sha256(),
        })
    };
    let table = |meta: &Meta| json!({"file": file_name(meta.path()), "sha256": meta.sha256()});
    let mut value = json!({
        "method": settings.method.name(), "keep": settings.keep, "alpha": settings.alpha,
        "clusters": settings.clusters, "max_iter": settings.max_iter, "resamples": settings.resamples,
        "level": settings.level, "seed": settings.seed, "tokens": args.tokens, "perplexity": args.perplexity,
        "input": array(matrix), "meta": table(meta),
    });
    if let Some((rows, meta)) = corrupted {
        value["corrupted"] = array(rows);
        value["corrupted_meta"] = table(meta);
    }
    if let Some(texts) = &args.texts {
        value["texts"] = json!({"file": file_name(texts), "sha256": digest(texts)?});
    }
    Ok(value)
}

/// Nobody's results are replaced unasked.
fn admit(out: &OutDir, args: &StudyArgs, configuration: &Value) -> Result<()> {
    if args.overwrite {
        return Ok(());
    }
    let dir = out.path();
    match std::fs::read(dir.join(REPORT)) {
        Ok(bytes) => {
            let there: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            match checkpoint::difference(&there["configuration"], configuration) {
                None => Ok(()),
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
            None => Ok(()),
        },
    }
}
