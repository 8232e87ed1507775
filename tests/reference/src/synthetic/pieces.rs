//! Code cut into pieces, knowing no language, and the lines of the pieces.
//!
//! At every character the first of these that fits makes a piece:
//! 1. a line feed;
//! 2. a comment: from `#` (with braces: `//`) to the end of the line; with braces also from `/*`
//!    to the next `*/` behind it, or to the end;
//! 3. without braces a string from three equal quotes to the next three; with braces from a back
//!    quote to the next; both over lines;
//! 4. a string from a quote to the next equal one, or to the end of the line; with braces not from
//!    a `'` that begins a lifetime. In strings a backslash takes the next character with it;
//! 5. a blank: white space other than line feeds, as much as there is;
//! 6. a number: an ASCII digit and letters, digits and `_`, as many as there are, then the same
//!    again while a point and an ASCII digit follow;
//! 7. a word: letters, digits and `_`, as many as there are; 8. any other character: a mark.

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Class {
    /// A line feed.
    Break,
    /// A comment.
    Comment,
    /// A string.
    Quote,
    /// Other white space.
    Blank,
    /// A number.
    Number,
    /// A word.
    Word,
    /// Any other character.
    Mark,
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// What it is.
    pub class: Class,
    /// Its first byte.
    pub at: usize,
    /// Itself.
    pub text: String,
}

impl Piece {
    /// The byte behind it.
    pub fn end(&self) -> usize {
        self.at + self.text.len()
    }

    /// Whether it is neither comment nor blank nor line feed.
    pub fn is_code(&self) -> bool {
        !matches!(self.class, Class::Break | Class::Comment | Class::Blank)
    }

    /// Whether it is one of these marks.
    pub fn is_any(&self, marks: &str) -> bool {
        self.class == Class::Mark && marks.contains(&self.text)
    }
}

/// Whether a text looks like a language of braces: more lines that end in `;` or start with `//`,
/// `/*`, `*` than lines that end in `:` or start with `# `, `#!`.
pub fn has_braces(text: &str) -> bool {
    let lines: Vec<&str> = text.split('\n').map(|line| line.trim()).collect();
    let starts = |line: &str, any: &[&str]| any.iter().any(|start| line.starts_with(start));
    let hash = lines.iter().filter(|l| l.ends_with(':') || starts(l, &["# ", "#!"])).count();
    lines.iter().filter(|l| l.ends_with(';') || starts(l, &["//", "/*", "*"])).count() > hash
}

/// All pieces of a text, in order and without gaps.
pub fn pieces(text: &str, braces: bool) -> Vec<Piece> {
    let c: Vec<char> = text.chars().collect();
    let (mut found, mut i, mut at) = (Vec::new(), 0, 0);
    while i < c.len() {
        let (class, end) = first_piece(&c, i, braces);
        let text: String = c[i..end].iter().collect();
        let length = text.len();
        found.push(Piece { class, at, text });
        (i, at) = (end, at + length);
    }
    found
}

/// The piece that begins at character i: its class and the character behind it.
fn first_piece(c: &[char], i: usize, braces: bool) -> (Class, usize) {
    let starts = |i: usize, what: &str| what.chars().enumerate().all(|(j, w)| c.get(i + j) == Some(&w));
    let while_in = |mut i: usize, set: &dyn Fn(char) -> bool| {
        while i < c.len() && set(c[i]) {
            i += 1;
        }
        i
    };
    let in_word = |x: char| x == '_' || x.is_alphanumeric();
    let string = |quote: &str, over_lines: bool| {
        let mut j = i + quote.len();
        while j < c.len() {
            if c[j] == '\n' && !over_lines {
                return j;
            }
            if c[j] != '\\' && starts(j, quote) {
                return j + quote.len();
            }
            // A line feed behind a backslash is looked at again: it may end the string.
            j += if c[j] == '\\' && (over_lines || c.get(j + 1) != Some(&'\n')) { 2 } else { 1 };
        }
        c.len()
    };
    if c[i] == '\n' {
        return (Class::Break, i + 1);
    }
    if starts(i, if braces { "//" } else { "#" }) {
        return (Class::Comment, while_in(i, &|x| x != '\n'));
    }
    if braces && starts(i, "/*") {
        return (Class::Comment, (i + 2..c.len()).find(|&j| starts(j, "*/")).map_or(c.len(), |j| j + 2));
    }
    for quote in ["\"\"\"", "'''"] {
        if !braces && starts(i, quote) {
            return (Class::Quote, string(quote, true));
        }
    }
    match c[i] {
        '`' if braces => (Class::Quote, string("`", true)),
        '\'' if braces && is_lifetime(c, i) => (Class::Mark, i + 1),
        '\'' => (Class::Quote, string("'", false)),
        '"' => (Class::Quote, string("\"", false)),
        x if x.is_whitespace() => (Class::Blank, while_in(i, &|x| x != '\n' && x.is_whitespace())),
        x if x.is_ascii_digit() => {
            let mut j = while_in(i, &in_word);
            while starts(j, ".") && c.get(j + 1).is_some_and(|x| x.is_ascii_digit()) {
                j = while_in(j + 1, &in_word);
            }
            (Class::Number, j)
        }
        x if in_word(x) => (Class::Word, while_in(i, &in_word)),
        _ => (Class::Mark, i + 1),
    }
}

/// A `'` before a word that no `'` closes: right behind `&` or `<`; or, blanks skipped, behind one
/// of `, + < & :` when the word is `static` or at most two bytes long.
fn is_lifetime(c: &[char], i: usize) -> bool {
    let word: String = c[i + 1..].iter().take_while(|x| **x == '_' || x.is_alphanumeric()).collect();
    let closed = c.get(i + 1 + word.chars().count()) == Some(&'\'');
    let tight = i > 0 && "&<".contains(c[i - 1]);
    let listed = c[..i].iter().rev().find(|x| **x != ' ').is_some_and(|x| ",+<&:".contains(*x));
    !word.is_empty() && !closed && (tight || listed && (word.len() <= 2 || word == "static"))
}

/// The pieces of every line, its line feed last; with `joined` a line goes on while round or
/// square brackets are open.
pub fn lines(pieces: &[Piece], joined: bool) -> Vec<Vec<Piece>> {
    let (mut found, mut line, mut open) = (Vec::new(), Vec::new(), 0);
    for piece in pieces {
        line.push(piece.clone());
        if piece.is_any("([") {
            open += 1;
        } else if piece.is_any(")]") && open > 0 {
            open -= 1;
        }
        if piece.class == Class::Break && (open == 0 || !joined) {
            found.push(std::mem::take(&mut line));
        }
    }
    found.push(line);
    found
}
