//! `prune-layers`: states in many files, at the last token or at all of them, with masks, in every type; CKA and block
//! influence beside the angle; what heals the model.

mod workbench;

use half::{bf16, f16};
use serde_json::{Value, json};
use workbench::{Bench, PRUNE_LAYERS, npy_with_header, safetensors, uniform};

const LAYERS: usize = 3;
const STATES: usize = LAYERS + 1;
const SEQUENCES: usize = 6;
const TOKENS: usize = 5;
const D: usize = 8;
/// The program's sums and the test's differ by roundings of numbers near 1.
const ROUNDING: f64 = 1e-12;
/// CKA is promised to 1e-10 of the formula.
const CKA: f64 = 1e-9;

/// Whole numbers, which every type holds: [sequence][state][token][value].
fn value(i: usize, l: usize, t: usize, d: usize) -> f32 {
    let x = uniform(1, 1, (((i * STATES + l) * TOKENS + t) * D + d) as u64 + 17)[[0, 0]];
    (x * 32.0).round() + if d == 0 { 40.0 } else { 0.0 }
}

/// Real tokens: from the left of even sequences, from the right of odd ones.
fn real(i: usize, t: usize) -> bool {
    if i.is_multiple_of(2) { t < 2 + i / 2 } else { t >= i / 2 }
}

fn last(i: usize) -> usize {
    (0..TOKENS).rev().find(|t| real(i, *t)).unwrap()
}

fn all(sequences: std::ops::Range<usize>, states_first: bool) -> Vec<f32> {
    let mut out = Vec::new();
    let outer = if states_first { STATES } else { sequences.len() };
    let inner = if states_first { sequences.len() } else { STATES };
    for a in 0..outer {
        for b in 0..inner {
            let (l, i) = if states_first { (a, sequences.start + b) } else { (b, sequences.start + a) };
            out.extend((0..TOKENS).flat_map(|t| (0..D).map(move |d| value(i, l, t, d))));
        }
    }
    out
}

fn at_last(sequences: std::ops::Range<usize>) -> Vec<f32> {
    sequences
        .flat_map(|i| (0..STATES).flat_map(move |l| (0..D).map(move |d| value(i, l, last(i), d))))
        .collect()
}

