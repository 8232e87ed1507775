//! The kinds of corruption.

/// What is broken, in the two families of SCIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Corruption {
    /// Closing brackets `)`, `]`, `}` are removed.
    ClosingBrackets,
    /// Colons and semicolons at line ends are removed.
    Terminators,
    /// The indentation of a line of code gains or loses one blank.
    Indentation,
    /// An identifier is renamed at some of its occurrences, never at its first.
    Renames,
    /// Comparisons and logical operators are replaced by their opposite, negations dropped.
    Conditionals,
    /// An index within square brackets is off by one.
    IndexOffsets,
    /// Whole statements are deleted.
    Statements,
    /// Bodies of blocks are deleted: `pass` or an empty pair of braces remains.
    Bodies,
    /// Lines change places with lines of another file.
    SwappedLines,
    /// Comments are deleted, documentation strings emptied.
    Comments,
    /// The end of the file is cut off.
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

    /// Its name in records and on command lines.
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

    /// Its family.
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

    /// Its place in the draws of random numbers; never changes.
    pub(super) fn number(self) -> u32 {
        self as u32
    }
}

impl Family {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Family::Syntax => "syntax",
            Family::Content => "content",
        }
    }
}
