//! `prune-layers`: from the hidden states of a model to the layers it can best do without. See
//! `prune-layers --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match pauca_examples::prune_layers::main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            #[allow(clippy::print_stderr, reason = "the one line that says what is wrong")]
            {
                eprintln!("prune-layers: {failure}");
            }
            failure.exit_code()
        }
    }
}
