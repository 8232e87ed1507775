//! Where a text can be corrupted.

use alloc::vec::Vec;
use core::ops::Range;

use super::kinds::Corruption;
use super::syntax::{Kind, Syntax, Token};
use crate::error::{Result, try_grow};

/// A place and what may happen there; byte ranges of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Site {
    pub start: usize,
    pub end: usize,
    pub change: Change,
}

/// What happens at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The bytes are replaced by a fixed text.
    Fixed(&'static str),
    /// A blank of the indentation goes, or one more comes, by chance.
    Indent,
    /// A word gets a suffix that no other word has.
    Suffix,
    /// A whole number goes up or down by one, by chance.
    Number(u64),
    /// " + 1" or " - 1" is inserted, by chance.
    PlusMinus,
    /// The body of an indented block becomes `pass` at the indentation of these bytes.
    Pass { indent_start: usize, indent_end: usize },
}

/// Reserved words of widely used languages, which are no identifiers to rename.
const RESERVED: &[&str] = &[
    "False",
    "None",
    "True",
    "abstract",
    "and",
    "as",
    "assert",
    "async",
    "auto",
    "await",
    "bool",
    "boolean",
    "break",
    "byte",
    "case",
    "catch",
    "chan",
    "char",
    "class",
    "const",
    "continue",
    "crate",
    "def",
    "default",
    "defer",
    "del",
    "do",
    "double",
    "dyn",
    "elif",
    "else",
    "end",
    "enum",
    "except",
    "export",
    "extends",
    "extern",
    "false",
    "final",
    "finally",
    "float",
    "fn",
    "for",
    "from",
    "func",
    "function",
    "global",
    "go",
    "goto",
    "if",
    "impl",
    "implements",
    "import",
    "in",
    "instanceof",
    "int",
    "interface",
    "is",
    "lambda",
    "let",
    "long",
    "loop",
    "map",
    "match",
    "mod",
    "move",
    "mut",
    "namespace",
    "new",
    "nil",
    "nonlocal",
    "not",
    "null",
    "of",
    "or",
    "package",
    "pass",
    "private",
    "protected",
    "pub",
    "public",
    "raise",
    "range",
    "ref",
    "return",
    "select",
    "self",
    "short",
    "signed",
    "sizeof",
    "static",
    "str",
    "struct",
    "super",
    "switch",
    "template",
    "then",
    "this",
    "throw",
    "trait",
    "true",
    "try",
    "type",
    "typedef",
    "typeof",
    "union",
    "unsafe",
    "unsigned",
    "until",
    "use",
    "using",
    "var",
    "virtual",
    "void",
    "volatile",
    "when",
    "where",
    "while",
    "with",
    "yield",
];

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

const OPERATOR: &str = "=!<>&|-+*/%^~?:@.";

/// The sites of one kind in a scanned text, ascending; those of bodies may lie in one another.
pub(super) fn sites(kind: Corruption, text: &str, tokens: &[Token], syntax: Syntax) -> Result<Vec<Site>> {
    let mut found = Found { sites: Vec::new() };
    let scanned = Scanned { text, tokens, hash: syntax != Syntax::Slashes };
    match kind {
        Corruption::ClosingBrackets => scanned.closing_brackets(&mut found)?,
        Corruption::Terminators => scanned.terminators(&mut found)?,
        Corruption::Indentation => scanned.indentation(&mut found)?,
        Corruption::Renames => scanned.renames(&mut found)?,
        Corruption::Conditionals => scanned.conditionals(&mut found)?,
        Corruption::IndexOffsets => scanned.index_offsets(&mut found)?,
        Corruption::Statements => scanned.statements(&mut found)?,
        Corruption::Bodies => scanned.bodies(&mut found)?,
        Corruption::Comments => scanned.comments(&mut found)?,
        // Not a matter of tokens.
        Corruption::SwappedLines | Corruption::Truncation => {}
    }
    Ok(found.sites)
}

struct Found {
    sites: Vec<Site>,
}

impl Found {
    fn add(&mut self, start: usize, end: usize, change: Change) -> Result<()> {
        if self.sites.len() == self.sites.capacity() {
            let more = self.sites.len().max(64);
            try_grow(&mut self.sites, more)?;
        }
        self.sites.push(Site { start, end, change });
        Ok(())
    }
}

struct Scanned<'t> {
    text: &'t str,
    tokens: &'t [Token],
    /// Blocks by indentation.
    hash: bool,
}

