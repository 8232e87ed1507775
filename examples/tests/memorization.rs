//! `memorization`: what it writes, that hits and pairs agree, that bad input is one clear line.

mod workbench;

use serde_json::{Value, json};
use workbench::{Bench, MEMORIZATION, npy_with_header, safetensors, stderr};

/// Ten tokens in two texts; predictions after three epochs hit 3, 6 and 9 of them.
const TARGETS: [u32; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 0];

fn predicted(epoch: usize) -> Vec<u32> {
    (0..10).map(|i| if i < 3 * (epoch + 1) { TARGETS[i] } else { 11 }).collect()
}

fn packed(flags: &[bool]) -> Vec<u8> {
    flags
        .chunks(8)
        .map(|bits| bits.iter().enumerate().fold(0, |b, (i, f)| b | u8::from(*f) << (7 - i)))
        .collect()
}

/// A small study of one run, by hits or by pairs, and its arrays.
fn study(bench: &Bench, change: impl FnOnce(&mut Value)) {
    let bits: Vec<u8> = (0..3)
        .flat_map(|e| packed(&predicted(e).iter().zip(TARGETS).map(|(p, y)| *p == y).collect::<Vec<_>>()))
        .collect();
    let little = |ids: &[u32]| ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>();
    let argmax: Vec<u8> = (0..3).flat_map(|e| little(&predicted(e))).collect();
    let log_prob: Vec<u8> = (0..30).flat_map(|i| (-0.1f32 * i as f32).to_le_bytes()).collect();
    let perplexity: Vec<u8> = [9.0f64, 8.0, 8.5].iter().flat_map(|p| p.to_le_bytes()).collect();
    let special: Vec<u8> = [0b1000_0000u8, 0b1111_0000, 0b1100_0000, 0b1100_0000].to_vec();
    bench.write(
        "arrays.safetensors",
        &safetensors(&[
            ("hits", "U8", &[3, 2], &bits),
            ("argmax", "U32", &[3, 10], &argmax),
            ("logs", "F32", &[3, 10], &log_prob),
            ("ppl", "F64", &[3], &perplexity),
            ("ends", "U32", &[2], &little(&[5, 10])),
            ("tags", "U8", &[10], &[0, 1, 0, 1, 0, 1, 0, 1, 0, 255]),
            ("targets", "U32", &[10], &little(&TARGETS)),
            ("special", "U8", &[4, 1], &special),
            ("updates", "U32", &[2, 2], &little(&[1, 4, 3, 4])),
        ]),
    );
    let mut value = json!({
        "format": "pauca-memorization", "format_version": 1, "title": "T", "vocabulary": 12,
        "arrays": "arrays.safetensors", "tags": ["even", "odd"],
        "sets": {"train": {"tokens": 10, "ends": "ends", "tags": "tags", "targets": "targets"}, "batch": {"tokens": 8}},
        "runs": [{"name": "a", "parameters": 100, "learning_rate": 0.1, "set": "train", "epochs": [1, 2, 3],
                  "hits": "hits", "validation_perplexity": "ppl", "updates": "updates"}],
        "forgetting": [{"name": "f", "parameters": 100, "set": "batch", "passes": 1, "injected_after_epoch": 2,
                        "epochs": [-1, 0, 1, 2], "hits": "special"}],
    });
    change(&mut value);
    bench.write("study.json", value.to_string().as_bytes());
}

fn pairs(value: &mut Value) {
    let run = value["runs"][0].as_object_mut().unwrap();
    run.remove("hits");
    run.insert("argmax".into(), json!("argmax"));
    run.insert("log_prob".into(), json!("logs"));
}

#[test]
fn shipped_study_makes_the_curves_of_the_paper() {
    let bench = Bench::new();
    let output = MEMORIZATION.done(&bench, &[]);
    let names = bench.names("out/memorization");
    for name in ["report.html", "report.json", "curves.csv", "reach.csv", "forgetting.csv", "tags.csv"] {
        assert!(names.contains(&name.to_string()), "{names:?} lacks {name}");
    }
    for name in [
        "curves.train.svg",
        "reach.few.svg",
        "forgetting.1.svg",
        "tags.right.svg",
        "units.train.svg",
        "variants.svg",
    ] {
        assert!(names.contains(&name.to_string()), "{names:?} lacks {name}");
    }
    let files = bench.contents("out/memorization");
    let page = String::from_utf8(files["report.html"].clone()).unwrap();
    assert!(!page.contains("<script") && !page.contains("NaN"));
    assert_eq!(["src=\"http", "href=", "url(", "@import"].iter().find(|part| page.contains(**part)), None);
    let report = bench.report("out/memorization");
    assert_eq!(report["runs"].as_array().unwrap().len(), 13);
    assert!(stderr(&output).contains(report["verdict"].as_str().unwrap()));
    // The same again, and on any number of threads, gives the same bytes.
    MEMORIZATION.done(&bench, &[]);
    assert_eq!(bench.contents("out/memorization"), files);
    for threads in ["1", "2", "5"] {
        MEMORIZATION.done(&bench, &["--threads", threads, "--out", threads]);
        bench.assert_same("out/memorization", threads);
    }
}

