//! `tokenize audit`: one's own latents and ids, looked at as tokens that a model shall learn.
//!
//! | step | module |
//! |---|---|
//! | latents, ids, codebook, tables of runs and rates | [`read`] |
//! | predictability, entropies, rates, scaling | [`measure`] |
//! | what is written | [`page`] |

pub mod measure;
pub mod page;
pub mod read;

use std::path::PathBuf;

use serde_json::{Value, json};

use self::measure::Found;
use self::read::Inputs;
use crate::failure::{Failure, Result};
use crate::flags::Running;
use crate::output::REPORT;
use crate::page::Fact;
use crate::run::Run;
use crate::values::positive;

/// How predictable the latents of a tokenizer are, what its tokens cost, and how models of them scale.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER)]
pub struct AuditArgs {
    /// Latents before quantization, [items, positions, d]: .npy or .safetensors
    #[arg(long, value_name = "FILE")]
    pub latents: Option<PathBuf>,

    /// Ids of the tokens, [items, positions]: .npy or .safetensors
    #[arg(long, value_name = "FILE")]
    pub ids: PathBuf,

    /// Codes, [k, d]: adds the error of quantization
    #[arg(long, value_name = "FILE")]
    pub codebook: Option<PathBuf>,

    /// Number of codes [default: those of --codebook, else the largest id and one]
    #[arg(long, value_name = "K", value_parser = positive)]
    pub codes: Option<usize>,

    /// Positions before a latent that the linear prediction sees [default: 1]
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive)]
    pub lags: usize,

    /// Training steps of a small transformer that predicts the latents; 0: none
    #[arg(long, value_name = "STEPS", default_value_t = 0)]
    pub transformer: usize,

    /// Rates and distortions of tokenizers: a .csv with columns tokenizer, rate, distortion
    #[arg(long, value_name = "CSV")]
    pub rates: Option<PathBuf>,

    /// Runs of models of tokens: a .csv with columns tokenizer, compute, loss
    #[arg(long, value_name = "CSV")]
    pub runs: Option<PathBuf>,

    /// How the run goes.
    #[command(flatten)]
    pub running: Running,
}

const AFTER: &str = "\
Tensors of .safetensors files are found by name: latents, ids, codebook. The prediction is fitted on
seven of eight items and judged on the eighth. Entropies are plug-in and, beside them, by
Miller-Madow: many codes and few items make the first too low.
Results in --out: report.html (open this), report.json, positions.csv, SVG plots.
Exit codes: 0 done, 1 bad data or input/output, 2 bad usage, 130 stopped (nothing is written).";

/// Every name that an audit may write.
pub const NAMES: [&str; 7] =
    [page::R2, page::ENTROPIES, page::RATES, page::SCALING, "positions.csv", "report.html", REPORT];

/// Audits.
///
/// # Errors
/// The one line to print, and the exit code.
pub fn run(mut args: AuditArgs) -> Result<()> {
    let beside = [&args.latents, &args.codebook, &args.rates, &args.runs].map(|path| path.as_deref());
    args.running.name_out(std::slice::from_ref(&args.ids), &beside);
    let args = &args;
    let run = Run::begin(&args.running, &NAMES)?;
    let reporter = run.reporter();
    run.folder()?;
    reporter.stage("read", 0, 0);
    let inputs = Inputs::read(args)?;
    let digests: Vec<Value> =
        inputs.digests.iter().map(|(name, sha256)| json!({"file": name, "sha256": sha256})).collect();
    let configuration = json!({
        "audit": digests, "codes": inputs.codes, "lags": args.lags, "transformer_steps": args.transformer,
    });
    let mut out = run.open(&configuration)?;
    reporter.stage("measure", inputs.items() as u64, 0);
    let found = Found::of(&inputs, args.lags, args.transformer)?;
    reporter.stage("write", 0, 0);
    let plots = page::plots(&inputs, &found);
    for (name, svg) in &plots {
        out.text(name, svg)?;
    }
    out.write("positions.csv", |w| found.csv(w))?;
    let html = page::html(&inputs, &found, &plots, out.written(), &configuration);
    out.text("report.html", &html)?;
    let verdict = page::sentence(&inputs, &found);
    let mut record = found.record(&inputs);
    record["configuration"] = configuration;
    record["verdict"] = json!(verdict);
    run.finish(&mut out, record, Value::Null)?;
    let facts = [Fact::words("verdict", &*verdict)];
    run.say(&out, json!({"verdict": verdict}), &facts);
    Ok(())
}

/// What the library reported of `what`.
pub(super) fn of(what: &str, error: &pauca::Error) -> Failure {
    match error {
        pauca::Error::Cancelled => Failure::stopped(),
        error => Failure::Data(format!("{what}: {error}")),
    }
}
