//! The program `score-text`: whole runs, what may vary and what may not, and everything that can
//! be wrong with its input.

mod workbench;

use pauca::quality::{LineFacts, Predicate, Split};
use pauca_examples::input::npy::write_header;
use workbench::{Bench, SCORE_TEXT, stderr};

/// Three documents of seven lines, and likelihoods that prefer full stops.
fn small() -> Bench {
    let bench = Bench::new();
    bench.write(
        "t.jsonl",
        b"{\"name\": \"good\", \"text\": \"This is a line.\\nThe end of it.\"}\n\
          {\"name\": \"mixed\", \"text\": \"This is one of them.\\n\\n  x = {1}\"}\n\
          {\"name\": \"bad\", \"text\": \"a b\\n> c\\nVOID OF IT\"}\n",
    );
    bench.write(
        "t.csv",
        b"document,line,tokens,nll\n0,0,4,8\n0,1,4,8\n1,0,5,10\n1,1,4,20\n2,0,2,10\n2,1,2,10\n2,2,3,15\n",
    );
    bench.write("p.json", b"{\"all\": 40, \"predicates\": {\"terminal_punctuation\": 30, \"stop_word_match_2\": 20, \"no_all_caps\": 50, \"javascript_flag\": null}}");
    bench
}

#[test]
fn default_run_scores_the_shipped_texts() {
    let bench = Bench::new();
    let output = SCORE_TEXT.done(&bench, &[]);
    let expected = ["kept_ids.txt", "report.html", "report.json", "scores.csv", "scores.svg", "weights.svg"];
    assert_eq!(bench.names("out/text"), expected);
    let report = bench.report("out/text");
    assert_eq!(report["counts"]["documents"], 120);
    assert_eq!(report["counts"]["kept"], 72);
    assert_eq!(report["predicates"].as_array().unwrap().len(), 10);
    let page = String::from_utf8(bench.contents("out/text")["report.html"].clone()).unwrap();
    assert!(page.contains("Kept, beside removed") && page.contains("Gopher"));
    assert!(!page.contains("<script") && !page.contains("href=\"http") && !page.contains("src=\"http"));
    // Zero weights are printed as such.
    let text = stderr(&output);
    let zero: Vec<&str> = report["predicates"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|p| p["weight"] == 0.0)
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    assert!(!zero.is_empty());
    assert!(
        text.lines().any(|l| l.starts_with("weight 0") && zero.iter().all(|name| l.contains(name))),
        "{text}"
    );
    for name in zero {
        let line = text.lines().find(|l| l.starts_with(name)).unwrap();
        assert!(line.split_whitespace().nth(2) == Some("0"), "{line}");
    }
    // Again, and with other threads: the same bytes.
    SCORE_TEXT.done(&bench, &["--threads", "1"]);
    SCORE_TEXT.done(&bench, &["--threads", "1", "--out", "one"]);
    SCORE_TEXT.done(&bench, &["--threads", "2", "--out", "two"]);
    bench.assert_same("one", "two");
    bench.assert_same("one", "out/text");
}

#[test]
fn a_small_run_by_hand() {
    let bench = small();
    let output = SCORE_TEXT.done(
        &bench,
        &["t.jsonl", "--perplexities", "p.json", "--id", "name", "--out", "o", "--keep", "0.34"],
    );
    let report = bench.report("o");
    // 40 -> 30 is 1/4, 40 -> 20 is 1/2; 50 and null weigh nothing.
    let weights: Vec<f64> =
        report["predicates"].as_array().unwrap().iter().map(|p| p["weight"].as_f64().unwrap()).collect();
    assert_eq!(weights, [0.0, 0.25, 0.5, 0.0]);
    // Lines of "mixed": 5 words of score 1, 2 words of score 0. "VOID OF IT" has two stop words.
    let scores = String::from_utf8(bench.contents("o")["scores.csv"].clone()).unwrap();
    let mixed = 5.0 / 7.0;
    let bad = (3.0 * (0.5f64 / 0.75)) / 6.0;
    assert_eq!(
        scores,
        format!("id,score,tokens,lines,kept\ngood,1,8,2,1\nmixed,{mixed},7,2,0\nbad,{bad},6,3,0\n")
    );
    assert_eq!(bench.contents("o")["kept_ids.txt"], b"good\n");
    let text = stderr(&output);
    assert!(text.contains("weight 0         2 of 4 predicates; not_all_capitals, no_javascript"), "{text}");
}

