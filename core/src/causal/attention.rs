//! Causal self-attention inside the sequences of a tile, forward and backward.
//!
//! Step t looks at steps 0..=t and nothing else is even read: not multiplied by a mask of zeros,
//! so that no later value, not an infinite one either, can reach an earlier prediction.

use alloc::vec::Vec;

use ndarray::Array2;

use super::batch::sequences;
use super::maps::{add_scaled, dot};
use crate::arrays::zeros;
use crate::error::Result;
use crate::memory::try_vec;
use crate::real::Real;

/// Columns of a head: queries, keys and values lie side by side in rows of 3 w.
struct Head {
    /// First column of its queries; keys follow at + w, values at + 2 w.
    first: usize,
    width: usize,
    all: usize,
}

impl Head {
    fn part(&self, row: usize, which: usize) -> core::ops::Range<usize> {
        let begin = 3 * self.all * row + which * self.all + self.first;
        begin..begin + self.width
    }
}

const QUERY: usize = 0;
const KEY: usize = 1;
const VALUE: usize = 2;

/// sum_j softmax_j(q_i k_j / sqrt(w / heads)) v_j over j <= i, from rows [q | k | v]; also the
/// weights of the sums, sequence by sequence, head by head, row by row.
pub(super) fn forward<T: Real>(qkv: &Array2<T>, ends: &[usize], heads: usize) -> Result<(Array2<T>, Vec<T>)> {
    let w = qkv.ncols() / 3;
    let mut out = zeros(qkv.nrows(), w)?;
    let mut weights = try_vec(heads * triangles(ends), T::zero())?;
    let (values, scale) = (qkv.as_slice().unwrap_or(&[]), scale::<T>(w / heads));
    let result = out.as_slice_mut().unwrap_or(&mut []);
    let mut rest = &mut weights[..];
    for_each_head(ends, heads, w, |rows, head| {
        for i in rows.clone() {
            let (row, tail) = core::mem::take(&mut rest).split_at_mut(i - rows.start + 1);
            rest = tail;
            let query = &values[head.part(i, QUERY)];
            for (weight, j) in row.iter_mut().zip(rows.clone()) {
                *weight = dot(query, &values[head.part(j, KEY)]) * scale;
            }
            softmax(row);
            let into = &mut result[w * i + head.first..][..head.width];
            for (weight, j) in row.iter().zip(rows.clone()) {
                add_scaled(into, *weight, &values[head.part(j, VALUE)]);
            }
        }
    });
    Ok((out, weights))
}

/// The gradient of the rows [q | k | v].
pub(super) fn backward<T: Real>(
    qkv: &Array2<T>,
    ends: &[usize],
    heads: usize,
    weights: &[T],
    d: &Array2<T>,
) -> Result<Array2<T>> {
    let w = qkv.ncols() / 3;
    let mut dqkv = zeros(qkv.nrows(), 3 * w)?;
    let longest = sequences(ends).map(|rows| rows.len()).max();
    let mut slopes = try_vec(longest.unwrap_or(0), T::zero())?;
    let (values, scale) = (qkv.as_slice().unwrap_or(&[]), scale::<T>(w / heads));
    let (above, result) = (d.as_slice().unwrap_or(&[]), dqkv.as_slice_mut().unwrap_or(&mut []));
    let mut rest = weights;
    for_each_head(ends, heads, w, |rows, head| {
        for i in rows.clone() {
            let (row, tail) = rest.split_at(i - rows.start + 1);
            rest = tail;
            let above = &above[w * i + head.first..][..head.width];
            let mut mean = T::zero();
            for ((slope, weight), j) in slopes.iter_mut().zip(row).zip(rows.clone()) {
                *slope = dot(above, &values[head.part(j, VALUE)]);
                mean += *slope * *weight;
                add_scaled(&mut result[head.part(j, VALUE)], *weight, above);
            }
            for ((slope, weight), j) in slopes.iter().zip(row).zip(rows.clone()) {
                let score = (*slope - mean) * *weight * scale;
                add_scaled(&mut result[head.part(i, QUERY)], score, &values[head.part(j, KEY)]);
                add_scaled(&mut result[head.part(j, KEY)], score, &values[head.part(i, QUERY)]);
            }
        }
    });
    Ok(dqkv)
}

/// Pairs (i, j) with j <= i inside the sequences.
fn triangles(ends: &[usize]) -> usize {
    sequences(ends).map(|rows| rows.len() * (rows.len() + 1) / 2).sum()
}

fn for_each_head(ends: &[usize], heads: usize, w: usize, mut f: impl FnMut(core::ops::Range<usize>, &Head)) {
    for rows in sequences(ends) {
        for h in 0..heads {
            f(rows.clone(), &Head { first: h * (w / heads), width: w / heads, all: w });
        }
    }
}

fn scale<T: Real>(width: usize) -> T {
    T::from_f64(1.0 / libm::sqrt(width as f64))
}

/// Shares of e to the scores, the largest score taken off first.
fn softmax<T: Real>(row: &mut [T]) {
    let largest = row.iter().copied().fold(row[0], |a, b| if b > a { b } else { a });
    let mut sum = T::zero();
    for v in row.iter_mut() {
        *v = (*v - largest).exp();
        sum += *v;
    }
    let share = T::one() / sum;
    row.iter_mut().for_each(|v| *v *= share);
}
