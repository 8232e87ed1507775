//! The command line of `score-text`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use pauca::quality::{EmptySubset, NoWeight, Pooling, Predicate, Share, Split, Ties, Unit};

use crate::flags::Running;
use crate::values::fraction;

/// Scores documents by how their lines look, weighted by what a language model finds easy, and keeps the best.
///
/// Without INPUT it scores the documentation strings of Python's standard library that ship with the
/// library, by the likelihoods of a small language model, and writes out/text.
#[derive(Clone, Debug, Parser)]
#[command(name = "score-text", version, max_term_width = 100, after_help = AFTER)]
pub struct Args {
    /// Documents: tables (.jsonl, .csv, .parquet), a document a record, or plain text in UTF-8 (see --document); files,
    /// folders or quoted patterns, read in natural order
    pub input: Vec<PathBuf>,

    /// Where the weights come from. A .csv with a row `document,line,tokens,nll` for each line of
    /// INPUT that is not blank (examples/data/make/perplexities.py makes one), or a .json with the
    /// perplexities themselves: {"all": 30.5, "predicates": {"terminal_punctuation": 25.0, ...}}
    #[arg(help_heading = "Weights", long, value_name = "FILE")]
    pub perplexities: Option<PathBuf>,

    /// What the predicates weigh: as --perplexities tell, or all the same, which needs no language model
    /// [default: perplexities; with --pass and without --perplexities equal]
    #[arg(help_heading = "Weights", long, value_enum)]
    pub weights: Option<WeightsName>,

    /// Published document rules that a document has to pass, with commas, whatever its score
    #[arg(help_heading = "What is kept", long, value_enum, value_name = "NAMES", value_delimiter = ',')]
    pub pass: Vec<RulesName>,

    /// Share to keep, of what passes --pass [default: 0.6; with --pass 1]
    #[arg(help_heading = "What is kept", long, value_name = "F", allow_negative_numbers = true, value_parser = fraction)]
    pub keep: Option<f64>,

    /// A share of what
    #[arg(help_heading = "What is kept", long, value_enum, default_value_t = ShareName::Documents)]
    pub share: ShareName,

    /// Which of equally scored documents stay at the cut
    #[arg(help_heading = "What is kept", long, value_enum, default_value_t = TiesName::First)]
    pub ties: TiesName,

    /// What a line is
    #[arg(help_heading = "Text", long, value_enum, default_value_t = SplitName::Lines)]
    pub split: SplitName,

    /// What a line's tokens are, by which it counts in its document
    #[arg(help_heading = "Text", long, value_enum, default_value_t = UnitName::Words)]
    pub unit: UnitName,

    /// How the likelihoods of lines become a perplexity
    #[arg(help_heading = "Weights", long, value_enum, default_value_t = PoolingName::Tokens)]
    pub pooling: PoolingName,

    /// What a predicate weighs that no line passes
    #[arg(help_heading = "Weights", long, value_enum, default_value_t = EmptyName::Zero)]
    pub empty_subset: EmptyName,

    /// What happens when every weight is 0
    #[arg(help_heading = "Weights", long, value_enum, default_value_t = NoWeightName::Error)]
    pub no_weight: NoWeightName,

    /// Predicates to ask, by name or by the paper's name, with commas [default: all ten, or those of the .json]
    #[arg(help_heading = "Weights", long, value_name = "NAMES", value_delimiter = ',', value_parser = predicate)]
    pub predicates: Option<Vec<Predicate>>,

    /// The caller's own answers instead of the predicates': a .npy of bool or uint8 (0 or 1), a row for each
    /// line of INPUT that is not blank, in their order, and a column for each name; 1 where the line is good
    #[arg(
        help_heading = "Weights",
        long,
        value_name = "FILE",
        requires = "matrix_names",
        conflicts_with = "predicates"
    )]
    pub matrix: Option<PathBuf>,

    /// Names of the columns of --matrix, with commas; a .json of --perplexities names the same
    #[arg(help_heading = "Weights", long, value_name = "NAMES", value_delimiter = ',', requires = "matrix")]
    pub matrix_names: Option<Vec<String>>,

    /// Published document rules to report beside the score, with commas; only --pass removes by them
    #[arg(help_heading = "Report", long, value_enum, value_name = "NAMES", value_delimiter = ',',
          default_values_t = [RulesName::Gopher, RulesName::GopherRepetition, RulesName::C4, RulesName::Fineweb])]
    pub rules: Vec<RulesName>,

    /// Column with the text
    #[arg(help_heading = "Text", long, value_name = "COLUMN", default_value = "text")]
    pub text: String,

    /// Column that names a document [default: row numbers]
    #[arg(help_heading = "Text", long = "id-column", alias = "id", value_name = "COLUMN")]
    pub id: Option<String>,

    /// Column by which the report says what was removed
    #[arg(help_heading = "Text", long, value_name = "COLUMN")]
    pub by: Option<String>,

    /// What a document is in plain text [default: paragraphs]
    #[arg(help_heading = "Text", long, value_enum)]
    pub document: Option<DocumentName>,

    /// Write the tables of INPUT again without the removed documents: the same files, columns, order and compression,
    /// in filtered/
    #[arg(help_heading = "Output", long)]
    pub write_filtered: bool,

    /// How the run goes.
    #[command(flatten)]
    pub running: Running,
}

