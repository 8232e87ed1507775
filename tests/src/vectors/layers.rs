//! Distances between hidden states: row i of the input is state i mod s of sample i / s.

use ndarray::Array2;
use pauca::Rows;
use pauca::layers::{Keep, LayerDistances, LayerMetric};
use pauca_reference::layers as reference;
use serde_json::{Value, json};

use super::{choice, f64_bits, integers};
use crate::layout::array;

/// The file: name, description, cases without outputs.
pub fn cases(inputs: &[Value]) -> (&'static str, &'static str, Vec<Value>) {
    let mut cases = Vec::new();
    for input in inputs {
        for (states, metric) in [(5, "angular"), (3, "cosine")] {
            cases.push(json!({
                "id": format!("layers-{}", cases.len()), "algorithm": "layers", "input": input,
                "parameters": {"states": states, "metric": metric},
            }));
        }
    }
    ("layers", "Distances between the hidden states of layers; the nearest block of each size.", cases)
}

/// State by state, whole samples only.
fn states(x: &[Vec<f32>], p: &Value) -> Vec<Vec<Vec<f32>>> {
    let s = p["states"].as_u64().unwrap_or(1) as usize;
    (0..s).map(|l| x.chunks_exact(s).map(|sample| sample[l].clone()).collect()).collect()
}

fn outputs(
    s: usize,
    pair: impl Fn(usize, usize) -> (u64, [f64; 4]),
    start: impl Fn(usize) -> Option<u64>,
) -> Value {
    let pairs: Vec<(u64, [f64; 4])> =
        (0..s).flat_map(|l| (l + 1..s).map(move |m| (l, m))).map(|(l, m)| pair(l, m)).collect();
    let of = |i: usize| f64_bits(&pairs.iter().map(|(_, v)| v[i]).collect::<Vec<_>>());
    json!({
        "count": integers(pairs.iter().map(|(count, _)| Some(*count))),
        "mean": of(0), "variance": of(1), "min": of(2), "max": of(3),
        "start": integers((1..s - 1).map(start)),
    })
}

/// By the reference.
pub fn by_reference(x: &[Vec<f32>], p: &Value) -> Value {
    let states = states(x, p);
    let s = states.len();
    type Distance = fn(&[f32], &[f32]) -> Option<f64>;
    let distances: [(&str, Distance); 2] = [("angular", reference::angular), ("cosine", reference::cosine)];
    let distance = choice(p, "metric", &distances);
    let pair = |l: usize, m: usize| reference::pair(&states[l.min(m)], &states[l.max(m)], distance);
    let mean = |l, m| if l == m { 0.0 } else { pair(l, m).mean };
    let means: Vec<Vec<f64>> = (0..s).map(|l| (0..s).map(|m| mean(l, m)).collect()).collect();
    let numbers = |l, m| {
        let found = pair(l, m);
        let end = |v: Option<&f64>| v.copied().unwrap_or(f64::NAN);
        (found.count, [found.mean, found.variance, end(found.values.first()), end(found.values.last())])
    };
    outputs(s, numbers, |n| reference::best_start(&means, n, 0, 1).map(|start| start as u64))
}

/// By the library.
pub fn by_pauca(x: &[Vec<f32>], p: &Value) -> Value {
    let states: Vec<Array2<f32>> = states(x, p).iter().map(|s| array(s)).collect();
    let rows: Vec<Rows> = states.iter().map(|s| Rows::F32(s.view())).collect();
    let metric = choice(p, "metric", &[("angular", LayerMetric::Angular), ("cosine", LayerMetric::Cosine)]);
    let table = LayerDistances::new(rows.len() - 1).metric(metric).fit(&rows).expect("the case is valid");
    let numbers = |l: usize, m: usize| {
        let at = [l, m];
        (table.count[at], [table.mean[at], table.variance[at], table.min[at], table.max[at]])
    };
    let start = |n| table.best_block(n, Keep::default()).ok().map(|choice| choice.block.start as u64);
    outputs(rows.len(), numbers, start)
}
