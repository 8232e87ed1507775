//! The seeds so far, as the rows see them.

use alloc::vec::Vec;

use super::screen::{Group, Screen};
use crate::error::Result;
use crate::exact::{Metric, dot64};
use crate::memory::{try_capacity, try_vec};

/// One row's clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Clock {
    /// Distance to the nearest of the seeds that were looked at.
    pub d2: f64,
    /// What was left of the clock at the anchor.
    pub rem: f64,
    /// The seed that last lowered `d2`.
    pub anchor: u32,
    /// Seeds looked at.
    pub seen: u32,
}

/// A row that is to look at the seeds that it has not seen.
#[derive(Clone, Copy)]
pub(super) struct Waiting {
    pub row: usize,
    /// How often it may be drawn.
    pub share: f64,
    pub clock: Clock,
    /// A lower bound of its firing time.
    pub time: f64,
}

/// The seeds so far.
pub(super) struct Centres {
    metric: Metric,
    d: usize,
    /// [seeds, d].
    values: Vec<f32>,
    /// The dot products of the chosen rows with themselves, for the cosine.
    squares: Vec<f64>,
    /// When they were drawn; the race starts at 0 with the first.
    times: Vec<f64>,
    screen: Screen,
}

/// Rows that look at the seeds together, and the memory for it.
pub(super) struct Looking {
    pub waiting: Vec<Waiting>,
    /// Row by row.
    values: Vec<f32>,
    squares: Vec<f64>,
    group: Group,
}

impl Centres {
    /// The first seed, for `k` in all; no row lies farther from it than `farthest`.
    pub fn new(metric: Metric, k: usize, first: &[f32], farthest: f64) -> Result<Self> {
        let mut centres = Self {
            metric,
            d: first.len(),
            values: try_capacity(k.saturating_mul(first.len()))?,
            squares: try_capacity(k)?,
            times: try_capacity(k)?,
            screen: Screen::new(metric, k, first, farthest)?,
        };
        centres.push(first, 0.0);
        Ok(centres)
    }

    pub fn count(&self) -> usize {
        self.times.len()
    }

    /// Values of a seed.
    pub fn dim(&self) -> usize {
        self.d
    }

    #[cfg(test)]
    pub fn times(&self) -> &[f64] {
        &self.times
    }

    pub fn push(&mut self, row: &[f32], time: f64) {
        let square = dot64(row, row);
        self.values.extend_from_slice(row);
        self.squares.push(square);
        self.times.push(time);
        self.screen.push(row, square);
    }

    /// The most rows that look together.
    pub fn rows(&self) -> usize {
        self.screen.rows()
    }

    /// Memory for rows that look together.
    pub fn looking(&self) -> Result<Looking> {
        let rows = self.rows();
        Ok(Looking {
            waiting: try_capacity(rows)?,
            values: try_vec(rows * self.d, 0.0)?,
            squares: try_vec(rows, 0.0)?,
            group: self.screen.group()?,
        })
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

    /// Shows the row one seed. Of the seeds before it, only those that were no nearer than another may be left out.
    #[inline(always)]
    fn look(&self, row: &[f32], square: f64, c: usize, waiting: &mut Waiting) {
        let (clock, w) = (&mut waiting.clock, waiting.share);
        let d2 = self.distance(row, square, c);
        if d2 < clock.d2 {
            let elapsed = self.times[c] - self.times[clock.anchor as usize];
            let rem = clock.rem - w * clock.d2 * elapsed;
            let rem = if rem > 0.0 { rem } else { 0.0 };
            let hazard = w * d2;
            let fires = if hazard > 0.0 { self.times[c] + rem / hazard } else { f64::INFINITY };
            waiting.time = waiting.time.max(fires);
            *clock = Clock { d2, rem, anchor: c as u32, seen: clock.seen };
        }
    }

    /// Shows a row all seeds that it has not seen, in order.
    pub fn catch_up(&self, row: &[f32], waiting: &mut Waiting) {
        let square = self.square(row);
        for c in waiting.clock.seen as usize..self.count() {
            self.look(row, square, c, waiting);
        }
        waiting.clock.seen = self.count() as u32;
    }

    /// Takes the values of the `i`th waiting row.
    pub fn take(&self, looking: &mut Looking, i: usize, row: &[f32]) {
        looking.values[i * self.d..(i + 1) * self.d].copy_from_slice(row);
    }

    /// Shows the waiting rows, whose values were [taken](Centres::take), all seeds that they have not seen, in order.
    /// A seed that cannot lie below a row's D² is passed over: nothing would come of it.
    pub fn catch_up_together(&self, looking: &mut Looking) {
        let Looking { waiting, values, squares, group } = looking;
        let row = |r: usize| &values[r * self.d..(r + 1) * self.d];
        let mut d2 = [0.0; crate::products::MAX_ROWS];
        let mut first = self.count();
        for (r, waiting) in waiting.iter().enumerate() {
            // The screen needs the square of a row under the cosine only, as the definition does.
            squares[r] = self.square(row(r));
            self.screen.set(group, r, row(r), squares[r]);
            d2[r] = waiting.clock.d2;
            first = first.min(waiting.clock.seen as usize);
        }
        self.screen.scan(group, first, &d2[..waiting.len()], |r, (base, mut bits)| {
            let waiting = &mut waiting[r];
            while bits != 0 {
                let c = base + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                if (waiting.clock.seen as usize..self.count()).contains(&c) {
                    self.look(row(r), squares[r], c, waiting);
                }
            }
            waiting.clock.d2
        });
        for waiting in waiting {
            waiting.clock.seen = self.count() as u32;
        }
    }
}
