//! Rows that were checked, and copies of them that last.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use super::machine::Cpu;
use crate::control::{Context, Job};
use crate::error::{Error, Result};
use crate::exact::Metric;
use crate::exact::float::finite;
use crate::memory::{try_capacity, try_copy, try_vec};
use crate::rows::{Rows, StoredRows};
use crate::simd::{DotKernel, ask_for};

/// Rows that were checked, with their squared norms where the metric needs them.
#[derive(Debug)]
pub struct CpuBlock<'a> {
    rows: Held<'a>,
    pub(super) metric: Metric,
    /// dot(x, x) by the definition; empty for Euclidean blocks.
    pub(super) squares: Squares<'a>,
    pub(super) name: Name,
}

/// Rows that are lent, or a block's own.
#[derive(Debug)]
enum Held<'a> {
    Lent(Rows<'a>),
    Own(StoredRows),
}

/// Tells the rows of one block from those of every other, for as long as somebody holds it. Rows do not change while
/// they are lent, so what is remembered under a name is true of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Name(Arc<u8>);

impl Name {
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Squares of rows that a block made, or that were kept with its rows.
#[derive(Debug)]
pub(super) enum Squares<'a> {
    Made(Vec<f64>),
    Kept(&'a [f64]),
}

impl core::ops::Deref for Squares<'_> {
    type Target = [f64];
    fn deref(&self) -> &[f64] {
        match self {
            Squares::Made(squares) => squares,
            Squares::Kept(squares) => squares,
        }
    }
}

/// A block with rows of its own.
#[derive(Debug)]
pub struct CpuKept {
    rows: StoredRows,
    metric: Metric,
    squares: Vec<f64>,
    name: Name,
}

impl<'a> CpuBlock<'a> {
    /// See [`Backend::load`](crate::backend::Backend::load).
    pub(super) fn new(cpu: &Cpu, rows: Rows<'a>, metric: Metric, cx: &Context) -> Result<Self> {
        let (n, d) = (rows.n_rows(), rows.dim());
        let mut squares = try_vec(if metric == Metric::Cosine { n } else { 0 }, 0.0f64)?;
        let step = (32 * 1024 / d.max(1)).max(1);
        let mut jobs = try_capacity(n.div_ceil(step))?;
        let mut rest = &mut squares[..];
        for start in (0..n).step_by(step) {
            let rows = start..n.min(start + step);
            let (mine, others) = rest.split_at_mut(if metric == Metric::Cosine { rows.len() } else { 0 });
            rest = others;
            jobs.push(Job::new((rows, mine)));
        }
        cx.in_waves(&mut jobs, (step * d) as u64, |(range, squares)| {
            check_rows(&cpu.dots, &rows, range.clone(), squares)
        })?;
        Ok(Self { rows: Held::Lent(rows), metric, squares: Squares::Made(squares), name: Name::default() })
    }

