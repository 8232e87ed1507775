//! The `f32` tile: all targets of a row by the fast kernel, and the few within twice its error of the
//! best.
//!
//! ```text
//! for the open rows that together fit the second-level cache
//!     bring the rows into the kernel's coordinates, bound their norms
//!     threshold[row] = limit of the row + E
//!     for each panel of targets, for each tile of rows
//!         if the kernel reports hits: each (row, target, z) is a candidate of its row
//!             a new smallest z lowers the threshold to z + 2 E; of many hits, the smallest comes first
//! ```
//!
//! Candidates carry across panels only while they lie within 2 E of the best, so a row has few:
//! on real embeddings about one row in 500 keeps a second one to the end.

use alloc::borrow::Cow;

use super::pack::{Frame, Panels};
use super::question::{FEW, Hit, Open, Question, Search, Sieve, Tier, Wanted};
use super::sweep::{PackedRows, sweep};
use crate::backend::SearchStats;
use crate::control::Context;
use crate::error::Result;
use crate::exact::bounds::{Euclidean, Precision, cosine_error};
use crate::exact::float::narrow_up;
use crate::memory::try_vec;
use crate::simd::Tile;

/// Where a row has more hits in a panel than these, the smallest is looked for before any is taken: in the
/// first panel all targets are hits, and short rows would spend most of their time there.
const MANY: u32 = 3;

/// The tier, with its bound for one search.
pub(super) struct Narrow<'s> {
    panels: Cow<'s, Panels<f32>>,
    /// Per row and target for Euclidean searches, one number for cosine.
    bound: Option<Euclidean>,
    uniform: f64,
}

impl<'s> Narrow<'s> {
    pub fn new(search: &Search<'s>, cx: &Context) -> Result<Self> {
        let d = search.dim();
        let bound = match search.targets.frame() {
            Frame::Shifted { scale, .. } => Some(Euclidean::new(Precision::F32, d, *scale as f64)),
            Frame::Unit => None,
        };
        let panels = search.targets.narrow_panels(search.cpu, cx)?;
        Ok(Self { panels, bound, uniform: cosine_error(Precision::F32, d) })
    }
}

impl Tier for Narrow<'_> {
    fn count<'c>(&self, stats: &'c mut SearchStats) -> &'c mut u64 {
        &mut stats.f32
    }

    fn pass<Q: Question>(
        &self,
        search: &Search<'_>,
        first: usize,
        question: &mut Q,
        open: &Open,
        sieve: &mut Sieve,
    ) -> Result<()> {
        let (cpu, d, panels) = (search.cpu, search.dim(), &*self.panels);
        let mut packed = PackedRows::new(&cpu.narrow, d, f32::NEG_INFINITY, open.len())?;
        let mut candidates = try_vec(packed.capacity, Candidates::new(f64::INFINITY))?;
        let mut allowed = try_vec(packed.capacity, 0..0)?;
        let mut errors = try_vec(packed.capacity, 0.0f64)?;
        let mut numbers = try_vec(packed.capacity, 0u32)?;
        let mut buffer = try_vec(d, 0.0f32)?;
        let mut tile = Tile::new();
        for from in (0..open.len()).step_by(packed.capacity) {
            let n = (open.len() - from).min(packed.capacity);
            // The panels that some row looks at.
            let (mut low, mut high, mut whole) = (usize::MAX, 0, true);
            for i in 0..n {
                let row = open.row(from + i);
                let start = question.start(row as usize);
                let at = first + row as usize;
                numbers[i] = row;
                packed.threshold[i] = f32::NEG_INFINITY;
                if start.targets.is_empty() {
                    candidates[i] = Candidates::new(0.0);
                } else {
                    whole &= start.targets.len() == panels.count;
                    (low, high) = (low.min(start.targets.start), high.max(start.targets.end));
                    let values = search.row(at, &mut buffer);
                    let norm =
                        search.targets.frame().narrow_row(values, search.square(at), packed.row_mut(i, d));
                    errors[i] = match &self.bound {
                        Some(bound) => bound.error(norm, panels.largest),
                        None => self.uniform,
                    };
                    candidates[i] = Candidates::new(2.0 * errors[i]);
                    if Q::WANTED == Wanted::Every || !candidates[i].doubtful {
                        packed.threshold[i] = narrow_up(start.limit + errors[i]);
                    }
                }
                allowed[i] = start.targets;
            }
            packed.threshold[n..].fill(f32::NEG_INFINITY);
            let range = low.min(high) / panels.nr..high.div_ceil(panels.nr);
            sweep(&cpu.narrow, &mut packed, n, panels, range, &mut tile, |hits, mut limit| {
                let (i, mut bits) = (hits.row, hits.bits);
                if Q::WANTED == Wanted::Least && whole && bits.count_ones() > MANY {
                    limit = candidates[i].lower(least(hits.z), limit);
                }
                while bits != 0 {
                    let c = bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    let (target, z) = (hits.first + c, hits.z[c]);
                    let looked_at = if whole { target < panels.count } else { allowed[i].contains(&target) };
                    if !looked_at || z > limit {
                        continue;
                    }
                    limit = if Q::WANTED == Wanted::Least {
                        candidates[i].offer(target as u32, z, limit)
                    } else {
                        let error = errors[i];
                        let hit = Hit { target: target as u32, z: z as f64, error };
                        narrow_up(question.offer(numbers[i] as usize, hit, &mut buffer) + error)
                    };
                }
                limit
            });
            for (row, candidates) in numbers.iter().zip(&candidates).take(n) {
                if Q::WANTED == Wanted::Least && candidates.doubtful {
                    sieve.all(*row)?;
                } else {
                    let (left, count) = candidates.left();
                    sieve.some(question, *row, &left[..count])?;
                }
            }
        }
        Ok(())
    }
}

