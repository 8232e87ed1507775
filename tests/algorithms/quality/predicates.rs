//! Each question at its boundary, and the reference on odd texts.

use pauca::quality::{LineFacts, Predicate, STOP_WORDS, Split, UNICODE_VERSION, Unit};
use pauca_reference::text_rules as reference;
use pauca_tests::data::Rng;
use unicode_segmentation::UnicodeSegmentation;

super::properties!(
    answers_equal_the_reference,
    facts_are_what_unicode_says,
    lines_are_what_str_lines_says,
    units_count_what_they_say,
);

const PIECES: [&str; 40] = [
    "the",
    "of",
    "and",
    "The",
    "THE",
    "dog",
    "cat",
    "Cat",
    "x1",
    "42",
    "3.14",
    "...",
    "…",
    "#",
    "{",
    "}",
    "-",
    "•",
    "\"",
    "”",
    ".",
    "!",
    "?",
    ",",
    "JavaScript",
    "naïve",
    "e\u{301}a",
    "ǅ",
    "漢字",
    "。",
    "\u{1f469}\u{200d}\u{1f469}",
    "\u{fffd}",
    "\t",
    "\u{7}",
    "don't",
    "lorem ipsum",
    "https://a.b/c?d=e",
    "é",
    "SS",
    "ß",
];

/// Words, marks and breaks, often repeated.
pub fn some_text(rng: &mut Rng) -> String {
    let few = 1 + rng.below(PIECES.len());
    let breaks = rng.pick(&[3, 8, 30]);
    (0..rng.below(120))
        .map(|_| {
            let after = match rng.below(breaks) {
                0 => rng.pick(&["\n", "\n\n", "\r\n", " \n \n"]),
                1 => "",
                _ => " ",
            };
            format!("{}{after}", PIECES[rng.below(few)])
        })
        .collect()
}

/// A line cut up for the reference, by the iterators of unicode-segmentation.
pub fn cut(text: &str) -> reference::Line<'_> {
    reference::Line {
        text,
        words: text.unicode_words().collect(),
        tokens: text.split_word_bounds().filter(|t| !t.trim().is_empty()).collect(),
        characters: text.graphemes(true).filter(|c| !c.trim().is_empty()).collect(),
    }
}

fn answers(line: &str) -> [bool; 10] {
    let facts = LineFacts::of(line).unwrap();
    Predicate::ALL.map(|p| p.passes(&facts))
}

fn answers_equal_the_reference(rng: &mut Rng) {
    let text = some_text(rng);
    for line in text.lines() {
        assert_eq!(answers(line), reference::predicates(&cut(line), &STOP_WORDS), "{line:?}");
    }
}

/// Anything in ASCII, control characters, line breaks and runs of low lines among it, and at times
/// something else: short cuts for ASCII must not show.
fn facts_are_what_unicode_says(rng: &mut Rng) {
    let piece = |rng: &mut Rng| match rng.below(12) {
        0 => "_".repeat(1 + rng.below(3)),
        1 => rng.pick(&["\r\n", "\r", "\n", "  ", "don't", "a.b", "1,5", "x_1", "JavaScript", "THE"]).into(),
        2 if rng.chance(0.05) => "é".into(),
        _ => char::from(rng.below(128) as u8).to_string(),
    };
    let text: String = (0..rng.below(60)).map(|_| piece(rng)).collect();
    let (facts, line) = (LineFacts::of(&text).unwrap(), cut(&text));
    let count = |is: fn(&char) -> bool| text.chars().filter(is).count() as u64;
    let letters = line.characters.iter().filter(|c| c.starts_with(char::is_alphabetic)).count() as u64;
    assert_eq!(facts.words, line.words.len() as u64, "{text:?}");
    assert_eq!(facts.tokens, line.tokens.len() as u64, "{text:?}");
    assert_eq!((facts.characters, facts.letters), (line.characters.len() as u64, letters), "{text:?}");
    assert_eq!(facts.upper, count(|c| c.is_uppercase()));
    assert_eq!(facts.lower, count(|c| c.is_lowercase()));
    let lower: Vec<String> = line.words.iter().map(|w| w.to_lowercase()).collect();
    let repeated = (0..lower.len()).filter(|&i| lower[..i].contains(&lower[i])).count();
    assert_eq!(facts.repeated_words, repeated as u64, "{text:?}");
    let stop = lower.iter().filter(|w| STOP_WORDS.contains(&w.as_str())).count();
    assert_eq!(facts.stop_words, stop as u64, "{text:?}");
    assert_eq!(answers(&text), reference::predicates(&line, &STOP_WORDS), "{text:?}");
}

fn lines_are_what_str_lines_says(rng: &mut Rng) {
    let text = some_text(rng);
    let expected: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    assert_eq!(Split::Lines.of(&text).collect::<Vec<_>>(), expected);
    // Sentences hold the same characters.
    let letters = |s: &str| s.split_whitespace().collect::<String>();
    assert_eq!(letters(&Split::Sentences.of(&text).collect::<String>()), letters(&text));
}

fn units_count_what_they_say(rng: &mut Rng) {
    let text = some_text(rng);
    let line = cut(&text);
    assert_eq!(Unit::Words.count(&text), line.words.len() as u64);
    assert_eq!(Unit::Characters.count(&text), line.characters.len() as u64);
    assert_eq!(Unit::Whitespace.count(&text), text.split_whitespace().count() as u64);
}

