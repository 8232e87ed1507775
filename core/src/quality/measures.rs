//! What the published document rules measure.

use alloc::vec::Vec;

use unicode_segmentation::UnicodeSegmentation;

use super::line::{TERMINAL, is_one_of};
use super::repetition::{Runs, copies};
use super::sentences;
use super::text::{characters, collect, collect_in, occurrences};
use super::{Split, Unit};
use crate::check;
use crate::control::Context;
use crate::error::{Error, Result};

/// The eight words of Gopher's stop-word rule (Rae et al. 2021, appendix A1.1).
pub const GOPHER_STOP_WORDS: [&str; 8] = ["the", "be", "to", "of", "and", "that", "have", "with"];

/// Bullet points: the typographic ones, and those of plain text.
const BULLETS: [char; 12] = ['•', '‣', '◦', '▪', '▫', '■', '□', '●', '○', '·', '-', '*'];
/// What a line may end with to end a sentence: marks, or a closing quotation mark (C4).
pub(super) const END_QUOTES: [char; 3] = ['"', '”', '»'];

/// A quantity of a document. Ratios are of two counts, rounded once; NaN when there is nothing to
/// divide by. Lines are those that are not blank, white space trimmed off; words are those of the
/// page's [`Unit`]; characters are grapheme clusters other than white space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Measure {
    /// Number of words.
    Words,
    /// Characters of all words, divided by the number of words.
    MeanWordLength,
    /// Number of `#`, divided by that of words.
    HashesPerWord,
    /// Number of `...` (without overlap) and `…`, divided by that of words.
    EllipsesPerWord,
    /// Share of the lines that begin with a bullet: one of `• ‣ ◦ ▪ ▫ ■ □ ● ○ ·`, or `-` or `*`.
    BulletLines,
    /// Share of the lines that end with `...` or `…`.
    EllipsisLines,
    /// Share of the words that hold an alphabetic code point.
    AlphabeticWords,
    /// Share of the pieces between white space that hold an alphabetic code point, whatever the unit: symbols that
    /// stand alone count here, and are no words of Unicode.
    AlphabeticPieces,
    /// How many of [`GOPHER_STOP_WORDS`] occur, in any case of letters.
    StopWords,
    /// Share of the lines that repeat an earlier line.
    DuplicateLines,
    /// Share of the lines' characters that lie in lines that repeat an earlier one.
    DuplicateLineCharacters,
    /// Share of the paragraphs (lines between blank lines) that repeat an earlier one.
    DuplicateParagraphs,
    /// Share of the paragraphs' characters that lie in paragraphs that repeat an earlier one.
    DuplicateParagraphCharacters,
    /// Share of the words' characters in the most frequent run of so many words that occurs at
    /// least twice; of equally frequent ones the one that holds most characters.
    MostFrequentRun(u8),
    /// Share of the words' characters in runs of so many words that occur at least twice.
    RepeatedRuns(u8),
    /// Share of the lines that end with one of `. ! ? …`, of the full stops of other scripts, or
    /// with a closing quotation mark.
    TerminalLines,
    /// Share of the lines of fewer characters than this, white space inside the line included.
    LinesShorterThan(u16),
    /// Number of line breaks, divided by that of words.
    LineBreaksPerWord,
    /// Share of the pieces between line feeds that end with one of `. ' " ! ?`. Pieces without a character count, and
    /// nothing is trimmed off: datatrove 0.2.0.
    PunctuatedPieces,
    /// Share of the pieces between line feeds that have at most so many code points: datatrove 0.2.0.
    PiecesUpTo(u16),
    /// Code points of the pieces between line feeds that are not blank and repeat an earlier one, divided by those of
    /// the text other than line feeds: datatrove 0.2.0.
    CopiedPieceCharacters,
    /// Number of sentences (Unicode Standard Annex 29).
    Sentences,
    /// Number of `{` and `}`.
    CurlyBrackets,
    /// How often "lorem ipsum" occurs, in any case of letters.
    LoremIpsum,
}

/// A document, cut into lines, paragraphs and words once for all measures.
///
/// # Example
/// ```
/// use pauca::quality::{Measure, Page, Unit};
/// let page = Page::new("One line.\nOne line.\n\n- another", Unit::Words)?;
/// assert_eq!(page.measure(Measure::Words)?, 5.0);
/// assert_eq!(page.measure(Measure::DuplicateLines)?, 1.0 / 3.0);
/// assert_eq!(page.measure(Measure::TerminalLines)?, 2.0 / 3.0);
/// assert!(Page::new("", Unit::Words)?.measure(Measure::MeanWordLength)?.is_nan());
/// # Ok::<(), pauca::Error>(())
/// ```
pub struct Page<'t> {
    text: &'t str,
    lines: Vec<&'t str>,
    paragraphs: Vec<&'t str>,
    words: Vec<&'t str>,
    runs: Runs,
}

impl<'t> Page<'t> {
    /// Cuts `text`; words are those of Unicode Standard Annex 29 or pieces between white space.
    ///
    /// # Errors
    /// [`Error::Conflict`] for [`Unit::Characters`], [`Error::OutOfMemory`].
    pub fn new(text: &'t str, unit: Unit) -> Result<Self> {
        Self::new_in(text, unit, &Context::default())
    }

