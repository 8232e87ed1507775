//! SQL without a dialect, read by its pieces: strings, quoted names, comments, dollar quotes, words, marks; and by the
//! semicolons that end statements.

use std::ops::Range;

use pauca::corruption::{Corruption, Part};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Blank,
    Comment,
    Quoted,
    Word,
    Number,
    Mark,
}

/// Words that no name can be, and those that stand where names do, in most dialects; in upper case, sorted.
#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "ADD", "ALL", "ALTER", "ANALYZE", "AND", "ANY", "ARRAY", "AS", "ASC", "AUTOINCREMENT", "AUTO_INCREMENT", "BEGIN",
    "BETWEEN", "BIGINT", "BLOB", "BOOLEAN", "BY", "CASCADE", "CASE", "CAST", "CHAR", "CHARACTER", "CHECK", "COLLATE",
    "COLUMN", "COMMENT", "COMMIT", "CONFLICT", "CONSTRAINT", "COUNT", "CREATE", "CROSS", "CURRENT_DATE", "CURRENT_TIMESTAMP",
    "DATABASE", "DATE", "DATETIME", "DECIMAL", "DECLARE", "DEFAULT", "DELETE", "DESC", "DISTINCT", "DO", "DOUBLE",
    "DROP", "EACH", "ELSE", "END", "ENGINE", "ENUM", "ESCAPE", "EXCEPT", "EXECUTE", "EXISTS", "EXPLAIN", "EXTENSION", "FALSE",
    "FETCH", "FILTER", "FLOAT", "FOR", "FOREIGN", "FROM", "FULL", "FUNCTION", "GRANT", "GROUP", "HAVING", "IF", "ILIKE", "IN",
    "INDEX", "INNER", "INSERT", "INT", "INTEGER", "INTERSECT", "INTERVAL", "INTO", "IS", "ISNULL", "JOIN", "JSON", "JSONB",
    "KEY", "LANGUAGE", "LATERAL", "LEFT", "LIKE", "LIMIT", "MATERIALIZED", "NATURAL", "NOT", "NOTNULL", "NULL", "NULLS",
    "NUMERIC", "OF", "OFFSET", "ON", "OR", "ORDER", "OUTER", "OVER", "OWNER", "PARTITION", "PRAGMA", "PRECISION", "PRIMARY",
    "PROCEDURE", "REAL", "RECURSIVE", "REFERENCES", "REPLACE", "RESTRICT", "RETURNING", "RETURNS", "REVOKE", "RIGHT",
    "ROLE", "ROLLBACK", "ROW", "ROWS", "SCHEMA", "SELECT", "SEQUENCE", "SERIAL", "SET", "SMALLINT", "SOME", "TABLE", "TEMP",
    "TEMPORARY", "TEXT", "THEN", "TIME", "TIMESTAMP", "TO", "TRANSACTION", "TRIGGER", "TRUE", "TRUNCATE", "TYPE", "UNION",
    "UNIQUE", "UNKNOWN", "UPDATE", "USE", "USING", "VACUUM", "VALUES", "VARCHAR", "VIEW", "WHEN", "WHERE", "WINDOW", "WITH",
    "WITHOUT", "ZONE",
];

const OPPOSITES: [(&str, &str); 10] = [
    ("=", "<>"),
    ("<>", "="),
    ("!=", "="),
    ("<=", ">"),
    (">=", "<"),
    ("<", ">="),
    (">", "<="),
    ("AND", "OR"),
    ("OR", "AND"),
    ("TRUE", "FALSE"),
];

/// The places where each kind may edit.
pub(super) fn parts(text: &str) -> Vec<Part<'static>> {
    let pieces = pieces(text);
    let mut parts = Vec::new();
    let mut add = |kind, range: &Range<usize>, becomes| {
        parts.push(Part { kind, start: range.start, end: range.end, becomes });
    };
    // BETWEEN takes the next AND; SET and WITH take `=` for something else.
    let (mut between, mut assigns) = (0usize, false);
    // The statement so far: its first code, blocks within it, whether it may hold blocks.
    let (mut start, mut depth, mut holds_blocks, mut words) = (None, 0usize, false, 0usize);
    let mut brackets = 0usize;
    for (at, (kind, range)) in pieces.iter().enumerate() {
        let piece = text.get(range.clone()).unwrap_or("");
        let upper = if *kind == Kind::Word { piece.to_ascii_uppercase() } else { String::new() };
        let called = || {
            let next = pieces[at + 1..].iter().find(|(kind, _)| *kind != Kind::Blank);
            next.is_some_and(|(_, range)| text.get(range.clone()) == Some("("))
        };
        if !matches!(kind, Kind::Blank | Kind::Comment) {
            start = start.or(Some(range.start));
        }
        match kind {
            Kind::Comment => add(Corruption::Comments, &comment(text, range), between_code(text, range)),
            Kind::Word => {
                words += 1;
                holds_blocks |=
                    words <= 5 && matches!(upper.as_str(), "TRIGGER" | "PROCEDURE" | "FUNCTION" | "DO");
                match upper.as_str() {
                    "BEGIN" if holds_blocks => depth += 1,
                    "CASE" => depth += 1,
                    "END" => depth = depth.saturating_sub(1),
                    "BETWEEN" => between += 1,
                    "SET" => assigns = true,
                    "WHERE" | "ON" | "HAVING" | "WHEN" | "SELECT" | "FROM" => assigns = false,
                    _ => {}
                }
                let range_of_values = upper == "AND" && between > 0;
                between -= usize::from(range_of_values);
                if let Some((_, opposite)) = OPPOSITES.iter().find(|(one, _)| *one == upper)
                    && !range_of_values
                {
                    add(Corruption::Conditionals, range, opposite);
                } else if KEYWORDS.binary_search(&upper.as_str()).is_err() && !called() {
                    add(Corruption::Renames, range, "");
                }
            }
            Kind::Mark => {
                brackets = match piece {
                    "(" => brackets + 1,
                    ")" => brackets.saturating_sub(1),
                    _ => brackets,
                };
                if piece == ")" {
                    add(Corruption::ClosingBrackets, range, "");
                } else if let Some((_, opposite)) = OPPOSITES.iter().find(|(one, _)| *one == piece) {
                    if !(piece == "=" && assigns) {
                        add(Corruption::Conditionals, range, opposite);
                    }
                } else if piece == ";" {
                    add(Corruption::Terminators, range, "");
                    if depth == 0 && brackets == 0 {
                        if let Some(start) = start {
                            let whole = start..range.end;
                            add(Corruption::Statements, &lines(text, &whole).unwrap_or(whole.clone()), "");
                            add(Corruption::SwappedLines, &whole, "");
                        }
                        (start, holds_blocks, words, assigns, between) = (None, false, 0, false, 0);
                    }
                }
            }
            _ => {}
        }
    }
    // A statement at the end may stand without a semicolon; where blocks or brackets are open, it is none.
    if let Some(start) = start.filter(|_| depth == 0 && brackets == 0) {
        add(Corruption::Statements, &(start..text.trim_end().len()), "");
    }
    parts.sort_by_key(|part| (part.start, std::cmp::Reverse(part.end)));
    parts
}