    /// The rows, checked: all values are finite. For a backend that keeps such a block beside its own.
    ///
    /// # Example
    /// ```
    /// use pauca::backend::Backend;
    /// use pauca::{Context, Cpu, Metric, Rows};
    /// let x = ndarray::array![[0.0f32, 1.0], [4.0, 4.0]];
    /// let block = Cpu::new()?.load(Rows::F32(x.view()), Metric::Cosine, &Context::default())?;
    /// assert_eq!((block.rows().n_rows(), block.metric()), (2, Metric::Cosine));
    /// # Ok::<(), pauca::Error>(())
    /// ```
    pub fn rows(&self) -> Rows<'_> {
        match &self.rows {
            Held::Lent(rows) => rows.view(),
            Held::Own(rows) => rows.view(),
        }
    }

    /// The metric by which the rows are compared.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// Some of the rows, repeats allowed, as a block that holds a copy of them. For a backend that
    /// [gathers](crate::backend::Backend::gather) and keeps such a block beside its own.
    ///
    /// # Errors
    /// [`ShapeMismatch`](Error::ShapeMismatch) for a row outside the block, [`OutOfMemory`](Error::OutOfMemory).
    ///
    /// # Example
    /// ```
    /// use pauca::backend::Backend;
    /// use pauca::{Context, Cpu, Metric, Rows};
    /// let x = ndarray::array![[0.0f32, 1.0], [4.0, 4.0]];
    /// let block = Cpu::new()?.load(Rows::F32(x.view()), Metric::Cosine, &Context::default())?;
    /// let gathered = block.gather(&[1, 1, 0])?;
    /// assert_eq!(gathered.rows().row(1, &mut [0.0; 2])?, [4.0, 4.0]);
    /// # Ok::<(), pauca::Error>(())
    /// ```
    pub fn gather<'g>(&self, rows: &[u32]) -> Result<CpuBlock<'g>> {
        let own = StoredRows::gathered(&self.rows(), rows)?;
        let mut squares = try_capacity(if self.squares.is_empty() { 0 } else { rows.len() })?;
        squares.extend(rows.iter().filter_map(|row| self.squares.get(*row as usize)));
        let (rows, squares) = (Held::Own(own), Squares::Made(squares));
        Ok(CpuBlock { rows, metric: self.metric, squares, name: Name::default() })
    }

    /// Copies the block, with rows of its own.
    pub(super) fn copy(&self) -> Result<CpuKept> {
        let (rows, squares) = (StoredRows::of(&self.rows())?, try_copy(&*self.squares)?);
        Ok(CpuKept { rows, metric: self.metric, squares, name: self.name.clone() })
    }

    /// `out[i] = f(i, row i)`.
    pub(super) fn by_row(
        &self,
        out: &mut [f64],
        cx: &Context,
        f: impl Fn(usize, &[f32]) -> f64 + Sync + Send,
    ) -> Result<()> {
        let rows = self.rows();
        let step = (64 * 1024 / rows.dim().max(1)).max(1);
        let mut jobs = try_capacity(out.len().div_ceil(step))?;
        jobs.extend(out.chunks_mut(step).enumerate().map(|(i, out)| Job::new((i * step, out))));
        cx.in_waves(&mut jobs, (8 * step * rows.dim()) as u64, |(first, out)| {
            let mut buffer = try_vec(rows.dim(), 0.0f32)?;
            let end = *first + out.len();
            for (i, out) in out.iter_mut().enumerate() {
                if *first + i + 1 < end {
                    ask_for(rows.bytes_of(*first + i + 1, &(0..rows.dim())));
                }
                *out = f(*first + i, rows.row_at(*first + i, &mut buffer));
            }
            Ok(())
        })
    }
}

impl CpuKept {
    /// The block of these rows.
    pub(super) fn block(&self) -> CpuBlock<'_> {
        let (rows, squares) = (Held::Lent(self.rows.view()), Squares::Kept(&self.squares));
        CpuBlock { rows, metric: self.metric, squares, name: self.name.clone() }
    }
}

/// Finds the first value that is not finite; writes dot(x, x) where `squares` has room.
fn check_rows(dots: &DotKernel, rows: &Rows<'_>, range: Range<usize>, squares: &mut [f64]) -> Result<()> {
    let mut buffer = try_vec(rows.dim(), 0.0f32)?;
    for (i, r) in range.enumerate() {
        let row = rows.row_at(r, &mut buffer);
        // All values are looked at without a branch; only a bad row is searched for its column. No sum of squares of finite
        // f32 leaves the range of f64.
        let fine = match squares.get_mut(i) {
            Some(square) => {
                *square = dots.dot(row, row);
                square.is_finite()
            }
            None => row.iter().fold(true, |ok, x| ok & finite(*x)),
        };
        if !fine {
            let col = row.iter().position(|x| !finite(*x)).unwrap_or(0);
            return Err(Error::NonFinite { what: "x", row: r as u64, col });
        }
    }
    Ok(())
}
