//! The program `prune-code`: its results, the same bytes at any threads, bad input, and the
//! stream of corrupted texts.

mod workbench;

use std::process::Output;

use serde_json::Value;
use workbench::{Bench, PRUNE_CODE, redundant, stderr, uniform};

/// Runs the program on `input`, which must fail with `code` and one line that holds all of `parts`.
#[track_caller]
fn refused(bench: &Bench, arguments: &[&str], input: &str, code: i32, parts: &[&str]) {
    PRUNE_CODE.assert_refused(bench, &PRUNE_CODE.fed(bench, arguments, input), code, parts);
}

/// 150 files of rising lengths, and 20 of them corrupted in two ways.
fn study() -> Bench {
    let bench = Bench::new();
    let rows = redundant(150, 16, 5);
    bench.npy("x.npy", &rows);
    let lines: Vec<String> = (0..150).map(|i| format!("f{i},{},{}", i * i + 1, 2.0 + i as f64)).collect();
    bench.write("x.csv", format!("id,tokens,ppl\n{}\n", lines.join("\n")).as_bytes());
    let noise = uniform(40, 16, 9);
    let mut corrupted = noise.clone();
    for i in 0..40 {
        corrupted.row_mut(i).assign(&(&rows.row(3 * (i % 20)) + &(&noise.row(i) * 0.4)));
    }
    bench.npy("y.npy", &corrupted);
    let kind = |i: usize| if i < 20 { "renames" } else { "own-kind" };
    let lines: Vec<String> = (0..40).map(|i| format!("f{},{}", 3 * (i % 20), kind(i))).collect();
    bench.write("y.csv", format!("id,kind\n{}\n", lines.join("\n")).as_bytes());
    bench
}

const STUDY: [&str; 9] =
    ["x.npy", "--meta", "x.csv", "--corrupted", "y.npy", "--corrupted-meta", "y.csv", "--resamples", "50"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&STUDY[..], &["--progress", "none"], more].concat()
}

#[track_caller]
fn done(bench: &Bench, more: &[&str]) -> Output {
    PRUNE_CODE.done(bench, &with(more))
}

