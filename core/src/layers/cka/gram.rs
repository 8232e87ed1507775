//! By Gram matrices: tiles of rows against tiles of rows, all states of a tile at once.
//!
//! For a pair of tiles the products of all states are laid out as [states, pairs of rows]; one
//! product of that matrix with its transpose adds to tr(K_l K_m) of all l, m. Only pairs i < j are
//! made. Tiles are tasks; their results are added in a fixed order.

use alloc::vec::Vec;

use super::result::{CkaTable, Traces};
use crate::arrays::{view, view_mut};
use crate::backend::cpu::Cpu;
use crate::control::{Context, Job, Stage};
use crate::error::Result;
use crate::exact::float::widen;
use crate::memory::{try_capacity, try_up_to, try_vec};
use crate::products::Multiplier;

/// Rows of a tile.
const TILE: usize = 64;
/// Pairs of tiles whose results are in memory at a time.
const GROUP: usize = 64;

/// What one pair of tiles gives.
struct Part {
    tiles: [usize; 2],
    /// sum over i < j of K_l[ij] K_m[ij], [states, states].
    products: Vec<f64>,
    /// Sums over j of the rows of the first tile, over i of those of the second, [2, states, TILE].
    sums: Vec<f64>,
    /// K_l[ii] of a tile with itself, [states, TILE].
    diagonal: Vec<f64>,
}

/// The rows of the states less their first row and less their mean.
struct Centred<'a> {
    rows: &'a [Vec<f32>],
    first: &'a [Vec<f64>],
    means: Vec<Vec<f64>>,
    dims: &'a [usize],
    n: usize,
}

impl<'a> Centred<'a> {
    fn new(rows: &'a [Vec<f32>], first: &'a [Vec<f64>], dims: &'a [usize], n: usize) -> Result<Self> {
        let mut means = try_capacity(dims.len())?;
        for ((rows, first), &d) in rows.iter().zip(first).zip(dims) {
            let mut mean = try_vec(d, 0.0)?;
            for row in rows.chunks_exact(d) {
                mean.iter_mut().zip(row).zip(first).for_each(|((m, x), f)| *m += widen(*x) - f);
            }
            mean.iter_mut().for_each(|m| *m /= n as f64);
            means.push(mean);
        }
        Ok(Self { rows, first, means, dims, n })
    }

    fn len(&self, tile: usize) -> usize {
        TILE.min(self.n - tile * TILE)
    }

    /// One tile of one state into `out`; gives its rows and columns.
    fn tile(&self, state: usize, tile: usize, out: &mut [f64]) -> (usize, usize) {
        let (d, len) = (self.dims[state], self.len(tile));
        let rows = &self.rows[state][tile * TILE * d..][..len * d];
        for (out, row) in out.chunks_exact_mut(d).zip(rows.chunks_exact(d)) {
            let constants = self.first[state].iter().zip(&self.means[state]);
            for ((o, x), (f, m)) in out.iter_mut().zip(row).zip(constants) {
                *o = (widen(*x) - f) - m;
            }
        }
        (len, d)
    }

    fn part(&self, multiplier: &Multiplier<f64>, part: &mut Part) -> Result<()> {
        let states = self.dims.len();
        let [a, b] = part.tiles;
        let widest = self.dims.iter().copied().max().unwrap_or(0);
        let mut x = try_vec(TILE * widest, 0.0)?;
        let mut y = try_vec(TILE * widest, 0.0)?;
        let pairs = self.len(a) * self.len(b);
        let mut grams = try_vec(states * pairs, 0.0)?;
        let (mut left, mut right) = (multiplier.left(), multiplier.right());
        part.products.fill(0.0);
        part.sums.fill(0.0);
        for (state, gram) in grams.chunks_exact_mut(pairs).enumerate() {
            let (rows, d) = self.tile(state, a, &mut x);
            let (cols, _) = self.tile(state, b, &mut y);
            left.pack(&view(&x, rows, d)?)?;
            right.pack(&view(&y, cols, d)?.reversed_axes())?;
            multiplier.add(gram, 1.0, &left, &right);
            if a == b {
                for i in 0..rows {
                    part.diagonal[state * TILE + i] = gram[i * cols + i];
                    gram[i * cols..=i * cols + i].fill(0.0);
                }
            }
            let (first, second) = part.sums.split_at_mut(states * TILE);
            for (i, row) in gram.chunks_exact(cols).enumerate() {
                first[state * TILE + i] = row.iter().sum();
                second[state * TILE..].iter_mut().zip(row).for_each(|(sum, k)| *sum += k);
            }
        }
        let grams = view(&grams, states, pairs)?;
        let mut products = view_mut(&mut part.products, states, states)?;
        multiplier.add_product(&mut products, 1.0, &grams, &grams.t())
    }
}

