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

//! **Reading.** The distances to the first seed are the backend's, in one pass. From then on the race reads the
//! few rows that come to the top of the heap; where rows do not lie in memory, those next to the
//! top are read with them.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::shares::Shares;
use crate::backend::{Backend, Blocks, Copies};
use crate::control::{Context, Job, Stage};
use crate::error::Result;
use crate::exact::elementary::ln;
use crate::exact::{Metric, dot64};
use crate::memory::{try_capacity, try_grow, try_vec};
use crate::random::Stream;
use crate::rows::{RowSource, Rows, Scratch, delivered, gather_from};

/// Rows that are read at once while the race runs.
const BATCH: usize = 256;
/// Rows that a task looks at: enough not to notice the task, and a wave stays short.
const TASK: usize = 256;

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
    /// The dot products of the chosen rows with themselves, for the cosine.
    squares: Vec<f64>,
    /// When they were drawn; the race starts at 0 with the first.
    times: Vec<f64>,
}

pub(super) struct Race<'a, S: RowSource> {
    near: Near<'a, S>,
    shares: &'a Shares<'a>,
    centres: Centres,
    clocks: Vec<Clock>,
    /// (bits of a lower bound of the firing time, row), rows of positive weight. Times are not
    /// negative, so their bits are ordered as they are; never is infinity.
    heap: BinaryHeap<Reverse<(u64, usize)>>,
    distances: u64,
    /// Seeds wanted.
    k: usize,
}

/// The rows next to the top.
struct Near<'a, S: RowSource> {
    source: &'a S,
    /// All rows, where they lie in memory.
    resident: Option<Rows<'a>>,
    d: usize,
    scratch: Scratch,
    /// Ascending; row i of `values` is `rows[i]`.
    rows: Vec<usize>,
    values: Vec<f32>,
    buffer: Vec<f32>,
}

impl<S: RowSource> Near<'_, S> {
    fn has(&self, row: usize) -> bool {
        self.resident.is_some() || self.rows.binary_search(&row).is_ok()
    }

    /// Reads `rows`, in place of those read before.
    fn read(&mut self, mut rows: Vec<usize>) -> Result<()> {
        rows.sort_unstable();
        let d = self.d;
        let read = gather_from(self.source, &rows, &mut self.scratch)?;
        self.values.clear();
        try_grow(&mut self.values, rows.len() * d)?;
        for i in 0..rows.len() {
            self.values.extend_from_slice(read.row_at(i, &mut self.buffer));
        }
        self.rows = rows;
        Ok(())
    }

    /// Calls `f` with a row that is there.
    fn with<T>(&mut self, row: usize, f: impl FnOnce(&[f32]) -> T) -> Option<T> {
        if let Some(rows) = &self.resident {
            return Some(f(rows.row_at(row, &mut self.buffer)));
        }
        let (at, d) = (self.rows.binary_search(&row).ok()?, self.d);
        Some(f(&self.values[at * d..(at + 1) * d]))
    }
}

impl Centres {
    fn push(&mut self, row: &[f32], time: f64) {
        self.values.extend_from_slice(row);
        self.squares.push(dot64(row, row));
        self.times.push(time);
    }

    /// D² between a row and seed `c`; `square` is the row's dot product with itself.
    #[inline(always)]
    fn distance(&self, row: &[f32], square: f64, c: usize) -> f64 {
        let centre = &self.values[c * self.d..(c + 1) * self.d];
        self.metric.distance(row, centre, square, self.squares[c])
    }

    #[inline(always)]
    fn square(&self, row: &[f32]) -> f64 {
        match self.metric {
            Metric::SqEuclidean => 0.0,
            Metric::Cosine => dot64(row, row),
        }
    }

    /// Shows the row all seeds that it has not seen, in order; returns its firing time.
    fn catch_up(&self, row: &[f32], w: f64, mut time: f64, clock: &mut Clock) -> f64 {
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
        time
    }
}

