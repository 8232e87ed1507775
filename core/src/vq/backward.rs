//! The backward pass: gradients of latents, a task for each range of rows; of codes, a task for each range of codes.

use alloc::vec::Vec;

use ndarray::{ArrayView2, ArrayViewMut2, Axis};

use super::entropy::{self, widened_row};
use super::estimator::{Estimator, turn, unit_back_into};
use super::latents::{Latents, by_code};
use super::params::VectorQuantizer;
use crate::control::{Context, Job};
use crate::error::Result;
use crate::memory::{try_capacity, try_vec};
use crate::real::Real;

/// One backward step.
pub(super) struct Pull<'a, T> {
    pub vq: &'a VectorQuantizer,
    pub latents: &'a Latents<'a, T>,
    pub used: ArrayView2<'a, T>,
    pub ids: &'a [u32],
    pub entropy: Option<&'a entropy::Backward<'a>>,
    /// 2 upstream / count: of a squared distance.
    pub scale: f64,
}

/// Codes of one task of the gradient of the codes.
const CODES: usize = 128;

impl<T: Real> Pull<'_, T> {
    /// Writes dL/dz; of each valid row what the entropy loss needs for the codes; rows passed straight through.
    pub fn latents(
        &self,
        upstream: Option<&ArrayView2<'_, T>>,
        mut gradient: ArrayViewMut2<'_, T>,
        cx: &Context,
    ) -> Result<(Vec<f64>, u64)> {
        let (n, d) = self.latents.z.dim();
        let valid = self.latents.n();
        if valid < n {
            gradient.fill(T::default());
        }
        let mut means = try_vec(if self.entropy.is_some() { valid } else { 0 }, 0.0)?;
        let tile = self.entropy.map_or(64, |e| e.scores.tile_rows());
        let step = tile * if self.entropy.is_some() { 1 } else { (16 * 1024 / d / tile).max(1) };
        struct Task<'t, T> {
            /// Valid rows of the task.
            first: usize,
            count: usize,
            /// The gradient of the rows from this one on.
            row: usize,
            out: ArrayViewMut2<'t, T>,
            means: &'t mut [f64],
            fallbacks: u64,
        }
        let mut jobs = try_capacity(valid.div_ceil(step))?;
        let (mut rest, mut row, mut other) = (gradient, 0, &mut means[..]);
        for first in (0..valid).step_by(step) {
            let count = step.min(valid - first);
            let end = if first + count < valid { self.latents.row(first + count) } else { n };
            let (out, after) = rest.split_at(Axis(0), end - row);
            let (mine, later) = other.split_at_mut(if self.entropy.is_some() { count } else { 0 });
            jobs.push(Job::new(Task { first, count, row, out, means: mine, fallbacks: 0 }));
            (rest, other, row) = (after, later, end);
        }
        let cost = step as u64 * (16 * d as u64 + self.entropy.map_or(0, |e| e.cost()));
        cx.in_waves(&mut jobs, cost, |task| {
            let mut buffers = [try_vec(d, T::default())?, try_vec(d, T::default())?];
            let mut wide = try_vec(5 * d, 0.0)?;
            let mut sweep = match self.entropy {
                Some(_) => Some(entropy::Buffers::new(tile, self.used.nrows(), tile, d)?),
                None => None,
            };
            if let (Some(entropy), Some(buffers)) = (self.entropy, &mut sweep) {
                entropy.rows(self.latents, task.first..task.first + task.count, task.means, buffers)?;
            }
            for r in 0..task.count {
                let row = self.latents.row(task.first + r);
                let extra = sweep.as_ref().map(|s| s.gradient.row(r));
                task.fallbacks += u64::from(!self.one_row(row, upstream, extra, &mut buffers, &mut wide));
                for (o, x) in task.out.row_mut(row - task.row).iter_mut().zip(&wide[4 * d..]) {
                    *o = T::from_f64(*x);
                }
            }
            Ok(())
        })?;
        let fallbacks = jobs.iter().map(|job| job.work.fallbacks).sum();
        drop(jobs);
        Ok((means, fallbacks))
    }

    /// dL/dz of one row into the last of the five parts of `wide`. False where a rotation was undefined.
    fn one_row(
        &self,
        row: usize,
        upstream: Option<&ArrayView2<'_, T>>,
        extra: Option<ndarray::ArrayView1<'_, f64>>,
        buffers: &mut [Vec<T>; 2],
        wide: &mut [f64],
    ) -> bool {
        let d = buffers[0].len();
        let (t, rest) = wide.split_at_mut(d);
        let (q, rest) = rest.split_at_mut(d);
        let (g, rest) = rest.split_at_mut(d);
        let (sum, out) = rest.split_at_mut(d);
        widened_row(&self.used, self.ids[row] as usize, &mut buffers[0], q);
        for (t, x) in t.iter_mut().zip(self.latents.of_row(row, buffers)) {
            *t = x.to_f64();
        }
        let mut turned = true;
        match (upstream, self.vq.estimator) {
            (None, _) => sum.fill(0.0),
            (Some(view), Estimator::StraightThrough) => widened_row(view, row, &mut buffers[0], sum),
            (Some(view), Estimator::Rotation) => {
                widened_row(view, row, &mut buffers[0], g);
                turned = turn::<T>(t, q, g, sum, true);
            }
        }
        let pull = self.vq.commitment * self.scale;
        for ((s, t), q) in sum.iter_mut().zip(&*t).zip(&*q) {
            *s += pull * (t - q);
        }
        if let Some(extra) = extra {
            sum.iter_mut().zip(extra).for_each(|(s, x)| *s += x);
        }
        if self.latents.unit {
            widened_row(&self.latents.z, row, &mut buffers[0], t);
            unit_back_into(t, sum, out);
        } else {
            out.copy_from_slice(sum);
        }
        turned
    }

    /// Writes dL/de: rows of a code are added in their order, each code by one task.
    pub fn codes(
        &self,
        stored: &ArrayView2<'_, T>,
        means: &[f64],
        mut gradient: ArrayViewMut2<'_, T>,
        cx: &Context,
    ) -> Result<()> {
        let (k, d) = stored.dim();
        let (offsets, rows) = by_code(self.ids, k)?;
        let mut jobs = try_capacity(k.div_ceil(CODES))?;
        let chunks = gradient.axis_chunks_iter_mut(Axis(0), CODES).enumerate();
        jobs.extend(chunks.map(|(i, out)| Job::new((i * CODES, out))));
        let pull = self.vq.codebook * self.scale;
        let n = self.latents.n() as u64;
        let tiles = k.div_ceil(CODES) as u64;
        let cost =
            4 * d as u64 * (CODES as u64 + n / tiles) + self.entropy.map_or(0, |e| e.cost() * n / tiles);
        cx.in_waves(&mut jobs, cost, |(first, out)| {
            let m = out.nrows();
            let tile = if self.entropy.is_some() { 256 } else { 1 };
            let mut sums = entropy::Buffers::<T>::new(tile, if tile > 1 { m } else { 1 }, m, d)?;
            if let Some(entropy) = self.entropy {
                entropy.codes(self.latents, *first..*first + m, means, &mut sums)?;
            }
            let mut buffers = [try_vec(d, T::default())?, try_vec(d, T::default())?];
            let mut code = try_vec(d, T::default())?;
            let (mut q, mut back) = (try_vec(d, 0.0)?, try_vec(d, 0.0)?);
            for (c, mut out) in out.rows_mut().into_iter().enumerate() {
                let j = *first + c;
                widened_row(&self.used, j, &mut code, &mut q);
                let mut sum = sums.gradient.row_mut(c);
                let Some(sum) = sum.as_slice_mut() else { continue };
                for &row in &rows[offsets[j]..offsets[j + 1]] {
                    let target = self.latents.of_row(row as usize, &mut buffers);
                    for ((s, q), t) in sum.iter_mut().zip(&q).zip(target) {
                        *s += pull * (q - t.to_f64());
                    }
                }
                let total = if self.latents.unit {
                    widened_row(stored, j, &mut code, &mut q);
                    unit_back_into(&q, sum, &mut back);
                    &back[..]
                } else {
                    &sum[..]
                };
                for (o, x) in out.iter_mut().zip(total) {
                    *o = T::from_f64(*x);
                }
            }
            Ok(())
        })
    }
}
