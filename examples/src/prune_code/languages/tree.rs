//! From a tree to the places where each kind may edit.

use std::cell::Cell;
use std::collections::HashSet;
use std::ops::Range;

use pauca::corruption::{Corruption, Part, opposite};
use tree_sitter::{Node, ParseOptions, ParseState, Parser};

use super::grammar::Grammar;

/// Operators that stand for one thing in a tree, or only in the shell, and their opposites, beside those that the library knows.
const OPPOSITES: [(&str, &str); 12] = [
    ("is", "is not"),
    ("is not", "is"),
    ("in", "not in"),
    ("not in", "in"),
    ("-eq", "-ne"),
    ("-ne", "-eq"),
    ("-lt", "-ge"),
    ("-ge", "-lt"),
    ("-gt", "-le"),
    ("-le", "-gt"),
    ("-z", "-n"),
    ("-n", "-z"),
];

fn opposite_of(word: &str) -> Option<&'static str> {
    let other = || OPPOSITES.iter().find(|(one, _)| *one == word).map(|(_, other)| *other);
    opposite(word).or_else(other)
}

/// Words that begin or end compound commands; the grammar takes them for commands where it fails.
const WORDS_OF_SHELL: [&str; 17] = [
    "case", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in", "select", "then",
    "until", "while", "{", "}",
];
/// Nodes that are visited between two questions whether to stop.
const NODES: usize = 1 << 12;
/// Bytes of the longest index that is looked into.
const LONGEST_INDEX: usize = 200;
const BLANKS: [char; 3] = [' ', '\t', '\r'];

/// Nodes in which an operator compares or joins conditions.
const CONDITIONS: [&str; 9] = [
    "binary_expression",
    "comparison_operator",
    "boolean_operator",
    "logical_expression",
    "list",
    "unary_expression",
    "test_command",
    "test_operator",
    "infix_expression",
];

/// The places in `text`, in the order that the library asks for. A part of the text that the grammar cannot read has
/// none but those of comments, names and marks. Nothing where `stop` ended the work, which is asked all along.
pub(super) fn parts(text: &str, grammar: Grammar, stop: &dyn Fn() -> bool) -> Option<Vec<Part<'static>>> {
    let mut parser = Parser::new();
    let stopped = Cell::new(false);
    // Once is enough: who asked to stop is not asked again.
    let halt = || {
        stopped.set(stopped.get() || stop());
        stopped.get()
    };
    let tree = parser.set_language(&grammar.language).ok().and_then(|()| {
        let mut watch = |_: &ParseState| halt();
        let options = ParseOptions::new().progress_callback(&mut watch);
        let bytes = text.as_bytes();
        parser.parse_with_options(&mut |at, _| bytes.get(at..).unwrap_or_default(), None, Some(options))
    });
    if stopped.get() {
        return None;
    }
    // A grammar of another ABI or a text beyond 4 GiB: no parts, and the records say that nothing was found.
    let Some(tree) = tree else { return Some(Vec::new()) };
    let broken = grammar.always_filled && tree.root_node().has_error();
    let mut walk = Walk { text, grammar, broken, above: Vec::new(), parts: Vec::new(), ties: Vec::new() };
    let mut cursor = tree.walk();
    // Without recursion: trees of real files are thousands of nodes deep.
    walk.find_ties(tree.root_node(), &halt);
    let mut nodes = 0usize;
    loop {
        if nodes.is_multiple_of(NODES) && halt() {
            return None;
        }
        nodes += 1;
        let node = cursor.node();
        walk.visit(node);
        if cursor.goto_first_child() {
            walk.above.push(node);
            continue;
        }
        while !cursor.goto_next_sibling() {
            walk.above.pop();
            if !cursor.goto_parent() {
                walk.parts.sort_by_key(|part| (part.start, std::cmp::Reverse(part.end)));
                walk.parts.dedup_by_key(|part| (part.kind, part.start, part.end));
                return Some(apart(walk.parts));
            }
        }
    }
}

/// Leaves out what overlaps an earlier part of its kind without lying in it, so that a doubtful tree is no error.
fn apart(parts: Vec<Part<'static>>) -> Vec<Part<'static>> {
    let mut open: Vec<(Corruption, Vec<usize>)> = Corruption::ALL.map(|kind| (kind, Vec::new())).to_vec();
    let mut fits = |part: &Part<'static>| {
        let nests = matches!(part.kind, Corruption::Statements | Corruption::Bodies);
        let Some((_, around)) = open.iter_mut().find(|(kind, _)| *kind == part.kind) else { return false };
        while around.last().is_some_and(|&end| end <= part.start) {
            around.pop();
        }
        let fits = around.last().is_none_or(|&end| nests && part.end <= end);
        if fits {
            around.push(part.end);
        }
        fits
    };
    parts.into_iter().filter(|part| fits(part)).collect()
}