impl<'a, S: RowSource> Race<'a, S> {
    /// Starts all clocks at the first seed: one pass over the rows, block by block.
    pub(super) fn start<B: Backend>(
        blocks: &'a mut Blocks<'_, B, S>,
        shares: &'a Shares<'a>,
        k: usize,
        first: usize,
        stream: Stream,
        cx: &Context,
    ) -> Result<Self> {
        let (n, d, metric) = (blocks.n, blocks.d, blocks.metric);
        let mut centres = Centres {
            metric,
            d,
            values: try_capacity(k.saturating_mul(d))?,
            squares: try_capacity(k)?,
            times: try_capacity(k)?,
        };
        let (mut scratch, mut buffer) = (Scratch::new(), try_vec(d, 0.0f32)?);
        let row = gather_from(&blocks.source, &[first], &mut scratch)?;
        centres.push(row.row_at(0, &mut buffer), 0.0);
        let seed = match blocks.backend.targets(row, metric, Copies::Keep, cx) {
            Ok(seed) => seed,
            // The first bad row is named, not the first that seeds.
            Err(error) => return blocks.check(cx).and(Err(error)),
        };
        let mut clocks = try_vec(n, Clock { d2: 0.0, rem: 0.0, anchor: 0, seen: 1 })?;
        let (mut zeros, mut distances) = (Vec::new(), Vec::new());
        blocks.for_each(cx, |backend, range, block| {
            if zeros.len() < range.len() {
                (zeros, distances) = (try_vec(range.len(), 0u32)?, try_vec(range.len(), 0.0f64)?);
            }
            let distances = &mut distances[..range.len()];
            backend.values(block, &seed, &zeros[..range.len()], distances, cx)?;
            clocks[range].iter_mut().zip(distances).for_each(|(clock, d2)| clock.d2 = *d2);
            Ok(())
        })?;
        let source = &blocks.source;
        let mut tasks = try_capacity(n.div_ceil(TASK))?;
        tasks.extend(clocks.chunks_mut(TASK).enumerate().map(|(t, clocks)| Job::new((t * TASK, clocks))));
        // A logarithm costs about as much as 64 multiply-adds.
        cx.in_waves(&mut tasks, (TASK * 64) as u64, |(at, clocks)| {
            for (i, clock) in clocks.iter_mut().enumerate() {
                clock.rem = -ln(stream.uniform(source.row_id(*at + i), 0));
            }
            Ok(())
        })?;
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
        let resident = source.resident().map(|rows| delivered(rows, n, d)).transpose()?;
        let near = Near { source, resident, d, scratch, rows: Vec::new(), values: Vec::new(), buffer };
        Ok(Self { near, shares, centres, clocks, heap, distances: n as u64, k })
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
                cx.control.poll(Stage::Seed, done, self.k as u64)?;
            }
        }
        Ok(None)
    }

    pub(super) fn distances(&self) -> u64 {
        self.distances
    }

    fn seed(&mut self, row: usize, time: f64) -> Result<()> {
        self.bring(row)?;
        let Self { near, centres, .. } = self;
        near.with(row, |values| centres.push(values, time));
        Ok(())
    }

    /// Has `row` and, if it must be read, the stale rows next to the top read.
    fn bring(&mut self, row: usize) -> Result<()> {
        if self.near.has(row) {
            return Ok(());
        }
        let mut rows = try_capacity(BATCH)?;
        rows.push(row);
        let mut popped = try_capacity(BATCH)?;
        while popped.len() + 1 < BATCH
            && let Some(top) = self.heap.pop()
        {
            popped.push(top);
            let Reverse((_, other)) = top;
            if other != row && (self.clocks[other].seen as usize) < self.centres.times.len() {
                rows.push(other);
            }
        }
        // Less than was popped was pushed since the heap was made: there is room.
        self.heap.extend(popped);
        self.near.read(rows)
    }

    /// Brings one row up to date; returns its firing time.
    fn refresh(&mut self, row: usize, time: f64) -> Result<f64> {
        self.bring(row)?;
        let Self { near, shares, centres, clocks, distances, .. } = self;
        let clock = &mut clocks[row];
        *distances += (centres.times.len() - clock.seen as usize) as u64;
        let caught_up = near.with(row, |values| centres.catch_up(values, shares.of(row), time, clock));
        Ok(caught_up.unwrap_or(time))
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
