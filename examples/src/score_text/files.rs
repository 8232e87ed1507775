//! The files of a run.

use serde_json::{Value, json};

use super::outcome::Outcome;
use super::texts::Texts;
use crate::failure::Result;
use crate::output::{OutDir, REPORT};

/// Everything that a run may write.
pub const NAMES: [&str; 6] =
    ["kept_ids.txt", "report.html", REPORT, "scores.csv", "scores.svg", "weights.svg"];

/// Version of the format of `report.json`.
pub const FORMAT_VERSION: u32 = 1;

/// Writes the scores and the kept identifiers.
///
/// # Errors
/// [`crate::failure::Failure::Data`] with the system's reason.
pub fn write(out: &mut OutDir, texts: &Texts, outcome: &Outcome) -> Result<()> {
    out.write("scores.csv", |w| {
        let mut csv = csv::Writer::from_writer(w);
        let passed = if outcome.failed.is_empty() { &[][..] } else { &["fails"] };
        csv.write_record(["id", "score", "tokens", "lines", "kept"].iter().chain(passed))?;
        for (d, (document, found)) in texts.documents.iter().zip(&outcome.scores).enumerate() {
            // The shortest decimal that reads back as the same f64; empty where there is no score.
            let score = found.score.map_or(String::new(), |score| score.to_string());
            let kept = if outcome.pruned.keep[d] { "1" } else { "0" };
            let (tokens, lines) = (found.tokens.to_string(), found.lines.to_string());
            let fails = outcome.failed.get(d).map(|failed| failed.as_deref().unwrap_or(""));
            let cells = [document.id.as_str(), &score, &tokens, &lines, kept];
            csv.write_record(cells.into_iter().chain(fails))?;
        }
        csv.flush()
    })?;
    out.write("kept_ids.txt", |w| {
        for (document, _) in texts.documents.iter().zip(&outcome.pruned.keep).filter(|(_, keep)| **keep) {
            writeln!(w, "{}", document.id)?;
        }
        Ok(())
    })
}

/// `report.json`; what depends on the machine or on chance stands in `run`.
pub fn record(outcome: &Outcome, configuration: &Value) -> Value {
    let names = outcome.source.columns.names();
    let predicate = |i: usize| {
        json!({
            "name": names[i],
            "alias": outcome.source.columns.alias(i),
            "lines": outcome.source.lines.as_ref().map(|(_, passing)| passing[i]),
            "perplexity": outcome.source.subset(i),
            "weight": outcome.weights.values()[i],
            "weight_interval": outcome.intervals.as_ref().and_then(|set| interval(&set.weights[i])),
        })
    };
    let judged = |set: &super::outcome::Judged| {
        let rules = set.rules.iter().enumerate().map(|(i, rule)| {
            let [kept, removed] = [0, 1].map(|side| set.tallies[side].failed[i]);
            json!({
                "name": rule.name, "bound": format!("{:?}", rule.bound), "source": rule.source,
                "failed_of_kept": kept, "failed_of_removed": removed,
            })
        });
        json!({
            "name": set.name,
            "passed_of_kept": set.tallies[0].passed,
            "passed_of_removed": set.tallies[1].passed,
            "rules": rules.collect::<Vec<_>>(),
        })
    };
    let none = outcome.scores.iter().filter(|s| s.score.is_none()).count();
    json!({
        "format": "pauca-score-text",
        "format_version": FORMAT_VERSION,
        "version": env!("CARGO_PKG_VERSION"),
        "verdict": outcome.verdict(),
        "configuration": configuration,
        "counts": {
            "documents": outcome.pruned.ids.len(), "kept": outcome.pruned.kept(), "without_score": none,
            "failing": outcome.failed.iter().flatten().count(),
            "tokens": outcome.pruned.tokens.sum() as f64,
            "kept_tokens": outcome.pruned.kept_tokens() as f64,
        },
        "threshold": (!outcome.pruned.threshold.is_nan()).then_some(outcome.pruned.threshold),
        "lines": outcome.source.lines.as_ref().map(|(lines, _)| *lines),
        "perplexity": outcome.source.all(),
        "predicates": (0..names.len()).map(predicate).collect::<Vec<_>>(),
        "perplexity_of_documents": outcome.perplexities().map(|[all, kept, removed]| {
            json!({"all": all, "kept": kept, "removed": (!removed.is_nan()).then_some(removed)})
        }),
        "perplexity_removed_by_kept": outcome.intervals.as_ref().and_then(|set| interval(&set.ratio)),
        "rank_correlation_of_score_and_perplexity": outcome.intervals.as_ref().and_then(|set| interval(&set.rank)),
        "rules": outcome.judged.iter().map(judged).collect::<Vec<_>>(),
    })
}

fn interval(interval: &pauca::stats::Interval) -> Option<Value> {
    let defined = !(interval.estimate.is_nan() || interval.low.is_nan());
    let value = json!({
        "estimate": interval.estimate, "low": interval.low, "high": interval.high, "level": interval.level,
        "resamples": interval.resamples,
    });
    defined.then_some(value)
}
