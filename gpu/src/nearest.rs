//! The nearest targets of the rows of a block.
//!
//! ```text
//! for each chunk of rows, for each launch of it           (the host settles a launch while the device works on the next)
//!     for each piece of the targets: the kernel lists what lies within the margin of the best so far
//!                                 on CUDA the definition leaves one of those that it listed
//!     one target in all                                   certified
//!     some, all listed                                    the definition decides among them
//!     more, or rows that could overflow on the device     the CPU backend searches
//! ```

use std::ops::Range;
use std::sync::Arc;

use pauca::backend::{Backend, Job, SearchStats};
use pauca::exact::{Metric, dot64};
use pauca::{Context, Error, Result};

use crate::device::Gpu;
use crate::kernels::definition::Value;
use crate::kernels::search::{LISTED, WORDS};
use crate::launch::{self, Sides};
use crate::link::Buffer;
use crate::memory::{try_capacity, try_collect, try_grow, try_vec};
use crate::plan::{Search, pieces};
use crate::rows::{Chunk, GpuBlock};
use crate::targets::{GpuTargets, Packed, rows_of};

/// Listed targets of a row, over all pieces, among which the definition decides.
const MOST: usize = 4 * LISTED;
/// Rows of a task of the host.
const TASK: usize = 256;
/// Values of rows that are gathered at once for the CPU.
const GATHERED: usize = 1 << 22;

/// What the kernel found for some rows, piece by piece of the targets.
pub(crate) struct Lists<'f>(pub &'f [(usize, Vec<u32>)]);

impl Lists<'_> {
    /// The slots that are listed for a row, ascending, and how many; none where not all are listed.
    pub fn of(&self, row: usize) -> Option<([u32; MOST], usize)> {
        let (mut all, mut len) = ([0; MOST], 0);
        for (first, found) in self.0 {
            let words = found.get(row * WORDS..(row + 1) * WORDS)?;
            let count = words[0] as usize;
            if count > LISTED || len + count > MOST {
                return None;
            }
            for slot in &words[1..=count] {
                all[len] = *first as u32 + slot;
                len += 1;
            }
        }
        all[..len].sort_unstable();
        Some((all, len))
    }
}

/// Rows that a task settles.
struct Settling<'o> {
    first: usize,
    out: &'o mut [u32],
    /// Rows for the CPU, counted within the launch.
    left: Vec<u32>,
    certified: u64,
    decided: u64,
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
        let (first, found) = (proposed.rows.start, proposed.fetched(gpu)?);
        let out = &mut out[proposed.rows.clone()];
        let left = settle(block, targets, &packed, &Lists(&found), first, out, stats, cx)?;
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
    /// The first slot of each piece, and what the kernel lists.
    lists: Vec<(usize, Buffer)>,
    /// What the launches read.
    _chunk: Arc<Chunk>,
}

impl Proposed {
    /// Waits for the launches.
    fn fetched(&self, gpu: &Gpu) -> Result<Vec<(usize, Vec<u32>)>> {
        let mut read = try_capacity(self.lists.len())?;
        for (first, words) in &self.lists {
            read.push((*first, gpu.link().read::<u32>(words)?));
        }
        Ok(read)
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
    let link = gpu.link();
    let best = link.room(n)?;
    let mut lists = try_capacity(packed.pieces.len())?;
    for (number, piece) in packed.pieces.iter().enumerate() {
        let words = link.room(n * WORDS)?;
        let sides = Sides {
            x: &chunk.values,
            c: &piece.values,
            aux: &piece.aux,
            windows: None,
            first,
            n,
            k: piece.slots.len(),
            dim: packed.frame.center.len(),
        };
        launch::nearest(link, plan, sides, packed.scoring, norms, &best, &words, number == 0)?;
        if let Some(plain) = &piece.plain {
            let value = Value::Distance(gpu.square());
            launch::settle(link, sides.x, plain, &words, first, n, sides.dim, value)?;
        }
        lists.push((piece.slots.start, words));
    }
    let start = chunk.rows.start + first;
    Ok(Proposed { rows: start..start + n, lists, _chunk: Arc::clone(chunk) })
}

/// Settles what is listed, by the definition where it must; the rows that are left.
#[allow(clippy::too_many_arguments, reason = "one step of the search above")]
fn settle(
    block: &GpuBlock<'_>,
    targets: &GpuTargets,
    packed: &Packed,
    lists: &Lists<'_>,
    first: usize,
    out: &mut [u32],
    stats: &mut SearchStats,
    cx: &Context,
) -> Result<Vec<usize>> {
    let (rows, dim, n) = (block.cpu.rows(), block.dim(), out.len());
    let mut jobs = try_capacity(n.div_ceil(TASK))?;
    jobs.extend(out.chunks_mut(TASK).enumerate().map(|(task, out)| {
        Job::new(Settling { first: task * TASK, out, left: Vec::new(), certified: 0, decided: 0 })
    }));
    cx.in_waves(&mut jobs, (TASK * (dim + 16)) as u64, |task| {
        let mut buffer = try_vec(dim, 0.0f32)?;
        for (i, label) in task.out.iter_mut().enumerate() {
            let local = task.first + i;
            let slots = lists.of(local).filter(|(_, len)| *len > 0);
            let of_slots = slots.and_then(|(slots, len)| {
                let mut all = [0u32; MOST];
                let named = slots[..len].iter().zip(&mut all);
                named
                    .map(|(slot, out)| packed.slots.target(*slot as usize).map(|t| *out = t))
                    .collect::<Option<()>>()?;
                Some((all, len))
            });
            match of_slots {
                Some((only, 1)) => {
                    *label = only[0];
                    task.certified += 1;
                }
                Some((some, len)) => {
                    let row = rows.row(first + local, &mut buffer)?;
                    *label = decide(targets, row, &some[..len]);
                    task.decided += 1;
                }
                // Everything is as similar to a row of zeros: the first target is nearest.
                None if is_zero(targets.metric, rows.row(first + local, &mut buffer)?) => {
                    *label = 0;
                    task.decided += 1;
                }
                None => {
                    try_grow(&mut task.left, 1)?;
                    task.left.push(local as u32);
                }
            }
        }
        Ok(())
    })?;
    let mut left = try_capacity(jobs.iter().map(|job| job.work.left.len()).sum())?;
    for Job { work: task, .. } in jobs {
        left.extend(task.left.iter().map(|row| *row as usize));
        stats.f32 += task.certified;
        stats.truth += task.decided;
        stats.rows += task.certified + task.decided;
    }
    Ok(left)
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
