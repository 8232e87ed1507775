//! Codebooks for discrete tokenizers: vector quantization as a training step.
//!
//! ```text
//! forward    id_i = nearest code of z_i; q_i = that code, bit for bit
//!            L = w mean |sg z - e|² + beta mean |z - sg e|² (+ entropy loss)
//! backward   dL/dz, dL/de, and the gradient of q through the rounding: straight-through or rotated
//! update     learned codes: the caller's optimizer; EMA codes: count and mean from exact sums
//! revive     codes that nothing chose become rows of the batch
//! ```
//!
//! | part | what |
//! |---|---|
//! | [`VectorQuantizer`] | assignment, losses, gradients: the step |
//! | [`EmaCodebook`], [`CodeStats`] | codes as running means; statistics that add up over workers |
//! | [`Revival`] | what happens to dead codes |
//! | [`kmeans_codes`] | first codes |
//! | [`Usage`], [`PositionUsage`] | perplexity, entropy, dead codes, overall and by position |
//! | [`EntropyLoss`] | confident rows, evenly used codes |
//! | [`ResidualQuantizer`], [`ProductQuantizer`], [`FiniteScalar`] | several small codebooks, or none |
//!
//! What ids are like: [`tokens`](crate::tokens). Latents that are easy to predict: [`causal`](crate::causal).
//!
//! *Sources*: van den Oord et al. 2017 (VQ-VAE; losses, straight-through, EMA); Fifty et al. 2024 (rotation
//! trick); Yu et al. 2024 and LlamaGen (entropy loss, unit codes); Zeghidour et al. 2021 (residual);
//! Mentzer et al. 2023 (finite scalar).
//!
//! **Why the code differs.** The n x k matrix of distances is never made: the certified search of
//! k-means ([`Backend::nearest`](crate::backend::Backend::nearest)) gives the code that the `f64` definition
//! gives. Statistics are exact sums, so one worker and eight agree to the bit. Nothing is kept
//! between calls: what the backward pass needs is what the forward pass returned.
//!
//! Latents and codes are `f32` or `f64` ([`Real`]), in any strides. All inner arithmetic is `f64`.

mod assign;
mod backward;
mod by_type;
mod code_stats;
mod ema;
mod entropy;
mod estimator;
mod fsq;
mod ids;
mod init;
mod latents;
mod loss;
mod params;
mod product;
mod residual;
mod result;
mod revive;
mod rows;
mod run;
mod usage;
mod wide;

pub use crate::real::Real;
pub use assign::Assignment;
pub use code_stats::CodeStats;
pub use ema::{Ema, EmaCodebook, Smoothing};
pub use entropy::{EntropyLoss, EntropyValue};
pub use estimator::{Estimator, l2_normalize, l2_normalize_backward, rotate, rotate_backward};
pub use fsq::{Bounding, FiniteScalar, FiniteScalarCodes};
pub(crate) use ids::check_ids;
pub use ids::{CodeId, MASKED, pack_ids};
pub use init::{kmeans_codes, kmeans_codes_on};
pub use loss::{Losses, Reduction};
pub use params::{Training, VectorQuantizer};
pub use product::{ProductQuantized, ProductQuantizer};
pub use residual::{CompositeGradients, ResidualQuantized, ResidualQuantizer};
pub use result::{Quantized, QuantizerGradients, Upstream};
pub use revive::{Policy, Revival, Revived};
pub use usage::{PositionUsage, Usage};
