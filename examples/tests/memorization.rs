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
    assert_eq!(
        ["src=\"http", "href=\"http", "url(", "@import"].iter().find(|part| page.contains(**part)),
        None
    );
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
    /// The logs are f32.
    const LOGS: f64 = 1e-7;
    assert!((other["runs"][0]["loss"][0].as_f64().unwrap() - 0.45).abs() < LOGS);
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
    MEMORIZATION.refused(&bench, &["study.json"], 1, &["study.json", "is UTF-16 text, UTF-8 is needed"]);
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
    let help = MEMORIZATION.done(&bench, &["--help"]);
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for word in ["--tau", "report.html", "packbits", "Exit codes"] {
        assert!(help.contains(word), "{help}");
    }
}

/// A .npy file of little-endian values.
fn npy(bench: &Bench, name: &str, descr: &str, shape: &str, bytes: &[u8]) {
    bench.write(name, &npy_with_header(&format!("'{descr}'"), "False", shape, bytes));
}

fn halves(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect()
}

#[test]
fn a_training_loop_appends_a_file_an_epoch_in_any_type() {
    let bench = Bench::new();
    study(&bench, pairs);
    MEMORIZATION.done(&bench, &["study.json", "--out", "whole"]);
    let ids = |e: usize| predicted(e);
    for e in 0..3 {
        let i16s: Vec<u8> = ids(e).iter().flat_map(|id| (*id as i16).to_le_bytes()).collect();
        let i32s: Vec<u8> = ids(e).iter().flat_map(|id| (*id as i32).to_le_bytes()).collect();
        let logs: Vec<u8> = (10 * e..10 * e + 10).flat_map(|i| (-0.1f32 * i as f32).to_le_bytes()).collect();
        npy(&bench, &format!("short.{}.npy", e + 1), "<i2", "(10,)", &i16s);
        npy(&bench, &format!("int.{}.npy", e + 1), "<i4", "(1, 10)", &i32s);
        npy(&bench, &format!("logs.{}.npy", e + 1), "<f4", "(10,)", &logs);
    }
    for name in ["short.{}.npy", "int.{}.npy"] {
        let change = |value: &mut Value| {
            pairs(value);
            value["runs"][0]["argmax"] = json!(name);
            value["runs"][0]["log_prob"] = json!("logs.{}.npy");
        };
        study(&bench, change);
        MEMORIZATION.done(&bench, &["study.json", "--out", &name[..3]]);
        assert_eq!(bench.contents(&name[..3])["curves.csv"], bench.contents("whole")["curves.csv"]);
    }
    // f16 and bf16: the mean of the rounded numbers.
    let tenths: Vec<f32> = (0..30).map(|i| -0.1 * i as f32).collect();
    npy(&bench, "half.npy", "<f2", "(3, 10)", &halves(&tenths));
    let brains: Vec<u8> = tenths.iter().flat_map(|v| half::bf16::from_f32(*v).to_le_bytes()).collect();
    npy(&bench, "brain.npy", "|V2", "(3, 10)", &brains);
    for (name, round) in [
        ("half.npy", (|v| half::f16::from_f32(v).to_f64()) as fn(f32) -> f64),
        ("brain.npy", |v| half::bf16::from_f32(v).to_f64()),
    ] {
        let change = |value: &mut Value| {
            pairs(value);
            value["runs"][0]["log_prob"] = json!(name);
        };
        study(&bench, change);
        let out = name.trim_end_matches(".npy");
        MEMORIZATION.done(&bench, &["study.json", "--out", out]);
        let found = bench.report(out)["runs"][0]["loss"][1].as_f64().unwrap();
        let expected = -tenths[10..20].iter().map(|v| round(*v)).sum::<f64>() / 10.0;
        /// Ten additions of numbers below 2.
        const SUM: f64 = 1e-14;
        assert!((found - expected).abs() < SUM, "{found} {expected}");
    }
    // A missing epoch, and one of another shape.
    npy(&bench, "short.2.npy", "<i2", "(9,)", &[0; 18]);
    let change = |value: &mut Value| {
        pairs(value);
        value["runs"][0]["argmax"] = json!("short.{}.npy");
    };
    study(&bench, change);
    MEMORIZATION.refused(&bench, &["study.json", "--out", "x"], 1, &["short.2.npy", "first epoch"]);
    std::fs::remove_file(bench.path("short.2.npy")).unwrap();
    MEMORIZATION.refused(&bench, &["study.json", "--out", "x"], 1, &["short.2.npy", "cannot be opened"]);
}

