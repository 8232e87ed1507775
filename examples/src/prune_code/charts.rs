//! The study's plots.

use pauca::stats::Interval;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use crate::plots::{Axis, DUPLICATE, FAINT, GREY, INK, KEPT, PRUNED, anchor, draw, font, frame};

/// One line of a [`forest`].
pub struct Line {
    /// What it is about.
    pub name: String,
    /// The number and its interval.
    pub interval: Interval,
    /// Its group: 0, 1 or 2 has a colour of its own.
    pub group: usize,
}

const COLOURS: [RGBColor; 3] = [KEPT, PRUNED, DUPLICATE];

/// Share of the tokens over share of the files, shortest first; `marks` are shares of the longest
/// files with what they hold.
pub fn lorenz(curve: &[(f64, f64)], marks: &[(f64, f64)]) -> String {
    draw(520, 360, |root| {
        let percent = |v: &f64| format!("{:.0} %", 100.0 * v);
        let mut chart = frame(
            root,
            Axis { name: "files, shortest first", range: 0.0..1.0, label: &percent, labels: 6 },
            Axis { name: "tokens that they hold", range: 0.0..1.04, label: &percent, labels: 6 },
        )?;
        let guide = ShapeStyle::from(&GREY).stroke_width(1);
        chart.draw_series(DashedLineSeries::new([(0.0, 0.0), (1.0, 1.0)], 4, 4, guide))?;
        chart.draw_series(LineSeries::new(curve.iter().copied(), KEPT.stroke_width(3)))?;
        for &(files, tokens) in marks {
            let place = (1.0 - files, 1.0 - tokens);
            chart.draw_series([Circle::new(place, 5, DUPLICATE.filled())])?;
            let style = font(16).color(&INK).pos(anchor(HPos::Right, VPos::Center));
            let text = format!("longest {:.0} %: {:.1} %", 100.0 * files, 100.0 * tokens);
            chart.draw_series([Text::new(text, (place.0 - 0.025, place.1), style)])?;
        }
        Ok(())
    })
}

/// Estimates with their intervals, one under another; `zero` is where nothing is to be seen.
pub fn forest(lines: &[Line], axis: &str, zero: f64, digits: usize) -> String {
    let ends = lines.iter().flat_map(|l| [l.interval.low, l.interval.high, l.interval.estimate]);
    let (mut low, mut high) =
        ends.filter(|v| v.is_finite()).fold((zero, zero), |(a, b), v| (a.min(v), b.max(v)));
    if low == high {
        (low, high) = (zero - 1.0, zero + 1.0);
    }
    let margin = 0.06 * (high - low);
    let count = lines.len();
    draw(520, 76 + 26 * count as u32, |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(10)
            .margin_right(18)
            .x_label_area_size(52)
            .y_label_area_size(150)
            .build_cartesian_2d(low - margin..high + margin, -0.7..count as f64 - 0.3)?;
        let name = |v: &f64| {
            let row = count as f64 - 1.0 - v;
            let whole = (row - row.round()).abs() < 1e-6 && row > -0.5;
            lines
                .get(row.round().max(0.0) as usize)
                .filter(|_| whole)
                .map_or(String::new(), |l| l.name.clone())
        };
        chart
            .configure_mesh()
            .disable_y_mesh()
            .bold_line_style(FAINT)
            .light_line_style(TRANSPARENT)
            .axis_style(GREY)
            .x_labels(6)
            .y_labels(2 * count + 2)
            .x_label_formatter(&|v| format!("{v:.digits$}"))
            .y_label_formatter(&name)
            .x_desc(axis)
            .label_style(font(15).color(&INK))
            .axis_desc_style(font(16).color(&INK))
            .draw()?;
        let guide = ShapeStyle::from(&INK).stroke_width(1);
        chart.draw_series(DashedLineSeries::new([(zero, -0.7), (zero, count as f64 - 0.3)], 4, 4, guide))?;
        for (i, line) in lines.iter().enumerate() {
            let (y, v) = ((count - 1 - i) as f64, &line.interval);
            if !v.estimate.is_finite() {
                continue;
            }
            let colour = COLOURS[line.group % COLOURS.len()];
            if v.low.is_finite() && v.high.is_finite() {
                chart.draw_series(LineSeries::new([(v.low, y), (v.high, y)], colour.stroke_width(3)))?;
            }
            chart.draw_series([Circle::new((v.estimate, y), 5, colour.filled())])?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_survive_extreme_inputs() {
        let interval = |estimate: f64| Interval {
            estimate,
            low: estimate,
            high: f64::NAN,
            level: 0.9,
            resamples: 1,
            undefined: 0,
        };
        let line = |v: f64| Line { name: "a<b".into(), interval: interval(v), group: 7 };
        for svg in [
            lorenz(&[], &[]),
            lorenz(&[(0.0, 0.0), (1.0, 1.0)], &[(0.01, f64::EPSILON)]),
            forest(&[], "x", 0.0, 2),
            forest(&[line(f64::NAN), line(0.0)], "x", 0.0, 2),
            forest(&[line(1e-300), line(1e300)], "x", 0.5, 2),
        ] {
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{svg}");
        }
    }
}
