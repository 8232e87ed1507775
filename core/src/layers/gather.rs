//! One batch of hidden states, taken in layer by layer: which rows count, and their values.

use alloc::vec::Vec;

use ndarray::ArrayView2;

use crate::backend::Samples;
use crate::check;
use crate::error::{Error, Result};
use crate::exact::float::finite;
use crate::memory::{area, try_capacity, try_vec};
use crate::rows::Rows;

/// Which rows of the states of a batch are samples.
///
/// A batch of s sequences of t positions is given as [s t, d] rows, position by position,
/// sequence by sequence; the mask [s, t] is true at real tokens and false at padding. The rows at
/// padding are never looked at, whatever they hold.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Tokens<'a> {
    /// Every row is a sample.
    Rows,
    /// The last real token of each sequence, with padding on either side: the only one that has
    /// seen the whole text. Gromov et al. 2024 use it.
    Last(ArrayView2<'a, bool>),
    /// All real tokens: block influence is a mean over them.
    Real(ArrayView2<'a, bool>),
}

/// The position of the last real token of each sequence: the last `true` of each row of the mask
/// [sequences, positions], so right for padding on either side.
///
/// # Errors
/// [`Error::NoToken`] for a sequence that is all padding.
///
/// ```
/// let mask = ndarray::array![[true, true, false], [false, true, true]];
/// assert_eq!(pauca::layers::last_tokens(mask.view())?, [1, 2]);
/// # Ok::<(), pauca::Error>(())
/// ```
pub fn last_tokens(mask: ArrayView2<'_, bool>) -> Result<Vec<usize>> {
    let mut last = try_capacity(mask.nrows())?;
    for (sequence, row) in mask.rows().into_iter().enumerate() {
        let at = row.iter().rposition(|real| *real);
        last.push(at.ok_or(Error::NoToken { sequence: sequence as u64 })?);
    }
    Ok(last)
}

/// The batch being taken in.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// Rows of a state that count; `None`: all.
    chosen: Option<Vec<usize>>,
    /// Rows of each state, once known.
    n_rows: Option<usize>,
    /// Values of the rows that count, for each state so far.
    pub(crate) states: Vec<Vec<f32>>,
}

impl Batch {
    pub(crate) fn new(tokens: Tokens<'_>, n_states: usize) -> Result<Self> {
        let states = try_capacity(n_states)?;
        let (mask, last) = match tokens {
            Tokens::Rows => return Ok(Self { chosen: None, n_rows: None, states }),
            Tokens::Last(mask) => (mask, true),
            Tokens::Real(mask) => (mask, false),
        };
        let (sequences, positions) = mask.dim();
        // A mask of that many elements exists, so its size is no overflow.
        let chosen = if last {
            let mut rows = last_tokens(mask)?;
            rows.iter_mut().enumerate().for_each(|(i, at)| *at += i * positions);
            rows
        } else {
            let mut rows = try_capacity(mask.iter().filter(|real| **real).count())?;
            rows.extend(mask.iter().enumerate().filter(|(_, real)| **real).map(|(i, _)| i));
            rows
        };
        Ok(Self { chosen: Some(chosen), n_rows: Some(sequences * positions), states })
    }

    /// Samples in this batch, once the first state is there.
    pub(crate) fn n_samples(&self) -> usize {
        self.chosen.as_ref().map_or(self.n_rows.unwrap_or(0), Vec::len)
    }

    /// Takes note of the next state, of `dim` values a row; the first one fixes the number of rows.
    pub(crate) fn fit(&mut self, rows: &Rows<'_>, dim: usize) -> Result<()> {
        check::same_length("row of a state", dim, rows.dim())?;
        let found = rows.n_rows();
        check::same_length("state", self.n_rows.unwrap_or(found), found)?;
        self.n_rows = Some(found);
        Ok(())
    }

    /// Takes in a copy of the next state, of `dim` values a row.
    pub(crate) fn push(&mut self, rows: &Rows<'_>, dim: usize) -> Result<()> {
        let before = self.n_rows;
        self.fit(rows, dim)?;
        let copied = self.copy(rows, dim);
        if copied.is_err() {
            self.n_rows = before;
        }
        self.states.push(copied?);
        Ok(())
    }

    /// The rows that count of a state that fits, if all of them are finite.
    fn copy(&self, rows: &Rows<'_>, dim: usize) -> Result<Vec<f32>> {
        let (count, state) = (self.n_samples(), self.states.len());
        let mut values = try_capacity(area(count, dim)?)?;
        let mut buffer = try_vec(dim, 0.0)?;
        let one = core::slice::from_ref(rows);
        let samples = self.samples(one)?;
        for i in 0..count {
            let row = samples.row(0, i, &mut buffer)?;
            check(row, state, samples.index(i))?;
            values.extend_from_slice(row);
        }
        Ok(values)
    }

    /// The samples of states that fit.
    pub(crate) fn samples<'s, 'r>(&'s self, states: &'s [Rows<'r>]) -> Result<Samples<'s, 'r>> {
        Samples::new(states, self.chosen.as_deref())
    }
}

/// An error where a row holds a value that is not finite.
fn check(values: &[f32], state: usize, row: usize) -> Result<()> {
    // All of it is looked at without a branch; only a bad row is searched.
    if values.iter().fold(true, |all, v| all & finite(*v)) {
        return Ok(());
    }
    let col = values.iter().position(|v| !finite(*v)).unwrap_or(0);
    Err(Error::NonFiniteState { state, row: row as u64, col })
}

/// An error that names the first value that is not finite, state by state.
pub(crate) fn check_all(samples: Samples<'_, '_>) -> Result<()> {
    let mut buffer = try_vec(samples.dim(), 0.0)?;
    for state in 0..samples.n_states() {
        for i in 0..samples.n_samples() {
            check(samples.row(state, i, &mut buffer)?, state, samples.index(i))?;
        }
    }
    Ok(())
}

/// The open batch of a stream, or why there is none.
pub(crate) fn open(batch: &mut Option<Batch>) -> Result<&mut Batch> {
    batch.as_mut().ok_or(Error::Conflict {
        first: "push_layer or end_batch",
        second: "no open batch",
        why: "begin_batch comes first",
    })
}

/// A conflict while a batch is open.
pub(crate) fn closed(batch: &Option<Batch>) -> Result<()> {
    let why = "end_batch or abort_batch comes first";
    check::conflict(batch.is_none(), "this call", "an open batch", why)
}

/// Whether a batch has all its states.
pub(crate) fn complete(expected: usize, found: usize) -> Result<()> {
    check::same_length("states of a batch", expected, found)
}
