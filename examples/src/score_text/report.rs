//! `report.html`: the verdict, kept documents beside removed ones, then the reasons.

use std::collections::BTreeMap;

use pauca::quality::Split;

use super::args::{Args, RulesName};
use super::outcome::{Outcome, range, weight};
use super::texts::Texts;
use crate::flags::Named;
use crate::output::Written;
use crate::page::{SAME_BYTES, escape, fact_list, figure, file_list, page, section, shorten, table};
use crate::progress::{count, percent};

/// Pairs of documents shown.
const PAIRS: usize = 6;
/// Lines shown of a document, and characters of a line.
const LINES: usize = 7;
const WIDE: usize = 96;
/// Lines shown that fail a predicate.
const EXAMPLES: usize = 2;
/// Groups listed of `--by`.
const GROUPS: usize = 20;

/// The page.
pub fn html(
    args: &Args,
    texts: &Texts,
    outcome: &Outcome,
    plots: &BTreeMap<&'static str, String>,
    written: &BTreeMap<String, Written>,
    configuration: &serde_json::Value,
) -> String {
    let title = outcome.verdict();
    let n = outcome.pruned.ids.len() as u64;
    let kept = outcome.pruned.kept() as u64;
    let mut body = format!(
        "<p class=\"kicker\">score-text · {} · {} documents</p>\n<h1>{}</h1>\n\
         <div class=\"bar\"><div style=\"flex:{kept} 0 0;background:var(--kept)\"></div>\
         <div style=\"flex:{} 0 0;background:var(--pruned)\"></div></div>\n\
         <ul class=\"key\"><li><i class=\"dot kept\"></i><b>{}</b> kept</li>\
         <li><i class=\"dot pruned\"></i><b>{}</b> removed</li></ul>\n",
        escape(&texts.name()),
        count(n),
        escape(&title),
        n - kept,
        count(kept),
        count(n - kept)
    );
    body.push_str(&fact_list(&outcome.facts()));
    body.push_str(&pairs(args, texts, outcome));
    body.push_str(&predicates(args, texts, outcome, plots));
    body.push_str(&section(
        "Scores of the documents",
        "The mean score of a document's lines, weighted by their length.",
        &figure("", plots.get("scores.svg").map_or("", String::as_str)),
    ));
    if args.by.is_some() {
        body.push_str(&groups(args, texts, outcome));
    }
    if !outcome.judged.is_empty() {
        body.push_str(&rules(args, outcome));
    }
    body.push_str(&file_list(written, configuration, SAME_BYTES));
    page(&format!("{}: {title}", texts.name()), &body)
}

/// Kept documents from the best to the last, beside removed ones from the worst to the first.
fn pairs(args: &Args, texts: &Texts, outcome: &Outcome) -> String {
    let rank = |d: &usize| outcome.scores[*d].score.map_or(f64::INFINITY, |s| -s);
    let side = |keep: bool| {
        let mut side: Vec<usize> =
            (0..texts.documents.len()).filter(|d| outcome.pruned.keep[*d] == keep).collect();
        side.sort_by(|a, b| rank(a).total_cmp(&rank(b)).then(a.cmp(b)));
        if !keep {
            side.reverse();
        }
        side
    };
    let (kept, removed) = (side(true), side(false));
    let pick = |side: &[usize], i: usize| {
        // All of a short side, else from its first to its last.
        let at = if side.len() <= PAIRS { i } else { i * (side.len() - 1) / (PAIRS - 1) };
        side.get(at).copied()
    };
    let cell = |d: Option<usize>| d.map_or(String::new(), |d| card(args, texts, outcome, d));
    let rows = (0..PAIRS)
        .map(|i| vec![cell(pick(&kept, i)), cell(pick(&removed, i))])
        .filter(|row| row.iter().any(|cell| !cell.is_empty()));
    section(
        "Kept, beside removed",
        "Left from the best document to the last that stays, right from the worst to the first that went. \
         The bar before a line is its score, full for 1; pointing at the line tells the number.",
        &table(&["kept", "removed"], &["half side", "half side"], rows),
    )
}

