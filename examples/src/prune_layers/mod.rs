//! The program `prune-layers`: which layers a model can best do without, and the model without them.
//!
//! | step | module |
//! |---|---|
//! | flags | [`args`] |
//! | hidden states from a file | [`states`] |
//! | measured damage, and the ranks of the choices | [`damage`] |
//! | plots, page | [`drawn`], [`report`] |
//! | the pruned model file | [`apply`] |
//!
//! Nothing is written over before the run is complete; see [`crate::output`].

pub mod apply;
pub mod args;
pub mod damage;
pub mod drawn;
pub mod report;
pub mod states;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Parser;
use pauca::layers::{Choice, Keep, LayerDistances, LayerMetric, LayerTable, Tokens, deepest, mergekit};
use pauca::{Context, Control, Exec};
use serde_json::{Map, Value, json};

use self::args::{Args, Choose, Measure};
use self::damage::{Damage, Judged};
use self::states::States;
use crate::checkpoint;
use crate::failure::{Failure, Result};
use crate::input::file_name;
use crate::interrupt;
use crate::output::{OutDir, REPORT, Written};
use crate::progress::{Reporter, Style, duration, si};

/// All files that a run may write.
pub const NAMES: [&str; 12] = [
    "best.svg",
    "config.json",
    "damage.svg",
    "distances.csv",
    "heatmap.svg",
    "influence.csv",
    "influence.svg",
    "mergekit.yaml",
    "model.safetensors",
    "plan.csv",
    "report.html",
    REPORT,
];

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
    run(fill(args)?)
}

/// `args` with the shipped states where none are named.
fn fill(mut args: Args) -> Result<Args> {
    if args.states.is_some() {
        return Ok(args);
    }
    let data = crate::curate::shipped::folder();
    let states = data.join("smollm2-states.f16.npy");
    if !states.is_file() {
        let what = format!("STATES are needed: the shipped data is not at {}", data.display());
        return Err(Failure::usage(what));
    }
    args.states = Some(states);
    args.out = args.out.or_else(|| Some(PathBuf::from("out/layers")));
    args.damage = args.damage.or_else(|| Some(data.join("smollm2-damage.csv")));
    if args.model == "model" {
        args.model = "HuggingFaceTB/SmolLM2-135M-Instruct".into();
    }
    Ok(args)
}

/// Everything that the run found.
struct Found {
    table: LayerTable,
    plan: Vec<Choice>,
    judged: Vec<Judged>,
    /// Layers to drop, counted from 0, and the name of the choice.
    dropped: Option<(BTreeSet<usize>, String)>,
}

/// Runs the program with `args`, whose states are filled in.
///
/// # Errors
/// The one line to print, and the exit code.
pub fn run(args: Args) -> Result<()> {
    interrupt::install();
    let reporter = Reporter::new(args.progress);
    let path = args.states.as_deref().expect("fill() names the states");
    let states = States::open(path, args.tensor.as_deref())?;
    let layers = states.layers();
    let Some(dir) = &args.out else {
        return Err(Failure::usage("--out DIR is needed: a folder for the results"));
    };
    let keep = Keep { first: args.keep_first, last: args.keep_last };
    let free = layers.saturating_sub(keep.first.saturating_add(keep.last));
    if let Some(n) = args.drop
        && (n == 0 || n > free)
    {
        return Err(Failure::usage(format!(
            "--drop {n}: of {layers} layers {free} may go (--keep-first {}, --keep-last {})",
            keep.first, keep.last
        )));
    }
    if args.choose == Choose::Deepest && (keep.first, keep.last) != (0, 1) {
        return Err(Failure::usage(
            "--choose deepest keeps the last layer alone: leave --keep-first and --keep-last",
        ));
    }
    let measured = match &args.damage {
        Some(path) => damage::read(path, layers)?,
        None => Damage::new(),
    };
    let model = match &args.apply {
        Some(path) => Some((apply::Model::open(path, layers)?, path)),
        None => None,
    };
    let exec = match args.threads {
        Some(threads) => Exec::threads(threads).map_err(|e| Failure::library(path, &e))?,
        None => Exec::rayon(),
    };
    let configuration = configuration(&args, &states);
    let mut out = OutDir::open(dir)?;
    admit(&out, &args, &configuration)?;

    reporter.stage("measure", states.shape()[0] as u64, 0);
    let threads = exec.width();
    let found =
        find(&args, &states, &measured, keep, exec, &reporter).map_err(|e| Failure::library(path, &e))?;
    reporter.stage("write", 0, 0);
    let unit = args.metric.title();
    write_tables(&mut out, &found)?;
    let mut yaml = None;
    if let Some((dropped, _)) = &found.dropped {
        let list: Vec<usize> = dropped.iter().copied().collect();
        let text = mergekit(layers, &list, &args.model, "").map_err(|e| Failure::library(path, &e))?;
        out.write("mergekit.yaml", |w| w.write_all(text.as_bytes()))?;
        yaml = Some(text);
        if let Some((model, from)) = &model {
            reporter.stage("apply", model.bytes() as u64, 0);
            write_model(&args, model, from, layers, dropped, &mut out, &reporter)?;
        }
    }
    let mut plots = BTreeMap::from([
        ("heatmap.svg", drawn::heat_map(&found.table, keep)),
        ("best.svg", drawn::best_of_size(&found.table, keep, unit)),
        ("influence.svg", drawn::influence(&found.table, unit)),
    ]);
    if !measured.is_empty() {
        plots.insert("damage.svg", drawn::damage(&found.table, &measured, keep, unit));
    }
    for (name, svg) in &plots {
        out.write(name, |w| w.write_all(svg.as_bytes()))?;
    }
    let verdict = verdict(&found, layers);
    let page = report::Report {
        verdict: &verdict,
        table: &found.table,
        unit,
        plan: &found.plan,
        judged: &found.judged,
        plots: &plots,
        mergekit: yaml.as_deref(),
        configuration: &configuration,
        written: out.written(),
    };
    let html = page.html();
    out.write("report.html", |w| w.write_all(html.as_bytes()))?;
    let seconds = reporter.finish();
    let mut record = record(&found, &verdict, &configuration, out.written());
    let stages: Map<String, Value> = seconds.iter().map(|(name, s)| (name.clone(), json!(s))).collect();
    record["run"] = json!({
        "threads": threads, "seconds": stages, "total_seconds": reporter.elapsed(),
        "peak_anonymous_bytes": reporter.peak_anonymous(),
    });
    out.write(REPORT, |w| writeln!(w, "{record:#}"))?;
    if interrupt::requested() {
        return Err(Failure::Cancelled("stopped".into()));
    }
    out.commit(&NAMES)?;
    say(&args, &found, &verdict, &out, &reporter);
    Ok(())
}