#[test]
fn a_model_without_parameters_is_refused() {
    let bench = Bench::new();
    study(&bench, |value| value["runs"][0]["parameters"] = json!(0));
    MEMORIZATION.refused(&bench, &["study.json", "--out", "x"], 1, &["run 'a'", "'parameters' is 0"]);
    study(&bench, |value| value["forgetting"][0]["parameters"] = json!(0));
    MEMORIZATION.refused(&bench, &["study.json", "--out", "x"], 1, &["forgetting 0", "'parameters' is 0"]);
}

/// Made-up logits: of 40 texts of 6 tokens the first half is better known; 9 ids.
fn logits() -> Vec<f32> {
    let mut state = 7u64;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 40) as f32 / (1 << 24) as f32 - 0.5) * 4.0
    };
    (0..240)
        .flat_map(|t| {
            let mut row: Vec<f32> = (0..9).map(|_| next()).collect();
            row[t % 9] += if t < 120 { 1.0 } else { 0.0 };
            row
        })
        .collect()
}

#[test]
fn membership_of_logits_equals_brute_force() {
    let bench = Bench::new();
    let logits = logits();
    let little = |ids: &[u32]| ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>();
    let targets: Vec<u32> = (0..240).map(|t| if t % 31 == 30 { u32::MAX } else { t as u32 % 9 }).collect();
    npy(&bench, "targets.npy", "<u4", "(240,)", &little(&targets));
    let ends: Vec<u32> = (1..=40).map(|i| 6 * i).collect();
    npy(&bench, "ends.npy", "<u4", "(40,)", &little(&ends));
    let member: Vec<u8> = (0..40).map(|i| u8::from(i < 20)).collect();
    npy(&bench, "member.npy", "|u1", "(40,)", &member);
    // Two tiles of the vocabulary.
    let tile = |from: usize, to: usize| -> Vec<u8> {
        logits.chunks(9).flat_map(|row| row[from..to].iter().flat_map(|v| v.to_le_bytes())).collect()
    };
    npy(&bench, "tile.1.0.npy", "<f4", "(240, 4)", &tile(0, 4));
    npy(&bench, "tile.1.1.npy", "<f4", "(240, 5)", &tile(4, 9));
    let study = json!({
        "format": "pauca-memorization", "format_version": 1, "vocabulary": 9,
        "sets": {"all": {"tokens": 240, "ends": "ends.npy", "targets": "targets.npy"}},
        "runs": [{"name": "a", "parameters": 5, "set": "all", "epochs": [1], "logits": ["tile.{}.0.npy", "tile.{}.1.npy"]}],
        "membership": [{"name": "m", "set": "all", "member": "member.npy", "logits": ["tile.1.0.npy", "tile.1.1.npy"]}],
    });
    bench.write("study.json", study.to_string().as_bytes());
    MEMORIZATION.done(&bench, &["study.json", "--out", "out"]);
    // Log-probabilities, and the moments of them, by the formulas.
    let rows: Vec<(f64, f64, bool)> = logits
        .chunks(9)
        .zip(&targets)
        .map(|(row, y)| {
            let sum: f64 = row.iter().map(|v| f64::from(*v).exp()).sum();
            let ln: Vec<f64> = row.iter().map(|v| f64::from(*v) - sum.ln()).collect();
            let mean: f64 = ln.iter().map(|l| l.exp() * l).sum();
            let variance: f64 = ln.iter().map(|l| l.exp() * (l - mean) * (l - mean)).sum();
            let y = if *y == u32::MAX { 0 } else { *y as usize };
            let best = (0..9).fold(0, |best, j| if row[j] > row[best] { j } else { best });
            (ln[y], (ln[y] - mean) / variance.sqrt(), best == y)
        })
        .collect();
    let counted = |t: &usize| targets[*t] != u32::MAX;
    let hits = (0..240).filter(counted).filter(|t| rows[*t].2).count();
    let total = (0..240).filter(counted).count();
    let report = bench.report("out");
    assert_eq!(report["runs"][0]["hits_and_total"], json!([[hits, total]]));
    let lowest = |of: &dyn Fn(usize) -> f64| -> Vec<f64> {
        (0..40)
            .map(|i| {
                let mut values: Vec<f64> = (6 * i..6 * i + 6).filter(counted).map(of).collect();
                values.sort_by(f64::total_cmp);
                values.truncate(((0.2 * values.len() as f64) as usize).max(1));
                values.iter().sum::<f64>() / values.len() as f64
            })
            .collect()
    };
    let loss: Vec<f64> = (0..40)
        .map(|i| {
            let values: Vec<f64> = (6 * i..6 * i + 6).filter(counted).map(|t| rows[t].0).collect();
            values.iter().sum::<f64>() / values.len() as f64
        })
        .collect();
    let expected = [("loss", loss), ("Min-K%", lowest(&|t| rows[t].0)), ("Min-K%++", lowest(&|t| rows[t].1))];
    let csv = String::from_utf8(bench.contents("out")["membership.csv"].clone()).unwrap();
    let scores = report["probes"]["membership"][0]["scores"].as_array().unwrap();
    assert_eq!(scores.len(), 3);
    for ((name, values), score) in expected.iter().zip(scores) {
        assert_eq!(score["score"], *name);
        for (i, value) in values.iter().enumerate() {
            let start = format!("m,{i},{},{name},", u8::from(i < 20));
            let line = csv.lines().find(|line| line.starts_with(&start)).unwrap();
            let found: f64 = line[start.len()..].parse().unwrap();
            /// Softmax and moments by plain sums of nine terms.
            const SUMS: f64 = 1e-12;
            assert!((found - value).abs() < SUMS * value.abs().max(1.0), "{line} {value}");
        }
        // Every pair of a member and another.
        let pairs = (0..20).flat_map(|a| (20..40).map(move |b| (a, b)));
        let won = pairs.map(|(a, b)| match values[a].total_cmp(&values[b]) {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        });
        let area = won.sum::<f64>() / 400.0;
        let found = &score["auc"];
        /// One division of small whole numbers, made in another order.
        const QUOTIENT: f64 = 1e-15;
        assert!((found["estimate"].as_f64().unwrap() - area).abs() < QUOTIENT, "{name}: {found} {area}");
        assert!(found["low"].as_f64().unwrap() < area && area < found["high"].as_f64().unwrap());
        // No false alarm among 20 others: the members above all of them.
        let most = values[20..].iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let tpr = values[..20].iter().filter(|v| **v > most).count() as f64 / 20.0;
        assert_eq!(score["at"][0]["tpr"]["estimate"].as_f64().unwrap(), tpr, "{name}");
    }
}

