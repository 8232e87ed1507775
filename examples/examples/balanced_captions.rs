//! MetaCLIP's balance on the names of the shipped emoji: texts are matched against entries, and common entries are
//! thinned out.
//!
//! ```sh
//! cargo run --release -p pauca-examples --example balanced-captions
//! ```
//!
//! The entries are the words of the names; of an entry at most about 20 texts stay. A skin tone, in hundreds of names, no
//! longer stands for the whole set.
#![allow(clippy::print_stdout, reason = "a program talks to its user")]

use std::collections::BTreeSet;
use std::error::Error;

use pauca::alignment::{Balance, Counts, Matcher, tail_share};
use pauca_examples::shipped;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Texts of an entry that stay, about.
const MOST: u64 = 20;

fn main() -> Result<()> {
    let (texts, entries) = names()?;
    let found = balanced(&texts, &entries)?;
    let (before, after) = (found.counts.as_slice(), found.kept_counts.as_slice());
    let kept = found.keep.iter().filter(|keep| **keep).count();
    println!("{kept} of {} names stay; {} words are entries", texts.len(), entries.len());
    println!(
        "{:.0} % of all matches are of words in fewer than {MOST} names",
        100.0 * tail_share(before, MOST)
    );
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(before[i]));
    for i in order.into_iter().take(6) {
        println!("{:>8}: in {:4} names before, in {:3} after", entries[i], before[i], after[i]);
    }
    Ok(())
}

/// What stays.
struct Balanced {
    keep: Vec<bool>,
    counts: Counts,
    kept_counts: Counts,
}

/// Two passes over the texts, which may lie in shards: counts merge, and a text stays by its row number alone.
fn balanced(texts: &[String], entries: &[String]) -> Result<Balanced> {
    let matcher = Matcher::new(entries)?;
    let mut counts = Counts::new(entries.len())?;
    let mut ids = Vec::new();
    for text in texts {
        matcher.matches_into(text, &mut ids)?;
        counts.add(&ids)?;
    }
    let balance = Balance::new(&counts, MOST)?.seed(7);
    let (mut keep, mut kept_counts) = (Vec::new(), Counts::new(entries.len())?);
    for (row, text) in texts.iter().enumerate() {
        matcher.matches_into(text, &mut ids)?;
        let stays = balance.keep(&ids, row as u64)?;
        if stays {
            kept_counts.add(&ids)?;
        }
        keep.push(stays);
    }
    Ok(Balanced { keep, counts, kept_counts })
}

/// The names as texts, and their words, each once.
fn names() -> Result<(Vec<String>, Vec<String>)> {
    let [path] = shipped::files("NAMES are", ["emoji-names.txt"])?;
    let texts: Vec<String> = std::fs::read_to_string(path)?.lines().map(|l| l.replace('-', " ")).collect();
    let words: BTreeSet<String> =
        texts.iter().flat_map(|text| text.split_whitespace()).map(String::from).collect();
    Ok((texts, words.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_words_are_thinned_and_rare_ones_stay() -> Result<()> {
        main()?;
        let (texts, entries) = names()?;
        let found = balanced(&texts, &entries)?;
        // Counts by plain search of words.
        for (i, entry) in entries.iter().enumerate() {
            let of = |text: &&String| text.split_whitespace().any(|word| word == entry);
            let plain = texts.iter().filter(of).count() as u64;
            assert_eq!(found.counts.as_slice()[i], plain, "{entry}");
        }
        // A text with a rare word stays; the mean number that stays is the sum of the chances.
        let (mut expected, mut variance) = (0.0, 0.0);
        for (text, keep) in texts.iter().zip(&found.keep) {
            let mut none = 1.0;
            for word in text.split_whitespace().collect::<BTreeSet<_>>() {
                let at = entries.iter().position(|entry| entry == word).ok_or("a word without an entry")?;
                none *= 1.0 - MOST as f64 / (found.counts.as_slice()[at].max(MOST) as f64);
            }
            assert!(*keep || none > 0.0, "{text}");
            (expected, variance) = (expected + 1.0 - none, variance + none * (1.0 - none));
        }
        let kept = found.keep.iter().filter(|keep| **keep).count() as f64;
        /// Standard deviations that a right draw stays within.
        const SIGMAS: f64 = 4.0;
        assert!((kept - expected).abs() < SIGMAS * variance.sqrt(), "{kept} {expected}");
        assert!(kept < texts.len() as f64);
        Ok(())
    }
}
