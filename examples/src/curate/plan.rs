//! `--plan`: what a run would do and roughly what it would cost.

use super::args::Args;
use super::settings::{Job, Settings};
use crate::flags::Named;
use crate::input::Embeddings;
use crate::progress::{count, duration, si};

/// Multiply-adds a second of one thread, for the rough time; measured on a machine with AVX2.
const RATE: f64 = 2.0e10;

/// The plan as text for a person.
pub fn plan(
    args: &Args,
    settings: &Settings,
    embeddings: &Embeddings,
    rows: usize,
    threads: usize,
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
    let iterations = settings.max_iter as f64 + 2.0;
    let mut work = n * k * d * iterations;
    if let Job::D4 { dedup_keep, .. } = settings.job {
        work += dedup_keep * n * k * d * iterations;
    }
    if matches!(settings.job, Job::D4 { .. } | Job::Semdedup { .. }) {
        // Pairs within clusters of about n / k rows; uneven clusters have more.
        work += 0.5 * n * n / k * d;
    }
    // Labels, distances, witnesses, similarities, order and search state of every row; centroids
    // in f32 and f64, exact sums; tiles of a few blocks.
    let memory = 72.0 * n + k * d * 40.0 + 32e6;
    lines.push(format!(
        "work       at most about {} multiply-adds; very roughly {} on {threads} threads",
        si(work),
        duration(work / (RATE * threads as f64))
    ));
    lines.push(format!("memory     about {}B besides the mapped input", si(memory)));
    if let Some(rows) = args.block_rows {
        lines.push(format!("blocks     of {} rows", count(rows as u64)));
    }
    lines.join("\n")
}
