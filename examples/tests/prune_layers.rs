//! `prune-layers`: what it writes, that the pruned file is right, that bad input is one clear line.

mod workbench;

use half::f16;
use safetensors::SafeTensors;
use serde_json::{Value, json};
use workbench::{Bench, PRUNE_LAYERS, npy_with_header, safetensors, stderr, uniform};

const LAYERS: usize = 6;

/// States of six layers, of which the third and fourth do next to nothing.
fn states(bench: &Bench, name: &str) {
    let (samples, d) = (20, 8);
    let mut values = Vec::new();
    for i in 0..samples {
        let mut x = uniform(1, d, i);
        for l in 0..=LAYERS as u64 {
            let step = if l == 3 || l == 4 { 0.01 } else { 0.6 };
            if l > 0 {
                x = x + uniform(1, d, 1000 * l + i) * step;
            }
            values.extend(x.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()));
        }
    }
    bench.write(name, &npy_with_header("'<f2'", "False", &format!("({samples}, 7, {d})"), &values));
}

/// A model of six layers whose every value names its layer.
fn model(bench: &Bench, layers: usize) -> Vec<u8> {
    let names: Vec<(String, f32)> = (0..layers)
        .rev()
        .flat_map(|l| ["mlp.up.weight", "norm.weight"].map(|n| (format!("model.layers.{l}.{n}"), l as f32)))
        .chain([("model.embed.weight".to_string(), -1.0), ("lm_head.weight".to_string(), -2.0)])
        .collect();
    let values: Vec<Vec<u8>> = names
        .iter()
        .map(|(_, v)| [*v, *v + 0.5, *v].iter().flat_map(|v| v.to_le_bytes()).collect())
        .collect();
    let tensors: Vec<(&str, &str, &[usize], &[u8])> = names
        .iter()
        .zip(&values)
        .map(|((n, _), v)| (n.as_str(), "F32", &[3usize][..], v.as_slice()))
        .collect();
    let bytes = safetensors(&tensors);
    bench.write("model.safetensors", &bytes);
    let config = json!({
        "model_type": "llama", "num_hidden_layers": layers, "hidden_size": 3,
        "layer_types": (0..layers).map(|l| format!("type {l}")).collect::<Vec<_>>(),
    });
    bench.write("config.json", config.to_string().as_bytes());
    bytes
}

#[test]
fn the_idle_block_is_found_and_dropped_from_the_model() {
    let bench = Bench::new();
    states(&bench, "states.npy");
    let before = model(&bench, LAYERS);
    let arguments = ["states.npy", "--drop", "2", "--apply", "model.safetensors", "--model", "org/m"];
    let output = PRUNE_LAYERS.done(&bench, &[&arguments[..], &["--out", "out"]].concat());
    assert!(stderr(&output).contains("read back equal"), "{}", stderr(&output));
    let report = bench.report("out");
    // Layers 3 and 4 counted from 1.
    assert_eq!(report["dropped"], json!([2, 3]));
    assert!(report["verdict"].as_str().unwrap().contains("layers 3 to 4, counted from 1 (2 to 3 from 0)"));

    let bytes = std::fs::read(bench.path("out/model.safetensors")).unwrap();
    let (new, old) = (SafeTensors::deserialize(&bytes).unwrap(), SafeTensors::deserialize(&before).unwrap());
    assert_eq!(new.len(), 2 * (LAYERS - 2) + 2);
    for (to, from) in [(0, 0), (1, 1), (2, 4), (3, 5)] {
        for part in ["mlp.up.weight", "norm.weight"] {
            let tensor = new.tensor(&format!("model.layers.{to}.{part}")).unwrap();
            assert_eq!(tensor.data(), old.tensor(&format!("model.layers.{from}.{part}")).unwrap().data());
        }
    }
    assert_eq!(new.tensor("lm_head.weight").unwrap().data(), old.tensor("lm_head.weight").unwrap().data());
    let config: Value =
        serde_json::from_slice(&std::fs::read(bench.path("out/config.json")).unwrap()).unwrap();
    assert_eq!(config["num_hidden_layers"], 4);
    assert_eq!(config["layer_types"], json!(["type 0", "type 1", "type 4", "type 5"]));
    assert_eq!(config["model_type"], "llama");
    let yaml = std::fs::read_to_string(bench.path("out/mergekit.yaml")).unwrap();
    assert!(yaml.contains("layer_range: [0, 2]") && yaml.contains("layer_range: [4, 6]"), "{yaml}");
    assert!(yaml.contains("\"org/m\""));
    // The model itself was not touched.
    assert_eq!(std::fs::read(bench.path("model.safetensors")).unwrap(), before);

    let page = std::fs::read_to_string(bench.path("out/report.html")).unwrap();
    assert!(!page.contains("<script") && page.matches("<svg").count() == 3);
    for (name, entry) in report["outputs"].as_object().unwrap() {
        let bytes = std::fs::read(bench.path("out").join(name)).unwrap();
        assert_eq!(entry["bytes"], bytes.len(), "{name}");
    }
}

