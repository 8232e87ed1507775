//! Targets, packed for the `f32` tile and coded for the screens, with the originals for the definition.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};

use ndarray::ArrayView2;

use super::basis::Basis;
use super::block::{CpuBlock, Name};
use super::codes::{Source, TargetCodes, Tiles};
use super::machine::{Cpu, Screens};
use super::pack::{Frame, Panels, narrow_panels};
use crate::backend::Copies;
use crate::backend::copies::{first_occurrences, hash_row, same_row};
use crate::check;
use crate::control::Context;
use crate::error::{Error, Result};
use crate::exact::bounds::scale_for;
use crate::exact::{Metric, cosine_from};
use crate::memory::{area, try_capacity, try_copy, try_vec};
use crate::rows::{Rows, row_of};
use crate::simd::{CodeKernel, DotKernel, Level, ask_for};

/// Packed targets, with the originals for the definition.
#[derive(Debug)]
pub struct CpuTargets<'t> {
    pub(super) metric: Metric,
    pub(super) dim: usize,
    /// The rows: those of their block where they lie there as `f32`, one after the other, else a copy.
    values: Cow<'t, [f32]>,
    pub(super) squares: Vec<f64>,
    /// The block whose rows these are.
    pub(super) name: Name,
    pub(super) copies: Copies,
    /// Index of each packed target; ascending.
    pub(super) order: Vec<u32>,
    pub(super) origin: Origin,
    /// For the `f32` tile; None where codes come first, and few rows will ask for it, or none.
    panels: Option<Panels<f32>>,
    /// None where no screen serves.
    codes: Option<TargetCodes>,
    /// The level whose kernels read the codes.
    level: Level,
    dots: DotKernel,
}

/// What targets share with those that follow them in a run, so that what is remembered of the rows stays true.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub place: Arc<Place>,
    /// Made of the first targets that are means of rows, where it will be worth its time.
    pub basis: Option<Arc<Basis>>,
    /// These targets follow no others: they are rows, likely.
    first: bool,
}

/// The coordinates of a run, and what it keeps in them.
#[derive(Debug)]
pub(super) struct Place {
    frame: Frame,
    /// Bytes of codes that may still be kept.
    room: AtomicUsize,
    /// Rows whose codes are kept.
    rows: AtomicUsize,
}

impl Place {
    /// So many rows are kept in codes.
    pub fn keeps(&self, rows: usize) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Takes so many bytes of the room; whether there were as many.
    pub fn take(&self, bytes: usize) -> bool {
        let left = |room: usize| room.checked_sub(bytes);
        self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
    }
}

/// What is known of targets before they are packed.
pub(super) enum Before {
    Nothing,
    /// The targets that they follow in a run.
    Targets(Origin),
    /// About how many pairs of them will be looked at, and below which similarity none matters.
    Pairs {
        pairs: u64,
        least: Option<f64>,
    },
}

/// The norms of the largest target, in coordinates taken over from others, that these coordinates suit as well as their
/// own would: scores overflow nowhere near, and flushed numbers do not count.
const SUITABLE: core::ops::Range<f64> = f64::from_bits((1023 + 20) << 52)..f64::from_bits((1023 + 35) << 52);

