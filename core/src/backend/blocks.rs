//! Passes over a source: blocks that a backend has checked and prepared.
//!
//! ```text
//! the source lies in memory    one block, prepared once
//! else                         block by block in every pass; the backend keeps the first ones while it
//!                              has room, the others are read anew
//! ```
//!
//! With threads, the next block is read while the present one is worked on.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use super::{Backend, Work};
use crate::check;
use crate::control::Context;
use crate::error::{Error, Result};
use crate::exact::Metric;
use crate::memory::{try_collect, try_grow};
use crate::rows::{RowSource, Rows, Scratch, Subset, delivered, gather_from, read_from};

/// The blocks of a source on a backend.
pub(crate) struct Blocks<'a, B: Backend, S: RowSource> {
    pub backend: B,
    pub source: S,
    pub metric: Metric,
    /// The shape of the source, asked once.
    pub n: usize,
    pub d: usize,
    /// Shared by algorithms that follow each other on the same rows.
    resident: Option<Arc<B::Block<'a>>>,
    /// The first blocks, until the backend has no room.
    kept: Vec<B::Kept>,
    full: bool,
}

impl<'a, B: Backend, S: RowSource + 'a> Blocks<'a, B, S> {
    /// The blocks of a source whose rows are passed over.
    pub fn of(backend: B, source: S, metric: Metric, cx: &Context) -> Result<Self> {
        let resident = source.lasting();
        Self::new(backend, source, resident, metric, cx)
    }

    /// The blocks of a source of which only [`some rows`](Blocks::with_rows) are wanted.
    pub fn to_gather(backend: B, source: S, metric: Metric, cx: &Context) -> Result<Self> {
        let resident = if backend.gathers() { source.lasting() } else { None };
        Self::new(backend, source, resident, metric, cx)
    }

    fn new(backend: B, source: S, resident: Option<Rows<'a>>, metric: Metric, cx: &Context) -> Result<Self> {
        let (n, d, limit) = (source.n_rows(), source.dim(), u32::MAX as usize);
        check::not_empty("x", n.min(d))?;
        check::at_most("rows of one call", n, limit)?;
        let resident = match resident {
            Some(rows) => {
                let block = located(backend.load(delivered(rows, n, d)?, metric, cx), &source, 0)?;
                Some(Arc::new(block))
            }
            None => None,
        };
        Ok(Self { backend, source, metric, n, d, resident, kept: Vec::new(), full: false })
    }
}

