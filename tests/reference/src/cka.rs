//! Centred kernel alignment with linear kernels, by Gram matrices.
//!
//! Kornblith et al. 2019 (Similarity of Neural Network Representations Revisited), section 3:
//! K = X X', L = Y Y', H = I - 11'/n; equation 3: HSIC0 = tr(K H L H) / (n - 1)²; equation 4:
//! CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)).
//!
//! Song et al. 2012 (Feature Selection via Dependence Maximization), equation 5, the unbiased
//! estimator, with K~ and L~ the Grams with zeros on their diagonals:
//! HSIC1 = [tr(K~ L~) + 1'K~1 1'L~1 / ((n - 1)(n - 2)) - 2 / (n - 2) 1'K~L~1] / (n (n - 3)), n >= 4.

/// A square matrix, row by row.
pub type Matrix = Vec<Vec<f64>>;

/// X X' of rows less their mean. (Both estimators are unchanged by a shift; in floating point a large
/// common offset would drown the rest.)
pub fn gram(x: &[Vec<f32>]) -> Matrix {
    let (n, d) = (x.len(), x[0].len());
    let mean: Vec<f64> = (0..d).map(|j| x.iter().map(|row| row[j] as f64).sum::<f64>() / n as f64).collect();
    let centred: Vec<Vec<f64>> =
        x.iter().map(|row| row.iter().zip(&mean).map(|(v, m)| *v as f64 - m).collect()).collect();
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    centred.iter().map(|a| centred.iter().map(|b| dot(a, b)).collect()).collect()
}

/// H K H.
fn centre(k: &Matrix) -> Matrix {
    let n = k.len() as f64;
    let rows: Vec<f64> = k.iter().map(|row| row.iter().sum::<f64>() / n).collect();
    let all = rows.iter().sum::<f64>() / n;
    let entry = |i: usize, j: usize| k[i][j] - rows[i] - rows[j] + all;
    (0..k.len()).map(|i| (0..k.len()).map(|j| entry(i, j)).collect()).collect()
}

/// tr(A B) of symmetric matrices.
fn trace(a: &Matrix, b: &Matrix) -> f64 {
    a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| a * b).sum()
}

/// HSIC0.
pub fn hsic_biased(k: &Matrix, l: &Matrix) -> f64 {
    let n = k.len() as f64;
    trace(&centre(k), &centre(l)) / ((n - 1.0) * (n - 1.0))
}

/// HSIC1.
pub fn hsic_unbiased(k: &Matrix, l: &Matrix) -> f64 {
    let n = k.len() as f64;
    let hollow = |m: &Matrix| -> Matrix {
        let entry = |i: usize, j: usize| if i == j { 0.0 } else { m[i][j] };
        (0..m.len()).map(|i| (0..m.len()).map(|j| entry(i, j)).collect()).collect()
    };
    let (k, l) = (hollow(k), hollow(l));
    let sums = |m: &Matrix| -> Vec<f64> { m.iter().map(|row| row.iter().sum()).collect() };
    let (r, s) = (sums(&k), sums(&l));
    let (total_k, total_l): (f64, f64) = (r.iter().sum(), s.iter().sum());
    let cross: f64 = r.iter().zip(&s).map(|(r, s)| r * s).sum();
    let sum = trace(&k, &l) + total_k * total_l / ((n - 1.0) * (n - 2.0)) - 2.0 / (n - 2.0) * cross;
    sum / (n * (n - 3.0))
}

/// CKA by either estimator.
pub fn cka(x: &[Vec<f32>], y: &[Vec<f32>], hsic: fn(&Matrix, &Matrix) -> f64) -> f64 {
    let (k, l) = (gram(x), gram(y));
    hsic(&k, &l) / (hsic(&k, &k) * hsic(&l, &l)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // x = -1, 1, -1, 1 and y = -1, -1, 1, 1 are orthogonal after centring.
        let column = |v: [f32; 4]| v.map(|v| vec![v]).to_vec();
        let (x, y) = (column([-1.0, 1.0, -1.0, 1.0]), column([-1.0, -1.0, 1.0, 1.0]));
        assert_eq!(hsic_biased(&gram(&x), &gram(&y)), 0.0);
        assert_eq!(hsic_biased(&gram(&x), &gram(&x)), 16.0 / 9.0);
        // K~ has rows (0 -1 1 -1): tr K~K~ = 12, 1'K~1 = -4, 1'K~K~1 = 4.
        assert_eq!(hsic_unbiased(&gram(&x), &gram(&x)), (12.0 + 16.0 / 6.0 - 4.0) / 4.0);
        assert_eq!(cka(&x, &x, hsic_unbiased), 1.0);
    }
}
