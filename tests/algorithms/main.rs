//! What each algorithm computes: its contract, its reference, its edges, its hard cases. One room a module of the core;
//! what every backend must do is in the conformance suite, what calls hold in memory in `memory`.

mod alignment;
mod causal;
mod corruption;
mod layers;
mod length;
mod memorization;
mod quality;
mod statistics;
mod vq;
