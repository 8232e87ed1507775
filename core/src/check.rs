//! Errors about arguments, made in one place. Each function names what it refuses.

use core::ops::Range;

use crate::error::{Error, Result};

/// A number of things; errors name the nearest size.
pub(crate) trait Count: Copy + PartialOrd {
    fn size(self) -> usize;
}

impl Count for usize {
    fn size(self) -> usize {
        self
    }
}

impl Count for u64 {
    fn size(self) -> usize {
        usize::try_from(self).unwrap_or(usize::MAX)
    }
}

/// Refuses a length that is not the expected one.
pub(crate) fn same_length<N: Count>(what: &'static str, expected: N, found: N) -> Result<()> {
    shape(what, expected, found, expected == found)
}

/// Refuses a place that is not one of `0..n`.
pub(crate) fn place(what: &'static str, found: usize, n: usize) -> Result<()> {
    shape(what, n, found, found < n)
}

/// Refuses lengths that do not fit, unless `fits`.
pub(crate) fn shape<N: Count>(what: &'static str, expected: N, found: N, fits: bool) -> Result<()> {
    let (expected, found) = (expected.size(), found.size());
    if fits { Ok(()) } else { Err(Error::ShapeMismatch { what, expected, found }) }
}

/// Refuses settings that exclude each other, unless they `agree`.
pub(crate) fn conflict(
    agree: bool,
    first: &'static str,
    second: &'static str,
    why: &'static str,
) -> Result<()> {
    if agree { Ok(()) } else { Err(Error::Conflict { first, second, why }) }
}

/// Refuses a row of zeros where a direction is needed.
pub(crate) fn direction(row: u64, is_zero: bool) -> Result<()> {
    if is_zero { Err(Error::ZeroRow { row }) } else { Ok(()) }
}

/// Refuses a state, a checkpoint or a part that does not belong here.
pub(crate) fn same(what: &'static str, same: bool) -> Result<()> {
    if same { Ok(()) } else { Err(Error::Mismatch { what }) }
}

/// Refuses an input of no items.
pub(crate) fn not_empty<N: Default + PartialEq>(what: &'static str, len: N) -> Result<()> {
    if len != N::default() { Ok(()) } else { Err(Error::Empty { what }) }
}

/// Refuses a size beyond what the integers can count.
pub(crate) fn at_most<N: Count>(what: &'static str, size: N, limit: N) -> Result<()> {
    let fits = size <= limit;
    if fits { Ok(()) } else { Err(Error::TooLarge { what, size: size.size(), limit: limit.size() }) }
}

/// The product of two sizes; refuses one beyond all integers, naming `size`.
pub(crate) fn product(what: &'static str, size: usize, by: usize) -> Result<usize> {
    at_most(what, size, usize::MAX / by.max(1))?;
    Ok(size * by)
}

/// Refuses a parameter that does not hold to `expected`.
pub(crate) fn parameter(name: &'static str, value: f64, expected: &'static str, holds: bool) -> Result<()> {
    if holds { Ok(()) } else { Err(Error::InvalidParameter { name, value, expected }) }
}

/// Refuses what is not a fraction: within [0, 1].
pub(crate) fn fraction(name: &'static str, value: f64) -> Result<()> {
    parameter(name, value, "within [0, 1]", (0.0..=1.0).contains(&value))
}

/// Refuses what is not within (0, 1].
pub(crate) fn positive_fraction(name: &'static str, value: f64) -> Result<()> {
    parameter(name, value, "above 0 and at most 1", value > 0.0 && value <= 1.0)
}

/// Refuses the count 0.
pub(crate) fn at_least_one<N: Default + PartialEq>(name: &'static str, count: N) -> Result<()> {
    parameter(name, 0.0, "at least 1", count != N::default())
}

/// Refuses what is negative or not finite.
pub(crate) fn not_negative(name: &'static str, value: f64) -> Result<()> {
    parameter(name, value, "a number of at least 0", (0.0..f64::INFINITY).contains(&value))
}

/// Refuses what is not above 0, or not finite.
pub(crate) fn positive(name: &'static str, value: f64) -> Result<()> {
    parameter(name, value, "finite and above 0", value > 0.0 && value < f64::INFINITY)
}

/// Refuses the first value that is not finite, one value a row.
pub(crate) fn finite(what: &'static str, values: impl IntoIterator<Item: Into<f64>>) -> Result<()> {
    values.into_iter().enumerate().try_for_each(|(row, value)| finite_at(what, (row, 0), value))
}

/// Refuses the first NaN, one value a row.
pub(crate) fn not_nan(what: &'static str, values: &[f64]) -> Result<()> {
    match values.iter().position(|value| value.is_nan()) {
        Some(row) => Err(Error::NonFinite { what, row: row as u64, col: 0 }),
        None => Ok(()),
    }
}

/// Refuses the first value that is not finite of row `row`.
pub(crate) fn finite_row(
    what: &'static str,
    row: u64,
    values: impl IntoIterator<Item: Into<f64>>,
) -> Result<()> {
    match values.into_iter().position(|value| !value.into().is_finite()) {
        Some(col) => Err(Error::NonFinite { what, row, col }),
        None => Ok(()),
    }
}

/// Refuses a value at row `row` and column `col` that is not finite.
pub(crate) fn finite_at(what: &'static str, (row, col): (usize, usize), value: impl Into<f64>) -> Result<()> {
    let finite = value.into().is_finite();
    if finite { Ok(()) } else { Err(Error::NonFinite { what, row: row as u64, col }) }
}

/// Refuses the first label that names none of `k` clusters.
pub(crate) fn labels<'l>(labels: impl IntoIterator<Item = &'l u32>, k: usize) -> Result<()> {
    labels.into_iter().enumerate().try_for_each(|(row, &label)| self::label(row, label, k))
}

/// Refuses the label of a row that names none of `k` clusters.
pub(crate) fn label(row: usize, label: u32, k: usize) -> Result<()> {
    if (label as usize) < k { Ok(()) } else { Err(Error::LabelOutOfRange { row, label, k }) }
}

/// The most that a state may have counted. Counting on from there, one by one, never reaches 2^64.
pub(crate) const MOST_COUNTED: u64 = i64::MAX as u64;

/// The sum of the counts of two shards; refuses more than [`MOST_COUNTED`].
pub(crate) fn counted(what: &'static str, mine: u64, theirs: u64) -> Result<u64> {
    let sum = mine.saturating_add(theirs);
    at_most(what, sum, MOST_COUNTED)?;
    Ok(sum)
}

/// Refuses a range of rows outside of `0..n`.
pub(crate) fn range(range: &Range<usize>, n: usize) -> Result<()> {
    let found = range.end.max(range.start);
    shape("row range", n, found, range.start <= range.end && found <= n)
}

/// Refuses the first row that is not one of `0..n`.
pub(crate) fn indices(rows: &[usize], n: usize) -> Result<()> {
    rows.iter().try_for_each(|&i| place("row index", i, n))
}
