//! What `score-text` runs on when nothing is named.

use std::path::PathBuf;

use super::args::Args;
use crate::failure::{Failure, Result};
use crate::shipped;

/// `args` with the documentation strings and their likelihoods where no input is named.
///
/// # Errors
/// [`Failure::Usage`] when the shipped data is not where the program was built, or an input comes
/// without perplexities.
pub fn fill(mut args: Args) -> Result<Args> {
    if args.input.is_none() {
        let [texts, likelihoods] =
            shipped::files("INPUT is", ["docstrings.jsonl", "docstrings-likelihoods.csv"])?;
        args.input = Some(texts);
        args.running.out = args.running.out.or_else(|| Some(PathBuf::from("out/text")));
        args.perplexities = args.perplexities.or(Some(likelihoods));
        args.id = args.id.or_else(|| Some("id".into()));
        args.by = args.by.or_else(|| Some("kind".into()));
    }
    if args.perplexities.is_none() {
        return Err(Failure::usage(
            "--perplexities FILE is needed: the weights come from a language model's perplexities \
             (examples/data/make/perplexities.py makes such a file)",
        ));
    }
    Ok(args)
}