impl Args {
    /// The share to keep of what passes `--pass`.
    pub fn share_to_keep(&self) -> f64 {
        self.keep.unwrap_or(if self.pass.is_empty() { 0.6 } else { 1.0 })
    }

    /// What the predicates weigh.
    pub fn weights_name(&self) -> WeightsName {
        let equal = !self.pass.is_empty() && self.perplexities.is_none();
        self.weights.unwrap_or(if equal { WeightsName::Equal } else { WeightsName::Perplexities })
    }
}

const AFTER: &str = "\
Results in --out: report.html (open this), report.json, scores.csv (id, score, tokens, lines, kept; with --pass the rule that a document fails), kept_ids.txt, SVG plots.\nRules alone: score-text INPUT --pass gopher,c4 --write-filtered --out DIR keeps all that passes.
The same input and flags give the same bytes on every machine, at any number of threads.
Ctrl-C stops and exits with 130; nothing is written.
Exit codes: 0 done, 1 bad data or input/output, 2 bad usage, 130 stopped.";

/// Where the weights come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WeightsName {
    /// From the perplexities of a language model
    Perplexities,
    /// All are equal
    Equal,
}

/// [`Share`] by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShareName {
    /// Of the documents
    Documents,
    /// Of the tokens
    Tokens,
}

/// [`Ties`] by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TiesName {
    /// Those that come first in the input, so that the share is met
    First,
    /// All of them
    Together,
}

/// [`Split`] by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SplitName {
    /// What stands between line breaks
    Lines,
    /// Sentences (Unicode Standard Annex 29)
    Sentences,
}

/// [`Unit`] by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum UnitName {
    /// Words (Unicode Standard Annex 29)
    Words,
    /// Pieces between white space
    Whitespace,
    /// Characters other than white space
    Characters,
}

/// [`Pooling`] by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PoolingName {
    /// The perplexity of all their tokens together
    Tokens,
    /// The mean of the lines' perplexities
    Lines,
}

/// [`EmptySubset`] by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EmptyName {
    /// Nothing
    Zero,
    /// It is an error
    Error,
}

/// [`NoWeight`] by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NoWeightName {
    /// It is an error
    Error,
    /// Every line scores 1
    Ones,
}

/// Presets of [published rules](super::presets::Preset) by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RulesName {
    /// Gopher's quality filter (Rae et al. 2021)
    Gopher,
    /// Gopher's repetition filter (Rae et al. 2021)
    GopherRepetition,
    /// C4's rules for pages by the paper (Raffel et al. 2020): a curly bracket anywhere fails a page, and sentences are
    /// counted in the page as it is
    C4,
    /// C4's rules by its program (clean_page of tensorflow_datasets, 2020 to 4.9.9 of 2025): lines that are no sentences
    /// are left out first, and what is left fails with a {, or fewer than three sentences; the text itself stays whole
    C4Released,
    /// FineWeb's filters by the paper (Penedo et al. 2024)
    Fineweb,
    /// FineWeb's filters by the program of its release (datatrove 0.2.0, 2024-04)
    FinewebReleased,
    /// No rules
    None,
}

/// What a document of plain text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DocumentName {
    /// The whole file
    Whole,
    /// What stands between blank lines
    Paragraphs,
    /// A line
    Lines,
}

impl From<ShareName> for Share {
    fn from(name: ShareName) -> Self {
        if name == ShareName::Documents { Self::Documents } else { Self::Tokens }
    }
}
impl From<TiesName> for Ties {
    fn from(name: TiesName) -> Self {
        if name == TiesName::First { Self::LowerId } else { Self::Together }
    }
}
impl From<SplitName> for Split {
    fn from(name: SplitName) -> Self {
        if name == SplitName::Lines { Self::Lines } else { Self::Sentences }
    }
}
impl From<UnitName> for Unit {
    fn from(name: UnitName) -> Self {
        match name {
            UnitName::Words => Self::Words,
            UnitName::Whitespace => Self::Whitespace,
            UnitName::Characters => Self::Characters,
        }
    }
}
impl From<PoolingName> for Pooling {
    fn from(name: PoolingName) -> Self {
        if name == PoolingName::Tokens { Self::Tokens } else { Self::Lines }
    }
}
impl From<EmptyName> for EmptySubset {
    fn from(name: EmptyName) -> Self {
        if name == EmptyName::Zero { Self::Zero } else { Self::Error }
    }
}
impl From<NoWeightName> for NoWeight {
    fn from(name: NoWeightName) -> Self {
        if name == NoWeightName::Error { Self::Error } else { Self::Ones }
    }
}

fn predicate(text: &str) -> Result<Predicate, String> {
    Predicate::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = Predicate::ALL.iter().map(|p| p.name()).collect();
        format!("no such predicate; there are {}", names.join(", "))
    })
}
