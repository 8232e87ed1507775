//! Codebooks: every contract of vector quantization, against the reference and by its properties.

mod composites;
mod ema;
mod gradients;
mod problem;
mod revive;
mod scaling;
mod step;
mod tokens;
mod usage;
