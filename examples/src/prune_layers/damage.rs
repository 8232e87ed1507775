//! Measured damage of blocks, and how well their distances foretell it.

use std::collections::BTreeMap;
use std::path::Path;

use pauca::layers::{Keep, LayerTable, deepest};
use pauca::stats::spearman;

use crate::failure::{Failure, Result};
use crate::input::file;

/// Damage by size of the block and first layer, counted from 0.
pub type Damage = BTreeMap<(usize, usize), f64>;

/// Reads a CSV of `layers,first,damage` for a model of `layers` layers.
///
/// # Errors
/// [`Failure::Data`] that names the line.
pub fn read(path: &Path, layers: usize) -> Result<Damage> {
    let mut reader = csv::Reader::from_reader(file::stream(path)?);
    let head = reader.headers().map_err(|e| Failure::data(path, e))?.clone();
    if head.iter().collect::<Vec<_>>() != ["layers", "first", "damage"] {
        return Err(Failure::data(path, "the columns layers,first,damage are needed"));
    }
    let mut damage = Damage::new();
    for (i, record) in reader.records().enumerate() {
        let record = record.map_err(|e| Failure::data(path, e))?;
        let place = format!("line {}", i + 2);
        let parsed = (record[0].parse(), record[1].parse(), record[2].parse::<f64>());
        let (Ok(size), Ok(first), Ok(value)) = parsed else {
            return Err(Failure::data(path, format!("{place}: two whole numbers and a number are needed")));
        };
        let (size, first): (usize, usize) = (size, first);
        if !value.is_finite() {
            return Err(Failure::data(path, format!("{place}: the damage is {value}")));
        }
        if size == 0 || first.checked_add(size).is_none_or(|end| end > layers) {
            return Err(Failure::data(
                path,
                format!("{place}: {size} layers from {first} (from 0) are not in a model of {layers} layers"),
            ));
        }
        if damage.insert((size, first), value).is_some() {
            return Err(Failure::data(path, format!("{place}: this block was given before")));
        }
    }
    Ok(damage)
}

/// How the choice of one size did.
pub struct Judged {
    /// Layers in the block.
    pub size: usize,
    /// First layer of the block that the distances choose, counted from 0.
    pub first: usize,
    /// The damage of the chosen block.
    pub damage: f64,
    /// The rank of that block among all measured ones of the size, 1 doing the least damage (ties above it).
    pub rank: usize,
    /// How many blocks of the size were measured.
    pub blocks: usize,
    /// Least, median and greatest damage of them.
    pub spread: [f64; 3],
    /// First layer of the block of least damage.
    pub best: usize,
    /// Damage of the deepest block but for the last layer, where measured.
    pub deepest: Option<f64>,
    /// Rank correlation of distance and damage over the blocks.
    pub spearman: Option<f64>,
}

/// The choice of every size of which all is known.
///
/// # Errors
/// The library's.
pub fn judge(table: &LayerTable, damage: &Damage, keep: Keep) -> pauca::Result<Vec<Judged>> {
    let mut sizes: Vec<usize> = damage.keys().map(|(size, _)| *size).collect();
    sizes.dedup();
    let mut judged = Vec::new();
    for size in sizes {
        let Ok(choice) = table.best_block(size, keep) else { continue };
        let first = choice.block.start;
        let Some(&own) = damage.get(&(size, first)) else { continue };
        let of_size = damage.range((size, 0)..(size + 1, 0));
        let pairs: Vec<(usize, f64)> = of_size.map(|((_, first), d)| (*first, *d)).collect();
        let mut values: Vec<f64> = pairs.iter().map(|(_, d)| *d).collect();
        let (distances, damages): (Vec<f64>, Vec<f64>) =
            pairs.iter().filter_map(|(first, d)| Some((table.distance(*first, size)?, *d))).unzip();
        let best =
            pairs.iter().fold(first, |best, (f, d)| if *d < damage[&(size, best)] { *f } else { best });
        values.sort_by(f64::total_cmp);
        judged.push(Judged {
            size,
            first,
            damage: own,
            rank: 1 + values.iter().filter(|d| **d < own).count(),
            blocks: values.len(),
            spread: [0.0, 0.5, 1.0].map(|q| pauca::stats::quantile(&values, q)),
            best,
            deepest: deepest(table.n_layers, size).ok().and_then(|b| damage.get(&(size, b.start)).copied()),
            spearman: spearman(&distances, &damages)?,
        });
    }
    Ok(judged)
}
