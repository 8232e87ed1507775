//! A scanner that knows words, numbers, strings, comments and marks, and no language.

use alloc::vec::Vec;

use crate::error::Result;
use crate::memory::try_grow;
use crate::params::choices;

/// How comments and strings are written: all that the corruptions know of a language without a parser. Regular
/// expressions, prefixes of strings, directives and the comments of SQL are not known.
///
/// A text is cut into pieces. At every place the first kind of this list that fits makes a piece:
///
/// 1. a line feed;
/// 2. a comment;
/// 3. a string: a backslash in it takes the next character with it. Unless its quotes span lines, a string ends
///    before a line feed at the latest;
/// 4. a blank: other white space, as much as there is;
/// 5. a number: an ASCII digit and all letters, digits and `_` behind it, and the same again behind a point that
///    a digit follows;
/// 6. a word: letters, digits, `_`;
/// 7. a mark: any other character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Syntax {
    /// The text tells. Lines that end in `:` or start with `# ` or `#!` speak for [`Hash`](Syntax::Hash), lines
    /// that end in `;` or start with `//`, `/*` or `*` for [`Slashes`](Syntax::Slashes). The more frequent kind
    /// decides; `Hash` when even.
    #[default]
    Detect,
    /// `#` begins a comment, `"` and `'` quote, three of them across lines; blocks by indentation
    /// (Python; usable for shell, Ruby, YAML).
    Hash,
    /// `//` and `/* */` are comments, `"`, `'` and `` ` `` quote; blocks by braces (C, C++, Java,
    /// JavaScript, Go, Rust). Strings of the back quote span lines. A `'` that looks like a lifetime of Rust is
    /// a mark. It stands before a word that no `'` closes, and right behind `&` or `<`; before `static` and
    /// words of at most two bytes also behind one of `, + < & :` and any spaces.
    Slashes,
}

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Word,
    Number,
    Text,
    Comment,
    Newline,
    Blank,
    /// Any other single character.
    Mark,
}

/// A piece of text, by bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

impl Token {
    pub fn of<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.start..self.end).unwrap_or("")
    }

    pub fn is(&self, text: &str, mark: char) -> bool {
        self.kind == Kind::Mark && self.of(text).starts_with(mark)
    }

    /// Neither blank nor comment nor line end.
    pub fn is_code(&self) -> bool {
        !matches!(self.kind, Kind::Blank | Kind::Comment | Kind::Newline)
    }
}

choices!(Syntax: Detect, Hash, Slashes);

impl Syntax {
    /// The syntax itself, told from `text` where it is [`Detect`](Syntax::Detect).
    pub fn resolve(self, text: &str) -> Syntax {
        if self != Syntax::Detect {
            return self;
        }
        let (mut hash, mut slashes) = (0usize, 0usize);
        for line in text.lines().map(str::trim) {
            let starts = |any: &[&str]| any.iter().any(|s| line.starts_with(s));
            hash += usize::from(line.ends_with(':') || starts(&["# ", "#!"]));
            slashes += usize::from(line.ends_with(';') || starts(&["//", "/*", "*"]));
        }
        if slashes > hash { Syntax::Slashes } else { Syntax::Hash }
    }
}

/// Cuts `text` into tokens that cover it without gaps.
pub(super) fn scan(text: &str, syntax: Syntax) -> Result<Vec<Token>> {
    let slashes = syntax == Syntax::Slashes;
    let mut tokens: Vec<Token> = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        let rest = &text[start..];
        let (kind, length) = match first {
            '\n' => (Kind::Newline, 1),
            '#' if !slashes => (Kind::Comment, line_length(rest)),
            '/' if slashes && rest.starts_with("//") => (Kind::Comment, line_length(rest)),
            '/' if slashes && rest.starts_with("/*") => {
                // The star that opens it does not close it.
                (Kind::Comment, rest[2..].find("*/").map_or(rest.len(), |end| end + 4))
            }
            '"' | '\'' if !slashes && [r#"""""#, "'''"].iter().any(|q| rest.starts_with(q)) => {
                (Kind::Text, quoted(rest, &rest[..3], true))
            }
            '\'' if slashes && is_lifetime(text, start) => (Kind::Mark, 1),
            '"' | '\'' => (Kind::Text, quoted(rest, &rest[..1], false)),
            '`' if slashes => (Kind::Text, quoted(rest, "`", true)),
            c if c.is_whitespace() => (Kind::Blank, run(rest, |c| c.is_whitespace() && c != '\n')),
            c if c.is_ascii_digit() => (Kind::Number, number(rest)),
            c if is_word(c) => (Kind::Word, run(rest, is_word)),
            c => (Kind::Mark, c.len_utf8()),
        };
        if tokens.len() == tokens.capacity() {
            let more = tokens.len().max(256);
            try_grow(&mut tokens, more)?;
        }
        tokens.push(Token { kind, start, end: start + length });
        start += length;
    }
    Ok(tokens)
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Bytes of the longest prefix of such characters.
fn run(text: &str, holds: impl Fn(char) -> bool) -> usize {
    text.find(|c| !holds(c)).unwrap_or(text.len())
}

