//! Blocks: rows that were checked on the host, and their copy on the device.
//!
//! ```text
//! first use on the device, and there is room     every chunk is sent once, and stays while block, copy or targets live
//! else                                           chunk by chunk in every call
//! ```
//!
//! A block whose rows were gathered from one that is on the device is not sent: its chunks are copied there, at first use or in
//! every call.
//!
//! What is sent: the rows, or under cosine the unit rows f32(x / sqrt(dot(x, x))), which are what is summed as well.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pauca::backend::Job;
use pauca::backend::cpu::{CpuBlock, CpuKept};
use pauca::exact::{Metric, dot64, unit_row};
use pauca::{Context, Error, Result};

use crate::coordinates::{Frame, norm_bound};
use crate::device::{Gpu, Lease};
use crate::kernels::search::NORM_ROWS;
use crate::kernels::sums::is_ordinary;
use crate::launch;
use crate::link::Buffer;
use crate::memory::{try_capacity, try_collect, try_grow, try_vec};
use crate::plan::{pieces, rows_of_buffer};

/// Rows, ready to be searched on a device.
pub struct GpuBlock<'a> {
    pub(crate) cpu: CpuBlock<'a>,
    pub(crate) store: Arc<Store>,
}

/// A block with rows of its own.
pub struct GpuKept {
    pub(crate) cpu: CpuKept,
    pub(crate) store: Arc<Store>,
}

/// The copy of a block's rows on the device, once there is one.
#[derive(Default)]
pub(crate) struct Store(Mutex<State>);

#[derive(Default)]
struct State {
    resident: Option<Arc<Resident>>,
    /// Where the rows may be copied from, until they are resident.
    origin: Option<Arc<Origin>>,
}

/// Some rows of another block.
struct Origin {
    resident: Arc<Resident>,
    rows: Vec<u32>,
}

/// All rows of a block, on the device.
pub(crate) struct Resident {
    pub chunks: Vec<Arc<Chunk>>,
    _lease: Lease,
}

/// Some rows of a block, on the device.
pub(crate) struct Chunk {
    /// Which rows of the block.
    pub rows: Range<usize>,
    pub values: Buffer,
    /// Rows that integers of 32 bits do not sum, counted within the chunk, ascending.
    odd: Vec<u32>,
    /// A bound of the norms of the rows, as they are.
    pub reach: f64,
    /// Bounds of their norms in the coordinates of the last search.
    norms: Mutex<Option<(Arc<Frame>, Buffer)>>,
}

impl Store {
    /// The copy, if there is one.
    pub fn resident(&self) -> Option<Arc<Resident>> {
        self.state().resident.clone()
    }

