//! The program `memorization`: from predictions logged after every epoch to the curves of
//! Tirumala et al. 2022, with the spread over learning rates and data sizes.
//!
//! | step | module |
//! |---|---|
//! | flags | [`args`] |
//! | the study and its arrays, checked before any work | [`study`], [`arrays`] |
//! | what the library finds in each run | [`measure`] |
//! | do larger models memorize faster, do they forget less | [`compare`] |
//! | what is written | [`draw`], [`report`], [`record`] |

pub mod args;
pub mod arrays;
pub mod compare;
pub mod draw;
pub mod measure;
pub mod record;
pub mod report;
pub mod study;

use std::path::{Path, PathBuf};

use clap::Parser;
use serde_json::{Value, json};

use self::args::Args;
use self::study::Study;
use crate::curate::shipped;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::output::{OutDir, REPORT};
use crate::progress::{Reporter, Style, duration};

/// Runs the program with the arguments of the process.
///
/// # Errors
/// The one line to print, and the exit code.
pub fn main() -> Result<()> {
    match Args::try_parse() {
        Ok(args) => run(args),
        Err(e) if !e.use_stderr() => {
            // --help and --version.
            let _ = e.print();
            Ok(())
        }
        Err(e) => {
            // What is wrong, and clap's tips, without the usage that follows: one line.
            let text = e.render().to_string();
            let text = text
                .split("\nUsage:")
                .next()
                .unwrap_or(&text)
                .replace("For more information, try '--help'.", "");
            Err(Failure::usage(text.trim_start_matches("error: ")))
        }
    }
}

/// Input and output folder; the shipped study where none is named.
fn places(args: &Args) -> Result<(PathBuf, PathBuf)> {
    let input = match &args.input {
        Some(input) => input.clone(),
        None => {
            let shipped = shipped::folder().join("memorization.json");
            if !shipped.is_file() {
                let place = shipped.display();
                return Err(Failure::usage(format!("INPUT is needed: the shipped study is not at {place}")));
            }
            shipped
        }
    };
    let out = match (&args.out, &args.input) {
        (Some(out), _) => out.clone(),
        (None, None) => PathBuf::from("out/memorization"),
        (None, Some(_)) => return Err(Failure::usage("--out DIR is needed: a folder for the results")),
    };
    Ok((input, out))
}

/// Runs the program with `args`.
///
/// # Errors
/// The one line to print, and the exit code.
pub fn run(args: Args) -> Result<()> {
    interrupt::install();
    let reporter = Reporter::new(args.progress);
    let (input, dir) = places(&args)?;
    if !args.tau.is_sorted_by(|a, b| a < b) {
        return Err(Failure::usage("--tau: the shares must ascend, each once"));
    }
    reporter.stage("read", 0, 0);
    let study = Study::open(&input)?;
    let configuration = record::configuration(&study, &args.tau);
    let mut out = OutDir::open(&dir)?;
    admit(&dir, args.overwrite, &configuration)?;
    let threads = match args.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    reporter.stage("measure", study.runs.len() as u64, 0);
    let runs = measure::runs(&study, &args.tau, threads)?;
    let found = measure::specials(&study, &runs)?;
    reporter.stage("write", 0, 0);
    let verdict = compare::verdict(&study, &runs, &found, &args.tau);
    out.write("curves.csv", |w| record::curves(w, &study, &runs))?;
    out.write("reach.csv", |w| record::reach(w, &study, &runs, &args.tau))?;
    out.write("forgetting.csv", |w| record::forgetting(w, &study, &found))?;
    out.write("tags.csv", |w| record::tags(w, &study, &runs))?;
    let pictures = draw::pictures(&study, &runs, &found, &args.tau);
    for (name, svg) in &pictures {
        out.write(name, |w| w.write_all(svg.as_bytes()))?;
    }
    let page = report::Report {
        study: &study,
        runs: &runs,
        found: &found,
        taus: &args.tau,
        verdict: &verdict,
        pictures: &pictures,
        written: out.written(),
    };
    let html = page.html();
    out.write("report.html", |w| w.write_all(html.as_bytes()))?;
    let mut value = record::record(&study, &runs, &found, &args.tau, &verdict, &configuration);
    reporter.finish();
    record::finish(&mut value, out.written(), threads, reporter.elapsed());
    out.write(REPORT, |w| writeln!(w, "{value:#}"))?;
    if interrupt::requested() {
        return Err(Failure::Cancelled("stopped; nothing was written".into()));
    }
    let stale = stale(&dir);
    out.commit(&stale.iter().map(String::as_str).collect::<Vec<_>>())?;
    say(&args, &study, &runs, &verdict, &out, reporter.elapsed());
    Ok(())
}

/// What an earlier run left in the folder, by its report.
fn earlier(dir: &Path) -> Option<Value> {
    std::fs::read(dir.join(REPORT)).ok().map(|bytes| serde_json::from_slice(&bytes).unwrap_or_default())
}

/// Nobody's results are replaced unasked.
fn admit(dir: &Path, overwrite: bool, configuration: &Value) -> Result<()> {
    match earlier(dir) {
        Some(there) if !overwrite && there["configuration"] != *configuration => {
            Err(Failure::usage(format!(
                "{} holds results of another study or of other settings; --overwrite replaces them",
                dir.display()
            )))
        }
        _ => Ok(()),
    }
}

/// Files of an earlier run of this program.
fn stale(dir: &Path) -> Vec<String> {
    let there = earlier(dir).unwrap_or_default();
    let ours = there["format"] == "pauca-memorization-report";
    let names = there["outputs"].as_object().filter(|_| ours).into_iter().flat_map(|o| o.keys());
    // A name that leads out of the folder is not one of ours.
    names.filter(|name| !name.contains(['/', '\\']) && !name.starts_with('.')).cloned().collect()
}

/// The last lines: facts for a person on stderr, or one JSON object on stdout.
fn say(args: &Args, study: &Study, runs: &[measure::Measured], verdict: &str, out: &OutDir, seconds: f64) {
    let best = runs.iter().flat_map(|run| &run.m).copied().fold(0.0, f64::max);
    match args.progress {
        Style::None => {}
        Style::Json => {
            let done = json!({
                "event": "done", "verdict": verdict, "runs": study.runs.len(), "most_memorized": best,
                "seconds": seconds, "out": out.path().display().to_string(),
            });
            println!("{done}");
        }
        Style::Auto => {
            eprintln!("{:<16} {verdict}", "verdict");
            let sizes = compare::sizes(study);
            for size in &sizes {
                let last = size.runs.iter().filter_map(|&i| runs[i].m.last()).copied();
                let (low, high) = last.fold((1.0, 0.0), |(a, b): (f64, f64), m| (a.min(m), b.max(m)));
                eprintln!(
                    "{:<16} memorized at the end: {:.1} to {:.1} % over {} runs",
                    format!("{} parameters", crate::progress::si(size.parameters as f64)),
                    100.0 * low,
                    100.0 * high,
                    size.runs.len()
                );
            }
            let bytes: u64 = out.written().values().map(|file| file.bytes).sum();
            let (page, files) = (out.path().join("report.html"), out.written().len());
            eprintln!(
                "{:<16} {}; {files} files, {bytes} bytes, in {}",
                "open",
                page.display(),
                duration(seconds)
            );
        }
    }
}
