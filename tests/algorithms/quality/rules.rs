//! Measures and presets at their thresholds; the reference on odd texts.

use pauca::Error;
use pauca::quality::{Bound, C4, LineFault, Measure, Page, PageFault, Rules, Tally, Unit};
use pauca_reference::text_rules as reference;
use pauca_tests::data::Rng;
use unicode_segmentation::UnicodeSegmentation;

use super::predicates::some_text;

super::properties!(repetition_equals_the_reference, shares_lie_in_zero_to_one, a_tally_counts_verdicts);

fn measure(text: &str, measure: Measure) -> f64 {
    Page::new(text, Unit::Words).unwrap().measure(measure).unwrap()
}

fn length(text: &str) -> u64 {
    text.graphemes(true).filter(|c| !c.trim().is_empty()).count() as u64
}

fn same(a: f64, part: u64, whole: u64) {
    let b = part as f64 / whole as f64; // 0 / 0 is NaN
    assert!(a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(), "{a} is not {part} / {whole}");
}

fn repetition_equals_the_reference(rng: &mut Rng) {
    let text = some_text(rng);
    let words: Vec<&str> = text.unicode_words().collect();
    let all = words.iter().map(|w| length(w)).sum();
    for n in 1..=10 {
        same(
            measure(&text, Measure::MostFrequentRun(n)),
            reference::most_frequent_run(&words, n as usize, length),
            all,
        );
        same(
            measure(&text, Measure::RepeatedRuns(n)),
            reference::repeated_runs(&words, n as usize, length),
            all,
        );
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let (copies, copied, all) = reference::copies(&lines, length);
    same(measure(&text, Measure::DuplicateLines), copies, lines.len() as u64);
    same(measure(&text, Measure::DuplicateLineCharacters), copied, all);
    // Paragraphs: lines that are not blank, joined until one is.
    let text = text.replace("\r\n", "\n");
    let mut paragraphs = vec![String::new()];
    for line in text.split('\n') {
        if line.trim().is_empty() {
            paragraphs.push(String::new());
        } else if let Some(last) = paragraphs.last_mut() {
            *last += line;
            *last += "\n";
        }
    }
    let paragraphs: Vec<&str> = paragraphs.iter().map(|p| p.trim()).filter(|p| !p.is_empty()).collect();
    let (copies, copied, all) = reference::copies(&paragraphs, length);
    same(measure(&text, Measure::DuplicateParagraphs), copies, paragraphs.len() as u64);
    same(measure(&text, Measure::DuplicateParagraphCharacters), copied, all);
}

const SHARES: [Measure; 16] = [
    Measure::BulletLines,
    Measure::EllipsisLines,
    Measure::AlphabeticWords,
    Measure::AlphabeticPieces,
    Measure::PunctuatedPieces,
    Measure::PiecesUpTo(30),
    Measure::CopiedPieceCharacters,
    Measure::DuplicateLines,
    Measure::DuplicateLineCharacters,
    Measure::DuplicateParagraphs,
    Measure::DuplicateParagraphCharacters,
    Measure::MostFrequentRun(2),
    Measure::RepeatedRuns(5),
    Measure::TerminalLines,
    Measure::LinesShorterThan(30),
    Measure::RepeatedRuns(255),
];

fn shares_lie_in_zero_to_one(rng: &mut Rng) {
    let text = some_text(rng);
    for unit in [Unit::Words, Unit::Whitespace] {
        let page = Page::new(&text, unit).unwrap();
        for share in SHARES {
            let value = page.measure(share).unwrap();
            assert!((0.0..=1.0).contains(&value) || value.is_nan(), "{share:?}: {value}");
        }
        // Twice the text repeats itself at least as much.
        let twice = format!("{text}\n\n{text}");
        let twice = Page::new(&twice, unit).unwrap();
        for share in [Measure::DuplicateLines, Measure::DuplicateParagraphs, Measure::RepeatedRuns(5)] {
            let (one, two) = (page.measure(share).unwrap(), twice.measure(share).unwrap());
            assert!(one.is_nan() || two >= one, "{share:?}: {one} {two}");
        }
    }
}

fn a_tally_counts_verdicts(rng: &mut Rng) {
    let rules = Rules::fineweb_released();
    let mut tally = Tally::new(&rules).unwrap();
    let mut failed = vec![0; rules.rules().len()];
    for _ in 0..5 {
        let verdict = rules.judge(&some_text(rng)).unwrap();
        for i in verdict.failed() {
            assert!(!rules.rules()[i].bound.passes(verdict.values[i]));
            failed[i] += 1;
        }
        tally.push(&verdict).unwrap();
    }
    assert_eq!((tally.documents, &tally.failed), (5, &failed));
}

#[test]
fn paragraphs_are_compared_whole() {
    let text = "a\nb\n\nc\n\n a\nb \n\nc d";
    assert_eq!(measure(text, Measure::DuplicateParagraphs), 0.25);
    assert_eq!(measure(text, Measure::DuplicateParagraphCharacters), 2.0 / 7.0);
}

/// The name of the first rule that a text fails.
fn first_fault(rules: &Rules, text: &str) -> Option<&'static str> {
    rules.judge(text).unwrap().failed().next().map(|i| rules.rules()[i].name)
}

