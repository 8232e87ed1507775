//! The plots: the heat map of the paper, the best distance of every size, influence, and distance
//! against measured damage.

use pauca::layers::{Keep, LayerTable, deepest};
use plotters::prelude::{
    Circle, Color, PathElement, RGBColor, Rectangle, ShapeStyle, Text, TriangleMarker, WHITE,
};
use plotters::style::text_anchor::Pos;

use super::damage::Damage;
use crate::plots::{
    Axis, DUPLICATE, Entry, HPos, INK, PALETTE, SLATE, Sign, Stroke, VPos, bar, chart, curve, decades, dots,
    draw, entry, font, frame, number, shade, y_ticks,
};

/// From dark (near) to light (far), even in lightness: five stops of viridis.
const VIRIDIS: [RGBColor; 5] = [
    RGBColor(68, 1, 84),
    RGBColor(59, 82, 139),
    RGBColor(33, 145, 140),
    RGBColor(94, 201, 98),
    RGBColor(253, 231, 37),
];

/// An axis of layers, or of numbers of them.
fn layers<'t>(name: &'t str, table: &LayerTable, labels: usize) -> Axis<'t> {
    Axis { name, range: 0.5..table.n_layers as f64 + 0.5, label: &|v| number(*v, 0), labels }
}

/// Distances up to `top`, as they stand at an axis.
fn distance(top: f64) -> impl Fn(&f64) -> String {
    let digits = if top < 0.1 { 3 } else { 2 };
    move |v| number(*v, digits)
}

