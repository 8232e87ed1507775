//! What `score-text` runs on when nothing is named.

use std::path::PathBuf;

use super::args::{Args, WeightsName};
use crate::failure::{Failure, Result};
use crate::shipped;

/// `args` with the documentation strings and their likelihoods where no input is named.
///
/// # Errors
/// [`Failure::Usage`] when the shipped data is not where the program was built, or an input comes
/// without perplexities.
pub fn fill(mut args: Args) -> Result<Args> {
    if args.input.is_empty() {
        let [texts, likelihoods] =
            shipped::files("INPUT is", ["docstrings.jsonl", "docstrings-likelihoods.csv"])?;
        args.input = vec![texts];
        args.running.out = args.running.out.or_else(|| Some(PathBuf::from("out/text")));
        if args.weights_name() == WeightsName::Perplexities || args.weights.is_none() {
            args.perplexities = args.perplexities.or(Some(likelihoods));
        }
        args.id = args.id.or_else(|| Some("id".into()));
        args.by = args.by.or_else(|| Some("kind".into()));
    }
    args.running.name_out(&args.input, &[args.perplexities.as_deref(), args.matrix.as_deref()]);
    match (args.weights_name(), &args.perplexities) {
        (WeightsName::Equal, Some(_)) => {
            Err(Failure::usage("--weights equal needs no --perplexities: leave one of them"))
        }
        (WeightsName::Perplexities, None) => Err(Failure::usage(
            "--perplexities FILE is needed: the weights come from a language model's perplexities \
             (examples/data/make/perplexities.py makes such a file); --weights equal goes without, --pass RULES filters by published rules",
        )),
        _ => Ok(args),
    }
}
