//! Membership inference from log-probabilities: was this text in the training set?
//!
//! All scores that take log-probabilities grow with membership, losses fall with it. The area under
//! the curve is [`stats::auc`](crate::stats::auc).

use ndarray::Array1;

use super::hits::check_log_prob;
use super::logit_spread::Spread;
use crate::check;
use crate::error::*;
use crate::exact;
use crate::memory::{try_capacity, try_copy};
use crate::select::{descending, ranked};

fn check(values: &[f64]) -> Result<()> {
    check::not_empty("the text", values.len())?;
    values.iter().enumerate().try_for_each(|(row, value)| check_log_prob(row, *value))
}

fn mean(values: &[f64]) -> f64 {
    exact::sum(values.iter().copied()) / values.len() as f64
}

/// The mean loss of a text, nats a token: minus the mean of its log-probabilities. Tier A.
///
/// # Errors
/// [`Error::Empty`] for no token, [`Error::NonFinite`] for NaN or +infinity.
/// # Example
/// ```
/// assert_eq!(pauca::memorization::token_loss(&[-1.0, -2.0])?, 1.5);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn token_loss(log_prob: &[f64]) -> Result<f64> {
    check(log_prob)?;
    Ok(-mean(log_prob))
}

/// Loss minus the loss of a reference model on the same text. *Source*: Carlini et al. 2021. Tier A.
///
/// # Errors
/// [`Error::NonFinite`].
/// # Example
/// ```
/// assert_eq!(pauca::memorization::reference_difference(1.5, 2.0)?, -0.5);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn reference_difference(loss: f64, reference_loss: f64) -> Result<f64> {
    check::finite("losses", [loss, reference_loss])?;
    Ok(loss - reference_loss)
}

/// Loss over the length of the compressed text in bytes, which the caller measures (compressor and
/// level change the number, so name them). *Source*: Carlini et al. 2021, zlib entropy. Tier A.
///
/// # Errors
/// [`Error::NonFinite`]; [`Error::Empty`] for a length of 0.
/// # Example
/// ```
/// assert_eq!(pauca::memorization::zlib_ratio(3.0, 24)?, 0.125);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn zlib_ratio(loss: f64, compressed_bytes: u64) -> Result<f64> {
    check::not_empty("the compressed text", compressed_bytes)?;
    check::finite("losses", [loss])?;
    Ok(loss / compressed_bytes as f64)
}

/// Min-K%: the mean of the max(1, floor(k T)) lowest of T log-probabilities.
///
/// *Source*: Shi et al. 2023 (Detecting pretraining data), section 3; k = 0.2 there. The published
/// code takes floor(k T), which is 0 and gives NaN for a short text; here at least one token
/// counts ([`min_k_published`] keeps the published rule). k = 1 is the mean. The product k T is
/// taken in `f64`. With standardized values it is Min-K%++ ([`standardized`]).
///
/// # Ties, NaN
/// Equal values are interchangeable: any permutation gives the same bits. NaN and +infinity are
/// errors; minus infinity is allowed and wins.
/// # Tier
/// A.
/// # Cost
/// O(T), by selection; 8 T bytes.
/// # Errors
/// [`Error::Empty`], [`Error::NonFinite`], [`Error::InvalidParameter`] unless 0 < k <= 1,
/// [`Error::OutOfMemory`].
/// # Example
/// ```
/// use pauca::memorization::min_k;
/// assert_eq!(min_k(&[-1.0, -5.0, -2.0, -3.0, -0.5], 0.4)?, -4.0);
/// assert_eq!(min_k(&[-1.0, -5.0], 0.2)?, -5.0); // a short text
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn min_k(values: &[f64], k: f64) -> Result<f64> {
    check(values)?;
    lowest(values, share(values, k)?.max(1))
}

/// Min-K% with the published count floor(k T); none where that is 0 (the published code: NaN).
///
/// # Errors
/// As [`min_k`].
/// # Example
/// ```
/// use pauca::memorization::min_k_published;
/// assert_eq!(min_k_published(&[-1.0, -5.0], 0.2)?, None);
/// assert_eq!(min_k_published(&[-1.0, -5.0], 0.5)?, Some(-5.0));
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn min_k_published(values: &[f64], k: f64) -> Result<Option<f64>> {
    check(values)?;
    match share(values, k)? {
        0 => Ok(None),
        count => lowest(values, count).map(Some),
    }
}

fn share(values: &[f64], k: f64) -> Result<usize> {
    check::positive_fraction("k", k)?;
    Ok((k * values.len() as f64) as usize)
}

