//! Products of blocks that only some algorithms need, each with a default on the CPU.
//!
//! | operation | for |
//! |---|---|
//! | [`pair_dots`](Products::pair_dots) | distances between layers: tier A |
//! | [`host`](Products::host) | everything that is made on the CPU, CKA's products among it: tier C |
//!
//! **Why CKA's products of matrices are no operation.** A Gram is made from tiles of 64 rows within a
//! thread's task, too little for a device to be asked; and sums over features have asked for all
//! their memory, the packed sides of all products included, before the first of them changes, so
//! that a batch without memory leaves the stream as it was. A product of whole batches would
//! store the Grams, or could fail half-way.

use core::ops::Range;

use super::cpu::{Cpu, PairDots};
use crate::check;
use crate::control::{Context, Job};
use crate::error::{Error, Result};
use crate::memory::{try_capacity, try_vec};
use crate::rows::Rows;

/// Multiply-adds of one task, about.
const TASK: usize = 1 << 24;

/// Samples that are a row of several states each: hidden states of tokens, layer by layer.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'s, 'r> {
    /// All of the same shape.
    states: &'s [Rows<'r>],
    /// Rows of a state that are samples; `None`: all.
    chosen: Option<&'s [usize]>,
}

impl<'s, 'r> Samples<'s, 'r> {
    /// The rows `chosen` of `states`, or all.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] for states of different shapes and for a row outside them.
    pub fn new(states: &'s [Rows<'r>], chosen: Option<&'s [usize]>) -> Result<Self> {
        let samples = Self { states, chosen: None };
        let rows = samples.n_samples();
        for state in states {
            check::same_length("state", rows, state.n_rows())?;
            check::same_length("row of a state", samples.dim(), state.dim())?;
        }
        check::indices(chosen.unwrap_or(&[]), rows)?;
        Ok(Self { states, chosen })
    }

    /// How many samples.
    pub fn n_samples(&self) -> usize {
        self.chosen.map_or(self.states.first().map_or(0, Rows::n_rows), <[usize]>::len)
    }

    /// How many states each has.
    pub fn n_states(&self) -> usize {
        self.states.len()
    }

    /// Values of a row.
    pub fn dim(&self) -> usize {
        self.states.first().map_or(0, Rows::dim)
    }

    /// Row of the states that sample `i` is.
    pub(crate) fn index(&self, i: usize) -> usize {
        self.chosen.map_or(i, |chosen| chosen.get(i).copied().unwrap_or(usize::MAX))
    }

    /// Sample `i` of a state, as [`Rows::row`] gives it.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] for no such state or sample, and for a short buffer.
    pub fn row<'b>(&'b self, state: usize, i: usize, buffer: &'b mut [f32]) -> Result<&'b [f32]> {
        let (what, expected) = ("state index", self.states.len());
        let rows = self.states.get(state).ok_or(Error::ShapeMismatch { what, expected, found: state })?;
        rows.row(self.index(i), buffer)
    }
}

/// A machine that makes the products of some algorithms. `impl Products for Gpu {}` is complete: what a machine
/// does not make the CPU does, and an operation that is added later breaks no machine.
///
/// # Example
/// ```
/// use pauca::backend::{Products, Samples};
/// use pauca::{Context, Rows};
/// struct Host;
/// impl Products for Host {}
/// let (x, y) = (ndarray::array![[3.0f32, 4.0]], ndarray::array![[1.0f32, 2.0]]);
/// let states = [Rows::F32(x.view()), Rows::F32(y.view())];
/// let mut dots = [0.0; 4];
/// Host.pair_dots(Samples::new(&states, None)?, 0..1, &mut dots, &Context::default())?;
/// assert_eq!((dots[0], dots[1], dots[3]), (25.0, 11.0, 5.0));
/// # Ok::<(), pauca::Error>(())
/// ```
pub trait Products: Sync {
    /// The CPU that does what this machine does not.
    ///
    /// # Errors
    /// [`Error::SimdLevel`], as [`Cpu::new`].
    fn host(&self) -> Result<Cpu> {
        Cpu::new()
    }

    /// Dot products of all pairs of states of the samples in `range`:
    /// `out[(i * n + l) * n + m]` = dot(x_l, x_m) by the definition, [`dot64`](crate::exact::dot64), for the i-th of
    /// these samples and l <= m < n, the number of states. What stands there for l > m is left alone or
    /// overwritten. Tier A.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`] where `out` has another length or the range leaves the samples.
    /// [`Error::NonFiniteState`], whatever it names, when a value of these samples is NaN or infinite: the
    /// caller looks for the first one. [`Error::OutOfMemory`], [`Error::Cancelled`], [`Error::Device`]; after any
    /// of them `out` holds anything.
    /// # Cost
    /// The default takes n² d / 2 multiply-adds a sample, and for each thread 8 (n + 6)(d + 528) + 80 n² bytes,
    /// about.
    fn pair_dots(
        &self,
        samples: Samples<'_, '_>,
        range: Range<usize>,
        out: &mut [f64],
        cx: &Context<'_>,
    ) -> Result<()> {
        let (cpu, n, d) = (self.host()?, samples.n_states(), samples.dim());
        let square = n.saturating_mul(n);
        check::same_length("dot products", range.len().saturating_mul(square), out.len())?;
        if out.is_empty() {
            return Ok(());
        }
        let cost = (square / 2).saturating_mul(d).max(1);
        let rows = (TASK / cost).clamp(1, 64);
        let mut jobs = try_capacity(range.len().div_ceil(rows))?;
        let pieces = out.chunks_mut(rows * square).enumerate();
        jobs.extend(pieces.map(|(piece, out)| Job::new((range.start + piece * rows, out))));
        // The kernel does about four multiply-adds in the time of a plain one.
        cx.in_waves(&mut jobs, (rows * cost / 4) as u64, |(first, out)| {
            let (mut rows, mut buffer) = (PairDots::new(&cpu, n, d)?, try_vec(d, 0.0)?);
            out.chunks_exact_mut(square).enumerate().try_for_each(|(i, out)| {
                for state in 0..n {
                    if !rows.set(state, samples.row(state, *first + i, &mut buffer)?) {
                        return Err(Error::NonFiniteState { state, row: (*first + i) as u64, col: 0 });
                    }
                }
                rows.dots(out);
                Ok(())
            })
        })
    }
}

impl Products for Cpu {
    fn host(&self) -> Result<Cpu> {
        Ok(*self)
    }
}

/// A machine that is lent.
impl<P: Products + ?Sized> Products for &P {
    fn host(&self) -> Result<Cpu> {
        P::host(self)
    }

    fn pair_dots(
        &self,
        samples: Samples<'_, '_>,
        range: Range<usize>,
        out: &mut [f64],
        cx: &Context<'_>,
    ) -> Result<()> {
        P::pair_dots(self, samples, range, out, cx)
    }
}
