//! Exposure of a canary, counterfactual memorization of an example.

use crate::check;
use crate::error::Result;
use crate::exact;

/// log2 |R| - log2 rank, bits: how far a secret of rank `rank` among the `space` candidates, ordered
/// by perplexity, is ahead of guessing.
///
/// *Source*: Carlini et al. 2019 (The secret sharer), definition of exposure. Rank 1 gives
/// log2 |R|, rank |R| gives 0. Tier B, within 2 units of the larger logarithm.
///
/// # Errors
/// [`InvalidParameter`](crate::Error::InvalidParameter) unless 1 <= rank <= space.
/// # Example
/// ```
/// assert_eq!(pauca::memorization::exposure(1, 1024)?, 10.0);
/// assert_eq!(pauca::memorization::exposure(1024, 1024)?, 0.0);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn exposure(rank: u64, space: u64) -> Result<f64> {
    let expected = "from 1 to the number of candidates";
    check::parameter("rank", rank as f64, expected, (1..=space).contains(&rank))?;
    Ok(libm::log2(space as f64) - libm::log2(rank as f64))
}

/// Exposure estimated from a sample of candidates, bits: -log2 ((1 + c) / (1 + n)), c of the n
/// sampled candidates having a loss at most that of the secret.
///
/// *Source*: Carlini et al. 2019, approximation by sampling. The added 1 counts the secret itself:
/// without it a sample that the secret beats gives infinity. At most log2 (n + 1). Tier B.
///
/// # Errors
/// [`Empty`](crate::Error::Empty) for no sample, [`NonFinite`](crate::Error::NonFinite) for a NaN.
/// # Example
/// ```
/// let sampled = [3.0, 2.5, 2.0, 4.0, 1.0, 6.0, 7.0];
/// assert_eq!(pauca::memorization::sampled_exposure(1.0, &sampled)?, 2.0); // a tie counts against it
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn sampled_exposure(loss: f64, sampled: &[f64]) -> Result<f64> {
    check::not_empty("the sample of candidates", sampled.len())?;
    check::not_nan("loss of the secret", &[loss])?;
    check::not_nan("losses of the candidates", sampled)?;
    let ahead = sampled.iter().filter(|l| **l <= loss).count();
    Ok(libm::log2((sampled.len() + 1) as f64) - libm::log2((ahead + 1) as f64))
}

/// What [`counterfactual`] finds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Counterfactual {
    /// Mean performance with the example minus mean performance without it.
    pub value: f64,
    /// Standard error of the value over models; none where one side has a single model.
    pub standard_error: Option<f64>,
}

/// Counterfactual memorization of one example: how much better models that saw it do on it.
///
/// mem(x) = E\[M(A(S), x) | x in S\] - E\[M(A(S), x) | x not in S\], the expectations as means over
/// models trained on random subsets S; the standard error is sqrt(s_in² / n_in + s_out² / n_out).
/// *Source*: Zhang et al. 2021 (Counterfactual memorization in neural language models), section 3.
///
/// # Shapes
/// `with`, `without`: the example's performance (M, or any other) under each model.
/// # Tier
/// A: means are exact sums rounded once.
/// # Errors
/// [`Empty`](crate::Error::Empty) where one side has no model, [`NonFinite`](crate::Error::NonFinite).
/// # Example
/// ```
/// let found = pauca::memorization::counterfactual(&[0.75, 1.0], &[0.25, 0.25])?;
/// assert_eq!(found.value, 0.625);
/// assert_eq!(found.standard_error, Some(0.125));
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn counterfactual(with: &[f64], without: &[f64]) -> Result<Counterfactual> {
    let mut sides = [(0.0, None); 2];
    let whats = ["the set of models with the example", "the set of models without the example"];
    for ((side, values), what) in sides.iter_mut().zip([with, without]).zip(whats) {
        check::not_empty(what, values.len())?;
        check::finite("performances", values.iter().copied())?;
        let n = values.len() as f64;
        let mean = exact::sum(values.iter().copied()) / n;
        let squares = exact::sum(values.iter().map(|v| (v - mean) * (v - mean)));
        *side = (mean, (values.len() > 1).then(|| squares / (n - 1.0) / n));
    }
    let [(with, a), (without, b)] = sides;
    let standard_error = a.zip(b).map(|(a, b)| libm::sqrt(a + b));
    Ok(Counterfactual { value: with - without, standard_error })
}
