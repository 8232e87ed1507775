//! Products of 8-bit codes: scores with exactly known integers, for the tiers that screen.
//!
//! Rows and columns are coded by [`CodeKernel::measure`] and [`CodeKernel::encode_row`] or
//! [`CodeKernel::encode_column`]; [`coding`] says what a code is. Columns are packed in panels of [`WIDTH`], and
//! [`CodeKernel::scan`] compares listed rows with one panel:
//!
//! ```text
//! p = sum_t q_r[t] q_c[t]                                          exactly, in i32
//! z = (h_c - residue_r rho_c) - scale_r (scale_c float(p))
//! (r, c) is a hit  iff  z <= threshold_r
//! ```
//!
//! [`CodeKernel::scan_words`] tells in 16 bits which scores may be so small, where products are short.
//! [`CodeKernel::pairs`] computes p for single pairs.

mod coding;
mod encode;
mod hits;
mod kernel;
mod lanes;
mod levels;
mod limits;
mod lines;
#[cfg(any(test, target_arch = "x86_64"))]
mod matrix;
mod pairs;
mod panel;
mod scan;
mod sums;
#[cfg(test)]
mod tests;
#[cfg_attr(not(any(test, target_arch = "x86_64")), allow(dead_code, reason = "short products are x86's"))]
mod words;

pub(crate) use coding::{Code, Coding, DEPTH_STEP, MAX_DEPTH, Measure, WIDTH, relative};
pub(crate) use hits::{Hit, Hits};
pub(crate) use kernel::{CodeKernel, CodedRows};
pub(crate) use limits::ErrorTerms;
pub(crate) use lines::Lines;
pub(crate) use panel::Panel;
pub(crate) use words::{WordColumn, WordPanel};
