//! How alike the layers of a network are, and which block of them is best left out.
//!
//! A network of L layers has L + 1 hidden states for each token: state 0 is the embedding output,
//! the input of layer 1; state l is the output of layer l and the input of layer l + 1. If states
//! l and l + n point the same way, the n layers between them did little, and can perhaps be
//! dropped. *Source*: Gromov et al. 2024 (The Unreasonable Ineffectiveness of the Deeper Layers),
//! equations 6 and 7: with x(l) the state at the last token,
//!
//! d(l, n) = (1 / pi) arccos(x(l) . x(l + n) / (|x(l)| |x(l + n)|)), averaged over texts,
//! l*(n) = argmin over l of d(l, n).
//!
//! | item | what |
//! |---|---|
//! | [`angular_distance`], [`cosine_distance`] | of two rows |
//! | [`LayerDistances`] | either of them, for all pairs of states in one pass: count, mean, variance, extremes, quantiles |
//! | [`LayerTable`] | the result: [`best_block`](LayerTable::best_block), [`plan`](LayerTable::plan), [`influence`](LayerTable::influence) |
//! | [`Block`], [`deepest`], [`mergekit`] | blocks of layers, with labels that carry their base |
//! | [`LayerCka`] | linear CKA, biased and unbiased, for all pairs of states in one pass |
//! | [`Tokens`], [`last_tokens`] | which rows of a padded batch count |
//! | `canonical` (feature `svd`) | SVCCA, PWCCA, Procrustes |
//!
//! **Why the code differs from the formula.** Near 1 the cosine says almost nothing about the
//! angle: in `f32`, arccos(cos) of identical rows gives 3e-5 instead of 0, and cosines above 1
//! give NaN. Here the angle comes from its half, tan²(theta / 2) = a / b with a the squared length of
//! the difference and b that of the sum of the unit rows. Where the rows are close (or opposite),
//! a (or b) is summed from differences; elsewhere it follows from the dot products. Rows that are
//! exact multiples of one another have distance exactly 0 or 1.
//!
//! **Why it is fast all the same.** Products of two widened `f32` are exact, so a register-tiled kernel
//! with fused multiply-add, which loads a row once for several others, gives the very bits of the
//! definition; no cheap proposal has to be certified. States given at once are not copied. A million
//! pairs of rows of 1024 values take about half the CPU time of NumPy's row-wise `f32` products
//! (`benches/peers/layers.py`; the table is in benches/README.md).
//!
//! All of this is tier A: the order of the sums is that of [`exact`](crate::exact), the arctangent
//! is [`half_turns`](crate::exact::elementary::half_turns), sums over samples are exact. So a
//! table has the same bits for any number of threads, any split into batches, and merged from
//! any shards; and the chosen block is the one that the definition gives. CKA, whose entries are
//! sums of products of thousands of terms, is tier C.
//!
//! A state of zeros has no direction: the pairs that it belongs to are counted as skipped.

mod angle;
mod bytes;
#[cfg(feature = "svd")]
pub mod canonical;
mod cka;
mod gather;
mod measure;
mod moments;
mod params;
mod plan;
mod result;
mod stream;

pub use angle::{angular_distance, cosine_distance};
pub use cka::{Cka, CkaPath, CkaStream, CkaTable, LayerCka};
pub use gather::{Tokens, last_tokens};
pub use params::{LayerDistances, LayerMetric, Quantiles};
pub use plan::{Block, Choice, Keep, deepest, mergekit};
pub use result::LayerTable;
pub use stream::LayerStream;