#[test]
fn likelihoods_become_perplexities_of_subsets() {
    let bench = small();
    let flags = [
        "t.jsonl",
        "--perplexities",
        "t.csv",
        "--out",
        "o",
        "--predicates",
        "terminal_punctuation,stop_word_match_2",
    ];
    SCORE_TEXT.done(&bench, &flags);
    let report = bench.report("o");
    let ppl = |value: &serde_json::Value| value.as_f64().unwrap();
    /// Exponentials of means below 10, to a few units in the last place.
    const EXPONENTIAL: f64 = 1e-9;
    assert!((ppl(&report["perplexity"]) - (81.0f64 / 24.0).exp()).abs() < EXPONENTIAL);
    assert!((ppl(&report["predicates"][0]["perplexity"]) - 2.0f64.exp()).abs() < EXPONENTIAL);
    assert_eq!(report["predicates"][0]["lines"], 3);
    assert!((ppl(&report["predicates"][1]["perplexity"]) - (41.0f64 / 16.0).exp()).abs() < EXPONENTIAL);
    // Pooled over lines: the mean of e^2, e^2, e^2 and of e^5, four times.
    SCORE_TEXT.done(&bench, &[&flags[..4], &["l", "--pooling", "lines"]].concat());
    let all = ppl(&bench.report("l")["perplexity"]);
    assert!((all - (3.0 * 2.0f64.exp() + 4.0 * 5.0f64.exp()) / 7.0).abs() < EXPONENTIAL, "{all}");
}

#[test]
fn plain_text_is_paragraphs_lines_or_one_document() {
    let bench = small();
    bench.write("t.txt", b"\xef\xbb\xbfOne line.\r\nTwo lines.\r\n\r\n \nThe third is of it.\n");
    for (kind, documents) in [("paragraphs", 2), ("lines", 5), ("whole", 1)] {
        SCORE_TEXT.done(&bench, &["t.txt", "--perplexities", "p.json", "--out", kind, "--document", kind]);
        assert_eq!(bench.report(kind)["counts"]["documents"], documents, "{kind}");
    }
    assert_eq!(bench.report("lines")["counts"]["without_score"], 2);
    SCORE_TEXT.done(
        &bench,
        &["t.txt", "--perplexities", "p.json", "--out", "s", "--split", "sentences", "--unit", "characters"],
    );
}

#[test]
fn bad_texts_are_refused_with_their_line() {
    let bench = small();
    bench.write("empty.jsonl", b"");
    bench.write("broken.jsonl", b"{\"text\": \"a\"}\n{\"text\": \n");
    bench.write("list.jsonl", b"[1]\n");
    bench.write("number.jsonl", b"{\"text\": \"a\"}\n{\"text\": 7}\n");
    bench.write("field.jsonl", b"{\"body\": \"a\"}\n");
    bench.write("latin.txt", b"abc\nd\xe9f\n");
    bench.write("blank.txt", b" \n\n");
    std::fs::create_dir(bench.path("folder")).unwrap();
    let cases: &[(&str, &[&str])] = &[
        ("absent.jsonl", &["absent.jsonl", "cannot be opened"]),
        ("folder", &["folder", "is a folder"]),
        ("empty.jsonl", &["empty.jsonl", "no documents"]),
        ("broken.jsonl", &["broken.jsonl", "line 2", "not JSON"]),
        ("list.jsonl", &["line 1", "not a JSON object"]),
        ("number.jsonl", &["row 1", "'text'", "not a text"]),
        ("field.jsonl", &["line 1", "'text'", "'body'"]),
        ("latin.txt", &["latin.txt", "line 2", "UTF-8", "byte 5"]),
        ("blank.txt", &["no documents"]),
    ];
    for (file, parts) in cases {
        SCORE_TEXT.refused(&bench, &[file, "--perplexities", "p.json"], 1, parts);
    }
    SCORE_TEXT.refused(
        &bench,
        &["t.jsonl", "--perplexities", "p.json", "--id", "nope"],
        1,
        &["line 1", "'nope'", "'name'"],
    );
}

