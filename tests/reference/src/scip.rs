//! SCIP: pruning by cluster size and distance, and what corruption does to embeddings.
//!
//! Yang, Singh, Elhoushi, Mahmoud, Tirumala et al. 2023, "Decoding data quality via synthetic
//! corruptions: embedding-guided pruning of code data" (2312.02418), algorithm 1. The paper
//! states no order among ties; ours is written at the steps.

use std::cmp::Ordering;

use crate::fsum::fsum;
use crate::ln::ln;
use crate::truth::{Metric, cosine, squared_distance};

/// Rows pruned by size, rows pruned by distance.
pub fn prune(labels: &[u32], distances: &[f64], sizes: &[u64], p: f64, alpha: f64) -> [Vec<bool>; 2] {
    let n = labels.len();
    let pruned = (p * n as f64).round_ties_even();
    let by_size = (alpha * pruned).round_ties_even() as usize;
    let by_distance = pruned as usize - by_size;
    let size = |i: usize| sizes[labels[i] as usize];
    let farther = |a: usize, b: usize| distances[b].partial_cmp(&distances[a]).unwrap_or(Ordering::Equal);

    // Step 7: rank D by the size of the cluster, ascending; then the farther, then the earlier.
    let mut rank: Vec<usize> = (0..n).collect();
    rank.sort_by(|&a, &b| size(a).cmp(&size(b)).then(farther(a, b)));
    // Step 8: prune the first alpha p |D|.
    let first: Vec<usize> = rank[..by_size].to_vec();
    // Step 9: rank the remaining by distance, descending; then the smaller cluster, then the earlier.
    let mut rest: Vec<usize> = (0..n).filter(|i| !first.contains(i)).collect();
    rest.sort_by(|&a, &b| farther(a, b).then(size(a).cmp(&size(b))));
    // Step 10: prune the first (1 - alpha) p |D|.
    let second = &rest[..by_distance];
    [(0..n).map(|i| first.contains(&i)).collect(), (0..n).map(|i| second.contains(&i)).collect()]
}

/// One pair of rows.
pub struct Pair {
    /// Cluster of the original.
    pub label: u32,
    /// Cluster of the corrupted row.
    pub corrupted_label: u32,
    /// Distance of the original to its centroid.
    pub distance: f64,
    /// Distance of the corrupted row to its own centroid.
    pub corrupted_distance: f64,
    /// Distance of the corrupted row to the original's centroid.
    pub distance_to_original: f64,
    /// Change of ln(size of the cluster).
    pub log_size_change: f64,
    /// cos(x, x').
    pub similarity: f64,
    /// |x' - x|².
    pub squared_shift: f64,
}

/// Where each pair lies in a clustering.
pub fn pairs(
    x: &[Vec<f32>],
    y: &[Vec<f32>],
    centroids: &[Vec<f32>],
    sizes: &[u64],
    metric: Metric,
) -> Vec<Pair> {
    let nearest = |row: &[f32]| metric.nearest(row, centroids) as usize;
    let log_size = |j: usize| ln(sizes[j].max(1) as f64);
    let pair = |x: &Vec<f32>, y: &Vec<f32>| {
        let (a, b) = (nearest(x), nearest(y));
        Pair {
            label: a as u32,
            corrupted_label: b as u32,
            distance: metric.distance(x, &centroids[a]),
            corrupted_distance: metric.distance(y, &centroids[b]),
            distance_to_original: metric.distance(y, &centroids[a]),
            log_size_change: log_size(b) - log_size(a),
            similarity: cosine(x, y),
            squared_shift: squared_distance(x, y),
        }
    };
    x.iter().zip(y).map(|(x, y)| pair(x, y)).collect()
}

/// Length of the mean shift, its direction, the mean of x, and |m|² / mean |s|².
pub fn direction(x: &[Vec<f32>], y: &[Vec<f32>]) -> Option<(f64, Vec<f64>, Vec<f64>, f64)> {
    let (n, d) = (x.len() as f64, x[0].len());
    let mean_of = |of: &dyn Fn(usize) -> Vec<f64>| fsum(&(0..x.len()).flat_map(of).collect::<Vec<_>>()) / n;
    let mean: Vec<f64> = (0..d).map(|j| mean_of(&|i| vec![x[i][j] as f64])).collect();
    let shift: Vec<f64> = (0..d).map(|j| mean_of(&|i| vec![y[i][j] as f64, -(x[i][j] as f64)])).collect();
    let length = dot(&shift, &shift).sqrt();
    if length == 0.0 {
        return None;
    }
    let squares: Vec<f64> = x.iter().zip(y).map(|(x, y)| squared_distance(x, y)).collect();
    let explained = (length * length / (fsum(&squares) / n)).clamp(0.0, 1.0);
    Some((length, shift.iter().map(|s| s / length).collect(), mean, explained))
}

/// `<x - mean, v>`.
pub fn score(row: &[f32], mean: &[f64], v: &[f64]) -> f64 {
    let centred: Vec<f64> = row.iter().zip(mean).map(|(x, m)| *x as f64 - m).collect();
    dot(&centred, v)
}

/// cos(y - x, v).
pub fn alignment(x: &[f32], y: &[f32], v: &[f64]) -> Option<f64> {
    let shift: Vec<f64> = x.iter().zip(y).map(|(x, y)| *y as f64 - *x as f64).collect();
    let square = dot(&shift, &shift);
    if square == 0.0 { None } else { Some((dot(&shift, v) / (square * dot(v, v)).sqrt()).clamp(-1.0, 1.0)) }
}

/// A dot product of f64 rows in sixteen strided lanes, folded by halves.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 16];
    for i in 0..a.len() {
        lanes[i % 16] += a[i] * b[i];
    }
    for width in [8, 4, 2, 1] {
        for l in 0..width {
            lanes[l] += lanes[l + width];
        }
    }
    lanes[0]
}
