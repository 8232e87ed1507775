//! The program `filter-pairs`: which image-text pairs to keep, and how well their scores tell.
//!
//! | step | module |
//! |---|---|
//! | flags, and the shipped data | [`args`], [`shipped`] |
//! | the numbers | [`mod@measure`] |
//! | what a person sees | [`charts`], [`report`] |
//!
//! Nothing is written over before the run is complete; see [`crate::output`].

pub mod args;
pub mod charts;
pub mod measure;
pub mod report;
pub mod shipped;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use pauca::Rows;
use pauca::alignment::Filter;
use pauca::stats::Interval;
use serde_json::{Map, Value, json};

use self::args::Args;
use self::measure::{Direction, Measured, PLACES, Wanted, measure};
use self::report::{Report, verdict};
use crate::failure::{Failure, Result};
use crate::flags::Named;
use crate::input::embeddings::{IMAGES, TEXTS};
use crate::input::file::digest;
use crate::input::gather;
use crate::input::ids::Ids;
use crate::input::images::Images;
use crate::input::meta::Meta;
use crate::input::{Embeddings, file_name};
use crate::output::npy::vector;
use crate::output::{OutDir, REPORT};
use crate::run::Run;

/// Version of the format of `report.json`.
const FORMAT_VERSION: u32 = 1;
/// Every name that this program may write.
const NAMES: [&str; 6] = ["kept.npy", "scores.npy", "removed.csv", "scores.svg", "report.html", REPORT];
/// The share kept where nothing is said: DataComp's best CLIP-score filter.
const KEEP: f64 = 0.3;

/// Runs the program with `args`; on the shipped pairs where none are named.
///
/// # Errors
/// The one line to print, and the exit code.
pub fn run(args: Args) -> Result<()> {
    let (args, note) = shipped::fill(args)?;
    let args = &args;
    let run = Run::begin(&args.running, &NAMES)?;
    let reporter = run.reporter();
    let [images, texts] = &sides(args)?;
    let open = |side: &PathBuf| Embeddings::open(std::slice::from_ref(side), &args.reading);
    let (mut x, mut y) = (open(images)?, open(texts)?);
    let rows = x.rows();
    if y.rows() != rows {
        let what = format!("has {} rows, {} has {rows}: row i of both is a pair", y.rows(), x.name());
        return Err(Failure::data(texts, what));
    }
    if y.dim() != x.dim() {
        let what = format!(
            "has rows of {} values, {} of {}: both must lie in one space",
            y.dim(),
            x.name(),
            x.dim()
        );
        return Err(Failure::data(texts, what));
    }
    run.folder()?;
    reporter.stage("read", rows as u64, 0);
    let shown = Shown::open(args, &x)?;
    let used = shown.used(args, rows)?;
    if used.len() < 2 {
        return Err(Failure::data(images, format!("{} pairs are used, at least 2 are needed", used.len())));
    }
    let groups = shown.groups(args, &used)?;
    let configuration = configuration(args, &x, &y, &shown, used.len())?;
    let mut out = run.open(&configuration)?;
    for side in [&mut x, &mut y] {
        side.settle(out.path(), true, &args.reading, reporter)?;
    }
    let begin = |name: &str, rows: usize| reporter.stage(name, rows as u64, 0);
    let filter = match args.threshold {
        Some(threshold) => Filter::threshold(threshold, args.boundary.of()),
        None => Filter::fraction(args.keep.unwrap_or(KEEP)),
    };
    let wanted = Wanted {
        score: args.preset.score(args.zero_rows),
        filter,
        evaluate: args.evaluate,
        resamples: args.resamples,
        seed: args.drawing.seed,
        groups: groups.as_deref(),
    };
    let library = |e: pauca::Error| located([&x, &y], &used, &e);
    let found = run.work(|cx| {
        if used.len() == rows {
            return measure(&x.whole(), &y.whole(), &wanted, cx, &begin).map_err(library);
        }
        let part = |side: &Embeddings| gather(&side.whole(), &used).map_err(library);
        let (x, y) = (part(&x)?, part(&y)?);
        measure(&Rows::F32(x.view()), &Rows::F32(y.view()), &wanted, cx, &begin).map_err(library)
    })?;
    reporter.stage("write", used.len() as u64, 0);
    let page =
        Report { found: &found, used: &used, args, shown: &shown, note, rows, reporter: run.reporter() };
    write(&mut out, &page)?;
    let plot = charts::pair_scores(
        &found.sample.iter().map(|&i| found.scores[i]).collect::<Vec<_>>(),
        &found.shuffled,
        found.selected.cutoff,
        args.preset.unit(),
    );
    out.text("scores.svg", &plot)?;
    let html = page.html(&plot, out.written(), &configuration)?;
    out.text("report.html", &html)?;
    run.finish(&mut out, record(&found, args, &configuration), Value::Null)?;
    let done = json!({
        "verdict": verdict(&found, args), "pairs": found.scores.len(), "kept": found.selected.kept,
        "auc": found.auc.estimate,
    });
    run.say(&out, done, &report::facts(&found));
    Ok(())
}

