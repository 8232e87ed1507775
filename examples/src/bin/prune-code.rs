//! `prune-code`: length, corruption and pruning of code files by their embeddings. See
//! `prune-code --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pauca_examples::run::program(pauca_examples::prune_code::run)
}
