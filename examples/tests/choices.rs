//! Flags that change which rows are kept: each gives what the library gives when it is called by hand.

mod workbench;

use ndarray::Array2;
use pauca::{Clusters, D4, DensityPruning, EmptyClusters, Init, KMeans, Prototypes, Rule, Scope, SemDedup};
use workbench::{Bench, CURATE, redundant, stderr, values};

const K: usize = 9;

/// Rows, and a .csv beside them: weights from 0 to 2, every eleventh row far from all others, groups, tokens.
fn bench() -> (Bench, Array2<f32>, Vec<f32>) {
    let bench = Bench::new();
    let rows = redundant(240, 8, 3);
    bench.npy("x.npy", &rows);
    let weights: Vec<f32> = (0..240).map(|i| (i % 5) as f32 * 0.5).collect();
    let lines: String = (0..240).map(|i| format!("r{i},{},{}\n", weights[i], 10 + i % 7)).collect();
    bench.write("m.csv", format!("id,w,tokens\n{lines}").as_bytes());
    (bench, rows, weights)
}

fn kmeans() -> KMeans {
    KMeans::new(K).spherical(true).max_iter(20).init(Init::KMeansPlusPlus)
}

/// What a run with `flags` keeps, and its labels.
fn run(bench: &Bench, out: &str, flags: &[&str]) -> (Vec<u64>, Vec<u32>) {
    let k = K.to_string();
    CURATE.done(bench, &[&["x.npy", "--clusters", &k, "--out", out], flags].concat());
    let files = bench.contents(out);
    let kept = files.get("kept.npy").map_or(Vec::new(), |bytes| values(bytes));
    (kept, values(&files["labels.npy"]))
}

/// The first rows as a start, but for one so far away that no row is its own; in start.npy.
fn lonely(bench: &Bench, rows: &Array2<f32>) -> Array2<f32> {
    let mut start = rows.slice(ndarray::s![..K, ..]).to_owned();
    start.row_mut(1).fill(1000.0);
    bench.npy("start.npy", &start);
    start
}

fn kept(keep: impl IntoIterator<Item = bool>) -> Vec<u64> {
    keep.into_iter().enumerate().filter(|(_, keep)| *keep).map(|(row, _)| row as u64).collect()
}

fn far(clusters: &Clusters, scope: Scope) -> Vec<u64> {
    let (distances, labels) = (clusters.distances.to_vec(), clusters.labels.to_vec());
    kept(Prototypes::new().keep_fraction(0.5).scope(scope).select(&distances, &labels, K).unwrap())
}

#[test]
fn weights_move_the_centroids_and_name_the_run() {
    let (bench, rows, weights) = bench();
    let by_hand = kmeans().fit_weighted(&rows, &weights).unwrap();
    let flags = ["--meta", "m.csv", "--weights", "w", "--method", "prototypes"];
    let (chosen, labels) = run(&bench, "w", &flags);
    assert_eq!(labels, by_hand.labels.to_vec());
    assert_eq!(chosen, far(&by_hand, Scope::Global));
    assert_ne!(chosen, run(&bench, "equal", &["--method", "prototypes"]).0, "the weights decide");
    assert_eq!(bench.report("w")["configuration"]["meta"]["weights"], "w");

    // A run that stops goes on with the same weights only.
    let stopped = ["x.npy", "--clusters", "9", "--out", "s", "--max-iter", "2"];
    CURATE.done(&bench, &[&stopped[..], &flags].concat());
    let other: String =
        (0..240).map(|i| format!("r{i},{},{}\n", 1.5 - weights[i] / 2.0, 10 + i % 7)).collect();
    bench.write("m.csv", format!("id,w,tokens\n{other}").as_bytes());
    CURATE.refused(&bench, &[&stopped[..], &flags].concat(), 2, &["meta.sha256", "--overwrite"]);
}

