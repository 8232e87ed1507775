//! Files, names and terminals at the rim: nothing that is read is lost, nothing that is said can end a
//! run, and what is refused is refused for its true cause.
#![cfg(unix)]

mod workbench;

use std::process::{Command, Stdio};

use workbench::{
    Bench, CURATE, FILTER_PAIRS, MEMORIZATION, PRUNE_CODE, PRUNE_LAYERS, Program, SCORE_TEXT, TOKENIZE,
    npy_with_header, redundant, safetensors, stderr, uniform, values_of,
};

/// Runs `script` in sh with the program as $1; gives its exit code and stderr.
fn shell(program: Program, bench: &Bench, script: &str) -> (Option<i32>, String) {
    let mut command = Command::new("bash");
    command.args(["-c", script, "bash", program.path()]).current_dir(bench.path("."));
    let output = command.stdin(Stdio::null()).output().unwrap();
    (output.status.code(), stderr(&output))
}

#[test]
fn what_is_read_is_never_written_over() {
    let bench = Bench::new();
    bench.npy("x.npy", &redundant(60, 8, 1));
    CURATE.done(&bench, &["x.npy", "--out", "r", "--write-filtered"]);
    let before = bench.contents("r");
    for flags in [&[][..], &["--overwrite"], &["--overwrite", "--method", "kmeans"]] {
        let output = CURATE.run(&bench, &[&["r/filtered/x.npy", "--out", "r"], flags].concat());
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains("r/filtered/x.npy is read by this run"), "{}", stderr(&output));
        assert_eq!(bench.contents("r"), before);
    }
    // By identity, not by name; and what an earlier run lists would be cleared.
    std::fs::hard_link(bench.path("r/labels.npy"), bench.path("start.npy")).unwrap();
    std::fs::create_dir(bench.path("s")).unwrap();
    bench.npy("start.npy.rows", &uniform(20, 8, 2));
    std::fs::hard_link(bench.path("start.npy.rows"), bench.path("s/kept.npy")).unwrap();
    let output = CURATE.run(&bench, &["start.npy.rows", "--out", "s", "--overwrite"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("start.npy.rows is read by this run"), "{}", stderr(&output));
    bench.write("t.jsonl", b"{\"id\": 1, \"text\": \"x = (1)\\n\"}\n");
    let output = PRUNE_CODE.run(&bench, &["corrupt", "--kind", "all", "t.jsonl", "-o", "t.jsonl"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert_eq!(std::fs::read(bench.path("t.jsonl")).unwrap().len(), 31);
    // A run that clears only what is not read goes on.
    CURATE.done(&bench, &["x.npy", "--out", "r", "--overwrite", "--method", "kmeans"]);
    assert!(!bench.names("r").contains(&"filtered".to_string()));
}

#[test]
fn results_have_a_folder_of_their_own_where_none_is_named() {
    let bench = Bench::new();
    let shipped = |name: &str| format!("{}/data/{name}", env!("CARGO_MANIFEST_DIR"));
    bench.npy("x.f32.npy", &redundant(60, 8, 1));
    bench.npy("y.npy", &uniform(60, 8, 2));
    bench.write("t.txt", b"One line is here.\nThe next one.\n\nAnother text stands here.\n");
    let lines: String = (0..60).map(|i| format!("f{i},{}\n", i + 1)).collect();
    bench.write("m.csv", format!("id,tokens\n{lines}").as_bytes());
    let states = npy_with_header("'<f4'", "False", "(10, 4, 8)", &values_of(&uniform(40, 8, 3)));
    bench.write("s.npy", &states);
    let ids: Vec<u8> = (0..64u32).flat_map(|i| (i % 5).to_le_bytes()).collect();
    bench.write("ids.npy", &npy_with_header("'<u4'", "False", "(16, 4)", &ids));
    let (study, sheet) = (shipped("memorization.json"), shipped("digits-sheet.png"));
    for (program, arguments, folder) in [
        (CURATE, &["x.f32.npy"][..], "out/x.f32"),
        (FILTER_PAIRS, &["y.npy", "x.f32.npy", "--resamples", "10"], "out/y"),
        (SCORE_TEXT, &["t.txt", "--document", "paragraphs", "--weights", "equal"], "out/t"),
        (PRUNE_CODE, &["x.f32.npy", "--meta", "m.csv", "--out", "code", "--resamples", "10"], "code"),
        (PRUNE_LAYERS, &["s.npy", "--layers", "3"], "out/s"),
        (MEMORIZATION, &[&study], "out/memorization"),
        (
            TOKENIZE,
            &[&sheet, "--side", "8", "--codes", "8", "--steps", "4", "--budget", "0.01"],
            "out/digits-sheet",
        ),
        (TOKENIZE, &["audit", "--ids", "ids.npy"], "out/ids"),
    ] {
        program.done(&bench, arguments);
        assert!(bench.names(folder).contains(&"report.html".to_string()), "{arguments:?}");
    }
    // Another run of the same name is told, and nothing of the first is lost.
    let before = bench.contents("out/x.f32");
    for (program, arguments) in
        [(CURATE, &["x.f32.npy", "--keep", "0.3"][..]), (PRUNE_CODE, &["x.f32.npy", "--meta", "m.csv"])]
    {
        let output = program.run(&bench, arguments);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("out/x.f32 holds a finished run") && text.contains("--overwrite"), "{text}");
        assert!(text.trim_end().ends_with("; another --out keeps it"), "{text}");
        assert_eq!(bench.contents("out/x.f32"), before);
    }
    // Of many files, however they are named, it is the folder's name.
    std::fs::create_dir(bench.path("shards.v1")).unwrap();
    for part in 0..2 {
        bench.npy(&format!("shards.v1/{part}.npy"), &redundant(30, 8, 4 + part));
    }
    let ways = [&["shards.v1"][..], &["shards.v1/*.npy"], &["shards.v1/0.npy", "shards.v1/1.npy"]];
    for inputs in ways {
        CURATE.done(&bench, inputs);
        assert!(bench.path("out/shards.v1/report.html").exists(), "{inputs:?}");
        std::fs::remove_dir_all(bench.path("out/shards.v1")).unwrap();
    }
    // Results do not go among what is read.
    std::fs::rename(bench.path("shards.v1"), bench.path("out/shards.v1")).unwrap();
    let output = CURATE.run(&bench, &["out/shards.v1"]);
    assert_eq!(output.status.code(), Some(2));
    let held = "--out DIR is needed: the default folder, out/shards.v1, would hold what is read";
    assert!(stderr(&output).contains(held), "{}", stderr(&output));
    assert_eq!(bench.names("out/shards.v1"), ["0.npy", "1.npy"]);
    // The same of any input, of what a pattern fits and of files beside the input.
    std::fs::create_dir_all(bench.path("k/shards.v1")).unwrap();
    for part in ["2.npy", "10.npy", "...npy"] {
        bench.npy(&format!("k/shards.v1/{part}"), &redundant(30, 8, 4));
    }
    bench.write("out/shards.v1/m.csv", format!("id\n{}", "x\n".repeat(60)).as_bytes());
    for inputs in [
        &["k/shards.v1/2.npy", "out/shards.v1/0.npy"][..],
        &["k/shards.v1/*0.npy", "out/*/0.npy"],
        &["k/shards.v1", "--meta", "out/shards.v1/m.csv"],
    ] {
        let output = CURATE.run(&bench, inputs);
        assert_eq!(output.status.code(), Some(2), "{inputs:?}");
        assert!(stderr(&output).contains(held), "{inputs:?}: {}", stderr(&output));
    }
    assert_eq!(bench.names("out/shards.v1"), ["0.npy", "1.npy", "m.csv"]);
    // A name that would lead out of the folder is none.
    let output = CURATE.run(&bench, &["k/shards.v1/...npy"]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("--out DIR is needed: what is read gives the default folder no name"), "{text}");
    // The order of typing decides nothing.
    for inputs in [["k/shards.v1/2.npy", "x.f32.npy"], ["x.f32.npy", "k/shards.v1/2.npy"]] {
        std::fs::remove_dir_all(bench.path("out/shards.v1")).unwrap();
        CURATE.done(&bench, &inputs);
        assert!(bench.path("out/shards.v1/report.html").exists(), "{inputs:?}");
    }
}

#[test]
fn what_cannot_be_said_ends_nothing() {
    let bench = Bench::new();
    bench.npy("x.npy", &redundant(400, 8, 1));
    CURATE.done(&bench, &["x.npy", "--out", "whole"]);
    let cases = [
        ("a", "(\"$1\" x.npy --out a; echo $? > code) 2>&1 | true"),
        ("b", "(\"$1\" x.npy --out b --progress json; echo $? > code) 2>&1 | head -1 > /dev/null"),
        ("c", "\"$1\" x.npy --out c 2> /dev/full; echo $? > code"),
        ("d", "\"$1\" x.npy --out d --progress json > /dev/full 2> /dev/full; echo $? > code"),
        ("e", "\"$1\" x.npy --out e 2>&-; echo $? > code"),
    ];
    for (folder, script) in cases {
        shell(CURATE, &bench, script);
        let code = std::fs::read_to_string(bench.path("code")).unwrap();
        assert_eq!(code.trim(), "0", "{script}");
        bench.assert_same("whole", folder);
    }
    let codes = [
        ("\"$1\" x.npy --plan | true; echo ${PIPESTATUS[0]} > code", "0"),
        ("\"$1\" absent.npy --out f 2> /dev/full; echo $? > code", "1"),
        ("\"$1\" x.npy --nonsense 2>&-; echo $? > code", "2"),
        // A plan is a result: nobody who asked for it shall believe that it was written.
        ("\"$1\" x.npy --plan > /dev/full; echo $? > code", "1"),
    ];
    for (script, expected) in codes {
        let (_, text) = shell(CURATE, &bench, script);
        assert!(!text.contains("panicked"), "{text}");
        assert_eq!(std::fs::read_to_string(bench.path("code")).unwrap().trim(), expected, "{script}");
    }
    let lines: String = (0..2000).map(|i| format!("{{\"id\": {i}, \"text\": \"x = ({i})\\n\"}}\n")).collect();
    bench.write("t.jsonl", lines.as_bytes());
    let script = "\"$1\" corrupt --kind all t.jsonl | head -1; echo ${PIPESTATUS[0]} > code";
    let (_, text) = shell(PRUNE_CODE, &bench, script);
    assert_eq!((std::fs::read_to_string(bench.path("code")).unwrap().trim(), text.as_str()), ("0", ""));
    let (code, text) = shell(PRUNE_CODE, &bench, "\"$1\" corrupt --kind all t.jsonl > /dev/full");
    assert!(code == Some(1) && text.contains("stdout: cannot be written"), "{text}");
}

#[test]
fn names_of_rows_are_kept_as_written_and_are_their_own() {
    let bench = Bench::new();
    bench.npy("x.npy", &redundant(40, 8, 1));
    let big = 18_446_744_073_709_551_616u128;
    let lines: String = (0..40).map(|i| format!("{{\"id\": {}}}\n", big + i)).collect();
    bench.write("m.jsonl", lines.as_bytes());
    CURATE.done(&bench, &["x.npy", "--out", "a", "--meta", "m.jsonl", "--id-column", "id"]);
    let kept = String::from_utf8(bench.contents("a")["kept_ids.txt"].clone()).unwrap();
    assert_eq!(kept.lines().count(), 20);
    assert!(kept.lines().all(|id| id.starts_with("184467440737095516")), "{kept}");
    let refused = |lines: String, parts: &[&str]| {
        bench.write("m.jsonl", lines.as_bytes());
        CURATE.refused(&bench, &["x.npy", "--meta", "m.jsonl", "--id-column", "id"], 1, parts);
    };
    refused((0..40).map(|i| format!("{{\"id\": {}}}\n", i / 2)).collect(), &["rows 0 and 1", "'0'", "id"]);
    refused((0..40).map(|_| "{\"id\": null}\n").collect(), &["row 0", "null"]);
    let lines: String = (0..40).map(|i| format!("{{\"id\": {}}}\n", i / 2)).collect();
    bench.write("m.jsonl", lines.as_bytes());
    let flags = ["x.npy", "x.npy", "--meta", "m.jsonl", "--id-column", "id"];
    FILTER_PAIRS.refused(&bench, &flags, 1, &["rows 0 and 1", "'0'", "id"]);
    // The same in the programs about texts and code.
    bench.write("t.jsonl", b"{\"id\": 1, \"text\": \"One. Two.\"}\n{\"id\": \"1\", \"text\": \"a\"}\n");
    let flags = ["t.jsonl", "--id-column", "id", "--perplexities", "p.json"];
    SCORE_TEXT.refused(&bench, &flags, 1, &["rows 0 and 1", "'1'", "id"]);
    let csv: String = (0..40).map(|i| format!("{i},{}\n", i + 1)).collect();
    bench.write("m.csv", format!("id,tokens\n{csv}").as_bytes());
    let texts: String = (0..40).map(|i| format!("{{\"id\": {i}, \"text\": \"x = ({i})\\n\"}}\n")).collect();
    bench.write("t.jsonl", texts.as_bytes());
    let flags = ["x.npy", "--meta", "m.csv", "--texts", "t.jsonl", "--resamples", "10", "--out", "c"];
    PRUNE_CODE.done(&bench, &flags);
}

#[test]
fn text_is_read_with_marks_blank_lines_and_any_line_end() {
    let bench = Bench::new();
    bench.npy("x.npy", &redundant(24, 6, 1));
    let lines = |end: &str| (0..24).map(|i| format!("{{\"id\": \"r{i}\"}}{end}")).collect::<String>();
    for (i, text) in
        [lines("\n"), format!("\u{feff}{}", lines("\n")), format!("{}\n\n", lines("\r\n"))].iter().enumerate()
    {
        bench.write("m.jsonl", text.as_bytes());
        CURATE.done(&bench, &["x.npy", "--out", &i.to_string(), "--meta", "m.jsonl", "--id-column", "id"]);
        assert_eq!(bench.contents(&i.to_string())["removed.csv"], bench.contents("0")["removed.csv"]);
    }
    let names: String = (0..24).map(|i| format!("r{i}\r\n")).collect();
    bench.write("m.txt", format!("\u{feff}{names}").as_bytes());
    CURATE.done(&bench, &["x.npy", "--out", "t", "--meta", "m.txt", "--id-column", "text"]);
    assert_eq!(bench.contents("t")["removed.csv"], bench.contents("0")["removed.csv"]);
    bench.write("s.json", "\u{feff}{}".as_bytes());
    MEMORIZATION.refused(&bench, &["s.json"], 1, &["s.json", "is not a study"]);
}

#[test]
fn decimals_are_read_to_the_nearest_double() {
    let bench = Bench::new();
    bench.write("t.txt", b"A line that ends well.\nanother one\n");
    let perplexities =
        "{\"all\": 242.9059626098005, \"predicates\": {\"terminal_punctuation\": 2.4290596260980050e+02}}";
    bench.write("p.json", perplexities.as_bytes());
    let flags = ["t.txt", "--perplexities", "p.json", "--no-weight", "ones", "--out", "a"];
    SCORE_TEXT.done(&bench, &flags);
    assert_eq!(bench.report("a")["predicates"][0]["weight"], 0.0);
}

#[test]
fn refusals_give_the_true_cause() {
    let bench = Bench::new();
    let good = safetensors(&[("x", "F32", &[12, 3], &[0; 144])]);
    let longer = [&good[..], &[0; 16]].concat();
    bench.write("x.safetensors", &longer);
    CURATE.refused(&bench, &["x.safetensors"], 1, &["16 bytes after the 144 bytes of values"]);
    bench.write("x.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 9\n");
    CURATE.refused(&bench, &["x.safetensors"], 1, &["pointer of Git LFS"]);
    bench.write("x.safetensors", b"<!DOCTYPE html><html>not found</html>");
    CURATE.refused(&bench, &["x.safetensors"], 1, &["is not a .safetensors file"]);
    bench.write("sheet.png", b"\xff\xd8\xff\xe0 a JPEG");
    TOKENIZE.refused(&bench, &["sheet.png"], 1, &["sheet.png", "is not a PNG picture"]);
    let output = CURATE.run(&bench, &["--by"]);
    assert!(!stderr(&output).contains("tip: to pass"), "{}", stderr(&output));
}

#[test]
fn names_inside_files_are_opened_with_the_same_care() {
    let bench = Bench::new();
    bench.npy("x.npy", &redundant(8, 4, 1));
    assert!(Command::new("mkfifo").arg(bench.path("pipe")).status().unwrap().success());
    for path in ["/dev/zero", "pipe", "/proc/self/mem", "/proc/kmsg"] {
        let lines: String = (0..8).map(|_| format!("{{\"p\": \"{path}\"}}\n")).collect();
        bench.write("m.jsonl", lines.as_bytes());
        // A picture that cannot be read is none of the page: its row keeps the place.
        let flags = ["x.npy", "--meta", "m.jsonl", "--images", "p", "--out", "a", "--overwrite"];
        let said = stderr(&CURATE.done(&bench, &flags));
        assert!(said.contains("in the page cannot be read; ") && said.contains(path), "{said}");
        let page = String::from_utf8(bench.contents_of("a", "report.html")).unwrap();
        assert!(!page.contains("<img") && page.contains("picture cannot be read: "));
        let study = format!(
            "{{\"format\": \"pauca-memorization\", \"format_version\": 1, \"arrays\": \"{path}\", \"vocabulary\": 3, \"sets\": {{}}, \"runs\": []}}"
        );
        bench.write("s.json", study.as_bytes());
        MEMORIZATION.refused(&bench, &["s.json"], 1, &[path]);
    }
    CURATE.refused(&bench, &["pipe"], 1, &["pipe", "is not a regular file"]);
    FILTER_PAIRS.refused(&bench, &["/dev/zero", "x.npy"], 1, &["/dev/zero", "is not a regular file"]);
    CURATE.refused(&bench, &["x.npy", "--meta", "pipe"], 1, &["pipe"]);
}

#[test]
fn pictures_are_bounded_before_they_are_decoded() {
    let bench = Bench::new();
    bench.npy("x.npy", &redundant(4, 4, 1));
    let png = |header: &[u8], chunks: &[(&[u8; 4], &[u8])]| {
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        for (kind, data) in [(b"IHDR", header)].into_iter().chain(chunks.iter().copied()) {
            bytes.extend((data.len() as u32).to_be_bytes());
            bytes.extend(*kind);
            bytes.extend(data);
            bytes.extend(crc(&[&kind[..], data].concat()).to_be_bytes());
        }
        bytes
    };
    let header = |width: u32, height: u32, depth: u8, color: u8| {
        [&width.to_be_bytes()[..], &height.to_be_bytes(), &[depth, color, 0, 0, 0]].concat()
    };
    let huge = png(&header(1_000_000, 1_000_000, 8, 6), &[(b"IDAT", &[0x78, 0x9c]), (b"IEND", &[])]);
    let large = png(&header(20_000, 20_000, 8, 0), &[(b"IDAT", &[0x78, 0x9c]), (b"IEND", &[])]);
    let empty = [0x78u8, 0x9c, 0x63, 0, 0, 0, 1, 0, 1];
    let palette = png(&header(64, 64, 8, 3), &[(b"PLTE", &[1, 2, 3, 4]), (b"IDAT", &empty), (b"IEND", &[])]);
    for (bytes, part) in
        [(huge, "1000000 x 1000000 pixels"), (large, "20000 x 20000 pixels"), (palette, "PNG")]
    {
        bench.write("s.png", &bytes);
        CURATE.refused(&bench, &["x.npy", "--images", "s.png"], 1, &["s.png", part]);
        TOKENIZE.refused(&bench, &["s.png"], 1, &["s.png", part]);
        FILTER_PAIRS.refused(&bench, &["x.npy", "x.npy", "--pictures", "s.png"], 1, &["s.png", part]);
    }
}

#[test]
fn pictures_that_contradict_themselves_are_told_and_not_shown() {
    let bench = Bench::new();
    bench.npy("x.npy", &redundant(5, 4, 1));
    let sheet = std::fs::read(pauca_examples::shipped::folder().join("emoji-sheet.png")).unwrap();
    let mut sound = Vec::new();
    let mut encoder = png::Encoder::new(&mut sound, 3, 2);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&[9; 18]).unwrap();
    let mut changed = sound.clone();
    let last = changed.len() - 1;
    changed[last - 16] ^= 1;
    let mut wider = sound.clone();
    wider[19] = 4;
    let sum = crc(&wider[12..29]).to_be_bytes();
    wider[29..33].copy_from_slice(&sum);
    for (name, bytes) in [
        ("0.png", &sound[..]),
        ("1.png", &changed),
        ("2.png", &sound[..sound.len() - 20]),
        ("3.png", &wider),
        ("4.png", b"GIF89a"),
    ] {
        bench.write(name, bytes);
    }
    let lines: String = (0..5).map(|i| format!("{{\"p\": \"{i}.png\", \"id\": \"n{i}\"}}\n")).collect();
    bench.write("m.jsonl", lines.as_bytes());
    let flags = [
        "x.npy",
        "--meta",
        "m.jsonl",
        "--images",
        "p",
        "--id-column",
        "id",
        "--out",
        "a",
        "--method",
        "kmeans",
    ];
    let said = stderr(&CURATE.done(&bench, &[&flags[..], &["--clusters", "1"]].concat()));
    let page = String::from_utf8(bench.contents_of("a", "report.html")).unwrap();
    let shown = ["n0", "n1", "n2", "n3", "n4"]
        .map(|name| page.contains(&format!("lost kept\">{name}<small>picture cannot be read: ")));
    assert_eq!(shown.iter().filter(|lost| **lost).count(), page.matches("picture cannot be read: ").count());
    assert!(said.contains("in the page cannot be read; "), "{said}");
    assert!(!shown[0] && page.contains("alt=\"n0\""));
    assert!(shown[1..].iter().filter(|lost| **lost).count() >= 3, "{shown:?}");
    for broken in ["changed", "cut"] {
        let mut bytes = sheet.clone();
        let middle = bytes.len() / 2;
        if broken == "cut" {
            bytes.truncate(middle)
        } else {
            bytes[middle] ^= 1
        }
        bench.write("s.png", &bytes);
        CURATE.refused(&bench, &["x.npy", "--images", "s.png"], 1, &["s.png", "is not a readable PNG"]);
    }
}

