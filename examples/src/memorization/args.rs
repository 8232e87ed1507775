//! The command line of `memorization`.

use std::path::PathBuf;

use clap::Parser;

use crate::flags::Running;
use crate::values::fraction;

/// Shows how fast language models memorize their training text, and what they forget, from the
/// predictions that were logged after every epoch.
///
/// Without INPUT it runs on the small transformers shipped with the library and writes
/// out/memorization.
#[derive(Clone, Debug, Parser)]
#[command(name = "memorization", version, max_term_width = 100, after_help = AFTER)]
pub struct Args {
    /// A study: a .json file that names the runs and their arrays (format below)
    pub input: Option<PathBuf>,

    /// Shares for T(N, tau): the epochs until M(f) >= tau, ascending
    #[arg(long, value_name = "TAU,...", value_delimiter = ',', default_value = "0.3,0.5,0.7,0.9", value_parser = fraction)]
    pub tau: Vec<f64>,

    /// How the run goes.
    #[command(flatten)]
    pub running: Running,
}

const AFTER: &str = "\
A study: {\"format\": \"pauca-memorization\", \"format_version\": 1, \"title\": .., \"vocabulary\": V,
  \"arrays\": \"FILE.safetensors\", \"tags\": [names],
  \"sets\": {NAME: {\"tokens\": n, \"ends\": A, \"tags\": A, \"targets\": A}},
  \"runs\": [{\"name\": .., \"parameters\": N, \"learning_rate\": r, \"set\": NAME, \"epochs\": [1, 2, ..],
            \"hits\": A | \"argmax\": A, \"log_prob\": A, ..}], \"forgetting\": [..]}
An array A is a tensor of \"arrays\", or a file beside the study: NAME.npy, NAME.safetensors (its only
tensor) or NAME.safetensors:TENSOR. Where the name of an array of epochs holds {}, it stands for one
file an epoch, the epoch in the place of {}: what a training loop appends to
(examples/data/make/memorization_log.py writes arrays and study in 20 lines). hits: u8
[epochs, ceil(n / 8)], the first token in the highest bit (numpy.packbits). argmax: ids [epochs, n],
with log_prob of the same shape; both need \"targets\" (4294967295, -1 or -100 where not counted). In
their place \"logits\": [A, ..], tiles of the vocabulary [n, ids], the lowest ids first, {} for the
epoch. ends: where each text ends, in tokens. tags: a part of speech for each token, 255 for none. Ids
may be u8 to u32, i16 to i64; numbers f16, bf16, f32, f64; logits f16, bf16, f32. In a .npy bf16 is
what NumPy makes of ml_dtypes.bfloat16: two bytes without a type (V2). The shipped
examples/data/memorization.json shows every field of runs.
Questions about single texts, with runs or without:
  \"membership\": [{\"name\", \"set\", \"member\": 0 or 1 [texts], \"log_prob\": [n] | \"logits\": tiles,
                  \"mean\" and \"deviation\" of ln p over the vocabulary [n] (for Min-K%++ without
                  logits), \"reference_log_prob\": [n], \"zlib_bytes\": [texts]}]
  \"extraction\": [{\"name\", \"suffix\" and \"generated\": ids [texts, s], \"log_prob\": [texts, s] of the
                  true suffix under the sampling scheme, or \"logits\": one array [texts * s, ids]
                  with \"sampling\": {\"temperature\", \"top_k\", \"top_p\"}}]
  \"exposure\": [{\"name\", \"canaries\": losses, \"candidates\": losses, \"whole\": false}]
  \"counterfactual\": [{\"name\", \"performance\" and \"trained\" (0 or 1): [models, texts]}]
Results in --out: report.html (open this), report.json, curves.csv, reach.csv, forgetting.csv,
tags.csv, membership.csv, extraction.csv, exposure.csv, counterfactual.csv, SVG plots.
The same input and flags give the same bytes on every machine, at any number of threads.
Exit codes: 0 done, 1 bad data or input/output, 2 bad usage, 130 stopped (nothing is written).";