#[test]
fn weights_that_are_none_are_refused_with_their_row() {
    let (bench, ..) = bench();
    let flags = ["x.npy", "--meta", "m.csv", "--weights", "w", "--method", "kmeans", "--out", "a"];
    for wrong in ["-1", "inf", "nan", "1e39", "heavy", ""] {
        let lines: String = (0..240).map(|i| format!("{i},{}\n", if i == 7 { wrong } else { "1" })).collect();
        bench.write("m.csv", format!("id,w\n{lines}").as_bytes());
        CURATE.refused(&bench, &flags, 1, &["m.csv", "row 7", wrong, "'w'", "no weight"]);
    }
    let lines: String = (0..240).map(|i| format!("{i},{}\n", u8::from(i < 5))).collect();
    bench.write("m.csv", format!("id,w\n{lines}").as_bytes());
    CURATE.refused(&bench, &flags, 2, &["15 clusters", "only 5 rows weigh more than 0"]);
    CURATE.refused(
        &bench,
        &["x.npy", "--weights", "w", "--method", "kmeans"],
        2,
        &["--meta FILE is needed", "'w'"],
    );
}

#[test]
fn tolerance_and_empty_clusters_are_those_of_the_library() {
    let (bench, rows, _) = bench();
    let early = kmeans().shift_tolerance(0.05).fit(&rows).unwrap();
    assert!(early.n_iter < kmeans().fit(&rows).unwrap().n_iter, "the tolerance decides");
    let flags = ["--method", "kmeans", "--tolerance", "0.05"];
    assert_eq!(run(&bench, "t", &flags).1, early.labels.to_vec());
    assert_eq!(bench.report("t")["clustering"]["iterations"], early.n_iter);
    assert_eq!(bench.report("t")["configuration"]["tolerance"], 0.05);

    let given = kmeans().spherical(false).init(Init::Given(lonely(&bench, &rows)));
    for (name, policy) in [("keep", EmptyClusters::Keep), ("relocate", EmptyClusters::Relocate)] {
        let by_hand = given.clone().empty_clusters(policy).fit(&rows).unwrap();
        let flags = ["--method", "kmeans", "--euclidean", "--init", "start.npy", "--empty-clusters", name];
        assert_eq!(run(&bench, name, &flags).1, by_hand.labels.to_vec());
        assert_eq!(bench.report(name)["clustering"]["empty"], by_hand.n_empty());
    }
    assert_eq!(bench.report("keep")["clustering"]["empty"], 1);
    assert_eq!(bench.report("relocate")["clustering"]["empty"], 0);
    assert_eq!(bench.report("keep")["configuration"]["empty_clusters"], "keep");
    assert!(bench.report("relocate")["configuration"]["empty_clusters"].is_null(), "the default has no name");
}

#[test]
fn scope_ranks_rows_within_their_clusters() {
    let (bench, rows, _) = bench();
    let clusters = kmeans().fit(&rows).unwrap();
    let (chosen, _) = run(&bench, "p", &["--method", "prototypes", "--scope", "per-cluster"]);
    assert_eq!(chosen, far(&clusters, Scope::PerCluster));
    assert_ne!(chosen, far(&clusters, Scope::Global), "the scope decides");
    let d4 = D4::new().clusters(K).max_iter(20).spherical(true).keep_fraction(0.5).dedup_keep_fraction(0.75);
    let by_hand = d4.scope(Scope::PerCluster).fit(&rows).unwrap();
    let (chosen, _) = run(&bench, "d", &["--scope", "per-cluster"]);
    assert_eq!(chosen, kept(by_hand.keep));
    assert_ne!(chosen, run(&bench, "g", &["--scope", "global"]).0);
    assert_eq!(bench.report("d")["configuration"]["scope"], "per-cluster");
    assert!(bench.report("g")["configuration"]["scope"].is_null());
}

#[test]
fn published_deduplication_removes_what_the_pseudo_code_removes() {
    let (bench, rows, _) = bench();
    let clusters = kmeans().fit(&rows).unwrap();
    let by_hand = |published| {
        let dedup = SemDedup::new(Rule::EarlierMax).epsilon(1.5).published(published);
        kept(dedup.fit(&rows, &clusters).unwrap().keep)
    };
    let flags = ["--method", "semdedup", "--epsilon", "1.5"];
    assert_eq!(run(&bench, "a", &flags).0, by_hand(false));
    assert_eq!(run(&bench, "b", &[&flags[..], &["--published"]].concat()).0, by_hand(true));
    assert_ne!(by_hand(true), by_hand(false), "the flag decides");
    // Every row counts as similar by 0 at least, the first of a cluster too, which has no witness.
    let removed = String::from_utf8(bench.contents_of("b", "removed.csv")).unwrap();
    let without =
        removed.lines().filter(|line| line.ends_with(",duplicate,counts as similarity 0 as published"));
    assert_eq!(without.count(), K);
    assert_eq!(bench.report("b")["configuration"]["published"], true);
    assert!(bench.report("a")["configuration"]["published"].is_null());
}

