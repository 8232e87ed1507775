//! C4's cleaning: lines go first, then pages.
//!
//! *Source*: Raffel et al. 2020 (Exploring the Limits of Transfer Learning with a Unified
//! Text-to-Text Transformer), section 2.2. Not done here, because they need lists or models of
//! their own or change the text: the word list of the "bad words" filter, the removal of citation
//! marks, deduplication of three-sentence spans, language detection.

use alloc::string::String;
use alloc::vec::Vec;

use super::sentences;
use super::text::{characters, holds, occurrences};
use super::{Split, Unit};
use crate::control::Context;
use crate::error::{Error, Result};
use crate::memory::try_grow;
use crate::params::{choices, default_is_new, setters};

/// Notices whose lines go.
const POLICY: [&str; 6] =
    ["terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies"];

/// C4's end marks: period, exclamation mark, question mark, end quotation mark.
const END_MARKS: [char; 5] = ['.', '!', '?', '"', '”'];

/// Why a line goes; the first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LineFault {
    /// A piece between white space of more characters than allowed.
    LongWord,
    /// The line does not end with `. ! ?` or a closing quotation mark `" ”`.
    NoEndMark,
    /// The line has too few words.
    FewWords,
    /// The line holds "javascript", in any case of letters.
    Javascript,
    /// The line holds one of: terms of use, privacy policy, cookie policy, uses cookies, use of cookies,
    /// use cookies.
    Policy,
}

choices!(LineFault: LongWord, NoEndMark, FewWords, Javascript, Policy);

/// Why a page goes; the first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PageFault {
    /// The page holds a curly bracket.
    CurlyBracket,
    /// The page holds "lorem ipsum", in any case of letters.
    LoremIpsum,
    /// The lines that stay hold too few sentences.
    FewSentences,
}

choices!(PageFault: CurlyBracket, LoremIpsum, FewSentences);

/// C4's line and page rules: parameters.
///
/// Versions of the paper disagree: some keep lines of at least 3 words and pages of at least 5
/// sentences (so most later filters, and the defaults here), others, and the code published with
/// it, 5 words and 3 sentences. Words of more than 1000 characters and policy notices come from that
/// code.
///
/// [`new`](C4::new) follows the words of the paper. The program (`c4_utils.clean_page` of tensorflow_datasets, the same
/// from 2020 to 4.9.9 of 2025) does otherwise in five points, and [`released`](C4::released) follows it in all of them:
///
/// | | the paper's words | the program |
/// |---|---|---|
/// | a line that ends in `...` | stays | goes |
/// | an end quotation mark | `"` and `”` | `"` |
/// | `[1]`, `[edit]`, `[citation needed]` behind the full stop | no end mark: the line goes | are taken out first |
/// | a curly bracket | `{` or `}` anywhere: the page goes | `{` in a line that passed the rules before it |
/// | "lorem ipsum" | anywhere: the page goes | in a line that passed the rules before it |
///
/// What remains: sentences are those of Unicode here and NLTK's there, and words that the program counts lie between
/// white space.
///
/// # Example
/// ```
/// use pauca::quality::{C4, LineFault, PageFault};
/// let page = "Home | About\nThis is a sentence.\nPlease enable Javascript to go on.\nSo.\n";
/// let cleaned = C4::new().min_sentences(1).clean(page)?;
/// assert_eq!(cleaned.kept().collect::<Vec<_>>(), ["This is a sentence."]);
/// assert_eq!(cleaned.lines[0].1, Some(LineFault::NoEndMark));
/// assert_eq!(cleaned.lines[2].1, Some(LineFault::Javascript));
/// assert_eq!(cleaned.lines[3].1, Some(LineFault::FewWords));
/// assert_eq!(cleaned.fault, None);
/// assert_eq!(C4::new().clean(page)?.fault, Some(PageFault::FewSentences));
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct C4 {
    min_words: u64,
    min_sentences: u64,
    max_word_characters: u64,
    policy: bool,
    released: bool,
}

default_is_new!(C4);

impl C4 {
    /// The rules by the words of the paper: 3 words, 5 sentences, 1000 characters, policy notices go.
    pub fn new() -> Self {
        Self { min_words: 3, min_sentences: 5, max_word_characters: 1000, policy: true, released: false }
    }

    /// The rules of the program: 5 words, 3 sentences, 1000 code points, policy notices go; see the table above.
    pub fn released() -> Self {
        Self { min_words: 5, min_sentences: 3, released: true, ..Self::new() }
    }

    setters! {
        /// Fewest words of a line.
        min_words: u64;
        /// Fewest sentences of a page.
        min_sentences: u64;
        /// Most characters of a piece between white space.
        max_word_characters: u64;
        /// Whether lines with policy notices go.
        policy: bool;
    }

