//! Density-based pruning: quotas by the complexity of clusters.
//!
//! Abbas, Rusak, Tirumala et al. 2024, "Effective pruning of web-scale datasets based on complexity
//! of concept clusters" (2401.04578), section 3:
//!   1. d_intra(j): mean distance of the rows of cluster j to its centroid; d_inter(j): mean
//!      distance of that centroid to its 20 nearest others; complexity C_j = d_inter d_intra;
//!   2. P_j = exp(C_j / t) / sum exp(C / t);
//!   3. keep N_j rows of cluster j, nearest to P_j N subject to N_min <= N_j <= M_j;
//!   4. of each cluster keep the rows farthest from its centroid.
//!
//! Step 3 here is the programme in whole numbers. The sum of squares is convex in every N_j, so
//! rows are given out one by one, each to the cluster where it costs least; the lower index on ties.

use crate::fsum::fsum;
use crate::prototypes::{Drop, cut, mask};
use crate::softmax::exp;
use crate::truth::Metric;

/// What the paper leaves to the user.
#[derive(Clone, Copy, Debug)]
pub struct Density {
    /// t.
    pub temperature: f64,
    /// 20 in the paper.
    pub neighbours: usize,
    /// N_min as a share of an even split; 0.5 in the published code.
    pub least: f64,
}

/// The mean of the smallest `m` values; 0 of none.
fn mean_of_smallest(mut values: Vec<f64>, m: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values.truncate(m);
    if values.is_empty() { 0.0 } else { fsum(&values) / values.len() as f64 }
}

/// Step 1: d_intra and d_inter, NaN for clusters without rows, which are nobody's neighbours.
pub fn spreads(
    distances: &[f64],
    labels: &[u32],
    centroids: &[Vec<f32>],
    metric: Metric,
    neighbours: usize,
) -> (Vec<f64>, Vec<f64>) {
    let k = centroids.len();
    let of = |j: usize| -> Vec<f64> {
        (0..labels.len()).filter(|&i| labels[i] as usize == j).map(|i| distances[i]).collect()
    };
    let full: Vec<bool> = (0..k).map(|j| !of(j).is_empty()).collect();
    let others = |j: usize| -> Vec<f64> {
        (0..k).filter(|&l| l != j && full[l]).map(|l| metric.distance(&centroids[j], &centroids[l])).collect()
    };
    let intra = |j: usize| mean_of_smallest(of(j), usize::MAX);
    let inter = |j: usize| mean_of_smallest(others(j), neighbours);
    let known = |f: &dyn Fn(usize) -> f64| (0..k).map(|j| if full[j] { f(j) } else { f64::NAN }).collect();
    (known(&intra), known(&inter))
}

/// Steps 2 and 3. exp((C_j - max C) / t) counts in steps of 2^-52.
pub fn quotas(total: u64, intra: &[f64], inter: &[f64], sizes: &[u64], config: &Density) -> Vec<u64> {
    let full: Vec<usize> = (0..sizes.len()).filter(|&j| sizes[j] > 0).collect();
    let complexity = |j: usize| intra[j] * inter[j];
    let most = full.iter().map(|&j| complexity(j)).fold(f64::NEG_INFINITY, f64::max);
    let weight = |j: usize| {
        let z = (complexity(j) - most) / config.temperature;
        if z < -60.0 { 0 } else { (exp((z, 0.0)).0 * 2f64.powi(52)).round_ties_even() as i128 }
    };
    let weights: Vec<i128> = (0..sizes.len()).map(|j| if sizes[j] > 0 { weight(j) } else { 0 }).collect();
    let sum: i128 = weights.iter().sum();
    let least = (config.least * (total as f64 / full.len().max(1) as f64)).floor() as u64;
    let mut quotas: Vec<u64> =
        sizes.iter().map(|&size| if size > 0 { least.min(size - 1) } else { 0 }).collect();
    let mut left = total - quotas.iter().sum::<u64>();
    while left > 0 {
        // (q + 1 - PN)² - (q - PN)² = 2 (q - PN) + 1.
        let cost = |j: usize| i128::from(quotas[j]) * sum - weights[j] * i128::from(total);
        let open = (0..sizes.len()).filter(|&j| quotas[j] < sizes[j]);
        let Some(cheapest) = open.reduce(|a, b| if cost(b) < cost(a) { b } else { a }) else { break };
        quotas[cheapest] += 1;
        left -= 1;
    }
    quotas
}

/// Step 4.
pub fn select(distances: &[f64], labels: &[u32], quotas: &[u64], drop: Drop) -> Vec<bool> {
    let members = |j: usize| (0..labels.len()).filter(|&i| labels[i] as usize == j).collect::<Vec<_>>();
    let kept = (0..quotas.len()).flat_map(|j| cut(distances, &members(j), quotas[j] as usize, drop));
    mask(&kept.collect::<Vec<_>>(), labels.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_by_hand() {
        let even = Density { temperature: 1.0, neighbours: 20, least: 0.0 };
        // Equal complexities: even shares, the odd row to the first.
        assert_eq!(quotas(7, &[1.0; 3], &[1.0; 3], &[9, 9, 9], &even), [3, 2, 2]);
        // The second is full at 1, its share goes to the others.
        assert_eq!(quotas(7, &[1.0; 3], &[1.0; 3], &[9, 1, 9], &even), [3, 1, 3]);
        // ln 2 apart: shares 1/3 and 2/3.
        let apart = [0.0, std::f64::consts::LN_2];
        assert_eq!(quotas(9, &apart, &[1.0; 2], &[9, 9], &even), [3, 6]);
        // A floor of half an even share.
        let floor = Density { temperature: 0.01, least: 0.5, ..even };
        assert_eq!(quotas(8, &apart, &[1.0; 2], &[9, 9], &floor), [2, 6]);
        assert_eq!(quotas(8, &apart, &[1.0; 2], &[2, 9], &floor), [1, 7]);
    }

    #[test]
    fn spreads_by_hand() {
        let centroids = [vec![0.0], vec![3.0], vec![4.0], vec![9.0]];
        let (intra, inter) = spreads(&[1.0, 3.0, 4.0], &[0, 0, 1], &centroids, Metric::SqEuclidean, 1);
        assert_eq!((intra[0], intra[1], inter[0], inter[1]), (2.0, 4.0, 9.0, 9.0));
        assert!(intra[2].is_nan() && inter[3].is_nan());
    }
}
