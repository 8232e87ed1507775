//! Lloyd's algorithm, Euclidean and spherical, with weights.
//!
//! Lloyd 1982, section III; spherical: Dhillon and Modha 2001, section 3.1.
//!   1. start from k centroids;
//!   2. assign every row to its nearest centroid;
//!   3. replace every centroid by the mean of its rows (spherical: by the direction of the sum
//!      of its unit rows);
//!   4. assign again; stop when no label changes, or after `max_iter` rounds of 3 and 4.
//!
//! So the labels that come out always are the nearest of the centroids that come out. Sums are
//! exact and rounded once ([`fsum`](crate::fsum)): the order of the rows does not matter, and a
//! row of weight 3 is three rows.

use crate::fsum::{ExactSum, weighted_fsum};
use crate::seeding::{kmeans_plus_plus, random_rows};
use crate::truth::{Metric, dot_of_sums, unit};

/// Where the first centroids come from.
#[derive(Clone, Debug)]
pub enum Init {
    /// [`kmeans_plus_plus`].
    KMeansPlusPlus,
    /// [`random_rows`].
    Random,
    /// The caller.
    Given(Vec<Vec<f32>>),
}

/// What to do.
#[derive(Clone, Debug)]
pub struct KMeans {
    /// Number of clusters.
    pub k: usize,
    /// Euclidean or spherical.
    pub metric: Metric,
    /// Step 1.
    pub init: Init,
    /// Rounds of steps 3 and 4 at most.
    pub max_iter: usize,
    /// Whether an empty cluster takes over a far row.
    pub relocate: bool,
    /// Seed of step 1.
    pub seed: u64,
    /// Stage of D4; 0 otherwise.
    pub stage: u32,
}

impl Default for KMeans {
    fn default() -> Self {
        let (metric, init) = (Metric::SqEuclidean, Init::KMeansPlusPlus);
        Self { k: 1, metric, init, max_iter: 20, relocate: true, seed: 0, stage: 0 }
    }
}

/// What came out.
#[derive(Clone, Debug, PartialEq)]
pub struct Clusters {
    /// k rows.
    pub centroids: Vec<Vec<f32>>,
    /// Nearest centroid of every row, the lowest index on ties.
    pub labels: Vec<u32>,
    /// Distance of every row to it: squared Euclidean, or 1 - S.
    pub distances: Vec<f64>,
    /// Rows of each cluster.
    pub counts: Vec<u64>,
    /// Sum of weight times distance.
    pub inertia: f64,
    /// Rounds of steps 3 and 4.
    pub n_iter: usize,
    /// Whether no label changed in the last round.
    pub converged: bool,
    /// Rows that were moved into empty clusters.
    pub relocated: u64,
    /// Distinct rows found, when k-means++ found fewer than k.
    pub distinct_rows: Option<u64>,
}

/// Steps 1 to 4. `ids` are the global numbers of the rows, by which they draw random numbers.
pub fn kmeans(x: &[Vec<f32>], ids: &[u64], weights: &[f32], config: &KMeans) -> Clusters {
    let &KMeans { k, metric, seed, stage, .. } = config;
    let mut distinct_rows = None;
    let pick = |rows: &[usize]| -> Vec<Vec<f32>> { rows.iter().map(|&i| x[i].clone()).collect() };
    let mut centroids = match &config.init {
        Init::Given(c) => c.clone(),
        Init::Random => pick(&random_rows(x, ids, weights, k, metric, seed, stage)),
        Init::KMeansPlusPlus => {
            let seeds = kmeans_plus_plus(x, ids, weights, k, metric, seed, stage);
            distinct_rows = (seeds.distinct < k).then_some(seeds.distinct as u64);
            pick(&seeds.rows)
        }
    };
    // A zero of a centroid has no sign: -0.0 and 0.0 are one value, of rows as of centroids.
    centroids.iter_mut().flatten().filter(|v| v.to_bits() << 1 == 0).for_each(|v| *v = 0.0);
    let mut labels = predict(x, &centroids, metric);
    let (mut n_iter, mut converged, mut relocated) = (0, false, 0);
    while n_iter < config.max_iter && !converged {
        if config.relocate {
            relocated += fill_empty(x, weights, &centroids, metric, &mut labels);
        }
        for (j, centroid) in centroids.iter_mut().enumerate() {
            let members: Vec<usize> = (0..x.len()).filter(|&i| labels[i] as usize == j).collect();
            if let Some(mean) = centre(x, weights, &members, metric) {
                *centroid = mean;
            }
        }
        let next = predict(x, &centroids, metric);
        converged = next == labels;
        labels = next;
        n_iter += 1;
    }
    let distances: Vec<f64> =
        x.iter().zip(&labels).map(|(row, &l)| metric.distance(row, &centroids[l as usize])).collect();
    let mut counts = vec![0; centroids.len()];
    labels.iter().for_each(|&l| counts[l as usize] += 1);
    let inertia = weighted_fsum(weights, &distances);
    Clusters { centroids, labels, distances, counts, inertia, n_iter, converged, relocated, distinct_rows }
}