/// Tensors of one file for each epoch and of one file for all, in every type, say what `.npy` files say.
#[test]
fn logs_in_tensor_files_are_those_of_arrays() {
    let bench = Bench::new();
    let little = |ids: &[u32], size: usize| -> Vec<u8> {
        ids.iter().flat_map(|id| id.to_le_bytes()[..size].to_vec()).collect()
    };
    let tenths: Vec<f32> = (0..30).map(|i| -0.1 * i as f32).collect();
    let brains = |values: &[f32]| -> Vec<u8> {
        values.iter().flat_map(|v| half::bf16::from_f32(*v).to_le_bytes()).collect()
    };
    let wide =
        |round: fn(f32) -> f32| -> Vec<u8> { tenths.iter().flat_map(|v| round(*v).to_le_bytes()).collect() };
    npy(&bench, "F16.npy", "<f4", "(3, 10)", &wide(|v| half::f16::from_f32(v).to_f32()));
    npy(&bench, "BF16.npy", "<f4", "(3, 10)", &wide(|v| half::bf16::from_f32(v).to_f32()));
    npy(&bench, "F32.npy", "<f4", "(3, 10)", &wide(|v| v));
    for (kind, size, float) in [("I16", 2, "F16"), ("U16", 2, "BF16"), ("I32", 4, "F32"), ("U32", 4, "BF16")]
    {
        let coded = |values: &[f32]| match float {
            "F16" => halves(values),
            "BF16" => brains(values),
            _ => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        };
        for e in 0..3 {
            let (ids, logs) = (little(&predicted(e), size), coded(&tenths[10 * e..10 * e + 10]));
            bench.write(
                &format!("{kind}.{}.safetensors", e + 1),
                &safetensors(&[("argmax", kind, &[10], &ids), ("log_prob", float, &[1, 10], &logs)]),
            );
        }
        let all: Vec<u8> = (0..3).flat_map(|e| little(&predicted(e), size)).collect();
        bench.write("ids.safetensors", &safetensors(&[("x", kind, &[3, 10], &all)]));
        bench.write("logs.safetensors", &safetensors(&[("x", float, &[3, 10], &coded(&tenths))]));
        let curves = |argmax: &str, log_prob: &str| {
            study(&bench, |value| {
                pairs(value);
                value["runs"][0]["argmax"] = json!(argmax);
                value["runs"][0]["log_prob"] = json!(log_prob);
            });
            MEMORIZATION.done(&bench, &["study.json", "--out", "made", "--overwrite"]);
            bench.contents("made")["curves.csv"].clone()
        };
        let expected = curves("argmax", &format!("{float}.npy"));
        let names = [format!("{kind}.{{}}.safetensors:argmax"), format!("{kind}.{{}}.safetensors:log_prob")];
        assert!(curves(&names[0], &names[1]) == expected, "{kind} {float}, a file an epoch");
        assert!(curves("ids.safetensors", "logs.safetensors") == expected, "{kind} {float}, one file");
    }
    let refused = |argmax: &str, parts: &[&str]| {
        study(&bench, |value| {
            pairs(value);
            value["runs"][0]["argmax"] = json!(argmax);
        });
        MEMORIZATION.refused(&bench, &["study.json", "--out", "x"], 1, parts);
    };
    refused("I16.{}.safetensors", &["I16.1.safetensors", "2 tensors", "FILE.safetensors:TENSOR"]);
    refused("I16.{}.safetensors:ids", &["I16.1.safetensors", "no tensor 'ids'"]);
    refused("I16.{}.safetensors:log_prob", &["I16.1.safetensors", "holds floats"]);
    npy(&bench, "void.npy", "<V2", "(3, 10)", &[0; 60]);
    refused("void.npy", &["void.npy", "holds floats"]);
    npy(&bench, "void.npy", "|V4", "(3, 10)", &[0; 120]);
    refused("void.npy", &["void.npy", "'|V4'", "bf16"]);
    refused("I16", &["arrays.safetensors", "no tensor 'I16'"]);
}

