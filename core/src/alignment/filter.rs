//! From scores to the pairs that stay: a threshold (LAION), a share or a number (DataComp).

use alloc::vec::Vec;

use ndarray::Array1;

use crate::backend::Boundary;
use crate::check;
use crate::error::{Error, Result};
use crate::memory::{try_capacity, try_vec};
use crate::stats::round_half_even;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    Threshold(f64, Boundary),
    Fraction(f64),
    Top(usize),
}

/// Which pairs stay, given their scores (the larger the better).
///
/// A share or a number keeps *exactly* that many: of pairs that tie at the cut the lower index
/// stays, and [`Selected::tied_out`] says how many tied and went. Smaller shares keep subsets of
/// larger ones.
///
/// # Ties, NaN
/// See above; -0.0 ties with 0.0; a NaN or infinite score is an error.
/// # Tier
/// A.
/// # Cost
/// O(n log n), 8 n bytes.
/// # Example
/// ```
/// use pauca::{Boundary, alignment::Filter};
/// let scores = [0.31, 0.28, 0.12, 0.28];
/// assert_eq!(Filter::threshold(0.28, Boundary::Ge).select(&scores)?.kept, 3);
/// assert_eq!(Filter::threshold(0.28, Boundary::Gt).select(&scores)?.kept, 1);
/// let half = Filter::fraction(0.5).select(&scores)?;
/// assert_eq!(half.keep.to_vec(), [true, true, false, false]);
/// assert_eq!((half.cutoff, half.tied_out), (0.28, 1));
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filter(Rule);

/// The pairs that stay.
#[derive(Clone, Debug, PartialEq)]
pub struct Selected {
    /// `[n]`: whether pair i stays.
    pub keep: Array1<bool>,
    /// How many stay.
    pub kept: usize,
    /// The lowest score that stays; NaN when none does.
    pub cutoff: f64,
    /// Pairs that went although they score exactly `cutoff`.
    pub tied_out: usize,
}

impl Filter {
    /// Scores that pass `threshold`: `Ge` keeps the threshold itself, `Gt` does not.
    pub fn threshold(threshold: f64, boundary: Boundary) -> Self {
        Self(Rule::Threshold(threshold, boundary))
    }

    /// The round_half_even(fraction n) highest scores; fraction in [0, 1].
    pub fn fraction(fraction: f64) -> Self {
        Self(Rule::Fraction(fraction))
    }

    /// The `count` highest scores; `count` at most n.
    pub fn top(count: usize) -> Self {
        Self(Rule::Top(count))
    }

    /// Applies the rule.
    ///
    /// # Errors
    /// `NonFinite` naming the first bad score, `InvalidParameter`, `TooLarge` for more than there
    /// are, `OutOfMemory`.
    pub fn select(&self, scores: &[f64]) -> Result<Selected> {
        let n = scores.len();
        check::finite("scores", scores.iter().copied())?;
        let count = match self.0 {
            Rule::Threshold(value, _) if value.is_nan() => {
                return Err(Error::InvalidParameter { name: "threshold", value, expected: "a number" });
            }
            Rule::Threshold(value, boundary) => {
                let mut keep = try_capacity(n)?;
                keep.extend(scores.iter().map(|s| boundary.passes(*s, value)));
                return Ok(selected(scores, keep));
            }
            Rule::Fraction(value) if !(0.0..=1.0).contains(&value) => {
                return Err(Error::InvalidParameter { name: "fraction", value, expected: "within [0, 1]" });
            }
            Rule::Fraction(value) => round_half_even(value * n as f64) as usize,
            Rule::Top(count) if count > n => {
                return Err(Error::TooLarge { what: "number of pairs to keep", size: count, limit: n });
            }
            Rule::Top(count) => count,
        };
        let mut order: Vec<usize> = try_capacity(n)?;
        order.extend(0..n);
        // Adding +0.0 makes -0.0 equal to 0.0.
        let key = |i: usize| scores[i] + 0.0;
        let by_score = |a: &usize, b: &usize| key(*b).total_cmp(&key(*a)).then(a.cmp(b));
        if (1..n).contains(&count) {
            order.select_nth_unstable_by(count - 1, by_score);
        }
        let mut keep = try_vec(n, false)?;
        order[..count].iter().for_each(|&i| keep[i] = true);
        Ok(selected(scores, keep))
    }
}

fn selected(scores: &[f64], keep: Vec<bool>) -> Selected {
    let stay = || scores.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(s, _)| *s + 0.0);
    let cutoff = stay().fold(f64::NAN, f64::min);
    let tied_out = scores.iter().zip(&keep).filter(|(s, keep)| !**keep && **s == cutoff).count();
    Selected { kept: stay().count(), cutoff, tied_out, keep: Array1::from_vec(keep) }
}
