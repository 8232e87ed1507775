//! Sites of the kinds that break the form. Each function states its kind's definition.

use std::collections::BTreeSet;

use super::pieces::{Class, Piece, lines};
use super::{Site, fixed};

/// Words that are never renamed and never indexed. An s is escaped: the keyword is looked for in here.
const RESERVED: &str = "False None True abstract and as assert async auto await bool boolean break byte case \
    catch chan char class const continue crate def default defer del do double dyn elif else end enum except \
    export extends extern false final finally float fn for from func function global go goto if impl \
    implements import in instanceof int interface is lambda let long loop map match mod move mut namespace new \
    nil nonlocal not null of or package pass private protected pub public raise range ref return select self \
    short signed sizeof static str struct super switch template then this throw trait true try type typedef \
    typeof union un\u{73}afe unsigned until use using var virtual void volatile when where while with yield";

fn is_name(piece: &Piece) -> bool {
    piece.class == Class::Word && !RESERVED.split(' ').any(|word| word == piece.text)
}

/// Every `)`, `]`, `}` goes.
pub fn closing_brackets(pieces: &[Piece]) -> Vec<Site> {
    pieces.iter().filter(|p| p.is_any(")]}")).map(|p| fixed(p.at, p.end(), "")).collect()
}

/// A `:` or `;` that is the last code of its line goes.
pub fn terminators(pieces: &[Piece]) -> Vec<Site> {
    let mut found = Vec::new();
    for line in lines(pieces, false) {
        match line.iter().rfind(|p| p.is_code()) {
            Some(last) if last.is_any(":;") => found.push(fixed(last.at, last.end(), "")),
            _ => {}
        }
    }
    found
}

/// The blank that a line with code begins with (nothing, where it begins with something else)
/// loses its last character or gains one: a tab after a tab, else a space. Nothing cannot lose.
pub fn indentation(pieces: &[Piece]) -> Vec<Site> {
    let mut found = Vec::new();
    for line in lines(pieces, false) {
        if line.iter().any(|p| p.is_code()) {
            let blank = if line[0].class == Class::Blank { line[0].text.as_str() } else { "" };
            let more = if blank.ends_with('\t') { format!("{blank}\t") } else { format!("{blank} ") };
            let mut less = blank.to_string();
            let even = if less.pop().is_some() { less } else { more.clone() };
            found.push(Site { from: line[0].at, to: line[0].at + blank.len(), even, odd: more });
        }
    }
    found
}

/// Every occurrence of a name but its first gets a new name ([`new_name`]).
pub fn renames(pieces: &[Piece]) -> Vec<Site> {
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for piece in pieces.iter().filter(|p| is_name(p)) {
        if !seen.insert(&piece.text) {
            found.push(fixed(piece.at, piece.end(), ""));
        }
    }
    found
}

/// The name, `_`, and four of a to z, 0 to 9: the last four digits of the choice to the base 36,
/// lowest first; of the choice plus 1 when that is a word of the text, and so on.
pub fn new_name(name: &str, choice: u64, pieces: &[Piece]) -> String {
    new_word(name, choice, |new| pieces.iter().any(|p| p.class == Class::Word && p.text == new))
}

/// The same where `is_word` tells the words of the text.
pub fn new_word(name: &str, choice: u64, is_word: impl Fn(&str) -> bool) -> String {
    let mut choice = choice;
    loop {
        let digit = |place: u32| (choice / 36u64.pow(place) % 36) as u32;
        // Digits count from a: a to z are 0 to 25, 0 to 9 are 26 to 35.
        let letter =
            |d: u32| char::from_u32(if d < 26 { 'a' as u32 + d } else { '0' as u32 + d - 26 }).unwrap();
        let new = format!("{name}_{}", (0..4).map(|place| letter(digit(place))).collect::<String>());
        if !is_word(&new) {
            return new;
        }
        choice = choice.wrapping_add(1);
    }
}

/// A word, or marks of `= ! < > & | - + * / % ^ ~ ? : @ .` as many as stand together, that is one
/// of these becomes its opposite; `<` and `>` only between blanks. `not` goes with the blank behind it.
pub fn conditionals(pieces: &[Piece]) -> Vec<Site> {
    let pairs = ["== !=", "=== !==", "<= >", ">= <", "&& ||", "and or", "True False", "true false"];
    let (mut found, mut i) = (Vec::new(), 0);
    let blank = |i: Option<usize>| i.and_then(|i| pieces.get(i)).is_some_and(|p| p.class == Class::Blank);
    while i < pieces.len() {
        let mark = |i: usize| pieces.get(i).is_some_and(|p| p.is_any("=!<>&|-+*/%^~?:@."));
        let mut end = i + 1;
        while mark(i) && mark(end) {
            end += 1;
        }
        if mark(i) || pieces[i].class == Class::Word {
            let run: String = pieces[i..end].iter().map(|p| p.text.as_str()).collect();
            let (from, to) = (pieces[i].at, pieces[end - 1].end());
            if run == "not" && blank(Some(end)) {
                found.push(fixed(from, pieces[end].end(), ""));
            }
            for pair in pairs {
                let (one, other) = pair.split_once(' ').unwrap();
                let apart = run.len() > 1 || blank(i.checked_sub(1)) && blank(Some(end));
                if run == one && apart {
                    found.push(fixed(from, to, other));
                } else if run == other && apart {
                    found.push(fixed(from, to, one));
                }
            }
        }
        i = end;
    }
    found
}

/// Square brackets right behind a name, `)` or `]`, closed by `]` when brackets of all kinds are
/// counted, that hold something and, blanks aside, no string, comment, line feed, nor one of
/// `: , ; =`. A whole number below 2^64 - 1 alone in them goes up or down by one (0: up), another
/// number alone in them is no index; otherwise ` + 1` or ` - 1` is put before the `]`.
pub fn index_offsets(pieces: &[Piece]) -> Vec<Site> {
    let mut found = Vec::new();
    for open in 1..pieces.len() {
        if !pieces[open].is_any("[") || !(is_name(&pieces[open - 1]) || pieces[open - 1].is_any(")]")) {
            continue;
        }
        let (mut depth, mut close) = (1, open + 1);
        while close < pieces.len() {
            depth += i32::from(pieces[close].is_any("([{")) - i32::from(pieces[close].is_any(")]}"));
            if depth == 0 {
                break;
            }
            close += 1;
        }
        let inside: Vec<&Piece> =
            pieces[open + 1..close].iter().filter(|p| p.class != Class::Blank).collect();
        let plain = |p: &&Piece| {
            !p.is_any(":,;=") && !matches!(p.class, Class::Quote | Class::Comment | Class::Break)
        };
        if close == pieces.len()
            || !pieces[close].is_any("]")
            || inside.is_empty()
            || !inside.iter().all(plain)
        {
            continue;
        }
        if inside.len() == 1 && inside[0].class == Class::Number {
            let number = inside[0];
            if let Some(v) = number.text.parse::<u64>().ok().filter(|v| *v < u64::MAX) {
                let (even, odd) = ((if v == 0 { 1 } else { v - 1 }).to_string(), (v + 1).to_string());
                found.push(Site { from: number.at, to: number.end(), even, odd });
            }
        } else {
            let at = pieces[close].at;
            found.push(Site { from: at, to: at, even: " - 1".to_string(), odd: " + 1".to_string() });
        }
    }
    // Numbered as they stand in the text.
    found.sort_by_key(|site| site.from);
    found
}