fn lowest(values: &[f64], count: usize) -> Result<f64> {
    let mut copy = try_copy(values)?;
    copy.select_nth_unstable_by(count - 1, f64::total_cmp);
    Ok(mean(&copy[..count]))
}

/// (ln p_y - mu) / max(sigma, floor) of every counted token: the values whose [`min_k`] is Min-K%++.
///
/// *Source*: Zhang et al. 2024 (Min-K%++), equation 3. mu and sigma come from two passes
/// ([`LogitSpread`](super::LogitSpread)); the published code takes sigma² as a difference of mean
/// squares and divides by it unguarded. Where all probabilities are equal the value is 0.
///
/// # Tier
/// B.
/// # Errors
/// [`Error::InvalidParameter`] for a floor that is not positive and finite; [`Error::OutOfMemory`].
/// # Example
/// ```
/// use pauca::memorization::{LogitScan, LogitSpread, min_k, standardized};
/// let logits = ndarray::array![[0.0f32, 0.0], [3f32.ln(), 0.0]];
/// let mut scan = LogitScan::new(&[0, 1], 2)?;
/// scan.push(0, &logits)?;
/// let scores = scan.finish()?;
/// let mut second = LogitSpread::new(&scores)?;
/// second.push(0, &logits)?;
/// let z = standardized(&second.finish()?, 1e-12)?;
/// assert_eq!(z[0], 0.0);
/// assert!((z[1] + 3f64.sqrt()).abs() < 1e-6); // p = 1/4: the rarer side is at -sqrt 3
/// assert_eq!(min_k(&z.to_vec(), 0.2)?, z[1]);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn standardized(spread: &Spread, floor: f64) -> Result<Array1<f64>> {
    check::positive("floor of sigma", floor)?;
    let counted = spread.deviation.iter().filter(|s| !s.is_nan()).count();
    let mut out = try_capacity(counted)?;
    for (&excess, &sigma) in spread.excess.iter().zip(&spread.deviation).filter(|(_, s)| !s.is_nan()) {
        out.push(excess / if sigma > floor { sigma } else { floor });
    }
    Ok(Array1::from_vec(out))
}

/// A point of the curve of true against false positives.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct MembershipRate {
    /// Share of the members with a score of at least `threshold`.
    pub true_positive: f64,
    /// Share of the others with a score of at least `threshold`.
    pub false_positive: f64,
    /// The lowest score that is taken as membership; +infinity where none is.
    pub threshold: f64,
}

/// The largest true-positive rate at a false-positive rate of at most `fpr`, without interpolation.
///
/// *Source*: Carlini et al. 2022 (Membership inference attacks from first principles). Scores equal
/// to each other fall on one side together, so ties never help. Tier A, in whole counts.
///
/// # Errors
/// [`Error::ShapeMismatch`]; [`Error::NonFinite`] for a NaN; [`Error::Empty`] without members or
/// without others; [`Error::InvalidParameter`] unless 0 <= fpr <= 1; [`Error::OutOfMemory`].
/// # Cost
/// O(n log n); 8 n bytes.
/// # Example
/// ```
/// use pauca::memorization::tpr_at_fpr;
/// let scores = [0.9, 0.8, 0.8, 0.3];
/// let found = tpr_at_fpr(&scores, &[true, true, false, false], 0.1)?;
/// assert_eq!((found.true_positive, found.threshold), (0.5, 0.9)); // 0.8 would let the other in
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn tpr_at_fpr(scores: &[f64], member: &[bool], fpr: f64) -> Result<MembershipRate> {
    let n = scores.len();
    check::same_length("membership flags", n, member.len())?;
    check::fraction("fpr", fpr)?;
    check::not_nan("scores", scores)?;
    let members = member.iter().filter(|m| **m).count();
    let others = n - members;
    check::not_empty("the set of members", members)?;
    check::not_empty("the set of non-members", others)?;
    let order = ranked(n, |a, b| descending(scores[a], scores[b]))?;
    let rate = |count: usize, of: usize| count as f64 / of as f64;
    let mut best = MembershipRate { true_positive: 0.0, false_positive: 0.0, threshold: f64::INFINITY };
    let (mut hits, mut alarms) = (0, 0);
    for (place, &i) in order.iter().enumerate() {
        if member[i] {
            hits += 1
        } else {
            alarms += 1
        }
        let group_ends = order.get(place + 1).is_none_or(|&next| scores[next] != scores[i]);
        if rate(alarms, others) > fpr {
            break;
        }
        if group_ends {
            best = MembershipRate {
                true_positive: rate(hits, members),
                false_positive: rate(alarms, others),
                threshold: scores[i],
            };
        }
    }
    Ok(best)
}
