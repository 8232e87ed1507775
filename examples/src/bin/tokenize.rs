//! `tokenize`: tokenizers of pictures with and without causal regularisation. See `tokenize --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match pauca_examples::tokenize::main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            #[allow(clippy::print_stderr, reason = "the one line that says what is wrong")]
            {
                eprintln!("tokenize: {failure}");
            }
            failure.exit_code()
        }
    }
}