/// Fifty words of five letters, two of them stop words, on lines of ten.
fn fifty(words: usize) -> String {
    let word = |i: usize| match i {
        0 => "the".into(),
        1 => "with".into(),
        _ => format!(
            "{}{}",
            ["alpha", "gamma", "delta", "sigma"][i % 4],
            char::from(b'a' + (i / 4 % 26) as u8)
        ),
    };
    (0..words).map(|i| word(i) + if i % 10 == 9 { ".\n" } else { " " }).collect()
}

#[test]
fn gopher_quality_cuts_where_it_says() {
    let rules = Rules::gopher_quality();
    assert_eq!(first_fault(&rules, &fifty(50)), None);
    assert_eq!(first_fault(&rules, &fifty(49)), Some("word_count"));
    assert_eq!(first_fault(&rules, &"the of ".repeat(50_000)), Some("mean_word_length"));
    assert_eq!(first_fault(&rules, &"the of ".repeat(50_001)), Some("word_count"));
    // A mean of exactly 3 and of exactly 10 stays.
    assert_eq!(first_fault(&rules, &"the and ".repeat(25)), None);
    assert_eq!(first_fault(&rules, &"the and to ".repeat(25)), Some("mean_word_length"));
    let ten = format!(
        "the and {} {}",
        "seventeenletters1 seventeenletters1".replace("1", "x"),
        "tenletters ".repeat(46)
    );
    assert_eq!(measure(&ten, Measure::MeanWordLength), 10.0);
    assert_eq!(first_fault(&rules, &ten), None);
    // 0.1 signs a word stay, more go; the same for ellipses of either kind.
    assert_eq!(first_fault(&rules, &(fifty(50) + "# # # # #")), None);
    assert_eq!(first_fault(&rules, &(fifty(50) + "# # # # # #")), Some("hashes_per_word"));
    assert_eq!(first_fault(&rules, &(fifty(50) + " ... … ... … ...")), None);
    assert_eq!(first_fault(&rules, &(fifty(50) + " ... … ... … ......")), Some("ellipses_per_word"));
    // 9 of 10 lines with bullets stay, 10 of 10 go.
    let listed = |n: usize| {
        (0..10)
            .map(|i| format!("{} the one with five words\n", if i < n { "-" } else { "" }))
            .collect::<String>()
    };
    assert_eq!(first_fault(&rules, &listed(9)), None);
    assert_eq!(first_fault(&rules, &listed(10)), Some("bullet_lines"));
    // 3 of 10 lines with an ellipsis stay, 4 of 10 go.
    let cut = |n: usize| {
        (0..10)
            .map(|i| format!("the one with five words and more of it{}\n", if i < n { "…" } else { "" }))
            .collect::<String>()
    };
    assert_eq!(first_fault(&rules, &cut(3)), None);
    assert_eq!(first_fault(&rules, &cut(4)), Some("ellipsis_lines"));
    // 40 of 50 words with a letter stay, 39 go.
    let numbers = |n: usize| {
        "the with ".repeat(20).split(' ').take(50 - n).collect::<Vec<_>>().join(" ") + &" 12345".repeat(n)
    };
    assert_eq!(first_fault(&rules, &numbers(10)), None);
    let few = "the with ".repeat(19) + "the" + &" 12345".repeat(11);
    assert_eq!(first_fault(&rules, &few), Some("alphabetic_words"));
    // Two different stop words are needed.
    assert_eq!(first_fault(&rules, &fifty(50).replace("with", "the")), Some("stop_words"));
    assert_eq!(first_fault(&rules, &fifty(50).replace("with", "WITH")), None);
}

