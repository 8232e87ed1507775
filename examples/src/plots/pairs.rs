//! Scores of true and of wrong pairs, over each other.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::{Axis, BINS, DUPLICATE, GREY, INK, KEPT, anchor, draw, font, frame};

/// Histograms of the scores of true and of shuffled pairs, each as a share of its pairs; `cutoff` is marked.
pub fn pair_scores(paired: &[f64], shuffled: &[f64], cutoff: f64, unit: &str) -> String {
    let all = || paired.iter().chain(shuffled).copied().filter(|s| s.is_finite());
    let (low, high) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), s| (a.min(s), b.max(s)));
    let (low, high) = if low < high { (low, high) } else { (-1.0, 1.0) };
    let width = (high - low) / BINS as f64;
    let shares = |scores: &[f64]| {
        let mut bins = vec![0.0; BINS];
        for s in scores.iter().filter(|s| s.is_finite()) {
            bins[(((s - low) / width) as usize).min(BINS - 1)] += 100.0 / scores.len() as f64;
        }
        bins
    };
    let (right, wrong) = (shares(paired), shares(shuffled));
    let top = right.iter().chain(&wrong).copied().fold(1e-9, f64::max);
    draw(960, 360, |root| {
        // No "-0.00".
        let x = |v: &f64| format!("{:.2}", if v.abs() < 0.005 { 0.0 } else { *v });
        let y = |v: &f64| format!("{v:.0} %");
        let mut chart = frame(
            root,
            Axis { name: unit, range: low..high, label: &x, labels: 9 },
            Axis { name: "share of the pairs", range: 0.0..1.18 * top, label: &y, labels: 6 },
        )?;
        for (name, bins, colour) in [("shuffled pairs", &wrong, DUPLICATE), ("true pairs", &right, KEPT)] {
            let outline = || {
                bins.iter()
                    .enumerate()
                    .flat_map(|(i, &share)| [(i, share), (i + 1, share)])
                    .map(|(i, share)| (low + i as f64 * width, share))
            };
            chart.draw_series(AreaSeries::new(outline(), 0.0, colour.mix(0.28)))?;
            chart
                .draw_series(LineSeries::new(outline(), colour.stroke_width(2)))?
                .label(name)
                .legend(move |(x, y)| Rectangle::new([(x + 4, y - 6), (x + 16, y + 6)], colour.filled()));
        }
        if (low..=high).contains(&cutoff) {
            let guide = ShapeStyle::from(&GREY).stroke_width(2);
            chart.draw_series(DashedLineSeries::new([(cutoff, 0.0), (cutoff, 1.1 * top)], 5, 4, guide))?;
            let style = font(17).color(&INK).pos(anchor(HPos::Left, VPos::Top));
            let text = format!("kept from {cutoff:.3}");
            chart.draw_series([Text::new(text, (cutoff + 0.008 * (high - low), 1.12 * top), style)])?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pair_scores_survive_extreme_inputs() {
        for svg in [
            pair_scores(&[], &[], f64::NAN, "s"),
            pair_scores(&[0.5], &[0.5], 0.5, "s"),
            pair_scores(&[-1.0, 1.0], &[0.0, f64::NAN], 2.0, "s"),
        ] {
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{svg}");
        }
    }
}
