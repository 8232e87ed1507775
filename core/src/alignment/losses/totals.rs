//! What all ranks together know of an InfoNCE loss: its value, and what the gradient divides by.

use ndarray::{ArrayView2, ArrayViewMut2};

use super::passes::{Direction, turn};
use super::softmax_rows::{same_scale, valid_scale};
use super::tiles::{Problem, SoftTargets};
use super::{
    Directions, InfoNce, LossGradients, LossNumbers, LossReduction, Outputs, PairWeighting, SoftmaxRows,
    Targets, checked_sides, owned,
};
use crate::bytes::{Reader, State, Writer, to_and_from_bytes};
use crate::check;
use crate::control::{Context, with_and_without_context};
use crate::error::*;
use crate::exact::F64Sum;
use crate::memory::try_capacity;
use crate::real::Real;

const SEEN: [&str; 2] =
    ["rows of y that the statistics of x have seen", "rows of x that the statistics of y have seen"];

/// The sums of an InfoNCE loss over the rows of one rank, merged over ranks: the value of the
/// whole loss, and the gradients of its blocks. Made by [`InfoNce::totals`], used as
/// [`BlockStatistics`](super::BlockStatistics) shows.
///
/// The sums are exact, so merging gives the same bits in any order and grouping. 2.5 KiB.
#[derive(Clone, Debug, PartialEq)]
pub struct InfoNceTotals {
    loss: InfoNce,
    /// 0 when nothing was seen.
    scale: f64,
    /// The sums over the rows of x, then those over the rows of y.
    sides: [Side; 2],
}

/// The sums over the rows of one side. Of a direction that is not asked for only `rows` is set.
#[derive(Clone, Debug, Default, PartialEq)]
struct Side {
    rows: u64,
    /// Rows of the other side that each has seen.
    seen: u64,
    weight: F64Sum,
    loss: F64Sum,
}

impl InfoNceTotals {
    pub(super) fn new(loss: InfoNce, rows: [&SoftmaxRows; 2]) -> Result<Self> {
        let mut totals = Self { loss, scale: 0.0, sides: Default::default() };
        for ((side, rows), wanted) in totals.sides.iter_mut().zip(rows).zip(loss.wanted()) {
            side.rows = rows.rows.len() as u64;
            if !wanted {
                continue;
            }
            totals.scale = same_scale(totals.scale, rows.scale)?;
            side.seen = rows.seen;
            for (i, row) in rows.rows.iter().enumerate() {
                let factor = loss.factor(row);
                let (weight, loss) = (factor * row.weight, factor * row.loss());
                let what = "losses of the rows (they overflow)";
                check::finite_at(what, (i, 0), weight)?;
                check::finite_at(what, (i, 0), loss)?;
                side.weight.add(weight);
                side.loss.add(loss);
            }
        }
        Ok(totals)
    }

