//! `filter-pairs`: which image-text pairs to keep, and how well the scores tell. See `filter-pairs --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match pauca_examples::pairs::main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            #[allow(clippy::print_stderr, reason = "the one line that says what is wrong")]
            {
                eprintln!("filter-pairs: {failure}");
            }
            failure.exit_code()
        }
    }
}
