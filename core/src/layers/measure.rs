//! The distances of a batch: one pass over its samples.
//!
//! All dot products of a sample come from [`Products::pair_dots`], which has the bits of the
//! definition on every machine; each distance takes the place of one that has been read. Only
//! rows that are nearly parallel are looked at twice. Samples are cut into pieces of a fixed size, one
//! task each; what is kept of the values is exact sums, which do not depend on the cut.

use alloc::vec::Vec;

use super::LayerMetric;
use super::angle::Chords;
use super::gather::check_all;
use super::moments::{Moments, fresh};
use super::params::LayerDistances;
use crate::backend::{Products, Samples};
use crate::control::{Context, Job, Stage};
use crate::error::{Error, Result};
use crate::exact::elementary::half_turns_all;
use crate::memory::{try_capacity, try_collect, try_vec};

/// Dot products in memory at a time, at most, but for those of one sample.
const WAVE_VALUES: usize = 4 << 20;
/// Dot products of one piece, which is a task, at most, but for those of one sample.
const PIECE: usize = 1 << 14;

/// What the samples add to the moments of each pair of states.
pub(crate) fn measure(
    config: &LayerDistances,
    products: &impl Products,
    samples: Samples<'_, '_>,
    cx: &Context<'_>,
) -> Result<Vec<Moments>> {
    let mut added = fresh(config.n_layers, config.quantiles)?;
    let (total, square) = (samples.n_samples(), samples.n_states() * samples.n_states());
    let wave = (WAVE_VALUES / square).clamp(1, total.max(1));
    let mut values = try_vec(wave.min(total) * square, 0.0f64)?;
    for first in (0..total).step_by(wave) {
        cx.control.poll(Stage::Layers, first as u64, total as u64)?;
        let range = first..total.min(first + wave);
        let values = &mut values[..range.len() * square];
        // The machine looks at whole samples; the error names the first value state by state.
        products.pair_dots(samples, range, values, cx).map_err(|error| match error {
            Error::NonFiniteState { .. } => check_all(samples).err().unwrap_or(error),
            other => other,
        })?;
        distances(config.metric, samples, first, values, cx)?;
        collect(&mut added, values, square, cx)?;
    }
    cx.control.poll(Stage::Layers, total as u64, total as u64)?;
    Ok(added)
}

/// Turns the dot products of the samples from `first` on, [samples, states, states], into the
/// distances of the pairs, [samples, pairs] at the beginning of each piece; NaN for a pair with a
/// state of zeros.
fn distances(
    metric: LayerMetric,
    samples: Samples<'_, '_>,
    first: usize,
    values: &mut [f64],
    cx: &Context<'_>,
) -> Result<()> {
    let (n, d) = (samples.n_states(), samples.dim());
    let rows = piece(n * n);
    let mut jobs = try_capacity(values.len().div_ceil(rows * n * n))?;
    let pieces = values.chunks_mut(rows * n * n).enumerate();
    jobs.extend(pieces.map(|(i, values)| Job::new((first + i * rows, values))));
    // A distance takes about as long as a hundred multiply-adds of the kernels.
    cx.in_waves(&mut jobs, (rows * n * n * 50) as u64, |(first, values)| {
        let (mut x, mut y) = (try_vec(d, 0.0)?, try_vec(d, 0.0)?);
        let mut pair = 0;
        for i in 0..values.len() / (n * n) {
            let at = i * n * n;
            for l in 0..n {
                // Pair (l, m) is written before at + l n + m: over what has been read.
                let own = values[at + l * n + l];
                for m in l + 1..n {
                    let products = [own, values[at + m * n + m], values[at + l * n + m]];
                    values[pair] = if products[0] > 0.0 && products[1] > 0.0 {
                        let chords = match Chords::far(products) {
                            Some(chords) => chords,
                            None => Chords::near(
                                samples.row(l, *first + i, &mut x)?,
                                samples.row(m, *first + i, &mut y)?,
                                products,
                            ),
                        };
                        match metric {
                            LayerMetric::Angular => chords.tangent(),
                            LayerMetric::Cosine => chords.cosine_distance(),
                        }
                    } else {
                        f64::NAN
                    };
                    pair += 1;
                }
            }
        }
        if metric == LayerMetric::Angular {
            half_turns_all(&mut values[..pair]);
        }
        Ok(())
    })
}

/// Samples of a piece.
fn piece(square: usize) -> usize {
    (PIECE / square).max(1)
}

/// Adds `values` as [`distances`] left them to the moments of their pairs.
fn collect(moments: &mut [Moments], values: &[f64], square: usize, cx: &Context<'_>) -> Result<()> {
    /// Pairs of one task.
    const PAIRS: usize = 16;
    let (samples, pairs) = (values.len() / square, moments.len());
    let mut jobs =
        try_collect(moments.chunks_mut(PAIRS).enumerate().map(|(i, out)| Job::new((i * PAIRS, out))))?;
    // An exact addition takes about as long as twenty multiply-adds; there are four a value.
    cx.in_waves(&mut jobs, (samples * PAIRS * 80) as u64, |(first, moments)| {
        moments.iter_mut().try_for_each(|moments| moments.reserve(samples))?;
        let pieces = values.chunks(piece(square) * square);
        for sample in pieces.flat_map(|piece| piece[..piece.len() / square * pairs].chunks_exact(pairs)) {
            moments.iter_mut().zip(&sample[*first..]).for_each(|(moments, value)| moments.add(*value));
        }
        Ok(())
    })
}
