//! The one error type. Every variant carries the numbers that a caller needs to act.

use alloc::boxed::Box;

/// What a [`RowSource`](crate::RowSource) of the caller's reports when it cannot deliver rows.
pub type SourceError = Box<dyn core::error::Error + Send + Sync>;

/// Result of every fallible function of this crate.
pub type Result<T> = core::result::Result<T, Error>;

/// Everything that can go wrong.
///
/// No function of this crate panics on bad input, and outputs are written only on success
/// (exceptions are named where they are).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A NaN or an infinity; the first one in row order.
    #[error("{what} holds a NaN or an infinity, first at row {row}, column {col}")]
    NonFinite {
        /// Which input: "x", "centroids", "weights".
        what: &'static str,
        /// Row of the first such value (global row id for a block of a larger set).
        row: u64,
        /// Column of the first such value.
        col: usize,
    },
    /// An input without rows or without columns.
    #[error("{what} is empty")]
    Empty {
        /// Which input.
        what: &'static str,
    },
    /// Two inputs that must agree in length do not.
    #[error("{what} has length {found}, expected {expected}")]
    ShapeMismatch {
        /// Which length.
        what: &'static str,
        /// The length that the other inputs imply.
        expected: usize,
        /// The length that was given.
        found: usize,
    },
    /// A parameter outside its documented range.
    #[error("{name} is {value}, expected {expected}")]
    InvalidParameter {
        /// Name of the parameter.
        name: &'static str,
        /// The value that was given.
        value: f64,
        /// The documented range.
        expected: &'static str,
    },
    /// Two settings that exclude each other.
    #[error("{first} cannot be combined with {second}: {why}")]
    Conflict {
        /// One setting.
        first: &'static str,
        /// The other setting.
        second: &'static str,
        /// Why, in one clause.
        why: &'static str,
    },
    /// More clusters than rows that can found one.
    #[error("{k} clusters asked of {n} rows that can found one")]
    TooManyClusters {
        /// Clusters asked for.
        k: usize,
        /// Rows of positive weight.
        n: usize,
    },
    /// A label outside the clusters.
    #[error("label {label} at row {row} is outside 0..{k}")]
    LabelOutOfRange {
        /// Row of the first such label.
        row: usize,
        /// The label.
        label: u32,
        /// Number of clusters, or of targets.
        k: usize,
    },
    /// A row of zeros where the policy is to refuse them.
    #[error("row {row} is all zeros and has no direction")]
    ZeroRow {
        /// The first such row.
        row: u64,
    },
    /// A size that the machine's integers or the proven bounds cannot serve.
    #[error("{what} is {size}, the limit is {limit}")]
    TooLarge {
        /// Which size.
        what: &'static str,
        /// The size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// An allocation that grows with the input was refused.
    #[error("out of memory: {bytes} bytes could not be had")]
    OutOfMemory {
        /// Bytes of the refused allocation.
        bytes: usize,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A SIMD level that is unknown or that this machine lacks.
    #[error("SIMD level is not one of those available here ({available})")]
    SimdLevel {
        /// The levels that the machine has.
        available: &'static str,
    },
    /// Bytes that are not a state of this crate, are of another version, or were damaged.
    #[error("{what}: not usable at byte {offset}: {why}")]
    Corrupt {
        /// Which state.
        what: &'static str,
        /// Where reading stopped.
        offset: usize,
        /// Why, in one clause.
        why: &'static str,
    },
    /// A checkpoint of other data or of another configuration.
    #[error("the checkpoint does not belong here: {what} differs")]
    Mismatch {
        /// What differs.
        what: &'static str,
    },
    /// A NaN or an infinity in a hidden state; the first one among the rows that count.
    #[error("state {state} holds a NaN or an infinity, first at row {row} of the batch, column {col}")]
    NonFiniteState {
        /// Which state: 0 is the embedding output.
        state: usize,
        /// Row of the batch.
        row: u64,
        /// Column.
        col: usize,
    },
    /// A sequence without a real token.
    #[error("sequence {sequence} of the mask is all padding")]
    NoToken {
        /// The first such sequence.
        sequence: u64,
    },
    /// A token id that the vocabulary does not have.
    #[error("{what} {id} at position {position} is outside the vocabulary 0..{vocabulary}")]
    TokenOutOfRange {
        /// Which id: "target", "predicted id".
        what: &'static str,
        /// Position of the first such id.
        position: u64,
        /// The id.
        id: u32,
        /// Ids in the vocabulary.
        vocabulary: usize,
    },
    /// Every weight is 0, so that no line scores more than another.
    #[error("none of the {filters} predicates has a weight above 0: no score is defined")]
    NoInformativeFilter {
        /// Number of predicates.
        filters: usize,
    },
    /// An id that must be given once was given twice.
    #[error("id {id} was given more than once")]
    DuplicateId {
        /// The smallest such id.
        id: u64,
    },
    /// The caller's row source failed.
    #[error("row source failed")]
    Source(#[source] SourceError),
    /// A backend's device failed, is not there, or cannot do what is asked.
    #[error("device failed")]
    Device(#[source] SourceError),
}

/// Numbers the variants once.
macro_rules! codes {
    ($($code:literal $variant:ident),+) => {
        impl Error {
            /// The code and the name of every variant, in the order of the codes.
            ///
            /// # Example
            /// ```
            /// let error = pauca::KMeans::new(0).fit(ndarray::arr2(&[[1.0f32]]).view()).unwrap_err();
            /// assert_eq!(error.code(), 4);
            /// assert!(pauca::Error::CODES.contains(&(4, "InvalidParameter")));
            /// ```
            pub const CODES: &[(i32, &str)] = &[$(($code, stringify!($variant))),+];

            /// A number of the variant that never changes, for callers in other languages. 0 is success and
            /// belongs to no error. A new variant gets the next number.
            pub fn code(&self) -> i32 {
                match self {
                    $(Error::$variant { .. } => $code,)+
                }
            }
        }
    };
}
codes!(
    1 NonFinite, 2 Empty, 3 ShapeMismatch, 4 InvalidParameter, 5 Conflict, 6 TooManyClusters,
    7 LabelOutOfRange, 8 ZeroRow, 9 TooLarge, 10 OutOfMemory, 11 Cancelled, 12 SimdLevel, 13 Corrupt,
    14 Mismatch, 15 NonFiniteState, 16 NoToken, 17 TokenOutOfRange, 18 NoInformativeFilter, 19 DuplicateId,
    20 Source, 21 Device
);

impl Error {
    /// The error about a bad value that was found at a local row of `what`, with the row named as the caller
    /// knows it.
    pub(crate) fn at(self, what: &'static str, id: impl FnOnce(usize) -> u64) -> Self {
        match self {
            Error::NonFinite { row, col, .. } => Error::NonFinite { what, row: id(row as usize), col },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec;

    use super::*;

    #[test]
    fn codes_are_those_of_the_variants_and_stay() {
        let (what, why) = ("x", "y");
        let boxed = || SourceError::from("failed");
        let all = vec![
            Error::NonFinite { what, row: 0, col: 0 },
            Error::Empty { what },
            Error::ShapeMismatch { what, expected: 0, found: 1 },
            Error::InvalidParameter { name: what, value: 0.0, expected: why },
            Error::Conflict { first: what, second: what, why },
            Error::TooManyClusters { k: 2, n: 1 },
            Error::LabelOutOfRange { row: 0, label: 1, k: 1 },
            Error::ZeroRow { row: 0 },
            Error::TooLarge { what, size: 2, limit: 1 },
            Error::OutOfMemory { bytes: 1 },
            Error::Cancelled,
            Error::SimdLevel { available: what },
            Error::Corrupt { what, offset: 0, why },
            Error::Mismatch { what },
            Error::NonFiniteState { state: 0, row: 0, col: 0 },
            Error::NoToken { sequence: 0 },
            Error::TokenOutOfRange { what, position: 0, id: 1, vocabulary: 1 },
            Error::NoInformativeFilter { filters: 1 },
            Error::DuplicateId { id: 0 },
            Error::Source(boxed()),
            Error::Device(boxed()),
        ];
        assert_eq!(all.len(), Error::CODES.len(), "a variant without a place in CODES");
        for (at, (error, (code, name))) in all.iter().zip(Error::CODES).enumerate() {
            assert_eq!((error.code(), *code), (at as i32 + 1, at as i32 + 1));
            let shown = format!("{error:?}");
            assert!(
                shown.strip_prefix(name).is_some_and(|rest| !rest.starts_with(char::is_alphabetic)),
                "{shown} under the name {name}"
            );
        }
    }
}