struct Walk<'t> {
    text: &'t str,
    grammar: Grammar,
    /// An error somewhere may move the ends of all commands around it: of shell, then, no statement is sure.
    broken: bool,
    /// The nodes that hold the present one, from the root on. A node finds its parent only by a search from the root.
    above: Vec<Node<'t>>,
    parts: Vec<Part<'static>>,
    /// What ties a statement to its place, by its first byte, ascending.
    ties: Vec<(usize, Tie)>,
}

/// What ties a statement to what stands around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tie {
    /// A label, or a text whose lines follow: the statement stays.
    Place,
    /// The statement of Python that takes a name from outside.
    Taker,
    /// That name: whoever binds it stays.
    Outer,
    /// What may not be moved elsewhere.
    Bound,
}

impl<'t> Walk<'t> {
    fn of(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or("")
    }

    fn add(&mut self, kind: Corruption, range: Range<usize>, becomes: &'static str) {
        self.parts.push(Part { kind, start: range.start, end: range.end, becomes });
    }

    fn find_ties(&mut self, root: Node<'t>, halt: &dyn Fn() -> bool) {
        let text = self.text;
        let of = |node: Node<'_>| text.get(node.byte_range()).unwrap_or("");
        let mut outer = HashSet::new();
        each(root, halt, &mut |node| {
            if matches!(node.kind(), "nonlocal_statement" | "global_statement") {
                let mut cursor = node.walk();
                outer.extend(node.named_children(&mut cursor).map(of));
            }
        });
        let mut ties = Vec::new();
        each(root, halt, &mut |node| {
            let tie = match node.kind() {
                "labeled_statement" | "heredoc_redirect" => Tie::Place,
                "nonlocal_statement" | "global_statement" => Tie::Taker,
                "identifier" if outer.contains(of(node)) => Tie::Outer,
                kind if self.grammar.bound.contains(&kind) => Tie::Bound,
                _ => return,
            };
            ties.push((node.start_byte(), tie));
        });
        self.ties = ties;
    }

    /// The ties within a node.
    fn ties_of(&self, node: Node<'_>) -> &[(usize, Tie)] {
        let from = self.ties.partition_point(|(at, _)| *at < node.start_byte());
        let to = self.ties.partition_point(|(at, _)| *at < node.end_byte());
        self.ties.get(from..to).unwrap_or(&[])
    }

    fn visit(&mut self, node: Node<'t>) {
        let kind = node.kind();
        let grammar = &self.grammar;
        if grammar.comments.contains(&kind) {
            self.comment(node);
        } else if grammar.names.contains(&kind) && node.child_count() == 0 {
            if !grammar.not_names.contains(&self.of(node)) && !node.is_missing() {
                self.add(Corruption::Renames, node.byte_range(), "");
            }
        } else if matches!(kind, ")" | "]" | "}" | "]]" | "))") && !node.is_missing() {
            self.add(Corruption::ClosingBrackets, node.byte_range(), "");
        } else if matches!(kind, ";" | ":") && !node.is_missing() {
            let behind = self.text.get(node.end_byte()..).unwrap_or("");
            let behind = behind.trim_start_matches(BLANKS);
            if behind.is_empty() || behind.starts_with(['\n', '#']) || behind.starts_with("//") {
                self.add(Corruption::Terminators, node.byte_range(), "");
            }
        }
        self.condition(node);
        self.index(node);
        if self.grammar.bodies.contains(&kind) {
            self.body(node);
        }
        if self.grammar.blocks.contains(&kind) {
            self.statements(node);
        }
    }

    /// From the first to the last byte of a node without the line feed that some nodes end in.
    fn span(&self, node: Node<'_>) -> Range<usize> {
        let text = self.of(node);
        node.start_byte()..node.start_byte() + text.trim_end_matches(['\n', '\r']).len()
    }

    /// The whole lines of a span with their line feed, if nothing else stands in them.
    fn lines(&self, span: &Range<usize>) -> Option<Range<usize>> {
        let before = self.text.get(..span.start)?.trim_end_matches(BLANKS);
        let behind = self.text.get(span.end..)?;
        let rest = behind.trim_start_matches(BLANKS);
        let alone =
            (before.is_empty() || before.ends_with('\n')) && (rest.is_empty() || rest.starts_with('\n'));
        let end = self.text.len() - rest.len() + usize::from(!rest.is_empty());
        alone.then_some(before.len()..end)
    }

