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
use crate::exact::Metric;
use crate::kmeans::{Checkpoint, Clusters, Lloyd};
use crate::memory::{try_capacity, try_up_to, try_vec};
use crate::params::choices;
use crate::rows::{IntoRows, RowSource, Subset};
use crate::select::count;

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

    /// Starts a run that the caller drives step by step. It holds what it is given, as one of
    /// [`KMeans`](crate::KMeans::start_on) does.
    ///
    /// # Errors
    /// As [`fit_on`](D4::fit_on).
    pub fn start_on<'a, B: Backend, S: RowSource + 'a>(
        &self,
        backend: B,
        source: S,
        cx: &Context,
    ) -> Result<D4Run<'a, B, S>> {
        D4Run::new(self.try_clone()?, backend, source, None, cx)
    }

    /// Continues a run from its checkpoint, to the same bits. The first clustering is not iterated
    /// again, but rows are assigned to it and, if it was done, deduplicated anew.
    ///
    /// The data must be those of the checkpoint; only their shape and the parameters of the clusterings
    /// are checked. Other data of the same shape give a result of no meaning, or [`Error::Mismatch`]
    /// where another number of rows survives.
    ///
    /// # Errors
    /// As [`fit_on`](D4::fit_on); [`Error::Mismatch`] when shape or parameters differ.
    pub fn resume_on<'a, B: Backend, S: RowSource + 'a>(
        &self,
        backend: B,
        source: S,
        checkpoint: &D4Checkpoint,
        cx: &Context,
    ) -> Result<D4Run<'a, B, S>> {
        D4Run::new(self.try_clone()?, backend, source, Some(checkpoint), cx)
    }
}

#[allow(clippy::large_enum_variant, reason = "there is one a run")]
enum At<'a, B: Backend, S: RowSource> {
    /// Iterating the first clustering.
    First(Lloyd<'a, B, S>),
    /// Iterating the second.
    Second { clusters: Clusters, dedup: Dedup, lloyd: Lloyd<'a, B, Subset<S>> },
    /// An error ended the run between two stages.
    Ended,
}

/// Where a run of D4 is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum D4Stage {
    /// Iterations of the first clustering.
    Cluster,
    /// The first clustering is done; the next step deduplicates.
    Deduplicate,
    /// Iterations of the second clustering.
    Recluster,
    /// An error ended the run; its checkpoint goes on.
    Ended,
}

choices!(D4Stage: Cluster "cluster", Deduplicate "deduplicate", Recluster "recluster", Ended "ended");

/// A run of D4 between two steps: an iteration of one of the clusterings, or the deduplication
/// between them.
///
/// After an error, [`checkpoint`](D4Run::checkpoint) still gives the last finished step, from which
/// the run can be resumed.
pub struct D4Run<'a, B: Backend, S: RowSource> {
    params: D4,
    at: At<'a, B, S>,
    /// The state of the first clustering, once that is done.
    first: Option<Checkpoint>,
    /// The state of the second clustering, when the run resumes into it.
    resume_second: Option<Checkpoint>,
}

impl<'a, B: Backend, S: RowSource + 'a> D4Run<'a, B, S> {
    fn new(
        params: D4,
        backend: B,
        source: S,
        checkpoint: Option<&D4Checkpoint>,
        cx: &Context,
    ) -> Result<Self> {
        params.check()?;
        let first = params.first_clustering(source.n_rows())?;
        let lloyd = Lloyd::new(&first, backend, source, None, checkpoint.map(|c| &c.first), cx)?;
        let resume_second = copy(checkpoint.and_then(|c| c.second.as_ref()))?;
        Ok(Self { params, at: At::First(lloyd), first: None, resume_second })
    }

    /// What the next step works on.
    pub fn stage(&self) -> D4Stage {
        match &self.at {
            At::First(lloyd) if lloyd.is_done() => D4Stage::Deduplicate,
            At::First(_) => D4Stage::Cluster,
            At::Second { .. } => D4Stage::Recluster,
            At::Ended => D4Stage::Ended,
        }
    }

    /// Iterations made by the current clustering.
    pub fn n_iter(&self) -> usize {
        match &self.at {
            At::First(lloyd) => lloyd.n_iter(),
            At::Second { lloyd, .. } => lloyd.n_iter(),
            At::Ended => 0,
        }
    }

    /// Rows whose label the last iteration changed.
    pub fn moved(&self) -> u64 {
        match &self.at {
            At::First(lloyd) => lloyd.moved(),
            At::Second { lloyd, .. } => lloyd.moved(),
            At::Ended => 0,
        }
    }

    /// Makes one step. Returns whether there is more to do before [`finish`](D4Run::finish).
    ///
    /// # Errors
    /// [`Error::Cancelled`], [`Error::OutOfMemory`], [`Error::Source`]; [`Error::Conflict`] after an
    /// error between two stages.
    pub fn step(&mut self, cx: &Context) -> Result<bool> {
        match &mut self.at {
            At::First(lloyd) if !lloyd.is_done() => {
                lloyd.step(cx)?;
                Ok(true)
            }
            At::First(_) => {
                self.deduplicate(cx)?;
                Ok(true)
            }
            At::Second { lloyd, .. } => lloyd.step(cx),
            At::Ended => Err(ended()),
        }
    }

    /// The state after the last finished step.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn checkpoint(&self) -> Result<D4Checkpoint> {
        let first = match (&self.first, &self.at) {
            (Some(first), _) => first.try_clone()?,
            (None, At::First(lloyd)) => lloyd.checkpoint()?,
            (None, _) => return Err(ended()),
        };
        let second = match &self.at {
            At::Second { lloyd, .. } => Some(lloyd.checkpoint()?),
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
        let At::Second { clusters, dedup, lloyd } = self.at else { return Err(ended()) };
        let n = dedup.keep.len();
        let reclustered = lloyd.finish(cx)?;
        let kept = count("keep_fraction", self.params.keep_fraction, n)?;
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
        let At::First(lloyd) = core::mem::replace(&mut self.at, At::Ended) else {
            return Err(ended());
        };
        self.first = Some(lloyd.checkpoint()?);
        let (clusters, blocks) = lloyd.into_parts(cx)?;
        let blocks = blocks.without_copies();
        let (dedup, backend, source) = (self.params.deduplication()?, &blocks.backend, &blocks.source);
        let dedup = match blocks.shared(Metric::Cosine) {
            Some(shared) => dedup.fit_over(backend, source, &clusters, || Ok(shared), cx)?,
            None => dedup.fit_on(backend, source, &clusters, cx)?,
        };
        let rows = survivors(&dedup)?;
        let second = self.params.second_clustering(blocks.n, rows.len());
        let subset = blocks.subset(rows, cx)?;
        let lloyd = Lloyd::over(&second, subset, None, self.resume_second.as_ref(), cx)?;
        self.at = At::Second { clusters, dedup, lloyd };
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
    try_up_to(dedup.kept(), dedup.keep.iter().enumerate().filter(|&(_, &k)| k).map(|(i, _)| i))
}

/// The values of an array made from a vector: they lie side by side.
fn slice<T>(array: &Array1<T>) -> &[T] {
    array.as_slice().unwrap_or(&[])
}
