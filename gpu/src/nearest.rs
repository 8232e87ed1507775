//! The nearest targets of the rows of a block.
//!
//! ```text
//! for each chunk of rows, for each launch of it           (the host settles a launch while the device works on the next)
//!     for each piece of the targets: the kernel goes on with the lists of what lies within the margin of the best so far
//!                                 on CUDA the definition leaves one of those that are listed, where there is one piece
//!     one target is listed                                a word comes back, certified
//!     some                                                the list comes back, and the definition decides
//!     more, or rows that could overflow on the device     the CPU backend searches
//! ```

use std::ops::Range;
use std::sync::Arc;

use pauca::backend::{Backend, Job, SearchStats};
use pauca::exact::{Metric, dot64};
use pauca::{Context, Error, Result};

use crate::device::Gpu;
use crate::kernels::definition::Value;
use crate::kernels::report::{OPEN, OPEN_WORDS};
use crate::kernels::search::{LISTED, Start, WORDS};
use crate::launch::{self, Sides};
use crate::link::Buffer;
use crate::memory::{try_capacity, try_collect, try_vec};
use crate::plan::{Search, pieces};
use crate::rows::{Chunk, GpuBlock};
use crate::targets::{GpuTargets, Packed, rows_of};

/// Rows of a task of the host.
const TASK: usize = 256;
/// Values of rows that are gathered at once for the CPU.
const GATHERED: usize = 1 << 22;

/// The slots of a list, ascending, and how many; none where not all are listed.
pub(crate) fn listed(words: &[u32]) -> Option<([u32; LISTED], usize)> {
    let (count, slots) = words.split_first()?;
    let (mut all, len) = ([0; LISTED], *count as usize);
    all.get_mut(..len)?.copy_from_slice(slots.get(..len)?);
    all[..len].sort_unstable();
    Some((all, len))
}

/// See [`Backend::nearest`].
pub(crate) fn nearest(
    gpu: &Gpu,
    block: &GpuBlock<'_>,
    targets: &GpuTargets,
    out: &mut [u32],
    cx: &Context,
) -> Result<SearchStats> {
    let mut stats = SearchStats::default();
    if targets.n() == 0 {
        return Err(Error::Empty { what: "targets" });
    }
    if targets.n() == 1 || out.is_empty() {
        out.fill(0);
        (stats.rows, stats.truth) = (out.len() as u64, out.len() as u64);
        return Ok(stats);
    }
    let packed = if block.fits(gpu) { targets.packed(gpu)? } else { None };
    let plan = Search::new(&gpu.limits(), block.n(), targets.n(), block.dim());
    let (Some(packed), Some(plan)) = (packed, plan) else {
        let cpu = targets.on_cpu(gpu, cx)?;
        return gpu.host().nearest(&block.cpu, &cpu, None, out, cx);
    };
    let finish = |proposed: Proposed, out: &mut [u32], stats: &mut SearchStats| {
        let (first, answers) = (proposed.rows.start, proposed.fetched(gpu)?);
        let out = &mut out[proposed.rows.clone()];
        let left = settle(block, targets, &packed, &answers, first, out, stats, cx)?;
        search_on_cpu(gpu, block, targets, first, &left, out, stats, cx)
    };
    let mut before: Option<Proposed> = None;
    block.for_chunks(gpu, cx, |chunk| {
        if !packed.holds(chunk) {
            let out = &mut out[chunk.rows.clone()];
            let left = try_collect(out.len(), 0..out.len())?;
            return search_on_cpu(gpu, block, targets, chunk.rows.start, &left, out, &mut stats, cx);
        }
        let norms = match targets.metric {
            Metric::SqEuclidean => chunk.norms(gpu, &packed.frame, &packed.pieces[0].aux)?,
            // The margin of unit rows does not depend on them: any numbers serve.
            Metric::Cosine => chunk.values.clone(),
        };
        for part in pieces(chunk.rows.len(), plan.rows) {
            cx.control.check()?;
            let next = propose(gpu, &plan, chunk, &packed, &norms, part.start, part.len())?;
            if let Some(done) = before.replace(next) {
                finish(done, out, &mut stats)?;
            }
        }
        Ok(())
    })?;
    if let Some(last) = before {
        finish(last, out, &mut stats)?;
    }
    Ok(stats)
}

