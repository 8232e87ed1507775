//! `--plan`: what a run would do and roughly what it would cost.

use pauca::{EmptyClusters, Scope};

use super::args::Args;
use super::probe::{Probe, Tried};
use super::settings::{CODE_BYTES, Job, Settings};
use crate::flags::Named;
use crate::input::Embeddings;
use crate::progress::{count, duration, percent, si};

/// The plan as text for a person.
pub fn plan(
    args: &Args,
    settings: &Settings,
    embeddings: &Embeddings,
    rows: usize,
    (threads, machine): (usize, String),
    probe: Option<&Probe>,
) -> String {
    let (n, d, k) = (rows as f64, embeddings.dim() as f64, settings.clusters as f64);
    let order = if embeddings.layout().is_some_and(|l| l.fortran_order) { ", Fortran order" } else { "" };
    let spilled = embeddings.spill_bytes(false);
    let how = if spilled > 0 {
        format!("written once to a row file of {}B", si(spilled as f64))
    } else {
        "memory-mapped".into()
    };
    let kind = if settings.spherical { "spherical" } else { "Euclidean" };
    let mut lines = vec![
        format!(
            "input      {}: {} rows of {} values, {}{order}, {} bytes, {how}",
            embeddings.name(),
            count(embeddings.rows() as u64),
            embeddings.dim(),
            embeddings.dtype().name(),
            si(embeddings.bytes() as f64)
        ),
        format!("method     {}", settings.method.name()),
        format!(
            "clusters   {} ({kind}), first centroids by {}, at most {} iterations",
            count(settings.clusters as u64),
            settings.init_name,
            settings.max_iter
        ),
    ];
    lines.extend(further(args, settings));
    if rows < embeddings.rows() {
        lines.push(format!("rows       {} of them, by --rows", count(rows as u64)));
    }
    let keep = |share: f64| count((share * n).round_ties_even() as u64);
    lines.extend(match &settings.job {
        Job::Kmeans => None,
        Job::D4 { keep: last, dedup_keep, .. } => Some(format!(
            "keep       {} rows after deduplication, {} in the end",
            keep(*dedup_keep),
            keep(*last)
        )),
        Job::Scip { keep: share, .. } => {
            Some(format!("keep       {} rows", count((n - ((1.0 - share) * n).round_ties_even()) as u64)))
        }
        Job::Prototypes { keep: share, .. } | Job::Dbp { keep: share, .. } => {
            Some(format!("keep       {} rows", keep(*share)))
        }
        Job::Semdedup { goal: super::settings::Goal::Keep(share), .. } => {
            Some(format!("keep       {} rows, or as near as ties allow", keep(*share)))
        }
        Job::Semdedup { goal: super::settings::Goal::Epsilon(epsilon), .. } => {
            Some(format!("remove     rows with a similarity above {} to a preferred one", 1.0 - epsilon))
        }
    });
    // Labels, distances, witnesses, similarities, order, search state and the words about every row; centroids in f32
    // and f64, exact sums; tiles of a few blocks; codes of the rows, a byte and a third for a value. D4 of 1,000,000
    // rows of 768 values took 846 MB, this says 840.
    let codes = (n * d * 4.0 / 3.0).min(CODE_BYTES as f64);
    let memory = 240.0 * n + k * d * 40.0 + 32e6 + codes;
    if machine != "cpu" {
        lines.push(format!("backend    {machine}"));
    }
    match probe {
        Some(probe) => lines.extend(probed(probe, settings, threads)),
        None => lines.push(
            "time       not known: these rows cannot be read before they are written to a row file".into(),
        ),
    }
    lines.push(format!("memory     about {}B besides the mapped input", si(memory)));
    lines.push(disk(args, settings, embeddings, rows));
    if let Some(rows) = args.block_rows {
        lines.push(format!("blocks     of {} rows", count(rows as u64)));
    }
    lines.join("\n")
}

/// What the method does otherwise than by default.
fn further(args: &Args, settings: &Settings) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(column) = &args.weights {
        parts.push(format!("rows weigh what column '{column}' says"));
    }
    if settings.tolerance > 0.0 {
        parts.push(format!("a clustering stops where squared shifts sum to {} or less", settings.tolerance));
    }
    if settings.empty == EmptyClusters::Keep {
        parts.push("clusters that lose all rows keep their centroid".into());
    }
    if settings.scope() == Some(Scope::PerCluster) {
        parts.push("every cluster keeps the same share".into());
    }
    if settings.published() {
        parts.push("as published, to the letter".into());
    }
    (!parts.is_empty()).then(|| format!("with       {}", parts.join("; ")))
}

/// What the probe says of time and of the number of clusters.
fn probed(probe: &Probe, settings: &Settings, threads: usize) -> Vec<String> {
    let searches = matches!(settings.job, Job::D4 { .. } | Job::Semdedup { .. });
    let cost = |tried: &Tried| {
        let parts = match searches {
            true => format!(
                " ({} clustering, {} duplicates)",
                duration(tried.clustering),
                duration(tried.duplicates)
            ),
            false => String::new(),
        };
        format!("about {}{parts}", duration(tried.seconds()))
    };
    let mut lines = vec![format!(
        "probe      {} rows, {} of this machine",
        count(probe.rows as u64),
        duration(probe.seconds)
    )];
    if let Some(asked) = probe.asked(settings.clusters) {
        lines
            .push(format!("time       {} on {threads} threads, at most; reading comes on top", cost(&asked)));
    }
    for tried in &probe.tried {
        let mark = if tried.clusters == settings.clusters { ", as asked" } else { "" };
        lines.push(format!(
            "  k {:<7} {}; {} of the rows share a cluster with the row most like them{mark}",
            tried.clusters,
            cost(tried),
            percent(tried.together)
        ));
    }
    if let Some(best) = probe.suggested() {
        lines.push(format!(
            "suggested  --clusters {}: the fastest of these that parts few of the rows that are most alike",
            best.clusters
        ));
    }
    lines
}

/// Bytes that the run writes, and those that are gone when it ends.
fn disk(args: &Args, settings: &Settings, embeddings: &Embeddings, rows: usize) -> String {
    let n = rows as f64;
    let kept = match &settings.job {
        Job::D4 { keep, .. }
        | Job::Scip { keep, .. }
        | Job::Prototypes { keep, .. }
        | Job::Dbp { keep, .. } => *keep,
        Job::Semdedup { goal: super::settings::Goal::Keep(keep), .. } => *keep,
        Job::Kmeans | Job::Semdedup { .. } => 1.0,
    };
    // Labels, distances, similarities, witnesses; a line of a table for every row; centroids.
    let arrays = 40.0 * n + 60.0 * n + settings.clusters as f64 * embeddings.dim() as f64 * 8.0 + 1e5;
    let mut parts = vec![format!("about {}B of results", si(arrays))];
    if args.write_filtered {
        parts.push(format!("at most {}B of filtered files", si(kept * embeddings.bytes() as f64)));
    }
    if embeddings.spill_bytes(false) > 0 {
        parts
            .push(format!("{}B of a row file while the run lasts", si(embeddings.spill_bytes(false) as f64)));
    }
    format!("disk       {}", parts.join(", "))
}
