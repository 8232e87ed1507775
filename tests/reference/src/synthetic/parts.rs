//! Corruption at the places that somebody else found.

use super::{Corrupted, Draws, count};

/// A place: its kind, first byte, byte behind the last, what it becomes.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The kind's name.
    pub kind: &'static str,
    /// First byte.
    pub from: usize,
    /// Byte behind the last.
    pub to: usize,
    /// What the bytes become.
    pub becomes: String,
}

/// Corrupts `text`, the document `id`, at the parts of `kind`, beside another document.
pub fn corrupt(
    kind: &str,
    (text, id, parts): (&str, u64, &[Part]),
    (other, other_id, theirs): (&str, u64, &[Part]),
    (rate, seed): (f64, u64),
) -> Corrupted {
    let draws = Draws::of(kind, seed);
    let of = |parts: &[Part], kind: &str| -> Vec<Part> {
        parts.iter().filter(|p| p.kind == kind).cloned().collect()
    };
    let mine = of(parts, kind);
    let old = |part: &Part| &text[part.from..part.to];
    let mut edits: Vec<(usize, usize, String)> = Vec::new();
    let sites;
    match kind {
        "swapped-lines" => {
            let theirs = of(theirs, kind);
            sites = mine.len().min(theirs.len());
            let drawn = |id: u64, parts: &[Part]| {
                let mut taken = draws.shuffled(id, parts.len())[..count(rate, sites)].to_vec();
                taken.sort();
                taken.into_iter().map(|i| parts[i].clone()).collect::<Vec<_>>()
            };
            for (to, from) in drawn(id, &mine).iter().zip(drawn(other_id, &theirs)) {
                edits.push((to.from, to.to, other[from.from..from.to].to_string()));
            }
        }
        "truncation" => {
            let statements = of(parts, "statements");
            let characters = text.chars().count();
            sites = if statements.is_empty() { 0 } else { characters };
            let kept: String = text.chars().take(characters - count(rate, characters)).collect();
            // At least the last statement, and what begins where it does.
            let cut = statements.last().map_or(0, |last| last.from.min(kept.len()));
            let behind: Vec<&Part> = statements.iter().filter(|p| p.from >= cut).collect();
            for part in behind.iter().filter(|_| rate > 0.0) {
                if edits.last().is_none_or(|(_, to, _)| part.from >= *to) {
                    edits.push((part.from, part.to, part.becomes.clone()));
                }
            }
        }
        _ => {
            let free = ["indentation", "renames", "index-offsets"].contains(&kind);
            let again = |i: usize| mine[..i].iter().any(|p| old(p) == old(&mine[i]));
            let is_site = |i: usize| match kind {
                "renames" => again(i),
                _ => free || old(&mine[i]) != mine[i].becomes,
            };
            let places: Vec<Part> =
                (0..mine.len()).filter(|&i| is_site(i)).map(|i| mine[i].clone()).collect();
            sites = places.len();
            let mut taken: Vec<usize> = Vec::new();
            for i in draws.shuffled(id, sites) {
                let apart = |&j: &usize| places[i].to <= places[j].from || places[j].to <= places[i].from;
                let nest = kind == "statements" || kind == "bodies";
                if taken.len() < count(rate, sites) && (!nest || taken.iter().all(apart)) {
                    taken.push(i);
                }
            }
            taken.sort();
            for i in taken {
                let (part, choice) = (&places[i], draws.draw(id, i, 1));
                let (odd, here) = (choice % 2 == 1, old(part));
                edits.push(match (kind, here.parse::<u64>()) {
                    ("indentation", _) => {
                        let more = if here.ends_with('\t') { "\t" } else { " " };
                        let less = &here[..here.char_indices().last().map_or(0, |(at, _)| at)];
                        let inserted =
                            if odd || here.is_empty() { format!("{here}{more}") } else { less.to_string() };
                        (part.from, part.to, inserted)
                    }
                    ("renames", _) => {
                        let is_name = |name: &str| mine.iter().any(|p| old(p) == name);
                        (part.from, part.to, super::form::new_word(here, choice, is_name))
                    }
                    ("index-offsets", Ok(value)) if value < u64::MAX => {
                        let new = if odd || value == 0 { value + 1 } else { value - 1 };
                        (part.from, part.to, new.to_string())
                    }
                    ("index-offsets", _) => (part.to, part.to, if odd { " + 1" } else { " - 1" }.to_string()),
                    _ => (part.from, part.to, part.becomes.clone()),
                });
            }
            // An index in the brackets of another ends before it.
            edits.sort_by_key(|(from, to, _)| (*from, *to));
        }
    }
    edits.retain(|(from, to, inserted)| text[*from..*to] != *inserted);
    let mut out = text.to_string();
    for (from, to, inserted) in edits.iter().rev() {
        out.replace_range(from..to, inserted);
    }
    Corrupted { text: out, sites, edits }
}
