//! Ten yes-or-no questions to a line that need no parser.
//!
//! The paper names fourteen filters and defines none of them; public reimplementations disagree on
//! most. These are ours, each defined in its documentation to the last character, so that a score
//! means something. Each is stored as **pass = good**: where the paper's name describes a fault
//! (`word_repetition_ratio_ge_0_2`, `javascript_flag`), passing means not to have it, because
//! its raw form would select faulty lines and get weight 0 from any model. The four that
//! need a parser (`has_object`, `has_noun`, `has_determiner`, `text_complexity_c1`) are left to
//! the caller's own matrix ([`line_scores`](super::line_scores)).

use alloc::vec::Vec;

use unicode_segmentation::UnicodeSegmentation;

use super::text::{PART, characters, folded, holds};
use crate::error::Result;
use crate::memory::try_grow;
use crate::params::choices;

/// Frequent English words without meaning of their own; what [`Predicate::StopWords`] counts.
/// Sorted. Ours: the paper names no list.
pub const STOP_WORDS: [&str; 58] = [
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "can", "do", "for", "from", "had", "has",
    "have", "he", "her", "his", "i", "if", "in", "is", "it", "its", "no", "not", "of", "on", "one", "or",
    "she", "so", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "to",
    "was", "we", "were", "what", "when", "where", "which", "who", "will", "with", "would", "you", "your",
];

/// What ends a sentence.
pub(super) const TERMINAL: [char; 10] = ['.', '!', '?', '…', '。', '．', '！', '？', '؟', '।'];
/// What may follow that: closing quotation marks and brackets.
const CLOSING: [char; 13] = ['"', '\'', ')', ']', '}', '*', '»', '”', '’', '」', '』', '）', '】'];
/// ASCII marks of ordinary prose.
const PROSE: &str = "!\"'(),-.:;?";

/// What is counted in a line: everything that the predicates look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LineFacts {
    /// Words (Unicode Standard Annex 29: segments that hold a letter or a digit).
    pub words: u64,
    /// Words that repeat an earlier one of the line, compared in lower case.
    pub repeated_words: u64,
    /// Words of [`STOP_WORDS`].
    pub stop_words: u64,
    /// Segments of Annex 29 other than white space: words, and marks one by one.
    pub tokens: u64,
    /// Characters (grapheme clusters) other than white space.
    pub characters: u64,
    /// Characters that begin with an alphabetic code point.
    pub letters: u64,
    /// Upper-case code points.
    pub upper: u64,
    /// Lower-case code points.
    pub lower: u64,
    /// ASCII marks other than `! " ' ( ) , - . : ; ?`, control characters other than tab, and
    /// U+FFFD (what a broken encoding leaves behind).
    pub special: u64,
    /// Whether the first alphabetic code point is not of lower case; false without one.
    pub capital: bool,
    /// Whether the last character, closing quotation marks and brackets skipped, ends a sentence.
    pub terminal: bool,
    /// Whether "javascript" occurs in it, in any case of letters.
    pub javascript: bool,
}

impl LineFacts {
    /// Counts in `line`.
    ///
    /// # Errors
    /// `OutOfMemory`.
    /// # Cost
    /// O(n) in the bytes, O(w log w) in the words, 16 w bytes.
    pub fn of(line: &str) -> Result<Self> {
        Self::watched(line, &|| Ok(()))
    }

