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
    assert!(report["verdict"].as_str().unwrap().contains("layers 3 to 4, counted from 1 (2..4 from 0)"));

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
    PRUNE_LAYERS.done(&bench, &["states.safetensors", "--out", "three", "--metric", "cosine"]);
    PRUNE_LAYERS.done(&bench, &["states.npy", "--out", "four", "--metric", "cosine"]);
    for name in ["distances.csv", "plan.csv", "heatmap.svg"] {
        let read = |folder: &str| std::fs::read(bench.path(folder).join(name)).unwrap();
        assert_eq!(read("three"), read("four"), "{name}");
    }
    // Another run is not replaced unasked.
    let output = PRUNE_LAYERS.run(&bench, &["states.npy", "--out", "four"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("--overwrite") && stderr(&output).contains("metric"),
        "{}",
        stderr(&output)
    );
    PRUNE_LAYERS.done(&bench, &["states.npy", "--out", "four", "--overwrite"]);
}

#[test]
fn other_choices_drop_other_layers() {
    let bench = Bench::new();
    states(&bench, "states.npy");
    for (choose, dropped) in
        [("nearest", json!([2, 3])), ("deepest", json!([3, 4])), ("influence", json!([2, 3]))]
    {
        PRUNE_LAYERS.done(&bench, &["states.npy", "--drop", "2", "--choose", choose, "--out", choose]);
        assert_eq!(bench.report(choose)["dropped"], dropped, "{choose}");
    }
    PRUNE_LAYERS.done(
        &bench,
        &["states.npy", "--drop", "3", "--keep-first", "3", "--keep-last", "0", "--out", "kept"],
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
        PRUNE_LAYERS.refused(&bench, &["x.npy"], 1, &[&["x.npy"], *parts].concat());
    }
    let mut values: Vec<u8> = [1.0f32; 12].iter().flat_map(|v| v.to_le_bytes()).collect();
    values[9 * 4..10 * 4].copy_from_slice(&f32::NAN.to_le_bytes());
    bench.write("x.npy", &npy_with_header("'<f4'", "False", "(2, 2, 3)", &values));
    PRUNE_LAYERS.refused(&bench, &["x.npy"], 1, &["x.npy", "state 1", "row 1", "column 0"]);
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
        &["model.safetensors", "5 layers", "'model.layers.'", "6 layers"],
    );
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
    PRUNE_LAYERS.refused(&bench, &apply, 1, &["several lists", "'decoder.layers.'", "'encoder.layers.'"]);
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
            &["states.npy", "--damage", "damage.csv"],
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
        PRUNE_LAYERS.refused(&bench, &[&["states.npy"], *flags].concat(), 2, parts);
    }
    let output = PRUNE_LAYERS.run(&bench, &["states.npy"]);
    assert_eq!((output.status.code(), stderr(&output).contains("--out")), (Some(2), true));
}
