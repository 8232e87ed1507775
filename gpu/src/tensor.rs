//! Copies of rows in f16 for tensor cores, and the margin that they deserve.
//!
//! As in `src/coordinates.rs`, with X = x - c0 and C = c - c0 for squared distances, and unit rows for cosines. A row is copied as
//! x' = f16(s_i X), and a target as c' = f16(s C), with powers of two s_i and s that bring the norm of the row, and the largest norm of
//! the targets, into [2^14, 2^15). So no value exceeds 2^15, f16 holds up to 65504, and no sum of products exceeds 2^31.
//! Values that would be subnormal in f16 are copied as 0: what a device makes of them does not matter.
//!
//! Nothing is assumed of how values are rounded. Residuals are measured in `f64`, when both the row and its copy are there: with
//! a >= |x'|, |s_i X| and r >= |s_i X - x'| of the row, B >= |c'|, |s C| and R >= |s C - c'| of all targets, w = s / s_i, q = w a
//! and e = w r, the score z = h - w x'.c' approximates D = s² (|C|²/2 - X.C), or -s² X.C, within the sum of
//!
//! | term | bound | why |
//! |---|---|---|
//! | rows | e B | the part of the row that the copy lacks, times s C |
//! | targets | q R | the copy of the row, times the part of the target that its copy lacks |
//! | path | g q B | the tensor core, see below: g = 64 v / (1 - 64 v) with v = 2^-22 |
//! | steps | (1 + g) p q B | the sums of 64 columns are added in f32: p = m u / (1 - m u) for m = d / 64 additions |
//! | offset | (u + (d + 8) 2^-53) B²/2 | h is summed in `f64` and rounded to f32 |
//! | last | u (B²/2 + q B) and a little | the subtraction; the product with w is exact |
//! | definition | (t + 4) 2^-53 (q + B)²/2 | for cosines (2 t + 6) 2^-53 B²: see `pauca::exact::bounds`, which has t, too |
//! | flushed | 2^-90 | w, w x'.c' and h are 0 where they are subnormal: w is, and x'.c' is below 2^31 |
//!
//! u is that of `DEVICE`. That X, C and unit rows are themselves computed in `f64` is counted with r and R.
//!
//! **What is assumed of the tensor core.** Products are exact. Each of the 64 steps of a path loses at most v = 2^-22 of the sum of
//! the magnitudes so far. A core that aligns 16 products and an accumulator to the largest and cuts each off below 24 bits
//! loses at most 17 x 2^-23 of it at once, where 16 steps are granted 32 x 2^-23. No vendor promises any of this, so a
//! device must show it: [`Limits::tensor`](crate::Limits::tensor).

use half::f16;
use pauca::exact::float::{narrow, narrow_up, widen};
use pauca::exact::{Metric, dot64};
use pauca::{Error, Result};

use crate::coordinates::{DEVICE, ROUNDED, margin};
use crate::kernels::tensor::{DEPTH, FACTS, ROWS, TARGETS};
use crate::memory::{try_capacity, try_vec};

/// Half the distance from 1 to the next `f64`.
const U64: f64 = f64::EPSILON / 2.0;
/// What a step on the path of a tensor core may lose.
pub(crate) const STEP: f64 = 1.0 / (1u64 << 22) as f64;
/// Absorbs the roundings of evaluating the bound.
const ABSORB: f64 = 1.0 + 1.0 / (1u64 << 20) as f64;
/// The largest q.
const MOST: f64 = (1u64 << 60) as f64;

/// The additions on the longest path of the definition.
fn additions(d: usize) -> f64 {
    (d.div_ceil(16) + 4) as f64
}

/// The largest error of `m` roundings of share `unit`; infinite where it would mean nothing.
fn gamma(m: usize, unit: f64) -> f64 {
    let e = m as f64 * unit;
    if e > 0.125 { f64::INFINITY } else { e / (1.0 - e) }
}

/// The power of two that brings a norm into [2^14, 2^15), within what f32 can hold and invert. Any gives right answers.
fn scale_of(norm: f64) -> f32 {
    if norm == 0.0 || !norm.is_finite() {
        return 1.0;
    }
    let exponent = (norm.to_bits() >> 52) as i32 - 1023;
    f32::from_bits(((127 + (14 - exponent).clamp(-120, 110)) as u32) << 23)
}

