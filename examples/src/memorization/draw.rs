//! The pictures of a study.

use std::collections::BTreeMap;

use plotters::prelude::*;

use super::compare::{passes, sizes};
use super::measure::{Forgotten, Measured};
use super::study::Study;
use crate::plots::{Axis, GREY, INK, draw, font, frame};
use crate::progress::si;

/// Parts of speech shown, at most.
const TAGS: usize = 8;
const PALETTE: [RGBColor; 8] = [
    RGBColor(0x1f, 0x7a, 0x5c),
    RGBColor(0xc4, 0x4e, 0x35),
    RGBColor(0x3b, 0x5b, 0xa5),
    RGBColor(0xe3, 0xa8, 0x4b),
    RGBColor(0x8a, 0x4f, 0x9e),
    RGBColor(0x2b, 0xa3, 0xb0),
    RGBColor(0x6b, 0x70, 0x78),
    RGBColor(0x9c, 0x7a, 0x3c),
];

/// One line of a chart.
struct Line {
    points: Vec<(f64, f64)>,
    colour: RGBColor,
    style: Style,
    /// Its place in the legend; empty for none.
    name: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Solid,
    Dashed,
    Dots,
    /// Thin and grey-dotted: something to compare with.
    Guide,
}

/// Colours from small to large: light to dark.
fn shade(i: usize, n: usize) -> RGBColor {
    let stops = [(0xe3, 0xa8, 0x4b), (0xc4, 0x4e, 0x35), (0x4a, 0x1f, 0x5c)]
        .map(|(r, g, b)| [r, g, b].map(f64::from));
    let at = if n > 1 { i as f64 / (n - 1) as f64 * 2.0 } else { 1.0 };
    let (low, part) = if at < 1.0 { (0, at) } else { (1, at - 1.0) };
    let mix = |c: usize| (stops[low][c] * (1.0 - part) + stops[low + 1][c] * part).round() as u8;
    RGBColor(mix(0), mix(1), mix(2))
}

fn chart(size: (u32, u32), x: Axis<'_>, y: Axis<'_>, lines: &[Line], legend: SeriesLabelPosition) -> String {
    draw(size.0, size.1, |root| {
        let mut chart = frame(root, x, y)?;
        for line in lines {
            let colour = line.colour;
            let style =
                ShapeStyle::from(&colour).stroke_width(if line.style == Style::Guide { 1 } else { 3 });
            let points = line.points.iter().copied();
            let drawn = match line.style {
                Style::Solid => chart.draw_series(LineSeries::new(points, style))?,
                Style::Dashed => chart.draw_series(DashedLineSeries::new(points, 7, 5, style))?,
                Style::Guide => chart.draw_series(DashedLineSeries::new(points, 2, 3, style))?,
                Style::Dots => chart.draw_series(points.map(|p| Circle::new(p, 5, colour.filled())))?,
            };
            if !line.name.is_empty() {
                let (dots, dashed) = (line.style == Style::Dots, line.style != Style::Solid);
                drawn.label(line.name.clone()).legend(move |(x, y)| {
                    let end = if dashed && !dots { x + 9 } else { x + 20 };
                    let start = if dots { end } else { x };
                    PathElement::new(
                        vec![(start, y), (end, y)],
                        colour.stroke_width(if dots { 8 } else { 3 }),
                    )
                });
            }
        }
        if lines.iter().any(|line| !line.name.is_empty()) {
            chart
                .configure_series_labels()
                .position(legend)
                .label_font(font(16).color(&INK))
                .background_style(WHITE.mix(0.85))
                .border_style(WHITE.mix(0.0))
                .draw()?;
        }
        Ok(())
    })
}

fn epochs(last: f64) -> Axis<'static> {
    Axis { name: "epochs of training", range: 0.0..last.max(1.0), label: &|v| format!("{v:.0}"), labels: 8 }
}

