//! What [`probes`](super::probes) found: tables, record, sections of the page.

use std::io::{self, Write};

use pauca::stats::Interval;
use serde_json::{Value, json};

use super::probes::{CHANCES, Extraction, LEVEL, LOWEST, Probes, QUERIES, RATES, queries};
use super::record::{cell, quoted};
use crate::page::{escape, section, table};
use crate::progress::{count, percent};

fn interval(i: &Interval) -> Value {
    json!({"estimate": i.estimate, "low": i.low, "high": i.high, "level": i.level})
}

fn shown(i: &Interval) -> String {
    format!("{:.3} <small>{:.3} to {:.3}</small>", i.estimate, i.low, i.high)
}

fn rates(all: &[pauca::memorization::SuffixMatch]) -> (f64, f64) {
    let n = all.len().max(1) as f64;
    let exact = all.iter().filter(|m| m.exact).count() as f64;
    (exact / n, all.iter().map(|m| m.fraction).sum::<f64>() / n)
}

/// The record; none where nothing was asked.
pub fn record(probes: &Probes) -> Value {
    let membership = probes.membership.iter().map(|m| {
        let scores = m.scores.iter().map(|s| {
            let found = RATES.iter().zip(&s.found).map(|(fpr, tpr)| json!({"fpr": fpr, "tpr": interval(tpr)}));
            json!({"score": s.name, "auc": interval(&s.auc), "at": found.collect::<Vec<_>>()})
        });
        let members = m.member.iter().filter(|m| **m).count();
        json!({"name": m.name, "texts": m.member.len(), "members": members, "scores": scores.collect::<Vec<_>>()})
    });
    let extraction = probes.extraction.iter().map(|e| {
        let table = |e: &Extraction| -> Vec<Value> {
            let cells = QUERIES.iter().flat_map(|n| CHANCES.iter().map(move |p| (*n, *p)));
            cells.filter_map(|(n, p)| Some(json!({"n": n, "p": p, "share": e.discoverable(n, p)?}))).collect()
        };
        let greedy = e.greedy.as_deref().map(rates);
        json!({
            "name": e.name, "texts": e.texts(), "extractable": greedy.map(|g| g.0),
            "mean_fraction": greedy.map(|g| g.1), "discoverable": table(e),
        })
    });
    let exposure = probes.exposure.iter().map(|e| {
        let bits: Vec<f64> = e.canaries.iter().map(|c| c.1).collect();
        json!({"name": e.name, "candidates": e.candidates, "whole": e.whole, "exposure_bits": bits})
    });
    let counterfactual = probes.counterfactual.iter().map(|c| {
        let values: Vec<f64> = c.texts.iter().map(|t| t.2.value).collect();
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        json!({"name": c.name, "texts": values.len(), "mean": mean})
    });
    json!({
        "membership": membership.collect::<Vec<_>>(), "extraction": extraction.collect::<Vec<_>>(),
        "exposure": exposure.collect::<Vec<_>>(), "counterfactual": counterfactual.collect::<Vec<_>>(),
    })
}