/// The check sum of a PNG chunk.
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn foreign_text_is_shown_escaped_and_short() {
    let bench = Bench::new();
    bench.npy("x.npy", &redundant(4, 4, 1));
    bench.write("m.csv", b"\x1b[2J\x07,\xc2\x9b31m\n1,2\n");
    CURATE.refused(&bench, &["x.npy", "--meta", "m.csv", "--id-column", "id"], 1, &["\\u{1b}[2J\\u{7}"]);
    let field = "y".repeat(16 << 20);
    bench.write("m.csv", format!("{field}\n1\n").as_bytes());
    CURATE.refused(&bench, &["x.npy", "--meta", "m.csv", "--id-column", "id"], 1, &["has no column 'id'"]);
    let dims = "1, ".repeat(20_000);
    bench.write("d.npy", &workbench::npy_with_header("'<f4'", "False", &format!("({dims})"), &[0; 4]));
    CURATE.refused(&bench, &["d.npy"], 1, &["20000 dimensions", "..."]);
}

#[test]
fn one_folder_takes_one_run_at_a_time() {
    let bench = Bench::new();
    bench.npy("x.npy", &uniform(300, 8, 1));
    let outcomes: Vec<(Option<i32>, String)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..8)
            .map(|worker: u32| {
                let bench = &bench;
                scope.spawn(move || {
                    let seed = (worker % 2).to_string();
                    let flags =
                        ["x.npy", "--out", "one", "--seed", &seed, "--progress", "none", "--threads", "1"];
                    let mut flags = flags.to_vec();
                    if worker.is_multiple_of(3) {
                        flags.push("--overwrite");
                    }
                    (0..12)
                        .map(|_| {
                            let output = CURATE.run(bench, &flags);
                            (output.status.code(), stderr(&output))
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let mut done = 0;
    for (code, text) in outcomes {
        match code {
            Some(0) => done += 1,
            Some(1) => assert!(text.contains("another program is writing there"), "{text}"),
            _ => assert!(text.contains("--overwrite") || text.contains("--resume"), "{text}"),
        }
    }
    assert!(done > 0);
    assert!(bench.names("one").iter().all(|name| !name.starts_with('.')), "{:?}", bench.names("one"));
    // A killed run leaves no lock.
    let mut child =
        CURATE.command(&bench, &["x.npy", "--out", "two", "--max-iter", "1000000"]).spawn().unwrap();
    workbench::appears(&bench.path("two/checkpoint.bin"), 20);
    child.kill().unwrap();
    child.wait().unwrap();
    CURATE.done(&bench, &["x.npy", "--out", "two", "--overwrite"]);
}