#[test]
fn a_file_is_listed_once_under_its_own_name() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("logs")).unwrap();
    let argmax: Vec<u8> = (0..3).flat_map(predicted).flat_map(u32::to_le_bytes).collect();
    let log_prob: Vec<u8> = (0..30).flat_map(|i| (-0.1f32 * i as f32).to_le_bytes()).collect();
    // A tensor may end as a file does.
    let tensors = [("w.npy", "U32", &[3, 10][..], &argmax[..]), ("p", "F32", &[3, 10], &log_prob)];
    bench.write("logs/x.safetensors", &safetensors(&tensors));
    npy(&bench, "ppl.npy", "<f8", "(3,)", &[9.0f64, 8.0, 8.5].map(f64::to_le_bytes).concat());
    let made = |change: &dyn Fn(&mut Value)| {
        study(&bench, |value| {
            pairs(value);
            change(&mut value["runs"][0]);
            let mut other = value["runs"][0].clone();
            other["name"] = json!("b");
            value["runs"].as_array_mut().unwrap().push(other);
        });
        MEMORIZATION.done(&bench, &["study.json", "--out", "made", "--overwrite"]);
        let inputs = bench.report("made")["configuration"]["inputs"].as_array().unwrap().clone();
        let names: Vec<String> =
            inputs.iter().map(|input| input["file"].as_str().unwrap().to_string()).collect();
        (bench.contents("made")["curves.csv"].clone(), names)
    };
    let (expected, names) = made(&|_| ());
    assert_eq!(names, ["study.json", "arrays.safetensors"]);
    let (curves, names) = made(&|run| {
        run["argmax"] = json!("logs/x.safetensors:w.npy");
        run["log_prob"] = json!("./logs/x.safetensors:p");
        run["validation_perplexity"] = json!("ppl.npy");
    });
    assert!(curves == expected);
    assert_eq!(names, ["study.json", "arrays.safetensors", "x.safetensors", "ppl.npy"]);
}

