//! The command line of `curate`.

use std::path::PathBuf;

use clap::{ArgAction, Parser, ValueEnum};

use crate::flags::{Drawing, Resuming, Running, Saving};
use crate::values::{above_zero, epsilon, fraction, positive, share};

/// Chooses the rows of an embedding file that are worth training on, exactly and reproducibly.
///
/// Without INPUT it runs on the emoji pictures shipped with the library and writes out/emoji.
#[derive(Clone, Debug, Parser)]
#[command(name = "curate", version, max_term_width = 100, after_help = AFTER)]
pub struct Args {
    /// Embeddings [rows, values]: .npy (f32, f16) or .safetensors (f32, f16, bf16), memory-mapped.
    /// Leave the file as it is while the program runs
    pub input: Option<PathBuf>,

    /// What to do
    #[arg(long, value_enum, default_value_t = Method::D4)]
    pub method: Method,

    /// Number of clusters [default: square root of the rows, rounded]
    #[arg(long, value_name = "K", value_parser = positive)]
    pub clusters: Option<usize>,

    /// Cluster by direction (cosine)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value_t = true, action = ArgAction::Set, value_name = "true|false", conflicts_with = "euclidean")]
    pub spherical: bool,

    /// Cluster by squared Euclidean distance; the same as --spherical=false
    #[arg(long)]
    pub euclidean: bool,

    /// Most iterations of each clustering
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub max_iter: usize,

    /// First centroids: random, k-means++, or a .npy file [K, values]
    #[arg(long, value_name = "random|k-means++|FILE", default_value = "k-means++")]
    pub init: String,

    /// semdedup: a row goes when its similarity to its witness exceeds 1 - E
    #[arg(long, value_name = "E", allow_negative_numbers = true, value_parser = epsilon, conflicts_with = "keep")]
    pub epsilon: Option<f64>,

    /// Share of the input to keep [default: 0.5; scip: 0.8]
    #[arg(long, value_name = "F", allow_negative_numbers = true, value_parser = fraction)]
    pub keep: Option<f64>,

    /// d4: share of the input that deduplication leaves [default: 0.75, or --keep where larger]
    #[arg(long, value_name = "F", allow_negative_numbers = true, value_parser = fraction)]
    pub dedup_keep: Option<f64>,

    /// dbp: how evenly clusters share what is kept, in units of complexity (a product of two distances);
    /// the smaller, the more go to wide clusters that lie apart [default: 0.5; with --euclidean none]
    #[arg(long, value_name = "T", allow_negative_numbers = true, value_parser = above_zero)]
    pub temperature: Option<f64>,

    /// scip: share of the removed rows that goes by the size of their cluster [default: 0.8]
    #[arg(long, value_name = "A", allow_negative_numbers = true, value_parser = share)]
    pub alpha: Option<f64>,

    /// semdedup: which rows are duplicates [default: earlier-max]
    #[arg(long, value_enum)]
    pub rule: Option<RuleName>,

    /// Which rows to prefer to keep; hard rows lie far from their centroid [default: hard]
    #[arg(long, value_enum)]
    pub order: Option<OrderName>,

    /// semdedup: whether a similarity of exactly 1 - E removes (ge) or not (gt) [default: gt]
    #[arg(long, value_enum)]
    pub boundary: Option<BoundaryName>,

    /// What is drawn.
    #[command(flatten)]
    pub drawing: Drawing,

    /// Read the input in blocks of N rows, as if it did not fit into memory; never changes a result
    #[arg(long, value_name = "N", value_parser = positive)]
    pub block_rows: Option<usize>,

    /// The tensor of a .safetensors file [default: the only 2-D one]
    #[arg(long, value_name = "NAME")]
    pub tensor: Option<String>,

    /// Records aligned with the rows: .csv with a header, .jsonl, or .txt (column "text")
    #[arg(long, value_name = "FILE")]
    pub meta: Option<PathBuf>,

    /// Column of --meta that identifies a row [default: row numbers]
    #[arg(long, value_name = "COLUMN", requires = "meta")]
    pub id_column: Option<String>,

    /// Column of --meta shown in the report
    #[arg(long, value_name = "COLUMN", requires = "meta")]
    pub text: Option<String>,

    /// Pictures for the report: a PNG sheet of square tiles, row by row, or a column of --meta with file names
    #[arg(long, value_name = "SHEET|COLUMN")]
    pub images: Option<String>,

    /// Pixels along the side of a tile of the sheet
    #[arg(long, value_name = "PIXELS", default_value_t = 32, value_parser = positive)]
    pub image_size: usize,

    /// Write the kept rows too, in the type of the input
    #[arg(long)]
    pub write_filtered: bool,

    /// Say what would be done, with sizes and rough cost, and do nothing
    #[arg(long)]
    pub plan: bool,

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

const AFTER: &str = "\
Results in --out, always: report.html (open this), report.json, labels.npy, centroids.npy,
distance.npy, plots.
All methods but kmeans: kept.npy, removed.csv, and kept_ids.txt where rows have ids. removed.csv
gives the stage that removed a row (duplicate, prototypical, small-cluster, far) and the witness
of a duplicate.
Further: similarity.npy (d4, semdedup), labels2.npy and centroids2.npy (d4), clusters.csv (dbp).
The same input, flags and seed give the same bytes on every machine, at any number of threads.
Ctrl-C saves the state and exits with 130; the same command with --resume continues to the same
bytes.
Exit codes: 0 done, 1 bad data or input/output, 2 bad usage, 130 stopped.
PAUCA_SIMD=scalar|neon|avx2|avxvnni|avx512|avx512vnni forces a SIMD level.";

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Method {
    /// Deduplicate, cluster again, drop the most prototypical rows (Tirumala et al. 2023)
    D4,
    /// Remove semantic duplicates within clusters (Abbas et al. 2023)
    Semdedup,
    /// Drop the rows nearest to their centroid (Sorscher et al. 2022)
    Prototypes,
    /// Drop the rows of the smallest clusters, then those farthest from their centroid (Yang et al. 2023)
    Scip,
    /// Give each cluster a quota by its spread, keep its farthest rows (Abbas et al. 2024)
    Dbp,
    /// Only cluster
    Kmeans,
}

/// Which rows are duplicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RuleName {
    /// Too similar to any earlier row of the cluster, as published
    EarlierMax,
    /// Too similar to an earlier row that is kept
    GreedyCover,
}

/// Which rows to prefer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OrderName {
    /// Far from the centroid
    Hard,
    /// Near the centroid
    Easy,
    /// Drawn by the seed
    Random,
}

/// What a similarity exactly at the threshold means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BoundaryName {
    /// Not a duplicate
    Gt,
    /// A duplicate
    Ge,
}
