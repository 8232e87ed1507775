//! Released programs that judge documents, step by step as they run, over Python's own notions of lines and blanks.
//! Words and sentences come from the caller: the programs ask NLTK, which nothing here stands in for.

use std::collections::BTreeSet;

/// Python's `str.isspace`, which adds four separators to Unicode's white space.
fn blank(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// The three shares of datatrove 0.2.0 (2024-04-22), `FineWebQualityFilter.filter`: end marks, short lines, copies.
/// NaN where the program divides by zero.
pub fn fineweb_shares(text: &str) -> [f64; 3] {
    let lines: Vec<&str> = text.split('\n').collect();
    let ending =
        lines.iter().filter(|line| line.chars().last().is_some_and(|c| ".'\"!?".contains(c))).count();
    let short = lines.iter().filter(|line| line.chars().count() <= 30).count();
    let (mut seen, mut copied) = (BTreeSet::new(), 0);
    for line in lines.iter().filter(|line| !line.chars().all(blank)) {
        if !seen.insert(line) {
            copied += line.chars().count();
        }
    }
    let all = text.chars().filter(|c| *c != '\n').count();
    let copies = if all == 0 { f64::NAN } else { copied as f64 / all as f64 };
    [ending as f64 / lines.len() as f64, short as f64 / lines.len() as f64, copies]
}

/// What becomes of a page: its lines, or why it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Page {
    /// The lines that stay.
    Kept(Vec<String>),
    /// "lorem ipsum" in a line that passed so far.
    LoremIpsum,
    /// `{` in a line that passed so far.
    CurlyBracket,
    /// Too few sentences.
    FewSentences,
}

/// `clean_page` of tensorflow_datasets' c4_utils, without bad words; `sentences` counts those of a line.
pub fn c4(page: &str, sentences: impl Fn(&str) -> u64) -> Page {
    let (mut kept, mut count) = (Vec::new(), 0);
    for line in page.split(|c: char| "\n\r\u{b}\u{c}\u{1c}\u{1d}\u{1e}\u{85}\u{2028}\u{2029}".contains(c)) {
        let line = line.trim_matches(blank);
        if line.split(blank).any(|word| word.chars().count() > 1000) {
            continue;
        }
        let line = without_citations(line);
        if !line.chars().last().is_some_and(|c| ".?!\"".contains(c)) || line.ends_with("...") {
            continue;
        }
        if line.split(blank).filter(|word| !word.is_empty()).count() < 5 {
            continue;
        }
        let lower = line.to_lowercase();
        if lower.contains("lorem ipsum") {
            return Page::LoremIpsum;
        }
        if lower.contains("javascript") {
            continue;
        }
        if line.contains('{') {
            return Page::CurlyBracket;
        }
        let notices = "terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies";
        if notices.split('|').any(|notice| lower.contains(notice)) {
            continue;
        }
        count += sentences(&line);
        kept.push(line);
    }
    if count < 3 { Page::FewSentences } else { Page::Kept(kept) }
}

/// Takes out what `\[\d*\]|\[edit\]|\[citation needed\]` matches, from the left.
fn without_citations(line: &str) -> String {
    let mut out = String::new();
    let mut at = 0;
    'next: while let Some(c) = line[at..].chars().next() {
        if c == '['
            && let Some(end) = line[at..].find(']')
        {
            let inside = &line[at + 1..at + end];
            if inside == "edit" || inside == "citation needed" || inside.chars().all(char::is_numeric) {
                at += end + 1;
                continue 'next;
            }
        }
        out.push(c);
        at += c.len_utf8();
    }
    out
}