/// The smallest score of a panel, whose width is a multiple of 4. A NaN is passed over.
#[inline(always)]
fn least(z: &[f32]) -> f32 {
    let mut lanes = [f32::INFINITY; 4];
    for z in z.as_chunks::<4>().0 {
        for (lane, z) in lanes.iter_mut().zip(z) {
            *lane = if *z < *lane { *z } else { *lane };
        }
    }
    lanes.iter().fold(f32::INFINITY, |least, z| least.min(*z))
}

/// The targets that may still win a row.
#[derive(Clone, Copy)]
struct Candidates {
    items: [(u32, f32); FEW],
    len: u8,
    /// More than these within the bound, or not servable in `f32` at all.
    doubtful: bool,
    best: f32,
    /// 2 E of this row.
    slack: f64,
}

impl Candidates {
    fn new(slack: f64) -> Self {
        Self { items: [(0, 0.0); FEW], len: 0, doubtful: !slack.is_finite(), best: f32::INFINITY, slack }
    }

    /// The targets that are left, in ascending order, and how many.
    #[inline(always)]
    fn left(&self) -> ([u32; FEW], usize) {
        let (limit, mut left, mut count) = (self.limit(), [0; FEW], 0);
        for (target, z) in &self.items[..self.len as usize] {
            left[count] = *target;
            count += usize::from(*z <= limit);
        }
        (left, count)
    }

    fn limit(&self) -> f32 {
        narrow_up(self.best as f64 + self.slack)
    }

    /// The threshold from now on, where some target scores `z`.
    #[inline(always)]
    fn lower(&mut self, z: f32, threshold: f32) -> f32 {
        if z < self.best {
            self.best = z;
            return threshold.min(self.limit());
        }
        threshold
    }

    /// Takes a hit; returns the threshold from now on, never above `threshold`.
    #[inline(always)]
    fn offer(&mut self, target: u32, z: f32, threshold: f32) -> f32 {
        if self.doubtful {
            return f32::NEG_INFINITY;
        }
        let threshold = self.lower(z, threshold);
        if self.len as usize == FEW {
            let mut kept = 0;
            for i in 0..FEW {
                if self.items[i].1 <= threshold {
                    self.items[kept] = self.items[i];
                    kept += 1;
                }
            }
            self.len = kept as u8;
        }
        if self.len as usize == FEW {
            self.doubtful = true;
            return f32::NEG_INFINITY;
        }
        self.items[self.len as usize] = (target, z);
        self.len += 1;
        threshold
    }
}
