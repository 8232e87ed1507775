//! `report.json`: everything about the run that a program may want to read.
//!
//! What depends on the machine or on chance (times, threads, SIMD level, blocks, rows settled by
//! each tier of arithmetic) stands in the one field `run`; all else is the same bytes for the
//! same input, settings and seed.

use std::collections::BTreeMap;

use pauca::Clusters;
use pauca::exact::SearchStats;
use serde_json::{Map, Value, json};

use super::outcome::Outcome;
use super::summary::sizes;
use crate::output::Written;

/// Version of the format of `report.json`.
pub const FORMAT_VERSION: u32 = 1;

/// What `run` says.
pub struct Run {
    /// Threads that worked.
    pub threads: usize,
    /// SIMD level.
    pub simd: &'static str,
    /// Rows of a block, when read in blocks.
    pub block_rows: Option<usize>,
    /// Whether the run continued a stopped one.
    pub resumed: bool,
    /// Seconds of each stage.
    pub seconds: Vec<(String, f64)>,
    /// Seconds of all.
    pub total_seconds: f64,
    /// Most anonymous memory seen.
    pub peak_anonymous_bytes: Option<u64>,
}

/// The whole record.
pub fn record(
    outcome: &Outcome,
    verdict: &str,
    configuration: &Value,
    written: &BTreeMap<String, Written>,
    run: &Run,
) -> Value {
    let [kept, duplicates, pruned] = outcome.counts();
    let mut value = json!({
        "format": "pauca-curate",
        "format_version": FORMAT_VERSION,
        "version": env!("CARGO_PKG_VERSION"),
        "verdict": verdict,
        "configuration": configuration,
        "counts": {"rows": outcome.rows(), "kept": kept, "duplicates": duplicates, "pruned": pruned},
        "clustering": clustering(&outcome.clusters),
    });
    if let Some(second) = &outcome.second {
        value["clustering2"] = clustering(&second.clusters);
    }
    if let Some(dedup) = &outcome.dedup {
        let curve = outcome.curve();
        value["deduplication"] = json!({
            "epsilon": dedup.epsilon,
            "target_reached": dedup.reached,
            "exact_copies": dedup.exact_copies,
            "keep_curve": curve.map(|points| points.into_iter().map(|(epsilon, kept)| json!([epsilon, kept])).collect::<Vec<_>>()),
        });
    }
    let outputs: Map<String, Value> = written
        .iter()
        .map(|(name, file)| (name.clone(), json!({"bytes": file.bytes, "sha256": file.sha256})))
        .collect();
    value["outputs"] = Value::Object(outputs);
    let stages: Map<String, Value> =
        run.seconds.iter().map(|(name, seconds)| (name.clone(), json!(seconds))).collect();
    value["run"] = json!({
        "threads": run.threads,
        "simd": run.simd,
        "block_rows": run.block_rows,
        "resumed": run.resumed,
        "seconds": stages,
        "total_seconds": run.total_seconds,
        "peak_anonymous_bytes": run.peak_anonymous_bytes,
        "settled": {
            "clustering": settled(&outcome.clusters.search),
            "clustering2": outcome.second.as_ref().map(|second| settled(&second.clusters.search)),
            "deduplication": outcome.dedup.as_ref().map(|dedup| settled(&dedup.search)),
        },
    });
    value
}

fn clustering(clusters: &Clusters) -> Value {
    let [smallest, median, largest] = sizes(clusters);
    json!({
        "clusters": clusters.counts.len(),
        "iterations": clusters.n_iter,
        "converged": clusters.converged,
        "inertia": clusters.inertia,
        "empty": clusters.n_empty(),
        "relocated": clusters.relocated,
        "distinct_rows": clusters.distinct_rows,
        "rows": {"smallest": smallest, "median": median, "largest": largest},
    })
}

fn settled(stats: &SearchStats) -> Value {
    json!({"rows": stats.rows, "f32": stats.f32, "f64": stats.f64, "truth": stats.truth})
}
