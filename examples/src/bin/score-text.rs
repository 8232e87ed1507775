//! `score-text`: from texts and a model's perplexities to the documents worth training on. See
//! `score-text --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match pauca_examples::score_text::main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            #[allow(clippy::print_stderr, reason = "the one line that says what is wrong")]
            {
                eprintln!("score-text: {failure}");
            }
            failure.exit_code()
        }
    }
}
