//! Rules that keep or drop whole documents: a measure, a bound, and who published it.

use alloc::vec::Vec;

use super::{Measure, Page, Unit};
use crate::check;
use crate::error::Result;
use crate::memory::{try_capacity, try_grow, try_vec};
use crate::params::setters;

/// Which values pass. NaN passes none.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Bound {
    /// value >= this.
    AtLeast(f64),
    /// value > this.
    Above(f64),
    /// value <= this.
    AtMost(f64),
    /// value < this.
    Below(f64),
    /// first <= value <= second.
    Within(f64, f64),
}

impl Bound {
    /// Whether `value` passes.
    pub fn passes(self, value: f64) -> bool {
        match self {
            Self::AtLeast(low) => value >= low,
            Self::Above(low) => value > low,
            Self::AtMost(high) => value <= high,
            Self::Below(high) => value < high,
            Self::Within(low, high) => value >= low && value <= high,
        }
    }
}

/// One rule: documents whose measure lies outside the bound go.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentRule {
    /// The name of the rule.
    pub name: &'static str,
    /// What is measured.
    pub measure: Measure,
    /// Which values stay.
    pub bound: Bound,
    /// Who published the threshold, and where.
    pub source: &'static str,
}

/// A list of rules; a document stays when it passes all.
///
/// Thresholds are the published ones. What the publications leave open (what a word is, what
/// exactly is divided by what) is said at each [`Measure`].
///
/// # Ties, NaN
/// Whether a value at the threshold stays follows the words of the source ("greater than 0.1" goes:
/// [`Bound::AtMost`]). A ratio of nothing is NaN and passes no rule, so an empty document fails.
/// # Tier
/// A.
/// # Example
/// ```
/// use pauca::quality::Rules;
/// let rules = Rules::gopher_quality();
/// let verdict = rules.judge("Too short to have fifty words of text, and a #hash.")?;
/// assert!(!verdict.passes());
/// let failed: Vec<_> = verdict.failed().map(|i| rules.rules()[i].name).collect();
/// assert_eq!(failed, ["word_count"]);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    rules: Vec<DocumentRule>,
    unit: Unit,
}

const GOPHER: &str = "Rae et al. 2021 (Gopher), appendix A1.1, quality filtering";
const GOPHER_TABLE: &str = "Rae et al. 2021 (Gopher), table A1";
const C4: &str = "Raffel et al. 2020 (C4), section 2.2";
const FINEWEB: &str = "Penedo et al. 2024 (FineWeb), heuristic filters";
const FINEWEB_CODE: &str = "datatrove 0.2.0 (2024-04-22), defaults of FineWebQualityFilter";

impl Rules {
    /// Rules of the caller's own.
    pub fn new(rules: Vec<DocumentRule>) -> Self {
        Self { rules, unit: Unit::Words }
    }

