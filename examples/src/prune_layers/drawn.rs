//! The plots: the heat map of the paper, the best distance of every size, influence, and distance
//! against measured damage.

use pauca::layers::{Keep, LayerTable, deepest};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::damage::Damage;
use crate::plots::{Axis, DUPLICATE, GREY, INK, KEPT, PRUNED, anchor, draw, font, frame};

/// A colour from dark (near) to light (far), even in lightness: five stops of viridis.
fn shade(value: f64) -> RGBColor {
    const STOPS: [[f64; 3]; 5] = [
        [68.0, 1.0, 84.0],
        [59.0, 82.0, 139.0],
        [33.0, 145.0, 140.0],
        [94.0, 201.0, 98.0],
        [253.0, 231.0, 37.0],
    ];
    let at = value.clamp(0.0, 1.0) * 4.0;
    let low = (at as usize).min(3);
    let mix =
        |i: usize| (STOPS[low][i] + (at - low as f64) * (STOPS[low + 1][i] - STOPS[low][i])).round() as u8;
    RGBColor(mix(0), mix(1), mix(2))
}

fn whole(v: &f64) -> String {
    format!("{v:.0}")
}

/// Distance of every block, each row of sizes shifted and rescaled to [0, 1] as in the paper's figure 4;
/// the choice of each size is framed.
pub fn heat_map(table: &LayerTable, keep: Keep) -> String {
    let layers = table.n_layers;
    draw(960, 720, |root| {
        let (map, key) = root.split_horizontally(850);
        let mut chart = frame(
            &map,
            Axis {
                name: "first layer of the block, counted from 1",
                range: 0.5..layers as f64 + 0.5,
                label: &whole,
                labels: 12,
            },
            Axis { name: "layers in the block", range: 0.5..layers as f64 + 0.5, label: &whole, labels: 12 },
        )?;
        for n in 1..=layers {
            let row: Vec<Option<f64>> = (0..=layers - n).map(|l| table.distance(l, n)).collect();
            let known = || row.iter().flatten().copied();
            let (low, high) =
                known().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), d| (a.min(d), b.max(d)));
            let best = table.best_block(n, keep).ok().map(|choice| choice.block.start);
            for (l, distance) in row.iter().enumerate() {
                let Some(distance) = distance else { continue };
                let share = if high > low { (distance - low) / (high - low) } else { 0.0 };
                let (x, y) = (l as f64 + 1.0, n as f64);
                let cell = [(x - 0.5, y - 0.5), (x + 0.5, y + 0.5)];
                chart.draw_series([Rectangle::new(cell, shade(share).filled())])?;
                if best == Some(l) {
                    let inner = [(x - 0.4, y - 0.4), (x + 0.4, y + 0.4)];
                    let style = ShapeStyle::from(&WHITE).stroke_width(3);
                    chart.draw_series([Rectangle::new(inner, style)])?;
                    let style = ShapeStyle::from(&DUPLICATE).stroke_width(2);
                    chart.draw_series([Rectangle::new(inner, style)])?;
                }
            }
        }
        let style = |v: VPos| font(16).color(&INK).pos(anchor(HPos::Left, v));
        for step in 0..100 {
            let y = 500 - 3 * step;
            key.draw(&Rectangle::new([(8, y - 3), (26, y)], shade(step as f64 / 99.0).filled()))?;
        }
        for (text, y) in [("farthest", 200), ("of the row", 216), ("nearest", 500)] {
            key.draw(&Text::new(text, (32, y), style(VPos::Bottom)))?;
        }
        key.draw(&Rectangle::new([(8, 540), (24, 556)], ShapeStyle::from(&DUPLICATE).stroke_width(2)))?;
        key.draw(&Text::new("chosen", (32, 556), style(VPos::Bottom)))?;
        Ok(())
    })
}

/// Distance of the best block and of the deepest one, over the size.
pub fn best_of_size(table: &LayerTable, keep: Keep, unit: &str) -> String {
    let sizes = 1..table.n_layers;
    let best: Vec<(f64, f64)> =
        sizes.clone().filter_map(|n| Some((n as f64, table.best_block(n, keep).ok()?.distance))).collect();
    let deep: Vec<(f64, f64)> = sizes
        .filter_map(|n| Some((n as f64, table.distance(deepest(table.n_layers, n).ok()?.start, n)?)))
        .collect();
    let top = best.iter().chain(&deep).map(|(_, d)| *d).fold(1e-9, f64::max);
    draw(960, 380, |root| {
        let digits = if top < 0.1 { 3 } else { 2 };
        let y = |v: &f64| format!("{v:.digits$}");
        let mut chart = frame(
            root,
            Axis {
                name: "layers in the block",
                range: 0.5..table.n_layers as f64 + 0.5,
                label: &whole,
                labels: 15,
            },
            Axis { name: unit, range: 0.0..1.12 * top, label: &y, labels: 6 },
        )?;
        for (points, colour, name) in
            [(&deep, PRUNED, "deepest but for the last layer"), (&best, KEPT, "nearest states")]
        {
            chart
                .draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(3)))?
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
            chart.draw_series(points.iter().map(|p| Circle::new(*p, 4, colour.filled())))?;
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .label_font(font(17).color(&INK))
            .background_style(WHITE.mix(0.9))
            .border_style(WHITE.mix(0.0))
            .draw()?;
        Ok(())
    })
}