    /// [`new`](Self::new), watched: a text of many megabytes takes a second.
    ///
    /// # Errors
    /// As [`new`](Self::new); [`Error::Cancelled`].
    pub fn new_in(text: &'t str, unit: Unit, cx: &Context) -> Result<Self> {
        let words = match unit {
            Unit::Words => collect_in(text.unicode_words(), cx)?,
            Unit::Whitespace => collect_in(text.split_whitespace(), cx)?,
            Unit::Characters => {
                let why = "the rules count words";
                return Err(Error::Conflict { first: "document rules", second: "the unit characters", why });
            }
        };
        Ok(Self {
            text,
            lines: collect_in(Split::Lines.of(text), cx)?,
            paragraphs: collect_in(paragraphs(text), cx)?,
            runs: Runs::new(&words, cx)?,
            words,
        })
    }

    /// One measure.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a run of 0 words, [`Error::OutOfMemory`].
    /// # Cost
    /// O(n) in the bytes; copies and runs O(m log m) in the lines or words, 8 m bytes.
    pub fn measure(&self, measure: Measure) -> Result<f64> {
        let lines = |is: &dyn Fn(&str) -> bool| {
            ratio(self.lines.iter().filter(|line| is(line)).count() as u64, self.lines.len() as u64)
        };
        let words = self.words.len() as u64;
        let text = self.text;
        Ok(match measure {
            Measure::Words => words as f64,
            Measure::MeanWordLength => ratio(self.runs.characters(), words),
            Measure::HashesPerWord => ratio(text.matches('#').count() as u64, words),
            Measure::EllipsesPerWord => {
                ratio((text.matches("...").count() + text.matches('…').count()) as u64, words)
            }
            Measure::BulletLines => lines(&|line| line.starts_with(BULLETS)),
            Measure::EllipsisLines => lines(&|line| line.ends_with("...") || line.ends_with('…')),
            Measure::AlphabeticWords => {
                let alphabetic = self.words.iter().filter(|word| word.contains(char::is_alphabetic));
                ratio(alphabetic.count() as u64, words)
            }
            Measure::AlphabeticPieces => {
                let alphabetic = text.split_whitespace().filter(|piece| piece.contains(char::is_alphabetic));
                ratio(alphabetic.count() as u64, text.split_whitespace().count() as u64)
            }
            Measure::StopWords => {
                let found = |stop: &&&str| self.words.iter().any(|word| is_one_of(word, &[stop]));
                GOPHER_STOP_WORDS.iter().filter(found).count() as f64
            }
            Measure::DuplicateLines => ratio(copies(&self.lines)?.0, self.lines.len() as u64),
            Measure::DuplicateLineCharacters => {
                let (_, copied, all) = copies(&self.lines)?;
                ratio(copied, all)
            }
            Measure::DuplicateParagraphs => ratio(copies(&self.paragraphs)?.0, self.paragraphs.len() as u64),
            Measure::DuplicateParagraphCharacters => {
                let (_, copied, all) = copies(&self.paragraphs)?;
                ratio(copied, all)
            }
            Measure::MostFrequentRun(n) => {
                ratio(self.runs.most_frequent(at_least_one(n)?)?, self.runs.characters())
            }
            Measure::RepeatedRuns(n) => ratio(self.runs.repeated(at_least_one(n)?)?, self.runs.characters()),
            Measure::TerminalLines => lines(&|line| line.ends_with(TERMINAL) || line.ends_with(END_QUOTES)),
            Measure::LinesShorterThan(most) => {
                lines(&|line| line.graphemes(true).take(most as usize).count() < most as usize)
            }
            Measure::LineBreaksPerWord => ratio(text.matches('\n').count() as u64, words),
            Measure::PunctuatedPieces => {
                let ends = |piece: &&str| piece.ends_with(['.', '\'', '"', '!', '?']);
                ratio(text.split('\n').filter(ends).count() as u64, text.split('\n').count() as u64)
            }
            Measure::PiecesUpTo(most) => {
                let short = |piece: &&str| piece.chars().nth(most.into()).is_none();
                ratio(text.split('\n').filter(short).count() as u64, text.split('\n').count() as u64)
            }
            Measure::CopiedPieceCharacters => {
                let points = |piece: &str| piece.chars().count() as u64;
                let mut pieces =
                    collect(text.split('\n').filter(|piece| !piece.chars().all(is_blank_of_python)))?;
                let all: u64 = text.split('\n').map(points).sum();
                let once: u64 = pieces.iter().map(|piece| points(piece)).sum();
                pieces.sort_unstable();
                pieces.dedup();
                ratio(once - pieces.iter().map(|piece| points(piece)).sum::<u64>(), all)
            }
            Measure::Sentences => sentences::count(text) as f64,
            Measure::CurlyBrackets => text.matches(['{', '}']).count() as f64,
            Measure::LoremIpsum => occurrences(text, "lorem ipsum") as f64,
        })
    }

    /// Characters of the whole document.
    pub fn characters(&self) -> u64 {
        characters(self.text)
    }
}

fn at_least_one(n: u8) -> Result<usize> {
    check::at_least_one("words of a run", n)?;
    Ok(n as usize)
}

/// What `str.strip` of Python takes off.
fn is_blank_of_python(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// NaN for a ratio to nothing.
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { f64::NAN } else { part as f64 / whole as f64 }
}

/// The pieces between blank lines, white space trimmed off.
fn paragraphs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    core::iter::from_fn(move || {
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                return None;
            }
            let mut end = 0;
            for line in rest.split_inclusive('\n') {
                if line.trim().is_empty() {
                    break;
                }
                end += line.len();
            }
            let (piece, after) = rest.split_at(end);
            rest = after;
            let piece = piece.trim();
            if !piece.is_empty() {
                return Some(piece);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_end_at_blank_lines() {
        let found = |text| paragraphs(text).collect::<Vec<_>>();
        assert_eq!(found(" a\nb\n \t\n\n c\r\n\r\nd"), ["a\nb", "c", "d"]);
        assert_eq!(found("\n \n"), [""; 0]);
    }
}
