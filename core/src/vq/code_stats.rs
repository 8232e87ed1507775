//! Statistics of a batch, per code: how many rows it got and their exact sum.

use alloc::vec::Vec;

use ndarray::ArrayView2;

use super::by_type::accumulate;
use super::ids::{MASKED, check_ids, for_blocks};
use crate::backend::Backend;
use crate::backend::cpu::Cpu;
use crate::bytes::{Reader, State, Writer, to_and_from_bytes};
use crate::check;
use crate::control::Context;
use crate::error::*;
use crate::exact::{Metric, Sums};
use crate::memory::{try_collect, try_up_to};
use crate::real::Real;

/// Count and exact sum of the rows of every code: what an EMA codebook is updated from.
///
/// Under cosine the rows count as unit rows f32(x / |x|) (for `f64` rows: unit rows in `f64`). The state
/// is made of integers, so statistics of any split of a batch [merge](CodeStats::merge) to the same
/// bits, and the elementwise sum of the flat buffers of [`planes`](CodeStats::planes) is the buffer of the
/// total: one integer all-reduce serves a cluster of machines. Tier A.
///
/// `f32` values are summed exactly. `f64` values are cut to multiples of 2^-149 (the smallest `f32`) and
/// must be below 2^127; so cut, they too are summed exactly.
///
/// **Memory.** 16 bytes a code and column for ordinary magnitudes.
///
/// # Example
/// ```
/// use pauca::{Metric, vq::CodeStats};
/// let z = ndarray::array![[1.0f32, 2.0], [3.0, 6.0], [9.0, 9.0]];
/// let mut stats = CodeStats::new(2, 2, Metric::SqEuclidean)?;
/// stats.collect(z.view(), &[1, 1, pauca::vq::MASKED])?;
/// assert_eq!((stats.count(1), stats.sum(1, 0), stats.sum(1, 1)), (2, 4.0, 8.0));
/// let again = CodeStats::from_planes(2, 2, Metric::SqEuclidean, &stats.planes()?)?;
/// assert_eq!(again.sum(1, 1), 8.0);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Debug)]
pub struct CodeStats {
    metric: Metric,
    sums: Sums,
}

impl CodeStats {
    /// The statistics of no rows: every count and sum is 0.
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::TooLarge`], [`Error::OutOfMemory`].
    pub fn new(k: usize, d: usize, metric: Metric) -> Result<Self> {
        Ok(Self { metric, sums: Sums::new(k, d)? })
    }

    /// Number of codes.
    pub fn n_codes(&self) -> usize {
        self.sums.n_clusters()
    }

    /// Values in a row.
    pub fn dim(&self) -> usize {
        self.sums.dim()
    }

    /// Whether rows or unit rows are summed.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// Adds the rows of `z` to the codes `ids`, those with id [`MASKED`] excepted. On the CPU.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], [`Error::LabelOutOfRange`], [`Error::NonFinite`], [`Error::OutOfMemory`]; after
    /// the last two the statistics must be discarded.
    pub fn collect<T: Real>(&mut self, z: ArrayView2<'_, T>, ids: &[u32]) -> Result<()> {
        self.collect_on(&Cpu::new()?, z, ids, &Context::default())
    }

    /// [`collect`](CodeStats::collect) on any backend.
    ///
    /// # Errors
    /// As [`collect`](CodeStats::collect); [`Error::Cancelled`].
    pub fn collect_on<B: Backend, T: Real>(
        &mut self,
        backend: &B,
        z: ArrayView2<'_, T>,
        ids: &[u32],
        cx: &Context,
    ) -> Result<()> {
        check::same_length("ids", z.nrows(), ids.len())?;
        check::same_length("columns of the statistics", z.ncols(), self.dim())?;
        check_ids(ids, self.n_codes())?;
        // Masked rows may hold anything, so they are not shown to the backend.
        if !ids.contains(&MASKED) {
            return for_blocks(&z, None, |rows, _| {
                accumulate(backend, rows, self.metric, ids, &mut self.sums, cx)
            });
        }
        let valid = try_up_to(ids.len(), (0..ids.len() as u32).filter(|&i| ids[i as usize] != MASKED))?;
        let labels = try_collect(valid.iter().map(|&i| ids[i as usize]))?;
        for_blocks(&z, Some(&valid), |rows, at| {
            accumulate(backend, rows, self.metric, &labels[at], &mut self.sums, cx)
        })
    }

    /// Adds the rows of `other`.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], [`Error::Mismatch`] for another metric, [`Error::OutOfMemory`].
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        check::same("metric of the statistics", self.metric == other.metric)?;
        self.sums.merge(&other.sums)
    }

    /// Rows of a code; 0 outside the shape.
    pub fn count(&self, code: usize) -> u64 {
        self.sums.rows(code)
    }

    /// Sum of one column over the rows of a code, rounded once; 0 outside the shape.
    pub fn sum(&self, code: usize, column: usize) -> f64 {
        self.sums.column_sum(code, column)
    }

    /// All rows.
    pub fn total(&self) -> u64 {
        (0..self.n_codes()).fold(0, |sum, j| sum.saturating_add(self.count(j)))
    }

    /// One flat buffer of integers for all-reduce: counts `[k]`, then nine planes `[k][d]`; see
    /// [`Sums::planes`]. 72 bytes a code and column.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn planes(&self) -> Result<Vec<i64>> {
        self.sums.planes()
    }

    /// The statistics of a buffer of [`planes`](CodeStats::planes), or of an elementwise sum of such buffers.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], [`Error::Corrupt`], and as [`new`](CodeStats::new).
    pub fn from_planes(k: usize, d: usize, metric: Metric, buffer: &[i64]) -> Result<Self> {
        Ok(Self { metric, sums: Sums::from_planes(k, d, false, buffer)? })
    }
}

to_and_from_bytes!(
    /// 40 bytes a code and column; equal statistics have equal bytes.
    impl[] CodeStats
);

impl State for CodeStats {
    const MARK: &'static [u8; 8] = b"paucaVS\0";
    const WHAT: &'static str = "statistics of codes";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.choice(&Metric::ALL, self.metric);
        self.sums.write(to);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let (metric, sums) = (from.choice(&Metric::ALL)?, Sums::read(from)?);
        from.holds(!sums.is_weighted(), "the sums have weights")?;
        Ok(Self { metric, sums })
    }
}
