//! C4's cleaning: lines go first, then pages.
//!
//! *Source*: Raffel et al. 2020 (Exploring the Limits of Transfer Learning with a Unified
//! Text-to-Text Transformer), section 2.2. Not done here, because they need lists or models of
//! their own or change the text: the word list of the "bad words" filter, the removal of citation
//! marks, deduplication of three-sentence spans, language detection.

use alloc::vec::Vec;

use super::sentences;
use super::text::{characters, holds, occurrences};
use super::{Split, Unit};
use crate::error::Result;
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
}

default_is_new!(C4);

impl C4 {
    /// The rules as published: 3 words, 5 sentences, 1000 characters, policy notices go.
    pub fn new() -> Self {
        Self { min_words: 3, min_sentences: 5, max_word_characters: 1000, policy: true }
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
        let mut lines = Vec::new();
        let mut sentences = 0;
        for line in Split::Lines.of(page) {
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