fn line_length(text: &str) -> usize {
    text.find('\n').unwrap_or(text.len())
}

/// Letters, digits, and points between digits.
fn number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut end = run(text, is_word);
    while bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
        end += 1 + run(&text[end + 1..], is_word);
    }
    end
}

/// Bytes of a string from its opening to its closing quote; without `lines` it ends before a line
/// end at the latest. A backslash takes the next character with it.
fn quoted(text: &str, quote: &str, lines: bool) -> usize {
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(quote.len()) {
        match c {
            '\n' if !lines => return i,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if text[i..].starts_with(quote) => return i + quote.len(),
            _ => {}
        }
    }
    text.len()
}

/// `'a` after `&` or `<`, or after a comma or plus and a blank when the word is short and not
/// closed by another quote.
fn is_lifetime(text: &str, at: usize) -> bool {
    let after = &text[at + 1..];
    let word = run(after, is_word);
    if word == 0 || after[word..].starts_with('\'') {
        return false;
    }
    let before = &text[..at];
    let tight = before.ends_with(['&', '<']);
    let listed = before.trim_end_matches(' ').ends_with([',', '+', '<', '&', ':']);
    tight || listed && (word <= 2 || &after[..word] == "static")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str, syntax: Syntax) -> Vec<(Kind, &str)> {
        let tokens = scan(text, syntax).unwrap_or_default();
        tokens.iter().filter(|t| t.kind != Kind::Blank).map(|t| (t.kind, t.of(text))).collect()
    }

    #[test]
    fn scan_python() {
        use Kind::*;
        let text = "x1 = 'it\\'s' # no\ny = \"\"\"a\n'b\"\"\" + 2.5";
        let expected = [
            (Word, "x1"),
            (Mark, "="),
            (Text, "'it\\'s'"),
            (Comment, "# no"),
            (Newline, "\n"),
            (Word, "y"),
            (Mark, "="),
            (Text, "\"\"\"a\n'b\"\"\""),
            (Mark, "+"),
            (Number, "2.5"),
        ];
        assert_eq!(kinds(text, Syntax::Hash), expected);
    }

    #[test]
    fn scan_braces() {
        use Kind::*;
        let text = "fn f<'a>(x: &'a str) { let c = '\\''; /* # \n */ g('ok') }";
        let found = kinds(text, Syntax::Slashes);
        assert!(found.contains(&(Text, "'\\''")) && found.contains(&(Comment, "/* # \n */")));
        assert!(found.contains(&(Text, "'ok'")) && found.contains(&(Mark, "'")));
    }

    #[test]
    fn scan_comments_are_not_closed_by_the_star_that_opens_them() {
        assert_eq!(kinds("/*/ a */ b", Syntax::Slashes), [(Kind::Comment, "/*/ a */"), (Kind::Word, "b")]);
        assert_eq!(kinds("/*/", Syntax::Slashes), [(Kind::Comment, "/*/")]);
        assert_eq!(kinds("/**/ b", Syntax::Slashes)[0], (Kind::Comment, "/**/"));
    }

    #[test]
    fn scan_unclosed_strings_end_with_the_line_or_the_text() {
        assert_eq!(kinds("'a\nb", Syntax::Hash)[1], (Kind::Newline, "\n"));
        assert_eq!(kinds("'''a\nb", Syntax::Hash).len(), 1);
    }

    #[test]
    fn syntax_is_told_from_the_lines() {
        assert_eq!(Syntax::Detect.resolve("def f():\n    return {}\n"), Syntax::Hash);
        assert_eq!(Syntax::Detect.resolve("#include <a.h>\nint f() {\n  return 1;\n}\n"), Syntax::Slashes);
        assert_eq!(Syntax::Detect.resolve(""), Syntax::Hash);
    }
}
