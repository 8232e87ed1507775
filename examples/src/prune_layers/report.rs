//! `report.html`: the verdict, the heat map, what dropping blocks really costs where it was measured.

use std::collections::BTreeMap;
use std::fmt::Write;

use pauca::layers::{Choice, LayerTable};
use serde_json::Value;

use super::damage::Judged;
use crate::output::Written;
use crate::page::{SAME_BYTES, escape, figure, file_list, page, section, table};
use crate::progress::count;

/// What the page is made of.
pub struct Report<'a> {
    /// The one sentence.
    pub verdict: &'a str,
    /// The distances.
    pub table: &'a LayerTable,
    /// The name and unit of the distances.
    pub unit: &'a str,
    /// The best block of every size.
    pub plan: &'a [Choice],
    /// What the choices cost.
    pub judged: &'a [Judged],
    /// Plots by file name.
    pub plots: &'a BTreeMap<&'static str, String>,
    /// Of each layer: influence as asked for, angle, block influence, CKA.
    pub influences: &'a [[f64; 4]],
    /// The mergekit configuration, where layers are dropped.
    pub mergekit: Option<&'a str>,
    /// What was read.
    pub configuration: &'a Value,
    /// Files written before the page.
    pub written: &'a BTreeMap<String, Written>,
}

impl Report<'_> {
    /// The page.
    pub fn html(&self) -> String {
        let states = &self.configuration["states"];
        let file = states["file"].as_str().unwrap_or("");
        let mut body = format!(
            "<p class=\"kicker\">prune-layers · {} · {} samples · {} layers</p>\n<h1>{}</h1>\n",
            escape(file),
            count(self.table.samples),
            self.table.n_layers,
            escape(self.verdict)
        );
        let skipped: u64 = self.table.samples - self.table.count.iter().min().copied().unwrap_or(0);
        if skipped > 0 {
            let _ = writeln!(
                body,
                "<p class=\"lead\">Up to {} samples of a pair were left out: a state of theirs is all zeros.</p>",
                count(skipped)
            );
        }
        if !self.judged.is_empty() {
            body.push_str(&self.cost());
        }
        body.push_str(&section(
            "How far every block turns the states",
            "Each row is one size of block, shifted and rescaled to its own nearest and farthest, so colours \
             compare within a row, not between rows.",
            &self.plot("heatmap.svg", "Mean distance between the input and the output of every block"),
        ));
        let pair = format!(
            "{}{}",
            self.plot("best.svg", "Distance of the best block of each size"),
            self.plot("influence.svg", "Influence of each layer: distance of its input and output")
        );
        body.push_str(&section("Sizes and layers", "", &pair));
        body.push_str(&self.plan());
        body.push_str(&self.layers());
        if let Some(yaml) = self.mergekit {
            body.push_str(&section(
                "mergekit",
                "The configuration that keeps all other layers; layer_range is half-open: [0, 20] is layers 0 to 19, counted \
                 from 0.",
                &format!("<pre class=\"mono\">{}</pre>\n", escape(yaml)),
            ));
        }
        body.push_str(&file_list(self.written, self.configuration, SAME_BYTES));
        page(&format!("{file}: {}", self.verdict), &body)
    }

    fn plot(&self, name: &str, caption: &str) -> String {
        self.plots.get(name).map_or(String::new(), |svg| figure(caption, svg))
    }

    fn cost(&self) -> String {
        let rows = self.judged.iter().map(|j| {
            let label = |first: usize| {
                if j.size == 1 {
                    format!("{}", first + 1)
                } else {
                    format!("{} to {}", first + 1, first + j.size)
                }
            };
            let correlation = j.spearman.map_or("–".into(), |r| format!("{r:.2}"));
            vec![
                j.size.to_string(),
                label(j.first),
                format!("{:+.3}", j.damage),
                format!("<b>{}</b> of {}", j.rank, j.blocks),
                format!("{} ({:+.3})", label(j.best), j.spread[0]),
                format!("{:+.3}", j.spread[1]),
                j.deepest.map_or("–".into(), |d| format!("{d:+.3}")),
                correlation,
            ]
        });
        let head = [
            "layers",
            "chosen (from 1)",
            "its damage",
            "rank by damage",
            "least damage at",
            "median block",
            "deepest block",
            "rank correlation",
        ];
        let classes = ["num", "num", "num", "num", "num", "num", "num", "num"];
        section(
            "What leaving a block out really costs",
            "Each block was left out of the model and the loss measured again: damage is the rise of the mean \
             -log p of the next token, in nats. One dot a block; the ring is the block that the distances choose.",
            &(self.plot("damage.svg", "Damage over distance") + &table(&head, &classes, rows)),
        )
    }

    fn layers(&self) -> String {
        let shown = |v: f64| if v.is_nan() { "–".into() } else { format!("{v:.4}") };
        let rows = self.influences.iter().enumerate().map(|(l, [_, angle, cosine, cka])| {
            vec![(l + 1).to_string(), shown(*angle), shown(*cosine), shown(*cka)]
        });
        let head = ["layer (from 1)", "angle (half turns)", "block influence, 1 - cosine", "CKA, unbiased"];
        section(
            "What each layer does",
            "Between its input and its output. The angle and block influence are small, CKA is near 1, where a layer does \
             little.",
            &table(&head, &["num", "num", "num", "num"], rows),
        )
    }

    fn plan(&self) -> String {
        let rows = self.plan.iter().map(|choice| {
            let (block, distance) = (choice.block, choice.distance);
            let n = block.len();
            let quantile = |q| {
                let value = self.table.quantile(block.start, block.end, q);
                value.map_or("–".into(), |v| format!("{v:.4}"))
            };
            vec![
                n.to_string(),
                escape(&block.to_string()),
                format!("{distance:.4}"),
                quantile(0.25),
                quantile(0.5),
                quantile(0.75),
            ]
        });
        let head = ["drop", "block", self.unit, "25 %", "median", "75 %"];
        let classes = ["num", "", "num", "num", "num", "num"];
        section(
            "The best block of every size",
            "Mean, and quartiles over the samples. Equal distances go to the lower layer; the last layer stays \
             unless asked otherwise.",
            &table(&head, &classes, rows),
        )
    }
}
