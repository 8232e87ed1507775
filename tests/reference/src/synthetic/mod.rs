//! Synthetic corruptions of code: sites, draws, edits.
//!
//! The idea is that of Yang et al. 2023; the kinds are ours, defined where `pauca::corruption`
//! documents them. Steps: cut the text into pieces ([`pieces`]), find the sites of the kind
//! ([`form`], [`content`], and below what needs no pieces), draw some of them, edit the text.
//!
//! Site i of document `id` has the key philox(seed, id, stream 5, draw kind * 2^27 + i) and the
//! choice of draw kind * 2^27 + 2^26 + i; the max(1, round(rate s)) smallest keys of s sites are
//! taken, none at rate 0.

pub mod content;
pub mod form;
pub mod parts;
pub mod pieces;

use crate::philox;
use pieces::Piece;

/// The kinds; a kind's place is its number in the draws.
pub const KINDS: [&str; 11] = [
    "closing-brackets",
    "terminators",
    "indentation",
    "renames",
    "conditionals",
    "index-offsets",
    "statements",
    "bodies",
    "swapped-lines",
    "comments",
    "truncation",
];

/// A place where a text can be edited.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// First byte.
    pub from: usize,
    /// Byte behind the last.
    pub to: usize,
    /// What it becomes by an even choice.
    pub even: String,
    /// What it becomes by an odd one.
    pub odd: String,
}

/// A site with no choice.
pub fn fixed(from: usize, to: usize, inserted: &str) -> Site {
    Site { from, to, even: inserted.to_string(), odd: inserted.to_string() }
}

/// A text after corruption.
#[derive(Clone, Debug, PartialEq)]
pub struct Corrupted {
    /// The text now.
    pub text: String,
    /// Sites of the kind in the original.
    pub sites: usize,
    /// First byte, byte behind the last, inserted; ascending.
    pub edits: Vec<(usize, usize, String)>,
}

/// The random numbers of a kind.
struct Draws {
    number: u32,
    seed: u64,
}

impl Draws {
    fn of(kind: &str, seed: u64) -> Self {
        Self { number: KINDS.iter().position(|k| *k == kind).unwrap() as u32, seed }
    }

    fn draw(&self, id: u64, i: usize, choice: u32) -> u64 {
        philox::draw(self.seed, id, 5, self.number * (1 << 27) + choice * (1 << 26) + i as u32)
    }

    /// The numbers 0..n in the order of their keys.
    fn shuffled(&self, id: u64, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by_key(|&i| (self.draw(id, i, 0), i));
        order
    }
}

/// Corrupts `text`, the document `id`, beside another one; `braces` as by [`pieces::has_braces`].
pub fn corrupt(
    kind: &str,
    text: &str,
    id: u64,
    other: (&str, u64),
    how: (f64, u64),
    braces: bool,
) -> Corrupted {
    let (rate, seed) = how;
    let draws = Draws::of(kind, seed);
    let (draw, shuffled) =
        (|id, i, choice| draws.draw(id, i, choice), |id: u64, n: usize| draws.shuffled(id, n));
    let mut edits: Vec<(usize, usize, String)> = Vec::new();
    let sites;
    if kind == "swapped-lines" {
        // As many lines of both are drawn and change places in their order.
        let (mine, theirs) = (full_lines(text), full_lines(other.0));
        sites = mine.len().min(theirs.len());
        let drawn = |id: u64, lines: &[(usize, String)]| {
            let mut taken = shuffled(id, lines.len())[..count(rate, sites)].to_vec();
            taken.sort();
            taken.into_iter().map(|i| lines[i].clone()).collect::<Vec<_>>()
        };
        for ((at, old), (_, new)) in drawn(id, &mine).into_iter().zip(drawn(other.1, &theirs)) {
            edits.push((at, at + old.len(), new));
        }
    } else if kind == "truncation" {
        sites = text.chars().count();
        let kept: String = text.chars().take(sites - count(rate, sites)).collect();
        edits.push((kept.len(), text.len(), String::new()));
    } else {
        let pieces = pieces::pieces(text, braces);
        let all = sites_of(kind, &pieces, braces);
        sites = all.len();
        let mut taken: Vec<usize> = Vec::new();
        for i in shuffled(id, sites) {
            // Bodies lie in one another: what overlaps an earlier one is passed over.
            let apart = |&j: &usize| all[i].to <= all[j].from || all[j].to <= all[i].from;
            if taken.len() < count(rate, sites) && (kind != "bodies" || taken.iter().all(apart)) {
                taken.push(i);
            }
        }
        taken.sort_by_key(|&i| all[i].from);
        for i in taken {
            let (site, choice) = (&all[i], draw(id, i, 1));
            let inserted = match kind {
                "renames" => form::new_name(&text[site.from..site.to], choice, &pieces),
                _ if choice % 2 == 0 => site.even.clone(),
                _ => site.odd.clone(),
            };
            edits.push((site.from, site.to, inserted));
        }
    }
    edits.retain(|(from, to, inserted)| text[*from..*to] != *inserted);
    let mut out = text.to_string();
    for (from, to, inserted) in edits.iter().rev() {
        out.replace_range(from..to, inserted);
    }
    Corrupted { text: out, sites, edits }
}

fn sites_of(kind: &str, pieces: &[Piece], braces: bool) -> Vec<Site> {
    match kind {
        "closing-brackets" => form::closing_brackets(pieces),
        "terminators" => form::terminators(pieces),
        "indentation" => form::indentation(pieces),
        "renames" => form::renames(pieces),
        "conditionals" => form::conditionals(pieces),
        "index-offsets" => form::index_offsets(pieces),
        "statements" => content::statements(pieces, braces),
        "bodies" if braces => content::bodies_of_braces(pieces),
        "bodies" => content::bodies_by_indentation(pieces),
        _ => content::comments(pieces, braces),
    }
}

/// How many of s sites a rate takes.
fn count(rate: f64, sites: usize) -> usize {
    if sites == 0 || rate == 0.0 { 0 } else { ((rate * sites as f64).round_ties_even() as usize).max(1) }
}

/// Lines that are not blank, with the byte each begins at; only line feeds end lines here.
fn full_lines(text: &str) -> Vec<(usize, String)> {
    let (mut found, mut at) = (Vec::new(), 0);
    for line in text.split('\n') {
        if !line.trim().is_empty() {
            found.push((at, line.to_string()));
        }
        at += line.len() + 1;
    }
    found
}
