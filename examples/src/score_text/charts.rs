//! The plots of a run.

use std::collections::BTreeMap;

use super::outcome::Outcome;
use crate::plots::{
    Axis, GREY, Group, INK, KEPT, PRUNED, Stroke, curve, dots, guide, histogram, listed, number, row,
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
    let weights = outcome.source.all().map(|_| ("weights.svg", weights(outcome)));
    [Some(("scores.svg", scores)), weights].into_iter().flatten().collect()
}

/// The weight of each predicate with its interval.
fn weights(outcome: &Outcome) -> String {
    let values = outcome.weights.values();
    let n = values.len();
    let interval = |i: usize| {
        let found = outcome.intervals.as_ref().map(|set| (set.weights[i].low, set.weights[i].high));
        found.filter(|(low, high)| low.is_finite() && high.is_finite())
    };
    let ends = (0..n).filter_map(|i| interval(i).map(|(_, high)| high));
    let most = values.iter().copied().chain(ends).fold(0.0, f64::max);
    let most = if most > 0.0 { most * 1.08 } else { 1.0 };
    let x = Axis {
        name: "weight (0: the lines that pass are no easier to predict); line: 95 % interval",
        range: -0.03 * most..most,
        label: &|v| number(*v, 3),
        labels: 6,
    };
    let names: Vec<String> = outcome.source.columns.names().into_iter().map(String::from).collect();
    listed(960, 30, 220, x, &names, |chart| {
        guide(chart, (0.0, -0.6), (0.0, n.max(1) as f64 - 0.4), INK)?;
        for (i, &value) in values.iter().enumerate() {
            let (y, colour) = (row(i, n), if value > 0.0 { KEPT } else { GREY });
            if let Some((low, high)) = interval(i) {
                curve(chart, [(low, y), (high, y)].into_iter(), colour, Stroke::Solid)?;
            }
            dots(chart, [(value, y)], &colour)?;
        }
        Ok(())
    })
}
