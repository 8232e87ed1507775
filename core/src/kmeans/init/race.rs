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
//!
//! **Looking.** A row that comes to the top has often missed thousands of seeds, most of which are farther than one
//! that it has seen. Such rows look at the seeds [a few rows together](Centres::catch_up_together), by a certified
//! test in `f32`, and the rows next to the top with them: their turn comes soon, and looking early changes no
//! number. A row that has missed a few seeds only looks at each by the definition.
//!
//! **Reading.** The distances to the first seed are the backend's, in one pass. From then on the race reads the
//! few rows that come to the top of the heap; where rows do not lie in memory, those next to the
//! top are read with them.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::centres::{Centres, Clock, Looking, Waiting};
use super::near::Near;
use super::shares::Shares;
use crate::backend::{Backend, Blocks, Copies};
use crate::control::{Context, Job, Stage};
use crate::error::Result;
use crate::exact::elementary::ln;
use crate::memory::{try_capacity, try_vec};
use crate::random::Stream;
use crate::rows::{RowSource, Scratch, gather_from};

/// Rows that are read at once while the race runs.
const BATCH: usize = 256;
/// Rows that look at the seeds together with the top: some tiles of the kernel.
const TOGETHER: usize = 64;
/// Seeds that a row looks at by itself.
const FEW: usize = 4;
/// Multiply-adds that are worth a task.
const TASK_COST: u64 = 1 << 18;
/// Rows whose clocks a task starts: enough not to notice the task, and a wave stays short.
const TASK: usize = 256;

