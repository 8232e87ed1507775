//! The coordinates of a search on the device, and the margin that its floats deserve.
//!
//! As in `pauca::exact::bounds`: squared distances are compared as scores in X = s (x - c0), for the mean c0 of the
//! targets and a power of two s; cosines as products of unit rows. The host brings the targets into these coordinates; rows
//! stay as they are, and the kernels shift and scale what they read.
//!
//! **What is assumed of the device.** Each operation of `f32` errs by at most [`DEVICE`]`.unit` relative (WGSL and Vulkan
//! leave the direction of rounding open), operands and results below the normal numbers may be flushed to 0, sums
//! may come in any order and products may be fused. (x - c0) s may also come as x s - c0 s: s is a power of two,
//! so only flushing differs, by 3 numbers instead of 3 s + 1: `tiny` is four times as large to cover it.
//!
//! **Overflow.** A compiler may assume that there is none. Norms of targets are below 2^32 in these coordinates, and rows for
//! which s (|x| + |c0|) may exceed 2^60 are not searched on the device: then no score exceeds 2^93, and no square 2^120.

use std::sync::Arc;

use pauca::exact::bounds::{Euclidean, Precision, Summation, cosine_error, scale_for};
use pauca::exact::float::{narrow, narrow_up, widen};
use pauca::exact::{Metric, dot64};
use pauca::{Error, Result};

use crate::memory::{try_capacity, try_vec};

/// The arithmetic of a device that keeps WGSL's rules.
pub(crate) const DEVICE: Precision = Precision {
    unit: 1.0 / (1u64 << 23) as f64,
    tiny: f64::from_bits((1023 - 124) << 52),
    summation: Summation::Any,
};

/// Absorbs the roundings of a norm in `f64`: 2^20 operations are 2^-33.
pub(crate) const ROUNDED: f64 = 1.0 + 1.0 / (1u64 << 30) as f64;
/// Absorbs the handful of roundings in which a kernel evaluates a margin: each is 2^-23.
const EVALUATED: f64 = 1.0 + 1.0 / (1u64 << 14) as f64;
/// The largest norm of a target, and the largest s (|x| + |c0|) of a row.
const MOST: (f64, f64) = ((1u64 << 32) as f64, (1u64 << 60) as f64);

/// An upper bound of the norm of a row.
pub(crate) fn norm_bound(row: &[f32]) -> f64 {
    dot64(row, row).sqrt() * ROUNDED
}

/// Shift and scale: what rows and targets share.
#[derive(Debug)]
pub(crate) struct Frame {
    pub center: Vec<f32>,
    pub scale: f32,
    /// A bound of the norm of the center.
    reach: f64,
}

impl Frame {
    /// The frame of unit rows: nothing is shifted or scaled.
    pub fn of_units(dim: usize) -> Result<Self> {
        Ok(Self { center: try_vec(dim, 0.0)?, scale: 1.0, reach: 0.0 })
    }

    /// The frame of targets, of which `row(i)` is the i-th of `n`.
    fn of<'r>(n: usize, dim: usize, row: impl Fn(usize) -> &'r [f32]) -> Result<Self> {
        let mut mean = try_vec(dim, 0.0f64)?;
        for i in 0..n {
            mean.iter_mut().zip(row(i)).for_each(|(mean, x)| *mean += widen(*x));
        }
        let mut center = try_capacity(dim)?;
        center.extend(mean.iter().map(|sum| narrow(sum / n as f64)));
        let frame = Self { reach: norm_bound(&center), center, scale: 1.0 };
        let mut shifted = try_vec(dim, 0.0f32)?;
        let mut largest = 0.0f64;
        for i in 0..n {
            frame.enter(row(i), &mut shifted);
            largest = largest.max(norm_bound(&shifted));
        }
        Ok(Self { scale: scale_for(largest), ..frame })
    }

    /// A row in these coordinates, as the kernels compute it.
    fn enter(&self, row: &[f32], out: &mut [f32]) {
        let all = out.iter_mut().zip(row).zip(&self.center);
        all.for_each(|((out, x), c)| *out = (x - c) * self.scale);
    }

    /// Whether rows of norms up to `reach` can be searched without overflow.
    pub fn holds(&self, reach: f64) -> bool {
        widen(self.scale) * (reach + self.reach) <= MOST.1
    }

    /// How much the kernel's norms must grow to be bounds.
    pub fn growth(&self) -> f32 {
        // The sum of squares errs by this share, each square by a little; the root and the product by less than 2^-10.
        let gamma = (self.center.len() + 8) as f64 * DEVICE.unit;
        narrow_up((1.0 + gamma / (1.0 - gamma)) * (1.0 + 1.0 / 1024.0))
    }
}