#[test]
fn gopher_repetition_has_the_thresholds_of_table_a1() {
    let rules = Rules::gopher_repetition();
    let high = |i: usize| match rules.rules()[i].bound {
        Bound::AtMost(high) => high,
        other => panic!("{other:?}"),
    };
    let expected = [0.3, 0.3, 0.2, 0.2, 0.2, 0.18, 0.16, 0.15, 0.14, 0.13, 0.12, 0.11, 0.1];
    assert_eq!((0..13).map(high).collect::<Vec<_>>(), expected);
    assert_eq!(rules.rules()[12].measure, Measure::RepeatedRuns(10));
    assert!(rules.rules().iter().all(|rule| rule.source.contains("table A1")));
    assert_eq!(first_fault(&rules, &fifty(50)), None);
    // 3 of 10 lines repeated stay by the first rule, 4 of 10 go.
    let lines = |n: usize| {
        (0..10)
            .map(|i| format!("{}\n", if i < 10 - n { (b'a' + i as u8) as char } else { 'a' }))
            .collect::<String>()
    };
    assert!(rules.judge(&lines(3)).unwrap().passed[0]);
    assert_eq!(first_fault(&rules, &lines(4)), Some("duplicate_lines"));
}

/// Gopher A1.1; C4 section 2.2; FineWeb's paper, and its filter as released. Those of table A1 are above.
#[test]
fn presets_have_the_published_measures_and_bounds() {
    use Bound::{Above, AtLeast, AtMost, Below, Within};
    let of = |rules: Rules| rules.rules().iter().map(|r| (r.measure, r.bound)).collect::<Vec<_>>();
    let gopher = [
        (Measure::Words, Within(50.0, 100_000.0)),
        (Measure::MeanWordLength, Within(3.0, 10.0)),
        (Measure::HashesPerWord, AtMost(0.1)),
        (Measure::EllipsesPerWord, AtMost(0.1)),
        (Measure::BulletLines, AtMost(0.9)),
        (Measure::EllipsisLines, AtMost(0.3)),
        (Measure::AlphabeticPieces, AtLeast(0.8)),
        (Measure::StopWords, AtLeast(2.0)),
    ];
    assert_eq!(of(Rules::gopher_quality()), gopher);
    let c4 = [
        (Measure::CurlyBrackets, AtMost(0.0)),
        (Measure::LoremIpsum, AtMost(0.0)),
        (Measure::Sentences, AtLeast(5.0)),
    ];
    assert_eq!(of(Rules::c4_pages()), c4);
    let paper = [
        (Measure::TerminalLines, Above(0.12)),
        (Measure::DuplicateLineCharacters, Below(0.1)),
        (Measure::LinesShorterThan(30), Below(0.67)),
    ];
    assert_eq!(of(Rules::fineweb()), paper);
    let released = [
        (Measure::PunctuatedPieces, Above(0.12)),
        (Measure::PiecesUpTo(30), Below(0.67)),
        (Measure::CopiedPieceCharacters, Below(0.01)),
        (Measure::LineBreaksPerWord, AtMost(0.3)),
    ];
    assert_eq!(of(Rules::fineweb_released()), released);
}

#[test]
fn c4_pages_and_lines_cut_where_they_say() {
    let rules = Rules::c4_pages();
    let five = "One is one. Two is two. Three is more! Is four? Five.";
    assert_eq!(first_fault(&rules, five), None);
    assert_eq!(first_fault(&rules, "One. Two. Three. Four."), Some("sentences"));
    assert_eq!(first_fault(&rules, &format!("{five} }}")), Some("curly_brackets"));
    assert_eq!(first_fault(&rules, &format!("{five} LOREM Ipsum")), Some("lorem_ipsum"));

    let line = |text: &str| C4::new().min_sentences(0).clean(text).unwrap().lines[0].1;
    assert_eq!(line("Two words."), Some(LineFault::FewWords));
    assert_eq!(line("Now three words."), None);
    assert_eq!(line("Now three words"), Some(LineFault::NoEndMark));
    assert_eq!(line("He said \"three\""), None);
    assert_eq!(line("He said “three”"), None);
    assert_eq!(line("Please turn on JAVASCRIPT now."), Some(LineFault::Javascript));
    assert_eq!(line("Read our Privacy Policy first."), Some(LineFault::Policy));
    assert_eq!(C4::new().policy(false).clean("Read our Privacy Policy first.").unwrap().lines[0].1, None);
    let long = |n: usize| format!("{} is one word.", "a".repeat(n));
    assert_eq!(line(&long(1000)), None);
    assert_eq!(line(&long(1001)), Some(LineFault::LongWord));

    let page = C4::new().clean(five).unwrap();
    assert_eq!((page.sentences, page.fault, page.kept().count()), (5, None, 1));
    // What is on lines that go is not counted.
    let page = C4::new().clean("One. Two. Three is.\nFour. Five. Six").unwrap();
    assert_eq!((page.sentences, page.fault), (3, Some(PageFault::FewSentences)));
    assert_eq!(page.kept().count(), 0);
    assert_eq!(C4::new().min_sentences(3).clean("One. Two. Three is.\nFour. Five. Six").unwrap().fault, None);
    assert_eq!(C4::new().clean("{").unwrap().fault, Some(PageFault::CurlyBracket));
    assert_eq!(C4::new().clean("Lorem ipsum dolor").unwrap().fault, Some(PageFault::LoremIpsum));
    for empty in ["", " \n"] {
        assert_eq!(C4::new().min_sentences(0).clean(empty).unwrap().fault, Some(PageFault::FewSentences));
    }
}

