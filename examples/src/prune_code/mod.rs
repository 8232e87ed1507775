//! The program `prune-code`: length, corruption and pruning of code files by their embeddings.
//!
//! | step | module |
//! |---|---|
//! | flags | [`args`] |
//! | texts in, corrupted texts out | [`corrupt`] |
//! | the languages that are parsed for it | [`languages`] |
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
pub mod languages;
pub mod report;
pub mod study;

use std::path::PathBuf;

use pauca::Cpu;
use serde_json::{Value, json};

use self::args::{Args, Command, StudyArgs};
use self::inputs::Inputs;
use self::study::Settings;
use crate::failure::{Failure, Result};
use crate::flags::Named;
use crate::input::file::digest;
use crate::input::meta::Meta;
use crate::input::{Embeddings, Matrix, file_name};
use crate::machine;
use crate::run::{Run, Start};
use crate::shipped;
use crate::stepping::Stepping;

/// Runs the program with `args`.
///
/// # Errors
/// The one line to print, and the exit code.
pub fn run(args: Args) -> Result<()> {
    match args.command {
        Some(Command::Corrupt(args)) => corrupt::run(&args),
        None => study(filled(args.study)?),
    }
}

/// `args` with the shipped files where no input is named.
fn filled(mut args: StudyArgs) -> Result<StudyArgs> {
    if !args.input.is_empty() {
        let beside =
            [&args.meta, &args.corrupted, &args.corrupted_meta, &args.texts].map(|path| path.as_deref());
        args.running.name_out(&args.input, &beside);
        return Ok(args);
    }
    if args.meta.is_some() || args.corrupted.is_some() {
        return Err(Failure::usage("--meta and --corrupted describe an INPUT, and none is named"));
    }
    let [rows, meta, corrupted, corrupted_meta, texts] = shipped::files(
        "INPUT is",
        ["code.f16.npy", "code.csv", "code-corrupted.f16.npy", "code-corrupted.csv", "code-texts.jsonl"],
    )?;
    args.input = vec![rows];
    args.meta = Some(meta);
    args.corrupted = Some(corrupted);
    args.corrupted_meta = Some(corrupted_meta);
    args.texts = args.texts.or(Some(texts));
    args.running.out = args.running.out.or_else(|| Some(PathBuf::from("out/code")));
    Ok(args)
}

/// Runs the study with `args`, whose input is filled in.
///
/// # Errors
/// The one line to print, and the exit code.
pub fn study(args: StudyArgs) -> Result<()> {
    let run = Run::begin(&args.running, &files::NAMES)?;
    let reporter = run.reporter();
    let mut embeddings = Embeddings::open(&args.input, &args.reading)?;
    let n = embeddings.rows();
    run.folder()?;
    let settings = settings(&args, n, &embeddings.name())?;
    let cpu = Cpu::new().map_err(|e| embeddings.failure(&e))?;
    let backend = machine::open(args.computing.backend, cpu)?;
    reporter.stage("read", n as u64, 0);
    let columns: Vec<&str> = [Some(&args.id_column), Some(&args.tokens), args.perplexity.as_ref()]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let Some(meta) = Meta::beside(args.meta.as_deref(), &embeddings, &columns)? else {
        return Err(Failure::usage("--meta FILE is needed: names and lengths of the files"));
    };
    let corrupted = match (&args.corrupted, &args.corrupted_meta) {
        (Some(rows), Some(table)) => {
            let rows = Matrix::open(rows, None)?;
            let shards = [(rows.path(), rows.layout().rows)];
            let table = Meta::open(std::slice::from_ref(table), &shards, &[&args.id_column, "kind"])?;
            Some((rows, table))
        }
        _ => None,
    };
    let texts = args.texts.as_deref().map(corrupt::texts).transpose()?;
    let configuration = configuration(&args, &settings, &embeddings, &meta, corrupted.as_ref())?;
    let (mut out, start) = run.resume(&configuration, args.resuming.resume)?;
    let resume = match start {
        Start::Fresh => None,
        Start::From(state) => Some(state),
        Start::Finished => return run.finished(),
    };
    let resumed = resume.is_some();
    embeddings.settle(out.path(), true, &args.reading, reporter)?;
    let embeddings = embeddings;
    let source = embeddings.source(None)?;
    let inputs = Inputs::read(&args, &embeddings, &source, &meta, corrupted.as_ref())?;
    let library = |e: pauca::Error| embeddings.failure(&e);
    let study = {
        let (every, out, configuration) = (args.saving.checkpoint_every, &out, &configuration);
        let (embeddings, source, backend) = (&embeddings, &source, &backend);
        let weights = None;
        let with =
            Stepping { embeddings, source, backend, reporter, out, configuration, weights, every, resume };
        run.work(|cx| study::run(&inputs, &settings, &with, cx))?
    };
    reporter.stage("write", n as u64, 0);
    files::write(&mut out, &study, &inputs)?;
    let plots = report::draw(&study).map_err(library)?;
    for (name, svg) in &plots {
        out.text(name, svg)?;
    }
    let page = report::Page {
        study: &study,
        settings: &settings,
        inputs: &inputs,
        input: embeddings.name(),
        dim: embeddings.dim(),
        plots: &plots,
        texts: texts.as_deref().unwrap_or(&[]),
        configuration: &configuration,
    };
    let html = page.html(out.written()).map_err(library)?;
    out.text("report.html", &html)?;
    let verdict = report::verdict(&study, &settings).map_err(library)?;
    let facts = report::facts(&study, &settings).map_err(library)?;
    let record = files::record(&study, &verdict, &configuration).map_err(library)?;
    run.finish(
        &mut out,
        record,
        json!({"backend": machine::name(&backend), "simd": cpu.level().name(), "resumed": resumed}),
    )?;
    run.say(&out, json!({"verdict": verdict, "rows": n, "kept": study.kept.kept_documents}), &facts);
    Ok(())
}

fn settings(args: &StudyArgs, n: usize, input: &str) -> Result<Settings> {
    let clusters = args.clusters.unwrap_or_else(|| ((n as f64).sqrt().round() as usize).max(1));
    if clusters > n {
        return Err(Failure::usage(format!("{clusters} clusters asked of {n} rows in {input}")));
    }
    Ok(Settings {
        method: args.method,
        keep: args.keep,
        alpha: args.alpha,
        clusters,
        max_iter: args.max_iter,
        resamples: args.resamples,
        level: args.level,
        seed: args.drawing.seed,
    })
}

/// What names the run: whatever decides the bytes of its outputs.
fn configuration(
    args: &StudyArgs,
    settings: &Settings,
    embeddings: &Embeddings,
    meta: &Meta,
    corrupted: Option<&(Matrix, Meta)>,
) -> Result<Value> {
    let mut value = json!({
        "method": settings.method.name(), "keep": settings.keep, "alpha": settings.alpha,
        "clusters": settings.clusters, "max_iter": settings.max_iter, "resamples": settings.resamples,
        "level": settings.level, "seed": settings.seed, "tokens": args.tokens, "perplexity": args.perplexity,
        "input": embeddings.describe()?, "meta": meta.describe()?,
    });
    if let Some((rows, meta)) = corrupted {
        value["corrupted"] = rows.describe();
        value["corrupted_meta"] = meta.describe()?;
    }
    if let Some(texts) = &args.texts {
        value["texts"] = json!({"file": file_name(texts), "sha256": digest(texts)?});
    }
    Ok(value)
}
