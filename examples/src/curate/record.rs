//! `report.json`: everything about the run that a program may want to read.
//!
//! What depends on the machine or on chance (times, threads, SIMD level, blocks, rows settled by
//! each tier of arithmetic) stands in the one field `run`; all else is the same bytes for the
//! same input, settings and seed.

use pauca::Clusters;
use pauca::backend::SearchStats;
use serde_json::{Value, json};

use super::outcome::Outcome;
use super::summary::sizes;

/// Version of the format of `report.json`.
pub const FORMAT_VERSION: u32 = 1;

/// The record but for outputs and `run`.
pub fn record(outcome: &Outcome, verdict: &str, configuration: &Value) -> Value {
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
    if let Some([small, far]) = outcome.outlying() {
        value["pruning"] = json!({"by_size": small, "by_distance": far});
    }
    if let Some(density) = &outcome.density {
        let kept = density.quotas.iter().filter(|quota| **quota > 0).count();
        value["pruning"] = json!({"clusters_kept": kept});
        if let Some(bound) = &outcome.bound {
            value["pruning"]["quotas"] = json!({
                "even": bound.even, "asked": bound.asked, "kept": bound.kept, "held_at_size": bound.full,
                "held_at_least": bound.floor, "rows_moved": bound.moved,
            });
        }
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

/// Rows settled by each tier of arithmetic.
pub fn settled(outcome: &Outcome) -> Value {
    json!({
        "clustering": tiers(&outcome.clusters.search),
        "clustering2": outcome.second.as_ref().map(|second| tiers(&second.clusters.search)),
        "deduplication": outcome.dedup.as_ref().map(|dedup| tiers(&dedup.search)),
    })
}

fn tiers(stats: &SearchStats) -> Value {
    json!({"rows": stats.rows, "int8": stats.int8, "f32": stats.f32, "f64": stats.f64, "truth": stats.truth})
}
