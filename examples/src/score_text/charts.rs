//! The plots of a run.

use std::collections::BTreeMap;

use plotters::prelude::{Color, WHITE};

use super::outcome::{Outcome, weight};
use crate::plots::{
    Axis, GREY, Group, HPos, INK, KEPT, PRUNED, VPos, bar, guide, histogram, listed, note, number, row,
};

/// Parts of the axis of the scores.
const BINS: usize = 40;

/// All plots, by file name.
pub fn draw(outcome: &Outcome) -> BTreeMap<&'static str, String> {
    let value = |keep: bool| -> Vec<f64> {
        let rows = outcome.pruned.scores.iter().zip(&outcome.pruned.keep);
        rows.filter(|(_, k)| **k == keep).map(|(s, _)| *s).collect()
    };
    let x = Axis { name: "score of the document", range: 0.0..1.0, label: &|v| number(*v, 1), labels: 11 };
    let groups = [
        Group { name: "removed", values: &value(false), colour: PRUNED },
        Group { name: "kept", values: &value(true), colour: KEPT },
    ];
    let scores = histogram((960, 320), x, "documents", BINS, &groups);
    let weights = outcome.source.all().map(|all| ("weights.svg", weights(outcome, all)));
    [Some(("scores.svg", scores)), weights].into_iter().flatten().collect()
}

/// Perplexity of the lines that pass each predicate, beside that of all lines.
fn weights(outcome: &Outcome, all: f64) -> String {
    let source = &outcome.source;
    let n = source.columns.len();
    let values: Vec<Option<f64>> = (0..n).map(|i| source.subset(i)).collect();
    let most = values.iter().flatten().copied().fold(all, f64::max) * 1.12;
    let digits = usize::from(most < 10.0);
    let x = Axis {
        name: "perplexity of the lines that pass (all lines: dashed); left of the dashes there is a weight",
        range: 0.0..most,
        label: &|v| number(*v, digits),
        labels: 8,
    };
    let names: Vec<String> = source.columns.names().into_iter().map(String::from).collect();
    listed(960, 34, 220, x, &names, |chart| {
        for (i, value) in values.iter().enumerate() {
            let (y, w) = (row(i, n), outcome.weights.values()[i]);
            let colour = if w > 0.0 { KEPT } else { GREY };
            let (words, ink) = match value {
                None => ("no line passes: weight 0".to_string(), INK),
                Some(_) => (format!("weight {}", weight(w)), WHITE),
            };
            bar(chart, (0.0, y - 0.3), (value.unwrap_or(0.0), y + 0.3), &colour.mix(0.75))?;
            note(chart, words, (0.01 * most, y), (HPos::Left, VPos::Center), ink)?;
        }
        guide(chart, (all, -0.6), (all, n.max(1) as f64 - 0.4), INK)
    })
}