fn f32s(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn npy(descr: &str, shape: &[usize], bytes: &[u8]) -> Vec<u8> {
    let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
    npy_with_header(&format!("'{descr}'"), "False", &format!("({})", shape.join(", ")), bytes)
}

fn mask() -> Vec<u8> {
    (0..SEQUENCES).flat_map(|i| (0..TOKENS).map(move |t| u8::from(real(i, t)))).collect()
}

/// Runs it on `inputs` into `out`; gives the distances.
fn distances(bench: &Bench, inputs: &[&str], out: &str) -> Vec<u8> {
    PRUNE_LAYERS.done(bench, &[inputs, &["--out", out]].concat());
    bench.contents_of(out, "distances.csv")
}

/// The columns of influence.csv from the third on.
fn influences(bench: &Bench, out: &str) -> Vec<Vec<f64>> {
    let text = String::from_utf8(bench.contents_of(out, "influence.csv")).unwrap();
    let row = |line: &str| line.split(',').skip(2).map(|v| v.parse().unwrap_or(f64::NAN)).collect();
    text.lines().skip(1).map(row).collect()
}

#[test]
fn files_types_axes_and_masks_give_the_same_bytes() {
    let bench = Bench::new();
    let one = at_last(0..SEQUENCES);
    bench.write("one.npy", &npy("<f4", &[SEQUENCES, STATES, D], &f32s(&one)));
    let expected = distances(&bench, &["one.npy", "--layers", "3"], "one");
    let halves: Vec<u8> = one.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect();
    bench.write("half.npy", &npy("<f2", &[SEQUENCES, STATES, D], &halves));
    assert_eq!(distances(&bench, &["half.npy", "--layers", "3"], "half"), expected);
    let brain: Vec<u8> = one.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect();
    bench.write("brain.safetensors", &safetensors(&[("h", "BF16", &[SEQUENCES, STATES, D], &brain)]));
    assert_eq!(distances(&bench, &["brain.safetensors", "--layers", "3"], "brain"), expected);

    // Three files, given as a folder and as a pattern; one has as many samples as states.
    std::fs::create_dir(bench.path("many")).unwrap();
    for (name, part) in [("s-10.npy", 5..6), ("s-2.npy", 1..5), ("s-1.npy", 0..1)] {
        let shape = [part.len(), STATES, D];
        bench.write(&format!("many/{name}"), &npy("<f4", &shape, &f32s(&at_last(part))));
    }
    for (input, out) in [("many", "folder"), ("many/s-*.npy", "pattern")] {
        assert_eq!(distances(&bench, &[input, "--layers", "3"], out), expected, "{input}");
    }

    // All tokens: the last real one of each sequence, with the mask beside or inside, either axis first.
    let whole = [SEQUENCES, STATES, TOKENS, D];
    bench.write("whole.npy", &npy("<f4", &whole, &f32s(&all(0..SEQUENCES, false))));
    bench.write("mask.npy", &npy("|u1", &[SEQUENCES, TOKENS], &mask()));
    let masked = ["whole.npy", "--layers", "3", "--mask", "mask.npy"];
    assert_eq!(distances(&bench, &masked, "masked"), expected);
    let turned = [STATES, SEQUENCES, TOKENS, D];
    bench.write("turned.npy", &npy("<f4", &turned, &f32s(&all(0..SEQUENCES, true))));
    let long: Vec<u8> = mask().iter().flat_map(|m| i64::from(*m).to_le_bytes()).collect();
    bench.write("long.npy", &npy("<i8", &[SEQUENCES, TOKENS], &long));
    assert_eq!(distances(&bench, &["turned.npy", "--layers", "3", "--mask", "long.npy"], "turned"), expected);
    std::fs::create_dir(bench.path("tensors")).unwrap();
    for (name, part) in [("a.safetensors", 0..5), ("b.safetensors", 5..SEQUENCES)] {
        let values = f32s(&all(part.clone(), false));
        let mask = &mask()[part.start * TOKENS..part.end * TOKENS];
        let (states, mask_shape) = ([part.len(), STATES, TOKENS, D], [part.len(), TOKENS]);
        let tensors: [(&str, &str, &[usize], &[u8]); 2] =
            [("attention_mask", "BOOL", &mask_shape, mask), ("states", "F32", &states, &values)];
        bench.write(&format!("tensors/{name}"), &safetensors(&tensors));
    }
    assert_eq!(distances(&bench, &["tensors", "--layers", "3"], "tensors-out"), expected);
    let all_tokens = ["--layers", "3", "--tokens", "all"];
    let one = distances(&bench, &[&["tensors"][..], &all_tokens].concat(), "all-1");
    let two = distances(&bench, &[&["whole.npy", "--mask", "mask.npy"][..], &all_tokens].concat(), "all-2");
    assert!(one == two && one != expected);
}

#[test]
fn block_influence_is_the_mean_over_real_tokens() {
    let bench = Bench::new();
    bench.write("whole.npy", &npy("<f4", &[SEQUENCES, STATES, TOKENS, D], &f32s(&all(0..SEQUENCES, false))));
    bench.write("mask.npy", &npy("|b1", &[SEQUENCES, TOKENS], &mask()));
    let flags =
        ["whole.npy", "--layers", "3", "--mask", "mask.npy", "--tokens", "all", "--cka", "--out", "out"];
    PRUNE_LAYERS.done(&bench, &flags);
    let rows: Vec<(usize, usize)> =
        (0..SEQUENCES).flat_map(|i| (0..TOKENS).map(move |t| (i, t))).filter(|(i, t)| real(*i, *t)).collect();
    let row =
        |l: usize, (i, t): (usize, usize)| (0..D).map(|d| f64::from(value(i, l, t, d))).collect::<Vec<f64>>();
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(a, b)| a * b).sum::<f64>();
    let n = rows.len() as f64;
    for (l, found) in influences(&bench, "out").into_iter().enumerate() {
        let cosine = |at: &(usize, usize)| {
            let (x, y) = (row(l, *at), row(l + 1, *at));
            dot(&x, &y) / (dot(&x, &x) * dot(&y, &y)).sqrt()
        };
        let influence = rows.iter().map(|at| 1.0 - cosine(at)).sum::<f64>() / n;
        let angle = rows.iter().map(|at| cosine(at).acos() / std::f64::consts::PI).sum::<f64>() / n;
        assert!((found[2] - influence).abs() < ROUNDING, "layer {l}: {} and {influence}", found[2]);
        assert!(
            (found[1] - angle).abs() < ROUNDING && found[0] == found[1],
            "layer {l}: {} and {angle}",
            found[1]
        );
        // Song et al. 2012, the unbiased estimator, from Gram matrices without their diagonals.
        let gram = |state: usize| {
            let x: Vec<Vec<f64>> = rows.iter().map(|at| row(state, *at)).collect();
            let at = |i: usize, j: usize| if i == j { 0.0 } else { dot(&x[i], &x[j]) };
            (0..x.len()).map(|i| (0..x.len()).map(|j| at(i, j)).collect()).collect::<Vec<Vec<f64>>>()
        };
        let hsic = |k: &[Vec<f64>], m: &[Vec<f64>]| {
            let sums = |k: &[Vec<f64>]| k.iter().map(|row| row.iter().sum()).collect::<Vec<f64>>();
            let (r, s) = (sums(k), sums(m));
            let trace: f64 = k.iter().zip(m).map(|(a, b)| dot(a, b)).sum();
            let total = r.iter().sum::<f64>() * s.iter().sum::<f64>();
            (trace + total / ((n - 1.0) * (n - 2.0)) - 2.0 / (n - 2.0) * dot(&r, &s)) / (n * (n - 3.0))
        };
        let (k, m) = (gram(l), gram(l + 1));
        let cka = hsic(&k, &m) / (hsic(&k, &k) * hsic(&m, &m)).sqrt();
        assert!((found[3] - cka).abs() < CKA, "layer {l}: {} and {cka}", found[3]);
    }
    assert!(bench.names("out").contains(&"cka.csv".to_string()));
    assert_eq!(bench.report("out")["samples"], rows.len());
    let page = String::from_utf8(bench.contents_of("out", "report.html")).unwrap();
    assert!(page.contains("CKA, unbiased") && page.contains("block influence, 1 - cosine"));
}

