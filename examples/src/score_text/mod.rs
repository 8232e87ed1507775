//! The program `score-text`: from texts and a model's perplexities to the documents worth training
//! on, with reasons.
//!
//! | step | module |
//! |---|---|
//! | flags | [`args`], [`shipped`] |
//! | documents, what their lines pass, likelihoods of them | [`texts`], [`columns`], [`likelihoods`] |
//! | weights, scores, rules | [`outcome`], [`presets`] |
//! | what is written | [`files`], [`report`], [`charts`] |

pub mod args;
pub mod charts;
pub mod columns;
pub mod files;
pub mod likelihoods;
pub mod outcome;
pub mod presets;
pub mod report;
pub mod shipped;
pub mod texts;

use std::path::Path;

use serde_json::{Value, json};

use self::args::Args;
use self::columns::Columns;
use self::outcome::Outcome;
use self::texts::Texts;
use crate::console;
use crate::failure::Result;
use crate::flags::Named;
use crate::input::file_name;
use crate::output::filtered;
use crate::progress::Style;
use crate::run::Run;

/// Runs the program with `args`; on the shipped texts where none are named.
///
/// # Errors
/// The one line to print, and the exit code.
pub fn run(args: Args) -> Result<()> {
    let args = &shipped::fill(args)?;
    let run = Run::begin(&args.running, &files::NAMES)?;
    let reporter = run.reporter();
    let perplexities = args.perplexities.as_deref();
    run.folder()?;
    reporter.stage("read", 0, 0);
    let texts = Texts::read(&args.input, args)?;
    let n = texts.documents.len() as u64;
    reporter.stage("perplexities", n, 0);
    let columns = Columns::read(args, &texts.documents)?;
    let source = match perplexities {
        Some(path) => likelihoods::read(path, &texts.documents, columns, args)?,
        None => likelihoods::Source::equal(columns, args),
    };
    let twins = texts.twins(args)?;
    run.plan(twins.iter().map(|twin| twin.name.clone()));
    let configuration = configuration(args, &texts, perplexities, &source)?;
    let mut out = run.open(&configuration)?;
    reporter.stage("score", n, 0);
    let failed = outcome::failed(&args.pass, &texts, run.threads())?;
    let mut outcome = run
        .work(|cx| Outcome::score(args, &texts, source, failed, perplexities.unwrap_or(texts.path()), cx))?;
    reporter.stage("intervals", n, 0);
    outcome.measure(&texts)?;
    reporter.stage("rules", n, 0);
    outcome.judge(args, &texts, run.threads())?;
    reporter.stage("write", n, 0);
    files::write(&mut out, &texts, &outcome)?;
    filtered::write(&mut out, &twins, &outcome.pruned.keep.to_vec())?;
    let plots = charts::draw(&outcome);
    for (name, svg) in &plots {
        out.text(name, svg)?;
    }
    let html = report::html(args, &texts, &outcome, &plots, out.written(), &configuration);
    out.text("report.html", &html)?;
    run.finish(&mut out, files::record(&outcome, &configuration), Value::Null)?;
    if args.running.progress == Style::Auto {
        console::say(outcome.weights_table().trim_end());
    }
    let done = json!({
        "verdict": outcome.verdict(), "documents": outcome.pruned.ids.len(), "kept": outcome.pruned.kept(),
    });
    run.say(&out, done, &outcome.facts());
    Ok(())
}

/// What names the run: whatever decides the bytes of its outputs.
fn configuration(
    args: &Args,
    texts: &Texts,
    perplexities: Option<&Path>,
    source: &likelihoods::Source,
) -> Result<Value> {
    let unicode = pauca::quality::UNICODE_VERSION;
    let mut named = json!({
        "keep": args.share_to_keep(),
        "pass": args.pass.iter().map(Named::name).collect::<Vec<_>>(),
        "write_filtered": args.write_filtered,
        "share": args.share.name(),
        "ties": args.ties.name(),
        "split": args.split.name(),
        "unit": args.unit.name(),
        "pooling": args.pooling.name(),
        "empty_subset": args.empty_subset.name(),
        "no_weight": args.no_weight.name(),
        "predicates": source.columns.names(),
        "rules": args.rules.iter().map(Named::name).collect::<Vec<_>>(),
        "unicode": format!("{}.{}.{}", unicode.0, unicode.1, unicode.2),
        "input": texts.describe()?,
        "perplexities": {"file": perplexities.map(file_name), "holds": source.kind, "sha256": source.sha256},
    });
    for (name, value) in [
        ("text", json!(args.text)),
        ("id", json!(args.id)),
        ("by", json!(args.by)),
        ("document", json!(args.document.map(|d| d.name()))),
    ] {
        named["input"][name] = value;
    }
    if let (Columns::Given(matrix), Some(path)) = (&source.columns, &args.matrix) {
        named["matrix"] = json!({"file": file_name(path), "sha256": matrix.sha256});
    }
    Ok(named)
}