#[test]
fn quotas_follow_neighbours_least_and_the_published_code() {
    let (bench, rows, _) = bench();
    // A cluster without rows counts in the published shares of all.
    let clusters = kmeans().spherical(false).init(Init::Given(lonely(&bench, &rows)));
    let clusters = clusters.empty_clusters(EmptyClusters::Keep).fit(&rows).unwrap();
    assert_eq!(clusters.n_empty(), 1);
    let flags = [
        &["--method", "dbp", "--temperature", "0.02", "--euclidean"][..],
        &["--init", "start.npy", "--empty-clusters", "keep"],
    ]
    .concat();
    let dbp = DensityPruning::new().temperature(0.02);
    for (i, (more, dbp)) in [
        (&[][..], dbp),
        (&["--neighbours", "1"], dbp.neighbours(1)),
        (&["--least", "0.9"], dbp.least(0.9)),
        (&["--least", "0"], dbp.least(0.0)),
        (&["--published"], dbp.nan_as_mean(true)),
    ]
    .into_iter()
    .enumerate()
    {
        let found = dbp.select(&clusters).unwrap();
        let out = i.to_string();
        let (chosen, _) = run(&bench, &out, &[&flags[..], more].concat());
        assert_eq!(chosen, kept(found.keep), "{more:?}");
        if (1..3).contains(&i) {
            assert_ne!(chosen, run(&bench, "0", &flags).0, "{more:?} decides");
        }
    }
    assert_eq!(bench.report("1")["configuration"]["neighbours"], 1);
    assert_eq!(bench.report("2")["configuration"]["least"], 0.9);
}

#[test]
fn quotas_say_how_far_they_are_from_even_and_from_what_is_asked() {
    let (bench, ..) = bench();
    let flags = [
        "x.npy",
        "--clusters",
        "9",
        "--method",
        "dbp",
        "--temperature",
        "0.002",
        "--keep",
        "0.4",
        "--progress",
        "none",
    ];
    let output = CURATE.done(&bench, &[&flags[..], &["--out", "a"]].concat());
    let said = stderr(&output).replace('\n', " ");
    let quotas = bench.report("a")["pruning"]["quotas"].clone();
    let [full, floor, moved] =
        ["held_at_size", "held_at_least", "rows_moved"].map(|name| quotas[name].as_u64().unwrap());
    assert!(full > 0 && floor > 0 && moved > 0, "{quotas}");
    // By hand: what the clusters keep is what clusters.csv says.
    let csv = String::from_utf8(bench.contents_of("a", "clusters.csv")).unwrap();
    let counts: Vec<[u64; 2]> = csv
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<u64> = line.split(',').skip(1).take(2).map(|cell| cell.parse().unwrap()).collect();
            [cells[0], cells[1]]
        })
        .collect();
    let ends = |of: &dyn Fn(&[u64; 2]) -> u64| {
        [counts.iter().map(of).min().unwrap(), counts.iter().map(of).max().unwrap()]
    };
    assert_eq!(quotas["kept"], serde_json::json!(ends(&|c| c[1])));
    assert_eq!(quotas["even"].as_f64(), Some(96.0 / 9.0));
    assert!(full <= counts.iter().filter(|c| c[0] == c[1]).count() as u64);
    for part in ["quotas", "an even share is 10.7", "would keep more but had no more rows", "rows moved"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let page = String::from_utf8(bench.contents_of("a", "report.html")).unwrap();
    assert!(page.contains("Quotas are") && page.contains("would keep more but had no more rows"));
    // Nothing binds where all clusters may keep what their shares ask.
    let loose = ["--keep", "0.1", "--least", "0", "--temperature", "1000", "--out", "b"];
    let flags = ["x.npy", "--clusters", "3", "--method", "dbp", "--progress", "none"];
    let output = CURATE.done(&bench, &[&flags[..], &loose].concat());
    assert_eq!(bench.report("b")["pruning"]["quotas"]["rows_moved"], 0);
    let said = stderr(&output);
    assert!(said.contains("complexity alone asks") && !said.contains("moved"), "{said}");
}