/// Logits of f16 and bf16 in files of both formats, and among the tensors of the study, say what the same numbers say as f32.
#[test]
fn logits_in_any_file_are_those_of_f32() {
    let bench = Bench::new();
    let little = |ids: &[u32]| ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>();
    let targets: Vec<u32> = (0..240).map(|t| t % 9).collect();
    let ends: Vec<u32> = (1..=40).map(|i| 6 * i).collect();
    let member: Vec<u8> = (0..40).map(|i| u8::from(i < 20)).collect();
    let base = [
        ("targets", "U32", &[240][..], &little(&targets)[..]),
        ("ends", "U32", &[40], &little(&ends)),
        ("member", "U8", &[40], &member),
    ];
    let found = |tiles: &[&str], out: &str| {
        let study = json!({
            "format": "pauca-memorization", "format_version": 1, "vocabulary": 9, "arrays": "arrays.safetensors",
            "sets": {"all": {"tokens": 240, "ends": "ends", "targets": "targets"}},
            "runs": [{"name": "a", "parameters": 5, "set": "all", "epochs": [1], "logits": tiles}],
            "membership": [{"name": "m", "set": "all", "member": "member", "logits": tiles}],
        });
        bench.write("study.json", study.to_string().as_bytes());
        MEMORIZATION.done(&bench, &["study.json", "--out", out, "--overwrite"]);
        let files = bench.contents(out);
        [files["curves.csv"].clone(), files["membership.csv"].clone()]
    };
    bench.write("arrays.safetensors", &safetensors(&base));
    for (kind, descr) in [("F16", "<f2"), ("BF16", "<V2"), ("F32", "<f4")] {
        let round = |v: f32| match kind {
            "F16" => half::f16::from_f32(v).to_f32(),
            "BF16" => half::bf16::from_f32(v).to_f32(),
            _ => v,
        };
        let bytes = |v: f32| match kind {
            "F16" => half::f16::from_f32(v).to_le_bytes().to_vec(),
            "BF16" => half::bf16::from_f32(v).to_le_bytes().to_vec(),
            _ => v.to_le_bytes().to_vec(),
        };
        // Two tiles of the vocabulary.
        let tile = |from: usize, to: usize, of: &dyn Fn(f32) -> Vec<u8>| -> Vec<u8> {
            logits().chunks(9).flat_map(|row| row[from..to].iter().flat_map(|v| of(*v))).collect()
        };
        let wide = |v: f32| round(v).to_le_bytes().to_vec();
        npy(&bench, "wide.0.npy", "<f4", "(240, 4)", &tile(0, 4, &wide));
        npy(&bench, "wide.1.npy", "<f4", "(240, 5)", &tile(4, 9, &wide));
        let (low, high) = (tile(0, 4, &bytes), tile(4, 9, &bytes));
        npy(&bench, "low.npy", descr, "(240, 4)", &low);
        npy(&bench, "high.npy", descr, "(240, 5)", &high);
        bench.write("low.1.safetensors", &safetensors(&[("logits", kind, &[240, 4], &low)]));
        let both = [("low", kind, &[240, 4][..], &low[..]), ("high", kind, &[240, 5], &high)];
        bench.write("both.safetensors", &safetensors(&both));
        bench.write("arrays.safetensors", &safetensors(&[&base[..], &both].concat()));
        let expected = found(&["wide.0.npy", "wide.1.npy"], "wide");
        for tiles in
            [["low.npy", "high.npy"], ["low.1.safetensors", "both.safetensors:high"], ["low", "high"]]
        {
            assert!(found(&tiles, "made") == expected, "{kind}: {tiles:?}");
        }
    }
    let refused = |name: &str, parts: &[&str]| {
        let study = json!({
            "format": "pauca-memorization", "format_version": 1, "vocabulary": 9, "arrays": "arrays.safetensors",
            "sets": {"all": {"tokens": 240, "ends": "ends", "targets": "targets"}},
            "runs": [{"name": "a", "parameters": 5, "set": "all", "epochs": [1], "logits": [name]}],
        });
        bench.write("study.json", study.to_string().as_bytes());
        MEMORIZATION.refused(&bench, &["study.json", "--out", "x"], 1, parts);
    };
    refused("both.safetensors", &["both.safetensors", "2 tensors"]);
    refused("targets", &["arrays.safetensors", "of type u32", "f16, bf16 or f32"]);
    refused("low", &["hold 4 ids of 9"]);
    npy(&bench, "few.npy", "<f4", "(2, 9)", &[0; 72]);
    refused("few.npy", &["few.npy", "240 tokens"]);
    refused("none.bin", &["arrays.safetensors", "no tensor 'none.bin'"]);
    // Arrays without a token may be as wide as they like.
    npy(&bench, "none.npy", "<u4", "(0,)", &[]);
    npy(&bench, "wide.npy", "<f4", "(0, 18446744073709551615)", &[]);
    let study = json!({
        "format": "pauca-memorization", "format_version": 1, "vocabulary": 9,
        "sets": {"none": {"tokens": 0, "targets": "none.npy"}},
        "runs": [{"name": "a", "parameters": 5, "set": "none", "epochs": [1], "logits": ["wide.npy", "wide.npy"]}],
    });
    bench.write("study.json", study.to_string().as_bytes());
    MEMORIZATION.refused(&bench, &["study.json", "--out", "x"], 1, &["wide.npy", "more than can be counted"]);
}

