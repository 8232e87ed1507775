//! Files of unknown origin: good headers, pictures, tables and texts, each damaged at random (seeded), given
//! to every program that reads such a file. Whatever they hold: an answer, or one short line that refuses
//! them; no abort, no panic, no hang, no more memory than allowed, and nothing left behind.
//!
//! 64 files unless `PAUCA_HOSTILE` names another number; the deep check takes 1,000.
#![cfg(unix)]
#![allow(clippy::print_stdout, reason = "how much was refused")]

mod workbench;

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use workbench::{
    Bench, CURATE, FILTER_PAIRS, MEMORIZATION, PRUNE_CODE, PRUNE_LAYERS, Program, SCORE_TEXT, TOKENIZE,
    npy_with_header, redundant, safetensors, values_of,
};

/// Seconds that no run may reach: a hang, or a cost that grows too fast.
const LONGEST: u64 = 30;
/// Address space that a run gets, in KiB: a file may not make a program ask for more.
const MEMORY: u64 = 4 << 20;

/// Numbers that are the same everywhere (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// A good file, and what is run on it.
struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    program: Program,
    arguments: &'static [&'static str],
}

fn cases(bench: &Bench) -> Vec<Case> {
    let rows = redundant(24, 6, 3);
    bench.npy("good.npy", &rows);
    let plain = values_of(&rows);
    let npy = npy_with_header("'<f4'", "False", "(24, 6)", &plain);
    let tensors = safetensors(&[("x", "F32", &[24, 6], &plain), ("scale", "F32", &[1], &[0; 4])]);
    let states = npy_with_header("'<f4'", "False", "(6, 6, 4)", &plain);
    let csv: String = (0..24).map(|i| format!("r{i},{},\"text, {i}\"\n", i + 1)).collect();
    let csv = format!("id,tokens,text\n{csv}").into_bytes();
    let lines: String = (0..24)
        .map(|i| format!("{{\"id\": {i}, \"tokens\": {}, \"text\": \"x = ({i})\\n\"}}\n", i + 1))
        .collect();
    let texts: String = (0..24).map(|i| format!("Line {i} ends well.\nanother {{ one; {i}\n\n")).collect();
    let perplexities =
        b"{\"all\": 30.5, \"predicates\": {\"terminal_punctuation\": 25.0, \"two_stop_words\": null}}";
    let study = b"{\"format\": \"pauca-memorization\", \"format_version\": 1, \"vocabulary\": 9, \"arrays\": \"a.safetensors\",\
                  \"tags\": [\"a\"], \"sets\": {\"s\": {\"tokens\": 4, \"ends\": \"ends\"}}, \"runs\": [{\"name\": \"r\", \"set\": \"s\"}]}";
    let ends: Vec<u8> = [2u32, 4].iter().flat_map(|v| v.to_le_bytes()).collect();
    bench.write("a.safetensors", &safetensors(&[("ends", "U32", &[2], &ends)]));
    bench.write("good.csv", &csv);
    let kinds: String = (0..24).map(|i| format!("r{i},renames\n")).collect();
    bench.write("kinds.csv", format!("id,kind\n{kinds}").as_bytes());
    bench.write("good.txt", texts.as_bytes());
    let mut sheet = Vec::new();
    let mut encoder = png::Encoder::new(&mut sheet, 48, 32);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette((0..=255).flat_map(|i| [i, 255 - i, 7]).collect::<Vec<u8>>());
    let pixels: Vec<u8> = (0..48 * 32).map(|i| (i % 251) as u8).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    let case =
        |name, bytes: &[u8], program, arguments| Case { name, bytes: bytes.to_vec(), program, arguments };
    let jsonl = lines.as_bytes();
    let mut all = vec![
        case("x.npy", &npy, CURATE, &["x.npy", "--method", "semdedup", "--write-filtered"]),
        case("x.npy", &npy, CURATE, &["good.npy", "--init", "x.npy", "--max-iter", "3"]),
        case("x.npy", &npy, FILTER_PAIRS, &["x.npy", "good.npy", "--resamples", "5"]),
        case("x.npy", &npy, PRUNE_CODE, &["x.npy", "--meta", "good.csv", "--resamples", "5"]),
        case(
            "x.npy",
            &states,
            PRUNE_LAYERS,
            &["x.npy", "--drop", "2", "--layers", "5", "--order", "samples"],
        ),
        case("x.safetensors", &tensors, CURATE, &["x.safetensors", "--tensor", "x", "--method", "dbp"]),
        case(
            "x.safetensors",
            &tensors,
            PRUNE_CODE,
            &[
                "good.npy",
                "--meta",
                "good.csv",
                "--corrupted",
                "x.safetensors",
                "--corrupted-meta",
                "kinds.csv",
                "--resamples",
                "5",
            ],
        ),
        case("m.csv", &csv, CURATE, &["good.npy", "--meta", "m.csv", "--id-column", "id", "--text", "text"]),
        case("m.csv", &csv, PRUNE_CODE, &["good.npy", "--meta", "m.csv", "--resamples", "5"]),
        case(
            "m.jsonl",
            jsonl,
            CURATE,
            &["good.npy", "--meta", "m.jsonl", "--id-column", "id", "--images", "text"],
        ),
        case(
            "m.jsonl",
            jsonl,
            PRUNE_CODE,
            &["good.npy", "--meta", "good.csv", "--texts", "m.jsonl", "--resamples", "5"],
        ),
        case(
            "m.jsonl",
            jsonl,
            SCORE_TEXT,
            &["m.jsonl", "--id", "id", "--perplexities", "p.json", "--no-weight", "ones"],
        ),
        case(
            "t.txt",
            texts.as_bytes(),
            SCORE_TEXT,
            &["t.txt", "--perplexities", "p.json", "--no-weight", "ones"],
        ),
        case(
            "q.json",
            perplexities,
            SCORE_TEXT,
            &["good.txt", "--perplexities", "q.json", "--no-weight", "ones"],
        ),
        case("s.png", &sheet, CURATE, &["good.npy", "--images", "s.png", "--image-size", "8"]),
        case("s.png", &sheet, TOKENIZE, &["s.png", "--side", "8"]),
        case("study.json", study, MEMORIZATION, &["study.json"]),
    ];
    bench.write("p.json", perplexities);
    if let Some(table) = workbench::parquet_of(&rows) {
        all.push(case("x.parquet", &table, CURATE, &["x.parquet", "--id-column", "id", "--write-filtered"]));
        all.push(case("x.parquet", &table, CURATE, &["good.npy", "--meta", "x.parquet", "--text", "text"]));
        all.push(case(
            "x.parquet",
            &table,
            SCORE_TEXT,
            &["x.parquet", "--perplexities", "p.json", "--no-weight", "ones"],
        ));
    }
    all
}

