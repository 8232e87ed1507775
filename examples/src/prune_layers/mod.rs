//! The program `prune-layers`: which layers a model can best do without, and the model without them.
//!
//! | step | module |
//! |---|---|
//! | flags | [`args`] |
//! | hidden states from a file | [`states`] |
//! | measured damage, and the ranks of the choices | [`damage`] |
//! | what heals the model | [`heal`] |
//! | plots, page | [`drawn`], [`report`] |
//! | the model without its layers | [`model`] |
//!
//! Nothing is written over before the run is complete; see [`crate::output`].

pub mod args;
pub mod damage;
pub mod drawn;
pub mod heal;
pub mod model;
pub mod report;
pub mod states;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pauca::Context;
use pauca::layers::{
    Choice, Cka, CkaTable, Keep, LayerCka, LayerDistances, LayerMetric, LayerTable, Quantiles, deepest,
    mergekit,
};
use serde_json::{Value, json};

use self::args::{Args, Choose, Measure};
use self::damage::{Damage, Judged};
use self::model::Model;
use self::states::{Asked, States};
use crate::failure::{Failure, Result};
use crate::flags::Named;
use crate::input::file::same;
use crate::input::{file_name, paths};
use crate::output::{OutDir, REPORT};
use crate::page::Fact;
use crate::progress::{Reporter, si};
use crate::run::Run;
use crate::shipped;

/// All files that a run may write.
pub const NAMES: [&str; 15] = [
    "best.svg",
    "cka.csv",
    "config.json",
    "damage.svg",
    "distances.csv",
    "heal.json",
    "heatmap.svg",
    "influence.csv",
    "influence.svg",
    "mergekit.yaml",
    "model.safetensors",
    "model.safetensors.index.json",
    "plan.csv",
    "report.html",
    REPORT,
];

/// `args` with the shipped states where none are named.
fn fill(mut args: Args) -> Result<Args> {
    if !args.states.is_empty() {
        let beside = [&args.mask, &args.damage, &args.apply, &args.config].map(|path| path.as_deref());
        args.running.name_out(&args.states, &beside);
        return Ok(args);
    }
    let [states, damage] = shipped::files("STATES are", ["smollm2-states.f16.npy", "smollm2-damage.csv"])?;
    args.states = vec![states];
    args.layers = Some(30);
    args.running.out = args.running.out.or_else(|| Some(PathBuf::from("out/layers")));
    args.damage = args.damage.or(Some(damage));
    if args.model == "model" {
        args.model = "HuggingFaceTB/SmolLM2-135M-Instruct".into();
    }
    Ok(args)
}

/// Everything that the run found.
struct Found {
    table: LayerTable,
    /// By the other measure.
    other: LayerTable,
    cka: Option<CkaTable>,
    plan: Vec<Choice>,
    judged: Vec<Judged>,
    /// Layers to drop, counted from 0, and the name of the choice.
    dropped: Option<(BTreeSet<usize>, String)>,
}

