//! What the sweep left of each row: one target settles it; several are looked at closer, by 16 bits of each and by
//! their differences.

use core::ops::Range;

use super::super::super::kept::AT_ONCE;
use super::super::super::question::{Question, Search, Sieve, Wanted};
use super::{Block, Candidate, State};
use crate::error::Result;
use crate::exact::bounds::Codes;
use crate::exact::float::narrow_up;
use crate::memory::{try_grow, try_push};
use crate::simd::{Hit, ask_for};

impl Block<'_> {
    /// Settles the rows with one target left, and looks closer at the others. Row 0 of the task is row `first` of the search.
    pub fn settle<Q: Question>(
        &mut self,
        search: &Search<'_>,
        first: usize,
        question: &mut Q,
        sieve: &mut Sieve,
    ) -> Result<()> {
        self.pairs.clear();
        if Q::WANTED == Wanted::Least {
            self.kept.group(self.n, &self.upper)?;
        }
        for i in 0..self.n {
            let row = (self.from + i) as u32;
            match self.states[i] {
                State::Settled => sieve.some(question, row, &[])?,
                State::Given => sieve.all(row)?,
                // All were offered.
                State::Searched if Q::WANTED == Wanted::Every => sieve.some(question, row, &[])?,
                State::Searched => match *self.kept.of(i) {
                    // All lie beyond the limit of the question. Without one, the least score is never excluded; but no
                    // answer shall hang on that.
                    [] if self.limited[i] => sieve.some(question, row, &[])?,
                    [] => sieve.all(row)?,
                    [only] => sieve.some(question, row, &[only])?,
                    ref many if self.kept.too_many(many) => sieve.all(row)?,
                    ref several => {
                        try_grow(&mut self.pairs, several.len())?;
                        self.pairs.extend(several.iter().map(|slot| Hit::new(i, *slot as usize)));
                    }
                },
            }
        }
        let closer = self.codes.closer();
        if closer {
            self.multiply_pairs(search, true)?;
        }
        self.left.clear();
        self.ends.clear();
        let mut at = 0;
        while at < self.pairs.len() {
            let i = self.pairs[at].row();
            let end = at + self.pairs[at..].iter().take_while(|hit| hit.row() == i).count();
            let from = self.left.len();
            if closer {
                self.closer(search, i, at..end)?;
            } else {
                try_grow(&mut self.left, end - at)?;
                self.left.extend(self.pairs[at..end].iter().map(|hit| hit.slot() as u32));
            }
            if self.left.len() > from + 1 {
                // The definition will read the row, which is far away by now.
                ask_for(search.rows.bytes_of(first + self.from + i, &(0..search.dim())));
            }
            try_push(&mut self.ends, (i, self.left.len()))?;
            at = end;
        }
        let mut from = 0;
        for &(i, end) in &self.ends {
            let (row, left) = ((self.from + i) as u32, &self.left[from..end]);
            if closer && left.len() * AT_ONCE > self.ranges[i].len() {
                sieve.some(question, row, left)?;
            } else {
                // The definition takes less time for these than the next tier for all targets.
                sieve.settle(question, row, left)?;
            }
            from = end;
        }
        Ok(())
    }

    /// Adds to `left` the targets of `pairs[range]`, all of row `i`, that 16 bits of each target and the differences of
    /// targets leave.
    fn closer(&mut self, search: &Search<'_>, i: usize, range: Range<usize>) -> Result<()> {
        self.found.clear();
        let mut best = Candidate { slot: 0, z: f32::INFINITY };
        for at in range {
            let found = self.closely(at);
            if found.z < best.z {
                best = found;
            }
            try_push(&mut self.found, found)?;
        }
        for at in 0..self.found.len() {
            let found = self.found[at];
            if found.slot == best.slot || !self.exceeds(search, i, found, best) {
                try_push(&mut self.left, found.slot)?;
            }
        }
        Ok(())
    }

    /// The target of pair `at`, whose codes were multiplied, with its score by 16 bits of the target.
    #[inline(always)]
    pub(super) fn closely(&self, at: usize) -> Candidate {
        let (row, slot) = (&self.pair[self.pairs[at].row()], self.pairs[at].slot());
        let rest = (row.scale * self.codes.close[slot].rest.scale) * self.second[at] as f32;
        Candidate { slot: slot as u32, z: row.score(&self.codes.targets[slot], self.products[at]) - rest }
    }

    /// Whether a target certainly has a larger score than another, for row `i`.
    pub fn exceeds(&self, search: &Search<'_>, i: usize, this: Candidate, other: Candidate) -> bool {
        let slots = [this, other].map(|target| target.slot as usize);
        let [a, b] = slots.map(|slot| self.codes.targets[slot].norm);
        let above = this.z - other.z;
        // The norms bound the distance of the two targets, too.
        above > self.difference(i, slots, a + b) || above > self.bound(search, i, this, other)
    }

    /// By how much the difference of two scores of row `i` may err.
    pub fn bound(&self, search: &Search<'_>, i: usize, this: Candidate, other: Candidate) -> f32 {
        let slots = [this, other].map(|target| target.slot as usize);
        self.difference(i, slots, self.between(search, slots))
    }

    fn difference(&self, i: usize, slots: [usize; 2], between: f32) -> f32 {
        let (row, [a, b]) = (&self.pair[i], slots.map(|slot| self.codes.close[slot].rest.error));
        let rest = row.norm * (a + b) + 2.0 * row.fixed;
        (row.error * between + rest) * Codes::GROWN
    }

    /// At least the distance of two targets.
    fn between(&self, search: &Search<'_>, slots: [usize; 2]) -> f32 {
        let codes = self.codes;
        let [a, b] = slots.map(|slot| &codes.first()[slot * codes.stride..][..codes.depth]);
        let product = search.cpu.codes.dot(a, b);
        let [a, b] = slots.map(|slot| (codes.targets[slot].scale, codes.close[slot].squares));
        let [of_a, of_b] = slots.map(|slot| codes.targets[slot].error);
        narrow_up(Codes::between(a, b, product)) + (of_a + of_b)
    }
}
