//! The study's plots.

use pauca::stats::Interval;
use plotters::prelude::RGBColor;

use crate::plots::{
    Axis, DUPLICATE, GREY, HPos, INK, KEPT, PRUNED, SLATE, Stroke, VPos, chart, curve, dots, guide, listed,
    note, number, row,
};

/// One line of a [`forest`].
pub struct Line {
    /// What the line is about.
    pub name: String,
    /// The number and its interval.
    pub interval: Interval,
    /// The group of the line: 0, 1 or 2 has a colour of its own, [`NONE`] has none.
    pub group: usize,
}

/// The group of lines that are in none.
pub const NONE: usize = 3;

const COLOURS: [RGBColor; 4] = [KEPT, PRUNED, DUPLICATE, SLATE];

/// Share of the tokens over share of the files, shortest first; `marks` are shares of the longest
/// files with what they hold.
pub fn lorenz(points: &[(f64, f64)], marks: &[(f64, f64)]) -> String {
    let percent = |v: &f64| format!("{:.0} %", 100.0 * v);
    let x = Axis { name: "files, shortest first", range: 0.0..1.0, label: &percent, labels: 6 };
    let y = Axis { name: "tokens that they hold", range: 0.0..1.04, label: &percent, labels: 6 };
    chart((520, 360), x, y, &[], |chart| {
        guide(chart, (0.0, 0.0), (1.0, 1.0), GREY)?;
        curve(chart, points.iter().copied(), SLATE, Stroke::Solid)?;
        for &(files, tokens) in marks {
            let place = (1.0 - files, 1.0 - tokens);
            dots(chart, [place], &INK)?;
            let words = format!("longest {:.0} %: {:.1} %", 100.0 * files, 100.0 * tokens);
            // Left of the diagonal, where there is room; else beside the dot.
            let left = if place.1 > 0.45 { place.1 - 0.03 } else { place.0 - 0.025 };
            guide(chart, (left + 0.01, place.1), place, GREY)?;
            note(chart, words, (left, place.1), (HPos::Right, VPos::Center), INK)?;
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
    let n = lines.len();
    let names: Vec<String> = lines.iter().map(|line| line.name.clone()).collect();
    let x =
        Axis { name: axis, range: low - margin..high + margin, label: &|v| number(*v, digits), labels: 6 };
    listed(520, 26, 190, x, &names, |chart| {
        guide(chart, (zero, -0.6), (zero, n.max(1) as f64 - 0.4), INK)?;
        for (i, line) in lines.iter().enumerate() {
            let (y, v) = (row(i, n), &line.interval);
            if !v.estimate.is_finite() {
                continue;
            }
            let colour = COLOURS[line.group % COLOURS.len()];
            if v.low.is_finite() && v.high.is_finite() {
                curve(chart, [(v.low, y), (v.high, y)].into_iter(), colour, Stroke::Solid)?;
            }
            dots(chart, [(v.estimate, y)], &colour)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plots::assert_drawn;

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
            assert_drawn(&svg);
        }
    }
}