fn card(args: &Args, texts: &Texts, outcome: &Outcome, d: usize) -> String {
    let document = &texts.documents[d];
    let found = &outcome.scores[d];
    let score = found.score.map_or("no score".into(), |s| format!("score {s:.3}"));
    let mut html = format!(
        "<p style=\"margin:0 0 6px\"><b>{}</b> <small>{score}, {} tokens{}</small></p>",
        escape(&shorten(&document.id, 60)),
        count(found.tokens),
        outcome
            .failed
            .get(d)
            .and_then(Option::as_ref)
            .map_or(String::new(), |rule| format!(", fails {rule}"))
    );
    for (l, line) in Split::from(args.split).of(&document.text).take(LINES).enumerate() {
        let score = outcome.line(d, l, line).unwrap_or(0.0).clamp(0.0, 1.0);
        html.push_str(&format!(
            "<div class=\"mono line\" style=\"--score:{:.0}%\" title=\"score {score:.3}\">{}</div>",
            100.0 * score,
            escape(&shorten(line, WIDE))
        ));
    }
    let left = (found.lines as usize).saturating_sub(LINES);
    if left > 0 {
        html.push_str(&format!("<small>and {} more lines</small>", count(left as u64)));
    }
    html
}

/// The weights, and for each predicate a line that passes and one that does not.
fn predicates(
    args: &Args,
    texts: &Texts,
    outcome: &Outcome,
    plots: &BTreeMap<&'static str, String>,
) -> String {
    let set = &outcome.source.columns;
    let mut examples: Vec<Vec<&str>> = vec![Vec::new(); set.len()];
    // Of middling length, so that the eye can compare them; the first of each document in turn.
    for (d, document) in texts.documents.iter().enumerate() {
        let mut taken = vec![false; set.len()];
        let lines = Split::from(args.split).of(&document.text).enumerate();
        for (l, line) in lines.filter(|(_, line)| (6..=60).contains(&line.len())) {
            let Ok(passes) = set.passes(texts.path(), d, l, line) else { continue };
            for (i, passes) in passes.into_iter().enumerate() {
                let example = &mut examples[i];
                if !taken[i] && example.len() < EXAMPLES && !passes && !example.contains(&line) {
                    example.push(line);
                    taken[i] = true;
                }
            }
        }
    }
    let unknown = if outcome.source.perplexities.is_some() { "no line passes" } else { "not asked" };
    let rows = set.names().into_iter().enumerate().map(|(i, name)| {
        let ppl = outcome.source.subset(i).map_or_else(|| unknown.into(), |p| format!("{p:.2}"));
        let w = outcome.weights.values()[i];
        let alias = set.alias(i).filter(|alias| *alias != name).unwrap_or("");
        let name = format!("{}<br><small>{alias}</small>", escape(&shorten(name, 40)));
        let shown =
            examples[i].iter().map(|l| format!("<div class=\"mono\">{}</div>", escape(&shorten(l, 60))));
        let shown: String = shown.collect();
        vec![
            name,
            outcome.share_passing(i).map_or("?".into(), percent),
            ppl,
            if w > 0.0 { format!("<b>{}</b>", weight(w)) } else { "0".into() },
            outcome.intervals.as_ref().map_or(String::new(), |set| range(&set.weights[i])),
            if shown.is_empty() { "<small>every line passes</small>".into() } else { shown },
        ]
    });
    let head = ["predicate", "lines pass", "perplexity", "weight", "95 % interval", "lines that do not pass"];
    let zero = outcome.weights.values().len() - outcome.weights.informative();
    let counted = match zero {
        0 => "here every one counts".to_string(),
        1 => "one has weight 0, because the lines that pass are no easier to predict".to_string(),
        z => format!("{z} have weight 0, because the lines that pass are no easier to predict"),
    };
    let lead = format!(
        "{} {}",
        match outcome.source.all() {
            Some(all) => format!(
                "All lines: perplexity {all:.2}. A predicate weighs max(0, (that - its own) / that): {counted}."
            ),
            None => "All predicates weigh the same.".into(),
        },
        match args.matrix {
            None => "Small below the names: the paper's.",
            Some(_) => "The predicates are the columns of the given matrix.",
        }
    );
    let html = table(&head, &["", "num", "num", "num", "num", ""], rows)
        + &plots.get("weights.svg").map_or(String::new(), |plot| figure("", plot));
    section("What counts as good", &lead, &html)
}

