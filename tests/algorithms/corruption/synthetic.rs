//! Synthetic corruptions: what every kind does to a text by hand, and what holds for any text.

use pauca::Error;
use pauca::corruption::{Corrupted, Corruption, Corruptor, Family, Syntax, Unchanged};
use proptest::prelude::*;

pub const PYTHON: &str = r#"#!/usr/bin/env python3
# A comment (with a bracket).
import os

def first(items, limit=10):  # trailing
    """Doc: of first."""
    if not items and limit == 0:
        return None
    for i, item in enumerate(items):
        if items[i] <= limit or item[0] != "a)b":
            total = items[i + 1]
            print(total, item)
    return {"x": [1, 2]}

class Empty:
    pass
"#;

pub const RUST: &str = r#"// Comment: { not a brace }
fn first<'a>(items: &'a [u32], limit: u32) -> Option<u32> {
    let mut total = items[0]; /* block ; */
    if limit == 0 && total < limit {
        return None;
    }
    total = total + items[limit - 1];
    println!("{};", total);
    Some(total)
}
"#;

fn all(kind: Corruption, text: &str) -> Corrupted {
    Corruptor::new(kind).rate(1.0).apply(text, 1).unwrap()
}

/// What stood at the sites, in order.
fn removed(kind: Corruption, text: &str) -> Vec<String> {
    all(kind, text).edits.into_iter().map(|e| e.removed).collect()
}

#[test]
fn closing_brackets_of_strings_and_comments_stay() {
    let found = all(Corruption::ClosingBrackets, PYTHON);
    assert!(found.text.contains("(with a bracket)") && found.text.contains("\"a)b\""));
    assert!(found.text.contains("return {\"x\": [1, 2\n"));
    assert!(!all(Corruption::ClosingBrackets, RUST).text.lines().any(|l| l.starts_with('}')));
}

#[test]
fn terminators_are_those_of_line_ends() {
    assert_eq!(removed(Corruption::Terminators, PYTHON), [":"; 5]);
    assert!(all(Corruption::Terminators, PYTHON).text.contains("def first(items, limit=10)  # trailing"));
    assert_eq!(removed(Corruption::Terminators, RUST), [";"; 4]);
}

#[test]
fn indentation_moves_by_one_blank() {
    for (a, b) in PYTHON.lines().zip(all(Corruption::Indentation, PYTHON).text.lines()) {
        assert_eq!(a.trim_start(), b.trim_start());
        let blanks = |line: &str| (line.len() - line.trim_start().len()) as i64;
        let code = !a.trim().is_empty() && !a.starts_with('#');
        assert_eq!((blanks(a) - blanks(b)).abs(), i64::from(code), "{a:?} {b:?}");
    }
}

#[test]
fn renames_are_inconsistent_and_new() {
    let found = all(Corruption::Renames, PYTHON);
    assert!(found.text.contains("def first(items, limit=10)"), "first occurrences stay");
    assert!(found.edits.iter().all(|e| e.inserted.starts_with(&format!("{}_", e.removed))));
    assert!(found.edits.iter().all(|e| !PYTHON.contains(&e.inserted)));
    assert!(!found.edits.iter().any(|e| ["return", "if", "None", "in", "Doc"].contains(&e.removed.as_str())));
    let total = found.edits.iter().filter(|e| e.removed == "items").count();
    assert_eq!(total, PYTHON.matches("items").count() - 1);
}

#[test]
fn conditionals_are_turned() {
    let pairs: Vec<(String, String)> =
        all(Corruption::Conditionals, PYTHON).edits.into_iter().map(|e| (e.removed, e.inserted)).collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(pairs, [("not ", ""), ("and", "or"), ("==", "!="), ("<=", ">"), ("or", "and"), ("!=", "==")]);
    assert_eq!(removed(Corruption::Conditionals, RUST), ["==", "&&", "<"]);
}

