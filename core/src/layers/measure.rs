//! The distances of a batch: one pass over its samples.
//!
//! The states of a sample are widened once; all their dot products come from one kernel
//! ([`PairDots`]), which has the bits of the definition at every SIMD level. Only pairs that are
//! nearly parallel are looked at twice. Samples are cut into pieces of a fixed size, one task
//! each; what is kept of the values is exact sums, which do not depend on the cut.

use alloc::vec::Vec;

use super::LayerMetric;
use super::angle::Chords;
use super::gather::Samples;
use super::moments::{Moments, fresh};
use super::params::LayerDistances;
use crate::backend::cpu::{Cpu, PairDots};
use crate::control::{Context, Job};
use crate::error::{Error, Result};
use crate::exact::elementary::half_turns_all;
use crate::memory::{try_capacity, try_vec};

/// Values measured between two looks at the control, at most.
const WAVE_VALUES: usize = 4 << 20;
/// Multiply-adds of one task, about.
const TASK: usize = 1 << 24;

/// What the samples add to the moments of each pair of states.
pub(crate) fn measure(
    config: &LayerDistances,
    cpu: &Cpu,
    samples: Samples<'_, '_>,
    cx: &Context<'_>,
) -> Result<Vec<Moments>> {
    let mut added = fresh(config.n_layers, config.quantiles)?;
    let pairs = added.len();
    let wave = (WAVE_VALUES / pairs).clamp(1, samples.n.max(1));
    let mut values = try_vec(wave.min(samples.n) * pairs, 0.0f64)?;
    let mut done = 0;
    while done < samples.n {
        cx.control.poll("layers", done as u64, samples.n as u64)?;
        let rows = wave.min(samples.n - done);
        let values = &mut values[..rows * pairs];
        Pass { samples, cpu, metric: config.metric }.run(done, values, pairs, cx)?;
        collect(&mut added, values, cx)?;
        done += rows;
    }
    cx.control.poll("layers", samples.n as u64, samples.n as u64)?;
    Ok(added)
}

struct Pass<'a, 'r> {
    samples: Samples<'a, 'r>,
    cpu: &'a Cpu,
    metric: LayerMetric,
}

/// What a task needs for one sample after the other.
struct Work {
    rows: PairDots,
    /// [states, states]; above the diagonal and on it.
    dots: Vec<f64>,
    /// Two rows that are nearly parallel.
    near: [Vec<f64>; 2],
    buffer: Vec<f32>,
}

impl Pass<'_, '_> {
    /// The values of the samples from `first` on into `values`, [samples, pairs].
    fn run(&self, first: usize, values: &mut [f64], pairs: usize, cx: &Context<'_>) -> Result<()> {
        let cost = pairs.saturating_mul(self.samples.dim());
        let rows = (TASK / cost.max(1)).clamp(1, 64);
        let mut jobs = try_capacity(values.len().div_ceil(rows * pairs))?;
        let pieces = values.chunks_mut(rows * pairs).enumerate();
        jobs.extend(pieces.map(|(i, out)| Job::new((first + i * rows, out))));
        // The kernel does about four multiply-adds in the time of a plain one.
        let done = cx.in_waves(&mut jobs, (rows * cost / 4) as u64, |(first, out)| {
            let (n, d) = (self.samples.states.len(), self.samples.dim());
            let mut work = Work {
                rows: PairDots::new(self.cpu, n, d)?,
                dots: try_vec(n * n, 0.0)?,
                near: [try_vec(d, 0.0)?, try_vec(d, 0.0)?],
                buffer: try_vec(d, 0.0)?,
            };
            out.chunks_exact_mut(pairs)
                .enumerate()
                .try_for_each(|(i, out)| self.sample(*first + i, &mut work, out))
        });
        // Tasks look at whole samples; the error names the first value state by state.
        done.map_err(|error| match error {
            Error::NonFiniteState { .. } => self.samples.check().err().unwrap_or(error),
            other => other,
        })
    }

    /// The values of one sample; NaN for a pair with a state of zeros.
    fn sample(&self, i: usize, work: &mut Work, out: &mut [f64]) -> Result<()> {
        let Work { rows, dots, near, buffer } = work;
        let n = self.samples.states.len();
        for state in 0..n {
            if !rows.set(state, self.samples.row(state, i, buffer)) {
                return Err(Error::NonFiniteState { state, row: i as u64, col: 0 });
            }
        }
        rows.dots(dots);
        let mut values = out.iter_mut();
        for l in 0..n {
            for (m, value) in (l + 1..n).zip(&mut values) {
                let products = [dots[l * n + l], dots[m * n + m], dots[l * n + m]];
                *value = if products[0] > 0.0 && products[1] > 0.0 {
                    let chords = Chords::far(products).unwrap_or_else(|| {
                        let [x, y] = &mut *near;
                        rows.get(l, x);
                        rows.get(m, y);
                        Chords::near(x, y, |v| v, products)
                    });
                    match self.metric {
                        LayerMetric::Angular => chords.tangent(),
                        LayerMetric::Cosine => chords.cosine_distance(),
                    }
                } else {
                    f64::NAN
                };
            }
        }
        if self.metric == LayerMetric::Angular {
            half_turns_all(out);
        }
        Ok(())
    }
}

/// Adds `values` [samples, pairs] to the moments of their pairs.
fn collect(moments: &mut [Moments], values: &[f64], cx: &Context<'_>) -> Result<()> {
    /// Pairs of one task.
    const PAIRS: usize = 16;
    let pairs = moments.len();
    let samples = values.len() / pairs;
    let mut jobs = try_capacity(pairs.div_ceil(PAIRS))?;
    jobs.extend(moments.chunks_mut(PAIRS).enumerate().map(|(i, out)| Job::new((i * PAIRS, out))));
    // An exact addition takes about as long as twenty multiply-adds; there are four a value.
    cx.in_waves(&mut jobs, (samples * PAIRS * 80) as u64, |(first, moments)| {
        moments.iter_mut().try_for_each(|moments| moments.reserve(samples))?;
        for sample in values.chunks_exact(pairs) {
            moments.iter_mut().zip(&sample[*first..]).for_each(|(moments, value)| moments.add(*value));
        }
        Ok(())
    })
}