#[test]
fn fineweb_paper_and_release_differ_where_documented() {
    let (paper, released) = (Rules::fineweb(), Rules::fineweb_released());
    // 25 lines of about 40 characters; the first ones end a sentence, the last ones are copies.
    let page = |ends: usize, short: usize, copies: usize| {
        (0..25)
            .map(|i| {
                let letter = char::from(b'a' + if i >= 25 - copies { 10 } else { i as u8 });
                let body = if i < short {
                    letter.to_string().repeat(29)
                } else {
                    format!("{letter} word").repeat(7)
                };
                format!("{body}{}\n", if i < ends { "." } else { "" })
            })
            .collect::<String>()
    };
    // The release counts the piece behind the last line feed, too.
    let released_page = |ends, short, copies| page(ends, short, copies).trim_end().to_string();
    // 3 of 25 = 0.12: both drop at most 0.12.
    assert_eq!(first_fault(&paper, &page(3, 0, 0)), Some("terminal_lines"));
    assert_eq!(first_fault(&released, &released_page(3, 0, 0)), Some("punctuated_lines"));
    assert_eq!(first_fault(&released, &released_page(4, 0, 0)), None);
    assert_eq!(first_fault(&paper, &page(4, 0, 0)), None);
    // One copy of 25 lines: 4 % of the characters.
    assert_eq!(first_fault(&paper, &page(9, 0, 1)), None);
    assert_eq!(first_fault(&released, &page(9, 0, 1)), Some("duplicate_line_characters"));
    assert_eq!(first_fault(&paper, &page(9, 0, 3)), Some("duplicate_line_characters"));
    // Lines of exactly 30 characters are short in the release only.
    let thirty = (0..25).map(|i| char::from(b'a' + i).to_string().repeat(29) + ".\n").collect::<String>();
    assert_eq!(first_fault(&paper, &thirty), None);
    assert_eq!(first_fault(&released, &thirty), Some("short_lines"));
    assert!(!released.judge(&thirty).unwrap().passed[3]);
}

#[test]
fn words_that_are_characters_and_empty_runs_are_errors() {
    assert!(matches!(Page::new("x", Unit::Characters), Err(Error::Conflict { .. })));
    let page = Page::new("x", Unit::Words).unwrap();
    for measure in [Measure::RepeatedRuns(0), Measure::MostFrequentRun(0)] {
        assert!(matches!(page.measure(measure), Err(Error::InvalidParameter { value: 0.0, .. })));
    }
    assert!(matches!(Rules::fineweb().unit(Unit::Characters).judge("x"), Err(Error::Conflict { .. })));
}

#[test]
fn bounds_are_what_they_say_and_nan_passes_none() {
    for (bound, below, at, above) in [
        (Bound::AtLeast(1.0), false, true, true),
        (Bound::Above(1.0), false, false, true),
        (Bound::AtMost(1.0), true, true, false),
        (Bound::Below(1.0), true, false, false),
        (Bound::Within(1.0, 1.0), false, true, false),
    ] {
        assert_eq!([0.5, 1.0, 1.5, f64::NAN].map(|v| bound.passes(v)), [below, at, above, false]);
    }
}

