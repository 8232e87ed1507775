//! Every kind of synthetic corruption beside the reference: texts, sites, edits, reasons.

use std::path::Path;

use pauca::Error;
use pauca::corruption::{Corruption, Corruptor, Part, Syntax, Unchanged};
use pauca_reference::synthetic::{self as reference, parts as by_parts, pieces};
use pauca_tests::data::Rng;
use proptest::prelude::*;

use super::synthetic::some_text;

struct Case<'t> {
    text: &'t str,
    other: &'t str,
    rate: f64,
    seed: u64,
    id: u64,
    syntax: Syntax,
}

impl Case<'_> {
    /// Compares one kind; how many edits there were.
    fn check(&self, kind: Corruption) -> usize {
        let corruptor = Corruptor::new(kind).rate(self.rate).seed(self.seed).syntax(self.syntax);
        let found = corruptor.apply_with(self.text, self.id, self.other, !self.id).unwrap();
        let braces = match self.syntax {
            Syntax::Detect => pieces::has_braces(self.text),
            syntax => syntax == Syntax::Slashes,
        };
        let (other, how) = ((self.other, !self.id), (self.rate, self.seed));
        let expected = reference::corrupt(kind.name(), self.text, self.id, other, how, braces);
        let what = format!("{} of {:?} at {}, seed {}", kind.name(), self.text, self.rate, self.seed);
        assert_eq!(found.sites, expected.sites, "sites: {what}");
        let edits: Vec<_> = found.edits.iter().map(|e| (e.start, e.end, e.inserted.clone())).collect();
        assert_eq!(edits, expected.edits, "edits: {what}");
        assert_eq!(found.text, expected.text, "{what}");
        let why = match expected {
            _ if expected.sites == 0 => Some(Unchanged::NoSite),
            _ if self.rate == 0.0 => Some(Unchanged::ZeroRate),
            _ if expected.edits.is_empty() => Some(Unchanged::SameText),
            _ => None,
        };
        assert_eq!(found.unchanged, why, "{what}");
        edits.len()
    }
}

#[test]
fn kinds_have_the_reference_s_names_and_numbers() {
    assert_eq!(Corruption::ALL.map(Corruption::name), reference::KINDS);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn odd_texts_equal_the_reference(
        text in some_text(), other in some_text(), rate in 0.0..=1.0f64, seed in any::<u64>(), id in any::<u64>(),
        syntax in prop::sample::select(Syntax::ALL),
    ) {
        let case = Case { text: &text, other: &other, rate, seed, id, syntax };
        Corruption::ALL.into_iter().for_each(|kind| { case.check(kind); });
    }
}

/// The body's last byte is a line feed that belongs to the string, not to the line.
#[test]
fn bodies_that_end_in_an_unclosed_string_equal_the_reference() {
    for (text, expected) in [
        ("if a:\n \"\"\"b\n", "if a:\n pass\n"),
        ("if a:\n \"\"\"b\n c", "if a:\n pass"),
        ("if a:\n b\n", "if a:\n pass\n"),
        ("if a:\n b", "if a:\n pass"),
    ] {
        let case = Case { text, other: "", rate: 1.0, seed: 1, id: 1, syntax: Syntax::Hash };
        assert_eq!(case.check(Corruption::Bodies), 1, "{text:?}");
        let found = Corruptor::new(Corruption::Bodies).rate(1.0).apply(text, 1).unwrap();
        assert_eq!(found.text, expected);
    }
}

/// The very names that renaming would make stand in the text already: others are made.
#[test]
fn names_that_the_text_holds_are_not_made() {
    for id in 0..20 {
        let text = "name = name + name\n";
        let renamed = |text: &str| Corruptor::new(Corruption::Renames).rate(1.0).apply(text, id).unwrap();
        let made: Vec<String> = renamed(text).edits.into_iter().map(|e| e.inserted).collect();
        let longer = format!("{text}{}\n", made.join(" "));
        let again = renamed(&longer);
        assert_eq!(again.edits.len(), 2);
        assert!(again.edits.iter().all(|e| !longer.contains(&e.inserted)), "{}", again.text);
        let case = Case { text: &longer, other: "", rate: 1.0, seed: 0, id, syntax: Syntax::Hash };
        assert_eq!(case.check(Corruption::Renames), 2);
    }
}

