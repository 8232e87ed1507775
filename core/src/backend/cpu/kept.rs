//! The targets that a screen has not excluded, row by row.

use alloc::vec::Vec;

use crate::error::Result;
use crate::memory::{at_least, try_vec};
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
/// Whether a target is kept is hard to foresee, so no branch depends on that: every target is written, and the next one is
/// written over a target that is not kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The first `len` are kept; the others are room.
    items: Vec<Item>,
    len: usize,
    /// Above this number of items, those that are excluded by now are dropped.
    most: usize,
    /// Targets that a row may have left.
    most_of_row: usize,
    /// After [`group`](Kept::group): the slots of row i are `slots[starts[i]..starts[i + 1]]`.
    slots: Vec<u32>,
    starts: Vec<u32>,
}

/// Above this number of items for each row of a block, those that are excluded by now are dropped.
const ROOM: usize = 32;
/// A row may have one of [`AT_ONCE`] of its targets left, but at least the first number and at most the second one count. A row with more
/// goes to the next tier: what tells so little is not worth its time.
const MOST: [usize; 2] = [256, 1024];
/// While the definition looks at one target, the next tier looks at fewer than so many: of 384 and 768 values, at 15 to 25 (AVX2).
pub(super) const AT_ONCE: usize = 32;

impl Kept {
    /// Room for `rows` rows.
    pub fn new(rows: usize) -> Result<Self> {
        let starts = try_vec(rows + 2, 0u32)?;
        let (items, slots) = (Vec::new(), Vec::new());
        Ok(Self { items, len: 0, most: ROOM * rows, most_of_row: MOST[0], slots, starts })
    }

    /// Forgets all items; the next ones are of `rows` rows, each of which looks at `targets` targets at most.
    pub fn clear(&mut self, rows: usize, targets: usize) {
        (self.len, self.most) = (0, ROOM * rows);
        self.most_of_row = (targets / AT_ONCE).clamp(MOST[0], MOST[1]);
    }

    /// Keeps some of `count` targets. `target` gets a number below `count` and returns the target, the lower end of its score, and
    /// whether it is kept.
    #[inline(always)]
    pub fn keep(&mut self, count: usize, mut target: impl FnMut(usize) -> (Hit, f32, bool)) -> Result<()> {
        let end = self.len + count;
        at_least(&mut self.items, end)?;
        let (room, mut kept) = (&mut self.items[self.len..end], 0);
        for at in 0..count {
            let (hit, low, keeps) = target(at);
            room[kept] = Item { hit, low };
            kept += usize::from(keeps);
        }
        self.len += kept;
        Ok(())
    }

    /// Whether a row has too many targets left.
    pub fn too_many(&self, left: &[u32]) -> bool {
        left.len() > self.most_of_row
    }

    /// Whether so many items are kept that those which are excluded by now should be [dropped](Kept::prune).
    pub fn is_long(&self) -> bool {
        self.len > self.most
    }

    /// Drops the items that are excluded by now, and all items of rows that still have too many: their `upper` ends become
    /// minus infinity.
    #[cold]
    pub fn prune(&mut self, upper: &mut [f32]) {
        let rows = upper.len();
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
            if counts[item.hit.row()] as usize <= self.most_of_row {
                items[few] = item;
                few += 1;
            }
        }
        for (upper, count) in upper.iter_mut().zip(counts) {
            if *count as usize > self.most_of_row {
                *upper = f32::NEG_INFINITY;
            }
        }
        self.len = few;
        // The next prune comes after as many new items.
        self.most = self.most.max(2 * few);
    }

    /// Groups the items by row, of which there are `rows`. Items that are excluded by now are left out.
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
        // One place more, for items that are left out.
        let total = counts[rows + 1] as usize;
        at_least(slots, total + 1)?;
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
        kept.clear(2, 10);
        kept.group(2, &[2.0; 2])?;
        assert!((0..2).all(|row| kept.of(row).is_empty()));
        Ok(())
    }

    #[test]
    fn rows_with_too_many_are_given_away() -> Result<()> {
        let mut kept = Kept::new(2)?;
        let many: Vec<Hit> = (0..MOST[0] + 1).map(|slot| Hit::new(1, slot)).collect();
        let mut upper = [9.0; 2];
        keep(&mut kept, &[Hit::new(0, 6), Hit::new(0, 2)], &[0.0, 9.0], &upper)?;
        keep(&mut kept, &many, &vec![0.0; many.len()], &upper)?;
        assert!(kept.is_long());
        upper = [8.0; 2];
        kept.prune(&mut upper);
        assert_eq!(upper, [8.0, f32::NEG_INFINITY]);
        assert!(!kept.too_many(&[0; MOST[0]]) && kept.too_many(&[0; MOST[0] + 1]));
        // Of many targets, a row may have more left, but not any number.
        let mut other = Kept::new(1)?;
        for (targets, most) in [(20_000, 625), (1 << 18, MOST[1]), (100, MOST[0])] {
            other.clear(1, targets);
            assert!(!other.too_many(&vec![0; most]) && other.too_many(&vec![0; most + 1]), "{targets}");
        }
        // What comes after stands behind what was kept before.
        keep(&mut kept, &[Hit::new(0, 7), Hit::new(1, 7)], &[1.0, 0.0], &upper)?;
        kept.group(2, &upper)?;
        assert_eq!([kept.of(0), kept.of(1)], [&[6, 7][..], &[]]);
        assert!(!kept.is_long());
        Ok(())
    }

    /// Where all items stay, the next prune comes after as many again; the next block begins anew.
    #[test]
    fn items_are_dropped_now_and_then() -> Result<()> {
        let mut kept = Kept::new(1)?;
        let some: Vec<Hit> = (0..ROOM + 1).map(|slot| Hit::new(0, slot)).collect();
        let (zeros, mut upper) = (vec![0.0; some.len()], [1.0]);
        keep(&mut kept, &some, &zeros, &upper)?;
        assert!(kept.is_long());
        kept.prune(&mut upper);
        assert!(!kept.is_long());
        keep(&mut kept, &some, &zeros, &upper)?;
        assert!(!kept.is_long());
        keep(&mut kept, &some[..1], &zeros, &upper)?;
        assert!(kept.is_long());
        kept.group(1, &upper)?;
        assert_eq!((kept.of(0).len(), upper), (2 * ROOM + 3, [1.0]));
        kept.clear(1, 10);
        keep(&mut kept, &some, &zeros, &upper)?;
        assert!(kept.is_long());
        Ok(())
    }
}
