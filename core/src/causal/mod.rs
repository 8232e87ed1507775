//! Causal regularization: latents that a next-token predictor finds easy.
//!
//! *Source*: Ramanujan et al. 2024, "When Worse is Better: navigating the compression-generation
//! trade-off in visual tokenization" (causally regularized tokenization, CRT). While the tokenizer
//! is trained, a small causal predictor g guesses each latent, before it is quantized, from those
//! before it; its squared error, times lambda, is added to the loss of the encoder:
//!
//! ```text
//! L = ... + lambda mean_{b, t >= 1} |z_{b,t} - g(z_{b,0}, ..., z_{b,t-1})|²
//! ```
//!
//! Reconstructions get a little worse, tokens easier to model, and what a model of them generates,
//! at equal compute, better. That is the paper's claim; the program `tokenize` tests it.
//!
//! | part | what |
//! |---|---|
//! | [`Batch`] | sequences of latents: padding, token order, side of the projection, normalized or not |
//! | [`Predictor`] | [`Window`] (linear AR(k), low-rank, perceptron) or [`Transformer`], with all gradients |
//! | [`Crt`] | the loss, R², gradients for z, parameters and projection |
//! | [`RidgeGram`] | the best linear predictor in closed form, from sums that merge |
//! | [`Schedule`], [`AdamW`] | lambda over time, the predictor's optimizer |
//! | [`Trainer`] | all of these as one training step |
//!
//! **Why the code differs from a framework's.** Gradients are written out, so value and gradients take
//! memory for 512 rows a thread whatever the batch. Sequences are packed without their padding, so no
//! mask is needed and padding costs nothing. Attention loops over what it may see instead of masking
//! what it may not. Tiles of whole sequences are the unit of work and their gradients are added in
//! one order, so threads leave no trace. A predictor takes any loss ([`Predictor::backpropagate`]) or its gradient
//! ([`Predictor::backpropagate_from`]): with logits for outputs the predictor is a language model of codes. Memory
//! that is refused is an error. Products of matrices run at the level that `PAUCA_SIMD` names, else at the best one.

mod adamw;
mod attention;
mod batch;
mod bytes;
mod crt;
mod layer_norm;
mod layout;
mod maps;
mod predictor;
mod ridge;
mod schedule;
mod solve;
mod trainer;
mod transformer;
mod window;

pub use crate::real::Real;
pub use adamw::AdamW;
pub use batch::{Batch, Place};
pub use crt::{Crt, CrtGradients, CrtValue, Flow, Norm};
pub use layout::ParamBlock;
pub use predictor::{Kind, Predicted, Predictor, PredictorGradients};
pub use ridge::{RidgeFit, RidgeGram};
pub use schedule::{Schedule, Shape};
pub use trainer::Trainer;
pub use transformer::Transformer;
pub use window::{Start, Window};
