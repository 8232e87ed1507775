//! The result as files.

use std::io::{self, Write};

use pauca::stats::Interval;
use serde_json::{Value, json};

use super::inputs::Inputs;
use super::study::{LONGEST, Study};
use crate::failure::Result;
use crate::output::OutDir;
use crate::output::npy::{matrix, vector};

/// Every name that this program may write; those of an earlier run that a new one lacks go.
pub const NAMES: [&str; 14] = [
    "kept.npy",
    "kept_ids.txt",
    "removed.csv",
    "scores.csv",
    "labels.npy",
    "centroids.npy",
    "lorenz.svg",
    "confound.svg",
    "confound_auc.svg",
    "corruption_size.svg",
    "corruption_distance.svg",
    "corruption_similarity.svg",
    "report.html",
    "report.json",
];

/// Writes arrays and lists.
///
/// # Errors
/// [`Failure::Data`](crate::failure::Failure::Data) with the system's reason.
pub fn write(out: &mut OutDir, study: &Study, inputs: &Inputs<'_>) -> Result<()> {
    let kept: Vec<u64> = (0..study.keep.len()).filter(|&i| study.keep[i]).map(|i| i as u64).collect();
    out.write("labels.npy", |w| vector(w, study.clusters.labels.iter().copied()))?;
    out.write("centroids.npy", |w| matrix(w, study.clusters.centroids.view()))?;
    out.write("kept.npy", |w| vector(w, kept.iter().copied()))?;
    out.write("kept_ids.txt", |w| {
        kept.iter().try_for_each(|&row| writeln!(w, "{}", inputs.ids.get(row as usize)))
    })?;
    out.write("removed.csv", |w| removed(w, study, inputs))?;
    out.write("scores.csv", |w| scores(w, study, inputs))
}

fn removed(out: &mut dyn Write, study: &Study, inputs: &Inputs<'_>) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record(["id", "tokens", "cluster", "cluster_size", "distance", "scip"])?;
    for row in (0..study.keep.len()).filter(|&row| !study.keep[row]) {
        let label = study.clusters.labels[row] as usize;
        let why = match (study.scip.by_size[row], study.scip.by_distance[row]) {
            (true, _) => "size",
            (_, true) => "distance",
            _ => "",
        };
        table.write_record([
            inputs.ids.get(row),
            &inputs.tokens[row].to_string(),
            &label.to_string(),
            &study.clusters.counts[label].to_string(),
            &study.clusters.distances[row].to_string(),
            why,
        ])?;
    }
    table.flush()
}

fn scores(out: &mut dyn Write, study: &Study, inputs: &Inputs<'_>) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    let names = study.scores.iter().map(|score| score.name);
    table.write_record(["id", "tokens", "kept"].into_iter().chain(names))?;
    for row in 0..study.keep.len() {
        let fixed =
            [inputs.ids.get(row).to_string(), inputs.tokens[row].to_string(), study.keep[row].to_string()];
        let values = study.scores.iter().map(|score| score.values[row].to_string());
        table.write_record(fixed.into_iter().chain(values))?;
    }
    table.flush()
}

fn interval(v: &Interval) -> Value {
    json!({"estimate": v.estimate, "low": v.low, "high": v.high, "level": v.level, "undefined_resamples": v.undefined})
}

/// `report.json` but for its field `run`.
///
/// # Errors
/// The library's.
pub fn record(study: &Study, verdict: &str, configuration: &Value) -> pauca::Result<Value> {
    let mut longest = Vec::new();
    for share in LONGEST {
        longest.push(json!({"files": share, "tokens": study.concentration.share_of_longest(share)?}));
    }
    let scores: Vec<Value> = study
        .scores
        .iter()
        .map(|score| {
            json!({
                "name": score.name,
                "spearman": score.confound.spearman.as_ref().map(interval),
                "auc": score.confound.auc.as_ref().map(interval),
                "kendall": score.confound.kendall,
                "eta_squared": score.confound.eta_squared,
            })
        })
        .collect();
    let length = |l: &pauca::length::SelectionLength| {
        json!({
            "files_removed": l.document_share, "tokens_removed": l.token_share, "ratio": l.ratio,
            "auc_of_length": l.auc, "files_kept": l.kept_documents, "tokens_kept": l.kept_tokens as f64,
        })
    };
    let selections: Vec<Value> = study
        .selections
        .iter()
        .map(|s| {
            let mut value = length(&s.length);
            value["name"] = json!(s.name);
            value
        })
        .collect();
    let kinds: Vec<Value> = study
        .kinds
        .iter()
        .map(|kind| {
            let (r, s) = (&kind.report, &kind.summary);
            json!({
                "kind": kind.name, "family": kind.family, "pairs": r.len(),
                "switch_rate": interval(&s.switch_rate),
                "log_size_change": interval(&s.log_size_change),
                "distance_change": interval(&s.distance_change),
                "distance_to_original_change": interval(&s.distance_to_original_change),
                "similarity": interval(&s.similarity),
                "mean_shift": r.direction.as_ref().map(|d| d.length),
                "explained_share": r.explained_share,
            })
        })
        .collect();
    let perplexity = study.perplexity.as_ref().map(|buckets| {
        let bucket = |b: &pauca::length::LengthBucket| {
            json!({"shortest": b.shortest, "longest": b.longest, "files": b.documents, "tokens": b.tokens as f64,
                   "perplexity": b.perplexity})
        };
        buckets.iter().map(bucket).collect::<Vec<_>>()
    });
    let c = &study.concentration;
    Ok(json!({
        "format": "pauca-prune-code",
        "format_version": 1,
        "version": env!("CARGO_PKG_VERSION"),
        "verdict": verdict,
        "configuration": configuration,
        "counts": {"files": c.documents, "tokens": c.tokens as f64, "kept": study.kept.kept_documents},
        "clustering": {
            "clusters": study.clusters.counts.len(), "iterations": study.clusters.n_iter,
            "converged": study.clusters.converged, "empty": study.clusters.n_empty(),
        },
        "length": {"longest": longest, "gini": c.gini, "longest_file": c.longest},
        "scores": scores,
        "kept": length(&study.kept),
        "selections": selections,
        "corruptions": kinds,
        "perplexity_by_length": perplexity,
    }))
}
