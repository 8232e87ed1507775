//! The program `filter-pairs`: what is written, that it is the same for any number of threads, and that bad input is
//! refused in one line.

mod workbench;

use std::collections::BTreeSet;

use serde_json::Value;
use workbench::{Bench, FILTER_PAIRS, stderr, uniform, values};

/// Pairs of which the first `good` are nearly parallel.
fn pairs(bench: &Bench, n: usize, good: usize) {
    let x = uniform(n, 8, 1);
    let mut y = uniform(n, 8, 2);
    for i in 0..good {
        let near = &x.row(i) + &(&y.row(i) * 0.1);
        y.row_mut(i).assign(&near);
    }
    bench.npy("x.npy", &x);
    bench.npy("y.npy", &y);
}

#[test]
fn shipped_pairs_make_a_self_contained_report() {
    let bench = Bench::new();
    let output = FILTER_PAIRS.done(&bench, &["--resamples", "100"]);
    let expected = ["kept.npy", "removed.csv", "report.html", "report.json", "scores.npy", "scores.svg"];
    assert_eq!(bench.names("out/pairs"), expected);
    let files = bench.contents("out/pairs");
    let page = String::from_utf8(files["report.html"].clone()).unwrap();
    assert!(page.matches("data:image/png;base64,").count() >= 48 + 50, "best, worst, and what texts find");
    assert!(!page.contains("<script") && !page.contains("src=\"http") && !page.contains("href=\"http"));
    assert!(page.contains("stands in for a CLIP"), "honest about the space");
    let report = bench.report("out/pairs");
    let n = report["counts"]["pairs"].as_u64().unwrap();
    assert_eq!(report["configuration"]["only"], "split=test");
    // Only held-out rows have a score.
    let scores: Vec<f64> = values(&files["scores.npy"]);
    assert_eq!((scores.len(), scores.iter().filter(|s| !s.is_nan()).count() as u64), (3174, n));
    let kept: Vec<u64> = values(&files["kept.npy"]);
    assert!(kept.is_sorted_by(|a, b| a < b));
    assert_eq!(kept.len() as f64, (0.3 * n as f64).round_ties_even());
    let cutoff = report["scores"]["cutoff"].as_f64().unwrap();
    let above: BTreeSet<u64> = (0..3174).filter(|&i| scores[i as usize] > cutoff).collect();
    assert!(above.is_subset(&kept.iter().copied().collect()));
    assert_eq!(
        String::from_utf8(files["removed.csv"].clone()).unwrap().lines().count() as u64,
        1 + n - kept.len() as u64
    );
    let better = |value: &Value, chance: f64| {
        let [low, at, high] = ["low", "estimate", "high"].map(|key| value[key].as_f64().unwrap());
        assert!(chance < low && low <= at && at <= high, "{value} against {chance}");
    };
    better(&report["auc"], 0.5);
    for direction in ["text_to_picture", "picture_to_text"] {
        let at = &report[direction]["recall"]["R@10"];
        better(at, at["chance"].as_f64().unwrap());
    }
    assert_eq!(stderr(&output).lines().rev().take(5).count(), 5);
    // The same run again is admitted and gives the same bytes; another is refused.
    FILTER_PAIRS.done(&bench, &["--resamples", "100", "--threads", "1"]);
    assert_eq!(bench.contents("out/pairs"), files);
    let output = FILTER_PAIRS.run(&bench, &["--resamples", "99"]);
    assert_eq!((output.status.code(), stderr(&output).contains("--overwrite")), (Some(2), true));
}

#[test]
fn good_pairs_are_found_and_threads_change_no_byte() {
    let bench = Bench::new();
    pairs(&bench, 400, 100);
    for preset in ["survey", "hessel"] {
        let flags = [
            "x.npy",
            "y.npy",
            "--preset",
            preset,
            "--keep",
            "0.25",
            "--evaluate",
            "150",
            "--resamples",
            "50",
        ];
        for threads in ["1", "2", "3"] {
            FILTER_PAIRS.done(
                &bench,
                &[&flags[..], &["--threads", threads, "--out", &format!("{preset}{threads}")]].concat(),
            );
        }
        bench.assert_same(&format!("{preset}1"), &format!("{preset}2"));
        bench.assert_same(&format!("{preset}1"), &format!("{preset}3"));
        let kept: Vec<u64> = values(&bench.contents(&format!("{preset}1"))["kept.npy"]);
        assert!(kept.iter().filter(|&&i| i < 100).count() > 95, "{kept:?}");
        assert_eq!(bench.report(&format!("{preset}1"))["evaluated_pairs"], 150);
    }
    let output = FILTER_PAIRS
        .done(&bench, &["x.npy", "y.npy", "--threshold", "0.9", "--out", "t", "--progress", "json"]);
    let last: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(last["event"], "done");
    let kept: Vec<u64> = values(&bench.contents("t")["kept.npy"]);
    assert_eq!(last["kept"].as_u64().unwrap(), kept.len() as u64);
    // Nothing kept is a result too.
    FILTER_PAIRS.done(&bench, &["x.npy", "y.npy", "--threshold", "2", "--out", "none"]);
    assert_eq!(bench.report("none")["counts"]["kept"], 0);
}