#[test]
fn healing_is_configured_as_in_the_paper() {
    let bench = Bench::new();
    bench.write("one.npy", &npy("<f4", &[SEQUENCES, STATES, D], &f32s(&at_last(0..SEQUENCES))));
    let flags = ["one.npy", "--layers", "3", "--drop", "1", "--heal", "llama-2-70b", "--out", "healed"];
    PRUNE_LAYERS.done(&bench, &flags);
    let heal: Value = serde_json::from_slice(&bench.contents_of("healed", "heal.json")).unwrap();
    let lora = &heal["peft.LoraConfig"];
    assert_eq!(
        (&lora["r"], &lora["lora_alpha"], &lora["lora_dropout"]),
        (&json!(8), &json!(8), &json!(0.05))
    );
    assert_eq!(lora["target_modules"], json!(["gate_proj", "up_proj", "down_proj"]));
    assert_eq!(heal["transformers.TrainingArguments"]["learning_rate"], json!(3e-5));
    assert_eq!(heal["data"]["tokens"], 4096);

    // With the model at hand, its own feed-forward modules.
    let names: Vec<String> = (0..LAYERS)
        .flat_map(|l| {
            ["mlp.wi.weight", "mlp.gate.weight", "mlp.wo.weight", "attn.q.weight"]
                .map(|n| format!("layers.{l}.{n}"))
        })
        .collect();
    let tensors: Vec<(&str, &str, &[usize], &[u8])> =
        names.iter().map(|n| (n.as_str(), "U8", &[1usize, 1][..], &[0u8][..])).collect();
    bench.write("model.safetensors", &safetensors(&tensors));
    let flags = ["one.npy", "--drop", "1", "--heal", "phi-2", "--apply", "model.safetensors", "--out", "own"];
    PRUNE_LAYERS.done(&bench, &flags);
    let heal: Value = serde_json::from_slice(&bench.contents_of("own", "heal.json")).unwrap();
    assert_eq!(heal["peft.LoraConfig"]["target_modules"], json!(["wi", "wo"]));
    PRUNE_LAYERS.refused(&bench, &["one.npy", "--layers", "3", "--heal", "phi-2"], 2, &["--drop"]);
}

#[test]
fn states_that_do_not_fit_together_are_refused() {
    let bench = Bench::new();
    bench.write("one.npy", &npy("<f4", &[SEQUENCES, STATES, D], &f32s(&at_last(0..SEQUENCES))));
    bench.write("wide.npy", &npy("<f4", &[3, STATES, 2 * D], &f32s(&at_last(0..SEQUENCES))));
    bench.write("whole.npy", &npy("<f4", &[SEQUENCES, STATES, TOKENS, D], &f32s(&all(0..SEQUENCES, false))));
    bench.write("short.npy", &npy("|u1", &[SEQUENCES - 1, TOKENS], &mask()[TOKENS..]));
    bench.write("none.npy", &npy("|u1", &[SEQUENCES, TOKENS], &[0; SEQUENCES * TOKENS]));
    let refused = |flags: &[&str], code: i32, parts: &[&str]| {
        PRUNE_LAYERS.refused(&bench, &[flags, &["--layers", "3"]].concat(), code, parts);
    };
    refused(&["one.npy", "wide.npy"], 1, &["wide.npy", "4 states of 16 values", "one.npy 4 of 8"]);
    refused(&["one.npy", "--tokens", "all"], 2, &["--tokens", "one state a sample"]);
    refused(&["whole.npy", "--mask", "short.npy"], 1, &["short.npy", "(5, 5)", "6 rows of 5"]);
    refused(&["whole.npy", "--mask", "one.npy"], 1, &["one.npy", "<f4"]);
    refused(&["whole.npy", "--mask", "none.npy"], 1, &["whole.npy", "sequence"]);
    refused(&["one.npy", "one.npy"], 2, &["named twice"]);
}
