//! Flags that mean the same in every program: stated once, flattened into a program's own.

use std::path::PathBuf;

use crate::progress::Style;
use crate::values::positive;

/// How a run goes and where it writes; nothing here changes a result.
#[derive(Clone, Debug, clap::Args)]
pub struct Running {
    /// Folder for the results
    #[arg(long, value_name = "DIR", display_order = 0)]
    pub out: Option<PathBuf>,

    /// Threads; never changes a result [default: all cores]
    #[arg(long, value_name = "T", value_parser = positive)]
    pub threads: Option<usize>,

    /// Replace a finished run of other settings in --out
    #[arg(long)]
    pub overwrite: bool,

    /// How to show progress, on stderr
    #[arg(long, value_enum, default_value_t = Style::Auto)]
    pub progress: Style,
}

/// Flags of programs that save their state.
#[derive(Clone, Debug, clap::Args)]
pub struct Resuming {
    /// Continue a stopped run in --out; from the beginning where none is
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
}

/// Flags of programs whose state may be saved in between.
#[derive(Clone, Debug, clap::Args)]
pub struct Saving {
    /// Save the state every N iterations (0: only when stopped)
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub checkpoint_every: usize,
}

/// Flags of programs that draw.
#[derive(Clone, Debug, clap::Args)]
pub struct Drawing {
    /// Seed of everything that is drawn
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
}

/// The name of a choice, as on the command line.
pub trait Named {
    /// The name.
    fn name(&self) -> String;
}

impl<T: clap::ValueEnum> Named for T {
    fn name(&self) -> String {
        self.to_possible_value().map_or(String::new(), |value| value.get_name().to_string())
    }
}
