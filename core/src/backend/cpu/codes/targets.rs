//! Targets in codes.

use alloc::vec::Vec;

use ndarray::ArrayView2;

use super::super::basis::Basis;
use super::super::pack::Frame;
use super::leading::lead_terms;
use super::rows::{BlockCodes, CodesOf, LeadCodes, LeadOf, Measured, stride};
use super::tiles::{Column, Making, Tile, Tiles};
use crate::control::{Context, Job};
use crate::error::Result;
use crate::exact::bounds::{Codes, Lead};
use crate::exact::dot64;
use crate::exact::float::narrow_up;
use crate::memory::{area, try_capacity, try_vec};
use crate::rows::row_of;
use crate::simd::{Code, CodeKernel, DEPTH_STEP, Hit, Lines, MAX_DEPTH, Measure, WIDTH};

/// What each pair has to know of its target: four numbers, so that those of all targets stay in the nearest cache.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Target {
    /// The offset: |C'|²/2, or 0.
    pub h: f32,
    /// The scale of the codes, and at least the norm of what they leave.
    pub scale: f32,
    pub error: f32,
    /// At least |C'|, |c^|.
    pub norm: f32,
}

/// What a closer look has to know of a target.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Close {
    /// Codes of what the first ones leave: their scale, and at least the norm of what both leave.
    pub rest: Code,
    /// The sum of the squares of the codes.
    pub squares: u64,
}

/// Targets in codes. Slots are packed targets.
#[derive(Debug)]
pub(in super::super) struct TargetCodes {
    pub bound: Codes,
    pub stride: usize,
    /// The codes of a target, with zeros to the end of the last step.
    pub depth: usize,
    /// None where a search begins in leading dimensions and may end there: [`full`](Self::full) makes them.
    pub tiles: Option<Tiles>,
    /// None without a basis.
    pub lead: Option<Tiles>,
    /// Codes of pairs: the first, and those of what they leave.
    first: Lines,
    pub starts: Vec<i32>,
    /// Empty where the targets have the first codes only.
    rest: Lines,
    pub rest_starts: Vec<i32>,
    pub targets: Vec<Target>,
    /// Empty where the targets have the first codes only.
    pub close: Vec<Close>,
    /// The largest norm of all.
    pub largest: f64,
    /// The same rows in codes of the other side: of pairs within a block.
    pub rows: Option<(BlockCodes, LeadCodes)>,
}

/// One panel's share of the parts.
struct Part<'a> {
    order: &'a [u32],
    tile: Option<Tile<'a>>,
    lead: Option<Tile<'a>>,
    first: &'a mut [i8],
    rest: &'a mut [i8],
    starts: &'a mut [i32],
    rest_starts: &'a mut [i32],
    targets: &'a mut [Target],
    close: &'a mut [Close],
    rows: Option<(CodesOf<'a>, LeadOf<'a>)>,
    fits: bool,
}

/// The targets of a search, and the coordinates in which they are coded.
#[derive(Clone, Copy)]
pub(in super::super) struct Source<'s> {
    pub view: &'s ArrayView2<'s, f32>,
    pub order: &'s [u32],
    pub squares: &'s [f64],
    pub frame: &'s Frame,
    pub basis: Option<&'s Basis>,
    /// Whether the targets are also coded to 16 bits.
    pub closer: bool,
    /// Whether the targets are also coded as rows, where they have a basis.
    pub both: bool,
    /// Whether tiles of full depth wait until they are asked for, where there is a basis.
    pub late: bool,
}

impl Source<'_> {
    /// Writes a target in the coordinates of the kernel; returns at least its norm.
    fn row(&self, target: u32, buffer: &mut [f32], out: &mut [f32]) -> f64 {
        let from = row_of(self.view, target as usize, buffer);
        self.frame.narrow_row(from, self.squares.get(target as usize).copied().unwrap_or(0.0), out)
    }
}

impl TargetCodes {
    /// Whether codes can stand for `count` targets of `d` values.
    pub fn possible(d: usize, count: usize) -> bool {
        d.next_multiple_of(DEPTH_STEP) <= MAX_DEPTH && count.next_multiple_of(WIDTH) <= Hit::SLOTS
    }

