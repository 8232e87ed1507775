//! `score-text`: from texts and a model's perplexities to the documents worth training on. See
//! `score-text --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pauca_examples::run::program(pauca_examples::score_text::run)
}
