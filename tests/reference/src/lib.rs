//! The algorithms of `pauca` in plain `f64` loops: the second opinion, and the place to start
//! reading.
//!
//! Everything here is written from the papers and the definitions alone. There are no
//! dependencies, no traits, no `unsafe`, no threads, no blocks and no shortcuts, and not one line
//! is shared with the fast library, so an error would have to be made twice to go unnoticed.
//! Where the two must agree to the last bit, both follow the same *definition*, never the same
//! code: rows are added in sixteen strided lanes ([`truth`]), sums are exact ([`fsum`]), random
//! numbers are a function of (seed, row, stream) ([`philox`]).
//!
//! Read in this order:
//!
//! | file | what | source |
//! |---|---|---|
//! | [`truth`] | dot product, squared distance, cosine | the definition |
//! | [`fsum`] | exact sums, rounded once | Shewchuk 1997; Python's `math.fsum` |
//! | [`twofold`] | numbers of twice the precision | Dekker 1971 |
//! | [`mod@philox`] | random bits by counter | Salmon et al. 2011 |
//! | [`mod@ln`] | the logarithm, correctly rounded | in twice the precision |
//! | [`seeding`] | k-means++ as an exponential race, random seeds | Arthur and Vassilvitskii 2007 |
//! | [`mod@kmeans`] | Lloyd's algorithm, Euclidean and spherical | Lloyd 1982; Dhillon and Modha 2001 |
//! | [`semdedup`] | two rules of semantic deduplication | Abbas et al. 2023 |
//! | [`published`] | SemDeDup's pseudo-code, letter by letter | Abbas et al. 2023, appendix A7 |
//! | [`mod@half_turns`] | the arctangent in half turns, correctly rounded | in twice the precision |
//! | [`layers`] | distances between hidden states, the block to drop | Gromov et al. 2024; Men et al. 2024 |
//! | [`mod@cka`] | linear CKA by Gram matrices, biased and unbiased | Kornblith et al. 2019; Song et al. 2012 |
//! | [`canonical`] | SVCCA, PWCCA, Procrustes by Jacobi rotations | Raghu et al. 2017; Morcos et al. 2018; Ding et al. 2021 |
//! | [`prototypes`] | pruning by distance to the prototype | Sorscher et al. 2022 |
//! | [`density`] | quotas by the complexity of clusters | Abbas et al. 2024 |
//! | [`mod@d4`] | deduplicate, cluster again, diversify | Tirumala et al. 2023 |
//! | [`clip_score`] | scores of image-text pairs, filters, zero-shot classes | Bordes et al. 2024; Hessel et al. 2021 |
//! | [`contrastive`] | InfoNCE and SigLIP with gradients | van den Oord et al. 2018; Zhai et al. 2023 |
//! | [`contrastive_blocks`] | what a block of the logits adds to InfoNCE | |
//! | [`retrieval`] | ranks with ties, hard negatives | |
//! | [`metaclip`] | matching and balancing by metadata | Xu et al. 2023 |
//! | [`length`] | pruning by length, length as a confounder | Singh et al. 2024 |
//! | [`scip`], [`synthetic`] | pruning of corrupted code, metrics, synthetic corruptions | Yang et al. 2023 |
//! | [`causal`] | what a causal predictor of latents costs, and the best linear one | Ramanujan et al. 2024 |
//! | [`statistics`] | ranks, AUC, Gini, quantiles, bootstrap | Spearman 1904; Efron 1979 |
//! | [`vq`] | vector quantization: ids, losses, rotation trick | van den Oord et al. 2017; Fifty et al. 2024 |
//! | [`codebook`] | moving averages, revival, usage, scalar levels | van den Oord et al. 2017; Mentzer et al. 2023 |
//! | [`tokens`] | conditional entropies, rate and distortion | Shannon 1948; Bjontegaard 2001 |
//! | [`softmax`] | log-probabilities in twice the precision | the definition |
//! | [`memorization`] | M(f), T(N, tau), forgetting, unit lengths | Tirumala et al. 2022 |
//! | [`extraction`] | discoverability, exposure, membership scores | Carlini et al. 2019, 2022 |
//! | [`quality`], [`rational`] | text quality scores; quotients rounded once | Sharma et al. 2024 |
//! | [`text_rules`] | predicates of lines, repetition in documents | Sharma et al. 2024; Rae et al. 2021 |
//!
//! A data set is a slice of rows, each a `Vec<f32>`. Nothing is checked: callers pass finite
//! values, rows of one length, labels below the number of clusters and `k` no larger than the
//! number of rows of positive weight.
//!
//! ```
//! use pauca_reference::{kmeans::{Init, KMeans, kmeans}, truth::Metric};
//! let x: Vec<Vec<f32>> = [1.0, 2.0, 3.0, 10.0, 11.0, 12.0].map(|v| vec![v]).to_vec();
//! let ids: Vec<u64> = (0..6).collect();
//! let config = KMeans { k: 2, init: Init::KMeansPlusPlus, ..KMeans::default() };
//! let found = kmeans(&x, &ids, &[1.0; 6], &config);
//! assert_eq!(found.inertia, 4.0);
//! assert_eq!(Metric::SqEuclidean.distance(&x[0], &found.centroids[found.labels[0] as usize]), 1.0);
//! ```
#![forbid(unsafe_code)]

pub mod canonical;
pub mod causal;
pub mod cka;
pub mod clip_score;
pub mod codebook;
pub mod contrastive;
pub mod contrastive_blocks;
pub mod d4;
pub mod density;
pub mod extraction;
pub mod fsum;
pub mod half_turns;
pub mod kmeans;
pub mod layers;
pub mod length;
pub mod ln;
pub mod memorization;
pub mod metaclip;
pub mod philox;
pub mod prototypes;
pub mod published;
pub mod quality;
pub mod rational;
pub mod released;
pub mod retrieval;
pub mod scip;
pub mod seeding;
pub mod semdedup;
pub mod softmax;
pub mod statistics;
pub mod synthetic;
pub mod text_rules;
pub mod tokens;
pub mod truth;
pub mod twofold;
pub mod vq;
