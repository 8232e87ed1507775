//! The command line of `filter-pairs`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use pauca::Boundary;
use pauca::alignment::{ClipScore, ZeroRows};

use crate::flags::{Drawing, Reading, Running};
use crate::values::{finite, fraction, positive, two};

/// Scores image-text pairs by the cosine of their embeddings, keeps the best, and says how well the scores tell
/// true pairs from wrong ones.
///
/// Row i of IMAGES and row i of TEXTS are a pair, embedded in one space. Without them it runs on the emoji pictures and
/// names shipped with the library and writes out/pairs; the space of those is a linear map learned on other emoji, which
/// stands in for a CLIP.
#[derive(Clone, Debug, Parser)]
#[command(name = "filter-pairs", version, max_term_width = 100, after_help = AFTER)]
pub struct Args {
    /// Embeddings of the images: .npy, .safetensors or .parquet; a file, a folder or a quoted pattern, read in natural
    /// order; alone, a folder with img_emb/ and text_emb/. Leave the files as they are while the program runs
    pub images: Option<PathBuf>,

    /// Embeddings of the texts, of the same shape
    pub texts: Option<PathBuf>,

    /// What a score is: survey is the cosine, hessel 2.5 max(cosine, 0)
    #[arg(help_heading = "What is kept", long, value_enum, default_value_t = Preset::Survey)]
    pub preset: Preset,

    /// Keep this share of the pairs, exactly; of equal scores at the cut the lower row stays [default: 0.3]
    #[arg(help_heading = "What is kept", long, value_name = "F", allow_negative_numbers = true, value_parser = fraction, conflicts_with = "threshold")]
    pub keep: Option<f64>,

    /// Keep the pairs that score at least this
    #[arg(help_heading = "What is kept", long, value_name = "T", allow_negative_numbers = true, value_parser = finite)]
    pub threshold: Option<f64>,

    /// Whether a score of exactly the threshold stays (ge) or not (gt)
    #[arg(help_heading = "What is kept", long, value_enum, default_value_t = BoundaryName::Ge, requires = "threshold")]
    pub boundary: BoundaryName,

    /// How embeddings are read.
    #[command(flatten)]
    pub reading: Reading,

    /// Records aligned with the rows: .csv with a header, .jsonl, .parquet, or .txt (column "text")
    #[arg(help_heading = "Records", long, value_name = "FILE")]
    pub meta: Option<PathBuf>,

    /// Column that names a pair in the report
    #[arg(help_heading = "Records", long = "id-column", alias = "name", value_name = "COLUMN")]
    pub name: Option<String>,

    /// Column whose equal values say that rows belong together: several texts of one picture, which is that of the
    /// first of them. A text of the same picture is then no wrong answer
    #[arg(help_heading = "Records", long, value_name = "COLUMN")]
    pub group: Option<String>,

    /// Use only the rows whose COLUMN is VALUE, such as those that no model was fitted on
    #[arg(help_heading = "Records", long, value_name = "COLUMN=VALUE")]
    pub only: Option<String>,

    /// Pictures for the report: a PNG sheet of square tiles, row by row, or a column with file names or bytes
    #[arg(help_heading = "Records", long = "images", alias = "pictures", value_name = "SHEET|COLUMN")]
    pub pictures: Option<String>,

    /// Pixels along the side of a tile of the sheet
    #[arg(help_heading = "Records", long = "image-size", alias = "picture-size", value_name = "PIXELS", default_value_t = 32, value_parser = positive)]
    pub picture_size: usize,

    /// What to do with embeddings that are all zeros
    #[arg(help_heading = "What is kept", long, value_enum, default_value_t = ZeroName::Refuse)]
    pub zero_rows: ZeroName,

    /// Measure AUC and retrieval on at most N pairs, drawn by the seed: R@k depends on the number of candidates
    #[arg(help_heading = "Measurement", long, value_name = "N", default_value_t = 5000, value_parser = two)]
    pub evaluate: usize,

    /// Resamples of the intervals
    #[arg(help_heading = "Measurement", long, value_name = "N", default_value_t = 1000, value_parser = positive)]
    pub resamples: usize,

    /// What is drawn.
    #[command(flatten)]
    pub drawing: Drawing,

    /// How the run goes.
    #[command(flatten)]
    pub running: Running,
}

const AFTER: &str = "\
Results in --out: report.html (open this), report.json, kept.npy (row numbers, u64), scores.npy (f64, NaN for rows that --only leaves out), removed.csv (row, name, score), scores.svg.
The same input, flags and seed give the same bytes on every machine, at any number of threads.
Exit codes: 0 done, 1 bad data or input/output, 2 bad usage, 130 stopped (nothing is written then).";

/// What a score is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// The cosine (Bordes et al. 2024)
    Survey,
    /// 2.5 max(cosine, 0) (Hessel et al. 2021)
    Hessel,
}

impl Preset {
    /// What its numbers are.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Survey => "cosine of picture and text",
            Self::Hessel => "2.5 max(cosine, 0) of picture and text",
        }
    }

    /// The library's value of this choice.
    pub fn score(self, zero: ZeroName) -> ClipScore {
        let score = match self {
            Self::Survey => ClipScore::survey(),
            Self::Hessel => ClipScore::hessel(),
        };
        score.zero_rows(match zero {
            ZeroName::Refuse => ZeroRows::Refuse,
            ZeroName::Zero => ZeroRows::Zero,
        })
    }
}

/// What a score exactly at the threshold means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BoundaryName {
    /// It goes
    Gt,
    /// It stays
    Ge,
}

impl BoundaryName {
    /// The library's value of this choice.
    pub fn of(self) -> Boundary {
        match self {
            Self::Gt => Boundary::Gt,
            Self::Ge => Boundary::Ge,
        }
    }
}

/// What embeddings of zeros mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ZeroName {
    /// An error
    Refuse,
    /// Cosine 0
    Zero,
}
