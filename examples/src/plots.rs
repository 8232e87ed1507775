//! Plots as SVG text: axes with names and units, a key above the plot where it covers no data, few colours, legible in
//! print.
//!
//! `chart` gives an empty plot with its axes and key; `listed` one whose rows have names. What is put on them stands
//! below: `x_ticks`, `y_ticks`, `curve`, `dots`, `bar`, `guide`, `note`, `ends`. `lines` and `histogram` are whole plots.

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::Pos;
pub(crate) use plotters::style::text_anchor::{HPos, VPos};

use crate::page::escape;
use crate::progress::count;

/// Kept rows.
pub const KEPT: RGBColor = RGBColor(0x1f, 0x7a, 0x5c);
/// Rows removed as duplicates.
pub const DUPLICATE: RGBColor = RGBColor(0xc4, 0x4e, 0x35);
/// Rows removed by their distance.
pub const PRUNED: RGBColor = RGBColor(0xe3, 0xa8, 0x4b);
/// Colours that are told apart in print and by colour-blind eyes.
pub(crate) const PALETTE: [RGBColor; 8] = [
    KEPT,
    DUPLICATE,
    RGBColor(0x3b, 0x5b, 0xa5),
    PRUNED,
    RGBColor(0x8a, 0x4f, 0x9e),
    RGBColor(0x2b, 0xa3, 0xb0),
    RGBColor(0x6b, 0x70, 0x78),
    RGBColor(0x9c, 0x7a, 0x3c),
];
pub(crate) const INK: RGBColor = RGBColor(0x22, 0x26, 0x2b);
pub(crate) const GREY: RGBColor = RGBColor(0x8a, 0x90, 0x98);
const FAINT: RGBColor = RGBColor(0xe6, 0xe8, 0xeb);
pub(crate) const VIOLET: RGBColor = RGBColor(0x4a, 0x1f, 0x5c);
pub(crate) const SLATE: RGBColor = RGBColor(0x44, 0x4b, 0x54);
const FONT: &str = "system-ui, sans-serif";
/// Size of the letters of axes and keys.
const LETTERS: i32 = 17;
/// Pixels around a plot; on its right, where the last label of the axis hangs over; below and left for the labels.
const MARGIN: u32 = 10;
const RIGHT: u32 = 28;
const BELOW: u32 = 52;
const LEFT: u32 = 72;
/// Pixels of a line of the key, of its sign, and between two entries.
const LINE: u32 = 26;
const SIGN: u32 = 26;
const GAP: u32 = 26;
/// Width of a letter of the key, in its size: somewhat more than that of common fonts.
const ADVANCE: f64 = 0.54;

pub(crate) type Area<'b> = DrawingArea<SVGBackend<'b>, Shift>;
pub(crate) type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
pub(crate) type Drawn = Result<(), Box<dyn std::error::Error>>;

/// What an axis says.
pub(crate) struct Axis<'t> {
    pub(crate) name: &'t str,
    pub(crate) range: Range<f64>,
    pub(crate) label: &'t dyn Fn(&f64) -> String,
    pub(crate) labels: usize,
}

/// A place of an axis, and what stands there.
pub(crate) type Tick = (f64, String);

/// 1, 2, 5 and their tenfolds within `range`, which is one of logarithms; powers of ten alone where those are many.
pub(crate) fn decades(range: &Range<f64>) -> Vec<Tick> {
    let (first, last) = (range.start.floor() as i32, range.end.ceil() as i32);
    let within = |steps: &[u32], every: usize| -> Vec<Tick> {
        let powers = (first..=last).step_by(every);
        let tick = |step: &u32, power: i32| {
            // The float nearest to the decimal, which is written as short.
            let value = format!("{step}e{power}").parse().unwrap_or(f64::NAN);
            let plain = (-5..7).contains(&power);
            (value.log10(), if plain { value.to_string() } else { format!("{value:e}") })
        };
        let all = powers.flat_map(|power| steps.iter().map(move |step| tick(step, power)));
        all.filter(|(at, _)| (range.start - 1e-9..=range.end).contains(at)).collect()
    };
    match within(&[1, 2, 5], 1) {
        steps if steps.len() <= 12 => steps,
        _ => within(&[1], (last - first) as usize / 10 + 1),
    }
}

