//! Drives the library: step by step, saving the state between steps, stopping when asked.

use pauca::backend::Backend;
use pauca::corruption::Scip;
use pauca::{
    Clusters, Context, Cpu, D4, D4Checkpoint, D4Run, Dedup, DensityPruning, KMeans, Lloyd, Prototypes,
    RowSource, SemDedup,
};
use serde_json::Value;

use super::outcome::{Outcome, Second};
use super::settings::{Goal, Job, Settings};
use crate::checkpoint;
use crate::failure::{Failure, Result};
use crate::input::{Matrix, Source};
use crate::output::OutDir;
use crate::progress::Reporter;

/// Where states are saved, and from which to continue.
pub struct Keeper<'a> {
    /// The output folder.
    pub out: &'a OutDir,
    /// What names the run.
    pub configuration: &'a Value,
    /// Steps between two saved states; 0 saves only when stopped.
    pub every: usize,
    /// The state to continue from.
    pub resume: Option<Vec<u8>>,
}

/// Everything that a run needs besides its settings.
pub struct Engine<'a> {
    /// The embeddings.
    pub matrix: &'a Matrix,
    /// The embeddings as the library reads them.
    pub source: &'a Source<'a>,
    /// Where the arithmetic runs.
    pub cpu: &'a Cpu,
    /// Who is told.
    pub reporter: &'a Reporter,
}

