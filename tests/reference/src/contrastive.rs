//! InfoNCE and SigLIP with their gradients, from whole matrices.
//!
//! InfoNCE, one direction (Bordes et al. 2024, equation 2; van den Oord et al. 2018, equation 4):
//!   L = - sum over positive pairs (i, j) of ln(exp(l_ij) / sum_k exp(l_ik)),  l_ij = s x_i . y_j.
//! CLIP (Radford et al. 2021, figure 3) averages this over rows and over columns of l. With weights
//! w_ij for the pairs and W_i = sum_j w_ij, dL/dl_ij = W_i softmax_ij - w_ij.
//!
//! SigLIP (Zhai et al. 2023, equation 1), with targets t_ij for z_ij = 2 t_ij - 1:
//!   L = sum_ij t softplus(-l) + (1 - t) softplus(l),  l_ij = s x_i . y_j + b;  dL/dl = sigma(l) - t.

/// A loss and its gradients.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// The loss.
    pub value: f64,
    /// dL/dx.
    pub x: Vec<Vec<f64>>,
    /// dL/dy.
    pub y: Vec<Vec<f64>>,
    /// dL/d(ln s).
    pub log_scale: f64,
    /// dL/db.
    pub bias: f64,
}

type Matrix = Vec<Vec<f64>>;

fn products(x: &[Vec<f64>], y: &[Vec<f64>], scale: f64) -> Matrix {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    x.iter().map(|a| y.iter().map(|b| scale * dot(a, b)).collect()).collect()
}

fn transposed(a: &[Vec<f64>]) -> Matrix {
    (0..a[0].len()).map(|j| a.iter().map(|row| row[j]).collect()).collect()
}

/// One direction: the sum of the losses of the rows, their total weight, and dL/dl of the sum.
/// With `per_row` the weights of each row are divided by their sum first.
fn direction(l: &[Vec<f64>], w: &[Vec<f64>], per_row: bool) -> (f64, f64, Matrix) {
    let (mut loss, mut total, mut g) = (0.0, 0.0, Vec::new());
    for (l, w) in l.iter().zip(w) {
        let sum: f64 = w.iter().sum();
        let factor = if sum == 0.0 {
            0.0
        } else if per_row {
            1.0 / sum
        } else {
            1.0
        };
        // The largest logit is taken out of the sum, so that ln 1p keeps small losses.
        let top = (0..l.len()).fold(0, |top, j| if l[j] > l[top] { j } else { top });
        let rest: f64 = (0..l.len()).filter(|&j| j != top).map(|j| (l[j] - l[top]).exp()).sum();
        for j in 0..l.len() {
            loss += factor * w[j] * ((l[top] - l[j]) + rest.ln_1p());
        }
        total += factor * sum;
        let softmax = |j: usize| (l[j] - l[top]).exp() / (1.0 + rest);
        g.push((0..l.len()).map(|j| factor * (sum * softmax(j) - w[j])).collect());
    }
    (loss, total, g)
}

/// InfoNCE over rows and/or columns; `mean` divides each direction by its weight and averages.
pub fn info_nce(
    x: &[Vec<f64>],
    y: &[Vec<f64>],
    scale: f64,
    w: &[Vec<f64>],
    [rows, cols]: [bool; 2],
    mean: bool,
    per_row: bool,
) -> Gradients {
    let l = products(x, y, scale);
    let mut g = vec![vec![0.0; y.len()]; x.len()];
    let mut value = 0.0;
    let share = if mean && rows && cols { 0.5 } else { 1.0 };
    for (wanted, flip) in [(rows, false), (cols, true)] {
        if !wanted {
            continue;
        }
        let turn = |a: &[Vec<f64>]| if flip { transposed(a) } else { a.to_vec() };
        let (loss, total, part) = direction(&turn(&l), &turn(w), per_row);
        let unit = if mean { share / total } else { share };
        value += unit * loss;
        let part = turn(&part);
        for (g, part) in g.iter_mut().flatten().zip(part.iter().flatten()) {
            *g += unit * part;
        }
    }
    back(value, &g, &l, x, y, scale)
}

/// SigLIP; `mean` divides by the rows of x.
pub fn siglip(
    x: &[Vec<f64>],
    y: &[Vec<f64>],
    scale: f64,
    bias: f64,
    t: &[Vec<f64>],
    mean: bool,
) -> Gradients {
    let unit = if mean { 1.0 / x.len() as f64 } else { 1.0 };
    let raw = products(x, y, scale);
    let softplus = |l: f64| l.max(0.0) + (-l.abs()).exp().ln_1p();
    let mut value = 0.0;
    let mut g = raw.clone();
    for (g, t) in g.iter_mut().flatten().zip(t.iter().flatten()) {
        let l = *g + bias;
        // A term without weight must not meet an infinity.
        value += unit * (if *t > 0.0 { t * softplus(-l) } else { 0.0 });
        value += unit * (if *t < 1.0 { (1.0 - t) * softplus(l) } else { 0.0 });
        let sigma = |l: f64| 1.0 / (1.0 + (-l).exp());
        *g = unit * ((1.0 - t) * sigma(l) - t * sigma(-l));
    }
    let mut found = back(value, &g, &raw, x, y, scale);
    found.bias = g.iter().flatten().sum();
    found
}

/// dL/dx = s G y, dL/dy = s G' x, dL/d(ln s) = sum G l.
fn back(value: f64, g: &[Vec<f64>], l: &[Vec<f64>], x: &[Vec<f64>], y: &[Vec<f64>], scale: f64) -> Gradients {
    let mix = |g: &[Vec<f64>], rows: &[Vec<f64>]| -> Matrix {
        let column =
            |g: &Vec<f64>, k: usize| scale * g.iter().zip(rows).map(|(g, row)| g * row[k]).sum::<f64>();
        g.iter().map(|g| (0..rows[0].len()).map(|k| column(g, k)).collect()).collect()
    };
    let log_scale = g.iter().flatten().zip(l.iter().flatten()).map(|(g, l)| g * l).sum();
    Gradients { value, x: mix(g, y), y: mix(&transposed(g), x), log_scale, bias: 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Torture 60.
    #[test]
    fn known_values() {
        let identity: Matrix = vec![vec![1.0, 0.0], vec![0.0, 1.0]];
        let found = info_nce(&identity, &identity, 1.0 / 0.07, &identity, [true, true], true, false);
        assert!((found.value / 6.248747557120388e-7 - 1.0).abs() < 1e-14, "{:e}", found.value);
        let same = vec![vec![1.0]; 4];
        let eye: Matrix = (0..4).map(|i| (0..4).map(|j| f64::from(i == j)).collect()).collect();
        let found = info_nce(&same, &same, 3.0, &eye, [true, false], true, false);
        assert!((found.value - 4f64.ln()).abs() < 1e-15);
        let found = siglip(&[vec![0.0]], &[vec![1.0]], 1.0, 0.0, &[vec![1.0]], true);
        assert_eq!((found.value, found.bias), (2f64.ln(), -0.5));
    }
}