/// `bytes` with one to four things wrong, most of them near a header.
fn damaged(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + random.below(4) {
        let span = match random.below(4) {
            0 => bytes.len(),
            1 => bytes.len().min(24),
            _ => bytes.len().min(300),
        };
        // Parquet keeps its header at the end.
        let at = if bytes.starts_with(b"PAR1") { bytes.len() - span } else { 0 } + random.below(span);
        let end = (at + random.below(40)).min(bytes.len());
        match random.below(9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = [0, 255, b'{', b'"', b'\n', 0x1b][random.below(6)],
            2 => drop(bytes.drain(at..end)),
            3 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            4 => {
                let noise: Vec<u8> = (0..random.below(30)).map(|_| random.next() as u8).collect();
                bytes.splice(at..at, noise);
            }
            5 => bytes.truncate(at),
            6 => {
                let numbers: [&[u8]; 7] = [
                    b"99999999999999999999",
                    b"-1",
                    b"4294967296",
                    b"1e999",
                    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
                    b"\xef\xbb\xbf",
                    b"\r\n\0\x1b[2J",
                ];
                let number = numbers[random.below(numbers.len())];
                bytes.splice(at..end.min(at + number.len()), number.iter().copied());
            }
            7 => {
                let by = at.min(bytes.len());
                bytes.rotate_left(by);
            }
            _ => bytes[at..end].reverse(),
        }
    }
    bytes
}

#[test]
fn damaged_files_are_answered_or_refused_in_one_line() {
    let number = std::env::var("PAUCA_HOSTILE").ok().and_then(|n| n.parse().ok()).unwrap_or(64);
    let bench = Bench::new();
    let cases = cases(&bench);
    // Undamaged, most are answered: the pictures are too few, the study has no runs with results, and one row of the
    // table has no text to score.
    for (i, case) in cases.iter().enumerate() {
        bench.write(case.name, &case.bytes);
        let (code, text) = bounded(case, &bench, i);
        let scored = case.name == "x.parquet" && case.arguments.contains(&"--no-weight");
        let incomplete = scored || case.name == "study.json" || case.arguments.contains(&"--side");
        assert_eq!(code, Some(i32::from(incomplete)), "{} {:?}: {text}", case.program.path(), case.arguments);
        let _ = std::fs::remove_dir_all(bench.path("out"));
    }
    let (mut refused, mut wrong) = (0, Vec::new());
    for i in 0..number {
        let case = &cases[i % cases.len()];
        let mut random = Random(i as u64);
        bench.write(case.name, &damaged(&case.bytes, &mut random));
        let (code, text) = bounded(case, &bench, i);
        let what = format!("file {i}: {} {:?}: {code:?} {text}", case.program.path(), case.arguments);
        let line = text.trim_end_matches('\n');
        let short = line.chars().count() <= 300 && !line.chars().any(char::is_control);
        let left = bench.names("out");
        let right = match code {
            Some(0) => text.is_empty(),
            Some(1 | 2) => text.matches('\n').count() == 1 && short && left.is_empty(),
            _ => false,
        };
        refused += usize::from(matches!(code, Some(1 | 2)));
        if !right {
            wrong.push(format!("{what} leaves {left:?}"));
        }
        let _ = std::fs::remove_dir_all(bench.path("out"));
    }
    println!("{number} damaged files, {refused} refused");
    assert!(wrong.is_empty(), "{} of {number} files:\n{}", wrong.len(), wrong.join("\n"));
    assert!(refused * 4 > number, "most of the damage is found: {refused} of {number}");
}

/// Runs the case within time and memory; its exit code and stderr.
fn bounded(case: &Case, bench: &Bench, i: usize) -> (Option<i32>, String) {
    let mut command = Command::new("bash");
    command.args(["-c", &format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\""), case.program.path()]);
    command.args(case.arguments).args(["--out", "out", "--progress", "none", "--quiet", "--threads", "2"]);
    command.current_dir(bench.path(".")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stderr.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let end = Instant::now() + Duration::from_secs(LONGEST);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > end {
            child.kill().unwrap();
            child.wait().unwrap();
            return (None, format!("file {i} takes over {LONGEST} s"));
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    (status.code(), reader.join().unwrap())
}
