//! The plots of a run.

use std::collections::BTreeMap;

use plotters::prelude::{AreaSeries, Color};

use super::outcome::{Fate, Outcome};
use super::summary::distance_name;
use crate::plots::{
    Axis, DUPLICATE, GREY, Group, HPos, INK, KEPT, PRUNED, Stroke, VPos, bar, chart, curve, dots, guide,
    histogram, note, number,
};
use crate::progress::{count, percent};

/// Parts of the axis of the distances.
const BINS: usize = 48;
/// The axis of the distances ends at this quantile where the farthest row lies FAR times as far out.
const SHOWN: f64 = 0.995;
const FAR: f64 = 1.5;
/// Columns narrower than a pixel would shimmer: more clusters than this are drawn as one area.
const COLUMNS: usize = 120;

/// All plots by file name.
pub fn draw(outcome: &Outcome) -> BTreeMap<&'static str, String> {
    let mut plots = BTreeMap::new();
    if let Some(dedup) = &outcome.dedup
        && let Some(points) = outcome.curve()
    {
        let used = Some((dedup.epsilon, dedup.kept()));
        plots.insert("keep_curve.svg", keep_curve(&points, outcome.rows(), used));
    }
    plots.insert("cluster_sizes.svg", cluster_sizes(&outcome.clusters.counts.to_vec()));
    if let Some(shares) = outcome.shares() {
        plots.insert("quotas.svg", quotas(&shares));
    }
    let all = outcome.distances();
    let of = |fate: Fate| -> Vec<f64> {
        (0..outcome.rows()).filter(|&i| outcome.fate(i) == fate).map(|i| all[i]).collect()
    };
    let pruned = if outcome.second.is_some() {
        of(Fate::Pruned)
    } else {
        [of(Fate::Pruned), of(Fate::Duplicate)].concat()
    };
    let name = distance_name(outcome.pruning());
    plots.insert("distances.svg", distances(&of(Fate::Kept), &pruned, name));
    plots
}

/// Share of the rows that deduplication keeps, over epsilon; `used` is marked.
fn keep_curve(points: &[(f64, usize)], rows: usize, used: Option<(f64, usize)>) -> String {
    let share = |kept: usize| kept as f64 / rows.max(1) as f64 * 100.0;
    let most = points.iter().map(|(epsilon, _)| *epsilon).fold(1e-3, f64::max);
    let digits = if most < 0.1 { 3 } else { 2 };
    let x = Axis {
        name: "epsilon (a row goes when a more preferred one of its cluster is more similar than 1 - epsilon)",
        range: 0.0..most,
        label: &|v| number(*v, digits),
        labels: 9,
    };
    let y = Axis { name: "rows kept", range: 0.0..104.0, label: &|v| format!("{v:.0} %"), labels: 6 };
    chart((960, 380), x, y, &[], |chart| {
        let line = points.iter().map(|(epsilon, kept)| (*epsilon, share(*kept)));
        curve(chart, line, KEPT, Stroke::Solid)?;
        let Some((epsilon, kept)) = used else { return Ok(()) };
        let here = (epsilon, share(kept));
        guide(chart, (epsilon, 0.0), here, GREY)?;
        guide(chart, (0.0, here.1), here, GREY)?;
        dots(chart, [here], &DUPLICATE)?;
        let left = epsilon < 0.55 * most;
        let (place, shift) = if left { (HPos::Left, 0.012) } else { (HPos::Right, -0.012) };
        let part = percent(kept as f64 / rows.max(1) as f64);
        let words = format!("epsilon {epsilon:.4} keeps {} ({part})", count(kept as u64));
        note(chart, words, (epsilon + shift * most, here.1 + 2.5), (place, VPos::Bottom), INK)
    })
}

