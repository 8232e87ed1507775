//! The pictures of a study.

use std::collections::BTreeMap;

use plotters::prelude::RGBColor;

use super::compare::{passes, sizes};
use super::measure::{Forgotten, Measured};
use super::study::Study;
use crate::plots::{
    Axis, DUPLICATE, GREY, INK, Line, PALETTE, PRUNED, Stroke, Tick, VIOLET, chart, curve, ends, entry,
    lines as drawn, number, shade, x_ticks,
};
use crate::progress::si;

/// Parts of speech shown, at most.
const TAGS: usize = 8;
/// From small to large: light to dark.
const SIZES: [RGBColor; 3] = [PRUNED, DUPLICATE, VIOLET];

/// Those of the thresholds: none of the sizes' colours, which mean other things on the same page.
const TAUS: [RGBColor; 6] = [PALETTE[0], PALETTE[2], PALETTE[5], PALETTE[6], PALETTE[7], PALETTE[4]];

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
    // Pictures that stand side by side have equal axes.
    let plain: Vec<usize> = (0..study.runs.len()).filter(|&i| study.runs[i].variant.is_none()).collect();
    let end = last_epoch(study, plain.iter().copied());
    let longest =
        plain.iter().flat_map(|&i| &runs[i].units).filter_map(|units| units.mean).fold(2.0, f64::max);
    for (s, set) in study.sets.iter().enumerate() {
        let here: Vec<usize> = plain.iter().copied().filter(|&i| study.runs[i].set == s).collect();
        if here.is_empty() {
            continue;
        }
        let rates = rates(study, &here);
        let stroke = |i: usize| match rates.first() {
            Some(lowest) if lowest.total_cmp(&study.runs[i].learning_rate).is_lt() => Stroke::Dashed,
            _ => Stroke::Solid,
        };
        let named = |i: usize| match stroke(i) {
            Stroke::Solid => format!("{} parameters", si(study.runs[i].parameters as f64)),
            _ => String::new(),
        };
        let rank =
            |i: usize| sizes.iter().position(|size| size.parameters == study.runs[i].parameters).unwrap_or(0);
        let mut lines: Vec<Line> = here
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
        lines.extend(strokes(&rates));
        let svg = drawn((520, 400), epochs(end), share("memorized tokens, M(f)", 1.0), &lines);
        pictures.insert(format!("curves.{}.svg", set.name), svg);

        let mut lines: Vec<Line> = here
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
        lines.extend(strokes(&rates));
        let y = Axis {
            name: "mean unit length, tokens",
            range: 0.0..1.05 * longest,
            label: &|v| number(*v, 0),
            labels: 6,
        };
        let svg = drawn((520, 400), epochs(end), y, &lines);
        pictures.insert(format!("units.{}.svg", set.name), svg);

        if n > 1 {
            pictures.insert(format!("reach.{}.svg", set.name), reach(study, runs, &here, &plain, taus));
        }
    }
    forgetting(study, found, &mut pictures);
    variants(study, runs, &mut pictures);
    tags(study, runs, &mut pictures);
    pictures
}

/// The learning rates of the runs `here`, each once, ascending.
fn rates(study: &Study, here: &[usize]) -> Vec<f64> {
    let mut rates: Vec<f64> = here.iter().map(|&i| study.runs[i].learning_rate).collect();
    rates.sort_by(f64::total_cmp);
    rates.dedup_by(|a, b| a.total_cmp(b).is_eq());
    rates
}

/// What the key says of solid and of dashed lines: nothing where all are solid.
fn strokes(rates: &[f64]) -> Vec<Line> {
    let name = |stroke, name: String| Line { points: Vec::new(), colour: INK, stroke, name };
    match rates {
        [] | [_] => Vec::new(),
        [low, high] => vec![
            name(Stroke::Solid, format!("learning rate {low}")),
            name(Stroke::Dashed, format!("learning rate {high}")),
        ],
        [low, ..] => vec![
            name(Stroke::Solid, format!("learning rate {low}")),
            name(Stroke::Dashed, "higher learning rates".into()),
        ],
    }
}

