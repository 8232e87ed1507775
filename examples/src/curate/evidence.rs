//! What the report shows: which removed rows beside which witnesses, which groups of duplicates,
//! which rows of which clusters. All choices are functions of the result alone, so that the page
//! is the same wherever it is made.

use std::collections::{BTreeMap, BTreeSet};

use pauca::Dedup;

use super::outcome::{Fate, Outcome};

/// Pairs in each of the three bands.
pub const PAIRS_PER_BAND: usize = 8;
/// Groups of duplicates shown.
const GROUPS: usize = 6;
/// Removed members shown of a group.
const MEMBERS: usize = 30;
/// Clusters whose extremes are shown.
const CLUSTERS: usize = 4;
/// Rows shown at each end of a cluster.
const ENDS: usize = 7;

/// A removed row and the row for which it went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// The removed row.
    pub removed: u64,
    /// The witness of the row.
    pub witness: u64,
    /// The cosine similarity of row and witness.
    pub similarity: f64,
    /// The row that deduplication kept at the end of the chain of witnesses, where the witness itself went.
    pub root: Option<u64>,
}

/// Pairs from one part of the range of similarities.
#[derive(Clone, Debug)]
pub struct Band {
    /// The name of the band.
    pub name: &'static str,
    /// What the name means.
    pub explained: &'static str,
    /// The pairs, most similar first.
    pub pairs: Vec<Pair>,
}

/// A row that stands for several.
#[derive(Clone, Debug)]
pub struct Group {
    /// The row at which the chain of witnesses ends; deduplication kept it.
    pub kept: u64,
    /// Removed rows that lead to it, the first few in row order.
    pub removed: Vec<u64>,
    /// How many there are.
    pub count: u64,
}

/// The two ends of one cluster.
#[derive(Clone, Debug)]
pub struct Extremes {
    /// The cluster, in the clustering that pruned.
    pub cluster: u32,
    /// How many rows the cluster has.
    pub size: u64,
    /// The rows nearest to the centroid, nearest first.
    pub nearest: Vec<u64>,
    /// The rows farthest from it, farthest first.
    pub farthest: Vec<u64>,
}

/// Everything shown.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Surest, median, nearest the threshold.
    pub bands: Vec<Band>,
    /// Largest groups first.
    pub groups: Vec<Group>,
    /// From the largest cluster to a small one.
    pub extremes: Vec<Extremes>,
}

impl Evidence {
    /// Chooses what to show of `outcome`.
    pub fn of(outcome: &Outcome) -> Self {
        let mut evidence = Self { extremes: extremes(outcome), ..Self::default() };
        if let Some(dedup) = &outcome.dedup {
            let roots = roots(dedup);
            evidence.bands = bands(dedup, &roots);
            evidence.groups = groups(&roots);
        }
        evidence
    }

    /// Every row that is shown.
    pub fn rows(&self) -> BTreeSet<u64> {
        let pairs = self
            .bands
            .iter()
            .flat_map(|band| &band.pairs)
            .flat_map(|pair| [pair.removed, pair.witness].into_iter().chain(pair.root));
        let groups = self.groups.iter().flat_map(|group| group.removed.iter().copied().chain([group.kept]));
        let ends = self.extremes.iter().flat_map(|e| e.nearest.iter().chain(&e.farthest)).copied();
        pairs.chain(groups).chain(ends).collect()
    }
}

/// Marks a row that deduplication kept, or removed without a witness.
const KEPT: u64 = u64::MAX;
/// Marks a removed row whose chain of witnesses ends at a row that was removed without one, as only the published
/// pseudo-code does.
const LOST: u64 = u64::MAX - 1;

/// For every removed duplicate the kept row at the end of its chain of witnesses, else [`KEPT`] or [`LOST`].
fn roots(dedup: &Dedup) -> Vec<u64> {
    let mut roots = vec![KEPT; dedup.keep.len()];
    let mut chain = Vec::new();
    for row in 0..roots.len() {
        let mut at = row;
        // A witness comes earlier in the order, so that chains end; the bound is for safety only.
        while !dedup.keep[at]
            && roots[at] == KEPT
            && dedup.witness[at] != Dedup::NONE
            && chain.len() < roots.len()
        {
            chain.push(at);
            at = dedup.witness[at] as usize;
        }
        let root = match roots[at] {
            KEPT if dedup.keep[at] => at as u64,
            KEPT => LOST,
            root => root,
        };
        chain.drain(..).for_each(|row| roots[row] = root);
    }
    roots
}

/// Rows that deduplication removed, ascending.
fn removed(roots: &[u64]) -> impl Iterator<Item = usize> + '_ {
    roots.iter().enumerate().filter(|(_, root)| **root != KEPT).map(|(row, _)| row)
}

fn bands(dedup: &Dedup, roots: &[u64]) -> Vec<Band> {
    let mut pairs: Vec<Pair> = removed(roots)
        .map(|row| Pair {
            removed: row as u64,
            witness: dedup.witness[row],
            similarity: dedup.similarity[row],
            root: Some(roots[row]).filter(|root| *root != dedup.witness[row] && *root != LOST),
        })
        .collect();
    pairs.sort_by(|a, b| b.similarity.total_cmp(&a.similarity).then(a.removed.cmp(&b.removed)));
    let count = pairs.len();
    let middle = count / 2;
    let mut used = BTreeSet::new();
    // The ends choose first: they are what a person doubts; the median is plentiful.
    let surest = pick(&pairs, 0..count, roots, &mut used);
    let border = pick(&pairs, (0..count).rev(), roots, &mut used);
    let around = (0..count).map(|i| {
        if i % 2 == 0 { (middle + i / 2) % count } else { (middle + count - i.div_ceil(2)) % count }
    });
    let median = pick(&pairs, around, roots, &mut used);
    [
        ("Surest", "the most similar", surest),
        ("Median", "as similar as the typical removed row", median),
        ("Nearest the threshold", "the closest decisions", border),
    ]
    .into_iter()
    .map(|(name, explained, pairs)| Band { name, explained, pairs })
    .filter(|band| !band.pairs.is_empty())
    .collect()
}

