//! The probability of a token under a sampling scheme: temperature, top-k, top-p.

use ndarray::Array1;

use super::exponentials::{LIMIT, power, scaled};
use super::hits::{IGNORED, check_ids};
use super::logits::check_tile;
use super::logits::some_probability;
use crate::check;
use crate::control::{Context, Job};
use crate::error::*;
use crate::exact::{self, F64Sum};
use crate::memory::{try_collect, try_vec};
use crate::params::{default_is_new, setters};
use crate::rows::IntoRows;
use crate::select;

/// e^-700 is a normal number; smaller shares of the largest term are taken as 0.
const FAR: f64 = -700.0;

/// A sampling scheme: parameters.
///
/// In the order of common decoders: logits are divided by the temperature, all but the top_k
/// largest are removed, then all but the smallest set of the largest whose probability (among those
/// left) reaches top_p; what is left is renormalized. Temperature 0 is greedy: the argmax has
/// probability 1, and everything else 0.
///
/// # Ties, NaN
/// Equal logits rank by id, lowest first: the argmax, the k-th and the last of top_p are unique. A
/// NaN or +infinity is an error; minus infinity, or a logit below -2^20, is probability 0.
/// # Tier
/// A for which tokens are kept (exponentials are a pure function of the bits, sums exact); B for
/// log-probabilities, relative error below 2^-49, but for shares below e^-700 of the largest, which
/// are taken as 0: v e^-700 (of v ids) at most in the probability.
/// # Cost
/// O(t v log v); 32 v bytes a thread.
/// # Example
/// ```
/// use pauca::memorization::Sampling;
/// let logits = ndarray::array![[2.0f32, 1.0, 0.0], [2.0, 1.0, 0.0]];
/// let scheme = Sampling::new().top_k(2);
/// let log_prob = scheme.log_prob(&logits, &[0, 2])?;
/// assert!((log_prob[0] - -0.313_261_687_518_222_8).abs() < 1e-15); // -ln(1 + 1/e)
/// assert_eq!(log_prob[1], f64::NEG_INFINITY); // outside the support
/// assert_eq!(Sampling::new().temperature(0.0).log_pz(&logits, &[0, 0])?, 0.0);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    temperature: f64,
    top_k: Option<usize>,
    top_p: f64,
}

default_is_new!(Sampling);

impl Sampling {
    /// Temperature 1, nothing removed.
    pub fn new() -> Self {
        Self { temperature: 1.0, top_k: None, top_p: 1.0 }
    }

    setters! {
        /// Divides the logits; finite, at least 0. 0 is greedy.
        temperature: f64;
        /// Keeps the k largest; at least 1, more than the vocabulary keeps all.
        top_k(k: usize) { top_k = Some(k) }
        /// Keeps the smallest set whose probability reaches p, the token that reaches it included;
        /// above 0, at most 1. 1 keeps all.
        top_p: f64;
    }

    fn check(&self) -> Result<()> {
        check::not_negative("temperature", self.temperature)?;
        check::at_least_one("top_k", self.top_k.unwrap_or(1))?;
        check::positive_fraction("top_p", self.top_p)
    }

    /// ln p_z: the log-probability of a whole suffix, the exact sum of those of its tokens.
    ///
    /// # Shapes
    /// logits: [t, v], row i the logits before token i of the suffix; targets: \[t\].
    /// # Errors
    /// As [`log_prob_in`](Sampling::log_prob_in).
    pub fn log_pz<'r>(&self, logits: impl IntoRows<'r>, targets: &[u32]) -> Result<f64> {
        Ok(exact::sum(self.log_prob(logits, targets)?.iter().copied().filter(|l| !l.is_nan())))
    }

    /// Log-probability of every target, on the default executor.
    ///
    /// # Errors
    /// As [`log_prob_in`](Sampling::log_prob_in).
    pub fn log_prob<'r>(&self, logits: impl IntoRows<'r>, targets: &[u32]) -> Result<Array1<f64>> {
        self.log_prob_in(logits, targets, &Context::default())
    }

    /// Log-probability of every target under the scheme, nats; minus infinity outside the support,
    /// NaN where the target is [`IGNORED`].
    ///
    /// # Shapes
    /// logits: [t, v]; targets: \[t\].
    /// # Errors
    /// [`Error::InvalidParameter`] for an impossible scheme, [`Error::ShapeMismatch`],
    /// [`Error::Empty`], [`Error::TokenOutOfRange`], [`Error::NonFinite`], [`Error::TooLarge`],
    /// [`Error::OutOfMemory`], [`Error::Cancelled`].
    pub fn log_prob_in<'r>(
        &self,
        logits: impl IntoRows<'r>,
        targets: &[u32],
        cx: &Context<'_>,
    ) -> Result<Array1<f64>> {
        self.check()?;
        let logits = logits.into_rows()?;
        let (n, v) = (logits.n_rows(), logits.dim());
        check::same_length("targets", n, targets.len())?;
        check::not_empty("the logits", n.min(v))?;
        check_ids("target", targets, v)?;
        check_tile(&logits, targets, 0, cx)?;
        let mut out = try_vec(n, f64::NAN)?;
        let mut jobs = try_collect(out.iter_mut().enumerate().map(Job::new))?;
        cx.in_waves(&mut jobs, 100 * v as u64, |(i, out)| {
            if targets[*i] != IGNORED {
                let mut row = try_vec(v, 0.0)?;
                logits.read_row(*i, &mut row)?;
                row.iter_mut().filter(|x| **x <= -LIMIT).for_each(|x| *x = f64::NEG_INFINITY);
                **out = self.of_row(&row, targets[*i] as usize, *i)?;
            }
            Ok(())
        })?;
        Ok(Array1::from_vec(out))
    }

    fn of_row(&self, x: &[f64], target: usize, row: usize) -> Result<f64> {
        let best = (0..x.len()).fold(0, |best, j| if x[j] > x[best] { j } else { best });
        some_probability(row, x[best] > f64::NEG_INFINITY)?;
        if self.temperature == 0.0 {
            return Ok(if target == best { 0.0 } else { f64::NEG_INFINITY });
        }
        // Ranks by logit, largest first, then by id.
        let rank = |a: &usize, b: &usize| select::descending(x[*a], x[*b]).then(a.cmp(b));
        let share = |j: usize| {
            let d = (x[j] - x[best]) / self.temperature;
            if d > FAR {
                let (m, k) = power(d);
                (scaled(m, k), d)
            } else {
                (0.0, d)
            }
        };
        let mut kept = try_collect(0..x.len())?;
        if let Some(k) = self.top_k
            && k < kept.len()
        {
            kept.select_nth_unstable_by(k - 1, rank);
            kept.truncate(k);
        }
        let total = |kept: &[usize]| exact::sum(kept.iter().map(|&j| share(j).0));
        if self.top_p < 1.0 {
            kept.sort_unstable_by(rank);
            let enough = self.top_p * total(&kept);
            let (mut sum, mut reached) = (F64Sum::new(), 0);
            for &j in &kept {
                if sum.value() >= enough {
                    break;
                }
                sum.add(share(j).0);
                reached += 1;
            }
            kept.truncate(reached);
        }
        let (own, d) = share(target);
        if x[target] == f64::NEG_INFINITY || !kept.contains(&target) {
            return Ok(f64::NEG_INFINITY);
        }
        if own == 0.0 {
            // Too small for f64, but its logarithm is not.
            return Ok(d - libm::log(total(&kept)));
        }
        kept.retain(|&j| j != target);
        Ok(-libm::log1p(total(&kept) / own) + 0.0)
    }
}