#[test]
fn a_share_of_tokens_that_cannot_be_kept_says_why() {
    let (bench, ..) = bench();
    let flags = ["x.npy", "--method", "prototypes", "--meta", "m.csv", "--tokens", "tokens", "--keep-tokens"];
    let said = |out: &str, share: &str| {
        let output = CURATE.done(&bench, &[&flags[..], &[share, "--out", out]].concat());
        stderr(&output).replace('\n', " ")
    };
    let none = said("a", "0.0001");
    assert_eq!(bench.report("a")["counts"]["kept"], 0);
    assert!(none.contains("none was kept: the first row in the order has 1"), "{none}");
    assert!(none.contains("tokens, room is for 0"), "{none}");
    let some = said("b", "0.5");
    assert!(some.contains("the next row in the order has 1") && some.contains("room was left for"), "{some}");
    let all = said("c", "1");
    assert_eq!(bench.report("c")["counts"]["kept"], 240);
    assert!(!all.contains("in the order"), "{all}");
    let page = String::from_utf8(bench.contents_of("a", "report.html")).unwrap();
    assert!(page.contains("none was kept: the first row in the order"));
    bench.write("m.csv", format!("id,tokens\n{}", "a,0\n".repeat(240)).as_bytes());
    assert!(said("d", "0.5").contains("no row has tokens"));
}

#[test]
fn flags_without_a_meaning_are_refused_and_planned_ones_are_named() {
    let (bench, ..) = bench();
    for (flags, parts) in [
        (&["--weights", "w"][..], &["--weights has no meaning with --method d4"][..]),
        (&["--tolerance", "0.1"], &["--tolerance has no meaning with --method d4"]),
        (&["--empty-clusters", "keep"], &["--empty-clusters has no meaning with --method d4"]),
        (&["--published"], &["--published has no meaning with --method d4"]),
        (&["--method", "scip", "--scope", "global"], &["--scope has no meaning with --method scip"]),
        (&["--method", "dbp", "--scope", "global"], &["--scope has no meaning", "a quota of its own"]),
        (&["--method", "prototypes", "--least", "0.1"], &["--least has no meaning with --method prototypes"]),
        (&["--method", "semdedup", "--neighbours", "3"], &["--neighbours has no meaning"]),
        (&["--method", "dbp", "--neighbours", "0"], &["--neighbours", "at least 1"]),
        (&["--method", "dbp", "--least", "1.1"], &["--least", "share"]),
        (&["--method", "kmeans", "--tolerance", "-1"], &["--tolerance", "at least 0"]),
        (&["--method", "kmeans", "--tolerance", "inf"], &["--tolerance", "at least 0"]),
        (&["--method", "semdedup", "--rule", "greedy-cover", "--published"], &["--published", "earlier-max"]),
        (
            &["--scope", "per-cluster", "--meta", "m.csv", "--tokens", "tokens", "--keep-tokens", "0.5"],
            &["--scope per-cluster has no meaning with --keep-tokens"],
        ),
    ] {
        CURATE.refused(&bench, &[&["x.npy"][..], flags].concat(), 2, parts);
    }
    let flags = [
        "x.npy",
        "--plan",
        "--method",
        "dbp",
        "--meta",
        "m.csv",
        "--weights",
        "w",
        "--tolerance",
        "0.01",
        "--empty-clusters",
        "keep",
        "--published",
        "--least",
        "0.2",
        "--neighbours",
        "4",
    ];
    let plan = String::from_utf8(CURATE.done(&bench, &flags).stdout).unwrap();
    for part in ["column 'w'", "0.01 or less", "keep their centroid", "as published"] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
    let plain = String::from_utf8(CURATE.done(&bench, &["x.npy", "--plan"]).stdout).unwrap();
    assert!(!plain.lines().any(|line| line.starts_with("with")), "{plain}");
    assert!(!bench.path("out").exists());
}