/// One algorithm that goes step by step.
trait Steps {
    fn step(&mut self, cx: &Context<'_>) -> pauca::Result<bool>;
    fn state(&self) -> pauca::Result<Vec<u8>>;
    /// Name, rows and most steps of the stage that comes next.
    fn stage(&self) -> (&'static str, u64, u64);
    /// Iterations of the current clustering and rows moved in the last one.
    fn done(&self) -> (u64, u64);
}

impl Engine<'_> {
    /// Runs `settings` to the end, in `cx`.
    ///
    /// # Errors
    /// [`Failure::Cancelled`] with the state saved when the user asked to stop; otherwise what
    /// the library or the system refuses.
    pub fn run(&self, settings: &Settings, keeper: &Keeper<'_>, cx: &Context<'_>) -> Result<Outcome> {
        match &settings.job {
            Job::D4 { .. } => self.d4(settings, keeper, cx),
            _ => self.one_clustering(settings, keeper, cx),
        }
    }

    fn d4(&self, settings: &Settings, keeper: &Keeper<'_>, cx: &Context<'_>) -> Result<Outcome> {
        let Job::D4 { keep, dedup_keep, order } = &settings.job else {
            unreachable!("called for d4 only");
        };
        let rows = self.source.n_rows() as u64;
        let d4 = D4::new()
            .clusters(settings.clusters)
            .spherical(settings.spherical)
            .seed(settings.seed)
            .max_iter(settings.max_iter)
            .init(settings.init.clone())
            .order(order.clone())
            .dedup_keep_fraction(*dedup_keep)
            .keep_fraction(*keep);
        self.reporter.stage(if keeper.resume.is_some() { "resume" } else { "seed" }, rows, 0);
        let run = match &keeper.resume {
            None => d4.start_on(self.cpu, self.source, cx),
            Some(bytes) => D4Checkpoint::from_bytes(bytes)
                .and_then(|state| d4.resume_on(self.cpu, self.source, &state, cx)),
        };
        let survivors = (dedup_keep * rows as f64).round_ties_even() as u64;
        let run = D4Steps { run: self.started(run)?, rows, survivors, max_iter: settings.max_iter as u64 };
        let (run, state) = self.drive(run, keeper, cx)?;
        let curated = run.run.finish(cx).map_err(|e| self.stopped(&e, Some(state), keeper))?;
        Ok(Outcome {
            clusters: curated.clusters,
            dedup: Some(curated.dedup),
            keep: Some(curated.keep),
            second: Some(Second { rows: curated.survivors, clusters: curated.reclustered }),
            small: None,
            density: None,
        })
    }

    fn one_clustering(&self, settings: &Settings, keeper: &Keeper<'_>, cx: &Context<'_>) -> Result<Outcome> {
        let rows = self.source.n_rows() as u64;
        let kmeans = KMeans::new(settings.clusters)
            .spherical(settings.spherical)
            .seed(settings.seed)
            .max_iter(settings.max_iter)
            .init(settings.init.clone());
        self.reporter.stage(if keeper.resume.is_some() { "resume" } else { "seed" }, rows, 0);
        let run = match &keeper.resume {
            None => kmeans.start_on(self.cpu, self.source, None, cx),
            Some(bytes) => pauca::Checkpoint::from_bytes(bytes)
                .and_then(|state| kmeans.resume_on(self.cpu, self.source, None, &state, cx)),
        };
        let run = LloydSteps { run: self.started(run)?, rows, max_iter: settings.max_iter as u64 };
        let (run, state) = self.drive(run, keeper, cx)?;
        let stopped = |e: pauca::Error| self.stopped(&e, Some(state.clone()), keeper);
        let clusters = run.run.finish(cx).map_err(&stopped)?;
        let mut outcome =
            Outcome { clusters, dedup: None, keep: None, second: None, small: None, density: None };
        match &settings.job {
            Job::Semdedup { .. } => {
                self.reporter.stage("deduplicate", rows, 0);
                let dedup = self.semdedup(&settings.job, &outcome.clusters, cx).map_err(&stopped)?;
                outcome.keep = Some(dedup.keep.clone());
                outcome.dedup = Some(dedup);
            }
            Job::Prototypes { keep, drop } => {
                self.reporter.stage("select", rows, 0);
                let clusters = &outcome.clusters;
                let select = Prototypes::new().keep_fraction(*keep).drop(*drop);
                let kept = select.select(
                    &clusters.distances.to_vec(),
                    &clusters.labels.to_vec(),
                    clusters.centroids.nrows(),
                );
                outcome.keep = Some(kept.map_err(&stopped)?);
            }
            Job::Scip { keep, alpha } => {
                self.reporter.stage("select", rows, 0);
                let scip = Scip::new().prune_fraction(1.0 - keep).alpha(*alpha);
                let pruned = scip.select_from(&outcome.clusters).map_err(&stopped)?;
                outcome.keep = Some(pruned.keep);
                outcome.small = Some(pruned.by_size);
            }
            Job::Dbp { keep, temperature, drop } => {
                self.reporter.stage("select", rows, 0);
                let pruning =
                    DensityPruning::new().keep_fraction(*keep).temperature(*temperature).drop(*drop);
                let found = pruning.select_on(&outcome.clusters, cx).map_err(&stopped)?;
                outcome.keep = Some(found.keep.clone());
                outcome.density = Some(found);
            }
            Job::Kmeans | Job::D4 { .. } => {}
        }
        Ok(outcome)
    }

    fn semdedup(&self, job: &Job, clusters: &Clusters, cx: &Context<'_>) -> pauca::Result<Dedup> {
        let Job::Semdedup { rule, goal, boundary, order } = job else {
            unreachable!("called for semdedup only");
        };
        let dedup = SemDedup::new(*rule).boundary(*boundary).order(order.clone());
        let dedup = match *goal {
            Goal::Epsilon(epsilon) => dedup.epsilon(epsilon),
            Goal::Keep(keep) => dedup.keep_fraction(keep),
        };
        dedup.fit_on(self.cpu, self.source, clusters, cx)
    }

    /// The error of a run that could not begin.
    fn started<T>(&self, run: pauca::Result<T>) -> Result<T> {
        run.map_err(|e| match e {
            pauca::Error::Cancelled => Failure::Cancelled(
                "stopped before the first iteration, there is nothing to save; the same command starts again"
                    .into(),
            ),
            other => Failure::library(self.matrix.path(), &other),
        })
    }

    /// Steps to the end; returns the last state too.
    fn drive<R: Steps>(&self, mut run: R, keeper: &Keeper<'_>, cx: &Context<'_>) -> Result<(R, Vec<u8>)> {
        let library = |e: pauca::Error| Failure::library(self.matrix.path(), &e);
        let mut state = run.state().map_err(library)?;
        if keeper.every > 0 {
            checkpoint::save(keeper.out, keeper.configuration, &state)?;
        }
        let mut count = 0;
        loop {
            let (name, rows, most) = run.stage();
            if name != self.reporter.stage_name() {
                self.reporter.stage(name, rows, most);
            }
            let more =
                run.step(cx).map_err(|e| self.stopped(&e, Some(std::mem::take(&mut state)), keeper))?;
            if most > 0 {
                let (steps, moved) = run.done();
                self.reporter.step(steps, moved);
            }
            state = run.state().map_err(library)?;
            count += 1;
            if keeper.every > 0 && count % keeper.every == 0 {
                checkpoint::save(keeper.out, keeper.configuration, &state)?;
            }
            if !more {
                return Ok((run, state));
            }
        }
    }

    /// The failure that `error` means; saves `state` when it is a request to stop.
    fn stopped(&self, error: &pauca::Error, state: Option<Vec<u8>>, keeper: &Keeper<'_>) -> Failure {
        match (error, state) {
            (pauca::Error::Cancelled, Some(state)) => {
                match checkpoint::save(keeper.out, keeper.configuration, &state) {
                    Ok(()) => checkpoint::kept(keeper.out),
                    Err(failure) => failure,
                }
            }
            (error, _) => Failure::library(self.matrix.path(), error),
        }
    }
}

struct LloydSteps<T> {
    run: T,
    rows: u64,
    max_iter: u64,
}

struct D4Steps<T> {
    run: T,
    rows: u64,
    /// Rows of the second clustering, as asked for.
    survivors: u64,
    max_iter: u64,
}

impl<B: Backend, S: RowSource> Steps for LloydSteps<Lloyd<'_, B, S>> {
    fn step(&mut self, cx: &Context<'_>) -> pauca::Result<bool> {
        self.run.step(cx)
    }
    fn state(&self) -> pauca::Result<Vec<u8>> {
        self.run.checkpoint()?.to_bytes()
    }
    fn stage(&self) -> (&'static str, u64, u64) {
        ("cluster", self.rows, self.max_iter)
    }
    fn done(&self) -> (u64, u64) {
        (self.run.n_iter() as u64, self.run.moved())
    }
}

impl<B: Backend, S: RowSource> Steps for D4Steps<D4Run<'_, B, S>> {
    fn step(&mut self, cx: &Context<'_>) -> pauca::Result<bool> {
        self.run.step(cx)
    }
    fn state(&self) -> pauca::Result<Vec<u8>> {
        self.run.checkpoint()?.to_bytes()
    }
    fn stage(&self) -> (&'static str, u64, u64) {
        match self.run.stage() {
            "cluster" => ("cluster", self.rows, self.max_iter),
            "recluster" => ("recluster", self.survivors, self.max_iter),
            other => (other, self.rows, 0),
        }
    }
    fn done(&self) -> (u64, u64) {
        (self.run.n_iter() as u64, self.run.moved())
    }
}
