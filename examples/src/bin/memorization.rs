//! `memorization`: how fast models learn their training text by heart. See `memorization --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pauca_examples::run::program(pauca_examples::memorization::run)
}
