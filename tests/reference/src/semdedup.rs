//! Semantic deduplication: two rules, four orders.
//!
//! Abbas et al. 2023 (SemDeDup), section 3 and appendix A7:
//!   1. cluster the embeddings with k-means;
//!   2. inside each cluster, put the rows in an order: by default descending distance to the
//!      centroid, so that the least prototypical of a group of duplicates is the one kept;
//!   3. find the pairs with cosine above t = 1 - epsilon;
//!   4. of each group of duplicates keep one.
//!
//! Prose and pseudo-code disagree on step 4, so the rules have names. *EarlierMax* (the
//! pseudo-code) removes a row if any earlier row is a duplicate of it, removed or not.
//! *GreedyCover* removes it only if a *kept* earlier row is: what is kept is then free of
//! duplicates, and each removed row has a kept witness.
//!
//! Rows of zeros have no direction: they are part of no pair and are always kept.

use crate::philox::{DEDUP_ORDER, STREAMS_PER_STAGE, bits};
use crate::truth::cosine;

/// Step 2. Equal keys: ascending row.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Descending cosine distance to the assigned centroid.
    Hard,
    /// Ascending.
    Easy,
    /// By random bits of (seed, row), stage of D4.
    Random(u64, u32),
    /// Ascending by the caller's keys.
    Custom(Vec<f64>),
}

/// Step 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// A pair is a duplicate iff S > t.
    Gt,
    /// A pair is a duplicate iff S >= t.
    Ge,
}

impl Boundary {
    /// Whether a pair of similarity `s` is a duplicate.
    pub fn duplicate(self, s: f64, epsilon: f64) -> bool {
        let t = 1.0 - epsilon;
        match self {
            Boundary::Gt => s > t,
            Boundary::Ge => s >= t,
        }
    }
}

/// The rows of each cluster in order. `ids` are the global numbers of the rows.
pub fn order(
    x: &[Vec<f32>],
    ids: &[u64],
    labels: &[u32],
    centroids: &[Vec<f32>],
    order: &Order,
) -> Vec<Vec<usize>> {
    let mut clusters = vec![Vec::new(); centroids.len()];
    labels.iter().enumerate().for_each(|(i, &l)| clusters[l as usize].push(i));
    let distance = |i: usize| 1.0 - cosine(&x[i], &centroids[labels[i] as usize]);
    for cluster in &mut clusters {
        // Stable sorts of ascending rows.
        match order {
            Order::Hard => cluster.sort_by(|&a, &b| distance(b).total_cmp(&distance(a))),
            Order::Easy => cluster.sort_by(|&a, &b| distance(a).total_cmp(&distance(b))),
            Order::Random(seed, stage) => {
                let stream = DEDUP_ORDER + STREAMS_PER_STAGE * stage;
                cluster.sort_by_key(|&i| bits(*seed, ids[i], stream));
            }
            // Adding +0.0 makes -0.0 equal to 0.0.
            Order::Custom(keys) => cluster.sort_by(|&a, &b| (keys[a] + 0.0).total_cmp(&(keys[b] + 0.0))),
        }
    }
    clusters
}

/// Score and witness of every row under EarlierMax, or against rows that stay.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// Largest similarity to an earlier row of the cluster, or to one that stays; -infinity where there is none.
    pub score: Vec<f64>,
    /// The first row that reaches it; among earlier rows an exact copy has its first occurrence.
    pub witness: Vec<Option<usize>>,
}

fn is_zero(row: &[f32]) -> bool {
    row.iter().all(|&v| v == 0.0)
}

/// EarlierMax: M_j = max over i before j of S(i, j).
pub fn earlier_max(x: &[Vec<f32>], clusters: &[Vec<usize>]) -> Scores {
    let mut score = vec![f64::NEG_INFINITY; x.len()];
    let mut witness = vec![None; x.len()];
    for cluster in clusters {
        let rows: Vec<usize> = cluster.iter().copied().filter(|&i| !is_zero(&x[i])).collect();
        for (position, &j) in rows.iter().enumerate() {
            for &i in &rows[..position] {
                // Comparing values, so that -0.0 equals 0.0.
                if x[i] == x[j] {
                    (score[j], witness[j]) = (1.0, Some(i));
                    break;
                }
                let s = cosine(&x[i], &x[j]);
                if s > score[j] {
                    (score[j], witness[j]) = (s, Some(i));
                }
            }
        }
    }
    Scores { score, witness }
}