/// What launches were asked for, and is not fetched yet.
struct Proposed {
    /// Rows of the block.
    rows: Range<usize>,
    /// What [`report`](crate::kernels::report) wrote.
    slots: Buffer,
    open: Buffer,
    counts: Buffer,
    /// Whether the device has decided among listed targets.
    decides: bool,
    /// What the launches read.
    _chunk: Arc<Chunk>,
}

/// What came back of a launch.
struct Answers {
    /// The slot of each row, or [`OPEN`].
    slots: Vec<u32>,
    /// [`OPEN_WORDS`] for each open row, in any order.
    open: Vec<u32>,
    /// Rows that the device decided by the definition.
    decided: u64,
}

impl Proposed {
    /// Waits for the launches. Lists are fetched of the rows that need them.
    fn fetched(&self, gpu: &Gpu) -> Result<Answers> {
        let slots = gpu.link().read::<u32>(&self.slots)?;
        let left = slots.iter().filter(|slot| **slot == OPEN).count();
        let open = if left > 0 { gpu.link().read_first(&self.open, left * OPEN_WORDS)? } else { Vec::new() };
        let decided = if self.decides { gpu.link().read::<u32>(&self.counts)?[1] } else { 0 };
        Ok(Answers { slots, open, decided: decided.into() })
    }
}

/// One launch for each piece of the targets, on `n` rows of the chunk from `first` on.
fn propose(
    gpu: &Gpu,
    plan: &Search,
    chunk: &Arc<Chunk>,
    packed: &Packed,
    norms: &Buffer,
    first: usize,
    n: usize,
) -> Result<Proposed> {
    let (link, dim) = (gpu.link(), packed.frame.center.len());
    let (best, found) = (link.room(n)?, link.room(n * WORDS)?);
    for (number, piece) in packed.pieces.iter().enumerate() {
        let (k, base) = (piece.slots.len(), piece.slots.start);
        let sides =
            Sides { x: &chunk.values, c: &piece.values, aux: &piece.aux, windows: None, first, n, k, dim };
        let start = if number == 0 { Start::Nothing } else { Start::Lists };
        launch::nearest(link, plan, sides, packed.scoring, norms, &best, &found, base, start)?;
    }
    if let Some(plain) = &packed.plain {
        let value = Value::Distance(gpu.square());
        launch::settle(link, &chunk.values, plain, &found, first, n, dim, value)?;
    }
    let (slots, open, counts) = (link.room(n)?, link.room(n * OPEN_WORDS)?, link.upload(&[0u32; 2])?);
    launch::report(link, &found, &slots, &open, &counts, n)?;
    let (start, decides) = (chunk.rows.start + first, packed.plain.is_some());
    Ok(Proposed { rows: start..start + n, slots, open, counts, decides, _chunk: Arc::clone(chunk) })
}

