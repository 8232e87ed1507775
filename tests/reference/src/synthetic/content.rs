//! Sites of the kinds that take content away. Each function states its kind's definition.

use super::pieces::{Class, Piece, lines};
use super::{Site, fixed};

fn code(line: &[Piece]) -> Vec<&Piece> {
    line.iter().filter(|p| p.is_code()).collect()
}

/// Width in bytes of the blank that a line begins with.
fn width(line: &[Piece]) -> usize {
    if line[0].class == Class::Blank { line[0].text.len() } else { 0 }
}

fn begin(line: &[Piece]) -> usize {
    line[0].at
}

fn end(line: &[Piece]) -> usize {
    line[line.len() - 1].end()
}

/// Joined lines that hold code.
fn statement_lines(pieces: &[Piece]) -> Vec<Vec<Piece>> {
    lines(pieces, true).into_iter().filter(|line| !code(line).is_empty()).collect()
}

/// A joined line with code goes, its line feed too, unless its last code is one of `: { , ( [` or
/// its first one of `} ) ] @`. Without braces it also stays where it is all of a block: the line of
/// code before it ends in `:`, and the one behind it (nothing counts as 0) is less indented.
pub fn statements(pieces: &[Piece], braces: bool) -> Vec<Site> {
    let all = statement_lines(pieces);
    let mut found = Vec::new();
    for (i, line) in all.iter().enumerate() {
        let code_here = code(line);
        let (first, last) = (code_here[0], code_here[code_here.len() - 1]);
        if last.is_any(":{,([") || first.is_any("})]@") {
            continue;
        }
        let opened = i > 0 && code(&all[i - 1]).last().unwrap().is_any(":");
        let next = all.get(i + 1).map_or(0, |line| width(line));
        if braces || !opened || next >= width(line) {
            found.push(fixed(begin(line), end(line), ""));
        }
    }
    found
}

/// A line whose last code is `{`: what lies between it and the `}` that closes it goes, if there
/// is code in it.
pub fn bodies_of_braces(pieces: &[Piece]) -> Vec<Site> {
    let mut found = Vec::new();
    for line in lines(pieces, false) {
        let Some(open) = code(&line).last().copied().cloned().filter(|p| p.is_any("{")) else { continue };
        let mut depth = 0;
        for piece in pieces.iter().filter(|p| p.at >= open.at) {
            depth += i32::from(piece.is_any("{")) - i32::from(piece.is_any("}"));
            if depth == 0 {
                let (from, to) = (open.end(), piece.at);
                if pieces.iter().any(|p| from <= p.at && p.at < to && p.is_code()) {
                    found.push(fixed(from, to, ""));
                }
                break;
            }
        }
    }
    found
}

/// A joined line whose last code is `:`: the joined lines with code behind it, as long as they are
/// more indented than it (and what lies between them), become `pass`, indented as the first of
/// them, with a line feed if their last byte is one (be it of a string that nothing closes). A body of one line
/// whose first code is `pass` is none.
pub fn bodies_by_indentation(pieces: &[Piece]) -> Vec<Site> {
    let all = statement_lines(pieces);
    let mut found = Vec::new();
    for (i, header) in all.iter().enumerate() {
        if !code(header).last().unwrap().is_any(":") {
            continue;
        }
        let body: Vec<&Vec<Piece>> = all[i + 1..].iter().take_while(|l| width(l) > width(header)).collect();
        let (Some(first), Some(last)) = (body.first(), body.last()) else { continue };
        if body.len() == 1 && code(first)[0].text == "pass" {
            continue;
        }
        let feed = if last[last.len() - 1].text.ends_with('\n') { "\n" } else { "" };
        found.push(fixed(begin(first), end(last), &format!("{}pass{feed}", first[0].text)));
    }
    found
}

/// A line of comments without code goes, its line feed too. In a line with code every comment goes,
/// with the blank before it; but without braces, where a string of more than two bytes is all of
/// its code, the string becomes `""` instead. A first line that begins with `#!` is left alone.
pub fn comments(pieces: &[Piece], braces: bool) -> Vec<Site> {
    let mut found = Vec::new();
    for line in lines(pieces, false) {
        let (code, is_comment) = (code(&line), |p: &Piece| p.class == Class::Comment);
        let head: String = line.iter().map(|p| p.text.as_str()).collect();
        if line.is_empty() || begin(&line) == 0 && head.starts_with("#!") {
            continue;
        }
        if code.is_empty() {
            if line.iter().any(is_comment) {
                found.push(fixed(begin(&line), end(&line), ""));
            }
        } else if !braces && code.len() == 1 && code[0].class == Class::Quote && code[0].text.len() > 2 {
            found.push(fixed(code[0].at, code[0].end(), "\"\""));
        } else {
            for i in (0..line.len()).filter(|&i| is_comment(&line[i])) {
                let from = if i > 0 && line[i - 1].class == Class::Blank { i - 1 } else { i };
                found.push(fixed(line[from].at, line[i].end(), ""));
            }
        }
    }
    found
}
