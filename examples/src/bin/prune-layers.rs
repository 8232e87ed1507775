//! `prune-layers`: from the hidden states of a model to the layers it can best do without. See
//! `prune-layers --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pauca_examples::run::program(pauca_examples::prune_layers::run)
}
