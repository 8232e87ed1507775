//! Curves over common axes, with intervals: what `tokenize` draws.

use std::ops::Range;

use plotters::prelude::{Color, PathElement, RGBColor};

use crate::plots::{
    Axis, Entry, HPos, INK, PALETTE, SLATE, Stroke, VPos, chart, curve, dots, entry, note, number,
};

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
    /// The name of the line in the key; a line without a name is not in the key.
    pub name: String,
    /// The colour of the line, by number: 0 is grey.
    pub colour: usize,
    /// Dashed.
    pub dashed: bool,
    /// Whether the points are marked.
    pub marked: bool,
    /// The points.
    pub points: Vec<Point>,
}

/// Colour 0 is grey, for what the others are compared with.
fn colour(i: usize) -> RGBColor {
    if i == 0 { SLATE } else { PALETTE[(i - 1) % PALETTE.len()] }
}

/// Curves over a common pair of axes.
pub fn curves(curves: &[Curve], x_name: &str, y_name: &str, size: (u32, u32)) -> String {
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
    let span = (x.end - x.start, y.end - y.start);
    let middle = x.start + 0.5 * span.0;
    let look = |c: &Curve| (colour(c.colour), if c.dashed { Stroke::Dashed } else { Stroke::Solid });
    let named = curves.iter().filter(|c| !c.name.is_empty());
    let key: Vec<Entry> = named.map(|c| entry(look(c).1, look(c).0, &c.name)).collect();
    let x = Axis { name: x_name, range: x, label: &|v| number(*v, x_digits), labels: 7 };
    let y = Axis { name: y_name, range: y, label: &|v| number(*v, y_digits), labels: 6 };
    chart(size, x, y, &key, |chart| {
        for line in curves {
            let (colour, stroke) = look(line);
            curve(chart, line.points.iter().map(|p| p.at), colour, stroke)?;
            for p in &line.points {
                let ((x, y), (dx, dy)) = (p.at, p.half);
                let bars = [[(x - dx, y), (x + dx, y)], [(x, y - dy), (x, y + dy)]];
                let thin = colour.mix(0.6).stroke_width(1);
                chart.draw_series(bars.into_iter().map(|bar| PathElement::new(bar, thin)))?;
                if line.marked {
                    dots(chart, [p.at], &colour)?;
                }
                let (place, shift) = if x < middle { (HPos::Left, 0.012) } else { (HPos::Right, -0.012) };
                let beside = (x + shift * span.0, y + 0.012 * span.1);
                note(chart, p.label.as_str(), beside, (place, VPos::Bottom), INK)?;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plots::assert_drawn;

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
            let svg = curves(list, "x", "y", (400, 300));
            assert_drawn(&svg);
        }
    }
}