    fn comment(&mut self, node: Node<'_>) {
        let span = self.span(node);
        if span.start == 0 && self.of(node).starts_with("#!") {
            return;
        }
        if let Some(lines) = self.lines(&span) {
            return self.add(Corruption::Comments, lines, "");
        }
        let before = self.text.get(..span.start).unwrap_or("");
        let start = before.trim_end_matches(BLANKS).len();
        let ends_line = self
            .text
            .get(span.end..)
            .is_none_or(|rest| rest.trim_start_matches(BLANKS).starts_with(['\n', '\r']));
        // Between two pieces a comment parts them.
        if ends_line {
            self.add(Corruption::Comments, start..span.end, "");
        } else {
            self.add(Corruption::Comments, span, " ");
        }
    }

    fn condition(&mut self, node: Node<'_>) {
        if node.is_missing() {
            return;
        }
        let (kind, parent) = (node.kind(), self.above.last().copied());
        let truth = matches!(kind, "true" | "false" | "boolean_literal") && node.child_count() <= 1;
        let judges =
            parent.is_some_and(|parent| CONDITIONS.contains(&parent.kind())) || kind == "test_operator";
        let operator = judges && (!node.is_named() || kind == "test_operator");
        let text = self.of(node);
        if let Some(opposite) = opposite_of(text).filter(|_| truth || operator) {
            self.add(Corruption::Conditionals, node.byte_range(), opposite);
        } else if text == "=" && parent.is_some_and(|p| p.kind() == "binary_expression") {
            self.add(Corruption::Conditionals, node.byte_range(), "!=");
        } else if kind == "not_operator"
            && let Some(argument) = node.child_by_field_name("argument")
        {
            self.add(Corruption::Conditionals, node.start_byte()..argument.start_byte(), "");
        } else if !node.is_named() && text == "!" && parent.is_some_and(|p| p.kind() == "unary_expression") {
            self.add(Corruption::Conditionals, node.byte_range(), "");
        }
    }

    fn index(&mut self, node: Node<'_>) {
        let Some((_, field)) = self.grammar.indices.iter().find(|(kind, _)| *kind == node.kind()) else {
            return;
        };
        let index = match field {
            Some(field) => node.child_by_field_name(field),
            None => node.named_child(node.named_child_count().saturating_sub(1)),
        };
        let Some(index) = index.filter(|index| !index.is_missing() && !node.has_error()) else { return };
        let mut odd = self.of(index).len() > LONGEST_INDEX;
        if odd {
            return;
        }
        each(index, &|| false, &mut |inner| {
            odd |= ["string", "slice", "range", "type", "comment", "lambda"]
                .iter()
                .any(|w| inner.kind().contains(w));
        });
        let several = node.named_child_count() > 2 && field.is_some();
        if !odd && !several && !self.of(index).contains('\n') {
            self.add(Corruption::IndexOffsets, index.byte_range(), "");
        }
    }

    /// Whether what the node holds is tied to what stands around it.
    fn is_tied(&self, node: Node<'_>, parent: Option<Node<'_>>) -> bool {
        if node.has_error() || parent.is_some_and(|parent| parent.is_error()) {
            return true;
        }
        let first = self.of(node).split_whitespace().next().unwrap_or("");
        if node.kind() == "command" && WORDS_OF_SHELL.contains(&first.trim_end_matches(';')) {
            return true;
        }
        let ties = self.ties_of(node);
        let has = |wanted: Tie| ties.iter().any(|(_, tie)| *tie == wanted);
        has(Tie::Place) || has(Tie::Outer) && !has(Tie::Taker) || has(Tie::Taker) && node.kind() != "block"
    }

    fn body(&mut self, node: Node<'_>) {
        let parent = self.above.last().copied();
        let whole_function =
            parent.is_some_and(|p| p.kind().contains("function") || p.kind().contains("method"));
        let unsound = node.has_error() || parent.is_some_and(|parent| parent.is_error());
        if unsound || node.named_child_count() == 0 || !whole_function && self.is_tied(node, parent) {
            return;
        }
        if self.grammar.indented {
            let span = self.span(node);
            if self.text.get(span.clone()) != Some("pass") {
                self.add(Corruption::Bodies, span, "pass");
            }
            return;
        }
        let last = node.child_count().saturating_sub(1);
        let (Some(open), Some(close)) = (node.child(0), node.child(last)) else { return };
        let wraps = matches!((open.kind(), close.kind()), ("{", "}") | ("do", "done"));
        let inside = open.end_byte()..close.start_byte();
        if wraps && self.text.get(inside.clone()).is_some_and(|text| !text.trim().is_empty()) {
            self.add(Corruption::Bodies, inside, if self.grammar.filler.is_empty() { "" } else { " :; " });
        }
    }

