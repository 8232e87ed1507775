//! The result in one sentence and a few facts: the same words on the terminal and in the page.

use pauca::{Clusters, Metric};

use super::outcome::{Bound, Outcome};
use super::settings::{Goal, Job, Settings};
use crate::page::Fact;
use crate::progress::{count, counted, percent};

/// Above this epsilon "near-duplicate" would be a lie.
const LOOSE: f64 = 0.1;
/// The epsilon of SemDeDup's own experiments, as a yardstick.
const USUAL: f64 = 0.05;

/// What the rows that deduplication removed are.
pub fn similar(outcome: &Outcome) -> &'static str {
    match &outcome.dedup {
        Some(dedup) if dedup.epsilon > LOOSE => "similar to others",
        _ => "near-duplicates",
    }
}

/// What the rows that distance removed are.
pub fn typical(settings: &Settings) -> &'static str {
    match settings.job {
        Job::Prototypes { drop: pauca::Prune::Farthest, .. }
        | Job::Dbp { drop: pauca::Prune::Farthest, .. } => "least typical",
        Job::Scip { .. } => "outlying",
        _ => "most typical",
    }
}

/// The verdict in one sentence.
pub fn verdict(outcome: &Outcome, settings: &Settings) -> String {
    let rows = outcome.rows() as u64;
    let [kept, duplicates, pruned] = outcome.counts();
    let share = percent(kept as f64 / rows.max(1) as f64);
    let head = format!("Kept {} of {} rows ({share}):", count(kept), count(rows));
    let above = outcome
        .dedup
        .as_ref()
        .map_or(String::new(), |dedup| format!("(similarity above {:.3})", 1.0 - dedup.epsilon));
    match &settings.job {
        Job::Kmeans => {
            let [smallest, _, largest] = sizes(&outcome.clusters);
            let clusters = count(settings.clusters as u64);
            format!(
                "Grouped {} rows into {clusters} clusters of {} to {} rows.",
                count(rows),
                count(smallest),
                count(largest)
            )
        }
        Job::Semdedup { .. } => format!("{head} {} went as {} {above}.", count(duplicates), similar(outcome)),
        Job::Dbp { .. } => format!(
            "{head} {} went as the {} of their clusters, by a quota for each cluster.",
            count(pruned),
            typical(settings)
        ),
        Job::Prototypes { .. } => {
            format!("{head} {} went as the {} of their clusters.", count(pruned), typical(settings))
        }
        Job::Scip { .. } => {
            let [small, far] = outcome.outlying().unwrap_or_default();
            format!(
                "{head} {} went with the smallest clusters, {} as the farthest from their centroids.",
                count(small),
                count(far)
            )
        }
        Job::D4 { .. } => {
            let similar = similar(outcome);
            format!(
                "{head} {} went as {similar} {above}, then {} as the most typical.",
                count(duplicates),
                count(pruned)
            )
        }
    }
}

