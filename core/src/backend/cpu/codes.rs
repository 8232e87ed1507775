//! Rows and targets as 8-bit codes of their coordinates in the kernel, for the screens.
//!
//! Codes of pairs have the full reach of a byte at every level. Codes of tiles are the same where the level's tile takes them;
//! else (AVX2 without VNNI) they have 7 bits, and each side is coded twice.

use alloc::vec::Vec;

use ndarray::ArrayView2;

use super::pack::Frame;
use crate::control::{Context, Job};
use crate::error::Result;
use crate::exact::bounds::Codes;
use crate::exact::float::narrow_up;
use crate::memory::{area, try_capacity, try_grow, try_vec};
use crate::rows::row_of;
use crate::simd::{Code, CodeKernel, Coding, DEPTH_STEP, Hit, Lines, MAX_DEPTH, Panel, WIDTH};

/// Steps from one coded row to the next: whole cache lines.
pub(super) fn stride(d: usize) -> usize {
    d.next_multiple_of(64)
}

/// Codes of a row, and how long the row is in the coordinates of the kernel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Side {
    /// What the codes stand for.
    pub code: Code,
    /// At least |X'| and |x^|; infinite where codes cannot serve the row.
    pub norm: f32,
}

/// Codes of rows, side by side.
#[derive(Debug)]
pub(super) struct RowCodes {
    pub stride: usize,
    pub bytes: Lines,
    pub sides: Vec<Side>,
}

impl RowCodes {
    /// Room for `n` rows of `d` values.
    pub fn new(n: usize, d: usize) -> Result<Self> {
        let stride = stride(d);
        Ok(Self { stride, bytes: Lines::zeros(area(n, stride)?)?, sides: try_vec(n, Side::default())? })
    }

    /// Codes from row `first` on.
    pub fn from(&self, first: usize) -> &[u8] {
        &self.bytes.bytes()[first * self.stride..]
    }
}

/// Rows coded for pairs and for tiles.
#[derive(Debug)]
pub(super) struct BlockCodes {
    pairs: RowCodes,
    /// None where the codes of pairs serve.
    tiles: Option<RowCodes>,
}

impl BlockCodes {
    /// Room for `n` rows of `d` values.
    pub fn new(kernel: &CodeKernel, n: usize, d: usize) -> Result<Self> {
        let twice = kernel.pair() != kernel.tile();
        let tiles = if twice { Some(RowCodes::new(n, d)?) } else { None };
        Ok(Self { pairs: RowCodes::new(n, d)?, tiles })
    }

    /// The bytes that [`new`](Self::new) asks for.
    pub fn bytes(kernel: &CodeKernel, n: usize, d: usize) -> usize {
        let copies = if kernel.pair() == kernel.tile() { 1 } else { 2 };
        n.saturating_mul(copies * (stride(d) + size_of::<Side>()))
    }

    pub fn pairs(&self) -> &RowCodes {
        &self.pairs
    }

    pub fn tiles(&self) -> &RowCodes {
        self.tiles.as_ref().unwrap_or(&self.pairs)
    }

    /// The parts of `step` rows each, to be filled.
    pub fn parts(&mut self, step: usize) -> impl Iterator<Item = CodesOf<'_>> {
        let stride = self.pairs.stride;
        let mut tiles = self
            .tiles
            .as_mut()
            .map(|t| t.bytes.bytes_mut().chunks_mut(step * stride).zip(t.sides.chunks_mut(step)));
        let pairs =
            self.pairs.bytes.bytes_mut().chunks_mut(step * stride).zip(self.pairs.sides.chunks_mut(step));
        pairs.map(move |pairs| CodesOf {
            stride,
            pairs,
            tiles: tiles.as_mut().and_then(|tiles| tiles.next()),
        })
    }
}

/// Some rows of a block, to be coded.
pub(super) struct CodesOf<'a> {
    stride: usize,
    pairs: (&'a mut [u8], &'a mut [Side]),
    tiles: Option<(&'a mut [u8], &'a mut [Side])>,
}

impl CodesOf<'_> {
    pub fn len(&self) -> usize {
        self.pairs.1.len()
    }

    /// Codes row `i` of these, whose coordinates in the kernel are `values` and whose norm is at most `norm`.
    pub fn set(&mut self, kernel: &CodeKernel, bound: &Codes, i: usize, values: &[f32], norm: f64) {
        let range = i * self.stride..(i + 1) * self.stride;
        self.pairs.1[i] =
            encode(kernel, kernel.pair(), bound, values, norm, &mut self.pairs.0[range.clone()]);
        if let Some((bytes, sides)) = &mut self.tiles {
            sides[i] = encode(kernel, kernel.tile(), bound, values, norm, &mut bytes[range]);
        }
    }
}

