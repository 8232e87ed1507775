//! The screen: all targets of a row by their 8-bit codes, and the few that their bound cannot exclude.
//!
//! ```text
//! for the open rows whose codes together fit the second-level cache
//!     codes of the rows: kept from the last assignment, or made here
//!     upper end of each row: the score of the target that was nearest before, or infinite
//!     for each panel of targets
//!         threshold[row] = upper end of the row + largest error in the panel
//!         each hit lowers the upper end to z + error, and is kept while z - error reaches it
//!     one target left: certified
//!     several: codes of what the targets' codes left (two bytes know a target to 16 bits), then
//!         j is excluded by the best b where z_j - z_b > e |C_j - C_b| + ...: the error of the row meets the
//!         difference of two targets only
//!     what is still left: the definition, or the next tier
//! ```
//!
//! Bounds: "Codes" in [`bounds`](crate::exact::bounds). After the first assignment of k-means on real embeddings a row has 1.4 to
//! 2.6 targets left before the second step, and one row in twenty has more than one after it.

use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicU32, Ordering};

use super::codes::{BlockCodes, CodesOf, Side, Target, TargetCodes, push};
use super::kept::Kept;
use super::machine::Screens;
use super::question::{Open, Question, Search, Sieve, Tier, Wanted};
use crate::backend::SearchStats;
use crate::control::{Context, Job};
use crate::error::Result;
use crate::exact::bounds::Codes;
use crate::exact::float::narrow_up;
use crate::memory::{try_capacity, try_grow, try_vec};
use crate::simd::{CodedRows, Hit, Hits, WIDTH};

/// Rows that are searched together.
pub(super) const BLOCK: usize = 512;

/// The tier, with the codes of one search.
pub(super) struct Screen<'s> {
    codes: &'s TargetCodes,
    /// Codes of the rows of the block, where they were kept.
    rows: Option<&'s BlockCodes>,
    verdict: Verdict,
}

/// Whether screening is worth its time, from what it did so far. It changes who settles a row, and no answer.
#[derive(Debug, Default)]
struct Verdict {
    seen: AtomicU32,
    left: AtomicU32,
    always: bool,
}

impl Verdict {
    /// Too many of the rows seen were left with many targets.
    fn is_off(&self) -> bool {
        let (seen, left) = (self.seen.load(Ordering::Relaxed), self.left.load(Ordering::Relaxed));
        !self.always && seen >= BLOCK as u32 / 2 && left > seen / 2
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
    pub fn new(search: &Search<'s>, rows: Option<&'s BlockCodes>) -> Option<Self> {
        let verdict = Verdict { always: search.cpu.screens == Screens::Always, ..Verdict::default() };
        search.targets.codes.as_ref().map(|codes| Self { codes, rows, verdict })
    }
}

/// Codes all rows of a search.
pub(super) fn code_rows(search: &Search<'_>, bound: &Codes, out: &mut BlockCodes, cx: &Context) -> Result<()> {
    let (n, d) = (search.rows.n_rows(), search.dim());
    let mut jobs = try_capacity(n.div_ceil(BLOCK))?;
    jobs.extend(out.parts(BLOCK).enumerate().map(|(at, part)| Job::new((at * BLOCK, part))));
    cx.in_waves(&mut jobs, (8 * BLOCK * d) as u64, |(first, part)| {
        let (mut buffer, mut values) = (try_vec(d, 0.0)?, try_vec(d, 0.0)?);
        (0..part.len()).for_each(|i| code_row(search, bound, *first + i, part, i, &mut buffer, &mut values));
        Ok(())
    })
}

/// Codes row `row` of a search as row `i` of `out`.
fn code_row(
    search: &Search<'_>,
    bound: &Codes,
    row: usize,
    out: &mut CodesOf<'_>,
    i: usize,
    buffer: &mut [f32],
    values: &mut [f32],
) {
    let norm = search.targets.frame().narrow_row(search.row(row, buffer), search.square(row), values);
    out.set(&search.cpu.codes, bound, i, values, norm);
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
            Open::All(rows) if Q::WANTED == Wanted::Least && !self.verdict.is_off() => *rows as usize,
            _ => return (0..open.len()).try_for_each(|at| sieve.all(open.row(at))),
        };
        let mut block = Block::new(self, search, rows.min(BLOCK))?;
        for from in (0..rows).step_by(BLOCK) {
            let n = (rows - from).min(BLOCK);
            block.load(search, first, question, from..from + n)?;
            block.start(search)?;
            block.sweep(search)?;
            let before = sieve.open.len();
            block.settle(search, question, sieve)?;
            self.verdict.add(n, sieve.open.len() - before);
        }
        Ok(())
    }
}