#[test]
fn only_uses_the_named_rows() {
    let bench = Bench::new();
    pairs(&bench, 60, 60);
    let table: String =
        (0..60).map(|i| format!("n{i},{}\n", if i % 3 == 0 { "test" } else { "fit" })).collect();
    bench.write("m.csv", format!("name,split\n{table}").as_bytes());
    let flags = ["x.npy", "y.npy", "--meta", "m.csv", "--name", "name", "--only", "split=test", "--out", "o"];
    FILTER_PAIRS.done(&bench, &flags);
    let scores: Vec<f64> = values(&bench.contents("o")["scores.npy"]);
    assert!(scores.iter().enumerate().all(|(i, s)| s.is_nan() == (i % 3 != 0)));
    let kept: Vec<u64> = values(&bench.contents("o")["kept.npy"]);
    assert!(kept.len() == 6 && kept.iter().all(|i| i % 3 == 0));
    assert!(
        String::from_utf8_lossy(&bench.contents("o")["removed.csv"]).contains(",n0,") || kept.contains(&0)
    );
}

/// Forty pictures with five texts each, as 200 rows: a text of the same picture is no wrong answer.
#[test]
fn rows_that_belong_together_are_right_answers() {
    let bench = Bench::new();
    let (pictures, noise) = (uniform(40, 8, 1), uniform(200, 8, 2));
    let rows = ndarray::Array2::from_shape_fn((200, 8), |(i, j)| pictures[[i / 5, j]]);
    bench.npy("x.npy", &rows);
    bench.npy("y.npy", &(&rows + &(&noise * 0.01)));
    let table: String = (0..200).map(|i| format!("p{}\n", i / 5)).collect();
    bench.write("m.csv", format!("picture\n{table}").as_bytes());
    let flags = ["x.npy", "y.npy", "--resamples", "50", "--meta", "m.csv"];
    FILTER_PAIRS.done(&bench, &[&flags[..], &["--group", "picture", "--out", "a"]].concat());
    let found = bench.report("a");
    assert_eq!(found["auc"]["estimate"], 1.0);
    for (direction, candidates) in [("text_to_picture", 40), ("picture_to_text", 200)] {
        assert_eq!(found[direction]["recall"]["R@1"]["estimate"], 1.0, "{direction}");
        assert_eq!(found[direction]["candidates"], candidates);
    }
    // Without the word every other text of the picture is wrong, and as near as its own.
    FILTER_PAIRS.done(&bench, &[&flags[..], &["--out", "b"]].concat());
    let alone = bench.report("b");
    assert!(alone["text_to_picture"]["recall"]["R@1"]["estimate"].as_f64().unwrap() < 0.3);
    bench.write("one.csv", format!("picture\n{}", "p\n".repeat(200)).as_bytes());
    let one = ["x.npy", "y.npy", "--meta", "one.csv", "--group", "picture", "--out", "c"];
    FILTER_PAIRS.refused(&bench, &one, 1, &["one.csv", "'picture'", "one group has no wrong pair"]);
}

