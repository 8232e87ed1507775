//! What the published rules measure, by hand: each text tells the definition from a likely other reading.

use pauca::quality::{C4, Measure, Page, PageFault, Unit};

fn measure(text: &str, measure: Measure) -> f64 {
    Page::new(text, Unit::Words).unwrap().measure(measure).unwrap()
}

/// Four letters in two words; the marks are in none.
#[test]
fn mean_word_length_leaves_marks_out() {
    assert_eq!(measure("ab, cd!?", Measure::MeanWordLength), 2.0);
}

#[test]
fn bullets_are_twelve_marks_at_the_start() {
    for mark in ['•', '‣', '◦', '▪', '▫', '■', '□', '●', '○', '·', '-', '*'] {
        assert_eq!(measure(&format!("{mark} x\nx {mark}"), Measure::BulletLines), 0.5, "{mark}");
    }
    assert_eq!(measure("+ x\n1. x", Measure::BulletLines), 0.0);
}

#[test]
fn an_ellipsis_is_three_points_or_one_character() {
    assert_eq!(measure("a...\nb…\nc..\n...d", Measure::EllipsisLines), 0.5);
    assert_eq!(measure("a...", Measure::EllipsisLines), 1.0);
    assert_eq!(measure("b…", Measure::EllipsisLines), 1.0);
    assert_eq!(measure("a... b… c.. d......", Measure::EllipsesPerWord), 1.0);
}

/// a1 and b hold a letter; 22, 3.5 and 4 do not.
#[test]
fn a_word_with_one_letter_is_alphabetic() {
    assert_eq!(measure("a1 22 b 3.5 4", Measure::AlphabeticWords), 0.4);
}

#[test]
fn stop_words_count_once_each_in_any_case() {
    assert_eq!(measure("the The of THE cat", Measure::StopWords), 2.0);
    assert_eq!(measure("the be to of and that have with", Measure::StopWords), 8.0);
}

#[test]
fn a_closing_quotation_mark_ends_a_line_by_itself() {
    for line in ["a.", "a!", "a\"", "a”", "a»"] {
        assert_eq!(measure(line, Measure::TerminalLines), 1.0, "{line}");
    }
    for line in ["a", "a,", "a'", "a)", "\"a"] {
        assert_eq!(measure(line, Measure::TerminalLines), 0.0, "{line}");
    }
}

/// Line breaks, also of blank lines and without one at the end; not lines.
#[test]
fn line_breaks_are_counted_not_lines() {
    assert_eq!(measure("a b\n\n\nc d", Measure::LineBreaksPerWord), 0.75);
    assert_eq!(measure("a b", Measure::LineBreaksPerWord), 0.0);
}

#[test]
fn both_curly_brackets_count() {
    assert_eq!(measure("{ } }", Measure::CurlyBrackets), 3.0);
    for page in ["a { b.", "a } b."] {
        assert_eq!(C4::new().min_sentences(1).clean(page).unwrap().fault, Some(PageFault::CurlyBracket));
    }
}

#[test]
fn lorem_ipsum_counts_in_any_case() {
    assert_eq!(measure("Lorem Ipsum, LOREM IPSUM lorem  ipsum", Measure::LoremIpsum), 2.0);
}

#[test]
fn hashes_count_alone_and_before_words() {
    assert_eq!(measure("# a #b c ##", Measure::HashesPerWord), 4.0 / 3.0);
}