#[test]
fn small_study_has_the_numbers_one_can_count() {
    let bench = Bench::new();
    study(&bench, |_| {});
    MEMORIZATION.done(&bench, &["study.json", "--out", "bits", "--tau", "0.3,0.5,0.95"]);
    let report = bench.report("bits");
    let run = &report["runs"][0];
    assert_eq!(run["hits_and_total"], json!([[3, 10], [6, 10], [9, 10]]));
    assert_eq!(run["epochs_to_tau"], json!([1, 2, null]));
    assert_eq!(run["updates_to_tau"], json!([2, 2, null]));
    assert_eq!(run["overfitting"], json!({"epoch": 3, "memorized": 0.9}));
    // Nine hits over texts of five: runs of 5 and 4.
    assert_eq!(run["mean_unit_length"], 4.5);
    let special = &report["forgetting"][0];
    assert_eq!((&special["baseline"], &special["baseline_epoch"]), (&json!(0.25), &json!(1)));
    let tags = String::from_utf8(bench.contents("bits")["tags.csv"].clone()).unwrap();
    // Five even tokens but one of them untagged position apart: tokens 0, 2, 4, 6, 8 and 1, 3, 5, 7.
    assert!(tags.contains("a,100,1,even,5,,0.4\n") && tags.contains("a,100,1,odd,4,,0.25\n"), "{tags}");

    // Pairs say the same, and the loss besides.
    study(&bench, pairs);
    MEMORIZATION.done(&bench, &["study.json", "--out", "pairs", "--tau", "0.3,0.5,0.95"]);
    let other = bench.report("pairs");
    assert_eq!(other["runs"][0]["hits_and_total"], run["hits_and_total"]);
    assert!((other["runs"][0]["loss"][0].as_f64().unwrap() - 0.45).abs() < 1e-7);
    // Ids as i64 .npy, with a position that is not counted.
    study(&bench, |value| {
        pairs(value);
        value["sets"]["train"]["targets"] = json!("targets.npy");
    });
    let ids: Vec<u8> =
        TARGETS.iter().map(|y| if *y == 0 { -100 } else { *y as i64 }).flat_map(i64::to_le_bytes).collect();
    bench.write("targets.npy", &npy_with_header("'<i8'", "False", "(10,)", &ids));
    MEMORIZATION.done(&bench, &["study.json", "--out", "npy"]);
    assert_eq!(bench.report("npy")["runs"][0]["hits_and_total"], json!([[3, 9], [6, 9], [9, 9]]));
}

#[test]
fn results_of_another_study_are_not_replaced_unasked() {
    let bench = Bench::new();
    study(&bench, |_| {});
    MEMORIZATION.done(&bench, &["study.json", "--out", "o"]);
    MEMORIZATION.done(&bench, &["study.json", "--out", "o"]);
    let before = bench.contents("o");
    let output = MEMORIZATION.run(&bench, &["study.json", "--out", "o", "--tau", "0.5"]);
    assert!(
        output.status.code() == Some(2) && stderr(&output).contains("--overwrite"),
        "{}",
        stderr(&output)
    );
    assert_eq!(bench.contents("o"), before);
    MEMORIZATION.done(&bench, &["study.json", "--out", "o", "--tau", "0.5", "--overwrite"]);
    assert_ne!(bench.contents("o"), before);
}

/// What is wrong with a study.
type Change = fn(&mut Value);

fn twice(value: &mut Value) {
    let runs = value["runs"].as_array_mut().unwrap();
    runs.push(runs[0].clone());
}

