//! `report.json` and the tables: everything that a program may want to read.
//!
//! What depends on the machine stands in the one field `run`; all else is the same bytes for the
//! same study and flags.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::compare::{Pairs, faster, forgets_less, passes};
use super::measure::{Forgotten, Measured};
use super::study::Study;

/// Version of the format of `report.json`.
pub const FORMAT_VERSION: u32 = 1;

/// What the run was asked.
pub fn configuration(study: &Study, taus: &[f64]) -> Value {
    let inputs: Vec<Value> =
        study.digests.iter().map(|(name, sha256)| json!({"file": name, "sha256": sha256})).collect();
    json!({"tau": taus, "inputs": inputs})
}

fn pairs(pairs: &Pairs) -> Value {
    json!({"larger_ahead": pairs.larger, "equal": pairs.equal, "smaller_ahead": pairs.smaller})
}

/// The whole record but for outputs and `run`.
pub fn record(
    study: &Study,
    runs: &[Measured],
    found: &[Forgotten],
    taus: &[f64],
    verdict: &str,
    configuration: &Value,
) -> Value {
    let of_runs: Vec<Value> = study
        .runs
        .iter()
        .zip(runs)
        .map(|(run, measured)| {
            let onset = measured.onset.map(|onset| {
                onset.map(|i| json!({"epoch": run.epochs[i], "memorized": measured.m[i]}))
            });
            let counts: Vec<Value> =
                measured.curve.counts().iter().map(|count| json!([count.hits, count.total])).collect();
            json!({
                "name": run.name, "parameters": run.parameters,
                "learning_rate": if run.learning_rate.is_nan() { Value::Null } else { json!(run.learning_rate) },
                "set": study.sets[run.set].name, "variant": run.variant, "epochs": run.epochs,
                "hits_and_total": counts, "epochs_to_tau": measured.reach, "updates_to_tau": measured.update_reach,
                "overfitting": onset, "mean_unit_length": measured.units.last().and_then(|u| u.mean),
                "loss": measured.loss,
            })
        })
        .collect();
    let of_specials: Vec<Value> = study
        .forgetting
        .iter()
        .zip(found)
        .map(|(special, found)| {
            let f = &found.forgetting;
            json!({
                "name": special.name, "parameters": special.parameters, "passes": special.passes,
                "epochs": special.epochs, "m": found.m, "m_never_seen": found.never, "baseline": f.baseline,
                "baseline_epoch": f.at, "least_excess": found.least_excess,
                "decay_rate": f.decay.map(|d| d.rate), "decay_r_squared": f.decay.map(|d| d.r_squared),
            })
        })
        .collect();
    let by_tau: Vec<Value> = faster(study, runs, taus.len())
        .iter()
        .zip(taus)
        .map(|(p, tau)| json!({"tau": tau, "reaches_first": pairs(p)}))
        .collect();
    let by_passes: Vec<Value> = passes(study)
        .into_iter()
        .map(|p| {
            let (baseline, excess) = forgets_less(study, found, p);
            json!({"passes": p, "higher_baseline": pairs(&baseline), "higher_excess": pairs(&excess)})
        })
        .collect();
    json!({
        "format": "pauca-memorization-report", "format_version": FORMAT_VERSION,
        "version": env!("CARGO_PKG_VERSION"), "title": study.title, "source": study.source, "verdict": verdict,
        "configuration": configuration, "larger_models": {"memorize": by_tau, "forget": by_passes},
        "runs": of_runs, "forgetting": of_specials, "probes": super::probed::record(&study.probes),
    })
}

/// A value, or nothing.
pub fn cell<T: ToString>(value: Option<T>) -> String {
    value.map_or(String::new(), |v| v.to_string())
}

/// A text as a field of a table.
pub fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_string()
    }
}

/// curves.csv: one line an epoch of a run.
///
/// # Errors
/// The writer's.
pub fn curves(out: &mut dyn Write, study: &Study, runs: &[Measured]) -> io::Result<()> {
    writeln!(
        out,
        "run,parameters,learning_rate,set,variant,epoch,hits,total,m,mean_unit_length,longest_unit,\
         validation_perplexity,m_held_out,loss"
    )?;
    for (run, found) in study.runs.iter().zip(runs) {
        for (i, epoch) in run.epochs.iter().enumerate() {
            let count = found.curve.counts()[i];
            writeln!(
                out,
                "{},{},{},{},{},{epoch},{},{},{},{},{},{},{},{}",
                quoted(&run.name),
                run.parameters,
                cell(Some(run.learning_rate).filter(|r| !r.is_nan())),
                quoted(&study.sets[run.set].name),
                quoted(run.variant.as_deref().unwrap_or("")),
                count.hits,
                count.total,
                found.m[i],
                cell(found.units[i].mean),
                found.units[i].longest,
                cell(run.perplexity.as_ref().map(|p| p[i])),
                cell(found.held_out.as_ref().map(|m| m[i])),
                cell(found.loss.as_ref().map(|l| l[i])),
            )?;
        }
    }
    Ok(())
}

/// reach.csv: one line a share of a run.
///
/// # Errors
/// The writer's.
pub fn reach(out: &mut dyn Write, study: &Study, runs: &[Measured], taus: &[f64]) -> io::Result<()> {
    writeln!(out, "run,parameters,learning_rate,set,variant,tau,epochs,updates")?;
    for (run, found) in study.runs.iter().zip(runs) {
        for (t, tau) in taus.iter().enumerate() {
            writeln!(
                out,
                "{},{},{},{},{},{tau},{},{}",
                quoted(&run.name),
                run.parameters,
                cell(Some(run.learning_rate).filter(|r| !r.is_nan())),
                quoted(&study.sets[run.set].name),
                quoted(run.variant.as_deref().unwrap_or("")),
                cell(found.reach[t]),
                cell(found.update_reach.as_ref().and_then(|reach| reach[t])),
            )?;
        }
    }
    Ok(())
}

/// forgetting.csv: one line an epoch of a special batch.
///
/// # Errors
/// The writer's.
pub fn forgetting(out: &mut dyn Write, study: &Study, found: &[Forgotten]) -> io::Result<()> {
    writeln!(out, "name,parameters,passes,epoch,m,m_never_seen")?;
    for (special, found) in study.forgetting.iter().zip(found) {
        for (i, epoch) in special.epochs.iter().enumerate() {
            let (m, never) = (found.m[i], cell(found.never[i]));
            let (name, n, passes) = (quoted(&special.name), special.parameters, special.passes);
            writeln!(out, "{name},{n},{passes},{epoch},{m},{never}")?;
        }
    }
    Ok(())
}

/// tags.csv: one line a part of speech of an epoch of a run.
///
/// # Errors
/// The writer's.
pub fn tags(out: &mut dyn Write, study: &Study, runs: &[Measured]) -> io::Result<()> {
    writeln!(out, "run,parameters,epoch,tag,tokens,right,memorized")?;
    for (run, found) in study.runs.iter().zip(runs) {
        for (ratios, epoch) in found.tags.iter().zip(&run.epochs) {
            for (tag, ratio) in study.tags.iter().zip(ratios).filter(|(_, r)| r.tokens > 0) {
                let (name, n, tag) = (quoted(&run.name), run.parameters, quoted(tag));
                let (right, memorized) = (cell(ratio.right), cell(ratio.memorized));
                writeln!(out, "{name},{n},{epoch},{tag},{},{right},{memorized}", ratio.tokens)?;
            }
        }
    }
    Ok(())
}
