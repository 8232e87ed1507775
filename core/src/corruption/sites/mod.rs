//! Where a text can be corrupted, kind by kind.
//!
//! `lines` knows no kind: it puts the pieces of a text into lines, and tells their first and last
//! code, their indentation and where blocks open. `form` finds the sites of the kinds that break
//! the syntax, `content` those of the kinds that take content away; `nested` says which of sites that
//! lie in one another are still free.

mod content;
mod form;
mod lines;
mod nested;
mod words;

use alloc::vec::Vec;

use super::kinds::Corruption;
use super::syntax::{Syntax, Token};
use crate::error::Result;
use crate::memory::try_grow;

pub use form::opposite;
pub(super) use nested::Nested;
pub use words::RESERVED_WORDS;

/// A place and what may happen there; byte ranges of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Site {
    pub start: usize,
    pub end: usize,
    pub change: Change,
}

/// What happens at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The bytes are replaced by a fixed text.
    Fixed(&'static str),
    /// A blank of the indentation goes, or one more comes, by chance.
    Indent,
    /// A word gets a suffix that no other word has.
    Suffix,
    /// A whole number goes up or down by one, by chance.
    Number(u64),
    /// " + 1" or " - 1" is inserted, by chance.
    PlusMinus,
    /// The body of an indented block becomes `pass` at the indentation of these bytes.
    Pass { indent_start: usize, indent_end: usize },
}

/// The sites of one kind in a scanned text, ascending; those of bodies may lie in one another.
pub(super) fn sites(kind: Corruption, text: &str, tokens: &[Token], syntax: Syntax) -> Result<Vec<Site>> {
    let mut found = Found { sites: Vec::new() };
    let scanned = lines::Scanned { text, tokens, hash: syntax != Syntax::Slashes };
    match kind {
        Corruption::ClosingBrackets => scanned.closing_brackets(&mut found)?,
        Corruption::Terminators => scanned.terminators(&mut found)?,
        Corruption::Indentation => scanned.indentation(&mut found)?,
        Corruption::Renames => scanned.renames(&mut found)?,
        Corruption::Conditionals => scanned.conditionals(&mut found)?,
        Corruption::IndexOffsets => scanned.index_offsets(&mut found)?,
        Corruption::Statements => scanned.statements(&mut found)?,
        Corruption::Bodies => scanned.bodies(&mut found)?,
        Corruption::Comments => scanned.comments(&mut found)?,
        // The sites of these kinds do not depend on tokens.
        Corruption::SwappedLines | Corruption::Truncation => {}
    }
    Ok(found.sites)
}

/// Sites as they are found.
pub(super) struct Found {
    pub sites: Vec<Site>,
}

impl Found {
    pub fn add(&mut self, start: usize, end: usize, change: Change) -> Result<()> {
        if self.sites.len() == self.sites.capacity() {
            let more = self.sites.len().max(64);
            try_grow(&mut self.sites, more)?;
        }
        self.sites.push(Site { start, end, change });
        Ok(())
    }
}