/// What becomes of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Searched,
    /// It looks at no target.
    Settled,
    /// Its codes serve not, or too many targets are left.
    Given,
}

/// What a score's error is made of: K + norm * (error of the target's codes) + error * (norm of the target).
#[derive(Default)]
struct Errors {
    fixed: Vec<f32>,
    norm: Vec<f32>,
    error: Vec<f32>,
}

impl Errors {
    fn new(n: usize) -> Result<Self> {
        Ok(Self { fixed: try_vec(n, 0.0)?, norm: try_vec(n, 0.0)?, error: try_vec(n, 0.0)? })
    }

    fn set(&mut self, i: usize, side: &Side, fixed: f32) {
        (self.fixed[i], self.norm[i], self.error[i]) = (fixed, side.code.norm, side.code.error);
    }

    /// The error of row `i` against a target of that error of its codes and that norm.
    #[inline(always)]
    fn of(&self, i: usize, error: f32, norm: f32) -> f32 {
        (self.fixed[i] + self.norm[i] * error + self.error[i] * norm) * Codes::GROWN
    }
}

/// The rows of one block, and what is known of them.
struct Block<'a> {
    codes: &'a TargetCodes,
    /// The codes of all rows, where they were kept, and which of them is row 0 of the block.
    kept_codes: Option<&'a BlockCodes>,
    base: usize,
    made: BlockCodes,
    from: usize,
    n: usize,
    states: Vec<State>,
    /// The target that was nearest before.
    near: Vec<Option<u32>>,
    /// Scales and error terms of the codes of the tile, and of those of pairs.
    tile_scale: Vec<f32>,
    tile: Errors,
    pair_scale: Vec<f32>,
    pair: Errors,
    threshold: Vec<f32>,
    /// The least upper end of a score of each row.
    upper: Vec<f32>,
    list: Vec<u16>,
    hits: Hits,
    least: Vec<f32>,
    kept: Kept,
    pairs: Vec<Hit>,
    products: Vec<i32>,
    second: Vec<i32>,
    found: Vec<Candidate>,
    left: Vec<u32>,
    buffer: Vec<f32>,
    values: Vec<f32>,
}

/// A target that is left, and its score.
#[derive(Clone, Copy)]
struct Candidate {
    slot: u32,
    z: f32,
}

impl<'a> Block<'a> {
    fn new(screen: &Screen<'a>, search: &Search<'_>, n: usize) -> Result<Self> {
        let d = search.dim();
        let zeros = || try_vec(n, 0.0f32);
        Ok(Self {
            codes: screen.codes,
            kept_codes: screen.rows,
            base: 0,
            made: BlockCodes::new(&search.cpu.codes, if screen.rows.is_some() { 0 } else { n }, d)?,
            from: 0,
            n: 0,
            states: try_vec(n, State::Settled)?,
            near: try_vec(n, None)?,
            tile_scale: zeros()?,
            tile: Errors::new(n)?,
            pair_scale: zeros()?,
            pair: Errors::new(n)?,
            threshold: zeros()?,
            upper: zeros()?,
            list: try_capacity(n)?,
            hits: Hits::scored(),
            least: zeros()?,
            kept: Kept::new(n)?,
            pairs: try_capacity(n)?,
            products: Vec::new(),
            second: Vec::new(),
            found: Vec::new(),
            left: Vec::new(),
            buffer: try_vec(d, 0.0)?,
            values: try_vec(d, 0.0)?,
        })
    }

    /// Takes the rows `range` of a task whose row 0 is row `first` of the search.
    fn load<Q: Question>(
        &mut self,
        search: &Search<'_>,
        first: usize,
        question: &mut Q,
        range: Range<usize>,
    ) -> Result<()> {
        let codes = self.codes;
        (self.n, self.from) = (range.len(), range.start);
        self.kept.clear(self.n);
        self.base = first + range.start;
        if self.kept_codes.is_none() {
            let Self { made, buffer, values, .. } = self;
            if let Some(mut part) = made.parts(BLOCK).next() {
                for i in 0..range.len() {
                    code_row(search, &codes.bound, self.base + i, &mut part, i, buffer, values);
                }
            }
            self.base = 0;
        }
        let all = self.kept_codes.unwrap_or(&self.made);
        for (i, row) in range.enumerate() {
            let (pair, tile) = (&all.pairs().sides[self.base + i], &all.tiles().sides[self.base + i]);
            let start = question.start(row);
            let fixed = narrow_up(codes.bound.rest(pair.norm.max(tile.norm) as f64, codes.largest));
            self.pair.set(i, pair, fixed);
            self.tile.set(i, tile, fixed);
            (self.pair_scale[i], self.tile_scale[i]) = (pair.code.scale, tile.code.scale);
            self.near[i] = start.near.filter(|near| (*near as usize) < codes.count());
            self.states[i] = match start.targets.len() {
                0 => State::Settled,
                n if n == codes.count() && fixed.is_finite() => State::Searched,
                _ => State::Given,
            };
        }
        Ok(())
    }

