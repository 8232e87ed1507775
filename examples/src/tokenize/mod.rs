//! The program `tokenize`: two-stage image generation in miniature, with and without causal
//! regularisation.
//!
//! | step | module |
//! |---|---|
//! | flags | [`args`] |
//! | pictures from a sheet, some kept for judging | [`pictures`] |
//! | stage 1: patches to codes and back | [`tokenizer`], [`perceptron`] |
//! | stage 2: models of the codes at equal compute | [`model`] |
//! | all runs side by side; what a stopped program continues from | [`experiment`], [`state`] |
//! | means, intervals, verdict | [`summary`] |
//! | what is written | [`report`], [`charts`], [`record`] |
//!
//! Everything that learns does so by the library: codes, regulariser, transformer, optimiser. Only the
//! two perceptrons of the tokenizer are here.

pub mod args;
pub mod charts;
pub mod experiment;
pub mod model;
pub mod perceptron;
pub mod pictures;
pub mod record;
pub mod report;
pub mod state;
pub mod summary;
pub mod tokenizer;

use std::path::PathBuf;

use clap::Parser;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use self::args::{Args, Set};
use self::experiment::{Job, Outcome, Plan, run_all};
use self::pictures::Pictures;
use self::report::{COMPUTE, POSITIONS, TRADE, USAGE};
use crate::checkpoint;
use crate::curate::shipped;
use crate::failure::{Failure, Result, chain};
use crate::input::{file_name, hex};
use crate::interrupt;
use crate::output::{OutDir, REPORT};
use crate::progress::{Reporter, Style, duration};

/// Every name that this program may write.
pub const NAMES: [&str; 7] = [TRADE, COMPUTE, POSITIONS, USAGE, "runs.csv", "report.html", REPORT];

/// What the library reported.
pub fn library(error: &pauca::Error) -> Failure {
    match error {
        pauca::Error::Cancelled => Failure::Cancelled("stopped".into()),
        error => Failure::usage(chain(error)),
    }
}

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
    run(&args)
}

/// The sheet, the side of its pictures, how many, and the side of a patch.
fn input(args: &Args) -> Result<(PathBuf, usize, Option<usize>, usize)> {
    let (sheet, side, count) = match (&args.sheet, args.set) {
        (Some(sheet), _) => (sheet.clone(), args.side.unwrap_or(32), args.pictures),
        (None, Set::Emoji) => (shipped::folder().join("emoji-sheet.png"), 32, args.pictures.or(Some(3174))),
        (None, Set::Digits) => (shipped::folder().join("digits-sheet.png"), 8, args.pictures.or(Some(1797))),
    };
    let patch = args.patch.unwrap_or_else(|| (side / 4).max(1));
    if !side.is_multiple_of(patch) || side / patch < 2 {
        return Err(Failure::usage(format!(
            "--patch {patch} does not cut pictures of {side} x {side} into at least 2 x 2 patches"
        )));
    }
    if side / patch > 32 {
        return Err(Failure::usage(format!(
            "--patch {patch} makes {} tokens of a picture, at most 1024 are allowed",
            (side / patch).pow(2)
        )));
    }
    Ok((sheet, side, count, patch))
}

