//! The kinds of corruption.

use crate::params::choices;

/// What is broken, in the two families of SCIP.
///
/// Each kind is said by its edit and its *sites*, the places where one edit may happen. The pieces of a text
/// are those of [`Syntax`](super::Syntax); *code* are all pieces but comments, blanks and line feeds. *Lines*
/// are parted by line feeds that are pieces, so that a string or comment over several lines lies in one line;
/// a *joined* line goes on while round or square brackets are open. The *indentation* of a line is the blank
/// that it begins with, measured in bytes. Sites are numbered as they stand in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Corruption {
    /// Closing brackets are removed. Sites: every mark `)`, `]`, `}`.
    ClosingBrackets,
    /// Colons and semicolons at line ends are removed. Sites: those that are the last code of their line.
    Terminators,
    /// An indentation loses its last character or gains one, by chance. Sites: lines with code. The new
    /// character is a tab behind a tab, else a space. A line without indentation gains a space.
    Indentation,
    /// An identifier is renamed at some of its occurrences. Sites: the occurrences of a word but the first,
    /// words of [`RESERVED_WORDS`](super::RESERVED_WORDS) left out. The word gets a `_` and four of a to z,
    /// 0 to 9, by chance; the text does not hold the new word.
    Renames,
    /// Comparisons and logical operators are replaced by their opposite, and negations dropped. Sites: words,
    /// and runs of the marks `= ! < > & | - + * / % ^ ~ ? : @ .`. The opposites: `==` and `!=`, `===` and
    /// `!==`, `<=` and `>`, `>=` and `<`, `&&` and `||`, `and` and `or`, `True` and `False`, `true` and
    /// `false`. `<` and `>` alone are sites only between blanks, since they are brackets of types as well.
    /// `not` goes with the blank behind it.
    Conditionals,
    /// An index is off by one. Sites: square brackets right behind a word that is not reserved, behind `)` or
    /// behind `]`. They hold something other than blanks, but no string, comment, line feed or mark `: , ; =`.
    /// A whole number below 2^64 - 1 that stands alone in the brackets goes up or down, by chance; 0 goes up.
    /// Brackets around any other lone number are no site. In all other brackets ` + 1` or ` - 1` is put before
    /// the `]`.
    IndexOffsets,
    /// Whole statements are deleted. Sites: joined lines with code, line feed included. A line is no site if
    /// its last code is one of `: { , ( [`, or its first code one of `} ) ] @`. Where blocks go by
    /// indentation, the only line of a block is no site either: it stands behind a `:` that ends a line, and
    /// less indented code or nothing stands behind it.
    Statements,
    /// Bodies of blocks are deleted. With braces, a body is everything between a `{` that ends a line and the
    /// `}` that closes it, if there is code in between. By indentation, a body is the joined lines behind a
    /// joined line that ends in `:`, as far as they are indented more than that line. They become `pass` (and
    /// a line feed, if their last byte is one). A body of one line that begins with `pass` is no site.
    Bodies,
    /// Lines change places with lines of another file. Sites: lines that are not blank. As many lines of both
    /// files are drawn, each by its own id, and swapped in their order.
    SwappedLines,
    /// Comments are deleted, and documentation strings emptied. A line of comments goes, line feed included.
    /// In a line with code each comment goes with the blank before it. Where blocks go by indentation, a
    /// string of more than two bytes that is all code of its line becomes `""` instead. A first line that
    /// begins with `#!` is left alone.
    Comments,
    /// The end of the file is cut off. Every character is a site.
    Truncation,
}

/// What a corruption destroys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// The form: the text is no longer a program, or another one.
    Syntax,
    /// The content: the text says less, or what does not belong to it.
    Content,
}

choices!([Corruption]:
    ClosingBrackets "closing-brackets", Terminators "terminators", Indentation "indentation",
    Renames "renames", Conditionals "conditionals", IndexOffsets "index-offsets", Statements "statements",
    Bodies "bodies", SwappedLines "swapped-lines", Comments "comments", Truncation "truncation");

impl Corruption {
    /// The corruption of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The family that the kind belongs to.
    pub fn family(self) -> Family {
        match self {
            Corruption::ClosingBrackets
            | Corruption::Terminators
            | Corruption::Indentation
            | Corruption::Renames
            | Corruption::Conditionals
            | Corruption::IndexOffsets => Family::Syntax,
            _ => Family::Content,
        }
    }

    /// Whether parts of the kind may lie in one another.
    pub(super) fn nests(self) -> bool {
        matches!(self, Corruption::Statements | Corruption::Bodies)
    }

    /// The kind's place in the draws of random numbers; never changes.
    pub(super) fn number(self) -> u32 {
        self as u32
    }
}

choices!(Family: Syntax "syntax", Content "content");
