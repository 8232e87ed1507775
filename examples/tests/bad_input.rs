//! Everything that can be wrong with the input or the flags: one clear line that names what and
//! where, the right exit code, and nothing left behind.

#![allow(clippy::print_stdout, reason = "a skipped test says so")]

mod workbench;

use workbench::{Bench, CURATE, npy_with_header, safetensors, stderr, uniform};

#[test]
fn bad_values_are_named_with_their_place() {
    let bench = Bench::new();
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut rows = uniform(100, 8, 1);
        rows[[37, 5]] = bad;
        rows[[60, 0]] = bad;
        bench.npy("bad.npy", &rows);
        for method in ["d4", "kmeans"] {
            CURATE.refused(&bench, &["bad.npy", "--method", method], 1, &["bad.npy", "row 37", "column 5"]);
            CURATE.refused(
                &bench,
                &["bad.npy", "--method", method, "--block-rows", "10"],
                1,
                &["row 37", "column 5"],
            );
        }
    }
}

#[test]
fn bad_npy_files_are_refused_with_numbers() {
    let bench = Bench::new();
    let cases: &[(&[u8], &[&str])] = &[
        (b"", &["is empty (0 bytes)"]),
        (b"PK\x03\x04 something else", &["is not a .npy file"]),
        (b"\x93NUMPY\x01", &["truncated inside its header"]),
        (b"\x93NUMPY\x09\x00\x00\x00", &["version 9"]),
        (&npy_with_header("'<f4'", "False", "(4, 3)", &[0; 47]), &["truncated", "(4, 3)", "48 bytes", "47"]),
        (&npy_with_header("'<f4'", "False", "(4, 3)", &[0; 52]), &["4 bytes after"]),
        (
            &npy_with_header("'<f8'", "False", "(4, 3)", &[0; 96]),
            &["float64", "np.save(path, x.astype(np.float32))"],
        ),
        (&npy_with_header("'>f4'", "False", "(4, 3)", &[0; 48]), &["big-endian", "x.astype('<f4')"]),
        (&npy_with_header("'<i8'", "False", "(4, 3)", &[0; 96]), &["<i8"]),
        (&npy_with_header("'<V2'", "False", "(4, 3)", &[0; 24]), &["bfloat16"]),
        (&npy_with_header("[('a', '<f4')]", "False", "(4,)", &[0; 16]), &["records"]),
        (&npy_with_header("'<f4'", "False", "(12,)", &[0; 48]), &["1 dimension", "(12,)"]),
        (&npy_with_header("'<f4'", "False", "(2, 2, 3)", &[0; 48]), &["3 dimensions", "(2, 2, 3)"]),
        (&npy_with_header("'<f4'", "False", "()", &[0; 4]), &["0 dimensions"]),
        (&npy_with_header("'<f4'", "False", "(0, 3)", &[]), &["no rows", "(0, 3)"]),
        (&npy_with_header("'<f4'", "False", "(3, 0)", &[]), &["without values", "(3, 0)"]),
        (&npy_with_header("'<f4'", "False", "(9999999999999, 9999999999999)", &[]), &["impossible shape"]),
        (&npy_with_header("'<f4'", "False", "(x, 3)", &[]), &["shape cannot be read"]),
    ];
    for (bytes, parts) in cases {
        bench.write("x.npy", bytes);
        CURATE.refused(&bench, &["x.npy"], 1, &[&["x.npy"], *parts].concat());
    }
    CURATE.refused(&bench, &["absent.npy"], 1, &["absent.npy", "cannot be opened"]);
    std::fs::create_dir(bench.path("folder")).unwrap();
    CURATE.refused(&bench, &["folder"], 1, &["folder", "is a folder"]);
}

