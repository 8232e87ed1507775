//! All pairs of states in one pass over the samples.
//!
//! A sample is the L + 1 states of one token. Its rows are widened to `f64` once, and each pair
//! costs one dot product; only pairs that are nearly parallel are looked at twice. Batches are
//! cut into pieces of a fixed size, one task each; what is kept of the values is exact sums,
//! which do not depend on the cut.

use alloc::vec::Vec;

use crate::control::{Context, Job};
use crate::error::{Error, Result, try_capacity, try_vec};
use crate::exact::dot_wide;
use crate::exact::float::widen;
use crate::rows::{IntoRows, Rows};

use super::angle::Chords;
use super::gather::{Batch, open};
use super::moments::Moments;
use super::{LayerMetric, LayerTable, Quantiles, Tokens};

/// More layers than any network has; keeps the number of pairs far from overflow.
pub(crate) const MAX_LAYERS: usize = 1 << 16;
/// Values measured between two looks at the control, at most.
const WAVE_VALUES: usize = 4 << 20;
/// Multiply-adds of one task, about.
const TASK: usize = 1 << 22;

/// Distances between all pairs of hidden states: parameters.
///
/// # Example
/// ```
/// use pauca::Rows;
/// use pauca::layers::{Keep, LayerDistances};
/// // Two samples; three layers, of which the middle one only stretches.
/// let states = [
///     ndarray::array![[1.0f32, 0.0], [0.0, 1.0]],
///     ndarray::array![[1.0f32, 1.0], [-1.0, 1.0]],
///     ndarray::array![[3.0f32, 3.0], [-5.0, 5.0]],
///     ndarray::array![[0.0f32, 1.0], [-1.0, 0.0]],
/// ];
/// let table = LayerDistances::new(3).fit(&states.each_ref().map(|s| Rows::F32(s.view())))?;
/// assert_eq!(table.distance(1, 1), Some(0.0));
/// assert_eq!(table.best_block(1, Keep::default())?.block.layers(), 1..2);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LayerDistances {
    n_layers: usize,
    metric: LayerMetric,
    quantiles: Quantiles,
}

impl LayerDistances {
    /// For a network of `n_layers` layers, whose samples have `n_layers + 1` states. Angular
    /// distance, exact quantiles.
    pub fn new(n_layers: usize) -> Self {
        Self { n_layers, metric: LayerMetric::Angular, quantiles: Quantiles::Exact }
    }

    /// What is measured.
    pub fn metric(mut self, metric: LayerMetric) -> Self {
        self.metric = metric;
        self
    }

    /// How the spread of the values is kept.
    pub fn quantiles(mut self, quantiles: Quantiles) -> Self {
        self.quantiles = quantiles;
        self
    }

    /// An empty stream for states of `dim` values a row.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] without layers, [`Error::Empty`] for `dim` = 0,
    /// [`Error::TooLarge`], [`Error::OutOfMemory`].
    pub fn start(&self, dim: usize) -> Result<LayerStream> {
        let (n_layers, limit) = (self.n_layers, MAX_LAYERS);
        if n_layers == 0 {
            let (name, value) = ("n_layers", 0.0);
            return Err(Error::InvalidParameter { name, value, expected: "at least 1" });
        }
        if n_layers > limit {
            return Err(Error::TooLarge { what: "n_layers", size: n_layers, limit });
        }
        if dim == 0 {
            return Err(Error::Empty { what: "row of a state" });
        }
        let moments = fresh(n_layers, self.quantiles)?;
        Ok(LayerStream { config: self.clone(), dim, samples: 0, moments, batch: None })
    }

