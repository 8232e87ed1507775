//! Curves over common axes, with intervals: what `tokenize` draws.

use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use crate::plots::{Axis, INK, anchor, draw, font, frame};

/// A point of a curve, with half the widths of its intervals where known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Point {
    /// Place.
    pub at: (f64, f64),
    /// Half the width of the interval in each direction.
    pub half: (f64, f64),
    /// What stands beside it.
    pub label: String,
}

/// Points joined by a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Its name in the key; empty: not in the key.
    pub name: String,
    /// Its colour: an index into [`COLOURS`].
    pub colour: usize,
    /// Dashed.
    pub dashed: bool,
    /// Whether the points are marked.
    pub marked: bool,
    /// The points.
    pub points: Vec<Point>,
}

/// Colours that are told apart in print and by colour-blind eyes.
pub const COLOURS: [RGBColor; 6] = [
    RGBColor(0x44, 0x4b, 0x54),
    RGBColor(0x1f, 0x7a, 0x5c),
    RGBColor(0xe3, 0xa8, 0x4b),
    RGBColor(0xc4, 0x4e, 0x35),
    RGBColor(0x3b, 0x6f, 0xb6),
    RGBColor(0x9a, 0x5f, 0xa8),
];

/// Curves over a common pair of axes; `key` says where their names stand.
pub fn curves(
    curves: &[Curve],
    x_name: &str,
    y_name: &str,
    size: (u32, u32),
    key: SeriesLabelPosition,
) -> String {
    let points =
        || curves.iter().flat_map(|c| &c.points).filter(|p| p.at.0.is_finite() && p.at.1.is_finite());
    let range = |f: &dyn Fn(&Point) -> (f64, f64)| {
        let ends = points().map(f);
        let (low, high) =
            ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), (v, h)| (a.min(v - h), b.max(v + h)));
        let (low, high) = if low.is_finite() && high.is_finite() { (low, high) } else { (0.0, 1.0) };
        let room = (0.06 * (high - low)).max(1e-9 * high.abs()).max(1e-12);
        low - room..high + room
    };
    let (x, y) = (range(&|p| (p.at.0, p.half.0)), range(&|p| (p.at.1, p.half.1)));
    let digits =
        |range: &Range<f64>| ((-(range.end - range.start).log10()).ceil() + 1.0).clamp(0.0, 6.0) as usize;
    let (x_digits, y_digits) = (digits(&x), digits(&y));
    draw(size.0, size.1, |root| {
        let (x_label, y_label) = (|v: &f64| format!("{v:.x_digits$}"), |v: &f64| format!("{v:.y_digits$}"));
        let span = (x.end - x.start, y.end - y.start);
        let middle = x.start + 0.5 * span.0;
        let mut chart = frame(
            root,
            Axis { name: x_name, range: x, label: &x_label, labels: 7 },
            Axis { name: y_name, range: y, label: &y_label, labels: 6 },
        )?;
        for curve in curves {
            let colour = COLOURS[curve.colour % COLOURS.len()];
            let style = ShapeStyle::from(&colour).stroke_width(if curve.dashed { 2 } else { 3 });
            let line = || curve.points.iter().map(|p| p.at);
            let drawn = match curve.dashed {
                true => chart.draw_series(DashedLineSeries::new(line(), 6, 5, style))?,
                false => chart.draw_series(LineSeries::new(line(), style))?,
            };
            if !curve.name.is_empty() {
                let dashed = curve.dashed;
                drawn.label(curve.name.clone()).legend(move |(x, y)| {
                    let dash = if dashed { 8 } else { 20 };
                    PathElement::new([(x, y), (x + dash, y)], style)
                });
            }
            for p in &curve.points {
                let thin = ShapeStyle::from(&colour.mix(0.6)).stroke_width(1);
                let ((x, y), (dx, dy)) = (p.at, p.half);
                let bars = [[(x - dx, y), (x + dx, y)], [(x, y - dy), (x, y + dy)]];
                chart.draw_series(bars.into_iter().map(|bar| PathElement::new(bar, thin)))?;
                if curve.marked {
                    chart.draw_series([Circle::new(p.at, 5, colour.filled())])?;
                }
                let left = x < middle;
                let place = anchor(if left { HPos::Left } else { HPos::Right }, VPos::Bottom);
                let style = font(16).color(&INK).pos(place);
                let shift = if left { 0.012 } else { -0.012 };
                chart.draw_series([Text::new(
                    p.label.clone(),
                    (x + shift * span.0, y + 0.012 * span.1),
                    style,
                )])?;
            }
        }
        if curves.iter().any(|c| !c.name.is_empty()) {
            chart
                .configure_series_labels()
                .position(key)
                .label_font(font(16).color(&INK))
                .background_style(WHITE.mix(0.85))
                .border_style(WHITE.mix(0.0))
                .draw()?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_survive_extreme_inputs() {
        let curve = Curve {
            name: "c".into(),
            colour: 9,
            dashed: true,
            marked: true,
            points: vec![Point { at: (1e-300, 5.0), ..Point::default() }, Point::default()],
        };
        for list in [&[][..], &[curve]] {
            let svg = curves(list, "x", "y", (400, 300), SeriesLabelPosition::LowerLeft);
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{svg}");
        }
    }
}