/// Four facts.
pub fn facts(outcome: &Outcome, settings: &Settings) -> Vec<Fact> {
    let rows = outcome.rows() as u64;
    let [kept, duplicates, pruned] = outcome.counts();
    let share = |part: u64| percent(part as f64 / rows.max(1) as f64);
    let mut facts = vec![match outcome.keep {
        Some(_) => Fact {
            about: "kept".into(),
            value: format!("{} of {} rows", count(kept), count(rows)),
            detail: format!("{} of the input", share(kept)),
        },
        None => Fact {
            about: "rows".into(),
            value: count(rows),
            detail: format!("inertia {:.6e}", outcome.clusters.inertia),
        },
    }];
    if let Some(dedup) = &outcome.dedup {
        let goal = match &settings.job {
            Job::D4 { dedup_keep, .. } => Some(*dedup_keep),
            Job::Semdedup { goal: Goal::Keep(keep), .. } => Some(*keep),
            _ => None,
        };
        let copies = match dedup.exact_copies {
            0 => String::new(),
            copies => format!("; exact copies: {}", count(copies)),
        };
        let missed = match goal {
            // The library falls short for this one reason.
            Some(goal) if !dedup.reached => {
                format!(
                    "; {} cannot be reached: the first row of a cluster is nobody's duplicate",
                    percent(goal)
                )
            }
            _ => String::new(),
        };
        let usual = match &dedup.curve {
            Some(curve) if dedup.epsilon > LOOSE => {
                let removed = rows - curve.kept(USUAL, dedup.boundary) as u64;
                format!("; only {} exceed {:.2}", count(removed), 1.0 - USUAL)
            }
            _ => String::new(),
        };
        facts.push(Fact {
            about: similar(outcome).into(),
            value: format!("{}, {}", counted(duplicates, "row"), share(duplicates)),
            detail: format!(
                "similarity above {:.4} (epsilon {:.4}){usual}{copies}{missed}",
                1.0 - dedup.epsilon,
                dedup.epsilon
            ),
        });
    }
    if let (Job::Scip { alpha, .. }, Some([small, far])) = (&settings.job, outcome.outlying()) {
        facts.push(Fact {
            about: typical(settings).into(),
            value: format!("{}, {}", counted(pruned, "row"), share(pruned)),
            detail: format!(
                "{} by the size of their cluster, {} by their distance (alpha {alpha})",
                count(small),
                count(far)
            ),
        });
    }
    if let (Job::Dbp { temperature, .. }, Some(shares)) = (&settings.job, outcome.shares()) {
        let (low, high) = shares.iter().fold((1.0, 0.0), |(a, b), (_, s)| (f64::min(a, *s), f64::max(b, *s)));
        facts.push(Fact {
            about: typical(settings).into(),
            value: format!("{}, {}", counted(pruned, "row"), share(pruned)),
            detail: format!(
                "clusters keep {} to {} of their rows (temperature {temperature})",
                percent(low),
                percent(high)
            ),
        });
    }
    if let Some(bound) = &outcome.bound {
        facts.push(quotas(bound));
    }
    if matches!(settings.job, Job::D4 { .. } | Job::Prototypes { .. }) {
        let end = if matches!(settings.job, Job::Prototypes { drop: pauca::Prune::Farthest, .. }) {
            "farthest from"
        } else {
            "nearest to"
        };
        let of = if outcome.second.is_some() { "second clustering's centroids" } else { "centroids" };
        facts.push(Fact {
            about: typical(settings).into(),
            value: format!("{}, {}", counted(pruned, "row"), share(pruned)),
            detail: format!("{end} the {of}"),
        });
    }
    facts.push(clusters("clusters", &outcome.clusters));
    if let Some(second) = &outcome.second
        && facts.len() < 4
    {
        facts.push(clusters("clusters after", &second.clusters));
    }
    facts
}

/// How far the quotas of clusters are from even ones, and from those that their complexities alone ask.
pub fn quotas(bound: &Bound) -> Fact {
    let range = |[low, high]: [u64; 2]| {
        if low == high { count(low) } else { format!("{} to {}", count(low), count(high)) }
    };
    let held = |n: u64| match n {
        1 => "1 cluster".to_string(),
        n => format!("{} clusters", count(n)),
    };
    let mut detail =
        format!("an even share is {:.1}, complexity alone asks {}", bound.even, range(bound.asked));
    if bound.full > 0 {
        detail.push_str(&format!("; {} would keep more but had no more rows", held(bound.full)));
    }
    if bound.floor > 0 {
        detail.push_str(&format!("; {} would keep fewer but for the least", held(bound.floor)));
    }
    if bound.moved > 0 {
        detail.push_str(&format!("; {} moved", counted(bound.moved, "row")));
    }
    Fact { about: "quotas".into(), value: format!("{} rows a cluster", range(bound.kept)), detail }
}

fn clusters(about: &'static str, clusters: &Clusters) -> Fact {
    let [smallest, _, largest] = sizes(clusters);
    let kind = if clusters.metric == Metric::Cosine { "spherical" } else { "Euclidean" };
    let state = if clusters.converged { "converged" } else { "still moving" };
    Fact {
        about: about.into(),
        value: match (clusters.counts.len() as u64, smallest == largest) {
            (1, _) => format!("1, of {}", counted(largest, "row")),
            (n, true) => format!("{}, {} each", count(n), counted(largest, "row")),
            (n, false) => format!("{}, {} to {} each", count(n), count(smallest), counted(largest, "row")),
        },
        detail: format!("{kind} k-means, {}, {state}", counted(clusters.n_iter as u64, "iteration")),
    }
}

/// Smallest, median and largest cluster.
pub fn sizes(clusters: &Clusters) -> [u64; 3] {
    let mut sizes = clusters.counts.to_vec();
    sizes.sort_unstable();
    match sizes.len() {
        0 => [0; 3],
        n => [sizes[0], sizes[n / 2], sizes[n - 1]],
    }
}

/// Name of the distances of `clusters`, with their unit.
pub fn distance_name(clusters: &Clusters) -> &'static str {
    match clusters.metric {
        Metric::Cosine => "distance to the centroid (1 - cosine similarity)",
        Metric::SqEuclidean => "squared distance to the centroid (units of the input, squared)",
    }
}
