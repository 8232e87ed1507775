//! The languages whose syntax the corruptor knows: where each kind may edit, as the library's
//! [`Part`]s.
//!
//! `grammar` says of each language of tree-sitter which of its nodes are statements, blocks, names and so on; `tree`
//! walks a tree and makes parts of them; `sql` reads SQL by itself, since its grammar is as large as all others
//! together. What is no language of these is left to the library's scanner, which knows none.

#[cfg(feature = "grammars")]
mod grammar;
mod sql;
#[cfg(feature = "grammars")]
mod tree;

use std::path::Path;

use pauca::corruption::{Corrupted, Corruption, Corruptor, Part};

use super::corrupt::{Text, number};

/// A language of the corruptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Python 3.
    Python,
    /// Rust.
    Rust,
    /// C.
    C,
    /// C++.
    Cpp,
    /// JavaScript.
    JavaScript,
    /// TypeScript.
    TypeScript,
    /// Java.
    Java,
    /// Go.
    Go,
    /// SQL, without a dialect.
    Sql,
    /// Shells of the Bourne family.
    Shell,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Python,
        Self::Rust,
        Self::C,
        Self::Cpp,
        Self::JavaScript,
        Self::TypeScript,
        Self::Java,
        Self::Go,
        Self::Sql,
        Self::Shell,
    ];

    /// The name on the command line and in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Rust => "rust",
            Self::C => "c",
            Self::Cpp => "cpp",
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
            Self::Java => "java",
            Self::Go => "go",
            Self::Sql => "sql",
            Self::Shell => "shell",
        }
    }

    /// What reads it.
    pub fn reader(self) -> &'static str {
        match self {
            Self::Sql => "pauca",
            _ => "tree-sitter",
        }
    }

    /// The language of a name, as data sets of code write it.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        let known = match name.as_str() {
            "c++" | "cc" | "cxx" => "cpp",
            "js" | "jsx" => "javascript",
            "ts" | "tsx" => "typescript",
            "golang" => "go",
            "bash" | "sh" | "zsh" => "shell",
            "py" | "python3" => "python",
            "rs" => "rust",
            name => name,
        };
        Self::ALL.into_iter().find(|language| language.name() == known)
    }

    /// The language of a file of this name, by what it ends in.
    pub fn of_file(name: &str) -> Option<Self> {
        Some(match Path::new(name).extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "py" | "pyi" => Self::Python,
            "rs" => Self::Rust,
            "c" | "h" => Self::C,
            "cc" | "cpp" | "cxx" | "c++" | "hpp" | "hh" | "hxx" => Self::Cpp,
            "js" | "mjs" | "cjs" | "jsx" => Self::JavaScript,
            "ts" | "mts" | "cts" | "tsx" => Self::TypeScript,
            "java" => Self::Java,
            "go" => Self::Go,
            "sql" => Self::Sql,
            "sh" | "bash" => Self::Shell,
            _ => return None,
        })
    }

    /// Whether this build can read it: all but SQL need the feature `grammars`.
    pub fn is_built(self) -> bool {
        cfg!(feature = "grammars") || self == Self::Sql
    }

    /// Where the kinds may edit `text`; none where `stop` ended the work.
    fn parts(self, text: &str, stop: &dyn Fn() -> bool) -> Option<Vec<Part<'static>>> {
        match self {
            Self::Sql => Some(sql::parts(text)).filter(|_| !stop()),
            #[cfg(feature = "grammars")]
            _ => tree::parts(text, grammar::of(self), stop),
            #[cfg(not(feature = "grammars"))]
            _ => Some(Vec::new()),
        }
    }
}

/// A text and where it can be edited.
pub struct Read<'t> {
    text: &'t Text,
    /// Its language and parts; none for a text that the scanner takes.
    known: Option<(Language, Vec<Part<'static>>)>,
}

impl<'t> Read<'t> {
    /// Reads a text once for all kinds; `stop` is asked again and again.
    ///
    /// # Errors
    /// [`Cancelled`](pauca::Error::Cancelled) where `stop` says so.
    pub fn new(text: &'t Text, language: Option<Language>, stop: &dyn Fn() -> bool) -> pauca::Result<Self> {
        let known = language.filter(|l| l.is_built()).map(|language| {
            let parts = language.parts(&text.text, stop).ok_or(pauca::Error::Cancelled)?;
            Ok::<_, pauca::Error>((language, parts))
        });
        Ok(Self { text, known: known.transpose()? })
    }

    /// The language that was read.
    pub fn language(&self) -> Option<Language> {
        self.known.as_ref().map(|(language, _)| *language)
    }

    /// Corrupts the text, beside another where there is one. Two texts of one language exchange statements; texts of
    /// two exchange nothing, unless the scanner took both.
    ///
    /// # Errors
    /// The library's.
    pub fn corrupt(
        &self,
        corruptor: &Corruptor,
        kind: Corruption,
        other: Option<&Self>,
    ) -> pauca::Result<Corrupted> {
        let (text, id) = (&self.text.text, number(&self.text.id));
        match (&self.known, other) {
            (Some((language, mine)), Some(Read { text: other, known: Some((theirs_is, theirs)) }))
                if language == theirs_is =>
            {
                corruptor.apply_parts_with(text, id, mine, (&other.text, number(&other.id), theirs))
            }
            (Some((_, mine)), _) => corruptor.apply_parts(text, id, mine),
            (None, Some(other)) if other.known.is_none() || kind != Corruption::SwappedLines => {
                corruptor.apply_with(text, id, &other.text.text, number(&other.text.id))
            }
            (None, _) => corruptor.apply(text, id),
        }
    }
}

#[cfg(test)]
mod tests;