/// Settles what came back, by the definition where it must; the rows that are left, ascending.
#[allow(clippy::too_many_arguments, reason = "one step of the search above")]
fn settle(
    block: &GpuBlock<'_>,
    targets: &GpuTargets,
    packed: &Packed,
    answers: &Answers,
    first: usize,
    out: &mut [u32],
    stats: &mut SearchStats,
    cx: &Context,
) -> Result<Vec<usize>> {
    let target = |slot: u32| packed.slots.target(slot as usize).filter(|t| (*t as usize) < targets.n());
    for (label, slot) in out.iter_mut().zip(&answers.slots) {
        *label = target(*slot).unwrap_or(OPEN);
    }
    let (rows, dim, n) = (block.cpu.rows(), block.dim(), answers.open.len() / OPEN_WORDS);
    let mut labels = try_vec(n, OPEN)?;
    let mut jobs = try_capacity(n.div_ceil(TASK))?;
    let lists = answers.open.chunks(TASK * OPEN_WORDS);
    jobs.extend(labels.chunks_mut(TASK).zip(lists).map(Job::new));
    cx.in_waves(&mut jobs, (TASK * LISTED * dim) as u64, |(labels, lists)| {
        let mut buffer = try_vec(dim, 0.0f32)?;
        for (label, words) in labels.iter_mut().zip(lists.chunks_exact(OPEN_WORDS)) {
            let row = rows.row(first + words[0] as usize, &mut buffer)?;
            let some = listed(&words[1..]).filter(|(_, len)| *len > 0).and_then(|(mut slots, len)| {
                slots[..len].iter_mut().try_for_each(|slot| target(*slot).map(|target| *slot = target))?;
                Some((slots, len))
            });
            match some {
                Some((some, len)) => *label = decide(targets, row, &some[..len]),
                // Everything is as similar to a row of zeros: the first target is nearest.
                None if is_zero(targets.metric, row) => *label = 0,
                None => {}
            }
        }
        Ok(())
    })?;
    for (words, label) in answers.open.chunks_exact(OPEN_WORDS).zip(&labels) {
        if let Some(out) = out.get_mut(words[0] as usize) {
            *out = *label;
        }
    }
    let open = out.iter().filter(|label| **label == OPEN).count();
    let settled = (out.len() - open) as u64;
    let decided = answers.decided + labels.iter().filter(|label| **label != OPEN).count() as u64;
    stats.rows += settled;
    stats.truth += decided;
    stats.f32 += settled.saturating_sub(decided);
    try_collect(open, (0..out.len()).filter(|row| out[*row] == OPEN))
}

fn is_zero(metric: Metric, row: &[f32]) -> bool {
    metric == Metric::Cosine && dot64(row, row) == 0.0
}

/// The nearest of some targets in ascending order, by the definition.
fn decide(targets: &GpuTargets, row: &[f32], some: &[u32]) -> u32 {
    let square = if targets.metric == Metric::Cosine { dot64(row, row) } else { 0.0 };
    let (mut best, mut nearest) = (f64::INFINITY, 0);
    for target in some {
        let score = targets.score(row, square, *target as usize);
        if score < best {
            (best, nearest) = (score, *target);
        }
    }
    nearest
}

/// The rows `first + left[.]` of the block, searched by the CPU backend.
#[allow(clippy::too_many_arguments, reason = "one step of the search above")]
fn search_on_cpu(
    gpu: &Gpu,
    block: &GpuBlock<'_>,
    targets: &GpuTargets,
    first: usize,
    left: &[usize],
    out: &mut [u32],
    stats: &mut SearchStats,
    cx: &Context,
) -> Result<()> {
    if left.is_empty() {
        return Ok(());
    }
    let (rows, dim, cpu) = (block.cpu.rows(), block.dim(), targets.on_cpu(gpu, cx)?);
    let mut buffer = try_vec(dim, 0.0f32)?;
    for left in left.chunks((GATHERED / dim.max(1)).max(1)) {
        let mut values = try_capacity(left.len() * dim)?;
        for row in left {
            values.extend_from_slice(rows.row(first + row, &mut buffer)?);
        }
        let gathered = gpu.host().load(rows_of(&values, left.len(), dim)?, targets.metric, cx)?;
        let mut labels = try_vec(left.len(), 0u32)?;
        stats.merge(&gpu.host().nearest(&gathered, &cpu, None, &mut labels, cx)?);
        left.iter().zip(labels).for_each(|(row, label)| out[*row] = label);
    }
    Ok(())
}

#[cfg(all(test, feature = "wgpu"))]
mod tests {
    use pauca::Boundary;
    use pauca::backend::{Above, Copies, Pairs, Threshold};

    use super::*;
    use crate::faults::device;
    use crate::kernels::search::DECIDED;
    use crate::limits::Limits;

