//! The result as files: arrays and lists.

use std::io::{self, Write};
use std::path::Path;

use pauca::{Dedup, DensityPruned};

use super::outcome::{Fate, Outcome};
use crate::failure::{Failure, Result};
use crate::input::chosen::Numbering;
use crate::input::ids::Ids;
use crate::input::npy::write_records;
use crate::output::OutDir;
use crate::output::npy::{matrix, vector};

/// Every name that this program may write; those of an earlier run that a new one lacks go.
pub const NAMES: [&str; 21] = [
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
    "kept.csv",
    "kept.parquet",
    "removed.parquet",
    "witness.npy",
    UIDS,
    "keep_curve.svg",
    "cluster_sizes.svg",
    "quotas.svg",
    "distances.svg",
    "report.html",
    "report.json",
];

/// DataComp's file of kept uids.
pub const UIDS: &str = "kept_uids.npy";

/// Writes the arrays and lists of `outcome`; lists of rows have the numbers of the input.
///
/// # Errors
/// [`Failure::Data`] with the system's reason.
pub fn write(out: &mut OutDir, outcome: &Outcome, ids: Option<&Ids>, numbering: Numbering<'_>) -> Result<()> {
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
    if let Some(dedup) = &outcome.dedup {
        out.write("witness.npy", |w| {
            vector(w, dedup.witness.iter().map(|&w| witness(w).map_or(w, |row| numbering.of(row) as u64)))
        })?;
    }
    let kept = outcome.kept();
    out.write("kept.npy", |w| vector(w, kept.iter().map(|&row| numbering.of(row) as u64)))?;
    if let Some(ids) = ids {
        out.write("kept_ids.txt", |w| kept.iter().try_for_each(|&row| writeln!(w, "{}", ids.get(row))))?;
    }
    out.write("kept.csv", |w| kept_csv(w, &kept, ids, numbering))?;
    out.write("removed.csv", |w| removed_csv(w, outcome, ids, numbering))?;
    #[cfg(feature = "parquet")]
    tables(out, outcome, &kept, ids, numbering)?;
    Ok(())
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

/// One removed row.
struct Removed<'o> {
    row: usize,
    witness: Option<usize>,
    similarity: f64,
    cluster: u32,
    stage: &'o str,
    reason: &'o str,
}

/// Calls `take` with every removed row, ascending.
fn removed(outcome: &Outcome, take: &mut dyn FnMut(&Removed<'_>) -> io::Result<()>) -> io::Result<()> {
    let second = outcome.pruning_labels();
    for (row, &label) in second.iter().enumerate() {
        let stage = outcome.stage(row);
        let gone = Removed {
            row,
            witness: None,
            similarity: f64::NAN,
            cluster: label,
            stage,
            reason: reason(stage),
        };
        match (outcome.fate(row), &outcome.dedup) {
            (Fate::Kept, _) => {}
            (Fate::Duplicate, Some(dedup)) => {
                let (witness, similarity, cluster) =
                    (witness(dedup.witness[row]), dedup.similarity[row], outcome.clusters.labels[row]);
                let reason =
                    if witness.is_none() { "counts as similarity 0 as published" } else { gone.reason };
                take(&Removed { witness, similarity, cluster, reason, ..gone })?;
            }
            _ => take(&gone)?,
        }
    }
    Ok(())
}

/// What a stage removed a row for.
fn reason(stage: &str) -> &'static str {
    match stage {
        "duplicate" => "too similar to its witness",
        "prototypical" => "too near to the centroid of its cluster",
        "far" => "too far from the centroid of its cluster",
        "small-cluster" => "in one of the smallest clusters",
        _ => "",
    }
}

/// The witness of a row, if there is one.
fn witness(stored: u64) -> Option<usize> {
    (stored != Dedup::NONE).then_some(stored as usize)
}

/// The name of a row: its identifier, or its number.
fn name(ids: Option<&Ids>, row: usize) -> String {
    ids.map_or_else(|| row.to_string(), |ids| ids.get(row).to_string())
}

/// Columns of the tables of removed rows; the numbers of rows are those of the input.
const REMOVED: [&str; 8] =
    ["row", "id", "witness_row", "witness", "similarity", "cluster", "stage", "reason"];

