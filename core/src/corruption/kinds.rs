//! The kinds of corruption.

/// What is broken, in the two families of SCIP.
///
/// Each kind's sites, where one edit may happen, and its edit. The pieces of a text are those of
/// [`Syntax`](super::Syntax); *code* are all of them but comments, blanks and line feeds. A *line*
/// is what line feeds that are pieces part, so that a string or comment over several lines lies in
/// one; a *joined* line goes on while round or square brackets are open. Its *indentation* is the
/// blank that it begins with, measured in bytes. Sites are numbered as they stand in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Corruption {
    /// Closing brackets are removed: every mark `)`, `]`, `}`.
    ClosingBrackets,
    /// Colons and semicolons at line ends are removed: those that are the last code of their line.
    Terminators,
    /// The indentation of a line with code loses its last character or gains one, by chance: a tab
    /// behind a tab, else a space. None at all gains one.
    Indentation,
    /// An identifier is renamed at some of its occurrences, never at its first: a word other than
    /// [`RESERVED_WORDS`](super::RESERVED_WORDS) gets a `_` and four of a to z, 0 to 9, by chance,
    /// that make a word which the text does not hold.
    Renames,
    /// Comparisons and logical operators are replaced by their opposite, negations dropped. Sites
    /// are words, and marks of `= ! < > & | - + * / % ^ ~ ? : @ .` as many as stand together:
    /// `==` and `!=`, `===` and `!==`, `<=` and `>`, `>=` and `<`, `&&` and `||`, `and` and `or`,
    /// `True` and `False`, `true` and `false` (`<` and `>` only between blanks, since they are
    /// brackets of types as well); `not` goes with the blank behind it.
    Conditionals,
    /// An index is off by one: square brackets right behind a word that is not reserved, `)` or `]`,
    /// that hold something and, blanks aside, neither string, comment and line feed nor `: , ; =`.
    /// A whole number below 2^64 - 1 alone in them goes up or down, by chance, 0 up; any other
    /// number alone in them is no index; else ` + 1` or ` - 1` is put before the `]`.
    IndexOffsets,
    /// Whole statements are deleted: joined lines with code, line feed included, but those whose
    /// last code is one of `: { , ( [` or whose first is one of `} ) ] @`, and, where blocks go by
    /// indentation, one that is all of a block (behind a `:` that ends a line, less indented code
    /// or nothing behind it).
    Statements,
    /// Bodies of blocks are deleted: behind a line that ends in `{` all up to the `}` that closes
    /// it, if there is code in it. By indentation, behind a joined line that ends in `:`, the joined
    /// lines with more of it, which become `pass` (and a line feed if their last byte is one), unless
    /// they are one line that begins with `pass`.
    Bodies,
    /// Lines that are not blank change places with lines of another file: as many of both are
    /// drawn, each by its own id, and swapped in their order.
    SwappedLines,
    /// Comments are deleted, documentation strings emptied: a line of comments goes, line feed
    /// included; in lines with code each comment goes with the blank before it, but, where blocks go
    /// by indentation, a string of more than two bytes that is all code of its line becomes `""`.
    /// A first line that begins with `#!` is left alone.
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

impl Corruption {
    /// All of them, syntax first.
    pub const ALL: [Corruption; 11] = [
        Corruption::ClosingBrackets,
        Corruption::Terminators,
        Corruption::Indentation,
        Corruption::Renames,
        Corruption::Conditionals,
        Corruption::IndexOffsets,
        Corruption::Statements,
        Corruption::Bodies,
        Corruption::SwappedLines,
        Corruption::Comments,
        Corruption::Truncation,
    ];

    /// The name of the kind in records and on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Corruption::ClosingBrackets => "closing-brackets",
            Corruption::Terminators => "terminators",
            Corruption::Indentation => "indentation",
            Corruption::Renames => "renames",
            Corruption::Conditionals => "conditionals",
            Corruption::IndexOffsets => "index-offsets",
            Corruption::Statements => "statements",
            Corruption::Bodies => "bodies",
            Corruption::SwappedLines => "swapped-lines",
            Corruption::Comments => "comments",
            Corruption::Truncation => "truncation",
        }
    }

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

    /// The kind's place in the draws of random numbers; never changes.
    pub(super) fn number(self) -> u32 {
        self as u32
    }
}

impl Family {
    /// The name of the family.
    pub fn name(self) -> &'static str {
        match self {
            Family::Syntax => "syntax",
            Family::Content => "content",
        }
    }
}
