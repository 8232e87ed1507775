//! **pauca** (*pauca sed matura*: few, but ripe): exact, reproducible algorithms for choosing
//! what a model learns from.
//!
//! Every discrete answer (label, duplicate or not, kept row) is the one that a documented `f64`
//! definition gives, and every result has the same bits for any number of threads, any split of
//! the rows into blocks, and every SIMD level. Fast arithmetic only proposes; proven bounds
//! certify; the definition itself decides what they cannot ([`exact`]).
//!
//! ```
//! use pauca::{D4, KMeans, Rule, SemDedup};
//! // Eight unit rows: four directions, each with a near-duplicate.
//! let x = ndarray::Array2::from_shape_fn((8, 2), |(i, j)| {
//!     let angle = (i / 2) as f32 * 1.5 + (i % 2) as f32 * 0.001;
//!     if j == 0 { angle.cos() } else { angle.sin() }
//! });
//! let clusters = KMeans::new(2).spherical(true).seed(7).fit(&x)?;
//! let unique = SemDedup::new(Rule::GreedyCover).epsilon(0.01).fit(&x, &clusters)?;
//! assert_eq!(unique.kept(), 4);
//! let chosen = D4::new().clusters(2).keep_fraction(0.5).seed(7).fit(&x)?;
//! assert_eq!(chosen.kept(), 4);
//! # Ok::<(), pauca::Error>(())
//! ```
//!
//! | job | item | paper |
//! |---|---|---|
//! | clusters | [`KMeans`], [`Clusters`] | Lloyd 1982; Arthur and Vassilvitskii 2007 |
//! | semantic deduplication, also against rows that stay | [`SemDedup`], [`SemDedupAgainst`], [`Dedup`] | Abbas et al. 2023, SemDeDup |
//! | prototypicality | [`Prototypes`] | Sorscher et al. 2022 |
//! | quotas by the complexity of clusters | [`DensityPruning`] | Abbas et al. 2024 |
//! | deduplicate, re-cluster, diversify | [`D4`] | Tirumala et al. 2023 |
//! | layer similarity, blocks to prune | [`layers`] | Gromov et al. 2024; Men et al. 2024; Kornblith et al. 2019 |
//! | corrupted code: making it, where it lands, pruning | [`corruption`] | Yang et al. 2023, SCIP |
//! | long documents, and what length confounds | [`length`] | Singh et al. 2024 |
//! | codebooks of tokenizers | [`vq`] | van den Oord et al. 2017; see there |
//! | what tokens cost, how predictable they are | [`tokens`] | Bjontegaard 2001; see there |
//! | images and texts: scores, losses, retrieval, balancing | [`alignment`] | Bordes et al. 2024 |
//! | memorization, forgetting, extraction, membership | [`memorization`] | Tirumala et al. 2022 |
//! | text quality: lines, documents, published rules | [`quality`] | Sharma et al. 2024; Rae et al. 2021; Raffel et al. 2020; Penedo et al. 2024 |
//! | tokens that are easy to model | [`causal`] | Ramanujan et al. 2024, CRT |
//! | the definitions, sums, bounds | [`exact`] | |
//! | what is read, what is computed with | [`IntoRows`], [`Real`] | |
//! | rows larger than memory: files, shards, your own | [`RowSource`], [`RawRows`], [`Shards`] | |
//! | where it runs | [`Context`], [`Exec`], [`Control`], [`backend`] | |
//!
//! Without the default features the crate is `no_std` with `alloc`.
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(clippy::unwrap_used, clippy::expect_used)]
#![deny(unsafe_code)]

#[cfg_attr(test, macro_use)]
extern crate alloc;

pub mod alignment;
mod arrays;
pub mod backend;
mod bytes;
pub mod causal;
mod check;
mod control;
pub mod corruption;
mod d4;
mod dedup;
mod error;
pub mod exact;
mod exec;
mod kmeans;
pub mod layers;
pub mod length;
pub mod memorization;
mod memory;
mod params;
mod products;
mod prototypes;
pub mod quality;
pub mod random;
mod real;
mod rows;
mod select;
mod simd;
pub mod stats;
pub mod tokens;
pub mod vq;

pub use backend::cpu::{Cpu, Screens};
pub use control::{Context, Control, Iteration, Progress, Stage};
pub use d4::{Curated, D4, D4Checkpoint, D4Run, D4Stage};
pub use dedup::{Boundary, Dedup, DedupAgainst, KeepCurve, Order, Rule, SemDedup, SemDedupAgainst};
pub use error::{Error, Result, SourceError};
pub use exact::Metric;
pub use exec::Exec;
#[cfg(feature = "std")]
pub use exec::Executor;
pub use kmeans::{Checkpoint, Clusters, EmptyClusters, Init, KMeans, Lloyd, Partition};
pub use prototypes::{DensityPruned, DensityPruning, Prototypes, Prune, Scope};
pub use real::Real;
pub use rows::{
    Blocked, ElementType, IntoRows, RawRows, ReadAt, RowElement, RowSource, Rows, Scratch, Shards, Subset,
};
pub use simd::Level;
