//! `curate`: from a file of embeddings to the rows worth training on. See `curate --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pauca_examples::run::program(pauca_examples::curate::run)
}