#[test]
fn bad_safetensors_are_refused_with_names() {
    let bench = Bench::new();
    let two = safetensors(&[
        ("a", "F32", &[2, 2], &[0; 16]),
        ("b", "F32", &[2, 2], &[0; 16]),
        ("c", "F32", &[4], &[0; 16]),
    ]);
    let cases: &[(&[u8], &[&str], &[&str])] = &[
        (&two, &[], &["several", "'a'", "'b'", "--tensor"]),
        (&two, &["--tensor", "d"], &["no tensor 'd'", "'a', 'b', 'c'"]),
        (&two, &["--tensor", "c"], &["'c'", "1 dimension"]),
        (&two[..two.len() - 1], &[], &["truncated", "48 bytes", "47"]),
        (&two[..20], &[], &["truncated inside its header"]),
        (&safetensors(&[("i", "I64", &[1, 2], &[0; 16])]), &[], &["'i'", "I64"]),
        (&safetensors(&[("v", "F32", &[4], &[0; 16])]), &[], &["no tensor of [rows, values]", "'v'"]),
    ];
    for (bytes, flags, parts) in cases {
        bench.write("x.safetensors", bytes);
        CURATE.refused(
            &bench,
            &[&["x.safetensors"], *flags].concat(),
            1,
            &[&["x.safetensors"], *parts].concat(),
        );
    }
    bench.npy("x.npy", &uniform(10, 2, 1));
    CURATE.refused(&bench, &["x.npy", "--tensor", "a"], 2, &["--tensor", "x.npy"]);
}

#[test]
fn bad_usage_exits_with_2() {
    let bench = Bench::new();
    bench.npy("x.npy", &uniform(10, 2, 1));
    bench.npy("c.npy", &uniform(3, 4, 1));
    let cases: &[(&[&str], &[&str])] = &[
        (&["--clusters", "11"], &["11 clusters", "10 rows", "x.npy"]),
        (&["--clusters", "0"], &["--clusters", "at least 1"]),
        (&["--keep", "1.5"], &["--keep", "1.5", "at most 1"]),
        (&["--keep", "NaN"], &["--keep", "NaN"]),
        (&["--keep", "0"], &["--keep"]),
        (&["--keep", "0.8", "--dedup-keep", "0.7"], &["--keep 0.8", "--dedup-keep 0.7"]),
        (&["--epsilon", "0.1"], &["--epsilon", "d4", "--dedup-keep"]),
        (&["--method", "semdedup", "--epsilon", "-1"], &["--epsilon"]),
        (&["--method", "semdedup", "--epsilon", "0.1", "--keep", "0.5"], &["--epsilon", "--keep"]),
        (
            &["--method", "semdedup", "--rule", "greedy-cover", "--keep", "0.5"],
            &["greedy-cover", "--epsilon"],
        ),
        (&["--method", "kmeans", "--keep", "0.5"], &["--keep", "kmeans"]),
        (&["--method", "ddbp"], &["ddbp", "scip", "dbp"]),
        (&["--method", "dbp", "--temperature", "0"], &["--temperature", "'0'", "above 0"]),
        (&["--method", "dbp", "--temperature", "-1"], &["--temperature", "-1", "above 0"]),
        (&["--method", "dbp", "--euclidean"], &["--temperature", "--euclidean", "unit"]),
        (&["--method", "dbp", "--order", "random"], &["--order random", "dbp"]),
        (&["--method", "dbp", "--alpha", "0.5"], &["--alpha", "dbp"]),
        (&["--temperature", "0.5"], &["--temperature", "d4"]),
        (&["--method", "scip", "--alpha", "1.1"], &["--alpha", "1.1", "from 0 to 1"]),
        (&["--method", "scip", "--order", "hard"], &["--order", "scip", "small clusters"]),
        (&["--method", "scip", "--epsilon", "0.1"], &["--epsilon", "scip"]),
        (&["--alpha", "0.5"], &["--alpha", "d4"]),
        (&["--block-rows", "0"], &["--block-rows", "at least 1"]),
        (&["--threads", "none"], &["--threads", "whole number"]),
        (&["--euclidean", "--spherical"], &["--euclidean", "--spherical"]),
        (&["--init", "absent"], &["absent", "k-means++"]),
        (&["--images", "absent"], &["absent", "--meta"]),
        (&["--id-column", "id"], &["--meta"]),
        (&["--nonsense"], &["--nonsense"]),
        (&["--resume", "--overwrite"], &["--resume", "--overwrite"]),
    ];
    for (flags, parts) in cases {
        CURATE.refused(&bench, &[&["x.npy"], *flags].concat(), 2, parts);
    }
    CURATE.refused(&bench, &["x.npy", "--init", "c.npy"], 1, &["c.npy", "4 values", "rows of 2"]);
    let output =
        CURATE.command(&bench, &["x.npy", "--out", "out"]).env("PAUCA_SIMD", "mmx").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("SIMD"), "{}", stderr(&output));
}

