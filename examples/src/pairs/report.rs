//! `report.html`: the verdict first, then the best and the worst pairs, then how well the scores tell.

use std::collections::{BTreeMap, BTreeSet};

use pauca::stats::Interval;
use serde_json::Value;

use super::Shown;
use super::args::Args;
use super::measure::{Measured, PLACES};
use crate::failure::Result;
use crate::flags::Named;
use crate::input::images::Picture;
use crate::output::Written;
use crate::page::{
    Fact, SAME_BYTES, escape, fact_list, figure, file_list, page, section, shorten, table, tile,
};
use crate::progress::{Reporter, count, percent};

/// Pairs shown of each end.
const SHOWN: usize = 24;
/// Texts whose nearest pictures are shown.
const FINDS: usize = 10;

/// What the page is made of.
pub struct Report<'a> {
    /// The result.
    pub found: &'a Measured,
    /// The rows that took part.
    pub used: &'a [usize],
    /// The flags.
    pub args: &'a Args,
    /// What can be shown of a row.
    pub shown: &'a Shown,
    /// What is said of the input.
    pub note: Option<&'static str>,
    /// Rows of the files.
    pub rows: usize,
    /// Who hears of pictures that are left out.
    pub reporter: &'a Reporter,
}

fn with_interval(i: &Interval, format: &dyn Fn(f64) -> String) -> String {
    format!("{} [{}, {}]", format(i.estimate), format(i.low), format(i.high))
}

fn decimals(v: f64) -> String {
    format!("{v:.3}")
}

/// The verdict in one sentence or two.
pub fn verdict(found: &Measured, args: &Args) -> String {
    let n = found.scores.len();
    let kept = found.selected.kept;
    let cut = if kept == 0 {
        String::new()
    } else {
        format!(": {} at least {:.3}", name(args), found.selected.cutoff)
    };
    format!(
        "Kept {} of {} pairs ({}){cut}. A true pair scores above a shuffled one {} of the time.",
        count(kept as u64),
        count(n as u64),
        percent(kept as f64 / n.max(1) as f64),
        percent(found.auc.estimate)
    )
}

fn name(args: &Args) -> &'static str {
    match args.preset {
        super::args::Preset::Survey => "cosine",
        super::args::Preset::Hessel => "score",
    }
}

/// The result in a few facts.
pub fn facts(found: &Measured) -> Vec<Fact> {
    let m = found.sample.len() as u64;
    let [median, shuffled] = found.medians();
    let mut facts = vec![
        Fact {
            about: "AUC".into(),
            value: with_interval(&found.auc, &decimals),
            detail: format!("true against shuffled pairs, {} of each; chance 0.5", count(m)),
        },
        Fact {
            about: "median score".into(),
            value: decimals(median),
            detail: format!("shuffled pairs {}", decimals(shuffled)),
        },
    ];
    for direction in &found.directions {
        let (at, chance) = &direction.recall[2];
        facts.push(Fact {
            about: if direction.name == "text to picture" { "R@10 by text" } else { "R@10 by picture" }
                .into(),
            value: with_interval(at, &percent),
            detail: format!(
                "chance {}; median rank {:.0} of {}",
                percent(*chance),
                direction.median_rank,
                count(direction.candidates as u64)
            ),
        });
    }
    facts
}

