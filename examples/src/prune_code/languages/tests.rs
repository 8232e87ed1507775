//! What scanners get wrong, in each language.

use pauca::corruption::{Corrupted, Corruption, Corruptor};

use super::{Language, Read};
use crate::prune_code::corrupt::Text;

fn read(text: &Text, language: Language) -> Read<'_> {
    Read::new(text, Some(language), &|| false).unwrap_or_else(|e| panic!("{e}"))
}

fn all(language: Language, kind: Corruption, text: &str) -> Corrupted {
    let text = Text { id: "a".into(), text: text.into() };
    read(&text, language)
        .corrupt(&Corruptor::new(kind).rate(1.0), kind, None)
        .unwrap_or_else(|e| panic!("{e}"))
}

fn removed(language: Language, kind: Corruption, text: &str) -> Vec<String> {
    all(language, kind, text).edits.into_iter().map(|edit| edit.removed).collect()
}

#[test]
fn keywords_are_sorted_and_sql_is_read_by_its_own_pieces() {
    use Corruption::{Comments, Conditionals, Renames, Statements};
    let text = "-- a ' note\nSELECT a AS b FROM t WHERE a = 'it''s; -- no' AND b BETWEEN 1 AND 2; /* x */\nSELECT a FROM t;\n";
    assert_eq!(removed(Language::Sql, Comments, text), ["-- a ' note\n", " /* x */"]);
    assert_eq!(removed(Language::Sql, Conditionals, text), ["=", "AND"]);
    assert_eq!(removed(Language::Sql, Renames, text), ["a", "b", "a", "t"]);
    assert_eq!(removed(Language::Sql, Statements, text).len(), 2);
    let trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET b = CASE WHEN 1 THEN 2 END; END;\nSELECT $$;$$;";
    assert_eq!(removed(Language::Sql, Statements, trigger).len(), 2);
}

#[cfg(feature = "grammars")]
mod grammars {
    use super::*;

    #[test]
    fn a_long_text_is_read_in_pieces_and_stops_within() {
        let text = "def f(a):\n    global b\n    return a + b\n\n".repeat(4000);
        let text = Text { id: "a.py".into(), text };
        let asked = std::cell::Cell::new(0);
        let whole = |most: usize| {
            asked.set(0);
            let stop = || {
                asked.set(asked.get() + 1);
                asked.get() >= most
            };
            Read::new(&text, Some(Language::Python), &stop).map(|_| asked.get())
        };
        let all = whole(usize::MAX).unwrap();
        assert!(all > 100, "{all} questions");
        for most in [1, 2, all / 3, all / 2, all] {
            assert!(matches!(whole(most), Err(pauca::Error::Cancelled)), "{most} of {all}");
            assert_eq!(asked.get(), most, "nothing is done after that");
        }
    }

    /// W5: the first is a regular expression, the second ends the condition.
    #[test]
    fn regular_expressions_of_javascript_are_no_comments() {
        let text = "if (/\\/\\//.test(h)) {\n  f(h);\n}\n";
        assert_eq!(removed(Language::JavaScript, Corruption::Comments, text).len(), 0);
        assert_eq!(removed(Language::JavaScript, Corruption::Statements, text).len(), 1);
        assert_eq!(removed(Language::JavaScript, Corruption::Bodies, text), ["\n  f(h);\n"]);
    }

    #[test]
    fn prefixes_of_strings_directives_and_keywords_are_no_names() {
        let python = "r = r'a'\nb = b'y' + r'c'\nf = f'{f}' if f'' else f'x'\n";
        assert_eq!(
            removed(Language::Python, Corruption::Renames, python),
            ["f"],
            "only the name in the braces"
        );
        let c = "#ifdef A\n#ifdef B\nsize_t a; size_t b;\n#endif\n#endif\n";
        assert_eq!(removed(Language::C, Corruption::Renames, c).len(), 0);
        let rust = "impl A { fn a() -> Self { Self::b() } fn b() -> Self { Self } }";
        assert_eq!(removed(Language::Rust, Corruption::Renames, rust), ["b"]);
    }