    /// The table of whole states, given at once: `states[l]` is [samples, d], l = 0..=L.
    ///
    /// # Shapes
    /// L + 1 states of n rows of d values each.
    /// # Tier
    /// A.
    /// # Errors
    /// [`Error::ShapeMismatch`], [`Error::NonFiniteState`] with the state, row and column of the
    /// first NaN or infinity, and as [`start`](LayerDistances::start).
    /// # Cost
    /// n L² / 2 dot products of d values; 1.3 kB for each pair of states, the states once as
    /// `f32`, and the quantiles' share (see [`Quantiles`]).
    pub fn fit(&self, states: &[Rows<'_>]) -> Result<LayerTable> {
        self.fit_on(states, Tokens::Rows, &Context::default())
    }

    /// The same for chosen tokens, on chosen threads, watched.
    ///
    /// # Errors
    /// As [`fit`](LayerDistances::fit), and those of [`LayerStream::begin_batch`].
    pub fn fit_on(&self, states: &[Rows<'_>], tokens: Tokens<'_>, cx: &Context<'_>) -> Result<LayerTable> {
        let mut stream = self.start(states.first().map_or(0, Rows::dim))?;
        stream.push(states, tokens, cx)?;
        stream.finish()
    }
}

/// As many empty moments as there are pairs of states.
pub(crate) fn fresh(n_layers: usize, quantiles: Quantiles) -> Result<Vec<Moments>> {
    let pairs = n_layers * (n_layers + 1) / 2;
    let mut moments = try_capacity(pairs)?;
    for _ in 0..pairs {
        moments.push(Moments::new(quantiles)?);
    }
    Ok(moments)
}

/// Place of the pair of states l < m among all pairs of L + 1 states.
pub(crate) fn pair(n_layers: usize, l: usize, m: usize) -> usize {
    // State 0 has L partners above it, state 1 has L - 1, ...
    l * (2 * n_layers + 1 - l) / 2 + (m - l - 1)
}

/// Distances in the making: takes batches, all layers at once or layer by layer as the hooks of
/// a framework deliver them; merges with the streams of other shards.
///
/// On an error the stream is what it was before the call. Batches, their order, their sizes,
/// threads and merging never change a bit of the table. The library does not know tokens that
/// were pushed twice.
///
/// ```
/// use pauca::Context;
/// use pauca::layers::{LayerDistances, Tokens};
/// let cx = Context::default();
/// let config = LayerDistances::new(1);
/// // Two sequences of two positions; the second is padded on the right.
/// let mask = ndarray::array![[true, true], [true, false]];
/// let mut stream = config.start(2)?;
/// stream.begin_batch(Tokens::Last(mask.view()))?;
/// stream.push_layer(&ndarray::array![[9.0f32, 9.0], [1.0, 0.0], [2.0, 0.0], [7.0, 7.0]])?;
/// stream.push_layer(&ndarray::array![[9.0f32, 9.0], [0.0, 1.0], [0.0, 2.0], [7.0, 7.0]])?;
/// stream.end_batch(&cx)?;
/// let table = stream.finish()?;
/// assert_eq!((table.samples, table.distance(0, 1)), (2, Some(0.5)));
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LayerStream {
    pub(crate) config: LayerDistances,
    pub(crate) dim: usize,
    pub(crate) samples: u64,
    pub(crate) moments: Vec<Moments>,
    batch: Option<Batch>,
}

impl LayerStream {
    /// A stream with what another one had counted.
    pub(crate) fn restore(
        config: LayerDistances,
        dim: usize,
        samples: u64,
        moments: Vec<Moments>,
    ) -> Result<Self> {
        Ok(Self { samples, moments, ..config.start(dim)? })
    }

    /// Samples so far.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Takes a batch of all L + 1 states, `states[l]` being [rows, d].
    ///
    /// # Errors
    /// Those of [`begin_batch`](LayerStream::begin_batch), [`push_layer`](LayerStream::push_layer)
    /// and [`end_batch`](LayerStream::end_batch).
    pub fn push(&mut self, states: &[Rows<'_>], tokens: Tokens<'_>, cx: &Context<'_>) -> Result<()> {
        self.begin_batch(tokens)?;
        let pushed = states.iter().try_for_each(|state| self.push_layer(*state));
        let done = pushed.and_then(|()| self.end_batch(cx));
        if done.is_err() {
            self.abort_batch();
        }
        done
    }

    /// Opens a batch.
    ///
    /// # Errors
    /// [`Error::Conflict`] while another is open, [`Error::NoToken`] for a sequence of which
    /// the last token is wanted and that is all padding, [`Error::OutOfMemory`].
    pub fn begin_batch(&mut self, tokens: Tokens<'_>) -> Result<()> {
        if self.batch.is_some() {
            return Err(Error::Conflict {
                first: "begin_batch",
                second: "an open batch",
                why: "end_batch or abort_batch comes first",
            });
        }
        self.batch = Some(Batch::new(tokens, self.config.n_layers + 1)?);
        Ok(())
    }

    /// Takes the next state of the open batch: first the embedding output, then the output of
    /// each layer, [rows, d]. The rows that count are copied.
    ///
    /// # Errors
    /// [`Error::Conflict`] without an open batch, [`Error::ShapeMismatch`] for a state of another
    /// shape or one too many, [`Error::NonFiniteState`], [`Error::OutOfMemory`].
    pub fn push_layer<'a>(&mut self, state: impl IntoRows<'a>) -> Result<()> {
        let rows = state.into_rows()?;
        let expected = self.config.n_layers + 1;
        let batch = open(&mut self.batch)?;
        if batch.states.len() == expected {
            return Err(Error::ShapeMismatch { what: "states of a batch", expected, found: expected + 1 });
        }
        batch.push(&rows, self.dim)
    }

    /// Forgets the open batch, if there is one.
    pub fn abort_batch(&mut self) {
        self.batch = None;
    }

    /// Measures the open batch and closes it.
    ///
    /// # Errors
    /// [`Error::Conflict`] without an open batch, [`Error::ShapeMismatch`] when states are
    /// missing, [`Error::Cancelled`], [`Error::OutOfMemory`]; the batch then stays open.
    pub fn end_batch(&mut self, cx: &Context<'_>) -> Result<()> {
        let batch = open(&mut self.batch)?;
        let (expected, found) = (self.config.n_layers + 1, batch.states.len());
        if expected != found {
            return Err(Error::ShapeMismatch { what: "states of a batch", expected, found });
        }
        let samples = batch.n_samples();
        let mut added = fresh(self.config.n_layers, self.config.quantiles)?;
        let pairs = added.len();
        let wave = (WAVE_VALUES / pairs).clamp(1, samples.max(1));
        let mut values = try_vec(wave.min(samples) * pairs, 0.0f64)?;
        let mut done = 0;
        while done < samples {
            cx.control.poll("layers", done as u64, samples as u64)?;
            let rows = wave.min(samples - done);
            let values = &mut values[..rows * pairs];
            let measure = Measure { states: &batch.states, dim: self.dim, metric: self.config.metric };
            measure.run(done, values, pairs, cx)?;
            collect(&mut added, values, rows, cx)?;
            done += rows;
        }
        cx.control.poll("layers", samples as u64, samples as u64)?;
        for (into, from) in self.moments.iter_mut().zip(&added) {
            into.reserve(from.stored())?;
        }
        for (into, from) in self.moments.iter_mut().zip(&added) {
            into.merge(from);
        }
        self.samples += samples as u64;
        self.batch = None;
        Ok(())
    }

    /// Adds everything that `other`, of the same configuration, has counted. Any order and
    /// grouping of merges gives the same bits.
    ///
    /// # Errors
    /// [`Error::Conflict`] for another configuration and while a batch is open in either,
    /// [`Error::ShapeMismatch`] for rows of another length, [`Error::OutOfMemory`].
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.closed()?;
        other.closed()?;
        if self.config != other.config {
            let why = "they differ in layers, metric or kind of quantiles";
            return Err(Error::Conflict { first: "this stream", second: "the other one", why });
        }
        if self.dim != other.dim {
            let (expected, found) = (self.dim, other.dim);
            return Err(Error::ShapeMismatch { what: "row of the other stream", expected, found });
        }
        for (into, from) in self.moments.iter_mut().zip(&other.moments) {
            into.reserve(from.stored())?;
        }
        for (into, from) in self.moments.iter_mut().zip(&other.moments) {
            into.merge(from);
        }
        self.samples += other.samples;
        Ok(())
    }

    /// The table of all samples so far; the stream can go on.
    ///
    /// # Errors
    /// [`Error::Conflict`] while a batch is open, [`Error::OutOfMemory`].
    pub fn finish(&self) -> Result<LayerTable> {
        self.closed()?;
        LayerTable::new(self)
    }

    pub(crate) fn closed(&self) -> Result<()> {
        match self.batch {
            None => Ok(()),
            Some(_) => Err(Error::Conflict {
                first: "this call",
                second: "an open batch",
                why: "end_batch or abort_batch comes first",
            }),
        }
    }

    pub(crate) fn n_layers(&self) -> usize {
        self.config.n_layers
    }

    pub(crate) fn metric(&self) -> LayerMetric {
        self.config.metric
    }

    pub(crate) fn quantiles(&self) -> Quantiles {
        self.config.quantiles
    }
}

/// The states of a batch, seen sample by sample.
struct Measure<'a> {
    states: &'a [Vec<f32>],
    dim: usize,
    metric: LayerMetric,
}

