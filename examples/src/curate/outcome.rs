//! What a run found, for every method in one shape, and the questions that files and report ask.

use ndarray::Array1;
use pauca::{Clusters, Dedup, DensityPruned, Prune};

/// Points of the keep curve that are drawn and stored.
const CURVE_POINTS: usize = 201;

/// The second clustering of d4.
pub struct Second {
    /// The rows that were clustered: those that deduplication left, ascending.
    pub rows: Array1<u64>,
    /// The clusters over them.
    pub clusters: Clusters,
}

/// Everything found.
pub struct Outcome {
    /// The first clustering, over all rows.
    pub clusters: Clusters,
    /// Duplicates, for semdedup and d4.
    pub dedup: Option<Dedup>,
    /// The rows to keep; none for kmeans, which removes nothing.
    pub keep: Option<Array1<bool>>,
    /// The clustering that pruned, for d4.
    pub second: Option<Second>,
    /// Which of the removed rows went for the size of their cluster, for scip.
    pub small: Option<Array1<bool>>,
    /// Which end of the distances went, where they decided.
    pub drop: Prune,
    /// Spread and quota of each cluster, for dbp.
    pub density: Option<DensityPruned>,
    /// How far the quotas are from what the spreads alone ask, for dbp.
    pub bound: Option<Bound>,
    /// The row that did not fit into the share of tokens, where one was asked for and did not.
    pub unfit: Option<Unfit>,
}

/// The row at which a share of tokens ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// The tokens of the row.
    pub tokens: u64,
    /// How many more would have fitted.
    pub room: u64,
    /// Whether no row was kept before it.
    pub first: bool,
}

/// What bounds do to the quotas of clusters: a cluster keeps no more rows than it has, and no fewer than the least.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// The fewest and the most rows of a cluster that the shares alone ask for.
    pub asked: [u64; 2],
    /// The fewest and the most rows of a cluster that are kept.
    pub kept: [u64; 2],
    /// The rows of a cluster, were all to keep the same number.
    pub even: f64,
    /// Clusters that keep all their rows, and would keep more.
    pub full: u64,
    /// Clusters that keep the least, and would keep fewer.
    pub floor: u64,
    /// Rows that clusters keep beyond what their shares ask.
    pub moved: u64,
}

impl Bound {
    /// Compares the `quotas` of clusters of `sizes` rows, of which each keeps the `least`, with the rows that they would
    /// keep `unbound`.
    pub fn new(quotas: &[u64], unbound: &[u64], sizes: &[u64], least: u64) -> Self {
        let there: Vec<usize> = (0..sizes.len()).filter(|&j| sizes[j] > 0).collect();
        let ends = |of: &[u64]| {
            let values = || there.iter().map(|&j| of[j]);
            [values().min().unwrap_or(0), values().max().unwrap_or(0)]
        };
        let count = |wanted: &dyn Fn(usize) -> bool| there.iter().filter(|j| wanted(**j)).count() as u64;
        Self {
            asked: ends(unbound),
            kept: ends(quotas),
            even: quotas.iter().sum::<u64>() as f64 / there.len().max(1) as f64,
            full: count(&|j| quotas[j] == sizes[j] && unbound[j] > sizes[j]),
            floor: count(&|j| quotas[j] == least.min(sizes[j] - 1) && unbound[j] < quotas[j]),
            moved: there.iter().map(|&j| quotas[j].saturating_sub(unbound[j])).sum(),
        }
    }
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Kept.
    Kept,
    /// Removed as a duplicate of its witness.
    Duplicate,
    /// Removed by its distance to its centroid, or for the size of its cluster.
    Pruned,
}