#[test]
fn threads_and_formats_give_the_same_bytes() {
    let bench = Bench::new();
    states(&bench, "states.npy");
    model(&bench, LAYERS);
    let mut damage = String::from("layers,first,damage\n");
    (0..5).for_each(|first| damage += &format!("2,{first},{}\n", [3.0, 2.0, 0.1, 0.05, 9.0][first]));
    bench.write("damage.csv", damage.as_bytes());
    let arguments = ["states.npy", "--drop", "2", "--apply", "model.safetensors", "--damage", "damage.csv"];
    for (folder, threads) in [("one", "1"), ("two", "2"), ("five", "5")] {
        PRUNE_LAYERS.done(
            &bench,
            &[&arguments[..], &["--out", folder, "--threads", threads, "--progress", "json"]].concat(),
        );
        bench.assert_same("one", folder);
    }
    let judged = &bench.report("one")["damage"][0];
    assert_eq!((&judged["first"], &judged["rank"], &judged["blocks"]), (&json!(2), &json!(2), &json!(5)));
    assert_eq!((&judged["least_at"], &judged["deepest"]), (&json!(3), &json!(0.05)));
    // The same states as a tensor.
    let npy = std::fs::read(bench.path("states.npy")).unwrap();
    let values = &npy[npy.len() - 20 * 7 * 8 * 2..];
    bench.write(
        "states.safetensors",
        &safetensors(&[("h", "F16", &[20, 7, 8], values), ("x", "F16", &[1], &[0; 2])]),
    );
    PRUNE_LAYERS
        .done(&bench, &["states.safetensors", "--layers", "6", "--out", "three", "--metric", "cosine"]);
    PRUNE_LAYERS.done(&bench, &["states.npy", "--layers", "6", "--out", "four", "--metric", "cosine"]);
    for name in ["distances.csv", "plan.csv", "heatmap.svg"] {
        let read = |folder: &str| std::fs::read(bench.path(folder).join(name)).unwrap();
        assert_eq!(read("three"), read("four"), "{name}");
    }
    // Another run is not replaced unasked.
    let output = PRUNE_LAYERS.run(&bench, &["states.npy", "--layers", "6", "--out", "four"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--overwrite") && stderr(&output).contains("metric"),
        "{}",
        stderr(&output)
    );
    PRUNE_LAYERS.done(&bench, &["states.npy", "--layers", "6", "--out", "four", "--overwrite"]);
}

#[test]
fn other_choices_drop_other_layers() {
    let bench = Bench::new();
    states(&bench, "states.npy");
    for (choose, dropped) in
        [("nearest", json!([2, 3])), ("deepest", json!([3, 4])), ("influence", json!([2, 3]))]
    {
        PRUNE_LAYERS.done(
            &bench,
            &["states.npy", "--layers", "6", "--drop", "2", "--choose", choose, "--out", choose],
        );
        assert_eq!(bench.report(choose)["dropped"], dropped, "{choose}");
    }
    PRUNE_LAYERS.done(
        &bench,
        &[
            "states.npy",
            "--layers",
            "6",
            "--drop",
            "3",
            "--keep-first",
            "3",
            "--keep-last",
            "0",
            "--out",
            "kept",
        ],
    );
    assert_eq!(bench.report("kept")["dropped"], json!([3, 4, 5]));
}

#[test]
fn shipped_states_make_a_report() {
    let bench = Bench::new();
    PRUNE_LAYERS.done(&bench, &["--progress", "none"]);
    let report = bench.report("out/layers");
    assert_eq!((&report["samples"], &report["layers"]), (&json!(100), &json!(30)));
    let judged = report["damage"].as_array().unwrap();
    assert!(judged.len() >= 4);
    let page = std::fs::read_to_string(bench.path("out/layers/report.html")).unwrap();
    assert_eq!(page.matches("<svg").count(), 4);
}

#[test]
fn bad_states_are_refused() {
    let bench = Bench::new();
    let cases: &[(&[u8], &[&str])] = &[
        (b"", &["is empty"]),
        (b"PK", &["is not a .npy file"]),
        (
            &npy_with_header("'<f4'", "False", "(4, 3)", &[0; 48]),
            &["2 dimensions", "[samples, layers + 1, values]"],
        ),
        (&npy_with_header("'<f4'", "False", "(2, 1, 3)", &[0; 24]), &["1 state per sample", "L + 1"]),
        (&npy_with_header("'<f4'", "False", "(0, 2, 3)", &[]), &["holds no values"]),
        (&npy_with_header("'<f4'", "False", "(2, 2, 3)", &[0; 47]), &["truncated", "(2, 2, 3)", "47"]),
        (&npy_with_header("'<f4'", "True", "(2, 2, 3)", &[0; 48]), &["Fortran", "ascontiguousarray"]),
        (&npy_with_header("'<f8'", "False", "(2, 2, 3)", &[0; 96]), &["float64"]),
    ];
    for (bytes, parts) in cases {
        bench.write("x.npy", bytes);
        PRUNE_LAYERS.refused(&bench, &["x.npy", "--order", "samples"], 1, &[&["x.npy"], *parts].concat());
    }
    let mut values: Vec<u8> = [1.0f32; 12].iter().flat_map(|v| v.to_le_bytes()).collect();
    values[9 * 4..10 * 4].copy_from_slice(&f32::NAN.to_le_bytes());
    bench.write("x.npy", &npy_with_header("'<f4'", "False", "(2, 2, 3)", &values));
    PRUNE_LAYERS.refused(
        &bench,
        &["x.npy", "--layers", "1", "--order", "samples"],
        1,
        &["x.npy", "state 1", "row 1", "column 0"],
    );
    let several = safetensors(&[("a", "F32", &[1, 2, 1], &[0; 8]), ("b", "F32", &[1, 2, 1], &[0; 8])]);
    bench.write("x.safetensors", &several);
    PRUNE_LAYERS.refused(&bench, &["x.safetensors"], 1, &["several", "'a', 'b'", "--tensor"]);
    PRUNE_LAYERS.refused(&bench, &["x.safetensors", "--tensor", "c"], 1, &["no tensor 'c'"]);
    PRUNE_LAYERS.refused(&bench, &["absent.npy"], 1, &["absent.npy"]);
}

#[test]
fn bad_models_are_refused() {
    let bench = Bench::new();
    states(&bench, "states.npy");
    model(&bench, 5);
    let apply = ["states.npy", "--drop", "2", "--apply", "model.safetensors"];
    PRUNE_LAYERS.refused(
        &bench,
        &apply,
        1,
        &["states.npy", "(20, 7, 8)", "a model of 5 layers has 6 states"],
    );
    let six = [&apply[..], &["--layers", "6"]].concat();
    PRUNE_LAYERS.refused(&bench, &six, 1, &["model.safetensors", "5 layers", "'model.layers.'", "6 layers"]);
    model(&bench, LAYERS);
    bench.write("config.json", b"{\"num_hidden_layers\": 7}");
    PRUNE_LAYERS.refused(&bench, &apply, 1, &["config.json", "num_hidden_layers 7", "6 layers"]);
    bench.write("config.json", b"{\"a\": 7}");
    PRUNE_LAYERS.refused(&bench, &apply, 1, &["config.json", "number of layers"]);
    bench.write("config.json", b"{");
    PRUNE_LAYERS.refused(&bench, &apply, 1, &["config.json", "JSON"]);
    bench.write("model.safetensors", &safetensors(&[("a.weight", "F32", &[1], &[0; 4])]));
    PRUNE_LAYERS.refused(&bench, &apply, 1, &["model.safetensors", "no tensors with numbered layers"]);
    let both = safetensors(&[
        ("encoder.layers.0.w", "F32", &[1], &[0; 4]),
        ("decoder.layers.0.w", "F32", &[1], &[0; 4]),
    ]);
    bench.write("model.safetensors", &both);
    PRUNE_LAYERS.refused(
        &bench,
        &apply,
        1,
        &["several lists", "--layer-list", "'decoder.layers'", "'encoder.layers'"],
    );
    let other = [&apply[..], &["--layer-list", "vision.layers"]].concat();
    PRUNE_LAYERS.refused(
        &bench,
        &other,
        2,
        &["--layer-list vision.layers", "'decoder.layers', 'encoder.layers'"],
    );
    bench.write("model.safetensors", b"nothing of the kind");
    PRUNE_LAYERS.refused(&bench, &apply, 1, &["model.safetensors", "not a .safetensors file"]);
}

#[test]
fn bad_damage_is_refused_with_its_line() {
    let bench = Bench::new();
    states(&bench, "states.npy");
    for (text, parts) in [
        ("a,b\n1,2\n", &["columns layers,first,damage"][..]),
        ("layers,first,damage\n1,0,0.5\n1,x,0.5\n", &["line 3"]),
        ("layers,first,damage\n2,5,0.5\n", &["line 2", "2 layers from 5", "6 layers"]),
        ("layers,first,damage\n1,0,NaN\n", &["line 2", "NaN"]),
        ("layers,first,damage\n1,0,1\n1,0,1\n", &["line 3", "before"]),
        ("layers,first,damage\n1,0\n", &["damage.csv"]),
    ] {
        bench.write("damage.csv", text.as_bytes());
        PRUNE_LAYERS.refused(
            &bench,
            &["states.npy", "--layers", "6", "--damage", "damage.csv"],
            1,
            &[&["damage.csv"], parts].concat(),
        );
    }
}

#[test]
fn bad_usage_of_prune_layers_exits_with_2() {
    let bench = Bench::new();
    states(&bench, "states.npy");
    let cases: &[(&[&str], &[&str])] = &[
        (&["--drop", "6"], &["--drop 6", "6 layers", "5 may go"]),
        (&["--drop", "0"], &["--drop 0"]),
        (&["--drop", "2", "--keep-first", "4"], &["--drop 2", "1 may go"]),
        (&["--drop", "2", "--choose", "deepest", "--keep-last", "0"], &["--choose deepest"]),
        (&["--apply", "model.safetensors"], &["--drop"]),
        (&["--threads", "0"], &["threads"]),
        (&["--tensor", "h"], &["--tensor", "states.npy"]),
        (&["--metric", "taxicab"], &["taxicab"]),
    ];
    for (flags, parts) in cases {
        PRUNE_LAYERS.refused(&bench, &[&["states.npy", "--layers", "6"], *flags].concat(), 2, parts);
    }
}

/// M5: no shape tells which axis is that of the states.
#[test]
fn the_axis_of_the_states_is_told_or_asked() {
    let bench = Bench::new();
    states(&bench, "states.npy");
    PRUNE_LAYERS.refused(
        &bench,
        &["states.npy", "--drop", "2"],
        1,
        &["(20, 7, 8)", "20 samples of 6 layers, or 7 of 19? --layers says which"],
    );
    PRUNE_LAYERS.refused(
        &bench,
        &["states.npy", "--layers", "5"],
        1,
        &["(20, 7, 8)", "5 layers has 6 states"],
    );
    // The same states with the other axis first.
    let npy = std::fs::read(bench.path("states.npy")).unwrap();
    let values = &npy[npy.len() - 20 * 7 * 8 * 2..];
    let row = |i: usize, l: usize| &values[(i * 7 + l) * 16..][..16];
    let turned: Vec<u8> = (0..7).flat_map(|l| (0..20).flat_map(move |i| row(i, l).to_vec())).collect();
    bench.write("turned.npy", &npy_with_header("'<f2'", "False", "(7, 20, 8)", &turned));
    PRUNE_LAYERS.done(&bench, &["states.npy", "--layers", "6", "--out", "one"]);
    PRUNE_LAYERS.done(&bench, &["turned.npy", "--layers", "6", "--out", "two"]);
    for name in ["distances.csv", "plan.csv"] {
        assert_eq!(bench.contents_of("one", name), bench.contents_of("two", name), "{name}");
    }
    // Seven samples of six layers: nothing tells.
    bench.write("square.npy", &npy_with_header("'<f2'", "False", "(7, 7, 8)", &values[..7 * 7 * 16]));
    PRUNE_LAYERS.refused(
        &bench,
        &["square.npy", "--layers", "6"],
        1,
        &["square.npy", "both axes fit", "--order"],
    );
    PRUNE_LAYERS.done(&bench, &["square.npy", "--layers", "6", "--order", "states", "--out", "three"]);
    assert_eq!(bench.report("three")["samples"], 7);
    // P7: values behind those of the shape.
    bench.write("more.npy", &npy_with_header("'<f4'", "False", "(4, 4, 6)", &[0; 5 * 4 * 6 * 4]));
    PRUNE_LAYERS.refused(
        &bench,
        &["more.npy", "--layers", "3"],
        1,
        &["96 bytes after the values", "(4, 4, 6)"],
    );
}

/// M10: one layer is no plural.
#[test]
fn one_layer_is_named_as_one() {
    let bench = Bench::new();
    states(&bench, "states.npy");
    let arguments = ["states.npy", "--layers", "6", "--drop", "1", "--choose", "influence", "--out", "out"];
    PRUNE_LAYERS.done(&bench, &arguments);
    let verdict = bench.report("out")["verdict"].to_string();
    assert!(
        verdict.contains("Drop layer 3, counted from 1: 1 of 6") || verdict.contains("Drop layer 4,"),
        "{verdict}"
    );
    PRUNE_LAYERS.done(&bench, &["states.npy", "--layers", "6", "--out", "none"]);
    let verdict = bench.report("none")["verdict"].to_string();
    assert!(verdict.contains("To drop a quarter of the layers, 1 of 6, drop layer"), "{verdict}");
}

/// The tensors of a checkpoint in the folder `folder`, by name, whatever files they lie in.
fn tensors_of(bench: &Bench, folder: &str) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut all = std::collections::BTreeMap::new();
    for name in bench.names(folder).iter().filter(|name| name.ends_with(".safetensors")) {
        let bytes = bench.contents_of(folder, name);
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        for (tensor, view) in tensors.tensors() {
            assert!(all.insert(tensor, view.data().to_vec()).is_none(), "twice");
        }
    }
    all
}

