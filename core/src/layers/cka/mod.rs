//! Linear CKA between all pairs of states in one pass, biased and unbiased.
//!
//! With K and L the Gram matrices X X' and Y Y' of the rows of two states,
//! CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)). The biased estimator, HSIC0 = tr(K H L H) / (n - 1)²,
//! is far above 0 for independent data of more columns than rows (0.97 for n = 64, d = 2048); the
//! unbiased one of Song et al. 2012, equation 5, with K~ and L~ the Grams without their diagonals,
//!
//! HSIC1 = [tr(K~ L~) + 1'K~1 1'L~1 / ((n - 1)(n - 2)) - 2 / (n - 2) 1'K~L~1] / (n (n - 3)),
//!
//! is around 0. *Source*: Kornblith et al. 2019, equations 3 and 4; Nguyen et al. 2021, section 2.
//!
//! **Two ways to the same number.** All that the formulas need of the rows is
//! - [`gram`]: the n x n Grams, made tile by tile for all states at once and never stored. For L
//!   states of width d this takes n² L d / 2 multiply-adds, and the rows must be kept.
//! - [`features`]: the d x d sums of x y' of each pair, and sums that are linear in them: with
//!   a_i = |x_i|² and c_i = |y_i|² also sum a_i, sum c_i x_i, sum a_i y_i, sum a_i c_i. It takes n L² d² / 2
//!   multiply-adds and L² d² / 2 numbers, whatever n.
//!
//! The second is cheaper in time and in memory from n = L d / 2 rows on: rows are kept until
//! they are that many, then turned into sums. Both subtract the first row of the stream at once
//! (a constant changes nothing in exact arithmetic, and a great deal in floating point when data
//! lie far from the origin) and the mean at the end.
//!
//! Products are made by the kernel of the searches in `f64`, on the CPU of any machine
//! ([`Products`](crate::backend::Products) says why); their last bits depend on the SIMD level.

mod bytes;
mod features;
mod gram;
mod params;
mod result;
mod stream;

pub use params::{CkaPath, LayerCka};
pub use result::{Cka, CkaTable};
pub use stream::CkaStream;
