//! One random problem: data, weights, and settings for every algorithm.

use pauca_reference as reference;
use reference::truth::Metric;

use crate::data::{Kind, Rng, weights};

/// Where the first centroids come from.
#[derive(Clone, Debug)]
pub enum Start {
    /// k-means++.
    PlusPlus,
    /// Random rows.
    Random,
    /// These.
    Given(Vec<Vec<f32>>),
}

/// A problem.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The rows.
    pub x: Vec<Vec<f32>>,
    /// Their weights.
    pub weights: Option<Vec<f32>>,
    /// Number of clusters.
    pub k: usize,
    /// Spherical or Euclidean.
    pub spherical: bool,
    /// Where the first centroids come from.
    pub start: Start,
    /// Rounds at most.
    pub max_iter: usize,
    /// Whether empty clusters take a far row.
    pub relocate: bool,
    /// Seed.
    pub seed: u64,
    /// For further choices.
    pub rng: Rng,
}

/// What a problem is made from: few numbers, so that a failing one can be shrunk.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// Kind of data.
    pub kind: Kind,
    /// Rows.
    pub n: usize,
    /// Dimensions.
    pub d: usize,
    /// 0: k = 1; 1: k = n; else in between.
    pub k: usize,
    /// Spherical or Euclidean.
    pub spherical: bool,
    /// Everything else.
    pub seed: u64,
}

impl Recipe {
    /// The problem.
    pub fn problem(self) -> Problem {
        let Recipe { kind, n, d, spherical, .. } = self;
        let mut rng = Rng(self.seed);
        let x = kind.rows(n, d, &mut rng);
        let k = match self.k {
            0 => 1,
            1 => n,
            some => 1 + rng.below(n.min(3 * some)),
        };
        let weights = rng.chance(0.4).then(|| weights(n, k, &mut rng));
        let start = match rng.below(4) {
            0 => Start::PlusPlus,
            1 => Start::Random,
            2 => Start::Given(kind.rows(k, d, &mut rng)),
            // Rows of the data, repeats allowed: copies among centroids, empty clusters.
            _ => Start::Given((0..k).map(|_| x[rng.below(n)].clone()).collect()),
        };
        let max_iter = rng.pick(&[0, 1, 2, 5, 20]);
        let relocate = rng.chance(0.7);
        let seed = rng.bits();
        Problem { x, weights, k, spherical, start, max_iter, relocate, seed, rng }
    }
}

impl Problem {
    /// Metric of the clustering, as the reference calls it.
    pub fn metric(&self) -> Metric {
        if self.spherical { Metric::Cosine } else { Metric::SqEuclidean }
    }

    /// Weights for the reference.
    pub fn all_weights(&self) -> Vec<f32> {
        self.weights.clone().unwrap_or_else(|| vec![1.0; self.x.len()])
    }

    /// 0..n.
    pub fn ids(&self) -> Vec<u64> {
        (0..self.x.len() as u64).collect()
    }

    /// Settings for the reference.
    pub fn reference(&self) -> reference::kmeans::KMeans {
        reference::kmeans::KMeans {
            k: self.k,
            metric: self.metric(),
            init: match &self.start {
                Start::PlusPlus => reference::kmeans::Init::KMeansPlusPlus,
                Start::Random => reference::kmeans::Init::Random,
                Start::Given(c) => reference::kmeans::Init::Given(c.clone()),
            },
            max_iter: self.max_iter,
            relocate: self.relocate,
            seed: self.seed,
            stage: 0,
        }
    }

    /// What the reference finds.
    pub fn solve(&self) -> reference::kmeans::Clusters {
        reference::kmeans::kmeans(&self.x, &self.ids(), &self.all_weights(), &self.reference())
    }

    /// Settings for the library.
    pub fn config(&self) -> pauca::KMeans {
        let init = match &self.start {
            Start::PlusPlus => pauca::Init::KMeansPlusPlus,
            Start::Random => pauca::Init::Random,
            Start::Given(c) => pauca::Init::Given(crate::layout::array(c)),
        };
        let empty = if self.relocate { pauca::EmptyClusters::Relocate } else { pauca::EmptyClusters::Keep };
        pauca::KMeans::new(self.k)
            .spherical(self.spherical)
            .seed(self.seed)
            .max_iter(self.max_iter)
            .init(init)
            .empty_clusters(empty)
    }
}
