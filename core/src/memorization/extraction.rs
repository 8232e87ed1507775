//! Extraction: does a model, given a prefix, say the rest?

use crate::check;
use crate::error::Result;

/// How far a generated continuation follows the true one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SuffixMatch {
    /// Whether every token is right: the text is extractable with its prefix.
    pub exact: bool,
    /// Right tokens over all tokens of the true suffix (the memorization score of Biderman et al. 2023).
    pub fraction: f64,
    /// Tokens that are right before the first wrong one.
    pub common_prefix: usize,
}

/// Compares a greedy continuation with the true suffix, token by token.
///
/// *Source*: Carlini et al. 2022 (Quantifying memorization): a text is extractable with k tokens of
/// context if the model, given them, generates the rest. A continuation that ended early is wrong
/// from there on; tokens beyond the true suffix are not looked at. Tier A.
///
/// # Errors
/// [`Empty`](crate::Error::Empty) for an empty true suffix.
/// # Example
/// ```
/// use pauca::memorization::suffix_match;
/// let m = suffix_match(&[4, 8, 1, 16], &[4, 8, 15, 16])?;
/// assert_eq!((m.exact, m.fraction, m.common_prefix), (false, 0.75, 2));
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn suffix_match(generated: &[u32], suffix: &[u32]) -> Result<SuffixMatch> {
    check::not_empty("the true suffix", suffix.len())?;
    let right = |(a, b): (&u32, &u32)| a == b;
    let hits = generated.iter().zip(suffix).filter(|(a, b)| a == b).count();
    let common_prefix = generated.iter().zip(suffix).take_while(|pair| right(*pair)).count();
    Ok(SuffixMatch {
        exact: common_prefix == suffix.len(),
        fraction: hits as f64 / suffix.len() as f64,
        common_prefix,
    })
}

/// Discoverable extraction by repeated sampling, from the log-probability of one suffix.
///
/// *Source*: Hayes et al. 2024 (Measuring memorization through probabilistic discoverable
/// extraction): a suffix z, which one sampled continuation hits with probability p_z, is
/// (n, p)-discoverable iff 1 - (1 - p_z)^n >= p. ln p_z is the sum of the tokens' log-probabilities
/// under the sampling scheme ([`Sampling`](super::Sampling)).
///
/// Everything is computed from ln p_z by expm1 and log1p: p_z = e^-800 and p_z = 1 - 1e-17 are
/// served as well as 0.5.
///
/// # Tier
/// B: relative error of the probability below 2^-48; the decisions are those of that `f64` value.
/// # Example
/// ```
/// use pauca::memorization::{Discoverability, Queries};
/// let z = Discoverability::new(0.1f64.ln())?;
/// assert!((z.within(2) - 0.19).abs() < 1e-15);
/// assert!(z.discoverable(22, 0.9)? && !z.discoverable(21, 0.9)?);
/// assert_eq!(z.queries_needed(0.9)?, Queries::Needed(22));
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Discoverability {
    log_pz: f64,
}

/// How many sampled continuations are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queries {
    /// This many continuations are needed.
    Needed(u64),
    /// More than 2^64 - 1 continuations are needed.
    Beyond,
    /// No number of continuations is enough: p_z is 0.
    Never,
}

impl Discoverability {
    /// The discoverability of a suffix of log-probability `log_pz`, minus infinity included.
    ///
    /// # Errors
    /// [`NonFinite`](crate::Error::NonFinite) for NaN,
    /// [`InvalidParameter`](crate::Error::InvalidParameter) above 0.
    pub fn new(log_pz: f64) -> Result<Self> {
        check::not_nan("log-probability of the suffix", &[log_pz])?;
        check::parameter("log-probability of the suffix", log_pz, "at most 0", log_pz <= 0.0)?;
        Ok(Self { log_pz })
    }

    /// 1 - (1 - p_z)^n, the probability that one of n continuations is the suffix.
    pub fn within(&self, n: u64) -> f64 {
        let l = self.log_pz;
        match n {
            0 => return 0.0,
            1 => return libm::exp(l),
            _ if l == f64::NEG_INFINITY => return 0.0,
            _ => {}
        }
        // n ln(1 - p_z), through the form that does not cancel.
        let exponent = if l > -core::f64::consts::LN_2 {
            n as f64 * libm::log(-libm::expm1(l))
        } else if l > -700.0 {
            n as f64 * libm::log1p(-libm::exp(l))
        } else {
            // ln(1 - p_z) is -p_z to the last bit, and p_z itself may underflow.
            -libm::exp(libm::log(n as f64) + l)
        };
        -libm::expm1(exponent)
    }

    /// Whether 1 - (1 - p_z)^n >= p. For n = 1 this is p_z >= p.
    ///
    /// # Errors
    /// [`InvalidParameter`](crate::Error::InvalidParameter) unless n >= 1 and 0 < p <= 1.
    pub fn discoverable(&self, n: u64, p: f64) -> Result<bool> {
        check::at_least_one("n", n)?;
        check::positive_fraction("p", p)?;
        Ok(self.within(n) >= p)
    }

    /// The least n for which the suffix is (n, p)-discoverable.
    ///
    /// By bisection on [`discoverable`](Discoverability::discoverable), so the two never disagree:
    /// it holds for n and not for n - 1.
    ///
    /// # Errors
    /// [`InvalidParameter`](crate::Error::InvalidParameter) unless 0 < p <= 1.
    pub fn queries_needed(&self, p: f64) -> Result<Queries> {
        check::positive_fraction("p", p)?;
        if self.log_pz == f64::NEG_INFINITY {
            return Ok(Queries::Never);
        }
        if self.within(u64::MAX) < p {
            return Ok(Queries::Beyond);
        }
        // Invariant: not at `low`, but at `high`.
        let (mut low, mut high) = (0, u64::MAX);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.within(middle) >= p { high = middle } else { low = middle }
        }
        Ok(Queries::Needed(high))
    }
}
