//! How fast text quality is judged: megabytes a second of one core, by CPU time, on text that ships
//! with the repository or on a file of the caller's.
//!
//! `cargo run --release -p pauca-benches --bin quality [-- --x FILE.jsonl --reps N]`; every line of
//! the file is an object with a string `text`. A repetition judges all documents, over and over for
//! at least a second; median, smallest and largest of the repetitions are printed.

#![allow(clippy::print_stdout, reason = "the table is the program's result")]

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use pauca::quality::{Predicate, Rules, TextQuality, Unit, Weights};
use pauca::{Context, Control, Exec};
use pauca_benches::{Failure, Options, measure};

/// CPU seconds that a repetition lasts at least; the clock counts hundredths.
const SECONDS: f64 = 1.0;

fn main() -> Result<(), Failure> {
    let options = Options::read(&["x", "reps"])?;
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data/docstrings.jsonl");
    let path = options.text("x").map_or(shipped, PathBuf::from);
    let reps = options.number("reps", 9)?;
    let mut texts: Vec<String> = Vec::new();
    for line in fs::read_to_string(&path)?.lines() {
        let record: serde_json::Value = serde_json::from_str(line)?;
        texts.push(record["text"].as_str().ok_or("a line without text")?.to_string());
    }
    let megabytes = texts.iter().map(String::len).sum::<usize>() as f64 / 1e6;
    let lines: usize = texts.iter().map(|text| text.lines().count()).sum();
    println!("{}: {} documents, {lines} lines, {megabytes:.3} MB", path.display(), texts.len());
    let cx = Context::new(Exec::serial(), Control::new());
    let quality = TextQuality::new(Weights::given(&[1.0; Predicate::ALL.len()])?);
    let judged = |rules: Rules| {
        let texts = &texts;
        move || -> Result<(), Failure> {
            for text in texts {
                black_box(rules.judge(text)?);
            }
            Ok(())
        }
    };
    let scored = |quality: TextQuality| {
        let (texts, cx) = (&texts, &cx);
        move || -> Result<(), Failure> {
            black_box(quality.documents(texts, cx)?);
            Ok(())
        }
    };
    time("TextQuality, words", megabytes, reps, scored(quality.clone()))?;
    time("TextQuality, pieces between blanks", megabytes, reps, scored(quality.unit(Unit::Whitespace)))?;
    time("Gopher's quality rules", megabytes, reps, judged(Rules::gopher_quality()))?;
    time("Gopher's repetition rules", megabytes, reps, judged(Rules::gopher_repetition()))?;
    time("FineWeb's rules", megabytes, reps, judged(Rules::fineweb()))
}

fn time(
    what: &str,
    megabytes: f64,
    reps: usize,
    work: impl Fn() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let rounds = |n: usize| measure(|| (0..n).try_for_each(|_| work()));
    let (mut n, mut cpu) = (1, 0.0);
    while cpu < SECONDS {
        let (done, cost) = rounds(n);
        done?;
        cpu = cost.cpu;
        n = if cpu < SECONDS { 2 * n } else { n };
    }
    let mut speeds = Vec::new();
    for _ in 0..reps.max(1) {
        let (done, cost) = rounds(n);
        done?;
        speeds.push(n as f64 * megabytes / cost.cpu);
    }
    speeds.sort_by(f64::total_cmp);
    let (median, last) = (speeds[speeds.len() / 2], speeds[speeds.len() - 1]);
    println!("{what:<36} {median:6.1} MB/s ({:.1} - {last:.1}), {n} rounds, {reps} repetitions", speeds[0]);
    Ok(())
}
