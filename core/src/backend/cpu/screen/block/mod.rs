//! The rows of one block: their codes, and the sweep over all targets.

mod settle;

use alloc::vec::Vec;
use core::ops::Range;

use super::super::codes::{BlockCodes, Packed, Side, Target, TargetCodes, Tiles};
use super::super::kept::Kept;
use super::super::machine::Screens;
use super::super::question::{self, Question, Search, Wanted};
use super::coding::{BLOCK, RowsInCodes, code_row};
use crate::error::Result;
use crate::exact::bounds::Codes;
use crate::exact::float::narrow_up;
use crate::memory::{at_least, try_capacity, try_vec};
use crate::simd::{Code, CodeKernel, CodedRows, ErrorTerms, Hit, Hits, WIDTH};

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

    /// The terms of the first `n` rows.
    fn terms(&self, n: usize) -> ErrorTerms<'_> {
        ErrorTerms { fixed: &self.fixed[..n], norm: &self.norm[..n], error: &self.error[..n] }
    }

    /// The error of row `i` against a target of that error of its codes and that norm.
    #[inline(always)]
    fn of(&self, i: usize, error: f32, norm: f32) -> f32 {
        (self.fixed[i] + self.norm[i] * error + self.error[i] * norm) * Codes::GROWN
    }
}

/// What the scores of the pairs of a row are made of: by its codes of pairs.
#[derive(Clone, Copy, Default)]
struct OfPairs {
    scale: f32,
    fixed: f32,
    norm: f32,
    error: f32,
}

impl OfPairs {
    /// The score of a target with which the product of codes is `product`.
    #[inline(always)]
    fn score(&self, target: &Target, product: i32) -> f32 {
        target.h - (self.scale * target.scale) * product as f32
    }

    /// By how much that score may err.
    #[inline(always)]
    fn error(&self, target: &Target) -> f32 {
        (self.fixed + self.norm * target.error + self.error * target.norm) * Codes::GROWN
    }
}

/// Panels that are looked at in full depth before leading dimensions serve, where nothing is known of a row: they find a
/// target near enough to exclude most others. Of 20,000 x 768, 8, 16 and 48 take 0.90, 0.91 and 0.96 s.
const FULL_PANELS: usize = 8;

/// Pairs that leading dimensions may leave, of 100: a pair takes as long as eight or ten of the tile's at full depth. Where
/// nothing is known of a row, they leave fewer with each panel, and rows are long.
const LEFT: u64 = 8;
const LEFT_BLIND: u64 = 16;

/// What a scan of a panel tells of the listed rows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Hits,
    /// The hits with their scores.
    Scores,
    /// The least score of each row.
    Least,
}

/// The rows of one block, and what is known of them.
pub(super) struct Block<'a> {
    codes: &'a TargetCodes,
    /// The targets at full depth.
    full_depth: Option<&'a Tiles>,
    /// The codes of all rows, where they were kept, and which of them is row 0 of the block.
    given: RowsInCodes<'a>,
    base: usize,
    /// Whether the tile reads leading dimensions.
    leading: bool,
    /// The nearest target is wanted, and nothing is known of what is near any row.
    blind: bool,
    made: BlockCodes,
    from: usize,
    n: usize,
    states: Vec<State>,
    /// The targets that each row looks at, and whether all rows look at all.
    ranges: Vec<Range<usize>>,
    whole: bool,
    /// The targets that every row that is searched looks at.
    common: Range<usize>,
    /// Whether some row was closed since rows were last listed.
    closed: bool,
    /// Whether targets may all lie beyond what a question asks for.
    limited: Vec<bool>,
    /// Pairs that are looked at, and those offered whose codes do not tell on which side of the limit they lie.
    looked: u64,
    unsure: u64,
    /// The target that was nearest before.
    near: Vec<Option<u32>>,
    /// Scales and error terms of the codes: of the tile at full depth and in leading dimensions, and of pairs.
    full_scale: Vec<f32>,
    full: Errors,
    lead_scale: Vec<f32>,
    lead: Errors,
    residue: Vec<f32>,
    pair: Vec<OfPairs>,
    threshold: Vec<f32>,
    /// The least upper end of a score of each row, or the limit of its question: targets beyond are excluded.
    upper: Vec<f32>,
    list: Vec<u16>,
    hits: Hits,
    /// What a scan in sums of 16 bits makes of the rows.
    numbers: [Vec<i32>; 3],
    least: Vec<f32>,
    kept: Kept,
    pairs: Vec<Hit>,
    /// The products of pairs, or of hits: by the first codes of the targets, and by the second.
    products: Vec<i32>,
    second: Vec<i32>,
    found: Vec<Candidate>,
    /// The targets that are left of rows with several, side by side, and where those of each such row end.
    left: Vec<u32>,
    ends: Vec<(usize, usize)>,
    buffer: Vec<f32>,
    values: Vec<f32>,
}

