//! The pass over the samples: rows are kept, or turned into sums.

use alloc::vec::Vec;

use super::features::{BLOCK, Features, Space};
use super::gram;
use super::params::{CkaPath, LayerCka};
use super::result::CkaTable;
use crate::backend::Products;
use crate::backend::cpu::Cpu;
use crate::check;
use crate::control::Context;
use crate::error::*;
use crate::layers::gather::{Batch, Tokens, closed, complete, open};
use crate::memory::{try_all, try_capacity, try_collect, try_copy, try_grow};
use crate::rows::{IntoRows, Rows};

impl LayerCka {
    /// An empty stream.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], and [`Error::SimdLevel`] when the environment variable `PAUCA_SIMD` names
    /// no available level.
    pub fn start(&self) -> Result<CkaStream> {
        self.start_on(&Cpu::new()?)
    }

    /// [`start`](LayerCka::start) on the CPU of a chosen machine: its [`host`](Products::host), or a SIMD level.
    ///
    /// # Errors
    /// As [`start`](LayerCka::start), but for the environment.
    pub fn start_on(&self, products: &impl Products) -> Result<CkaStream> {
        let features = match self.path {
            CkaPath::Features => Some(Features::new(&self.dims)?),
            _ => None,
        };
        let rows = try_collect(self.dims.iter().map(|_| Vec::new()))?;
        Ok(CkaStream {
            config: self.copy()?,
            cpu: products.host()?,
            first: Vec::new(),
            rows,
            held: 0,
            features,
            spoilt: false,
            batch: None,
        })
    }

    /// The memory to turn rows into sums, where there are sums and a block of rows.
    fn space(&self, cpu: &Cpu, sums: Option<&Features>, rows: usize) -> Result<Option<Space>> {
        sums.filter(|_| rows >= BLOCK).map(|_| Space::new(cpu, &self.dims, BLOCK)).transpose()
    }

