//! Softmaxes of rows of logits, in numbers that merge and travel.

use alloc::vec::Vec;

use super::LogSumExp;
use crate::bytes::{Reader, State, Writer, to_and_from_bytes};
use crate::check;
use crate::error::*;
use crate::memory::{try_capacity, try_vec};

/// Bytes that one row takes when written.
const ROW: usize = 32;

/// The softmax of one row, over the rows of the other side that were seen: what its loss and its
/// gradient need of them. Tier C.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoftmaxRow {
    /// The log-sum-exp of the row's logits.
    pub lse: LogSumExp,
    /// sum of w l over the positive pairs.
    pub dot: f64,
    /// sum of w.
    pub weight: f64,
}

impl SoftmaxRow {
    /// The softmax of a row that has seen no logits.
    pub(super) const NONE: Self =
        Self { lse: LogSumExp { max: f64::NEG_INFINITY, rest: 0.0 }, dot: 0.0, weight: 0.0 };

    pub(super) fn merge(&mut self, other: &Self) {
        self.lse.merge(&other.lse);
        self.dot += other.dot;
        self.weight += other.weight;
    }

    /// The loss of the row, every pair counting 1: sum of w (ln sum exp - l), in nats.
    pub fn loss(&self) -> f64 {
        if self.weight == 0.0 {
            return 0.0;
        }
        let gap = self.weight * self.lse.max - self.dot;
        // Below 0 by rounding only; a NaN stays one.
        (if gap < 0.0 { 0.0 } else { gap }) + self.weight * self.lse.excess()
    }
}

/// The softmaxes of the consecutive rows of one side, as far as the other side was seen.
///
/// Rows of the same number over *other* rows of the other side [`merge`](SoftmaxRows::merge), in
/// any order. How many were seen and at which scale is remembered, so that a block that was
/// forgotten, or merged twice, shows as an error and not as another loss; only the number of rows
/// is known, so one block merged twice *and* another of the same size forgotten is not noticed.
/// 32 bytes a row, also as bytes. For what is done with it see [`BlockStatistics`](super::BlockStatistics).
#[derive(Clone, Debug, PartialEq)]
pub struct SoftmaxRows {
    pub(super) rows: Vec<SoftmaxRow>,
    /// Rows of the other side; 0 exactly when all rows are NONE.
    pub(super) seen: u64,
    /// 0 when nothing was seen.
    pub(super) scale: f64,
}

impl SoftmaxRows {
    /// `rows` rows that have seen no logits: where merging starts.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn new(rows: usize) -> Result<Self> {
        Ok(Self { rows: try_vec(rows, SoftmaxRow::NONE)?, seen: 0, scale: 0.0 })
    }

    /// The rows.
    pub fn as_slice(&self) -> &[SoftmaxRow] {
        &self.rows
    }

    /// How many rows of the other side they have seen.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Takes what the same rows have seen elsewhere.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] for another number of rows, [`Error::InvalidParameter`] for another
    /// scale, [`Error::NonFinite`] for weights whose sum overflows; then nothing is merged.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        check::same_length("statistics to merge", self.rows.len(), other.rows.len())?;
        let scale = same_scale(self.scale, other.scale)?;
        let what = "statistics (sums of weights, or of weights times logits, overflow)";
        for (i, (a, b)) in self.rows.iter().zip(&other.rows).enumerate() {
            check::finite_at(what, (i, 0), a.dot + b.dot)?;
            check::finite_at(what, (i, 0), a.weight + b.weight)?;
        }
        self.rows.iter_mut().zip(&other.rows).for_each(|(a, b)| a.merge(b));
        self.scale = scale;
        self.seen = self.seen.saturating_add(other.seen);
        Ok(())
    }
}

to_and_from_bytes!(impl[] SoftmaxRows);

impl State for SoftmaxRows {
    const MARK: &'static [u8; 8] = b"paucaAR\0";
    const WHAT: &'static str = "statistics of softmaxes";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.reserve(self.rows.len().saturating_mul(ROW).saturating_add(ROW));
        to.u64s(&[self.rows.len() as u64, self.seen, self.scale.to_bits()]);
        for row in &self.rows {
            to.f64s([row.lse.max, row.lse.rest, row.dot, row.weight].into_iter());
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let (n, seen, scale) = (from.size()?, from.u64()?, from.f64()?);
        from.expect(n.checked_mul(ROW))?;
        from.holds(valid_scale(scale) && (seen == 0) == (scale == 0.0), "the scale is out of range")?;
        let mut rows = try_capacity(n)?;
        for _ in 0..n {
            let lse = LogSumExp { max: from.f64()?, rest: from.f64()? };
            let row = SoftmaxRow { lse, dot: from.f64()?, weight: from.f64()? };
            let plausible = lse.max.is_finite()
                && row.dot.is_finite()
                && [lse.rest, row.weight].iter().all(|v| v.is_finite() && *v >= 0.0);
            let good = if seen == 0 { row == SoftmaxRow::NONE } else { plausible };
            from.holds(good, "a number of a row is out of range")?;
            rows.push(row);
        }
        Ok(Self { rows, seen, scale })
    }
}

/// 0, or what a call takes as a scale.
pub(super) fn valid_scale(scale: f64) -> bool {
    scale.is_finite() && scale >= 0.0
}

/// The one scale of two states, of which either may know none.
pub(super) fn same_scale(a: f64, b: f64) -> Result<f64> {
    let agree = a == 0.0 || b == 0.0 || a == b;
    check::parameter("scale of one of the statistics", b, "that of all others", agree)?;
    Ok(if a == 0.0 { b } else { a })
}