    /// The score of row `i` and a target by their codes of pairs, whose product is `product`.
    #[inline(always)]
    fn score(&self, i: usize, target: &Target, product: i32) -> f32 {
        target.h - (self.pair_scale[i] * target.code.scale) * product as f32
    }

    /// The upper ends of the scores of the targets that were nearest before.
    fn start(&mut self, search: &Search<'_>) -> Result<()> {
        let (codes, n) = (self.codes, self.n);
        self.list.clear();
        self.pairs.clear();
        self.upper[..n].fill(f32::INFINITY);
        self.threshold[..n].fill(f32::NEG_INFINITY);
        for i in 0..n {
            if self.states[i] == State::Searched {
                match self.near[i] {
                    Some(near) => self.pairs.push(Hit::new(i, near as usize)),
                    None => self.list.push(i as u16),
                }
            }
        }
        self.multiply(search, false)?;
        for at in 0..self.pairs.len() {
            let (i, slot) = (self.pairs[at].row(), self.pairs[at].slot());
            let target = &codes.targets[slot];
            let z = self.score(i, target, self.products[at]);
            self.upper[i] = z + self.pair.of(i, target.code.error, target.norm);
        }
        // Rows without one: the least score of the first panel.
        let kept = self.kept_codes.unwrap_or(&self.made);
        let tile = kept.tiles();
        let rows = CodedRows {
            codes: tile.from(self.base),
            stride: tile.stride,
            depth: codes.depth(),
            scale: &self.tile_scale[..n],
            residue: &[],
            threshold: &self.threshold[..n],
        };
        if !self.list.is_empty() {
            let (panel, columns) = codes.panel(0);
            self.hits.clear();
            search.cpu.codes.scan_least(&rows, &self.list, panel, columns, 0, &mut self.hits, &mut self.least)?;
            let [error, norm] = codes.worst[0];
            for (i, z) in self.list.iter().zip(&self.least) {
                self.upper[*i as usize] = z + self.tile.of(*i as usize, error, norm);
            }
        }
        self.list.clear();
        self.list.extend((0..n as u16).filter(|i| self.states[*i as usize] == State::Searched));
        Ok(())
    }

    /// The products of the codes of `pairs`: with the targets' first codes, and, if asked for, with the rest.
    fn multiply(&mut self, search: &Search<'_>, both: bool) -> Result<()> {
        let (codes, count) = (self.codes, self.pairs.len());
        let all = self.kept_codes.unwrap_or(&self.made);
        let (rows, kernel) = (all.pairs(), &search.cpu.codes);
        let from = rows.from(self.base);
        resize(&mut self.products, count)?;
        kernel.pairs(kernel.pair(), from, codes.first(), &codes.starts, codes.stride, codes.depth(), &self.pairs, &mut self.products);
        if both {
            resize(&mut self.second, count)?;
            let starts = &codes.rest_starts;
            kernel.pairs(kernel.pair(), from, codes.rest(), starts, codes.stride, codes.depth(), &self.pairs, &mut self.second);
        }
        Ok(())
    }

