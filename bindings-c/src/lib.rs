//! The C ABI of [`pauca`]: `include/pauca.h` and the library `libpauca`.
//!
//! Rust programs use `pauca` itself. This crate turns each call of C into a call of Rust, and does nothing more: it
//! checks what C cannot promise, and hands on.
//!
//! | file | owns |
//! |---|---|
//! | `door` | pointers, lengths, overlaps; panics stop here |
//! | `status` | status codes, the caller's error |
//! | `options` | structs that know their size |
//! | `context`, `pool` | where a call runs and how it is watched; threads that survive a fork |
//! | `device` | the processor or a device |
//! | `view`, `source` | rows: the one door for all inputs |
//! | `dlpack`, `arrow` | rows of other libraries, borrowed |
//! | `cuda` | rows of a CUDA device, copied |
//! | `table` | results as a table of Arrow |
//! | `abi` | versions, SIMD levels |
//! | `kmeans`, `kmeans_run`, `clusters` | clusterings |
//! | `running` | runs that are stepped, saved and ended |
//! | `sums`, `exact` | sums without rounding, the definitions |
//! | `dedup`, `prototypes`, `d4` | which rows are kept |
//! | `workspace` | how much memory a call takes |
//! | `bare` | without std: the host's allocator and the host's end of a panic |
//!
//! **Safety.** All exported functions are `unsafe` for one reason, which the header states: pointers must be NULL or
//! valid for what their argument says, and handles must be those of this library, not yet freed.
#![allow(rustdoc::broken_intra_doc_links, reason = "the text is that of a header of C, where [n] is a shape")]
#![cfg_attr(not(feature = "std"), no_std)]
#![allow(non_camel_case_types, reason = "the names are those of C")]
#![allow(
    clippy::missing_safety_doc,
    reason = "one contract for all functions, stated above and in the header"
)]

extern crate alloc;

mod abi;
mod arrow;
#[cfg(not(feature = "std"))]
mod bare;
mod blob;
mod clusters;
mod context;
#[cfg(feature = "std")]
mod cuda;
mod d4;
mod dedup;
mod dedup_against;
mod device;
mod dlpack;
mod door;
mod exact;
mod kmeans;
mod kmeans_run;
mod options;
mod pool;
mod prototypes;
mod running;
mod source;
mod status;
mod sums;
mod table;
#[cfg(feature = "test-panic")]
mod test_panic;
mod view;
mod workspace;

pub use abi::*;
pub use arrow::*;
pub use blob::*;
pub use clusters::*;
pub use context::*;
pub use d4::*;
pub use dedup::*;
pub use dedup_against::*;
pub use device::*;
pub use dlpack::*;
pub use exact::*;
pub use kmeans::*;
pub use kmeans_run::*;
pub use prototypes::*;
pub use source::*;
pub use status::*;
pub use sums::*;
pub use table::*;
#[cfg(feature = "test-panic")]
pub use test_panic::*;
pub use view::*;
pub use workspace::*;
