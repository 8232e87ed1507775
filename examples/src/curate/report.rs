//! `report.html`: the verdict first, then what a person would ask next.

use std::collections::BTreeMap;

use super::evidence::{Evidence, class};
use super::groups::Columns;
use super::outcome::{Fate, Outcome};
use super::settings::Settings;
use super::summary::{distance_name, facts, quotas, similar, typical, verdict};
use crate::flags::Named;
use crate::input::ids::Ids;
use crate::input::images::Picture;
use crate::output::Written;
use crate::page::{SAME_BYTES, escape, fact_list, figure, file_list, page, section, shorten, table, tile};
use crate::progress::{count, percent};

/// Longest text shown of a row.
const TEXT: usize = 220;
/// Longest text where many rows stand together.
const SHORT: usize = 90;
/// Longest name below a pair of pictures.
const NAME: usize = 28;
/// Texts shown of a group or an end of a cluster; pictures are smaller.
const TEXTS: usize = 4;

/// What the page is made of.
pub struct Report<'a> {
    /// The result.
    pub outcome: &'a Outcome,
    /// How it came about.
    pub settings: &'a Settings,
    /// What to show.
    pub evidence: &'a Evidence,
    /// Name of the input.
    pub input: String,
    /// Values in a row.
    pub dim: usize,
    /// Identifiers of all rows.
    pub ids: Option<&'a Ids>,
    /// Texts of the rows shown.
    pub texts: BTreeMap<u64, String>,
    /// The pictures of the rows shown.
    pub images: BTreeMap<u64, Picture>,
    /// Plots by file name.
    pub plots: &'a BTreeMap<&'static str, String>,
    /// Files written before the page.
    pub written: &'a BTreeMap<String, Written>,
    /// The configuration, by name.
    pub configuration: &'a serde_json::Value,
    /// What the result is counted by.
    pub columns: &'a Columns,
}