#[test]
fn bad_perplexities_are_refused_with_their_place() {
    let bench = small();
    let head = "document,line,tokens,nll\n";
    let cases: &[(&str, &str, &[&str])] = &[
        ("a.csv", "document,line,tokens\n", &["'nll'", "'tokens'"]),
        ("b.csv", &format!("{head}0,0,4,NaN\n"), &["line 2", "nll is 'NaN'"]),
        ("c.csv", &format!("{head}0,0,4,inf\n"), &["line 2", "'inf'"]),
        ("d.csv", &format!("{head}0,0,4,-1\n"), &["line 2", "'-1'"]),
        ("e.csv", &format!("{head}0,0,x,1\n"), &["line 2", "tokens is 'x'"]),
        ("f.csv", &format!("{head}0,0,4,1\n"), &["ends before line 1 of document 0"]),
        (
            "g.csv",
            &format!("{head}0,0,4,1\n0,2,4,1\n"),
            &["line 3", "document 0, line 2", "document 0, line 1"],
        ),
        (
            "h.csv",
            &format!("{head}0,0,4,8\n0,1,4,8\n1,0,5,10\n1,1,4,20\n2,0,2,10\n2,1,2,10\n2,2,3,15\n3,0,1,1\n"),
            &["line 9", "3 documents"],
        ),
        ("i.csv", &format!("{head}0,0\n"), &["i.csv"]),
        (
            "j.csv",
            &format!("{head}0,0,1,9000\n0,1,1,1\n1,0,1,1\n1,1,1,1\n2,0,1,1\n2,1,1,1\n2,2,1,1\n"),
            &["NaN or an infinity"],
        ),
        ("a.json", "{", &["not JSON"]),
        ("b.json", "{\"predicates\": {}}", &["'all'"]),
        ("c.json", "{\"all\": 3}", &["'predicates'"]),
        ("d.json", "{\"all\": 3, \"predicates\": {\"nonsense\": 1}}", &["'nonsense'"]),
        ("e.json", "{\"all\": -3, \"predicates\": {\"no_javascript\": 1}}", &["perplexity is -3", "above 0"]),
        (
            "f.json",
            "{\"all\": 3, \"predicates\": {\"no_javascript\": \"NaN\"}}",
            &["'no_javascript'", "no number"],
        ),
        ("g.json", "{\"all\": NaN, \"predicates\": {}}", &["not JSON"]),
        ("h.json", "{\"all\": 3, \"predicates\": {\"no_javascript\": 0}}", &["perplexity is 0"]),
        (
            "i.json",
            "{\"all\": 3, \"predicates\": {\"no_javascript\": 1, \"javascript_flag\": 1}}",
            &["'no_javascript'", "twice"],
        ),
        (
            "j.json",
            "{\"all\": 3, \"predicates\": {\"no_javascript\": 4}}",
            &["every one of the 1 weights is 0", "--no-weight"],
        ),
        ("k.json", "{\"all\": 3, \"predicates\": {}}", &["every one of the 0 weights"]),
        ("x.npy", "x", &["x.npy", ".csv or .json"]),
    ];
    for (file, text, parts) in cases {
        bench.write(file, text.as_bytes());
        SCORE_TEXT.refused(&bench, &["t.jsonl", "--perplexities", file], 1, &[&[*file][..], parts].concat());
    }
    SCORE_TEXT.refused(
        &bench,
        &["t.jsonl", "--perplexities", "absent.csv"],
        1,
        &["absent.csv", "cannot be opened"],
    );
    let flags = ["t.jsonl", "--perplexities", "p.json", "--empty-subset", "error"];
    SCORE_TEXT.refused(&bench, &flags, 1, &["p.json", "no line passes"]);
    let flags = ["t.jsonl", "--perplexities", "p.json", "--predicates", "three_tokens"];
    SCORE_TEXT.refused(&bench, &flags, 1, &["p.json", "'three_tokens'"]);
    // By flag, weights of 0 keep the first documents.
    SCORE_TEXT.done(&bench, &["t.jsonl", "--perplexities", "j.json", "--no-weight", "ones", "--out", "ones"]);
    assert_eq!(bench.contents("ones")["kept_ids.txt"], b"0\n1\n");
}

