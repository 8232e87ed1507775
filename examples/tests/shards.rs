//! Data sets of many files: read as one array of rows, written again without the rows that went.

mod workbench;

use std::collections::BTreeMap;

use half::f16;
use ndarray::{Array2, s};
use pauca_examples::input::Matrix;
use pauca_examples::input::npy::Header;
use workbench::{
    Bench, CURATE, FILTER_PAIRS, PRUNE_CODE, SCORE_TEXT, npy_with_header, redundant, safetensors, stderr,
    values, values_of,
};

/// What decides: the same in two folders, whatever the input was called.
fn assert_decided_alike(bench: &Bench, a: &str, b: &str) {
    let [a, b] = [a, b].map(|folder| bench.contents(folder));
    for name in [
        "kept.npy",
        "labels.npy",
        "labels2.npy",
        "centroids.npy",
        "distance.npy",
        "similarity.npy",
        "witness.npy",
    ] {
        assert!(a[name] == b[name], "{name}");
    }
}

/// Splits `rows` at `cuts` into files of a folder, numbered without zeros in front.
fn split(bench: &Bench, folder: &str, rows: &Array2<f32>, cuts: &[usize]) {
    std::fs::create_dir_all(bench.path(folder)).unwrap();
    let ends = cuts.iter().copied().chain([rows.nrows()]);
    let mut start = 0;
    for (i, end) in ends.enumerate() {
        bench.npy(&format!("{folder}/part-{i}.npy"), &rows.slice(s![start..end, ..]).to_owned());
        start = end;
    }
}

#[test]
fn files_folders_and_patterns_are_one_data_set() {
    let bench = Bench::new();
    let rows = redundant(260, 12, 3);
    bench.npy("x.npy", &rows);
    CURATE.done(&bench, &["x.npy", "--out", "one"]);
    // Eleven parts: in the order of their numbers, not of their names.
    split(&bench, "many", &rows, &[10, 30, 31, 60, 90, 120, 150, 180, 200, 230]);
    split(&bench, "few", &rows, &[100, 101]);
    let cases: [(&str, &[&str]); 6] = [
        ("a", &["many"]),
        ("b", &["many/part-*.npy"]),
        ("c", &["few"]),
        ("d", &["few/part-2.npy", "few/part-0.npy", "few/part-1.npy"]),
        ("e", &["many", "--block-rows", "37"]),
        ("f", &["few", "--threads", "1", "--block-rows", "1000"]),
    ];
    for (folder, flags) in cases {
        CURATE.done(&bench, &[flags, &["--out", folder]].concat());
        assert_decided_alike(&bench, "one", folder);
    }
    let input = &bench.report("a")["configuration"]["input"];
    assert_eq!(input["files"].as_array().unwrap().len(), 11);
    assert_eq!((&input["rows"], &input["files"][10]["file"]), (&260.into(), &"part-10.npy".into()));
    // A stopped run continues only on the same files.
    CURATE.done(&bench, &["many", "--out", "a", "--resume"]);
    let output = CURATE.run(&bench, &["few", "--out", "a", "--resume"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));

    bench.npy("few/part-3.npy", &redundant(5, 11, 1));
    CURATE.refused(&bench, &["few"], 1, &["part-3.npy", "rows of 11 values", "part-0.npy of 12"]);
    let halves: Vec<u8> = (0..24).flat_map(|_| f16::ONE.to_le_bytes()).collect();
    bench.write("few/part-3.npy", &npy_with_header("'<f2'", "False", "(2, 12)", &halves));
    CURATE.refused(&bench, &["few"], 1, &["part-3.npy", "holds f16", "part-0.npy holds f32"]);
    let mut bad = redundant(5, 12, 1);
    bad[[3, 2]] = f32::NAN;
    bench.npy("few/part-3.npy", &bad);
    CURATE.refused(&bench, &["few"], 1, &["part-3.npy", "row 3", "column 2", "row 263 of all"]);
    CURATE.refused(&bench, &["x.npy", "./x.npy"], 2, &["named twice"]);
    CURATE.refused(&bench, &["none*.npy"], 1, &["none*.npy", "fits no file"]);
    std::fs::create_dir(bench.path("empty")).unwrap();
    CURATE.refused(&bench, &["empty"], 1, &["empty", "is a folder without a file of a known kind", ".npy"]);
}