/// T(N, tau) against the size, over the sizes of all `plain` runs.
fn reach(study: &Study, runs: &[Measured], here: &[usize], plain: &[usize], taus: &[f64]) -> String {
    let rates = rates(study, here);
    let mut lines = Vec::new();
    for (t, tau) in taus.iter().enumerate() {
        for (r, rate) in rates.iter().enumerate() {
            let mut points: Vec<(f64, f64)> = here
                .iter()
                .filter(|&&i| study.runs[i].learning_rate.total_cmp(rate).is_eq())
                .filter_map(|&i| Some(((study.runs[i].parameters as f64).log10(), runs[i].reach[t]? as f64)))
                .collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let colour = TAUS[t % TAUS.len()];
            let name = if r == 0 { format!("tau = {tau}") } else { String::new() };
            lines.push(Line { points: points.clone(), colour, stroke: Stroke::Dots, name: String::new() });
            let stroke = if r == 0 { Stroke::Solid } else { Stroke::Dashed };
            lines.push(Line { points, colour, stroke, name });
        }
    }
    lines.extend(strokes(&rates));
    let ticks: Vec<Tick> =
        plain.iter().map(|&i| study.runs[i].parameters as f64).map(|n| (n.log10(), si(n))).collect();
    let (low, high) =
        ticks.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v.0), b.max(v.0)));
    let ticks = legible(ticks, 0.14 * (high - low + 0.16));
    let x = Axis {
        name: "parameters N (logarithmic)",
        range: low - 0.08..high + 0.08,
        label: &|_| String::new(),
        labels: 0,
    };
    let top = last_epoch(study, plain.iter().copied());
    let y = Axis { name: "T(N, tau), epochs", range: 0.0..1.05 * top, label: &|v| number(*v, 0), labels: 6 };
    let named = lines.iter().filter(|line| !line.name.is_empty());
    let key: Vec<_> = named.map(|line| entry(line.stroke, line.colour, &line.name)).collect();
    chart((520, 400), x, y, &key, |chart| {
        x_ticks(chart, &ticks)?;
        for line in &lines {
            curve(chart, line.points.iter().copied(), line.colour, line.stroke)?;
        }
        Ok(())
    })
}

/// Round steps from 0 to `last`, at most seven.
fn steps(last: f64) -> Vec<Tick> {
    let powers = (0..).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10f64.powi(power)));
    let step = powers.take(60).find(|step| last / step < 7.5).unwrap_or(last);
    (0..=(last / step) as u32).map(|i| f64::from(i) * step).map(|at| (at, number(at, 0))).collect()
}

/// `ticks` in their order, without those that would touch the one before.
fn legible(mut ticks: Vec<Tick>, least: f64) -> Vec<Tick> {
    ticks.sort_by(|a, b| a.0.total_cmp(&b.0));
    ticks.dedup_by(|next, kept| next.0 - kept.0 < least);
    ticks
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
            colour: if stroke == Stroke::Solid { INK } else { GREY },
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
            // Names stand at the ends of the lines: eight colours in a key are hard to find again.
            let mut x = epochs(last);
            x.range.end += 0.3 * x.range.end;
            x.labels = 0;
            let svg = chart((520, 400), x, share(name, 1.0), &[], |chart| {
                x_ticks(chart, &steps(last))?;
                for line in &lines {
                    curve(chart, line.points.iter().copied(), line.colour, line.stroke)?;
                }
                ends(chart, &lines)
            });
            pictures.insert(file.into(), svg);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_apart() {
        let labels = |ticks: Vec<Tick>| ticks.into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(steps(28.0)), ["0", "5", "10", "15", "20", "25"]);
        assert_eq!(labels(steps(1.0)), ["0", "1"]);
        assert!(steps(u32::MAX.into()).len() <= 8);
        let sizes = [5.78, 4.89, 5.31, 4.9, 5.78].map(|at| (at, at.to_string()));
        assert_eq!(labels(legible(sizes.to_vec(), 0.1)), ["4.89", "5.31", "5.78"]);
    }
}
