//! The result as files: arrays, lists, the kept rows.

use std::io::{self, Write};

use half::bf16;
use ndarray::ArrayView2;
use pauca::{Dedup, DensityPruned, RowSource, Rows, Scratch};

use super::outcome::{Fate, Outcome};
use crate::failure::{Failure, Result};
use crate::input::ids::Ids;
use crate::input::npy::write_header;
use crate::input::{Dtype, Matrix};
use crate::output::OutDir;
use crate::output::npy::{matrix, vector};

/// Every name that this program may write; those of an earlier run that a new one lacks go.
pub const NAMES: [&str; 18] = [
    "kept.npy",
    "labels.npy",
    "centroids.npy",
    "labels2.npy",
    "centroids2.npy",
    "similarity.npy",
    "distance.npy",
    "kept_ids.txt",
    "removed.csv",
    "clusters.csv",
    "filtered.npy",
    "filtered.safetensors",
    "keep_curve.svg",
    "cluster_sizes.svg",
    "quotas.svg",
    "distances.svg",
    "report.html",
    "report.json",
];

/// Rows copied at once into the filtered file.
const ROWS_AT_ONCE: usize = 4096;

/// Writes the arrays and lists of `outcome`.
///
/// # Errors
/// [`Failure::Data`] with the system's reason.
pub fn write(out: &mut OutDir, outcome: &Outcome, ids: Option<&Ids>) -> Result<()> {
    out.write("labels.npy", |w| vector(w, outcome.clusters.labels.iter().copied()))?;
    out.write("centroids.npy", |w| matrix(w, outcome.clusters.centroids.view()))?;
    out.write("distance.npy", |w| vector(w, outcome.distances().into_iter()))?;
    if let (Some(second), Some(labels)) = (&outcome.second, outcome.second_labels()) {
        out.write("labels2.npy", |w| vector(w, labels.into_iter()))?;
        out.write("centroids2.npy", |w| matrix(w, second.clusters.centroids.view()))?;
    }
    if let Some(dedup) = &outcome.dedup {
        out.write("similarity.npy", |w| vector(w, dedup.similarity.iter().copied()))?;
    }
    if let Some(density) = &outcome.density {
        out.write("clusters.csv", |w| quotas(w, outcome, density))?;
    }
    if outcome.keep.is_none() {
        return Ok(());
    }
    let kept = outcome.kept();
    out.write("kept.npy", |w| vector(w, kept.iter().map(|&row| row as u64)))?;
    if let Some(ids) = ids {
        out.write("kept_ids.txt", |w| kept.iter().try_for_each(|&row| writeln!(w, "{}", ids.get(row))))?;
    }
    out.write("removed.csv", |w| removed(w, outcome, ids))
}

/// One line per cluster: its rows, its quota, and what that follows from.
fn quotas(out: &mut dyn Write, outcome: &Outcome, density: &DensityPruned) -> io::Result<()> {
    let mut lines = csv::Writer::from_writer(out);
    lines.write_record(["cluster", "rows", "kept", "intra", "inter", "complexity"])?;
    for (j, rows) in outcome.clusters.counts.iter().enumerate() {
        let (intra, inter) = (density.intra[j], density.inter[j]);
        let numbers = [intra, inter, intra * inter].map(|v| v.to_string());
        let counts = [j as u64, *rows, density.quotas[j]].map(|v| v.to_string());
        lines.write_record(counts.iter().chain(&numbers))?;
    }
    lines.flush()
}

/// One line per removed row: id, witness id, similarity, cluster, stage.
fn removed(out: &mut dyn Write, outcome: &Outcome, ids: Option<&Ids>) -> io::Result<()> {
    let mut lines = csv::Writer::from_writer(out);
    lines.write_record(["id", "witness", "similarity", "cluster", "stage"])?;
    let name = |row: usize| ids.map_or_else(|| row.to_string(), |ids| ids.get(row).to_string());
    let second = outcome.pruning_labels();
    for (row, &label) in second.iter().enumerate() {
        let fate = outcome.fate(row);
        let (witness, similarity, cluster) = match (fate, &outcome.dedup) {
            (Fate::Kept, _) => continue,
            (Fate::Duplicate, Some(dedup)) => {
                let witness = dedup.witness[row];
                let witness = if witness == Dedup::NONE { String::new() } else { name(witness as usize) };
                (witness, dedup.similarity[row].to_string(), outcome.clusters.labels[row])
            }
            _ => (String::new(), String::new(), label),
        };
        lines.write_record([
            name(row),
            witness,
            similarity,
            cluster.to_string(),
            outcome.stage(row).to_string(),
        ])?;
    }
    lines.flush()
}

/// Writes the kept rows in the input's type: `filtered.npy`, or `filtered.safetensors` for
/// bfloat16, which `.npy` cannot name.
///
/// # Errors
/// [`Failure::Data`] with the system's or the source's reason.
pub fn write_filtered(
    out: &mut OutDir,
    outcome: &Outcome,
    matrix: &Matrix,
    source: &impl RowSource,
) -> Result<()> {
    let kept = outcome.kept();
    let layout = matrix.layout();
    let shape = [kept.len(), layout.dim];
    let name = if layout.dtype == Dtype::Bf16 { "filtered.safetensors" } else { "filtered.npy" };
    let mut unread = None;
    let written = out.write(name, |mut w| {
        match layout.dtype {
            Dtype::F32 => write_header(&mut w, "<f4", &shape)?,
            Dtype::F16 => write_header(&mut w, "<f2", &shape)?,
            Dtype::Bf16 => tensor_header(w, layout.tensor.as_deref().unwrap_or("embeddings"), &shape)?,
        }
        let mut scratch = Scratch::new();
        for rows in kept.chunks(ROWS_AT_ONCE) {
            match source.gather(rows, &mut scratch) {
                Ok(Rows::F32(v)) => values(w, v, f32::to_le_bytes)?,
                Ok(Rows::F16(v)) => values(w, v, half::f16::to_le_bytes)?,
                Ok(Rows::Bf16(v)) => values(w, v, bf16::to_le_bytes)?,
                Ok(_) => return Err(io::Error::other("rows of an unknown type")),
                Err(e) => {
                    unread = Some(Failure::library(matrix.path(), &e));
                    return Err(io::Error::other("input"));
                }
            }
        }
        Ok(())
    });
    match unread {
        Some(failure) => Err(failure),
        None => written,
    }
}

fn values<T: Copy, const B: usize>(
    out: &mut dyn Write,
    view: ArrayView2<'_, T>,
    bytes: fn(T) -> [u8; B],
) -> io::Result<()> {
    view.iter().try_for_each(|value| out.write_all(&bytes(*value)))
}

fn tensor_header(out: &mut dyn Write, name: &str, shape: &[usize; 2]) -> io::Result<()> {
    let bytes = shape[0] * shape[1] * 2;
    let entry = serde_json::json!({ name: {"dtype": "BF16", "shape": shape, "data_offsets": [0, bytes]} });
    let mut text = entry.to_string();
    while !text.len().is_multiple_of(8) {
        text.push(' ');
    }
    out.write_all(&(text.len() as u64).to_le_bytes())?;
    out.write_all(text.as_bytes())
}