impl Measure<'_> {
    /// The values of the samples from `first` on into `values`, [samples, pairs].
    fn run(&self, first: usize, values: &mut [f64], pairs: usize, cx: &Context<'_>) -> Result<()> {
        let cost = pairs.saturating_mul(self.dim);
        let rows = (TASK / cost.max(1)).clamp(1, 64);
        let mut jobs = try_capacity(values.len().div_ceil(rows * pairs))?;
        let pieces = values.chunks_mut(rows * pairs).enumerate();
        jobs.extend(pieces.map(|(i, out)| Job::new((first + i * rows, out))));
        cx.in_waves(&mut jobs, (rows * cost) as u64, |(first, out)| {
            let mut wide = try_vec(self.states.len() * self.dim, 0.0)?;
            let mut squares = try_vec(self.states.len(), 0.0)?;
            for (i, out) in out.chunks_exact_mut(pairs).enumerate() {
                self.sample(*first + i, &mut wide, &mut squares, out);
            }
            Ok(())
        })
    }

    /// The values of one sample; NaN for a pair with a state of zeros.
    fn sample(&self, i: usize, wide: &mut [f64], squares: &mut [f64], out: &mut [f64]) {
        let d = self.dim;
        for ((state, wide), square) in self.states.iter().zip(wide.chunks_exact_mut(d)).zip(&mut *squares) {
            for (to, from) in wide.iter_mut().zip(&state[i * d..(i + 1) * d]) {
                *to = widen(*from);
            }
            *square = dot_wide(wide, wide);
        }
        let rows = || wide.chunks_exact(d).zip(&*squares);
        let mut out = out.iter_mut();
        for (l, (x, &xx)) in rows().enumerate() {
            for ((y, &yy), out) in rows().skip(l + 1).zip(&mut out) {
                *out = if xx > 0.0 && yy > 0.0 {
                    Chords::between(x, y, |v| v, [xx, yy, dot_wide(x, y)]).measure(self.metric)
                } else {
                    f64::NAN
                };
            }
        }
    }
}

/// Adds `values` [rows, pairs] to the moments of their pairs.
fn collect(moments: &mut [Moments], values: &[f64], rows: usize, cx: &Context<'_>) -> Result<()> {
    /// Pairs of one task.
    const PAIRS: usize = 16;
    let pairs = moments.len();
    let mut jobs = try_capacity(pairs.div_ceil(PAIRS))?;
    jobs.extend(moments.chunks_mut(PAIRS).enumerate().map(|(i, out)| Job::new((i * PAIRS, out))));
    // An exact addition takes about as long as twenty multiply-adds; there are five a value.
    cx.in_waves(&mut jobs, (rows * PAIRS * 100) as u64, |(first, moments)| {
        for (p, moments) in moments.iter_mut().enumerate() {
            moments.reserve(rows)?;
            values.iter().skip(*first + p).step_by(pairs).for_each(|value| moments.add(*value));
        }
        Ok(())
    })
}
