//! Sites of the kinds that break the form: brackets, terminators, indentation, names, conditions,
//! indices.

use alloc::vec::Vec;

use super::lines::Scanned;
use super::words::is_reserved;
use super::{Change, Found};
use crate::corruption::syntax::Kind;
use crate::error::Result;
use crate::memory::try_grow;

/// Operators of conditions, and their opposites.
const OPPOSITES: &[(&str, &str)] = &[
    ("==", "!="),
    ("!=", "=="),
    ("===", "!=="),
    ("!==", "==="),
    ("<=", ">"),
    (">=", "<"),
    ("<", ">="),
    (">", "<="),
    ("&&", "||"),
    ("||", "&&"),
    ("and", "or"),
    ("or", "and"),
    ("True", "False"),
    ("False", "True"),
    ("true", "false"),
    ("false", "true"),
];

/// The operator or truth value that says the opposite of another, in the spelling of C and its kin or of Python; none
/// for other words. What [`Conditionals`](crate::corruption::Corruption::Conditionals) writes, for callers that make
/// [`Part`](crate::corruption::Part)s of their own.
///
/// ```
/// use pauca::corruption::opposite;
/// assert_eq!((opposite("<="), opposite("and"), opposite("=")), (Some(">"), Some("or"), None));
/// ```
pub fn opposite(word: &str) -> Option<&'static str> {
    OPPOSITES.iter().find(|(one, _)| *one == word).map(|(_, other)| *other)
}

const OPERATOR: &str = "=!<>&|-+*/%^~?:@.";

impl Scanned<'_> {
    pub(super) fn closing_brackets(&self, found: &mut Found) -> Result<()> {
        for (i, t) in self.tokens.iter().enumerate() {
            if self.is_one_of(i, ")]}") {
                found.add(t.start, t.end, Change::Fixed(""))?;
            }
        }
        Ok(())
    }

    pub(super) fn terminators(&self, found: &mut Found) -> Result<()> {
        for line in self.lines(false)? {
            if let Some(i) = self.last_code(&line).filter(|&i| self.is_one_of(i, ":;")) {
                found.add(self.tokens[i].start, self.tokens[i].end, Change::Fixed(""))?;
            }
        }
        Ok(())
    }

    pub(super) fn indentation(&self, found: &mut Found) -> Result<()> {
        for line in self.lines(false)? {
            if self.first_code(&line).is_some() {
                let indent = self.indent(&line);
                found.add(indent.start, indent.end, Change::Indent)?;
            }
        }
        Ok(())
    }

    pub(super) fn renames(&self, found: &mut Found) -> Result<()> {
        let mut words: Vec<(&str, usize)> = Vec::new();
        for (i, t) in self.tokens.iter().enumerate() {
            if t.kind == Kind::Word && !is_reserved(t.of(self.text)) {
                try_grow(&mut words, 1)?;
                words.push((t.of(self.text), i));
            }
        }
        words.sort_unstable();
        let mut later: Vec<usize> = Vec::new();
        for same in words.chunk_by(|a, b| a.0 == b.0) {
            try_grow(&mut later, same.len())?;
            later.extend(same.iter().skip(1).map(|w| w.1));
        }
        later.sort_unstable();
        later.iter().try_for_each(|&i| found.add(self.tokens[i].start, self.tokens[i].end, Change::Suffix))
    }

    pub(super) fn conditionals(&self, found: &mut Found) -> Result<()> {
        let mut i = 0;
        while i < self.tokens.len() {
            let mut end = i + 1;
            if self.is_one_of(i, OPERATOR) {
                while self.is_one_of(end, OPERATOR) {
                    end += 1;
                }
            } else if self.kind(i) != Some(Kind::Word) {
                i += 1;
                continue;
            }
            let (start, stop) = (self.tokens[i].start, self.tokens[end - 1].end);
            let run = self.text.get(start..stop).unwrap_or("");
            // Alone, < and > are brackets of types as often as comparisons: blanks tell.
            let blank = |i: Option<usize>| i.is_some_and(|i| self.kind(i) == Some(Kind::Blank));
            let apart = blank(i.checked_sub(1)) && blank(Some(end));
            if run == "not" && blank(Some(end)) {
                found.add(start, self.tokens[end].end, Change::Fixed(""))?;
            } else if let Some(opposite) = opposite(run)
                && (apart || !matches!(run, "<" | ">"))
            {
                found.add(start, stop, Change::Fixed(opposite))?;
            }
            i = end;
        }
        Ok(())
    }

    pub(super) fn index_offsets(&self, found: &mut Found) -> Result<()> {
        let partner = self.partners("([{", ")]}")?;
        let full = self.counts(|i| self.kind(i) != Some(Kind::Blank))?;
        let odd = self.counts(|i| {
            self.is_one_of(i, ":,;=")
                || matches!(self.kind(i), Some(Kind::Text | Kind::Comment | Kind::Newline))
        })?;
        for open in 1..self.tokens.len() {
            let indexed = match self.kind(open - 1) {
                Some(Kind::Word) => !is_reserved(self.word(open - 1)),
                _ => self.is_one_of(open - 1, ")]"),
            };
            let close = partner[open];
            if !indexed || !self.is(open, '[') || !self.is(close, ']') || odd[close] > odd[open] {
                continue;
            }
            // Blanks stand together as one token, so what is alone is the first or the second.
            let first = if self.kind(open + 1) == Some(Kind::Blank) { open + 2 } else { open + 1 };
            match full[close] - full[open + 1] {
                0 => {}
                1 if self.kind(first) == Some(Kind::Number) => {
                    // Not a whole number: no index.
                    if let Some(value) = self.word(first).parse::<u64>().ok().filter(|v| *v < u64::MAX) {
                        found.add(self.tokens[first].start, self.tokens[first].end, Change::Number(value))?;
                    }
                }
                _ => found.add(self.tokens[close].start, self.tokens[close].start, Change::PlusMinus)?,
            }
        }
        // A site within the brackets of another ends before it.
        found.sites.sort_unstable_by_key(|s| s.start);
        Ok(())
    }
}
