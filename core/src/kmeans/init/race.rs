//! D² sampling as an exponential race with stale clocks.
//!
//! Row i owns one exponential clock of size -ln(u_i), which runs down at the rate ("hazard")
//! h_i = w_i D_i². Of independent exponential clocks, i fires first with probability
//! h_i / sum h: one step of k-means++. Clocks have no memory, so the others simply go on, at the
//! rates that the new seed leaves them: the order of firing is a k-means++ seeding.
//!
//! **Stale clocks.** D² only falls, so a firing time computed with fewer seeds is a lower bound.
//! All rows lie in a heap by such bounds; only the top is brought up to date, until an up-to-date
//! row is on top: that one fires. Most rows are far from firing and never looked at again.
//!
//! **Path independence.** A row catches up with the seeds one after the other, in their order, and
//! its clock is re-anchored only at seeds that strictly lower its D²: rem -= h (T_c - T_anchor),
//! clamped at 0, then time = max(time, T_c + rem / h'). The numbers are those of a row that looked
//! at each seed at once, whenever it does look. The max keeps rounding from moving a firing time
//! below an earlier bound. Restarting a clock at each seed would be biased: a row that was
//! brought up to date would have more of its clock left than it should.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use ndarray::ArrayView2;

use super::{Shares, TASK};
use crate::control::{Context, Job};
use crate::error::Result;
use crate::exact::elementary::ln;
use crate::exact::{Metric, cosine_from, dot64, squared_distance};
use crate::memory::{try_capacity, try_vec};
use crate::random::Stream;
use crate::rows::{Element, RowSource, Scratch, row_of, with_view};

/// One row's clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Clock {
    /// Distance to the nearest of the seeds that were looked at.
    d2: f64,
    /// What was left of the clock at the anchor.
    rem: f64,
    /// The seed that last lowered `d2`.
    anchor: u32,
    /// Seeds looked at.
    seen: u32,
}

/// The seeds so far, as the rows see them.
struct Centres {
    metric: Metric,
    d: usize,
    /// [seeds, d].
    values: Vec<f32>,
    /// Their dot products with themselves, for the cosine.
    squares: Vec<f64>,
    /// When they were drawn; the race starts at 0 with the first.
    times: Vec<f64>,
}

pub(super) struct Race<'a, S: RowSource + ?Sized> {
    source: &'a S,
    shares: &'a Shares<'a>,
    centres: Centres,
    clocks: Vec<Clock>,
    /// (bits of a lower bound of the firing time, row), rows of positive weight. Times are not
    /// negative, so their bits are ordered as they are; never is infinity.
    heap: BinaryHeap<Reverse<(u64, usize)>>,
    scratch: Scratch,
    distances: u64,
}

impl Centres {
    fn push<T: Element>(&mut self, view: &ArrayView2<'_, T>, row: usize, time: f64) {
        let start = self.values.len();
        self.values.extend(view.row(row).iter().map(|x| x.to_f32()));
        let new = &self.values[start..];
        self.squares.push(dot64(new, new));
        self.times.push(time);
    }

    /// D² between a row and seed `c`; `square` is the row's dot product with itself.
    #[inline(always)]
    fn distance(&self, row: &[f32], square: f64, c: usize) -> f64 {
        let centre = &self.values[c * self.d..(c + 1) * self.d];
        match self.metric {
            Metric::SqEuclidean => squared_distance(row, centre),
            Metric::Cosine => 1.0 - cosine_from(dot64(row, centre), square, self.squares[c]),
        }
    }

    #[inline(always)]
    fn square(&self, row: &[f32]) -> f64 {
        match self.metric {
            Metric::SqEuclidean => 0.0,
            Metric::Cosine => dot64(row, row),
        }
    }

    /// Shows the row all seeds that it has not seen, in order; returns its firing time.
    fn catch_up<T: Element>(
        &self,
        view: &ArrayView2<'_, T>,
        i: usize,
        w: f64,
        mut time: f64,
        clock: &mut Clock,
    ) -> Result<f64> {
        let mut buffer = row_buffer(view)?;
        let row = row_of(view, i, &mut buffer);
        let square = self.square(row);
        for c in clock.seen as usize..self.times.len() {
            let d2 = self.distance(row, square, c);
            if d2 < clock.d2 {
                let elapsed = self.times[c] - self.times[clock.anchor as usize];
                let rem = clock.rem - w * clock.d2 * elapsed;
                let rem = if rem > 0.0 { rem } else { 0.0 };
                let hazard = w * d2;
                let fires = if hazard > 0.0 { self.times[c] + rem / hazard } else { f64::INFINITY };
                time = time.max(fires);
                *clock = Clock { d2, rem, anchor: c as u32, seen: clock.seen };
            }
        }
        clock.seen = self.times.len() as u32;
        Ok(time)
    }
}

/// What [`row_of`] needs: nothing where rows can be read in place.
pub(super) fn row_buffer<T: Element>(view: &ArrayView2<'_, T>) -> Result<Vec<f32>> {
    let in_place = T::as_f32(&[]).is_some() && (view.ncols() <= 1 || view.strides().get(1) == Some(&1));
    try_vec(if in_place { 1 } else { view.ncols() }, 0.0)
}

