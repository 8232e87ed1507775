//! Pairs of later and earlier rows: the most similar earlier row, and all that pass a threshold.
//!
//! Rows see ranges of the targets, so groups of any number and size share a launch. What the kernels list, the
//! definition decides; rows of which more is within the margin than can be listed are compared by the definition with
//! all that they see.

use std::ops::Range;
use std::sync::Arc;

use pauca::backend::{Above, Best, Job, Pair, Pairs, SearchStats, Threshold};
use pauca::exact::bounds::cosine_error;
use pauca::exact::dot64;
use pauca::exact::float::narrow_up;
use pauca::{Context, Result};

use crate::coordinates::DEVICE;
use crate::device::Gpu;
use crate::kernels::search::{NOTHING, Start, WORDS};
use crate::launch::{self, Sides};
use crate::link::Buffer;
use crate::memory::{try_capacity, try_collect, try_grow, try_vec};
use crate::nearest::listed;
use crate::plan::{Search, pieces};
use crate::rows::{Chunk, GpuBlock};
use crate::targets::{GpuTargets, Packed, Piece};

/// Rows of a task of the host.
const TASK: usize = 64;
/// Pairs that a launch has room for at first: more are asked for when there are more.
const PAIRS: usize = 1 << 14;

/// The two sides of an operation on pairs.
pub(crate) struct Both<'s, 'b> {
    pub gpu: &'s Gpu,
    pub block: &'s GpuBlock<'b>,
    pub targets: &'s GpuTargets,
    pub pairs: Pairs<'s>,
}

/// A launch: rows of a chunk, and the targets of a piece.
struct Launch<'p> {
    chunk: Arc<Chunk>,
    piece: &'p Piece,
    /// Rows of the chunk.
    part: Range<usize>,
    dim: usize,
}

impl Launch<'_> {
    fn sides<'s>(&'s self, windows: Option<&'s Buffer>) -> Sides<'s> {
        Sides {
            x: &self.chunk.values,
            c: &self.piece.values,
            aux: &self.piece.aux,
            windows,
            first: self.part.start,
            n: self.part.len(),
            k: self.piece.slots.len(),
            dim: self.dim,
        }
    }

    /// The first row of the launch, in its block.
    fn first(&self) -> usize {
        self.chunk.rows.start + self.part.start
    }
}

impl Both<'_, '_> {
    /// The targets that row `i` of the block sees.
    fn seen(&self, i: usize) -> Range<usize> {
        self.pairs.earlier_of(i, self.targets.n())
    }

    /// The slots of a piece that row `i` sees, counted within the piece.
    fn seen_in(&self, piece: &Piece, i: usize) -> Range<usize> {
        let (seen, slots) = (self.seen(i), &piece.slots);
        let inside = |at: usize| at.clamp(slots.start, slots.end) - slots.start;
        inside(seen.start)..inside(seen.end)
    }

    /// The targets on the device, and how rows are cut; none where the device cannot search them.
    fn plan(&self, cx: &Context) -> Result<Option<(Arc<Packed>, Search)>> {
        if !self.block.fits(self.gpu) {
            return Ok(None);
        }
        // Then one copy of the rows serves as both sides.
        if self.targets.are_of(self.block) {
            self.block.settle(self.gpu, cx)?;
        }
        // Within groups a row sees far fewer targets than there are; how many differs from launch to launch.
        let seen = match self.pairs {
            Pairs::Across => self.targets.n(),
            Pairs::Within(offsets) => offsets.windows(2).map(|w| w[1] - w[0]).max().unwrap_or(0),
        };
        let plan = Search::new(&self.gpu.limits(), self.block.n(), seen, self.block.dim());
        Ok(self.targets.packed(self.gpu)?.zip(plan))
    }