/// Programs of the grammar that the kinds look at: blocks in blocks, conditions, indices, strings
/// and comments over lines, open brackets; in one syntax or the other.
fn program(rng: &mut Rng, braces: bool) -> String {
    let (mut out, mut depth) = (String::new(), 0usize);
    for _ in 0..rng.below(40) {
        let name =
            |rng: &mut Rng| rng.pick(&["items", "x", "total", "i", "naïve", "not_here", "x1"]).to_string();
        let value = |rng: &mut Rng| {
            let (a, b) = (name(rng), name(rng));
            match rng.below(8) {
                0 => format!("{a}[{b}]"),
                1 => format!("{a}[{}]", rng.below(3)),
                2 => format!("f({a},\n  {b}[{a}[2]])"),
                3 => format!("'{a})' + \"\\\"{b}\""),
                4 => format!("({a} < {b})"),
                5 => format!("{a}[18446744073709551614] - {b}[18446744073709551615] + {b}[1:2]"),
                6 => format!("{a}<{b}>(1.5)"),
                _ => a,
            }
        };
        let indent = if rng.chance(0.1) { "\t".repeat(depth) } else { "    ".repeat(depth) };
        let end = if braces { ";" } else { "" };
        let condition =
            format!("{} {} {}", value(rng), rng.pick(&["==", "and", "&&", ">=", "is not"]), value(rng));
        let line = match rng.below(10) {
            0 | 1 => {
                depth += 1;
                if braces { format!("if ({condition}) {{") } else { format!("if {condition}:") }
            }
            2 | 3 if depth > 0 => {
                depth -= 1;
                let indent = "    ".repeat(depth);
                out += &if braces { format!("{indent}}}\n") } else { String::new() };
                continue;
            }
            4 if braces => format!("/* {condition}\n ; */ /*/ {end}*/"),
            4 => format!("\"\"\"{condition}\n    '{end}\"\"\""),
            5 if braces => format!("// {condition} {{"),
            5 => format!("# {condition}:"),
            6 => format!("x = {} {}{}", value(rng), if braces { "// y" } else { "# y" }, end),
            7 => "pass".into(),
            8 => String::new(),
            _ => format!("{} = not {}{end}", name(rng), condition),
        };
        out += &format!("{indent}{line}{}", rng.pick(&["\n", "\n", "\n", "\r\n", " \n"]));
    }
    out
}

#[test]
fn generated_programs_equal_the_reference() {
    let mut edits = [0; 11];
    for seed in 0..1500 {
        let mut rng = Rng(seed);
        let braces = rng.chance(0.5);
        let syntax = if braces { Syntax::Slashes } else { Syntax::Hash };
        let (text, other) = (program(&mut rng, braces), program(&mut rng, !braces));
        let (rate, id) = (rng.pick(&[0.1, 0.5, 1.0]), rng.bits());
        let case = Case { text: &text, other: &other, rate, seed, id, syntax };
        edits.iter_mut().zip(Corruption::ALL).for_each(|(edits, kind)| *edits += case.check(kind));
    }
    assert!(edits.iter().all(|edits| *edits > 500), "{edits:?}");
}

/// The Python and Rust that ship with the repository, at a small, a usual and the whole rate.
#[test]
fn shipped_sources_equal_the_reference() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let shown = read("examples/data/code-texts.jsonl");
    let text = |line: &str| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["text"].as_str().unwrap().to_string()
    };
    let mut texts: Vec<String> = shown.lines().map(text).collect();
    texts.extend(
        [
            "examples/data/make/code.py",
            "examples/data/make/layers.py",
            "examples/data/make/memorization.py",
            "core/src/lib.rs",
            "core/src/error.rs",
            "core/src/random.rs",
            "core/src/corruption/syntax.rs",
            "core/src/kmeans/mod.rs",
            "core/src/quality/line.rs",
            "tests/arrows.sh",
            "README.md",
        ]
        .map(read),
    );
    let mut edits = [0; 11];
    for (i, text) in texts.iter().enumerate() {
        let other = &texts[(i + 1) % texts.len()];
        for (rate, syntax) in
            [(0.02, Syntax::Detect), (0.25, Syntax::Detect), (1.0, Syntax::Detect), (0.25, Syntax::Slashes)]
        {
            let case = Case { text, other, rate, seed: 7, id: i as u64, syntax };
            edits.iter_mut().zip(Corruption::ALL).for_each(|(edits, kind)| *edits += case.check(kind));
        }
    }
    assert!(edits.iter().all(|edits| *edits > 50), "{edits:?}");
}

