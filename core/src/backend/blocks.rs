//! One pass over a source: blocks that a backend has checked and prepared.

use core::ops::Range;

use super::Backend;
use crate::control::Context;
use crate::error::{Error, Result};
use crate::exact::Metric;
use crate::rows::{RowSource, Rows, Scratch};

/// The blocks of a source on a backend. Rows that lie in memory are prepared once and kept;
/// others are read and prepared anew in every pass.
pub(crate) struct Blocks<'a, B: Backend, S: RowSource> {
    pub backend: &'a B,
    pub source: S,
    pub metric: Metric,
    resident: Option<B::Block<'a>>,
}

impl<'a, B: Backend, S: RowSource + ?Sized> Blocks<'a, B, &'a S> {
    /// Of a source that outlives the passes.
    pub fn of(backend: &'a B, source: &'a S, metric: Metric, cx: &Context) -> Result<Self> {
        Self::new(backend, source, source.resident(), metric, cx)
    }
}

impl<'a, B: Backend, S: RowSource> Blocks<'a, B, S> {
    /// Of any source; `resident` are its rows, where they lie in memory for as long as `'a`.
    pub fn new(
        backend: &'a B,
        source: S,
        resident: Option<Rows<'a>>,
        metric: Metric,
        cx: &Context,
    ) -> Result<Self> {
        if source.n_rows() == 0 || source.dim() == 0 {
            return Err(Error::Empty { what: "x" });
        }
        if source.n_rows() > u32::MAX as usize {
            return Err(Error::TooLarge {
                what: "rows of one call",
                size: source.n_rows(),
                limit: u32::MAX as usize,
            });
        }
        let resident = match resident {
            Some(rows) => Some(located(backend.load(rows, 0, metric, cx), &source)?),
            None => None,
        };
        Ok(Self { backend, source, metric, resident })
    }

    /// Looks at every row once, so that a bad one is named before any is used.
    pub fn check(&self, cx: &Context) -> Result<()> {
        match self.resident {
            Some(_) => Ok(()),
            None => self.for_each(cx, |_, _| Ok(())),
        }
    }

    /// Calls `f` on every block, in order, with the local range of its rows.
    pub fn for_each(
        &self,
        cx: &Context,
        mut f: impl FnMut(Range<usize>, &B::Block<'_>) -> Result<()>,
    ) -> Result<()> {
        let n = self.source.n_rows();
        if let Some(block) = &self.resident {
            return f(0..n, block);
        }
        let step = self.source.block_rows().max(1);
        let mut scratch = Scratch::new();
        for start in (0..n).step_by(step) {
            let range = start..n.min(start + step);
            let rows = self.source.read(range.clone(), &mut scratch)?;
            let block = self.backend.load(rows, range.start as u64, self.metric, cx);
            f(range, &located(block, &self.source)?)?;
        }
        Ok(())
    }
}

/// Names the global row of a bad value that was found at a local one.
fn located<T, S: RowSource>(result: Result<T>, source: &S) -> Result<T> {
    result.map_err(|error| match error {
        Error::NonFinite { what, row, col } => {
            Error::NonFinite { what, row: source.row_id(row as usize), col }
        }
        other => other,
    })
}