pub(super) struct Race<'a, S: RowSource> {
    near: Near<'a, S>,
    shares: &'a Shares<'a>,
    centres: Centres,
    clocks: Vec<Clock>,
    /// (bits of a lower bound of the firing time, row), rows of positive weight. Times are not
    /// negative, so their bits are ordered as they are; never is infinity.
    heap: BinaryHeap<Reverse<(u64, usize)>>,
    /// The rows that look together, tile by tile.
    looking: Vec<Job<Looking>>,
    /// Rows taken out of the heap: to look together, and to be put back at once.
    stale: Vec<(u64, usize)>,
    fresh: Vec<(u64, usize)>,
    distances: u64,
    /// Seeds wanted.
    k: usize,
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
        let (mut scratch, mut buffer) = (Scratch::new(), try_vec(d, 0.0f32)?);
        let row = gather_from(&blocks.source, &[first], &mut scratch)?;
        let values = crate::memory::try_copy(row.row_at(0, &mut buffer))?;
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
        let farthest = clocks.iter().fold(0.0, |farthest: f64, clock| farthest.max(clock.d2));
        let centres = Centres::new(metric, k, &values, farthest)?;
        let tiles = TOGETHER.div_ceil(centres.rows());
        let mut looking = try_capacity(tiles)?;
        for _ in 0..tiles {
            looking.push(Job::new(centres.looking()?));
        }
        let (stale, fresh) = (try_capacity(TOGETHER)?, try_capacity(BATCH)?);
        let near = Near::new(source, (n, d), scratch, buffer)?;
        Ok(Self { near, shares, centres, clocks, heap, looking, stale, fresh, distances: n as u64, k })
    }

    /// The next row to fire, which becomes a seed; none when no clock runs any more.
    pub(super) fn next(&mut self, done: u64, cx: &Context) -> Result<Option<usize>> {
        let mut looked = 0u64;
        while let Some(&Reverse((bits, row))) = self.heap.peek() {
            let time = f64::from_bits(bits);
            if time == f64::INFINITY {
                return Ok(None);
            }
            match self.missed(row) {
                0 => {
                    self.heap.pop();
                    self.seed(row, time)?;
                    return Ok(Some(row));
                }
                1..=FEW => {
                    let time = self.refresh(row, time)?;
                    if let Some(mut top) = self.heap.peek_mut() {
                        *top = Reverse((time.to_bits(), row));
                    }
                }
                _ => {
                    let mut stale = core::mem::take(&mut self.stale);
                    self.top(TOGETHER, FEW, &mut stale);
                    self.refresh_together(&mut stale, cx)?;
                    self.stale = stale;
                }
            }
            looked += 1;
            if looked.is_multiple_of(1024) {
                cx.control.poll(Stage::Seed, done, self.k as u64)?;
            }
        }
        Ok(None)
    }

    pub(super) fn distances(&self) -> u64 {
        self.distances
    }

    /// Seeds that a row has not seen.
    fn missed(&self, row: usize) -> usize {
        self.centres.count() - self.clocks[row].seen as usize
    }

    fn seed(&mut self, row: usize, time: f64) -> Result<()> {
        self.bring(row)?;
        let Self { near, centres, .. } = self;
        near.with(row, |values| centres.push(values, time));
        Ok(())
    }

    /// Takes rows out of the heap that are next to the top, at most `most`, into `stale`, which has room for them; puts
    /// those back that have missed at most `few` seeds.
    fn top(&mut self, most: usize, few: usize, stale: &mut Vec<(u64, usize)>) {
        stale.clear();
        while stale.len() + self.fresh.len() < most
            && let Some(Reverse((time, row))) = self.heap.pop()
        {
            let rows = if self.missed(row) > few { &mut *stale } else { &mut self.fresh };
            rows.push((time, row));
        }
        // No more is in the heap than was when it was made: there is room.
        self.heap.extend(self.fresh.drain(..).map(Reverse));
    }

    /// Has `row` and, if it must be read, the stale rows next to the top read.
    fn bring(&mut self, row: usize) -> Result<()> {
        if self.near.has(row) { Ok(()) } else { self.read(&[(0, row)]) }
    }

    /// Reads rows, and the stale ones next to the top with them.
    fn read(&mut self, rows: &[(u64, usize)]) -> Result<()> {
        let mut next = try_capacity(BATCH)?;
        self.top(BATCH.saturating_sub(rows.len()), 0, &mut next);
        let mut wanted = try_capacity(rows.len() + next.len())?;
        wanted.extend(rows.iter().chain(&next).map(|(_, row)| *row));
        self.heap.extend(next.into_iter().map(Reverse));
        wanted.sort_unstable();
        wanted.dedup();
        self.near.read(wanted)
    }

    fn waiting(&self, row: usize, time: f64) -> Waiting {
        Waiting { row, share: self.shares.of(row), clock: self.clocks[row], time }
    }

    /// Brings one row up to date; returns its firing time.
    fn refresh(&mut self, row: usize, time: f64) -> Result<f64> {
        self.bring(row)?;
        self.distances += self.missed(row) as u64;
        let mut waiting = self.waiting(row, time);
        let Self { near, centres, .. } = self;
        near.with(row, |values| centres.catch_up(values, &mut waiting));
        self.clocks[row] = waiting.clock;
        Ok(waiting.time)
    }

    /// Brings rows up to date that were taken out of the heap, and puts them back.
    fn refresh_together(&mut self, rows: &mut [(u64, usize)], cx: &Context) -> Result<()> {
        if rows.iter().any(|(_, row)| !self.near.has(*row)) {
            self.read(rows)?;
        }
        // Rows that look together begin together.
        rows.sort_unstable_by_key(|(_, row)| (self.clocks[*row].seen, *row));
        let each = self.centres.rows();
        for rows in rows.chunks(each * self.looking.len()) {
            let (groups, mut most) = (rows.len().div_ceil(each), 0);
            for (g, rows) in rows.chunks(each).enumerate() {
                let mut looking = core::mem::take(&mut self.looking[g].work.waiting);
                looking.clear();
                looking.extend(rows.iter().map(|(time, row)| self.waiting(*row, f64::from_bits(*time))));
                let Self { near, centres, looking: jobs, .. } = self;
                let job = &mut jobs[g].work;
                job.waiting = looking;
                for (i, (_, row)) in rows.iter().enumerate() {
                    near.with(*row, |values| centres.take(job, i, values));
                }
                most = most.max(rows.first().map_or(0, |(_, row)| self.missed(*row)));
                self.distances += rows.iter().map(|(_, row)| self.missed(*row) as u64).sum::<u64>();
            }
            let Self { centres, looking, clocks, heap, .. } = self;
            let looking = &mut looking[..groups];
            let cost = (each * most * centres.dim()) as u64;
            if cost < TASK_COST {
                looking.iter_mut().for_each(|job| centres.catch_up_together(&mut job.work));
            } else {
                cx.in_waves(looking, cost, |looking| {
                    centres.catch_up_together(looking);
                    Ok(())
                })?;
            }
            for waiting in looking.iter().flat_map(|job| &job.work.waiting) {
                clocks[waiting.row] = waiting.clock;
                heap.push(Reverse((waiting.time.to_bits(), waiting.row)));
            }
        }
        Ok(())
    }

    /// Brings all rows up to date by the definition alone, as the lazy race never does.
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
        (self.clocks.clone(), bounds, self.centres.times().iter().map(|t| t.to_bits()).collect())
    }
}
