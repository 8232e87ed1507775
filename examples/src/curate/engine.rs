//! Drives the library: each method, step by step.

use ndarray::Array1;
use pauca::backend::Backend;
use pauca::corruption::Scip;
use pauca::{
    Clusters, Context, D4, D4Checkpoint, D4Run, D4Stage, Dedup, DensityPruned, DensityPruning, KMeans,
    Prototypes, Prune, RowSource, SemDedup,
};

use super::outcome::{Bound, Outcome, Second, Unfit};
use super::settings::{Goal, Job, Settings};
use crate::failure::Result;
use crate::progress::DEDUPLICATE;
use crate::stepping::{Stepping, Steps};

/// Runs `settings` to the end, in `cx`.
///
/// # Errors
/// [`Failure::Cancelled`](crate::failure::Failure::Cancelled) with the state saved when the user
/// asked to stop; otherwise what the library or the system refuses.
pub fn run(settings: &Settings, with: &Stepping<'_, '_>, cx: &Context<'_>) -> Result<Outcome> {
    match &settings.job {
        Job::D4 { .. } => d4(settings, with, cx),
        _ => one_clustering(settings, with, cx),
    }
}

fn d4(settings: &Settings, with: &Stepping<'_, '_>, cx: &Context<'_>) -> Result<Outcome> {
    let Job::D4 { keep, dedup_keep, order, scope } = &settings.job else {
        unreachable!("called for d4 only");
    };
    let rows = with.source.n_rows() as u64;
    let d4 = D4::new()
        .clusters(settings.clusters)
        .spherical(settings.spherical)
        .seed(settings.seed)
        .max_iter(settings.max_iter)
        .init(settings.init.clone())
        .order(order.clone())
        .scope(*scope)
        .dedup_keep_fraction(*dedup_keep)
        .keep_fraction(*keep);
    with.begin();
    let run = match &with.resume {
        None => d4.start_on(with.backend, with.source, cx),
        Some(bytes) => D4Checkpoint::from_bytes(bytes)
            .and_then(|state| d4.resume_on(with.backend, with.source, &state, cx)),
    };
    let survivors = (dedup_keep * rows as f64).round_ties_even() as u64;
    let run = D4Steps { run: with.started(run)?, rows, survivors, max_iter: settings.max_iter as u64 };
    let (run, state) = with.drive(run, cx)?;
    let curated = run.run.finish(cx).map_err(|e| with.stopped(&e, Some(state)))?;
    Ok(Outcome {
        clusters: curated.clusters,
        dedup: Some(curated.dedup),
        keep: Some(curated.keep),
        second: Some(Second { rows: curated.survivors, clusters: curated.reclustered }),
        small: None,
        drop: Prune::Nearest,
        density: None,
        bound: None,
        unfit: None,
    })
}

/// Keeps the rows that are preferred while their tokens are at most `share` of all: the first one that does not fit
/// ends it.
///
/// # Errors
/// The library's.
pub fn keep_tokens(outcome: &mut Outcome, tokens: &[u64], share: f64) -> pauca::Result<()> {
    let all: u128 = tokens.iter().map(|&tokens| u128::from(tokens)).sum();
    let (clusters, rows) = match &outcome.second {
        Some(second) => (&second.clusters, second.rows.iter().map(|&row| row as usize).collect()),
        None => (&outcome.clusters, (0..tokens.len()).collect::<Vec<_>>()),
    };
    let (distances, labels) = (clusters.distances.to_vec(), clusters.labels.to_vec());
    let select = Prototypes::new().prune(outcome.drop);
    let of = |kept: usize| select.select_count(kept, &distances, &labels, clusters.centroids.nrows());
    // One row more never keeps less: the largest number that fits is found by halves.
    let (mut low, mut high) = (0, rows.len());
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        let kept = of(middle)?;
        let stay = rows.iter().zip(&kept).filter(|(_, kept)| **kept);
        let sum: u128 = stay.map(|(&row, _)| u128::from(tokens[row])).sum();
        match sum as f64 <= share * all as f64 {
            true => low = middle,
            false => high = middle - 1,
        }
    }
    let kept = of(low)?;
    let mut keep = Array1::from_elem(tokens.len(), false);
    rows.iter().zip(&kept).for_each(|(&row, &kept)| keep[row] = kept);
    let next = of(low + 1)?.iter().zip(&kept).position(|(next, kept)| *next && !kept);
    outcome.unfit = next.map(|next| {
        let taken: u128 =
            rows.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(&row, _)| u128::from(tokens[row])).sum();
        let room = (share * all as f64) as u128;
        Unfit { tokens: tokens[rows[next]], room: room.saturating_sub(taken) as u64, first: low == 0 }
    });
    outcome.keep = Some(keep);
    Ok(())
}

