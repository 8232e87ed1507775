//! The register-tile kernels and the levels they exist for. The only room with `unsafe`.
//!
//! [`dots`] makes dot products to the bit of the definition, for a few rows with each other.
//! [`planes`] adds rows to exact sums.
//! [`codes`] multiplies 8-bit codes of rows.
//!
//! [`tile`]: one operation serves every search of the crate. Given a tile of rows, a panel of targets, an
//! offset per target and a threshold per row, it computes
//!
//! ```text
//! z[r][c] = offset[c] - sum_t rows[r][t] * panel[t][c]
//! hit[r] bit c set  iff  z[r][c] <= threshold[r]
//! ```
//!
//! and says whether anything was hit. With offset |c|²/2 the smallest z is the nearest target by
//! Euclidean distance; with offset 0 and unit rows it is the most similar one. Hits are rare once
//! thresholds are tight, so the caller handles them in ordinary safe code, and no matrix of
//! scores is ever written. The same tile adds plain products to a matrix, for the room `products`.
//!
//! The body is written once over a small vector trait ([`vector`]); each level is a
//! `#[target_feature]` wrapper around it. Plain autovectorization was tried: tiles of 12 x 32 or
//! 6 x 64 reach the same speed on AVX-512, but neighbouring shapes fall to a twentieth of it when
//! the compiler spills the accumulators, so the registers are spelled out.
#![allow(unsafe_code)]

mod ask;
mod codes;
mod dots;
mod level;
#[cfg(all(feature = "std", target_arch = "x86_64", target_os = "linux"))]
mod linux;
mod planes;
#[cfg(test)]
mod portable;
mod tile;
mod vector;

pub(crate) use ask::ask_for;
pub(crate) use codes::{
    Code, CodeKernel, CodedRows, Coding, DEPTH_STEP, ErrorTerms, Hit, Hits, Lines, MAX_DEPTH, Measure, Panel,
    WIDTH, WordColumn, WordPanel, relative,
};
pub(crate) use dots::{DotKernel, Step};
pub use level::Level;
pub(crate) use planes::PlaneKernel;
pub(crate) use tile::{Kernel, KernelScalar, MAX_ROWS, MAX_TILE, Tile};