/// A table as lines of text, by file name.
pub type Tables = Vec<(&'static str, Vec<u8>)>;

/// The tables of what was asked.
///
/// # Errors
/// None but those of memory.
pub fn tables(probes: &Probes) -> io::Result<Tables> {
    let mut tables = Tables::new();
    let mut out = Vec::new();
    if !probes.membership.is_empty() {
        writeln!(out, "name,text,member,score,value")?;
        for m in &probes.membership {
            for score in &m.scores {
                for (i, (value, member)) in score.values.iter().zip(&m.member).enumerate() {
                    writeln!(out, "{},{i},{},{},{value}", quoted(&m.name), u8::from(*member), score.name)?;
                }
            }
        }
        tables.push(("membership.csv", std::mem::take(&mut out)));
    }
    if !probes.extraction.is_empty() {
        writeln!(out, "name,text,exact,fraction,common_prefix,log_pz,queries_0.5,queries_0.9")?;
        for e in &probes.extraction {
            for i in 0..e.texts() {
                let greedy = e.greedy.as_ref().map(|g| g[i]);
                let log_pz = e.log_pz.as_ref().map(|l| l[i]);
                writeln!(
                    out,
                    "{},{i},{},{},{},{},{},{}",
                    quoted(&e.name),
                    cell(greedy.map(|g| u8::from(g.exact))),
                    cell(greedy.map(|g| g.fraction)),
                    cell(greedy.map(|g| g.common_prefix)),
                    cell(log_pz),
                    cell(log_pz.map(|l| queries(l, 0.5))),
                    cell(log_pz.map(|l| queries(l, 0.9))),
                )?;
            }
        }
        tables.push(("extraction.csv", std::mem::take(&mut out)));
    }
    if !probes.exposure.is_empty() {
        writeln!(out, "name,canary,loss,exposure_bits")?;
        for e in &probes.exposure {
            for (i, (loss, bits)) in e.canaries.iter().enumerate() {
                writeln!(out, "{},{i},{loss},{bits}", quoted(&e.name))?;
            }
        }
        tables.push(("exposure.csv", std::mem::take(&mut out)));
    }
    if !probes.counterfactual.is_empty() {
        writeln!(out, "name,text,models_with,models_without,value,standard_error")?;
        for c in &probes.counterfactual {
            for (i, (with, without, found)) in c.texts.iter().enumerate() {
                let (name, error) = (quoted(&c.name), cell(found.standard_error));
                writeln!(out, "{name},{i},{with},{without},{},{error}", found.value)?;
            }
        }
        tables.push(("counterfactual.csv", std::mem::take(&mut out)));
    }
    Ok(tables)
}

/// One sentence for a study without runs.
pub fn verdict(probes: &Probes) -> String {
    let best = probes.membership.iter().flat_map(|m| m.scores.iter().map(move |s| (m, s)));
    let best = best.max_by(|a, b| a.1.auc.estimate.total_cmp(&b.1.auc.estimate));
    let mut said = Vec::new();
    if let Some((m, s)) = best {
        said.push(format!(
            "{} tells members of {} from others with an AUC of {:.3} ({:.3} to {:.3})",
            s.name, m.name, s.auc.estimate, s.auc.low, s.auc.high
        ));
    }
    for e in &probes.extraction {
        if let Some(greedy) = &e.greedy {
            let exact = greedy.iter().filter(|m| m.exact).count();
            said.push(format!("{exact} of {} texts of {} are extractable", greedy.len(), e.name));
        }
    }
    if said.is_empty() { "What was asked of single texts.".into() } else { said.join("; ") + "." }
}

/// The sections of the page.
pub fn html(probes: &Probes) -> String {
    let mut html = String::new();
    let mut tables = String::new();
    for m in &probes.membership {
        let members = m.member.iter().filter(|m| **m).count();
        tables.push_str(&format!(
            "<h3>{} <span>· {} members, {} others</span></h3>\n",
            escape(&m.name),
            count(members as u64),
            count((m.member.len() - members) as u64)
        ));
        let head = ["score", "AUC", "members found at 1 % false alarms", "at 0.1 %"];
        let rows = m
            .scores
            .iter()
            .map(|s| vec![s.name.to_string(), shown(&s.auc), shown(&s.found[0]), shown(&s.found[1])]);
        tables.push_str(&table(&head, &["", "num", "num", "num"], rows));
    }
    if !tables.is_empty() {
        let lead = format!(
            "Was a text trained on? Each score is made to grow with membership. In small print {} % intervals over \
             {} draws of the texts. Min-K% looks at the {} % least likely tokens of a text.",
            100.0 * LEVEL,
            1000,
            100.0 * LOWEST
        );
        html.push_str(&section("Membership", &lead, &tables));
    }
    let mut tables = String::new();
    for e in &probes.extraction {
        let greedy = e.greedy.as_deref().map(rates).map_or(String::new(), |(exact, fraction)| {
            format!(" · {} extractable, {} of the tokens right", percent(exact), percent(fraction))
        });
        tables.push_str(&format!(
            "<h3>{} <span>· {} texts{greedy}</span></h3>\n",
            escape(&e.name),
            count(e.texts() as u64)
        ));
        if e.log_pz.is_some() {
            let rows = QUERIES.iter().map(|&n| {
                let mut row = vec![count(n)];
                row.extend(CHANCES.iter().map(|&p| e.discoverable(n, p).map_or(String::new(), percent)));
                row
            });
            let head = ["samples n", "p = 0.1", "p = 0.5", "p = 0.9"];
            tables.push_str(&table(&head, &["num"; 4], rows));
        }
    }
    if !tables.is_empty() {
        let lead = "Extractable: the greedy continuation of the prefix is the true suffix. (n, p)-discoverable: of n sampled \
                    continuations one is the suffix with probability p at least.";
        html.push_str(&section("Extraction", lead, &tables));
    }
    let rows: Vec<Vec<String>> = probes
        .exposure
        .iter()
        .map(|e| {
            let bits: Vec<f64> = e.canaries.iter().map(|c| c.1).collect();
            let (low, high) =
                bits.iter().fold((f64::INFINITY, 0.0), |(a, b): (f64, f64), v| (a.min(*v), b.max(*v)));
            let kind = if e.whole { "all candidates" } else { "sampled" };
            vec![
                escape(&e.name),
                count(bits.len() as u64),
                format!("{} ({kind})", count(e.candidates as u64)),
                format!("{low:.2} to {high:.2}"),
            ]
        })
        .collect();
    if !rows.is_empty() {
        let head = ["name", "canaries", "candidates", "exposure, bits"];
        let table = table(&head, &["", "num", "num", "num"], rows);
        html.push_str(&section("Exposure", "How far ahead of guessing a secret is, in bits.", &table));
    }
    let mut tables = String::new();
    for c in &probes.counterfactual {
        let mut order: Vec<usize> = (0..c.texts.len()).collect();
        order.sort_by(|&a, &b| c.texts[b].2.value.total_cmp(&c.texts[a].2.value));
        tables
            .push_str(&format!("<h3>{} <span>· the ten texts that gain most</span></h3>\n", escape(&c.name)));
        let rows = order.into_iter().take(10).map(|i| {
            let (with, without, found) = &c.texts[i];
            let error = found.standard_error.map_or(String::new(), |e| format!(" ± {e:.3}"));
            vec![i.to_string(), with.to_string(), without.to_string(), format!("{:.3}{error}", found.value)]
        });
        let head = ["text", "models with it", "without", "difference (standard error)"];
        tables.push_str(&table(&head, &["num"; 4], rows));
    }
    if !tables.is_empty() {
        let lead = "How much better models do on a text when they saw it.";
        html.push_str(&section("Counterfactual memorization", lead, &tables));
    }
    html
}