/// How a curve is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stroke {
    Solid,
    Dashed,
    /// Thin and dotted: something to compare with.
    Guide,
    /// Points alone.
    Dots,
}

/// The sign of an entry of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Block,
    Line,
    Dashes,
    Dot,
    Ring,
    Triangle,
}

/// An entry of the key.
pub(crate) struct Entry {
    pub(crate) sign: Sign,
    pub(crate) colour: RGBColor,
    pub(crate) name: String,
}

/// A curve of [`lines`].
pub(crate) struct Line {
    pub(crate) points: Vec<(f64, f64)>,
    pub(crate) colour: RGBColor,
    pub(crate) stroke: Stroke,
    /// The name of the line in the key; empty for none.
    pub(crate) name: String,
}

/// Values of [`histogram`].
pub(crate) struct Group<'v> {
    pub(crate) name: &'static str,
    pub(crate) values: &'v [f64],
    pub(crate) colour: RGBColor,
}

/// A plot of `size` with axes and, above it, a key; `body` puts the data on it.
pub(crate) fn chart(
    size: (u32, u32),
    x: Axis<'_>,
    y: Axis<'_>,
    key: &[Entry],
    body: impl FnOnce(&mut Chart<'_, '_>) -> Drawn,
) -> String {
    let title = format!("{}, over {}", y.name, x.name);
    let places = flow(key, size.0);
    let head = places.last().map_or(0, |(_, line)| (line + 1) * LINE + MARGIN / 2);
    draw(&title, (size.0, size.1 + head), |root| {
        for (entry, (left, line)) in key.iter().zip(&places) {
            write_entry(root, entry, (*left as i32, (MARGIN / 2 + line * LINE + LINE / 2) as i32))?;
        }
        let (_, below) = root.split_vertically(head);
        body(&mut frame(&below, x, y)?)
    })
}

/// Curves over common axes.
pub(crate) fn lines(size: (u32, u32), x: Axis<'_>, y: Axis<'_>, lines: &[Line]) -> String {
    let named = lines.iter().filter(|line| !line.name.is_empty());
    let key: Vec<Entry> = named.map(|line| entry(line.stroke, line.colour, &line.name)).collect();
    chart(size, x, y, &key, |chart| {
        for line in lines {
            curve(chart, line.points.iter().copied(), line.colour, line.stroke)?;
        }
        Ok(())
    })
}

