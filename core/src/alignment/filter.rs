//! From scores to the pairs that stay: a threshold (LAION), a share or a number (DataComp).

use ndarray::Array1;

use crate::check;
use crate::error::Result;
use crate::select::{Boundary, count, descending, marked, ranked};

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
#[non_exhaustive]
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
        let order = ranked(n, |a, b| descending(scores[a], scores[b]))?;
        let kept = match self.0 {
            Rule::Threshold(value, boundary) => {
                check::parameter("threshold", value, "a number", !value.is_nan())?;
                order.partition_point(|&i| boundary.passes(scores[i], value))
            }
            Rule::Fraction(fraction) => count("fraction", fraction, n)?,
            Rule::Top(count) => {
                check::at_most("number of pairs to keep", count, n)?;
                count
            }
        };
        let (stay, go) = order.split_at(kept);
        let cutoff = stay.last().map_or(f64::NAN, |&i| scores[i] + 0.0);
        let tied_out = go.iter().take_while(|&&i| scores[i] == cutoff).count();
        Ok(Selected { keep: marked(n, stay, true)?, kept, cutoff, tied_out })
    }
}
