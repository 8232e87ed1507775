//! Two sides whose rows are ranked by cosine, block by block, on a backend.

use alloc::vec::Vec;
use core::ops::Range;

use super::score::check_sides;
use crate::backend::{Backend, Levels, Rank, SearchStats, Work};
use crate::control::{Context, Job, Stage};
use crate::error::Result;
use crate::exact::{Metric, cosine_from, dot64};
use crate::memory::{try_capacity, try_collect, try_vec};
use crate::rows::Rows;

/// Rows of x whose right candidates one task looks at.
const TASK: usize = 128;

/// Two sides, checked, with the squares of their rows.
pub(super) struct Sides<'a, B> {
    backend: &'a B,
    x: Rows<'a>,
    y: Rows<'a>,
    xx: Vec<f64>,
    yy: Vec<f64>,
}

/// Room for a row of each side.
pub(super) struct Buffers {
    x: Vec<f32>,
    y: Vec<f32>,
}

impl<'a, B: Backend> Sides<'a, B> {
    pub(super) fn new(backend: &'a B, x: Rows<'a>, y: Rows<'a>, cx: &Context) -> Result<Self> {
        check_sides(&x, &y)?;
        let squares = |rows: Rows<'_>, what| -> Result<Vec<f64>> {
            let mut squares = try_vec(rows.n_rows(), 0.0)?;
            let step = backend.rows_at_once(rows.dim(), Work::Pairs).max(1);
            for (at, squares) in squares.chunks_mut(step).enumerate() {
                let start = at * step;
                let part = rows.slice(start..start + squares.len())?;
                let block = backend.load(part, Metric::Cosine, cx);
                let block = block.map_err(|error| error.at(what, |row| (start + row) as u64))?;
                backend.squares(&block, squares, cx)?;
            }
            Ok(squares)
        };
        let (xx, yy) = (squares(x, "x")?, squares(y, "y")?);
        Ok(Self { backend, x, y, xx, yy })
    }

    pub(super) fn n(&self) -> usize {
        self.xx.len()
    }

    pub(super) fn m(&self) -> usize {
        self.yy.len()
    }

    /// The cosine by the definition.
    pub(super) fn cosine(&self, i: usize, j: usize, buffers: &mut Buffers) -> f64 {
        let (x, y) = (self.x.row_at(i, &mut buffers.x), self.y.row_at(j, &mut buffers.y));
        cosine_from(dot64(x, y), self.xx[i], self.yy[j])
    }

    /// Calls `f(i, &mut out[i], buffers)` for the rows of x from `first` on, side by side. `cosines` is about
    /// how many f evaluates.
    pub(super) fn each<T: Send>(
        &self,
        first: usize,
        out: &mut [T],
        cosines: usize,
        cx: &Context,
        f: impl Fn(usize, &mut T, &mut Buffers) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        let d = self.x.dim();
        let mut jobs =
            try_collect(out.chunks_mut(TASK).enumerate().map(|(t, out)| Job::new((first + t * TASK, out))))?;
        cx.in_waves(&mut jobs, (4 * TASK * d).saturating_mul(cosines) as u64, |(first, out)| {
            let mut buffers = Buffers { x: try_vec(d, 0.0)?, y: try_vec(d, 0.0)? };
            out.iter_mut().enumerate().try_for_each(|(i, out)| f(*first + i, out, &mut buffers))
        })
    }

    /// The blocks of x for work of that kind.
    pub(super) fn blocks(&self, work: Work) -> impl Iterator<Item = Range<usize>> + use<B> {
        let (n, step) = (self.n(), self.backend.rows_at_once(self.x.dim(), work).max(1));
        (0..n).step_by(step).map(move |start| start..n.min(start.saturating_add(step)))
    }

    /// Calls `f(block, targets, first)` with the rows `rows` of x and all rows of y in pieces of
    /// at most `piece(rows of y seen)`, `first` being the first of a piece.
    pub(super) fn meet(
        &self,
        stage: Stage,
        rows: Range<usize>,
        piece: impl Fn(usize) -> usize,
        cx: &Context,
        mut f: impl FnMut(&B::Block<'_>, &B::Targets<'_>, usize) -> Result<()>,
    ) -> Result<()> {
        let (backend, m, total) = (self.backend, self.m(), self.n() as u64);
        let part = self.x.slice(rows.clone())?;
        let block = backend.load(part, Metric::Cosine, cx)?;
        let most = backend.rows_at_once(self.y.dim(), Work::Pairs);
        let mut first = 0;
        cx.control.poll(stage, rows.start as u64, total)?;
        while first < m {
            let end = m.min(first.saturating_add(piece(first).min(most).max(1)));
            let of_piece = backend.load(self.y.slice(first..end)?, Metric::Cosine, cx)?;
            let pairs = (rows.len() as u64).saturating_mul((end - first) as u64);
            let targets = backend.pack_pairs(&of_piece, pairs, None, cx)?;
            f(&block, &targets, first)?;
            cx.control.check()?;
            first = end;
        }
        cx.control.poll(stage, rows.end as u64, total)
    }

    /// How the levels of each of the rows `rows` of x stand among all rows of y, row after row.
    pub(super) fn ranks<L: IntoIterator<Item = f64>>(
        &self,
        rows: Range<usize>,
        of_rows: impl Iterator<Item = L> + Clone,
        search: &mut SearchStats,
        cx: &Context,
    ) -> Result<Vec<Rank>> {
        let all = of_rows.clone().map(|levels| levels.into_iter().count()).sum();
        let (mut offsets, mut values) = (try_capacity(rows.len() + 1)?, try_capacity(all)?);
        offsets.push(0);
        for levels in of_rows {
            values.extend(levels);
            offsets.push(values.len());
        }
        let mut ranks = try_vec(all, Rank::default())?;
        let every = |_| usize::MAX;
        self.meet(Stage::Rank, rows, every, cx, |block, targets, _| {
            let levels = Levels { offsets: &offsets, values: &values };
            search.merge(&self.backend.ranks(block, targets, levels, &mut ranks, cx)?);
            Ok(())
        })?;
        Ok(ranks)
    }
}
