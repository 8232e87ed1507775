//! The command line of `tokenize`.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use super::audit::AuditArgs;
use crate::flags::{Resuming, Running};
use crate::values::{above_zero, positive, weight};

/// Trains tokenizers of small pictures with and without causal regularization, then models of their
/// tokens at equal compute, and shows what was traded for what.
///
/// Without a sheet it runs on the emoji pictures shipped with the library and writes out/tokenize.
#[derive(Clone, Debug, Parser)]
#[command(name = "tokenize", version, max_term_width = 100, after_help = AFTER)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct Args {
    /// What to do instead of training tokenizers
    #[command(subcommand)]
    pub command: Option<Command>,

    /// A PNG sheet of square pictures, row by row from the top left
    pub sheet: Option<PathBuf>,

    /// Which of the shipped sheets, when none is named
    #[arg(long, value_enum, default_value_t = Set::Emoji, conflicts_with = "sheet")]
    pub set: Set,

    /// Pixels along the side of a picture of the sheet [default: 32]
    #[arg(long, value_name = "PIXELS", value_parser = positive, requires = "sheet")]
    pub side: Option<usize>,

    /// Pictures on the sheet [default: as many as it holds]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub pictures: Option<usize>,

    /// Pixels along the side of a patch, which becomes one token [default: a quarter of the side]
    #[arg(long, value_name = "PIXELS", value_parser = positive)]
    pub patch: Option<usize>,

    /// Codes
    #[arg(long, value_name = "K", default_value_t = 256, value_parser = positive)]
    pub codes: usize,

    /// Weights of the causal regularizer; 0 is always among them
    #[arg(long, value_name = "L,..", value_delimiter = ',', default_values_t = [0.03, 0.1, 0.3], value_parser = weight)]
    pub lambdas: Vec<f64>,

    /// Codes of further tokenizers without the regularizer: the simple way to easier tokens
    #[arg(long, value_name = "K,..", value_delimiter = ',', value_parser = positive)]
    pub fewer_codes: Vec<usize>,

    /// Seeds 0..N: everything is repeated, intervals need at least 2
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive)]
    pub seeds: usize,

    /// Training steps of a tokenizer, of 32 pictures each
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = positive)]
    pub steps: usize,

    /// Compute for training each model of tokens, in units of 10^9 operations
    #[arg(long, value_name = "GFLOP", default_value_t = 40.0, value_parser = above_zero)]
    pub budget: f64,

    /// Who predicts the latents
    #[arg(long, value_enum, default_value_t = PredictorName::Transformer)]
    pub predictor: PredictorName,

    /// Also write latents, ids and codes of each tokenizer of seed 0, as `tokenize audit` reads them:
    /// tokens.CODES.LAMBDA.safetensors
    #[arg(long)]
    pub write_tokens: bool,

    /// Going on with it.
    #[command(flatten)]
    pub resuming: Resuming,

    /// How the run goes.
    #[command(flatten)]
    pub running: Running,
}

const AFTER: &str = "\
Results in --out: report.html (open this), report.json, runs.csv (every tokenizer and model), SVG
plots; with --write-tokens tokens.CODES.LAMBDA.safetensors.
The same sheet and flags give the same bytes at any number of threads on one machine.
The setting of docs/findings.md, with intervals: tokenize --seeds 5 --fewer-codes 128 (some
minutes of CPU).
More tokens, longer: --patch 4 --steps 2000 --budget 2000. A quick look: tokenize --set digits
--steps 100 --budget 2 (seconds).
Ctrl-C keeps the finished tokenizers, and those in training between two steps, and exits with
130; the same command with --resume continues to the same bytes.
Exit codes: 0 done, 1 bad data or input/output, 2 bad usage, 130 stopped.";

/// What to do instead of training tokenizers.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Look at one's own latents and ids as tokens that a model shall learn
    #[command(max_term_width = 100)]
    Audit(AuditArgs),
}

/// The shipped sheets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Set {
    /// 3,174 colour pictures of 32 x 32
    Emoji,
    /// 1,797 handwritten digits of 8 x 8
    Digits,
}

/// Who predicts the latents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PredictorName {
    /// Two layers of attention, as in the paper
    Transformer,
    /// One hidden layer over the patches left and above
    Mlp,
    /// A linear map of the same
    Linear,
}
