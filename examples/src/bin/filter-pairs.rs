//! `filter-pairs`: which image-text pairs to keep, and how well the scores tell. See `filter-pairs --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pauca_examples::run::program(pauca_examples::pairs::run)
}