/// Step 2.
pub fn predict(x: &[Vec<f32>], centroids: &[Vec<f32>], metric: Metric) -> Vec<u32> {
    x.iter().map(|row| metric.nearest(row, centroids)).collect()
}

/// Step 3 for one cluster; `None`: it keeps its centroid (no weight, or a spherical sum of 0).
fn centre(x: &[Vec<f32>], weights: &[f32], members: &[usize], metric: Metric) -> Option<Vec<f32>> {
    let d = x.first()?.len();
    let mut sums = vec![ExactSum::default(); d];
    let mut weight = ExactSum::default();
    for &i in members {
        weight.add(weights[i] as f64);
        let row = if metric == Metric::Cosine { unit(&x[i]) } else { x[i].clone() };
        for (sum, value) in sums.iter_mut().zip(row) {
            // The product of two f32 is exact in f64.
            sum.add(weights[i] as f64 * value as f64);
        }
    }
    let sums: Vec<f64> = sums.iter().map(ExactSum::value).collect();
    let divisor = match metric {
        Metric::SqEuclidean => weight.value(),
        Metric::Cosine => dot_of_sums(&sums, &sums).sqrt(),
    };
    (divisor > 0.0).then(|| sums.iter().map(|s| (s / divisor) as f32).collect())
}

/// Empty clusters (total weight 0), in ascending order, each take the row that is farthest from
/// its centroid, of those with positive weight, not taken yet, whose cluster has another such
/// row; the lowest on ties. A farthest distance of 0 fills nothing, and neither does a row without a
/// direction under the cosine. Returns the number taken.
fn fill_empty(
    x: &[Vec<f32>],
    weights: &[f32],
    centroids: &[Vec<f32>],
    metric: Metric,
    labels: &mut [u32],
) -> u64 {
    let distances: Vec<f64> =
        x.iter().zip(&*labels).map(|(row, &l)| metric.distance(row, &centroids[l as usize])).collect();
    let mut heavy = vec![0u32; centroids.len()];
    (0..x.len()).filter(|&i| weights[i] > 0.0).for_each(|i| heavy[labels[i] as usize] += 1);
    let mut taken = vec![false; x.len()];
    let mut count = 0;
    for j in 0..centroids.len() {
        if heavy[j] > 0 {
            continue;
        }
        let mut farthest = None;
        let mut most = 0.0;
        for i in 0..x.len() {
            let directed = metric == Metric::SqEuclidean || x[i].iter().any(|&v| v as f64 != 0.0);
            let may_move = directed && weights[i] > 0.0 && !taken[i] && heavy[labels[i] as usize] > 1;
            if may_move && distances[i] > most {
                farthest = Some(i);
                most = distances[i];
            }
        }
        if let Some(i) = farthest {
            heavy[labels[i] as usize] -= 1;
            heavy[j] += 1;
            labels[i] = j as u32;
            taken[i] = true;
            count += 1;
        }
    }
    count
}