/// Nobody's results are replaced unasked.
fn admit(out: &OutDir, args: &Args, configuration: &Value) -> Result<()> {
    let dir = out.path();
    if args.overwrite {
        return Ok(());
    }
    if let Ok(bytes) = std::fs::read(dir.join(REPORT)) {
        let there: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        return match checkpoint::difference(&there["configuration"], configuration) {
            None => Ok(()),
            Some(what) => Err(Failure::usage(format!(
                "{} holds a finished run of other settings ({what}); --overwrite replaces it",
                dir.display()
            ))),
        };
    }
    match NAMES.iter().find(|name| dir.join(name).exists()) {
        None => Ok(()),
        Some(name) => Err(Failure::usage(format!(
            "{} already exists and is of no finished run; --overwrite replaces it",
            dir.join(name).display()
        ))),
    }
}

/// What names the run: whatever decides the bytes of its outputs.
fn configuration(args: &Args, states: &States) -> Value {
    let named = |path: &Option<PathBuf>| path.as_deref().map(file_name);
    json!({
        "states": states.describe(),
        "metric": args.metric.title(),
        "keep_first": args.keep_first,
        "keep_last": args.keep_last,
        "drop": args.drop,
        "choose": args.drop.map(|_| args.choose.name()),
        "damage": named(&args.damage),
        "apply": named(&args.apply),
        "model": args.model,
    })
}

fn find(
    args: &Args,
    states: &States,
    measured: &Damage,
    keep: Keep,
    exec: Exec<'_>,
    reporter: &Reporter,
) -> pauca::Result<Found> {
    let stop = interrupt::requested;
    let report = |progress: &pauca::Progress| reporter.library(progress);
    let cx = Context::new(exec, Control::new().stop_when(&stop).report_to(&report));
    let metric = match args.metric {
        Measure::Angular => LayerMetric::Angular,
        Measure::Cosine => LayerMetric::Cosine,
    };
    let layers = states.layers();
    let table = LayerDistances::new(layers).metric(metric).fit_on(&states.rows(), Tokens::Rows, &cx)?;
    let plan = table.plan(keep)?;
    let judged = damage::judge(&table, measured, keep)?;
    let dropped = match args.drop {
        None => None,
        Some(n) => Some(match args.choose {
            Choose::Nearest => {
                let block = table.best_block(n, keep)?.block;
                (block.layers().collect(), block.to_string())
            }
            Choose::Deepest => {
                let block = deepest(layers, n)?;
                (block.layers().collect(), block.to_string())
            }
            Choose::Influence => {
                let chosen: BTreeSet<usize> = table.least_influential(n, keep)?.into_iter().collect();
                let list: Vec<String> = chosen.iter().map(|l| (l + 1).to_string()).collect();
                let name = format!("layers {}, counted from 1", list.join(", "));
                (chosen, name)
            }
        }),
    };
    Ok(Found { table, plan, judged, dropped })
}

