//! The command line of `prune-code`.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::flags::{Computing, Drawing, Reading, Resuming, Running, Saving};
use crate::values::{fraction, level, positive, share};

/// Judges and prunes code files by length and by their embeddings: how much the longest hold, which
/// scores are about length in disguise, where corrupted files land, and what to keep.
///
/// Without INPUT it runs on files of the Python standard library shipped with the library and
/// writes out/code.
#[derive(Clone, Debug, Parser)]
#[command(name = "prune-code", version, max_term_width = 100, after_help = AFTER,
          args_conflicts_with_subcommands = true)]
pub struct Args {
    /// Corrupting texts instead.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// The study.
    #[command(flatten)]
    pub study: StudyArgs,
}

/// What else the program does.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Corrupts texts, as JSON lines keyed by id: step 1 of corrupt -> your model -> metrics
    Corrupt(CorruptArgs),
}

/// The flags of the study.
#[derive(Clone, Debug, clap::Args)]
pub struct StudyArgs {
    /// Embeddings of the code files: .npy, .safetensors or .parquet; files, folders or quoted patterns, read in natural
    /// order
    pub input: Vec<PathBuf>,

    /// How embeddings are read.
    #[command(flatten)]
    pub reading: Reading,

    /// Records aligned with the rows: .csv with a header, .jsonl or .parquet [default: the columns of a .parquet INPUT]
    #[arg(help_heading = "Records", long, value_name = "FILE")]
    pub meta: Option<PathBuf>,

    /// Column that names a file
    #[arg(help_heading = "Records", long, value_name = "COLUMN", default_value = "id")]
    pub id_column: String,

    /// Column with the length of a file, such as its tokens
    #[arg(help_heading = "Records", long, value_name = "COLUMN", default_value = "tokens")]
    pub tokens: String,

    /// Column with the perplexity of a file: reported by length
    #[arg(help_heading = "Records", long, value_name = "COLUMN")]
    pub perplexity: Option<String>,

    /// Embeddings of corrupted files, as many values a row as the input
    #[arg(help_heading = "Corruption", long, value_name = "FILE", requires = "corrupted_meta")]
    pub corrupted: Option<PathBuf>,

    /// Records aligned with --corrupted: the same id column, and a column "kind"
    #[arg(help_heading = "Corruption", long, value_name = "FILE", requires = "corrupted")]
    pub corrupted_meta: Option<PathBuf>,

    /// Texts (.jsonl with "id" and "text") of which the report shows some corruptions
    #[arg(help_heading = "Records", long, value_name = "FILE")]
    pub texts: Option<PathBuf>,

    /// What decides which files go
    #[arg(help_heading = "What is kept", long, value_enum, default_value_t = Method::Scip)]
    pub method: Method,

    /// Share to keep: of the files, with --method tokens of the tokens
    #[arg(help_heading = "What is kept", long, value_name = "F", default_value_t = 0.8, allow_negative_numbers = true, value_parser = fraction)]
    pub keep: f64,

    /// scip: share of the pruned files that goes by cluster size
    #[arg(help_heading = "What is kept", long, value_name = "A", default_value_t = 0.8, allow_negative_numbers = true, value_parser = share)]
    pub alpha: f64,

    /// Number of clusters (spherical k-means) [default: square root of the rows, rounded]
    #[arg(help_heading = "Clusters", long, value_name = "K", value_parser = positive)]
    pub clusters: Option<usize>,

    /// Most iterations of the clustering
    #[arg(help_heading = "Clusters", long, value_name = "N", default_value_t = 50)]
    pub max_iter: usize,

    /// Resamples of the bootstrap
    #[arg(help_heading = "Measurement", long, value_name = "N", default_value_t = 1000, value_parser = positive)]
    pub resamples: usize,

    /// Level of the intervals
    #[arg(help_heading = "Measurement", long, value_name = "L", default_value_t = 0.95, allow_negative_numbers = true, value_parser = level)]
    pub level: f64,

    /// What is drawn.
    #[command(flatten)]
    pub drawing: Drawing,

    /// Where it is computed.
    #[command(flatten)]
    pub computing: Computing,