#[test]
fn wide_values_are_cast_when_told() {
    let bench = Bench::new();
    let rows = redundant(60, 6, 3);
    bench.npy("x.npy", &rows);
    CURATE.done(&bench, &["x.npy", "--out", "one"]);
    let wide =
        |order: &Array2<f32>| order.iter().flat_map(|v| f64::from(*v).to_le_bytes()).collect::<Vec<u8>>();
    bench.write("w.npy", &npy_with_header("'<f8'", "False", "(60, 6)", &wide(&rows)));
    bench.write(
        "f.npy",
        &npy_with_header("'<f8'", "True", "(60, 6)", &wide(&rows.t().as_standard_layout().into_owned())),
    );
    CURATE.refused(
        &bench,
        &["w.npy"],
        1,
        &["w.npy", "float64", "--cast f32", "np.save(path, x.astype(np.float32))"],
    );
    for (file, folder) in [("w.npy", "w"), ("f.npy", "f")] {
        CURATE.done(&bench, &[file, "--cast", "f32", "--out", folder, "--write-filtered"]);
        assert_decided_alike(&bench, "one", folder);
        // What is written again has the type that the file had.
        let bytes = std::fs::read(bench.path(folder).join("filtered").join(file)).unwrap();
        let header = Header::parse(&bytes).unwrap();
        assert_eq!((header.descr.as_str(), &header.shape[..]), ("<f8", &[30, 6][..]));
        let kept: Vec<u64> = values(&bench.contents(folder)["kept.npy"]);
        let first = f64::from_le_bytes(std::array::from_fn(|i| bytes[header.data_start + 8 + i]));
        assert_eq!(first, f64::from(rows[[kept[0] as usize, 1]]));
    }
    let flags = ["w.npy", "--cast", "f32", "--spill-limit", "1k"];
    CURATE.refused(
        &bench,
        &flags,
        1,
        &["60 rows of 6 values", "1440B on the disk", "--spill-limit allows 1000B"],
    );
    let plan = CURATE.done(&bench, &["w.npy", "--cast", "f32", "--plan"]);
    assert!(String::from_utf8(plan.stdout).unwrap().contains("written once to a row file of 1440B"));
}