    fn preset(rules: &[(&'static str, Measure, Bound)], source: &'static str) -> Self {
        let rule = |&(name, measure, bound): &_| DocumentRule { name, measure, bound, source };
        Self::new(rules.iter().map(rule).collect())
    }

    /// Gopher's quality filter: 50 to 100,000 words of 3 to 10 characters on average; at most 0.1
    /// hash signs and ellipses a word; at most 90 % of the lines begin with a bullet and 30 % end
    /// with an ellipsis; 80 % of the words hold a letter; two of eight stop words occur. The words that may hold no
    /// letter are pieces between white space, whatever the unit: words of Unicode always hold a letter or a digit.
    pub fn gopher_quality() -> Self {
        Self::preset(
            &[
                ("word_count", Measure::Words, Bound::Within(50.0, 100_000.0)),
                ("mean_word_length", Measure::MeanWordLength, Bound::Within(3.0, 10.0)),
                ("hashes_per_word", Measure::HashesPerWord, Bound::AtMost(0.1)),
                ("ellipses_per_word", Measure::EllipsesPerWord, Bound::AtMost(0.1)),
                ("bullet_lines", Measure::BulletLines, Bound::AtMost(0.9)),
                ("ellipsis_lines", Measure::EllipsisLines, Bound::AtMost(0.3)),
                ("alphabetic_words", Measure::AlphabeticPieces, Bound::AtLeast(0.8)),
                ("stop_words", Measure::StopWords, Bound::AtLeast(2.0)),
            ],
            GOPHER,
        )
    }

    /// Gopher's repetition filter: thirteen shares of duplicate lines, paragraphs and n-grams.
    pub fn gopher_repetition() -> Self {
        use Measure::{MostFrequentRun as Top, RepeatedRuns as Runs};
        Self::preset(
            &[
                ("duplicate_lines", Measure::DuplicateLines, Bound::AtMost(0.30)),
                ("duplicate_paragraphs", Measure::DuplicateParagraphs, Bound::AtMost(0.30)),
                ("duplicate_line_characters", Measure::DuplicateLineCharacters, Bound::AtMost(0.20)),
                (
                    "duplicate_paragraph_characters",
                    Measure::DuplicateParagraphCharacters,
                    Bound::AtMost(0.20),
                ),
                ("top_2_gram_characters", Top(2), Bound::AtMost(0.20)),
                ("top_3_gram_characters", Top(3), Bound::AtMost(0.18)),
                ("top_4_gram_characters", Top(4), Bound::AtMost(0.16)),
                ("duplicate_5_gram_characters", Runs(5), Bound::AtMost(0.15)),
                ("duplicate_6_gram_characters", Runs(6), Bound::AtMost(0.14)),
                ("duplicate_7_gram_characters", Runs(7), Bound::AtMost(0.13)),
                ("duplicate_8_gram_characters", Runs(8), Bound::AtMost(0.12)),
                ("duplicate_9_gram_characters", Runs(9), Bound::AtMost(0.11)),
                ("duplicate_10_gram_characters", Runs(10), Bound::AtMost(0.10)),
            ],
            GOPHER_TABLE,
        )
    }

    /// C4's rules for pages: no curly bracket, no "lorem ipsum", at least five sentences (other
    /// versions of the paper say three). C4 counts the sentences of the lines that its line rules
    /// leave: [`C4`](super::C4) does both.
    pub fn c4_pages() -> Self {
        Self::preset(
            &[
                ("curly_brackets", Measure::CurlyBrackets, Bound::AtMost(0.0)),
                ("lorem_ipsum", Measure::LoremIpsum, Bound::AtMost(0.0)),
                ("sentences", Measure::Sentences, Bound::AtLeast(5.0)),
            ],
            C4,
        )
    }

    /// FineWeb's own three filters, by the paper: documents go whose lines end with punctuation in
    /// a share of at most 0.12, whose characters lie in duplicated lines in a share of at least
    /// 0.1, or whose lines are shorter than 30 characters in a share of at least 0.67.
    pub fn fineweb() -> Self {
        Self::preset(
            &[
                ("terminal_lines", Measure::TerminalLines, Bound::Above(0.12)),
                ("duplicate_line_characters", Measure::DuplicateLineCharacters, Bound::Below(0.1)),
                ("short_lines", Measure::LinesShorterThan(30), Bound::Below(0.67)),
            ],
            FINEWEB,
        )
    }

    /// FineWeb's filter by the program of its release, datatrove 0.2.0 (2024-04-22), which differs from the paper:
    /// lines are the pieces between line feeds, blank ones too; documents go whose lines end with `. ' " ! ?` in a
    /// share of at most 0.12, have at most 30 code points in a share of at least 0.67, or repeat in a share of at least
    /// 0.01 of the text; and documents with more than 0.3 line feeds a word.
    ///
    /// The words of that program are those of NLTK, which counts marks, too; here they are those of the unit. Later
    /// versions of datatrove (2024-12, FineWeb 2) cut elsewhere: they leave blank lines out, keep what lies at a
    /// threshold, and know more end marks.
    pub fn fineweb_released() -> Self {
        Self::preset(
            &[
                ("punctuated_lines", Measure::PunctuatedPieces, Bound::Above(0.12)),
                ("short_lines", Measure::PiecesUpTo(30), Bound::Below(0.67)),
                ("duplicate_line_characters", Measure::CopiedPieceCharacters, Bound::Below(0.01)),
                ("line_breaks_per_word", Measure::LineBreaksPerWord, Bound::AtMost(0.3)),
            ],
            FINEWEB_CODE,
        )
    }

    setters! {
        /// What words are: [`Unit::Words`] (the default) or [`Unit::Whitespace`].
        unit: Unit;
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[DocumentRule] {
        &self.rules
    }

    /// Measures a document and judges it by every rule.
    ///
    /// # Errors
    /// [`Conflict`](crate::Error::Conflict) for words that are characters,
    /// [`InvalidParameter`](crate::Error::InvalidParameter) for runs of 0 words,
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn judge(&self, text: &str) -> Result<Verdict> {
        let page = Page::new(text, self.unit)?;
        let mut values = try_capacity(self.rules.len())?;
        let mut passed = try_capacity(self.rules.len())?;
        for rule in &self.rules {
            let value = page.measure(rule.measure)?;
            values.push(value);
            passed.push(rule.bound.passes(value));
        }
        Ok(Verdict { values, passed })
    }
}

/// What the rules say of one document.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verdict {
    /// The measured value of each rule.
    pub values: Vec<f64>,
    /// Whether each rule is passed.
    pub passed: Vec<bool>,
}

impl Verdict {
    /// Whether every rule is passed.
    pub fn passes(&self) -> bool {
        self.passed.iter().all(|passed| *passed)
    }

    /// Indices of the rules that are not.
    pub fn failed(&self) -> impl Iterator<Item = usize> + '_ {
        self.passed.iter().enumerate().filter(|(_, passed)| !**passed).map(|(i, _)| i)
    }
}

/// How many documents failed each rule: push, merge shards, read. Exact counts, so any split and
/// order give the same.
///
/// # Example
/// ```
/// use pauca::quality::{Rules, Tally};
/// let rules = Rules::c4_pages();
/// let mut tally = Tally::new(&rules)?;
/// tally.push(&rules.judge("void main() { }")?)?;
/// tally.push(&rules.judge("One. Two. Three. Four. Five.")?)?;
/// assert_eq!((tally.documents, tally.passed), (2, 1));
/// assert_eq!(tally.failed, [1, 0, 1]);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Documents judged.
    pub documents: u64,
    /// Documents that passed every rule.
    pub passed: u64,
    /// Documents that failed each rule.
    pub failed: Vec<u64>,
}

