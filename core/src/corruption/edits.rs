//! Which sites are taken, and what becomes of the text.

use alloc::string::String;
use alloc::vec::Vec;

use super::kinds::Corruption;
use super::sites::{Change, Nested, Site, sites};
use super::syntax::{Kind, Syntax, Token, scan};
use crate::check;
use crate::error::{Error, Result};
use crate::memory::{try_capacity, try_collect, try_grow, try_up_to};
use crate::params::{choices, setters};
use crate::random::{Stream, streams};
use crate::stats::round_half_even;

/// Sites of one text; the draw of a site has 26 bits for it.
const MOST_SITES: usize = 1 << 26;

/// Corrupts source code: one kind, a rate, a seed.
///
/// Text is scanned for words, numbers, strings, comments and marks ([`Syntax`]), not parsed: that needs no language
/// and gets some of each wrong (a regular expression that looks like a comment, the letter before a string that looks
/// like a name). Who has a parser says where the places are ([`apply_parts`](Self::apply_parts)). Every kind has its sites ([`Corruption`]); of s sites max(1,
/// round_half_even(rate s)) are taken, those of the smallest random keys, and edited. Strings and
/// comments are left alone (but by [`Comments`](Corruption::Comments),
/// [`Truncation`](Corruption::Truncation) and whatever deletes or swaps the lines that hold them).
///
/// - The result is a function of text, kind, rate, seed and `id`: the same in any shard, order or
///   thread. Give every document its own `id`, such as its row number or a hash of its name.
/// - Every edit is recorded; [`Corrupted::original`] takes them back.
/// - A text that comes out as it went in says so: [`Corrupted::unchanged`].
/// - [`Bodies`](Corruption::Bodies) may lie in one another: of two chosen ones that overlap the
///   first chosen stays. [`Truncation`](Corruption::Truncation) takes rate as the share of the
///   characters; [`SwappedLines`](Corruption::SwappedLines) needs another text ([`apply_with`](Self::apply_with)).
///
/// *Source*: the idea and its two families are Yang et al. 2023 (SCIP); kinds, sites and rates are
/// ours. Default rate 0.1, seed 0.
///
/// # Tier
/// A: equal bytes everywhere.
/// # Cost
/// O(length log length); a few times the text.
/// # Example
/// ```
/// use pauca::corruption::{Corruption, Corruptor};
/// let text = "def f(x):\n    return g(x[0])\n";
/// let corruptor = Corruptor::new(Corruption::ClosingBrackets).rate(1.0);
/// let corrupted = corruptor.apply(text, 7)?;
/// assert_eq!(corrupted.text, "def f(x:\n    return g(x[0\n");
/// assert_eq!(corrupted.edits.len(), 3);
/// assert_eq!(corrupted.original()?, text);
/// assert!(corruptor.apply("nothing to close", 7)?.unchanged.is_some());
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Corruptor {
    pub(super) kind: Corruption,
    pub(super) rate: f64,
    seed: u64,
    syntax: Syntax,
}

/// One edit: bytes `start..end` of the original became `inserted`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// First byte of the original.
    pub start: usize,
    /// Byte behind the last.
    pub end: usize,
    /// Line of `start` in the original, 1 for the first.
    pub line: usize,
    /// What stood there.
    pub removed: String,
    /// What stands there now.
    pub inserted: String,
}

/// Why a text came out as it went in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Unchanged {
    /// The text has no place where this kind could edit it.
    NoSite,
    /// The rate is 0.
    ZeroRate,
    /// Swapping lines needs another text.
    NoDonor,
    /// The lines drawn from the other text are the same.
    SameText,
}

choices!(Unchanged: NoSite, ZeroRate, NoDonor, SameText);

impl Unchanged {
    /// The reason in words.
    pub fn reason(self) -> &'static str {
        match self {
            Unchanged::NoSite => "nothing of this kind in the text",
            Unchanged::ZeroRate => "the rate is 0",
            Unchanged::NoDonor => "no other text to swap lines with",
            Unchanged::SameText => "the other text's lines are the same",
        }
    }
}

