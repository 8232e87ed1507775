//! Cases of memorization: decisions and counts from logits, curves and means of numbers.

use pauca::memorization::{Curve, Forgetting, Hits, IGNORED, LogitScan, Memorized, UnitLengths, min_k};
use pauca_reference::{extraction, memorization as reference, softmax};
use serde_json::{Value, json};

use super::input::hash;
use super::{booleans, f64_bits, integers};
use crate::layout::array;

/// What the file is.
pub const DESCRIPTION: &str = "Hits, runs, curves, forgetting and Min-K% from logits.";

/// Parameters of the cases.
pub fn parameters() -> Vec<Value> {
    vec![
        json!({"target_seed": 21, "document": 7, "tau": 0.25, "k": 0.2}),
        json!({"target_seed": 22, "document": 1, "tau": 1.0, "k": 0.01}),
    ]
}

/// The cases whose rows are logits: values of 2^60 are not.
pub fn serve(cases: Vec<Value>) -> Vec<Value> {
    cases.into_iter().filter(|case| case["input"]["formula"] != "scaled").collect()
}

struct Case {
    targets: Vec<u32>,
    counted: Vec<bool>,
    ends: Vec<usize>,
    column: Vec<f64>,
    tau: f64,
    k: f64,
}

fn case(x: &[Vec<f32>], p: &Value) -> Case {
    let (n, v) = (x.len(), x[0].len() as u64);
    let h: Vec<u64> = (0..n as u64).map(|i| hash(p["target_seed"].as_u64().unwrap_or(0), i)).collect();
    let document = p["document"].as_u64().unwrap_or(1) as usize;
    let mut ends: Vec<usize> = (1..n).filter(|i| i % document == 0).collect();
    ends.push(n);
    Case {
        targets: h.iter().map(|h| (h % v) as u32).collect(),
        counted: h.iter().map(|h| (h >> 32) % 5 != 0).collect(),
        ends,
        column: x.iter().map(|row| row[0] as f64).collect(),
        tau: p["tau"].as_f64().unwrap_or(1.0),
        k: p["k"].as_f64().unwrap_or(1.0),
    }
}

fn outputs(
    argmax: Vec<u32>,
    hit: &[bool],
    total: (u64, u64),
    runs: Vec<u64>,
    reach: Option<u64>,
    forgetting: (f64, usize, Vec<f64>),
    min_k: f64,
) -> Value {
    json!({
        "argmax": integers(argmax.into_iter().map(|id| Some(id as u64))),
        "hit": booleans(hit.iter().copied()),
        "memorized": integers([Some(total.0), Some(total.1)]),
        "runs": integers(runs.into_iter().map(Some)),
        "reach": integers([reach]),
        "baseline": f64_bits(&[forgetting.0]),
        "baseline_at": integers([Some(forgetting.1 as u64)]),
        "differences": f64_bits(&forgetting.2),
        "min_k": f64_bits(&[min_k]),
    })
}

/// Documents with counted tokens: (number from 1, range).
fn documents(ends: &[usize]) -> Vec<(u64, std::ops::Range<usize>)> {
    let starts = std::iter::once(0).chain(ends.iter().copied());
    starts.zip(ends).enumerate().map(|(t, (start, &end))| (t as u64 + 1, start..end)).collect()
}

/// The outputs by the reference.
pub fn by_reference(x: &[Vec<f32>], p: &Value) -> Value {
    let c = case(x, p);
    let argmax: Vec<u32> = x.iter().map(|row| softmax::argmax(row) as u32).collect();
    let hit: Vec<bool> = (0..x.len()).map(|i| c.counted[i] && argmax[i] == c.targets[i]).collect();
    let lengths = reference::runs(&hit, &c.ends);
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let runs = (1..=longest).map(|l| lengths.iter().filter(|r| **r == l).count() as u64).collect();
    let (mut times, mut counts) = (Vec::new(), Vec::new());
    for (t, range) in documents(&c.ends) {
        let of = reference::memorized(&argmax[range.clone()], &c.targets[range.clone()], &c.counted[range]);
        if of.1 > 0 {
            times.push(t);
            counts.push(of);
        }
    }
    let (baseline, at) = reference::forgetting_baseline(&c.column);
    let differences = c.column.windows(2).map(|w| w[1] - w[0]).collect();
    outputs(
        argmax.clone(),
        &hit,
        reference::memorized(&argmax, &c.targets, &c.counted),
        runs,
        reference::first_reach(&times, &counts, c.tau),
        (baseline, at, differences),
        extraction::min_k(&c.column, c.k),
    )
}

/// The outputs by the library.
pub fn by_library(x: &[Vec<f32>], p: &Value) -> pauca::Result<Value> {
    let c = case(x, p);
    // All tokens are scanned, so that every argmax is known; the mask comes afterwards.
    let mut scan = LogitScan::new(&c.targets, x[0].len())?;
    scan.push(0, &array(x))?;
    let scores = scan.finish()?;
    let hits = scores.hits()?.masked(&c.counted)?;
    let mut units = UnitLengths::new();
    units.push(&hits, &c.ends)?;
    let mut curve = Curve::new();
    for (t, range) in documents(&c.ends) {
        let target = |i: usize| if c.counted[i] { c.targets[i] } else { IGNORED };
        let targets: Vec<u32> = range.clone().map(target).collect();
        let predicted: Vec<u32> = range.map(|i| scores.argmax[i]).collect();
        let count: Memorized = Hits::from_ids(&predicted, &targets, None, x[0].len())?.count();
        if count.total > 0 {
            curve.push(t, count)?;
        }
    }
    let forgetting = Forgetting::of(&c.column)?;
    Ok(outputs(
        scores.argmax.to_vec(),
        hits.hit(),
        (hits.count().hits, hits.count().total),
        units.finish()?.histogram,
        curve.first_reach(c.tau)?,
        (forgetting.baseline, forgetting.at, forgetting.differences),
        min_k(&c.column, c.k)?,
    ))
}