impl Tally {
    /// The counts of no document.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn new(rules: &Rules) -> Result<Self> {
        Ok(Self { documents: 0, passed: 0, failed: try_vec(rules.rules.len(), 0)? })
    }

    /// Counts a verdict.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) for a verdict by other rules,
    /// [`TooLarge`](crate::Error::TooLarge) for 2^63 or more documents.
    pub fn push(&mut self, verdict: &Verdict) -> Result<()> {
        check::same_length("a verdict", self.failed.len(), verdict.passed.len())?;
        self.documents = check::counted("documents", self.documents, 1)?;
        self.passed = self.passed.saturating_add(verdict.passes().into());
        verdict.failed().for_each(|i| self.failed[i] = self.failed[i].saturating_add(1));
        Ok(())
    }

    /// Adds the counts of another shard.
    ///
    /// # Errors
    /// [`ShapeMismatch`](crate::Error::ShapeMismatch) for counts by other rules,
    /// [`TooLarge`](crate::Error::TooLarge) for 2^63 or more documents.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        check::same_length("a tally", self.failed.len(), other.failed.len())?;
        self.documents = check::counted("documents", self.documents, other.documents)?;
        self.passed = self.passed.saturating_add(other.passed);
        let failed = self.failed.iter_mut().zip(&other.failed);
        failed.for_each(|(sum, theirs)| *sum = sum.saturating_add(*theirs));
        Ok(())
    }
}

impl Rules {
    /// The union: these rules, then those of `other`, in this unit.
    ///
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn and(mut self, other: &Self) -> Result<Self> {
        try_grow(&mut self.rules, other.rules.len())?;
        self.rules.extend(other.rules.iter().cloned());
        Ok(self)
    }
}
