//! Whole runs: what is written, that it is consistent, and that it is the same however the work
//! was cut up.

mod workbench;

use half::{bf16, f16};
use ndarray::Array2;
use pauca_examples::input::Matrix;
use serde_json::Value;
use sha2::{Digest, Sha256};
use workbench::{Bench, CURATE, npy_with_header, redundant, safetensors, stderr, uniform, values};

#[test]
fn default_run_makes_report_and_plots_of_the_shipped_data() {
    let bench = Bench::new();
    let output = CURATE.done(&bench, &[]);
    let written = bench.names("out/emoji");
    let expected = [
        "centroids.npy",
        "centroids2.npy",
        "cluster_sizes.svg",
        "distance.npy",
        "distances.svg",
        "keep_curve.svg",
        "kept.csv",
        "kept.npy",
        #[cfg(feature = "parquet")]
        "kept.parquet",
        "kept_ids.txt",
        "labels.npy",
        "labels2.npy",
        "removed.csv",
        #[cfg(feature = "parquet")]
        "removed.parquet",
        "report.html",
        "report.json",
        "similarity.npy",
        "witness.npy",
    ];
    assert_eq!(written, expected);
    let files = bench.contents("out/emoji");
    let page = String::from_utf8(files["report.html"].clone()).unwrap();
    assert!(page.contains("Kept 1,587 of 3,174 rows"));
    assert!(page.matches("data:image/png;base64,").count() > 100, "the picture strip is there");
    assert!(!page.contains("<script"), "no script");
    let fetched = ["src=\"http", "href=\"http", "url(", "@import"].iter().find(|part| page.contains(**part));
    assert_eq!(fetched, None, "self-contained");
    assert_eq!(stderr(&output).lines().rev().take(5).count(), 5);

    // Every digest is that of the file.
    let report = bench.report("out/emoji");
    for (name, entry) in report["outputs"].as_object().unwrap() {
        let digest = pauca_examples::input::hex(&Sha256::digest(&files[name]));
        assert_eq!(entry["sha256"], digest, "{name}");
        assert_eq!(entry["bytes"], files[name].len(), "{name}");
    }
    // The parts add up.
    let kept: Vec<u64> = values(&files["kept.npy"]);
    assert!(kept.is_sorted_by(|a, b| a < b));
    assert_eq!(kept.len(), 1587);
    let removed = String::from_utf8(files["removed.csv"].clone()).unwrap();
    assert_eq!(removed.lines().count(), 1 + 3174 - 1587);
    assert_eq!(removed.lines().next(), Some("row,id,witness_row,witness,similarity,cluster,stage,reason"));
    assert_eq!(String::from_utf8(files["kept_ids.txt"].clone()).unwrap().lines().count(), 1587);
    let labels2: Vec<u32> = values(&files["labels2.npy"]);
    let distance: Vec<f64> = values(&files["distance.npy"]);
    let gone = labels2.iter().filter(|label| **label == u32::MAX).count();
    assert_eq!(gone as u64, report["counts"]["duplicates"].as_u64().unwrap());
    for (label, distance) in labels2.iter().zip(&distance) {
        assert_eq!(*label == u32::MAX, distance.is_nan());
    }
    assert_eq!(values::<f64>(&files["similarity.npy"]).len(), 3174);

    // The same run again is admitted and gives the same bytes.
    CURATE.done(&bench, &[]);
    assert_eq!(bench.contents("out/emoji"), files);
}

