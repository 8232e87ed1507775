//! Pairs of rows and slots.

use alloc::vec::Vec;

use super::coding::WIDTH;
use crate::error::{Error, Result};

/// A row and a slot that met: 14 bits for the row of the block, 18 for the slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub(crate) struct Hit(u32);

impl Hit {
    /// Most rows of a block.
    pub const ROWS: usize = 1 << 14;
    /// Most slots: columns of all panels, padding included.
    pub const SLOTS: usize = 1 << Self::SLOT_BITS;
    pub(super) const SLOT_BITS: u32 = 18;

    /// `row` below [`Hit::ROWS`], `slot` below [`Hit::SLOTS`]; higher bits are dropped.
    pub fn new(row: usize, slot: usize) -> Self {
        Self((row as u32) << Self::SLOT_BITS | slot as u32 & (Self::SLOTS as u32 - 1))
    }

    pub fn row(self) -> usize {
        (self.0 >> Self::SLOT_BITS) as usize
    }

    pub fn slot(self) -> usize {
        self.0 as usize & (Self::SLOTS - 1)
    }

    /// The largest row and the largest slot; 0 for none.
    pub(super) fn largest(hits: &[Self]) -> (usize, usize) {
        let mask = Self::SLOTS as u32 - 1;
        let most = hits.iter().fold((0, 0), |(hit, slot), h| (h.0.max(hit), (h.0 & mask).max(slot)));
        (Self(most.0).row(), most.1 as usize)
    }
}

/// Places behind the last hit that a scan may write: the largest register.
const SPARE: usize = 16;

/// The hits of one scan or of several.
#[derive(Debug, Default)]
pub(crate) struct Hits {
    pairs: Vec<Hit>,
    scores: Vec<f32>,
    scored: bool,
}

impl Hits {
    /// Hits with their scores.
    #[cfg(test)]
    pub fn scored() -> Self {
        Self { scored: true, ..Self::default() }
    }

    /// Forgets all hits; from now on they come with their scores, or without.
    pub fn restart(&mut self, scored: bool) {
        self.scored = scored;
        self.pairs.clear();
        self.scores.clear();
    }

    /// Forgets the hits for which `wanted` is false.
    pub fn retain(&mut self, wanted: impl Fn(Hit) -> bool) {
        let mut kept = 0;
        for at in 0..self.pairs.len() {
            let hit = self.pairs[at];
            if wanted(hit) {
                self.pairs[kept] = hit;
                if self.scored {
                    self.scores[kept] = self.scores[at];
                }
                kept += 1;
            }
        }
        self.pairs.truncate(kept);
        self.scores.truncate(kept);
    }

    /// The pairs; those of one scan in the order of its list, and of one entry by ascending slots.
    pub fn pairs(&self) -> &[Hit] {
        &self.pairs
    }

    /// z of each pair; empty unless asked for.
    pub fn scores(&self) -> &[f32] {
        &self.scores
    }

    /// Where the hits of `rows` listed rows with one panel may be written, with [`SPARE`] places behind them: the pairs, as
    /// numbers, and the scores, or null where none are wanted.
    pub(super) fn room(&mut self, rows: usize) -> Result<(*mut u32, *mut f32)> {
        let room = rows * WIDTH + SPARE;
        let full = |_| Error::OutOfMemory { bytes: room * size_of::<Hit>() };
        self.pairs.try_reserve(room).map_err(full)?;
        let pairs = self.pairs.spare_capacity_mut().as_mut_ptr().cast();
        if !self.scored {
            return Ok((pairs, core::ptr::null_mut()));
        }
        self.scores.try_reserve(room).map_err(full)?;
        Ok((pairs, self.scores.spare_capacity_mut().as_mut_ptr().cast()))
    }

    /// # Safety
    /// `count` pairs, and as many scores where scores are wanted, were written to what [`room`](Hits::room) last returned.
    pub(super) unsafe fn add(&mut self, count: usize) {
        // SAFETY: the room was reserved, and the caller has written it.
        unsafe {
            self.pairs.set_len(self.pairs.len() + count);
            if self.scored {
                self.scores.set_len(self.scores.len() + count);
            }
        }
    }
}