/// A value in f16; 0 for subnormal numbers, and the largest number for those beyond.
fn narrow16(x: f64) -> f16 {
    let x = f16::from_f64(x.clamp(-65504.0, 65504.0));
    if x.is_normal() { x } else { f16::ZERO }
}

/// What a copy says of its row, in the units of the copy.
#[derive(Clone, Copy, Debug)]
struct Copied {
    /// a or |.| B: at least the norms of the row and of the copy.
    norm: f64,
    /// r or R.
    residual: f64,
}

/// Rows or targets in coordinates of `f64`.
struct Coordinates<'c> {
    metric: Metric,
    center: &'c [f32],
    row: Vec<f64>,
}

impl<'c> Coordinates<'c> {
    fn new(metric: Metric, center: &'c [f32]) -> Result<Self> {
        Ok(Self { metric, center, row: try_vec(center.len(), 0.0)? })
    }

    /// Brings a row into coordinates; its norm.
    fn enter(&mut self, row: &[f32]) -> f64 {
        let all = self.row.iter_mut().zip(row).zip(self.center);
        match self.metric {
            Metric::SqEuclidean => all.for_each(|((out, x), c)| *out = widen(*x) - widen(*c)),
            Metric::Cosine => {
                let square = dot64(row, row);
                let norm = if square == 0.0 { 1.0 } else { square.sqrt() };
                all.for_each(|((out, x), _)| *out = widen(*x) / norm);
            }
        }
        self.row.iter().map(|v| v * v).sum::<f64>().sqrt()
    }

    /// Copies the row that entered, two values to a word.
    fn copy(&self, scale: f32, out: &mut [u32]) -> Copied {
        let (scale, mut copied, mut lost, mut whole) = (widen(scale), 0.0, 0.0, 0.0);
        for (word, values) in out.iter_mut().zip(self.row.chunks(2)) {
            for (i, v) in values.iter().enumerate() {
                let (v, c) = (v * scale, narrow16(v * scale));
                *word |= u32::from(c.to_bits()) << (16 * i);
                let c = c.to_f64();
                (copied, lost, whole) = (copied + c * c, lost + (v - c) * (v - c), whole + v * v);
            }
        }
        let norm = copied.max(whole).sqrt() * ROUNDED;
        // How far the coordinates themselves may be off.
        let doubt = (additions(self.row.len()) + 6.0) * U64;
        Copied { norm, residual: lost.sqrt() * ROUNDED + doubt * norm }
    }
}

/// Words of a copied row.
pub(crate) fn words(dim: usize) -> usize {
    dim.next_multiple_of(DEPTH) / 2
}

fn room(n: usize, tile: usize, dim: usize) -> Result<Vec<u32>> {
    let area = n.checked_next_multiple_of(tile).and_then(|n| n.checked_mul(words(dim)));
    try_vec(area.ok_or(Error::OutOfMemory { bytes: usize::MAX })?, 0u32)
}

/// Rows for tensor cores.
pub(crate) struct HalfRows {
    /// `[., words]`, two values of f16 each, padded by zeros to whole tiles.
    pub values: Vec<u32>,
    /// `[n, FACTS]`: 1 / s_i, a / s_i and r / s_i.
    pub facts: Vec<f32>,
}

impl HalfRows {
    /// Copies `n` rows, of which `row(i)` is the i-th. Under cosine the center counts for nothing.
    pub fn new<'r>(
        n: usize,
        metric: Metric,
        center: &[f32],
        row: impl Fn(usize) -> &'r [f32],
    ) -> Result<Self> {
        let (dim, mut coordinates) = (center.len(), Coordinates::new(metric, center)?);
        let (mut values, mut facts) = (room(n, ROWS, dim)?, try_capacity(n * FACTS)?);
        for (i, out) in (0..n).zip(values.chunks_exact_mut(words(dim))) {
            let scale = scale_of(coordinates.enter(row(i)));
            let copied = coordinates.copy(scale, out);
            let unit = 1.0 / widen(scale);
            facts.extend([unit, copied.norm * unit, copied.residual * unit].map(narrow_up));
        }
        Ok(Self { values, facts })
    }
}

/// Targets for tensor cores.
pub(crate) struct HalfTargets {
    /// `[., words]`, as in [`HalfRows`].
    pub values: Vec<u32>,
    /// `[k]`: h.
    pub halves: Vec<f32>,
    /// s.
    pub scale: f32,
    /// The bound.
    pub bound: Bound,
    /// The margin m0 + m1 q + m2 q² + m3 e.
    pub margin: [f32; 4],
}