#[test]
fn every_method_gives_the_same_bytes_however_the_work_is_cut() {
    let bench = Bench::new();
    bench.npy("x.npy", &redundant(700, 24, 3));
    let methods: &[&[&str]] = &[
        &["--method", "d4", "--write-filtered"],
        &["--method", "semdedup", "--keep", "0.5"],
        &[
            "--method",
            "semdedup",
            "--rule",
            "greedy-cover",
            "--epsilon",
            "0.02",
            "--boundary",
            "ge",
            "--order",
            "random",
        ],
        &["--method", "prototypes", "--order", "easy", "--keep", "0.3"],
        &["--method", "kmeans", "--euclidean", "--init", "random", "--clusters", "9"],
        &["--method", "scip", "--keep", "0.6", "--alpha", "0.5"],
        &["--method", "dbp", "--keep", "0.4", "--temperature", "0.01"],
    ];
    for (i, method) in methods.iter().enumerate() {
        let whole = format!("whole{i}");
        CURATE.done(&bench, &[&["x.npy", "--threads", "1", "--out", &whole], *method].concat());
        let cuts: &[&[&str]] = &[
            &["--threads", "3"],
            &["--block-rows", "1"],
            &["--block-rows", "97", "--threads", "2"],
            &["--block-rows", "5000"],
        ];
        for (j, cut) in cuts.iter().enumerate() {
            let folder = format!("cut{i}.{j}");
            CURATE.done(&bench, &[&["x.npy", "--out", &folder], *method, *cut].concat());
            bench.assert_same(&whole, &folder);
        }
    }
    let rows = |folder: &str| bench.report(folder)["counts"]["kept"].as_u64().unwrap();
    let kept = [0, 1, 3, 4, 5].map(|i| rows(&format!("whole{i}")));
    assert_eq!(kept, [350, 350, 210, 700, 420]);
    assert!(!bench.names("whole4").contains(&"kept.npy".to_string()), "k-means keeps nothing back");
}

#[test]
fn element_types_and_orders_give_the_same_choice() {
    let bench = Bench::new();
    // Values that all three types hold exactly.
    let rows = uniform(120, 6, 9).mapv(|v| (v * 64.0).round() / 16.0);
    bench.npy("c.npy", &rows);
    let flat = |order: &Array2<f32>| order.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let columns = rows.t().as_standard_layout().into_owned();
    bench.write("fortran.npy", &npy_with_header("'<f4'", "True", "(120, 6)", &flat(&columns)));
    let halves: Vec<u8> = rows.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect();
    bench.write("half.npy", &npy_with_header("'<f2'", "False", "(120, 6)", &halves));
    let brains: Vec<u8> = rows.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect();
    // A name that leaves the values at an odd byte.
    for name in ["e", "em", "emb", "embe"] {
        let file = format!("{name}.safetensors");
        bench.write(
            &file,
            &safetensors(&[("scale", "F32", &[1], &[0; 4]), (name, "BF16", &[120, 6], &brains)]),
        );
    }
    let inputs = [
        "c.npy",
        "fortran.npy",
        "half.npy",
        "e.safetensors",
        "em.safetensors",
        "emb.safetensors",
        "embe.safetensors",
    ];
    for input in inputs {
        CURATE.done(&bench, &[input, "--out", input.split('.').next().unwrap(), "--write-filtered"]);
    }
    let first = bench.contents("c");
    for folder in ["fortran", "half", "e", "em", "emb", "embe"] {
        let other = bench.contents(folder);
        for name in [
            "kept.npy",
            "labels.npy",
            "labels2.npy",
            "centroids.npy",
            "distance.npy",
            "similarity.npy",
            "removed.csv",
        ] {
            assert!(first[name] == other[name], "{name} of {folder}");
        }
    }
    // The filtered rows are the kept rows, in the input's type.
    let kept: Vec<u64> = values(&first["kept.npy"]);
    for (folder, file) in [
        ("c", "filtered/c.npy"),
        ("fortran", "filtered/fortran.npy"),
        ("half", "filtered/half.npy"),
        ("emb", "filtered/emb.safetensors"),
    ] {
        let tensor = file.ends_with("safetensors").then_some(folder);
        let filtered = Matrix::open(&bench.path(folder).join(file), tensor).unwrap();
        let values = filtered.to_f32();
        assert_eq!(values.nrows(), kept.len());
        for (row, &from) in kept.iter().enumerate() {
            assert_eq!(values.row(row), rows.row(from as usize), "{folder}");
        }
    }
    assert_eq!(
        Matrix::open(&bench.path("half/filtered/half.npy"), None).unwrap().layout().dtype.name(),
        "f16"
    );
}