/// The screen saves a row so much for each value of each target beyond the first few of them, which its scores cost; its own
/// work for a row is as much as what it saves where these values are so many. Elsewhere the `f32` tile searches. Of normal
/// rows, 8 to 64 values and 100 to 16,384 targets: by products of 32 bits, and by short ones.
const SCORE_VALUES: usize = 4;
const LEAST_SAVED: usize = 4_500;
pub(super) const SCORE_VALUES_SHORT: usize = 12;
const LEAST_SAVED_SHORT: usize = 24_000;
/// Targets of pairs are coded where each meets this many rows: codes of both sides cost as much as so many pairs by
/// the `f32` tile.
const LEAST_PAIRS: u64 = 400;
/// Rows of fewer values, and runs with fewer targets, are not brought into a basis.
const LEAD_VALUES: usize = 192;
const LEAD_TARGETS: usize = 400;
/// Nor are rows of more values: the basis would take longer than what it saves.
const LEAD_DIM: usize = 8192;
/// Nor are pairs of which each target meets fewer rows, or of which similarities below this are asked for.
const LEAD_PAIRS: u64 = 2000;
const LEAD_SIMILARITY: f64 = 0.5;
/// Nor are rows of fewer values of which maxima are asked for, where products are not short: leading dimensions leave too many pairs.
const LEAD_MAXIMA: usize = 512;
/// With sums of 16 bits, many leading dimensions serve maxima of fewer values: one of so many, and so many at most. Of 20,000 x 384, 160,
/// 192 and 224 took 0.63, 0.59 and 0.63 s, full depth 0.83 s.
const LEAD_OF_SHORT_MAXIMA: usize = 2;
const LEAD_MOST_OF_SHORT_MAXIMA: usize = 192;
// Where a unit multiplies whole tiles, leading dimensions serve thresholds alone: runs on 384 to 1,536 values and maxima of 768 took
// 10 to 30 % less time at full depth.
/// Leading dimensions: one of so many in a run, for maxima, and for pairs, whose high thresholds need few (32 of 384 leave less
/// than one pair in a hundred of real embeddings at 0.95). Maxima of 20,000 x 768 took 1.18, 1.06 and 1.06 s with 64, 96 and 128.
const LEAD_OF_RUN: usize = 3;
const LEAD_OF_MAXIMA: usize = 8;
const LEAD_OF_PAIRS: usize = 24;
/// No more, else: in a run on rows of 768 values, 128 leading dimensions took less time than 160, 192 and 256.
const LEAD_MOST: usize = 128;
/// Targets of which a basis is made, at most, for each of its vectors: in a run, and for pairs, which need it once.
const BASIS_TARGETS: usize = 16;
const BASIS_PAIRS: usize = 8;

