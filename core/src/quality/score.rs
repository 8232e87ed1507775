//! Scores of lines and documents.

use alloc::vec::Vec;

use ndarray::{Array1, ArrayView2};

use super::mean::{TINY, weighted_mean};
use super::{LineFacts, NoWeight, Predicate, Split, Unit, Weights};
use crate::check;
use crate::control::{Context, Job, Stage};
use crate::error::{Error, Result};
use crate::memory::{try_capacity, try_collect, try_grow};
use crate::params::setters;

/// Multiply-adds that the predicates cost a byte of text, roughly; for the length of waves.
const COST: u64 = 400;
/// Bytes of a document from which on its lines are shared out: one thread would work on it for long, and hear of nothing.
const LARGE: usize = 1 << 18;
/// Lines of a large document that are scored at once.
const LINES: usize = 256;

/// The score of every line of the caller's own matrix: sum_i w_i I_i / sum_i w_i, the `f64`
/// nearest to the exact quotient.
///
/// *Source*: Sharma et al. 2024, section 2, second equation.
///
/// # Shapes
/// passes: [lines, predicates], true where a line passes; weights: one a predicate; out: \[lines\].
/// # Units
/// In [0, 1]: exactly 1 where a line passes every predicate of positive weight, exactly 0 where it
/// passes none. Never falls when a line passes more; the same for weights times a power of two and
/// for columns in another order. Tier A.
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::NoInformativeFilter`] under [`NoWeight::Error`] when every
/// weight is 0, [`Error::OutOfMemory`].
/// # Example
/// ```
/// use pauca::quality::{NoWeight, Weights, line_scores};
/// let passes = ndarray::array![[true, true], [true, false], [false, false]];
/// let scores = line_scores(passes.view(), &Weights::given(&[0.25, 0.5])?, NoWeight::Error)?;
/// assert_eq!(scores.to_vec(), [1.0, 1.0 / 3.0, 0.0]);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn line_scores(passes: ArrayView2<'_, bool>, weights: &Weights, none: NoWeight) -> Result<Array1<f64>> {
    check::same_length("columns of passes", weights.values().len(), passes.ncols())?;
    let mut scores = try_capacity(passes.nrows())?;
    for line in passes.rows() {
        scores.push(line_score(line.iter().copied(), weights, none)?);
    }
    Ok(Array1::from_vec(scores))
}

fn line_score(passes: impl Iterator<Item = bool> + Clone, weights: &Weights, none: NoWeight) -> Result<f64> {
    let pairs = weights.values().iter().copied().zip(passes.map(|p| f64::from(u8::from(p))));
    match (weighted_mean(pairs), none) {
        (Some(score), _) => Ok(score),
        (None, NoWeight::Ones) => Ok(1.0),
        (None, NoWeight::Error) => Err(Error::NoInformativeFilter { filters: weights.values().len() }),
    }
}

/// The score of every document: the mean over its lines, weighted by their tokens; the `f64`
/// nearest to the exact quotient. NaN for a document without tokens.
///
/// *Source*: Sharma et al. 2024, section 2, third equation.
///
/// # Shapes
/// line_scores, tokens: \[lines\]; offsets: [documents + 1], ascending from 0 to the number of
/// lines: document d holds the lines offsets\[d\]..offsets\[d + 1\].
/// # Units
/// Within the smallest and the largest score of the document's lines that have tokens. Cutting a
/// line into pieces of the same score leaves the score, to the bit. Tier A.
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::NonFinite`], [`Error::InvalidParameter`] for a line score
/// that is neither 0 nor within [2^-500, 1] or for offsets that do not ascend,
/// [`Error::OutOfMemory`].
/// # Example
/// ```
/// use pauca::quality::doc_scores;
/// let scores = doc_scores(&[1.0, 0.0, 0.1, 0.1, 0.1], &[3, 1, 1, 1, 1], &[0, 2, 5, 5])?;
/// assert_eq!(scores.to_vec()[..2], [0.75, 0.1]);
/// assert!(scores[2].is_nan()); // no lines
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn doc_scores(line_scores: &[f64], tokens: &[u64], offsets: &[usize]) -> Result<Array1<f64>> {
    let n = line_scores.len();
    check::same_length("tokens", n, tokens.len())?;
    let (first, last) = (offsets.first().copied(), offsets.last().copied());
    if first != Some(0) || last != Some(n) {
        let found = if first == Some(0) { last.unwrap_or(0) } else { first.unwrap_or(n) };
        let expected = if first == Some(0) { n } else { 0 };
        return Err(Error::ShapeMismatch { what: "an end of offsets", expected, found });
    }
    for pair in offsets.windows(2) {
        let holds = pair[0] <= pair[1];
        check::parameter("offsets", pair[1] as f64, "never less than the one before", holds)?;
    }
    for (row, &value) in line_scores.iter().enumerate() {
        check::finite_row("line scores", row as u64, [value])?;
        let holds = value == 0.0 || (TINY..=1.0).contains(&value);
        check::parameter("line score", value, "0 or within [2^-500, 1]", holds)?;
    }
    let mut scores = try_capacity(offsets.len() - 1)?;
    for pair in offsets.windows(2) {
        let lines = pair[0]..pair[1];
        let of = lines.map(|l| (tokens[l], line_scores[l]));
        scores.push(doc_score(of).unwrap_or(f64::NAN));
    }
    Ok(Array1::from_vec(scores))
}