/// Targets in the coordinates of a search.
pub(crate) struct Framed {
    pub frame: Arc<Frame>,
    /// `[k, d]`.
    pub values: Vec<f32>,
    /// Half of the squared norms.
    pub halves: Vec<f32>,
    /// The margin of a row as a polynomial of its norm.
    pub margin: [f32; 3],
}

impl Framed {
    /// Brings `n` targets, of which `row(i)` is the i-th, into coordinates: those of `before`, where they still serve. None
    /// where the device cannot hold them, or its floats would certify nothing.
    pub fn new<'r>(
        n: usize,
        dim: usize,
        metric: Metric,
        before: Option<&Arc<Frame>>,
        row: impl Fn(usize) -> &'r [f32],
    ) -> Result<Option<Self>> {
        let area = n.checked_mul(dim).ok_or(Error::OutOfMemory { bytes: usize::MAX })?;
        let (mut values, mut halves) = (try_vec(area, 0.0f32)?, try_vec(n, 0.0f32)?);
        if metric == Metric::Cosine {
            for (i, out) in values.chunks_exact_mut(dim).enumerate() {
                let row = row(i);
                pauca::exact::unit_row(row, dot64(row, row), out);
            }
            let margin = margin([cosine_error(DEVICE, dim), 0.0, 0.0], [1.1, 0.0, 0.0]);
            let frame = Arc::new(Frame::of_units(dim)?);
            return Ok(margin.map(|margin| Self { frame, values, halves, margin }));
        }
        let mut fill = |frame: &Frame| {
            let mut largest = 0.0f64;
            for ((i, out), half) in values.chunks_exact_mut(dim).enumerate().zip(&mut halves) {
                frame.enter(row(i), out);
                let square = dot64(out, out);
                *half = narrow(0.5 * square);
                largest = largest.max(square.sqrt() * ROUNDED);
            }
            largest
        };
        // Norms that have shrunk a little cost certainty no more than a fresh frame's would.
        let still = |largest: f64| (((1u64 << 24) as f64)..MOST.0).contains(&largest);
        let kept = before.map(|frame| (Arc::clone(frame), fill(frame))).filter(|(_, b)| still(*b));
        let (frame, largest) = match kept {
            Some(kept) => kept,
            None => {
                let frame = Arc::new(Frame::of(n, dim, &row)?);
                let largest = fill(&frame);
                (frame, largest)
            }
        };
        if largest.is_nan() || largest >= MOST.0 {
            return Ok(None);
        }
        let error = Euclidean::new(DEVICE, dim, widen(frame.scale)).polynomial(largest);
        let margin = margin(error, [0.51 * largest * largest, 1.01 * largest, 0.0]);
        Ok(margin.map(|margin| Self { frame, values, halves, margin }))
    }
}

