//! Weights of predicates, from perplexities or as given.

use ndarray::Array1;

use super::Perplexities;
use super::mean::{HEAVY, LIGHT};
use crate::check;
use crate::error::{Error, Result};
use crate::memory::{try_capacity, try_copy};
use crate::params::{choices, default_is_new, setters};

/// The weight of a predicate that no line passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EmptySubset {
    /// The predicate weighs nothing: it tells no lines apart.
    Zero,
    /// An empty subset is an error ([`Error::Empty`]).
    Error,
}

choices!(EmptySubset: Zero, Error);

/// What lines score when every weight is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoWeight {
    /// Lines have no score: [`Error::NoInformativeFilter`].
    Error,
    /// Every line scores 1, so that nothing is preferred.
    Ones,
}

choices!(NoWeight: Error, Ones);

/// From perplexities to weights: w_i = max(0, (PPL_all - PPL_i) / PPL_all).
///
/// *Source*: Sharma et al. 2024, section 2, first equation. The difference and the quotient are
/// each rounded once, in this order.
///
/// # Units
/// Perplexities in, pure numbers in [0, 1] out (1 only where PPL_all > 2^53 PPL_i hides PPL_i).
/// Tier A.
/// # Example
/// ```
/// use pauca::quality::{Perplexities, Weighting};
/// let ppl = Perplexities::given(40.0, &[Some(30.0), Some(50.0), None])?;
/// let weights = Weighting::new().weights(&ppl)?;
/// assert_eq!(weights.values().to_vec(), [0.25, 0.0, 0.0]);
/// # Ok::<(), pauca::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weighting {
    empty_subset: EmptySubset,
}

default_is_new!(Weighting);

impl Weighting {
    /// A predicate that no line passes weighs nothing.
    pub fn new() -> Self {
        Self { empty_subset: EmptySubset::Zero }
    }

    setters! {
        /// The weight of a predicate that no line passes.
        empty_subset: EmptySubset;
    }

    /// The weights.
    ///
    /// # Errors
    /// [`Error::Empty`] under [`EmptySubset::Error`], [`Error::OutOfMemory`]. That every weight is
    /// 0 is no error here; see [`NoWeight`].
    pub fn weights(&self, ppl: &Perplexities) -> Result<Weights> {
        let mut values = try_capacity(ppl.subsets().len())?;
        for subset in ppl.subsets() {
            values.push(match subset {
                Some(subset) if *subset < ppl.all() => (ppl.all() - subset) / ppl.all(),
                None if self.empty_subset == EmptySubset::Error => {
                    return Err(Error::Empty { what: "the subset of lines that pass a predicate" });
                }
                _ => 0.0,
            });
        }
        Weights::checked(values)
    }
}

/// What each predicate weighs in a line's score.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    values: Array1<f64>,
}

impl Weights {
    /// Weights of the caller's own: each 0 or within [2^-200, 2^200]. Only their ratios matter.
    ///
    /// # Errors
    /// [`Error::NonFinite`] (the predicate's index as the row), [`Error::InvalidParameter`] for a
    /// value outside the range, [`Error::OutOfMemory`].
    pub fn given(values: &[f64]) -> Result<Self> {
        Self::checked(try_copy(values)?)
    }

    fn checked(values: alloc::vec::Vec<f64>) -> Result<Self> {
        for (row, &value) in values.iter().enumerate() {
            check::finite_row("weights", row as u64, [value])?;
            let holds = value == 0.0 || (LIGHT..=HEAVY).contains(&value);
            check::parameter("weight", value, "0 or within [2^-200, 2^200]", holds)?;
        }
        Ok(Self { values: Array1::from_vec(values) })
    }

    /// One weight a predicate, in their order.
    pub fn values(&self) -> &Array1<f64> {
        &self.values
    }

    /// How many of them are above 0.
    pub fn informative(&self) -> usize {
        self.values.iter().filter(|w| **w > 0.0).count()
    }
}