    /// When the state is saved.
    #[command(flatten)]
    pub saving: Saving,

    /// Going on with it.
    #[command(flatten)]
    pub resuming: Resuming,

    /// How the run goes.
    #[command(flatten)]
    pub running: Running,
}

/// The flags of `corrupt`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = CORRUPT_AFTER)]
pub struct CorruptArgs {
    /// Texts: .jsonl, one object a line with an id and a text; - for stdin
    #[arg(default_value = "-")]
    pub input: PathBuf,

    /// Where to write, one object a line; - for stdout
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,

    /// Kinds, by commas: names as listed below, or syntax, content, all
    #[arg(long, value_name = "KIND,...", value_delimiter = ',', required = true)]
    pub kind: Vec<String>,

    /// Share of the places of a kind that are edited; at least one is
    #[arg(long, value_name = "R", default_value_t = 0.1, allow_negative_numbers = true, value_parser = share)]
    pub rate: f64,

    /// Seed; with the id it decides every draw, whatever the order of the texts
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,

    /// The language, or how comments and strings are written where it is none of these
    #[arg(long, value_enum, default_value_t = SyntaxName::Detect)]
    pub syntax: SyntaxName,

    /// Field with the language of a text; goes before --syntax where it names one of its languages
    #[arg(long, value_name = "FIELD")]
    pub language_column: Option<String>,

    /// Field that names a text
    #[arg(long, value_name = "FIELD", default_value = "id")]
    pub id_column: String,

    /// Field that holds it
    #[arg(long, value_name = "FIELD", default_value = "text")]
    pub text_column: String,
}

const AFTER: &str = "\
Results in --out: report.html (open this), report.json, kept.npy, kept_ids.txt, removed.csv, scores.csv, labels.npy, centroids.npy, SVG plots.
The same input, flags and seed give the same bytes at any number of threads.
Corrupted embeddings come from your model: prune-code corrupt --kind all < texts.jsonl > corrupted.jsonl, embed the field text of every line whose field unchanged is null, and pass rows and a table (id, kind) back.
Ctrl-C saves the clustering and exits with 130; the same command with --resume continues to the same bytes.
Exit codes: 0 done, 1 bad data or input/output, 2 bad usage, 130 stopped.
PAUCA_SIMD=scalar|neon|avx2|avxvnni|avx512|avx512vnni|amx forces a SIMD level.";

const CORRUPT_AFTER: &str = "\
Kinds. syntax: closing-brackets, terminators, indentation, renames, conditionals, index-offsets; content: statements, bodies, swapped-lines, comments, truncation.
One object is written for each text and kind: id, kind, family, rate, seed, sites (places where the kind applies), unchanged (null, or why the text is as it was), syntax (the language and what read it, or hash or slashes), edits (start, end, line, removed, inserted; bytes of the original), text.
Texts of a known language are parsed: only names are renamed, and what content kinds leave still parses (statements and bodies become pass, a block is emptied, truncation takes whole statements, swapped-lines exchanges statements of two texts of one language). Without a language, lines and marks are all that is known.
swapped-lines exchanges lines between the 1st and 2nd text, the 3rd and 4th and so on; the field other names the partner.";

/// What decides which files go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// Small clusters, then far from the centroid (Yang et al. 2023)
    Scip,
    /// The longest files (Singh et al. 2024)
    Longest,
    /// The longest files, until a share of the tokens is gone
    Tokens,
    /// Far from the centroid, the same share of every length
    Controlled,
}

/// How comments and strings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SyntaxName {
    /// By the ending of the id, if that is a file name (a.py); else hash or slashes, by the text
    Detect,
    /// No language: # comments, blocks by indentation
    Hash,
    /// No language: // and /* */ comments, blocks by braces
    Slashes,
    /// Python 3
    Python,
    /// Rust
    Rust,
    /// C
    C,
    /// C++
    Cpp,
    /// JavaScript
    Javascript,
    /// TypeScript
    Typescript,
    /// Java
    Java,
    /// Go
    Go,
    /// SQL, without a dialect
    Sql,
    /// Shells of the Bourne family
    Shell,
}
