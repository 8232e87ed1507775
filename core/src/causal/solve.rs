//! Symmetric systems in `f64`: Cholesky, and the eigenvectors where it fails.

use alloc::vec::Vec;

use ndarray::Array2;

use crate::arrays::{copy, zeros};
use crate::error::Result;
use crate::memory::{try_copy, try_vec};

/// A sweep of Jacobi rotations converges quadratically: 10 are usual, 60 never needed.
const MOST_SWEEPS: usize = 60;

/// X with a X = c, by Cholesky; `None` when a pivot is not above its entry of `floor`, that is when
/// a is singular as far as its rounding errors tell.
pub(super) fn cholesky(a: &Array2<f64>, c: &Array2<f64>, floor: &[f64]) -> Result<Option<Array2<f64>>> {
    let (n, m) = c.dim();
    let mut l = zeros::<f64>(n, n)?;
    for i in 0..n {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| l[[i, k]] * l[[j, k]]).sum();
            let rest = a[[i, j]] - known;
            if j < i {
                l[[i, j]] = rest / l[[j, j]];
            } else if rest > floor[i] {
                l[[i, i]] = libm::sqrt(rest);
            } else {
                return Ok(None);
            }
        }
    }
    let mut x = copy(&c.view())?;
    for column in 0..m {
        for i in 0..n {
            let known: f64 = (0..i).map(|k| l[[i, k]] * x[[k, column]]).sum();
            x[[i, column]] = (x[[i, column]] - known) / l[[i, i]];
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|k| l[[k, i]] * x[[k, column]]).sum();
            x[[i, column]] = (x[[i, column]] - known) / l[[i, i]];
        }
    }
    Ok(Some(x))
}

/// Eigenvalues and, as columns, eigenvectors of a symmetric matrix, by cyclic Jacobi rotations.
pub(super) fn eigen(mut a: Array2<f64>) -> Result<(Vec<f64>, Array2<f64>)> {
    let n = a.nrows();
    let mut q = zeros::<f64>(n, n)?;
    (0..n).for_each(|i| q[[i, i]] = 1.0);
    for _ in 0..MOST_SWEEPS {
        let mut turned = false;
        for i in 0..n {
            for j in i + 1..n {
                let (off, scale) = (a[[i, j]], libm::sqrt((a[[i, i]] * a[[j, j]]).abs()));
                if off == 0.0 || off.abs() <= f64::EPSILON * scale * 0.25 {
                    continue;
                }
                turned = true;
                // The smaller of the two angles that make entry (i, j) zero.
                let half = (a[[j, j]] - a[[i, i]]) / (2.0 * off);
                let tangent = half.signum() / (half.abs() + libm::sqrt(1.0 + half * half));
                let cosine = 1.0 / libm::sqrt(1.0 + tangent * tangent);
                let sine = tangent * cosine;
                for k in 0..n {
                    let (x, y) = (a[[k, i]], a[[k, j]]);
                    (a[[k, i]], a[[k, j]]) = (cosine * x - sine * y, sine * x + cosine * y);
                }
                for k in 0..n {
                    let (x, y) = (a[[i, k]], a[[j, k]]);
                    (a[[i, k]], a[[j, k]]) = (cosine * x - sine * y, sine * x + cosine * y);
                }
                for k in 0..n {
                    let (x, y) = (q[[k, i]], q[[k, j]]);
                    (q[[k, i]], q[[k, j]]) = (cosine * x - sine * y, sine * x + cosine * y);
                }
            }
        }
        if !turned {
            break;
        }
    }
    Ok((try_copy(a.diag().iter())?, q))
}

/// The solution of least norm of (a + ridge) X = c, directions of an eigenvalue at or below `floor`
/// left out, and how many were kept.
pub(super) fn least_norm(
    a: Array2<f64>,
    ridge: f64,
    c: &Array2<f64>,
    floor: f64,
) -> Result<(Array2<f64>, usize)> {
    let (n, m) = c.dim();
    let (values, q) = eigen(a)?;
    let mut x = zeros::<f64>(n, m)?;
    let mut along: Vec<f64> = try_vec(m, 0.0)?;
    let mut rank = 0;
    for i in (0..n).filter(|&i| values[i] + ridge > floor) {
        rank += 1;
        for column in 0..m {
            let dot: f64 = (0..n).map(|k| q[[k, i]] * c[[k, column]]).sum();
            along[column] = dot / (values[i] + ridge);
        }
        for k in 0..n {
            for column in 0..m {
                x[[k, column]] += q[[k, i]] * along[column];
            }
        }
    }
    Ok((x, rank))
}