    /// Judges every line of a page, then the page.
    ///
    /// # Ties
    /// A line of exactly the fewest words and a page of exactly the fewest sentences stay. A page
    /// without lines has too few sentences.
    /// # Errors
    /// [`OutOfMemory`](crate::Error::OutOfMemory).
    pub fn clean<'t>(&self, page: &'t str) -> Result<Cleaned<'t>> {
        self.clean_in(page, &Context::default())
    }

    /// [`clean`](Self::clean), watched: a page of many megabytes takes a second.
    ///
    /// # Errors
    /// As [`clean`](Self::clean); [`Cancelled`](crate::Error::Cancelled).
    pub fn clean_in<'t>(&self, page: &'t str, cx: &Context) -> Result<Cleaned<'t>> {
        if self.released {
            return self.clean_as_released(page, cx);
        }
        let mut lines = Vec::new();
        let mut sentences = 0;
        for line in Split::Lines.of(page) {
            if lines.len().is_multiple_of(LINES) {
                cx.control.check()?;
            }
            let fault = self.line_fault(line);
            if fault.is_none() {
                sentences += sentences::count(line);
            }
            try_grow(&mut lines, 1)?;
            lines.push((line, fault));
        }
        let fault = if page.contains(['{', '}']) {
            Some(PageFault::CurlyBracket)
        } else if occurrences(page, "lorem ipsum") > 0 {
            Some(PageFault::LoremIpsum)
        } else if sentences < self.min_sentences || lines.is_empty() {
            Some(PageFault::FewSentences)
        } else {
            None
        };
        Ok(Cleaned { lines, sentences, fault })
    }

    /// The program's loop; the page's fault is that of the first line that holds it.
    fn clean_as_released<'t>(&self, page: &'t str, cx: &Context) -> Result<Cleaned<'t>> {
        let (mut lines, mut sentences, mut fault) = (Vec::new(), 0, None);
        for line in page.split(LINE_ENDS).map(str::trim).filter(|line| !line.is_empty()) {
            if lines.len().is_multiple_of(LINES) {
                cx.control.check()?;
            }
            let plain = without_citations(line)?;
            let long = |word: &str| word.chars().count() as u64 > self.max_word_characters;
            let line_fault = if line.split_whitespace().any(long) {
                Some(LineFault::LongWord)
            } else if !plain.ends_with(['.', '?', '!', '"']) || plain.ends_with("...") {
                Some(LineFault::NoEndMark)
            } else if (plain.split_whitespace().count() as u64) < self.min_words {
                Some(LineFault::FewWords)
            } else {
                if holds(&plain, "lorem ipsum") {
                    fault = fault.or(Some(PageFault::LoremIpsum));
                }
                if holds(&plain, "javascript") {
                    Some(LineFault::Javascript)
                } else {
                    if plain.contains('{') {
                        fault = fault.or(Some(PageFault::CurlyBracket));
                    }
                    let policy = self.policy && POLICY.iter().any(|notice| holds(&plain, notice));
                    policy.then_some(LineFault::Policy)
                }
            };
            if line_fault.is_none() {
                sentences += sentences::count(&plain);
            }
            try_grow(&mut lines, 1)?;
            lines.push((line, line_fault));
        }
        let few = sentences < self.min_sentences || lines.is_empty();
        Ok(Cleaned { lines, sentences, fault: fault.or(few.then_some(PageFault::FewSentences)) })
    }

    fn line_fault(&self, line: &str) -> Option<LineFault> {
        if line.split_whitespace().any(|word| characters(word) > self.max_word_characters) {
            Some(LineFault::LongWord)
        } else if !line.ends_with(END_MARKS) {
            Some(LineFault::NoEndMark)
        } else if Unit::Words.count(line) < self.min_words {
            Some(LineFault::FewWords)
        } else if holds(line, "javascript") {
            Some(LineFault::Javascript)
        } else if self.policy && POLICY.iter().any(|notice| holds(line, notice)) {
            Some(LineFault::Policy)
        } else {
            None
        }
    }
}

/// Lines between two questions whether to go on.
const LINES: usize = 256;

/// What `str.splitlines` of Python cuts at.
const LINE_ENDS: [char; 10] =
    ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];

/// The line without `[12]`, `[]`, `[edit]` and `[citation needed]`.
fn without_citations(line: &str) -> Result<String> {
    let mut plain = String::new();
    plain.try_reserve(line.len()).map_err(|_| Error::OutOfMemory { bytes: line.len() })?;
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('[') {
        plain.push_str(before);
        let numbered = after.trim_start_matches(|c: char| c.is_numeric()).strip_prefix(']');
        let named = || after.strip_prefix("edit]").or_else(|| after.strip_prefix("citation needed]"));
        match numbered.or_else(named) {
            Some(behind) => rest = behind,
            None => {
                plain.push('[');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    Ok(plain)
}

/// A page and what C4's rules say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cleaned<'t> {
    /// Lines that are not blank, white space trimmed off, and why each goes.
    pub lines: Vec<(&'t str, Option<LineFault>)>,
    /// Sentences of the lines that stay.
    pub sentences: u64,
    /// Why the page goes.
    pub fault: Option<PageFault>,
}

impl<'t> Cleaned<'t> {
    /// The lines that stay, where the page does.
    pub fn kept(&self) -> impl Iterator<Item = &'t str> + '_ {
        let stays = |(line, fault): &(&'t str, Option<LineFault>)| fault.is_none().then_some(*line);
        self.lines.iter().filter_map(stays).filter(|_| self.fault.is_none())
    }
}
