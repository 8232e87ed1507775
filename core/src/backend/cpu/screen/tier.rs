//! The tier: blocks of rows, one after the other, and the question whether to go on.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::super::codes::{TargetCodes, Tiles};
use super::super::machine::Screens;
use super::super::question::{Open, Question, Search, Sieve, Tier, Wanted};
use super::block::Block;
use super::coding::{BLOCK, RowsInCodes};
use crate::backend::SearchStats;
use crate::control::Context;
use crate::error::Result;

/// The tier, with the codes of one search.
pub(in super::super) struct Screen<'s> {
    codes: &'s TargetCodes,
    /// The targets at full depth, where they were made for this search.
    late: Option<Tiles>,
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
        let codes = search.targets.codes_at(search.cpu.level())?;
        Some(Self { codes, late: None, rows, verdict })
    }
}

impl Tier for Screen<'_> {
    fn count<'c>(&self, stats: &'c mut SearchStats) -> &'c mut u64 {
        &mut stats.int8
    }

    /// The screen at full depth, if leading dimensions were given up and it was not made.
    fn deeper(&self, search: &Search<'_>, cx: &Context) -> Result<Option<Self>> {
        if self.codes.tiles.is_some() || self.verdict.is_off() || !self.verdict.deep.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let late = Some(search.targets.full_tiles(self.codes, &search.cpu.codes, cx)?);
        // Rows without codes of full depth are coded block by block.
        let served = self.rows.rows.is_some_and(|rows| rows.tiles().is_some());
        let rows = if served { self.rows } else { RowsInCodes::default() };
        let verdict =
            Verdict { always: self.verdict.always, deep: AtomicBool::new(true), ..Verdict::default() };
        Ok(Some(Self { codes: self.codes, late, rows, verdict }))
    }

    fn pass<Q: Question>(
        &self,
        search: &Search<'_>,
        first: usize,
        question: &mut Q,
        open: &Open,
        sieve: &mut Sieve,
    ) -> Result<()> {
        // Of what another tier left it could tell little more, unless that is a task of which it told nothing. (Tasks of pairs, which
        // alone begin without targets at full depth, are one block each.)
        let (rows, full) = (open.len(), self.late.as_ref().or(self.codes.tiles.as_ref()));
        // Maxima begin at full depth.
        if full.is_none() && (Q::WANTED == Wanted::Least || !self.rows.leads(self.codes)) {
            self.verdict.deep.store(true, Ordering::Relaxed);
        }
        let gives_up =
            || self.verdict.is_off() || full.is_none() && self.verdict.deep.load(Ordering::Relaxed);
        if !open.is_untold() || gives_up() {
            return (0..rows).try_for_each(|at| sieve.all(open.row(at)));
        }
        let mut block = Block::new(self.codes, full, self.rows, search, rows.min(BLOCK))?;
        for from in (0..rows).step_by(BLOCK) {
            if gives_up() {
                return (from..rows).try_for_each(|row| sieve.all(row as u32));
            }
            let n = (rows - from).min(BLOCK);
            let deep = full.is_some() && self.verdict.deep.load(Ordering::Relaxed);
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