    /// The table of whole states, given at once, `states[l]` being `[n, dims[l]]`.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], [`Error::NonFiniteState`], and as [`start`](LayerCka::start).
    /// # Cost
    /// The lesser of n² sum(d) / 2 and n sum(d)² / 2 multiply-adds (see [`CkaPath`]), in products of
    /// matrices.
    pub fn fit(&self, states: &[Rows<'_>]) -> Result<CkaTable> {
        self.fit_in(states, Tokens::Rows, &Context::default())
    }

    /// [`fit`](LayerCka::fit) of chosen tokens, in a context.
    ///
    /// # Errors
    /// As [`fit`](LayerCka::fit), and those of [`CkaStream::begin_batch`].
    pub fn fit_in(&self, states: &[Rows<'_>], tokens: Tokens<'_>, cx: &Context<'_>) -> Result<CkaTable> {
        let mut stream = self.start()?;
        stream.push(states, tokens, cx)?;
        stream.finish(cx)
    }
}

/// More samples than any stream sees.
pub(super) const MAX_SAMPLES: u64 = 1 << 62;

/// Copies the lists.
fn copied_all<T: Copy>(lists: &[Vec<T>]) -> Result<Vec<Vec<T>>> {
    try_all(lists.iter().map(try_copy))
}

/// CKA in the making: takes batches, all states at once or one at a time, and merges with the
/// streams of other shards (within tier C).
#[derive(Clone, Debug)]
pub struct CkaStream {
    pub(super) config: LayerCka,
    cpu: Cpu,
    /// The first row of each state, which is subtracted from all.
    pub(super) first: Vec<Vec<f64>>,
    /// Rows kept, for each state: all of them, or those not yet added to the sums.
    pub(super) rows: Vec<Vec<f32>>,
    pub(super) held: usize,
    pub(super) features: Option<Features>,
    /// Whether a call was stopped while it added to the sums.
    spoilt: bool,
    batch: Option<Batch>,
}

impl CkaStream {
    /// Samples so far.
    pub fn samples(&self) -> u64 {
        self.held as u64 + self.features.as_ref().map_or(0, |f| f.n)
    }

    /// Takes a batch of all states.
    ///
    /// # Errors
    /// The errors of [`begin_batch`](CkaStream::begin_batch), [`push_layer`](CkaStream::push_layer) and
    /// [`end_batch`](CkaStream::end_batch).
    pub fn push(&mut self, states: &[Rows<'_>], tokens: Tokens<'_>, cx: &Context<'_>) -> Result<()> {
        self.begin_batch(tokens)?;
        let pushed = states.iter().try_for_each(|state| self.push_layer(*state));
        let done = pushed.and_then(|()| self.end_batch(cx));
        if done.is_err() {
            self.abort_batch();
        }
        done
    }

    /// Opens a batch.
    ///
    /// # Errors
    /// [`Error::Conflict`] while another is open, [`Error::NoToken`], [`Error::OutOfMemory`].
    pub fn begin_batch(&mut self, tokens: Tokens<'_>) -> Result<()> {
        self.closed()?;
        self.batch = Some(Batch::new(tokens, self.config.dims.len())?);
        Ok(())
    }

    /// Takes the next state of the open batch.
    ///
    /// # Errors
    /// [`Error::Conflict`] without an open batch, [`Error::ShapeMismatch`],
    /// [`Error::NonFiniteState`], [`Error::OutOfMemory`].
    pub fn push_layer<'a>(&mut self, state: impl IntoRows<'a>) -> Result<()> {
        let rows = state.into_rows()?;
        let expected = self.config.dims.len();
        let batch = open(&mut self.batch)?;
        let Some(dim) = self.config.dims.get(batch.states.len()) else {
            return complete(expected, expected + 1);
        };
        batch.push(&rows, *dim)
    }

    /// Forgets the open batch, if there is one.
    pub fn abort_batch(&mut self) {
        self.batch = None;
    }

    /// Adds the open batch and closes it.
    ///
    /// # Errors
    /// [`Error::Conflict`] without an open batch, [`Error::ShapeMismatch`] when states are
    /// missing, [`Error::OutOfMemory`]: the stream is then what it was, the batch still open.
    /// After an [`Error::Cancelled`] while rows are added to sums over features the sums are
    /// incomplete, and every later call is a conflict.
    pub fn end_batch(&mut self, cx: &Context<'_>) -> Result<()> {
        let batch = open(&mut self.batch)?;
        if self.spoilt {
            self.batch = None;
            return self.closed();
        }
        complete(self.config.dims.len(), batch.states.len())?;
        let samples = batch.n_samples();
        // All memory first: after it nothing fails until the rows are in.
        let mut first = try_capacity(batch.states.len())?;
        if self.first.is_empty() && samples > 0 {
            for (state, dim) in batch.states.iter().zip(&self.config.dims) {
                let row = try_collect(state.iter().take(*dim).map(|v| crate::exact::float::widen(*v)))?;
                first.push(row);
            }
        }
        let features = match &self.features {
            None if !self.config.keeps(self.held + samples) => Some(Features::new(&self.config.dims)?),
            _ => None,
        };
        let space = self.config.space(
            &self.cpu,
            self.features.as_ref().or(features.as_ref()),
            self.held + samples,
        )?;
        for (kept, new) in self.rows.iter_mut().zip(&batch.states) {
            try_grow(kept, new.len())?;
        }
        for (kept, new) in self.rows.iter_mut().zip(&batch.states) {
            kept.extend_from_slice(new);
        }
        if !first.is_empty() {
            self.first = first;
        }
        self.features = self.features.take().or(features);
        self.held += samples;
        self.batch = None;
        self.settle(space, cx)
    }

    /// Turns kept rows into sums where there are any, in blocks of a fixed size from the start of
    /// the stream, so that the batches do not show.
    fn settle(&mut self, space: Option<Space>, cx: &Context<'_>) -> Result<()> {
        let (Some(features), Some(mut space)) = (&mut self.features, space) else { return Ok(()) };
        let full = self.held / BLOCK * BLOCK;
        self.spoilt = true;
        for at in (0..full).step_by(BLOCK) {
            features.add(&mut space, &self.rows, &self.first, at, cx)?;
        }
        self.spoilt = false;
        for (kept, dim) in self.rows.iter_mut().zip(&self.config.dims) {
            kept.drain(..full * dim);
        }
        self.held -= full;
        Ok(())
    }

    /// Adds everything of `other`, of the same configuration.
    ///
    /// # Errors
    /// [`Error::Conflict`] for another configuration and while a batch is open in either,
    /// [`Error::TooLarge`] for more than 2^62 samples, [`Error::OutOfMemory`]: the stream is then what it was;
    /// [`Error::Cancelled`] as [`end_batch`](CkaStream::end_batch).
    pub fn merge(&mut self, other: &Self, cx: &Context<'_>) -> Result<()> {
        self.closed()?;
        other.closed()?;
        let (same, why) = (self.config == other.config, "they differ in states or path");
        check::conflict(same, "this stream", "the other one", why)?;
        if other.samples() == 0 {
            return Ok(());
        }
        check::at_most("samples", self.samples().saturating_add(other.samples()), MAX_SAMPLES)?;
        if self.samples() == 0 {
            let features = other.features.as_ref().map(Features::copy).transpose()?;
            let (first, rows) = (copied_all(&other.first)?, copied_all(&other.rows)?);
            (self.features, self.first, self.rows, self.held) = (features, first, rows, other.held);
            return Ok(());
        }
        for (kept, new) in self.rows.iter_mut().zip(&other.rows) {
            try_grow(kept, new.len())?;
        }
        let sums = match (&self.features, &other.features) {
            (_, Some(theirs)) => {
                let mut theirs = theirs.copy()?;
                theirs.shift(&other.first, &self.first)?;
                Some(theirs)
            }
            (None, None) if !self.config.keeps(self.held + other.held) => {
                Some(Features::new(&self.config.dims)?)
            }
            _ => None,
        };
        let summed = self.features.as_ref().or(sums.as_ref());
        let space = self.config.space(&self.cpu, summed, self.held + other.held)?;
        if let Some(theirs) = sums {
            match &mut self.features {
                Some(ours) => ours.merge(&theirs),
                None => self.features = Some(theirs),
            }
        }
        for (kept, new) in self.rows.iter_mut().zip(&other.rows) {
            kept.extend_from_slice(new);
        }
        self.held += other.held;
        self.settle(space, cx)
    }

    /// The table of all samples so far.
    ///
    /// # Errors
    /// [`Error::Conflict`] while a batch is open, [`Error::Cancelled`], [`Error::OutOfMemory`].
    pub fn finish(&self, cx: &Context<'_>) -> Result<CkaTable> {
        self.closed()?;
        match &self.features {
            None => gram::table(&self.cpu, &self.rows, &self.first, &self.config.dims, self.held, cx),
            Some(features) if self.held == 0 => features.table(cx),
            Some(features) => {
                let (mut all, mut space) =
                    (features.copy()?, Space::new(&self.cpu, &self.config.dims, self.held)?);
                all.add(&mut space, &self.rows, &self.first, 0, cx)?;
                all.table(cx)
            }
        }
    }

    pub(super) fn closed(&self) -> Result<()> {
        let why = "the sums are incomplete";
        check::conflict(!self.spoilt, "this call", "a call that was stopped", why)?;
        closed(&self.batch)
    }
}
