//! Which seeds may lie nearer to a row than all seeds before them: a certified test in `f32`.
//!
//! A seed matters to a row only if the definition puts it strictly below the row's D² so far. The test leaves out
//! seeds that cannot be; the definition decides about the others. It uses the bounds of [`exact::bounds`], with
//! the first seed as the shift c0 and a power of two s that brings the farthest row to 2^30:
//! X = s (x - c0), z = |C'|²/2 - X'.C' as the kernel computes it, |z - (|C|²/2 - X.C)| + (error of the definition) <= E.
//!
//! - **Euclidean.** The definition's distance d fulfils s² d / 2 >= z - E + |X|²/2. So z > (s² D² - |X|²)/2 + E says
//!   d >= D². |X|² is summed in `f64` from X': what it lacks, 2 |X| |X' - X| + |X' - X|² and the rounding of the sum,
//!   is below E of two rows as long as this one, which is added; (s² D² + |X|²) 2^-50 covers the evaluation.
//! - **Cosine.** z = -S', and z > D² - 1 + E says S < 1 - D². Then 1 - S, rounded, is not below D².
//!
//! A row whose norm or a seed whose norm is too large for `f32` has an infinite limit: every seed is looked at.

use alloc::vec::Vec;

use crate::error::Result;
use crate::exact::Metric;
use crate::exact::bounds::{Euclidean, Precision, cosine_error, scale_for};
use crate::exact::float::{narrow_up, widen};
use crate::memory::{try_capacity, try_vec};
use crate::products::{Growing, MAX_ROWS, Multiplier, Scores};

/// The seeds in the kernel's coordinates.
pub(super) struct Screen {
    seeds: Growing<f32>,
    /// c0 and s; none for the cosine.
    shift: Option<(Vec<f32>, f32)>,
    bound: Euclidean,
    cosine: f64,
    /// A power of two not below the norm of any seed of a panel.
    norms: Vec<f64>,
    /// The column being made.
    column: Vec<f32>,
}

/// Rows that are looked at together.
pub(super) struct Group {
    /// As the kernel reads them; row r at `r * stride`.
    packed: Vec<f32>,
    stride: usize,
    scores: Scores<f32>,
    limits: [f32; MAX_ROWS],
    sides: [Side; MAX_ROWS],
}

/// What a limit is made of.
#[derive(Clone, Copy)]
struct Side {
    /// |X'|², and an upper bound of |X'|.
    square: f64,
    norm: f64,
    /// E of the row with itself.
    own: f64,
    /// E, for the norms of the panel at hand.
    error: f64,
}

const NOBODY: Side = Side { square: 0.0, norm: 0.0, own: 0.0, error: 0.0 };

/// 2^e.
fn power_of_two(e: i32) -> f64 {
    f64::from_bits(((1023 + e) as u64) << 52)
}

impl Screen {
    /// No seeds yet, of `k`; no row lies farther from the first seed than a squared distance of `farthest`.
    pub fn new(metric: Metric, k: usize, first: &[f32], farthest: f64) -> Result<Self> {
        let d = first.len();
        let seeds = Multiplier::new()?.growing(d, k)?;
        let norms = try_capacity(k.div_ceil(seeds.width()))?;
        let scale = scale_for(libm::sqrt(farthest));
        let shift = match metric {
            Metric::SqEuclidean => Some((crate::memory::try_copy(first)?, scale)),
            Metric::Cosine => None,
        };
        let bound = Euclidean::new(Precision::F32, d, scale as f64);
        let cosine = cosine_error(Precision::F32, d);
        Ok(Self { seeds, shift, bound, cosine, norms, column: try_vec(d, 0.0)? })
    }

    /// Columns of a panel.
    pub fn width(&self) -> usize {
        self.seeds.width()
    }

    /// Room for the rows that are looked at together.
    pub fn group(&self) -> Result<Group> {
        let d = self.column.len();
        // No multiple of a large power of two: rows of a tile must not share cache sets.
        let stride = d.next_multiple_of(16) + 16;
        Ok(Group {
            packed: try_vec(self.seeds.rows() * stride, 0.0)?,
            stride,
            scores: Scores::new(),
            limits: [f32::NAN; MAX_ROWS],
            sides: [NOBODY; MAX_ROWS],
        })
    }

    /// The most rows of a group.
    pub fn rows(&self) -> usize {
        self.seeds.rows()
    }

