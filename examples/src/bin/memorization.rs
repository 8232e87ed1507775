//! `memorization`: how fast models learn their training text by heart. See `memorization --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match pauca_examples::memorization::main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            #[allow(clippy::print_stderr, reason = "the one line that says what is wrong")]
            {
                eprintln!("memorization: {failure}");
            }
            failure.exit_code()
        }
    }
}