/// A target that is left, and its score.
#[derive(Clone, Copy)]
pub(super) struct Candidate {
    pub slot: u32,
    pub z: f32,
}

impl<'a> Block<'a> {
    /// Room for `n` rows, whose codes are among those of `rows`, or are made here.
    pub fn new(
        codes: &'a TargetCodes,
        full_depth: Option<&'a Tiles>,
        given: RowsInCodes<'a>,
        search: &Search<'_>,
        n: usize,
    ) -> Result<Self> {
        let d = search.dim();
        let zeros = || try_vec(n, 0.0f32);
        Ok(Self {
            codes,
            full_depth,
            given,
            base: 0,
            leading: false,
            blind: true,
            made: BlockCodes::new(&search.cpu.codes, if given.rows.is_some() { 0 } else { n }, d, true)?,
            from: 0,
            n: 0,
            states: try_vec(n, State::Settled)?,
            ranges: try_vec(n, 0..0)?,
            whole: true,
            common: 0..0,
            closed: false,
            limited: try_vec(n, false)?,
            looked: 0,
            unsure: 0,
            near: try_vec(n, None)?,
            full_scale: zeros()?,
            full: Errors::new(n)?,
            lead_scale: zeros()?,
            lead: Errors::new(n)?,
            residue: zeros()?,
            pair: try_vec(n, OfPairs::default())?,
            threshold: zeros()?,
            upper: zeros()?,
            list: try_capacity(n)?,
            hits: Hits::default(),
            numbers: [try_vec(n, 0)?, try_vec(n, 0)?, try_vec(n, 0)?],
            least: zeros()?,
            kept: Kept::new(n)?,
            pairs: try_capacity(n)?,
            products: Vec::new(),
            second: Vec::new(),
            found: Vec::new(),
            left: Vec::new(),
            ends: Vec::new(),
            buffer: try_vec(d, 0.0)?,
            values: try_vec(d, 0.0)?,
        })
    }

