//! Length.
//!
//! | room | what it holds |
//! |---|---|
//! | [`reference`] | every result beside the reference |
//! | [`pruning`] | cuts by documents, tokens and length; concentration; their edges by name |
//! | [`confound`] | is a score about length; pruning that does not prefer one |

mod confound;
mod pruning;
mod reference;

use pauca::length::{Cut, LengthPruned, LengthPruning, Side};
use pauca_tests::data::Rng;

/// Two roundings of a ratio of exact integers.
const RATIO: f64 = 4.0 * f64::EPSILON;
/// exp of an exact logarithm: the function is right within one unit, the argument within half of
/// one, which exp stretches by the argument's size (below 16 here).
const EXP_ULP: f64 = 16.0 * f64::EPSILON;

/// Lengths with ties, zeros, and some far above the others.
fn some_lengths(rng: &mut Rng) -> Vec<u64> {
    let n = rng.below(40);
    let kind = rng.below(4);
    (0..n)
        .map(|_| match kind {
            0 => rng.below(5) as u64,
            1 => rng.below(1000) as u64,
            2 => (rng.normal() * 2.0).exp() as u64,
            // Forty of them are below 2^64.
            _ => u64::MAX >> (6 + rng.below(58)),
        })
        .collect()
}

fn prune(cut: Cut, side: Side, lengths: &[u64]) -> LengthPruned {
    LengthPruning::new(cut).side(side).select(lengths).unwrap()
}
