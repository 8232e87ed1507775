//! The tier: blocks of rows, one after the other, and the question whether to go on.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::super::codes::TargetCodes;
use super::super::machine::Screens;
use super::super::question::{Open, Question, Search, Sieve, Tier, Wanted};
use super::block::Block;
use super::coding::{BLOCK, RowsInCodes};
use crate::backend::SearchStats;
use crate::error::Result;

/// The tier, with the codes of one search.
pub(in super::super) struct Screen<'s> {
    codes: &'s TargetCodes,
    /// Codes of the rows of the block, where they were kept.
    rows: RowsInCodes<'s>,
    verdict: Verdict,
}

/// Whether screening is worth its time, from what it did so far. It changes who settles a row, and no answer.
#[derive(Debug, Default)]
struct Verdict {
    seen: AtomicU32,
    left: AtomicU32,
    /// Leading dimensions left too many pairs.
    deep: AtomicBool,
    /// Codes told too little of the pairs that were asked for.
    off: AtomicBool,
    always: bool,
}

/// Pairs of 100 that may lie so near their limit that the definition is asked for no more than that: it takes as long as
/// twenty pairs or so of the `f32` tile.
const UNSURE: u64 = 5;

impl Verdict {
    /// Too many of the rows seen were left with many targets, or too many pairs are near their limit.
    fn is_off(&self) -> bool {
        let (seen, left) = (self.seen.load(Ordering::Relaxed), self.left.load(Ordering::Relaxed));
        let few = seen >= BLOCK as u32 / 2 && left > seen / 2;
        !self.always && (few || self.off.load(Ordering::Relaxed))
    }

    /// Of `all` pairs, `unsure` lay so near their limit that codes did not tell on which side.
    fn doubt(&self, unsure: u64, all: u64) {
        if 100 * unsure > UNSURE * all {
            self.off.store(true, Ordering::Relaxed);
        }
    }

    fn add(&self, seen: usize, left: usize) {
        // Half a block is enough to tell, and 2^31 rows would overflow.
        if self.seen.load(Ordering::Relaxed) < 1 << 20 {
            self.seen.fetch_add(seen as u32, Ordering::Relaxed);
            self.left.fetch_add(left as u32, Ordering::Relaxed);
        }
    }
}

impl<'s> Screen<'s> {
    /// None where targets have no codes. `rows`: the codes of the rows of the block, in the coordinates of the targets.
    pub fn new(search: &Search<'s>, rows: RowsInCodes<'s>) -> Option<Self> {
        let verdict = Verdict { always: search.cpu.screens == Screens::Always, ..Verdict::default() };
        search.targets.codes_at(search.cpu.level()).map(|codes| Self { codes, rows, verdict })
    }
}

impl Tier for Screen<'_> {
    fn count<'c>(&self, stats: &'c mut SearchStats) -> &'c mut u64 {
        &mut stats.int8
    }

    fn pass<Q: Question>(
        &self,
        search: &Search<'_>,
        first: usize,
        question: &mut Q,
        open: &Open,
        sieve: &mut Sieve,
    ) -> Result<()> {
        // The first tier is told all rows; of what another tier left, it could tell little more.
        let rows = match open {
            Open::All(rows) if !self.verdict.is_off() => *rows as usize,
            _ => return (0..open.len()).try_for_each(|at| sieve.all(open.row(at))),
        };
        let mut block = Block::new(self.codes, self.rows, search, rows.min(BLOCK))?;
        for from in (0..rows).step_by(BLOCK) {
            if self.verdict.is_off() {
                return (from..rows).try_for_each(|row| sieve.all(row as u32));
            }
            let n = (rows - from).min(BLOCK);
            let deep = self.verdict.deep.load(Ordering::Relaxed);
            block.load(search, first, question, from..from + n, deep)?;
            if Q::WANTED == Wanted::Least {
                block.start(search)?;
            }
            let (pairs, all) = block.sweep(search, question)?;
            let (unsure, looked) = block.doubts();
            self.verdict.doubt(unsure, looked);
            if all > 0 {
                sieve.leading += n as u64;
            }
            if !self.verdict.always && block.too_many(pairs, all) {
                self.verdict.deep.store(true, Ordering::Relaxed);
            }
            let before = sieve.open.len();
            block.settle(search, first, question, sieve)?;
            self.verdict.add(n, sieve.open.len() - before);
        }
        Ok(())
    }
}
