//! `report.html`: the verdict first, then what a person would ask next.

use std::collections::BTreeMap;

use pauca::corruption::{Corruption, Corruptor};
use pauca::stats::Interval;

use super::args::Method;
use super::charts::{Line, NONE, forest, lorenz};
use super::corrupt::Text;
use super::inputs::Inputs;
use super::languages::{Language, Read};
use super::study::{Kind, LONGEST, Settings, Study};
use crate::interrupt;
use crate::output::Written;
use crate::page::{Fact, SAME_BYTES, escape, fact_list, figure, file_list, page, section, shorten, table};
use crate::progress::{count, percent};

/// Points of the Lorenz curve.
const POINTS: usize = 200;
/// Rate and seed of the corruptions that are shown.
const SHOWN: (f64, u64) = (0.1, 1);
/// Longest text of an edit shown.
const TEXT: usize = 90;

/// What the page is made of.
pub struct Page<'a> {
    /// The result.
    pub study: &'a Study,
    /// How it came about.
    pub settings: &'a Settings,
    /// What was read.
    pub inputs: &'a Inputs<'a>,
    /// Name of the input.
    pub input: String,
    /// Values in a row.
    pub dim: usize,
    /// Plots by file name.
    pub plots: &'a BTreeMap<&'static str, String>,
    /// Texts of which corruptions are shown.
    pub texts: &'a [Text],
    /// The configuration.
    pub configuration: &'a serde_json::Value,
}

/// The plots by file name.
///
/// # Errors
/// The library's.
pub fn draw(study: &Study) -> pauca::Result<BTreeMap<&'static str, String>> {
    let mut plots = BTreeMap::new();
    let mut marks = Vec::new();
    for share in LONGEST {
        marks.extend(study.concentration.share_of_longest(share)?.map(|tokens| (share, tokens)));
    }
    plots.insert("lorenz.svg", lorenz(&study.concentration.lorenz(POINTS)?, &marks));
    let lines = |pick: fn(&pauca::length::Confound) -> Option<Interval>| -> Vec<Line> {
        let line = |score: &super::study::Score| {
            pick(&score.confound).map(|interval| Line { name: score.name.into(), interval, group: NONE })
        };
        study.scores.iter().filter_map(line).collect()
    };
    let rho = "rank correlation with length (Spearman)";
    plots.insert("confound.svg", forest(&lines(|c| c.spearman), rho, 0.0, 2));
    let auc = "AUC: longer half scores higher";
    plots.insert("confound_auc.svg", forest(&lines(|c| c.auc), auc, 0.5, 2));
    if !study.kinds.is_empty() {
        let lines = |pick: fn(&Kind) -> Interval| -> Vec<Line> {
            let line = |kind: &Kind| Line {
                name: kind.name.clone(),
                interval: pick(kind),
                group: match kind.family {
                    "syntax" => 0,
                    "content" => 1,
                    _ => 2,
                },
            };
            study.kinds.iter().map(line).collect()
        };
        let size = "mean change of ln(size of the cluster)";
        plots.insert("corruption_size.svg", forest(&lines(|k| k.summary.log_size_change), size, 0.0, 2));
        let distance = "mean change of the distance to the centroid";
        plots.insert(
            "corruption_distance.svg",
            forest(&lines(|k| k.summary.distance_change), distance, 0.0, 3),
        );
        let similarity = "mean cosine of corrupted file and original";
        plots.insert(
            "corruption_similarity.svg",
            forest(&lines(|k| k.summary.similarity), similarity, 1.0, 2),
        );
    }
    Ok(plots)
}

/// What decided.
fn by(method: Method) -> &'static str {
    match method {
        Method::Scip => "small clusters and distance to the centroid (SCIP)",
        Method::Longest => "length",
        Method::Tokens => "length, by tokens",
        Method::Controlled => "distance to the centroid, the same share of every length",
    }
}

fn held(study: &Study, share: f64) -> pauca::Result<String> {
    Ok(study.concentration.share_of_longest(share)?.map_or("no".into(), percent))
}