/// How many values lie in each of `bins` equal parts of the axis, one group on another.
pub(crate) fn histogram(
    size: (u32, u32),
    x: Axis<'_>,
    y_name: &str,
    bins: usize,
    groups: &[Group<'_>],
) -> String {
    let (low, width) = (x.range.start, (x.range.end - x.range.start) / bins as f64);
    let counts: Vec<Vec<u64>> = groups.iter().map(|group| binned(group.values, &x.range, bins)).collect();
    let total = |counts: &[u64]| counts.iter().sum::<u64>();
    let key: Vec<Entry> = groups
        .iter()
        .zip(&counts)
        .filter(|(_, counts)| total(counts) > 0)
        .map(|(group, counts)| Entry {
            sign: Sign::Block,
            colour: group.colour,
            name: format!("{} ({})", group.name, count(total(counts))),
        })
        .collect();
    let top = (0..bins).map(|i| counts.iter().map(|counts| counts[i]).sum()).max().unwrap_or(0u64).max(1);
    let y =
        Axis { name: y_name, range: 0.0..1.06 * top as f64, label: &|v| count(v.max(0.0) as u64), labels: 6 };
    chart(size, x, y, &key, |chart| {
        for i in 0..bins {
            let (left, mut base) = (low + i as f64 * width, 0);
            for (group, counts) in groups.iter().zip(&counts).filter(|(_, counts)| counts[i] > 0) {
                let top = base + counts[i];
                bar(chart, (left, base as f64), (left + 0.94 * width, top as f64), &group.colour)?;
                base = top;
            }
        }
        Ok(())
    })
}

/// How many of the finite `values` lie in each of `bins` equal parts of `range`.
pub(crate) fn binned(values: &[f64], range: &Range<f64>, bins: usize) -> Vec<u64> {
    let width = (range.end - range.start) / bins as f64;
    let mut counts = vec![0; bins];
    for value in values.iter().filter(|v| v.is_finite()) {
        counts[(((value - range.start) / width) as usize).min(bins - 1)] += 1;
    }
    counts
}

/// A plot whose rows have names, the first on top: row `i` lies at [`row`]`(i, names.len())`, from half below to half
/// above. `room` is the pixels left for the names, `height` those of a row.
pub(crate) fn listed(
    width: u32,
    height: u32,
    room: u32,
    x: Axis<'_>,
    names: &[String],
    body: impl FnOnce(&mut Chart<'_, '_>) -> Drawn,
) -> String {
    let n = names.len();
    draw(x.name, (width, BELOW + 2 * MARGIN + height * n as u32), |root| {
        let mut chart = ChartBuilder::on(root)
            .margin(MARGIN)
            .margin_right(RIGHT)
            .x_label_area_size(BELOW)
            .y_label_area_size(room)
            .build_cartesian_2d(x.range.clone(), -0.6..n.max(1) as f64 - 0.4)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .bold_line_style(FAINT)
            .light_line_style(TRANSPARENT)
            .axis_style(GREY)
            .x_labels(x.labels)
            .y_labels(0)
            .x_label_formatter(x.label)
            .x_desc(x.name)
            .label_style(font(LETTERS).color(&INK))
            .axis_desc_style(font(LETTERS).color(&INK))
            .draw()?;
        for (i, name) in names.iter().enumerate() {
            let place = chart.backend_coord(&(x.range.start, row(i, n)));
            let style = font(LETTERS).color(&INK).pos(Pos::new(HPos::Right, VPos::Center));
            root.draw(&Text::new(name.as_str(), (place.0 - 9, place.1), style))?;
        }
        body(&mut chart)
    })
}

/// Where row `i` of `n` of a [`listed`] plot lies.
pub(crate) fn row(i: usize, n: usize) -> f64 {
    (n - 1 - i) as f64
}

/// Labels of the horizontal axis at `ticks`, where its own (none with `labels: 0`) would not do.
pub(crate) fn x_ticks(chart: &mut Chart<'_, '_>, ticks: &[Tick]) -> Drawn {
    let foot = chart.y_range().start;
    for (at, label) in ticks {
        let style = font(LETTERS).color(&INK).pos(Pos::new(HPos::Center, VPos::Top));
        let tick = PathElement::new([(0, 0), (0, 5)], GREY);
        let text = Text::new(label.clone(), (0, 9), style);
        chart.draw_series([EmptyElement::at((*at, foot)) + tick + text])?;
    }
    Ok(())
}

/// Labels and lines of the vertical axis at `ticks`, where its own (none with `labels: 0`) would not do.
pub(crate) fn y_ticks(chart: &mut Chart<'_, '_>, ticks: &[Tick]) -> Drawn {
    let x = chart.x_range();
    for (at, label) in ticks {
        let style = font(LETTERS).color(&INK).pos(Pos::new(HPos::Right, VPos::Center));
        let tick = PathElement::new([(0, 0), (-5, 0)], GREY);
        let text = Text::new(label.clone(), (-9, 0), style);
        chart.draw_series([PathElement::new([(x.start, *at), (x.end, *at)], FAINT)])?;
        chart.draw_series([EmptyElement::at((x.start, *at)) + tick + text])?;
    }
    Ok(())
}

/// The names of lines beside their last points, moved apart where they would meet.
pub(crate) fn ends(chart: &mut Chart<'_, '_>, lines: &[Line]) -> Drawn {
    let last = |line: &Line| Some((*line.points.last()?, line.colour, line.name.clone()));
    let mut ends: Vec<_> = lines.iter().filter_map(last).collect();
    ends.sort_by(|a, b| b.0.1.total_cmp(&a.0.1));
    let places: Vec<(i32, i32)> = ends.iter().map(|(at, ..)| chart.backend_coord(at)).collect();
    let (_, rows) = chart.plotting_area().get_pixel_range();
    let heights: Vec<i32> = places.iter().map(|(_, y)| *y).collect();
    for ((at, colour, name), (place, y)) in
        ends.into_iter().zip(places.iter().zip(apart(&heights, LETTERS, rows)))
    {
        let style = font(LETTERS - 1).color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
        let moved = y - place.1;
        let lead = PathElement::new([(0, 0), (14, moved)], colour.stroke_width(2));
        let text = Text::new(name, (18, moved), style);
        chart.draw_series([EmptyElement::at(at) + lead + text])?;
    }
    Ok(())
}

/// `heights`, from the top, moved as little as makes them `step` apart and, as far as they fit, leaves them in `rows`.
fn apart(heights: &[i32], step: i32, rows: Range<i32>) -> Vec<i32> {
    let mut moved = heights.to_vec();
    for i in 1..moved.len() {
        moved[i] = moved[i].max(moved[i - 1] + step);
    }
    let mut below = rows.end - step / 2;
    for height in moved.iter_mut().rev() {
        *height = (*height).min(below);
        below = *height - step;
    }
    moved
}

/// Points joined by a line, or alone.
pub(crate) fn curve(
    chart: &mut Chart<'_, '_>,
    points: impl Iterator<Item = (f64, f64)> + Clone,
    colour: RGBColor,
    stroke: Stroke,
) -> Drawn {
    match stroke {
        Stroke::Solid => chart.draw_series(LineSeries::new(points, colour.stroke_width(3)))?,
        Stroke::Dashed => chart.draw_series(DashedLineSeries::new(points, 7, 5, colour.stroke_width(2)))?,
        Stroke::Guide => chart.draw_series(DashedLineSeries::new(points, 2, 3, colour.stroke_width(1)))?,
        Stroke::Dots => return dots(chart, points, &colour),
    };
    Ok(())
}

/// Points.
pub(crate) fn dots(
    chart: &mut Chart<'_, '_>,
    points: impl IntoIterator<Item = (f64, f64)>,
    colour: &impl Color,
) -> Drawn {
    chart.draw_series(points.into_iter().map(|point| Circle::new(point, 5, colour.filled())))?;
    Ok(())
}

/// A filled rectangle between two corners.
pub(crate) fn bar(chart: &mut Chart<'_, '_>, from: (f64, f64), to: (f64, f64), colour: &impl Color) -> Drawn {
    chart.draw_series([Rectangle::new([from, to], colour.filled())])?;
    Ok(())
}

/// A thin dashed line to measure by.
pub(crate) fn guide(chart: &mut Chart<'_, '_>, from: (f64, f64), to: (f64, f64), colour: RGBColor) -> Drawn {
    chart.draw_series(DashedLineSeries::new([from, to], 5, 4, colour.stroke_width(1)))?;
    Ok(())
}

/// Words on the plot; `place` says where of them `at` lies.
pub(crate) fn note(
    chart: &mut Chart<'_, '_>,
    words: impl Into<String>,
    at: (f64, f64),
    place: (HPos, VPos),
    colour: RGBColor,
) -> Drawn {
    let style = font(LETTERS).color(&colour).pos(Pos::new(place.0, place.1));
    chart.draw_series([Text::new(words.into(), at, style)])?;
    Ok(())
}

/// The entry of a curve.
pub(crate) fn entry(stroke: Stroke, colour: RGBColor, name: &str) -> Entry {
    let sign = match stroke {
        Stroke::Solid => Sign::Line,
        Stroke::Dashed | Stroke::Guide => Sign::Dashes,
        Stroke::Dots => Sign::Dot,
    };
    Entry { sign, colour, name: name.to_string() }
}

/// Left edge and line of each entry: as many to a line as fit.
fn flow(key: &[Entry], width: u32) -> Vec<(u32, u32)> {
    let begin = MARGIN + LEFT;
    let (mut left, mut line) = (begin, 0);
    let place = |entry: &Entry| {
        let letters = ADVANCE * f64::from(LETTERS) * entry.name.chars().count() as f64;
        let own = SIGN + letters as u32;
        if left > begin && left + own > width.saturating_sub(RIGHT) {
            (left, line) = (begin, line + 1);
        }
        let here = (left, line);
        left += own + GAP;
        here
    };
    key.iter().map(place).collect()
}

/// Draws an entry of the key whose left edge and middle are `at`.
fn write_entry(root: &Area<'_>, entry: &Entry, (x, y): (i32, i32)) -> Drawn {
    let (colour, middle) = (entry.colour, (x + 10, y));
    match entry.sign {
        Sign::Block => root.draw(&Rectangle::new([(x + 4, y - 6), (x + 16, y + 6)], colour.filled()))?,
        Sign::Line => root.draw(&PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(3)))?,
        Sign::Dashes => {
            for dash in [[(x, y), (x + 7, y)], [(x + 12, y), (x + 19, y)]] {
                root.draw(&PathElement::new(dash, colour.stroke_width(2)))?;
            }
        }
        Sign::Dot => root.draw(&Circle::new(middle, 5, colour.filled()))?,
        Sign::Ring => root.draw(&Circle::new(middle, 8, colour.stroke_width(3)))?,
        Sign::Triangle => root.draw(&TriangleMarker::new(middle, 8, colour.filled()))?,
    }
    let style = font(LETTERS).color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
    Ok(root.draw(&Text::new(entry.name.as_str(), (x + SIGN as i32, y), style))?)
}