    /// All targets, panel by panel.
    fn sweep(&mut self, search: &Search<'_>) -> Result<()> {
        let (codes, n) = (self.codes, self.n);
        let all = self.kept_codes.unwrap_or(&self.made);
        let tile = all.tiles();
        for p in 0..codes.n_panels() {
            let [error, norm] = codes.worst[p];
            for i in 0..n {
                self.threshold[i] = self.upper[i] + self.tile.of(i, error, norm);
            }
            let rows = CodedRows {
                codes: tile.from(self.base),
                stride: tile.stride,
                depth: codes.depth(),
                scale: &self.tile_scale[..n],
                residue: &[],
                threshold: &self.threshold[..n],
            };
            let (panel, columns) = codes.panel(p);
            self.hits.clear();
            search.cpu.codes.scan(&rows, &self.list, panel, columns, p * WIDTH, &mut self.hits)?;
            for (hit, z) in self.hits.pairs().iter().zip(self.hits.scores()) {
                let (i, target) = (hit.row(), &codes.targets[hit.slot()]);
                let error = self.tile.of(i, target.tile, target.norm);
                self.upper[i] = self.upper[i].min(z + error);
            }
            for (hit, z) in self.hits.pairs().iter().zip(self.hits.scores()) {
                let (i, target) = (hit.row(), &codes.targets[hit.slot()]);
                let low = z - self.tile.of(i, target.tile, target.norm);
                if low <= self.upper[i] && !self.kept.keep(i, hit.slot() as u32, low, self.upper[i])? {
                    self.states[i] = State::Given;
                    self.upper[i] = f32::NEG_INFINITY;
                }
            }
        }
        Ok(())
    }

    /// Settles the rows with one target left, and looks closer at the others.
    fn settle<Q: Question>(&mut self, search: &Search<'_>, question: &mut Q, sieve: &mut Sieve) -> Result<()> {
        self.pairs.clear();
        for i in 0..self.n {
            let row = (self.from + i) as u32;
            match self.states[i] {
                State::Settled => sieve.some(question, row, &[])?,
                State::Given => sieve.all(row)?,
                State::Searched => {
                    let from = self.pairs.len();
                    for slot in self.kept.left(i, self.upper[i]) {
                        push(&mut self.pairs, Hit::new(i, slot as usize))?;
                    }
                    if let [only] = self.pairs[from..] {
                        self.pairs.truncate(from);
                        sieve.some(question, row, &[only.slot() as u32])?;
                    }
                }
            }
        }
        self.multiply(search, true)?;
        let mut at = 0;
        while at < self.pairs.len() {
            let i = self.pairs[at].row();
            let end = at + self.pairs[at..].iter().take_while(|hit| hit.row() == i).count();
            self.closer(search, i, at..end)?;
            self.left.sort_unstable();
            let row = (self.from + i) as u32;
            sieve.some(question, row, &self.left)?;
            at = end;
        }
        Ok(())
    }

    /// The targets of `pairs[range]`, all of row `i`, that 16 bits of each target and the differences of targets leave.
    fn closer(&mut self, search: &Search<'_>, i: usize, range: Range<usize>) -> Result<()> {
        let codes = self.codes;
        self.found.clear();
        self.left.clear();
        let mut best = Candidate { slot: 0, z: f32::INFINITY };
        for at in range {
            let slot = self.pairs[at].slot();
            let target = &codes.targets[slot];
            let z = self.score(i, target, self.products[at])
                - (self.pair_scale[i] * target.rest.scale) * self.second[at] as f32;
            let found = Candidate { slot: slot as u32, z };
            if z < best.z {
                best = found;
            }
            push(&mut self.found, found)?;
        }
        let winner = &codes.targets[best.slot as usize];
        for found in &self.found {
            let target = &codes.targets[found.slot as usize];
            let error = |between: f32| {
                let both = self.pair.norm[i] * (target.rest.error + winner.rest.error);
                (self.pair.error[i] * between + both + 2.0 * self.pair.fixed[i]) * Codes::GROWN
            };
            let above = found.z - best.z;
            let near = found.slot == best.slot
                || above <= error(target.norm + winner.norm)
                    && above <= error(self.between(search, best.slot as usize, found.slot as usize));
            if near {
                push(&mut self.left, found.slot)?;
            }
        }
        Ok(())
    }

    /// At least the distance of two targets.
    fn between(&self, search: &Search<'_>, a: usize, b: usize) -> f32 {
        let codes = self.codes;
        let row = |slot: usize| &codes.first()[slot * codes.stride..][..codes.depth()];
        let product = search.cpu.codes.dot(row(a), row(b));
        let (a, b) = (&codes.targets[a], &codes.targets[b]);
        let coded = Codes::between((a.code.scale, a.squares), (b.code.scale, b.squares), product);
        narrow_up(coded) + (a.code.error + b.code.error)
    }
}

/// At least `len` places.
fn resize(list: &mut Vec<i32>, len: usize) -> Result<()> {
    if list.len() < len {
        let more = len - list.len();
        try_grow(list, more)?;
        list.resize(len, 0);
    }
    Ok(())
}
