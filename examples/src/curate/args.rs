//! The command line of `curate`.

use std::path::PathBuf;

use clap::{ArgAction, Parser, ValueEnum};

use crate::flags::{Computing, Drawing, Reading, Resuming, Running, Saving};
use crate::values::{above_zero, epsilon, fraction, positive, share, tolerance};

/// Chooses the rows of an embedding file that are worth training on, exactly and reproducibly.
///
/// Without INPUT it runs on the emoji pictures shipped with the library and writes out/emoji.
#[derive(Clone, Debug, Parser)]
#[command(name = "curate", version, max_term_width = 100, after_help = AFTER)]
pub struct Args {
    /// Embeddings: .npy (f32, f16), .safetensors (f32, f16, bf16) or .parquet (lists of f32, f16); files, folders
    /// or quoted patterns, read in natural order (part-2 before part-10). Leave them as they are while the program
    /// runs
    pub input: Vec<PathBuf>,

    /// What to do
    #[arg(long, value_enum, default_value_t = Method::D4)]
    pub method: Method,

    /// Number of clusters [default: square root of the rows, rounded]
    #[arg(help_heading = "Clusters", long, value_name = "K", value_parser = positive)]
    pub clusters: Option<usize>,

    /// Cluster by direction (cosine)
    #[arg(help_heading = "Clusters", long, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          default_value_t = true, action = ArgAction::Set, value_name = "true|false", conflicts_with = "euclidean")]
    pub spherical: bool,

    /// Cluster by squared Euclidean distance; the same as --spherical=false
    #[arg(help_heading = "Clusters", long)]
    pub euclidean: bool,

    /// Most iterations of each clustering
    #[arg(help_heading = "Clusters", long, value_name = "N", default_value_t = 20)]
    pub max_iter: usize,

