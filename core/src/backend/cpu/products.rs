//! Products of `f64` matrices for results of tier C, with all memory asked for: ndarray's product
//! packs its operands in memory that it does not ask for fallibly.
//!
//! The kernel is the one of the searches. A score is offset - product; with offset 0 and a
//! threshold that nothing passes it is the product, negated. The last bits depend on the SIMD level
//! (whether it fuses), on nothing else.

use alloc::vec::Vec;

use super::machine::Cpu;
use crate::error::{Error, Result};
use crate::memory::try_vec;
use crate::simd::{MAX_ROWS, Tile};

/// The right side of products, [depth, cols], in panels of the kernel's width.
#[derive(Debug, Default)]
pub(crate) struct Right {
    depth: usize,
    cols: usize,
    nr: usize,
    /// Panel p, step t, column c at `(p * depth + t) * nr + c`; zeros after the last column.
    panels: Vec<f64>,
    /// The offset of every column.
    zeros: Vec<f64>,
}

impl Right {
    /// Zeros.
    pub fn new(cpu: &Cpu, depth: usize, cols: usize) -> Result<Self> {
        let nr = cpu.wide.nr();
        let size = cols.div_ceil(nr).checked_mul(nr).and_then(|cols| cols.checked_mul(depth));
        let panels = try_vec(size.ok_or(Error::OutOfMemory { bytes: usize::MAX })?, 0.0)?;
        Ok(Self { depth, cols, nr, panels, zeros: try_vec(nr, 0.0)? })
    }

    /// The matrix whose columns are `columns`, one after the other.
    pub fn of_columns(cpu: &Cpu, columns: &[f64], depth: usize, cols: usize) -> Result<Self> {
        let mut right = Self::new(cpu, depth, cols)?;
        right.fill(columns);
        Ok(right)
    }

    /// Other columns in the same memory.
    pub fn fill(&mut self, columns: &[f64]) {
        let (depth, nr) = (self.depth, self.nr);
        for (c, column) in columns.chunks_exact(depth.max(1)).take(self.cols).enumerate() {
            let panel = &mut self.panels[c / nr * depth * nr + c % nr..];
            for (to, from) in panel.iter_mut().step_by(nr).zip(column) {
                *to = *from;
            }
        }
    }
}

impl Cpu {
    /// How many rows the left side of a product of `m` rows has: the kernel reads whole tiles.
    pub(crate) fn whole_tiles(&self, m: usize) -> usize {
        m.next_multiple_of(self.wide.mr())
    }

    /// Adds the product of `left` [m, depth], completed to [`whole_tiles`](Cpu::whole_tiles) of rows (whatever
    /// they hold), and `right` to `out` [m, cols]. Asks for no memory.
    pub(crate) fn add_product(&self, left: &[f64], right: &Right, out: &mut [f64]) {
        let (kernel, depth, cols) = (&self.wide, right.depth, right.cols);
        let (mr, nr) = (kernel.mr(), right.nr);
        if depth == 0 || cols == 0 {
            return;
        }
        let m = out.len() / cols;
        debug_assert!(left.len() >= self.whole_tiles(m) * depth, "whole tiles");
        let never = [f64::NEG_INFINITY; MAX_ROWS];
        let mut tile = Tile::new();
        for (p, panel) in right.panels.chunks_exact(depth * nr).enumerate() {
            for first in (0..m).step_by(mr) {
                kernel.scan(depth, &left[first * depth..], depth, panel, &right.zeros, &never, &mut tile);
                for (row, z) in out.chunks_exact_mut(cols).skip(first).zip(tile.z.chunks_exact(nr)).take(mr) {
                    row[p * nr..].iter_mut().zip(z).for_each(|(out, z)| *out -= z);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::simd::Level;

    #[test]
    fn products_of_integers_are_exact_at_every_level() {
        for level in Level::available() {
            let Ok(cpu) = Cpu::with_level(level) else { panic!("{level:?} is listed but refused") };
            for (m, depth, cols) in [(1, 1, 1), (5, 3, 7), (13, 600, 9), (24, 16, 48), (7, 0, 3), (0, 4, 4)] {
                let value = |i: usize| ((i * 31 + i / 7) % 11) as f64 - 5.0;
                let mut left: Vec<f64> = (0..m * depth).map(value).collect();
                // What completes the last tile must not show.
                left.resize(cpu.whole_tiles(m) * depth, 1e9);
                let columns: Vec<f64> = (0..depth * cols).map(|i| value(i + 3)).collect();
                let Ok(right) = Right::of_columns(&cpu, &columns, depth, cols) else { panic!("no memory") };
                let mut out: Vec<f64> = (0..m * cols).map(|i| i as f64).collect();
                cpu.add_product(&left, &right, &mut out);
                for r in 0..m {
                    for c in 0..cols {
                        let dot: f64 = (0..depth).map(|t| left[r * depth + t] * columns[c * depth + t]).sum();
                        let place = format!("{level:?}, {m} x {depth} x {cols}, {r} {c}");
                        assert_eq!(out[r * cols + c], (r * cols + c) as f64 + dot, "{place}");
                    }
                }
            }
        }
    }
}