/// Runs the program with `args`; on the shipped states where none are named.
///
/// # Errors
/// The one line to print, and the exit code.
pub fn run(args: Args) -> Result<()> {
    let args = fill(args)?;
    let run = Run::begin(&args.running, &NAMES)?;
    let reporter = run.reporter();
    let files = paths::files(&args.states, &["npy", "safetensors"])?;
    let model = match &args.apply {
        Some(path) => {
            Some(Model::open(path, args.config.as_deref(), args.layer_list.as_deref(), args.layers)?)
        }
        None => None,
    };
    let known = args.layers.or_else(|| model.as_ref().map(Model::layers));
    let asked = Asked {
        tensor: args.tensor.as_deref(),
        layers: known,
        order: args.order,
        which: args.tokens,
        mask: args.mask.as_deref(),
    };
    let states = States::open(&files, asked)?;
    let layers = states.layers();
    let folder = run.folder()?;
    if let Some(model) = &model {
        if same(folder, model.folder()) {
            return Err(Failure::usage(format!("--out {} is the folder of the model", folder.display())));
        }
        run.plan(model.names(folder));
    }
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
    let configuration = configuration(&args, &states, model.as_ref());
    let mut out = run.open(&configuration)?;

    reporter.stage("measure", states.samples() as u64, 0);
    states.notes.iter().for_each(|note| reporter.note(note));
    let library = |e: pauca::Error| Failure::library(states.path(), &e);
    let (table, other, cka) = run.work(|cx| measure(&args, &states, cx))?;
    let found = find(&args, table, other, cka, &measured, keep).map_err(library)?;
    reporter.stage("write", 0, 0);
    let unit = args.metric.title();
    write_tables(&mut out, &found)?;
    let mut yaml = None;
    if let Some((dropped, _)) = &found.dropped {
        let list: Vec<usize> = dropped.iter().copied().collect();
        let text = mergekit(layers, &list, &args.model, "").map_err(library)?;
        out.text("mergekit.yaml", &text)?;
        yaml = Some(text);
        if let Some(like) = args.heal {
            let modules = model.as_ref().map_or(Vec::new(), Model::feed_forward);
            let config = heal::configuration(like, &modules);
            out.write("heal.json", |w| writeln!(w, "{config:#}"))?;
        }
        if let Some(model) = &model {
            reporter.stage("apply", model.bytes(), 0);
            write_model(&args, model, dropped, &mut out, reporter)?;
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
        out.text(name, svg)?;
    }
    let verdict = verdict(&found, layers);
    let page = report::Report {
        verdict: &verdict,
        table: &found.table,
        unit,
        plan: &found.plan,
        judged: &found.judged,
        plots: &plots,
        influences: &found.influences(),
        mergekit: yaml.as_deref(),
        configuration: &configuration,
        written: out.written(),
    };
    let html = page.html();
    out.text("report.html", &html)?;
    run.finish(&mut out, record(&found, &verdict, &configuration), Value::Null)?;
    let dropped = found.dropped.as_ref().map(|(dropped, _)| dropped);
    run.say(&out, json!({"verdict": verdict, "dropped": dropped}), &facts(&found, &verdict));
    Ok(())
}

/// What names the run: whatever decides the bytes of its outputs.
fn configuration(args: &Args, states: &States, model: Option<&Model>) -> Value {
    let named = |path: &Option<PathBuf>| path.as_deref().map(file_name);
    json!({
        "states": states.describe(),
        "tokens": args.tokens.map(|which| which.name()),
        "mask": named(&args.mask),
        "metric": args.metric.title(),
        "cka": args.cka,
        "heal": args.heal.map(|like| like.name()),
        "keep_first": args.keep_first,
        "keep_last": args.keep_last,
        "drop": args.drop,
        "choose": args.drop.map(|_| args.choose.name()),
        "damage": named(&args.damage),
        "apply": model.map(Model::describe),
        "shard_size": args.shard_size,
        "model": args.model,
    })
}

/// Both measures between all states in one pass, that asked for first, and CKA where it is asked for.
type Measured = (LayerTable, LayerTable, Option<CkaTable>);

fn measure(args: &Args, states: &States, cx: &Context<'_>) -> Result<Measured> {
    let of = |e: pauca::Error| Failure::library(states.path(), &e);
    let metrics = match args.metric {
        Measure::Angular => [LayerMetric::Angular, LayerMetric::Cosine],
        Measure::Cosine => [LayerMetric::Cosine, LayerMetric::Angular],
    };
    // Tokens by the million: their values are not kept one by one.
    let quantiles = if states.all_tokens() { Quantiles::Histogram } else { Quantiles::Exact };
    let (layers, dim) = (states.layers(), states.dim());
    let start = |metric| LayerDistances::new(layers).metric(metric).quantiles(quantiles).start(dim);
    let mut streams = [start(metrics[0]).map_err(of)?, start(metrics[1]).map_err(of)?];
    let mut cka = match args.cka {
        true => Some(LayerCka::new(&vec![dim; layers + 1]).and_then(|cka| cka.start()).map_err(of)?),
        false => None,
    };
    states
        .each(&mut |rows, tokens| {
            streams.iter_mut().try_for_each(|stream| stream.push(rows, tokens, cx))?;
            cka.as_mut().map_or(Ok(()), |cka| cka.push(rows, tokens, cx))
        })
        .map_err(|(path, e)| Failure::library(&path, &e))?;
    let [asked, other] = streams.map(|stream| stream.finish());
    let cka = cka.map(|cka| cka.finish(cx)).transpose().map_err(of)?;
    Ok((asked.map_err(of)?, other.map_err(of)?, cka))
}

fn find(
    args: &Args,
    table: LayerTable,
    other: LayerTable,
    cka: Option<CkaTable>,
    measured: &Damage,
    keep: Keep,
) -> pauca::Result<Found> {
    let layers = table.n_layers;
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
                let plural = if list.len() == 1 { "" } else { "s" };
                let name = format!("layer{plural} {}, counted from 1", list.join(", "));
                (chosen, name)
            }
        }),
    };
    Ok(Found { table, other, cka, plan, judged, dropped })
}

