//! Density-based pruning of a backend's clusters.

use pauca::backend::Backend;
use pauca::{Clusters, DensityPruning, Prune};
use pauca_reference::density as reference;
use pauca_reference::prototypes;

use crate::agree::bits;
use crate::problem::Problem;
use crate::subject::Subject;

/// Clusters of a random problem, some with copies of centroids or without rows.
fn some_clusters<B: Backend>(s: &Subject<B>, p: &mut Problem) -> Clusters {
    p.relocate = p.rng.chance(0.3);
    s.kmeans(&p.config(), &p.x, None).unwrap()
}

pub fn pruning_equals_the_reference<B: Backend>(s: &Subject<B>, p: &mut Problem) {
    let clusters = some_clusters(s, p);
    let config = reference::Density {
        temperature: p.rng.pick(&[0.01, 0.5, 3.0]),
        neighbours: p.rng.pick(&[1, 3, 20]),
        least: p.rng.pick(&[0.0, 0.5, 1.0]),
    };
    let keep = p.rng.pick(&[0.0, 0.2, 0.5, 1.0]);
    let (distances, labels) = (clusters.distances.to_vec(), clusters.labels.to_vec());
    let rows: Vec<Vec<f32>> = clusters.centroids.outer_iter().map(|c| c.to_vec()).collect();
    let (intra, inter) = reference::spreads(&distances, &labels, &rows, p.metric(), config.neighbours);
    let total = prototypes::count(keep, labels.len());
    let quotas = reference::quotas(total as u64, &intra, &inter, &clusters.counts.to_vec(), &config);
    for (drop, theirs) in
        [(Prune::Nearest, prototypes::Drop::Nearest), (Prune::Farthest, prototypes::Drop::Farthest)]
    {
        let pruning = DensityPruning::new()
            .temperature(config.temperature)
            .neighbours(config.neighbours)
            .least(config.least)
            .keep_fraction(keep)
            .prune(drop);
        let found = pruning.select_in(&clusters, &s.cx).unwrap();
        assert_eq!((bits(&found.intra), bits(&found.inter)), (bits(&intra), bits(&inter)));
        assert_eq!(found.quotas.to_vec(), quotas);
        assert_eq!(found.keep.to_vec(), reference::select(&distances, &labels, &quotas, theirs));
        assert_eq!(found.kept(), total);
    }
}