#[test]
fn a_study_has_all_its_parts() {
    let bench = study();
    done(&bench, &["--out", "out", "--perplexity", "ppl"]);
    let report = bench.report("out");
    assert_eq!(report["format"], "pauca-prune-code");
    assert_eq!(report["counts"]["files"], 150);
    assert_eq!(report["counts"]["kept"], 120);
    let total: u64 = (0..150u64).map(|i| i * i + 1).sum();
    // The longest 2 % of 150 files are 3.
    let longest: u64 = (147..150u64).map(|i| i * i + 1).sum();
    assert_eq!(report["length"]["longest"][1]["tokens"], longest as f64 / total as f64);
    let names = |key: &str, field: &str| -> Vec<String> {
        let list = report[key].as_array().unwrap();
        list.iter().map(|item| item[field].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(names("corruptions", "kind"), ["renames", "own-kind", "another file"]);
    assert!(names("scores", "name").contains(&"towards broken syntax".to_string()));
    assert_eq!(report["perplexity_by_length"].as_array().unwrap().len(), 10);
    for score in report["scores"].as_array().unwrap() {
        let rho = &score["spearman"];
        assert!(
            rho["low"].as_f64() <= rho["estimate"].as_f64()
                && rho["estimate"].as_f64() <= rho["high"].as_f64()
        );
    }
    let text = std::fs::read_to_string(bench.path("out/removed.csv")).unwrap();
    assert_eq!(text.lines().count(), 31);
    let kept = std::fs::read_to_string(bench.path("out/kept_ids.txt")).unwrap();
    assert_eq!(kept.lines().count(), 120);
    let page = std::fs::read_to_string(bench.path("out/report.html")).unwrap();
    for part in
        ["<svg", "Which scores are about length", "Where corrupted files land", "Perplexity by length"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script") && !page.contains("NaN"));
}

#[test]
fn a_share_of_tokens_that_cannot_go_says_why() {
    let bench = study();
    let said = |out: &str, more: &[&str]| {
        let flags = [&STUDY[..], &["--out", out], more].concat();
        stderr(&PRUNE_CODE.done(&bench, &flags)).replace('\n', " ")
    };
    // The longest of the files holds 2 % of the tokens.
    let none = said("a", &["--method", "tokens", "--keep", "0.999"]);
    assert!(
        none.contains("0.0 % of the tokens went with 0.0 % of the files; none could go: the longest"),
        "{none}"
    );
    assert!(none.contains("holds 2.0 % of the tokens, and 0.10 % may go"), "{none}");
    let some = said("b", &["--method", "tokens", "--keep", "0.9"]);
    assert!(
        some.contains("; the next longest, of ") && some.contains(" tokens, would be more than 10.0 %"),
        "{some}"
    );
    let rounded = said("c", &["--method", "longest", "--keep", "0.999"]);
    assert!(rounded.contains("; 0.10 % of 150 files rounds to none"), "{rounded}");
    let all = said("d", &["--method", "scip", "--keep", "1"]);
    assert!(all.contains("; --keep 1 asks for no more"), "{all}");
    let usual = said("e", &[]);
    assert!(!usual.contains("of the files; "), "{usual}");
    let page = String::from_utf8(bench.contents_of("a", "report.html")).unwrap();
    assert!(page.contains("none could go: the longest file holds"));
}

#[test]
fn threads_change_no_byte_and_methods_do() {
    let bench = study();
    done(&bench, &["--out", "one", "--threads", "1"]);
    done(&bench, &["--out", "two", "--threads", "2"]);
    bench.assert_same("one", "two");
    // Again into the same folder: the same run may be repeated, another one may not.
    done(&bench, &["--out", "two", "--threads", "2"]);
    let refused = PRUNE_CODE.fed(&bench, &with(&["--out", "two", "--method", "longest"]), "");
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("--overwrite replaces it"));
    done(&bench, &["--out", "two", "--method", "longest", "--overwrite"]);
    // The longest fifth went: the last rows.
    let kept = std::fs::read_to_string(bench.path("two/kept_ids.txt")).unwrap();
    assert_eq!(kept.lines().last(), Some("f119"));
    for method in ["tokens", "controlled"] {
        done(&bench, &["--out", method, "--method", method]);
    }
    let tokens = bench.report("tokens");
    assert!(tokens["kept"]["tokens_removed"].as_f64().unwrap() <= 0.2 + 1e-12);
}

#[test]
fn bad_studies_are_refused() {
    let bench = study();
    bench.write("short.csv", b"id,tokens\na,1\n");
    bench.write(
        "word.csv",
        format!("id,tokens\n{}", (0..150).map(|i| format!("f{i},x\n")).collect::<String>()).as_bytes(),
    );
    bench.write("other.csv", format!("id,kind\n{}", "nobody,renames\n".repeat(40)).as_bytes());
    bench.npy("narrow.npy", &uniform(40, 3, 1));
    let out = ["--out", "out"];
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&["x.npy"], 2, &["--meta FILE is needed"]),
        (&["x.npy", "--meta", "x.csv", "--clusters", "151"], 2, &["151 clusters", "150 rows"]),
        (&["x.npy", "--meta", "x.csv", "--keep", "1.5"], 2, &["--keep", "1.5"]),
        (&["x.npy", "--meta", "x.csv", "--alpha", "NaN"], 2, &["--alpha"]),
        (&["x.npy", "--meta", "x.csv", "--level", "1"], 2, &["--level"]),
        (&["x.npy", "--meta", "x.csv", "--corrupted", "y.npy"], 2, &["--corrupted-meta"]),
        (&["x.npy", "--meta", "short.csv"], 1, &["short.csv", "1 records", "150 rows"]),
        (&["x.npy", "--meta", "x.csv", "--tokens", "nope"], 1, &["no column 'nope'", "'tokens'"]),
        (&["x.npy", "--meta", "word.csv"], 1, &["word.csv", "row 0", "\"x\"", "whole number"]),
        (
            &["x.npy", "--meta", "x.csv", "--corrupted", "y.npy", "--corrupted-meta", "other.csv"],
            1,
            &["other.csv", "row 0", "\"nobody\""],
        ),
        (
            &["x.npy", "--meta", "x.csv", "--corrupted", "narrow.npy", "--corrupted-meta", "y.csv"],
            1,
            &["narrow.npy", "3 values", "16"],
        ),
        (&["absent.npy", "--meta", "x.csv"], 1, &["absent.npy", "cannot be opened"]),
    ];
    for (arguments, code, parts) in cases {
        refused(&bench, &[*arguments, &out[..]].concat(), "", *code, parts);
    }
    let mut rows = uniform(150, 16, 1);
    rows[[37, 5]] = f32::NAN;
    bench.npy("nan.npy", &rows);
    refused(
        &bench,
        &["nan.npy", "--meta", "x.csv", "--out", "out", "--progress", "none"],
        "",
        1,
        &["row 37", "column 5"],
    );
}

const TEXTS: &str = concat!(
    r#"{"id": "a", "text": "def f(x):\n    return g(x[0])\n"}"#,
    "\n",
    r#"{"id": 7, "text": "if a == b:\n    c = 1\n    d = 2\n"}"#,
    "\n",
    r#"{"id": "c", "text": "nothing"}"#,
    "\n",
);

