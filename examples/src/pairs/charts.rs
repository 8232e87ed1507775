//! Scores of true and of wrong pairs, over each other.

use plotters::prelude::{AreaSeries, Color, LineSeries};

use crate::plots::{
    Axis, DUPLICATE, Entry, GREY, HPos, INK, KEPT, Sign, VPos, binned, chart, guide, note, number,
};

/// Parts of the axis of the scores.
const BINS: usize = 48;

/// Histograms of the scores of true and of shuffled pairs, each as a share of its pairs; `cutoff` is marked.
pub fn pair_scores(paired: &[f64], shuffled: &[f64], cutoff: f64, unit: &str) -> String {
    let all = || paired.iter().chain(shuffled).copied().filter(|s| s.is_finite());
    let (low, high) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), s| (a.min(s), b.max(s)));
    let (low, high) = if low < high { (low, high) } else { (-1.0, 1.0) };
    let width = (high - low) / BINS as f64;
    let shares = |scores: &[f64]| -> Vec<f64> {
        let counts = binned(scores, &(low..high), BINS).into_iter();
        counts.map(|n| 100.0 * n as f64 / scores.len().max(1) as f64).collect()
    };
    let groups = [("shuffled pairs", shares(shuffled), DUPLICATE), ("true pairs", shares(paired), KEPT)];
    let top = groups.iter().flat_map(|(_, shares, _)| shares).copied().fold(1e-9, f64::max);
    let x = Axis { name: unit, range: low..high, label: &|v| number(*v, 2), labels: 9 };
    let y = Axis {
        name: "share of the pairs",
        range: 0.0..1.18 * top,
        label: &|v| format!("{} %", number(*v, 0)),
        labels: 6,
    };
    let key = groups.each_ref().map(|(name, _, colour)| Entry {
        sign: Sign::Block,
        colour: *colour,
        name: name.to_string(),
    });
    chart((960, 360), x, y, &key, |chart| {
        for (_, shares, colour) in &groups {
            let outline = || {
                let steps = shares.iter().enumerate().flat_map(|(i, &share)| [(i, share), (i + 1, share)]);
                steps.map(|(i, share)| (low + i as f64 * width, share))
            };
            chart.draw_series(AreaSeries::new(outline(), 0.0, colour.mix(0.28)))?;
            chart.draw_series(LineSeries::new(outline(), colour.stroke_width(2)))?;
        }
        if (low..=high).contains(&cutoff) {
            guide(chart, (cutoff, 0.0), (cutoff, 1.1 * top), GREY)?;
            let place = (cutoff + 0.008 * (high - low), 1.12 * top);
            note(chart, format!("kept from {cutoff:.3}"), place, (HPos::Left, VPos::Top), INK)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plots::assert_drawn;

    #[test]
    fn pair_scores_survive_extreme_inputs() {
        for svg in [
            pair_scores(&[], &[], f64::NAN, "s"),
            pair_scores(&[0.5], &[0.5], 0.5, "s"),
            pair_scores(&[-1.0, 1.0], &[0.0, f64::NAN], 2.0, "s"),
        ] {
            assert_drawn(&svg);
        }
    }
}