impl<'a, B: Backend, S: RowSource> Blocks<'a, B, S> {
    /// The block of all rows for an algorithm that compares by `metric` and wants [`some rows`](Blocks::with_rows), if there
    /// is such a block and the backend gathers from it.
    pub fn shared(&self, metric: Metric) -> Option<Blocks<'a, &B, &S>> {
        let Self { backend, source, n, d, .. } = self;
        let resident = self.resident.clone().filter(|_| self.metric == metric && backend.gathers())?;
        let (n, d, kept) = (*n, *d, Vec::new());
        Some(Blocks { backend, source, metric, n, d, resident: Some(resident), kept, full: false })
    }

    /// These blocks without the copies that were kept of them: for who wants [`some rows`](Blocks::with_rows) only.
    pub fn without_copies(self) -> Self {
        Self { kept: Vec::new(), full: true, ..self }
    }

    /// The blocks of some of the rows, gathered where the backend can, and there is memory for them all.
    pub fn subset(self, rows: Vec<usize>, cx: &Context) -> Result<Blocks<'a, B, Subset<S>>> {
        let Self { backend, source, metric, d, resident, .. } = self;
        let n = rows.len();
        check::not_empty("x", n.min(d))?;
        let resident = match resident {
            Some(block) if backend.gathers() => match gathered(&backend, &block, &rows, cx) {
                Ok(block) => block.map(Arc::new),
                Err(Error::OutOfMemory { .. }) => None,
                Err(error) => return Err(error),
            },
            _ => None,
        };
        let (source, kept) = (Subset::new(source, rows)?, Vec::new());
        Ok(Blocks { backend, source, metric, n, d, resident, kept, full: false })
    }

    /// Looks at every row once, so that a bad one is named before any is used.
    pub fn check(&mut self, cx: &Context) -> Result<()> {
        match self.resident {
            Some(_) => Ok(()),
            None => self.for_each(cx, |_, _, _| Ok(())),
        }
    }

    /// Calls `f` on every block, in order, with the backend and the local range of the block's rows.
    pub fn for_each(
        &mut self,
        cx: &Context,
        mut f: impl FnMut(&B, Range<usize>, &B::Block<'_>) -> Result<()>,
    ) -> Result<()> {
        let Self { backend, source, metric, n, d, resident, kept, full } = self;
        let (backend, source, n) = (&*backend, &*source, *n);
        if let Some(block) = resident {
            return f(backend, 0..n, block);
        }
        let step = source.block_rows().min(backend.rows_at_once(*d, Work::Pass)).max(1);
        // Empty behind the last block.
        let range = |b: usize| n.min(b.saturating_mul(step))..n.min((b + 1).saturating_mul(step));
        let blocks = n.div_ceil(step);
        for (b, block) in kept.iter().enumerate() {
            f(backend, range(b), &backend.kept(block))?;
        }
        let mut at = kept.len();
        let mut work = |rows: Rows<'_>, b: usize| -> Result<()> {
            let block = located(backend.load(rows, *metric, cx), source, range(b).start)?;
            if !*full {
                match backend.keep(&block, range(b).start, cx)? {
                    Some(copy) => {
                        try_grow(kept, 1)?;
                        kept.push(copy);
                    }
                    None => *full = true,
                }
            }
            f(backend, range(b), &block)
        };
        // Works on a block, and returns the next one, which was read meanwhile.
        fn ahead<'s, S: RowSource>(
            source: &'s S,
            next: Range<usize>,
            scratch: &'s mut Scratch,
            cx: &Context,
            work: impl FnOnce() -> Result<()>,
        ) -> Result<Option<Rows<'s>>> {
            if next.is_empty() {
                return work().map(|()| None);
            }
            let mut read = None;
            cx.exec.beside(|| read = Some(read_from(source, next, scratch)), work)?;
            read.transpose()
        }
        let (mut even, mut odd) = (Scratch::new(), Scratch::new());
        if at == blocks {
            return Ok(());
        }
        let mut rows = Some(read_from(source, range(at), &mut even)?);
        while let Some(current) = rows {
            let next = ahead(source, range(at + 1), &mut odd, cx, || work(current, at))?;
            let Some(current) = next else { break };
            rows = ahead(source, range(at + 2), &mut even, cx, || work(current, at + 1))?;
            at += 2;
        }
        Ok(())
    }

    /// Calls `f` on the block of some rows, in their order.
    pub fn with_rows<T>(
        &self,
        rows: &[usize],
        scratch: &mut Scratch,
        cx: &Context,
        f: impl FnOnce(&B::Block<'_>) -> Result<T>,
    ) -> Result<T> {
        if let Some(block) = &self.resident
            && let Some(block) = gathered(&self.backend, block, rows, cx)?
        {
            return f(&block);
        }
        let gathered = gather_from(&self.source, rows, scratch)?;
        f(&self.backend.load(gathered, self.metric, cx)?)
    }
}

/// See [`Backend::gather`].
fn gathered<'a, B: Backend>(
    backend: &B,
    block: &B::Block<'a>,
    rows: &[usize],
    cx: &Context,
) -> Result<Option<B::Block<'a>>> {
    backend.gather(block, &try_collect(rows.iter().map(|&i| i as u32))?, cx)
}

/// Names the global row of a bad value that was found at a local one of a block that begins at `start`.
fn located<T, S: RowSource + ?Sized>(result: Result<T>, source: &S, start: usize) -> Result<T> {
    result.map_err(|error| error.at("x", |row| source.row_id(start + row)))
}
