//! Images and texts: the module `alignment` against the reference, its properties, its edges.

#![allow(clippy::print_stdout, reason = "the figures that docs/findings.md quotes")]

mod bad_input;
mod balancing;
mod blocks;
mod distributed;
mod distributed_edges;
mod distributed_state;
mod gradients;
mod losses;
mod ndcg;
mod ranks;
mod scores;

use pauca_tests::agree::bits;
use pauca_tests::layout::array;
use pauca_tests::run::{serial, threads};