#[test]
fn dbp_keeps_the_farthest_rows_of_each_cluster_by_quota() {
    let bench = Bench::new();
    bench.npy("x.npy", &redundant(300, 8, 3));
    let flags = ["x.npy", "--method", "dbp", "--keep", "0.3", "--temperature", "0.02", "--clusters", "12"];
    CURATE.done(&bench, &[&flags[..], &["--out", "a", "--threads", "1"]].concat());
    CURATE.done(&bench, &[&flags[..], &["--out", "b", "--threads", "2", "--block-rows", "64"]].concat());
    bench.assert_same("a", "b");
    let files = bench.contents("a");
    assert!(["clusters.csv", "quotas.svg", "kept.npy"].iter().all(|name| files.contains_key(*name)));
    let table = String::from_utf8(files["clusters.csv"].clone()).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("cluster,rows,kept,intra,inter,complexity"));
    let labels: Vec<u32> = values(&files["labels.npy"]);
    let distances: Vec<f64> = values(&files["distance.npy"]);
    let mut expected = Vec::new();
    let mut complexities = Vec::new();
    for (j, line) in lines.enumerate() {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        let mut members: Vec<usize> = (0..300).filter(|&i| labels[i] as usize == j).collect();
        assert_eq!(cells[..2], [j as f64, members.len() as f64]);
        let mean = members.iter().map(|&i| distances[i]).sum::<f64>() / members.len() as f64;
        /// At most 300 additions of distances below 2.
        const SUM: f64 = 1e-12;
        assert!((cells[3] - mean).abs() < SUM, "{line}");
        assert_eq!(cells[5], cells[3] * cells[4]);
        members.sort_by(|&a, &b| distances[b].total_cmp(&distances[a]).then(a.cmp(&b)));
        expected.extend(members[..cells[2] as usize].iter().map(|&i| i as u64));
        complexities.push((cells[5], cells[2], members.len() as f64));
    }
    expected.sort_unstable();
    assert_eq!((expected.len(), values::<u64>(&files["kept.npy"])), (90, expected));
    // More complex clusters keep as many rows at least, unless they have no more.
    complexities.sort_by(|a, b| a.0.total_cmp(&b.0));
    for pair in complexities.windows(2) {
        assert!(pair[1].1 + 1.0 >= pair[0].1 || pair[1].1 == pair[1].2, "{complexities:?}");
    }
}

#[test]
fn rows_that_went_as_the_farthest_are_said_to_be_far() {
    let bench = Bench::new();
    bench.npy("x.npy", &redundant(100, 8, 3));
    for (method, order, reason) in [
        ("dbp", "easy", "far"),
        ("dbp", "hard", "prototypical"),
        ("prototypes", "easy", "far"),
        ("prototypes", "hard", "prototypical"),
    ] {
        let folder = format!("{method}.{order}");
        CURATE.done(&bench, &["x.npy", "--method", method, "--order", order, "--out", &folder]);
        let removed = String::from_utf8(bench.contents(&folder)["removed.csv"].clone()).unwrap();
        assert_eq!(removed.lines().skip(1).count(), 50);
        assert!(removed.lines().skip(1).all(|line| line.contains(&format!(",{reason},too "))), "{folder}");
    }
}