    /// Appends a seed; `square` is its dot product with itself.
    pub fn push(&mut self, seed: &[f32], square: f64) {
        let mut column = core::mem::take(&mut self.column);
        let norm = self.bring(seed, square, &mut column).1;
        let half: f64 = column.iter().map(|x| *x as f64 * *x as f64).sum::<f64>() * 0.5;
        let offset = if self.shift.is_some() { half as f32 } else { 0.0 };
        if self.seeds.columns().is_multiple_of(self.seeds.width()) {
            self.norms.push(0.0);
        }
        // There is room for k seeds.
        let room = self.seeds.push(&column, offset);
        debug_assert!(room, "one seed more than asked for");
        self.column = column;
        if let Some(largest) = self.norms.last_mut().filter(|largest| norm > **largest) {
            let above = |norm: f64| power_of_two((norm.to_bits() >> 52) as i32 - 1022);
            *largest = if norm.is_finite() { above(norm) } else { f64::INFINITY };
        }
    }

    /// Writes a row in the kernel's coordinates; returns its squared norm there, and an upper bound of its norm.
    fn bring(&self, row: &[f32], square: f64, out: &mut [f32]) -> (f64, f64) {
        match &self.shift {
            Some((origin, scale)) => {
                for ((out, x), c) in out.iter_mut().zip(row).zip(origin) {
                    *out = (*x - *c) * *scale;
                }
            }
            None => {
                let inverse = if square > 0.0 { 1.0 / libm::sqrt(square) } else { 0.0 };
                out.iter_mut().zip(row).for_each(|(out, x)| *out = (widen(*x) * inverse) as f32);
            }
        }
        let mut lanes = [0.0f64; 16];
        let (body, tail) = out.as_chunks::<16>();
        for x in body {
            for l in 0..16 {
                lanes[l] += x[l] as f64 * x[l] as f64;
            }
        }
        let sum = lanes.iter().sum::<f64>() + tail.iter().map(|x| *x as f64 * *x as f64).sum::<f64>();
        // 2^80: squares and products beyond it might overflow. An infinity less an infinity does not pass either.
        if sum <= power_of_two(80) {
            return (sum, libm::sqrt(sum) * (1.0 + power_of_two(-30)));
        }
        // No score may be NaN, which is within no limit.
        out.fill(0.0);
        (0.0, f64::INFINITY)
    }

    /// Takes row `r` of a group.
    pub fn set(&self, group: &mut Group, r: usize, row: &[f32], square: f64) {
        let out = &mut group.packed[r * group.stride..][..row.len()];
        let (square, norm) = self.bring(row, square, out);
        let own = if norm.is_finite() { self.bound.error(norm, norm) } else { f64::INFINITY };
        group.sides[r] = Side { square, norm, own, error: f64::NAN };
    }

    /// Prepares the limits of row `r` for seeds of norm at most `norm`.
    fn meet(&self, group: &mut Group, r: usize, norm: f64) {
        let side = &mut group.sides[r];
        side.error = match self.shift {
            // An infinite bound of either is no number times 0.
            Some(_) if side.norm.is_finite() && norm.is_finite() => self.bound.error(side.norm, norm),
            Some(_) => f64::INFINITY,
            None => self.cosine,
        };
    }

    /// Sets the limit of row `r` to what follows from its D².
    fn limit(&self, group: &mut Group, r: usize, d2: f64) {
        let side = &group.sides[r];
        let limit = match &self.shift {
            Some((_, scale)) => {
                let scaled = d2 * (*scale as f64 * *scale as f64);
                let slack = (scaled + side.square) * power_of_two(-50);
                0.5 * (scaled - side.square) + side.error + side.own + slack
            }
            None => d2 - 1.0 + side.error + power_of_two(-50),
        };
        group.limits[r] = if limit < f64::INFINITY { narrow_up(limit) } else { f32::INFINITY };
    }

    /// Shows the rows of a group the seeds from `first` on, panel by panel: `f(r, seeds)` is called with seeds that may
    /// lie below the row's D², the lowest in bit 0 of `seeds.1` being `seeds.0`, and returns the D² from then on. Bits
    /// of seeds before `first`, and behind the last one, may be set. `d2` are those of the rows, which were
    /// [set](Screen::set).
    pub fn scan(
        &self,
        group: &mut Group,
        first: usize,
        d2: &[f64],
        mut f: impl FnMut(usize, (usize, u64)) -> f64,
    ) {
        let width = self.width();
        let mut now = [0.0; MAX_ROWS];
        now[..d2.len()].copy_from_slice(d2);
        group.limits = [f32::NAN; MAX_ROWS];
        let mut norm = f64::NAN;
        for panel in first / width..self.seeds.columns().div_ceil(width) {
            if self.norms[panel] != norm {
                norm = self.norms[panel];
                for r in 0..d2.len() {
                    self.meet(group, r, norm);
                    self.limit(group, r, now[r]);
                }
            }
            if !self.seeds.scan(panel, &group.packed, group.stride, &group.limits, &mut group.scores) {
                continue;
            }
            for r in 0..d2.len() {
                let bits = group.scores.within(r);
                if bits != 0 {
                    let lower = f(r, (panel * width, bits));
                    if lower < now[r] {
                        now[r] = lower;
                        self.limit(group, r, lower);
                    }
                }
            }
        }
    }
}