/// The first pairs of `order` not yet used, at most one of each group as long as there are
/// others: eight copies of one row would show one decision, not eight.
fn pick(
    pairs: &[Pair],
    order: impl Iterator<Item = usize> + Clone,
    roots: &[u64],
    used: &mut BTreeSet<usize>,
) -> Vec<Pair> {
    let mut groups = BTreeSet::new();
    let mut chosen = Vec::new();
    for distinct in [true, false] {
        for i in order.clone() {
            if chosen.len() == PAIRS_PER_BAND {
                break;
            }
            let fresh = groups.insert(roots[pairs[i].removed as usize]);
            if !used.contains(&i) && (fresh || !distinct) {
                used.insert(i);
                chosen.push(i);
            }
        }
    }
    chosen.sort_unstable();
    chosen.into_iter().map(|i| pairs[i]).collect()
}

fn groups(roots: &[u64]) -> Vec<Group> {
    let mut counts = vec![0u32; roots.len()];
    let found = || removed(roots).filter(|row| roots[*row] != LOST);
    found().for_each(|row| counts[roots[row] as usize] += 1);
    let mut kept: Vec<usize> = (0..counts.len()).filter(|&row| counts[row] > 0).collect();
    kept.sort_by_key(|&row| (std::cmp::Reverse(counts[row]), row));
    kept.truncate(GROUPS);
    kept.into_iter()
        .map(|row| Group {
            kept: row as u64,
            removed: removed(roots)
                .filter(|&r| roots[r] == row as u64)
                .take(MEMBERS)
                .map(|r| r as u64)
                .collect(),
            count: u64::from(counts[row]),
        })
        .collect()
}

fn extremes(outcome: &Outcome) -> Vec<Extremes> {
    let counts = &outcome.pruning().counts;
    let mut clusters: Vec<u32> = (0..counts.len() as u32).filter(|&c| counts[c as usize] > 1).collect();
    clusters.sort_by(|&a, &b| counts[b as usize].cmp(&counts[a as usize]).then(a.cmp(&b)));
    // From the largest to one at three quarters of the ranking.
    let step = (clusters.len() as f64 * 0.25).max(1.0);
    let chosen: BTreeSet<usize> =
        (0..CLUSTERS).map(|i| (i as f64 * step) as usize).filter(|&i| i < clusters.len()).collect();
    let chosen: Vec<u32> = chosen.into_iter().map(|i| clusters[i]).collect();

    let (labels, distances) = (outcome.pruning_labels(), outcome.distances());
    let mut rows: BTreeMap<u32, Vec<u64>> = chosen.iter().map(|&c| (c, Vec::new())).collect();
    for (row, label) in labels.iter().enumerate() {
        if let Some(rows) = rows.get_mut(label) {
            rows.push(row as u64);
        }
    }
    let mut shown = Vec::new();
    for cluster in chosen {
        let rows = rows.get_mut(&cluster).expect("inserted above");
        rows.sort_by(|&a, &b| distances[a as usize].total_cmp(&distances[b as usize]).then(a.cmp(&b)));
        let each = ENDS.min(rows.len() / 2);
        shown.push(Extremes {
            cluster,
            size: rows.len() as u64,
            nearest: rows[..each].to_vec(),
            farthest: rows.iter().rev().take(each).copied().collect(),
        });
    }
    shown
}

/// The class of a row's frame in the page.
pub fn class(fate: Fate) -> &'static str {
    match fate {
        Fate::Kept => "kept",
        Fate::Duplicate => "dup",
        Fate::Pruned => "pruned",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pauca::{KMeans, Rule, SemDedup};

    #[test]
    fn evidence_of_chains_and_bands() {
        // Forty rows that turn by a little each: every one is a near-duplicate of its neighbours.
        let x = ndarray::Array2::from_shape_fn((40, 2), |(i, j)| {
            let angle = i as f32 * 0.01;
            if j == 0 { angle.cos() } else { angle.sin() }
        });
        let clusters = KMeans::new(1).spherical(true).fit(&x).unwrap();
        let dedup = SemDedup::new(Rule::EarlierMax).epsilon(0.001).fit(&x, &clusters).unwrap();
        let roots = roots(&dedup);
        for row in 0..40 {
            assert_eq!(roots[row] == KEPT, dedup.keep[row]);
            assert!(roots[row] == KEPT || dedup.keep[roots[row] as usize]);
        }
        let bands = bands(&dedup, &roots);
        let shown: Vec<u64> = bands.iter().flat_map(|band| &band.pairs).map(|pair| pair.removed).collect();
        assert_eq!(shown.iter().collect::<BTreeSet<_>>().len(), shown.len(), "no pair twice");
        assert_eq!(shown.len(), 24);
        let groups = groups(&roots);
        assert_eq!(groups.iter().map(|g| g.count as usize).sum::<usize>(), 40 - dedup.kept());
    }
}