fn write_model(
    args: &Args,
    model: &Model,
    dropped: &BTreeSet<usize>,
    out: &mut OutDir,
    reporter: &Reporter,
) -> Result<()> {
    // Before the long part.
    let config = model.configuration(dropped, args.any_family)?;
    let written =
        model.write(dropped, args.shard_size, out, &|done, total| reporter.share("copied", done, total))?;
    match &config {
        Some(cut) => out.text("config.json", &model::json::text(&cut.config))?,
        None => reporter.note(&format!("{} has no config.json: none is written", model.folder().display())),
    }
    model.copy(out)?;
    for note in config.iter().flat_map(|cut| &cut.notes) {
        reporter.note(note);
    }
    let files = if written.files == 1 { String::new() } else { format!(" in {} files", written.files) };
    reporter.note(&format!(
        "{} tensors, {}B{files}, read back equal",
        written.tensors,
        si(written.bytes as f64)
    ));
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
        writeln!(w, "layer,layer_from_1,influence,angle,block_influence,cka")?;
        found.influences().iter().enumerate().try_for_each(|(l, [own, angle, cosine, cka])| {
            let cka = if cka.is_nan() { String::new() } else { cka.to_string() };
            writeln!(w, "{l},{},{own},{angle},{cosine},{cka}", l + 1)
        })
    })?;
    let Some(cka) = &found.cka else { return Ok(()) };
    out.write("cka.csv", |w| {
        writeln!(w, "state,other,unbiased,biased")?;
        let text = |value: Cka| value.value().map_or(String::new(), |v| v.to_string());
        for l in 0..=table.n_layers {
            for m in l..=table.n_layers {
                writeln!(w, "{l},{m},{},{}", text(cka.unbiased(l, m)), text(cka.biased(l, m)))?;
            }
        }
        Ok(())
    })
}

impl Found {
    /// Of each layer: the influence by the measure asked for, the angle, block influence, and CKA of its
    /// input and output (NaN where it is not there).
    fn influences(&self) -> Vec<[f64; 4]> {
        let (own, other) = (self.table.influence(), self.other.influence());
        let angular = self.table.metric == LayerMetric::Angular;
        let (angle, cosine) = if angular { (&own, &other) } else { (&other, &own) };
        let cka = |l| self.cka.as_ref().and_then(|cka| cka.unbiased(l, l + 1).value()).unwrap_or(f64::NAN);
        (0..self.table.n_layers).map(|l| [own[l], angle[l], cosine[l], cka(l)]).collect()
    }
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
                    let (n, block) = (choice.block.len(), choice.block);
                    format!("To drop a quarter of the layers, {n} of {layers}, drop {block}")
                }
            }
        }
    }
}

/// `report.json` but for outputs and `run`.
fn record(found: &Found, verdict: &str, configuration: &Value) -> Value {
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
    })
}

/// What a person wants to know, in a few lines.
fn facts(found: &Found, verdict: &str) -> Vec<Fact> {
    let of_block = |j: &Judged| {
        Fact::words(
            &format!("block of {}", j.size),
            format!(
                "layers from {} (from 1): damage {:+.3}, rank {} of {}; median {:+.3}",
                j.first + 1,
                j.damage,
                j.rank,
                j.blocks,
                j.spread[1]
            ),
        )
    };
    [Fact::words("verdict", verdict)].into_iter().chain(found.judged.iter().map(of_block)).collect()
}