#[test]
fn bad_data_is_named_with_its_place() {
    let bench = Bench::new();
    pairs(&bench, 50, 10);
    let mut bad = uniform(50, 8, 3);
    bad[[37, 5]] = f32::NAN;
    bench.npy("bad.npy", &bad);
    let mut zero = uniform(50, 8, 4);
    zero.row_mut(7).fill(0.0);
    bench.npy("zero.npy", &zero);
    bench.npy("short.npy", &uniform(49, 8, 5));
    bench.npy("thin.npy", &uniform(50, 7, 5));
    bench.npy("one.npy", &uniform(1, 8, 5));
    bench.write("m.csv", b"name,split\na,fit\n");
    let table: String = (0..50).map(|i| format!("n{i},{}\n", i % 2)).collect();
    bench.write("good.csv", format!("name,split\n{table}").as_bytes());
    bench.write("sheet.png", b"not a picture");
    let cases: &[(&[&str], &[&str])] = &[
        (&["x.npy", "bad.npy"], &["bad.npy", "texts", "row 37", "column 5"]),
        (&["bad.npy", "y.npy"], &["bad.npy", "images", "row 37", "column 5"]),
        // The row of the file, not of the rows in use.
        (
            &["x.npy", "bad.npy", "--meta", "good.csv", "--only", "split=1"],
            &["bad.npy", "row 37", "column 5"],
        ),
        (&["zero.npy", "y.npy"], &["zero.npy", "row 7", "zeros", "--zero-rows"]),
        (&["x.npy", "short.npy"], &["short.npy", "49 rows", "50"]),
        (&["x.npy", "thin.npy"], &["thin.npy", "7 values", "8"]),
        (&["one.npy", "one.npy"], &["one.npy", "1 pairs", "at least 2"]),
        (&["x.npy", "absent.npy"], &["absent.npy", "cannot be opened"]),
        (&["x.npy", "y.npy", "--meta", "m.csv"], &["m.csv", "1 records", "50 rows"]),
        (&["x.npy", "y.npy", "--meta", "good.csv", "--name", "id"], &["good.csv", "'id'", "'split'"]),
        (&["x.npy", "y.npy", "--meta", "good.csv", "--only", "split=7"], &["good.csv", "'7'", "'0', '1'"]),
        (&["x.npy", "y.npy", "--pictures", "sheet.png"], &["sheet.png", "PNG"]),
    ];
    for (flags, parts) in cases {
        FILTER_PAIRS.refused(&bench, flags, 1, parts);
    }
    FILTER_PAIRS.done(&bench, &["zero.npy", "y.npy", "--zero-rows", "zero", "--out", "z"]);
    assert_eq!(bench.report("z")["counts"]["zero_rows"], 1);
}

#[test]
fn bad_usage_exits_with_2() {
    let bench = Bench::new();
    pairs(&bench, 20, 5);
    let cases: &[(&[&str], &[&str])] = &[
        (&["--keep", "0"], &["--keep", "above 0"]),
        (&["--keep", "1.5"], &["--keep", "1.5"]),
        (&["--keep", "NaN"], &["--keep", "NaN"]),
        (&["--keep", "0.5", "--threshold", "0.1"], &["--keep", "--threshold"]),
        (&["--threshold", "inf"], &["--threshold", "finite"]),
        (&["--boundary", "gt"], &["--threshold"]),
        (&["--only", "split=test"], &["--meta"]),
        (&["--evaluate", "1"], &["--evaluate", "at least 2"]),
        (&["--resamples", "0"], &["--resamples", "at least 1"]),
        (&["--pictures", "absent"], &["absent", "--meta"]),
        (&["--preset", "best"], &["best", "survey"]),
        (&["--nonsense"], &["--nonsense"]),
    ];
    for (flags, parts) in cases {
        FILTER_PAIRS.refused(&bench, &[&["x.npy", "y.npy"], *flags].concat(), 2, parts);
    }
    bench.write("m.csv", format!("split\n{}", "a\n".repeat(20)).as_bytes());
    FILTER_PAIRS.refused(
        &bench,
        &["x.npy", "y.npy", "--meta", "m.csv", "--only", "split"],
        2,
        &["COLUMN=VALUE"],
    );
    FILTER_PAIRS.refused(&bench, &["x.npy"], 2, &["TEXTS"]);
    // Somebody's file in the way.
    std::fs::create_dir(bench.path("there")).unwrap();
    bench.write("there/kept.npy", b"mine");
    let output = FILTER_PAIRS.run(&bench, &["x.npy", "y.npy", "--out", "there"]);
    assert_eq!((output.status.code(), stderr(&output).contains("--overwrite")), (Some(2), true));
    assert_eq!(std::fs::read(bench.path("there/kept.npy")).unwrap(), b"mine");
    bench.write("file", b"in the way");
    FILTER_PAIRS.refused(
        &bench,
        &["x.npy", "y.npy", "--out", "file/inside"],
        1,
        &["file/inside", "cannot be created"],
    );
}