/// A corrupted text and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corrupted {
    /// The text now.
    pub text: String,
    /// What was done, ascending, without overlaps.
    pub edits: Vec<Edit>,
    /// Sites of the kind in the original.
    pub sites: usize,
    /// Why nothing changed; none when something did.
    pub unchanged: Option<Unchanged>,
}

impl Corruptor {
    /// A corruptor of one kind, at rate 0.1.
    pub fn new(kind: Corruption) -> Self {
        Self { kind, rate: 0.1, seed: 0, syntax: Syntax::Detect }
    }

    setters! {
        /// Share of the sites to edit, in \[0, 1\]; at least one site is, unless the rate is 0.
        rate: f64;
        /// Seed.
        seed: u64;
        /// How comments and strings are written.
        syntax: Syntax;
    }

    /// Corrupts `text`, the document `id`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for a rate outside \[0, 1\], [`Error::TooLarge`] beyond 2^26
    /// sites, [`Error::OutOfMemory`].
    pub fn apply(&self, text: &str, id: u64) -> Result<Corrupted> {
        self.run(text, id, None)
    }

    /// Corrupts `text`, the document `id`, beside another document, which only
    /// [`SwappedLines`](Corruption::SwappedLines) looks at: as many lines of both are drawn and
    /// change places in their order. Called again with the two in each other's place, it gives the
    /// other half of the swap.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_with(&self, text: &str, id: u64, other: &str, other_id: u64) -> Result<Corrupted> {
        self.run(text, id, Some((other, other_id)))
    }

    fn run(&self, text: &str, id: u64, other: Option<(&str, u64)>) -> Result<Corrupted> {
        check::fraction("rate", self.rate)?;
        let (sites, edits) = match self.kind {
            Corruption::SwappedLines => {
                let Some((other, other_id)) = other else {
                    return unchanged(text, 0, Unchanged::NoDonor);
                };
                self.exchanges(text, id, &full_lines(text)?, (other, other_id, &full_lines(other)?))?
            }
            Corruption::Truncation => self.cut(text)?,
            _ => self.changes(text, id)?,
        };
        self.finish(text, sites, edits)
    }

    /// The text after `edits`, of so many sites.
    pub(super) fn finish(&self, text: &str, sites: usize, edits: Vec<Edit>) -> Result<Corrupted> {
        if sites == 0 {
            return unchanged(text, 0, Unchanged::NoSite);
        }
        if self.rate == 0.0 {
            return unchanged(text, sites, Unchanged::ZeroRate);
        }
        let mut out = String::new();
        grow(&mut out, text.len())?;
        let mut at = 0;
        for edit in &edits {
            push(&mut out, text.get(at..edit.start).unwrap_or(""))?;
            push(&mut out, &edit.inserted)?;
            at = edit.end;
        }
        push(&mut out, text.get(at..).unwrap_or(""))?;
        if out == text {
            return unchanged(text, sites, Unchanged::SameText);
        }
        Ok(Corrupted { text: out, edits, sites, unchanged: None })
    }

    /// 64 random bits of a site: its key, or with `second` its choice.
    pub(super) fn bits(&self, id: u64, site: usize, second: bool) -> u64 {
        let draw = self.kind.number() << 27 | u32::from(second) << 26 | site as u32;
        Stream::new(self.seed, streams::CORRUPTION).bits(id, draw)
    }

    /// How many of `sites` are taken.
    pub(super) fn taken(&self, sites: usize) -> usize {
        if self.rate == 0.0 || sites == 0 {
            return 0;
        }
        (round_half_even(self.rate * sites as f64) as usize).clamp(1, sites)
    }

    /// The sites 0..n in the order of their keys.
    fn drawn(&self, id: u64, n: usize) -> Result<Vec<usize>> {
        check::at_most("sites of one text", n, MOST_SITES)?;
        let mut keyed = try_collect((0..n).map(|site| (self.bits(id, site, false), site)))?;
        keyed.sort_unstable();
        try_collect(keyed.into_iter().map(|(_, site)| site))
    }

    fn changes(&self, text: &str, id: u64) -> Result<(usize, Vec<Edit>)> {
        let syntax = self.syntax.resolve(text);
        let tokens = scan(text, syntax)?;
        let sites = sites(self.kind, text, &tokens, syntax)?;
        // Of what is found without a parser only bodies lie in one another.
        let chosen = self.chosen(id, &sites, self.kind == Corruption::Bodies)?;
        let mut edits = Edits::new(text, chosen.len())?;
        let words = if self.kind == Corruption::Renames { words(text, &tokens)? } else { Vec::new() };
        for (site, number) in chosen {
            let bits = self.bits(id, number, true);
            edits.change(&site, bits, &words)?;
        }
        Ok((sites.len(), edits.list))
    }

    /// The sites that are taken and their numbers, ascending; of those in one another the first drawn.
    pub(super) fn chosen(&self, id: u64, sites: &[Site], nest: bool) -> Result<Vec<(Site, usize)>> {
        let mut chosen: Vec<(Site, usize)> = try_capacity(self.taken(sites.len()))?;
        let mut nested = if nest { Some(Nested::new(sites)?) } else { None };
        for number in self.drawn(id, sites.len())? {
            if chosen.len() == self.taken(sites.len()) {
                break;
            }
            if nested.as_mut().is_none_or(|nested| nested.take(number)) {
                chosen.push((sites[number], number));
            }
        }
        chosen.sort_unstable_by_key(|(site, number)| (site.start, site.end, *number));
        Ok(chosen)
    }

    fn cut(&self, text: &str) -> Result<(usize, Vec<Edit>)> {
        let characters = text.chars().count();
        let mut edits = Edits::new(text, 1)?;
        let kept = characters - self.taken(characters);
        if let Some((start, _)) = text.char_indices().nth(kept) {
            edits.add(start, text.len(), String::new())?;
        }
        Ok((characters, edits.list))
    }

    /// Pieces of `text` that change places with pieces of another text; its number, and its pieces.
    pub(super) fn exchanges(
        &self,
        text: &str,
        id: u64,
        mine: &[(usize, usize)],
        (other, other_id, theirs): (&str, u64, &[(usize, usize)]),
    ) -> Result<(usize, Vec<Edit>)> {
        let sites = mine.len().min(theirs.len());
        let count = self.taken(sites);
        let choose = |id: u64, n: usize| -> Result<Vec<usize>> {
            let mut chosen = self.drawn(id, n)?;
            chosen.truncate(count);
            chosen.sort_unstable();
            Ok(chosen)
        };
        let mut edits = Edits::new(text, count)?;
        for (to, from) in choose(id, mine.len())?.into_iter().zip(choose(other_id, theirs.len())?) {
            let ((start, end), (from, until)) = (mine[to], theirs[from]);
            let line = other.get(from..until).unwrap_or("");
            if text.get(start..end) != Some(line) {
                edits.add(start, end, owned(line)?)?;
            }
        }
        Ok((sites, edits.list))
    }
}