/// Influence of each layer: mean distance of its input and output, with the quartiles.
pub fn influence(table: &LayerTable, unit: &str) -> String {
    let bars: Vec<(usize, [f64; 3])> = (0..table.n_layers)
        .filter_map(|l| {
            let q = |q| table.quantile(l, l + 1, q);
            Some((l, [table.distance(l, 1)?, q(0.25)?, q(0.75)?]))
        })
        .collect();
    let top = bars.iter().flat_map(|(_, b)| *b).fold(1e-9, f64::max);
    draw(960, 340, |root| {
        let digits = if top < 0.1 { 3 } else { 2 };
        let y = |v: &f64| format!("{v:.digits$}");
        let mut chart = frame(
            root,
            Axis {
                name: "layer, counted from 1 (line: middle half of the samples)",
                range: 0.3..table.n_layers as f64 + 0.7,
                label: &whole,
                labels: 15,
            },
            Axis { name: unit, range: 0.0..1.08 * top, label: &y, labels: 6 },
        )?;
        chart.draw_series(bars.iter().map(|(l, [mean, ..])| {
            let x = *l as f64 + 1.0;
            Rectangle::new([(x - 0.36, 0.0), (x + 0.36, *mean)], KEPT.mix(0.75).filled())
        }))?;
        chart.draw_series(bars.iter().map(|(l, [_, low, high])| {
            let x = *l as f64 + 1.0;
            PathElement::new([(x, *low), (x, *high)], INK.stroke_width(2))
        }))?;
        Ok(())
    })
}

/// One dot a block: distance, and the damage of leaving it out. The choice of each size is ringed,
/// the deepest block (but for the last layer) is a triangle.
pub fn damage(table: &LayerTable, damage: &Damage, keep: Keep, unit: &str) -> String {
    const COLOURS: [RGBColor; 6] = [
        RGBColor(0x3b, 0x52, 0x8b),
        RGBColor(0x21, 0x91, 0x8c),
        RGBColor(0xe3, 0xa8, 0x4b),
        RGBColor(0xc4, 0x4e, 0x35),
        RGBColor(0x7a, 0x3b, 0x8f),
        RGBColor(0x66, 0x6d, 0x76),
    ];
    // Damage spans decades: a logarithm, with a floor for blocks that do none.
    const FLOOR: f64 = 0.01;
    let scaled = |d: f64| d.max(FLOOR).log10();
    let point = |size: usize, first: usize, d: f64| Some((table.distance(first, size)?, scaled(d)));
    let dots = || damage.iter().filter_map(|((size, first), d)| point(*size, *first, *d));
    let right = dots().map(|(x, _)| x).fold(1e-9, f64::max);
    let top = dots().map(|(_, y)| y).fold(0.0, f64::max);
    let mut sizes: Vec<usize> = damage.keys().map(|(size, _)| *size).collect();
    sizes.dedup();
    draw(960, 560, |root| {
        let x = |v: &f64| format!("{v:.2}");
        let y = |v: &f64| {
            let value = 10f64.powf(*v);
            if *v <= FLOOR.log10() + 1e-9 {
                format!("≤ {FLOOR}")
            } else if value < 1.0 {
                format!("{value:.2}")
            } else {
                format!("{value:.1}")
            }
        };
        let mut chart = frame(
            root,
            Axis { name: unit, range: 0.0..1.04 * right, label: &x, labels: 10 },
            Axis {
                name: "damage (nats a token, log scale)",
                range: FLOOR.log10()..top + 0.15,
                label: &y,
                labels: 8,
            },
        )?;
        for (i, size) in sizes.iter().enumerate() {
            let colour = COLOURS[i % COLOURS.len()];
            let own = damage.range((*size, 0)..(*size + 1, 0));
            let dots: Vec<(usize, (f64, f64))> =
                own.filter_map(|((_, first), d)| Some((*first, point(*size, *first, *d)?))).collect();
            let plural = if *size == 1 { "" } else { "s" };
            chart
                .draw_series(dots.iter().map(|(_, p)| Circle::new(*p, 5, colour.mix(0.75).filled())))?
                .label(format!("{size} layer{plural}"))
                .legend(move |(x, y)| Circle::new((x + 9, y), 5, colour.filled()));
            let best = table.best_block(*size, keep).ok().map(|choice| choice.block.start);
            let deep = deepest(table.n_layers, *size).ok().map(|block| block.start);
            for (first, p) in dots {
                if best == Some(first) {
                    chart.draw_series([Circle::new(p, 10, INK.stroke_width(3))])?;
                }
                if deep == Some(first) {
                    chart.draw_series([TriangleMarker::new(p, 9, INK.mix(0.85).filled())])?;
                }
            }
        }
        let ring = |(x, y): (i32, i32)| Circle::new((x + 9, y), 8, INK.stroke_width(3));
        let off = (2.0 * right, top);
        chart.draw_series([Circle::new(off, 0, GREY.filled())])?.label("chosen of its size").legend(ring);
        let triangle = |(x, y): (i32, i32)| TriangleMarker::new((x + 9, y), 8, INK.mix(0.85).filled());
        chart
            .draw_series([Circle::new(off, 0, GREY.filled())])?
            .label("deepest of its size")
            .legend(triangle);
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
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
    use pauca::Rows;
    use pauca::layers::LayerDistances;

    #[test]
    fn plots_of_layers_survive_extreme_inputs() {
        for value in [0.0f32, 1.0] {
            let x = ndarray::Array2::from_elem((2, 3), value);
            for layers in [1, 4] {
                let rows = vec![Rows::F32(x.view()); layers + 1];
                let table = LayerDistances::new(layers).fit(&rows).unwrap();
                let measured = Damage::from([((1, 0), -1.0), ((layers, 0), 1e30)]);
                let keep = Keep::default();
                for svg in [
                    heat_map(&table, keep),
                    best_of_size(&table, keep, "d"),
                    influence(&table, "d"),
                    damage(&table, &measured, keep, "d"),
                    damage(&table, &Damage::new(), keep, "d"),
                ] {
                    assert!(
                        svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("NaN"),
                        "{svg}"
                    );
                }
            }
        }
    }
}