    /// None where codes cannot serve one of the targets.
    pub fn new(kernel: &CodeKernel, source: Source<'_>, cx: &Context) -> Result<Option<Self>> {
        let (d, count) = (source.view.ncols(), source.order.len());
        let bound = match source.frame {
            Frame::Shifted { scale, .. } => Codes::euclidean(d, *scale as f64),
            Frame::Unit => Codes::cosine(d),
        };
        let stride = stride(d);
        let size = area(count, stride)?;
        let late = source.late && source.basis.is_some();
        let mut tiles = if late { None } else { Some(Making::new(d, count)?) };
        let mut lead = source.basis.map(|basis| Making::new(basis.size, count)).transpose()?;
        let more = if source.closer { count } else { 0 };
        let (mut first, mut rest) = (Lines::zeros(size)?, Lines::zeros(area(more, stride)?)?);
        let (mut starts, mut rest_starts) = (try_vec(count, 0)?, try_vec(more, 0)?);
        let (mut targets, mut close) = (try_vec(count, Target::default())?, try_vec(more, Close::default())?);
        let mut rows = match source.basis.filter(|_| source.both) {
            Some(basis) => {
                Some((BlockCodes::new(kernel, count, d, !late)?, LeadCodes::new(count, basis.size)?))
            }
            None => None,
        };
        let mut of_rows = rows.as_mut().map(|(codes, lead)| codes.parts(WIDTH).zip(lead.parts(WIDTH)));
        let mut jobs = try_capacity(count.div_ceil(WIDTH))?;
        let mut leads = lead.as_mut().map(Making::parts);
        let mut fulls = tiles.as_mut().map(Making::parts);
        let codes = first.codes_mut().chunks_mut(WIDTH * stride).zip(starts.chunks_mut(WIDTH));
        let closer = rest.codes_mut().chunks_mut(WIDTH * stride).zip(rest_starts.chunks_mut(WIDTH));
        let mut closer = closer.zip(close.chunks_mut(WIDTH));
        let sides = targets.chunks_mut(WIDTH).zip(source.order.chunks(WIDTH));
        for ((first, starts), (targets, order)) in codes.zip(sides) {
            let tile = fulls.as_mut().and_then(Iterator::next);
            let ((rest, rest_starts), close) = closer.next().unwrap_or_default();
            let lead = leads.as_mut().and_then(Iterator::next);
            let rows = of_rows.as_mut().and_then(Iterator::next);
            let part = Part {
                order,
                tile,
                lead,
                first,
                rest,
                starts,
                rest_starts,
                targets,
                close,
                rows,
                fits: true,
            };
            jobs.push(Job::new(part));
        }
        cx.in_waves(&mut jobs, (8 * WIDTH * d) as u64, |part| part.fill(kernel, &bound, &source, stride))?;
        let fits = jobs.iter().all(|job| job.work.fits);
        drop(jobs);
        drop(leads);
        drop(fulls);
        drop(of_rows);
        if !fits {
            return Ok(None);
        }
        let largest = targets.iter().fold(0.0f32, |largest, t| largest.max(t.norm)) as f64;
        let [tiles, lead] = [tiles, lead].map(|tiles| tiles.map(Making::made).transpose());
        let (tiles, lead, depth) = (tiles?, lead?, d.next_multiple_of(DEPTH_STEP));
        Ok(Some(Self {
            bound,
            stride,
            depth,
            tiles,
            lead,
            first,
            rest,
            starts,
            rest_starts,
            targets,
            close,
            largest,
            rows,
        }))
    }

    /// The tiles of full depth that [`new`](Self::new) left out.
    pub fn full(&self, kernel: &CodeKernel, source: Source<'_>, cx: &Context) -> Result<Tiles> {
        let d = source.view.ncols();
        let mut tiles = Making::new(d, self.count())?;
        let mut jobs = try_capacity(self.count().div_ceil(WIDTH))?;
        let first = self.first().chunks(WIDTH * self.stride).zip(self.targets.chunks(WIDTH));
        jobs.extend(tiles.parts().zip(source.order.chunks(WIDTH)).zip(first).map(Job::new));
        cx.in_waves(&mut jobs, (4 * WIDTH * d) as u64, |((tile, order), (first, targets))| {
            let mut buffer = try_vec(d, 0.0f32)?;
            // Where the tile takes the codes of pairs, values are not read.
            let read = if kernel.tile() == kernel.pair() { 0 } else { order.len() };
            let mut values = try_vec(read * d, 0.0f32)?;
            for (row, &target) in values.chunks_exact_mut(d).zip(*order) {
                source.row(target, &mut buffer, row);
            }
            full(kernel, tile, targets, &values, first, self.stride)
        })?;
        drop(jobs);
        tiles.made()
    }

    pub fn count(&self) -> usize {
        self.targets.len()
    }

