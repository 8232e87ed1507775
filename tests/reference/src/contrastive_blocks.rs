//! What a block of the logits says of an InfoNCE loss, cut out of the whole matrix.
//!
//! With l_ij = s x_i . y_j and weights w_ij, L = sum_i f_i sum_j w_ij (ln sum_k exp(l_ik) - l_ij) over
//! rows, the same over columns, and f_i what a row counts. So with W_i = sum_j w_ij
//!   dL/dl_ij = f_i (W_i softmax_ij - w_ij) + the same over columns,
//! of which a block (some rows, some columns) sees only its part; dL/dx_i = s sum_j dL/dl_ij y_j is the
//! sum over the blocks of row i, dL/dy_j that over the blocks of column j. See `contrastive` for
//! the sources.

use core::ops::Range;

type Matrix = Vec<Vec<f64>>;

/// Logits, and dL/dl of the whole loss.
#[derive(Clone, Debug)]
pub struct Whole {
    /// l_ij.
    pub logits: Matrix,
    /// dL/dl_ij.
    pub g: Matrix,
    /// sum of f (W softmax + w): how large the terms are of which `g` is the difference.
    pub size: Matrix,
}

/// The largest logit, the sum of exp(l - largest) of all others, sum w l, sum w.
pub fn statistics(logits: &[f64], weights: &[f64]) -> [f64; 4] {
    let mut top = 0;
    for j in 0..logits.len() {
        if logits[j] > logits[top] {
            top = j;
        }
    }
    let (mut rest, mut dot, mut weight) = (0.0, 0.0, 0.0);
    for j in 0..logits.len() {
        if j != top {
            rest += (logits[j] - logits[top]).exp();
        }
        dot += weights[j] * logits[j];
        weight += weights[j];
    }
    [logits[top], rest, dot, weight]
}

/// The whole matrix; `mean` divides each direction by its weight and averages the directions,
/// with `per_row` the pairs of a row count 1 together.
pub fn whole(
    x: &[Vec<f64>],
    y: &[Vec<f64>],
    scale: f64,
    w: &[Vec<f64>],
    [rows, cols]: [bool; 2],
    mean: bool,
    per_row: bool,
) -> Whole {
    let (n, m) = (x.len(), y.len());
    let mut logits = vec![vec![0.0; m]; n];
    for i in 0..n {
        for j in 0..m {
            for k in 0..x[i].len() {
                logits[i][j] += x[i][k] * y[j][k];
            }
            logits[i][j] *= scale;
        }
    }
    let (mut g, mut size) = (vec![vec![0.0; m]; n], vec![vec![0.0; m]; n]);
    for (wanted, columns) in [(rows, false), (cols, true)] {
        if !wanted {
            continue;
        }
        let (lines, length) = if columns { (m, n) } else { (n, m) };
        let place = |line: usize, k: usize| if columns { (k, line) } else { (line, k) };
        let sum = |line: usize| (0..length).map(|k| w[place(line, k).0][place(line, k).1]).sum::<f64>();
        let counts = |line: usize| if !per_row { 1.0 } else { 1.0 / sum(line) };
        let total: f64 = (0..lines).filter(|i| sum(*i) > 0.0).map(|i| counts(i) * sum(i)).sum();
        let unit = if !mean { 1.0 } else { (if rows && cols { 0.5 } else { 1.0 }) / total };
        for line in 0..lines {
            let weight = sum(line);
            if weight == 0.0 {
                continue;
            }
            let f = unit * counts(line);
            let l: Vec<f64> = (0..length).map(|k| logits[place(line, k).0][place(line, k).1]).collect();
            let top = l.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
            let normalizer: f64 = l.iter().map(|l| (l - top).exp()).sum();
            for k in 0..length {
                let (i, j) = place(line, k);
                let p = (l[k] - top).exp() / normalizer;
                g[i][j] += f * (weight * p - w[i][j]);
                size[i][j] += f * (weight * p + w[i][j]);
            }
        }
    }
    Whole { logits, g, size }
}

/// The part of dL/dx and of dL/dy that the block of these rows and columns makes of `g`.
pub fn block(
    g: &[Vec<f64>],
    x: &[Vec<f64>],
    y: &[Vec<f64>],
    scale: f64,
    rows: Range<usize>,
    cols: Range<usize>,
) -> [Matrix; 2] {
    let d = x[0].len();
    let (mut dx, mut dy) = (vec![vec![0.0; d]; rows.len()], vec![vec![0.0; d]; cols.len()]);
    for i in rows.clone() {
        for j in cols.clone() {
            for k in 0..d {
                dx[i - rows.start][k] += scale * g[i][j] * y[j][k];
                dy[j - cols.start][k] += scale * g[i][j] * x[i][k];
            }
        }
    }
    [dx, dy]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contrastive::info_nce;

    #[test]
    fn blocks_of_a_whole_add_up() {
        let x: Matrix = (0..5).map(|i| vec![(i as f64).sin(), (2.0 * i as f64).cos()]).collect();
        let y: Matrix = (0..7).map(|j| vec![(j as f64).cos(), (3.0 * j as f64).sin()]).collect();
        let w: Matrix = (0..5).map(|i| (0..7).map(|j| f64::from((i * j) % 3 == 1)).collect()).collect();
        for (mean, per_row) in [(false, false), (true, false), (false, true), (true, true)] {
            let expected = info_nce(&x, &y, 4.0, &w, [true, true], mean, per_row);
            let found = whole(&x, &y, 4.0, &w, [true, true], mean, per_row);
            let (mut dx, mut dy) = (vec![vec![0.0; 2]; 5], vec![vec![0.0; 2]; 7]);
            for rows in [0..2, 2..5] {
                for cols in [0..1, 1..7] {
                    let parts = block(&found.g, &x, &y, 4.0, rows.clone(), cols.clone());
                    for (sum, (part, start)) in
                        [&mut dx, &mut dy].into_iter().zip(parts.iter().zip([rows.start, cols.start]))
                    {
                        for (i, row) in part.iter().enumerate() {
                            (0..2).for_each(|k| sum[start + i][k] += row[k]);
                        }
                    }
                }
            }
            for (a, b) in dx.iter().zip(&expected.x).chain(dy.iter().zip(&expected.y)) {
                assert!((0..2).all(|k| (a[k] - b[k]).abs() < 1e-13), "{a:?} {b:?}");
            }
        }
    }
}