fn share(name: &'static str, top: f64) -> Axis<'static> {
    Axis { name, range: 0.0..top, label: &|v| format!("{:.0} %", 100.0 * v), labels: 6 }
}

fn last_epoch(study: &Study, of: impl Iterator<Item = usize>) -> f64 {
    of.filter_map(|i| study.runs[i].epochs.last()).copied().max().unwrap_or(1) as f64
}

/// All pictures by file name.
pub fn pictures(
    study: &Study,
    runs: &[Measured],
    found: &[Forgotten],
    taus: &[f64],
) -> BTreeMap<String, String> {
    let mut pictures = BTreeMap::new();
    let sizes = sizes(study);
    let n = sizes.len();
    for (s, set) in study.sets.iter().enumerate() {
        let here: Vec<usize> = (0..study.runs.len())
            .filter(|&i| study.runs[i].set == s && study.runs[i].variant.is_none())
            .collect();
        if here.is_empty() {
            continue;
        }
        let mut rates: Vec<f64> = here.iter().map(|&i| study.runs[i].learning_rate).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup_by(|a, b| a.total_cmp(b).is_eq());
        let style =
            |i: usize| match rates.iter().position(|r| r.total_cmp(&study.runs[i].learning_rate).is_eq()) {
                Some(0) => Style::Solid,
                _ => Style::Dashed,
            };
        // One name a size, where the curves are not: the lead says what dashes are.
        let named = |i: usize| match style(i) {
            Style::Solid => format!("{} parameters", si(study.runs[i].parameters as f64)),
            _ => String::new(),
        };
        let rank =
            |i: usize| sizes.iter().position(|size| size.parameters == study.runs[i].parameters).unwrap_or(0);
        let lines: Vec<Line> = here
            .iter()
            .map(|&i| Line {
                points: study.runs[i]
                    .epochs
                    .iter()
                    .map(|e| *e as f64)
                    .zip(runs[i].m.iter().copied())
                    .collect(),
                colour: shade(rank(i), n),
                style: style(i),
                name: named(i),
            })
            .collect();
        let x = epochs(last_epoch(study, here.iter().copied()));
        let svg = chart(
            (520, 400),
            x,
            share("memorized tokens, M(f)", 1.0),
            &lines,
            SeriesLabelPosition::UpperLeft,
        );
        pictures.insert(format!("curves.{}.svg", set.name), svg);

        let lines: Vec<Line> = here
            .iter()
            .map(|&i| Line {
                points: (study.runs[i].epochs.iter().zip(&runs[i].units))
                    .filter_map(|(e, units)| Some((*e as f64, units.mean?)))
                    .collect(),
                colour: shade(rank(i), n),
                style: style(i),
                name: named(i),
            })
            .collect();
        let top = lines.iter().flat_map(|l| &l.points).map(|p| p.1).fold(2.0, f64::max);
        let y = Axis {
            name: "mean unit length, tokens",
            range: 0.0..1.05 * top,
            label: &|v| format!("{v:.0}"),
            labels: 6,
        };
        let x = epochs(last_epoch(study, here.iter().copied()));
        let svg = chart((520, 400), x, y, &lines, SeriesLabelPosition::UpperLeft);
        pictures.insert(format!("units.{}.svg", set.name), svg);

        if n > 1 {
            pictures.insert(format!("reach.{}.svg", set.name), reach(study, runs, &here, &rates, taus));
        }
    }
    forgetting(study, found, &mut pictures);
    variants(study, runs, &mut pictures);
    tags(study, runs, &mut pictures);
    pictures
}

/// T(N, tau) against the size.
fn reach(study: &Study, runs: &[Measured], here: &[usize], rates: &[f64], taus: &[f64]) -> String {
    let mut lines = Vec::new();
    for (t, tau) in taus.iter().enumerate() {
        for (r, rate) in rates.iter().enumerate() {
            let mut points: Vec<(f64, f64)> = here
                .iter()
                .filter(|&&i| study.runs[i].learning_rate.total_cmp(rate).is_eq())
                .filter_map(|&i| Some(((study.runs[i].parameters as f64).log10(), runs[i].reach[t]? as f64)))
                .collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let colour = PALETTE[t % PALETTE.len()];
            let name = if r == 0 { format!("tau = {tau}") } else { String::new() };
            lines.push(Line { points: points.clone(), colour, style: Style::Dots, name: String::new() });
            let style = if r == 0 { Style::Solid } else { Style::Dashed };
            lines.push(Line { points, colour, style, name });
        }
    }
    let logs = here.iter().map(|&i| (study.runs[i].parameters as f64).log10());
    let (low, high) = logs.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    let x = Axis {
        name: "parameters N (logarithmic)",
        range: low - 0.08..high + 0.08,
        label: &|v| si(10f64.powf(*v)),
        labels: 5,
    };
    let top = last_epoch(study, here.iter().copied());
    let y =
        Axis { name: "T(N, tau), epochs", range: 0.0..1.05 * top, label: &|v| format!("{v:.0}"), labels: 6 };
    chart((520, 400), x, y, &lines, SeriesLabelPosition::UpperRight)
}

fn forgetting(study: &Study, found: &[Forgotten], pictures: &mut BTreeMap<String, String>) {
    let mut sizes: Vec<u64> = study.forgetting.iter().map(|special| special.parameters).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let top = found.iter().flat_map(|f| &f.m).copied().fold(0.1, f64::max) * 1.08;
    for passes in passes(study) {
        let (mut lines, mut last) = (Vec::new(), 1.0f64);
        for (special, found) in study.forgetting.iter().zip(found).filter(|(s, _)| s.passes == passes) {
            let rank = sizes.iter().position(|n| *n == special.parameters).unwrap_or(0);
            let colour = shade(rank, sizes.len());
            let time = |i: usize| special.epochs[i] as f64;
            last = last.max(time(special.epochs.len() - 1));
            lines.push(Line {
                points: found.m.iter().enumerate().map(|(i, m)| (time(i), *m)).collect(),
                colour,
                style: Style::Solid,
                name: format!("{} parameters", si(special.parameters as f64)),
            });
            lines.push(Line {
                points: found.never.iter().enumerate().filter_map(|(i, m)| Some((time(i), (*m)?))).collect(),
                colour,
                style: Style::Dashed,
                name: String::new(),
            });
            let base = found.forgetting.baseline;
            lines.push(Line {
                points: vec![(-1.0, base), (last, base)],
                colour: GREY,
                style: Style::Guide,
                name: String::new(),
            });
        }
        let x = Axis {
            name: "epochs since the special batch (-1: before it)",
            range: -1.0..last,
            label: &|v| format!("{v:.0}"),
            labels: 8,
        };
        let y = share("M on the special batch", top);
        let svg = chart((520, 400), x, y, &lines, SeriesLabelPosition::UpperRight);
        pictures.insert(format!("forgetting.{passes}.svg"), svg);
    }
}

/// Runs with something special beside the plain run of their size, rate and texts.
fn variants(study: &Study, runs: &[Measured], pictures: &mut BTreeMap<String, String>) {
    let mut lines = Vec::new();
    let mut last = 1.0f64;
    for (i, run) in study.runs.iter().enumerate() {
        let Some(variant) = &run.variant else { continue };
        let line = |i: usize, style, name| Line {
            points: study.runs[i].epochs.iter().map(|e| *e as f64).zip(runs[i].m.iter().copied()).collect(),
            colour: PALETTE[lines_colour(style)],
            style,
            name,
        };
        last = last.max(last_epoch(study, [i].into_iter()));
        lines.push(line(i, Style::Solid, format!("{variant} before every text")));
        if let Some(plain) = plain_of(study, i) {
            lines.push(line(plain, Style::Dashed, "the same texts alone".to_string()));
        }
    }
    if !lines.is_empty() {
        let y = share("memorized tokens, M(f)", 1.0);
        pictures.insert(
            "variants.svg".into(),
            chart((520, 400), epochs(last), y, &lines, SeriesLabelPosition::LowerRight),
        );
    }
}

fn lines_colour(style: Style) -> usize {
    usize::from(style != Style::Solid)
}

/// The plain run that differs from run `i` in its variant alone: equal set, learning rate and
/// epochs, and the nearest number of parameters.
pub fn plain_of(study: &Study, i: usize) -> Option<usize> {
    let run = &study.runs[i];
    (0..study.runs.len())
        .filter(|&j| study.runs[j].variant.is_none() && super::compare::same_setting(&study.runs[j], run))
        .min_by_key(|&j| study.runs[j].parameters.abs_diff(run.parameters))
}

/// The run whose parts of speech are shown: the largest with predicted tags.
pub fn shown_for_tags(study: &Study, runs: &[Measured]) -> Option<usize> {
    (0..runs.len())
        .filter(|&i| !runs[i].tags.is_empty() && study.runs[i].variant.is_none())
        .max_by_key(|&i| (study.runs[i].tag_hits.is_some(), study.runs[i].parameters))
}

fn tags(study: &Study, runs: &[Measured], pictures: &mut BTreeMap<String, String>) {
    let Some(i) = shown_for_tags(study, runs) else { return };
    let tokens = |p: usize| runs[i].tags[0][p].tokens;
    let mut common: Vec<usize> = (0..study.tags.len()).filter(|&p| tokens(p) > 0).collect();
    common.sort_by_key(|&p| (std::cmp::Reverse(tokens(p)), p));
    common.truncate(TAGS);
    let last = last_epoch(study, [i].into_iter());
    for (file, name, of) in [
        ("tags.right.svg", "R(p): part of speech right", true),
        ("tags.memorized.svg", "R_mem(p): token right", false),
    ] {
        let lines: Vec<Line> = common
            .iter()
            .enumerate()
            .map(|(c, &p)| Line {
                points: (study.runs[i].epochs.iter().zip(&runs[i].tags))
                    .filter_map(|(e, ratios)| {
                        let ratio = if of { ratios[p].right } else { ratios[p].memorized };
                        Some((*e as f64, ratio?))
                    })
                    .collect(),
                colour: PALETTE[c % PALETTE.len()],
                style: Style::Solid,
                name: study.tags[p].clone(),
            })
            .collect();
        if lines.iter().any(|line| !line.points.is_empty()) {
            let svg =
                chart((520, 400), epochs(last), share(name, 1.0), &lines, SeriesLabelPosition::LowerRight);
            pictures.insert(file.into(), svg);
        }
    }
}
