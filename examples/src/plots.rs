//! Plots as SVG text: axes with names and units, few colours, legible in print.

mod pairs;

use std::ops::Range;

use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub use self::pairs::pair_scores;
use crate::progress::{count, percent};

/// Kept rows.
pub const KEPT: RGBColor = RGBColor(0x1f, 0x7a, 0x5c);
/// Rows removed as duplicates.
pub const DUPLICATE: RGBColor = RGBColor(0xc4, 0x4e, 0x35);
/// Rows removed by their distance.
pub const PRUNED: RGBColor = RGBColor(0xe3, 0xa8, 0x4b);
pub(crate) const INK: RGBColor = RGBColor(0x22, 0x26, 0x2b);
pub(crate) const GREY: RGBColor = RGBColor(0x8a, 0x90, 0x98);
pub(crate) const FAINT: RGBColor = RGBColor(0xe6, 0xe8, 0xeb);
const FONT: &str = "system-ui, sans-serif";
const BINS: usize = 48;

pub(crate) type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;
pub(crate) type Drawn = Result<(), Box<dyn std::error::Error>>;

/// What an axis says.
pub(crate) struct Axis<'t> {
    pub(crate) name: &'t str,
    pub(crate) range: Range<f64>,
    pub(crate) label: &'t dyn Fn(&f64) -> String,
    pub(crate) labels: usize,
}

/// Share of the rows that deduplication keeps, over epsilon; `used` is marked.
pub fn keep_curve(points: &[(f64, usize)], rows: usize, used: Option<(f64, usize)>) -> String {
    let share = |kept: usize| kept as f64 / rows.max(1) as f64 * 100.0;
    let most = points.iter().map(|(epsilon, _)| *epsilon).fold(1e-3, f64::max);
    let digits = if most < 0.1 { 3 } else { 2 };
    draw(960, 380, |root| {
        let x = |v: &f64| format!("{v:.digits$}");
        let y = |v: &f64| format!("{v:.0} %");
        let mut chart = frame(
            root,
            Axis {
                name: "epsilon (a row goes when a more preferred one of its cluster is more similar than 1 - epsilon)",
                range: 0.0..most,
                label: &x,
                labels: 9,
            },
            Axis { name: "rows kept", range: 0.0..104.0, label: &y, labels: 6 },
        )?;
        let line = points.iter().map(|(epsilon, kept)| (*epsilon, share(*kept)));
        chart.draw_series(LineSeries::new(line, KEPT.stroke_width(3)))?;
        if let Some((epsilon, kept)) = used {
            let here = (epsilon, share(kept));
            let guide = ShapeStyle::from(&GREY).stroke_width(1);
            chart.draw_series(DashedLineSeries::new([(epsilon, 0.0), here], 4, 4, guide))?;
            chart.draw_series(DashedLineSeries::new([(0.0, here.1), here], 4, 4, guide))?;
            chart.draw_series([Circle::new(here, 6, DUPLICATE.filled())])?;
            let text = format!(
                "epsilon {epsilon:.4} keeps {} ({})",
                count(kept as u64),
                percent(kept as f64 / rows.max(1) as f64)
            );
            let left = epsilon < 0.55 * most;
            let style =
                font(18).color(&INK).pos(anchor(if left { HPos::Left } else { HPos::Right }, VPos::Bottom));
            let shift = if left { 0.012 } else { -0.012 };
            chart.draw_series([Text::new(text, (epsilon + shift * most, here.1 + 2.5), style)])?;
        }
        Ok(())
    })
}

/// Rows of every cluster, largest first.
pub fn cluster_sizes(sizes: &[u64]) -> String {
    let mut sizes = sizes.to_vec();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let top = sizes.first().copied().unwrap_or(1).max(1) as f64;
    let mean = sizes.iter().sum::<u64>() as f64 / sizes.len().max(1) as f64;
    draw(520, 320, |root| {
        let x = |v: &f64| format!("{v:.0}");
        let y = |v: &f64| count(v.max(0.0) as u64);
        let end = sizes.len() as f64;
        let mut chart = frame(
            root,
            Axis { name: "clusters, largest first", range: 0.0..end, label: &x, labels: 6 },
            Axis { name: "rows in the cluster", range: 0.0..1.06 * top, label: &y, labels: 6 },
        )?;
        let fill = KEPT.mix(0.75);
        if sizes.len() <= 120 {
            chart.draw_series(sizes.iter().enumerate().map(|(i, &size)| {
                Rectangle::new([(i as f64 + 0.12, 0.0), (i as f64 + 0.88, size as f64)], fill.filled())
            }))?;
        } else {
            // Columns narrower than a pixel would shimmer.
            let outline = sizes
                .iter()
                .enumerate()
                .flat_map(|(i, &size)| [(i as f64, size as f64), (i as f64 + 1.0, size as f64)]);
            chart.draw_series(AreaSeries::new(outline, 0.0, fill))?;
        }
        let guide = ShapeStyle::from(&INK).stroke_width(1);
        chart.draw_series(DashedLineSeries::new([(0.0, mean), (end, mean)], 5, 4, guide))?;
        let style = font(17).color(&INK).pos(anchor(HPos::Right, VPos::Bottom));
        chart.draw_series([Text::new(format!("mean {mean:.0}"), (end, mean + 0.02 * top), style)])?;
        Ok(())
    })
}