#[test]
fn bad_studies_are_named_with_their_place() {
    let bench = Bench::new();
    let cases: &[(Change, &[&str])] = &[
        (|v| v["format"] = json!("x"), &["study.json", "'format'"]),
        (|v| v["format_version"] = json!(2), &["version 2"]),
        (|v| v["runs"] = json!([]), &["'runs' is empty"]),
        (|v| v["runs"][0]["set"] = json!("none"), &["run 'a'", "no set 'none'"]),
        (|v| v["runs"][0]["hits"] = json!("nothing"), &["arrays.safetensors", "no tensor 'nothing'"]),
        (|v| v["runs"][0]["hits"] = json!("gone.npy"), &["gone.npy", "cannot be opened"]),
        (
            |v| v["runs"][0]["epochs"] = json!([1, 2]),
            &["'hits'", "[3, 2]", "[2, 2]", "2 epochs of 10 tokens"],
        ),
        (|v| v["runs"][0]["epochs"] = json!([1, 3, 2]), &["run 'a'", "'epochs'", "ascend"]),
        (|v| v["runs"][0]["hits"] = json!("logs"), &["'logs'", "shape"]),
        (|v| v["runs"][0]["parameters"] = json!("many"), &["run 'a'", "'parameters'", "whole number"]),
        (|v| v["runs"][0]["validation_perplexity"] = json!("ends"), &["'ends'", "[3]"]),
        (twice, &["'a' already"]),
        (|v| v["sets"]["train"]["tokens"] = json!(9), &["'ends'", "9 tokens"]),
        (|v| v["tags"] = json!(["even"]), &["'tags'", "tag 1 at token 1"]),
        (|v| v["forgetting"][0]["epochs"] = json!([1, 2, 3, 4]), &["forgetting 0", "lacks 0"]),
        (|v| v["arrays"] = json!("study.json"), &["not a .safetensors file"]),
        (
            |v| {
                pairs(v);
                v["sets"]["train"].as_object_mut().unwrap().remove("targets");
            },
            &["targets of set 'train'"],
        ),
        (
            |v| {
                pairs(v);
                v["vocabulary"] = json!(9);
            },
            // The first position counts; its prediction is looked at, too.
            &["'argmax'", "predicted id 11 at position 3", "0..9"],
        ),
        (
            |v| {
                pairs(v);
                v["vocabulary"] = json!(11);
            },
            &["'argmax'", "row 0", "predicted id 11 at position 3"],
        ),
    ];
    for (change, parts) in cases {
        study(&bench, change);
        MEMORIZATION.refused(&bench, &["study.json"], 1, parts);
    }
    // A bit beyond the last token.
    study(&bench, |v| v["sets"]["batch"]["tokens"] = json!(7));
    bench.write("bits.npy", &npy_with_header("'|u1'", "False", "(4, 1)", &[0, 0, 3, 0]));
    study(&bench, |v| {
        v["sets"]["batch"]["tokens"] = json!(7);
        v["forgetting"][0]["hits"] = json!("bits.npy");
    });
    MEMORIZATION.refused(&bench, &["study.json"], 1, &["bits.npy", "row 2", "beyond the last position"]);
    // A log-probability that is none.
    study(&bench, |v| {
        pairs(v);
        v["runs"][0]["log_prob"] = json!("logs.npy");
    });
    let logs: Vec<u8> = (0..30).flat_map(|i| if i == 14 { f32::NAN } else { -1.0 }.to_le_bytes()).collect();
    bench.write("logs.npy", &npy_with_header("'<f4'", "False", "(3, 10)", &logs));
    MEMORIZATION.refused(&bench, &["study.json"], 1, &["logs.npy", "row 1", "NaN"]);
    bench.write("logs.npy", &npy_with_header("'<f4'", "True", "(3, 10)", &[0; 120]));
    MEMORIZATION.refused(&bench, &["study.json"], 1, &["logs.npy", "Fortran"]);
    bench.write("logs.npy", &npy_with_header("'<f4'", "False", "(3, 10)", &[0; 100]));
    MEMORIZATION.refused(&bench, &["study.json"], 1, &["logs.npy", "100 bytes"]);

    bench.write("study.json", b"{\"format\": ");
    MEMORIZATION.refused(&bench, &["study.json"], 1, &["study.json", "not JSON"]);
    bench.write("study.json", b"\xff\xfe");
    MEMORIZATION.refused(&bench, &["study.json"], 1, &["study.json", "not JSON"]);
    MEMORIZATION.refused(&bench, &["absent.json"], 1, &["absent.json", "cannot be opened"]);
    std::fs::create_dir(bench.path("folder")).unwrap();
    MEMORIZATION.refused(&bench, &["folder"], 1, &["folder", "is a folder"]);
    bench.write("file", b"in the way");
    study(&bench, |_| {});
    let output = MEMORIZATION.run(&bench, &["study.json", "--out", "file/inside"]);
    assert!(
        output.status.code() == Some(1) && stderr(&output).contains("file/inside"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn bad_usage_exits_with_2() {
    let bench = Bench::new();
    study(&bench, |_| {});
    for (flags, parts) in [
        (&["--tau", "1.5"][..], &["--tau", "1.5", "at most 1"][..]),
        (&["--tau", "0"], &["--tau"]),
        (&["--tau", "NaN"], &["--tau", "NaN"]),
        (&["--tau", "0.5,0.5"], &["--tau", "ascend"]),
        (&["--tau", "0.9,0.5"], &["--tau", "ascend"]),
        (&["--threads", "0"], &["--threads", "at least 1"]),
        (&["--threads", "two"], &["--threads", "whole number"]),
        (&["--nonsense"], &["--nonsense"]),
        (&["other.json"], &["other.json"]),
    ] {
        MEMORIZATION.refused(&bench, &[&["study.json"], flags].concat(), 2, parts);
    }
    let output = MEMORIZATION.run(&bench, &["study.json"]);
    assert!(output.status.code() == Some(2) && stderr(&output).contains("--out"), "{}", stderr(&output));
    let help = MEMORIZATION.done(&bench, &["--help"]);
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for word in ["--tau", "report.html", "packbits", "Exit codes"] {
        assert!(help.contains(word), "{help}");
    }
}