#[test]
fn questions_about_single_texts_need_no_run() {
    let bench = Bench::new();
    let little = |ids: &[i32]| ids.iter().flat_map(|id| id.to_le_bytes()).collect::<Vec<u8>>();
    let wide = |values: &[f64]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    npy(&bench, "suffix.npy", "<i4", "(2, 4)", &little(&[1, 2, 3, 4, 5, 6, 7, 8]));
    npy(&bench, "said.npy", "<i4", "(2, 4)", &little(&[1, 2, 3, 4, 5, 0, 7, 0]));
    npy(&bench, "logs.npy", "<f8", "(2, 4)", &wide(&[0.1f64.ln(), 0.0, 0.0, 0.0, -1.0, -2.0, -3.0, -4.0]));
    npy(&bench, "canaries.npy", "<f8", "(2,)", &wide(&[1.0, 3.0]));
    npy(&bench, "candidates.npy", "<f8", "(7,)", &wide(&[3.0, 2.5, 2.0, 4.0, 1.0, 6.0, 7.0]));
    npy(&bench, "performance.npy", "<f8", "(4, 2)", &wide(&[0.75, 0.5, 1.0, 0.5, 0.25, 0.5, 0.25, 0.5]));
    npy(&bench, "trained.npy", "|u1", "(4, 2)", &[1, 1, 1, 0, 0, 1, 0, 0]);
    let study = json!({
        "format": "pauca-memorization", "format_version": 1, "vocabulary": 9, "sets": {},
        "extraction": [{"name": "e", "suffix": "suffix.npy", "generated": "said.npy", "log_prob": "logs.npy"}],
        "exposure": [{"name": "x", "canaries": "canaries.npy", "candidates": "candidates.npy"},
                     {"name": "w", "canaries": "canaries.npy", "candidates": "candidates.npy", "whole": true}],
        "counterfactual": [{"name": "c", "performance": "performance.npy", "trained": "trained.npy"}],
    });
    bench.write("study.json", study.to_string().as_bytes());
    MEMORIZATION.done(&bench, &["study.json", "--out", "out"]);
    let probes = &bench.report("out")["probes"];
    let extraction = &probes["extraction"][0];
    assert_eq!((&extraction["extractable"], &extraction["mean_fraction"]), (&json!(0.5), &json!(0.75)));
    let at = |n: u64, p: f64| {
        let cells = extraction["discoverable"].as_array().unwrap();
        cells.iter().find(|c| c["n"] == n && c["p"] == p).unwrap()["share"].as_f64().unwrap()
    };
    // p_z = 0.1: once in ten samples with probability 0.65; e^-10: 22,026 samples for 0.63.
    assert_eq!(
        (at(1, 0.5), at(10, 0.5), at(10, 0.9), at(100, 0.9), at(10_000, 0.1)),
        (0.0, 0.5, 0.0, 0.5, 1.0)
    );
    let table = |name: &str| String::from_utf8(bench.contents("out")[name].clone()).unwrap();
    assert!(
        table("extraction.csv").contains("e,0,1,1,4,")
            && table("extraction.csv").contains("e,1,0,0.5,1,-10,")
    );
    assert!(table("extraction.csv").lines().nth(1).unwrap().ends_with(",7,22"));
    // Of 7 sampled candidates 1 is as likely: log2 8 - log2 2; of all 7 the rank is 1 and 4.
    assert_eq!(probes["exposure"][0]["exposure_bits"][0], 2.0);
    assert_eq!(probes["exposure"][1]["exposure_bits"][0].as_f64().unwrap(), 7f64.log2());
    assert_eq!(probes["exposure"][1]["exposure_bits"][1].as_f64().unwrap(), 7f64.log2() - 2.0);
    assert!(
        table("counterfactual.csv").contains("c,0,2,2,0.625,0.125\nc,1,2,2,0,0\n"),
        "{}",
        table("counterfactual.csv")
    );
    let page = String::from_utf8(bench.contents("out")["report.html"].clone()).unwrap();
    for heading in ["Extraction", "Exposure", "Counterfactual memorization"] {
        assert!(page.contains(&format!("<h2>{heading}</h2>")), "{heading}");
    }
    assert!(!page.contains("Memorization while training") && !page.contains("NaN"));
}

