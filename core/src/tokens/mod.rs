//! What tokens are like: how predictable they are, what they cost, how models of them scale.
//!
//! A tokenizer is judged by three curves: what the tokens cost (bits an item) against what they lose, how
//! much of that cost a sequence model could save (conditional entropies), and how fast such a model learns
//! with compute (scaling laws). All three are computed here from ids and numbers alone.
//!
//! | part | what |
//! |---|---|
//! | [`NGrams`] | H(x_i given the n tokens before), all positions pooled: plug-in, Miller-Madow, held-out |
//! | [`mutual_information`] | between two positions |
//! | [`PositionNGrams`] | the same at each position of an item; bits an item |
//! | [`scaling_fit`], [`scaling_interval`] | L(C) = L_min + e^lambda C^alpha |
//! | [`pareto`], [`lower_hull`], [`bd_rate`] | rate and distortion |
//!
//! Unigram entropies, overall and by position: [`Usage`](crate::vq::Usage), [`PositionUsage`](crate::vq::PositionUsage).

mod bytes;
mod ngrams;
mod positions;
mod rate;
mod scaling;

pub use ngrams::{ConditionalEntropy, NGrams, mutual_information};
pub use positions::PositionNGrams;
pub use rate::{bd_rate, lower_hull, pareto};
pub use scaling::{ScalingFit, ScalingInterval, scaling_fit, scaling_interval};