impl<'t> CpuTargets<'t> {
    /// See [`Backend::pack`](crate::backend::Backend::pack).
    pub(super) fn new(
        cpu: &Cpu,
        block: &'t CpuBlock<'_>,
        copies: Copies,
        before: Before,
        cx: &Context,
    ) -> Result<Self> {
        let (n, d, metric) = (block.rows().n_rows(), block.rows().dim(), block.metric);
        check::at_most("number of targets", n, u32::MAX as usize)?;
        let size = area(n, d)?;
        let values = values_of(block.rows(), size)?;
        let order = distinct_order(&values, n, d, copies)?;
        let (before, pairs) = match before {
            Before::Targets(origin) if origin.place.frame.suits(metric, d) => (Some(origin), None),
            Before::Pairs { pairs, least } => (None, Some((pairs, least))),
            _ => (None, None),
        };
        let taken_over = before.is_some();
        let mut origin = match before {
            Some(origin) => origin,
            None => {
                let frame = match metric {
                    Metric::Cosine => Frame::Unit,
                    Metric::SqEuclidean => shifted_frame(&values, n, d)?,
                };
                let (room, rows) = (AtomicUsize::new(cpu.code_bytes), AtomicUsize::new(0));
                Origin { place: Arc::new(Place { frame, room, rows }), basis: None, first: true }
            }
        };
        let place = origin.place.clone();
        let frame = &place.frame;
        let view = ArrayView2::from_shape((n, d), &values).map_err(|_| Error::ShapeMismatch {
            what: "targets",
            expected: size,
            found: values.len(),
        })?;
        let useful = match cpu.screens {
            Screens::Auto => {
                let many = match pairs {
                    Some((pairs, _)) => pairs >= (order.len() as u64).saturating_mul(LEAST_PAIRS),
                    None => copies == Copies::Collapse,
                };
                many && screen_pays(cpu, d, order.len())
            }
            Screens::Always => true,
            Screens::Never => false,
        };
        let useful = useful && TargetCodes::possible(d, order.len());
        let size = match pairs {
            Some((pairs, least)) if useful => {
                let many = pairs >= (order.len() as u64).saturating_mul(LEAD_PAIRS);
                let (part, most, worth) = match least {
                    Some(least) => (LEAD_OF_PAIRS, LEAD_MOST, least >= LEAD_SIMILARITY),
                    None if d < LEAD_MAXIMA => {
                        (LEAD_OF_SHORT_MAXIMA, LEAD_MOST_OF_SHORT_MAXIMA, cpu.codes.in_words())
                    }
                    None => (LEAD_OF_MAXIMA, LEAD_MOST, !cpu.codes.is_matrix()),
                };
                leading(cpu, d, [part, most], true, many && worth)
            }
            None if useful && taken_over && origin.first => {
                origin.first = false;
                let (count, rows) = (order.len(), place.rows.load(Ordering::Relaxed));
                let worth = count >= LEAD_TARGETS && rows >= 8 * count && !cpu.codes.is_matrix();
                leading(cpu, d, [LEAD_OF_RUN, LEAD_MOST], rows > 0, worth)
            }
            _ => 0,
        };
        if size > 0 {
            let each = if pairs.is_some() { BASIS_PAIRS } else { BASIS_TARGETS };
            let values = in_frame(&view, &order, size * each, &block.squares, frame)?;
            origin.basis = Basis::new(cpu.level(), &values, d, size, cx)?.map(Arc::new);
        }
        let codes = match useful {
            true => {
                let (basis, squares) = (origin.basis.as_deref(), &block.squares);
                // Of pairs up to a limit, each is offered at once.
                let closer = pairs.is_none_or(|(_, least)| least.is_none());
                let both = pairs.is_some();
                let late = !closer && cpu.screens == Screens::Auto;
                let source = Source { view: &view, order: &order, squares, frame, basis, closer, both, late };
                TargetCodes::new(&cpu.codes, source, cx)?
            }
            false => None,
        };
        let panels = match &codes {
            Some(_) => None,
            None => Some(narrow_panels(&view, &order, &block.squares, frame, cpu.narrow.nr(), cx)?),
        };
        let of_codes = codes.as_ref().map_or(0.0, |codes| codes.largest);
        let largest = panels.as_ref().map_or(of_codes, |panels| panels.largest);
        if metric == Metric::SqEuclidean && taken_over && !SUITABLE.contains(&largest) {
            return Self::new(cpu, block, copies, Before::Nothing, cx);
        }
        let squares = try_copy(&*block.squares)?;
        Ok(Self {
            metric,
            copies,
            dim: d,
            values,
            squares,
            name: block.name.clone(),
            order,
            origin,
            panels,
            codes,
            level: cpu.level(),
            dots: cpu.dots,
        })
    }

