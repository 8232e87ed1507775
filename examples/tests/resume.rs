//! Stopped runs: the state is saved, and continuing ends in the bytes of an uninterrupted run.
#![cfg(unix)]

mod workbench;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use workbench::{Bench, CURATE, PRUNE_CODE, Program, appears, stderr, uniform};

/// A run long enough to be stopped: uniform rows settle slowly.
const WORK: [&str; 7] = ["x.npy", "--clusters", "150", "--max-iter", "60", "--seed", "4"];

fn bench() -> Bench {
    let bench = Bench::new();
    bench.npy("x.npy", &uniform(12_000, 48, 8));
    bench
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// Starts a run and waits until it is `step` iterations into `stage`.
fn started(program: Program, bench: &Bench, arguments: &[&str], stage: &str, step: u64) -> Child {
    let mut child = program
        .command(bench, arguments)
        .args(["--progress", "json"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    loop {
        let line = lines.next().expect("the run ended too early").unwrap();
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        if event["event"] == "step" && event["stage"] == stage && event["step"].as_u64() >= Some(step) {
            break;
        }
    }
    // The rest is read elsewhere, or the program would wait for room in the pipe.
    std::thread::spawn(move || lines.for_each(drop));
    child
}

#[test]
fn stopped_in_each_clustering_and_resumed_gives_the_same_bytes() {
    let bench = bench();
    CURATE.done(&bench, &[&WORK[..], &["--out", "whole"]].concat());
    for (stage, name) in [("cluster", "INT"), ("recluster", "INT"), ("cluster", "TERM")] {
        let folder = format!("{stage}.{name}");
        let arguments = [&WORK[..], &["--out", &folder, "--checkpoint-every", "0"]].concat();
        let mut child = started(CURATE, &bench, &arguments, stage, 2);
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert_eq!(bench.names(&folder), ["checkpoint.bin"], "nothing else is left");
        // Without --resume the state is not thrown away.
        let refused = CURATE.run(&bench, &arguments);
        assert!(
            refused.status.code() == Some(2) && stderr(&refused).contains("--resume"),
            "{}",
            stderr(&refused)
        );
        CURATE.done(
            &bench,
            &[&arguments[..], &["--resume", "--threads", "1", "--block-rows", "1000"]].concat(),
        );
        bench.assert_same("whole", &folder);
    }
}

#[test]
fn killed_and_resumed_gives_the_same_bytes() {
    let bench = bench();
    for (method, stage) in [("d4", "recluster"), ("semdedup", "cluster"), ("scip", "cluster")] {
        let (whole, cut) = (format!("{method}.whole"), format!("{method}.cut"));
        let run = [&WORK[..], &["--method", method, "--out"]].concat();
        CURATE.done(&bench, &[&run[..], &[&whole]].concat());
        let mut child = started(CURATE, &bench, &[&run[..], &[&cut]].concat(), stage, 2);
        assert!(appears(&bench.path(&cut).join("checkpoint.bin"), 10));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!bench.names(&cut).contains(&"report.json".to_string()));
        CURATE.done(&bench, &[&run[..], &[&cut, "--resume"]].concat());
        bench.assert_same(&whole, &cut);
    }
}

#[test]
fn a_weighted_run_goes_on_with_its_own_weights_only() {
    let bench = bench();
    let weights = |factor: usize| {
        let lines: String = (0..12_000).map(|i| format!("{}\n", (i * factor) % 7)).collect();
        bench.write("w.csv", format!("w\n{lines}").as_bytes());
    };
    weights(1);
    let more = ["--method", "prototypes", "--meta", "w.csv", "--weights", "w", "--out"];
    let run = [&WORK[..], &more].concat();
    CURATE.done(&bench, &[&run[..], &["whole"]].concat());
    let mut child = started(CURATE, &bench, &[&run[..], &["cut"]].concat(), "cluster", 2);
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    weights(2);
    let on = [&run[..], &["cut", "--resume"]].concat();
    CURATE.refused(&bench, &on, 2, &["of another run", "meta.sha256"]);
    weights(1);
    let other = [&WORK[..], &["--method", "prototypes", "--out", "cut", "--resume"]].concat();
    CURATE.refused(&bench, &other, 2, &["of another run", "meta"]);
    CURATE.done(&bench, &on);
    bench.assert_same("whole", "cut");
}

#[test]
fn a_study_of_files_stopped_or_killed_and_resumed_gives_the_same_bytes() {
    let bench = bench();
    let lines: Vec<String> = (0..12_000).map(|i| format!("f{i},{}", i * i % 997 + 1)).collect();
    bench.write("x.csv", format!("id,tokens\n{}\n", lines.join("\n")).as_bytes());
    let work =
        [&WORK[..], &["--meta", "x.csv", "--resamples", "20", "--checkpoint-every", "1", "--out"]].concat();
    PRUNE_CODE.done(&bench, &[&work[..], &["whole"]].concat());
    for (name, left) in [("INT", Some(130)), ("KILL", None)] {
        let mut child = started(PRUNE_CODE, &bench, &[&work[..], &[name]].concat(), "cluster", 2);
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), left);
        assert!(bench.names(name).contains(&"checkpoint.bin".to_string()));
        assert!(!bench.names(name).contains(&"report.json".to_string()));
        let refused = PRUNE_CODE.run(&bench, &[&work[..], &[name]].concat());
        assert!(stderr(&refused).contains("--resume continues it"), "{}", stderr(&refused));
        PRUNE_CODE.done(&bench, &[&work[..], &[name, "--resume", "--threads", "1"]].concat());
        bench.assert_same("whole", name);
        assert!(!bench.names(name).contains(&"checkpoint.bin".to_string()));
    }
}