/// The verdict in one sentence.
///
/// # Errors
/// The library's.
pub fn verdict(study: &Study, settings: &Settings) -> pauca::Result<String> {
    Ok(format!(
        "The longest 2 % of {} files hold {} of the tokens. Kept {} files by {}, and with them {} of the tokens.",
        count(study.concentration.documents),
        held(study, 0.02)?,
        count(study.kept.kept_documents),
        by(settings.method),
        percent(1.0 - study.kept.token_share.unwrap_or(0.0)),
    ))
}

fn interval(v: Option<&Interval>, digits: usize) -> String {
    match v {
        Some(v) if v.estimate.is_finite() => {
            format!("{:.digits$} [{:.digits$}, {:.digits$}]", v.estimate, v.low, v.high)
        }
        _ => "undefined".into(),
    }
}

/// Four facts.
///
/// # Errors
/// The library's.
pub fn facts(study: &Study, settings: &Settings) -> pauca::Result<Vec<Fact>> {
    let c = &study.concentration;
    let mut facts = vec![
        Fact {
            about: "length".into(),
            value: format!("{} tokens in {} files", count(c.tokens), count(c.documents)),
            detail: format!(
                "longest 1, 2, 5, 10 %: {}, {}, {}, {}; Gini {}",
                held(study, 0.01)?,
                held(study, 0.02)?,
                held(study, 0.05)?,
                held(study, 0.1)?,
                c.gini.map_or("undefined".into(), |g| format!("{g:.3}"))
            ),
        },
        Fact {
            about: "kept".into(),
            value: format!("{} of {} files", count(study.kept.kept_documents), count(c.documents)),
            detail: format!(
                "by {}; {} of the tokens went with {} of the files{}",
                by(settings.method),
                percent(study.kept.token_share.unwrap_or(0.0)),
                percent(study.kept.document_share.unwrap_or(0.0)),
                missed(study, settings)
            ),
        },
    ];
    let strongest = study.scores.iter().max_by(|a, b| {
        let size = |s: &super::study::Score| s.confound.spearman.map_or(0.0, |r| r.estimate.abs());
        size(a).total_cmp(&size(b))
    });
    if let Some(score) = strongest {
        facts.push(Fact {
            about: "confounded".into(),
            value: format!("{}: rho {}", score.name, interval(score.confound.spearman.as_ref(), 2)),
            detail: format!(
                "the score most correlated with length; AUC {}",
                interval(score.confound.auc.as_ref(), 2)
            ),
        });
    }
    let moved = study.kinds.iter().filter(|k| !k.family.is_empty());
    if let Some(kind) =
        moved.max_by(|a, b| a.summary.distance_change.estimate.total_cmp(&b.summary.distance_change.estimate))
    {
        facts.push(Fact {
            about: "corruption".into(),
            value: format!("{}: farther by {}", kind.name, interval(Some(&kind.summary.distance_change), 3)),
            detail: format!(
                "the kind that moves files farthest out; {} change cluster",
                percent(kind.summary.switch_rate.estimate)
            ),
        });
    }
    Ok(facts)
}

/// Why less went than was asked, or next to nothing.
fn missed(study: &Study, settings: &Settings) -> String {
    let (c, removed) = (&study.concentration, 1.0 - settings.keep);
    let gone = c.documents - study.kept.kept_documents;
    let share = study.kept.token_share.unwrap_or(0.0);
    match study.unfit {
        _ if removed <= 0.0 => "; --keep 1 asks for no more".into(),
        Some(next) if gone == 0 => format!(
            "; none could go: the longest file holds {} of the tokens, and {} may go",
            percent(next as f64 / c.tokens.max(1) as f64),
            percent(removed)
        ),
        Some(next) if share < removed => {
            format!("; the next longest, of {} tokens, would be more than {}", count(next), percent(removed))
        }
        None if gone == 0 => format!("; {} of {} files rounds to none", percent(removed), count(c.documents)),
        None if percent(share) == percent(0.0) => {
            format!("; the files that went hold {} of them", count(c.tokens - study.kept.kept_tokens))
        }
        _ => String::new(),
    }
}