/// Probabilities of suffixes under a sampling scheme, from the logits before their tokens.
#[test]
fn suffixes_are_sampled_as_plain_loops_say() {
    const IDS: usize = 7;
    let bench = Bench::new();
    let mut state = 9u64;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize
    };
    let logits: Vec<f32> = (0..20 * 3 * IDS).map(|_| (next() % 17) as f32 / 4.0).collect();
    let suffix: Vec<i32> = (0..60).map(|_| (next() % IDS) as i32).collect();
    let bytes: Vec<u8> = logits.iter().flat_map(|v| v.to_le_bytes()).collect();
    npy(&bench, "logits.npy", "<f4", "(60, 7)", &bytes);
    let bytes: Vec<u8> = suffix.iter().flat_map(|v| v.to_le_bytes()).collect();
    npy(&bench, "suffix.npy", "<i4", "(20, 3)", &bytes);
    let write = |sampling: Value| {
        let study = json!({
            "format": "pauca-memorization", "format_version": 1, "vocabulary": IDS, "sets": {},
            "extraction": [{"name": "e", "suffix": "suffix.npy", "logits": "logits.npy", "sampling": sampling}],
        });
        bench.write("study.json", study.to_string().as_bytes());
    };
    for (out, temperature, top_k, top_p) in
        [("all", 1.0, IDS, 1.0), ("k", 0.7, 3, 1.0), ("p", 1.3, IDS, 0.8), ("kp", 1.0, 4, 0.9)]
    {
        write(json!({"temperature": temperature, "top_k": top_k, "top_p": top_p}));
        MEMORIZATION.done(&bench, &["study.json", "--out", out]);
        let csv = String::from_utf8(bench.contents(out)["extraction.csv"].clone()).unwrap();
        for (i, line) in csv.lines().skip(1).enumerate() {
            let mut expected = 0.0;
            for t in 3 * i..3 * i + 3 {
                let row = &logits[t * IDS..][..IDS];
                let mut order: Vec<usize> = (0..IDS).collect();
                order.sort_by(|a, b| row[*b].total_cmp(&row[*a]));
                order.truncate(top_k);
                let weight = |j: &usize| (f64::from(row[*j]) / temperature).exp();
                let all: f64 = order.iter().map(weight).sum();
                let (mut sum, mut kept) = (0.0, 0);
                while kept < order.len() && sum < top_p * all {
                    sum += weight(&order[kept]);
                    kept += 1;
                }
                order.truncate(kept);
                let target = suffix[t] as usize;
                expected += match order.contains(&target) {
                    true => (weight(&target) / order.iter().map(weight).sum::<f64>()).ln(),
                    false => f64::NEG_INFINITY,
                };
            }
            let found: f64 = line.split(',').nth(5).unwrap().parse().unwrap();
            /// Seven exponentials, added plainly.
            const SUMS: f64 = 1e-13;
            assert!(found == expected || (found - expected).abs() < SUMS, "{out}: {line} {expected}");
        }
    }
    for (sampling, part) in [
        (json!(3), "'sampling' is no object"),
        (json!({"top_k": 1.5}), "top_k"),
        (json!({"beams": 2}), "not beams 2"),
        (json!({"temperature": "hot"}), "temperature that is no number"),
        (json!({"top_p": 0.0}), "top_p"),
    ] {
        write(sampling);
        MEMORIZATION.refused(&bench, &["study.json"], 1, &["study.json", part]);
    }
}