#[test]
fn scip_drops_small_clusters_then_far_rows() {
    let bench = Bench::new();
    bench.npy("x.npy", &redundant(300, 8, 3));
    let flags = ["x.npy", "--method", "scip", "--keep", "0.7", "--alpha", "0.6", "--clusters", "12"];
    CURATE.done(&bench, &[&flags[..], &["--out", "a", "--threads", "1"]].concat());
    CURATE.done(&bench, &[&flags[..], &["--out", "b", "--threads", "2", "--block-rows", "64"]].concat());
    bench.assert_same("a", "b");
    let files = bench.contents("a");
    let expected = [
        "centroids.npy",
        "cluster_sizes.svg",
        "distance.npy",
        "distances.svg",
        "kept.csv",
        "kept.npy",
        #[cfg(feature = "parquet")]
        "kept.parquet",
        "labels.npy",
        "removed.csv",
        #[cfg(feature = "parquet")]
        "removed.parquet",
        "report.html",
        "report.json",
    ];
    assert_eq!(files.keys().collect::<Vec<_>>(), expected);
    // Algorithm 1 once more, on the written clustering: 90 rows go, 54 of them by size.
    let labels: Vec<u32> = values(&files["labels.npy"]);
    let distances: Vec<f64> = values(&files["distance.npy"]);
    let size = |i: usize| labels.iter().filter(|label| **label == labels[i]).count();
    let farther = |a: usize, b: usize| distances[b].total_cmp(&distances[a]);
    let mut order: Vec<usize> = (0..300).collect();
    order.sort_by(|&a, &b| size(a).cmp(&size(b)).then(farther(a, b)).then(a.cmp(&b)));
    let mut rest = order.split_off(54);
    rest.sort_by(|&a, &b| farther(a, b).then(size(a).cmp(&size(b))).then(a.cmp(&b)));
    let mut stages = vec!["kept"; 300];
    order.iter().for_each(|&i| stages[i] = "small-cluster");
    rest[..36].iter().for_each(|&i| stages[i] = "far");
    let kept: Vec<u64> = (0..300).filter(|&i| stages[i] == "kept").map(|i| i as u64).collect();
    assert_eq!(values::<u64>(&files["kept.npy"]), kept);
    let removed: Vec<String> = (0..300)
        .filter(|&i| stages[i] != "kept")
        .map(|i| {
            let reason = match stages[i] {
                "far" => "too far from the centroid of its cluster",
                _ => "in one of the smallest clusters",
            };
            format!("{i},{i},,,,{},{},{reason}", labels[i], stages[i])
        })
        .collect();
    let text = String::from_utf8(files["removed.csv"].clone()).unwrap();
    assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), removed);
    let report = bench.report("a");
    assert_eq!(report["counts"]["kept"], 210);
    assert_eq!(report["pruning"], serde_json::json!({"by_size": 54, "by_distance": 36}));
    let page = String::from_utf8(files["report.html"].clone()).unwrap();
    assert!(page.contains("54 went with the smallest clusters, 36 as the farthest from their centroids."));
    // Unless told otherwise a fifth goes.
    CURATE.done(&bench, &["x.npy", "--method", "scip", "--clusters", "12", "--out", "fifth"]);
    assert_eq!(bench.report("fifth")["counts"]["kept"], 240);
    assert_eq!(bench.report("fifth")["pruning"]["by_size"], 48);
}

#[test]
fn given_centroids_are_a_start() {
    let bench = Bench::new();
    let rows = redundant(200, 5, 2);
    bench.npy("x.npy", &rows);
    bench.npy("start.npy", &rows.slice(ndarray::s![..7, ..]).to_owned());
    CURATE.done(
        &bench,
        &["x.npy", "--out", "a", "--method", "kmeans", "--init", "start.npy", "--max-iter", "0"],
    );
    let report = bench.report("a");
    assert_eq!(
        (&report["clustering"]["clusters"], &report["clustering"]["iterations"]),
        (&7.into(), &0.into())
    );
    let centroids = Matrix::open(&bench.path("a/centroids.npy"), None).unwrap().to_f32();
    assert_eq!(centroids, rows.slice(ndarray::s![..7, ..]));
}

