//! Corruption at places that a parser of the language found.
//!
//! [`Corruptor::apply`] knows no language: what is a string, a name or a statement, it guesses from marks and line
//! ends. Who has a parser says it instead, as [`Part`]s, and nothing is guessed: only names are renamed, only
//! comments are comments, and what the kinds of the family [`Content`](super::Family::Content) take away leaves a
//! program.

use alloc::vec::Vec;

use super::edits::{Corrupted, Corruptor, Edit, Edits, Unchanged, owned};
use super::kinds::Corruption;
use super::sites::{Change, Site};
use crate::check;
use crate::error::Result;
use crate::memory::{try_capacity, try_grow, try_up_to};

/// A place of a text where one kind of corruption may edit.
///
/// | kind | the bytes `start..end` | their edit |
/// |---|---|---|
/// | closing-brackets, terminators | a mark | become `becomes` |
/// | conditionals | an operator or a truth value | become `becomes`, the opposite |
/// | indentation | the blanks that a line begins with | lose the last one or gain one, by chance |
/// | renames | a name | get a suffix, but for the first part of that name |
/// | index-offsets | what stands within the brackets | a whole number goes up or down by 1; else ` + 1` or ` - 1` comes behind |
/// | statements | a statement | become `becomes`: nothing, or what keeps a block whole, such as `pass` |
/// | bodies | what a block holds | become `becomes` |
/// | comments | a comment, or a string that documents | become `becomes` |
/// | swapped-lines | a statement that may stand in any place | change places with one of the other text |
/// | truncation | none: the parts of statements are its places | those behind the cut become `becomes` |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Part<'s> {
    /// The kind that may edit here.
    pub kind: Corruption,
    /// The first byte.
    pub start: usize,
    /// The byte behind the last.
    pub end: usize,
    /// What the bytes become.
    pub becomes: &'s str,
}