/// The colour at `share` (0 to 1) of the way along `stops`.
pub(crate) fn shade(stops: &[RGBColor], share: f64) -> RGBColor {
    let last = stops.len() - 1;
    let at = share.clamp(0.0, 1.0) * last as f64;
    let low = (at as usize).min(last.saturating_sub(1));
    let (from, to) = (stops[low], stops[(low + 1).min(last)]);
    let mix = |a: u8, b: u8| (f64::from(a) + (at - low as f64) * (f64::from(b) - f64::from(a))).round() as u8;
    RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

/// A number of an axis: never "-0.00".
pub(crate) fn number(value: f64, digits: usize) -> String {
    let value = if value.abs() < 0.5 * 0.1f64.powi(digits as i32) { 0.0 } else { value };
    format!("{value:.digits$}")
}

pub(crate) fn font(size: i32) -> TextStyle<'static> {
    (FONT, size).into_font().into()
}

/// An empty plot with its axes.
pub(crate) fn frame<'a, 'b>(
    root: &'a Area<'b>,
    x: Axis<'_>,
    y: Axis<'_>,
) -> Result<Chart<'a, 'b>, Box<dyn std::error::Error>>
where
    'b: 'a,
{
    let mut chart = ChartBuilder::on(root)
        .margin(MARGIN)
        .margin_right(RIGHT)
        .x_label_area_size(BELOW)
        .y_label_area_size(LEFT)
        .build_cartesian_2d(x.range, y.range)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .axis_style(GREY)
        .x_labels(x.labels)
        .y_labels(y.labels)
        .x_label_formatter(x.label)
        .y_label_formatter(y.label)
        .x_desc(x.name)
        .y_desc(y.name)
        .label_style(font(LETTERS).color(&INK))
        .axis_desc_style(font(LETTERS).color(&INK))
        .draw()?;
    Ok(chart)
}