/// Rows that stay: each row of `x` meets all of those that have its label, and no other row of `x`.
pub fn against(x: &[Vec<f32>], labels: &[u32], stays: &[Vec<f32>], stay_labels: &[u32]) -> Scores {
    let mut score = vec![f64::NEG_INFINITY; x.len()];
    let mut witness = vec![None; x.len()];
    for (j, row) in x.iter().enumerate() {
        for (i, other) in stays.iter().enumerate() {
            if labels[j] != stay_labels[i] || is_zero(row) || is_zero(other) {
                continue;
            }
            let s = cosine(other, row);
            if s > score[j] {
                (score[j], witness[j]) = (s, Some(i));
            }
        }
    }
    Scores { score, witness }
}

/// Rows that EarlierMax keeps at `epsilon`, or that are kept beside rows that stay.
pub fn keep_by_epsilon(score: &[f64], epsilon: f64, boundary: Boundary) -> Vec<bool> {
    score.iter().map(|&m| !boundary.duplicate(m, epsilon)).collect()
}

/// Rows that EarlierMax keeps at a target of `m` rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The m rows with the smallest (score, place in the order); rows with score -infinity are
    /// never removed.
    pub keep: Vec<bool>,
    /// 1 - the largest score kept (with none above -1: 2), or the number below, if no kept row shall be a duplicate
    /// at it; with [`Boundary::Ge`] 1 - the next larger score.
    pub epsilon: f64,
    /// Whether exactly m rows are kept.
    pub reached: bool,
}

/// Exactly `m` rows, by the order statistic of the scores: no search for epsilon is needed.
pub fn keep_by_target(score: &[f64], clusters: &[Vec<usize>], m: usize, boundary: Boundary) -> Target {
    let mut rows: Vec<usize> = clusters.iter().flatten().copied().collect();
    rows.sort_by(|&a, &b| score[a].total_cmp(&score[b]));
    let fixed = rows.iter().filter(|&&i| score[i] == f64::NEG_INFINITY).count();
    let kept = m.max(fixed).min(rows.len());
    let mut keep = vec![false; score.len()];
    rows[..kept].iter().for_each(|&i| keep[i] = true);
    let largest = if kept == 0 { f64::NEG_INFINITY } else { score[rows[kept - 1]] };
    // A score beyond which the boundary begins to count; 1 - it may be rounded to a number that does not keep it.
    let edge = if boundary == Boundary::Ge { largest.next_up() } else { largest };
    let near = 1.0 - edge.max(-1.0);
    let epsilon = if boundary.duplicate(largest, near) { near.next_down() } else { near }.max(0.0);
    Target { keep, epsilon, reached: kept == m }
}

/// GreedyCover: the witness of every removed row, which is the first kept row in the order that
/// is a duplicate of it; `None` for kept rows.
pub fn greedy_cover(
    x: &[Vec<f32>],
    clusters: &[Vec<usize>],
    epsilon: f64,
    boundary: Boundary,
) -> Vec<Option<usize>> {
    let mut witness = vec![None; x.len()];
    for cluster in clusters {
        let mut kept: Vec<usize> = Vec::new();
        for &j in cluster {
            if is_zero(&x[j]) {
                continue;
            }
            witness[j] =
                kept.iter().copied().find(|&i| boundary.duplicate(similarity(&x[i], &x[j]), epsilon));
            if witness[j].is_none() {
                kept.push(j);
            }
        }
    }
    witness
}

/// S, with exact copies at exactly 1.
fn similarity(a: &[f32], b: &[f32]) -> f64 {
    if a == b { 1.0 } else { cosine(a, b) }
}