    /// [`of`](Self::of) a line that may be a whole book: `check` is asked again and again whether to go on.
    pub(super) fn watched(line: &str, check: &dyn Fn() -> Result<()>) -> Result<Self> {
        let mut words: Vec<&str> = Vec::new();
        for (i, word) in line.unicode_words().enumerate() {
            if i % PART == 0 {
                check()?;
            }
            try_grow(&mut words, 1)?;
            words.push(word);
        }
        let mut facts =
            if line.is_ascii() { Self::of_ascii(line, check)? } else { Self::of_any(line, check)? };
        facts.words = words.len() as u64;
        facts.stop_words = words.iter().filter(|word| is_one_of(word, &STOP_WORDS)).count() as u64;
        check()?;
        facts.repeated_words = if line.is_ascii() {
            words.sort_unstable_by(|a, b| {
                a.len().cmp(&b.len()).then_with(|| lower_bytes(a).cmp(lower_bytes(b)))
            });
            words.windows(2).filter(|pair| pair[0].eq_ignore_ascii_case(pair[1])).count() as u64
        } else {
            words.sort_unstable_by(|a, b| folded(a).cmp(folded(b)));
            words.windows(2).filter(|pair| folded(pair[0]).eq(folded(pair[1]))).count() as u64
        };
        check()?;
        facts.terminal = line.trim_end().trim_end_matches(CLOSING).ends_with(TERMINAL);
        facts.javascript = holds(line, "javascript");
        Ok(facts)
    }

    /// The facts that need no words, and the tokens.
    fn of_any(line: &str, check: &dyn Fn() -> Result<()>) -> Result<Self> {
        check()?;
        let count = |is: fn(char) -> bool| line.chars().filter(|c| is(*c)).count() as u64;
        let letters = line.graphemes(true).filter(|g| g.starts_with(char::is_alphabetic)).count();
        check()?;
        let tokens = line.split_word_bounds().filter(|token| !token.trim().is_empty()).count() as u64;
        check()?;
        let characters = characters(line);
        check()?;
        Ok(Self {
            tokens,
            characters,
            letters: letters as u64,
            upper: count(char::is_uppercase),
            lower: count(char::is_lowercase),
            special: count(is_special),
            capital: line.chars().find(|c| c.is_alphabetic()).is_some_and(|c| !c.is_lowercase()),
            ..Self::default()
        })
    }

    /// The facts of an ASCII line, where every byte is a code point. CR LF is the only character of two bytes,
    /// and it is white space. Between words every mark is a token of its own; only adjacent underscores form one.
    fn of_ascii(line: &str, check: &dyn Fn() -> Result<()>) -> Result<Self> {
        let mut facts = Self::default();
        for c in line.bytes().map(char::from) {
            facts.characters += u64::from(!c.is_whitespace());
            facts.letters += u64::from(c.is_ascii_alphabetic());
            facts.upper += u64::from(c.is_ascii_uppercase());
            facts.lower += u64::from(c.is_ascii_lowercase());
            facts.special += u64::from(is_special(c));
            facts.capital |= facts.letters == 1 && c.is_ascii_uppercase();
        }
        let mut marks = |between: &str| {
            let bytes = between.as_bytes();
            let sticks = |i: usize| bytes[i] == b'_' && i > 0 && bytes[i - 1] == b'_';
            let own = |i: &usize| !char::from(bytes[*i]).is_whitespace() && !sticks(*i);
            facts.tokens += (0..bytes.len()).filter(own).count() as u64;
        };
        let (mut end, mut words) = (0, 0);
        for (start, word) in line.unicode_word_indices() {
            if words % PART as u64 == 0 {
                check()?;
            }
            marks(line.get(end..start).unwrap_or(""));
            end = start + word.len();
            words += 1;
        }
        marks(line.get(end..).unwrap_or(""));
        facts.tokens += words;
        Ok(facts)
    }
}

/// The bytes of ASCII in lower case.
fn lower_bytes(word: &str) -> impl Iterator<Item = u8> + '_ {
    word.bytes().map(|b| b.to_ascii_lowercase())
}

/// Whether `word` in lower case is one of `list`, which is of lower case.
pub(super) fn is_one_of(word: &str, list: &[&str]) -> bool {
    match word.is_ascii() {
        true => list.iter().any(|stop| stop.eq_ignore_ascii_case(word)),
        false => list.iter().any(|stop| folded(word).eq(stop.chars())),
    }
}

fn is_special(c: char) -> bool {
    (c.is_ascii_punctuation() && !PROSE.contains(c)) || (c.is_control() && c != '\t') || c == '\u{fffd}'
}