#[track_caller]
fn passes(predicate: Predicate, lines: &[&str], fails: &[&str]) {
    for (lines, expected) in [(lines, true), (fails, false)] {
        for line in lines {
            assert_eq!(predicate.passes(&LineFacts::of(line).unwrap()), expected, "{predicate:?}: {line:?}");
        }
    }
}

#[test]
fn first_letter_capital_looks_at_the_first_letter() {
    let good = ["A", "\u{201c}Élan", "3. Then", "- Yes", "漢字", "ǅ"];
    passes(Predicate::FirstLetterCapital, &good, &["", "a", "12 + 3", "e\u{301}a", "(see"]);
}

#[test]
fn not_all_capitals_needs_two_capitals_to_fail() {
    passes(
        Predicate::NotAllCapitals,
        &["", "I", "A 1", "NASAs", "漢字", "X y"],
        &["NO", "A B", "STOP 12!", "ÉÉ"],
    );
}

#[test]
fn few_repetitions_fails_from_one_fifth_on() {
    passes(Predicate::FewRepetitions, &["", "---", "a b c d e a"], &["a b c d A", "a a", "The the"]);
}

#[test]
fn few_digits_and_marks_passes_up_to_a_quarter() {
    passes(
        Predicate::FewDigitsAndMarks,
        &["", "abc1", "a b c .", "e\u{301}e\u{301}e\u{301}!"],
        &["ab1", "1", "a-b.c!"],
    );
}

/// A sign that goes before others is one character with the letter behind it, and does not begin with a letter.
#[test]
fn letters_are_characters_that_begin_with_one() {
    let facts = LineFacts::of("\u{600}a e\u{301} 1").unwrap();
    assert_eq!((facts.characters, facts.letters), (3, 1));
}

#[test]
fn no_special_characters_allows_the_marks_of_prose() {
    let fails = ["a/b", "50%", "{", "x_y", "a\u{0}", "\u{fffd}", "@", "`a`", "$5", "a\u{1b}[0m"];
    passes(Predicate::NoSpecialCharacters, &["", "(It's \"so\": 1, 2; 3-4.!?)", "“é”—…", "a\tb"], &fails);
}

#[test]
fn terminal_punctuation_skips_closing_quotes_and_brackets() {
    let good = ["a.", "a?!", "(a.)", "\"a.\"", "a…”", "漢。", "a.  ", "ends.'**"];
    passes(Predicate::TerminalPunctuation, &good, &["", "a", "a:", "a.b", "\"a\"", "a. (b)", ","]);
}

#[test]
fn stop_words_counts_repeats_and_any_case() {
    passes(Predicate::StopWords, &["the the", "Of THE", "it is"], &["", "the", "thence often", "an orange"]);
    assert!(STOP_WORDS.windows(2).all(|w| w[0] < w[1]));
}

#[test]
fn no_javascript_ignores_case() {
    passes(
        Predicate::NoJavascript,
        &["", "java script", "Java"],
        &["JavaScript", "xJAVASCRIPTy", "javascript"],
    );
}

#[test]
fn three_tokens_counts_marks() {
    passes(Predicate::ThreeTokens, &["a b.", "...", "a, b"], &["", "a b", "don't", " a. "]);
}

#[test]
fn word_counts_pass_from_3_to_256() {
    let words = |n: usize| "w ".repeat(n);
    let (low, high) = ((words(2), words(257)), (words(3), words(256)));
    passes(Predicate::ThreeTo256Words, &[&high.0, &high.1], &["", &low.0, &low.1, ". . . ."]);
}

/// Also those whose name in the paper describes a fault: a line with the fault fails, one without passes.
#[test]
fn passing_is_good_for_every_predicate() {
    let good = LineFacts::of("It is a truth universally acknowledged.").unwrap();
    assert!(Predicate::ALL.iter().all(|p| p.passes(&good)));
    let faults = Predicate::ALL.map(|p| match p {
        Predicate::FirstLetterCapital => "it is a truth universally acknowledged.",
        Predicate::NotAllCapitals => "IT IS A TRUTH.",
        Predicate::FewRepetitions => "It is is is.",
        Predicate::FewDigitsAndMarks => "It is 1234567890.",
        Predicate::NoSpecialCharacters => "It is {a} truth.",
        Predicate::TerminalPunctuation => "It is a truth",
        Predicate::StopWords => "Truths universally acknowledged.",
        Predicate::NoJavascript => "It is a truth of JavaScript.",
        Predicate::ThreeTokens => "Truth",
        Predicate::ThreeTo256Words => "It is.",
    });
    for (p, line) in Predicate::ALL.into_iter().zip(faults) {
        assert!(!p.passes(&LineFacts::of(line).unwrap()), "{p:?}: {line}");
    }
}

#[test]
fn names_and_aliases_find_their_predicate() {
    for (i, p) in Predicate::ALL.into_iter().enumerate() {
        assert_eq!((Predicate::from_name(p.name()), Predicate::from_name(p.alias())), (Some(p), Some(p)));
        assert_eq!(Predicate::ALL.iter().position(|q| *q == p), Some(i));
    }
    assert_eq!(Predicate::from_name("has_noun"), None);
    let mut aliases = Predicate::ALL.map(Predicate::alias);
    aliases.sort_unstable();
    assert!(aliases.windows(2).all(|w| w[0] != w[1]));
}

/// What a word is depends on it: a new version is a change of results, to be named.
#[test]
fn the_version_of_unicode_is_the_documented_one() {
    assert_eq!(UNICODE_VERSION, (17, 0, 0));
}
