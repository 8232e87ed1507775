//! SemDeDup exactly as published: the pseudo-code of Abbas et al. 2023, appendix A7, on a matrix
//! of similarities in `f64`.
//!
//! ```text
//! # sort the cluster embeddings by the distance to the cluster centroid
//! cluster_i_embeddings = sort_by_distance_to_cluster_centroid(.., descending = True)
//! # we use the fact that the embeddings are normalised
//! pairwise_sim_matrix = cluster_i_embeddings @ cluster_i_embeddings.T
//! triu_sim_matrix = torch.triu(pairwise_sim_matrix, diagonal = 1)
//! M = torch.max(triu_sim_matrix, dim=0)[0]
//! # keep a point if its maximum similarity to the points before it is at most the threshold
//! points_to_keep = M <= 1 - epsilon
//! ```
//!
//! Two things follow that the prose does not say. The triangle is filled up with zeros, so a
//! score is never negative and that of the first row is 0. And the published program reads the
//! sorted list backwards for "easy", so that among equal distances the *higher* row comes first.

/// What the pseudo-code yields for one cluster, by row of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    /// The sorted rows.
    pub order: Vec<usize>,
    /// M, by row (not by position).
    pub score: Vec<f64>,
    /// Rows to keep.
    pub keep: Vec<bool>,
}

/// `similarity[i][j]` of the rows of one cluster, `distance[i]` to its centroid.
pub fn published(similarity: &[Vec<f64>], distance: &[f64], epsilon: f64, easy: bool) -> Published {
    let n = distance.len();
    // Python's sort is stable, also with reverse=True: equal distances stay ascending.
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| distance[b].total_cmp(&distance[a]));
    if easy {
        order.reverse();
    }
    // triu(.., diagonal = 1)
    let mut triu = vec![vec![0.0; n]; n];
    for a in 0..n {
        for b in a + 1..n {
            triu[a][b] = similarity[order[a]][order[b]];
        }
    }
    // max over dim 0: down the columns.
    let mut score = vec![0.0; n];
    let mut keep = vec![false; n];
    for b in 0..n {
        let mut m = f64::NEG_INFINITY;
        for row in &triu {
            m = f64::max(m, row[b]);
        }
        score[order[b]] = m;
        keep[order[b]] = m <= 1.0 - epsilon;
    }
    Published { order, score, keep }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_clamp_at_0_and_ties_turn_round_for_easy() {
        let similarity = vec![vec![1.0, -0.5, 0.9], vec![-0.5, 1.0, -0.2], vec![0.9, -0.2, 1.0]];
        let hard = published(&similarity, &[0.1, 0.1, 0.1], 0.5, false);
        assert_eq!((hard.order, hard.score), (vec![0, 1, 2], vec![0.0, 0.0, 0.9]));
        assert_eq!(hard.keep, [true, true, false]);
        let easy = published(&similarity, &[0.1, 0.1, 0.1], 0.5, true);
        assert_eq!((easy.order, easy.score), (vec![2, 1, 0], vec![0.9, 0.0, 0.0]));
        // Above epsilon 1 even the first row goes.
        assert_eq!(published(&similarity, &[0.1; 3], 1.5, false).keep, [false; 3]);
    }
}
