//! Causal regularisation against the reference, central differences and its own invariants.

mod causality;
mod edges;
mod gradients;
mod invariants;
mod optimiser;
mod problem;
mod ridge;
