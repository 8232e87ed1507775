//! Algorithms that go step by step: the state is saved between steps, kept when the user asks to
//! stop, and gone on from.

use std::borrow::Cow;

use pauca::backend::Backend;
use pauca::{Clusters, Context, KMeans, Lloyd, RowSource};
use serde_json::Value;

use crate::checkpoint;
use crate::failure::{Failure, Result};
use crate::input::{Embeddings, Source};
use crate::machine::Machine;
use crate::output::OutDir;
use crate::progress::Reporter;

/// What a run that saves its state needs besides its settings.
pub struct Stepping<'a, 's> {
    /// The embeddings.
    pub embeddings: &'a Embeddings,
    /// The embeddings as the library reads them.
    pub source: &'a Source<'s>,
    /// Where the arithmetic runs.
    pub backend: &'a Machine,
    /// Who is told how the run goes.
    pub reporter: &'a Reporter,
    /// The output folder, where states are saved.
    pub out: &'a OutDir,
    /// What names the run.
    pub configuration: &'a Value,
    /// How much each row weighs in a clustering; all the same where none are given.
    pub weights: Option<&'a [f32]>,
    /// Steps between two saved states; 0 saves only when stopped.
    pub every: usize,
    /// The state to continue from.
    pub resume: Option<Vec<u8>>,
}

/// One algorithm that goes step by step.
pub trait Steps {
    /// One step; false after the last one.
    ///
    /// # Errors
    /// The library's.
    fn step(&mut self, cx: &Context<'_>) -> pauca::Result<bool>;
    /// The state from which the algorithm can go on.
    ///
    /// # Errors
    /// The library's.
    fn state(&self) -> pauca::Result<Vec<u8>>;
    /// Name, rows and most steps of the stage that comes next.
    fn stage(&self) -> (&'static str, u64, u64);
    /// Iterations of the current clustering and rows moved in the last one.
    fn done(&self) -> (u64, u64);
}

impl Stepping<'_, '_> {
    /// Says that the run begins, or goes on.
    pub fn begin(&self) {
        let name = if self.resume.is_some() { "resume" } else { "seed" };
        self.reporter.stage(name, self.source.n_rows() as u64, 0);
    }

    /// The clusters that `kmeans` finds in at most `max_iter` iterations, and the last state.
    ///
    /// # Errors
    /// [`Failure::Cancelled`] with the state saved when the user asked to stop; otherwise what
    /// the library or the system refuses.
    pub fn clusters(
        &self,
        kmeans: &KMeans,
        max_iter: usize,
        cx: &Context<'_>,
    ) -> Result<(Clusters, Vec<u8>)> {
        self.begin();
        let weights = self.weights.map(Cow::Borrowed);
        let run = match &self.resume {
            None => kmeans.start_on(self.backend, self.source, weights, cx),
            Some(bytes) => pauca::Checkpoint::from_bytes(bytes)
                .and_then(|state| kmeans.resume_on(self.backend, self.source, weights, &state, cx)),
        };
        let rows = self.source.n_rows() as u64;
        let run = LloydSteps { run: self.started(run)?, rows, max_iter: max_iter as u64 };
        let (run, state) = self.drive(run, cx)?;
        match run.run.finish(cx) {
            Ok(clusters) => Ok((clusters, state)),
            Err(e) => Err(self.stopped(&e, Some(state))),
        }
    }

    /// `run`, or the error of one that could not begin.
    ///
    /// # Errors
    /// [`Failure::Cancelled`]; otherwise what the library refuses.
    pub fn started<T>(&self, run: pauca::Result<T>) -> Result<T> {
        run.map_err(|e| match e {
            pauca::Error::Cancelled => Failure::Cancelled(
                "stopped before the first iteration, there is nothing to save; the same command starts again"
                    .into(),
            ),
            other => self.embeddings.failure(&other),
        })
    }

    /// Steps to the end; returns the last state too.
    ///
    /// # Errors
    /// As [`clusters`](Stepping::clusters).
    pub fn drive<R: Steps>(&self, mut run: R, cx: &Context<'_>) -> Result<(R, Vec<u8>)> {
        let library = |e: pauca::Error| self.embeddings.failure(&e);
        let mut state = run.state().map_err(library)?;
        if self.every > 0 {
            checkpoint::save(self.out, self.configuration, &state)?;
        }
        let mut count = 0;
        loop {
            let (name, rows, most) = run.stage();
            if name != self.reporter.stage_name() {
                self.reporter.stage(name, rows, most);
            }
            let more = run.step(cx).map_err(|e| self.stopped(&e, Some(std::mem::take(&mut state))))?;
            if most > 0 {
                let (steps, moved) = run.done();
                self.reporter.step(steps, moved);
            }
            state = run.state().map_err(library)?;
            count += 1;
            if self.every > 0 && count % self.every == 0 {
                checkpoint::save(self.out, self.configuration, &state)?;
            }
            if !more {
                return Ok((run, state));
            }
        }
    }

    /// The failure that `error` means; saves `state` when it is a request to stop.
    pub fn stopped(&self, error: &pauca::Error, state: Option<Vec<u8>>) -> Failure {
        match (error, state) {
            (pauca::Error::Cancelled, Some(state)) => {
                match checkpoint::save(self.out, self.configuration, &state) {
                    Ok(()) => checkpoint::kept(self.out),
                    Err(failure) => failure,
                }
            }
            (error, _) => self.embeddings.failure(error),
        }
    }
}

struct LloydSteps<T> {
    run: T,
    rows: u64,
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