/// Random parts of a text: ascending, of each kind apart, those of statements and bodies also one in the other.
fn some_parts(rng: &mut Rng, text: &str) -> Vec<by_parts::Part> {
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let mut parts = Vec::new();
    for kind in Corruption::ALL {
        let nests = matches!(kind, Corruption::Statements | Corruption::Bodies);
        let mut around = vec![places.len() - 1];
        let mut at = 0;
        while at + 1 < places.len() && parts.len() < 400 {
            while around.len() > 1 && *around.last().unwrap() <= at {
                around.pop();
            }
            let most = *around.last().unwrap() - at;
            let end = if nests { at + 1 + rng.below(most.min(9)) } else { at + rng.below(most.min(9) + 1) };
            let becomes = match rng.below(4) {
                0 => String::new(),
                1 => "pass".into(),
                2 => text[places[at]..places[end]].to_string(),
                _ => "x".into(),
            };
            parts.push(by_parts::Part { kind: kind.name(), from: places[at], to: places[end], becomes });
            let inside = nests && end > at + 1 && rng.chance(0.5);
            if inside {
                around.push(end);
            }
            at = if inside { at + rng.below(2) } else { end.max(at + 1) } + rng.below(3);
            if inside && at >= end {
                around.pop();
            }
        }
    }
    parts
}

fn of_library(parts: &[by_parts::Part]) -> Vec<Part<'_>> {
    let part = |p: &by_parts::Part| Corruption::from_name(p.kind).map(|kind| (kind, p.from, p.to));
    let whole = |p| part(p).unwrap();
    parts
        .iter()
        .map(|p| (whole(p), p.becomes.as_str()))
        .map(|((kind, start, end), becomes)| Part { kind, start, end, becomes })
        .collect()
}

#[test]
fn parts_equal_the_reference() {
    let mut edits = [0; 11];
    let pieces = ["name", "x1", "7", "18446744073709551615", " ", "\t", "é", "\n", "(", "name", "0"];
    for seed in 0..3000 {
        let mut rng = Rng(seed);
        let text = |rng: &mut Rng| (0..rng.below(40)).map(|_| rng.pick(&pieces)).collect::<String>();
        let (text, other) = (text(&mut rng), text(&mut rng));
        let (mine, theirs) = (some_parts(&mut rng, &text), some_parts(&mut rng, &other));
        let (rate, id) = (rng.pick(&[0.0, 0.1, 0.5, 1.0]), rng.bits());
        for (at, kind) in Corruption::ALL.into_iter().enumerate() {
            let corruptor = Corruptor::new(kind).rate(rate).seed(seed);
            let (a, b) = (of_library(&mine), of_library(&theirs));
            let found = corruptor.apply_parts_with(&text, id, &a, (&other, !id, &b)).unwrap();
            let expected =
                by_parts::corrupt(kind.name(), (&text, id, &mine), (&other, !id, &theirs), (rate, seed));
            let what = format!("{} of {text:?} by {mine:?} at {rate}, seed {seed}", kind.name());
            assert_eq!(found.sites, expected.sites, "sites: {what}");
            let found_edits: Vec<_> =
                found.edits.iter().map(|e| (e.start, e.end, e.inserted.clone())).collect();
            assert_eq!(found_edits, expected.edits, "edits: {what}");
            assert_eq!(found.text, expected.text, "{what}");
            assert_eq!(found.original().unwrap(), text);
            edits[at] += found_edits.len();
        }
    }
    assert!(edits.iter().all(|edits| *edits > 1000), "{edits:?}");
}

#[test]
fn parts_in_wrong_places_are_refused() {
    let part = |kind, start, end| Part { kind, start, end, becomes: "" };
    let (comment, statement) = (Corruption::Comments, Corruption::Statements);
    for (text, parts, wrong) in [
        ("abc", vec![part(comment, 0, 4)], 0.0),
        ("abc", vec![part(comment, 2, 1)], 0.0),
        ("aé", vec![part(comment, 0, 1), part(comment, 1, 2)], 1.0),
        ("abc", vec![part(comment, 0, 2), part(comment, 1, 2)], 1.0),
        ("abcd", vec![part(statement, 0, 2), part(statement, 1, 4)], 1.0),
        ("abc", vec![part(comment, 1, 2), part(statement, 0, 2), part(comment, 0, 1)], 2.0),
    ] {
        let refused = Corruptor::new(parts[parts.len() - 1].kind).apply_parts(text, 0, &parts);
        let right =
            matches!(refused, Err(Error::InvalidParameter { name: "part", value, .. }) if value == wrong);
        assert!(right, "{parts:?}: {refused:?}");
    }
    let nested = [part(statement, 0, 3), part(statement, 1, 2)];
    assert_eq!(Corruptor::new(statement).rate(1.0).apply_parts("abc", 0, &nested).unwrap().edits.len(), 1);
    // Parts of other kinds are not looked at.
    assert_eq!(
        Corruptor::new(comment).apply_parts("abc", 0, &nested).unwrap().unchanged,
        Some(Unchanged::NoSite)
    );
}
