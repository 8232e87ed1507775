//! The pieces of a text in lines, whatever the language.

use alloc::vec::Vec;
use core::ops::Range;

use crate::corruption::syntax::{Kind, Token};
use crate::error::Result;
use crate::memory::{try_capacity, try_grow, try_vec};

/// A text and its pieces.
pub(super) struct Scanned<'t> {
    pub text: &'t str,
    pub tokens: &'t [Token],
    /// Blocks by indentation.
    pub hash: bool,
}

impl<'t> Scanned<'t> {
    pub fn word(&self, i: usize) -> &'t str {
        self.tokens.get(i).map_or("", |t| t.of(self.text))
    }

    pub fn kind(&self, i: usize) -> Option<Kind> {
        self.tokens.get(i).map(|t| t.kind)
    }

    pub fn is(&self, i: usize, mark: char) -> bool {
        self.tokens.get(i).is_some_and(|t| t.is(self.text, mark))
    }

    pub fn is_one_of(&self, i: usize, marks: &str) -> bool {
        self.kind(i) == Some(Kind::Mark) && self.word(i).chars().all(|c| marks.contains(c))
    }

    /// Lines as ranges of tokens, their line end left out. A string or comment that spans lines
    /// lies in one of them; with `joined`, so does everything within round and square brackets.
    pub fn lines(&self, joined: bool) -> Result<Vec<Range<usize>>> {
        let (mut lines, mut start, mut depth) = (Vec::new(), 0, 0usize);
        for i in 0..=self.tokens.len() {
            if self.is_one_of(i, "([") {
                depth += 1;
            } else if self.is_one_of(i, ")]") {
                depth = depth.saturating_sub(1);
            }
            let end =
                i == self.tokens.len() || self.kind(i) == Some(Kind::Newline) && (depth == 0 || !joined);
            if end {
                if lines.len() == lines.capacity() {
                    let more = lines.len().max(64);
                    try_grow(&mut lines, more)?;
                }
                lines.push(start..i);
                start = i + 1;
            }
        }
        Ok(lines)
    }

    pub fn first_code(&self, line: &Range<usize>) -> Option<usize> {
        line.clone().find(|&i| self.tokens[i].is_code())
    }

    pub fn last_code(&self, line: &Range<usize>) -> Option<usize> {
        line.clone().rev().find(|&i| self.tokens[i].is_code())
    }

    /// Byte at which a line of tokens begins.
    pub fn begin(&self, line: &Range<usize>) -> usize {
        self.tokens.get(line.start).map_or(self.text.len(), |t| t.start)
    }

    /// Byte behind a line and its line end.
    pub fn beyond(&self, line: &Range<usize>) -> usize {
        self.tokens.get(line.end).map_or(self.text.len(), |t| t.end)
    }

    /// For every mark of `open` the mark of `close` that closes it: the first behind it with as
    /// many of both in between. [`usize::MAX`] for all else.
    pub fn partners(&self, open: &str, close: &str) -> Result<Vec<usize>> {
        let mut partner = try_vec(self.tokens.len(), usize::MAX)?;
        let mut waiting: Vec<usize> = Vec::new();
        for i in 0..self.tokens.len() {
            if self.is_one_of(i, open) {
                try_grow(&mut waiting, 1)?;
                waiting.push(i);
            } else if self.is_one_of(i, close)
                && let Some(opened) = waiting.pop()
            {
                partner[opened] = i;
            }
        }
        Ok(partner)
    }

    /// Entry i is the number of tokens before i for which `is` holds, so that the tokens of a..b are counted at once.
    pub fn counts(&self, is: impl Fn(usize) -> bool) -> Result<Vec<usize>> {
        let (mut counts, mut sum) = (try_capacity(self.tokens.len() + 1)?, 0);
        counts.push(0);
        counts.extend((0..self.tokens.len()).map(|i| {
            sum += usize::from(is(i));
            sum
        }));
        Ok(counts)
    }

    /// Bytes of the blanks before the first code of a line.
    pub fn indent(&self, line: &Range<usize>) -> Range<usize> {
        let start = self.begin(line);
        match self.tokens.get(line.start) {
            Some(t) if t.kind == Kind::Blank => start..t.end,
            _ => start..start,
        }
    }

    /// Whether a line opens a block of code, by its last token.
    pub fn opens(&self, line: &Range<usize>) -> bool {
        self.last_code(line).is_some_and(|i| self.is_one_of(i, if self.hash { ":" } else { "{" }))
    }
}