    /// The same, with rows of their own.
    pub(super) fn into_owned(self) -> Result<CpuTargets<'static>> {
        let values = match self.values {
            Cow::Borrowed(values) => try_copy(values)?,
            Cow::Owned(values) => values,
        };
        let Self { metric, dim, squares, name, copies, order, origin, panels, codes, level, dots, .. } = self;
        let values = Cow::Owned(values);
        Ok(CpuTargets {
            metric,
            dim,
            values,
            squares,
            name,
            copies,
            order,
            origin,
            panels,
            codes,
            level,
            dots,
        })
    }

    /// The codes, if they are those of that level.
    pub(super) fn codes_at(&self, level: Level) -> Option<&TargetCodes> {
        self.codes.as_ref().filter(|_| self.level == level)
    }

    /// The targets in tiles of codes of full depth, which were left out.
    pub(super) fn full_tiles(&self, codes: &TargetCodes, kernel: &CodeKernel, cx: &Context) -> Result<Tiles> {
        let (view, order, squares, frame) = (&self.view()?, &self.order[..], &self.squares[..], self.frame());
        let source =
            Source { view, order, squares, frame, basis: None, closer: false, both: false, late: false };
        codes.full(kernel, source, cx)
    }

    /// The targets as the `f32` tile reads them: those that are packed, or packed now.
    pub(super) fn narrow_panels(&self, cpu: &Cpu, cx: &Context) -> Result<Cow<'_, Panels<f32>>> {
        match &self.panels {
            Some(panels) if panels.nr == cpu.narrow.nr() => Ok(Cow::Borrowed(panels)),
            _ => {
                let (view, nr) = (self.view()?, cpu.narrow.nr());
                narrow_panels(&view, &self.order, &self.squares, self.frame(), nr, cx).map(Cow::Owned)
            }
        }
    }

    pub(super) fn frame(&self) -> &Frame {
        &self.origin.place.frame
    }

    /// The packed target of that index; none for a copy that takes no part, and beyond the last.
    pub(super) fn slot(&self, index: u32) -> Option<u32> {
        if self.order.len() == self.n() {
            return Some(index).filter(|index| (*index as usize) < self.order.len());
        }
        self.order.binary_search(&index).ok().map(|slot| slot as u32)
    }

    pub(super) fn n(&self) -> usize {
        self.values.len() / self.dim.max(1)
    }

    pub(super) fn row(&self, j: u32) -> &[f32] {
        &self.values[j as usize * self.dim..][..self.dim]
    }

    /// Asks for the values of a target, which will be read soon.
    pub(super) fn ask_for(&self, j: u32) {
        ask_for(bytemuck::cast_slice(self.row(j)));
    }

    pub(super) fn view(&self) -> Result<ArrayView2<'_, f32>> {
        ArrayView2::from_shape((self.n(), self.dim), &self.values).map_err(|_| Error::ShapeMismatch {
            what: "targets",
            expected: self.n() * self.dim,
            found: self.values.len(),
        })
    }

    pub(super) fn square(&self, j: u32) -> f64 {
        self.squares.get(j as usize).copied().unwrap_or(0.0)
    }

    /// Distance by the definition: squared Euclidean or 1 - cosine; `square` is dot(x, x).
    pub(super) fn distance(&self, row: &[f32], square: f64, j: u32) -> f64 {
        match self.metric {
            Metric::SqEuclidean => self.dots.squared_distance(row, self.row(j)),
            Metric::Cosine => 1.0 - self.similarity(row, square, j),
        }
    }

    pub(super) fn similarity(&self, row: &[f32], square: f64, j: u32) -> f64 {
        cosine_from(self.dots.dot(row, self.row(j)), square, self.square(j))
    }
}

/// Whether a screen of `n` targets of `d` values saves more than it costs.
fn screen_pays(cpu: &Cpu, d: usize, n: usize) -> bool {
    let (score, least) = match cpu.codes.is_short() {
        true => (SCORE_VALUES_SHORT, LEAST_SAVED_SHORT),
        false => (SCORE_VALUES, LEAST_SAVED),
    };
    cpu.level() != Level::Scalar && d.saturating_sub(score).saturating_mul(n) >= least
}

/// How many leading dimensions of `d`, one of `part` and no more than `most`, serve; 0 where they are not possible, or not worth their time.
fn leading(cpu: &Cpu, d: usize, [part, most]: [usize; 2], possible: bool, worth: bool) -> usize {
    let serve = possible
        && d <= LEAD_DIM
        && match cpu.screens {
            Screens::Always => true,
            Screens::Auto => worth && d >= LEAD_VALUES,
            Screens::Never => false,
        };
    if serve { (d / part).max(1).next_multiple_of(32).min(d).min(most) } else { 0 }
}

/// At most `most` of the packed targets, evenly spread, in the coordinates of the kernel.
fn in_frame(
    view: &ArrayView2<'_, f32>,
    order: &[u32],
    most: usize,
    squares: &[f64],
    frame: &Frame,
) -> Result<Vec<f32>> {
    let (d, step) = (view.ncols(), order.len().div_ceil(most).max(1));
    let some = order.iter().step_by(step);
    let (mut values, mut buffer) = (try_vec(area(some.len(), d)?, 0.0)?, try_vec(d, 0.0)?);
    for (out, &target) in values.chunks_exact_mut(d.max(1)).zip(some) {
        let square = squares.get(target as usize).copied().unwrap_or(0.0);
        frame.narrow_row(row_of(view, target as usize, &mut buffer), square, out);
    }
    Ok(values)
}