impl HalfTargets {
    /// Copies `k` targets; none where the copies would certify nothing.
    pub fn new<'r>(
        k: usize,
        metric: Metric,
        center: &[f32],
        row: impl Fn(usize) -> &'r [f32],
    ) -> Result<Option<Self>> {
        let (dim, mut coordinates) = (center.len(), Coordinates::new(metric, center)?);
        let scale = scale_of((0..k).map(|j| coordinates.enter(row(j))).fold(0.0, f64::max));
        let (mut values, mut halves) = (room(k, TARGETS, dim)?, try_capacity(k)?);
        let mut most = Copied { norm: 0.0, residual: 0.0 };
        for (j, out) in (0..k).zip(values.chunks_exact_mut(words(dim))) {
            let norm = coordinates.enter(row(j)) * widen(scale);
            halves.push(if metric == Metric::Cosine { 0.0 } else { narrow(0.5 * norm * norm) });
            let copied = coordinates.copy(scale, out);
            most.norm = most.norm.max(copied.norm);
            most.residual = most.residual.max(copied.residual);
        }
        let bound = Bound { metric, dim, norm: most.norm, residual: most.residual };
        let margin = bound.margin();
        Ok(margin.map(|margin| Self { values, halves, scale, bound, margin }))
    }

    /// Whether rows can be searched without overflow.
    pub fn holds(&self, rows: &HalfRows) -> bool {
        let norms = rows.facts.iter().skip(1).step_by(FACTS);
        norms.into_iter().all(|norm| widen(*norm) * widen(self.scale) <= MOST)
    }
}

/// How far scores may lie from the definition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    metric: Metric,
    dim: usize,
    /// B.
    norm: f64,
    /// R.
    residual: f64,
}

impl Bound {
    /// The terms of the table above, each as the factors of 1, q, q² and e.
    pub fn terms(&self) -> [(&'static str, [f64; 4]); 8] {
        let (d, b, u) = (self.dim, self.norm, DEVICE.unit);
        let (g, p) = (gamma(DEPTH, STEP), gamma(d.div_ceil(DEPTH), u));
        let (euclidean, half) = match self.metric {
            Metric::SqEuclidean => (true, 0.5 * b * b),
            Metric::Cosine => (false, 0.0),
        };
        let t = 0.5 * (additions(d) + 4.0) * U64;
        let cosine = (2.0 * additions(d) + 6.0) * U64 * b * b;
        [
            ("rows", [0.0, 0.0, 0.0, b]),
            ("targets", [0.0, self.residual, 0.0, 0.0]),
            ("path", [0.0, g * b, 0.0, 0.0]),
            ("steps", [0.0, (1.0 + g) * p * b, 0.0, 0.0]),
            ("offset", [(u + (d + 8) as f64 * U64) * half, 0.0, 0.0, 0.0]),
            ("last", [u * half * (1.0 + 2.0 * u), u * b * (1.0 + g) * (1.0 + p), 0.0, 0.0]),
            (
                "definition",
                if euclidean { [t * b * b, 2.0 * t * b, t, 0.0] } else { [cosine, 0.0, 0.0, 0.0] },
            ),
            ("flushed", [1.0 / (1u128 << 90) as f64, 0.0, 0.0, 0.0]),
        ]
    }

    /// How far a score may lie from that of the copies, for a row of norm `q`: what the arithmetic of a device alone may lose.
    pub fn arithmetic(&self, q: f64) -> f64 {
        let lost = |term: &str| matches!(term, "path" | "steps" | "last" | "flushed");
        self.terms()
            .iter()
            .filter(|(term, _)| lost(term))
            .map(|(_, [one, linear, ..])| one + q * linear)
            .sum()
    }

    /// Twice the bound, as a polynomial, with what the comparison may lose.
    fn margin(&self) -> Option<[f32; 4]> {
        let mut error = [0.0; 4];
        for (_, term) in self.terms() {
            error.iter_mut().zip(term).for_each(|(sum, term)| *sum += term * ABSORB);
        }
        let b = self.norm;
        margin(error, [0.51 * b * b, 1.01 * b, 0.0, 0.0])
    }
}
