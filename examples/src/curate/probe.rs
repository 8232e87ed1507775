//! A probe of the real rows: how fast the machine works on them, and how many clusters suit them.

use std::time::Instant;

use ndarray::{Array2, ArrayView1};
use pauca::{Context, Dedup, Init, KMeans, Order, Rows, Rule, SemDedup};

use super::settings::{Job, Settings};
use crate::machine::Machine;

/// Most rows of a probe.
pub const ROWS: usize = 4096;
/// Iterations of the probe's clusterings.
const ITERATIONS: usize = 3;
/// Rows of a probe for each cluster, at least: fewer say nothing of a cluster.
const ROWS_A_CLUSTER: usize = 4;
/// A number of clusters is suggested if it leaves so much of what the best one leaves together.
const TOGETHER: f64 = 0.95;

/// What one number of clusters would cost.
#[derive(Clone, Copy, Debug)]
pub struct Tried {
    /// The number of clusters.
    pub clusters: usize,
    /// Seconds of all clusterings of the run.
    pub clustering: f64,
    /// Seconds of the search for duplicates; 0 where none is made.
    pub duplicates: f64,
    /// Share of the rows whose most similar row of the probe is in the same cluster.
    pub together: f64,
}

impl Tried {
    /// Seconds of the run.
    pub fn seconds(&self) -> f64 {
        self.clustering + self.duplicates
    }
}

/// What the probe found.
pub struct Probe {
    /// Rows of it.
    pub rows: usize,
    /// Seconds that it took.
    pub seconds: f64,
    /// The numbers of clusters that were tried, ascending; the one asked for is among them if the probe is large enough.
    pub tried: Vec<Tried>,
}

impl Probe {
    /// Clusters `x`, some of `n` rows, as `settings` would all of them.
    ///
    /// # Errors
    /// The library's.
    pub fn new(
        x: &Array2<f32>,
        n: usize,
        settings: &Settings,
        backend: &Machine,
        cx: &Context<'_>,
    ) -> pauca::Result<Self> {
        let begun = Instant::now();
        let rows = Rows::F32(x.view());
        let (m, d) = (x.nrows(), x.ncols());
        let (nearest, pair_rate) = neighbours(&rows, backend, cx)?;
        let most = (m / ROWS_A_CLUSTER).max(1);
        let asked = settings.clusters;
        let mut numbers: Vec<usize> = [asked / 4, asked / 2, asked, asked * 2, asked * 4]
            .into_iter()
            .map(|k| k.clamp(1, most))
            .collect();
        numbers.dedup();
        let mut tried = Vec::new();
        for clusters in numbers {
            let kmeans = KMeans::new(clusters)
                .spherical(settings.spherical)
                .seed(settings.seed)
                .max_iter(ITERATIONS)
                .init(if matches!(settings.init, Init::Random) {
                    Init::Random
                } else {
                    Init::KMeansPlusPlus
                });
            let started = Instant::now();
            let found = kmeans.fit_on(backend, &rows, None, cx)?;
            // An assignment each iteration, one for the first centroids, one for the labels.
            let passes = (found.n_iter + 2) as f64;
            let rate = m as f64 * clusters as f64 * d as f64 * passes / started.elapsed().as_secs_f64();
            let counts = found.counts.iter().map(|&rows| rows as f64 / m as f64);
            let squares: f64 = counts.map(|share| share * share).sum();
            let pairs = 0.5 * n as f64 * n as f64 * squares;
            let share = match settings.job {
                Job::D4 { dedup_keep, .. } => 1.0 + dedup_keep,
                _ => 1.0,
            };
            let work = n as f64 * clusters as f64 * d as f64 * (settings.max_iter + 2) as f64;
            let searches = matches!(settings.job, Job::D4 { .. } | Job::Semdedup { .. });
            let same = |(row, &other): (usize, &u64)| {
                (other != Dedup::NONE).then(|| found.labels[row] == found.labels[other as usize])
            };
            let same: Vec<bool> = nearest.iter().enumerate().filter_map(same).collect();
            tried.push(Tried {
                clusters,
                clustering: share * work / rate,
                duplicates: if searches { pairs * d as f64 / pair_rate } else { 0.0 },
                together: same.iter().filter(|same| **same).count() as f64 / same.len().max(1) as f64,
            });
        }
        Ok(Self { rows: m, seconds: begun.elapsed().as_secs_f64(), tried })
    }

    /// What the number of clusters asked for costs, scaled from the nearest that was tried.
    pub fn asked(&self, clusters: usize) -> Option<Tried> {
        let nearest = *self.tried.iter().min_by_key(|tried| tried.clusters.abs_diff(clusters))?;
        let factor = clusters as f64 / nearest.clusters as f64;
        Some(Tried {
            clusters,
            clustering: nearest.clustering * factor,
            duplicates: nearest.duplicates / factor,
            ..nearest
        })
    }

    /// The fastest of the numbers tried that part little of what is most alike.
    pub fn suggested(&self) -> Option<Tried> {
        let best = self.tried.iter().map(|tried| tried.together).fold(0.0, f64::max);
        let fits = self.tried.iter().filter(|tried| tried.together >= TOGETHER * best);
        fits.min_by(|a, b| a.seconds().total_cmp(&b.seconds())).copied()
    }
}

/// For every row the most similar one before it, and the multiply-adds of such pairs in a second.
fn neighbours(rows: &Rows<'_>, backend: &Machine, cx: &Context<'_>) -> pauca::Result<(Vec<u64>, f64)> {
    let (m, d) = (rows.n_rows(), rows.dim());
    let one =
        KMeans::new(1).spherical(true).init(Init::Random).max_iter(0).fit_on(backend, rows, None, cx)?;
    let order = Order::Custom((0..m).map(|row| row as f64).collect());
    let started = Instant::now();
    let found = SemDedup::new(Rule::EarlierMax).order(order).fit_on(backend, rows, &one, cx)?;
    let work = 0.5 * m as f64 * m as f64 * d as f64;
    let witness: ArrayView1<'_, u64> = found.witness.view();
    Ok((witness.to_vec(), work / started.elapsed().as_secs_f64()))
}