/// The two sides that `args` name.
fn sides(args: &Args) -> Result<[PathBuf; 2]> {
    match (&args.images, &args.texts) {
        (Some(images), Some(texts)) => Ok([images.clone(), texts.clone()]),
        (Some(folder), None) if folder.join(IMAGES).is_dir() && folder.join(TEXTS).is_dir() => {
            Ok([folder.clone(), folder.join(TEXTS)])
        }
        _ => Err(Failure::usage("IMAGES and TEXTS are both needed, or a folder with img_emb/ and text_emb/")),
    }
}

/// What the library said, with the row of the file rather than that of the rows in use.
fn located([images, texts]: [&Embeddings; 2], used: &[usize], error: &pauca::Error) -> Failure {
    let file_row = |row: u64| used.get(row as usize).map_or(row, |&row| row as u64);
    match error {
        pauca::Error::NonFinite { what, row, col } => {
            let side = if *what == "texts" { texts } else { images };
            side.failure(&pauca::Error::NonFinite { what, row: file_row(*row), col: *col })
        }
        pauca::Error::ZeroRow { row } => {
            let row = file_row(*row);
            let what =
                format!("row {row} is all zeros here or in {}; --zero-rows zero scores it 0", texts.name());
            Failure::data(&images.shards()[0].path, what)
        }
        other => images.failure(other),
    }
}

/// What the report can show of a row besides its number.
pub struct Shown {
    /// The metadata.
    pub meta: Option<Meta>,
    /// The names of all rows.
    pub names: Option<Ids>,
    /// The pictures of the rows.
    pub pictures: Option<Images>,
    /// Name and digest of what the pictures come from.
    identity: Option<(String, Option<String>)>,
}

impl Shown {
    fn open(args: &Args, embeddings: &Embeddings) -> Result<Self> {
        let rows = embeddings.rows();
        let sheet = args.pictures.as_ref().map(PathBuf::from).filter(|path| path.is_file());
        let column = args.pictures.as_deref().filter(|_| sheet.is_none());
        let only = args.only.as_deref().map(only).transpose()?;
        let columns: Vec<&str> = [args.name.as_deref(), args.group.as_deref(), column, only.map(|o| o.0)]
            .into_iter()
            .flatten()
            .collect();
        let meta = Meta::beside(args.meta.as_deref(), embeddings, &columns)?;
        let names = match (&meta, &args.name) {
            (Some(meta), Some(column)) => Some(meta.ids(column)?),
            _ => None,
        };
        let pictures = match (&sheet, column) {
            (Some(path), _) => Some(Images::sheet(path, args.picture_size, rows)?),
            (None, Some(column)) => Some(Images::Column(column.to_string())),
            (None, None) => None,
        };
        let identity = match (&sheet, column) {
            (Some(path), _) => Some((file_name(path), Some(digest(path)?))),
            (None, column) => column.map(|column| (column.to_string(), None)),
        };
        Ok(Self { meta, names, pictures, identity })
    }

    /// The number of the group of each row that takes part.
    fn groups(&self, args: &Args, used: &[usize]) -> Result<Option<Vec<u64>>> {
        let (Some(column), Some(meta)) = (&args.group, &self.meta) else { return Ok(None) };
        let values = meta.column(column)?;
        let mut numbers: HashMap<&str, u64> = HashMap::new();
        let groups: Vec<u64> = used
            .iter()
            .map(|&row| {
                let next = numbers.len() as u64;
                *numbers.entry(values.get(row)).or_insert(next)
            })
            .collect();
        if numbers.len() < 2 {
            let what =
                format!("column '{column}' has one value in all rows in use: one group has no wrong pair");
            return Err(Failure::data(meta.path(), what));
        }
        Ok(Some(groups))
    }

