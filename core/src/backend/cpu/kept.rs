//! The targets that a screen has not excluded, row by row.

use alloc::vec::Vec;

use crate::error::Result;
use crate::memory::{try_push, try_vec};

/// No item.
const NONE: u32 = u32::MAX;

/// A target whose score may be the least of its row.
#[derive(Clone, Copy, Debug)]
struct Item {
    slot: u32,
    /// The lower end of its score.
    low: f32,
    next: u32,
}

/// Chains of items, one a row, and the least upper end of each row.
#[derive(Debug)]
pub(super) struct Kept {
    items: Vec<Item>,
    heads: Vec<Row>,
    /// Items that were dropped, in a chain: a row has never more than a few, however many it has seen.
    free: u32,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    head: u32,
    count: u32,
}

/// Items of a row beyond which those that were excluded since are dropped.
const LONG: u32 = 256;
/// Items that may be left then. A row with more is left to the next tier: what tells so little is not worth its time.
const MOST: u32 = 128;

impl Kept {
    /// Room for `rows` rows.
    pub fn new(rows: usize) -> Result<Self> {
        Ok(Self { items: Vec::new(), heads: try_vec(rows, Row { head: NONE, count: 0 })?, free: NONE })
    }

    /// Forgets all items of the first `rows` rows.
    pub fn clear(&mut self, rows: usize) {
        self.items.clear();
        self.free = NONE;
        self.heads[..rows].fill(Row { head: NONE, count: 0 });
    }

    /// Keeps a target of `row` whose lower end is `low`, where scores above `limit` are excluded. Whether the
    /// row has few enough.
    #[inline]
    pub fn keep(&mut self, row: usize, slot: u32, low: f32, limit: f32) -> Result<bool> {
        let of_row = &mut self.heads[row];
        let (item, mut at) = (Item { slot, low, next: of_row.head }, self.free);
        match self.items.get_mut(at as usize) {
            Some(free) => {
                self.free = free.next;
                *free = item;
            }
            None => {
                at = self.items.len() as u32;
                try_push(&mut self.items, item)?;
            }
        }
        *of_row = Row { head: at, count: of_row.count + 1 };
        Ok(of_row.count < LONG || self.prune(row, limit))
    }

    /// Drops the items of a row that are excluded by now.
    #[cold]
    fn prune(&mut self, row: usize, limit: f32) -> bool {
        let (mut at, mut kept) = (self.heads[row].head, Row { head: NONE, count: 0 });
        while at != NONE {
            let item = &mut self.items[at as usize];
            let next = item.next;
            if item.low <= limit {
                item.next = kept.head;
                kept = Row { head: at, count: kept.count + 1 };
            } else {
                item.next = self.free;
                self.free = at;
            }
            at = next;
        }
        self.heads[row] = kept;
        kept.count <= MOST
    }

    /// The targets of a row that are not excluded, in no order.
    pub fn left(&self, row: usize, limit: f32) -> impl Iterator<Item = u32> + '_ {
        let mut at = self.heads[row].head;
        core::iter::from_fn(move || {
            while at != NONE {
                let item = self.items[at as usize];
                at = item.next;
                if item.low <= limit {
                    return Some(item.slot);
                }
            }
            None
        })
    }
}