/// Codes a row of the kernel, whose norm is at most `norm`, with the largest reach that fits it.
fn encode(
    kernel: &CodeKernel,
    coding: Coding,
    bound: &Codes,
    values: &[f32],
    norm: f64,
    out: &mut [u8],
) -> Side {
    let measure = kernel.measure(values);
    if !(norm.is_finite() && measure.servable()) {
        out.fill(coding.offset());
        return Side { code: Code::default(), norm: f32::INFINITY };
    }
    let code = kernel.encode_row(coding, values, coding.scale(measure.largest), out);
    Side { code, norm: narrow_up(bound.norm(norm)).max(code.norm) }
}

/// What a pair has to know of a target.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Target {
    /// The offset: |C'|²/2, or 0.
    pub h: f32,
    pub code: Code,
    /// Codes of what the first ones leave: their scale, and at least the norm of what both leave.
    pub rest: Code,
    /// At least |C'|, |c^|.
    pub norm: f32,
    /// The sum of the squares of the codes.
    pub squares: u64,
    /// At least the error of the codes of the tile.
    pub tile: f32,
}

/// Targets in codes. Slots are packed targets.
#[derive(Debug)]
pub(super) struct TargetCodes {
    pub bound: Codes,
    pub stride: usize,
    /// Codes of the panels are as deep as this.
    depth: usize,
    panels: Vec<Panel>,
    tiles: Lines,
    /// Codes of pairs: the first, and those of what they leave.
    first: Lines,
    rest: Lines,
    pub starts: Vec<i32>,
    pub rest_starts: Vec<i32>,
    pub targets: Vec<Target>,
    /// Of each panel the largest error of the tile's codes, and the largest norm.
    pub worst: Vec<[f32; 2]>,
    /// The largest norm of all.
    pub largest: f64,
}

/// One panel's share of the parts.
struct Part<'a> {
    order: &'a [u32],
    panel: &'a mut Option<Panel>,
    tiles: &'a mut [i8],
    first: &'a mut [i8],
    rest: &'a mut [i8],
    starts: &'a mut [i32],
    rest_starts: &'a mut [i32],
    targets: &'a mut [Target],
    worst: &'a mut [f32; 2],
    fits: bool,
}

impl TargetCodes {
    /// Whether codes can stand for `count` targets of `d` values.
    pub fn possible(d: usize, count: usize) -> bool {
        d.next_multiple_of(DEPTH_STEP) <= MAX_DEPTH && count.next_multiple_of(WIDTH) <= Hit::SLOTS
    }

    /// Codes of the targets `order[0], order[1], ...` of `view`; none where codes cannot serve one of them.
    pub fn new(
        kernel: &CodeKernel,
        view: &ArrayView2<'_, f32>,
        order: &[u32],
        squares: &[f64],
        frame: &Frame,
        cx: &Context,
    ) -> Result<Option<Self>> {
        let (d, count) = (view.ncols(), order.len());
        let bound = match frame {
            Frame::Shifted { scale, .. } => Codes::euclidean(d, *scale as f64),
            Frame::Unit => Codes::cosine(d),
        };
        let (stride, depth, width) = (stride(d), d.next_multiple_of(DEPTH_STEP), count.div_ceil(WIDTH));
        let size = area(count, stride)?;
        let mut tiles = Lines::zeros(area(width * WIDTH, depth)?)?;
        let (mut first, mut rest) = (Lines::zeros(size)?, Lines::zeros(size)?);
        let (mut starts, mut rest_starts) = (try_vec(count, 0)?, try_vec(count, 0)?);
        let mut targets = try_vec(count, Target::default())?;
        let mut worst = try_vec(width, [0.0f32; 2])?;
        let mut made: Vec<Option<Panel>> = try_vec(width, None)?;
        let mut jobs = try_capacity(width)?;
        let sides =
            first.codes_mut().chunks_mut(WIDTH * stride).zip(rest.codes_mut().chunks_mut(WIDTH * stride));
        let starting = starts.chunks_mut(WIDTH).zip(rest_starts.chunks_mut(WIDTH));
        let panels = made.iter_mut().zip(tiles.codes_mut().chunks_mut(WIDTH * depth)).zip(&mut worst);
        let each = panels.zip(sides).zip(starting);
        for (((((panel, tiles), worst), (first, rest)), (starts, rest_starts)), (targets, order)) in
            each.zip(targets.chunks_mut(WIDTH).zip(order.chunks(WIDTH)))
        {
            let fits = true;
            let part = Part { order, panel, tiles, first, rest, starts, rest_starts, targets, worst, fits };
            jobs.push(Job::new(part));
        }
        cx.in_waves(&mut jobs, (8 * WIDTH * d) as u64, |part| {
            part.fill(kernel, &bound, view, squares, frame, stride, depth)
        })?;
        if jobs.iter().any(|job| !job.work.fits) {
            return Ok(None);
        }
        drop(jobs);
        let mut panels = try_capacity(width)?;
        panels.extend(made.into_iter().flatten());
        let largest = targets.iter().fold(0.0f32, |largest, t| largest.max(t.norm)) as f64;
        let codes = Self {
            bound,
            stride,
            depth,
            panels,
            tiles,
            first,
            rest,
            starts,
            rest_starts,
            targets,
            worst,
            largest,
        };
        Ok(Some(codes))
    }