fn groups(args: &Args, texts: &Texts, outcome: &Outcome) -> String {
    let mut groups: BTreeMap<&str, (u64, u64, f64)> = BTreeMap::new();
    for (d, document) in texts.documents.iter().enumerate() {
        let group = groups.entry(&document.group).or_default();
        group.0 += 1;
        group.1 += u64::from(!outcome.pruned.keep[d]);
        group.2 += outcome.scores[d].score.unwrap_or(0.0);
    }
    let mut rows: Vec<_> = groups.into_iter().collect();
    rows.sort_by(|a, b| b.1.0.cmp(&a.1.0).then(a.0.cmp(b.0)));
    let more = rows.len().saturating_sub(GROUPS);
    let rows = rows.into_iter().take(GROUPS).map(|(name, (all, removed, sum))| {
        vec![
            escape(&shorten(name, 60)),
            count(all),
            percent(removed as f64 / all as f64),
            format!("{:.3}", sum / all as f64),
        ]
    });
    let field = escape(args.by.as_deref().unwrap_or_default());
    let mut html = table(&[&*field, "documents", "removed", "mean score"], &["", "num", "num", "num"], rows);
    if more > 0 {
        html.push_str(&format!("<p class=\"lead\">and {} more</p>\n", count(more as u64)));
    }
    section(&format!("Removed by {}", args.by.as_deref().unwrap_or_default()), "", &html)
}

fn rules(args: &Args, outcome: &Outcome) -> String {
    let mut html = String::new();
    for set in &outcome.judged {
        let [kept, removed] = &set.tallies;
        let share = |n: u64, of: u64| if of == 0 { "".into() } else { percent(n as f64 / of as f64) };
        html.push_str(&format!(
            "<h3>{} <span>· passed by {} of the kept and {} of the removed documents</span></h3>\n",
            set.name,
            share(kept.passed, kept.documents),
            share(removed.passed, removed.documents)
        ));
        let rows = set.rules.iter().enumerate().map(|(i, rule)| {
            vec![
                rule.name.to_string(),
                format!("{} {}", bound(rule.bound), rule.of).trim_end().to_string(),
                share(kept.failed[i], kept.documents),
                share(removed.failed[i], removed.documents),
                rule.source.to_string(),
            ]
        });
        let head = ["rule", "stays at", "kept, fail", "removed, fail", "source"];
        html.push_str(&table(&head, &["", "", "num", "num", ""], rows));
        if set.name == RulesName::C4Released.name() {
            html.push_str("<p class=\"lead\">A page counts under one rule at most: that of its first faulty line.</p>\n");
        }
    }
    section(
        "Beside the published rules",
        &format!(
            "What the document filters of Gopher, C4 and FineWeb say of the same documents. {}",
            match args.pass.is_empty() {
                true => "They removed nothing here.",
                false => "Those of --pass removed what fails them.",
            }
        ),
        &html,
    )
}

fn bound(bound: pauca::quality::Bound) -> String {
    use pauca::quality::Bound::{Above, AtLeast, AtMost, Below, Within};
    match bound {
        AtLeast(v) => format!("{v} or more"),
        Above(v) => format!("more than {v}"),
        AtMost(v) => format!("{v} or less"),
        Below(v) => format!("less than {v}"),
        Within(a, b) => format!("{a} to {b}"),
        other => format!("{other:?}"),
    }
}
