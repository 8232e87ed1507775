//! Sentences of Unicode Standard Annex 29 in time linear in the text.
//!
//! Rule SB8 asks at each blank or closing bracket after a full stop whether a small letter comes next, and
//! looks ahead to the next letter for it. Within a run of a million blanks that is a million looks over what
//! is left of them. All blanks of such a run (and all closers) mean the same to every rule: after the first
//! few the state does not change, and no boundary lies between them. So a long run is cut to a short one
//! before the boundaries are looked for, and the boundaries are then moved back to where they belong.

use alloc::string::String;
use alloc::vec::Vec;

use unicode_segmentation::UnicodeSegmentation;

/// Characters of a run that stay: more than the two to which the rules refer.
const STAY: usize = 8;

/// What a run is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// White space that ends no paragraph.
    Blank,
    /// Marks that close: quotation marks, brackets.
    Closer,
    /// Everything else, of which no run is cut.
    Other,
}

fn class(c: char) -> Class {
    match c {
        '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Class::Other,
        c if c.is_whitespace() => Class::Blank,
        c if c.is_alphanumeric() => Class::Other,
        '"' | '\'' | '(' | ')' | '[' | ']' | '{' | '}' => Class::Closer,
        c if c.is_ascii() => Class::Other,
        c => {
            // The tables of the Annex are not public; its sentences tell. A closer goes with the full stop before
            // it, and ends no sentence by itself.
            let ends = |before: &str| {
                let mut probe = String::from(before);
                probe.push(c);
                let place = probe.len();
                probe.push('B');
                probe.split_sentence_bounds().next().is_some_and(|piece| piece.len() == place)
            };
            if ends("a.") && !ends("x") { Class::Closer } else { Class::Other }
        }
    }
}

/// The sentences of `text`, one after the other without a gap.
pub(super) fn sentences(text: &str) -> impl Iterator<Item = &str> + '_ {
    let short = shortened(text);
    let (whole, cut) = match short {
        None => (Some(text.split_sentence_bounds()), None),
        Some(short) => (None, Some(moved(text, &short))),
    };
    whole.into_iter().flatten().chain(cut.into_iter().flatten())
}

/// How many sentences of `text` hold a letter or a digit.
pub(super) fn count(text: &str) -> u64 {
    sentences(text).filter(|sentence| sentence.unicode_words().next().is_some()).count() as u64
}

/// A text without most of its long runs.
struct Short {
    text: String,
    /// For each cut its place in the short text, and the bytes removed up to there.
    cuts: Vec<(usize, usize)>,
}

/// `text` with long runs cut; `None` where there are none.
fn shortened(text: &str) -> Option<Short> {
    // Nearly every text has letters everywhere; to see that costs less than to tell classes.
    let mut silent = 0;
    let mut long = |c: char| {
        silent = if c.is_alphanumeric() { 0 } else { silent + 1 };
        silent > STAY
    };
    if !text.chars().any(&mut long) {
        return None;
    }
    let mut short = Short { text: String::new(), cuts: Vec::new() };
    let (mut run, mut of, mut removed, mut copied) = (0usize, Class::Other, 0, 0);
    for (at, c) in text.char_indices() {
        let found = class(c);
        run = if found == of && found != Class::Other { run + 1 } else { 1 };
        of = found;
        if of != Class::Other && run > STAY {
            // Everything before is copied once, each character of the rest of the run is left out.
            short.text.push_str(&text[copied..at]);
            copied = at + c.len_utf8();
            removed += c.len_utf8();
            match short.cuts.last_mut() {
                Some((place, bytes)) if *place == short.text.len() => *bytes = removed,
                _ => short.cuts.push((short.text.len(), removed)),
            }
        }
    }
    if short.cuts.is_empty() {
        return None;
    }
    short.text.push_str(&text[copied..]);
    Some(short)
}

/// The pieces of `text` between the boundaries found in its short form.
fn moved<'t>(text: &'t str, short: &Short) -> Vec<&'t str> {
    let (mut pieces, mut start, mut at, mut next) = (Vec::new(), 0, 0, 0);
    let mut removed = 0;
    for piece in short.text.split_sentence_bounds() {
        at += piece.len();
        // A boundary at the place of a cut comes after what was left out: the run goes on to its end.
        while short.cuts.get(next).is_some_and(|(place, _)| *place <= at) {
            removed = short.cuts[next].1;
            next += 1;
        }
        pieces.push(&text[start..at + removed]);
        start = at + removed;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    /// The library's own answer, in its own time.
    fn slow(text: &str) -> Vec<&str> {
        text.split_sentence_bounds().collect()
    }

    #[test]
    fn sentences_with_long_runs_are_those_of_the_annex() {
        let parts = ["A.", "a.", "b?", "C", "d", "1", ",", "\n", "\u{301}", "é", "…", "\r\n", "Dr.", "¿"];
        let runs = [" ", "\t", "\u{a0}", ")", "\"", "\u{201d}", "\u{300d}", ".", "!", "x", "\u{3000}"];
        let mut state = 7u64;
        let mut draw = |n: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % n
        };
        let mut cut = 0;
        for _ in 0..3000 {
            let mut text = String::new();
            for _ in 0..1 + draw(7) {
                text.push_str(parts[draw(parts.len())]);
                // Mixed runs too: blanks of several kinds, closers of several kinds.
                for _ in 0..draw(3) {
                    text.push_str(&runs[draw(runs.len())].repeat([1, 2, 7, 8, 9, 10, 40][draw(7)]));
                }
            }
            cut += usize::from(shortened(&text).is_some());
            assert_eq!(sentences(&text).collect::<Vec<_>>(), slow(&text), "{text:?}");
        }
        assert!(cut > 1000, "{cut}");
    }

    #[test]
    fn sentences_of_a_long_run_take_no_longer_than_its_length() {
        // Looks ahead from every blank would be 10^12 steps: minutes.
        for run in [" ", ")", "\u{3000}"] {
            let text = format!("a.{}B", run.repeat(1_000_000));
            assert_eq!(sentences(&text).count(), 2);
        }
    }
}
