//! The plots of a run.

use std::collections::BTreeMap;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::outcome::{Outcome, weight};
use crate::plots::{self, Axis, INK, KEPT, PRUNED, anchor, font, frame};

/// All of them, by file name.
pub fn draw(outcome: &Outcome) -> BTreeMap<&'static str, String> {
    let value = |keep: bool| -> Vec<f64> {
        let rows = outcome.pruned.scores.iter().zip(&outcome.pruned.keep);
        rows.filter(|(_, k)| **k == keep).map(|(s, _)| *s).collect()
    };
    BTreeMap::from([("scores.svg", scores(&value(true), &value(false))), ("weights.svg", weights(outcome))])
}

/// Perplexity of the lines that pass each predicate, beside that of all lines.
fn weights(outcome: &Outcome) -> String {
    let all = outcome.source.perplexities.all();
    let n = outcome.source.predicates.len();
    let values: Vec<f64> = outcome.source.perplexities.subsets().iter().map(|p| p.unwrap_or(0.0)).collect();
    let most = values.iter().copied().fold(all, f64::max) * 1.12;
    plots::draw(960, 90 + 34 * n as u32, |root| {
        let x = |v: &f64| if most < 10.0 { format!("{v:.1}") } else { format!("{v:.0}") };
        let none = |_: &f64| String::new();
        let mut chart = ChartBuilder::on(root)
            .margin(10)
            .margin_right(18)
            .x_label_area_size(52)
            .y_label_area_size(220)
            .build_cartesian_2d(0.0..most, 0.0..n.max(1) as f64)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .axis_style(plots::GREY)
            .x_label_formatter(&x)
            .y_label_formatter(&none)
            .x_desc(
                "perplexity of the lines that pass (all lines: dashed); left of the dashes there is a weight",
            )
            .label_style(font(17).color(&INK))
            .axis_desc_style(font(17).color(&INK))
            .draw()?;
        for (i, value) in values.iter().enumerate() {
            let y = (n - 1 - i) as f64;
            let w = outcome.weights.values()[i];
            let colour = if w > 0.0 { KEPT } else { plots::GREY };
            chart.draw_series([Rectangle::new(
                [(0.0, y + 0.2), (*value, y + 0.8)],
                colour.mix(0.75).filled(),
            )])?;
            let text = match outcome.source.perplexities.subsets()[i] {
                None => "no line passes: weight 0".to_string(),
                Some(_) => format!("weight {}", weight(w)),
            };
            let ink = if *value > 0.0 { WHITE } else { INK };
            let style = font(15).color(&ink).pos(anchor(HPos::Left, VPos::Center));
            chart.draw_series([Text::new(text, (0.01 * most, y + 0.5), style)])?;
            let name = outcome.source.predicates[i].name();
            let place = chart.backend_coord(&(0.0, y + 0.5));
            let style = font(17).color(&INK).pos(anchor(HPos::Right, VPos::Center));
            root.draw(&Text::new(name, (place.0 - 8, place.1), style))?;
        }
        let guide = ShapeStyle::from(&INK).stroke_width(2);
        chart.draw_series(DashedLineSeries::new([(all, 0.0), (all, n.max(1) as f64)], 6, 4, guide))?;
        Ok(())
    })
}

const BINS: usize = 40;

/// Scores of the documents that stay, and of those that go stacked on them.
fn scores(kept: &[f64], removed: &[f64]) -> String {
    let bins = |values: &[f64]| {
        let mut bins = vec![0u64; BINS];
        for s in values.iter().filter(|s| s.is_finite()) {
            bins[((s * BINS as f64) as usize).min(BINS - 1)] += 1;
        }
        bins
    };
    let (low, high) = (bins(removed), bins(kept));
    let top = low.iter().zip(&high).map(|(a, b)| a + b).max().unwrap_or(1).max(1) as f64;
    plots::draw(960, 320, |root| {
        let x = |v: &f64| format!("{v:.1}");
        let y = |v: &f64| format!("{v:.0}");
        let mut chart = frame(
            root,
            Axis { name: "score of the document", range: 0.0..1.0, label: &x, labels: 11 },
            Axis { name: "documents", range: 0.0..1.15 * top, label: &y, labels: 6 },
        )?;
        for (name, base, bins, colour) in
            [("removed", &vec![0; BINS], &low, PRUNED), ("kept", &low, &high, KEPT)]
        {
            let bars =
                base.iter().zip(bins).enumerate().filter(|(_, (_, n))| **n > 0).map(|(i, (base, n))| {
                    let left = i as f64 / BINS as f64;
                    let right = left + 0.92 / BINS as f64;
                    Rectangle::new([(left, *base as f64), (right, (base + n) as f64)], colour.filled())
                });
            chart
                .draw_series(bars)?
                .label(name)
                .legend(move |(x, y)| Rectangle::new([(x + 4, y - 6), (x + 16, y + 6)], colour.filled()));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(font(17).color(&INK))
            .background_style(WHITE.mix(0.9))
            .border_style(WHITE.mix(0.0))
            .draw()?;
        Ok(())
    })
}