    /// First centroids: random, k-means++, or a .npy file [K, values]
    #[arg(
        help_heading = "Clusters",
        long,
        value_name = "random|k-means++|FILE",
        default_value = "k-means++"
    )]
    pub init: String,

    /// Also stop a clustering when the squared distances that its centroids moved sum to T or less; not with d4
    /// [default: 0, until no row changes its cluster]
    #[arg(help_heading = "Clusters", long, value_name = "T", allow_negative_numbers = true, value_parser = tolerance)]
    pub tolerance: Option<f64>,

    /// What happens to a cluster that loses all its rows; not with d4 [default: relocate]
    #[arg(help_heading = "Clusters", long, value_enum)]
    pub empty_clusters: Option<EmptyName>,

    /// Column with the weight of each row in the clustering, a number of at least 0: a row of weight 2 counts as two
    /// rows, one of weight 0 moves no centroid. Weights choose no rows by themselves; not with d4
    #[arg(help_heading = "Clusters", long, value_name = "COLUMN")]
    pub weights: Option<String>,

    /// semdedup: a row goes when its similarity to its witness exceeds 1 - E [default: 0.05, unless --keep is given]
    #[arg(help_heading = "What is kept", long, value_name = "E", allow_negative_numbers = true, value_parser = epsilon, conflicts_with = "keep")]
    pub epsilon: Option<f64>,

    /// Share of the input to keep [default: 0.5; scip: 0.8; semdedup: what --epsilon leaves]
    #[arg(help_heading = "What is kept", long, value_name = "F", allow_negative_numbers = true, value_parser = fraction)]
    pub keep: Option<f64>,

    /// d4, prototypes: share of the input's tokens to keep, instead of --keep: rows stay in the order of preference
    /// while the tokens in the column --tokens fit
    #[arg(help_heading = "What is kept", long, value_name = "F", allow_negative_numbers = true, value_parser = fraction, requires = "tokens",
          conflicts_with = "keep")]
    pub keep_tokens: Option<f64>,

    /// d4: share of the input that deduplication leaves [default: 0.75, or --keep where larger]
    #[arg(help_heading = "What is kept", long, value_name = "F", allow_negative_numbers = true, value_parser = fraction)]
    pub dedup_keep: Option<f64>,

    /// dbp: how evenly clusters share what is kept, in units of complexity (a product of two distances);
    /// the smaller, the more go to wide clusters that lie apart [default: 0.5; with --euclidean none]
    #[arg(help_heading = "What is kept", long, value_name = "T", allow_negative_numbers = true, value_parser = above_zero)]
    pub temperature: Option<f64>,

    /// dbp: how many of the nearest other centroids the distance of a cluster is a mean over [default: 20]
    #[arg(help_heading = "What is kept", long, value_name = "N", value_parser = positive)]
    pub neighbours: Option<usize>,

    /// dbp: share of an even split that every cluster keeps, if it has more rows than that [default: 0.5]
    #[arg(help_heading = "What is kept", long, value_name = "F", allow_negative_numbers = true, value_parser = share)]
    pub least: Option<f64>,

    /// d4, prototypes: whether a row is ranked among all rows, or among those of its cluster, of which each keeps the
    /// same share [default: global]
    #[arg(help_heading = "What is kept", long, value_enum)]
    pub scope: Option<ScopeName>,

    /// semdedup: as the published pseudo-code to the letter, where similarities below 0 and those of the first rows of
    /// clusters count as 0, and equally easy rows go in descending order. dbp: as the published code, where clusters
    /// without rows count in the shares of all
    #[arg(help_heading = "What is kept", long)]
    pub published: bool,

    /// scip: share of the removed rows that goes by the size of their cluster [default: 0.8]
    #[arg(help_heading = "What is kept", long, value_name = "A", allow_negative_numbers = true, value_parser = share)]
    pub alpha: Option<f64>,

    /// semdedup: which rows are duplicates [default: earlier-max]
    #[arg(help_heading = "What is kept", long, value_enum)]
    pub rule: Option<RuleName>,

    /// Which rows to prefer to keep: hard (far from their centroid), easy, random, first (in the input), or those
    /// with the greatest value of a column, such as the newest or longest (COLUMN:asc: the least) [default: hard]
    #[arg(help_heading = "What is kept", long, value_name = "ORDER|COLUMN[:asc]")]
    pub order: Option<String>,

    /// semdedup: whether a similarity of exactly 1 - E removes (ge) or not (gt) [default: gt]
    #[arg(help_heading = "What is kept", long, value_enum)]
    pub boundary: Option<BoundaryName>,

    /// What is drawn.
    #[command(flatten)]
    pub drawing: Drawing,

    /// Read the input in blocks of N rows, as if it did not fit into memory; never changes a result
    #[arg(help_heading = "Input", long, value_name = "N", value_parser = positive)]
    pub block_rows: Option<usize>,

    /// How embeddings are read.
    #[command(flatten)]
    pub reading: Reading,

    /// Only these rows of the input: a .npy of row numbers, such as the kept.npy of an earlier run on it. Arrays of
    /// results have a value for each of these rows; lists of rows have the numbers of the input
    #[arg(help_heading = "Input", long, value_name = "FILE")]
    pub rows: Option<PathBuf>,

    /// Records aligned with the rows: .csv with a header, .jsonl, .parquet, or .txt (column "text"); a file, a folder
    /// or a quoted pattern [default: the columns of a .parquet INPUT, or metadata/ beside img_emb/]
    #[arg(help_heading = "Records", long, value_name = "FILE")]
    pub meta: Option<PathBuf>,

    /// Column that names a row [default: row numbers]
    #[arg(help_heading = "Records", long, value_name = "COLUMN")]
    pub id_column: Option<String>,

    /// Column shown in the report
    #[arg(help_heading = "Records", long, value_name = "COLUMN")]
    pub text: Option<String>,

    /// Column by which the report says how much of each group went, such as a source or a language
    #[arg(help_heading = "Records", long, value_name = "COLUMN")]
    pub by: Option<String>,

    /// Column with the tokens of a row: the report says how many stay
    #[arg(help_heading = "Records", long, value_name = "COLUMN")]
    pub tokens: Option<String>,

    /// Pictures for the report: a PNG sheet of square tiles, row by row, or a column with file names or bytes
    #[arg(help_heading = "Records", long, value_name = "SHEET|COLUMN")]
    pub images: Option<String>,

    /// Pixels along the side of a tile of the sheet
    #[arg(help_heading = "Records", long, value_name = "PIXELS", default_value_t = 32, value_parser = positive)]
    pub image_size: usize,

    /// Write the input again without the removed rows, and the records beside it: the same files, columns, order
    /// and compression, in filtered/
    #[arg(help_heading = "Output", long)]
    pub write_filtered: bool,

    /// Write kept_uids.npy, DataComp's list of what is kept; ids must be its uids (32 hexadecimal digits)
    #[arg(help_heading = "Output", long, requires = "id_column")]
    pub write_uids: bool,

    /// Say what would be done, with time, memory, disk and a suggested number of clusters from a probe of the rows, and
    /// write nothing
    #[arg(help_heading = "Output", long)]
    pub plan: bool,

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

const AFTER: &str = "\
Results in --out, always: report.html (open this), report.json, labels.npy, centroids.npy, distance.npy, plots.
All methods but kmeans: kept.npy, kept.csv, kept.parquet, removed.csv, removed.parquet, and kept_ids.txt where rows have ids. The tables of removed rows give the stage that removed a row (duplicate, prototypical, small-cluster, far), why, and the witness of a duplicate.
Further: similarity.npy and witness.npy (d4, semdedup; row number, 2^64 - 1 for none), labels2.npy and centroids2.npy (d4), clusters.csv (dbp).
The same input, flags and seed give the same bytes on every machine, at any number of threads.
Ctrl-C saves the state and exits with 130; the same command with --resume continues to the same bytes.
Exit codes: 0 done, 1 bad data or input/output, 2 bad usage, 130 stopped.
PAUCA_SIMD=scalar|neon|avx2|avxvnni|avx512|avx512vnni|amx forces a SIMD level.";

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

/// The rows among which a row is ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScopeName {
    /// All rows
    Global,
    /// Those of its cluster
    PerCluster,
}

/// What happens to a cluster that loses all its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EmptyName {
    /// It gets the row that is farthest from its centroid
    Relocate,
    /// It keeps its centroid and may win rows again
    Keep,
}

/// What a similarity exactly at the threshold means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BoundaryName {
    /// Not a duplicate
    Gt,
    /// A duplicate
    Ge,
}
