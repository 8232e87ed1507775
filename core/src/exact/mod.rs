//! The definitions and the arithmetic that keeps them: truth, exact sums, elementary functions,
//! certificates.
//!
//! | part | what it promises |
//! |---|---|
//! | [`dot64`], [`squared_distance`], [`cosine`] | the `f64` definitions that decide everything |
//! | [`F64Sum`], [`Sums`] | sums without rounding: any order, any split, same bits |
//! | [`elementary`] | correctly rounded functions where their bits decide |
//! | [`float`] | widening and narrowing under any denormal flags |
//! | [`bounds`] | when a fast score may decide in place of the definition |
//!
//! Results come in three tiers. **A**: bit-identical over threads, splits, SIMD levels and
//! architectures (all decisions, sums, centroids, `f64` distances and similarities). **B**:
//! within a stated number of ulp. **C**: within a stated tolerance. Every public
//! result says which it is.

pub mod bounds;
pub mod elementary;
pub mod float;
pub(crate) mod sums;
mod truth;
pub(crate) mod twofold;

pub use sums::{F64Sum, Sums};

/// The sum of the values, rounded once.
pub(crate) fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sum = F64Sum::new();
    sum.extend(values);
    sum.value()
}

/// The exact sum of the values over their number, rounded twice; none without values.
pub(crate) fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut count = 0u64;
    let sum = sum(values.into_iter().inspect(|_| count += 1));
    (count > 0).then(|| sum / count as f64)
}

pub use truth::{LANES, Metric, cosine, cosine_from, dot64, squared_distance, unit_row};
pub(crate) use truth::{
    dot_wide, dot64_inline, fold, squared_distance_inline, squared_distance_wide, strided,
};

/// Steps of an inner product that a kernel sums in one accumulator before adding it to the total,
/// so that its rounding error grows with `KERNEL_DEPTH + d / KERNEL_DEPTH` instead of `d`.
pub const KERNEL_DEPTH: usize = 512;