    pub fn count(&self) -> usize {
        self.targets.len()
    }

    pub fn n_panels(&self) -> usize {
        self.panels.len()
    }

    pub fn depth(&self) -> usize {
        self.depth
    }

    /// A panel and its codes.
    pub fn panel(&self, p: usize) -> (&Panel, &[i8]) {
        (&self.panels[p], &self.tiles.codes()[p * WIDTH * self.depth..][..WIDTH * self.depth])
    }

    /// Codes of pairs, slot after slot: the first ones, and those of what they leave.
    pub fn first(&self) -> &[i8] {
        self.first.codes()
    }

    pub fn rest(&self) -> &[i8] {
        self.rest.codes()
    }
}

impl Part<'_> {
    #[allow(clippy::too_many_arguments, reason = "what all panels share")]
    fn fill(
        &mut self,
        kernel: &CodeKernel,
        bound: &Codes,
        view: &ArrayView2<'_, f32>,
        squares: &[f64],
        frame: &Frame,
        stride: usize,
        depth: usize,
    ) -> Result<()> {
        let (d, count) = (view.ncols(), self.order.len());
        let (pair, tile) = (kernel.pair(), kernel.tile());
        let mut buffer = try_vec(d, 0.0f32)?;
        let mut values = try_vec(count * d, 0.0f32)?;
        let mut left = try_vec(d, 0.0f32)?;
        for (c, &target) in self.order.iter().enumerate() {
            let source = row_of(view, target as usize, &mut buffer);
            let square = squares.get(target as usize).copied().unwrap_or(0.0);
            let row = &mut values[c * d..(c + 1) * d];
            let norm = frame.narrow_row(source, square, row);
            let measure = kernel.measure(row);
            if !(norm.is_finite() && measure.servable()) {
                self.fits = false;
                return Ok(());
            }
            let (from, to) = (c * stride, (c + 1) * stride);
            let (first, rest) = (&mut self.first[from..to], &mut self.rest[from..to]);
            let scale = pair.scale(measure.largest);
            let code = kernel.encode_column(pair, row, scale, first);
            for ((left, x), q) in left.iter_mut().zip(row.iter()).zip(&*first) {
                *left = x - f32::from(*q) * code.scale;
            }
            let measure = kernel.measure(&left);
            // Rounded once more than the codes are: by at most u of what they leave.
            let mut second = Code { error: code.error, ..Code::default() };
            if measure.servable() {
                second = kernel.encode_column(pair, &left, pair.scale(measure.largest), rest);
                second.error += code.error * f32::from_bits((127 - 22) << 23);
            }
            let half = 0.5 * row.iter().map(|&x| x as f64 * x as f64).sum::<f64>();
            self.starts[c] = pair.start(code.sum);
            self.rest_starts[c] = pair.start(second.sum);
            self.targets[c] = Target {
                h: if matches!(frame, Frame::Unit) { 0.0 } else { half as f32 },
                code,
                rest: second,
                norm: narrow_up(bound.norm(norm)).max(code.norm),
                squares: first.iter().map(|q| u64::from(q.unsigned_abs()).pow(2)).sum(),
                tile: 0.0,
            };
        }
        // The tile takes the codes of pairs, or others of its own.
        let mut own: Vec<i8> = try_vec(if pair == tile { 0 } else { count * stride }, 0)?;
        let mut scales = [0.0; WIDTH];
        for (c, target) in self.targets.iter_mut().enumerate() {
            let mut code = target.code;
            if pair != tile {
                let (row, column) = (&values[c * d..(c + 1) * d], &mut own[c * stride..(c + 1) * stride]);
                code = kernel.encode_column(tile, row, tile.scale(kernel.measure(row).largest), column);
            }
            (scales[c], target.tile) = (code.scale, code.error);
            target.norm = target.norm.max(code.norm);
            self.worst[0] = self.worst[0].max(target.tile);
            self.worst[1] = self.worst[1].max(target.norm);
        }
        let columns = if pair == tile { &*self.first } else { &own };
        let mut panel = kernel.pack(columns, stride, depth, count, self.tiles);
        panel.scale = scales;
        for (h, target) in panel.h.iter_mut().zip(&*self.targets) {
            *h = target.h;
        }
        *self.panel = Some(panel);
        Ok(())
    }
}

/// Room for one more, or more.
pub(super) fn push<T>(list: &mut Vec<T>, item: T) -> Result<()> {
    if list.len() == list.capacity() {
        try_grow(list, list.len().max(64))?;
    }
    list.push(item);
    Ok(())
}