    /// Takes the rows `range` of a task whose row 0 is row `first` of the search. The tile will read leading dimensions where it
    /// can, and `deep` does not forbid it.
    pub fn load<Q: Question>(
        &mut self,
        search: &Search<'_>,
        first: usize,
        question: &mut Q,
        range: Range<usize>,
        deep: bool,
    ) -> Result<()> {
        let codes = self.codes;
        (self.n, self.from, self.base) = (range.len(), range.start, first + range.start);
        self.blind = Q::WANTED == Wanted::Least;
        (self.looked, self.unsure) = (0, 0);
        self.common = 0..codes.count();
        self.leading = !deep && self.given.leads(codes);
        if self.given.rows.is_none() {
            let Self { made, buffer, values, .. } = self;
            if let Some(mut part) = made.parts(BLOCK).next() {
                for i in 0..range.len() {
                    code_row(search, &codes.bound, self.base + i, &mut part, i, buffer, values);
                }
            }
            self.base = 0;
        }
        let all = self.given.rows.unwrap_or(&self.made);
        let lead = self.given.lead.filter(|_| self.leading);
        for (i, row) in range.enumerate() {
            let at = self.base + i;
            let pair = &all.pairs().sides[at];
            let full = all.tiles().map(|full| &full.sides[at]);
            let lead = lead.map(|lead| (&lead.rows.sides[at], lead.residues[at]));
            let start = question.start(row);
            let norm = |side: Option<&Side>| side.map_or(0.0, |side| side.norm);
            let norm = norm(lead.map(|(lead, _)| lead)).max(pair.norm).max(norm(full));
            let fixed = narrow_up(codes.bound.rest(norm as f64, codes.largest));
            let Code { scale, norm, error, .. } = pair.code;
            self.pair[i] = OfPairs { scale, fixed, norm, error };
            if let Some(full) = full {
                self.full.set(i, full, fixed);
                self.full_scale[i] = full.code.scale;
            }
            if let Some((lead, residue)) = lead {
                self.lead.set(i, lead, fixed);
                (self.lead_scale[i], self.residue[i]) = (lead.code.scale, residue);
            }
            self.near[i] = start.near.filter(|near| (*near as usize) < codes.count());
            self.blind &= self.near[i].is_none();
            if self.leading && Q::WANTED == Wanted::Least {
                // Lower ends alone tell no upper end: any target does, until a nearer one is met.
                self.near[i] = self.near[i].or(Some(start.targets.start as u32));
            }
            self.states[i] = match start.targets.len() {
                0 => State::Settled,
                _ if fixed.is_finite() => State::Searched,
                _ => State::Given,
            };
            self.upper[i] = narrow_up(start.limit);
            self.limited[i] = start.limit < f64::INFINITY;
            if self.states[i] == State::Searched {
                let (first, end) = (start.targets.start, start.targets.end);
                self.common = self.common.start.max(first)..self.common.end.min(end);
            }
            self.looked += start.targets.len() as u64;
            self.ranges[i] = start.targets;
        }
        self.whole = self.common == (0..codes.count());
        let longest = self.ranges[..self.n].iter().map(Range::len).max();
        self.kept.clear(self.n, longest.unwrap_or(0));
        Ok(())
    }