fn write_model(
    args: &Args,
    model: &apply::Model,
    from: &Path,
    layers: usize,
    dropped: &BTreeSet<usize>,
    out: &mut OutDir,
    reporter: &Reporter,
) -> Result<()> {
    let beside = from.with_file_name("config.json");
    let config = args.config.clone().or_else(|| beside.is_file().then_some(beside));
    // Before the long part.
    let config = config.map(|path| apply::configuration(&path, layers, dropped)).transpose()?;
    let copied = std::cell::Cell::new((0, 0));
    let tensors = model.write(dropped, out, "model.safetensors", &|done, total| copied.set((done, total)))?;
    match config {
        Some(config) => out.write("config.json", |w| writeln!(w, "{config:#}"))?,
        None => reporter.note(&format!("{} has no config.json beside it: none is written", from.display())),
    }
    reporter.note(&format!("{tensors} tensors, {}B, read back equal", si(copied.get().0 as f64)));
    Ok(())
}

fn write_tables(out: &mut OutDir, found: &Found) -> Result<()> {
    let table = &found.table;
    out.write("distances.csv", |w| {
        writeln!(w, "layers,first,count,mean,variance,min,q25,median,q75,max")?;
        for n in 1..=table.n_layers {
            for l in 0..=table.n_layers - n {
                let at = [l, l + n];
                let q = |q| table.quantile(l, l + n, q).unwrap_or(f64::NAN);
                writeln!(
                    w,
                    "{n},{l},{},{},{},{},{},{},{},{}",
                    table.count[at],
                    table.mean[at],
                    table.variance[at],
                    table.min[at],
                    q(0.25),
                    q(0.5),
                    q(0.75),
                    table.max[at]
                )?;
            }
        }
        Ok(())
    })?;
    out.write("plan.csv", |w| {
        writeln!(w, "layers,first,end,first_from_1,last_from_1,distance")?;
        for Choice { block, distance, .. } in &found.plan {
            writeln!(
                w,
                "{},{},{},{},{},{distance}",
                block.len(),
                block.start,
                block.end,
                block.first_layer(),
                block.last_layer()
            )?;
        }
        Ok(())
    })?;
    out.write("influence.csv", |w| {
        writeln!(w, "layer,layer_from_1,influence")?;
        table.influence().iter().enumerate().try_for_each(|(l, v)| writeln!(w, "{l},{},{v}", l + 1))
    })
}

/// The one sentence.
fn verdict(found: &Found, layers: usize) -> String {
    match &found.dropped {
        Some((dropped, name)) => format!("Drop {name}: {} of {layers} layers", dropped.len()),
        None => {
            // A quarter of the layers is what most models of the paper bear.
            let quarter = found.plan.get((layers / 4).clamp(1, found.plan.len().max(1)) - 1);
            match quarter {
                None => format!("All {layers} layers stay"),
                Some(choice) => {
                    format!("To drop {} of {layers} layers, drop {}", choice.block.len(), choice.block)
                }
            }
        }
    }
}

fn record(found: &Found, verdict: &str, configuration: &Value, written: &BTreeMap<String, Written>) -> Value {
    let table = &found.table;
    let plan: Vec<Value> = found
        .plan
        .iter()
        .map(|c| json!({"layers": c.block.len(), "first": c.block.start, "end": c.block.end, "distance": c.distance}))
        .collect();
    let judged: Vec<Value> = found
        .judged
        .iter()
        .map(|j| {
            json!({
                "layers": j.size, "first": j.first, "damage": j.damage, "rank": j.rank, "blocks": j.blocks,
                "least": j.spread[0], "least_at": j.best, "median": j.spread[1], "greatest": j.spread[2],
                "deepest": j.deepest, "spearman": j.spearman,
            })
        })
        .collect();
    let outputs: Map<String, Value> = written
        .iter()
        .map(|(name, file)| (name.clone(), json!({"bytes": file.bytes, "sha256": file.sha256})))
        .collect();
    json!({
        "format": "pauca-prune-layers",
        "format_version": 1,
        "version": env!("CARGO_PKG_VERSION"),
        "verdict": verdict,
        "configuration": configuration,
        "samples": table.samples,
        "layers": table.n_layers,
        "least_count": table.count.iter().min(),
        "dropped": found.dropped.as_ref().map(|(dropped, _)| dropped),
        "plan": plan,
        "damage": judged,
        "outputs": outputs,
    })
}

/// The last lines: facts for a person on stderr, or one JSON object on stdout.
fn say(args: &Args, found: &Found, verdict: &str, out: &OutDir, reporter: &Reporter) {
    let page = out.path().join("report.html");
    match args.progress {
        Style::None => {}
        Style::Json => {
            let dropped = found.dropped.as_ref().map(|(dropped, _)| dropped);
            let out = out.path().display().to_string();
            println!("{}", json!({"event": "done", "verdict": verdict, "dropped": dropped, "out": out}));
        }
        Style::Auto => {
            let line = |about: &str, text: &str| eprintln!("{about:<16} {text}");
            line("verdict", verdict);
            for j in &found.judged {
                let text = format!(
                    "layers from {} (from 1): damage {:+.3}, rank {} of {}; median {:+.3}",
                    j.first + 1,
                    j.damage,
                    j.rank,
                    j.blocks,
                    j.spread[1]
                );
                line(&format!("block of {}", j.size), &text);
            }
            line("open", &format!("{}; in {}", page.display(), duration(reporter.elapsed())));
        }
    }
}