impl Corrupted {
    /// The text before the edits.
    ///
    /// # Errors
    /// [`Error::Mismatch`] where text and edits were changed and no longer fit, [`Error::OutOfMemory`].
    pub fn original(&self) -> Result<String> {
        let wrong = || Error::Mismatch { what: "the text that the edits belong to" };
        let (mut out, mut at, mut gap) = (String::new(), 0usize, 0usize);
        for edit in &self.edits {
            // What lies between two edits is as long in both texts.
            let between = edit.start.checked_sub(gap).ok_or_else(wrong)?;
            let end = at + between;
            push(&mut out, self.text.get(at..end).ok_or_else(wrong)?)?;
            push(&mut out, &edit.removed)?;
            at = end + edit.inserted.len();
            if self.text.get(end..at) != Some(edit.inserted.as_str()) {
                return Err(wrong());
            }
            gap = edit.end;
        }
        push(&mut out, self.text.get(at..).ok_or_else(wrong)?)?;
        Ok(out)
    }
}

/// Edits of one text, collected in ascending order.
pub(super) struct Edits<'t> {
    text: &'t str,
    pub list: Vec<Edit>,
    /// The byte up to which line ends are counted, and their number.
    counted: (usize, usize),
}

impl<'t> Edits<'t> {
    pub fn new(text: &'t str, capacity: usize) -> Result<Self> {
        Ok(Self { text, list: try_capacity(capacity)?, counted: (0, 0) })
    }