/// Distances to the centroid: kept rows, and pruned ones stacked on them.
pub fn distances(kept: &[f64], pruned: &[f64], unit: &str) -> String {
    let all = || kept.iter().chain(pruned).copied().filter(|d| d.is_finite());
    let (low, high) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), d| (a.min(d), b.max(d)));
    let (low, high) =
        if low < high { (low.min(0.25 * high).max(0.0), high) } else { (0.0, high.max(1e-6) * 2.0) };
    let width = (high - low) / BINS as f64;
    let bins = |values: &[f64]| {
        let mut bins = vec![0u64; BINS];
        for d in values.iter().filter(|d| d.is_finite()) {
            bins[(((d - low) / width) as usize).min(BINS - 1)] += 1;
        }
        bins
    };
    let (kept_bins, pruned_bins) = (bins(kept), bins(pruned));
    let top = kept_bins.iter().zip(&pruned_bins).map(|(a, b)| a + b).max().unwrap_or(1).max(1) as f64;
    draw(520, 320, |root| {
        let digits = if high < 0.1 { 3 } else { 2 };
        let x = |v: &f64| if high >= 100.0 { format!("{v:.0}") } else { format!("{v:.digits$}") };
        let y = |v: &f64| count(v.max(0.0) as u64);
        let mut chart = frame(
            root,
            Axis { name: unit, range: low..high, label: &x, labels: 6 },
            Axis { name: "rows", range: 0.0..1.3 * top, label: &y, labels: 6 },
        )?;
        let zeros = vec![0; BINS];
        for (name, base, bins, colour) in
            [("kept", &zeros, &kept_bins, KEPT), ("removed", &kept_bins, &pruned_bins, PRUNED)]
        {
            if bins.iter().all(|n| *n == 0) {
                continue;
            }
            let bars =
                base.iter().zip(bins).enumerate().filter(|(_, (_, n))| **n > 0).map(|(i, (base, n))| {
                    let left = low + i as f64 * width;
                    Rectangle::new(
                        [(left, *base as f64), (left + 0.94 * width, (base + n) as f64)],
                        colour.filled(),
                    )
                });
            let total = bins.iter().sum::<u64>();
            chart
                .draw_series(bars)?
                .label(format!("{name} ({})", count(total)))
                .legend(move |(x, y)| Rectangle::new([(x + 4, y - 6), (x + 16, y + 6)], colour.filled()));
        }
        if pruned.is_empty() {
            return Ok(());
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

pub(crate) fn font(size: i32) -> TextStyle<'static> {
    (FONT, size).into_font().into()
}

pub(crate) fn anchor(h: HPos, v: VPos) -> Pos {
    Pos::new(h, v)
}

pub(crate) fn frame<'a, 'b>(
    root: &'a DrawingArea<SVGBackend<'b>, Shift>,
    x: Axis<'_>,
    y: Axis<'_>,
) -> Result<Chart<'a, 'b>, Box<dyn std::error::Error>>
where
    'b: 'a,
{
    let mut chart = ChartBuilder::on(root)
        .margin(10)
        .margin_right(18)
        .x_label_area_size(52)
        .y_label_area_size(72)
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
        .label_style(font(17).color(&INK))
        .axis_desc_style(font(17).color(&INK))
        .draw()?;
    Ok(chart)
}

pub(crate) fn draw(
    width: u32,
    height: u32,
    body: impl FnOnce(&DrawingArea<SVGBackend<'_>, Shift>) -> Drawn,
) -> String {
    let mut svg = String::new();
    let drawn = {
        let root = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        root.fill(&WHITE).map_err(Into::into).and_then(|()| body(&root)).and_then(|()| Ok(root.present()?))
    };
    match drawn {
        Ok(()) => svg,
        // Drawing into a string has no reason to fail; a page without the plot is still right.
        Err(e) => format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"24\"><text y=\"16\">plot failed: {e}</text></svg>"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plots_survive_extreme_inputs() {
        for svg in [
            keep_curve(&[], 0, None),
            keep_curve(&[(0.0, 3), (2.0, 1)], 3, Some((0.0, 3))),
            cluster_sizes(&[]),
            cluster_sizes(&[u64::MAX >> 12, 0]),
            distances(&[], &[], "d"),
            distances(&[0.0, 0.0], &[f64::NAN], "d"),
            distances(&[1e-300, 1e300], &[], "d"),
        ] {
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{svg}");
        }
    }
}
