//! Words that are no identifiers.

/// Reserved words of widely used languages, and names such as `self` and `int` that code cannot do
/// without: [`Renames`](crate::corruption::Corruption::Renames) leaves them alone. Sorted.
#[rustfmt::skip]
pub const RESERVED_WORDS: [&str; 120] = [
    "False", "None", "True", "abstract", "and", "as", "assert", "async", "auto", "await", "bool", "boolean",
    "break", "byte", "case", "catch", "chan", "char", "class", "const", "continue", "crate", "def",
    "default", "defer", "del", "do", "double", "dyn", "elif", "else", "end", "enum", "except", "export",
    "extends", "extern", "false", "final", "finally", "float", "fn", "for", "from", "func", "function",
    "global", "go", "goto", "if", "impl", "implements", "import", "in", "instanceof", "int", "interface",
    "is", "lambda", "let", "long", "loop", "map", "match", "mod", "move", "mut", "namespace", "new", "nil",
    "nonlocal", "not", "null", "of", "or", "package", "pass", "private", "protected", "pub", "public",
    "raise", "range", "ref", "return", "select", "self", "short", "signed", "sizeof", "static", "str",
    "struct", "super", "switch", "template", "then", "this", "throw", "trait", "true", "try", "type",
    "typedef", "typeof", "union", "unsafe", "unsigned", "until", "use", "using", "var", "virtual", "void",
    "volatile", "when", "where", "while", "with", "yield",
];

/// Whether `word` is one of [`RESERVED_WORDS`].
pub(super) fn is_reserved(word: &str) -> bool {
    RESERVED_WORDS.binary_search(&word).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_words_are_sorted() {
        assert!(RESERVED_WORDS.is_sorted());
    }
}