impl Corruptor {
    /// Corrupts `text`, the document `id`, at `parts`, of which only those of the corruptor's kind count. How many
    /// and which of them are edited is as in [`apply`](Self::apply); the syntax is not looked at.
    ///
    /// Of statements and bodies that lie in one another the first chosen stays. [`Truncation`](Corruption::Truncation)
    /// cuts where [`apply`](Self::apply) would, and edits every outermost statement that begins at the cut or behind;
    /// where there is none, the outermost of those that begin last.
    ///
    /// # Shapes
    /// The parts of one kind ascend by `start`, an outer one before those in it. Parts of statements and bodies are
    /// not empty, and apart or in one another; those of other kinds are apart.
    /// # Tier
    /// A.
    /// # Errors
    /// As [`apply`](Self::apply), and [`InvalidParameter`](crate::Error::InvalidParameter) with the number of the
    /// first part that is no piece of the text or stands in a wrong place.
    /// # Cost
    /// O(p log p) for p parts, and the text.
    /// # Example
    /// ```
    /// use pauca::corruption::{Corruption, Corruptor, Part};
    /// let text = "if (/\\/\\//.test(h)) { f(h); }";
    /// let call = Part { kind: Corruption::Statements, start: 22, end: 27, becomes: "" };
    /// let found = Corruptor::new(Corruption::Statements).apply_parts(text, 7, &[call])?;
    /// assert_eq!(found.text, "if (/\\/\\//.test(h)) {  }");
    /// # Ok::<(), pauca::Error>(())
    /// ```
    pub fn apply_parts(&self, text: &str, id: u64, parts: &[Part<'_>]) -> Result<Corrupted> {
        self.run_parts(text, id, parts, None)
    }

    /// Corrupts `text` at `parts` beside another document, which only [`SwappedLines`](Corruption::SwappedLines)
    /// looks at: as many parts of both are drawn and change places in their order.
    ///
    /// # Errors
    /// As [`apply_parts`](Self::apply_parts), for both texts.
    pub fn apply_parts_with(
        &self,
        text: &str,
        id: u64,
        parts: &[Part<'_>],
        other: (&str, u64, &[Part<'_>]),
    ) -> Result<Corrupted> {
        self.run_parts(text, id, parts, Some(other))
    }

    fn run_parts(
        &self,
        text: &str,
        id: u64,
        parts: &[Part<'_>],
        other: Option<(&str, u64, &[Part<'_>])>,
    ) -> Result<Corrupted> {
        check::fraction("rate", self.rate)?;
        let (sites, edits) = match self.kind {
            Corruption::SwappedLines => {
                let Some((other, other_id, theirs)) = other else {
                    return super::edits::unchanged(text, 0, Unchanged::NoDonor);
                };
                let (mine, theirs) = (of_kind(self.kind, text, parts)?, of_kind(self.kind, other, theirs)?);
                let lines =
                    |parts: &[Part<'_>]| try_up_to(parts.len(), parts.iter().map(|p| (p.start, p.end)));
                self.exchanges(text, id, &lines(&mine)?, (other, other_id, &lines(&theirs)?))?
            }
            Corruption::Truncation => self.cut_parts(text, &of_kind(Corruption::Statements, text, parts)?)?,
            kind => self.change_parts(text, id, &of_kind(kind, text, parts)?)?,
        };
        self.finish(text, sites, edits)
    }

    fn change_parts(&self, text: &str, id: u64, parts: &[Part<'_>]) -> Result<(usize, Vec<Edit>)> {
        let mut words = try_up_to(parts.len(), parts.iter().map(|part| part.of(text)))?;
        words.sort_unstable();
        words.dedup();
        let mut places = try_capacity(parts.len())?;
        let mut seen = try_capacity(words.len())?;
        seen.resize(words.len(), self.kind != Corruption::Renames);
        for part in parts {
            let first =
                words.binary_search(&part.of(text)).is_ok_and(|at| !core::mem::replace(&mut seen[at], true));
            // The first of a name keeps it; what would become what it is, is no place.
            if !(first || part.is_replaced() && part.becomes == part.of(text)) {
                places.push(*part);
            }
        }
        let sites = try_up_to(places.len(), places.iter().map(|part| part.site(text)))?;
        let chosen = self.chosen(id, &sites, self.kind.nests())?;
        let mut edits = Edits::new(text, chosen.len())?;
        for (site, number) in chosen {
            match places[number] {
                part if part.is_replaced() => edits.add(part.start, part.end, owned(part.becomes)?)?,
                _ => edits.change(&site, self.bits(id, number, true), &words)?,
            }
        }
        Ok((sites.len(), edits.list))
    }

    fn cut_parts(&self, text: &str, parts: &[Part<'_>]) -> Result<(usize, Vec<Edit>)> {
        let Some(last) = parts.last() else { return Ok((0, Vec::new())) };
        let characters = text.chars().count();
        let cut =
            text.char_indices().nth(characters - self.taken(characters)).map_or(text.len(), |(at, _)| at);
        let cut = if self.taken(characters) == 0 { text.len() } else { cut.min(last.start) };
        let (mut edits, mut end) = (Edits::new(text, 1)?, cut);
        for part in parts.iter().filter(|_| cut < text.len()) {
            if part.start >= end {
                edits.add(part.start, part.end, owned(part.becomes)?)?;
                end = part.end;
            }
        }
        Ok((characters, edits.list))
    }
}

impl Part<'_> {
    fn of<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.start..self.end).unwrap_or("")
    }

    /// Whether the bytes become `becomes`, and nothing is drawn but the place.
    fn is_replaced(&self) -> bool {
        !matches!(self.kind, Corruption::Indentation | Corruption::Renames | Corruption::IndexOffsets)
    }

    fn site(&self, text: &str) -> Site {
        let (start, end) = (self.start, self.end);
        match self.kind {
            Corruption::Indentation => Site { start, end, change: Change::Indent },
            Corruption::Renames => Site { start, end, change: Change::Suffix },
            Corruption::IndexOffsets => match self.of(text).parse::<u64>().ok().filter(|v| *v < u64::MAX) {
                Some(value) => Site { start, end, change: Change::Number(value) },
                None => Site { start: end, end, change: Change::PlusMinus },
            },
            _ => Site { start, end, change: Change::Fixed("") },
        }
    }
}

/// The parts of a kind, if they are pieces of the text in a right order.
fn of_kind<'s>(kind: Corruption, text: &str, parts: &[Part<'s>]) -> Result<Vec<Part<'s>>> {
    let mut found: Vec<Part<'s>> = Vec::new();
    let mut around: Vec<usize> = Vec::new();
    let mut before = (0, usize::MAX);
    for (number, part) in parts.iter().enumerate().filter(|(_, part)| part.kind == kind) {
        while around.last().is_some_and(|&end| end <= part.start) {
            around.pop();
        }
        let inside = around.last().is_none_or(|&end| part.end <= end && kind.nests());
        let ascends = before.0 < part.start || before.0 == part.start && part.end <= before.1;
        let full = part.start < part.end || !kind.nests();
        let holds = inside && ascends && full && text.get(part.start..part.end).is_some();
        check::parameter("part", number as f64, "a piece of the text, in ascending order", holds)?;
        before = (part.start, part.end);
        try_grow(&mut around, 1)?;
        around.push(part.end);
        if found.len() == found.capacity() {
            let more = found.len().max(64);
            try_grow(&mut found, more)?;
        }
        found.push(*part);
    }
    Ok(found)
}
