//! All pairs of states in one pass over the samples.
//!
//! A sample is the L + 1 states of one token. Batches given at once are read where they are;
//! states that come one by one are copied, since the next one is not there yet.

use alloc::vec::Vec;

use crate::arrays::view;
use crate::backend::cpu::Cpu;
use crate::backend::{Products, Samples};
use crate::check;
use crate::control::Context;
use crate::error::*;
use crate::memory::try_all;
use crate::rows::{IntoRows, Rows};

use super::gather::{Batch, closed, complete, open};
use super::measure::measure;
use super::moments::{Moments, fresh};
use super::params::{LayerDistances, MAX_LAYERS};
use super::{LayerTable, Tokens};

impl LayerDistances {
    /// An empty stream for states of `dim` values a row.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] without layers, [`Error::Empty`] for `dim` = 0,
    /// [`Error::TooLarge`], [`Error::OutOfMemory`], and [`Error::SimdLevel`] when the environment
    /// variable `PAUCA_SIMD` names no available level.
    pub fn start(&self, dim: usize) -> Result<LayerStream> {
        self.start_on(Cpu::new()?, dim)
    }

    /// [`start`](LayerDistances::start) on a chosen machine (a SIMD level, a device; owned or lent). The machine
    /// changes no bit.
    ///
    /// # Errors
    /// As [`start`](LayerDistances::start), but for the environment.
    pub fn start_on<P: Products>(&self, products: P, dim: usize) -> Result<LayerStream<P>> {
        check::at_least_one("n_layers", self.n_layers)?;
        check::at_most("n_layers", self.n_layers, MAX_LAYERS)?;
        check::not_empty("row of a state", dim)?;
        let moments = fresh(self.n_layers, self.quantiles)?;
        Ok(LayerStream { config: self.clone(), dim, products, samples: 0, moments, batch: None })
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
    /// n L² / 2 dot products of d values; 2.6 kB for each pair of states and the quantiles' share
    /// (see [`Quantiles`](super::Quantiles)). The states are read where they are.
    pub fn fit(&self, states: &[Rows<'_>]) -> Result<LayerTable> {
        self.fit_in(states, Tokens::Rows, &Context::default())
    }

    /// [`fit`](LayerDistances::fit) of chosen tokens, in a context.
    ///
    /// # Errors
    /// As [`fit`](LayerDistances::fit), and those of [`LayerStream::begin_batch`].
    pub fn fit_in(&self, states: &[Rows<'_>], tokens: Tokens<'_>, cx: &Context<'_>) -> Result<LayerTable> {
        let mut stream = self.start(states.first().map_or(0, Rows::dim))?;
        stream.push(states, tokens, cx)?;
        stream.finish()
    }
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
pub struct LayerStream<P: Products = Cpu> {
    pub(crate) config: LayerDistances,
    pub(crate) dim: usize,
    products: P,
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
}

impl<P: Products> LayerStream<P> {
    /// Samples so far.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Takes a batch of all L + 1 states, `states[l]` being [rows, d], without a copy of them.
    ///
    /// # Errors
    /// The errors of [`begin_batch`](LayerStream::begin_batch), [`push_layer`](LayerStream::push_layer)
    /// and [`end_batch`](LayerStream::end_batch); all shapes are looked at before any value.
    pub fn push(&mut self, states: &[Rows<'_>], tokens: Tokens<'_>, cx: &Context<'_>) -> Result<()> {
        self.closed()?;
        let expected = self.config.n_layers + 1;
        let mut batch = Batch::new(tokens, 0)?;
        for state in states.iter().take(expected) {
            batch.fit(state, self.dim)?;
        }
        complete(expected, states.len())?;
        let samples = batch.samples(states)?;
        let added = measure(&self.config, &self.products, samples, cx)?;
        self.add(&added, samples.n_samples() as u64)
    }

    /// Opens a batch.
    ///
    /// # Errors
    /// [`Error::Conflict`] while another is open, [`Error::NoToken`] for a sequence of which
    /// the last token is wanted and that is all padding, [`Error::OutOfMemory`].
    pub fn begin_batch(&mut self, tokens: Tokens<'_>) -> Result<()> {
        self.closed()?;
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
            return complete(expected, expected + 1);
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
        complete(self.config.n_layers + 1, batch.states.len())?;
        let (samples, d) = (batch.n_samples(), self.dim);
        let states = try_all(batch.states.iter().map(|values| view(values, samples, d).map(Rows::F32)))?;
        let added = measure(&self.config, &self.products, Samples::new(&states, None)?, cx)?;
        self.add(&added, samples as u64)?;
        self.batch = None;
        Ok(())
    }

    /// Adds the moments of `samples` more samples.
    fn add(&mut self, moments: &[Moments], samples: u64) -> Result<()> {
        // No count of a pair exceeds that of the samples.
        let samples = check::counted("samples", self.samples, samples)?;
        for (into, from) in self.moments.iter_mut().zip(moments) {
            into.reserve(from.stored())?;
        }
        for (into, from) in self.moments.iter_mut().zip(moments) {
            into.merge(from);
        }
        self.samples = samples;
        Ok(())
    }

    /// Adds everything that `other`, of the same configuration and on any machine, has counted. Any
    /// order and grouping of merges gives the same bits.
    ///
    /// # Errors
    /// [`Error::Conflict`] for another configuration and while a batch is open in either,
    /// [`Error::ShapeMismatch`] for rows of another length, [`Error::TooLarge`] for more samples than integers
    /// count, [`Error::OutOfMemory`].
    pub fn merge<Q: Products>(&mut self, other: &LayerStream<Q>) -> Result<()> {
        self.closed()?;
        other.closed()?;
        let why = "they differ in layers, metric or kind of quantiles";
        check::conflict(self.config == other.config, "this stream", "the other one", why)?;
        check::same_length("row of the other stream", self.dim, other.dim)?;
        self.add(&other.moments, other.samples)
    }

    /// The table of all samples so far; the stream can go on.
    ///
    /// # Errors
    /// [`Error::Conflict`] while a batch is open, [`Error::OutOfMemory`].
    pub fn finish(&self) -> Result<LayerTable> {
        self.closed()?;
        LayerTable::new(&self.config, self.samples, &self.moments)
    }

    pub(crate) fn closed(&self) -> Result<()> {
        closed(&self.batch)
    }
}