/// The text's pieces, without gaps.
fn pieces(text: &str) -> Vec<(Kind, Range<usize>)> {
    let (mut pieces, mut at) = (Vec::new(), 0);
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let run = |holds: fn(char) -> bool| rest.find(|c| !holds(c)).unwrap_or(rest.len());
        let (kind, length) = match first {
            c if c.is_whitespace() => (Kind::Blank, run(char::is_whitespace)),
            '-' if rest.starts_with("--") => (Kind::Comment, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => {
                (Kind::Comment, rest.find("*/").map_or(rest.len(), |end| end + 2))
            }
            '\'' | '"' | '`' => (Kind::Quoted, quoted(rest, first)),
            '$' if dollar(rest).is_some() => (Kind::Quoted, dollar(rest).unwrap_or(1)),
            c if c.is_ascii_digit() => (Kind::Number, run(|c| c.is_alphanumeric() || c == '.')),
            // The letter of a string: E'..', N'..', X'..', B'..'.
            'e' | 'E' | 'n' | 'N' | 'x' | 'X' | 'b' | 'B' if rest[1..].starts_with('\'') => {
                (Kind::Quoted, 1 + quoted(&rest[1..], '\''))
            }
            c if c == '_' || c.is_alphabetic() => (Kind::Word, run(|c| c == '_' || c.is_alphanumeric())),
            _ => {
                let two =
                    ["<>", "!=", "<=", ">=", "||", "::", "->"].into_iter().find(|two| rest.starts_with(two));
                (Kind::Mark, two.map_or(first.len_utf8(), str::len))
            }
        };
        pieces.push((kind, at..at + length));
        at += length;
    }
    pieces
}

/// Bytes of a string in which a doubled quote is one.
fn quoted(text: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(end) = text[at..].find(quote) {
        at += end + 1;
        if !text[at..].starts_with(quote) {
            return at;
        }
        at += 1;
    }
    text.len()
}

/// Bytes of `$tag$ .. $tag$`.
fn dollar(text: &str) -> Option<usize> {
    let tag = text[1..].find(|c: char| c != '_' && !c.is_alphanumeric()).map(|end| end + 1)?;
    let mark = text.get(..tag + 1).filter(|mark| mark.ends_with('$'))?;
    let inside = text.get(mark.len()..)?;
    Some(inside.find(mark).map_or(text.len(), |end| end + 2 * mark.len()))
}

/// The whole lines of a range, if nothing else stands in them.
fn lines(text: &str, range: &Range<usize>) -> Option<Range<usize>> {
    let blanks = [' ', '\t', '\r'];
    let before = text.get(..range.start)?.trim_end_matches(blanks);
    let rest = text.get(range.end..)?.trim_start_matches(blanks);
    let alone = (before.is_empty() || before.ends_with('\n')) && (rest.is_empty() || rest.starts_with('\n'));
    alone.then(|| before.len()..text.len() - rest.len() + usize::from(!rest.is_empty()))
}

fn comment(text: &str, range: &Range<usize>) -> Range<usize> {
    let ends = text.get(range.end..).is_none_or(|rest| rest.is_empty() || rest.starts_with(['\n', '\r']));
    let start = match text.get(..range.start) {
        Some(before) if ends => before.trim_end_matches([' ', '\t']).len(),
        _ => range.start,
    };
    lines(text, range).unwrap_or(start..range.end)
}

/// What a comment becomes: nothing where it has its lines or ends one, else the blank that it is to the parser.
fn between_code(text: &str, range: &Range<usize>) -> &'static str {
    let ends = text.get(range.end..).is_none_or(|rest| rest.is_empty() || rest.starts_with(['\n', '\r']));
    if ends || lines(text, range).is_some() { "" } else { " " }
}