/// All `size` values of the rows, row by row: as they lie there, or widened.
fn values_of(rows: Rows<'_>, size: usize) -> Result<Cow<'_, [f32]>> {
    if let Rows::F32(view) = &rows
        && let Some(values) = view.to_slice()
    {
        return Ok(Cow::Borrowed(values));
    }
    let (mut values, mut buffer) = (try_capacity(size)?, try_vec(rows.dim(), 0.0f32)?);
    (0..rows.n_rows()).for_each(|i| values.extend_from_slice(rows.row_at(i, &mut buffer)));
    Ok(Cow::Owned(values))
}

/// The targets that take part in a search, ascending.
fn distinct_order(values: &[f32], n: usize, d: usize, copies: Copies) -> Result<Vec<u32>> {
    let mut order = try_capacity(n)?;
    if copies == Copies::Keep {
        order.extend(0..n as u32);
        return Ok(order);
    }
    let row = |i: usize| &values[i * d..(i + 1) * d];
    let mut hashes = try_capacity(n)?;
    hashes.extend((0..n).map(|i| hash_row(row(i))));
    let first = first_occurrences(&hashes, |a, b| Ok(same_row(row(a), row(b))))?;
    order.extend(first.iter().enumerate().filter(|&(i, &f)| i == f).map(|(i, _)| i as u32));
    Ok(order)
}

/// Shift by the mean of the targets, scale by the largest target. The choice is about speed
/// only: any shift and scale give the same answers.
fn shifted_frame(values: &[f32], n: usize, d: usize) -> Result<Frame> {
    let mut mean = try_vec(d, 0.0f64)?;
    for row in values.chunks_exact(d.max(1)) {
        for (m, &x) in mean.iter_mut().zip(row) {
            *m += x as f64;
        }
    }
    let mut center = try_capacity(d)?;
    center.extend(mean.iter().map(|m| (m / n.max(1) as f64) as f32));
    let mut largest = 0.0f64;
    for row in values.chunks_exact(d.max(1)) {
        let square: f64 =
            row.iter().zip(&center).map(|(&x, &c)| (x as f64 - c as f64) * (x as f64 - c as f64)).sum();
        largest = largest.max(libm::sqrt(square));
    }
    Ok(Frame::Shifted { center, scale: scale_for(largest) })
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use ndarray::{Array2, s};

    use super::*;
    use crate::backend::{Backend, Best, Pairs};
    use crate::random::Stream;

    /// Rows are borrowed where they lie side by side as `f32`, and copied elsewhere; both give the same answers, which are those of
    /// targets that own their rows.
    #[test]
    fn targets_borrow_rows_that_lie_side_by_side() -> Result<()> {
        let (stream, cx, cpu) = (Stream::new(3, 8), Context::default(), Cpu::with_level(Level::detect())?);
        let x = Array2::from_shape_fn((90, 24), |(i, j)| stream.uniform(i as u64, j as u32) as f32 - 0.5);
        let wide = ndarray::concatenate![ndarray::Axis(1), x, x];
        let mut found: Vec<Vec<Best>> = Vec::new();
        for (view, borrows) in [(x.view(), true), (wide.slice(s![.., ..24]), false)] {
            let block = cpu.load(Rows::F32(view), Metric::Cosine, &cx)?;
            let lent = cpu.pack(&block, Copies::Keep, &cx)?;
            assert_eq!(matches!(lent.values, Cow::Borrowed(_)), borrows);
            let own = cpu.targets(Rows::F32(view), Metric::Cosine, Copies::Keep, &cx)?;
            assert!(matches!(own.values, Cow::Owned(_)));
            for targets in [&lent, &own] {
                let mut best = try_vec(90, Best::NONE)?;
                cpu.earlier_max(&block, targets, Pairs::Within(&[0, 90]), 0, &mut best, &cx)?;
                found.push(best);
            }
        }
        assert!(found[0].iter().skip(1).all(|best| best.similarity > -1.0));
        assert!(found.iter().all(|best| *best == found[0]));
        Ok(())
    }
}
