//! The program `score-text`: from texts and a model's perplexities to the documents worth training
//! on, with reasons.
//!
//! | step | module |
//! |---|---|
//! | flags | [`args`], [`shipped`] |
//! | documents, likelihoods of their lines | [`texts`], [`likelihoods`] |
//! | weights, scores, rules | [`outcome`] |
//! | what is written | [`files`], [`report`], [`charts`] |

pub mod args;
pub mod charts;
pub mod files;
pub mod likelihoods;
pub mod outcome;
pub mod report;
pub mod shipped;
pub mod texts;

use std::path::Path;

use clap::Parser;
use pauca::{Context, Control, Exec};
use serde_json::{Value, json};

use self::args::Args;
use self::outcome::Outcome;
use self::texts::Texts;
use crate::checkpoint;
use crate::failure::{Failure, Result};
use crate::input::file_name;
use crate::interrupt;
use crate::output::{OutDir, REPORT};
use crate::progress::{Reporter, Style, duration};

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
            let text = e.render().to_string();
            let text = text.split("\nUsage:").next().unwrap_or(&text);
            let text = text.replace("For more information, try '--help'.", "");
            return Err(Failure::usage(text.trim_start_matches("error: ")));
        }
    };
    run(&shipped::fill(args)?)
}

/// Runs the program with `args`, whose input is filled in.
///
/// # Errors
/// The one line to print, and the exit code.
pub fn run(args: &Args) -> Result<()> {
    interrupt::install();
    let reporter = Reporter::new(args.progress);
    let (Some(input), Some(perplexities)) = (args.input.as_deref(), args.perplexities.as_deref()) else {
        return Err(Failure::usage("INPUT and --perplexities FILE are needed"));
    };
    let Some(dir) = &args.out else {
        return Err(Failure::usage("--out DIR is needed: a folder for the results"));
    };
    let exec = match args.threads {
        Some(threads) => Exec::threads(threads).map_err(|e| Failure::library(input, &e))?,
        None => Exec::rayon(),
    };
    let threads = exec.width();
    reporter.stage("read", 0, 0);
    let texts = Texts::read(input, args)?;
    let n = texts.documents.len() as u64;
    reporter.stage("perplexities", n, 0);
    let source = likelihoods::read(perplexities, &texts.documents, args)?;
    let configuration = configuration(args, &texts, perplexities, &source);
    let mut out = OutDir::open(dir)?;
    admit(&out, args, &configuration)?;
    reporter.stage("score", n, 0);
    let stop = interrupt::requested;
    let report = |progress: &pauca::Progress| reporter.library(progress);
    let cx = Context::new(exec, Control::new().stop_when(&stop).report_to(&report));
    let mut outcome = Outcome::score(args, &texts, source, perplexities, &cx)?;
    reporter.stage("intervals", n, 0);
    outcome.measure(&texts)?;
    reporter.stage("rules", n, 0);
    outcome.judge(args, &texts, threads)?;
    reporter.stage("write", n, 0);
    files::write(&mut out, &texts, &outcome)?;
    let plots = charts::draw(&outcome);
    for (name, svg) in &plots {
        out.write(name, |w| w.write_all(svg.as_bytes()))?;
    }
    let html = report::html(args, &texts, &outcome, &plots, out.written(), &configuration);
    out.write("report.html", |w| w.write_all(html.as_bytes()))?;
    let seconds = reporter.finish();
    let run = json!({
        "threads": threads,
        "seconds": seconds.into_iter().map(|(name, s)| (name, json!(s))).collect::<serde_json::Map<_, _>>(),
        "total_seconds": reporter.elapsed(),
        "peak_anonymous_bytes": reporter.peak_anonymous(),
    });
    let record = files::record(&outcome, &configuration, out.written(), &run);
    out.write(REPORT, |w| writeln!(w, "{record:#}"))?;
    if interrupt::requested() {
        return Err(Failure::Cancelled("stopped; nothing was written".into()));
    }
    out.commit(&files::NAMES)?;
    say(args, &outcome, &out, reporter.elapsed());
    Ok(())
}

/// Nobody's results are replaced unasked.
fn admit(out: &OutDir, args: &Args, configuration: &Value) -> Result<()> {
    let dir = out.path();
    if args.overwrite {
        return Ok(());
    }
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
            None => Ok(()),
            Some(name) => Err(Failure::usage(format!(
                "{} already exists and is of no finished run; --overwrite replaces it",
                dir.join(name).display()
            ))),
        },
    }
}

/// What names the run: whatever decides the bytes of its outputs.
fn configuration(args: &Args, texts: &Texts, perplexities: &Path, source: &likelihoods::Source) -> Value {
    let unicode = pauca::quality::UNICODE_VERSION;
    json!({
        "keep": args.keep,
        "share": args.share.to_string(),
        "ties": args.ties.to_string(),
        "split": args.split.to_string(),
        "unit": args.unit.to_string(),
        "pooling": args.pooling.to_string(),
        "empty_subset": args.empty_subset.to_string(),
        "no_weight": args.no_weight.to_string(),
        "predicates": source.predicates.iter().map(|p| p.name()).collect::<Vec<_>>(),
        "rules": args.rules.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "unicode": format!("{}.{}.{}", unicode.0, unicode.1, unicode.2),
        "input": {
            "file": file_name(&texts.path), "documents": texts.documents.len(), "bytes": texts.bytes,
            "sha256": texts.sha256, "text": args.text, "id": args.id, "by": args.by,
            "document": args.document.map(|d| d.to_string()),
        },
        "perplexities": {"file": file_name(perplexities), "holds": source.kind, "sha256": source.sha256},
    })
}

/// The last lines: the verdict's facts for a person on stderr, or one JSON object on stdout.
fn say(args: &Args, outcome: &Outcome, out: &OutDir, seconds: f64) {
    match args.progress {
        Style::None => {}
        Style::Json => {
            let done = json!({
                "event": "done", "verdict": outcome.verdict(), "documents": outcome.pruned.ids.len(),
                "kept": outcome.pruned.kept(), "seconds": seconds, "out": out.path().display().to_string(),
            });
            println!("{done}");
        }
        Style::Auto => {
            eprint!("{}", outcome.weights_table());
            for (about, value) in outcome.facts() {
                eprintln!("{about:<16} {value}");
            }
            let page = out.path().join("report.html");
            eprintln!("{:<16} {}, in {}", "open", page.display(), duration(seconds));
        }
    }
}
