//! Vectors of text quality: weights, scores, kept documents, from numbers alone.
//!
//! x is the matrix of the input. Predicate i is passed by line l when x[l][i] > 0; PPL_i is
//! ppl_all (1 + x[0][i] / 4) (none where x[0][i] = 0); line l has hash(seed, l) mod modulus tokens;
//! documents are `lines` lines each, the last one what is left.

use pauca::quality::{NoWeight, Perplexities, QualityPruning, Scores, Weighting, doc_scores, line_scores};
use pauca_reference::quality as reference;
use serde_json::{Value, json};

use super::{booleans, f64_bits, input};

/// File, description, cases without outputs.
pub fn cases() -> (&'static str, &'static str, Vec<Value>) {
    let inputs = [
        json!({"formula": "uniform", "rows": 40, "dim": 10, "seed": 1, "copies": 0, "zeros": 0}),
        json!({"formula": "grid", "rows": 60, "dim": 3, "seed": 2, "copies": 7, "zeros": 11}),
        json!({"formula": "uniform", "rows": 90, "dim": 14, "seed": 6, "copies": 4, "zeros": 5}),
    ];
    let parameters = [
        json!({"ppl_all": 40.0, "modulus": 12, "lines": 4, "keep": 0.6, "seed": 21}),
        json!({"ppl_all": 17.25, "modulus": 2, "lines": 3, "keep": 0.5, "seed": 22}),
    ];
    let pairs = inputs.iter().flat_map(|i| parameters.iter().map(move |p| (i, p)));
    let case = |(n, (i, p)): (usize, (&Value, &Value))| json!({"id": format!("quality-{n}"), "algorithm": "quality", "input": i, "parameters": p});
    (
        "quality",
        "Text quality: weights, line and document scores, kept documents.",
        pairs.enumerate().map(case).collect(),
    )
}

struct Problem {
    passes: Vec<Vec<bool>>,
    all: f64,
    subsets: Vec<Option<f64>>,
    tokens: Vec<u64>,
    offsets: Vec<usize>,
    keep: f64,
}

fn problem(case: &Value) -> Problem {
    let x = input::rows(&case["input"]);
    let p = &case["parameters"];
    let integer = |key: &str| p[key].as_u64().unwrap_or(1);
    let all = p["ppl_all"].as_f64().unwrap_or(1.0);
    let lines = integer("lines") as usize;
    Problem {
        passes: x.iter().map(|row| row.iter().map(|v| *v > 0.0).collect()).collect(),
        all,
        subsets: x[0].iter().map(|v| (*v != 0.0).then(|| all * (1.0 + *v as f64 / 4.0))).collect(),
        tokens: (0..x.len() as u64).map(|l| input::hash(integer("seed"), l) % integer("modulus")).collect(),
        offsets: (0..x.len()).step_by(lines).chain([x.len()]).collect(),
        keep: p["keep"].as_f64().unwrap_or(1.0),
    }
}

fn outputs(weights: &[f64], lines: &[f64], documents: &[f64], keep: impl IntoIterator<Item = bool>) -> Value {
    json!({
        "weights": f64_bits(weights),
        "line_scores": f64_bits(lines),
        "doc_scores": f64_bits(documents),
        "keep": booleans(keep),
    })
}

/// The outputs by the reference. Lines score 1 where every weight is 0.
pub fn oracle(case: &Value) -> Value {
    let p = problem(case);
    let weights = reference::weights(p.all, &p.subsets);
    let lines: Vec<f64> =
        p.passes.iter().map(|line| reference::line_score(line, &weights).unwrap_or(1.0)).collect();
    let documents: Vec<Option<f64>> = p
        .offsets
        .windows(2)
        .map(|o| reference::doc_score(&(o[0]..o[1]).map(|l| (p.tokens[l], lines[l])).collect::<Vec<_>>()))
        .collect();
    let keep = reference::keep_documents(&documents, p.keep);
    let scores: Vec<f64> = documents.iter().map(|score| score.unwrap_or(f64::NAN)).collect();
    outputs(&weights, &lines, &scores, keep)
}

/// The outputs by the library.
pub fn library(case: &Value) -> pauca::Result<Value> {
    let p = problem(case);
    let weights = Weighting::new().weights(&Perplexities::given(p.all, &p.subsets)?)?;
    let passes = ndarray::Array2::from_shape_fn((p.passes.len(), p.subsets.len()), |(l, i)| p.passes[l][i]);
    let lines = line_scores(passes.view(), &weights, NoWeight::Ones)?.to_vec();
    let documents = doc_scores(&lines, &p.tokens, &p.offsets)?.to_vec();
    let mut gathered = Scores::new();
    for (id, score) in documents.iter().enumerate() {
        gathered.push(id as u64, (!score.is_nan()).then_some(*score), 0)?;
    }
    let pruned = gathered.finish(&QualityPruning::new().keep_fraction(p.keep))?;
    Ok(outputs(&weights.values().to_vec(), &lines, &documents, pruned.keep))
}