impl Page<'_> {
    /// The page.
    ///
    /// # Errors
    /// The library's.
    pub fn html(&self, written: &BTreeMap<String, Written>) -> pauca::Result<String> {
        let title = verdict(self.study, self.settings)?;
        let mut body = format!(
            "<p class=\"kicker\">prune-code · {} · {} files, rows of {} values</p>\n<h1>{}</h1>\n",
            escape(&self.input),
            count(self.inputs.tokens.len() as u64),
            self.dim,
            escape(&title)
        );
        body.push_str(&fact_list(&facts(self.study, self.settings)?));
        body.push_str(&self.length()?);
        body.push_str(&self.confound());
        body.push_str(&self.selections());
        body.push_str(&self.corruptions());
        body.push_str(&self.edits()?);
        body.push_str(&self.perplexity());
        body.push_str(&file_list(written, self.configuration, SAME_BYTES));
        Ok(page(&format!("{}: {title}", self.input), &body))
    }

    fn plot(&self, name: &str, caption: &str) -> String {
        self.plots.get(name).map_or(String::new(), |svg| figure(caption, svg))
    }

    fn length(&self) -> pauca::Result<String> {
        let c = &self.study.concentration;
        let mut rows = Vec::new();
        for share in LONGEST {
            let files = (share * c.documents as f64).round_ties_even() as u64;
            rows.push(vec![
                format!("longest {:.0} %", 100.0 * share),
                count(files),
                held(self.study, share)?,
            ]);
        }
        for share in [0.25, 0.5] {
            let files = c.documents_that_hold(share)?;
            let of = percent(files as f64 / c.documents.max(1) as f64);
            rows.push(vec![
                format!("{:.0} % of the tokens", 100.0 * share),
                count(files),
                format!("{of} of the files"),
            ]);
        }
        let table = table(&["", "files", "tokens held"], &["", "num", "num"], rows);
        let html = format!(
            "<div class=\"two\">{}<div>{table}</div></div>\n",
            self.plot("lorenz.svg", "Tokens over files, the shortest first")
        );
        let lead = "The farther the curve hangs below the diagonal, the more a few long files hold.";
        Ok(section("How much the longest files hold", lead, &html))
    }

    fn confound(&self) -> String {
        let rows = self.study.scores.iter().map(|score| {
            let number = |v: Option<f64>| v.map_or("undefined".into(), |v| format!("{v:.3}"));
            vec![
                format!("<b>{}</b><br><small>{}</small>", escape(score.name), escape(score.meaning)),
                interval(score.confound.spearman.as_ref(), 3),
                interval(score.confound.auc.as_ref(), 3),
                number(score.confound.kendall),
                number(score.confound.eta_squared),
            ]
        });
        let level = format!("{:.0} %", 100.0 * self.settings.level);
        let html = format!(
            "<div class=\"two\">{}{}</div>\n{}",
            self.plot("confound.svg", "Rank correlation with length"),
            self.plot("confound_auc.svg", "Does the longer half score higher?"),
            table(
                &["score (a high value means)", "Spearman's rho", "AUC", "Kendall's tau", "eta²"],
                &["half", "num", "num", "num", "num"],
                rows
            )
        );
        let lead = format!(
            "A score that length explains prunes by length in disguise. Dashed: no relation. In brackets and as bars {level} \
             bootstrap intervals over files ({} resamples). AUC: how often a file above the median length outscores one at or \
             below it. eta²: share of the score's variance between ten bins of length.",
            count(self.settings.resamples as u64)
        );
        section("Which scores are about length", &lead, &html)
    }

    fn selections(&self) -> String {
        let rows = self.study.selections.iter().map(|s| {
            let number = |v: Option<f64>| v.map_or("undefined".into(), |v| format!("{v:.2}"));
            vec![
                escape(s.name),
                count(s.length.kept_documents),
                percent(s.length.document_share.unwrap_or(0.0)),
                percent(s.length.token_share.unwrap_or(0.0)),
                number(s.length.ratio),
                number(s.length.auc),
            ]
        });
        let lead = "Every way of choosing at the same share of files. Ratio: tokens removed over files removed; AUC: how often \
                    a removed file is longer than a kept one.";
        let table = table(
            &["removed first", "files kept", "files removed", "tokens removed", "ratio", "AUC of length"],
            &["", "num", "num", "num", "num", "num"],
            rows,
        );
        section("What each selection removes", lead, &table)
    }

    fn corruptions(&self) -> String {
        if self.study.kinds.is_empty() {
            return String::new();
        }
        let rows = self.study.kinds.iter().map(|kind| {
            let s = &kind.summary;
            let share = |v: Option<f64>| v.map_or("undefined".into(), |v| format!("{v:.2}"));
            let dot = match kind.family {
                "syntax" => "kept",
                "content" => "pruned",
                _ => "dup",
            };
            vec![
                format!("<i class=\"dot {dot}\"></i>{}", escape(&kind.name)),
                count(kind.report.len() as u64),
                interval(Some(&s.switch_rate), 2),
                interval(Some(&s.log_size_change), 2),
                interval(Some(&s.distance_change), 3),
                format!("{:.3}", s.similarity.estimate),
                share(kind.report.explained_share),
            ]
        });
        let table = table(
            &["corruption", "pairs", "change cluster", "ln(cluster size)", "distance", "cosine", "explained"],
            &["", "num", "num", "num", "num", "num", "num"],
            rows,
        );
        let html = format!(
            "<div class=\"two\">{}{}</div>\n<div class=\"two\">{}<p class=\"lead\">{}</p></div>\n{table}",
            self.plot("corruption_size.svg", "Into smaller clusters?"),
            self.plot("corruption_distance.svg", "Farther from the centroid?"),
            self.plot("corruption_similarity.svg", "How far in all"),
            "The nearer the cosine is to 1, the less a corruption moved the file. Numbers below; explained: share of the \
             movement that one common direction accounts for.",
        );
        let lead = "Each corrupted file beside its original, in the clusters of the originals. \
                    <span class=\"frames\"><i class=\"dot kept\"></i>syntax <i class=\"dot pruned\"></i>content \
                    <i class=\"dot dup\"></i>the yardstick: another file in its place</span>";
        section("Where corrupted files land", lead, &html)
    }

    fn edits(&self) -> pauca::Result<String> {
        if self.texts.is_empty() {
            return Ok(String::new());
        }
        let read = |text| Read::new(text, Language::of_file(&text.id), &interrupt::requested);
        let texts = self.texts.iter().map(read).collect::<pauca::Result<Vec<_>>>()?;
        let mut rows = Vec::new();
        for (i, kind) in Corruption::ALL.into_iter().enumerate() {
            let corruptor = Corruptor::new(kind).rate(SHOWN.0).seed(SHOWN.1);
            for step in 0..self.texts.len() {
                let text = &self.texts[(i + step) % self.texts.len()];
                let (read, beside) =
                    (&texts[(i + step) % texts.len()], texts.get((i + step + 1) % texts.len()));
                let found = read.corrupt(&corruptor, kind, beside)?;
                let Some(edit) = found.edits.first() else { continue };
                let line = text.text.lines().nth(edit.line - 1).unwrap_or("").trim();
                let show = |text: &str| match text.trim().is_empty() {
                    true if text.is_empty() => "<small>nothing</small>".into(),
                    true => format!("<small>{} blanks</small>", text.len()),
                    false => format!("<span class=\"mono\">{}</span>", escape(&shorten(text, TEXT))),
                };
                rows.push(vec![
                    kind.name().to_string(),
                    format!(
                        "<span class=\"mono\">{}:{}</span><br><span class=\"mono\">{}</span>",
                        escape(&text.id),
                        edit.line,
                        escape(&shorten(line, TEXT))
                    ),
                    show(&edit.removed),
                    show(&edit.inserted),
                    format!("{} of {}", found.edits.len(), found.sites),
                ]);
                break;
            }
        }
        let lead = format!(
            "One edit of each kind at rate {}. Every edit is on record and can be taken back.",
            SHOWN.0
        );
        let html =
            table(&["kind", "line", "removed", "inserted", "edits"], &["", "half", "", "", "num"], rows);
        Ok(section("What the corruptions do", &lead, &html))
    }

    fn perplexity(&self) -> String {
        let Some(buckets) = &self.study.perplexity else { return String::new() };
        let rows = buckets.iter().filter(|b| b.documents > 0).map(|b| {
            vec![
                format!("{} to {}", count(b.shortest), count(b.longest)),
                count(b.documents),
                percent(b.token_share.unwrap_or(0.0)),
                b.perplexity.map_or("undefined".into(), |p| format!("{p:.3}")),
            ]
        });
        let html = table(
            &["tokens of a file", "files", "of all tokens", "perplexity"],
            &["", "num", "num", "num"],
            rows,
        );
        section("Perplexity by length", "Over the tokens of each bin of length.", &html)
    }
}