    pub fn add(&mut self, start: usize, end: usize, inserted: String) -> Result<()> {
        let removed = self.text.get(start..end).unwrap_or("");
        if removed == inserted {
            return Ok(());
        }
        let (from, lines) = self.counted;
        let before = self.text.get(from..start).unwrap_or("");
        self.counted = (start, lines + before.bytes().filter(|b| *b == b'\n').count());
        let removed = owned(removed)?;
        try_grow(&mut self.list, 1)?;
        self.list.push(Edit { start, end, line: self.counted.1 + 1, removed, inserted });
        Ok(())
    }

    pub fn change(&mut self, site: &Site, bits: u64, words: &[&str]) -> Result<()> {
        let here = self.text.get(site.start..site.end).unwrap_or("");
        let up = bits & 1 == 1;
        let inserted = match site.change {
            Change::Fixed(text) => owned(text)?,
            Change::PlusMinus => owned(if up { " + 1" } else { " - 1" })?,
            Change::Number(value) => {
                let value = if up || value == 0 { value + 1 } else { value - 1 };
                let mut buffer = [0; 20];
                owned(decimal(value, &mut buffer))?
            }
            Change::Indent => {
                let mut indent = owned(here)?;
                match here.chars().last() {
                    Some(_) if !up => {
                        indent.pop();
                    }
                    Some('\t') => push(&mut indent, "\t")?,
                    _ => push(&mut indent, " ")?,
                }
                indent
            }
            Change::Suffix => {
                // The first of 36^4 suffixes that makes a new word.
                (0..)
                    .map(|attempt| renamed(here, bits.wrapping_add(attempt)))
                    .find(|name| {
                        name.as_ref().map_or(true, |name| words.binary_search(&name.as_str()).is_err())
                    })
                    .unwrap_or_else(|| Ok(String::new()))?
            }
            Change::Pass { indent_start, indent_end } => {
                let mut body = owned(self.text.get(indent_start..indent_end).unwrap_or(""))?;
                push(&mut body, if here.ends_with('\n') { "pass\n" } else { "pass" })?;
                body
            }
        };
        self.add(site.start, site.end, inserted)
    }
}

pub(super) fn unchanged(text: &str, sites: usize, why: Unchanged) -> Result<Corrupted> {
    Ok(Corrupted { text: owned(text)?, edits: Vec::new(), sites, unchanged: Some(why) })
}

/// `word_xxxx` with four letters or digits from `bits`.
fn renamed(word: &str, mut bits: u64) -> Result<String> {
    let mut name = owned(word)?;
    grow(&mut name, 5)?;
    name.push('_');
    for _ in 0..4 {
        name.push(char::from(b"abcdefghijklmnopqrstuvwxyz0123456789"[(bits % 36) as usize]));
        bits /= 36;
    }
    Ok(name)
}

fn decimal(mut value: u64, buffer: &mut [u8; 20]) -> &str {
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            return core::str::from_utf8(&buffer[at..]).unwrap_or("");
        }
    }
}

/// All distinct words, sorted.
fn words<'t>(text: &'t str, tokens: &[Token]) -> Result<Vec<&'t str>> {
    let mut words =
        try_up_to(tokens.len(), tokens.iter().filter(|t| t.kind == Kind::Word).map(|t| t.of(text)))?;
    words.sort_unstable();
    words.dedup();
    Ok(words)
}

/// Lines that are not blank, as byte ranges without their line ends.
fn full_lines(text: &str) -> Result<Vec<(usize, usize)>> {
    let (mut lines, mut start) = (try_capacity(text.bytes().filter(|b| *b == b'\n').count() + 1)?, 0);
    for line in text.split('\n') {
        if !line.trim().is_empty() {
            lines.push((start, start + line.len()));
        }
        start += line.len() + 1;
    }
    Ok(lines)
}

fn grow(text: &mut String, additional: usize) -> Result<()> {
    text.try_reserve(additional).map_err(|_| Error::OutOfMemory { bytes: additional })
}

fn push(text: &mut String, more: &str) -> Result<()> {
    grow(text, more.len())?;
    text.push_str(more);
    Ok(())
}

pub(super) fn owned(text: &str) -> Result<String> {
    let mut copy = String::new();
    push(&mut copy, text)?;
    Ok(copy)
}
