//! The program `memorization`: from predictions logged after every epoch to the curves of
//! Tirumala et al. 2022, with the spread over learning rates and data sizes.
//!
//! | step | module |
//! |---|---|
//! | flags | [`args`] |
//! | the study and its arrays, checked before any work | [`study`], [`arrays`] |
//! | what the library finds in each run | [`measure`] |
//! | extraction, membership, exposure, counterfactuals | [`probes`], [`probed`] |
//! | do larger models memorize faster, do they forget less | [`compare`] |
//! | what is written | [`draw`], [`report`], [`record`] |

pub mod args;
pub mod arrays;
pub mod compare;
pub mod draw;
pub mod measure;
pub mod probed;
pub mod probes;
pub mod record;
pub mod report;
pub mod study;

use std::path::PathBuf;

use serde_json::{Value, json};

use self::args::Args;
use self::study::Study;
use crate::failure::{Failure, Result};
use crate::output::REPORT;
use crate::page::Fact;
use crate::progress::{percent, si};
use crate::run::Run;
use crate::shipped;

/// Every name that this program may write; the plots are named after the study's sets.
pub const NAMES: [&str; 10] = [
    "curves.csv",
    "reach.csv",
    "forgetting.csv",
    "tags.csv",
    "membership.csv",
    "extraction.csv",
    "exposure.csv",
    "counterfactual.csv",
    "report.html",
    REPORT,
];

/// Runs the program with `args`; on the shipped study where none is named.
///
/// # Errors
/// The one line to print, and the exit code.
pub fn run(mut args: Args) -> Result<()> {
    let input = match args.input.take() {
        Some(input) => {
            args.running.name_out(std::slice::from_ref(&input), &[]);
            input
        }
        None => {
            args.running.out = args.running.out.or_else(|| Some(PathBuf::from("out/memorization")));
            let [study] = shipped::files("INPUT is", ["memorization.json"])?;
            study
        }
    };
    let run = Run::begin(&args.running, &NAMES)?;
    let reporter = run.reporter();
    run.folder()?;
    if !args.tau.is_sorted_by(|a, b| a < b) {
        return Err(Failure::usage("--tau: the shares must ascend, each once"));
    }
    reporter.stage("read", 0, 0);
    let study = Study::open(&input)?;
    let configuration = record::configuration(&study, &args.tau);
    let mut out = run.open(&configuration)?;
    reporter.stage("measure", study.runs.len() as u64, 0);
    let runs = measure::runs(&study, &args.tau, run.threads())?;
    let found = measure::specials(&study, &runs)?;
    reporter.stage("write", 0, 0);
    let verdict = match study.runs.is_empty() {
        true => probed::verdict(&study.probes),
        false => compare::verdict(&study, &runs, &found, &args.tau),
    };
    out.write("curves.csv", |w| record::curves(w, &study, &runs))?;
    out.write("reach.csv", |w| record::reach(w, &study, &runs, &args.tau))?;
    out.write("forgetting.csv", |w| record::forgetting(w, &study, &found))?;
    out.write("tags.csv", |w| record::tags(w, &study, &runs))?;
    let tables = probed::tables(&study.probes).map_err(|e| Failure::io(&study.path, "summarized", &e))?;
    for (name, bytes) in &tables {
        out.write(name, |w| w.write_all(bytes))?;
    }
    let pictures = draw::pictures(&study, &runs, &found, &args.tau);
    for (name, svg) in &pictures {
        out.text(name, svg)?;
    }
    let page = report::Report {
        study: &study,
        runs: &runs,
        found: &found,
        taus: &args.tau,
        verdict: &verdict,
        pictures: &pictures,
        written: out.written(),
        configuration: &configuration,
    };
    let html = page.html();
    out.text("report.html", &html)?;
    let record = record::record(&study, &runs, &found, &args.tau, &verdict, &configuration);
    run.finish(&mut out, record, Value::Null)?;
    let best = runs.iter().flat_map(|run| &run.m).copied().fold(0.0, f64::max);
    let done = json!({"verdict": verdict, "runs": study.runs.len(), "most_memorized": best});
    run.say(&out, done, &facts(&study, &runs, &verdict));
    Ok(())
}

/// What a person wants to know, in a few lines.
fn facts(study: &Study, runs: &[measure::Measured], verdict: &str) -> Vec<Fact> {
    let mut facts = vec![Fact::words("verdict", verdict)];
    for size in compare::sizes(study) {
        let last = size.runs.iter().filter_map(|&i| runs[i].m.last()).copied();
        let (low, high) = last.fold((1.0, 0.0), |(a, b): (f64, f64), m| (a.min(m), b.max(m)));
        let shares = match size.runs.len() {
            1 => percent(high),
            n => format!("{:.1} to {} over {n} runs", 100.0 * low, percent(high)),
        };
        let about = format!("{} parameters", si(size.parameters as f64));
        facts.push(Fact::words(&about, format!("memorized at the end: {shares}")));
    }
    facts
}