/// Rows of every cluster, largest first.
fn cluster_sizes(sizes: &[u64]) -> String {
    let mut sizes = sizes.to_vec();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let top = sizes.first().copied().unwrap_or(1).max(1) as f64;
    let mean = sizes.iter().sum::<u64>() as f64 / sizes.len().max(1) as f64;
    let end = sizes.len() as f64;
    let x = Axis { name: "clusters, largest first", range: 0.0..end, label: &|v| number(*v, 0), labels: 6 };
    let y = Axis {
        name: "rows in the cluster",
        range: 0.0..1.06 * top,
        label: &|v| count(v.max(0.0) as u64),
        labels: 6,
    };
    chart((520, 320), x, y, &[], |chart| {
        let fill = KEPT.mix(0.75);
        if sizes.len() <= COLUMNS {
            for (i, &size) in sizes.iter().enumerate() {
                bar(chart, (i as f64 + 0.12, 0.0), (i as f64 + 0.88, size as f64), &fill)?;
            }
        } else {
            let outline = sizes
                .iter()
                .enumerate()
                .flat_map(|(i, &size)| [(i as f64, size as f64), (i as f64 + 1.0, size as f64)]);
            chart.draw_series(AreaSeries::new(outline, 0.0, fill))?;
        }
        guide(chart, (0.0, mean), (end, mean), INK)?;
        note(chart, format!("mean {mean:.0}"), (end, mean + 0.02 * top), (HPos::Right, VPos::Bottom), INK)
    })
}

/// Share of its rows that each cluster keeps, over its complexity.
fn quotas(clusters: &[(f64, f64)]) -> String {
    let most = clusters.iter().map(|(complexity, _)| *complexity).fold(1e-6, f64::max);
    let digits = if most < 0.1 { 3 } else { 2 };
    let x = Axis {
        name: "complexity (mean distance to the centroid x mean distance to the nearest centroids)",
        range: 0.0..1.04 * most,
        label: &|v| number(*v, digits),
        labels: 9,
    };
    let y = Axis {
        name: "rows kept of a cluster",
        range: 0.0..104.0,
        label: &|v| format!("{v:.0} %"),
        labels: 6,
    };
    chart((960, 380), x, y, &[], |chart| {
        dots(chart, clusters.iter().map(|(complexity, share)| (*complexity, 100.0 * share)), &KEPT.mix(0.75))
    })
}

/// Distances to the centroid: kept rows, and pruned ones stacked on them.
fn distances(kept: &[f64], pruned: &[f64], unit: &str) -> String {
    let all = || kept.iter().chain(pruned).copied().filter(|d| d.is_finite());
    let (low, high) = all().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), d| (a.min(d), b.max(d)));
    let (low, high) =
        if low < high { (low.min(0.25 * high).max(0.0), high) } else { (0.0, high.max(1e-6) * 2.0) };
    let digits = |v: f64| match v {
        v if v < 0.1 => 3,
        v if v < 100.0 => 2,
        _ => 0,
    };
    // A few rows far away would push all others into one column: the axis ends before them, and says so.
    let mut sorted: Vec<f64> = all().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let most = sorted.get((SHOWN * sorted.len() as f64) as usize).copied().unwrap_or(high);
    let end = if low < most && high - low > FAR * (most - low) { most } else { high };
    let beyond = sorted.iter().filter(|d| **d > end).count() as u64;
    let name = match beyond {
        0 => unit.to_string(),
        n => format!("{unit}; {} farther, up to {}", count(n), number(high, digits(high))),
    };
    let x = Axis { name: &name, range: low..end, label: &|v| number(*v, digits(end)), labels: 6 };
    let near = |values: &[f64]| values.iter().copied().filter(|d| *d <= end).collect::<Vec<f64>>();
    let groups = [
        Group { name: "kept", values: &near(kept), colour: KEPT },
        Group { name: "removed", values: &near(pruned), colour: PRUNED },
    ];
    histogram((520, 320), x, "rows, stacked", BINS, &groups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plots::assert_drawn;

    #[test]
    fn plots_survive_extreme_inputs() {
        for svg in [
            keep_curve(&[], 0, None),
            keep_curve(&[(0.0, 3), (2.0, 1)], 3, Some((0.0, 3))),
            cluster_sizes(&[]),
            cluster_sizes(&[u64::MAX >> 12, 0]),
            cluster_sizes(&[3; 200]),
            quotas(&[]),
            quotas(&[(0.0, 1.0), (1e300, 0.0)]),
            distances(&[], &[], "d"),
            distances(&[0.0, 0.0], &[f64::NAN], "d"),
            distances(&[1e-300, 1e300], &[], "d"),
        ] {
            assert_drawn(&svg);
        }
    }
}