#[test]
fn bad_usage_exits_with_2() {
    let bench = small();
    bench.write("t.txt", b"A line.\n");
    let cases: &[(&[&str], &[&str])] = &[
        (&["t.jsonl"], &["--perplexities"]),
        (&["t.jsonl", "--perplexities", "p.json", "--keep", "1.5"], &["--keep", "1.5"]),
        (&["t.jsonl", "--perplexities", "p.json", "--keep", "NaN"], &["--keep"]),
        (&["t.jsonl", "--perplexities", "p.json", "--keep", "0"], &["--keep"]),
        (
            &["t.jsonl", "--perplexities", "p.json", "--predicates", "has_noun"],
            &["has_noun", "no_javascript"],
        ),
        (&["t.jsonl", "--perplexities", "p.json", "--rules", "nonsense"], &["nonsense"]),
        (&["t.jsonl", "--perplexities", "p.json", "--document", "lines"], &["--document", "t.jsonl"]),
        (&["t.txt", "--perplexities", "p.json", "--id", "x"], &["--id", "t.txt"]),
        (&["t.txt", "--perplexities", "p.json", "--by", "x"], &["--by", "t.txt"]),
        (&["t.jsonl", "--perplexities", "p.json", "--threads", "0"], &["--threads", "at least 1"]),
        (&["t.jsonl", "--perplexities", "p.json", "--nonsense"], &["--nonsense"]),
    ];
    for (flags, parts) in cases {
        SCORE_TEXT.refused(&bench, flags, 2, parts);
    }
}

/// A `.npy` of bytes.
fn bytes_npy(descr: &str, shape: &[usize], values: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_header(&mut bytes, descr, shape).unwrap();
    bytes.extend(values);
    bytes
}

