//! What runs on the device, in CubeCL's Rust: read with its rules in mind (README.md, "Kernels").
//!
//! | kernel | what it does |
//! |---|---|
//! | [`search::nearest`] | the best scores of rows, and up to four targets within the margin of the best |
//! | [`search::above`] | all pairs that may pass a threshold |
//! | [`search::norms`] | bounds of the norms of rows in the coordinates of a search |
//! | [`report::report`] | the lists of rows, as a word a row and the lists that leave their row open |
//! | [`definition::settle`] | on CUDA, the nearest of the listed targets by the definition |
//! | [`mma::nearest_mma`], [`wgmma::nearest_wgmma`] | as `search::nearest`, by tensor cores on copies in f16; not launched yet |
//! | [`sums::add_runs`] | exact sums of rows by integers |
//! | [`gather::gather`] | rows in another order |
//! | [`fill::fill`] | a word, everywhere |
//!
//! Floats of 32 bits only propose: what they leave open the definition settles, on the host but for `settle`.

#![allow(missing_docs, reason = "the macro of a kernel writes items that nobody outside sees")]
#![allow(
    clippy::collapsible_if,
    reason = "a kernel evaluates both sides of &&: what guards a read stands outside"
)]
#![allow(clippy::panicking_overflow_checks, reason = "integers of a device wrap, and the carry is meant")]
#![cfg_attr(
    not(feature = "gate"),
    allow(dead_code, reason = "the macro makes each kernel once more without a launch, for the gate")
)]

pub(crate) mod definition;
pub(crate) mod fill;
pub(crate) mod gather;
pub(crate) mod mma;
pub(crate) mod report;
pub(crate) mod search;
pub(crate) mod sums;
pub(crate) mod tensor;
pub(crate) mod tile;
pub(crate) mod wgmma;
