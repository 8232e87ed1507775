//! The two sides of a product as the kernel reads them.

use alloc::vec::Vec;

use ndarray::{ArrayView2, Axis, Slice};

use crate::error::Result;
use crate::memory::{area, at_least};
use crate::real::Real;

/// Bytes of a cache line.
pub(super) const LINE: usize = 64;
/// Rows and columns that are turned at a time.
const TURN: usize = 8;

/// The left side: rows of the inner dimension's values, completed to whole tiles.
#[derive(Debug)]
pub(crate) struct Left<T> {
    mr: usize,
    rows: usize,
    depth: usize,
    stride: usize,
    /// Value t of row r at `r * stride + t`; after the last row anything.
    values: Vec<T>,
}

/// The right side: columns in panels of the kernel's width.
#[derive(Debug)]
pub(crate) struct Right<T> {
    nr: usize,
    depth: usize,
    columns: usize,
    /// Panel p, step t, column c at `start + (p * depth + t) * nr + c`; after the last column anything.
    values: Vec<T>,
    /// First value on a cache line of its own, so that no load of the kernel touches two.
    start: usize,
}

impl<T: Real> Left<T> {
    pub(super) fn new(mr: usize) -> Self {
        Self { mr, rows: 0, depth: 0, stride: 0, values: Vec::new() }
    }

    /// Room for so many values, so that [`pack`](Left::pack) of no more cannot fail.
    pub fn reserve(&mut self, rows: usize, depth: usize) -> Result<()> {
        // An odd number of cache lines: rows of a tile then lie in different sets of the cache.
        let line = LINE / size_of::<T>();
        let stride = (depth.div_ceil(line) | 1) * line;
        at_least(&mut self.values, area(rows.next_multiple_of(self.mr), stride)?)?;
        (self.rows, self.depth, self.stride) = (rows, depth, stride);
        Ok(())
    }

    /// Takes the values of `from` [rows, depth].
    pub fn pack(&mut self, from: &ArrayView2<'_, T>) -> Result<()> {
        self.reserve(from.nrows(), from.ncols())?;
        copy(from, &mut self.values, self.stride);
        Ok(())
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// The tile that begins at row `first`, and how far its rows are apart.
    pub(super) fn tile(&self, first: usize) -> (&[T], usize) {
        (&self.values[first * self.stride..], self.stride)
    }
}

impl<T: Real> Right<T> {
    pub(super) fn new(nr: usize) -> Self {
        Self { nr, depth: 0, columns: 0, values: Vec::new(), start: 0 }
    }

    /// Room for so many values, so that [`pack`](Right::pack) of no more cannot fail.
    pub fn reserve(&mut self, depth: usize, columns: usize) -> Result<()> {
        let size = area(columns.next_multiple_of(self.nr), depth)?.saturating_add(LINE / size_of::<T>());
        at_least(&mut self.values, size)?;
        (self.depth, self.columns) = (depth, columns);
        self.start = self.values.as_ptr().align_offset(LINE).min(LINE / size_of::<T>());
        Ok(())
    }

    /// Takes the values of `from` [depth, columns].
    pub fn pack(&mut self, from: &ArrayView2<'_, T>) -> Result<()> {
        let (depth, columns) = from.dim();
        self.reserve(depth, columns)?;
        let panels = self.values[self.start..].chunks_mut((depth * self.nr).max(1));
        for (first, panel) in (0..columns).step_by(self.nr).zip(panels) {
            let part = Slice::from(first..columns.min(first + self.nr));
            copy(&from.slice_axis(Axis(1), part), panel, self.nr);
        }
        Ok(())
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// None for a depth of 0.
    pub(super) fn panels(&self) -> impl Iterator<Item = &[T]> {
        let count = if self.depth == 0 { 0 } else { self.columns.div_ceil(self.nr) };
        self.values[self.start..].chunks_exact((self.depth * self.nr).max(1)).take(count)
    }
}

/// Copies a matrix into rows that begin `stride` apart.
fn copy<T: Real>(from: &ArrayView2<'_, T>, to: &mut [T], stride: usize) {
    if from.ncols() <= 1 || from.strides()[1] == 1 {
        for (to, from) in to.chunks_mut(stride).zip(from.rows()) {
            match from.as_slice() {
                Some(from) => to[..from.len()].copy_from_slice(from),
                None => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
            }
        }
        return;
    }
    let mut first = 0;
    for columns in from.axis_chunks_iter(Axis(1), TURN) {
        let lines: [Option<&[T]>; TURN] = core::array::from_fn(|c| {
            (c < columns.ncols()).then(|| columns.index_axis(Axis(1), c).to_slice()).flatten()
        });
        match lines {
            [Some(a), Some(b), Some(c), Some(d), Some(e), Some(f), Some(g), Some(h)] => {
                turn([a, b, c, d, e, f, g, h], &mut to[first..], stride);
            }
            _ => {
                for (to, from) in to[first..].chunks_mut(stride).zip(columns.rows()) {
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                }
            }
        }
        first += TURN;
    }
}

/// Writes lines of one length as the columns of rows that begin `stride` apart: squares of values at a
/// time, which the compiler keeps in registers.
fn turn<T: Copy>(lines: [&[T]; TURN], to: &mut [T], stride: usize) {
    let parts = lines.map(|line| line.as_chunks::<TURN>());
    let len = parts.iter().fold(usize::MAX, |len, (squares, _)| len.min(squares.len()));
    for (i, to) in to.chunks_mut(TURN * stride).take(len).enumerate() {
        let square = parts.map(|(squares, _)| squares[i]);
        for (r, to) in to.chunks_mut(stride).enumerate().take(TURN) {
            if let Some(to) = to.first_chunk_mut::<TURN>() {
                *to = square.map(|line| line[r]);
            }
        }
    }
    for (c, (_, rest)) in parts.iter().enumerate() {
        let to = to.iter_mut().skip(len * TURN * stride + c).step_by(stride);
        to.zip(*rest).for_each(|(to, from)| *to = *from);
    }
}