/// The predicates' own answers given as a matrix, under the same names and under others: the same weights, intervals,
/// scores and kept documents as by the predicates, to the bit.
#[test]
fn a_matrix_of_the_predicates_answers_scores_as_the_predicates_do() {
    let bench = Bench::new();
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/data");
    let (texts, likelihoods) =
        (format!("{data}/docstrings.jsonl"), format!("{data}/docstrings-likelihoods.csv"));
    for &split in Split::ALL {
        let mut values = Vec::new();
        for line in std::fs::read_to_string(&texts).unwrap().lines() {
            let document: serde_json::Value = serde_json::from_str(line).unwrap();
            for line in split.of(document["text"].as_str().unwrap()) {
                let facts = LineFacts::of(line).unwrap();
                values.extend(Predicate::ALL.map(|p| u8::from(p.passes(&facts))));
            }
        }
        let (rows, name) = (values.len() / 10, format!("{split:?}.npy"));
        bench.write(&name, &bytes_npy("|b1", &[rows, 10], &values));
        let own = Predicate::ALL.map(Predicate::name);
        let others: Vec<String> = (0..10).map(|i| format!("mine-{i}")).collect();
        let split_name = if split == Split::Lines { "lines" } else { "sentences" };
        // Likelihoods are of lines; perplexities are of whatever was asked.
        let file = |names: &[String]| {
            let of = |(i, name)| format!("\"{name}\": {}", if i == 3 { 41.5 } else { 30.0 - i as f64 });
            let named: Vec<String> = names.iter().enumerate().map(of).collect();
            format!("{{\"all\": 40, \"predicates\": {{{}}}}}", named.join(", "))
        };
        let by_name = own.map(String::from);
        for (unit, json) in [("words", false), ("whitespace", true), ("characters", true)] {
            if split == Split::Sentences && !json {
                continue;
            }
            let run = |out: &str, names: &[String], matrix: bool| {
                bench.write("p.json", file(names).as_bytes());
                let ppl = if json { "p.json" } else { &likelihoods };
                let mut flags =
                    vec![&*texts, "--perplexities", ppl, "--id", "id", "--split", split_name, "--unit", unit];
                let listed = names.join(",");
                if matrix {
                    flags.extend(["--matrix", &name, "--matrix-names", &listed]);
                }
                SCORE_TEXT.done(&bench, &[&flags[..], &["--out", out, "--overwrite"]].concat());
                (bench.report(out), bench.contents(out))
            };
            let (report, files) = run("asked", &by_name, false);
            for names in [&by_name[..], &others] {
                let (found, written) = run("given", names, true);
                for same in ["scores.csv", "kept_ids.txt", "scores.svg"] {
                    assert!(written[same] == files[same], "{split_name}, {unit}: {same}");
                }
                for (i, (a, b)) in report["predicates"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .zip(found["predicates"].as_array().unwrap())
                    .enumerate()
                {
                    assert_eq!(
                        (&b["name"], &b["alias"]),
                        (&names[i].as_str().into(), &serde_json::Value::Null)
                    );
                    for field in ["weight", "weight_interval", "perplexity", "lines"] {
                        assert_eq!(a[field], b[field], "{split_name}, {unit}: {field} of {}", names[i]);
                    }
                }
                for field in ["threshold", "perplexity", "counts", "rank_correlation_of_score_and_perplexity"]
                {
                    assert_eq!(report[field], found[field], "{split_name}, {unit}: {field}");
                }
            }
            let page = String::from_utf8(bench.contents("given")["report.html"].clone()).unwrap();
            assert!(page.contains("mine-9") && !page.contains("three_tokens"));
        }
    }
}

/// Three columns of the caller's over the seven lines of [`small`]; the shape of its 21 values and their type vary.
#[test]
fn the_columns_of_a_matrix_are_named_everywhere() {
    let bench = small();
    // "ends" passes lines 0, 1, 2; "odd" 1, 3, 5; "never" none.
    let values = [1, 0, 0, 1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
    let turned: Vec<u8> = (0..21).map(|at| values[at % 7 * 3 + at / 7]).collect();
    bench.write("m.npy", &bytes_npy("|u1", &[7, 3], &values));
    // In Fortran's order, as NumPy saves a transposed array.
    let text = bytes_npy("|b1", &[7, 3], &turned);
    let fortran = String::from_utf8_lossy(&text[10..128]).replace("False", "True ");
    bench.write("f.npy", &[&text[..10], fortran.as_bytes(), &text[128..]].concat());
    bench.write("m.json", b"{\"all\": 40, \"predicates\": {\"odd\": 50, \"never\": null, \"ends\": 30}}");
    let flags = ["t.jsonl", "--perplexities", "m.json", "--id", "name", "--matrix-names", "ends,odd,never"];
    let mut seen = Vec::new();
    for file in ["m.npy", "f.npy"] {
        let output =
            SCORE_TEXT.done(&bench, &[&flags[..], &["--matrix", file, "--out", &file[..1]]].concat());
        let report = bench.report(&file[..1]);
        let of = |field: &str| -> Vec<serde_json::Value> {
            report["predicates"].as_array().unwrap().iter().map(|p| p[field].clone()).collect()
        };
        assert_eq!(of("name"), ["ends", "odd", "never"]);
        assert_eq!(of("weight"), [0.25, 0.0, 0.0]);
        assert_eq!(report["configuration"]["matrix"]["file"], file);
        let text = stderr(&output);
        assert!(text.contains("weight 0         2 of 3 predicates; odd, never"), "{text}");
        seen.push(bench.contents(&file[..1])["scores.csv"].clone());
    }
    let mixed = 5.0 / 7.0;
    let expected = format!("id,score,tokens,lines,kept\ngood,1,8,2,1\nmixed,{mixed},7,2,1\nbad,0,6,3,0\n");
    assert_eq!(String::from_utf8_lossy(&seen[0]), expected);
    assert_eq!(seen[0], seen[1]);
}

#[test]
fn a_bad_matrix_is_refused_with_its_numbers() {
    let bench = small();
    bench.write("m.json", b"{\"all\": 40, \"predicates\": {\"a\": 30, \"b\": 50}}");
    let good = bytes_npy("|u1", &[7, 2], &[1; 14]);
    let mut seven = good.clone();
    let at = good.len() - 5; // row 4, column 1
    seven[at] = 7;
    let cases: &[(&str, Vec<u8>, &[&str])] = &[
        ("rows.npy", bytes_npy("|u1", &[6, 2], &[1; 12]), &["6 rows", "7 lines"]),
        ("more.npy", bytes_npy("|u1", &[8, 2], &[1; 16]), &["8 rows", "7 lines"]),
        ("columns.npy", bytes_npy("|u1", &[7, 3], &[1; 21]), &["3 columns", "2 names"]),
        ("vector.npy", bytes_npy("|u1", &[14], &[1; 14]), &["shape [14]", "[lines, columns]"]),
        ("type.npy", bytes_npy("<f4", &[7, 2], &[0; 56]), &["'<f4'", "bool or uint8"]),
        ("signed.npy", bytes_npy("|i1", &[7, 2], &[1; 14]), &["'|i1'"]),
        ("cut.npy", good[..good.len() - 1].to_vec(), &["truncated", "7 x 2", "13 bytes"]),
        ("long.npy", [&good[..], &[0]].concat(), &["goes on", "7 x 2", "15 bytes"]),
        ("header.npy", good[..40].to_vec(), &["truncated inside its header"]),
        ("empty.npy", Vec::new(), &["is empty"]),
        ("text.npy", b"0,1\n".to_vec(), &["not a .npy file"]),
        ("seven.npy", seven, &["row 4, column 1 ('b'): is 7"]),
        ("huge.npy", bytes_npy("|u1", &[7, usize::MAX], &[]), &["columns", "2 names"]),
    ];
    for (file, bytes, parts) in cases {
        bench.write(file, bytes);
        let flags = ["t.jsonl", "--perplexities", "m.json", "--matrix", file, "--matrix-names", "a,b"];
        SCORE_TEXT.refused(&bench, &flags, 1, &[&[*file][..], parts].concat());
    }
    bench.write("m.npy", &good);
    let flags = ["t.jsonl", "--perplexities", "m.json", "--matrix"];
    let with = |more: &[&'static str]| [&flags[..], more].concat();
    SCORE_TEXT.refused(
        &bench,
        &with(&["absent.npy", "--matrix-names", "a,b"]),
        1,
        &["absent.npy", "cannot be opened"],
    );
    SCORE_TEXT.refused(&bench, &with(&["m.npy", "--matrix-names", "a,c"]), 1, &["m.json", "'b'"]);
    bench.write("p.json", b"{\"all\": 40, \"predicates\": {\"a\": 30}}");
    let few = ["t.jsonl", "--perplexities", "p.json", "--matrix", "m.npy", "--matrix-names", "a,b"];
    SCORE_TEXT.refused(&bench, &few, 1, &["p.json", "no perplexity of 'b'"]);
    // Misuse.
    SCORE_TEXT.refused(&bench, &with(&["m.npy"]), 2, &["--matrix-names"]);
    SCORE_TEXT.refused(
        &bench,
        &["t.jsonl", "--perplexities", "m.json", "--matrix-names", "a"],
        2,
        &["--matrix"],
    );
    for names in ["a,a", "a,", ""] {
        SCORE_TEXT.refused(
            &bench,
            &[&with(&["m.npy"])[..], &["--matrix-names", names]].concat(),
            2,
            &["--matrix-names"],
        );
    }
    let both = with(&["m.npy", "--matrix-names", "a,b", "--predicates", "three_tokens"]);
    SCORE_TEXT.refused(&bench, &both, 2, &["--predicates"]);
}

#[test]
fn other_results_are_not_replaced_unasked() {
    let bench = small();
    let flags = ["t.jsonl", "--perplexities", "p.json", "--out", "o"];
    SCORE_TEXT.done(&bench, &flags);
    SCORE_TEXT.done(&bench, &flags);
    let before = bench.contents("o");
    let output = SCORE_TEXT.run(&bench, &[&flags[..], &["--keep", "0.9"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--overwrite") && stderr(&output).contains("keep"),
        "{}",
        stderr(&output)
    );
    assert_eq!(bench.contents("o"), before);
    SCORE_TEXT.done(&bench, &[&flags[..], &["--keep", "0.9", "--overwrite"]].concat());
    std::fs::create_dir(bench.path("f")).unwrap();
    bench.write("f/scores.csv", b"mine");
    let output = SCORE_TEXT.run(&bench, &["t.jsonl", "--perplexities", "p.json", "--out", "f"]);
    assert!(output.status.code() == Some(2) && stderr(&output).contains("scores.csv"));
}

#[test]
fn progress_is_json_for_machines() {
    let bench = small();
    let output =
        SCORE_TEXT.done(&bench, &["t.jsonl", "--perplexities", "t.csv", "--out", "o", "--progress", "json"]);
    let lines: Vec<serde_json::Value> =
        stderr(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["event"] == "stage" && line["stage"] == "score"));
    let done: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&done["event"], &done["kept"]), (&"done".into(), &2.into()));
}

#[test]
fn equal_weights_need_no_model() {
    let bench = Bench::new();
    bench.write("t.txt", b"A line that ends well.\n\nanother { one 1 2 3\n\nTHIRD LINE\n");
    let flags = ["t.txt", "--weights", "equal", "--keep", "0.34", "--out", "o"];
    SCORE_TEXT.done(&bench, &flags);
    let report = bench.report("o");
    assert_eq!((&report["perplexity"], &report["counts"]["kept"]), (&serde_json::Value::Null, &1.into()));
    let predicates = report["predicates"].as_array().unwrap();
    assert!(predicates.iter().all(|p| p["weight"] == 1.0 && p["perplexity"].is_null()));
    // The score is the share of the predicates that a line passes; no weights are drawn.
    let scores = std::fs::read_to_string(bench.path("o/scores.csv")).unwrap();
    let first: f64 = scores.lines().nth(1).unwrap().split(',').nth(1).unwrap().parse().unwrap();
    /// One division, and one multiplication.
    const WHOLE: f64 = 1e-9;
    assert!((first * predicates.len() as f64).fract() < WHOLE, "{first}");
    assert!(!bench.names("o").contains(&"weights.svg".to_string()));
    assert!(
        std::fs::read_to_string(bench.path("o/report.html"))
            .unwrap()
            .contains("All predicates weigh the same")
    );
    let both = ["t.txt", "--weights", "equal", "--perplexities", "p.json"];
    SCORE_TEXT.refused(&bench, &both, 2, &["--weights equal", "--perplexities"]);
    SCORE_TEXT.refused(&bench, &["t.txt"], 2, &["--perplexities", "--weights equal"]);
}

/// Rules alone: what passes them stays, whatever the lines look like, and the table is written again.
#[test]
fn documents_that_fail_published_rules_go() {
    let bench = Bench::new();
    let good =
        "The library keeps documents that people wrote with care, and removes those that repeat. ".repeat(10);
    let symbols = "# # # # these and that with ".repeat(20);
    let line = |id: &str, text: &str| format!("{{\"id\": \"{id}\", \"text\": \"{text}\"}}\n");
    let table = [line("good", &good), line("short", "Too few words."), line("symbols", &symbols)].concat();
    bench.write("t.jsonl", table.as_bytes());
    let flags = ["t.jsonl", "--id-column", "id", "--pass", "gopher", "--write-filtered", "--out", "a"];
    SCORE_TEXT.done(&bench, &flags);
    let files = bench.contents("a");
    let text = |name: &str| String::from_utf8(files[name].clone()).unwrap();
    assert_eq!(text("kept_ids.txt"), "good\n");
    assert_eq!(text("filtered/t.jsonl"), line("good", &good));
    let scores = text("scores.csv");
    let fails: Vec<&str> = scores.lines().map(|line| line.rsplit(',').next().unwrap()).collect();
    assert_eq!(fails, ["fails", "", "gopher word_count", "gopher hashes_per_word"]);
    assert!(text("report.html").contains("fails gopher word_count"));
    assert_eq!(bench.report("a")["counts"]["failing"], 2);
    // A share is one of what passes; here, half of one document is none.
    SCORE_TEXT.done(&bench, &[&flags[..6], &["--keep", "0.5", "--out", "b"]].concat());
    assert_eq!(bench.report("b")["counts"]["kept"], 0);
    for threads in ["1", "3"] {
        SCORE_TEXT.done(&bench, &[&flags[..7], &[threads, "--threads", threads]].concat());
        bench.assert_same("a", threads);
    }
    // The paper's C4 and the released program take each what the other removes.
    let code =
        "Home\\nvoid f() {\\nThe first line is here.\\nThe second line is here.\\nThe third line is here.";
    let open = "One is here. Two is here. Three is here. Four is here. Five is here and";
    bench.write("c.jsonl", [line("code", code), line("open", open)].concat().as_bytes());
    for (rules, kept, fails) in
        [("c4", "open\n", "c4 curly_brackets"), ("c4-released", "code\n", "c4-released sentences")]
    {
        let more = ["--pass", rules, "--rules", "c4,c4-released", "--out", rules];
        SCORE_TEXT.done(&bench, &[&["c.jsonl", "--id-column", "id"][..], &more].concat());
        let text = |name: &str| String::from_utf8(bench.contents_of(rules, name)).unwrap();
        assert_eq!(text("kept_ids.txt"), kept);
        assert!(text("scores.csv").lines().any(|line| line.ends_with(&format!(",{fails}"))));
        let page = text("report.html");
        assert!(
            page.contains(&format!("fails {fails}")) && page.contains("3 or more in the lines that stay")
        );
    }
    bench.write("t.txt", good.as_bytes());
    SCORE_TEXT.refused(
        &bench,
        &["t.txt", "--pass", "gopher", "--write-filtered"],
        2,
        &["t.txt is plain text"],
    );
    bench.write("short.txt", b"Too few words.");
    SCORE_TEXT.refused(&bench, &["short.txt", "--pass", "gopher"], 1, &["no document passes"]);
}