impl Report<'_> {
    /// The page.
    ///
    /// # Errors
    /// The metadata's or the pictures'.
    pub fn html(
        &self,
        plot: &str,
        written: &BTreeMap<String, Written>,
        configuration: &Value,
    ) -> Result<String> {
        let order = self.found.order();
        let n = order.len();
        let best: Vec<usize> = order.iter().take(SHOWN.min(n / 2)).copied().collect();
        let worst: Vec<usize> = order.iter().rev().take(SHOWN.min(n - n / 2)).copied().collect();
        let finds = self.finds();
        let mut wanted: BTreeSet<u64> = best.iter().chain(&worst).map(|&i| self.used[i] as u64).collect();
        for &at in &finds {
            let pairs = self.found.mistaken[at].iter().chain([&self.found.sample[at]]);
            wanted.extend(pairs.map(|&i| self.used[i] as u64));
        }
        let pictures = match &self.shown.pictures {
            Some(images) => images.pictures(&wanted, self.shown.meta.as_ref(), self.reporter)?,
            None => BTreeMap::new(),
        };
        let title = verdict(self.found, self.args);
        let mut body = format!(
            "<p class=\"kicker\">filter-pairs {} · {} pairs{}</p>\n<h1>{}</h1>\n",
            self.args.preset.name(),
            count(n as u64),
            self.args.only.as_ref().map_or(String::new(), |only| format!(" · only {}", escape(only))),
            escape(&title)
        );
        if let Some(note) = self.note {
            body.push_str(&format!("<p class=\"lead\">{note}</p>\n"));
        }
        body.push_str(&fact_list(&facts(self.found)));
        body.push_str(&section(
            "Best pairs",
            &format!("The {} highest scores.", best.len()),
            &self.gallery(&best, &pictures),
        ));
        body.push_str(&section(
            "Worst pairs",
            &format!("The {} lowest scores, the lowest first.", worst.len()),
            &self.gallery(&worst, &pictures),
        ));
        body.push_str(&section(
            "True against shuffled pairs",
            "A shuffled pair is a picture with the text of another pair. Where the two curves part, a filter on the score can tell.",
            &figure("", plot),
        ));
        body.push_str(&self.retrieval());
        body.push_str(&self.found_by_text(&finds, &pictures));
        body.push_str(&file_list(written, configuration, SAME_BYTES));
        Ok(page(&title, &body))
    }

    /// Pairs of the sample at even steps of the rank by text, from the first to the last.
    fn finds(&self) -> Vec<usize> {
        let ranks = &self.found.directions[0].ranks;
        let mut order: Vec<usize> = (0..ranks.len()).collect();
        order.sort_by(|&a, &b| ranks[a].total_cmp(&ranks[b]).then(a.cmp(&b)));
        let shown = FINDS.min(order.len());
        (0..shown).map(|k| order[k * (order.len() - 1) / (shown - 1).max(1)]).collect()
    }

    fn name(&self, i: usize) -> String {
        let row = self.used[i];
        match &self.shown.names {
            Some(names) => names.get(row).replace('-', "-\u{200b}"),
            None => format!("row {row}"),
        }
    }

    fn picture(&self, i: usize, class: &str, pictures: &BTreeMap<u64, Picture>) -> String {
        let name = shorten(&self.name(i), 90);
        match pictures.get(&(self.used[i] as u64)) {
            Some(picture) => tile(picture, class, &name),
            None => format!("<span class=\"word {class}\">{}</span>", escape(&name)),
        }
    }

    fn gallery(&self, pairs: &[usize], pictures: &BTreeMap<u64, Picture>) -> String {
        let cards = pairs.iter().map(|&i| {
            let class = if self.found.selected.keep[i] { "kept" } else { "dup" };
            format!(
                "<div class=\"pair\"><div class=\"tiles\">{}</div>{}<br><b>{:.3}</b></div>",
                self.picture(i, class, pictures),
                escape(&shorten(&self.name(i), 60)),
                self.found.scores[i]
            )
        });
        format!(
            "<span class=\"frames\"><i class=\"dot kept\"></i>kept <i class=\"dot dup\"></i>removed</span>\n<div class=\"pairs\">{}</div>\n",
            cards.collect::<String>()
        )
    }

    fn retrieval(&self) -> String {
        let mut rows = Vec::new();
        for direction in &self.found.directions {
            for (k, (at, chance)) in PLACES.iter().zip(&direction.recall) {
                rows.push(vec![
                    direction.name.to_string(),
                    format!("R@{k}"),
                    percent(at.estimate),
                    format!("{} to {}", percent(at.low), percent(at.high)),
                    percent(*chance),
                    format!("{:.1} times", at.estimate / chance),
                ]);
            }
        }
        let [pictures, texts] = [0, 1].map(|i| count(self.found.directions[i].candidates as u64));
        let (own, drawn) = match self.args.group {
            Some(_) => ("a text of the same picture, or its picture,", "groups"),
            None => ("its own partner", "pairs"),
        };
        section(
            "Retrieval",
            &format!(
                "The share of queries for which {own} is among the first k of {pictures} pictures or {texts} texts; ties count by their expectation. Intervals: 95 %, by {} resamples of the {drawn}.",
                count(self.args.resamples as u64)
            ),
            &table(
                &["", "", "found", "interval", "chance", "above chance"],
                &["", "", "num", "num", "num", "num"],
                rows,
            ),
        )
    }

    fn found_by_text(&self, finds: &[usize], pictures: &BTreeMap<u64, Picture>) -> String {
        let ranks = &self.found.directions[0].ranks;
        let rows = finds.iter().map(|&at| {
            let own = self.found.sample[at];
            let wrong = self.found.mistaken[at].iter().map(|&i| self.picture(i, "", pictures));
            vec![
                escape(&shorten(&self.name(own), 90)),
                self.picture(own, "", pictures),
                format!("{:.0}", ranks[at]),
                wrong.collect::<String>(),
            ]
        });
        section(
            "What a text finds",
            "Ten texts, from the one whose own picture ranks first to the one whose picture ranks last, with the wrong pictures that are nearest to them: the hard negatives.",
            &table(&["text", "its picture", "rank", "nearest wrong pictures"], &["", "", "num", ""], rows),
        )
    }
}