    /// Calls `f` for every launch: rows in ascending order, and for each of them the targets in ascending order.
    fn for_launches<'p>(
        &self,
        packed: &'p Packed,
        plan: &Search,
        cx: &Context,
        mut f: impl FnMut(Launch<'p>, &[u32]) -> Result<()>,
    ) -> Result<()> {
        self.block.for_chunks(self.gpu, cx, |chunk| {
            for part in pieces(chunk.rows.len(), plan.rows) {
                for piece in &packed.pieces {
                    let (chunk, part, dim) = (Arc::clone(chunk), part.clone(), self.block.dim());
                    let launch = Launch { chunk, piece, part, dim };
                    let first = launch.first();
                    let windows = plan.windows(launch.part.len(), |row| self.seen_in(piece, first + row))?;
                    let cubes = plan.cubes(launch.part.len());
                    // Rows that see nothing of this piece, as most do within groups, need no launch.
                    if windows[..2 * cubes].chunks_exact(2).any(|steps| steps[0] < steps[1]) {
                        cx.control.check()?;
                        f(launch, &windows)?;
                    }
                }
            }
            Ok(())
        })
    }
}

/// Calls `f` on the first row of a task and its outputs.
fn for_tasks<T: Send>(
    out: &mut [T],
    cost: usize,
    cx: &Context,
    f: impl Fn(usize, &mut [T]) -> Result<()> + Sync + Send,
) -> Result<()> {
    let mut jobs = try_capacity(out.len().div_ceil(TASK))?;
    jobs.extend(out.chunks_mut(TASK).enumerate().map(|(task, out)| Job::new((task * TASK, out))));
    cx.in_waves(&mut jobs, (TASK * cost) as u64, |(first, out)| f(*first, out))
}

/// The most similar earlier rows; see [`Backend::earlier_max`](pauca::backend::Backend::earlier_max).
pub(crate) fn earlier_max(
    both: &Both<'_, '_>,
    first: u64,
    best: &mut [Best],
    cx: &Context,
) -> Result<SearchStats> {
    let mut stats = SearchStats::default();
    (stats.rows, stats.truth) = (best.len() as u64, best.len() as u64);
    let (rows, dim) = (both.block.cpu.rows(), both.block.dim());
    // Compares a row with some targets in ascending order.
    let compare = |row: usize,
                   best: &mut Best,
                   buffer: &mut [f32],
                   some: &mut dyn Iterator<Item = usize>|
     -> Result<()> {
        let row = rows.row(row, buffer)?;
        let square = dot64(row, row);
        for target in some {
            let similarity = both.targets.cosine(row, square, target);
            if similarity > best.similarity {
                *best = Best { similarity, row: first.wrapping_add(target as u64) };
            }
        }
        Ok(())
    };
    let Some((packed, plan)) = both.plan(cx)? else {
        for_tasks(best, both.targets.n() * dim, cx, |task, best| {
            let mut buffer = try_vec(dim, 0.0f32)?;
            let all = best.iter_mut().enumerate();
            all.map(|(i, best)| (task + i, best))
                .try_for_each(|(i, best)| compare(i, best, &mut buffer, &mut both.seen(i)))
        })?;
        return Ok(stats);
    };
    let link = both.gpu.link();
    let finish = |proposed: Proposed<'_>, best: &mut [Best]| {
        let Proposed { rows, piece, list, .. } = proposed;
        let found = link.read::<u32>(&list)?;
        for_tasks(&mut best[rows.clone()], 8 * dim, cx, |task, best| {
            let mut buffer = try_vec(dim, 0.0f32)?;
            for (i, best) in best.iter_mut().enumerate() {
                let row = rows.start + task + i;
                match listed(&found[(task + i) * WORDS..][..WORDS]) {
                    Some((slots, len)) => {
                        compare(row, best, &mut buffer, &mut slots[..len].iter().map(|slot| *slot as usize))?;
                    }
                    None => {
                        let (seen, start) = (both.seen_in(piece, row), piece.slots.start);
                        compare(row, best, &mut buffer, &mut seen.map(|slot| start + slot))?;
                    }
                }
            }
            Ok(())
        })
    };
    // The host settles a launch while the device works on the next one.
    let mut before: Option<Proposed<'_>> = None;
    both.for_launches(&packed, &plan, cx, |launch, windows| {
        let n = launch.part.len();
        let rows = launch.first()..launch.first() + n;
        // What these rows found in an earlier piece spares them candidates in this one.
        if let Some(same) = before.take_if(|before| before.rows == rows) {
            finish(same, best)?;
        }
        let limits = try_collect(n, best[rows.clone()].iter().map(limit_of))?;
        let (limits, windows) = (link.upload(&limits)?, link.upload(windows)?);
        let list = link.room(n * WORDS)?;
        let (sides, x) = (launch.sides(Some(&windows)), &launch.chunk.values);
        let base = launch.piece.slots.start;
        launch::nearest(link, &plan, sides, packed.scoring, x, &limits, &list, base, Start::Limits)?;
        let next = Proposed { rows, piece: launch.piece, list, _chunk: Arc::clone(&launch.chunk) };
        before.replace(next).map_or(Ok(()), |done| finish(done, best))
    })?;
    if let Some(last) = before {
        finish(last, best)?;
    }
    Ok(stats)
}

