//! MetaCLIP: substring matching and balancing (Xu et al. 2023, section 3 and algorithm 1).
//!
//! 1. spacing: a space at both ends and around , . ; : ? ! ` ; tabs and line breaks become spaces.
//! 2. entry e matches a text when " e " is a substring of it.
//! 3. p_e = t / max(count_e, t), count_e the texts that match e.
//! 4. a text stays with probability 1 - prod over its entries of (1 - p_e).

use crate::philox::uniform;

/// Step 1.
pub fn spaced(text: &str) -> String {
    let mut text = format!(" {text} ");
    for mark in [",", ".", ";", ":", "?", "!", "`"] {
        text = text.replace(mark, &format!(" {mark} "));
    }
    text.replace(['\t', '\n', '\r'], " ")
}

/// Step 2: the entries of a text, ascending.
pub fn matches(text: &str, entries: &[&str]) -> Vec<u32> {
    let text = spaced(text);
    (0..entries.len()).filter(|&e| text.contains(&format!(" {} ", entries[e]))).map(|e| e as u32).collect()
}

/// Texts of each entry.
pub fn counts(matched: &[Vec<u32>], entries: usize) -> Vec<u64> {
    (0..entries as u32).map(|e| matched.iter().filter(|ids| ids.contains(&e)).count() as u64).collect()
}

/// Steps 3 and 4.
pub fn probability(ids: &[u32], counts: &[u64], t: u64) -> f64 {
    let mut none = 1.0;
    for &e in ids {
        none *= 1.0 - t as f64 / counts[e as usize].max(t) as f64;
    }
    1.0 - none
}

/// The number of the stream of the draws.
pub const STREAM: u32 = 11;

/// Whether the text with id `row` stays: u(seed, row, stream) < probability.
pub fn keep(ids: &[u32], counts: &[u64], t: u64, seed: u64, row: u64) -> bool {
    uniform(seed, row, STREAM) < probability(ids, counts, t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching_by_hand() {
        let entries = ["a", "b", "a b", "c,", "é"];
        assert_eq!(matches("a b", &entries), [0, 1, 2]);
        assert_eq!(matches("a\tb,c, é!", &entries), [0, 1, 2, 4]);
        assert_eq!(matches("ab", &entries), [0u32; 0]);
    }
}