/// M4: shards in, shards out, with everything that stands beside them.
#[test]
fn sharded_checkpoints_are_pruned_whole() {
    let bench = Bench::new();
    states(&bench, "states.npy");
    std::fs::create_dir(bench.path("m")).unwrap();
    let mut map = serde_json::Map::new();
    for shard in 0..3usize {
        let name = format!("model-0000{}-of-00003.safetensors", shard + 1);
        let mut tensors: Vec<(String, [usize; 1], Vec<u8>)> = (2 * shard..2 * shard + 2)
            .map(|l| (format!("model.layers.{l}.w"), [16], (l as f32).to_le_bytes().repeat(4)))
            .collect();
        if shard == 0 {
            tensors.push(("model.embed.weight".into(), [8], vec![7; 8]));
        }
        let views: Vec<(&str, &str, &[usize], &[u8])> =
            tensors.iter().map(|(n, shape, v)| (n.as_str(), "U8", &shape[..], v.as_slice())).collect();
        bench.write(&format!("m/{name}"), &safetensors(&views));
        map.extend(tensors.iter().map(|(tensor, ..)| (tensor.clone(), json!(name))));
    }
    let index = json!({"metadata": {"total_size": 104, "total_parameters": 104}, "weight_map": map});
    bench.write("m/model.safetensors.index.json", index.to_string().as_bytes());
    bench.write(
        "m/config.json",
        b"{\"model_type\": \"llama\", \"num_hidden_layers\": 6, \"limit\": Infinity}",
    );
    bench.write("m/generation_config.json", b"{\"a\": 1}");
    bench.write("m/tokenizer.json", b"{}");
    bench.write("m/README.md", b"of another model");
    let arguments = ["states.npy", "--drop", "2", "--apply", "m", "--progress", "json"];
    PRUNE_LAYERS.done(&bench, &[&arguments[..], &["--out", "cut"]].concat());
    let expected: std::collections::BTreeMap<String, Vec<u8>> = [(0, 0), (1, 1), (2, 4), (3, 5)]
        .into_iter()
        .map(|(to, from)| (format!("model.layers.{to}.w"), (from as f32).to_le_bytes().repeat(4)))
        .chain([("model.embed.weight".to_string(), vec![7; 8])])
        .collect();
    // As large as the largest shard was: 40 bytes, and the last two layers.
    assert_eq!(tensors_of(&bench, "cut"), expected);
    let names = bench.names("cut");
    let has = |name: &str| names.iter().any(|n| n == name);
    assert!(has("model-00001-of-00002.safetensors") && has("model-00002-of-00002.safetensors"), "{names:?}");
    assert!(has("generation_config.json") && has("tokenizer.json") && !has("README.md"), "{names:?}");
    let index: Value =
        serde_json::from_slice(&bench.contents_of("cut", "model.safetensors.index.json")).unwrap();
    assert_eq!(index["metadata"], json!({"total_size": 72, "total_parameters": 72}));
    assert_eq!(index["weight_map"]["model.layers.3.w"], "model-00002-of-00002.safetensors");
    assert_eq!(index["weight_map"].as_object().unwrap().len(), 5);
    let config = String::from_utf8(bench.contents_of("cut", "config.json")).unwrap();
    assert!(config.contains("\"num_hidden_layers\": 4") && config.contains("Infinity"), "{config}");

    // A limit of its own; another run of it leaves no shard of the one before.
    let smaller = ["--out", "cut", "--overwrite", "--shard-size", "16"];
    PRUNE_LAYERS.done(&bench, &[&arguments[..], &smaller].concat());
    assert_eq!(tensors_of(&bench, "cut"), expected);
    assert_eq!(bench.names("cut").iter().filter(|name| name.ends_with(".safetensors")).count(), 5);
    let whole = ["--out", "cut", "--overwrite", "--shard-size", "1M"];
    PRUNE_LAYERS.done(&bench, &[&arguments[..], &whole].concat());
    assert_eq!(tensors_of(&bench, "cut"), expected);
    assert!(
        bench.path("cut/model.safetensors").exists()
            && !bench.path("cut/model.safetensors.index.json").exists()
    );

    // What was written can be pruned again, from its index or its folder.
    let wrong = [&arguments[..], &["--out", "m"]].concat();
    let output = PRUNE_LAYERS.run(&bench, &wrong);
    assert!(output.status.code() == Some(2) && stderr(&output).contains("is the folder of the model"));
    let other = std::fs::read(bench.path("m/model-00001-of-00003.safetensors")).unwrap();
    bench.write("m/model-00002-of-00003.safetensors", &other);
    PRUNE_LAYERS.refused(
        &bench,
        &arguments[..5],
        1,
        &["model-00002-of-00003", "'model.layers.0.w'", "does not list"],
    );
    std::fs::remove_file(bench.path("m/model-00002-of-00003.safetensors")).unwrap();
    PRUNE_LAYERS.refused(&bench, &arguments[..5], 1, &["model-00002-of-00003.safetensors"]);
    bench.write("m/model.safetensors.index.json", b"{\"weight_map\": {\"a\": \"../a.safetensors\"}}");
    PRUNE_LAYERS.refused(&bench, &arguments[..5], 1, &["index.json", "'../a.safetensors'"]);
}

