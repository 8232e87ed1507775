//! Pairwise benchmarks (ARO, SugarCrepe, Winoground): does the right answer score above the wrong?
//!
//! Many of them list the right caption first, so that an argmax that takes the first of equal
//! scores gives a model that always answers 0 a perfect result; Bordes et al. 2024 (section
//! 4.1.6) ask to break such ties by noise or to count them. Here they are counted: `strict` gives
//! a tie nothing, `expected` what infinitesimal noise would give on average, exactly and without
//! drawing any.

use ndarray::ArrayView2;

use crate::check;
use crate::error::Result;

/// Wins, ties and losses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Outcomes {
    /// Items where the right answer scores strictly above every wrong one.
    pub wins: u64,
    /// Items where the right answer ties with the best wrong one.
    pub ties: u64,
    /// Items where a wrong answer scores strictly above the right one.
    pub losses: u64,
    /// What the ties are worth together: a tie is worth the probability that random tie breaking wins it.
    pub tie_credit: f64,
}

impl Outcomes {
    /// Number of items.
    pub fn items(&self) -> u64 {
        self.wins + self.ties + self.losses
    }

    /// wins / items: a constant score gives exactly 0.
    pub fn strict(&self) -> f64 {
        self.wins as f64 / self.items() as f64
    }

    /// (wins + tie credit) / items: a constant score gives exactly the accuracy of chance.
    pub fn expected(&self) -> f64 {
        (self.wins as f64 + self.tie_credit) / self.items() as f64
    }

    fn count(&mut self, outcome: Outcome, credit: f64) {
        match outcome {
            Outcome::Win => self.wins += 1,
            Outcome::Tie => {
                self.ties += 1;
                self.tie_credit += credit;
            }
            Outcome::Loss => self.losses += 1,
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    Win,
    Tie,
    Loss,
}

impl Outcome {
    fn of(right: f64, wrong: f64) -> Self {
        if right > wrong {
            Self::Win
        } else if right == wrong {
            Self::Tie
        } else {
            Self::Loss
        }
    }

    /// The outcome of an item that needs both: lost when one is lost, won when both are won.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Loss, _) | (_, Self::Loss) => Self::Loss,
            (Self::Win, Self::Win) => Self::Win,
            _ => Self::Tie,
        }
    }
}

/// One right and one wrong score an item. Tier A.
///
/// # Ties, NaN
/// Ties are counted apart; NaN is an error.
/// # Errors
/// `Empty`, `ShapeMismatch`, `NonFinite`.
/// # Example
/// ```
/// use pauca::alignment::pairwise;
/// let constant = pairwise(&[0.0, 0.0], &[0.0, 0.0])?;
/// assert_eq!((constant.strict(), constant.expected(), constant.ties), (0.0, 0.5, 2));
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn pairwise(right: &[f64], wrong: &[f64]) -> Result<Outcomes> {
    check::not_empty("scores", right.len())?;
    check::same_length("wrong scores", right.len(), wrong.len())?;
    check::finite("right scores", right.iter().copied())?;
    check::finite("wrong scores", wrong.iter().copied())?;
    let mut outcomes = Outcomes::default();
    right.iter().zip(wrong).for_each(|(r, w)| outcomes.count(Outcome::of(*r, *w), 0.5));
    Ok(outcomes)
}

/// Several candidates an item: row i of `scores`, of which column `right[i]` is right. Tier A.
///
/// A tie with t wrong candidates at the top is worth 1 / (t + 1).
///
/// # Shapes
/// scores: [n, c], right: `[n]`.
/// # Ties, NaN
/// Ties are counted apart; NaN is an error.
/// # Errors
/// `Empty`, `ShapeMismatch`, `NonFinite`.
/// # Example
/// ```
/// use pauca::alignment::choices;
/// let scores = ndarray::array![[0.9, 0.1, 0.2], [0.5, 0.5, 0.5], [0.1, 0.9, 0.2]];
/// let found = choices(scores.view(), &[0, 0, 0])?;
/// assert_eq!((found.wins, found.ties, found.losses, found.tie_credit), (1, 1, 1, 1.0 / 3.0));
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn choices(scores: ArrayView2<'_, f64>, right: &[usize]) -> Result<Outcomes> {
    let (n, c) = scores.dim();
    check::not_empty("scores", n.min(c))?;
    check::same_length("right answers", n, right.len())?;
    let mut outcomes = Outcomes::default();
    for (i, (row, &right)) in scores.outer_iter().zip(right).enumerate() {
        check::finite_row("scores", i as u64, row.iter().copied())?;
        check::place("column of the right answer", right, c)?;
        let own = row[right];
        let above = row.iter().filter(|s| **s > own).count();
        let level = row.iter().filter(|s| **s == own).count();
        let outcome = match (above, level) {
            (0, 1) => Outcome::Win,
            (0, _) => Outcome::Tie,
            _ => Outcome::Loss,
        };
        outcomes.count(outcome, 1.0 / level as f64);
    }
    Ok(outcomes)
}

