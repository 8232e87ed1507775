//! The program `curate`: from a file of embeddings to the rows worth training on, with reasons.
//!
//! | step | module |
//! |---|---|
//! | flags | [`args`] |
//! | what is decided before any work | [`settings`], [`plan`], [`probe`] |
//! | the run, step by step | [`engine`] |
//! | what it found | [`outcome`], [`evidence`], [`groups`], [`shown`], [`summary`] |
//! | what is written | [`files`], [`charts`], [`report`], [`record`] |
//!
//! Nothing is written over before the run is complete; see [`crate::output`].

pub mod args;
pub mod charts;
pub mod engine;
pub mod evidence;
pub mod files;
pub mod groups;
pub mod outcome;
pub mod plan;
pub mod probe;
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
use self::probe::Probe;
use self::settings::Settings;
use self::shown::Shown;
use crate::console;
use crate::failure::{Failure, Result};
use crate::input::Embeddings;
use crate::input::chosen::Chosen;
use crate::input::meta::Meta;
use crate::machine;
use crate::output::filtered;
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
    let mut embeddings = Embeddings::open(&args.input, &args.reading)?;
    let chosen = args.rows.as_deref().map(|path| Chosen::read(path, embeddings.rows())).transpose()?;
    let n = chosen.as_ref().map_or(embeddings.rows(), |chosen| chosen.rows.len());
    let rows = n as u64;
    let mut settings = Settings::resolve(&args, &embeddings, n)?;
    let cpu = Cpu::new().map_err(|e| embeddings.failure(&e))?.code_bytes(settings::CODE_BYTES);
    let backend = machine::open(args.computing.backend, cpu)?;
    if args.plan {
        let sample = embeddings.probe(chosen.as_ref(), probe::ROWS)?;
        let found = sample
            .filter(|x| x.nrows() > 1)
            .map(|x| run.work(|cx| Probe::new(&x, n, &settings, &backend, cx)));
        let found = found.transpose().map_err(|e| embeddings.failure(&e))?;
        let works = (run.threads(), machine::name(&backend));
        let text = plan::plan(&args, &settings, &embeddings, n, works, found.as_ref());
        return console::result(&text).map_err(|e| Failure::io(Path::new("stdout"), "written", &e));
    }
    run.folder()?;
    reporter.stage("read", rows, 0);
    let preferred = settings.column();
    let column = preferred.as_ref().map(|(column, _)| column.as_str());
    let shown = Shown::open(&args, &embeddings, chosen, column)?;
    let numbering = shown.numbering();
    shown.columns.found(settings.clusters)?;
    if let (Some((column, ascending)), Some(meta)) = (&preferred, &shown.meta) {
        settings.prefer(groups::keys(meta, column, *ascending, numbering)?);
    }
    let uids = match (args.write_uids, &shown.ids, &shown.meta) {
        (true, Some(ids), Some(meta)) => Some(files::uids(ids, meta.path())?),
        _ => None,
    };
    let twins = if args.write_filtered {
        filtered::twins(&embeddings, &shown.meta.as_ref().map_or_else(Vec::new, Meta::files))?
    } else {
        Vec::new()
    };
    run.plan(twins.iter().map(|twin| twin.name.clone()));
    let configuration = configuration(&settings, &args, &embeddings, &shown)?;
    let (mut out, start) = run.resume(&configuration, args.resuming.resume)?;
    let resume = match start {
        Start::Fresh => None,
        Start::From(state) => Some(state),
        Start::Finished => return run.finished(),
    };
    let resumed = resume.is_some();
    embeddings.settle(out.path(), false, &args.reading, reporter)?;
    let embeddings = embeddings;
    let source = embeddings.source(args.block_rows)?.only(numbering.0)?;
    let outcome = {
        let (every, out, configuration) = (args.saving.checkpoint_every, &out, &configuration);
        let (embeddings, source, backend) = (&embeddings, &source, &backend);
        let weights = shown.columns.weights();
        let with =
            Stepping { embeddings, source, backend, reporter, out, configuration, weights, every, resume };
        let mut outcome = run.work(|cx| engine::run(&settings, &with, cx))?;
        if let (Some(share), Some(tokens)) = (args.keep_tokens, shown.columns.tokens()) {
            engine::keep_tokens(&mut outcome, tokens, share).map_err(|e| embeddings.failure(&e))?;
        }
        outcome
    };
    reporter.stage("write", rows, 0);
    files::write(&mut out, &outcome, shown.ids.as_ref(), numbering)?;
    if args.write_filtered {
        let mut kept = vec![false; embeddings.rows()];
        outcome.kept().into_iter().for_each(|row| kept[numbering.of(row)] = true);
        filtered::write(&mut out, &twins, &kept)?;
    }
    if let Some(uids) = &uids {
        files::write_uids(&mut out, &outcome, uids)?;
    }
    let plots = charts::draw(&outcome);
    for (name, svg) in &plots {
        out.text(name, svg)?;
    }
    let html = shown.report(&outcome, &settings, &embeddings, &plots, &out, &configuration, reporter)?;
    out.text("report.html", &html)?;
    let verdict = summary::verdict(&outcome, &settings);
    let mut record = record::record(&outcome, &verdict, &configuration);
    record["columns"] = shown.columns.record(&outcome);
    let works = json!({
        "backend": machine::name(&backend), "simd": machine::cpu(&backend).level().name(),
        "block_rows": args.block_rows, "resumed": resumed,
        "settled": record::settled(&outcome),
    });
    run.finish(&mut out, record, works)?;
    let [kept, duplicates, pruned] = outcome.counts();
    let done = json!({
        "verdict": verdict, "rows": outcome.rows(), "kept": kept, "duplicates": duplicates, "pruned": pruned,
    });
    let facts = summary::facts(&outcome, &settings).into_iter().chain(shown.columns.fact(&outcome));
    run.say(&out, done, &facts.collect::<Vec<_>>());
    Ok(())
}

/// What names the run: whatever decides the bytes of its outputs.
fn configuration(settings: &Settings, args: &Args, embeddings: &Embeddings, shown: &Shown) -> Result<Value> {
    let mut value = settings.describe();
    value["write_filtered"] = json!(args.write_filtered);
    if let Some(share) = args.keep_tokens {
        value["keep_tokens"] = json!(share);
    }
    if args.write_uids {
        value["write_uids"] = json!(true);
    }
    value["input"] = embeddings.describe()?;
    if let Some(chosen) = shown.numbering().0 {
        value["rows"] = chosen.describe();
    }
    if let Some(meta) = &shown.meta {
        value["meta"] = meta.describe()?;
        value["meta"]["id_column"] = json!(args.id_column);
        value["meta"]["text"] = json!(args.text);
        value["meta"]["by"] = json!(args.by);
        value["meta"]["tokens"] = json!(args.tokens);
        if let Some(weights) = &args.weights {
            value["meta"]["weights"] = json!(weights);
        }
    }
    if let Some((name, sha256)) = &shown.image_identity {
        value["images"] = json!({"from": name, "sha256": sha256, "image_size": args.image_size});
    }
    Ok(value)
}