    /// The targets as the tile reads them.
    fn tiles(&self) -> &'a Tiles {
        let lead = self.codes.lead.as_ref().filter(|_| self.leading);
        let Some(tiles) = lead.or(self.full_depth) else {
            unreachable!("a search at a depth that was not made")
        };
        tiles
    }

    /// The upper ends of the scores of the targets that were nearest before.
    pub fn start(&mut self, search: &Search<'_>) -> Result<()> {
        let (codes, n) = (self.codes, self.n);
        self.list.clear();
        self.pairs.clear();
        self.threshold[..n].fill(f32::NEG_INFINITY);
        for i in 0..n {
            if self.states[i] == State::Searched {
                match self.near[i] {
                    Some(near) => self.pairs.push(Hit::new(i, near as usize)),
                    None => self.list.push(i as u16),
                }
            }
        }
        self.multiply_pairs(search, false)?;
        for at in 0..self.pairs.len() {
            let (i, slot) = (self.pairs[at].row(), self.pairs[at].slot());
            let (row, target) = (&self.pair[i], &codes.targets[slot]);
            let z = row.score(target, self.products[at]);
            self.upper[i] = self.upper[i].min(z + row.error(target));
        }
        // Rows without one: the least score of the first panel.
        if self.whole && !self.list.is_empty() {
            self.scan(search, 0, Told::Least)?;
            let [error, norm] = self.tiles().worst[0];
            for (i, z) in self.list.iter().map(|i| usize::from(*i)).zip(&self.least) {
                self.upper[i] = self.upper[i].min(z + self.full.of(i, error, norm));
            }
        }
        Ok(())
    }

    /// The products of the codes of `pairs`: with the targets' first codes, and, if asked for, with the rest.
    fn multiply_pairs(&mut self, search: &Search<'_>, both: bool) -> Result<()> {
        let rows = self.given.rows.unwrap_or(&self.made).pairs();
        let (codes, kernel, from) = (self.codes, &search.cpu.codes, rows.from(self.base));
        multiply(kernel, from, codes, false, &self.pairs, true, &mut self.products)?;
        if both {
            multiply(kernel, from, codes, true, &self.pairs, true, &mut self.second)?;
        }
        Ok(())
    }

    /// The hits of the listed rows with panel `p`, and what else is told.
    fn scan(&mut self, search: &Search<'_>, p: usize, told: Told) -> Result<()> {
        let (tiles, n, kernel) = (self.tiles(), self.n, &search.cpu.codes);
        let (panel, columns) = tiles.panel(p);
        let lead = self.given.lead.filter(|_| self.leading).map(|lead| &lead.rows);
        let Some(all) = lead.or_else(|| self.given.rows.unwrap_or(&self.made).tiles()) else {
            unreachable!("rows at a depth that was not made")
        };
        let rows = CodedRows {
            codes: all.from(self.base),
            stride: all.stride,
            depth: tiles.depth,
            scale: if self.leading { &self.lead_scale[..n] } else { &self.full_scale[..n] },
            residue: if self.leading { &self.residue[..n] } else { &[] },
            threshold: &self.threshold[..n],
        };
        self.hits.restart(told == Told::Scores);
        let panel = match panel {
            Packed::Scores(panel) => panel,
            Packed::Words(panel) => {
                assert!(told == Told::Hits, "words make no scores");
                let Self { list, hits, numbers, .. } = self;
                return kernel.scan_words(&rows, list, panel, columns, p * WIDTH, hits, numbers);
            }
        };
        if told == Told::Least {
            return kernel.scan_least(
                &rows,
                &self.list,
                panel,
                columns,
                p * WIDTH,
                &mut self.hits,
                &mut self.least,
            );
        }
        kernel.scan(&rows, &self.list, panel, columns, p * WIDTH, &mut self.hits)
    }

    /// The panels that some row looks at.
    fn panels(&self) -> Range<usize> {
        let all = 0..self.tiles().n_panels();
        if self.whole {
            return all;
        }
        let searched = (0..self.n).filter(|i| self.states[*i] == State::Searched).map(|i| &self.ranges[i]);
        let ends = searched.fold((usize::MAX, 0), |(low, high), r| (low.min(r.start), high.max(r.end)));
        ends.0 / WIDTH..ends.1.div_ceil(WIDTH).min(all.end)
    }

    /// Lists the rows that look at a target of panel `p`.
    fn listed(&mut self, p: usize) {
        let Self { list, states, ranges, upper, whole, n, .. } = self;
        let (first, end) = (p * WIDTH, (p + 1) * WIDTH);
        let looks = |i: usize| *whole | (ranges[i].start < end) & (ranges[i].end > first);
        let open = |i: usize| (states[i] == State::Searched) & (upper[i] > f32::NEG_INFINITY) & looks(i);
        // Without a branch a row: which rows are open is hard to foresee.
        list.resize(*n, 0);
        let mut listed = 0;
        for i in 0..*n {
            list[listed] = i as u16;
            listed += usize::from(open(i));
        }
        list.truncate(listed);
    }

    /// All targets, panel by panel. Returns how many pairs the tile left in leading dimensions, and of how many.
    pub fn sweep<Q: Question>(&mut self, search: &Search<'_>, question: &mut Q) -> Result<(u64, u64)> {
        let (mut pairs, mut all, panels, n) = (0, 0, self.panels(), self.n);
        let (lead, always) = (self.leading, search.cpu.screens == Screens::Always);
        // The panel from which on leading dimensions serve.
        let full = if always { 1 } else { FULL_PANELS };
        let mut leads_from = if self.blind { panels.start + full } else { panels.start };
        // Pairs left, of so many, since leading dimensions were last given up.
        let mut lately = [0u64; 2];
        // The list serves as long as all rows look at the panels, and none is closed. Where the nearest of all is wanted, a row that is
        // closed has no more hits that count.
        let once = self.whole && Q::WANTED == Wanted::Least;
        let mut serves = false;
        for p in panels.clone() {
            let shared = self.common.start <= p * WIDTH && (p + 1) * WIDTH <= self.common.end;
            if !(serves && (once || shared && !self.closed)) {
                self.listed(p);
                (serves, self.closed) = (once || shared, false);
            }
            self.leading = lead && p >= leads_from;
            let errors = if self.leading { &self.lead } else { &self.full };
            let (upper, terms, worst) = (&self.upper[..n], errors.terms(n), self.tiles().worst[p]);
            search.cpu.codes.limits(upper, &terms, worst, Codes::GROWN, &mut self.threshold[..n]);
            // In leading dimensions, scores are lower ends only.
            self.scan(search, p, if self.leading { Told::Hits } else { Told::Scores })?;
            if !self.whole {
                // Targets that their rows do not look at.
                let ranges = &self.ranges;
                self.hits.retain(|hit| ranges[hit.row()].contains(&hit.slot()));
            }
            if self.leading {
                let from = self.given.rows.unwrap_or(&self.made).pairs().from(self.base);
                let (list, kernel) = (self.hits.pairs(), &search.cpu.codes);
                // Where most rows have no hit, a column has few, and it is read again only long after.
                let far = list.len() < self.list.len();
                multiply(kernel, from, self.codes, false, list, far, &mut self.products)?;
                let now = [self.hits.pairs().len() as u64, (self.list.len() * WIDTH) as u64];
                (pairs, all) = (pairs + now[0], all + now[1]);
                lately = [lately[0] + now[0], lately[1] + now[1]];
                if self.blind && 100 * lately[0] > LEFT_BLIND * lately[1] && !always {
                    // Nearer targets are wanted first: after as many panels again.
                    (leads_from, lately) = (2 * p - panels.start + 1, [0; 2]);
                }
            }
            match Q::WANTED {
                Wanted::Least => self.keep_least()?,
                Wanted::Every => self.offer(question),
            }
        }
        Ok((pairs, all))
    }

    /// Whether leading dimensions left too many `pairs` of `all` for the next blocks to be looked at in them.
    pub fn too_many(&self, pairs: u64, all: u64) -> bool {
        !self.blind && 100 * pairs > LEFT * all
    }

    /// Hit `at` with its score at full depth, and the score's error: the tile has told the score, or the codes were multiplied.
    #[inline(always)]
    fn scored(&self, at: usize) -> (Hit, f32, f32) {
        let hit = self.hits.pairs()[at];
        let (i, slot) = (hit.row(), hit.slot());
        if self.leading {
            let (row, target) = (&self.pair[i], &self.codes.targets[slot]);
            return (hit, row.score(target, self.products[at]), row.error(target));
        }
        let [error, norm] = self.tiles().terms[slot];
        (hit, self.hits.scores()[at], self.full.of(i, error, norm))
    }

    /// The pairs offered whose codes did not tell on which side of the limit they lie, and all that were looked at.
    pub fn doubts(&self) -> (u64, u64) {
        (self.unsure, self.looked)
    }

    /// Keeps those of the hits that may have the least score of their row.
    fn keep_least(&mut self) -> Result<()> {
        let (mut kept, mut upper) = (core::mem::take(&mut self.kept), core::mem::take(&mut self.upper));
        let done = kept.keep(self.hits.pairs().len(), |at| {
            let (hit, z, error) = self.scored(at);
            let upper = &mut upper[hit.row()];
            *upper = upper.min(z + error);
            (hit, z - error, z - error <= *upper)
        });
        if kept.is_long() {
            self.prune(&mut kept, &mut upper[..self.n]);
        }
        (self.kept, self.upper) = (kept, upper);
        done
    }

    /// Drops what is excluded by now; gives the rows away that have too many targets left.
    #[cold]
    fn prune(&mut self, kept: &mut Kept, upper: &mut [f32]) {
        kept.prune(upper);
        for (state, upper) in self.states.iter_mut().zip(upper) {
            if *state == State::Searched && *upper == f32::NEG_INFINITY {
                (*state, self.closed) = (State::Given, true);
            }
        }
    }

    /// Offers the hits that may lie within the limit of their row. Those of a row come in ascending order.
    fn offer<Q: Question>(&mut self, question: &mut Q) {
        for at in 0..self.hits.pairs().len() {
            let (hit, z, error) = self.scored(at);
            let i = hit.row();
            if z - error <= self.upper[i] {
                self.unsure += u64::from(z + error > self.upper[i]);
                let hit = question::Hit { target: hit.slot() as u32, z: z.into(), error: error.into() };
                self.upper[i] = narrow_up(question.offer(self.from + i, hit, &mut self.buffer));
                self.closed |= self.upper[i] == f32::NEG_INFINITY;
            }
        }
    }
}

