//! Line predicates and document measures, from texts that somebody has cut into lines, words and
//! characters: how to cut is Unicode's business (Standard Annex 29), what to count is defined here.
//!
//! Sources: Sharma et al. 2024 (the names of the predicates), Rae et al. 2021, appendix A1.1 and
//! table A1 (Gopher), Penedo et al. 2024 (FineWeb).

use std::collections::{BTreeMap, BTreeSet};

/// A line, cut up.
pub struct Line<'a> {
    /// The line.
    pub text: &'a str,
    /// Segments that hold a letter or a digit.
    pub words: Vec<&'a str>,
    /// Segments other than white space.
    pub tokens: Vec<&'a str>,
    /// Grapheme clusters other than white space.
    pub characters: Vec<&'a str>,
}

/// The ten answers, in the library's order; `stop_words` is its list.
pub fn predicates(line: &Line<'_>, stop_words: &[&str]) -> [bool; 10] {
    let lower: Vec<String> =
        line.words.iter().map(|w| w.chars().flat_map(char::to_lowercase).collect()).collect();
    let distinct: BTreeSet<&String> = lower.iter().collect();
    let repeated = (lower.len() - distinct.len()) as f64 / lower.len().max(1) as f64;
    let letters = line.characters.iter().filter(|c| c.chars().next().unwrap().is_alphabetic()).count();
    let others = (line.characters.len() - letters) as f64 / line.characters.len().max(1) as f64;
    let first = line.text.chars().find(|c| c.is_alphabetic());
    let cased: Vec<char> = line.text.chars().filter(|c| c.is_uppercase() || c.is_lowercase()).collect();
    let special = |c: char| "#$%&*+/<=>@[\\]^_`{|}~\u{fffd}".contains(c) || (c.is_control() && c != '\t');
    let mut end = line.text.trim_end();
    while let Some(c) = end.chars().last()
        && "\"')]}*»”’」』）】".contains(c)
    {
        end = &end[..end.len() - c.len_utf8()];
    }
    [
        first.is_some_and(|c| !c.is_lowercase()),
        cased.len() < 2 || cased.iter().any(|c| c.is_lowercase()),
        repeated < 0.2,
        others <= 0.25,
        !line.text.chars().any(special),
        end.chars().last().is_some_and(|c| ".!?…。．！？؟।".contains(c)),
        lower.iter().filter(|w| stop_words.contains(&w.as_str())).count() >= 2,
        !line.text.to_ascii_lowercase().contains("javascript"),
        line.tokens.len() >= 3,
        line.words.len() >= 3 && line.words.len() <= 256,
    ]
}

/// (copies of earlier items, their characters, all characters); `length` counts the characters.
pub fn copies(items: &[&str], length: fn(&str) -> u64) -> (u64, u64, u64) {
    let mut seen = BTreeSet::new();
    let mut found = (0, 0, 0);
    for item in items {
        found.2 += length(item);
        if !seen.insert(item) {
            found.0 += 1;
            found.1 += length(item);
        }
    }
    found
}

/// Where each run of `n` words begins.
fn runs<'a>(words: &'a [&'a str], n: usize) -> BTreeMap<&'a [&'a str], Vec<usize>> {
    let mut runs: BTreeMap<&[&str], Vec<usize>> = BTreeMap::new();
    for (i, run) in words.windows(n).enumerate() {
        runs.entry(run).or_default().push(i);
    }
    runs
}

/// Characters of the words that the runs of `n` words cover, each counted once.
fn covered(words: &[&str], n: usize, starts: &[usize], length: fn(&str) -> u64) -> u64 {
    let places: BTreeSet<usize> = starts.iter().flat_map(|s| *s..s + n).collect();
    places.into_iter().map(|i| length(words[i])).sum()
}

/// Characters in the most frequent run of `n` words that occurs twice or more; of equally frequent
/// ones the most.
pub fn most_frequent_run(words: &[&str], n: usize, length: fn(&str) -> u64) -> u64 {
    let of = |starts: &Vec<usize>| (starts.len(), covered(words, n, starts, length));
    runs(words, n).values().filter(|starts| starts.len() > 1).map(of).max().map_or(0, |(_, sum)| sum)
}

/// Characters in runs of `n` words that occur twice or more.
pub fn repeated_runs(words: &[&str], n: usize, length: fn(&str) -> u64) -> u64 {
    let runs = runs(words, n);
    let starts: Vec<usize> = runs.values().filter(|starts| starts.len() > 1).flatten().copied().collect();
    covered(words, n, &starts, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_by_hand() {
        let words: Vec<&str> = "a b x a b y a b".split(' ').collect();
        let length = |w: &str| w.len() as u64;
        assert_eq!(most_frequent_run(&words, 2, length), 6);
        assert_eq!(repeated_runs(&words, 2, length), 6);
        assert_eq!(repeated_runs(&words, 3, length), 0);
        assert_eq!(copies(&["a", "a", "b", "a"], length), (2, 2, 4));
    }
}