/// Runs the program with `args`.
///
/// # Errors
/// The one line to print, and the exit code.
pub fn run(args: &Args) -> Result<()> {
    interrupt::install();
    let reporter = Reporter::new(args.progress);
    let (sheet, side, count, patch) = input(args)?;
    let bytes = std::fs::read(&sheet).map_err(|e| Failure::io(&sheet, "opened", &e))?;
    let sha256 = hex(&Sha256::digest(&bytes));
    drop(bytes);
    let pictures = Pictures::open(&sheet, side, count)?;
    let jobs = jobs(args)?;
    let patches = pictures.train.len() * (side / patch).pow(2);
    if args.codes.max(args.fewer_codes.iter().copied().max().unwrap_or(0))
        > patches.min(64 * (side / patch).pow(2))
    {
        return Err(Failure::usage(format!(
            "--codes: more codes than the first tokenizer step has patches ({})",
            patches.min(64 * (side / patch).pow(2))
        )));
    }
    let configuration = json!({
        "sheet": {"file": file_name(&sheet), "sha256": sha256, "pictures": pictures.len(), "side": side},
        "patch": patch, "codes": args.codes, "fewer_codes": args.fewer_codes,
        "lambdas": lambdas(args).iter().map(f64::to_string).collect::<Vec<_>>(), "seeds": args.seeds, "steps": args.steps, "budget_gflop": args.budget.to_string(),
        "predictor": args.predictor.name(),
    });
    let dir = args.out.clone().unwrap_or_else(|| PathBuf::from("out/tokenize"));
    let mut out = OutDir::open(&dir)?;
    let finished = match admit(&out, args, &configuration)? {
        Admitted::From(finished) => finished,
        Admitted::Finished => {
            reporter.finish();
            reporter.note(&format!("{} holds this very run, finished", dir.display()));
            return Ok(());
        }
    };
    let threads = match args.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let plan = Plan { patch, steps: args.steps, budget: 1e9 * args.budget, predictor: args.predictor };
    let save = |finished: &[&Outcome]| match finished {
        [] => Ok(()),
        _ => checkpoint::save(&out, &configuration, &state::encode(finished)),
    };
    let outcomes = run_all(&pictures, &plan, &jobs, threads, finished, &save, &reporter);
    let outcomes = outcomes.map_err(|failure| match failure {
        Failure::Cancelled(_) if dir.join(checkpoint::NAME).exists() => Failure::Cancelled(format!(
            "stopped; the finished tokenizers are in {}, --resume continues",
            dir.join(checkpoint::NAME).display()
        )),
        Failure::Cancelled(_) => Failure::Cancelled("stopped; nothing was written".into()),
        failure => failure,
    })?;
    reporter.stage("write", outcomes.len() as u64, 0);
    let rows = summary::rows(&outcomes);
    let plots = report::plots(&outcomes, &rows);
    for (name, svg) in &plots {
        out.write(name, |w| w.write_all(svg.as_bytes()))?;
    }
    out.write("runs.csv", |w| record::csv(w, &outcomes))?;
    let html = report::html(&pictures, &outcomes, &rows, &plots, &configuration, args.seeds);
    out.write("report.html", |w| w.write_all(html.as_bytes()))?;
    let mut record = record::record(&outcomes, &rows, &configuration, args.seeds, &out);
    let seconds: serde_json::Map<String, Value> =
        reporter.finish().into_iter().map(|(name, seconds)| (name, json!(seconds))).collect();
    record["run"] = json!({
        "threads": threads, "seconds": seconds, "total_seconds": reporter.elapsed(),
        "peak_anonymous_bytes": reporter.peak_anonymous(),
    });
    out.write(REPORT, |w| writeln!(w, "{record:#}"))?;
    out.commit(&NAMES)?;
    out.remove(checkpoint::NAME)?;
    if args.progress != Style::None {
        println!("{}", summary::sentence(&rows, args.seeds));
        for row in &rows {
            println!(
                "{:<16} error {:<20} loss small {:<16} large {}",
                row.name(args.codes),
                row.mse.text(5),
                row.losses[0].text(3),
                row.losses[1].text(3)
            );
        }
        println!("{} ({})", dir.join("report.html").display(), duration(reporter.elapsed()));
    }
    Ok(())
}

/// The weights asked for, 0 first, each once, ascending.
fn lambdas(args: &Args) -> Vec<f64> {
    let mut lambdas = args.lambdas.clone();
    lambdas.push(0.0);
    lambdas.sort_by(f64::total_cmp);
    lambdas.dedup();
    lambdas
}

fn jobs(args: &Args) -> Result<Vec<Job>> {
    let mut settings: Vec<(usize, f64)> =
        lambdas(args).into_iter().map(|lambda| (args.codes, lambda)).collect();
    for &codes in &args.fewer_codes {
        if settings.contains(&(codes, 0.0)) {
            return Err(Failure::usage(format!("--fewer-codes {codes} is there already")));
        }
        settings.push((codes, 0.0));
    }
    let seeds = 0..args.seeds as u64;
    Ok(seeds
        .flat_map(|seed| settings.iter().map(move |&(codes, lambda)| Job { codes, lambda, seed }))
        .collect())
}

/// What to do in the output folder.
enum Admitted {
    /// Go on from these runs, which may be none.
    From(Vec<Outcome>),
    Finished,
}

/// Nobody's results are replaced unasked.
fn admit(out: &OutDir, args: &Args, configuration: &Value) -> Result<Admitted> {
    let dir = out.path();
    if args.overwrite {
        out.remove(checkpoint::NAME)?;
        return Ok(Admitted::From(Vec::new()));
    }
    let path = dir.join(checkpoint::NAME);
    if args.resume
        && let Some(bytes) = checkpoint::load(dir, configuration)?
    {
        let finished = state::decode(&bytes);
        return finished.map(Admitted::From).ok_or_else(|| Failure::data(&path, "is of another program"));
    } else if path.exists() {
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
                None => Ok(Admitted::From(Vec::new())),
                Some(what) => Err(Failure::usage(format!(
                    "{} holds a finished run of other settings ({what}); --overwrite replaces it",
                    dir.display()
                ))),
            }
        }
        Err(_) => match NAMES.iter().find(|name| dir.join(name).exists()) {
            Some(name) => Err(Failure::usage(format!(
                "{} already exists and is of no finished run; --overwrite replaces it",
                dir.join(name).display()
            ))),
            None => Ok(Admitted::From(Vec::new())),
        },
    }
}
