//! Dot products of all pairs of a few rows that belong together: the states of one sample.
//!
//! The rows are widened once, in blocks of DEPTH columns, so that the rows of a tile lie in the
//! nearest cache; the sums of a tile wait between its blocks. Every product has the order of
//! [`dot64`](crate::exact::dot64), whatever the blocks and tiles: tier A.

use alloc::vec::Vec;

use super::machine::Cpu;
use crate::error::{Error, Result};
use crate::exact::{LANES, fold};
use crate::memory::try_vec;
use crate::simd::{DotKernel, Step};

/// Columns of a block: seven rows of it are 28 kB.
const DEPTH: usize = 512;
const STEPS: usize = DEPTH / LANES;
/// Steps from a row of a block to the next; one more than it has, so that rows do not share the
/// sets of a cache.
const STRIDE: usize = STEPS + 1;

/// Working memory for n rows of d values; one for each task.
#[derive(Debug)]
pub(crate) struct PairDots {
    kernel: DotKernel,
    n: usize,
    dim: usize,
    /// n, and rows of zeros to fill the last tiles.
    rows: usize,
    /// [block][row][step].
    packed: Vec<Step>,
    /// Tile by tile, `mr` * `nc` each.
    sums: Vec<Step>,
}

impl PairDots {
    /// The memory for `n` rows of `dim` values: about 8 (n + 6)(d + 528) + 80 n² bytes.
    pub fn new(cpu: &Cpu, n: usize, dim: usize) -> Result<Self> {
        let kernel = cpu.dots;
        let rows = n.saturating_add(kernel.mr() + kernel.nc());
        let blocks = dim.div_ceil(DEPTH);
        let steps = rows.checked_mul(STRIDE).and_then(|block| block.checked_mul(blocks));
        let packed = try_vec(steps.ok_or(Error::OutOfMemory { bytes: usize::MAX })?, Step::ZERO)?;
        let tiles = Self::tiles(n, &kernel).count();
        let sums = try_vec(tiles.saturating_mul(kernel.mr() * kernel.nc()), Step::ZERO)?;
        Ok(Self { kernel, n, dim, rows, packed, sums })
    }

    /// First row and first column of each tile: together they cover the pairs r <= c.
    fn tiles(n: usize, kernel: &DotKernel) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (mr, nc) = (kernel.mr(), kernel.nc());
        (0..n).step_by(mr).flat_map(move |r| (r..n).step_by(nc).map(move |c| (r, c)))
    }

    /// Takes row `r`; whether all of it is finite.
    pub fn set(&mut self, r: usize, row: &[f32]) -> bool {
        let block = self.rows * STRIDE;
        let pieces = row.chunks(DEPTH).zip(self.packed.chunks_exact_mut(block));
        pieces.fold(true, |finite, (piece, block)| {
            finite & self.kernel.pack(piece, &mut block[r * STRIDE..][..STEPS])
        })
    }

    /// dot(x_l, x_m) for l <= m into `out[l * n + m]`; the rest of it is left alone.
    pub fn dots(&mut self, out: &mut [f64]) {
        let (n, kernel) = (self.n, &self.kernel);
        let (mr, nc) = (kernel.mr(), kernel.nc());
        self.sums.fill(Step::ZERO);
        for (i, block) in self.packed.chunks_exact(self.rows * STRIDE).enumerate() {
            let steps = (self.dim - i * DEPTH).min(DEPTH).div_ceil(LANES);
            for ((r, c), sums) in Self::tiles(n, kernel).zip(self.sums.chunks_exact_mut(mr * nc)) {
                kernel.add(steps, &block[r * STRIDE..], &block[c * STRIDE..], STRIDE, sums);
            }
        }
        for ((r, c), sums) in Self::tiles(n, kernel).zip(self.sums.chunks_exact(mr * nc)) {
            for (l, sums) in (r..n).zip(sums.chunks_exact(nc)) {
                for (m, sum) in (c..n).zip(sums) {
                    if l <= m {
                        out[l * n + m] = fold(sum.0);
                    }
                }
            }
        }
    }
}
