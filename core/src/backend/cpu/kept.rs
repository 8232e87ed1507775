//! The targets that a screen has not excluded, row by row.

use alloc::vec::Vec;

use crate::error::Result;
use crate::memory::{try_grow, try_vec};
use crate::simd::Hit;

/// A target whose score may be the least of its row.
#[derive(Clone, Copy, Debug, Default)]
struct Item {
    hit: Hit,
    /// The lower end of its score.
    low: f32,
}

/// Targets of the rows of a block in the order in which they were met; in the end, row by row.
///
/// Whether a target is kept is hard to foresee, so every target is written, and the next one takes its place unless the target
/// counts: no branch depends on it.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The first `len` count; behind them is room.
    items: Vec<Item>,
    len: usize,
    /// So many items before those that were excluded since are dropped.
    most: usize,
    /// After [`group`](Kept::group): the slots of row i are `slots[starts[i]..starts[i + 1]]`.
    slots: Vec<u32>,
    starts: Vec<u32>,
}

/// Items for each row of a block before those that were excluded since are dropped.
const ROOM: usize = 32;
/// Items that a row may have then. A row with more is left to the next tier: what tells so little is not worth its time.
const MOST: u32 = 128;

impl Kept {
    /// Room for `rows` rows.
    pub fn new(rows: usize) -> Result<Self> {
        let starts = try_vec(rows + 2, 0u32)?;
        Ok(Self { items: Vec::new(), len: 0, most: ROOM * rows, slots: Vec::new(), starts })
    }

    /// Forgets all items.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Keeps those of `count` targets of which `target` says so. It is told their numbers from 0 on, and tells each with the lower
    /// end of its score.
    #[inline(always)]
    pub fn keep(&mut self, count: usize, mut target: impl FnMut(usize) -> (Hit, f32, bool)) -> Result<()> {
        let end = self.len + count;
        if self.items.len() < end {
            let more = end - self.items.len();
            try_grow(&mut self.items, more)?;
            self.items.resize(end, Item::default());
        }
        let (room, mut kept) = (&mut self.items[self.len..end], 0);
        for at in 0..count {
            let (hit, low, keeps) = target(at);
            room[kept] = Item { hit, low };
            kept += usize::from(keeps);
        }
        self.len += kept;
        Ok(())
    }

    /// Whether so many are kept that those which were excluded since should be [dropped](Kept::prune).
    pub fn is_long(&self) -> bool {
        self.len > self.most
    }

    /// Drops the items that are excluded by now, and all items of rows that have too many: tells `given` of these.
    #[cold]
    pub fn prune(&mut self, upper: &[f32], mut given: impl FnMut(usize)) {
        let rows = self.starts.len() - 2;
        let counts = &mut self.starts[..rows];
        counts.fill(0);
        let (items, mut kept) = (&mut self.items[..self.len], 0);
        for at in 0..items.len() {
            let item = items[at];
            if item.low <= upper[item.hit.row()] {
                counts[item.hit.row()] += 1;
                items[kept] = item;
                kept += 1;
            }
        }
        let mut few = 0;
        for at in 0..kept {
            let item = items[at];
            if counts[item.hit.row()] <= MOST {
                items[few] = item;
                few += 1;
            }
        }
        (0..rows).filter(|row| counts[*row] > MOST).for_each(&mut given);
        self.len = few;
        // Not at once again where all of these stay.
        self.most = (ROOM * rows).max(2 * few);
    }

    /// Sorts the items that are not excluded by rows, of which there are `rows`.
    pub fn group(&mut self, rows: usize, upper: &[f32]) -> Result<()> {
        let Self { items, len, slots, starts, .. } = self;
        let items = &items[..*len];
        let counts = &mut starts[..rows + 2];
        counts.fill(0);
        for item in items {
            counts[item.hit.row() + 2] += u32::from(item.low <= upper[item.hit.row()]);
        }
        for row in 2..rows + 2 {
            counts[row] += counts[row - 1];
        }
        // One place more: what does not count is written there.
        let total = counts[rows + 1] as usize;
        if slots.len() < total + 1 {
            let more = total + 1 - slots.len();
            try_grow(slots, more)?;
            slots.resize(total + 1, 0);
        }
        for item in items {
            let row = item.hit.row();
            let left = item.low <= upper[row];
            let place = if left { counts[row + 1] as usize } else { total };
            slots[place] = item.hit.slot() as u32;
            counts[row + 1] += u32::from(left);
        }
        Ok(())
    }

    /// The targets of a row, ascending if they were met so: those that were not excluded when the rows were
    /// [grouped](Kept::group).
    pub fn of(&self, row: usize) -> &[u32] {
        &self.slots[self.starts[row] as usize..self.starts[row + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    /// Keeps the hits whose scores, with these lower ends, do not exceed the `upper` ends of their rows.
    fn keep(kept: &mut Kept, hits: &[Hit], low: &[f32], upper: &[f32]) -> Result<()> {
        kept.keep(hits.len(), |at| (hits[at], low[at], low[at] <= upper[hits[at].row()]))
    }

    #[test]
    fn what_is_left_of_each_row() -> Result<()> {
        let mut kept = Kept::new(3)?;
        let hits = [Hit::new(0, 4), Hit::new(2, 5), Hit::new(0, 7), Hit::new(2, 9)];
        keep(&mut kept, &hits, &[1.0, 2.0, 3.0, f32::NAN], &[2.0, 2.0, 2.0])?;
        keep(&mut kept, &[Hit::new(0, 8), Hit::new(1, 3)], &[0.5, 0.0], &[2.0; 3])?;
        kept.group(3, &[2.0; 3])?;
        assert_eq!([kept.of(0), kept.of(1), kept.of(2)], [&[4, 8][..], &[3], &[5]]);
        // Upper ends fall.
        kept.group(3, &[0.5, 2.0, 1.0])?;
        assert_eq!([kept.of(0), kept.of(1), kept.of(2)], [&[8][..], &[3], &[]]);
        kept.clear();
        kept.group(3, &[2.0; 3])?;
        assert!((0..3).all(|row| kept.of(row).is_empty()));
        Ok(())
    }

    #[test]
    fn rows_with_too_many_are_given_away() -> Result<()> {
        let mut kept = Kept::new(2)?;
        let many: Vec<Hit> = (0..MOST as usize + 1).map(|slot| Hit::new(1, slot)).collect();
        keep(&mut kept, &[Hit::new(0, 6), Hit::new(0, 2)], &[0.0, 9.0], &[9.0; 2])?;
        keep(&mut kept, &many, &vec![0.0; many.len()], &[9.0; 2])?;
        assert!(kept.is_long());
        let mut given = Vec::new();
        kept.prune(&[8.0, 8.0], |row| given.push(row));
        assert_eq!(given, [1]);
        kept.group(2, &[8.0; 2])?;
        assert_eq!([kept.of(0), kept.of(1)], [&[6][..], &[]]);
        assert!(!kept.is_long());
        Ok(())
    }
}