fn records(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", stderr(output));
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn texts_are_corrupted_as_a_stream() {
    let bench = Bench::new();
    let found = records(&PRUNE_CODE.fed(&bench, &["corrupt", "--kind", "all", "--rate", "1"], TEXTS));
    assert_eq!(found.len(), 33);
    let sources = ["def f(x):\n    return g(x[0])\n", "if a == b:\n    c = 1\n    d = 2\n", "nothing"];
    for (i, record) in found.iter().enumerate() {
        assert_eq!(record["id"], ["a", "7", "c"][i / 11]);
        let (text, source) = (record["text"].as_str().unwrap(), sources[i / 11]);
        assert_eq!(record["unchanged"].is_null(), text != source, "{record}");
        assert_eq!(record["unchanged"].is_null(), !record["edits"].as_array().unwrap().is_empty());
        // The edits alone make the text.
        let (mut made, mut at) = (String::new(), 0);
        for edit in record["edits"].as_array().unwrap() {
            let place = |key: &str| edit[key].as_u64().unwrap() as usize;
            assert_eq!(&source[place("start")..place("end")], edit["removed"]);
            made.push_str(&source[at..place("start")]);
            made.push_str(edit["inserted"].as_str().unwrap());
            at = place("end");
        }
        made.push_str(&source[at..]);
        assert_eq!(made, text);
    }
    // The first two swapped with one another; the odd one took from the one before.
    let swapped: Vec<&Value> = found.iter().filter(|r| r["kind"] == "swapped-lines").collect();
    assert_eq!(swapped.iter().map(|r| r["other"].as_str().unwrap()).collect::<Vec<_>>(), ["7", "a", "7"]);
}

#[test]
fn a_text_is_corrupted_by_its_id_not_its_place() {
    let bench = Bench::new();
    let arguments = ["corrupt", "--kind", "syntax,statements", "--seed", "5"];
    let mut one = records(&PRUNE_CODE.fed(&bench, &arguments, TEXTS));
    let reversed: Vec<&str> = TEXTS.lines().rev().collect();
    let mut other = records(&PRUNE_CODE.fed(&bench, &arguments, &(reversed.join("\n") + "\n")));
    let key = |r: &Value| (r["id"].to_string(), r["kind"].to_string());
    one.sort_by_key(key);
    other.sort_by_key(key);
    assert_eq!(one, other);
}

#[test]
fn a_corrupted_file_is_whole_or_absent() {
    let bench = Bench::new();
    bench.write("t.jsonl", TEXTS.as_bytes());
    let output =
        PRUNE_CODE.fed(&bench, &["corrupt", "t.jsonl", "--kind", "comments", "--output", "c.jsonl"], "");
    assert!(output.status.success() && output.stdout.is_empty());
    assert_eq!(std::fs::read_to_string(bench.path("c.jsonl")).unwrap().lines().count(), 3);
    bench.write("bad.jsonl", format!("{TEXTS}{{}}\n").as_bytes());
    let arguments = ["corrupt", "bad.jsonl", "--kind", "comments", "--output", "d.jsonl"];
    refused(&bench, &arguments, "", 1, &["bad.jsonl", "line 4", "no column 'id'"]);
    assert_eq!(bench.names(""), ["bad.jsonl", "c.jsonl", "t.jsonl"]);
}

#[test]
fn bad_texts_are_refused() {
    let bench = Bench::new();
    let kind = ["corrupt", "--kind", "comments"];
    refused(&bench, &["corrupt"], "", 2, &["--kind"]);
    refused(&bench, &["corrupt", "--kind", "nope"], "", 2, &["--kind nope", "truncation"]);
    refused(&bench, &["corrupt", "--kind", "all", "--rate", "2"], "", 2, &["--rate", "2"]);
    refused(
        &bench,
        &["corrupt", "absent.jsonl", "--kind", "all"],
        "",
        1,
        &["absent.jsonl", "cannot be opened"],
    );
    refused(&bench, &kind, "not json\n", 1, &["stdin", "line 1"]);
    refused(&bench, &kind, "{\"id\": \"a\", \"text\": 3}\n", 1, &["line 1", "'text' is not a text"]);
    refused(&bench, &kind, "{\"id\": \"a\"}\n", 1, &["line 1", "no column 'text'"]);
    let twice = "{\"id\": \"a\", \"text\": \"x\"}\n{\"id\": \"a\", \"text\": \"y\"}\n";
    refused(&bench, &kind, twice, 1, &["line 2", "\"a\"", "line 1"]);
}

/// The language is told by the id, by a column or by a flag, and stands in the record; without one the scanner is used.
#[test]
fn the_syntax_of_a_text_is_in_its_record() {
    let bench = Bench::new();
    let texts = "{\"id\": \"a.sql\", \"text\": \"SELECT a; -- b\\nSELECT a;\", \"lang\": null}\n\
                 {\"id\": \"b\", \"text\": \"SELECT a; -- b\\nSELECT a;\", \"lang\": \"SQL\"}\n\
                 {\"id\": \"c\", \"text\": \"x = 1 # SQL\", \"lang\": \"Befunge\"}\n";
    let syntax = |flags: &[&str]| -> Vec<String> {
        let all =
            records(&PRUNE_CODE.fed(&bench, &[&["corrupt", "--kind", "comments"], flags].concat(), texts));
        all.iter().map(|record| record["syntax"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(syntax(&[]), ["sql (pauca)", "slashes", "hash"]);
    assert_eq!(syntax(&["--language-column", "lang"]), ["sql (pauca)", "sql (pauca)", "hash"]);
    assert_eq!(syntax(&["--syntax", "hash"]), ["hash"; 3]);
    assert_eq!(syntax(&["--syntax", "sql"]), ["sql (pauca)"; 3]);
    let found = records(&PRUNE_CODE.fed(&bench, &["corrupt", "--kind", "comments"], texts));
    assert_eq!(found[0]["edits"][0]["removed"], " -- b");
}