#[test]
fn index_offsets_are_those_of_subscripts() {
    let found = all(Corruption::IndexOffsets, PYTHON);
    assert_eq!(found.edits.len(), 3);
    assert!(found.text.contains("item[1]") && found.text.contains("[1, 2]"), "{}", found.text);
    assert_eq!(found.edits.iter().filter(|e| e.removed.is_empty()).count(), 2, "two are expressions");
    assert_eq!(all(Corruption::IndexOffsets, RUST).edits.len(), 2, "types are not subscripts");
    assert!(all(Corruption::IndexOffsets, "a[1:2]; b['k']; c[]; d[1.5]; e [0]").unchanged.is_some());
}

/// Brackets behind a reserved word begin a list, even without a blank.
#[test]
fn lists_behind_reserved_words_are_no_subscripts() {
    for text in ["return[1]", "x = y in[i]", "yield[0]"] {
        assert_eq!(all(Corruption::IndexOffsets, text).unchanged, Some(Unchanged::NoSite), "{text}");
    }
    assert_eq!(all(Corruption::IndexOffsets, "returns[1]").sites, 1);
}

/// A quote that begins a string hides the bracket behind it; one of a lifetime does not.
#[test]
fn quotes_before_words_are_lifetimes_by_what_stands_around() {
    let sites = |text: &str| {
        let corruptor = Corruptor::new(Corruption::ClosingBrackets).rate(1.0).syntax(Syntax::Slashes);
        corruptor.apply(text, 1).unwrap().sites
    };
    for lifetime in ["&'long)", "<'long)", ", 'ab)", "+ 'a)", "<  'ab)", "& 'a)", ":'a)", ", 'static)"] {
        assert_eq!(sites(lifetime), 1, "{lifetime}");
    }
    for string in [", 'abc)", "& 'abc)", ", 'statics)", "'a)", "= 'a)", ", ')"] {
        assert_eq!(sites(string), 0, "{string}");
    }
    assert_eq!((sites("&'a')"), sites(", 'a')"), sites("&'a)')")), (1, 1, 1));
}

/// A directive of C is no comment of Python: one line that ends in `;` outweighs two of them.
#[test]
fn the_syntax_is_told_from_comments_and_line_ends() {
    let text = "#include <a.h>\n#define B 2\nint x = B; // c\nint y;\n";
    assert_eq!(removed(Corruption::Comments, text), [" // c"]);
    assert_eq!(removed(Corruption::Comments, "# a\nint y;\n"), ["# a\n"], "even is by indentation");
}

#[test]
fn statements_go_as_a_whole() {
    let found = all(Corruption::Statements, "x = f(1,\n      2)\nif x:\n    y = 1\nz = 2\n");
    // The only statement of a block stays, so that the block does.
    assert_eq!(found.text, "if x:\n    y = 1\n");
    assert_eq!(found.edits[0].removed, "x = f(1,\n      2)\n");
    assert!(!all(Corruption::Statements, RUST).text.contains("println"));
    assert!(all(Corruption::Statements, RUST).text.contains("fn first"));
}

#[test]
fn bodies_leave_a_block() {
    let found = all(Corruption::Bodies, "def f():\n    a = 1\n\n    return a\n\nx = 1\n");
    assert_eq!(found.text, "def f():\n    pass\n\nx = 1\n");
    assert_eq!(all(Corruption::Bodies, "int f() {\n  return 1;\n}\n").text, "int f() {}\n");
    assert_eq!(all(Corruption::Bodies, "class A:\n    pass\n").unchanged, Some(Unchanged::NoSite));
    // Of overlapping ones the first chosen stays: at least one edit, and none overlap.
    let nested = all(Corruption::Bodies, PYTHON);
    assert!(nested.sites > nested.edits.len() && !nested.edits.is_empty());
}

#[test]
fn comments_and_docstrings_go() {
    let found = all(Corruption::Comments, PYTHON);
    assert!(found.text.starts_with("#!/usr/bin/env python3\nimport os"), "{}", found.text);
    assert!(found.text.contains("limit=10):\n    \"\"\n    if"), "{}", found.text);
    let found = all(Corruption::Comments, RUST);
    assert!(!found.text.contains("Comment") && !found.text.contains("block"));
    assert!(found.text.contains("\"{};\""));
}

