//! Memorization of a language model: how much of its training text it has learnt by heart, how
//! fast, and what it forgets.
//!
//! *Source*: Tirumala et al. 2022 (Memorization Without Overfitting). A context c = (s, y) is
//! memorized by f iff argmax f(s) = y, and M(f) is the share of memorized contexts: teacher-forced
//! accuracy on the training set, over all positions of a causal model, over the masked ones of a
//! masked model.
//!
//! ```text
//! logits in vocabulary tiles -> LogitScan -> TokenScores (argmax, log-probability of the target)
//! ids, or pairs of both, or packed bits ----------> Hits -> Memorized { hits, total }
//! Hits -> UnitLengths (runs), TagCounts (parts of speech)
//! Memorized per epoch -> Curve -> T(N, tau); Forgetting; overfit_onset
//! log-probabilities -> extraction, discoverability, membership scores
//! ```
//!
//! | part | what | source |
//! |---|---|---|
//! | [`LogitScan`], [`LogitSpread`] | scores of every token, from tiles of the vocabulary | |
//! | [`Hits`], [`Memorized`], [`Curve`] | M(f), T(N, tau), T_update | Tirumala et al. 2022, section 3 |
//! | [`Forgetting`], [`overfit_onset`] | forgetting curve, baseline; when overfitting begins | sections 4 and 5 |
//! | [`UnitLengths`], [`TagCounts`] | memory unit length; ratios by part of speech | appendix A.3; section 4 |
//! | [`suffix_match`], [`Sampling`], [`Discoverability`] | extraction | Carlini et al. 2022; Hayes et al. 2024 |
//! | [`exposure`], [`sampled_exposure`], [`counterfactual`] | | Carlini et al. 2019; Zhang et al. 2021 |
//! | [`min_k`], [`standardized`], [`tpr_at_fpr`] | membership inference | Shi et al. 2023; Zhang et al. 2024 |
//!
//! The code differs from the formulas in four points.
//! 1. **The vocabulary never has to exist at once.** A row of 50,000 logits arrives in tiles of
//!    any width, in any order, on any threads or machines; the state of a token is 80 bytes. The
//!    sum of exponentials is made of integers on an absolute grid, so it has the same bits for
//!    every tiling, and it leaves out the target, so that a log-probability of -1e-40 is as
//!    accurate as one of -10.
//! 2. **All counts are integers**, so shards merge to the bits of one pass.
//! 3. **Ties** go to the lowest token id, everywhere.
//! 4. **What has no value has a type**: no counted target, a text too short for the published
//!    Min-K%, a part of speech that does not occur, a token outside the support.
//!
//! Tier A: hits, counts, curves, M, T, runs, ratios, forgetting, decay fits, kept supports. Tier B:
//! log-probabilities and what is made of them, each with its bound.

mod bytes;
mod curve;
mod exponentials;
mod exposure;
mod extraction;
mod forgetting;
mod hits;
mod logit_spread;
mod logits;
mod membership;
mod runs;
mod sampling;
mod tags;

pub use curve::{Curve, overfit_onset};
pub use exposure::{Counterfactual, counterfactual, exposure, sampled_exposure};
pub use extraction::{Discoverability, Queries, SuffixMatch, suffix_match};
pub use forgetting::{Decay, Forgetting};
pub use hits::{Hits, IGNORED, Memorized};
pub use logit_spread::{LogitSpread, Spread};
pub use logits::{LogitScan, TokenScores};
pub use membership::{
    MembershipRate, min_k, min_k_published, reference_difference, standardized, token_loss, tpr_at_fpr,
    zlib_ratio,
};
pub use runs::{RunLengths, UnitLengths};
pub use sampling::Sampling;
pub use tags::{TagCounts, TagRatio};
