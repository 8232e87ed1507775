//! Images and texts: the module `alignment` against the reference, its properties, its edges.

#![allow(clippy::print_stdout, reason = "the figures that the README quotes")]

mod bad_input;
mod balancing;
mod blocks;
mod distributed;
mod distributed_edges;
mod distributed_state;
mod gradients;
mod losses;
mod ndcg;
mod ranks;
mod scores;

use ndarray::Array2;
use pauca_tests::run::{serial, threads};

/// Rows as an array.
fn array<T: Copy>(rows: &[Vec<T>]) -> Array2<T> {
    Array2::from_shape_fn((rows.len(), rows.first().map_or(0, Vec::len)), |(i, j)| rows[i][j])
}

fn bits(values: impl IntoIterator<Item = f64>) -> Vec<u64> {
    values.into_iter().map(f64::to_bits).collect()
}