/// `None` without tokens.
fn doc_score(lines: impl Iterator<Item = (u64, f64)> + Clone) -> Option<f64> {
    // 64 bits of a count as two numbers of 32, which f64 holds exactly.
    let halves = |(tokens, score): (u64, f64)| {
        let (high, low) = (tokens >> 32, tokens & 0xffff_ffff);
        [(high as f64 * 4_294_967_296.0, score), (low as f64, score)]
    };
    weighted_mean(lines.flat_map(halves))
}

/// What one document scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DocumentScore {
    /// The score; `None` where there are no tokens.
    pub score: Option<f64>,
    /// Tokens of all lines.
    pub tokens: u64,
    /// Lines that are not blank.
    pub lines: u64,
}

/// The quality score of texts: parameters.
///
/// # Units
/// Scores in [0, 1], see [`line_scores`] and [`doc_scores`]. Tier A.
/// # Cost
/// 19.7 MB of text a second (16.6 to 21.3 in five runs) of one busy core of an AMD EPYC, by CPU time,
/// on the documentation strings that ship: `cargo run --release -p pauca-benches --bin quality`.
/// Memory for the lines of the longest document: 16 bytes each.
/// # Example
/// ```
/// use pauca::quality::{Predicate, TextQuality, Weights};
/// let predicates = [Predicate::TerminalPunctuation, Predicate::StopWords];
/// let quality = TextQuality::new(Weights::given(&[1.0, 3.0])?).predicates(&predicates);
/// // 1 for the first line (6 words), 3/4 for the second (4 words), 0 for the last (2 words).
/// let document = quality.document("This is what we hoped for.\nthe sum of it\n\n> x y\n")?;
/// assert_eq!(document.score, Some(0.75));
/// assert_eq!((document.tokens, document.lines), (12, 3));
/// assert_eq!(quality.document(" \n")?.score, None);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TextQuality {
    weights: Weights,
    predicates: Vec<Predicate>,
    split: Split,
    unit: Unit,
    no_weight: NoWeight,
}

impl TextQuality {
    /// All ten predicates with these weights, lines, words; weights that are all 0 are an error.
    pub fn new(weights: Weights) -> Self {
        Self {
            weights,
            predicates: Predicate::ALL.to_vec(),
            split: Split::Lines,
            unit: Unit::Words,
            no_weight: NoWeight::Error,
        }
    }

    setters! {
        /// The predicates that the weights belong to, in their order.
        predicates(predicates: &[Predicate]) { predicates = predicates.to_vec() }
        /// What a line is.
        split: Split;
        /// What a line's tokens are.
        unit: Unit;
        /// What lines score when every weight is 0.
        no_weight: NoWeight;
    }

    /// The score of one line.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] when there are not as many weights as predicates,
    /// [`Error::NoInformativeFilter`], [`Error::OutOfMemory`].
    pub fn line(&self, line: &str) -> Result<f64> {
        Ok(self.facts_and_score(line, &|| Ok(()))?.1)
    }

    fn facts_and_score(&self, line: &str, check: &dyn Fn() -> Result<()>) -> Result<(LineFacts, f64)> {
        check::same_length("weights", self.predicates.len(), self.weights.values().len())?;
        let facts = LineFacts::watched(line, check)?;
        let passes = self.predicates.iter().map(|p| p.passes(&facts));
        Ok((facts, line_score(passes, &self.weights, self.no_weight)?))
    }