/// What a launch was asked for, and is not fetched yet.
struct Proposed<'p> {
    /// Rows of the block.
    rows: Range<usize>,
    piece: &'p Piece,
    /// What the kernel lists.
    list: Buffer,
    /// What the launch reads.
    _chunk: Arc<Chunk>,
}

/// The score above which, but for the margin, nothing matters to a row.
fn limit_of(best: &Best) -> f32 {
    if best.similarity == f64::NEG_INFINITY { NOTHING } else { limit(-best.similarity) }
}

/// A score, rounded up, with more than what comparing with it may lose: scores of unit rows are within [-1.1, 1.1].
fn limit(score: f64) -> f32 {
    narrow_up(score.clamp(-2.0, 2.0) + 1e-6)
}

/// The pairs that pass; see [`Backend::pairs_above`](pauca::backend::Backend::pairs_above).
pub(crate) fn pairs_above(
    both: &Both<'_, '_>,
    above: Above<'_>,
    out: &mut Vec<Pair>,
    cx: &Context,
) -> Result<SearchStats> {
    let mut stats = SearchStats::default();
    stats.rows = both.block.n() as u64;
    stats.truth = stats.rows;
    let begin = out.len();
    let limits = Limits { error: cosine_error(DEVICE, both.block.dim()), threshold: above.threshold };
    match both.plan(cx)? {
        Some((packed, plan)) => {
            // The host settles a launch while the device works on the next one.
            let mut before: Option<Listing<'_>> = None;
            both.for_launches(&packed, &plan, cx, |launch, windows| {
                let next = Listing::ask(both, &plan, launch, windows, &limits)?;
                before.replace(next).map_or(Ok(()), |done| done.finish(both, &plan, &limits, above, out, cx))
            })?;
            if let Some(last) = before {
                last.finish(both, &plan, &limits, above, out, cx)?;
            }
            // Rows ascend from launch to launch, but each of them met one piece after the other.
            if packed.pieces.len() > 1 {
                out[begin..].sort_unstable_by_key(|pair| (pair.later, pair.earlier));
            }
        }
        None => {
            let all = try_collect(both.block.n(), (0..both.block.n()).map(|i| (i, both.seen(i))))?;
            for (row, seen) in all {
                let slots = try_collect(seen.len(), seen.map(|target| (row as u32, target as u32)))?;
                decide(both, &slots, above, out, cx)?;
            }
        }
    }
    if above.first_only {
        let mut last = None;
        let mut at = begin;
        for i in begin..out.len() {
            if last != Some(out[i].later) {
                last = Some(out[i].later);
                out[at] = out[i];
                at += 1;
            }
        }
        out.truncate(at);
    }
    Ok(stats)
}

/// The scores that may pass.
struct Limits<'t> {
    error: f64,
    threshold: Threshold<'t>,
}

impl Limits<'_> {
    /// The largest score of a row that may pass.
    fn of(&self, row: usize) -> f32 {
        let threshold = self.threshold.of(row);
        // Nothing passes a number that is none.
        if threshold.is_nan() { -3.0 } else { limit(self.error - threshold) }
    }
}

/// Pairs that a launch was asked for, and that are not fetched yet.
struct Listing<'p> {
    launch: Launch<'p>,
    limits: Buffer,
    windows: Buffer,
    pairs: Buffer,
    total: Buffer,
}

