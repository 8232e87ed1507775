//! What the nodes of each grammar are.

use super::Language;

/// A grammar and the meaning of its nodes, by their kinds.
pub(super) struct Grammar {
    pub language: tree_sitter::Language,
    /// Nodes whose named children are statements.
    pub blocks: &'static [&'static str],
    /// The statements that may be taken away; empty: all named children of blocks.
    pub statements: &'static [&'static str],
    /// Named children of blocks that are no statements, or hold the others together.
    pub kept: &'static [&'static str],
    /// Fields of blocks whose children are no statements.
    pub fields: &'static [&'static str],
    /// Statements that may stand in any place, if nothing in them is one of `bound`.
    pub movable: &'static [&'static str],
    /// Nodes that need their place.
    pub bound: &'static [&'static str],
    /// Blocks that may be emptied.
    pub bodies: &'static [&'static str],
    pub comments: &'static [&'static str],
    pub names: &'static [&'static str],
    /// Words that the grammar calls names.
    pub not_names: &'static [&'static str],
    /// Nodes of an index, and the field of the index in them.
    pub indices: &'static [(&'static str, Option<&'static str>)],
    /// What stands where a block must not be empty.
    pub filler: &'static str,
    /// Blocks go by indentation.
    pub indented: bool,
    /// Every statement within a block needs a filler, not only the last: what else stands in the line is not known.
    pub always_filled: bool,
}

const NAMES: &[&str] = &[
    "identifier",
    "type_identifier",
    "field_identifier",
    "property_identifier",
    "shorthand_property_identifier",
    "shorthand_property_identifier_pattern",
    "namespace_identifier",
    "package_identifier",
];
const NOT_NAMES: &[&str] =
    &["self", "Self", "super", "crate", "this", "_", "iota", "nil", "undefined", "arguments", "constructor"];
const STATEMENTS_OF_C: &[&str] = &[
    "expression_statement",
    "return_statement",
    "if_statement",
    "for_statement",
    "for_range_loop",
    "while_statement",
    "do_statement",
    "switch_statement",
    "goto_statement",
    "break_statement",
    "continue_statement",
    "compound_statement",
    "throw_statement",
    "try_statement",
];
const OF_JAVASCRIPT: Grammar0 = Grammar0 {
    blocks: &["program", "statement_block"],
    kept: &["hash_bang_line", "decorator", "empty_statement"],
    movable: &["expression_statement"],
    bound: &[
        "await_expression",
        "yield_expression",
        "super",
        "meta_property",
        "private_property_identifier",
        "jsx_element",
        "string_fragment_of_directive",
    ],
    bodies: &["statement_block"],
    comments: &["comment", "html_comment"],
    indices: &[("subscript_expression", Some("index"))],
};

/// What JavaScript and TypeScript share.
struct Grammar0 {
    blocks: &'static [&'static str],
    kept: &'static [&'static str],
    movable: &'static [&'static str],
    bound: &'static [&'static str],
    bodies: &'static [&'static str],
    comments: &'static [&'static str],
    indices: &'static [(&'static str, Option<&'static str>)],
}

fn plain(language: tree_sitter::Language) -> Grammar {
    Grammar {
        language,
        blocks: &[],
        statements: &[],
        kept: &[],
        fields: &[],
        movable: &[],
        bound: &[],
        bodies: &[],
        comments: &["comment"],
        names: NAMES,
        not_names: NOT_NAMES,
        indices: &[],
        filler: "",
        indented: false,
        always_filled: false,
    }
}

fn of_javascript(language: tree_sitter::Language) -> Grammar {
    let Grammar0 { blocks, kept, movable, bound, bodies, comments, indices } = OF_JAVASCRIPT;
    Grammar { blocks, kept, movable, bound, bodies, comments, indices, ..plain(language) }
}

fn of_c(language: tree_sitter::Language) -> Grammar {
    Grammar {
        blocks: &["compound_statement"],
        statements: STATEMENTS_OF_C,
        movable: &["expression_statement"],
        bound: &["co_await_expression", "co_yield_expression", "string_literal_of_asm"],
        bodies: &["compound_statement"],
        indices: &[("subscript_expression", Some("index")), ("subscript_argument_list", None)],
        ..plain(language)
    }
}

/// The grammar of a language; SQL has none and gets that of C.
pub(super) fn of(language: Language) -> Grammar {
    match language {
        Language::Python => Grammar {
            blocks: &["module", "block"],
            movable: &["expression_statement"],
            bound: &["await", "yield", "list_splat", "global_statement"],
            bodies: &["block"],
            names: &["identifier"],
            not_names: &["self", "cls", "super", "print", "_", "match", "case", "type"],
            indices: &[("subscript", Some("subscript"))],
            filler: "pass",
            indented: true,
            ..plain(tree_sitter_python::LANGUAGE.into())
        },
        Language::Rust => Grammar {
            blocks: &["source_file", "block", "declaration_list"],
            kept: &["attribute_item", "inner_attribute_item", "empty_statement", "label", "shebang"],
            movable: &["expression_statement"],
            bodies: &["block"],
            comments: &["line_comment", "block_comment"],
            indices: &[("index_expression", None)],
            ..plain(tree_sitter_rust::LANGUAGE.into())
        },
        Language::C | Language::Sql => of_c(tree_sitter_c::LANGUAGE.into()),
        Language::Cpp => of_c(tree_sitter_cpp::LANGUAGE.into()),
        Language::JavaScript => of_javascript(tree_sitter_javascript::LANGUAGE.into()),
        Language::TypeScript => of_javascript(tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into()),
        Language::Java => Grammar {
            blocks: &["block", "constructor_body"],
            kept: &["explicit_constructor_invocation", "labeled_statement"],
            movable: &["expression_statement"],
            bodies: &["block"],
            comments: &["line_comment", "block_comment"],
            indices: &[("array_access", Some("index"))],
            ..plain(tree_sitter_java::LANGUAGE.into())
        },
        Language::Go => Grammar {
            blocks: &["source_file", "block", "statement_list"],
            kept: &["package_clause", "labeled_statement", "empty_statement", "statement_list"],
            movable: &["expression_statement", "assignment_statement", "inc_statement", "dec_statement"],
            bodies: &["block"],
            indices: &[("index_expression", Some("index"))],
            ..plain(tree_sitter_go::LANGUAGE.into())
        },
        Language::Shell => Grammar {
            blocks: &[
                "program",
                "compound_statement",
                "do_group",
                "subshell",
                "if_statement",
                "elif_clause",
                "else_clause",
                "case_item",
            ],
            statements: &[
                "command",
                "variable_assignment",
                "declaration_command",
                "unset_command",
                "test_command",
                "pipeline",
                "list",
                "redirected_statement",
                "if_statement",
                "for_statement",
                "c_style_for_statement",
                "while_statement",
                "case_statement",
                "function_definition",
                "negated_command",
            ],
            fields: &["condition", "value"],
            movable: &["command"],
            bound: &["heredoc_redirect", "herestring_redirect"],
            bodies: &["do_group"],
            names: &["variable_name"],
            filler: ":",
            always_filled: true,
            ..plain(tree_sitter_bash::LANGUAGE.into())
        },
    }
}
