//! Causal regularization against the reference, central differences and its own invariants.

#![allow(clippy::print_stdout, reason = "tests say how near they came to their bars")]

mod causality;
mod edges;
mod gradients;
mod invariants;
mod optimizer;
mod problem;
mod ridge;
mod states;
mod vectors;