#[test]
fn truncation_cuts_characters() {
    let found = Corruptor::new(Corruption::Truncation).rate(0.5).apply("äöüß", 0).unwrap();
    assert_eq!((found.text.as_str(), found.sites), ("äö", 4));
    assert_eq!(Corruptor::new(Corruption::Truncation).rate(1.0).apply("abc", 0).unwrap().text, "");
}

#[test]
fn swapped_lines_are_exchanged() {
    let (a, b) = ("a1\na2\n\na3\na4", "b1\nb2\nb3\n");
    let corruptor = Corruptor::new(Corruption::SwappedLines).rate(0.5).seed(3);
    let (one, other) = (corruptor.apply_with(a, 1, b, 2).unwrap(), corruptor.apply_with(b, 2, a, 1).unwrap());
    assert_eq!((one.edits.len(), other.edits.len()), (2, 2));
    for (e, f) in one.edits.iter().zip(&other.edits) {
        assert_eq!((&e.removed, &e.inserted), (&f.inserted, &f.removed));
    }
    assert_eq!(corruptor.apply(a, 1).unwrap().unchanged, Some(Unchanged::NoDonor));
    assert_eq!(corruptor.apply_with("x\n", 1, "x", 2).unwrap().unchanged, Some(Unchanged::SameText));
    assert_eq!(corruptor.apply_with("x\n", 1, "\n", 2).unwrap().unchanged, Some(Unchanged::NoSite));
}

#[test]
fn unchanged_texts_say_so() {
    for kind in Corruption::ALL {
        let found = Corruptor::new(kind).apply_with("", 0, "", 1).unwrap();
        assert_eq!((found.text.as_str(), found.unchanged), ("", Some(Unchanged::NoSite)), "{}", kind.name());
        let found = Corruptor::new(kind).rate(0.0).apply_with(PYTHON, 0, RUST, 1).unwrap();
        assert_eq!((found.text.as_str(), found.unchanged), (PYTHON, Some(Unchanged::ZeroRate)));
        assert!(!found.unchanged.unwrap().reason().is_empty());
    }
}

/// A text that was changed since no longer fits its edits.
#[test]
fn edits_of_another_text_are_refused() {
    let good = all(Corruption::Conditionals, "if a == b and c:\n");
    assert_eq!(good.text, "if a != b or c:\n");
    assert_eq!(good.original().unwrap(), "if a == b and c:\n");
    for text in ["if a <= b or c:\n", "if a != b an c:\n", "if a !", ""] {
        let bad = Corrupted { text: text.into(), ..good.clone() };
        assert!(matches!(bad.original(), Err(Error::Mismatch { .. })), "{text:?}");
    }
}

#[test]
fn rates_out_of_range_are_refused() {
    for rate in [-0.1, 1.1, f64::NAN] {
        let refused = Corruptor::new(Corruption::Comments).rate(rate).apply("x", 0);
        assert!(matches!(refused, Err(Error::InvalidParameter { name: "rate", .. })));
    }
}

/// Brackets that nobody closes, blocks in blocks: what is quadratic would take minutes here.
#[test]
fn deep_and_unclosed_texts_take_no_longer_than_others() {
    let n = 200_000;
    let deep = format!("{}x{}", "f(a[".repeat(n), "])".repeat(n));
    let blocks = format!("{}x;\n{}", "{\n".repeat(n), "}\n".repeat(n));
    let flat = "if x:\n    y\n".repeat(n);
    for (text, syntax) in [
        ("a[".repeat(n), Syntax::Hash),
        ("{\n".repeat(n), Syntax::Slashes),
        (deep, Syntax::Slashes),
        (blocks, Syntax::Slashes),
        (flat, Syntax::Hash),
    ] {
        for kind in [Corruption::IndexOffsets, Corruption::Bodies] {
            let found = Corruptor::new(kind).rate(1.0).syntax(syntax).apply(&text, 0).unwrap();
            assert_eq!(found.unchanged.is_none(), !found.edits.is_empty());
        }
    }
}

