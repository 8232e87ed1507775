//! Targets, packed for the `f32` tile and coded for the screens, with the originals for the definition.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};

use ndarray::ArrayView2;

use super::block::CpuBlock;
use super::codes::TargetCodes;
use super::machine::{Cpu, Screens};
use super::pack::{Frame, Panels, narrow_panels, scale_for};
use crate::backend::Copies;
use crate::backend::copies::{first_occurrences, hash_row, same_row};
use crate::check;
use crate::control::Context;
use crate::error::{Error, Result};
use crate::exact::{Metric, cosine_from, dot64};
use crate::memory::{area, try_capacity, try_copy, try_vec};
use crate::rows::Rows;
use crate::simd::Level;

/// Packed targets, with the originals for the definition.
#[derive(Debug)]
pub struct CpuTargets {
    pub(super) metric: Metric,
    pub(super) dim: usize,
    values: Vec<f32>,
    pub(super) squares: Vec<f64>,
    pub(super) copies: Copies,
    /// Index of each packed target; ascending.
    pub(super) order: Vec<u32>,
    pub(super) origin: Arc<Origin>,
    pub(super) panels: Panels<f32>,
    /// None where no screen serves.
    pub(super) codes: Option<TargetCodes>,
}

/// What targets share with those that follow them in a run, so that what is remembered of the rows stays true.
#[derive(Debug)]
pub(super) struct Origin {
    pub frame: Frame,
    /// Bytes of codes that may still be kept in this run.
    room: AtomicUsize,
}

impl Origin {
    /// Takes so many bytes of the room; whether there were as many.
    pub fn take(&self, bytes: usize) -> bool {
        let left = |room: usize| room.checked_sub(bytes);
        self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, left).is_ok()
    }
}

/// The norms of the largest target, in coordinates taken over from others, that these coordinates suit as well as their
/// own would: scores overflow nowhere near, and flushed numbers do not count.
const SUITABLE: core::ops::Range<f64> = f64::from_bits((1023 + 20) << 52)..f64::from_bits((1023 + 35) << 52);

/// Targets of fewer values, or fewer targets, are searched by the `f32` tile: the screen's work for each row is then as
/// much as what it saves.
const LEAST_VALUES: usize = 96;
const LEAST_TARGETS: usize = 100;

impl CpuTargets {
    /// See [`Backend::pack`](crate::backend::Backend::pack).
    pub(super) fn new(
        cpu: &Cpu,
        block: &CpuBlock<'_>,
        copies: Copies,
        before: Option<Arc<Origin>>,
        cx: &Context,
    ) -> Result<Self> {
        let (n, d, metric) = (block.rows.n_rows(), block.rows.dim(), block.metric);
        check::at_most("number of targets", n, u32::MAX as usize)?;
        let size = area(n, d)?;
        let values = widened(&block.rows, size)?;
        let order = distinct_order(&values, n, d, copies)?;
        let before = before.filter(|origin| origin.frame.suits(metric, d));
        let taken_over = before.is_some();
        let origin = match before {
            Some(origin) => origin,
            None => {
                let frame = match metric {
                    Metric::Cosine => Frame::Unit,
                    Metric::SqEuclidean => shifted_frame(&values, n, d)?,
                };
                Arc::new(Origin { frame, room: AtomicUsize::new(cpu.code_bytes) })
            }
        };
        let frame = &origin.frame;
        let view = ArrayView2::from_shape((n, d), &values).map_err(|_| Error::ShapeMismatch {
            what: "targets",
            expected: size,
            found: values.len(),
        })?;
        let panels = narrow_panels(&view, &order, &block.squares, frame, cpu.narrow.nr(), cx)?;
        if metric == Metric::SqEuclidean && taken_over && !SUITABLE.contains(&panels.largest) {
            return Self::new(cpu, block, copies, None, cx);
        }
        let useful = match cpu.screens {
            Screens::Auto => {
                cpu.level() != Level::Scalar && d >= LEAST_VALUES && order.len() >= LEAST_TARGETS
            }
            Screens::Always => true,
            Screens::Never => false,
        };
        let codes = match useful && TargetCodes::possible(d, order.len()) {
            true => TargetCodes::new(&cpu.codes, &view, &order, &block.squares, frame, cx)?,
            false => None,
        };
        let squares = try_copy(&*block.squares)?;
        Ok(Self { metric, copies, dim: d, values, squares, order, origin, panels, codes })
    }

    pub(super) fn frame(&self) -> &Frame {
        &self.origin.frame
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
        self.metric.distance(row, self.row(j), square, self.square(j))
    }

    pub(super) fn similarity(&self, row: &[f32], square: f64, j: u32) -> f64 {
        cosine_from(dot64(row, self.row(j)), square, self.square(j))
    }
}

/// All `size` values of the rows, row by row.
fn widened(rows: &Rows<'_>, size: usize) -> Result<Vec<f32>> {
    let (mut values, mut buffer) = (try_capacity(size)?, try_vec(rows.dim(), 0.0f32)?);
    (0..rows.n_rows()).for_each(|i| values.extend_from_slice(rows.row_at(i, &mut buffer)));
    Ok(values)
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