#[test]
fn identifiers_and_texts_come_from_the_metadata() {
    let bench = Bench::new();
    bench.npy("x.npy", &redundant(60, 8, 5));
    let lines: String =
        (0..60).map(|i| format!("{{\"name\": \"doc-{i}\", \"body\": \"<b>text {i}\"}}\n")).collect();
    bench.write("m.jsonl", lines.as_bytes());
    CURATE.done(
        &bench,
        &[
            "x.npy",
            "--out",
            "a",
            "--meta",
            "m.jsonl",
            "--id-column",
            "name",
            "--text",
            "body",
            "--clusters",
            "4",
        ],
    );
    let files = bench.contents("a");
    let kept: Vec<u64> = values(&files["kept.npy"]);
    let ids = String::from_utf8(files["kept_ids.txt"].clone()).unwrap();
    assert!(ids.lines().eq(kept.iter().map(|row| format!("doc-{row}"))));
    let removed = String::from_utf8(files["removed.csv"].clone()).unwrap();
    // A removed row is named and numbered, and so is its witness.
    for line in removed.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells[1], format!("doc-{}", cells[0]));
        assert!(cells[2].is_empty() == cells[3].is_empty());
        assert!(cells[2].is_empty() || cells[3] == format!("doc-{}", cells[2]), "{line}");
    }
    assert!(removed.contains(",duplicate") && removed.contains(",prototypical"));
    let page = String::from_utf8(files["report.html"].clone()).unwrap();
    assert!(page.contains("&lt;b&gt;text") && !page.contains("<b>text"), "texts are escaped");
}

#[test]
fn another_run_is_not_replaced_unasked() {
    let bench = Bench::new();
    bench.npy("x.npy", &redundant(100, 8, 5));
    CURATE.done(&bench, &["x.npy", "--out", "a"]);
    let before = bench.contents("a");
    for other in [&["--seed", "1"][..], &["--method", "kmeans"], &["--clusters", "3"]] {
        let output = CURATE.run(&bench, &[&["x.npy", "--out", "a"], other].concat());
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("--overwrite"), "{}", stderr(&output));
        assert_eq!(bench.contents("a"), before);
    }
    CURATE.done(&bench, &["x.npy", "--out", "a", "--resume"]);
    CURATE.done(&bench, &["x.npy", "--out", "a", "--method", "kmeans", "--overwrite"]);
    let names = bench.names("a");
    assert!(
        !names.contains(&"labels2.npy".to_string()) && names.contains(&"labels.npy".to_string()),
        "{names:?}"
    );
    // A file of somebody else's that has one of our names.
    std::fs::create_dir(bench.path("b")).unwrap();
    bench.write("b/kept.npy", b"precious");
    let output = CURATE.run(&bench, &["x.npy", "--out", "b"]);
    assert!(output.status.code() == Some(2) && stderr(&output).contains("kept.npy"), "{}", stderr(&output));
    assert_eq!(std::fs::read(bench.path("b/kept.npy")).unwrap(), b"precious");
}