/// Scores with their errors.
#[cfg(test)]
pub(super) type Swept = Vec<(f32, f32)>;

#[cfg(test)]
impl Block<'_> {
    /// Whether the tile reads leading dimensions.
    pub fn leads(&self) -> bool {
        self.leading
    }

    /// Of row 0 and every target: the sweep's score with its error, and the closer score.
    pub fn scores(&mut self, search: &Search<'_>) -> Result<(Swept, Vec<Candidate>)> {
        let count = self.codes.count();
        self.threshold[0] = f32::INFINITY;
        self.list.clear();
        self.list.push(0);
        let mut swept = alloc::vec![(0.0, 0.0); count];
        let tiles = self.tiles();
        let errors = |block: &Self, slot: usize| {
            let [error, norm] = tiles.terms[slot];
            let errors = if block.leading { &block.lead } else { &block.full };
            errors.of(0, error, norm)
        };
        for p in 0..tiles.n_panels() {
            if let (Packed::Words(panel), columns) = tiles.panel(p) {
                // A scan in words makes no scores; here they are made by the formula.
                let Some(lead) = self.given.lead else { continue };
                let offset = i32::from(search.cpu.codes.tile().offset());
                let codes = &lead.rows.from(self.base)[..tiles.depth];
                let row: Vec<i32> = codes.iter().map(|q| i32::from(*q) - offset).collect();
                let scores = panel.scores(columns, &row, self.lead_scale[0], self.residue[0]);
                for (c, (z, _)) in scores.into_iter().enumerate() {
                    swept[p * WIDTH + c] = (z as f32, errors(self, p * WIDTH + c));
                }
                continue;
            }
            self.scan(search, p, Told::Scores)?;
            for (hit, z) in self.hits.pairs().iter().zip(self.hits.scores()) {
                swept[hit.slot()] = (*z, errors(self, hit.slot()));
            }
        }
        self.pairs.clear();
        self.pairs.extend((0..count).map(|slot| Hit::new(0, slot)));
        self.multiply_pairs(search, true)?;
        Ok((swept, (0..count).map(|at| self.closely(at)).collect()))
    }
}

/// The products of the codes of pairs: rows, whose codes begin at `from`, with the first codes of their targets or with the `rest`.
fn multiply(
    kernel: &CodeKernel,
    from: &[u8],
    codes: &TargetCodes,
    rest: bool,
    list: &[Hit],
    far: bool,
    out: &mut Vec<i32>,
) -> Result<()> {
    at_least(out, list.len())?;
    let (columns, starts) =
        if rest { (codes.rest(), &codes.rest_starts) } else { (codes.first(), &codes.starts) };
    kernel.pairs(kernel.pair(), from, columns, starts, codes.stride, codes.depth, list, far, out);
    Ok(())
}
