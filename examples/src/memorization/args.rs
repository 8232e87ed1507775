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
An array A is a tensor of \"arrays\" or a .npy file beside the study. hits: u8 [epochs, ceil(n /
8)], the first token in the highest bit (numpy.packbits). argmax: ids [epochs, n], with log_prob
f32 or f64 of the same shape; both need \"targets\" (4294967295 or -100 where not counted). ends:
where each text ends, in tokens. tags: a part of speech for each token, 255 for none. The shipped
examples/data/memorization.json shows every field.
Results in --out: report.html (open this), report.json, curves.csv, reach.csv, forgetting.csv,
tags.csv, SVG plots.
The same input and flags give the same bytes on every machine, at any number of threads.
Exit codes: 0 done, 1 bad data or input/output, 2 bad usage, 130 stopped (nothing is written).";