/// What is kept by tokens is the longest beginning of the order of preference that fits.
#[test]
fn a_share_of_the_tokens_is_kept() {
    let bench = Bench::new();
    bench.npy("x.npy", &redundant(120, 8, 5));
    let tokens: Vec<u64> = (0..120).map(|i| i * 37 % 50).collect();
    let lines: String = tokens.iter().map(|tokens| format!("{tokens}\n")).collect();
    bench.write("m.csv", format!("tokens\n{lines}").as_bytes());
    let common = ["x.npy", "--meta", "m.csv", "--tokens", "tokens"];
    let all: u64 = tokens.iter().sum();
    for method in ["d4", "prototypes"] {
        let flags = ["--method", method, "--keep-tokens", "0.3", "--out", method];
        CURATE.done(&bench, &[&common[..], &flags].concat());
        let kept: Vec<u64> = values(&bench.contents(method)["kept.npy"]);
        let sum: u64 = kept.iter().map(|&row| tokens[row as usize]).sum();
        assert!(sum as f64 <= 0.3 * all as f64, "{method}: {sum} of {all}");
        // One row more by the same order does not fit.
        let share = format!("{}", (kept.len() + 1) as f64 / 120.0);
        let flags = ["--method", method, "--keep", &share, "--out", "more"];
        CURATE.done(&bench, &[&common[..], &flags, &["--overwrite"]].concat());
        let more: Vec<u64> = values(&bench.contents("more")["kept.npy"]);
        assert!(more.len() == kept.len() + 1 && kept.iter().all(|row| more.contains(row)));
        let sum: u64 = more.iter().map(|&row| tokens[row as usize]).sum();
        assert!(sum as f64 > 0.3 * all as f64, "{method}: {sum} of {all}");
    }
    let both = [&common[..], &["--keep-tokens", "0.3", "--keep", "0.3"]].concat();
    CURATE.refused(&bench, &both, 2, &["--keep-tokens", "--keep"]);
    let dbp = [&common[..], &["--keep-tokens", "0.3", "--method", "dbp"]].concat();
    CURATE.refused(&bench, &dbp, 2, &["--keep-tokens", "dbp"]);
}

#[test]
fn plan_does_nothing() {
    let bench = Bench::new();
    bench.npy("x.npy", &uniform(100, 8, 5));
    let output = CURATE.done(&bench, &["x.npy", "--plan"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("100 rows of 8 values") && text.contains("50 in the end"), "{text}");
    for part in [
        "probe      100 rows",
        "time       about",
        "memory     about",
        "disk       about",
        "suggested  --clusters",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(bench.names("."), ["x.npy"]);
}

#[test]
fn progress_json_is_one_object_per_line() {
    let bench = Bench::new();
    bench.npy("x.npy", &uniform(300, 8, 5));
    let output = CURATE.done(&bench, &["x.npy", "--out", "a", "--progress", "json"]);
    let events: Vec<Value> =
        stderr(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |event: &str| events.iter().filter(|e| e["event"] == event).count();
    assert!(count("stage") >= 5 && count("step") >= 2, "{events:?}");
    // The second seeding is a stage of its own, between those that it was booked under.
    let stages: Vec<&str> = events.iter().filter_map(|e| e["stage"].as_str()).collect();
    let first = |stage: &str| stages.iter().position(|name| *name == stage);
    let order = ["seed", "cluster", "deduplicate", "seed again", "recluster", "write"].map(first);
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{stages:?}");
    assert!(bench.report("a")["run"]["seconds"]["seed again"].is_number());
    let done: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&done["event"], &done["kept"]), (&"done".into(), &150.into()));
    let quiet = CURATE.done(&bench, &["x.npy", "--out", "b", "--progress", "none", "--quiet"]);
    assert!(quiet.stdout.is_empty() && quiet.stderr.is_empty());
}

#[test]
fn smallest_inputs_work() {
    let bench = Bench::new();
    for n in [1, 2, 3] {
        bench.npy("x.npy", &uniform(n, 1, 5));
        for method in ["d4", "semdedup", "prototypes", "scip", "dbp", "kmeans"] {
            let folder = format!("{method}{n}");
            CURATE.done(&bench, &["x.npy", "--out", &folder, "--method", method]);
        }
    }
    // All rows equal, and rows of zeros.
    bench.npy("same.npy", &Array2::from_elem((50, 4), 0.25));
    CURATE.done(
        &bench,
        &["same.npy", "--out", "same", "--method", "semdedup", "--epsilon", "0.01", "--clusters", "1"],
    );
    assert_eq!(bench.report("same")["counts"]["kept"], 1);
    bench.npy("zero.npy", &Array2::zeros((10, 4)));
    CURATE.done(&bench, &["zero.npy", "--out", "zero", "--clusters", "1"]);
}