impl<'t> Scanned<'t> {
    fn word(&self, i: usize) -> &'t str {
        self.tokens.get(i).map_or("", |t| t.of(self.text))
    }

    fn kind(&self, i: usize) -> Option<Kind> {
        self.tokens.get(i).map(|t| t.kind)
    }

    fn is(&self, i: usize, mark: char) -> bool {
        self.tokens.get(i).is_some_and(|t| t.is(self.text, mark))
    }

    fn is_one_of(&self, i: usize, marks: &str) -> bool {
        self.kind(i) == Some(Kind::Mark) && self.word(i).chars().all(|c| marks.contains(c))
    }

    /// Lines as ranges of tokens, their line end left out. A string or comment that spans lines
    /// lies in one of them; with `joined`, so does everything within round and square brackets.
    fn lines(&self, joined: bool) -> Result<Vec<Range<usize>>> {
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

    fn first_code(&self, line: &Range<usize>) -> Option<usize> {
        line.clone().find(|&i| self.tokens[i].is_code())
    }

    fn last_code(&self, line: &Range<usize>) -> Option<usize> {
        line.clone().rev().find(|&i| self.tokens[i].is_code())
    }

    /// Byte at which a line of tokens begins.
    fn begin(&self, line: &Range<usize>) -> usize {
        self.tokens.get(line.start).map_or(self.text.len(), |t| t.start)
    }

    /// Byte behind a line and its line end.
    fn beyond(&self, line: &Range<usize>) -> usize {
        self.tokens.get(line.end).map_or(self.text.len(), |t| t.end)
    }

    /// Bytes of the blanks before the first code of a line.
    fn indent(&self, line: &Range<usize>) -> Range<usize> {
        let start = self.begin(line);
        match self.tokens.get(line.start) {
            Some(t) if t.kind == Kind::Blank => start..t.end,
            _ => start..start,
        }
    }

    fn closing_brackets(&self, found: &mut Found) -> Result<()> {
        for (i, t) in self.tokens.iter().enumerate() {
            if self.is_one_of(i, ")]}") {
                found.add(t.start, t.end, Change::Fixed(""))?;
            }
        }
        Ok(())
    }

    fn terminators(&self, found: &mut Found) -> Result<()> {
        for line in self.lines(false)? {
            if let Some(i) = self.last_code(&line).filter(|&i| self.is_one_of(i, ":;")) {
                found.add(self.tokens[i].start, self.tokens[i].end, Change::Fixed(""))?;
            }
        }
        Ok(())
    }

    fn indentation(&self, found: &mut Found) -> Result<()> {
        for line in self.lines(false)? {
            if self.first_code(&line).is_some() {
                let indent = self.indent(&line);
                found.add(indent.start, indent.end, Change::Indent)?;
            }
        }
        Ok(())
    }

    fn renames(&self, found: &mut Found) -> Result<()> {
        let mut words: Vec<(&str, usize)> = Vec::new();
        for (i, t) in self.tokens.iter().enumerate() {
            if t.kind == Kind::Word && RESERVED.binary_search(&t.of(self.text)).is_err() {
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

    fn conditionals(&self, found: &mut Found) -> Result<()> {
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
            } else if let Some((_, opposite)) = OPPOSITES.iter().find(|(op, _)| *op == run)
                && (apart || !matches!(run, "<" | ">"))
            {
                found.add(start, stop, Change::Fixed(opposite))?;
            }
            i = end;
        }
        Ok(())
    }

    fn index_offsets(&self, found: &mut Found) -> Result<()> {
        for open in 1..self.tokens.len() {
            let indexed = match self.kind(open - 1) {
                Some(Kind::Word) => RESERVED.binary_search(&self.word(open - 1)).is_err(),
                _ => self.is_one_of(open - 1, ")]"),
            };
            if !indexed || !self.is(open, '[') {
                continue;
            }
            let (mut depth, mut close) = (1usize, open + 1);
            while close < self.tokens.len() {
                depth += usize::from(self.is_one_of(close, "([{"));
                depth -= usize::from(self.is_one_of(close, ")]}"));
                if depth == 0 {
                    break;
                }
                close += 1;
            }
            let inside = || (open + 1..close).filter(|&i| self.kind(i) != Some(Kind::Blank));
            let plain = |i: usize| {
                !self.is_one_of(i, ":,;=")
                    && !matches!(self.kind(i), Some(Kind::Text | Kind::Comment | Kind::Newline))
            };
            if !self.is(close, ']') || inside().next().is_none() || !inside().all(plain) {
                continue;
            }
            let only = inside().next().filter(|_| inside().count() == 1);
            let number = only.filter(|&i| self.kind(i) == Some(Kind::Number));
            match number.map(|i| (i, self.word(i).parse::<u64>())) {
                Some((i, Ok(value))) if value < u64::MAX => {
                    found.add(self.tokens[i].start, self.tokens[i].end, Change::Number(value))?;
                }
                // Not a whole number: no index.
                Some(_) => {}
                None => found.add(self.tokens[close].start, self.tokens[close].start, Change::PlusMinus)?,
            }
        }
        // A site within the brackets of another ends before it.
        found.sites.sort_unstable_by_key(|s| s.start);
        Ok(())
    }

    /// Whether a line opens a block of code, by its last token.
    fn opens(&self, line: &Range<usize>) -> bool {
        self.last_code(line).is_some_and(|i| self.is_one_of(i, if self.hash { ":" } else { "{" }))
    }

    fn statements(&self, found: &mut Found) -> Result<()> {
        let mut lines = self.lines(true)?;
        lines.retain(|line| self.first_code(line).is_some());
        for (at, line) in lines.iter().enumerate() {
            let (Some(first), Some(last)) = (self.first_code(line), self.last_code(line)) else { continue };
            if self.is_one_of(last, ":{,([") || self.is_one_of(first, "})]@") {
                continue;
            }
            // The only statement of an indented block holds it together.
            let width = |at: usize| lines.get(at).map_or(0, |line| self.indent(line).len());
            let alone = at > 0 && self.opens(&lines[at - 1]) && width(at + 1) < width(at);
            if !(self.hash && alone) {
                found.add(self.begin(line), self.beyond(line), Change::Fixed(""))?;
            }
        }
        Ok(())
    }

    fn bodies(&self, found: &mut Found) -> Result<()> {
        let lines = self.lines(self.hash)?;
        for (at, header) in lines.iter().enumerate() {
            if !self.opens(header) {
                continue;
            }
            if !self.hash {
                let Some(open) = self.last_code(header) else { continue };
                if let Some(close) = self.closing_brace(open)
                    && (open + 1..close).any(|i| self.tokens[i].is_code())
                {
                    found.add(self.tokens[open].end, self.tokens[close].start, Change::Fixed(""))?;
                }
                continue;
            }
            let width = self.indent(header).len();
            let deeper = |line: &Range<usize>| self.indent(line).len() > width;
            // Lines without code belong to the body when code follows that does.
            let mut last = None;
            for (i, line) in lines.iter().enumerate().skip(at + 1) {
                match self.first_code(line) {
                    None => {}
                    Some(_) if deeper(line) => last = Some(i),
                    Some(_) => break,
                }
            }
            let first = (at + 1..lines.len()).find(|&i| self.first_code(&lines[i]).is_some());
            if let (Some(first), Some(last)) = (first, last)
                && !(first == last && self.first_code(&lines[first]).is_some_and(|i| self.word(i) == "pass"))
            {
                let indent = self.indent(&lines[first]);
                let change = Change::Pass { indent_start: indent.start, indent_end: indent.end };
                found.add(self.begin(&lines[first]), self.beyond(&lines[last]), change)?;
            }
        }
        Ok(())
    }

    fn closing_brace(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for i in open..self.tokens.len() {
            if self.is(i, '{') {
                depth += 1;
            } else if self.is(i, '}') {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(i);
                }
            }
        }
        None
    }

    fn comments(&self, found: &mut Found) -> Result<()> {
        for line in self.lines(false)? {
            let code = self.first_code(&line);
            let comments = || line.clone().filter(|&i| self.kind(i) == Some(Kind::Comment));
            // The line that names the interpreter is no comment to the system.
            if line.start == 0 && self.text.starts_with("#!") {
                continue;
            }
            match code {
                None if comments().next().is_some() => {
                    found.add(self.begin(&line), self.beyond(&line), Change::Fixed(""))?;
                }
                None => {}
                // A string that is all of a line documents something.
                Some(i)
                    if self.hash
                        && self.kind(i) == Some(Kind::Text)
                        && self.last_code(&line) == Some(i)
                        && self.word(i).len() > 2 =>
                {
                    found.add(self.tokens[i].start, self.tokens[i].end, Change::Fixed("\"\""))?;
                }
                Some(_) => {
                    for i in comments() {
                        let blank = i > line.start && self.kind(i - 1) == Some(Kind::Blank);
                        let start = if blank { self.tokens[i - 1].start } else { self.tokens[i].start };
                        found.add(start, self.tokens[i].end, Change::Fixed(""))?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_words_are_sorted() {
        assert!(RESERVED.is_sorted());
    }
}
