//! Images and texts in one space: scores of pairs, filters, contrastive losses with their
//! gradients, retrieval, zero-shot classes, pairwise benchmarks, MetaCLIP balancing, hard negatives.
//!
//! The two sides are called x (images, queries) and y (texts, candidates); [`Matches`] says which
//! rows of y belong to a row of x.
//!
//! | job | item | source | tier |
//! |---|---|---|---|
//! | score of each pair | [`ClipScore`] | Bordes et al. 2024, section 3.1; Hessel et al. 2021 | A |
//! | which pairs to keep | [`Filter`] | Schuhmann et al. 2021 (LAION), Gadre et al. 2023 (DataComp) | A |
//! | pairs that do not belong together | [`mismatched`] | | A |
//! | InfoNCE, value and gradients | [`InfoNce`] | van den Oord et al. 2018; Radford et al. 2021 | C |
//! | InfoNCE of rows that lie on several machines | [`BlockStatistics`], [`InfoNceTotals`] | | C |
//! | SigLIP, value and gradients | [`SigLip`] | Zhai et al. 2023 | C |
//! | R@k, MRR, ranks; nDCG | [`Retrieval`], [`Ndcg`] | Järvelin and Kekäläinen 2002 | A (ranks), B (means) |
//! | classes from texts | [`ZeroShot`] | Radford et al. 2021, section 3.1 | A |
//! | right against wrong captions | [`pairwise`], [`choices`], [`Winoground`] | Bordes et al. 2024, section 4.1.6; Thrush et al. 2022 | A |
//! | balancing by metadata | [`Matcher`], [`Counts`], [`Balance`] | Xu et al. 2023 (MetaCLIP) | A |
//! | hardest non-matching rows | [`HardNegatives`] | | A |
//! | at most so many rows a group | [`balanced_sample`] | | A |
//!
//! **Why the losses are safe and small.** Logits are made tile by tile and made again where the
//! gradient needs them, so no B x M matrix ever exists; the normalizer of a row is kept as its
//! largest logit and the sum of the others relative to it, which neither overflows nor loses the
//! small losses of well separated pairs. **Why ranks are right.** Cosines of a tile come from one
//! `f64` matrix product with a proven error bound; only pairs within the bound of a decision are
//! computed by the definition ([`exact::cosine`](crate::exact::cosine)).

mod filter;
mod hard_negatives;
mod losses;
mod matches;
mod metaclip;
mod pairwise;
mod retrieval;
mod sample;
mod score;
mod sides;
mod zero_shot;

pub use crate::real::Real;
pub use filter::{Filter, Selected};
pub use hard_negatives::{HardNegatives, Negatives};
pub use losses::{
    BlockStatistics, Directions, InfoNce, InfoNceTotals, LogSumExp, LossGradients, LossNumbers,
    LossReduction, PairWeighting, SigLip, SoftmaxRow, SoftmaxRows, Targets,
};
pub use matches::Matches;
pub use metaclip::{Balance, Counts, Matcher, tail_share, threshold_for_tail};
pub use pairwise::{Outcomes, Winoground, choices, pairwise};
pub use retrieval::{Ndcg, NdcgValues, RankTies, Retrieval};
pub use sample::{balanced_sample, mismatched};
pub use score::{ClipScore, PairScores, ZeroRows};
pub use zero_shot::{Accuracy, ZeroShot};