    /// A store for some rows of this one's block.
    pub fn gathered(&self, rows: &[u32]) -> Result<Self> {
        let Some(resident) = self.resident() else { return Ok(Self::default()) };
        let rows = try_collect(rows.len(), rows.iter().copied())?;
        let origin = Some(Arc::new(Origin { resident, rows }));
        Ok(Self(Mutex::new(State { resident: None, origin })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Origin {
    /// Copies the rows in a range of the list.
    fn chunk(&self, gpu: &Gpu, range: Range<usize>, dim: usize) -> Result<Chunk> {
        let values = gpu.link().room(range.len() * dim)?;
        let (mut odd, mut reach) = (Vec::new(), 0.0f64);
        for chunk in &self.resident.chunks {
            let mut pairs = Vec::new();
            for (to, row) in self.rows[range.clone()].iter().enumerate() {
                let Some(from) = (*row as usize).checked_sub(chunk.rows.start) else { continue };
                if from < chunk.rows.len() {
                    try_grow(&mut pairs, 2)?;
                    pairs.extend([from as u32, to as u32]);
                    if !chunk.is_ordinary(from) {
                        try_grow(&mut odd, 1)?;
                        odd.push(to as u32);
                    }
                }
            }
            if !pairs.is_empty() {
                copy_rows(gpu, &chunk.values, &pairs, &values, dim)?;
                reach = reach.max(chunk.reach);
            }
        }
        odd.sort_unstable();
        Ok(Chunk { rows: range, values, odd, reach, norms: Mutex::new(None) })
    }
}

/// Copies rows of one buffer to rows of another, for pairs (from, to) side by side.
pub(crate) fn copy_rows(gpu: &Gpu, x: &Buffer, pairs: &[u32], out: &Buffer, dim: usize) -> Result<()> {
    let link = gpu.link();
    // Of rows of one value, a buffer holds more than another holds pairs.
    for pairs in pairs.chunks(2 * (gpu.limits().words() / 2).max(1)) {
        launch::gather(link, x, &link.upload(pairs)?, out, dim)?;
    }
    Ok(())
}

impl Chunk {
    /// Whether row `i` of the chunk is summed on the device.
    pub fn is_ordinary(&self, i: usize) -> bool {
        self.odd.binary_search(&(i as u32)).is_err()
    }

    /// Bounds of the norms of the rows in a frame, of which `center` is on the device.
    pub fn norms(&self, gpu: &Gpu, frame: &Arc<Frame>, center: &Buffer) -> Result<Buffer> {
        let mut norms = self.norms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, buffer)) = norms.as_ref().filter(|(of, _)| Arc::ptr_eq(of, frame)) {
            return Ok(buffer.clone());
        }
        let (n, dim, link) = (self.rows.len(), frame.center.len(), gpu.link());
        let out = link.room(n)?;
        // Flushed numbers, three of 2^-126 a value, at a scale of 2^110 at most, and flushed squares: together far below 1.
        let least = 1.0;
        for part in pieces(n, (gpu.limits().cubes as usize).saturating_mul(NORM_ROWS)) {
            launch::norms(
                link,
                &self.values,
                center,
                &out,
                frame.scale,
                frame.growth(),
                least,
                part.start,
                part.len(),
                dim,
            )?;
        }
        *norms = Some((Arc::clone(frame), out.clone()));
        Ok(out)
    }
}

impl GpuBlock<'_> {
    pub(crate) fn n(&self) -> usize {
        self.cpu.rows().n_rows()
    }

    pub(crate) fn dim(&self) -> usize {
        self.cpu.rows().dim()
    }

    /// Whether the device can hold a row at all.
    pub(crate) fn fits(&self, gpu: &Gpu) -> bool {
        rows_of_buffer(&gpu.limits(), self.dim()).is_some()
    }

    /// Calls `f` on all rows, chunk by chunk, on the device. Who has not fetched what a chunk gave keeps the chunk meanwhile:
    /// then the next one is made and sent while the device works.
    pub(crate) fn for_chunks(
        &self,
        gpu: &Gpu,
        cx: &Context,
        mut f: impl FnMut(&Arc<Chunk>) -> Result<()>,
    ) -> Result<()> {
        let resident = self.settle(gpu, cx)?;
        if let Some(resident) = resident {
            return resident.chunks.iter().try_for_each(|chunk| {
                cx.control.check()?;
                f(chunk)
            });
        }
        let origin = self.store.state().origin.clone();
        self.parts(gpu).try_for_each(|rows| {
            cx.control.check()?;
            f(&Arc::new(self.chunk(gpu, rows, origin.as_deref(), cx)?))
        })
    }

    /// The rows of each chunk.
    fn parts(&self, gpu: &Gpu) -> impl Iterator<Item = Range<usize>> + use<> {
        pieces(self.n(), rows_of_buffer(&gpu.limits(), self.dim()).unwrap_or(1))
    }

    /// Brings all rows there, if they are not there yet and there is room for them.
    pub(crate) fn settle(&self, gpu: &Gpu, cx: &Context) -> Result<Option<Arc<Resident>>> {
        let mut state = self.store.state();
        if state.resident.is_none() {
            let words = (self.n() as u64).saturating_mul(self.dim() as u64 + 1);
            if let Some(lease) = gpu.lease(words.saturating_mul(4)) {
                let mut chunks = Vec::new();
                for rows in self.parts(gpu) {
                    cx.control.check()?;
                    try_grow(&mut chunks, 1)?;
                    chunks.push(Arc::new(self.chunk(gpu, rows, state.origin.as_deref(), cx)?));
                }
                let resident = Some(Arc::new(Resident { chunks, _lease: lease }));
                *state = State { resident, origin: None };
            }
        }
        Ok(state.resident.clone())
    }

    /// Copies some rows on the device, or sends them.
    fn chunk(&self, gpu: &Gpu, rows: Range<usize>, origin: Option<&Origin>, cx: &Context) -> Result<Chunk> {
        match origin {
            Some(origin) => origin.chunk(gpu, rows, self.dim()),
            None => self.send(gpu, rows, cx),
        }
    }

    /// Sends some rows.
    fn send(&self, gpu: &Gpu, rows: Range<usize>, cx: &Context) -> Result<Chunk> {
        struct Piece<'v> {
            first: usize,
            values: &'v mut [f32],
            odd: Vec<u32>,
            reach: f64,
        }
        let dim = self.dim();
        let area = rows.len().checked_mul(dim).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        let mut values = try_vec(area, 0.0f32)?;
        let step = (64 * 1024 / dim.max(1)).max(1);
        let mut jobs = try_capacity(rows.len().div_ceil(step))?;
        jobs.extend(values.chunks_mut(step * dim).enumerate().map(|(piece, values)| {
            let first = piece * step;
            Job::new(Piece { first, values, odd: Vec::new(), reach: 0.0 })
        }));
        let (all, cosine) = (self.cpu.rows(), self.cpu.metric() == Metric::Cosine);
        cx.in_waves(&mut jobs, (8 * step * dim) as u64, |piece| {
            let mut buffer = try_vec(dim, 0.0f32)?;
            for (i, out) in piece.values.chunks_exact_mut(dim).enumerate() {
                let row = all.row(rows.start + piece.first + i, &mut buffer)?;
                if cosine {
                    unit_row(row, dot64(row, row), out);
                } else {
                    out.copy_from_slice(row);
                    piece.reach = piece.reach.max(norm_bound(row));
                }
                if !is_ordinary(out) {
                    try_grow(&mut piece.odd, 1)?;
                    piece.odd.push((piece.first + i) as u32);
                }
            }
            Ok(())
        })?;
        let mut odd = try_capacity(jobs.iter().map(|job| job.work.odd.len()).sum())?;
        // Unit rows are a little longer than 1 at most, and their frame holds them whatever is said here.
        let mut reach = 0.0f64;
        for Job { work: piece, .. } in jobs {
            odd.extend(piece.odd);
            reach = reach.max(piece.reach);
        }
        let values = gpu.link().upload(&values)?;
        Ok(Chunk { rows, values, odd, reach, norms: Mutex::new(None) })
    }
}