#[test]
fn filtered_files_are_the_input_without_what_went() {
    let bench = Bench::new();
    let rows = redundant(90, 6, 3);
    split(&bench, "in", &rows, &[20, 21, 60]);
    let lines: String = (0..90).map(|i| format!("{{\"id\": \"r{i}\", \"n\": {i}}}\r\n")).collect();
    bench.write("m.jsonl", format!("\u{feff}{lines}\n").as_bytes());
    let flags = ["in", "--meta", "m.jsonl", "--id-column", "id", "--out", "out", "--write-filtered"];
    CURATE.done(&bench, &flags);
    let kept: Vec<u64> = values(&bench.contents_of("out", "kept.npy"));
    let mut at = 0;
    for (i, part) in [0..20, 20..21, 21..60, 60..90u64].into_iter().enumerate() {
        let wanted: Vec<u64> = kept.iter().copied().filter(|row| part.contains(row)).collect();
        let path = bench.path(&format!("out/filtered/part-{i}.npy"));
        let header = Header::parse(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(header.shape, [wanted.len(), 6], "a file of which nothing stays is there, and empty");
        if !wanted.is_empty() {
            let found = Matrix::open(&path, None).unwrap().to_f32();
            for (row, &from) in found.rows().into_iter().zip(&wanted) {
                assert_eq!(row, rows.row(from as usize));
            }
        }
        at += wanted.len();
    }
    assert_eq!(at, kept.len());
    let text = String::from_utf8(bench.contents_of("out/filtered", "m.jsonl")).unwrap();
    let expected: String = kept.iter().map(|i| format!("{{\"id\": \"r{i}\", \"n\": {i}}}\r\n")).collect();
    assert_eq!(text.trim_start_matches('\u{feff}'), expected);
    assert!(bench.report("out")["outputs"]["filtered/part-0.npy"]["sha256"].is_string());
    // A later run of other settings clears them, folder and all.
    CURATE.done(&bench, &["in", "--out", "out", "--overwrite"]);
    assert!(!bench.path("out/filtered").exists());
    // Other tensors of as many rows lose the same rows.
    let labels: Vec<u8> = (0..90).collect();
    let file = safetensors(&[
        ("x", "F32", &[90, 6], &values_of(&rows)),
        ("y", "U8", &[90], &labels),
        ("s", "U8", &[2], &[7, 8]),
    ]);
    bench.write("x.safetensors", &file);
    CURATE.done(&bench, &["x.safetensors", "--out", "s", "--write-filtered"]);
    let bytes = bench.contents_of("s/filtered", "x.safetensors");
    let found = pauca_examples::input::safetensors::open(&bytes).unwrap();
    assert!(found.tensor("y").unwrap().data().iter().map(|v| u64::from(*v)).eq(kept.iter().copied()));
    assert_eq!(found.tensor("s").unwrap().data(), [7, 8]);
}

#[test]
fn tables_of_rows_agree_and_say_why() {
    let bench = Bench::new();
    let rows = redundant(80, 6, 3);
    bench.npy("x.npy", &rows);
    let ids: String = (0..80).map(|i| format!("{:032x}\n", 1000 - i)).collect();
    bench.write("m.txt", ids.as_bytes());
    let flags = ["x.npy", "--meta", "m.txt", "--id-column", "text", "--write-uids", "--out", "a"];
    CURATE.done(&bench, &flags);
    let files = bench.contents("a");
    let kept: Vec<u64> = values(&files["kept.npy"]);
    let bytes = &files["kept_uids.npy"];
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = String::from_utf8_lossy(&bytes[10..start]);
    assert!(header.contains("'descr': [('f0', '<u8'), ('f1', '<u8')]"), "{header}");
    assert!(header.contains(&format!("'shape': ({},)", kept.len())), "{header}");
    let uids: Vec<u64> = bytes[start..]
        .chunks_exact(16)
        .map(|b| u64::from_le_bytes(std::array::from_fn(|i| b[8 + i])))
        .collect();
    assert!(uids.iter().copied().eq(kept.iter().rev().map(|row| 1000 - row)), "ascending");
    let text = String::from_utf8(files["removed.csv"].clone()).unwrap();
    let mut lines = text.lines();
    let columns = ["row", "id", "witness_row", "witness", "similarity", "cluster", "stage", "reason"];
    assert_eq!(lines.next(), Some(&*columns.join(",")));
    let witness: Vec<u64> = values(&files["witness.npy"]);
    let similarity: Vec<f64> = values(&files["similarity.npy"]);
    let mut duplicates = 0;
    for line in lines.filter(|line| line.contains(",duplicate,too similar")) {
        let cells: Vec<&str> = line.split(',').collect();
        let row = 1000 - u64::from_str_radix(cells[1], 16).unwrap();
        assert_eq!(cells[0], row.to_string());
        assert_eq!(cells[2], witness[row as usize].to_string());
        assert_eq!(cells[3], format!("{:032x}", 1000 - witness[row as usize]));
        assert_eq!(cells[4].parse::<f64>().unwrap(), similarity[row as usize]);
        duplicates += 1;
    }
    assert_eq!(duplicates, bench.report("a")["counts"]["duplicates"]);
    let expected: String = kept.iter().map(|row| format!("{row},{:032x}\n", 1000 - row)).collect();
    assert_eq!(String::from_utf8(files["kept.csv"].clone()).unwrap(), format!("row,id\n{expected}"));
    #[cfg(feature = "parquet")]
    {
        use pauca_examples::input::meta::Meta;
        let table = |name: &str| Meta::read(&[bench.path("a").join(name)], &["id"]).unwrap();
        let removed = table("removed.parquet");
        assert_eq!(removed.len(), 40);
        for (at, column) in columns.iter().enumerate() {
            let found = removed.column(column).unwrap();
            for (i, line) in text.lines().skip(1).enumerate() {
                let cell = line.splitn(8, ',').nth(at).unwrap().trim_matches('"');
                assert_eq!(found.get(i), cell, "{column} of row {i}");
            }
        }
        assert!(
            kept.iter()
                .enumerate()
                .all(|(i, row)| { table("kept.parquet").column("row").unwrap().get(i) == row.to_string() })
        );
    }
    bench.write("m.txt", ids.replace('e', "x").as_bytes());
    let flags = ["x.npy", "--meta", "m.txt", "--id-column", "text", "--write-uids"];
    CURATE.refused(&bench, &flags, 1, &["m.txt", "is no uid of DataComp"]);
}

#[test]
fn clip_retrieval_folders_are_understood() {
    let bench = Bench::new();
    let rows = redundant(40, 6, 3);
    let texts = redundant(40, 6, 4);
    for (folder, side) in [("img_emb", &rows), ("text_emb", &texts)] {
        std::fs::create_dir_all(bench.path("set").join(folder)).unwrap();
        for (i, part) in [0..15, 15..40].into_iter().enumerate() {
            bench.npy(&format!("set/{folder}/{folder}_{i}.npy"), &side.slice(s![part, ..]).to_owned());
        }
    }
    std::fs::create_dir(bench.path("set/metadata")).unwrap();
    let lines =
        |range: std::ops::Range<usize>| range.map(|i| format!("k{i},caption {i}\n")).collect::<String>();
    bench.write("set/metadata/metadata_0.csv", format!("key,caption\n{}", lines(0..15)).as_bytes());
    bench.write("set/metadata/metadata_1.csv", format!("key,caption\n{}", lines(15..40)).as_bytes());
    CURATE
        .done(&bench, &["set", "--id-column", "key", "--text", "caption", "--out", "a", "--write-filtered"]);
    let names = bench.names("a/filtered/img_emb");
    assert_eq!(
        (names, bench.names("a/filtered/metadata").len()),
        (vec!["img_emb_0.npy".into(), "img_emb_1.npy".into()], 2)
    );
    let kept = String::from_utf8(bench.contents_of("a", "kept_ids.txt")).unwrap();
    assert!(kept.lines().count() == 20 && kept.starts_with('k'));
    FILTER_PAIRS.done(&bench, &["set", "--name", "caption", "--resamples", "10", "--out", "b"]);
    assert_eq!(bench.report("b")["counts"]["pairs"], 40);
    bench.write("set/metadata/metadata_1.csv", format!("key,caption\n{}", lines(15..39)).as_bytes());
    let parts = ["metadata_1.csv", "has 24 records", "img_emb_1.npy has 25 rows"];
    CURATE.refused(&bench, &["set"], 1, &parts);
}

#[test]
fn an_earlier_selection_is_gone_on_from() {
    let bench = Bench::new();
    let rows = redundant(120, 6, 3);
    bench.npy("x.npy", &rows);
    let ids: String = (0..120).map(|i| format!("r{i}\n")).collect();
    bench.write("m.txt", ids.as_bytes());
    CURATE.done(
        &bench,
        &["x.npy", "--method", "semdedup", "--epsilon", "0.05", "--out", "a", "--write-filtered"],
    );
    let first: Vec<u64> = values(&bench.contents_of("a", "kept.npy"));
    let dbp =
        ["--method", "dbp", "--keep", "0.5", "--meta", "m.txt", "--id-column", "text", "--clusters", "6"];
    CURATE.done(
        &bench,
        &[&["x.npy", "--rows", "a/kept.npy", "--out", "b", "--write-filtered"], &dbp[..]].concat(),
    );
    let second: Vec<u64> = values(&bench.contents_of("b", "kept.npy"));
    assert!(!second.is_empty() && second.len() < first.len() && second.iter().all(|row| first.contains(row)));
    // The same as on a file of those rows, but that rows keep their numbers and their draws.
    let filtered = Matrix::open(&bench.path("b/filtered/x.npy"), None).unwrap().to_f32();
    for (row, &from) in filtered.rows().into_iter().zip(&second) {
        assert_eq!(row, rows.row(from as usize));
    }
    let kept = String::from_utf8(bench.contents_of("b", "kept_ids.txt")).unwrap();
    assert!(kept.lines().eq(second.iter().map(|row| format!("r{row}"))));
    let removed = String::from_utf8(bench.contents_of("b", "removed.csv")).unwrap();
    assert!(removed.lines().skip(1).all(|line| {
        let row: u64 = line.split(',').next().unwrap().parse().unwrap();
        first.contains(&row) && !second.contains(&row)
    }));
    assert_eq!(bench.report("b")["configuration"]["rows"]["count"], first.len());
    bench.write(
        "r.npy",
        &npy_with_header("'<u8'", "False", "(2,)", &[5, 0, 0, 0, 0, 0, 0, 0, 120, 0, 0, 0, 0, 0, 0, 0]),
    );
    CURATE.refused(&bench, &["x.npy", "--rows", "r.npy"], 1, &["r.npy", "row 120", "120 rows"]);
    bench.write(
        "r.npy",
        &npy_with_header("'<u8'", "False", "(2,)", &[5, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]),
    );
    CURATE.refused(&bench, &["x.npy", "--rows", "r.npy"], 1, &["r.npy", "ascend"]);
}

#[test]
fn quiet_is_about_facts_and_progress_about_progress() {
    let bench = Bench::new();
    bench.npy("x.npy", &redundant(60, 6, 3));
    let said = |flags: &[&str]| {
        let output = CURATE.done(&bench, &[&["x.npy", "--out", "a", "--overwrite"], flags].concat());
        (stderr(&output), String::from_utf8(output.stdout).unwrap())
    };
    let (all, _) = said(&[]);
    assert!(all.contains("cluster ") && all.contains("open "), "{all}");
    let (facts, out) = said(&["--progress", "none"]);
    assert!(!facts.contains("cluster  ") && facts.contains("report.html") && out.is_empty(), "{facts}");
    let (progress, _) = said(&["--quiet"]);
    assert!(progress.contains("cluster ") && !progress.contains("report.html"), "{progress}");
    assert_eq!(said(&["--quiet", "--progress", "none"]), (String::new(), String::new()));
    let (events, object) = said(&["--progress", "json", "-q"]);
    assert!(events.starts_with('{') && object.is_empty(), "{object}");
}

#[test]
fn columns_order_rows_and_count_groups_and_tokens() {
    let bench = Bench::new();
    let mut rows = redundant(100, 6, 3);
    // Rows 0 and 50 on are copies of each other, of which one stays.
    for i in 0..50 {
        let first = rows.row(i).to_owned();
        rows.row_mut(50 + i).assign(&first);
    }
    bench.npy("x.npy", &rows);
    let lines: String =
        (0..100).map(|i| format!("{},{},{}\n", 2000 + i % 50 + i / 50, ["web", "book"][i / 50], i)).collect();
    bench.write("m.csv", format!("year,source,tokens\n{lines}").as_bytes());
    let flags = [
        "x.npy",
        "--meta",
        "m.csv",
        "--method",
        "semdedup",
        "--epsilon",
        "0",
        "--boundary",
        "ge",
        "--clusters",
        "1",
    ];
    let kept = |order: &str, folder: &str| {
        let further = ["--order", order, "--by", "source", "--tokens", "tokens", "--out", folder];
        let output = CURATE.done(&bench, &[&flags[..], &further].concat());
        (values::<u64>(&bench.contents_of(folder, "kept.npy")), stderr(&output))
    };
    let (first, said) = kept("first", "a");
    assert!(first.iter().all(|row| *row < 50) && !first.is_empty(), "{first:?}");
    // The second of each pair is a year newer.
    let (newest, _) = kept("year", "b");
    assert!(newest.iter().all(|row| *row >= 50), "{newest:?}");
    assert!(kept("year:asc", "c").0.iter().all(|row| *row < 50));
    assert_eq!(bench.report("b")["configuration"]["order"], "year");
    let columns = &bench.report("a")["columns"];
    let sum: u64 = first.iter().sum();
    assert_eq!((&columns["all"]["tokens"], &columns["all"]["tokens_kept"]), (&4950.into(), &sum.into()));
    assert_eq!(columns["by"]["groups"].as_array().unwrap().len(), 2);
    let group = |name: &str| {
        columns["by"]["groups"].as_array().unwrap().iter().find(|g| g["group"] == name).unwrap().clone()
    };
    assert_eq!((&group("web")["kept"], &group("book")["kept"]), (&first.len().into(), &0.into()));
    assert!(said.contains("tokens") && said.contains("of the tokens stay"), "{said}");
    let page = String::from_utf8(bench.contents_of("a", "report.html")).unwrap();
    assert!(page.contains("By source") && page.contains("of the tokens stay"));
    CURATE.refused(&bench, &[&flags[..], &["--order", "age"]].concat(), 1, &["m.csv", "'age'", "'year'"]);
    CURATE.refused(&bench, &["x.npy", "--order", "age"], 2, &["'age'", "--meta"]);
    CURATE.refused(
        &bench,
        &[&flags[..], &["--tokens", "source"]].concat(),
        1,
        &["row 0", "\"web\"", "tokens"],
    );
}

#[cfg(feature = "parquet")]
mod tables {
    use super::*;
    use ::parquet::file::reader::FileReader;
    use pauca_examples::input::parquet::Table;

    /// A column of lists, some of which may be null.
    type Lists = Vec<Option<Vec<f32>>>;

    fn lists(rows: &Array2<f32>) -> Lists {
        rows.rows().into_iter().map(|row| Some(row.to_vec())).collect()
    }

    #[test]
    fn parquet_shards_are_read_and_written_again() {
        let bench = Bench::new();
        let rows = redundant(150, 8, 3);
        bench.npy("x.npy", &rows);
        CURATE.done(&bench, &["x.npy", "--out", "one"]);
        std::fs::create_dir(bench.path("in")).unwrap();
        let all = lists(&rows);
        for (i, part) in [0..50, 50..57, 57..150].into_iter().enumerate() {
            let ids: Vec<i64> = part.clone().map(|i| i as i64 - 3).collect();
            bench.write(&format!("in/part-{i}.parquet"), &workbench::parquet::file(&all[part], &ids, 20));
        }
        let flags = ["in", "--id-column", "id", "--text", "text", "--out", "a", "--write-filtered"];
        CURATE.done(&bench, &flags);
        assert_decided_alike(&bench, "one", "a");
        let kept: Vec<u64> = values(&bench.contents_of("a", "kept.npy"));
        let ids = String::from_utf8(bench.contents_of("a", "kept_ids.txt")).unwrap();
        assert!(ids.lines().eq(kept.iter().map(|row| (*row as i64 - 3).to_string())));
        assert!(bench.names("a").iter().all(|name| !name.starts_with('.')), "{:?}", bench.names("a"));
        let mut found = Vec::new();
        for i in 0..3 {
            let [before, after] = ["in", "a/filtered"]
                .map(|folder| Table::open(&bench.path(folder).join(format!("part-{i}.parquet"))).unwrap());
            let of = |table: &Table| {
                let file = table.reader().metadata().file_metadata();
                let packed: Vec<String> = table
                    .reader()
                    .metadata()
                    .row_groups()
                    .iter()
                    .flat_map(|group| group.columns().iter().map(|c| format!("{:?}", c.compression())))
                    .collect();
                (
                    file.schema_descr().root_schema().clone(),
                    file.key_value_metadata().cloned(),
                    packed.first().cloned(),
                )
            };
            assert_eq!(of(&before), of(&after));
            let rows = after.reader().get_row_iter(None).unwrap();
            let records: BTreeMap<String, String> = before
                .reader()
                .get_row_iter(None)
                .unwrap()
                .map(|row| {
                    let text = row.unwrap().to_string();
                    (text.split(',').next().unwrap().to_string(), text)
                })
                .collect();
            for row in rows {
                let text = row.unwrap().to_string();
                let id = text.split(',').next().unwrap().to_string();
                assert_eq!(records[&id], text, "every column of the record, lists and nulls too");
                found.push(id);
            }
        }
        assert_eq!(found.len(), kept.len());
        assert!(
            found.iter().zip(&kept).all(|(id, row)| id.ends_with(&format!(": {}", *row as i64 - 3))),
            "{found:?}"
        );
        // The records of a table can stand beside arrays too.
        CURATE.done(&bench, &["x.npy", "--meta", "in", "--id-column", "id", "--out", "b"]);
        assert_eq!(bench.contents_of("b", "removed.csv"), bench.contents_of("a", "removed.csv"));
        // The other programs read the same shards.
        bench.write(
            "m.csv",
            (0..150)
                .map(|i| format!("f{i},{}\n", i + 1))
                .fold("id,tokens\n".into(), |a: String, b| a + &b)
                .as_bytes(),
        );
        PRUNE_CODE.done(&bench, &["in", "--meta", "m.csv", "--out", "c", "--resamples", "10"]);
        assert_eq!(bench.report("c")["configuration"]["input"]["rows"], 150);
    }

    #[test]
    fn parquet_rows_that_are_none_are_refused() {
        let bench = Bench::new();
        let rows = redundant(30, 4, 3);
        let refused = |change: &dyn Fn(&mut Lists), parts: &[&str]| {
            let mut all = lists(&rows);
            change(&mut all);
            let ids: Vec<i64> = (0..30).collect();
            bench.write("x.parquet", &workbench::parquet::file(&all, &ids, 10));
            CURATE.refused(&bench, &["x.parquet"], 1, &[&["x.parquet"], parts].concat());
        };
        refused(&|all| all[17] = None, &["row 17", "'emb'", "is null or empty"]);
        refused(&|all| all[0] = None, &["row 0", "is null or empty"]);
        refused(&|all| all[17] = Some(vec![]), &["row 17", "is null or empty"]);
        refused(&|all| all[29] = Some(vec![1.0; 5]), &["row 29", "holds 5 values, 4 are needed"]);
        refused(&|all| all[12] = Some(vec![1.0, -0.0, 1.0, 2.0]), &["row 12", "holds a null at place 1"]);
        refused(&|all| all[12] = Some(vec![1.0, f32::NAN, 1.0, 2.0]), &["row 12", "column 1"]);
        let ids: Vec<i64> = (0..30).collect();
        let good = workbench::parquet::file(&lists(&rows), &ids, 10);
        bench.write("x.parquet", &good);
        CURATE.refused(
            &bench,
            &["x.parquet", "--embedding", "text"],
            1,
            &["column 'text' holds no lists of floats"],
        );
        CURATE.refused(&bench, &["x.parquet", "--embedding", "vec"], 1, &["has no column 'vec'", "'emb'"]);
        CURATE.refused(&bench, &["x.parquet", "--id-column", "text"], 1, &["row 6", "is null"]);
        CURATE.refused(&bench, &["x.parquet", "--text", "tags"], 1, &["column 'tags' holds lists"]);
        CURATE.refused(&bench, &["x.parquet", "--spill-limit", "400"], 1, &["--spill-limit allows 400B"]);
        bench.write("x.parquet", &good[..good.len() - 9]);
        CURATE.refused(&bench, &["x.parquet"], 1, &["is not a readable Parquet file"]);
    }

    #[test]
    fn texts_are_read_from_tables() {
        let bench = Bench::new();
        let rows = redundant(6, 4, 3);
        let ids: Vec<i64> = (0..6).collect();
        bench.write("t.parquet", &workbench::parquet::file(&lists(&rows), &ids, 4));
        bench.write("p.json", b"{\"all\": 30.5, \"predicates\": {\"terminal_punctuation\": 25.0}}");
        let flags = ["t.parquet", "--id-column", "id", "--perplexities", "p.json", "--out", "a"];
        SCORE_TEXT.done(&bench, &flags);
        assert!(String::from_utf8(bench.contents_of("a", "scores.csv")).unwrap().lines().count() == 7);
    }
}