#[test]
fn bad_companions_are_refused() {
    let bench = Bench::new();
    bench.npy("x.npy", &uniform(4, 2, 1));
    bench.write("short.csv", b"id\n1\n2\n3\n");
    bench.write("good.csv", b"id\n1\n2\n3\n4\n");
    bench.write("broken.jsonl", b"{\"id\": 1}\n{\"id\": \n");
    bench.write("breaks.csv", b"id\n1\n\"a\nb\"\n3\n4\n");
    bench.write("sheet.png", b"not a picture");
    let cases: &[(&[&str], i32, &[&str])] = &[
        (&["--meta", "short.csv", "--id-column", "id"], 1, &["short.csv", "3 records", "4 rows"]),
        (&["--meta", "good.csv", "--id-column", "name"], 1, &["good.csv", "'name'", "'id'"]),
        (&["--meta", "broken.jsonl", "--id-column", "id"], 1, &["broken.jsonl", "line 2"]),
        (&["--meta", "breaks.csv", "--id-column", "id"], 1, &["breaks.csv", "row 1", "line break"]),
        (&["--meta", "absent.csv"], 1, &["absent.csv"]),
        (&["--meta", "x.npy"], 1, &["x.npy", ".csv"]),
        (&["--images", "sheet.png"], 1, &["sheet.png", "PNG"]),
    ];
    for (flags, code, parts) in cases {
        CURATE.refused(&bench, &[&["x.npy"], *flags].concat(), *code, parts);
    }
}

#[test]
fn sheet_with_too_few_tiles_is_refused() {
    let bench = Bench::new();
    bench.npy("x.npy", &uniform(5, 2, 1));
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 16, 20);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&[0; 320]).unwrap();
    bench.write("sheet.png", &bytes);
    let flags = ["x.npy", "--images", "sheet.png", "--image-size", "8"];
    CURATE.refused(&bench, &flags, 1, &["sheet.png", "4 tiles of 8 x 8", "16 x 20 pixels", "5 rows"]);
}

#[test]
fn unwritable_out_is_refused_before_the_work() {
    let bench = Bench::new();
    bench.npy("x.npy", &uniform(50, 4, 1));
    bench.write("file", b"in the way");
    CURATE.refused(&bench, &["x.npy", "--out", "file/inside"], 1, &["file/inside", "cannot be created"]);
    CURATE.refused(&bench, &["x.npy", "--out", "file"], 1, &["file", "cannot be"]);
    if std::path::Path::new("/proc/self").exists() {
        CURATE.refused(
            &bench,
            &["x.npy", "--out", "/proc/self/nothing"],
            1,
            &["/proc/self/nothing", "cannot be created"],
        );
    }
    assert_eq!(std::fs::read(bench.path("file")).unwrap(), b"in the way");
}

#[test]
fn full_disk_leaves_nothing() {
    let bench = Bench::new();
    bench.npy("x.npy", &uniform(20_000, 16, 1));
    std::fs::create_dir(bench.path("disk")).unwrap();
    let disk = bench.path("disk");
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=100k", "tmpfs"])
        .arg(&disk)
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("SKIPPED full_disk_leaves_nothing: mounting a small tmpfs needs privileges");
        return;
    }
    let output = CURATE.run(
        &bench,
        &["x.npy", "--out", "disk/out", "--clusters", "20", "--max-iter", "2", "--progress", "none"],
    );
    let left = bench.names("disk/out");
    let unmounted = std::process::Command::new("umount").arg(&disk).status().unwrap();
    assert!(unmounted.success());
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("disk/out/") && text.contains("No space left") && text.lines().count() == 1,
        "{text}"
    );
    // The state to continue from may stay: it is complete.
    assert!(left.is_empty() || left == ["checkpoint.bin"], "{left:?}");
}