/// The table of `n` kept rows.
pub(super) fn table(
    cpu: &Cpu,
    rows: &[Vec<f32>],
    first: &[Vec<f64>],
    dims: &[usize],
    n: usize,
    cx: &Context<'_>,
) -> Result<CkaTable> {
    let (states, multiplier) = (dims.len(), Multiplier::at(cpu.level())?);
    let centred = Centred::new(rows, first, dims, n)?;
    let tiles = n.div_ceil(TILE);
    let mut off = try_vec(states * states, 0.0)?;
    let (mut sums, mut diagonal) = (try_vec(states * n, 0.0)?, try_vec(states * n, 0.0)?);
    let mut pairs = (0..tiles).flat_map(|a| (a..tiles).map(move |b| [a, b]));
    let total = (tiles * (tiles + 1) / 2) as u64;
    let width: usize = dims.iter().sum();
    let mut parts = try_capacity(GROUP.min(total as usize))?;
    let mut done = 0;
    loop {
        cx.control.poll(Stage::Gram, done, total)?;
        let group: Vec<[usize; 2]> = { try_up_to(GROUP, pairs.by_ref().take(GROUP))? };
        if group.is_empty() {
            break;
        }
        for (i, tiles) in group.iter().enumerate() {
            if i == parts.len() {
                parts.push(Job::new(Part {
                    tiles: *tiles,
                    products: try_vec(states * states, 0.0)?,
                    sums: try_vec(2 * states * TILE, 0.0)?,
                    diagonal: try_vec(states * TILE, 0.0)?,
                }));
            }
            parts[i].work.tiles = *tiles;
        }
        let parts = &mut parts[..group.len()];
        // A product of matrices does about four multiply-adds in the time of a plain one.
        let cost = TILE * TILE * (width + states * states) / 4;
        cx.in_waves(parts, cost as u64, |part| centred.part(&multiplier, part))?;
        for Job { work: part, .. } in parts.iter() {
            let [a, b] = part.tiles;
            off.iter_mut().zip(&part.products).for_each(|(sum, part)| *sum += 2.0 * part);
            for (half, tile) in [a, b].into_iter().enumerate() {
                for state in 0..states {
                    let from = &part.sums[(half * states + state) * TILE..][..centred.len(tile)];
                    let into = &mut sums[state * n + tile * TILE..];
                    into.iter_mut().zip(from).for_each(|(sum, part)| *sum += part);
                }
            }
            if a == b {
                for state in 0..states {
                    let len = centred.len(a);
                    diagonal[state * n + a * TILE..][..len]
                        .copy_from_slice(&part.diagonal[state * TILE..][..len]);
                }
            }
        }
        done += group.len() as u64;
    }
    let of = |values: &[f64], state: usize| -> core::ops::Range<usize> {
        debug_assert_eq!(values.len(), states * n);
        state * n..(state + 1) * n
    };
    CkaTable::build(states, n as u64, |l, m| {
        let (r, s) = (&sums[of(&sums, l)], &sums[of(&sums, m)]);
        let (k, h) = (&diagonal[of(&diagonal, l)], &diagonal[of(&diagonal, m)]);
        let dot = |f: &dyn Fn(usize) -> f64| (0..n).map(f).sum::<f64>();
        Traces {
            off: off[l * states + m],
            diagonal: dot(&|i| k[i] * h[i]),
            rows: dot(&|i| r[i] * s[i]),
            full_rows: dot(&|i| (r[i] + k[i]) * (s[i] + h[i])),
            totals: [dot(&|i| r[i]), dot(&|i| s[i])],
            full_totals: [dot(&|i| r[i] + k[i]), dot(&|i| s[i] + h[i])],
        }
    })
}