impl Report<'_> {
    /// The page.
    pub fn html(&self) -> String {
        let title = verdict(self.outcome, self.settings);
        let mut body = format!(
            "<p class=\"kicker\">curate {} · {} · {} rows of {} values</p>\n<h1>{}</h1>\n",
            self.settings.method.name(),
            escape(&self.input),
            count(self.outcome.rows() as u64),
            self.dim,
            escape(&title).replace("near-dup", "near\u{2011}dup")
        );
        body.push_str(&self.bar());
        body.push_str(&self.facts());
        body.push_str(&self.pairs());
        body.push_str(&self.groups());
        body.push_str(&self.columns.html(self.outcome));
        body.push_str(&self.curve());
        body.push_str(&self.quotas());
        body.push_str(&self.extremes());
        body.push_str(&self.clusters());
        body.push_str(&self.left());
        body.push_str(&file_list(self.written, self.configuration, SAME_BYTES));
        page(&format!("{}: {title}", self.input), &body)
    }

    fn bar(&self) -> String {
        if self.outcome.keep.is_none() {
            return String::new();
        }
        let rows = self.outcome.rows().max(1) as f64;
        let duplicates = format!("removed as {}", similar(self.outcome));
        let pruned = format!("removed as {}", typical(self.settings));
        let parts = self.outcome.counts().into_iter().zip([
            ("kept", "kept"),
            (&*duplicates, "dup"),
            (&*pruned, "pruned"),
        ]);
        let (mut bar, mut key) = (String::from("<div class=\"bar\">"), String::from("<ul class=\"key\">"));
        for (n, (name, class)) in parts.filter(|(n, _)| *n > 0) {
            bar.push_str(&format!("<div style=\"flex:{n} 0 0;background:var(--{class})\"></div>"));
            key.push_str(&format!(
                "<li><i class=\"dot {class}\"></i><b>{}</b> {name} ({})</li>",
                count(n),
                percent(n as f64 / rows)
            ));
        }
        format!("{bar}</div>\n{key}</ul>\n")
    }

    fn facts(&self) -> String {
        let facts =
            facts(self.outcome, self.settings).into_iter().skip(usize::from(self.outcome.keep.is_some()));
        let facts = facts.chain(self.columns.fact(self.outcome));
        fact_list(&facts.collect::<Vec<_>>())
    }

    fn pairs(&self) -> String {
        if self.evidence.bands.is_empty() {
            return String::new();
        }
        let mut html = String::new();
        for band in &self.evidence.bands {
            html.push_str(&format!("<h3>{} <span>· {}</span></h3>\n", band.name, band.explained));
            if self.images.is_empty() {
                let rows = band.pairs.iter().map(|pair| {
                    let last =
                        |root| format!("<br><small>deduplication kept</small><br>{}", self.word(root, TEXT));
                    vec![
                        self.word(pair.removed, TEXT),
                        self.word(pair.witness, TEXT) + &pair.root.map_or(String::new(), last),
                        format!("{:.4}", pair.similarity),
                    ]
                });
                html.push_str(&table(
                    &["removed", "its witness", "similarity"],
                    &["half", "half", "num"],
                    rows,
                ));
            } else {
                let pairs = band.pairs.iter().map(|pair| {
                    let last =
                        |root| format!("<br>deduplication kept {}", escape(&shorten(&self.name(root), NAME)));
                    format!(
                        "<div class=\"pair\"><div class=\"tiles\">{}{}</div>{:.4}{}</div>",
                        self.tile(pair.removed),
                        self.tile(pair.witness),
                        pair.similarity,
                        pair.root.map_or(String::new(), last)
                    )
                });
                html.push_str(&format!("<div class=\"pairs\">{}</div>\n", pairs.collect::<String>()));
            }
        }
        let order = if self.images.is_empty() {
            ""
        } else {
            "Left the removed row, right its witness, below their similarity. "
        };
        let chains = match &self.outcome.dedup {
            Some(dedup) if dedup.rule == pauca::Rule::EarlierMax => {
                "A witness may itself have gone for another one; then the row that was kept in the end is named, too. "
            }
            _ => "",
        };
        section("Removed, beside the reason", &format!("{order}{chains}{}", self.frames()), &html)
    }

    /// What the colours of the frames say.
    fn frames(&self) -> String {
        let (kept, dup, pruned) = (
            "<i class=\"dot kept\"></i>kept",
            "<i class=\"dot dup\"></i>removed for its witness",
            "<i class=\"dot pruned\"></i>removed",
        );
        let said = match (&self.outcome.dedup, self.outcome.second.is_some()) {
            (Some(_), true) => format!("{kept} {dup} {pruned} later, as too typical"),
            (Some(_), false) => format!("{kept} {dup}"),
            (None, _) if self.outcome.keep.is_some() => format!("{kept} {pruned}"),
            (None, _) => return String::new(),
        };
        format!("<span class=\"frames\">{said}</span>")
    }

    fn groups(&self) -> String {
        if self.evidence.groups.is_empty() {
            return String::new();
        }
        let rows = self.evidence.groups.iter().map(|group| {
            let most = if self.images.is_empty() { TEXTS } else { usize::MAX };
            let shown = group.removed.iter().take(most);
            let left = group.count as usize - shown.len();
            let more = if left > 0 { format!("<small>and {} more</small>", count(left as u64)) } else { String::new() };
            format!(
                "<div class=\"group\"><div class=\"size\"><b>{}</b>became one</div><div class=\"members{}\">{}{}{more}</div></div>\n",
                count(group.count + 1),
                if self.images.is_empty() { " words" } else { "" },
                self.card(group.kept),
                shown.map(|&row| self.card(row)).collect::<String>()
            )
        });
        section(
            "Largest groups",
            "First the row that deduplication kept, then those that went because of it, directly or through one another.",
            &rows.collect::<String>(),
        )
    }

    fn curve(&self) -> String {
        match self.plots.get("keep_curve.svg") {
            None => String::new(),
            Some(svg) => section(
                "How much each threshold would keep",
                "Read off the epsilon that keeps the share you want; every point is exact, from the one pass that was run.",
                &(figure("", svg) + &self.thresholds()),
            ),
        }
    }

    /// The curve once more, in numbers.
    fn thresholds(&self) -> String {
        let rows = self.outcome.rows().max(1) as f64;
        let lines = self.outcome.thresholds().into_iter().map(|(epsilon, kept)| {
            vec![format!("{epsilon:.4}"), count(kept as u64), percent(kept as f64 / rows)]
        });
        table(&["epsilon", "rows kept", "of the input"], &["num", "num", "num"], lines)
    }

    fn quotas(&self) -> String {
        let Some(svg) = self.plots.get("quotas.svg") else { return String::new() };
        let far = self.outcome.bound.as_ref().map(quotas);
        let far = far.map_or(String::new(), |fact| format!(" Quotas are {}: {}.", fact.value, fact.detail));
        section(
            "How much of each cluster is kept",
            &format!(
                "Each dot is a cluster. The quota follows its complexity, so that of two equally complex clusters the \
                 larger one loses more.{far}"
            ),
            &figure("", svg),
        )
    }

    fn extremes(&self) -> String {
        if self.evidence.extremes.is_empty() {
            return String::new();
        }
        let most = if self.images.is_empty() { TEXTS } else { usize::MAX };
        let words = if self.images.is_empty() { " words" } else { "" };
        let mut html = String::from(
            "<div class=\"extremes head\"><div></div><div>nearest to the centroid</div><div>farthest from it</div></div>\n",
        );
        for cluster in &self.evidence.extremes {
            let members =
                |rows: &[u64]| rows.iter().take(most).map(|&row| self.card(row)).collect::<String>();
            html.push_str(&format!(
                "<div class=\"extremes\"><div><b>cluster {}</b><small>{} rows</small></div><div class=\"members{words}\">{}</div><div class=\"members{words}\">{}</div></div>\n",
                cluster.cluster,
                count(cluster.size),
                members(&cluster.nearest),
                members(&cluster.farthest)
            ));
        }
        let which = if self.outcome.second.is_some() {
            "Clusters of the second clustering, from the largest to a small one. "
        } else {
            "From the largest cluster to a small one. "
        };
        section("Inside some clusters", &format!("{which}{}", self.frames()), &html)
    }

    fn clusters(&self) -> String {
        let plot = |name: &str, caption: &str| {
            self.plots.get(name).map_or(String::new(), |svg| figure(caption, svg))
        };
        let after = if self.outcome.second.is_some() { " after deduplication" } else { "" };
        let html = format!(
            "<div class=\"two\">{}{}</div>\n",
            plot(
                "cluster_sizes.svg",
                if after.is_empty() {
                    "Rows in each cluster"
                } else {
                    "Rows in each cluster of the first clustering"
                }
            ),
            plot(
                "distances.svg",
                &format!(
                    "{}{after}",
                    capital(distance_name(self.outcome.pruning()).split(" (").next().unwrap_or_default())
                )
            )
        );
        section("Clusters", "", &html)
    }

    fn left(&self) -> String {
        if self.outcome.keep.is_none() {
            return String::new();
        }
        let rows = self.outcome.rows() as u64;
        let [kept, duplicates, _] = self.outcome.counts();
        let mut lines = vec![("input", rows)];
        if self.outcome.dedup.is_some() {
            lines.push(("after deduplication", rows - duplicates));
        }
        if self.outcome.dedup.is_none() || self.outcome.second.is_some() {
            lines.push(match self.outcome.small {
                Some(_) => ("after removing by size of the cluster and by distance to the centroid", kept),
                None => ("after removing by distance to the centroid", kept),
            });
        }
        let lines = lines
            .into_iter()
            .map(|(name, n)| vec![name.to_string(), count(n), percent(n as f64 / rows.max(1) as f64)]);
        section("Documents kept", "", &table(&["", "rows", "of the input"], &["", "num", "num"], lines))
    }

    /// A picture where there is one, else a short text.
    fn card(&self, row: u64) -> String {
        if self.images.contains_key(&row) { self.tile(row) } else { self.word(row, SHORT) }
    }

    fn tile(&self, row: u64) -> String {
        match self.images.get(&row) {
            None => self.word(row, 24),
            Some(picture) => tile(picture, class(self.fate(row)), &shorten(&self.name(row), SHORT)),
        }
    }

    fn word(&self, row: u64, most: usize) -> String {
        let text = match (self.texts.get(&row), self.ids) {
            (Some(text), Some(_)) => format!("{} · {text}", self.name(row)),
            (Some(text), None) => text.clone(),
            (None, _) => self.name(row),
        };
        format!("<span class=\"word {}\">{}</span>", class(self.fate(row)), escape(&shorten(&text, most)))
    }

    fn name(&self, row: u64) -> String {
        self.ids.map_or_else(|| format!("row {row}"), |ids| ids.get(row as usize).to_string())
    }

    fn fate(&self, row: u64) -> Fate {
        self.outcome.fate(row as usize)
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}