    #[test]
    fn a_report_names_single_targets_and_holds_all_other_lists() {
        let Some(gpu) = device() else { return };
        let (n, link) = (1003usize, gpu.link());
        let words = |row: usize| -> [u32; WORDS] {
            std::array::from_fn(|word| if word == 0 { row % 7 } else { 10 * row + word } as u32)
        };
        let found: Vec<u32> = (0..n).flat_map(words).collect();
        let (found, counts) = (link.upload(&found).unwrap(), link.upload(&[0u32; 2]).unwrap());
        let (slots, open) = (link.room(n).unwrap(), link.room(n * OPEN_WORDS).unwrap());
        launch::report(link, &found, &slots, &open, &counts, n).unwrap();
        let is_open = |row: &usize| ![1, DECIDED].contains(&words(*row)[0]);
        let expected: Vec<u32> = (0..n).map(|row| if is_open(&row) { OPEN } else { words(row)[1] }).collect();
        assert_eq!(link.read::<u32>(&slots).unwrap(), expected);
        let left = (0..n).filter(is_open).count();
        let decided = (0..n).filter(|row| words(*row)[0] == DECIDED).count();
        assert!(decided > 0);
        assert_eq!(link.read::<u32>(&counts).unwrap(), [left as u32, decided as u32]);
        let all: Vec<u32> = link.read_first(&open, left * OPEN_WORDS).unwrap();
        let mut lists: Vec<&[u32]> = all.chunks_exact(OPEN_WORDS).collect();
        lists.sort_unstable();
        assert!(left > n / 2 && lists.len() == left);
        for (list, row) in lists.into_iter().zip((0..n).filter(is_open)) {
            assert_eq!((list[0], &list[1..]), (row as u32, &words(row)[..]));
        }
    }

    /// Targets in pieces of three: a piece that is nearer drops what the pieces before have listed, and one that is farther, or
    /// of which nothing matters, keeps it.
    #[test]
    fn lists_go_on_from_piece_to_piece() {
        let Some(gpu) = device() else { return };
        let cx = Context::default();
        let cut = gpu.clone().with_limits(Limits { buffer: 4 * 3 * 100, memory: 0, ..gpu.limits() });
        let (n, d) = (70usize, 100usize);
        let run = |k: usize, at: &dyn Fn(usize) -> f32| {
            let x = vec![0.0f32; n * d];
            let c: Vec<f32> = (0..k * d).map(|i| at(i / d)).collect();
            let block = cut.load(rows_of(&x, n, d).unwrap(), Metric::SqEuclidean, &cx).unwrap();
            let metric = Metric::SqEuclidean;
            let targets = cut.targets(rows_of(&c, k, d).unwrap(), metric, Copies::Keep, &cx).unwrap();
            let mut labels = vec![9; n];
            let stats = cut.nearest(&block, &targets, None, &mut labels, &cx).unwrap();
            assert!(labels.iter().all(|label| *label == labels[0]));
            (labels[0], stats.f32, stats.truth)
        };
        let all = n as u64;
        // Nearer from target to target, and farther; a list of all pieces would hold one of each, which the definition decides.
        assert_eq!(run(9, &|t| (9 - t) as f32), (8, all, 0));
        assert_eq!(run(9, &|t| (1 + t) as f32), (0, all, 0));
        // Three targets in different pieces are equally near, and then five, which are too many for a list.
        assert_eq!(run(20, &|t| if t % 7 == 1 { 1.0 } else { 2.0 }), (1, 0, all));
        let (label, certified, _) = run(20, &|t| if t % 4 == 3 { -1.0 } else { 2.0 });
        assert_eq!((label, certified), (3, 0));
    }