#[test]
fn stopped_run_says_how_to_continue() {
    let bench = bench();
    let arguments = [&WORK[..], &["--out", "a b"]].concat();
    let mut child = CURATE.command(&bench, &arguments).stderr(Stdio::piped()).spawn().unwrap();
    assert!(appears(&bench.path("a b/checkpoint.bin"), 60));
    signal(&child, "INT");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut text).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let last = text.lines().last().unwrap();
    assert!(
        last.contains("curate x.npy") && last.contains("--out 'a b'") && last.ends_with("--resume"),
        "{last}"
    );
}

#[test]
fn resuming_with_other_data_or_settings_is_refused() {
    let bench = bench();
    let arguments = [&WORK[..], &["--out", "a"]].concat();
    let mut child = started(CURATE, &bench, &arguments, "cluster", 1);
    child.kill().unwrap();
    child.wait().unwrap();
    let state = std::fs::read(bench.path("a/checkpoint.bin")).unwrap();
    let other =
        [&["x.npy", "--clusters", "149", "--max-iter", "60", "--seed", "4"], &["--out", "a", "--resume"][..]]
            .concat();
    let output = CURATE.run(&bench, &other);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("clusters is 150 there and 149 here"), "{}", stderr(&output));
    let mut rows = uniform(12_000, 48, 8);
    rows[[11_999, 47]] += 0.5;
    bench.npy("x.npy", &rows);
    let output = CURATE.run(&bench, &[&arguments[..], &["--resume"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("input.sha256"), "{}", stderr(&output));
    bench.write("a/checkpoint.bin", &state[..state.len() - 1]);
    let output = CURATE.run(&bench, &[&arguments[..], &["--resume"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("checkpoint.bin"), "{}", stderr(&output));
    assert_eq!(bench.names("a"), ["checkpoint.bin"]);
}

#[test]
fn resume_without_a_state_begins() {
    let bench = Bench::new();
    bench.npy("x.npy", &uniform(100, 4, 8));
    CURATE.done(&bench, &["x.npy", "--out", "a", "--resume"]);
    assert!(bench.names("a").contains(&"report.json".to_string()));
}