    /// The rows that take part.
    fn used(&self, args: &Args, rows: usize) -> Result<Vec<usize>> {
        let (Some(text), Some(meta)) = (&args.only, &self.meta) else {
            return Ok((0..rows).collect());
        };
        let (column, value) = only(text)?;
        let all = meta.column(column)?;
        let used: Vec<usize> = (0..rows).filter(|&i| all.get(i) == value).collect();
        if used.is_empty() {
            let values: BTreeSet<&str> = (0..rows).map(|i| all.get(i)).take(100_000).collect();
            let some: Vec<String> = values.into_iter().take(6).map(|v| format!("'{v}'")).collect();
            let what = format!("no row has '{value}' in column '{column}'; it has {}", some.join(", "));
            return Err(Failure::data(meta.path(), what));
        }
        Ok(used)
    }
}

/// COLUMN=VALUE taken apart.
fn only(text: &str) -> Result<(&str, &str)> {
    text.split_once('=')
        .filter(|(column, _)| !column.is_empty())
        .ok_or_else(|| Failure::usage(format!("--only {text}: COLUMN=VALUE is needed")))
}

/// What names the run: whatever decides the bytes of its outputs.
fn configuration(
    args: &Args,
    images: &Embeddings,
    texts: &Embeddings,
    shown: &Shown,
    used: usize,
) -> Result<Value> {
    let rule = match args.threshold {
        Some(threshold) => {
            json!({"threshold": threshold, "boundary": args.boundary.name()})
        }
        None => json!({"keep": args.keep.unwrap_or(KEEP)}),
    };
    let mut value = json!({
        "program": "filter-pairs", "preset": args.preset.name(), "rule": rule,
        "zero_rows": args.zero_rows.name(), "only": args.only, "pairs": used,
        "evaluate": args.evaluate, "resamples": args.resamples, "seed": args.drawing.seed,
        "images": images.describe()?, "texts": texts.describe()?,
    });
    if let Some(meta) = &shown.meta {
        value["meta"] = meta.describe()?;
        value["meta"]["name"] = json!(args.name);
        if let Some(group) = &args.group {
            value["meta"]["group"] = json!(group);
        }
    }
    if let Some((name, sha256)) = &shown.identity {
        value["pictures"] = json!({"from": name, "sha256": sha256, "picture_size": args.picture_size});
    }
    Ok(value)
}

/// Arrays and lists.
fn write(out: &mut OutDir, page: &Report<'_>) -> Result<()> {
    let (found, used) = (page.found, page.used);
    let kept: Vec<u64> =
        (0..used.len()).filter(|&i| found.selected.keep[i]).map(|i| used[i] as u64).collect();
    out.write("kept.npy", |w| vector(w, kept.into_iter()))?;
    let mut scores = vec![f64::NAN; page.rows];
    used.iter().zip(&found.scores).for_each(|(&row, s)| scores[row] = *s);
    out.write("scores.npy", |w| vector(w, scores.into_iter()))?;
    out.write("removed.csv", |w| {
        let mut lines = csv::Writer::from_writer(w);
        lines.write_record(["row", "name", "score"])?;
        for i in (0..used.len()).filter(|&i| !found.selected.keep[i]) {
            let name = page.shown.names.as_ref().map_or("", |names| names.get(used[i]));
            lines.write_record([&used[i].to_string(), name, &found.scores[i].to_string()])?;
        }
        lines.flush()
    })
}

/// `report.json` but for outputs and `run`.
fn record(found: &Measured, args: &Args, configuration: &Value) -> Value {
    let interval =
        |i: &Interval| json!({"estimate": i.estimate, "low": i.low, "high": i.high, "level": i.level});
    let direction = |d: &Direction| {
        let recall: Map<String, Value> = PLACES
            .iter()
            .zip(&d.recall)
            .map(|(k, (at, chance))| {
                let mut value = interval(at);
                value["chance"] = json!(chance);
                (format!("R@{k}"), value)
            })
            .collect();
        json!({"recall": recall, "mrr": d.mrr, "median_rank": d.median_rank, "candidates": d.candidates})
    };
    let [median, shuffled] = found.medians();
    json!({
        "format": "pauca-filter-pairs",
        "format_version": FORMAT_VERSION,
        "version": env!("CARGO_PKG_VERSION"),
        "verdict": verdict(found, args),
        "configuration": configuration,
        "counts": {
            "pairs": found.scores.len(), "kept": found.selected.kept, "tied_out": found.selected.tied_out,
            "zero_rows": found.zero_rows,
        },
        "scores": {
            "mean": found.mean, "cutoff": found.selected.cutoff, "median_true": median, "median_shuffled": shuffled,
        },
        "evaluated_pairs": found.sample.len(),
        "auc": interval(&found.auc),
        "text_to_picture": direction(&found.directions[0]),
        "picture_to_text": direction(&found.directions[1]),
    })
}
