//! One run of D4, a step at a time.

use alloc::vec::Vec;

use ndarray::Array1;

use super::checkpoint::D4Checkpoint;
use super::params::D4;
use super::result::Curated;
use crate::backend::Backend;
use crate::backend::cpu::Cpu;
use crate::control::Context;
use crate::dedup::Dedup;
use crate::error::{Error, Result};
use crate::kmeans::{Checkpoint, Clusters, Lloyd};
use crate::memory::{try_capacity, try_vec};
use crate::rows::{IntoRows, RowSource, Subset};
use crate::stats::round_half_even;

impl D4 {
    /// Curates rows in memory on the CPU.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for fractions outside [0, 1] or keep above dedup_keep, and those
    /// of [`KMeans`](crate::KMeans) and [`SemDedup`](crate::SemDedup).
    pub fn fit<'a>(&self, x: impl IntoRows<'a>) -> Result<Curated> {
        self.fit_on(&Cpu::new()?, &x.into_rows()?, &Context::default())
    }

    /// Curates any source on any backend.
    ///
    /// # Errors
    /// As [`fit`](D4::fit); [`Error::Cancelled`], [`Error::OutOfMemory`], [`Error::Source`].
    pub fn fit_on<B: Backend, S: RowSource + ?Sized>(
        &self,
        backend: &B,
        source: &S,
        cx: &Context,
    ) -> Result<Curated> {
        let mut run = self.start_on(backend, source, cx)?;
        while run.step(cx)? {}
        run.finish(cx)
    }

    /// Starts a run that the caller drives step by step.
    ///
    /// # Errors
    /// As [`fit_on`](D4::fit_on).
    pub fn start_on<'a, B: Backend, S: RowSource + ?Sized>(
        &self,
        backend: &'a B,
        source: &'a S,
        cx: &Context,
    ) -> Result<D4Run<'a, B, S>> {
        D4Run::start(self.try_clone()?, backend, source, None, cx)
    }

    /// Continues a run from its checkpoint, to the same bits. The first clustering is not iterated
    /// again, but rows are assigned to it and, if it was done, deduplicated anew.
    ///
    /// # Errors
    /// As [`fit_on`](D4::fit_on); [`Error::Mismatch`] for a checkpoint of other data or parameters.
    pub fn resume_on<'a, B: Backend, S: RowSource + ?Sized>(
        &self,
        backend: &'a B,
        source: &'a S,
        checkpoint: &D4Checkpoint,
        cx: &Context,
    ) -> Result<D4Run<'a, B, S>> {
        D4Run::start(self.try_clone()?, backend, source, Some(checkpoint), cx)
    }
}

#[allow(clippy::large_enum_variant, reason = "there is one a run")]
enum Stage<'a, B: Backend, S: RowSource + ?Sized> {
    /// Iterating the first clustering.
    First(Lloyd<'a, B, &'a S>),
    /// Iterating the second.
    Second { clusters: Clusters, dedup: Dedup, lloyd: Lloyd<'a, B, Subset<'a, S>> },
    /// An error ended the run between two stages.
    Ended,
}

/// A run of D4 between two steps: an iteration of one of the clusterings, or the deduplication
/// between them.
///
/// After an error, [`checkpoint`](D4Run::checkpoint) still gives the last finished step, from which
/// the run can be resumed.
pub struct D4Run<'a, B: Backend, S: RowSource + ?Sized> {
    params: D4,
    backend: &'a B,
    source: &'a S,
    stage: Stage<'a, B, S>,
    /// The state of the first clustering, once that is done.
    first: Option<Checkpoint>,
    /// The state of the second clustering, when the run resumes into it.
    resume_second: Option<Checkpoint>,
}

impl<'a, B: Backend, S: RowSource + ?Sized> D4Run<'a, B, S> {
    pub(super) fn start(
        params: D4,
        backend: &'a B,
        source: &'a S,
        checkpoint: Option<&D4Checkpoint>,
        cx: &Context,
    ) -> Result<Self> {
        params.check()?;
        let first = params.first_clustering(source.n_rows())?;
        let lloyd = match checkpoint {
            None => first.start_on(backend, source, None, cx)?,
            Some(c) => first.resume_on(backend, source, None, &c.first, cx)?,
        };
        let resume_second = copy(checkpoint.and_then(|c| c.second.as_ref()))?;
        Ok(Self { params, backend, source, stage: Stage::First(lloyd), first: None, resume_second })
    }

