//! Targets: rows to be searched for, on the host as they are and on the device in the coordinates of a search.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::ArrayView2;
use pauca::backend::cpu::CpuTargets;
use pauca::backend::{Backend, Copies, copies};
use pauca::exact::{Metric, cosine_from, dot64, squared_distance};
use pauca::{Context, Error, Result, Rows};

use crate::coordinates::{Frame, Framed};
use crate::device::Gpu;
use crate::launch::{self, Scoring};
use crate::link::Buffer;
use crate::memory::{try_capacity, try_collect, try_vec};
use crate::plan::{pieces, targets_of_buffer};
use crate::rows::{Chunk, GpuBlock, Resident, Store};

/// Rows to be searched for on a device.
pub struct GpuTargets {
    /// `[t, d]`.
    values: Vec<f32>,
    /// dot(c, c) of each.
    squares: Vec<f64>,
    pub(crate) dim: usize,
    pub(crate) metric: Metric,
    pub(crate) copies: Copies,
    /// The coordinates of the targets before these.
    before: Option<Arc<Frame>>,
    /// The copy of the rows of which these were made: unit rows are the same on both sides.
    store: Arc<Store>,
    made: Mutex<Made>,
}

/// What is made when it is first needed.
#[derive(Default)]
struct Made {
    /// None until it is known whether the device can search them.
    packed: Option<Option<Arc<Packed>>>,
    cpu: Option<Arc<CpuTargets<'static>>>,
}

/// Targets on the device.
pub(crate) struct Packed {
    pub frame: Arc<Frame>,
    pub scoring: Scoring,
    /// Which targets they are: all, or the first of each kind of copies.
    pub slots: Slots,
    pub pieces: Vec<Piece>,
    /// The targets as they are, where the device decides: those of one piece.
    pub plain: Option<Buffer>,
}

/// The targets behind the numbers on the device.
pub(crate) enum Slots {
    All,
    Some(Vec<u32>),
}

/// Some of the targets, in buffers.
pub(crate) struct Piece {
    /// Which of them, by their numbers on the device.
    pub slots: Range<usize>,
    pub values: Buffer,
    /// Center and half norms.
    pub aux: Buffer,
    /// Keeps rows that are shared with a block.
    _rows: Option<Arc<Resident>>,
}

impl Slots {
    pub fn target(&self, slot: usize) -> Option<u32> {
        match self {
            Slots::All => Some(slot as u32),
            Slots::Some(targets) => targets.get(slot).copied(),
        }
    }
}

impl Packed {
    /// Whether the rows of a chunk can be searched without overflow.
    pub fn holds(&self, chunk: &Chunk) -> bool {
        self.frame.holds(chunk.reach)
    }
}

impl GpuTargets {
    pub(crate) fn new(
        block: &GpuBlock<'_>,
        copies: Copies,
        before: Option<Arc<Frame>>,
        cx: &Context,
    ) -> Result<Self> {
        let (rows, n, dim) = (block.cpu.rows(), block.n(), block.dim());
        if n > u32::MAX as usize {
            return Err(Error::TooLarge { what: "targets", size: n, limit: u32::MAX as usize });
        }
        let area = n.checked_mul(dim).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        let (mut values, mut buffer) = (try_capacity(area)?, try_vec(dim, 0.0f32)?);
        let mut squares = try_capacity(n)?;
        for i in 0..n {
            let row = rows.row(i, &mut buffer)?;
            values.extend_from_slice(row);
            squares.push(dot64(row, row));
        }
        cx.control.check()?;
        let (metric, store, made) = (block.cpu.metric(), Arc::clone(&block.store), Mutex::default());
        Ok(Self { values, squares, dim, metric, copies, before, store, made })
    }

    /// Whether they were made of the rows of this block.
    pub(crate) fn are_of(&self, block: &GpuBlock<'_>) -> bool {
        Arc::ptr_eq(&self.store, &block.store)
    }

    pub(crate) fn n(&self) -> usize {
        self.squares.len()
    }