    /// The score of one document.
    ///
    /// # Errors
    /// As [`line`](Self::line); also for a document without lines when the parameters are at fault.
    pub fn document(&self, text: &str) -> Result<DocumentScore> {
        let mut lines: Vec<(u64, f64)> = Vec::new();
        for line in self.split.of(text) {
            try_grow(&mut lines, 1)?;
            lines.push(self.tokens_and_score(line)?);
        }
        if lines.is_empty() {
            self.line("")?;
        }
        Ok(together(&lines))
    }

    /// Tokens and score of a line.
    fn tokens_and_score(&self, line: &str) -> Result<(u64, f64)> {
        self.watched(line, &|| Ok(()))
    }

    fn watched(&self, line: &str, check: &dyn Fn() -> Result<()>) -> Result<(u64, f64)> {
        let (facts, score) = self.facts_and_score(line, check)?;
        let tokens = match self.unit {
            Unit::Words => facts.words,
            Unit::Characters => facts.characters,
            Unit::Whitespace => self.unit.count(line),
        };
        Ok((tokens, score))
    }

    /// [`document`](Self::document) of one that is large: its lines in pieces, on the executor of `cx`; long lines here,
    /// where somebody hears of a wish to stop.
    fn large(&self, text: &str, cx: &Context) -> Result<DocumentScore> {
        let mut lines = Vec::new();
        for line in self.split.of(text) {
            try_grow(&mut lines, 1)?;
            lines.push((line, (0, 0.0)));
        }
        if lines.is_empty() {
            self.line("")?;
        }
        let cost = COST * (LINES * (text.len() / lines.len().max(1) + 16)) as u64;
        let mut jobs = try_collect(lines.chunks_mut(LINES).map(Job::new))?;
        cx.in_waves(&mut jobs, cost, |piece| {
            piece.iter_mut().try_for_each(|(line, found)| {
                if line.len() < LARGE {
                    *found = self.tokens_and_score(line)?;
                }
                Ok(())
            })
        })?;
        for (line, found) in lines.iter_mut().filter(|(line, _)| line.len() >= LARGE) {
            *found = self.watched(line, &|| cx.control.check())?;
        }
        let mut found = try_capacity(lines.len())?;
        found.extend(lines.iter().map(|(_, found)| *found));
        Ok(together(&found))
    }

    /// The scores of many documents, on the executor of `cx`, in their order.
    ///
    /// # Errors
    /// As [`document`](Self::document), and [`Error::Cancelled`].
    pub fn documents<T: AsRef<str> + Sync>(&self, texts: &[T], cx: &Context) -> Result<Vec<DocumentScore>> {
        let nothing = DocumentScore { score: None, tokens: 0, lines: 0 };
        let bytes: u64 = texts.iter().map(|text| text.as_ref().len() as u64).sum();
        let cost = COST * (bytes / texts.len().max(1) as u64 + 16);
        let mut scores = try_capacity(texts.len())?;
        // Reported in parts, so that a caller hears of a long run.
        let part = texts.len().div_ceil(64).max(1024);
        for (p, texts_of) in texts.chunks(part).enumerate() {
            let mut jobs = try_collect(texts_of.iter().map(|text| Job::new((text.as_ref(), nothing))))?;
            cx.in_waves(&mut jobs, cost, |(text, score)| {
                if text.len() < LARGE {
                    *score = self.document(text)?;
                }
                Ok(())
            })?;
            for (text, score) in
                jobs.iter_mut().map(|job| &mut job.work).filter(|(text, _)| text.len() >= LARGE)
            {
                *score = self.large(text, cx)?;
            }
            scores.extend(jobs.iter().map(|job| job.work.1));
            cx.control.poll(Stage::Score, (p * part + texts_of.len()) as u64, texts.len() as u64)?;
        }
        Ok(scores)
    }
}

/// The score of a document of these lines, each its tokens and its score.
fn together(lines: &[(u64, f64)]) -> DocumentScore {
    let tokens = lines.iter().map(|(tokens, _)| tokens).sum();
    DocumentScore { score: doc_score(lines.iter().copied()), tokens, lines: lines.len() as u64 }
}