/// A picture of `size` that is called `title` where it stands alone.
pub(crate) fn draw(title: &str, size: (u32, u32), body: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let mut svg = String::new();
    let drawn = {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE).map_err(Into::into).and_then(|()| body(&root)).and_then(|()| Ok(root.present()?))
    };
    match drawn {
        // The first element of a picture names it to readers of screens and in the head of a window.
        Ok(()) => svg.replacen('>', &format!(">\n<title>{}</title>", escape(title)), 1),
        // Drawing into a string has no reason to fail; a page without the plot is still right.
        Err(e) => format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"24\"><text y=\"16\">plot failed: {e}</text></svg>\n",
            size.0
        ),
    }
}

/// A plot that came out as one: for the tests of all who draw.
#[cfg(test)]
pub(crate) fn assert_drawn(svg: &str) {
    assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"), "{svg}");
    assert!(!svg.contains("NaN") && !svg.contains("plot failed"), "{svg}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis<'t>(name: &'t str, label: &'t dyn Fn(&f64) -> String) -> Axis<'t> {
        Axis { name, range: 0.0..1.0, label, labels: 5 }
    }

    fn line(name: &str, stroke: Stroke) -> Line {
        Line { points: vec![(0.0, 0.0), (1.0, 1.0)], colour: KEPT, stroke, name: name.into() }
    }

    /// Pages give the drawings other colours in the dark, by these names. GREY is read well on both grounds.
    #[test]
    fn every_colour_has_one_for_the_dark() {
        let html = crate::page::page("t", "");
        for RGBColor(r, g, b) in PALETTE.into_iter().chain([INK, FAINT, VIOLET, SLATE]) {
            for of in ["fill", "stroke"] {
                let rule = format!("svg [{of}=\"#{r:02X}{g:02X}{b:02X}\"]");
                assert!(html.contains(&rule), "{rule}");
            }
        }
    }

    #[test]
    fn key_stands_above_the_plot_and_wraps() {
        let label = |v: &f64| format!("{v:.1}");
        let names = ["a", "a longer name", "one more", "the last of them, which is long"];
        let curves: Vec<Line> = names.iter().map(|name| line(name, Stroke::Dashed)).collect();
        let svg = lines((400, 300), axis("x", &label), axis("y", &label), &curves);
        assert_drawn(&svg);
        // Three lines of key, and the plot as high as it was asked for.
        assert!(svg.starts_with("<svg width=\"400\" height=\"383\""), "{}", &svg[..60]);
        assert_eq!(names.iter().filter(|name| svg.contains(**name)).count(), 4);
        let places = flow(&[entry(Stroke::Solid, KEPT, &"long".repeat(99))], 300);
        assert_eq!(places, [(82, 0)], "what never fits still has a place");
        let plain = lines((400, 300), axis("x", &label), axis("y", &label), &[line("", Stroke::Dots)]);
        assert!(plain.starts_with("<svg width=\"400\" height=\"300\""), "{}", &plain[..60]);
    }

    #[test]
    fn numbers_of_an_axis_have_no_negative_zero() {
        assert_eq!(
            [number(-0.004, 2), number(-0.006, 2), number(-0.2, 0), number(1.25, 1)],
            ["0.00", "-0.01", "0", "1.2"]
        );
    }

    #[test]
    fn ticks_of_a_logarithm_are_1_2_5_and_few() {
        let labels = |range| decades(&range).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(-2.0..0.5), ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"]);
        assert_eq!(decades(&(-1.0..0.1))[1].0, 0.2f64.log10());
        assert_eq!(labels(-4.0..4.0).len(), 9);
        let many = labels(-10.0..30.0);
        assert!(many.len() <= 12 && many.contains(&"1e-10".to_string()), "{many:?}");
    }

    #[test]
    fn names_at_the_ends_of_lines_do_not_meet() {
        assert_eq!(apart(&[10, 50], 17, 0..100), [10, 50]);
        assert_eq!(apart(&[10, 12, 14], 17, 0..100), [10, 27, 44]);
        assert_eq!(apart(&[90, 92, 94], 17, 0..100), [58, 75, 92]);
        let label = |v: &f64| format!("{v:.1}");
        let curves = [line("first", Stroke::Solid), line("second", Stroke::Solid)];
        let svg = chart((400, 300), axis("x", &label), axis("y", &label), &[], |chart| ends(chart, &curves));
        assert_drawn(&svg);
        let height = |name: &str| {
            let (before, _) = svg.split_once(name).unwrap();
            before.rsplit_once(" y=\"").unwrap().1.split_once('"').unwrap().0.parse::<i32>().unwrap()
        };
        assert_eq!(height("second") - height("first"), LETTERS, "{svg}");
    }

    #[test]
    fn shade_goes_through_its_stops() {
        let stops = [RGBColor(0, 0, 0), RGBColor(100, 0, 0), RGBColor(100, 50, 0)];
        let at = |share| shade(&stops, share);
        assert_eq!([at(-1.0), at(0.5), at(2.0)], stops);
        assert_eq!((at(0.25), at(0.75)), (RGBColor(50, 0, 0), RGBColor(100, 25, 0)));
        assert_eq!(shade(&stops[..1], 0.7), stops[0]);
    }

    #[test]
    fn histogram_counts_what_is_finite() {
        assert_eq!(binned(&[0.0, 0.49, 0.5, 1.0, f64::NAN, f64::INFINITY], &(0.0..1.0), 2), [2, 2]);
        let label = |v: &f64| format!("{v:.1}");
        let group = |values| Group { name: "kept", values, colour: KEPT };
        let values = [0.1, 0.2, f64::NAN];
        let svg = histogram((400, 300), axis("x", &label), "rows", 4, &[group(&values), group(&[])]);
        assert_drawn(&svg);
        assert_eq!(svg.matches("kept (").count(), 1, "no entry for a group without values");
        assert!(svg.contains("kept (2)"));
        assert_drawn(&listed(400, 30, 100, axis("x", &label), &[], |_| Ok(())));
    }
}
