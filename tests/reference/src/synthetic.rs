//! Synthetic corruptions of code whose sites need no scanner: where no string and no comment is,
//! the others are a matter of characters and lines.
//!
//! The idea is that of Yang et al. 2023; the kinds are ours. Site i of document `id` has the key
//! philox(seed, id, stream 5, draw kind * 2^27 + i) and the choice of draw kind * 2^27 + 2^26 + i;
//! the max(1, round(rate s)) smallest keys of s sites are taken.

use crate::philox;

/// Number of closing brackets in the draws.
pub const CLOSING_BRACKETS: u32 = 0;
/// Number of indentation in the draws.
pub const INDENTATION: u32 = 2;
/// Number of swapped lines in the draws.
pub const SWAPPED_LINES: u32 = 8;

/// The sites taken, ascending.
pub fn chosen(kind: u32, seed: u64, id: u64, sites: usize, count: usize) -> Vec<usize> {
    let key = |i: usize| philox::draw(seed, id, 5, kind * (1 << 27) + i as u32);
    let mut order: Vec<usize> = (0..sites).collect();
    order.sort_by_key(|&i| key(i));
    let mut taken = order[..count].to_vec();
    taken.sort();
    taken
}

/// How many of s sites a rate above 0 takes.
pub fn count(rate: f64, sites: usize) -> usize {
    if sites == 0 { 0 } else { ((rate * sites as f64).round_ties_even() as usize).max(1) }
}

/// Deletes closing brackets of a text without strings and comments.
pub fn closing_brackets(text: &str, rate: f64, seed: u64, id: u64) -> String {
    let sites: Vec<usize> = text.char_indices().filter(|(_, c)| ")]}".contains(*c)).map(|(i, _)| i).collect();
    let taken = chosen(CLOSING_BRACKETS, seed, id, sites.len(), count(rate, sites.len()));
    let gone: Vec<usize> = taken.into_iter().map(|site| sites[site]).collect();
    text.char_indices().filter(|(i, _)| !gone.contains(i)).map(|(_, c)| c).collect()
}

/// A blank more or less at the head of lines of a text without strings and comments.
pub fn indentation(text: &str, rate: f64, seed: u64, id: u64) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let sites: Vec<usize> = (0..lines.len()).filter(|&i| !lines[i].trim().is_empty()).collect();
    let taken = chosen(INDENTATION, seed, id, sites.len(), count(rate, sites.len()));
    let mut out: Vec<String> = lines.iter().map(|line| line.to_string()).collect();
    for site in taken {
        let line = lines[sites[site]];
        let more = philox::draw(seed, id, 5, INDENTATION * (1 << 27) + (1 << 26) + site as u32) % 2 == 1;
        let blanks = &line[..line.len() - line.trim_start().len()];
        out[sites[site]] = match blanks.chars().last() {
            Some(_) if !more => format!("{}{}", &blanks[..blanks.len() - 1], line.trim_start()),
            Some('\t') => format!("{blanks}\t{}", line.trim_start()),
            _ => format!("{blanks} {}", line.trim_start()),
        };
    }
    out.join("\n")
}

/// The first text after as many lines of both have changed places, in their order.
pub fn swapped_lines(text: &str, id: u64, other: &str, other_id: u64, rate: f64, seed: u64) -> String {
    let full = |text: &str| -> Vec<usize> {
        text.split('\n').enumerate().filter(|(_, line)| !line.trim().is_empty()).map(|(i, _)| i).collect()
    };
    let (mine, theirs) = (full(text), full(other));
    let taken = count(rate, mine.len().min(theirs.len()));
    let to = chosen(SWAPPED_LINES, seed, id, mine.len(), taken);
    let from = chosen(SWAPPED_LINES, seed, other_id, theirs.len(), taken);
    let mut lines: Vec<&str> = text.split('\n').collect();
    let others: Vec<&str> = other.split('\n').collect();
    for (to, from) in to.into_iter().zip(from) {
        lines[mine[to]] = others[theirs[from]];
    }
    lines.join("\n")
}

/// The text without its last max(1, round(rate c)) characters.
pub fn truncation(text: &str, rate: f64) -> String {
    let characters = text.chars().count();
    text.chars().take(characters - count(rate, characters)).collect()
}
