//! Vector quantisation: codebooks and what makes their tokens easy to model.
//!
//! | part | job |
//! |---|---|
//! | [`causal`] | causal regularisation: latents that a next-token predictor finds easy |

pub mod causal;