#[test]
fn names_and_families() {
    for kind in Corruption::ALL {
        assert_eq!(Corruption::from_name(kind.name()), Some(kind));
    }
    assert_eq!(Corruption::from_name("nope"), None);
    assert_eq!(Corruption::ALL.iter().filter(|k| k.family() == Family::Syntax).count(), 6);
}

/// Text that looks like code, or like anything.
pub fn some_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "def f(x):",
        "if a == b and not c:",
        "    ",
        "\t",
        "x[i]",
        "x[0]",
        "return y;",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "# no",
        "// no",
        "/* a",
        "*/",
        "\"",
        "'",
        "\"\"\"",
        "'a",
        "`",
        "\\",
        "pass",
        "else:",
        "é",
        "→",
        "1.5",
        "<",
        " > ",
        "&&",
        "\n",
        "\n",
        "\n",
        "\r\n",
        " ",
        ";",
        ":",
        "name",
        "name",
    ]);
    prop_oneof![
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat()),
        "\\PC{0,80}",
        Just(PYTHON.to_string()),
        Just(RUST.to_string()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_edit_is_recorded_and_undone(
        text in some_text(), other in some_text(), rate in 0.0..=1.0f64, seed in any::<u64>(), id in any::<u64>(),
        syntax in prop::sample::select(Syntax::ALL),
    ) {
        for kind in Corruption::ALL {
            let corruptor = Corruptor::new(kind).rate(rate).seed(seed).syntax(syntax);
            let found = corruptor.apply_with(&text, id, &other, !id).unwrap();
            // Never unchanged without saying so, never a reason for a text that changed.
            prop_assert_eq!(found.unchanged.is_some(), found.text == text, "{}", kind.name());
            prop_assert_eq!(found.unchanged.is_some(), found.edits.is_empty());
            prop_assert_eq!(found.original().unwrap(), text.clone());
            let mut at = 0;
            let mut rebuilt = String::new();
            for edit in &found.edits {
                prop_assert!(at <= edit.start && edit.start <= edit.end);
                prop_assert_eq!(&text[edit.start..edit.end], edit.removed.as_str());
                prop_assert_ne!(&edit.removed, &edit.inserted);
                prop_assert_eq!(edit.line, text[..edit.start].matches('\n').count() + 1);
                rebuilt.push_str(&text[at..edit.start]);
                rebuilt.push_str(&edit.inserted);
                at = edit.end;
            }
            rebuilt.push_str(&text[at..]);
            prop_assert_eq!(&rebuilt, &found.text);
            // As many as the rate says, but for overlaps and equal lines.
            let most = ((rate * found.sites as f64).round_ties_even() as usize).max(1);
            let exact = !matches!(kind, Corruption::Bodies | Corruption::SwappedLines | Corruption::Truncation);
            if found.unchanged.is_none() {
                prop_assert!(found.edits.len() <= most);
                prop_assert!(!exact || found.edits.len() == most, "{}: {} of {most}", kind.name(), found.edits.len());
            }
            // A function of its arguments.
            prop_assert_eq!(&corruptor.apply_with(&text, id, &other, !id).unwrap(), &found);
        }
    }

    /// Among many sites another document or seed draws others.
    #[test]
    fn draws_follow_seed_and_id(seed in 0u64..1000, id in 0u64..1000) {
        let text = "f(x)\n".repeat(200);
        let of = |seed: u64, id: u64| {
            Corruptor::new(Corruption::ClosingBrackets).seed(seed).apply(&text, id).unwrap().text
        };
        prop_assert_ne!(of(seed, id), of(seed, id + 1));
        prop_assert_ne!(of(seed, id), of(seed + 1, id));
    }
}