    /// Whether the targets are also coded to 16 bits.
    pub fn closer(&self) -> bool {
        self.close.len() == self.targets.len()
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
    fn fill(&mut self, kernel: &CodeKernel, bound: &Codes, source: &Source<'_>, stride: usize) -> Result<()> {
        let (d, count, pair) = (source.view.ncols(), self.order.len(), kernel.pair());
        let (mut buffer, mut left) = (try_vec(d, 0.0f32)?, try_vec(d, 0.0f32)?);
        let mut values = try_vec(count * d, 0.0f32)?;
        let mut measures: Vec<Measure> = try_capacity(count)?;
        for (c, &target) in self.order.iter().enumerate() {
            let row = &mut values[c * d..(c + 1) * d];
            let norm = source.row(target, &mut buffer, row);
            let measured = Measured::new(kernel, row, norm);
            if !measured.servable() {
                self.fits = false;
                return Ok(());
            }
            let measure = measured.measure;
            measures.push(measure);
            if let Some((codes, _)) = &mut self.rows {
                codes.set(kernel, bound, c, measured);
            }
            let range = c * stride..(c + 1) * stride;
            let first = &mut self.first[range.clone()];
            let code = kernel.encode_column(pair, row, pair.scale(measure.largest), first);
            if let (Some(rest), Some(close)) = (self.rest.get_mut(range), self.close.get_mut(c)) {
                for ((left, x), q) in left.iter_mut().zip(row.iter()).zip(&*first) {
                    *left = x - f32::from(*q) * code.scale;
                }
                let measure = kernel.measure(&left);
                let mut second = Code { error: code.error, ..Code::default() };
                if measure.servable() {
                    second = kernel.encode_column(pair, &left, pair.scale(measure.largest), rest);
                    // What the first codes leave was rounded once more, by at most u of it.
                    second.error += code.error * f32::from_bits((127 - 22) << 23);
                }
                self.rest_starts[c] = pair.start(second.sum);
                // Below 2^32 for MAX_DEPTH codes.
                let squares: u32 = first.iter().map(|q| u32::from(q.unsigned_abs()).pow(2)).sum();
                *close = Close { rest: second, squares: squares.into() };
            }
            let h = if matches!(source.frame, Frame::Unit) { 0.0 } else { 0.5 * dot64(row, row) };
            self.starts[c] = pair.start(code.sum);
            let norm = narrow_up(bound.norm(norm)).max(code.norm);
            self.targets[c] = Target { h: h as f32, scale: code.scale, error: code.error, norm };
        }
        if let Some(tile) = &mut self.tile {
            full(kernel, tile, self.targets, &values, self.first, stride)?;
        }
        match source.basis {
            Some(basis) => self.leading(kernel, basis, &values, &measures),
            None => Ok(()),
        }
    }

    /// The panel in leading dimensions.
    fn leading(
        &mut self,
        kernel: &CodeKernel,
        basis: &Basis,
        values: &[f32],
        measures: &[Measure],
    ) -> Result<()> {
        let Some(tile) = &mut self.lead else { return Ok(()) };
        let (count, size) = (self.targets.len(), basis.size);
        let d = values.len() / count.max(1);
        let mut leading = try_vec(count * size, 0.0f32)?;
        basis.apply(values, &mut leading)?;
        let stride = tile.depth;
        let mut columns = try_vec(count * stride, 0i8)?;
        let mut leads: Vec<(Lead, f32)> = try_capacity(count)?;
        let (mut codes, words) = ([Code::default(); WIDTH], kernel.in_words());
        for (c, (leading, measure)) in leading.chunks_exact(size).zip(measures).enumerate() {
            let terms = lead_terms(kernel, basis, d, *measure, leading);
            let Some((lead, largest)) = terms else {
                self.fits = false;
                return Ok(());
            };
            if let Some((_, of_rows)) = &mut self.rows {
                of_rows.set(kernel, basis, c, leading, terms);
            }
            if !words {
                let out = &mut columns[c * stride..(c + 1) * stride];
                codes[c] = kernel.encode_tile_column(leading, largest, out);
            }
            leads.push((lead, largest));
        }
        if words {
            let most = leads.iter().fold([0.0f32; 2], |[largest, norm], (lead, of)| {
                [largest.max(*of), norm.max(narrow_up(lead.norm))]
            });
            kernel.encode_word_columns(&leading, size, most, stride, &mut columns, &mut codes);
        }
        let targets = &*self.targets;
        let column = |c: usize| {
            let (code, (lead, _)) = (codes[c], leads[c]);
            let error = narrow_up(code.error as f64 + lead.error);
            let terms = [error, narrow_up(lead.norm).max(code.norm)];
            Column { h: targets[c].h, scale: code.scale, rho: narrow_up(lead.rho), terms }
        };
        if words {
            tile.pack_words(kernel, &columns, stride, column);
        } else {
            tile.pack(kernel, &columns, stride, column);
        }
        Ok(())
    }
}

/// The panel at full depth: of the codes of pairs, where the tile takes them, else of `values`.
fn full(
    kernel: &CodeKernel,
    tile: &mut Tile<'_>,
    targets: &[Target],
    values: &[f32],
    first: &[i8],
    stride: usize,
) -> Result<()> {
    let count = targets.len();
    let column =
        |h: f32, scale: f32, error: f32, norm: f32| Column { h, scale, rho: 0.0, terms: [error, norm] };
    if kernel.tile() == kernel.pair() {
        tile.pack(kernel, first, stride, |c| {
            let Target { h, scale, error, norm } = targets[c];
            column(h, scale, error, norm)
        });
        return Ok(());
    }
    let (mut columns, mut codes) = (try_vec(count * stride, 0i8)?, [Code::default(); WIDTH]);
    for (c, row) in values.chunks_exact(values.len() / count.max(1)).enumerate() {
        let out = &mut columns[c * stride..(c + 1) * stride];
        codes[c] = kernel.encode_tile_column(row, kernel.measure(row).largest, out);
    }
    tile.pack(kernel, &columns, stride, |c| {
        let (target, code) = (targets[c], codes[c]);
        column(target.h, code.scale, code.error, target.norm.max(code.norm))
    });
    Ok(())
}
