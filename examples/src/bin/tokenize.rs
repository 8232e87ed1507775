//! `tokenize`: tokenizers of pictures with and without causal regularization. See `tokenize --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pauca_examples::run::program(pauca_examples::tokenize::run)
}
