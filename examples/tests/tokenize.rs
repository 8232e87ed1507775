//! The program `tokenize`: bad input and flags, what it writes, the same bytes for any threads.

#![allow(clippy::print_stdout, reason = "a skipped test says so")]

mod workbench;

use std::process::{Command, Stdio};

use workbench::{Bench, TOKENIZE, stderr};

/// A run of seconds: little of everything.
const QUICK: [&str; 12] = [
    "--set",
    "digits",
    "--codes",
    "32",
    "--steps",
    "12",
    "--budget",
    "0.05",
    "--lambdas",
    "0.1",
    "--progress",
    "none",
];

/// With progress, which may not begin before all is checked.
#[track_caller]
fn refused(bench: &Bench, arguments: &[&str], code: i32, parts: &[&str]) {
    TOKENIZE.refused(bench, &[arguments, &["--progress", "auto"]].concat(), code, parts);
}

#[test]
fn bad_flags_are_refused_in_one_line() {
    let bench = Bench::new();
    for (arguments, parts) in [
        (&["--codes", "0"][..], &["--codes", "at least 1"][..]),
        (&["--lambdas", "0,-1"], &["--lambdas", "from 0"]),
        (&["--lambdas", "nan"], &["--lambdas"]),
        (&["--budget", "0"], &["--budget", "above 0"]),
        (&["--seeds", "0"], &["--seeds"]),
        (&["--patch", "5"], &["--patch 5", "32 x 32"]),
        (&["--patch", "32"], &["--patch 32"]),
        (&["--codes", "100000"], &["--codes", "more codes"]),
        (&["--fewer-codes", "256"], &["--fewer-codes 256"]),
        (&["--side", "16"], &["<SHEET>"]),
        (&["--set", "letters"], &["letters", "digits"]),
        (&["--nonsense"], &["--nonsense"]),
    ] {
        refused(&bench, arguments, 2, parts);
    }
}

#[test]
fn bad_sheets_are_refused_in_one_line() {
    let bench = Bench::new();
    bench.write("text.png", b"not a picture");
    refused(&bench, &["text.png"], 1, &["text.png", "not a PNG picture"]);
    refused(&bench, &["absent.png"], 1, &["absent.png", "cannot be opened"]);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 64, 64);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&[7; 64 * 64]).unwrap();
    bench.write("small.png", &bytes);
    refused(&bench, &["small.png", "--side", "8"], 1, &["small.png", "64 pictures of 8 x 8", "512"]);
    refused(&bench, &["small.png", "--side", "128"], 1, &["small.png", "0 tiles"]);
    refused(&bench, &["small.png", "--side", "8", "--pictures", "65"], 1, &["64 tiles", "65"]);
}

#[test]
fn same_bytes_for_any_threads_and_a_complete_report() {
    let bench = Bench::new();
    for (out, threads) in [("one", "1"), ("two", "2")] {
        let output = TOKENIZE
            .run(&bench, &[&QUICK[..], &["--seeds", "2", "--threads", threads, "--out", out]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
    }
    bench.assert_same("one", "two");
    assert_eq!(
        bench.names("one"),
        [
            "compute.svg",
            "positions.svg",
            "report.html",
            "report.json",
            "runs.csv",
            "trade_off.svg",
            "usage.svg"
        ]
    );
    let report = bench.report("one");
    let tokenizers = report["tokenizers"].as_array().unwrap();
    assert_eq!(tokenizers.len(), 2);
    for tokenizer in tokenizers {
        for field in ["reconstruction_mse", "conditional_entropy", "perplexity"] {
            assert!(tokenizer[field]["mean"].as_f64().unwrap() > 0.0, "{field}");
            assert!(tokenizer[field]["half_width_95"].as_f64().unwrap() >= 0.0, "{field}");
        }
        for size in ["small", "large"] {
            // A model that learned anything beats no knowledge of 32 codes by far; ids are not read ahead.
            let loss = tokenizer["validation_loss"][size]["mean"].as_f64().unwrap();
            assert!(0.1 < loss && loss < 32f64.ln() + 0.5, "{size} {loss}");
        }
    }
    // Both sizes were given the same compute, but for less than a step.
    for run in report["runs"].as_array().unwrap() {
        for model in run["models"].as_array().unwrap() {
            let spent = model["curve"].as_array().unwrap().last().unwrap()[0].as_f64().unwrap();
            assert!(spent <= 0.05e9 || model["curve"].as_array().unwrap().len() == 1);
        }
    }
    let html = String::from_utf8(std::fs::read(bench.path("one/report.html")).unwrap()).unwrap();
    assert!(html.matches("data:image/png").count() >= 5 && !html.contains("src=\"http"), "nothing fetched");
    // The same run again is welcome, another one is not.
    let again = [&QUICK[..], &["--seeds", "2", "--out", "one"]].concat();
    assert!(TOKENIZE.run(&bench, &again).status.success());
    let other = TOKENIZE.run(&bench, &[&QUICK[..], &["--seeds", "1", "--out", "one"]].concat());
    assert_eq!(other.status.code(), Some(2));
    assert!(stderr(&other).contains("seeds is 2 there and 1 here"), "{}", stderr(&other));
}

#[cfg(unix)]
#[test]
fn resumed_run_ends_in_the_same_bytes() {
    let bench = Bench::new();
    let arguments = |out| [&QUICK[..], &["--seeds", "3", "--threads", "1", "--out", out]].concat();
    assert!(TOKENIZE.run(&bench, &arguments("whole")).status.success());
    let mut child = TOKENIZE.command(&bench, &arguments("parts")).spawn().unwrap();
    assert!(workbench::appears(&bench.path("parts/checkpoint.bin"), 120));
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    if child.wait().unwrap().code() == Some(130) {
        assert_eq!(bench.names("parts"), ["checkpoint.bin"]);
        let other = TOKENIZE.run(&bench, &arguments("parts"));
        assert!(stderr(&other).contains("--resume continues it"), "{}", stderr(&other));
        let wrong = TOKENIZE.run(&bench, &[&arguments("parts")[..], &["--resume", "--patch", "4"]].concat());
        assert!(stderr(&wrong).contains("patch is 2 there and 4 here"), "{}", stderr(&wrong));
        let resumed = TOKENIZE.run(&bench, &[&arguments("parts")[..], &["--resume"]].concat());
        assert!(resumed.status.success(), "{}", stderr(&resumed));
    } else {
        println!("SKIPPED: the run was finished before it could be stopped");
    }
    bench.assert_same("whole", "parts");
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_leaves_nothing_and_says_130() {
    let bench = Bench::new();
    let endless = ["--set", "digits", "--progress", "none", "--out", "out", "--steps", "1000000"];
    let mut child = TOKENIZE.command(&bench, &endless).stderr(Stdio::piped()).spawn().unwrap();
    assert!(workbench::appears(&bench.path("out"), 60));
    // The handler is installed before the folder is made.
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let mut text = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(text.contains("nothing was written"), "{text}");
    assert!(!bench.path("out").exists());
}
