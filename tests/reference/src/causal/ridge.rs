//! The best linear predictor: least squares on the rows themselves, no sums kept.
//!
//! Over all t >= 1 of all sequences: x_t = [z_{t-1} | ... | z_{t-k}] (zeros before the first), centred, as are the
//! targets; (X'X / n + ridge) W = X'Z / n by Gaussian elimination with pivoting.

use super::Matrix;

/// What least squares finds.
pub struct Ridge {
    /// [k d, d].
    pub weights: Matrix,
    /// `[d]`.
    pub bias: Vec<f64>,
    /// Mean squared error.
    pub mse: f64,
    /// 1 - mse / variance.
    pub r2: f64,
}

fn centred(rows: &Matrix) -> (Matrix, Vec<f64>) {
    let n = rows.len() as f64;
    let means: Vec<f64> =
        (0..rows[0].len()).map(|j| rows.iter().map(|row| row[j]).sum::<f64>() / n).collect();
    let shifted = rows.iter().map(|row| row.iter().zip(&means).map(|(v, m)| v - m).collect()).collect();
    (shifted, means)
}

/// The solution of a X = c; `a` must be regular.
pub fn solve(mut a: Matrix, mut c: Matrix) -> Matrix {
    let n = a.len();
    for i in 0..n {
        let pivot = (i..n).max_by(|&p, &q| a[p][i].abs().total_cmp(&a[q][i].abs())).unwrap_or(i);
        a.swap(i, pivot);
        c.swap(i, pivot);
        for row in 0..n {
            if row != i {
                let factor = a[row][i] / a[i][i];
                (i..n).for_each(|j| a[row][j] -= factor * a[i][j]);
                (0..c[row].len()).for_each(|j| c[row][j] -= factor * c[i][j]);
            }
        }
    }
    (0..n).map(|i| c[i].iter().map(|v| v / a[i][i]).collect()).collect()
}

/// Least squares with `ridge` on the weights, over sequences in the order they are read.
pub fn ridge(sequences: &[Matrix], lags: usize, ridge: f64) -> Ridge {
    let (mut x, mut z) = (Matrix::new(), Matrix::new());
    for sequence in sequences {
        for t in 1..sequence.len() {
            let dim = sequence[t].len();
            let lag = |j: usize| if j <= t { sequence[t - j].clone() } else { vec![0.0; dim] };
            x.push((1..=lags).flat_map(lag).collect());
            z.push(sequence[t].clone());
        }
    }
    let (n, (xc, x_means), (zc, z_means)) = (x.len() as f64, centred(&x), centred(&z));
    let (p, d) = (xc[0].len(), zc[0].len());
    let moment = |a: &Matrix, i: usize, b: &Matrix, j: usize| {
        a.iter().zip(b).map(|(a, b)| a[i] * b[j]).sum::<f64>() / n
    };
    let penalty = |i, j| if i == j { ridge } else { 0.0 };
    let a = (0..p).map(|i| (0..p).map(|j| moment(&xc, i, &xc, j) + penalty(i, j)).collect()).collect();
    let c = (0..p).map(|i| (0..d).map(|j| moment(&xc, i, &zc, j)).collect()).collect();
    let weights = solve(a, c);
    let bias = (0..d).map(|j| z_means[j] - (0..p).map(|i| x_means[i] * weights[i][j]).sum::<f64>()).collect();
    let error = |(x, z): (&Vec<f64>, &Vec<f64>)| -> f64 {
        let guess = |j: usize| (0..p).map(|i| x[i] * weights[i][j]).sum::<f64>();
        (0..d).map(|j| (z[j] - guess(j)) * (z[j] - guess(j))).sum()
    };
    let mse = xc.iter().zip(&zc).map(error).sum::<f64>() / n;
    let variance = zc.iter().flatten().map(|v| v * v).sum::<f64>() / n;
    Ridge { mse, r2: 1.0 - mse / variance, weights, bias }
}