/// The margin m0 + m1 a + m2 a² of a row of norm a, for E = e0 + e1 a + e2 a² and scores of at most s0 + s1 a + s2 a²: 2 E, and what
/// adding it to a score and comparing may lose. None where it would not be a number. More factors serve as well.
pub(crate) fn margin<const N: usize>(error: [f64; N], score: [f64; N]) -> Option<[f32; N]> {
    let margin = std::array::from_fn(|i| {
        let twice = 2.0 * error[i];
        let flushed = if i == 0 { 8.0 * DEVICE.tiny } else { 0.0 };
        let exact = twice + 4.0 * DEVICE.unit * (score[i] + twice) + flushed;
        if exact == 0.0 { 0.0 } else { narrow_up(exact * EVALUATED) }
    });
    margin.iter().all(|m: &f32| *m < 1e24).then_some(margin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: usize, d: usize, scale: f32, offset: f32) -> Vec<f32> {
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        (0..n * d).map(|_| next() * scale + offset).collect()
    }

    #[test]
    fn targets_are_brought_to_norms_where_products_keep_their_bits() {
        for (scale, offset) in [(1.0, 0.0), (1e20, 0.0), (1e-20, 0.0), (0.01, 1000.0)] {
            let (n, d) = (20, 5);
            let x = rows(n, d, scale, offset);
            let framed = Framed::new(n, d, Metric::SqEuclidean, None, |i| &x[i * d..][..d]).unwrap().unwrap();
            let norms: Vec<f64> = framed.values.chunks(d).map(norm_bound).collect();
            let largest = norms.iter().fold(0.0f64, |a, b| a.max(*b));
            assert!(
                (2f64.powi(29)..2f64.powi(31) * 1.001).contains(&largest),
                "{scale} {offset} {largest:e}"
            );
            let half = |i: usize| (framed.halves[i] as f64) / (0.5 * norms[i] * norms[i]);
            assert!((0..n).all(|i| (half(i) - 1.0).abs() < 1e-6));
            assert!(framed.frame.holds(norm_bound(&x[..d])));
        }
    }

    #[test]
    fn what_would_overflow_is_not_framed() {
        let framed = |x: &[f32]| Framed::new(x.len(), 1, Metric::SqEuclidean, None, |i| &x[i..=i]).unwrap();
        assert!(framed(&[3e38, -3e38, -3e38]).is_none(), "4e38 from their mean");
        let near = framed(&[1.0, 2.0, 4.0]).unwrap();
        assert!(near.frame.holds(1e6) && !near.frame.holds(1e20));
        // Columns beyond which the bound means nothing.
        let wide = vec![1.0f32; 2 << 20];
        let one = |metric| Framed::new(1, wide.len(), metric, None, |_| &wide[..]).unwrap();
        assert!(one(Metric::Cosine).is_none() && one(Metric::SqEuclidean).is_none());
    }

    #[test]
    fn the_frame_before_is_kept_while_it_serves() {
        let d = 4;
        let x = rows(10, d, 1.0, 3.0);
        let new = |x: &[f32], before| {
            Framed::new(10, d, Metric::SqEuclidean, before, |i| &x[i * d..][..d]).unwrap().unwrap()
        };
        let first = new(&x, None);
        let moved: Vec<f32> = x.iter().map(|v| v * 0.9).collect();
        assert!(Arc::ptr_eq(&new(&moved, Some(&first.frame)).frame, &first.frame));
        let far: Vec<f32> = x.iter().map(|v| v * 1e9).collect();
        assert!(!Arc::ptr_eq(&new(&far, Some(&first.frame)).frame, &first.frame));
    }

    #[test]
    fn the_margin_covers_twice_the_error_and_the_comparison() {
        let (d, b) = (385, 2f64.powi(30));
        let bound = Euclidean::new(DEVICE, d, 8.0);
        let [m0, m1, m2] = margin(bound.polynomial(b), [0.51 * b * b, 1.01 * b, 0.0]).unwrap().map(f64::from);
        for a in [0.0, 1.0, 2f64.powi(20), 2f64.powi(30), 2f64.powi(36)] {
            let margin = m0 + m1 * a + m2 * a * a;
            let least = 2.0 * bound.error(a, b) + 4.0 * DEVICE.unit * (0.5 * b * b + a * b);
            assert!(margin >= least && margin < 1.1 * least, "{a:e}: {margin:e} for {least:e}");
        }
    }
}
