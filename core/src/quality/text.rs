//! How a text falls into lines, and how long a line is.

use alloc::vec::Vec;

use unicode_segmentation::UnicodeSegmentation;

use super::sentences::sentences;
use crate::control::Context;
use crate::error::Result;
use crate::memory::try_grow;
use crate::params::choices;

/// What counts as a line. Pieces of white space alone never count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Split {
    /// What stands between line breaks (`\n`, `\r\n`).
    Lines,
    /// Sentences of Unicode Standard Annex 29; a line break ends one, too.
    Sentences,
}

choices!(Split: Lines, Sentences);

impl Split {
    /// The pieces of `text`, white space trimmed off both ends, in order.
    ///
    /// # Example
    /// ```
    /// use pauca::quality::Split;
    /// let text = "One. Two!\n\n  Three\n";
    /// assert_eq!(Split::Lines.of(text).collect::<Vec<_>>(), ["One. Two!", "Three"]);
    /// assert_eq!(Split::Sentences.of(text).collect::<Vec<_>>(), ["One.", "Two!", "Three"]);
    /// ```
    pub fn of<'t>(self, text: &'t str) -> impl Iterator<Item = &'t str> + 't {
        let lines = (self == Self::Lines).then(|| text.lines());
        let sentences = (self == Self::Sentences).then(|| sentences(text));
        let pieces = lines.into_iter().flatten().chain(sentences.into_iter().flatten());
        pieces.map(str::trim).filter(|piece| !piece.is_empty())
    }
}

/// The unit in which a text's length is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unit {
    /// Words of Unicode Standard Annex 29: segments that hold a letter or a digit.
    Words,
    /// Pieces between white space.
    Whitespace,
    /// Characters (extended grapheme clusters) other than white space.
    Characters,
}

choices!(Unit: Words, Whitespace, Characters);

impl Unit {
    /// How many of them `text` holds.
    ///
    /// # Example
    /// ```
    /// use pauca::quality::Unit;
    /// let text = "na\u{ef}ve, isn't it? - 3.5";
    /// assert_eq!(Unit::Words.count(text), 4); // naïve isn't it 3.5
    /// assert_eq!(Unit::Whitespace.count(text), 5); // naïve, isn't it? - 3.5
    /// assert_eq!(Unit::Characters.count(text), 18);
    /// ```
    pub fn count(self, text: &str) -> u64 {
        match self {
            Self::Words => text.unicode_words().count() as u64,
            Self::Whitespace => text.split_whitespace().count() as u64,
            Self::Characters => characters(text),
        }
    }
}

/// Characters other than white space.
pub(super) fn characters(text: &str) -> u64 {
    if text.is_ascii() {
        // Every byte is one; carriage return and line feed together are blank, too.
        return text.bytes().filter(|b| !char::from(*b).is_whitespace()).count() as u64;
    }
    text.graphemes(true).filter(|c| !is_blank(c)).count() as u64
}

/// Whether a character is white space (a line break of two code points included).
pub(super) fn is_blank(character: &str) -> bool {
    character.chars().all(char::is_whitespace)
}

/// Lower case, a code point at a time: the form in which words are compared.
pub(super) fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_lowercase)
}

/// Whether `text` holds `word`, which is lower-case ASCII, in any case of ASCII letters.
pub(super) fn holds(text: &str, word: &str) -> bool {
    occurrences(text, word) > 0
}

/// How often `text` holds `word`, which is lower-case ASCII and does not overlap itself.
pub(super) fn occurrences(text: &str, word: &str) -> u64 {
    let windows = text.as_bytes().windows(word.len().max(1));
    let first = word.as_bytes().first().copied().unwrap_or(0);
    let begins = |window: &&[u8]| window[0].to_ascii_lowercase() == first;
    windows.filter(begins).filter(|window| window.eq_ignore_ascii_case(word.as_bytes())).count() as u64
}

/// Items of a text between two questions whether to go on.
pub(super) const PART: usize = 1 << 14;

/// The items of `iter`, or `OutOfMemory`.
pub(super) fn collect<T>(iter: impl Iterator<Item = T>) -> Result<Vec<T>> {
    collect_in(iter, &Context::default())
}

/// [`collect`], watched.
pub(super) fn collect_in<T>(iter: impl Iterator<Item = T>, cx: &Context) -> Result<Vec<T>> {
    let mut out = Vec::new();
    for (i, item) in iter.enumerate() {
        if i % PART == 0 {
            cx.control.check()?;
        }
        try_grow(&mut out, 1)?;
        out.push(item);
    }
    Ok(out)
}