    /// Rows and targets of norms far below 1, and rows of zeros alone.
    #[test]
    fn tiny_rows_are_searched_on_the_device() {
        let Some(gpu) = device() else { return };
        let (n, k, d, cx) = (100usize, 9usize, 16usize, Context::default());
        let value = |i: usize, salt: usize| ((i * 37 + salt) % 101) as f32 - 50.0;
        for (scale, of_rows) in [(1e-30f32, 1.0f32), (1e-30, 0.0), (1e-12, 1.0), (1e-12, 0.0)] {
            let x: Vec<f32> = (0..n * d).map(|i| value(i * i, 5) * scale * of_rows).collect();
            let c: Vec<f32> = (0..k * d).map(|i| value(i * i * i, 11) * scale).collect();
            let (metric, copies) = (Metric::SqEuclidean, Copies::Collapse);
            let (x, c) = (|| rows_of(&x, n, d).unwrap(), || rows_of(&c, k, d).unwrap());
            let before = gpu.traffic();
            let (block, targets) =
                (gpu.load(x(), metric, &cx).unwrap(), gpu.targets(c(), metric, copies, &cx).unwrap());
            let (mut labels, mut expected) = (vec![9; n], vec![9; n]);
            gpu.nearest(&block, &targets, None, &mut labels, &cx).unwrap();
            let reads = gpu.traffic().since(&before).reads;
            assert!(reads > 0, "rows of {scale:e} {of_rows} are not searched on the device");
            let cpu = gpu.host();
            let (block, targets) =
                (cpu.load(x(), metric, &cx).unwrap(), cpu.targets(c(), metric, copies, &cx).unwrap());
            cpu.nearest(&block, &targets, None, &mut expected, &cx).unwrap();
            assert_eq!(labels, expected);
        }
    }

    /// Unit rows of one value fill a buffer: it is no target's, because no other holds zeros for them and for a center.
    #[test]
    fn no_buffer_is_larger_than_the_device_has() {
        let Some(gpu) = device() else { return };
        let cx = Context::default();
        let gpu = gpu.clone().with_limits(Limits { buffer: 4 * 100, ..gpu.limits() });
        let x: Vec<f32> = (0..250).map(|i| i as f32 - 100.0).collect();
        for d in [1, 2] {
            let rows = rows_of(&x, x.len() / d, d).unwrap();
            let block = gpu.load(rows, Metric::Cosine, &cx).unwrap();
            block.settle(&gpu, &cx).unwrap();
            let targets = gpu.pack(&block, Copies::Keep, &cx).unwrap();
            let packed = targets.packed(&gpu).unwrap().unwrap();
            let sizes: Vec<usize> =
                packed.pieces.iter().flat_map(|piece| [piece.values.len(), piece.aux.len()]).collect();
            assert!(sizes.iter().all(|words| *words <= 100), "{d} {sizes:?}");
            // A row has pairs with all of them: more than a buffer takes, if pieces were as large as buffers.
            let threshold = Threshold::One(-2.0);
            let above = Above { threshold, boundary: Boundary::Ge, first_only: false };
            let mut pairs = Vec::new();
            gpu.pairs_above(&block, &targets, Pairs::Across, above, &mut pairs, &cx).unwrap();
            assert_eq!(pairs.len(), block.n() * block.n());
        }
    }

    /// What a launch made of a buffer that an earlier one failed to write is not read for an answer.
    #[test]
    fn a_failure_is_seen_behind_the_launches_that_follow() {
        let Some(gpu) = device() else { return };
        let (n, link) = (64, gpu.link());
        let (found, counts) = (link.room(n * WORDS).unwrap(), link.upload(&[0u32; 2]).unwrap());
        launch::fill(link, &found, 1).unwrap();
        launch::fill_with(link, &found, 2, 1 << 20).unwrap();
        let (slots, open) = (link.room(n).unwrap(), link.room(n * OPEN_WORDS).unwrap());
        launch::report(link, &found, &slots, &open, &counts, n).unwrap();
        assert!(link.read::<u32>(&slots).is_err() && link.read::<u32>(&counts).is_err());
        assert!(link.read_first::<u32>(&open, 6).is_err());
    }
}