    /// "cluster", "deduplicate" (the next step), "recluster" or "ended".
    pub fn stage(&self) -> &'static str {
        match &self.stage {
            Stage::First(lloyd) if lloyd.is_done() => "deduplicate",
            Stage::First(_) => "cluster",
            Stage::Second { .. } => "recluster",
            Stage::Ended => "ended",
        }
    }

    /// Iterations made by the current clustering.
    pub fn n_iter(&self) -> usize {
        match &self.stage {
            Stage::First(lloyd) => lloyd.n_iter(),
            Stage::Second { lloyd, .. } => lloyd.n_iter(),
            Stage::Ended => 0,
        }
    }

    /// Rows whose label the last iteration changed.
    pub fn moved(&self) -> u64 {
        match &self.stage {
            Stage::First(lloyd) => lloyd.moved(),
            Stage::Second { lloyd, .. } => lloyd.moved(),
            Stage::Ended => 0,
        }
    }

    /// Makes one step. Returns whether there is more to do before [`finish`](D4Run::finish).
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::OutOfMemory`], [`Error::Source`]; [`Error::Conflict`] after an
    /// error between two stages.
    pub fn step(&mut self, cx: &Context) -> Result<bool> {
        match &mut self.stage {
            Stage::First(lloyd) if !lloyd.is_done() => {
                lloyd.step(cx)?;
                Ok(true)
            }
            Stage::First(_) => {
                self.deduplicate(cx)?;
                Ok(true)
            }
            Stage::Second { lloyd, .. } => lloyd.step(cx),
            Stage::Ended => Err(ended()),
        }
    }

    /// The state after the last finished step.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn checkpoint(&self) -> Result<D4Checkpoint> {
        let first = match (&self.first, &self.stage) {
            (Some(first), _) => first.try_clone()?,
            (None, Stage::First(lloyd)) => lloyd.checkpoint()?,
            (None, _) => return Err(ended()),
        };
        let second = match &self.stage {
            Stage::Second { lloyd, .. } => Some(lloyd.checkpoint()?),
            _ => copy(self.resume_second.as_ref())?,
        };
        Ok(D4Checkpoint { first, second })
    }

    /// The result. Makes the steps that are left.
    ///
    /// # Errors
    /// As [`step`](D4Run::step).
    pub fn finish(mut self, cx: &Context) -> Result<Curated> {
        while self.step(cx)? {}
        let Stage::Second { clusters, dedup, lloyd } = self.stage else { return Err(ended()) };
        let n = dedup.keep.len();
        let reclustered = lloyd.finish(cx)?;
        let kept = round_half_even(self.params.keep_fraction * n as f64) as usize;
        let chosen = self.params.prototypes().select_count(
            kept,
            slice(&reclustered.distances),
            slice(&reclustered.labels),
            reclustered.centroids.nrows(),
        )?;
        let survivors = survivors(&dedup)?;
        let mut keep = try_vec(n, false)?;
        let mut rows: Vec<u64> = try_capacity(survivors.len())?;
        for (&row, &chosen) in survivors.iter().zip(&chosen) {
            keep[row] = chosen;
            rows.push(row as u64);
        }
        Ok(Curated {
            keep: Array1::from_vec(keep),
            clusters,
            dedup,
            survivors: Array1::from_vec(rows),
            reclustered,
        })
    }

    fn deduplicate(&mut self, cx: &Context) -> Result<()> {
        let Stage::First(lloyd) = core::mem::replace(&mut self.stage, Stage::Ended) else {
            return Err(ended());
        };
        self.first = Some(lloyd.checkpoint()?);
        let clusters = lloyd.finish(cx)?;
        let dedup = self.params.dedup()?.fit_on(self.backend, self.source, &clusters, cx)?;
        let rows = survivors(&dedup)?;
        let second = self.params.second_clustering(self.source.n_rows(), rows.len());
        let subset = Subset::new(self.source, rows)?;
        let lloyd = match &self.resume_second {
            None => Lloyd::start(&second, self.backend, subset, None, None, cx)?,
            Some(checkpoint) => Lloyd::resume(&second, self.backend, subset, None, None, checkpoint, cx)?,
        };
        self.stage = Stage::Second { clusters, dedup, lloyd };
        Ok(())
    }
}

fn copy(checkpoint: Option<&Checkpoint>) -> Result<Option<Checkpoint>> {
    checkpoint.map(Checkpoint::try_clone).transpose()
}

fn ended() -> Error {
    Error::Conflict { first: "step", second: "an earlier error", why: "resume from the checkpoint instead" }
}

/// The kept rows, ascending.
fn survivors(dedup: &Dedup) -> Result<Vec<usize>> {
    let mut rows = try_capacity(dedup.kept())?;
    rows.extend(dedup.keep.iter().enumerate().filter(|&(_, &k)| k).map(|(i, _)| i));
    Ok(rows)
}

/// The values of an array made from a vector: they lie side by side.
fn slice<T>(array: &Array1<T>) -> &[T] {
    array.as_slice().unwrap_or(&[])
}