    fn statements(&mut self, block: Node<'t>) {
        // Where the grammar fails, what it makes of the rest of the item is a guess.
        let item = match self.above.as_slice() {
            [] => None,
            [_] => Some(block),
            [_, item, ..] => Some(*item),
        };
        if self.broken || block.is_error() || item.is_some_and(|item| item.has_error()) {
            return;
        }
        let mut cursor = block.walk();
        let mut found: Vec<(Node<'_>, usize)> = Vec::new();
        // Where the attributes and documentation of the next item begin.
        let mut head: Option<usize> = None;
        if !cursor.goto_first_child() {
            return;
        }
        loop {
            let node = cursor.node();
            let tied = cursor.field_name().is_some_and(|field| self.grammar.fields.contains(&field));
            let attribute = node.kind() == "attribute_item"
                || self.grammar.comments.contains(&node.kind()) && is_outer_documentation(self.of(node));
            let extra = self.grammar.comments.contains(&node.kind());
            if attribute {
                head = head.or(Some(node.start_byte()));
            } else if node.is_named() && !extra && !tied {
                let listed =
                    self.grammar.statements.is_empty() || self.grammar.statements.contains(&node.kind());
                if listed && !self.grammar.kept.contains(&node.kind()) {
                    found.push((node, head.unwrap_or(node.start_byte())));
                }
                head = None;
            }
            if !cursor.goto_next_sibling() {
                break;
            }
        }
        let top = self.above.is_empty();
        let count = found.len();
        for (at, (node, start)) in found.into_iter().enumerate() {
            if self.grammar.indented {
                self.indentation(node);
                if is_documentation(node) {
                    self.add(Corruption::Comments, self.span(node), "\"\"");
                    continue;
                }
            }
            if self.is_tied(node, Some(block)) {
                continue;
            }
            let span = start..self.span(node).end;
            // A mark that ends the statement but is no part of it goes, too.
            let behind = self.text.get(span.end..).unwrap_or("");
            let mark =
                behind.trim_start_matches(BLANKS).starts_with(';') && !behind.trim_start().starts_with(";;");
            let mut end = span.end + if mark { behind.find(';').map_or(0, |at| at + 1) } else { 0 };
            if mark && self.grammar.indented {
                // What follows on the line begins where this statement began.
                let rest = self.text.get(end..).unwrap_or("");
                end += rest.len() - rest.trim_start_matches(BLANKS).len();
            }
            let (mut range, mut becomes) = (span.start..end, "");
            let fills = !self.grammar.filler.is_empty() && !top;
            if fills && (at + 1 == count || self.grammar.always_filled) {
                (range, becomes) = (span.clone(), self.grammar.filler);
            } else if let Some(lines) = self.lines(&range) {
                range = lines;
            } else if self.grammar.always_filled {
                (range, becomes) = (span.clone(), self.grammar.filler);
            }
            if self.text.get(range.clone()) != Some(becomes) {
                self.add(Corruption::Statements, range, becomes);
            }
            let one_line = !self.text.get(span.clone()).is_some_and(|text| text.contains('\n'));
            let alone = self.lines(&(span.start..end)).is_some() && one_line;
            // Beside items a call of a macro makes items.
            let among_items = matches!(block.kind(), "source_file" | "declaration_list");
            if alone && !among_items && self.grammar.movable.contains(&node.kind()) && self.moves(node) {
                self.add(Corruption::SwappedLines, span.start..end, "");
            }
        }
    }

    fn moves(&self, node: Node<'_>) -> bool {
        // A string alone may be a directive or document something; a block is no line.
        let string = node.named_child(0).is_none_or(|child| child.kind().contains("string"));
        !string && self.ties_of(node).is_empty()
    }

    fn indentation(&mut self, node: Node<'_>) {
        let start = node.start_byte();
        let before = self.text.get(..start).unwrap_or("");
        let line = before.rfind('\n').map_or(0, |at| at + 1);
        if before.get(line..).is_some_and(|blank| blank.chars().all(|c| c == ' ' || c == '\t')) {
            self.add(Corruption::Indentation, line..start, "");
        }
    }
}

/// A comment that belongs to the item behind it.
fn is_outer_documentation(text: &str) -> bool {
    text.starts_with("///") && !text.starts_with("////") || text.starts_with("/**") && text.len() > 4
}

/// A statement of Python that is a string and nothing else.
fn is_documentation(node: Node<'_>) -> bool {
    node.kind() == "expression_statement"
        && node.named_child_count() == 1
        && node.named_child(0).is_some_and(|child| child.kind() == "string")
}

/// Visits a node and all below it, unless `halt` ends it.
fn each<'n>(node: Node<'n>, halt: &dyn Fn() -> bool, visit: &mut impl FnMut(Node<'n>)) {
    let mut cursor = node.walk();
    let (mut depth, mut nodes) = (0, 0usize);
    loop {
        if nodes.is_multiple_of(NODES) && halt() {
            return;
        }
        nodes += 1;
        visit(cursor.node());
        if cursor.goto_first_child() {
            depth += 1;
            continue;
        }
        while depth == 0 || !cursor.goto_next_sibling() {
            if depth == 0 {
                return;
            }
            cursor.goto_parent();
            depth -= 1;
        }
    }
}