#[test]
fn tallies_count_what_passes_and_what_each_rule_fails() {
    let rules = Rules::c4_pages();
    let mut tally = Tally::new(&rules).unwrap();
    for text in ["One. Two. Three. Four. Five.", "{ }", "a"] {
        tally.push(&rules.judge(text).unwrap()).unwrap();
    }
    assert_eq!((tally.documents, tally.passed), (3, 1));
    assert_eq!(tally.failed, [1, 0, 2]);
    let mut twice = tally.clone();
    twice.merge(&tally).unwrap();
    assert_eq!((twice.documents, twice.passed, twice.failed), (6, 2, vec![2, 0, 4]));
}

/// What the programs look at, in pieces that lie on both sides of every rule.
fn released_text(rng: &mut Rng) -> String {
    let pieces = [
        "Here is one good line of text.",
        "A short one.",
        "...",
        "",
        " ",
        "\u{1c}",
        "He said \u{201d}",
        "and so on and on...",
        "It ends in a citation here.[12]",
        "[edit]",
        "[citation needed]",
        "Five words [1] are here!",
        "{",
        "}",
        "f() { x; } is code here.",
        "Lorem ipsum dolor sit amet here.",
        "lorem ipsum",
        "JavaScript has to be enabled here.",
        "See the Terms of Use for this.",
        "x'",
        "y\"",
        "\u{1d7d9}",
        "012345678901234567890123456789",
        "0123456789012345678901234567890",
        "\r",
        "e\u{301}",
        "[\u{663}]",
        "[ ]",
    ];
    let mut text = String::new();
    for _ in 0..rng.below(30) {
        text += rng.pick(&pieces);
        text += rng.pick(&["\n", "\n", "\n", " ", "", "\r\n", "\u{2028}"]);
    }
    text
}

#[test]
fn released_programs_are_followed_step_by_step() {
    use pauca_reference::released;
    let (rules, program) = (Rules::fineweb_released(), C4::released());
    let mut found = [0usize; 5];
    for seed in 0..20_000 {
        let text = released_text(&mut Rng(seed));
        let verdict = rules.judge(&text).unwrap();
        let shares = released::fineweb_shares(&text);
        for (value, share) in verdict.values.iter().zip(shares) {
            assert_eq!(value.to_bits(), share.to_bits(), "{text:?}");
        }
        let passes = [shares[0] > 0.12, shares[1] < 0.67, shares[2] < 0.01];
        assert_eq!(verdict.passed[..3], passes, "{text:?}");
        found[4] += usize::from(passes == [true; 3]);

        let sentences =
            |line: &str| Page::new(line, Unit::Words).unwrap().measure(Measure::Sentences).unwrap() as u64;
        let page = program.clean(&text).unwrap();
        let expected = released::c4(&text, sentences);
        match (&expected, page.fault) {
            (released::Page::Kept(lines), None) => {
                found[0] += 1;
                assert_eq!(page.kept().count(), lines.len(), "{text:?}");
                for (line, kept) in page.kept().zip(lines) {
                    assert!(line == kept || line.contains('['), "{line:?} {kept:?}");
                }
            }
            (released::Page::LoremIpsum, Some(PageFault::LoremIpsum)) => found[1] += 1,
            (released::Page::CurlyBracket, Some(PageFault::CurlyBracket)) => found[2] += 1,
            (released::Page::FewSentences, Some(PageFault::FewSentences)) => found[3] += 1,
            other => panic!("{other:?} of {text:?}"),
        }
    }
    assert!(found.iter().all(|times| *times > 100), "{found:?}");
}

/// The page of which the program keeps three lines, and the plain reading none.
#[test]
fn released_c4_looks_for_brackets_in_lines_that_stay() {
    let good = "This line has more than five words.";
    let page = format!("function f() {{\n{good}\n{good}\n{good}\n");
    assert_eq!(C4::released().clean(&page).unwrap().kept().count(), 3);
    assert_eq!(C4::new().clean(&page).unwrap().fault, Some(PageFault::CurlyBracket));
}

/// Symbols that stand alone are no words of Unicode, so that only pieces between blanks can fail the rule.
#[test]
fn gopher_counts_symbols_that_stand_alone() {
    let text = "the sum of = + - / * | and that = = - - + + / / ".repeat(10);
    assert_eq!(first_fault(&Rules::gopher_quality(), &text), Some("alphabetic_words"));
    assert_eq!(measure(&text, Measure::AlphabeticWords), 1.0);
    assert_eq!(measure(&text, Measure::AlphabeticPieces), 5.0 / 19.0);
}