fn one_clustering(settings: &Settings, with: &Stepping<'_, '_>, cx: &Context<'_>) -> Result<Outcome> {
    let rows = with.source.n_rows() as u64;
    let kmeans = KMeans::new(settings.clusters)
        .spherical(settings.spherical)
        .seed(settings.seed)
        .max_iter(settings.max_iter)
        .shift_tolerance(settings.tolerance)
        .empty_clusters(settings.empty)
        .init(settings.init.clone());
    let (clusters, state) = with.clusters(&kmeans, settings.max_iter, cx)?;
    let stopped = |e: pauca::Error| with.stopped(&e, Some(state.clone()));
    let mut outcome = Outcome {
        clusters,
        dedup: None,
        keep: None,
        second: None,
        small: None,
        drop: Prune::Nearest,
        density: None,
        bound: None,
        unfit: None,
    };
    match &settings.job {
        Job::Semdedup { .. } => {
            with.reporter.stage(DEDUPLICATE, rows, 0);
            let dedup = semdedup(&settings.job, &outcome.clusters, with, cx).map_err(&stopped)?;
            outcome.keep = Some(dedup.keep.clone());
            outcome.dedup = Some(dedup);
        }
        Job::Prototypes { keep, drop, scope } => {
            with.reporter.stage("select", rows, 0);
            outcome.drop = *drop;
            let clusters = &outcome.clusters;
            let select = Prototypes::new().keep_fraction(*keep).prune(*drop).scope(*scope);
            let kept = select.select(
                &clusters.distances.to_vec(),
                &clusters.labels.to_vec(),
                clusters.centroids.nrows(),
            );
            outcome.keep = Some(kept.map_err(&stopped)?);
        }
        Job::Scip { keep, alpha } => {
            with.reporter.stage("select", rows, 0);
            let scip = Scip::new().prune_fraction(1.0 - keep).alpha(*alpha);
            let pruned = scip.select_from(&outcome.clusters).map_err(&stopped)?;
            outcome.keep = Some(pruned.keep);
            outcome.small = Some(pruned.by_size);
        }
        Job::Dbp { keep, temperature, neighbours, least, drop, published } => {
            with.reporter.stage("select", rows, 0);
            let pruning = DensityPruning::new()
                .keep_fraction(*keep)
                .temperature(*temperature)
                .neighbours(*neighbours)
                .least(*least)
                .nan_as_mean(*published)
                .prune(*drop);
            outcome.drop = *drop;
            let found = pruning.select_in(&outcome.clusters, cx).map_err(&stopped)?;
            outcome.keep = Some(found.keep.clone());
            let bound = bound(&pruning, &found, &outcome.clusters.counts.to_vec(), *least);
            outcome.bound = Some(bound.map_err(&stopped)?);
            outcome.density = Some(found);
        }
        Job::Kmeans | Job::D4 { .. } => {}
    }
    Ok(outcome)
}

/// How far the quotas of `found` are from those of the same shares without bounds.
fn bound(pruning: &DensityPruning, found: &DensityPruned, sizes: &[u64], least: f64) -> pauca::Result<Bound> {
    let total: u64 = found.quotas.iter().sum();
    let clusters = sizes.iter().filter(|size| **size > 0).count().max(1) as u64;
    // So many rows of every cluster are none to the library's limit of all; of more rows the shares are scaled.
    let room = total.min(((1 << 42) - 1) / clusters);
    let open: Vec<u64> = sizes.iter().map(|size| if *size > 0 { room } else { 0 }).collect();
    let (intra, inter) = (found.intra.to_vec(), found.inter.to_vec());
    let mut unbound = pruning.least(0.0).quotas(room, &intra, &inter, &open)?;
    unbound
        .iter_mut()
        .for_each(|q| *q = (u128::from(*q) * u128::from(total) / u128::from(room.max(1))) as u64);
    let least = (least * (total as f64 / clusters as f64)).floor() as u64;
    Ok(Bound::new(&found.quotas.to_vec(), &unbound, sizes, least))
}

fn semdedup(
    job: &Job,
    clusters: &Clusters,
    with: &Stepping<'_, '_>,
    cx: &Context<'_>,
) -> pauca::Result<Dedup> {
    let Job::Semdedup { rule, goal, boundary, order, published } = job else {
        unreachable!("called for semdedup only");
    };
    let dedup = SemDedup::new(*rule).boundary(*boundary).order(order.clone()).published(*published);
    let dedup = match *goal {
        Goal::Epsilon(epsilon) => dedup.epsilon(epsilon),
        Goal::Keep(keep) => dedup.keep_fraction(keep),
    };
    dedup.fit_on(with.backend, with.source, clusters, cx)
}

struct D4Steps<T> {
    run: T,
    rows: u64,
    /// Rows of the second clustering, as asked for.
    survivors: u64,
    max_iter: u64,
}

impl<'a, B: Backend, S: RowSource + 'a> Steps for D4Steps<D4Run<'a, B, S>> {
    fn step(&mut self, cx: &Context<'_>) -> pauca::Result<bool> {
        self.run.step(cx)
    }
    fn state(&self) -> pauca::Result<Vec<u8>> {
        self.run.checkpoint()?.to_bytes()
    }
    fn stage(&self) -> (&'static str, u64, u64) {
        match self.run.stage() {
            D4Stage::Cluster => ("cluster", self.rows, self.max_iter),
            D4Stage::Recluster => ("recluster", self.survivors, self.max_iter),
            other => (other.name(), self.rows, 0),
        }
    }
    fn done(&self) -> (u64, u64) {
        (self.run.n_iter() as u64, self.run.moved())
    }
}