/// A question that a line passes or fails. Passing is good.
///
/// # Example
/// ```
/// use pauca::quality::{LineFacts, Predicate};
/// let prose = LineFacts::of("It is a truth universally acknowledged.")?;
/// assert!(Predicate::ALL.iter().all(|p| p.passes(&prose)));
/// let code = LineFacts::of("x = {'a': 1}  # x")?;
/// let passed: Vec<_> = Predicate::ALL.iter().filter(|p| p.passes(&code)).map(|p| p.name()).collect();
/// assert_eq!(passed, ["not_all_capitals", "no_javascript", "three_tokens", "three_to_256_words"]);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Predicate {
    /// The first letter is not of lower case. Fails without a letter; a letter without case passes.
    FirstLetterCapital,
    /// Not written in capitals: fewer than two upper-case letters, or a lower-case one among them.
    NotAllCapitals,
    /// Less than 0.2 of the words repeat an earlier word of the line. A line without words passes.
    FewRepetitions,
    /// At most 0.25 of the characters that are not white space are something else than letters
    /// (digits, punctuation, symbols). A line without characters passes.
    FewDigitsAndMarks,
    /// Nothing of [`LineFacts::special`].
    NoSpecialCharacters,
    /// Ends a sentence ([`LineFacts::terminal`]).
    TerminalPunctuation,
    /// At least two words of [`STOP_WORDS`] (the same one twice will do).
    StopWords,
    /// "javascript" does not occur.
    NoJavascript,
    /// At least three tokens ([`LineFacts::tokens`]).
    ThreeTokens,
    /// Three to 256 words.
    ThreeTo256Words,
}

choices!(
    /// It is the order of every matrix and of every list of weights here.
    [Predicate]:
    FirstLetterCapital "first_letter_capital", NotAllCapitals "not_all_capitals",
    FewRepetitions "few_repetitions", FewDigitsAndMarks "few_digits_and_marks",
    NoSpecialCharacters "no_special_characters", TerminalPunctuation "terminal_punctuation",
    StopWords "two_stop_words", NoJavascript "no_javascript", ThreeTokens "three_tokens",
    ThreeTo256Words "three_to_256_words");

impl Predicate {
    /// The paper's name for it. Some of those name a fault: passing here means not to have it.
    pub fn alias(self) -> &'static str {
        match self {
            Self::FirstLetterCapital => "has_first_letter_caps",
            Self::NotAllCapitals => "no_all_caps",
            Self::FewRepetitions => "word_repetition_ratio_ge_0_2",
            Self::FewDigitsAndMarks => "digit_punctuation_ratio_0_25",
            Self::NoSpecialCharacters => "no_special_characters",
            Self::TerminalPunctuation => "terminal_punctuation",
            Self::StopWords => "stop_word_match_2",
            Self::NoJavascript => "javascript_flag",
            Self::ThreeTokens => "token_count_ge_3",
            Self::ThreeTo256Words => "word_count_3_256",
        }
    }

    /// The predicate of this name or alias.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name || p.alias() == name)
    }

    /// Whether a line passes. Ratios are compared as quotients rounded once.
    pub fn passes(self, line: &LineFacts) -> bool {
        let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
        match self {
            Self::FirstLetterCapital => line.capital,
            Self::NotAllCapitals => line.upper < 2 || line.lower > 0,
            Self::FewRepetitions => share(line.repeated_words, line.words) < 0.2,
            Self::FewDigitsAndMarks => {
                share(line.characters.saturating_sub(line.letters), line.characters) <= 0.25
            }
            Self::NoSpecialCharacters => line.special == 0,
            Self::TerminalPunctuation => line.terminal,
            Self::StopWords => line.stop_words >= 2,
            Self::NoJavascript => !line.javascript,
            Self::ThreeTokens => line.tokens >= 3,
            Self::ThreeTo256Words => (3..=256).contains(&line.words),
        }
    }
}