    /// Takes the sums of other rows.
    ///
    /// # Errors
    /// [`Error::Mismatch`] for another loss, [`Error::InvalidParameter`] for another scale,
    /// [`Error::ShapeMismatch`] where the rows of one have seen more than those of the other; then
    /// nothing is merged.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        check::same("reduction, directions or weighting of the loss", self.loss == other.loss)?;
        let scale = same_scale(self.scale, other.scale)?;
        for ((mine, theirs), what) in self.sides.iter().zip(&other.sides).zip(SEEN) {
            let agree = mine.rows == 0 || theirs.rows == 0 || mine.seen == theirs.seen;
            check::shape(what, mine.seen, theirs.seen, agree)?;
        }
        for (mine, theirs) in self.sides.iter_mut().zip(&other.sides) {
            if theirs.rows > 0 {
                mine.seen = theirs.seen;
            }
            mine.rows = mine.rows.saturating_add(theirs.rows);
            mine.weight.merge(&theirs.weight);
            mine.loss.merge(&theirs.loss);
        }
        self.scale = scale;
        Ok(())
    }

    /// The loss over all merged rows, in nats; tier C.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] where rows have seen fewer or more rows of the other side than were
    /// merged here: a rank or a block is missing, or was counted twice (numbers of rows are
    /// compared, nothing else is known of them). [`Error::Empty`] when no
    /// pair is positive, [`Error::NonFinite`] when the loss overflows.
    pub fn value(&self) -> Result<f64> {
        let mut value = 0.0;
        for (side, total) in self.sides.iter().zip(self.divisors()?) {
            if let Some(total) = total {
                value += self.loss.share() * side.loss.value() / total;
            }
        }
        check::finite("loss", [value])?;
        Ok(value)
    }

    /// What the sum of each wanted direction is divided by.
    fn divisors(&self) -> Result<[Option<f64>; 2]> {
        let mut found = [None; 2];
        for (i, wanted) in self.loss.wanted().into_iter().enumerate() {
            if !wanted {
                continue;
            }
            let (side, other) = (&self.sides[i], &self.sides[1 - i]);
            check::same_length(SEEN[i], other.rows, side.seen)?;
            let total = side.weight.value();
            check::not_empty("positive pairs", total)?;
            check::finite("total weight", [total])?;
            found[i] = Some(if self.loss.is_mean() { total } else { 1.0 });
        }
        Ok(found)
    }

    with_and_without_context! {
        /// The gradients of one block, at the scale of its statistics: see
        /// [`BlockStatistics`](super::BlockStatistics) for what is added up.
        ///
        /// `complete`: the statistics of the block's rows of x over *all* rows of y, and of its rows of
        /// y over all rows of x; those of an unwanted direction are not looked at. The value returned
        /// is that of the whole loss, the same for every block.
        ///
        /// # Errors
        /// The errors of [`InfoNce`] and of [`value`](InfoNceTotals::value); [`Error::ShapeMismatch`] for
        /// statistics of another number of rows or of rows that have not seen everything;
        /// [`Error::InvalidParameter`] for statistics of another scale, and with the row whose logit
        /// exceeds its statistics' largest by more than rounding explains: those are of other data.
        block_gradients, block_gradients_in['a, T: Real](
            &self, x: ArrayView2<'a, T>, y: ArrayView2<'a, T>, targets: impl Into<Targets<'a, T>>,
            complete: (&SoftmaxRows, &SoftmaxRows); cx
        ) -> LossGradients<T> {
            self.divisors()?;
            checked_sides(x, y, self.scale)?;
            owned((x.nrows(), y.nrows(), x.ncols()), |into| {
                self.block_gradients_into(x, y, targets, complete, into, cx)
            })
        }
    }

    /// [`block_gradients_in`](InfoNceTotals::block_gradients_in) with dL/dx and dL/dy written into arrays of the
    /// caller's, of the shapes of x and y.
    ///
    /// # Errors
    /// As [`block_gradients`](InfoNceTotals::block_gradients), after some of which the arrays hold anything;
    /// `ShapeMismatch` for an array of another shape.
    pub fn block_gradients_into<'a, T: Real>(
        &self,
        x: ArrayView2<'a, T>,
        y: ArrayView2<'a, T>,
        targets: impl Into<Targets<'a, T>>,
        complete: (&SoftmaxRows, &SoftmaxRows),
        into: (ArrayViewMut2<'_, T>, ArrayViewMut2<'_, T>),
        cx: &Context,
    ) -> Result<LossNumbers> {
        // This names missing rows. Without rows there is no scale, and the next line would call the scale wrong.
        self.divisors()?;
        let problem = Problem::new(x, y, self.scale, targets.into(), SoftTargets::Weights)?;
        self.gradients(&problem, complete, into, cx)
    }

    pub(super) fn gradients<T: Real>(
        &self,
        problem: &Problem<'_, T>,
        complete: (&SoftmaxRows, &SoftmaxRows),
        into: Outputs<'_, T>,
        cx: &Context,
    ) -> Result<LossNumbers> {
        let value = self.value()?;
        let divisors = self.divisors()?;
        let mut directions = [None, None];
        for (i, (rows, len)) in [(complete.0, problem.n()), (complete.1, problem.m())].into_iter().enumerate()
        {
            let Some(total) = divisors[i] else { continue };
            check::same_length(["statistics of x", "statistics of y"][i], len, rows.rows.len())?;
            check::same_length(SEEN[i], self.sides[1 - i].rows, rows.seen)?;
            same_scale(self.scale, rows.scale)?;
            let mut factors = try_capacity(len)?;
            let unit = self.loss.share() / total;
            factors.extend(rows.rows.iter().map(|row| self.loss.factor(row) * unit));
            directions[i] = Some(Direction { rows: &rows.rows, factors });
        }
        let slack = problem.slack();
        let found = problem.gradients(into, cx, |tile| turn(tile, &directions, slack))?;
        Ok(LossNumbers { value, ..found })
    }
}

to_and_from_bytes!(impl[] InfoNceTotals);

impl State for InfoNceTotals {
    const MARK: &'static [u8; 8] = b"paucaAT\0";
    const WHAT: &'static str = "totals of InfoNCE";

    fn write(&self, to: &mut Writer) -> Result<()> {
        to.choice(Directions::ALL, self.loss.directions);
        to.choice(LossReduction::ALL, self.loss.reduction);
        to.choice(PairWeighting::ALL, self.loss.weighting);
        to.f64(self.scale);
        for side in &self.sides {
            to.u64s(&[side.rows, side.seen]);
            side.weight.write(to);
            side.loss.write(to);
        }
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self> {
        let (directions, reduction) = (from.choice(Directions::ALL)?, from.choice(LossReduction::ALL)?);
        let loss = InfoNce { reduction, directions, weighting: from.choice(PairWeighting::ALL)? };
        let scale = from.f64()?;
        from.holds(valid_scale(scale), "the scale is out of range")?;
        let mut sides: [Side; 2] = Default::default();
        for side in &mut sides {
            (side.rows, side.seen) = (from.u64()?, from.u64()?);
            (side.weight, side.loss) = (F64Sum::read(from)?, F64Sum::read(from)?);
            let good = side.weight.value() >= 0.0 && side.loss.value() >= 0.0;
            from.holds(good, "a sum is out of range")?;
        }
        Ok(Self { loss, scale, sides })
    }
}