/// Distance of every block, each row of sizes shifted and rescaled to [0, 1] as in the paper's figure 4;
/// the choice of each size is framed.
pub fn heat_map(table: &LayerTable, keep: Keep) -> String {
    let n_layers = table.n_layers;
    draw("Distance of every block of layers", (960, 720), |root| {
        let (map, key) = root.split_horizontally(850);
        let mut chart = frame(
            &map,
            layers("first layer of the block, counted from 1", table, 12),
            layers("layers in the block", table, 12),
        )?;
        for n in 1..=n_layers {
            let row: Vec<Option<f64>> = (0..=n_layers - n).map(|l| table.distance(l, n)).collect();
            let known = || row.iter().flatten().copied();
            let (low, high) =
                known().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), d| (a.min(d), b.max(d)));
            let best = table.best_block(n, keep).ok().map(|choice| choice.block.start);
            for (l, distance) in row.iter().enumerate() {
                let Some(distance) = distance else { continue };
                let share = if high > low { (distance - low) / (high - low) } else { 0.0 };
                let (x, y) = (l as f64 + 1.0, n as f64);
                let cell = [(x - 0.5, y - 0.5), (x + 0.5, y + 0.5)];
                chart.draw_series([Rectangle::new(cell, shade(&VIRIDIS, share).filled())])?;
                if best == Some(l) {
                    let inner = [(x - 0.4, y - 0.4), (x + 0.4, y + 0.4)];
                    let style = ShapeStyle::from(&WHITE).stroke_width(3);
                    chart.draw_series([Rectangle::new(inner, style)])?;
                    let style = ShapeStyle::from(&DUPLICATE).stroke_width(2);
                    chart.draw_series([Rectangle::new(inner, style)])?;
                }
            }
        }
        let style = |v: VPos| font(16).color(&INK).pos(Pos::new(HPos::Left, v));
        for step in 0..100 {
            let y = 500 - 3 * step;
            key.draw(&Rectangle::new([(8, y - 3), (26, y)], shade(&VIRIDIS, step as f64 / 99.0).filled()))?;
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
    let label = distance(top);
    let y = Axis { name: unit, range: 0.0..1.12 * top, label: &label, labels: 6 };
    let x = layers("layers in the block", table, 15);
    // Where both are the same block, the one below is seen between the dashes.
    let curves = [
        ("deepest but for the last layer", &deep, SLATE, Stroke::Solid),
        ("nearest states", &best, PALETTE[5], Stroke::Dashed),
    ];
    let key = curves.map(|(name, _, colour, stroke)| entry(stroke, colour, name));
    chart((960, 380), x, y, &key, |chart| {
        for (_, points, colour, stroke) in curves {
            curve(chart, points.iter().copied(), colour, stroke)?;
            dots(chart, points.iter().copied(), &colour)?;
        }
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
    let label = distance(top);
    let y = Axis { name: unit, range: 0.0..1.08 * top, label: &label, labels: 6 };
    let x = layers("layer, counted from 1 (line: middle half of the samples)", table, 15);
    chart((960, 340), x, y, &[], |chart| {
        for (l, [mean, low, high]) in &bars {
            let x = *l as f64 + 1.0;
            bar(chart, (x - 0.36, 0.0), (x + 0.36, *mean), &PALETTE[6].mix(0.75))?;
            chart.draw_series([PathElement::new([(x, *low), (x, *high)], INK.stroke_width(2))])?;
        }
        Ok(())
    })
}

/// One dot a block: distance, and the damage of leaving it out. The choice of each size is ringed,
/// the deepest block (but for the last layer) is a triangle.
pub fn damage(table: &LayerTable, damage: &Damage, keep: Keep, unit: &str) -> String {
    // Damage spans decades: a logarithm, with a floor for blocks that do none.
    const FLOOR: f64 = 0.01;
    let scaled = |d: f64| d.max(FLOOR).log10();
    let point = |size: usize, first: usize, d: f64| Some((table.distance(first, size)?, scaled(d)));
    let all = || damage.iter().filter_map(|((size, first), d)| point(*size, *first, *d));
    let right = all().map(|(x, _)| x).fold(1e-9, f64::max);
    let top = all().map(|(_, y)| y).fold(0.0, f64::max);
    let mut sizes: Vec<usize> = damage.keys().map(|(size, _)| *size).collect();
    sizes.dedup();
    let x = Axis { name: unit, range: 0.0..1.04 * right, label: &|v| number(*v, 2), labels: 10 };
    let y = Axis {
        name: "damage (nats a token, log scale)",
        range: FLOOR.log10()..top + 0.15,
        label: &|_| String::new(),
        labels: 0,
    };
    let mut steps = decades(&y.range);
    if let Some((_, least)) = steps.first_mut() {
        *least = format!("≤ {least}");
    }
    let colour = |i: usize| PALETTE[i % PALETTE.len()];
    let sized = sizes.iter().enumerate().map(|(i, size)| {
        entry(Stroke::Dots, colour(i), &format!("{size} layer{}", if *size == 1 { "" } else { "s" }))
    });
    let signs = [(Sign::Ring, "chosen"), (Sign::Triangle, "deepest")];
    let signs = signs.map(|(sign, name)| Entry { sign, colour: INK, name: name.to_string() });
    let key: Vec<Entry> = sized.chain(signs).collect();
    chart((960, 560), x, y, &key, |chart| {
        y_ticks(chart, &steps)?;
        for (i, size) in sizes.iter().enumerate() {
            let own = damage.range((*size, 0)..(*size + 1, 0));
            let of_size: Vec<(usize, (f64, f64))> =
                own.filter_map(|((_, first), d)| Some((*first, point(*size, *first, *d)?))).collect();
            dots(chart, of_size.iter().map(|(_, p)| *p), &colour(i).mix(0.75))?;
            let best = table.best_block(*size, keep).ok().map(|choice| choice.block.start);
            let deep = deepest(table.n_layers, *size).ok().map(|block| block.start);
            for (first, p) in of_size {
                if best == Some(first) {
                    chart.draw_series([Circle::new(p, 10, INK.stroke_width(3))])?;
                }
                if deep == Some(first) {
                    chart.draw_series([TriangleMarker::new(p, 11, INK.filled())])?;
                    chart.draw_series([TriangleMarker::new(p, 6, colour(i).filled())])?;
                }
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plots::assert_drawn;
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
                    assert_drawn(&svg);
                }
            }
        }
    }
}