    /// Statements go and the block stays a block.
    #[test]
    fn what_content_kinds_leave_is_a_program() {
        let python =
            "def f(x):\n    \"\"\"Doc.\"\"\"\n    a = 1\n    return a\n\nx = 1; y = 2\nif x: y = 3\n";
        let left = all(Language::Python, Corruption::Statements, python).text;
        assert!(!left.contains("a = 1") && !left.contains("return"), "{left}");
        let inner = "if a:\n    b = 1\n    c = 2\nd = 3\n";
        let found = all(Language::Python, Corruption::Statements, inner);
        assert!(
            ["if a:\n    pass\n", "", "if a:\n    pass\nd = 3\n"].contains(&found.text.as_str()),
            "{}",
            found.text
        );
        assert_eq!(
            all(Language::Python, Corruption::Bodies, "class A:\n    x = 1\n    y = 2\n").text,
            "class A:\n    pass\n"
        );
        assert_eq!(
            all(Language::Python, Corruption::Comments, "def f():\n    'Doc'\n    return 1 # x\n").text,
            "def f():\n    \"\"\n    return 1\n"
        );
        let rust = "/// About f.\n#[inline]\nfn f() -> u32 {\n    let a = 1;\n    a\n}\n";
        assert_eq!(
            all(Language::Rust, Corruption::Statements, "fn g() {\n    let a = 1;\n    f(a);\n}\n")
                .edits
                .len(),
            1
        );
        assert_eq!(
            all(Language::Rust, Corruption::Truncation, rust).text.trim(),
            "",
            "an item goes with what belongs to it"
        );
        // Of several statements on a line, the first goes: what follows keeps the line's indentation.
        let text = Text { id: "a".into(), text: "def f():\n    r = []; w = []\n    return r, w\n".into() };
        let mut first = 0;
        for seed in 0..16 {
            let corruptor = Corruptor::new(Corruption::Statements).rate(0.3).seed(seed);
            let left = read(&text, Language::Python).corrupt(&corruptor, Corruption::Statements, None);
            let left = left.unwrap_or_else(|e| panic!("{e}")).text;
            first += usize::from(!left.contains("r = []") && left.contains("w = []"));
            assert!(!left.lines().any(|line| line.starts_with("     ")), "{left}");
        }
        assert!(first > 0);
        let shell = "if a; then\n  b\nelse\n  c\nfi\n";
        let left = all(Language::Shell, Corruption::Statements, shell).text;
        assert!(left.is_empty() || left.contains(':'), "{left}");
    }

    #[test]
    fn names_that_an_inner_function_takes_stay_bound() {
        let text =
            "def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 2\n    y = 3\n    return g\n";
        let gone = removed(Language::Python, Corruption::Statements, text);
        assert!(!gone.iter().any(|gone| gone.trim() == "x = 1"), "{gone:?}");
    }

    /// A call of a macro beside items makes items, so it stays; within a function it moves.
    #[test]
    fn what_stands_beside_items_is_not_swapped() {
        let place = |text: &str| {
            let text = Text { id: "a".into(), text: text.into() };
            let other = Text { id: "b".into(), text: "fn f() {\n    b += 1;\n}\n".into() };
            let [text, other] = [&text, &other].map(|text| read(text, Language::Rust));
            let corruptor = Corruptor::new(Corruption::SwappedLines).rate(1.0);
            let found = text.corrupt(&corruptor, Corruption::SwappedLines, Some(&other));
            found.unwrap_or_else(|e| panic!("{e}")).text
        };
        let items = "choices!(X: A, B);\n\nimpl A {\n    choices!(C);\n}\n";
        assert_eq!(place(items), items);
        assert!(place("fn g() {\n    a(1);\n}\n").contains("b += 1;"));
    }

    #[test]
    fn indentation_means_nothing_to_braces() {
        let text = "int main() {\n    return 0;\n}\n";
        assert!(all(Language::C, Corruption::Indentation, text).unchanged.is_some());
        assert!(all(Language::Python, Corruption::Indentation, "if a:\n    b\n").unchanged.is_none());
    }

    /// Minified code, deep brackets, broken code: nothing here may take the square of it.
    #[test]
    fn long_deep_and_broken_texts_are_read_in_time() {
        let n = 20_000;
        for (language, text) in [
            (Language::JavaScript, "a=1;".repeat(n)),
            (Language::JavaScript, format!("{}{}", "{".repeat(n / 10), "}".repeat(n / 10))),
            (Language::C, "int f(){".repeat(n / 100)),
            (Language::Python, "x[".repeat(n / 100)),
            (Language::Rust, "\u{0}".repeat(1000)),
            (Language::Sql, "a;".repeat(n)),
            (Language::Sql, "'".into()),
        ] {
            for kind in Corruption::ALL {
                let found = all(language, kind, &text);
                assert_eq!(found.original().unwrap_or_default(), text);
            }
        }
    }
}
