//! D4: deduplicate, cluster again, diversify.
//!
//! Tirumala et al. 2023, section 3.4:
//!   1. apply SemDeDup with selection ratio R_dedup to the data D, giving D';
//!   2. cluster the points of D' again with k-means;
//!   3. apply SSL prototypes to D' with that clustering and ratio R_proto: the points nearest
//!      to their centroid go.
//!
//! Step 2 is the point of the paper: clusters driven by duplicates would otherwise waste
//! centroids and skew step 3. Both fractions here are of the *input*: R_dedup n rows survive
//! step 1 and R n step 3 (the paper's R = R_dedup R_proto), each rounded, ties to even.
//!
//! Every random number is keyed by the row's number in D, also in step 2, and each stage has
//! streams of its own.

use crate::kmeans::{Clusters, KMeans, kmeans};
use crate::prototypes::{Drop, count, global};
use crate::semdedup::{Boundary, Order, Scores, Target, earlier_max, keep_by_target, order};

/// What to do.
#[derive(Clone, Debug)]
pub struct D4 {
    /// First clustering; its stage is 0.
    pub clustering: KMeans,
    /// Clusters of the second clustering, otherwise like the first; at most as many as survivors.
    pub recluster: usize,
    /// Fraction of the input that survives step 1.
    pub dedup_keep: f64,
    /// Fraction of the input that survives step 3.
    pub keep: f64,
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Curated {
    /// Rows kept.
    pub keep: Vec<bool>,
    /// First clustering, over all rows.
    pub clusters: Clusters,
    /// Scores of step 1.
    pub scores: Scores,
    /// Rows that survived step 1.
    pub dedup: Target,
    /// Those rows, ascending.
    pub survivors: Vec<usize>,
    /// Second clustering, over the survivors.
    pub reclustered: Clusters,
}

/// Steps 1 to 3. Row i of `x` has the global number i.
pub fn d4(x: &[Vec<f32>], config: &D4) -> Curated {
    let n = x.len();
    let ids: Vec<u64> = (0..n as u64).collect();
    let weights = vec![1.0; n];

    // 1.
    let clusters = kmeans(x, &ids, &weights, &config.clustering);
    let ordered = order(x, &ids, &clusters.labels, &clusters.centroids, &Order::Hard);
    let scores = earlier_max(x, &ordered);
    let dedup = keep_by_target(&scores.score, &ordered, count(config.dedup_keep, n), Boundary::Gt);

    // 2.
    let survivors: Vec<usize> = (0..n).filter(|&i| dedup.keep[i]).collect();
    let rest: Vec<Vec<f32>> = survivors.iter().map(|&i| x[i].clone()).collect();
    let rest_ids: Vec<u64> = survivors.iter().map(|&i| ids[i]).collect();
    let k = config.recluster.min(survivors.len());
    let again = KMeans { k, stage: 1, ..config.clustering.clone() };
    let reclustered = kmeans(&rest, &rest_ids, &weights[..rest.len()], &again);

    // 3.
    let chosen = global(&reclustered.distances, count(config.keep, n), Drop::Nearest);
    let mut keep = vec![false; n];
    survivors.iter().zip(chosen).for_each(|(&i, kept)| keep[i] = kept);
    Curated { keep, clusters, scores, dedup, survivors, reclustered }
}
