//! `curate`: from a file of embeddings to the rows worth training on. See `curate --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match pauca_examples::curate::main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            #[allow(clippy::print_stderr, reason = "the one line that says what is wrong")]
            {
                eprintln!("curate: {failure}");
            }
            failure.exit_code()
        }
    }
}
