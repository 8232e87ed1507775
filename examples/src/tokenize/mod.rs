//! The program `tokenize`: two-stage image generation in miniature, with and without causal
//! regularization.
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
//! | `tokenize audit`: one's own latents and ids | [`audit`] |
//!
//! Everything that learns does so by the library: codes, regularizer, transformer, optimizer. Only the
//! two perceptrons of the tokenizer are here.

pub mod args;
pub mod audit;
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

use serde_json::{Value, json};

use self::args::{Args, Set};
use self::experiment::{Job, Outcome, Plan, run_all};
use self::pictures::Pictures;
use self::report::{COMPUTE, POSITIONS, TRADE, USAGE};
use crate::checkpoint;
use crate::failure::{Failure, Result, chain};
use crate::flags::Named;
use crate::input::{file, file_name};
use crate::output::REPORT;
use crate::page::Fact;
use crate::run::{Run, Start};
use crate::shipped;

/// Every name that this program may write.
pub const NAMES: [&str; 7] = [TRADE, COMPUTE, POSITIONS, USAGE, "runs.csv", "report.html", REPORT];

/// What the library reported.
pub fn library(error: &pauca::Error) -> Failure {
    match error {
        pauca::Error::Cancelled => Failure::stopped(),
        error => Failure::usage(chain(error)),
    }
}

/// The sheet, the side of its pictures, how many, and the side of a patch.
fn input(args: &Args) -> Result<(PathBuf, usize, Option<usize>, usize)> {
    let (sheet, side, count) = match (&args.sheet, args.set) {
        (Some(sheet), _) => (sheet.clone(), args.side.unwrap_or(32), args.pictures),
        (None, set) => {
            let (name, side, count) = match set {
                Set::Emoji => ("emoji-sheet.png", 32, 3174),
                Set::Digits => ("digits-sheet.png", 8, 1797),
            };
            let [sheet] = shipped::files("SHEET is", [name])?;
            (sheet, side, args.pictures.or(Some(count)))
        }
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
pub fn run(mut args: Args) -> Result<()> {
    if let Some(args::Command::Audit(audit)) = args.command.take() {
        return audit::run(audit);
    }
    match &args.sheet {
        Some(sheet) => args.running.name_out(std::slice::from_ref(sheet), &[]),
        None => args.running.out = args.running.out.or_else(|| Some(PathBuf::from("out/tokenize"))),
    }
    let args = &args;
    let run = Run::begin(&args.running, &NAMES)?;
    let reporter = run.reporter();
    let (sheet, side, count, patch) = input(args)?;
    let pictures = Pictures::open(&sheet, side, count)?;
    let sha256 = file::digest(&sheet)?;
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
    let mut configuration = json!({
        "sheet": {"file": file_name(&sheet), "sha256": sha256, "pictures": pictures.len(), "side": side},
        "patch": patch, "codes": args.codes, "fewer_codes": args.fewer_codes,
        "lambdas": lambdas(args).iter().map(f64::to_string).collect::<Vec<_>>(), "seeds": args.seeds, "steps": args.steps, "budget_gflop": args.budget.to_string(),
        "predictor": args.predictor.name(),
    });
    if args.write_tokens {
        configuration["write_tokens"] = json!(true);
        run.plan(jobs.iter().filter(|job| job.seed == 0).map(tokens_name));
    }
    let (mut out, start) = run.resume(&configuration, args.resuming.resume)?;
    let finished = match start {
        Start::Fresh => (Vec::new(), Vec::new()),
        Start::From(bytes) => state::decode(&bytes)
            .ok_or_else(|| Failure::data(&out.path().join(checkpoint::NAME), "is of another program"))?,
        Start::Finished => return run.finished(),
    };
    let (steps, budget, tokens) = (args.steps, 1e9 * args.budget, args.write_tokens);
    let plan = Plan { patch, steps, budget, predictor: args.predictor, tokens };
    let save = |finished: &[&Outcome], started: &[state::Started]| match (finished, started) {
        ([], []) => Ok(()),
        _ => checkpoint::save(&out, &configuration, &state::encode(finished, started)),
    };
    let outcomes = run_all(&pictures, &plan, &jobs, run.threads(), finished, &save, reporter);
    let outcomes = outcomes.map_err(|failure| match failure {
        Failure::Cancelled(_) if out.holds_state() => checkpoint::kept(&out),
        failure => failure,
    })?;
    reporter.stage("write", outcomes.len() as u64, 0);
    let rows = summary::rows(&outcomes);
    let plots = report::plots(&outcomes, &rows);
    for (name, svg) in &plots {
        out.text(name, svg)?;
    }
    out.write("runs.csv", |w| record::csv(w, &outcomes))?;
    for outcome in outcomes.iter().filter(|outcome| !outcome.tokens.is_empty()) {
        out.write(&tokens_name(&outcome.job), |w| w.write_all(&outcome.tokens))?;
    }
    let html = report::html(&pictures, &outcomes, &rows, &plots, out.written(), &configuration, args.seeds);
    out.text("report.html", &html)?;
    let record = record::record(&outcomes, &rows, &configuration, args.seeds);
    run.finish(&mut out, record, Value::Null)?;
    let verdict = summary::sentence(&rows, args.seeds);
    let facts = rows.iter().map(|row| Fact {
        about: row.name(args.codes),
        value: format!("error {}", row.mse.text(5)),
        detail: format!("loss small {}, large {}", row.losses[0].text(3), row.losses[1].text(3)),
    });
    let facts: Vec<Fact> = [Fact::words("verdict", &*verdict)].into_iter().chain(facts).collect();
    run.say(&out, json!({"verdict": verdict, "tokenizers": outcomes.len()}), &facts);
    Ok(())
}

/// The file of the tokens of a tokenizer.
fn tokens_name(job: &Job) -> String {
    format!("tokens.{}.{}.safetensors", job.codes, job.lambda)
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