/// Winoground: two captions and two pictures an item. Tier A.
///
/// With s(C, I) the score of caption C and picture I, *text* asks that each picture prefers its
/// caption, s(C0, I0) > s(C1, I0) and s(C1, I1) > s(C0, I1); *image* that each caption prefers its
/// picture, s(C0, I0) > s(C0, I1) and s(C1, I1) > s(C1, I0); *group* asks both. *Source*: Thrush et
/// al. 2022, equations 1 to 3. An item with a strict failure is lost, one with ties only is a tie,
/// worth its probability over all orders of the tied scores: a constant score has strict 0 and
/// expected 1/4, 1/4, 1/6, the levels of chance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Winoground {
    /// Right caption for each picture.
    pub text: Outcomes,
    /// Right picture for each caption.
    pub image: Outcomes,
    /// Right caption for each picture and right picture for each caption.
    pub group: Outcomes,
}

impl Winoground {
    /// Judges the scores `[caption][picture]` of each item.
    ///
    /// # Errors
    /// `Empty`, `NonFinite`.
    /// # Example
    /// ```
    /// use pauca::alignment::Winoground;
    /// let found = Winoground::of(&[[[0.9, 0.2], [0.3, 0.8]], [[0.0; 2]; 2]])?;
    /// assert_eq!((found.group.wins, found.group.ties), (1, 1));
    /// assert_eq!(found.group.tie_credit, 4.0 / 24.0);
    /// # Ok::<(), pauca::Error>(())
    /// ```
    pub fn of(items: &[[[f64; 2]; 2]]) -> Result<Self> {
        check::not_empty("scores", items.len())?;
        let mut found = Self::default();
        for (i, item) in items.iter().enumerate() {
            let flat = [item[0][0], item[0][1], item[1][0], item[1][1]];
            check::finite_row("scores", i as u64, flat.iter().copied())?;
            let [text, image] = judge(|a, b| Outcome::of(flat[a], flat[b]));
            let group = text.and(image);
            let credit = if group == Outcome::Tie || text == Outcome::Tie || image == Outcome::Tie {
                credits(&flat)
            } else {
                [0.0; 3]
            };
            found.text.count(text, credit[0]);
            found.image.count(image, credit[1]);
            found.group.count(group, credit[2]);
        }
        Ok(found)
    }
}

/// Text and image outcome of the scores c0i0, c0i1, c1i0, c1i1, with `beats(a, b)`.
fn judge(beats: impl Fn(usize, usize) -> Outcome) -> [Outcome; 2] {
    [beats(0, 2).and(beats(3, 1)), beats(0, 1).and(beats(3, 2))]
}

/// The probabilities of winning text, image and both when ties fall in random order.
fn credits(scores: &[f64; 4]) -> [f64; 3] {
    let mut wins = [0u32; 3];
    for order in 0..24usize {
        // The order-th permutation of 0..4, by its factorial digits.
        let mut left = [0, 1, 2, 3];
        let mut place = [0; 4];
        for (p, digit) in [order / 6, order / 2 % 3, order % 2, 0].into_iter().enumerate() {
            place[p] = left[digit];
            left.copy_within(digit + 1.., digit);
        }
        let beats = |a: usize, b: usize| {
            let above = scores[a] > scores[b] || (scores[a] == scores[b] && place[a] > place[b]);
            if above { Outcome::Win } else { Outcome::Loss }
        };
        let [text, image] = judge(beats);
        for (wins, outcome) in wins.iter_mut().zip([text, image, text.and(image)]) {
            *wins += u32::from(outcome == Outcome::Win);
        }
    }
    wins.map(|wins| f64::from(wins) / 24.0)
}
