//! `prune-code`: length, corruption and pruning of code files by their embeddings. See
//! `prune-code --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match pauca_examples::prune_code::main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            #[allow(clippy::print_stderr, reason = "the one line that says what is wrong")]
            {
                eprintln!("prune-code: {failure}");
            }
            failure.exit_code()
        }
    }
}