/// R12: the list that is meant, and the part of the configuration that is about it.
#[test]
fn one_of_several_lists_is_pruned() {
    let bench = Bench::new();
    states(&bench, "states.npy");
    let named: Vec<(String, [u8; 1])> = (0..6u8)
        .flat_map(|l| {
            [
                (format!("model.language_model.layers.{l}.w"), [l]),
                (format!("model.visual.blocks.{l}.w"), [10 + l]),
            ]
        })
        .collect();
    let tensors: Vec<(&str, &str, &[usize], &[u8])> =
        named.iter().map(|(n, v)| (n.as_str(), "U8", &[1usize][..], &v[..])).collect();
    bench.write("model.safetensors", &safetensors(&tensors));
    let config = json!({
        "model_type": "gemma3", "text_config": {"model_type": "gemma3_text", "num_hidden_layers": 6},
        "vision_config": {"num_hidden_layers": 6},
    });
    bench.write("config.json", config.to_string().as_bytes());
    let apply = ["states.npy", "--drop", "2", "--apply", "model.safetensors"];
    PRUNE_LAYERS.refused(
        &bench,
        &apply,
        1,
        &["several lists", "'model.language_model.layers', 'model.visual.blocks'"],
    );
    let list = ["--layer-list", "model.language_model.layers", "--out", "out"];
    PRUNE_LAYERS.done(&bench, &[&apply[..], &list].concat());
    let found = tensors_of(&bench, "out");
    assert_eq!((found.len(), &found["model.language_model.layers.2.w"]), (10, &vec![4]));
    assert_eq!(found["model.visual.blocks.5.w"], [15]);
    let config: Value = serde_json::from_slice(&bench.contents_of("out", "config.json")).unwrap();
    assert_eq!(config["vision_config"]["num_hidden_layers"], 6);
    let text = &config["text_config"];
    assert_eq!((&text["num_hidden_layers"], text["layer_types"].as_array().unwrap().len()), (&json!(4), 4));
}

/// M3: a layer with tensors of its own, of which no key says why, keeps its number or the model is refused.
#[test]
fn layers_of_another_kind_are_not_moved() {
    let bench = Bench::new();
    states(&bench, "states.npy");
    for (odd, right) in [(0, true), (5, false)] {
        let names: Vec<String> = (0..6)
            .map(|l| format!("model.layers.{l}.w"))
            .chain([format!("model.layers.{odd}.extra.bias")])
            .collect();
        let tensors: Vec<(&str, &str, &[usize], &[u8])> =
            names.iter().map(|n| (n.as_str(), "U8", &[1usize][..], &[0u8][..])).collect();
        bench.write("model.safetensors", &safetensors(&tensors));
        bench.write("config.json", b"{\"model_type\": \"llama\", \"num_hidden_layers\": 6}");
        let apply = ["states.npy", "--drop", "2", "--apply", "model.safetensors"];
        if right {
            PRUNE_LAYERS.done(&bench, &[&apply[..], &["--out", "kept"]].concat());
        } else {
            PRUNE_LAYERS.refused(
                &bench,
                &apply,
                1,
                &["'model.layers.N.extra.bias'", "layers 5 and 0", "no key"],
            );
        }
    }
}
