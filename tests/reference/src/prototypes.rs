//! Pruning by distance to the prototype.
//!
//! Sorscher et al. 2022, section 5 ("a self-supervised pruning metric"):
//!   1. cluster the embeddings with k-means;
//!   2. the difficulty of a row is its distance to its nearest centroid, the *prototype*;
//!   3. keep the hardest rows when data are plentiful, the easiest when they are scarce.
//!
//! Step 3 is a cut over all rows, or a cut inside each cluster with a quota of its own.

/// Which rows go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drop {
    /// The rows nearest to their centroid (the most prototypical).
    Nearest,
    /// The rows farthest from it.
    Farthest,
}

/// How many rows a fraction of `n` is: fraction * n rounded to even on ties.
pub fn count(fraction: f64, n: usize) -> usize {
    (fraction * n as f64).round_ties_even() as usize
}

/// The `keep` rows that survive one cut over all `rows`; the lower index survives on ties.
pub fn cut(distances: &[f64], rows: &[usize], keep: usize, drop: Drop) -> Vec<usize> {
    let mut order = rows.to_vec();
    order.sort_by(|&a, &b| {
        let ascending = distances[a].total_cmp(&distances[b]);
        let by_distance = match drop {
            Drop::Nearest => ascending.reverse(),
            Drop::Farthest => ascending,
        };
        by_distance.then(a.cmp(&b))
    });
    order.truncate(keep);
    order
}

/// Global scope: one cut to `keep` rows.
pub fn global(distances: &[f64], keep: usize, drop: Drop) -> Vec<bool> {
    let rows: Vec<usize> = (0..distances.len()).collect();
    mask(&cut(distances, &rows, keep, drop), rows.len())
}

/// Per-cluster scope: each cluster is cut to its quota of `keep` rows in all.
pub fn per_cluster(distances: &[f64], labels: &[u32], k: usize, keep: usize, drop: Drop) -> Vec<bool> {
    let mut members = vec![Vec::new(); k];
    labels.iter().enumerate().for_each(|(i, &l)| members[l as usize].push(i));
    let sizes: Vec<usize> = members.iter().map(Vec::len).collect();
    let quotas = quotas(&sizes, keep);
    let kept: Vec<usize> = (0..k).flat_map(|j| cut(distances, &members[j], quotas[j], drop)).collect();
    mask(&kept, labels.len())
}

/// Quotas by largest remainder (Hamilton's apportionment): of `total` rows each cluster gets the
/// whole part of its exact share total * size / n; what is missing goes, one each, to the largest
/// fractional parts, the lower cluster on ties. In integers, so nothing is rounded.
pub fn quotas(sizes: &[usize], total: usize) -> Vec<usize> {
    let n = sizes.iter().sum::<usize>().max(1) as u128;
    let shares: Vec<u128> = sizes.iter().map(|&size| total as u128 * size as u128).collect();
    let mut quotas: Vec<usize> = shares.iter().map(|share| (share / n) as usize).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&j| (std::cmp::Reverse(shares[j] % n), j));
    let missing = total - quotas.iter().sum::<usize>();
    order.iter().take(missing).for_each(|&j| quotas[j] += 1);
    quotas
}

pub(crate) fn mask(rows: &[usize], n: usize) -> Vec<bool> {
    let mut mask = vec![false; n];
    rows.iter().for_each(|&i| mask[i] = true);
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    // Torture 37 and 38.
    #[test]
    fn counts_round_to_even_and_ties_keep_the_lowest_rows() {
        assert_eq!([0.0, 1.0, 1.0 / 3.0, 0.25, 0.35].map(|f| count(f, 10)), [0, 10, 3, 2, 4]);
        let expected = [true, true, true, false, false, false, false, false, false, false];
        assert_eq!(global(&[0.5; 10], 3, Drop::Nearest), expected);
        assert_eq!(global(&[0.5; 10], 3, Drop::Farthest), expected);
    }

    #[test]
    fn nearest_and_farthest_are_complementary_without_ties() {
        let distances = [0.3, 0.1, 0.9, 0.5, 0.7];
        let hard = global(&distances, 2, Drop::Nearest);
        let easy = global(&distances, 3, Drop::Farthest);
        assert_eq!(hard, [false, false, true, false, true]);
        assert!(hard.iter().zip(&easy).all(|(a, b)| a != b));
    }

    #[test]
    fn quotas_sum_to_the_total() {
        assert_eq!(quotas(&[1, 1, 1], 2), [1, 1, 0]);
        assert_eq!(quotas(&[3, 0, 5, 4], 6), [2, 0, 2, 2]);
        assert_eq!(quotas(&[10, 3], 5), [4, 1]);
        assert_eq!(quotas(&[7, 2], 9), [7, 2]);
        assert_eq!(quotas(&[7, 2], 0), [0, 0]);
        assert_eq!(quotas(&[], 0), [0usize; 0]);
    }
}