impl Outcome {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.clusters.labels.len()
    }

    /// What became of row `i`.
    pub fn fate(&self, i: usize) -> Fate {
        let kept = |mask: &Array1<bool>| mask.get(i).copied().unwrap_or(true);
        if self.dedup.as_ref().is_some_and(|dedup| !kept(&dedup.keep)) {
            Fate::Duplicate
        } else if self.keep.as_ref().is_some_and(|keep| !kept(keep)) {
            Fate::Pruned
        } else {
            Fate::Kept
        }
    }

    /// What became of row `i`, in the words of removed.csv.
    pub fn stage(&self, i: usize) -> &'static str {
        match (self.fate(i), &self.small) {
            (Fate::Kept, _) => "kept",
            (Fate::Duplicate, _) => "duplicate",
            (Fate::Pruned, None) if self.drop == Prune::Farthest => "far",
            (Fate::Pruned, None) => "prototypical",
            (Fate::Pruned, Some(small)) if small[i] => "small-cluster",
            (Fate::Pruned, Some(_)) => "far",
        }
    }

    /// Rows that scip removed for the size of their cluster, and for their distance.
    pub fn outlying(&self) -> Option<[u64; 2]> {
        let small = self.small.as_ref()?.iter().filter(|small| **small).count() as u64;
        Some([small, self.counts()[2] - small])
    }

    /// For dbp, the complexity and the share of rows kept of each cluster that has rows.
    pub fn shares(&self) -> Option<Vec<(f64, f64)>> {
        let density = self.density.as_ref()?;
        let spreads = density.intra.iter().zip(&density.inter).map(|(intra, inter)| intra * inter);
        let shares = density.quotas.iter().zip(&self.clusters.counts).map(|(&q, &n)| q as f64 / n as f64);
        let full = |&(_, n): &((f64, f64), &u64)| *n > 0;
        Some(spreads.zip(shares).zip(&self.clusters.counts).filter(full).map(|(pair, _)| pair).collect())
    }

    /// Rows of each fate: kept, duplicate, pruned.
    pub fn counts(&self) -> [u64; 3] {
        let mut counts = [0; 3];
        for i in 0..self.rows() {
            counts[self.fate(i) as usize] += 1;
        }
        counts
    }

    /// The keep curve in steps small enough to draw: from 0 to where hardly a row is kept, or
    /// well beyond the epsilon used.
    pub fn curve(&self) -> Option<Vec<(f64, usize)>> {
        let dedup = self.dedup.as_ref()?;
        let curve = dedup.curve.as_ref()?;
        let few = curve.similarities().get(self.rows() / 30).copied().filter(|s| s.is_finite());
        let largest = (1.0 - few.unwrap_or(0.0)).max(1.25 * dedup.epsilon).clamp(0.01, 2.0);
        Some(curve.points(CURVE_POINTS, largest, dedup.boundary))
    }

    /// Epsilons of four decimals that keep about nine tenths of the rows, eight tenths and so on, with the rows that each
    /// keeps; without those that would be the same.
    pub fn thresholds(&self) -> Vec<(f64, usize)> {
        let Some(dedup) = &self.dedup else { return Vec::new() };
        let Some(curve) = &dedup.curve else { return Vec::new() };
        let mut all: Vec<(f64, usize)> = Vec::new();
        for tenth in (1..10).rev() {
            let rank = (self.rows() * tenth).div_ceil(10);
            let Some(similarity) = rank.checked_sub(1).and_then(|i| curve.similarities().get(i)) else {
                continue;
            };
            let epsilon = ((1.0 - similarity) * 1e4).floor() / 1e4;
            if (0.0..=2.0).contains(&epsilon) && all.last().is_none_or(|(before, _)| *before < epsilon) {
                all.push((epsilon, curve.kept(epsilon, dedup.boundary)));
            }
        }
        all
    }

    /// Kept rows, ascending.
    pub fn kept(&self) -> Vec<usize> {
        (0..self.rows()).filter(|&i| self.fate(i) == Fate::Kept).collect()
    }

    /// The clustering whose distances pruned: the second one for d4, else the first.
    pub fn pruning(&self) -> &Clusters {
        self.second.as_ref().map_or(&self.clusters, |second| &second.clusters)
    }

    /// Label of every row in the second clustering; `u32::MAX` where removed before it.
    pub fn second_labels(&self) -> Option<Vec<u32>> {
        let second = self.second.as_ref()?;
        let mut labels = vec![u32::MAX; self.rows()];
        for (&row, &label) in second.rows.iter().zip(&second.clusters.labels) {
            labels[row as usize] = label;
        }
        Some(labels)
    }

    /// Label of every row in the clustering that pruned; `u32::MAX` where removed before it.
    pub fn pruning_labels(&self) -> Vec<u32> {
        self.second_labels().unwrap_or_else(|| self.clusters.labels.to_vec())
    }

    /// Distance of every row to its centroid in the clustering that pruned; NaN where removed
    /// before it.
    pub fn distances(&self) -> Vec<f64> {
        match &self.second {
            None => self.clusters.distances.to_vec(),
            Some(second) => {
                let mut distances = vec![f64::NAN; self.rows()];
                for (&row, &distance) in second.rows.iter().zip(&second.clusters.distances) {
                    distances[row as usize] = distance;
                }
                distances
            }
        }
    }
}
