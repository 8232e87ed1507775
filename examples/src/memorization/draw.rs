//! The pictures of a study.

use std::collections::BTreeMap;

use plotters::prelude::RGBColor;

use super::compare::{passes, sizes};
use super::measure::{Forgotten, Measured};
use super::study::Study;
use crate::plots::{Axis, DUPLICATE, GREY, Line, PALETTE, PRUNED, Stroke, lines as drawn, number, shade};
use crate::progress::si;

/// Parts of speech shown, at most.
const TAGS: usize = 8;
/// From small to large: light to dark.
const SIZES: [RGBColor; 3] = [PRUNED, DUPLICATE, RGBColor(0x4a, 0x1f, 0x5c)];

/// The colour of size `i` of `n`.
fn of_size(i: usize, n: usize) -> RGBColor {
    shade(&SIZES, if n > 1 { i as f64 / (n - 1) as f64 } else { 0.5 })
}

fn epochs(last: f64) -> Axis<'static> {
    Axis { name: "epochs of training", range: 0.0..last.max(1.0), label: &|v| number(*v, 0), labels: 8 }
}

fn share(name: &'static str, top: f64) -> Axis<'static> {
    Axis { name, range: 0.0..top, label: &|v| format!("{} %", number(100.0 * v, 0)), labels: 6 }
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
        let stroke =
            |i: usize| match rates.iter().position(|r| r.total_cmp(&study.runs[i].learning_rate).is_eq()) {
                Some(0) => Stroke::Solid,
                _ => Stroke::Dashed,
            };
        // One name a size, where the curves are not: the lead says what dashes are.
        let named = |i: usize| match stroke(i) {
            Stroke::Solid => format!("{} parameters", si(study.runs[i].parameters as f64)),
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
                colour: of_size(rank(i), n),
                stroke: stroke(i),
                name: named(i),
            })
            .collect();
        let x = epochs(last_epoch(study, here.iter().copied()));
        let svg = drawn((520, 400), x, share("memorized tokens, M(f)", 1.0), &lines);
        pictures.insert(format!("curves.{}.svg", set.name), svg);

        let lines: Vec<Line> = here
            .iter()
            .map(|&i| Line {
                points: (study.runs[i].epochs.iter().zip(&runs[i].units))
                    .filter_map(|(e, units)| Some((*e as f64, units.mean?)))
                    .collect(),
                colour: of_size(rank(i), n),
                stroke: stroke(i),
                name: named(i),
            })
            .collect();
        let top = lines.iter().flat_map(|l| &l.points).map(|p| p.1).fold(2.0, f64::max);
        let y = Axis {
            name: "mean unit length, tokens",
            range: 0.0..1.05 * top,
            label: &|v| number(*v, 0),
            labels: 6,
        };
        let x = epochs(last_epoch(study, here.iter().copied()));
        let svg = drawn((520, 400), x, y, &lines);
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
            lines.push(Line { points: points.clone(), colour, stroke: Stroke::Dots, name: String::new() });
            let stroke = if r == 0 { Stroke::Solid } else { Stroke::Dashed };
            lines.push(Line { points, colour, stroke, name });
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
    let y = Axis { name: "T(N, tau), epochs", range: 0.0..1.05 * top, label: &|v| number(*v, 0), labels: 6 };
    drawn((520, 400), x, y, &lines)
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
            let colour = of_size(rank, sizes.len());
            let time = |i: usize| special.epochs[i] as f64;
            last = last.max(time(special.epochs.len() - 1));
            lines.push(Line {
                points: found.m.iter().enumerate().map(|(i, m)| (time(i), *m)).collect(),
                colour,
                stroke: Stroke::Solid,
                name: format!("{} parameters", si(special.parameters as f64)),
            });
            lines.push(Line {
                points: found.never.iter().enumerate().filter_map(|(i, m)| Some((time(i), (*m)?))).collect(),
                colour,
                stroke: Stroke::Dashed,
                name: String::new(),
            });
            let base = found.forgetting.baseline;
            lines.push(Line {
                points: vec![(-1.0, base), (last, base)],
                colour: GREY,
                stroke: Stroke::Guide,
                name: String::new(),
            });
        }
        let x = Axis {
            name: "epochs since the special batch (-1: before it)",
            range: -1.0..last,
            label: &|v| number(*v, 0),
            labels: 8,
        };
        let y = share("M on the special batch", top);
        let svg = drawn((520, 400), x, y, &lines);
        pictures.insert(format!("forgetting.{passes}.svg"), svg);
    }
}

/// Runs with something special beside the plain run of their size, rate and texts.
fn variants(study: &Study, runs: &[Measured], pictures: &mut BTreeMap<String, String>) {
    let mut lines = Vec::new();
    let mut last = 1.0f64;
    for (i, run) in study.runs.iter().enumerate() {
        let Some(variant) = &run.variant else { continue };
        let line = |i: usize, stroke: Stroke, name| Line {
            points: study.runs[i].epochs.iter().map(|e| *e as f64).zip(runs[i].m.iter().copied()).collect(),
            colour: PALETTE[usize::from(stroke != Stroke::Solid)],
            stroke,
            name,
        };
        last = last.max(last_epoch(study, [i].into_iter()));
        lines.push(line(i, Stroke::Solid, format!("{variant} before every text")));
        if let Some(plain) = plain_of(study, i) {
            lines.push(line(plain, Stroke::Dashed, "the same texts alone".to_string()));
        }
    }
    if !lines.is_empty() {
        let y = share("memorized tokens, M(f)", 1.0);
        pictures.insert("variants.svg".into(), drawn((520, 400), epochs(last), y, &lines));
    }
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
                stroke: Stroke::Solid,
                name: study.tags[p].clone(),
            })
            .collect();
        if lines.iter().any(|line| !line.points.is_empty()) {
            let svg = drawn((520, 400), epochs(last), share(name, 1.0), &lines);
            pictures.insert(file.into(), svg);
        }
    }
}