fn removed_csv(
    out: &mut dyn Write,
    outcome: &Outcome,
    ids: Option<&Ids>,
    numbering: Numbering<'_>,
) -> io::Result<()> {
    let mut lines = csv::Writer::from_writer(out);
    lines.write_record(REMOVED)?;
    removed(outcome, &mut |gone| {
        let witness = gone.witness.map_or_else(String::new, |row| name(ids, row));
        let witness_row = gone.witness.map_or_else(String::new, |row| numbering.of(row).to_string());
        let similarity = if gone.witness.is_some() { gone.similarity.to_string() } else { String::new() };
        let cluster = gone.cluster.to_string();
        lines.write_record([
            &numbering.of(gone.row).to_string(),
            &name(ids, gone.row),
            &witness_row,
            &witness,
            &similarity,
            &cluster,
            gone.stage,
            gone.reason,
        ])?;
        Ok(())
    })?;
    lines.flush()
}

fn kept_csv(
    out: &mut dyn Write,
    kept: &[usize],
    ids: Option<&Ids>,
    numbering: Numbering<'_>,
) -> io::Result<()> {
    let mut lines = csv::Writer::from_writer(out);
    lines.write_record(["row", "id"])?;
    kept.iter().try_for_each(|&row| lines.write_record([numbering.of(row).to_string(), name(ids, row)]))?;
    lines.flush()
}

#[cfg(feature = "parquet")]
fn tables(
    out: &mut OutDir,
    outcome: &Outcome,
    kept: &[usize],
    ids: Option<&Ids>,
    numbering: Numbering<'_>,
) -> Result<()> {
    use crate::output::parquet::{Holds, Value, table};
    let columns = [("row", Holds::Whole), ("id", Holds::Text)];
    out.write("kept.parquet", |w| {
        table(w, &columns, |record| {
            kept.iter().try_for_each(|&row| {
                record(&[Value::Whole(numbering.of(row) as u64), Value::Text(&name(ids, row))])
            })
        })
    })?;
    let [row, id, witness_row, witness, similarity, cluster, stage, reason] = REMOVED;
    let columns = [
        (row, Holds::Whole),
        (id, Holds::Text),
        (witness_row, Holds::Whole),
        (witness, Holds::Text),
        (similarity, Holds::Float),
        (cluster, Holds::Whole),
        (stage, Holds::Text),
        (reason, Holds::Text),
    ];
    out.write("removed.parquet", |w| {
        table(w, &columns, |record| {
            removed(outcome, &mut |gone| {
                let witness = gone.witness.map_or_else(String::new, |row| name(ids, row));
                record(&[
                    Value::Whole(numbering.of(gone.row) as u64),
                    Value::Text(&name(ids, gone.row)),
                    gone.witness.map_or(Value::Absent, |row| Value::Whole(numbering.of(row) as u64)),
                    Value::Text(&witness),
                    Value::Float(if gone.witness.is_some() { gone.similarity } else { f64::NAN }),
                    Value::Whole(u64::from(gone.cluster)),
                    Value::Text(gone.stage),
                    Value::Text(gone.reason),
                ])
            })
        })
    })
}

/// The identifiers as uids of DataComp.
///
/// # Errors
/// [`Failure::Data`] of `path` for an identifier that is none.
pub fn uids(ids: &Ids, path: &Path) -> Result<Vec<u128>> {
    let uid = |row: usize| {
        let id = ids.get(row);
        let digits = id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
        let uid = digits.then(|| u128::from_str_radix(id, 16).ok()).flatten();
        uid.ok_or_else(|| {
            Failure::data(path, format!("row {row}: '{id}' is no uid of DataComp, 32 hexadecimal digits"))
        })
    };
    (0..ids.len()).map(uid).collect()
}

/// Writes DataComp's file of kept uids: pairs of the upper and the lower 64 bits of each, sorted.
///
/// # Errors
/// [`Failure::Data`] with the system's reason.
pub fn write_uids(out: &mut OutDir, outcome: &Outcome, uids: &[u128]) -> Result<()> {
    let mut kept: Vec<u128> = outcome.kept().into_iter().map(|row| uids[row]).collect();
    kept.sort_unstable();
    out.write(UIDS, |mut w| {
        write_records(&mut w, "[('f0', '<u8'), ('f1', '<u8')]", kept.len())?;
        kept.iter().try_for_each(|uid| {
            w.write_all(&((uid >> 64) as u64).to_le_bytes())?;
            w.write_all(&(*uid as u64).to_le_bytes())
        })
    })
}