impl<'p> Listing<'p> {
    /// Asks for as many pairs as a launch has room for at first.
    fn ask(
        both: &Both<'_, '_>,
        plan: &Search,
        launch: Launch<'p>,
        windows: &[u32],
        limits: &Limits<'_>,
    ) -> Result<Self> {
        let (link, first, n) = (both.gpu.link(), launch.first(), launch.part.len());
        let of_rows = try_collect(n, (first..first + n).map(|row| limits.of(row)))?;
        let (limits, windows) = (link.upload(&of_rows)?, link.upload(windows)?);
        let pairs = link.room(2 * PAIRS.min(both.gpu.limits().words() / 2))?;
        let listing = Self { launch, limits, windows, pairs, total: link.upload(&[0u32])? };
        listing.launch(both, plan)?;
        Ok(listing)
    }

    fn launch(&self, both: &Both<'_, '_>, plan: &Search) -> Result<()> {
        let Self { launch, limits, windows, pairs, total } = self;
        let link = both.gpu.link();
        Ok(launch::above(link, plan, launch.sides(None), windows, limits, pairs, total)?)
    }

    /// Decides the pairs; asks again where there are more than had room, and in halves where no room is enough.
    fn finish(
        mut self,
        both: &Both<'_, '_>,
        plan: &Search,
        limits: &Limits<'_>,
        above: Above<'_>,
        out: &mut Vec<Pair>,
        cx: &Context,
    ) -> Result<()> {
        let (link, most) = (both.gpu.link(), both.gpu.limits().words() / 2);
        let total = loop {
            let total = link.read::<u32>(&self.total)?[0] as usize;
            if 2 * total <= self.pairs.len() {
                break total;
            }
            cx.control.check()?;
            let Launch { chunk, piece, part, dim } = &self.launch;
            if total > most && part.len() > 1 {
                let middle = part.start + part.len() / 2;
                for part in [part.start..middle, middle..part.end] {
                    let launch = Launch { chunk: Arc::clone(chunk), piece, part, dim: *dim };
                    let first = launch.first();
                    let windows = plan.windows(launch.part.len(), |row| both.seen_in(piece, first + row))?;
                    Self::ask(both, plan, launch, &windows, limits)?
                        .finish(both, plan, limits, above, out, cx)?;
                }
                return Ok(());
            }
            // A row has no more pairs than a piece has targets, for which there is room.
            (self.pairs, self.total) = (link.room(2 * total.min(most))?, link.upload(&[0u32])?);
            self.launch(both, plan)?;
        };
        if total == 0 {
            return Ok(());
        }
        let found = link.read_first::<u32>(&self.pairs, 2 * total)?;
        let mut pairs = try_capacity(total)?;
        let (first, start) = (self.launch.first() as u32, self.launch.piece.slots.start as u32);
        pairs.extend(found.chunks_exact(2).map(|pair| (first + pair[0], start + pair[1])));
        pairs.sort_unstable();
        decide(both, &pairs, above, out, cx)
    }
}

/// Appends those of the pairs, sorted, that pass by the definition.
fn decide(
    both: &Both<'_, '_>,
    pairs: &[(u32, u32)],
    above: Above<'_>,
    out: &mut Vec<Pair>,
    cx: &Context,
) -> Result<()> {
    let (rows, dim) = (both.block.cpu.rows(), both.block.dim());
    let mut similarities = try_vec(pairs.len(), 0.0f64)?;
    for_tasks(&mut similarities, 2 * dim, cx, |task, out| {
        let mut buffer = try_vec(dim, 0.0f32)?;
        let (mut last, mut square) = (None, 0.0);
        for (i, out) in out.iter_mut().enumerate() {
            let (later, earlier) = pairs[task + i];
            let row = rows.row(later as usize, &mut buffer)?;
            if last != Some(later) {
                (last, square) = (Some(later), dot64(row, row));
            }
            *out = both.targets.cosine(row, square, earlier as usize);
        }
        Ok(())
    })?;
    let passing =
        |similarity: f64, later: u32| above.boundary.passes(similarity, above.threshold.of(later as usize));
    let all = || pairs.iter().zip(&similarities).filter(|((later, _), s)| passing(**s, *later));
    try_grow(out, all().count())?;
    out.extend(all().map(|((later, earlier), s)| Pair { later: *later, earlier: *earlier, similarity: *s }));
    Ok(())
}