    pub(crate) fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.dim..][..self.dim]
    }

    /// The cosine of a row, whose dot product with itself is `square`, and target `i`.
    pub(crate) fn cosine(&self, row: &[f32], square: f64, i: usize) -> f64 {
        cosine_from(dot64(row, self.row(i)), square, self.squares[i])
    }

    /// What the definition compares, smaller for nearer: not the distance under cosine, whose rounding makes ties.
    pub(crate) fn score(&self, row: &[f32], square: f64, i: usize) -> f64 {
        match self.metric {
            Metric::SqEuclidean => squared_distance(row, self.row(i)),
            Metric::Cosine => -self.cosine(row, square, i),
        }
    }

    /// The distance by the definition.
    pub(crate) fn distance(&self, row: &[f32], square: f64, i: usize) -> f64 {
        match self.metric {
            Metric::SqEuclidean => squared_distance(row, self.row(i)),
            Metric::Cosine => 1.0 - self.cosine(row, square, i),
        }
    }

    /// The frame in which they were searched, if they were.
    pub(crate) fn frame(&self) -> Option<Arc<Frame>> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.packed.as_ref()?.as_ref().map(|packed| Arc::clone(&packed.frame))
    }

    /// The same targets for the CPU, which settles what the device cannot.
    pub(crate) fn on_cpu(&self, gpu: &Gpu, cx: &Context) -> Result<Arc<CpuTargets<'static>>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cpu) = &made.cpu {
            return Ok(Arc::clone(cpu));
        }
        let rows = rows_of(&self.values, self.n(), self.dim)?;
        let cpu = Arc::new(gpu.host().targets(rows, self.metric, self.copies, cx)?);
        made.cpu = Some(Arc::clone(&cpu));
        Ok(cpu)
    }

    /// The targets on the device; none where it cannot search them.
    pub(crate) fn packed(&self, gpu: &Gpu) -> Result<Option<Arc<Packed>>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.packed.is_none() {
            made.packed = Some(self.pack(gpu)?.map(Arc::new));
        }
        Ok(made.packed.clone().flatten())
    }

    fn pack(&self, gpu: &Gpu) -> Result<Option<Packed>> {
        let Some(most) = targets_of_buffer(&gpu.limits(), self.dim) else { return Ok(None) };
        let slots = match self.copies {
            Copies::Keep => Slots::All,
            Copies::Collapse => Slots::Some(self.first_of_copies()?),
        };
        let (n, link) = (if let Slots::Some(some) = &slots { some.len() } else { self.n() }, gpu.link());
        let target = |slot: usize| slots.target(slot).map_or(slot, |target| target as usize);
        // One buffer of unit rows serves as both sides, where zeros for a center and half norms fit another.
        let rows = self.store.resident();
        let rows = rows.filter(|rows| rows.chunks.iter().all(|chunk| chunk.rows.len() <= most));
        if let (Metric::Cosine, Slots::All, Some(rows)) = (self.metric, &slots, rows) {
            let none = self.values.get(..0).unwrap_or(&[]);
            let Some(empty) = Framed::new(0, self.dim, self.metric, None, |_| none)? else { return Ok(None) };
            let mut pieces = try_capacity(rows.chunks.len())?;
            for chunk in &rows.chunks {
                let aux = link.room(self.dim + chunk.rows.len())?;
                launch::fill(link, &aux, 0)?;
                let (slots, values) = (chunk.rows.clone(), chunk.values.clone());
                pieces.push(Piece { slots, values, aux, _rows: Some(Arc::clone(&rows)) });
            }
            let scoring = Scoring { scale: empty.frame.scale, margin: empty.margin };
            return Ok(Some(Packed { frame: empty.frame, scoring, slots, pieces, plain: None }));
        }
        let before = self.before.as_ref();
        let framed = Framed::new(n, self.dim, self.metric, before, |slot| self.row(target(slot)))?;
        let Some(Framed { frame, values, halves, margin }) = framed else { return Ok(None) };
        let mut sent = Vec::new();
        for part in pieces(n, most) {
            let mut aux = try_collect(self.dim + part.len(), frame.center.iter().copied())?;
            aux.extend_from_slice(&halves[part.clone()]);
            let values = link.upload(&values[part.start * self.dim..part.end * self.dim])?;
            let aux = link.upload(&aux)?;
            sent.push(Piece { slots: part, values, aux, _rows: None });
        }
        let plain = if sent.len() == 1 { self.plain(gpu, (0..n).map(target))? } else { None };
        let scoring = Scoring { scale: frame.scale, margin };
        Ok(Some(Packed { frame, scoring, slots, pieces: sent, plain }))
    }

    /// Some targets as they are, sent where the device decides among them.
    fn plain(&self, gpu: &Gpu, some: impl ExactSizeIterator<Item = usize>) -> Result<Option<Buffer>> {
        // Under cosine the other side, the rows as they are, is not on the device.
        if !gpu.limits().decides || self.metric == Metric::Cosine {
            return Ok(None);
        }
        let mut values = try_capacity(some.len() * self.dim)?;
        some.for_each(|target| values.extend_from_slice(self.row(target)));
        Ok(Some(gpu.link().upload(&values)?))
    }

    /// The targets that are no copies of earlier ones.
    fn first_of_copies(&self) -> Result<Vec<u32>> {
        let hashes = try_collect(self.n(), (0..self.n()).map(|i| copies::hash_row(self.row(i))))?;
        let same = |a: usize, b: usize| Ok(copies::same_row(self.row(a), self.row(b)));
        let first = copies::first_occurrences(&hashes, same)?;
        let own = first.iter().enumerate().filter(|(i, first)| i == *first);
        try_collect(self.n(), own.map(|(i, _)| i as u32))
    }
}

/// Values side by side as rows.
pub(crate) fn rows_of(values: &[f32], n: usize, dim: usize) -> Result<Rows<'_>> {
    let found = values.len();
    let wrong = |_| Error::ShapeMismatch { what: "values of rows", expected: n.saturating_mul(dim), found };
    Ok(Rows::F32(ArrayView2::from_shape((n, dim), values).map_err(wrong)?))
}