impl<'a, S: RowSource + ?Sized> Race<'a, S> {
    /// Starts all clocks at the first seed: one pass over the rows, block by block.
    pub(super) fn start(
        source: &'a S,
        shares: &'a Shares<'a>,
        metric: Metric,
        k: usize,
        first: usize,
        stream: Stream,
        cx: &Context,
    ) -> Result<Self> {
        let (n, d) = (source.n_rows(), source.dim());
        let mut scratch = Scratch::new();
        let mut centres = Centres {
            metric,
            d,
            values: try_capacity(k.saturating_mul(d))?,
            squares: try_capacity(k)?,
            times: try_capacity(k)?,
        };
        let row = source.gather(&[first], &mut scratch)?;
        with_view!(&row, view => centres.push(view, 0, 0.0));
        let mut clocks = try_vec(n, Clock { d2: 0.0, rem: 0.0, anchor: 0, seen: 1 })?;
        let block = source.block_rows().max(1);
        for (b, clocks) in clocks.chunks_mut(block).enumerate() {
            let start = b * block;
            let rows = source.read(start..start + clocks.len(), &mut scratch)?;
            let mut tasks = try_capacity(clocks.len().div_ceil(TASK))?;
            tasks.extend(clocks.chunks_mut(TASK).enumerate().map(|(t, clocks)| Job::new((t * TASK, clocks))));
            cx.in_waves(&mut tasks, (TASK * (d + 64)) as u64, |(at, clocks)| {
                with_view!(&rows, view => row_buffer(view).map(|mut buffer| {
                    for (i, clock) in clocks.iter_mut().enumerate() {
                        let row = row_of(view, *at + i, &mut buffer);
                        clock.d2 = centres.distance(row, centres.square(row), 0);
                        clock.rem = -ln(stream.uniform(source.row_id(start + *at + i), 0));
                    }
                }))
            })?;
        }
        let mut heap = try_capacity(n)?;
        for (i, clock) in clocks.iter().enumerate() {
            let w = shares.of(i);
            let hazard = w * clock.d2;
            if w > 0.0 && i != first {
                let time = if hazard > 0.0 { clock.rem / hazard } else { f64::INFINITY };
                heap.push(Reverse((time.to_bits(), i)));
            }
        }
        let heap = BinaryHeap::from(heap);
        Ok(Self { source, shares, centres, clocks, heap, scratch, distances: n as u64 })
    }

    /// The next row to fire, which becomes a seed; none when no clock runs any more.
    pub(super) fn next(&mut self, done: u64, cx: &Context) -> Result<Option<usize>> {
        let mut looked = 0u64;
        while let Some(&Reverse((bits, row))) = self.heap.peek() {
            let time = f64::from_bits(bits);
            if time == f64::INFINITY {
                return Ok(None);
            }
            if self.clocks[row].seen as usize == self.centres.times.len() {
                self.heap.pop();
                self.seed(row, time)?;
                return Ok(Some(row));
            }
            let time = self.refresh(row, time)?;
            if let Some(mut top) = self.heap.peek_mut() {
                *top = Reverse((time.to_bits(), row));
            }
            looked += 1;
            if looked.is_multiple_of(4096) {
                cx.control.poll("seed", done, self.centres.times.capacity() as u64)?;
            }
        }
        Ok(None)
    }

    pub(super) fn distances(&self) -> u64 {
        self.distances
    }

    fn seed(&mut self, row: usize, time: f64) -> Result<()> {
        let rows = self.source.gather(&[row], &mut self.scratch)?;
        with_view!(&rows, view => self.centres.push(view, 0, time));
        Ok(())
    }

    /// Brings one row up to date; returns its firing time.
    fn refresh(&mut self, row: usize, time: f64) -> Result<f64> {
        let clock = &mut self.clocks[row];
        let w = self.shares.of(row);
        self.distances += (self.centres.times.len() - clock.seen as usize) as u64;
        match self.source.resident() {
            Some(rows) => with_view!(&rows, v => self.centres.catch_up(v, row, w, time, clock)),
            None => {
                let rows = self.source.gather(&[row], &mut self.scratch)?;
                with_view!(&rows, v => self.centres.catch_up(v, 0, w, time, clock))
            }
        }
    }

    /// Brings all rows up to date, as the lazy race never does.
    #[cfg(test)]
    pub(super) fn refresh_all(&mut self) -> Result<()> {
        let mut all = core::mem::take(&mut self.heap).into_vec();
        for Reverse((bits, row)) in &mut all {
            *bits = self.refresh(*row, f64::from_bits(*bits))?.to_bits();
        }
        self.heap = BinaryHeap::from(all);
        Ok(())
    }

    /// Clocks and heap in the order of the rows.
    #[cfg(test)]
    pub(super) fn state(&self) -> (Vec<Clock>, Vec<(usize, u64)>, Vec<u64>) {
        let mut bounds: Vec<(usize, u64)> =
            self.heap.iter().map(|Reverse((bits, row))| (*row, *bits)).collect();
        bounds.sort_unstable();
        (self.clocks.clone(), bounds, self.centres.times.iter().map(|t| t.to_bits()).collect())
    }
}
